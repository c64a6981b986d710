//! Writes checkpoints, whoever has them written: the [`keeper`](super::keeper) every so often, a rebalance when partitions are
//! given up.
//!
//! An offset is committed to the group only after the checkpoint that covers it is durable. Committed offsets are for whoever
//! watches the group; where reading begins is decided by checkpoints.

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
use crate::source::kafka::hub::Hub;
use crate::source::kafka::progress::Behind;
use crate::source::kafka::worker::Given;

/// Letters that records before a checkpoint gave rise to are waited for so long.
const LONGEST_DELIVERY: Duration = Duration::from_secs(5);

/// Writes under the name of this run of this instance.
pub struct Scribe {
    hub: Arc<Hub>,
    shelf: Arc<Shelf>,
    instance: String,
    /// The number of the next writing.
    next_run: AtomicU64,
    meters: Meters,
}

impl Scribe {
    /// Writes to this shelf what this hub knows, in the name of an instance; `run` is the number of its first writing.
    pub fn new(hub: Arc<Hub>, shelf: Arc<Shelf>, instance: String, run: u64, meters: Meters) -> Scribe {
        Scribe { hub, shelf, instance, next_run: AtomicU64::new(run), meters }
    }

    /// Where it writes to.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// The instance in whose name it writes.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Makes durable what is known of a partition. False: it is not, which was told. Takes as long as the store does.
    pub fn write(&self, given: &Given) -> bool {
        let held = &given.held;
        let (topic, partition, next_offset) = (&*held.topic, held.partition, given.next_offset);
        let Some(topic_id) = held.topic_id.clone() else { return false };
        if held.progress.standing(clock::monotonic()).behind == Some(Behind::CutOff) {
            // What was read is of a log that is no more.
            self.fail(given, "the topic ends before what was read of it");
            return false;
        }
        if !held.undelivered.wait_done_before(next_offset, LONGEST_DELIVERY) {
            self.fail(given, "dead letters of records before it are still under way");
            return false;
        }
        let started = clock::monotonic();
        let place = Place { topic: Arc::clone(&held.topic), topic_id, partition };
        let run = self.next_run.fetch_add(1, Ordering::Relaxed);
        let name = Name { place, next_offset, writer: Writer { instance: self.instance.clone(), run } };
        tracing::debug!(topic, partition, next_offset, "checkpoint: encoding");
        let bytes = encode(&name, self.head(given), &given.state);
        if let Err(error) = self.shelf.keep(&name, &bytes) {
            self.fail(given, &error.to_string());
            return false;
        }
        self.hub.hinder(held, None);
        held.checkpointed_ms.store(clock::wall().millis(), Ordering::Relaxed);
        let took = clock::monotonic().saturating_duration_since(started);
        self.meters.checkpoints.inc();
        self.meters.checkpoint_duration.observe(took.as_secs_f64());
        self.meters.checkpoint_bytes.set(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        tracing::debug!(topic, partition, next_offset, bytes = bytes.len(), ?took, "checkpoint: durable");
        true
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
            holding: held.holding,
            written_ms: clock::wall().millis(),
            ledger: self.hub.ledger(),
        }
    }
}

/// Tells the group that all before these offsets is durable. That it does not take them is told, and harms nothing.
pub fn commit<C: ConsumerContext>(consumer: &BaseConsumer<C>, durable: &[&Given]) {
    if durable.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::with_capacity(durable.len());
    for given in durable {
        let (topic, partition) = (&*given.held.topic, given.held.partition);
        let mut element = list.add_partition(topic, partition);
        let set = element.set_offset(Offset::Offset(given.next_offset));
        set.expect("an offset that was read is one");
        // An offset means nothing in another topic of the same name.
        element.set_metadata(given.held.topic_id.as_deref().unwrap_or_default());
    }
    tracing::debug!(partitions = durable.len(), "checkpoint: committing");
    match consumer.commit(&list, CommitMode::Sync) {
        Ok(()) => tracing::debug!(partitions = durable.len(), "checkpoint: committed"),
        Err(error) => tracing::info!(%error, "the group does not take the offsets of checkpoints"),
    }
}
