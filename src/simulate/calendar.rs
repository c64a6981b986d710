//! Which days are busy: local days, working days, the swell at a month's start.
//!
//! It knows no public holidays. How a day's load spreads over its hours belongs to the desk (see `profile`).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use super::Scenario;
use super::random::{Random, millis};

/// A quarter of an hour, in milliseconds: the step in which rates change.
pub(super) const QUARTER_MS: u64 = 15 * 60_000;

/// How the working days of a week differ, by how many working days went before.
const WEEK: [f64; 6] = [1.07, 1.02, 0.99, 0.97, 0.95, 0.93];

/// Periods that stand for months and begin further apart, in days, have gaps between them.
const LONGEST_PERIOD: i32 = 62;

/// When letters are worked on working days, in minutes of the local day.
pub(super) const OFFICE: (u64, u64) = (9 * 60, 18 * 60);

/// Local days and their weights.
pub(super) struct Calendar {
    zone: TimeZone,
    /// Monday first.
    working: [bool; 7],
    /// How much busier the first working day of a month is: 0.3 is 30 %.
    month_start: f64,
    /// When periods begin that stand for months, in order.
    month_starts: Vec<Date>,
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
    pub(super) fn new(scenario: &Scenario) -> Calendar {
        let mut month_starts = scenario.month_starts.clone();
        month_starts.sort_unstable();
        Calendar {
            zone: scenario.zone.clone(),
            working: scenario.working_days,
            month_start: scenario.month_start,
            month_starts,
        }
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

    /// What a month's start adds, fading over three working days, and the lesser swell of its 10th and 11th day.
    fn swell(&self, date: Date) -> f64 {
        let began = self.month_began(date);
        let days = std::iter::successors(Some(began), |day| day.tomorrow().ok()).take_while(|&day| day <= date);
        // From the fourth on all are alike.
        let working_days = days.filter(|&day| self.is_working(day)).take(4);
        let tenth = if matches!((date - began).get_days(), 9 | 10) { 0.35 } else { 0.0 };
        self.month_start
            * match working_days.count() {
                1 => 1.0,
                2 => 0.5,
                3 => 0.25,
                _ => tenth,
            }
    }

    /// The first day of the month that a day is in, or of the period that stands for one.
    fn month_began(&self, date: Date) -> Date {
        let begun = self.month_starts.partition_point(|&start| start <= date);
        let Some(&start) = self.month_starts[..begun].last() else { return date.first_of_month() };
        let next = self.month_starts.get(begun).filter(|&&next| (next - start).get_days() <= LONGEST_PERIOD);
        let end = next.copied().unwrap_or_else(|| start.saturating_add(1.month()));
        if date < end { start } else { date.first_of_month() }
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

    /// The end of the quarter of an hour since the day's first instant that an instant of this day lies in.
    pub(super) fn quarter_ends(&self, time_ms: u64) -> u64 {
        self.start_ms + ((time_ms - self.start_ms) / QUARTER_MS + 1) * QUARTER_MS
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
        calendar_in(TimeZone::UTC, &[])
    }

    fn calendar_in(zone: TimeZone, month_starts: &[Date]) -> Calendar {
        let (working_days, month_starts) = (MONDAY_TO_FRIDAY, month_starts.to_vec());
        Calendar::new(&Scenario { zone, working_days, month_start: 0.4, month_starts, ..Scenario::default() })
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
    fn months_of_its_own_begin_when_they_are_said_to() {
        // The 18th of July 2026 is a Saturday.
        let calendar = calendar_in(TimeZone::UTC, &[date(2026, 9, 21), date(2026, 7, 18), date(2026, 8, 22)]);
        let swell = |month, day| calendar.swell(date(2026, month, day));
        assert_eq!([1, 2, 3, 10].map(|day| swell(7, day)), [0.4, 0.2, 0.1, 0.4 * 0.35], "before the first of them");
        assert_eq!([19, 20, 21, 22, 23].map(|day| swell(7, day)), [0.0, 0.4, 0.2, 0.1, 0.0]);
        assert_eq!([26, 27, 28, 29].map(|day| swell(7, day)), [0.0, 0.4 * 0.35, 0.4 * 0.35, 0.0]);
        assert_eq!([3, 10, 31].map(|day| swell(8, day)), [0.0, 0.0, 0.4 * 0.35], "no month begins");
        assert_eq!([18, 21, 22, 23].map(|day| swell(9, day)), [0.0, 0.4, 0.2, 0.1]);
        assert_eq!([20, 21, 22, 30].map(|day| swell(10, day)), [0.0; 4], "what is left of a month begins none");
        assert_eq!([2, 3].map(|day| swell(11, day)), [0.4, 0.2], "after the last of them");
    }

    #[test]
    fn months_far_apart_leave_gaps_to_the_calendar() {
        let calendar = calendar_in(TimeZone::UTC, &[date(2026, 4, 15), date(2026, 9, 15)]);
        let swell = |month, day| calendar.swell(date(2026, month, day));
        assert_eq!([(4, 15), (5, 1), (5, 14), (6, 1)].map(|(month, day)| swell(month, day)), [0.4, 0.0, 0.0, 0.4]);
    }

    #[test]
    fn clock_changes_make_days_of_23_and_25_hours() {
        // A rule of its own, so that no zone database is needed.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a valid rule");
        let calendar = calendar_in(zone, &[]);
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
