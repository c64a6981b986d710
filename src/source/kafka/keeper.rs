//! Has what is known made durable every so often: one partition after the other, that of which it is longest ago first.
//!
//! A partition of which brokers or the store said nothing when it came cannot be written; they are asked again, and once they
//! answer the group is joined anew.
//!
//! A thread of its own, so that writing stops nobody: a worker only freezes its shard, which takes milliseconds. One
//! checkpoint is under way at a time, and encoding them takes at most a fifth of the time, so that memory and processors
//! are not spent on it. Waiting for the store costs nothing, so an outage of it is not followed by a rest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};

use crate::checkpoint::Place;
use crate::clock;
use crate::source::kafka::brokers::Brokers;
use crate::source::kafka::held::Held;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::scribe::{Scribe, commit};

/// Between two looks at what is due.
const PAUSE: Duration = Duration::from_millis(50);

/// What failed is tried again after this.
const AGAIN: Duration = Duration::from_secs(2);

/// Why nothing is written of a partition.
const UNKNOWN: &str = "brokers or the store did not say in time what there is of the partition: until they do, nothing of it is \
                       written";

/// They are asked again after this; and after twice as long whenever joining anew did not help.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// At the latest after this.
const LONGEST_UNASKED: Duration = Duration::from_secs(960);

/// How long an answer may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// As much time as was worked on a checkpoint, times this, passes before the next one.
const REST: u32 = 4;

/// The thread's own things.
pub struct Keeper<C: ConsumerContext> {
    hub: Arc<Hub>,
    scribe: Arc<Scribe>,
    consumer: Arc<BaseConsumer<C>>,
    brokers: Arc<Brokers>,
    every: Duration,
    /// When brokers and the store were last asked about partitions of which they had said nothing.
    asked: Option<Instant>,
    /// After what time they are asked again.
    ask_again: Duration,
    /// How far each holding is durable.
    written: BTreeMap<u64, Written>,
    /// When writing each holding was last tried, so that one that cannot be written keeps no other from it.
    tried: BTreeMap<u64, Instant>,
}

/// How far a holding is durable.
#[derive(Clone, Copy)]
struct Written {
    /// When it was last written, or began.
    at: Instant,
    /// All before this offset, and the hub's epoch of which its ledger is; none if this instance never wrote it.
    up_to: Option<(i64, u64)>,
    /// What had been told of outliers: see [`Held::told`].
    told: u64,
}

impl<C: ConsumerContext> Keeper<C> {
    /// Has each partition written every so often.
    pub fn new(
        hub: Arc<Hub>,
        scribe: Arc<Scribe>,
        consumer: Arc<BaseConsumer<C>>,
        brokers: Arc<Brokers>,
        every: Duration,
    ) -> Keeper<C> {
        let (written, tried) = (BTreeMap::new(), BTreeMap::new());
        Keeper { hub, scribe, consumer, brokers, every, asked: None, ask_again: ASK_AGAIN, written, tried }
    }

    /// Writes until the hub stops.
    pub fn run(mut self) {
        let (durable, waiting) = mpsc::channel();
        let (hub, consumer) = (Arc::clone(&self.hub), Arc::clone(&self.consumer));
        thread::scope(|scope| {
            scope.spawn(move || commit_what_is_durable(&hub, &consumer, &waiting));
            while !self.hub.is_stopping() {
                let rest = match self.next_due(clock::monotonic()) {
                    Some(held) => self.write(&held, &durable).map_or(AGAIN, |worked| worked * REST),
                    None => Duration::ZERO,
                };
                self.sleep(rest.max(PAUSE));
            }
            drop(durable);
        });
    }

    /// The partition that is due for longest; none if none is.
    fn next_due(&mut self, now: Instant) -> Option<Arc<Held>> {
        let all = self.hub.held();
        self.written.retain(|holding, _| all.iter().any(|held| held.holding == *holding));
        self.tried.retain(|holding, _| all.iter().any(|held| held.holding == *holding));
        let unknown: Vec<&Held> = all.iter().map(|held| &**held).filter(|held| held.topic_id.is_none()).collect();
        unknown.iter().for_each(|held| self.hub.hinder(held, Some(UNKNOWN.to_owned())));
        if unknown.is_empty() && !all.is_empty() {
            self.ask_again = ASK_AGAIN;
        }
        self.ask_again(&unknown, now);
        let epoch = self.hub.epoch();
        for held in &all {
            let up_to = held.goes_on.then_some((held.start, epoch));
            let told = 0;
            self.written.entry(held.holding).or_insert(Written { at: now, up_to, told });
        }
        let is_due = |held: &&Arc<Held>| {
            let Written { at, up_to, told } = self.written[&held.holding];
            // Once counters have begun, and whenever partitions come or go, at once, even if no record comes: until then
            // whoever ends begins to count anew.
            let is_urgent = up_to.is_none_or(|(_, of)| of != epoch) && held.progress.standing(now).behind.is_none();
            let has_moved = up_to.is_none_or(|(next_offset, _)| next_offset != held.progress.next());
            let is_news = has_moved || told != held.told();
            let is_old = now.saturating_duration_since(at) >= self.every;
            held.topic_id.is_some() && (is_urgent || is_news && is_old)
        };
        let last_tried = |held: &&Arc<Held>| {
            let written = self.written[&held.holding].at;
            let tried = self.tried.get(&held.holding).map_or(written, |tried| written.max(*tried));
            // Of those that came together, that of which the most would have to be read again.
            (tried, held.checkpointed_ms.load(Ordering::Relaxed))
        };
        all.iter().filter(is_due).min_by_key(last_tried).cloned()
    }

    /// Once there are answers about a partition of which nothing is written for want of them, this process leaves the group and
    /// joins it again, so that it comes anew.
    fn ask_again(&mut self, unknown: &[&Held], now: Instant) {
        let is_early = self.asked.is_some_and(|asked| now.saturating_duration_since(asked) < self.ask_again);
        if unknown.is_empty() || is_early {
            return;
        }
        self.asked = Some(now);
        // Others are to be written meanwhile.
        let is_in_time = |_: &&&Held| clock::monotonic() < now + LONGEST_ANSWER;
        if let Some(place) = unknown.iter().take_while(is_in_time).find_map(|held| self.answered(held)) {
            tracing::warn!("there are answers about {place} again: joining the group anew, so that it is restored");
            self.ask_again = (self.ask_again * 2).min(LONGEST_UNASKED);
            self.hub.rejoin();
        }
    }

    /// Where its checkpoints are, if brokers and the store say all that has to be known of it.
    fn answered(&self, held: &Held) -> Option<Place> {
        let topic_id = self.brokers.topic_id(&held.topic, LONGEST_ANSWER).ok()?;
        let ends = self.brokers.ends(&[(held.topic.to_string(), held.partition)], LONGEST_ANSWER);
        let place = self.scribe.place(&held.topic, &topic_id, held.partition);
        (ends.iter().all(Result::is_ok) && self.scribe.shelf().answers(&place)).then_some(place)
    }

    /// Makes one partition durable, up to an offset that `durable` is told, and says for how long this process worked on
    /// that. None: it failed.
    fn write(&mut self, held: &Arc<Held>, durable: &Sender<(Arc<Held>, i64)>) -> Option<Duration> {
        self.tried.insert(held.holding, clock::monotonic());
        // If partitions come or go meanwhile, it is written once more.
        let (epoch, told) = (self.hub.epoch(), held.told());
        let given = match self.hub.freeze(held) {
            Ok(Some(given)) => given,
            // It was given up meanwhile, and so it was written.
            Ok(None) => return Some(Duration::ZERO),
            Err(stuck) => {
                tracing::error!("no checkpoint: {stuck}");
                return None;
            }
        };
        let worked = self.scribe.write(&given)?;
        let up_to = Some((given.next_offset, epoch));
        self.written.insert(held.holding, Written { at: clock::monotonic(), up_to, told });
        // Who takes them is there as long as this is.
        let _ = durable.send((given.held, given.next_offset));
        Some(worked)
    }

    fn sleep(&self, longest: Duration) {
        let until = clock::monotonic() + longest;
        while !self.hub.is_stopping() && clock::monotonic() < until {
            thread::sleep(PAUSE.min(longest));
        }
    }
}

/// Commits as they come; those that came meanwhile together, of each partition the latest. While the coordinator is away it
/// takes long, and writing goes on. At the end of the process all is written and committed anew.
fn commit_what_is_durable<C: ConsumerContext>(
    hub: &Hub,
    consumer: &BaseConsumer<C>,
    waiting: &Receiver<(Arc<Held>, i64)>,
) {
    while let Ok(first) = waiting.recv()
        && !hub.is_stopping()
    {
        let all = std::iter::once(first).chain(waiting.try_iter());
        let mut latest: BTreeMap<_, _> = all.map(|durable| (durable.0.holding, durable)).collect();
        // Given up meanwhile, it was written and committed anew, further on.
        let held: BTreeSet<u64> = hub.held().iter().map(|held| held.holding).collect();
        latest.retain(|holding, _| held.contains(holding));
        commit(consumer, &latest.into_values().collect::<Vec<_>>());
    }
}
