//! What happens when the group gives this process partitions or takes them away.
//!
//! Given, a partition is read from where [`recovery`](super::recovery) says; the offset is handed over before the partition
//! is assigned. Taken away, its lanes are gone at once, and what is known of it is made durable and then committed, so that
//! whoever is given it goes on from there. A partition that was lost may be somebody else's already: nothing of it is
//! committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use crate::clock;
use crate::config::Kafka;
use crate::kafka::client::LibraryLog;
use crate::kafka::trouble::{Trouble, explain};
use crate::meters::Meters;
use crate::source::kafka::brokers::Partition;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::recovery::{Recovery, Start};
use crate::source::kafka::scribe::{Scribe, commit};
use crate::source::kafka::slot::Given;
use crate::source::kafka::unread::Unread;

/// How long the group may take to say what was committed.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// No further partition is written longer after the first: the group waits, and expels members that take five minutes; and
/// whoever ended the process waits.
const LONGEST_FAREWELL: Duration = Duration::from_secs(90);

/// Trouble that goes on is logged again after this.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// What librdkafka calls back.
pub struct Context {
    hub: Arc<Hub>,
    recovery: Recovery,
    /// None if no checkpoints are written.
    scribe: Option<Arc<Scribe>>,
    unread: Arc<Unread>,
    meters: Meters,
    kafka: Kafka,
    lines: LibraryLog,
    /// When which kind of trouble was last logged.
    told: Mutex<BTreeMap<Trouble, Instant>>,
}

impl Context {
    /// Partitions go to the workers of this hub.
    pub fn new(
        hub: Arc<Hub>,
        recovery: Recovery,
        scribe: Option<Arc<Scribe>>,
        unread: Arc<Unread>,
        meters: Meters,
        kafka: Kafka,
        lines: LibraryLog,
    ) -> Context {
        Context { hub, recovery, scribe, unread, meters, kafka, lines, told: Mutex::default() }
    }

    /// Something went wrong, in the library's words: logged, unless the like was a moment ago; kept as a reason; and
    /// the end of it if trying again is in vain.
    pub fn trouble(&self, code: RDKafkaErrorCode, reason: &str) {
        self.meters.kafka_errors.inc();
        let trouble = Trouble::of(code);
        let explained = self.explain(code, reason);
        if !self.hub.was_assigned() && trouble.is_lasting() {
            self.hub.fail(anyhow::anyhow!("{explained}"));
        }
        // Under the kind that it is told as: a broker that was silent a moment ago may not keep a bad certificate untold.
        self.tell(Trouble::told_as(code, reason), explained);
    }

    /// An error of reading in words; `reason` is what the library says, empty if it says nothing more.
    pub fn explain(&self, code: RDKafkaErrorCode, reason: &str) -> String {
        explain(&self.kafka, &self.kafka.topics.join(", "), code, reason)
    }

    /// A broker did not answer a question in time; others may.
    pub fn silence(&self, question: &str, code: RDKafkaErrorCode) {
        self.tell(Trouble::BrokerAway, format!("no answer when asked {question}: {code}"));
    }

    fn tell(&self, trouble: Trouble, explained: String) {
        let now = clock::monotonic();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = |at: &Instant| now.saturating_duration_since(*at) >= TOLD_AGAIN;
        if told.get(&trouble).is_none_or(is_news) {
            told.insert(trouble, now);
            tracing::warn!("{explained}");
        }
        drop(told);
        self.hub.tell_trouble(trouble, explained, now);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.lines.write(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            self.trouble(code, reason);
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.meters.rebalances.inc();
        let partitions = partitions_of(list);
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, &partitions),
            // There is nothing else that is called back for.
            _ => self.revoked(consumer, &partitions, list),
        };
        if let Err(error) = done {
            // Without this the group would wait for ever for what it gave or took.
            self.hub.fail(anyhow::anyhow!(error).context("handing partitions over failed"));
        }
    }
}

impl Context {
    fn assigned(&self, consumer: &BaseConsumer<Self>, partitions: &[Partition]) -> KafkaResult<()> {
        // Of every rebalance but the first most members hear that they keep what they have.
        if partitions.is_empty() {
            return consumer.incremental_assign(&TopicPartitionList::new());
        }
        tracing::debug!(partitions = partitions.len(), "rebalance: assigned");
        let is_first = !self.hub.was_assigned();
        let mut starts = self.recovery.starts(partitions);
        if self.scribe.is_some() {
            remember_committed(consumer, &mut starts);
        }
        let mut list = TopicPartitionList::with_capacity(starts.len());
        let mut held = Vec::with_capacity(starts.len());
        for Start { offset, held: partition, known } in starts {
            list.add_partition_offset(&partition.topic, partition.partition, offset)?;
            held.push((partition, known));
        }
        if let Err(stuck) = self.hub.take(held) {
            self.hub.fail(anyhow::anyhow!(stuck));
        }
        if is_first {
            self.unread.look_at_first();
        }
        consumer.incremental_assign(&list)
    }

    fn revoked(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[Partition],
        list: &TopicPartitionList,
    ) -> KafkaResult<()> {
        let lost = consumer.assignment_lost();
        for (topic, partition) in partitions {
            tracing::info!(topic, partition, lost, "partition revoked");
        }
        tracing::debug!(partitions = partitions.len(), lost, "rebalance: revoked");
        self.give_up(consumer, partitions, lost);
        consumer.incremental_unassign(list)
    }

    /// Has all that is held made durable and committed, at the end of the process. It stays held until then, so that the next
    /// run of this instance goes on counting where this one ends.
    pub fn write_all(&self, consumer: &BaseConsumer<Self>) {
        let Some(scribe) = self.scribe.as_ref().filter(|_| !consumer.assignment_lost()) else { return };
        let frozen = self.hub.held().into_iter().filter_map(|held| match self.hub.freeze(&held) {
            Ok(given) => given,
            Err(stuck) => {
                tracing::warn!(topic = &*held.topic, partition = held.partition, "no checkpoint: {stuck}");
                None
            }
        });
        write_in_time(consumer, scribe, frozen);
    }

    /// Their lanes are gone at once. What is known of them is made durable and then committed, unless they were lost:
    /// others may have them already.
    fn give_up(&self, consumer: &BaseConsumer<Self>, partitions: &[Partition], lost: bool) {
        match self.hub.release(partitions) {
            Ok(given) => {
                if let Some(scribe) = self.scribe.as_ref().filter(|_| !lost) {
                    write_in_time(consumer, scribe, given.into_iter());
                }
            }
            // While the service comes to its end, workers may be gone already.
            Err(stuck) if !self.hub.is_stopping() => self.hub.fail(anyhow::anyhow!(stuck)),
            Err(_) => {}
        }
    }
}

/// Writes one partition after the other until the time is up, and commits those that are durable.
fn write_in_time<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    scribe: &Scribe,
    partitions: impl Iterator<Item = Given>,
) {
    let deadline = clock::monotonic() + LONGEST_FAREWELL;
    let mut durable = Vec::new();
    for given in partitions {
        if clock::monotonic() >= deadline {
            tracing::warn!("writing takes too long: what was read of the other partitions is read again");
            break;
        }
        if scribe.write(&given).is_some() {
            durable.push((given.held, given.next_offset));
        }
    }
    commit(consumer, &durable);
}

/// What the group has of partitions that are restored from no checkpoint: committed means that it was read before, with all
/// that came of it.
fn remember_committed<C: ConsumerContext>(consumer: &BaseConsumer<C>, starts: &mut [Start]) {
    let anew = || |start: &&mut Start| start.known.is_none();
    let mut list = TopicPartitionList::new();
    for start in starts.iter_mut().filter(anew()) {
        list.add_partition(&start.held.topic, start.held.partition);
    }
    if list.count() == 0 {
        return;
    }
    // Without an answer letters are sent once more, and nothing else comes of it.
    let Ok(committed) = consumer.committed_offsets(list, LONGEST_ANSWER) else { return };
    for start in starts.iter_mut().filter(anew()) {
        let (topic, partition) = (&*start.held.topic, start.held.partition);
        let Some(of) = committed.find_partition(topic, partition) else { continue };
        let is_of_topic = of.metadata() == start.held.topic_id.as_deref().unwrap_or_default();
        let is_within = |offset: i64| start.held.live_from.get().is_some_and(|end| offset <= *end);
        if let Offset::Offset(committed) = of.offset()
            && is_of_topic
            && is_within(committed)
        {
            start.held.letters_from = committed;
            tracing::warn!(
                topic,
                partition,
                committed,
                "the group has read on to there, but no checkpoint can be used: what was read is read again from the look-back on"
            );
        }
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}
