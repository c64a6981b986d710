//! How sure a service level is, and which promises are being broken.
//!
//! Both are statements about a whole queue, and are told only by a process that holds all of it; of lanes that are added up
//! and do not agree on what is promised, no breach is told. Who is stuck adds up over processes.

use super::family::{Family, Samples, Scene};
use super::windows::{each_judged, each_place};
use crate::engine::breach::Judged;
use crate::engine::view::View;
use crate::publish::snapshot::Breach;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_service_level_lower_ratio",
        "The lower end of the interval that holds the true service level in 95 of 100 cases (Wilson, z = 1.96), 0 to 1, by the headline formula; of windows with quantiles, absent where nothing was judged.",
        |scene, samples| bounds(scene, samples, |(lower, _)| lower),
    ),
    Family::gauge(
        "holdline_service_level_upper_ratio",
        "The upper end of the interval that holds the true service level in 95 of 100 cases (Wilson, z = 1.96), 0 to 1, by the headline formula; of windows with quantiles, absent where nothing was judged.",
        |scene, samples| bounds(scene, samples, |(_, upper)| upper),
    ),
    Family::gauge(
        "holdline_service_level_breached",
        "1 while the level of the last 30 minutes is below its goal beyond chance, or, where fewer than the minimum were judged, three contacts wait for more than three times the target, else 0; absent where lanes added up do not agree on goal, formula and minimum.",
        |scene, samples| {
            breaches(scene, scene.shown_whole(), samples, |breach| f64::from(u8::from(breach.since.is_some())));
        },
    ),
    Family::counter(
        "holdline_service_level_breaches_total",
        "How often a breach began since the process started.",
        |scene, samples| breaches(scene, scene.shown_whole(), samples, |breach| breach.count as f64),
    ),
    Family::gauge(
        "holdline_contacts_stuck",
        "Contacts that wait now for more than three times as long as is promised on this measure; at most 1000 of each lane of a partition.",
        |scene, samples| breaches(scene, scene.shown(), samples, |breach| breach.stuck as f64),
    ),
];

fn bounds(scene: &Scene<'_>, samples: &mut Samples<'_>, end: fn((f64, f64)) -> f64) {
    each_place(scene, scene.shown_whole(), |place| {
        if !scene.quantiles[place.at] {
            return;
        }
        each_judged(&place, |measure, tally| {
            let judged = place.view.promise(measure).formula.map(|formula| Judged::by(formula, &tally.cells));
            if let Some(interval) = judged.and_then(Judged::interval) {
                samples.add_of(place.key, &[("window", place.window), ("measure", measure.name())], end(interval));
            }
        });
    });
}

fn breaches(scene: &Scene<'_>, view: Option<&View>, samples: &mut Samples<'_>, value: fn(&Breach) -> f64) {
    for ((key, measure), breach) in view.into_iter().flat_map(|_| &*scene.snapshot.breaches) {
        samples.add_of(key, &[("measure", measure.name())], value(breach));
    }
}
