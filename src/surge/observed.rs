//! What is known of a day that has passed: without long silences, and without what is far beyond chance.
//!
//! A surge is no part of the usual course of a day, and a silence says nothing of how many would have come. So slots
//! are clipped at three standard deviations above what they should be, given how busy the rest of the day was, and long
//! runs without anybody are not known. What is known stands for the whole day. That clipped slots still count for more
//! than they should is no mistake: on a day with a surge more come at other times, too (days were off by 12.0 % without
//! it, by 11.7 with it).

use super::clock::Quarter;
use super::counts::Counts;
use super::day::Kind;
use super::dispersion::Dispersion;
use super::profile::{Profiles, SlotSeen};

/// A run without anybody is a silence if so many were to be expected in it.
const SILENCE: f64 = 8.0;

/// After so many days of a kind its profile is good enough to clip by.
const KNOWN_AFTER: u32 = 3;

/// A day of which less is known is not known at all.
const LEAST_KNOWN: f64 = 0.25;

/// How far off the unknown rest of a day may be, as a standard deviation of the day's logarithm.
const REST_DEVIATION: f64 = 0.5;

/// How often, at most, the day's busyness and what is clipped by it are found in turn, and which change does not
/// matter.
const ROUNDS: usize = 4;
const SETTLED: f64 = 0.002;

/// What was expected of a day before it.
pub struct Prior<'p> {
    /// The kind of day.
    pub kind: Kind,
    /// Its quarters.
    pub quarters: &'p [Quarter],
    /// The share of each of them.
    pub shares: &'p [f64],
    /// How many were expected on the whole day.
    pub total: f64,
    /// The least that was to be expected.
    pub lower: f64,
    /// The first quarter of which anything is known.
    pub first_quarter: u32,
    /// Standard deviations above what is expected at which a slot is clipped.
    pub clip: f64,
    /// Whether the queue had ended: then all that comes is known, and nothing of it is beyond chance.
    pub has_ended: bool,
}

/// A day as it is learned.
#[derive(Clone, PartialEq, Debug)]
pub struct Observed {
    /// Its quarters.
    pub slots: Vec<SlotSeen>,
    /// How many came where it is known, without what is far beyond chance.
    pub count: f64,
    /// The share of the day that is known.
    pub known: f64,
    /// The variance of the day's logarithm because not all of it is known.
    pub rest_variance: f64,
    /// How busy the day was against what was expected, 1 if as much.
    pub factor: f64,
}

/// What is known of a day; none if that is too little, as on a day without a record.
pub fn observe(counts: &Counts, prior: &Prior<'_>, profiles: &Profiles, dispersion: &Dispersion) -> Option<Observed> {
    let raw = counts_of(counts, prior.quarters);
    let is_without = prior.lower >= SILENCE && raw.iter().all(|count| *count == 0.0);
    // Nobody is no surprise on a day that never opens, however little is known of such days.
    if raw.is_empty() || (is_without && prior.quarters.iter().any(|quarter| quarter.is_open)) {
        return None;
    }
    let is_mature = !prior.has_ended && profiles.days(prior.kind) >= KNOWN_AFTER;
    let mut known: Vec<bool> =
        prior.quarters.iter().map(|quarter| quarter.quarter >= prior.first_quarter || is_mature).collect();
    let expected: Vec<f64> = prior.shares.iter().map(|share| share * prior.total).collect();
    let (caps, factor) = if is_mature {
        find_silences(&raw, &expected, &mut known);
        caps(&raw, &expected, &known, prior, dispersion)
    } else {
        (vec![f64::INFINITY; raw.len()], ratio(&raw, &expected, &known))
    };
    let share: f64 = prior.shares.iter().zip(&known).filter(|(_, known)| **known).map(|(share, _)| share).sum();
    let whole: f64 = prior.shares.iter().sum();
    if share < LEAST_KNOWN * whole || share <= 0.0 {
        return None;
    }
    let mut count = 0.0;
    let mut slots = Vec::with_capacity(raw.len());
    for (place, quarter) in prior.quarters.iter().enumerate() {
        let slot =
            SlotSeen { quarter: *quarter, count: raw[place].min(caps[place]), raw: raw[place], is_known: known[place] };
        if slot.is_known {
            count += slot.count;
        }
        slots.push(slot);
    }
    let unknown = (1.0 - share / whole).max(0.0);
    Some(Observed { slots, count, known: share, rest_variance: (REST_DEVIATION * unknown).powi(2), factor })
}

/// How many may come in each slot before the rest is beyond chance, and how busy the day was without that.
fn caps(raw: &[f64], expected: &[f64], known: &[bool], prior: &Prior<'_>, dispersion: &Dispersion) -> (Vec<f64>, f64) {
    let phi = dispersion.phi(prior.kind);
    let spreads: Vec<f64> = prior.quarters.iter().map(|quarter| dispersion.spread(quarter.slot)).collect();
    let (mut caps, mut factor) = (Vec::new(), ratio(raw, expected, known));
    for _ in 0..ROUNDS {
        let before = factor;
        let cap = |(expected, spread): (&f64, &f64)| {
            let mean = factor * expected;
            mean + prior.clip * (phi * mean + (spread * mean).powi(2)).sqrt() + 1.0
        };
        caps = expected.iter().zip(&spreads).map(cap).collect();
        let usual: Vec<bool> = (0..raw.len()).map(|place| known[place] && raw[place] <= caps[place]).collect();
        factor = ratio(raw, expected, &usual);
        if (factor - before).abs() <= SETTLED * before {
            break;
        }
    }
    (caps, factor)
}

/// How many came in each quarter of an hour, which ascend.
pub fn counts_of(counts: &Counts, quarters: &[Quarter]) -> Vec<f64> {
    let (Some(first), Some(last)) = (quarters.first(), quarters.last()) else { return Vec::new() };
    let mut of_quarters = vec![0.0; quarters.len()];
    for (quarter, count) in counts.between(first.quarter, last.quarter.saturating_add(1)) {
        of_quarters[(quarter - first.quarter) as usize] = count as f64;
    }
    of_quarters
}

/// How many came as a part of what was expected, where it is known.
fn ratio(counts: &[f64], expected: &[f64], known: &[bool]) -> f64 {
    let known_only = |values: &[f64]| -> f64 {
        values.iter().zip(known).filter(|(_, is_known)| **is_known).map(|(value, _)| value).sum()
    };
    (known_only(counts) + 0.5) / (known_only(expected) + 0.5)
}

/// Marks long runs without anybody as not known.
fn find_silences(counts: &[f64], expected: &[f64], known: &mut [bool]) {
    let factor = ratio(counts, expected, known);
    let mut start = 0;
    while start < counts.len() {
        let length = counts[start..].iter().take_while(|count| **count == 0.0).count();
        if factor * expected[start..start + length].iter().sum::<f64>() >= SILENCE {
            known[start..start + length].fill(false);
        }
        start += length + 1;
    }
}
