//! Kafka as a source: a consumer group's partitions, each a shard on a worker thread.
//!
//! In the order of a record's way: [`consumer`] starts the threads and keeps the group alive; [`rebalance`] says where
//! reading a partition begins, and hands it to a [`worker`], which reads its [`queue`] in batches, decodes and applies;
//! [`prober`] asks the [`brokers`] where partitions end, from which [`progress`] knows whether what a partition says can be
//! trusted. [`hub`] is what these threads share. What shards say is put together elsewhere (see
//! [`service`](crate::service)).

pub mod brokers;
pub mod consumer;
pub mod hub;
pub mod prober;
pub mod progress;
pub mod queue;
pub mod rebalance;
pub mod worker;
