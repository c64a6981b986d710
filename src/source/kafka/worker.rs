//! A thread that holds partitions: it alone reads and changes their shards, so nothing is locked on the way of a record.
//!
//! Between batches it does what it is ordered: takes a partition, gives one up, says what its shards show. It decides
//! nothing about time: what is looked at, and for which instant, is told in the order.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use prometheus::local::LocalHistogram;
use rdkafka::consumer::ConsumerContext;

use crate::clock;
use crate::engine::board::GroupBy;
use crate::engine::counted::Counted;
use crate::engine::customers::CustomerChanges;
use crate::engine::frozen::Frozen;
use crate::engine::settings::Settings;
use crate::engine::shard::{Input, Keep, Shard};
use crate::engine::view::View;
use crate::event::rejection::{Rejection, RejectionReason};
use crate::event::{Event, EventTime};
use crate::kafka::undelivered::Undelivered;
use crate::log::Recurring;
use crate::meters::Meters;
use crate::source::kafka::letters::DeadLetters;
use crate::source::kafka::progress::Progress;
use crate::source::kafka::queue::{Arrival, Content, Origin, Queue, Record};

/// Orders are looked at this often when nothing arrives.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Offsets without a record are looked for this often.
const OTHERS_EVERY: Duration = Duration::from_millis(100);

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

/// What a worker is told to do between batches.
pub enum Order {
    /// Hold this partition from now on, with what is known of it; it is not assigned before this has been answered.
    Take(Arc<Held>, Option<Box<Known>>, Sender<()>),
    /// Hold it no longer, and say what was known of it at the end, and what was counted of it, lane by lane; nothing if it
    /// was not held.
    Release(Arc<Held>, Sender<Option<(Given, Counted)>>),
    /// Say what is known of it now; nothing if it is not held.
    Freeze(Arc<Held>, Sender<Option<Given>>),
    /// Say what the shards show at this instant; without one, only what was counted.
    Look(Option<EventTime>, Sender<Look>),
    /// Come to an end.
    Stop,
}

/// What is known of a partition before its first record is read.
#[derive(Debug)]
pub struct Known {
    /// Its state.
    pub shard: Shard,
    /// What was counted before counters began, lane by lane, and the offset where they did; none if they have not.
    pub history: Option<(Counted, i64)>,
}

/// What is known of a partition at some offset.
#[derive(Debug)]
pub struct Given {
    /// The partition.
    pub held: Arc<Held>,
    /// All records before this offset were read.
    pub next_offset: i64,
    /// What they amount to.
    pub state: Frozen,
    /// What was counted before counters began, lane by lane, and the offset where they did; none if they have not.
    pub history: Option<(Arc<Counted>, i64)>,
}

/// Which records a shard's state is made of, and what it says is to be judged by.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Which partition.
    pub held: Arc<Held>,
    /// The offset of the first record; none before there was any.
    pub first: Option<i64>,
    /// The offset after the last one.
    pub next: i64,
    /// The latest event time believed.
    pub stream_time: Option<EventTime>,
    /// What the records from this offset on book is counted; none while nothing is.
    pub counters_from: Option<i64>,
    /// Facts that a limit kept out, or had tallied elsewhere.
    pub beyond_limits: u64,
    /// The settings, with the rows of promises in force.
    pub settings: Arc<Settings>,
}

/// What the shards of a worker show.
#[derive(Debug, Default)]
pub struct Look {
    /// At the instant of the order.
    pub view: Option<View>,
    /// What was counted since the partitions caught up, those given up since included.
    pub counted: Counted,
    /// Whether some of it is of partitions given up since.
    pub counted_before: bool,
    /// What it is made of, partition by partition.
    pub extents: Vec<Extent>,
    /// Contacts held.
    pub contacts: usize,
    /// Agents held.
    pub agents: usize,
    /// Contacts of known customers that are remembered although they are held no longer.
    pub past_contacts: usize,
    /// Lanes held, each counted in every partition that it was seen in.
    pub lanes: usize,
}

/// How what is remembered of customers has changed in one partition, told before each answer to [`Order::Look`] and when
/// a partition is given up.
#[derive(Debug)]
pub struct CustomerNews {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// The changes since this was last told.
    pub changes: CustomerChanges,
    /// Whether the partition had been read to its end when this was last told: else some of it is history.
    pub is_news: bool,
}

/// What connects a worker with others.
pub struct Lines {
    /// What it is told to do.
    pub orders: Receiver<Order>,
    /// Where it tells of customers.
    pub customer_news: Sender<CustomerNews>,
    /// Where records that are no events go, if anywhere.
    pub letters: Option<DeadLetters>,
}

/// One partition's state.
struct Slot {
    held: Arc<Held>,
    shard: Shard,
    /// What was counted before it caught up, lane by lane, and the offset where that ended; none before that.
    history: Option<(Arc<Counted>, i64)>,
    /// Whether it had caught up when it was last told of its customers.
    told_the_present: bool,
    /// What the meters have been told.
    told: Told,
    events: IntCounter,
    /// What librdkafka said of the position before anything was read: that of an earlier assignment, if there was one.
    stale_position: Option<i64>,
}

#[derive(Clone, Copy, Default)]
struct Told {
    input: Input,
    orphans: u64,
}

/// The thread's own things.
pub struct Worker<C: ConsumerContext + 'static> {
    /// Dropped first, so that nobody waits for an answer while the queue is dropped.
    lines: Lines,
    queue: Queue<C>,
    slots: Vec<Slot>,
    /// Where in `slots` the records of an origin go.
    places: HashMap<Origin, Option<usize>>,
    /// Counted by partitions that are held no longer, lane by lane.
    counted: Counted,
    settings: Arc<Settings>,
    by: GroupBy,
    /// So that nobody can choose contact ids that collide.
    hash_seed: u64,
    meters: Meters,
    event_delay: LocalHistogram,
    rejected: BTreeMap<RejectionReason, (IntCounter, Recurring)>,
    trouble: Recurring,
    others_noticed: Instant,
}

impl<C: ConsumerContext + 'static> Worker<C> {
    /// A worker that holds nothing yet. `recurring` makes the bound of one kind of log line.
    pub fn new(
        queue: Queue<C>,
        lines: Lines,
        settings: Arc<Settings>,
        by: GroupBy,
        hash_seed: u64,
        meters: Meters,
        recurring: impl Fn() -> Recurring,
    ) -> Worker<C> {
        let counter = |reason: RejectionReason| meters.rejected.with_label_values(&[reason.name()]);
        Worker {
            queue,
            lines,
            slots: Vec::new(),
            places: HashMap::new(),
            counted: Counted::default(),
            settings,
            by,
            hash_seed,
            event_delay: meters.event_delay.local(),
            rejected: RejectionReason::ALL.map(|reason| (reason, (counter(reason), recurring()))).into(),
            trouble: recurring(),
            others_noticed: clock::monotonic(),
            meters,
        }
    }

    /// Works until it is told to stop, or nobody is left to tell it.
    pub fn run(mut self) {
        loop {
            loop {
                match self.lines.orders.try_recv() {
                    Ok(Order::Stop) | Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                    Ok(order) => self.obey(order),
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                }
            }
            // Without room for the dead letters of a batch, none is read.
            if self.lines.letters.as_ref().is_none_or(|letters| letters.wait_for_room(LONGEST_WAIT)) {
                self.read_batch();
            }
            self.notice_others();
        }
    }

    fn obey(&mut self, order: Order) {
        // Whoever gave an order may have lost patience meanwhile: then nobody listens, and nothing is to be done.
        match order {
            Order::Take(held, known, taken) => {
                self.take(held, known);
                let _ = taken.send(());
            }
            Order::Release(held, released) => {
                let given = self.release(&held);
                let _ = released.send(given);
            }
            Order::Freeze(held, frozen) => {
                let started = clock::monotonic();
                let given = self.slots.iter().find(|slot| Arc::ptr_eq(&slot.held, &held)).map(Slot::give);
                self.meters.checkpoint_pause.observe(started.elapsed().as_secs_f64());
                let _ = frozen.send(given);
            }
            Order::Look(now, reply) => {
                let _ = reply.send(self.look(now));
            }
            Order::Stop => {}
        }
    }

    fn take(&mut self, held: Arc<Held>, known: Option<Box<Known>>) {
        self.release(&held);
        self.queue.lead_here(&held.topic, held.partition);
        let (shard, history) = match known {
            Some(known) => (known.shard, known.history.map(|(history, from)| (Arc::new(history), from))),
            None => (Shard::seeded(Arc::clone(&self.settings), Keep::Windows, self.hash_seed), None),
        };
        let mut slot = Slot {
            // What was read before this process is told by nobody's meters but those of whoever read it.
            told: Told { input: shard.input(), orphans: shard.orphans_forgotten() },
            shard,
            history,
            told_the_present: false,
            events: self.meters.events.with_label_values(&[&*held.topic]),
            stale_position: self.queue.position(&held.topic, held.partition),
            held,
        };
        slot.tell_meters(&self.meters);
        slot.notice_the_present(slot.held.progress.next());
        self.slots.push(slot);
        self.places.clear();
    }

    fn release(&mut self, held: &Held) -> Option<(Given, Counted)> {
        let is_it = |slot: &Slot| slot.held.topic == held.topic && slot.held.partition == held.partition;
        let at = self.slots.iter().position(is_it)?;
        let mut slot = self.slots.swap_remove(at);
        let (given, counted) = (slot.give(), slot.counted());
        self.counted.add(&counted);
        slot.tell_customers(CustomerChanges::gone(), &self.lines.customer_news);
        self.places.clear();
        Some((given, counted))
    }

    fn look(&mut self, now: Option<EventTime>) -> Look {
        for slot in &mut self.slots {
            let changes = slot.shard.take_customer_changes(self.by);
            slot.tell_customers(changes, &self.lines.customer_news);
        }
        let shards: Vec<&Shard> = self.slots.iter().map(|slot| &slot.shard).collect();
        let mut counted = self.counted.clone();
        for slot in &self.slots {
            counted.add(&slot.counted());
        }
        let view = now.map(|now| {
            let started = clock::monotonic();
            let view = View::of(&shards, now, self.by);
            self.meters.view_duration.observe(started.elapsed().as_secs_f64());
            view
        });
        Look {
            view,
            counted: counted.grouped(self.by),
            counted_before: !self.counted.is_empty(),
            extents: self.slots.iter().map(Slot::extent).collect(),
            contacts: shards.iter().map(|shard| shard.contacts()).sum(),
            agents: shards.iter().map(|shard| shard.agents()).sum(),
            past_contacts: shards.iter().map(|shard| shard.past_contacts()).sum(),
            lanes: shards.iter().map(|shard| shard.lanes()).sum(),
        }
    }

    fn read_batch(&mut self) {
        let Worker { lines, queue, slots, places, settings, rejected, event_delay, trouble, meters, .. } = self;
        let batch = queue.next_batch(LONGEST_WAIT);
        if batch.arrivals().len() == 0 {
            return;
        }
        let now = clock::monotonic();
        let wall = clock::wall();
        let mut arrivals = batch.arrivals().peekable();
        while let Some(first) = arrivals.peek() {
            let origin = first.origin();
            let place = *places.entry(origin).or_insert_with(|| place_of(slots, first));
            let of_origin = std::iter::from_fn(|| arrivals.next_if(|arrival| arrival.origin() == origin));
            // Without a place, it was given up while its records were on their way.
            let Some(slot) = place.map(|place| &mut slots[place]) else {
                of_origin.for_each(drop);
                continue;
            };
            let delays = slot.held.progress.standing(now).behind.is_none().then_some(&*event_delay);
            for arrival in of_origin {
                match arrival.content() {
                    Content::Record(record) => {
                        // Also where there is no record just before it.
                        slot.notice_the_present(record.offset);
                        match slot.read(&record, settings, delays.map(|delays| (delays, wall)), &meters.misrouted) {
                            Ok(()) => {}
                            Err(rejection) => {
                                let (counter, recurring) = rejected.get(&rejection.reason).expect("all are there");
                                counter.inc();
                                slot.tell(&record, &rejection, recurring, now);
                                if let Some(letters) = &lines.letters {
                                    letters.send(&slot.held, &record, || arrival.headers(), &rejection);
                                }
                            }
                        }
                        if record.offset < slot.held.progress.next() {
                            slot.held.progress.went_back();
                        }
                        slot.held.first_record_ms.get_or_init(|| record.timestamp_ms.unwrap_or(slot.held.assigned_ms));
                        slot.read_to(record.offset + 1);
                    }
                    Content::Error(error) => {
                        meters.kafka_errors.inc();
                        let (topic, partition) = (&*slot.held.topic, slot.held.partition);
                        trouble.tell(now, |held_back| {
                            tracing::warn!(topic, partition, %error, held_back, "cannot read the partition at present");
                        });
                    }
                }
            }
            slot.tell_meters(meters);
        }
        event_delay.flush();
    }
}

impl<C: ConsumerContext + 'static> Worker<C> {
    /// Not every offset has a record: transactions leave marks, and old records are removed. Where nothing but such is
    /// ahead, no record tells so. To be called between batches, when all that was handed out has been read.
    fn notice_others(&mut self) {
        let now = clock::monotonic();
        if now.saturating_duration_since(self.others_noticed) < OTHERS_EVERY {
            return;
        }
        self.others_noticed = now;
        for slot in &mut self.slots {
            let progress = &slot.held.progress;
            let lags = progress.standing(now).lag_records.is_some_and(|lag| lag > 0);
            if !lags && slot.history.is_some() {
                continue;
            }
            let position = self.queue.position(&slot.held.topic, slot.held.partition);
            let next = match position.filter(|_| lags && position != slot.stale_position) {
                Some(position) => progress.next().max(position),
                // Nothing has come yet, and what was to come may have been removed.
                None if slot.held.first_record_ms.get().is_none() => progress.next().max(progress.oldest()),
                None => progress.next(),
            };
            slot.read_to(next);
        }
    }
}

fn place_of(slots: &[Slot], arrival: &Arrival<'_>) -> Option<usize> {
    let (topic, partition) = (arrival.topic(), arrival.partition());
    slots.iter().position(|slot| &*slot.held.topic == topic && slot.held.partition == partition)
}

impl Slot {
    /// Takes in one record. Delays are told while the partition is caught up.
    fn read(
        &mut self,
        record: &Record<'_>,
        settings: &Settings,
        delays: Option<(&LocalHistogram, EventTime)>,
        misrouted: &IntCounter,
    ) -> Result<(), Rejection> {
        let event = record.event(settings.limits.record_bytes)?;
        let (time, id) = match &event {
            Event::Contact(event) => (event.time, &event.contact_id),
            Event::Agent(event) => (event.time, &event.agent_id),
        };
        if record.key != Some(id.as_bytes()) {
            misrouted.inc();
        }
        if let Some((delays, wall)) = delays {
            delays.observe(Duration::from_millis(wall.millis().saturating_sub(time.millis())).as_secs_f64());
        }
        self.shard.apply(&event);
        Ok(())
    }

    /// Everything before `next` has been read.
    fn read_to(&mut self, next: i64) {
        self.held.progress.read(next);
        self.notice_the_present(next);
    }

    /// What was counted up to here is history, if this is where the present begins.
    fn notice_the_present(&mut self, next: i64) {
        if self.history.is_none() && self.held.live_from.get().is_some_and(|live_from| next >= *live_from) {
            self.history = Some((Arc::new(Counted::of(&self.shard, GroupBy::EACH)), next));
        }
    }

    /// What was counted since it caught up, lane by lane.
    fn counted(&self) -> Counted {
        let since = |(history, _): &(Arc<Counted>, i64)| Counted::of(&self.shard, GroupBy::EACH).since(history);
        self.history.as_ref().map(since).unwrap_or_default()
    }

    fn give(&self) -> Given {
        Given {
            held: Arc::clone(&self.held),
            next_offset: self.held.progress.next(),
            state: self.shard.freeze(),
            history: self.history.clone(),
        }
    }

    /// What its state is made of, by these settings.
    fn extent(&self) -> Extent {
        let input = self.shard.input();
        Extent {
            held: Arc::clone(&self.held),
            first: Some(self.held.first_offset).filter(|first| *first < self.held.progress.next()),
            next: self.held.progress.next(),
            stream_time: self.shard.stream_time(),
            counters_from: self.history.as_ref().map(|(_, from)| *from),
            beyond_limits: input.overflow_contacts + input.overflow_facts + input.overflow_lanes,
            settings: self.shard.shared_settings(),
        }
    }

    fn tell_customers(&mut self, changes: CustomerChanges, news: &Sender<CustomerNews>) {
        let is_news = std::mem::replace(&mut self.told_the_present, self.history.is_some());
        if !changes.is_empty() {
            let Held { topic, partition, .. } = &*self.held;
            // Whoever looks at the shards may have come to an end already.
            let _ = news.send(CustomerNews { topic: Arc::clone(topic), partition: *partition, changes, is_news });
        }
    }

    fn tell(&self, record: &Record<'_>, rejection: &Rejection, recurring: &Recurring, now: Instant) {
        let (topic, partition, offset) = (&*self.held.topic, self.held.partition, record.offset);
        recurring.tell(now, |held_back| {
            tracing::warn!(topic, partition, offset, held_back, "record rejected: {rejection}");
        });
    }

    fn tell_meters(&mut self, meters: &Meters) {
        let (input, orphans) = (self.shard.input(), self.shard.orphans_forgotten());
        let before = std::mem::replace(&mut self.told, Told { input, orphans });
        self.events.inc_by(input.events - before.input.events);
        meters.late.inc_by(input.late - before.input.late);
        meters.duplicate.inc_by(input.duplicate - before.input.duplicate);
        meters.lanes_overflow.inc_by(input.overflow_lanes - before.input.overflow_lanes);
        meters.contacts_overflow.inc_by(input.overflow_contacts - before.input.overflow_contacts);
        meters.agents_overflow.inc_by(input.overflow_agents - before.input.overflow_agents);
        meters.past_contacts_overflow.inc_by(input.overflow_past_contacts - before.input.overflow_past_contacts);
        meters.facts_overflow.inc_by(input.overflow_facts - before.input.overflow_facts);
        meters.orphan.inc_by(orphans - before.orphans);
        let stream_time = self.shard.stream_time().map_or(0, EventTime::millis);
        self.held.stream_time_ms.store(stream_time, Ordering::Relaxed);
    }
}
