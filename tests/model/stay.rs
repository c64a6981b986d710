//! What a life books: one stay in a queue for each visit, and one for the contact as a whole.
//!
//! A stay says at which times which cells count one; summing them over a span is done in [`super::view`].

use std::rc::Rc;

use holdline::engine::tally::{Cell, Measure, Quantity};

use super::fold::{Decision, Visit};
use super::lives::Life;
use super::rule::{Rule, RuleCounts};

/// What things are tallied by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lane {
    /// The queue.
    pub queue: String,
    /// The channel.
    pub channel: String,
    /// The tier.
    pub tier: String,
}

/// What one measure says of one visit, or of one contact.
#[derive(Clone, PartialEq, Debug)]
pub struct Stay {
    /// What clock it is.
    pub measure: Measure,
    /// Where it is tallied.
    pub lane: Rc<Lane>,
    /// When the wait began.
    pub offered_at: u64,
    /// When the target expires.
    pub deadline: u64,
    /// When it waits no longer.
    pub departure: u64,
    /// Whether it waited longer than the target.
    pub overdue: bool,
    /// Whether nothing has become of it.
    pub undecided: bool,
    /// What counts one, and when.
    pub bookings: Vec<(Cell, u64)>,
    /// What durations are counted, when, and how long they are in milliseconds.
    pub durations: Vec<(Quantity, u64, u64)>,
}

/// All stays of a life.
pub fn stays(life: &Life, rules: &mut RuleCounts) -> Vec<Stay> {
    let visits = &life.folded.visits;
    let expired_at = life.last() + life.expire_ms;
    let mut stays: Vec<Stay> =
        visits.iter().map(|visit| stay(Measure::Wait, visit, &visit.decision, expired_at, rules)).collect();
    if let (Some(first), Some(latest)) = (visits.first(), visits.last()) {
        let answers = visits.iter().filter_map(|visit| match visit.decision {
            Decision::Answered(time) => Some(time),
            _ => None,
        });
        let decision = answers.min().map_or_else(|| latest.decision.clone(), Decision::Answered);
        rules.hit(match decision {
            Decision::Answered(_) => Rule::ContactAnswered,
            Decision::Waiting => Rule::ContactWaiting,
            _ => Rule::ContactEnded,
        });
        stays.push(stay(Measure::ContactWait, first, &decision, expired_at, rules));
    }
    stays
}

fn stay(measure: Measure, visit: &Visit, decision: &Decision, expired_at: u64, rules: &mut RuleCounts) -> Stay {
    let lane = Rc::new(Lane { queue: visit.queue.clone(), channel: visit.channel.clone(), tier: visit.tier.clone() });
    let offered_at = visit.offered_at;
    let mut bookings = vec![(Cell::Offered, offered_at)];
    let mut durations = Vec::new();
    let wait = decision.time().map(|time| time.saturating_sub(offered_at));
    let within = wait.is_some_and(|wait| wait <= visit.target);
    let short = wait.is_some_and(|wait| wait < visit.short);
    if let (Some(time), Some(wait)) = (decision.time(), wait) {
        let (cell, cell_within, quantity) = match decision {
            Decision::Answered(_) => (Cell::Answered, Cell::AnsweredWithin, Quantity::WaitAnswered),
            Decision::Abandoned(_) => (Cell::Abandoned, Cell::AbandonedWithin, Quantity::WaitAbandoned),
            _ => (Cell::Left, Cell::LeftWithin, Quantity::WaitLeft),
        };
        bookings.push((cell, time));
        if within {
            bookings.push((cell_within, time));
        }
        if short && cell == Cell::Abandoned {
            rules.hit(Rule::ShortAbandon);
            bookings.push((Cell::AbandonedShort, time));
        }
        durations.push((quantity, time, wait));
    }
    let deadline = offered_at + visit.target;
    if !within {
        rules.hit(if wait.is_some() { Rule::DecidedOverdue } else { Rule::DeadlineWhileWaiting });
        bookings.push((Cell::Overdue, deadline));
    }
    if let (Measure::Wait, Decision::Answered(_), Some(completion)) = (measure, decision, visit.completed) {
        bookings.push((Cell::Completed, completion.time));
        durations.push((Quantity::Handle, completion.time, completion.handle_ms));
    }
    let departure = decision.time().map_or(expired_at, |time| time.max(offered_at));
    let undecided = wait.is_none();
    Stay { measure, lane, offered_at, deadline, departure, overdue: !within, undecided, bookings, durations }
}
