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

use crate::cli::reload::{Adopting, Reloader};
use crate::cli::{BadUsage, configuration, supervisor};
use crate::clock;
use crate::config::Config;
use crate::log::{self, Filter};
use crate::meters::Meters;
use crate::publish::http::{self, Pages, Protection, Reload};
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
    let filter = log::start(&config.log).map_err(BadUsage)?;
    let runtime = runtime()?;
    let ended = runtime.block_on(run_until_told(config, arguments.config.clone(), Arc::new(filter)));
    // A page that is still being written, or a service that does not end, is not waited for.
    runtime.shutdown_background();
    ended
}

async fn run_until_told(mut config: Config, file: PathBuf, filter: Arc<Filter>) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut hang_up = signal(SignalKind::hangup()).context("listening to SIGHUP")?;
    let mut fenced: Option<Instant> = None;
    let mut address = config.http.listen;
    loop {
        let reloading = Reloading { file: file.clone(), filter: Arc::clone(&filter) };
        let mut running = Running::start_at(address, &config, Some(reloading)).await?;
        // Where it was before, in case any port would do.
        address = running.address;
        supervisor::ready();
        let latest = running.latest();
        let watched = supervisor::watch(move || !latest.borrow().is_stale(clock::monotonic()));
        let mut watched = std::pin::pin!(watched);
        let failure = loop {
            tokio::select! {
                name = signals.next() => {
                    tracing::info!("told to end by {name}");
                    break None;
                }
                _ = hang_up.recv() => running.reload().await,
                failure = running.failure() => break Some(failure),
                () = &mut watched => {}
            }
        };
        // What was loaded meanwhile holds for a service that is begun anew.
        if let Some(loaded) = running.loaded() {
            config = loaded;
        }
        let now = clock::monotonic();
        let may_be_itself = fenced.is_none_or(|fenced| now.saturating_duration_since(fenced) > FENCED_AGAIN);
        let joins_anew = may_be_itself && failure.as_ref().is_some_and(|failure| failure.is::<Fenced>());
        if !joins_anew {
            supervisor::stopping();
        }
        let mut stopping = std::pin::pin!(running.stop());
        // Which has its own limits, and no view to be judged by.
        let mut watched = std::pin::pin!(supervisor::watch(|| true));
        let mut is_told = failure.is_none();
        loop {
            tokio::select! {
                () = &mut stopping => break,
                () = &mut watched => {}
                // Whoever asks twice is in a hurry; what is not durable yet is read again.
                name = signals.next() => if is_told {
                    anyhow::bail!("told twice to end, now by {name}: ending without leaving the group")
                },
            }
            is_told = true;
        }
        match failure {
            Some(failure) if failure.is::<Fenced>() && is_told => return Ok(()),
            Some(failure) if joins_anew => {
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
    reloader: Option<Arc<Reloader>>,
}

/// What is needed to load a configuration again.
pub struct Reloading {
    /// Where it is.
    pub file: PathBuf,
    /// Says which log lines are written.
    pub filter: Arc<Filter>,
}

impl Running {
    /// Listens, then begins to read.
    ///
    /// # Errors
    /// The address cannot be listened on, or the options for Kafka make no sense.
    pub async fn start(config: &Config, reloading: Option<Reloading>) -> anyhow::Result<Running> {
        Running::start_at(config.http.listen, config, reloading).await
    }

    /// The same with pages at another address than the configuration says.
    async fn start_at(listen: SocketAddr, config: &Config, reloading: Option<Reloading>) -> anyhow::Result<Running> {
        let listener = http::bind(listen).await?;
        let address = listener.local_addr().context("asking where we listen")?;
        let registry = Registry::new();
        let meters = Meters::register(&registry).context("registering metrics")?;
        meters.config_reloaded(true, clock::wall());
        meters.view_delay.set(config.metrics.delay_ms as f64 / 1_000.0);
        let every_ms = config.checkpoint.store.as_ref().map_or(0, |_| config.checkpoint.every_ms);
        meters.checkpoint_interval.set(every_ms as f64 / 1_000.0);
        config.kafka.topics.iter().for_each(|topic| drop(meters.events.with_label_values(&[topic])));
        let protection = Protection::of(&config.http.web);
        let protection = protection.map_err(|complaint| BadUsage(format!("http.web_config: {complaint}")))?;
        let service = Service::start(config, &meters)?;
        let settings = &config.settings;
        let exposition =
            Exposition::new(registry, service.snapshots.clone(), settings, &config.metrics, config.staffing);
        let exposition = Arc::new(exposition.context("registering metrics")?);
        let reloader = reloading.map(|Reloading { file, filter }| {
            let (control, exposition) = (service.control.clone(), Arc::clone(&exposition));
            let adopting = Adopting { control, exposition, filter, protection: protection.clone() };
            Arc::new(Reloader::new(file, config.clone(), adopting, meters.clone()))
        });
        let reload = reloader.clone().map(|reloader| -> Reload { Arc::new(move || reloader.reload()) });
        let pages = Pages::new(exposition, meters, service.answers(), reload, protection);
        let (end_serving, end) = oneshot::channel::<()>();
        let serving = tokio::spawn(http::serve(listener, pages, async {
            // Whoever is gone wants it to end, too.
            let _ = end.await;
        }));
        tracing::info!(%address, topics = config.kafka.topics.join(","), brokers = config.kafka.brokers, "listening");
        Ok(Running { address, service, end_serving, serving, reloader })
    }

    /// What it knows, as last put together.
    pub fn latest(&self) -> Latest {
        self.service.snapshots.clone()
    }

    /// Loads the configuration again, if it came from a file; what came of it is told to the log.
    pub async fn reload(&self) {
        if let Some(reloader) = self.reloader.clone()
            && let Err(panic) = tokio::task::spawn_blocking(move || reloader.reload()).await
        {
            tracing::error!(%panic, "loading the configuration again");
        }
    }

    /// The configuration that holds now, if it can be loaded again.
    pub fn loaded(&self) -> Option<Config> {
        self.reloader.as_ref().map(|reloader| reloader.config())
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
