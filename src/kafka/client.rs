//! What every Kafka client shares: its properties, and where the library's own log lines go.
//!
//! What only a reader or a writer needs is set there. No connection is made here.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::clock;
use crate::config::Kafka;

/// The name that brokers log for us, unless the options say another.
const CLIENT_ID: &str = "holdline";

/// Both names of the property that says which brokers to ask.
const BROKERS: [&str; 2] = ["bootstrap.servers", "metadata.broker.list"];

/// The properties of any client of these brokers: the options of the configuration over ours. The brokers are those of
/// the configuration's own key, whatever an option says.
pub fn properties(kafka: &Kafka) -> ClientConfig {
    let mut properties = ClientConfig::new();
    // A connection that a firewall has dropped without a word is noticed.
    properties.set("client.id", CLIENT_ID).set("socket.keepalive.enable", "true");
    for (name, value) in kafka.options.iter().filter(|(name, _)| !BROKERS.contains(&name.as_str())) {
        properties.set(name, value);
    }
    properties.set(BROKERS[0], &kafka.brokers).set_log_level(RDKafkaLogLevel::Info);
    properties
}

/// Sets a property unless it was set under any of its names: the options of the configuration win.
pub fn set_default(properties: &mut ClientConfig, names: &[&str], value: impl Into<String>) {
    if let [name, ..] = names
        && names.iter().all(|name| properties.get(name).is_none())
    {
        properties.set(*name, value);
    }
}

/// For a client that is only asked: what goes wrong is told by its answers, and for whoever looks closer in the log.
pub struct Quiet {
    /// What it is there for.
    pub doing: &'static str,
}

impl ClientContext for Quiet {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "{}", self.doing);
    }
}

impl ConsumerContext for Quiet {}

/// The library's own log lines, handed on to `tracing` with at most so many a second; how many more there were is told
/// with the first line of a later second.
#[derive(Debug)]
pub struct LibraryLog {
    lines_per_second: NonZero<u32>,
    second: Mutex<Second>,
}

/// One second of log lines.
#[derive(Clone, Copy, Debug)]
struct Second {
    began: Instant,
    lines: u32,
    left_out: u64,
}

impl LibraryLog {
    /// None written yet.
    pub fn new(lines_per_second: NonZero<u32>) -> LibraryLog {
        let second = Mutex::new(Second { began: clock::monotonic(), lines: 0, left_out: 0 });
        LibraryLog { lines_per_second, second }
    }

    /// Hands one line on, unless there were too many this second.
    pub fn write(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // A shared list of options names properties of readers and of writers; each client complains about the others'.
        let is_of_another_kind = facility == "CONFWARN" && message.contains("will be ignored by this");
        if is_of_another_kind {
            tracing::debug!(target: "librdkafka", facility, "{message}");
            return;
        }
        let Some(left_out) = self.admit(clock::monotonic()) else { return };
        if left_out > 0 {
            tracing::warn!(target: "librdkafka", left_out, "too many log lines of the Kafka library");
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning => {
                tracing::warn!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    /// Whether a line may be written at this instant, and how many were left out before it.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = 0;
        if now.saturating_duration_since(second.began) >= Duration::from_secs(1) {
            left_out = second.left_out;
            *second = Second { began: now, lines: 0, left_out: 0 };
        }
        if second.lines == self.lines_per_second.get() {
            second.left_out += 1;
            return None;
        }
        second.lines += 1;
        Some(left_out)
    }
}

impl Default for LibraryLog {
    /// As many lines as the configuration allows by default.
    fn default() -> LibraryLog {
        LibraryLog::new(crate::config::Log::default().lines_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka(options: &[(&str, &str)]) -> Kafka {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Kafka { brokers: "one:9092,two:9092".to_owned(), options, ..Kafka::default() }
    }

    #[test]
    fn options_lie_over_ours_but_not_over_the_brokers() {
        let plain = properties(&kafka(&[]));
        assert_eq!(plain.get("client.id"), Some("holdline"));
        assert_eq!(plain.get("bootstrap.servers"), Some("one:9092,two:9092"));
        let options =
            [("client.id", "mine"), ("bootstrap.servers", "x"), ("metadata.broker.list", "x"), ("linger.ms", "7")];
        let mut properties = properties(&kafka(&options));
        assert_eq!(properties.get("client.id"), Some("mine"));
        assert_eq!(properties.get("bootstrap.servers"), Some("one:9092,two:9092"));
        assert_eq!(properties.get("metadata.broker.list"), None);

        set_default(&mut properties, &["queue.buffering.max.ms", "linger.ms"], "1");
        set_default(&mut properties, &["acks"], "all");
        assert_eq!(properties.get("queue.buffering.max.ms"), None, "set under its other name");
        assert_eq!(properties.get("acks"), Some("all"));
    }

    #[test]
    fn log_lines_are_bounded_by_the_second() {
        let log = LibraryLog::new(NonZero::new(2).unwrap());
        let start = log.second.lock().unwrap().began;
        let admitted = |ms| log.admit(start + Duration::from_millis(ms));
        assert_eq!([0, 1, 2, 999].map(admitted), [Some(0), Some(0), None, None]);
        assert_eq!([1_000, 1_001, 1_002].map(admitted), [Some(2), Some(0), None]);
        assert_eq!(admitted(60_000), Some(1));
    }
}
