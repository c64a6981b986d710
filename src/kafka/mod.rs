//! Kafka: what all its clients share, and writing records into a topic.
//!
//! Thin adapters around rdkafka: what a record says is for others. Read `client` first, then `trouble` for what its
//! errors mean to whoever is on call, then `writer`, which writes what a command was asked to write, and [`outbox`],
//! which delivers what the running service has to say, with its `courier`, the `receipts` of what was sent and what is
//! [`undelivered`] yet.

pub mod client;
mod courier;
mod deliveries;
pub mod forgotten;
pub mod outbox;
mod receipts;
pub mod topic_id;
pub mod trouble;
pub mod undelivered;
pub mod writer;
