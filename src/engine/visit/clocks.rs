//! The clocks of a life: what its visits and what was said in it come to, as stays.
//!
//! Which clock begins and ends when is told in one table of `tests/scenarios/README.md`. Nothing is decided here about
//! visits, and nothing about how time is measured.

use std::sync::LazyLock;

use smallvec::SmallVec;

use super::talk::{Ends, Run, Talk};
use super::{Folder, Visit};
use crate::engine::contact::{Effort, Life};
use crate::engine::fact::Fact;
use crate::engine::page::Speaks;
use crate::engine::stay::{Booking, Decision, Handling, Served, Stay, Telling, Wait};
use crate::engine::tally::{Cell, Measure, Quantity};
use crate::engine::terms::{Terms, Timer};
use crate::event::Reason;

/// As of nearly all calls.
static NOTHING_SAID: LazyLock<Talk> = LazyLock::new(Talk::default);

/// Stays of one life.
type Stays = SmallVec<[Stay; 1]>;

impl Folder<'_> {
    /// Adds all clocks of this life, which has a visit, and what else is booked of it; `facts` are its facts. What waits does
    /// so until `expires_at` if nothing more is heard, in milliseconds.
    pub(super) fn clocks(&self, facts: &[Fact], expires_at: u64, life: &mut Life) {
        let talks = facts.iter().any(Fact::is_of_talk);
        let said = talks.then(|| Talk::of(facts, &self.visits, &self.lanes.queues));
        let talk = said.as_ref().unwrap_or(&NOTHING_SAID);
        Winding { folder: self, talk, first: &self.visits[0], expires_at }.clocks(&mut life.stays, &mut life.effort);
        life.pauses.extend_from_slice(&talk.pauses);
    }
}

/// What all clocks of a life are made of.
struct Winding<'a> {
    folder: &'a Folder<'a>,
    talk: &'a Talk,
    first: &'a Visit,
    expires_at: u64,
}

impl Winding<'_> {
    fn clocks(&self, stays: &mut Stays, effort: &mut Vec<Effort>) {
        let terms = self.terms(self.first);
        if terms.is_of_waits && !self.talk.is_ticket && self.folder.visits.len() == 1 {
            stays.push(self.only_wait(terms));
            self.transferred(effort);
            return;
        }
        let is_ticket = self.talk.is_ticket || terms.promise(Measure::Resolution).is_some();
        self.waits(terms, is_ticket, stays);
        self.handling(stays);
        if is_ticket {
            stays.extend(self.resolution(terms));
        }
        stays.extend(self.of_the_contact(terms, Measure::FirstResolution, Self::first_resolution));
        stays.extend(self.of_the_contact(terms, Measure::FirstReply, Self::first_reply));
        if self.talk.is_ticket {
            for run in &self.talk.runs {
                self.next_reply(run, stays, effort);
            }
            self.talked(terms, effort);
        }
        self.transferred(effort);
    }

    /// All that a contact with one visit comes to where waits alone are judged and nothing was said: the short way to what
    /// `waits` and `handling` tell.
    fn only_wait(&self, terms: &Terms) -> Stay {
        let Visit { lane, offered_at, decision, .. } = *self.first;
        let end = self.first.answered_at().map(|answered_at| self.served(0, answered_at));
        let handling = end.map(|end| Handling { visit: Speaks::ForBoth, end });
        Stay { handling, ..self.stay(lane, terms, Measure::Wait, Speaks::ForBoth, offered_at, decision) }
    }

    /// The wait of each visit, and that of the contact, unless one stands for both.
    fn waits(&self, terms: &Terms, is_ticket: bool, stays: &mut Stays) {
        let (for_both, for_wait) = if is_ticket {
            (Speaks::ForBothOfTicket, Speaks::ForWaitOfTicket)
        } else {
            (Speaks::ForBoth, Speaks::ForWait)
        };
        let visits = &self.folder.visits;
        let wait = |visit: &Visit, speaks| {
            let terms = self.terms(visit);
            self.stay(visit.lane, terms, Measure::Wait, speaks, visit.offered_at, visit.decision)
        };
        if let [only] = &visits[..]
            && terms.judges_both_alike
        {
            stays.push(wait(only, for_both));
            return;
        }
        stays.extend(visits.iter().map(|visit| wait(visit, for_wait)));
        let answered = visits.iter().filter_map(Visit::answered_at).min();
        let decision = answered.map_or(self.latest().decision, Decision::Answered);
        let (lane, began_at) = (self.first.lane, self.first.offered_at);
        stays.push(self.stay(lane, terms, Measure::ContactWait, Speaks::ForContactWait, began_at, decision));
    }

    /// The handling of each answered visit: a stay of its own where something is promised on it, else told by the wait.
    fn handling(&self, stays: &mut Stays) {
        for (number, visit) in self.folder.visits.iter().enumerate() {
            let Some(answered_at) = visit.answered_at() else { continue };
            let (wait, terms) = (&mut stays[number], self.terms(visit));
            let handling = Some(Handling { visit: wait.speaks, end: self.served(number, answered_at) });
            if terms.promise(Measure::Handle).is_none() {
                wait.handling = handling;
                continue;
            }
            let decision = match handling.map(|handling| handling.end) {
                Some(Served::Completed(time, _)) => Decision::Answered(time),
                Some(Served::Until(time)) => Decision::Closed(time),
                _ => Decision::Waiting,
            };
            let speaks = wait.speaks.of_handling();
            let stay = self.stay(visit.lane, terms, Measure::Handle, speaks, answered_at, decision);
            stays.push(Stay { handling, ..stay });
        }
    }

    /// How the handling of the visit of this number ended, which was answered at this time.
    fn served(&self, number: usize, answered_at: u64) -> Served {
        if let Some((time, told_ms)) = self.folder.visits[number].completed {
            let measured_ms = || Timer::without_calendar(&self.talk.pauses).between(answered_at, time);
            return Served::Completed(time, told_ms.unwrap_or_else(measured_ms));
        }
        let resolved = self.talk.resolved.iter().copied().find(|&time| time >= answered_at);
        let next = self.folder.visits.get(number + 1).map(|next| next.offered_at);
        resolved.into_iter().chain(next).min().map_or(Served::NotYet, Served::Until)
    }

    fn resolution(&self, terms: &Terms) -> Option<Stay> {
        let latest = self.latest();
        let decision = match self.talk.ends {
            Ends::Resolved => Decision::Answered(*self.talk.resolved.last()?),
            Ends::Unanswered => latest.decision,
            // Nothing but a resolution is waited for; where none is promised and none was ever told, being done will do.
            Ends::Open if terms.promise(Measure::Resolution).is_none() && self.talk.resolved.is_empty() => {
                latest.completed.map_or(self.ended_unanswered(), |(time, _)| Decision::Closed(time))
            }
            // Nothing was said at all, or it goes on.
            Ends::Open if self.talk.resolved.is_empty() => self.ended_unanswered(),
            Ends::Open => Decision::Waiting,
        };
        let (lane, began_at) = (self.first.lane, self.first.offered_at);
        Some(self.stay(lane, terms, Measure::Resolution, Speaks::ForResolution, began_at, decision))
    }

    fn first_resolution(&self) -> Decision {
        self.talk.resolved.first().map_or(self.ended_unanswered(), |&time| Decision::Answered(time))
    }

    fn first_reply(&self) -> Decision {
        if let Some((first, _)) = self.talk.replied {
            return Decision::Answered(first);
        }
        let ended = self.ended_unanswered();
        match self.talk.resolved.first() {
            Some(&resolved) if ended.time().is_none_or(|time| resolved < time) => Decision::Closed(resolved),
            _ => ended,
        }
    }

    /// A clock that a contact has only where something is promised on it.
    fn of_the_contact(&self, terms: &Terms, measure: Measure, decided: fn(&Self) -> Decision) -> Option<Stay> {
        terms.promise(measure)?;
        let (lane, began_at) = (self.first.lane, self.first.offered_at);
        Some(self.stay(lane, terms, measure, speaks_alone_for(measure), began_at, decided(self)))
    }

    fn next_reply(&self, run: &Run, stays: &mut Stays, effort: &mut Vec<Effort>) {
        let visits = &self.folder.visits;
        let of_queue = |visit: &&Visit| run.queue.is_some_and(|queue| visit.queue == queue);
        let began = |visit: &&Visit| visit.offered_at <= run.since;
        let named = visits.iter().rev().filter(of_queue).find(began).or_else(|| visits.iter().find(of_queue));
        let visit = named.or_else(|| visits.iter().rev().find(began)).unwrap_or(self.first);
        let terms = self.folder.lanes.lane(visit.lane).terms_at(run.since);
        let stay = self.stay(visit.lane, terms, Measure::NextReply, Speaks::ForNextReply, run.since, run.decision);
        match (stay.telling, run.decision) {
            (Telling::Judged, _) => stays.push(stay),
            (_, Decision::Answered(time)) => {
                effort.push(Effort { booking: duration_alone(&stay, time), since: run.since });
            }
            _ => {}
        }
    }

    /// What is counted of what was said, and what is measured although nothing is promised on it.
    fn talked(&self, terms: &Terms, effort: &mut Vec<Effort>) {
        let (talk, lane, began_at) = (self.talk, self.first.lane, self.first.offered_at);
        let mut unpromised = |measure, time: Option<u64>| {
            if let (None, Some(time)) = (terms.promise(measure), time) {
                let speaks = speaks_alone_for(measure);
                let stay = self.stay(lane, terms, measure, speaks, began_at, Decision::Answered(time));
                effort.push(Effort { booking: duration_alone(&stay, time), since: began_at });
            }
        };
        unpromised(Measure::FirstReply, talk.replied.map(|(first, _)| first));
        unpromised(Measure::FirstResolution, talk.resolved.first().copied());
        let counted =
            |cell| move |&time: &u64| Effort { booking: Booking::of_effort(lane, time, cell), since: began_at };
        effort.extend(talk.resolved.iter().map(counted(Cell::Resolved)));
        effort.extend(talk.reopened.iter().map(counted(Cell::Reopened)));
        effort.extend(talk.replied.map(|(_, last)| self.number(last, Quantity::Replies, talk.replies)));
    }

    /// How often it was passed on, told when that happened last.
    fn transferred(&self, effort: &mut Vec<Effort>) {
        let transferred = self.folder.visits.iter().filter_map(|visit| match visit.decision {
            Decision::Left(time, Reason::Transfer) => Some(time),
            _ => None,
        });
        let (last, count) = transferred.fold((0, 0), |(_, count), time| (time, count + 1));
        effort.extend((count > 0).then(|| self.number(last, Quantity::Transfers, count)));
    }

    fn number(&self, time: u64, quantity: Quantity, number: u64) -> Effort {
        let booking = Booking::of_measured(self.first.lane, time, Speaks::ForEffort, (quantity, number));
        Effort { booking, since: self.first.offered_at }
    }

    fn stay(
        &self,
        lane: u32,
        terms: &Terms,
        measure: Measure,
        speaks: Speaks,
        began_at: u64,
        decision: Decision,
    ) -> Stay {
        let timer = terms.timer(measure, &self.talk.pauses);
        let promise = terms.promise(measure);
        Stay {
            lane,
            began_at,
            speaks,
            telling: if promise.is_some() { Telling::Judged } else { Telling::Measured },
            due_at: promise.and_then(|promise| timer.after(began_at, promise.answer_within_ms)),
            decision,
            wait: Wait(decision.time().map_or(0, |time| timer.between(began_at, time))),
            short: Wait(promise.map_or(0, |promise| promise.short_abandon_ms)),
            handling: None,
            expires_at: self.expires_at,
        }
    }

    /// As the latest visit ended, if it did and was not answered.
    fn ended_unanswered(&self) -> Decision {
        let latest = self.latest();
        if latest.answered_at().is_some() { Decision::Waiting } else { latest.decision }
    }

    fn latest(&self) -> &Visit {
        self.folder.visits.last().unwrap_or(self.first)
    }

    fn terms(&self, visit: &Visit) -> &Terms {
        self.folder.lanes.lane(visit.lane).terms_at(visit.offered_at)
    }
}

/// What speaks for this measure alone.
fn speaks_alone_for(measure: Measure) -> Speaks {
    Speaks::all_for(measure)[0]
}

/// The duration of a stay by itself.
fn duration_alone(stay: &Stay, time: u64) -> Booking {
    Booking::of_measured(stay.lane, time, stay.speaks, (Quantity::WaitAnswered, stay.wait.0))
}
