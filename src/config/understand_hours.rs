//! What single values of a calendar mean: weekdays, hours and dates. Whether they go together is judged in `calendars`.

use jiff::civil::Date;

use super::typed::Value;
use super::understand::choice;
use crate::engine::calendar::Hours;

/// The weekdays as they are written, Monday first.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The first and the last date that can matter: event time begins in 1970 and ends in 2109.
pub(super) const FIRST_DATE: Date = jiff::civil::date(1970, 1, 1);
pub(super) const LAST_DATE: Date = jiff::civil::date(2109, 12, 31);

/// A weekday: its number, 0 for Monday.
pub(super) fn weekday(value: &Value) -> Result<usize, String> {
    let number = |text: &str| WEEKDAYS.iter().position(|name| name.eq_ignore_ascii_case(text));
    choice("weekday", &WEEKDAYS, number)(value)
}

/// One span of hours, as in `09:00-17:00`.
pub(super) fn hours(value: &Value) -> Result<Hours, String> {
    match value.text() {
        Some(text) => hours_of(text.trim()),
        None => Err(no_hours(&value.quoted())),
    }
}

/// A date with the hours that begin on it, none if it is closed: `2026-12-25`, `2026-12-24 09:00-11:00,12:00-13:00`.
pub(super) fn special_day(value: &Value) -> Result<(Date, Vec<Hours>), String> {
    let text = match value {
        // A date of TOML, which goes without quotes.
        Value::Other(text) => text,
        value => value.text().unwrap_or_default(),
    };
    let (date, hours) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let date = date_of(date).ok_or_else(|| {
        format!(
            "{} does not begin with a date: write it as in \"2026-12-25\" or \"2026-12-24 09:00-13:00\"",
            value.quoted()
        )
    })?;
    let date = in_range(date)?;
    // In a variable commas part the days, so that blanks have to do between hours.
    let hours = hours.split([',', ' ']).filter(|span| !span.is_empty()).map(hours_of).collect::<Result<_, _>>()?;
    Ok((date, hours))
}

/// A date by itself: `2026-12-25`.
pub(super) fn date(value: &Value) -> Result<Date, String> {
    let text = match value {
        Value::Other(text) => text,
        value => value.text().unwrap_or_default(),
    };
    let written = date_of(text.trim());
    let date = written.ok_or_else(|| format!("{} is not a date: write it as in \"2026-12-25\"", value.quoted()))?;
    in_range(date)
}

fn in_range(date: Date) -> Result<Date, String> {
    let is_within = (FIRST_DATE..=LAST_DATE).contains(&date);
    is_within.then_some(date).ok_or_else(|| format!("{date} is not in the years 1970 to 2109: write another year"))
}

fn hours_of(text: &str) -> Result<Hours, String> {
    let written = format!("{text:?}");
    let (begin, end) = text.split_once('-').ok_or_else(|| no_hours(&written))?;
    let minutes = [begin, end].map(|time| minute_of(time.trim()));
    let [Some(begin), Some(end)] = minutes else { return Err(no_hours(&written)) };
    Hours::new(begin, end).ok_or_else(|| match begin {
        _ if begin == end => format!("{written} ends when it begins: write \"00:00-24:00\" for a whole day"),
        _ => format!("{written} begins at the end of the day: write \"00:00\" for the beginning of the next one"),
    })
}

fn no_hours(written: &str) -> String {
    format!("{written} is not a span of hours: write it as in \"09:00-17:00\", from 00:00 to 24:00")
}

/// The minute of the day that a text as `09:30` says, at most 24:00.
fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| match digits.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9'] => digits.parse::<u16>().ok(),
        _ => None,
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

/// The date that a text as `2026-12-25` says; no other shape is taken.
fn date_of(text: &str) -> Option<Date> {
    let has_shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    has_shape.then(|| text.parse().ok())?
}
