//! Calendars against the clock on the wall: the local time of every minute is asked for and looked up in the hours.

use std::collections::BTreeMap;

use holdline::engine::calendar::{Calendar, CalendarSpec, Hours};
use holdline::event::EventTime;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

const ZONES: [&str; 13] = [
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
];

/// Hours as somebody would write them: a minute of the day to another, which may be of the next day.
type Written = (u16, u16);

#[derive(Clone, Debug)]
struct Plan {
    zone: &'static str,
    week: [Vec<Written>; 7],
    days: BTreeMap<Date, Vec<Written>>,
}

impl Plan {
    fn calendar(&self) -> Calendar {
        let hours = |spans: &Vec<Written>| spans.iter().map(|&(begin, end)| Hours::new(begin, end).unwrap()).collect();
        let days = self.days.iter().map(|(date, spans)| (*date, hours(spans))).collect();
        let spec = CalendarSpec { zone: self.zone.to_owned(), week: self.week.each_ref().map(hours), days };
        Calendar::new(spec).unwrap()
    }

    fn begin_on(&self, date: Date) -> &[Written] {
        let of_week = || &self.week[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap()];
        self.days.get(&date).unwrap_or_else(of_week)
    }

    /// What the clock on the wall says of this instant.
    fn is_open(&self, zone: &TimeZone, at: u64) -> bool {
        let local = zone.to_datetime(timestamp(at));
        let minute = u16::try_from(local.hour()).unwrap() * 60 + u16::try_from(local.minute()).unwrap();
        let today = self
            .begin_on(local.date())
            .iter()
            .any(|&(begin, end)| if begin < end { (begin..end).contains(&minute) } else { minute >= begin });
        today
            || self.begin_on(local.date().yesterday().unwrap()).iter().any(|&(begin, end)| end < begin && minute < end)
    }

    /// The open spans of all minutes from the one of `from` on until that of `to` is over.
    fn minutes(&self, from: u64, to: u64) -> Vec<(u64, bool)> {
        let zone = TimeZone::get(self.zone).unwrap();
        (from / MINUTE..=to / MINUTE).map(|minute| (minute * MINUTE, self.is_open(&zone, minute * MINUTE))).collect()
    }
}

fn timestamp(at: u64) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap()
}

fn open_in(minutes: &[(u64, bool)], from: u64, to: u64) -> u64 {
    let within = |at: u64| (at + MINUTE).min(to).saturating_sub(at.max(from));
    minutes.iter().filter(|(_, is_open)| *is_open).map(|(at, _)| within(*at)).sum()
}

/// The earliest instant of these minutes at which so much has passed since `from`.
fn naive_after(minutes: &[(u64, bool)], from: u64, open_ms: u64) -> Option<u64> {
    let mut rest = open_ms;
    for &(at, is_open) in minutes {
        let begin = at.max(from);
        let open = if is_open { (at + MINUTE).saturating_sub(begin) } else { 0 };
        if rest <= open {
            return Some(begin + rest);
        }
        rest -= open;
    }
    None
}

fn written() -> impl Strategy<Value = Written> {
    let minute = || prop_oneof![2 => (0_u16..48).prop_map(|half| half * 30), 1 => 0_u16..1440];
    let ends_late = minute().prop_map(|begin| (begin, 1440));
    prop_oneof![6 => (minute(), minute()), 1 => ends_late, 1 => Just((0, 1440))]
        .prop_filter("hours that begin when they end", |(begin, end)| begin != end)
}

/// A plan and two instants some days apart, on either side of a change of the clocks if the zone has any after `year`.
fn plan() -> impl Strategy<Value = (Plan, u64, u64)> {
    let zone = select(ZONES.to_vec());
    let week = proptest::array::uniform7(vec(written(), 0..3));
    let special = btree_map(-4_i64..5, vec(written(), 0..3), 0..4);
    let edges = (0..4 * DAY, 0..4 * DAY, 1970_i16..2105, 0_usize..3);
    (zone, week, special, edges).prop_map(|(zone, week, special, (before, beyond, year, change))| {
        let start = date(year, 1, 5).to_zoned(TimeZone::UTC).unwrap().timestamp();
        let changes = TimeZone::get(zone).unwrap();
        let middle = changes.following(start).nth(change).map_or(start, |change| change.timestamp());
        let middle = middle.min(timestamp(EventTime::MAX.millis() - 5 * DAY));
        let day = changes.to_datetime(middle).date();
        let days = special.into_iter().map(|(from, spans)| (day.checked_add(from.days()).unwrap(), spans)).collect();
        let middle = u64::try_from(middle.as_millisecond()).unwrap();
        (Plan { zone, week, days }, middle.saturating_sub(before), middle + beyond)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn open_time_is_that_of_the_clock_on_the_wall((plan, from, to) in plan(), share in 0_u64..=1_000) {
        let calendar = plan.calendar();
        let minutes = plan.minutes(from, to);
        for &(at, is_open) in &minutes {
            prop_assert_eq!(calendar.is_open(at), is_open, "{}", timestamp(at));
            prop_assert_eq!(calendar.is_open(at + MINUTE - 1), is_open, "the end of {}", timestamp(at));
        }
        let open = open_in(&minutes, from, to);
        prop_assert_eq!(calendar.open_between(from, to), open);
        prop_assert_eq!(calendar.open_between(to, from), 0);

        let sought = open * share / 1_000;
        let reached = calendar.after(from, sought).unwrap();
        prop_assert_eq!(Some(reached), naive_after(&minutes, from, sought));
        prop_assert_eq!(calendar.open_between(from, reached), sought);
        prop_assert!(sought == 0 || calendar.open_between(from, reached - 1) < sought);
    }

    #[test]
    fn open_time_adds_up_over_all_years((plan, from, to) in plan(), far in 0..EventTime::MAX.millis()) {
        let calendar = plan.calendar();
        let [a, b, c] = { let mut edges = [from, to, far]; edges.sort_unstable(); edges };
        prop_assert_eq!(
            calendar.open_between(a, b) + calendar.open_between(b, c), calendar.open_between(a, c)
        );
        let open = calendar.open_between(a, c);
        prop_assert!(calendar.after(a, open).unwrap() <= c);
    }
}

/// The instant of a local time; of one that comes twice, the earlier.
fn at(zone: &str, text: &str) -> u64 {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    let zoned = TimeZone::get(zone).unwrap().to_ambiguous_zoned(local).earlier().unwrap();
    u64::try_from(zoned.timestamp().as_millisecond()).unwrap()
}

fn same_every_day(zone: &'static str, spans: &[Written]) -> Calendar {
    Plan { zone, week: std::array::from_fn(|_| spans.to_vec()), days: BTreeMap::new() }.calendar()
}

#[test]
fn a_night_shift_is_an_hour_shorter_or_longer_when_clocks_change() {
    let calendar = same_every_day("Europe/Berlin", &[(22 * 60, 6 * 60)]);
    let berlin = |text| at("Europe/Berlin", text);
    for (noon, next, hours) in [
        ("2026-03-27T12:00", "2026-03-28T12:00", 8),
        ("2026-03-28T12:00", "2026-03-29T12:00", 7),
        ("2026-10-24T12:00", "2026-10-25T12:00", 9),
        ("2026-10-25T12:00", "2026-10-26T12:00", 8),
    ] {
        assert_eq!(calendar.open_between(berlin(noon), berlin(next)), hours * HOUR, "{noon}");
        let end = berlin(next) - 6 * HOUR;
        assert_eq!(calendar.after(berlin(noon), hours * HOUR), Some(end), "{noon}");
        assert!(calendar.is_open(end - 1) && !calendar.is_open(end));
    }
}

#[test]
fn an_hour_that_is_skipped_is_not_open_and_one_that_comes_twice_is_twice() {
    let calendar = same_every_day("Europe/Berlin", &[(2 * 60, 3 * 60)]);
    let berlin = |text| at("Europe/Berlin", text);
    let skipped = berlin("2026-03-29T00:00");
    assert_eq!(calendar.open_between(skipped, skipped + 23 * HOUR), 0);
    assert_eq!(calendar.after(skipped, 1), Some(berlin("2026-03-30T02:00") + 1));
    let doubled = berlin("2026-10-25T00:00");
    assert_eq!(calendar.open_between(doubled, doubled + 25 * HOUR), 2 * HOUR);
    // Both come one after the other, without a gap.
    assert_eq!(calendar.after(doubled, 90 * MINUTE), Some(doubled + 3 * HOUR + 30 * MINUTE));
    assert_eq!(calendar.after(doubled, 2 * HOUR), Some(doubled + 4 * HOUR));
    // Half of what is doubled: two openings with half an hour between them.
    let half = same_every_day("Europe/Berlin", &[(2 * 60, 2 * 60 + 30)]);
    assert_eq!(half.after(doubled, HOUR), Some(doubled + 3 * HOUR + 30 * MINUTE));
    assert!(!half.is_open(doubled + 2 * HOUR + 45 * MINUTE));
}

#[test]
fn half_an_hour_is_skipped_on_lord_howe() {
    let calendar = same_every_day("Australia/Lord_Howe", &[(60, 3 * 60)]);
    let there = |text: &str| at("Australia/Lord_Howe", text);
    let day = |text: &str| calendar.open_between(there(text), there(text) + 12 * HOUR);
    assert_eq!(day("2026-10-04T00:00"), 90 * MINUTE);
    assert_eq!(day("2026-04-05T00:00"), 150 * MINUTE);
    assert_eq!(day("2026-10-05T00:00"), 120 * MINUTE);
}

#[test]
fn a_day_that_was_skipped_had_no_hours_but_its_night_shift_ran_out() {
    let calendar = same_every_day("Pacific/Apia", &[(9 * 60, 17 * 60), (22 * 60, 6 * 60)]);
    let apia = |text| at("Pacific/Apia", text);
    // After the 29th came the 31st: the night shift of the 29th had two hours, that of the 30th its last six.
    let noon = apia("2011-12-29T20:00");
    assert_eq!(apia("2011-12-31T08:00") - noon, 12 * HOUR);
    assert_eq!(calendar.open_between(noon, apia("2011-12-31T08:00")), 8 * HOUR);
}

#[test]
fn a_special_day_replaces_what_begins_on_it() {
    let eve = date(2026, 12, 24);
    let plan = |hours: Vec<Written>| Plan {
        zone: "Asia/Kathmandu",
        week: std::array::from_fn(|_| vec![(22 * 60, 6 * 60)]),
        days: [(eve, hours)].into(),
    };
    let there = |text| at("Asia/Kathmandu", text);
    let (from, to) = (there("2026-12-23T12:00"), there("2026-12-26T12:00"));
    let closed = plan(vec![]).calendar();
    assert_eq!(closed.open_between(from, to), 16 * HOUR);
    assert!(closed.is_open(there("2026-12-24T05:59")) && !closed.is_open(there("2026-12-25T00:00")));
    assert!(closed.is_open(there("2026-12-25T22:00")));
    let short = plan(vec![(9 * 60, 13 * 60)]).calendar();
    assert_eq!(short.open_between(from, to), 20 * HOUR);
    assert!(short.is_open(there("2026-12-24T12:59")) && !short.is_open(there("2026-12-24T13:00")));
}

#[test]
fn after_is_the_end_of_an_opening_not_the_beginning_of_the_next() {
    let calendar = same_every_day("UTC", &[(9 * 60, 12 * 60), (12 * 60, 17 * 60)]);
    let morning = at("UTC", "2026-05-04T09:00");
    assert_eq!(calendar.after(morning, 8 * HOUR), Some(morning + 8 * HOUR));
    assert_eq!(calendar.after(morning, 8 * HOUR + 1), Some(morning + DAY + 1));
    assert_eq!(calendar.after(morning - HOUR, 0), Some(morning - HOUR));
    assert_eq!(calendar.after(morning - HOUR, 1), Some(morning + 1));
}

#[test]
fn nothing_is_known_beyond_the_last_instant() {
    let always = same_every_day("Pacific/Apia", &[(0, 1440)]);
    let last = EventTime::MAX.millis();
    assert!(always.is_open(0) && always.is_open(last) && !always.is_open(last + 1) && !always.is_open(u64::MAX));
    assert_eq!(always.open_between(0, u64::MAX), last + 1);
    assert_eq!(always.after(0, last), Some(last));
    assert_eq!(always.after(0, last + 1), None);
    assert_eq!(always.after(5, u64::MAX), None);
    assert_eq!((always.after(last, 0), always.after(last + 1, 0)), (Some(last), None));
    let never = same_every_day("UTC", &[]);
    assert_eq!((never.open_between(0, last), never.after(7, 0), never.after(7, 1)), (0, Some(7), None));
}

#[test]
fn hours_are_written_as_they_are_read() {
    for (begin, end, text) in [
        (0, 1440, "00:00-24:00"),
        (545, 1020, "09:05-17:00"),
        (1320, 360, "22:00-06:00"),
        (1080, 0, "18:00-24:00"),
        (720, 719, "12:00-11:59"),
    ] {
        assert_eq!(Hours::new(begin, end).unwrap().to_string(), text);
    }
    for (begin, end) in [(540, 540), (1440, 1440), (1440, 60), (0, 1441), (0, 0)] {
        assert_eq!(Hours::new(begin, end), None);
    }
}

#[test]
fn calendars_are_equal_if_they_are_made_of_the_same() {
    let plan = |zone| Plan {
        zone,
        week: std::array::from_fn(|_| vec![(540, 1020)]),
        days: [(date(2026, 5, 1), vec![])].into(),
    };
    let calendar = plan("Europe/Berlin").calendar();
    assert_eq!(calendar, plan("Europe/Berlin").calendar().clone());
    assert_ne!(calendar, plan("Europe/Paris").calendar());
    let text = serde_json::to_string(&calendar).unwrap();
    assert!(text.starts_with(r#"{"zone":"Europe/Berlin","week":[[{"begin":540,"end":1020}],"#), "{text}");
    assert!(text.ends_with(r#""days":{"2026-05-01":[]}}"#), "{text}");
    let unknown = CalendarSpec { zone: "Europe/Berlon".to_owned(), ..calendar.spec().clone() };
    assert_eq!(Calendar::new(unknown).unwrap_err().to_string(), "there is no zone \"Europe/Berlon\"");
}
