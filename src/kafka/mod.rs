//! Kafka: what all its clients share, and writing records into a topic.
//!
//! Thin adapters around rdkafka: what a record says is for others. Read `client` first, then `trouble` for what its
//! errors mean to whoever is on call, then `writer`.

pub mod client;
mod deliveries;
pub mod topic_id;
pub mod trouble;
pub mod writer;
