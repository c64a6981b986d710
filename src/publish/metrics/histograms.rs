//! Cumulative histograms of durations.
//!
//! All lanes have the same buckets of a family, so that they add up: customary ones, and one for every target. What is
//! exactly as long as a target is within it. The waits of answered visits start at 0 in every lane that is shown, which
//! costs no series where anybody is ever answered; all others are there once something was measured.

use super::family::{Family, Samples, Scene};
use crate::engine::cumulative::{Histogram, Histograms, Timed};

pub(super) const FAMILIES: &[Family] = &[
    Family::histogram(
        "holdline_wait_seconds",
        "How long visits waited until they were answered, abandoned or left.",
        |scene, samples| {
            started_at_0(scene, samples);
            measured(scene, samples, Timed::WaitAbandoned, &[("outcome", "abandoned")]);
            measured(scene, samples, Timed::WaitLeft, &[("outcome", "left")]);
        },
    ),
    Family::histogram(
        "holdline_handle_seconds",
        "How long answered visits were handled, by their completion: talk, hold and after-contact work.",
        |scene, samples| measured(scene, samples, Timed::Handle, &[]),
    ),
    Family::histogram(
        "holdline_first_reply_seconds",
        "How long contacts waited from their first offer until an agent first wrote.",
        |scene, samples| measured(scene, samples, Timed::FirstReply, &[]),
    ),
    Family::histogram(
        "holdline_resolution_seconds",
        "How long contacts took from their first offer until they were resolved; counted again at each later resolution.",
        |scene, samples| measured(scene, samples, Timed::Resolution, &[]),
    ),
];

/// That of every lane in which something was ever measured; none while nothing is shown.
fn measured(scene: &Scene<'_>, samples: &mut Samples, timed: Timed, labels: &[(&str, &str)]) {
    if scene.shown().is_none() {
        return;
    }
    for (key, histograms) in &scene.snapshot.counted.histograms.groups {
        if let Some(histogram) = histograms.of(timed) {
            samples.add_histogram(key, labels, histogram, scene.bounds_of(timed.measure()));
        }
    }
}

/// The waits of answered visits, of every lane that is shown or in which any were.
fn started_at_0(scene: &Scene<'_>, samples: &mut Samples) {
    let (nothing, empty) = (Histogram::default(), Histograms::default());
    let groups = &scene.snapshot.counted.histograms.groups;
    for key in scene.counted_lanes() {
        let histogram = groups.get(key).unwrap_or(&empty).of(Timed::WaitAnswered);
        let bounds = scene.bounds_of(Timed::WaitAnswered.measure());
        samples.add_histogram(key, &[("outcome", "answered")], histogram.unwrap_or(&nothing), bounds);
    }
}
