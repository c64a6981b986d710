//! How a family of series is put together: its name, type and help, and the samples that a snapshot has for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use smallvec::SmallVec;

use crate::config::Formulas;
use crate::engine::board::GroupKey;
use crate::engine::cumulative;
use crate::engine::tally::Measure;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::publish::formats::{Exemplar, Head, Histogram, Kind, Label, Sink};
use crate::publish::snapshot::{Load, QueueLoad, Snapshot};
use crate::publish::staffing::Outlook;

/// What is looked at.
pub(super) struct Scene<'s> {
    /// The latest snapshot.
    pub(super) snapshot: &'s Snapshot,
    /// The instant of the look.
    pub(super) now: Instant,
    /// The names of the windows of every group, in order.
    pub(super) windows: &'s [String],
    /// Which of the windows have quantiles.
    pub(super) quantiles: &'s [bool],
    /// Service levels by which formulas.
    pub(super) formulas: Formulas,
    /// The upper edges of the buckets of histograms, in milliseconds, ascending.
    pub(super) bounds: &'s BTreeMap<Measure, Vec<u64>>,
    /// Whether histograms name contacts.
    pub(super) exemplars: bool,
    /// What each queue's load is and takes, as far as this process may say so.
    pub(super) outlooks: BTreeMap<&'s str, Outlook>,
}

impl<'s> Scene<'s> {
    /// What the lanes say, if it may be shown.
    pub(super) fn shown(&self) -> Option<&'s View> {
        self.snapshot.shown(self.now)
    }

    /// What the lanes say, if this process may speak for whole queues.
    pub(super) fn shown_whole(&self) -> Option<&'s View> {
        self.shown().filter(|_| self.snapshot.whole)
    }

    /// What is usual and how today compares, if lanes are shown.
    pub(super) fn load(&self) -> Option<&'s Load> {
        self.shown_whole().and(self.snapshot.load.as_deref())
    }

    /// The instant of the latest look at it, if lanes are shown.
    pub(super) fn looked_at(&self) -> Option<EventTime> {
        self.shown_whole().and(self.snapshot.looked_at)
    }

    /// The same of each queue.
    pub(super) fn loads(&self) -> impl Iterator<Item = (&'s str, &'s QueueLoad)> {
        self.load().into_iter().flat_map(|load| &load.queues).map(|(queue, load)| (queue.as_str(), load))
    }

    /// Every lane that is shown or that has counted anything; none while nothing is shown.
    pub(super) fn counted_lanes(&self) -> BTreeSet<&'s GroupKey> {
        let Some(View { groups, .. }) = self.shown() else { return BTreeSet::new() };
        let offered = groups.iter().filter(|(_, group)| group.is_offered()).map(|(key, _)| key);
        offered.chain(self.snapshot.counted.counters.keys()).collect()
    }

    /// The upper edges of the buckets of this measure, in milliseconds, ascending.
    pub(super) fn bounds_of(&self, measure: Measure) -> &'s [u64] {
        self.bounds.get(&measure).map_or(&[], Vec::as_slice)
    }
}

/// One family: all series of a name.
pub(super) struct Family {
    /// The name, with its unit, counters with `_total`.
    pub(super) name: &'static str,
    /// A counter, a gauge or a histogram.
    pub(super) kind: Kind,
    /// What a value is, with its unit.
    pub(super) help: &'static str,
    /// Adds the samples that there are.
    pub(super) fill: fn(&Scene<'_>, &mut Samples),
}

impl Family {
    /// A family that only goes up.
    pub(super) const fn counter(name: &'static str, help: &'static str, fill: fn(&Scene<'_>, &mut Samples)) -> Family {
        Family { name, kind: Kind::Counter, help, fill }
    }

    /// A family that goes up and down.
    pub(super) const fn gauge(name: &'static str, help: &'static str, fill: fn(&Scene<'_>, &mut Samples)) -> Family {
        Family { name, kind: Kind::Gauge, help, fill }
    }

    /// A family of histograms that only go up.
    pub(super) const fn histogram(
        name: &'static str,
        help: &'static str,
        fill: fn(&Scene<'_>, &mut Samples),
    ) -> Family {
        Family { name, kind: Kind::Histogram, help, fill }
    }

    /// Tells its samples in this scene, if there are any.
    pub(super) fn tell(&self, scene: &Scene<'_>, sink: &mut dyn Sink) {
        sink.family(Head { name: self.name, kind: self.kind, help: self.help });
        (self.fill)(scene, &mut Samples { sink });
    }
}

/// Where the samples of a family go.
pub(super) struct Samples<'k> {
    sink: &'k mut dyn Sink,
}

impl Samples<'_> {
    /// Adds a sample.
    pub(super) fn add(&mut self, labels: &[Label<'_>], value: f64) {
        self.sink.number(labels, value);
    }

    /// Adds a sample of a lane or several.
    pub(super) fn add_of(&mut self, key: &GroupKey, labels: &[Label<'_>], value: f64) {
        self.sink.number(&of_lane(key, labels), value);
    }

    /// Adds a histogram of a lane or several, with buckets up to these bounds, which are in milliseconds and ascend.
    pub(super) fn add_histogram(
        &mut self,
        key: &GroupKey,
        labels: &[Label<'_>],
        durations: &cumulative::Histogram,
        bounds: &[u64],
        exemplars: &[Exemplar<'_>],
    ) {
        let buckets = bounds.iter().map(|bound| seconds(*bound)).zip(durations.within(bounds));
        let histogram = Histogram {
            count: durations.count(),
            sum: seconds(durations.sum_ms()),
            buckets: &buckets.collect::<SmallVec<[_; 24]>>(),
            cells: Some(durations.cells()),
            exemplars,
        };
        self.sink.histogram(&of_lane(key, labels), &histogram);
    }
}

/// The labels of a lane or several, and these.
fn of_lane<'l>(key: &'l GroupKey, labels: &[Label<'l>]) -> SmallVec<[Label<'l>; 8]> {
    let of_key = [("queue", &key.queue), ("channel", &key.channel), ("tier", &key.tier)];
    let of_key = of_key.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    of_key.chain(labels.iter().copied()).collect()
}

/// Seconds since the epoch.
pub(super) fn timestamp(time: EventTime) -> f64 {
    seconds(time.millis())
}

/// Milliseconds in seconds.
pub(super) fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
