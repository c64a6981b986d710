//! What was counted of each queue, for commands that plan: from files of events, from a baseline file, or from a running
//! instance.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;

use crate::cli::BadUsage;
use crate::cli::healthy::ask;
use crate::cli::progress::Progress;
use crate::engine::arrivals::arrivals;
use crate::engine::board::{self, GroupBy, GroupKey, Groups};
use crate::engine::settings::Settings;
use crate::engine::shard::Shard;
use crate::engine::tally::{Cell, Measure, Tally};
use crate::event::EventTime;
use crate::publish::seed::{Seed, SeedOfQueue};
use crate::publish::snapshot::{KnownBefore, LeadingLane};
use crate::publish::staffing::{leading, times_of};
use crate::source::files::read_files;
use crate::source::workers::feed;
use crate::surge::QUARTER_MS;

/// How much later than the newest event another may come in a file, in milliseconds.
const LATENESS_MS: u64 = 7 * 86_400_000;

/// A quarter of an hour, in milliseconds.
const QUARTER: i64 = QUARTER_MS.cast_signed();

/// Threads that work, besides the one that reads.
const MOST_THREADS: usize = 8;

/// Whoever asks a running instance waits no longer.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

/// No baseline of an instance is longer, in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// Counts files of events. What they cover ends at `until`, or with the quarter of an hour of the last event.
///
/// # Errors
/// A file cannot be read to its end; there is no event in them.
pub fn of_files(files: &[PathBuf], settings: &Settings, until: Option<Timestamp>) -> anyhow::Result<Seed> {
    let mut settings = settings.clone();
    settings.lifetimes.lateness_ms = LATENESS_MS;
    let settings = Arc::new(settings);
    let progress = Progress::over(files);
    let chunks = read_files(files.to_vec(), settings.limits.record_bytes, progress.on_read());
    let cores = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let threads = cores.min(NonZero::new(MOST_THREADS).expect("eight is not zero"));
    let fed = feed(&settings, threads, chunks, &mut |rejected| progress.tell(rejected));
    progress.finish();
    let fed = fed?;
    let end = fed.shards.iter().filter_map(Shard::end).max().context("there is no event in these files")?;
    let until_ms = match until {
        Some(until) => u64::try_from(until.as_millisecond()).context("--until is before 1970")?,
        None => end.millis() + 1,
    };
    let until = u32::try_from(until_ms.div_ceil(QUARTER_MS)).context("--until is after 2109")?;
    Ok(of_shards(&fed.shards, until))
}

/// Counts what shards that keep everything hold, before a quarter of an hour.
pub fn of_shards(shards: &[Shard], until: u32) -> Seed {
    let mut seed = Seed { until, ..Seed::default() };
    for shard in shards {
        for (queue, arrived) in arrivals(shard, EventTime::MAX) {
            let counts = &mut seed.queues.entry(queue).or_default().counts;
            arrived.each(0, |start, count| match u32::try_from(start / QUARTER_MS) {
                Ok(quarter) if quarter < until => counts.add(quarter, count),
                _ => {}
            });
        }
    }
    let all: Vec<&Shard> = shards.iter().collect();
    let totals: Groups = board::totals(&all, EventTime::MAX, GroupBy::EACH);
    let mut lanes: BTreeMap<&str, Vec<(&GroupKey, &Tally)>> = BTreeMap::new();
    for (key, group) in &totals {
        if let Some((queue, tally)) = key.queue.as_deref().zip(group.measures.get(&Measure::Wait)) {
            lanes.entry(queue).or_default().push((key, tally));
        }
    }
    for (name, lanes) in lanes {
        let Some(leading) = leading(lanes.iter().map(|(key, tally)| (*key, tally.cells[Cell::Offered]))) else {
            continue;
        };
        let times = times_of(lanes.iter().map(|(key, tally)| (*key, *tally, 0)), leading).known;
        let known = KnownBefore { times, leading: Some(LeadingLane::of(leading)) };
        seed.queues.entry(name.to_owned()).or_default().known = known;
    }
    // Names that settings list, to which nobody ever came.
    seed.queues.retain(|_, SeedOfQueue { counts, .. }| !counts.is_empty());
    seed
}

/// What a running instance has counted.
///
/// # Errors
/// Nobody answers there, or not what was asked for.
pub fn of_instance(address: &str) -> anyhow::Result<Seed> {
    let url = format!("http://{address}/api/v1/baseline");
    let (status, body) = ask(&url, LONGEST_ANSWER, MOST_BYTES)?;
    let body = String::from_utf8(body).with_context(|| format!("{url} does not answer with text"))?;
    ensure!(status == 200, "{url} answers {status}: {}", body.trim());
    Seed::parse(&body).with_context(|| format!("{url} does not answer with a baseline"))
}

/// Where history comes from.
#[derive(clap::Args, Clone, Debug)]
pub struct HistoryArguments {
    /// What `holdline baseline --write` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    pub baseline: Option<PathBuf>,
    /// Until when files tell everything, as 2026-08-01T00:00:00Z [default: the quarter of an hour of the last event]
    #[arg(long, value_name = "INSTANT", requires = "files")]
    pub until: Option<Timestamp>,
    /// Where the pages of the running instance are that is asked if neither files nor a baseline are named
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9847")]
    pub address: String,
    /// Files of events, one a line, also packed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

impl HistoryArguments {
    /// What was counted there.
    ///
    /// # Errors
    /// It cannot be read, or nothing is in it; an instant is no quarter of an hour, as [`BadUsage`].
    pub fn read(&self, settings: &Settings) -> anyhow::Result<Seed> {
        if self.until.is_some_and(|until| until.as_millisecond() % QUARTER != 0) {
            return Err(BadUsage("--until: must be on a quarter of an hour".to_owned()).into());
        }
        match &self.baseline {
            Some(path) => Ok(Seed::read(path)?),
            None if self.files.is_empty() => of_instance(&self.address),
            None => of_files(&self.files, settings, self.until),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::surge::Counts;

    const EVENTS: &str = r#"
{"type":"offered","contact_id":"a","queue":"calls","time":"2026-05-04T08:00:00Z"}
{"type":"answered","contact_id":"a","time":"2026-05-04T08:00:10Z"}
{"type":"completed","contact_id":"a","time":"2026-05-04T08:05:00Z","talk_seconds":100}
{"type":"offered","contact_id":"b","queue":"calls","time":"2026-05-04T08:14:59Z"}
{"type":"offered","contact_id":"b","queue":"claims","time":"2026-05-04T08:15:00Z"}
no event
{"type":"offered","contact_id":"c","queue":"calls","channel":"chat","time":"2026-05-04T08:44:59Z"}
"#;

    fn file(content: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.trim_start().as_bytes()).unwrap();
        file
    }

    fn quarter(text: &str) -> u32 {
        let ms = text.parse::<Timestamp>().unwrap().as_millisecond();
        u32::try_from(ms / QUARTER).unwrap()
    }

    #[test]
    fn files_are_counted_by_queue_and_quarter_of_an_hour() {
        let file = file(EVENTS);
        let seed = of_files(&[file.path().to_owned()], &Settings::default(), None).unwrap();
        let at = quarter("2026-05-04T08:00:00Z");
        assert_eq!(seed.until, at + 3);
        let counts = |queue: &str| seed.queues[queue].counts.clone();
        assert_eq!(counts("calls"), [(at, 2), (at + 2, 1)].into_iter().collect::<Counts>());
        assert_eq!(counts("claims"), [(at + 1, 1)].into_iter().collect::<Counts>());
        assert_eq!((seed.queues.len(), seed.queues["calls"].known.times.handle_seconds), (2, Some(100.0)));
        assert_eq!(seed.queues["calls"].known.times.patience_seconds, None);
        // Two calls, and one chat.
        let leading = seed.queues["calls"].known.leading.clone().unwrap();
        assert_eq!((leading.channel.as_deref(), leading.tier.as_deref()), (Some("voice"), Some("standard")));
        // What files cover may end earlier, or later.
        let until = |text: &str| {
            let seed = of_files(&[file.path().to_owned()], &Settings::default(), text.parse().ok()).unwrap();
            (seed.until, seed.queues["calls"].counts.iter().map(|(_, count)| count).sum::<u64>())
        };
        assert_eq!(until("2026-05-04T08:30:00Z"), (at + 2, 2));
        assert_eq!(until("2026-05-05T00:00:00Z"), (quarter("2026-05-05T00:00:00Z"), 3));
    }

    #[test]
    fn a_patience_takes_five_who_gave_up() {
        let of_one = |number: u64| {
            format!(
                "{{\"type\":\"offered\",\"contact_id\":\"{number}\",\"queue\":\"calls\",\"time\":{number}000}}\n\
                 {{\"type\":\"abandoned\",\"contact_id\":\"{number}\",\"time\":{}000}}\n",
                number + 30
            )
        };
        let patience = |abandoned: u64| {
            let file = file(&(1..=abandoned).map(of_one).collect::<String>());
            let seed = of_files(&[file.path().to_owned()], &Settings::default(), None).unwrap();
            seed.queues["calls"].known.times.patience_seconds
        };
        assert_eq!((patience(4), patience(5)), (None, Some(30.0)));
    }

    #[test]
    fn without_an_event_there_is_no_history() {
        let file = file("no event\n");
        let error = of_files(&[file.path().to_owned()], &Settings::default(), None).unwrap_err();
        assert_eq!(error.to_string(), "there is no event in these files");
    }
}
