//! Reads the records that a state is made of once more, and tells them to models: one a partition, as a service has one
//! shard for each.
//!
//! The consumer is in no group's way: it joins none, commits nothing, and stops at the offset that the state ends with,
//! whatever has come since. It names the configured group only because the library wants a name that may be used.

use std::rc::Rc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::clock;
use crate::config::Kafka;
use crate::engine::settings::Settings;
use crate::event::EventTime;
use crate::kafka::client::properties;
use crate::kafka::trouble::{Trouble, explain_error};
use crate::model::event::Record as Told;
use crate::model::log::Model;
use crate::publish::state::Partition;
use crate::source::kafka::queue::Record;

/// A broker may take so long for an answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(20);

/// No record for so long means that none will come.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

const LONGEST_POLL: Duration = Duration::from_millis(100);

/// Why the records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RetellError {
    /// The broker refused, or cannot be reached.
    #[error("{0}")]
    Refused(String),
    /// What was read is there no longer, or was never there.
    #[error(
        "{topic} {partition} ends at offset {end}, before {next}, up to which the instance has read it: it was cut off or \
         made anew, or these are other brokers than the instance's; restart the instance, or name its brokers"
    )]
    Short {
        /// The topic.
        topic: String,
        /// The partition's number.
        partition: i32,
        /// Where it ends.
        end: i64,
        /// Where the state ends.
        next: i64,
    },
    /// Nothing comes any more.
    #[error("no record came for {} s{last}; see whether the brokers are well, and try again", LONGEST_SILENCE.as_secs())]
    Silent {
        /// The last trouble, as further words.
        last: String,
    },
    /// The state says too little of a partition.
    #[error("the instance tells no usable promises of {0}: is it of another version?")]
    NoPromises(String),
}

/// A partition, told to a model.
pub struct Retold {
    /// Which, and up to where.
    pub partition: Partition,
    /// What it says.
    pub model: Model,
    /// The offset of the oldest record that the topic still has.
    pub oldest: i64,
    /// When the first record that was read was written, in milliseconds since 1970, as far as it says so; none if none was
    /// read.
    pub first_ms: Option<u64>,
    /// Records read.
    pub records: u64,
    /// Those that are no events.
    pub rejected: u64,
    is_done: bool,
}

impl Retold {
    /// Whether all records that the state is made of are still there.
    pub fn is_complete(&self) -> bool {
        self.partition.first.is_none_or(|first| self.oldest <= first)
    }

    /// Where reading begins.
    fn start(&self) -> Option<i64> {
        let start = self.partition.first?.max(self.oldest);
        (start < self.partition.next).then_some(start)
    }

    /// Takes in the next record, unless it is beyond the end.
    fn take(&mut self, message: &BorrowedMessage<'_>, most_bytes: usize) {
        let next = message.offset() + 1;
        if next <= self.partition.next {
            self.count_from(message.offset());
            self.records += 1;
            let timestamp_ms = message.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
            let (key, payload) = (message.key(), message.payload());
            let record = Record { offset: message.offset(), key, payload, timestamp_ms };
            match record.event(most_bytes) {
                Ok(event) => {
                    let told = Told::of(&event);
                    self.first_ms.get_or_insert(timestamp_ms.unwrap_or(told.time()));
                    self.model.apply(&told);
                }
                Err(_) => self.rejected += 1,
            }
        }
        self.reach(next);
    }

    /// Begins to count where the instance did.
    fn count_from(&mut self, offset: i64) {
        let counts = self.partition.counters_from.is_some_and(|from| offset >= from);
        if counts && self.model.counters().is_none() {
            self.model.begin_counting();
        }
    }

    /// Everything before `next` has been read.
    fn reach(&mut self, next: i64) {
        if next >= self.partition.next {
            self.is_done = true;
            self.count_from(self.partition.next);
        }
    }
}

/// Reads these partitions and tells them to models with these settings and each partition's own promises. `progress` hears
/// now and then how many records were read.
///
/// # Errors
/// Brokers cannot be reached or refuse, or the records are not there.
pub fn retell(
    kafka: &Kafka,
    settings: &Settings,
    partitions: Vec<Partition>,
    mut progress: impl FnMut(u64),
) -> Result<Vec<Retold>, RetellError> {
    let topics: Vec<&str> = partitions.iter().map(|partition| partition.topic.as_str()).collect();
    let topics = topics.join(", ");
    let refused = |error: KafkaError| RetellError::Refused(explain_error(kafka, &topics, &error));
    let consumer = consumer(kafka).map_err(refused)?;
    let mut retold = Vec::with_capacity(partitions.len());
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        let begun = begin(&consumer, settings, partition, refused)?;
        if let Some(start) = begun.start() {
            let (topic, number) = (&begun.partition.topic, begun.partition.partition);
            list.add_partition_offset(topic, number, Offset::Offset(start)).map_err(refused)?;
        }
        retold.push(begun);
    }
    for nothing_left in retold.iter_mut().filter(|retold| retold.start().is_none()) {
        nothing_left.reach(nothing_left.partition.next);
    }
    consumer.assign(&list).map_err(refused)?;
    let (mut heard, mut last) = (clock::monotonic(), String::new());
    while retold.iter().any(|retold| !retold.is_done) {
        match consumer.poll(LONGEST_POLL) {
            Some(Ok(message)) => {
                heard = clock::monotonic();
                let is_it = |retold: &&mut Retold| {
                    retold.partition.partition == message.partition() && retold.partition.topic == message.topic()
                };
                if let Some(of_it) = retold.iter_mut().find(is_it) {
                    of_it.take(&message, settings.limits.record_bytes);
                }
                progress(retold.iter().map(|retold| retold.records).sum());
            }
            Some(Err(error)) => {
                if error.rdkafka_error_code().is_some_and(|code| Trouble::of(code).is_lasting()) {
                    return Err(refused(error));
                }
                last = format!(", and the last trouble was: {}", explain_error(kafka, &topics, &error));
            }
            None => pass_over_others(&consumer, &mut retold),
        }
        expect_more(heard, clock::monotonic(), &last)?;
    }
    Ok(retold)
}

fn expect_more(heard: Instant, now: Instant, last: &str) -> Result<(), RetellError> {
    if now.saturating_duration_since(heard) > LONGEST_SILENCE {
        return Err(RetellError::Silent { last: last.to_owned() });
    }
    Ok(())
}

fn consumer(kafka: &Kafka) -> Result<BaseConsumer, KafkaError> {
    let mut properties = properties(kafka);
    properties.set("group.id", &kafka.group);
    for (name, value) in
        [("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error")]
    {
        properties.set(name, value);
    }
    properties.create()
}

fn begin(
    consumer: &BaseConsumer,
    settings: &Settings,
    partition: Partition,
    refused: impl Fn(KafkaError) -> RetellError,
) -> Result<Retold, RetellError> {
    let (topic, number) = (&partition.topic, partition.partition);
    let (oldest, end) = consumer.fetch_watermarks(topic, number, LONGEST_ANSWER).map_err(refused)?;
    if end < partition.next {
        return Err(RetellError::Short { topic: topic.clone(), partition: number, end, next: partition.next });
    }
    let rows =
        partition.promises.iter().map(|(from, promises)| Some((EventTime::from_millis(*from)?, promises.clone())));
    let promises: Option<Vec<_>> = rows.collect();
    let promises = promises.filter(|rows| !rows.is_empty());
    let promises = promises.ok_or_else(|| RetellError::NoPromises(format!("{topic} {number}")))?;
    let model = Model::new(Rc::new(Settings { promises, ..settings.clone() }));
    Ok(Retold { partition, model, oldest, first_ms: None, records: 0, rejected: 0, is_done: false })
}

/// Not every offset has a record: the marks of transactions have none. Where nothing but such is left, no record tells so.
fn pass_over_others(consumer: &BaseConsumer, retold: &mut [Retold]) {
    let Ok(positions) = consumer.position() else { return };
    for retold in retold.iter_mut().filter(|retold| !retold.is_done) {
        let place = positions.find_partition(&retold.partition.topic, retold.partition.partition);
        if let Some(Offset::Offset(next)) = place.map(|place| place.offset()) {
            retold.reach(next);
        }
    }
}
