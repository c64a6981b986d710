//! Records into a topic: events of contacts, and anything else that a producer may send by mistake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdline::clock;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::cluster::Cluster;

pub const ANSWERED: &str = r#""type":"answered""#;
pub const ABANDONED: &str = r#""type":"abandoned""#;

pub fn offered(queue: &str) -> String {
    format!(r#""type":"offered","queue":"{queue}""#)
}

pub fn left(reason: &str) -> String {
    format!(r#""type":"left","reason":"{reason}""#)
}

/// With the parts of its handle time, in seconds.
pub fn completed(talk: f64, wrap: f64) -> String {
    format!(r#""type":"completed","talk_seconds":{talk},"wrap_seconds":{wrap}"#)
}

/// Now, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    clock::wall().millis()
}

/// The whole second so many seconds ago, in milliseconds since 1970.
pub fn seconds_ago(seconds: u64) -> u64 {
    now_ms() / 1_000 * 1_000 - seconds * 1_000
}

/// Writes to one topic, each record once.
pub struct Records {
    producer: ThreadedProducer<Deliveries>,
    deliveries: Arc<Deliveries>,
    topic: String,
}

struct Deliveries {
    failed: AtomicU64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            eprintln!("a record of the test was not delivered: {error}");
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Records {
    /// Makes the topic first.
    pub fn new(cluster: &Cluster, topic: &str, partitions: i32) -> Records {
        cluster.create_topic(topic, partitions);
        Records::to(cluster, topic)
    }

    /// To a topic that is there.
    pub fn to(cluster: &Cluster, topic: &str) -> Records {
        let producer: ThreadedProducer<Deliveries> = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap())
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            // As soon as a broker is back.
            .set("reconnect.backoff.max.ms", "200")
            .create_with_context(Deliveries { failed: AtomicU64::new(0) })
            .expect("the options are right");
        let deliveries = Arc::clone(producer.client().context());
        Records { producer, deliveries, topic: topic.to_owned() }
    }

    /// One event of a contact, keyed as it should be. `what` is the rest of the object.
    pub fn tell(&self, partition: i32, contact: &str, time_ms: u64, what: &str) {
        let event = format!(r#"{{"contact_id":"{contact}","time":{time_ms},{what}}}"#);
        self.send(partition, Some(contact.as_bytes()), Some(event.as_bytes()));
    }

    /// The same in a record of that time.
    pub fn tell_then(&self, partition: i32, contact: &str, time_ms: u64, what: &str) {
        let event = format!(r#"{{"contact_id":"{contact}","time":{time_ms},{what}}}"#);
        let (key, payload) = (Some(contact.as_bytes()), Some(event.as_bytes()));
        self.send_whole(partition, key, payload, None, i64::try_from(time_ms).ok());
    }

    /// Any record.
    pub fn send(&self, partition: i32, key: Option<&[u8]>, payload: Option<&[u8]>) {
        self.send_whole(partition, key, payload, None, None);
    }

    /// Any record with headers.
    pub fn send_with(&self, partition: i32, key: Option<&[u8]>, payload: Option<&[u8]>, headers: Option<OwnedHeaders>) {
        self.send_whole(partition, key, payload, headers, None);
    }

    fn send_whole(
        &self,
        partition: i32,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: Option<OwnedHeaders>,
        timestamp: Option<i64>,
    ) {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition);
        (record.key, record.payload, record.headers, record.timestamp) = (key, payload, headers, timestamp);
        while let Err((error, back)) = self.producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            std::thread::sleep(Duration::from_millis(10));
            record = back;
        }
    }

    /// Waits until all of them are delivered.
    pub fn flush(&self) {
        self.producer.flush(Duration::from_secs(60)).expect("delivered within a minute");
        assert_eq!(self.deliveries.failed.load(Ordering::Relaxed), 0, "records that were not delivered");
    }
}
