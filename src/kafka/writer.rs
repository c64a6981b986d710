//! Records into a topic: at full speed, in bounded memory, each exactly once, in order within a partition.
//!
//! Records are handed over and confirmed later; in between they wait in a queue of bounded size. An outage is ridden out
//! as long as that is allowed to take. The first record that is not delivered ends the writing: what comes after it
//! would stand in the wrong order. Records are put into partitions by the hash of their key that Java's producers use,
//! so that a key stays in one partition whoever writes.
//!
//! Deliberately absent: transactions, and several topics for one writer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig, ThreadedProducer};

use super::client;
use super::deliveries::{Complaint, Deliveries};
use super::forgotten::{Reminder, name_brokers_anew};
use super::trouble::{Trouble, explain, explain_error};
use crate::clock;
use crate::config::Kafka;

/// How a writer goes about it. Options of the configuration of the same meaning win over all of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WriterSettings {
    /// How long a record may take until it is confirmed, and so how long an outage is ridden out; at least a second.
    pub ride_out: Duration,
    /// How long a record waits for others to go with it.
    pub linger: Duration,
    /// Records that may wait to be confirmed.
    pub queue_records: usize,
    /// What they may weigh together, in KiB.
    pub queue_kbytes: usize,
}

impl Default for WriterSettings {
    /// Five minutes of outage; 64 MiB of records.
    fn default() -> WriterSettings {
        WriterSettings {
            ride_out: Duration::from_secs(300),
            linger: Duration::from_millis(5),
            queue_records: 200_000,
            queue_kbytes: 64 * 1024,
        }
    }
}

/// How many records went where. What was handed over and is neither delivered nor failed is under way.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Taken by the writer.
    pub taken: u64,
    /// Confirmed by all brokers that have to.
    pub delivered: u64,
    /// Not delivered, or not known to be.
    pub failed: u64,
}

/// Why a writer could not do its work.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WriteError {
    /// The properties make no client.
    #[error("{0}")]
    Options(String),
    /// The topic could not be found in time, or not be used.
    #[error("cannot write to the topic {topic:?}: {reason}")]
    Topic {
        /// The topic.
        topic: String,
        /// Why, in words.
        reason: String,
    },
    /// A record was not taken.
    #[error("cannot write a record of {bytes} bytes: {reason}")]
    Refused {
        /// The size of its payload.
        bytes: usize,
        /// Why, in words.
        reason: String,
    },
    /// Records were taken and not delivered.
    #[error("{missing} of {taken} records were not delivered: {reason}")]
    Undelivered {
        /// Taken in all.
        taken: u64,
        /// Not delivered, or not known to be.
        missing: u64,
        /// The number, counted from 0 in the order of writing, of the first of them; none if that is not known.
        first: Option<u64>,
        /// Why, in words.
        reason: String,
    },
}

/// Told in words when trouble begins and when it is over.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// How long one look at the queue takes while it is full: in that time a broker takes thousands.
const LOOK: Duration = Duration::from_millis(5);
/// How long one wait for the last confirmations takes.
const SETTLE: Duration = Duration::from_millis(20);
/// How long one question for the topic takes.
const ASK: Duration = Duration::from_millis(500);

/// Writes into one topic. It can be used from several threads; records keep their order only from one.
pub struct Writer {
    producer: ThreadedProducer<Deliveries>,
    deliveries: Arc<Deliveries>,
    /// With how many records were delivered at the last look.
    reminder: Mutex<(Reminder, u64)>,
}

impl Writer {
    /// Makes a writer; it connects in the background. `tell` hears of trouble and of its end, once each.
    ///
    /// # Errors
    ///
    /// [`WriteError::Options`] if the options make no sense.
    pub fn open(kafka: &Kafka, topic: &str, settings: WriterSettings, tell: Tell) -> Result<Writer, WriteError> {
        let mut properties = client::properties(kafka);
        let ride_out_ms = settings.ride_out.as_millis().max(1_000);
        for (names, value) in [
            (&["enable.idempotence"][..], "true".to_owned()),
            (&["partitioner"], "murmur2_random".to_owned()),
            (&["compression.type", "compression.codec"], "lz4".to_owned()),
            (&["linger.ms", "queue.buffering.max.ms"], settings.linger.as_millis().to_string()),
            (&["message.timeout.ms", "delivery.timeout.ms"], ride_out_ms.to_string()),
            (&["queue.buffering.max.messages"], settings.queue_records.to_string()),
            (&["queue.buffering.max.kbytes"], settings.queue_kbytes.to_string()),
        ] {
            client::set_default(&mut properties, names, value);
        }
        let deliveries = Deliveries::new(kafka, topic, tell);
        let producer = ThreadedProducer::from_config_and_context(&properties, deliveries)
            .map_err(|error| WriteError::Options(explain_error(kafka, topic, &error)))?;
        let deliveries = Arc::clone(producer.client().context());
        Ok(Writer { producer, deliveries, reminder: Mutex::default() })
    }

    /// Waits until the topic is there to be written to, and says how many partitions it has. Brokers that make topics
    /// by themselves make it now.
    ///
    /// # Errors
    ///
    /// [`WriteError::Topic`]: not within that time; or never, because we may not.
    pub fn find_topic(&self, within: Duration) -> Result<usize, WriteError> {
        let Deliveries { kafka, topic, .. } = &*self.deliveries;
        let deadline = clock::monotonic() + within;
        loop {
            let left = deadline.saturating_duration_since(clock::monotonic());
            let metadata = self.producer.client().fetch_metadata(Some(topic), left.min(ASK).max(SETTLE));
            self.remind();
            let found = metadata.as_ref().ok().and_then(|metadata| metadata.topics().first());
            let code = match (found, &metadata) {
                (Some(found), _) => match found.error() {
                    None if !found.partitions().is_empty() => return Ok(found.partitions().len()),
                    None => RDKafkaErrorCode::UnknownTopic,
                    Some(code) => code.into(),
                },
                (None, Err(error)) => error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
                (None, Ok(_)) => RDKafkaErrorCode::UnknownTopic,
            };
            // That there was no answer in time says less than what went wrong meanwhile.
            let (code, reason) = match self.deliveries.complaint().clone() {
                Some(Complaint { code, reason, .. }) if found.is_none() => (code, reason),
                _ => (code, String::new()),
            };
            if Trouble::of(code).is_lasting() || left.is_zero() {
                let reason = explain(kafka, topic, code, &reason);
                return Err(WriteError::Topic { topic: topic.clone(), reason });
            }
            // Some errors are answered at once, and a topic that is being made takes a moment.
            if found.is_some() {
                std::thread::sleep(left.min(ASK / 4));
            }
        }
    }

    /// Takes a record, waiting a moment if the queue is full. False: it is still full, and nothing was taken.
    ///
    /// # Errors
    ///
    /// [`WriteError::Refused`]: it can never be taken. [`WriteError::Undelivered`]: an earlier one failed, so this one
    /// must not overtake it.
    pub fn try_write(&self, key: Option<&[u8]>, payload: &[u8]) -> Result<bool, WriteError> {
        if self.deliveries.failed.load(Ordering::Relaxed) > 0 {
            return Err(self.deliveries.undelivered());
        }
        let number = self.deliveries.taken.fetch_add(1, Ordering::Relaxed);
        // Numbers wrap only where a pointer has 32 bits, after four billion records; then they name another one.
        #[expect(clippy::cast_possible_truncation, reason = "as said above")]
        let mut record = BaseRecord::with_opaque_to(&self.deliveries.topic, number as usize).payload(payload);
        record.key = key;
        let Err((error, _)) = self.producer.send(record) else { return Ok(true) };
        self.deliveries.taken.fetch_sub(1, Ordering::Relaxed);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => {
                self.producer.poll(LOOK);
                self.remind();
                Ok(false)
            }
            Some(RDKafkaErrorCode::Fatal) => Err(self.fatal()),
            _ => {
                let Deliveries { kafka, topic, .. } = &*self.deliveries;
                Err(WriteError::Refused { bytes: payload.len(), reason: explain_error(kafka, topic, &error) })
            }
        }
    }

    /// Takes a record, waiting as long as the queue is full.
    ///
    /// # Errors
    ///
    /// As [`Writer::try_write`].
    pub fn write(&self, key: Option<&[u8]>, payload: &[u8]) -> Result<(), WriteError> {
        while !self.try_write(key, payload)? {}
        Ok(())
    }

    /// Waits until all records taken are delivered. If one fails, or `stop` says so, all that are still under way are
    /// given up, and count as failed although a broker may have some of them.
    ///
    /// # Errors
    ///
    /// [`WriteError::Undelivered`].
    pub fn flush(&self, stop: &dyn Fn() -> bool) -> Result<Counts, WriteError> {
        while self.producer.flush(SETTLE).is_err() {
            self.remind();
            if self.deliveries.failed.load(Ordering::Relaxed) > 0 || stop() {
                self.producer.purge(PurgeConfig::default().queue().inflight());
                // Given up as well; nothing is waited for but their coming back.
                let _ = self.producer.flush(Duration::from_secs(5));
                break;
            }
        }
        let counts = self.counts();
        if counts.delivered == counts.taken { Ok(counts) } else { Err(self.deliveries.undelivered()) }
    }

    /// How many records went where so far.
    pub fn counts(&self) -> Counts {
        self.deliveries.counts()
    }

    /// To be called while something is waited for: if nothing is delivered for long, the brokers may have been forgotten.
    fn remind(&self) {
        let mut reminder = self.reminder.lock().unwrap_or_else(PoisonError::into_inner);
        let (reminder, delivered_before) = &mut *reminder;
        let delivered = self.counts().delivered;
        let is_well = delivered > std::mem::replace(delivered_before, delivered);
        if reminder.is_due(is_well, clock::monotonic()) {
            name_brokers_anew(self.producer.client(), &self.deliveries.kafka);
        }
    }

    /// What made the library refuse any further work.
    fn fatal(&self) -> WriteError {
        let (code, reason) = self.producer.client().fatal_error().unwrap_or((RDKafkaErrorCode::Fatal, String::new()));
        self.deliveries.fail(code, &reason);
        self.deliveries.undelivered()
    }
}
