//! One consistent set: all that is told of lanes at one instant, and exactly which records it is made of. Whoever has the
//! log and the settings can recompute it.
//!
//! Written by [`Exposition::state`](super::metrics::Exposition::state), read by [`verify`](crate::verify). How values come
//! about is not known here.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::engine::board::GroupBy;
use crate::engine::settings::{Promises, Settings};
use crate::source::kafka::slot::Extent;

/// Where it is served.
pub const PATH: &str = "/api/v1/state";

/// What is told at one instant.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct State<S = Vec<Series>> {
    /// The instant, in milliseconds since 1970.
    pub now_ms: u64,
    /// Whether the instance holds every partition of its topics: only then it tells levels, quantiles and repeat contacts.
    pub whole: bool,
    /// What lanes are told apart by.
    pub by: By,
    /// Whether levels are told by every formula, not by that of the promise alone.
    pub all_formulas: bool,
    /// The settings but for the promises, by section; without the key of customers.
    pub settings: Value,
    /// Every partition that is held.
    pub partitions: Vec<Partition>,
    /// Whether some of what is counted is of partitions that were given up since.
    pub counted_before: bool,
    /// All that is told of lanes.
    pub series: S,
}

/// What lanes are told apart by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct By {
    /// By queue.
    pub queue: bool,
    /// By channel.
    pub channel: bool,
    /// By tier.
    pub tier: bool,
}

/// Which records of a partition the state is made of.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Partition {
    /// The topic.
    pub topic: String,
    /// The number.
    pub partition: i32,
    /// The offset of the first record; null if there was none.
    pub first: Option<i64>,
    /// The offset after the last one.
    pub next: i64,
    /// The latest event time believed, in milliseconds since 1970; null before the first few records.
    pub stream_time_ms: Option<u64>,
    /// Counters count what the records from this offset on book; null while nothing is counted.
    pub counters_from: Option<i64>,
    /// Facts that a limit kept out, or had tallied elsewhere.
    pub beyond_limits: u64,
    /// The rows of promises in force, oldest first: since when each is, in milliseconds since 1970, and what is promised.
    pub promises: Vec<(u64, Promises)>,
}

/// One series, as `/metrics` has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Series {
    /// The name.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    #[serde(deserialize_with = "exactly")]
    pub value: f64,
}

/// As it was written: `serde_json` reads numbers of many digits fast, and sometimes off by one in the last of them.
fn exactly<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let written = Box::<RawValue>::deserialize(deserializer)?;
    written.get().parse().map_err(D::Error::custom)
}

impl From<GroupBy> for By {
    fn from(GroupBy { queue, channel, tier }: GroupBy) -> By {
        By { queue, channel, tier }
    }
}

impl Partition {
    /// What a snapshot says of a partition.
    pub fn of(topic: &str, partition: i32, extent: &Extent) -> Partition {
        let rows = extent.settings.promises.iter();
        Partition {
            topic: topic.to_owned(),
            partition,
            first: extent.first,
            next: extent.next,
            stream_time_ms: extent.stream_time.map(|time| time.millis()),
            counters_from: extent.counters_from,
            beyond_limits: extent.beyond_limits,
            promises: rows.map(|(from, promises)| (from.millis(), promises.clone())).collect(),
        }
    }
}

/// Settings without their promises, by section.
pub fn settings(settings: &Settings) -> Value {
    let without_promises = Settings { promises: Vec::new(), ..settings.clone() };
    let mut sections = serde_json::to_value(without_promises).expect("settings are text and numbers under names");
    if let Value::Object(sections) = &mut sections {
        sections.remove("promises");
    }
    sections
}

/// The settings that all partitions share: of none held, none.
pub(super) fn shared_settings<'e>(mut extents: impl Iterator<Item = &'e Extent>) -> Value {
    extents.next().map_or(Value::Null, |extent| settings(&extent.settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        // The first two are read off by one otherwise.
        for value in [0.470_588_235_294_117_64, 0.454_545_454_545_454_53, 0.0, 3.0, 1_772_438_400.123, 1e-9] {
            let series = Series { name: "a".to_owned(), labels: BTreeMap::new(), value };
            let read: Series = serde_json::from_str(&serde_json::to_string(&series).unwrap()).unwrap();
            assert_eq!(read, series);
        }
    }
}
