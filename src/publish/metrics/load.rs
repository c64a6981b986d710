//! Surges, silences and days that are busier than their kind: what is usual for a queue, and how now compares.
//!
//! All of it is of whole queues, with their channels and tiers, as it was at the latest edge of five minutes, and told only by
//! a process that holds all partitions. How incidents are declared is told in [`surge`](crate::surge).

use super::family::{Family, Samples, Scene, seconds, timestamp};
use crate::publish::snapshot::{LOOK_WINDOWS, QueueLoad};
use crate::surge::{LevelTest, Reading, Reason, WindowReading};

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_surge_active",
        "1 while more contacts come than is usual, beyond chance, else 0; never 1 while holdline_surge_day_thin is.",
        |scene, samples| each(scene, samples, |load| Some(truth(surge(load).is_some()))),
    ),
    Family::gauge(
        "holdline_surge_critical",
        "1 while a surge is on that was critical at some time, else 0.",
        |scene, samples| {
            each(scene, samples, |load| Some(truth(surge(load).is_some_and(|incident| incident.is_critical))));
        },
    ),
    Family::gauge(
        "holdline_surge_score",
        "How surprising the windows of 15 minutes, half an hour and an hour are that end now, the largest of them: about a normal deviate.",
        |scene, samples| each(scene, samples, |load| Some(load.reading.score)),
    ),
    Family::gauge(
        "holdline_surge_magnitude_ratio",
        "How many times as many contacts came as were expected, in the window with the largest score; absent where nobody is expected.",
        |scene, samples| each(scene, samples, |load| magnitude(&load.reading)),
    ),
    Family::gauge(
        "holdline_surge_peak_magnitude_ratio",
        "The largest magnitude of the surge that is on, of looks at which it was as surprising as one that is declared; absent while there is none.",
        |scene, samples| each(scene, samples, |load| surge(load).map(|incident| incident.magnitude)),
    ),
    Family::gauge(
        "holdline_surge_start_timestamp_seconds",
        "When the surge or silence that is on began, in seconds since 1970; absent while there is none.",
        |scene, samples| {
            each(scene, samples, |load| load.incident.as_ref().map(|incident| seconds(incident.start_ms)));
        },
    ),
    Family::counter(
        "holdline_surge_incidents_total",
        "Surges and silences that began since the process first looked, by reason: arrivals, callers_back after a silence, silence.",
        incidents,
    ),
    Family::gauge(
        "holdline_surge_silent",
        "1 while hardly anybody comes although the queue is open and some were expected, else 0.",
        |scene, samples| each(scene, samples, |load| Some(truth(load.reading.is_silent))),
    ),
    Family::gauge(
        "holdline_surge_day_unusual",
        "1 while today is busier than such a day, beyond chance: than an ordinary_day of its weekday, or than is usual even for its place in the month (month_start; on most days the same); absent before enough were expected since opening.",
        |scene, samples| levels(scene, samples, |level| truth(level.is_unusual)),
    ),
    Family::gauge(
        "holdline_surge_day_level",
        "How far today is above such a day, about a normal deviate; absent before enough were expected since opening.",
        |scene, samples| levels(scene, samples, |level| level.statistic),
    ),
    Family::gauge(
        "holdline_surge_day_thin",
        "1 while too little is known of what is usual on such a day: bands are wide, and no surge is declared; else 0.",
        |scene, samples| each(scene, samples, |load| Some(truth(load.reading.thin.is_some()))),
    ),
    Family::gauge(
        "holdline_surge_day_factor",
        "How many times as many contacts come at present as were expected at midnight, by what came today, without what is beyond chance.",
        |scene, samples| each(scene, samples, |load| Some(load.reading.factor)),
    ),
    Family::gauge(
        "holdline_surge_expected_offered",
        "Contacts expected in the window that ends now, by what is usual and what today is like.",
        |scene, samples| windows(scene, samples, |window| window.expected),
    ),
    Family::gauge("holdline_surge_offered", "Contacts offered in the same window.", |scene, samples| {
        windows(scene, samples, |window| window.offered as f64);
    }),
    Family::gauge(
        "holdline_surge_look_timestamp_seconds",
        "The instant of the latest look for surges, in seconds since 1970; what it said is told for 15 minutes.",
        |scene, samples| scene.looked_at().into_iter().for_each(|at| samples.add(&[], timestamp(at))),
    ),
];

/// Adds a sample for each queue that has a value.
pub(super) fn each(scene: &Scene<'_>, samples: &mut Samples<'_>, value: impl Fn(&QueueLoad) -> Option<f64>) {
    for (queue, load) in scene.loads() {
        if let Some(value) = value(load) {
            samples.add(&[("queue", queue)], value);
        }
    }
}

pub(super) fn truth(truth: bool) -> f64 {
    f64::from(u8::from(truth))
}

/// The surge that is on: a silence is none.
fn surge(load: &QueueLoad) -> Option<&crate::surge::Incident> {
    load.incident.as_ref().filter(|incident| incident.reason != Reason::Silence)
}

fn magnitude(reading: &Reading) -> Option<f64> {
    let window = &reading.windows[reading.window];
    (window.expected > 0.0).then(|| window.offered as f64 / window.expected)
}

fn incidents(scene: &Scene<'_>, samples: &mut Samples<'_>) {
    for (queue, load) in scene.loads() {
        for reason in [Reason::Arrivals, Reason::CallersBack, Reason::Silence] {
            let count = load.begun.get(&reason).copied().unwrap_or(0);
            samples.add(&[("queue", queue), ("reason", &reason.to_string())], count as f64);
        }
    }
}

fn levels(scene: &Scene<'_>, samples: &mut Samples<'_>, value: fn(&LevelTest) -> f64) {
    for (queue, load) in scene.loads() {
        let Reading { against_ordinary, against_month_start, .. } = &load.reading;
        for (against, level) in [("ordinary_day", against_ordinary), ("month_start", against_month_start)] {
            if let Some(level) = level {
                samples.add(&[("queue", queue), ("against", against)], value(level));
            }
        }
    }
}

fn windows(scene: &Scene<'_>, samples: &mut Samples<'_>, value: fn(&WindowReading) -> f64) {
    for (queue, load) in scene.loads() {
        for (name, window) in LOOK_WINDOWS.into_iter().zip(&load.reading.windows) {
            samples.add(&[("queue", queue), ("window", name)], value(window));
        }
    }
}
