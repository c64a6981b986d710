//! How a scenario writes durations and instants, read and printed.
//!
//! A duration is `20s`, `1.5s`, `250ms`, `1m37s`, `24h`, `45d`. An instant is `09:00`, `09:00:03` or `09:00:03.250` on
//! the scenario's day, `+2d 09:00` on a later one, or a full `2026-03-29T02:59:50+01:00` where a local clock matters.
//! Each has one canonical form, so that what was written and what the engine answers are compared as text.

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// Milliseconds of a day.
pub(super) const DAY: u64 = 24 * HOUR;

/// Units by the letters that follow a number; the longer name first, because `m` begins `ms`.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", SECOND), ("m", MINUTE), ("h", HOUR), ("d", DAY)];

/// A duration in milliseconds.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no duration; write it like 20s, 1.5s, 250ms, 1m37s, 24h");
    let mut rest = text;
    let mut total = 0;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(end);
        let (unit, width) = UNITS.into_iter().find(|(unit, _)| tail.starts_with(unit)).ok_or_else(wrong)?;
        total += thousandths(number).filter(|n| (n * width).is_multiple_of(1000)).ok_or_else(wrong)? * width / 1000;
        rest = &tail[unit.len()..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

/// `1.25` as 1250; none if it is no number or finer than a thousandth.
fn thousandths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<3}").parse().ok()
}

/// The canonical form: seconds up to two minutes, then the units that are not zero.
pub(super) fn show_duration(ms: u64) -> String {
    if ms < 2 * MINUTE {
        return format!("{}s", show_seconds(ms));
    }
    let parts = [(ms / DAY, "d"), (ms % DAY / HOUR, "h"), (ms % HOUR / MINUTE, "m")];
    let mut text: String = parts.iter().filter(|part| part.0 > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if !ms.is_multiple_of(MINUTE) {
        text += &format!("{}s", show_seconds(ms % MINUTE));
    }
    text
}

fn show_seconds(ms: u64) -> String {
    match ms % SECOND {
        0 => format!("{}", ms / SECOND),
        thousandths => format!("{}.{thousandths:03}", ms / SECOND).trim_end_matches('0').to_owned(),
    }
}

/// The days from 1970-01-01 to a civil date, by counting eras of 400 years that begin in March.
pub(super) fn day(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no date; write it like 2026-03-02");
    let numbers: Vec<u64> = text.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let [year, month @ 1..=12, day @ 1..=31] = numbers[..] else { return Err(wrong()) };
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468).ok_or_else(wrong)
}

/// An instant in milliseconds since the epoch; `base` is the scenario's day.
pub(super) fn instant(text: &str, base: u64) -> Result<u64, String> {
    if let Some((date, local)) = text.split_once('T') {
        let at = local.find(['+', '-', 'Z']).ok_or(format!("`{text}` names no offset"))?;
        let (clock_text, offset) = local.split_at(at);
        let local_ms = day(date)? * DAY + clock(clock_text)?;
        return Ok(match offset.split_at(1) {
            ("+", ahead) => local_ms - clock(ahead)?,
            ("-", behind) => local_ms + clock(behind)?,
            _ => local_ms,
        });
    }
    let (days, clock_text) = match text.strip_prefix('+') {
        Some(later) => {
            let (days, clock_text) = later.split_once("d ").ok_or(format!("`{text}`: write it like +2d 09:00"))?;
            (days.parse().map_err(|_| format!("`{days}` is no number of days"))?, clock_text)
        }
        None => (0, text),
    };
    Ok((base + days) * DAY + clock(clock_text)?)
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm` in milliseconds since midnight.
fn clock(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time of day; write it like 09:00, 09:00:03 or 09:00:03.250");
    let mut parts = text.split(':');
    let mut next = |below: u64| parts.next().and_then(thousandths).filter(|value| *value < below * 1000);
    let hours = next(24).filter(|value| value % 1000 == 0).ok_or_else(wrong)?;
    let minutes = next(60).filter(|value| value % 1000 == 0).ok_or_else(wrong)?;
    let seconds = if text.matches(':').count() > 1 { next(60).ok_or_else(wrong)? } else { 0 };
    if parts.next().is_some() { Err(wrong()) } else { Ok(hours * 3600 + minutes * 60 + seconds) }
}

/// The canonical form: `09:00:03`, with thousandths only where there are any, and `+2d ` before it on a later day.
pub(super) fn show_instant(millis: u64, base: u64) -> String {
    let in_day = millis % DAY;
    let days = match (millis / DAY).checked_sub(base) {
        Some(0) => String::new(),
        Some(days) => format!("+{days}d "),
        None => format!("-{}d ", base - millis / DAY),
    };
    let thousandths = if millis.is_multiple_of(SECOND) { String::new() } else { format!(".{:03}", millis % SECOND) };
    format!("{days}{:02}:{:02}:{:02}{thousandths}", in_day / HOUR, in_day % HOUR / MINUTE, in_day % MINUTE / SECOND)
}

#[test]
fn durations_and_instants_are_read_and_printed() {
    for (text, ms) in [("97s", 97_000), ("1.25s", 1_250), ("0s", 0), ("2m3s", 123_000), ("24h", DAY), ("45d", 45 * DAY)]
    {
        assert_eq!(duration(text), Ok(ms), "{text}");
        assert_eq!(duration(&show_duration(ms)), Ok(ms), "{text}");
    }
    assert_eq!(duration("250ms"), Ok(250));
    assert!(duration("20").is_err() && duration("").is_err() && duration("1.2345s").is_err());
    let base = day("2026-03-02").unwrap();
    assert_eq!(base * DAY, 1_772_409_600_000);
    for text in ["09:00:03", "+2d 09:00:00.250", "23:59:59.999"] {
        assert_eq!(show_instant(instant(text, base).unwrap(), base), text);
    }
    assert_eq!(instant("2026-03-02T01:30:00+02:00", base), Ok(base * DAY - 30 * MINUTE));
    assert!(instant("9 o'clock", base).is_err() && instant("24:00", base).is_err());
}
