//! Which promises are being broken: judged once for each slot that passes, and counted when it begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::board::GroupKey;
use crate::engine::breach::{Trail, Trails, Verdict};
use crate::engine::settings::SlotWidths;
use crate::engine::tally::Measure;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::publish::snapshot::{self, Breach};
use crate::source::kafka::worker::Gaze;

/// What was judged last.
pub struct Breaches {
    slots: SlotWidths,
    judged: Option<Judged>,
    breaches: Arc<snapshot::Breaches>,
    /// How often each began, also of those that cannot be judged at present.
    counts: BTreeMap<(GroupKey, Measure), u64>,
}

/// When it was judged, in milliseconds of slot edges.
#[derive(Clone, Copy)]
struct Judged {
    /// First, since the process holds all that it holds.
    first: u64,
    /// Last.
    last: u64,
    /// Whether the process holds whole queues.
    whole: bool,
}

impl Breaches {
    /// Nothing judged yet.
    pub fn new(slots: SlotWidths) -> Breaches {
        Breaches { slots, judged: None, breaches: Arc::default(), counts: BTreeMap::new() }
    }

    /// What to ask for at this instant: trails only once another slot has passed, or the process has come to hold whole
    /// queues, or does so no longer.
    pub fn gaze(&self, now: Option<EventTime>, whole: bool) -> Gaze {
        match now {
            None => Gaze::Counters,
            Some(now) if self.is_judged(self.edge(now), whole) => Gaze::View(now),
            Some(now) => Gaze::Edge(now),
        }
    }

    /// The promises of this view, judged by these trails if they were asked for; as they were judged last otherwise. Of a
    /// process that does not hold whole queues nothing is said but who is stuck, and nothing is counted.
    pub fn judge(&mut self, view: &View, trails: &Trails, whole: bool) -> &Arc<snapshot::Breaches> {
        let edge = self.edge(view.now);
        if self.is_judged(edge, whole) {
            return &self.breaches;
        }
        let as_before = self.judged.filter(|judged| judged.whole == whole);
        let first = as_before.map_or(edge, |judged| judged.first);
        self.judged = Some(Judged { first, last: edge, whole });
        let before = std::mem::take(&mut self.breaches);
        let nothing = Trail::default();
        let mut breaches = snapshot::Breaches::new();
        for (key, group) in &view.groups {
            for (measure, promise) in &group.promises {
                let of = (key.clone(), *measure);
                let trail = trails.get(&of).unwrap_or(&nothing);
                let Some(Verdict { breached_since }) = trail.judge(promise, self.slots, view.now) else { continue };
                let known = before.get(&of).and_then(|breach| breach.since);
                // It began when it was first seen, also if that is farther back than is looked now.
                let since = breached_since.filter(|_| whole).map(|since| known.map_or(since, |known| known.min(since)));
                let count = self.counts.entry(of.clone()).or_default();
                // What is broken already when somebody first looks did not begin now.
                *count += u64::from(known.is_none() && since.is_some_and(|since| since.millis() > first));
                breaches.insert(of, Breach { since, count: *count, stuck: trail.stuck() });
            }
        }
        self.breaches = Arc::new(breaches);
        &self.breaches
    }

    fn is_judged(&self, edge: u64, whole: bool) -> bool {
        self.judged.is_some_and(|judged| judged.last == edge && judged.whole == whole)
    }

    fn edge(&self, now: EventTime) -> u64 {
        now.millis() - now.millis() % self.slots.fine_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::board::GroupBy;
    use crate::engine::breach;
    use crate::engine::settings::Settings;
    use crate::engine::shard::{Keep, Shard};
    use crate::event::decode::decode;

    /// 2024-01-01T09:00:00Z.
    const START: u64 = 1_704_099_600_000;

    /// Three who wait, from the start on.
    fn shard() -> Shard {
        let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
        for contact in ["a", "b", "c"] {
            let line = format!(r#"{{"type":"offered","contact_id":"{contact}","queue":"q","time":{START}}}"#);
            shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
        }
        shard
    }

    /// What is said of the wait so many seconds after the start: since which second, how often it began, and who is stuck.
    fn judged(breaches: &mut Breaches, shard: &Shard, seconds: u64, whole: bool) -> (Option<u64>, u64, u64) {
        let now = EventTime::from_millis(START + seconds * 1_000).unwrap();
        let view = View::of(&[shard], now, GroupBy::EACH);
        let trails = match breaches.gaze(Some(now), whole) {
            Gaze::Edge(_) => breach::trails(&[shard], now, GroupBy::EACH),
            _ => Trails::new(),
        };
        let judged = breaches.judge(&view, &trails, whole);
        let of_wait = judged.iter().find(|((_, measure), _)| *measure == Measure::Wait).unwrap().1;
        (of_wait.since.map(|since| (since.millis() - START) / 1_000), of_wait.count, of_wait.stuck)
    }

    #[test]
    fn a_breach_is_counted_when_it_begins_and_remembered_while_it_lasts() {
        let (shard, mut breaches) = (shard(), Breaches::new(Settings::default().slots));
        assert_eq!(judged(&mut breaches, &shard, 60, true), (None, 0, 0));
        // Stuck from the slot after the minute on, at three times the target.
        assert_eq!(judged(&mut breaches, &shard, 70, true), (Some(70), 1, 3));
        assert_eq!(judged(&mut breaches, &shard, 75, true), (Some(70), 1, 3));
        assert_eq!(judged(&mut breaches, &shard, 7_200, true), (Some(70), 1, 3));
    }

    #[test]
    fn what_is_broken_when_somebody_first_looks_did_not_begin_then() {
        let (shard, mut breaches) = (shard(), Breaches::new(Settings::default().slots));
        assert_eq!(judged(&mut breaches, &shard, 200, true), (Some(200), 0, 3));
    }

    #[test]
    fn parts_of_queues_say_who_is_stuck_and_nothing_else() {
        let (shard, mut breaches) = (shard(), Breaches::new(Settings::default().slots));
        assert_eq!(judged(&mut breaches, &shard, 60, false), (None, 0, 0));
        assert_eq!(judged(&mut breaches, &shard, 100, false), (None, 0, 3));
        // Within the same slot: the queue is whole now, and it was in breach before anybody could say so.
        assert_eq!(judged(&mut breaches, &shard, 105, true), (Some(100), 0, 3));
        assert_eq!(judged(&mut breaches, &shard, 106, false), (None, 0, 3));
    }
}
