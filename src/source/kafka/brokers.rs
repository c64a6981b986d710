//! What brokers say about topics and partitions when they are asked.
//!
//! A client of its own: on the connection that records are fetched by, a question would wait behind a fetch that waits for
//! records. Many partitions are asked about at once, those of one leader in one request, so that a leader that does not
//! answer delays the answers about its own partitions only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::config::Kafka;
use crate::kafka::client::{Quiet, properties, set_default};
use crate::kafka::forgotten::name_brokers_anew;
use crate::kafka::topic_id;
use crate::source::kafka::assignment;

/// A partition by topic and number.
pub type Partition = (String, i32);

/// The offset of the oldest record, and the one after the last.
pub type Ends = (i64, i64);

/// The oldest record that is as young as was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// There.
    At(i64),
    /// There is none.
    NothingSoYoung,
    /// The broker did not say, or was not asked.
    Unknown,
}

/// Asks brokers. May be used from several threads.
pub struct Brokers {
    client: BaseConsumer<Quiet>,
    /// The leader of each partition, as far as topics were asked about.
    leaders: Mutex<BTreeMap<Partition, i32>>,
}

impl Brokers {
    /// A client of these brokers. It connects when it is asked something.
    ///
    /// # Errors
    /// The options make no client.
    pub fn new(kafka: &Kafka) -> KafkaResult<Brokers> {
        let mut properties = properties(kafka);
        // A broker that stood still ends its connection: it is asked again soon after it goes on.
        set_default(&mut properties, &["reconnect.backoff.max.ms"], "500");
        let client = properties.create_with_context(Quiet { doing: "asking brokers" })?;
        Ok(Brokers { client, leaders: Mutex::default() })
    }

    /// Names the brokers anew to the client; see [`name_brokers_anew`].
    pub fn name_anew(&self, kafka: &Kafka) {
        name_brokers_anew(self.client.client(), kafka);
    }

    /// How many partitions a topic has.
    ///
    /// # Errors
    /// No answer within this time, or the topic is not there or may not be used.
    pub fn partitions(&self, topic: &str, within: Duration) -> Result<u32, RDKafkaErrorCode> {
        let answer = self.client.fetch_metadata(Some(topic), within).map_err(|error| code_of(&error))?;
        let told = answer.topics().iter().find(|told| told.name() == topic).ok_or(RDKafkaErrorCode::UnknownTopic)?;
        if let Some(error) = told.error() {
            return Err(error.into());
        }
        let mut leaders = self.leaders.lock().unwrap_or_else(PoisonError::into_inner);
        for partition in told.partitions() {
            leaders.insert((topic.to_owned(), partition.id()), partition.leader());
        }
        Ok(u32::try_from(told.partitions().len()).unwrap_or(u32::MAX))
    }

    /// What tells a topic from others of the same name.
    ///
    /// # Errors
    /// No answer within this time, or the topic is not there or may not be used.
    pub fn topic_id(&self, topic: &str, within: Duration) -> Result<Arc<str>, RDKafkaErrorCode> {
        topic_id::of(&self.client, topic, within)
    }

    /// The partitions that a group has given to its members; none while it is about to share them out. All brokers are asked,
    /// so while any is away there is no answer.
    ///
    /// # Errors
    /// No answer within this time, or none that can be understood.
    pub fn given_out(&self, group: &str, within: Duration) -> Result<Option<BTreeSet<Partition>>, RDKafkaErrorCode> {
        // Not by the newer question for one group: while its coordinator changes, librdkafka (2.12) ends the process.
        let answer = self.client.fetch_group_list(Some(group), within).map_err(|error| code_of(&error))?;
        let Some(group) = answer.groups().iter().find(|told| told.name() == group) else { return Ok(None) };
        if group.state() != "Stable" {
            return Ok(None);
        }
        let mut given_out = BTreeSet::new();
        for member in group.members() {
            let told = member.assignment().unwrap_or_default();
            given_out.extend(assignment::partitions(told).ok_or(RDKafkaErrorCode::InvalidRecord)?);
        }
        Ok(Some(given_out))
    }

    /// Where these partitions begin and end, in their order. Each leader may take so long for each of two answers.
    pub fn ends(&self, partitions: &[Partition], within: Duration) -> Vec<Result<Ends, RDKafkaErrorCode>> {
        // What librdkafka only passes on, a leader that went away among it, is to be logged, not to pile up.
        let _ = self.client.poll(Duration::ZERO);
        let mut ends = vec![Err(RDKafkaErrorCode::UnknownPartition); partitions.len()];
        for places in self.by_leader(partitions) {
            let ask = |at| self.offsets(partitions, &places, at, within);
            match ask(Offset::Beginning).and_then(|oldest| Ok((oldest, ask(Offset::End)?))) {
                Ok((oldest, after_last)) => {
                    for ((&place, oldest), after_last) in places.iter().zip(oldest).zip(after_last) {
                        if let (Offset::Offset(oldest), Offset::Offset(after_last)) = (oldest, after_last) {
                            ends[place] = Ok((oldest, after_last));
                        }
                    }
                }
                Err(error) => places.iter().for_each(|&place| ends[place] = Err(code_of(&error))),
            }
        }
        ends
    }

    /// The oldest records of these partitions whose timestamp is at or after this one, in milliseconds since 1970; in
    /// their order. Each leader may take so long.
    pub fn since(&self, partitions: &[Partition], since_ms: u64, within: Duration) -> Vec<Found> {
        let mut found = vec![Found::Unknown; partitions.len()];
        let since = Offset::Offset(i64::try_from(since_ms).unwrap_or(i64::MAX));
        for places in self.by_leader(partitions) {
            let Ok(offsets) = self.offsets(partitions, &places, since, within) else { continue };
            for (&place, offset) in places.iter().zip(offsets) {
                found[place] = match offset {
                    Offset::Offset(offset) => Found::At(offset),
                    Offset::End => Found::NothingSoYoung,
                    _ => Found::Unknown,
                };
            }
        }
        found
    }

    /// Places of partitions that have the same leader, or an unknown one.
    fn by_leader(&self, partitions: &[Partition]) -> Vec<Vec<usize>> {
        let leaders = self.leaders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places: BTreeMap<Option<i32>, Vec<usize>> = BTreeMap::new();
        for (place, partition) in partitions.iter().enumerate() {
            places.entry(leaders.get(partition).copied()).or_default().push(place);
        }
        places.into_values().collect()
    }

    /// Kafka's ListOffsets: for an instant, or for one of the two that stand for the oldest and the last record. A
    /// partition whose answer is an error is [`Offset::Invalid`].
    fn offsets(
        &self,
        partitions: &[Partition],
        places: &[usize],
        at: Offset,
        within: Duration,
    ) -> KafkaResult<Vec<Offset>> {
        let mut list = TopicPartitionList::with_capacity(places.len());
        for &place in places {
            let (topic, partition) = &partitions[place];
            list.add_partition_offset(topic, *partition, at)?;
        }
        let answers = self.client.offsets_for_times(list, within)?;
        let offset = |&place: &usize| {
            let (topic, partition) = &partitions[place];
            let answer = answers.find_partition(topic, *partition);
            answer.filter(|answer| answer.error().is_ok()).map_or(Offset::Invalid, |answer| answer.offset())
        };
        Ok(places.iter().map(offset).collect())
    }
}

fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}
