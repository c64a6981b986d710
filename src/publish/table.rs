//! A report as tables for a person at a terminal, 120 columns wide at most as long as names are short.
//!
//! Shows what an operations manager asks for first; everything else is in [`json`](super::json). What is not known is
//! `-`. Durations are minutes and seconds, rounded. Each line's level is by the formula promised to its lanes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::tz::TimeZone;

use crate::config::duration;
use crate::engine::board::{GroupBy, GroupKey};
use crate::engine::settings::{Promise, Settings};
use crate::engine::tally::{Cell, Formula, Measure, Quantity, Tally};
use crate::event::EventTime;
use crate::publish::edges::timestamp;
use crate::publish::report::{InputCounts, Line, Report};

const UNKNOWN: &str = "-";

/// Writes the report. `lanes` are all lanes that were seen, whose promises hold for the groups they are in.
///
/// # Errors
///
/// `out` cannot be written to.
pub fn write(report: &Report, settings: &Settings, lanes: &BTreeSet<GroupKey>, out: &mut dyn Write) -> io::Result<()> {
    let promises = Promises::of(settings, lanes, report.by);
    if !report.intervals.is_empty() {
        let mut rows = vec![texts(&[&["from"], &names(report.by), &INTERVAL_HEADINGS])];
        let lines = report.intervals.iter().filter(|line| line.tells_of_visits());
        rows.extend(lines.map(|line| interval_row(report, &promises, line)));
        write_aligned(&rows, 1 + names(report.by).len(), out)?;
        writeln!(out)?;
    }
    let mut rows = vec![texts(&[&names(report.by), &TOTAL_HEADINGS])];
    let lines = report.totals.iter().filter(|line| line.tells_of_visits());
    rows.extend(lines.map(|line| total_row(report.by, &promises, line)));
    let mut together = total_row(report.by, &promises, &report.together);
    if report.by != GroupBy::default() {
        together[0] = "all".to_owned();
    }
    rows.push(together);
    write_aligned(&rows, names(report.by).len(), out)?;
    writeln!(out)?;
    write_span(report, out)?;
    promises.write(out)?;
    write_input(&report.input, out)
}

const INTERVAL_HEADINGS: [&str; 10] =
    ["offered", "answered", "abandoned", "left", "level %", "mean wait", "p90 wait", "max wait", "handle", "waiting"];

const TOTAL_HEADINGS: [&str; 13] = [
    "offered",
    "answered",
    "abandoned",
    "%",
    "left",
    "level %",
    "goal",
    "mean wait",
    "p90",
    "max",
    "handle",
    "waiting",
    "longest",
];

fn texts(parts: &[&[&str]]) -> Vec<String> {
    parts.concat().into_iter().map(str::to_owned).collect()
}

/// The columns that name a group.
fn names(by: GroupBy) -> Vec<&'static str> {
    let columns = [(by.queue, "queue"), (by.channel, "channel"), (by.tier, "tier")];
    columns.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| name).collect()
}

fn names_of(by: GroupBy, key: &GroupKey) -> Vec<String> {
    let columns = [(by.queue, &key.queue), (by.channel, &key.channel), (by.tier, &key.tier)];
    let wanted = columns.into_iter().filter(|(wanted, _)| *wanted);
    wanted.map(|(_, name)| name.as_deref().map(printable).unwrap_or_default()).collect()
}

/// A name from outside must not move the cursor.
pub fn printable(name: &str) -> String {
    name.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

fn interval_row(report: &Report, promises: &Promises, line: &Line) -> Vec<String> {
    let nothing = Tally::default();
    let tally = line.group.measures.get(&Measure::Wait).unwrap_or(&nothing);
    let answered = &tally[Quantity::WaitAnswered];
    let mut row = vec![line.start.map_or_else(|| UNKNOWN.to_owned(), |start| local(start, &report.zone))];
    row.extend(names_of(report.by, &line.key));
    row.extend([
        tally.cells[Cell::Offered].to_string(),
        tally.cells[Cell::Answered].to_string(),
        tally.cells[Cell::Abandoned].to_string(),
        tally.cells[Cell::Left].to_string(),
        percent(promises.formula(&line.key).and_then(|formula| tally.cells.service_level(formula))),
        clock(answered.mean_ms()),
        clock(answered.quantile_ms(900)),
        clock(answered.max_ms()),
        clock(tally[Quantity::Handle].mean_ms()),
        tally.waiting.to_string(),
    ]);
    row
}

fn total_row(by: GroupBy, promises: &Promises, line: &Line) -> Vec<String> {
    let nothing = Tally::default();
    let tally = line.group.measures.get(&Measure::Wait).unwrap_or(&nothing);
    let answered = &tally[Quantity::WaitAnswered];
    let (offered, abandoned) = (tally.cells[Cell::Offered], tally.cells[Cell::Abandoned]);
    let longest = line.group.longest_waiting().zip(line.end);
    let longest = longest.map(|(waiting, end)| end.millis().saturating_sub(waiting.since.millis()));
    let mut row = names_of(by, &line.key);
    row.extend([
        offered.to_string(),
        tally.cells[Cell::Answered].to_string(),
        abandoned.to_string(),
        percent(share(abandoned, offered)),
        tally.cells[Cell::Left].to_string(),
        percent(promises.formula(&line.key).and_then(|formula| tally.cells.service_level(formula))),
        promises.goal(&line.key),
        clock(answered.mean_ms()),
        clock(answered.quantile_ms(900)),
        clock(answered.max_ms()),
        clock(tally[Quantity::Handle].mean_ms()),
        tally.waiting.to_string(),
        clock(longest),
    ]);
    row
}

/// What was promised to the lanes of each group, at last.
struct Promises(BTreeMap<GroupKey, Vec<Promise>>);

impl Promises {
    fn of(settings: &Settings, lanes: &BTreeSet<GroupKey>, by: GroupBy) -> Promises {
        let (_, promises) = settings.promises.last().expect("the settings hold at least one row of promises");
        let mut groups: BTreeMap<GroupKey, Vec<Promise>> = BTreeMap::new();
        for lane in lanes {
            let [queue, channel, tier] = [&lane.queue, &lane.channel, &lane.tier];
            let name = |name: &Option<String>| name.clone().unwrap_or_default();
            let promise = promises.of(&name(queue), &name(channel), &name(tier));
            let told = |told: bool, name: &Option<String>| name.clone().filter(|_| told);
            let group = GroupKey {
                queue: told(by.queue, queue),
                channel: told(by.channel, channel),
                tier: told(by.tier, tier),
            };
            for key in [group, GroupKey::default()] {
                groups.entry(key).or_default().push(promise);
            }
        }
        Promises(groups)
    }

    fn to(&self, key: &GroupKey) -> impl Iterator<Item = Promise> {
        self.0.get(key).into_iter().flatten().copied()
    }

    /// The formula of a group; none if its lanes have several.
    fn formula(&self, key: &GroupKey) -> Option<Formula> {
        only(self.to(key).map(|promise| promise.formula))
    }

    /// What is aimed at, if all lanes of the group agree.
    fn goal(&self, key: &GroupKey) -> String {
        let goal = only(self.to(key).map(|promise| (promise.goal, promise.answer_within_ms)));
        goal.map_or(UNKNOWN.to_owned(), |(goal, within)| format!("{} in {}", share_text(goal), duration::write(within)))
    }

    /// Says how levels are computed.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let everything: Vec<Promise> = self.to(&GroupKey::default()).collect();
        let formulas: BTreeSet<Formula> = everything.iter().map(|promise| promise.formula).collect();
        let names: Vec<&str> = formulas.iter().map(|formula| formula.name()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let each = if names.len() > 1 { ", each group by its own" } else { "" };
        let plural = if names.len() > 1 { "s" } else { "" };
        writeln!(out, "Level: share answered within the target, formula{plural} {}{each}.", names.join(", "))
    }
}

/// The value that all have; none if there are several, or nothing at all.
fn only<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

fn write_span(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Line { start: Some(start), end: Some(end), .. } = report.together else {
        return writeln!(out, "Nothing was offered.");
    };
    let zone = report.zone.iana_name().unwrap_or("local time");
    writeln!(out, "From {} until {}, {zone}.", local(start, &report.zone), local(end, &report.zone))
}

fn write_input(input: &InputCounts, out: &mut dyn Write) -> io::Result<()> {
    let engine = &input.engine;
    let rejected = input.rejected.iter().map(|(reason, count)| (*count, format!("rejected as {}", reason.name())));
    let others = [
        (engine.duplicate, "told more than once"),
        (engine.late, "too late"),
        (engine.orphan, "of contacts never offered"),
        (engine.skew, "earlier than their offer"),
        (engine.conflict, "in conflict with others"),
        (engine.overflow_contacts, "beyond the limit of contacts"),
        (engine.overflow_facts, "beyond the limit of facts"),
        (engine.overflow_agents, "beyond the limit of agents"),
        (engine.overflow_lanes, "with names beyond the limit, tallied as _other"),
        (engine.overflow_past_contacts, "contacts of known customers, beyond the limit of those remembered"),
        (input.ahead, "beyond the end, not tallied"),
    ];
    let all = rejected.chain(others.map(|(count, what)| (count, what.to_owned())));
    let told: Vec<String> =
        all.filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let told = if told.is_empty() { "nothing amiss".to_owned() } else { told.join(", ") };
    writeln!(out, "Input: {} records, {} events; {told}.", input.records, engine.events)?;
    if engine.expired > 0 {
        writeln!(out, "{} contacts were given up unfinished: nothing was heard of them for too long.", engine.expired)?;
    }
    Ok(())
}

/// Writes rows with columns of equal width, the first `left` of them aligned to the left.
///
/// # Errors
///
/// `out` cannot be written to.
pub fn write_aligned(rows: &[Vec<String>], left: usize, out: &mut dyn Write) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

fn local(time: EventTime, zone: &TimeZone) -> String {
    let format = if time.millis().is_multiple_of(60_000) { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
    timestamp(time).to_zoned(zone.clone()).strftime(format).to_string()
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A share in percent with one digit after the point; what is not all is not rounded up to it.
fn percent(share: Option<f64>) -> String {
    let rounded = share.map(|share| if share < 1.0 { (share * 100.0).min(99.9) } else { share * 100.0 });
    rounded.map_or(UNKNOWN.to_owned(), |percent| format!("{percent:.1}"))
}

/// A goal as it was probably written.
pub fn share_text(goal: f64) -> String {
    format!("{}%", (goal * 10_000.0).round() / 100.0)
}

/// Milliseconds that are whole or a mean.
trait Milliseconds {
    fn rounded_seconds(self) -> u64;
}

impl Milliseconds for u64 {
    fn rounded_seconds(self) -> u64 {
        (self + 500) / 1000
    }
}

impl Milliseconds for f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of durations is none of both")]
    fn rounded_seconds(self) -> u64 {
        (self / 1000.0).round() as u64
    }
}

/// `1:37`, `8:24:38`.
fn clock(milliseconds: Option<impl Milliseconds>) -> String {
    let Some(seconds) = milliseconds.map(Milliseconds::rounded_seconds) else { return UNKNOWN.to_owned() };
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_for_people() {
        let told = [Some(0_u64), Some(97_000), Some(59_500), Some(30_278_000), None].map(clock);
        assert_eq!(told, ["0:00", "1:37", "1:00", "8:24:38", "-"]);
        assert_eq!(clock(Some(59_858.9)), "1:00");
    }

    #[test]
    fn what_is_not_all_is_not_a_hundred() {
        assert_eq!([Some(1.0), Some(0.9999), Some(0.0), None].map(percent), ["100.0", "99.9", "0.0", "-"]);
    }
}
