//! Whether what is shown of lanes is what the naive model says of the same events at the same instant: every series, no
//! more and no fewer.
//!
//! Counts, who waits, levels and maxima are to be equal. A quantile may be told as up to 0.1 % more than the value of its
//! rank, which is what the edges of a histogram's cells are apart.

use std::collections::{BTreeMap, BTreeSet};

use holdline::engine::settings::Settings;
use holdline::engine::tally::{Cell, Measure, Quantity};

use crate::model::log::Model;
use crate::model::stay::Lane;
use crate::model::view::{self, By, Group, Key as LaneKey, Sums};
use crate::scrape::{Key, Scrape};

const EACH: By = By { queue: true, channel: true, tier: true };

/// What something is promised on where nothing is said of other measures.
const PROMISED: [Measure; 2] = [Measure::Wait, Measure::ContactWait];

/// Names of the window gauges and the cells that each adds up.
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

/// What was found equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Compared {
    /// Series.
    pub series: usize,
    /// Of those, with another value than zero.
    pub not_zero: usize,
}

/// The least and the most that a series may say.
type Expected = BTreeMap<Key, (f64, f64)>;

/// The instant that a scrape is of, in milliseconds since 1970.
pub fn shown_for(scrape: &Scrape) -> u64 {
    let seconds = scrape.value("holdline_view_timestamp_seconds", &[]).expect("there is a view");
    (seconds * 1_000.0).round() as u64
}

/// Compares what is shown by the one process that holds everything.
pub fn whole(scrape: &Scrape, models: &[Model], settings: &Settings) -> Compared {
    let now = shown_for(scrape);
    let mut expected = cells(models, settings, now);
    expected.extend(statements(models, settings, now));
    compare(&scrape.all(is_of_lanes), &expected, now)
}

/// Compares the sum of what is shown by several that hold parts, at instants within the same slot.
pub fn parts(scrapes: &[&Scrape], models: &[Model], settings: &Settings) -> Compared {
    let now = shown_for(scrapes[0]);
    let mut told: BTreeMap<Key, f64> = BTreeMap::new();
    for scrape in scrapes {
        assert_eq!(slot(shown_for(scrape), settings), slot(now, settings), "of different slots");
        for (key, value) in scrape.all(is_of_lanes) {
            // Of those that wait, the oldest of all is meant.
            let is_instant = key.0 == OLDEST;
            told.entry(key)
                .and_modify(|sum| *sum = if is_instant { sum.min(value) } else { *sum + value })
                .or_insert(value);
        }
    }
    compare(&told, &cells(models, settings, now), now)
}

/// The slot up to which is shown at this instant.
pub fn slot(now: u64, settings: &Settings) -> u64 {
    now / settings.slots.fine_ms
}

const OLDEST: &str = "holdline_oldest_waiting_timestamp_seconds";

fn is_of_lanes(name: &str) -> bool {
    let gauges = ["holdline_contacts_waiting", "holdline_contacts_waiting_over_target", "holdline_service_level_ratio"];
    // What was said of contacts the model does not tell.
    let said = ["holdline_window_survey_", "holdline_window_outcome", "holdline_window_contacts_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    (name.starts_with("holdline_window_") && !said) || name == OLDEST || gauges.contains(&name)
}

fn compare(told: &BTreeMap<Key, f64>, expected: &Expected, now: u64) -> Compared {
    let keys: BTreeSet<&Key> = told.keys().chain(expected.keys()).collect();
    let mut compared = Compared::default();
    let wrong = keys.into_iter().filter_map(|key| {
        let (value, range) = (told.get(key), expected.get(key));
        match (value, range) {
            (Some(value), Some((least, most))) if (least..=most).contains(&value) => {
                compared.series += 1;
                compared.not_zero += usize::from(*value != 0.0);
                None
            }
            _ => Some(format!("{key:?}: told {value:?}, by the model {range:?}")),
        }
    });
    let wrong: Vec<String> = wrong.collect();
    let first = wrong.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "at {now}, {} series differ from the model:\n{first}", wrong.len());
    compared
}

/// What adds up over processes: counts, and who waits.
fn cells(models: &[Model], settings: &Settings, now: u64) -> Expected {
    let mut expected = Expected::new();
    each_window(models, settings, now, |lane, window, _, group| {
        for measure in PROMISED {
            let sums = group.measures.get(&measure).cloned().unwrap_or_default();
            for (name, cells) in CELLS {
                let count = cells.iter().map(|&cell| count(&sums, cell)).sum();
                insert(&mut expected, name, lane, &[("window", window), ("measure", measure.name())], (count, count));
            }
        }
        let effort = group.measures.get(&Measure::Effort).cloned().unwrap_or_default();
        for (name, cell) in [("holdline_window_resolved", Cell::Resolved), ("holdline_window_reopened", Cell::Reopened)]
        {
            let count = count(&effort, cell);
            insert(&mut expected, name, lane, &[("window", window)], (count, count));
        }
    });
    for (lane, group) in groups_of(models, 0, floor(now, settings.slots.fine_ms)) {
        let waits = group.measures.get(&Measure::Wait).cloned().unwrap_or_default();
        for (name, number) in [
            ("holdline_contacts_waiting", waits.waiting),
            ("holdline_contacts_waiting_over_target", waits.waiting_over),
        ] {
            insert(&mut expected, name, &lane, &[], (number as f64, number as f64));
        }
        if let Some(oldest) = group.longest.get(&Measure::Wait).and_then(|list| list.first()) {
            let since = oldest.since as f64 / 1_000.0;
            insert(&mut expected, OLDEST, &lane, &[], (since, since));
        }
    }
    expected
}

/// What only a process that holds everything may say: levels by the headline formula, and quantiles.
fn statements(models: &[Model], settings: &Settings, now: u64) -> Expected {
    let mut expected = Expected::new();
    each_window(models, settings, now, |lane, window, quantiles, group| {
        for measure in PROMISED {
            let Some(sums) = group.measures.get(&measure) else { continue };
            let labels = [("window", window), ("measure", measure.name())];
            let answered = count(sums, Cell::AnsweredWithin);
            let judged = answered + count(sums, Cell::AbandonedWithin) + count(sums, Cell::Overdue);
            if judged > 0.0 {
                let labels = [labels[0], labels[1], ("formula", "offered")];
                let level = answered / judged;
                insert(&mut expected, "holdline_service_level_ratio", lane, &labels, (level, level));
            }
            if !quantiles {
                continue;
            }
            for (outcome, quantity) in OUTCOMES {
                let name = "holdline_window_wait_seconds";
                each_rank(sums, quantity, |rank, range| {
                    let labels = [labels[0], labels[1], ("outcome", outcome), ("q", rank)];
                    insert(&mut expected, name, lane, &labels, range);
                });
            }
            if measure == Measure::Wait {
                each_rank(sums, Quantity::Handle, |rank, range| {
                    let labels = [labels[0], ("q", rank)];
                    insert(&mut expected, "holdline_window_handle_seconds", lane, &labels, range);
                });
            }
        }
    });
    expected
}

/// Every lane that was ever offered anything, in every window; with its name, and whether it has quantiles.
fn each_window(models: &[Model], settings: &Settings, now: u64, mut each: impl FnMut(&LaneKey, &str, bool, &Group)) {
    for window in &settings.windows {
        let from = floor(now.saturating_sub(window.length_ms), settings.slots.coarse_ms);
        for (lane, group) in groups_of(models, from, floor(now, settings.slots.fine_ms)) {
            each(&lane, &window.name, window.quantiles, &group);
        }
    }
}

fn groups_of(models: &[Model], from: u64, to: u64) -> BTreeMap<LaneKey, Group> {
    let stays = || models.iter().flat_map(Model::stays);
    let mut groups = view::view(stays(), from, to, EACH);
    let lanes: BTreeSet<&Lane> = stays().map(|(_, stay)| &*stay.lane).collect();
    for lane in lanes {
        groups.entry(EACH.key(lane)).or_default();
    }
    groups
}

fn each_rank(sums: &Sums, quantity: Quantity, mut each: impl FnMut(&str, (f64, f64))) {
    // The longest first.
    let Some(durations) = sums.durations.get(&quantity).filter(|durations| !durations.is_empty()) else { return };
    let seconds = |at: usize| durations[at].0 as f64 / 1_000.0;
    for (rank, per_mille) in RANKS {
        let nearest = (durations.len() * per_mille).div_ceil(1_000).max(1);
        let exact = seconds(durations.len() - nearest);
        each(rank, (exact, (exact * 1.001).min(seconds(0))));
    }
    each("max", (seconds(0), seconds(0)));
}

fn count(sums: &Sums, cell: Cell) -> f64 {
    sums.cells.get(&cell).copied().unwrap_or(0) as f64
}

fn insert(expected: &mut Expected, name: &str, lane: &LaneKey, labels: &[(&str, &str)], range: (f64, f64)) {
    let (queue, channel, tier) = lane;
    let parts = [("queue", queue), ("channel", channel), ("tier", tier)];
    let lane = parts.into_iter().filter_map(|(label, part)| Some((label.to_owned(), part.clone()?)));
    let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
    let labels: BTreeMap<String, String> = lane.chain(labels).collect();
    let before = expected.insert((name.to_owned(), labels.into_iter().collect()), range);
    assert!(before.is_none(), "{name} twice");
}

fn floor(time: u64, width: u64) -> u64 {
    time / width * width
}
