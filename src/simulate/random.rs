//! Chance that is the same on every machine: one pinned generator, and the few distributions a support centre needs.
//!
//! Logarithm and exponential come from `libm`, because those of the platform may differ in the last bit and one bit
//! sends the whole centre down another path. It deliberately offers no way to seed from the outside world.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// A seeded source of chance.
pub(super) struct Random {
    generator: Pcg64Mcg,
    /// The polar method makes two normal numbers at a time; the second one.
    spare: Option<f64>,
}

impl Random {
    /// Sources of different `purpose` are independent of each other for the same seed.
    pub(super) fn new(seed: u64, purpose: u64) -> Random {
        let high = scatter(seed);
        let low = scatter(high ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Random { generator: Pcg64Mcg::new((u128::from(high) << 64) | u128::from(low)), spare: None }
    }

    /// Evenly in [0, 1).
    pub(super) fn share(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.generator.next_u64() >> 11) as f64 * STEP
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Evenly in [low, high]; `low` if the range is empty.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = u128::from(high.saturating_sub(low)) + 1;
        let step = (u128::from(self.generator.next_u64()) * width) >> 64;
        low + u64::try_from(step).expect("a share of a 64-bit range fits into 64 bits")
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.share())
    }

    /// Weibull with scale 1; a shape below 1 means that who has not given up early waits long.
    pub(super) fn weibull(&mut self, shape: f64) -> f64 {
        let exponential = self.exponential();
        if exponential <= 0.0 { 0.0 } else { libm::exp(libm::log(exponential) / shape) }
    }

    /// Pareto from 1 upwards.
    pub(super) fn pareto(&mut self, exponent: f64) -> f64 {
        libm::exp(self.exponential() / exponent)
    }

    /// Log-normal with median 1.
    pub(super) fn log_normal(&mut self, sigma: f64) -> f64 {
        libm::exp(sigma * self.normal())
    }

    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.share() - 1.0, 2.0 * self.share() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let stretch = libm::sqrt(-2.0 * libm::log(square) / square);
                self.spare = Some(y * stretch);
                return x * stretch;
            }
        }
    }
}

/// Neighbouring seeds must not make similar centres (the finisher of `SplitMix64`).
fn scatter(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Seconds as whole milliseconds; 0 for anything below, at most some 285,000 years.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a float counts exactly")]
pub(super) fn millis(seconds: f64) -> u64 {
    (seconds * 1_000.0).clamp(0.0, 9.0e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_purposes_differ_and_repeat() {
        let first = |seed, purpose| Random::new(seed, purpose).generator.next_u64();
        assert_eq!(first(1, 0), first(1, 0));
        assert_ne!(first(1, 0), first(2, 0));
        assert_ne!(first(1, 0), first(1, 1));
    }

    #[test]
    fn distributions_have_their_means() {
        let mut random = Random::new(7, 0);
        let mut mean = |draw: &mut dyn FnMut(&mut Random) -> f64| -> f64 {
            (0..200_000).map(|_| draw(&mut random)).sum::<f64>() / 200_000.0
        };
        let close = |measured: f64, expected: f64| assert!((measured - expected).abs() < 0.02, "{measured} {expected}");
        close(mean(&mut |random| random.share()), 0.5);
        close(mean(&mut Random::exponential), 1.0);
        close(mean(&mut Random::normal), 0.0);
        close(mean(&mut |random| random.weibull(2.0)), 0.886);
        close(mean(&mut |random| random.pareto(4.0)), 4.0 / 3.0);
        close(mean(&mut |random| random.log_normal(0.5)), 1.133);
        close(mean(&mut |random| random.between(2, 4) as f64), 3.0);
    }
}
