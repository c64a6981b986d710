//! How a family of series is put together: its name, type and help, and the samples that a snapshot has for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use crate::config::Formulas;
use crate::engine::board::GroupKey;
use crate::engine::cumulative;
use crate::engine::tally::Measure;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::publish::snapshot::Snapshot;

/// What is looked at.
pub(super) struct Scene<'s> {
    /// The latest snapshot.
    pub(super) snapshot: &'s Snapshot,
    /// The instant of the look.
    pub(super) now: Instant,
    /// The names of the windows of every group, in order.
    pub(super) windows: &'s [String],
    /// Service levels by which formulas.
    pub(super) formulas: Formulas,
    /// The upper edges of the buckets of histograms, in milliseconds, ascending.
    pub(super) bounds: &'s BTreeMap<Measure, Vec<u64>>,
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
    pub(super) kind: MetricType,
    /// What a value is, with its unit.
    pub(super) help: &'static str,
    /// Adds the samples that there are.
    pub(super) fill: fn(&Scene<'_>, &mut Samples),
}

impl Family {
    /// A family that only goes up.
    pub(super) const fn counter(name: &'static str, help: &'static str, fill: fn(&Scene<'_>, &mut Samples)) -> Family {
        Family { name, kind: MetricType::COUNTER, help, fill }
    }

    /// A family that goes up and down.
    pub(super) const fn gauge(name: &'static str, help: &'static str, fill: fn(&Scene<'_>, &mut Samples)) -> Family {
        Family { name, kind: MetricType::GAUGE, help, fill }
    }

    /// A family of histograms that only go up.
    pub(super) const fn histogram(
        name: &'static str,
        help: &'static str,
        fill: fn(&Scene<'_>, &mut Samples),
    ) -> Family {
        Family { name, kind: MetricType::HISTOGRAM, help, fill }
    }

    /// Its samples in this scene; maybe none.
    pub(super) fn at(&self, scene: &Scene<'_>) -> MetricFamily {
        let mut samples = Samples { kind: self.kind, metrics: Vec::new() };
        (self.fill)(scene, &mut samples);
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(samples.metrics);
        family
    }
}

/// The samples of a family.
pub(super) struct Samples {
    kind: MetricType,
    metrics: Vec<Metric>,
}

impl Samples {
    /// Adds a sample.
    pub(super) fn add(&mut self, labels: &[(&str, &str)], value: f64) {
        self.push(labels.iter().copied(), value);
    }

    /// Adds a sample of a lane or several.
    pub(super) fn add_of(&mut self, key: &GroupKey, labels: &[(&str, &str)], value: f64) {
        self.push(of_lane(key).chain(labels.iter().copied()), value);
    }

    /// Adds a histogram of a lane or several, with buckets up to these bounds, which are in milliseconds and ascend. That
    /// of everything is added by the encoder, which would not write an infinite bound as Prometheus does.
    pub(super) fn add_histogram(
        &mut self,
        key: &GroupKey,
        labels: &[(&str, &str)],
        durations: &cumulative::Histogram,
        bounds: &[u64],
    ) {
        let bucket = |(bound, within): (&u64, u64)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(seconds(*bound));
            bucket.set_cumulative_count(within);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(bounds.iter().zip(durations.within(bounds)).map(bucket).collect());
        histogram.set_sample_count(durations.count());
        histogram.set_sample_sum(seconds(durations.sum_ms()));
        let mut metric = Metric::from_label(pairs(of_lane(key).chain(labels.iter().copied())));
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    fn push<'l>(&mut self, labels: impl Iterator<Item = (&'l str, &'l str)>, value: f64) {
        let mut metric = Metric::from_label(pairs(labels));
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
    }
}

/// The labels of a lane or several.
fn of_lane(key: &GroupKey) -> impl Iterator<Item = (&str, &str)> {
    let labels = [("queue", &key.queue), ("channel", &key.channel), ("tier", &key.tier)];
    labels.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

fn pairs<'l>(labels: impl Iterator<Item = (&'l str, &'l str)>) -> Vec<LabelPair> {
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    labels.map(pair).collect()
}

/// Seconds since the epoch.
pub(super) fn timestamp(time: EventTime) -> f64 {
    seconds(time.millis())
}

/// Milliseconds in seconds.
pub(super) fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
