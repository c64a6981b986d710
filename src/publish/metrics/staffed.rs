//! How many agents each queue needs: its load, how patient its contacts are, and what that takes by Erlang's formulas.
//!
//! What each number is made of is told in [`publish::staffing`](crate::publish::staffing).

use super::family::{Family, Samples, Scene};
use crate::publish::staffing::{Outlook, Staffed};

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_arrivals_per_second",
        "Contacts offered a second, over the last half an hour or the next longer window.",
        |scene, samples| each(scene, samples, |outlook| Some(outlook.arrivals_per_second)),
    ),
    Family::gauge(
        "holdline_staffing_handle_seconds",
        "The mean handle time that agents required are computed with, in seconds; absent where nothing was handled and no baseline file tells it.",
        |scene, samples| each(scene, samples, |outlook| outlook.handle_seconds),
    ),
    Family::gauge(
        "holdline_offered_load_erlangs",
        "Contacts offered a second times the mean handle time: how many agents would be busy on average if nobody waited.",
        |scene, samples| each(scene, samples, |outlook| outlook.load.map(|load| load.erlangs())),
    ),
    Family::gauge(
        "holdline_patience_seconds",
        "The mean time after which contacts that are not answered give up, in seconds, estimated from all waits, also those that last still, in the channel of the lane that most are offered to; absent where too few gave up and no baseline file tells it.",
        |scene, samples| each(scene, samples, |outlook| outlook.patience.map(|patience| patience.seconds())),
    ),
    Family::gauge(
        "holdline_staffing_goal_ratio",
        "The goal that agents required are to keep, 0 to 1: that of the lane which most are offered to now; absent where lanes that metrics.by adds up have different goals or targets.",
        |scene, samples| each(scene, samples, |outlook| outlook.aim.map(|aim| aim.goal)),
    ),
    Family::gauge(
        "holdline_staffing_target_seconds",
        "The target on the wait of the same lane, in seconds.",
        |scene, samples| each(scene, samples, |outlook| outlook.aim.map(|aim| aim.target_seconds)),
    ),
    Family::gauge(
        "holdline_agents_required",
        "Agents that have to be there to keep the promise on the wait, by Erlang C (nobody gives up) and, where patience is known, Erlang A; absent where no handle time is known, or no goal.",
        |scene, samples| models(scene, samples, |staffed| Some(staffed.required.agents as f64)),
    ),
    Family::gauge(
        "holdline_agents_to_schedule",
        "Agents that have to be scheduled so that those required are there: with shrinkage.",
        |scene, samples| models(scene, samples, |staffed| Some(staffed.required.agents_scheduled as f64)),
    ),
    Family::gauge(
        "holdline_predicted_service_level_ratio",
        "Service level that the agents who are there reach with this load in the long run, 0 to 1; absent where no agents are told of, and where nobody comes.",
        |scene, samples| models(scene, samples, |staffed| staffed.predicted.map(|predicted| predicted.service_level)),
    ),
    Family::gauge(
        "holdline_month_start_agents_required",
        "Agents that the busiest quarter of an hour of the next month start needs, by Erlang A where patience is known, else by Erlang C, with the handle time of the longest window, or of a baseline file where that has seen few; absent where neither is known.",
        month_start,
    ),
];

fn each(scene: &Scene<'_>, samples: &mut Samples<'_>, value: impl Fn(&Outlook) -> Option<f64>) {
    for (queue, outlook) in &scene.outlooks {
        if let Some(value) = value(outlook) {
            samples.add(&[("queue", queue)], value);
        }
    }
}

fn models(scene: &Scene<'_>, samples: &mut Samples<'_>, value: fn(&Staffed) -> Option<f64>) {
    for (queue, outlook) in &scene.outlooks {
        for (model, staffed) in &outlook.models {
            if let Some(value) = value(staffed) {
                samples.add(&[("queue", queue), ("model", model.name())], value);
            }
        }
    }
}

fn month_start(scene: &Scene<'_>, samples: &mut Samples<'_>) {
    for (queue, load) in scene.loads() {
        let (Some(day), Some(outlook)) = (&load.month_start, scene.outlooks.get(queue)) else { continue };
        let busiest = day.slots.iter().max_by(|one, other| one.mean.total_cmp(&other.mean));
        if let Some(required) = busiest.and_then(|slot| outlook.planning.required(slot)) {
            samples.add(&[("queue", queue)], required.agents as f64);
        }
    }
}
