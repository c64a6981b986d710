//! What came and what was expected on a day and its eve, cell by cell, with the day factor as it was known at each time.

use super::counts::{CELLS_OF_QUARTER, Cells};
use super::factor::Factor;
use super::forecast::DayForecast;
use super::parameters::Model;

/// A day, after its eve if that is known, up to some instant.
#[derive(Default)]
pub struct Course {
    /// Its first cell.
    pub first: u32,
    /// The place of the day's first cell.
    pub midnight: usize,
    /// How many came in each cell.
    pub offered: Vec<u64>,
    /// How many were expected at midnight.
    pub expected: Vec<f64>,
    /// c.
    pub spread: Vec<f64>,
    /// Whether it was open.
    pub is_open: Vec<bool>,
    /// The factor before each quarter of an hour, by cells / 3, and after the last.
    pub factors: Vec<Factor>,
    /// The same, with little known at midnight.
    pub light_factors: Vec<Factor>,
}

impl Course {
    /// Of a day up to cell `until`; if its eve is given, it ends where the day begins.
    pub fn new(eve: Option<&DayForecast>, day: &DayForecast, cells: &Cells, until: u32, model: &Model) -> Course {
        let first = eve.unwrap_or(day).first_cell();
        let mut course = Course { first, ..Course::default() };
        if let Some(eve) = eve {
            course.add(eve, cells, until, model);
        }
        course.midnight = course.offered.len();
        course.add(day, cells, until, model);
        course
    }

    fn add(&mut self, forecast: &DayForecast, cells: &Cells, until: u32, model: &Model) {
        let (first, until) = (forecast.first_cell(), until.min(forecast.end_cell()));
        let places = usize::try_from(until.saturating_sub(first)).unwrap_or(0);
        let base = self.offered.len();
        self.offered.resize(base + places, 0);
        for (cell, count) in cells.between(first, until) {
            self.offered[base + (cell - first) as usize] = count;
        }
        // The eve's factor after its last quarter gives way to today's before its first.
        self.factors.truncate(base / 3);
        self.light_factors.truncate(base / 3);
        let mut factor = Factor::at_midnight(forecast.variance);
        let mut light = Factor::after_contacts(model.forecast_weight.min(1.0 / forecast.variance));
        self.factors.push(factor);
        self.light_factors.push(light);
        for slot in &forecast.slots {
            let start = slot.quarter * CELLS_OF_QUARTER;
            for _ in (start..until).take(CELLS_OF_QUARTER as usize) {
                self.expected.push(slot.mean / f64::from(CELLS_OF_QUARTER));
                self.spread.push(slot.spread);
                self.is_open.push(slot.is_open);
            }
            if start + CELLS_OF_QUARTER > until {
                break;
            }
            let place = base + (start - first) as usize;
            let count = self.came(place, place + 3) as f64;
            factor = factor.after(count, slot, forecast.dispersion, model);
            light = light.after(count, slot, forecast.dispersion, model);
            self.factors.push(factor);
            self.light_factors.push(light);
        }
    }

    /// How many came between two places.
    pub fn came(&self, from: usize, to: usize) -> u64 {
        self.offered[from..to].iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}
