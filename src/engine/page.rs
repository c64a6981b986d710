//! Slots: what is booked in one lane, by time.
//!
//! Event time is cut into pages of an hour, a page into slots. A page holds only what was booked: a sorted list of
//! (slot, measures, cell) with a count, and a list of measured durations, each with the contact it belongs to. So a lane
//! costs what happens in it, whether its deadlines lie in 20 seconds or in 45 days, and a wild time costs one page.
//!
//! Every booking can be taken back. Old pages are cut coarser, once, when the shard says so. A page does not know what
//! `now` is; who sums a span decides what has passed.

use std::sync::Arc;

use crate::engine::mark::{Mark, Marks};
use crate::engine::settings::SlotWidths;
use crate::engine::store::Handle;
use crate::engine::tally::{Cell, CellSet, Cells, Measure, Quantity};
use crate::event::EventTime;

/// The span of a page in milliseconds.
pub const PAGE_MS: u64 = 3_600_000;

/// Which measures a booking speaks for. Most contacts make one visit, and then the visit's wait is the contact's wait:
/// booking both at once keeps the second measure free. What speaks for a visit or its handling also tells whether the
/// contact is a ticket: a ticket is in the backlog by its resolution, any other contact by its visits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Speaks {
    /// For [`Measure::Wait`] and [`Measure::ContactWait`].
    ForBoth,
    /// For [`Measure::Wait`] alone: one visit of several.
    ForWait,
    /// For [`Measure::ContactWait`] alone: a contact with several visits.
    ForContactWait,
    /// For [`Measure::FirstReply`].
    ForFirstReply,
    /// For [`Measure::NextReply`].
    ForNextReply,
    /// For [`Measure::FirstResolution`].
    ForFirstResolution,
    /// For [`Measure::Resolution`].
    ForResolution,
    /// For [`Measure::Handle`].
    ForHandle,
    /// As [`Speaks::ForBoth`], of a ticket.
    ForBothOfTicket,
    /// As [`Speaks::ForWait`], of a ticket.
    ForWaitOfTicket,
    /// As [`Speaks::ForHandle`], of a ticket.
    ForHandleOfTicket,
    /// For [`Measure::Effort`].
    ForEffort,
}

impl Speaks {
    /// How many there are.
    pub const COUNT: usize = 12;

    /// All of them, in order.
    pub const ALL: [Speaks; Speaks::COUNT] = [
        Speaks::ForBoth,
        Speaks::ForWait,
        Speaks::ForContactWait,
        Speaks::ForFirstReply,
        Speaks::ForNextReply,
        Speaks::ForFirstResolution,
        Speaks::ForResolution,
        Speaks::ForHandle,
        Speaks::ForBothOfTicket,
        Speaks::ForWaitOfTicket,
        Speaks::ForHandleOfTicket,
        Speaks::ForEffort,
    ];

    /// All that speak for this measure.
    pub const fn all_for(measure: Measure) -> &'static [Speaks] {
        use Speaks::{
            ForBoth, ForBothOfTicket, ForContactWait, ForEffort, ForFirstReply, ForFirstResolution, ForHandle,
            ForHandleOfTicket, ForNextReply, ForResolution, ForWait, ForWaitOfTicket,
        };
        match measure {
            Measure::Wait => &[ForBoth, ForWait, ForBothOfTicket, ForWaitOfTicket],
            Measure::ContactWait => &[ForBoth, ForContactWait, ForBothOfTicket],
            Measure::FirstReply => &[ForFirstReply],
            Measure::NextReply => &[ForNextReply],
            Measure::FirstResolution => &[ForFirstResolution],
            Measure::Resolution => &[ForResolution],
            Measure::Handle => &[ForHandle, ForHandleOfTicket],
            Measure::Backlog => &[ForBoth, ForWait, ForHandle, ForResolution],
            Measure::Effort => &[ForEffort],
        }
    }

    /// Whether it speaks for this measure.
    pub fn for_measure(self, measure: Measure) -> bool {
        Speaks::all_for(measure).contains(&self)
    }

    /// Whether it speaks for the wait of a visit.
    pub fn for_visit(self) -> bool {
        matches!(self, Speaks::ForBoth | Speaks::ForWait | Speaks::ForBothOfTicket | Speaks::ForWaitOfTicket)
    }

    /// Whether it speaks for the handling of a visit.
    pub fn for_handling(self) -> bool {
        matches!(self, Speaks::ForHandle | Speaks::ForHandleOfTicket)
    }

    /// What speaks for the handling of a visit for which this speaks.
    pub fn of_handling(self) -> Speaks {
        match self {
            Speaks::ForBothOfTicket | Speaks::ForWaitOfTicket => Speaks::ForHandleOfTicket,
            _ => Speaks::ForHandle,
        }
    }
}

/// One hour of a lane.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Slot (9 bits), measures (4), cell (4), count (15), ascending. A count beyond 15 bits takes several entries.
    counts: Vec<u32>,
    marks: Marks,
}

const COUNT_BITS: u32 = 15;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

impl Page {
    /// Books one of each of these cells in the group (slot and measures) that begins at `group`.
    fn add(&mut self, group: u32, cells: CellSet) {
        let mut at = self.place_of(group);
        for cell in cells.iter() {
            let key = group | cell as u32;
            at = self.end_of(at, key);
            match at.checked_sub(1).map(|before| &mut self.counts[before]) {
                Some(entry) if *entry >> COUNT_BITS == key && *entry & COUNT_MAX < COUNT_MAX => *entry += 1,
                _ => self.counts.insert(at, key << COUNT_BITS | 1),
            }
        }
    }

    /// Takes back one of each of these cells.
    fn take_back(&mut self, group: u32, cells: CellSet) {
        let mut at = self.place_of(group);
        for cell in cells.iter() {
            let key = group | cell as u32;
            at = self.end_of(at, key);
            let before = at.checked_sub(1).filter(|&before| self.counts[before] >> COUNT_BITS == key);
            let before = before.expect("what is taken back was booked");
            if self.counts[before] & COUNT_MAX == 1 {
                self.counts.remove(before);
                at = before;
            } else {
                self.counts[before] -= 1;
            }
        }
    }

    /// Where entries from this key on begin. What is booked is mostly among the newest, so the search strides back from
    /// the end and halves only the last stride.
    fn place_of(&self, key: u32) -> usize {
        let (mut end, mut stride) = (self.counts.len(), 1);
        while end >= stride && self.counts[end - stride] >> COUNT_BITS >= key {
            end -= stride;
            stride *= 2;
        }
        let begin = end.saturating_sub(stride);
        begin + self.counts[begin..end].partition_point(|entry| entry >> COUNT_BITS < key)
    }

    /// From `at` on, where entries beyond this key begin: a few further at most.
    fn end_of(&self, at: usize, key: u32) -> usize {
        let further = self.counts[at..].iter().take_while(|&entry| entry >> COUNT_BITS <= key);
        at + further.count()
    }

    /// Cuts slots to multiples of `ratio` fine ones.
    fn coarsen(&mut self, ratio: u16) {
        let mut merged: Vec<u32> = Vec::with_capacity(self.counts.len());
        let fine = std::mem::take(&mut self.counts);
        let slot_shift = COUNT_BITS + SLOT_SHIFT;
        let coarse = |entry: u32| {
            let slot = entry >> slot_shift;
            entry & ((1 << slot_shift) - 1) | (slot - slot % u32::from(ratio)) << slot_shift
        };
        let mut entries: Vec<u32> = fine.into_iter().map(coarse).collect();
        entries.sort_unstable();
        for entry in entries {
            match merged.last_mut() {
                Some(last) if *last >> COUNT_BITS == entry >> COUNT_BITS => {
                    let sum = (*last & COUNT_MAX) + (entry & COUNT_MAX);
                    let full = sum.min(COUNT_MAX);
                    *last = *last & !COUNT_MAX | full;
                    if sum > full {
                        merged.push(entry & !COUNT_MAX | (sum - full));
                    }
                }
                _ => merged.push(entry),
            }
        }
        merged.shrink_to_fit();
        self.counts = merged;
        self.marks.coarsen(ratio);
    }

    fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.marks.is_empty()
    }

    /// The counts as they are held, for encoding.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The marks.
    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.marks.in_slots(0, u32::MAX)
    }
}

const SLOT_SHIFT: u32 = 8;

/// Whether an entry of a page's counts, of so many slots, can be one.
fn is_sound(entry: u32, slots: u64) -> bool {
    let (speaks, cell) = (entry >> (COUNT_BITS + 4) & 0xF, entry >> COUNT_BITS & 0xF);
    let known = (speaks as usize) < Speaks::ALL.len() && (cell as usize) < Cell::COUNT;
    known && entry & COUNT_MAX > 0 && u64::from(entry >> (COUNT_BITS + SLOT_SHIFT)) < slots
}

/// What is booked in one lane.
#[derive(Clone, Debug)]
pub struct Pages {
    widths: SlotWidths,
    /// Number of the page (hours since the epoch) and page, ascending, none empty. A clone shares each until one of the two
    /// changes it.
    pages: Vec<(u64, Arc<Page>)>,
    /// Pages before this one have coarse slots.
    coarse_before: u64,
    /// Pages before this one were dropped; what would be booked there is not.
    dropped_before: u64,
}

/// Whether something is booked or taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is booked.
    Book,
    /// It is taken back.
    TakeBack,
}

impl Pages {
    /// No pages yet.
    pub fn new(widths: SlotWidths) -> Pages {
        Pages { widths, pages: Vec::new(), coarse_before: 0, dropped_before: 0 }
    }

    /// Books one of each of these cells, or takes them back, in the slot of this time. False, and nothing is changed, if
    /// its page was let go of.
    pub fn count(&mut self, change: Change, time: u64, speaks: Speaks, cells: CellSet) -> bool {
        if cells.is_empty() {
            return true;
        }
        let Some((page, slot)) = self.page_and_slot(time) else { return false };
        let group = u32::from(slot) << SLOT_SHIFT | (speaks as u32) << 4;
        match change {
            Change::Book => self.page_mut(page).add(group, cells),
            Change::TakeBack => self.page_mut(page).take_back(group, cells),
        }
        self.drop_if_empty(page);
        true
    }

    /// Books a duration of this contact, or takes it back, in the slot of this time.
    pub fn measure(
        &mut self,
        change: Change,
        time: u64,
        speaks: Speaks,
        (quantity, duration_ms): (Quantity, u64),
        contact: Handle,
    ) {
        let Some((page, slot)) = self.page_and_slot(time) else { return };
        let mark = Mark::new(slot, speaks, quantity, duration_ms, contact);
        match change {
            Change::Book => self.page_mut(page).marks.add(mark),
            Change::TakeBack => self.page_mut(page).marks.take_back(&mark),
        }
        self.drop_if_empty(page);
    }

    /// Gives pages that end at or before `coarse_until` coarse slots, and lets go of those that end at or before
    /// `drop_until`, both in milliseconds. Calls `dropped` with slot start, measures, cell and count of what is let go of.
    pub fn age(&mut self, coarse_until: u64, drop_until: u64, dropped: impl FnMut(u64, Speaks, Cell, u64)) {
        let coarse_before = coarse_until / PAGE_MS;
        let ratio = self.coarse_slots();
        for (number, page) in &mut self.pages {
            if (self.coarse_before..coarse_before).contains(number) {
                Arc::make_mut(page).coarsen(ratio);
            }
        }
        self.coarse_before = self.coarse_before.max(coarse_before);
        self.dropped_before = self.dropped_before.max(drop_until / PAGE_MS);
        self.each_count(0, self.dropped_before * PAGE_MS, dropped);
        let dropped = self.pages.partition_point(|(number, _)| *number < self.dropped_before);
        self.pages.drain(..dropped);
    }

    /// Everything booked in `[from, to)`, both in milliseconds: calls `visit` with slot start, measures, cell and
    /// count, in ascending order of slots.
    pub fn each_count(&self, from: u64, to: u64, mut visit: impl FnMut(u64, Speaks, Cell, u64)) {
        for (start, page) in self.pages_touching(from, to) {
            let low = self.slot_bound(start, from);
            let high = self.slot_bound(start, to);
            let first = page.counts.partition_point(|&entry| entry >> (COUNT_BITS + SLOT_SHIFT) < low);
            for &entry in &page.counts[first..] {
                let slot = entry >> (COUNT_BITS + SLOT_SHIFT);
                if slot >= high {
                    break;
                }
                let speaks = Speaks::ALL[(entry >> (COUNT_BITS + 4) & 0xF) as usize % Speaks::ALL.len()];
                let cell = Cell::ALL[(entry >> COUNT_BITS & 0xF) as usize % Cell::COUNT];
                visit(start + u64::from(slot) * self.widths.fine_ms, speaks, cell, u64::from(entry & COUNT_MAX));
            }
        }
    }

    /// Every duration measured in `[from, to)`, both in milliseconds, with the start of its slot, in order of slots.
    pub fn each_mark(&self, from: u64, to: u64, mut visit: impl FnMut(u64, &Mark)) {
        for (start, page) in self.pages_touching(from, to) {
            let low = self.slot_bound(start, from);
            let high = self.slot_bound(start, to);
            for mark in page.marks.in_slots(low, high) {
                visit(start + u64::from(mark.slot()) * self.widths.fine_ms, mark);
            }
        }
    }

    /// What was counted in `[from, to)` for this measure.
    pub fn cells(&self, from: u64, to: u64, measure: Measure) -> Cells {
        let mut cells = Cells::default();
        self.each_count(from, to, |_, speaks, cell, count| {
            if speaks.for_measure(measure) {
                cells[cell] += count;
            }
        });
        cells
    }

    /// All pages, with their numbers, ascending.
    pub fn pages(&self) -> &[(u64, Arc<Page>)] {
        &self.pages
    }

    /// Where the coarse pages and the kept ones begin, as page numbers.
    pub fn aged(&self) -> (u64, u64) {
        (self.coarse_before, self.dropped_before)
    }

    /// Pages as they were when they were encoded; none if they cannot have been.
    pub fn restore(widths: SlotWidths, aged: (u64, u64), pages: Vec<(u64, Vec<u32>, Vec<Mark>)>) -> Option<Pages> {
        let slots = PAGE_MS / widths.fine_ms;
        let in_order = pages.is_sorted_by(|one, next| one.0 < next.0);
        let sound = pages.iter().all(|(number, counts, marks)| {
            *number <= EventTime::MAX.millis()
                && (!counts.is_empty() || !marks.is_empty())
                && counts.is_sorted_by_key(|entry| entry >> COUNT_BITS)
                && counts.iter().all(|&entry| is_sound(entry, slots))
                && marks.iter().all(|mark| u64::from(mark.slot()) < slots)
        });
        let page = |counts, marks| Arc::new(Page { counts, marks: Marks::of(marks) });
        let pages = pages.into_iter().map(|(number, counts, marks)| (number, page(counts, marks))).collect();
        (in_order && sound).then_some(Pages { widths, pages, coarse_before: aged.0, dropped_before: aged.1 })
    }

    /// Fine slots in a coarse one.
    fn coarse_slots(&self) -> u16 {
        u16::try_from(self.widths.coarse_ms / self.widths.fine_ms).expect("an hour has at most 360 slots")
    }

    fn pages_touching(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, &Page)> {
        let first = self.pages.partition_point(|(number, _)| *number < from / PAGE_MS);
        let starts = self.pages[first..].iter().map(|(number, page)| (number * PAGE_MS, &**page));
        starts.take_while(move |(start, _)| *start < to)
    }

    /// The slot of the page starting at `start` in which `time` lies, beyond its end for a later time.
    fn slot_bound(&self, start: u64, time: u64) -> u32 {
        let slots = PAGE_MS / self.widths.fine_ms;
        let slot = time.saturating_sub(start).div_ceil(self.widths.fine_ms).min(slots);
        u32::try_from(slot).expect("an hour has at most 360 slots")
    }

    fn page_and_slot(&mut self, time: u64) -> Option<(usize, u16)> {
        let number = time / PAGE_MS;
        if number < self.dropped_before {
            return None;
        }
        let slot = time % PAGE_MS / self.widths.fine_ms;
        let slot = u16::try_from(slot).expect("an hour has at most 360 slots");
        let slot = if number < self.coarse_before { slot - slot % self.coarse_slots() } else { slot };
        Some((self.page(number), slot))
    }

    fn page_mut(&mut self, place: usize) -> &mut Page {
        Arc::make_mut(&mut self.pages[place].1)
    }

    /// The place of this page, made if it is new. Pages mostly follow each other without a gap, so it is where it would
    /// be without one.
    fn page(&mut self, number: u64) -> usize {
        let first = self.pages.first().map_or(number, |(first, _)| *first);
        let guess = usize::try_from(number.wrapping_sub(first)).unwrap_or(usize::MAX);
        if self.pages.get(guess).is_some_and(|(there, _)| *there == number) {
            return guess;
        }
        match self.pages.binary_search_by_key(&number, |(there, _)| *there) {
            Ok(at) => at,
            Err(at) => {
                self.pages.insert(at, (number, Arc::default()));
                at
            }
        }
    }

    fn drop_if_empty(&mut self, page: usize) {
        if self.pages[page].1.is_empty() {
            self.pages.remove(page);
        }
    }
}
