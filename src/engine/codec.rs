//! A shard as bytes and back.
//!
//! The bytes are a function of what the shard holds, not of how it came to hold it: contacts and agents by id, slots
//! by time. So two
//! shards that took in the same log have the same bytes, wherever one of them was stopped and continued in between.
//! What can be derived (who waits, when to forget whom) is derived again on reading.
//!
//! Layout: magic, format version, the body (postcard), and a hash over everything before it. The body begins with the
//! settings that cannot change while state is kept, and the table of promises. Bytes that fail any of this are refused with
//! the reason; nothing is guessed.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::agents::Agents;
use crate::engine::agents::body::AgentsBody;
use crate::engine::arrivals::{Arrivals, ArrivalsBody};
use crate::engine::clock::StreamClock;
use crate::engine::counters::Counters;
use crate::engine::cumulative::{Corrections, Histograms};
use crate::engine::customers::{Customers, LifeId, LifeTold, in_order};
use crate::engine::experience::{Notes, NotesBody, Retracted};
use crate::engine::fact::{Fact, FactKind, Facts};
use crate::engine::frozen::{Frozen, FrozenLane};
use crate::engine::lane::{Names, UNKNOWN, UNKNOWN_NUMBER, hash_of};
use crate::engine::mark::Mark;
use crate::engine::page::Pages;
use crate::engine::settings::Settings;
use crate::engine::settings::table::{Fixed, NoTable, TableBody};
use crate::engine::shard::{Input, Keep, Shard};
use crate::engine::store::{Handle, Records};

const MAGIC: [u8; 8] = *b"HOLDLINE";

/// The version of the layout and of the rules that made what is in it.
pub const FORMAT: u32 = 6;

/// Magic, version.
const HEADER: usize = 8 + 4;
const HASH: usize = 8;

/// Why bytes are no shard.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DecodeError {
    /// They do not begin as a shard does.
    #[error("these bytes are no encoded shard")]
    Foreign,
    /// They are of a version this program does not read.
    #[error("the shard is encoded in format {0}, this program reads format {FORMAT}")]
    Version(u32),
    /// They are torn or changed.
    #[error("the encoded shard is damaged: its hash does not match")]
    Damaged,
    /// They were made under settings that would have booked otherwise: which ones.
    #[error("the shard was encoded under other settings: {0} differ")]
    OtherSettings(String),
    /// A calendar opens otherwise than it did, though it is made of the same: its name.
    #[error(
        "the calendar {0:?} opens at other times than when the shard was encoded: clocks of its zone are set otherwise"
    )]
    OtherHours(String),
    /// They are whole, but hold what no shard holds.
    #[error("the encoded shard contradicts itself: {0}")]
    Contradictory(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    fixed: Fixed,
    promises: TableBody,
    everything: bool,
    believed: Option<u64>,
    doubted: Vec<u64>,
    input: Input,
    corrections: Counters,
    corrected: Corrections,
    retracted: Retracted,
    orphans_forgotten: u64,
    aged_to: u64,
    /// Names of queues, of channels and tiers, of surveys and outcomes.
    #[serde(borrow)]
    names: [Vec<&'a str>; 3],
    #[serde(borrow)]
    lanes: Vec<LaneBody<'a>>,
    arrivals: ArrivalsBody,
    /// Notes without a lane, by the number of the queue named plus one; 0 where none is.
    unknown: Vec<(u32, NotesBody)>,
    #[serde(borrow)]
    contacts: Vec<ContactBody<'a>>,
    #[serde(borrow)]
    agents: AgentsBody<'a>,
    customers: Vec<LifeBody>,
}

#[derive(Serialize, Deserialize)]
struct LaneBody<'a> {
    key: [u32; 3],
    aged: (u64, u64),
    counters: Counters,
    histograms: Cow<'a, Histograms>,
    notes: NotesBody,
    #[serde(borrow)]
    pages: Vec<PageBody<'a>>,
}

/// Number, counts, and marks as key and number of the contact (counted by id), plus one; 0 if it was forgotten.
#[derive(Serialize, Deserialize)]
struct PageBody<'a>(u64, Cow<'a, [u32]>, Vec<(u64, u32)>);

/// Id, words of the facts, floor, hash of the customer's id.
#[derive(Serialize, Deserialize)]
struct ContactBody<'a>(&'a str, Cow<'a, [u64]>, u64, u64);

/// Hash of the customer's id, first offer, hash of the contact's id, first answer, number of the lane.
#[derive(Serialize, Deserialize)]
struct LifeBody(u64, u64, u64, Option<u64>, u32);

/// The numbers of contacts: their places in order of ids, from 1 on.
struct Numbers<'r> {
    records: &'r Records,
    /// By index of the record.
    numbers: Vec<u32>,
}

impl Numbers<'_> {
    fn of<'r>(records: &'r Records, sorted: &[Handle]) -> Numbers<'r> {
        let mut numbers = vec![0; records.room()];
        for (number, handle) in (1..).zip(sorted) {
            numbers[handle.index()] = number;
        }
        Numbers { records, numbers }
    }

    /// The number of a contact; 0 once it is forgotten.
    fn number(&self, handle: Handle) -> u32 {
        self.records.get(handle).map_or(0, |_| self.numbers[handle.index()])
    }
}

impl Frozen {
    /// The shard as bytes. The same state gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let sorted = self.records.sorted();
        let numbers = Numbers::of(&self.records, &sorted);
        let contacts = sorted.iter().map(|&handle| {
            let contact = self.records.held(handle);
            ContactBody(&contact.id, Cow::Borrowed(contact.facts.words()), contact.floor, contact.customer)
        });
        let lives = in_order(&self.customers).into_iter().map(|(id, told)| {
            let LifeId { customer, offered_at, contact } = id;
            LifeBody(customer, offered_at, contact, told.answered_at, told.lane)
        });
        let unknown = self.unknown.iter().map(|(queue, notes)| (queue.map_or(0, |queue| queue + 1), notes.body()));
        let (believed, doubted) = self.clock.parts();
        let body = Body {
            fixed: Fixed::of(&self.settings),
            promises: TableBody::of(&self.settings.promises),
            everything: self.keep == Keep::Everything,
            believed,
            doubted: doubted.to_vec(),
            input: self.input,
            corrections: self.corrections,
            corrected: self.corrected,
            retracted: self.retracted,
            orphans_forgotten: self.orphans_forgotten,
            aged_to: self.aged_to,
            names: self.names.each_ref().map(|names| names.iter().map(|name| &**name).collect()),
            lanes: self.lanes.iter().map(|lane| lane_body(lane, &numbers)).collect(),
            arrivals: self.arrivals.body(),
            unknown: unknown.collect(),
            contacts: contacts.collect(),
            agents: self.agents.body(),
            customers: lives.collect(),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        let mut bytes = postcard::to_extend(&body, bytes).expect("a vector takes all bytes");
        bytes.extend(hash_of(&bytes).to_le_bytes());
        bytes
    }
}

fn lane_body<'l>(lane: &'l FrozenLane, numbers: &Numbers<'_>) -> LaneBody<'l> {
    let pages = lane.pages.pages().iter().map(|(number, page)| {
        let mut marks: Vec<_> = page.marks().map(|mark| (mark.key(), numbers.number(mark.contact))).collect();
        marks.sort_unstable();
        PageBody(*number, Cow::Borrowed(page.counts()), marks)
    });
    LaneBody {
        key: lane.key,
        aged: lane.pages.aged(),
        counters: lane.counters,
        histograms: Cow::Borrowed(&lane.histograms),
        notes: lane.notes.body(),
        pages: pages.collect(),
    }
}

impl Shard {
    /// The shard as bytes. The same state gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.freeze().encode()
    }

    /// The shard that was encoded to these bytes. From its stream time on the promises of `settings` hold, if they are not
    /// those that held last.
    ///
    /// # Errors
    /// If the bytes are foreign, damaged, of another version, made under settings that differ in what cannot change, or
    /// contradict themselves.
    pub fn decode(bytes: &[u8], settings: &Settings) -> Result<Shard, DecodeError> {
        Shard::decode_seeded(bytes, settings, 0)
    }

    /// The same, with contacts that are hashed with this seed, as [`Shard::seeded`] says.
    ///
    /// # Errors
    /// As [`Shard::decode`].
    pub fn decode_seeded(bytes: &[u8], settings: &Settings, seed: u64) -> Result<Shard, DecodeError> {
        let content = bytes.strip_prefix(&MAGIC).ok_or(DecodeError::Foreign)?;
        let (version, _) = content.split_first_chunk().ok_or(DecodeError::Damaged)?;
        let version = u32::from_le_bytes(*version);
        if version != FORMAT {
            return Err(DecodeError::Version(version));
        }
        let (sealed, hash) = bytes.split_last_chunk::<HASH>().ok_or(DecodeError::Damaged)?;
        if hash_of(sealed) != u64::from_le_bytes(*hash) || sealed.len() < HEADER {
            return Err(DecodeError::Damaged);
        }
        // What cannot change comes first, so that a body that cannot be read for that is told by what differs.
        let body = &sealed[HEADER..];
        let torn = |_| DecodeError::Contradictory("the body's structure");
        let (fixed, _): (Fixed, _) = postcard::take_from_bytes(body).map_err(torn)?;
        if let Some(names) = fixed.differences(&Fixed::of(settings)) {
            return Err(DecodeError::OtherSettings(names));
        }
        let mut body: Body<'_> = postcard::from_bytes(body).map_err(torn)?;
        let table = std::mem::take(&mut body.promises);
        let rows = table.rows(settings.promised()).map_err(|no_table| match no_table {
            NoTable::Disorder => DecodeError::Contradictory("the table of promises"),
            NoTable::OtherHours(name) => DecodeError::OtherHours(name),
        })?;
        let mut shard = Shard::from_body(&body, Settings { promises: rows, ..settings.clone() }, seed)?;
        shard.adopt(settings.promised());
        Ok(shard)
    }

    fn from_body(body: &Body<'_>, settings: Settings, seed: u64) -> Result<Shard, DecodeError> {
        let keep = if body.everything { Keep::Everything } else { Keep::Windows };
        let mut shard = Shard::seeded(Arc::new(settings), keep, seed);
        shard.clock = StreamClock::from_parts(body.believed, &body.doubted);
        shard.input = body.input;
        shard.corrections = body.corrections;
        shard.corrected = body.corrected;
        shard.retracted = body.retracted;
        shard.orphans_forgotten = body.orphans_forgotten;
        shard.aged_to = body.aged_to;
        let lanes = &mut shard.lanes;
        for (names, texts) in [&mut lanes.queues, &mut lanes.labels, &mut lanes.topics].into_iter().zip(&body.names) {
            let restored = Names::restore(texts, names);
            *names = restored.ok_or(DecodeError::Contradictory("a name twice, or too many"))?;
        }
        for (number, lane) in (0..).zip(&body.lanes) {
            let named = [&shard.lanes.queues, &shard.lanes.labels, &shard.lanes.labels].into_iter().zip(lane.key);
            let all_named = named.into_iter().all(|(names, number)| names.has(number));
            if !all_named || shard.lanes.place(lane.key) != number {
                return Err(DecodeError::Contradictory("a lane twice, or without a name"));
            }
        }
        if shard.lanes.queues.number(UNKNOWN) != Some(UNKNOWN_NUMBER) {
            return Err(DecodeError::Contradictory("names without those that are always there"));
        }
        let agents = Agents::restore(&body.agents, &shard.settings, &shard.lanes.queues, shard.earliest());
        shard.agents = agents.map_err(DecodeError::Contradictory)?;
        let lives = body.customers.iter().map(|&LifeBody(customer, offered_at, contact, answered_at, lane)| {
            (LifeId { customer, offered_at, contact }, LifeTold { answered_at, lane })
        });
        let customers = Customers::restore(lives, &shard.settings, keep, body.lanes.len());
        shard.customers = customers.ok_or(DecodeError::Contradictory("the contacts of a customer"))?;
        let mut handles = Vec::with_capacity(body.contacts.len());
        for ContactBody(id, words, floor, customer) in &body.contacts {
            let facts = Facts::from_words(words).filter(|facts| facts.iter().all(|fact| shard.knows(&fact)));
            let facts = facts.ok_or(DecodeError::Contradictory("a contact's facts"))?;
            if shard.contacts.find(id).is_some() {
                return Err(DecodeError::Contradictory("a contact twice"));
            }
            let handle = shard.contacts.insert(id, *floor);
            let contact = shard.contacts.held_mut(handle);
            (contact.facts, contact.customer) = (facts, *customer);
            shard.resume(handle);
            handles.push(handle);
        }
        for (number, lane) in (0..).zip(&body.lanes) {
            let pages: Option<Vec<_>> = lane
                .pages
                .iter()
                .map(|PageBody(page, counts, marks)| {
                    let marks = marks.iter().map(|&(key, contact)| {
                        let place = (contact as usize).checked_sub(1);
                        let handle = place.and_then(|place| handles.get(place)).copied();
                        Mark::from_key(key, handle.unwrap_or(Handle::NONE))
                    });
                    marks.collect::<Option<Vec<_>>>().map(|marks| (*page, counts.to_vec(), marks))
                })
                .collect();
            let restored = pages.and_then(|pages| Pages::restore(shard.settings.slots, lane.aged, pages));
            shard.lanes.lane_mut(number).counters = lane.counters;
            if !lane.histograms.is_sound() {
                return Err(DecodeError::Contradictory("a histogram"));
            }
            shard.lanes.lane_mut(number).histograms = Arc::new(lane.histograms.as_ref().clone());
            shard.lanes.lane_mut(number).notes = Arc::new(shard.notes(&lane.notes)?);
            shard.lanes.lane_mut(number).pages = restored.ok_or(DecodeError::Contradictory("a page"))?;
        }
        let arrivals = Arrivals::restore(&body.arrivals, |queue| shard.lanes.queues.has(queue));
        shard.arrivals = arrivals.ok_or(DecodeError::Contradictory("arrivals"))?;
        for (named, notes) in &body.unknown {
            let queue = named.checked_sub(1);
            let is_next = shard.lanes.unknown.last_key_value().is_none_or(|(last, _)| *last < queue);
            if !is_next || queue.is_some_and(|queue| !shard.lanes.queues.has(queue)) {
                return Err(DecodeError::Contradictory("notes twice, or of a queue without a name"));
            }
            let notes = shard.notes(notes)?;
            shard.lanes.unknown.insert(queue, Arc::new(notes));
        }
        Ok(shard)
    }

    fn notes(&self, body: &NotesBody) -> Result<Notes, DecodeError> {
        let notes = Notes::restore(self.settings.slots, body, |topic| self.lanes.topics.has(topic));
        notes.ok_or(DecodeError::Contradictory("ratings and outcomes"))
    }

    /// Whether the lane or names that a fact refers to are there.
    fn knows(&self, fact: &Fact) -> bool {
        match fact.kind {
            FactKind::Offered => (fact.place as usize) < self.lanes.iter().len(),
            FactKind::Rated(topic, _) | FactKind::Outcome(topic, _) if !self.lanes.topics.has(topic) => false,
            _ => fact.named().is_none_or(|queue| self.lanes.queues.has(queue)),
        }
    }

    /// Derives who waits and when to forget whom.
    fn resume(&mut self, handle: Handle) {
        let lives = self.fold(&self.contacts.held(handle).facts);
        for stay in lives.iter().flat_map(|life| &life.stays).filter(|stay| stay.is_open()) {
            self.lanes.lane_mut(stay.lane).waiting.insert(stay.undecided(handle));
        }
        self.plan(handle, &lives);
    }
}
