//! What each lane counts, who waits in it now, and what is promised to it.

use std::collections::BTreeMap;

use super::family::{Family, Samples, Scene, seconds, timestamp};
use crate::engine::board::{Group, GroupKey};
use crate::engine::counters::{Counter, Counters};
use crate::engine::tally::{Cell, Measure, Tally};
use crate::engine::view::{CommonPromise, View};
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
    Family::gauge(
        "holdline_service_level_goal_ratio",
        "The share that should be answered within the target, 0 to 1; absent where lanes added up do not agree.",
        |scene, samples| promised(scene, samples, |promise| promise.goal),
    ),
    Family::gauge(
        "holdline_service_level_target_seconds",
        "Within how many seconds a visit should be answered; absent where lanes added up do not agree.",
        |scene, samples| promised(scene, samples, |promise| promise.answer_within_ms.map(seconds)),
    ),
    Family::gauge(
        "holdline_service_level_min_contacts",
        "How many visits must be decided for a level to say much; absent where lanes added up do not agree.",
        |scene, samples| promised(scene, samples, |promise| promise.min_contacts.map(|least| least as f64)),
    ),
];

/// One counter of every lane that is shown or that has counted anything; none while nothing is shown.
fn each_counters(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, &Counters)) {
    let Some(View { groups, .. }) = scene.shown() else { return };
    let nothing = Counters::default();
    let counters = &scene.snapshot.counters;
    let offered = groups.iter().filter(|(_, group)| group.offered);
    let mut all: BTreeMap<&GroupKey, &Counters> = offered.map(|(key, _)| (key, &nothing)).collect();
    all.extend(counters);
    for (key, counters) in all {
        each(key, counters);
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
        if let Some(window) = group.windows.first().filter(|_| group.offered) {
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
        if let Some(longest) = group.longest.first() {
            samples.add_of(key, &[], timestamp(longest.since));
        }
    });
}

fn promised(scene: &Scene<'_>, samples: &mut Samples, part: fn(&CommonPromise) -> Option<f64>) {
    for (key, group) in scene.shown().into_iter().flat_map(|view| &view.groups) {
        if let Some(part) = part(&group.promise) {
            samples.add_of(key, &[], part);
        }
    }
}
