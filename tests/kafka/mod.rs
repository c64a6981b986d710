//! What is written to Kafka, against a cluster of the library's own that lives in this process: it needs no network, and
//! keeps a few megabytes a partition.

use std::net::SocketAddr;
use std::time::Duration;

use holdline::clock::monotonic;
use holdline::config::Kafka;
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use socket2::{Domain, Socket, Type};

mod demo;
mod outbox;
mod send;
mod writer;

/// A cluster of one broker with one topic.
struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    topic: &'static str,
    partitions: i32,
}

/// A record as a reader gets it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Read {
    partition: i32,
    offset: i64,
    key: Option<String>,
    payload: String,
    timestamp_ms: i64,
}

impl Cluster {
    fn new(partitions: i32) -> Cluster {
        let (mock, topic) = (MockCluster::new(1).unwrap(), "events");
        mock.create_topic(topic, partitions, 1).unwrap();
        Cluster { mock, topic, partitions }
    }

    fn brokers(&self) -> String {
        self.mock.bootstrap_servers()
    }

    fn kafka(&self) -> Kafka {
        Kafka { brokers: self.brokers(), ..Kafka::default() }
    }

    /// All records there are, by partition and offset.
    fn read(&self) -> Vec<Read> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.brokers())
            .set("group.id", "test")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..self.partitions {
            all.add_partition_offset(self.topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut read, mut ended, started) = (Vec::new(), 0, monotonic());
        while ended < self.partitions {
            assert!(started.elapsed() < Duration::from_secs(20), "the records cannot be read back");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => read.push(Read {
                    partition: message.partition(),
                    offset: message.offset(),
                    key: message.key().map(|key| String::from_utf8(key.to_vec()).unwrap()),
                    payload: String::from_utf8(message.payload().unwrap_or_default().to_vec()).unwrap(),
                    timestamp_ms: message.timestamp().to_millis().unwrap(),
                }),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        read.sort();
        read
    }
}

/// An address at which nobody listens, and nobody will: its port is taken for as long as this is held.
struct Nowhere(Socket);

impl Nowhere {
    fn new() -> Nowhere {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        Nowhere(socket)
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().as_socket().unwrap().to_string()
    }
}
