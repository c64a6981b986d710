//! Where events come from.
//!
//! [`files`] reads records from files and standard input, and [`workers`] brings them to the engine's shards; [`kafka`]
//! reads records from Kafka and does both. What an event means is not known here.

pub mod files;
pub mod kafka;
#[cfg(test)]
mod tests;
pub mod workers;
