//! The agents: who takes which contact, who is free, on a break, at home, or gone from a deserted queue.

use super::agenda::Step;
use super::centre::Centre;
use super::profile::TIERS;
use super::random::millis;
use super::visit::Stage;
use crate::event::AgentState;

impl Centre {
    /// The agent of one of the desk's teams who has been free the longest, the desk's own team before others.
    pub(super) fn free_agent(&mut self, desk: u32) -> Option<u32> {
        let desk = &self.desks[desk as usize];
        if desk.deserted {
            return None;
        }
        desk.teams.iter().find_map(|&team| self.teams[team as usize].idle.pop_front())
    }

    /// Gives a contact to a free agent, who will pick it up in a moment.
    pub(super) fn assign(&mut self, now: u64, place: u32, agent: u32) {
        self.agents[agent as usize].engaged = true;
        self.show(now, agent, AgentState::Busy);
        let contact = &mut self.contacts[place as usize];
        contact.stage = Stage::Ringing;
        contact.agent = agent;
        let ticket = contact.ticket(place);
        let pick_up_ms = millis(self.desks[contact.desk as usize].profile.pick_up(&mut self.random));
        if pick_up_ms == 0 {
            self.answer(now, place);
        } else {
            self.agenda.step_at(now + pick_up_ms, ticket, Step::Answer);
        }
    }

    /// The agent is done with a contact.
    pub(super) fn release(&mut self, now: u64, agent: u32) {
        self.agents[agent as usize].engaged = false;
        self.settle(now, agent);
    }

    pub(super) fn start_shift(&mut self, now: u64, agent: u32) {
        self.agents[agent as usize].on_shift = true;
        self.settle(now, agent);
    }

    pub(super) fn end_shift(&mut self, now: u64, agent: u32) {
        let leaving = &mut self.agents[agent as usize];
        (leaving.on_shift, leaving.on_break) = (false, false);
        self.settle(now, agent);
    }

    pub(super) fn set_break(&mut self, now: u64, agent: u32, on_break: bool) {
        let resting = &mut self.agents[agent as usize];
        resting.on_break = on_break && resting.on_shift;
        self.settle(now, agent);
    }

    pub(super) fn start_outage(&mut self, now: u64, queue: u32) {
        let outages = &mut self.queues[queue as usize].outages;
        *outages += 1;
        if *outages == 1 {
            self.set_deserted(now, queue, true);
        }
    }

    pub(super) fn end_outage(&mut self, now: u64, queue: u32) {
        let outages = &mut self.queues[queue as usize].outages;
        *outages -= 1;
        if *outages == 0 {
            self.set_deserted(now, queue, false);
        }
    }

    /// The queue's live desks lose their own teams or get them back; floating agents do not step in meanwhile.
    fn set_deserted(&mut self, now: u64, queue: u32, deserted: bool) {
        for desk in self.queues[queue as usize].desks.clone() {
            let desk = &mut self.desks[desk as usize];
            if !desk.profile.channel.is_live() {
                continue;
            }
            desk.deserted = deserted;
            for team in desk.teams.clone() {
                let team = &mut self.teams[team as usize];
                team.absent = deserted && !team.floats;
                for agent in team.agents.clone() {
                    self.settle(now, agent);
                }
            }
        }
    }

    /// Puts an agent who is not engaged where the agent belongs: to the next waiting contact, among the free ones, on
    /// a break or home.
    fn settle(&mut self, now: u64, agent: u32) {
        let settling = &self.agents[agent as usize];
        if settling.engaged {
            return;
        }
        let team = settling.team;
        let (on_shift, is_idle) = (settling.on_shift, settling.shown == AgentState::Available);
        let serves = on_shift && !settling.on_break && !self.teams[team as usize].absent;
        let next = if serves { self.next_waiting(team) } else { None };
        if is_idle && (next.is_some() || !serves) {
            self.teams[team as usize].idle.retain(|&idle| idle != agent);
        }
        match next {
            Some(place) => {
                let desk = self.contacts[place as usize].desk;
                self.desks[desk as usize].length -= 1;
                self.assign(now, place, agent);
            }
            None if !serves => self.show(now, agent, if on_shift { AgentState::Away } else { AgentState::Offline }),
            None if !is_idle => {
                self.teams[team as usize].idle.push_back(agent);
                self.show(now, agent, AgentState::Available);
            }
            None => {}
        }
    }

    /// Takes the contact that a team should serve next off its desk's list: the highest tier first, then who has
    /// waited longest.
    fn next_waiting(&mut self, team: u32) -> Option<u32> {
        let mut best: Option<(usize, u64, u32)> = None;
        for &desk in &self.teams[team as usize].desks {
            let served = &mut self.desks[desk as usize];
            if served.deserted || served.length == 0 {
                continue;
            }
            for (tier, waiting) in served.waiting.iter_mut().enumerate() {
                while let Some(&ticket) = waiting.front() {
                    let contact = &self.contacts[ticket.place as usize];
                    if contact.stamp == ticket.stamp && contact.stage == Stage::Waiting {
                        let offer = (tier, contact.offered_ms, desk);
                        best = Some(best.map_or(offer, |best| best.min(offer)));
                        break;
                    }
                    waiting.pop_front();
                }
            }
        }
        let (tier, _, desk) = best?;
        debug_assert!(tier < TIERS.len());
        self.desks[desk as usize].waiting[tier].pop_front().map(|ticket| ticket.place)
    }

    /// Tells an agent's state if it changed.
    pub(super) fn show(&mut self, now: u64, agent: u32, state: AgentState) {
        let shown = &mut self.agents[agent as usize].shown;
        let before = std::mem::replace(shown, state);
        if before == state || !self.tells_agent_states {
            return;
        }
        let team = &self.teams[self.agents[agent as usize].team as usize];
        let mut line = self.writer.agent("agent_state", u64::from(agent) + 1, now).text("state", state.name());
        if before == AgentState::Offline {
            let mut queues: Vec<u32> = team.desks.iter().map(|&desk| self.desks[desk as usize].queue).collect();
            queues.sort_unstable();
            queues.dedup();
            line = line.texts("queues", queues.iter().map(|&queue| self.queues[queue as usize].name.as_str()));
        }
        line.end();
    }
}
