//! What single values mean: each function takes a value for one kind of thing, or says what is wrong with it.
//!
//! The complaints are the rest of a sentence that begins with the key: the value as it was written, and the fix.

use std::ops::RangeInclusive;

use jiff::tz::{TimeZone, TimeZoneName};

use super::duration as durations;
use super::mistake::nearest;
use super::typed::Value;
use crate::engine::experience::{LARGEST_SCORE, thousandths};

/// The longest name of a queue, channel, tier or calendar, in bytes, as in events.
const LONGEST_NAME: usize = 128;

/// A duration within `range`, both in milliseconds.
pub(super) fn duration(range: RangeInclusive<u64>) -> impl Fn(&Value) -> Result<u64, String> {
    move |value| {
        let written = value.quoted();
        let Some(text) = value.text() else {
            return Err(format!("{written} is not a duration: write it in quotes and with its unit, as in \"20s\""));
        };
        let duration_ms = durations::parse(text).map_err(|complaint| format!("{written} {complaint}"))?;
        let [least, most] = [*range.start(), *range.end()].map(durations::write);
        match duration_ms {
            _ if duration_ms < *range.start() => Err(format!("{written} is too short: at least {least}")),
            _ if duration_ms > *range.end() => Err(format!("{written} is too long: at most {most}")),
            _ => Ok(duration_ms),
        }
    }
}

/// A whole number within `range`.
pub(super) fn whole(range: RangeInclusive<u64>) -> impl Fn(&Value) -> Result<u64, String> {
    move |value| {
        let (least, most) = (range.start(), range.end());
        match value.number().and_then(|number| number.parse().ok()) {
            Some(number) if number < *least => Err(format!("{number} is too small: at least {least}")),
            Some(number) if number > *most => Err(format!("{number} is too large: at most {most}")),
            Some(number) => Ok(number),
            None => Err(format!("{} is not a whole number from {least} to {most}", value.quoted())),
        }
    }
}

/// A share of the whole, more than 0 and less than 1.
pub(super) fn share(value: &Value) -> Result<f64, String> {
    let written = value.quoted();
    match value.number().and_then(|number| number.parse::<f64>().ok()) {
        Some(share) if share > 0.0 && share < 1.0 => Ok(share),
        Some(percent) if percent > 1.0 && percent < 100.0 => {
            // Rounded, since 99.9 / 100 is not quite 0.999.
            let share = (percent * 10_000.0).round() / 1_000_000.0;
            Err(format!("{written} is not a share between 0 and 1: for {percent} % write {share}"))
        }
        _ => Err(format!("{written} is not a share between 0 and 1, both excluded")),
    }
}

/// A number of times, at least once and at most so many times.
pub(super) fn factor(most: f64) -> impl Fn(&Value) -> Result<f64, String> {
    move |value| match value.number().and_then(|number| number.parse::<f64>().ok()) {
        Some(factor) if (1.0..=most).contains(&factor) => Ok(factor),
        _ => Err(format!("{} is not a number from 1 to {most}", value.quoted())),
    }
}

/// Yes or no.
pub(super) fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Truth(truth) => Ok(*truth),
        Value::Given(text) if text == "true" || text == "false" => Ok(text == "true"),
        _ => Err(format!("{} is neither true nor false", value.quoted())),
    }
}

/// A score of a survey, in thousandths, which is as fine as scores are told.
pub(super) fn score(value: &Value) -> Result<i64, String> {
    let number = value.number().and_then(|number| number.parse::<f64>().ok()).filter(|number| number.is_finite());
    let number = number.ok_or_else(|| format!("{} is not a score: write a number", value.quoted()))?;
    thousandths(number).ok_or_else(|| format!("{} is too far from 0: at most {LARGEST_SCORE}", value.quoted()))
}

/// One of the texts `known`, which `meaning` understands; together they are called a `what`.
pub(super) fn choice<T>(
    what: &str,
    known: &[&str],
    meaning: impl Fn(&str) -> Option<T>,
) -> impl Fn(&Value) -> Result<T, String> {
    move |value| {
        value.text().and_then(&meaning).ok_or_else(|| {
            let meant = value.text().and_then(|text| nearest(text, known.iter().copied()));
            let hint = meant.map(|name| format!(" (did you mean \"{name}\"?)")).unwrap_or_default();
            format!("{} is not a {what}{hint}: take one of {}", value.quoted(), known.join(", "))
        })
    }
}

/// The id of a queue.
pub(super) fn queue_id(value: &Value) -> Result<String, String> {
    let text = value.text().ok_or_else(|| format!("{} is not a text in quotes", value.quoted()))?;
    name(text).map(|()| text.to_owned())
}

/// The name of a calendar, which may not be there.
pub(super) fn calendar(value: &Value) -> Result<String, String> {
    let text = value.text().ok_or_else(|| format!("{} is not the name of a calendar, in quotes", value.quoted()))?;
    Ok(text.to_owned())
}

/// Whether a queue, a channel, a tier or a calendar can be named so.
pub(super) fn name(text: &str) -> Result<(), String> {
    match text.len() {
        0 => Err(format!("the name is empty: write 1 to {LONGEST_NAME} bytes")),
        1..=LONGEST_NAME => Ok(()),
        bytes => Err(format!("the name is {bytes} bytes long: at most {LONGEST_NAME}")),
    }
}

/// The name of a zone, in its usual spelling.
pub(super) fn zone(value: &Value) -> Result<String, String> {
    let written = value.quoted();
    let Some(name) = value.text() else {
        return Err(format!("{written} is not the name of a zone, as in \"Europe/Berlin\""));
    };
    match TimeZone::get(name) {
        // There is one called `Etc/Unknown`, which is no place.
        Ok(zone) if !zone.is_unknown() => Ok(zone.iana_name().unwrap_or(name).to_owned()),
        _ => {
            let known: Vec<TimeZoneName<'_>> = jiff::tz::db().available().collect();
            let hint = match nearest(name, known.iter().map(TimeZoneName::as_str)) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None => "write an IANA name, as in \"Europe/Berlin\" or \"UTC\"".to_owned(),
            };
            Err(format!("{written} is not a zone: {hint}"))
        }
    }
}
