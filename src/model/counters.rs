//! What counters say of lives. They only go up: [`super::log`] adds what a record counts for the first time, and keeps
//! apart what it takes back.

use std::collections::BTreeMap;

use crate::engine::tally::{Cell, Measure};

use super::fold::Decision;
use super::lives::Life;
use super::rule::RuleCounts;
use super::stay::{self, Lane};

/// Something that is counted of a lane.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Counter {
    /// What books this cell; of those by reason, none.
    Cell(Cell),
    /// Visits that left, by the name of the reason; `closed` if they were completed or resolved while they waited.
    Left(String),
}

/// How often each was counted.
pub type Counted = BTreeMap<(Lane, Counter), i64>;

/// All that these lives count for. What was never offered counts for nothing.
pub fn counted(lives: &[Life]) -> Counted {
    let mut counted = Counted::new();
    for life in lives.iter().filter(|life| !life.folded.visits.is_empty()) {
        for stay in stay::stays(life, &mut RuleCounts::default()) {
            let is_counted = |cell: Cell| match stay.measure {
                Measure::Wait => !matches!(cell, Cell::Left | Cell::LeftWithin | Cell::Overdue),
                measure => measure == Measure::Effort,
            };
            for &(cell, _) in stay.bookings.iter().filter(|booking| is_counted(booking.0)) {
                *counted.entry((Lane::clone(&stay.lane), Counter::Cell(cell))).or_default() += 1;
            }
        }
        for visit in &life.folded.visits {
            let reason = match &visit.decision {
                Decision::Left { reason, .. } => reason.as_str(),
                Decision::Transferred(_) => "transfer",
                Decision::Closed(_) => "closed",
                Decision::Waiting | Decision::Answered(_) | Decision::Abandoned(_) => continue,
            };
            let lane = Lane { queue: visit.queue.clone(), channel: visit.channel.clone(), tier: visit.tier.clone() };
            *counted.entry((lane, Counter::Left(reason.to_owned()))).or_default() += 1;
        }
    }
    counted
}
