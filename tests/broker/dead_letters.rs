//! Records that are no events on their way to a topic of their own: as they were, all of them, whatever that topic does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::cluster::Cluster;
use crate::program::{PATIENCE, Program, config, until};
use crate::records::{ANSWERED, Records, offered, seconds_ago};
use crate::rejected::bad_records;
use crate::scrape::Scrape;

/// The bound of `kafka::outbox`, and the records that a worker reads at once.
const BOUND: usize = 10_000 + 1_024;

/// The library gives up soon that a topic may be on its way, so that letters come back.
const COME_BACK: &str = "kafka.options.topic.metadata.propagation.max.ms = 1000";

/// All records of a topic, by partition and offset.
pub fn all_of(cluster: &Cluster, topic: &str) -> BTreeMap<(i32, i64), OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .set("group.id", "nobody")
        .create()
        .expect("the options are right");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("the broker answers");
    let mut list = TopicPartitionList::new();
    let mut missing = BTreeMap::new();
    for partition in metadata.topics()[0].partitions() {
        let (first, end) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE).expect("the broker answers");
        list.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("it is an offset");
        missing.insert(partition.id(), end - first);
    }
    consumer.assign(&list).expect("it is a list");
    let mut found = BTreeMap::new();
    until("all records of the topic", String::new, || {
        while let Some(record) = consumer.poll(Duration::from_millis(100)) {
            let record = record.expect("it can be read").detach();
            found.insert((record.partition(), record.offset()), record);
        }
        // More may come meanwhile.
        (found.len() as i64 >= missing.values().sum::<i64>()).then_some(())
    });
    found
}

/// A header as it is in a record.
type Told = (String, Option<Vec<u8>>);

fn headers(record: &OwnedMessage) -> Vec<Told> {
    let told = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
    record.headers().map_or(Vec::new(), |headers| headers.iter().map(told).collect())
}

/// What a header says, the last one of its name.
fn told(record: &OwnedMessage, name: &str) -> Option<String> {
    let header = headers(record).into_iter().rfind(|(of, _)| of == name);
    header.map(|(_, value)| String::from_utf8(value.unwrap()).unwrap())
}

/// Letters by the partition and offset of the record that they are of; each is there once.
fn by_origin(letters: BTreeMap<(i32, i64), OwnedMessage>) -> BTreeMap<(i32, i64), OwnedMessage> {
    let count = letters.len();
    let origin = |letter: &OwnedMessage, name| told(letter, name).unwrap().parse::<i64>().unwrap();
    let place = |letter: &OwnedMessage| {
        let partition = i32::try_from(origin(letter, "holdline.partition")).unwrap();
        (partition, origin(letter, "holdline.offset"))
    };
    let letters: BTreeMap<_, _> = letters.into_values().map(|letter| (place(&letter), letter)).collect();
    assert_eq!(letters.len(), count, "a letter is there twice");
    letters
}

fn configured(cluster: &Cluster, topic: &str, letters: &str, more: &[&str]) -> String {
    let letters = format!("kafka.dead_letters = \"{letters}\"");
    let more: Vec<&str> = [letters.as_str()].into_iter().chain(more.iter().copied()).collect();
    config(&cluster.bootstrap(), topic, topic, &more)
}

fn letters(scrape: &Scrape, what: &str) -> usize {
    scrape.value(&format!("holdline_dead_letter{what}"), &[]).unwrap() as usize
}

/// Waits until so many were delivered and none is under way.
fn until_delivered(program: &Program, count: usize) -> Scrape {
    let what = format!("{count} letters are delivered");
    program.until(&what, |scrape| (letters(scrape, "s_total"), letters(scrape, "s_pending")) == (count, 0))
}

#[test]
fn what_is_no_event_arrives_as_it_was() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "dead", 2);
    cluster.create_topic("dead-letters", 3);
    let bad = bad_records();
    let at = seconds_ago(100);
    let own = || {
        let traced = Header { key: "trace", value: Some(&b"\xff\0\x01"[..]) };
        let again = Header { key: "trace", value: Some(&b""[..]) };
        let empty = Header { key: "holdline.reason", value: None::<&[u8]> };
        OwnedHeaders::new().insert(traced).insert(again).insert(empty)
    };
    let keys = [Some(&b"key \0\xfe"[..]), Some(b""), None];
    let send_round = |round: usize| {
        for (number, (_, payload)) in bad.iter().enumerate() {
            let partition = i32::try_from(number % 2).unwrap();
            let contact = format!("good-{round}-{number}");
            records.tell(partition, &contact, at, &offered("billing"));
            for key in keys {
                records.send_with(partition, key, payload.as_deref(), key.map(|_| own()));
            }
            records.tell(partition, &contact, at + 5_000, ANSWERED);
        }
        records.flush();
    };
    send_round(0);
    let mut program = Program::start(&configured(cluster, "dead", "dead-letters", &[]));
    program.until_ready();
    send_round(1);
    let count = 2 * bad.len() * keys.len();
    let scrape = until_delivered(&program, count);
    assert_eq!((letters(&scrape, "s_lost_total"), letters(&scrape, "_errors_total")), (0, 0));
    let good = (2 * 2 * bad.len()) as f64;
    program.until("good ones are counted", |scrape| scrape.value("holdline_events_total", &[]) == Some(good));
    program.stop();

    let mut reasons = BTreeMap::new();
    let (sent, arrived) = (all_of(cluster, "dead"), by_origin(all_of(cluster, "dead-letters")));
    assert_eq!(arrived.len(), count);
    for (origin, letter) in &arrived {
        let record = &sent[origin];
        assert_eq!((letter.key(), letter.payload()), (record.key(), record.payload()), "{origin:?}");
        let own = headers(record);
        assert_eq!(own.len(), if record.key().is_some() { 3 } else { 0 });
        assert_eq!(headers(letter)[..own.len()], own, "{origin:?}");
        let text = |name| told(letter, &format!("holdline.{name}"));
        assert_eq!(text("topic").as_deref(), Some("dead"));
        let time = record.timestamp().to_millis().unwrap().to_string();
        assert_eq!(text("time"), Some(time), "{origin:?}");
        let reason = text("reason").unwrap();
        assert_eq!(text("detail").is_some(), reason != "empty", "{reason}");
        *reasons.entry(reason).or_insert(0) += 1;
    }
    let mut expected = BTreeMap::new();
    bad.iter().for_each(|(reason, _)| *expected.entry((*reason).to_owned()).or_insert(0) += 2 * keys.len());
    assert_eq!(reasons, expected);
}

#[test]
fn a_topic_that_is_not_there_or_made_anew_is_waited_for() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "dead-early", 1);
    let send = |count| {
        (0..count).for_each(|_| records.send(0, Some(b"k"), Some(b"}")));
        records.flush();
    };
    send(10);
    let program = Program::start(&configured(cluster, "dead-early", "dead-later", &[COME_BACK]));
    program.until_logged(&["dead letters are not delivered, 10 wait", "no topic \"dead-later\"", "create it"]);
    // Nothing is wrong with what is shown.
    program.until_ready();
    let scrape = program.until("it is counted", |scrape| letters(scrape, "_errors_total") > 0);
    assert_eq!((letters(&scrape, "s_total"), letters(&scrape, "s_pending")), (0, 10));
    cluster.create_topic("dead-later", 2);
    until_delivered(&program, 10);
    program.until_logged(&["dead letters are delivered again"]);
    assert_eq!(by_origin(all_of(cluster, "dead-later")).len(), 10);

    cluster.delete_topic("dead-later");
    send(5);
    program.until("they wait", |scrape| letters(scrape, "s_pending") == 5);
    program.until("they wait in vain", |scrape| letters(scrape, "_errors_total") > 2);
    cluster.create_topic("dead-later", 1);
    until_delivered(&program, 15);
    let arrived = by_origin(all_of(cluster, "dead-later"));
    assert_eq!(arrived.into_keys().collect::<Vec<_>>(), (10..15).map(|offset| (0, offset)).collect::<Vec<_>>());
}

#[test]
fn more_than_there_is_room_for_holds_up_reading_and_is_not_lost() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "dead-flood", 2);
    let (count, at) = (30_000_usize, seconds_ago(60));
    for number in 0..count {
        records.send(i32::try_from(number % 2).unwrap(), Some(b"k"), Some(format!("bad {number}").as_bytes()));
    }
    for partition in 0..2 {
        records.tell(partition, &format!("last-{partition}"), at, &offered("billing"));
    }
    records.flush();
    let config = configured(cluster, "dead-flood", "dead-flooded", &["kafka.workers = 1", COME_BACK]);
    let mut program = Program::start(&config);
    let is_full = |scrape: &Scrape| letters(scrape, "s_pending") >= 10_000;
    program.until("it is full", is_full);
    program.until_withheld(&["not caught up: dead-flood 0", "dead letters are not delivered", "\"dead-flooded\""]);
    let scrape = program.until("they come back", |scrape| letters(scrape, "_errors_total") >= 10_000);
    let (pending, rejected) = (letters(&scrape, "s_pending"), scrape.sum("holdline_events_rejected_total", &[]));
    assert!(is_full(&scrape) && pending <= BOUND && rejected == pending as f64, "{pending} of {rejected}");
    assert_eq!(scrape.sum("holdline_events_total", &[]), 0.0, "the last record was read");
    // It obeys nevertheless.
    assert_eq!(program.page("/healthz"), (200, "ok\n".to_owned()));
    program.stop();
    assert!(program.log().contains("dead letters are not confirmed"), "{}", program.log());

    let program = Program::start(&config);
    program.until("it is full again", is_full);
    cluster.create_topic("dead-flooded", 2);
    let scrape = program.until_ready();
    assert_eq!(scrape.value("holdline_contacts_waiting", &[]), Some(2.0));
    assert_eq!(scrape.sum("holdline_events_rejected_total", &[]), count as f64);
    until_delivered(&program, count);
    let arrived = by_origin(all_of(cluster, "dead-flooded"));
    assert_eq!(arrived.len(), count);
    let payloads: BTreeSet<_> = arrived.values().map(|letter| letter.payload().unwrap().to_vec()).collect();
    assert_eq!(payloads, (0..count).map(|number| format!("bad {number}").into_bytes()).collect());
}

#[test]
fn a_record_that_is_too_large_for_the_topic_holds_up_nobody() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "dead-large", 1);
    cluster.create_topic_with("dead-small", 1, &[("max.message.bytes", "20000")]);
    // Nothing that can be packed, so that a batch of some is larger than the topic takes, too.
    let mut noise = 1_u64;
    let mut bad = |length: usize| {
        let byte = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 33) as u8
        };
        std::iter::repeat_with(byte).take(length).collect::<Vec<u8>>()
    };
    for number in 0..100 {
        records.send(0, Some(b"k"), Some(&bad(if number == 40 { 30_000 } else { 1_000 })));
    }
    records.flush();
    let program = Program::start(&configured(cluster, "dead-large", "dead-small", &[]));
    let scrape = until_delivered(&program, 99);
    assert_eq!(letters(&scrape, "s_lost_total"), 1);
    program.until_logged(&["dead letters is lost: too large", "topic=\"dead-large\"", "partition=0", "offset=40"]);
    let arrived = by_origin(all_of(cluster, "dead-small"));
    assert_eq!(
        arrived.into_keys().map(|(_, offset)| offset).collect::<Vec<_>>(),
        Vec::from_iter((0..40).chain(41..100))
    );
    program.until_ready();
}
