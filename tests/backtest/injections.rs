//! Surges added to real days, of a known size and start.
//!
//! Onto the calls of each step come Poisson((f − 1) x) more, x being what was really offered. They are put on ordinary
//! working days without a known burst, from a random start between 08:00 and 16:45.

use super::history::{Bank, Counts, DAY_MINUTES, JUDGED, SLOT_STEPS, STEP_MINUTES};
use super::statistics::Random;

/// The seed of the main figures.
pub const SEED: u64 = 1_999;
/// Injections of each kind a day; five make over 400 of each.
pub const A_DAY: usize = 5;

/// What is added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// One hour at so many times the usual, from one minute to the next.
    Hour(f64),
    /// Two hours that rise steadily from the usual to so many times that.
    Ramp(f64),
}

impl Kind {
    /// Those of the tables. The first adds nothing: what is found of it is found by chance.
    pub const ALL: [Kind; 5] = [Kind::Hour(1.0), Kind::Hour(1.3), Kind::Hour(1.6), Kind::Hour(2.0), Kind::Ramp(2.0)];

    /// Within how many minutes of the start it should be found.
    pub fn horizons(self) -> &'static [usize] {
        match self {
            Kind::Hour(factor) if factor < 1.5 => &[60],
            Kind::Hour(_) => &[30, 60],
            Kind::Ramp(_) => &[120],
        }
    }

    fn steps(self) -> usize {
        match self {
            Kind::Hour(_) => 60 / STEP_MINUTES,
            Kind::Ramp(_) => 120 / STEP_MINUTES,
        }
    }

    /// What is added in a step after the start, as a multiple of the usual; a ramp's at the middle of the step.
    fn excess(self, step: usize) -> f64 {
        match self {
            Kind::Hour(factor) => factor - 1.0,
            Kind::Ramp(factor) => (factor - 1.0) * (step as f64 + 0.5) / self.steps() as f64,
        }
    }
}

/// Where a surge may start.
#[derive(Clone, Copy, Debug)]
pub enum Starts {
    /// With a quarter of an hour.
    Quarters,
    /// With any five minutes.
    Steps,
}

/// A day with a surge in it.
#[derive(Clone)]
pub struct Injection {
    /// The day.
    pub day: usize,
    /// The step with which the surge starts.
    pub start: usize,
    /// Offered, with what was added.
    pub counts: Counts,
}

/// The days that take an injection.
pub fn days(bank: &Bank) -> Vec<usize> {
    JUDGED.filter(|day| bank.ordinary(*day) && !bank.has_burst(*day)).collect()
}

/// [`A_DAY`] injections for each such day; the same for every rule.
pub fn injections(bank: &Bank, queue: &str, kind: Kind, starts: Starts, seed: u64) -> Vec<Injection> {
    const { assert!(DAY_MINUTES.is_multiple_of(STEP_MINUTES)) };
    let mut random = Random::new(seed);
    let (first, last) = (8 * 60 / STEP_MINUTES, (16 * 60 + 45) / STEP_MINUTES);
    let mut made = Vec::new();
    for day in days(bank) {
        for _ in 0..A_DAY {
            let start = match starts {
                Starts::Quarters => first + SLOT_STEPS * random.below((last - first) / SLOT_STEPS + 1),
                Starts::Steps => first + random.below(last - first + 1),
            };
            let mut counts = bank.queues[queue][day];
            for step in 0..kind.steps() {
                let offered = &mut counts[start + step];
                *offered += random.poisson(kind.excess(step) * f64::from(*offered));
            }
            made.push(Injection { day, start, counts });
        }
    }
    made
}
