//! The same series once more, as one value with what it is made of: for [`state`](crate::publish::state).

use std::time::Instant;

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::family::Scene;
use super::itself::CORRECTIONS;
use super::{Exposition, families_of_lanes};
use crate::config::Formulas;
use crate::publish::formats::{Head, Histogram, Label, Sink};
use crate::publish::state::{Partition, Series, State, shared_settings};
use crate::publish::withheld::Withheld;

impl Exposition {
    /// All that the latest snapshot tells of lanes at `now`, as JSON. Takes a while with many lanes.
    ///
    /// # Errors
    ///
    /// Nothing is told of lanes: why.
    pub fn state(&self, now: Instant) -> Result<Vec<u8>, Vec<Withheld>> {
        let snapshot = self.snapshot();
        let Some(view) = snapshot.shown(now) else { return Err(snapshot.withheld(now)) };
        let bounds = self.bounds(&snapshot);
        let scene = self.scene(&snapshot, &bounds, now);
        let partition = |((topic, partition), extent): (&(String, i32), _)| Partition::of(topic, *partition, extent);
        let state = State {
            now_ms: view.now.millis(),
            whole: snapshot.whole,
            by: self.by.into(),
            all_formulas: self.formulas == Formulas::All,
            settings: shared_settings(snapshot.extents.values()),
            partitions: snapshot.extents.iter().map(partition).collect(),
            counted_before: snapshot.counted_before,
            series: EachSeries(&scene),
        };
        Ok(serde_json::to_vec(&state).expect("all of it is text and numbers under names"))
    }
}

/// Written one by one, so that no more than one of them is held at a time.
struct EachSeries<'s>(&'s Scene<'s>);

impl Serialize for EachSeries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut told = Told { sequence: serializer.serialize_seq(None)?, name: String::new(), outcome: Ok(()) };
        families_of_lanes().chain([&CORRECTIONS]).for_each(|family| family.tell(self.0, &mut told));
        told.outcome?;
        told.sequence.end()
    }
}

/// A sink that serializes.
struct Told<Q: SerializeSeq> {
    sequence: Q,
    /// Of the family under way.
    name: String,
    /// The first error.
    outcome: Result<(), Q::Error>,
}

impl<Q: SerializeSeq> Told<Q> {
    fn series(&mut self, ending: &str, labels: &[Label<'_>], bound: Option<f64>, value: f64) {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let bound = bound.map(|bound| ("le".to_owned(), bound_text(bound)));
        let series = Series { name: format!("{}{ending}", self.name), labels: labels.chain(bound).collect(), value };
        if self.outcome.is_ok() {
            self.outcome = self.sequence.serialize_element(&series);
        }
    }
}

impl<Q: SerializeSeq> Sink for Told<Q> {
    fn family(&mut self, head: Head<'_>) {
        head.name.clone_into(&mut self.name);
    }

    fn number(&mut self, labels: &[Label<'_>], value: f64) {
        self.series("", labels, None, value);
    }

    fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram<'_>) {
        self.series("_count", labels, None, histogram.count as f64);
        self.series("_sum", labels, None, histogram.sum);
        for (bound, within) in histogram.buckets.iter().copied().chain([(f64::INFINITY, histogram.count)]) {
            self.series("_bucket", labels, Some(bound), within as f64);
        }
    }
}

/// As it is written in text.
fn bound_text(bound: f64) -> String {
    if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use super::super::tests::{BY_ALL, exposition, settings, usual};
    use super::*;
    use crate::engine::settings::{PromiseOverlay, Promises};
    use crate::publish::snapshot::Snapshot;
    use crate::source::kafka::slot::Extent;

    type Row = (String, BTreeMap<String, String>, String);

    /// A line of the text; no label of the small log holds anything that would need more care.
    fn row(line: &str) -> Row {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').split(',').filter_map(|label| label.split_once('='));
        let labels = labels.map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned()));
        (name.to_owned(), labels.collect(), value.to_owned())
    }

    #[test]
    fn buckets_of_former_targets_stay() {
        let mut former = settings();
        let shorter = PromiseOverlay { answer_within_ms: Some(7_777), ..PromiseOverlay::default() };
        former.promises[0].1.service.channel.insert("voice".to_owned(), shorter);
        let extent = Extent {
            first: None,
            next: 0,
            stream_time: None,
            counters_from: None,
            beyond_limits: 0,
            settings: Arc::new(former),
        };
        let has_bucket = |extents| {
            let snapshot = Snapshot { extents, ..usual(BY_ALL) };
            let now = snapshot.made_at;
            exposition(snapshot, &settings(), Formulas::Headline).2.text(now).contains("le=\"7.777\"")
        };
        assert!(!has_bucket(BTreeMap::new()));
        assert!(has_bucket([(("calls".to_owned(), 1), extent)].into()));
    }

    #[test]
    fn every_series_of_lanes_is_told_with_what_it_is_made_of() {
        let extent = Extent {
            first: Some(3),
            next: 17,
            stream_time: None,
            counters_from: Some(9),
            beyond_limits: 0,
            settings: Arc::new(settings()),
        };
        let extents = [(("calls".to_owned(), 1), extent)].into();
        let snapshot = Snapshot { extents, counted_before: true, ..usual(BY_ALL) };
        let now = snapshot.made_at;
        let (_sender, _, exposition) = exposition(snapshot, &settings(), Formulas::All);
        let state: State = serde_json::from_slice(&exposition.state(now).unwrap()).unwrap();
        assert_eq!(
            (state.now_ms, state.whole, state.all_formulas, state.counted_before),
            (1_704_099_710_000, true, true, true)
        );
        assert_eq!(state.settings["windows"][0]["name"], "5m");
        assert!(state.settings.get("promises").is_none());
        let [calls] = &state.partitions[..] else { panic!("{:?}", state.partitions) };
        assert_eq!((&*calls.topic, calls.partition, calls.first, calls.next), ("calls", 1, Some(3), 17));
        assert_eq!((calls.counters_from, &calls.promises), (Some(9), &vec![(0, Promises::default())]));

        let told = state.series.into_iter().map(|series| (series.name, series.labels, series.value.to_string()));
        let told: BTreeSet<Row> = told.collect();
        let text = exposition.text(now);
        let is_of_lanes = |line: &&str| line.contains("queue=") || line.starts_with("holdline_corrections_total");
        // What a load takes is computed from these series, not counted.
        let is_staffed = |row: &Row| super::super::staffed::FAMILIES.iter().any(|family| family.name == row.0);
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter(is_of_lanes);
        let exposed: BTreeSet<Row> = lines.map(row).filter(|row| !is_staffed(row)).collect();
        assert!(exposed.len() > 200, "{}", exposed.len());
        assert_eq!(told, exposed);
    }
}
