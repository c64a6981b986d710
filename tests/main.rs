//! Everything that is tested from outside, in one program.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that fails says so by panicking")]

mod model;
mod real_data;
mod scenario;
mod simulation;
