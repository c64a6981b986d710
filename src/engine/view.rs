//! What is shown live: all windows at one instant, and the counters, of some shards.
//!
//! A [`View`] is a plain mergeable value. Threads that hold shards each make the view of theirs at the same instant, and
//! the views are merged; views of several instances could be merged just so.

use std::collections::BTreeMap;

use crate::engine::board::{self, Group, GroupBy, GroupKey};
use crate::engine::counters::Counters;
use crate::engine::settings::Promise;
use crate::engine::shard::Shard;
use crate::engine::tally::Formula;
use crate::event::EventTime;

/// What some shards say at one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct View {
    /// The instant.
    pub now: EventTime,
    /// Every group of lanes that was ever seen.
    pub groups: BTreeMap<GroupKey, GroupView>,
}

/// What one group of lanes says.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupView {
    /// Whether contacts were ever offered to any of its lanes. Else nothing is promised, and there are only ratings and
    /// outcomes of contacts whose offer is not known.
    pub offered: bool,
    /// What is promised to all of its lanes.
    pub promise: CommonPromise,
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

impl View {
    /// A view of no shards.
    pub fn empty(now: EventTime) -> View {
        View { now, groups: BTreeMap::new() }
    }

    /// What these shards, all of the same settings, say at `now`.
    pub fn of(shards: &[&Shard], now: EventTime, by: GroupBy) -> View {
        let mut view = View::empty(now);
        for (key, promise) in promises(shards, now, by) {
            view.groups.insert(key, GroupView { offered: true, promise, windows: Vec::new() });
        }
        let windows = shards.first().map_or(&[][..], |shard| &shard.settings().windows);
        for window in windows {
            for (key, group) in board::window(shards, window, now, by) {
                let unknown = || GroupView { offered: false, promise: CommonPromise::default(), windows: Vec::new() };
                view.groups.entry(key).or_insert_with(unknown).windows.push(group);
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
            match (mine.offered, theirs.offered) {
                (true, true) => mine.promise.meet(&theirs.promise),
                (false, true) => (mine.offered, mine.promise) = (true, theirs.promise),
                (_, false) => {}
            }
            for (mine, theirs) in mine.windows.iter_mut().zip(theirs.windows) {
                mine.merge(theirs, longest_list);
            }
        }
    }
}

/// What is promised at `now` to the lanes of each group; none to groups without lanes.
pub fn promises(shards: &[&Shard], now: EventTime, by: GroupBy) -> BTreeMap<GroupKey, CommonPromise> {
    let mut promises: BTreeMap<GroupKey, CommonPromise> = BTreeMap::new();
    for shard in shards {
        for lane in shard.lanes.iter() {
            let promise = CommonPromise::from(*lane.promise_at(now.millis()));
            let key = board::key_of(lane, &shard.lanes, by);
            promises.entry(key).and_modify(|common| common.meet(&promise)).or_insert(promise);
        }
    }
    promises
}

/// What a shard ever counted, by group.
pub fn counters(shard: &Shard, by: GroupBy) -> BTreeMap<GroupKey, Counters> {
    let mut counters: BTreeMap<GroupKey, Counters> = BTreeMap::new();
    for lane in shard.lanes.iter() {
        *counters.entry(board::key_of(lane, &shard.lanes, by)).or_default() += lane.counters;
    }
    counters
}
