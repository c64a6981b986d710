//! Whether what is shown of lanes is what the naive model says of the same events at the same instant: every series of
//! families that the model tells, no more and no fewer.
//!
//! What is expected is what `holdline verify` expects. Counters are left out: what they should be the truth says.

use std::collections::BTreeMap;

use holdline::engine::settings::Settings;
use holdline::model::log::Model;
use holdline::model::view::By;
use holdline::verify::compare::{Equal, Expected, Key, compare};
use holdline::verify::expected::{Kind, Scene, kind_of, now, promises, windows};

use crate::scrape::Scrape;

const EACH: By = By { queue: true, channel: true, tier: true };

/// The instant that a scrape is of, in milliseconds since 1970.
pub fn shown_for(scrape: &Scrape) -> u64 {
    let seconds = scrape.value("holdline_view_timestamp_seconds", &[]).expect("there is a view");
    (seconds * 1_000.0).round() as u64
}

/// Compares what is shown by the one process that holds everything.
pub fn whole(scrape: &Scrape, models: &[Model]) -> Equal {
    let now = shown_for(scrape);
    let scene = Scene::new(models, now, EACH);
    let mut expected = adds_up(&scene);
    expected.extend(windows::statements(&scene, false));
    expected.extend(promises::promised(&scene));
    let is_told = |name: &str| kind_of(name).is_some_and(|kind| kind != Kind::Cumulative);
    equal(&scrape.all(is_told), &expected, now)
}

/// Compares the sum of what is shown by several that hold parts, at instants within the same slot.
pub fn parts(scrapes: &[&Scrape], models: &[Model], settings: &Settings) -> Equal {
    let now = shown_for(scrapes[0]);
    let mut told: BTreeMap<Key, f64> = BTreeMap::new();
    let is_told = |name: &str| matches!(kind_of(name), Some(Kind::Window | Kind::Statement | Kind::Now));
    for scrape in scrapes {
        assert_eq!(slot(shown_for(scrape), settings), slot(now, settings), "of different slots");
        for (key, value) in scrape.all(is_told) {
            // Of those that wait, the oldest of all is meant.
            let is_instant = key.0.contains("_oldest_");
            told.entry(key)
                .and_modify(|sum| *sum = if is_instant { sum.min(value) } else { *sum + value })
                .or_insert(value);
        }
    }
    equal(&told, &adds_up(&Scene::new(models, now, EACH)), now)
}

/// The slot up to which is shown at this instant.
pub fn slot(now: u64, settings: &Settings) -> u64 {
    now / settings.slots.fine_ms
}

fn adds_up(scene: &Scene<'_>) -> Expected {
    let mut expected = windows::cells(scene);
    expected.extend(now::waiting(scene));
    expected
}

fn equal(told: &BTreeMap<Key, f64>, expected: &Expected, now: u64) -> Equal {
    let outcome = compare(told, expected, |_| None);
    let wrong: Vec<String> = outcome.differences.iter().take(20).map(ToString::to_string).collect();
    let count = outcome.differences.len();
    assert!(count == 0, "at {now}, {count} series differ from the model:\n{}", wrong.join("\n"));
    outcome.equal
}
