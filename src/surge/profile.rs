//! Which share of a day's arrivals comes in which slot.
//!
//! A slot's share is what came in it as a part of what came on the days that had it, of that weekday and, as if there
//! had been another day and a half of it, of all days of the kind. What is long ago counts less. Open and closed slots
//! are told apart: a day with other hours than usual takes from days on which a slot was open what it has open. A slot
//! that a day did not have, or that nobody knows of, adds nothing to either side. One that is far too full, or silent,
//! on three days in a row is not what it was, as when hours change: it is learned anew.

use super::clock::{Quarter, SLOTS};
use super::day::{Day, Kind};
use super::parameters::Model;

/// What is assumed at first counts as so many days of a kind: as much in each open slot, and this of it in a closed
/// one.
const ASSUMED_DAYS: f64 = 0.25;
const ASSUMED_CLOSED: f64 = 0.02;

/// After so many days in a row on which a slot was far too full, or silent, that is no chance.
const ODD_DAYS: u8 = 3;

/// What one day adds to a profile.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlotSeen {
    /// The quarter of an hour.
    pub quarter: Quarter,
    /// How many came, without what is beyond chance.
    pub count: f64,
    /// How many came.
    pub raw: f64,
    /// Whether it is known: neither before the first count nor part of a long silence.
    pub is_known: bool,
}

/// The profiles of a queue.
#[derive(Clone, PartialEq, Debug)]
pub struct Profiles {
    model: Model,
    weekdays: [Sums; 7],
    /// Of which kind each weekday was last.
    kind_of: [Option<Kind>; 7],
    kinds: [Sums; 3],
}

#[derive(Clone, PartialEq, Debug)]
struct Sums {
    /// By closed and open.
    slots: [[SlotSum; 2]; SLOTS],
    /// On how many days in a row a slot was far too full, and silent.
    full: [u8; SLOTS],
    silent: [u8; SLOTS],
    days: u32,
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct SlotSum {
    count: f64,
    of: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { slots: [[SlotSum::default(); 2]; SLOTS], full: [0; SLOTS], silent: [0; SLOTS], days: 0 }
    }
}

impl Profiles {
    /// Of which nothing is known.
    pub fn new(model: &Model) -> Profiles {
        Profiles {
            model: model.clone(),
            weekdays: std::array::from_fn(|_| Sums::default()),
            kind_of: [None; 7],
            kinds: std::array::from_fn(|_| Sums::default()),
        }
    }

    /// How many days of a kind it knows.
    pub fn days(&self, kind: Kind) -> u32 {
        self.kinds[kind.index()].days
    }

    /// Takes up a day with such a total; `age` is how many days it lies before the last day to be learned.
    pub fn learn(&mut self, day: &Day, age: u32, total: f64, slots: &[SlotSeen]) {
        let weight = self.weight(day.kind, age);
        if day.is_regular {
            self.kind_of[day.weekday] = Some(day.kind);
        }
        let kind = &mut self.kinds[day.kind.index()];
        let is_new = kind.is_new(slots);
        // What is known of short and closed days is little, and soon forgotten anyway.
        let forgets = day.kind == Kind::Working;
        if forgets {
            let like = self.weekdays.iter_mut().zip(self.kind_of).filter(|(_, kind)| *kind == Some(day.kind));
            like.for_each(|(sums, _)| sums.forget(&is_new));
            kind.forget(&is_new);
        }
        kind.learn(weight, total, slots, &is_new);
        if day.is_regular {
            let weekday = &mut self.weekdays[day.weekday];
            let is_new_too = weekday.is_new(slots);
            if forgets {
                weekday.forget(&is_new_too);
            }
            weekday.learn(weight, total, slots, &std::array::from_fn(|slot| is_new[slot] || is_new_too[slot]));
        }
    }

    /// The share of each of these quarters in a usual day's arrivals; the sum is 1 if the day has each slot once. `age`
    /// is the day's as in `learn`, and 0 for days to come.
    pub fn shares(&self, day: &Day, age: u32, total: f64, quarters: &[Quarter]) -> Vec<f64> {
        let by_open = self.by_open(day, age, total);
        let mut is_open = [None; SLOTS];
        quarters.iter().for_each(|quarter| is_open[quarter.slot] = Some(quarter.is_open));
        let mut by_slot = [0.0; SLOTS];
        let mut last = false;
        for (slot, share) in by_slot.iter_mut().enumerate() {
            last = is_open[slot].unwrap_or(last);
            is_open[slot] = Some(last);
            *share = by_open[slot][usize::from(last)];
        }
        let is_alike = |slot: usize, other: usize| other < SLOTS && is_open[slot] == is_open[other];
        let neighbour = |slot: usize, other: usize| if is_alike(slot, other) { by_slot[other] } else { by_slot[slot] };
        let smooth = |slot: usize| {
            let (before, after) = (neighbour(slot, slot.wrapping_sub(1)), neighbour(slot, slot + 1));
            by_slot[slot] * (1.0 - 2.0 * self.model.smoothing) + (before + after) * self.model.smoothing
        };
        let smoothed: [f64; SLOTS] = std::array::from_fn(smooth);
        let sum: f64 = smoothed.iter().sum();
        quarters
            .iter()
            .map(|quarter| if sum > 0.0 { smoothed[quarter.slot] / sum } else { 1.0 / SLOTS as f64 })
            .collect()
    }

    /// What a day of a kind counts that is so many days old.
    fn weight(&self, kind: Kind, age: u32) -> f64 {
        let Model { half_life_days, half_life_closed_days, .. } = self.model;
        let half_life = if kind == Kind::Working { half_life_days } else { half_life_closed_days };
        libm::exp2(-f64::from(age) / half_life)
    }

    /// The share of each slot if it is closed, and if it is open.
    fn by_open(&self, day: &Day, age: u32, total: f64) -> [[f64; 2]; SLOTS] {
        let kind = &self.kinds[day.kind.index()];
        // A kind of which nothing is known is like working days, as far as its hours allow.
        let other = &self.kinds[Kind::Working.index()];
        let weekday = day.is_regular.then(|| &self.weekdays[day.weekday]);
        // Of what days have gathered, as much as if they had been seen today.
        let (weight_now, working_now) = (self.weight(day.kind, age), self.weight(Kind::Working, age));
        let scaled = |sum: SlotSum, by: f64| SlotSum { count: sum.count / by, of: sum.of / by };
        let total = total.max(1.0);
        std::array::from_fn(|slot| {
            std::array::from_fn(|open| {
                let assumed = if open == 1 { 1.0 } else { ASSUMED_CLOSED } / SLOTS as f64;
                let assumed = scaled(other.slots[slot][open], working_now).share(assumed, ASSUMED_DAYS * total);
                let pooled = scaled(kind.slots[slot][open], weight_now).share(assumed, ASSUMED_DAYS * total);
                weekday.map_or(pooled, |sums| {
                    scaled(sums.slots[slot][open], weight_now).share(pooled, self.model.pooled_days * total)
                })
            })
        })
    }
}

impl SlotSum {
    /// The share, where `assumed` is as good as having seen so many.
    fn share(self, assumed: f64, of: f64) -> f64 {
        (self.count + assumed * of) / (self.of + of)
    }
}

impl Sums {
    /// Which slots have been odd for so many days in a row that they are learned anew.
    fn is_new(&mut self, slots: &[SlotSeen]) -> [bool; SLOTS] {
        let mut is_new = [false; SLOTS];
        for seen in slots {
            let slot = seen.quarter.slot;
            for (days, is_odd) in
                [(&mut self.full[slot], seen.count < seen.raw), (&mut self.silent[slot], !seen.is_known)]
            {
                *days = if is_odd { (*days + 1).min(ODD_DAYS) } else { 0 };
                is_new[slot] |= *days == ODD_DAYS;
            }
        }
        is_new
    }

    fn forget(&mut self, slots: &[bool; SLOTS]) {
        self.slots
            .iter_mut()
            .zip(slots)
            .filter(|(_, forgets)| **forgets)
            .for_each(|(sum, _)| *sum = Default::default());
    }

    /// Takes up slots; those that are new as they are, others without what is beyond chance.
    fn learn(&mut self, weight: f64, total: f64, slots: &[SlotSeen], is_new: &[bool; SLOTS]) {
        self.days += 1;
        for seen in slots {
            let Quarter { slot, is_open, .. } = seen.quarter;
            if seen.is_known || is_new[slot] {
                let sum = &mut self.slots[slot][usize::from(is_open)];
                sum.count += weight * if is_new[slot] { seen.raw } else { seen.count };
                sum.of += weight * total;
            }
        }
    }
}
