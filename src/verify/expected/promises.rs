//! What is promised to each group, as far as its lanes agree, and whether a calendar has it open.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scene, exactly, insert};
use crate::engine::settings::{Promise, Promises, Settings};
use crate::engine::tally::{Formula, Measure};
use crate::model::log::Model;
use crate::model::stay::Lane;
use crate::model::view::{By, Key as GroupKey};
use crate::verify::compare::Expected;

/// What all lanes of a group are promised alike; none where they differ, or where some are promised nothing.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Common {
    /// The target, in milliseconds.
    pub answer_within_ms: Option<u64>,
    /// The goal.
    pub goal: Option<f64>,
    /// The headline formula.
    pub formula: Option<Formula>,
    /// Below how many decided a level says little.
    pub min_contacts: Option<u64>,
}

/// What is promised at this instant to every group that anything was ever offered in.
pub fn of_groups(models: &[&Model], now_ms: u64, by: By) -> BTreeMap<GroupKey, BTreeMap<Measure, Common>> {
    let mut lanes: BTreeMap<GroupKey, Vec<BTreeMap<Measure, Promise>>> = BTreeMap::new();
    for model in models {
        let row = in_force(model.settings(), now_ms);
        for lane in model.lanes() {
            let of = |measure| row.of_measure(measure, &lane.queue, &lane.channel, &lane.tier);
            let promises = Measure::PROMISED.into_iter().filter_map(|measure| Some((measure, of(measure)?)));
            lanes.entry(by.key(&lane)).or_default().push(promises.collect());
        }
    }
    let common = |of_lanes: Vec<BTreeMap<Measure, Promise>>| {
        let measures: BTreeSet<Measure> = of_lanes.iter().flat_map(|promises| promises.keys().copied()).collect();
        measures.into_iter().map(|measure| (measure, agreed(&of_lanes, measure))).collect()
    };
    lanes.into_iter().map(|(key, of_lanes)| (key, common(of_lanes))).collect()
}

fn agreed(lanes: &[BTreeMap<Measure, Promise>], measure: Measure) -> Common {
    fn alike<T: PartialEq>(values: impl Iterator<Item = Option<T>>) -> Option<T> {
        let mut values = values;
        let first = values.next()??;
        values.all(|value| value.as_ref() == Some(&first)).then_some(first)
    }
    let of = || lanes.iter().map(|promises| promises.get(&measure));
    Common {
        answer_within_ms: alike(of().map(|promise| Some(promise?.answer_within_ms))),
        goal: alike(of().map(|promise| Some(promise?.goal))),
        formula: alike(of().map(|promise| Some(promise?.formula))),
        min_contacts: alike(of().map(|promise| Some(promise?.min_contacts))),
    }
}

/// Goals, targets and least numbers; and whether it is open, where there is a calendar.
pub fn promised(scene: &Scene<'_>) -> Expected {
    let mut expected = Expected::new();
    for (key, promises) in &scene.promises {
        for (measure, common) in promises {
            let labels = [("measure", measure.name())];
            let target = common.answer_within_ms.map(|target_ms| target_ms as f64 / 1_000.0);
            let least = common.min_contacts.map(|least| least as f64);
            for (name, value) in [("goal_ratio", common.goal), ("target_seconds", target), ("min_contacts", least)] {
                if let Some(value) = value {
                    insert(&mut expected, &format!("holdline_service_level_{name}"), key, &labels, exactly(value));
                }
            }
            if let Some(formula) = common.formula {
                let labels = [labels[0], ("formula", formula.name())];
                insert(&mut expected, "holdline_service_level_formula", key, &labels, exactly(1.0));
            }
        }
    }
    let mut open: BTreeMap<GroupKey, bool> = BTreeMap::new();
    for model in &scene.models {
        for lane in model.lanes() {
            if let Some(is_open) = is_open(model.settings(), &lane, scene.now_ms) {
                *open.entry(scene.by.key(&lane)).or_default() |= is_open;
            }
        }
    }
    for (key, is_open) in open {
        insert(&mut expected, "holdline_queue_open", &key, &[], exactly(f64::from(u8::from(is_open))));
    }
    expected
}

fn is_open(settings: &Settings, lane: &Lane, now_ms: u64) -> Option<bool> {
    let promises = in_force(settings, now_ms);
    let named = promises.calendar_of(&lane.queue, &lane.channel, &lane.tier)?;
    Some(promises.calendars.get(named)?.is_open(now_ms))
}

fn in_force(settings: &Settings, time: u64) -> &Promises {
    let row = settings.promises.iter().rev().find(|(from, _)| from.millis() <= time);
    &row.unwrap_or(&settings.promises[0]).1
}
