//! A topic of checkpoints, from which any instance can take over: each is cut into chunks, each chunk is a record of its own
//! key, and last comes a record that lists them, the manifest.
//!
//! A checkpoint is there once its manifest is, and the manifest is written only after every chunk is confirmed by all brokers
//! that have to. Keys are the name and the number of the chunk; no key is ever written twice but to be deleted, the manifest
//! first. So compaction removes what is deleted and nothing else. All keys of one partition of events go to one partition of
//! the topic, so that whoever looks for them reads only that.
//!
//! What is in the topic is known by reading it: from its beginning when a checkpoint is first asked for, which takes as long
//! as all that is kept there takes to read, and from there on only what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig};
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use super::{Name, Place, Store, StoreError, Writer};
use crate::clock;
use crate::config::Kafka;
use crate::engine::lane::hash_of;
use crate::kafka::client::{Quiet, properties, set_default};
use crate::kafka::forgotten::{Reminder, name_brokers_anew};

/// Bytes of a chunk: far under the megabyte that brokers take unless told otherwise.
const CHUNK: usize = 512 * 1024;

/// Partitions of a topic that is made here.
const PARTITIONS: i32 = 8;

/// How long brokers may take for one answer, or for the next record of many.
const PATIENCE: Duration = Duration::from_secs(15);

/// Records of one writing are confirmed within this, or it has failed.
const LONGEST_DELIVERY: Duration = Duration::from_secs(40);

/// How long one look for records takes at most.
const LOOK: Duration = Duration::from_millis(100);

/// How long one look for confirmations takes: all of it, whatever comes.
const CONFIRM: Duration = Duration::from_millis(5);

/// How it is kept, where it is made here: small segments, so that compaction soon has something to do.
const CONFIGURATION: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "67108864"),
    ("min.cleanable.dirty.ratio", "0.2"),
    ("delete.retention.ms", "3600000"),
];

/// The store. It connects when it is first used.
pub struct Topic {
    kafka: Kafka,
    topic: String,
    connected: Mutex<Option<Connected>>,
}

/// Its clients, and what it has read so far.
struct Connected {
    producer: BaseProducer<Deliveries>,
    consumer: BaseConsumer<Quiet>,
    /// What is in each partition.
    partitions: Vec<Known>,
    reminder: Reminder,
}

/// What is known of one partition.
#[derive(Default)]
struct Known {
    /// Everything before this offset was read.
    next: i64,
    /// Where the record of each key is, chunks and manifests, those deleted left out.
    offsets: BTreeMap<String, i64>,
    /// The manifests, by their keys.
    manifests: BTreeMap<String, Manifest>,
}

/// What a checkpoint is made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Manifest {
    /// Hashes of the chunks, in order.
    chunks: Vec<u64>,
}

/// What became of the records of one write.
#[derive(Default)]
struct Deliveries(Mutex<Delivered>);

#[derive(Default)]
struct Delivered {
    /// The keys of those that are under way; what else comes back was given up before.
    waited_for: BTreeSet<String>,
    offsets: Vec<(String, i64)>,
    failed: Option<String>,
}

impl ClientContext for Deliveries {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "writing checkpoints");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (message, Some(error)),
        };
        let key = message.key().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
        let mut delivered = self.lock();
        if !delivered.waited_for.remove(&key) {
            return;
        }
        match error {
            None => delivered.offsets.push((key, message.offset())),
            Some(error) => delivered.failed = Some(error.to_string()),
        }
    }
}

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic {
    /// The checkpoints of this topic; it is made, compacted, when it is first used and is not there.
    pub fn new(kafka: &Kafka, topic: &str) -> Topic {
        Topic { kafka: kafka.clone(), topic: topic.to_owned(), connected: Mutex::default() }
    }

    /// Does something with the clients, which are made if they are not there yet.
    fn with<T>(
        &self,
        what: &str,
        work: impl FnOnce(&mut Connected, &str) -> Result<T, String>,
    ) -> Result<T, StoreError> {
        let failed = |why| StoreError { what: format!("{what} the topic of checkpoints {:?}", self.topic), why };
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        let there = match &mut *connected {
            Some(there) => there,
            none => none.insert(self.connect().map_err(failed)?),
        };
        let done = work(there, &self.topic);
        if there.reminder.is_due(done.is_ok(), clock::monotonic()) {
            name_brokers_anew(there.producer.client(), &self.kafka);
            name_brokers_anew(there.consumer.client(), &self.kafka);
        }
        // A client that will do no more is replaced by the next use.
        if done.is_err() && there.producer.client().fatal_error().is_some() {
            *connected = None;
        }
        done.map_err(failed)
    }

    fn connect(&self) -> Result<Connected, String> {
        let mut reading = properties(&self.kafka);
        reading.set("group.id", &self.kafka.group);
        for (name, value) in [
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("auto.offset.reset", "earliest"),
            ("allow.auto.create.topics", "false"),
            // The end is told after this.
            ("fetch.wait.max.ms", "10"),
        ] {
            reading.set(name, value);
        }
        let mut writing = properties(&self.kafka);
        for (names, value) in [
            (&["enable.idempotence"][..], "true"),
            (&["message.timeout.ms", "delivery.timeout.ms"], "30000"),
            (&["linger.ms", "queue.buffering.max.ms"], "0"),
            (&["queue.buffering.max.kbytes"], "65536"),
        ] {
            set_default(&mut writing, names, value);
        }
        let consumer: BaseConsumer<Quiet> =
            reading.create_with_context(Quiet { doing: "reading checkpoints" }).map_err(|error| error.to_string())?;
        let producer = writing.create_with_context(Deliveries::default()).map_err(|error| error.to_string())?;
        let partitions = self.partitions(&consumer)?;
        let partitions = (0..partitions).map(|_| Known::default()).collect();
        Ok(Connected { producer, consumer, partitions, reminder: Reminder::default() })
    }

    /// How many partitions it has, once it is there.
    fn partitions(&self, consumer: &BaseConsumer<Quiet>) -> Result<usize, String> {
        let deadline = clock::monotonic() + PATIENCE;
        let mut is_made = false;
        loop {
            let metadata = consumer.fetch_metadata(Some(&self.topic), PATIENCE).map_err(|error| error.to_string())?;
            let told = metadata.topics().first().ok_or("brokers say nothing of it")?;
            match told.error().map(RDKafkaErrorCode::from) {
                None if !told.partitions().is_empty() => return Ok(told.partitions().len()),
                None | Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {}
                Some(code) => return Err(code.to_string()),
            }
            if !std::mem::replace(&mut is_made, true) {
                self.make()?;
            }
            if clock::monotonic() >= deadline {
                return Err("it is not there, though it was made".to_owned());
            }
            std::thread::sleep(LOOK);
        }
    }

    fn make(&self) -> Result<(), String> {
        let admin: AdminClient<DefaultClientContext> =
            properties(&self.kafka).create().map_err(|error| error.to_string())?;
        // The number of replicas is the brokers' own.
        let mut topic = NewTopic::new(&self.topic, PARTITIONS, TopicReplication::Fixed(-1));
        for (name, value) in CONFIGURATION {
            topic = topic.set(name, value);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE));
        let made = runtime.block_on(admin.create_topics(&[topic], &options)).map_err(|error| error.to_string())?;
        match made.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(format!("it is not there and cannot be made: {code}; make it with cleanup.policy=compact"))
            }
            _ => {
                tracing::info!(topic = self.topic, "made the topic of checkpoints");
                Ok(())
            }
        }
    }
}

impl Store for Topic {
    fn list(&self, place: &Place) -> Result<Vec<Name>, StoreError> {
        self.with("cannot read", |connected, topic| {
            connected.read_on(topic, place)?;
            Ok(connected.names(place))
        })
    }

    fn known(&self, place: &Place) -> Result<Vec<Name>, StoreError> {
        self.with("cannot read", |connected, _| Ok(connected.names(place)))
    }

    fn read(&self, name: &Name) -> Result<Option<Vec<u8>>, StoreError> {
        self.with("cannot read", |connected, topic| connected.read(topic, name))
    }

    fn write(&self, name: &Name, bytes: &[u8]) -> Result<(), StoreError> {
        self.with("cannot write to", |connected, topic| connected.write(topic, name, bytes))
    }

    fn remove(&self, name: &Name) -> Result<(), StoreError> {
        self.with("cannot write to", |connected, topic| connected.remove(topic, name))
    }

    fn sweep(&self, place: &Place, below: i64) -> Result<(), StoreError> {
        self.with("cannot write to", |connected, topic| connected.sweep(topic, place, below))
    }
}

impl Connected {
    /// The partition that the checkpoints of a place go to, and what is known of it.
    fn home(&mut self, place: &Place) -> (i32, &mut Known) {
        let hash = hash_of(of_place(place).as_bytes());
        let count = u64::try_from(self.partitions.len()).expect("partitions are few");
        let home = usize::try_from(hash % count).expect("it is less than their number");
        (i32::try_from(home).expect("partitions are few"), &mut self.partitions[home])
    }

    fn names(&mut self, place: &Place) -> Vec<Name> {
        let (_, known) = self.home(place);
        known.manifests.keys().filter_map(|key| name_of(place, key)).collect()
    }

    /// Reads what is new where the checkpoints of this place are.
    fn read_on(&mut self, topic: &str, place: &Place) -> Result<(), String> {
        let (partition, known) = self.home(place);
        let from = known.next;
        let mut read = Vec::new();
        let end = each_record(&self.consumer, topic, partition, from, |key, payload, offset| {
            let manifest = payload.filter(|_| key.ends_with(MANIFEST)).map(<[u8]>::to_vec);
            read.push((key.to_owned(), offset, payload.is_some(), manifest));
            true
        })?;
        let (_, known) = self.home(place);
        for (key, offset, is_there, manifest) in read {
            known.note(&key, offset, is_there, manifest.as_deref());
        }
        known.next = end;
        Ok(())
    }

    /// What a checkpoint is made of, without the chunks that are not there or are not what the manifest says: its hash tells
    /// that it is not whole. None if it was removed.
    fn read(&mut self, topic: &str, name: &Name) -> Result<Option<Vec<u8>>, String> {
        let manifest_key = key_of(name);
        let (partition, known) = self.home(&name.place);
        let Some(manifest) = known.manifests.get(&manifest_key) else { return Ok(None) };
        let mut missing: BTreeMap<String, (usize, u64)> =
            manifest.chunks.iter().enumerate().map(|(at, hash)| (chunk_key(&manifest_key, at), (at, *hash))).collect();
        let records = missing.keys().chain([&manifest_key]).filter_map(|key| known.offsets.get(key));
        let Some(first) = records.min().copied() else { return Ok(None) };
        let mut chunks: Vec<Vec<u8>> = vec![Vec::new(); missing.len()];
        let mut is_removed = false;
        each_record(&self.consumer, topic, partition, first, |key, payload, _| {
            match payload {
                None => is_removed |= key == manifest_key,
                Some(payload) => {
                    let is_it = |(_, hash): &(usize, u64)| *hash == hash_of(payload);
                    if let Some((at, _)) = missing.get(key).copied().filter(is_it) {
                        chunks[at] = payload.to_vec();
                        missing.remove(key);
                    }
                }
            }
            !missing.is_empty()
        })?;
        Ok((!is_removed).then(|| chunks.concat()))
    }

    fn write(&mut self, topic: &str, name: &Name, bytes: &[u8]) -> Result<(), String> {
        let key = key_of(name);
        let chunks: Vec<&[u8]> = bytes.chunks(CHUNK).collect();
        let records = chunks.iter().enumerate().map(|(number, chunk)| (chunk_key(&key, number), Some(*chunk)));
        tracing::debug!(topic, key, bytes = bytes.len(), "checkpoint: writing");
        self.send(topic, &name.place, records.collect())?;
        let manifest = Manifest { chunks: chunks.iter().map(|chunk| hash_of(chunk)).collect() };
        let manifest = postcard::to_allocvec(&manifest).expect("a vector takes all bytes");
        tracing::debug!(topic, key, chunks = chunks.len(), "checkpoint: listing");
        self.send(topic, &name.place, vec![(key, Some(&manifest))])
    }

    fn remove(&mut self, topic: &str, name: &Name) -> Result<(), String> {
        let manifest_key = key_of(name);
        let (_, known) = self.home(&name.place);
        let of_name = manifest_key.trim_end_matches("manifest").to_owned();
        let keys = known.offsets.range(of_name..=manifest_key).map(|(key, _)| key.clone()).collect();
        self.remove_all(topic, &name.place, keys)
    }

    /// What a crash or a failure left of others is without a manifest, and would stay for ever.
    fn sweep(&mut self, topic: &str, place: &Place, below: i64) -> Result<(), String> {
        let (_, known) = self.home(place);
        let prefix = of_place(place);
        let end = format!("{prefix}{below:020}/");
        let keys = known.offsets.range(prefix..end).map(|(key, _)| key.clone()).collect();
        self.remove_all(topic, place, keys)
    }

    fn remove_all(&mut self, topic: &str, place: &Place, mut keys: Vec<String>) -> Result<(), String> {
        if keys.is_empty() {
            return Ok(());
        }
        // The manifest first: without it the chunks are nothing.
        keys.sort_by_key(|key| !key.ends_with(MANIFEST));
        self.send(topic, place, keys.into_iter().map(|key| (key, None)).collect())
    }

    /// Sends records of a place, none of them overtaking another, and waits until all are confirmed. Those that are, are known
    /// of from then on, even if others fail.
    fn send(&mut self, topic: &str, place: &Place, records: Vec<(String, Option<&[u8]>)>) -> Result<(), String> {
        let (partition, _) = self.home(place);
        let keys = records.iter().map(|(key, _)| key.clone()).collect();
        let sent: BTreeMap<String, Option<&[u8]>> = records.iter().cloned().collect();
        *self.producer.context().lock() = Delivered { waited_for: keys, ..Delivered::default() };
        let deadline = clock::monotonic() + LONGEST_DELIVERY;
        let done = self.send_all(topic, partition, records, deadline).and_then(|()| self.confirmed(deadline));
        if done.is_err() {
            // What is still under way is given up: it would only be in the way of the next.
            self.producer.context().lock().waited_for.clear();
            self.producer.purge(PurgeConfig::default().queue().inflight());
        }
        let delivered = std::mem::take(&mut *self.producer.context().lock());
        let (_, known) = self.home(place);
        for (key, offset) in delivered.offsets {
            let payload = sent[&key];
            known.note(&key, offset, payload.is_some(), payload.filter(|_| key.ends_with(MANIFEST)));
        }
        done
    }

    fn send_all(
        &self,
        topic: &str,
        partition: i32,
        records: Vec<(String, Option<&[u8]>)>,
        deadline: Instant,
    ) -> Result<(), String> {
        for (key, payload) in records {
            let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).partition(partition).key(&key);
            record.payload = payload;
            while let Err((error, refused)) = self.producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.to_string());
                }
                self.producer.poll(CONFIRM);
                self.is_in_time(deadline)?;
                record = refused;
            }
        }
        Ok(())
    }

    /// Waits until all that is waited for has come back.
    fn confirmed(&self, deadline: Instant) -> Result<(), String> {
        loop {
            self.producer.poll(CONFIRM);
            let delivered = self.producer.context().lock();
            if delivered.waited_for.is_empty() && delivered.failed.is_none() {
                return Ok(());
            }
            drop(delivered);
            self.is_in_time(deadline)?;
        }
    }

    /// Nothing has failed yet, and there is time left.
    fn is_in_time(&self, deadline: Instant) -> Result<(), String> {
        match self.producer.context().lock().failed.take() {
            Some(failed) => Err(failed),
            None if clock::monotonic() >= deadline => Err("records were not confirmed in time".to_owned()),
            None => Ok(()),
        }
    }
}

impl Known {
    fn note(&mut self, key: &str, offset: i64, is_there: bool, manifest: Option<&[u8]>) {
        if !is_there {
            self.offsets.remove(key);
            self.manifests.remove(key);
            return;
        }
        self.offsets.insert(key.to_owned(), offset);
        if let Some(manifest) = manifest.and_then(|bytes| postcard::from_bytes(bytes).ok()) {
            self.manifests.insert(key.to_owned(), manifest);
        }
    }
}

/// Reads a partition from an offset on to its end, or until `each` says false; gives the offset after the last one read.
fn each_record(
    consumer: &BaseConsumer<Quiet>,
    topic: &str,
    partition: i32,
    from: i64,
    mut each: impl FnMut(&str, Option<&[u8]>, i64) -> bool,
) -> Result<i64, String> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(topic, partition, Offset::Offset(from)).map_err(|error| error.to_string())?;
    consumer.assign(&list).map_err(|error| error.to_string())?;
    let read = until_end(consumer, partition, from, &mut each);
    consumer.unassign().map_err(|error| error.to_string())?;
    read
}

fn until_end(
    consumer: &BaseConsumer<Quiet>,
    partition: i32,
    from: i64,
    each: &mut impl FnMut(&str, Option<&[u8]>, i64) -> bool,
) -> Result<i64, String> {
    let mut next = from;
    let mut heard: Instant = clock::monotonic();
    loop {
        match consumer.poll(LOOK) {
            Some(Ok(record)) => {
                heard = clock::monotonic();
                next = record.offset() + 1;
                let key = record.key().and_then(|key| std::str::from_utf8(key).ok());
                if key.is_some_and(|key| !each(key, record.payload(), record.offset())) {
                    return Ok(next);
                }
            }
            Some(Err(KafkaError::PartitionEOF(of))) if of == partition => return Ok(next),
            Some(Err(error)) => tracing::debug!(%error, "reading checkpoints"),
            None => {}
        }
        if heard.elapsed() > PATIENCE {
            return Err("no broker has answered for a while".to_owned());
        }
    }
}

/// How the key of a manifest ends.
const MANIFEST: &str = "/manifest";

/// The key of the manifest. Keys of a place are in order of offsets, and a manifest comes after its chunks.
fn key_of(Name { place, next_offset, writer }: &Name) -> String {
    format!("{}{next_offset:020}/{writer}{MANIFEST}", of_place(place))
}

/// How all keys of a place begin.
fn of_place(Place { group, topic, topic_id, partition }: &Place) -> String {
    format!("{group}/{topic}/{topic_id}/{partition}/")
}

/// The key of a chunk of the checkpoint whose manifest has this key.
fn chunk_key(manifest: &str, number: usize) -> String {
    format!("{}/{number:06}", manifest.trim_end_matches(MANIFEST))
}

/// The name of the checkpoint of this place whose manifest has this key; none if it is of another place.
fn name_of(place: &Place, key: &str) -> Option<Name> {
    let (offset, writer) = key.strip_prefix(&of_place(place))?.strip_suffix(MANIFEST)?.split_once('/')?;
    Some(Name { place: place.clone(), next_offset: offset.parse().ok()?, writer: Writer::from_text(writer)? })
}
