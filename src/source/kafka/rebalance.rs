//! What happens when the group gives this process partitions or takes them away, and where reading begins.
//!
//! Nothing is committed to the group: state is rebuilt from the log by reading it again, from so far back that every
//! contact that can still be open is known. So a partition begins at the look-back, or at its oldest record if the topic
//! does not reach so far, whatever was read before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
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
use crate::source::kafka::brokers::{Brokers, Ends, Found, Partition};
use crate::source::kafka::hub::Hub;
use crate::source::kafka::worker::{Held, Reach};

/// A broker is given so long to say where partitions begin and end; the group waits meanwhile.
const LONGEST_QUESTION: Duration = Duration::from_secs(20);

/// And for each answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// Before brokers are asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Trouble that goes on is logged again after this.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// What librdkafka calls back.
pub struct Context {
    hub: Arc<Hub>,
    /// How far back reading begins, in milliseconds before now, by the records' own timestamps.
    look_back_ms: u64,
    meters: Meters,
    kafka: Kafka,
    brokers: Arc<Brokers>,
    lines: LibraryLog,
    /// When which kind of trouble was last logged.
    told: Mutex<BTreeMap<Trouble, Instant>>,
}

impl Context {
    /// Partitions go to the workers of this hub, and are read from so many milliseconds before now on.
    pub fn new(
        hub: Arc<Hub>,
        look_back_ms: u64,
        meters: Meters,
        kafka: Kafka,
        brokers: Arc<Brokers>,
        lines: LibraryLog,
    ) -> Context {
        Context { hub, look_back_ms, meters, kafka, brokers, lines, told: Mutex::default() }
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
        let starts = self.starts(partitions);
        let mut list = TopicPartitionList::with_capacity(starts.len());
        let mut held = Vec::with_capacity(starts.len());
        for Start { partition: (topic, partition), offset, end, reach } in starts {
            let first = if let Offset::Offset(offset) = offset { offset } else { 0 };
            tracing::info!(topic, partition, from = first, to = end, "partition assigned");
            list.add_partition_offset(&topic, partition, offset)?;
            held.push(Held::new(Arc::from(topic), partition, first, end, reach, clock::wall()));
        }
        if let Err(stuck) = self.hub.take(held) {
            self.hub.fail(anyhow::anyhow!(stuck));
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
        self.release(partitions);
        consumer.incremental_unassign(list)
    }

    fn release(&self, partitions: &[Partition]) {
        // While the service comes to its end, workers may be gone already.
        if let Err(stuck) = self.hub.release(partitions)
            && !self.hub.is_stopping()
        {
            self.hub.fail(anyhow::anyhow!(stuck));
        }
    }

    /// Where reading begins. A partition of which the broker says nothing in time is read from its beginning: more than
    /// is needed is never wrong.
    fn starts(&self, partitions: &[Partition]) -> Vec<Start> {
        // The ends are asked for first: if no record is as young as the look-back, reading begins at that end, and what
        // comes between the two questions is read.
        let ends = self.ends(partitions);
        let wall = clock::wall().millis();
        let since = wall.checked_sub(self.look_back_ms);
        let found = match since {
            Some(since) => self.brokers.since(partitions, since, LONGEST_ANSWER),
            None => vec![Found::Unknown; partitions.len()],
        };
        let start = |((partition, ends), found): ((&Partition, Option<Ends>), Found)| Start {
            partition: partition.clone(),
            offset: beginning(found, ends),
            end: ends.map(|(_, end)| end),
            reach: reach(found, ends, since.unwrap_or(0)),
        };
        partitions.iter().zip(ends).zip(found).map(start).collect()
    }

    /// Where partitions begin and end, as far as brokers say so in time.
    fn ends(&self, partitions: &[Partition]) -> Vec<Option<Ends>> {
        let deadline = clock::monotonic() + LONGEST_QUESTION;
        let mut ends: Vec<Option<Ends>> = vec![None; partitions.len()];
        for topic in partitions.iter().map(|(topic, _)| topic).collect::<BTreeSet<_>>() {
            // So that partitions are asked about by their leaders; without an answer they are asked about together.
            let _ = self.brokers.partitions(topic, LONGEST_ANSWER);
        }
        loop {
            let missing: Vec<usize> = (0..partitions.len()).filter(|&place| ends[place].is_none()).collect();
            if missing.is_empty() {
                return ends;
            }
            if clock::monotonic() >= deadline || self.hub.is_stopping() {
                tracing::warn!(
                    partitions = missing.len(),
                    "brokers do not say where partitions end: reading all there is"
                );
                return ends;
            }
            let asked: Vec<Partition> = missing.iter().map(|&place| partitions[place].clone()).collect();
            for (place, answer) in missing.into_iter().zip(self.brokers.ends(&asked, LONGEST_ANSWER)) {
                ends[place] = answer.ok();
            }
            if ends.contains(&None) {
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Where reading begins. `ends` are as they were before the look-back was looked for; none if the broker did not say.
fn beginning(found: Found, ends: Option<Ends>) -> Offset {
    match (found, ends) {
        (Found::At(offset), _) => Offset::Offset(offset),
        (Found::NothingSoYoung, Some((_, end))) => Offset::Offset(end),
        (Found::Unknown, Some((oldest, _))) => Offset::Offset(oldest),
        (_, None) => Offset::Beginning,
    }
}

/// From when on everything is known, with records read from there.
fn reach(found: Found, ends: Option<Ends>, since_ms: u64) -> Reach {
    match (found, ends) {
        // Nothing was ever removed: before its first record there was nothing.
        (Found::At(0), Some((0, _))) => Reach::Everything,
        (Found::Unknown, Some((0, _))) | (Found::NothingSoYoung, Some((0, 0))) => Reach::Everything,
        // What is younger than the look-back may have been removed too.
        (Found::At(offset), Some((oldest, _))) if offset > oldest => Reach::Since(since_ms),
        (Found::NothingSoYoung, Some(_)) => Reach::Since(since_ms),
        _ => Reach::SinceTheFirstRecord,
    }
}

/// Where reading a partition begins.
struct Start {
    partition: Partition,
    offset: Offset,
    /// The end at that time, if the broker told.
    end: Option<i64>,
    reach: Reach,
}

fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_at_the_look_back_or_where_the_topic_does() {
        for (found, ends, offset, known) in [
            (Found::At(50), Some((10, 90)), Offset::Offset(50), Reach::Since(7)),
            // The topic does not reach back so far: older records were removed.
            (Found::At(10), Some((10, 90)), Offset::Offset(10), Reach::SinceTheFirstRecord),
            (Found::At(9), Some((10, 90)), Offset::Offset(9), Reach::SinceTheFirstRecord),
            // Or there never were any.
            (Found::At(0), Some((0, 90)), Offset::Offset(0), Reach::Everything),
            (Found::At(50), None, Offset::Offset(50), Reach::SinceTheFirstRecord),
            // What came after the first question is read.
            (Found::NothingSoYoung, Some((10, 90)), Offset::Offset(90), Reach::Since(7)),
            (Found::NothingSoYoung, Some((0, 0)), Offset::Offset(0), Reach::Everything),
            (Found::NothingSoYoung, None, Offset::Beginning, Reach::SinceTheFirstRecord),
            (Found::Unknown, Some((10, 90)), Offset::Offset(10), Reach::SinceTheFirstRecord),
            (Found::Unknown, Some((0, 90)), Offset::Offset(0), Reach::Everything),
            (Found::Unknown, None, Offset::Beginning, Reach::SinceTheFirstRecord),
        ] {
            assert_eq!((beginning(found, ends), reach(found, ends, 7)), (offset, known), "{found:?} {ends:?}");
        }
    }
}
