//! Agents as they are encoded: facts by agent in order of ids, edges by queue and state. Which queues a fact inherits is
//! derived again on reading.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attendance::Headcount;
use super::{Agent, AgentFact, Agents, QUEUES, Queues};
use crate::engine::lane::Names;
use crate::engine::page::PAGE_MS;
use crate::engine::settings::Settings;
use crate::event::{AgentState, EventTime};

/// All of a shard's agents.
#[derive(Serialize, Deserialize)]
pub(in crate::engine) struct AgentsBody<'a> {
    #[serde(borrow)]
    held: Vec<AgentBody<'a>>,
    folded_to: u64,
    counts: Vec<HeadcountBody>,
}

/// Id, floor, facts.
#[derive(Serialize, Deserialize)]
struct AgentBody<'a>(&'a str, u64, Vec<FactBody>);

/// Time, state, queues if they were told.
#[derive(Serialize, Deserialize)]
struct FactBody(u64, u8, Option<Vec<u32>>);

/// Queue, state, base, edges.
#[derive(Serialize, Deserialize)]
struct HeadcountBody(u32, u8, i64, Vec<(u64, i32)>);

impl Agents {
    pub(in crate::engine) fn body(&self) -> AgentsBody<'_> {
        let fact = |fact: &AgentFact| FactBody(fact.time, fact.state as u8, fact.is_told.then(|| fact.queues.to_vec()));
        let held = self.held.iter();
        let counts = self.attendance.counts.iter();
        AgentsBody {
            held: held.map(|(id, agent)| AgentBody(id, agent.floor, agent.facts.iter().map(fact).collect())).collect(),
            folded_to: self.attendance.folded_to,
            counts: counts
                .map(|(&(queue, state), headcount)| {
                    HeadcountBody(queue, state as u8, headcount.base, headcount.edges().collect())
                })
                .collect(),
        }
    }

    /// The agents of this body, looked through up to `earliest` for those to be forgotten; else what is wrong with it.
    pub(in crate::engine) fn restore(
        body: &AgentsBody<'_>,
        settings: &Settings,
        names: &Names,
        earliest: u64,
    ) -> Result<Agents, &'static str> {
        let mut agents = Agents::new(settings);
        agents.swept = earliest / PAGE_MS;
        if body.held.len() > agents.limit_of_agents {
            return Err("too many agents");
        }
        for AgentBody(id, floor, facts) in &body.held {
            if agents.held.last_key_value().is_some_and(|(last, _)| last.as_str() >= *id) {
                return Err("agents out of order");
            }
            let facts = agents.facts(facts, names).ok_or("an agent's facts")?;
            agents.held.insert((*id).into(), Arc::new(Agent { facts, floor: *floor }));
        }
        agents.attendance.folded_to = body.folded_to;
        if !body.folded_to.is_multiple_of(PAGE_MS) {
            return Err("an hour folded in part");
        }
        let counts = body.counts.iter().map(|count| headcount(count, body.folded_to, names));
        let counts: Option<BTreeMap<_, _>> = counts.collect();
        agents.attendance.counts =
            counts.filter(|counts| counts.len() == body.counts.len()).ok_or("edges of agents")?;
        Ok(agents)
    }

    /// The facts of one agent; none if they could not have been inserted.
    fn facts(&self, bodies: &[FactBody], names: &Names) -> Option<Vec<AgentFact>> {
        if bodies.is_empty() || bodies.len() > self.limit_of_facts {
            return None;
        }
        let mut facts: Vec<AgentFact> = Vec::with_capacity(bodies.len());
        for FactBody(time, state, told) in bodies {
            let state = state_of(*state)?;
            EventTime::from_millis(*time)?;
            if told.as_ref().is_some_and(|queues| !is_set(queues, names)) {
                return None;
            }
            let before = facts.last();
            let is_after = |before: &AgentFact| before.compare(*time, state, told.as_deref(), names).is_lt();
            if !before.is_none_or(is_after) {
                return None;
            }
            let remembered = before.filter(|before| time - before.time <= self.memory_ms);
            let inherited = || remembered.map_or(&self.unknown, |before| &before.queues);
            let queues = match told {
                Some(told) => Queues::from(told.as_slice()),
                None => Arc::clone(inherited()),
            };
            facts.push(AgentFact { time: *time, state, queues, is_told: told.is_some() });
        }
        Some(facts)
    }
}

/// None if there are fewer than no agents anywhere, or some who stay for ever.
fn headcount(body: &HeadcountBody, folded_to: u64, names: &Names) -> Option<((u32, AgentState), Arc<Headcount>)> {
    let HeadcountBody(queue, state, base, edges) = body;
    let state = state_of(*state).filter(|state| *state != AgentState::Offline)?;
    let mut headcount = Headcount::of(*base);
    let mut count = *base;
    let mut last = None;
    for &(time, by) in edges {
        if time < folded_to || last >= Some(time) || by == 0 {
            return None;
        }
        last = Some(time);
        count = count.checked_add(i64::from(by)).filter(|count| (0..=i64::from(i32::MAX)).contains(count))?;
        headcount.change(time, by);
    }
    let is_whole = names.has(*queue) && *base >= 0 && count == 0 && !headcount.is_empty();
    is_whole.then_some(((*queue, state), Arc::new(headcount)))
}

fn state_of(number: u8) -> Option<AgentState> {
    AgentState::ALL.get(usize::from(number)).copied()
}

/// Whether these are numbers of queues in order of their names, none twice.
fn is_set(queues: &[u32], names: &Names) -> bool {
    queues.len() <= QUEUES + 1
        && queues.iter().all(|&queue| names.has(queue))
        && queues.is_sorted_by(|&one, &other| names.text(one) < names.text(other))
}
