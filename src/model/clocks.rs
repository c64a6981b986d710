//! The clocks of a life: what is measured from when to when, what was promised of it, and how long it took.
//!
//! What a clock books is in [`super::stay`].

use std::rc::Rc;

use crate::engine::settings::{Promise, Promises, Settings};
use crate::engine::tally::Measure;

use super::fold::{Decision, Visit};
use super::hours::Hours;
use super::rule::{Rule, RuleCounts};
use super::stay::Lane;
use super::talk::{End, Pause, Run, Talk, unanswered_end};

/// One clock of a life.
#[derive(Clone, PartialEq, Debug)]
pub struct Clock {
    /// What it measures.
    pub measure: Measure,
    /// Where it is tallied.
    pub lane: Rc<Lane>,
    /// When it began.
    pub begin: u64,
    /// How it ended, and when.
    pub end: Option<(End, u64)>,
    /// What was promised of it; none if it is not judged.
    pub promise: Option<Promise>,
    /// When the target is used up; none without a promise, and if that never is.
    pub due: Option<u64>,
    /// How long it took, in milliseconds, if it ended.
    pub measured: Option<u64>,
}

impl Clock {
    /// Whether anybody waits of it, before it ends.
    pub fn is_waited_for(&self) -> bool {
        let only_if_promised =
            matches!(self.measure, Measure::FirstReply | Measure::NextReply | Measure::FirstResolution);
        self.promise.is_some() || !only_if_promised
    }

    /// Whether somebody waits of it.
    pub fn waits(&self) -> bool {
        self.end.is_none() && self.is_waited_for()
    }
}

/// The time from one instant to another without the pauses, as spans.
pub fn outside_of<'a>(pauses: &'a [Pause], from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> + 'a {
    let ends = std::iter::once(0).chain(pauses.iter().map(|pause| pause.until.unwrap_or(u64::MAX)));
    let begins = pauses.iter().map(|pause| pause.from).chain([u64::MAX]);
    let spans = ends.zip(begins).map(move |(begin, end)| (begin.max(from), end.min(to)));
    spans.filter(|span| span.0 < span.1)
}

/// When so much counting time has passed outside of pauses; none if that never is, and after an open pause.
fn due(begin: u64, target: u64, pauses: &[Pause], hours: &Hours, rules: &mut RuleCounts) -> Option<u64> {
    let due = passed(begin, target, pauses, hours);
    let began_before = |pause: &Pause| due.is_none_or(|due| pause.from < due);
    if pauses.iter().any(|pause| pause.until.is_none() && began_before(pause)) {
        rules.hit(Rule::NeverDue);
        return None;
    }
    if due > hours.after(begin, target) {
        rules.hit(Rule::DuePutOff);
    }
    due
}

fn passed(begin: u64, target: u64, pauses: &[Pause], hours: &Hours) -> Option<u64> {
    if target == 0 {
        return Some(begin);
    }
    let mut left = target;
    for (from, to) in outside_of(pauses, begin, u64::MAX) {
        let open = hours.open_between(from, to);
        if left <= open {
            return hours.after(from, left);
        }
        left -= open;
    }
    None
}

/// All clocks of a life; those of the visits first, in their order.
pub fn clocks(visits: &[Visit], talk: &Talk, settings: &Settings, rules: &mut RuleCounts) -> Vec<Clock> {
    let lane = |visit: &Visit| {
        let (queue, channel, tier) = (visit.queue.clone(), visit.channel.clone(), visit.tier.clone());
        Rc::new(Lane { queue, channel, tier })
    };
    let lanes: Vec<Rc<Lane>> = visits.iter().map(lane).collect();
    let mut making = Making { visits, lanes, talk, settings, rules, clocks: Vec::new() };
    if !visits.is_empty() {
        making.of_visits();
        making.of_runs();
        making.of_life();
    }
    making.clocks
}

struct Making<'a> {
    visits: &'a [Visit],
    /// Those of the visits.
    lanes: Vec<Rc<Lane>>,
    talk: &'a Talk,
    settings: &'a Settings,
    rules: &'a mut RuleCounts,
    clocks: Vec<Clock>,
}

impl Making<'_> {
    /// The clock of this measure in the lane of a visit; the promise is that in force at `promised_at`.
    fn clock(&mut self, measure: Measure, visit: usize, promised_at: u64, begin: u64, end: Option<(End, u64)>) {
        let lane = Rc::clone(&self.lanes[visit]);
        let promises = promises_at(self.settings, promised_at);
        let promise = promises.of_measure(measure, &lane.queue, &lane.channel, &lane.tier);
        let hours = Hours::of(self.settings, promised_at, &lane, promise.as_ref(), self.rules);
        let pauses = &self.talk.pauses;
        let due = promise.as_ref().and_then(|promise| due(begin, promise.answer_within_ms, pauses, &hours, self.rules));
        let measured = end.map(|(_, time)| {
            let measured = outside_of(pauses, begin, time).map(|(from, to)| hours.open_between(from, to)).sum();
            if measured < hours.open_between(begin, time) {
                self.rules.hit(Rule::PauseLeftOut);
            }
            measured
        });
        self.clocks.push(Clock { measure, lane, begin, end, promise, due, measured });
    }

    /// The wait of each visit, then the handling of each that was answered.
    fn of_visits(&mut self) {
        for (index, visit) in self.visits.iter().enumerate() {
            self.clock(Measure::Wait, index, visit.offered_at, visit.offered_at, end_of(&visit.decision));
        }
        for (index, visit) in self.visits.iter().enumerate() {
            let Decision::Answered(answered_at) = visit.decision else { continue };
            let completed = visit.completed.map(|completion| (End::Answered, completion.time));
            let resolved = self.talk.resolved.iter().copied().find(|&time| time >= answered_at);
            let next = self.visits.get(index + 1).map(|next| next.offered_at);
            let closed = [resolved, next].into_iter().flatten().min();
            self.rules.hit(match (completed, closed) {
                (Some(_), _) => Rule::HandleCompleted,
                (None, None) => Rule::HandleWaits,
                (None, Some(_)) if closed == resolved => Rule::HandleResolved,
                (None, Some(_)) => Rule::HandleNextOffer,
            });
            let end = completed.or(closed.map(|time| (End::Left, time)));
            self.clock(Measure::Handle, index, visit.offered_at, answered_at, end);
        }
    }

    /// The next reply of each run of messages.
    fn of_runs(&mut self) {
        for run in &self.talk.runs {
            let visit = self.visit_meant(run);
            self.clock(Measure::NextReply, visit, run.from, run.from, run.end);
        }
    }

    /// The visit whose lane a run is in.
    fn visit_meant(&mut self, run: &Run) -> usize {
        let is_earlier = |visit: &Visit| visit.offered_at <= run.from;
        let of_queue = |visit: &Visit| run.queue.as_ref() == Some(&visit.queue);
        if let Some(visit) = self.visits.iter().rposition(|visit| of_queue(visit) && is_earlier(visit)) {
            self.rules.hit(Rule::RunOfNamed);
            visit
        } else if let Some(visit) = self.visits.iter().position(of_queue) {
            self.rules.hit(Rule::RunOfNamedLater);
            visit
        } else {
            self.rules.hit(if run.queue.is_some() { Rule::RunOfUnknown } else { Rule::RunOfLatest });
            self.visits.iter().rposition(is_earlier).expect("nothing counts before the first offer")
        }
    }

    /// What there is once for each life.
    fn of_life(&mut self) {
        let begin = self.visits[0].offered_at;
        let ended = unanswered_end(self.visits);

        let answers = self.visits.iter().filter_map(|visit| match visit.decision {
            Decision::Answered(time) => Some(time),
            _ => None,
        });
        let contact = answers.min().map(|time| (End::Answered, time)).or(ended);
        self.rules.hit(match contact {
            Some((End::Answered, _)) => Rule::ContactAnswered,
            Some(_) => Rule::ContactEnded,
            None => Rule::ContactWaiting,
        });
        self.clock(Measure::ContactWait, 0, begin, begin, contact);

        let reply = self.talk.replies.first().map(|&time| (End::Answered, time));
        let first_resolved = self.talk.resolved.first().copied();
        // At one instant a visit ends before anything is resolved.
        let is_resolved_first = first_resolved.is_some_and(|time| ended.is_none_or(|(_, ended_at)| time < ended_at));
        let closed = if is_resolved_first { first_resolved.map(|time| (End::Left, time)) } else { ended };
        self.rules.hit(match (reply, closed) {
            (Some(_), _) => Rule::FirstReplyAnswered,
            (None, Some(_)) if is_resolved_first => Rule::FirstReplyResolved,
            (None, Some(_)) => Rule::FirstReplyEnded,
            (None, None) => Rule::FirstReplyWaits,
        });
        self.clock(Measure::FirstReply, 0, begin, begin, reply.or(closed));

        let resolved = first_resolved.map(|time| (End::Answered, time));
        self.rules.hit(match (resolved, ended) {
            (Some(_), _) => Rule::FirstResolutionAnswered,
            (None, Some(_)) => Rule::FirstResolutionEnded,
            (None, None) => Rule::FirstResolutionWaits,
        });
        self.clock(Measure::FirstResolution, 0, begin, begin, resolved.or(ended));
        self.resolution(begin, ended);
    }

    fn resolution(&mut self, begin: u64, ended: Option<(End, u64)>) {
        let lane = &self.lanes[0];
        let promises = promises_at(self.settings, begin);
        let is_promised = promises.of_measure(Measure::Resolution, &lane.queue, &lane.channel, &lane.tier).is_some();
        let last_resolved = self.talk.resolved.last().copied();
        if !is_promised && last_resolved.is_none() && !self.talk.is_told {
            self.rules.hit(Rule::NoResolution);
            return;
        }
        let reopened = self.talk.reopened.last().copied().filter(|&time| Some(time) > last_resolved);
        let completed = self.visits.last().and_then(|visit| visit.completed).filter(|_| !is_promised);
        let (rule, end) = match (last_resolved, reopened) {
            (Some(time), None) => (Rule::ResolutionAnswered, Some((End::Answered, time))),
            (Some(_), Some(reopened)) => match ended.filter(|&(_, time)| time >= reopened) {
                Some(end) => (Rule::ResolutionReopenedEnded, Some(end)),
                None => (Rule::ResolutionReopened, None),
            },
            (None, _) => match (ended, completed) {
                (Some(end), _) => (Rule::ResolutionEnded, Some(end)),
                (None, Some(completion)) => (Rule::ResolutionCompleted, Some((End::Left, completion.time))),
                (None, None) => (Rule::ResolutionWaits, None),
            },
        };
        self.rules.hit(rule);
        self.clock(Measure::Resolution, 0, begin, begin, end);
    }
}

/// How a wait ended, and when.
fn end_of(decision: &Decision) -> Option<(End, u64)> {
    let end = match decision {
        Decision::Waiting => return None,
        Decision::Answered(_) => End::Answered,
        Decision::Abandoned(_) => End::Abandoned,
        Decision::Left { .. } | Decision::Transferred(_) | Decision::Closed(_) => End::Left,
    };
    decision.time().map(|time| (end, time))
}

/// The promises in force at this time.
fn promises_at(settings: &Settings, time: u64) -> &Promises {
    let row = settings.promises.iter().rev().find(|(from, _)| from.millis() <= time);
    &row.unwrap_or(&settings.promises[0]).1
}
