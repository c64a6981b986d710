//! The engine: facts in, tallies out. Pure: no clock, no I/O, no tasks, no locks, no logging, no randomness.
//!
//! Reading order, which is the way of a fact: [`fact`] is what one event says; [`contact`] folds the facts of one
//! contact into visits by the rules of `visit`; [`stay`] turns a visit into bookings, by the [`terms`] of its lane; [`page`]
//! holds bookings by slot and [`mark`]s by duration, [`waitlist`] who waits, one [`lane`] at a time; what is said of contacts
//! beside that goes the way of [`experience`]; [`shard`] ties them together for one partition, with [`store`] for contacts,
//! [`agents`] for agents and [`clock`] for stream time; [`board`] sums shards into [`tally`] and [`histogram`] at an instant
//! it is given. What was ever booked is in [`counters`] and [`cumulative`] histograms, all of it in [`counted`]. [`customers`]
//! is what is remembered of who came before, for [`repeats`] and [`repeat_board`], and [`arrivals`] how many came for more
//! than a year. [`frozen`] is a shard as it was while it
//! goes on, and [`codec`] makes bytes of it and back. [`settings`] is what all of them are told; [`calendar`] says when
//! somebody is there to answer.

pub mod account;
pub mod agents;
pub mod arrivals;
pub mod board;
pub mod breach;
pub mod calendar;
pub mod clock;
pub mod codec;
pub mod contact;
pub mod counted;
pub mod counters;
pub mod cumulative;
pub mod customers;
pub mod experience;
pub mod fact;
pub mod frozen;
pub mod histogram;
pub mod lane;
pub mod mark;
pub mod outliers;
pub mod page;
pub mod repeat_board;
mod repeat_sums;
pub mod repeats;
pub mod settings;
pub mod shard;
pub mod stay;
pub mod store;
mod sums;
pub mod tally;
pub mod terms;
pub mod view;
mod visit;
pub mod waitlist;
