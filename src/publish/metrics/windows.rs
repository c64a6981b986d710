//! What happened in the trailing windows: cells, service levels, waits and handle times.
//!
//! Cells add up over lanes and over instances, so they are always told. A level or a quantile is a statement about a whole
//! queue, and is told only by a process that holds all of it.

use super::family::{Family, Samples, Scene, seconds};
use crate::config::Formulas;
use crate::engine::board::{Group, GroupKey};
use crate::engine::breach::Judged;
use crate::engine::histogram::Distribution;
use crate::engine::tally::{Cell, Cells, Formula, Measure, Quantity, Tally};
use crate::engine::view::{GroupView, View};

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_window_decided",
        "What was decided in the window: answered, abandoned or left within the target, or overdue. Of the wait these are visits, of the other measures what each of them counts.",
        |scene, samples| cells(scene, samples, Cells::decided),
    ),
    Family::gauge(
        "holdline_window_answered_within",
        "Answered (replied to, resolved, handled) in the window, within the target.",
        |scene, samples| cells(scene, samples, |cells| cells[Cell::AnsweredWithin]),
    ),
    Family::gauge(
        "holdline_window_abandoned_within",
        "Abandoned in the window, within the target.",
        |scene, samples| cells(scene, samples, |cells| cells[Cell::AbandonedWithin]),
    ),
    Family::gauge(
        "holdline_window_short_abandoned",
        "Abandoned in the window, before the short-abandon limit.",
        |scene, samples| cells(scene, samples, |cells| cells[Cell::AbandonedShort]),
    ),
    Family::gauge(
        "holdline_window_left_within",
        "Left or closed otherwise in the window, within the target.",
        |scene, samples| cells(scene, samples, |cells| cells[Cell::LeftWithin]),
    ),
    Family::gauge(
        "holdline_window_overdue",
        "Still waiting when the target expired in the window, whatever became of it.",
        |scene, samples| cells(scene, samples, |cells| cells[Cell::Overdue]),
    ),
    Family::gauge("holdline_window_offered", "Offered, or begun, in the window.", |scene, samples| {
        cells(scene, samples, |cells| cells[Cell::Offered]);
    }),
    Family::gauge(
        "holdline_window_answered",
        "Answered (replied to, resolved, handled) in the window.",
        |scene, samples| {
            cells(scene, samples, |cells| cells[Cell::Answered]);
        },
    ),
    Family::gauge("holdline_window_abandoned", "Abandoned in the window.", |scene, samples| {
        cells(scene, samples, |cells| cells[Cell::Abandoned]);
    }),
    Family::gauge("holdline_window_left", "Left or closed otherwise in the window.", |scene, samples| {
        cells(scene, samples, |cells| cells[Cell::Left]);
    }),
    Family::gauge(
        "holdline_window_judged",
        "The denominator of the service level by the headline formula; absent where lanes added up do not agree on that.",
        |scene, samples| judged(scene, samples, |judged| judged.of),
    ),
    Family::gauge(
        "holdline_window_kept",
        "The numerator of the service level by the headline formula; absent where lanes added up do not agree on that.",
        |scene, samples| judged(scene, samples, |judged| judged.kept),
    ),
    Family::gauge(
        "holdline_service_level_ratio",
        "Service level of the window by this formula, 0 to 1; absent where nothing was judged.",
        levels,
    ),
    Family::gauge(
        "holdline_window_wait_seconds",
        "Quantiles (nearest rank, to 0.1 %) and exact maximum of the waits (for an answer, a reply, a resolution) that ended in the window, in seconds.",
        waits,
    ),
    Family::gauge(
        "holdline_window_handle_seconds",
        "Quantiles (nearest rank, to 0.1 %) and exact maximum of the handle times that ended in the window, in seconds.",
        handle_times,
    ),
    Family::gauge("holdline_window_resolved", "Resolutions of contacts in the window.", |scene, samples| {
        efforts(scene, samples, |tally| tally.cells[Cell::Resolved]);
    }),
    Family::gauge(
        "holdline_window_reopened",
        "Contacts taken up again in the window after a resolution.",
        |scene, samples| efforts(scene, samples, |tally| tally.cells[Cell::Reopened]),
    ),
    Family::gauge(
        "holdline_window_transfers",
        "Transfers of contacts whose last transfer fell into the window; of windows with quantiles, absent where there are none.",
        |scene, samples| number_sums(scene, samples, Quantity::Transfers),
    ),
    Family::gauge(
        "holdline_window_replies",
        "Agents' replies to contacts whose last reply fell into the window; of windows with quantiles, absent where there are none.",
        |scene, samples| number_sums(scene, samples, Quantity::Replies),
    ),
    Family::gauge(
        "holdline_window_contact_replies",
        "Quantiles (nearest rank) and maximum of how many replies a contact took, over those whose last reply fell into the window.",
        |scene, samples| numbers(scene, samples, Quantity::Replies),
    ),
    Family::gauge(
        "holdline_window_contact_transfers",
        "Quantiles (nearest rank) and maximum of how many transfers a contact took, over those whose last transfer fell into the window.",
        |scene, samples| numbers(scene, samples, Quantity::Transfers),
    ),
];

/// The outcomes of a wait.
const OUTCOMES: [(&str, Quantity); 3] =
    [("answered", Quantity::WaitAnswered), ("abandoned", Quantity::WaitAbandoned), ("left", Quantity::WaitLeft)];

/// Ranks in thousandths.
const RANKS: [(&str, u64); 5] = [("0.5", 500), ("0.9", 900), ("0.95", 950), ("0.99", 990), ("0.999", 999)];

/// A group in a window.
pub(super) struct Place<'s> {
    pub(super) key: &'s GroupKey,
    pub(super) view: &'s GroupView,
    /// The place of the window among those of every view, and its name.
    pub(super) at: usize,
    pub(super) window: &'s str,
    group: &'s Group,
}

pub(super) fn each_place<'s>(scene: &Scene<'s>, view: Option<&'s View>, mut each: impl FnMut(Place<'s>)) {
    for (key, view) in view.into_iter().flat_map(|view| &view.groups) {
        for (at, (window, group)) in scene.windows.iter().zip(&view.windows).enumerate() {
            each(Place { key, view, at, window, group });
        }
    }
}

/// Every measure that something is promised on.
pub(super) fn each_judged(place: &Place<'_>, mut each: impl FnMut(Measure, &Tally)) {
    let nothing = Tally::default();
    for &measure in place.view.promises.keys() {
        each(measure, place.group.measures.get(&measure).unwrap_or(&nothing));
    }
}

fn cells(scene: &Scene<'_>, samples: &mut Samples, number: fn(&Cells) -> u64) {
    each_place(scene, scene.shown(), |place| {
        each_judged(&place, |measure, tally| {
            let labels = [("window", place.window), ("measure", measure.name())];
            samples.add_of(place.key, &labels, number(&tally.cells) as f64);
        });
    });
}

/// What adds up to a level over lanes and instances, whichever formula each has.
fn judged(scene: &Scene<'_>, samples: &mut Samples<'_>, part: fn(Judged) -> u64) {
    each_place(scene, scene.shown(), |place| {
        each_judged(&place, |measure, tally| {
            if let Some(formula) = place.view.promise(measure).formula {
                let labels = [("window", place.window), ("measure", measure.name())];
                samples.add_of(place.key, &labels, part(Judged::by(formula, &tally.cells)) as f64);
            }
        });
    });
}

fn levels(scene: &Scene<'_>, samples: &mut Samples) {
    each_place(scene, scene.shown_whole(), |place| {
        each_judged(&place, |measure, tally| {
            let headline = place.view.promise(measure).formula;
            let formulas = match scene.formulas {
                Formulas::Headline => headline.as_slice(),
                Formulas::All => &Formula::ALL,
            };
            for formula in formulas {
                if let Some(level) = tally.cells.service_level(*formula) {
                    let labels = [("window", place.window), ("measure", measure.name()), ("formula", formula.name())];
                    samples.add_of(place.key, &labels, level);
                }
            }
        });
    });
}

fn waits(scene: &Scene<'_>, samples: &mut Samples) {
    each_place(scene, scene.shown_whole(), |place| {
        for (measure, tally) in &place.group.measures {
            for (outcome, quantity) in OUTCOMES {
                each_rank(&tally[quantity], |rank, duration_ms| {
                    let labels =
                        [("window", place.window), ("measure", measure.name()), ("outcome", outcome), ("q", rank)];
                    samples.add_of(place.key, &labels, seconds(duration_ms));
                });
            }
        }
    });
}

/// Only visits are handled: other measures have no handle time of their own.
fn handle_times(scene: &Scene<'_>, samples: &mut Samples) {
    each_place(scene, scene.shown_whole(), |place| {
        if let Some(tally) = place.group.measures.get(&Measure::Wait) {
            each_rank(&tally[Quantity::Handle], |rank, duration_ms| {
                samples.add_of(place.key, &[("window", place.window), ("q", rank)], seconds(duration_ms));
            });
        }
    });
}

/// What contacts took beside time; 0 where contacts were offered and took nothing.
fn efforts(scene: &Scene<'_>, samples: &mut Samples, number: fn(&Tally) -> u64) {
    let nothing = Tally::default();
    each_place(scene, scene.shown(), |place| {
        let tally = place.group.measures.get(&Measure::Effort);
        if tally.is_some() || place.view.is_offered() {
            samples.add_of(place.key, &[("window", place.window)], number(tally.unwrap_or(&nothing)) as f64);
        }
    });
}

/// The sum over contacts, in windows that have distributions, where there is any.
fn number_sums(scene: &Scene<'_>, samples: &mut Samples, quantity: Quantity) {
    each_place(scene, scene.shown(), |place| {
        let numbers = place.group.measures.get(&Measure::Effort).map(|tally| &tally[quantity]);
        if let Some(numbers) = numbers.filter(|numbers| numbers.count() > 0) {
            samples.add_of(place.key, &[("window", place.window)], numbers.sum_ms() as f64);
        }
    });
}

fn numbers(scene: &Scene<'_>, samples: &mut Samples, quantity: Quantity) {
    each_place(scene, scene.shown_whole(), |place| {
        if let Some(tally) = place.group.measures.get(&Measure::Effort) {
            each_rank(&tally[quantity], |rank, number| {
                samples.add_of(place.key, &[("window", place.window), ("q", rank)], number as f64);
            });
        }
    });
}

/// Every rank and the maximum, in milliseconds or, of numbers, as they are; none if the distribution is empty.
fn each_rank(distribution: &Distribution, mut each: impl FnMut(&'static str, u64)) {
    let quantiles = RANKS.into_iter().map(|(rank, per_mille)| (rank, distribution.quantile_ms(per_mille)));
    for (rank, value) in quantiles.chain([("max", distribution.max_ms())]) {
        if let Some(value) = value {
            each(rank, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maximum_is_no_quantile() {
        let mut told = Vec::new();
        each_rank(&Distribution::of(1..=2000), |rank, duration| told.push((rank, duration)));
        let expected = [("0.5", 1000), ("0.9", 1800), ("0.95", 1900), ("0.99", 1980), ("0.999", 1998), ("max", 2000)];
        assert_eq!(told, expected);
        each_rank(&Distribution::default(), |rank, _| panic!("nothing has no {rank}"));
    }
}
