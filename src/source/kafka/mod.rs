//! Kafka as a source: a consumer group's partitions, each a shard on a worker thread.
//!
//! In the order of a record's way: [`consumer`] starts the threads and keeps the group alive; [`rebalance`] hands
//! partitions to a [`worker`], from where [`recovery`] says, which reads its [`queue`] in batches and has each partition's
//! [`slot`] decode and apply them; what is no event becomes one of the dead [`letters`]. What all threads know of a
//! partition is [`held`]. The [`prober`] asks the [`brokers`] where partitions end, from which [`progress`] knows whether
//! what a partition says can be trusted, and which partitions go [`unread`]. The [`keeper`] has the [`scribe`] write
//! checkpoints, and the [`ledger`] says whether counters go on after a restart. [`hub`] is what these threads share. What
//! shards say is put together elsewhere (see [`service`](crate::service)).

mod assignment;
pub mod brokers;
pub mod consumer;
pub mod held;
pub mod hub;
pub mod keeper;
pub mod ledger;
pub mod letters;
pub mod outliers;
pub mod prober;
pub mod progress;
pub mod queue;
pub mod rebalance;
pub mod recovery;
pub mod scribe;
pub mod slot;
pub mod unread;
pub mod worker;
