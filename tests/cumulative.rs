//! What histograms say, event by event: which bucket a duration is in, that each is counted once, and that nothing is ever
//! taken off.

use std::sync::Arc;

use holdline::engine::board::GroupBy;
use holdline::engine::cumulative::{Histogram, HistogramsBy, Timed, bounds};
use holdline::engine::settings::{PromiseOverlay, Settings};
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::tally::Measure;
use holdline::event::decode::decode;

const START_MS: u64 = 1_772_438_400_000;
const BY_TIER: GroupBy = GroupBy { queue: false, channel: false, tier: true };

/// What happened after so many milliseconds: type and further fields.
type Events<'a> = &'a [(u64, &'a str, &'a str)];

fn measured(settings: Settings, events: Events<'_>) -> HistogramsBy {
    let mut shard = Shard::new(Arc::new(settings), Keep::Windows);
    for (after_ms, kind, fields) in events {
        let time = START_MS + after_ms;
        let event = format!("{{\"type\":\"{kind}\",\"contact_id\":\"c\",\"time\":{time}{fields}}}");
        shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
    }
    HistogramsBy::of(&shard, BY_TIER)
}

/// After these events: of each tier and histogram how many were measured and how many milliseconds in all, and the same of
/// what was taken back.
fn check(settings: Settings, events: Events<'_>, told: &[(&str, Timed, u64, u64)], taken_back: &[(Timed, u64, u64)]) {
    let measured = measured(settings, events);
    let groups = measured.groups.iter().flat_map(|(key, histograms)| {
        let told = Timed::ALL.into_iter().filter_map(|timed| Some((timed, histograms.of(timed)?)));
        told.map(|(timed, histogram)| (key.tier.as_deref().unwrap(), timed, histogram.count(), histogram.sum_ms()))
    });
    assert_eq!(groups.collect::<Vec<_>>(), told, "measured after {events:?}");
    let corrections = Timed::ALL.into_iter().map(|timed| (timed, measured.corrections.of(timed)));
    let corrections = corrections.map(|(timed, of)| (timed, of.count, of.sum_ms));
    let corrections: Vec<_> = corrections.filter(|&(_, count, sum_ms)| count + sum_ms > 0).collect();
    assert_eq!(corrections, taken_back, "taken back after {events:?}");
}

fn promising(measure: Measure, answer_within_ms: u64) -> Settings {
    let mut settings = Settings::default();
    let row = &mut settings.promises[0].1;
    let all = PromiseOverlay { answer_within_ms: Some(answer_within_ms), ..PromiseOverlay::default() };
    match measure {
        Measure::Wait => row.service.all = all,
        _ => row.measures.entry(measure).or_default().service.all = all,
    }
    settings
}

const OFFERED: (u64, &str, &str) = (0, "offered", ",\"queue\":\"a\"");
const WRITTEN: (u64, &str, &str) = (0, "offered", ",\"queue\":\"a\",\"channel\":\"email\"");

#[test]
fn what_is_as_long_as_the_target_is_within_and_a_millisecond_more_is_not() {
    // One that is customary, ones that are no edge of anything else, and one that is longer than all of these.
    for target in [20_000, 19_999, 20_001, 12_345, 1, 86_399_999, 9_999_999] {
        let settings = promising(Measure::Wait, target);
        let waits = |wait: u64| -> Histogram {
            let measured = measured(settings.clone(), &[OFFERED, (wait, "answered", "")]);
            let histograms = measured.groups.into_values().next().unwrap();
            histograms.of(Timed::WaitAnswered).unwrap().clone()
        };
        let bounds = bounds(&settings, Measure::Wait);
        let at = bounds.iter().position(|&bound| bound == target).unwrap();
        let within = |wait: u64| waits(wait).within(&bounds).nth(at);
        assert_eq!([target - 1, target, target + 1].map(within), [Some(1), Some(1), Some(0)], "{target} ms");
    }
}

#[test]
fn no_wait_at_all_is_within_every_bound() {
    let waits = measured(Settings::default(), &[OFFERED, (0, "answered", "")]);
    let waits = waits.groups.values().next().unwrap().of(Timed::WaitAnswered).unwrap();
    assert_eq!(waits.cells(), [(0, 1)]);
    assert_eq!(waits.within(&[1_000, 5_000]).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn each_visit_is_measured_by_its_own_wait_and_outcome() {
    let vip = ",\"queue\":\"b\",\"tier\":\"vip\"";
    let passed_on = [OFFERED, (9_000, "offered", vip), (21_000, "answered", ""), (81_000, "completed", "")];
    let told = [
        ("standard", Timed::WaitLeft, 1, 9_000),
        ("vip", Timed::WaitAnswered, 1, 12_000),
        ("vip", Timed::Handle, 1, 60_000),
    ];
    check(Settings::default(), &passed_on, &told, &[]);
    let gave_up = [OFFERED, (4_000, "abandoned", ""), (4_000, "abandoned", "")];
    check(Settings::default(), &gave_up, &[("standard", Timed::WaitAbandoned, 1, 4_000)], &[]);
}

#[test]
fn a_handle_time_that_is_corrected_is_added_and_the_other_one_told() {
    let first = [OFFERED, (8_000, "answered", ""), (90_000, "completed", ",\"talk_seconds\":20.5")];
    let waits = ("standard", Timed::WaitAnswered, 1, 8_000);
    check(Settings::default(), &first, &[waits, ("standard", Timed::Handle, 1, 20_500)], &[]);
    // The completion was earlier than the one that was heard of first: the sum cannot sink, so that it is too great is told.
    let shorter = [&first[..], &[(80_000, "completed", ",\"talk_seconds\":10")]].concat();
    let told = [waits, ("standard", Timed::Handle, 2, 20_500)];
    check(Settings::default(), &shorter, &told, &[(Timed::Handle, 1, 10_500)]);
    let longer = [&first[..], &[(80_000, "completed", ",\"talk_seconds\":70")]].concat();
    check(Settings::default(), &longer, &[waits, ("standard", Timed::Handle, 2, 70_000)], &[(Timed::Handle, 1, 0)]);
    // From 17.4 to 20.7 s is one cell, as far as no target divides it.
    let alike = [&first[..], &[(80_000, "completed", ",\"talk_seconds\":20.6")]].concat();
    check(Settings::default(), &alike, &[waits, ("standard", Timed::Handle, 1, 20_600)], &[]);
    let divided = promising(Measure::NextReply, 20_550);
    check(divided, &alike, &[waits, ("standard", Timed::Handle, 2, 20_600)], &[(Timed::Handle, 1, 0)]);
}

#[test]
fn what_moves_to_another_lane_is_told_of_both() {
    let moved =
        [(1_000, OFFERED.1, OFFERED.2), (9_000, "answered", ""), (0, "offered", ",\"queue\":\"a\",\"tier\":\"vip\"")];
    let told = [("standard", Timed::WaitAnswered, 1, 8_000), ("vip", Timed::WaitAnswered, 1, 9_000)];
    check(Settings::default(), &moved, &told, &[(Timed::WaitAnswered, 1, 8_000)]);
}

#[test]
fn handle_times_replies_and_resolutions_are_counted_once_promised_or_not() {
    let letter = [
        WRITTEN,
        (30_000, "answered", ""),
        (40_000, "agent_reply", ""),
        (50_000, "agent_reply", ""),
        (90_000, "resolved", ""),
        (95_000, "completed", ",\"talk_seconds\":10"),
    ];
    let told = [
        ("standard", Timed::WaitAnswered, 1, 30_000),
        ("standard", Timed::Handle, 1, 10_000),
        ("standard", Timed::FirstReply, 1, 40_000),
        ("standard", Timed::Resolution, 1, 90_000),
    ];
    check(Settings::default(), &letter, &told, &[]);
    for measure in Measure::PROMISED {
        check(promising(measure, 60_000), &letter, &told, &[]);
    }
}

#[test]
fn what_ends_otherwise_is_neither_a_reply_nor_a_resolution() {
    let told = [("standard", Timed::WaitLeft, 1, 30_000)];
    for measure in Measure::PROMISED {
        check(promising(measure, 60_000), &[WRITTEN, (30_000, "left", ",\"reason\":\"withdrawn\"")], &told, &[]);
    }
}

#[test]
fn a_contact_that_is_resolved_twice_takes_the_first_time_back() {
    let once = [WRITTEN, (30_000, "answered", ""), (90_000, "resolved", "")];
    let reopened = [&once[..], &[(100_000, "reopened", "")]].concat();
    let waits = ("standard", Timed::WaitAnswered, 1, 30_000);
    let told = [waits, ("standard", Timed::Resolution, 1, 90_000)];
    check(Settings::default(), &reopened, &told, &[(Timed::Resolution, 1, 90_000)]);
    let twice = [&reopened[..], &[(200_000, "resolved", "")]].concat();
    let told = [waits, ("standard", Timed::Resolution, 2, 290_000)];
    check(Settings::default(), &twice, &told, &[(Timed::Resolution, 1, 90_000)]);
}
