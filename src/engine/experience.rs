//! Ratings and outcomes: what customers said of their contacts, and what came of these. Reopenings of contacts that nobody
//! remembers go the same way.
//!
//! The fold makes a [`Note`] of each such fact; a lane keeps its [`Notes`] by slot, as numbers that add up exactly
//! whatever their order: scores in thousandths, amounts in millionths. What a score means is not known there: a
//! [`SurveyTally`] compares it with the scale of its survey when it is looked at, so that a scale can be corrected and the
//! past is told anew.
//!
//! A note decides nothing about a visit. It counts at its own time, also after the contact has ended. Read on in `notes`
//! (slots), `heard` (counters), `tally` (formulas), `sums` (spans).

use std::cmp::Ordering;

use crate::engine::contact::Life;
use crate::engine::fact::FactKind;

mod heard;
mod notes;
pub(super) mod sums;
mod tally;
#[cfg(test)]
mod tests;

pub(super) use self::heard::{Change, changes};
pub use self::heard::{Heard, HeardBy, HeardOutcome, Retracted};
pub use self::notes::Notes;
pub(super) use self::notes::NotesBody;
pub use self::tally::{OutcomeTally, SurveyTally};

/// A score further from 0 than this is on no scale.
pub const LARGEST_SCORE: f64 = 1e9;

/// One thing said of a contact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Note {
    /// Whom it is told of.
    pub whose: Whose,
    /// When it was said, in milliseconds.
    pub time: u64,
    /// What.
    pub said: Said,
}

/// Whom a note is told of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Whose {
    /// The lane of a visit.
    Lane(u32),
    /// A contact of which no offer is known, under the queue that the note names, if it names one.
    Unknown(Option<u32>),
}

/// What was said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Said {
    /// A score in a survey of this number, in thousandths; none if it is further from 0 than [`LARGEST_SCORE`].
    Score(u32, Option<i64>),
    /// An outcome of this number with its amount in millionths, if one was given.
    Outcome(u32, Option<u64>),
    /// It was taken up again: noted of contacts of which no offer is known, whose other clocks nobody can tell.
    Reopened,
}

impl Said {
    /// What a fact of this kind says; none if it is neither a rating nor an outcome nor a reopening.
    pub fn of(kind: FactKind) -> Option<Said> {
        match kind {
            FactKind::Rated(survey, score) => Some(Said::Score(survey, thousandths(f64::from_bits(score)))),
            FactKind::Outcome(name, amount) => {
                Some(Said::Outcome(name, amount.map(|amount| millionths(f64::from_bits(amount)))))
            }
            FactKind::Reopened => Some(Said::Reopened),
            _ => None,
        }
    }
}

/// A score in thousandths, rounded half away from zero; none if it is further from 0 than [`LARGEST_SCORE`].
#[expect(clippy::cast_possible_truncation, reason = "a million times a million fits")]
pub fn thousandths(score: f64) -> Option<i64> {
    (score.abs() <= LARGEST_SCORE).then(|| (score * 1e3).round() as i64)
}

/// An amount in millionths, rounded half up. Events give at most a million million.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is not negative, and small enough")]
fn millionths(amount: f64) -> u64 {
    (amount * 1e6).round() as u64
}

/// What two folds of a contact say differently. Equal notes count as often as they are there.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Difference {
    pub(super) taken_back: Vec<Note>,
    pub(super) booked: Vec<Note>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.taken_back.is_empty() && self.booked.is_empty()
    }
}

/// From the lives before to those after. Nothing is compared where nothing was said, as of nearly all calls.
pub(super) fn difference(before: &[Life], after: &[Life]) -> Difference {
    let mut difference = Difference::default();
    if before.iter().chain(after).all(|life| life.notes.is_empty()) {
        return difference;
    }
    let sorted = |lives: &[Life]| {
        let mut notes: Vec<Note> = lives.iter().flat_map(|life| life.notes.iter().copied()).collect();
        notes.sort_unstable();
        notes
    };
    let (old, new) = (sorted(before), sorted(after));
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return difference,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.cmp(new),
        };
        let (gone, come) =
            (if order.is_le() { old.next() } else { None }, if order.is_ge() { new.next() } else { None });
        if order.is_ne() {
            difference.taken_back.extend(gone);
            difference.booked.extend(come);
        }
    }
}
