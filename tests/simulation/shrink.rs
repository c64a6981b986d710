//! Cuts a failing case down: contacts and single records that are not needed for the failure are dropped.
//!
//! Crude: whole contacts by halves, then one by one, then single steps. The failure need not stay the same one.

use std::collections::BTreeSet;

use super::faults::Step;
use super::run::{Case, Counts};

/// Attempts at most, so that a failure is told soon.
const MOST_ATTEMPTS: usize = 3000;

/// The smallest case found that still fails, and why it does.
pub(super) fn shrink(
    mut case: Case,
    mut why: String,
    attempt: impl Fn(&Case) -> Result<Counts, String>,
) -> (Case, String) {
    let mut attempts = 0;
    let mut try_steps = |case: &mut Case, why: &mut String, steps: Vec<Step>| {
        attempts += 1;
        if attempts > MOST_ATTEMPTS {
            return false;
        }
        let smaller = Case { steps, ..case.clone() };
        let Err(still) = attempt(&smaller) else { return false };
        (*case, *why) = (smaller, still);
        true
    };
    let id_of = |step: &Step| match step {
        Step::Read(record) => record.contact_id().map(str::to_owned),
        Step::Restart => None,
    };
    let mut size = case.steps.iter().filter_map(id_of).collect::<BTreeSet<_>>().len();
    while size > 0 {
        let ids: Vec<String> = case.steps.iter().filter_map(id_of).collect::<BTreeSet<_>>().into_iter().collect();
        for dropped in ids.chunks(size) {
            let kept = |step: &&Step| id_of(step).is_none_or(|id| !dropped.contains(&id));
            let steps = case.steps.iter().filter(kept).cloned().collect();
            try_steps(&mut case, &mut why, steps);
        }
        size /= 2;
    }
    let mut position = 0;
    while position < case.steps.len() {
        let mut steps = case.steps.clone();
        steps.remove(position);
        if !try_steps(&mut case, &mut why, steps) {
            position += 1;
        }
    }
    (case, why)
}
