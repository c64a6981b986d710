//! What surges promise, and counting without telling: nothing before a surge depends on it, as many come as were asked for,
//! and the count is that of the events.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::date;
use jiff::tz::{TimeZone, offset};
use serde_json::Value;

use super::tests::{events, text};
use super::*;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// A Wednesday in the middle of a month without outages.
fn plain() -> Scenario {
    Scenario { from: date(2026, 3, 18), outages: 0.0, agent_states: false, ..Scenario::default() }
}

fn surge(queue: Option<&str>, after_ms: u64, for_ms: u64, factor: f64) -> Surge {
    Surge { queue: queue.map(str::to_owned), after_ms, for_ms, factor, rises_ms: 0 }
}

fn opens_ms(scenario: &Scenario) -> u64 {
    Centre::new(scenario).expect("a scenario that makes sense").opens_ms()
}

/// Who comes for the first time to a queue, or to any, between two instants since the scenario's first.
fn arrivals(scenario: &Scenario, events: &[(u64, Value)], queue: Option<&str>, from_ms: u64, to_ms: u64) -> f64 {
    let opens_ms = opens_ms(scenario);
    let mut known = HashSet::new();
    let offers = events.iter().filter(|(_, event)| event["type"] == "offered");
    let first = offers.filter(|(_, event)| known.insert(text(event, "contact_id")));
    let of_queue = first.filter(|(_, event)| queue.is_none_or(|queue| text(event, "queue") == queue));
    of_queue.filter(|(time_ms, _)| (opens_ms + from_ms..opens_ms + to_ms).contains(time_ms)).count() as f64
}

/// Fails unless `more` is `factor` times `usual`, as far as chance allows: three standard errors of the difference of two
/// Poisson counts.
fn assert_ratio(more: f64, usual: f64, factor: f64) {
    let error = 3.0 * (more + factor * factor * usual).sqrt();
    assert!((more - factor * usual).abs() < error, "{more} is not {factor} times {usual}, to {error}");
}

#[test]
fn a_surge_changes_nothing_before_it() {
    let first = surge(Some("billing"), 9 * HOUR_MS + 7 * MINUTE_MS, HOUR_MS, 3.0);
    let second = surge(None, 11 * HOUR_MS + MINUTE_MS, HOUR_MS, 2.0);
    let with = |surges: &[&Surge]| Scenario { surges: surges.iter().copied().cloned().collect(), ..plain() };
    for (fewer, more, begins) in [(vec![], vec![&first], &first), (vec![&first], vec![&first, &second], &second)] {
        let begins_ms = opens_ms(&plain()) + begins.after_ms;
        let [fewer, more] = [fewer, more].map(|surges| events(&with(&surges)));
        let before = |(time_ms, _): &&(u64, Value)| *time_ms < begins_ms;
        assert!(fewer.iter().take_while(before).eq(more.iter().take_while(before)));
        assert_ne!(fewer, more);
    }
}

#[test]
fn a_surge_brings_as_many_as_it_says_to_its_queue_alone() {
    let (from_ms, to_ms) = (9 * HOUR_MS + 20 * MINUTE_MS, 11 * HOUR_MS + 50 * MINUTE_MS);
    let scenario = Scenario { surges: vec![surge(Some("billing"), from_ms, to_ms - from_ms, 2.5)], ..plain() };
    let (more, usual) = (events(&scenario), events(&plain()));
    let count = |events: &[_], queue, from_ms, to_ms| arrivals(&scenario, events, Some(queue), from_ms, to_ms);
    assert_ratio(count(&more, "billing", from_ms, to_ms), count(&usual, "billing", from_ms, to_ms), 2.5);
    for queue in ["support", "sales", "claims", "service", "retention"] {
        assert_ratio(count(&more, queue, from_ms, to_ms), count(&usual, queue, from_ms, to_ms), 1.0);
    }
    assert_ratio(count(&more, "billing", to_ms, 24 * HOUR_MS), count(&usual, "billing", to_ms, 24 * HOUR_MS), 1.0);
}

#[test]
fn a_surge_grows_as_long_as_it_is_told_to() {
    let (from_ms, rises_ms) = (9 * HOUR_MS, 2 * HOUR_MS);
    let growing = Surge { rises_ms, ..surge(None, from_ms, 3 * HOUR_MS, 4.0) };
    let scenario = Scenario { surges: vec![growing], ..plain() };
    let (more, usual) = (events(&scenario), events(&plain()));
    let count = |from_ms, to_ms, factor| {
        let [more, usual] = [&more, &usual].map(|events| arrivals(&scenario, events, None, from_ms, to_ms));
        assert_ratio(more, usual, factor);
    };
    // By quarters of an hour, so that the shape of the day does not matter.
    for quarter in 0..8 {
        let begins_ms = from_ms + quarter * 15 * MINUTE_MS;
        count(begins_ms, begins_ms + 15 * MINUTE_MS, 1.0 + 3.0 * (quarter as f64 + 0.5) / 8.0);
    }
    count(from_ms + rises_ms, from_ms + 3 * HOUR_MS, 4.0);
}

#[test]
fn surges_add_up_and_go_on_after_midnight() {
    // Only claims are called at night.
    let (from_ms, for_ms) = (20 * HOUR_MS, 10 * HOUR_MS);
    let claims = || surge(Some("claims"), from_ms, for_ms, 3.0);
    let scenario = Scenario { days: Some(2), surges: vec![claims(), claims()], ..plain() };
    let (more, usual) = (events(&scenario), events(&Scenario { surges: Vec::new(), ..scenario.clone() }));
    for (from_ms, to_ms) in [(from_ms, 24 * HOUR_MS), (24 * HOUR_MS, from_ms + for_ms)] {
        let [more, usual] = [&more, &usual].map(|events| arrivals(&scenario, events, Some("claims"), from_ms, to_ms));
        assert!(usual > 50.0, "{usual}");
        assert_ratio(more, usual, 5.0);
    }
}

#[test]
fn who_was_asked_for_is_all_who_come() {
    let scenario =
        Scenario { contacts: Some(500), load: 0.2, surges: vec![surge(None, 0, 24 * HOUR_MS, 9.0)], ..plain() };
    assert_eq!(arrivals(&scenario, &events(&scenario), None, 0, 96 * HOUR_MS), 500.0);
}

#[test]
fn surges_that_cannot_be_are_refused() {
    let refused = |surge| Centre::new(&Scenario { surges: vec![surge], ..plain() }).err().expect("refused").to_string();
    for queue in ["billing-2", "Billing", ""] {
        let error = refused(surge(Some(queue), 0, HOUR_MS, 2.0));
        assert!(error.contains(&format!("{queue:?}")) && error.contains("such as billing, support"), "{error}");
    }
    for factor in [0.5, -2.0, 100.5, f64::NAN, f64::INFINITY] {
        let error = refused(surge(None, 0, HOUR_MS, factor));
        assert!(error.contains(&format!("{factor} times as many")), "{error}");
    }
}

/// By queue and quarter of an hour.
fn counted(scenario: &Scenario) -> BTreeMap<String, Vec<(u32, u32)>> {
    let mut counts: BTreeMap<String, BTreeMap<u32, u32>> = BTreeMap::new();
    for (time_ms, event) in events(scenario) {
        if event["type"] == "offered" {
            let quarter = u32::try_from(time_ms / (15 * MINUTE_MS)).expect("before 2109");
            *counts.entry(text(&event, "queue").to_owned()).or_default().entry(quarter).or_default() += 1;
        }
    }
    counts.into_iter().map(|(queue, counts)| (queue, counts.into_iter().collect())).collect()
}

#[test]
fn offers_counted_in_silence_are_those_told() {
    // From a Thursday over a weekend and a month's start, where nobody's quarters begin when those of UTC do.
    let zone = TimeZone::fixed(offset(0).saturating_add(jiff::SignedDuration::from_mins(330 + 7)));
    let from = date(2026, 7, 30);
    let (surges, month_starts) = (vec![surge(None, 33 * HOUR_MS, 2 * HOUR_MS, 3.0)], vec![date(2026, 8, 4)]);
    let more = Scenario { surges, month_starts, outages: 0.8, zone, ..Scenario::default() };
    for scenario in [Scenario { from, load: 0.2, ..more.clone() }, Scenario { from, queues: 13, load: 0.1, ..more }] {
        let told = counted(&Scenario { days: Some(6), ..scenario.clone() });
        assert_eq!(told.len(), scenario.queues);
        // Ends of its own are not looked at, nor is what changes no offer.
        let bare = Scenario { days: None, events: Some(3), contacts: Some(3), pad: 900, ..scenario };
        assert!(offered_by_quarter(&bare, 6).expect("a scenario that makes sense") == told);
    }
}

#[test]
fn months_of_history_keep_their_shape() {
    let month_starts = [1, 2, 3].map(|month| date(2026, month, 15)).to_vec();
    let scenario = Scenario { from: date(2026, 1, 5), outages: 0.0, load: 0.1, month_starts, ..Scenario::default() };
    let offered = offered_by_quarter(&scenario, 84).expect("a scenario that makes sense");
    let monday = u32::try_from(opens_ms(&scenario) / (15 * MINUTE_MS)).expect("before 2109");
    let mut days = [0.0; 84];
    for (quarter, count) in offered.values().flatten() {
        days[(quarter - monday) as usize / 96] += f64::from(*count);
    }
    // A Thursday, a Monday (as the 15th of February is a Sunday), a Monday for the same reason.
    for (first, usual) in [(10, [3, 17, 24, 31]), (42, [0, 7, 28, 35]), (70, [0, 7, 28, 35])] {
        let usual = usual.iter().map(|&day| days[day]).sum::<f64>() / 4.0;
        assert!((days[first] / usual / 1.3 - 1.0).abs() < 0.1, "{first}: {} {usual}", days[first]);
    }
    let by_weekday: Vec<f64> = (0..7).map(|day| days.iter().skip(day).step_by(7).sum()).collect();
    assert!(by_weekday[..5].is_sorted_by(|before, after| before > after), "{by_weekday:?}");
    assert!(by_weekday[4] > 4.0 * by_weekday[5].max(by_weekday[6]), "{by_weekday:?}");
}

#[test]
fn who_is_offered_nothing_has_no_count() {
    let sunday = Scenario { from: date(2026, 3, 15), load: 0.001, ..Scenario::default() };
    let offered = offered_by_quarter(&sunday, 1).expect("a scenario that makes sense");
    assert_eq!(offered.len(), 6);
    assert!(offered.values().any(Vec::is_empty), "{offered:?}");
    assert!(offered_by_quarter(&sunday, 0).expect("a scenario that makes sense").values().all(Vec::is_empty));
}
