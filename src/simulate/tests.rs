//! What the centre as a whole promises: the same bytes, the truth about each contact, the shape of load and waits.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::civil::date;
use serde_json::Value;

use super::*;

/// All lines of a scenario.
fn lines(scenario: &Scenario) -> (Vec<u8>, Vec<Produced>) {
    let mut centre = Centre::new(scenario).expect("a scenario that makes sense");
    let (mut out, mut all) = (Vec::new(), Vec::new());
    while let Some(produced) = centre.next_event(&mut out) {
        all.push(produced);
    }
    (out, all)
}

pub(super) fn events(scenario: &Scenario) -> Vec<(u64, Value)> {
    let (out, all) = lines(scenario);
    all.iter()
        .map(|produced| (produced.time_ms, serde_json::from_slice(&out[produced.line.clone()]).expect("valid JSON")))
        .collect()
}

pub(super) fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or("")
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn a_seed_gives_these_bytes() {
    let scenario = |seed, queues| Scenario { seed, queues, days: None, events: Some(50_000), ..Scenario::default() };
    let hash_of = |seed, queues| hash(&lines(&scenario(seed, queues)).0);
    // Whoever changes the output changes these numbers, knowing that every recorded run changes with them.
    assert_eq!(format!("{:016x}", hash_of(1, 6)), "763831caa5d15df9");
    assert_eq!(format!("{:016x}", hash_of(2, 20)), "ffb5d3a73193c3e7");
}

#[test]
fn lines_are_where_they_are_said_to_be() {
    let (out, all) = lines(&Scenario { load: 0.1, ..Scenario::default() });
    let (mut end, mut time_ms) = (0, 0);
    for produced in &all {
        assert_eq!(produced.line.start, end, "lines follow each other");
        assert_eq!(out[produced.line.end], b'\n');
        end = produced.line.end + 1;
        assert!(produced.time_ms >= time_ms, "in order of time");
        time_ms = produced.time_ms;
        let event: Value = serde_json::from_slice(&out[produced.line.clone()]).expect("valid JSON");
        let key = if event["type"] == "agent_state" { "agent_id" } else { "contact_id" };
        assert_eq!(text(&event, key).as_bytes(), &out[produced.key.clone()]);
        let time: jiff::Timestamp = text(&event, "time").parse().expect("a time");
        assert_eq!(u64::try_from(time.as_millisecond()), Ok(produced.time_ms));
    }
    assert_eq!(end, out.len());
}

/// What has been told about a contact.
#[derive(Default)]
struct Told {
    visits: Vec<(String, Visit)>,
    facts: HashSet<(String, u64)>,
    resolved: bool,
    paused: bool,
    last_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Visit {
    Waiting,
    Answered,
    Completed,
    Gone,
}

impl Told {
    /// Whether the engine may forget the contact within a day.
    fn is_finished(&self) -> bool {
        match self.visits.last() {
            Some((_, Visit::Completed | Visit::Gone)) => true,
            Some((_, Visit::Answered)) => self.resolved,
            _ => false,
        }
    }

    /// Adds an event, which must not contradict what was told before.
    fn tell(&mut self, time_ms: u64, event: &Value) {
        let kind = text(event, "type");
        assert!(self.facts.insert((kind.to_owned(), time_ms)), "told twice: {event}");
        assert!(!self.is_finished() || time_ms - self.last_ms < 24 * 3_600_000, "after it was forgotten: {event}");
        self.last_ms = time_ms;
        if kind == "offered" {
            let queue = text(event, "queue");
            assert!(queue != self.visits.last().map_or("", |(queue, _)| queue), "offered twice: {event}");
            if let Some((_, visit @ Visit::Waiting)) = self.visits.last_mut() {
                *visit = Visit::Gone;
            }
            self.visits.push((queue.to_owned(), Visit::Waiting));
            return;
        }
        let (queue, visit) = self.visits.last_mut().unwrap_or_else(|| panic!("before the offer: {event}"));
        assert!(event.get("queue").is_none_or(|named| named == queue.as_str()), "another queue: {event}");
        let (before, after) = match kind {
            "answered" => (Visit::Waiting, Visit::Answered),
            "abandoned" | "left" => (Visit::Waiting, Visit::Gone),
            "completed" => (Visit::Answered, Visit::Completed),
            _ => (*visit, *visit),
        };
        assert_eq!(*visit, before, "{event}");
        *visit = after;
        let is_answered = matches!(visit, Visit::Answered | Visit::Completed);
        match kind {
            "paused" => assert!(is_answered && !std::mem::replace(&mut self.paused, true), "{event}"),
            "resumed" => assert!(std::mem::replace(&mut self.paused, false), "{event}"),
            "resolved" => {
                assert!(is_answered && !std::mem::replace(&mut self.resolved, true), "{event}");
                self.paused = false;
            }
            "reopened" => assert!(std::mem::replace(&mut self.resolved, false), "{event}"),
            "rated" => assert!(is_answered, "{event}"),
            "outcome" => assert!(is_answered || *visit == Visit::Gone, "{event}"),
            "agent_reply" => assert!(is_answered, "{event}"),
            _ => {}
        }
    }
}

/// Follows every contact to see that nothing contradicts.
fn told(scenario: &Scenario) -> BTreeMap<String, Told> {
    let mut contacts: BTreeMap<String, Told> = BTreeMap::new();
    for (time_ms, event) in events(scenario) {
        if event["type"] != "agent_state" {
            contacts.entry(text(&event, "contact_id").to_owned()).or_default().tell(time_ms, &event);
        }
    }
    contacts
}

#[test]
fn contacts_do_not_contradict_themselves() {
    // From a Friday over a weekend, with outages, and with blocks of copies.
    let from = date(2026, 7, 31);
    for (queues, load) in [(6, 0.2), (27, 0.05)] {
        let contacts = told(&Scenario { from, days: Some(5), load, queues, outages: 0.5, ..Scenario::default() });
        assert!(contacts.len() > 5_000);
        assert!(contacts.values().any(|told| told.visits.len() > 2));
    }
}

#[test]
fn contacts_asked_for_are_told_to_their_ends() {
    let contacts = told(&Scenario { days: None, contacts: Some(3_000), load: 0.3, ..Scenario::default() });
    assert_eq!(contacts.len(), 3_000);
    assert!(contacts.values().all(Told::is_finished));
}

#[test]
fn every_kind_of_event_and_leaving_occurs() {
    let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (_, event) in events(&Scenario { days: Some(2), outages: 1.0, ..Scenario::default() }) {
        let detail = ["reason", "state", "survey", "name", "channel"].map(|field| text(&event, field)).concat();
        *seen.entry((text(&event, "type").to_owned(), detail)).or_default() += 1;
    }
    let wanted = "abandoned agent_reply answered completed customer_message paused reopened resolved resumed \
        agent_state:available agent_state:away agent_state:busy agent_state:offline agent_state:wrapup \
        left:callback left:key left:overflow left:transfer left:voicemail left:withdrawn \
        offered:chat offered:email offered:social offered:voice outcome:churn outcome:complaint outcome:purchase \
        rated:csat rated:nps";
    for name in wanted.split_whitespace() {
        let (kind, detail) = name.split_once(':').unwrap_or((name, ""));
        assert!(seen.contains_key(&(kind.to_owned(), detail.to_owned())), "no {name} in {seen:?}");
    }
}

#[test]
fn agent_states_are_left_out_without_a_trace() {
    let scenario = Scenario { load: 0.2, ..Scenario::default() };
    let (with, _) = lines(&scenario);
    let (without, _) = lines(&Scenario { agent_states: false, ..scenario });
    let mut kept = Vec::new();
    for line in
        with.split_inclusive(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"{\"type\":\"agent_state\""))
    {
        kept.extend_from_slice(line);
    }
    assert!(kept.len() < with.len());
    assert!(kept == without);
}

#[test]
fn load_follows_the_week_and_the_month() {
    // Monday the 27th of July, then a weekend, then Monday the third of August: the month's first working day.
    let (from, load) = (date(2026, 7, 27), 0.25);
    let scenario = Scenario { from, days: Some(8), load, agent_states: false, ..Scenario::default() };
    let (out, all) = lines(&scenario);
    let mut arrivals = [0.0_f64; 8];
    let mut known = HashSet::new();
    for produced in &all {
        if known.insert(&out[produced.key.clone()]) {
            let day = (produced.time_ms - all[0].time_ms) / 86_400_000;
            arrivals[usize::try_from(day).expect("one of eight")] += 1.0;
        }
    }
    let error = |a: f64, b: f64| a / b * (1.0 / a + 1.0 / b).sqrt();
    let swell = arrivals[7] / arrivals[0];
    assert!((swell - 1.3).abs() < 3.0 * error(arrivals[7], arrivals[0]), "{arrivals:?}");
    for working in 0..5 {
        assert!(arrivals[working] > 4.0 * arrivals[5].max(arrivals[6]), "{arrivals:?}");
    }
    assert!((arrivals[..5].iter().sum::<f64>() / 5.0 / 5_000.0 - 1.0).abs() < 0.05, "{arrivals:?}");
}

/// Times and waits of answered voice contacts by queue, in seconds.
type Answers = BTreeMap<String, Vec<(u64, u64)>>;

/// The answers to voice contacts, and their handle times in milliseconds.
fn answers(scenario: &Scenario) -> (Answers, Vec<u64>) {
    let mut offers: HashMap<String, (u64, String)> = HashMap::new();
    let mut answers = Answers::new();
    let mut handled = Vec::new();
    for (time_ms, event) in events(scenario) {
        let id = text(&event, "contact_id");
        match text(&event, "type") {
            "offered" if event["channel"] == "voice" => {
                offers.insert(id.to_owned(), (time_ms, text(&event, "queue").to_owned()));
            }
            "answered" => {
                if let Some((offered_ms, queue)) = offers.get(id) {
                    let wait = (time_ms - offered_ms) / 1_000;
                    answers.entry(queue.clone()).or_default().push((time_ms / 1_000, wait));
                }
            }
            "completed" if event.get("talk_seconds").is_some() && offers.contains_key(id) => {
                let parts = ["talk_seconds", "hold_seconds", "wrap_seconds"].map(|part| event[part].as_f64());
                handled.push(random::millis(parts.into_iter().flatten().sum()));
            }
            _ => {}
        }
    }
    (answers, handled)
}

/// The longest time between two answers during the day, and the longest wait, in seconds.
fn silence(answers: &[(u64, u64)]) -> (u64, u64) {
    let silence = answers.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or(0);
    (silence, answers.iter().map(|&(_, wait)| wait).max().unwrap_or(0))
}

#[test]
fn a_deserted_queue_piles_up_waits() {
    let (struck, _) = answers(&Scenario { outages: 1.0, ..Scenario::default() });
    let (calm, _) = answers(&Scenario { outages: 0.0, ..Scenario::default() });
    for queue in ["billing", "support"] {
        let ((silent, longest), (calm_silent, calm_longest)) = (silence(&struck[queue]), silence(&calm[queue]));
        assert!(silent >= 38 * 60 && longest > 15 * 60, "{queue}: {silent} s without an answer, {longest} s waited");
        assert!(calm_silent < 10 * 60 && calm_longest * 2 < longest, "{queue}: {calm_silent} s, {calm_longest} s");
    }
}

#[test]
fn handle_times_have_a_heavy_tail() {
    let (answers, mut handled) = answers(&Scenario { outages: 0.0, ..Scenario::default() });
    handled.sort_unstable();
    let quantile = |thousandths: usize| handled[handled.len() * thousandths / 1_000];
    assert!(quantile(999) > 8 * quantile(500), "{} {}", quantile(999), quantile(500));
    let waits = answers.values().flatten().filter(|&&(_, wait)| wait <= 20).count();
    let all = answers.values().flatten().count();
    assert!((all / 2..all).contains(&waits), "most but not all are answered soon: {waits} of {all}");
}

#[test]
fn letters_wait_over_the_weekend() {
    let scenario = Scenario { from: date(2026, 8, 7), days: Some(4), load: 0.3, ..Scenario::default() };
    let mut offered = HashMap::new();
    let mut longest_ms = 0;
    for (time_ms, event) in events(&scenario) {
        if event["channel"] == "email" {
            offered.insert(text(&event, "contact_id").to_owned(), time_ms);
        } else if event["type"] == "answered" {
            let since = offered.get(text(&event, "contact_id")).copied().unwrap_or(time_ms);
            longest_ms = longest_ms.max(time_ms - since);
        }
    }
    assert!(longest_ms > 48 * 3_600_000, "{longest_ms}");
}

#[test]
fn senseless_scenarios_are_refused() {
    let refused = |scenario: Scenario| Centre::new(&scenario).err().expect("refused").to_string();
    assert!(refused(Scenario { load: 0.0, ..Scenario::default() }).contains("load of 0"));
    assert!(refused(Scenario { load: f64::NAN, ..Scenario::default() }).contains("NaN"));
    assert!(refused(Scenario { foreseen: 1.5, ..Scenario::default() }).contains("1.5 of a busy day"));
    assert!(refused(Scenario { queues: 0, ..Scenario::default() }).contains("0 queues"));
    assert!(refused(Scenario { working_days: [false; 7], ..Scenario::default() }).contains("at least one"));
    assert!(refused(Scenario { from: date(1969, 1, 1), ..Scenario::default() }).contains("1969-01-01"));
}

#[test]
fn a_planned_outage_is_kept_and_changes_nothing_before_it() {
    const MINUTE_MS: u64 = 60_000;
    let plain = Scenario { outages: 0.0, ..Scenario::default() };
    let planned = |after_ms, for_ms| PlannedOutage { queue: "retention".to_owned(), after_ms, for_ms };
    let (after_ms, for_ms) = (10 * 60 * MINUTE_MS, 90 * MINUTE_MS);
    // A second one within the first, which must not bring the agents back.
    let planned_outages = vec![planned(after_ms, for_ms), planned(after_ms + 10 * MINUTE_MS, 10 * MINUTE_MS)];
    let scenario = Scenario { planned_outages, ..plain.clone() };
    let start_ms = Centre::new(&scenario).expect("a scenario that makes sense").opens_ms();
    let (events, plain) = (events(&scenario), events(&plain));
    let before = |(time_ms, _): &&(u64, Value)| *time_ms < start_ms + after_ms;
    assert!(events.iter().take_while(before).eq(plain.iter().take_while(before)));

    let answered = |events: &[(u64, Value)], from_ms, to_ms| {
        let answers =
            events.iter().filter(|(_, event)| event["type"] == "answered" && text(event, "queue") == "retention");
        answers.filter(|(time_ms, _)| (start_ms + from_ms..start_ms + to_ms).contains(time_ms)).count()
    };
    // Whoever rings already is still picked up.
    let (gone_ms, back_ms) = (after_ms + 2 * MINUTE_MS, after_ms + for_ms);
    assert_eq!(answered(&events, gone_ms, back_ms), 0);
    assert!(answered(&plain, gone_ms, back_ms) > 20);
    assert!(answered(&events, back_ms, back_ms + 60 * MINUTE_MS) > 10, "they come back");
}

#[test]
fn outages_nobody_would_notice_are_refused() {
    for queue in ["service", "nowhere", ""] {
        let planned_outages = vec![PlannedOutage { queue: queue.to_owned(), after_ms: 0, for_ms: 1 }];
        let error = Centre::new(&Scenario { planned_outages, ..Scenario::default() }).err().expect("nobody to leave");
        assert!(error.to_string().contains("such as billing, support"), "{error}");
    }
}
