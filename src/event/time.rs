//! Instants as events write them: RFC 3339 with an offset, or whole milliseconds since the epoch.
//!
//! A parser of its own because every event has a time and this one shape of it: fixed columns, no calendar but the
//! Gregorian, no zone names. It does not write times, and it knows no local time: without an offset there is no
//! instant.

use super::EventTime;

/// The instant that an RFC 3339 text with an offset tells, floored to milliseconds.
///
/// None if the text is not exactly `YYYY-MM-DDThh:mm:ss[.f]Z` or `…±hh:mm` (one to nine fractional digits, `t` and `z`
/// in either case), names a day or an hour that does not exist, or lies before 1970 or after [`EventTime::MAX`].
///
/// A leap second is taken where one can be, in the last minute of a day in UTC, and is the last millisecond of that
/// minute: a later instant would be the next day's.
pub fn from_rfc3339(text: &str) -> Option<EventTime> {
    let (date_time, rest) = text.as_bytes().split_first_chunk::<19>()?;
    let [century, year, month] = pairs(date_time, 0, *b"0000-00-", [0, 2, 5])?;
    let [day, hour, minute] = pairs(date_time, 8, *b"00t00:00", [0, 3, 6])?;
    let [_, _, second] = pairs(date_time, 11, *b"00:00:00", [0, 3, 6])?;
    let (fraction_ms, offset) = fraction(rest)?;
    let offset_minutes = offset_minutes(offset)?;

    let year = century * 100 + year;
    let exists = (1..=12).contains(&month)
        && day >= 1
        && (day <= 28 || day <= days_in_month(year, month))
        && hour <= 23
        && minute <= 59
        && second <= 60;
    if year < FIRST_YEAR || !exists {
        return None;
    }

    let minutes = (days_since_epoch(year, month, day) * 24 + i64::from(hour)) * 60 + i64::from(minute) - offset_minutes;
    let millis = if second < 60 {
        minutes * 60_000 + i64::from(second) * 1_000 + fraction_ms
    } else if minutes.rem_euclid(24 * 60) == 24 * 60 - 1 {
        minutes * 60_000 + 59_999
    } else {
        return None;
    };
    EventTime::from_millis(u64::try_from(millis).ok()?)
}

/// The instant that a whole number of milliseconds since the epoch tells. None if the text is anything but decimal
/// digits (a sign, a fraction, an exponent), or if it lies after [`EventTime::MAX`].
pub fn from_epoch_millis(digits: &str) -> Option<EventTime> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    EventTime::from_millis(digits.parse().ok()?)
}

/// The year in which, somewhere west of Greenwich, 1970 began in UTC.
const FIRST_YEAR: u32 = 1969;

/// Three two-digit numbers out of the eight bytes from `start` on: those that begin at `columns`. None unless there is
/// a digit wherever `pattern` has `0`, and wherever it has something else just that (`T` counts as `t`).
///
/// All eight bytes are judged and converted at once, in one word: byte for byte took half as long again.
#[inline]
fn pairs(date_time: &[u8; 19], start: usize, pattern: [u8; 8], columns: [usize; 3]) -> Option<[u32; 3]> {
    let in_bytes = |choose: fn(u8) -> u8| u64::from_le_bytes(pattern.map(choose));
    let eight: [u8; 8] = date_time[start..start + 8].try_into().ok()?;
    let lower_case = in_bytes(|expected| if expected == b't' { 0x20 } else { 0 });
    // What differs from the pattern: the value of a digit, 0 of punctuation. Adding up to the allowed difference
    // leaves the highest bit of a byte unset.
    let values = (u64::from_le_bytes(eight) | lower_case) ^ u64::from_le_bytes(pattern);
    let headroom = in_bytes(|expected| if expected == b'0' { 0x7f - 9 } else { 0x7f });
    let highest_bits = u64::from_le_bytes([0x80; 8]);
    if (values | ((values & !highest_bits) + headroom)) & highest_bits != 0 {
        return None;
    }
    // Each byte ten times itself plus the next one, at most 99, so nothing is carried.
    let numbers = (values * 10 + (values >> 8)).to_le_bytes();
    Some(columns.map(|column| u32::from(numbers[column])))
}

/// The milliseconds of a fraction of a second, if there is one, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits_and_offset)) = rest.split_first() else { return Some((0, rest)) };
    let count = digits_and_offset.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let (digits, offset) = digits_and_offset.split_at(count);
    let place = |index: usize, worth: i64| digits.get(index).map_or(0, |digit| i64::from(digit - b'0') * worth);
    Some((place(0, 100) + place(1, 10) + place(2, 1), offset))
}

/// Minutes east of UTC. `-00:00` (local offset unknown) still tells the instant, so it is UTC.
fn offset_minutes(offset: &[u8]) -> Option<i64> {
    match *offset {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
                return None;
            }
            let [hours, minutes] =
                [(h1, h2), (m1, m2)].map(|(tens, ones)| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'));
            if hours > 23 || minutes > 59 {
                return None;
            }
            let east = hours * 60 + minutes;
            Some(if sign == b'+' { east } else { -east })
        }
        _ => None,
    }
}

fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar from [`FIRST_YEAR`] on, counted in years that begin in
/// March, so that the leap day is the last of its year (Hinnant, "chrono-compatible low-level date algorithms").
fn days_since_epoch(year: u32, month: u32, day: u32) -> i64 {
    const FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let year_from_march = year - u32::from(month <= 2);
    let month_from_march = if month <= 2 { month + 9 } else { month - 3 };
    let leap_days = year_from_march / 4 - year_from_march / 100 + year_from_march / 400;
    let days = year_from_march * 365 + leap_days + (153 * month_from_march + 2) / 5 + day - 1;
    i64::from(days) - FROM_MARCH_OF_YEAR_0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> Option<u64> {
        from_rfc3339(text).map(EventTime::millis)
    }

    #[test]
    fn texts_that_tell_an_instant() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00z", 0),
            ("1970-01-01T00:00:00-00:00", 0),
            ("1970-01-01T02:00:00.001+02:00", 1),
            ("1969-12-31T23:30:00-01:00", 1_800_000),
            ("1999-01-01T00:00:08+02:00", 915_141_608_000),
            ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2026-03-02T09:00:03.5+05:45", 1_772_421_303_500),
            ("2026-03-02T09:00:03.12Z", 1_772_442_003_120),
            ("2026-03-02T09:00:03.123999999Z", 1_772_442_003_123),
            ("2016-12-31T23:59:60Z", 1_483_228_799_999),
            ("2017-01-01T05:29:60.25+05:30", 1_483_228_799_999),
            ("2109-05-15T07:35:11.103Z", EventTime::MAX.millis()),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn texts_that_do_not() {
        for text in [
            "",
            "2026-03-02",
            "2026-03-02T09:00:03",
            "2026-03-02 09:00:03Z",
            "2026-03-02T09:00Z",
            "2026-03-02T09:00:03.Z",
            "2026-03-02T09:00:03,5Z",
            "2026-03-02T09:00:03.1234567890Z",
            "2026-03-02T09:00:03+0200",
            "2026-03-02T09:00:03+02",
            "2026-03-02T09:00:03+24:00",
            "2026-03-02T09:00:03+02:60",
            "2026-03-02T09:00:03Z ",
            " 2026-03-02T09:00:03Z",
            "2026-03-02T09:00:03ZZ",
            "2026-00-02T09:00:03Z",
            "2026-13-02T09:00:03Z",
            "2026-02-29T09:00:03Z",
            "2100-02-29T09:00:03Z",
            "2026-04-31T09:00:03Z",
            "2026-03-00T09:00:03Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T09:60:03Z",
            "2026-03-02T09:00:61Z",
            "2026-03-02T09:00:60Z",
            "2O26-03-02T09:00:03Z",
            "2026-03-02T0:900:03Z",
            "2026-03-02T09:00:0/Z",
            "2026-03-02T09:00:0٣Z",
            "1969-12-31T23:59:59.999Z",
            "1970-01-01T00:00:00+00:01",
            "0000-01-01T00:00:00Z",
            "2109-05-15T07:35:11.104Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn epoch_milliseconds() {
        for (digits, expected) in [
            ("0", Some(0)),
            ("1772442003123", Some(1_772_442_003_123)),
            ("4398046511103", Some(EventTime::MAX.millis())),
            ("4398046511104", None),
            ("99999999999999999999999", None),
            ("-0", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("1e3", None),
            ("", None),
        ] {
            assert_eq!(from_epoch_millis(digits).map(EventTime::millis), expected, "{digits}");
        }
    }

    /// What jiff says of a text; none before 1970, after the last instant, or if it is no instant.
    fn jiff_millis(text: &str) -> Option<u64> {
        let nanoseconds = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
        let millis = u64::try_from(nanoseconds.div_euclid(1_000_000)).ok()?;
        EventTime::from_millis(millis).map(EventTime::millis)
    }

    proptest! {
        /// Instants around the whole range and beyond it, at any offset: both agree on the value and on the range.
        #[test]
        fn agrees_with_jiff_on_dates(
            (year, month, day) in (1968_i64..=2111, 0_u8..=13, 0_u8..=32),
            (hour, minute, second) in (0_u8..=24, 0_u8..=60, 0_u8..=59),
            fraction in "|\\.[0-9]{1,9}",
            offset in "[Zz]|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
            prop_assert_eq!(millis(&text), jiff_millis(&text), "{}", text);
        }

        /// jiff reads more shapes than these, so damage may only turn agreement into a refusal.
        #[test]
        fn never_reads_a_damaged_time_otherwise_than_jiff(
            column in 0_usize..29,
            byte in any::<u8>().prop_filter("one byte of UTF-8", u8::is_ascii),
        ) {
            let mut bytes = b"2016-12-31T23:58:59.987+01:00".to_vec();
            bytes[column] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Some(millis) = millis(&text) {
                prop_assert_eq!(Some(millis), jiff_millis(&text), "{}", text);
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = from_rfc3339(&text);
            let _ = from_epoch_millis(&text);
        }
    }
}
