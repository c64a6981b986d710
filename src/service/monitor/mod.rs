//! What is usual for each queue and how today compares, looked at every five minutes by a thread of its own.
//!
//! The pulse hands over what was offered, of all partitions; `book` learns from it once a day and folds each look into
//! incidents, by the rules of [`surge`](crate::surge). `calendars` says which day is like which,
//! [`publish::seed`](crate::publish::seed) what was counted before the topics reach back, `news` who hears of incidents.
//! Nothing is kept but what follows from the counts, so that whoever starts anew says the same, but for an incident that
//! has been on since before yesterday: that begins for them with yesterday. Only a process that holds whole queues says
//! anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::Surge;
use crate::engine::arrivals::{self, KEPT_DAYS, QueueArrivals};
use crate::engine::settings::Settings;
use crate::event::EventTime;
use crate::publish::seed::{Seed, SeedOfQueue};
use crate::publish::snapshot::Load;
use crate::service::monitor::book::Book;
use crate::service::monitor::news::News;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::worker::{Ask, Gaze};
use crate::surge::counts::CELLS_OF_QUARTER;
use crate::surge::{CELL_MS, Cells, Counts, QUARTER_MS};

mod book;
pub mod calendars;
pub mod news;
#[cfg(test)]
mod tests;

/// The engine counts by the cells that the model looks at.
const _: () = assert!(arrivals::CELL_MS == CELL_MS);

const QUARTERS_A_DAY: u32 = 96;

/// What was looked at longer ago than this says nothing of now, in milliseconds: a look that fails, and learning, take less.
const LONGEST_SHOWN_MS: u64 = 3 * CELL_MS;

/// What was offered before an instant, an edge of five minutes, shard by shard.
#[derive(Debug)]
pub struct Arrived {
    /// The instant.
    pub until: EventTime,
    /// By queue.
    pub shards: Vec<BTreeMap<String, QueueArrivals>>,
}

/// Hands over what was offered, and knows what came of it.
pub struct Monitor {
    /// None if slots are too wide for it.
    looks: Option<SyncSender<Arrived>>,
    latest: Arc<Mutex<Option<Arc<Load>>>>,
    /// The edge that was handed over last, in milliseconds.
    handed_over: Option<u64>,
}

impl Monitor {
    /// Begins to watch, with what was counted before; the thread ends when the monitor is dropped, or the hub stops. There is
    /// none if slots are too wide.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn start(
        settings: &Settings,
        surge: &Surge,
        seed: Arc<Seed>,
        news: News,
        hub: Arc<Hub>,
    ) -> std::io::Result<(Monitor, Option<JoinHandle<()>>)> {
        let latest = Arc::default();
        if !arrivals::are_told(settings.slots) {
            return Ok((Monitor { looks: None, latest, handed_over: None }, None));
        }
        // One look waits at most: a thread that is slow looks less often.
        let (looks, looked) = mpsc::sync_channel(1);
        let book = Book::new(surge.clone(), seed);
        let thread = thread::Builder::new().name("monitor".to_owned()).spawn({
            let latest = Arc::clone(&latest);
            move || watch(&looked, book, news, &latest, &hub)
        })?;
        Ok((Monitor { looks: Some(looks), latest, handed_over: None }, Some(thread)))
    }

    /// Up to which instant arrivals are to be handed over now: an edge of five minutes that has not been yet. `now` is the
    /// instant that lanes are shown for, none unless they are, and whole queues are held.
    pub fn asks_until(&self, now: Option<EventTime>) -> Option<EventTime> {
        let now = now.filter(|_| self.looks.is_some())?.millis();
        let edge = now - now % CELL_MS;
        (self.handed_over != Some(edge)).then(|| EventTime::from_millis(edge)).flatten()
    }

    /// Hands them over. If the one before is not looked at yet, they are asked for again.
    pub fn hand_over(&mut self, arrived: Arrived) {
        let until = arrived.until.millis();
        if self.looks.as_ref().is_some_and(|looks| looks.try_send(arrived).is_ok()) {
            self.handed_over = Some(until);
        }
    }

    /// What is known at `now`; none before the first look, and if the last one is long ago.
    pub fn load(&self, now: EventTime) -> Option<Arc<Load>> {
        self.latest().filter(|load| now.millis().abs_diff(load.at.millis()) <= LONGEST_SHOWN_MS)
    }

    /// The instant of the latest look, however long ago.
    pub fn looked_at(&self) -> Option<EventTime> {
        self.latest().map(|load| load.at)
    }

    fn latest(&self) -> Option<Arc<Load>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn watch(looked: &Receiver<Arrived>, mut book: Book, mut news: News, latest: &Mutex<Option<Arc<Load>>>, hub: &Hub) {
    for arrived in looked {
        let settings = hub.settings();
        let Some((load, told)) = book.look(&arrived, settings.promised(), || hub.is_stopping()) else { break };
        told.iter().for_each(|told| news.tell(told));
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(load));
    }
    news.close();
}

/// What was offered to every queue before the quarter of an hour of `now`, by all of so many partitions. Times and leading
/// lanes are those that were known before.
///
/// # Errors
/// A worker does not answer within `longest`; partitions come or go; slots are too wide.
pub fn history(hub: &Hub, seed: &Seed, now: EventTime, partitions: usize, longest: Duration) -> Result<Seed, String> {
    if !arrivals::are_told(hub.settings().slots) {
        return Err("slots.coarse does not divide five minutes".to_owned());
    }
    let until = quarter_of(now);
    let edge = EventTime::from_millis(u64::from(until) * QUARTER_MS).expect("it is before an instant of event time");
    let ask = Ask { gaze: Gaze::Counters, fences: None, arrivals_until: Some(edge) };
    let before = hub.held();
    let looks = hub.look(&ask, longest).map_err(|stuck| stuck.to_string())?;
    let after = hub.held();
    // What came or went meanwhile is, or is not, in some of the looks.
    let is_same = before.len() == partitions && before.len() == after.len();
    if !is_same || !before.iter().zip(&after).all(|(one, other)| Arc::ptr_eq(one, other)) {
        return Err("partitions come or go: ask again".to_owned());
    }
    let arrived = Arrived { until: edge, shards: looks.into_iter().flat_map(|look| look.arrivals).collect() };
    let mut history = Seed { until, ..Seed::default() };
    for queue in arrived.queues(seed) {
        let mut counts = arrived.counts(queue, seed);
        counts.forget_before(until.saturating_sub(KEPT_DAYS * QUARTERS_A_DAY));
        if !counts.is_empty() {
            let known = seed.queues.get(queue).cloned().unwrap_or_default();
            history.queues.insert(queue.to_owned(), SeedOfQueue { counts, ..known });
        }
    }
    Ok(history)
}

fn cell_of(ms: u64) -> u32 {
    u32::try_from(ms / CELL_MS).unwrap_or(u32::MAX)
}

fn quarter_of(time: EventTime) -> u32 {
    u32::try_from(time.millis() / QUARTER_MS).expect("event times end in 2109")
}

impl Arrived {
    /// Every queue that has a lane here, or was counted before.
    fn queues<'a>(&'a self, seed: &'a Seed) -> BTreeSet<&'a str> {
        let read = self.shards.iter().flat_map(|shard| shard.keys().map(String::as_str));
        read.chain(seed.queues.keys().map(String::as_str)).collect()
    }

    /// What was offered to a queue, by quarter of an hour, as far back as is known.
    fn counts(&self, queue: &str, seed: &Seed) -> Counts {
        let seeded = seed.counts(queue);
        let mut counts = seeded.cloned().unwrap_or_default();
        let first = seeded.map_or(0, |_| seed.until);
        self.each(queue, u64::from(first) * QUARTER_MS, |start, count| {
            let quarter = u32::try_from(start / QUARTER_MS).unwrap_or(u32::MAX);
            if quarter >= first {
                counts.add(quarter, count);
            }
        });
        counts
    }

    /// What was offered to a queue since an instant in milliseconds that is not long ago, by cell. A file knows quarters of
    /// an hour only: what it holds is spread over their cells.
    fn cells(&self, queue: &str, seed: &Seed, since: u64) -> Cells {
        let mut cells = Cells::default();
        let seeded = seed.counts(queue);
        let first = seeded.map_or(0, |_| seed.until * CELLS_OF_QUARTER);
        for (quarter, count) in
            seeded.into_iter().flat_map(|counts| counts.between(cell_of(since) / CELLS_OF_QUARTER, seed.until))
        {
            let parts = u64::from(CELLS_OF_QUARTER);
            for (part, cell) in (0..parts).zip(quarter * CELLS_OF_QUARTER..) {
                cells.add(cell, (count + parts - 1 - part) / parts);
            }
        }
        self.each(queue, since, |start, count| {
            let cell = cell_of(start);
            if start >= since && cell >= first {
                cells.add(cell, count);
            }
        });
        cells
    }

    fn each(&self, queue: &str, from: u64, mut visit: impl FnMut(u64, u64)) {
        let of_queue = self.shards.iter().filter_map(|shard| shard.get(queue));
        of_queue.for_each(|arrivals: &QueueArrivals| arrivals.each(from, &mut visit));
    }
}
