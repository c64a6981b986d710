//! What happens when the group gives this process partitions or takes them away, and where reading begins.
//!
//! Nothing is committed to the group: state is rebuilt from the log by reading it again, from so far back that every
//! contact that can still be open is known. So a partition begins at the look-back, or at its oldest record if the topic
//! does not reach so far, whatever was read before.

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
use crate::source::kafka::hub::Hub;
use crate::source::kafka::worker::Held;

/// A broker is given so long to say where partitions begin and end; the group waits meanwhile.
const LONGEST_QUESTION: Duration = Duration::from_secs(20);

/// And for each answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// Trouble that goes on is logged again after this.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// How far back reading begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookBack {
    /// In milliseconds before now, by the records' own timestamps.
    pub length_ms: u64,
    /// The longest that an unfinished contact is held, in milliseconds: so far back must be read to know them all.
    pub needed_ms: u64,
}

/// What librdkafka calls back.
pub struct Context {
    hub: Arc<Hub>,
    look_back: LookBack,
    meters: Meters,
    kafka: Kafka,
    library: LibraryLog,
    /// When which kind of trouble was last logged.
    told: Mutex<BTreeMap<Trouble, Instant>>,
}

impl Context {
    /// Partitions go to the workers of this hub.
    pub fn new(hub: Arc<Hub>, look_back: LookBack, meters: Meters, kafka: Kafka, library: LibraryLog) -> Context {
        Context { hub, look_back, meters, kafka, library, told: Mutex::default() }
    }

    /// Something went wrong, in the library's words: logged, unless the like was a moment ago; kept as a reason; and
    /// the end of it if trying again is in vain.
    pub fn trouble(&self, code: RDKafkaErrorCode, reason: &str) {
        self.meters.kafka_errors.inc();
        let now = clock::monotonic();
        let trouble = Trouble::of(code);
        let explained = explain(&self.kafka, &self.kafka.topics.join(", "), code, reason);
        if !self.hub.was_assigned() && trouble.is_lasting() {
            self.hub.fail(anyhow::anyhow!("{explained}"));
        }
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
        self.library.write(level, facility, message);
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
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoked(consumer, &partitions, list),
            other => {
                tracing::error!(error = %RDKafkaErrorCode::from(other), "the group's rebalance failed: giving up all partitions");
                let all =
                    self.hub.held().iter().map(|held| (held.topic.to_string(), held.partition)).collect::<Vec<_>>();
                self.release(&all);
                consumer.unassign()
            }
        };
        if let Err(error) = done {
            // Without this the group would wait for ever for what it gave or took.
            self.hub.fail(anyhow::anyhow!(error).context("handing partitions over failed"));
        }
    }
}

impl Context {
    fn assigned(&self, consumer: &BaseConsumer<Self>, partitions: &[(String, i32)]) -> KafkaResult<()> {
        // Of every rebalance but the first most members hear that they keep what they have.
        if partitions.is_empty() {
            return consumer.incremental_assign(&TopicPartitionList::new());
        }
        let starts = self.starts(consumer, partitions);
        let mut list = TopicPartitionList::with_capacity(starts.len());
        let mut held = Vec::with_capacity(starts.len());
        for Start { topic, partition, offset, end, complete_at } in starts {
            let first = if let Offset::Offset(offset) = offset { offset } else { 0 };
            tracing::info!(topic, partition, from = first, to = end, "partition assigned");
            list.add_partition_offset(&topic, partition, offset)?;
            held.push(Held::new(Arc::from(topic), partition, first, end, complete_at));
        }
        if let Err(stuck) = self.hub.take(held) {
            self.hub.fail(anyhow::anyhow!(stuck));
        }
        consumer.incremental_assign(&list)
    }

    fn revoked(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[(String, i32)],
        list: &TopicPartitionList,
    ) -> KafkaResult<()> {
        let lost = consumer.assignment_lost();
        for (topic, partition) in partitions {
            tracing::info!(topic, partition, lost, "partition revoked");
        }
        self.release(partitions);
        consumer.incremental_unassign(list)
    }

    fn release(&self, partitions: &[(String, i32)]) {
        // While the service comes to its end, workers may be gone already.
        if let Err(stuck) = self.hub.release(partitions)
            && !self.hub.is_stopping()
        {
            self.hub.fail(anyhow::anyhow!(stuck));
        }
    }

    /// Where reading begins. A partition of which the broker says nothing in time is read from its beginning: more than
    /// is needed is never wrong.
    fn starts(&self, consumer: &BaseConsumer<Self>, partitions: &[(String, i32)]) -> Vec<Start> {
        let deadline = clock::monotonic() + LONGEST_QUESTION;
        let patient = || clock::monotonic() < deadline && !self.hub.is_stopping();
        let since = clock::wall().millis().checked_sub(self.look_back.length_ms);

        // The ends are asked for first: if no record is as young as the look-back, reading begins at that end, and what
        // comes between the two questions is read.
        let ends = partitions.iter().map(|(topic, partition)| {
            let mut asked = ask(patient, || consumer.fetch_watermarks(topic, *partition, LONGEST_ANSWER));
            asked.take()
        });
        let ends: Vec<Option<(i64, i64)>> = ends.collect();
        let found = since.and_then(|since| {
            let mut list = TopicPartitionList::with_capacity(partitions.len());
            for (topic, partition) in partitions {
                let since = i64::try_from(since).unwrap_or(i64::MAX);
                list.add_partition_offset(topic, *partition, Offset::Offset(since)).ok()?;
            }
            ask(patient, || consumer.offsets_for_times(list.clone(), LONGEST_ANSWER))
        });
        let start = |((topic, partition), ends): (&(String, i32), Option<(i64, i64)>)| {
            let found = found.as_ref().and_then(|found| found.find_partition(topic, *partition));
            let found = match found.map(|found| (found.error(), found.offset())) {
                Some((Ok(()), Offset::Offset(offset))) => Found::At(offset),
                Some((Ok(()), Offset::End)) => Found::NothingSoYoung,
                _ => Found::Unknown,
            };
            let (offset, reaches_back) = beginning(found, ends);
            let missing_ms = self.look_back.needed_ms.saturating_sub(self.look_back.length_ms);
            let is_complete = reaches_back || missing_ms == 0;
            Start {
                topic: topic.clone(),
                partition: *partition,
                offset,
                end: ends.map(|(_, end)| end),
                complete_at: (!is_complete).then(|| clock::monotonic() + Duration::from_millis(missing_ms)),
            }
        };
        partitions.iter().zip(ends).map(start).collect()
    }
}

/// The oldest record that is as young as the look-back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    /// There.
    At(i64),
    /// There is none.
    NothingSoYoung,
    /// The broker did not say, or was not asked.
    Unknown,
}

/// Where reading begins, and whether that is the oldest record there is. `ends` are the offset of that and the one after
/// the last, as they were before the look-back was looked for; none if the broker did not say.
fn beginning(found: Found, ends: Option<(i64, i64)>) -> (Offset, bool) {
    let offset = match (found, ends) {
        (Found::At(offset), _) => offset,
        (Found::NothingSoYoung, Some((_, end))) => end,
        (Found::Unknown, Some((oldest, _))) => oldest,
        (_, None) => return (Offset::Beginning, true),
    };
    (Offset::Offset(offset), ends.is_some_and(|(oldest, _)| offset <= oldest))
}

/// Where reading a partition begins.
struct Start {
    topic: String,
    partition: i32,
    offset: Offset,
    /// The end at that time, if the broker told.
    end: Option<i64>,
    /// See [`Held::complete_at`].
    complete_at: Option<Instant>,
}

fn ask<T>(patient: impl Fn() -> bool, question: impl Fn() -> KafkaResult<T>) -> Option<T> {
    loop {
        match question() {
            Ok(answer) => return Some(answer),
            Err(error) if patient() => {
                tracing::debug!(%error, "asking the broker where partitions begin and end, again");
                std::thread::sleep(Duration::from_millis(200));
            }
            Err(error) => {
                tracing::warn!(%error, "the broker does not say where partitions begin and end: reading all there is");
                return None;
            }
        }
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<(String, i32)> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_at_the_look_back_or_where_the_topic_does() {
        for (found, ends, offset, is_oldest) in [
            (Found::At(50), Some((10, 90)), Offset::Offset(50), false),
            (Found::At(10), Some((10, 90)), Offset::Offset(10), true),
            // The oldest records were removed between the two questions.
            (Found::At(9), Some((10, 90)), Offset::Offset(9), true),
            (Found::At(50), None, Offset::Offset(50), false),
            // What came after the first question is read.
            (Found::NothingSoYoung, Some((10, 90)), Offset::Offset(90), false),
            (Found::NothingSoYoung, Some((0, 0)), Offset::Offset(0), true),
            (Found::NothingSoYoung, None, Offset::Beginning, true),
            (Found::Unknown, Some((10, 90)), Offset::Offset(10), true),
            (Found::Unknown, None, Offset::Beginning, true),
        ] {
            assert_eq!(beginning(found, ends), (offset, is_oldest), "{found:?} {ends:?}");
        }
    }
}
