//! Files of holidays: which days they close, what is refused by its line, and where they are looked for.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::holidays::closed_days;
use super::tests::beside_the_reference;
use super::*;

/// The file with these lines in its events, one event for each list.
fn file(events: &[&str]) -> String {
    let events: String = events.iter().map(|lines| format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\n")).collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n")
}

fn days(text: &str, zone: &str) -> Vec<String> {
    let closed = closed_days(text, &TimeZone::get(zone).unwrap());
    closed.unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:?}")).iter().map(ToString::to_string).collect()
}

/// The lines that cannot be used, with what is said of each.
fn refused(text: &str) -> Vec<(usize, String)> {
    closed_days(text, &TimeZone::get("Europe/Berlin").unwrap()).unwrap_err()
}

#[test]
fn days_and_times_close_the_days_they_touch() {
    for (event, closed) in [
        ("DTSTART;VALUE=DATE:20261225", "2026-12-25"),
        ("DTSTART:20261225", "2026-12-25"),
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227", "2026-12-24 2026-12-25 2026-12-26"),
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261224", "2026-12-24"),
        ("DTSTART;VALUE=DATE:20261231\nDURATION:P2D", "2026-12-31 2027-01-01"),
        ("DTSTART:20261224T090000", "2026-12-24"),
        ("DTSTART:20261224T220000\nDTEND:20261225T000000", "2026-12-24"),
        ("DTSTART:20261224T220000\nDTEND:20261225T000001", "2026-12-24 2026-12-25"),
        ("DTSTART:20261224T220000\nDURATION:PT3H", "2026-12-24 2026-12-25"),
        // The same instants by other clocks than Berlin's, which is an hour ahead of UTC.
        ("DTSTART:20261224T233000Z", "2026-12-25"),
        ("DTSTART;TZID=America/New_York:20261224T180000", "2026-12-25"),
        ("DTSTART;TZID=\"America/New_York\":20261224T175959", "2026-12-24"),
        ("dtstart;value=date:20261225\nstatus:confirmed", "2026-12-25"),
        ("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED\nRRULE:FREQ=WEEKLY", ""),
    ] {
        assert_eq!(days(&file(&[event]), "Europe/Berlin").join(" "), closed, "{event}");
    }
}

#[test]
fn what_comes_every_year_comes_until_2109() {
    let every_year = days(&file(&["DTSTART;VALUE=DATE:20261231\nDTEND;VALUE=DATE:20270102\nRRULE:FREQ=YEARLY"]), "UTC");
    // The last year has no day after it.
    assert_eq!(every_year.len(), 2 * (2109 - 2026 + 1) - 1);
    assert_eq!(every_year[..3], ["2026-12-31", "2027-01-01", "2027-12-31"]);
    assert_eq!(every_year.last().unwrap(), "2109-12-31");
    let long_since = days(&file(&["DTSTART;VALUE=DATE:16010101\nRRULE:freq=yearly"]), "UTC");
    assert_eq!((long_since.len(), long_since[0].as_str()), (140, "1970-01-01"));
    let leap = days(&file(&["DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY"]), "UTC");
    assert_eq!(leap[..2], ["2024-02-29", "2028-02-29"]);
    // Not in 2100.
    assert_eq!(leap.len(), (2108 - 2024) / 4 + 1 - 1);
}

#[test]
fn files_may_be_folded_and_hold_other_things() {
    let text = "\u{feff}BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Feiertage\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n\
                BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\n\
                TZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:202\r\n 61225\r\n\
                DESCRIPTION:A long one\\, about:\r\n  this\r\n\t; and that\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n\
                SUMMARY;LANGUAGE=de:Weihnachten\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nDTSTART:20260101\r\nEND:VTODO\r\n\
                END:VCALENDAR\r\n";
    assert_eq!(days(text, "Europe/Berlin"), ["2026-12-25"]);
}

#[test]
fn events_that_cannot_be_used_are_told_by_their_lines() {
    // The event begins in line 3, its own lines in line 5.
    for (event, line, message) in [
        ("SUMMARY:x", 3, "the event has no DTSTART: say on which day it is"),
        ("DTSTART:tomorrow", 5, "\"tomorrow\" is neither a day (20261225) nor a time (20261225T090000)"),
        ("DTSTART:20260230", 5, "\"20260230\" is neither a day (20261225) nor a time (20261225T090000)"),
        ("DTSTART:20260101T0900", 5, "\"20260101T0900\" is neither a day (20261225) nor a time (20261225T090000)"),
        (
            "SUMMARY:x\nDTSTART:20260101T250000",
            6,
            "\"20260101T250000\" is neither a day (20261225) nor a time (20261225T090000)",
        ),
        (
            "DTSTART;TZID=W. Europe Standard Time:20260101T090000",
            5,
            "\"W. Europe Standard Time\" is not a zone: write its IANA name, as in \"Europe/Berlin\"",
        ),
        ("DTSTART:20260102\nDTEND:20260101", 6, "the event ends before it begins: change either"),
        ("DTSTART:20260102\nDURATION:-P1D", 6, "the event ends before it begins: change either"),
        ("DTSTART:20260102\nDTEND:soon", 6, "\"soon\" is neither a day (20261225) nor a time (20261225T090000)"),
        ("DTSTART:20260102\nDURATION:soon", 6, "\"soon\" is not a duration: write it as in \"P1D\""),
        (
            "DTSTART:20260102\nRRULE:FREQ=WEEKLY",
            6,
            "the rule \"FREQ=WEEKLY\" is not FREQ=YEARLY, the only one understood: write an event for each day",
        ),
        (
            "RRULE:FREQ=YEARLY;COUNT=3\nDTSTART:20260102",
            5,
            "the rule \"FREQ=YEARLY;COUNT=3\" is not FREQ=YEARLY, the only one understood: write an event for each day",
        ),
        (
            "DTSTART:20260102\nRRULE:FREQ=YEARLY\nEXDATE:20270102",
            7,
            "EXDATE is not understood: write an event for each day",
        ),
        ("DTSTART:20260102\nRDATE:20270102", 6, "RDATE is not understood: write an event for each day"),
        ("RECURRENCE-ID:20260101\nDTSTART:20260102", 5, "RECURRENCE-ID is not understood: write an event for each day"),
    ] {
        assert_eq!(refused(&file(&[event])), [(line, message.to_owned())], "{event}");
    }
    let several = file(&["DTSTART:20260101", "DTSTART:x", "SUMMARY:a\n b\nDTSTART:y"]);
    assert_eq!(refused(&several).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [9, 15]);
}

#[test]
fn files_that_are_no_calendars() {
    let foreign = |line| vec![(line, "is not iCalendar: export the file anew".to_owned())];
    assert_eq!(refused(""), foreign(1));
    assert_eq!(refused("Christmas: 25 December"), foreign(1));
    assert_eq!(refused("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART\n :20261225\nEND:VTODO\nEND:VCALENDAR"), foreign(5));
    assert_eq!(refused("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\n").len(), 1);
    let none = "no event is in it: name a file with a VEVENT for each holiday".to_owned();
    assert_eq!(refused(&file(&[])), [(1, none)]);
}

/// A folder that goes away with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, &[u8])]) -> Folder {
        let path = std::env::temp_dir().join(format!("holdline-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        files.iter().for_each(|(name, content)| std::fs::write(path.join(name), content).unwrap());
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn files_are_looked_for_beside_the_configuration() {
    let holidays = file(&["DTSTART;VALUE=DATE:20261225", "DTSTART;VALUE=DATE:20261224"]);
    let text =
        "[calendar.c]\nzone = 'UTC'\nholidays_file = 'h.ics'\nholidays = ['2026-12-24 09:00-13:00', '2026-12-31']";
    let folder = Folder::of("beside", &[("h.ics", holidays.as_bytes()), ("h.toml", text.as_bytes())]);
    let days = |config: Config| {
        let days = &config.settings.promised().calendars["c"].spec().days;
        days.iter().map(|(date, hours)| (date.to_string(), hours.len())).collect::<Vec<_>>()
    };
    // What is listed wins over the file.
    let expected =
        [("2026-12-24", 1), ("2026-12-25", 0), ("2026-12-31", 0)].map(|(date, hours)| (date.to_owned(), hours));
    assert_eq!(days(Config::load(&folder.0.join("h.toml")).unwrap()), expected);
    let whole = text.replace("h.ics", folder.0.join("h.ics").to_str().unwrap());
    assert_eq!(days(Config::parse(&whole, &[]).unwrap()), expected);
    let example = beside_the_reference("[calendar.c]\nzone = 'UTC'\nholidays_file = 'examples/holidays.ics'");
    assert_eq!(days(example).len(), 1 + 7 + (2109 - 2026));
}

#[test]
fn files_that_cannot_be_used() {
    let two = file(&["DTSTART:x", "DTSTART:20260101\nRRULE:FREQ=DAILY"]);
    let folder = Folder::of("unusable", &[("two.ics", two.as_bytes()), ("latin.ics", b"\xff")]);
    let told = |name: &str| {
        let text = format!("[calendar.c]\nholidays_file = '{name}'\nzone = 'UTC'");
        let mistakes = Config::parse_in(&folder.0, &text, &[]).unwrap_err();
        let written = format!("{:?}", folder.0.join(name).to_str().unwrap());
        mistakes.iter().map(|mistake| mistake.to_string().replace(&written, "FILE")).collect::<Vec<_>>()
    };
    let at = "2:1: calendar.c.holidays_file: the file FILE";
    assert_eq!(told("none.ics"), [format!("{at} cannot be read: No such file or directory (os error 2)")]);
    assert_eq!(told("latin.ics"), [format!("{at} is not UTF-8: write it anew")]);
    assert_eq!(
        told("two.ics"),
        [
            format!(
                "{at}, line 10: the rule \"FREQ=DAILY\" is not FREQ=YEARLY, the only one understood: write an event for each \
                 day"
            ),
            format!("{at}, line 5: \"x\" is neither a day (20261225) nor a time (20261225T090000)"),
        ]
    );
    let no_path = |value: &str| Config::parse(&format!("[calendar.c]\nholidays_file = {value}\nzone = 'UTC'"), &[]);
    for (value, quoted) in [("3", "3"), ("''", "\"\"")] {
        let mistakes = no_path(value).unwrap_err();
        let told = format!("2:1: calendar.c.holidays_file: {quoted} is not the path of a file, in quotes");
        assert_eq!(mistakes.iter().map(Mistake::to_string).collect::<Vec<_>>(), [told]);
    }
}
