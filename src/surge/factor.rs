//! How busy today is against what was expected: the day factor r.
//!
//! It is Gamma distributed with shape a and rate b, both 1/V at midnight, and takes up one slot after another as if
//! counts were Poisson with the mean r e (the conjugate prior; Gelman and others, "Bayesian Data Analysis", section
//! 2.6), where each counts for less the further it may be off. Slots that are far too high are clipped, so that a surge
//! does not hide itself, and slots that are far too low are left out, since silence is no evidence of a quiet day; but
//! not for hours.

use super::forecast::SlotForecast;
use super::parameters::Model;

/// So many slots in a row are left out, at most.
const MOST_LEFT_OUT: u32 = 12;

/// Neither less nor more is known at midnight, as a number of contacts.
const KNOWN_AT_MIDNIGHT: (f64, f64) = (0.25, 400.0);

/// The day factor as known at some time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Factor {
    shape: f64,
    rate: f64,
    left_out: u32,
}

impl Factor {
    /// At midnight, with such a variance of the logarithm of what is expected.
    pub fn at_midnight(variance: f64) -> Factor {
        let known = (1.0 / variance).clamp(KNOWN_AT_MIDNIGHT.0, KNOWN_AT_MIDNIGHT.1);
        Factor { shape: known, rate: known, left_out: 0 }
    }

    /// At midnight, as if so many contacts had come.
    pub fn after_contacts(known: f64) -> Factor {
        Factor { shape: known, rate: known, left_out: 0 }
    }

    /// What is likeliest, 1 if today is as expected.
    pub fn mean(self) -> f64 {
        self.shape / self.rate
    }

    /// The variance of its logarithm, about.
    pub fn variance(self) -> f64 {
        1.0 / self.shape
    }

    /// After a slot in which so many came, with this phi.
    pub fn after(self, count: f64, slot: &SlotForecast, dispersion: f64, model: &Model) -> Factor {
        let memory = model.factor_memory;
        let kept = Factor { shape: self.shape * memory, rate: self.rate * memory, left_out: 0 };
        let mean = slot.mean * self.mean();
        if mean <= 0.0 {
            return Factor { left_out: self.left_out, ..kept };
        }
        let spread = slot.spread * slot.spread;
        let deviation = (dispersion * mean + mean * mean * (self.variance() + spread)).sqrt();
        let is_low = count < mean - model.factor_left_out * deviation;
        if is_low && self.left_out < MOST_LEFT_OUT {
            return Factor { left_out: self.left_out + 1, ..kept };
        }
        let information = 1.0 / (dispersion + spread * mean);
        let count = count.min(mean + model.factor_cap * deviation);
        let left_out = if is_low { self.left_out } else { 0 };
        Factor { shape: kept.shape + count * information, rate: kept.rate + slot.mean * information, left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(factor: Factor, counts: &[f64]) -> Factor {
        let slot = SlotForecast { quarter: 0, mean: 20.0, lower: 0.0, upper: 0.0, spread: 0.05, is_open: true };
        counts.iter().fold(factor, |factor, count| factor.after(*count, &slot, 1.4, &Model::default()))
    }

    #[test]
    fn it_follows_the_day_but_no_surge_and_no_silence() {
        let midnight = Factor::at_midnight(0.02);
        let near = |counts: &[f64], wanted: f64| {
            let found = after(midnight, counts).mean();
            assert!((found - wanted).abs() < 0.05, "{found} for {counts:?}");
        };
        near(&[], 1.0);
        near(&[20.0; 40], 1.0);
        near(&[26.0; 40], 1.28);
        near(&[16.0; 40], 0.82);
        near(&[[20.0; 36].as_slice(), &[200.0; 2]].concat(), 1.04);
        near(&[[20.0; 20].as_slice(), &[0.0; 12]].concat(), 1.0);
        assert!(after(midnight, &[0.0; 40]).mean() < 0.4, "who is silent for longer is quiet");
        assert!(after(midnight, &[20.0; 40]).variance() < midnight.variance());
    }

    #[test]
    fn nothing_expected_says_nothing() {
        let closed = SlotForecast { quarter: 0, mean: 0.0, lower: 0.0, upper: 0.0, spread: 0.0, is_open: false };
        let after = Factor::at_midnight(0.02).after(1e9, &closed, 1.0, &Model::default());
        assert_eq!(after.mean(), 1.0);
        for variance in [0.0, 1e-300, 1e300, f64::INFINITY] {
            assert!(Factor::at_midnight(variance).variance().is_finite());
        }
    }
}
