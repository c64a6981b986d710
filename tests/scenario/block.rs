//! What a block of a scenario says must be seen, and how that differs from what is seen.
//!
//! Both are the same thing: rows of items of text, in canonical form. What the engine shows is found in `seen`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use holdline::engine::settings::Window;
use holdline::engine::tally::{Cell, Formula, Measure, Quantity};
use holdline::event::EventTime;

use super::text::{duration, instant, show_duration, show_instant};

/// The part of event time that a block looks at.
pub(super) enum Span {
    /// Everything before an instant.
    Until(EventTime),
    /// A trailing window as it is shown at an instant.
    Window(Window, EventTime),
    /// From an instant to another.
    Interval(EventTime, EventTime),
}

/// What must be seen.
pub(super) struct Block {
    pub span: Span,
    /// The line of the header.
    pub line: usize,
    /// The last line that belongs to it.
    pub last_line: usize,
    pub rows: Rows,
}

/// By name of the row (`billing`, `billing contact_wait`, `billing survey csat`, `billing outcome purchase`, `input`), then by name of the item, the value.
pub(super) type Rows = BTreeMap<String, BTreeMap<String, String>>;

/// The row of the counts of the input.
pub(super) const INPUT: &str = "input";

/// The measure whose row has this name, as `billing first_reply`; that of `billing` is the wait.
pub(super) fn measure_of(name: &str) -> Measure {
    name.split_once(' ').and_then(|(_, measure)| Measure::from_name(measure)).unwrap_or(Measure::Wait)
}
/// What stands between the lanes and the name in a row of a survey.
pub(super) const SURVEY: &str = " survey ";
/// The same of an outcome.
pub(super) const OUTCOME: &str = " outcome ";

impl Block {
    pub(super) fn new(span: Span, line: usize) -> Block {
        Block { span, line, last_line: line, rows: Rows::new() }
    }

    /// Takes in one line of expectations.
    pub(super) fn read_line(&mut self, text: &str, number: usize, base: u64) -> Result<(), String> {
        self.last_line = number;
        if text == "nothing" {
            return Ok(());
        }
        let (name, rest) = text.split_once(char::is_whitespace).ok_or("write `billing  offered 1, answered 1`")?;
        let rest = rest.trim_start();
        let (name, rest) = match rest.split_once(':').filter(|(word, _)| Measure::from_name(word).is_some()) {
            Some((measure, rest)) => (format!("{name} {measure}"), rest.trim_start()),
            None => (name.to_owned(), rest),
        };
        let (name, rest) = match rest.split_once(':') {
            Some((said, rest)) if ["survey ", "outcome "].iter().any(|what| said.starts_with(what)) => {
                (format!("{name} {said}"), rest.trim_start())
            }
            _ => (name, rest),
        };
        let row = self.rows.entry(name.clone()).or_default();
        for (item, value) in items(&name, rest, base)?.into_iter().filter(|(_, value)| value != "0") {
            if row.insert(item.clone(), value).is_some() {
                return Err(format!("`{item}` of {name} is said twice"));
            }
        }
        Ok(())
    }

    /// The header's words for the span, for messages.
    pub(super) fn title(&self, base: u64) -> String {
        let show = |time: &EventTime| show_instant(time.millis(), base);
        match &self.span {
            Span::Until(until) => format!("at {}", show(until)),
            Span::Window(window, now) => format!("at {} window {}", show(now), window.name),
            Span::Interval(from, to) => format!("from {} to {}", show(from), show(to)),
        }
    }
}

/// The items of one line, in their canonical form.
fn items(name: &str, text: &str, base: u64) -> Result<Vec<(String, String)>, String> {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let parts = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    let pair = |part: &str| {
        let (item, value) = part.split_once(' ').ok_or_else(|| format!("`{part}` has no value"))?;
        Ok((item.to_owned(), value.trim().to_owned()))
    };
    match first {
        "nothing" => Ok(Vec::new()),
        "levels" => {
            let levels: Vec<_> = parts(rest).iter().map(|part| pair(part)).collect::<Result<_, String>>()?;
            match levels.iter().find(|(formula, _)| Formula::from_name(formula).is_none()) {
                Some((formula, _)) => Err(format!("no formula is called `{formula}`")),
                None => Ok(levels.into_iter().map(|(formula, level)| (format!("level {formula}"), level)).collect()),
            }
        }
        "quantiles" => {
            let (quantity, rest) = pair(rest)?;
            let known = known_quantity(&quantity)?;
            let one = |part: String| {
                let (rank, value) = pair(&part)?;
                let value = if value == "none" { value } else { canonical(known, &value)? };
                per_mille(&rank).map(|_| (format!("quantile {quantity} {rank}"), value))
            };
            parts(&rest).into_iter().map(one).collect()
        }
        "longest" => {
            let one = |part: String| {
                let (whom, since) = part.split_once(" since ").ok_or("write `longest anna since 09:00:03 over`")?;
                let (since, over) = since.strip_suffix(" over").map_or((since, ""), |since| (since, " over"));
                Ok(format!("{whom} since {}{over}", show_instant(instant(since, base)?, base)))
            };
            let list: Vec<String> = if rest == "nobody" {
                Vec::new()
            } else {
                parts(rest).into_iter().map(one).collect::<Result<_, String>>()?
            };
            Ok(vec![("longest".to_owned(), list.join(", "))])
        }
        "worst" => {
            let (quantity, rest) = pair(rest)?;
            let known = known_quantity(&quantity)?;
            let one = |part: String| {
                let (whom, size) = pair(&part)?;
                canonical(known, &size).map(|size| format!("{whom} {size}"))
            };
            let list: Vec<String> = parts(&rest).into_iter().map(one).collect::<Result<_, String>>()?;
            Ok(vec![(format!("worst {quantity}"), list.join(", "))])
        }
        _ => parts(text).iter().map(|part| pair(part).and_then(|(item, value)| item_of(name, item, &value))).collect(),
    }
}

/// A cell, a count of the input, or a distribution: `97s` for one, `3 mean 50s max 97s` for several.
fn item_of(name: &str, item: String, value: &str) -> Result<(String, String), String> {
    let counts = |value: &str| value.parse::<u64>().map_err(|_| format!("`{value}` is no number"));
    let is_cell = Cell::ALL.iter().any(|cell| cell.name() == item) || item == "waiting" || item == "waiting_over";
    if name.contains(SURVEY) || name.contains(OUTCOME) {
        return said(name, item, value);
    }
    if name == INPUT || is_cell {
        let count = counts(value)?;
        return Ok((item, count.to_string()));
    }
    let known = known_quantity(&item)?;
    let value = match value.split(' ').collect::<Vec<_>>()[..] {
        [only] => canonical(known, only)?,
        [count, "mean", mean, "max", max] => {
            format!("{} mean {} max {}", counts(count)?, canonical(known, mean)?, canonical(known, max)?)
        }
        _ => return Err(format!("`{value}`: write `97s` for one, `3 mean 50s max 97s` for several")),
    };
    Ok((item, value))
}

/// What is told of a survey or an outcome: numbers as they are written, shares with a percent sign, scores as a list with
/// blanks.
fn said(name: &str, item: String, value: &str) -> Result<(String, String), String> {
    const OF_SURVEYS: [&str; 7] = ["count", "out_of_range", "mean", "satisfied", "bad", "nps", "scores"];
    const OF_OUTCOMES: [&str; 4] = ["count", "amount", "per_answered", "before"];
    let known = if name.contains(SURVEY) { &OF_SURVEYS[..] } else { &OF_OUTCOMES };
    if !known.contains(&&*item) {
        return Err(format!("nothing is called `{item}`"));
    }
    let is_share = ["satisfied", "bad", "per_answered"].contains(&&*item);
    let numbers = if is_share { value.strip_suffix('%').unwrap_or("a share") } else { value };
    match numbers.split(' ').find(|number| number.parse::<f64>().is_err()) {
        Some(wrong) => Err(format!("`{wrong}` is no number, as in `count 2, mean 4.5, satisfied 50%`")),
        None => Ok((item, value.to_owned())),
    }
}

/// `p99.9` as 999.
pub(super) fn per_mille(rank: &str) -> Result<u64, String> {
    let number = rank.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
    let found = (0..=1000_u32).find(|n| number.is_some_and(|number| (f64::from(*n) - number * 10.0).abs() < 1e-6));
    found.map(u64::from).ok_or_else(|| format!("`{rank}` is no quantile; write p50, p99, p99.9"))
}

/// The quantity of this name.
pub(super) fn known_quantity(name: &str) -> Result<Quantity, String> {
    let found = Quantity::ALL.into_iter().find(|quantity| quantity.name() == name);
    found.ok_or_else(|| format!("nothing is called `{name}`"))
}

/// Whether a quantity is a number, not a duration.
pub(super) fn is_number(quantity: Quantity) -> bool {
    matches!(quantity, Quantity::Replies | Quantity::Transfers)
}

/// What is written of a quantity, in its canonical form.
fn canonical(quantity: Quantity, text: &str) -> Result<String, String> {
    if is_number(quantity) {
        return text.parse::<u64>().map(|number| number.to_string()).map_err(|_| format!("`{text}` is no number"));
    }
    duration(text).map(show_duration)
}

/// So many milliseconds or, of a number, so many, in canonical form.
pub(super) fn show_size(quantity: Quantity, size: u64) -> String {
    if is_number(quantity) { size.to_string() } else { show_duration(size) }
}

/// What differs, one line an item: `-` was written, `+` is seen. Empty if nothing does.
pub(super) fn difference(written: &Rows, seen: &Rows) -> String {
    let none = BTreeMap::new();
    let names: BTreeSet<&String> = written.keys().chain(seen.keys()).collect();
    let mut text = String::new();
    for name in names {
        let (before, after) = (written.get(name).unwrap_or(&none), seen.get(name).unwrap_or(&none));
        let items: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for item in items.into_iter().filter(|item| before.get(*item) != after.get(*item)) {
            for (sign, value) in [('-', before.get(item)), ('+', after.get(item))] {
                if let Some(value) = value {
                    let _ = writeln!(text, "      {sign} {name}  {item} {value}");
                }
            }
        }
    }
    text
}
