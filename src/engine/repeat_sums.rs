//! Counts of repeat contacts of one group by time, in three widths at once, so that a window of a day is the sum of a few
//! dozen numbers and not of thousands.
//!
//! Fine slots serve the end of a window, coarse ones its beginning, hours all between. What no window can reach any more
//! is dropped.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::engine::repeats::RepeatCounts;
use crate::engine::settings::SlotWidths;
use crate::engine::sums::floor;

const HOUR_MS: u64 = 3_600_000;

/// Which spans a life repeats another within: a bit each, in the order of the settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Within(pub(super) u8);

impl Within {
    pub(super) fn has(self, span: usize) -> bool {
        self.0 >> span & 1 == 1
    }
}

/// Lives whose customer is known, then those that repeat another within each span.
type Counts = SmallVec<[u32; 4]>;

/// The counts of one group.
#[derive(Clone, Debug)]
pub(super) struct RepeatSums {
    /// Spans that are counted for.
    spans: usize,
    /// Fine slots, coarse slots and hours by their beginnings in milliseconds; empty ones are not there.
    slots: [BTreeMap<u64, Counts>; 3],
    widths_ms: [u64; 3],
    /// Before this, in milliseconds, there is none of each width.
    dropped_before: [u64; 3],
    /// What was ever counted for each span, while it was news.
    pub(super) counted: Vec<u64>,
}

impl RepeatSums {
    pub(super) fn new(spans: usize, widths: SlotWidths) -> RepeatSums {
        RepeatSums {
            spans,
            slots: Default::default(),
            widths_ms: [widths.fine_ms, widths.coarse_ms, HOUR_MS],
            dropped_before: [0; 3],
            counted: vec![0; spans],
        }
    }

    /// Counts a life that was offered at this time.
    pub(super) fn add(&mut self, offered_at: u64, within: Within) {
        self.change(offered_at, within, |count| *count += 1);
    }

    /// Takes back what was counted of it.
    pub(super) fn take_back(&mut self, offered_at: u64, within: Within) {
        self.change(offered_at, within, |count| *count -= 1);
    }

    fn change(&mut self, offered_at: u64, within: Within, change: impl Fn(&mut u32)) {
        for ((slots, width), dropped_before) in self.slots.iter_mut().zip(self.widths_ms).zip(self.dropped_before) {
            let slot = floor(offered_at, width);
            if slot < dropped_before {
                continue;
            }
            let counts = slots.entry(slot).or_insert_with(|| SmallVec::from_elem(0, 1 + self.spans));
            change(&mut counts[0]);
            let repeated = counts[1..].iter_mut().enumerate().filter(|(span, _)| within.has(*span));
            repeated.for_each(|(_, count)| change(count));
            if counts[0] == 0 {
                slots.remove(&slot);
            }
        }
    }

    /// Drops fine slots before the first edge and all others before the second, in milliseconds; both are full hours.
    pub(super) fn drop_before(&mut self, fine: u64, others: u64) {
        for ((slots, edge), dropped_before) in
            self.slots.iter_mut().zip([fine, others, others]).zip(&mut self.dropped_before)
        {
            if edge > *dropped_before {
                *slots = slots.split_off(&edge);
                *dropped_before = edge;
            }
        }
    }

    /// What was counted from one edge to another, in milliseconds: the first of a coarse slot, the second of a fine one.
    pub(super) fn between(&self, from: u64, to: u64) -> RepeatCounts {
        let mut counts = RepeatCounts::none(self.spans);
        // What whole slots of a width do not cover is covered by narrower ones, on both sides.
        let [_, coarse, hour] = self.widths_ms;
        let (first_hour, last_hour) = (from.next_multiple_of(hour), floor(to, hour));
        let last_coarse = floor(to, coarse).max(from);
        let parts: [(usize, u64, u64); 4] = if first_hour < last_hour {
            [(1, from, first_hour), (2, first_hour, last_hour), (1, last_hour, last_coarse), (0, last_coarse, to)]
        } else {
            [(1, from, last_coarse), (0, last_coarse, to), (0, to, to), (0, to, to)]
        };
        for (level, from, to) in parts.into_iter().filter(|(_, from, to)| from < to) {
            for slot in self.slots[level].range(from..to).map(|(_, slot)| slot) {
                counts.known += u64::from(slot[0]);
                counts.repeated.iter_mut().zip(&slot[1..]).for_each(|(sum, count)| *sum += u64::from(*count));
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn spans_are_summed_as_by_hand() {
        let mut sums = RepeatSums::new(2, SlotWidths::default());
        // One each 10 s for five hours, every second within the first span, every third within the second.
        let within = |number: u64| Within(u8::from(number.is_multiple_of(2)) | u8::from(number.is_multiple_of(3)) << 1);
        for number in 0..1800 {
            sums.add(number * 10_000 + 9_999, within(number));
        }
        for (from, to) in [(0, 1), (0, 300 * MINUTE), (7, 293), (61, 119), (60, 120), (59, 121), (59, 60), (30, 30)] {
            for rest in [0, 10_000, 50_000] {
                let (from, to) = (from * MINUTE, (to * MINUTE + rest).min(300 * MINUTE));
                let numbers = || from / 10_000..to / 10_000;
                let expected = RepeatCounts {
                    known: numbers().count() as u64,
                    repeated: [0, 1].map(|span| numbers().filter(|n| within(*n).has(span)).count() as u64).to_vec(),
                };
                assert_eq!(sums.between(from.min(to), to), expected, "{from} {to}");
            }
        }
    }

    #[test]
    fn what_was_dropped_is_neither_counted_nor_taken_back() {
        let mut sums = RepeatSums::new(1, SlotWidths::default());
        sums.add(30 * MINUTE, Within(1));
        sums.add(90 * MINUTE, Within(1));
        sums.drop_before(120 * MINUTE, 60 * MINUTE);
        sums.take_back(30 * MINUTE, Within(1));
        sums.add(31 * MINUTE, Within(1));
        assert_eq!(sums.between(0, 180 * MINUTE), RepeatCounts { known: 1, repeated: vec![1] });
        sums.take_back(90 * MINUTE, Within(1));
        assert_eq!(sums.between(0, 180 * MINUTE), RepeatCounts::none(1));
        assert!(sums.slots.iter().all(BTreeMap::is_empty));
    }
}
