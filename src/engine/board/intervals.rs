//! What lanes say of intervals: a lane is read once for all of them.

use std::collections::BTreeMap;

use super::{Group, GroupBy, GroupKey, key_of, told_of};
use crate::engine::experience::sums;
use crate::engine::histogram::Collector;
use crate::engine::lane::Lane;
use crate::engine::mark::Mark;
use crate::engine::page::Speaks;
use crate::engine::shard::Shard;
use crate::engine::sums::{LaneSums, counts, expired, flows, tells};
use crate::engine::tally::{Cell, Cells, Measure, Quantity, Tally};
use crate::event::EventTime;

/// One group of one interval.
pub struct Row {
    /// The interval from `edges[interval]` to `edges[interval + 1]`.
    pub interval: usize,
    /// Which lanes.
    pub key: GroupKey,
    /// Their tallies; no lists of contacts.
    pub group: Group,
}

/// The intervals between ascending `edges`, each a slot edge, in which anything happened or anybody waited at the end;
/// by interval, then by group. Shards must keep everything.
pub fn intervals(shards: &[&Shard], edges: &[EventTime], by: GroupBy) -> Vec<Row> {
    let edges: Vec<u64> = edges.iter().map(|edge| edge.millis()).collect();
    let mut rows: BTreeMap<(usize, GroupKey), Group> = BTreeMap::new();
    let mut collector = Collector::default();
    for shard in shards {
        if let (Some(&first), Some(&last)) = (edges.first(), edges.last()) {
            sums::hear_intervals(&mut rows, shard, by, (first, last), |slot| interval_of(&edges, slot));
        }
        for lane in shard.lanes.iter() {
            let key = key_of(lane, &shard.lanes, by);
            for measure in told_of(lane, edges.first().copied().unwrap_or(0)) {
                for (interval, tally) in interval_tallies(shard, lane, &edges, measure, &mut collector) {
                    let group = rows.entry((interval, key.clone())).or_default();
                    group.measures.entry(measure).or_default().merge(&tally);
                }
            }
        }
    }
    rows.into_iter().map(|((interval, key), group)| Row { interval, key, group }).collect()
}

/// The interval that a time within the edges lies in.
fn interval_of(edges: &[u64], time: u64) -> usize {
    edges.partition_point(|&edge| edge <= time).saturating_sub(1)
}

/// The intervals of one lane that have anything to tell.
fn interval_tallies(
    shard: &Shard,
    lane: &Lane,
    edges: &[u64],
    measure: Measure,
    collector: &mut Collector,
) -> Vec<(usize, Tally)> {
    let (Some(&first), Some(&last)) = (edges.first(), edges.last()) else { return Vec::new() };
    let mut tallies: BTreeMap<usize, Interval> = BTreeMap::new();
    let mut add = |time: u64, speaks: Speaks, cell, count| {
        let is_counted = speaks.for_measure(measure) && counts(measure, cell);
        let flows = flows(measure).iter().filter(|(who, _)| *who == speaks).map(|(_, cells)| cells);
        let (comes, goes) = flows.fold((0, 0), |(comes, goes), &[coming, going]| {
            (comes + u64::from(cell == coming), goes + u64::from(cell == going))
        });
        if is_counted || comes + goes > 0 {
            let interval = tallies.entry(interval_of(edges, time)).or_default();
            interval.tally.cells[cell] += if is_counted { count } else { 0 };
            interval.comes += comes * count;
            interval.goes += goes * count;
        }
    };
    lane.pages.each_count(first, last, &mut add);
    for stay in expired(shard, lane, last) {
        for booking in stay.expiry_bookings().iter().filter(|booking| (first..last).contains(&booking.time)) {
            booking.cells.iter().for_each(|cell| add(booking.time, booking.speaks, cell, 1));
        }
    }
    lane.pages.each_mark(first, last, |slot, mark| {
        if tells(mark.speaks(), measure, mark.quantity() == Quantity::Handle) {
            tallies.entry(interval_of(edges, slot)).or_default().durations.push(mark);
        }
    });
    let mut before = LaneSums::default();
    before.add(shard, lane, first, first);
    let before = before.tally(measure);
    let (mut waiting, mut over) = (before.waiting, before.waiting_over);
    let mut told = Vec::with_capacity(tallies.len());
    let mut next = 0;
    for (interval, Interval { mut tally, durations, comes, goes }) in tallies {
        // Nothing was booked in between, but who waited still waits.
        let silent = (next..interval).filter(|_| waiting > 0);
        told.extend(silent.map(|silent| (silent, Tally::of(Cells::default(), (waiting, over)))));
        waiting = waiting + comes - goes;
        if measure == Measure::Backlog {
            tally = Tally::of(Cells::default(), (waiting, 0));
        } else {
            over = over + tally.cells[Cell::Overdue] - tally.cells[Cell::DepartedOver];
            (tally.waiting, tally.waiting_over) = (waiting, over);
            durations.fill(&mut tally, collector);
        }
        if !tally.is_empty() {
            told.push((interval, tally));
        }
        next = interval + 1;
    }
    let silent = (next..edges.len() - 1).filter(|_| waiting > 0);
    told.extend(silent.map(|silent| (silent, Tally::of(Cells::default(), (waiting, over)))));
    told
}

/// One interval of one lane, on its way into a tally.
#[derive(Default)]
struct Interval {
    tally: Tally,
    durations: Durations,
    /// How many came to wait in it, and how many went.
    comes: u64,
    goes: u64,
}

/// Durations on their way into distributions.
#[derive(Default)]
struct Durations([Vec<u64>; Quantity::COUNT]);

impl Durations {
    fn push(&mut self, mark: &Mark) {
        self.0[mark.quantity() as usize].push(mark.duration_ms());
    }

    fn fill(self, tally: &mut Tally, collector: &mut Collector) {
        for (quantity, durations) in Quantity::ALL.into_iter().zip(self.0) {
            durations.into_iter().for_each(|duration| collector.record(duration));
            tally[quantity] = collector.take();
        }
    }
}
