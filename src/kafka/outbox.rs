//! Letters to a topic, each delivered at least once: what the service writes of its own accord while it reads.
//!
//! A letter is taken at once and kept in memory until all brokers that have to confirm it; what fails is sent again, for
//! ever, by a thread of its own (see `courier`). Whoever sends never waits and never loses one. In return
//! whoever sends asks for room before making letters of further records: so what is kept is bounded, by [`MOST_LETTERS`]
//! and [`MOST_BYTES`] and by what comes of one batch of records for each who sends. The [`Undelivered`] of a partition
//! says which of its records have letters under way.
//!
//! One letter is not sent again: one that is larger than the topic takes. It is logged with its place, counted as lost,
//! and done, since it would hold up all others for ever.
//!
//! Deliberately absent: order, since a letter that fails is overtaken; and exactly once, since a letter whose confirmation
//! is lost with the process is sent again when its record is read again.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::message::{Header, OwnedHeaders};

use super::courier::Courier;
use super::trouble::{Trouble, explain_error};
use super::undelivered::Undelivered;
use crate::clock;
use crate::config::Kafka;
use crate::log::Recurring;
use crate::meters::LetterMeters;

/// Letters that are kept, unless their bytes are too many.
pub const MOST_LETTERS: usize = 10_000;

/// What letters may weigh together. On their way there is one more copy in the library only.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What the library needs for a letter besides its content, in bytes, roughly.
const LETTER_BYTES: usize = 512;

/// What is sent: a record to be. Copies what it is given.
#[derive(Clone, Debug)]
pub struct Letter {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: OwnedHeaders,
    pub(super) bytes: usize,
}

impl Letter {
    /// Without headers. A key that is absent puts it into any partition; a payload that is absent stays so.
    pub fn new(key: Option<&[u8]>, payload: Option<&[u8]>) -> Letter {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        Letter {
            key: key.map(<[u8]>::to_vec),
            payload: payload.map(<[u8]>::to_vec),
            headers: OwnedHeaders::new(),
            bytes: LETTER_BYTES + length(key) + length(payload),
        }
    }

    /// With one header more, behind the others. A name can be there several times.
    pub fn with_header(mut self, name: &str, value: Option<&[u8]>) -> Letter {
        self.bytes += name.len() + value.map_or(0, <[u8]>::len);
        self.headers = self.headers.insert(Header { key: name, value });
        self
    }
}

/// Told in words, again and again, as long as letters cannot be delivered.
pub type TellTrouble = Box<dyn Fn(Trouble, &str) + Send + Sync>;

/// Where letters go, and who hears of them.
pub struct Address {
    /// The topic.
    pub topic: String,
    /// What the letters are, in the plural, as log lines name them.
    pub what: &'static str,
    /// Counts them.
    pub meters: LetterMeters,
    /// Bounds log lines of letters that are too large.
    pub too_large: Recurring,
    /// Hears why letters wait for longer than a few seconds.
    pub tell: TellTrouble,
}

/// An outbox cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The properties make no client.
    #[error("{0}")]
    Options(String),
    /// There is no thread for it.
    #[error("starting the thread that sends letters: {0}")]
    Thread(#[from] io::Error),
}

/// Takes letters, from any number of threads.
pub struct Outbox {
    tray: Arc<Tray>,
    courier: Mutex<Option<JoinHandle<()>>>,
}

impl Outbox {
    /// Begins to send to this address what it will be given. Nothing is waited for: brokers and the topic may be away.
    ///
    /// # Errors
    /// The options of the configuration contradict themselves, or there is no thread.
    pub fn open(kafka: &Kafka, address: Address) -> Result<Outbox, OutboxError> {
        let tray = Arc::new(Tray::new(address.meters.clone()));
        let topic = address.topic.clone();
        let courier = Courier::new(kafka, address, Arc::clone(&tray))
            .map_err(|error| OutboxError::Options(explain_error(kafka, &topic, &error)))?;
        let courier = thread::Builder::new().name("courier".to_owned()).spawn(move || courier.run())?;
        Ok(Outbox { tray, courier: Mutex::new(Some(courier)) })
    }

    /// Takes a letter that comes of the record at this offset of that partition. Does not wait.
    pub fn send(&self, letter: Letter, of: &Arc<Undelivered>, offset: i64) {
        of.add(offset);
        self.tray.take(letter, of, offset, clock::monotonic());
    }

    /// Whether whoever makes letters may go on; waits until then, at most so long.
    pub fn wait_for_room(&self, longest: Duration) -> bool {
        self.tray.wait_for_room(longest)
    }

    /// Takes its leave: waits until what was taken is confirmed, at most so long, and not at all for what has been waiting
    /// in vain for a while. What is left over is told in the log.
    pub fn close(&self, longest: Duration) {
        self.tray.close(clock::monotonic() + longest);
        let courier = self.courier.lock().unwrap_or_else(PoisonError::into_inner).take();
        if courier.is_some_and(|courier| courier.join().is_err()) {
            tracing::error!("the thread that sends letters had panicked");
        }
    }
}

impl Drop for Outbox {
    /// Whoever does not close it has no interest in what is left.
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

/// What an outbox and its courier share: the letters that are to be sent, and what is known of those that are under way.
pub(super) struct Tray {
    letters: Mutex<Letters>,
    /// A letter came, or the end.
    arrived: Condvar,
    /// A letter is done.
    room: Condvar,
    meters: LetterMeters,
}

#[derive(Default)]
struct Letters {
    /// To be sent, the oldest first as far as none failed.
    waiting: VecDeque<Posted>,
    /// Refused as too large together with others; to be sent alone.
    suspects: VecDeque<Posted>,
    /// When each that is not done was taken, by its number: those waiting and those under way.
    taken: BTreeMap<u64, Instant>,
    /// What they weigh.
    bytes: usize,
    numbers: u64,
    /// When the courier goes home, whatever is left.
    closes: Option<Instant>,
}

/// A letter to be sent.
pub(super) struct Posted {
    pub(super) letter: Letter,
    pub(super) ticket: Box<Ticket>,
}

/// What is known of a letter while it is under way.
pub(super) struct Ticket {
    number: u64,
    pub(super) bytes: usize,
    of: Arc<Undelivered>,
    offset: i64,
    /// Whether it is in no batch with others.
    pub(super) alone: bool,
}

impl Ticket {
    /// Topic, partition and offset of the record that the letter comes of.
    pub(super) fn place(&self) -> (&str, i32, i64) {
        (self.of.topic(), self.of.partition(), self.offset)
    }
}

impl Tray {
    fn new(meters: LetterMeters) -> Tray {
        Tray { letters: Mutex::default(), arrived: Condvar::new(), room: Condvar::new(), meters }
    }

    fn take(&self, letter: Letter, of: &Arc<Undelivered>, offset: i64, now: Instant) {
        let mut letters = self.letters();
        let number = letters.numbers;
        letters.numbers += 1;
        letters.taken.insert(number, now);
        letters.bytes += letter.bytes;
        let ticket = Box::new(Ticket { number, bytes: letter.bytes, of: Arc::clone(of), offset, alone: false });
        letters.waiting.push_back(Posted { letter, ticket });
        self.tell_pending(&letters);
        self.arrived.notify_one();
    }

    fn wait_for_room(&self, longest: Duration) -> bool {
        let waited = self.room.wait_timeout_while(self.letters(), longest, |letters| letters.is_full());
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_full()
    }

    fn close(&self, at: Instant) {
        self.letters().closes = Some(at);
        self.arrived.notify_one();
    }

    /// Waits until there is something to be sent, or the end to be thought of.
    pub(super) fn wait_for_letters(&self, longest: Duration) {
        let is_idle = |letters: &mut Letters| {
            letters.waiting.is_empty() && letters.suspects.is_empty() && letters.closes.is_none()
        };
        // Whoever waited looks again.
        drop(self.arrived.wait_timeout_while(self.letters(), longest, is_idle));
    }

    /// The next letter to be sent.
    pub(super) fn next(&self) -> Option<Posted> {
        self.letters().waiting.pop_front()
    }

    /// A letter to be sent again, after the others.
    pub(super) fn put_back(&self, posted: Posted) {
        self.letters().waiting.push_back(posted);
    }

    /// A letter that was refused as too large together with others.
    pub(super) fn put_aside(&self, posted: Posted) {
        self.letters().suspects.push_back(posted);
    }

    /// Whether there are letters that have to be sent alone.
    pub(super) fn has_suspects(&self) -> bool {
        !self.letters().suspects.is_empty()
    }

    /// The next letter to be sent alone.
    pub(super) fn next_suspect(&self) -> Option<Posted> {
        self.letters().suspects.pop_front()
    }

    /// A letter is done.
    pub(super) fn settle(&self, ticket: &Ticket) {
        let mut letters = self.letters();
        letters.taken.remove(&ticket.number);
        letters.bytes -= ticket.bytes;
        self.tell_pending(&letters);
        drop(letters);
        ticket.of.settle(ticket.offset);
        self.room.notify_all();
    }

    /// How many are not done, and when the oldest of them was taken.
    pub(super) fn pending(&self) -> (usize, Option<Instant>) {
        let letters = self.letters();
        (letters.taken.len(), letters.taken.values().next().copied())
    }

    /// When to end; none if not at all.
    pub(super) fn closes(&self) -> Option<Instant> {
        self.letters().closes
    }

    fn tell_pending(&self, letters: &Letters) {
        self.meters.pending.set(i64::try_from(letters.taken.len()).unwrap_or(i64::MAX));
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Letters {
    fn is_full(&self) -> bool {
        self.taken.len() >= MOST_LETTERS || self.bytes >= MOST_BYTES
    }
}
