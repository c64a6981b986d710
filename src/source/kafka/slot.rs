//! What a worker has of one partition: its shard, and where in it the present begins.
//!
//! Counters begin where a partition had its end when it was given to this process: what was counted before is kept, and taken
//! off whatever is told.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use prometheus::local::LocalHistogram;

use crate::engine::board::GroupBy;
use crate::engine::counted::Counted;
use crate::engine::customers::CustomerChanges;
use crate::engine::frozen::Frozen;
use crate::engine::outliers::{Fences, Outlier, Told};
use crate::engine::settings::Settings;
use crate::engine::shard::{Input, Shard};
use crate::event::rejection::Rejection;
use crate::event::{Event, EventTime};
use crate::log::Recurring;
use crate::meters::Meters;
use crate::source::kafka::held::Held;
use crate::source::kafka::queue::Record;
use crate::source::kafka::worker::CustomerNews;

/// What is known of a partition before its first record is read.
#[derive(Debug)]
pub struct Known {
    /// Its state.
    pub shard: Shard,
    /// What was counted before counters began, lane by lane, and the offset where they did; none if they have not.
    pub history: Option<(Counted, i64)>,
    /// What was told of outliers.
    pub outliers: Told,
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
    /// What was told of outliers.
    pub outliers: Told,
}

/// Which records of a partition its state is made of, and what they were judged by.
#[derive(Clone, PartialEq, Debug)]
pub struct Extent {
    /// The offset of the first record; none if there was none.
    pub first: Option<i64>,
    /// The offset after the last one.
    pub next: i64,
    /// The latest event time believed; none before the first few records.
    pub stream_time: Option<EventTime>,
    /// Counters count what the records from this offset on book; none while nothing is counted.
    pub counters_from: Option<i64>,
    /// Facts that a limit kept out, or had tallied elsewhere.
    pub beyond_limits: u64,
    /// The settings, with the rows of promises in force.
    pub settings: Arc<Settings>,
}

/// One partition's state.
pub struct Slot {
    /// Which partition.
    pub held: Arc<Held>,
    /// Its state.
    pub shard: Shard,
    /// What was counted before it caught up, lane by lane, and the offset where that ended; none before that.
    pub history: Option<(Arc<Counted>, i64)>,
    /// What was told of outliers.
    pub outliers: Told,
    /// Whether it had caught up when it was last told of its customers.
    told_the_present: bool,
    /// What the meters have been told.
    metered: Metered,
    events: IntCounter,
    /// What librdkafka said of the position before anything was read: that of an earlier assignment, if there was one.
    pub stale_position: Option<i64>,
}

/// What the meters have been told of a shard.
#[derive(Clone, Copy, Default)]
struct Metered {
    input: Input,
    orphans: u64,
    unnoted: u64,
}

impl Slot {
    /// What is known of a partition that comes, of whose position librdkafka says this before anything is read of it.
    pub fn new(
        held: Arc<Held>,
        known: Known,
        fences: &Fences,
        events: IntCounter,
        stale_position: Option<i64>,
    ) -> Slot {
        // What was read before this process is told by nobody's meters but those of whoever read it.
        let Known { mut shard, history, mut outliers } = known;
        let metered = Metered { input: shard.input(), orphans: shard.orphans_forgotten(), unnoted: shard.unnoted() };
        let history = history.map(|(history, from)| (Arc::new(history), from));
        shard.fence(&Arc::new(Fences { past: outliers.past().clone(), ..fences.clone() }));
        outliers.hand_noted(&mut shard);
        let mut slot =
            Slot { metered, shard, history, outliers, told_the_present: false, events, stale_position, held };
        slot.notice_the_present(slot.held.progress.next());
        slot
    }

    /// Takes in one record, though not yet as read: see [`Slot::read_to`]. Delays are told while the partition is caught up.
    ///
    /// # Errors
    /// It is no event.
    pub fn read(
        &mut self,
        record: &Record<'_>,
        settings: &Settings,
        delays: Option<(&LocalHistogram, EventTime)>,
        misrouted: &IntCounter,
    ) -> Result<(), Rejection> {
        // Also where there is no record just before the one that counting begins at.
        self.notice_the_present(record.offset);
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
    pub fn read_to(&mut self, next: i64) {
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
    pub fn counted(&self) -> Counted {
        let since = |(history, _): &(Arc<Counted>, i64)| Counted::of(&self.shard, GroupBy::EACH).since(history);
        self.history.as_ref().map(since).unwrap_or_default()
    }

    /// Beyond these fences contacts are noted from now on.
    pub fn fence(&mut self, fences: &Arc<Fences>) {
        self.shard.fence(fences);
        // Before there were any, whoever goes on with the partition would note nobody.
        if self.outliers.past().is_empty() && !fences.past.is_empty() {
            self.held.note_told();
        }
        self.outliers.set_past(&fences.past);
    }

    /// Those found beyond their fences at `now` that were not told before; from now on they were.
    pub fn new_outliers(&mut self, now: EventTime) -> Vec<Outlier> {
        let keep_ms = self.shard.settings().lifetimes.longest_hold_ms();
        let new = self.outliers.find(&mut self.shard, now, keep_ms);
        if !new.is_empty() {
            self.held.note_told();
        }
        new
    }

    /// What is known of it now.
    pub fn give(&self) -> Given {
        Given {
            held: Arc::clone(&self.held),
            next_offset: self.held.progress.next(),
            state: self.shard.freeze(),
            history: self.history.clone(),
            outliers: self.outliers.with_noted(&self.shard),
        }
    }

    /// What its state is made of, by these settings.
    pub fn extent(&self) -> Extent {
        let input = self.shard.input();
        Extent {
            first: Some(self.held.first_offset).filter(|first| *first < self.held.progress.next()),
            next: self.held.progress.next(),
            stream_time: self.shard.stream_time(),
            counters_from: self.history.as_ref().map(|(_, from)| *from),
            beyond_limits: input.overflow_contacts + input.overflow_facts + input.overflow_lanes,
            settings: self.shard.shared_settings(),
        }
    }

    /// Tells how what is remembered of customers has changed.
    pub fn tell_customers(&mut self, changes: CustomerChanges, news: &Sender<CustomerNews>) {
        let is_news = std::mem::replace(&mut self.told_the_present, self.history.is_some());
        if !changes.is_empty() {
            let Held { topic, partition, .. } = &*self.held;
            // Whoever looks at the shards may have come to an end already.
            let _ = news.send(CustomerNews { topic: Arc::clone(topic), partition: *partition, changes, is_news });
        }
    }

    /// Tells of a record that is no event.
    pub fn tell(&self, record: &Record<'_>, rejection: &Rejection, recurring: &Recurring, now: Instant) {
        let (topic, partition, offset) = (&*self.held.topic, self.held.partition, record.offset);
        recurring.tell(now, |held_back| {
            tracing::warn!(topic, partition, offset, held_back, "record rejected: {rejection}");
        });
    }

    /// Tells what was taken in since this was last called.
    pub fn tell_meters(&mut self, meters: &Meters) {
        let (input, orphans, unnoted) = (self.shard.input(), self.shard.orphans_forgotten(), self.shard.unnoted());
        let before = std::mem::replace(&mut self.metered, Metered { input, orphans, unnoted });
        self.events.inc_by(input.events - before.input.events);
        meters.late.inc_by(input.late - before.input.late);
        meters.duplicate.inc_by(input.duplicate - before.input.duplicate);
        meters.lanes_overflow.inc_by(input.overflow_lanes - before.input.overflow_lanes);
        meters.contacts_overflow.inc_by(input.overflow_contacts - before.input.overflow_contacts);
        meters.agents_overflow.inc_by(input.overflow_agents - before.input.overflow_agents);
        meters.past_contacts_overflow.inc_by(input.overflow_past_contacts - before.input.overflow_past_contacts);
        meters.facts_overflow.inc_by(input.overflow_facts - before.input.overflow_facts);
        meters.orphan.inc_by(orphans - before.orphans);
        meters.outliers_overflow.inc_by(unnoted - before.unnoted);
        self.held.note_stream_time(self.shard.stream_time());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::counters::Counter;
    use crate::engine::shard::Keep;
    use crate::engine::tally::Cell;
    use crate::source::kafka::held::Reach;

    #[test]
    fn counters_begin_at_an_offset_that_has_no_record() {
        let day_ms = 1_700_000_000_000;
        let assigned = EventTime::from_millis(day_ms).unwrap();
        let live_from = 10;
        let held = Held::new(Arc::from("calls"), 0, 7, Some(live_from), Reach::Everything, assigned);
        let meters = Meters::register(&prometheus::Registry::new()).unwrap();
        let settings = Arc::new(Settings::default());
        let shard = Shard::seeded(Arc::clone(&settings), Keep::Windows, 1);
        let known = Known { shard, history: None, outliers: Told::default() };
        let events = meters.events.with_label_values(&["calls"]);
        let mut slot = Slot::new(Arc::new(held), known, &Fences::default(), events, None);

        // What is between them are the marks of a transaction.
        for (offset, counted) in [(7, None), (8, None), (13, Some(1)), (14, Some(2))] {
            let payload = format!(
                r#"{{"type":"offered","contact_id":"c{offset}","queue":"q","channel":"voice","time":{day_ms}}}"#
            );
            let record = Record { offset, key: None, payload: Some(payload.as_bytes()), timestamp_ms: None };
            slot.read(&record, &settings, None, &meters.misrouted).unwrap();
            slot.read_to(offset + 1);
            let offered =
                slot.counted().counters.values().map(|counters| counters.of(Counter::Cell(Cell::Offered))).sum::<u64>();
            assert_eq!(slot.history.as_ref().map(|_| offered), counted, "after {offset}");
        }
    }
}
