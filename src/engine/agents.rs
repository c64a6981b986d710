//! Agents: who is in which state, told by facts that may come in any order and more than once.
//!
//! A fact is (agent, time, state, queues told or not). From it on the agent is in that state until the agent's next
//! fact, or until nothing was heard for `lifetimes.agent_expire`: then the agent is offline, so that a desktop that
//! crashed does not staff a queue for ever. What follows from the facts of one agent is a list of pieces, from an
//! instant to an instant in a state and in some queues; an insertion takes back the pieces that it changes and books
//! those that it makes in `attendance`. There is no other way to change that.
//!
//! # Rules
//!
//! - At one instant facts are in order of the state's name, then of the queues (not told before told, else by their
//!   names), and the last one stands.
//! - A fact that tells no queues inherits those that the agent's fact before it had, unless that one is further back
//!   than an agent is remembered ([`Lifetimes::agent_memory_ms`]). With none ever told the agent counts under
//!   [`UNKNOWN`](crate::engine::lane::UNKNOWN). An empty list is told: such an agent serves no queue and counts in none.
//! - An agent who serves several queues counts in each of them: the sum over queues is more than the agents.
//! - Of whoever is offline nothing is counted.
//! - What is older than stream time − `lateness` is late and not applied. Of facts older than that only the last one is
//!   kept, since it decides how things stood then.
//!
//! No agent is ever named outside of here: what is told are numbers of agents and their time.

pub(super) mod attendance;
pub(super) mod body;
pub mod tally;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_memory;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use compact_str::CompactString;
use smallvec::SmallVec;

use self::attendance::Attendance;
use crate::engine::lane::{Names, UNKNOWN_NUMBER};
use crate::engine::page::PAGE_MS;
use crate::engine::settings::{Lifetimes, Settings};
use crate::engine::shard::Shard;
use crate::event::{AgentEvent, AgentState};

/// Queues that one fact tells: those beyond it, in order of their names, are tallied together as `_other`.
const QUEUES: usize = 64;

/// Numbers of queues, in order of their names, none twice.
type Queues = Arc<[u32]>;

/// One fact and what follows from those before it.
#[derive(Clone, Debug)]
struct AgentFact {
    /// In milliseconds.
    time: u64,
    state: AgentState,
    /// Those told, else those inherited.
    queues: Queues,
    is_told: bool,
}

/// All that is held of one agent.
#[derive(Clone, Debug, Default)]
struct Agent {
    /// In order, no two equal, never empty once it is held.
    facts: Vec<AgentFact>,
    /// Facts before this, in milliseconds, were let go of because there were too many.
    floor: u64,
}

/// What became of a fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Inserted {
    Applied,
    Duplicate,
    /// It is older than the latest facts of the agent that there is room for.
    BeyondLimit,
}

/// The agents of one shard.
#[derive(Clone, Debug)]
pub struct Agents {
    /// By id. A clone shares each until one of the two changes it.
    held: BTreeMap<CompactString, Arc<Agent>>,
    pub(super) attendance: Attendance,
    /// What an agent of whom no queue was ever told serves.
    unknown: Queues,
    expire_ms: u64,
    memory_ms: u64,
    limit_of_agents: usize,
    limit_of_facts: usize,
    /// The hour up to which agents were looked through for those to be forgotten.
    swept: u64,
}

impl Agents {
    /// Nobody yet.
    pub fn new(settings: &Settings) -> Agents {
        Agents {
            held: BTreeMap::new(),
            attendance: Attendance::default(),
            unknown: [UNKNOWN_NUMBER].into(),
            expire_ms: settings.lifetimes.agent_expire_ms,
            memory_ms: settings.lifetimes.agent_memory_ms(),
            limit_of_agents: settings.limits.agents,
            limit_of_facts: settings.limits.facts,
            swept: 0,
        }
    }

    /// How many are held, offline or not.
    pub fn count(&self) -> usize {
        self.held.len()
    }

    fn has_room_for(&self, id: &str) -> bool {
        self.held.len() < self.limit_of_agents || self.held.contains_key(id)
    }

    /// Adds a fact that is no earlier than `earliest`. Without `queues` it told none.
    fn insert(
        &mut self,
        id: &str,
        (time, state, queues): (u64, AgentState, Option<Queues>),
        earliest: u64,
        names: &Names,
    ) -> Inserted {
        let Agents { held, attendance, unknown, memory_ms, expire_ms, .. } = self;
        if !held.contains_key(id) {
            held.insert(id.into(), Arc::default());
        }
        let agent = Arc::make_mut(held.get_mut(id).expect("it was inserted if it was not there"));
        agent.forget_before(earliest, unknown);
        let facts = &mut agent.facts;
        let found = facts.binary_search_by(|known| known.compare(time, state, queues.as_deref(), names));
        let Err(place) = found else { return Inserted::Duplicate };
        if time < agent.floor {
            return Inserted::BeyondLimit;
        }

        let inherited = |time: u64, before: Option<(u64, &Queues)>| {
            let remembered = before.filter(|(before, _)| time - before <= *memory_ms);
            Arc::clone(remembered.map_or(&*unknown, |(_, queues)| queues))
        };
        let before = place.checked_sub(1).map(|before| &facts[before]);
        let is_told = queues.is_some();
        let queues = match (queues, before) {
            // Told again and again: one copy will do.
            (Some(told), Some(before)) if told == before.queues => Arc::clone(&before.queues),
            (Some(told), _) => told,
            (None, before) => inherited(time, before.map(|fact| (fact.time, &fact.queues))),
        };
        // Those after it that inherit other queues now.
        let mut heirs: SmallVec<[Queues; 2]> = SmallVec::new();
        let mut last = (time, Arc::clone(&queues));
        for heir in facts[place..].iter().take_while(|fact| !fact.is_told) {
            last = (heir.time, inherited(heir.time, Some((last.0, &last.1))));
            if last.1 == heir.queues {
                break;
            }
            heirs.push(Arc::clone(&last.1));
        }

        let (first, end) = (place.saturating_sub(1), place + heirs.len());
        book(attendance, -1, facts, first..end, *expire_ms);
        for (heir, queues) in facts[place..end].iter_mut().zip(heirs) {
            heir.queues = queues;
        }
        facts.insert(place, AgentFact { time, state, queues, is_told });
        book(attendance, 1, facts, first..end + 1, *expire_ms);
        if agent.facts.len() > self.limit_of_facts {
            agent.forget_oldest(unknown);
        }
        Inserted::Applied
    }

    /// Lets go of facts before `earliest` that decide nothing any more, and of agents of whom nothing was heard for so
    /// long that nothing they told matters to what they may tell. Once an hour of stream time; what they did stays.
    pub(super) fn forget(&mut self, earliest: u64) {
        let hour = earliest / PAGE_MS;
        if hour <= self.swept {
            return;
        }
        self.swept = hour;
        let Agents { held, unknown, memory_ms, .. } = self;
        held.retain(|_, agent| {
            if agent.has_old(earliest) {
                Arc::make_mut(agent).forget_before(earliest, unknown);
            }
            agent.facts.last().is_some_and(|last| last.time + *memory_ms >= earliest)
        });
    }
}

impl Agent {
    /// Lets go of all facts before `earliest` but the last of them.
    fn forget_before(&mut self, earliest: u64, unknown: &Queues) {
        let old = self.facts.iter().take_while(|fact| fact.time < earliest).count();
        if old > 1 {
            self.begin_with(old - 1, unknown);
        }
    }

    /// Whether more than one fact lies before `earliest`.
    fn has_old(&self, earliest: u64) -> bool {
        self.facts.get(1).is_some_and(|second| second.time < earliest)
    }

    /// Makes room for one. Whatever lies before the facts that stay is unknown from then on.
    fn forget_oldest(&mut self, unknown: &Queues) {
        let instant = self.facts[1].time;
        let stands = self.facts.iter().take_while(|fact| fact.time <= instant).count() - 1;
        self.begin_with(stands, unknown);
        self.floor = instant + 1;
    }

    fn begin_with(&mut self, place: usize, unknown: &Queues) {
        self.facts.drain(..place);
        // It inherits from nobody any more.
        let first = &mut self.facts[0];
        first.is_told |= first.queues != *unknown;
    }
}

impl AgentFact {
    /// How it compares to a fact of this time, state and queues told, by the order of facts.
    fn compare(&self, time: u64, state: AgentState, told: Option<&[u32]>, names: &Names) -> Ordering {
        // States are declared in order of their names.
        let texts = |queues: &[u32]| queues.iter().map(|&queue| names.text(queue)).collect::<SmallVec<[&str; 4]>>();
        let by_queues = || {
            let own = self.is_told.then(|| texts(&self.queues));
            own.cmp(&told.map(texts))
        };
        (self.time, self.state).cmp(&(time, state)).then_with(by_queues)
    }
}

/// Books what follows from some of the facts of one agent, or takes it back: as many agents more as `by` says.
fn book(attendance: &mut Attendance, by: i32, facts: &[AgentFact], range: Range<usize>, expire_ms: u64) {
    for at in range {
        let AgentFact { time, state, queues, .. } = &facts[at];
        let expires = time + expire_ms;
        let until = facts.get(at + 1).map_or(expires, |next| next.time.min(expires));
        if *state == AgentState::Offline || until == *time {
            continue;
        }
        for &queue in &**queues {
            attendance.change(queue, *state, *time, by);
            attendance.change(queue, *state, until, -by);
        }
    }
}

impl Lifetimes {
    /// How long an agent's queues are remembered after the agent's last fact, in milliseconds: as long as the longest
    /// that anything is held, so that whoever reads that far back knows as much as who never stopped.
    pub fn agent_memory_ms(&self) -> u64 {
        self.longest_expire_ms().max(self.agent_expire_ms)
    }
}

impl Shard {
    pub(super) fn insert_agent(&mut self, event: &AgentEvent<'_>) {
        let (time, earliest) = (event.time.millis(), self.earliest());
        if time < earliest {
            self.input.late += 1;
            return;
        }
        if !self.agents.has_room_for(&event.agent_id) {
            self.input.overflow_agents += 1;
            return;
        }
        let queues = event.queues.as_deref().map(|queues| self.numbers_of(queues));
        match self.agents.insert(&event.agent_id, (time, event.state, queues), earliest, &self.lanes.queues) {
            Inserted::Applied => {}
            Inserted::Duplicate => self.input.duplicate += 1,
            Inserted::BeyondLimit => self.input.overflow_facts += 1,
        }
    }

    /// The numbers of these queues. What is beyond a limit is counted here.
    fn numbers_of(&mut self, queues: &[Cow<'_, str>]) -> Queues {
        let mut texts: SmallVec<[&str; 8]> = queues.iter().map(|queue| &**queue).collect();
        texts.sort_unstable();
        texts.dedup();
        let is_cut = texts.len() > QUEUES;
        let numbered = texts.iter().take(QUEUES).map(|text| self.lanes.queues.numbered(text));
        let numbered: SmallVec<[_; 8]> = numbered.collect();
        self.input.overflow_lanes += u64::from(is_cut || numbered.iter().any(|numbered| numbered.cut));
        let rest = iter::once(0).filter(|_| is_cut);
        let mut numbers: SmallVec<[u32; 8]> = numbered.iter().map(|numbered| numbered.number).chain(rest).collect();
        let names = &self.lanes.queues;
        numbers.sort_unstable_by_key(|&number| names.text(number));
        numbers.dedup();
        numbers.as_slice().into()
    }
}
