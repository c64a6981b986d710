//! Contacts out of all proportion: how many were told, and beyond what.
//!
//! Every lane that has a fence starts at 0. Counts add up over processes. A fence is that of the process: of a lane whose
//! partitions several share, each knows its own part of the past.

use super::family::{Family, Samples, Scene, seconds};
use crate::engine::board::GroupKey;
use crate::engine::outliers::Aspect;

pub(super) const FAMILIES: &[Family] = &[
    Family::counter(
        "holdline_outliers_total",
        "Contacts found beyond a fence, each once for each measure: while they wait, or at the end.",
        counted,
    ),
    Family::gauge(
        "holdline_outlier_fence_seconds",
        "Beyond how many seconds a contact is an outlier: a fixed limit, or a high quantile of the lane's own past times a factor; absent where there is neither.",
        |scene, samples| {
            each_fence(scene, |key, aspect, fence| {
                if aspect.is_time() {
                    samples.add_of(key, &[("measure", aspect.name())], seconds(fence));
                }
            });
        },
    ),
    Family::gauge(
        "holdline_outlier_fence_replies",
        "Beyond how many replies a contact is an outlier; absent where nothing says so.",
        |scene, samples| numbers(scene, samples, Aspect::Replies),
    ),
    Family::gauge(
        "holdline_outlier_fence_transfers",
        "Beyond how many transfers a contact is an outlier; absent where nothing says so.",
        |scene, samples| numbers(scene, samples, Aspect::Transfers),
    ),
];

fn each_fence(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, Aspect, u64)) {
    let Some((view, fences)) = scene.shown().zip(scene.snapshot.fences.as_deref()) else { return };
    for key in view.groups.keys() {
        let fences = fences.of_group(key);
        for aspect in Aspect::ALL {
            if let Some(fence) = fences.of(aspect) {
                each(key, aspect, fence);
            }
        }
    }
}

fn numbers(scene: &Scene<'_>, samples: &mut Samples<'_>, wanted: Aspect) {
    each_fence(scene, |key, aspect, fence| {
        if aspect == wanted {
            samples.add_of(key, &[], fence as f64);
        }
    });
}

fn counted(scene: &Scene<'_>, samples: &mut Samples<'_>) {
    if scene.shown().is_none() {
        return;
    }
    let mut counts = scene.snapshot.outlier_counts.clone();
    each_fence(scene, |key, aspect, _| {
        counts.entry((key.clone(), aspect)).or_default();
    });
    for ((key, aspect), count) in counts {
        samples.add_of(&key, &[("measure", aspect.name())], count as f64);
    }
}
