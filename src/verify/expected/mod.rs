//! Every series that models can tell, under the names that `/metrics` gives them.
//!
//! [`windows`] is what happened in each window, [`now`] who waits and what is promised, [`counted`] and [`histograms`] what only goes up.
//! Families that are in none of them are told by [`untold`], with why. A new family belongs into [`FAMILIES`] once one of
//! these can tell it.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::{Expected, Key, Range};
use crate::engine::tally::{Cell, Measure, Quantity};
use crate::model::log::Model;
use crate::model::view::{self, By, Group, Key as GroupKey, Sums};

pub mod counted;
pub mod histograms;
pub mod now;
pub mod promises;
pub mod windows;

use self::promises::Common;

/// On what a series depends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// On what happened in a window.
    Window,
    /// The same, and told only by an instance that holds everything.
    Statement,
    /// On who is there at the instant.
    Now,
    /// On every record since counters began.
    Cumulative,
    /// On which lanes there are, and the settings.
    Promised,
}

/// All families that models tell.
pub const FAMILIES: [(&str, Kind); 59] = [
    ("holdline_contacts_offered_total", Kind::Cumulative),
    ("holdline_contacts_answered_total", Kind::Cumulative),
    ("holdline_contacts_answered_within_target_total", Kind::Cumulative),
    ("holdline_contacts_abandoned_total", Kind::Cumulative),
    ("holdline_contacts_abandoned_within_target_total", Kind::Cumulative),
    ("holdline_contacts_short_abandoned_total", Kind::Cumulative),
    ("holdline_contacts_left_total", Kind::Cumulative),
    ("holdline_contacts_completed_total", Kind::Cumulative),
    ("holdline_contacts_resolved_total", Kind::Cumulative),
    ("holdline_contacts_reopened_total", Kind::Cumulative),
    ("holdline_corrections_total", Kind::Cumulative),
    ("holdline_wait_seconds_bucket", Kind::Cumulative),
    ("holdline_wait_seconds_count", Kind::Cumulative),
    ("holdline_wait_seconds_sum", Kind::Cumulative),
    ("holdline_handle_seconds_bucket", Kind::Cumulative),
    ("holdline_handle_seconds_count", Kind::Cumulative),
    ("holdline_handle_seconds_sum", Kind::Cumulative),
    ("holdline_first_reply_seconds_bucket", Kind::Cumulative),
    ("holdline_first_reply_seconds_count", Kind::Cumulative),
    ("holdline_first_reply_seconds_sum", Kind::Cumulative),
    ("holdline_resolution_seconds_bucket", Kind::Cumulative),
    ("holdline_resolution_seconds_count", Kind::Cumulative),
    ("holdline_resolution_seconds_sum", Kind::Cumulative),
    ("holdline_contacts_waiting", Kind::Now),
    ("holdline_contacts_waiting_over_target", Kind::Now),
    ("holdline_oldest_waiting_timestamp_seconds", Kind::Now),
    ("holdline_contacts_in_service", Kind::Now),
    ("holdline_contacts_active", Kind::Now),
    ("holdline_contacts_awaiting", Kind::Now),
    ("holdline_contacts_awaiting_over_target", Kind::Now),
    ("holdline_oldest_awaiting_timestamp_seconds", Kind::Now),
    ("holdline_queue_open", Kind::Promised),
    ("holdline_service_level_goal_ratio", Kind::Promised),
    ("holdline_service_level_target_seconds", Kind::Promised),
    ("holdline_service_level_min_contacts", Kind::Promised),
    ("holdline_service_level_formula", Kind::Promised),
    ("holdline_window_decided", Kind::Window),
    ("holdline_window_answered_within", Kind::Window),
    ("holdline_window_abandoned_within", Kind::Window),
    ("holdline_window_short_abandoned", Kind::Window),
    ("holdline_window_left_within", Kind::Window),
    ("holdline_window_overdue", Kind::Window),
    ("holdline_window_offered", Kind::Window),
    ("holdline_window_answered", Kind::Window),
    ("holdline_window_abandoned", Kind::Window),
    ("holdline_window_left", Kind::Window),
    ("holdline_window_judged", Kind::Window),
    ("holdline_window_kept", Kind::Window),
    ("holdline_window_resolved", Kind::Window),
    ("holdline_window_reopened", Kind::Window),
    ("holdline_window_transfers", Kind::Window),
    ("holdline_window_replies", Kind::Window),
    ("holdline_service_level_ratio", Kind::Statement),
    ("holdline_service_level_lower_ratio", Kind::Statement),
    ("holdline_service_level_upper_ratio", Kind::Statement),
    ("holdline_window_wait_seconds", Kind::Statement),
    ("holdline_window_handle_seconds", Kind::Statement),
    ("holdline_window_contact_replies", Kind::Statement),
    ("holdline_window_contact_transfers", Kind::Statement),
];

/// On what a family depends; none if no model tells it.
pub fn kind_of(name: &str) -> Option<Kind> {
    FAMILIES.into_iter().find(|(family, _)| *family == name).map(|(_, kind)| kind)
}

/// Why no model tells a family.
pub fn untold(name: &str) -> &'static str {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if begins(&[
        "holdline_agents",
        "holdline_window_agent_",
        "holdline_occupancy_",
        "holdline_contacts_handled_per_agent",
    ]) {
        "the model knows nothing of what agents do"
    } else if begins(&[
        "holdline_survey_",
        "holdline_window_survey_",
        "holdline_nps",
        "holdline_outcome",
        "holdline_window_outcome",
    ]) {
        "the model knows nothing of ratings and outcomes"
    } else if begins(&[
        "holdline_contacts_repeated_",
        "holdline_window_contacts_known_",
        "holdline_window_contacts_repeated",
        "holdline_repeat_",
        "holdline_first_contact_resolution_",
    ]) {
        "the model knows nothing of customers"
    } else if begins(&["holdline_outlier"]) {
        "the model knows nothing of when somebody looked, on which it depends what was told of outliers"
    } else if begins(&["holdline_service_level_breach", "holdline_contacts_stuck"]) {
        "the model knows nothing of the last hour slot by slot, by which breaches are judged"
    } else {
        "nothing here tells this family"
    }
}

/// What all series are made of.
pub struct Scene<'m> {
    /// One a partition.
    pub models: Vec<&'m Model>,
    /// The instant, in milliseconds since 1970.
    pub now_ms: u64,
    /// What lanes are told apart by.
    pub by: By,
    /// What is promised to each group that anything was ever offered in.
    pub promises: BTreeMap<GroupKey, BTreeMap<Measure, Common>>,
}

impl<'m> Scene<'m> {
    /// What these models say at an instant. They agree on all settings but promises.
    pub fn new(models: impl IntoIterator<Item = &'m Model>, now_ms: u64, by: By) -> Scene<'m> {
        let models: Vec<&Model> = models.into_iter().collect();
        let promises = promises::of_groups(&models, now_ms, by);
        Scene { models, now_ms, by, promises }
    }

    /// What was booked between two edges of slots, by group; a group that was ever offered anything is always there.
    fn groups(&self, from: u64, to: u64) -> BTreeMap<GroupKey, Group> {
        let stays = self.models.iter().flat_map(|model| model.stays());
        let mut groups = view::view(stays, from, to, self.by);
        for key in self.promises.keys() {
            groups.entry(key.clone()).or_default();
        }
        groups
    }

    /// The last edge of a slot at or before the instant, in milliseconds.
    fn edge(&self) -> u64 {
        self.models.first().map_or(self.now_ms, |model| floor(self.now_ms, model.settings().slots.fine_ms))
    }

    /// The measures that something is promised on to any lane of a group.
    fn promised(&self, key: &GroupKey) -> BTreeSet<Measure> {
        self.promises.get(key).into_iter().flat_map(|promises| promises.keys().copied()).collect()
    }
}

/// Everything that an instance tells which holds all partitions, or only these (`whole` is false then).
pub fn all(scene: &Scene<'_>, whole: bool, all_formulas: bool) -> Expected {
    let mut expected = windows::cells(scene);
    expected.extend(now::waiting(scene));
    expected.extend(promises::promised(scene));
    expected.extend(counted::counters(scene));
    if whole {
        expected.extend(windows::statements(scene, all_formulas));
    }
    expected
}

/// Adds a series of a group; each is told once.
fn insert(expected: &mut Expected, name: &str, group: &GroupKey, labels: &[(&str, &str)], range: Range) {
    let (queue, channel, tier) = group;
    let parts = [("queue", queue), ("channel", channel), ("tier", tier)];
    let own = parts.into_iter().filter_map(|(label, part)| Some((label.to_owned(), part.clone()?)));
    let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
    let labels: BTreeMap<String, String> = own.chain(labels).collect();
    let key: Key = (name.to_owned(), labels.into_iter().collect());
    let before = expected.insert(key, range);
    assert!(before.is_none(), "{name} is expected twice of one group");
}

fn exactly(value: f64) -> Range {
    (value, value)
}

fn count(sums: &Sums, cell: Cell) -> u64 {
    sums.cells.get(&cell).copied().unwrap_or(0)
}

/// All of a quantity, the greatest first.
fn durations(sums: &Sums, quantity: Quantity) -> &[(u64, String)] {
    sums.durations.get(&quantity).map_or(&[], Vec::as_slice)
}

fn floor(time: u64, width: u64) -> u64 {
    time / width * width
}
