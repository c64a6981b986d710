//! `holdline demo`: everything on this machine, with nothing installed and nothing configured.
//!
//! A broker inside this process (librdkafka's mock cluster: a real one on the wire, with little memory), a made-up centre
//! that writes to it, and the service that reads from it as it would from any other. The centre's morning is written at
//! once, so that every queue has something to show; from then on it lives in real time.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use rdkafka::mocking::MockCluster;

use crate::cli::BadUsage;
use crate::cli::broker::Sending;
use crate::cli::pace::{Pace, Pacer};
use crate::cli::run::{Running, runtime};
use crate::cli::simulate::{shift_to_now, tell};
use crate::cli::stop::Stop;
use crate::config::{Config, Kafka};
use crate::kafka::writer::{Writer, WriterSettings};
use crate::log;
use crate::publish::edges::timestamp;
use crate::publish::live;
use crate::publish::snapshot::Snapshot;
use crate::simulate::{Centre, Scenario};

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
    let config = config(arguments, broker.bootstrap_servers())?;
    log::start(&config.log).map_err(BadUsage)?;

    let stop = Stop::listen().context("listening for signals")?;
    let runtime = runtime()?;
    let running = runtime.block_on(Running::start(&config, None))?;
    let centre = Centre::new(&Scenario {
        seed: arguments.seed,
        from: DAY,
        load: arguments.load,
        days: None,
        ..Scenario::default()
    })?;
    let writer = write_centre(centre, &config.kafka, &stop)?;

    let shown = show(&config, running, &runtime, &stop).or_else(|error| match error.downcast_ref::<io::Error>() {
        // A reader that has had enough and closes the pipe ends it well.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    });
    stop.ask();
    let written = writer.join().map_err(|_| anyhow::anyhow!("the made-up centre had panicked"))?;
    shown.and(written)
}

fn config(arguments: &DemoArguments, brokers: String) -> anyhow::Result<Config> {
    let mistakes = |mistakes: Vec<_>| anyhow::anyhow!("the demo's own configuration has {} mistakes", mistakes.len());
    let mut config = Config::parse(CONFIG, &[]).map_err(mistakes)?;
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

/// Lets the centre live on a thread of its own until it is asked to stop.
fn write_centre(
    mut centre: Centre,
    kafka: &Kafka,
    stop: &Arc<Stop>,
) -> anyhow::Result<thread::JoinHandle<anyhow::Result<()>>> {
    let told = Arc::new(|words: &str| tracing::warn!("{words}"));
    let writer = Writer::open(kafka, TOPIC, WriterSettings::default(), told)?;
    let stop = Arc::clone(stop);
    let work = move || {
        let live = || {
            writer.find_topic(LONGEST_SEARCH)?;
            let shift = shift_to_now(&centre, MORNING_MS)?;
            // What is still on its way to a broker that ends with us is of no use to anybody.
            let mut sending = Sending::new(writer, Arc::clone(&stop));
            tell(&mut centre, Some(shift), Pacer::new(Pace::Live), &stop, &mut sending)
        };
        let lived = live();
        if lived.is_err() {
            stop.ask();
        }
        lived
    };
    thread::Builder::new().name("centre".to_owned()).spawn(work).context("starting a thread")
}

/// Tells how it goes until it is asked to stop.
fn show(config: &Config, mut running: Running, runtime: &tokio::runtime::Runtime, stop: &Stop) -> anyhow::Result<()> {
    let mut out = io::stdout();
    let is_terminal = out.is_terminal();
    writeln!(out, "{}", where_to_look(running.address))?;
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

fn where_to_look(address: SocketAddr) -> String {
    format!(
        "A support centre is being made up; its morning is written to a broker inside this process, and read from it.\n\
         \n  start here   http://{address}/\
         \n  metrics      http://{address}/metrics\
         \n  ready?       http://{address}/readyz\
         \n\nCtrl-C ends it. A line a queue, ! marks a level under its goal:\n"
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
