//! Cumulative histograms of durations.
//!
//! All lanes have the same buckets of a family, so that they add up: customary ones, and one for every target. What is
//! exactly as long as a target is within it. The waits of answered visits start at 0 in every lane that is shown, which
//! costs no series where anybody is ever answered; all others are there once something was measured.
//!
//! Exemplars name the contacts of the tail, so that whoever sees a bucket fill can ask for one of them.

use std::time::Duration;

use super::family::{Family, Samples, Scene, seconds};
use crate::engine::board::GroupKey;
use crate::engine::cumulative::{Histogram, Histograms, Timed};
use crate::publish::formats::Exemplar;

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
            let bounds = scene.bounds_of(timed.measure());
            samples.add_histogram(key, labels, histogram, bounds, &exemplars(scene, key, timed, histogram));
        }
    }
}

/// The waits of answered visits, of every lane that is shown or in which any were.
fn started_at_0(scene: &Scene<'_>, samples: &mut Samples) {
    let (nothing, empty) = (Histogram::default(), Histograms::default());
    let groups = &scene.snapshot.counted.histograms.groups;
    for key in scene.counted_lanes() {
        let timed = Timed::WaitAnswered;
        let histogram = groups.get(key).unwrap_or(&empty).of(timed).unwrap_or(&nothing);
        let (labels, bounds) = ([("outcome", "answered")], scene.bounds_of(timed.measure()));
        samples.add_histogram(key, &labels, histogram, bounds, &exemplars(scene, key, timed, histogram));
    }
}

/// Of each bucket the longest duration among the worst of the shortest window that lists these, ascending; none of buckets
/// that nothing was counted in, since windows reach back to before counting began.
fn exemplars<'s>(scene: &Scene<'s>, key: &GroupKey, timed: Timed, counted: &Histogram) -> Vec<Exemplar<'s>> {
    let windows = scene.shown().filter(|_| scene.exemplars).and_then(|view| view.groups.get(key));
    let mut lists =
        windows.iter().flat_map(|view| &view.windows).filter_map(|group| group.worst.get(&timed.booked_as()));
    let bounds = scene.bounds_of(timed.measure());
    let mut exemplars: Vec<Exemplar<'s>> = Vec::new();
    let mut last = None;
    for worst in lists.next().into_iter().flatten() {
        let Some(contact_id) = worst.contact_id.as_deref().filter(|id| Exemplar::fits(id)) else { continue };
        let bucket = |duration_ms: u64| bounds.partition_point(|bound| *bound < duration_ms);
        let of_worst = bucket(worst.duration_ms);
        let is_counted = || counted.cells().iter().any(|(edge, _)| bucket(*edge) == of_worst);
        if last != Some(of_worst) && is_counted() {
            let at = Duration::from_millis(worst.slot.millis());
            exemplars.push(Exemplar { contact_id, seconds: seconds(worst.duration_ms), at });
            last = Some(of_worst);
        }
    }
    exemplars.reverse();
    exemplars
}
