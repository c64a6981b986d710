//! What is told to people and machines, from what the engine's board says.
//!
//! [`report`] is what a replay has to tell, over intervals and as a whole; [`json`] and [`table`] write it down.
//! [`edges`] cuts local days into intervals. Nothing here changes a shard or reads a clock.

pub mod edges;
pub mod json;
pub mod report;
pub mod snapshot;
pub mod table;
#[cfg(test)]
mod tests;
