//! Surveys and outcomes in the JSON report, and expectation beside experience.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::Extent;
use crate::engine::board::Group;
use crate::engine::experience::{OutcomeTally, SurveyTally};
use crate::engine::tally::{Cell, Measure};
use crate::publish::report::Line;

/// What was answered to a survey. Shares and the net score are null where its scale is not configured, and the net score
/// also where it has none.
#[derive(Serialize)]
pub(in crate::publish) struct SurveyJson {
    count: u64,
    out_of_range: u64,
    mean: Option<f64>,
    satisfied: Option<f64>,
    bad: Option<f64>,
    nps: Option<f64>,
    scores: ScoresJson,
}

impl SurveyJson {
    pub(in crate::publish) fn of(tally: &SurveyTally, extent: Extent) -> SurveyJson {
        SurveyJson {
            count: tally.count,
            out_of_range: tally.out_of_range,
            mean: extent.of_whole(tally.mean()),
            satisfied: extent.of_whole(tally.satisfied()),
            bad: extent.of_whole(tally.bad()),
            nps: extent.of_whole(tally.nps()),
            scores: ScoresJson(tally.scores.clone()),
        }
    }
}

/// How often each score was given, from the lowest to the highest.
struct ScoresJson(BTreeMap<i64, u64>);

impl Serialize for ScoresJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(score, count)| ((*score as f64 / 1e3).to_string(), count)))
    }
}

/// How often something came of contacts.
#[derive(Serialize)]
pub(in crate::publish) struct OutcomeJson {
    count: u64,
    amount: Option<f64>,
    per_answered: Option<f64>,
}

/// What came of contacts, by name.
pub(in crate::publish) fn outcomes(group: &Group, extent: Extent) -> BTreeMap<&str, OutcomeJson> {
    let answered = group.measures.get(&Measure::ContactWait).map_or(0, |tally| tally.cells[Cell::Answered]);
    let outcome = |tally: &OutcomeTally| OutcomeJson {
        count: tally.count,
        amount: tally.amount(),
        per_answered: extent.of_whole(tally.per_answered(answered)),
    };
    group.outcomes.iter().map(|(name, tally)| (name.as_str(), outcome(tally))).collect()
}

/// Expectation beside experience: the share that was promised, the share that was kept, and the share of customers who
/// were satisfied, of the same lanes and span.
#[derive(Serialize)]
pub(super) struct ExperienceJson {
    goal: f64,
    service_level: Option<f64>,
    csat: f64,
}

impl ExperienceJson {
    /// None where the lanes do not agree on goal and formula, or nobody answered to `csat`.
    pub(super) fn of(line: &Line) -> Option<ExperienceJson> {
        let promise = line.promise?;
        let (goal, formula) = promise.goal.zip(promise.formula)?;
        let csat = line.group.surveys.get("csat")?.satisfied()?;
        let wait = line.group.measures.get(&Measure::Wait);
        Some(ExperienceJson { goal, service_level: wait.and_then(|tally| tally.cells.service_level(formula)), csat })
    }
}
