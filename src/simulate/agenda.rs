//! What is going to happen, in order of time: the heart of a discrete-event simulation.
//!
//! Things due at one instant happen in the order in which they were put down. Nothing is ever taken out again: what has
//! become pointless (the patience of somebody who was answered) is recognised by its stamp when its turn comes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A contact as it stood at a moment: once it has moved on, its stamp differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ticket {
    /// Where the contact is kept.
    pub(super) place: u32,
    /// How often what is kept there had moved on.
    pub(super) stamp: u32,
}

/// What can happen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Happening {
    /// A local day begins.
    DayStarts,
    /// A new contact comes to a desk.
    Arrival(u32),
    /// A contact comes that would not have come without a surge, by the surge's stream.
    SurgeArrival(u32),
    /// A desk sends away who is still waiting after closing time.
    DeskCloses(u32),
    /// A queue is left by its agents.
    OutageStarts(u32),
    /// They come back.
    OutageEnds(u32),
    /// An agent comes to work.
    ShiftStarts(u32),
    /// An agent goes home, once free.
    ShiftEnds(u32),
    /// An agent takes a break, once free.
    BreakStarts(u32),
    /// An agent comes back from the break.
    BreakEnds(u32),
    /// Something happens to a contact, unless it has moved on.
    Contact(Ticket, Step),
}

/// What can happen to a contact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Step {
    /// It has waited enough.
    PatienceEnds,
    /// It has waited so long that another queue may take it.
    Overflow,
    /// The agent picks up.
    Answer,
    /// One of the two in a chat writes.
    ChatMessage,
    /// The conversation ends; after-contact work begins.
    TalkEnds,
    /// The agent is done with it.
    WorkEnds,
    /// The customer writes again.
    CustomerLetter,
    /// An agent writes again.
    AgentLetter,
    /// It is taken as solved because the customer keeps silent.
    SilentResolve,
    /// The customer comes back after it was resolved.
    Reopening,
    /// The customer judges.
    Survey,
    /// Something comes of it.
    Outcome,
}

/// How much is put in order at once, in milliseconds.
const BIN_MS: u64 = 16_384;

/// The things to come. Only what is due soon is kept in order; all else lies unordered in the bin of its time. With a
/// thousand queues, half a million things lie ahead, and one great heap of them took half of all the time there was.
#[derive(Default)]
pub(super) struct Agenda {
    /// What is due before `soon_ends_ms`.
    soon: BinaryHeap<Reverse<Entry>>,
    soon_ends_ms: u64,
    /// What is due later, by time over [`BIN_MS`].
    later: BTreeMap<u64, Vec<Reverse<Entry>>>,
    put_down: u64,
}

/// When, as the how-manieth put down, what.
type Entry = (u64, u64, Happening);

impl Agenda {
    /// Puts something down for an instant, in milliseconds since the epoch.
    pub(super) fn at(&mut self, time_ms: u64, happening: Happening) {
        self.put_down += 1;
        let entry = Reverse((time_ms, self.put_down, happening));
        if time_ms < self.soon_ends_ms {
            self.soon.push(entry);
        } else {
            self.later.entry(time_ms / BIN_MS).or_default().push(entry);
        }
    }

    /// Puts down the next step of a contact.
    pub(super) fn step_at(&mut self, time_ms: u64, ticket: Ticket, step: Step) {
        self.at(time_ms, Happening::Contact(ticket, step));
    }

    /// Takes what comes next.
    pub(super) fn next(&mut self) -> Option<(u64, Happening)> {
        if self.soon.is_empty() {
            let (bin, entries) = self.later.pop_first()?;
            self.soon = BinaryHeap::from(entries);
            self.soon_ends_ms = (bin + 1) * BIN_MS;
        }
        self.soon.pop().map(|Reverse((time_ms, _, happening))| (time_ms, happening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_happen_in_order_of_time_then_of_being_put_down() {
        let mut agenda = Agenda::default();
        let times = [70_000, 5, 3_000_000, 5, 69_999, 0];
        for (place, time_ms) in (0..).zip(times) {
            agenda.at(time_ms, Happening::Arrival(place));
        }
        assert_eq!(agenda.next(), Some((0, Happening::Arrival(5))));
        agenda.at(7, Happening::Arrival(6));
        agenda.at(70_000, Happening::Arrival(7));
        let rest: Vec<_> = std::iter::from_fn(|| agenda.next()).collect();
        let expected = [(5, 1), (5, 3), (7, 6), (69_999, 4), (70_000, 0), (70_000, 7), (3_000_000, 2)];
        assert_eq!(rest, expected.map(|(time_ms, place)| (time_ms, Happening::Arrival(place))));
    }
}
