//! What ratings and outcomes add up to: plain mergeable values, with the formulas over them.
//!
//! Sums are of whole thousandths and millionths, so that they do not depend on the order of addition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::settings::{Survey, SurveyKind};

/// What was answered to one survey.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SurveyTally {
    /// What its scores mean; none of a survey that no setting describes, of which nothing is known but the scores.
    pub scale: Option<Survey>,
    /// Scores on the scale.
    pub count: u64,
    /// Scores that are not, counted here alone.
    pub out_of_range: u64,
    /// The sum of the scores on the scale, in thousandths.
    pub sum_thousandths: i128,
    /// How often each of them was given, by thousandths.
    pub scores: BTreeMap<i64, u64>,
}

impl SurveyTally {
    /// No answers yet.
    pub fn new(scale: Option<Survey>) -> SurveyTally {
        SurveyTally { scale, ..SurveyTally::default() }
    }

    /// Adds so many equal scores, in thousandths; none is beyond every scale.
    pub fn add(&mut self, score: Option<i64>, count: u64) {
        let on_scale = |score: &i64| self.scale.is_none_or(|scale| (scale.lowest..=scale.highest).contains(score));
        match score.filter(on_scale) {
            None => self.out_of_range += count,
            Some(score) => {
                self.count += count;
                self.sum_thousandths += i128::from(score) * i128::from(count);
                *self.scores.entry(score).or_default() += count;
            }
        }
    }

    /// Adds all of `other`, of the same survey.
    pub fn merge(&mut self, other: &SurveyTally) {
        self.scale = self.scale.or(other.scale);
        self.count += other.count;
        self.out_of_range += other.out_of_range;
        self.sum_thousandths += other.sum_thousandths;
        for (score, count) in &other.scores {
            *self.scores.entry(*score).or_default() += count;
        }
    }

    /// The mean score; none of no scores.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_thousandths as f64 / 1e3 / self.count as f64)
    }

    /// The share of satisfied customers, or of promoters, 0 to 1; none of no scores, and without a scale.
    pub fn satisfied(&self) -> Option<f64> {
        self.share(self.number_satisfied()?)
    }

    /// The share of dissatisfied customers, or of detractors, 0 to 1; none of no scores, and without a scale.
    pub fn bad(&self) -> Option<f64> {
        self.share(self.number_bad()?)
    }

    /// The net promoter score: percent of promoters less percent of detractors, −100 to 100 (Reichheld). None of no scores,
    /// and of a survey that is not of this kind.
    pub fn nps(&self) -> Option<f64> {
        self.scale.filter(|scale| scale.kind == SurveyKind::Net)?;
        let net = i128::from(self.number_satisfied()?) - i128::from(self.number_bad()?);
        (self.count > 0).then(|| net as f64 * 100.0 / self.count as f64)
    }

    /// How many satisfied customers, or promoters; none without a scale.
    pub fn number_satisfied(&self) -> Option<u64> {
        Some(self.scores.range(self.scale?.satisfied_from..).map(|(_, count)| count).sum())
    }

    /// How many dissatisfied customers, or detractors; none without a scale.
    pub fn number_bad(&self) -> Option<u64> {
        Some(self.scores.range(..=self.scale?.bad_up_to).map(|(_, count)| count).sum())
    }

    fn share(&self, part: u64) -> Option<f64> {
        (self.count > 0).then(|| part as f64 / self.count as f64)
    }
}

/// How often something came of contacts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OutcomeTally {
    /// How often.
    pub count: u64,
    /// Of those, with an amount.
    pub with_amount: u64,
    /// The sum of the amounts, in millionths.
    pub amount_millionths: u128,
}

impl OutcomeTally {
    /// Adds one, with its amount in millionths if it has one.
    pub fn add(&mut self, amount: Option<u64>) {
        self.count += 1;
        self.with_amount += u64::from(amount.is_some());
        self.amount_millionths += u128::from(amount.unwrap_or(0));
    }

    /// Takes back one that was added.
    pub(super) fn take_back(&mut self, amount: Option<u64>) {
        self.count -= 1;
        self.with_amount -= u64::from(amount.is_some());
        self.amount_millionths -= u128::from(amount.unwrap_or(0));
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &OutcomeTally) {
        self.count += other.count;
        self.with_amount += other.with_amount;
        self.amount_millionths += other.amount_millionths;
    }

    /// The sum of the amounts; none if none was given.
    pub fn amount(&self) -> Option<f64> {
        (self.with_amount > 0).then(|| self.amount_millionths as f64 / 1e6)
    }

    /// How many for each answered contact: a purchase rate, or times 100 the complaints of a hundred contacts. None
    /// without answered contacts. Can exceed 1, since outcomes count at their own time and each of them.
    pub fn per_answered(&self, answered: u64) -> Option<f64> {
        (answered > 0).then(|| self.count as f64 / answered as f64)
    }

    /// Whether outcomes can have added up to this.
    pub(super) fn is_sound(&self) -> bool {
        const MOST_MILLIONTHS: u128 = 1_000_000_000_000_000_000;
        self.count > 0
            && self.with_amount <= self.count
            && self.amount_millionths <= u128::from(self.with_amount) * MOST_MILLIONTHS
    }
}
