//! Calendars: how they can be written, what is refused, and how promises name them. Files of holidays are in
//! `tests_of_holidays`.

use std::sync::Arc;

use jiff::civil::date;

use super::tests::{config, refused, refused_with};
use crate::engine::calendar::{Calendar, CalendarSpec, Hours};

fn hours(begin: u16, end: u16) -> Hours {
    Hours::new(begin * 60, end * 60).unwrap()
}

fn calendar(text: &str, environment: &[(&str, &str)]) -> Arc<Calendar> {
    config(text, environment).settings.promised().calendars["c"].clone()
}

/// The text of a calendar in a zone; its second line is the first of `rest`.
fn in_utc(rest: &str) -> String {
    format!("[calendar.c]\n{rest}\nzone = 'UTC'")
}

#[test]
fn a_zone_is_enough() {
    let usual = vec![hours(9, 17)];
    let week = std::array::from_fn(|day| if day < 5 { usual.clone() } else { Vec::new() });
    let spec = CalendarSpec { zone: "Europe/Berlin".to_owned(), week, days: [].into() };
    assert_eq!(calendar("[calendar.c]\nzone = 'europe/berlin'", &[]).spec(), &spec);
    assert!(config("", &[]).settings.promised().calendars.is_empty());
}

#[test]
fn every_key_of_a_calendar_is_read() {
    let text = r#"
        [calendar.c]
        zone = "Asia/Jerusalem"
        weekend = ["fri", "SAT"]
        hours = ["08:00-13:00", "14:00-18:00"]
        holidays = [
            "2026-12-25",
            2026-12-26,
            "2026-12-24 09:00-11:00,12:00-13:00",
            "2026-12-31 22:00-02:00",
        ]
        [calendar.c.days]
        fri = ["08:00-12:00"]
        sun = []
        mon = ["22:00-06:00"]
    "#;
    let calendar = calendar(text, &[]);
    let usual = vec![hours(8, 13), hours(14, 18)];
    let week = [vec![hours(22, 6)], usual.clone(), usual.clone(), usual, vec![hours(8, 12)], vec![], vec![]];
    assert_eq!(calendar.spec().week, week);
    let days = [
        (date(2026, 12, 24), vec![hours(9, 11), hours(12, 13)]),
        (date(2026, 12, 25), vec![]),
        (date(2026, 12, 26), vec![]),
        (date(2026, 12, 31), vec![hours(22, 2)]),
    ];
    assert_eq!(calendar.spec().days, days.into());
    assert_eq!(calendar.spec().zone, "Asia/Jerusalem");
}

#[test]
fn variables_set_calendars() {
    let calendar = calendar(
        "[calendar.c]\nzone = 'UTC'",
        &[
            ("HOLDLINE_CALENDAR__C__ZONE", "Asia/Tokyo"),
            ("HOLDLINE_CALENDAR__C__WEEKEND", "sun"),
            ("HOLDLINE_CALENDAR__C__HOURS", "08:00-12:00, 13:00-17:00"),
            ("HOLDLINE_CALENDAR__C__DAYS__SAT", "08:00-12:00"),
            ("HOLDLINE_CALENDAR__C__HOLIDAYS", "2027-01-01,2027-01-02 09:00-10:00 11:00-12:00"),
        ],
    );
    let spec = calendar.spec();
    assert_eq!((spec.zone.as_str(), spec.week[0].len(), &spec.week[6]), ("Asia/Tokyo", 2, &vec![]));
    assert_eq!(spec.week[5], [hours(8, 12)]);
    assert_eq!(spec.days[&date(2027, 1, 2)], [hours(9, 10), hours(11, 12)]);
    assert_eq!(spec.days[&date(2027, 1, 1)], []);
}

#[test]
fn promises_name_calendars() {
    let text = "[service]\ncalendar = 'a'\n[service.channel.chat]\ncalendar = 'b'\n[service.tier.vip]\ncalendar = 'c'\n\
         [[queue]]\nid = 'q'\ncalendar = 'd'\n[queue.channel.chat]\ncalendar = 'e'\n[queue.tier.vip]\ncalendar = 'f'\n";
    let calendars: String = "abcdef".chars().map(|name| format!("[calendar.{name}]\nzone = 'UTC'\n")).collect();
    let settings = config(&format!("{text}{calendars}"), &[]).settings;
    let promises = &settings.promises[0].1;
    for (lane, name) in [
        (["x", "voice", "standard"], "a"),
        (["x", "chat", "standard"], "b"),
        (["x", "chat", "vip"], "c"),
        (["q", "voice", "standard"], "d"),
        (["q", "chat", "standard"], "e"),
        (["q", "chat", "vip"], "f"),
    ] {
        assert_eq!(promises.calendar_of(lane[0], lane[1], lane[2]), Some(name), "{lane:?}");
    }
    assert_eq!(settings.promised().calendars.len(), 6);
}

#[test]
fn calendars_that_are_not_there() {
    refused(
        "[service]\ncalendar = 'offise'\n[[queue]]\nid = 'q'\n[queue.tier.vip]\ncalendar = 'x'\n[service.channel.chat]\n\
         calendar = 3\n[calendar.office]\nzone = 'UTC'",
        &[
            "2:1: service.calendar: \"offise\" is not a calendar: did you mean \"office\"?",
            "6:1: queue.q.tier.vip.calendar: \"x\" is not a calendar: write a section [calendar.x]",
            "8:1: service.channel.chat.calendar: 3 is not the name of a calendar, in quotes",
        ],
    );
    // One with a mistake is there all the same.
    refused(
        "[service]\ncalendar = 'office'\n[calendar.office]\nzone = 'Mars'",
        &["4:1: calendar.office.zone: \"Mars\" is not a zone: write an IANA name, as in \"Europe/Berlin\" or \"UTC\""],
    );
    refused_with(
        "",
        &[("HOLDLINE_SERVICE__CALENDAR", "x")],
        &["HOLDLINE_SERVICE__CALENDAR: service.calendar: \"x\" is not a calendar: write a section [calendar.x]"],
    );
}

#[test]
fn calendars_without_a_zone_or_with_unknown_keys() {
    refused(
        "[calendar.c]\n[calendar.d]\nzone = 'Europe/Berlim'\n[calendar.e]\nzone = 3\nopen = 1\nhour = ['09:00-10:00']",
        &[
            "1:11: calendar.c.zone: is missing: say whose clocks show the hours, as in zone = \"Europe/Berlin\"",
            "3:1: calendar.d.zone: \"Europe/Berlim\" is not a zone: did you mean \"Europe/Berlin\"?",
            "5:1: calendar.e.zone: 3 is not the name of a zone, as in \"Europe/Berlin\"",
            "6:1: calendar.e.open: unknown key: known here are zone, weekend, hours, days, holidays, holidays_file",
            "7:1: calendar.e.hour: unknown key: did you mean `hours`?",
        ],
    );
    refused(
        "[calendar]\nzone = 'UTC'",
        &["2:1: calendar.zone: \"UTC\" is not a section: its keys go under a header in brackets"],
    );
}

#[test]
fn weekdays_that_are_not_there() {
    refused(
        "[calendar.c]\nzone = 'UTC'\nweekend = ['sat', 'son', 'sunday', 3]\nhours = '09:00-17:00'\n[calendar.c.days]\nfry = []\n\
         monday = []",
        &[
            "3:19: calendar.c.weekend: \"son\" is not a weekday (did you mean \"mon\"?): take one of mon, tue, wed, thu, fri, \
             sat, sun",
            "3:26: calendar.c.weekend: \"sunday\" is not a weekday: take one of mon, tue, wed, thu, fri, sat, sun",
            "3:36: calendar.c.weekend: 3 is not a weekday: take one of mon, tue, wed, thu, fri, sat, sun",
            "4:1: calendar.c.hours: \"09:00-17:00\" is not a list: write it as in [\"09:00-17:00\"]",
            "6:1: calendar.c.days.fry: unknown key: did you mean `fri`?",
            "7:1: calendar.c.days.monday: unknown key: known here are mon, tue, wed, thu, fri, sat, sun",
        ],
    );
}

#[test]
fn hours_that_are_none() {
    let how = "is not a span of hours: write it as in \"09:00-17:00\", from 00:00 to 24:00";
    for written in
        ["9:00-17:00", "09:00", "09:00-25:00", "09:60-10:00", "09:00-24:01", "09-17", "", "ab:cd-ef:gh", "+9:00-10:00"]
    {
        refused(&in_utc(&format!("hours = ['{written}']")), &[&format!("2:10: calendar.c.hours: \"{written}\" {how}")]);
    }
    refused(
        &in_utc("hours = [\n9,\n'08:00-09:00',\n'x']"),
        &[&format!("3:1: calendar.c.hours: 9 {how}"), &format!("5:1: calendar.c.hours: \"x\" {how}")],
    );
    let whole = "ends when it begins: write \"00:00-24:00\" for a whole day";
    refused(&in_utc("days.fri = ['12:00-12:00']"), &[&format!("2:13: calendar.c.days.fri: \"12:00-12:00\" {whole}")]);
    refused(&in_utc("hours = ['00:00-00:00']"), &[&format!("2:10: calendar.c.hours: \"00:00-00:00\" {whole}")]);
    refused(
        &in_utc("hours = ['24:00-08:00']"),
        &[
            "2:10: calendar.c.hours: \"24:00-08:00\" begins at the end of the day: write \"00:00\" for the beginning of the next \
           one",
        ],
    );
}

#[test]
fn hours_that_overlap() {
    let fix = "let one end before the other begins";
    refused(
        &in_utc("hours = ['09:00-12:00', '11:30-17:00']"),
        &[&format!("2:25: calendar.c.hours: \"11:30-17:00\" overlaps \"09:00-12:00\": {fix}")],
    );
    // Every one that an earlier one covers is told, and none that only touches.
    refused(
        &in_utc("days.sat = ['14:00-15:00', '08:00-20:00', '09:00-10:00', '20:00-21:00']"),
        &[
            &format!("2:13: calendar.c.days.sat: \"14:00-15:00\" overlaps \"08:00-20:00\": {fix}"),
            &format!("2:43: calendar.c.days.sat: \"09:00-10:00\" overlaps \"08:00-20:00\": {fix}"),
        ],
    );
    refused(
        &in_utc("hours = ['09:00-17:00', '09:00-17:00']"),
        &[&format!("2:25: calendar.c.hours: \"09:00-17:00\" overlaps \"09:00-17:00\": {fix}")],
    );
}

#[test]
fn night_shifts_that_run_into_the_next_day() {
    refused(
        &in_utc("hours = ['05:00-13:00', '22:00-06:00']"),
        &["2:25: calendar.c.hours: \"22:00-06:00\" runs into \"05:00-13:00\" of the next day: let it end at 05:00"],
    );
    refused(
        &in_utc("days.fri = ['22:00-09:00']\ndays.sat = ['08:00-12:00', '06:00-07:00']"),
        &["2:13: calendar.c.days.fri: \"22:00-09:00\" runs into \"06:00-07:00\" of the next day: let it end at 06:00"],
    );
    // From Sunday into Monday, whose hours are the usual ones.
    refused(
        &in_utc("days.sun = ['18:00-09:01']"),
        &["2:13: calendar.c.days.sun: \"18:00-09:01\" runs into \"09:00-17:00\" of the next day: let it end at 09:00"],
    );
    config(&in_utc("days.sun = ['18:00-09:00']"), &[]);
    config(&in_utc("hours = ['06:00-13:00', '22:00-06:00']\nweekend = []"), &[]);
}

#[test]
fn weeks_without_hours() {
    let empty = "1:11: calendar.c: is an empty week, in which nobody is ever there: write hours for a day of it";
    refused(&in_utc("hours = []"), &[empty]);
    refused(&in_utc("weekend = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']"), &[empty]);
    refused(&in_utc("hours = []\nholidays = ['2026-12-24 09:00-10:00']"), &[empty]);
    // Nobody knows what the refused hours would be.
    refused(
        &in_utc("hours = []\ndays.fri = ['x']"),
        &[
            "3:13: calendar.c.days.fri: \"x\" is not a span of hours: write it as in \"09:00-17:00\", from 00:00 to 24:00",
        ],
    );
    config(&in_utc("hours = []\ndays.sat = ['09:00-10:00']"), &[]);
}

#[test]
fn holidays_that_are_none() {
    let how = "does not begin with a date: write it as in \"2026-12-25\" or \"2026-12-24 09:00-13:00\"";
    for written in ["2026-02-30", "25.12.2026", "2026-12-251", "", "20261225", "2026-1-1", "2026-12-24,09:00-10:00"] {
        let told = format!("2:13: calendar.c.holidays: \"{written}\" {how}");
        refused(&in_utc(&format!("holidays = ['{written}']")), &[&told]);
    }
    refused(
        &in_utc("holidays = [\n3,\n'2206-12-25',\n'2026-12-24 9:00-13:00',\n'2026-12-24 09:00-13:00 14:00-14:00']"),
        &[
            &format!("3:1: calendar.c.holidays: 3 {how}"),
            "4:1: calendar.c.holidays: 2206-12-25 is not in the years 1970 to 2109: write another year",
            "5:1: calendar.c.holidays: \"9:00-13:00\" is not a span of hours: write it as in \"09:00-17:00\", from 00:00 to \
             24:00",
            "6:1: calendar.c.holidays: \"14:00-14:00\" ends when it begins: write \"00:00-24:00\" for a whole day",
        ],
    );
    refused(
        &in_utc("holidays = [\n'2026-12-25',\n'2026-12-26',\n'2026-12-25 09:00-10:00']"),
        &["5:1: calendar.c.holidays: 2026-12-25 is listed twice, first in line 3: keep one of them"],
    );
}

#[test]
fn holidays_whose_hours_overlap() {
    let fix = "let one end before the other begins";
    refused(
        &in_utc("holidays = ['2026-12-24 09:00-13:00,12:00-14:00']"),
        &[&format!("2:13: calendar.c.holidays: \"12:00-14:00\" overlaps \"09:00-13:00\": {fix}")],
    );
    // The 24th is a Thursday.
    refused(
        &in_utc("hours = ['22:00-06:00']\nholidays = ['2026-12-24 05:00-13:00']"),
        &["3:13: calendar.c.holidays: \"05:00-13:00\" overlaps \"22:00-06:00\" of the eve: let it begin at 06:00"],
    );
    refused(
        &in_utc("holidays = ['2026-12-24 22:00-10:00']"),
        &["2:13: calendar.c.holidays: \"22:00-10:00\" runs into \"09:00-17:00\" of the next day: let it end at 09:00"],
    );
    refused(
        &in_utc("holidays = ['2026-12-24 22:00-06:00', '2026-12-25 05:00-07:00']"),
        &["2:39: calendar.c.holidays: \"05:00-07:00\" overlaps \"22:00-06:00\" of the eve: let it begin at 06:00"],
    );
    config(&in_utc("holidays = ['2026-12-24 22:00-10:00', '2026-12-25']"), &[]);
}

#[test]
fn mistakes_of_all_calendars_are_told_at_once() {
    refused(
        "[calendar.a]\nzone = 'UTC'\nhours = ['x']\n[calendar.b]\nweekend = ['x']\nholidays = ['y']\n[service]\ngoal = 80",
        &[
            "3:10: calendar.a.hours: \"x\" is not a span of hours: write it as in \"09:00-17:00\", from 00:00 to 24:00",
            "4:11: calendar.b.zone: is missing: say whose clocks show the hours, as in zone = \"Europe/Berlin\"",
            "5:12: calendar.b.weekend: \"x\" is not a weekday: take one of mon, tue, wed, thu, fri, sat, sun",
            "6:13: calendar.b.holidays: \"y\" does not begin with a date: write it as in \"2026-12-25\" or \
             \"2026-12-24 09:00-13:00\"",
            "8:1: service.goal: 80 is not a share between 0 and 1: for 80 % write 0.8",
        ],
    );
}
