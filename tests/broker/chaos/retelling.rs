//! What a topic holds, read back as it grows and told to the naive model of each partition; and what counters say of it from
//! any offset on.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use holdline::clock;
use holdline::engine::settings::Settings;
use holdline::engine::tally::{Cell, Measure, Quantity};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::program::PATIENCE;
use holdline::model::counters::Counter;
use holdline::model::cumulative::Histogram;
use holdline::model::event::{Fact, Record, What};
use holdline::model::log::Model;
use holdline::model::stay::Lane;

/// What counters say.
#[derive(Clone, Default)]
pub struct Counts {
    /// By lane.
    pub cells: BTreeMap<(Lane, Cell), u64>,
    /// Of that, taken back later.
    pub taken_back: BTreeMap<Cell, u64>,
    /// Durations, by lane and what is told.
    pub histograms: BTreeMap<(Lane, (Measure, Quantity)), Histogram>,
    /// Of those, how many were taken back, and by how much sums are too great.
    pub durations_taken_back: BTreeMap<(Measure, Quantity), (u64, u64)>,
}

impl Counts {
    /// Adds all of `other`.
    pub fn add(&mut self, other: &Counts) {
        for (key, count) in &other.cells {
            *self.cells.entry(key.clone()).or_default() += count;
        }
        for (cell, count) in &other.taken_back {
            *self.taken_back.entry(*cell).or_default() += count;
        }
        for (key, histogram) in &other.histograms {
            let mine = self.histograms.entry(key.clone()).or_default();
            histogram.buckets.iter().for_each(|(edge, count)| *mine.buckets.entry(*edge).or_default() += count);
            mine.sum_ms += histogram.sum_ms;
        }
        for (told, (count, sum_ms)) in &other.durations_taken_back {
            let mine = self.durations_taken_back.entry(*told).or_default();
            *mine = (mine.0 + count, mine.1 + sum_ms);
        }
    }

    /// What was counted since `earlier`, of the same partition.
    fn since(&self, earlier: &Counts) -> Counts {
        let mut since = self.clone();
        for (key, count) in &earlier.cells {
            *since.cells.get_mut(key).expect("counters never go down") -= count;
        }
        for (cell, count) in &earlier.taken_back {
            *since.taken_back.get_mut(cell).expect("counters never go down") -= count;
        }
        for (key, histogram) in &earlier.histograms {
            let mine = since.histograms.get_mut(key).expect("counters never go down");
            for (edge, count) in &histogram.buckets {
                *mine.buckets.get_mut(edge).expect("counters never go down") -= count;
            }
            mine.sum_ms -= histogram.sum_ms;
        }
        for (told, (count, sum_ms)) in &earlier.durations_taken_back {
            let mine = since.durations_taken_back.get_mut(told).expect("counters never go down");
            *mine = (mine.0 - count, mine.1 - sum_ms);
        }
        since
    }
}

/// A topic as far as it was read back.
pub struct Retelling {
    consumer: BaseConsumer,
    topic: String,
    settings: Rc<Settings>,
    /// One for each partition.
    models: Vec<Model>,
    /// All records, of each partition in order: each stands at its offset.
    records: Vec<Vec<Record>>,
}

impl Retelling {
    /// Of a topic that was only made to be read here: it was never cut, and no transaction wrote to it.
    pub fn of(cluster: &Cluster, topic: &str, partitions: i32, settings: &Settings) -> Retelling {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap())
            .set("group.id", format!("{topic}-retelling"))
            .set("enable.auto.commit", "false")
            .create()
            .expect("the options are right");
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition is named once");
        }
        consumer.assign(&list).expect("it can be read");
        let settings = Rc::new(settings.clone());
        let each = || 0..partitions;
        Retelling {
            consumer,
            topic: topic.to_owned(),
            models: each().map(|_| counting(&settings)).collect(),
            records: each().map(|_| Vec::new()).collect(),
            settings,
        }
    }

    /// Reads all there is. Nobody writes meanwhile.
    pub fn catch_up(&mut self) {
        let begin = clock::monotonic();
        for partition in 0..self.records.len() {
            let end = loop {
                let asked = Duration::from_secs(5);
                match self.consumer.fetch_watermarks(&self.topic, partition as i32, asked) {
                    Ok((_, end)) => break end as usize,
                    // A broker is away.
                    Err(error) => assert!(begin.elapsed() < PATIENCE, "{error}"),
                }
            };
            while self.records[partition].len() < end {
                assert!(begin.elapsed() < PATIENCE, "{} cannot be read back", self.topic);
                // Of any partition; errors are those of brokers that are away.
                if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                    let payload = message.payload().expect("every record tells something");
                    let event: Value = serde_json::from_slice(payload).expect("every record is JSON");
                    self.tell(message.partition() as usize, message.offset(), record(&event));
                }
            }
        }
    }

    fn tell(&mut self, partition: usize, offset: i64, record: Record) {
        assert_eq!(self.records[partition].len() as i64, offset, "every offset of partition {partition} has a record");
        self.models[partition].apply(&record);
        self.records[partition].push(record);
    }

    /// The models of all partitions.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// How many records there are.
    pub fn events(&self) -> usize {
        self.records.iter().map(Vec::len).sum()
    }

    /// How many visits were offered, as far as nothing is taken back.
    pub fn offered(&self) -> usize {
        let stays = self.models.iter().flat_map(Model::stays).filter(|(_, stay)| stay.measure == Measure::Wait);
        stays.map(|(_, stay)| stay.bookings.iter().filter(|(cell, _)| *cell == Cell::Offered).count()).sum()
    }

    /// What counters say of everything.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.models.iter().for_each(|model| all.add(&counts(model)));
        all
    }

    /// What counters say of a partition from this offset to its end.
    pub fn counts_from(&self, partition: i32, offset: i64) -> Counts {
        let mut model = counting(&self.settings);
        let (partition, offset) = (partition as usize, offset as usize);
        self.records[partition][..offset].iter().for_each(|record| _ = model.apply(record));
        counts(&self.models[partition]).since(&counts(&model))
    }
}

/// One that counts from its first record on.
fn counting(settings: &Rc<Settings>) -> Model {
    let mut model = Model::new(Rc::clone(settings));
    model.begin_counting();
    model
}

fn counts(model: &Model) -> Counts {
    let (counted, taken_back) = model.counters().expect("it counts from its first record on");
    // Of those that left, reasons are not told apart.
    let cell = |counter: &Counter| match counter {
        Counter::Cell(cell) => *cell,
        Counter::Left(_) => Cell::Left,
    };
    let mut counts = Counts {
        histograms: model.cumulative.histograms.clone(),
        durations_taken_back: model.cumulative.taken_back.clone(),
        ..Counts::default()
    };
    for ((lane, counter), count) in counted {
        *counts.cells.entry((lane.clone(), cell(counter))).or_default() += count.unsigned_abs();
    }
    for ((_, counter), count) in taken_back {
        *counts.taken_back.entry(cell(counter)).or_default() += count.unsigned_abs();
    }
    counts
}

/// An event as the model has it.
fn record(event: &Value) -> Record {
    let text = |key: &str| event[key].as_str().map(str::to_owned);
    let needed = |key: &str| text(key).unwrap_or_else(|| panic!("no {key}: {event}"));
    let what = match event["type"].as_str() {
        Some("offered") => What::Offered { queue: needed("queue"), channel: needed("channel"), tier: needed("tier") },
        Some("answered") => What::Answered,
        Some("abandoned") => What::Abandoned,
        Some("left") => What::Left(needed("reason")),
        Some("completed") => {
            let parts = ["talk_seconds", "hold_seconds", "wrap_seconds"].map(|key| event[key].as_f64());
            let ms = |seconds: f64| (seconds * 1_000.0).round() as u64;
            let told = parts.iter().any(Option::is_some);
            What::Completed(told.then(|| parts.map(|part| part.map_or(0, ms))))
        }
        Some("customer_message") => What::CustomerMessage,
        Some("agent_reply") => What::AgentReply,
        Some("resolved") => What::Resolved,
        Some("reopened") => What::Reopened,
        other => panic!("{other:?} is not expected here: {event}"),
    };
    let time = event["time"].as_u64().unwrap_or_else(|| panic!("no time: {event}"));
    Record::Contact { id: needed("contact_id"), fact: Fact { time, what, queue: None }, noise: None }
}
