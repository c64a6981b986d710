//! The facts of one life become visits: what is decided at each instant, phase by phase.
//!
//! [`fold`] folds a life once without its far facts, then, where a visit wants one, once more with them. Which visit an
//! answer or end means when no earlier visit takes it is in [`super::which`]. Where one id's facts are cut into lives is
//! in [`super::lives`], what is said meanwhile in [`super::talk`]. Nothing is measured here.

use crate::engine::settings::SKEW_MS;

use super::event::{Fact, What};
use super::rule::{Rule, RuleCounts};
use super::which::{self, Pending};

/// One stay of a contact in one queue.
#[derive(Clone, PartialEq, Debug)]
pub struct Visit {
    /// Its lane.
    pub queue: String,
    /// Its lane.
    pub channel: String,
    /// Its lane.
    pub tier: String,
    /// When it was put into the queue.
    pub offered_at: u64,
    /// What became of it.
    pub decision: Decision,
    /// When its handling ended.
    pub completed: Option<Completion>,
    /// Whether a fact (not an implicit transfer, not a closing) decided it.
    pub took_fact: bool,
    /// Completions told before its first offer, in order.
    pub early_completed: Vec<Fact>,
}

/// What became of a visit, and when it was said to have happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Nothing yet.
    Waiting,
    /// An agent took it.
    Answered(u64),
    /// The customer gave up.
    Abandoned(u64),
    /// It left by a `left` fact.
    Left {
        /// When.
        time: u64,
        /// Why, by the name that events give it.
        reason: String,
    },
    /// It left because the next visit began.
    Transferred(u64),
    /// It was completed or resolved while it waited.
    Closed(u64),
}

/// The end of the handling of an answered visit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Completion {
    /// When.
    pub time: u64,
    /// The sum of its parts, in milliseconds, if they were told.
    pub parts_ms: Option<u64>,
    /// Told before the offer.
    pub early: bool,
}

impl Decision {
    /// When it was decided; none while waiting.
    pub fn time(&self) -> Option<u64> {
        match self {
            Decision::Waiting => None,
            Decision::Answered(time)
            | Decision::Abandoned(time)
            | Decision::Left { time, .. }
            | Decision::Transferred(time)
            | Decision::Closed(time) => Some(*time),
        }
    }

    /// Whether it is what this kind of fact makes of a visit; a closing is no leaving.
    pub fn is_same_kind(&self, what: &What) -> bool {
        matches!(
            (self, what),
            (Decision::Answered(_), What::Answered)
                | (Decision::Abandoned(_), What::Abandoned)
                | (Decision::Left { .. } | Decision::Transferred(_), What::Left(_))
        )
    }
}

impl Visit {
    /// Whether nothing has become of it.
    pub fn waits(&self) -> bool {
        self.decision == Decision::Waiting
    }

    /// Whether it was answered and its handling has not ended.
    pub fn is_being_handled(&self) -> bool {
        matches!(self.decision, Decision::Answered(_)) && self.completed.is_none()
    }

    /// Whether a fact may mean it: it names this queue, or none.
    pub fn is_meant_by(&self, fact: &Fact) -> bool {
        fact.queue.as_ref().is_none_or(|queue| *queue == self.queue)
    }
}

/// A life, folded.
#[derive(Clone, PartialEq, Debug)]
pub struct Life {
    /// In the order of their offers.
    pub visits: Vec<Visit>,
    /// Facts that contradict what stands.
    pub conflicts: u64,
    /// Facts that were taken although they lie before the offer.
    pub skews: u64,
}

/// Folds the facts of one life, which are sorted by time.
pub fn fold(facts: &[Fact], rules: &mut RuleCounts) -> Life {
    let mut not_counted = RuleCounts::default();
    let gifts = which::far_gifts(&run(facts, Vec::new(), &mut not_counted));
    let mut folding = run(facts, gifts, rules);
    which::judge_what_is_left(&mut folding);
    Life { visits: folding.visits, conflicts: folding.conflicts, skews: folding.skews }
}

fn run<'a>(facts: &[Fact], gifts: Vec<Gift>, rules: &'a mut RuleCounts) -> Folding<'a> {
    let mut folding = Folding {
        rules,
        visits: Vec::new(),
        pending: Vec::new(),
        early_completed: Vec::new(),
        transferred: None,
        gifts,
        never_offered: Vec::new(),
        conflicts: 0,
        skews: 0,
    };
    for instant in facts.chunk_by(|one, other| one.time == other.time) {
        folding.instant(instant);
    }
    folding
}

/// A far fact and the queue whose first visit it is given to.
pub type Gift = (Fact, String);

/// The state of a life while it is folded.
pub struct Folding<'a> {
    pub(super) rules: &'a mut RuleCounts,
    pub(super) visits: Vec<Visit>,
    /// Answered, abandoned and left facts that no visit took, for later offers.
    pub(super) pending: Vec<Pending>,
    /// Completions that found no visit they could mean.
    pub(super) early_completed: Vec<Fact>,
    /// When the latest implicit transfer happened, and of which queue.
    pub(super) transferred: Option<(u64, String)>,
    /// Far facts that are given to visits.
    pub(super) gifts: Vec<Gift>,
    /// Resolves naming a queue that no visit had then.
    pub(super) never_offered: Vec<Fact>,
    pub(super) conflicts: u64,
    pub(super) skews: u64,
}

/// Kind, then queue (none first), then reason or parts.
pub fn tie_order(fact: &Fact) -> (u8, Option<&str>, Option<&str>, Option<[u64; 3]>) {
    let queue = fact.queue.as_deref();
    match &fact.what {
        What::Answered => (0, queue, None, None),
        What::Abandoned => (1, queue, None, None),
        What::Left(reason) => (2, queue, Some(reason), None),
        What::Completed(parts) => (3, queue, None, *parts),
        What::Resolved => (4, queue, None, None),
        _ => (5, queue, None, None),
    }
}

impl Folding<'_> {
    fn instant(&mut self, facts: &[Fact]) {
        let mut offers: Vec<(&str, &str, &str)> = Vec::new();
        let mut others: Vec<&Fact> = Vec::new();
        for fact in facts {
            match &fact.what {
                What::Offered { queue, channel, tier } => offers.push((queue, channel, tier)),
                What::Answered | What::Abandoned | What::Left(_) | What::Completed(_) | What::Resolved => {
                    others.push(fact);
                }
                _ => {}
            }
        }
        let time = facts[0].time;
        offers.sort_unstable();
        others.sort_by_key(|fact| tie_order(fact));

        let before = self.visits.clone();
        let answered = self.answer_of_earlier_visit(&offers, &mut others);
        others.retain(|fact| !self.end_of_earlier_visit(fact, &before, answered));
        for offer in offers {
            self.offer(time, offer, &mut others);
        }
        for fact in others {
            self.which_visit(fact);
        }
    }

    /// Phase 0: the visit that waits is answered at this instant, whatever else ends it. Says whether it was.
    fn answer_of_earlier_visit(&mut self, offers: &[(&str, &str, &str)], others: &mut Vec<&Fact>) -> bool {
        let Some(index) = self.waiting() else { return false };
        let queue = self.visits[index].queue.clone();
        let elsewhere = offers.iter().any(|offer| offer.0 != queue);
        let mut answered = false;
        let facts = std::mem::take(others);
        let many = facts.len() > 1;
        for fact in facts {
            let named = fact.queue.as_ref() == Some(&queue);
            let means_it = named || (fact.queue.is_none() && !elsewhere);
            if fact.what != What::Answered || !means_it {
                if fact.what == What::Answered && fact.queue.is_none() {
                    self.rules.hit(Rule::AnswerOfNext);
                }
                others.push(fact);
            } else if answered {
                self.rules.hit(Rule::AnswerTwiceAtOnce);
            } else {
                answered = true;
                self.decide(index, fact);
                if elsewhere {
                    self.rules.hit(Rule::AnswerBeatsTransfer);
                } else if many {
                    self.rules.hit(Rule::AnswerBeatsEnd);
                }
            }
        }
        answered
    }

    /// Phase 1: an end of a visit offered earlier, judged by how things stood `before`; `answered` says that the visit
    /// which waited then was answered in phase 0. Says whether the fact found its visit.
    fn end_of_earlier_visit(&mut self, fact: &Fact, before: &[Visit], answered: bool) -> bool {
        let waiting = match before.last() {
            Some(visit) if visit.waits() && visit.is_meant_by(fact) && !answered => Some(before.len() - 1),
            _ => None,
        };
        match &fact.what {
            What::Abandoned | What::Left(_) => {
                if self.confirms_transfer(fact) {
                    self.rules.hit(Rule::EarlierTransferConfirmed);
                    return true;
                }
                let Some(index) = waiting else { return false };
                if self.visits[index].waits() {
                    self.rules.hit(Rule::EndTakesEffect);
                    self.decide(index, fact);
                } else if self.visits[index].decision.is_same_kind(&fact.what) {
                    self.rules.hit(Rule::EndRepeat);
                } else {
                    self.rules.hit(Rule::EndConflict);
                    self.conflicts += 1;
                }
                true
            }
            What::Completed(_) => {
                if let Some(index) =
                    before.iter().rposition(|visit| visit.is_being_handled() && visit.is_meant_by(fact))
                {
                    if self.visits[index].completed.is_none() {
                        self.rules.hit(Rule::CompletesBefore);
                        self.complete(index, fact, false);
                    } else {
                        self.rules.hit(Rule::CompletedTwiceAtOnce);
                    }
                    return true;
                }
                if which::is_completed_again(before, fact) {
                    self.rules.hit(Rule::CompletedAgain);
                    return true;
                }
                let Some(index) = waiting else { return false };
                if self.visits[index].waits() {
                    self.rules.hit(Rule::CompletedCloses);
                    self.visits[index].decision = Decision::Closed(fact.time);
                } else if matches!(self.visits[index].decision, Decision::Closed(_)) {
                    self.rules.hit(Rule::ClosedTwiceAtOnce);
                } else {
                    self.rules.hit(Rule::CompletedTooLate);
                    self.conflicts += 1;
                }
                true
            }
            What::Resolved => {
                let Some(index) = waiting else { return false };
                if self.visits[index].waits() {
                    self.rules.hit(Rule::ResolvedCloses);
                    self.visits[index].decision = Decision::Closed(fact.time);
                } else {
                    self.rules.hit(Rule::ResolvedWithEnd);
                }
                true
            }
            _ => false,
        }
    }

    /// Phase 2: the same offer again, or a new visit, which ends the one that still waits.
    fn offer(&mut self, time: u64, (queue, channel, tier): (&str, &str, &str), others: &mut Vec<&Fact>) {
        if let Some(latest) = self.visits.last() {
            let soon = time - latest.offered_at <= SKEW_MS;
            if queue == latest.queue && (latest.waits() || soon) {
                self.rules.hit(if latest.waits() { Rule::SameOfferWaiting } else { Rule::SameOfferEnded });
                return;
            }
            if latest.waits() {
                self.make_way(time, others);
            } else {
                self.rules.hit(Rule::OfferAfterEnd);
            }
        } else {
            self.rules.hit(Rule::FirstVisit);
        }
        self.visits.push(Visit {
            queue: queue.to_owned(),
            channel: channel.to_owned(),
            tier: tier.to_owned(),
            offered_at: time,
            decision: Decision::Waiting,
            completed: None,
            took_fact: false,
            early_completed: Vec::new(),
        });
        self.take_early_facts();
    }

    /// The waiting visit makes way for the next one: answered at this instant by a fact that names it, else transferred.
    fn make_way(&mut self, time: u64, others: &mut Vec<&Fact>) {
        let index = self.visits.len() - 1;
        let queue = self.visits[index].queue.clone();
        let answer = others.iter().position(|fact| fact.what == What::Answered && fact.queue.as_ref() == Some(&queue));
        if let Some(position) = answer {
            self.rules.hit(Rule::AnsweredBetweenOffers);
            let fact = others.remove(position);
            self.decide(index, fact);
        } else {
            self.rules.hit(Rule::ImplicitTransfer);
            self.visits[index].decision = Decision::Transferred(time);
            self.transferred = Some((time, queue));
        }
    }

    /// The visit that waits, which can only be the latest.
    pub(super) fn waiting(&self) -> Option<usize> {
        self.visits.last().is_some_and(Visit::waits).then(|| self.visits.len() - 1)
    }
}
