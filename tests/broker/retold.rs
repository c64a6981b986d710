//! What a topic holds, read back and told to the naive model: one model for each partition, as the service has one
//! shard for each.
//!
//! Records are read as JSON and their times by `jiff`, so that nothing of the program's own decoding is trusted.

use std::rc::Rc;
use std::time::Duration;

use holdline::clock;
use holdline::engine::settings::Settings;
use jiff::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::program::PATIENCE;
use holdline::model::event::{Fact, Record, What};
use holdline::model::log::Model;

/// The payloads of a topic, by partition and in the order of each.
pub fn read_back(cluster: &Cluster, topic: &str, partitions: i32) -> Vec<Vec<Value>> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .set("group.id", format!("{topic}-read-back"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("the options are right");
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition is named once");
    }
    consumer.assign(&list).expect("it can be read");
    let (mut read, mut ended, begin) = (vec![Vec::new(); list.count()], 0, clock::monotonic());
    while ended < partitions {
        assert!(begin.elapsed() < PATIENCE, "{topic} cannot be read back");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let payload = message.payload().expect("every record tells something");
                let partition = usize::try_from(message.partition()).expect("they are counted from zero");
                read[partition].push(serde_json::from_slice(payload).expect("every record is JSON"));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
            Some(Err(error)) => panic!("reading {topic} back: {error}"),
            None => {}
        }
    }
    read
}

/// The models of some partitions.
pub fn models(partitions: &[Vec<Value>], settings: &Settings) -> Vec<Model> {
    let settings = Rc::new(settings.clone());
    let model = |events: &Vec<Value>| {
        let mut model = Model::new(Rc::clone(&settings));
        events.iter().for_each(|event| {
            model.apply(&record(event));
        });
        model
    };
    partitions.iter().map(model).collect()
}

/// When an event happened, in milliseconds since 1970.
pub fn time_of(event: &Value) -> u64 {
    let time = &event["time"];
    time.as_u64().unwrap_or_else(|| {
        let text = time.as_str().unwrap_or_else(|| panic!("no time: {event}"));
        let instant: Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        u64::try_from(instant.as_millisecond()).expect("after 1970")
    })
}

/// An event as the model has it: of those types that telephones have.
fn record(event: &Value) -> Record {
    let text = |key: &str| event[key].as_str().map(str::to_owned);
    let what = match event["type"].as_str() {
        Some("offered") => What::Offered {
            queue: text("queue").expect("an offer names its queue"),
            channel: text("channel").unwrap_or_else(|| "voice".to_owned()),
            tier: text("tier").unwrap_or_else(|| "standard".to_owned()),
        },
        Some("answered") => What::Answered,
        Some("abandoned") => What::Abandoned,
        // No event of these tests tells the parts of a handle time.
        Some("completed") => What::Completed(None),
        other => panic!("{other:?} is not expected here: {event}"),
    };
    let queue = if matches!(what, What::Offered { .. }) { None } else { text("queue") };
    let id = text("contact_id").expect("an event is about a contact");
    Record::Contact { id, fact: Fact { time: time_of(event), what, queue }, noise: None }
}
