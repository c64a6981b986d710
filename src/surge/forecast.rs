//! What is to be expected of one day: in all, and in each slot, with bands.

use super::baseline::{Thin, Z};
use super::clock::Quarter;
use super::counts::CELLS_OF_QUARTER;
use super::day::Day;

/// What is assumed of a queue of which nothing is known, as a variance of its logarithm.
const UNKNOWN: f64 = 4.0;

/// A number that is not known yet.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Band {
    /// What is expected.
    pub mean: f64,
    /// With 95 % it is not less than this.
    pub lower: f64,
    /// With 95 % it is not more than this.
    pub upper: f64,
}

impl Band {
    /// Of a number with this mean and variance, at least 0: quantiles of a gamma distribution (E. B. Wilson and M. M.
    /// Hilferty, "The distribution of chi-square", 1931).
    pub fn new(mean: f64, variance: f64) -> Band {
        if mean <= 0.0 || variance <= 0.0 {
            return Band { mean: mean.max(0.0), lower: mean.max(0.0), upper: mean.max(0.0) };
        }
        let ninth = variance / (mean * mean) / 9.0;
        let at = |deviations: f64| mean * (1.0 - ninth + deviations * ninth.sqrt()).max(0.0).powi(3);
        Band { mean, lower: at(-Z).min(mean), upper: at(Z).max(mean) }
    }
}

/// What is to be expected of one quarter of an hour.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlotForecast {
    /// Which UTC quarter it is: how many lie between it and the epoch.
    pub quarter: u32,
    /// How many are expected.
    pub mean: f64,
    /// With 95 % there are not fewer.
    pub lower: f64,
    /// With 95 % there are not more.
    pub upper: f64,
    /// By how much of itself the mean goes up and down from day to day, as far as that counts.
    pub spread: f64,
    /// Whether any of it is within opening hours.
    pub is_open: bool,
}

/// What is to be expected of one local day.
#[derive(Clone, PartialEq, Debug)]
pub struct DayForecast {
    /// The day.
    pub day: Day,
    /// How many are expected in all; for a day with 92 or 100 quarters of an hour, in these.
    pub total: Band,
    /// How many would be expected if it were no first, second, third or last business day, nor a pay day.
    pub ordinary: f64,
    /// How many are expected, the mean of `total`.
    pub expected: f64,
    /// The variance of the logarithm of what is expected.
    pub variance: f64,
    /// The variance of a slot's count over its mean.
    pub dispersion: f64,
    /// How many are expected in the busiest hour of an ordinary working day.
    pub busy_hour: f64,
    /// The day's quarters, ascending: 96, or as many as the day has.
    pub slots: Vec<SlotForecast>,
    /// Why it is not to be trusted; none if it is.
    pub thin: Option<Thin>,
}

impl DayForecast {
    /// The day's first cell; 0 if the day has none.
    pub fn first_cell(&self) -> u32 {
        self.slots.first().map_or(0, |slot| slot.quarter.saturating_mul(CELLS_OF_QUARTER))
    }

    /// The cell after the day's last; 0 if the day has none.
    pub fn end_cell(&self) -> u32 {
        self.slots.last().map_or(0, |slot| slot.quarter.saturating_add(1).saturating_mul(CELLS_OF_QUARTER))
    }

    /// Of a queue of which nothing is known.
    pub(super) fn unknown(day: Day, quarters: &[Quarter]) -> DayForecast {
        let unknown = DayForecast {
            day,
            total: Band::default(),
            ordinary: 0.0,
            expected: 0.0,
            variance: UNKNOWN,
            dispersion: 1.0,
            busy_hour: 0.0,
            slots: Vec::new(),
            thin: Some(Thin::NoData),
        };
        let shares = vec![0.0; quarters.len()];
        unknown.with_slots(quarters, &shares, |_| 0.0)
    }

    /// With such shares of `expected`, which is what all of them make up.
    pub(super) fn with_slots(
        mut self,
        quarters: &[Quarter],
        shares: &[f64],
        spread: impl Fn(usize) -> f64,
    ) -> DayForecast {
        let whole: f64 = shares.iter().sum();
        let of_share = if whole > 0.0 { self.expected / whole } else { 0.0 };
        let slots = quarters.iter().zip(shares).map(|(quarter, share)| {
            let mean = share * of_share;
            let spread = spread(quarter.slot);
            let variance = self.dispersion * mean + mean * mean * (self.variance + spread * spread);
            let Band { mean, lower, upper } = Band::new(mean, variance);
            SlotForecast { quarter: quarter.quarter, mean, lower, upper, spread, is_open: quarter.is_open }
        });
        self.slots = slots.collect();
        let variance = self.dispersion * self.expected + self.expected.powi(2) * self.variance;
        self.total = Band::new(self.expected, variance);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of 5 and 95 % of gamma distributions with these means and variances.
    #[test]
    fn bands_are_quantiles_of_gamma_distributions() {
        let table = [(100.0, 100.0, 84.2, 117.0), (10.0, 20.0, 3.94, 18.31), (1.0, 1.0, 0.0513, 2.996)];
        for (mean, variance, lower, upper) in table {
            let band = Band::new(mean, variance);
            assert!((band.lower - lower).abs() < 0.02 * mean, "{band:?}");
            assert!((band.upper - upper).abs() < 0.03 * mean, "{band:?}");
        }
        assert_eq!(Band::new(0.0, 0.0), Band::default());
        assert_eq!(Band::new(3.0, 0.0), Band { mean: 3.0, lower: 3.0, upper: 3.0 });
        assert_eq!(Band::new(0.1, 9.0).lower, 0.0);
    }
}
