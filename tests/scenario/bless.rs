//! Rewrites what a scenario expects from what the engine shows. It changes nothing else: events, settings and comments
//! outside of blocks stay, and a block is asked for no more than it was (levels, quantiles, lists, contact wait).

use std::collections::BTreeMap;

use super::block::{INPUT, Rows};
use super::parse::Scenario;
use super::{Feeding, look};

/// The widest line a list of items is put on.
const WIDTH: usize = 100;

/// The scenario's text with its expectations replaced.
pub(super) fn rewrite(source: &str, scenario: &Scenario) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut text = String::new();
    let mut next = 0;
    for (number, (_, block)) in scenario.blocks.iter().enumerate() {
        let (_, seen) = look(scenario, number, Feeding::AsWritten).expect("every block is looked at as written");
        for line in &lines[next..block.line] {
            text += &format!("{line}\n");
        }
        text += &show(&seen);
        next = block.last_line;
    }
    lines[next..].iter().fold(text, |text, line| text + line + "\n")
}

/// Rows as lines of a block.
fn show(rows: &Rows) -> String {
    let told: Vec<_> = rows.iter().filter(|(_, row)| !row.is_empty()).collect();
    let (input, groups): (Vec<_>, Vec<_>) = told.into_iter().partition(|(name, _)| *name == INPUT);
    if groups.is_empty() && input.is_empty() {
        return "  nothing\n".to_owned();
    }
    groups.into_iter().chain(input).map(|(name, row)| show_row(name, row)).collect()
}

/// Cells in their order, then distributions, then each list on a line of its own.
fn show_row(name: &str, row: &BTreeMap<String, String>) -> String {
    let name = if name.contains(' ') { format!("{name}:") } else { name.to_owned() };
    let mut plain: Vec<(usize, String)> = Vec::new();
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (item, value) in row {
        match item.split(' ').collect::<Vec<_>>()[..] {
            ["level", formula] => lists.entry("levels".to_owned()).or_default().push(format!("{formula} {value}")),
            ["quantile", quantity, rank] => {
                lists.entry(format!("quantiles {quantity}")).or_default().push(format!("{rank} {value}"));
            }
            ["longest"] if value.is_empty() => lists.entry(item.clone()).or_default().push("nobody".to_owned()),
            ["longest"] | ["worst", _] => lists.entry(item.clone()).or_default().push(value.clone()),
            _ => plain.push((place(item), format!("{item} {value}"))),
        }
    }
    plain.sort();
    let mut lines = vec![String::new()];
    for (_, item) in plain {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            *line = item;
        } else if line.len() + item.len() < WIDTH {
            *line += &format!(", {item}");
        } else {
            lines.push(item);
        }
    }
    lines.extend(lists.into_iter().map(|(list, values)| format!("{list} {}", values.join(", "))));
    lines.retain(|line| !line.is_empty());
    lines.into_iter().map(|line| format!("  {name}  {line}\n")).collect()
}

/// Where an item stands in its line: what came in, what became of it, what is open, how long it took.
fn place(item: &str) -> usize {
    const ORDER: [&str; 27] = [
        "offered",
        "answered",
        "answered_within",
        "abandoned",
        "abandoned_within",
        "abandoned_short",
        "left",
        "left_within",
        "overdue",
        "completed",
        "resolved",
        "reopened",
        "waiting",
        "waiting_over",
        "wait_answered",
        "wait_abandoned",
        "wait_left",
        "count",
        "out_of_range",
        "mean",
        "satisfied",
        "bad",
        "nps",
        "scores",
        "amount",
        "per_answered",
        "before",
    ];
    ORDER.iter().position(|other| *other == item).unwrap_or(ORDER.len())
}
