//! What each lane counts, who waits in it now, and what is promised to it.

use super::family::{Family, Samples, Scene, seconds, timestamp};
use crate::engine::board::{Group, GroupKey};
use crate::engine::counters::{Counter, Counters};
use crate::engine::tally::{Cell, Measure, Tally};
use crate::engine::view::CommonPromise;
use crate::event::Reason;

pub(super) const FAMILIES: &[Family] = &[
    Family::counter("holdline_contacts_offered_total", "Visits put into the queue.", |scene, samples| {
        counted(scene, samples, Cell::Offered);
    }),
    Family::counter("holdline_contacts_answered_total", "Visits that an agent took.", |scene, samples| {
        counted(scene, samples, Cell::Answered);
    }),
    Family::counter(
        "holdline_contacts_answered_within_target_total",
        "Visits that an agent took within the target; equal to it is within.",
        |scene, samples| counted(scene, samples, Cell::AnsweredWithin),
    ),
    Family::counter("holdline_contacts_abandoned_total", "Visits whose customer gave up waiting.", |scene, samples| {
        counted(scene, samples, Cell::Abandoned);
    }),
    Family::counter(
        "holdline_contacts_abandoned_within_target_total",
        "Visits whose customer gave up within the target.",
        |scene, samples| counted(scene, samples, Cell::AbandonedWithin),
    ),
    Family::counter(
        "holdline_contacts_short_abandoned_total",
        "Visits whose customer gave up before the short-abandon limit.",
        |scene, samples| counted(scene, samples, Cell::AbandonedShort),
    ),
    Family::counter(
        "holdline_contacts_left_total",
        "Visits that left the queue neither answered nor abandoned, by reason; closed: completed or resolved while waiting.",
        left,
    ),
    Family::counter("holdline_contacts_completed_total", "Answered visits whose handling ended.", |scene, samples| {
        counted(scene, samples, Cell::Completed);
    }),
    Family::counter("holdline_contacts_resolved_total", "Resolutions of contacts.", |scene, samples| {
        counted(scene, samples, Cell::Resolved);
    }),
    Family::counter(
        "holdline_contacts_reopened_total",
        "Contacts taken up again after a resolution; of contacts that are not remembered, windows tell alone.",
        |scene, samples| counted(scene, samples, Cell::Reopened),
    ),
    Family::gauge("holdline_contacts_waiting", "Visits waiting now.", |scene, samples| {
        waiting(scene, samples, |tally| tally.waiting);
    }),
    Family::gauge(
        "holdline_contacts_waiting_over_target",
        "Visits waiting now for longer than the target.",
        |scene, samples| waiting(scene, samples, |tally| tally.waiting_over),
    ),
    Family::gauge(
        "holdline_oldest_waiting_timestamp_seconds",
        "When the visit that waits longest was offered, in seconds since 1970; absent while nobody waits.",
        oldest,
    ),
    Family::gauge("holdline_contacts_in_service", "Visits that are being handled now.", |scene, samples| {
        standing(scene, samples, Measure::Handle);
    }),
    Family::gauge(
        "holdline_contacts_active",
        "The backlog: contacts that are not over now; of those that wrote or were ever resolved, that are not resolved.",
        |scene, samples| standing(scene, samples, Measure::Backlog),
    ),
    Family::gauge(
        "holdline_contacts_awaiting",
        "Contacts that wait now for what is promised on this measure: a reply, a resolution, the end of their handling.",
        |scene, samples| awaiting(scene, samples, |tally| tally.waiting),
    ),
    Family::gauge(
        "holdline_contacts_awaiting_over_target",
        "Contacts that wait now for longer than is promised on this measure.",
        |scene, samples| awaiting(scene, samples, |tally| tally.waiting_over),
    ),
    Family::gauge(
        "holdline_oldest_awaiting_timestamp_seconds",
        "Since when the contact waits that waits longest for what is promised on this measure, in seconds since 1970; absent while nobody waits.",
        oldest_awaiting,
    ),
    Family::gauge(
        "holdline_queue_open",
        "Whether a calendar has any of the lanes open now, 1 or 0; absent where none has a calendar.",
        |scene, samples| {
            for (key, group) in scene.shown().into_iter().flat_map(|view| &view.groups) {
                if let Some(open) = group.open {
                    samples.add_of(key, &[], f64::from(u8::from(open)));
                }
            }
        },
    ),
    Family::gauge(
        "holdline_service_level_goal_ratio",
        "The share that should be within the target, 0 to 1; absent where lanes added up do not agree.",
        |scene, samples| promised(scene, samples, |promise| promise.goal),
    ),
    Family::gauge(
        "holdline_service_level_target_seconds",
        "Within how many seconds it should be answered, replied to, resolved or handled; absent where lanes added up do not agree.",
        |scene, samples| promised(scene, samples, |promise| promise.answer_within_ms.map(seconds)),
    ),
    Family::gauge(
        "holdline_service_level_formula",
        "Always 1; the label tells the headline formula. Absent where lanes added up do not agree.",
        |scene, samples| {
            for (key, group) in scene.shown().into_iter().flat_map(|view| &view.groups) {
                for (measure, promise) in &group.promises {
                    if let Some(formula) = promise.formula {
                        samples.add_of(key, &[("measure", measure.name()), ("formula", formula.name())], 1.0);
                    }
                }
            }
        },
    ),
    Family::gauge(
        "holdline_service_level_min_contacts",
        "How many must be decided for a level to say much; absent where lanes added up do not agree.",
        |scene, samples| promised(scene, samples, |promise| promise.min_contacts.map(|least| least as f64)),
    ),
];

/// The counters of every lane that is shown or that has counted anything; none while nothing is shown.
fn each_counters(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, &Counters)) {
    let nothing = Counters::default();
    for key in scene.counted_lanes() {
        each(key, scene.snapshot.counted.counters.get(key).unwrap_or(&nothing));
    }
}

fn counted(scene: &Scene<'_>, samples: &mut Samples, cell: Cell) {
    each_counters(scene, |key, counters| samples.add_of(key, &[], counters.of(Counter::Cell(cell)) as f64));
}

fn left(scene: &Scene<'_>, samples: &mut Samples) {
    let reasons = Reason::ALL.into_iter().map(Some).chain([None]);
    let reasons: Vec<_> =
        reasons.map(|reason| (reason.map_or("closed", Reason::name), Counter::Left(reason))).collect();
    each_counters(scene, |key, counters| {
        for &(reason, counter) in &reasons {
            samples.add_of(key, &[("reason", reason)], counters.of(counter) as f64);
        }
    });
}

/// Who waits is the same at the end of every window: they all end now.
fn each_now(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, &Group)) {
    for (key, group) in scene.shown().into_iter().flat_map(|view| &view.groups) {
        if let Some(window) = group.windows.first().filter(|_| group.is_offered()) {
            each(key, window);
        }
    }
}

fn waiting(scene: &Scene<'_>, samples: &mut Samples, number: fn(&Tally) -> u64) {
    each_now(scene, |key, group| {
        let number = group.measures.get(&Measure::Wait).map_or(0, number);
        samples.add_of(key, &[], number as f64);
    });
}

fn oldest(scene: &Scene<'_>, samples: &mut Samples) {
    each_now(scene, |key, group| {
        if let Some(longest) = group.longest_waiting() {
            samples.add_of(key, &[], timestamp(longest.since));
        }
    });
}

/// How many of this measure wait now.
fn standing(scene: &Scene<'_>, samples: &mut Samples, measure: Measure) {
    each_now(scene, |key, group| {
        let number = group.measures.get(&measure).map_or(0, |tally| tally.waiting);
        samples.add_of(key, &[], number as f64);
    });
}

/// Every measure besides the wait that something is promised on and that somebody can be listed for.
fn each_awaited(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, &Group, Measure)) {
    for (key, view) in scene.shown().into_iter().flat_map(|view| &view.groups) {
        let Some(window) = view.windows.first() else { continue };
        let promised = view.promises.keys().copied();
        promised
            .filter(|measure| !matches!(measure, Measure::Wait | Measure::ContactWait))
            .for_each(|measure| each(key, window, measure));
    }
}

fn awaiting(scene: &Scene<'_>, samples: &mut Samples, number: fn(&Tally) -> u64) {
    each_awaited(scene, |key, group, measure| {
        let number = group.measures.get(&measure).map_or(0, number);
        samples.add_of(key, &[("measure", measure.name())], number as f64);
    });
}

fn oldest_awaiting(scene: &Scene<'_>, samples: &mut Samples) {
    each_awaited(scene, |key, group, measure| {
        if let Some(longest) = group.longest.get(&measure).and_then(|list| list.first()) {
            samples.add_of(key, &[("measure", measure.name())], timestamp(longest.since));
        }
    });
}

fn promised(scene: &Scene<'_>, samples: &mut Samples, part: fn(&CommonPromise) -> Option<f64>) {
    for (key, group) in scene.shown().into_iter().flat_map(|view| &view.groups) {
        for (measure, promise) in &group.promises {
            if let Some(part) = part(promise) {
                samples.add_of(key, &[("measure", measure.name())], part);
            }
        }
    }
}
