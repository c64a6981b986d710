//! What the engine shows where a block looks, as rows of items of text.
//!
//! Cells and distributions are shown whole, so that a count nobody named is a difference. Levels, quantiles, the
//! longest waiting and the worst are shown where the block asks for them, a measure other than the wait in blocks that
//! name it. Surveys and outcomes are shown whole. Of the input every count is shown.

use std::collections::{BTreeMap, BTreeSet};

use holdline::engine::board::{self, Group, GroupBy, GroupKey, Waiting, Worst};
use holdline::engine::shard::{Input, Shard};
use holdline::engine::tally::{Cell, Formula, Measure, Quantity, Tally};

use super::block::{
    Block, INPUT, OUTCOME, Rows, SURVEY, Span, is_number, known_quantity, measure_of, per_mille, show_size,
};
use super::said::{seen_outcome, seen_survey};
use super::text::{duration, show_duration, show_instant};

/// What `shards` show of what `block` looks at; without the input.
pub(super) fn seen(block: &Block, shards: &[&Shard], base: u64) -> Rows {
    let measures: BTreeSet<Measure> = block.rows.keys().map(|name| measure_of(name)).chain([Measure::Wait]).collect();
    let told = |name: &&String| *name != INPUT;
    let mut depths: BTreeSet<usize> = block.rows.keys().filter(told).map(|name| depth(name)).collect();
    if depths.is_empty() {
        depths.insert(1);
    }
    let mut seen = Rows::new();
    for (key, group) in depths.into_iter().flat_map(|depth| groups(block, shards, depth)) {
        let name = name_of(&key);
        for &measure in &measures {
            let name = if measure == Measure::Wait { name.clone() } else { format!("{name} {}", measure.name()) };
            let none = BTreeMap::new();
            let written = block.rows.get(&name).unwrap_or(&none);
            let row = seen_row(&group, measure, written, base);
            seen.insert(name, row);
        }
        let written = |name: &str| block.rows.get(name).cloned().unwrap_or_default();
        for (survey, tally) in &group.surveys {
            let name = format!("{name}{SURVEY}{survey}");
            seen.insert(name.clone(), seen_survey(tally, &written(&name)));
        }
        for outcome in group.outcome_names() {
            let name = format!("{name}{OUTCOME}{outcome}");
            seen.insert(name.clone(), seen_outcome(&group, outcome, &written(&name)));
        }
    }
    seen
}

/// The counts of the input of all shards that are not zero; that of all events only where it is asked for.
pub(super) fn seen_input(block: &Block, shards: &[&Shard]) -> BTreeMap<String, String> {
    let mut input = Input::default();
    for shard in shards {
        input.merge(&shard.input());
    }
    let asked = block.rows.get(INPUT).is_some_and(|row| row.contains_key("events"));
    let counts = [
        ("events", if asked { input.events } else { 0 }),
        ("duplicate", input.duplicate),
        ("late", input.late),
        ("orphan", input.orphan),
        ("skew", input.skew),
        ("conflict", input.conflict),
        ("expired", input.expired),
        ("overflow_contacts", input.overflow_contacts),
        ("overflow_facts", input.overflow_facts),
        ("overflow_lanes", input.overflow_lanes),
        ("overflow_agents", input.overflow_agents),
        ("overflow_past_contacts", input.overflow_past_contacts),
    ];
    let told = counts.into_iter().filter(|(_, count)| *count > 0);
    told.map(|(name, count)| (name.to_owned(), count.to_string())).collect()
}

fn groups(block: &Block, shards: &[&Shard], depth: usize) -> BTreeMap<GroupKey, Group> {
    let by = GroupBy { queue: depth > 0, channel: depth > 1, tier: depth > 1 };
    match &block.span {
        Span::Until(until) => board::totals(shards, *until, by),
        Span::Window(window, now) => board::window(shards, window, *now, by),
        Span::Interval(from, to) => {
            board::intervals(shards, &[*from, *to], by).into_iter().map(|row| (row.key, row.group)).collect()
        }
    }
}

/// 0 for all queues together (`*`), 1 for a queue, 2 for a lane (`billing/voice/vip`).
fn depth(name: &str) -> usize {
    match name.split_once(' ').map_or(name, |(group, _)| group) {
        "*" => 0,
        name if name.contains('/') => 2,
        _ => 1,
    }
}

fn name_of(key: &GroupKey) -> String {
    let parts: Vec<&str> = [&key.queue, &key.channel, &key.tier].into_iter().flatten().map(String::as_str).collect();
    if parts.is_empty() { "*".to_owned() } else { parts.join("/") }
}

/// Every cell that is not zero and every distribution that is not empty; beside them what `written` asks for.
fn seen_row(
    group: &Group,
    measure: Measure,
    written: &BTreeMap<String, String>,
    base: u64,
) -> BTreeMap<String, String> {
    let nothing = Tally::default();
    let tally = group.measures.get(&measure).unwrap_or(&nothing);
    let shown = Cell::ALL.into_iter().filter(|cell| cell.is_told());
    let counts = shown.map(|cell| (cell.name(), tally.cells[cell]));
    let counts = counts.chain([("waiting", tally.waiting), ("waiting_over", tally.waiting_over)]);
    let mut row: BTreeMap<String, String> =
        counts.filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count.to_string())).collect();
    for quantity in Quantity::ALL {
        let durations = &tally[quantity];
        let max = show_size(quantity, durations.max_ms().unwrap_or(0));
        let value = match durations.count() {
            0 => continue,
            1 => max,
            count => {
                let mean = (durations.sum_ms() + count / 2) / count;
                format!("{count} mean {} max {max}", show_size(quantity, mean))
            }
        };
        row.insert(quantity.name().to_owned(), value);
    }
    for (item, expected) in written {
        if let Some(value) = asked_for(group, measure, tally, item, expected, base) {
            row.insert(item.clone(), value);
        }
    }
    row
}

/// What is only shown where it is asked for: levels, quantiles and lists; none for everything else.
fn asked_for(group: &Group, measure: Measure, tally: &Tally, item: &str, expected: &str, base: u64) -> Option<String> {
    let none = || "none".to_owned();
    Some(match item.split(' ').collect::<Vec<_>>()[..] {
        ["level", formula] => {
            let formula = Formula::from_name(formula).expect("checked when it was read");
            tally.cells.service_level(formula).map_or_else(none, |level| percent(level, expected))
        }
        ["quantile", quantity, rank] => {
            let quantity = known_quantity(quantity).expect("checked when it was read");
            let per_mille = per_mille(rank).expect("checked when it was read");
            tally[quantity]
                .quantile_ms(per_mille)
                .map_or_else(none, |ms| if is_number(quantity) { ms.to_string() } else { near(ms, expected) })
        }
        ["longest"] => {
            let one = |waiting: &Waiting| {
                let over = if waiting.over { " over" } else { "" };
                format!("{} since {}{over}", waiting.contact_id, show_instant(waiting.since.millis(), base))
            };
            group.longest.get(&measure).into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
        }
        ["worst", quantity] => {
            let quantity = known_quantity(quantity).expect("checked when it was read");
            let one = |worst: &Worst| {
                let whom = worst.contact_id.as_deref().unwrap_or("forgotten");
                format!("{whom} {}", show_size(quantity, worst.duration_ms))
            };
            group.worst.get(&(measure, quantity)).into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
        }
        _ => return None,
    })
}

/// A share as percent, with as many decimals as the scenario writes.
pub(super) fn percent(level: f64, expected: &str) -> String {
    let decimals = expected.trim_end_matches('%').split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{:.decimals$}%", level * 100.0)
}

/// What is written, if the histogram's answer is within its precision of it; else the answer.
fn near(ms: u64, expected: &str) -> String {
    let within = duration(expected).is_ok_and(|expected| ms.abs_diff(expected) * 1000 <= expected);
    if within { expected.to_owned() } else { show_duration(ms) }
}
