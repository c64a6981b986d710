//! What is counted, since each partition's counters began, and what of it was taken back. Durations are in
//! [`histograms`](super::histograms).

use std::collections::BTreeMap;

use super::{Scene, exactly, insert};
use crate::engine::tally::Cell;
use crate::event::Reason;
use crate::model::counters::{Counted, Counter};
use crate::model::view::Key as GroupKey;
use crate::verify::compare::Expected;

/// Cells and their families.
const CELLS: [(&str, Cell); 9] = [
    ("holdline_contacts_offered_total", Cell::Offered),
    ("holdline_contacts_answered_total", Cell::Answered),
    ("holdline_contacts_answered_within_target_total", Cell::AnsweredWithin),
    ("holdline_contacts_abandoned_total", Cell::Abandoned),
    ("holdline_contacts_abandoned_within_target_total", Cell::AbandonedWithin),
    ("holdline_contacts_short_abandoned_total", Cell::AbandonedShort),
    ("holdline_contacts_completed_total", Cell::Completed),
    ("holdline_contacts_resolved_total", Cell::Resolved),
    ("holdline_contacts_reopened_total", Cell::Reopened),
];

/// Counters of every group that anything was ever offered in, and corrections of all together.
pub fn counters(scene: &Scene<'_>) -> Expected {
    let offered = scene.promises.keys().map(|key| (key.clone(), BTreeMap::new()));
    let mut groups: BTreeMap<GroupKey, BTreeMap<Counter, i64>> = offered.collect();
    let mut taken_back: BTreeMap<Cell, i64> = BTreeMap::new();
    for (up, down) in scene.models.iter().filter_map(|model| model.counters()) {
        for ((lane, counter), count) in up {
            *groups.entry(scene.by.key(lane)).or_default().entry(counter.clone()).or_default() += count;
        }
        add_by_cell(&mut taken_back, down);
    }
    let mut expected = Expected::new();
    let reasons: Vec<&str> = Reason::ALL.into_iter().map(Reason::name).chain(["closed"]).collect();
    for (key, counted) in groups {
        let of = |counter: Counter| exactly(counted.get(&counter).copied().unwrap_or(0) as f64);
        for (name, cell) in CELLS {
            insert(&mut expected, name, &key, &[], of(Counter::Cell(cell)));
        }
        for reason in &reasons {
            let number = of(Counter::Left((*reason).to_owned()));
            insert(&mut expected, "holdline_contacts_left_total", &key, &[("reason", reason)], number);
        }
    }
    for cell in CELLS.into_iter().map(|(_, cell)| cell).chain([Cell::Left]) {
        let number = exactly(taken_back.get(&cell).copied().unwrap_or(0) as f64);
        insert(&mut expected, "holdline_corrections_total", &(None, None, None), &[("cell", cell.name())], number);
    }
    expected
}

fn add_by_cell(sums: &mut BTreeMap<Cell, i64>, counted: &Counted) {
    for ((_, counter), count) in counted {
        let cell = match counter {
            Counter::Cell(cell) => *cell,
            Counter::Left(_) => Cell::Left,
        };
        *sums.entry(cell).or_default() += count;
    }
}
