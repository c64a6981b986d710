//! What the running service is told besides the engine: where Kafka is, where to listen, what to publish, what to log.
//!
//! Usable values only, as `engine::settings`; how they are written in a file is told in `config/holdline.toml`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;

use super::web::Web;
use crate::engine::board::GroupBy;
use crate::engine::outliers::OutlierSettings;

/// Where events come from.
#[derive(Clone, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to ask first, as `host:port`, separated by commas.
    pub brokers: String,
    /// The topics, each once; none means that the service cannot run.
    pub topics: Vec<String>,
    /// The consumer group.
    pub group: String,
    /// A name that stays the same over restarts (static membership): the group waits for its return instead of moving
    /// partitions at once.
    pub instance: Option<String>,
    /// How far back reading begins, in milliseconds; none is the longest time that an unfinished contact is held.
    pub look_back_ms: Option<u64>,
    /// Threads that hold partitions; none is one a core.
    pub workers: Option<NonZero<usize>>,
    /// The topic that records go to that are no events; none to count and log them only. Not one of `topics`.
    pub dead_letters: Option<String>,
    /// Further properties of librdkafka, by its names, those read from files included.
    pub options: BTreeMap<String, String>,
}

impl Default for Kafka {
    fn default() -> Self {
        Kafka {
            brokers: "127.0.0.1:9092".to_owned(),
            topics: Vec::new(),
            group: "holdline".to_owned(),
            instance: None,
            look_back_ms: None,
            workers: None,
            dead_letters: None,
            options: BTreeMap::new(),
        }
    }
}

/// Options can hold passwords: only their names are shown.
impl std::fmt::Debug for Kafka {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("topics", &self.topics)
            .field("group", &self.group)
            .field("instance", &self.instance)
            .field("look_back_ms", &self.look_back_ms)
            .field("workers", &self.workers)
            .field("dead_letters", &self.dead_letters)
            .field("options", &self.options.keys())
            .finish()
    }
}

/// Where what was read is made durable, so that it need not be read again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Where checkpoints are kept; none if none are written.
    pub store: Option<CheckpointStore>,
    /// How often each partition is written, in milliseconds.
    pub every_ms: u64,
}

impl Default for Checkpoint {
    /// None are written.
    fn default() -> Self {
        Checkpoint { store: None, every_ms: 30_000 }
    }
}

/// Where checkpoints are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckpointStore {
    /// In files below this folder.
    Folder(PathBuf),
    /// In this topic, which is compacted.
    Topic(String),
}

/// Where pages and metrics are served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How they are protected.
    pub web: Web,
}

impl Default for Http {
    fn default() -> Self {
        Http { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9847)), web: Web::default() }
    }
}

/// What is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metrics {
    /// What lanes are told apart by; those that differ in nothing else are added up.
    pub by: GroupBy,
    /// Service levels by which formulas.
    pub formulas: Formulas,
    /// How far the live view is behind what was read through, in milliseconds: so long events may take to arrive.
    pub delay_ms: u64,
    /// Whether buckets of histograms name contacts of the tail, where the format has a place for it.
    pub exemplars: bool,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            by: GroupBy { queue: true, channel: true, tier: true },
            formulas: Formulas::Headline,
            delay_ms: 2_000,
            exemplars: true,
        }
    }
}

/// Who is out of all proportion, and where that is told besides pages and metrics.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outliers {
    /// Where fences are.
    pub fences: OutlierSettings,
    /// The topic that each outlier is told to; none if to none.
    pub topic: Option<String>,
    /// Whether the log names contacts.
    pub log_contact_ids: bool,
}

/// Which service levels are published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Formulas {
    /// The one that the settings of the lane name.
    Headline,
    /// Every one there is.
    All,
}

/// What is logged, to standard error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// Which lines: a level, or directives by module as `tracing` knows them.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
    /// Lines a second of each kind of recurring trouble; more are counted and told as a number.
    pub lines_per_second: NonZero<u32>,
}

impl Default for Log {
    fn default() -> Self {
        let ten = NonZero::new(10).expect("ten is not zero");
        Log { filter: "info".to_owned(), format: LogFormat::Text, lines_per_second: ten }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
