//! Which days are busy: local days, working days, the swell at a month's start.
//!
//! It knows no public holidays. How a day's load spreads over its hours belongs to the desk (see `profile`).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::random::{Random, millis};

/// A quarter of an hour, in milliseconds: the step in which rates change.
pub(super) const QUARTER_MS: u64 = 15 * 60_000;

/// How the working days of a week differ, by how many working days went before.
const WEEK: [f64; 6] = [1.07, 1.02, 0.99, 0.97, 0.95, 0.93];

/// When letters are worked on working days, in minutes of the local day.
pub(super) const OFFICE: (u64, u64) = (9 * 60, 18 * 60);

/// Local days and their weights.
pub(super) struct Calendar {
    zone: TimeZone,
    /// Monday first.
    working: [bool; 7],
    /// How much busier the first working day of a month is: 0.3 is 30 %.
    month_start: f64,
}

/// One local day, which may have 23 or 25 hours.
pub(super) struct Day {
    /// Its date.
    pub(super) date: Date,
    /// Its first instant, in milliseconds since the epoch.
    pub(super) start_ms: u64,
    /// The first instant of the next day.
    pub(super) end_ms: u64,
    /// Whether the offices are open.
    pub(super) working: bool,
    /// Its load against an ordinary working day's.
    pub(super) factor: f64,
    /// What quarter of the day (0 to 95) a wall clock shows in each quarter since `start_ms`.
    wall_quarters: Vec<usize>,
}

impl Calendar {
    pub(super) fn new(zone: TimeZone, working: [bool; 7], month_start: f64) -> Calendar {
        Calendar { zone, working, month_start }
    }

    /// The day of this date; none where the calendar ends.
    pub(super) fn day(&self, date: Date) -> Option<Day> {
        let start_ms = self.midnight(date)?;
        let end_ms = self.midnight(date.tomorrow().ok()?)?;
        let wall_quarters = (start_ms..end_ms).step_by(15 * 60_000).map(|time_ms| self.wall_minute(time_ms) / 15);
        Some(Day {
            date,
            start_ms,
            end_ms,
            working: self.is_working(date),
            factor: self.factor(date),
            wall_quarters: wall_quarters.collect(),
        })
    }

    /// The instant so many days after this date begins; none where the calendar ends.
    pub(super) fn midnight_after(&self, date: Date, days: u32) -> Option<u64> {
        self.midnight(date.checked_add(Span::new().try_days(days).ok()?).ok()?)
    }

    /// The load of a working day against an ordinary one; 1 for other days, which have shapes of their own.
    pub(super) fn factor(&self, date: Date) -> f64 {
        if !self.is_working(date) {
            return 1.0;
        }
        let before = (0..5).scan(date, |day, _| {
            *day = day.yesterday().ok()?;
            self.is_working(*day).then_some(())
        });
        WEEK[before.count()] * (1.0 + self.swell(date))
    }

    /// What a month's start adds, fading over three working days, and the lesser swell of its 10th and 11th.
    fn swell(&self, date: Date) -> f64 {
        let working_days =
            (1..=date.day()).filter(|&day| self.is_working(date.with().day(day).build().unwrap_or(date)));
        let tenth = if matches!(date.day(), 10 | 11) { 0.35 } else { 0.0 };
        self.month_start
            * match working_days.count() {
                1 => 1.0,
                2 => 0.5,
                3 => 0.25,
                _ => tenth,
            }
    }

    /// The next instant in office hours, which is `time_ms` itself if it lies within them. Whoever comes in later than
    /// that finds a pile, so it is a while after opening.
    pub(super) fn office_time(&self, time_ms: u64, random: &mut Random) -> u64 {
        let local = self.zone.to_datetime(instant(time_ms));
        let minute = u64::from(local.hour().unsigned_abs()) * 60 + u64::from(local.minute().unsigned_abs());
        let mut date = local.date();
        if self.is_working(date) && (OFFICE.0..OFFICE.1).contains(&minute) {
            return time_ms;
        }
        if minute >= OFFICE.0 {
            date = date.tomorrow().unwrap_or(date);
        }
        // At most a week without a working day, as there is at least one.
        for _ in 0..7 {
            if !self.is_working(date) {
                date = date.tomorrow().unwrap_or(date);
            }
        }
        let opening_ms = self.midnight(date).unwrap_or(time_ms) + OFFICE.0 * 60_000;
        opening_ms.max(time_ms) + millis(random.exponential() * 3_600.0)
    }

    fn is_working(&self, date: Date) -> bool {
        self.working[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
    }

    fn midnight(&self, date: Date) -> Option<u64> {
        let zoned = date.to_zoned(self.zone.clone()).ok()?;
        u64::try_from(zoned.timestamp().as_millisecond()).ok()
    }

    fn wall_minute(&self, time_ms: u64) -> usize {
        let local = self.zone.to_datetime(instant(time_ms));
        usize::from(local.hour().unsigned_abs()) * 60 + usize::from(local.minute().unsigned_abs())
    }
}

impl Day {
    /// What quarter of the day (0 to 95) a wall clock shows at an instant of this day.
    pub(super) fn wall_quarter(&self, time_ms: u64) -> usize {
        let elapsed = usize::try_from((time_ms - self.start_ms) / QUARTER_MS).unwrap_or(usize::MAX);
        self.wall_quarters.get(elapsed).copied().unwrap_or(95)
    }

    /// The instant at which a wall clock first shows this minute of the day or a later one; 1440 is the day's end.
    pub(super) fn at_minute(&self, minute: u64) -> u64 {
        let wanted = usize::try_from(minute / 15).unwrap_or(usize::MAX);
        match self.wall_quarters.iter().position(|&quarter| quarter >= wanted) {
            Some(elapsed) if self.wall_quarters[elapsed] == wanted => {
                self.start_ms + elapsed as u64 * QUARTER_MS + minute % 15 * 60_000
            }
            Some(elapsed) => self.start_ms + elapsed as u64 * QUARTER_MS,
            None => self.end_ms,
        }
    }
}

/// An instant of event time as the calendar library has it.
pub(super) fn instant(time_ms: u64) -> Timestamp {
    i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const MONDAY_TO_FRIDAY: [bool; 7] = [true, true, true, true, true, false, false];

    fn calendar() -> Calendar {
        Calendar::new(TimeZone::UTC, MONDAY_TO_FRIDAY, 0.4)
    }

    #[test]
    fn first_working_day_swells_and_fades() {
        // The first of August 2026 is a Saturday, so the first working day is Monday the third.
        let swell: Vec<f64> = (1..=11).map(|day| calendar().swell(date(2026, 8, day))).collect();
        assert_eq!(swell[2..6], [0.4, 0.2, 0.1, 0.0]);
        assert!((swell[9] - 0.14).abs() < 1e-9 && (swell[10] - 0.14).abs() < 1e-9);
        assert!((calendar().factor(date(2026, 8, 3)) - 1.07 * 1.4).abs() < 1e-9);
        assert!((calendar().factor(date(2026, 8, 14)) - 0.95).abs() < 1e-9);
        assert!((calendar().factor(date(2026, 8, 1)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn clock_changes_make_days_of_23_and_25_hours() {
        // A rule of its own, so that no zone database is needed.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule");
        let calendar = Calendar::new(zone, MONDAY_TO_FRIDAY, 0.0);
        let spring = calendar.day(date(2026, 3, 29)).expect("in range");
        assert_eq!((spring.end_ms - spring.start_ms) / 3_600_000, 23);
        assert_eq!(spring.at_minute(9 * 60) - spring.start_ms, 8 * 3_600_000);
        assert_eq!(spring.at_minute(2 * 60 + 30) - spring.start_ms, 2 * 3_600_000, "a time that does not exist");
        let autumn = calendar.day(date(2026, 10, 25)).expect("in range");
        assert_eq!((autumn.end_ms - autumn.start_ms) / 3_600_000, 25);
        assert_eq!(autumn.wall_quarter(autumn.at_minute(9 * 60)), 36);
        assert_eq!(autumn.at_minute(1440), autumn.end_ms);
    }

    #[test]
    fn letters_wait_for_the_office() {
        let mut random = Random::new(1, 0);
        let at = |day, hour| {
            let zoned = date(2026, 8, day).at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).expect("in range");
            u64::try_from(zoned.timestamp().as_millisecond()).expect("after 1970")
        };
        assert_eq!(calendar().office_time(at(5, 11), &mut random), at(5, 11));
        assert!(calendar().office_time(at(5, 3), &mut random) >= at(5, 9));
        // Friday evening to Monday morning.
        assert!(calendar().office_time(at(7, 20), &mut random) >= at(10, 9));
    }
}
