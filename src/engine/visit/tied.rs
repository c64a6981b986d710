//! Facts of one instant, and what beats what among them.
//!
//! Everything here is about ties; how a fact by itself is judged is told in [`visit`](super).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::{Folder, Visit, in_service, repeats_completion};
use crate::engine::fact::{Fact, FactKind};

/// A fact of an instant with several, and whether it has been judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tied {
    pub(super) fact: Fact,
    pub(super) used: bool,
}

impl Folder<'_> {
    /// Facts of one instant: first the ends that visits offered earlier can take, all judged by how things stood
    /// before; then offers; then the rest. An answer beats any other end of the visit it means.
    pub(super) fn tied(&mut self, instant: &[Fact]) {
        let mut facts: SmallVec<[Tied; 4]> = instant.iter().map(|&fact| Tied { fact, used: false }).collect();
        facts.sort_by(|one, other| self.compare_tied(&one.fact, &other.fact));
        let offers = facts.iter().position(|tied| tied.fact.kind != FactKind::Offered).unwrap_or(facts.len());
        let (offers, rest) = facts.split_at_mut(offers);
        let answers = rest.iter().position(|tied| tied.fact.kind != FactKind::Answered).unwrap_or(rest.len());
        let (answers, rest) = rest.split_at_mut(answers);

        let before = self.visits.clone();
        let waiting = before.last().filter(|visit| visit.waits()).map(|visit| (before.len() - 1, visit.queue));
        if let Some((visit, queue)) = waiting {
            let elsewhere = offers.iter().any(|offer| self.lanes.lane(offer.fact.place).queue != queue);
            for answer in &mut *answers {
                if answer.fact.named().map_or(!elsewhere, |named| named == queue) {
                    answer.used = true;
                    self.decide(visit, &answer.fact);
                }
            }
        }
        let still_waiting = waiting.filter(|&(visit, _)| self.visits[visit].waits());
        for end in &mut *rest {
            end.used = self.ends_earlier(&end.fact, &before, still_waiting);
        }
        for offer in offers {
            self.single(&offer.fact, answers);
        }
        for tied in answers.iter().chain(&*rest).filter(|tied| !tied.used) {
            self.single(&tied.fact, &mut []);
        }
        self.resolved |= instant.iter().any(|fact| fact.kind == FactKind::Resolved);
    }

    /// Whether a visit that was there `before` this instant takes this abandoned, left, completed or resolved.
    fn ends_earlier(&mut self, fact: &Fact, before: &[Visit], waiting: Option<(usize, u32)>) -> bool {
        let named = fact.named();
        let waiting = waiting.filter(|&(_, queue)| named.is_none_or(|named| named == queue)).map(|(visit, _)| visit);
        match fact.kind {
            FactKind::Abandoned | FactKind::Left(_) => {
                if self.confirms_transfer(fact) {
                    return true;
                }
                waiting.inspect(|&visit| self.decide(visit, fact)).is_some()
            }
            FactKind::Completed(_) => {
                if let Some(at) = in_service(before, named) {
                    if self.visits[at].completed.is_none() {
                        self.complete(at, fact);
                    }
                    return true;
                }
                if repeats_completion(before, named, fact.time) {
                    return true;
                }
                waiting.inspect(|&visit| self.close(visit, fact.time)).is_some()
            }
            FactKind::Resolved => {
                let open = waiting.filter(|&visit| self.visits[visit].waits());
                open.inspect(|&visit| self.close(visit, fact.time));
                waiting.is_some()
            }
            _ => false,
        }
    }

    /// The order of facts within an instant: by kind, then by names, then by what they carry.
    fn compare_tied(&self, one: &Fact, other: &Fact) -> Ordering {
        let name = |fact: &Fact| fact.named().map(|queue| self.lanes.queues.text(queue).as_bytes());
        rank(&one.kind).cmp(&rank(&other.kind)).then_with(|| match (one.kind, other.kind) {
            (FactKind::Offered, FactKind::Offered) => self.lanes.compare(one.place, other.place),
            (FactKind::Left(reason), FactKind::Left(other_reason)) => {
                name(one).cmp(&name(other)).then_with(|| reason.name().cmp(other_reason.name()))
            }
            (FactKind::Completed(parts), FactKind::Completed(other_parts)) => {
                name(one).cmp(&name(other)).then_with(|| parts.cmp(&other_parts))
            }
            _ => name(one).cmp(&name(other)),
        })
    }
}

/// Offers first, then by what beats what.
fn rank(kind: &FactKind) -> u8 {
    match kind {
        FactKind::Offered => 0,
        FactKind::Answered => 1,
        FactKind::Abandoned => 2,
        FactKind::Left(_) => 3,
        FactKind::Completed(_) => 4,
        FactKind::Reopened => 5,
        FactKind::Resolved => 6,
        _ => 7,
    }
}
