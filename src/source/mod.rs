//! Where events come from.
//!
//! [`files`] reads records from files and standard input; [`workers`] brings them to the engine's shards. What an event
//! means is not known here, and nothing here is asked what time it is.

pub mod files;
#[cfg(test)]
mod tests;
pub mod workers;
