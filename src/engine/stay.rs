//! A stay and its bookings: what one clock of a contact adds to which slots. A visit has one for its wait, which tells of
//! its handling too unless something is promised on that; a contact as a whole has one for each other measure.
//!
//! A stay books its own failure: as long as it has no end, it has one `overdue` in the slot in which it is due. An end in
//! time takes it back. So nothing needs to happen for a silent queue to turn red: time passes the slot.
//!
//! Which stays a contact has is found in `visit`, how long they are and when they are due in [`terms`](super::terms).

use smallvec::SmallVec;

use crate::engine::counters::Counter;
use crate::engine::page::Speaks;
use crate::engine::store::Handle;
use crate::engine::tally::{Cell, CellSet, Quantity};
use crate::engine::waitlist::Undecided;
use crate::event::Reason;

/// How a stay ended, and when, in milliseconds of event time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It has not.
    Waiting,
    /// What was waited for happened: an agent took it, wrote, solved it, or was done with it.
    Answered(u64),
    /// The customer gave up.
    Abandoned(u64),
    /// It left some other way, as a fact or the next offer says; and how.
    Left(u64, Reason),
    /// It came to its end otherwise, such as a visit that was completed or resolved while it waited: counted as left.
    Closed(u64),
}

impl Decision {
    /// When it ended.
    pub fn time(self) -> Option<u64> {
        match self {
            Decision::Waiting => None,
            Decision::Answered(time) | Decision::Abandoned(time) | Decision::Left(time, _) | Decision::Closed(time) => {
                Some(time)
            }
        }
    }
}

/// How long a stay was, in milliseconds. A type of its own, so that it cannot be taken for a handle time that was told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Wait(pub u64);

/// The handling of a visit that was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handling {
    /// What the wait of the visit counts for.
    pub visit: Speaks,
    /// How it ended.
    pub end: Served,
}

/// How the handling of a visit ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Served {
    /// It has not: the visit is in service.
    NotYet,
    /// At this time, in milliseconds, but nobody said that it was completed.
    Until(u64),
    /// It was completed, with this handle time, both in milliseconds.
    Completed(u64, u64),
}

impl Served {
    /// When it ended, in milliseconds.
    pub fn time(self) -> Option<u64> {
        match self {
            Served::NotYet => None,
            Served::Until(time) | Served::Completed(time, _) => Some(time),
        }
    }
}

/// What is told of a stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// Something is promised on it: all there is.
    Judged,
    /// Nothing is: that it began, who waits, and how long it took if it was answered.
    Measured,
}

/// What one clock of a contact measures: of a visit, or of the contact as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stay {
    /// The lane it is tallied under.
    pub lane: u32,
    /// When it began, in milliseconds.
    pub began_at: u64,
    /// The measures it counts for.
    pub speaks: Speaks,
    /// What is told of it.
    pub telling: Telling,
    /// The last instant at which its end is in time, in milliseconds; none if it never is too late.
    pub due_at: Option<u64>,
    /// How it ended.
    pub decision: Decision,
    /// How long it was, once it ended; none at all if that lies before its beginning.
    pub wait: Wait,
    /// Who gives up before so much wait was not serious.
    pub short: Wait,
    /// The handling of the visit of which this is the wait or, where something is promised on it, the handling itself.
    pub handling: Option<Handling>,
    /// When it no longer waits if nothing more is heard, in milliseconds.
    pub expires_at: u64,
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
    /// What was measured, and the duration in milliseconds; or what was counted, and the number.
    pub measured: Option<(Quantity, u64)>,
}

/// The bookings of a stay; each kind has its place, so that those of two stays can be compared one by one.
pub type Bookings = [Option<Booking>; 6];

impl Stay {
    /// Whether it has no end.
    pub fn waits(&self) -> bool {
        self.decision == Decision::Waiting
    }

    /// Whether somebody waits, or is in service.
    pub fn is_open(&self) -> bool {
        self.waits() || self.is_in_service()
    }

    fn is_in_service(&self) -> bool {
        self.handling.is_some_and(|handling| handling.end == Served::NotYet)
    }

    /// Whether it measures the handling of a visit. Then nobody departs: the visit is served.
    fn is_handling(&self) -> bool {
        self.speaks.for_handling()
    }

    /// When an agent took it, in milliseconds; none if none did.
    pub fn answered_at(&self) -> Option<u64> {
        match self.decision {
            Decision::Answered(time) => Some(time),
            _ => None,
        }
    }

    /// How its lane lists it while it is open, for the contact of this record.
    pub fn undecided(&self, contact: Handle) -> Undecided {
        match self.decision {
            Decision::Answered(since) => Undecided { since, contact, speaks: self.speaks.of_handling(), is_due: false },
            _ => Undecided { since: self.began_at, contact, speaks: self.speaks, is_due: self.is_ever_overdue() },
        }
    }

    /// What it counts for in the counters of its lane.
    pub fn each_counter(&self, mut each: impl FnMut(Counter)) {
        if self.handling.is_some_and(|handling| matches!(handling.end, Served::Completed(..))) {
            each(Counter::Cell(Cell::Completed));
        }
        if !self.speaks.for_visit() {
            return;
        }
        each(Counter::Cell(Cell::Offered));
        let within = !self.is_overdue();
        match self.decision {
            Decision::Waiting => {}
            Decision::Answered(_) => {
                each(Counter::Cell(Cell::Answered));
                within.then(|| each(Counter::Cell(Cell::AnsweredWithin)));
            }
            Decision::Abandoned(_) => {
                each(Counter::Cell(Cell::Abandoned));
                within.then(|| each(Counter::Cell(Cell::AbandonedWithin)));
                self.is_short().then(|| each(Counter::Cell(Cell::AbandonedShort)));
            }
            Decision::Left(_, reason) => each(Counter::Left(Some(reason))),
            Decision::Closed(_) => each(Counter::Left(None)),
        }
    }

    /// All that it adds to the slots of its lane.
    pub fn bookings(&self) -> Bookings {
        let end = self.decision.time();
        let overdue = self.due_at.filter(|_| self.is_overdue()).map(|due_at| self.booking(due_at, OVERDUE));
        // What ended before it began took no time at all: it waits until its beginning.
        let is_before = |time| time < self.began_at;
        let departs = !self.is_handling();
        let before = end.filter(|&time| departs && is_before(time)).map(|_| self.booking(self.began_at, DEPARTED));
        let outcome =
            end.map(|time| self.outcome(time, if departs && !is_before(time) { DEPARTED } else { CellSet::NONE }));
        let [served, completed] = self.handling.map_or([None, None], |handling| self.service(handling));
        [Some(self.booking(self.began_at, OFFERED)), overdue, outcome, before, served, completed]
    }

    /// What the handling of a visit adds: that the visit is no longer in service, and that it was completed.
    fn service(&self, Handling { visit, end }: Handling) -> [Option<Booking>; 2] {
        let of_visit = |time, cells| Booking { speaks: visit, ..self.booking(time, cells) };
        let Some(served_at) = end.time().map(|time| time.max(self.handled_from())) else { return [None, None] };
        let Served::Completed(time, handle_ms) = end else { return [Some(of_visit(served_at, SERVED)), None] };
        let measured = Some((Quantity::Handle, handle_ms));
        if time == served_at {
            return [None, Some(Booking { measured, ..of_visit(time, COMPLETED.and(SERVED)) })];
        }
        [Some(of_visit(served_at, SERVED)), Some(Booking { measured, ..of_visit(time, COMPLETED) })]
    }

    /// When the handling that it tells of began, in milliseconds.
    fn handled_from(&self) -> u64 {
        if self.is_handling() { self.began_at } else { self.answered_at().unwrap_or(self.began_at) }
    }

    /// When that began which this booking of its measures, in milliseconds.
    pub(super) fn measured_from(&self, booking: &Booking) -> u64 {
        if matches!(booking.measured, Some((Quantity::Handle, _))) { self.handled_from() } else { self.began_at }
    }

    /// What its end adds, at its own time, and `more` cells.
    fn outcome(&self, time: u64, more: CellSet) -> Booking {
        let (all, within, quantity) = match self.decision {
            Decision::Answered(_) | Decision::Waiting => (ANSWERED, ANSWERED_WITHIN, Quantity::WaitAnswered),
            Decision::Abandoned(_) if self.is_short() => (ABANDONED, ABANDONED_SHORT, Quantity::WaitAbandoned),
            Decision::Abandoned(_) => (ABANDONED, ABANDONED_WITHIN, Quantity::WaitAbandoned),
            Decision::Left(..) | Decision::Closed(_) => (LEFT, LEFT_WITHIN, Quantity::WaitLeft),
        };
        let (counted, told) = match self.telling {
            Telling::Judged if self.is_overdue() => (all.and(DEPARTED_OVER), true),
            Telling::Judged => (within, true),
            Telling::Measured => (CellSet::NONE, quantity == Quantity::WaitAnswered),
        };
        Booking { measured: told.then_some((quantity, self.wait.0)), ..self.booking(time, counted.and(more)) }
    }

    /// What a stay that is open adds once it has expired: the departure, and the end of being over target.
    pub fn expiry_bookings(&self) -> SmallVec<[Booking; 2]> {
        let departed = match self.handling {
            Some(Handling { visit, .. }) => Booking { speaks: visit, ..self.booking(self.expires_at, SERVED) },
            None => self.booking(self.expires_at, DEPARTED),
        };
        let over = self.due_at.filter(|_| self.waits() && self.is_ever_overdue()).map(|due_at| {
            let over_until = self.expires_at.max(due_at);
            self.booking(over_until, DEPARTED_OVER)
        });
        [departed].into_iter().chain(over).collect()
    }

    /// Whether it had not ended when it was due, or will not have if nothing more is heard.
    fn is_overdue(&self) -> bool {
        self.is_ever_overdue()
            && self.due_at.is_some_and(|due_at| self.decision.time().is_none_or(|time| time > due_at))
    }

    /// Whether it can be too late at all.
    fn is_ever_overdue(&self) -> bool {
        self.telling == Telling::Judged && self.due_at.is_some()
    }

    fn is_short(&self) -> bool {
        self.wait < self.short
    }

    fn booking(&self, time: u64, cells: CellSet) -> Booking {
        Booking { lane: self.lane, speaks: self.speaks, time, cells, measured: None }
    }
}

impl Booking {
    /// Something that a contact did, counted in its lane at this time, in milliseconds.
    pub fn of_effort(lane: u32, time: u64, cell: Cell) -> Booking {
        Booking { lane, speaks: Speaks::ForEffort, time, cells: CellSet::of(&[cell]), measured: None }
    }

    /// A duration or a number by itself, told at this time, in milliseconds.
    pub fn of_measured(lane: u32, time: u64, speaks: Speaks, measured: (Quantity, u64)) -> Booking {
        Booking { lane, speaks, time, cells: CellSet::NONE, measured: Some(measured) }
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
const SERVED: CellSet = CellSet::of(&[Cell::Served]);
const DEPARTED_OVER: CellSet = CellSet::of(&[Cell::DepartedOver]);
