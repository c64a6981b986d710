//! The text that Prometheus reads: everything the latest snapshot says, and what the process counts of itself.
//!
//! Nothing is kept from one scrape to the next: every series comes from the latest snapshot, so that a lane that vanishes
//! is gone at once. What is not known has no series. Names, types and labels are a contract; `deploy/METRICS.md` lists
//! them, made from what is exposed. `lanes`, `histograms`, `windows`, `experience`, `agents`, `repeats` and `itself` say what each family holds, `family` how it is
//! put together.
//!
//! # Cost
//!
//! A lane has 15 counters, and 6 gauges while somebody waits. A histogram costs 3 series and one for each bucket, which is 16
//! for the waits of one outcome, 15 for handle times, and 16 each for first replies and resolutions; every target that is no
//! customary bound adds one. Each window adds 10 cells and a level for each measure, and
//! if it has quantiles up to 18 waits for each measure and 6 handle times. With the customary windows, three of which have
//! quantiles, that is 160 series for a lane in which nothing happened, and 301 at most; a queue with agents adds
//! 46. A thousand lanes with a thousand contacts a day each, all answered, have 226 series each: a scrape of 27 MB, written
//! in 130 ms on one core of a virtual machine (`cargo bench --bench speed -- views`). `metrics.by`, fewer windows and fewer
//! quantiles make it smaller.
//!
//! Families are made and encoded one after the other, so that the heap holds the samples of one of them at a time (30 MB
//! in that scrape, beside its text), and the text of a snapshot is made once, however many ask. Collectors that are
//! registered would all be gathered before the first byte is written, at 600 bytes a sample.

mod agents;
mod experience;
mod family;
mod histograms;
mod itself;
mod lanes;
#[cfg(test)]
mod listing;
mod repeats;
mod state;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_absence;
#[cfg(test)]
mod tests_of_experience;
mod windows;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use prometheus::proto::MetricFamily;
use prometheus::{Registry, TextEncoder};

use self::family::{Family, Scene};
use crate::config::{Formulas, Metrics};
use crate::engine::board::GroupBy;
use crate::engine::cumulative::{Timed, bounds};
use crate::engine::settings::Settings;
use crate::engine::tally::Measure;
use crate::publish::snapshot::{Latest, Snapshot};

/// The content type of [`Exposition::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is exposed.
#[derive(Debug)]
pub struct Exposition {
    /// What the process counts of itself.
    registry: Registry,
    latest: Latest,
    /// The names of the windows of every view, in its order.
    windows: Vec<String>,
    by: GroupBy,
    formulas: Formulas,
    /// The upper edges of the buckets of histograms, in milliseconds.
    bounds: BTreeMap<Measure, Vec<u64>>,
    written: Mutex<Written>,
}

/// The text of a snapshot.
#[derive(Debug, Default)]
struct Written {
    /// Of which one. While this is kept no other snapshot has its address.
    of: Weak<Snapshot>,
    /// Whether it was too old to be shown.
    is_stale: bool,
    text: String,
}

impl Exposition {
    /// What is exposed of the latest snapshots, which are made under these settings, as `metrics` says, beside all that is in
    /// `registry`.
    /// What Linux knows of the process is added to it.
    ///
    /// # Errors
    ///
    /// The registry knows of the process already.
    pub fn new(
        registry: Registry,
        latest: Latest,
        settings: &Settings,
        metrics: &Metrics,
    ) -> prometheus::Result<Exposition> {
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Exposition {
            registry,
            latest,
            windows: settings.windows.iter().map(|window| window.name.clone()).collect(),
            by: metrics.by,
            formulas: metrics.formulas,
            bounds: Timed::ALL.map(|timed| (timed.measure(), bounds(settings, timed.measure()))).into(),
            written: Mutex::default(),
        })
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.borrow())
    }

    /// The names of the windows of every view, in its order.
    pub fn windows(&self) -> &[String] {
        &self.windows
    }

    /// All metrics at `now`, in the text format 0.0.4. Takes a while with many lanes; whoever asks meanwhile waits.
    pub fn text(&self, now: Instant) -> String {
        let itself = self.registry.gather();
        let written = self.written(now);
        let mut text = String::with_capacity(written.text.len() + 16 * 1024);
        text.push_str(&written.text);
        drop(written);
        encode(&itself, &mut text);
        text
    }

    /// The text of the latest snapshot, written now if it was not yet.
    fn written(&self, now: Instant) -> MutexGuard<'_, Written> {
        // A text half written is never taken for a whole one: what it is of is noted last.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot();
        let is_stale = snapshot.is_stale(now);
        if !std::ptr::eq(written.of.as_ptr(), Arc::as_ptr(&snapshot)) || written.is_stale != is_stale {
            written.of = Weak::new();
            written.text.clear();
            let (windows, formulas, bounds) = (&self.windows[..], self.formulas, &self.bounds);
            let scene = Scene { snapshot: &snapshot, now, windows, formulas, bounds };
            for family in families() {
                encode(&[family.at(&scene)], &mut written.text);
            }
            written.is_stale = is_stale;
            written.of = Arc::downgrade(&snapshot);
        }
        written
    }
}

/// All families that are made of snapshots.
fn families() -> impl Iterator<Item = &'static Family> {
    families_of_lanes().chain(itself::FAMILIES)
}

/// Those that say something of lanes.
fn families_of_lanes() -> impl Iterator<Item = &'static Family> {
    let counted = [lanes::FAMILIES, histograms::FAMILIES];
    counted.into_iter().chain([windows::FAMILIES, experience::FAMILIES, agents::FAMILIES, repeats::FAMILIES]).flatten()
}

/// Appends families, but for those without samples.
fn encode(families: &[MetricFamily], text: &mut String) {
    for family in families.iter().filter(|family| !family.get_metric().is_empty()) {
        let encoded = TextEncoder::new().encode_utf8(std::slice::from_ref(family), text);
        encoded.expect("only a family without a name or samples cannot be encoded");
    }
}
