//! Who is out of all proportion, of histories worked out by hand.

use std::sync::Arc;

use super::*;
use crate::engine::settings::Settings;
use crate::engine::shard::Keep;
use crate::event::decode::decode;

/// 2024-01-01T09:00:00Z.
const START: u64 = 1_704_099_600_000;

fn shard(lines: &[String]) -> Shard {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    apply(&mut shard, lines);
    shard
}

fn apply(shard: &mut Shard, lines: &[String]) {
    for line in lines {
        shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
    }
}

/// An event of a contact so many seconds after the start.
fn event(kind: &str, id: &str, seconds: u64) -> String {
    let more = match kind {
        "offered" => r#","queue":"q","channel":"chat""#,
        "left" => r#","reason":"transfer""#,
        _ => "",
    };
    format!(r#"{{"type":"{kind}","contact_id":"{id}","time":{}{more}}}"#, START + seconds * 1_000)
}

fn at(seconds: u64) -> EventTime {
    EventTime::from_millis(START + seconds * 1_000).unwrap()
}

fn by_aspect(limits: &[(Aspect, u64)]) -> ByAspect {
    let mut by_aspect = ByAspect::default();
    limits.iter().for_each(|(aspect, limit)| by_aspect.set(*aspect, Some(*limit)));
    by_aspect
}

/// What the lane of all contacts here saw itself.
fn fences_of(limits: &[(Aspect, u64)]) -> Arc<Fences> {
    let past = [(GroupKey::of(["q", "chat", "standard"], GroupBy::EACH), by_aspect(limits))].into();
    Arc::new(Fences { past, ..Fences::default() })
}

/// What is found at an instant: ids and values, and whether it goes on.
fn found(shard: &mut Shard, seconds: u64) -> Vec<(String, u64, bool)> {
    let crossings = shard.crossings(at(seconds), usize::MAX, |_| false).into_iter();
    crossings.map(|crossing| (crossing.id(), crossing.value, crossing.goes_on)).collect()
}

fn id(contact: &str, seconds: u64, aspect: &str) -> String {
    format!("{contact}/{}/{aspect}", START + seconds * 1_000)
}

#[test]
fn whoever_waits_crosses_while_waiting() {
    let mut shard = shard(&[event("offered", "a", 0), event("offered", "b", 30)]);
    shard.fence(&fences_of(&[(Aspect::Wait, 60_000)]));
    assert_eq!(found(&mut shard, 60), []);
    assert_eq!(found(&mut shard, 70), [(id("a", 0, "wait"), 70_000, true)]);
    // Told each time, under the same id; when answered, it is the end of the same wait.
    assert_eq!(found(&mut shard, 90), [(id("a", 0, "wait"), 90_000, true)]);
    apply(&mut shard, &[event("answered", "a", 95), event("answered", "b", 89)]);
    assert_eq!(found(&mut shard, 100), [(id("a", 0, "wait"), 95_000, false)]);
    assert_eq!(found(&mut shard, 110), []);
}

#[test]
fn what_ended_between_two_looks_is_found() {
    let mut shard = shard(&[]);
    apply(&mut shard, &[event("offered", "z", 0), event("answered", "z", 1)]);
    let limits = [(Aspect::Wait, 60_000), (Aspect::Handle, 100_000), (Aspect::Replies, 2), (Aspect::Transfers, 0)];
    shard.fence(&fences_of(&limits));
    let told = [
        event("offered", "a", 0),
        event("abandoned", "a", 61),
        event("offered", "b", 0),
        event("answered", "b", 10),
        event("agent_reply", "b", 20),
        event("agent_reply", "b", 21),
        event("agent_reply", "b", 22),
        event("completed", "b", 111),
        event("offered", "c", 0),
        event("answered", "c", 60),
        event("completed", "c", 160),
    ];
    apply(&mut shard, &told);
    let expected = [
        (id("a", 0, "wait"), 61_000, false),
        (id("b", 0, "replies"), 3, false),
        (id("b", 10, "handle"), 101_000, false),
        // Answered before there was a fence, and nobody said that it is over.
        (id("z", 1, "handle"), 199_000, true),
    ];
    assert_eq!(found(&mut shard, 200), expected);
}

#[test]
fn a_pause_is_no_wait() {
    // Chats count all time but pauses.
    let told = [event("offered", "a", 0), event("paused", "a", 10), event("resumed", "a", 110)];
    // After the target of 20 s, and for ever.
    let later = [event("offered", "b", 0), event("paused", "b", 30)];
    let mut shard = shard(&[&told[..], &later].concat());
    shard.fence(&fences_of(&[(Aspect::Wait, 60_000), (Aspect::Resolution, 90_000)]));
    assert_eq!(found(&mut shard, 160), []);
    assert_eq!(found(&mut shard, 170), [(id("a", 0, "wait"), 70_000, true)]);
    // Nothing is promised on resolutions.
    let resolution = (id("a", 0, "resolution"), 100_000, true);
    assert_eq!(found(&mut shard, 200), [(id("a", 0, "wait"), 100_000, true), resolution]);
}

#[test]
fn replies_on_which_nothing_is_promised_are_found_when_they_come() {
    let mut shard = shard(&[]);
    shard.fence(&Arc::new(Fences::fixed(
        GroupBy::EACH,
        Limits { usual: by_aspect(&[(Aspect::FirstReply, 50_000), (Aspect::NextReply, 20_000)]), ..Limits::default() },
    )));
    let told = [
        event("offered", "a", 0),
        event("customer_message", "a", 1),
        event("agent_reply", "a", 61),
        event("customer_message", "a", 100),
        event("agent_reply", "a", 130),
    ];
    apply(&mut shard, &told);
    let mut expected = vec![
        (id("a", 1, "next_reply"), 60_000, false),
        (id("a", 0, "first_reply"), 61_000, false),
        (id("a", 100, "next_reply"), 30_000, false),
    ];
    let mut found = found(&mut shard, 140);
    // Each again as often as the effort of the contact changed.
    found.sort();
    found.dedup();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_lane_has_its_fixed_limits_from_its_first_contact_on() {
    let of_queue =
        Limits { by_queue: [("q".to_owned(), by_aspect(&[(Aspect::Wait, 5_000)]))].into(), ..Limits::default() };
    // Also where lanes are not told apart by queue.
    let by = GroupBy { queue: false, ..GroupBy::EACH };
    let mut shard = shard(&[]);
    shard.fence(&Arc::new(Fences::fixed(by, of_queue)));
    apply(&mut shard, &[event("offered", "a", 0), event("answered", "a", 6)]);
    assert_eq!(found(&mut shard, 10), [(id("a", 0, "wait"), 6_000, false)]);
}

#[test]
fn the_fence_is_that_which_was_crossed() {
    let mut shard = shard(&[]);
    shard.fence(&fences_of(&[(Aspect::Wait, 60_000)]));
    apply(&mut shard, &[event("offered", "a", 0), event("abandoned", "a", 61)]);
    shard.fence(&fences_of(&[(Aspect::Wait, 90_000)]));
    let found = shard.crossings(at(70), usize::MAX, |_| false);
    assert_eq!(found.iter().map(|crossing| (crossing.value, crossing.fence)).collect::<Vec<_>>(), [(61_000, 60_000)]);
}

#[test]
fn without_a_fence_nobody_is_found() {
    let mut shard = shard(&[event("offered", "a", 0)]);
    assert_eq!(found(&mut shard, 50_000), []);
    shard.fence(&fences_of(&[(Aspect::Wait, 60_000)]));
    assert_eq!(found(&mut shard, 50_000).len(), 1);
    shard.fence(&Arc::default());
    assert_eq!(found(&mut shard, 50_000), []);
}

#[test]
fn fences_are_the_lower_of_past_and_limit() {
    let mut log = Vec::new();
    for number in 1..=100 {
        log.push(event("offered", &number.to_string(), 1_000));
        log.push(event("answered", &number.to_string(), 1_000 + number));
    }
    let shard = shard(&log);
    let view = View::of(&[&shard], at(1_200), GroupBy::EACH);
    let windows = &shard.settings().windows;
    let usual = OutlierSettings { min_contacts: 100, ..OutlierSettings::default() };
    let wait = |settings: &OutlierSettings| {
        let (past, limits) = (past(&view, windows, settings), settings.limits.clone());
        Fences { by: GroupBy::EACH, past, limits }.of_lane(["q", "chat", "standard"]).of(Aspect::Wait)
    };
    // The quantile of rank 99 of 100 is 99 s: the upper end of its cell, which is 64 ms wide.
    assert_eq!(wait(&usual), Some(3 * 99_007));
    assert_eq!(wait(&OutlierSettings { min_contacts: 101, ..usual.clone() }), None);
    let limit = |millis| by_aspect(&[(Aspect::Wait, millis)]);
    let of_chat = Limits { by_channel: [("chat".to_owned(), limit(50_000))].into(), ..Limits::default() };
    assert_eq!(wait(&OutlierSettings { limits: of_chat.clone(), ..usual.clone() }), Some(50_000));
    let of_queue = Limits { by_queue: [("q".to_owned(), limit(900_000))].into(), ..of_chat };
    let with_both = OutlierSettings { limits: of_queue, ..usual.clone() };
    assert_eq!(wait(&with_both), Some(3 * 99_007));
    assert_eq!(wait(&OutlierSettings { min_contacts: 101, ..with_both }), Some(900_000));
    // Nobody wrote.
    assert_eq!(past(&view, windows, &usual).values().next().unwrap().of(Aspect::FirstReply), None);
}

/// Ids of those that are found and were not told before.
fn told(told: &mut Told, shard: &mut Shard, seconds: u64) -> Vec<String> {
    let new = told.find(shard, at(seconds), 1_000_000);
    new.into_iter().map(|outlier| outlier.crossing.id()).collect()
}

#[test]
fn each_is_told_once() {
    let mut shard = shard(&[event("offered", "a", 0), event("offered", "b", 5)]);
    shard.fence(&fences_of(&[(Aspect::Wait, 60_000)]));
    let mut known = Told::default();
    assert_eq!(told(&mut known, &mut shard, 70), [id("a", 0, "wait"), id("b", 5, "wait")]);
    assert_eq!(told(&mut known, &mut shard, 80), [""; 0]);
    apply(&mut shard, &[event("answered", "a", 85)]);
    assert_eq!(told(&mut known, &mut shard, 90), [""; 0]);
    assert_eq!(known.latest().len(), 2);
    // Who goes on with what was told tells nothing again.
    let bytes = postcard::to_allocvec(&known).unwrap();
    let mut again: Told = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(again, known);
    assert_eq!(told(&mut again, &mut shard, 90), [""; 0]);
}

#[test]
fn who_was_noted_and_not_told_is_told_by_whoever_goes_on() {
    let mut shard = shard(&[]);
    shard.fence(&fences_of(&[(Aspect::Replies, 1)]));
    let replies = [event("offered", "a", 0), event("agent_reply", "a", 1), event("agent_reply", "a", 2)];
    apply(&mut shard, &replies);
    // At the end, between two looks.
    let bytes = postcard::to_allocvec(&Told::default().with_noted(&shard)).unwrap();
    let mut restored = self::shard(&replies);
    let mut known: Told = postcard::from_bytes(&bytes).unwrap();
    known.hand_noted(&mut restored);
    assert_eq!(told(&mut known, &mut restored, 10), [id("a", 0, "replies")]);
    assert_eq!(told(&mut known, &mut restored, 20), [""; 0]);
}

#[test]
fn only_so_many_are_told_at_a_time() {
    let names = ["a", "b", "c"].map(|name| event("offered", name, 0));
    let mut shard = shard(&names);
    shard.fence(&fences_of(&[(Aspect::Wait, 60_000)]));
    let mut known: Vec<String> = Vec::new();
    for expected in [2, 1, 0] {
        let new = shard.crossings(at(100), 2, |id| known.iter().any(|told| told == id));
        assert_eq!(new.len(), expected);
        known.extend(new.iter().map(Crossing::id));
    }
}

#[test]
fn names_are_read_back() {
    for aspect in Aspect::ALL {
        assert_eq!(Aspect::from_name(aspect.name()), Some(aspect));
    }
    assert_eq!(Aspect::from_name("patience"), None);
}
