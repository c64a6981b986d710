//! Who waits, who is in service and who is not over, at the instant.

use super::{Scene, exactly, insert};
use crate::engine::tally::Measure;
use crate::model::view::Group;
use crate::verify::compare::Expected;

/// The gauges of the instant. Numbers add up over instances; of since when the oldest waits, the least is meant.
pub fn waiting(scene: &Scene<'_>) -> Expected {
    let mut expected = Expected::new();
    for (key, group) in scene.groups(0, scene.edge()) {
        if !scene.promises.contains_key(&key) {
            continue;
        }
        for (name, number) in [
            ("holdline_contacts_waiting", waits(&group, Measure::Wait)),
            ("holdline_contacts_waiting_over_target", waits_over(&group, Measure::Wait)),
            ("holdline_contacts_in_service", waits(&group, Measure::Handle)),
            ("holdline_contacts_active", waits(&group, Measure::Backlog)),
        ] {
            insert(&mut expected, name, &key, &[], exactly(number as f64));
        }
        if let Some(since) = oldest(&group, Measure::Wait) {
            insert(&mut expected, "holdline_oldest_waiting_timestamp_seconds", &key, &[], exactly(since));
        }
        let is_awaited = |measure: &Measure| !matches!(measure, Measure::Wait | Measure::ContactWait);
        for measure in scene.promised(&key).into_iter().filter(is_awaited) {
            let labels = [("measure", measure.name())];
            for (name, number) in [
                ("holdline_contacts_awaiting", waits(&group, measure)),
                ("holdline_contacts_awaiting_over_target", waits_over(&group, measure)),
            ] {
                insert(&mut expected, name, &key, &labels, exactly(number as f64));
            }
            if let Some(since) = oldest(&group, measure) {
                insert(&mut expected, "holdline_oldest_awaiting_timestamp_seconds", &key, &labels, exactly(since));
            }
        }
    }
    expected
}

fn waits(group: &Group, measure: Measure) -> u64 {
    group.measures.get(&measure).map_or(0, |sums| sums.waiting)
}

fn waits_over(group: &Group, measure: Measure) -> u64 {
    group.measures.get(&measure).map_or(0, |sums| sums.waiting_over)
}

/// Since when the one waits that waits longest, in seconds since 1970.
fn oldest(group: &Group, measure: Measure) -> Option<f64> {
    let first = group.longest.get(&measure)?.first()?;
    Some(first.since as f64 / 1_000.0)
}
