//! How far counts of slots are off beyond chance.
//!
//! phi is the variance of a slot's count over its mean, about 1 if contacts arrive independently (the Pearson statistic
//! of a Poisson count; McCullagh and Nelder, "Generalized linear models", 1989, section 4.5), by kind of day. c is by
//! how much of itself a slot's own mean goes up and down from day to day beyond that: more at dawn than at noon. Both
//! are means over days of which older ones count less, and single days cannot move them much.

use super::clock::SLOTS;
use super::day::Kind;

const HALF_LIFE: f64 = 70.0;

/// What is assumed at first, and as how many slots that counts.
const PHI: f64 = 1.4;
const PHI_COUNTS: f64 = 200.0;

/// Neither less nor more is ever believed.
const LEAST_PHI: f64 = 1.0;
const MOST_PHI: f64 = 10.0;
const MOST_SPREAD: f64 = 0.6;

/// What is assumed of c, and as how many of a slot's usual days that counts.
const SPREAD: f64 = 0.15;
const SPREAD_DAYS: f64 = 5.0;

/// Where so few are expected that nothing is learned.
const LEAST_MEAN: f64 = 0.5;

/// Standard deviations beyond which a slot counts as one at so many.
const CLIP: f64 = 3.0;

/// What was found so far.
#[derive(Clone, PartialEq, Debug)]
pub struct Dispersion {
    kinds: [Ratio; 3],
    slots: [Ratio; SLOTS],
    last_age: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Ratio {
    sum: f64,
    of: f64,
}

impl Default for Dispersion {
    fn default() -> Self {
        let phi = Ratio { sum: PHI * PHI_COUNTS, of: PHI_COUNTS };
        Self { kinds: [phi; 3], slots: [Ratio::default(); SLOTS], last_age: None }
    }
}

impl Dispersion {
    /// phi of a kind of day.
    pub fn phi(&self, kind: Kind) -> f64 {
        let Ratio { sum, of } = self.kinds[kind.index()];
        (sum / of).clamp(LEAST_PHI, MOST_PHI)
    }

    /// c of a slot.
    pub fn spread(&self, slot: usize) -> f64 {
        let Ratio { sum, of } = self.slots[slot];
        if of > 0.0 { (sum / of).clamp(0.0, MOST_SPREAD * MOST_SPREAD).sqrt() } else { SPREAD }
    }

    /// Ages what was found by a day of this age, which counts down to 0.
    pub fn age(&mut self, age: u32) {
        let days = self.last_age.map_or(0, |last| last.saturating_sub(age));
        self.last_age = Some(age);
        let factor = libm::exp2(-f64::from(days) / HALF_LIFE);
        for ratio in self.kinds.iter_mut().chain(&mut self.slots) {
            ratio.sum *= factor;
            ratio.of *= factor;
        }
    }

    /// Takes up the count of a slot of which `mean` were expected, given how many came that day. `phi` is what was
    /// found before the day.
    pub fn learn(&mut self, kind: Kind, phi: f64, slot: usize, count: f64, mean: f64) {
        if mean < LEAST_MEAN {
            return;
        }
        let squared = (count - mean).powi(2);
        let of_kind = &mut self.kinds[kind.index()];
        of_kind.sum += (squared / mean).min(CLIP * CLIP * phi);
        of_kind.of += 1.0;
        if kind == Kind::Working {
            let spread = self.spread(slot);
            let clipped = squared.min(CLIP * CLIP * (phi * mean + (spread * mean).powi(2)));
            let of_slot = &mut self.slots[slot];
            if of_slot.of == 0.0 {
                *of_slot = Ratio { sum: SPREAD_DAYS * (SPREAD * mean).powi(2), of: SPREAD_DAYS * mean * mean };
            }
            of_slot.sum += clipped - phi * mean;
            of_slot.of += mean * mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots of which 20 are expected, off by this much to either side in turn.
    fn after(off: f64, odd: Option<f64>) -> Dispersion {
        let mut dispersion = Dispersion::default();
        for age in (0..200_u32).rev() {
            dispersion.age(age);
            let phi = dispersion.phi(Kind::Working);
            for slot in 32..72 {
                let side = if (slot + age as usize).is_multiple_of(2) { off } else { -off };
                let count = odd.filter(|_| age.is_multiple_of(50)).unwrap_or(20.0 + side);
                dispersion.learn(Kind::Working, phi, slot, count, 20.0);
            }
        }
        dispersion
    }

    #[test]
    fn it_is_the_variance_over_the_mean() {
        for (off, phi) in [(20_f64.sqrt(), 1.0), (30_f64.sqrt(), 1.5), (60_f64.sqrt(), 3.0), (1.0, 1.0)] {
            let found = after(off, None);
            assert!((found.phi(Kind::Working) - phi).abs() < 0.05, "{}", found.phi(Kind::Working));
            assert!(found.spread(40) < 0.1 && found.spread(0) == SPREAD);
            assert!((found.phi(Kind::Closed) - PHI).abs() < 1e-9, "nothing is known of closed days");
        }
        assert!(after(30_f64.sqrt(), Some(1e9)).phi(Kind::Working) < 1.9, "single days do not move it much");
    }

    #[test]
    fn a_slot_that_varies_more_is_told_apart() {
        let mut dispersion = after(30_f64.sqrt(), None);
        for age in 0..100_u32 {
            dispersion.learn(Kind::Working, 1.5, 40, if age.is_multiple_of(2) { 30.0 } else { 10.0 }, 20.0);
        }
        assert!(dispersion.spread(40) > 0.3 && dispersion.spread(41) < 0.1, "{}", dispersion.spread(40));
        assert!(dispersion.spread(40) <= MOST_SPREAD);
    }
}
