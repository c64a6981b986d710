//! Durations as people write them: `20s`, `1h30m`, `7d`.
//!
//! Whole numbers with units only, longest unit first; no fractions, no months, no signs. What a setting allows beyond
//! that (not zero, a multiple of something) is the setting's business.

/// The longest duration that can be written, in milliseconds: 400 days, a year and a month.
pub const LONGEST_MS: u64 = 400 * DAY_MS;

const DAY_MS: u64 = 86_400_000;

/// The units with their milliseconds, longest first.
const UNITS: [(&str, u64); 5] = [("d", DAY_MS), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The milliseconds that `text` says, at most [`LONGEST_MS`].
///
/// # Errors
///
/// What is wrong with it, as the rest of a sentence that begins with the text.
pub fn parse(text: &str) -> Result<u64, String> {
    const HOW: &str = "write numbers with units, the longest first, as in 20s, 1h30m or 7d";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("has no unit: write {text}s, {text}m, {text}h or {text}d"));
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total_ms = 0_u64;
    while !rest.is_empty() || text.is_empty() {
        let (digits, after) = split_at_first(rest, |character| !character.is_ascii_digit());
        let (unit, after) = split_at_first(after, |character| !character.is_ascii_alphabetic());
        // The iterator has moved past the units already used, so that each comes once and in order.
        let known = units.find(|(name, _)| *name == unit);
        let (Some((_, unit_ms)), false) = (known, digits.is_empty()) else {
            return Err(format!("is not a duration: {HOW}"));
        };
        // Too many digits for the type are too long as well.
        let amount = digits.parse().unwrap_or(u64::MAX);
        total_ms = total_ms.saturating_add(unit_ms.saturating_mul(amount));
        rest = after;
    }
    if total_ms > LONGEST_MS {
        return Err(format!("is too long: at most {}", write(LONGEST_MS)));
    }
    Ok(total_ms)
}

/// The shortest text that [`parse`] reads as so many milliseconds; `0s` for none.
pub fn write(duration_ms: u64) -> String {
    if duration_ms == 0 {
        return "0s".to_owned();
    }
    let mut rest_ms = duration_ms;
    let mut text = String::new();
    for (unit, unit_ms) in UNITS {
        if rest_ms >= unit_ms {
            text.push_str(&format!("{}{unit}", rest_ms / unit_ms));
            rest_ms %= unit_ms;
        }
    }
    text
}

fn split_at_first(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_back() {
        for (text, duration_ms, written) in [
            ("0s", 0, "0s"),
            ("20s", 20_000, "20s"),
            ("500ms", 500, "500ms"),
            ("1m5ms", 60_005, "1m5ms"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("24h", DAY_MS, "1d"),
            ("7d", 7 * DAY_MS, "7d"),
            ("1d2h3m4s5ms", 93_784_005, "1d2h3m4s5ms"),
            ("400d", LONGEST_MS, "400d"),
        ] {
            assert_eq!(parse(text), Ok(duration_ms), "{text}");
            assert_eq!(write(duration_ms), written);
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for (text, complaint) in [
            ("", "is not a duration"),
            ("20", "has no unit: write 20s, 20m, 20h or 20d"),
            ("s", "is not a duration"),
            ("-5s", "is not a duration"),
            ("1.5h", "is not a duration"),
            ("20 s", "is not a duration"),
            ("20S", "is not a duration"),
            ("2w", "is not a duration"),
            ("30m1h", "is not a duration"),
            ("1h1h", "is not a duration"),
            ("1h30", "is not a duration"),
            ("1é", "is not a duration"),
            ("400d1ms", "is too long: at most 400d"),
            ("99999999999999999999999d", "is too long"),
            ("213503982335d", "is too long"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.starts_with(complaint), "{text}: {told}");
        }
    }
}
