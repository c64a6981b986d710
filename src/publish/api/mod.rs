//! Pages of JSON for people and programs that want more than series: queues with their tails, outliers, distributions and
//! contacts.
//!
//! As in reports: durations are seconds, shares 0 to 1, instants RFC 3339 in UTC, and what is not known is null. What
//! they say is described in `deploy/openapi.json`, which a test holds against the answers.

pub mod histogram;
pub mod load;
pub mod outliers;
pub mod queues;

#[cfg(test)]
mod tests;
