//! Names and lanes: text is turned into small numbers once, and back for whoever reads.
//!
//! A lane is a (queue, channel, tier). Names come from outside, so both names and lanes are bounded: what is beyond
//! `limits.lanes` is tallied as [`OTHER`], and the shard counts it. Queues that a setting lists have their place whatever
//! else arrives. Numbers are given in order of arrival: nothing may depend on them but storage.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use hashbrown::HashTable;
use smallvec::SmallVec;

use crate::engine::counters::Counters;
use crate::engine::cumulative::Histograms;
use crate::engine::experience::{Notes, Whose};
use crate::engine::fact::PLACES;
use crate::engine::outliers::{ByAspect, Fences};
use crate::engine::page::Pages;
use crate::engine::settings::{Promises, Settings};
use crate::engine::terms::Terms;
use crate::engine::waitlist::Waitlist;
use crate::event::EventTime;

/// What a name beyond the limit is tallied as.
pub const OTHER: &str = "_other";

/// The queue of what names none and follows nothing that does.
pub const UNKNOWN: &str = "_unknown";

/// The number of [`UNKNOWN`] among queues, where it has its place whatever else arrives.
pub const UNKNOWN_NUMBER: u32 = 1;

/// Texts and their numbers; the number of [`OTHER`] is 0.
#[derive(Clone, Debug)]
pub struct Names {
    /// Shared by clones until one of them learns another.
    texts: Arc<Vec<Box<str>>>,
    numbers: HashTable<u32>,
    limit: usize,
}

impl Names {
    /// Room for `limit` names besides `reserved` ones.
    pub fn new<'a>(limit: usize, reserved: impl IntoIterator<Item = &'a str>) -> Names {
        let mut names = Names { texts: Arc::default(), numbers: HashTable::new(), limit: PLACES - 1 };
        names.number(OTHER);
        for text in reserved {
            names.number(text);
        }
        names.limit = (names.texts.len() + limit).min(PLACES - 1);
        names
    }

    /// The number of this text, a new one if need be; none if it is new and there is no room.
    pub fn number(&mut self, text: &str) -> Option<u32> {
        let texts = &self.texts;
        let hash = hash_of(text.as_bytes());
        if let Some(&number) = self.numbers.find(hash, |&number| *texts[number as usize] == *text) {
            return Some(number);
        }
        if texts.len() >= self.limit {
            return None;
        }
        let number = u32::try_from(texts.len()).expect("the limit is below 2^17");
        Arc::make_mut(&mut self.texts).push(text.into());
        let texts = &self.texts;
        self.numbers.insert_unique(hash, number, |&number| hash_of(texts[number as usize].as_bytes()));
        Some(number)
    }

    /// The number of this text, or that of [`OTHER`] if there is no room.
    pub fn numbered(&mut self, text: &str) -> Numbered {
        let number = self.number(text);
        Numbered { number: number.unwrap_or(0), cut: number.is_none() }
    }

    /// Whether a text has this number.
    pub fn has(&self, number: u32) -> bool {
        (number as usize) < self.texts.len()
    }

    /// The text of a number.
    pub fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// All texts, in order of their numbers, as they are now.
    pub fn shared(&self) -> Arc<Vec<Box<str>>> {
        Arc::clone(&self.texts)
    }

    /// All texts, in order of their numbers.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// Names with these texts in this order, under the limit of `like`; none if a text is there twice or there is no
    /// room.
    pub fn restore(texts: &[&str], like: &Names) -> Option<Names> {
        // Other settings may reserve fewer.
        let limit = like.limit.max(texts.len()).min(PLACES - 1);
        let mut names = Names { texts: Arc::default(), numbers: HashTable::new(), limit };
        let numbers = texts.iter().map(|text| names.number(text));
        let in_order = numbers.zip(0..).all(|(given, expected)| given == Some(expected));
        in_order.then_some(names)
    }
}

/// A hash that is the same on every run and machine.
pub fn hash_of(bytes: &[u8]) -> u64 {
    rapidhash::v3::rapidhash_v3(bytes)
}

/// One (queue, channel, tier) with all that is tallied under it. What every event needs comes first, close together: lanes
/// are many, and take turns.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Lane {
    /// Number of the queue's name.
    pub queue: u32,
    /// Number of the channel's name, among labels.
    pub channel: u32,
    /// Number of the tier's name, among labels.
    pub tier: u32,
    /// How long an unfinished contact of the channel is held, in milliseconds.
    pub expire_ms: u64,
    terms: SmallVec<[(EventTime, Arc<Terms>); 1]>,
    /// What is booked.
    pub pages: Pages,
    /// Who waits, and who is in service.
    pub waiting: Waitlist,
    /// What was ever booked.
    pub counters: Counters,
    /// How long what was ever measured took.
    pub histograms: Arc<Histograms>,
    /// What was said of its contacts, and what came of them.
    pub notes: Arc<Notes>,
    /// Beyond which bookings are noted. Not encoded.
    pub fences: ByAspect,
}

impl Lane {
    /// What is promised to what begins at this time, in milliseconds.
    pub fn terms_at(&self, time: u64) -> &Terms {
        let in_force = self.terms.iter().rev().find(|(from, _)| from.millis() <= time);
        &in_force.or(self.terms.first()).expect("the settings hold at least one row of promises").1
    }
}

/// All lanes of a shard.
#[derive(Clone, Debug)]
pub struct Lanes {
    /// Names of queues.
    pub queues: Names,
    /// Names of channels and of tiers.
    pub labels: Names,
    /// Names of surveys and of outcomes.
    pub topics: Names,
    /// What was said of contacts without a known offer, by the queue that it names.
    pub unknown: BTreeMap<Option<u32>, Arc<Notes>>,
    lanes: Vec<Lane>,
    numbers: HashTable<u32>,
    /// All terms that differ, so that lanes under the same terms share them: they are looked at with every event.
    terms: Vec<Arc<Terms>>,
    /// Lanes there may be before further ones are tallied under [`OTHER`].
    limit: usize,
    settings: Arc<Settings>,
    /// How long a contact that was never offered is held, in milliseconds.
    pub unknown_expire_ms: u64,
    /// The shortest time that any unfinished contact is held, in milliseconds.
    pub shortest_expire_ms: u64,
    /// Beyond which bookings are noted, in lanes that are new too. Not encoded.
    pub fences: Arc<Fences>,
}

/// A number for what was asked, and whether [`OTHER`] had to stand in for some of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbered {
    /// The number.
    pub number: u32,
    /// Whether a limit cut it.
    pub cut: bool,
}

impl Lanes {
    /// No lanes yet.
    pub fn new(settings: Arc<Settings>) -> Lanes {
        let limit = settings.limits.lanes;
        let rows = || settings.promises.iter().map(|(_, promises)| promises);
        let scopes = rows().flat_map(|row| {
            let waits = iter::once(&row.service).chain(row.queues.values());
            waits.chain(row.measures.values().flat_map(|said| iter::once(&said.service).chain(said.queues.values())))
        });
        let labels = scopes.flat_map(|scope| scope.channel.keys().chain(scope.tier.keys())).map(String::as_str);
        Lanes {
            queues: Names::new(limit, iter::once(UNKNOWN).chain(rows().flat_map(listed).map(String::as_str))),
            labels: Names::new(limit, ["voice", "standard"].into_iter().chain(labels)),
            topics: Names::new(limit, settings.surveys.keys().map(String::as_str)),
            unknown: BTreeMap::new(),
            lanes: Vec::new(),
            numbers: HashTable::new(),
            terms: Vec::new(),
            limit: settings.limits.lanes,
            unknown_expire_ms: settings.lifetimes.expire_of("voice"),
            shortest_expire_ms: settings.lifetimes.shortest_expire_ms(),
            fences: Arc::default(),
            settings,
        }
    }

    /// Puts these settings in force, whose last row of promises is new. Names and lanes keep their numbers.
    pub fn adopt(&mut self, settings: &Arc<Settings>) {
        let fresh = Lanes::new(Arc::clone(settings));
        for (names, listed) in [(&mut self.queues, &fresh.queues), (&mut self.labels, &fresh.labels)] {
            names.limit = names.limit.max(listed.limit);
            for text in listed.texts() {
                names.number(text);
            }
        }
        self.settings = Arc::clone(settings);
        for number in 0..self.lanes.len() {
            let Lane { queue, channel, tier, .. } = self.lanes[number];
            let texts = texts_of(&self.queues, &self.labels, [queue, channel, tier]);
            let known = &mut self.terms;
            let rows = settings.promises.iter();
            let terms = rows.map(|(from, row)| (*from, shared(known, Terms::of(row, texts)))).collect();
            self.lanes[number].terms = terms;
        }
    }

    /// The number of a lane. Where its channel and tier are beyond the limit the queue still is told apart; where the
    /// queue is, nothing is.
    pub fn number(&mut self, queue: &str, channel: &str, tier: &str) -> Numbered {
        // Lanes are few and asked for again and again: all but the first time, one look-up by all three texts answers.
        if let Some(number) = self.find([queue, channel, tier]) {
            return Numbered { number, cut: false };
        }
        let names = [self.queues.numbered(queue), self.labels.numbered(channel), self.labels.numbered(tier)];
        let key = names.map(|name| name.number);
        if names[0].cut || self.lanes.len() >= PLACES - 2 {
            return Numbered { number: self.place([0, 0, 0]), cut: true };
        }
        let cut = names.iter().any(|name| name.cut) || self.lanes.len() >= self.limit;
        Numbered { number: self.place(if cut { [key[0], 0, 0] } else { key }), cut }
    }

    /// The lane of this number.
    pub fn lane(&self, number: u32) -> &Lane {
        &self.lanes[number as usize]
    }

    /// The lane of this number, to be changed.
    pub fn lane_mut(&mut self, number: u32) -> &mut Lane {
        &mut self.lanes[number as usize]
    }

    /// All lanes, in order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Lane> {
        self.lanes.iter()
    }

    /// All lanes, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.lanes.iter_mut()
    }

    /// The notes of whoever this is, to be changed.
    pub fn notes_mut(&mut self, whose: Whose) -> &mut Notes {
        match whose {
            Whose::Lane(number) => Arc::make_mut(&mut self.lane_mut(number).notes),
            Whose::Unknown(queue) => {
                let notes = self.unknown.entry(queue);
                Arc::make_mut(notes.or_insert_with(|| Arc::new(Notes::new(self.settings.slots))))
            }
        }
    }

    /// All notes there are, to be changed.
    pub fn all_notes_mut(&mut self) -> impl Iterator<Item = &mut Notes> {
        let of_lanes = self.lanes.iter_mut().map(|lane| &mut lane.notes);
        of_lanes.chain(self.unknown.values_mut()).map(Arc::make_mut)
    }

    /// Compares two lanes by queue, channel and tier in bytes.
    pub fn compare(&self, one: u32, other: u32) -> Ordering {
        self.texts(self.lane(one)).cmp(&self.texts(self.lane(other)))
    }

    /// The number of a lane; none if it was not seen yet.
    pub fn find(&self, texts: [&str; 3]) -> Option<u32> {
        let found = self.numbers.find(hash_of_texts(texts), |&number| self.texts(self.lane(number)) == texts);
        found.copied()
    }

    /// A lane's queue, channel and tier.
    pub fn texts(&self, lane: &Lane) -> [&str; 3] {
        texts_of(&self.queues, &self.labels, [lane.queue, lane.channel, lane.tier])
    }

    /// The lane of these names, made if it is new.
    pub fn place(&mut self, key: [u32; 3]) -> u32 {
        let texts = texts_of(&self.queues, &self.labels, key);
        if let Some(number) = self.find(texts) {
            return number;
        }
        let number = u32::try_from(self.lanes.len()).expect("lanes are limited");
        let hash = hash_of_texts(texts);
        let [queue, channel, tier] = texts;
        let known = &mut self.terms;
        let mut terms = |row| shared(known, Terms::of(row, [queue, channel, tier]));
        let lane = Lane {
            queue: key[0],
            channel: key[1],
            tier: key[2],
            expire_ms: self.settings.lifetimes.expire_of(channel),
            pages: Pages::new(self.settings.slots),
            counters: Counters::default(),
            histograms: Arc::default(),
            waiting: Waitlist::default(),
            terms: self.settings.promises.iter().map(|(from, row)| (*from, terms(row))).collect(),
            notes: Arc::new(Notes::new(self.settings.slots)),
            fences: self.fences.of_lane(texts),
        };
        self.lanes.push(lane);
        let (lanes, queues, labels) = (&self.lanes, &self.queues, &self.labels);
        self.numbers.insert_unique(hash, number, |&number| {
            let lane = &lanes[number as usize];
            hash_of_texts(texts_of(queues, labels, [lane.queue, lane.channel, lane.tier]))
        });
        number
    }
}

/// The same terms as one that is known, if there is one; else these, known from now on.
fn shared(known: &mut Vec<Arc<Terms>>, terms: Terms) -> Arc<Terms> {
    if let Some(same) = known.iter().find(|known| ***known == terms) {
        return Arc::clone(same);
    }
    let terms = Arc::new(terms);
    known.push(Arc::clone(&terms));
    terms
}

/// All queues that a row lists.
fn listed(row: &Promises) -> impl Iterator<Item = &String> {
    row.queues.keys().chain(row.measures.values().flat_map(|said| said.queues.keys()))
}

fn texts_of<'a>(queues: &'a Names, labels: &'a Names, [queue, channel, tier]: [u32; 3]) -> [&'a str; 3] {
    [queues.text(queue), labels.text(channel), labels.text(tier)]
}

fn hash_of_texts(texts: [&str; 3]) -> u64 {
    texts.iter().fold(0, |hash, text| hash_of(text.as_bytes()).wrapping_add(hash.rotate_left(21)))
}
