//! The writer: nothing lost, nothing doubled, in order; and what it says when it cannot.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdline::clock::monotonic;
use holdline::config::Kafka;
use holdline::kafka::writer::{Counts, Tell, WriteError, Writer, WriterSettings};

use super::{Cluster, Nowhere, Read};

fn quick(ride_out_ms: u64) -> WriterSettings {
    WriterSettings { ride_out: Duration::from_millis(ride_out_ms), ..WriterSettings::default() }
}

/// What a writer told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn tell(&self) -> Tell {
        let told = Arc::clone(&self.0);
        Arc::new(move |words| told.lock().unwrap().push(words.to_owned()))
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn open(kafka: &Kafka, settings: WriterSettings) -> Writer {
    Writer::open(kafka, "events", settings, Told::default().tell()).unwrap()
}

fn numbers(read: &[Read], key: &str) -> Vec<usize> {
    read.iter().filter(|read| read.key.as_deref() == Some(key)).map(|read| read.payload.parse().unwrap()).collect()
}

#[test]
fn records_arrive_once_and_in_order() {
    let cluster = Cluster::new(4);
    let writer = open(&cluster.kafka(), quick(10_000));
    assert_eq!(writer.find_topic(Duration::from_secs(10)), Ok(4));
    for number in 0..20_000 {
        let key = format!("c{}", number % 50);
        writer.write(Some(key.as_bytes()), number.to_string().as_bytes()).unwrap();
    }
    writer.write(None, b"20000").unwrap();
    assert_eq!(writer.flush(&|| false), Ok(Counts { taken: 20_001, delivered: 20_001, failed: 0 }));
    let read = cluster.read();
    assert_eq!(read.len(), 20_001);
    for key in 0..50 {
        let expected: Vec<usize> = (0..20_000).filter(|number| number % 50 == key).collect();
        assert_eq!(numbers(&read, &format!("c{key}")), expected);
    }
    assert_eq!(read.iter().find(|read| read.payload == "20000").unwrap().key, None);
}

#[test]
fn keys_lie_where_other_producers_put_them() {
    let cluster = Cluster::new(7);
    let writer = open(&cluster.kafka(), quick(10_000));
    for key in ["AA0106-34054", "agent-0001"] {
        writer.write(Some(key.as_bytes()), b"0").unwrap();
    }
    writer.flush(&|| false).unwrap();
    let mut read = cluster.read();
    read.sort_by(|one, other| one.key.cmp(&other.key));
    // Murmur2 of the key with the sign bit cleared, modulo the partitions: worked out apart from the library.
    let expected = ["AA0106-34054", "agent-0001"].map(|key| murmur2(key.as_bytes()) % 7);
    assert_eq!(read.iter().map(|read| read.partition).collect::<Vec<_>>(), expected);
}

/// The hash of Kafka's default partitioner for keys, as its Java client defines it; without the sign.
fn murmur2(key: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(key.len()).unwrap();
    let words = key.chunks_exact(4);
    let rest = words.remainder();
    for word in words {
        let mut k = u32::from_le_bytes(word.try_into().unwrap()).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        for (place, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    i32::try_from((hash ^ (hash >> 15)) & 0x7fff_ffff).unwrap()
}

#[test]
fn a_full_queue_loses_nothing() {
    let cluster = Cluster::new(1);
    let settings = WriterSettings { queue_records: 100, ..quick(20_000) };
    let writer = open(&cluster.kafka(), settings);
    let mut full = 0;
    for number in 0..5_000 {
        while !writer.try_write(Some(b"c"), number.to_string().as_bytes()).unwrap() {
            full += 1;
        }
        assert!(writer.counts().taken - writer.counts().delivered <= 101);
    }
    assert!(full > 0, "the queue was never full, so nothing was tried");
    writer.flush(&|| false).unwrap();
    assert_eq!(numbers(&cluster.read(), "c"), (0..5_000).collect::<Vec<_>>());
}

#[test]
fn an_outage_is_ridden_out_and_told() {
    let cluster = Cluster::new(2);
    let told = Told::default();
    let writer = Writer::open(&cluster.kafka(), "events", quick(30_000), told.tell()).unwrap();
    writer.write(Some(b"c"), b"0").unwrap();
    writer.flush(&|| false).unwrap();
    cluster.mock.broker_down(-1).unwrap();
    for number in 1..100 {
        writer.write(Some(b"c"), number.to_string().as_bytes()).unwrap();
    }
    let began = monotonic();
    while told.all().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "nothing told");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(writer.counts().delivered, 1);
    cluster.mock.broker_up(-1).unwrap();
    writer.flush(&|| false).unwrap();
    assert_eq!(numbers(&cluster.read(), "c"), (0..100).collect::<Vec<_>>());
    let told = told.all();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("no broker of ") && told[0].contains(&cluster.brokers()), "{told:?}");
    assert_eq!(told[1], "records are delivered again");
}

#[test]
fn an_outage_that_lasts_is_an_error_with_its_reason() {
    let nowhere = Nowhere::new();
    let brokers = nowhere.address();
    let kafka = Kafka { brokers: brokers.clone(), ..Kafka::default() };
    let writer = open(&kafka, quick(1_500));
    let began = monotonic();
    for _ in 0..3 {
        writer.write(Some(b"c"), b"0").unwrap();
    }
    let error = writer.flush(&|| false).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    let WriteError::Undelivered { taken: 3, missing: 3, first: Some(0), reason } = &error else { panic!("{error:?}") };
    // Whichever the client told last: of the one connection, or of all brokers.
    let is_told = ["refused", "can be reached"].iter().any(|words| reason.contains(words));
    assert!(reason.contains(&brokers) && is_told, "{reason}");
    assert_eq!(writer.try_write(Some(b"c"), b"1"), Err(error), "nothing may overtake what failed");
}

#[test]
fn a_topic_is_looked_for_only_so_long() {
    let nowhere = Nowhere::new();
    let brokers = nowhere.address();
    let kafka = Kafka { brokers: brokers.clone(), ..Kafka::default() };
    let began = monotonic();
    let error = open(&kafka, quick(60_000)).find_topic(Duration::from_millis(1_200)).unwrap_err();
    assert!((1_000..4_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let words = error.to_string();
    assert!(words.contains("cannot write to the topic \"events\"") && words.contains(&brokers), "{words}");
}

#[test]
fn giving_up_ends_the_wait() {
    let nowhere = Nowhere::new();
    let kafka = Kafka { brokers: nowhere.address(), ..Kafka::default() };
    let writer = open(&kafka, quick(60_000));
    writer.write(None, b"0").unwrap();
    let began = monotonic();
    let error = writer.flush(&|| began.elapsed() > Duration::from_millis(200)).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(4));
    assert!(
        matches!(&error, WriteError::Undelivered { missing: 1, reason, .. } if reason.contains("given up")),
        "{error}"
    );
}

#[test]
fn a_record_beyond_the_limit_is_refused_and_stops_nothing() {
    let cluster = Cluster::new(1);
    let writer = open(&cluster.kafka(), quick(10_000));
    let error = writer.write(None, &[b'x'; 1_100_000]).unwrap_err();
    assert!(matches!(error, WriteError::Refused { bytes: 1_100_000, .. }) && error.to_string().contains("too large"));
    writer.write(None, b"small").unwrap();
    assert_eq!(writer.flush(&|| false), Ok(Counts { taken: 1, delivered: 1, failed: 0 }));
}

#[test]
fn options_that_make_no_sense_are_named() {
    let refused = |name: &str, value: &str| {
        let options = [(name.to_owned(), value.to_owned())].into();
        let kafka = Kafka { options, ..Kafka::default() };
        Writer::open(&kafka, "events", quick(1_000), Told::default().tell()).err().unwrap().to_string()
    };
    assert!(refused("linger.ns", "1").contains("no Kafka option linger.ns"));
    assert!(refused("linger.ms", "soon").contains("linger.ms to \"soon\""));
    let both = refused("acks", "1");
    assert!(both.contains("acks") && both.contains("idempotence"), "{both}");
}
