//! Where reading a partition begins: behind its newest checkpoint that can be believed; or, without one, so far back that
//! every contact that can still be open is known.
//!
//! Without a checkpoint state is rebuilt from the log by reading it again, from the look-back on, or from the oldest record
//! if the topic does not reach so far, whatever the group had committed. More than is needed is never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::error::RDKafkaErrorCode;

use crate::checkpoint::shelf::Found as Shelved;
use crate::checkpoint::{Checkpoint, Head, Name, Place, Unusable};
use crate::clock;
use crate::engine::board::GroupBy;
use crate::engine::counted::Counted;
use crate::engine::shard::Shard;
use crate::event::EventTime;
use crate::kafka::trouble::Trouble;
use crate::meters::Meters;
use crate::source::kafka::brokers::{Brokers, Ends, Found, Partition};
use crate::source::kafka::held::{Held, Reach};
use crate::source::kafka::hub::Hub;
use crate::source::kafka::ledger::{self, Left, Resumed};
use crate::source::kafka::progress::Moment;
use crate::source::kafka::scribe::Scribe;
use crate::source::kafka::slot::Known;

/// A broker is given so long to say where partitions begin and end; the group waits meanwhile.
const LONGEST_QUESTION: Duration = Duration::from_secs(20);

/// A store that gives no answer is asked again for as long; and after this about no further partition, though it may only be
/// slow: the group expels members that take five minutes.
const LONGEST_SEARCH: Duration = Duration::from_secs(120);

/// And for each answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);

/// A log that ends before a checkpoint for longer was cut off.
const LONGEST_SHORT: Duration = Duration::from_secs(6);

/// Before brokers are asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Before a store is.
const PAUSE_OF_STORE: Duration = Duration::from_secs(1);

/// Finds where reading begins.
pub struct Recovery {
    hub: Arc<Hub>,
    brokers: Arc<Brokers>,
    /// None if no checkpoints are written.
    scribe: Option<Arc<Scribe>>,
    /// How far back reading begins without a checkpoint, in milliseconds before now, by the records' own timestamps.
    look_back_ms: u64,
    hash_seed: u64,
    meters: Meters,
    /// Whether partitions were given to this process before.
    has_begun: Mutex<bool>,
}

/// Where reading a partition begins.
pub struct Start {
    /// The offset to read from.
    pub offset: Offset,
    /// The partition, to be held.
    pub held: Held,
    /// What is known of it before.
    pub known: Option<Box<Known>>,
}

/// What was found out about checkpoints of a partition.
enum Sought {
    /// One can be used.
    Restored(Box<Restored>),
    /// There is none that can.
    Nothing,
    /// Nobody said in time. What is read now may be less than what a checkpoint holds, and is not to stand in its place.
    Unknown,
}

/// What was made of a checkpoint.
struct Restored {
    name: Name,
    head: Head,
    shard: Shard,
}

impl Recovery {
    /// For the partitions of this hub.
    pub fn new(
        hub: Arc<Hub>,
        brokers: Arc<Brokers>,
        scribe: Option<Arc<Scribe>>,
        look_back_ms: u64,
        hash_seed: u64,
        meters: Meters,
    ) -> Recovery {
        Recovery { hub, brokers, scribe, look_back_ms, hash_seed, meters, has_begun: Mutex::default() }
    }

    /// Where reading these partitions begins. A partition of which the broker says nothing in time is read from its
    /// beginning.
    pub fn starts(&self, partitions: &[Partition]) -> Vec<Start> {
        let ids = self.ask_about_topics(partitions);
        // The ends are asked for before all else: if no record is as young as the look-back, reading begins at that end,
        // and what comes between the two questions is read.
        let ends = self.ends(partitions);
        let sought = self.sought(partitions, &ids, &ends);
        let resumed = self.resumed(&sought);
        let wall = clock::wall();
        let since = wall.millis().checked_sub(self.look_back_ms);
        let found = match since {
            Some(since) if sought.iter().any(|sought| !matches!(sought, Sought::Restored(_))) => {
                self.brokers.since(partitions, since, LONGEST_ANSWER)
            }
            _ => vec![Found::Unknown; partitions.len()],
        };
        let mut starts = Vec::with_capacity(partitions.len());
        for (place, sought) in sought.into_iter().enumerate() {
            let (topic, partition) = &partitions[place];
            let is_unknown = matches!(sought, Sought::Unknown);
            let mut start = match sought {
                Sought::Restored(restored) => self.start_at_checkpoint(*restored, &resumed),
                Sought::Nothing | Sought::Unknown => {
                    let (found, ends) = (found[place], ends[place]);
                    let reach = reach(found, ends, since.unwrap_or(0));
                    self.start_in_log(&partitions[place], beginning(found, ends), ends, reach, wall)
                }
            };
            start.held.topic_id = ids.get(topic).filter(|_| !is_unknown).cloned();
            if start.held.holding == 0 {
                start.held.holding = RandomState::new().hash_one((topic, partition)).max(1);
            }
            starts.push(start);
        }
        starts
    }

    fn start_at_checkpoint(&self, restored: Restored, resumed: &Resumed) -> Start {
        let Restored { name: Name { place, next_offset, .. }, head, shard } = restored;
        let (topic, partition) = (place.topic, place.partition);
        tracing::info!(
            topic = &*topic,
            partition,
            from = next_offset,
            "partition assigned, restored from its checkpoint"
        );
        self.meters.restores.with_label_values(&["checkpoint"]).inc();
        let rows = &shard.settings().promises;
        if rows.len() > 1 && rows.last().is_some_and(|(from, _)| Some(*from) > shard.stream_time()) {
            tracing::info!(
                topic = &*topic,
                partition,
                "promises are others than before: they hold for what is offered from now on"
            );
        }
        let goes_on = resumed.goes_on.contains(&head.holding);
        // What this instance counted of an earlier holding of the partition is not counted again.
        let counted_to = self.hub.counted_to(&topic, &place.topic_id, partition);
        let begin = resumed.begin(&topic, partition);
        let history = match head.history {
            Some(history) if goes_on => Some(history),
            // Its history ends there, not here.
            _ if begin.is_some() => None,
            // Another one counted what came before.
            Some(_) if next_offset >= counted_to => Some((Counted::of(&shard, GroupBy::EACH), next_offset)),
            _ => None,
        };
        let live_from = begin.or_else(|| head.live_from.max(Some(counted_to).filter(|counted_to| *counted_to > 0)));
        let reach = if head.known_since_ms == 0 { Reach::Everything } else { Reach::Since(head.known_since_ms) };
        let mut held = Held::new(topic, partition, next_offset, live_from, reach, clock::wall());
        held.first_offset = head.first_offset;
        held.holding = if goes_on { head.holding } else { 0 };
        held.goes_on = goes_on;
        held.history_to = history.as_ref().map(|(_, from)| *from);
        held.checkpointed_ms = head.written_ms.into();
        Start {
            offset: Offset::Offset(next_offset),
            held,
            known: Some(Box::new(Known { shard, history, outliers: head.outliers })),
        }
    }

    fn start_in_log(
        &self,
        (topic, partition): &Partition,
        offset: Offset,
        ends: Option<Ends>,
        reach: Reach,
        wall: EventTime,
    ) -> Start {
        let first = if let Offset::Offset(offset) = offset { offset } else { 0 };
        let end = ends.map(|(_, end)| end);
        tracing::info!(topic, partition, from = first, to = end, "partition assigned");
        self.meters.restores.with_label_values(&["look_back"]).inc();
        let held = Held::new(Arc::from(topic.as_str()), *partition, first, end, reach, wall);
        Start { offset, held, known: None }
    }

    /// How counting goes on: decided when the first partitions come, before anything was counted.
    fn resumed(&self, sought: &[Sought]) -> Resumed {
        let (Some(scribe), false) = (&self.scribe, std::mem::replace(&mut *self.has_begun(), true)) else {
            return Resumed::default();
        };
        let left = restored(sought).map(|Restored { name, head, .. }| {
            let is_own = name.writer.instance == scribe.instance();
            Left { name, own: is_own.then_some(head.holding), ledger: &head.ledger }
        });
        let left: Vec<Left<'_>> = left.collect();
        let resumed = ledger::resume(&left);
        self.hub.carry(&resumed);
        resumed
    }

    /// What checkpoints say of these partitions, in their order.
    fn sought(&self, partitions: &[Partition], ids: &BTreeMap<String, Arc<str>>, ends: &[Option<Ends>]) -> Vec<Sought> {
        let Some(scribe) = &self.scribe else { return partitions.iter().map(|_| Sought::Nothing).collect() };
        let cores = thread::available_parallelism().map_or(1, usize::from).min(partitions.len()).max(1);
        let mut sought: Vec<Sought> = partitions.iter().map(|_| Sought::Unknown).collect();
        let share = partitions.len().div_ceil(cores).max(1);
        // For all together: the group waits.
        let started = clock::monotonic();
        let (deadline, latest) = (started + LONGEST_QUESTION, started + LONGEST_SEARCH);
        thread::scope(|scope| {
            let shares = sought.chunks_mut(share).zip(partitions.chunks(share)).zip(ends.chunks(share));
            for ((sought, partitions), ends) in shares {
                scope.spawn(move || {
                    for ((sought, (topic, partition)), ends) in sought.iter_mut().zip(partitions).zip(ends) {
                        let (Some(topic_id), Some(ends)) = (ids.get(topic), ends) else { continue };
                        if clock::monotonic() < latest && !self.hub.is_stopping() {
                            let place = scribe.place(topic, topic_id, *partition);
                            *sought = self.newest(scribe, &place, *ends, deadline);
                        }
                    }
                });
            }
        });
        self.remember_growth(&sought);
        sought
    }

    /// What the newest checkpoint of a partition that can be used says. `ends` are those of the log: whoever does not know
    /// them cannot tell whether a checkpoint fits.
    fn newest(&self, scribe: &Scribe, place: &Place, (oldest, mut end): Ends, deadline: Instant) -> Sought {
        let fit = |name: &Name, Checkpoint { head, state }: Checkpoint, end: i64| {
            if name.next_offset < oldest {
                return Err(Unusable::Outlived { oldest });
            }
            if name.next_offset > end {
                return Err(Unusable::CutOff { end });
            }
            let shard = Shard::decode_seeded(&state, &self.hub.settings(), self.hash_seed)?;
            Ok(Restored { name: name.clone(), head, shard })
        };
        let believed_at = deadline.min(clock::monotonic() + LONGEST_SHORT);
        let Shelved { newest, refused } = loop {
            match scribe.shelf().newest(place, |name, checkpoint| fit(name, checkpoint, end)) {
                // It may only seem so, while a new leader has yet to find out how far the log has come.
                Ok(found) if found.seems_cut_off() && clock::monotonic() < believed_at => {
                    thread::sleep(PAUSE_OF_STORE);
                    let asked = [(place.topic.to_string(), place.partition)];
                    if let Some(Ok((_, later))) = self.brokers.ends(&asked, LONGEST_ANSWER).into_iter().next() {
                        end = later;
                    }
                }
                Ok(found) => break found,
                Err(error) if clock::monotonic() < deadline && !self.hub.is_stopping() => {
                    tracing::warn!("checkpoints cannot be read at present: {error}");
                    thread::sleep(PAUSE_OF_STORE);
                }
                Err(error) => {
                    tracing::error!("checkpoints cannot be read: {error}; {place} is read from the look-back on");
                    return Sought::Unknown;
                }
            }
        };
        for refused in &refused {
            tracing::warn!("{} is not used: {}", refused.name, refused.why);
            // Other records will have its offsets one day, and it must not be taken for theirs.
            if matches!(refused.why, Unusable::CutOff { .. })
                && let Err(error) = scribe.shelf().discard(&refused.name)
            {
                tracing::warn!("{} is not removed: {error}", refused.name);
            }
        }
        match newest {
            Some((_, restored)) => Sought::Restored(Box::new(restored)),
            None if refused.is_empty() => Sought::Nothing,
            None => {
                tracing::warn!("no checkpoint of {place} can be used: its state is rebuilt from the look-back on");
                Sought::Nothing
            }
        }
    }

    /// A topic that got more partitions, since its checkpoints were written or before, has contacts spread over two of them;
    /// unless all that were open then are over.
    fn remember_growth(&self, sought: &[Sought]) {
        let is_spread = |topic: &str| {
            restored(sought).any(|other| *other.name.place.topic == *topic && other.shard.has_unfinished())
        };
        for Restored { name, head, .. } in restored(sought) {
            let topic = &*name.place.topic;
            let now = self.hub.topics().remove(topic).unwrap_or_default().partitions.unwrap_or(0);
            let has_grown = now > head.partitions && head.partitions > 0;
            if (!has_grown && head.grown.is_none()) || !is_spread(topic) {
                continue;
            }
            if let Some((seen_ms, before)) = head.grown {
                let seen = EventTime::from_millis(seen_ms).unwrap_or(EventTime::MAX);
                self.hub.remember_growth(topic, seen, before);
            }
            if has_grown {
                tracing::warn!(topic, before = head.partitions, now, "the topic has more partitions than before");
                self.hub.remember_growth(topic, clock::wall(), head.partitions);
            }
        }
    }

    /// What tells topics from others of the same name, as far as brokers say so in time.
    fn ask_about_topics(&self, partitions: &[Partition]) -> BTreeMap<String, Arc<str>> {
        let mut ids = BTreeMap::new();
        for topic in partitions.iter().map(|(topic, _)| topic).collect::<BTreeSet<_>>() {
            // So that partitions are asked about by their leaders; without an answer they are asked about together.
            let seen = Moment { wall: clock::wall(), at: clock::monotonic() };
            if let Ok(partitions) = self.brokers.partitions(topic, LONGEST_ANSWER) {
                self.hub.learn(topic, Ok(partitions), seen);
            }
            if self.scribe.is_none() {
                continue;
            }
            let deadline = clock::monotonic() + LONGEST_QUESTION;
            let id = loop {
                match self.brokers.topic_id(topic, LONGEST_ANSWER) {
                    Err(code) if clock::monotonic() < deadline && may_heal(code) && !self.hub.is_stopping() => {
                        tracing::info!(topic, %code, "brokers do not say yet which topic this is");
                        thread::sleep(PAUSE);
                    }
                    answer => break answer,
                }
            };
            match id {
                Ok(id) => {
                    self.hub.identify(topic, &id);
                    ids.insert(topic.clone(), id);
                }
                Err(RDKafkaErrorCode::UnsupportedVersion) => self.hub.fail(anyhow::anyhow!(
                    "brokers do not tell topics of the same name apart, which checkpoints need: that takes Kafka 2.8 or later; \
                     without [checkpoint] older ones will do"
                )),
                Err(code) => tracing::warn!(
                    topic,
                    %code,
                    "brokers do not say which topic this is: until they do, no checkpoint of it is used or written"
                ),
            }
        }
        ids
    }

    /// Where partitions begin and end, as far as brokers say so in time.
    fn ends(&self, partitions: &[Partition]) -> Vec<Option<Ends>> {
        let deadline = clock::monotonic() + LONGEST_QUESTION;
        let mut ends: Vec<Option<Ends>> = vec![None; partitions.len()];
        loop {
            let missing: Vec<usize> = (0..partitions.len()).filter(|&place| ends[place].is_none()).collect();
            if missing.is_empty() {
                return ends;
            }
            if clock::monotonic() >= deadline || self.hub.is_stopping() {
                tracing::warn!(
                    partitions = missing.len(),
                    "brokers do not say where partitions end: reading all there is"
                );
                return ends;
            }
            let asked: Vec<Partition> = missing.iter().map(|&place| partitions[place].clone()).collect();
            for (place, answer) in missing.into_iter().zip(self.brokers.ends(&asked, LONGEST_ANSWER)) {
                ends[place] = answer.ok();
            }
            if ends.contains(&None) {
                thread::sleep(PAUSE);
            }
        }
    }

    fn has_begun(&self) -> std::sync::MutexGuard<'_, bool> {
        self.has_begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether asking again may help.
fn may_heal(code: RDKafkaErrorCode) -> bool {
    !Trouble::of(code).is_lasting() && code != RDKafkaErrorCode::UnsupportedVersion
}

/// What can be used.
fn restored(sought: &[Sought]) -> impl Iterator<Item = &Restored> {
    sought.iter().filter_map(|sought| match sought {
        Sought::Restored(restored) => Some(&**restored),
        Sought::Nothing | Sought::Unknown => None,
    })
}

/// Where reading begins. `ends` are as they were before the look-back was looked for; none if the broker did not say.
fn beginning(found: Found, ends: Option<Ends>) -> Offset {
    match (found, ends) {
        (Found::At(offset), _) => Offset::Offset(offset),
        (Found::NothingSoYoung, Some((_, end))) => Offset::Offset(end),
        (Found::Unknown, Some((oldest, _))) => Offset::Offset(oldest),
        (_, None) => Offset::Beginning,
    }
}

/// From when on everything is known, with records read from there.
fn reach(found: Found, ends: Option<Ends>, since_ms: u64) -> Reach {
    match (found, ends) {
        // Nothing was ever removed: before its first record there was nothing.
        (Found::At(0), Some((0, _))) => Reach::Everything,
        (Found::Unknown, Some((0, _))) | (Found::NothingSoYoung, Some((0, 0))) => Reach::Everything,
        // What is younger than the look-back may have been removed too.
        (Found::At(offset), Some((oldest, _))) if offset > oldest => Reach::Since(since_ms),
        (Found::NothingSoYoung, Some(_)) => Reach::Since(since_ms),
        _ => Reach::SinceTheFirstRecord,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_begins_at_the_look_back_or_where_the_topic_does() {
        for (found, ends, offset, known) in [
            (Found::At(50), Some((10, 90)), Offset::Offset(50), Reach::Since(7)),
            // The topic does not reach back so far: older records were removed.
            (Found::At(10), Some((10, 90)), Offset::Offset(10), Reach::SinceTheFirstRecord),
            (Found::At(9), Some((10, 90)), Offset::Offset(9), Reach::SinceTheFirstRecord),
            // Or there never were any.
            (Found::At(0), Some((0, 90)), Offset::Offset(0), Reach::Everything),
            (Found::At(50), None, Offset::Offset(50), Reach::SinceTheFirstRecord),
            // What came after the first question is read.
            (Found::NothingSoYoung, Some((10, 90)), Offset::Offset(90), Reach::Since(7)),
            (Found::NothingSoYoung, Some((0, 0)), Offset::Offset(0), Reach::Everything),
            (Found::NothingSoYoung, None, Offset::Beginning, Reach::SinceTheFirstRecord),
            (Found::Unknown, Some((10, 90)), Offset::Offset(10), Reach::SinceTheFirstRecord),
            (Found::Unknown, Some((0, 90)), Offset::Offset(0), Reach::Everything),
            (Found::Unknown, None, Offset::Beginning, Reach::SinceTheFirstRecord),
        ] {
            assert_eq!((beginning(found, ends), reach(found, ends, 7)), (offset, known), "{found:?} {ends:?}");
        }
    }
}
