//! A distribution of durations: a sparse HDR histogram with its exact count, sum and maximum.
//!
//! Values fall into the cells that HdrHistogram defines for three significant digits from 1 ms up: below 2,048 ms each
//! value has a cell of its own, above it a cell is at most 0.1 % wide. Only cells in use are kept, because most lanes
//! see a handful of contacts in a window and a dense histogram of five days takes 140 KiB. [`Distribution::to_hdr`]
//! gives the dense form of the `hdrhistogram` crate.
//!
//! It never answers a service level: a cell is wider than the threshold is exact. An empty distribution has no mean, no
//! quantile and no maximum.

use hdrhistogram::Histogram;

/// Significant decimal digits that a cell keeps.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Cells a power of two is divided into.
const HALF: u64 = 1024;

/// Durations in milliseconds, counted by HDR cell. Merging adds cell by cell; count, sum and maximum stay exact.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Distribution {
    /// Cell number and how many, ascending, no cell twice, no count of zero.
    cells: Vec<(u32, u64)>,
    count: u64,
    sum_ms: u64,
    max_ms: u64,
}

impl Distribution {
    /// The distribution of these durations in milliseconds.
    pub fn of(durations: impl IntoIterator<Item = u64>) -> Distribution {
        let mut collector = Collector::default();
        durations.into_iter().for_each(|duration| collector.record(duration));
        collector.take()
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Distribution) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        self.count += other.count;
        self.sum_ms += other.sum_ms;
        self.max_ms = self.max_ms.max(other.max_ms);
        let mine = std::mem::take(&mut self.cells);
        let mut merged = Vec::with_capacity(mine.len() + other.cells.len());
        let (mut left, mut right) = (mine.into_iter().peekable(), other.cells.iter().copied().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(&(a, n)), Some(&(b, m))) if a == b => {
                    right.next();
                    left.next();
                    (a, n + m)
                }
                (Some(&(a, n)), Some(&(b, _))) if a < b => {
                    left.next();
                    (a, n)
                }
                (_, Some(&cell)) => {
                    right.next();
                    cell
                }
                (Some(&cell), None) => {
                    left.next();
                    cell
                }
                (None, None) => break,
            };
            merged.push(next);
        }
        self.cells = merged;
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// All durations together, in milliseconds, exact.
    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// The longest, in milliseconds, exact; none if empty.
    pub fn max_ms(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max_ms)
    }

    /// The mean in milliseconds, from the exact sum; none if empty.
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ms as f64 / self.count as f64)
    }

    /// The duration at nearest rank `⌈count × per_mille / 1000⌉`, at least the first, in milliseconds: the upper end of
    /// its cell, but never more than the maximum. None if empty.
    pub fn quantile_ms(&self, per_mille: u64) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0_u128;
        for &(cell, count) in &self.cells {
            seen += u128::from(count);
            if seen >= rank {
                return Some(highest_of(cell).min(self.max_ms));
            }
        }
        self.max_ms()
    }

    /// The cells in use, ascending: lowest value in milliseconds, highest value, count.
    pub fn cells(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        self.cells.iter().map(|&(cell, count)| (lowest_of(cell), highest_of(cell), count))
    }

    /// The same counts as the dense histogram of the `hdrhistogram` crate, in milliseconds.
    pub fn to_hdr(&self) -> Histogram<u64> {
        let mut dense = Histogram::new(SIGNIFICANT_DIGITS).expect("three digits are within the crate's bounds");
        dense.auto(true);
        for (lowest, _, count) in self.cells() {
            dense.record_n(lowest, count).expect("an automatic histogram takes any value");
        }
        dense
    }
}

/// Collects durations into a distribution, and is empty again afterwards: a dense histogram of which only the cells in
/// use are ever looked at, so that it can be used for one lane after another.
#[derive(Debug, Default)]
pub struct Collector {
    counts: Vec<u64>,
    /// A bit for each cell in use.
    used: Vec<u64>,
    count: u64,
    sum_ms: u64,
    max_ms: u64,
}

impl Collector {
    /// Adds a duration in milliseconds.
    pub fn record(&mut self, duration_ms: u64) {
        let cell = cell_of(duration_ms) as usize;
        if cell >= self.counts.len() {
            self.used.resize(cell / 64 + 1, 0);
            self.counts.resize(self.used.len() * 64, 0);
        }
        self.counts[cell] += 1;
        self.used[cell / 64] |= 1 << (cell % 64);
        self.count += 1;
        self.sum_ms += duration_ms;
        self.max_ms = self.max_ms.max(duration_ms);
    }

    /// The distribution of all that was added; nothing is left.
    pub fn take(&mut self) -> Distribution {
        let mut cells = Vec::with_capacity(usize::try_from(self.count.min(256)).expect("a small number"));
        if self.count > 0 {
            for (at, word) in self.used.iter_mut().enumerate() {
                let mut bits = std::mem::take(word);
                while bits != 0 {
                    let cell = at * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let number = u32::try_from(cell).expect("64-bit values have fewer than 2^17 cells");
                    cells.push((number, std::mem::take(&mut self.counts[cell])));
                }
            }
        }
        cells.shrink_to_fit();
        let (count, sum_ms, max_ms) = (self.count, self.sum_ms, self.max_ms);
        (self.count, self.sum_ms, self.max_ms) = (0, 0, 0);
        Distribution { cells, count, sum_ms, max_ms }
    }
}

/// The HDR cell of a duration: values below 2,048 each have their own, then 1,024 cells a power of two.
fn cell_of(value: u64) -> u32 {
    let shift = u64::from(64 - (value | (2 * HALF - 1)).leading_zeros()) - 11;
    let cell = shift * HALF + (value >> shift);
    u32::try_from(cell).expect("64-bit values have fewer than 2^17 cells")
}

fn shift_of(cell: u32) -> u64 {
    (u64::from(cell) / HALF).saturating_sub(1)
}

fn lowest_of(cell: u32) -> u64 {
    let shift = shift_of(cell);
    (u64::from(cell) - shift * HALF) << shift
}

fn highest_of(cell: u32) -> u64 {
    lowest_of(cell) + ((1 << shift_of(cell)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_those_of_the_hdrhistogram_crate() {
        let dense = Histogram::<u64>::new_with_bounds(1, u64::MAX / 4, SIGNIFICANT_DIGITS).unwrap();
        let mut value = 0_u64;
        while value < 1 << 45 {
            let cell = cell_of(value);
            assert_eq!(lowest_of(cell), dense.lowest_equivalent(value), "lowest of {value}");
            assert_eq!(highest_of(cell), dense.highest_equivalent(value), "highest of {value}");
            value += 1 + value / 1000;
        }
    }

    #[test]
    fn nothing_has_no_mean_no_quantile_and_no_maximum() {
        let empty = Distribution::default();
        assert_eq!((empty.mean_ms(), empty.quantile_ms(500), empty.max_ms()), (None, None, None));
    }

    #[test]
    fn quantiles_are_nearest_rank() {
        let ten = Distribution::of((1..=10).map(|n| n * 100));
        assert_eq!(ten.quantile_ms(500), Some(500));
        assert_eq!(ten.quantile_ms(900), Some(900));
        assert_eq!(ten.quantile_ms(901), Some(1000));
        assert_eq!(ten.quantile_ms(0), Some(100));
        assert_eq!(ten.mean_ms(), Some(550.0));
    }

    #[test]
    fn a_quantile_never_exceeds_the_maximum() {
        let one = Distribution::of([2_193_000]);
        assert_eq!(one.quantile_ms(500), Some(2_193_000));
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let durations = (0..500).map(|n| n * n * 37 % 90_001);
        let mut merged = Distribution::of(durations.clone().take(123));
        merged.merge(&Distribution::of(durations.clone().skip(123)));
        assert_eq!(merged, Distribution::of(durations));
        assert_eq!(merged.to_hdr().len(), 500);
    }
}
