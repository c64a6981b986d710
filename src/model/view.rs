//! Sums of bookings over a span, and who waits at its end.
//!
//! Spans lie on slot edges, as the engine's do; cells that only serve the engine's own sums (`departed`,
//! `departed_over`) are not told here, who waits is counted from the stays themselves.

use std::collections::BTreeMap;

use crate::engine::tally::{Cell, Measure, Quantity};

use super::stay::{Lane, Stay};

/// Which parts of a lane make a group.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// Its queue.
    pub queue: bool,
    /// Its channel.
    pub channel: bool,
    /// Its tier.
    pub tier: bool,
}

/// Queue, channel and tier of a group, where it is by them.
pub type Key = (Option<String>, Option<String>, Option<String>);

impl By {
    /// The group that a lane belongs to.
    pub fn key(self, lane: &Lane) -> Key {
        let part = |wanted: bool, text: &String| wanted.then(|| text.clone());
        (part(self.queue, &lane.queue), part(self.channel, &lane.channel), part(self.tier, &lane.tier))
    }
}

/// What a measure says over a span.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// What was booked in the span.
    pub cells: BTreeMap<Cell, u64>,
    /// Who waits at its end.
    pub waiting: u64,
    /// Of those, beyond the target.
    pub waiting_over: u64,
    /// Durations booked in the span, in milliseconds, with the contact, longest first.
    pub durations: BTreeMap<Quantity, Vec<(u64, String)>>,
}

/// A contact that waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Waiting {
    /// Since when.
    pub since: u64,
    /// Who.
    pub contact_id: String,
    /// Beyond the target.
    pub over: bool,
}

/// All that is said of a group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Group {
    /// By measure.
    pub measures: BTreeMap<Measure, Sums>,
    /// By measure with a clock, all who wait at the end of the span and of whom nothing later is known either, the oldest
    /// first: whoever was answered since needs nobody's attention.
    pub longest: BTreeMap<Measure, Vec<Waiting>>,
}

/// Sums what was booked in `[from, to)`, by group; who waits is told as of `to`. Both lie on edges of slots.
pub fn view<'a>(stays: impl Iterator<Item = (&'a str, &'a Stay)>, from: u64, to: u64, by: By) -> BTreeMap<Key, Group> {
    let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
    for (contact_id, stay) in stays {
        let span = from..to;
        let since = stay.waits.filter(|&(since, until)| since < to && to <= until).map(|(since, _)| since);
        let waits_over = since.is_some() && stay.overdue_at.is_some_and(|due| due < to);
        let booked = stay.bookings.iter().filter(|booking| span.contains(&booking.1));
        let lasted = stay.durations.iter().filter(|duration| span.contains(&duration.1));
        if since.is_none() && booked.clone().next().is_none() && lasted.clone().next().is_none() {
            continue;
        }
        let group = groups.entry(by.key(&stay.lane)).or_default();
        let sums = group.measures.entry(stay.measure).or_default();
        for &(cell, _) in booked {
            *sums.cells.entry(cell).or_default() += 1;
        }
        for &(quantity, _, duration_ms) in lasted {
            sums.durations.entry(quantity).or_default().push((duration_ms, contact_id.to_owned()));
        }
        sums.waiting += u64::from(since.is_some());
        sums.waiting_over += u64::from(waits_over);
        if let Some(since) = since.filter(|_| stay.undecided) {
            let contact_id = contact_id.to_owned();
            let longest = group.longest.entry(stay.measure).or_default();
            longest.push(Waiting { since, contact_id, over: waits_over });
        }
    }
    for group in groups.values_mut() {
        group.longest.values_mut().for_each(|longest| longest.sort());
        for durations in group.measures.values_mut().flat_map(|sums| sums.durations.values_mut()) {
            durations.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        }
    }
    groups
}
