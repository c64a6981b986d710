//! How far beyond chance a window is above what was expected: about a standard normal deviate.

use super::parameters::Parameters;

/// Queues with fewer in their busiest hour are not weighted.
const WEIGHTED_FROM: f64 = 50.0;

/// Where less is expected this is.
const LEAST_MEAN: f64 = 0.05;

/// What a window is scored by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Window {
    /// How many quarters of an hour it lasts.
    pub quarters: f64,
    /// How many came.
    pub offered: f64,
    /// How many were expected, with today's factor.
    pub expected: f64,
    /// phi.
    pub dispersion: f64,
    /// c, as far as it counts, the mean over the window.
    pub spread: f64,
    /// The variance of what the factor is known by.
    pub factor_variance: f64,
    /// How many are expected in the busiest hour of an ordinary working day.
    pub busy_hour: f64,
}

impl Window {
    /// The score; not more than 0 if too few came to speak of. The cube root of a gamma variable is nearly normal (E.
    /// B. Wilson and M. M. Hilferty, "The distribution of chi-square", 1931).
    pub fn score(&self, parameters: &Parameters) -> f64 {
        let mean = self.expected.max(LEAST_MEAN);
        let dispersion = self.dispersion * (1.0 + parameters.model.window_growth * libm::log2(self.quarters.max(1.0)));
        let variance = dispersion * mean + mean * mean * (self.factor_variance + self.spread * self.spread);
        let shape = mean * mean / variance;
        let deviate = 3.0 * shape.sqrt() * (libm::cbrt(self.offered / mean) - 1.0 + 1.0 / (9.0 * shape));
        let least = parameters.least_excess.max(parameters.least_excess_of_busy_hour * self.busy_hour);
        let score = if self.offered - mean >= least { deviate } else { deviate.min(0.0) };
        if self.busy_hour > WEIGHTED_FROM && score > 0.0 {
            score * libm::pow((mean * 4.0 / self.quarters / self.busy_hour).min(1.0), parameters.model.busy_exponent)
        } else {
            score
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        quarters: 1.0,
        offered: 0.0,
        expected: 25.0,
        dispersion: 1.0,
        spread: 0.0,
        factor_variance: 0.0,
        busy_hour: 40.0,
    };

    fn score(window: Window) -> f64 {
        window.score(&Parameters::default())
    }

    /// Halves of quantiles of chi-square with 50 degrees of freedom, a gamma variable with mean and variance 25, for 5,
    /// 0.5 and 0.1 %.
    #[test]
    fn it_is_about_a_normal_deviate() {
        for (chi_square, deviate) in [(67.505, 1.645), (79.490, 2.576), (86.661, 3.090)] {
            let found = score(Window { offered: chi_square / 2.0, ..WINDOW });
            assert!((found - deviate).abs() < 0.01, "{found} for {chi_square}");
        }
        assert!(score(Window { offered: 25.0, ..WINDOW }) <= 0.0);
        assert!(score(Window { offered: 10.0, ..WINDOW }) < -2.0);
    }

    #[test]
    fn what_is_less_sure_scores_less() {
        let sure = score(Window { offered: 46.0, ..WINDOW });
        let table = [
            Window { dispersion: 1.5, offered: 46.0, ..WINDOW },
            Window { factor_variance: 0.05, offered: 46.0, ..WINDOW },
            Window { spread: 0.2, offered: 46.0, ..WINDOW },
            Window { quarters: 4.0, offered: 46.0, ..WINDOW },
            Window { busy_hour: 200.0, offered: 46.0, ..WINDOW },
        ];
        for window in table {
            assert!(score(window) < sure - 0.05, "{window:?}");
        }
    }

    #[test]
    fn few_are_no_surge_however_few_were_expected() {
        let few = |offered, busy_hour| score(Window { expected: 0.0, offered, busy_hour, ..WINDOW });
        assert!(few(5.0, 40.0) <= 0.0 && few(7.0, 40.0) > 3.0);
        assert!(few(20.0, 400.0) <= 0.0 && few(30.0, 400.0) > 3.0);
    }
}
