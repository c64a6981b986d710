//! What a life books: a stay for each of its clocks, and two more for backlog and effort.
//!
//! A stay says at which times which cells count one; summing them over a span is done in [`super::view`].

use std::rc::Rc;

use crate::engine::tally::{Cell, Measure, Quantity};

use super::clocks::{self, Clock};
use super::event::What;
use super::fold::{Decision, Visit};
use super::lives::Life;
use super::rule::{Rule, RuleCounts};
use super::talk::{End, Talk};

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

/// What one measure says of one visit, of one contact, or of one run of messages.
#[derive(Clone, PartialEq, Debug)]
pub struct Stay {
    /// What it is measured by.
    pub measure: Measure,
    /// Where it is tallied.
    pub lane: Rc<Lane>,
    /// Since when it waits, and until when; none if nobody waits of it.
    pub waits: Option<(u64, u64)>,
    /// When its target expired, if it waited longer.
    pub overdue_at: Option<u64>,
    /// Whether nothing has become of it.
    pub undecided: bool,
    /// What counts one, and when.
    pub bookings: Vec<(Cell, u64)>,
    /// What durations (or numbers) are counted, when, and how long they are in milliseconds.
    pub durations: Vec<(Quantity, u64, u64)>,
}

impl Stay {
    fn empty(measure: Measure, lane: &Rc<Lane>) -> Stay {
        let (bookings, durations) = (Vec::new(), Vec::new());
        let lane = Rc::clone(lane);
        Stay { measure, lane, waits: None, overdue_at: None, undecided: false, bookings, durations }
    }
}

/// All stays of a life.
pub fn stays(life: &Life, rules: &mut RuleCounts) -> Vec<Stay> {
    let visits = &life.folded.visits;
    let Some(first) = life.clocks.first() else { return orphans(life, rules) };
    let expired_at = life.last() + life.expire_ms;
    let mut stays: Vec<Stay> = life.clocks.iter().filter_map(|clock| of_clock(clock, expired_at, rules)).collect();
    // The clocks of the visits come first, in their order.
    for (visit, stay) in visits.iter().zip(&mut stays) {
        completed(visit, &life.talk, stay, rules);
    }
    stays.extend(backlog(&stays, rules));
    stays.push(effort(visits, &life.talk, &first.lane, rules));
    stays
}

/// What a clock books; nothing, if it is not judged, nobody waits of it, and it was not answered.
fn of_clock(clock: &Clock, expired_at: u64, rules: &mut RuleCounts) -> Option<Stay> {
    let until = clock.end.map_or(expired_at, |(_, time)| time.max(clock.begin));
    let waits = clock.is_waited_for().then_some((clock.begin, until));
    let mut stay = Stay { waits, undecided: clock.end.is_none(), ..Stay::empty(clock.measure, &clock.lane) };
    if clock.promise.is_some() {
        judged(clock, &mut stay, rules);
        return Some(stay);
    }
    rules.hit(Rule::NotJudged);
    // That it is handled is what the answer of the visit says.
    if clock.is_waited_for() && clock.measure != Measure::Handle {
        rules.hit(Rule::OfferedAlone);
        stay.bookings.push((Cell::Offered, clock.begin));
    }
    if let (Some((End::Answered, time)), Some(measured)) = (clock.end, clock.measured)
        && clock.measure != Measure::Handle
    {
        rules.hit(Rule::DurationAlone);
        stay.durations.push((Quantity::WaitAnswered, time, measured));
    }
    (stay.waits.is_some() || !stay.bookings.is_empty() || !stay.durations.is_empty()).then_some(stay)
}

/// What a clock with a promise books.
fn judged(clock: &Clock, stay: &mut Stay, rules: &mut RuleCounts) {
    stay.bookings.push((Cell::Offered, clock.begin));
    let within = |time: u64| clock.due.is_none_or(|due| time <= due);
    if let (Some((end, time)), Some(measured)) = (clock.end, clock.measured) {
        let (cell, cell_within, quantity) = match end {
            End::Answered => (Cell::Answered, Cell::AnsweredWithin, Quantity::WaitAnswered),
            End::Abandoned => (Cell::Abandoned, Cell::AbandonedWithin, Quantity::WaitAbandoned),
            End::Left => (Cell::Left, Cell::LeftWithin, Quantity::WaitLeft),
        };
        stay.bookings.push((cell, time));
        if within(time) {
            stay.bookings.push((cell_within, time));
        }
        if end == End::Abandoned && clock.promise.is_some_and(|promise| measured < promise.short_abandon_ms) {
            rules.hit(Rule::ShortAbandon);
            stay.bookings.push((Cell::AbandonedShort, time));
        }
        stay.durations.push((quantity, time, measured));
    }
    match (clock.end, clock.due) {
        (_, None) => rules.hit(Rule::NotDue),
        (Some((_, time)), Some(_)) if within(time) => {}
        (end, Some(due)) => {
            rules.hit(if end.is_some() { Rule::DecidedOverdue } else { Rule::DeadlineWhileWaiting });
            stay.bookings.push((Cell::Overdue, due));
            stay.overdue_at = Some(due);
        }
    }
}

/// The end of the handling counts for the wait of a visit.
fn completed(visit: &Visit, talk: &Talk, stay: &mut Stay, rules: &mut RuleCounts) {
    let Some(time) = visit.completed.map(|completion| completion.time) else { return };
    let handle_ms = handle_ms(visit, talk, rules).expect("a completed visit was answered");
    stay.bookings.push((Cell::Completed, time));
    stay.durations.push((Quantity::Handle, time, handle_ms));
}

/// How long a visit was handled, in milliseconds, if that ended.
pub fn handle_ms(visit: &Visit, talk: &Talk, rules: &mut RuleCounts) -> Option<u64> {
    let (Decision::Answered(answered_at), Some(completion)) = (&visit.decision, visit.completed) else { return None };
    if completion.parts_ms.is_some() {
        rules.hit(Rule::HandleFromParts);
        return completion.parts_ms;
    }
    rules.hit(Rule::HandleFromTimes);
    let spans = clocks::outside_of(&talk.pauses, *answered_at, completion.time);
    let handle_ms = spans.map(|(from, to)| to - from).sum();
    if handle_ms < completion.time.saturating_sub(*answered_at) {
        rules.hit(Rule::HandleWithoutPauses);
    }
    Some(handle_ms)
}

/// Who is not over: while the resolution waits, or without one while a visit does or is in service.
fn backlog(stays: &[Stay], rules: &mut RuleCounts) -> Vec<Stay> {
    let has_resolution = stays.iter().any(|stay| stay.measure == Measure::Resolution);
    rules.hit(if has_resolution { Rule::BacklogByResolution } else { Rule::BacklogByVisits });
    let measures = if has_resolution { &[Measure::Resolution][..] } else { &[Measure::Wait, Measure::Handle] };
    let counted = stays.iter().filter(|stay| measures.contains(&stay.measure));
    counted.map(|stay| Stay { waits: stay.waits, ..Stay::empty(Measure::Backlog, &stay.lane) }).collect()
}

/// How much was written, transferred, resolved and taken up again.
fn effort(visits: &[Visit], talk: &Talk, lane: &Rc<Lane>, rules: &mut RuleCounts) -> Stay {
    let mut stay = Stay::empty(Measure::Effort, lane);
    for &time in &talk.resolved {
        rules.hit(Rule::EffortResolved);
        stay.bookings.push((Cell::Resolved, time));
    }
    for &time in &talk.taken_up_again {
        rules.hit(Rule::EffortReopened);
        stay.bookings.push((Cell::Reopened, time));
    }
    if let Some(&last) = talk.replies.last() {
        rules.hit(Rule::EffortReplies);
        stay.durations.push((Quantity::Replies, last, talk.replies.len() as u64));
    }
    let transferred = visits.iter().filter_map(|visit| match &visit.decision {
        Decision::Transferred(time) => Some(*time),
        Decision::Left { time, reason } if reason == "transfer" => Some(*time),
        _ => None,
    });
    if let Some(last) = transferred.clone().next_back() {
        rules.hit(Rule::EffortTransfers);
        stay.durations.push((Quantity::Transfers, last, transferred.count() as u64));
    }
    stay
}

/// Of a life without an offer only its reopenings count.
fn orphans(life: &Life, rules: &mut RuleCounts) -> Vec<Stay> {
    let mut stays = Vec::new();
    for fact in life.facts.iter().filter(|fact| fact.what == What::Reopened) {
        rules.hit(Rule::OrphanReopened);
        let unknown = || "_unknown".to_owned();
        let queue = fact.queue.clone().unwrap_or_else(unknown);
        let lane = Rc::new(Lane { queue, channel: unknown(), tier: unknown() });
        let bookings = vec![(Cell::Reopened, fact.time)];
        stays.push(Stay { bookings, ..Stay::empty(Measure::Effort, &lane) });
    }
    stays
}
