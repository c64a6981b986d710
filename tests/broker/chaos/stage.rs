//! What every act needs: a topic that somebody writes to, a place for checkpoints, and a judge.

use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use holdline::clock;
use holdline::engine::settings::Settings;

use crate::cluster::Cluster;
use crate::judge as windows;
use crate::program::{PATIENCE, Program, config};
use crate::scrape::Scrape;

use super::ground::Ground;
use super::judge::{Compared, Told};
use super::phase::Phase;
use super::plan::Dice;
use super::retelling::{Counts, Retelling};
use super::stream::Stream;
use super::table::{Event, Table};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// A cluster, and what was counted on it.
pub struct Theatre<'c> {
    /// The brokers.
    pub cluster: &'c Cluster,
    table: Mutex<Table>,
    /// Held by whoever takes a broker away: the others have to do without one, never without two.
    broker: Mutex<()>,
}

impl<'c> Theatre<'c> {
    /// On this cluster.
    pub fn at(cluster: &'c Cluster) -> Theatre<'c> {
        Theatre { cluster, table: Mutex::default(), broker: Mutex::default() }
    }

    /// What was counted.
    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("whoever counts does not panic")
    }

    /// Takes a broker away while something is done, and brings it back.
    pub fn without_broker(&self, node: u32, meanwhile: impl FnOnce()) {
        let Ok(_alone) = self.broker.lock() else { panic!("a broker was not brought back") };
        self.cluster.node("kill", node);
        meanwhile();
        self.cluster.node("resume", node);
    }
}

/// One act's own things.
pub struct Stage<'t> {
    /// Where it stands.
    pub theatre: &'t Theatre<'t>,
    /// Its dice.
    pub dice: Dice,
    /// Where checkpoints are kept.
    pub ground: Ground,
    /// Who writes.
    pub stream: Stream,
    /// What was written.
    pub retelling: Retelling,
    settings: Settings,
    topic: String,
}

impl<'t> Stage<'t> {
    /// A new one, with a topic of this name.
    pub fn new(theatre: &'t Theatre<'t>, topic: &str, partitions: i32, seed: u64, ground: Ground) -> Stage<'t> {
        let (cluster, settings) = (theatre.cluster, Settings::default());
        cluster.create_topic(topic, partitions);
        let dice = Dice::new(seed, topic);
        Stage {
            theatre,
            ground,
            stream: Stream::start(cluster, topic, partitions, Dice::new(seed, &format!("{topic}, written"))),
            retelling: Retelling::of(cluster, topic, partitions, &settings),
            dice,
            settings,
            topic: topic.to_owned(),
        }
    }

    /// Starts an instance of this name.
    pub fn start(&self, instance: &str) -> Program {
        let instance = format!("kafka.instance = \"{instance}\"");
        let more = [
            &self.ground.line(),
            "checkpoint.every = \"1s\"",
            &instance,
            "kafka.options.session.timeout.ms = 10000",
            "kafka.options.heartbeat.interval.ms = 1000",
            "kafka.options.reconnect.backoff.max.ms = 500",
            "log.filter = \"info,holdline=debug\"",
        ];
        Program::start_in(
            &self.ground.way(),
            &config(&self.theatre.cluster.bootstrap(), &self.topic, &self.topic, &more),
        )
    }

    /// Has somebody write, once these programs hold the topic and have made each partition durable: from then on all that
    /// comes is counted, whatever happens to them.
    pub fn begin(&self, programs: &[&Program]) {
        for program in programs {
            program.until_ready();
            program.until("each partition is durable", |scrape| {
                let held = scrape.value("holdline_partitions_assigned", &[]).unwrap_or(0.0);
                held > 0.0 && scrape.sum("holdline_checkpoints_total", &[]) >= held
            });
        }
        self.stream.go_on();
    }

    /// Kills a program as soon as it says that this phase begins, or a moment later. The phase that it really died in.
    pub fn kill(&mut self, program: &mut Program, aim: Phase) -> Phase {
        let written = if aim == Phase::Rebalancing { 0 } else { program.written() };
        program.after_line(written, aim.lines());
        if aim == Phase::Plain {
            thread::sleep(Duration::from_millis(self.dice.below(900)));
        } else if self.dice.falls(50) {
            thread::sleep(Duration::from_micros(self.dice.below(400)));
        }
        let log = program.kill();
        let died = Phase::at_end_of(&log);
        self.count_kill(died);
        died
    }

    /// A program was killed in this phase.
    pub fn count_kill(&self, phase: Phase) {
        self.theatre.table().kill(self.ground.store(), phase);
    }

    /// Something happened so often.
    pub fn count(&self, event: Event, times: usize) {
        self.theatre.table().count(self.ground.store(), event, times);
    }

    /// Waits until these programs, with what others told before, have counted what the model counts, and `twice`, which is
    /// known to have been counted twice; what they show of windows is then what the model says. Nobody writes any more until
    /// the stream is told to go on. What each of them tells.
    pub fn judge(&mut self, programs: &[&Program], before: &Told, twice: &Counts) -> Vec<Told> {
        self.stream.pause();
        self.retelling.catch_up();
        let mut counts = self.retelling.counts();
        counts.add(twice);
        let mut of_counters = Compared::default();
        let scrapes = self.until_shown(programs, |scrapes| {
            let mut told = before.clone();
            scrapes.iter().for_each(|scrape| told.add(&Told::by(scrape)));
            of_counters = told.compare(&counts)?;
            Ok(())
        });
        self.judge_windows(&scrapes, of_counters);
        scrapes.iter().map(Told::by).collect()
    }

    /// The same where nobody knows what was counted twice: windows alone are what the model says. What these programs tell,
    /// added up.
    pub fn judge_shown(&mut self, programs: &[&Program]) -> Told {
        self.stream.pause();
        self.retelling.catch_up();
        // What was written last are offers.
        let offered = self.retelling.offered() as f64;
        let scrapes = self.until_shown(programs, |scrapes| {
            let window = [("window", "1d"), ("measure", "wait")];
            let shown: f64 = scrapes.iter().map(|scrape| scrape.sum("holdline_window_offered", &window)).sum();
            if shown == offered { Ok(()) } else { Err(format!("{shown} of {offered} visits are shown")) }
        });
        self.judge_windows(&scrapes, Compared::default());
        let mut told = Told::default();
        scrapes.iter().for_each(|scrape| told.add(&Told::by(scrape)));
        told
    }

    /// Waits until all show lanes at instants of one slot, and `is_so`.
    fn until_shown(
        &self,
        programs: &[&Program],
        mut is_so: impl FnMut(&[Scrape]) -> Result<(), String>,
    ) -> Vec<Scrape> {
        let begin = clock::monotonic();
        loop {
            let scrapes: Vec<Scrape> = programs.iter().map(|program| program.scrape()).collect();
            let withheld = scrapes.iter().flat_map(Scrape::withheld).collect::<Vec<_>>();
            let slot = |scrape: &Scrape| windows::slot(windows::shown_for(scrape), &self.settings);
            let wrong = if !withheld.is_empty() {
                format!("withheld: {withheld:?}")
            } else if scrapes.iter().any(|scrape| slot(scrape) != slot(&scrapes[0])) {
                "shown for different slots".to_owned()
            } else {
                match is_so(&scrapes) {
                    Ok(()) => return scrapes,
                    Err(wrong) => wrong,
                }
            };
            assert!(begin.elapsed() < PATIENCE, "{}: {wrong}", self.topic);
            thread::sleep(PAUSE);
        }
    }

    fn judge_windows(&self, scrapes: &[Scrape], of_counters: Compared) {
        let models = self.retelling.models();
        let compared = match scrapes {
            [scrape] => windows::whole(scrape, models),
            several => windows::parts(&several.iter().collect::<Vec<_>>(), models, &self.settings),
        };
        let compared = Compared {
            events: self.retelling.events(),
            windows: compared.series,
            not_zero: of_counters.not_zero + compared.not_zero,
            ..of_counters
        };
        self.theatre.table().found(self.ground.store(), compared);
    }
}
