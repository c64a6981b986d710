//! A fact: what one event says of its contact, packed so that a contact's whole history fits beside its id.
//!
//! A fact is one word: 42 bits of time, 5 of kind, 17 of place (the lane of an offer, the queue any other fact names).
//! Three kinds carry two words more. Words compare by time first, so a sorted list of facts is a history. Within an
//! instant they compare by interned numbers, which depend on the order of arrival: what happens at one instant is
//! ordered by names, in [`contact`](super::contact).

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::event::{HandleParts, Reason};

/// Lanes and queues that a fact can tell apart.
pub const PLACES: usize = 1 << PLACE_BITS;

const PLACE_BITS: u32 = 17;
const KIND_BITS: u32 = 5;
const TIME_SHIFT: u32 = PLACE_BITS + KIND_BITS;

/// What a fact says happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FactKind {
    /// Put into a queue.
    Offered,
    /// Taken by an agent.
    Answered,
    /// Given up by the customer.
    Abandoned,
    /// Left some other way.
    Left(Reason),
    /// Handled to the end, with the handle time's parts if they were given.
    Completed(Option<HandleParts>),
    /// Solved.
    Resolved,
    /// Taken up again.
    Reopened,
    /// The customer wrote.
    CustomerMessage,
    /// An agent wrote.
    AgentReply,
    /// Clocks stand still.
    Paused,
    /// Clocks run again.
    Resumed,
    /// Judged by the customer: survey's interned name, bits of the score.
    Rated(u32, u64),
    /// Something came of it: interned name, bits of the amount if there is one.
    Outcome(u32, Option<u64>),
}

/// One fact, unpacked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fact {
    /// When, in milliseconds of event time.
    pub time: u64,
    /// What.
    pub kind: FactKind,
    /// The lane offered to; for any other kind the queue named plus one, or 0 where none is.
    pub place: u32,
}

impl Fact {
    /// The queue this fact names; none for an offer, whose lane has one.
    pub fn named(&self) -> Option<u32> {
        if matches!(self.kind, FactKind::Offered) { None } else { self.place.checked_sub(1) }
    }

    /// Whether it can begin or end a visit.
    pub fn decides(&self) -> bool {
        use FactKind::{Abandoned, Answered, Completed, Left, Offered, Resolved};
        matches!(self.kind, Offered | Answered | Abandoned | Left(_) | Completed(_) | Resolved)
    }

    /// Whether it is part of a conversation: it starts, stops or ends clocks of the contact as a whole.
    pub fn is_of_talk(&self) -> bool {
        use FactKind::{AgentReply, CustomerMessage, Paused, Reopened, Resolved, Resumed};
        matches!(self.kind, CustomerMessage | AgentReply | Paused | Resumed | Resolved | Reopened)
    }

    fn pack(&self) -> (u64, Option<u128>) {
        let (code, payload) = match self.kind {
            FactKind::Offered => (OFFERED, None),
            FactKind::Answered => (1, None),
            FactKind::Abandoned => (2, None),
            FactKind::Left(reason) => (LEFT + reason as u64, None),
            FactKind::Completed(None) => (10, None),
            FactKind::Completed(Some(parts)) => (COMPLETED_PARTS, Some(pack_parts(parts))),
            FactKind::Resolved => (12, None),
            FactKind::Reopened => (13, None),
            FactKind::CustomerMessage => (14, None),
            FactKind::AgentReply => (15, None),
            FactKind::Paused => (16, None),
            FactKind::Resumed => (17, None),
            FactKind::Rated(survey, score) => (RATED, Some(u128::from(survey) << 64 | u128::from(score))),
            FactKind::Outcome(name, amount) => {
                let given = u128::from(amount.is_some());
                (OUTCOME, Some(u128::from(name) << 65 | given << 64 | u128::from(amount.unwrap_or(0))))
            }
        };
        (self.time << TIME_SHIFT | code << PLACE_BITS | u64::from(self.place), payload)
    }

    fn unpack(word: u64, payload: u128) -> Fact {
        let kind = match word >> PLACE_BITS & ((1 << KIND_BITS) - 1) {
            OFFERED => FactKind::Offered,
            1 => FactKind::Answered,
            2 => FactKind::Abandoned,
            10 => FactKind::Completed(None),
            COMPLETED_PARTS => FactKind::Completed(Some(unpack_parts(payload))),
            12 => FactKind::Resolved,
            13 => FactKind::Reopened,
            14 => FactKind::CustomerMessage,
            15 => FactKind::AgentReply,
            16 => FactKind::Paused,
            17 => FactKind::Resumed,
            RATED => FactKind::Rated(low_32(payload >> 64), low_64(payload)),
            OUTCOME => FactKind::Outcome(low_32(payload >> 65), (payload >> 64 & 1 == 1).then_some(low_64(payload))),
            left => FactKind::Left(Reason::ALL[usize::try_from(left - LEFT).expect("five bits") % Reason::ALL.len()]),
        };
        Fact { time: word >> TIME_SHIFT, kind, place: place_of(word) }
    }
}

const OFFERED: u64 = 0;
const LEFT: u64 = 3;
const COMPLETED_PARTS: u64 = 11;
const RATED: u64 = 18;
const OUTCOME: u64 = 19;
/// Enough for a part of 366 days.
const PART_BITS: u32 = 35;

fn pack_parts(parts: HandleParts) -> u128 {
    u128::from(parts.talk_ms) << (2 * PART_BITS) | u128::from(parts.hold_ms) << PART_BITS | u128::from(parts.wrap_ms)
}

fn unpack_parts(packed: u128) -> HandleParts {
    let part = |shift: u32| low_64(packed >> shift) & ((1 << PART_BITS) - 1);
    HandleParts { talk_ms: part(2 * PART_BITS), hold_ms: part(PART_BITS), wrap_ms: part(0) }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn low_64(bits: u128) -> u64 {
    bits as u64
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn low_32(bits: u128) -> u32 {
    bits as u32
}

/// The distinct facts of one contact in order of time. Five words are held in place: a call offered, answered and
/// completed with its parts needs no allocation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    words: SmallVec<[u64; 5]>,
}

/// What became of a fact that was to be inserted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// It is new, and later than all that were there; none happened at the same instant.
    Last,
    /// It is new, and not later than all that were there.
    Between,
    /// It was there already.
    Duplicate,
}

impl Facts {
    /// Puts a fact in its place, unless it is there already.
    pub fn insert(&mut self, fact: &Fact) -> Inserted {
        let (word, payload) = fact.pack();
        let mut at = 0;
        let mut instant_before = None;
        while let Some(&here) = self.words.get(at) {
            match here.cmp(&word).then_with(|| self.payload_at(at).cmp(&payload)) {
                Ordering::Less => {}
                Ordering::Equal => return Inserted::Duplicate,
                Ordering::Greater => break,
            }
            instant_before = Some(here >> TIME_SHIFT);
            at += width_of(here);
        }
        let is_last = at == self.words.len() && instant_before != Some(fact.time);
        self.words.insert(at, word);
        if let Some(payload) = payload {
            self.words.insert_from_slice(at + 1, &[low_64(payload >> 64), low_64(payload)]);
        }
        if is_last { Inserted::Last } else { Inserted::Between }
    }

    /// Lets go of every fact up to and including this time.
    pub fn forget_until(&mut self, time: u64) {
        let mut end = 0;
        while self.words.get(end).is_some_and(|&word| word >> TIME_SHIFT <= time) {
            end += width_of(self.words[end]);
        }
        self.words.drain(..end);
    }

    /// The facts, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Fact> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let word = *self.words.get(at)?;
            let payload = self.payload_at(at);
            at += width_of(word);
            Some(Fact::unpack(word, payload.unwrap_or(0)))
        })
    }

    /// Whether this fact is there.
    pub fn contains(&self, fact: &Fact) -> bool {
        self.iter().any(|there| there == *fact)
    }

    /// Lets go of the oldest fact that can neither begin nor end a visit; tells whether there was one.
    pub fn forget_one_that_decides_nothing(&mut self) -> bool {
        let idle = self.iter().find(|fact| !fact.decides());
        idle.inspect(|idle| *self = self.without(idle)).is_some()
    }

    /// All facts but this one.
    pub fn without(&self, fact: &Fact) -> Facts {
        let mut others = Facts::default();
        let mut at = 0;
        for there in self.iter() {
            let width = width_of(self.words[at]);
            if there != *fact {
                others.words.extend_from_slice(&self.words[at..at + width]);
            }
            at += width;
        }
        others
    }

    /// How many facts.
    pub fn count(&self) -> usize {
        self.iter().count()
    }

    /// The words as they are held, for encoding.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The facts of these words, as [`Facts::words`] gave them; none if they are no facts in order.
    pub fn from_words(words: &[u64]) -> Option<Facts> {
        let facts = Facts { words: words.into() };
        let mut at = 0;
        let mut newest = 0;
        while let Some(&word) = words.get(at) {
            if word < newest || word >> PLACE_BITS & ((1 << KIND_BITS) - 1) > OUTCOME {
                return None;
            }
            newest = word;
            at += width_of(word);
        }
        (at == words.len()).then_some(facts)
    }

    fn payload_at(&self, at: usize) -> Option<u128> {
        has_payload(self.words[at]).then(|| u128::from(self.words[at + 1]) << 64 | u128::from(self.words[at + 2]))
    }
}

fn place_of(word: u64) -> u32 {
    low_32(u128::from(word)) & ((1 << PLACE_BITS) - 1)
}

fn has_payload(word: u64) -> bool {
    matches!(word >> PLACE_BITS & ((1 << KIND_BITS) - 1), COMPLETED_PARTS | RATED | OUTCOME)
}

fn width_of(word: u64) -> usize {
    if has_payload(word) { 3 } else { 1 }
}
