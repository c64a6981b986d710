//! The fold: what the facts of one contact amount to.
//!
//! [`fold`] is a pure function from facts to [`Life`]s: it cuts the facts of one id into lives, and has
//! `visit` find the visits of each. It has no memory, so the order in which facts arrived cannot matter.
//!
//! It books nothing: [`stay`](super::stay) turns stays into bookings, [`shard`](super::shard) applies the difference
//! between two folds.

use std::slice;

use smallvec::{SmallVec, smallvec};

use crate::engine::experience::Note;
use crate::engine::fact::{Fact, Facts};
use crate::engine::lane::Lanes;
use crate::engine::stay::{Booking, Stay};
use crate::engine::visit::Folder;

/// What the facts of one id amount to, life by life, oldest first.
pub type Lives = SmallVec<[Life; 1]>;

/// One life of a contact: from its first fact until it is left alone for long enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// All that its clocks measure: the waits of its visits first.
    pub stays: SmallVec<[Stay; 2]>,
    /// What is booked of it beside its clocks.
    pub effort: Vec<Booking>,
    /// What was said of it and what came of it, in order of time.
    pub notes: Vec<Note>,
    /// Facts that belong to a visit although they are earlier than its offer.
    pub skew: u32,
    /// Facts that contradict others, or name a queue that was never offered.
    pub conflict: u32,
    /// Facts of a contact that was never offered: all of its facts, or none.
    pub orphan: u32,
    /// The time of its last fact, in milliseconds.
    pub last: u64,
    /// A fact later than this, in milliseconds, starts a new life.
    pub until: u64,
    /// Whether nothing more is expected of it.
    pub finished: bool,
}

/// The lives that these facts tell of. `settle_ms` is how long a finished contact is held.
pub fn fold(facts: &Facts, lanes: &Lanes, settle_ms: u64) -> Lives {
    let facts: SmallVec<[Fact; 8]> = facts.iter().collect();
    lives(&facts, lanes, settle_ms)
}

fn lives(facts: &[Fact], lanes: &Lanes, settle_ms: u64) -> Lives {
    let mut lives = Lives::new();
    let mut rest = facts;
    while let Some((life, length)) = first_life(rest, lanes, settle_ms) {
        lives.push(life);
        rest = &rest[length..];
    }
    lives
}

/// The lives without and with the latest fact, for a fact that is later than all others: the usual case, told in one go.
pub fn fold_with_last(facts: &Facts, lanes: &Lanes, settle_ms: u64) -> (Lives, Lives) {
    let facts: SmallVec<[Fact; 8]> = facts.iter().collect();
    let Some((last, earlier)) = facts.split_last() else { return (Lives::new(), Lives::new()) };
    let shortest = settle_ms.min(lanes.shortest_expire_ms);
    let in_one_life = facts.windows(2).all(|pair| pair[1].time - pair[0].time <= shortest);
    if in_one_life && !earlier.is_empty() {
        let mut folder = Folder::new(lanes, &[]);
        folder.all(earlier);
        let before = folder.life(earlier, settle_ms);
        let whole = folder.far_facts_to_give().is_empty();
        folder.all(slice::from_ref(last));
        if whole && folder.far_facts_to_give().is_empty() {
            return (smallvec![before], smallvec![folder.life(&facts, settle_ms)]);
        }
    }
    (lives(earlier, lanes, settle_ms), lives(&facts, lanes, settle_ms))
}

/// The first life of these facts, and of how many of them it is made.
fn first_life(facts: &[Fact], lanes: &Lanes, settle_ms: u64) -> Option<(Life, usize)> {
    let mut last = facts.first()?.time;
    // Where the gap is shorter than any life is held, it cannot end one: nothing need be folded to know.
    let shortest = settle_ms.min(lanes.shortest_expire_ms);
    for (length, fact) in facts.iter().enumerate() {
        if fact.time - last > shortest {
            let so_far = fold_life(&facts[..length], lanes, settle_ms);
            if fact.time > so_far.until {
                return Some((so_far, length));
            }
        }
        last = fact.time;
    }
    Some((fold_life(facts, lanes, settle_ms), facts.len()))
}

fn fold_life(facts: &[Fact], lanes: &Lanes, settle_ms: u64) -> Life {
    let mut folder = Folder::new(lanes, &[]);
    folder.all(facts);
    let given = folder.far_facts_to_give();
    if !given.is_empty() {
        folder = Folder::new(lanes, &given);
        folder.all(facts);
    }
    folder.life(facts, settle_ms)
}
