//! Counters: what was ever booked, for rates over any span.
//!
//! A counter only goes up. What an event books for the first time is added; what it takes back (an answer turns out to
//! have been another visit's, an offer to have been in another lane) is not subtracted but told beside it, as a
//! correction. So counters are a function of the log in its order, not of the set of facts, and exceed the windows by
//! what was corrected. They count visits, as [`Measure::Wait`](super::tally::Measure::Wait) does.

use std::ops::{AddAssign, Sub};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::engine::lane::Lanes;
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

/// The place of each cell among [`CELLS`].
const PLACES: [Option<usize>; Cell::COUNT] = {
    let mut places = [None; Cell::COUNT];
    let mut place = 0;
    while place < CELLS.len() {
        places[CELLS[place] as usize] = Some(place);
        place += 1;
    }
    places
};

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
            Counter::Cell(cell) => PLACES[cell as usize].expect("it is one of these"),
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

/// What one event adds to the counters and takes back: lane, place in [`Counters`], and by how much; each once.
#[derive(Debug, Default)]
pub(super) struct Changes(SmallVec<[(u32, usize, i64); 4]>);

impl Changes {
    /// A stay as it was and as it is; none where there was or is none.
    pub(super) fn note(&mut self, old: Option<&Stay>, new: Option<&Stay>) {
        for (stay, change) in [(old, -1), (new, 1)] {
            let Some(stay) = stay else { continue };
            stay.each_counter(|counter| self.add(stay.lane, counter, change));
        }
    }

    /// What was booked beside stays (1), or taken back (-1).
    pub(super) fn note_effort(&mut self, booking: &Booking, change: i64) {
        booking.cells.iter().for_each(|cell| self.add(booking.lane, Counter::Cell(cell), change));
    }

    fn add(&mut self, lane: u32, counter: Counter, change: i64) {
        let index = counter.index();
        match self.0.iter_mut().find(|known| (known.0, known.1) == (lane, index)) {
            Some((.., sum)) => *sum += change,
            None => self.0.push((lane, index, change)),
        }
    }

    /// Adds what goes up to the counters of its lane, and what goes down to `corrections`.
    pub(super) fn apply(self, lanes: &mut Lanes, corrections: &mut Counters) {
        for (lane, index, change) in self.0 {
            let counters = if change < 0 { &mut *corrections } else { &mut lanes.lane_mut(lane).counters };
            counters.0[index] += change.unsigned_abs();
        }
    }
}
