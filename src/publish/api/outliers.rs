//! Contacts out of all proportion, the latest first.

use std::cmp::Reverse;

use serde::Serialize;

use super::queues::json;
use crate::engine::outliers::{Outlier, OutlierWords};
use crate::publish::snapshot::Snapshot;

/// The latest outliers.
#[derive(Serialize)]
struct OutliersJson<'s> {
    outliers: Vec<OutlierWords<'s>>,
}

/// Those of a queue, or of all, the latest first.
pub(super) fn latest<'s>(snapshot: &'s Snapshot, queue: Option<&str>) -> Vec<OutlierWords<'s>> {
    let all = snapshot.outliers.iter().flat_map(|of_partition| of_partition.iter());
    let wanted = all.filter(|outlier| queue.is_none_or(|queue| outlier.crossing.lane[0] == queue));
    let mut outliers: Vec<&Outlier> = wanted.collect();
    outliers.sort_by_key(|outlier| (Reverse(outlier.found_at_ms), outlier.crossing.id()));
    outliers.into_iter().map(OutlierWords::from).collect()
}

/// The page: those of a queue, or of all.
pub fn page(snapshot: &Snapshot, queue: Option<&str>) -> Vec<u8> {
    json(&OutliersJson { outliers: latest(snapshot, queue) })
}
