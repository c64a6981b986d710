//! The consumer and its threads: one that keeps the group alive, one that asks, and the workers.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::num::NonZero;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use tokio::sync::mpsc::UnboundedSender;

use crate::checkpoint::folder::Folder;
use crate::checkpoint::shelf::Shelf;
use crate::checkpoint::topic::Topic;
use crate::checkpoint::{Store, plain};
use crate::config::{Checkpoint, CheckpointStore, Config, Kafka};
use crate::engine::outliers::Fences;
use crate::engine::settings::Settings;
use crate::kafka::client::{LibraryLog, properties, set_default};
use crate::kafka::trouble::explain_error;
use crate::log::Recurring;
use crate::meters::Meters;
use crate::source::kafka::brokers::Brokers;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::keeper::Keeper;
use crate::source::kafka::letters::DeadLetters;
use crate::source::kafka::outliers::OutlierLetters;
use crate::source::kafka::prober::Prober;
use crate::source::kafka::queue::Queue;
use crate::source::kafka::rebalance::Context;
use crate::source::kafka::recovery::Recovery;
use crate::source::kafka::scribe::Scribe;
use crate::source::kafka::unread::{Unread, by_newer_protocol};
use crate::source::kafka::worker::{CustomerNews, Lines, Worker};

/// Records read at once. More only pins more of librdkafka's buffers.
const BATCH: usize = 1_024;

/// How long the group's thread waits for something to happen.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// More threads than this would find no work: every partition is one thread's.
const MOST_WORKERS: usize = 64;

/// What every consumer is told; the first column can be changed by the user's own options, the rest cannot.
const USUAL: [(&str, &str); 5] = [
    // A new topic or partition is noticed after this.
    ("topic.metadata.refresh.interval.ms", "10000"),
    // Kept small: for each worker, whatever it holds, so much may be waiting.
    ("queued.max.messages.kbytes", "16384"),
    // How long fetching rests when so much is waiting: the default of a second leaves a worker idle for most of it.
    ("fetch.queue.backoff.ms", "10"),
    ("fetch.wait.max.ms", "100"),
    ("reconnect.backoff.max.ms", "5000"),
];

const FIXED: [(&str, &str); 5] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // With it, librdkafka (2.12) believes the end to be a record: after a rebalance it goes on behind the next one.
    ("enable.partition.eof", "false"),
    // An offset that is gone: what is there is read from the oldest on, since more than is needed is never wrong.
    ("auto.offset.reset", "earliest"),
    ("allow.auto.create.topics", "false"),
];

/// Another member has the name of this one. It may have been this one itself: after brokers were silent for longer than the
/// session, librdkafka (2.12) joins with the same name anew and then takes what it hears of the old member for its own end.
/// Whoever begins to read anew knows after a moment which it was.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fenced(String);

/// A running consumer.
pub struct Reading {
    /// What its threads share.
    pub hub: Arc<Hub>,
    /// Closed when all threads are done with it.
    consumer: Arc<BaseConsumer<Context>>,
    group: Option<JoinHandle<()>>,
    prober: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    unread: Option<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    letters: Option<DeadLetters>,
    outliers: OutlierLetters,
}

impl Reading {
    /// Joins the group and begins to read. What cannot be healed is told to `failures` later on; brokers that cannot be
    /// reached are tried again for ever. `recurring` makes the bound of one kind of log line. What workers tell of customers
    /// comes through the receiver.
    ///
    /// # Errors
    /// The options contradict themselves, or threads cannot be started. Nothing was sent to a broker.
    pub fn start(
        config: &Config,
        settings: &Arc<Settings>,
        meters: &Meters,
        recurring: &impl Fn() -> Recurring,
        library: LibraryLog,
        failures: UnboundedSender<anyhow::Error>,
    ) -> anyhow::Result<(Reading, mpsc::Receiver<CustomerNews>)> {
        let Config { kafka, metrics, checkpoint, outliers, .. } = config;
        let cores = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_WORKERS);
        let count = kafka.workers.map_or(cores, NonZero::get);
        let (orders, received): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel()).unzip();
        let hub = Arc::new(Hub::new(orders, Arc::clone(settings), kafka.topics.iter().cloned(), failures));
        let look_back_ms = kafka.look_back_ms.unwrap_or(settings.lifetimes.longest_expire_ms());
        let topics: Vec<&str> = kafka.topics.iter().map(String::as_str).collect();
        let refused = |error: KafkaError| anyhow::anyhow!("{}", explain_error(kafka, &topics.join(", "), &error));
        let brokers = Arc::new(Brokers::new(kafka).map_err(refused)?);
        let hash_seed = RandomState::new().hash_one(0);
        let shelf = shelf(checkpoint, kafka)?;
        let scribe = shelf.map(|shelf| {
            Arc::new(Scribe::new(Arc::clone(&hub), shelf, plain(&kafka.group), instance(kafka), meters.clone()))
        });
        let recovery = Recovery::new(
            Arc::clone(&hub),
            Arc::clone(&brokers),
            scribe.clone(),
            look_back_ms,
            hash_seed,
            meters.clone(),
        );
        let unread = Arc::new(Unread::new(kafka, Arc::clone(&hub), Arc::clone(&brokers)));
        let (kept, written) = (Arc::clone(&hub), scribe.clone());
        let context =
            Context::new(kept, recovery, written, Arc::clone(&unread), meters.clone(), kafka.clone(), library);
        let consumer: BaseConsumer<Context> = properties_of(kafka).create_with_context(context).map_err(refused)?;
        consumer.subscribe(&topics).map_err(refused)?;
        let consumer = Arc::new(consumer);

        let mut reading = Reading {
            hub: Arc::clone(&hub),
            consumer: Arc::clone(&consumer),
            group: None,
            prober: None,
            keeper: None,
            unread: None,
            workers: Vec::new(),
            letters: DeadLetters::open(kafka, &hub, meters, recurring)?,
            outliers: OutlierLetters::open(kafka, outliers, &hub, meters, recurring)?,
        };
        let (customer_news, told) = mpsc::channel();
        let fences = Arc::new(Fences::fixed(metrics.by, outliers.fences.limits.clone()));
        for (number, orders) in received.into_iter().enumerate() {
            let queue = Queue::new(Arc::clone(&consumer), BATCH);
            let (settings, meters) = (Arc::clone(settings), meters.clone());
            let (letters, outliers) = (reading.letters.clone(), reading.outliers.clone());
            let lines = Lines { orders, customer_news: customer_news.clone(), letters, outliers };
            let worker = Worker::new(queue, lines, settings, Arc::clone(&fences), hash_seed, meters, recurring);
            reading.workers.push(spawn(format!("worker-{number}"), move || worker.run())?);
        }
        let prober = Prober::new(Arc::clone(&hub), Arc::clone(&brokers), Arc::clone(&consumer), kafka.clone());
        reading.prober = Some(spawn("prober".to_owned(), move || prober.run())?);
        reading.unread = Some(spawn("unread".to_owned(), move || unread.watch())?);
        if let Some(scribe) = scribe {
            let every = Duration::from_millis(checkpoint.every_ms);
            let keeper = Keeper::new(Arc::clone(&hub), scribe, Arc::clone(&consumer), brokers, every);
            reading.keeper = Some(spawn("keeper".to_owned(), move || keeper.run())?);
        }
        reading.group = Some(spawn("group".to_owned(), move || keep_alive(&consumer, &hub))?);
        Ok((reading, told))
    }

    /// Leaves the group and waits for all threads to end. A member with a fixed name stays in the group until its
    /// session times out, so that its return moves nothing.
    pub fn stop(self) {
        self.hub.stop();
        let join = |thread: JoinHandle<()>| {
            if thread.join().is_err() {
                tracing::error!("a thread of the consumer had panicked");
            }
        };
        // Written while workers can still say what they know.
        self.keeper.into_iter().chain(self.prober).chain(self.unread).chain(self.group).for_each(join);
        self.consumer.context().write_all(&self.consumer);
        self.hub.stop_workers();
        self.workers.into_iter().for_each(join);
        if let Some(letters) = self.letters {
            letters.close();
        }
        self.outliers.close();
        // Nobody else has it now: it leaves the group and is closed.
        drop(self.consumer);
    }
}

fn properties_of(kafka: &Kafka) -> ClientConfig {
    let mut config = properties(kafka);
    config.set("group.id", &kafka.group);
    for (name, value) in USUAL {
        set_default(&mut config, &[name], value);
    }
    // The newer protocol of groups has its own way to share partitions out.
    if !by_newer_protocol(kafka) {
        config.set("partition.assignment.strategy", "cooperative-sticky");
    }
    if let Some(instance) = &kafka.instance {
        config.set("group.instance.id", instance);
    }
    for (name, value) in FIXED {
        config.set(name, value);
    }
    config
}

/// Where checkpoints are kept; none if they are kept nowhere.
fn shelf(checkpoint: &Checkpoint, kafka: &Kafka) -> anyhow::Result<Option<Arc<Shelf>>> {
    let store: Box<dyn Store> = match &checkpoint.store {
        None => return Ok(None),
        Some(CheckpointStore::Folder(folder)) => Box::new(Folder::open(folder)?),
        Some(CheckpointStore::Topic(topic)) => Box::new(Topic::new(kafka, topic)),
    };
    Ok(Some(Arc::new(Shelf::new(store))))
}

/// The name under which this instance writes checkpoints: its own as configured, or else that of the machine.
fn instance(kafka: &Kafka) -> String {
    let of_machine = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = kafka.instance.clone().unwrap_or_else(of_machine);
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
    let name: String = name.trim().chars().map(allowed).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(work)
}

/// Serves what librdkafka has to say, rebalances above all, until the hub stops. Records never come this way.
fn keep_alive(consumer: &BaseConsumer<Context>, hub: &Hub) {
    while !hub.is_stopping() {
        if hub.takes_rejoining() {
            consumer.unsubscribe();
            let topics = hub.topics();
            let topics: Vec<&str> = topics.keys().map(String::as_str).collect();
            // What is fatal to the consumer is told by the next poll.
            if let Err(error) = consumer.subscribe(&topics)
                && consumer.client().fatal_error().is_none()
            {
                hub.fail(anyhow::anyhow!(error).context("joining the group again failed"));
            }
        }
        match consumer.poll(LONGEST_WAIT) {
            None => {}
            Some(Ok(_)) => panic!("a record arrived outside its partition's queue, so the order of records is lost"),
            Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                let explained = consumer.context().explain(code, "");
                let expelled = format!("the group will not have this member back: {explained}");
                hub.fail(if code == RDKafkaErrorCode::FencedInstanceId {
                    Fenced(expelled).into()
                } else {
                    anyhow::anyhow!(expelled)
                });
                return;
            }
            // Told to the context already.
            Some(Err(_)) => {}
        }
    }
}
