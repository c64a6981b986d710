//! Whether `deploy/` is whole, and whether the programs it is made for agree: rules, alerts, runbooks, dashboards, sample
//! configurations.
//!
//! `cargo test --test deployment` runs it; plain `cargo test` leaves it out, since it takes promtool and amtool. What
//! further checkers have to say of containers, Kubernetes and systemd is asked by `checkers`, beside this file.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod complete;
mod dashboards;
mod expressions;
mod files;
mod programs;
mod rules;
mod web;
