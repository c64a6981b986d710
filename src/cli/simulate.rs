//! `holdline simulate`: a made-up support centre as native events, to standard output, a file or Kafka.
//!
//! As fast as they are taken, at the pace of their times, or live: then the centre's first instant is now, or a while
//! ago with `--history`, and what lies in the past is sent at once. By its own clock the centre still opens at midnight,
//! so that a live run with nine hours of history begins in its morning, whatever the time of day.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::cli::BadUsage;
use crate::cli::broker::{BrokerArguments, Sending};
use crate::cli::pace::{self, Factor, Pace, Pacer};
use crate::cli::progress::Progress;
use crate::cli::shift::Shift;
use crate::cli::stop::Stop;
use crate::clock;
use crate::config::duration;
use crate::event::EventTime;
use crate::simulate::{Centre, PlannedOutage, Scenario, Surge};

/// A made-up support centre as native events, one JSON object a line, in order of time
#[derive(Args, Clone, Debug)]
pub struct SimulateArguments {
    /// What chance is drawn from: the same arguments give the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The first day
    #[arg(long, value_name = "DATE", default_value = "2026-01-01")]
    pub from: Date,
    /// Stop after so many days [default: 1, without --events, --contacts and --live]
    #[arg(long, value_name = "N")]
    pub days: Option<u32>,
    /// Stop after so many events
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,
    /// Let so many contacts in and stop when the last of them is over
    #[arg(long, value_name = "N")]
    pub contacts: Option<u64>,
    /// Multiply arrivals and agents; 1 is about 20,000 contacts a working day for six queues
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub load: f64,
    /// How many queues; beyond six they are numbered copies of varied size
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub queues: usize,
    /// The IANA time zone that the days follow
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub zone: String,
    /// The days on which the offices are open
    #[arg(long, value_name = "DAYS", value_delimiter = ',', default_value = "mon,tue,wed,thu,fri")]
    pub working_days: Vec<WorkingDay>,
    /// How much busier the first working day of a month is: 0.3 is 30 %
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    pub month_start: f64,
    /// The dates on which months begin, as billing periods do, separated by commas [default: those of the calendar]
    #[arg(long, value_name = "DATES", value_delimiter = ',')]
    pub month_starts: Vec<Date>,
    /// How much of what makes a day busier than others is planned for with agents: 0.4 is 40 %
    #[arg(long, value_name = "SHARE", default_value_t = 0.4)]
    pub foreseen: f64,
    /// Chance, for each queue and working day, that its agents leave it for an hour or so
    #[arg(long, value_name = "CHANCE", default_value_t = 0.03)]
    pub outages: f64,
    /// An outage that is certain, as QUEUE:AFTER:FOR: all agents of a queue leave it so long after the first instant, for
    /// so long, as in billing:9h30m:10m; can be given several times
    #[arg(long = "outage", value_name = "OUTAGE", value_parser = outage)]
    pub planned_outages: Vec<PlannedOutage>,
    /// A surge, as START,FOR,FACTOR,QUEUE,RISE, of which the last two can be left out: from then on, for so long, so many times as many contacts come to a
    /// queue, or to all. START is a local time as 2026-08-03T10:20 or a duration after the first instant, RISE how long it
    /// grows until it has reached FACTOR, as in 10h20m,1h,2.5,billing,15m or 10h20m,1h,2.5,,15m; can be given several times
    #[arg(long = "surge", value_name = "SURGE", value_parser = surge)]
    pub surges: Vec<SurgeArgument>,
    /// Leave out the events of type `agent_state`
    #[arg(long)]
    pub no_agent_states: bool,
    /// Pad events to this size with a field that means nothing, for benchmarks
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub pad: usize,
    /// Where to write; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-", conflicts_with_all = ["brokers", "topic"])]
    pub output: PathBuf,
    /// Send at the pace of the events' times: real, or so many times faster [default: as fast as they are taken]
    #[arg(long, value_name = "FACTOR", value_parser = pace::parse, conflicts_with = "live")]
    pub pace: Option<Factor>,
    /// Move all times so that the first instant is now, and send each event when its time comes, without an end
    #[arg(long)]
    pub live: bool,
    /// How much of the scenario lies in the past when a live run begins; it is sent at once
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "live")]
    pub history: Option<u64>,
    /// Where to send to instead of writing
    #[command(flatten)]
    pub broker: BrokerArguments,
}

fn outage(text: &str) -> Result<PlannedOutage, String> {
    let mut parts = text.rsplitn(3, ':');
    let (Some(for_ms), Some(after_ms), Some(queue)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("write it as QUEUE:AFTER:FOR, as in billing:9h30m:10m".to_owned());
    };
    let length = |text: &str| duration::parse(text).map_err(|wrong| format!("{text} {wrong}"));
    Ok(PlannedOutage { queue: queue.to_owned(), after_ms: length(after_ms)?, for_ms: length(for_ms)? })
}

/// A surge as it was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct SurgeArgument {
    /// When it begins.
    pub start: Start,
    /// The surge, but for its beginning.
    pub surge: Surge,
}

/// When something begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// So many milliseconds after the scenario's first instant.
    After(u64),
    /// When the clocks of its zone show this.
    At(DateTime),
}

fn surge(text: &str) -> Result<SurgeArgument, String> {
    let how = || "write it as START,FOR,FACTOR[,QUEUE[,RISE]], as in 10h20m,1h,2.5,billing".to_owned();
    let length = |text: &str| duration::parse(text).map_err(|wrong| format!("{text} {wrong}"));
    let parts: Vec<&str> = text.split(',').collect();
    let (start, lasts, factor, queue, rises) = match parts[..] {
        [start, lasts, factor] => (start, lasts, factor, "", "0s"),
        [start, lasts, factor, queue] => (start, lasts, factor, queue, "0s"),
        [start, lasts, factor, queue, rises] => (start, lasts, factor, queue, rises),
        _ => return Err(how()),
    };
    let surge = Surge {
        queue: Some(queue.to_owned()).filter(|queue| !queue.is_empty()),
        after_ms: 0,
        for_ms: length(lasts)?,
        factor: factor.parse().map_err(|_| format!("{factor} is not a number: {}", how()))?,
        rises_ms: length(rises)?,
    };
    let start = match (duration::parse(start), start.parse()) {
        (Ok(after_ms), _) => Start::After(after_ms),
        (_, Ok(at)) => Start::At(at),
        _ => return Err(format!("{start} is neither a duration, as 10h20m, nor a local time, as 2026-08-03T10:20")),
    };
    Ok(SurgeArgument { start, surge })
}

impl SurgeArgument {
    /// The surge, in a scenario whose first day this is.
    fn in_scenario(&self, from: Date, zone: &TimeZone) -> anyhow::Result<Surge> {
        let after_ms = match self.start {
            Start::After(after_ms) => after_ms,
            Start::At(at) => {
                let instant = |at: DateTime| Ok::<_, jiff::Error>(at.to_zoned(zone.clone())?.timestamp());
                let after = instant(at)?.duration_since(instant(DateTime::from(from))?);
                u64::try_from(after.as_millis())
                    .with_context(|| format!("--surge {at} is earlier than --from {from}"))?
            }
        };
        Ok(Surge { after_ms, ..self.surge.clone() })
    }
}

/// A day of the week.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkingDay {
    /// Monday
    Mon,
    /// Tuesday
    Tue,
    /// Wednesday
    Wed,
    /// Thursday
    Thu,
    /// Friday
    Fri,
    /// Saturday
    Sat,
    /// Sunday
    Sun,
}

impl SimulateArguments {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// An unknown time zone; a surge before the first day.
    pub fn scenario(&self) -> anyhow::Result<Scenario> {
        let zone = TimeZone::get(&self.zone).with_context(|| {
            format!("--zone {:?}: give a name of the IANA database, such as Europe/Vienna", self.zone)
        })?;
        let says_no_end = self.days.is_none() && self.events.is_none() && self.contacts.is_none();
        let week = WorkingDay::value_variants();
        let mut working_days = [false; 7];
        for (working, day) in working_days.iter_mut().zip(week) {
            *working = self.working_days.contains(day);
        }
        let surges = self.surges.iter().map(|surge| surge.in_scenario(self.from, &zone)).collect::<Result<_, _>>()?;
        Ok(Scenario {
            seed: self.seed,
            from: self.from,
            days: if says_no_end && !self.live { Some(1) } else { self.days },
            events: self.events,
            contacts: self.contacts,
            load: self.load,
            queues: self.queues,
            zone,
            working_days,
            month_start: self.month_start,
            month_starts: self.month_starts.clone(),
            foreseen: self.foreseen,
            outages: self.outages,
            planned_outages: self.planned_outages.clone(),
            surges,
            agent_states: !self.no_agent_states,
            pad: self.pad,
        })
    }
}

/// Runs the command. A reader that has had enough and closes the pipe ends it well, and so does a signal if it is sent
/// to Kafka or paced.
///
/// # Errors
/// Arguments that make no sense, as [`BadUsage`]; an output that cannot be written, a topic that cannot be written to.
pub fn simulate(arguments: &SimulateArguments) -> anyhow::Result<()> {
    let scenario = arguments.scenario().map_err(|error| BadUsage(format!("{error:#}")))?;
    let mut centre = Centre::new(&scenario).map_err(|error| BadUsage(error.to_string()))?;
    let is_kafka = arguments.broker.ask_for_kafka();
    let pace = match (arguments.live, arguments.pace) {
        (true, _) => Pace::Live,
        (false, Some(factor)) => Pace::Times(factor),
        (false, None) => Pace::Unpaced,
    };
    if !is_kafka {
        // Without a pace a signal may end it anywhere: nothing is kept back that anybody waits for.
        let stop = if pace == Pace::Unpaced { Arc::default() } else { listen()? };
        let mut lines = Lines::create(&arguments.output)?;
        let shift = shift(&centre, arguments)?;
        return tell(&mut centre, shift, Pacer::new(pace), &stop, &mut lines).and_then(|()| lines.write_out());
    }
    let (config, topic) = arguments.broker.target()?;
    let progress = Progress::without_bar();
    let writer = arguments.broker.connect(&config, &topic, Arc::new(move |words| progress.tell(words)))?;
    let stop = listen()?;
    let mut sending = Sending::new(writer, Arc::clone(&stop));
    let shift = shift(&centre, arguments)?;
    let told = tell(&mut centre, shift, Pacer::new(pace), &stop, &mut sending);
    let sent = sending.finish()?;
    told?;
    writeln!(io::stdout(), "{sent}").context("writing to standard output")
}

fn listen() -> anyhow::Result<Arc<Stop>> {
    Stop::listen().context("listening for signals")
}

/// Where events go.
pub(super) trait Outlet {
    /// Takes an event. False: it wants no more.
    fn put(&mut self, key: &[u8], line: &[u8]) -> anyhow::Result<bool>;

    /// Keeps nothing back: nothing will come for a while.
    fn catch_up(&mut self) -> anyhow::Result<bool>;
}

/// Tells the scenario until it ends, or the outlet or a signal ends it.
pub(super) fn tell(
    centre: &mut Centre,
    shift: Option<Shift>,
    mut pacer: Pacer,
    stop: &Stop,
    outlet: &mut dyn Outlet,
) -> anyhow::Result<()> {
    let (mut produced, mut moved) = (Vec::new(), Vec::new());
    loop {
        produced.clear();
        let Some(event) = centre.next_event(&mut produced) else { return Ok(()) };
        let mut line = &produced[event.line];
        let mut time = EventTime::from_millis(event.time_ms).context("the scenario reaches beyond the year 2109")?;
        if let Some(shift) = shift {
            moved.clear();
            time = shift.write(line, time, &mut moved).context("the scenario reaches beyond the year 2109")?;
            line = &moved;
        }
        while let Some(wait) = pacer.wait(time) {
            if !outlet.catch_up()? || stop.wait(wait) {
                return Ok(());
            }
        }
        if stop.is_asked() || !outlet.put(&produced[event.key], line)? {
            return Ok(());
        }
    }
}

fn shift(centre: &Centre, arguments: &SimulateArguments) -> anyhow::Result<Option<Shift>> {
    arguments.live.then(|| shift_to_now(centre, arguments.history.unwrap_or(0))).transpose()
}

/// What moves the first instant so far into the past.
pub(super) fn shift_to_now(centre: &Centre, history_ms: u64) -> anyhow::Result<Shift> {
    let start = clock::wall().millis().checked_sub(history_ms).and_then(EventTime::from_millis);
    let start = start.ok_or_else(|| BadUsage("--history reaches back before 1970".to_owned()))?;
    let opens = EventTime::from_millis(centre.opens_ms()).context("the scenario begins beyond the year 2109")?;
    Ok(Shift::onto(opens, start))
}

impl Outlet for Sending {
    fn put(&mut self, key: &[u8], line: &[u8]) -> anyhow::Result<bool> {
        Ok(Sending::put(self, Some(key), line)?)
    }

    fn catch_up(&mut self) -> anyhow::Result<bool> {
        // The writer sends by itself what it has.
        Ok(true)
    }
}

/// Bytes gathered before they are written.
const CHUNK: usize = 256 * 1024;

/// Lines into a file or standard output.
struct Lines {
    output: Box<dyn Write>,
    name: String,
    chunk: Vec<u8>,
}

impl Lines {
    fn create(path: &Path) -> anyhow::Result<Lines> {
        let chunk = Vec::with_capacity(CHUNK + 4_096);
        if path.as_os_str() == "-" {
            return Ok(Lines { output: Box::new(io::stdout().lock()), name: "standard output".to_owned(), chunk });
        }
        let name = path.display().to_string();
        let file = File::create(path).with_context(|| format!("creating {name}"))?;
        Ok(Lines { output: Box::new(file), name, chunk })
    }

    /// Writes what was gathered. False: nobody reads any more.
    fn write_chunk(&mut self) -> anyhow::Result<bool> {
        let written = self.output.write_all(&self.chunk).and_then(|()| self.output.flush());
        self.chunk.clear();
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true).with_context(|| format!("writing {}", self.name)),
        }
    }

    fn write_out(mut self) -> anyhow::Result<()> {
        self.write_chunk().map(|_| ())
    }
}

impl Outlet for Lines {
    fn put(&mut self, _: &[u8], line: &[u8]) -> anyhow::Result<bool> {
        self.chunk.extend_from_slice(line);
        self.chunk.push(b'\n');
        if self.chunk.len() < CHUNK { Ok(true) } else { self.write_chunk() }
    }

    fn catch_up(&mut self) -> anyhow::Result<bool> {
        if self.chunk.is_empty() { Ok(true) } else { self.write_chunk() }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::civil::date;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: SimulateArguments,
    }

    fn scenario(arguments: &[&str]) -> anyhow::Result<Scenario> {
        let line = Line::try_parse_from([&["simulate"], arguments].concat())?;
        line.arguments.scenario()
    }

    #[test]
    fn surges_are_read() {
        let read = |text: &str| scenario(&["--from", "2026-10-25", "--zone", "Europe/Vienna", "--surge", text]);
        let surge = |text: &str| read(text).unwrap().surges.remove(0);
        let [minute_ms, hour_ms] = [60_000, 3_600_000];
        let plain = Surge { queue: None, after_ms: 37_200_000, for_ms: hour_ms, factor: 2.5, rises_ms: 0 };
        assert_eq!(surge("10h20m,1h,2.5"), plain);
        assert_eq!(surge("10h20m,1h,2.5,"), plain);
        assert_eq!(surge("10h20m,1h,2.5,billing"), Surge { queue: Some("billing".to_owned()), ..plain.clone() });
        assert_eq!(surge("10h20m,1h,2.5,,15m"), Surge { rises_ms: 15 * minute_ms, ..plain.clone() });
        // In Vienna this day has an hour more, before ten o'clock.
        assert_eq!(surge("2026-10-25T10:20,1h,2.5"), Surge { after_ms: 37_200_000 + hour_ms, ..plain.clone() });
        assert_eq!(surge("2026-10-25,1h,2.5"), Surge { after_ms: 0, ..plain });

        for (wrong, message) in [
            ("10h20m,1h", "START,FOR,FACTOR"),
            ("10h20m,1h,2.5,billing,5m,6m", "START,FOR,FACTOR"),
            ("10h20m,1h,twice", "twice is not a number"),
            ("10h20m,60,2.5", "60 has no unit"),
            ("10h20m,1h,2.5,billing,soon", "soon is not a duration"),
            ("10:20,1h,2.5", "10:20 is neither a duration"),
            ("2026-10-25T10:20Z,1h,2.5", "neither a duration"),
            ("2026-10-24T23:59,1h,2.5", "is earlier than --from 2026-10-25"),
        ] {
            let error = format!("{:#}", read(wrong).unwrap_err());
            assert!(error.contains(message), "{wrong}: {error}");
        }
    }

    #[test]
    fn months_begin_when_they_are_said_to() {
        assert_eq!(scenario(&[]).unwrap(), Scenario::default());
        let month_starts = vec![date(2026, 7, 20), date(2026, 8, 20)];
        let read = scenario(&["--month-starts", "2026-07-20,2026-08-20"]).unwrap();
        assert_eq!(read, Scenario { month_starts, ..Scenario::default() });
    }
}
