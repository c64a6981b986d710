//! Holdline.

pub mod cli;
pub mod config;
pub mod engine;
pub mod event;
pub mod publish;
pub mod simulate;
pub mod source;
