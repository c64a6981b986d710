//! `holdline simulate`: a made-up support centre as native events, to standard output or a file.
//!
//! It writes as fast as the reader takes it and does not pace itself.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::simulate::{Centre, Scenario};

/// A made-up support centre as native events, one JSON object a line, in order of time
#[derive(Args, Clone, Debug)]
pub struct SimulateArguments {
    /// What chance is drawn from: the same arguments give the same bytes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The first day
    #[arg(long, value_name = "DATE", default_value = "2026-01-01")]
    pub from: Date,
    /// Stop after so many days [default: 1, without --events and --contacts]
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
    /// Chance, for each queue and working day, that its agents leave it for an hour or so
    #[arg(long, value_name = "CHANCE", default_value_t = 0.03)]
    pub outages: f64,
    /// Leave out the events of type `agent_state`
    #[arg(long)]
    pub no_agent_states: bool,
    /// Pad events to this size with a field that means nothing, for benchmarks
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub pad: usize,
    /// Where to write; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
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
    /// An unknown time zone.
    pub fn scenario(&self) -> anyhow::Result<Scenario> {
        let zone = TimeZone::get(&self.zone).with_context(|| {
            format!("--zone {:?}: give a name of the IANA database, such as Europe/Vienna", self.zone)
        })?;
        let is_endless = self.days.is_none() && self.events.is_none() && self.contacts.is_none();
        let week = WorkingDay::value_variants();
        let mut working_days = [false; 7];
        for (working, day) in working_days.iter_mut().zip(week) {
            *working = self.working_days.contains(day);
        }
        Ok(Scenario {
            seed: self.seed,
            from: self.from,
            days: if is_endless { Some(1) } else { self.days },
            events: self.events,
            contacts: self.contacts,
            load: self.load,
            queues: self.queues,
            zone,
            working_days,
            month_start: self.month_start,
            outages: self.outages,
            agent_states: !self.no_agent_states,
            pad: self.pad,
        })
    }
}

/// Runs the command. A reader that has had enough and closes the pipe ends it well.
///
/// # Errors
/// Arguments that make no sense, or an output that cannot be written.
pub fn simulate(arguments: &SimulateArguments) -> anyhow::Result<()> {
    let mut centre = Centre::new(&arguments.scenario()?)?;
    if arguments.output.as_os_str() == "-" {
        return write_events(&mut centre, &mut std::io::stdout().lock()).context("writing to standard output");
    }
    let path = arguments.output.display();
    let mut file = File::create(&arguments.output).with_context(|| format!("creating {path}"))?;
    write_events(&mut centre, &mut file).with_context(|| format!("writing {path}"))
}

/// Bytes gathered before they are written.
const CHUNK: usize = 256 * 1024;

fn write_events(centre: &mut Centre, output: &mut impl Write) -> std::io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK + 4_096);
    while centre.next_event(&mut chunk).is_some() {
        if chunk.len() >= CHUNK {
            match output.write_all(&chunk) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
            chunk.clear();
        }
    }
    match output.write_all(&chunk).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
