//! The running service: reads, looks some times a second at what was read, and hands out what it saw.
//!
//! [`pulse`] puts one [`Snapshot`] after the other together from what the threads of
//! [`source::kafka`](crate::source::kafka) hold, with what [`repeats`] keeps of all of them together. Who publishes them is not known here.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::clock;
use crate::config::Config;
use crate::engine::outliers::OutlierSettings;
use crate::engine::settings::Settings;
use crate::kafka::client::LibraryLog;
use crate::log::Recurring;
use crate::meters::Meters;
use crate::publish::http::Answers;
use crate::publish::seed::Seed;
use crate::publish::snapshot::Snapshot;
use crate::service::fencing::Fencing;
use crate::service::monitor::Monitor;
use crate::service::monitor::news::News;
use crate::service::pulse::Pulse;
use crate::service::repeats::Repeats;
use crate::source::kafka::consumer::Reading;
use crate::source::kafka::hub::Hub;
use crate::surge::QUARTER_MS;

pub mod breaches;
pub mod fencing;
pub mod monitor;
pub mod pulse;
pub mod repeats;

/// Threads that do not say what they know of a contact for so long are stuck.
const LONGEST_ANSWER: Duration = Duration::from_secs(4);

/// Changes what a running service holds to.
#[derive(Clone)]
pub struct Control {
    hub: Arc<Hub>,
    fences: Arc<Mutex<OutlierSettings>>,
}

impl Control {
    /// What is promised is this from now on.
    ///
    /// # Errors
    /// Threads are gone, in words.
    pub fn adopt(&self, settings: &Settings) -> Result<(), String> {
        self.hub.adopt(&Arc::new(settings.clone())).map_err(|stuck| stuck.to_string())
    }

    /// Fences are found by these settings from the next slot on.
    pub fn fence(&self, settings: OutlierSettings) {
        *self.fences.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}

/// A service that runs.
pub struct Service {
    /// What it knows, as last put together.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What cannot be healed: it should be stopped.
    pub failures: mpsc::UnboundedReceiver<anyhow::Error>,
    /// Changes what it holds to.
    pub control: Control,
    reading: Reading,
    pulse: JoinHandle<()>,
    /// The thread that watches for surges, if there is one.
    watching: Option<JoinHandle<()>>,
    /// What was counted before the topics reach back.
    seed: Arc<Seed>,
}

impl Service {
    /// Begins to read. Brokers that cannot be reached are tried again for ever; meanwhile nothing is shown.
    ///
    /// # Errors
    /// See [`Reading::start`]; or a baseline file cannot be used.
    pub fn start(config: &Config, meters: &Meters) -> anyhow::Result<Service> {
        let seed = Arc::new(seed(config)?);
        let settings = Arc::new(config.settings.clone());
        let (failing, failures) = mpsc::unbounded_channel();
        let (lines, suppressed) = (config.log.lines_per_second, meters.log_lines_suppressed.clone());
        let recurring = move || Recurring::new(lines, suppressed.clone());
        let library = LibraryLog::new(lines);
        let (reading, customer_news) = Reading::start(config, &settings, meters, &recurring, library, failing)?;
        let repeats = Repeats::new(&settings, customer_news);
        let (publish, snapshots) = watch::channel(Arc::new(Snapshot::starting(clock::monotonic())));
        let hub = Arc::clone(&reading.hub);
        let fences = Arc::new(Mutex::new(config.outliers.fences.clone()));
        let control = Control { hub: Arc::clone(&reading.hub), fences: Arc::clone(&fences) };
        let fencing = Fencing::new(fences, config.metrics.by);
        let news = News::open(&config.kafka, config.surge.topic.as_deref(), &hub, meters, &recurring)?;
        let (monitor, watching) = Monitor::start(&settings, &config.surge, Arc::clone(&seed), news, Arc::clone(&hub))?;
        let pulse = Pulse::new(hub, settings, (repeats, fencing, monitor), config.metrics, publish, recurring());
        let pulse = thread::Builder::new().name("pulse".to_owned()).spawn(move || pulse.run())?;
        Ok(Service { snapshots, failures, control, reading, pulse, watching, seed })
    }

    /// Says what is known of a contact, and what was offered to every queue.
    pub fn answers(&self) -> Answers {
        let hub = Arc::clone(&self.reading.hub);
        let accounts =
            move |contact_id: &str| hub.account(contact_id, LONGEST_ANSWER).map_err(|stuck| stuck.to_string());
        let (hub, snapshots, seed) = (Arc::clone(&self.reading.hub), self.snapshots.clone(), Arc::clone(&self.seed));
        let histories = move || {
            let snapshot = Arc::clone(&snapshots.borrow());
            let now = snapshot.shown(clock::monotonic()).filter(|_| snapshot.whole).map(|view| view.now);
            let now = now.ok_or("lanes are withheld, or this process holds some of the partitions only")?;
            monitor::history(&hub, &seed, now, snapshot.partitions.len(), LONGEST_ANSWER)
        };
        Answers { accounts: Arc::new(accounts), histories: Arc::new(histories) }
    }

    /// Leaves the group and waits for all threads to end. Blocks for as long as that takes: to write
    /// checkpoints, if there are to be any, and otherwise far less than a second.
    pub fn stop(self) {
        self.reading.hub.stop();
        if self.pulse.join().is_err() {
            tracing::error!("the thread that looks at the shards had panicked");
        }
        self.reading.stop();
        // It may have been learning, and letters may be on their way: partitions need not wait for that.
        if self.watching.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that watches for surges had panicked");
        }
    }
}

/// What was counted before the topics reach back.
fn seed(config: &Config) -> anyhow::Result<Seed> {
    let Some(path) = &config.surge.baseline_file else { return Ok(Seed::default()) };
    let seed = Seed::read(path)?;
    let now = clock::wall().millis();
    anyhow::ensure!(
        u64::from(seed.until) * QUARTER_MS <= now,
        "the baseline in {} ends in the future: nothing that is read would count before that",
        path.display()
    );
    Ok(seed)
}
