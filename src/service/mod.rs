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
use crate::publish::http::Accounts;
use crate::publish::snapshot::Snapshot;
use crate::service::fencing::Fencing;
use crate::service::pulse::Pulse;
use crate::service::repeats::Repeats;
use crate::source::kafka::consumer::Reading;
use crate::source::kafka::hub::Hub;

pub mod breaches;
pub mod fencing;
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
}

impl Service {
    /// Begins to read. Brokers that cannot be reached are tried again for ever; meanwhile nothing is shown.
    ///
    /// # Errors
    /// See [`Reading::start`].
    pub fn start(config: &Config, meters: &Meters) -> anyhow::Result<Service> {
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
        let pulse = Pulse::new(hub, settings, (repeats, fencing), config.metrics, publish, recurring());
        let pulse = thread::Builder::new().name("pulse".to_owned()).spawn(move || pulse.run())?;
        Ok(Service { snapshots, failures, control, reading, pulse })
    }

    /// Says what is known of a contact.
    pub fn accounts(&self) -> Accounts {
        let hub = Arc::clone(&self.reading.hub);
        Arc::new(move |contact_id| hub.account(contact_id, LONGEST_ANSWER).map_err(|stuck| stuck.to_string()))
    }

    /// Leaves the group and waits for all threads to end. Blocks for as long as that takes: to write
    /// checkpoints, if there are to be any, and otherwise far less than a second.
    pub fn stop(self) {
        self.reading.hub.stop();
        if self.pulse.join().is_err() {
            tracing::error!("the thread that looks at the shards had panicked");
        }
        self.reading.stop();
    }
}
