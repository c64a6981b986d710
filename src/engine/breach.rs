//! Breaches: whether a promise is being broken, so surely that somebody should be woken.
//!
//! A level of few contacts says little, and one that hovers about its goal would ring every minute. So a breach begins when
//! the level of the last 30 minutes is below its goal beyond chance, and ends when it has been at its goal for a while:
//!
//! - It **begins** at a slot edge at which at least `min_contacts` were judged in the window and the upper end of the
//!   interval that the true level lies in (see [`Judged::interval`]) is below the goal.
//! - It **ends** when the level has been at its goal, or nothing was judged, at [`ENDS_AFTER`] edges in a row; or when an
//!   hour has passed without any edge at which it would begin.
//! - Where fewer than `min_contacts` were judged, three that wait at one time for more than three times as long as is
//!   promised are a breach for as long as they wait.
//!
//! This is found anew each time by walking along the slots of the last hour, so it is a function of the state and the
//! instant as all that is shown, and correct after a restart. Nothing is remembered from one look to the next.

use std::collections::BTreeMap;

use crate::engine::board::{self, GroupBy, GroupKey};
use crate::engine::lane::Lane;
use crate::engine::page::Speaks;
use crate::engine::settings::SlotWidths;
use crate::engine::shard::Shard;
use crate::engine::sums::{floor, is_before, stay_of};
use crate::engine::tally::{Cells, Formula, Measure};
use crate::engine::view::CommonPromise;
use crate::event::EventTime;

/// The window whose level is judged, in milliseconds.
pub const WINDOW_MS: u64 = 30 * 60_000;

/// How far back the beginning of a breach is looked for, in milliseconds.
pub const LOOK_BACK_MS: u64 = 60 * 60_000;

/// At how many slot edges in a row a level has to be at its goal for a breach to end: a minute, with the usual slots.
pub const ENDS_AFTER: u32 = 6;

/// How many have to wait for how many times the target, where few contacts come.
const STUCK: (u64, u64) = (3, 3);

/// So many who are stuck in one lane are counted.
const MOST_STUCK: usize = 1_000;

/// The standard normal deviate of a two-sided interval of 95 %.
const Z: f64 = 1.96;

/// How many were judged by a formula, and how many of them were in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Judged {
    /// In time: the numerator of the level.
    pub kept: u64,
    /// All of them: the denominator.
    pub of: u64,
}

impl Judged {
    /// What these cells say by this formula.
    pub fn by(formula: Formula, cells: &Cells) -> Judged {
        let (kept, of) = formula.terms(cells);
        Judged { kept, of }
    }

    /// The level, 0 to 1; none if nothing was judged.
    pub fn level(self) -> Option<f64> {
        (self.of > 0).then(|| self.kept as f64 / self.of as f64)
    }

    /// Between which levels the true one lies in 95 of 100 cases, if contacts are independent: Wilson's score interval
    /// (E. B. Wilson, "Probable inference", 1927), z = 1.96. None if nothing was judged.
    pub fn interval(self) -> Option<(f64, f64)> {
        let level = self.level()?;
        let count = self.of as f64;
        let shrink = 1.0 + Z * Z / count;
        let centre = level + Z * Z / (2.0 * count);
        let half = Z * (level * (1.0 - level) / count + Z * Z / (4.0 * count * count)).sqrt();
        Some((((centre - half) / shrink).max(0.0), ((centre + half) / shrink).min(1.0)))
    }
}

/// What was judged of one measure, slot by slot, and who is stuck: of one group, to be added up over shards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trail {
    /// The starts of slots in milliseconds, ascending, each with what was judged in it.
    slots: Vec<(u64, Judged)>,
    /// How many wait for more than three times as long as is promised.
    stuck: u64,
}

/// Trails by what they are of.
pub type Trails = BTreeMap<(GroupKey, Measure), Trail>;

impl Trail {
    fn add(&mut self, slot: u64, judged: Judged) {
        match self.slots.binary_search_by_key(&slot, |(known, _)| *known) {
            Ok(at) => {
                self.slots[at].1.kept += judged.kept;
                self.slots[at].1.of += judged.of;
            }
            Err(at) => self.slots.insert(at, (slot, judged)),
        }
    }

    /// How many wait for more than three times as long as is promised.
    pub fn stuck(&self) -> u64 {
        self.stuck
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: Trail) {
        self.stuck += other.stuck;
        if self.slots.is_empty() {
            self.slots = other.slots;
            return;
        }
        other.slots.into_iter().for_each(|(slot, judged)| self.add(slot, judged));
    }

    /// Whether this promise is being broken at `now`, and since when. None where there is nothing to judge by: lanes that
    /// are added up do not agree on it.
    pub fn judge(&self, promise: &CommonPromise, widths: SlotWidths, now: EventTime) -> Option<Verdict> {
        let (goal, least) = (promise.goal?, promise.min_contacts?);
        promise.formula?;
        let SlotWidths { fine_ms, coarse_ms } = widths;
        let now = floor(now.millis(), fine_ms);
        let mut window = Sum::default();
        let (mut since, mut at_goal, mut is_thin) = (None, 0, true);
        let first = floor(now.saturating_sub(LOOK_BACK_MS), fine_ms);
        for edge in (first..=now).step_by(usize::try_from(fine_ms).unwrap_or(usize::MAX)) {
            let judged = window.slide(&self.slots, floor(edge.saturating_sub(WINDOW_MS), coarse_ms), edge);
            let is_below = judged.of >= least && judged.interval().is_some_and(|(_, upper)| upper < goal);
            is_thin = judged.of < least;
            let is_at_goal = judged.level().is_none_or(|level| level >= goal);
            at_goal = if is_at_goal { at_goal + 1 } else { 0 };
            if is_below {
                since.get_or_insert(edge);
            } else if at_goal >= ENDS_AFTER {
                since = None;
            }
        }
        let since = since.or((is_thin && self.stuck >= STUCK.0).then_some(now));
        Some(Verdict { breached_since: since.and_then(EventTime::from_millis) })
    }
}

/// Adds all trails of `others`.
pub fn merge(trails: &mut Trails, others: Trails) {
    for (of, trail) in others {
        trails.entry(of).or_default().merge(trail);
    }
}

/// Whether a promise is being broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verdict {
    /// Since when it is, as far as the last hour tells; none if it is not.
    pub breached_since: Option<EventTime>,
}

/// The sum over a window that slides.
#[derive(Default)]
struct Sum {
    judged: Judged,
    /// The slots that are in it, by their places.
    from: usize,
    to: usize,
}

impl Sum {
    /// Slides to slots from `from` until before `to`, neither of which is less than before.
    fn slide(&mut self, slots: &[(u64, Judged)], from: u64, to: u64) -> Judged {
        while let Some((_, judged)) = slots.get(self.to).filter(|(slot, _)| *slot < to) {
            self.judged.kept += judged.kept;
            self.judged.of += judged.of;
            self.to += 1;
        }
        while let Some((_, judged)) = slots[..self.to].get(self.from).filter(|(slot, _)| *slot < from) {
            self.judged.kept -= judged.kept;
            self.judged.of -= judged.of;
            self.from += 1;
        }
        self.judged
    }
}

/// What was judged in the slots that [`Trail::judge`] looks at, and who is stuck at `now`, of every lane's promises.
pub fn trails(shards: &[&Shard], now: EventTime, by: GroupBy) -> Trails {
    let mut trails = Trails::new();
    for shard in shards {
        let slots = shard.settings().slots;
        let to = floor(now.millis(), slots.fine_ms);
        let from = floor(to.saturating_sub(LOOK_BACK_MS + WINDOW_MS), slots.coarse_ms);
        for lane in shard.lanes.iter() {
            let key = board::key_of(lane, &shard.lanes, by);
            let terms = lane.terms_at(now.millis());
            let mut booked: BTreeMap<(u64, Speaks), Cells> = BTreeMap::new();
            lane.pages.each_count(from, to, |slot, speaks, cell, count| {
                booked.entry((slot, speaks)).or_default()[cell] += count;
            });
            for measure in Measure::PROMISED {
                let Some(promise) = terms.promise(measure) else { continue };
                let trail = trails.entry((key.clone(), measure)).or_default();
                for ((slot, speaks), cells) in &booked {
                    let judged = Judged::by(promise.formula, cells);
                    if speaks.for_measure(measure) && judged.of > 0 {
                        trail.add(*slot, judged);
                    }
                }
                trail.stuck += stuck(shard, lane, measure, promise.answer_within_ms, to);
            }
        }
    }
    trails
}

/// How many wait at this instant for more than three times the target.
fn stuck(shard: &Shard, lane: &Lane, measure: Measure, answer_within_ms: u64, now: u64) -> u64 {
    let beyond = STUCK.1 * answer_within_ms;
    let terms = lane.terms_at(now);
    let timer = terms.timer(measure, &[]);
    let mut stuck = 0;
    for speaks in Speaks::all_for(measure) {
        // Pauses and closed hours only make waits shorter than they look here.
        let old = lane.waiting.of(*speaks).take_while(|undecided| undecided.since + beyond < now);
        let open = old.filter(|undecided| undecided.is_due).filter_map(|undecided| stay_of(shard, &undecided));
        let long = open.filter(|stay| {
            let overdue = stay.due_at.map_or(0, |due_at| timer.between(due_at, now));
            !is_before(shard, stay.expires_at, now) && overdue > beyond - answer_within_ms
        });
        stuck += long.take(MOST_STUCK - stuck).count();
    }
    stuck as u64
}

#[cfg(test)]
mod tests;
