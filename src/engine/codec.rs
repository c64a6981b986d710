//! A shard as bytes and back.
//!
//! The bytes are a function of what the shard holds, not of how it came to hold it: contacts and agents by id, slots
//! by time. So two
//! shards that took in the same log have the same bytes, wherever one of them was stopped and continued in between.
//! What can be derived (who waits, when to forget whom) is derived again on reading.
//!
//! Layout: magic, format version, a hash of the settings as far as they decide what is booked, the body (postcard), and a
//! hash over everything before it. Bytes that fail any of this are refused with the reason; nothing
//! is guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::agents::Agents;
use crate::engine::agents::body::AgentsBody;
use crate::engine::clock::StreamClock;
use crate::engine::counters::Counters;
use crate::engine::customers::{Customers, LifeId, LifeTold};
use crate::engine::experience::{Notes, NotesBody, Retracted};
use crate::engine::fact::{Fact, FactKind, Facts};
use crate::engine::lane::{Names, UNKNOWN, UNKNOWN_NUMBER, hash_of};
use crate::engine::mark::Mark;
use crate::engine::page::Pages;
use crate::engine::settings::{Limits, Overlays, PromiseOverlay, Settings};
use crate::engine::shard::{Input, Keep, Shard};
use crate::engine::store::Handle;

const MAGIC: [u8; 8] = *b"HOLDLINE";

/// The version of the layout and of the rules that made what is in it.
pub const FORMAT: u32 = 4;

/// Magic, version, hash of the settings.
const HEADER: usize = 8 + 4 + 8;
const HASH: usize = 8;

/// Why bytes are no shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
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
    /// They were made under settings that would have booked otherwise.
    #[error(
        "the shard was encoded under other settings (targets, calendars, lifetimes, limits, slot widths, customers' key or the longest window differ)"
    )]
    OtherSettings,
    /// They are whole, but hold what no shard holds.
    #[error("the encoded shard contradicts itself: {0}")]
    Contradictory(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    everything: bool,
    believed: Option<u64>,
    doubted: Vec<u64>,
    input: Input,
    corrections: Counters,
    retracted: Retracted,
    orphans_forgotten: u64,
    aged_to: u64,
    /// Names of queues, of channels and tiers, of surveys and outcomes.
    #[serde(borrow)]
    names: [Vec<&'a str>; 3],
    lanes: Vec<LaneBody>,
    /// Notes without a lane, by the number of the queue named plus one; 0 where none is.
    unknown: Vec<(u32, NotesBody)>,
    #[serde(borrow)]
    contacts: Vec<ContactBody<'a>>,
    #[serde(borrow)]
    agents: AgentsBody<'a>,
    customers: Vec<LifeBody>,
}

#[derive(Serialize, Deserialize)]
struct LaneBody {
    key: [u32; 3],
    aged: (u64, u64),
    counters: Counters,
    notes: NotesBody,
    pages: Vec<PageBody>,
}

/// Number, counts, and marks as key and number of the contact (counted by id), plus one; 0 if it was forgotten.
#[derive(Serialize, Deserialize)]
struct PageBody(u64, Vec<u32>, Vec<(u64, u32)>);

/// Id, words of the facts, floor, hash of the customer's id.
#[derive(Serialize, Deserialize)]
struct ContactBody<'a>(&'a str, Vec<u64>, u64, u64);

/// Hash of the customer's id, first offer, hash of the contact's id, first answer, number of the lane.
#[derive(Serialize, Deserialize)]
struct LifeBody(u64, u64, u64, Option<u64>, u32);

impl Shard {
    /// The shard as bytes. The same state gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let handles = self.contacts.sorted();
        let mut numbers: Vec<(Handle, u32)> = (1..).zip(&handles).map(|(number, handle)| (*handle, number)).collect();
        numbers.sort_unstable();
        let number_of = |handle: Handle| {
            let found = numbers.binary_search_by_key(&handle, |(handle, _)| *handle);
            found.map_or(0, |at| numbers[at].1)
        };
        let lanes = self.lanes.iter().map(|lane| LaneBody {
            key: [lane.queue, lane.channel, lane.tier],
            aged: lane.pages.aged(),
            counters: lane.counters,
            notes: lane.notes.body(),
            pages: lane
                .pages
                .pages()
                .iter()
                .map(|(number, page)| {
                    let mut marks: Vec<_> = page.marks().map(|mark| (mark.key(), number_of(mark.contact))).collect();
                    marks.sort_unstable();
                    PageBody(*number, page.counts().to_vec(), marks)
                })
                .collect(),
        });
        let contacts = handles.iter().map(|&handle| {
            let contact = self.contacts.held(handle);
            ContactBody(&contact.id, contact.facts.words().to_vec(), contact.floor, contact.customer)
        });
        let lives = self.customers.past().into_iter().map(|(id, told)| {
            let LifeId { customer, offered_at, contact } = id;
            LifeBody(customer, offered_at, contact, told.answered_at, told.lane)
        });
        let unknown = self.lanes.unknown.iter();
        let unknown = unknown.map(|(queue, notes)| (queue.map_or(0, |queue| queue + 1), notes.body()));
        let (believed, doubted) = self.clock.parts();
        let body = Body {
            everything: self.keep == Keep::Everything,
            believed,
            doubted: doubted.to_vec(),
            input: self.input,
            corrections: self.corrections,
            retracted: self.retracted,
            orphans_forgotten: self.orphans_forgotten,
            aged_to: self.aged_to,
            names: [&self.lanes.queues, &self.lanes.labels, &self.lanes.topics].map(|names| names.texts().collect()),
            lanes: lanes.collect(),
            unknown: unknown.collect(),
            contacts: contacts.collect(),
            agents: self.agents.body(),
            customers: lives.collect(),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(hash_of_settings(&self.settings).to_le_bytes());
        let mut bytes = postcard::to_extend(&body, bytes).expect("a vector takes all bytes");
        bytes.extend(hash_of(&bytes).to_le_bytes());
        bytes
    }

    /// The shard that was encoded to these bytes, under the same settings.
    ///
    /// # Errors
    /// If the bytes are foreign, damaged, of another version, made under other settings, or contradict themselves.
    pub fn decode(bytes: &[u8], settings: Arc<Settings>) -> Result<Shard, DecodeError> {
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
        let (header, body) = sealed.split_at(HEADER);
        if header[HEADER - 8..] != hash_of_settings(&settings).to_le_bytes() {
            return Err(DecodeError::OtherSettings);
        }
        let body: Body<'_> =
            postcard::from_bytes(body).map_err(|_| DecodeError::Contradictory("the body's structure"))?;
        Shard::from_body(&body, settings)
    }

    fn from_body(body: &Body<'_>, settings: Arc<Settings>) -> Result<Shard, DecodeError> {
        let keep = if body.everything { Keep::Everything } else { Keep::Windows };
        let mut shard = Shard::new(settings, keep);
        shard.clock = StreamClock::from_parts(body.believed, &body.doubted);
        shard.input = body.input;
        shard.corrections = body.corrections;
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
                    marks.collect::<Option<Vec<_>>>().map(|marks| (*page, counts.clone(), marks))
                })
                .collect();
            let restored = pages.and_then(|pages| Pages::restore(shard.settings.slots, lane.aged, pages));
            shard.lanes.lane_mut(number).counters = lane.counters;
            *shard.lanes.lane_mut(number).notes = shard.notes(&lane.notes)?;
            shard.lanes.lane_mut(number).pages = restored.ok_or(DecodeError::Contradictory("a page"))?;
        }
        for (named, notes) in &body.unknown {
            let queue = named.checked_sub(1);
            let is_next = shard.lanes.unknown.last_key_value().is_none_or(|(last, _)| *last < queue);
            if !is_next || queue.is_some_and(|queue| !shard.lanes.queues.has(queue)) {
                return Err(DecodeError::Contradictory("notes twice, or of a queue without a name"));
            }
            let notes = shard.notes(notes)?;
            shard.lanes.unknown.insert(queue, notes);
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

/// A hash of the settings that decide what is booked, forgotten and dropped. All else only decides what is shown, and may
/// change while the state is kept.
fn hash_of_settings(settings: &Settings) -> u64 {
    let Limits { lanes, contacts, facts, agents, past_contacts, worst: _, record_bytes: _ } = settings.limits;
    let windows = settings.windows.iter().map(|window| window.length_ms).max();
    let booked = (settings.slots, &settings.lifetimes, (lanes, contacts, facts, agents), windows);
    // Whoever has the hash cannot tell the key from it.
    let of_customers = (past_contacts, settings.customers.key.hash(""), settings.customers.longest_within_ms());
    let targets =
        |overlay: &PromiseOverlay| (overlay.answer_within_ms, overlay.short_abandon_ms, overlay.business_time);
    let scope = |scope: &Overlays| {
        let by_name = |overlays: &BTreeMap<String, PromiseOverlay>| {
            overlays.iter().map(|(name, overlay)| (name.clone(), targets(overlay))).collect::<Vec<_>>()
        };
        (targets(&scope.all), by_name(&scope.channel), by_name(&scope.tier), scope.calendars.clone())
    };
    let scopes = |service: &Overlays, queues: &BTreeMap<String, Overlays>| {
        let queues = queues.iter().map(|(id, overlays)| (id.clone(), scope(overlays)));
        (scope(service), queues.collect::<Vec<_>>())
    };
    let rows = settings.promises.iter().map(|(from, row)| {
        let measures = row.measures.iter().map(|(measure, said)| (*measure, scopes(&said.service, &said.queues)));
        (*from, scopes(&row.service, &row.queues), measures.collect::<Vec<_>>())
    });
    let calendars = settings.calendars.iter().map(|(name, calendar)| (name, calendar.as_ref())).collect::<Vec<_>>();
    let hashed = (booked, of_customers, rows.collect::<Vec<_>>(), calendars);
    let bytes = postcard::to_allocvec(&hashed).expect("a vector takes all bytes");
    hash_of(&bytes)
}
