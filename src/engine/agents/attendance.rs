//! How many agents are in a state over time, by queue: exact to the millisecond.
//!
//! What is held are edges, the instants at which a number changes, with the change. A number at an instant is the sum of
//! the changes before it, and agent-milliseconds over a span are the sum of what is left of the span after each. Hours
//! keep both sums of their edges, so that a window of a day looks at edges in two of them. Who these agents are is not
//! known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tally::AgentTally;
use crate::engine::page::PAGE_MS;
use crate::event::AgentState;

/// Numbers by queue and state.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::engine) struct Attendance {
    /// By the queue's number; those without any edge are not held.
    pub(super) counts: BTreeMap<(u32, AgentState), Arc<Headcount>>,
    /// Edges before this are not told apart any more: a full hour, in milliseconds.
    pub(super) folded_to: u64,
}

/// The number of agents in one state in one queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Headcount {
    /// What the folded edges add up to.
    pub(super) base: i64,
    /// By hours since the epoch; none without edges.
    hours: BTreeMap<u64, Hour>,
}

/// The edges of an hour.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Hour {
    /// Milliseconds since the hour began, ascending, and the change, never 0.
    edges: Vec<(u32, i32)>,
    /// The sum of the changes.
    net: i64,
    /// The sum of each change times the milliseconds from it to the end of the hour.
    weighted_ms: i64,
}

/// How many there are at the end of a span, and for how long they were in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    /// Just before the end.
    pub(super) count: i64,
    /// Agent-milliseconds.
    pub(super) time_ms: i64,
}

impl Attendance {
    /// From this time on, in milliseconds, so many more are in this state.
    pub(super) fn change(&mut self, queue: u32, state: AgentState, time: u64, by: i32) {
        let headcount = Arc::make_mut(self.counts.entry((queue, state)).or_default());
        if time < self.folded_to {
            headcount.base += i64::from(by);
        } else {
            headcount.change(time, by);
        }
        if headcount.is_empty() {
            self.counts.remove(&(queue, state));
        }
    }

    /// Lets go of the edges of hours that end by `until`, in milliseconds. Only spans that begin later can be asked for
    /// then.
    pub(in crate::engine) fn fold(&mut self, until: u64) {
        let until = until - until % PAGE_MS;
        if until <= self.folded_to {
            return;
        }
        self.folded_to = until;
        self.counts.retain(|_, headcount| {
            let headcount = Arc::make_mut(headcount);
            let rest = headcount.hours.split_off(&(until / PAGE_MS));
            headcount.base += headcount.hours.values().map(|hour| hour.net).sum::<i64>();
            headcount.hours = rest;
            !headcount.is_empty()
        });
    }

    /// What was done from `from` until before `to`, by the queue's number, of every queue of which anything before `to`
    /// is known.
    pub(in crate::engine) fn over(&self, from: u64, to: u64) -> BTreeMap<u32, AgentTally> {
        let mut tallies: BTreeMap<u32, AgentTally> = BTreeMap::new();
        for (&(queue, state), headcount) in self.counts.iter().filter(|(_, headcount)| headcount.begins_before(to)) {
            tallies.entry(queue).or_default().set(state, headcount.over(from, to));
        }
        tallies
    }

    /// What was done between ascending `edges`, by the number of the interval and of the queue; those in which nobody
    /// was there are left out.
    pub(in crate::engine) fn intervals(&self, edges: &[u64]) -> BTreeMap<(usize, u32), AgentTally> {
        let mut tallies: BTreeMap<(usize, u32), AgentTally> = BTreeMap::new();
        for (&(queue, state), headcount) in &self.counts {
            headcount.each_interval(edges, |interval, span| {
                if span != Span::default() {
                    tallies.entry((interval, queue)).or_default().set(state, span);
                }
            });
        }
        tallies
    }
}

impl Headcount {
    /// No edges but those folded, which add up to this.
    pub(super) fn of(base: i64) -> Headcount {
        Headcount { base, hours: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.base == 0 && self.hours.is_empty()
    }

    pub(super) fn change(&mut self, time: u64, by: i32) {
        let number = time / PAGE_MS;
        let hour = self.hours.entry(number).or_default();
        let offset = u32::try_from(time % PAGE_MS).expect("an hour has fewer milliseconds");
        hour.change(offset, by);
        if hour.edges.is_empty() {
            self.hours.remove(&number);
        }
    }

    /// All edges, ascending.
    pub(super) fn edges(&self) -> impl Iterator<Item = (u64, i32)> {
        self.hours.iter().flat_map(|(number, hour)| hour.edges(number * PAGE_MS))
    }

    fn begins_before(&self, time: u64) -> bool {
        self.base != 0 || self.edges().next().is_some_and(|(first, _)| first < time)
    }

    pub(super) fn over(&self, from: u64, to: u64) -> Span {
        let (mut before, mut span) = (self.base, Span::default());
        for (number, hour) in self.hours.range(..=to / PAGE_MS) {
            let (begin, end) = (number * PAGE_MS, (number + 1) * PAGE_MS);
            if end <= from {
                before += hour.net;
            } else if begin >= from && end <= to {
                span.count += hour.net;
                span.time_ms += hour.weighted_ms + hour.net * signed(to - end);
            } else {
                for (time, by) in hour.edges(begin).take_while(|(time, _)| *time < to) {
                    if time < from {
                        before += i64::from(by);
                    } else {
                        span.add(by, to - time);
                    }
                }
            }
        }
        span.count += before;
        span.time_ms += before * signed(to.saturating_sub(from));
        span
    }

    /// The spans between ascending `edges`, in one go.
    fn each_interval(&self, edges: &[u64], mut each: impl FnMut(usize, Span)) {
        let mut changes = self.edges().peekable();
        let mut count = self.base;
        let Some(&first) = edges.first() else { return };
        while let Some((_, by)) = changes.next_if(|(time, _)| *time < first) {
            count += i64::from(by);
        }
        for (interval, ends) in edges.windows(2).enumerate() {
            let &[from, to] = ends else { continue };
            let mut span = Span { count, time_ms: count * signed(to - from) };
            while let Some((time, by)) = changes.next_if(|(time, _)| *time < to) {
                span.add(by, to - time);
            }
            count = span.count;
            each(interval, span);
        }
    }
}

impl Hour {
    fn change(&mut self, offset: u32, by: i32) {
        let place = self.edges.partition_point(|(known, _)| *known < offset);
        match self.edges.get_mut(place) {
            Some((known, change)) if *known == offset => {
                *change += by;
                if *change == 0 {
                    self.edges.remove(place);
                }
            }
            _ => self.edges.insert(place, (offset, by)),
        }
        self.net += i64::from(by);
        self.weighted_ms += i64::from(by) * (signed(PAGE_MS) - i64::from(offset));
    }

    fn edges(&self, begin: u64) -> impl Iterator<Item = (u64, i32)> {
        self.edges.iter().map(move |&(offset, by)| (begin + u64::from(offset), by))
    }
}

impl Span {
    /// So many more, for the last so many milliseconds.
    fn add(&mut self, by: i32, left_ms: u64) {
        self.count += i64::from(by);
        self.time_ms += i64::from(by) * signed(left_ms);
    }
}

fn signed(millis: u64) -> i64 {
    i64::try_from(millis).expect("event times are far below 2^63 ms")
}
