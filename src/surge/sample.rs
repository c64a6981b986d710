//! Made-up queues for the tests: Poisson counts from a seed about a course that is known.

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::calendar::{BusinessCalendar, CalendarSpec};
use super::clock::quarters_of;
use super::counts::{CELLS_OF_QUARTER, Cells, Counts};

/// A Monday, on which made-up time begins.
pub const FIRST: Date = date(2025, 1, 6);

/// Monday to Friday from 8 to 18, in a zone.
pub fn office(zone: &str) -> CalendarSpec {
    let zone = TimeZone::get(zone).expect("the zone is known");
    let mut spec = CalendarSpec::around_the_clock(zone, [true, true, true, true, true, false, false]);
    spec.week = std::array::from_fn(|weekday| if weekday < 5 { hours(8, 18) } else { Vec::new() });
    spec
}

/// From one hour until another.
pub fn hours(begin: u16, end: u16) -> Vec<Range<u16>> {
    std::iter::once(begin * 60..end * 60).collect()
}

/// The calendar that is made of this.
pub fn calendar(spec: CalendarSpec) -> BusinessCalendar {
    BusinessCalendar::new(spec).expect("it is a calendar")
}

/// The date so many days after the first.
pub fn day(days: i64) -> Date {
    FIRST.checked_add(days.days()).expect("it is a date")
}

/// A queue of so many a day, as many at any time that is open.
pub struct Queue {
    /// When is open, and what days are like.
    pub calendar: BusinessCalendar,
    /// Whether chance is left out: then each slot has just what is expected of it, rounded.
    pub is_exact: bool,
    seed: u64,
}

impl Queue {
    /// By this calendar.
    pub fn new(spec: CalendarSpec, seed: u64) -> Queue {
        Queue { calendar: calendar(spec), is_exact: false, seed }
    }

    /// Cells of the days in this range, of which `total` says how many are expected on a day.
    pub fn cells(&mut self, days: Range<i64>, total: impl Fn(Date) -> f64) -> Cells {
        let mut cells = Cells::default();
        for date in days.map(day) {
            let open: Vec<u32> = quarters_of(&self.calendar, date)
                .into_iter()
                .filter(|quarter| quarter.is_open)
                .map(|quarter| quarter.quarter)
                .collect();
            let mean = total(date) / open.len() as f64 / f64::from(CELLS_OF_QUARTER);
            for cell in open.iter().flat_map(|quarter| quarter * 3..quarter * 3 + 3) {
                let count = if self.is_exact { whole(mean) } else { self.poisson(mean) };
                cells.add(cell, count);
            }
        }
        cells
    }

    /// The same by quarter of an hour.
    pub fn counts(&mut self, days: Range<i64>, total: impl Fn(Date) -> f64) -> Counts {
        self.cells(days, total).quarters()
    }

    /// A Poisson variate, by counting exponential times (D. E. Knuth, "Seminumerical Algorithms", 3.4.1).
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let (mut time, mut count) = (0.0, 0);
        loop {
            time -= (1.0 - self.uniform()).ln();
            if time >= mean {
                return count;
            }
            count += 1;
        }
    }

    /// SplitMix64 (G. L. Steele and others, 2014).
    fn uniform(&mut self) -> f64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.seed;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The cell at which the clocks of a calendar show this.
pub fn cell(calendar: &BusinessCalendar, date: Date, hour: u32, minute: u32) -> u32 {
    let midnight = calendar.midnight_ms(date).expect("it is after 1970");
    u32::try_from(midnight / super::counts::CELL_MS).expect("it is not so far off") + hour * 12 + minute / 5
}

fn whole(mean: f64) -> u64 {
    (0_u32..).find(|count| f64::from(*count) + 0.5 > mean).map_or(0, u64::from)
}
