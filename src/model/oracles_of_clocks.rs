//! Tests of the model itself: one line for each rule of the clocks, of what they book, of backlog and of effort.
//!
//! Stories are written as in [`super::oracles`]. Where something is promised, the targets are: 20 s for the waits, 60 s for
//! replies, 100 s for resolutions, 50 s for the handling.

use crate::engine::settings::{Overlays, PromiseOverlay, Promises, Scopes, Settings};
use crate::engine::tally::Measure::{
    Backlog, ContactWait, Effort, FirstReply, FirstResolution, Handle, NextReply, Resolution, Wait,
};
use crate::engine::tally::{Cell, Measure};
use crate::event::EventTime;

use super::clocks::Clock;
use super::lives::{self, Life};
use super::oracles::{BASE, parse};
use super::rule::RuleCounts;
use super::stay::{self, Stay};
use super::talk::End;

fn within(measures: &[(Measure, u64)]) -> Promises {
    let scopes = |seconds: u64| {
        let all = PromiseOverlay { answer_within_ms: Some(seconds * 1000), ..PromiseOverlay::default() };
        Scopes { service: Overlays { all, ..Overlays::default() }, ..Scopes::default() }
    };
    let measures = measures.iter().map(|&(measure, seconds)| (measure, scopes(seconds))).collect();
    Promises { measures, ..Promises::default() }
}

fn promised() -> Settings {
    let measures = [(FirstReply, 60), (NextReply, 60), (FirstResolution, 100), (Resolution, 100), (Handle, 50)];
    Settings { promises: vec![(EventTime::default(), within(&measures))], ..Settings::default() }
}

/// The only life of a story.
fn life_of(story: &str, settings: &Settings) -> Life {
    let mut facts: Vec<_> = story.split(',').map(parse).collect();
    facts.sort();
    let mut lives = lives::cut(&facts, settings, &mut RuleCounts::default());
    assert_eq!(lives.len(), 1, "{story}");
    lives.remove(0)
}

/// Seconds after the base, as stories tell them.
fn seconds(time: u64) -> f64 {
    (i128::from(time) - i128::from(BASE)) as f64 / 1000.0
}

/// `a 0: answered 30 after 25, due 60` is a clock in lane `a` that began at 0.
fn clock_told(clock: &Clock) -> String {
    let end = clock.end.zip(clock.measured).map(|((end, time), measured)| {
        let word = match end {
            End::Answered => "answered",
            End::Abandoned => "abandoned",
            End::Left => "left",
        };
        format!("{word} {} after {}", seconds(time), measured as f64 / 1000.0)
    });
    let due = clock.due.map_or("not due".to_owned(), |due| format!("due {}", seconds(due)));
    let end = end.unwrap_or_else(|| "waits".to_owned());
    format!("{} {}: {end}, {due}", clock.lane.queue, seconds(clock.begin))
}

/// Measure, story, and what its clocks come to where something is promised.
const CLOCKS: &[(Measure, &str, &str)] = &[
    (Wait, "0 offered:a, 8 answered", "a 0: answered 8 after 8, due 20"),
    (Wait, "0 offered:a, 8 offered:b", "a 0: left 8 after 8, due 20; b 8: waits, due 28"),
    (Wait, "0 answered, 3 offered:a", "a 3: answered 0 after 0, due 23"),
    (ContactWait, "0 offered:a, 9 offered:b, 38 answered", "a 0: answered 38 after 38, due 20"),
    (ContactWait, "0 offered:a, 9 offered:b, 38 abandoned", "a 0: abandoned 38 after 38, due 20"),
    // First reply.
    (FirstReply, "0 offered:a, 8 answered, 30 reply, 40 reply", "a 0: answered 30 after 30, due 60"),
    (FirstReply, "0 offered:a, 8 answered, 30 resolved", "a 0: left 30 after 30, due 60"),
    (FirstReply, "0 offered:a, 8 answered, 30 resolved, 40 reply", "a 0: answered 40 after 40, due 60"),
    (FirstReply, "0 offered:a, 8 abandoned, 30 resolved", "a 0: abandoned 8 after 8, due 60"),
    (FirstReply, "0 offered:a, 8 abandoned, 8 resolved", "a 0: abandoned 8 after 8, due 60"),
    (FirstReply, "0 offered:a, 3 answered, 5 resolved, 7 offered:b, 9 abandoned", "a 0: left 5 after 5, due 60"),
    (FirstReply, "0 offered:a, 8 left=transfer", "a 0: left 8 after 8, due 60"),
    (FirstReply, "0 offered:a, 8 offered:b, 9 answered", "a 0: waits, due 60"),
    (FirstReply, "-5 reply, 0 offered:a", "a 0: answered 0 after 0, due 60"),
    (FirstReply, "-5.001 reply, 0 offered:a", "a 0: waits, due 60"),
    (FirstReply, "-1 abandoned, 0 offered:a", "a 0: abandoned -1 after 0, due 60"),
    // Next reply: runs.
    (NextReply, "0 offered:a, 5 message, 9 message, 30 reply", "a 5: answered 30 after 25, due 65"),
    (NextReply, "0 offered:a, 5 message, 9 reply, 40 message", "a 5: answered 9 after 4, due 65; a 40: waits, due 100"),
    (NextReply, "0 offered:a, 5 message, 5 reply", "a 5: answered 5 after 0, due 65"),
    (NextReply, "0 offered:a, 2 answered, 5 message, 9 resolved", "a 5: left 9 after 4, due 65"),
    (NextReply, "0 offered:a, 5 message, 9 abandoned", "a 5: abandoned 9 after 4, due 65"),
    (NextReply, "0 offered:a, 9 message, 9 abandoned", "a 9: abandoned 9 after 0, due 69"),
    (NextReply, "0 offered:a, 5 message, 9 left=transfer, 12 offered:b", "a 5: waits, due 65"),
    (NextReply, "-5 message, 0 offered:a", "a 0: waits, due 60"),
    (NextReply, "-5.001 message, 0 offered:a", ""),
    // While the contact is over.
    (NextReply, "0 offered:a, 9 abandoned, 12 message", ""),
    (NextReply, "0 offered:a, 2 answered, 9 resolved, 12 message", ""),
    (NextReply, "0 offered:a, 2 answered, 9 message, 9 resolved", "a 9: left 9 after 0, due 69"),
    (
        NextReply,
        "0 offered:a, 2 answered, 9 resolved, 12 message, 15 message:b, 20 reopened, 30 reply",
        "a 12: answered 30 after 18, due 72",
    ),
    (NextReply, "0 offered:a, 2 answered, 9 resolved, 12 message, 15 reply, 20 reopened", ""),
    (NextReply, "0 offered:a, 2 answered, 9 resolved, 20 message, 20 reopened", "a 20: waits, due 80"),
    (NextReply, "0 offered:a, 2 abandoned, 12 message, 20 reopened", ""),
    // In which lane.
    (NextReply, "0 offered:a, 8 offered:b, 9 message:a", "a 9: waits, due 69"),
    (NextReply, "0 offered:a, 8 offered:b, 9 message", "b 9: waits, due 69"),
    (NextReply, "0 offered:a, 8 offered:b, 8 message", "b 8: waits, due 68"),
    (NextReply, "0 offered:a, 5 message:b, 8 offered:b", "b 5: waits, due 65"),
    (NextReply, "0 offered:a, 5 message:x", "a 5: waits, due 65"),
    (NextReply, "0 offered:a, 5 message:a, 5 message", "a 5: waits, due 65"),
    // Resolutions.
    (FirstResolution, "0 offered:a, 2 answered, 9 resolved, 20 resolved", "a 0: answered 9 after 9, due 100"),
    (FirstResolution, "0 offered:a, 9 abandoned", "a 0: abandoned 9 after 9, due 100"),
    (FirstResolution, "0 offered:a, 9 abandoned, 20 resolved", "a 0: answered 20 after 20, due 100"),
    (FirstResolution, "-1 resolved, 0 offered:a", "a 0: waits, due 100"),
    (Resolution, "0 offered:a, 2 answered, 9 resolved, 20 resolved", "a 0: answered 20 after 20, due 100"),
    (Resolution, "0 offered:a, 2 answered, 9 resolved, 20 reopened", "a 0: waits, due 100"),
    (Resolution, "0 offered:a, 2 answered, 9 resolved, 12 reopened, 20 resolved", "a 0: answered 20 after 20, due 100"),
    (Resolution, "0 offered:a, 2 answered, 9 resolved, 9 reopened", "a 0: answered 9 after 9, due 100"),
    (
        Resolution,
        "0 offered:a, 2 answered, 9 resolved, 20 reopened, 25 offered:b, 30 abandoned",
        "a 0: abandoned 30 after 30, due 100",
    ),
    (Resolution, "0 offered:a, 2 answered, 9 resolved, 12 offered:b, 15 abandoned, 20 reopened", "a 0: waits, due 100"),
    (
        Resolution,
        "0 offered:a, 2 answered, 9 resolved, 12 offered:b, 20 abandoned, 20 reopened",
        "a 0: abandoned 20 after 20, due 100",
    ),
    (Resolution, "0 offered:a, 9 abandoned", "a 0: abandoned 9 after 9, due 100"),
    (Resolution, "0 offered:a, 2 answered, 9 completed", "a 0: waits, due 100"),
    // Handling.
    (Handle, "0 offered:a, 2 answered", "a 2: waits, due 52"),
    (Handle, "0 offered:a, 2 answered, 50 completed=7", "a 2: answered 50 after 48, due 52"),
    (Handle, "0 offered:a, 2 answered, 9 resolved", "a 2: left 9 after 7, due 52"),
    (Handle, "0 offered:a, 2 answered, 2 resolved", "a 2: left 2 after 0, due 52"),
    (Handle, "0 offered:a, 2 answered, 9 offered:b, 12 resolved", "a 2: left 9 after 7, due 52"),
    (Handle, "0 offered:a, 2 answered, 9 offered:b, 12 completed:a", "a 2: answered 12 after 10, due 52"),
    (Handle, "0 offered:a, 2 abandoned", ""),
    // Pauses: what ends them.
    (FirstReply, "0 offered:a, 10 paused, 30 resumed, 50 reply", "a 0: answered 50 after 30, due 80"),
    (FirstReply, "0 offered:a, 1 answered, 10 paused, 30 resolved, 50 reply", "a 0: answered 50 after 30, due 80"),
    (
        FirstReply,
        "0 offered:a, 1 answered, 2 resolved, 3 reopened, 10 paused, 30 reopened, 50 reply",
        "a 0: answered 50 after 30, due 80",
    ),
    (FirstReply, "0 offered:a, 1 answered, 10 paused, 30 offered:b, 50 reply", "a 0: answered 50 after 30, due 80"),
    (FirstReply, "0 offered:a, 10 paused, 30 abandoned, 50 reply", "a 0: answered 50 after 30, due 80"),
    (FirstReply, "0 offered:a, 10 paused, 30 answered, 40 completed, 50 reply", "a 0: answered 50 after 10, not due"),
    (FirstReply, "0 offered:a, 10 paused, 30 reopened, 50 reply", "a 0: answered 50 after 10, not due"),
    // Pauses that are none.
    (FirstReply, "0 offered:a, 10 paused, 20 paused, 30 resumed, 50 reply", "a 0: answered 50 after 30, due 80"),
    (FirstReply, "0 offered:a, 1 answered, 5 resolved, 10 paused, 50 reply", "a 0: answered 50 after 50, due 60"),
    (FirstReply, "0 offered:a, 10 paused, 10 resumed, 50 reply", "a 0: answered 50 after 50, due 60"),
    (FirstReply, "0 offered:a, 10 paused, 10 abandoned, 50 reply", "a 0: answered 50 after 50, due 60"),
    (
        FirstReply,
        "0 offered:a, 1 answered, 2 resolved, 10 paused, 10 reopened, 50 reply",
        "a 0: answered 50 after 50, due 60",
    ),
    (FirstReply, "-5 paused, 0 offered:a, 10 resumed", "a 0: waits, due 70"),
    (FirstReply, "-5.001 paused, 0 offered:a, 10 resumed", "a 0: waits, due 60"),
    // Due.
    (FirstReply, "0 offered:a, 59.999 paused", "a 0: waits, not due"),
    (FirstReply, "0 offered:a, 60 paused", "a 0: waits, due 60"),
    (FirstReply, "0 offered:a, 60 paused, 90 resumed, 90 reply", "a 0: answered 90 after 60, due 60"),
    (FirstReply, "0 offered:a, 10 paused, 20 resumed, 30 paused, 50 resumed", "a 0: waits, due 90"),
    (NextReply, "0 offered:a, 10 paused, 15 message, 20 resumed, 30 reply", "a 15: answered 30 after 10, due 80"),
    (Wait, "0 offered:a, 5 paused, 15 resumed, 25 answered", "a 0: answered 25 after 15, due 30"),
    (Handle, "0 offered:a, 1 paused, 2 answered, 10 resumed, 20 completed", "a 2: answered 20 after 10, due 60"),
];

#[test]
fn clocks() {
    check(CLOCKS, |measure, story| {
        let life = life_of(story, &promised());
        let clocks = life.clocks.iter().filter(|clock| clock.measure == measure);
        clocks.map(clock_told).collect::<Vec<_>>().join("; ")
    });
}

/// Every line of a table is as it should be; else all that are not are told.
fn check(table: &[(Measure, &str, &str)], told: impl Fn(Measure, &str) -> String) {
    let lines = table.iter().map(|&(measure, story, expected)| (measure, story, expected, told(measure, story)));
    let wrong = lines.filter(|(_, _, expected, told)| told != expected);
    let wrong =
        wrong.map(|(measure, story, expected, told)| format!("{measure:?} of {story}\n  {told}\n  not {expected}\n"));
    assert_eq!(wrong.collect::<String>(), "");
}

/// `a: offered 0, handle 60 52000, waits 0-8` is a stay in lane `a`; who still waits has no end.
fn stay_told(stay: &Stay) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(stay.bookings.iter().map(|(cell, time)| format!("{} {}", cell.name(), seconds(*time))));
    let durations = stay.durations.iter();
    words.extend(durations.map(|(quantity, time, ms)| format!("{} {} {ms}", quantity.name(), seconds(*time))));
    if let Some((since, until)) = stay.waits {
        let is_open = until > BASE + 3_600_000;
        let until = if is_open { String::new() } else { seconds(until).to_string() };
        words.push(format!("waits {}-{until}", seconds(since)));
    }
    format!("{}: {}", stay.lane.queue, words.join(", "))
}

fn stays_told(measure: Measure, story: &str, settings: &Settings) -> String {
    let stays = stay::stays(&life_of(story, settings), &mut RuleCounts::default());
    let of_measure = stays.iter().filter(|stay| stay.measure == measure);
    of_measure.map(stay_told).collect::<Vec<_>>().join("; ")
}

/// Measure, story, and what is booked where something is promised.
const JUDGED: &[(Measure, &str, &str)] = &[
    (
        FirstReply,
        "0 offered:a, 8 answered, 60 reply",
        "a: offered 0, answered 60, answered_within 60, wait_answered 60 60000, waits 0-60",
    ),
    (
        FirstReply,
        "0 offered:a, 8 answered, 60.001 reply",
        "a: offered 0, answered 60.001, overdue 60, wait_answered 60.001 60001, waits 0-60.001",
    ),
    (FirstReply, "0 offered:a, 8 answered", "a: offered 0, overdue 60, waits 0-"),
    (FirstReply, "0 offered:a, 8 answered, 10 paused", "a: offered 0, waits 0-"),
    (
        FirstReply,
        "0 offered:a, 10 paused, 99 reply",
        "a: offered 0, answered 99, answered_within 99, wait_answered 99 10000, waits 0-99",
    ),
    (
        Resolution,
        "0 offered:a, 5 abandoned",
        "a: offered 0, abandoned 5, abandoned_within 5, wait_abandoned 5 5000, waits 0-5",
    ),
    (
        Wait,
        "0 offered:a, 1 paused, 8 abandoned",
        "a: offered 0, abandoned 8, abandoned_within 8, abandoned_short 8, wait_abandoned 8 1000, waits 0-8",
    ),
    (Handle, "0 offered:a, 2 answered, 9 resolved", "a: offered 2, left 9, left_within 9, wait_left 9 7000, waits 2-9"),
    // In the backlog while the resolution waits, whatever the visits do.
    (Backlog, "0 offered:a, 2 answered, 9 completed", "a: waits 0-"),
    (Backlog, "0 offered:a, 2 answered, 9 offered:b, 12 resolved", "a: waits 0-12"),
];

/// The same where nothing is promised but the waits.
const NOT_JUDGED: &[(Measure, &str, &str)] = &[
    (FirstReply, "0 offered:a, 8 answered", ""),
    (FirstReply, "0 offered:a, 8 answered, 90 reply", "a: wait_answered 90 90000"),
    (FirstReply, "0 offered:a, 8 abandoned", ""),
    (NextReply, "0 offered:a, 5 message", ""),
    (NextReply, "0 offered:a, 5 message, 9 reply", "a: wait_answered 9 4000"),
    (NextReply, "0 offered:a, 5 message, 9 resolved", ""),
    (FirstResolution, "0 offered:a, 8 answered, 9 resolved", "a: wait_answered 9 9000"),
    (Handle, "0 offered:a, 2 answered, 9 completed", "a: waits 2-9"),
    (Handle, "0 offered:a, 2 answered", "a: waits 2-"),
    (Resolution, "0 offered:a, 2 answered, 9 completed", ""),
    (Resolution, "0 offered:a, 2 answered, 9 resumed", ""),
    (Resolution, "0 offered:a, 2 answered, 9 reopened", ""),
    (Resolution, "-5.001 message, 0 offered:a", ""),
    (Resolution, "-5 message, 0 offered:a", "a: offered 0, waits 0-"),
    (Resolution, "0 offered:a, 2 answered, 3 paused, 9 completed", "a: offered 0, waits 0-9"),
    (
        Resolution,
        "0 offered:a, 2 answered, 3 reply, 9 offered:b, 12 answered, 20 completed",
        "a: offered 0, waits 0-20",
    ),
    (
        Resolution,
        "0 offered:a, 2 answered, 9 completed, 20 resolved",
        "a: offered 0, wait_answered 20 20000, waits 0-20",
    ),
    (Resolution, "0 offered:a, 2 answered, 7 completed, 8 resolved, 9 reopened", "a: offered 0, waits 0-"),
    (Resolution, "0 offered:a, 3 message, 9 abandoned", "a: offered 0, waits 0-9"),
    // The handle time without pauses, unless its parts are told.
    (
        Wait,
        "0 offered:a, 2 answered, 10 paused, 30 resumed, 52 completed",
        concat!(
            "a: offered 0, answered 2, answered_within 2, completed 52, wait_answered 2 2000, handle 52 30000, ",
            "waits 0-2"
        ),
    ),
    (
        Wait,
        "0 offered:a, 2 answered, 10 paused, 30 resumed, 52 completed=45",
        concat!(
            "a: offered 0, answered 2, answered_within 2, completed 52, wait_answered 2 2000, handle 52 45000, ",
            "waits 0-2"
        ),
    ),
    // Without a resolution in the backlog as the visits are.
    (Backlog, "0 offered:a, 2 answered, 9 completed", "a: waits 0-2; a: waits 2-9"),
    (Backlog, "0 offered:a, 2 offered:b, 5 answered", "a: waits 0-2; b: waits 2-5; b: waits 5-"),
    (Backlog, "0 offered:a, 2 answered, 3 message, 9 completed", "a: waits 0-9"),
    // Effort.
    (Effort, "0 offered:a, 2 answered, 9 resolved, 9 resolved:a", "a: resolved 9, resolved 9"),
    (Effort, "-1 resolved, 0 offered:a, 3 reopened", "a: "),
    (Effort, "0 offered:a, 1 answered, 9 resolved, 12 reopened, 15 reopened", "a: resolved 9, reopened 12"),
    (Effort, "0 offered:a, 1 answered, 9 resolved, 12 reopened, 12 reopened:a", "a: resolved 9, reopened 12"),
    (Effort, "0 offered:a, 3 reply, 9 reply", "a: replies 9 2"),
    (Effort, "-6 reply, -5 reply, 0 offered:a", "a: replies 0 1"),
    (Effort, "0 offered:a, 3 offered:b, 9 left=transfer, 12 left=callback", "a: transfers 9 2"),
    (Effort, "0 offered:a, 3 left=callback", "a: "),
    (Effort, "0 reopened:b, 9 reopened", "b: reopened 0; _unknown: reopened 9"),
];

#[test]
fn bookings() {
    check(JUDGED, |measure, story| stays_told(measure, story, &promised()));
    check(NOT_JUDGED, |measure, story| stays_told(measure, story, &Settings::default()));
}

#[test]
fn who_is_finished() {
    for (story, plain, judged) in [
        ("0 offered:a, 2 answered, 9 completed", true, false),
        ("0 offered:a, 2 abandoned", true, true),
        ("0 offered:a, 2 answered, 9 completed, 12 resolved", true, true),
        ("0 offered:a, 2 answered, 9 completed, 12 resolved, 15 reopened", false, false),
        ("0 offered:a, 2 answered, 5 message, 9 completed", true, false),
        ("0 offered:a, 2 resolved, 5 offered:b, 6 answered", false, false),
    ] {
        assert_eq!(life_of(story, &Settings::default()).is_finished, plain, "{story}");
        assert_eq!(life_of(story, &promised()).is_finished, judged, "{story}");
    }
}

/// A clock is judged by the row in force when it began, that of the handling by the one when its visit was offered.
#[test]
fn row_of_promises() {
    let rows = [(0, 60, 50), (10, 30, 20)].map(|(from, reply, handle)| {
        let time = EventTime::from_millis(if from == 0 { 0 } else { BASE + from * 1000 }).expect("a time");
        (time, within(&[(FirstReply, reply), (NextReply, reply), (Handle, handle)]))
    });
    let settings = Settings { promises: rows.to_vec(), ..Settings::default() };
    let life = life_of("0 offered:a, 9.999 message, 9.999 reply, 10 message, 20 answered", &settings);
    let due = |measure: Measure| {
        let clocks = life.clocks.iter().filter(|clock| clock.measure == measure);
        clocks.map(|clock| seconds(clock.due.expect("it is promised"))).collect::<Vec<_>>()
    };
    assert_eq!(due(FirstReply), [60.0]);
    assert_eq!(due(NextReply), [69.999, 40.0]);
    assert_eq!(due(Handle), [70.0]);
}

#[test]
fn a_run_is_in_the_lane_of_the_visit_offered_before_it() {
    let story = "0 offered:a=chat, 5 message:a, 6 abandoned, 12 offered:a=email";
    let clocks = life_of(story, &promised()).clocks;
    let run = clocks.iter().find(|clock| clock.measure == NextReply).expect("a run was begun");
    assert_eq!(run.lane.channel, "chat");
}

#[test]
fn orphans_have_a_lane_of_their_own() {
    let life = life_of("0 reopened:b, 9 resolved", &Settings::default());
    let stays = stay::stays(&life, &mut RuleCounts::default());
    assert_eq!(stays.len(), 1);
    assert_eq!((&*stays[0].lane.queue, &*stays[0].lane.channel, &*stays[0].lane.tier), ("b", "_unknown", "_unknown"));
    assert_eq!(stays[0].bookings, [(Cell::Reopened, BASE)]);
}
