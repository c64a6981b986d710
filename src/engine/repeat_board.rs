//! Repeat contacts of all shards, kept up to date by what they tell has changed.
//!
//! A plain value: shards tell of changes ([`CustomerChanges`]), each under a number of its own, and what is shown is read
//! from sums by time, never from the customers themselves. However shards take turns, once each has told its changes in their
//! order it says what [`repeats`](super::repeats) computes from what the shards remember, as far as windows reach.
//!
//! Which shards there are, and whether what they tell is news, is known to whoever feeds it.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::engine::board::GroupKey;
use crate::engine::customers::{CustomerChanges, LifeId, LifeTold};
use crate::engine::page::PAGE_MS;
use crate::engine::repeat_sums::{RepeatSums, Within};
use crate::engine::repeats::RepeatCounts;
use crate::engine::settings::{RepeatWithin, Settings, SlotWidths, Window};
use crate::engine::sums::floor;
use crate::event::EventTime;

/// Slots of the last hours stay fine: windows end there.
const FINE_MS: u64 = 2 * PAGE_MS;

/// Whether changes are counted as they are applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// It happened before, or elsewhere: windows show it, counters do not.
    History,
    /// It happened just now: a life that is found to repeat another is counted.
    News,
}

/// A life and who told of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    customer: u64,
    offered_at: u64,
    shard: u32,
    contact: u64,
}

/// What is known of a life.
#[derive(Clone, Copy, Debug)]
struct Seen {
    answered_at: Option<u64>,
    group: u32,
    within: Within,
}

/// A life's first answer; ordered by customer, then by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Answer {
    customer: u64,
    answered_at: u64,
    of: Place,
}

/// What is shown of repeat contacts at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepeatView {
    /// The spans, as written in the settings.
    pub within: Vec<String>,
    /// Every group that any customer was known in.
    pub groups: BTreeMap<GroupKey, GroupRepeats>,
}

/// What is shown of one group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupRepeats {
    /// One for each window of the settings, in their order.
    pub windows: Vec<RepeatCounts>,
    /// Lives that were found to repeat another within each span while that was news; only ever goes up.
    pub counted: Vec<u64>,
}

/// The lives of all customers.
#[derive(Clone, Debug)]
pub struct RepeatBoard {
    within: Vec<RepeatWithin>,
    windows: Vec<Window>,
    slots: SlotWidths,
    lives: BTreeMap<Place, Seen>,
    answers: BTreeSet<Answer>,
    groups: BTreeMap<GroupKey, u32>,
    sums: Vec<RepeatSums>,
    /// What sums begin at, in milliseconds: fine ones, then all others.
    begin: (u64, u64),
}

impl RepeatBoard {
    /// A board of no shards.
    pub fn new(settings: &Settings) -> RepeatBoard {
        RepeatBoard {
            within: settings.customers.repeat_within.clone(),
            windows: settings.windows.clone(),
            slots: settings.slots,
            lives: BTreeMap::new(),
            answers: BTreeSet::new(),
            groups: BTreeMap::new(),
            sums: Vec::new(),
            begin: (0, 0),
        }
    }

    /// Takes in what the shard of this number tells.
    pub fn apply(&mut self, shard: u32, changes: &CustomerChanges, told: Told) {
        if changes.whole {
            self.forget_shard(shard);
        }
        let groups: BTreeMap<u32, u32> = changes.lanes.iter().map(|(lane, key)| (*lane, self.group(key))).collect();
        for (id, life) in &changes.lives {
            let LifeId { customer, offered_at, contact } = *id;
            let place = Place { customer, offered_at, shard, contact };
            let life = life.and_then(|LifeTold { answered_at, lane }| Some((answered_at, *groups.get(&lane)?)));
            match life {
                Some((answered_at, group)) => self.put(place, answered_at, group, told),
                None => self.remove(&place, told),
            }
        }
    }

    /// How many lives are known.
    pub fn lives(&self) -> usize {
        self.lives.len()
    }

    /// Drops sums that no window at or after this instant reaches.
    pub fn forget(&mut self, now: EventTime) {
        let hour = floor(now.millis(), PAGE_MS);
        let longest = self.windows.iter().map(|window| window.length_ms).max().unwrap_or(0);
        let fine = hour.saturating_sub(FINE_MS);
        let others = floor(fine.saturating_sub(longest + self.slots.coarse_ms), PAGE_MS);
        if (fine, others) > self.begin {
            self.begin = (fine, others);
            self.sums.iter_mut().for_each(|sums| sums.drop_before(fine, others));
        }
    }

    /// What all windows say at `now`: as those of [`board::window`](super::board::window), from the edge of a coarse slot
    /// to that of a fine one.
    pub fn view(&self, now: EventTime) -> RepeatView {
        let (now, SlotWidths { fine_ms, coarse_ms }) = (now.millis(), self.slots);
        let to = floor(now, fine_ms);
        let from = |window: &Window| floor(now.saturating_sub(window.length_ms), coarse_ms);
        let groups = self.groups.iter().map(|(key, group)| {
            let sums = &self.sums[*group as usize];
            let windows = self.windows.iter().map(|window| sums.between(from(window), to)).collect();
            (key.clone(), GroupRepeats { windows, counted: sums.counted.clone() })
        });
        RepeatView { within: self.within.iter().map(|within| within.name.clone()).collect(), groups: groups.collect() }
    }

    fn group(&mut self, key: &GroupKey) -> u32 {
        if let Some(&group) = self.groups.get(key) {
            return group;
        }
        let group = u32::try_from(self.sums.len()).expect("lanes are limited");
        let mut sums = RepeatSums::new(self.within.len(), self.slots);
        sums.drop_before(self.begin.0, self.begin.1);
        self.sums.push(sums);
        self.groups.insert(key.clone(), group);
        group
    }

    /// Lets go of all that a shard told.
    fn forget_shard(&mut self, shard: u32) {
        let of_shard: Vec<Place> = self.lives.keys().filter(|place| place.shard == shard).copied().collect();
        for place in of_shard {
            self.remove(&place, Told::History);
        }
    }

    /// Has a life be so from now on.
    fn put(&mut self, place: Place, answered_at: Option<u64>, group: u32, told: Told) {
        let before = self.lives.get(&place).copied();
        let within = before.map_or(Within::default(), |before| before.within);
        if before.is_none_or(|before| before.group != group) {
            if let Some(before) = before {
                self.sums[before.group as usize].take_back(place.offered_at, within);
            }
            self.sums[group as usize].add(place.offered_at, within);
        }
        self.lives.insert(place, Seen { answered_at, group, within });
        if before.is_none() {
            self.judge(&place, told);
        }
        let answered_before = before.and_then(|before| before.answered_at);
        if answered_before == answered_at {
            return;
        }
        // The new answer first: what repeats this life before and after was not found to do so anew.
        if let Some(answered_at) = answered_at {
            self.answers.insert(Answer { customer: place.customer, answered_at, of: place });
            self.judge_after(place.customer, answered_at, told);
        }
        self.take_back_answer(&place, answered_before, told);
    }

    fn remove(&mut self, place: &Place, told: Told) {
        let Some(seen) = self.lives.remove(place) else { return };
        self.sums[seen.group as usize].take_back(place.offered_at, seen.within);
        self.take_back_answer(place, seen.answered_at, told);
    }

    fn take_back_answer(&mut self, place: &Place, answered_at: Option<u64>, told: Told) {
        let Some(answered_at) = answered_at else { return };
        self.answers.remove(&Answer { customer: place.customer, answered_at, of: *place });
        self.judge_after(place.customer, answered_at, told);
    }

    /// Judges again what an answer that came or went can matter to.
    fn judge_after(&mut self, customer: u64, answered_at: u64, told: Told) {
        // Whoever is offered after two further answers repeats one of these, whatever was before: at most one of them is
        // its own.
        let later = self.answers.range(Answer::first(customer, answered_at + 1)..);
        let second = later.take_while(|answer| answer.customer == customer).nth(1).map(|answer| answer.answered_at);
        let longest = self.within.last().map_or(0, |within| within.length_ms);
        let end = second.unwrap_or(u64::MAX).min(answered_at.saturating_add(longest));
        let first = Place { customer, offered_at: answered_at, shard: 0, contact: 0 };
        let last = Place { customer, offered_at: end, shard: u32::MAX, contact: u64::MAX };
        let places: SmallVec<[Place; 4]> = self.lives.range(first..=last).map(|(place, _)| *place).collect();
        for place in places {
            self.judge(&place, told);
        }
    }

    /// Within which spans a life repeats another.
    fn within_of(&self, place: &Place) -> Within {
        let Place { customer, offered_at, .. } = *place;
        let earlier = self.answers.range(Answer::first(customer, 0)..Answer::first(customer, offered_at + 1));
        let Some(last) = earlier.rev().find(|answer| answer.of != *place) else { return Within::default() };
        let since_ms = offered_at - last.answered_at;
        let bits = self.within.iter().rev().fold(0, |bits, within| bits << 1 | u8::from(since_ms <= within.length_ms));
        Within(bits)
    }

    fn judge(&mut self, place: &Place, told: Told) {
        let within = self.within_of(place);
        let Some(seen) = self.lives.get_mut(place).filter(|seen| seen.within != within) else { return };
        let before = std::mem::replace(&mut seen.within, within);
        let sums = &mut self.sums[seen.group as usize];
        sums.take_back(place.offered_at, before);
        sums.add(place.offered_at, within);
        if told == Told::News {
            let gained = |span: &usize| within.has(*span) && !before.has(*span);
            (0..self.within.len()).filter(gained).for_each(|span| sums.counted[span] += 1);
        }
    }
}

impl Answer {
    /// The least answer of a customer at this time.
    fn first(customer: u64, answered_at: u64) -> Answer {
        Answer { customer, answered_at, of: Place { customer, offered_at: 0, shard: 0, contact: 0 } }
    }
}
