//! Which visit an answered, abandoned, left, completed or resolved means when no visit offered earlier takes it, and
//! what becomes of those that come before their offer.
//!
//! The order in which an instant's facts reach this is decided in [`super::fold`].

use crate::engine::settings::SKEW_MS;

use super::event::{Fact, What};
use super::fold::{Completion, Decision, Folding, Gift, Visit, tie_order};
use super::rule::Rule;

/// A fact that no visit took when it was told.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The fact.
    pub fact: Fact,
    /// Whether there was a visit then that it could have meant.
    pub had_candidate: bool,
}

/// Whether a completion tells the latest completion that it can mean again.
pub fn is_completed_again(visits: &[Visit], fact: &Fact) -> bool {
    let latest = visits.iter().rev().filter(|visit| visit.is_meant_by(fact)).find_map(|visit| visit.completed);
    latest.is_some_and(|completion| is_soon_after(fact.time, completion.time))
}

fn is_soon_after(time: u64, earlier: u64) -> bool {
    time >= earlier && time - earlier <= SKEW_MS
}

impl Folding<'_> {
    /// Phase 3: the visit that a fact means, as things stand.
    pub(super) fn which_visit(&mut self, fact: &Fact) {
        match fact.what {
            What::Answered | What::Abandoned | What::Left(_) => self.decision_told(fact),
            What::Completed(_) => self.completion_told(fact),
            What::Resolved => {
                let named_visit = fact.queue.is_none() || self.visits.iter().any(|visit| visit.is_meant_by(fact));
                match self.waiting().filter(|&index| self.visits[index].is_meant_by(fact)) {
                    Some(index) => {
                        self.rules.hit(Rule::ResolvedClosesAtOnce);
                        self.visits[index].decision = Decision::Closed(fact.time);
                    }
                    None if named_visit => self.rules.hit(Rule::ResolvedNothing),
                    None => self.never_offered.push(fact.clone()),
                }
            }
            _ => {}
        }
    }

    fn decision_told(&mut self, fact: &Fact) {
        if self.confirms_transfer(fact) {
            self.rules.hit(Rule::TransferConfirmedAtOnce);
            return;
        }
        if let Some(index) = self.waiting()
            && self.visits[index].is_meant_by(fact)
        {
            self.rules.hit(Rule::TakenByWaiting);
            self.decide(index, fact);
            return;
        }
        let candidate = self.visits.iter().rev().find(|visit| visit.is_meant_by(fact));
        if let Some(visit) = candidate
            && visit.decision.is_same_kind(&fact.what)
            && visit.decision.time().is_some_and(|time| is_soon_after(fact.time, time))
        {
            let implicit = matches!(visit.decision, Decision::Transferred(_));
            self.rules.hit(if implicit { Rule::RepeatOfImplicit } else { Rule::Repeat });
            return;
        }
        if is_transfer(fact) && fact.queue.is_none() {
            self.rules.hit(Rule::UnnamedTransferConflict);
            self.conflicts += 1;
            return;
        }
        let had_candidate = candidate.is_some();
        self.pending.push(Pending { fact: fact.clone(), had_candidate });
    }

    fn completion_told(&mut self, fact: &Fact) {
        let handled = self.visits.iter().rposition(|visit| visit.is_being_handled() && visit.is_meant_by(fact));
        if let Some(index) = handled {
            self.rules.hit(Rule::Completes);
            self.complete(index, fact, false);
        } else if is_completed_again(&self.visits, fact) {
            self.rules.hit(Rule::CompletedRepeat);
        } else if let Some(index) = self.waiting().filter(|&index| self.visits[index].is_meant_by(fact)) {
            self.rules.hit(Rule::CompletedClosesAtOnce);
            self.visits[index].decision = Decision::Closed(fact.time);
        } else if self.visits.iter().any(|visit| visit.is_meant_by(fact)) {
            self.rules.hit(Rule::CompletedConflict);
            self.conflicts += 1;
        } else {
            self.early_completed.push(fact.clone());
        }
    }

    /// Whether a `left` (transfer) only confirms the latest implicit transfer.
    pub(super) fn confirms_transfer(&self, fact: &Fact) -> bool {
        is_transfer(fact)
            && self.transferred.as_ref().is_some_and(|(time, queue)| {
                is_soon_after(fact.time, *time) && fact.queue.as_ref().is_none_or(|named| named == queue)
            })
    }

    /// A fact decides a visit, at the fact's own time.
    pub(super) fn decide(&mut self, index: usize, fact: &Fact) {
        let visit = &mut self.visits[index];
        visit.took_fact = true;
        visit.decision = match &fact.what {
            What::Answered => Decision::Answered(fact.time),
            What::Left(reason) => Decision::Left { time: fact.time, reason: reason.clone() },
            _ => Decision::Abandoned(fact.time),
        };
        if visit.is_being_handled()
            && let Some(early) = visit.early_completed.first().cloned()
        {
            self.rules.hit(Rule::EarlyCompleted);
            self.skews += 1;
            self.complete(index, &early, true);
        }
    }

    /// A completion ends the handling of an answered visit.
    pub(super) fn complete(&mut self, index: usize, fact: &Fact, early: bool) {
        let parts_ms = match fact.what {
            What::Completed(Some(parts)) => Some(parts.iter().sum()),
            _ => None,
        };
        self.visits[index].completed = Some(Completion { time: fact.time, parts_ms, early });
    }

    /// The visit just offered takes what was told before its offer: early completions, a far fact given to it, then
    /// near facts.
    pub(super) fn take_early_facts(&mut self) {
        let index = self.visits.len() - 1;
        let (queue, offered_at) = (self.visits[index].queue.clone(), self.visits[index].offered_at);
        let first_of_queue = self.visits.iter().filter(|visit| visit.queue == queue).count() == 1;

        let completions = std::mem::take(&mut self.early_completed);
        for fact in completions {
            let means_it = fact.queue.as_ref().map_or(index == 0, |named| first_of_queue && *named == queue);
            if means_it {
                self.visits[index].early_completed.push(fact);
            } else {
                self.early_completed.push(fact);
            }
        }
        self.visits[index].early_completed.sort_by(in_order);

        let gift = self.gifts.iter().find(|gift| gift.1 == queue).map(|gift| gift.0.clone());
        if first_of_queue && let Some(fact) = gift {
            self.rules.hit(match fact.what {
                What::Answered => Rule::FarAnswer,
                What::Abandoned => Rule::FarAbandon,
                _ => Rule::FarLeft,
            });
            if index > 0 {
                self.rules.hit(Rule::FarNamedLater);
            }
            self.skews += 1;
            self.decide(index, &fact);
        }

        let mut near = Vec::new();
        self.pending.retain(|pending| {
            let is_near = offered_at - pending.fact.time <= SKEW_MS;
            let means_it = pending.fact.queue.as_ref().is_none_or(|named| *named == queue);
            if is_near && means_it {
                near.push(pending.fact.clone());
            }
            !(is_near && means_it)
        });
        near.sort_by(in_order);
        for fact in near {
            self.near_fact(index, &fact);
        }
    }

    fn near_fact(&mut self, index: usize, fact: &Fact) {
        let visit = &self.visits[index];
        if visit.waits() {
            self.rules.hit(match fact.what {
                What::Answered => Rule::NearAnswer,
                What::Abandoned => Rule::NearAbandon,
                _ => Rule::NearLeft,
            });
            if fact.queue.is_some() {
                self.rules.hit(Rule::NearNamed);
            }
            if index > 0 {
                self.rules.hit(Rule::NearAfterVisit);
            }
            self.skews += 1;
            self.decide(index, fact);
        } else if is_repeat_of(visit, fact) {
            self.rules.hit(Rule::NearRepeat);
        } else {
            self.rules.hit(Rule::NearConflict);
            self.conflicts += 1;
        }
    }
}

/// The far facts that are given to visits, by what the fold without them came to: to each visit that took no fact, the
/// earliest of its own.
pub fn far_gifts(folding: &Folding<'_>) -> Vec<Gift> {
    let mut gifts: Vec<Gift> = Vec::new();
    for visit in &folding.visits {
        let is_given = gifts.iter().any(|gift| gift.1 == visit.queue);
        let is_first = first_visit_of(folding, &visit.queue) == Some(visit);
        if is_first && !visit.took_fact && !is_given {
            let mut far: Vec<Fact> = folding
                .pending
                .iter()
                .filter(|pending| far_visit(folding, pending) == Some(visit))
                .map(|pending| pending.fact.clone())
                .collect();
            far.sort_by(in_order);
            gifts.extend(far.first().map(|fact| (fact.clone(), visit.queue.clone())));
        }
    }
    gifts
}

/// The visit that a pending fact is far before: the first of the life, or of the queue it names.
fn far_visit<'a>(folding: &'a Folding<'_>, pending: &Pending) -> Option<&'a Visit> {
    if pending.had_candidate {
        return None;
    }
    match &pending.fact.queue {
        None => folding.visits.first(),
        Some(queue) => first_visit_of(folding, queue),
    }
}

fn first_visit_of<'a>(folding: &'a Folding<'_>, queue: &str) -> Option<&'a Visit> {
    folding.visits.iter().find(|visit| visit.queue == queue)
}

/// At the end of the fold: what no visit took is a far fact that was given or repeats one, or a conflict.
pub fn judge_what_is_left(folding: &mut Folding<'_>) {
    if folding.visits.is_empty() {
        // Without an offer nothing is judged: its facts are orphans.
        folding.rules.hit(Rule::OrphanLife);
        folding.conflicts = 0;
        return;
    }
    let mut hits = Vec::new();
    for pending in &folding.pending {
        let fact = &pending.fact;
        let Some(visit) = far_visit(folding, pending) else {
            let is_offered = fact.queue.as_ref().is_none_or(|queue| first_visit_of(folding, queue).is_some());
            hits.push(if is_offered { Rule::PendingConflict } else { Rule::QueueNeverOffered });
            continue;
        };
        let gift = folding.gifts.iter().find(|gift| gift.1 == visit.queue).map(|gift| &gift.0);
        if gift == Some(fact) {
            continue;
        }
        // Where the visit took a near fact none is given, but a far one may still tell the same again.
        if is_repeat_of(visit, fact) {
            folding.rules.hit(if gift.is_some() { Rule::FarRepeat } else { Rule::FarRepeatOfNear });
        } else {
            hits.push(if gift.is_some() { Rule::FarConflict } else { Rule::FarRefused });
        }
    }
    for visit in &folding.visits {
        let standing = visit.completed.filter(|completion| completion.early);
        for (number, fact) in visit.early_completed.iter().enumerate() {
            hits.push(match standing {
                Some(_) if number == 0 => continue,
                Some(completion) if is_soon_after(fact.time, completion.time) => {
                    folding.rules.hit(Rule::EarlyCompletedRepeat);
                    continue;
                }
                Some(_) => Rule::EarlyCompletedConflict,
                None => Rule::EarlyCompletedUnanswered,
            });
        }
    }
    hits.extend(folding.early_completed.iter().map(|_| Rule::QueueNeverOffered));
    let unknown = folding.never_offered.iter().filter(|fact| {
        let queue = fact.queue.as_deref().expect("only resolves that name a queue are kept");
        first_visit_of(folding, queue).is_none()
    });
    hits.extend(unknown.map(|_| Rule::QueueNeverOffered));
    for rule in hits {
        folding.rules.hit(rule);
        folding.conflicts += 1;
    }
}

fn is_transfer(fact: &Fact) -> bool {
    matches!(&fact.what, What::Left(reason) if reason == "transfer")
}

/// Whether a fact tells the standing decision of a visit again.
fn is_repeat_of(visit: &Visit, fact: &Fact) -> bool {
    visit.decision.is_same_kind(&fact.what)
        && visit.decision.time().is_some_and(|time| fact.time.abs_diff(time) <= SKEW_MS)
}

fn in_order(one: &Fact, other: &Fact) -> std::cmp::Ordering {
    (one.time, tie_order(one)).cmp(&(other.time, tie_order(other)))
}
