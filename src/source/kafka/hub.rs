//! What the threads of the consumer share: which partitions are held and by which worker, what is known of the topics, what
//! was counted of partitions that are held no longer, and what went wrong last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use tokio::sync::mpsc::UnboundedSender;

use crate::checkpoint::{Holding, Ledger};
use crate::clock;
use crate::engine::account::Account;
use crate::engine::counted::Counted;
use crate::engine::settings::Settings;
use crate::event::EventTime;
use crate::kafka::trouble::Trouble;
use crate::source::kafka::held::Held;
use crate::source::kafka::ledger::Resumed;
use crate::source::kafka::progress::Moment;
use crate::source::kafka::slot::{Given, Known};
use crate::source::kafka::worker::{Ask, Look, Order};

/// A worker that does not answer for so long is stuck.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// Shared by all threads of a consumer.
pub struct Hub {
    workers: Vec<Sender<Order>>,
    /// With what is promised now.
    settings: Mutex<Arc<Settings>>,
    state: Mutex<State>,
    /// Held by whoever moves partitions, so that nobody sees what was counted of one neither with it nor without it.
    moving: Mutex<()>,
    stopping: AtomicBool,
    /// Whether this process is to leave the group and join it again.
    rejoining: AtomicBool,
    failures: UnboundedSender<anyhow::Error>,
}

#[derive(Default)]
struct State {
    /// With the number of the worker.
    held: BTreeMap<(Arc<str>, i32), (Arc<Held>, usize)>,
    topics: BTreeMap<String, Topic>,
    trouble: Option<(Instant, Trouble, String)>,
    assigned_once: bool,
    /// Counted by earlier runs of this instance that this one goes on from, lane by lane.
    carried: Arc<Counted>,
    /// That, and what this run counted of partitions that it holds no longer.
    released: Counted,
    /// Up to which offset that counts, by topic, its id and partition.
    released_to: BTreeMap<(String, String, i32), i64>,
    /// Greater whenever partitions come or go.
    epoch: u64,
    /// Why checkpoints of partitions that are held cannot be written.
    hindrances: BTreeMap<(Arc<str>, i32), String>,
}

impl State {
    /// Epochs of later runs of the instance are greater too, unless its clock is set back by as much as it was down.
    fn begin_epoch(&mut self) {
        self.epoch = clock::wall().millis().max(self.epoch + 1);
    }
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
    /// What tells it from others of the same name; none before the broker said so.
    pub id: Option<Arc<str>>,
    /// When it was last seen to have got more partitions, and how many it had before.
    pub grown: Option<(EventTime, u32)>,
    /// Whether some of its partitions were given to no member of the group when that was last asked.
    pub is_partly_unread: bool,
}

/// A worker did not answer: it is stuck or gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a worker thread did not answer in time")]
pub struct Stuck;

impl Hub {
    /// Nothing is held yet by these workers. What cannot be healed is told to `failures`.
    pub fn new(
        workers: Vec<Sender<Order>>,
        settings: Arc<Settings>,
        topics: impl IntoIterator<Item = String>,
        failures: UnboundedSender<anyhow::Error>,
    ) -> Hub {
        let topics = topics.into_iter().map(|topic| (topic, Topic::default())).collect();
        let state = Mutex::new(State { topics, ..State::default() });
        Hub {
            workers,
            settings: Mutex::new(settings),
            state,
            moving: Mutex::default(),
            stopping: AtomicBool::new(false),
            rejoining: AtomicBool::new(false),
            failures,
        }
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
                    topic.grown = Some((seen.wall, before));
                }
                topic.partitions = Some(count);
                topic.error = None;
            }
            Err(error) => topic.error = Some(error),
        }
    }

    /// What tells a topic from others of the same name, as the broker said it now. False: it is another one than it was.
    pub fn identify(&self, topic: &str, id: &Arc<str>) -> bool {
        let mut state = self.state();
        let known = &mut state.topics.entry(topic.to_owned()).or_default().id;
        known.get_or_insert_with(|| Arc::clone(id)) == id
    }

    /// Somebody else, or an earlier run, saw a topic get more partitions than it had before.
    pub fn remember_growth(&self, topic: &str, seen: EventTime, before: u32) {
        let mut state = self.state();
        let grown = &mut state.topics.entry(topic.to_owned()).or_default().grown;
        if grown.is_none_or(|(known, _)| known < seen) {
            *grown = Some((seen, before));
        }
    }

    /// Topics of which the group has given some partitions to nobody; every partition of the others is given to somebody.
    pub fn learn_unread(&self, unread: &BTreeSet<String>) {
        for (name, topic) in &mut self.state().topics {
            topic.is_partly_unread = unread.contains(name);
        }
    }

    /// Has this process leave the group and join it again, which makes the group share out anew.
    pub fn rejoin(&self) {
        self.rejoining.store(true, Ordering::Relaxed);
    }

    /// Whether it is to do so now. Asked once, it is as good as done.
    pub fn takes_rejoining(&self) -> bool {
        self.rejoining.swap(false, Ordering::Relaxed)
    }

    /// Counting goes on from what earlier runs of this instance counted, lane by lane. To be told before anything is shown.
    pub fn carry(&self, resumed: &Resumed) {
        let mut state = self.state();
        state.released.add(&resumed.released);
        for (topic, id, partition, offset) in &resumed.released_to {
            state.released_to.insert((topic.clone(), id.clone(), *partition), *offset);
        }
        state.carried = Arc::new(resumed.released.clone());
    }

    /// Up to which offset this instance counted what it held of a partition before; 0 if it never did. That includes what it
    /// held while nobody said which topic it was.
    pub fn counted_to(&self, topic: &str, id: &str, partition: i32) -> i64 {
        let state = self.state();
        let of_id = |id: &str| state.released_to.get(&(topic.to_owned(), id.to_owned(), partition)).copied();
        of_id(id).max(of_id("")).unwrap_or(0)
    }

    /// What earlier runs of this instance counted that this one goes on from, lane by lane.
    pub fn carried(&self) -> Arc<Counted> {
        Arc::clone(&self.state().carried)
    }

    /// Greater whenever partitions come or go.
    pub fn epoch(&self) -> u64 {
        self.state().epoch
    }

    /// What this instance holds and has counted of other partitions.
    pub fn ledger(&self) -> Ledger {
        let _nobody_moves = self.moving();
        let state = self.state();
        let held = state.held.values().map(|(held, _)| Holding {
            topic: held.topic.to_string(),
            topic_id: held.topic_id.as_deref().unwrap_or_default().to_owned(),
            partition: held.partition,
            number: held.holding,
            counts_from: held.counts_from(),
        });
        let released_to = state
            .released_to
            .iter()
            .map(|((topic, id, partition), offset)| (topic.clone(), id.clone(), *partition, *offset));
        Ledger {
            epoch: state.epoch,
            held: held.collect(),
            released: state.released.clone(),
            released_to: released_to.collect(),
        }
    }

    /// Hands partitions to the workers that hold the fewest, with what is known of them, and waits until they are ready for
    /// the first record.
    ///
    /// # Errors
    /// A worker does not answer.
    pub fn take(&self, partitions: Vec<(Held, Option<Box<Known>>)>) -> Result<(), Stuck> {
        let _moving = self.moving();
        let (taken, answers) = mpsc::channel();
        let count = partitions.len();
        {
            let mut state = self.state();
            state.assigned_once = true;
            state.begin_epoch();
            for (held, known) in partitions {
                let held = Arc::new(held);
                let key = (Arc::clone(&held.topic), held.partition);
                let load = |worker: usize| state.held.values().filter(|(_, of)| *of == worker).count();
                let worker = (0..self.workers.len()).min_by_key(|&worker| load(worker)).ok_or(Stuck)?;
                state.held.insert(key, (Arc::clone(&held), worker));
                self.workers[worker].send(Order::Take(held, known, taken.clone())).map_err(|_| Stuck)?;
            }
        }
        // A worker that is gone is then noticed at once.
        drop(taken);
        wait_for(&answers, count).map(drop)
    }

    /// Has partitions given up, waits until no record of theirs is worked on any more, and says what is known of them.
    ///
    /// # Errors
    /// A worker does not answer.
    pub fn release(&self, partitions: &[(String, i32)]) -> Result<Vec<Given>, Stuck> {
        let _moving = self.moving();
        let (released, answers) = mpsc::channel();
        let mut count = 0;
        {
            let mut state = self.state();
            for (topic, partition) in partitions {
                let key = (Arc::from(topic.as_str()), *partition);
                state.hindrances.remove(&key);
                let Some((held, worker)) = state.held.remove(&key) else { continue };
                self.workers[worker].send(Order::Release(held, released.clone())).map_err(|_| Stuck)?;
                count += 1;
            }
        }
        drop(released);
        let answers = wait_for(&answers, count)?;
        let mut state = self.state();
        state.begin_epoch();
        let mut all = Vec::with_capacity(count);
        for (given, counted) in answers.into_iter().flatten() {
            state.released.add(&counted);
            if given.history.is_some() {
                let Held { topic, topic_id, partition, .. } = &*given.held;
                let key = (topic.to_string(), topic_id.as_deref().unwrap_or_default().to_owned(), *partition);
                state.released_to.insert(key, given.next_offset);
            }
            all.push(given);
        }
        Ok(all)
    }

    /// What is known now of a partition that is held; none if it no longer is.
    ///
    /// # Errors
    /// Its worker does not answer.
    pub fn freeze(&self, held: &Arc<Held>) -> Result<Option<Given>, Stuck> {
        let (frozen, answer) = mpsc::channel();
        let key = (Arc::clone(&held.topic), held.partition);
        let Some(worker) = self.state().held.get(&key).map(|(_, worker)| *worker) else { return Ok(None) };
        self.workers[worker].send(Order::Freeze(Arc::clone(held), frozen)).map_err(|_| Stuck)?;
        answer.recv_timeout(LONGEST_ANSWER).map_err(|_| Stuck)
    }

    /// No checkpoint of a partition can be written, for this reason; none once one is.
    pub fn hinder(&self, held: &Held, hindrance: Option<String>) {
        let mut state = self.state();
        let key = (Arc::clone(&held.topic), held.partition);
        match hindrance.filter(|_| state.held.contains_key(&key)) {
            Some(hindrance) => drop(state.hindrances.insert(key, hindrance)),
            None => drop(state.hindrances.remove(&key)),
        }
    }

    /// Why checkpoints cannot be written of one of the partitions at least; none if they can, or need not.
    pub fn hindrance(&self) -> Option<String> {
        self.state().hindrances.values().next().cloned()
    }

    /// What all workers show at this instant; without one, only what they counted.
    ///
    /// # Errors
    /// A worker does not answer within `longest`.
    pub fn look(&self, ask: &Ask, longest: Duration) -> Result<Vec<Look>, Stuck> {
        let (reply, looks) = mpsc::channel();
        for worker in &self.workers {
            worker.send(Order::Look(ask.clone(), reply.clone())).map_err(|_| Stuck)?;
        }
        drop(reply);
        let mut seen = Vec::with_capacity(self.workers.len());
        while seen.len() < self.workers.len() {
            seen.push(looks.recv_timeout(longest).map_err(|_| Stuck)?);
        }
        Ok(seen)
    }

    /// What is promised is this from now on.
    ///
    /// # Errors
    /// A worker is gone.
    pub fn adopt(&self, settings: &Arc<Settings>) -> Result<(), Stuck> {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(settings);
        self.workers.iter().try_for_each(|worker| worker.send(Order::Adopt(Arc::clone(settings))).map_err(|_| Stuck))
    }

    /// The settings, with what is promised now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of a contact; nothing if none of the partitions holds it. Of one whose events are in several of them,
    /// which is counted as misrouted, what the one with the most facts knows.
    ///
    /// # Errors
    /// A worker does not answer within `longest`.
    pub fn account(&self, contact_id: &str, longest: Duration) -> Result<Option<Account>, Stuck> {
        let (reply, accounts) = mpsc::channel();
        let contact_id: Arc<str> = contact_id.into();
        for worker in &self.workers {
            worker.send(Order::Account(Arc::clone(&contact_id), reply.clone())).map_err(|_| Stuck)?;
        }
        drop(reply);
        let until = clock::monotonic() + longest;
        let mut known: Option<Account> = None;
        for _ in &self.workers {
            let left = until.saturating_duration_since(clock::monotonic());
            let found = accounts.recv_timeout(left).map_err(|_| Stuck)?;
            known = known.into_iter().chain(found).max_by_key(Account::facts);
        }
        Ok(known)
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

    fn moving(&self) -> MutexGuard<'_, ()> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait_for<T>(answers: &mpsc::Receiver<T>, count: usize) -> Result<Vec<T>, Stuck> {
    let answer = |_| match answers.recv_timeout(LONGEST_ANSWER) {
        Ok(answer) => Ok(answer),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Stuck),
    };
    (0..count).map(answer).collect()
}
