//! The thread that delivers the letters of an outbox, and sees to it that none is lost.
//!
//! The library retries by itself what it takes for passing. What it gives up nevertheless (a topic that it does not find, a
//! permission, an error that ends the client) comes back to the tray and is sent again after a pause that grows; a client
//! that refuses any further work is replaced. When the oldest letter has waited for a few seconds, the broker is asked
//! about the topic, which also makes the library look for it again, and the answer is told.
//!
//! A broker that finds a batch too large refuses all letters in it. Each of these is then sent alone, one after the other:
//! only one that is refused alone is itself too large.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, PurgeConfig};

use super::client;
use super::forgotten::{Reminder, name_brokers_anew};
use super::outbox::{Address, Letter, Posted, Ticket, Tray};
use super::receipts::Receipts;
use super::trouble::{Trouble, explain};
use crate::clock;
use crate::config::Kafka;

/// How long one wait for confirmations takes.
const CONFIRM: Duration = Duration::from_millis(20);

/// How long one wait for letters takes.
const IDLE: Duration = Duration::from_millis(200);

/// The pause before what failed is sent again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// Between two looks at what waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A letter that has waited for longer is in trouble.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long a question for the topic may take.
const LONGEST_QUESTION: Duration = Duration::from_secs(1);

/// Trouble that goes on is logged again after this.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// What can be changed by the user's own options, each under all its names.
const USUAL: [(&[&str], &str); 5] = [
    (&["enable.idempotence"], "true"),
    (&["partitioner"], "murmur2_random"),
    (&["compression.type", "compression.codec"], "lz4"),
    // What is too large is for the topic to say.
    (&["message.max.bytes"], "1000000000"),
    // Small enough for whatever the topic takes in one batch.
    (&["batch.size"], "65536"),
];

/// And what cannot: without these, letters would be lost.
const FIXED: [(&[&str], &str); 5] = [
    (&["acks", "request.required.acks"], "all"),
    (&["retries", "message.send.max.retries"], "2147483647"),
    // For ever.
    (&["message.timeout.ms", "delivery.timeout.ms"], "0"),
    // The tray has a bound of its own, that of a single letter among it.
    (&["queue.buffering.max.messages"], "0"),
    (&["queue.buffering.max.kbytes"], "2147483647"),
];

/// The thread's own things.
pub(super) struct Courier {
    kafka: Kafka,
    address: Arc<Address>,
    tray: Arc<Tray>,
    producer: BaseProducer<Receipts>,
    /// Nothing is sent before this, after something failed.
    resumes: Instant,
    pause: Duration,
    /// Whether what is under way is a single letter.
    sent_alone: bool,
    looked: Instant,
    /// When trouble was last logged; none without trouble.
    told: Option<Instant>,
    reminder: Reminder,
}

impl Courier {
    /// Delivers to this address what comes into the tray.
    ///
    /// # Errors
    /// The options make no client.
    pub(super) fn new(kafka: &Kafka, address: Address, tray: Arc<Tray>) -> KafkaResult<Courier> {
        let address = Arc::new(address);
        let producer = producer(kafka, &address, &tray)?;
        let now = clock::monotonic();
        let kafka = kafka.clone();
        Ok(Courier {
            kafka,
            address,
            tray,
            producer,
            resumes: now,
            pause: PAUSES[0],
            sent_alone: false,
            looked: now,
            told: None,
            reminder: Reminder::default(),
        })
    }

    /// Delivers until the tray is closed.
    pub(super) fn run(mut self) {
        loop {
            if clock::monotonic() >= self.resumes {
                self.send_all();
            }
            if self.producer.in_flight_count() > 0 || clock::monotonic() < self.resumes {
                self.producer.poll(CONFIRM);
            } else {
                self.tray.wait_for_letters(IDLE);
                self.producer.poll(Duration::ZERO);
            }
            let now = clock::monotonic();
            self.note_outcomes(now);
            if now.saturating_duration_since(self.looked) >= LOOK_EVERY {
                self.look(now);
                self.looked = clock::monotonic();
            }
            let (pending, _) = self.tray.pending();
            if self.tray.closes().is_some_and(|closes| pending == 0 || now >= closes || self.told.is_some()) {
                self.leave(pending);
                return;
            }
        }
    }

    /// Hands over to the library what waits.
    fn send_all(&mut self) {
        if (self.sent_alone || self.tray.has_suspects()) && self.producer.in_flight_count() > 0 {
            return;
        }
        let suspect = self.tray.next_suspect();
        self.sent_alone = suspect.is_some();
        match suspect {
            Some(suspect) => drop(self.send(suspect, true)),
            None => while self.tray.next().is_some_and(|posted| self.send(posted, false)) {},
        }
    }

    /// Whether the next one may be sent.
    fn send(&self, posted: Posted, alone: bool) -> bool {
        let Posted { letter, mut ticket } = posted;
        ticket.alone = alone;
        let mut record = BaseRecord::<[u8], [u8], Box<Ticket>>::with_opaque_to(&self.address.topic, ticket);
        (record.key, record.payload) = (letter.key.as_deref(), letter.payload.as_deref());
        record.headers = Some(letter.headers);
        let Err((error, back)) = self.producer.send(record) else { return true };
        let (headers, ticket) = (back.headers.unwrap_or_default(), back.delivery_opaque);
        let (key, payload) = (letter.key, letter.payload);
        let letter = Letter { key, payload, headers, bytes: ticket.bytes };
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let receipts = self.producer.context();
        if Trouble::of(code) == Trouble::TooLarge {
            receipts.lose(&ticket, &error);
            return true;
        }
        receipts.fail(code, Posted { letter, ticket });
        false
    }

    /// After a failure there is a pause, longer from one to the next.
    fn note_outcomes(&mut self, now: Instant) {
        let mut heard = self.producer.context().heard();
        if std::mem::take(&mut heard.is_delivered) {
            self.pause = PAUSES[0];
        }
        if std::mem::take(&mut heard.is_failed) {
            self.resumes = now + self.pause;
            self.pause = (self.pause * 2).min(PAUSES[1]);
        }
    }

    /// Tells trouble and its end, names the brokers anew while it lasts, and replaces a client that refuses any further work.
    fn look(&mut self, now: Instant) {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            self.start_anew(code, reason);
        }
        let (pending, oldest) = self.tray.pending();
        let waited = oldest.map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
        let what = self.address.what;
        let is_well = waited <= LONGEST_WAIT;
        if self.reminder.is_due(is_well, now) {
            name_brokers_anew(self.producer.client(), &self.kafka);
        }
        if is_well {
            if self.told.take().is_some() {
                tracing::info!("{what} are delivered again");
            }
            return;
        }
        let (code, reason) = self.cause(waited);
        self.address.meters.errors.inc();
        let cause = explain(&self.kafka, &self.address.topic, code, &reason);
        let words = format!("{what} are not delivered, {pending} wait: {cause}");
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= TOLD_AGAIN) {
            self.told = Some(now);
            tracing::warn!("{words}");
        }
        (self.address.tell)(Trouble::told_as(code, &reason), &words);
    }

    /// With a client that works, if one can be made; else at the next look.
    fn start_anew(&mut self, code: RDKafkaErrorCode, reason: String) {
        tracing::debug!(%code, reason, "the client that sends {} starts anew", self.address.what);
        let Ok(producer) = producer(&self.kafka, &self.address, &self.tray) else { return };
        let old = std::mem::replace(&mut self.producer, producer);
        self.producer.context().heard().failure = Some((code, reason));
        old.purge(PurgeConfig::default().queue().inflight());
        // What it had comes back into the tray.
        while old.in_flight_count() > 0 {
            old.poll(CONFIRM);
        }
    }

    /// Why nothing is delivered, as far as anybody knows.
    fn cause(&self, waited: Duration) -> (RDKafkaErrorCode, String) {
        let topic = &self.address.topic;
        let answer = self.producer.client().fetch_metadata(Some(topic), LONGEST_QUESTION);
        // What the library has to say meanwhile is heard before it is asked for.
        self.producer.poll(Duration::ZERO);
        let heard = self.producer.context().heard();
        let told = answer.as_ref().ok().and_then(|answer| answer.topics().first());
        match (told.map(|told| (told.error(), told.partitions().is_empty())), &heard.failure) {
            (Some((Some(error), _)), _) => (error.into(), String::new()),
            (Some((None, true)), _) => (RDKafkaErrorCode::UnknownTopic, String::new()),
            (Some((None, false)), Some((code, reason))) => (*code, reason.clone()),
            (Some((None, false)), None) => {
                let reason = format!("the topic is there, and nothing was confirmed for {} s", waited.as_secs());
                (RDKafkaErrorCode::Fail, reason)
            }
            (None, _) => match &heard.complaint {
                Some((code, reason)) => (*code, reason.clone()),
                None => (RDKafkaErrorCode::OperationTimedOut, String::new()),
            },
        }
    }

    fn leave(self, pending: usize) {
        if pending > 0 {
            let what = self.address.what;
            tracing::warn!(pending, "{what} are not confirmed: they are sent again when their records are read again");
        }
    }
}

fn producer(kafka: &Kafka, address: &Arc<Address>, tray: &Arc<Tray>) -> KafkaResult<BaseProducer<Receipts>> {
    let (address, tray) = (Arc::clone(address), Arc::clone(tray));
    BaseProducer::from_config_and_context(&properties(kafka), Receipts::new(address, tray))
}

fn properties(kafka: &Kafka) -> ClientConfig {
    let mut properties = client::properties(kafka);
    for (names, value) in USUAL {
        client::set_default(&mut properties, names, value);
    }
    client::set_default(&mut properties, &["reconnect.backoff.max.ms"], "5000");
    for (names, value) in FIXED {
        for name in names {
            properties.remove(name);
        }
        properties.set(names[0], value);
    }
    properties
}
