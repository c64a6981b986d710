//! The model as a rule like the others.
//!
//! Its calendar is the bank's as somebody would configure it: open from seven to midnight, on Fridays and eves until
//! two, on Saturdays and holidays from a quarter to ten. In truth it opens with nightfall, from seven in winter on;
//! hours that began then would make every Saturday in summer begin with a silence.

use std::array::from_fn;
use std::iter::repeat_n;
use std::ops::Range;

use holdline::surge::{
    Baseline, BusinessCalendar, CELL_MS, CalendarSpec, Cells, Counts as Quarters, DayForecast, Parameters, QUARTER_MS,
    Reading, Watch,
};
use jiff::tz::TimeZone;

use super::history::{Bank, BankCalendar, Counts, DAYS, SLOT_STEPS, SLOTS, STEP_MINUTES, STEPS, date_of};
use super::rules::{Levels, Morning, Rule};

const WORKING: Range<u16> = 7 * 60..24 * 60;
const SHORT: Range<u16> = 7 * 60..14 * 60;
const CLOSED: Range<u16> = 21 * 60 + 45..24 * 60;

/// The model, as it is set.
pub struct Modelled {
    name: String,
    parameters: Parameters,
    /// The bank's calendar.
    pub calendar: BusinessCalendar,
    /// The cells with which each step of each day begins, and those at its end.
    edges: Vec<[u32; STEPS + 1]>,
}

impl Modelled {
    /// The model for the bank.
    pub fn new(name: &str, bank: &Bank, parameters: Parameters) -> Modelled {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap();
        let edge = |day: usize, step: usize| {
            let minutes = i64::try_from(step * STEP_MINUTES).unwrap();
            let local = date_of(day).at(0, 0, 0, 0) + jiff::Span::new().minutes(minutes);
            let second = local.to_zoned(zone.clone()).unwrap().timestamp().as_second();
            u32::try_from(second.unsigned_abs() * 1_000 / CELL_MS).unwrap()
        };
        // Where clocks go forward, local times that never come are the first that does.
        let edges = |day: usize| {
            let mut latest = 0;
            from_fn(|step| {
                latest = latest.max(edge(day, step));
                latest
            })
        };
        let edges = (0..DAYS).map(edges).collect();
        let calendar = BusinessCalendar::new(specified(&bank.calendar, zone.clone())).unwrap();
        Modelled { name: name.to_owned(), parameters, calendar, edges }
    }

    /// What is known in the morning of a day.
    pub fn known(&self, bank: &Bank, queue: &str, day: usize) -> Known {
        let days = &bank.queues[queue];
        let mut quarters = Quarters::default();
        for (edges, counts) in self.edges.iter().zip(&days[..day]) {
            for (cell, offered) in edges.iter().zip(counts).filter(|(_, offered)| **offered > 0) {
                let quarter = u64::from(*cell) * CELL_MS / QUARTER_MS;
                quarters.add(u32::try_from(quarter).unwrap(), u64::from(*offered));
            }
        }
        let baseline = |day: usize| Baseline::learn(&quarters, &self.calendar, date_of(day - 1), &self.parameters);
        Known {
            forecast: baseline(day).forecast(date_of(day)),
            eve: baseline(day - 1).forecast(date_of(day - 1)),
            eve_counts: days[day - 1],
            edges: [self.edges[day - 1], self.edges[day]],
            parameters: self.parameters.clone(),
        }
    }
}

impl Rule for Modelled {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn morning(&self, bank: &Bank, queue: &str, day: usize) -> Box<dyn Morning> {
        Box::new(self.known(bank, queue, day))
    }
}

/// What the model knows in the morning of a day.
pub struct Known {
    /// Of the day.
    pub forecast: DayForecast,
    /// Of the day before, whose last hour the first windows reach into.
    eve: DayForecast,
    eve_counts: Counts,
    /// The cells of the eve's and the day's steps.
    edges: [[u32; STEPS + 1]; 2],
    parameters: Parameters,
}

impl Known {
    /// What is read at each look, one after every so many steps.
    pub fn readings(&self, counts: &Counts, every: usize) -> Vec<Reading> {
        let mut cells = Cells::default();
        for (edges, counts) in self.edges.iter().zip([&self.eve_counts, counts]) {
            for (cell, offered) in edges.iter().zip(counts).filter(|(_, offered)| **offered > 0) {
                cells.add(*cell, u64::from(*offered));
            }
        }
        let watch = Watch::new(self.forecast.clone(), Some(&self.eve), &self.parameters);
        let [_, edges] = &self.edges;
        let readings = watch.readings(&cells, edges[STEPS], u32::try_from(every).unwrap());
        // Where clocks go forward, several local times are the same look.
        let at = |edge: &u32| readings[readings.partition_point(|reading| reading.now < *edge)].clone();
        edges[every..].iter().step_by(every).map(at).collect()
    }
}

impl Morning for Known {
    fn ahead(&self) -> [f64; SLOTS] {
        let mut ahead = [0.0; SLOTS];
        for slot in &self.forecast.slots {
            let cell = u32::try_from(u64::from(slot.quarter) * QUARTER_MS / CELL_MS).unwrap();
            // Where clocks go back two quarters have the same local time.
            let step = self.edges[1].partition_point(|edge| *edge <= cell) - 1;
            ahead[step / SLOT_STEPS] += slot.mean;
        }
        ahead
    }

    /// By what the forecast of the day makes of the rest of it.
    fn corrected(&self, counts: &Counts) -> [f64; SLOTS] {
        let ahead = self.ahead();
        let readings = self.readings(counts, SLOT_STEPS);
        let mut rest: f64 = ahead.iter().sum();
        from_fn(|slot| {
            // Before the first slot nothing is known that was not known at midnight.
            let known = slot.checked_sub(1).map(|last| &readings[last]);
            let factor = known.map_or(1.0, |known| (known.today.mean - known.offered_today as f64) / rest.max(1e-9));
            rest -= ahead[slot];
            ahead[slot] * factor
        })
    }

    /// What can be declared: nothing while the baseline is too thin to trust, nor while it is silent.
    fn scores(&self, counts: &Counts, every: usize) -> Vec<f64> {
        let declared =
            |reading: Reading| if reading.thin.is_none() && !reading.is_silent { reading.score } else { 0.0 };
        self.readings(counts, every).into_iter().map(declared).collect()
    }

    fn levels(&self, counts: &Counts) -> Option<Levels> {
        let mut levels = Levels::default();
        for reading in self.readings(counts, SLOT_STEPS) {
            for (test, highest, unusual) in [
                (reading.against_ordinary, &mut levels.ordinary, &mut levels.is_busy),
                (reading.against_month_start, &mut levels.month_start, &mut levels.is_unusual),
            ] {
                if let Some(test) = test {
                    *highest = highest.max(test.statistic);
                    *unusual |= test.is_unusual;
                }
            }
        }
        Some(levels)
    }
}

/// The bank's calendar as the model takes it.
fn specified(bank: &BankCalendar, zone: TimeZone) -> CalendarSpec {
    let hours = |dates: &[jiff::civil::Date], hours: Range<u16>| {
        dates.iter().copied().zip(repeat_n(vec![hours], dates.len())).collect::<Vec<_>>()
    };
    CalendarSpec {
        week: [WORKING, WORKING, WORKING, WORKING, SHORT, CLOSED, WORKING].map(|hours| vec![hours]),
        days: [hours(&bank.eves, SHORT), hours(&bank.holidays, CLOSED)].concat().into_iter().collect(),
        holidays: bank.holidays.iter().copied().collect(),
        special: bank.special.iter().map(|(name, dates)| (name.clone(), dates.iter().copied().collect())).collect(),
        ..CalendarSpec::around_the_clock(zone, [true, true, true, true, true, false, true])
    }
}
