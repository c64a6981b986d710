//! Cumulative histograms: how many durations within each bound that was told, all of them, and their sum; since each
//! partition's counters began.
//!
//! Which bounds there are is the instance's own affair: each one that it tells is judged, by what lies within it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scene, exactly, insert};
use crate::engine::tally::{Measure, Quantity};
use crate::model::cumulative::Histogram;
use crate::model::view::Key as GroupKey;
use crate::verify::compare::{Expected, Key, Told};

/// A family, what it is of, and its outcome if it has any.
type Family = (&'static str, (Measure, Quantity), Option<&'static str>);

const FAMILIES: [Family; 6] = [
    ("holdline_wait_seconds", (Measure::Wait, Quantity::WaitAnswered), Some("answered")),
    ("holdline_wait_seconds", (Measure::Wait, Quantity::WaitAbandoned), Some("abandoned")),
    ("holdline_wait_seconds", (Measure::Wait, Quantity::WaitLeft), Some("left")),
    ("holdline_handle_seconds", (Measure::Wait, Quantity::Handle), None),
    ("holdline_first_reply_seconds", (Measure::FirstReply, Quantity::WaitAnswered), None),
    ("holdline_resolution_seconds", (Measure::Resolution, Quantity::WaitAnswered), None),
];

/// What is taken back of each, by the beginning of its cell's name.
const CORRECTIONS: [(&str, &[(Measure, Quantity)]); 4] = [
    (
        "wait_seconds",
        &[
            (Measure::Wait, Quantity::WaitAnswered),
            (Measure::Wait, Quantity::WaitAbandoned),
            (Measure::Wait, Quantity::WaitLeft),
        ],
    ),
    ("handle_seconds", &[(Measure::Wait, Quantity::Handle)]),
    ("first_reply_seconds", &[(Measure::FirstReply, Quantity::WaitAnswered)]),
    ("resolution_seconds", &[(Measure::Resolution, Quantity::WaitAnswered)]),
];

/// Whether corrections are told of this cell here.
pub fn corrects(cell: &str) -> bool {
    CORRECTIONS.iter().any(|(name, _)| *name == cell || cell.strip_suffix("_sum") == Some(name))
}

/// All series of these families, with the bounds that were told.
pub fn histograms(scene: &Scene<'_>, told: &Told) -> Expected {
    let mut expected = Expected::new();
    for (name, of, outcome) in FAMILIES {
        let mut groups: BTreeMap<GroupKey, Histogram> = BTreeMap::new();
        if outcome == Some("answered") {
            groups.extend(scene.promises.keys().map(|key| (key.clone(), Histogram::default())));
        }
        for model in scene.models.iter().filter(|model| model.counters().is_some()) {
            for ((lane, _), histogram) in model.cumulative.histograms.iter().filter(|((_, told), _)| *told == of) {
                let group = groups.entry(scene.by.key(lane)).or_default();
                group.sum_ms += histogram.sum_ms;
                for (edge, count) in &histogram.buckets {
                    *group.buckets.entry(*edge).or_default() += count;
                }
            }
        }
        let bounds = bounds(told, name);
        let labels: Vec<(&str, &str)> = outcome.map(|outcome| ("outcome", outcome)).into_iter().collect();
        for (key, histogram) in groups {
            let within = |most_ms: u64| histogram.buckets.range(..=most_ms).map(|(_, count)| count).sum::<u64>() as f64;
            insert(&mut expected, &format!("{name}_count"), &key, &labels, exactly(within(u64::MAX)));
            insert(&mut expected, &format!("{name}_sum"), &key, &labels, exactly(histogram.sum_ms as f64 / 1_000.0));
            for (text, most_ms) in &bounds {
                let labels: Vec<_> = labels.iter().copied().chain([("le", text.as_str())]).collect();
                insert(&mut expected, &format!("{name}_bucket"), &key, &labels, exactly(within(*most_ms)));
            }
        }
    }
    for (cell, of) in CORRECTIONS {
        let all = scene.models.iter().filter(|model| model.counters().is_some());
        let taken_back = all.flat_map(|model| &model.cumulative.taken_back).filter(|(told, _)| of.contains(told));
        let (count, sum_ms) = taken_back.fold((0, 0), |sum, (_, back)| (sum.0 + back.0, sum.1 + back.1));
        for (cell, number) in [(cell.to_owned(), count as f64), (format!("{cell}_sum"), sum_ms as f64 / 1_000.0)] {
            let of_all = (None, None, None);
            insert(&mut expected, "holdline_corrections_total", &of_all, &[("cell", &cell)], exactly(number));
        }
    }
    expected
}

/// The bounds that a family was told with, as written and in milliseconds.
fn bounds(told: &Told, name: &str) -> BTreeSet<(String, u64)> {
    let of_family = |(told, _): &&Key| told.strip_suffix("_bucket") == Some(name);
    let texts = told.keys().filter(of_family).flat_map(|(_, labels)| labels).filter(|(label, _)| label == "le");
    texts.filter_map(|(_, text)| Some((text.clone(), milliseconds(text)?))).collect()
}

/// Seconds as written, in whole milliseconds; beyond all there is for `+Inf`.
fn milliseconds(text: &str) -> Option<u64> {
    if text == "+Inf" {
        return Some(u64::MAX);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let thousandths: u64 = format!("{part:0<3}").parse().ok().filter(|_| part.len() <= 3)?;
    Some(whole.parse::<u64>().ok()? * 1_000 + thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_as_they_are_written() {
        let read = ["20", "0.5", "2.25", "86400", "+Inf", "1e3", "0.0001", "x"].map(milliseconds);
        assert_eq!(read, [Some(20_000), Some(500), Some(2_250), Some(86_400_000), Some(u64::MAX), None, None, None]);
        assert!(corrects("wait_seconds") && corrects("handle_seconds_sum") && !corrects("outcomes"));
    }
}
