//! What the engine shows of surveys and outcomes, as items of text. Everything that has a value is shown; the scores of a
//! survey, one by one, where they are asked for.

use std::collections::BTreeMap;

use holdline::engine::board::Group;
use holdline::engine::experience::SurveyTally;
use holdline::engine::tally::{Cell, Measure};

use super::seen::percent;

type Row = BTreeMap<String, String>;

/// The items of a survey.
pub(super) fn seen_survey(tally: &SurveyTally, written: &Row) -> Row {
    let expected = |item: &str| written.get(item).map_or("", String::as_str);
    let share = |item: &str, share: Option<f64>| share.map(|share| percent(share, expected(item)));
    let scores = || {
        let scores = tally.scores.iter().flat_map(|(score, count)| (0..*count).map(|_| number(*score as f64 / 1e3)));
        scores.collect::<Vec<_>>().join(" ")
    };
    row([
        ("count", not_zero(tally.count)),
        ("out_of_range", not_zero(tally.out_of_range)),
        ("mean", tally.mean().map(number)),
        ("satisfied", share("satisfied", tally.satisfied())),
        ("bad", share("bad", tally.bad())),
        ("nps", tally.nps().map(number)),
        ("scores", written.contains_key("scores").then(scores)),
    ])
}

/// The items of an outcome.
pub(super) fn seen_outcome(group: &Group, name: &str, written: &Row) -> Row {
    let expected = written.get("per_answered").map_or("", String::as_str);
    let tally = group.outcomes.get(name).copied().unwrap_or_default();
    let answered = group.measures.get(&Measure::ContactWait).map_or(0, |tally| tally.cells[Cell::Answered]);
    row([
        ("count", not_zero(tally.count)),
        ("amount", tally.amount().map(number)),
        ("per_answered", tally.per_answered(answered).map(|share| percent(share, expected))),
        ("before", group.outcomes_before.get(name).copied().and_then(not_zero)),
    ])
}

fn row<const ITEMS: usize>(items: [(&str, Option<String>); ITEMS]) -> Row {
    let told = items.into_iter().filter_map(|(item, value)| Some((item.to_owned(), value?)));
    told.filter(|(_, value)| value != "0").collect()
}

fn not_zero(count: u64) -> Option<String> {
    (count > 0).then(|| count.to_string())
}

/// With two decimals at most.
fn number(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
