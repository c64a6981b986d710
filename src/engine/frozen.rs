//! A shard as it was at some moment, while the shard itself goes on.
//!
//! Freezing copies next to nothing: contacts, pages and all else that is large are shared until the shard changes them,
//! which then copies the few it changes. So a shard of a million contacts stands still for milliseconds, and whoever has
//! the frozen one can write it down at leisure (see [`codec`](super::codec)).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::agents::Agents;
use crate::engine::arrivals::Arrivals;
use crate::engine::clock::StreamClock;
use crate::engine::counters::Counters;
use crate::engine::cumulative::{Corrections, Histograms};
use crate::engine::customers::Past;
use crate::engine::experience::{Notes, Retracted};
use crate::engine::page::Pages;
use crate::engine::settings::Settings;
use crate::engine::shard::{Input, Keep, Shard};
use crate::engine::store::Records;

/// Everything that a shard is encoded from.
#[derive(Clone, Debug)]
pub struct Frozen {
    pub(super) settings: Arc<Settings>,
    pub(super) keep: Keep,
    pub(super) clock: StreamClock,
    /// Of queues, of channels and tiers, of surveys and outcomes.
    pub(super) names: [Arc<Vec<Box<str>>>; 3],
    pub(super) lanes: Vec<FrozenLane>,
    pub(super) arrivals: Arrivals,
    pub(super) unknown: BTreeMap<Option<u32>, Arc<Notes>>,
    pub(super) records: Records,
    pub(super) agents: Agents,
    pub(super) customers: Past,
    pub(super) input: Input,
    pub(super) corrections: Counters,
    pub(super) corrected: Corrections,
    pub(super) retracted: Retracted,
    pub(super) orphans_forgotten: u64,
    pub(super) aged_to: u64,
}

/// One lane of it.
#[derive(Clone, Debug)]
pub(super) struct FrozenLane {
    pub(super) key: [u32; 3],
    pub(super) counters: Counters,
    pub(super) histograms: Arc<Histograms>,
    pub(super) notes: Arc<Notes>,
    pub(super) pages: Pages,
}

impl Shard {
    /// The shard as it is now.
    pub fn freeze(&self) -> Frozen {
        let lanes = self.lanes.iter().map(|lane| FrozenLane {
            key: [lane.queue, lane.channel, lane.tier],
            counters: lane.counters,
            histograms: Arc::clone(&lane.histograms),
            notes: Arc::clone(&lane.notes),
            pages: lane.pages.clone(),
        });
        Frozen {
            settings: Arc::clone(&self.settings),
            keep: self.keep,
            clock: self.clock.clone(),
            names: [&self.lanes.queues, &self.lanes.labels, &self.lanes.topics].map(|names| names.shared()),
            lanes: lanes.collect(),
            arrivals: self.arrivals.clone(),
            unknown: self.lanes.unknown.clone(),
            records: self.contacts.records().clone(),
            agents: self.agents.clone(),
            customers: self.customers.shared(),
            input: self.input,
            corrections: self.corrections,
            corrected: self.corrected,
            retracted: self.retracted,
            orphans_forgotten: self.orphans_forgotten,
            aged_to: self.aged_to,
        }
    }
}
