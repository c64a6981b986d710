//! Stopping anywhere changes nothing: a shard that is encoded, decoded and continued ends with the same bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdline::engine::calendar::{Calendar, CalendarSpec, Hours};
use holdline::engine::codec::DecodeError;
use holdline::engine::customers::CustomerKey;
use holdline::engine::settings::{Lifetimes, Settings};
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::tally::Measure;
use holdline::event::Event;
use holdline::event::decode::decode;
use holdline::simulate::{Centre, Scenario};

const LIMIT: usize = 64 * 1024;
const MINUTE: u64 = 60_000;

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
            let mut continued = Shard::decode(&bytes, settings()).unwrap();
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
        assert!(Shard::decode(&flipped, settings()).is_err(), "a bit of byte {at} was flipped");
        assert!(Shard::decode(&bytes[..at], settings()).is_err(), "cut before byte {at}");
    }
}

fn open_from(minute: u16) -> Calendar {
    let hours = vec![Hours::new(minute, 17 * 60).unwrap()];
    let week = std::array::from_fn(|_| hours.clone());
    Calendar::new(CalendarSpec { zone: "UTC".to_owned(), week, days: BTreeMap::new() }).unwrap()
}

#[test]
fn other_hours_under_the_same_name_are_other_settings() {
    let settings = |minute| {
        let calendars = [("any".to_owned(), Arc::new(open_from(minute)))].into();
        Arc::new(Settings { calendars, ..Settings::clone(&settings()) })
    };
    let bytes = Shard::new(settings(9 * 60), Keep::Windows).encode();
    assert!(Shard::decode(&bytes, settings(9 * 60)).is_ok());
    assert_eq!(Shard::decode(&bytes, settings(8 * 60)).unwrap_err(), DecodeError::OtherSettings);
}

#[test]
fn foreign_bytes_and_other_settings_are_refused_by_name() {
    let bytes = Shard::new(settings(), Keep::Windows).encode();
    assert_eq!(Shard::decode(b"PNG", settings()).unwrap_err(), DecodeError::Foreign);
    let mut newer = bytes.clone();
    newer[8] = 77;
    assert_eq!(Shard::decode(&newer, settings()).unwrap_err(), DecodeError::Version(77));
    let changes: [fn(&mut Settings); 18] = [
        |settings| settings.promises[0].1.service.all.answer_within_ms = Some(30_000),
        |settings| settings.promises[0].1.service.all.business_time = Some(true),
        |settings| {
            let said = settings.promises[0].1.measures.entry(Measure::FirstReply).or_default();
            said.service.all.answer_within_ms = Some(86_400_000);
        },
        |settings| settings.promises.push(settings.promises[0].clone()),
        |settings| settings.lifetimes.settle_ms += 1,
        |settings| settings.lifetimes.lateness_ms += 1,
        |settings| settings.lifetimes.agent_expire_ms += 1,
        |settings| settings.limits.facts += 1,
        |settings| settings.limits.agents += 1,
        |settings| settings.limits.past_contacts += 1,
        |settings| settings.customers.key = CustomerKey::of_secret(b"another secret, of 32 bytes, yes"),
        |settings| settings.customers.repeat_within[1].length_ms += 1,
        |settings| settings.slots.coarse_ms = 120_000,
        |settings| drop(settings.windows.pop()),
        |settings| settings.promises[0].1.service.calendars.all = Some("any".to_owned()),
        |settings| drop(settings.promises[0].1.service.calendars.channel.insert("chat".to_owned(), "any".to_owned())),
        |settings| drop(settings.promises[0].1.service.calendars.tier.insert("vip".to_owned(), "any".to_owned())),
        |settings| drop(settings.calendars.insert("any".to_owned(), Arc::new(open_from(9 * 60)))),
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut other = Settings::clone(&settings());
        change(&mut other);
        let refused = Shard::decode(&bytes, Arc::new(other)).unwrap_err();
        assert_eq!(refused, DecodeError::OtherSettings, "change {number}");
    }
    let mut shown_otherwise = Settings { zone: "Asia/Jerusalem".to_owned(), ..Settings::clone(&settings()) };
    shown_otherwise.promises[0].1.service.all.goal = Some(0.5);
    shown_otherwise.limits.worst = 3;
    shown_otherwise.surveys.clear();
    shown_otherwise.customers.repeat_within[0].length_ms += 1;
    assert!(Shard::decode(&bytes, Arc::new(shown_otherwise)).is_ok());
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
