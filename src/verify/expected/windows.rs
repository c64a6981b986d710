//! What happened in each window: cells, which add up over instances, and levels and quantiles, which do not.
//!
//! A quantile may be told as up to 0.1 % more than the value of its rank, which is what the edges of a histogram's cells
//! are apart; everything else is to be equal.

use super::{Scene, count, durations, exactly, floor, insert};
use crate::engine::settings::Window;
use crate::engine::tally::{Cell, Formula, Measure, Quantity};
use crate::model::view::{Group, Key as GroupKey, Sums};
use crate::verify::compare::{Expected, Range};

/// Names of gauges and the cells that each adds up.
const CELLS: [(&str, &[Cell]); 10] = [
    ("holdline_window_decided", &[Cell::AnsweredWithin, Cell::AbandonedWithin, Cell::LeftWithin, Cell::Overdue]),
    ("holdline_window_answered_within", &[Cell::AnsweredWithin]),
    ("holdline_window_abandoned_within", &[Cell::AbandonedWithin]),
    ("holdline_window_short_abandoned", &[Cell::AbandonedShort]),
    ("holdline_window_left_within", &[Cell::LeftWithin]),
    ("holdline_window_overdue", &[Cell::Overdue]),
    ("holdline_window_offered", &[Cell::Offered]),
    ("holdline_window_answered", &[Cell::Answered]),
    ("holdline_window_abandoned", &[Cell::Abandoned]),
    ("holdline_window_left", &[Cell::Left]),
];

const RANKS: [(&str, usize); 5] = [("0.5", 500), ("0.9", 900), ("0.95", 950), ("0.99", 990), ("0.999", 999)];

const OUTCOMES: [(&str, Quantity); 3] =
    [("answered", Quantity::WaitAnswered), ("abandoned", Quantity::WaitAbandoned), ("left", Quantity::WaitLeft)];

/// Numbers, not times, that contacts took.
const NUMBERS: [(&str, &str, Quantity); 2] = [
    ("holdline_window_replies", "holdline_window_contact_replies", Quantity::Replies),
    ("holdline_window_transfers", "holdline_window_contact_transfers", Quantity::Transfers),
];

/// What adds up over instances.
pub fn cells(scene: &Scene<'_>) -> Expected {
    let mut expected = Expected::new();
    each_window(scene, |key, window, group| {
        let nothing = Sums::default();
        for measure in scene.promised(key) {
            let sums = group.measures.get(&measure).unwrap_or(&nothing);
            for (name, cells) in CELLS {
                let number: u64 = cells.iter().map(|&cell| count(sums, cell)).sum();
                let labels = [("window", &*window.name), ("measure", measure.name())];
                insert(&mut expected, name, key, &labels, exactly(number as f64));
            }
            let common = scene.promises.get(key).and_then(|promises| promises.get(&measure));
            if let Some(formula) = common.and_then(|common| common.formula) {
                let (kept, judged) = terms(sums, formula);
                let labels = [("window", &*window.name), ("measure", measure.name())];
                insert(&mut expected, "holdline_window_kept", key, &labels, exactly(kept as f64));
                insert(&mut expected, "holdline_window_judged", key, &labels, exactly(judged as f64));
            }
        }
        let labels = [("window", &*window.name)];
        let effort = group.measures.get(&Measure::Effort);
        // Of contacts never offered there is only that they were reopened.
        if effort.is_some() || scene.promises.contains_key(key) {
            let effort = effort.unwrap_or(&nothing);
            for (name, cell) in
                [("holdline_window_resolved", Cell::Resolved), ("holdline_window_reopened", Cell::Reopened)]
            {
                insert(&mut expected, name, key, &labels, exactly(count(effort, cell) as f64));
            }
        }
        for (sum_name, _, quantity) in NUMBERS.into_iter().filter(|_| window.quantiles) {
            let numbers = effort.map_or(&[][..], |effort| durations(effort, quantity));
            if !numbers.is_empty() {
                let sum: u64 = numbers.iter().map(|(number, _)| number).sum();
                insert(&mut expected, sum_name, key, &labels, exactly(sum as f64));
            }
        }
    });
    expected
}

/// What only an instance that holds everything may say: levels, by the headline formula or by all of them, and quantiles.
pub fn statements(scene: &Scene<'_>, all_formulas: bool) -> Expected {
    let mut expected = Expected::new();
    each_window(scene, |key, window, group| {
        let in_window = ("window", &*window.name);
        for (measure, common) in scene.promises.get(key).into_iter().flatten() {
            let Some(sums) = group.measures.get(measure) else { continue };
            let formulas = if all_formulas { Formula::ALL.to_vec() } else { common.formula.into_iter().collect() };
            for formula in formulas {
                let (kept, judged) = terms(sums, formula);
                if window.quantiles && Some(formula) == common.formula && judged > 0 {
                    let labels = [in_window, ("measure", measure.name())];
                    for (name, end) in BOUNDS.into_iter().zip(interval(kept, judged)) {
                        insert(&mut expected, name, key, &labels, (end - 1e-9, end + 1e-9));
                    }
                }
                if judged > 0 {
                    let level = kept as f64 / judged as f64;
                    let labels = [in_window, ("measure", measure.name()), ("formula", formula.name())];
                    insert(&mut expected, "holdline_service_level_ratio", key, &labels, exactly(level));
                }
            }
        }
        for (measure, sums) in group.measures.iter().filter(|_| window.quantiles) {
            for (outcome, quantity) in OUTCOMES {
                each_rank(durations(sums, quantity), |rank, range| {
                    let labels = [in_window, ("measure", measure.name()), ("outcome", outcome), ("q", rank)];
                    insert(&mut expected, "holdline_window_wait_seconds", key, &labels, seconds(range));
                });
            }
            if *measure == Measure::Wait {
                each_rank(durations(sums, Quantity::Handle), |rank, range| {
                    let labels = [in_window, ("q", rank)];
                    insert(&mut expected, "holdline_window_handle_seconds", key, &labels, seconds(range));
                });
            }
            for (_, name, quantity) in NUMBERS {
                each_rank(durations(sums, quantity), |rank, range| {
                    insert(&mut expected, name, key, &[in_window, ("q", rank)], range);
                });
            }
        }
    });
    expected
}

fn each_window(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, &Window, &Group)) {
    let Some(settings) = scene.models.first().map(|model| model.settings()) else { return };
    for window in &settings.windows {
        let from = begin(window, scene.now_ms, settings.slots.coarse_ms);
        for (key, group) in scene.groups(from, scene.edge()) {
            each(&key, window, &group);
        }
    }
}

/// Where a window begins that ends at an instant, all in milliseconds.
pub fn begin(window: &Window, now_ms: u64, coarse_ms: u64) -> u64 {
    floor(now_ms.saturating_sub(window.length_ms), coarse_ms)
}

const BOUNDS: [&str; 2] = ["holdline_service_level_lower_ratio", "holdline_service_level_upper_ratio"];

/// The levels x at which what was seen is just as far away as it may be: (p - x)^2 = z^2 x (1 - x) / n.
fn interval(kept: u64, judged: u64) -> [f64; 2] {
    let (share, count, z) = (kept as f64 / judged as f64, judged as f64, 1.96_f64);
    let (a, b, c) = (count + z * z, -(2.0 * count * share + z * z), count * share * share);
    let root = (b * b - 4.0 * a * c).max(0.0).sqrt();
    [(-b - root) / (2.0 * a), (-b + root) / (2.0 * a)]
}

/// How many were in time and how many were judged, written down once more from the definitions.
fn terms(sums: &Sums, formula: Formula) -> (u64, u64) {
    let of = |cell| count(sums, cell);
    let (kept, gave_up, short) = (of(Cell::AnsweredWithin), of(Cell::AbandonedWithin), of(Cell::AbandonedShort));
    let (overdue, left) = (of(Cell::Overdue), of(Cell::LeftWithin));
    let decided = kept + gave_up + left + overdue;
    match formula {
        Formula::Offered => (kept, decided - left),
        Formula::AnsweredOnly => (kept, of(Cell::Answered)),
        Formula::IgnoreAbandonedWithin => (kept, kept + overdue),
        Formula::CountAbandonedWithin => (kept + gave_up, decided - left),
        Formula::ExcludeShortAbandoned => (kept, decided - left - short),
        Formula::CountShortAbandoned => (kept + short, decided - left),
        Formula::OfferedAndLeft => (kept, decided),
        Formula::RemovedWithin => (decided - overdue, decided),
    }
}

/// By nearest rank, of values in descending order.
fn each_rank(values: &[(u64, String)], mut each: impl FnMut(&str, Range)) {
    let Some(&(most, _)) = values.first() else { return };
    for (rank, per_mille) in RANKS {
        let nearest = (values.len() * per_mille).div_ceil(1_000).max(1);
        let exact = values[values.len() - nearest].0 as f64;
        each(rank, (exact, (exact * 1.001).min(most as f64)));
    }
    each("max", exactly(most as f64));
}

fn seconds((least, most): Range) -> Range {
    (least / 1_000.0, most / 1_000.0)
}
