//! What Prometheus reads: everything the latest snapshot says, and what the process counts of itself.
//!
//! Nothing is kept from one scrape to the next: every series comes from the latest snapshot, so that a lane that vanishes
//! is gone at once. What is not known has no series. Names, types and labels are a contract; `deploy/METRICS.md` lists
//! them, made from what is exposed. `lanes`, `histograms`, `windows`, `breaches`, `outliers`, `experience`, `agents`,
//! `repeats` and `itself` say what each family holds, `family` how it is put together.
//!
//! # Cost
//!
//! A histogram costs 3 series and one for each bucket, which is 16 for the waits of one outcome, 15 for handle times, and 16
//! each for first replies and resolutions; every target that is no customary bound adds one. Most of the others are of
//! windows: cells and levels for each measure, quantiles where a window has them. With the seven customary windows, three of
//! which have quantiles, a lane has some 320 series when all its contacts are answered. A thousand such lanes are a scrape of
//! 37 MB of text, 2.3 MB with gzip, written in 140 and 160 ms on one core of a virtual machine; native histograms take 260 ms
//! (`cargo bench --bench speed -- views`). `metrics.by`, fewer windows and fewer quantiles make it smaller.
//!
//! Samples are written as they are told, so that the heap holds nothing but what is written, and the page of a snapshot is
//! made once in each format, however many ask. Collectors that are registered would all be gathered before the first byte is
//! written, at 600 bytes a sample.

mod agents;
mod breaches;
mod experience;
mod family;
mod histograms;
mod itself;
mod lanes;
#[cfg(test)]
mod listing;
mod load;
mod load_today;
mod outliers;
mod packed;
mod repeats;
mod staffed;
mod state;
#[cfg(test)]
pub(in crate::publish) mod tests;
#[cfg(test)]
mod tests_of_absence;
#[cfg(test)]
mod tests_of_experience;
#[cfg(test)]
pub(in crate::publish) mod tests_of_load;
mod windows;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Instant;

use prometheus::Registry;

use self::family::{Family, Scene};
use crate::config::{Formulas, Metrics, Staffing};
use crate::engine::board::GroupBy;
use crate::engine::cumulative::{Timed, bounds};
use crate::engine::settings::Settings;
use crate::engine::tally::Measure;
use crate::publish::formats::{self, Format};
use crate::publish::snapshot::{Latest, Snapshot};
use crate::publish::staffing::{self, Outlook, Windows};

/// What is exposed.
#[derive(Debug)]
pub struct Exposition {
    /// What the process counts of itself.
    registry: Registry,
    latest: Latest,
    /// The names of the windows of every view, in its order.
    windows: Vec<String>,
    /// Which of them have quantiles.
    quantiles: Vec<bool>,
    by: GroupBy,
    formulas: Formulas,
    /// The upper edges of the buckets of histograms, in milliseconds.
    bounds: RwLock<Arc<Bounds>>,
    exemplars: bool,
    staffing: Staffing,
    spans: Windows,
    written: Mutex<Written>,
}

/// What a snapshot says, written down in the formats that somebody asked for.
#[derive(Debug, Default)]
struct Written {
    /// Of which one. While this is kept no other snapshot has its address.
    of: Weak<Snapshot>,
    /// Whether it was too old to be shown.
    is_stale: bool,
    plain: HashMap<Format, Vec<u8>>,
    packed: HashMap<Format, packed::Beginning>,
}

impl Exposition {
    /// What is exposed of the latest snapshots, which are made under these settings, as `metrics` says, beside all that is in
    /// `registry`. Agents can be asked to do what `staffing` says.
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
        staffing: Staffing,
    ) -> prometheus::Result<Exposition> {
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Exposition {
            registry,
            latest,
            windows: settings.windows.iter().map(|window| window.name.clone()).collect(),
            quantiles: settings.windows.iter().map(|window| window.quantiles).collect(),
            by: metrics.by,
            formulas: metrics.formulas,
            bounds: RwLock::new(bounds_of(settings)),
            exemplars: metrics.exemplars,
            staffing,
            spans: Windows::new(&settings.windows, settings.slots),
            written: Mutex::default(),
        })
    }

    /// Other targets hold from now on.
    pub fn adopt(&self, settings: &Settings) {
        *self.bounds.write().unwrap_or_else(PoisonError::into_inner) = bounds_of(settings);
    }

    /// Those of the targets that hold, and of those that held for anything that the snapshot is made of.
    fn bounds(&self, snapshot: &Snapshot) -> Arc<Bounds> {
        let mut bounds = Arc::clone(&self.bounds.read().unwrap_or_else(PoisonError::into_inner));
        let mut known: Vec<&Settings> = Vec::new();
        for settings in snapshot.extents.values().map(|extent| &*extent.settings) {
            if known.iter().any(|known| known.promises == settings.promises) {
                continue;
            }
            known.push(settings);
            let of_these = bounds_of(settings);
            if *of_these != *bounds {
                for (measure, more) in &*of_these {
                    let all = Arc::make_mut(&mut bounds).entry(*measure).or_default();
                    all.extend(more);
                    all.sort_unstable();
                    all.dedup();
                }
            }
        }
        bounds
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.latest.borrow())
    }

    /// The names of the windows of every view, in its order.
    pub fn windows(&self) -> &[String] {
        &self.windows
    }

    /// Which of them have quantiles.
    pub fn quantiles(&self) -> &[bool] {
        &self.quantiles
    }

    /// Places and names of the windows that have quantiles, in their order.
    pub fn windows_with_quantiles(&self) -> Vec<(usize, &str)> {
        let windows = self.windows.iter().map(String::as_str).enumerate().zip(&self.quantiles);
        windows.filter(|(_, has_quantiles)| **has_quantiles).map(|(window, _)| window).collect()
    }

    /// All metrics at `now` in this format, packed with gzip or not. Takes a while with many lanes; whoever asks meanwhile
    /// waits.
    pub fn page(&self, now: Instant, format: Format, packed: bool) -> Vec<u8> {
        let itself = self.registry.gather();
        let mut writer = format.writer();
        formats::tell(&itself, writer.sink());
        let mut itself = writer.written();
        itself.extend_from_slice(format.ending());
        let (mut written, snapshot) = self.written(now);
        if packed {
            packed::page(self.packed_lanes(&mut written, &snapshot, now, format), &itself)
        } else {
            [self.lanes(&mut written, &snapshot, now, format), &itself].concat()
        }
    }

    /// The same in Prometheus' own text format.
    pub fn text(&self, now: Instant) -> String {
        String::from_utf8(self.page(now, Format::Text, false)).expect("text is made of text")
    }

    /// What is written of the latest snapshot, and that: nothing, if nobody asked yet.
    fn written(&self, now: Instant) -> (MutexGuard<'_, Written>, Arc<Snapshot>) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot();
        let is_stale = snapshot.is_stale(now);
        if !std::ptr::eq(written.of.as_ptr(), Arc::as_ptr(&snapshot)) || written.is_stale != is_stale {
            *written = Written { of: Arc::downgrade(&snapshot), is_stale, ..Written::default() };
        }
        (written, snapshot)
    }

    /// All that is made of a snapshot, written now if it was not yet.
    fn lanes<'w>(&self, written: &'w mut Written, snapshot: &Snapshot, now: Instant, format: Format) -> &'w [u8] {
        written.plain.entry(format).or_insert_with(|| self.write(snapshot, now, format))
    }

    /// The same packed.
    fn packed_lanes<'w>(
        &self,
        written: &'w mut Written,
        snapshot: &Snapshot,
        now: Instant,
        format: Format,
    ) -> &'w packed::Beginning {
        let Written { plain, packed, .. } = written;
        packed.entry(format).or_insert_with(|| match plain.get(&format) {
            Some(plain) => packed::Beginning::of(plain),
            None => packed::Beginning::of(&self.write(snapshot, now, format)),
        })
    }

    fn write(&self, snapshot: &Snapshot, now: Instant, format: Format) -> Vec<u8> {
        let mut writer = format.writer();
        let bounds = self.bounds(snapshot);
        let exemplars = self.exemplars && format.has_exemplars();
        let outlooks = self.outlooks(snapshot, now);
        let scene = Scene { exemplars, outlooks, ..self.scene(snapshot, &bounds, now) };
        families().for_each(|family| family.tell(&scene, writer.sink()));
        writer.written()
    }

    /// What each queue's load is and takes; nothing unless this process may speak for whole queues.
    pub fn outlooks<'s>(&self, snapshot: &'s Snapshot, now: Instant) -> BTreeMap<&'s str, Outlook> {
        let Some(view) = snapshot.shown(now).filter(|_| snapshot.whole) else { return BTreeMap::new() };
        staffing::outlooks(view, &self.spans, &self.staffing, None, |queue| snapshot.known(queue))
    }

    /// The same of one queue.
    pub fn outlook(&self, snapshot: &Snapshot, now: Instant, queue: &str) -> Option<Outlook> {
        let view = snapshot.shown(now).filter(|_| snapshot.whole)?;
        let known = |queue: &str| snapshot.known(queue);
        staffing::outlooks(view, &self.spans, &self.staffing, Some(queue), known).remove(queue)
    }

    /// Without exemplars and outlooks.
    fn scene<'s>(&'s self, snapshot: &'s Snapshot, bounds: &'s Bounds, now: Instant) -> Scene<'s> {
        Scene {
            snapshot,
            now,
            windows: &self.windows,
            quantiles: &self.quantiles,
            formulas: self.formulas,
            bounds,
            exemplars: false,
            outlooks: BTreeMap::new(),
        }
    }
}

/// The upper edges of the buckets of histograms, in milliseconds, by measure.
type Bounds = BTreeMap<Measure, Vec<u64>>;

fn bounds_of(settings: &Settings) -> Arc<Bounds> {
    Arc::new(Timed::ALL.map(|timed| (timed.measure(), bounds(settings, timed.measure()))).into())
}

/// All families that are made of snapshots.
fn families() -> impl Iterator<Item = &'static Family> {
    let of_load = [load::FAMILIES, load_today::FAMILIES, staffed::FAMILIES];
    families_of_lanes().chain(of_load.into_iter().flatten()).chain(itself::FAMILIES)
}

/// Those that say something of lanes.
fn families_of_lanes() -> impl Iterator<Item = &'static Family> {
    let counted = [lanes::FAMILIES, histograms::FAMILIES];
    let of_windows =
        [windows::FAMILIES, breaches::FAMILIES, outliers::FAMILIES, experience::FAMILIES, agents::FAMILIES];
    counted.into_iter().chain(of_windows).chain([repeats::FAMILIES]).flatten()
}
