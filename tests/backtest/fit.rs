//! How long baselines take to learn.

use std::time::Instant;

use holdline::surge::{Baseline, Counts as Quarters, Parameters, QUARTER_MS};

use super::history::{Bank, date_of};
use super::modelled::Modelled;
use super::statistics::Random;

const QUEUES: u32 = 1_000;
const DAYS: usize = 400;

/// Learns a thousand queues of four hundred days each, one after the other.
pub fn fit(bank: &Bank) {
    let model = Modelled::new("model", bank, Parameters::default());
    let quarters: Vec<Quarters> = (0..10).map(|queue| made_up(&model, queue)).collect();
    let begin = Instant::now();
    let mut expected = 0.0;
    for queue in 0..QUEUES {
        let counts = &quarters[usize::try_from(queue).unwrap() % quarters.len()];
        let baseline = Baseline::learn(counts, &model.calendar, date_of(DAYS - 1), &Parameters::default());
        expected += baseline.forecast(date_of(DAYS)).expected;
    }
    let taken = begin.elapsed();
    println!(
        "learned {QUEUES} queues of {DAYS} days in {taken:.1?}, {:.2?} each, one thread (mean forecast {:.0})",
        taken / QUEUES,
        expected / f64::from(QUEUES)
    );
}

/// Some forty calls an hour from seven to midnight, every day.
fn made_up(model: &Modelled, seed: u64) -> Quarters {
    let mut random = Random::new(seed);
    let mut quarters = Quarters::default();
    for day in 0..DAYS {
        let midnight = model.calendar.midnight_ms(date_of(day)).unwrap() / QUARTER_MS;
        for quarter in 28..96 {
            quarters.add(u32::try_from(midnight + quarter).unwrap(), u64::from(random.poisson(10.0)));
        }
    }
    quarters
}
