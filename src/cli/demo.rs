//! `holdline demo`: everything on this machine, with nothing installed and nothing configured.
//!
//! A broker inside this process (librdkafka's mock cluster: a real one on the wire, with little memory), a made-up centre
//! that writes to it, and the service that reads from it as it would from any other. The centre's morning is written at
//! once, so that every queue has something to show; from then on it lives in real time.
//!
//! Either nothing in particular happens, or it is the first working day of a month, and then a surge comes: see
//! `month_start`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{env, process, thread};

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use rdkafka::mocking::MockCluster;
use tokio::runtime::Runtime;

use self::month_start::MonthStart;
use crate::cli::BadUsage;
use crate::cli::broker::Sending;
use crate::cli::pace::{Pace, Pacer};
use crate::cli::run::{Running, runtime};
use crate::cli::simulate::{shift_to_now, tell};
use crate::cli::stop::Stop;
use crate::clock;
use crate::config::{Config, Kafka};
use crate::kafka::writer::{Writer, WriterSettings};
use crate::log;
use crate::publish::edges::timestamp;
use crate::publish::live;
use crate::publish::seed::{Seed, SeedOfQueue};
use crate::publish::snapshot::Snapshot;
use crate::simulate::{Centre, Scenario};

mod month_start;

const TOPIC: &str = "support-events";
const PARTITIONS: i32 = 4;

/// What is promised in the demo, and otherwise the defaults.
const CONFIG: &str = include_str!("../../config/examples/demo.toml");

/// A Tuesday in the middle of a month, when nothing in particular happens.
const DAY: Date = Date::constant(2026, 3, 17);

/// How much of that day is over when the demo begins: it is eleven in the morning.
const MORNING_MS: u64 = 11 * 3_600_000;

/// The window of the lines that are told.
const WINDOW: &str = "30m";

/// How often lines are told on a terminal, and elsewhere.
const ON_A_TERMINAL: Duration = Duration::from_secs(1);
const ELSEWHERE: Duration = Duration::from_secs(10);

/// The topic of a broker that was just made is there after this.
const LONGEST_SEARCH: Duration = Duration::from_secs(10);

/// Everything on this machine, with nothing installed: a broker, a made-up support centre, and the service
#[derive(Args, Clone, Debug)]
pub struct DemoArguments {
    /// Where to serve pages; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9847")]
    pub listen: SocketAddr,
    /// What chance is drawn from
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Multiply arrivals and agents, at most by 2: more the broker inside could not remember
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = load)]
    pub load: f64,
    /// What kind of day it is
    #[arg(long, value_name = "DAY", default_value = "day")]
    pub scenario: Story,
}

/// What a demo is about.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Story {
    /// A day on which nothing in particular happens
    Day,
    /// The first working day of a month, as busy as such days are, and a surge that begins now
    MonthStart,
}

fn load(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|load| *load >= 0.1 && *load <= 2.0);
    number.ok_or_else(|| "a number from 0.1 to 2".to_owned())
}

/// Runs the command until Ctrl-C or SIGTERM.
///
/// # Errors
/// The address cannot be listened on, or no threads or sockets can be had.
pub fn demo(arguments: &DemoArguments) -> anyhow::Result<()> {
    let broker = MockCluster::new(1).context("starting a broker in this process")?;
    broker.create_topic(TOPIC, PARTITIONS, 1).context("making a topic")?;
    let month_start = (arguments.scenario == Story::MonthStart)
        .then(|| MonthStart::at(clock::wall(), arguments.seed, arguments.load));
    let mut config = config(arguments, broker.bootstrap_servers(), month_start.as_ref())?;
    log::start(&config.log).map_err(BadUsage)?;

    let stop = Stop::listen().context("listening for signals")?;
    let runtime = runtime()?;
    let running = match &month_start {
        Some(day) => start_knowing(&seed(day)?, &mut config, &runtime)?,
        None => runtime.block_on(Running::start(&config, None))?,
    };
    let writer = match &month_start {
        Some(day) => write_centre(Centre::new(&day.scenario)?, None, &config.kafka, &stop)?,
        None => {
            let (seed, load) = (arguments.seed, arguments.load);
            let scenario = Scenario { seed, from: DAY, load, days: None, ..Scenario::default() };
            write_centre(Centre::new(&scenario)?, Some(MORNING_MS), &config.kafka, &stop)?
        }
    };

    let announced = month_start.map_or_else(String::new, |day| format!("\n{}", day.announcement()));
    let shown =
        show(&config, running, &announced, &runtime, &stop).or_else(|error| match error.downcast_ref::<io::Error>() {
            // A reader that has had enough and closes the pipe ends it well.
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        });
    stop.ask();
    let written = writer.join().map_err(|_| anyhow::anyhow!("the made-up centre had panicked"))?;
    shown.and(written)
}

fn config(arguments: &DemoArguments, brokers: String, month_start: Option<&MonthStart>) -> anyhow::Result<Config> {
    let mistakes = |mistakes: Vec<_>| anyhow::anyhow!("the demo's own configuration has {} mistakes", mistakes.len());
    let mut config = match month_start {
        Some(day) => Config::parse(&[CONFIG, month_start::CONFIG].join("\n"), &day.variables()),
        None => Config::parse(CONFIG, &[]),
    }
    .map_err(mistakes)?;
    config.kafka = Kafka {
        brokers,
        topics: vec![TOPIC.to_owned()],
        // All there is: the broker inside cannot look for a time.
        look_back_ms: Some(u64::MAX),
        options: BTreeMap::from([("session.timeout.ms".to_owned(), "6000".to_owned())]),
        ..Kafka::default()
    };
    config.http.listen = arguments.listen;
    "warn,librdkafka=error".clone_into(&mut config.log.filter);
    Ok(config)
}

/// What was counted before this day.
fn seed(day: &MonthStart) -> anyhow::Result<Seed> {
    let history: BTreeMap<String, Vec<(u32, u32)>> = day.history()?;
    let queues = history.into_iter().map(|(queue, counts)| {
        let counts = counts.into_iter().map(|(quarter, count)| (quarter, u64::from(count))).collect();
        (queue, SeedOfQueue { counts, ..SeedOfQueue::default() })
    });
    Ok(Seed { until: day.first_quarter(), queues: queues.collect() })
}

/// Starts a service that knows what was counted before, from a file that is gone when it has been read.
fn start_knowing(seed: &Seed, config: &mut Config, runtime: &Runtime) -> anyhow::Result<Running> {
    let path = env::temp_dir().join(format!("holdline-demo-{}.json", process::id()));
    write_new(&path, &seed.text()).with_context(|| format!("writing {}", path.display()))?;
    config.surge.baseline_file = Some(path.clone());
    let started = runtime.block_on(Running::start(config, None));
    config.surge.baseline_file = None;
    fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    started
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    File::create_new(path)?.write_all(text.as_bytes())
}

/// Lets the centre live on a thread of its own until it is asked to stop: from so long ago on, or else at the times that
/// it tells.
fn write_centre(
    mut centre: Centre,
    history_ms: Option<u64>,
    kafka: &Kafka,
    stop: &Arc<Stop>,
) -> anyhow::Result<thread::JoinHandle<anyhow::Result<()>>> {
    let told = Arc::new(|words: &str| tracing::warn!("{words}"));
    let writer = Writer::open(kafka, TOPIC, WriterSettings::default(), told)?;
    let stop = Arc::clone(stop);
    let work = move || {
        let live = || {
            writer.find_topic(LONGEST_SEARCH)?;
            let shift = history_ms.map(|history_ms| shift_to_now(&centre, history_ms)).transpose()?;
            // What is still on its way to a broker that ends with us is of no use to anybody.
            let mut sending = Sending::new(writer, Arc::clone(&stop));
            tell(&mut centre, shift, Pacer::new(Pace::Live), &stop, &mut sending)
        };
        let lived = live();
        if lived.is_err() {
            stop.ask();
        }
        lived
    };
    thread::Builder::new().name("centre".to_owned()).spawn(work).context("starting a thread")
}

/// Tells what was announced, and how it goes until it is asked to stop.
fn show(config: &Config, mut running: Running, announced: &str, runtime: &Runtime, stop: &Stop) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let is_terminal = out.is_terminal();
    writeln!(out, "{}", where_to_look(running.address, announced))?;
    let window = config.settings.windows.iter().position(|window| window.name == WINDOW);
    let window = window.context("the demo's own configuration lacks a window")?;
    let latest = running.latest();
    let mut drawn = 0;
    let shown = loop {
        let pause = match &latest.borrow().live {
            Some(_) if !is_terminal && drawn > 0 => ELSEWHERE,
            _ => ON_A_TERMINAL,
        };
        if stop.wait(pause) {
            break Ok(());
        }
        if let Some(failure) =
            runtime.block_on(async { tokio::time::timeout(Duration::ZERO, running.failure()).await.ok() })
        {
            break Err(failure);
        }
        let snapshot = Arc::clone(&latest.borrow());
        let text = text(&snapshot, window);
        if is_terminal && drawn > 0 {
            // Up over what was drawn before, and clear from there.
            write!(out, "\x1b[{drawn}A\x1b[J")?;
        }
        drawn = if is_terminal || snapshot.live.is_some() { text.lines().count() } else { 0 };
        if is_terminal || snapshot.live.is_some() {
            write!(out, "{text}")?;
            out.flush()?;
        }
    };
    runtime.block_on(running.stop());
    writeln!(out, "\nEnded.")?;
    shown
}

fn where_to_look(address: SocketAddr, announced: &str) -> String {
    format!(
        "A support centre is being made up; its morning is written to a broker inside this process, and read from it.\n\
         \n  start here   http://{address}/\
         \n  metrics      http://{address}/metrics\
         \n  ready?       http://{address}/readyz\
         \n{announced}\nCtrl-C ends it. A line a queue, ! marks a level under its goal:\n"
    )
}

fn text(snapshot: &Snapshot, window: usize) -> String {
    match &snapshot.live {
        Some(view) => {
            let time = timestamp(view.now);
            format!("{time}\n{}", live::text(&live::lines(view, window), WINDOW))
        }
        None => {
            let reasons: Vec<String> = snapshot.withheld.iter().map(ToString::to_string).collect();
            format!("{}\n", reasons.join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventTime;

    #[test]
    fn each_story_has_a_configuration() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let arguments = DemoArguments { listen, seed: 1, load: 1.0, scenario: Story::MonthStart };
        // A Saturday.
        let day = MonthStart::at(EventTime::from_millis(1_785_600_000_000).unwrap(), 1, 1.0);
        let month_start = config(&arguments, "localhost:9092".to_owned(), Some(&day)).unwrap();
        let plain = config(&arguments, "localhost:9092".to_owned(), None).unwrap();
        assert!(month_start.surge.month_starts.iter().eq(&day.scenario.month_starts));
        assert!(plain.surge.month_starts.is_empty());

        let promises = &month_start.settings.promises[0].1;
        let centre = promises.calendars[month_start.surge.calendar.as_deref().unwrap()].spec();
        assert_eq!(centre.zone, "Etc/GMT+5");
        assert_eq!(centre.week.each_ref().map(|hours| !hours.is_empty()), day.scenario.working_days);
    }
}
