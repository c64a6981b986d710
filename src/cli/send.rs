//! `holdline send`: files of native events into Kafka, at full speed or at the pace at which they happened.
//!
//! Records go in the order of the files, keyed by contact (those of agents by agent), their text untouched but for the
//! value of `time` where that is moved. Their own timestamps are those of sending.
//!
//! What is no event goes as it is, without a key: sending bad records is how one sees what a service makes of them, and
//! the numbers of `run` then agree with those of `replay` over the same files. It is counted and told; `--strict` stops
//! before the first one.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;

use crate::cli::BadUsage;
use crate::cli::broker::{BrokerArguments, Sending, Sent};
use crate::cli::pace::{self, Factor, Pace, Pacer};
use crate::cli::progress::Progress;
use crate::cli::shift::Shift;
use crate::cli::stop::Stop;
use crate::clock;
use crate::event::decode::decode;
use crate::event::rejection::{Rejection, RejectionReason};
use crate::event::time::from_rfc3339;
use crate::event::{Event, EventTime};
use crate::kafka::writer::WriteError;
use crate::source::files::{OnRead, STANDARD_INPUT, read_files};

/// The longest line that is sent: what brokers take unless told otherwise. A longer one is an error, since only its
/// beginning is read.
const LONGEST_LINE: usize = 1 << 20;

/// Records of one reason that are told; further ones are only counted.
const TOLD: u64 = 5;

/// Files of native events into Kafka, keyed by contact id
#[derive(Args, Clone, Debug)]
pub struct SendArguments {
    /// Where to send to
    #[command(flatten)]
    pub broker: BrokerArguments,
    /// Move all times as a whole so that the last one falls on this instant: now, or RFC 3339 with an offset
    #[arg(long, value_name = "INSTANT", value_parser = end_at)]
    pub end_at: Option<EndAt>,
    /// Send at the pace of the events' times: real, or so many times faster [default: as fast as they are taken]
    #[arg(long, value_name = "FACTOR", value_parser = pace::parse)]
    pub pace: Option<Factor>,
    /// Stop before the first record that is no event, instead of sending it as it is
    #[arg(long)]
    pub strict: bool,
    /// Files of events, one a line, also packed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// The instant on which the last event is to fall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndAt {
    /// When sending begins.
    Now,
    /// This one.
    At(EventTime),
}

fn end_at(text: &str) -> Result<EndAt, String> {
    if text == "now" {
        return Ok(EndAt::Now);
    }
    let instant = from_rfc3339(text).map(EndAt::At);
    instant
        .ok_or_else(|| "`now`, or RFC 3339 with an offset, 1970 to 2109, such as 2026-03-02T09:00:00+01:00".to_owned())
}

/// Runs the command.
///
/// # Errors
///
/// Arguments or a configuration that make no sense, as [`BadUsage`]; a file that cannot be read; records that could not be
/// sent, or were left because somebody asked to stop.
pub fn send(arguments: &SendArguments) -> anyhow::Result<()> {
    let (config, topic) = arguments.broker.target()?;
    let limit = config.settings.limits.record_bytes;
    if arguments.end_at.is_some() {
        check_read_twice(&arguments.files)?;
    }
    let progress = Progress::over(&arguments.files);
    let told = progress.clone();
    let writer = arguments.broker.connect(&config, &topic, Arc::new(move |words| told.tell(words)))?;
    let shift = match arguments.end_at {
        None => None,
        Some(end_at) => find_shift(&arguments.files, limit, end_at, &progress)?,
    };

    let stop = Stop::listen().context("listening for signals")?;
    let pace = arguments.pace.map_or(Pace::Unpaced, Pace::Times);
    let mut sender = Sender {
        sending: Sending::new(writer, stop),
        pacer: Pacer::new(pace),
        shift,
        limit,
        strict: arguments.strict,
        moved: Vec::new(),
        rejected: BTreeMap::new(),
        files: Vec::new(),
        lines: 0,
    };
    let read = sender.read_all(&arguments.files, &progress);
    progress.finish();
    sender.tell_rejected(&progress);
    let Sender { sending, files, .. } = sender;
    let sent = finish(sending, &files);
    match (read, sent) {
        // What could not be delivered is the cause of stopping, and its last count is the right one.
        (_, Err(undelivered)) => Err(undelivered),
        (Err(cause), Ok(sent)) => Err(cause.context(format!("only {} records were delivered", sent.records))),
        (Ok(()), Ok(sent)) => writeln!(io::stdout(), "{sent}").context("writing to standard output"),
    }
}

/// Refuses what can be read only once.
fn check_read_twice(files: &[PathBuf]) -> Result<(), BadUsage> {
    let once = files
        .iter()
        .find(|path| path.as_os_str() == STANDARD_INPUT || path.metadata().is_ok_and(|metadata| !metadata.is_file()));
    match once {
        Some(path) => Err(BadUsage(format!(
            "--end-at has to read everything twice, to find the last time first, and {:?} can be read only once: write \
             it to a file and send that",
            path.display().to_string()
        ))),
        None => Ok(()),
    }
}

/// What moves the last event onto the instant asked for; none if there are no events.
fn find_shift(files: &[PathBuf], limit: usize, end_at: EndAt, progress: &Progress) -> anyhow::Result<Option<Shift>> {
    let silent: OnRead = Arc::new(|_| ());
    let mut span: Option<(EventTime, EventTime)> = None;
    for chunk in read_files(files.to_vec(), LONGEST_LINE, silent) {
        for (_, record) in chunk?.lines() {
            let Ok(event) = decode(record, limit) else { continue };
            let (_, time) = key_and_time(&event);
            let (first, last) = span.unwrap_or((time, time));
            span = Some((first.min(time), last.max(time)));
        }
    }
    let Some((first, last)) = span else { return Ok(None) };
    let end = match end_at {
        EndAt::Now => clock::wall(),
        EndAt::At(end) => end,
    };
    let shift = Shift::onto(last, end);
    let Some(begin) = shift.of(first) else {
        bail!(BadUsage(format!(
            "--end-at {}: the first event, at {}, would fall before 1970",
            written(end),
            written(first)
        )));
    };
    progress.tell(&format!(
        "event times {} to {} become {} to {}",
        written(first),
        written(last),
        written(begin),
        written(end)
    ));
    Ok(Some(shift))
}

fn written(time: EventTime) -> String {
    let instant = i64::try_from(time.millis()).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    format!("{:.3}", instant.unwrap_or(Timestamp::MAX))
}

fn key_and_time<'e>(event: &'e Event<'_>) -> (&'e str, EventTime) {
    match event {
        Event::Contact(event) => (&event.contact_id, event.time),
        Event::Agent(event) => (&event.agent_id, event.time),
    }
}

/// Waits for the last confirmation; says at which line sending failed, if it did.
fn finish(sending: Sending, files: &[(Arc<str>, u64)]) -> anyhow::Result<Sent> {
    sending.finish().map_err(|error| {
        let place = match &error {
            WriteError::Undelivered { first: Some(first), .. } => place_of(files, *first),
            _ => None,
        };
        let error = anyhow::Error::new(error);
        match place {
            Some(place) => error.context(format!("the first record that was not delivered is {place}")),
            None => error,
        }
    })
}

/// The file and line of a record by its number. Every line is a record, so the lines before a file say it.
fn place_of(files: &[(Arc<str>, u64)], number: u64) -> Option<String> {
    let (file, before) = files.iter().rev().find(|(_, before)| *before <= number)?;
    Some(format!("{file}:{}", number - before + 1))
}

/// The state of sending.
struct Sender {
    sending: Sending,
    pacer: Pacer,
    shift: Option<Shift>,
    limit: usize,
    strict: bool,
    /// A record with its time moved.
    moved: Vec<u8>,
    rejected: BTreeMap<RejectionReason, u64>,
    /// The files begun, and how many lines the ones before had.
    files: Vec<(Arc<str>, u64)>,
    lines: u64,
}

impl Sender {
    fn read_all(&mut self, files: &[PathBuf], progress: &Progress) -> anyhow::Result<()> {
        for file in files {
            let mut begun = false;
            for chunk in read_files(vec![file.clone()], LONGEST_LINE, progress.on_read()) {
                let chunk = chunk?;
                if !std::mem::replace(&mut begun, true) {
                    self.files.push((chunk.file().into(), self.lines));
                }
                for (line, record) in chunk.lines() {
                    let place = (chunk.file(), line);
                    match self.send(record, place, progress) {
                        Ok(true) => self.lines += 1,
                        Ok(false) => bail!("asked to stop before {}:{line}", chunk.file()),
                        Err(error) => return Err(error.context(format!("sending {}:{line}", chunk.file()))),
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends one record when it is due. False: asked to stop.
    fn send(&mut self, record: &[u8], place: (&str, u64), progress: &Progress) -> anyhow::Result<bool> {
        if record.len() > LONGEST_LINE {
            bail!("longer than {LONGEST_LINE} bytes, which no broker takes unless told to");
        }
        let event = match decode(record, self.limit) {
            Ok(event) => event,
            Err(rejection) if self.strict => bail!("no event, and --strict was given: {}", reason(&rejection)),
            Err(rejection) => {
                self.reject(&rejection, place, progress);
                return Ok(self.sending.put(None, record)?);
            }
        };
        let (key, time) = key_and_time(&event);
        let (payload, time) = match self.shift {
            None => (record, time),
            Some(shift) => {
                self.moved.clear();
                let moved = shift.write(record, time, &mut self.moved);
                (&self.moved[..], moved.context("its time was not there when the last one was looked for")?)
            }
        };
        if !self.sending.wait(&mut self.pacer, time) {
            return Ok(false);
        }
        Ok(self.sending.put(Some(key.as_bytes()), payload)?)
    }

    fn reject(&mut self, rejection: &Rejection, (file, line): (&str, u64), progress: &Progress) {
        let count = self.rejected.entry(rejection.reason).or_default();
        *count += 1;
        if *count <= TOLD {
            progress.tell(&format!("{file}:{line}: {}", reason(rejection)));
        }
    }

    fn tell_rejected(&self, progress: &Progress) {
        if !self.rejected.is_empty() {
            let reasons: Vec<String> =
                self.rejected.iter().map(|(reason, count)| format!("{count} {}", reason.name())).collect();
            let total: u64 = self.rejected.values().sum();
            progress.tell(&format!("no events, sent as they are and without a key: {total} ({})", reasons.join(", ")));
        }
    }
}

fn reason(rejection: &Rejection) -> String {
    let field = rejection.field.map(|field| format!(" `{field}`")).unwrap_or_default();
    let detail = if rejection.detail.is_empty() { String::new() } else { format!(": {}", rejection.detail) };
    format!("{}{field}{detail}", rejection.reason.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read() {
        assert_eq!(end_at("now"), Ok(EndAt::Now));
        let noon = EventTime::from_millis(1_772_449_200_000).unwrap();
        assert_eq!(end_at("2026-03-02T12:00:00+01:00"), Ok(EndAt::At(noon)));
        for wrong in ["", "today", "2026-03-02", "2026-03-02T12:00:00", "9999-01-01T00:00:00Z"] {
            assert!(end_at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_lead_back_to_lines() {
        let files = [("a".into(), 0), ("b".into(), 10)];
        assert_eq!(place_of(&files, 0).unwrap(), "a:1");
        assert_eq!(place_of(&files, 9).unwrap(), "a:10");
        assert_eq!(place_of(&files, 10).unwrap(), "b:1");
        assert_eq!(place_of(&[], 0), None);
    }
}
