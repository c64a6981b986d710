//! How long what was ever measured took: what each record of the log adds to buckets, and what it takes back.
//!
//! After each record the durations of a contact are looked at anew. Of each bucket in which there are more than before, the
//! difference is added; where there are fewer, it is told as taken back. Sums go the same way.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::engine::settings::{Overlays, Settings};
use crate::engine::tally::{Measure, Quantity};

use super::stay::{Lane, Stay};

/// What there is a histogram of, by the measure that it is told with.
pub const TOLD: [(Measure, Quantity); 6] = [
    (Measure::Wait, Quantity::WaitAnswered),
    (Measure::Wait, Quantity::WaitAbandoned),
    (Measure::Wait, Quantity::WaitLeft),
    (Measure::Wait, Quantity::Handle),
    (Measure::FirstReply, Quantity::WaitAnswered),
    (Measure::Resolution, Quantity::WaitAnswered),
];

/// Buckets that end at seconds, whatever is promised.
const CUSTOMARY: [u64; 23] = [
    1, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800, 259_200, 432_000,
    604_800, 1_209_600, 2_592_000,
];

/// How many durations ended in each bucket, by its upper edge in milliseconds, and all of them together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Histogram {
    /// Only those that hold anything.
    pub buckets: BTreeMap<u64, u64>,
    /// In milliseconds.
    pub sum_ms: u64,
}

/// The histograms of a log read so far.
#[derive(Clone, Debug)]
pub struct Cumulative {
    edges: Vec<u64>,
    /// By lane and what is told.
    pub histograms: BTreeMap<(Lane, (Measure, Quantity)), Histogram>,
    /// How many were taken out of buckets, and by how much sums are too great.
    pub taken_back: BTreeMap<(Measure, Quantity), (u64, u64)>,
}

impl Cumulative {
    /// Those of an empty log.
    pub fn new(settings: &Settings) -> Cumulative {
        // Each is eight to a doubling of one second; nothing in a simulation takes a thousand years.
        let native = (-80..280).map(|eighths| (1_000.0 * 2_f64.powf(f64::from(eighths) / 8.0)).floor());
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and above zero")]
        let mut edges: Vec<u64> = native.map(|edge| edge as u64).collect();
        edges.extend(CUSTOMARY.map(|second| second * 1_000));
        edges.extend(targets(settings));
        edges.push(0);
        edges.sort_unstable();
        Cumulative { edges, histograms: BTreeMap::new(), taken_back: BTreeMap::new() }
    }

    /// The stays of a contact were these and are those.
    pub fn change(&mut self, before: &[Stay], after: &[Stay]) {
        // Sum and count of each bucket, now less before.
        type Difference = (i64, BTreeMap<u64, i64>);
        let mut differences: BTreeMap<(Rc<Lane>, (Measure, Quantity)), Difference> = BTreeMap::new();
        for (stays, sign) in [(before, -1), (after, 1)] {
            for stay in stays {
                for &(quantity, _, duration_ms) in &stay.durations {
                    let told = (stay.measure, quantity);
                    if !TOLD.contains(&told) {
                        continue;
                    }
                    let edge = *self.edges.iter().find(|&&edge| edge >= duration_ms).expect("it ends in some bucket");
                    let (sum, buckets) = differences.entry((Rc::clone(&stay.lane), told)).or_default();
                    *sum += sign * i64::try_from(duration_ms).expect("it is no millennium");
                    *buckets.entry(edge).or_default() += sign;
                }
            }
        }
        for ((lane, told), (sum, buckets)) in differences {
            for (edge, count) in buckets {
                if count > 0 {
                    let histogram = self.histograms.entry((Lane::clone(&lane), told)).or_default();
                    *histogram.buckets.entry(edge).or_default() += count.unsigned_abs();
                }
                if count < 0 {
                    self.taken_back.entry(told).or_default().0 += count.unsigned_abs();
                }
            }
            if sum > 0 {
                let histogram = self.histograms.entry((Lane::clone(&lane), told)).or_default();
                histogram.sum_ms += sum.unsigned_abs();
            }
            if sum < 0 {
                self.taken_back.entry(told).or_default().1 += sum.unsigned_abs();
            }
        }
    }
}

/// Every target of the settings, in milliseconds.
fn targets(settings: &Settings) -> Vec<u64> {
    let mut scopes: Vec<&Overlays> = Vec::new();
    for (_, row) in &settings.promises {
        scopes.push(&row.service);
        scopes.extend(row.queues.values());
        for said in row.measures.values() {
            scopes.push(&said.service);
            scopes.extend(said.queues.values());
        }
    }
    let mut targets = Vec::new();
    for scope in scopes {
        targets.extend(scope.all.answer_within_ms);
        targets
            .extend(scope.channel.values().chain(scope.tier.values()).filter_map(|overlay| overlay.answer_within_ms));
    }
    targets
}
