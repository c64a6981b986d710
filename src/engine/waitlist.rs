//! Who waits in one lane, and who is in service there: by what it counts for, the longest waiting first.
//!
//! An entry is one number, so that finding its place among thousands costs few comparisons: 4 bits of [`Speaks`], 42 of
//! time, 64 of the contact's handle, and one that tells whether it is due at some time.

use std::collections::BTreeSet;

use crate::engine::page::Speaks;
use crate::engine::store::Handle;

/// A wait that nothing has ended, or a handling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Undecided {
    /// When it began, in milliseconds.
    pub since: u64,
    /// Whose it is.
    pub contact: Handle,
    /// What it counts for.
    pub speaks: Speaks,
    /// Whether it is due at some time.
    pub is_due: bool,
}

/// Who waits in one lane, and who is in service; those who have expired too, until they are forgotten.
#[derive(Clone, Debug, Default)]
pub struct Waitlist {
    entries: BTreeSet<u128>,
    /// How many there are, and how many of them are due at some time, by [`Speaks`].
    counts: [(u32, u32); Speaks::COUNT],
}

impl Waitlist {
    /// Lists it, unless it is listed.
    pub fn insert(&mut self, stay: Undecided) {
        if self.entries.insert(stay.entry()) {
            let (count, due) = &mut self.counts[stay.speaks as usize];
            *count += 1;
            *due += u32::from(stay.is_due);
        }
    }

    /// Strikes it, if it is listed.
    pub fn remove(&mut self, stay: Undecided) {
        if self.entries.remove(&stay.entry()) {
            let (count, due) = &mut self.counts[stay.speaks as usize];
            *count -= 1;
            *due -= u32::from(stay.is_due);
        }
    }

    /// How many there are, by [`Speaks`].
    pub fn counts(&self) -> [u64; Speaks::COUNT] {
        self.counts.map(|(count, _)| count.into())
    }

    /// How many of them are due at some time, by [`Speaks`].
    pub fn due_counts(&self) -> [u64; Speaks::COUNT] {
        self.counts.map(|(_, due)| due.into())
    }

    /// Those that count for this, the longest waiting first.
    pub fn of(&self, speaks: Speaks) -> impl Iterator<Item = Undecided> {
        let first = (speaks as u128) << SPEAKS_SHIFT;
        let range = self.entries.range(first..first + (1 << SPEAKS_SHIFT));
        range.map(move |&entry| Undecided::of_entry(entry, speaks))
    }
}

const CONTACT_SHIFT: u32 = 1;
const SINCE_SHIFT: u32 = CONTACT_SHIFT + 64;
const SPEAKS_SHIFT: u32 = SINCE_SHIFT + 42;

impl Undecided {
    fn entry(self) -> u128 {
        (self.speaks as u128) << SPEAKS_SHIFT
            | u128::from(self.since) << SINCE_SHIFT
            | u128::from(self.contact.to_bits()) << CONTACT_SHIFT
            | u128::from(self.is_due)
    }

    #[expect(clippy::cast_possible_truncation, reason = "each part is as wide as it was")]
    fn of_entry(entry: u128, speaks: Speaks) -> Undecided {
        Undecided {
            since: (entry >> SINCE_SHIFT) as u64 & ((1 << 42) - 1),
            contact: Handle::from_bits((entry >> CONTACT_SHIFT) as u64),
            speaks,
            is_due: entry & 1 == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventTime;

    #[test]
    fn who_waits_is_listed_by_what_it_counts_for_and_since_when() {
        let stay = |speaks, since, contact, is_due| {
            let contact = Handle::from_bits(contact);
            Undecided { since, contact, speaks, is_due }
        };
        let last = EventTime::MAX.millis();
        let mut listed = Waitlist::default();
        let of_wait = [
            stay(Speaks::ForWait, 0, u64::MAX, true),
            stay(Speaks::ForWait, 5, 1, false),
            stay(Speaks::ForWait, 5, 2, true),
            stay(Speaks::ForWait, last, 0, true),
        ];
        let others = [stay(Speaks::ForBoth, last, u64::MAX, true), stay(Speaks::ForContactWait, 0, 0, false)];
        of_wait.iter().rev().chain(&others).for_each(|stay| listed.insert(*stay));
        assert_eq!(listed.of(Speaks::ForWait).collect::<Vec<_>>(), of_wait);
        assert_eq!(listed.of(Speaks::ForEffort).count(), 0);
        let wait = Speaks::ForWait as usize;
        assert_eq!((listed.counts()[wait], listed.due_counts()[wait]), (4, 3));
        of_wait[1..].iter().for_each(|stay| listed.remove(*stay));
        assert_eq!(listed.of(Speaks::ForWait).collect::<Vec<_>>(), of_wait[..1]);
        assert_eq!((listed.counts()[wait], listed.due_counts()[wait]), (1, 1));
        assert_eq!(listed.counts().iter().sum::<u64>(), 3);
    }
}
