//! Input that means harm, or is merely broken: counted, bounded, and never in the way of the rest.

use std::borrow::Cow;
use std::sync::Arc;

use holdline::engine::board::{self, GroupBy};
use holdline::engine::settings::{Limits, Settings};
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::tally::{Cell, Measure};
use holdline::event::{ContactEvent, Event, EventTime, Kind};

const START_MS: u64 = 1_772_438_400_000;

fn event(contact: String, time: u64, kind: Kind<'static>) -> Event<'static> {
    let (time, contact_id) = (EventTime::from_millis(time).unwrap(), Cow::Owned(contact));
    Event::Contact(ContactEvent { contact_id, time, queue: None, agent_id: None, customer_id: None, kind })
}

fn offer(queue: String) -> Kind<'static> {
    Kind::Offered { queue: queue.into(), channel: "voice".into(), tier: "standard".into() }
}

fn shard(limits: Limits) -> Shard {
    Shard::new(Arc::new(Settings { limits, ..Settings::default() }), Keep::Windows)
}

fn offered(shard: &Shard) -> u64 {
    let groups = board::totals(&[shard], EventTime::MAX, GroupBy::default());
    groups.values().map(|group| group.measures[&Measure::Wait].cells[Cell::Offered]).sum()
}

#[test]
fn a_hundred_thousand_queue_names_are_tallied_as_other() {
    let mut shard = shard(Limits { lanes: 1_000, ..Limits::default() });
    for number in 0..100_000 {
        shard.apply(&event(format!("c{number}"), START_MS + number, offer(format!("queue-{number}"))));
    }
    assert_eq!(shard.lanes(), 1_001);
    assert_eq!(shard.input().overflow_lanes, 99_000);
    assert_eq!(offered(&shard), 100_000);
}

#[test]
fn contacts_beyond_the_limit_are_dropped_and_counted() {
    let mut shard = shard(Limits { contacts: 100, ..Limits::default() });
    for number in 0..1_000 {
        shard.apply(&event(format!("c{number}"), START_MS + number, offer("billing".to_owned())));
    }
    assert_eq!((shard.contacts(), shard.input().overflow_contacts), (100, 900));
    assert_eq!(offered(&shard), 100);
}

#[test]
fn facts_beyond_the_limit_are_dropped_and_counted() {
    let mut shard = shard(Limits { facts: 64, ..Limits::default() });
    shard.apply(&event("c".to_owned(), START_MS, offer("billing".to_owned())));
    for number in 1..10_000 {
        shard.apply(&event("c".to_owned(), START_MS + number, Kind::CustomerMessage));
    }
    assert_eq!(shard.input().overflow_facts, 10_000 - 64);
}

#[test]
fn the_ends_of_time_break_nothing() {
    let mut shard = shard(Limits::default());
    for time in [0, EventTime::MAX.millis(), 1, EventTime::MAX.millis() - 1, START_MS] {
        for kind in [offer("billing".to_owned()), Kind::Answered, Kind::Completed(None), Kind::Abandoned] {
            for contact in 0..20 {
                shard.apply(&event(format!("c{contact}"), time, kind.clone()));
                shard.apply(&event(format!("d{contact}-{time}"), time, kind.clone()));
            }
        }
        for now in [EventTime::default(), shard.end().unwrap(), EventTime::MAX] {
            board::totals(&[&shard], now, GroupBy::default());
            for window in &shard.settings().windows {
                board::window(&[&shard], window, now, GroupBy::default());
            }
        }
    }
    let bytes = shard.encode();
    let settings = Arc::new(shard.settings().clone());
    assert_eq!(Shard::decode(&bytes, &settings).unwrap().encode(), bytes);
}

#[test]
fn silence_for_a_century_and_back_keeps_memory_small() {
    let mut shard = shard(Limits::default());
    let century = 100 * 365 * 86_400_000;
    for step in 0..200 {
        let time =
            if step % 2 == 0 { START_MS + step } else { START_MS.min(EventTime::MAX.millis() - century) + century };
        shard.apply(&event(format!("c{step}"), time.min(EventTime::MAX.millis()), offer("billing".to_owned())));
    }
    assert!(shard.encode().len() < 100_000, "{} bytes", shard.encode().len());
}

#[test]
fn what_windows_need_is_all_that_is_kept() {
    const HOUR_MS: u64 = 3_600_000;
    let mut shard = shard(Limits::default());
    let mut sizes = Vec::new();
    for hour in 0..460 * 24 {
        let events = [(offer("billing".to_owned()), 0), (Kind::Answered, 8_000), (Kind::Completed(None), 60_000)];
        for (kind, after_ms) in events {
            shard.apply(&event(format!("c{hour:04}"), START_MS + hour * HOUR_MS + after_ms, kind));
        }
        if hour % (10 * 24) == 10 * 24 - 1 {
            sizes.push(shard.encode().len());
        }
    }
    // Of each day past there is how many came in each hour, in three bytes; of days more than a year ago nothing. Counters
    // grow by a digit or two; a page more would be tens of bytes.
    let growth: Vec<usize> = sizes.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    assert!(growth.iter().all(|growth| *growth < 10 * (24 * 3 + 4)), "{growth:?}");
    assert!(growth[42..].iter().all(|growth| *growth < 16), "{growth:?}");
}
