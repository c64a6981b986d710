//! Writes checkpoints, whoever has them written: the [`keeper`](super::keeper) every so often, a rebalance when partitions are
//! given up, the process when it ends.
//!
//! An offset is committed to the group only after the checkpoint that covers it is durable. Committed offsets are for whoever
//! watches the group; where reading begins is decided by checkpoints.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::checkpoint::shelf::Shelf;
use crate::checkpoint::{Head, Name, Place, Writer, encode};
use crate::clock;
use crate::engine::counted::Counted;
use crate::meters::Meters;
use crate::source::kafka::held::Held;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::progress::Behind;
use crate::source::kafka::slot::Given;

/// Letters that records before a checkpoint gave rise to are waited for so long.
const LONGEST_DELIVERY: Duration = Duration::from_secs(5);

/// Writes under the name of this run of this instance.
pub struct Scribe {
    hub: Arc<Hub>,
    shelf: Arc<Shelf>,
    group: Arc<str>,
    instance: String,
    /// The number of the last writing.
    last_run: AtomicU64,
    meters: Meters,
}

impl Scribe {
    /// Writes to this shelf what this hub knows, in the name of an instance of a group, as [`Place`] names it.
    pub fn new(hub: Arc<Hub>, shelf: Arc<Shelf>, group: String, instance: String, meters: Meters) -> Scribe {
        Scribe { hub, shelf, group: group.into(), instance, last_run: AtomicU64::new(0), meters }
    }

    /// Where the checkpoints of a partition are.
    pub fn place(&self, topic: &str, topic_id: &Arc<str>, partition: i32) -> Place {
        Place { group: Arc::clone(&self.group), topic: topic.into(), topic_id: Arc::clone(topic_id), partition }
    }

    /// Where it writes to.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The instance in whose name it writes.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Makes durable what is known of a partition, and says for how long this process worked on that. None: it is not
    /// durable, which was told. Takes as long as the store does.
    pub fn write(&self, given: &Given) -> Option<Duration> {
        let held = &given.held;
        let (topic, partition, next_offset) = (&*held.topic, held.partition, given.next_offset);
        let topic_id = held.topic_id.as_ref()?;
        if held.progress.standing(clock::monotonic()).behind == Some(Behind::CutOff) {
            // What was read is of a log that is no more.
            self.fail(given, "the topic ends before what was read of it");
            return None;
        }
        if !held.undelivered.wait_done_before(next_offset, LONGEST_DELIVERY) {
            self.fail(given, "dead letters or outliers of records before it are still under way");
            return None;
        }
        let started = clock::monotonic();
        let writer = Writer { run: self.next_run(), instance: self.instance.clone() };
        let name = Name { place: self.place(topic, topic_id, partition), next_offset, writer };
        tracing::debug!(topic, partition, next_offset, "checkpoint: encoding");
        let bytes = encode(&name, self.head(given), &given.state);
        let worked = clock::monotonic().saturating_duration_since(started);
        if let Err(error) = self.shelf.keep(&name, &bytes) {
            self.fail(given, &error.to_string());
            return None;
        }
        self.hub.hinder(held, None);
        held.checkpointed_ms.store(clock::wall().millis(), Ordering::Relaxed);
        let took = clock::monotonic().saturating_duration_since(started);
        self.meters.checkpoints.inc();
        self.meters.checkpoint_duration.observe(took.as_secs_f64());
        self.meters.checkpoint_bytes.set(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        tracing::debug!(topic, partition, next_offset, bytes = bytes.len(), ?took, "checkpoint: durable");
        Some(worked)
    }

    fn next_run(&self) -> u64 {
        let (now, drawn) = (clock::wall(), RandomState::new().hash_one("run"));
        let next = |last| Writer::next_run(last, now, drawn);
        next(
            self.last_run
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)))
                .unwrap_or_default(),
        )
    }

    fn fail(&self, Given { held, next_offset, .. }: &Given, why: &str) {
        self.meters.checkpoint_failures.inc();
        tracing::warn!(topic = &*held.topic, partition = held.partition, next_offset, "no checkpoint: {why}");
        self.hub.hinder(held, Some(why.to_owned()));
    }

    fn head(&self, given: &Given) -> Head {
        let held = &given.held;
        let topic = self.hub.topics().remove(&*held.topic).unwrap_or_default();
        Head {
            partitions: topic.partitions.unwrap_or(0),
            grown: topic.grown.map(|(seen, before)| (seen.millis(), before)),
            known_since_ms: held.known_since_ms(),
            first_offset: held.first_offset,
            live_from: held.live_from.get().copied(),
            history: given.history.as_ref().map(|(history, from)| (Counted::clone(history), *from)),
            outliers: given.outliers.clone(),
            holding: held.holding,
            written_ms: clock::wall().millis(),
            ledger: self.hub.ledger(),
        }
    }
}

/// Tells the group that all before these offsets is durable. That it does not take them is told, and harms nothing.
///
/// Waits for the answer, while no coordinator answers for as long as the session may last.
pub fn commit<C: ConsumerContext>(consumer: &BaseConsumer<C>, durable: &[(Arc<Held>, i64)]) {
    if durable.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::with_capacity(durable.len());
    for (held, next_offset) in durable {
        let mut element = list.add_partition(&held.topic, held.partition);
        let set = element.set_offset(Offset::Offset(*next_offset));
        set.expect("an offset that was read is one");
        // An offset means nothing in another topic of the same name.
        element.set_metadata(held.topic_id.as_deref().unwrap_or_default());
    }
    tracing::debug!(partitions = durable.len(), "checkpoint: committing");
    match consumer.commit(&list, CommitMode::Sync) {
        Ok(()) => tracing::debug!(partitions = durable.len(), "checkpoint: committed"),
        Err(error) => tracing::info!(%error, "the group does not take the offsets of checkpoints"),
    }
}
