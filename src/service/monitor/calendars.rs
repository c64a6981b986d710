//! Which day is like which, for each queue: the calendars of the configuration as the model has them.
//!
//! Business days are those of `surge.calendar`; opening hours are those of the calendar that the queue's promise names. Where
//! only one of them is there it says both; where none is, Monday to Friday are business days in UTC, and the queue is always
//! open.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use crate::config::Surge;
use crate::engine::calendar::{self, Hours};
use crate::engine::settings::Promises;
use crate::surge::{BusinessCalendar, CalendarSpec};

/// What calendars are called where none is named.
pub const USUAL: &str = "usual";

/// The days of each queue.
#[derive(Clone, Debug)]
pub struct Calendars {
    surge: Surge,
    /// By the names of the calendar for business days and that for hours.
    known: BTreeMap<(Option<String>, Option<String>), BusinessCalendar>,
}

impl Calendars {
    /// As this section says.
    pub fn new(surge: Surge) -> Calendars {
        Calendars { surge, known: BTreeMap::new() }
    }

    /// The name of the calendar that says which days are business days of the queue.
    pub fn name_of<'c>(&'c self, queue: &str, promises: &'c Promises) -> &'c str {
        let named = self.surge.calendar.as_deref();
        named.or_else(|| promises.calendar_of(queue, "", "")).unwrap_or(USUAL)
    }

    /// The days of a queue. Calendars that its channels and tiers name apart are not looked at.
    pub fn of(&mut self, queue: &str, promises: &Promises) -> BusinessCalendar {
        let hours = promises.calendar_of(queue, "", "").map(str::to_owned);
        let business = self.surge.calendar.clone().or_else(|| hours.clone());
        let hours = hours.or_else(|| business.clone());
        self.made_of((business, hours), promises)
    }

    /// The days of a calendar by itself, by a name as [`Calendars::name_of`] gives it.
    pub fn named(&mut self, name: &str, promises: &Promises) -> BusinessCalendar {
        let name = promises.calendars.contains_key(name).then(|| name.to_owned());
        self.made_of((name.clone(), name), promises)
    }

    fn made_of(&mut self, key: (Option<String>, Option<String>), promises: &Promises) -> BusinessCalendar {
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let spec_of = |name: &Option<String>| promises.calendars.get(name.as_ref()?).map(|calendar| calendar.spec());
        let calendar = business_calendar(&self.surge, spec_of(&key.0), spec_of(&key.1));
        self.known.insert(key, calendar.clone());
        calendar
    }

    /// Forgets what calendars were: they may be others now.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

fn business_calendar(
    surge: &Surge,
    business: Option<&calendar::CalendarSpec>,
    hours: Option<&calendar::CalendarSpec>,
) -> BusinessCalendar {
    let zone = |spec: &calendar::CalendarSpec| TimeZone::get(&spec.zone).unwrap_or(TimeZone::UTC);
    let week = match hours {
        Some(spec) => spec.week.each_ref().map(|day| ranges(day)),
        None => std::array::from_fn(|_| ranges(&[Hours::WHOLE_DAY])),
    };
    let business_week = match business {
        Some(spec) => spec.week.each_ref().map(|day| !day.is_empty()),
        None => [true, true, true, true, true, false, false],
    };
    let closed = business.into_iter().flat_map(|spec| &spec.days).filter(|(_, hours)| hours.is_empty());
    let spec = CalendarSpec {
        zone: hours.or(business).map_or(TimeZone::UTC, zone),
        week,
        business_week,
        days: hours.into_iter().flat_map(|spec| &spec.days).map(|(date, hours)| (*date, ranges(hours))).collect(),
        holidays: closed.map(|(date, _)| *date).collect(),
        month_starts: surge.month_starts.clone(),
        pay_days: surge.pay_days.clone(),
        special: surge.special.clone(),
    };
    BusinessCalendar::new(spec).expect("hours of a configuration lie within two days")
}

fn ranges(hours: &[Hours]) -> Vec<Range<u16>> {
    hours.iter().map(|hours| hours.begin_minute()..hours.end_minute()).collect()
}
