//! Customers who come back: repeat contacts and first-contact resolution of the trailing windows.
//!
//! A customer's contacts are spread over all partitions, so these are told only by a process that holds all of them. Lanes
//! without any contact whose customer is known have no series.

use super::family::{Family, Samples, Scene};
use crate::engine::board::GroupKey;
use crate::engine::repeat_board::{GroupRepeats, RepeatView};
use crate::engine::repeats::RepeatCounts;

pub(super) const FAMILIES: &[Family] = &[
    Family::counter(
        "holdline_contacts_repeated_total",
        "Contacts that were found to be offered within this time after an answer to the same customer; longer times contain shorter ones.",
        counted,
    ),
    Family::gauge(
        "holdline_window_contacts_known_customer",
        "Contacts first offered in the window, in the lane of their first visit, whose customer is known.",
        |scene, samples| {
            each_window(scene, |key, window, counts, _| {
                samples.add_of(key, &[("window", window)], counts.known as f64);
            });
        },
    ),
    Family::gauge(
        "holdline_window_contacts_repeated",
        "Of those, the ones offered within this time after an answer to the same customer.",
        |scene, samples| {
            each_window(scene, |key, window, counts, spans| {
                for (within, repeated) in spans.iter().zip(&counts.repeated) {
                    samples.add_of(key, &[("window", window), ("within", within)], *repeated as f64);
                }
            });
        },
    ),
    Family::gauge(
        "holdline_repeat_ratio",
        "The share of contacts of known customers that is repeated, 0 to 1; absent where no customer is known.",
        |scene, samples| ratios(scene, samples, RepeatCounts::ratio),
    ),
    Family::gauge(
        "holdline_first_contact_resolution_ratio",
        "The share of contacts of known customers that is not repeated, 0 to 1; absent where no customer is known.",
        |scene, samples| ratios(scene, samples, RepeatCounts::resolved_ratio),
    ),
];

/// Every group, if this process may speak for whole queues.
fn each_group<'s>(scene: &Scene<'s>, mut each: impl FnMut(&'s RepeatView, &'s GroupKey, &'s GroupRepeats)) {
    let Some(view) = scene.shown_whole().and(scene.snapshot.repeats.as_ref()) else { return };
    for (key, group) in &view.groups {
        each(view, key, group);
    }
}

fn each_window(scene: &Scene<'_>, mut each: impl FnMut(&GroupKey, &str, &RepeatCounts, &[String])) {
    each_group(scene, |view, key, group| {
        for (window, counts) in scene.windows.iter().zip(&group.windows) {
            each(key, window, counts, &view.within);
        }
    });
}

fn ratios(scene: &Scene<'_>, samples: &mut Samples, ratio: fn(&RepeatCounts, usize) -> Option<f64>) {
    each_window(scene, |key, window, counts, spans| {
        for (span, within) in spans.iter().enumerate() {
            if let Some(ratio) = ratio(counts, span) {
                samples.add_of(key, &[("window", window), ("within", within)], ratio);
            }
        }
    });
}

fn counted(scene: &Scene<'_>, samples: &mut Samples) {
    each_group(scene, |view, key, group| {
        for (within, counted) in view.within.iter().zip(&group.counted) {
            samples.add_of(key, &[("within", within)], *counted as f64);
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::publish::metrics::tests::{A, B, BY_ALL, check, text, usual};
    use crate::publish::snapshot::Snapshot;

    /// Lines of both lanes, for both windows and, if there are any, for both spans.
    fn lines(of_a: &str, of_b: &str, spans: &[&str]) -> Vec<String> {
        let mut lines = Vec::new();
        for (lane, value) in [(A, of_a), (B, of_b)] {
            for window in ["5m", "10m"] {
                lines.extend(spans.iter().map(|span| format!("{{{lane},window=\"{window}\"{span}}} {value}")));
            }
        }
        lines
    }

    #[test]
    fn windows_tell_who_came_back() {
        let text = text(Snapshot { tracked_past_contacts: 7, ..usual(BY_ALL) });
        let spans = [r#",within="24h""#, r#",within="7d""#];
        check(&text, "holdline_window_contacts_known_customer", &lines("2", "1", &[""]));
        check(&text, "holdline_window_contacts_repeated", &lines("1", "0", &spans));
        check(&text, "holdline_repeat_ratio", &lines("0.5", "0", &spans));
        check(&text, "holdline_first_contact_resolution_ratio", &lines("0.5", "1", &spans));
        let counted: Vec<_> = [(A, 1), (B, 0)]
            .into_iter()
            .flat_map(|(lane, count)| ["24h", "7d"].map(|span| format!("{{{lane},within=\"{span}\"}} {count}")))
            .collect();
        check(&text, "holdline_contacts_repeated_total", &counted);
        check(&text, "holdline_tracked_past_contacts", &["7".to_owned()]);
    }

    #[test]
    fn a_part_of_the_partitions_tells_nothing_of_who_came_back() {
        let text = text(Snapshot { whole: false, ..usual(BY_ALL) });
        for family in ["window_contacts_known_customer", "window_contacts_repeated", "repeat_ratio"] {
            check(&text, &format!("holdline_{family}"), &[]);
        }
        check(&text, "holdline_first_contact_resolution_ratio", &[]);
        check(&text, "holdline_contacts_repeated_total", &[]);
    }
}
