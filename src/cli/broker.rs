//! What commands share that send records to Kafka: their arguments, the connection, the end in good order.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::pace::Pacer;
use crate::cli::stop::Stop;
use crate::cli::{BadUsage, configuration};
use crate::clock;
use crate::config::{Config, duration};
use crate::event::EventTime;
use crate::kafka::writer::{Tell, WriteError, Writer, WriterSettings};

/// Where to send to, and how.
#[derive(Args, Clone, Debug)]
pub struct BrokerArguments {
    /// Brokers to ask first, as host:port, separated by commas [default: those of --config]
    #[arg(long, value_name = "BROKERS")]
    pub brokers: Option<String>,
    /// The topic to send to
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// A property of librdkafka for the connection, over those of --config, which is the place for passwords; can be
    /// given several times
    #[arg(long = "option", value_name = "NAME=VALUE", value_parser = option)]
    pub options: Vec<(String, String)>,
    /// The configuration whose section `kafka` says how to connect
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long an outage may last before sending fails
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = give_up_after)]
    pub give_up_after: u64,
}

fn option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value, as in security.protocol=ssl".to_owned()),
    }
}

fn give_up_after(text: &str) -> Result<u64, String> {
    // As long as the library takes the number to be.
    const LONGEST_MS: u64 = 24 * 86_400_000;
    let is_usable = |duration: &u64| (1_000..=LONGEST_MS).contains(duration);
    duration::parse(text).and_then(|duration| Some(duration).filter(is_usable).ok_or("1s to 24d".to_owned()))
}

/// How long the topic is looked for at most: who mistyped an address should not wait as long as an outage may last.
const LONGEST_LOOK: Duration = Duration::from_secs(30);

impl BrokerArguments {
    /// Whether any of them asks for Kafka.
    pub fn ask_for_kafka(&self) -> bool {
        self.brokers.is_some() || self.topic.is_some() || self.config.is_some() || !self.options.is_empty()
    }

    /// The configuration, with brokers and options as the arguments want them; and the topic.
    ///
    /// # Errors
    ///
    /// It says too little, or the configuration has mistakes.
    pub fn target(&self) -> Result<(Config, String), BadUsage> {
        let Some(topic) = self.topic.clone().filter(|topic| !topic.is_empty()) else {
            return Err(BadUsage("--topic TOPIC is missing: say where to send to".to_owned()));
        };
        if self.brokers.as_deref().is_none_or(str::is_empty) && self.config.is_none() {
            return Err(BadUsage(
                "--brokers HOST:PORT is missing: say where Kafka is, there or in --config".to_owned(),
            ));
        }
        let mut config = configuration(self.config.as_deref())?;
        if let Some(brokers) = &self.brokers {
            config.kafka.brokers.clone_from(brokers);
        }
        config.kafka.options.extend(self.options.iter().cloned());
        Ok((config, topic))
    }

    /// Connects, and finds the topic within half a minute or as long as an outage may last, whichever is shorter.
    ///
    /// # Errors
    ///
    /// Options that make no sense, as [`BadUsage`]; or the topic can't be written to.
    pub fn connect(&self, config: &Config, topic: &str, tell: Tell) -> anyhow::Result<Writer> {
        let ride_out = Duration::from_millis(self.give_up_after);
        let settings = WriterSettings { ride_out, ..WriterSettings::default() };
        let writer = Writer::open(&config.kafka, topic, settings, tell).map_err(|error| BadUsage(error.to_string()))?;
        writer.find_topic(ride_out.min(LONGEST_LOOK))?;
        Ok(writer)
    }
}

/// Records on their way, until somebody asks to stop.
pub struct Sending {
    writer: Writer,
    stop: Arc<Stop>,
    began: Instant,
    bytes: u64,
}

/// What was sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sent {
    /// Records, all confirmed.
    pub records: u64,
    /// Their payloads.
    pub bytes: u64,
    /// From the first record to the last confirmation.
    pub took: Duration,
}

impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { records, bytes, took } = self;
        let seconds = took.as_secs_f64();
        let rate = *records as f64 / seconds.max(1e-3);
        write!(formatter, "sent {records} records, {bytes} bytes in {seconds:.3} s, {rate:.0} records/s")
    }
}

impl Sending {
    /// Begins now.
    pub fn new(writer: Writer, stop: Arc<Stop>) -> Sending {
        Sending { writer, stop, began: clock::monotonic(), bytes: 0 }
    }

    /// Waits until an event of this time is due. False: asked to stop.
    pub fn wait(&self, pacer: &mut Pacer, time: EventTime) -> bool {
        while let Some(wait) = pacer.wait(time) {
            if self.stop.wait(wait) {
                return false;
            }
        }
        !self.stop.is_asked()
    }

    /// Sends a record, waiting while the queue is full. False: asked to stop, and it was not taken.
    ///
    /// # Errors
    ///
    /// As [`Writer::try_write`].
    pub fn put(&mut self, key: Option<&[u8]>, payload: &[u8]) -> Result<bool, WriteError> {
        while !self.writer.try_write(key, payload)? {
            if self.stop.is_asked() {
                return Ok(false);
            }
        }
        self.bytes += payload.len() as u64;
        Ok(true)
    }

    /// Waits for the last confirmation; not if asked to stop twice.
    ///
    /// # Errors
    ///
    /// As [`Writer::flush`].
    pub fn finish(self) -> Result<Sent, WriteError> {
        let counts = self.writer.flush(&|| self.stop.is_urgent())?;
        let took = clock::monotonic().saturating_duration_since(self.began);
        Ok(Sent { records: counts.delivered, bytes: self.bytes, took })
    }
}
