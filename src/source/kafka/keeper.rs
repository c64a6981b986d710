//! Has what is known made durable every so often: one partition after the other, that of which it is longest ago first.
//!
//! A thread of its own, so that writing stops nobody: a worker only freezes its shard, which takes milliseconds. One
//! checkpoint is under way at a time, and it takes at most a fifth of the time, so that memory and processors are not spent
//! on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};

use crate::clock;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::scribe::{Scribe, commit};
use crate::source::kafka::worker::Held;

/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(50);

/// What failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(2);

/// Why nothing is written of a partition.
const UNKNOWN: &str = "brokers or the store did not say in time what there is of the partition: until it is assigned again, \
                       nothing of it is written";

/// As much time as a checkpoint took, times this, passes before the next one.
const REST: u32 = 4;

/// The thread's own things.
pub struct Keeper<C: ConsumerContext> {
    hub: Arc<Hub>,
    scribe: Arc<Scribe>,
    consumer: Arc<BaseConsumer<C>>,
    every: Duration,
    /// When each holding was last written, or began; and up to where this instance made it durable, -1 if it has not.
    written: BTreeMap<u64, (Instant, i64)>,
    /// When writing each holding was last tried, so that one that cannot be written keeps no other from it.
    tried: BTreeMap<u64, Instant>,
}

impl<C: ConsumerContext> Keeper<C> {
    /// Has each partition written every so often.
    pub fn new(hub: Arc<Hub>, scribe: Arc<Scribe>, consumer: Arc<BaseConsumer<C>>, every: Duration) -> Keeper<C> {
        Keeper { hub, scribe, consumer, every, written: BTreeMap::new(), tried: BTreeMap::new() }
    }

    /// Writes until the hub stops.
    pub fn run(mut self) {
        while !self.hub.is_stopping() {
            let started = clock::monotonic();
            let rest = match self.next_due(started) {
                Some(held) if self.write(&held) => (clock::monotonic() - started) * REST,
                Some(_) => AGAIN,
                None => Duration::ZERO,
            };
            self.sleep(rest.max(PAUSE));
        }
    }

    /// The partition that is due for longest; none if none is.
    fn next_due(&mut self, now: Instant) -> Option<Arc<Held>> {
        let all = self.hub.held();
        self.written.retain(|holding, _| all.iter().any(|held| held.holding == *holding));
        self.tried.retain(|holding, _| all.iter().any(|held| held.holding == *holding));
        for held in all.iter().filter(|held| held.topic_id.is_none()) {
            self.hub.hinder(held, Some(UNKNOWN.to_owned()));
        }
        for held in &all {
            // A new holding is written once even if nothing comes: until then, whoever restarts begins to count anew.
            self.written.entry(held.holding).or_insert((now, if held.goes_on { held.start } else { -1 }));
        }
        let is_due = |held: &&Arc<Held>| {
            let (written, next_offset) = self.written[&held.holding];
            // The first one as soon as counters have begun: whoever ends before it begins to count anew.
            let is_first = next_offset < 0 && held.progress.standing(now).behind.is_none();
            let is_old = is_first || now.saturating_duration_since(written) >= self.every;
            is_old && held.topic_id.is_some() && held.progress.next() != next_offset
        };
        let last_tried = |held: &&Arc<Held>| {
            let written = self.written[&held.holding].0;
            self.tried.get(&held.holding).map_or(written, |tried| written.max(*tried))
        };
        all.iter().filter(is_due).min_by_key(last_tried).cloned()
    }

    /// Makes one partition durable. False: it failed.
    fn write(&mut self, held: &Arc<Held>) -> bool {
        self.tried.insert(held.holding, clock::monotonic());
        let given = match self.hub.freeze(held) {
            Ok(Some(given)) => given,
            // It was given up meanwhile, and so it was written.
            Ok(None) => return true,
            Err(stuck) => {
                tracing::error!("no checkpoint: {stuck}");
                return false;
            }
        };
        let is_durable = self.scribe.write(&given);
        if is_durable {
            self.written.insert(held.holding, (clock::monotonic(), given.next_offset));
            // Given up meanwhile, it was written and committed anew, further on.
            if self.hub.held().iter().any(|still| Arc::ptr_eq(still, held)) {
                commit(&self.consumer, &[&given]);
            }
        }
        is_durable
    }

    fn sleep(&self, longest: Duration) {
        let until = clock::monotonic() + longest;
        while !self.hub.is_stopping() && clock::monotonic() < until {
            thread::sleep(PAUSE.min(longest));
        }
    }
}
