//! What is counted: cells, the formulas over them, and the distributions beside them.
//!
//! A [`Tally`] is a plain mergeable value: the sum over slots, lanes, shards or instances of tallies is the tally of all
//! of them. It knows nothing of time; which facts went into it was decided by whoever summed.

use std::ops::{AddAssign, Index, IndexMut};

use serde::{Deserialize, Serialize};

use crate::engine::histogram::Distribution;

mod formula;

pub use self::formula::Formula;

/// What a clock measures. Cells and distributions exist once for each measure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Measure {
    /// From a visit's offer to its answer: each stay in a queue by itself.
    Wait,
    /// From a contact's first offer to its first answer, over all transfers.
    ContactWait,
    /// From a contact's first offer to the first time an agent wrote.
    FirstReply,
    /// From the oldest customer's message that nobody has replied to, to the next reply.
    NextReply,
    /// From a contact's first offer to the first time it was resolved.
    FirstResolution,
    /// From a contact's first offer to the last time it was resolved; goes on when it is reopened.
    Resolution,
    /// From a visit's answer to the end of its handling. Who waits of it is in service.
    Handle,
    /// Contacts that are not over. Only who waits is told of it.
    Backlog,
    /// Letters, transfers, resolutions and reopenings of contacts. Has no clock.
    Effort,
}

impl Measure {
    /// How many there are.
    pub const COUNT: usize = 9;

    /// All of them, in the order of reports.
    pub const ALL: [Measure; Measure::COUNT] = [
        Measure::Wait,
        Measure::ContactWait,
        Measure::FirstReply,
        Measure::NextReply,
        Measure::FirstResolution,
        Measure::Resolution,
        Measure::Handle,
        Measure::Backlog,
        Measure::Effort,
    ];

    /// Those that something can be promised on.
    pub const PROMISED: [Measure; 7] = [
        Measure::Wait,
        Measure::ContactWait,
        Measure::FirstReply,
        Measure::NextReply,
        Measure::FirstResolution,
        Measure::Resolution,
        Measure::Handle,
    ];

    /// The name in reports and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Wait => "wait",
            Measure::ContactWait => "contact_wait",
            Measure::FirstReply => "first_reply",
            Measure::NextReply => "next_reply",
            Measure::FirstResolution => "first_resolution",
            Measure::Resolution => "resolution",
            Measure::Handle => "handle",
            Measure::Backlog => "backlog",
            Measure::Effort => "effort",
        }
    }

    /// The measure of this name; none if there is no such measure.
    pub fn from_name(name: &str) -> Option<Measure> {
        Measure::ALL.into_iter().find(|measure| measure.name() == name)
    }
}

/// A number of visits (or of contacts, for [`Measure::ContactWait`]) that a fact adds to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Cell {
    /// Put into the queue; at the offer.
    Offered,
    /// Taken by an agent; at the answer.
    Answered,
    /// Of those, within the target.
    AnsweredWithin,
    /// The customer gave up; at the hang-up.
    Abandoned,
    /// Of those, within the target.
    AbandonedWithin,
    /// Of those, before the short-abandon limit.
    AbandonedShort,
    /// Left some other way; at the leaving.
    Left,
    /// Of those, within the target.
    LeftWithin,
    /// Still waiting when the target expired, whatever happened later; at the deadline.
    Overdue,
    /// Answered visits whose handling ended; at that end.
    Completed,
    /// No longer waiting, for whatever reason; at that time. As many as were offered, once all is over.
    Departed,
    /// Of the overdue, no longer waiting. As many as were overdue, once all is over.
    DepartedOver,
    /// Solved; at each resolution.
    Resolved,
    /// Taken up again after a resolution; at each such time.
    Reopened,
    /// Answered visits no longer in service, for whatever reason; at that time. As many as were answered, once all is over.
    Served,
}

impl Cell {
    /// How many there are.
    pub const COUNT: usize = 15;

    /// All of them, in order.
    pub const ALL: [Cell; Cell::COUNT] = [
        Cell::Offered,
        Cell::Answered,
        Cell::AnsweredWithin,
        Cell::Abandoned,
        Cell::AbandonedWithin,
        Cell::AbandonedShort,
        Cell::Left,
        Cell::LeftWithin,
        Cell::Overdue,
        Cell::Completed,
        Cell::Departed,
        Cell::DepartedOver,
        Cell::Resolved,
        Cell::Reopened,
        Cell::Served,
    ];

    /// Whether it is told. The others only serve to know who waits and who is in service.
    pub const fn is_told(self) -> bool {
        !matches!(self, Cell::Departed | Cell::DepartedOver | Cell::Served)
    }

    /// The name in reports, where it is told.
    pub const fn name(self) -> &'static str {
        match self {
            Cell::Offered => "offered",
            Cell::Answered => "answered",
            Cell::AnsweredWithin => "answered_within",
            Cell::Abandoned => "abandoned",
            Cell::AbandonedWithin => "abandoned_within",
            Cell::AbandonedShort => "abandoned_short",
            Cell::Left => "left",
            Cell::LeftWithin => "left_within",
            Cell::Overdue => "overdue",
            Cell::Completed => "completed",
            Cell::Departed => "departed",
            Cell::DepartedOver => "departed_over",
            Cell::Resolved => "resolved",
            Cell::Reopened => "reopened",
            Cell::Served => "served",
        }
    }
}

/// Several cells, each at most once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellSet(u16);

impl CellSet {
    /// No cell.
    pub const NONE: CellSet = CellSet(0);

    /// These cells.
    pub const fn of(cells: &[Cell]) -> CellSet {
        let mut bits = 0;
        let mut at = 0;
        while at < cells.len() {
            bits |= 1 << cells[at] as u16;
            at += 1;
        }
        CellSet(bits)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These and those.
    pub const fn and(self, other: CellSet) -> CellSet {
        CellSet(self.0 | other.0)
    }

    /// The cells, in order.
    pub fn iter(self) -> impl Iterator<Item = Cell> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let next = Cell::ALL.get(rest.trailing_zeros() as usize).copied();
            rest &= rest.wrapping_sub(1);
            next
        })
    }
}

/// A count for each [`Cell`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cells([u64; Cell::COUNT]);

impl Index<Cell> for Cells {
    type Output = u64;

    fn index(&self, cell: Cell) -> &u64 {
        &self.0[cell as usize]
    }
}

impl IndexMut<Cell> for Cells {
    fn index_mut(&mut self, cell: Cell) -> &mut u64 {
        &mut self.0[cell as usize]
    }
}

impl AddAssign for Cells {
    fn add_assign(&mut self, other: Cells) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl Cells {
    /// Visits whose fate is known: answered, abandoned or left in time, or overdue. Each is decided once.
    pub fn decided(&self) -> u64 {
        self[Cell::AnsweredWithin] + self[Cell::AbandonedWithin] + self[Cell::LeftWithin] + self[Cell::Overdue]
    }

    /// The service level by this formula, 0 to 1; none where its denominator is empty.
    pub fn service_level(&self, formula: Formula) -> Option<f64> {
        let (kept, judged) = formula.terms(self);
        (judged > 0).then(|| kept as f64 / judged as f64)
    }
}

/// A duration, or a number, that is kept as a distribution.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Quantity {
    /// The wait of an answered visit; at the answer.
    WaitAnswered,
    /// The wait of a visit whose customer gave up; at the hang-up.
    WaitAbandoned,
    /// The wait of a visit that left some other way; at the leaving.
    WaitLeft,
    /// Talk, hold and after-contact work; at the completion.
    Handle,
    /// How many times an agent wrote, not a time; at the last of them.
    Replies,
    /// How many times a contact was transferred, not a time; at the last of them.
    Transfers,
}

impl Quantity {
    /// How many there are.
    pub const COUNT: usize = 6;

    /// All of them, in order.
    pub const ALL: [Quantity; Quantity::COUNT] = [
        Quantity::WaitAnswered,
        Quantity::WaitAbandoned,
        Quantity::WaitLeft,
        Quantity::Handle,
        Quantity::Replies,
        Quantity::Transfers,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Quantity::WaitAnswered => "wait_answered",
            Quantity::WaitAbandoned => "wait_abandoned",
            Quantity::WaitLeft => "wait_left",
            Quantity::Handle => "handle",
            Quantity::Replies => "replies",
            Quantity::Transfers => "transfers",
        }
    }
}

/// All that is known of one measure over some span: cells, who waits at its end, and distributions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// What was booked in the span.
    pub cells: Cells,
    /// Waiting at the end of the span.
    pub waiting: u64,
    /// Of those, beyond the target.
    pub waiting_over: u64,
    /// Durations booked in the span, by [`Quantity`].
    distributions: [Distribution; Quantity::COUNT],
}

impl Index<Quantity> for Tally {
    type Output = Distribution;

    fn index(&self, quantity: Quantity) -> &Distribution {
        &self.distributions[quantity as usize]
    }
}

impl IndexMut<Quantity> for Tally {
    fn index_mut(&mut self, quantity: Quantity) -> &mut Distribution {
        &mut self.distributions[quantity as usize]
    }
}

impl Tally {
    /// Cells and who waits, without durations.
    pub fn of(cells: Cells, (waiting, waiting_over): (u64, u64)) -> Tally {
        Tally { cells, waiting, waiting_over, ..Tally::default() }
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Tally) {
        self.cells += other.cells;
        self.waiting += other.waiting;
        self.waiting_over += other.waiting_over;
        for (mine, theirs) in self.distributions.iter_mut().zip(&other.distributions) {
            mine.merge(theirs);
        }
    }

    /// Whether anything that is promised was kept or missed, or came to an end.
    pub fn is_judged(&self) -> bool {
        let ended = self.cells[Cell::Answered] + self.cells[Cell::Abandoned] + self.cells[Cell::Left];
        ended + self.cells[Cell::Overdue] > 0
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Tally::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(counts: &[(Cell, u64)]) -> Cells {
        let mut cells = Cells::default();
        for &(cell, count) in counts {
            cells[cell] = count;
        }
        cells
    }

    #[test]
    fn nothing_judged_is_no_level() {
        for formula in Formula::ALL {
            assert_eq!(Cells::default().service_level(formula), None, "{}", formula.name());
        }
    }

    #[test]
    fn cisco_oracle() {
        let cells = cells(&[(Cell::AnsweredWithin, 70), (Cell::AbandonedWithin, 10), (Cell::Overdue, 20)]);
        let percent = |formula| (cells.service_level(formula).unwrap() * 1000.0).round() / 10.0;
        assert_eq!(percent(Formula::Offered), 70.0);
        assert_eq!(percent(Formula::IgnoreAbandonedWithin), 77.8);
        assert_eq!(percent(Formula::CountAbandonedWithin), 80.0);
    }

    #[test]
    fn names_are_read_back() {
        for formula in Formula::ALL {
            assert_eq!(Formula::from_name(formula.name()), Some(formula));
        }
        assert_eq!(Formula::from_name("best"), None);
    }
}
