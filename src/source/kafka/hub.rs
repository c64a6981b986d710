//! What the threads of the consumer share: which partitions are held and by which worker, what is known of the topics,
//! and what went wrong last.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::mpsc::UnboundedSender;

use crate::event::EventTime;
use crate::kafka::trouble::Trouble;
use crate::source::kafka::progress::Moment;
use crate::source::kafka::worker::{Held, Look, Order};

/// A worker that does not answer for so long is stuck.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// Shared by all threads of a consumer.
pub struct Hub {
    workers: Vec<Sender<Order>>,
    state: Mutex<State>,
    stopping: AtomicBool,
    failures: UnboundedSender<anyhow::Error>,
}

#[derive(Default)]
struct State {
    /// With the number of the worker.
    held: BTreeMap<(Arc<str>, i32), (Arc<Held>, usize)>,
    topics: BTreeMap<String, Topic>,
    trouble: Option<(Instant, Trouble, String)>,
    assigned_once: bool,
}

/// What is known of a topic.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Topic {
    /// How many partitions it has; none before the broker said so, or while it does not exist.
    pub partitions: Option<u32>,
    /// Why nothing is known; none while all is well.
    pub error: Option<RDKafkaErrorCode>,
    /// When a broker was last asked about it of those times that one answered.
    pub heard: Option<Instant>,
    /// When it was seen to have got more partitions, and how many it had before.
    pub grown: Option<(Moment, u32)>,
}

/// A worker did not answer: it is stuck or gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a worker thread did not answer in time")]
pub struct Stuck;

impl Hub {
    /// Nothing is held yet by these workers. What cannot be healed is told to `failures`.
    pub fn new(
        workers: Vec<Sender<Order>>,
        topics: impl IntoIterator<Item = String>,
        failures: UnboundedSender<anyhow::Error>,
    ) -> Hub {
        let topics = topics.into_iter().map(|topic| (topic, Topic::default())).collect();
        let state = Mutex::new(State { topics, ..State::default() });
        Hub { workers, state, stopping: AtomicBool::new(false), failures }
    }

    /// All partitions that are held.
    pub fn held(&self) -> Vec<Arc<Held>> {
        self.state().held.values().map(|(held, _)| Arc::clone(held)).collect()
    }

    /// All topics that are read.
    pub fn topics(&self) -> BTreeMap<String, Topic> {
        self.state().topics.clone()
    }

    /// What the broker said of a topic: how many partitions it has, or what is wrong with it.
    pub fn learn(&self, topic: &str, partitions: Result<u32, RDKafkaErrorCode>, seen: Moment) {
        let mut state = self.state();
        let topic = state.topics.entry(topic.to_owned()).or_default();
        topic.heard = Some(seen.at);
        match partitions {
            Ok(count) => {
                if let Some(before) = topic.partitions.filter(|&before| before < count) {
                    topic.grown = Some((seen, before));
                }
                topic.partitions = Some(count);
                topic.error = None;
            }
            Err(error) => topic.error = Some(error),
        }
    }

    /// Hands partitions to the workers that hold the fewest, and waits until they are ready for the first record.
    ///
    /// # Errors
    /// A worker does not answer.
    pub fn take(&self, partitions: Vec<Held>) -> Result<(), Stuck> {
        let (taken, answers) = mpsc::channel();
        let count = partitions.len();
        {
            let mut state = self.state();
            state.assigned_once = true;
            for held in partitions {
                let held = Arc::new(held);
                let key = (Arc::clone(&held.topic), held.partition);
                let load = |worker: usize| state.held.values().filter(|(_, of)| *of == worker).count();
                let worker = (0..self.workers.len()).min_by_key(|&worker| load(worker)).ok_or(Stuck)?;
                state.held.insert(key, (Arc::clone(&held), worker));
                self.workers[worker].send(Order::Take(held, taken.clone())).map_err(|_| Stuck)?;
            }
        }
        // A worker that is gone is then noticed at once.
        drop(taken);
        wait_for(&answers, count)
    }

    /// Has partitions given up, and waits until no record of theirs is worked on any more.
    ///
    /// # Errors
    /// A worker does not answer.
    pub fn release(&self, partitions: &[(String, i32)]) -> Result<(), Stuck> {
        let (released, answers) = mpsc::channel();
        let mut count = 0;
        {
            let mut state = self.state();
            for (topic, partition) in partitions {
                let Some((held, worker)) = state.held.remove(&(Arc::from(topic.as_str()), *partition)) else {
                    continue;
                };
                self.workers[worker].send(Order::Release(held, released.clone())).map_err(|_| Stuck)?;
                count += 1;
            }
        }
        drop(released);
        wait_for(&answers, count)
    }

    /// What all workers show at this instant; without one, only what they counted.
    ///
    /// # Errors
    /// A worker does not answer within `longest`.
    pub fn look(&self, now: Option<EventTime>, longest: Duration) -> Result<Vec<Look>, Stuck> {
        let (reply, looks) = mpsc::channel();
        for worker in &self.workers {
            worker.send(Order::Look(now, reply.clone())).map_err(|_| Stuck)?;
        }
        drop(reply);
        let mut seen = Vec::with_capacity(self.workers.len());
        while seen.len() < self.workers.len() {
            seen.push(looks.recv_timeout(longest).map_err(|_| Stuck)?);
        }
        Ok(seen)
    }

    /// Something went wrong that may heal by itself.
    pub fn tell_trouble(&self, kind: Trouble, what: String, at: Instant) {
        let mut state = self.state();
        // That no broker can be reached says more than that one of them cannot.
        let says_less = |before: &(Instant, Trouble, String)| {
            kind == Trouble::BrokerAway
                && before.1 == Trouble::Unreachable
                && at.saturating_duration_since(before.0) < LONGEST_ANSWER
        };
        if !state.trouble.as_ref().is_some_and(says_less) {
            state.trouble = Some((at, kind, what));
        }
    }

    /// What went wrong last, if that is not longer ago.
    pub fn trouble(&self, now: Instant, not_longer_ago: Duration) -> Option<String> {
        let state = self.state();
        let recent = |(at, _, _): &&(Instant, Trouble, String)| now.saturating_duration_since(*at) <= not_longer_ago;
        state.trouble.as_ref().filter(recent).map(|(_, _, what)| what.clone())
    }

    /// Whether partitions were ever assigned: then the configuration was right once.
    pub fn was_assigned(&self) -> bool {
        self.state().assigned_once
    }

    /// Something went wrong that will not heal by itself.
    pub fn fail(&self, failure: anyhow::Error) {
        // Nobody listens any more when the service is coming to its end already.
        let _ = self.failures.send(failure);
    }

    /// Has all threads come to their end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Has the workers come to their end.
    pub fn stop_workers(&self) {
        for worker in &self.workers {
            // One that is gone needs not be told.
            let _ = worker.send(Order::Stop);
        }
    }

    /// Whether the threads are to come to their end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait_for(answers: &mpsc::Receiver<()>, count: usize) -> Result<(), Stuck> {
    for _ in 0..count {
        match answers.recv_timeout(LONGEST_ANSWER) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(Stuck),
        }
    }
    Ok(())
}
