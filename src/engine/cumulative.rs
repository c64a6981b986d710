//! Cumulative histograms: how long what was ever measured took, for distributions over any span.
//!
//! As [`counters`](super::counters) they only go up, in the order of the log. What an event measures newly is added: to
//! the cell of its duration (see `edges`) and to the sum. What it takes back (a handle time is corrected, a resolved
//! contact is taken up again) is not subtracted but told beside them, as a correction. What it takes back from a cell and
//! adds to the same one is no change of the cell, and of the sum only the difference is told. So counts and sums exceed what windows
//! say by what was corrected, each for itself: a mean of them is off by a little where much is corrected.
//!
//! Nothing is judged here, and nothing is rounded: a cell tells nothing but how many there were.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::engine::board::{self, GroupBy, GroupKey};
use crate::engine::lane::Lanes;
use crate::engine::page::Speaks;
use crate::engine::shard::Shard;
use crate::engine::stay::Booking;
use crate::engine::tally::{Measure, Quantity};

mod edges;

pub use self::edges::{Edges, bounds, native_bucket};

/// What there is a histogram of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Timed {
    /// The wait of a visit that was answered.
    WaitAnswered,
    /// That of a visit whose customer gave up.
    WaitAbandoned,
    /// That of a visit that left some other way.
    WaitLeft,
    /// The handle time of a visit: that of [`Quantity::Handle`], which need not be what the measure of that name judges.
    Handle,
    /// From a contact's first offer to its first reply, if there was one.
    FirstReply,
    /// From a contact's first offer to its last resolution, if it is resolved.
    Resolution,
}

impl Timed {
    /// How many there are.
    pub const COUNT: usize = 6;

    /// All of them, in order.
    pub const ALL: [Timed; Timed::COUNT] = [
        Timed::WaitAnswered,
        Timed::WaitAbandoned,
        Timed::WaitLeft,
        Timed::Handle,
        Timed::FirstReply,
        Timed::Resolution,
    ];

    /// The measure whose bounds it has.
    pub const fn measure(self) -> Measure {
        match self {
            Timed::WaitAnswered | Timed::WaitAbandoned | Timed::WaitLeft => Measure::Wait,
            Timed::Handle => Measure::Handle,
            Timed::FirstReply => Measure::FirstReply,
            Timed::Resolution => Measure::Resolution,
        }
    }

    /// Under which measure, and as which quantity, windows tell of it.
    pub const fn booked_as(self) -> (Measure, Quantity) {
        match self {
            Timed::WaitAnswered => (Measure::Wait, Quantity::WaitAnswered),
            Timed::WaitAbandoned => (Measure::Wait, Quantity::WaitAbandoned),
            Timed::WaitLeft => (Measure::Wait, Quantity::WaitLeft),
            Timed::Handle => (Measure::Wait, Quantity::Handle),
            Timed::FirstReply => (Measure::FirstReply, Quantity::WaitAnswered),
            Timed::Resolution => (Measure::Resolution, Quantity::WaitAnswered),
        }
    }

    /// What a booking measures; none if there is no histogram of that. The handle time of a visit is booked with its wait.
    fn of(speaks: Speaks, quantity: Quantity) -> Option<Timed> {
        match (speaks, quantity) {
            (_, Quantity::WaitAnswered) if speaks.for_visit() => Some(Timed::WaitAnswered),
            (_, Quantity::WaitAbandoned) if speaks.for_visit() => Some(Timed::WaitAbandoned),
            (_, Quantity::WaitLeft) if speaks.for_visit() => Some(Timed::WaitLeft),
            (_, Quantity::Handle) if speaks.for_visit() => Some(Timed::Handle),
            (Speaks::ForFirstReply, Quantity::WaitAnswered) => Some(Timed::FirstReply),
            (Speaks::ForResolution, Quantity::WaitAnswered) => Some(Timed::Resolution),
            _ => None,
        }
    }
}

/// One histogram.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Histogram {
    /// Upper edge in milliseconds and how many, ascending, no edge twice, no count of zero.
    cells: Vec<(u64, u64)>,
    sum_ms: u64,
}

impl Histogram {
    /// The upper edges of the cells in milliseconds, ascending, and how many durations are in each.
    pub fn cells(&self) -> &[(u64, u64)] {
        &self.cells
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.cells.iter().map(|(_, count)| count).sum()
    }

    /// All durations together, in milliseconds.
    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// How many durations are within each of these bounds, which are in milliseconds and ascend. A cell is within a bound
    /// if all of it is: a bound that was no edge when something was counted takes what is in the cell around it for longer.
    pub fn within(&self, bounds: &[u64]) -> impl Iterator<Item = u64> {
        let mut cells = self.cells.iter().peekable();
        let mut within = 0;
        bounds.iter().map(move |bound| {
            while let Some((_, count)) = cells.next_if(|(edge, _)| edge <= bound) {
                within += count;
            }
            within
        })
    }

    /// Adds all of `other`.
    fn add(&mut self, other: &Histogram) {
        self.sum_ms += other.sum_ms;
        let mut at = 0;
        for &(edge, count) in &other.cells {
            at += self.cells[at..].iter().take_while(|(mine, _)| *mine < edge).count();
            match self.cells.get_mut(at) {
                Some((mine, sum)) if *mine == edge => *sum += count,
                _ => self.cells.insert(at, (edge, count)),
            }
        }
    }

    /// What was added since it was `earlier`.
    fn since(mut self, earlier: &Histogram) -> Histogram {
        let mut before = earlier.cells.iter().peekable();
        self.cells.retain_mut(|(edge, count)| {
            *count -= before.next_if(|(earlier, _)| earlier == edge).map_or(0, |(_, before)| *before);
            *count > 0
        });
        self.sum_ms -= earlier.sum_ms;
        self
    }

    fn add_to_cell(&mut self, edge: u64, count: u64) {
        match self.cells.binary_search_by_key(&edge, |(known, _)| *known) {
            Ok(at) => self.cells[at].1 += count,
            Err(at) => self.cells.insert(at, (edge, count)),
        }
    }
}

/// The histograms of a lane, or of several: of all of which something was ever measured.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Histograms(Vec<(Timed, Histogram)>);

impl Histograms {
    /// That of this one; none if nothing was ever measured of it.
    pub fn of(&self, timed: Timed) -> Option<&Histogram> {
        self.0.iter().find(|(known, _)| *known == timed).map(|(_, histogram)| histogram)
    }

    /// Whether nothing was ever measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Histograms) {
        for (timed, histogram) in &other.0 {
            self.of_mut(*timed).add(histogram);
        }
    }

    /// What was measured since they were `earlier`.
    pub fn since(mut self, earlier: &Histograms) -> Histograms {
        for (timed, histogram) in &mut self.0 {
            if let Some(earlier) = earlier.of(*timed) {
                *histogram = std::mem::take(histogram).since(earlier);
            }
        }
        self.0.retain(|(_, histogram)| *histogram != Histogram::default());
        self
    }

    fn of_mut(&mut self, timed: Timed) -> &mut Histogram {
        let at = self.0.binary_search_by_key(&timed, |(known, _)| *known).unwrap_or_else(|at| {
            self.0.insert(at, (timed, Histogram::default()));
            at
        });
        &mut self.0[at].1
    }

    /// Whether they can be what was encoded.
    pub(super) fn is_sound(&self) -> bool {
        let is_in_order = |cells: &[(u64, u64)]| cells.is_sorted_by(|one, next| one.0 < next.0);
        self.0.is_sorted_by(|one, next| one.0 < next.0)
            && self.0.iter().all(|(_, Histogram { cells, .. })| {
                !cells.is_empty() && is_in_order(cells) && cells.iter().all(|(_, count)| *count > 0)
            })
    }
}

/// What was measured and then taken back, of all lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Corrections([Correction; Timed::COUNT]);

/// What was taken back of one histogram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Correction {
    /// How many durations were taken out of a cell.
    pub count: u64,
    /// By how much the sum is too great, in milliseconds.
    pub sum_ms: u64,
}

impl Corrections {
    /// What was taken back of this one.
    pub fn of(&self, timed: Timed) -> Correction {
        self.0[timed as usize]
    }
}

impl AddAssign for Corrections {
    fn add_assign(&mut self, other: Corrections) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            mine.count += theirs.count;
            mine.sum_ms += theirs.sum_ms;
        }
    }
}

impl Sub for Corrections {
    type Output = Corrections;

    /// What was taken back since `earlier`, of the same shard.
    fn sub(mut self, earlier: Corrections) -> Corrections {
        for (mine, theirs) in self.0.iter_mut().zip(earlier.0) {
            mine.count -= theirs.count;
            mine.sum_ms -= theirs.sum_ms;
        }
        self
    }
}

/// What shards ever measured, by group.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HistogramsBy {
    /// By group; only ever goes up.
    pub groups: BTreeMap<GroupKey, Histograms>,
    /// Of that, taken back later.
    pub corrections: Corrections,
}

impl HistogramsBy {
    /// What one shard ever measured.
    pub fn of(shard: &Shard, by: GroupBy) -> HistogramsBy {
        let mut all = HistogramsBy { groups: BTreeMap::new(), corrections: shard.corrected };
        for lane in shard.lanes.iter().filter(|lane| !lane.histograms.is_empty()) {
            all.groups.entry(board::key_of(lane, &shard.lanes, by)).or_default().add(&lane.histograms);
        }
        all
    }

    /// The same by fewer labels.
    pub fn grouped(&self, by: GroupBy) -> HistogramsBy {
        let mut grouped = HistogramsBy { groups: BTreeMap::new(), corrections: self.corrections };
        for (key, histograms) in &self.groups {
            grouped.groups.entry(key.only(by)).or_default().add(histograms);
        }
        grouped
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &HistogramsBy) {
        for (key, histograms) in &other.groups {
            self.groups.entry(key.clone()).or_default().add(histograms);
        }
        self.corrections += other.corrections;
    }

    /// What was measured since `earlier`, of the same shard.
    pub fn since(mut self, earlier: &HistogramsBy) -> HistogramsBy {
        for (key, histograms) in &mut self.groups {
            if let Some(earlier) = earlier.groups.get(key) {
                *histograms = std::mem::take(histograms).since(earlier);
            }
        }
        self.groups.retain(|_, histograms| !histograms.is_empty());
        self.corrections = self.corrections - earlier.corrections;
        self
    }
}

/// What one event measures and takes back.
#[derive(Debug, Default)]
pub(super) struct Changes(SmallVec<[Duration; 2]>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Duration {
    lane: u32,
    timed: Timed,
    duration_ms: u64,
    is_booked: bool,
}

impl Changes {
    /// A booking as it was and as it is; none where there was or is none.
    pub(super) fn note(&mut self, taken: Option<&Booking>, booked: Option<&Booking>) {
        for (booking, is_booked) in [(taken, false), (booked, true)] {
            if let Some(&Booking { lane, speaks, measured: Some((quantity, duration_ms)), .. }) = booking
                && let Some(timed) = Timed::of(speaks, quantity)
            {
                self.0.push(Duration { lane, timed, duration_ms, is_booked });
            }
        }
    }

    /// Adds what goes up to the histograms of its lane, and what goes down to `corrections`.
    pub(super) fn apply(mut self, edges: &Edges, lanes: &mut Lanes, corrections: &mut Corrections) {
        if self.0.is_empty() {
            return;
        }
        self.0.sort_unstable();
        for of_one in self.0.chunk_by(|one, next| (one.lane, one.timed) == (next.lane, next.timed)) {
            let Duration { lane, timed, .. } = of_one[0];
            let histogram = Arc::make_mut(&mut lanes.lane_mut(lane).histograms).of_mut(timed);
            let correction = &mut corrections.0[timed as usize];
            let (longer_ms, shorter_ms) = net(of_one, |duration| duration.duration_ms);
            histogram.sum_ms += longer_ms;
            correction.sum_ms += shorter_ms;
            let is_same_cell =
                |one: &Duration, next: &Duration| edges.edge_of(one.duration_ms) == edges.edge_of(next.duration_ms);
            for of_cell in of_one.chunk_by(is_same_cell) {
                let (more, fewer) = net(of_cell, |_| 1);
                correction.count += fewer;
                if more > 0 {
                    histogram.add_to_cell(edges.edge_of(of_cell[0].duration_ms), more);
                }
            }
        }
    }
}

/// By how much more is booked than taken back, and by how much less.
fn net(durations: &[Duration], amount: fn(&Duration) -> u64) -> (u64, u64) {
    let sum =
        |is_booked| -> u64 { durations.iter().filter(|duration| duration.is_booked == is_booked).map(amount).sum() };
    let (booked, taken_back) = (sum(true), sum(false));
    (booked.saturating_sub(taken_back), taken_back.saturating_sub(booked))
}
