//! What goes wrong between what happened and what is read: the log that the engine gets to see.
//!
//! Each fault happens at least once in each log.

use std::fmt;

use holdline::engine::settings::Settings;

use super::conversation;
use super::dice::Dice;
use super::history::{self, QUEUES};
use holdline::model::event::{Fact, Record};

/// What can go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// A record comes out of order, a little.
    Reordered,
    /// A record comes late, but no later than lateness.
    Delayed,
    /// A record comes later than lateness.
    TooLate,
    /// A clock is off.
    ClockSkewed,
    /// A record comes again.
    Duplicated,
    /// A record says what never happened.
    Garbage,
    /// A record is of a time that nobody believes.
    WildTime,
    /// A record is about an agent.
    OfAnAgent,
    /// The process ends and goes on from its checkpoint.
    Restarted,
}

impl Fault {
    /// All of them.
    pub(super) const ALL: &[Fault] = &[
        Fault::Reordered,
        Fault::Delayed,
        Fault::TooLate,
        Fault::ClockSkewed,
        Fault::Duplicated,
        Fault::Garbage,
        Fault::WildTime,
        Fault::OfAnAgent,
        Fault::Restarted,
    ];
}

/// How often each fault happened.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultCounts([u64; Fault::ALL.len()]);

impl FaultCounts {
    /// How often this one happened.
    pub(super) fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: &FaultCounts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        Fault::ALL.iter().try_for_each(|&fault| writeln!(out, "{:>10}  {fault:?}", self.of(fault)))
    }
}

/// What the engine goes through.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Step {
    /// It reads a record.
    Read(Record),
    /// It stops and goes on from what it encoded.
    Restart,
}

/// A record and when it comes.
struct Arrival {
    at: u64,
    record: Record,
}

/// The log of these records after everything that can go wrong.
pub(super) fn spoil(records: Vec<Record>, settings: &Settings, dice: &mut Dice) -> (Vec<Step>, FaultCounts) {
    let mut counts = FaultCounts::default();
    let mut log: Vec<Arrival> =
        records.into_iter().map(|record| Arrival { at: record.time() + dice.below(300), record }).collect();
    let lateness = settings.lifetimes.lateness_ms;
    let is_quiet = dice.percent(15);
    let rates = [
        (Fault::Reordered, 200),
        (Fault::Delayed, 30),
        (Fault::TooLate, 12),
        (Fault::ClockSkewed, 50),
        (Fault::Duplicated, 80),
        (Fault::Garbage, 40),
        (Fault::WildTime, 3),
        (Fault::OfAnAgent, 40),
    ];
    for (fault, per_mille) in rates {
        let per_mille = if is_quiet { 1 } else { per_mille };
        for _ in 0..(log.len() * per_mille / 1000).max(1) {
            counts.0[fault as usize] += 1;
            let index = dice.index(log.len());
            happen(fault, index, &mut log, lateness, dice);
        }
    }
    log.sort_by_key(|arrival| arrival.at);
    let mut steps: Vec<Step> = log.into_iter().map(|arrival| Step::Read(arrival.record)).collect();
    for _ in 0..dice.between(1, 3) {
        counts.0[Fault::Restarted as usize] += 1;
        steps.insert(dice.index(steps.len()), Step::Restart);
    }
    (steps, counts)
}

fn happen(fault: Fault, index: usize, log: &mut Vec<Arrival>, lateness: u64, dice: &mut Dice) {
    let Arrival { at, record } = &mut log[index];
    let came = *at;
    match fault {
        Fault::Reordered => *at += dice.below(10_000),
        Fault::Delayed => *at += dice.below(lateness),
        Fault::TooLate => *at += lateness + dice.below(3 * lateness),
        Fault::ClockSkewed => {
            if let Record::Contact { fact, .. } = record {
                fact.time = fact.time + dice.pick(&[0, 1000, 3000, 5000, 7000, 13_000]) - dice.pick(&[1, 5000, 8000]);
            }
        }
        Fault::Duplicated => {
            let mut again = record.clone();
            if let Record::Contact { noise, .. } = &mut again {
                *noise = dice.percent(50).then(|| format!("agent {}", dice.below(9)));
            }
            let at = came + if dice.percent(80) { dice.below(60_000) } else { dice.below(4 * lateness) };
            log.push(Arrival { at, record: again });
        }
        Fault::Garbage => {
            let known = record.contact_id().unwrap_or("nobody").to_owned();
            let id = if dice.percent(80) { known } else { format!("g{}", dice.below(5)) };
            let time = record.time() + dice.below(40_000) - 20_000;
            let is_said = dice.percent(30);
            let what = if is_said { conversation::what_is_said(dice) } else { history::anything(dice) };
            let names = dice.percent(50) && what.name() != "offered";
            let queue = dice.pick(&[QUEUES[0], QUEUES[1], QUEUES[2], "nowhere"]);
            let fact = Fact::new(time, what, names.then_some(queue));
            log.push(Arrival { at: came + dice.below(1000), record: Record::Contact { id, fact, noise: None } });
        }
        Fault::WildTime => {
            if let Record::Contact { fact, .. } = record {
                let off = dice.pick(&[3_600_001, 3 * 3_600_000, 40 * 86_400_000, 9_000 * 86_400_000]);
                fact.time = if dice.percent(70) { fact.time + off } else { fact.time - off };
            }
        }
        Fault::OfAnAgent => {
            let time = record.time();
            log.push(Arrival { at: came, record: Record::Agent { id: format!("agent {}", dice.below(9)), time } });
        }
        Fault::Restarted => {}
    }
}
