//! Everything that is tested from outside, in one program.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails says so by panicking")]

mod agents;
mod backtest;
mod bank;
mod calendar;
mod counters;
mod cumulative;
mod direction;
mod hostile;
mod kafka;
mod pages;
mod properties;
mod real_data;
mod repeats;
mod restart;
mod scenario;
mod simulation;
