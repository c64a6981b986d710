//! Which days are working days, and when is open: a calendar says of each local date what kind of day it is.
//!
//! It is made from plain data, and knows nothing of who is served by it, nor of any holidays but those it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use thiserror::Error;

use super::day::{Day, Kind};

const DAY_MINUTES: u16 = 24 * 60;

/// A day with less than this share of the usual hours is short.
const SHORT_BELOW: f64 = 0.75;

/// So many days back, at most, a holiday is looked for before a working day.
const LONGEST_HOLIDAY: usize = 14;

/// Periods that stand for months and begin further apart, in days, have gaps between them.
const LONGEST_PERIOD: i32 = 62;

/// So many months ahead, at most, a month start is looked for.
const MONTHS_AHEAD: usize = 12;

/// What a calendar is made of.
#[derive(Clone, PartialEq, Debug)]
pub struct CalendarSpec {
    /// The zone whose clocks show the hours, and whose midnights begin the days.
    pub zone: TimeZone,
    /// The opening hours that begin on each weekday, Monday first, in minutes from midnight. A range begins within the
    /// day, ends by the end of the next one, and is not empty. Ranges that overlap count once.
    pub week: [Vec<Range<u16>>; 7],
    /// The weekdays on which business is done, Monday first: those that may count as business days of a month. One that
    /// is usually short (the Friday of a bank) is one of them.
    pub business_week: [bool; 7],
    /// Dates with other hours than their weekday's; those without any are closed.
    pub days: BTreeMap<Date, Vec<Range<u16>>>,
    /// Dates on which no business is done, whatever the hours are: holidays of a queue that never closes.
    pub holidays: BTreeSet<Date>,
    /// Dates on which periods begin that stand for months, such as billing periods: each lasts until the next one, or
    /// for a month if that is more than two months away. Outside them the months of the calendar hold; what is left of
    /// one after a period has no business days of a month.
    pub month_starts: BTreeSet<Date>,
    /// The days of a month, 1 to 31, on which wages or benefits are paid; on the last day of a month, if it has no such
    /// day, and on the day before that is not closed, if that day is.
    pub pay_days: BTreeSet<i8>,
    /// Dates of a named kind that differ in how many contacts arrive.
    pub special: BTreeMap<String, BTreeSet<Date>>,
}

impl CalendarSpec {
    /// Open around the clock, with business on some weekdays, Monday first.
    pub fn around_the_clock(zone: TimeZone, business_week: [bool; 7]) -> CalendarSpec {
        CalendarSpec {
            zone,
            week: std::array::from_fn(|_| std::iter::once(0..DAY_MINUTES).collect()),
            business_week,
            days: BTreeMap::new(),
            holidays: BTreeSet::new(),
            month_starts: BTreeSet::new(),
            pay_days: BTreeSet::new(),
            special: BTreeMap::new(),
        }
    }
}

/// What a calendar cannot be made of.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum CalendarMistake {
    /// A range of opening hours is empty, begins after its day or ends after the next one.
    #[error("the opening hours {0:?}, in minutes of the day, have to begin before 1440, and to end later but by 2880")]
    Hours(Range<u16>),
    /// There is no such day in any month.
    #[error("{0} is no day of a month: pay days are from 1 to 31")]
    PayDay(i8),
}

/// Which days are working days, and when is open. Cheap to clone.
#[derive(Clone, PartialEq, Debug)]
pub struct BusinessCalendar(Arc<Inner>);

#[derive(PartialEq, Debug)]
struct Inner {
    spec: CalendarSpec,
    special_kinds: Vec<String>,
    usual_minutes: u32,
    week_kinds: [Kind; 7],
}

impl BusinessCalendar {
    /// The calendar that is made of this.
    ///
    /// # Errors
    /// If hours or pay days are none.
    pub fn new(mut spec: CalendarSpec) -> Result<BusinessCalendar, CalendarMistake> {
        for hours in spec.week.iter_mut().chain(spec.days.values_mut()) {
            if let Some(wrong) =
                hours.iter().find(|range| range.start >= DAY_MINUTES || range.end > 2 * DAY_MINUTES || range.is_empty())
            {
                return Err(CalendarMistake::Hours(wrong.clone()));
            }
            *hours = united(std::mem::take(hours));
        }
        if let Some(wrong) = spec.pay_days.iter().find(|day| !(1..=31).contains(*day)) {
            return Err(CalendarMistake::PayDay(*wrong));
        }
        let business = |weekday: &usize| spec.business_week[*weekday];
        let mut minutes: Vec<u32> = (0..7).filter(business).map(|weekday| minutes_of(&spec.week[weekday])).collect();
        minutes.sort_unstable();
        let usual_minutes = minutes.get(minutes.len() / 2).copied().unwrap_or(0);
        let week_kinds =
            std::array::from_fn(|weekday| kind_by(spec.business_week[weekday], &spec.week[weekday], usual_minutes));
        let special_kinds = spec.special.keys().cloned().collect();
        Ok(BusinessCalendar(Arc::new(Inner { spec, special_kinds, usual_minutes, week_kinds })))
    }

    /// The zone whose clocks show the hours.
    pub fn zone(&self) -> &TimeZone {
        &self.0.spec.zone
    }

    /// What it is made of.
    pub fn spec(&self) -> &CalendarSpec {
        &self.0.spec
    }

    /// The names of special kinds, in the order of the alphabet.
    pub fn special_kinds(&self) -> &[String] {
        &self.0.special_kinds
    }

    /// The kind that a weekday usually is of, 0 for Monday.
    pub fn usual_kind(&self, weekday: usize) -> Kind {
        self.0.week_kinds[weekday]
    }

    /// The hours of a weekday, 0 for Monday, as a share of the usual ones of a business weekday; 1 if those are none.
    pub fn hours_ratio(&self, weekday: usize) -> f64 {
        self.ratio(&self.0.spec.week[weekday])
    }

    fn ratio(&self, hours: &[Range<u16>]) -> f64 {
        match self.0.usual_minutes {
            0 => 1.0,
            usual => f64::from(minutes_of(hours)) / f64::from(usual),
        }
    }

    /// What is known of this date.
    pub fn day(&self, date: Date) -> Day {
        let weekday = weekday_of(date);
        let kind = self.kind(date);
        let opening = self.opening(date);
        let is_regular = kind == self.0.week_kinds[weekday] && *opening == self.0.spec.week[weekday];
        let like_weekdays = if is_regular { 1 << weekday } else { self.like(weekday, kind, opening) };
        let (mut business_day, mut is_last_business_day) = (None, false);
        let month = self.month_of(date);
        if kind == Kind::Working && self.is_begun(&month) {
            let working = |date: &Date| self.kind(*date) == Kind::Working;
            let so_far = days_from(month.start).take_while(|day| *day <= date).filter(working).count();
            business_day = u8::try_from(so_far).ok();
            let rest = days_from(date).skip(1).take_while(|day| *day < month.end);
            is_last_business_day = !rest.into_iter().any(|day| working(&day));
        }
        let special = self.0.spec.special.values().enumerate().filter(|(_, dates)| dates.contains(&date));
        Day {
            date,
            kind,
            is_regular,
            like_weekdays,
            weekday,
            business_day,
            is_last_business_day,
            is_after_holiday: kind == Kind::Working && self.follows_holiday(date),
            is_pay_day: kind != Kind::Closed && self.is_paid_on(date),
            special: special.map(|(place, _)| place).collect(),
            opening: opening.to_vec(),
        }
    }

    /// Whether this is a business weekday that is closed or short because its date is listed.
    pub fn is_holiday(&self, date: Date) -> bool {
        let usual = self.0.week_kinds[weekday_of(date)];
        usual != Kind::Closed && self.kind(date) > usual
    }

    /// The first business day of a month that is next after this date, within the next year.
    pub fn next_month_start(&self, date: Date) -> Option<Date> {
        let mut month = self.month_of(date);
        for _ in 0..=MONTHS_AHEAD {
            let mut days = days_from(month.start).take_while(|day| *day < month.end);
            let start = days.find(|day| self.is_begun(&month) && self.kind(*day) == Kind::Working);
            if let Some(start) = start.filter(|start| *start > date) {
                return Some(start);
            }
            let next = self.month_of(month.end);
            if next.start < month.end {
                return None;
            }
            month = next;
        }
        None
    }

    /// The month that a date is in, or the period that stands for one, up to the date after its last.
    fn month_of(&self, date: Date) -> Range<Date> {
        let starts = &self.0.spec.month_starts;
        let next = starts.range(date..).find(|start| **start > date).copied().unwrap_or(Date::MAX);
        let mut month = date.first_of_month()..date.last_of_month().tomorrow().unwrap_or(Date::MAX).min(next);
        if let Some(start) = starts.range(..=date).next_back() {
            let after = |span: jiff::Span| start.checked_add(span).unwrap_or(Date::MAX);
            let end = if next <= after(LONGEST_PERIOD.days()) { next } else { after(1_i32.month()) };
            if date < end {
                return *start..end;
            }
            month.start = month.start.max(end);
        }
        month
    }

    /// Whether it begins as months do, and is not what is left of one.
    fn is_begun(&self, month: &Range<Date>) -> bool {
        month.start.day() == 1 || self.0.spec.month_starts.contains(&month.start)
    }

    /// Whether a pay day is this day, which is not closed, or one of the closed days that follow it.
    fn is_paid_on(&self, date: Date) -> bool {
        let listed = &self.0.spec.pay_days;
        let is_listed = |day: Date| {
            let is_last = day == day.last_of_month();
            listed.contains(&day.day()) || is_last && listed.range(day.day()..).next().is_some()
        };
        let closed = days_from(date).skip(1).take_while(|day| self.kind(*day) == Kind::Closed).take(LONGEST_HOLIDAY);
        is_listed(date) || closed.into_iter().any(is_listed)
    }

    /// Whether this instant, in milliseconds since the epoch, is within opening hours that began on its local date or
    /// on the eve.
    pub fn is_open(&self, at_ms: u64) -> bool {
        let Some(local) = self.local(at_ms) else { return false };
        let time = local.time();
        let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        self.open_minutes(local.date()).any(|range| range.contains(&minute))
    }

    /// The local date of an instant in milliseconds since the epoch; none beyond the year 9999.
    pub fn date_of(&self, at_ms: u64) -> Option<Date> {
        self.local(at_ms).map(|local| local.date())
    }

    /// The first instant of a local date, in milliseconds since the epoch; none before 1970. A date that a zone skips
    /// begins when the next one does.
    pub fn midnight_ms(&self, date: Date) -> Option<u64> {
        let midnight = date.to_zoned(self.0.spec.zone.clone()).ok()?;
        u64::try_from(midnight.timestamp().as_millisecond()).ok()
    }

    pub(super) fn local(&self, at_ms: u64) -> Option<jiff::civil::DateTime> {
        let at = Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
        Some(self.0.spec.zone.to_datetime(at))
    }

    /// The hours of a local date, with those that began on the eve; some end on the next day, and some overlap.
    pub(super) fn open_minutes(&self, date: Date) -> impl Iterator<Item = Range<u16>> + '_ {
        let on_eve = date.yesterday().ok().map_or(&[][..], |eve| self.opening(eve));
        let from_eve = on_eve.iter().filter(|range| range.end > DAY_MINUTES);
        let from_eve = from_eve.map(|range| range.start.saturating_sub(DAY_MINUTES)..range.end - DAY_MINUTES);
        self.opening(date).iter().cloned().chain(from_eve)
    }

    fn opening(&self, date: Date) -> &[Range<u16>] {
        self.0.spec.days.get(&date).unwrap_or(&self.0.spec.week[weekday_of(date)])
    }

    fn kind(&self, date: Date) -> Kind {
        let weekday = weekday_of(date);
        if self.0.spec.holidays.contains(&date) {
            return Kind::Closed;
        }
        match self.0.spec.days.get(&date) {
            None => self.0.week_kinds[weekday],
            Some(hours) if hours.is_empty() => Kind::Closed,
            Some(hours) => {
                let mut like = (0..7).filter(|other| self.0.spec.week[*other] == *hours);
                match like.next() {
                    Some(first) => {
                        like.fold(self.0.week_kinds[first], |kind, other| kind.min(self.0.week_kinds[other]))
                    }
                    None => kind_by(self.0.spec.business_week[weekday], hours, self.0.usual_minutes),
                }
            }
        }
    }

    /// The weekdays that a day that differs from its own is like. A day that never opens is like none that does.
    fn like(&self, weekday: usize, kind: Kind, hours: &[Range<u16>]) -> u8 {
        let bits_of = |is_like: &dyn Fn(&[Range<u16>]) -> bool| {
            let of_kind = (0..7).filter(|weekday| self.0.week_kinds[*weekday] == kind);
            let like = of_kind.filter(|weekday| is_like(&self.0.spec.week[*weekday]));
            like.fold(0, |bits, weekday| bits | 1 << weekday)
        };
        match bits_of(&|other| other == hours) {
            0 if self.0.week_kinds[weekday] == kind => 1 << weekday,
            0 => bits_of(&|other| other.is_empty() == hours.is_empty()),
            bits => bits,
        }
    }

    fn follows_holiday(&self, date: Date) -> bool {
        let before = std::iter::successors(date.yesterday().ok(), |day| day.yesterday().ok()).take(LONGEST_HOLIDAY);
        let mut idle = before.take_while(|day| self.kind(*day) != Kind::Working);
        idle.any(|day| self.kind(day) == Kind::Closed && self.is_holiday(day))
    }
}

fn kind_by(is_business: bool, hours: &[Range<u16>], usual_minutes: u32) -> Kind {
    if !is_business || (hours.is_empty() && usual_minutes > 0) {
        Kind::Closed
    } else if f64::from(minutes_of(hours)) < SHORT_BELOW * f64::from(usual_minutes) {
        Kind::Short
    } else {
        Kind::Working
    }
}

/// The same hours, ascending, of which none overlap or touch.
fn united(mut hours: Vec<Range<u16>>) -> Vec<Range<u16>> {
    hours.sort_unstable_by_key(|range| (range.start, range.end));
    let mut united: Vec<Range<u16>> = Vec::new();
    for range in hours {
        match united.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => united.push(range),
        }
    }
    united
}

fn minutes_of(hours: &[Range<u16>]) -> u32 {
    hours.iter().map(|range| u32::from(range.end - range.start)).sum()
}

fn weekday_of(date: Date) -> usize {
    usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}

fn days_from(date: Date) -> impl Iterator<Item = Date> + Clone {
    std::iter::successors(Some(date), |day| day.tomorrow().ok())
}

#[cfg(test)]
#[path = "tests_of_calendar.rs"]
mod tests;
