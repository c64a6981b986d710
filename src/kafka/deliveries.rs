//! What became of the records of a writer, and what the library complained of meanwhile.
//!
//! The library calls in from the thread that polls; the writer looks at what was noted here.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use super::client::LibraryLog;
use super::trouble::{Trouble, explain};
use super::writer::{Counts, Tell, WriteError};
use crate::config::Kafka;

/// What became of the records: filled in by the thread that polls.
pub(super) struct Deliveries {
    pub(super) kafka: Kafka,
    pub(super) topic: String,
    log: LibraryLog,
    tell: Tell,
    pub(super) taken: AtomicU64,
    delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    first_missing: AtomicUsize,
    /// Why the first one failed, in words.
    failure: Mutex<Option<String>>,
    /// Whether there is a complaint: looked at for every record.
    in_trouble: AtomicBool,
    /// What the library complained of since the last delivery.
    complaint: Mutex<Option<Complaint>>,
}

/// What the library says is wrong.
#[derive(Clone)]
pub(super) struct Complaint {
    pub(super) code: RDKafkaErrorCode,
    pub(super) reason: String,
    told: bool,
}

impl Deliveries {
    /// Nothing taken yet.
    pub(super) fn new(kafka: &Kafka, topic: &str, tell: Tell) -> Deliveries {
        Deliveries {
            kafka: kafka.clone(),
            topic: topic.to_owned(),
            log: LibraryLog::default(),
            tell,
            taken: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            first_missing: AtomicUsize::new(usize::MAX),
            failure: Mutex::new(None),
            in_trouble: AtomicBool::new(false),
            complaint: Mutex::new(None),
        }
    }

    /// What was counted so far.
    pub(super) fn counts(&self) -> Counts {
        let [taken, delivered, failed] =
            [&self.taken, &self.delivered, &self.failed].map(|count| count.load(Ordering::Relaxed));
        Counts { taken, delivered, failed }
    }

    /// What the library complained of since the last delivery.
    pub(super) fn complaint(&self) -> MutexGuard<'_, Option<Complaint>> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes why the first record failed; the others fail in its wake.
    pub(super) fn fail(&self, code: RDKafkaErrorCode, reason: &str) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| explain(&self.kafka, &self.topic, code, reason));
    }

    /// The error of what was not delivered, as far as that is known.
    pub(super) fn undelivered(&self) -> WriteError {
        let Counts { taken, delivered, .. } = self.counts();
        let first = self.first_missing.load(Ordering::Relaxed);
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        WriteError::Undelivered {
            taken,
            missing: taken.saturating_sub(delivered),
            first: (first != usize::MAX).then_some(first as u64),
            reason: failure.clone().unwrap_or_else(|| explain(&self.kafka, &self.topic, RDKafkaErrorCode::Fail, "")),
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.log.write(level, facility, message);
    }

    /// The library calls this twice for each error, and again at every attempt to connect.
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        if code == RDKafkaErrorCode::Fatal {
            return;
        }
        let kind = Trouble::of(code);
        let mut complaint = self.complaint();
        let reason = match (&*complaint, kind) {
            // What lasts explains what follows from it; that all are away explains each.
            (Some(before), Trouble::BrokerAway | Trouble::Unreachable) if before.told => return,
            // That all are away says less than why the last one is.
            (Some(before), Trouble::Unreachable) => before.reason.clone(),
            (Some(before), _) if before.told && Trouble::of(before.code) == kind => return,
            _ => reason.to_owned(),
        };
        // One broker away is no trouble yet.
        let told = kind != Trouble::BrokerAway;
        let words = explain(&self.kafka, &self.topic, code, &reason);
        *complaint = Some(Complaint { code, reason, told });
        self.in_trouble.store(true, Ordering::Relaxed);
        drop(complaint);
        if told {
            (self.tell)(&words);
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match result {
            Ok(_) => {
                self.delivered.fetch_add(1, Ordering::Relaxed);
                if self.in_trouble.swap(false, Ordering::Relaxed)
                    && self.complaint().take().is_some_and(|complaint| complaint.told)
                {
                    (self.tell)("records are delivered again");
                }
            }
            Err((error, _)) => {
                self.first_missing.fetch_min(number, Ordering::Relaxed);
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                // That it took too long says less than what went wrong meanwhile.
                match self.complaint().clone() {
                    Some(complaint) if Trouble::of(code) == Trouble::Unreachable => {
                        let kind = Trouble::of(complaint.code);
                        let code = if kind == Trouble::BrokerAway { code } else { complaint.code };
                        self.fail(code, &complaint.reason);
                    }
                    _ => self.fail(code, ""),
                }
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
