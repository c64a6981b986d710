//! `holdline replay`: the engine over files of events, without a broker.
//!
//! A file that cannot be read to its end gives no report: a number that leaves out some of the events is worse than none.
//! The first few rejected records of each reason go to standard error, and a bar while files are read if it is a terminal.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use crate::cli::progress::Progress;
use crate::cli::{self, BadUsage};
use crate::config::duration;
use crate::engine::board::{self, GroupBy};
use crate::engine::settings::Settings;
use crate::engine::shard::Shard;
use crate::publish::report::{Report, Request};
use crate::publish::{json, table};
use crate::source::files::read_files;
use crate::source::workers::{Fed, feed};

/// More threads than this are a slip.
const MOST_ASKED_FOR: usize = 256;

/// Service levels, waits and handle times of files of events
#[derive(Args, Clone, Debug)]
pub struct ReplayArguments {
    /// The configuration; variables of the environment count without one too
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Tell intervals of this length too, from local midnight on
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub every: Option<u64>,
    /// What to tell apart
    #[arg(long, value_name = "WHAT", value_delimiter = ',', default_value = "queue")]
    pub by: Vec<By>,
    /// How much later than the newest event another may come and still count
    #[arg(long, value_name = "DURATION", value_parser = positive, default_value = "7d")]
    pub lateness: u64,
    /// The IANA time zone of midnight [default: that of the configuration, else UTC]
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// How to write it
    #[arg(long, default_value = "table")]
    pub format: Format,
    /// Threads that work, besides the one that reads [default: one a core, at most 8]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZero<usize>>,
    /// Files of events, one a line, also packed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

fn positive(text: &str) -> Result<u64, String> {
    duration::parse(text).and_then(|duration| if duration > 0 { Ok(duration) } else { Err("more than 0s".to_owned()) })
}

fn threads(text: &str) -> Result<NonZero<usize>, String> {
    let number = text.parse().ok().filter(|threads: &NonZero<usize>| threads.get() <= MOST_ASKED_FOR);
    number.ok_or_else(|| format!("a whole number from 1 to {MOST_ASKED_FOR}"))
}

/// What groups are told apart by.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// By queue
    Queue,
    /// By channel
    Channel,
    /// By tier
    Tier,
}

/// How a report is written.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people
    Table,
    /// One object a line
    Json,
}

/// Threads that work unless more are asked for: every one of them decodes every line.
const MOST_THREADS: usize = 8;

/// Runs the command. A reader that has had enough and closes the pipe ends it well.
///
/// # Errors
///
/// Arguments or a configuration that make no sense, as [`BadUsage`]; a file that cannot be read; an output that cannot be
/// written.
pub fn replay(arguments: &ReplayArguments) -> anyhow::Result<()> {
    let settings = Arc::new(settings(arguments)?);
    let request = request(arguments, &settings)?;
    let progress = Progress::over(&arguments.files);
    let chunks = read_files(arguments.files.clone(), settings.limits.record_bytes, progress.on_read());
    let threads = arguments.threads.unwrap_or_else(|| {
        let cores = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        cores.min(NonZero::new(MOST_THREADS).expect("eight is not zero"))
    });
    let fed = feed(&settings, threads, chunks, &mut |rejected| progress.tell(rejected));
    progress.finish();
    let fed = fed?;

    let report = Report::of(&fed, &settings, &request)?;
    match write(&report, &fed, &settings, arguments.format) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing to standard output"),
    }
}

fn write(report: &Report, fed: &Fed, settings: &Settings, format: Format) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match format {
        Format::Json => json::write(report, &mut out)?,
        Format::Table => {
            let shards: Vec<&Shard> = fed.shards.iter().collect();
            table::write(report, settings, &board::lanes(&shards), &mut out)?;
        }
    }
    out.flush()
}

fn settings(arguments: &ReplayArguments) -> Result<Settings, BadUsage> {
    let mut settings = cli::settings(arguments.config.as_deref())?;
    settings.lifetimes.lateness_ms = arguments.lateness;
    if let Some(zone) = &arguments.zone {
        settings.zone.clone_from(zone);
    }
    Ok(settings)
}

fn request(arguments: &ReplayArguments, settings: &Settings) -> Result<Request, BadUsage> {
    const DAY_MS: u64 = 86_400_000;
    let slot_ms = settings.slots.fine_ms;
    if let Some(every_ms) = arguments.every
        && (every_ms == 0 || every_ms > DAY_MS || !every_ms.is_multiple_of(slot_ms))
    {
        let (every, slot) = (duration::write(every_ms), duration::write(slot_ms));
        return Err(BadUsage(format!(
            "--every {every}: must be a multiple of the finest slot, {slot}, and at most 1d"
        )));
    }
    let known = TimeZone::get(&settings.zone).ok().filter(|zone| !zone.is_unknown());
    let zone = known.ok_or_else(|| {
        BadUsage(format!("--zone {:?}: give a name of the IANA database, such as Europe/Vienna", settings.zone))
    })?;
    let by = |what| arguments.by.contains(&what);
    let by = GroupBy { queue: by(By::Queue), channel: by(By::Channel), tier: by(By::Tier) };
    Ok(Request { by, every_ms: arguments.every, zone })
}
