//! What agents of a queue did over a span, and the formulas on it. Plain mergeable values.

use std::ops::AddAssign;

use super::attendance::Span;
use crate::event::AgentState;

/// A number for each state in which an agent is at work. Of whoever is offline nothing is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ByState {
    /// Waiting for a contact.
    pub available: u64,
    /// Away from the desk.
    pub away: u64,
    /// With a contact.
    pub busy: u64,
    /// Working on after a contact.
    pub wrapup: u64,
}

impl ByState {
    /// Each state with its number, by the state's name.
    pub fn each(&self) -> [(AgentState, u64); 4] {
        [
            (AgentState::Available, self.available),
            (AgentState::Away, self.away),
            (AgentState::Busy, self.busy),
            (AgentState::Wrapup, self.wrapup),
        ]
    }

    /// Those who are there for contacts: available, busy or in after-contact work.
    pub fn staffed(&self) -> u64 {
        self.available + self.busy + self.wrapup
    }

    fn set(&mut self, state: AgentState, number: u64) {
        match state {
            AgentState::Available => self.available = number,
            AgentState::Away => self.away = number,
            AgentState::Busy => self.busy = number,
            AgentState::Wrapup => self.wrapup = number,
            AgentState::Offline => {}
        }
    }
}

impl AddAssign for ByState {
    fn add_assign(&mut self, other: ByState) {
        self.available += other.available;
        self.away += other.away;
        self.busy += other.busy;
        self.wrapup += other.wrapup;
    }
}

/// What the agents of one queue did over a span.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AgentTally {
    /// How many agents are in each state at the end of the span, by facts before it.
    pub now: ByState,
    /// How long agents were in each state, added up over agents, in milliseconds.
    pub time_ms: ByState,
}

impl AgentTally {
    /// Adds what other agents did over the same span.
    pub fn merge(&mut self, other: &AgentTally) {
        self.now += other.now;
        self.time_ms += other.time_ms;
    }

    /// Whether nobody was there.
    pub fn is_empty(&self) -> bool {
        *self == AgentTally::default()
    }

    /// For how long agents were working or ready to, added up, in milliseconds: available, busy and after-contact work.
    pub fn staffed_ms(&self) -> u64 {
        self.time_ms.available + self.engaged_ms()
    }

    /// The share of that time in which they were at work on contacts, 0 to 1: busy / (busy + available), where
    /// after-contact work is part of handling and counts as busy. None if nobody was there.
    pub fn occupancy(&self) -> Option<f64> {
        let staffed_ms = self.staffed_ms();
        (staffed_ms > 0).then(|| self.engaged_ms() as f64 / staffed_ms as f64)
    }

    /// Contacts handled in an hour by one agent, of so many that were completed over the span. None if nobody was there.
    pub fn handled_per_agent_hour(&self, completed: u64) -> Option<f64> {
        const HOUR_MS: f64 = 3_600_000.0;
        let staffed_ms = self.staffed_ms();
        (staffed_ms > 0).then(|| completed as f64 * HOUR_MS / staffed_ms as f64)
    }

    fn engaged_ms(&self) -> u64 {
        self.time_ms.busy + self.time_ms.wrapup
    }

    pub(super) fn set(&mut self, state: AgentState, span: Span) {
        let number = |sum| u64::try_from(sum).expect("nobody leaves a state without having been in it");
        self.now.set(state, number(span.count));
        self.time_ms.set(state, number(span.time_ms));
    }
}
