//! Holdline: live service levels of customer support, from events.
//!
//! A pure centre decides, thin adapters do I/O. In the order in which a number comes about:
//!
//! 1. [`source`] reads records, from Kafka or from files, and feeds them to shards.
//! 2. [`event`] says what a record says: types, and decoding from JSON.
//! 3. [`engine`] says what it means: facts are folded into visits, visits book cells and durations into slots, and a
//!    view at an instant sums them.
//! 4. [`service`] looks at all shards some times a second, and decides whether what they say may be shown.
//! 5. [`publish`] writes tallies down: as metrics and pages, or as a report.
//!
//! And somebody who trusts none of it: [`model`] is the same rules once more, as naively as can be, and [`verify`] holds what
//! a running service tells against it.
//!
//! What load is usual, and whether today's is, is told by [`surge`], pure as the engine; how many agents a load needs, by
//! [`staffing`].
//!
//! So that a number survives whoever computes it, [`checkpoint`] keeps what a shard is made of.
//!
//! Beside them, [`config`] turns a file into [`engine::settings`] and what else the program is told, [`kafka`] is what
//! readers and writers of Kafka share, [`simulate`] makes up a support centre, [`meters`] and [`log`] are what the program
//! says of itself, and [`cli`] ties everything to the command line, one file a command.
//!
//! What holds everywhere, with a test for each:
//!
//! - Tallies are a function of the set of facts and the settings, not of the order or repetition of events, as long as
//!   these are no later than `lateness` and no limit is reached (`tests/properties`, `tests/simulation`).
//! - What is shown is a pure function of state and instant; reading changes nothing (`tests/properties`).
//! - An event inserts one fact, and the difference between the folds before and after is booked; there is no other way
//!   to change a tally (`tests/simulation`).
//! - Tallies add up: slot + slot, lane + lane, shard + shard (`tests/properties`).
//! - A service level comes from exact comparisons, never from a histogram (`tests/scenarios`, `tests/real_data`).
//! - Nothing decided is no value (`tests/scenarios`).
//! - Nothing is shown of lanes while a partition is behind, nor for an instant that was not read through
//!   ([`service::pulse`], `tests/broker`).
//! - Counters and cumulative histograms never go down, and exceed the windows by what corrections say (`tests/properties`).
//! - A bucket up to a target holds exactly what is within the target (`tests/cumulative`).
//! - Who comes back is the same computed at once and change by change, however contacts are spread (`tests/repeats`).
//! - A shard that is encoded, decoded and continued has the same bytes as one that never stopped (`tests/restart`).
//! - Whoever ends in whatever way reads on from what is durable, and every number is what it would have been; what is committed
//!   is durable ([`checkpoint`], `tests/broker`).
//! - State is bounded, and what is beyond a limit is counted (`tests/hostile`).
//! - A bad record is counted by its reason, told with its place, and stops nothing (`event::decode`, `source`).
//!
//! Only [`clock`] reads a clock, and only [`cli`] writes to a terminal.

pub mod checkpoint;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod event;
pub mod kafka;
pub mod log;
pub mod meters;
pub mod model;
pub mod publish;
pub mod service;
pub mod simulate;
pub mod source;
pub mod staffing;
pub mod surge;
pub mod verify;
