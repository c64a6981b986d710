//! What customers said, and what came of contacts: answers to surveys, and outcomes.
//!
//! Counts and amounts add up over lanes and over instances, so they are always told. A mean, a share or a rate is a
//! statement about a whole queue, and is told only by a process that holds all of it. Where nothing was said there is no
//! series. Ratings and outcomes of contacts whose offer is not known are told of `_unknown` channels and tiers.

use super::family::{Family, Samples, Scene};
use crate::engine::board::{Group, GroupKey};
use crate::engine::experience::{HeardOutcome, OutcomeTally, SurveyTally};
use crate::engine::tally::{Cell, Measure};
use crate::engine::view::View;

pub(super) const FAMILIES: &[Family] = &[
    Family::counter(
        "holdline_survey_responses_total",
        "Answers to the survey, also those that are not on its scale.",
        responses,
    ),
    Family::counter("holdline_outcomes_total", "How often this came of a contact.", |scene, samples| {
        outcomes(scene, samples, |outcome| Some(outcome.count as f64));
    }),
    Family::counter(
        "holdline_outcome_amount_total",
        "The sum of the amounts that came of contacts, in the unit of the events; absent where no amount was given.",
        |scene, samples| {
            outcomes(scene, samples, |outcome| {
                (outcome.amount_millionths > 0).then_some(outcome.amount_millionths as f64 / 1e6)
            });
        },
    ),
    Family::gauge(
        "holdline_window_survey_responses",
        "Answers to the survey in the window, on its scale.",
        |scene, samples| surveys(scene, scene.shown(), samples, |tally| Some(tally.count as f64)),
    ),
    Family::gauge(
        "holdline_window_survey_out_of_range",
        "Answers to the survey in the window that are not on its scale, and counted nowhere else.",
        |scene, samples| surveys(scene, scene.shown(), samples, |tally| Some(tally.out_of_range as f64)),
    ),
    Family::gauge(
        "holdline_window_survey_satisfied",
        "Satisfied answers (or promoters) in the window; absent for surveys whose scale is not configured.",
        |scene, samples| {
            surveys(scene, scene.shown(), samples, |tally| tally.number_satisfied().map(|number| number as f64));
        },
    ),
    Family::gauge(
        "holdline_window_survey_bad",
        "Bad answers (or detractors) in the window; absent for surveys whose scale is not configured.",
        |scene, samples| surveys(scene, scene.shown(), samples, |tally| tally.number_bad().map(|number| number as f64)),
    ),
    Family::gauge(
        "holdline_window_survey_ratio",
        "Share of the answers in the window that are satisfied (or promoters) and bad (or detractors), 0 to 1; absent for \
         surveys whose scale is not configured.",
        shares,
    ),
    Family::gauge("holdline_window_survey_score", "Mean score of the answers in the window.", |scene, samples| {
        surveys(scene, scene.shown_whole(), samples, SurveyTally::mean);
    }),
    Family::gauge(
        "holdline_nps",
        "Net promoter score of the window: percent of promoters less percent of detractors, -100 to 100.",
        |scene, samples| surveys(scene, scene.shown_whole(), samples, SurveyTally::nps),
    ),
    Family::gauge(
        "holdline_window_outcomes",
        "How often this came of a contact in the window; 0 where it only came in the window before.",
        |scene, samples| {
            each_outcome(scene, scene.shown(), samples, |place| {
                Some(place.tally.map_or(0.0, |tally| tally.count as f64))
            });
        },
    ),
    Family::gauge(
        "holdline_window_outcomes_before",
        "How often it came in the same window when this one began: in the span of its length that ends there.",
        |scene, samples| each_outcome(scene, scene.shown(), samples, |place| Some(place.before as f64)),
    ),
    Family::gauge(
        "holdline_window_outcome_amount",
        "The sum of the amounts that came of contacts in the window, in the unit of the events.",
        |scene, samples| each_outcome(scene, scene.shown(), samples, |place| place.tally?.amount()),
    ),
    Family::gauge(
        "holdline_outcome_ratio",
        "How often this came of a contact in the window, for each contact answered in it, which is told in the lane of its first visit; absent where none was.",
        |scene, samples| {
            each_outcome(scene, scene.shown_whole(), samples, |place| {
                let answered = place.group.measures.get(&Measure::ContactWait)?.cells[Cell::Answered];
                place.tally.copied().unwrap_or_default().per_answered(answered)
            });
        },
    ),
];

fn responses(scene: &Scene<'_>, samples: &mut Samples) {
    if scene.shown().is_some() {
        for (key, heard) in &scene.snapshot.counted.heard.groups {
            for (survey, count) in &heard.surveys {
                samples.add_of(key, &[("survey", survey)], *count as f64);
            }
        }
    }
}

fn outcomes(scene: &Scene<'_>, samples: &mut Samples, number: fn(&HeardOutcome) -> Option<f64>) {
    if scene.shown().is_some() {
        for (key, heard) in &scene.snapshot.counted.heard.groups {
            for (name, outcome) in &heard.outcomes {
                if let Some(number) = number(outcome) {
                    samples.add_of(key, &[("name", name)], number);
                }
            }
        }
    }
}

/// Each group of each window.
fn each_group<'s>(scene: &Scene<'s>, view: Option<&'s View>, mut each: impl FnMut(&'s GroupKey, &'s str, &'s Group)) {
    for (key, view) in view.into_iter().flat_map(|view| &view.groups) {
        for (window, group) in scene.windows.iter().zip(&view.windows) {
            each(key, window, group);
        }
    }
}

fn surveys<'s>(
    scene: &Scene<'s>,
    view: Option<&'s View>,
    samples: &mut Samples,
    number: fn(&SurveyTally) -> Option<f64>,
) {
    each_group(scene, view, |key, window, group| {
        for (survey, tally) in &group.surveys {
            if let Some(number) = number(tally) {
                samples.add_of(key, &[("survey", survey), ("window", window)], number);
            }
        }
    });
}

fn shares(scene: &Scene<'_>, samples: &mut Samples) {
    each_group(scene, scene.shown_whole(), |key, window, group| {
        for (survey, tally) in &group.surveys {
            for (share, ratio) in [("satisfied", tally.satisfied()), ("bad", tally.bad())] {
                if let Some(ratio) = ratio {
                    samples.add_of(key, &[("survey", survey), ("window", window), ("share", share)], ratio);
                }
            }
        }
    });
}

/// An outcome that came in a window, or in the one before.
struct Place<'s> {
    group: &'s Group,
    /// None if it only came in the one before.
    tally: Option<&'s OutcomeTally>,
    before: u64,
}

fn each_outcome<'s>(
    scene: &Scene<'s>,
    view: Option<&'s View>,
    samples: &mut Samples,
    value: fn(&Place<'_>) -> Option<f64>,
) {
    each_group(scene, view, |key, window, group| {
        for name in group.outcome_names() {
            let (tally, before) = (group.outcomes.get(name), group.outcomes_before.get(name).copied().unwrap_or(0));
            if let Some(value) = value(&Place { group, tally, before }) {
                samples.add_of(key, &[("name", name), ("window", window)], value);
            }
        }
    });
}
