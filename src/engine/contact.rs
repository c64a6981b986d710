//! The fold: what the facts of one contact amount to.
//!
//! [`fold`] is a pure function from facts to [`Life`]s: it cuts the facts of one id into lives, and has
//! `visit` find the visits of each. It has no memory, so the order in which facts arrived cannot matter.
//!
//! It books nothing: [`stay`](super::stay) turns stays into bookings, [`shard`](super::shard) applies the difference
//! between two folds.

use std::slice;

use smallvec::SmallVec;

use crate::engine::experience::Note;
use crate::engine::fact::{Fact, Facts};
use crate::engine::lane::Lanes;
use crate::engine::stay::{Booking, Stay};
use crate::engine::terms::Pause;
use crate::engine::visit::Folder;

/// What the facts of one id amount to, life by life, oldest first.
pub type Lives = SmallVec<[Life; 1]>;

/// The lives of one id before and after a change. Lives are large and folded for every event, so they are written where
/// they are read.
#[derive(Default, Debug)]
pub struct Around {
    /// Those before.
    pub before: Lives,
    /// Those after.
    pub after: Lives,
}

/// One life of a contact: from its first fact until it is left alone for long enough.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Life {
    /// All that its clocks measure: the waits of its visits first.
    pub stays: SmallVec<[Stay; 1]>,
    /// When its clocks stood still, in order.
    pub pauses: Vec<Pause>,
    /// What is booked of it beside its clocks.
    pub effort: Vec<Effort>,
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

/// What is booked of a life beside its clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// The booking.
    pub booking: Booking,
    /// When what it measures began, in milliseconds: of numbers, when the contact was first offered.
    pub since: u64,
}

/// The lives that these facts tell of. `settle_ms` is how long a finished contact is held.
pub fn fold(facts: &Facts, lanes: &Lanes, settle_ms: u64) -> Lives {
    let mut lives = Lives::new();
    with_unpacked(facts, |facts| add_lives(facts, lanes, settle_ms, &mut lives));
    lives
}

fn with_unpacked(facts: &Facts, work: impl FnOnce(&[Fact])) {
    let mut unpacked: SmallVec<[Fact; 8]> = SmallVec::new();
    unpacked.extend(facts.iter());
    work(&unpacked);
}

fn add_lives(facts: &[Fact], lanes: &Lanes, settle_ms: u64, lives: &mut Lives) {
    let mut rest = facts;
    while let Some((life, length)) = first_life(rest, lanes, settle_ms) {
        lives.push(life);
        rest = &rest[length..];
    }
}

/// The lives without and with the latest fact, for a fact that is later than all others: the usual case, told in one go.
/// They are added to `around`, which is empty.
pub fn fold_with_last(facts: &Facts, lanes: &Lanes, settle_ms: u64, around: &mut Around) {
    with_unpacked(facts, |facts| {
        let Some((last, earlier)) = facts.split_last() else { return };
        let mut folder = Folder::new(lanes, &[]);
        if take_one(&mut folder, earlier, lanes, settle_ms) == Some(earlier.len()) {
            around.before.push(folder.life(earlier, settle_ms));
            if last.time > around.before[0].until {
                around.after.push(around.before[0].clone());
                around.after.push(fold_life(slice::from_ref(last), lanes, settle_ms));
                return;
            }
            folder.all(slice::from_ref(last));
            if folder.far_facts_to_give().is_empty() {
                around.after.push(folder.life(facts, settle_ms));
                return;
            }
            around.before.clear();
        }
        add_lives(earlier, lanes, settle_ms, &mut around.before);
        add_lives(facts, lanes, settle_ms, &mut around.after);
    });
}

/// The first life of these facts, and of how many of them it is made.
fn first_life(facts: &[Fact], lanes: &Lanes, settle_ms: u64) -> Option<(Life, usize)> {
    let mut folder = Folder::new(lanes, &[]);
    if let Some(length) = take_one(&mut folder, facts, lanes, settle_ms) {
        return Some((folder.life(&facts[..length], settle_ms), length));
    }
    let mut last = facts.first()?.time;
    for (length, fact) in facts.iter().enumerate() {
        if may_end(fact.time - last, lanes, settle_ms) {
            let so_far = fold_life(&facts[..length], lanes, settle_ms);
            if fact.time > so_far.until {
                return Some((so_far, length));
            }
        }
        last = fact.time;
    }
    Some((fold_life(facts, lanes, settle_ms), facts.len()))
}

/// Has the folder, which is empty, take the first life of these facts, and tells of how many of them it is made; none if
/// there are no facts, or if some have to be looked at twice, so that they cannot be taken one after the other.
fn take_one(folder: &mut Folder<'_>, facts: &[Fact], lanes: &Lanes, settle_ms: u64) -> Option<usize> {
    let mut length = 0;
    let mut last = facts.first()?.time;
    for instant in facts.chunk_by(|one, next| one.time == next.time) {
        let time = instant[0].time;
        if may_end(time - last, lanes, settle_ms) {
            if !folder.far_facts_to_give().is_empty() {
                return None;
            }
            if time > folder.until(&facts[..length], settle_ms) {
                break;
            }
        }
        folder.all(instant);
        length += instant.len();
        last = time;
    }
    folder.far_facts_to_give().is_empty().then_some(length)
}

/// Whether a gap of so many milliseconds can end a life. A shorter one ends none: nothing need be folded to know.
fn may_end(gap_ms: u64, lanes: &Lanes, settle_ms: u64) -> bool {
    gap_ms > settle_ms.min(lanes.shortest_expire_ms)
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
