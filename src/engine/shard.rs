//! One partition's state, and the only way to change it: a fact is inserted, and the difference between the fold before
//! and after is booked.
//!
//! A shard has no clock and does no I/O. Everything in it is a function of the records it was given, in their order;
//! what it shows (see [`board`](super::board)) is a function of it and of the instant asked about. Its bytes are made
//! in [`codec`](super::codec).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::engine::agents::Agents;
use crate::engine::arrivals::Arrivals;
use crate::engine::board::GroupBy;
use crate::engine::clock::StreamClock;
use crate::engine::contact::{Around, Effort, Life, Lives, fold, fold_with_last};
use crate::engine::counters::{Changes, Counters};
use crate::engine::cumulative::{self, Corrections, Edges};
use crate::engine::customers::{self, CustomerChanges, Customers, LifeId, LifeTold, Offer, told};
use crate::engine::experience::{self, Retracted};
use crate::engine::fact::{Fact, FactKind, Facts, Inserted};
use crate::engine::lane::{Lanes, Numbered};
use crate::engine::outliers::Crossing;
use crate::engine::page::Change;
use crate::engine::settings::Settings;
use crate::engine::stay::{Booking, Bookings, Stay};
use crate::engine::store::{Contact, Contacts, Handle};
use crate::event::{ContactEvent, Event, EventTime, Kind};

mod adopt;
mod forget;

/// What is kept of the past.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Every slot at its finest, for reports over everything.
    Everything,
    /// What the windows can still show: slots turn coarse after some hours and are dropped when no window reaches them.
    Windows,
}

/// What became of the events, as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Input {
    /// Events taken in.
    pub events: u64,
    /// Facts known already.
    pub duplicate: u64,
    /// Facts too late to be applied.
    pub late: u64,
    /// Facts of contacts that were never offered.
    pub orphan: u64,
    /// Facts that belong to a visit although they are earlier than its offer.
    pub skew: u64,
    /// Facts that contradict others.
    pub conflict: u64,
    /// Contacts that were forgotten unfinished.
    pub expired: u64,
    /// Facts of contacts for which there was no room.
    pub overflow_contacts: u64,
    /// Facts of a contact or of an agent that had too many.
    pub overflow_facts: u64,
    /// Facts of agents for whom there was no room.
    pub overflow_agents: u64,
    /// Facts tallied as `_other`, wholly or in part.
    pub overflow_lanes: u64,
    /// Contacts of known customers that are not remembered for want of room.
    pub overflow_past_contacts: u64,
}

impl Input {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Input) {
        self.events += other.events;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.orphan += other.orphan;
        self.skew += other.skew;
        self.conflict += other.conflict;
        self.expired += other.expired;
        self.overflow_contacts += other.overflow_contacts;
        self.overflow_facts += other.overflow_facts;
        self.overflow_agents += other.overflow_agents;
        self.overflow_lanes += other.overflow_lanes;
        self.overflow_past_contacts += other.overflow_past_contacts;
    }
}

/// The state of one partition.
#[derive(Clone, Debug)]
pub struct Shard {
    pub(super) settings: Arc<Settings>,
    pub(super) keep: Keep,
    pub(super) clock: StreamClock,
    pub(super) lanes: Lanes,
    /// What was offered before what the pages of lanes hold.
    pub(super) arrivals: Arrivals,
    pub(super) contacts: Contacts,
    pub(super) agents: Agents,
    pub(super) customers: Customers,
    pub(super) input: Input,
    /// What was counted and then taken back.
    pub(super) corrections: Counters,
    /// The same of durations.
    pub(super) corrected: Corrections,
    /// The same of ratings and outcomes.
    pub(super) retracted: Retracted,
    /// Facts of contacts that were forgotten without ever having been offered.
    pub(super) orphans_forgotten: u64,
    /// The page up to which lanes have aged.
    pub(super) aged_to: u64,
    /// Where the cells of histograms end.
    edges: Arc<Edges>,
    /// Whose end was booked beyond a fence since somebody last asked. Not encoded here, but with what was told.
    pub(super) noted: Vec<Crossing>,
    /// How many of them there was no room for.
    pub(super) unnoted: u64,
}

impl Shard {
    /// An empty shard.
    pub fn new(settings: Arc<Settings>, keep: Keep) -> Shard {
        Shard::seeded(settings, keep, 0)
    }

    /// An empty shard whose contacts are hashed with this seed. It changes nothing that can be seen, but where contact
    /// ids come from strangers, it has to be one that nobody can guess.
    pub fn seeded(settings: Arc<Settings>, keep: Keep, seed: u64) -> Shard {
        Shard {
            lanes: Lanes::new(Arc::clone(&settings)),
            arrivals: Arrivals::default(),
            agents: Agents::new(&settings),
            customers: Customers::new(&settings, keep),
            edges: Arc::new(Edges::of(&settings)),
            settings,
            keep,
            clock: StreamClock::default(),
            contacts: Contacts::seeded(seed),
            input: Input::default(),
            corrections: Counters::default(),
            corrected: Corrections::default(),
            retracted: Retracted::default(),
            orphans_forgotten: 0,
            aged_to: 0,
            noted: Vec::new(),
            unnoted: 0,
        }
    }

    /// Takes in the next event.
    pub fn apply(&mut self, event: &Event<'_>) {
        match event {
            Event::Contact(event) => {
                self.observe(event.time);
                self.insert(event);
            }
            Event::Agent(event) => {
                self.observe(event.time);
                self.insert_agent(event);
            }
        }
        self.input.events += 1;
    }

    /// Takes in the time of an event that another shard of the same log applies, so that both know the same stream time.
    pub fn observe(&mut self, time: EventTime) {
        self.clock.observe(time);
        self.forget();
    }

    /// What became of the events so far.
    pub fn input(&self) -> Input {
        self.input
    }

    /// Stream time: the latest event time believed; none before the first few records.
    pub fn stream_time(&self) -> Option<EventTime> {
        self.clock.now().and_then(EventTime::from_millis)
    }

    /// The latest event time at the end of the input: what nothing refuted is believed. None without any event.
    pub fn end(&self) -> Option<EventTime> {
        self.clock.end().and_then(EventTime::from_millis)
    }

    /// What was counted and then taken back, of all lanes.
    pub fn corrections(&self) -> Counters {
        self.corrections
    }

    /// Facts of contacts that were forgotten without ever having been offered.
    pub fn orphans_forgotten(&self) -> u64 {
        self.orphans_forgotten
    }

    /// Contacts that are held.
    pub fn contacts(&self) -> usize {
        self.contacts.count()
    }

    /// Whether any contact that is held is unfinished, or has several lives: events of it may still come.
    pub fn has_unfinished(&self) -> bool {
        self.contacts.iter().any(|(_, contact)| contact.settled_until == Contact::UNSETTLED)
    }

    /// Agents that are held.
    pub fn agents(&self) -> usize {
        self.agents.count()
    }

    /// Contacts of known customers that are remembered although they are held no longer.
    pub fn past_contacts(&self) -> usize {
        self.customers.count()
    }

    /// How what is remembered of customers has changed since this was last asked; at first, all of it. It is noted only
    /// from the first time on, and taking it changes nothing that is encoded or shown.
    pub fn take_customer_changes(&mut self, by: GroupBy) -> CustomerChanges {
        let Shard { customers, contacts, settings, lanes, .. } = self;
        customers.take_changes(|| customers::held_lives(contacts, lanes, settings), lanes, by)
    }

    /// The lives of all contacts whose customer is known, those held and those past.
    pub(super) fn lives(&self) -> Vec<(LifeId, LifeTold)> {
        let mut lives = self.customers.past();
        lives.extend(customers::held_lives(&self.contacts, &self.lanes, &self.settings));
        lives.sort_unstable_by_key(|(id, _)| *id);
        lives
    }

    /// Lanes that were seen.
    pub fn lanes(&self) -> usize {
        self.lanes.iter().len()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The same, to be kept.
    pub fn shared_settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// A fact before this is late, unless its contact is held, in milliseconds.
    pub(super) fn earliest(&self) -> u64 {
        self.clock.now().unwrap_or(0).saturating_sub(self.settings.lifetimes.lateness_ms)
    }

    fn insert(&mut self, event: &ContactEvent<'_>) {
        let time = event.time.millis();
        let earliest = self.earliest();
        let held = self.contacts.find(&event.contact_id);
        let floor = held.map_or(earliest, |handle| self.contacts.held(handle).floor);
        if time < floor {
            self.input.late += 1;
            return;
        }
        if held.is_none() && self.contacts.count() >= self.settings.limits.contacts {
            self.input.overflow_contacts += 1;
            return;
        }
        let fact = self.fact(event);
        let handle = held.unwrap_or_else(|| self.contacts.insert(&event.contact_id, floor));
        if let Some(customer_id) = &event.customer_id {
            self.learn_customer(handle, customer_id);
        }
        self.insert_fact(handle, &fact);
    }

    /// A contact is of the customer with the least hash of those that its events tell, known ones too, so that their order
    /// does not matter. That holds for as long as the id is held: of two lives of one id that tell different customers,
    /// the second keeps that of the first if it began before that was forgotten.
    fn learn_customer(&mut self, handle: Handle, customer_id: &str) {
        if self.settings.customers.repeat_within.is_empty() {
            return;
        }
        let (before, customer) = (self.contacts.held(handle).customer, self.settings.customers.key.hash(customer_id));
        if before != 0 && before <= customer {
            return;
        }
        self.contacts.held_mut(handle).customer = customer;
        if self.customers.is_asked() {
            let told = told(&self.fold(&self.contacts.held(handle).facts));
            self.note_customer(handle, (before, &told), (customer, &told));
        }
    }

    /// Notes the difference between what two folds of one contact tell of its customer, each with the hash of its id.
    fn note_customer(&mut self, handle: Handle, before: (u64, &[Offer]), after: (u64, &[Offer])) {
        if before == after {
            return;
        }
        let contact = self.contacts.held(handle);
        let key = &self.settings.customers.key;
        let [before, after] = [before, after]
            .map(|(customer, told)| customers::ids(key, customer, contact, told).collect::<SmallVec<[_; 1]>>());
        self.customers.note(&before, &after);
    }

    fn insert_fact(&mut self, handle: Handle, fact: &Fact) {
        let mut around = Around::default();
        if !self.insert_between(handle, fact, &mut around) {
            return;
        }
        let Around { before, after } = &around;
        self.book(handle, before, after);
        self.note(before, after);
        self.list(handle, before, after);
        let customer = self.contacts.held(handle).customer;
        if customer != 0 && self.customers.is_asked() {
            self.note_customer(handle, (customer, &told(before)), (customer, &told(after)));
        }
        self.plan(handle, after);
        // What it tells of may be over already.
        self.forget();
    }

    /// Adds a fact to its contact and tells whether that changes anything; what does not is counted. `around`, which is
    /// empty, becomes the lives before and after.
    fn insert_between(&mut self, handle: Handle, fact: &Fact, around: &mut Around) -> bool {
        let limit = self.settings.limits.facts;
        let facts = &mut self.contacts.held_mut(handle).facts;
        if facts.words().len() >= limit && facts.count() >= limit && !facts.contains(fact) {
            return self.insert_at_the_limit(handle, fact, around);
        }
        let inserted = facts.insert(fact);
        let facts = &self.contacts.held(handle).facts;
        match inserted {
            Inserted::Duplicate => self.input.duplicate += 1,
            Inserted::Last => fold_with_last(facts, &self.lanes, self.settings.lifetimes.settle_ms, around),
            Inserted::Between => *around = Around { before: self.fold(&facts.without(fact)), after: self.fold(facts) },
        }
        inserted != Inserted::Duplicate
    }

    /// The same for a contact that has as many facts as it may: what decides a visit is worth more than what was said
    /// meanwhile.
    fn insert_at_the_limit(&mut self, handle: Handle, fact: &Fact, around: &mut Around) -> bool {
        self.input.overflow_facts += 1;
        let mut facts = self.contacts.held(handle).facts.clone();
        if !fact.decides() || !facts.forget_one_that_decides_nothing() {
            return false;
        }
        facts.insert(fact);
        *around = Around { before: self.fold(&self.contacts.held(handle).facts), after: self.fold(&facts) };
        self.contacts.held_mut(handle).facts = facts;
        true
    }

    pub(super) fn fold(&self, facts: &Facts) -> Lives {
        fold(facts, &self.lanes, self.settings.lifetimes.settle_ms)
    }

    /// What the event says, in numbers. A name beyond the limits is counted here.
    fn fact(&mut self, event: &ContactEvent<'_>) -> Fact {
        let mut cut = false;
        let mut note = |numbered: Numbered| {
            cut |= numbered.cut;
            numbered.number
        };
        let lanes = &mut self.lanes;
        let (kind, lane) = match &event.kind {
            Kind::Offered { queue, channel, tier } => {
                (FactKind::Offered, Some(note(lanes.number(queue, channel, tier))))
            }
            Kind::Answered => (FactKind::Answered, None),
            Kind::Abandoned => (FactKind::Abandoned, None),
            Kind::Left(reason) => (FactKind::Left(*reason), None),
            Kind::Completed(parts) => (FactKind::Completed(*parts), None),
            Kind::CustomerMessage => (FactKind::CustomerMessage, None),
            Kind::AgentReply => (FactKind::AgentReply, None),
            Kind::Paused => (FactKind::Paused, None),
            Kind::Resumed => (FactKind::Resumed, None),
            Kind::Resolved => (FactKind::Resolved, None),
            Kind::Reopened => (FactKind::Reopened, None),
            Kind::Rated { survey, score } => {
                (FactKind::Rated(note(lanes.topics.numbered(survey)), score.to_bits()), None)
            }
            Kind::Outcome { name, amount } => {
                (FactKind::Outcome(note(lanes.topics.numbered(name)), amount.map(f64::to_bits)), None)
            }
        };
        let named = || event.queue.as_deref().map_or(0, |queue| note(lanes.queues.numbered(queue)) + 1);
        let place = lane.unwrap_or_else(named);
        self.input.overflow_lanes += u64::from(cut);
        Fact { time: event.time.millis(), kind, place }
    }

    /// Books the difference between two folds of one contact.
    fn book(&mut self, handle: Handle, before: &[Life], after: &[Life]) {
        self.count(before, after);
        let mut old = before.iter().flat_map(|life| &life.stays);
        let mut new = after.iter().flat_map(|life| &life.stays);
        let (mut changes, mut durations) = (Changes::default(), cumulative::Changes::default());
        loop {
            let (old, new) = (old.next(), new.next());
            if old.is_none() && new.is_none() {
                break;
            }
            if old == new {
                continue;
            }
            let (taken, booked) = (old.map_or(NOTHING, Stay::bookings), new.map_or(NOTHING, Stay::bookings));
            for (taken, booked) in taken.iter().zip(&booked).filter(|(taken, booked)| taken != booked) {
                self.change(Change::TakeBack, handle, taken.as_ref());
                self.change(Change::Book, handle, booked.as_ref());
                durations.note(taken.as_ref(), booked.as_ref());
                if let (Some(booked), Some(stay)) = (booked, new) {
                    self.watch(handle, booked, stay.measured_from(booked));
                }
            }
            changes.note(old, new);
        }
        let effort = |lives| <[Life]>::iter(lives).flat_map(|life| &life.effort);
        if effort(before).ne(effort(after)) {
            for Effort { booking, .. } in effort(before) {
                self.change(Change::TakeBack, handle, Some(booking));
                changes.note_effort(booking, -1);
                durations.note(Some(booking), None);
            }
            for Effort { booking, since } in effort(after) {
                self.change(Change::Book, handle, Some(booking));
                changes.note_effort(booking, 1);
                durations.note(None, Some(booking));
                self.watch(handle, booking, *since);
            }
        }
        changes.apply(&mut self.lanes, &mut self.corrections);
        durations.apply(&self.edges, &mut self.lanes, &mut self.corrected);
    }

    /// Books the difference of what was said.
    fn note(&mut self, before: &[Life], after: &[Life]) {
        let difference = experience::difference(before, after);
        if difference.is_empty() {
            return;
        }
        for note in &difference.taken_back {
            self.lanes.notes_mut(note.whose).change(Change::TakeBack, note);
        }
        for note in &difference.booked {
            self.lanes.notes_mut(note.whose).change(Change::Book, note);
        }
        for experience::Change { whose, up, down } in experience::changes(&difference) {
            self.lanes.notes_mut(whose).heard.add(&up);
            self.retracted += down;
        }
    }

    /// Lists who waits now and strikes who waits no longer. Lives may have been cut anew, so the same stay can be found at
    /// another place than before: all are struck before any is listed.
    fn list(&mut self, handle: Handle, before: &[Life], after: &[Life]) {
        let waiting = |lives| {
            let stays = <[Life]>::iter(lives).flat_map(|life| &life.stays).filter(|stay| stay.is_open());
            stays.map(|stay| (stay.lane, stay.undecided(handle))).collect::<SmallVec<[_; 1]>>()
        };
        let (waited, waits) = (waiting(before), waiting(after));
        for (lane, stay) in waited.iter().filter(|waited| !waits.contains(waited)) {
            self.lanes.lane_mut(*lane).waiting.remove(*stay);
        }
        for (lane, stay) in waits.iter().filter(|waits| !waited.contains(waits)) {
            self.lanes.lane_mut(*lane).waiting.insert(*stay);
        }
    }

    fn change(&mut self, change: Change, handle: Handle, booking: Option<&Booking>) {
        let Some(Booking { lane, speaks, time, cells, measured }) = booking else { return };
        let lane = self.lanes.lane_mut(*lane);
        if !lane.pages.count(change, *time, *speaks, *cells) {
            self.arrivals.change(change, lane.queue, *time, *speaks, *cells);
        }
        if let Some(measured) = measured {
            lane.pages.measure(change, *time, *speaks, *measured, handle);
        }
    }

    fn count(&mut self, before: &[Life], after: &[Life]) {
        for life in after {
            self.input.skew += u64::from(life.skew);
            self.input.conflict += u64::from(life.conflict);
            self.input.orphan += u64::from(life.orphan);
        }
        for life in before {
            self.input.skew -= u64::from(life.skew);
            self.input.conflict -= u64::from(life.conflict);
            self.input.orphan -= u64::from(life.orphan);
        }
    }
}

const NOTHING: Bookings = [None; 6];
