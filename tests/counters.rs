//! What counters say, event by event: the order of the log decides, and nothing is ever taken off.

use std::sync::Arc;

use holdline::engine::board::GroupBy;
use holdline::engine::counters::{Counter, Counters};
use holdline::engine::settings::Settings;
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::view;
use holdline::event::Reason;
use holdline::event::decode::decode;

const START_MS: u64 = 1_772_438_400_000;

/// After these events, given as second, type and further fields: what was counted, with the queue before it, and what
/// was taken back.
fn check(events: &[(u64, &str, &str)], counted: &[&str], taken_back: &[&str]) {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for (second, kind, fields) in events {
        let time = START_MS + second * 1_000;
        let event = format!("{{\"type\":\"{kind}\",\"contact_id\":\"c\",\"time\":{time}{fields}}}");
        shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
    }
    let by_queue = GroupBy { queue: true, channel: false, tier: false };
    let mut told = Vec::new();
    for (key, counters) in view::counters(&shard, by_queue) {
        told.extend(names(&counters).into_iter().map(|name| format!("{} {name}", key.queue.as_deref().unwrap())));
    }
    assert_eq!(told, counted, "counted after {events:?}");
    assert_eq!(names(&shard.corrections()), taken_back, "taken back after {events:?}");
}

fn names(counters: &Counters) -> Vec<String> {
    let counted = Counter::all().filter(|&counter| counters.of(counter) > 0);
    let name = |counter: Counter| match counter {
        Counter::Cell(cell) => cell.name().to_owned(),
        Counter::Left(reason) => format!("left {}", reason.map_or("closed", Reason::name)),
    };
    counted.map(|counter| format!("{} {}", name(counter), counters.of(counter))).collect()
}

const IN_A: &str = ",\"queue\":\"a\"";
const IN_B: &str = ",\"queue\":\"b\"";

#[test]
fn each_event_counts_what_it_says() {
    check(&[(0, "offered", IN_A)], &["a offered 1"], &[]);
    let answered = [(0, "offered", IN_A), (20, "answered", ""), (80, "completed", "")];
    check(&answered, &["a offered 1", "a answered 1", "a answered_within 1", "a completed 1"], &[]);
    check(&[(0, "offered", IN_A), (21, "answered", "")], &["a offered 1", "a answered 1"], &[]);
    let short = ["a offered 1", "a abandoned 1", "a abandoned_within 1", "a abandoned_short 1"];
    check(&[(0, "offered", IN_A), (4, "abandoned", "")], &short, &[]);
    check(&[(0, "offered", IN_A), (5, "abandoned", "")], &short[..3], &[]);
    check(&[(0, "offered", IN_A), (30, "abandoned", "")], &short[..2], &[]);
}

#[test]
fn who_leaves_is_counted_by_the_reason() {
    let left = [(0, "offered", IN_A), (9, "left", ",\"reason\":\"voicemail\"")];
    check(&left, &["a offered 1", "a left voicemail 1"], &[]);
    check(&[(0, "offered", IN_A), (9, "completed", "")], &["a offered 1", "a left closed 1"], &[]);
    check(&[(0, "offered", IN_A), (9, "offered", IN_B)], &["a offered 1", "a left transfer 1", "b offered 1"], &[]);
}

#[test]
fn a_repetition_counts_nothing() {
    let twice = [(0, "offered", IN_A), (9, "answered", ""), (0, "offered", IN_A), (9, "answered", "")];
    check(&twice, &["a offered 1", "a answered 1", "a answered_within 1"], &[]);
}

#[test]
fn what_is_known_before_the_offer_counts_with_it() {
    check(&[(9, "answered", "")], &[], &[]);
    check(&[(9, "answered", ""), (0, "offered", IN_A)], &["a offered 1", "a answered 1", "a answered_within 1"], &[]);
}

#[test]
fn what_turns_out_otherwise_is_taken_back_beside_the_counters() {
    // The hang-up was earlier than the answer that was heard of first.
    let told_late = [(0, "offered", IN_A), (9, "answered", ""), (7, "abandoned", "")];
    let counted = ["a offered 1", "a answered 1", "a answered_within 1", "a abandoned 1", "a abandoned_within 1"];
    check(&told_late, &counted, &["answered 1", "answered_within 1"]);
    // A reason that another end of the same visit gives too, earlier.
    let other_reason =
        [(0, "offered", IN_A), (9, "left", ",\"reason\":\"voicemail\""), (8, "left", ",\"reason\":\"callback\"")];
    check(&other_reason, &["a offered 1", "a left callback 1", "a left voicemail 1"], &["left voicemail 1"]);
    // An earlier offer moves the visit to another tier of the same queue, which the counters of the queue do not show.
    let moved = [(1, "offered", IN_A), (0, "offered", ",\"queue\":\"a\",\"tier\":\"vip\"")];
    check(&moved, &["a offered 2"], &["offered 1"]);
}

#[test]
fn a_time_that_is_corrected_within_the_promise_counts_nothing_new() {
    let earlier = [(0, "offered", IN_A), (9, "answered", ""), (8, "answered", "")];
    check(&earlier, &["a offered 1", "a answered 1", "a answered_within 1"], &[]);
}
