//! placeholder
use std::num::NonZero;
use std::time::Instant;
use prometheus::IntCounter;
/// x
pub struct Recurring;
impl Recurring {
    /// x
    pub fn new(_l: NonZero<u32>, _c: IntCounter) -> Self { Recurring }
    /// x
    pub fn tell(&mut self, _now: Instant, line: impl FnOnce(u64)) { line(0) }
}
/// x
pub fn start(_l: &crate::config::Log) -> Result<(), String> { tracing_subscriber::fmt().with_writer(std::io::stderr).init(); Ok(()) }
