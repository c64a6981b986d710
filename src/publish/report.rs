//! What a replay has to tell: intervals, totals and what became of the input.
//!
//! It ends at the first edge (of an interval, else of the finest slot) after the last fact, and begins with the edge at or
//! before the earliest one that is tallied. How it is written is told in [`json`](super::json) and
//! [`table`](super::table).

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::engine::agents::tally::AgentTally;
use crate::engine::board::{self, Group, GroupBy, GroupKey};
use crate::engine::repeats::{RepeatCounts, Repeats};
use crate::engine::settings::Settings;
use crate::engine::shard::{Input, Shard};
use crate::engine::tally::{Cell, Measure, Tally};
use crate::engine::view::{self, CommonPromise};
use crate::event::EventTime;
use crate::event::rejection::RejectionReason;
use crate::publish::edges::{TooManyIntervals, edges};
use crate::source::workers::Fed;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is told apart.
    pub by: GroupBy,
    /// The length of intervals in milliseconds, a multiple of the finest slot, at most a day; none for totals only.
    pub every_ms: Option<u64>,
    /// Whose midnight intervals are aligned to.
    pub zone: TimeZone,
}

/// What is known.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is told apart.
    pub by: GroupBy,
    /// Within which spans contacts are told to repeat others, as written in the settings.
    pub repeat_within: Vec<String>,
    /// The zone that was asked for.
    pub zone: TimeZone,
    /// By time, then by group; those in which nothing happened and nobody waits at the end are left out.
    pub intervals: Vec<Line>,
    /// By group; those of which nothing is tallied are left out.
    pub totals: Vec<Line>,
    /// All groups together, whatever there is.
    pub together: Line,
    /// What became of the input.
    pub input: InputCounts,
}

/// One group over one span.
#[derive(Clone, Debug)]
pub struct Line {
    /// The beginning; none if nothing is tallied.
    pub start: Option<EventTime>,
    /// The end, not included; none without any event.
    pub end: Option<EventTime>,
    /// Which lanes.
    pub key: GroupKey,
    /// What is known of them.
    pub group: Group,
    /// What the agents of the queue did; none unless the group is a whole queue, and where nobody was there.
    pub agents: Option<AgentTally>,
    /// Whether any of them is open at the end, of those that a calendar opens and closes; none where there is none. Of
    /// totals only.
    pub open: Option<bool>,
    /// What is promised to all of them at the end; of totals only.
    pub promise: Option<CommonPromise>,
    /// Who came back; none where no customer is known.
    pub repeats: Option<RepeatCounts>,
}

/// What became of the records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputCounts {
    /// Lines read.
    pub records: u64,
    /// Of those, the ones that are no events; only reasons that occurred.
    pub rejected: BTreeMap<RejectionReason, u64>,
    /// What the engine says of the others.
    pub engine: Input,
    /// Offers, answers, ends and completions, ratings and outcomes told of a time beyond the end of the report: wild times that nothing
    /// confirmed.
    pub ahead: u64,
}

impl Report {
    /// The report that is asked for, of all that was fed.
    ///
    /// # Errors
    ///
    /// There would be too many intervals.
    pub fn of(fed: &Fed, settings: &Settings, request: &Request) -> Result<Report, TooManyIntervals> {
        let shards: Vec<&Shard> = fed.shards.iter().collect();
        let Request { by, every_ms, ref zone } = *request;
        let slot_ms = settings.slots.fine_ms;

        let last = shards.iter().filter_map(|shard| shard.end()).max();
        let first = board::earliest(&shards).filter(|first| last.is_some_and(|last| *first <= last));
        let edges = match (first.or(last), last) {
            (Some(first), Some(last)) => match every_ms {
                Some(every_ms) => edges(first, last, every_ms, slot_ms, zone)?,
                None => slot_edges(first, last, slot_ms),
            },
            _ => Vec::new(),
        };
        let (start, end) = (first.and(edges.first().copied()), edges.last().copied());

        let repeats = Repeats::of(&shards, by);
        let mut repeats_of_interval = (usize::MAX, BTreeMap::new());
        let mut repeats_in = |interval: usize, key: &GroupKey| {
            if repeats_of_interval.0 != interval {
                repeats_of_interval = (interval, repeats.between(edges[interval], edges[interval + 1]));
            }
            repeats_of_interval.1.get(key).cloned()
        };
        let rows = if every_ms.is_some() { board::intervals(&shards, &edges, by) } else { Vec::new() };
        // Agents serve queues, whatever the channel or tier.
        let is_of_queues = by == GroupBy { queue: true, ..GroupBy::default() };
        let mut agents =
            if is_of_queues && every_ms.is_some() { board::agent_intervals(&shards, &edges) } else { BTreeMap::new() };
        let intervals = rows.into_iter().map(|row| Line {
            start: Some(edges[row.interval]),
            end: Some(edges[row.interval + 1]),
            agents: row.key.queue.as_ref().and_then(|queue| agents.remove(&(row.interval, queue.clone()))),
            repeats: repeats_in(row.interval, &row.key),
            key: row.key,
            group: row.group,
            promise: None,
            open: None,
        });
        let mut repeated = repeats.between(EventTime::default(), end.unwrap_or_default());
        let repeated_together = repeated.values().cloned().reduce(|mut sum, counts| {
            sum.merge(&counts);
            sum
        });
        let totals = |by| board::totals(&shards, end.unwrap_or_default(), by);
        let mut agents_in_all = match start.zip(end).filter(|_| is_of_queues) {
            Some((start, end)) => board::agents(&shards, start.millis(), end.millis()),
            None => BTreeMap::new(),
        };
        let promises = |by| view::promises(&shards, end.unwrap_or_default(), by);
        let promised = promises(by);
        let open_by = |by| view::open(&shards, end.unwrap_or_default(), by);
        let open_at_end = open_by(by);
        let lines = totals(by).into_iter().map(|(key, group)| {
            let promise = promised.get(&key).and_then(|promises| promises.get(&Measure::Wait)).copied();
            let agents = key.queue.as_ref().and_then(|queue| agents_in_all.remove(queue));
            let repeats = repeated.remove(&key);
            let open = open_at_end.get(&key).copied();
            Line { open, start, end, key, group, agents: agents.filter(|tally| !tally.is_empty()), promise, repeats }
        });
        let nothing_apart = GroupBy::default();
        let of_all = promises(nothing_apart).remove(&GroupKey::default());
        let of_all = of_all.and_then(|promises| promises.get(&Measure::Wait).copied());
        let together = totals(nothing_apart).remove(&GroupKey::default()).unwrap_or_default();

        let mut engine = Input::default();
        for shard in &shards {
            engine.merge(&shard.input());
        }
        let ahead = end.map_or(0, |end| board::ahead(&shards, end));
        Ok(Report {
            by,
            repeat_within: settings.customers.repeat_within.iter().map(|within| within.name.clone()).collect(),
            zone: zone.clone(),
            intervals: intervals.filter(Line::tells).collect(),
            totals: lines.filter(|line| by != nothing_apart && line.tells()).collect(),
            together: Line {
                open: open_by(nothing_apart).remove(&GroupKey::default()),
                start,
                end,
                key: GroupKey::default(),
                group: together,
                agents: None,
                promise: of_all,
                repeats: repeated_together,
            },
            input: InputCounts { records: fed.records, rejected: fed.rejected.clone(), engine, ahead },
        })
    }
}

impl Line {
    /// Visits that were completed.
    pub fn completed(&self) -> u64 {
        self.group.measures.get(&Measure::Wait).map_or(0, |tally| tally.cells[Cell::Completed])
    }

    /// Whether there is anything to show. That somebody's waiting expired is not.
    fn tells(&self) -> bool {
        self.tells_of_visits() || !self.group.surveys.is_empty() || !self.group.outcomes.is_empty()
    }

    /// Whether there is anything to show but ratings and outcomes.
    pub fn tells_of_visits(&self) -> bool {
        self.group.measures.values().any(|tally: &Tally| {
            let shown = Cell::ALL.into_iter().filter(|cell| cell.is_told());
            tally.waiting > 0 || shown.into_iter().any(|cell| tally.cells[cell] > 0)
        })
    }
}

/// The beginning of the first slot and the end of the last.
fn slot_edges(first: EventTime, last: EventTime, slot_ms: u64) -> Vec<EventTime> {
    let floor = |time: EventTime| time.millis() - time.millis() % slot_ms;
    let edges = [floor(first), floor(last) + slot_ms];
    edges.map(|edge| EventTime::from_millis(edge).unwrap_or(EventTime::MAX)).to_vec()
}
