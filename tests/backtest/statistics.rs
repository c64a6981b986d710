//! Ratios over days and how sure they are, and draws from a Poisson distribution.
//!
//! Slots of one day share its level, and injections of one day share its calls: only days are independent. So intervals
//! come from drawing whole days anew (a cluster bootstrap; Efron and Tibshirani 1993, chapter 8), with a published
//! seed.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The seed of the draws behind intervals.
pub const BOOTSTRAP_SEED: u64 = 19_990_201;
/// How often days are drawn anew.
const RESAMPLES: usize = 2_000;

/// What one day adds to a ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Part {
    /// Added above the line: errors, or injections that were found.
    pub above: f64,
    /// Added below it: what was offered, or injections made.
    pub below: f64,
}

/// A ratio with its 95 % interval.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// Of all days together; NaN if there is nothing below the line.
    pub value: f64,
    /// The 2.5th percentile over resamples.
    pub low: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

impl Estimate {
    /// The sum above the line over the sum below it.
    pub fn of(parts: &[Part]) -> Estimate {
        let ratio = |sum: Part| sum.above / sum.below;
        let value = ratio(parts.iter().copied().fold(Part::default(), add));
        let mut random = Random::new(BOOTSTRAP_SEED);
        let mut drawn: Vec<f64> = (0..RESAMPLES)
            .map(|_| ratio((0..parts.len()).map(|_| parts[random.below(parts.len())]).fold(Part::default(), add)))
            .collect();
        drawn.sort_by(f64::total_cmp);
        let at = |share: usize| drawn[(RESAMPLES - 1) * share / 1_000];
        Estimate { value, low: at(25), high: at(975) }
    }

    /// By how much the first exceeds the second, where both have the same days and the same sums below the line.
    pub fn of_difference(first: &[Part], second: &[Part]) -> Estimate {
        let difference = |(a, b): (&Part, &Part)| Part { above: a.above - b.above, below: a.below };
        Estimate::of(&first.iter().zip(second).map(difference).collect::<Vec<_>>())
    }
}

fn add(sum: Part, part: Part) -> Part {
    Part { above: sum.above + part.above, below: sum.below + part.below }
}

/// A stream of random numbers that is the same everywhere.
pub struct Random(Pcg64Mcg);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(Pcg64Mcg::seed_from_u64(seed))
    }

    /// A number below `end`, each as likely; `end` is small, so that the remainder's bias is far below any noise.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(end).unwrap()).unwrap()
    }

    /// At least 0, below 1.
    pub fn unit(&mut self) -> f64 {
        // 53 bits, as many as a mantissa has.
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A draw from a Poisson distribution by multiplying uniform numbers (Knuth); the mean is at most some hundreds.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let floor = (-mean).exp();
        let (mut product, mut drawn) = (self.unit(), 0);
        while product > floor {
            product *= self.unit();
            drawn += 1;
        }
        drawn
    }
}
