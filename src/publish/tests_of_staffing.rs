//! One queue with calls and letters: what is aimed at, and how long contacts are ready to wait.

use std::sync::Arc;

use super::*;
use crate::config::Config;
use crate::engine::board::GroupBy;
use crate::engine::settings::Settings;
use crate::engine::shard::{Keep, Shard};
use crate::event::EventTime;
use crate::event::decode::decode;

/// 2024-01-01T12:00:00Z.
const NOW_MS: u64 = 1_704_110_400_000;
const MINUTE_MS: u64 = 60_000;

fn settings() -> Settings {
    let letters = "[service.channel.email]\nanswer_within = \"1d\"\ngoal = 0.9\n";
    Config::parse(letters, &[]).unwrap().settings
}

/// What was offered on a channel so many milliseconds before now, and what came of it how long after that.
#[derive(Clone)]
struct Contact {
    channel: &'static str,
    before_ms: u64,
    then: Option<(&'static str, u64)>,
}

fn calls(number: u64, from_ms: u64, every_ms: u64, then: Option<(&'static str, u64)>) -> Vec<Contact> {
    (0..number).map(|call| Contact { channel: "voice", before_ms: from_ms - call * every_ms, then }).collect()
}

fn outlook_of(contacts: &[Contact], known: &KnownBefore) -> Outlook {
    let settings = settings();
    let mut shard = Shard::new(Arc::new(settings.clone()), Keep::Windows);
    let mut events = Vec::new();
    for (id, Contact { channel, before_ms, then }) in contacts.iter().enumerate() {
        let offered = NOW_MS - before_ms;
        let told = |kind: &str, time: u64| {
            format!(r#"{{"type":"{kind}","contact_id":"{id}","queue":"q","channel":"{channel}","time":{time}}}"#)
        };
        events.push((offered, told("offered", offered)));
        events.extend(then.map(|(kind, after_ms)| (offered + after_ms, told(kind, offered + after_ms))));
    }
    events.sort();
    events.iter().for_each(|(_, event)| shard.apply(&decode(event.as_bytes(), 1 << 16).unwrap()));
    let view = View::of(&[&shard], EventTime::from_millis(NOW_MS).unwrap(), GroupBy::EACH);
    let windows = Windows::new(&settings.windows, settings.slots);
    let staffing = config::Staffing::default();
    let of = |only| outlooks(&view, &windows, &staffing, only, |_| known.clone());
    assert!(of(Some("r")).is_empty());
    let outlook = of(Some("q")).remove("q").unwrap();
    assert_eq!(of(None)["q"], outlook);
    outlook
}

fn aims(outlook: &Outlook) -> [Option<(f64, f64)>; 2] {
    [outlook.aim, outlook.planning.aim].map(|aim| aim.map(|aim| (aim.target_seconds, aim.goal)))
}

const CALLS: Option<(f64, f64)> = Some((20.0, 0.8));
const LETTERS: Option<(f64, f64)> = Some((86_400.0, 0.9));

fn lane(channel: &str) -> LeadingLane {
    LeadingLane { channel: Some(channel.to_owned()), tier: Some("standard".to_owned()) }
}

#[test]
fn letters_that_come_at_once_are_aimed_at_now_and_not_on_days_to_come() {
    // Thirty calls in the morning, and five letters a while ago.
    let mut contacts = calls(30, 240 * MINUTE_MS, MINUTE_MS, Some(("answered", 5_000)));
    let none = KnownBefore::default();
    assert_eq!(aims(&outlook_of(&contacts, &none)), [CALLS, CALLS], "nobody came in the last half hour");
    contacts.extend((1..6).map(|letter| Contact { channel: "email", before_ms: letter * MINUTE_MS, then: None }));
    let outlook = outlook_of(&contacts, &none);
    assert_eq!(aims(&outlook), [LETTERS, CALLS]);
    assert_eq!(outlook.leading, Some(lane("voice")));
    // As many of both a day: the first by name leads.
    let of_both = [calls(5, 90 * MINUTE_MS, MINUTE_MS, None), contacts.split_off(30)].concat();
    assert_eq!(outlook_of(&of_both, &none).leading, Some(lane("email")));
}

#[test]
fn without_anybody_for_a_day_the_lane_that_was_known_before_leads() {
    let mut contacts = calls(2, 40 * 60 * MINUTE_MS, MINUTE_MS, Some(("answered", 5_000)));
    contacts.push(Contact { channel: "email", before_ms: 40 * 60 * MINUTE_MS, then: Some(("answered", 9_000)) });
    let nothing = outlook_of(&contacts, &KnownBefore::default());
    assert_eq!((aims(&nothing), nothing.leading), ([LETTERS, LETTERS], None), "the first by name");
    let known = KnownBefore { leading: Some(lane("voice")), ..KnownBefore::default() };
    assert_eq!(aims(&outlook_of(&contacts, &known)), [CALLS, CALLS]);
    // A file that tells tiers apart, and a service that does not.
    let coarse = GroupKey { queue: None, channel: Some("voice".to_owned()), tier: None };
    assert!(lane("voice").is_in(&coarse) && !lane("email").is_in(&coarse));
}

#[test]
fn the_patience_of_callers_is_not_that_of_letters() {
    let times = KnownTimes { handle_seconds: Some(180.0), patience_seconds: Some(120.0) };
    let known = KnownBefore { times, leading: Some(lane("voice")) };
    let patience = |contacts: &[Contact]| outlook_of(contacts, &known).patience.map(|patience| patience.seconds());
    let letters: Vec<Contact> =
        (1..6).map(|letter| Contact { channel: "email", before_ms: letter * MINUTE_MS, then: None }).collect();
    assert_eq!(patience(&letters), None);
    assert_eq!(patience(&calls(3, 9 * MINUTE_MS, MINUTE_MS, Some(("answered", 5_000)))), Some(120.0));
}

#[test]
fn who_waits_still_is_patient() {
    // Ten gave up after a minute; a hundred came over twenty minutes, and wait.
    let mut contacts = calls(10, 25 * MINUTE_MS, 1_000, Some(("abandoned", 60_000)));
    let gave_up = outlook_of(&contacts, &KnownBefore::default()).patience.unwrap().seconds();
    assert_eq!(gave_up, 60.0);
    contacts.extend(calls(100, 20 * MINUTE_MS, 12_000, None));
    let found = outlook_of(&contacts, &KnownBefore::default()).patience.unwrap().seconds();
    let waited: f64 = (0..100).map(|call| 1_200.0 - 12.0 * f64::from(call)).sum();
    let expected = (600.0 + waited) / 10.0;
    assert!((found / expected - 1.0).abs() < 0.05, "{found}, and it is {expected}");
}

#[test]
fn whoever_was_never_told_to_be_gone_does_not_count() {
    // Twelve that came ten hours ago; six hundred answered after a minute; thirty of the last minute and a half, who wait.
    let mut contacts = calls(12, 600 * MINUTE_MS, 1_000, None);
    contacts.extend(calls(500, 27 * MINUTE_MS, 3_000, Some(("answered", 60_000))));
    contacts.extend(calls(10, 25 * MINUTE_MS, 1_000, Some(("abandoned", 60_000))));
    let found = |contacts: &[Contact]| outlook_of(contacts, &KnownBefore::default()).patience.unwrap().seconds();
    let without = found(&contacts[12..]);
    assert_eq!(without, 510.0 * 60.0 / 10.0);
    contacts.extend(calls(30, 90_000, 3_000, None));
    let waited: f64 = (0..30).map(|call| 90.0 - 3.0 * f64::from(call)).sum();
    let off = found(&contacts) - without - waited / 10.0;
    assert!(off.abs() < 0.05 * without, "{off} of {without}");
}

#[test]
fn who_writes_a_letter_is_not_who_calls() {
    let mut contacts = calls(40, 25 * MINUTE_MS, 1_000, Some(("abandoned", 60_000)));
    contacts.extend((0..10).map(|_| Contact { channel: "email", before_ms: 20 * MINUTE_MS, then: None }));
    assert_eq!(outlook_of(&contacts, &KnownBefore::default()).patience.unwrap().seconds(), 60.0);
}

#[test]
fn closed_slots_in_which_hardly_anybody_comes_need_nobody() {
    let times = KnownTimes { handle_seconds: Some(180.0), patience_seconds: None };
    let aim = Aim { max_occupancy: 1.0, ..Aim::new(20.0, 0.8) };
    let planning = Planning { times, aim: Some(aim) };
    let slot =
        |mean: f64, is_open: bool| SlotForecast { quarter: 0, mean, lower: 0.0, upper: 0.0, spread: 0.0, is_open };
    let agents = |mean: f64, is_open: bool| planning.required(&slot(mean, is_open)).unwrap().agents;
    assert_eq!([agents(50.0, true), agents(0.1, true), agents(0.1, false), agents(50.0, false)], [14, 1, 0, 14]);
    assert_eq!(Planning { aim: None, ..planning }.required(&slot(50.0, true)), None);
    assert_eq!(Planning { times: KnownTimes::default(), ..planning }.required(&slot(50.0, true)), None);
}
