//! What is kept of agents, what is let go of, and that neither changes what is told.

use std::sync::Arc;

use super::Agent;
use super::tally::ByState;
use super::tests::{BEGIN, HOUR, MINUTE, NOBODY, ONE_AVAILABLE, ONE_BUSY, Said, check, event, over, shard_of, told};
use crate::engine::settings::{Lifetimes, Limits, Settings};
use crate::engine::shard::{Keep, Shard};
use crate::event::{AgentState, EventTime};

use AgentState::{Available, Busy, Offline};

/// Has stream time believe so many milliseconds.
fn pass(shard: &mut Shard, time: u64) {
    for _ in 0..8 {
        shard.observe(EventTime::from_millis(BEGIN + time).unwrap());
    }
    assert_eq!(shard.stream_time().map(EventTime::millis), Some(BEGIN + time));
}

fn facts_of(shard: &Shard, agent: &str) -> usize {
    shard.agents.held[agent].facts.len()
}

#[test]
fn what_is_older_than_lateness_is_late() {
    let mut shard = told(&[("anna", 0, Available, Some("a"))]);
    pass(&mut shard, 10 * HOUR);
    shard.apply(&event(("anna", 4 * HOUR - 1, Busy, None)));
    assert_eq!(shard.input().late, 1);
    check(&shard, (0, 8 * HOUR), "a", ONE_AVAILABLE, ByState { available: 480, ..NOBODY });
    shard.apply(&event(("anna", 4 * HOUR, Busy, None)));
    assert_eq!(shard.input().late, 1);
    check(&shard, (0, 8 * HOUR), "a", ONE_BUSY, ByState { available: 240, busy: 240, ..NOBODY });
}

#[test]
fn of_the_past_the_fact_that_still_decides_is_kept() {
    let said: Vec<Said<'_>> = (0..100)
        .map(|n| ("anna", n * MINUTE, if n % 2 == 0 { Busy } else { Available }, Some("a").filter(|_| n == 0)))
        .collect();
    let mut shard = told(&said);
    assert_eq!(facts_of(&shard, "anna"), 100);
    let before = over(&shard, 0, 9 * HOUR);
    pass(&mut shard, 10 * HOUR);
    assert_eq!(facts_of(&shard, "anna"), 1);
    assert_eq!(over(&shard, 0, 9 * HOUR), before);
    // The queues told first are still known.
    shard.apply(&event(("anna", 9 * HOUR, Busy, None)));
    check(&shard, (8 * HOUR, 10 * HOUR), "a", ONE_BUSY, ByState { available: 60, busy: 60, ..NOBODY });
}

#[test]
fn queues_are_remembered_while_contacts_are() {
    let memory = Lifetimes::default().agent_memory_ms();
    assert_eq!(memory, 45 * 24 * HOUR);
    for (later, queue) in [(memory, "a"), (memory + 1, "_unknown")] {
        let leaving = [("anna", 0, Available, Some("a")), ("anna", HOUR, Offline, None)];
        let coming = ("anna", HOUR + later, Busy, None);
        // She is forgotten before she comes back, or never.
        let mut shard = told(&leaving);
        pass(&mut shard, HOUR + later);
        shard.apply(&event(coming));
        check(&shard, (HOUR, HOUR + later + MINUTE), queue, ONE_BUSY, ByState { busy: 1, ..NOBODY });
        let never_forgotten = told(&[leaving.as_slice(), &[coming]].concat());
        check(&never_forgotten, (HOUR, HOUR + later + MINUTE), queue, ONE_BUSY, ByState { busy: 1, ..NOBODY });
    }
}

#[test]
fn whoever_is_gone_for_long_is_forgotten() {
    let mut shard = told(&[("anna", 0, Busy, Some("a"))]);
    let lateness = Lifetimes::default().lateness_ms;
    pass(&mut shard, 45 * 24 * HOUR + lateness);
    assert_eq!(shard.agents(), 1);
    pass(&mut shard, 45 * 24 * HOUR + lateness + HOUR);
    assert_eq!(shard.agents(), 0);
    check(&shard, (0, 50 * HOUR), "a", NOBODY, ByState { busy: 24 * 60, ..NOBODY });
}

#[test]
fn of_too_many_facts_the_latest_are_kept() {
    let settings = Settings { limits: Limits { facts: 8, ..Limits::default() }, ..Settings::default() };
    let said: Vec<Said<'_>> = (0..30)
        .map(|n| ("anna", n * MINUTE, if n % 2 == 0 { Busy } else { Available }, Some("a").filter(|_| n == 0)))
        .collect();
    let mut shard = shard_of(&settings, Keep::Everything, &said);
    assert_eq!(facts_of(&shard, "anna"), 8);
    assert_eq!(shard.input().overflow_facts, 0, "facts in order lose nothing");
    assert_eq!(over(&shard, 0, HOUR), over(&told(&said), 0, HOUR));
    let before = over(&shard, 0, HOUR);
    // Between two of those that were let go of, nobody can say any more what it changes.
    shard.apply(&event(("anna", 10 * MINUTE + 1, Offline, None)));
    shard.apply(&event(said[29]));
    assert_eq!((shard.input().overflow_facts, shard.input().duplicate), (1, 1));
    assert_eq!(over(&shard, 0, HOUR), before);
    // One among those kept still counts.
    shard.apply(&event(("anna", 28 * MINUTE + 30_000, Offline, None)));
    assert_eq!(over(&shard, 28 * MINUTE, 29 * MINUTE)["a"].time_ms, ByState { busy: 30_000, ..NOBODY });
}

#[test]
fn many_facts_of_one_instant_are_one_in_the_end() {
    let settings = Settings { limits: Limits { facts: 8, ..Limits::default() }, ..Settings::default() };
    let queues: Vec<String> = (0..9).map(|n| format!("q{n}")).collect();
    let said: Vec<Said<'_>> = queues.iter().map(|queue| ("anna", 0, Busy, Some(queue.as_str()))).collect();
    let shard = shard_of(&settings, Keep::Everything, &said);
    assert_eq!(facts_of(&shard, "anna"), 1);
    check(&shard, (0, MINUTE), "q8", ONE_BUSY, ByState { busy: 1, ..NOBODY });
    let bytes = shard.encode();
    assert_eq!(Shard::decode(&bytes, &settings).unwrap().encode(), bytes);
}

#[test]
fn agents_beyond_the_limit_are_dropped_and_counted() {
    let settings = Settings { limits: Limits { agents: 2, ..Limits::default() }, ..Settings::default() };
    let said = ["anna", "bert", "carl", "anna"].map(|agent| (agent, MINUTE, Busy, Some("a")));
    let mut shard = shard_of(&settings, Keep::Everything, &said);
    let input = shard.input();
    assert_eq!((shard.agents(), input.overflow_agents, input.duplicate), (2, 1, 1));
    check(&shard, (0, 2 * MINUTE), "a", ByState { busy: 2, ..NOBODY }, ByState { busy: 2, ..NOBODY });
    shard.apply(&event(("bert", 2 * MINUTE, Offline, None)));
    assert_eq!(shard.input().overflow_agents, 1);
}

#[test]
fn names_beyond_the_limit_are_one_queue() {
    let limits = Limits { lanes: 2, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let shard = shard_of(&settings, Keep::Everything, &[("anna", 0, Busy, Some("a b c d")), ("bert", 0, Busy, None)]);
    let tallies = over(&shard, 0, MINUTE);
    assert_eq!(tallies.keys().collect::<Vec<_>>(), ["_other", "_unknown", "a", "b"]);
    assert!(tallies.values().all(|tally| tally.now == ONE_BUSY), "{tallies:?}");
    assert_eq!(shard.input().overflow_lanes, 1);

    let many: Vec<String> = (0..70).map(|n| format!("q{n:02}")).collect();
    let shard = told(&[("anna", 0, Busy, Some(&many.join(" ")))]);
    let tallies = over(&shard, 0, MINUTE);
    assert_eq!((tallies.len(), shard.input().overflow_lanes), (65, 1));
    assert!(tallies.contains_key("q63") && tallies.contains_key("_other") && !tallies.contains_key("q64"));
}

#[test]
fn what_no_window_reaches_is_folded() {
    let said: Vec<Said<'_>> = (0..24)
        .map(|n| ("anna", n * HOUR + MINUTE, if n % 2 == 0 { Busy } else { Available }, Some("a").filter(|_| n == 0)))
        .chain([("bert", 2 * HOUR, Busy, Some("b")), ("bert", 3 * HOUR, Offline, None)])
        .collect();
    let [mut windows, mut everything] =
        [Keep::Windows, Keep::Everything].map(|keep| shard_of(&Settings::default(), keep, &said));
    for hour in 24..60 {
        for shard in [&mut windows, &mut everything] {
            pass(shard, hour * HOUR);
            // It corrects what is folded as well.
            shard.apply(&event(("anna", hour * HOUR - 5 * HOUR, Busy, None)));
        }
        for from in [hour - 24, hour - 7, hour - 1] {
            let [from, to] = [from, hour].map(|hour| hour * HOUR + 30 * MINUTE);
            let (folded, whole) = (over(&windows, from, to), over(&everything, from, to));
            assert_eq!(folded["a"], whole["a"], "from {from} to {to}");
        }
    }
    assert!(windows.agents.attendance.folded_to > BEGIN + 24 * HOUR);
    assert_eq!(everything.agents.attendance.folded_to, 0);
    assert!(!over(&windows, 50 * HOUR, 59 * HOUR).contains_key("b"), "nothing of b is left");
    assert!(windows.agents.attendance.counts.values().map(|headcount| headcount.edges().count()).sum::<usize>() < 40);
}

fn anna(shard: &mut Shard) -> &mut Agent {
    Arc::make_mut(shard.agents.held.get_mut("anna").unwrap())
}

#[test]
fn bytes_that_contradict_themselves_are_refused() {
    let said = [("anna", 0, Busy, Some("a")), ("bert", 0, Busy, None)];
    let good = told(&said);
    assert!(Shard::decode(&good.encode(), &Settings::default()).is_ok());
    let breaks: [fn(&mut Shard); 5] = [
        |shard| shard.agents.attendance.change(2, Busy, BEGIN, 1),
        |shard| shard.agents.attendance.change(77, Busy, BEGIN, 1),
        |shard| anna(shard).facts.clear(),
        |shard| anna(shard).facts[0].queues = [77].into(),
        |shard| shard.agents.attendance.folded_to = 1,
    ];
    for (number, breaks) in breaks.iter().enumerate() {
        let mut broken = good.clone();
        breaks(&mut broken);
        assert!(Shard::decode(&broken.encode(), &Settings::default()).is_err(), "break {number}");
    }
}
