//! The notes of one lane by slot.
//!
//! Slots are those of the lane's pages, and are cut coarser and dropped as these are, only that they are kept for one more
//! of the longest window: growth compares a window with the one before it. Every note can be taken back. What a score
//! means is not known here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::heard::{Heard, HeardOutcome};
use super::{Note, OutcomeTally, Said};
use crate::engine::page::{Change, PAGE_MS};
use crate::engine::settings::SlotWidths;
use crate::event::EventTime;

/// Ratings and outcomes of one lane.
#[derive(Clone, Debug)]
pub struct Notes {
    widths: SlotWidths,
    /// By slot start, survey and score.
    scores: BTreeMap<(u64, u32, Option<i64>), u64>,
    /// By slot start and name.
    outcomes: BTreeMap<(u64, u32), OutcomeTally>,
    /// How many contacts were reopened, by slot start.
    reopened: BTreeMap<u64, u64>,
    /// Slots that begin before this time are coarse.
    coarse_before: u64,
    /// Slots that begin before this time were dropped; what would be noted there is not.
    dropped_before: u64,
    /// What was ever noted.
    pub heard: Heard<u32>,
}

/// Notes as they are encoded.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct NotesBody {
    /// Where coarse slots and kept ones begin.
    aged: (u64, u64),
    /// Slot, survey, score, count.
    scores: Vec<(u64, u32, Option<i64>, u64)>,
    /// Slot, name, tally.
    outcomes: Vec<(u64, u32, OutcomeTally)>,
    /// Slot and how many.
    reopened: Vec<(u64, u64)>,
    heard_surveys: Vec<(u32, u64)>,
    heard_outcomes: Vec<(u32, HeardOutcome)>,
}

impl Notes {
    /// None yet.
    pub fn new(widths: SlotWidths) -> Notes {
        Notes {
            widths,
            scores: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            reopened: BTreeMap::new(),
            coarse_before: 0,
            dropped_before: 0,
            heard: Heard::default(),
        }
    }

    /// Whether no slot holds anything.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty() && self.outcomes.is_empty() && self.reopened.is_empty()
    }

    /// Books what was said, or takes it back, in the slot of its time; whose it is was decided by whoever calls.
    pub fn change(&mut self, change: Change, note: &Note) {
        let Some(slot) = self.slot_of(note.time) else { return };
        match (note.said, change) {
            (Said::Score(survey, score), Change::Book) => {
                *self.scores.entry((slot, survey, score)).or_default() += 1;
            }
            (Said::Score(survey, score), Change::TakeBack) => {
                let key = (slot, survey, score);
                let count = self.scores.get_mut(&key).expect("what is taken back was booked");
                *count -= 1;
                if *count == 0 {
                    self.scores.remove(&key);
                }
            }
            (Said::Reopened, Change::Book) => *self.reopened.entry(slot).or_default() += 1,
            (Said::Reopened, Change::TakeBack) => {
                let count = self.reopened.get_mut(&slot).expect("what is taken back was booked");
                *count -= 1;
                if *count == 0 {
                    self.reopened.remove(&slot);
                }
            }
            (Said::Outcome(name, amount), Change::Book) => {
                self.outcomes.entry((slot, name)).or_default().add(amount);
            }
            (Said::Outcome(name, amount), Change::TakeBack) => {
                let tally = self.outcomes.get_mut(&(slot, name)).expect("what is taken back was booked");
                tally.take_back(amount);
                if tally.count == 0 {
                    self.outcomes.remove(&(slot, name));
                }
            }
        }
    }

    /// Cuts slots of pages that end at or before `coarse_until` coarser, and lets go of those of pages that end at or
    /// before `drop_until`, both in milliseconds.
    pub fn age(&mut self, coarse_until: u64, drop_until: u64) {
        let coarse_before = coarse_until - coarse_until % PAGE_MS;
        if coarse_before > self.coarse_before {
            let span = self.coarse_before..coarse_before;
            let coarse = |slot: u64| slot - slot % self.widths.coarse_ms;
            let scores: Vec<_> = self.scores(span.start, span.end).collect();
            for (slot, survey, score, count) in scores {
                self.scores.remove(&(slot, survey, score));
                *self.scores.entry((coarse(slot), survey, score)).or_default() += count;
            }
            let outcomes: Vec<_> = self.outcomes(span.start, span.end).map(|(slot, name, _)| (slot, name)).collect();
            for (slot, name) in outcomes {
                let tally = self.outcomes.remove(&(slot, name)).expect("it was there a moment ago");
                self.outcomes.entry((coarse(slot), name)).or_default().merge(&tally);
            }
            let reopened: Vec<_> = self.reopened(span.start, span.end).collect();
            for (slot, count) in reopened {
                self.reopened.remove(&slot);
                *self.reopened.entry(coarse(slot)).or_default() += count;
            }
            self.coarse_before = coarse_before;
        }
        let dropped_before = drop_until - drop_until % PAGE_MS;
        if dropped_before > self.dropped_before {
            self.scores = self.scores.split_off(&(dropped_before, 0, None));
            self.outcomes = self.outcomes.split_off(&(dropped_before, 0));
            self.reopened = self.reopened.split_off(&dropped_before);
            self.dropped_before = dropped_before;
        }
    }

    /// Every score in `[from, to)`, both in milliseconds: slot start, survey, score, count; in order of slots.
    pub fn scores(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u32, Option<i64>, u64)> {
        let span = self.scores.range((from, 0, None)..(to.max(from), 0, None));
        span.map(|(&(slot, survey, score), &count)| (slot, survey, score, count))
    }

    /// Every outcome in `[from, to)`, both in milliseconds: slot start, name, tally; in order of slots.
    pub fn outcomes(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u32, &OutcomeTally)> {
        let span = self.outcomes.range((from, 0)..(to.max(from), 0));
        span.map(|(&(slot, name), tally)| (slot, name, tally))
    }

    /// Reopenings in `[from, to)`, both in milliseconds: slot start and how many; in order of slots.
    pub fn reopened(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        self.reopened.range(from..to.max(from)).map(|(&slot, &count)| (slot, count))
    }

    /// How many notes there are in slots from `from` on, in milliseconds.
    pub fn count_from(&self, from: u64) -> u64 {
        let scores = self.scores(from, u64::MAX).map(|(_, _, _, count)| count);
        let scores = scores.chain(self.reopened(from, u64::MAX).map(|(_, count)| count));
        scores.chain(self.outcomes(from, u64::MAX).map(|(_, _, tally)| tally.count)).sum()
    }

    /// The first slot that holds anything, in milliseconds.
    pub fn earliest(&self) -> Option<u64> {
        let score = self.scores.keys().next().map(|key| key.0);
        let outcome = self.outcomes.keys().next().map(|key| key.0);
        score.into_iter().chain(outcome).chain(self.reopened.keys().next().copied()).min()
    }

    /// As they are encoded.
    pub(in crate::engine) fn body(&self) -> NotesBody {
        NotesBody {
            aged: (self.coarse_before / PAGE_MS, self.dropped_before / PAGE_MS),
            scores: self.scores(0, u64::MAX).collect(),
            outcomes: self.outcomes(0, u64::MAX).map(|(slot, name, tally)| (slot, name, *tally)).collect(),
            reopened: self.reopened(0, u64::MAX).collect(),
            heard_surveys: self.heard.surveys.iter().map(|(&survey, &count)| (survey, count)).collect(),
            heard_outcomes: self.heard.outcomes.iter().map(|(&name, &outcome)| (name, outcome)).collect(),
        }
    }

    /// Notes as they were when they were encoded; none if they cannot have been. `is_known` says whether a survey or an
    /// outcome has this number.
    pub(in crate::engine) fn restore(
        widths: SlotWidths,
        body: &NotesBody,
        is_known: impl Fn(u32) -> bool,
    ) -> Option<Notes> {
        let mut notes = Notes::new(widths);
        notes.coarse_before = body.aged.0.checked_mul(PAGE_MS)?;
        notes.dropped_before = body.aged.1.checked_mul(PAGE_MS)?;
        let is_slot = |notes: &Notes, slot: u64| slot <= EventTime::MAX.millis() && notes.slot_of(slot) == Some(slot);
        for &(slot, survey, score, count) in &body.scores {
            let key = (slot, survey, score);
            let in_order = notes.scores.last_key_value().is_none_or(|(last, _)| *last < key);
            let on_scale = score.is_none_or(|score| score.abs() <= MOST_THOUSANDTHS);
            if !in_order || !on_scale || count == 0 || !is_known(survey) || !is_slot(&notes, slot) {
                return None;
            }
            notes.scores.insert(key, count);
        }
        for &(slot, name, tally) in &body.outcomes {
            let in_order = notes.outcomes.last_key_value().is_none_or(|(last, _)| *last < (slot, name));
            if !in_order || !tally.is_sound() || !is_known(name) || !is_slot(&notes, slot) {
                return None;
            }
            notes.outcomes.insert((slot, name), tally);
        }
        for &(slot, count) in &body.reopened {
            let in_order = notes.reopened.last_key_value().is_none_or(|(last, _)| *last < slot);
            if !in_order || count == 0 || !is_slot(&notes, slot) {
                return None;
            }
            notes.reopened.insert(slot, count);
        }
        notes.heard = Heard::restore(&body.heard_surveys, &body.heard_outcomes, is_known)?;
        Some(notes)
    }

    /// The start of the slot in which `time` lies; none if it was dropped.
    fn slot_of(&self, time: u64) -> Option<u64> {
        let width = if time < self.coarse_before { self.widths.coarse_ms } else { self.widths.fine_ms };
        (time >= self.dropped_before).then(|| time - time % width)
    }
}

/// [`LARGEST_SCORE`](super::LARGEST_SCORE) in thousandths.
const MOST_THOUSANDTHS: i64 = 1_000_000_000_000;

/// Calls `check` with every way in which the encoded form of these notes can contradict itself; there is a score and an
/// outcome among them.
#[cfg(test)]
pub(super) fn contradict(notes: &Notes, check: impl Fn(&str, &NotesBody)) {
    type Spoil = (&'static str, fn(&mut NotesBody));
    let ways: [Spoil; 18] = [
        ("a score of an unknown survey", |body| body.scores[0].1 = 99),
        ("a score beyond all scales", |body| body.scores[0].2 = Some(MOST_THOUSANDTHS + 1)),
        ("a score given by nobody", |body| body.scores[0].3 = 0),
        ("a score twice", |body| body.scores.push(body.scores[body.scores.len() - 1])),
        ("scores out of order", |body| body.scores.reverse()),
        ("a score between two slots", |body| body.scores[0].0 += 1),
        ("a score in a fine slot among coarse ones", |body| body.scores[0].0 += 10_000),
        ("a score that was dropped", |body| body.aged.1 += 1),
        ("a score after all times", |body| body.scores.push((1 << 60, 1, None, 1))),
        ("an age after all times", |body| body.aged.0 = u64::MAX),
        ("an outcome of an unknown name", |body| body.outcomes[0].1 = 99),
        ("no outcome", |body| body.outcomes[0].2 = OutcomeTally::default()),
        ("more amounts than outcomes", |body| body.outcomes[0].2.with_amount = 3),
        ("an amount that nobody gave", |body| body.outcomes[0].2.with_amount = 0),
        ("an outcome twice", |body| body.outcomes.push(body.outcomes[0])),
        ("nobody reopened", |body| body.reopened.push((0, 0))),
        ("a reopening twice", |body| body.reopened.extend([(body.scores[0].0, 1), (body.scores[0].0, 1)])),
        ("a counter of an unknown survey", |body| body.heard_surveys.push((99, 1))),
    ];
    for (what, spoil) in ways {
        let mut body = notes.body();
        spoil(&mut body);
        check(what, &body);
    }
}
