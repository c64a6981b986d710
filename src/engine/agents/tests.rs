//! What agents did, worked out by hand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::tally::{AgentTally, ByState};
use crate::engine::board::{self, GroupBy};
use crate::engine::settings::Settings;
use crate::engine::shard::{Keep, Shard};
use crate::engine::view::View;
use crate::event::{AgentEvent, AgentState, Event, EventTime};

pub(super) const MINUTE: u64 = 60_000;
pub(super) const HOUR: u64 = 60 * MINUTE;
/// 2024-01-01T00:00:00Z.
pub(super) const BEGIN: u64 = 1_704_067_200_000;

/// An agent, the milliseconds since [`BEGIN`], the state, and the queues with spaces, if told.
pub(super) type Said<'a> = (&'a str, u64, AgentState, Option<&'a str>);

pub(super) fn event<'a>((agent, time, state, queues): Said<'a>) -> Event<'a> {
    Event::Agent(AgentEvent {
        agent_id: Cow::Borrowed(agent),
        time: EventTime::from_millis(BEGIN + time).unwrap(),
        state,
        queues: queues.map(|queues| queues.split_whitespace().map(Cow::Borrowed).collect()),
    })
}

pub(super) fn shard_of(settings: &Settings, keep: Keep, said: &[Said<'_>]) -> Shard {
    let mut shard = Shard::new(Arc::new(settings.clone()), keep);
    said.iter().for_each(|&said| shard.apply(&event(said)));
    shard
}

pub(super) fn told(said: &[Said<'_>]) -> Shard {
    shard_of(&Settings::default(), Keep::Everything, said)
}

pub(super) fn over(shard: &Shard, from: u64, to: u64) -> BTreeMap<String, AgentTally> {
    board::agents(&[shard], BEGIN + from, BEGIN + to)
}

/// What these are, of a single queue.
#[track_caller]
pub(super) fn check(shard: &Shard, (from, to): (u64, u64), queue: &str, now: ByState, minutes: ByState) {
    let ByState { available, away, busy, wrapup } = minutes;
    let [available, away, busy, wrapup] = [available, away, busy, wrapup].map(|minutes| minutes * MINUTE);
    let expected = AgentTally { now, time_ms: ByState { available, away, busy, wrapup } };
    let of_all = over(shard, from, to);
    assert_eq!(of_all.get(queue), Some(&expected), "{queue} of {of_all:?}");
}

pub(super) const NOBODY: ByState = ByState { available: 0, away: 0, busy: 0, wrapup: 0 };
pub(super) const ONE_AVAILABLE: ByState = ByState { available: 1, ..NOBODY };
pub(super) const ONE_BUSY: ByState = ByState { busy: 1, ..NOBODY };

use AgentState::{Available, Away, Busy, Offline, Wrapup};

/// A day of one agent in the queue a.
const DAY: [Said<'static>; 6] = [
    ("anna", 10 * MINUTE, Available, Some("a")),
    ("anna", 14 * MINUTE, Busy, None),
    ("anna", 19 * MINUTE, Wrapup, None),
    ("anna", 21 * MINUTE, Away, None),
    ("anna", 30 * MINUTE, Available, None),
    ("anna", 37 * MINUTE, Offline, None),
];

#[test]
fn a_state_lasts_until_the_next() {
    let shard = told(&DAY);
    let all_day = ByState { available: 4 + 7, away: 9, busy: 5, wrapup: 2 };
    check(&shard, (0, HOUR), "a", NOBODY, all_day);
    check(
        &shard,
        (12 * MINUTE, 20 * MINUTE),
        "a",
        ByState { wrapup: 1, ..NOBODY },
        ByState { available: 2, busy: 5, wrapup: 1, ..NOBODY },
    );
    // A fact at the end of a span is not known in it.
    check(&shard, (0, 14 * MINUTE), "a", ONE_AVAILABLE, ByState { available: 4, ..NOBODY });
    check(&shard, (14 * MINUTE, 14 * MINUTE), "a", ONE_AVAILABLE, NOBODY);
    assert_eq!(over(&shard, 0, 10 * MINUTE), BTreeMap::new(), "nobody was heard of before");
    check(&shard, (40 * MINUTE, 50 * MINUTE), "a", NOBODY, NOBODY);
    assert!(over(&shard, 40 * MINUTE, 50 * MINUTE)["a"].is_empty());
}

#[test]
fn any_order_is_the_same() {
    let expected = told(&DAY);
    let mut said = DAY;
    for first in 0..DAY.len() {
        said.rotate_left(1);
        let mut swapped = said;
        swapped.swap(first, (first * 5 + 2) % DAY.len());
        for minute in 0..40 {
            let (from, to) = (minute * MINUTE, minute * MINUTE + 5 * MINUTE);
            assert_eq!(over(&told(&swapped), from, to), over(&expected, from, to), "{swapped:?} at {minute}");
        }
    }
}

#[test]
fn what_was_told_again_changes_nothing() {
    let shard = told(&[DAY, DAY].concat());
    assert_eq!(shard.input().duplicate, 6);
    assert_eq!(over(&shard, 0, HOUR), over(&told(&DAY), 0, HOUR));
    // The same queues in another order and twice are the same fact; other queues are another.
    let again = [("bert", 0, Busy, Some("x y")), ("bert", 0, Busy, Some("y x y")), ("bert", 0, Busy, None)];
    assert_eq!(told(&again).input().duplicate, 1);
}

#[test]
fn a_late_fact_corrects_the_past() {
    let mut shard = told(&[("anna", 0, Available, Some("a")), ("anna", 30 * MINUTE, Available, None)]);
    check(&shard, (0, 40 * MINUTE), "a", ONE_AVAILABLE, ByState { available: 40, ..NOBODY });
    shard.apply(&event(("anna", 10 * MINUTE, Busy, None)));
    check(&shard, (0, 40 * MINUTE), "a", ONE_AVAILABLE, ByState { available: 20, busy: 20, ..NOBODY });
    // She has served b too, all the while, and stopped serving a.
    shard.apply(&event(("anna", 5 * MINUTE, Available, Some("b"))));
    check(&shard, (0, 40 * MINUTE), "a", NOBODY, ByState { available: 5, ..NOBODY });
    check(&shard, (0, 40 * MINUTE), "b", ONE_AVAILABLE, ByState { available: 15, busy: 20, ..NOBODY });
}

#[test]
fn queues_are_inherited_until_others_are_told() {
    let mut shard = told(&[
        ("anna", 0, Available, None),
        ("anna", 10 * MINUTE, Busy, Some("a b")),
        ("anna", 15 * MINUTE, Available, None),
        ("anna", 20 * MINUTE, Busy, Some("b")),
        ("anna", 30 * MINUTE, Busy, Some("")),
        ("anna", 35 * MINUTE, Available, None),
    ]);
    check(&shard, (0, HOUR), "_unknown", NOBODY, ByState { available: 10, ..NOBODY });
    check(&shard, (0, HOUR), "a", NOBODY, ByState { busy: 5, available: 5, ..NOBODY });
    check(&shard, (0, HOUR), "b", NOBODY, ByState { busy: 15, available: 5, ..NOBODY });
    // Both queues count the agent.
    check(&shard, (0, 12 * MINUTE), "a", ONE_BUSY, ByState { busy: 2, ..NOBODY });
    check(&shard, (0, 12 * MINUTE), "b", ONE_BUSY, ByState { busy: 2, ..NOBODY });
    // The first queues told were told late: what had none inherits them.
    shard.apply(&event(("anna", 0, Away, Some("c"))));
    assert!(!over(&shard, 0, HOUR).contains_key("_unknown") || over(&shard, 0, HOUR)["_unknown"].is_empty());
    check(&shard, (0, HOUR), "c", NOBODY, ByState { away: 10, ..NOBODY });
}

#[test]
fn of_one_instant_the_last_by_name_stands() {
    let both = [("anna", 0, Busy, None), ("anna", 0, Available, Some("a"))];
    for said in [both, [both[1], both[0]]] {
        // Available comes before busy, and the queues it told are inherited.
        check(&told(&said), (0, MINUTE), "a", ONE_BUSY, ByState { busy: 1, ..NOBODY });
    }
    let queues = [("anna", 0, Busy, Some("b")), ("anna", 0, Busy, None), ("anna", 0, Busy, Some("a"))];
    for said in [queues, [queues[2], queues[0], queues[1]], [queues[1], queues[2], queues[0]]] {
        let tallies = over(&told(&said), 0, MINUTE);
        assert_eq!(tallies.keys().collect::<Vec<_>>(), ["b"], "{said:?}");
    }
}

#[test]
fn an_agent_of_whom_nothing_is_heard_is_offline() {
    let mut shard = told(&[("anna", 0, Available, Some("a")), ("anna", HOUR, Busy, None)]);
    check(&shard, (0, 25 * HOUR), "a", ONE_BUSY, ByState { available: 60, busy: 24 * 60, ..NOBODY });
    check(&shard, (25 * HOUR, 50 * HOUR), "a", NOBODY, NOBODY);
    // To the millisecond.
    assert_eq!(over(&shard, 0, 25 * HOUR + 1)["a"].now, NOBODY);
    // What is heard in the meantime keeps her there.
    shard.apply(&event(("anna", 20 * HOUR, Busy, None)));
    check(&shard, (25 * HOUR, 50 * HOUR), "a", NOBODY, ByState { busy: 19 * 60, ..NOBODY });
    check(&shard, (40 * HOUR, 43 * HOUR), "a", ONE_BUSY, ByState { busy: 3 * 60, ..NOBODY });
}

#[test]
fn agents_add_up() {
    let said = [("anna", 0, Busy, Some("a")), ("bert", 5 * MINUTE, Busy, Some("a")), ("carl", 0, Away, Some("a"))];
    check(
        &told(&said),
        (0, 10 * MINUTE),
        "a",
        ByState { busy: 2, away: 1, ..NOBODY },
        ByState { busy: 15, away: 10, ..NOBODY },
    );
    let apart: Vec<Shard> = said.iter().map(|said| told(std::slice::from_ref(said))).collect();
    let all: Vec<&Shard> = apart.iter().collect();
    assert_eq!(board::agents(&all, BEGIN, BEGIN + 10 * MINUTE), over(&told(&said), 0, 10 * MINUTE));
}

#[test]
fn formulas() {
    let minutes = |minutes: u64| minutes * MINUTE;
    let time_ms = ByState { available: minutes(10), away: minutes(100), busy: minutes(25), wrapup: minutes(5) };
    let tally = AgentTally { now: NOBODY, time_ms };
    assert_eq!(tally.staffed_ms(), 40 * MINUTE);
    assert_eq!(tally.occupancy(), Some(0.75));
    assert_eq!(tally.handled_per_agent_hour(8), Some(12.0));
    let nobody_ready = AgentTally { time_ms: ByState { away: MINUTE, ..NOBODY }, ..AgentTally::default() };
    assert_eq!((nobody_ready.occupancy(), nobody_ready.handled_per_agent_hour(3)), (None, None));
}

#[test]
fn a_view_has_every_window() {
    let shard = told(&DAY);
    let now = EventTime::from_millis(BEGIN + 17 * MINUTE + 9_999).unwrap();
    let by_queue = GroupBy { queue: true, ..GroupBy::default() };
    let view = View::of(&[&shard], now, by_queue);
    // The windows of 5 and 10 minutes begin at the minute and end at the last slot.
    let [five, ten, ..] = view.agents["a"][..] else { panic!("{:?}", view.agents) };
    assert_eq!(view.agents["a"].len(), Settings::default().windows.len());
    assert_eq!(five.time_ms, ByState { available: 2 * MINUTE, busy: 3 * MINUTE, ..NOBODY });
    assert_eq!(ten.time_ms, ByState { available: 4 * MINUTE, busy: 3 * MINUTE, ..NOBODY });
    assert_eq!((five.now, ten.now), (ONE_BUSY, ONE_BUSY));
    assert!(View::of(&[&shard], now, GroupBy::default()).agents.is_empty());

    let bert = told(&[("bert", 16 * MINUTE, Busy, Some("a b"))]);
    let mut merged = view;
    merged.merge(View::of(&[&bert], now, by_queue), 10);
    assert_eq!(merged, View::of(&[&shard, &bert], now, by_queue));
    assert_eq!(merged.agents["a"][0].now, ByState { busy: 2, ..NOBODY });
}
