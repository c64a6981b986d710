//! Counters of ratings and outcomes: what was ever said, for rates over any span.
//!
//! As [`counters`](crate::engine::counters): they only go up, and what turns out otherwise (a rating belongs to another
//! lane, since an offer came later) is told beside them. Scores of any size count, since what a scale allows may change.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

use serde::{Deserialize, Serialize};

use super::{Difference, Note, Said, Whose, sums};
use crate::engine::board::{GroupBy, GroupKey};
use crate::engine::lane::Names;
use crate::engine::shard::Shard;

/// What was ever said, by name: of the numbers that a shard gives, or of text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Heard<Name: Ord> {
    /// Scores given, by survey.
    pub surveys: BTreeMap<Name, u64>,
    /// Outcomes.
    pub outcomes: BTreeMap<Name, HeardOutcome>,
}

/// How often an outcome was told, and of what amount in all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HeardOutcome {
    /// How often.
    pub count: u64,
    /// The sum of the amounts given, in millionths.
    pub amount_millionths: u128,
}

/// What was counted and then taken back, of all names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Retracted {
    /// Scores.
    pub responses: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// Amounts, in millionths.
    pub amount_millionths: u128,
}

impl<Name: Ord> Default for Heard<Name> {
    fn default() -> Self {
        Heard { surveys: BTreeMap::new(), outcomes: BTreeMap::new() }
    }
}

impl<Name: Ord + Clone> Heard<Name> {
    /// Whether nothing was ever said.
    pub fn is_empty(&self) -> bool {
        self.surveys.is_empty() && self.outcomes.is_empty()
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Heard<Name>) {
        for (name, count) in &other.surveys {
            *self.surveys.entry(name.clone()).or_default() += count;
        }
        for (name, outcome) in &other.outcomes {
            let mine = self.outcomes.entry(name.clone()).or_default();
            mine.count += outcome.count;
            mine.amount_millionths += outcome.amount_millionths;
        }
    }

    /// By how much it exceeds `other`, name by name; where it does not, not at all.
    pub fn beyond(&self, other: &Heard<Name>) -> Heard<Name> {
        let mut beyond = self.clone();
        beyond.surveys.iter_mut().for_each(|(name, count)| {
            *count = count.saturating_sub(other.surveys.get(name).copied().unwrap_or(0));
        });
        beyond.surveys.retain(|_, count| *count > 0);
        beyond.outcomes.iter_mut().for_each(|(name, outcome)| {
            let theirs = other.outcomes.get(name).copied().unwrap_or_default();
            outcome.count = outcome.count.saturating_sub(theirs.count);
            outcome.amount_millionths = outcome.amount_millionths.saturating_sub(theirs.amount_millionths);
        });
        beyond.outcomes.retain(|_, outcome| *outcome != HeardOutcome::default());
        beyond
    }
}

impl Heard<u32> {
    fn note(&mut self, said: Said) {
        match said {
            Said::Reopened => {}
            Said::Score(survey, _) => *self.surveys.entry(survey).or_default() += 1,
            Said::Outcome(name, amount) => {
                let outcome = self.outcomes.entry(name).or_default();
                outcome.count += 1;
                outcome.amount_millionths += u128::from(amount.unwrap_or(0));
            }
        }
    }

    /// The same by text.
    pub fn named(&self, names: &Names) -> Heard<String> {
        let text = |number: &u32| names.text(*number).to_owned();
        Heard {
            surveys: self.surveys.iter().map(|(survey, count)| (text(survey), *count)).collect(),
            outcomes: self.outcomes.iter().map(|(name, outcome)| (text(name), *outcome)).collect(),
        }
    }

    /// As it was when it was encoded; none if a number is not known, or not in order.
    pub(super) fn restore(
        surveys: &[(u32, u64)],
        outcomes: &[(u32, HeardOutcome)],
        is_known: impl Fn(u32) -> bool,
    ) -> Option<Heard<u32>> {
        let in_order =
            surveys.is_sorted_by(|one, next| one.0 < next.0) && outcomes.is_sorted_by(|one, next| one.0 < next.0);
        let all_known =
            surveys.iter().map(|survey| survey.0).chain(outcomes.iter().map(|outcome| outcome.0)).all(is_known);
        let heard =
            || Heard { surveys: surveys.iter().copied().collect(), outcomes: outcomes.iter().copied().collect() };
        (in_order && all_known).then(heard)
    }
}

impl AddAssign for Retracted {
    fn add_assign(&mut self, other: Retracted) {
        self.responses += other.responses;
        self.outcomes += other.outcomes;
        self.amount_millionths += other.amount_millionths;
    }
}

impl Sub for Retracted {
    type Output = Retracted;

    /// What was taken back since `earlier`, of the same shard.
    fn sub(self, earlier: Retracted) -> Retracted {
        Retracted {
            responses: self.responses - earlier.responses,
            outcomes: self.outcomes - earlier.outcomes,
            amount_millionths: self.amount_millionths - earlier.amount_millionths,
        }
    }
}

impl From<&Heard<u32>> for Retracted {
    fn from(heard: &Heard<u32>) -> Self {
        Retracted {
            responses: heard.surveys.values().sum(),
            outcomes: heard.outcomes.values().map(|outcome| outcome.count).sum(),
            amount_millionths: heard.outcomes.values().map(|outcome| outcome.amount_millionths).sum(),
        }
    }
}

/// What one event adds to the counters of one lane and takes back.
pub(in crate::engine) struct Change {
    pub(in crate::engine) whose: Whose,
    pub(in crate::engine) up: Heard<u32>,
    pub(in crate::engine) down: Retracted,
}

/// The changes that a difference makes, lane by lane.
pub(in crate::engine) fn changes(difference: &Difference) -> Vec<Change> {
    let mut sums: BTreeMap<Whose, (Heard<u32>, Heard<u32>)> = BTreeMap::new();
    let Difference { booked, taken_back } = difference;
    for Note { whose, said, .. } in booked {
        sums.entry(*whose).or_default().0.note(*said);
    }
    for Note { whose, said, .. } in taken_back {
        sums.entry(*whose).or_default().1.note(*said);
    }
    let change = |(whose, (booked, taken_back)): (Whose, (Heard<u32>, Heard<u32>))| Change {
        whose,
        up: booked.beyond(&taken_back),
        down: Retracted::from(&taken_back.beyond(&booked)),
    };
    sums.into_iter().map(change).collect()
}

/// What shards ever heard, by group.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HeardBy {
    /// By group; only ever goes up.
    pub groups: BTreeMap<GroupKey, Heard<String>>,
    /// Of that, taken back later.
    pub retracted: Retracted,
}

impl HeardBy {
    /// What one shard ever heard.
    pub fn of(shard: &Shard, by: GroupBy) -> HeardBy {
        let mut heard = HeardBy { groups: BTreeMap::new(), retracted: shard.retracted };
        for (key, notes) in sums::all_notes(shard, by, |notes| !notes.heard.is_empty()) {
            heard.groups.entry(key).or_default().add(&notes.heard.named(&shard.lanes.topics));
        }
        heard
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &HeardBy) {
        for (key, heard) in &other.groups {
            self.groups.entry(key.clone()).or_default().add(heard);
        }
        self.retracted += other.retracted;
    }

    /// The same by fewer labels.
    pub fn grouped(&self, by: GroupBy) -> HeardBy {
        let mut grouped = HeardBy { groups: BTreeMap::new(), retracted: self.retracted };
        for (key, heard) in &self.groups {
            grouped.groups.entry(key.only(by)).or_default().add(heard);
        }
        grouped
    }

    /// What was heard since `earlier`, of the same shard.
    pub fn since(mut self, earlier: &HeardBy) -> HeardBy {
        for (key, heard) in &mut self.groups {
            if let Some(earlier) = earlier.groups.get(key) {
                *heard = heard.beyond(earlier);
            }
        }
        self.retracted = self.retracted - earlier.retracted;
        self
    }
}
