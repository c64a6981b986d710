//! A stay and its bookings: what one visit, or one contact as a whole, adds to which slots.
//!
//! A stay books its own failure: as long as nobody answers, it has one `overdue` in the slot in which its target
//! expires. An answer in time takes it back. So nothing needs to happen for a silent queue to turn red: time passes the
//! slot.

use crate::engine::counters::Counter;
use crate::engine::lane::Undecided;
use crate::engine::page::Speaks;
use crate::engine::settings::Promise;
use crate::engine::store::Handle;
use crate::engine::tally::{Cell, CellSet, Quantity};
use crate::event::Reason;

/// How a stay ended, and when, in milliseconds of event time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It has not.
    Waiting,
    /// An agent took it.
    Answered(u64),
    /// The customer gave up.
    Abandoned(u64),
    /// It left some other way, as a fact or the next offer says; and how.
    Left(u64, Reason),
    /// It was completed or resolved while it waited: counted as left.
    Closed(u64),
}

/// Waiting time in milliseconds. A type of its own, so that it cannot be taken for a handle time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Wait(u64);

/// One stay in a queue, or the whole of a contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stay {
    /// The lane it is tallied under.
    pub lane: u32,
    /// When it was offered, in milliseconds.
    pub offered_at: u64,
    speaks: Speaks,
    target: Wait,
    short: Wait,
    decision: Decision,
    completed: Option<(u64, u64)>,
    expires_at: u64,
}

/// Cells, and perhaps a duration, booked at one time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Booking {
    /// The lane.
    pub lane: u32,
    /// The measures it counts for.
    pub speaks: Speaks,
    /// The time whose slot it goes to, in milliseconds.
    pub time: u64,
    /// One of each.
    pub cells: CellSet,
    /// What was measured, and the duration in milliseconds.
    pub measured: Option<(Quantity, u64)>,
}

/// The bookings of a stay; each kind has its place, so that those of two stays can be compared one by one.
pub type Bookings = [Option<Booking>; 5];

impl Stay {
    /// The only visit of a contact. `completed` is when its handling ended and the handle time, `expires_at` when it no
    /// longer waits if nothing more is heard, all in milliseconds.
    pub fn visit(
        lane: u32,
        offered_at: u64,
        promise: &Promise,
        decision: Decision,
        completed: Option<(u64, u64)>,
        expires_at: u64,
    ) -> Stay {
        let (target, short) = (Wait(promise.answer_within_ms), Wait(promise.short_abandon_ms));
        Stay { lane, offered_at, speaks: Speaks::ForBoth, target, short, decision, completed, expires_at }
    }

    /// The same as one visit of several.
    pub fn of_several(self) -> Stay {
        Stay { speaks: Speaks::ForWait, ..self }
    }

    /// The same as the stay of a contact that made several visits.
    pub fn of_the_contact(self) -> Stay {
        Stay { speaks: Speaks::ForContactWait, ..self }
    }

    /// Whether nothing has decided it.
    pub fn waits(&self) -> bool {
        self.decision == Decision::Waiting
    }

    /// When an agent took it, in milliseconds; none if none did.
    pub fn answered_at(&self) -> Option<u64> {
        match self.decision {
            Decision::Answered(time) => Some(time),
            _ => None,
        }
    }

    /// How its lane lists it while it waits, for the contact of this record.
    pub fn undecided(&self, contact: Handle) -> Undecided {
        Undecided { since: self.offered_at, contact, speaks: self.speaks }
    }

    /// The measures it counts for.
    pub fn speaks(&self) -> Speaks {
        self.speaks
    }

    /// Whether it is a visit, not a contact as a whole.
    pub fn is_visit(&self) -> bool {
        self.speaks != Speaks::ForContactWait
    }

    /// What it counts for in the counters of its lane.
    pub fn each_counter(&self, mut each: impl FnMut(Counter)) {
        each(Counter::Cell(Cell::Offered));
        let within = self.decided_at().is_some_and(|time| self.wait_until(time) <= self.target);
        match self.decision {
            Decision::Waiting => {}
            Decision::Answered(_) => {
                each(Counter::Cell(Cell::Answered));
                within.then(|| each(Counter::Cell(Cell::AnsweredWithin)));
            }
            Decision::Abandoned(time) => {
                each(Counter::Cell(Cell::Abandoned));
                within.then(|| each(Counter::Cell(Cell::AbandonedWithin)));
                (self.wait_until(time) < self.short).then(|| each(Counter::Cell(Cell::AbandonedShort)));
            }
            Decision::Left(_, reason) => each(Counter::Left(Some(reason))),
            Decision::Closed(_) => each(Counter::Left(None)),
        }
        if self.completed.is_some() {
            each(Counter::Cell(Cell::Completed));
        }
    }

    /// When it no longer waits if nothing more is heard, in milliseconds.
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// The last instant at which an answer is in time, in milliseconds.
    pub fn deadline(&self) -> u64 {
        self.offered_at.saturating_add(self.target.0)
    }

    /// All that it adds to the slots of its lane.
    pub fn bookings(&self) -> Bookings {
        let overdue = self.decided_at().is_none_or(|time| self.wait_until(time) > self.target);
        [
            Some(self.booking(self.offered_at, OFFERED)),
            overdue.then(|| self.booking(self.deadline(), OVERDUE)),
            self.outcome(overdue),
            // Whoever was answered before being offered has waited for no time at all: until the offer.
            self.decided_at().filter(|&time| time < self.offered_at).map(|_| self.booking(self.offered_at, DEPARTED)),
            self.completed.map(|(time, handle_ms)| Booking {
                measured: Some((Quantity::Handle, handle_ms)),
                ..self.booking(time, COMPLETED)
            }),
        ]
    }

    /// What its end adds, at its own time.
    fn outcome(&self, overdue: bool) -> Option<Booking> {
        let time = self.decided_at()?;
        let wait = self.wait_until(time);
        let (all, within, quantity) = match self.decision {
            Decision::Waiting => return None,
            Decision::Answered(_) => (ANSWERED, ANSWERED_WITHIN, Quantity::WaitAnswered),
            Decision::Abandoned(_) if wait < self.short => (ABANDONED, ABANDONED_SHORT, Quantity::WaitAbandoned),
            Decision::Abandoned(_) => (ABANDONED, ABANDONED_WITHIN, Quantity::WaitAbandoned),
            Decision::Left(..) | Decision::Closed(_) => (LEFT, LEFT_WITHIN, Quantity::WaitLeft),
        };
        let counted = if overdue { all.and(DEPARTED_OVER) } else { within };
        let departed = if time < self.offered_at { counted } else { counted.and(DEPARTED) };
        Some(Booking { measured: Some((quantity, wait.0)), ..self.booking(time, departed) })
    }

    fn decided_at(&self) -> Option<u64> {
        match self.decision {
            Decision::Waiting => None,
            Decision::Answered(time) | Decision::Abandoned(time) | Decision::Left(time, _) | Decision::Closed(time) => {
                Some(time)
            }
        }
    }

    /// What a stay that nothing decided adds once it has expired: the departure, and the end of being over target.
    pub fn expiry_bookings(&self) -> [Booking; 2] {
        let over_until = self.expires_at.max(self.deadline());
        [self.booking(self.expires_at, DEPARTED), self.booking(over_until, DEPARTED_OVER)]
    }

    fn booking(&self, time: u64, cells: CellSet) -> Booking {
        Booking { lane: self.lane, speaks: self.speaks, time, cells, measured: None }
    }

    /// The wait until then; none at all if that lies before the offer.
    fn wait_until(&self, time: u64) -> Wait {
        Wait(time.saturating_sub(self.offered_at))
    }
}

const OFFERED: CellSet = CellSet::of(&[Cell::Offered]);
const ANSWERED: CellSet = CellSet::of(&[Cell::Answered]);
const ANSWERED_WITHIN: CellSet = CellSet::of(&[Cell::Answered, Cell::AnsweredWithin]);
const ABANDONED: CellSet = CellSet::of(&[Cell::Abandoned]);
const ABANDONED_WITHIN: CellSet = CellSet::of(&[Cell::Abandoned, Cell::AbandonedWithin]);
const ABANDONED_SHORT: CellSet = CellSet::of(&[Cell::Abandoned, Cell::AbandonedWithin, Cell::AbandonedShort]);
const LEFT: CellSet = CellSet::of(&[Cell::Left]);
const LEFT_WITHIN: CellSet = CellSet::of(&[Cell::Left, Cell::LeftWithin]);
const OVERDUE: CellSet = CellSet::of(&[Cell::Overdue]);
const COMPLETED: CellSet = CellSet::of(&[Cell::Completed]);
const DEPARTED: CellSet = CellSet::of(&[Cell::Departed]);
const DEPARTED_OVER: CellSet = CellSet::of(&[Cell::DepartedOver]);
