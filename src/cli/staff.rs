//! `holdline staff`: how many agents a load needs, and what some more or fewer would reach.
//!
//! Nothing is read: it is a calculator, with what [`staffing`](crate::staffing) says. By Erlang C always, and by Erlang
//! A if it is told for how long callers are ready to wait.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::cli::BadUsage;
use crate::cli::replay::Format;
use crate::config::duration;
use crate::staffing::{Aim, Load, OutOfRange, Patience, Predicted, Required, predict, required, requirement};

/// How many more and fewer agents than are required are told of.
const NEIGHBOURS: u64 = 2;

/// Tell how many agents a load needs, and what they reach
#[derive(Args, Clone, Debug)]
pub struct StaffArguments {
    /// Contacts that come in the period
    #[arg(long, value_name = "NUMBER", value_parser = count)]
    pub calls: f64,
    /// The period in which they come
    #[arg(long, value_name = "DURATION", value_parser = positive, default_value = "30m")]
    pub per: u64,
    /// How long one keeps an agent busy on average, work after it included
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub handle: u64,
    /// Within which time they should be answered
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "20s")]
    pub target: u64,
    /// The share of them that should be
    #[arg(long, value_name = "SHARE", value_parser = number, default_value = "0.8")]
    pub goal: f64,
    /// For how long they are ready to wait on average: tells Erlang A too
    #[arg(long, value_name = "DURATION", value_parser = positive)]
    pub patience: Option<u64>,
    /// Tell what so many agents reach, too
    #[arg(long, value_name = "N")]
    pub agents: Option<u64>,
    /// The share of their time that agents may be busy at most
    #[arg(long, value_name = "SHARE", value_parser = number, default_value = "1")]
    pub max_occupancy: f64,
    /// The share of paid time that breaks, training and illness take
    #[arg(long, value_name = "SHARE", value_parser = number, default_value = "0")]
    pub shrinkage: f64,
    /// How to write it
    #[arg(long, default_value = "table")]
    pub format: Format,
}

fn positive(text: &str) -> Result<u64, String> {
    duration::parse(text).and_then(|duration| if duration > 0 { Ok(duration) } else { Err("more than 0s".to_owned()) })
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "is not a number, such as 0.8".to_owned())
}

fn count(text: &str) -> Result<f64, String> {
    number(text).and_then(|count| if count >= 0.0 { Ok(count) } else { Err("0 or more".to_owned()) })
}

/// Writes how many agents the load needs to `out`.
///
/// # Errors
///
/// Numbers that make no sense, as [`BadUsage`]; `out` cannot be written to.
pub fn staff(arguments: &StaffArguments, out: &mut dyn Write) -> anyhow::Result<()> {
    let plan = Plan::of(arguments).map_err(|error| BadUsage(error.to_string()))?;
    let written = match arguments.format {
        Format::Json => plan.write_json(out),
        Format::Table => plan.write_table(arguments, out),
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing to standard output"),
    }
}

/// What is to be told.
struct Plan {
    contacts: f64,
    period_seconds: f64,
    load: Load,
    aim: Aim,
    patience: Option<Patience>,
    agents_asked: Option<u64>,
    by_model: Vec<ByModel>,
}

/// What one model says: what is required, and what numbers about it reach.
struct ByModel {
    patience: Option<Patience>,
    required: Required,
    reached: Vec<(u64, Predicted)>,
}

impl Plan {
    fn of(arguments: &StaffArguments) -> Result<Plan, OutOfRange> {
        let seconds = |milliseconds: u64| milliseconds as f64 / 1_000.0;
        let StaffArguments { calls: contacts, max_occupancy, shrinkage, .. } = *arguments;
        let period_seconds = seconds(arguments.per);
        let load = Load::of_contacts(contacts, period_seconds, seconds(arguments.handle))?;
        let aim = Aim { target_seconds: seconds(arguments.target), goal: arguments.goal, max_occupancy, shrinkage };
        let patience = arguments.patience.map(|ready| Patience::of_seconds(seconds(ready))).transpose()?;
        let models = [None].into_iter().chain(patience.map(Some));
        let by_model =
            models.map(|patience| ByModel::of(&load, &aim, patience, arguments.agents)).collect::<Result<_, _>>()?;
        Ok(Plan { contacts, period_seconds, load, aim, patience, agents_asked: arguments.agents, by_model })
    }
}

impl ByModel {
    fn of(load: &Load, aim: &Aim, patience: Option<Patience>, asked: Option<u64>) -> Result<ByModel, OutOfRange> {
        let required = required(load, aim, patience)?;
        let fewest = required.agents.saturating_sub(NEIGHBOURS).max(1);
        let numbers: BTreeSet<u64> = (fewest..=required.agents + NEIGHBOURS).chain(asked).collect();
        let mut reached = Vec::new();
        for agents in numbers {
            reached.extend(predict(load, agents, aim.target_seconds, patience)?.map(|told| (agents, told)));
        }
        Ok(ByModel { patience, required, reached })
    }

    fn name(&self) -> &'static str {
        if self.patience.is_some() { "erlang_a" } else { "erlang_c" }
    }
}

#[derive(Serialize)]
struct PlanJson {
    contacts: f64,
    period_seconds: f64,
    arrivals_per_second: f64,
    handle_seconds: f64,
    offered_load_erlangs: f64,
    target_seconds: f64,
    goal_ratio: f64,
    max_occupancy_ratio: f64,
    shrinkage_ratio: f64,
    patience_seconds: Option<f64>,
    agents_asked: Option<u64>,
    models: Vec<ModelJson>,
}

#[derive(Serialize)]
struct ModelJson {
    model: &'static str,
    agents_required: u64,
    agents_scheduled: u64,
    predicted: Vec<PredictedJson>,
}

#[derive(Serialize)]
struct PredictedJson {
    agents: u64,
    agents_scheduled: u64,
    service_level_ratio: f64,
    waiting_ratio: f64,
    abandoned_ratio: f64,
    /// None if waits grow without end.
    mean_wait_seconds: Option<f64>,
    occupancy_ratio: Option<f64>,
}

impl Plan {
    fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let predicted = |(agents, told): &(u64, Predicted)| PredictedJson {
            agents: *agents,
            agents_scheduled: requirement::scheduled(*agents, self.aim.shrinkage),
            service_level_ratio: told.service_level,
            waiting_ratio: told.waiting,
            abandoned_ratio: told.abandoned,
            mean_wait_seconds: told.mean_wait_seconds,
            occupancy_ratio: told.occupancy,
        };
        let model = |by: &ByModel| ModelJson {
            model: by.name(),
            agents_required: by.required.agents,
            agents_scheduled: by.required.agents_scheduled,
            predicted: by.reached.iter().map(predicted).collect(),
        };
        let json = PlanJson {
            contacts: self.contacts,
            period_seconds: self.period_seconds,
            arrivals_per_second: self.load.arrivals_per_second(),
            handle_seconds: self.load.handle_seconds(),
            offered_load_erlangs: self.load.erlangs(),
            target_seconds: self.aim.target_seconds,
            goal_ratio: self.aim.goal,
            max_occupancy_ratio: self.aim.max_occupancy,
            shrinkage_ratio: self.aim.shrinkage,
            patience_seconds: self.patience.map(Patience::seconds),
            agents_asked: self.agents_asked,
            models: self.by_model.iter().map(model).collect(),
        };
        serde_json::to_writer(&mut *out, &json)?;
        writeln!(out)
    }

    fn write_table(&self, arguments: &StaffArguments, out: &mut dyn Write) -> io::Result<()> {
        let [per, handle, target] = [arguments.per, arguments.handle, arguments.target].map(duration::write);
        writeln!(
            out,
            "{} contacts in {per}, each handled in {handle}: {} erlangs.",
            self.contacts,
            short(self.load.erlangs())
        )?;
        write!(out, "Wanted: {}% answered within {target}", short(self.aim.goal * 100.0))?;
        if self.aim.max_occupancy < 1.0 {
            write!(out, ", agents busy {}% of their time at most", short(self.aim.max_occupancy * 100.0))?;
        }
        writeln!(out, "; shrinkage {}%.", short(self.aim.shrinkage * 100.0))?;
        if self.load.erlangs() <= 0.0 {
            return writeln!(out, "\nNo contacts need nobody: 0 agents.");
        }
        for by in &self.by_model {
            let Required { agents, agents_scheduled, .. } = by.required;
            let model = match arguments.patience.filter(|_| by.patience.is_some()) {
                Some(patience) => format!("Erlang A, who is not answered gives up after {}", duration::write(patience)),
                None => "Erlang C, everybody waits until answered".to_owned(),
            };
            writeln!(
                out,
                "\n{model}: {agents} agent{}, {agents_scheduled} scheduled.\n",
                if agents == 1 { "" } else { "s" }
            )?;
            let mut rows = vec![HEADING.map(str::to_owned)];
            rows.extend(by.reached.iter().map(|(number, told)| self.row(*number, told, agents)));
            write_aligned(&rows, out)?;
        }
        Ok(())
    }

    fn row(&self, agents: u64, told: &Predicted, required: u64) -> [String; 8] {
        let remark = match (agents == required, Some(agents) == self.agents_asked) {
            (true, true) => "required, asked for",
            (true, false) => "required",
            (false, true) => "asked for",
            (false, false) => "",
        };
        [
            agents.to_string(),
            requirement::scheduled(agents, self.aim.shrinkage).to_string(),
            percent_down(told.service_level),
            percent(told.waiting),
            told.mean_wait_seconds.map_or_else(|| "no end".to_owned(), |seconds| format!("{seconds:.1}s")),
            told.occupancy.map_or_else(|| "-".to_owned(), percent),
            percent(told.abandoned),
            remark.to_owned(),
        ]
    }
}

const HEADING: [&str; 8] = ["agents", "scheduled", "level %", "waiting %", "mean wait", "busy %", "give up %", ""];

/// Columns of equal width, all but the last aligned to the right.
fn write_aligned(rows: &[[String; 8]], out: &mut dyn Write) -> io::Result<()> {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    for row in rows {
        let numbers = row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}  "));
        writeln!(out, "{}", (numbers.collect::<String>() + &row[7]).trim_end())?;
    }
    Ok(())
}

/// At most two digits after the point.
fn short(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A share in percent with one digit after the point; what is not all is not rounded up to it.
fn percent(share: f64) -> String {
    format!("{:.1}", if share < 1.0 { (share * 100.0).min(99.9) } else { 100.0 })
}

/// Rounded down, so that a goal which is not kept does not look so; a rounding of the last digit is none.
fn percent_down(share: f64) -> String {
    format!("{:.1}", (share * 1_000.0 + 1e-9).floor() / 10.0)
}

#[cfg(test)]
mod tests;
