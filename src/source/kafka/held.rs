//! A partition that this process holds, and what is to be known of it by any thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::event::EventTime;
use crate::kafka::undelivered::Undelivered;
use crate::source::kafka::progress::Progress;

/// A partition that this process holds, from its assignment to its revocation.
#[derive(Debug)]
pub struct Held {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// What was there before is history: counters begin at this offset. Set once the broker has said what the end is.
    pub live_from: OnceLock<i64>,
    /// What tells its topic from others of the same name; none if no broker said so, or the store not what it has of the
    /// partition: then no checkpoint is written.
    pub topic_id: Option<Arc<str>>,
    /// The offset of the first record that was read for its state, by whomever.
    pub first_offset: i64,
    /// The offset that this process reads from.
    pub start: i64,
    /// Drawn when it was given to this process; after a restart that goes on counting, as it was.
    pub holding: u64,
    /// Where its history ended when it came, if that was behind it.
    pub history_to: Option<i64>,
    /// Whether it goes on from where an earlier run of this instance left it, so that all before `start` is durable as it is.
    pub goes_on: bool,
    /// When what was read of it was last made durable, in milliseconds since 1970; 0 if it never was.
    pub checkpointed_ms: AtomicU64,
    /// From when on everything is known.
    reach: Reach,
    /// The timestamp of the first record that was read, in milliseconds since 1970.
    first_record_ms: OnceLock<u64>,
    told: AtomicU64,
    assigned_ms: u64,
    /// How far it has been read.
    pub progress: Progress,
    /// The first record that is sent on if it is no event; those before were so already. 0 unless somebody knows better.
    pub letters_from: i64,
    /// Letters that come of its records and are under way.
    pub undelivered: Arc<Undelivered>,
    /// Stream time in milliseconds; 0 before there is any.
    stream_time_ms: AtomicU64,
}

impl Held {
    /// A partition that is read from `start` on, assigned at this instant, of which nothing was known before.
    pub fn new(
        topic: Arc<str>,
        partition: i32,
        start: i64,
        live_from: Option<i64>,
        reach: Reach,
        assigned: EventTime,
    ) -> Held {
        let progress = Progress::from(start);
        let live_from = live_from.map_or_else(OnceLock::new, OnceLock::from);
        let undelivered = Arc::new(Undelivered::of(Arc::clone(&topic), partition));
        Held {
            topic,
            partition,
            topic_id: None,
            first_offset: start,
            start,
            holding: 0,
            history_to: None,
            goes_on: false,
            checkpointed_ms: AtomicU64::new(0),
            live_from,
            reach,
            progress,
            letters_from: 0,
            undelivered,
            stream_time_ms: AtomicU64::new(0),
            first_record_ms: OnceLock::new(),
            told: AtomicU64::new(0),
            assigned_ms: assigned.millis(),
        }
    }

    /// Everything from this instant on is known, in milliseconds since 1970, as soon as the partition is caught up; 0 if
    /// everything is.
    pub fn known_since_ms(&self) -> u64 {
        match self.reach {
            Reach::Everything => 0,
            Reach::Since(since_ms) => since_ms,
            Reach::SinceTheFirstRecord => self.first_record_ms.get().copied().unwrap_or(self.assigned_ms),
        }
    }

    /// From which offset on it is counted, or will be; none before that is known.
    pub fn counts_from(&self) -> Option<i64> {
        self.history_to.or_else(|| self.live_from.get().copied())
    }

    /// Notes that a record with this timestamp was read, in milliseconds since 1970.
    pub fn note_record(&self, timestamp_ms: Option<u64>) {
        self.first_record_ms.get_or_init(|| timestamp_ms.unwrap_or(self.assigned_ms));
    }

    /// Whether no record has been read yet.
    pub fn is_unread(&self) -> bool {
        self.first_record_ms.get().is_none()
    }

    /// Greater whenever something was told of outliers that is to be remembered, without a record having come.
    pub fn told(&self) -> u64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Notes that something was told of outliers.
    pub fn note_told(&self) {
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the latest event time believed.
    pub fn note_stream_time(&self, time: Option<EventTime>) {
        self.stream_time_ms.store(time.map_or(0, EventTime::millis), Ordering::Relaxed);
    }

    /// The latest event time believed; none before the first few records.
    pub fn stream_time(&self) -> Option<EventTime> {
        EventTime::from_millis(self.stream_time_ms.load(Ordering::Relaxed)).filter(|time| time.millis() > 0)
    }
}

/// From when on everything is known of a partition, once it is caught up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// From its beginning: no record was ever removed.
    Everything,
    /// From this instant on, in milliseconds since 1970.
    Since(u64),
    /// From the timestamp of the first record that is read, since older ones were removed.
    SinceTheFirstRecord,
}
