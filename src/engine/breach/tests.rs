//! When promises are broken, of histories worked out by hand.

use std::sync::Arc;

use super::*;
use crate::engine::settings::{Settings, SlotWidths};
use crate::engine::shard::Keep;
use crate::event::decode::decode;

const WIDTHS: SlotWidths = SlotWidths { fine_ms: 10_000, coarse_ms: 60_000 };
const MINUTE: u64 = 60_000;
/// 2024-01-01T09:00:00Z.
const START: u64 = 1_704_099_600_000;

fn promise() -> CommonPromise {
    CommonPromise {
        answer_within_ms: Some(20_000),
        goal: Some(0.8),
        formula: Some(Formula::Offered),
        min_contacts: Some(20),
    }
}

/// What was judged in slots that begin so many minutes after the start: how many, and how many of them in time.
fn trail(slots: &[(u64, u64, u64)]) -> Trail {
    let mut trail = Trail::default();
    slots.iter().for_each(|&(minute, of, kept)| trail.add(START + minute * MINUTE, Judged { kept, of }));
    trail
}

/// Since which minute after the start it is a breach, looked at so many minutes after the start.
fn since(trail: &Trail, minute: u64) -> Option<f64> {
    let now = EventTime::from_millis(START + minute * MINUTE).unwrap();
    let since = trail.judge(&promise(), WIDTHS, now).unwrap().breached_since?;
    Some((since.millis() as f64 - START as f64) / MINUTE as f64)
}

#[test]
fn intervals_are_those_of_wilson() {
    // Worked out by the formula elsewhere.
    for (kept, of, lower, upper) in [
        (0, 1, 0.0, 0.793_456_708_526_107),
        (1, 1, 0.206_543_291_473_893, 1.0),
        (80, 100, 0.711_169_038_073_498, 0.866_634_077_440_901),
        (0, 20, 0.0, 0.161_130_125_495_293),
    ] {
        let (low, high) = Judged { kept, of }.interval().unwrap();
        assert!((low - lower).abs() < 1e-12 && (high - upper).abs() < 1e-12, "{kept} of {of}: {low} {high}");
    }
    assert_eq!(Judged::default().interval(), None);
}

#[test]
fn few_contacts_are_no_breach() {
    // Three bad calls at night, and nineteen.
    assert_eq!(since(&trail(&[(0, 3, 0)]), 1), None);
    assert_eq!(since(&trail(&[(0, 19, 0)]), 1), None);
    assert_eq!(since(&trail(&[(0, 20, 0)]), 1), Some(0.0 + 1.0 / 6.0));
}

#[test]
fn what_may_be_chance_is_no_breach() {
    // 28 of 40: the interval reaches up to 0.819. 26 of 40: up to 0.779.
    assert_eq!(since(&trail(&[(0, 40, 28)]), 1), None);
    assert_eq!(since(&trail(&[(0, 40, 26)]), 1), Some(1.0 / 6.0));
}

#[test]
fn a_breach_ends_once_the_level_has_been_at_its_goal_for_a_minute() {
    // 10 of 40; with 110 more in time the level is 0.8 exactly.
    let recovers = trail(&[(0, 40, 10), (5, 110, 110)]);
    assert_eq!(since(&recovers, 4), Some(1.0 / 6.0));
    // The level is at its goal from the edge after the slot on, and the sixth such edge is a minute after the slot began.
    assert_eq!(since(&recovers, 5), Some(1.0 / 6.0));
    assert_eq!(since(&recovers, 6), None);
    // Beyond chance no longer, 110 of 140 with an upper end of 0.845, but not at its goal.
    let hovers = trail(&[(0, 40, 10), (5, 100, 100)]);
    assert_eq!(since(&hovers, 6), Some(1.0 / 6.0));
    let as_it_is = trail(&[(0, 140, 110)]);
    assert_eq!(since(&as_it_is, 6), None);
    // Nothing is left in the window at 0:31, and the sixth edge after that is a minute later.
    let over = trail(&[(0, 40, 10)]);
    assert_eq!(since(&over, 30), Some(1.0 / 6.0));
    assert_eq!(since(&over, 33), None);
}

#[test]
fn a_breach_goes_on_for_an_hour_after_it_would_last_begin() {
    // 10 of 40, which leave the window after half an hour; and 3 of 4 every three minutes, which are 30 of 40 then: below the
    // goal, with an upper end of 0.858.
    let mut slots = vec![(0, 40, 10)];
    slots.extend((1..60).map(|number| (3 * number, 4, 3)));
    let lingers = trail(&slots);
    assert_eq!(since(&lingers, 20), Some(1.0 / 6.0));
    assert!(since(&lingers, 85).is_some());
    assert_eq!(since(&lingers, 95), None);
}

#[test]
fn without_a_common_promise_there_is_no_verdict() {
    let now = EventTime::from_millis(START).unwrap();
    for promise in [
        CommonPromise { goal: None, ..promise() },
        CommonPromise { formula: None, ..promise() },
        CommonPromise { min_contacts: None, ..promise() },
    ] {
        assert_eq!(trail(&[(0, 40, 0)]).judge(&promise, WIDTHS, now), None);
    }
}

fn shard(log: &[String]) -> Shard {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for line in log {
        shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
    }
    shard
}

fn offered(id: &str, seconds: u64) -> String {
    let time = START + seconds * 1_000;
    format!(r#"{{"type":"offered","contact_id":"{id}","queue":"q","time":{time}}}"#)
}

#[test]
fn three_who_wait_for_three_times_the_target_are_a_breach() {
    let log: Vec<String> = (0..3).map(|number| offered(&number.to_string(), 5 * number)).collect();
    let shard = shard(&log);
    let judged_after = |seconds: u64, shards: &[&Shard]| {
        let now = EventTime::from_millis(START + seconds * 1_000).unwrap();
        let trails = trails(shards, now, GroupBy::EACH);
        let of_wait = trails.into_iter().find(|((_, measure), _)| *measure == Measure::Wait).unwrap().1;
        of_wait.judge(&promise(), WIDTHS, now).unwrap().breached_since
    };
    // The third was offered at 0:10; at 1:10 it waits for exactly three times the target.
    assert_eq!(judged_after(70, &[&shard]), None);
    assert_eq!(judged_after(80, &[&shard]), EventTime::from_millis(START + 80_000));
    // Spread over partitions they are as many.
    let apart: Vec<Shard> = log.iter().map(|line| self::shard(std::slice::from_ref(line))).collect();
    assert_eq!(judged_after(80, &apart.iter().collect::<Vec<_>>()), EventTime::from_millis(START + 80_000));
    let answered = format!(r#"{{"type":"answered","contact_id":"1","time":{}}}"#, START + 75_000);
    assert_eq!(judged_after(80, &[&self::shard(&[log, vec![answered]].concat())]), None);
}

#[test]
fn where_enough_is_judged_only_the_level_counts() {
    let mut calls = trail(&[(0, 19, 19)]);
    calls.stuck = 3;
    assert_eq!(since(&calls, 1), Some(1.0));
    calls.add(START, Judged { kept: 1, of: 1 });
    assert_eq!(since(&calls, 1), None);
    // It leaves the window after half an hour.
    assert_eq!(since(&calls, 31), Some(31.0));
}

#[test]
fn trails_add_up_to_what_windows_tell() {
    let mut log = Vec::new();
    for number in 0..200_u64 {
        log.push(offered(&number.to_string(), 20 * number));
        if number % 3 > 0 {
            let time = START + (20 * number + 15 * (number % 3)) * 1_000;
            log.push(format!(r#"{{"type":"answered","contact_id":"{number}","time":{time}}}"#));
        }
    }
    let shard = shard(&log);
    let now = EventTime::from_millis(START + 4_000_000).unwrap();
    let trails = trails(&[&shard], now, GroupBy::EACH);
    let window = shard.settings().windows.iter().find(|window| window.length_ms == WINDOW_MS).unwrap();
    for (key, group) in board::window(&[&shard], window, now, GroupBy::EACH) {
        for measure in [Measure::Wait, Measure::ContactWait] {
            let trail = &trails[&(key.clone(), measure)];
            let to = floor(now.millis(), WIDTHS.fine_ms);
            let from = floor(to - WINDOW_MS, WIDTHS.coarse_ms);
            let slid = Sum::default().slide(&trail.slots, from, to);
            assert_eq!(slid, Judged::by(Formula::Offered, &group.measures[&measure].cells), "{measure:?}");
            assert!(slid.of > 50, "{slid:?}");
        }
    }
}
