//! A file of holidays (iCalendar, RFC 5545): the local days that its events touch.
//!
//! Days, times in any zone, ends, durations, cancellations and events of every year are understood. What would close other
//! days than anybody meant, other rules and exceptions of repeated events, is refused by its line.

use std::collections::BTreeSet;

use icalendar::parser::{self, Component, Property};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::understand_hours::{FIRST_DATE, LAST_DATE};

/// Properties that add days to an event or take some away.
const NOT_UNDERSTOOD: [&str; 4] = ["RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"];

const EACH_APART: &str = "write an event for each day";

/// What is wrong with one event, and with which of its properties.
type Complaint = (&'static str, String);

/// The days that are closed. Times that name no zone are of this one, and days are its days.
///
/// # Errors
///
/// The lines that cannot be used and what is wrong with each.
pub(super) fn closed_days(text: &str, zone: &TimeZone) -> Result<BTreeSet<Date>, Vec<(usize, String)>> {
    let lines = Lines::of(text.trim_start_matches('\u{feff}'));
    let unfolded = parser::unfold(lines.text);
    let components = parser::read_calendar_simple(&unfolded).map_err(|error| {
        let read = unfolded.len() - error.input.len();
        vec![(lines.of_unfolded(&unfolded, read), "is not iCalendar: export the file anew".to_owned())]
    })?;
    let mut events = Vec::new();
    components.iter().for_each(|component| collect(component, &mut events));
    if events.is_empty() {
        return Err(vec![(1, "no event is in it: name a file with a VEVENT for each holiday".to_owned())]);
    }
    let mut closed = BTreeSet::new();
    let mut mistakes = Vec::new();
    for (number, event) in events.into_iter().enumerate() {
        match days(event, zone) {
            Ok(days) => closed.extend(days),
            Err((property, message)) => mistakes.push((lines.of_event(number, property), message)),
        }
    }
    if mistakes.is_empty() { Ok(closed) } else { Err(mistakes) }
}

/// All events, in the order in which they begin.
fn collect<'c, 't>(component: &'c Component<'t>, events: &mut Vec<&'c Component<'t>>) {
    if component.name.as_str().eq_ignore_ascii_case("VEVENT") {
        events.push(component);
    }
    component.components.iter().for_each(|inner| collect(inner, events));
}

/// The days of one event, none if it was cancelled.
fn days(event: &Component<'_>, zone: &TimeZone) -> Result<Vec<Date>, Complaint> {
    let written = |name| property(event, name);
    if written("STATUS").is_some_and(|status| status.val.as_str().trim().eq_ignore_ascii_case("CANCELLED")) {
        return Ok(Vec::new());
    }
    if let Some(name) = NOT_UNDERSTOOD.into_iter().find(|name| written(name).is_some()) {
        return Err((name, format!("{name} is not understood: {EACH_APART}")));
    }
    let Some(start) = written("DTSTART") else {
        return Err(("BEGIN", "the event has no DTSTART: say on which day it is".to_owned()));
    };
    let start = moment(start, zone).map_err(|complaint| ("DTSTART", complaint))?;
    let last = last_day(event, start, zone)?;
    let yearly = match written("RRULE") {
        None => false,
        Some(rule) if rule.val.as_str().trim().eq_ignore_ascii_case("FREQ=YEARLY") => true,
        Some(rule) => {
            let rule = rule.val.as_str();
            return Err((
                "RRULE",
                format!("the rule {rule:?} is not FREQ=YEARLY, the only one understood: {EACH_APART}"),
            ));
        }
    };
    let first = start.date();
    if !yearly {
        return Ok(within(first, last));
    }
    // So many days from the same date on; a 29 February only where there is one.
    let further = first.until(last).map_or(0, |span| span.get_days()).days();
    let years = first.year().max(FIRST_DATE.year() - 1)..=LAST_DATE.year();
    let begun = years.filter_map(|year| Date::new(year, first.month(), first.day()).ok());
    Ok(begun.flat_map(|date| within(date, date.saturating_add(further))).collect())
}

/// The last day that an event touches which begins at `start`, local time.
fn last_day(event: &Component<'_>, start: DateTime, zone: &TimeZone) -> Result<Date, Complaint> {
    let (name, end) = match (property(event, "DTEND"), property(event, "DURATION")) {
        (Some(end), _) => ("DTEND", moment(end, zone).map_err(|complaint| ("DTEND", complaint))?),
        (None, Some(duration)) => {
            let written = duration.val.as_str().trim();
            let end = written.parse::<Span>().ok().and_then(|span| start.checked_add(span).ok());
            let no_duration = || ("DURATION", format!("{written:?} is not a duration: write it as in \"P1D\""));
            ("DURATION", end.ok_or_else(no_duration)?)
        }
        (None, None) => return Ok(start.date()),
    };
    if end < start {
        return Err((name, "the event ends before it begins: change either".to_owned()));
    }
    // The end is no part of it; but some programs let an event of one day end where it begins.
    let last = if end == start { end } else { end.saturating_sub(1.nanosecond()) };
    Ok(last.date())
}

/// The local time that a property says: midnight if it says a day.
fn moment(property: &Property<'_>, zone: &TimeZone) -> Result<DateTime, String> {
    let written = property.val.as_str().trim();
    let no_time = || format!("{written:?} is neither a day (20261225) nor a time (20261225T090000)");
    let has_shape = |text: &str| {
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        match text.split_once('T') {
            None => digits(text, 8),
            Some((day, time)) => digits(day, 8) && digits(time, 6),
        }
    };
    let (text, is_utc) = match written.strip_suffix('Z') {
        Some(text) if text.contains('T') => (text, true),
        _ => (written, false),
    };
    if !has_shape(text) {
        return Err(no_time());
    }
    if !text.contains('T') {
        return text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)).map_err(|_| no_time());
    }
    let told: DateTime = text.parse().map_err(|_| no_time())?;
    let zone_named = property.params.iter().find(|parameter| parameter.key.as_str().eq_ignore_ascii_case("TZID"));
    let told_in = match zone_named.and_then(|parameter| parameter.val.as_ref()) {
        _ if is_utc => TimeZone::UTC,
        None => return Ok(told),
        Some(name) => {
            let name = name.as_str().trim_matches('"');
            let unknown = || format!("{name:?} is not a zone: write its IANA name, as in \"Europe/Berlin\"");
            TimeZone::get(name).ok().filter(|zone| !zone.is_unknown()).ok_or_else(unknown)?
        }
    };
    told.to_zoned(told_in).map(|time| time.with_time_zone(zone.clone()).datetime()).map_err(|_| no_time())
}

/// The days from one to another, without those that no event can be of.
fn within(first: Date, last: Date) -> Vec<Date> {
    first.max(FIRST_DATE).series(1.day()).take_while(|day| *day <= last.min(LAST_DATE)).collect()
}

fn property<'c, 't>(event: &'c Component<'t>, name: &str) -> Option<&'c Property<'t>> {
    event.properties.iter().find(|property| property.name.as_str().eq_ignore_ascii_case(name))
}

/// The lines of a file, which the parser has forgotten.
struct Lines<'t> {
    text: &'t str,
    lines: Vec<&'t str>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Lines<'t> {
        Lines { text, lines: text.lines().collect() }
    }

    /// The number of the line at which the parser stopped after so many bytes of the unfolded text.
    fn of_unfolded(&self, unfolded: &str, bytes: usize) -> usize {
        let whole = unfolded[..bytes].matches('\n').count();
        // One that begins with a blank goes on with the one before.
        let begun = self.lines.iter().zip(1..).filter(|(line, _)| !line.starts_with([' ', '\t']));
        begun.map(|(_, number)| number).nth(whole).unwrap_or(self.lines.len().max(1))
    }

    /// The number of the line with a property of an event, or else of that with which the event begins.
    fn of_event(&self, number: usize, property: &str) -> usize {
        let is_name = |line: &str, name: &str| {
            let (begin, rest) = line.split_at_checked(name.len()).unwrap_or_default();
            begin.eq_ignore_ascii_case(name) && !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-')
        };
        let begins = self.lines.iter().enumerate().filter(|(_, line)| is_name(line, "BEGIN:VEVENT"));
        let Some((begin, _)) = begins.clone().nth(number) else { return 1 };
        let own = self.lines[begin..].iter().take_while(|line| !is_name(line, "END:VEVENT"));
        begin + 1 + own.enumerate().find(|(_, line)| is_name(line, property)).map_or(0, |(after, _)| after)
    }
}
