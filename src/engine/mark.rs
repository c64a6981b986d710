//! Measured durations, and counted letters, of one lane and hour, each with the contact it belongs to.
//!
//! A page keeps them one by one, so that the longest is exact, belongs to somebody, and can be taken back. They are in
//! order of slots, because windows ask for some slots and a take-back for one mark. What is taken back is struck out and
//! swept up later: taking back all of a busy hour must not take that hour squared.

use crate::engine::page::Speaks;
use crate::engine::store::Handle;
use crate::engine::tally::Quantity;

/// A measured duration.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Slot (9 bits), measures (4), quantity (3), duration (47), struck (1).
    key: u64,
    /// Whose it is; the record may have been forgotten since.
    pub contact: Handle,
}

const SLOT_SHIFT: u32 = 55;
const SPEAKS_SHIFT: u32 = 51;
const QUANTITY_SHIFT: u32 = 48;
const DURATION_SHIFT: u32 = 1;
const STRUCK: u64 = 1;

/// The longest duration that can be told, in milliseconds: more than four thousand years, more than any two events lie
/// apart.
const LONGEST_MS: u64 = (1 << (QUANTITY_SHIFT - DURATION_SHIFT)) - 1;

impl Mark {
    /// A duration in milliseconds, measured in this slot of a page.
    pub fn new(slot: u16, speaks: Speaks, quantity: Quantity, duration_ms: u64, contact: Handle) -> Mark {
        let group =
            u64::from(slot) << SLOT_SHIFT | (speaks as u64) << SPEAKS_SHIFT | (quantity as u64) << QUANTITY_SHIFT;
        Mark { key: group | duration_ms.min(LONGEST_MS) << DURATION_SHIFT, contact }
    }

    /// The mark of this key, as [`Mark::key`] gave it; none if it is no mark's key.
    pub fn from_key(key: u64, contact: Handle) -> Option<Mark> {
        let speaks = usize::try_from(key >> SPEAKS_SHIFT & 0xF).ok()?;
        let quantity = usize::try_from(key >> QUANTITY_SHIFT & 7).ok()?;
        let sound = key & STRUCK == 0 && speaks < Speaks::ALL.len() && quantity < Quantity::COUNT;
        sound.then_some(Mark { key, contact })
    }

    /// All that tells marks apart but the contact.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// The duration in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.key >> DURATION_SHIFT & LONGEST_MS
    }

    /// What was measured.
    pub fn quantity(&self) -> Quantity {
        Quantity::ALL[(self.key >> QUANTITY_SHIFT & 7) as usize % Quantity::COUNT]
    }

    /// Which measures it speaks for.
    pub fn speaks(&self) -> Speaks {
        Speaks::ALL[(self.key >> SPEAKS_SHIFT & 0xF) as usize % Speaks::ALL.len()]
    }

    /// The slot of its page.
    pub fn slot(&self) -> u16 {
        (self.key >> SLOT_SHIFT) as u16
    }

    fn is_struck(&self) -> bool {
        self.key & STRUCK != 0
    }

    fn order(&self) -> (u64, Handle) {
        (self.key & !STRUCK, self.contact)
    }
}

/// The marks of one page.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// In order of slots, then of all else that tells them apart.
    marks: Vec<Mark>,
    struck: usize,
}

impl Marks {
    /// Marks in any order.
    pub fn of(mut marks: Vec<Mark>) -> Marks {
        marks.sort_unstable_by_key(Mark::order);
        Marks { marks, struck: 0 }
    }

    /// Adds one. Most are among the newest, so its place is looked for from the end.
    pub fn add(&mut self, mark: Mark) {
        let (mut end, mut stride) = (self.marks.len(), 1);
        while end >= stride && self.marks[end - stride].order() > mark.order() {
            end -= stride;
            stride *= 2;
        }
        let begin = end.saturating_sub(stride);
        let place = begin + self.marks[begin..end].partition_point(|there| there.order() <= mark.order());
        self.marks.insert(place, mark);
    }

    /// Takes one back that was added.
    pub fn take_back(&mut self, mark: &Mark) {
        let first = self.marks.partition_point(|there| there.order() < mark.order());
        let mut same = self.marks[first..].iter_mut().take_while(|there| there.order() == mark.order());
        same.find(|there| !there.is_struck()).expect("what is taken back was booked").key |= STRUCK;
        self.struck += 1;
        if self.struck * 2 > self.marks.len() {
            self.sweep();
        }
    }

    /// Cuts slots to multiples of `ratio` fine ones.
    pub fn coarsen(&mut self, ratio: u16) {
        self.sweep();
        for mark in &mut self.marks {
            let slot = mark.slot();
            *mark = Mark::new(slot - slot % ratio, mark.speaks(), mark.quantity(), mark.duration_ms(), mark.contact);
        }
        self.marks.sort_unstable_by_key(Mark::order);
        self.marks.shrink_to_fit();
    }

    /// The marks of slots from `low` to before `high`, in order of slots.
    pub fn in_slots(&self, low: u32, high: u32) -> impl Iterator<Item = &Mark> {
        let first = self.marks.partition_point(|mark| u32::from(mark.slot()) < low);
        let within = self.marks[first..].iter().take_while(move |mark| u32::from(mark.slot()) < high);
        within.filter(|mark| !mark.is_struck())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.marks.len() == self.struck
    }

    fn sweep(&mut self) {
        self.marks.retain(|mark| !mark.is_struck());
        self.struck = 0;
    }
}
