//! The running service: reads, looks some times a second at what was read, and hands out what it saw.
//!
//! [`pulse`] puts one [`Snapshot`] after the other together from what the threads of
//! [`source::kafka`](crate::source::kafka) hold, with what [`repeats`] keeps of all of them together. Who publishes them is not known here.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, watch};

use crate::clock;
use crate::config::Config;
use crate::kafka::client::LibraryLog;
use crate::log::Recurring;
use crate::meters::Meters;
use crate::publish::snapshot::Snapshot;
use crate::service::pulse::Pulse;
use crate::service::repeats::Repeats;
use crate::source::kafka::consumer::Reading;

pub mod pulse;
pub mod repeats;

/// A service that runs.
pub struct Service {
    /// What it knows, as last put together.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What cannot be healed: it should be stopped.
    pub failures: mpsc::UnboundedReceiver<anyhow::Error>,
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
        let pulse = Pulse::new(hub, settings, repeats, config.metrics, publish, recurring());
        let pulse = thread::Builder::new().name("pulse".to_owned()).spawn(move || pulse.run())?;
        Ok(Service { snapshots, failures, reading, pulse })
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
