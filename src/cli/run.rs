//! `holdline run`: the service.
//!
//! Where to listen is settled before a broker is asked for anything, so that a second one started by mistake ends before it
//! takes partitions away from the first.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use prometheus::Registry;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cli::{BadUsage, configuration};
use crate::clock;
use crate::config::Config;
use crate::log;
use crate::meters::Meters;
use crate::publish::http::{self, Pages};
use crate::publish::metrics::Exposition;
use crate::publish::snapshot::Latest;
use crate::service::Service;
use crate::source::kafka::consumer::Fenced;

/// Threads that serve pages and wait for signals; records are read by others.
const SERVING_THREADS: usize = 2;

/// Whoever is fenced by another member of its name once more within this is not the only one that has it.
const FENCED_AGAIN: Duration = Duration::from_secs(600);

/// The service: reads events from Kafka and publishes what they amount to
#[derive(Args, Clone, Debug)]
pub struct RunArguments {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs the command until it is told to end by SIGTERM or SIGINT.
///
/// # Errors
/// A configuration that makes no sense, as [`BadUsage`]; an address that cannot be listened on; brokers that refuse what
/// was configured.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let config = configuration(Some(&arguments.config))?;
    if config.kafka.topics.is_empty() {
        let file = arguments.config.display();
        return Err(BadUsage(format!("{file}: kafka.topics is missing: list the topics that hold the events")).into());
    }
    log::start(&config.log).map_err(BadUsage)?;
    let runtime = runtime()?;
    let ended = runtime.block_on(run_until_told(config));
    // A page that is still being written, or a service that does not end, is not waited for.
    runtime.shutdown_background();
    ended
}

async fn run_until_told(mut config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut fenced: Option<Instant> = None;
    loop {
        let mut running = Running::start(&config).await?;
        // Where it was before, in case any port would do.
        config.http.listen = running.address;
        let failure = tokio::select! {
            name = signals.next() => {
                tracing::info!("told to end by {name}");
                None
            }
            failure = running.failure() => Some(failure),
        };
        let mut stopping = std::pin::pin!(running.stop());
        let mut is_told = failure.is_none();
        loop {
            tokio::select! {
                () = &mut stopping => break,
                // Whoever asks twice is in a hurry; what is not durable yet is read again.
                name = signals.next() => if is_told {
                    anyhow::bail!("told twice to end, now by {name}: ending without leaving the group")
                },
            }
            is_told = true;
        }
        let now = clock::monotonic();
        let may_be_itself = fenced.is_none_or(|fenced| now.saturating_duration_since(fenced) > FENCED_AGAIN);
        match failure {
            Some(failure) if failure.is::<Fenced>() && is_told => return Ok(()),
            Some(failure) if failure.is::<Fenced>() && may_be_itself => {
                tracing::warn!(
                    "{failure}; it may have been this process itself, before brokers were silent: joining anew"
                );
                fenced = Some(now);
            }
            failure => return failure.map_or(Ok(()), Err),
        }
    }
}

/// What waits for sockets, timers and signals.
///
/// # Errors
/// No threads can be started.
pub fn runtime() -> anyhow::Result<Runtime> {
    let runtime =
        Builder::new_multi_thread().worker_threads(SERVING_THREADS).thread_name("serving").enable_all().build();
    runtime.context("starting threads")
}

/// The signals that tell a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// They no longer end the process by themselves. To be called in a runtime.
    fn listen() -> anyhow::Result<Signals> {
        let terminate = signal(SignalKind::terminate()).context("listening to SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("listening to SIGINT")?;
        Ok(Signals { terminate, interrupt })
    }

    /// Over when the next one arrives; gives its name.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// A service together with its pages.
pub struct Running {
    /// Where its pages are served.
    pub address: SocketAddr,
    service: Service,
    end_serving: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Listens, then begins to read.
    ///
    /// # Errors
    /// The address cannot be listened on, or the options for Kafka make no sense.
    pub async fn start(config: &Config) -> anyhow::Result<Running> {
        let listener = http::bind(config.http.listen).await?;
        let address = listener.local_addr().context("asking where we listen")?;
        let registry = Registry::new();
        let meters = Meters::register(&registry).context("registering metrics")?;
        let service = Service::start(config, &meters)?;
        let settings = &config.settings;
        let exposition = Exposition::new(registry, service.snapshots.clone(), settings, &config.metrics);
        let pages = Pages::new(Arc::new(exposition.context("registering metrics")?), meters);
        let (end_serving, end) = oneshot::channel::<()>();
        let serving = tokio::spawn(http::serve(listener, pages, async {
            // Whoever is gone wants it to end, too.
            let _ = end.await;
        }));
        tracing::info!(%address, topics = config.kafka.topics.join(","), brokers = config.kafka.brokers, "listening");
        Ok(Running { address, service, end_serving, serving })
    }

    /// What it knows, as last put together.
    pub fn latest(&self) -> Latest {
        self.service.snapshots.clone()
    }

    /// Over once something went wrong that will not heal.
    pub async fn failure(&mut self) -> anyhow::Error {
        tokio::select! {
            failure = self.service.failures.recv() => {
                failure.unwrap_or_else(|| anyhow::anyhow!("the threads that read events are gone"))
            }
            served = &mut self.serving => match served {
                Ok(Ok(())) => anyhow::anyhow!("pages are served no longer"),
                Ok(Err(error)) => anyhow::anyhow!(error).context("serving pages"),
                Err(panic) => anyhow::anyhow!(panic).context("serving pages"),
            },
        }
    }

    /// Answers what was asked, leaves the group, and waits for all threads to end.
    pub async fn stop(self) {
        // It may have ended by itself.
        let _ = self.end_serving.send(());
        let leaving = tokio::task::spawn_blocking(|| self.service.stop());
        if !self.serving.is_finished() {
            let _ = self.serving.await;
        }
        if let Err(panic) = leaving.await {
            tracing::error!(%panic, "leaving the group");
        }
    }
}
