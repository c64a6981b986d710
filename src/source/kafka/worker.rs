//! A thread that holds partitions: it alone reads and changes their shards, so nothing is locked on the way of a record.
//!
//! Between batches it does what it is ordered: takes a partition, gives one up, says what its shards show. It decides
//! nothing about time: what is looked at, and for which instant, is told in the order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use prometheus::local::LocalHistogram;
use rdkafka::consumer::ConsumerContext;

use crate::clock;
use crate::engine::account::Account;
use crate::engine::arrivals::{self, QueueArrivals};
use crate::engine::board::{GroupBy, GroupKey};
use crate::engine::breach::{self, Trails};
use crate::engine::counted::Counted;
use crate::engine::customers::CustomerChanges;
use crate::engine::outliers::{Aspect, Fences, Outlier, Told};
use crate::engine::settings::Settings;
use crate::engine::shard::{Keep, Shard};
use crate::engine::view::View;
use crate::event::EventTime;
use crate::event::rejection::RejectionReason;
use crate::log::Recurring;
use crate::meters::Meters;
use crate::source::kafka::held::Held;
use crate::source::kafka::letters::DeadLetters;
use crate::source::kafka::outliers::OutlierLetters;
use crate::source::kafka::queue::{Arrival, Content, Origin, Queue};
use crate::source::kafka::slot::{Extent, Given, Known, Slot};

/// Orders are looked at this often when nothing arrives.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// Offsets without a record are looked for this often.
const OTHERS_EVERY: Duration = Duration::from_millis(100);

/// What a worker is told to do between batches.
pub enum Order {
    /// Hold this partition from now on, with what is known of it; it is not assigned before this has been answered.
    Take(Arc<Held>, Option<Box<Known>>, Sender<()>),
    /// Hold it no longer, and say what was known of it at the end, and what was counted of it, lane by lane; nothing if it
    /// was not held.
    Release(Arc<Held>, Sender<Option<(Given, Counted)>>),
    /// Say what is known of it now; nothing if it is not held.
    Freeze(Arc<Held>, Sender<Option<Given>>),
    /// Say what the shards show.
    Look(Ask, Sender<Look>),
    /// What is promised is this from now on, in the partitions held and in those to come.
    Adopt(Arc<Settings>),
    /// Say what is known of the contact of this id; nothing if it is not held.
    Account(Arc<str>, Sender<Option<Account>>),
    /// Come to an end.
    Stop,
}

/// What a worker is asked at a look.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What its shards show.
    pub gaze: Gaze,
    /// From then on these fences hold, if there are any.
    pub fences: Option<Arc<Fences>>,
    /// The instant before which arrivals are to be told as well; none if they are not.
    pub arrivals_until: Option<EventTime>,
}

/// What is asked of the shards of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gaze {
    /// Only what was counted.
    Counters,
    /// What they show at this instant.
    View(EventTime),
    /// And, since another slot has passed, what breaches are judged by, and who is out of all proportion.
    Edge(EventTime),
}

impl Gaze {
    /// The instant, if there is one.
    fn instant(self) -> Option<EventTime> {
        match self {
            Gaze::Counters => None,
            Gaze::View(now) | Gaze::Edge(now) => Some(now),
        }
    }
}

/// What the shards of a worker show.
#[derive(Debug, Default)]
pub struct Look {
    /// At the instant of the order.
    pub view: Option<View>,
    /// What breaches are judged by; empty unless it was asked for.
    pub trails: Trails,
    /// What was offered to each queue, shard by shard; empty unless it was asked for.
    pub arrivals: Vec<BTreeMap<String, QueueArrivals>>,
    /// The latest outliers of each partition.
    pub outliers: Vec<Arc<Vec<Outlier>>>,
    /// How many outliers this worker told of.
    pub outlier_counts: BTreeMap<(GroupKey, Aspect), u64>,
    /// What was counted since the partitions caught up, those given up since included.
    pub counted: Counted,
    /// Whether some of it is of partitions given up since.
    pub counted_before: bool,
    /// What it is made of, partition by partition.
    pub extents: Vec<(Arc<Held>, Extent)>,
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
    /// Where outliers go.
    pub outliers: OutlierLetters,
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
    /// How many outliers were told, whoever holds their partitions now.
    outlier_counts: BTreeMap<(GroupKey, Aspect), u64>,
    settings: Arc<Settings>,
    by: GroupBy,
    /// Those that hold, for partitions to come too.
    fences: Arc<Fences>,
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
        fences: Arc<Fences>,
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
            outlier_counts: BTreeMap::new(),
            settings,
            by: fences.by,
            fences,
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
            // Without room for the dead letters of a batch, or for outliers, none is read.
            let Lines { letters, outliers, .. } = &self.lines;
            if letters.as_ref().is_none_or(|letters| letters.wait_for_room(LONGEST_WAIT))
                && outliers.wait_for_room(LONGEST_WAIT)
            {
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
            Order::Look(ask, reply) => {
                let _ = reply.send(self.look(ask));
            }
            Order::Adopt(settings) => {
                self.slots.iter_mut().for_each(|slot| slot.shard.adopt(settings.promised()));
                self.settings = settings;
            }
            Order::Account(contact_id, reply) => {
                let account =
                    self.slots.iter().filter_map(|slot| slot.shard.account(&contact_id)).max_by_key(Account::facts);
                let _ = reply.send(account);
            }
            Order::Stop => {}
        }
    }

    fn take(&mut self, held: Arc<Held>, known: Option<Box<Known>>) {
        self.release(&held);
        self.queue.lead_here(&held.topic, held.partition);
        let nothing = || {
            let shard = Shard::seeded(Arc::clone(&self.settings), Keep::Windows, self.hash_seed);
            Box::new(Known { shard, history: None, outliers: Told::default() })
        };
        let known = *known.unwrap_or_else(nothing);
        let events = self.meters.events.with_label_values(&[&*held.topic]);
        let position = self.queue.position(&held.topic, held.partition);
        let mut slot = Slot::new(held, known, &self.fences, events, position);
        // What was read from a checkpoint may be of other promises than those of the last reload.
        slot.shard.adopt(self.settings.promised());
        slot.tell_meters(&self.meters);
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

    fn look(&mut self, Ask { gaze, fences, arrivals_until }: Ask) -> Look {
        if let Some(fences) = fences {
            self.slots.iter_mut().for_each(|slot| slot.fence(&fences));
            self.fences = fences;
        }
        if let Gaze::Edge(now) = gaze {
            self.tell_outliers(now);
        }
        for slot in &mut self.slots {
            let changes = slot.shard.take_customer_changes(self.by);
            slot.tell_customers(changes, &self.lines.customer_news);
        }
        let shards: Vec<&Shard> = self.slots.iter().map(|slot| &slot.shard).collect();
        let mut counted = self.counted.clone();
        for slot in &self.slots {
            counted.add(&slot.counted());
        }
        let view = gaze.instant().map(|now| {
            let started = clock::monotonic();
            let view = View::of(&shards, now, self.by);
            self.meters.view_duration.observe(started.elapsed().as_secs_f64());
            view
        });
        let trails = match gaze {
            Gaze::Edge(now) => breach::trails(&shards, now, self.by),
            Gaze::Counters | Gaze::View(_) => Trails::new(),
        };
        Look {
            view,
            trails,
            arrivals: arrivals_until
                .map_or_else(Vec::new, |until| shards.iter().map(|shard| arrivals::arrivals(shard, until)).collect()),
            outliers: self.slots.iter().map(|slot| Arc::clone(slot.outliers.latest())).collect(),
            outlier_counts: self.outlier_counts.clone(),
            counted: counted.grouped(self.by),
            counted_before: !self.counted.is_empty(),
            extents: self.slots.iter().map(|slot| (Arc::clone(&slot.held), slot.extent())).collect(),
            contacts: shards.iter().map(|shard| shard.contacts()).sum(),
            agents: shards.iter().map(|shard| shard.agents()).sum(),
            past_contacts: shards.iter().map(|shard| shard.past_contacts()).sum(),
            lanes: shards.iter().map(|shard| shard.lanes()).sum(),
        }
    }

    fn tell_outliers(&mut self, now: EventTime) {
        for slot in &mut self.slots {
            for outlier in slot.new_outliers(now) {
                let [queue, channel, tier] = outlier.crossing.lane.clone().map(Some);
                let key = GroupKey { queue, channel, tier }.only(self.by);
                *self.outlier_counts.entry((key, outlier.crossing.aspect)).or_default() += 1;
                self.lines.outliers.tell(&slot.held, &outlier, clock::monotonic());
            }
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
                        slot.held.note_record(record.timestamp_ms);
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
                None if slot.held.is_unread() => progress.next().max(progress.oldest()),
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
