//! What agents do: how many are in which state, for how long they were, and how busy that is.
//!
//! An agent who serves several queues counts in each of them, so the sum over queues is more than the agents. Where lanes
//! are not told apart by queue there is none of this: a sum would count such agents several times. Nothing here names an
//! agent. Numbers and times add up over instances; a ratio is a statement about a whole queue, and is told only by a
//! process that holds all of it.

use std::collections::BTreeMap;

use super::family::{Family, Samples, Scene, seconds};
use crate::engine::agents::tally::AgentTally;
use crate::engine::tally::{Cell, Measure};
use crate::engine::view::View;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_agents",
        "Agents of the queue in this state now, whoever serves several queues in each; nobody is counted offline.",
        now,
    ),
    Family::gauge(
        "holdline_window_agent_seconds",
        "Time that agents of the queue were in this state in the window, added up over agents, in seconds.",
        times,
    ),
    Family::gauge(
        "holdline_occupancy_ratio",
        "Share of the time in which agents of the queue were available, busy or in after-contact work that was one of the latter two, 0 to 1; absent where nobody was.",
        |scene, samples| ratios(scene, samples, |tally, _| tally.occupancy()),
    ),
    Family::gauge(
        "holdline_contacts_handled_per_agent_hour",
        "Visits completed in the window for each hour that an agent was available, busy or in after-contact work; absent where nobody was.",
        |scene, samples| ratios(scene, samples, AgentTally::handled_per_agent_hour),
    ),
];

/// Who is there is the same at the end of every window: they all end now.
fn now(scene: &Scene<'_>, samples: &mut Samples) {
    for (queue, windows) in scene.shown().into_iter().flat_map(|view| &view.agents) {
        for (state, number) in windows.first().into_iter().flat_map(|tally| tally.now.each()) {
            samples.add(&[("queue", queue), ("state", state.name())], number as f64);
        }
    }
}

/// Each queue in each window, with the place of the window.
fn each_window<'s>(scene: &Scene<'s>, view: &'s View, mut each: impl FnMut(&'s str, &'s str, usize, &'s AgentTally)) {
    for (queue, windows) in &view.agents {
        for (place, (window, tally)) in scene.windows.iter().zip(windows).enumerate() {
            each(queue, window, place, tally);
        }
    }
}

fn times(scene: &Scene<'_>, samples: &mut Samples) {
    let Some(view) = scene.shown() else { return };
    each_window(scene, view, |queue, window, _, tally| {
        for (state, time_ms) in tally.time_ms.each() {
            samples.add(&[("queue", queue), ("state", state.name()), ("window", window)], seconds(time_ms));
        }
    });
}

fn ratios(scene: &Scene<'_>, samples: &mut Samples, ratio: fn(&AgentTally, u64) -> Option<f64>) {
    let Some(view) = scene.shown_whole() else { return };
    let completed = completed_by_queue(view);
    each_window(scene, view, |queue, window, place, tally| {
        let completed = completed.get(queue).and_then(|windows| windows.get(place)).copied();
        if let Some(ratio) = ratio(tally, completed.unwrap_or(0)) {
            samples.add(&[("queue", queue), ("window", window)], ratio);
        }
    });
}

/// Visits completed in each window, in all lanes of each queue.
fn completed_by_queue(view: &View) -> BTreeMap<&str, Vec<u64>> {
    let mut queues: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (key, lane) in &view.groups {
        let Some(queue) = key.queue.as_deref() else { continue };
        let sums = queues.entry(queue).or_insert_with(|| vec![0; lane.windows.len()]);
        for (sum, group) in sums.iter_mut().zip(&lane.windows) {
            *sum += group.measures.get(&Measure::Wait).map_or(0, |tally| tally.cells[Cell::Completed]);
        }
    }
    queues
}
