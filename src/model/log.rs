//! A log of records, in its order: stream time, late records, and what is still held.
//!
//! Nothing is ever thrown away here. Whether a life is held is computed from its facts and stream time whenever a record
//! about its contact comes, so nothing has to happen at the moment it is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::engine::settings::Settings;
use crate::engine::tally::{Cell, Measure};

use super::counters::{Counted, counted};
use super::cumulative::Cumulative;
use super::event::{Fact, Record, What};
use super::lives::{self, Life};
use super::rule::RuleCounts;
use super::stay::{self, Lane, Stay};

const HOUR: u64 = 3_600_000;
const MINUTE: u64 = 60_000;
/// So many doubted records in a row are believed.
const RUN: usize = 8;

/// What was counted of the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "the words are those of the engine's input counters")]
pub struct Input {
    pub events: u64,
    pub duplicate: u64,
    pub late: u64,
    pub orphan: u64,
    pub skew: u64,
    pub conflict: u64,
    pub expired: u64,
}

/// Stream time: the latest time believed.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stream {
    /// The latest time believed; none at first.
    pub believed: Option<u64>,
    /// The doubted records.
    pub doubted: Vec<u64>,
}

impl Stream {
    /// A record of this time came.
    pub fn observe(&mut self, time: u64) {
        if self.is_plausible(time) {
            // It refutes the most distant of those doubted.
            self.doubted.sort_unstable();
            self.doubted.pop();
            self.believed = self.believed.max(Some(time));
        } else {
            self.doubted.push(time);
            self.doubted.sort_unstable();
            if self.doubted.len() == RUN {
                self.believed = Some(self.doubted.remove(0));
            }
        }
        // What is plausible by now is believed; what is still too far ahead stays doubted.
        while let Some(next) = self.doubted.first().copied().filter(|&next| self.is_plausible(next)) {
            self.doubted.remove(0);
            self.believed = self.believed.max(Some(next));
        }
    }

    fn is_plausible(&self, time: u64) -> bool {
        self.believed.is_some_and(|believed| time <= believed + HOUR)
    }

    /// The latest time, when no more records come: a run that nothing refuted is believed.
    pub fn end(&self) -> Option<u64> {
        self.believed.max(self.doubted.iter().copied().max())
    }
}

/// All that is known of one contact id.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    /// All facts applied, in order of time, none twice.
    pub facts: Vec<Fact>,
    /// They, cut into lives.
    pub lives: Vec<Life>,
    /// What the lives book.
    pub stays: Vec<Stay>,
    /// A fact before this is late, while anything is held.
    floor: u64,
}

/// The model of one shard.
#[derive(Clone, Debug)]
pub struct Model {
    settings: Rc<Settings>,
    /// Stream time.
    pub stream: Stream,
    /// By id.
    pub contacts: BTreeMap<String, Contact>,
    /// What was told of agents, by id and time: they tell the same state always.
    agents: BTreeSet<(String, u64)>,
    events: u64,
    duplicate: u64,
    late: u64,
    /// Sums over all contacts, kept by adding and subtracting.
    orphan: u64,
    skew: u64,
    conflict: u64,
    /// All cells ever booked, by lane and measure.
    pub sums: CellSums,
    /// All durations ever measured.
    pub cumulative: Cumulative,
    /// What was counted since [`Model::begin_counting`], and what of it was taken back; none before.
    counters: Option<(Counted, Counted)>,
}

impl Model {
    /// The model of a shard that read nothing.
    pub fn new(settings: Rc<Settings>) -> Model {
        let stream = Stream::default();
        let (contacts, agents, sums) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let cumulative = Cumulative::new(&settings);
        let (events, duplicate, late, orphan, skew, conflict) = (0, 0, 0, 0, 0, 0);
        let counters = None;
        Model {
            settings,
            stream,
            contacts,
            agents,
            sums,
            cumulative,
            counters,
            events,
            duplicate,
            late,
            orphan,
            skew,
            conflict,
        }
    }

    /// The next record of the log. Says whether it changed anything about a contact.
    pub fn apply(&mut self, record: &Record) -> bool {
        self.events += 1;
        self.stream.observe(record.time());
        let oldest =
            self.stream.believed.map_or(0, |believed| believed.saturating_sub(self.settings.lifetimes.lateness_ms));
        let (id, fact) = match record {
            Record::Contact { id, fact, .. } => (id, fact),
            Record::Agent { time, .. } if *time < oldest => {
                self.late += 1;
                return false;
            }
            Record::Agent { id, time } => {
                self.duplicate += u64::from(!self.agents.insert((id.clone(), *time)));
                return false;
            }
        };
        let stream = self.stream.believed;
        let contact = self.contacts.entry(id.clone()).or_default();
        let is_held = |life: &&Life| is_held(life, stream, &self.settings);
        if contact.lives.iter().any(|life| is_held(&life)) {
            let forgotten = contact.lives.iter().filter(|life| !is_held(life));
            let after_forgotten = forgotten.map(|life| life.last() + life.limit_ms + 1).max();
            contact.floor = contact.floor.max(after_forgotten.unwrap_or(0));
        } else if fact.time < oldest {
            self.late += 1;
            return false;
        } else {
            contact.floor = oldest;
        }
        if fact.time < contact.floor {
            self.late += 1;
            return false;
        }
        let Err(place) = contact.facts.binary_search(fact) else {
            self.duplicate += 1;
            return false;
        };
        contact.facts.insert(place, fact.clone());
        let lives = lives::cut(&contact.facts, &self.settings, &mut RuleCounts::default());
        let count = |lives: &[Life], of: fn(&Life) -> u64| lives.iter().map(of).sum::<u64>();
        for (sum, of) in [
            (&mut self.orphan, Life::orphans as fn(&Life) -> u64),
            (&mut self.skew, |life| life.folded.skews),
            (&mut self.conflict, |life| life.folded.conflicts),
        ] {
            *sum = *sum + count(&lives, of) - count(&contact.lives, of);
        }
        let stays: Vec<Stay> = lives.iter().flat_map(|life| stay::stays(life, &mut RuleCounts::default())).collect();
        add(&mut self.sums, &contact.stays, -1);
        add(&mut self.sums, &stays, 1);
        self.cumulative.change(&contact.stays, &stays);
        if let Some((up, down)) = &mut self.counters {
            // Of one record only the difference counts, so what moves within a lane is no correction.
            let mut changes = counted(&lives);
            for (counter, count) in counted(&contact.lives) {
                *changes.entry(counter).or_default() -= count;
            }
            for (counter, change) in changes {
                let sums = if change < 0 { &mut *down } else { &mut *up };
                *sums.entry(counter).or_default() += change.abs();
            }
        }
        contact.stays = stays;
        contact.lives = lives;
        true
    }

    /// Counts what the records from here on change. What is counted already begins anew.
    pub fn begin_counting(&mut self) {
        self.counters = Some(Default::default());
        self.cumulative = Cumulative::new(&self.settings);
    }

    /// What was counted since [`Model::begin_counting`], and what was counted and then taken back; none before.
    pub fn counters(&self) -> Option<&(Counted, Counted)> {
        self.counters.as_ref()
    }

    /// The settings that it judges by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Every lane that anything was ever offered in, also if that turned out to be the same offer again.
    pub fn lanes(&self) -> BTreeSet<Lane> {
        let facts = self.contacts.values().flat_map(|contact| &contact.facts);
        let offered = facts.filter_map(|fact| match &fact.what {
            What::Offered { queue, channel, tier } => {
                Some(Lane { queue: queue.clone(), channel: channel.clone(), tier: tier.clone() })
            }
            _ => None,
        });
        offered.collect()
    }

    /// What was counted of the records so far. Computing `expired` asks every life.
    pub fn input(&self) -> Input {
        let lives = self.contacts.values().flat_map(|contact| &contact.lives);
        let expired = lives.filter(|life| !life.is_finished && !is_held(life, self.stream.believed, &self.settings));
        Input { expired: expired.count() as u64, ..self.cheap_input() }
    }

    /// The same without `expired`.
    pub fn cheap_input(&self) -> Input {
        Input {
            events: self.events,
            duplicate: self.duplicate,
            late: self.late,
            orphan: self.orphan,
            skew: self.skew,
            conflict: self.conflict,
            expired: 0,
        }
    }

    /// Whether nothing of this id is forgotten.
    pub fn holds_all_of(&self, id: &str) -> bool {
        let lives = self.contacts.get(id).map_or(&[][..], |contact| &contact.lives);
        lives.iter().all(|life| is_held(life, self.stream.believed, &self.settings))
    }

    /// All stays with their contact.
    pub fn stays(&self) -> impl Iterator<Item = (&str, &Stay)> {
        self.contacts.iter().flat_map(|(id, contact)| contact.stays.iter().map(move |stay| (id.as_str(), stay)))
    }

    /// Recomputes everything from all facts and compares it with what is kept; counts the rules used.
    pub fn check(&self, rules: &mut RuleCounts) {
        let (mut orphan, mut skew, mut conflict) = (0, 0, 0);
        for (id, contact) in &self.contacts {
            let lives = lives::cut(&contact.facts, &self.settings, rules);
            let stays: Vec<Stay> = lives.iter().flat_map(|life| stay::stays(life, rules)).collect();
            assert!(lives == contact.lives && stays == contact.stays, "the model of {id} is not what its facts say");
            for life in &lives {
                orphan += life.orphans();
                skew += life.folded.skews;
                conflict += life.folded.conflicts;
            }
        }
        let mut sums = BTreeMap::new();
        self.contacts.values().for_each(|contact| add(&mut sums, &contact.stays, 1));
        assert!(nonzero(&sums).eq(nonzero(&self.sums)), "the sums of the model are not those of its stays");
        assert_eq!((orphan, skew, conflict), (self.orphan, self.skew, self.conflict), "sums of the model");
    }
}

/// Counts by lane, measure and cell.
pub type CellSums = BTreeMap<(Lane, Measure), BTreeMap<Cell, i64>>;

fn add(sums: &mut CellSums, stays: &[Stay], sign: i64) {
    for stay in stays.iter().filter(|stay| !stay.bookings.is_empty()) {
        let cells = sums.entry((Lane::clone(&stay.lane), stay.measure)).or_default();
        for &(cell, _) in &stay.bookings {
            *cells.entry(cell).or_default() += sign;
        }
    }
}

fn nonzero(sums: &CellSums) -> impl Iterator<Item = (&(Lane, Measure), Cell, i64)> {
    let all = sums.iter().flat_map(|(key, cells)| cells.iter().map(move |(&cell, &count)| (key, cell, count)));
    all.filter(|&(_, _, count)| count != 0)
}

fn is_held(life: &Life, stream: Option<u64>, settings: &Settings) -> bool {
    let until = life.last() + life.limit_ms + settings.lifetimes.lateness_ms;
    stream.is_none_or(|stream| stream / MINUTE <= until / MINUTE)
}
