//! What is told to people and machines, from what the engine's board says.
//!
//! [`report`] is what a replay has to tell, over intervals and as a whole; [`json`] and [`table`] write it down.
//! [`edges`] cuts local days into intervals. What the running service has to tell is a [`snapshot`]: [`metrics`] writes it
//! down for Prometheus, or [why not](withheld), [`state`] for whoever wants to recompute it, and [`http`] serves both. Nothing here changes a shard, and only [`http`]
//! looks at a clock.

pub mod api;
pub mod edges;
pub mod forecast;
pub mod formats;
pub mod http;
pub mod json;
pub mod live;
pub mod metrics;
pub mod plot;
pub mod report;
pub mod seed;
pub mod snapshot;
pub mod staffing;
pub mod state;
pub mod table;
#[cfg(test)]
mod tests;
pub mod withheld;
