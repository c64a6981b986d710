//! Which fact means which visit.
//!
//! A [`Folder`] takes the facts of one life in order of time and keeps its visits as they stand. Most facts come alone
//! and go the short way of `Folder::single`. Facts of one instant are judged together in `tied`. The rules, with
//! an example each, are under `tests/scenarios`.
//!
//! What customers and agents say to each other decides no visit; it is looked at in `talk`, once the visits are known.
//! Ratings and outcomes are told of a visit in `said`. `clocks` makes stays of both.

use smallvec::SmallVec;

use crate::engine::contact::Life;
use crate::engine::fact::{Fact, FactKind};
use crate::engine::lane::Lanes;
use crate::engine::settings::SKEW_MS;
use crate::engine::stay::{Decision, Stay};
use crate::event::{HandleParts, Reason};

mod clocks;
mod said;
mod talk;
mod tied;

use self::tied::Tied;

/// One stay in one queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Visit {
    lane: u32,
    queue: u32,
    offered_at: u64,
    decision: Decision,
    /// When it was handled to the end, and its handle time if that was told, in milliseconds.
    completed: Option<(u64, Option<u64>)>,
    /// Whether an answered, abandoned or left fact decided it.
    by_fact: bool,
}

impl Visit {
    fn waits(&self) -> bool {
        self.decision == Decision::Waiting
    }

    fn answered_at(&self) -> Option<u64> {
        match self.decision {
            Decision::Answered(time) => Some(time),
            _ => None,
        }
    }

    fn is_in(&self, queue: Option<u32>) -> bool {
        queue.is_none_or(|queue| self.queue == queue)
    }

    /// Whether a fact of this kind and time tells again what decided the visit.
    fn repeats(&self, fact: &Fact) -> bool {
        let told = match (fact.kind, self.decision) {
            (FactKind::Answered, Decision::Answered(time))
            | (FactKind::Abandoned, Decision::Abandoned(time))
            | (FactKind::Left(_), Decision::Left(time, _)) => time,
            _ => return false,
        };
        told.abs_diff(fact.time) <= SKEW_MS
    }
}

/// A fact that no visit could take when it happened, kept for a later offer.
#[derive(Clone, Copy, Debug)]
struct Pending {
    fact: Fact,
    /// Whether a visit may take it from further away than the skew: it is the first that the fact can mean.
    first: bool,
}

/// The visits of one life, as far as its facts have been taken in.
pub(super) struct Folder<'a> {
    lanes: &'a Lanes,
    /// Far facts that a first look found to be the only decision of their visit.
    given: &'a [Fact],
    visits: SmallVec<[Visit; 2]>,
    pending: SmallVec<[Pending; 2]>,
    /// A far fact and the visit that it may decide if nothing else does.
    far: SmallVec<[(usize, Fact); 1]>,
    /// Completions from before the first visit they can mean; with that visit, once it is there.
    early_completions: SmallVec<[(Option<usize>, Fact); 1]>,
    /// Queues that a resolution named before any offer to them.
    resolved_in: SmallVec<[u32; 1]>,
    /// The latest visit that an offer elsewhere ended without a fact saying so, and when.
    left_implicitly: Option<(usize, u64)>,
    resolved: bool,
    /// Whether there was a rating or an outcome.
    said: bool,
    skew: u32,
    conflict: u32,
}

impl<'a> Folder<'a> {
    /// No visits yet. `given` are far facts that decide their visit, as an earlier look found.
    pub(super) fn new(lanes: &'a Lanes, given: &'a [Fact]) -> Folder<'a> {
        Folder {
            lanes,
            given,
            visits: SmallVec::new(),
            pending: SmallVec::new(),
            far: SmallVec::new(),
            early_completions: SmallVec::new(),
            resolved_in: SmallVec::new(),
            left_implicitly: None,
            resolved: false,
            said: false,
            skew: 0,
            conflict: 0,
        }
    }

    /// Takes in facts, in order of time.
    pub(super) fn all(&mut self, facts: &[Fact]) {
        for instant in facts.chunk_by(|one, next| one.time == next.time) {
            match instant {
                [fact] => self.single(fact, &mut []),
                several => self.tied(several),
            }
        }
    }

    /// A fact by itself. `answers` are the answers of the same instant that are still to be judged.
    fn single(&mut self, fact: &Fact, answers: &mut [Tied]) {
        match fact.kind {
            FactKind::Offered => self.offered(fact, answers),
            FactKind::Answered | FactKind::Abandoned | FactKind::Left(_) => self.decided(fact),
            FactKind::Completed(_) => self.completed(fact),
            FactKind::Resolved => self.resolved(fact),
            FactKind::Reopened => (self.resolved, self.said) = (false, true),
            FactKind::CustomerMessage | FactKind::AgentReply | FactKind::Paused | FactKind::Resumed => {}
            FactKind::Rated(..) | FactKind::Outcome(..) => self.said = true,
        }
    }

    fn offered(&mut self, fact: &Fact, answers: &mut [Tied]) {
        let queue = self.lanes.lane(fact.place).queue;
        if let Some(latest) = self.visits.last() {
            if latest.queue == queue && (latest.waits() || fact.time - latest.offered_at <= SKEW_MS) {
                return;
            }
            if latest.waits() {
                let latest_queue = latest.queue;
                let visit = self.visits.len() - 1;
                let names_it = |answer: &&mut Tied| !answer.used && answer.fact.named() == Some(latest_queue);
                if let Some(answer) = answers.iter_mut().find(names_it) {
                    answer.used = true;
                    self.decide(visit, &answer.fact);
                } else {
                    self.visits[visit].decision = Decision::Left(fact.time, Reason::Transfer);
                    self.left_implicitly = Some((visit, fact.time));
                }
            }
        }
        self.visits.push(Visit {
            lane: fact.place,
            queue,
            offered_at: fact.time,
            decision: Decision::Waiting,
            completed: None,
            by_fact: false,
        });
        self.take_early(queue);
    }

    /// Gives the newest visit what came before it.
    fn take_early(&mut self, queue: u32) {
        if self.pending.is_empty() && self.early_completions.is_empty() {
            return;
        }
        let visit = self.visits.len() - 1;
        let offered_at = self.visits[visit].offered_at;
        for early in &mut self.early_completions {
            if early.0.is_none() && early.1.named().is_none_or(|named| named == queue) {
                early.0 = Some(visit);
            }
        }
        let (mine, others): (SmallVec<[Pending; 2]>, _) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|early| early.fact.named().is_none_or(|named| named == queue));
        self.pending = others;
        for Pending { fact, first } in mine {
            if offered_at - fact.time <= SKEW_MS || self.given.contains(&fact) {
                self.decide(visit, &fact);
            } else if first {
                self.far.push((visit, fact));
            } else {
                self.conflict += 1;
            }
        }
    }

    /// An answered, abandoned or left.
    fn decided(&mut self, fact: &Fact) {
        let named = fact.named();
        if self.confirms_transfer(fact) {
            return;
        }
        if let Some(waiting) = self.waiting_in(named) {
            self.decide(waiting, fact);
            return;
        }
        let candidate = self.visits.iter().rfind(|visit| visit.is_in(named));
        if candidate.is_some_and(|visit| visit.repeats(fact)) {
            return;
        }
        let first = candidate.is_none();
        if fact.kind == FactKind::Left(Reason::Transfer) && named.is_none() {
            self.conflict += 1;
        } else {
            self.pending.push(Pending { fact: *fact, first });
        }
    }

    fn confirms_transfer(&self, fact: &Fact) -> bool {
        fact.kind == FactKind::Left(Reason::Transfer)
            && self
                .left_implicitly
                .is_some_and(|(visit, time)| fact.time - time <= SKEW_MS && self.visits[visit].is_in(fact.named()))
    }

    fn waiting_in(&self, queue: Option<u32>) -> Option<usize> {
        let latest = self.visits.last()?;
        (latest.waits() && latest.is_in(queue)).then(|| self.visits.len() - 1)
    }

    /// Has this fact decide this visit, unless an earlier one did.
    fn decide(&mut self, at: usize, fact: &Fact) {
        let visit = &mut self.visits[at];
        if !visit.waits() {
            self.conflict += u32::from(!visit.repeats(fact));
            return;
        }
        visit.by_fact = true;
        visit.decision = match fact.kind {
            FactKind::Answered => Decision::Answered(fact.time),
            FactKind::Left(reason) => Decision::Left(fact.time, reason),
            _ => Decision::Abandoned(fact.time),
        };
        self.skew += u32::from(fact.time < visit.offered_at);
        if fact.kind == FactKind::Answered && !self.early_completions.is_empty() {
            self.complete_early(at);
        }
    }

    fn complete_early(&mut self, at: usize) {
        let (mine, others): (SmallVec<[_; 1]>, _) = std::mem::take(&mut self.early_completions)
            .into_iter()
            .partition(|early: &(Option<usize>, Fact)| early.0 == Some(at));
        self.early_completions = others;
        for (_, fact) in mine {
            match self.visits[at].completed {
                None => {
                    self.skew += 1;
                    self.complete(at, &fact);
                }
                Some((standing, _)) => self.conflict += u32::from(fact.time - standing > SKEW_MS),
            }
        }
    }

    fn complete(&mut self, at: usize, fact: &Fact) {
        let told_ms = match fact.kind {
            FactKind::Completed(parts) => parts.map(HandleParts::total_ms),
            _ => None,
        };
        self.visits[at].completed = Some((fact.time, told_ms));
    }

    fn completed(&mut self, fact: &Fact) {
        let named = fact.named();
        if let Some(at) = in_service(&self.visits, named) {
            self.complete(at, fact);
            return;
        }
        if repeats_completion(&self.visits, named, fact.time) {
            return;
        }
        if let Some(waiting) = self.waiting_in(named) {
            self.close(waiting, fact.time);
        } else if !self.visits.iter().any(|visit| visit.is_in(named)) {
            self.early_completions.push((None, *fact));
        } else {
            self.conflict += 1;
        }
    }

    fn resolved(&mut self, fact: &Fact) {
        self.resolved = true;
        let named = fact.named();
        if let Some(waiting) = self.waiting_in(named) {
            self.close(waiting, fact.time);
        } else if let Some(queue) = named
            && !self.visits.iter().any(|visit| visit.queue == queue)
        {
            self.resolved_in.push(queue);
        }
    }

    fn close(&mut self, at: usize, time: u64) {
        let visit = &mut self.visits[at];
        match visit.decision {
            Decision::Waiting => visit.decision = Decision::Closed(time),
            Decision::Closed(_) => {}
            _ => self.conflict += 1,
        }
    }

    /// The far facts that are the only decision of their visit: the earliest of each such visit.
    pub(super) fn far_facts_to_give(&self) -> SmallVec<[Fact; 1]> {
        let mut given: SmallVec<[Fact; 1]> = SmallVec::new();
        let mut decided: SmallVec<[usize; 1]> = SmallVec::new();
        for &(visit, fact) in &self.far {
            if !self.visits[visit].by_fact && !decided.contains(&visit) {
                decided.push(visit);
                given.push(fact);
            }
        }
        given
    }

    /// What was taken in amounts to this life; `facts` are all of its facts.
    pub(super) fn life(&self, facts: &[Fact], settle_ms: u64) -> Life {
        let last = facts.last().map_or(0, |fact| fact.time);
        let expire_ms = self.expire_ms();
        if self.visits.is_empty() {
            let orphan = u32::try_from(facts.len()).expect("facts are limited");
            let (stays, notes) = (SmallVec::new(), self.notes(facts));
            let (pauses, effort) = (Vec::new(), Vec::new());
            let until = last + expire_ms;
            return Life { stays, pauses, effort, notes, skew: 0, conflict: 0, orphan, last, until, finished: false };
        }
        let mut life = Life {
            stays: SmallVec::new(),
            pauses: Vec::new(),
            effort: Vec::new(),
            notes: self.notes(facts),
            skew: self.skew,
            conflict: self.conflict + self.unsettled(),
            orphan: 0,
            last,
            until: last + expire_ms,
            finished: false,
        };
        self.clocks(facts, last + expire_ms, &mut life);
        if self.is_over() && !life.stays.iter().any(Stay::is_open) {
            (life.finished, life.until) = (true, last + settle_ms);
        }
        life
    }

    /// The [`Life::until`] of the life that was taken in, in milliseconds; `facts` are all of its facts.
    pub(super) fn until(&self, facts: &[Fact], settle_ms: u64) -> u64 {
        // No clock need be looked at where a visit waits or is in service.
        if self.is_over() {
            return self.life(facts, settle_ms).until;
        }
        facts.last().map_or(0, |fact| fact.time) + self.expire_ms()
    }

    /// How long the life is held after its last fact while it is not finished, in milliseconds.
    fn expire_ms(&self) -> u64 {
        let of_visits = self.visits.iter().map(|visit| self.lanes.lane(visit.lane).expire_ms).max();
        of_visits.unwrap_or(self.lanes.unknown_expire_ms)
    }

    /// Whether the latest visit came to its end.
    fn is_over(&self) -> bool {
        self.visits.last().is_some_and(|latest| match latest.decision {
            Decision::Waiting => false,
            Decision::Answered(_) => latest.completed.is_some() || self.resolved,
            _ => true,
        })
    }

    /// Facts that nothing took after all.
    fn unsettled(&self) -> u32 {
        let repeats = |at: usize, fact: &Fact| self.visits[at].repeats(fact);
        let far = self.far.iter().filter(|(visit, fact)| !repeats(*visit, fact)).count();
        let never_offered = |queue: &&u32| !self.visits.iter().any(|visit| visit.queue == **queue);
        let resolved = self.resolved_in.iter().filter(never_offered).count();
        let count = self.pending.len() + self.early_completions.len() + far + resolved;
        u32::try_from(count).expect("facts are limited")
    }
}

/// The latest visit of the queue, if one is named, that was answered and not yet completed.
fn in_service(visits: &[Visit], queue: Option<u32>) -> Option<usize> {
    let open = |visit: &Visit| visit.is_in(queue) && visit.answered_at().is_some() && visit.completed.is_none();
    visits.iter().rposition(open)
}

/// Whether the latest completion in the queue, if one is named, is so recent that this one tells it again.
fn repeats_completion(visits: &[Visit], queue: Option<u32>, time: u64) -> bool {
    let latest = visits.iter().rev().filter(|visit| visit.is_in(queue)).find_map(|visit| visit.completed);
    latest.is_some_and(|(completed_at, _)| time.abs_diff(completed_at) <= SKEW_MS)
}
