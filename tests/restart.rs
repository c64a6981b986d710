//! Stopping anywhere changes nothing: a shard that is encoded, decoded and continued ends with the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdline::engine::board::{self, GroupBy, GroupKey};
use holdline::engine::calendar::{Calendar, CalendarSpec, Hours};
use holdline::engine::codec::DecodeError;
use holdline::engine::customers::CustomerKey;
use holdline::engine::settings::{Lifetimes, Overlays, Promises, Settings};
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::tally::{Cell, Measure};
use holdline::engine::view::View;
use holdline::event::decode::decode;
use holdline::event::{Event, EventTime};
use holdline::simulate::{Centre, Scenario};

const LIMIT: usize = 64 * 1024;
const MINUTE: u64 = 60_000;

const BY: GroupBy = GroupBy { queue: true, channel: true, tier: true };

/// Lines of a simulated centre, some of them twice, some out of order.
fn lines(events: u64) -> Vec<Vec<u8>> {
    let mut centre = Centre::new(&Scenario { events: Some(events), load: 0.2, ..Scenario::default() }).unwrap();
    let mut lines = Vec::new();
    let mut line = Vec::new();
    while centre.next_event(&mut line).is_some() {
        lines.push(std::mem::take(&mut line));
    }
    for at in (0..lines.len() - 20).step_by(7) {
        lines.swap(at, at + 13);
        let again = lines[at + 5].clone();
        lines.insert(at + 17, again);
    }
    lines
}

fn events(lines: &[Vec<u8>]) -> Vec<Event<'_>> {
    lines.iter().map(|line| decode(line, LIMIT).unwrap()).collect()
}

/// Lives so short that contacts are forgotten all the time.
fn settings() -> Arc<Settings> {
    let lifetimes = Lifetimes {
        settle_ms: 20 * MINUTE,
        expire_ms: 180 * MINUTE,
        expire_by_channel: [("voice".to_owned(), 30 * MINUTE)].into(),
        agent_expire_ms: 20 * MINUTE,
        lateness_ms: 10 * MINUTE,
    };
    Arc::new(Settings { lifetimes, ..Settings::default() })
}

fn shard_of(events: &[Event<'_>], keep: Keep) -> Shard {
    let mut shard = Shard::new(settings(), keep);
    events.iter().for_each(|event| shard.apply(event));
    shard
}

#[test]
fn a_stop_at_any_record_leaves_the_same_bytes() {
    let lines = lines(1_500);
    let events = events(&lines);
    for keep in [Keep::Everything, Keep::Windows] {
        let whole = shard_of(&events, keep).encode();
        let mut running = Shard::new(settings(), keep);
        for (stop, event) in events.iter().enumerate() {
            let bytes = running.encode();
            let mut continued = Shard::decode(&bytes, &settings()).unwrap();
            assert_eq!(continued.encode(), bytes, "stopped before record {stop}, nothing continued");
            // Continuing from every stop to the very end would take long: some do, the others for a while.
            let until = if stop % 50 == 0 { events.len() } else { events.len().min(stop + 40) };
            events[stop..until].iter().for_each(|event| continued.apply(event));
            let expected =
                if until == events.len() { whole.clone() } else { shard_of(&events[..until], keep).encode() };
            assert!(continued.encode() == expected, "stopped before record {stop}, continued to {until}");
            running.apply(event);
        }
        assert!(running.input().expired > 0, "the test means to see contacts forgotten");
        assert!(running.agents() > 10, "the test means to see agents");
        assert!(running.past_contacts() > 0, "the test means to see contacts of customers remembered");
    }
}

#[test]
fn damaged_bytes_are_refused_wherever_they_are_damaged() {
    let lines = lines(300);
    let bytes = shard_of(&events(&lines), Keep::Windows).encode();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(Shard::decode(&flipped, &settings()).is_err(), "a bit of byte {at} was flipped");
        assert!(Shard::decode(&bytes[..at], &settings()).is_err(), "cut before byte {at}");
    }
}

#[test]
fn foreign_bytes_and_other_settings_are_refused_by_name() {
    let bytes = Shard::new(settings(), Keep::Windows).encode();
    assert_eq!(Shard::decode(b"PNG", &settings()).unwrap_err(), DecodeError::Foreign);
    let mut newer = bytes.clone();
    newer[8] = 77;
    assert_eq!(Shard::decode(&newer, &settings()).unwrap_err(), DecodeError::Version(77));
    type Change = (&'static str, fn(&mut Settings));
    let changes: [Change; 10] = [
        ("lifetimes", |settings| settings.lifetimes.settle_ms += 1),
        ("lifetimes", |settings| settings.lifetimes.lateness_ms += 1),
        ("lifetimes", |settings| settings.lifetimes.agent_expire_ms += 1),
        ("limits", |settings| settings.limits.facts += 1),
        ("limits", |settings| settings.limits.agents += 1),
        ("limits", |settings| settings.limits.past_contacts += 1),
        ("customers", |settings| settings.customers.key = CustomerKey::of_secret(b"another secret, of 32 bytes, yes")),
        ("customers", |settings| settings.customers.repeat_within[1].length_ms += 1),
        ("slots", |settings| settings.slots.coarse_ms = 120_000),
        ("the longest of windows.counts", |settings| drop(settings.windows.pop())),
    ];
    for (name, change) in changes {
        let mut other = Settings::clone(&settings());
        change(&mut other);
        assert_eq!(Shard::decode(&bytes, &other).unwrap_err(), DecodeError::OtherSettings(name.to_owned()));
    }
    let mut shown_otherwise = Settings { zone: "Asia/Jerusalem".to_owned(), ..Settings::clone(&settings()) };
    shown_otherwise.limits.worst = 3;
    shown_otherwise.surveys.clear();
    shown_otherwise.customers.repeat_within[0].length_ms += 1;
    assert_eq!(Shard::decode(&bytes, &shown_otherwise).unwrap().encode(), bytes);
}

/// What can be promised otherwise from some moment on.
const OTHER_PROMISES: [fn(&mut Promises); 6] = [
    |promises| promises.service.all.answer_within_ms = Some(7_000),
    |promises| promises.service.all.goal = Some(0.5),
    |promises| {
        let said = promises.measures.entry(Measure::FirstReply).or_default();
        said.service.all.answer_within_ms = Some(90_000);
    },
    |promises| drop(promises.calendars.insert("any".to_owned(), Arc::new(open_from(9 * 60)))),
    |promises| {
        promises.calendars.insert("any".to_owned(), Arc::new(open_from(9 * 60)));
        promises.service.calendars.all = Some("any".to_owned());
        promises.service.all.business_time = Some(true);
    },
    |promises| drop(promises.queues.insert("of nobody yet".to_owned(), Overlays::default())),
];

/// The same as if it had been known from the beginning when the promises would change.
#[test]
fn other_promises_hold_from_stream_time_on() {
    let lines = lines(1_200);
    let events = events(&lines);
    for (number, change) in OTHER_PROMISES.into_iter().enumerate() {
        for stop in [0, 1, 40, 400, 800] {
            let bytes = shard_of(&events[..stop], Keep::Windows).encode();
            let mut other = Settings::clone(&settings());
            change(&mut other.promises[0].1);
            let mut continued = Shard::decode(&bytes, &other).unwrap();
            let row = continued.settings().promises.last().unwrap().clone();
            assert_eq!(row.1, other.promises[0].1);
            let known = if stop == 0 { vec![row] } else { vec![settings().promises[0].clone(), row] };
            let known = Arc::new(Settings { promises: known, ..Settings::clone(&settings()) });
            let mut foretold = Shard::new(Arc::clone(&known), Keep::Windows);
            events[..stop].iter().for_each(|event| foretold.apply(event));
            for event in &events[stop..] {
                continued.apply(event);
                foretold.apply(event);
            }
            let group = |shard: &Shard| View::of(&[shard], shard.end().unwrap(), BY);
            assert_eq!(group(&continued), group(&foretold), "change {number} at {stop}");
            // And so it is kept: the same promises again are no change.
            let bytes = continued.encode();
            assert_eq!(Shard::decode(&bytes, &other).unwrap().encode(), bytes, "change {number} at {stop}");
        }
    }
}

#[test]
fn who_tells_of_a_time_ahead_is_booked_anew_when_promises_change() {
    // A wild time, which is refuted: its offer is booked by promises that change before stream time gets there.
    let mut shard = Shard::new(settings(), Keep::Windows);
    let text = |kind: &str, contact: &str, second: u64| {
        let rest = if kind == "offered" { r#","queue":"billing""# } else { "" };
        format!(r#"{{"type":"{kind}","contact_id":"{contact}"{rest},"time":{}}}"#, 1_700_000_000_000 + second * 1_000)
    };
    let apply = |shard: &mut Shard, text: String| shard.apply(&decode(text.as_bytes(), LIMIT).unwrap());
    for second in 0..20 {
        apply(&mut shard, text("offered", &format!("c{second}"), second));
        if second == 10 {
            apply(&mut shard, text("offered", "wild", 50_000));
        }
    }
    let mut other = Settings::clone(&settings());
    other.promises[0].1.service.all.answer_within_ms = Some(7_000);
    let mut shard = Shard::decode(&shard.encode(), &other).unwrap();
    // Had it been left as it was booked, taking it back would fail.
    apply(&mut shard, text("answered", "wild", 50_010));
    let late = board::totals(&[&shard], EventTime::MAX, GroupBy::default());
    let cells = late[&GroupKey::default()].measures[&Measure::Wait].cells;
    assert_eq!((cells[Cell::AnsweredWithin], cells[Cell::Answered]), (0, 1));
}

#[test]
fn a_frozen_shard_stays_as_it_was() {
    let lines = lines(1_500);
    let events = events(&lines);
    let mut running = Shard::new(settings(), Keep::Windows);
    let mut frozen = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if at % 100 == 0 {
            frozen.push((running.freeze(), running.encode()));
        }
        running.apply(event);
    }
    assert!(frozen.len() > 10);
    for (at, (frozen, bytes)) in frozen.iter().enumerate() {
        assert!(frozen.encode() == *bytes, "frozen {at}");
    }
}

fn open_from(minute: u16) -> Calendar {
    let hours = vec![Hours::new(minute, 17 * 60).unwrap()];
    let week = std::array::from_fn(|_| hours.clone());
    Calendar::new(CalendarSpec { zone: "UTC".to_owned(), week, days: BTreeMap::new() }).unwrap()
}

#[test]
fn bytes_tell_what_is_held_not_how_it_came() {
    let text = |kind: &str, contact: &str, time: u64| {
        let rest = if kind == "offered" { r#","queue":"billing""# } else { "" };
        format!(r#"{{"type":"{kind}","contact_id":"{contact}"{rest},"time":{time}}}"#).into_bytes()
    };
    let offers = [text("offered", "anna", 1_700_000_000_000), text("offered", "bert", 1_700_000_000_000)];
    let answers = [text("answered", "anna", 1_700_000_008_000), text("answered", "bert", 1_700_000_008_000)];
    let log = [offers.clone(), answers.clone()].concat();
    let [anna, bert] = answers;
    let otherwise = [offers.to_vec(), vec![bert, anna]].concat();
    assert_eq!(shard_of(&events(&log), Keep::Windows).encode(), shard_of(&events(&otherwise), Keep::Windows).encode());
}
