//! `holdline baseline`: what is usual for each queue, learned from history, and that history as a file for the service.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use crate::cli;
use crate::cli::history::HistoryArguments;
use crate::cli::replay::Format;
use crate::config::Plan;
use crate::publish::forecast::BaselineJson;
use crate::publish::seed::{Seed, SeedOfQueue};
use crate::publish::table::{printable, write_aligned};
use crate::service::monitor::calendars::Calendars;
use crate::surge::{Baseline, Day, Parameters, QUARTER_MS};

/// Tell what is usual for each queue, learned from files of events, a baseline file, or a running instance
#[derive(Args, Clone, Debug)]
pub struct BaselineArguments {
    /// The configuration; variables of the environment count without one too
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write what was counted to this file, for surge.baseline_file
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// How to write it
    #[arg(long, default_value = "table")]
    pub format: Format,
    /// Where it comes from
    #[command(flatten)]
    pub history: HistoryArguments,
}

/// What is known of one queue.
#[derive(Serialize)]
struct QueueJson<'s> {
    queue: &'s str,
    /// The last local day learned from.
    through: String,
    #[serde(flatten)]
    baseline: BaselineJson,
    /// Counted in all.
    offered: u64,
    /// What is expected of the next ordinary working day, next week's such day at the latest.
    ordinary_working_day: Option<f64>,
    /// What is expected of the next month start.
    month_start: Option<f64>,
    handle_seconds: Option<f64>,
    patience_seconds: Option<f64>,
}

/// Runs the command.
///
/// # Errors
/// History cannot be read; a file or `out` cannot be written.
pub fn baseline(arguments: &BaselineArguments, out: &mut dyn Write) -> anyhow::Result<()> {
    let plan = cli::plan(arguments.config.as_deref())?;
    let seed = arguments.history.read(&plan.settings)?;
    if let Some(path) = &arguments.write {
        fs::write(path, seed.text()).with_context(|| format!("writing {}", path.display()))?;
    }
    let queues = learned(&plan, &seed);
    match write(&queues, arguments.format, out) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing to standard output"),
    }
}

fn write(queues: &[QueueJson<'_>], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => {
            for queue in queues {
                serde_json::to_writer(&mut *out, queue)?;
                writeln!(out)?;
            }
        }
        Format::Table => write_aligned(&rows(queues), 1, out)?,
    }
    Ok(())
}

fn learned<'s>(plan: &Plan, seed: &'s Seed) -> Vec<QueueJson<'s>> {
    let mut calendars = Calendars::new(plan.surge.clone());
    let (promises, parameters) = (plan.settings.promised(), Parameters::default());
    let of_queue = |(name, of_queue): (&'s String, &'s SeedOfQueue)| {
        let calendar = calendars.of(name, promises);
        let through = calendar.date_of(u64::from(seed.until) * QUARTER_MS)?.yesterday().ok()?;
        let baseline = Baseline::learn(&of_queue.counts, &calendar, through, &parameters);
        let following = through.series(jiff::Span::new().days(1)).skip(1).take(14);
        let forecasts: Vec<_> = following.map(|date| baseline.forecast(date)).collect();
        let ordinary = forecasts.iter().find(|forecast| is_ordinary(&forecast.day));
        let month_start = calendar.next_month_start(through).map(|date| baseline.forecast(date).total.mean);
        Some(QueueJson {
            queue: name,
            through: through.to_string(),
            baseline: baseline.standing().into(),
            offered: of_queue.counts.iter().map(|(_, count)| count).sum(),
            ordinary_working_day: ordinary.map(|forecast| forecast.total.mean),
            month_start,
            handle_seconds: of_queue.known.times.handle_seconds,
            patience_seconds: of_queue.known.times.patience_seconds,
        })
    };
    seed.queues.iter().filter_map(of_queue).collect()
}

/// Whether nothing is particular about a working day.
fn is_ordinary(day: &Day) -> bool {
    let is_particular = day.is_last_business_day || day.is_after_holiday || day.is_pay_day || !day.special.is_empty();
    day.is_regular && day.business_day.is_some_and(|number| number > 3) && !is_particular
}

fn rows(queues: &[QueueJson<'_>]) -> Vec<Vec<String>> {
    let headings = [
        "queue",
        "through",
        "offered",
        "days",
        "month starts",
        "ordinary day",
        "month start",
        "handle",
        "patience",
        "",
    ];
    let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.0}"));
    let seconds = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.0} s"));
    let row = |queue: &QueueJson<'_>| {
        vec![
            printable(queue.queue),
            queue.through.clone(),
            queue.offered.to_string(),
            queue.baseline.days.to_string(),
            queue.baseline.month_starts.to_string(),
            number(queue.ordinary_working_day),
            number(queue.month_start),
            seconds(queue.handle_seconds),
            seconds(queue.patience_seconds),
            queue.baseline.thin.as_ref().map(|thin| format!("thin: {thin}")).unwrap_or_default(),
        ]
    };
    let headings = headings.map(str::to_owned).to_vec();
    std::iter::once(headings).chain(queues.iter().map(row)).collect()
}
