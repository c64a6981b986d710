//! What is exposed of surges, of what is expected, and of the agents that it takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::tests::{BY_QUEUE, LOG, settings, shards, snapshot, text, usual};
use crate::event::EventTime;
use crate::publish::snapshot::{CalendarDay, KnownBefore, KnownTimes, Load, QueueLoad, Snapshot};
use crate::surge::{
    Baseline, BusinessCalendar, CELL_MS, CalendarSpec, Cells, Counts, Incident, LevelTest, Parameters, QUARTER_MS,
    Reason, Watch,
};

const DAY_MS: u64 = 86_400_000;

/// 2024-01-01T00:00:00Z, the Monday that is looked at.
const TODAY_MS: u64 = 1_704_067_200_000;

/// Five who give up after ten seconds, so that something is known of patience, and one more who is handled for a while.
pub(super) const IMPATIENT: &str = r#"
{"type":"offered","contact_id":"p1","queue":"a","time":"2024-01-01T09:00:00Z"}
{"type":"abandoned","contact_id":"p1","time":"2024-01-01T09:00:10Z"}
{"type":"offered","contact_id":"p2","queue":"a","time":"2024-01-01T09:00:00Z"}
{"type":"abandoned","contact_id":"p2","time":"2024-01-01T09:00:10Z"}
{"type":"offered","contact_id":"p3","queue":"a","time":"2024-01-01T09:00:00Z"}
{"type":"abandoned","contact_id":"p3","time":"2024-01-01T09:00:10Z"}
{"type":"offered","contact_id":"p4","queue":"a","time":"2024-01-01T09:00:00Z"}
{"type":"abandoned","contact_id":"p4","time":"2024-01-01T09:00:10Z"}
{"type":"offered","contact_id":"p5","queue":"a","time":"2024-01-01T09:00:00Z"}
{"type":"abandoned","contact_id":"p5","time":"2024-01-01T09:00:10Z"}
"#;

/// Of a queue "a" with ten contacts in every quarter of an hour around the clock for eight weeks, and twice as many since
/// eight today; what the level tests say is put in by hand.
pub(in crate::publish) fn load() -> Load {
    let calendar = BusinessCalendar::new(CalendarSpec::around_the_clock(TimeZone::UTC, [true; 7])).unwrap();
    let quarter = |ms: u64| u32::try_from(ms / QUARTER_MS).unwrap();
    let (today, now) = (TODAY_MS, TODAY_MS + DAY_MS * 3 / 8);
    let counts: Counts = (quarter(today - 56 * DAY_MS)..quarter(today)).map(|quarter| (quarter, 10)).collect();
    let parameters = Parameters::default();
    let baseline = Baseline::learn(&counts, &calendar, date(2023, 12, 31), &parameters);
    let cell = |ms: u64| u32::try_from(ms / CELL_MS).unwrap();
    let eight = cell(today + DAY_MS / 3);
    let cells: Cells = (cell(today)..cell(now)).map(|cell| (cell, if cell < eight { 3 } else { 7 })).collect();
    let days = vec![baseline.forecast(date(2024, 1, 1)), baseline.forecast(date(2024, 2, 1))];
    let mut reading = Watch::new(days[0].clone(), None, &parameters).look(cell(now), &cells);
    let level = LevelTest { statistic: 2.5, observed: 400, expected: 360.0, is_unusual: true };
    // As if more months were known.
    reading.thin = None;
    reading.against_ordinary = Some(level);
    reading.against_month_start = Some(LevelTest { statistic: 0.25, is_unusual: false, ..level });
    let incident = Incident {
        start_ms: today + DAY_MS / 3,
        declared_ms: today + DAY_MS / 3 + 900_000,
        end_ms: None,
        reason: Reason::Arrivals,
        magnitude: 2.1,
        peak_score: 4.5,
        is_critical: true,
    };
    let queue = QueueLoad {
        standing: baseline.standing(),
        reading,
        incident: Some(incident.clone()),
        incidents: vec![incident],
        begun: BTreeMap::from([(Reason::Arrivals, 1)]),
        days: Arc::new(days),
        calendar,
        month_start: Some(Arc::new(baseline.forecast(date(2024, 2, 1)))),
        known: KnownBefore::default(),
    };
    let at = |ms: u64| EventTime::from_millis(ms).unwrap();
    let calendar =
        CalendarDay { business_day: Some(1), is_holiday: false, next_month_start: Some(at(today + 31 * DAY_MS)) };
    Load {
        at: at(now),
        learned_at: at(today),
        queues: BTreeMap::from([("a".to_owned(), queue)]),
        calendars: BTreeMap::from([("office".to_owned(), calendar)]),
    }
}

fn loaded() -> Snapshot {
    Snapshot {
        load: Some(Arc::new(load())),
        looked_at: Some(load().at),
        ..snapshot(&shards(&(LOG.to_owned() + IMPATIENT), &settings(), 1), BY_QUEUE)
    }
}

/// The value of a series; none if it is not there.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

#[test]
fn what_is_usual_and_what_came_is_exposed() {
    let text = text(loaded());
    for (series, expected) in [
        ("holdline_surge_active{queue=\"a\"}", 1.0),
        ("holdline_surge_critical{queue=\"a\"}", 1.0),
        ("holdline_surge_start_timestamp_seconds{queue=\"a\"}", 1_704_096_000.0),
        ("holdline_surge_incidents_total{queue=\"a\",reason=\"arrivals\"}", 1.0),
        ("holdline_surge_incidents_total{queue=\"a\",reason=\"silence\"}", 0.0),
        ("holdline_surge_silent{queue=\"a\"}", 0.0),
        ("holdline_surge_day_unusual{queue=\"a\",against=\"ordinary_day\"}", 1.0),
        ("holdline_surge_day_unusual{queue=\"a\",against=\"month_start\"}", 0.0),
        ("holdline_surge_day_level{queue=\"a\",against=\"month_start\"}", 0.25),
        ("holdline_surge_offered{queue=\"a\",window=\"15m\"}", 21.0),
        ("holdline_surge_offered{queue=\"a\",window=\"1h\"}", 84.0),
        ("holdline_surge_day_offered{queue=\"a\"}", 372.0),
        ("holdline_surge_baseline_dates{queue=\"a\"}", 56.0),
        ("holdline_surge_baseline_timestamp_seconds", 1_704_067_200.0),
        ("holdline_surge_look_timestamp_seconds", 1_704_099_600.0),
        ("holdline_calendar_business_day_of_month{calendar=\"office\"}", 1.0),
        ("holdline_calendar_holiday{calendar=\"office\"}", 0.0),
        ("holdline_calendar_next_month_start_timestamp_seconds{calendar=\"office\"}", 1_706_745_600.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}");
    }
    let between = |series: &str, least: f64, most: f64| {
        let value = value(&text, series).unwrap();
        assert!((least..=most).contains(&value), "{series} {value}");
    };
    between("holdline_surge_score{queue=\"a\"}", 3.0, 20.0);
    between("holdline_surge_magnitude_ratio{queue=\"a\"}", 1.7, 2.3);
    between("holdline_surge_expected_offered{queue=\"a\",window=\"15m\"}", 8.0, 12.0);
    between("holdline_surge_day_expected{queue=\"a\",bound=\"mean\"}", 900.0, 1_300.0);
    let [lower, mean, upper] = ["lower", "mean", "upper"]
        .map(|bound| value(&text, &format!("holdline_surge_day_expected{{queue=\"a\",bound=\"{bound}\"}}")).unwrap());
    assert!(lower < mean && mean < upper, "{lower} {mean} {upper}");
    between("holdline_month_start_expected_offered{queue=\"a\"}", 900.0, 1_100.0);
}

#[test]
fn agents_are_required_by_what_was_seen() {
    let text = text(loaded());
    let of_a = |name: &str| value(&text, &format!("{name}{{queue=\"a\"}}"));
    // Twelve contacts in the ten minutes and a bit up to 09:01:50, of which one was handled, in 20.5 s.
    let seconds = 10.0 * 60.0 + 50.0;
    assert!((of_a("holdline_arrivals_per_second").unwrap() * seconds - 12.0).abs() < 1e-9);
    assert_eq!(of_a("holdline_staffing_handle_seconds"), Some(20.5));
    assert!((of_a("holdline_offered_load_erlangs").unwrap() - 12.0 / seconds * 20.5).abs() < 1e-9);
    // All waits, those of 7 and 5 left among them, and 10 s that 8 has waited, over seven who gave up.
    let waited = 8.0 + 40.0 + 3.0 + 30.0 + 10.0 + 3.0 + 50.0 + 10.0;
    assert!((of_a("holdline_patience_seconds").unwrap() - waited / 7.0).abs() < 1e-9);
    for (model, agents, scheduled) in [("erlang_c", 2.0, 3.0), ("erlang_a", 1.0, 2.0)] {
        let required = |name: &str| value(&text, &format!("{name}{{queue=\"a\",model=\"{model}\"}}")).unwrap();
        assert_eq!(required("holdline_agents_required"), agents, "{model}");
        assert_eq!(required("holdline_agents_to_schedule"), scheduled, "{model}");
        // One agent is there, and hardly busy.
        let level = required("holdline_predicted_service_level_ratio");
        assert!((0.5..0.95).contains(&level), "{model} {level}");
    }
    // Ten in a quarter of an hour, 20.5 s each, are 0.2 erlangs.
    assert_eq!(of_a("holdline_month_start_agents_required"), Some(1.0));
    // One who was handled says less than what a file tells; seven who gave up say more of now, and less of days to come.
    let mut load = load();
    let times = KnownTimes { handle_seconds: Some(200.0), patience_seconds: Some(1e6) };
    load.queues.get_mut("a").unwrap().known = KnownBefore { times, leading: None };
    let told = self::text(Snapshot { load: Some(Arc::new(load)), ..loaded() });
    let of_a_now = |name: &str| value(&told, &format!("{name}{{queue=\"a\"}}"));
    assert_eq!(of_a_now("holdline_staffing_handle_seconds"), Some(200.0));
    assert_eq!(of_a_now("holdline_patience_seconds"), of_a("holdline_patience_seconds"));
    // 2.2 erlangs, of hardly anybody who gives up.
    assert_eq!(of_a_now("holdline_month_start_agents_required"), Some(4.0));
    // Nothing is known of what "b" takes.
    assert_eq!(value(&text, "holdline_agents_required{queue=\"b\",model=\"erlang_c\"}"), None);
    assert_eq!(
        value(&text, "holdline_arrivals_per_second{queue=\"b\"}").map(|rate| (rate * seconds).round()),
        Some(1.0)
    );
}

#[test]
fn nothing_of_it_is_exposed_that_is_not_known() {
    let is_of_load = |line: &&str| {
        let names = ["holdline_surge_", "holdline_calendar_", "holdline_month_start_"];
        names.iter().any(|name| line.starts_with(name)) && !line.starts_with("holdline_surge_event")
    };
    assert_eq!(text(usual(BY_QUEUE)).lines().filter(is_of_load).collect::<Vec<_>>(), Vec::<&str>::new());
    // A process that holds some of the partitions speaks for no queue.
    let in_part = text(Snapshot { whole: false, ..loaded() });
    let is_staffed =
        |line: &&str| line.starts_with("holdline_agents_required") || line.starts_with("holdline_arrivals");
    assert_eq!(
        in_part.lines().filter(|line| is_of_load(line) || is_staffed(line)).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    // Nor does one that shows no lanes.
    let withheld = text(Snapshot { live: None, ..loaded() });
    assert_eq!(
        withheld.lines().filter(|line| is_of_load(line) || is_staffed(line)).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    // A silence is no surge.
    let mut load = load();
    let queue = load.queues.get_mut("a").unwrap();
    queue.incident.as_mut().unwrap().reason = Reason::Silence;
    let text = text(Snapshot { load: Some(Arc::new(load)), ..loaded() });
    assert_eq!(value(&text, "holdline_surge_active{queue=\"a\"}"), Some(0.0));
    assert_eq!(value(&text, "holdline_surge_critical{queue=\"a\"}"), Some(0.0));
    assert_eq!(value(&text, "holdline_surge_start_timestamp_seconds{queue=\"a\"}"), Some(1_704_096_000.0));
}
