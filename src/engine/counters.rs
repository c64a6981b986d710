//! Counters: what was ever booked, for rates over any span.
//!
//! A counter only goes up. What an event books for the first time is added; what it takes back (an answer turns out to
//! have been another visit's, an offer to have been in another lane) is not subtracted but told beside it, as a
//! correction. So counters are a function of the log in its order, not of the set of facts, and exceed the windows by
//! what was corrected. They count visits, as [`Measure::Wait`](super::tally::Measure::Wait) does.

use std::ops::{AddAssign, Sub};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::engine::stay::{Booking, Stay};
use crate::engine::tally::Cell;
use crate::event::Reason;

/// Something that is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Counter {
    /// Visits, by cell; never [`Cell::Overdue`], [`Cell::Left`] or the departures.
    Cell(Cell),
    /// Visits that left, by reason; none if they were completed or resolved while they waited.
    Left(Option<Reason>),
}

const CELLS: [Cell; 9] = [
    Cell::Offered,
    Cell::Answered,
    Cell::AnsweredWithin,
    Cell::Abandoned,
    Cell::AbandonedWithin,
    Cell::AbandonedShort,
    Cell::Completed,
    Cell::Resolved,
    Cell::Reopened,
];

impl Counter {
    /// How many there are.
    pub const COUNT: usize = CELLS.len() + Reason::ALL.len() + 1;

    /// All of them.
    pub fn all() -> impl Iterator<Item = Counter> {
        let left = Reason::ALL.into_iter().map(Some).chain([None]).map(Counter::Left);
        CELLS.into_iter().map(Counter::Cell).chain(left)
    }

    /// The cell it counts.
    pub fn cell(self) -> Cell {
        match self {
            Counter::Cell(cell) => cell,
            Counter::Left(_) => Cell::Left,
        }
    }

    fn index(self) -> usize {
        match self {
            Counter::Cell(cell) => CELLS.iter().position(|&counted| counted == cell).expect("it is one of these"),
            Counter::Left(Some(reason)) => CELLS.len() + reason as usize,
            Counter::Left(None) => CELLS.len() + Reason::ALL.len(),
        }
    }
}

/// A number for each [`Counter`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counters([u64; Counter::COUNT]);

impl Counters {
    /// The number of this one.
    pub fn of(&self, counter: Counter) -> u64 {
        self.0[counter.index()]
    }
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Counters) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }
}

impl Sub for Counters {
    type Output = Counters;

    /// What was counted since `earlier`, of the same lane.
    fn sub(mut self, earlier: Counters) -> Counters {
        self.0.iter_mut().zip(earlier.0).for_each(|(mine, theirs)| *mine -= theirs);
        self
    }
}

/// What one event adds to the counters and takes back, lane by lane.
#[derive(Debug, Default)]
pub(super) struct Changes(SmallVec<[(u32, [i16; Counter::COUNT]); 1]>);

impl Changes {
    /// A stay as it was and as it is; none where there was or is none.
    pub(super) fn note(&mut self, old: Option<&Stay>, new: Option<&Stay>) {
        self.add(old, -1);
        self.add(new, 1);
    }

    /// What was booked beside stays as it was and as it is.
    pub(super) fn note_effort(&mut self, old: &[&Booking], new: &[&Booking]) {
        for (bookings, sign) in [(old, -1), (new, 1)] {
            for booking in bookings {
                let changes = self.of_lane(booking.lane);
                booking.cells.iter().for_each(|cell| changes[Counter::Cell(cell).index()] += sign);
            }
        }
    }

    fn add(&mut self, stay: Option<&Stay>, sign: i16) {
        let Some(stay) = stay else { return };
        let mut counted: SmallVec<[Counter; 4]> = SmallVec::new();
        stay.each_counter(|counter| counted.push(counter));
        if !counted.is_empty() {
            let changes = self.of_lane(stay.lane);
            counted.iter().for_each(|counter| changes[counter.index()] += sign);
        }
    }

    fn of_lane(&mut self, lane: u32) -> &mut [i16; Counter::COUNT] {
        let at = self.0.iter().position(|(there, _)| *there == lane).unwrap_or_else(|| {
            self.0.push((lane, [0; Counter::COUNT]));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// By lane, what goes up and what goes down.
    pub(super) fn by_lane(self) -> impl Iterator<Item = (u32, Counters, Counters)> {
        let changed = self.0.into_iter().filter(|(_, changes)| changes.iter().any(|&change| change != 0));
        changed.map(|(lane, changes)| {
            let size = |sign: i16| Counters(changes.map(|change| u64::from((change * sign).max(0).unsigned_abs())));
            (lane, size(1), size(-1))
        })
    }
}
