//! Notes of a span, put into the groups of lanes that they belong to.
//!
//! Contacts of which no offer is known have no lane. What is said of them is told under the queue that it names, else
//! under [`UNKNOWN`], with unknown channel and tier; such a group has no visits, and is there only while anything of it
//! is kept.

use std::collections::BTreeMap;

use super::{Notes, OutcomeTally, SurveyTally};
use crate::engine::board::{Group, GroupBy, GroupKey, Groups, key_of};
use crate::engine::lane::UNKNOWN;
use crate::engine::shard::Shard;
use crate::engine::tally::{Cell, Measure};

/// All notes of a shard of which `wanted` holds, with the group they belong to.
pub(in crate::engine) fn all_notes<'s>(
    shard: &'s Shard,
    by: GroupBy,
    wanted: impl Fn(&Notes) -> bool + Copy + 's,
) -> impl Iterator<Item = (GroupKey, &'s Notes)> {
    let lanes = shard.lanes.iter().filter(move |lane| wanted(&lane.notes));
    let of_lanes = lanes.map(move |lane| (key_of(lane, &shard.lanes, by), &*lane.notes));
    let unknown = shard.lanes.unknown.iter().filter(move |(_, notes)| wanted(notes));
    let of_unknown = unknown.map(move |(queue, notes)| {
        let queue = queue.map_or(UNKNOWN, |queue| shard.lanes.queues.text(queue));
        let name = |wanted: bool, text: &str| wanted.then(|| text.to_owned());
        let key =
            GroupKey { queue: name(by.queue, queue), channel: name(by.channel, UNKNOWN), tier: name(by.tier, UNKNOWN) };
        (key, &**notes)
    });
    of_lanes.chain(of_unknown)
}

/// Adds what was said in `[from, to)`, both in milliseconds. Lanes of which anything is kept have their group whatever the
/// span.
pub(in crate::engine) fn hear(groups: &mut Groups, shard: &Shard, by: GroupBy, from: u64, to: u64) {
    for (key, notes) in all_notes(shard, by, |notes| !notes.is_empty()) {
        let group = groups.entry(key).or_default();
        for (_, survey, score, count) in notes.scores(from, to) {
            add_score(group, shard, survey, score, count);
        }
        for (_, name, tally) in notes.outcomes(from, to) {
            add_outcome(group, shard, name, tally);
        }
        for (_, count) in notes.reopened(from, to) {
            add_reopened(group, count);
        }
    }
}

/// Adds how often each outcome came in the window before the one that begins at `from`: in the span of `length_ms` that
/// ends there.
pub(in crate::engine) fn hear_before(groups: &mut Groups, shard: &Shard, by: GroupBy, from: u64, length_ms: u64) {
    for (key, notes) in all_notes(shard, by, |notes| !notes.is_empty()) {
        let before = &mut groups.entry(key).or_default().outcomes_before;
        for (_, name, tally) in notes.outcomes(from.saturating_sub(length_ms), from) {
            *before.entry(shard.lanes.topics.text(name).to_owned()).or_default() += tally.count;
        }
    }
}

/// Adds what was said in `[from, to)`, both in milliseconds, by interval and group. `interval_of` says in which interval a
/// slot lies.
pub(in crate::engine) fn hear_intervals(
    rows: &mut BTreeMap<(usize, GroupKey), Group>,
    shard: &Shard,
    by: GroupBy,
    (from, to): (u64, u64),
    interval_of: impl Fn(u64) -> usize,
) {
    for (key, notes) in all_notes(shard, by, |notes| !notes.is_empty()) {
        for (slot, survey, score, count) in notes.scores(from, to) {
            add_score(rows.entry((interval_of(slot), key.clone())).or_default(), shard, survey, score, count);
        }
        for (slot, name, tally) in notes.outcomes(from, to) {
            add_outcome(rows.entry((interval_of(slot), key.clone())).or_default(), shard, name, tally);
        }
        for (slot, count) in notes.reopened(from, to) {
            add_reopened(rows.entry((interval_of(slot), key.clone())).or_default(), count);
        }
    }
}

fn add_score(group: &mut Group, shard: &Shard, survey: u32, score: Option<i64>, count: u64) {
    let name = shard.lanes.topics.text(survey);
    let scale = shard.settings.surveys.get(name).copied();
    group.surveys.entry(name.to_owned()).or_insert_with(|| SurveyTally::new(scale)).add(score, count);
}

fn add_reopened(group: &mut Group, count: u64) {
    group.measures.entry(Measure::Effort).or_default().cells[Cell::Reopened] += count;
}

fn add_outcome(group: &mut Group, shard: &Shard, name: u32, tally: &OutcomeTally) {
    group.outcomes.entry(shard.lanes.topics.text(name).to_owned()).or_default().merge(tally);
}
