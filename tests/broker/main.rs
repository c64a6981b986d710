//! The service as a process against a real Kafka, from its configuration to what Prometheus reads.
//!
//! `cargo test --test broker` runs it; plain `cargo test` leaves it out, since it takes a JDK, Maven (once) and
//! Prometheus, and minutes. Tests share a cluster, with topics and groups of their own, unless they stop it. They wait
//! for what they want to see, for up to a minute, and never expect anything to be quick.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test that fails says so by panicking; numbers are counts"
)]

#[path = "../bank.rs"]
mod bank;
mod chain;
mod chaos;
mod checkpoints;
mod cluster;
mod consume;
mod dead_letters;
mod frozen;
mod january;
mod judge;
mod lifecycle;
mod monitoring;
mod observer;
mod outage;
mod outliers;
mod partitions;
mod program;
mod prometheus;
mod rebalance;
mod records;
mod rejected;
mod retold;
mod samples;
mod scrape;
mod security;
mod silence;
mod surges;
mod takeover;
mod topics;
mod verify;
