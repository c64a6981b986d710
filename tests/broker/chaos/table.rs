//! What happened and what was found equal, added up over all acts.

use std::collections::BTreeMap;
use std::fmt;

use super::judge::Compared;
use super::phase::Phase;

/// Counts of everything, by the name of the store.
#[derive(Default)]
pub struct Table {
    kills: BTreeMap<(&'static str, Phase), usize>,
    counts: BTreeMap<(&'static str, Event), usize>,
    compared: BTreeMap<&'static str, Compared>,
}

/// What is counted besides kills.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Event {
    /// A checkpoint that was damaged.
    Damaged,
    /// One that the program named and did not use.
    Refused,
    /// An instance that stood still for longer than its session, and went on.
    Zombie,
    /// A broker that was killed.
    BrokerKill,
    /// Partitions that came to another instance in good order.
    Move,
    /// Partitions that came to another instance because theirs was dead or stood still.
    TakeOver,
    /// A disk without room.
    FullDisk,
    /// Once everything was compared.
    Judgement,
}

impl Event {
    const ALL: [Event; 8] = [
        Event::Damaged,
        Event::Refused,
        Event::Zombie,
        Event::BrokerKill,
        Event::Move,
        Event::TakeOver,
        Event::FullDisk,
        Event::Judgement,
    ];

    fn name(self) -> &'static str {
        match self {
            Event::Damaged => "checkpoints damaged",
            Event::Refused => "of those, refused by name",
            Event::Zombie => "zombies",
            Event::BrokerKill => "broker kills",
            Event::Move => "partitions moved in good order",
            Event::TakeOver => "partitions taken over",
            Event::FullDisk => "full disks",
            Event::Judgement => "judgements",
        }
    }
}

impl Table {
    /// A process was killed in this phase.
    pub fn kill(&mut self, store: &'static str, phase: Phase) {
        *self.kills.entry((store, phase)).or_default() += 1;
    }

    /// Something happened so often.
    pub fn count(&mut self, store: &'static str, event: Event, times: usize) {
        *self.counts.entry((store, event)).or_default() += times;
    }

    /// This was found equal.
    pub fn found(&mut self, store: &'static str, compared: Compared) {
        self.compared.entry(store).or_default().add(compared);
        self.count(store, Event::Judgement, 1);
    }

    /// How many processes were killed in this phase.
    pub fn kills(&self, store: &'static str, phase: Phase) -> usize {
        self.kills.get(&(store, phase)).copied().unwrap_or(0)
    }

    /// How often something happened.
    pub fn counted(&self, store: &'static str, event: Event) -> usize {
        self.counts.get(&(store, event)).copied().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, of: &dyn Fn(&'static str) -> usize| {
            let (folder, topic) = (of("folder"), of("topic"));
            writeln!(formatter, "{name:<34}{folder:>12}{topic:>12}{:>12}", folder + topic)
        };
        for phase in Phase::ALL {
            row(&format!("kills, {phase:?}").to_lowercase(), &|store| self.kills(store, phase))?;
        }
        row("kills", &|store| Phase::ALL.iter().map(|&phase| self.kills(store, phase)).sum())?;
        for event in Event::ALL {
            row(event.name(), &|store| self.counted(store, event))?;
        }
        let compared = |store| self.compared.get(store).copied().unwrap_or_default();
        row("events judged by", &|store| compared(store).events)?;
        row("counters compared", &|store| compared(store).counters)?;
        row("buckets compared", &|store| compared(store).buckets)?;
        row("window series compared", &|store| compared(store).windows)?;
        row("of all those, not zero", &|store| compared(store).not_zero)
    }
}
