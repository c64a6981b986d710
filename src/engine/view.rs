//! What is shown live: all windows at one instant, and the counters, of some shards.
//!
//! A [`View`] is a plain mergeable value. Threads that hold shards each make the view of theirs at the same instant, and
//! the views are merged; views of several instances could be merged just so.

use std::collections::BTreeMap;

use crate::engine::agents::tally::AgentTally;
use crate::engine::board::{self, Group, GroupBy, GroupKey};
use crate::engine::counters::Counters;
use crate::engine::settings::Promise;
use crate::engine::shard::Shard;
use crate::engine::tally::{Formula, Measure};
use crate::event::EventTime;

/// What some shards say at one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    /// The instant.
    pub now: EventTime,
    /// Every group of lanes that was ever seen.
    pub groups: BTreeMap<GroupKey, GroupView>,
    /// What the agents of each queue did, one for each of the windows of the settings, in their order. Empty where queues
    /// are not told apart: who serves several would count several times among all.
    pub agents: BTreeMap<String, Vec<AgentTally>>,
}

/// What one group of lanes says.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupView {
    /// What is promised to all of its lanes, on each measure that something is promised on to any of them; nothing, if no
    /// contact was ever offered to any: then there are only ratings and outcomes of contacts whose offer is not known.
    pub promises: BTreeMap<Measure, CommonPromise>,
    /// Whether any of its lanes is open, of those that a calendar opens and closes; none where there is none.
    pub open: Option<bool>,
    /// One for each of the windows of the settings, in their order. Without lists of the worst where a window has no
    /// quantiles.
    pub windows: Vec<Group>,
}

/// As much of a promise as the lanes of a group have in common: what they do not agree on is none.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CommonPromise {
    /// See [`Promise::answer_within_ms`].
    pub answer_within_ms: Option<u64>,
    /// See [`Promise::goal`].
    pub goal: Option<f64>,
    /// See [`Promise::formula`].
    pub formula: Option<Formula>,
    /// See [`Promise::min_contacts`].
    pub min_contacts: Option<u64>,
}

impl From<Promise> for CommonPromise {
    fn from(promise: Promise) -> Self {
        CommonPromise {
            answer_within_ms: Some(promise.answer_within_ms),
            goal: Some(promise.goal),
            formula: Some(promise.formula),
            min_contacts: Some(promise.min_contacts),
        }
    }
}

impl CommonPromise {
    /// Lets go of what `other` does not agree on.
    pub fn meet(&mut self, other: &CommonPromise) {
        keep_if_equal(&mut self.answer_within_ms, other.answer_within_ms);
        keep_if_equal(&mut self.goal, other.goal);
        keep_if_equal(&mut self.formula, other.formula);
        keep_if_equal(&mut self.min_contacts, other.min_contacts);
    }
}

fn keep_if_equal<T: PartialEq + Copy>(mine: &mut Option<T>, theirs: Option<T>) {
    if *mine != theirs {
        *mine = None;
    }
}

impl GroupView {
    /// Whether contacts were ever offered to any of its lanes.
    pub fn is_offered(&self) -> bool {
        !self.promises.is_empty()
    }

    /// What is promised to all of its lanes on this measure.
    pub fn promise(&self, measure: Measure) -> CommonPromise {
        self.promises.get(&measure).copied().unwrap_or_default()
    }

    /// Lets go of promises that `theirs` does not agree on.
    pub fn meet(&mut self, theirs: &GroupView) {
        meet(&mut self.promises, &theirs.promises);
        self.open = self.open.into_iter().chain(theirs.open).reduce(|mine, theirs| mine | theirs);
    }
}

impl View {
    /// A view of no shards.
    pub fn empty(now: EventTime) -> View {
        View { now, groups: BTreeMap::new(), agents: BTreeMap::new() }
    }

    /// What these shards, all of the same settings, say at `now`.
    pub fn of(shards: &[&Shard], now: EventTime, by: GroupBy) -> View {
        let mut view = View::empty(now);
        let open = open(shards, now, by);
        for (key, promises) in promises(shards, now, by) {
            let open = open.get(&key).copied();
            view.groups.insert(key, GroupView { promises, open, windows: Vec::new() });
        }
        let windows = shards.first().map_or(&[][..], |shard| &shard.settings().windows);
        for window in windows {
            for (key, group) in board::window(shards, window, now, by) {
                let unknown = || GroupView { promises: Promises::new(), open: None, windows: Vec::new() };
                view.groups.entry(key).or_insert_with(unknown).windows.push(group);
            }
            for (queue, tally) in by.queue.then(|| board::agents_in_window(shards, window, now)).into_iter().flatten() {
                view.agents.entry(queue).or_default().push(tally);
            }
        }
        view
    }

    /// Adds what other shards say at the same instant. Lists of contacts are cut to `longest_list`.
    pub fn merge(&mut self, other: View, longest_list: usize) {
        for (key, theirs) in other.groups {
            let Some(mine) = self.groups.get_mut(&key) else {
                self.groups.insert(key, theirs);
                continue;
            };
            mine.meet(&theirs);
            for (mine, theirs) in mine.windows.iter_mut().zip(theirs.windows) {
                mine.merge(theirs, longest_list);
            }
        }
        for (queue, theirs) in other.agents {
            let Some(mine) = self.agents.get_mut(&queue) else {
                self.agents.insert(queue, theirs);
                continue;
            };
            mine.iter_mut().zip(&theirs).for_each(|(mine, theirs)| mine.merge(theirs));
        }
    }
}

/// Promises by what they are on.
pub type Promises = BTreeMap<Measure, CommonPromise>;

/// What is promised at `now` to the lanes of each group; none to groups without lanes.
pub fn promises(shards: &[&Shard], now: EventTime, by: GroupBy) -> BTreeMap<GroupKey, Promises> {
    let mut promises: BTreeMap<GroupKey, Promises> = BTreeMap::new();
    for shard in shards {
        for lane in shard.lanes.iter() {
            let terms = lane.terms_at(now.millis());
            let promised = Measure::PROMISED.into_iter().filter_map(|measure| {
                let promise = CommonPromise::from(*terms.promise(measure)?);
                Some((measure, promise))
            });
            let promised: Promises = promised.collect();
            let key = board::key_of(lane, &shard.lanes, by);
            promises.entry(key).and_modify(|common| meet(common, &promised)).or_insert(promised);
        }
    }
    promises
}

/// Whether at `now` any lane of a group is open, of those that a calendar opens and closes; groups without such are left
/// out.
pub fn open(shards: &[&Shard], now: EventTime, by: GroupBy) -> BTreeMap<GroupKey, bool> {
    let mut open = BTreeMap::new();
    for shard in shards {
        for lane in shard.lanes.iter() {
            if let Some(calendar) = lane.terms_at(now.millis()).calendar() {
                *open.entry(board::key_of(lane, &shard.lanes, by)).or_default() |= calendar.is_open(now.millis());
            }
        }
    }
    open
}

/// Lets go of what `theirs` do not agree on. On what is promised to some of the lanes only, they agree on nothing. Where no
/// contact was ever offered, there is nothing to agree on.
fn meet(mine: &mut Promises, theirs: &Promises) {
    if mine.is_empty() || theirs.is_empty() {
        mine.extend(theirs);
        return;
    }
    for (measure, theirs) in theirs {
        mine.entry(*measure).and_modify(|mine| mine.meet(theirs)).or_default();
    }
    for (_, mine) in mine.iter_mut().filter(|(measure, _)| !theirs.contains_key(measure)) {
        *mine = CommonPromise::default();
    }
}

/// What a shard ever counted, by group.
pub fn counters(shard: &Shard, by: GroupBy) -> BTreeMap<GroupKey, Counters> {
    let mut counters: BTreeMap<GroupKey, Counters> = BTreeMap::new();
    for lane in shard.lanes.iter() {
        *counters.entry(board::key_of(lane, &shard.lanes, by)).or_default() += lane.counters;
    }
    counters
}
