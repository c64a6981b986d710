//! What is known of a local date: which business day of its month it is, short, closed, or the first after a holiday.

use std::ops::Range;

use jiff::civil::Date;

/// Whether business is done on a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// As usual.
    Working,
    /// For clearly less time than usual: under 75 % of the hours of a usual business weekday.
    Short,
    /// Not at all: no business weekday, a holiday, or a listed date without hours. It may be open all the same.
    Closed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Working, Kind::Short, Kind::Closed];

    pub(super) fn index(self) -> usize {
        match self {
            Kind::Working => 0,
            Kind::Short => 1,
            Kind::Closed => 2,
        }
    }
}

/// What is known of a local date.
#[derive(Clone, PartialEq, Debug)]
pub struct Day {
    /// The date.
    pub date: Date,
    /// Whether business is done.
    pub kind: Kind,
    /// Whether it is as its weekday usually is: of the same kind, with the same hours.
    pub is_regular: bool,
    /// The weekdays, as a bit each, Monday lowest, that it is like: its own if it is regular, else those with the same
    /// hours or, where both open or neither does, those of the same kind. None if there are none of either.
    pub like_weekdays: u8,
    /// The weekday, 0 for Monday.
    pub weekday: usize,
    /// Which working day of its month it is, from 1; none if it is short or closed.
    pub business_day: Option<u8>,
    /// Whether it is the last working day of its month.
    pub is_last_business_day: bool,
    /// Whether it is the first working day after a business weekday that was closed.
    pub is_after_holiday: bool,
    /// Whether wages or benefits are paid on it, or on one of the closed days that follow; not if it is closed itself.
    pub is_pay_day: bool,
    /// The special kinds it is of, as places in [`super::BusinessCalendar::special_kinds`].
    pub special: Vec<usize>,
    /// The hours that begin on it, ascending, in minutes from midnight.
    pub opening: Vec<Range<u16>>,
}
