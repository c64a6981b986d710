//! All that was ever counted, of some lanes and since some moment: what Prometheus adds up over any span.
//!
//! A plain mergeable value that only goes up. Whoever began to count in the middle takes off what was there before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::board::{GroupBy, GroupKey};
use crate::engine::counters::Counters;
use crate::engine::cumulative::HistogramsBy;
use crate::engine::experience::HeardBy;
use crate::engine::shard::Shard;
use crate::engine::view;

/// What was counted, and of that what was taken back.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// What was booked, by group.
    pub counters: BTreeMap<GroupKey, Counters>,
    /// Of that, taken back later.
    pub corrections: Counters,
    /// Ratings and outcomes, with what was taken back.
    pub heard: HeardBy,
    /// Durations, with what was taken back.
    pub histograms: HistogramsBy,
}

impl Counted {
    /// What one shard ever counted.
    pub fn of(shard: &Shard, by: GroupBy) -> Counted {
        Counted {
            counters: view::counters(shard, by),
            corrections: shard.corrections(),
            heard: HeardBy::of(shard, by),
            histograms: HistogramsBy::of(shard, by),
        }
    }

    /// Whether nothing was ever counted.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty() && self.heard.groups.is_empty() && self.histograms.groups.is_empty()
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Counted) {
        for (key, counters) in &other.counters {
            *self.counters.entry(key.clone()).or_default() += *counters;
        }
        self.corrections += other.corrections;
        self.heard.add(&other.heard);
        self.histograms.add(&other.histograms);
    }

    /// The same by fewer labels: groups that differ in nothing else are added up.
    pub fn grouped(&self, by: GroupBy) -> Counted {
        if by == GroupBy::EACH {
            return self.clone();
        }
        let mut grouped = Counted { corrections: self.corrections, ..Counted::default() };
        for (key, counters) in &self.counters {
            *grouped.counters.entry(key.only(by)).or_default() += *counters;
        }
        grouped.heard = self.heard.grouped(by);
        grouped.histograms = self.histograms.grouped(by);
        grouped
    }

    /// What was counted since `earlier`, of the same shard.
    pub fn since(mut self, earlier: &Counted) -> Counted {
        for (key, counters) in &mut self.counters {
            *counters = *counters - earlier.counters.get(key).copied().unwrap_or_default();
        }
        self.corrections = self.corrections - earlier.corrections;
        self.heard = self.heard.since(&earlier.heard);
        self.histograms = self.histograms.since(&earlier.histograms);
        self
    }
}
