//! What becomes of a contact on its visits: offered, answered, given up, sent on, completed.
//!
//! Letters (e-mail, social media) go on after the answer; that is told in `letters`, like what comes afterwards.

use super::agenda::{Step, Ticket};
use super::centre::Centre;
use super::profile::{Channel, TIERS};
use super::random::millis;
use crate::event::AgentState;

/// Where a contact stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Stage {
    #[default]
    Waiting,
    /// Came when the desk's list was full.
    TurnedAway,
    /// An agent is about to pick up.
    Ringing,
    /// Answered.
    Served,
}

/// A contact from its first offer to the last thing told about it.
#[derive(Default)]
pub(super) struct Contact {
    pub(super) number: u64,
    pub(super) customer: u32,
    /// Its place in [`TIERS`].
    pub(super) tier: usize,
    pub(super) desk: u32,
    /// The agent, while ringing or served.
    pub(super) agent: u32,
    /// Raised whenever everything put down for the contact becomes void.
    pub(super) stamp: u32,
    pub(super) stage: Stage,
    pub(super) offered_ms: u64,
    pub(super) answered_ms: u64,
    /// Wait of the latest answered visit.
    pub(super) wait_ms: u64,
    /// Talk, hold and after-contact work of the latest visit.
    pub(super) work_ms: [u64; 3],
    pub(super) visits: u32,
    /// Why it will leave instead of hanging up.
    pub(super) leaves: Option<&'static str>,
    /// The agent will send it on to another desk.
    pub(super) goes_on: bool,
    /// In a chat, whether the agent writes next.
    pub(super) agent_writes: bool,
    /// Letters written by agents.
    pub(super) letters: u32,
    pub(super) paused: bool,
    pub(super) reopened: bool,
    /// What will come of it.
    pub(super) outcome: &'static str,
    /// How many things are still to be told after the end.
    pub(super) follow_ups: u32,
}

impl Contact {
    /// For things to come that are void once the contact moves on.
    pub(super) fn ticket(&self, place: u32) -> Ticket {
        Ticket { place, stamp: self.stamp }
    }
}

/// After this wait another queue may take a contact, in milliseconds.
const OVERFLOW_AFTER_MS: u64 = 150_000;
/// Share of live contacts sent on by the agent who answered.
const SENT_ON: f64 = 0.05;
/// A contact has no more visits than this.
pub(super) const MOST_VISITS: u32 = 4;

impl Centre {
    /// Puts a contact into a desk's queue.
    pub(super) fn offer(&mut self, now: u64, place: u32, desk: u32) {
        let contact = &mut self.contacts[place as usize];
        contact.desk = desk;
        contact.offered_ms = now;
        contact.visits += 1;
        contact.stamp = contact.stamp.wrapping_add(1);
        let (ticket, tier, number, is_new) = (contact.ticket(place), contact.tier, contact.number, contact.visits == 1);
        let customer = u64::from(contact.customer);
        if let Some(offers) = &mut self.offers {
            offers.add(self.desks[desk as usize].queue, now);
        }
        let profile = self.desks[desk as usize].profile;
        let queue = &self.queues[self.desks[desk as usize].queue as usize].name;
        let line = self.writer.contact("offered", number, now).text("queue", queue);
        let line = line.text("channel", profile.channel.name()).text("tier", TIERS[tier].0);
        line.customer(customer).end();
        if !profile.channel.is_live() && is_new {
            self.writer.contact("customer_message", number, now).end();
        }
        let patience_ms = profile.patience(&mut self.random).map(|seconds| 500 + millis(seconds));
        let leaves = self.draw_leaving(profile.channel);
        let contact = &mut self.contacts[place as usize];
        (contact.stage, contact.leaves) = (Stage::Waiting, leaves);
        let served = &mut self.desks[desk as usize];
        if profile.channel.is_live() && served.length as f64 >= served.room {
            (contact.stage, contact.leaves) = (Stage::TurnedAway, Some("overflow"));
            let notice_ms = self.random.between(800, 3_000);
            self.agenda.step_at(now + notice_ms, ticket, Step::PatienceEnds);
            return;
        }
        if let Some(agent) = self.free_agent(desk) {
            // Picking up takes less than this, so the patience of others will not matter.
            if let Some(patience_ms) = patience_ms.filter(|&patience_ms| patience_ms < 15_000) {
                self.agenda.step_at(now + patience_ms, ticket, Step::PatienceEnds);
            }
            self.assign(now, place, agent);
            return;
        }
        self.desks[desk as usize].waiting[tier].push_back(ticket);
        self.desks[desk as usize].length += 1;
        if let Some(patience_ms) = patience_ms {
            self.agenda.step_at(now + patience_ms, ticket, Step::PatienceEnds);
            if profile.overflows && patience_ms > OVERFLOW_AFTER_MS {
                self.agenda.step_at(now + OVERFLOW_AFTER_MS, ticket, Step::Overflow);
            }
        }
    }

    /// Few leave by a way of their own instead of hanging up.
    fn draw_leaving(&mut self, channel: Channel) -> Option<&'static str> {
        let share = self.random.share();
        match channel {
            Channel::Voice if share < 0.08 => Some("callback"),
            Channel::Voice if share < 0.12 => Some("voicemail"),
            Channel::Voice if share < 0.15 => Some("key"),
            Channel::Chat if share < 0.04 => Some("withdrawn"),
            _ => None,
        }
    }

    /// The end of patience.
    pub(super) fn give_up(&mut self, now: u64, place: u32) {
        let contact = &self.contacts[place as usize];
        let (stage, leaves, agent) = (contact.stage, contact.leaves, contact.agent);
        self.leave(now, place, leaves);
        let unhappy = if leaves.is_none() && self.random.chance(0.015) { "complaint" } else { "" };
        self.plan_follow_ups(now, place, None, unhappy);
        if stage == Stage::Ringing {
            self.release(now, agent);
        }
    }

    /// Tells that a contact left its queue unanswered: for a reason, or because it hung up.
    fn leave(&mut self, now: u64, place: u32, reason: Option<&'static str>) {
        let contact = &mut self.contacts[place as usize];
        contact.stamp = contact.stamp.wrapping_add(1);
        let desk = contact.desk;
        if contact.stage == Stage::Waiting {
            self.desks[desk as usize].length -= 1;
        }
        let number = contact.number;
        let queue = &self.queues[self.desks[desk as usize].queue as usize].name;
        let mut line = self.writer.contact(if reason.is_some() { "left" } else { "abandoned" }, number, now);
        if self.desks[desk as usize].profile.channel == Channel::Voice {
            line = line.text("queue", queue);
        }
        match reason {
            Some(reason) => line.text("reason", reason).end(),
            None => line.end(),
        }
    }

    /// After a long wait, a neighbour with a shorter list may take the contact. Half the time no `left` tells so: the
    /// new offer does.
    pub(super) fn overflow(&mut self, now: u64, place: u32) {
        let contact = &self.contacts[place as usize];
        let (desk, visits) = (contact.desk, contact.visits);
        let neighbours = &self.desks[desk as usize].neighbours;
        let shortest = neighbours.iter().copied().min_by_key(|&neighbour| self.desks[neighbour as usize].length);
        let Some(neighbour) = shortest else { return };
        let (taking, full) = (&self.desks[neighbour as usize], &self.desks[desk as usize]);
        let takes = taking.takes(now) && !taking.deserted && taking.length * 2 < full.length;
        if contact.stage != Stage::Waiting || visits >= MOST_VISITS || !takes || !self.random.chance(0.6) {
            return;
        }
        if self.random.chance(0.5) {
            self.leave(now, place, Some("transfer"));
        } else {
            self.desks[desk as usize].length -= 1;
        }
        self.offer(now, place, neighbour);
    }

    /// After closing time: whoever still waits is sent away.
    pub(super) fn close_desk(&mut self, now: u64, desk: u32) {
        for tier in 0..TIERS.len() {
            while let Some(ticket) = self.desks[desk as usize].waiting[tier].pop_front() {
                let contact = &self.contacts[ticket.place as usize];
                if contact.stamp == ticket.stamp && contact.stage == Stage::Waiting {
                    self.leave(now, ticket.place, Some("timeout"));
                    self.forget(ticket.place);
                }
            }
        }
    }

    /// The agent picks up.
    pub(super) fn answer(&mut self, now: u64, place: u32) {
        let contact = &mut self.contacts[place as usize];
        let desk = &self.desks[contact.desk as usize];
        let channel = desk.profile.channel;
        contact.stage = Stage::Served;
        contact.stamp = contact.stamp.wrapping_add(1);
        contact.answered_ms = now;
        contact.wait_ms = now - contact.offered_ms;
        contact.work_ms = desk.profile.work(&mut self.random).map(millis);
        contact.goes_on = contact.visits < MOST_VISITS && self.random.chance(SENT_ON) && !desk.neighbours.is_empty();
        if contact.goes_on {
            contact.work_ms[0] = contact.work_ms[0] / 3 + 3_000;
        }
        contact.agent_writes = true;
        let ticket = contact.ticket(place);
        let talk_ends_ms = now + contact.work_ms[0] + contact.work_ms[1];
        let work_ends_ms = talk_ends_ms + contact.work_ms[2];
        let mut line = self.writer.contact("answered", contact.number, now);
        if channel != Channel::Chat {
            line = line.text("queue", &self.queues[desk.queue as usize].name);
        }
        line.agent(u64::from(contact.agent) + 1).end();
        if self.tells_agent_states && talk_ends_ms < work_ends_ms {
            self.agenda.step_at(talk_ends_ms, ticket, Step::TalkEnds);
        }
        self.agenda.step_at(work_ends_ms, ticket, Step::WorkEnds);
        if channel == Channel::Chat {
            self.plan_chat(now, place, talk_ends_ms);
        }
    }

    /// One of the two in a chat writes; they take turns.
    pub(super) fn chat(&mut self, now: u64, place: u32) {
        let contact = &mut self.contacts[place as usize];
        let kind = if contact.agent_writes { "agent_reply" } else { "customer_message" };
        contact.agent_writes = !contact.agent_writes;
        let talk_ends_ms = contact.answered_ms + contact.work_ms[0];
        self.writer.contact(kind, contact.number, now).end();
        self.plan_chat(now, place, talk_ends_ms);
    }

    fn plan_chat(&mut self, now: u64, place: u32, talk_ends_ms: u64) {
        let next_ms = now + 3_000 + millis(75.0 * self.random.exponential());
        if next_ms < talk_ends_ms {
            let ticket = self.contacts[place as usize].ticket(place);
            self.agenda.step_at(next_ms, ticket, Step::ChatMessage);
        }
    }

    pub(super) fn end_talk(&mut self, now: u64, place: u32) {
        self.show(now, self.contacts[place as usize].agent, AgentState::Wrapup);
    }

    /// The agent is done: the contact is completed, or goes on.
    pub(super) fn end_work(&mut self, now: u64, place: u32) {
        let contact = &mut self.contacts[place as usize];
        contact.stamp = contact.stamp.wrapping_add(1);
        let (desk, agent, goes_on) = (contact.desk, contact.agent, contact.goes_on);
        let is_live = self.desks[desk as usize].profile.channel.is_live();
        if let Some(neighbour) = goes_on.then(|| self.draw_neighbour(now, desk)).flatten() {
            // Half of those sent on are completed first; of the others nothing is told but the next offer.
            if self.random.chance(0.5) {
                self.complete(now, place);
            }
            self.offer(now, place, neighbour);
        } else if is_live {
            self.complete(now, place);
            self.conclude(now, place);
        } else {
            self.write_letter(now, place);
        }
        self.release(now, agent);
    }

    /// Another queue's desk that takes contacts now; none if the one that chance points at does not.
    fn draw_neighbour(&mut self, now: u64, desk: u32) -> Option<u32> {
        let neighbours = &self.desks[desk as usize].neighbours;
        let last = neighbours.len().checked_sub(1)?;
        let chosen = usize::try_from(self.random.between(0, last as u64)).ok()?;
        Some(neighbours[chosen]).filter(|&neighbour| self.desks[neighbour as usize].takes(now))
    }

    /// Tells that the visit is completed, mostly with the parts of its handle time.
    pub(super) fn complete(&mut self, now: u64, place: u32) {
        let contact = &self.contacts[place as usize];
        let desk = &self.desks[contact.desk as usize];
        let [talk_ms, hold_ms, wrap_ms] = contact.work_ms;
        let mut line = self.writer.contact("completed", contact.number, now);
        if desk.profile.channel != Channel::Chat {
            line = line.text("queue", &self.queues[desk.queue as usize].name);
        }
        line = line.agent(u64::from(contact.agent) + 1);
        if !desk.profile.channel.is_live() || self.random.chance(0.85) {
            line = line.thousandths("talk_seconds", talk_ms);
            if hold_ms > 0 {
                line = line.thousandths("hold_seconds", hold_ms);
            }
            if wrap_ms > 0 {
                line = line.thousandths("wrap_seconds", wrap_ms);
            }
        }
        line.end();
    }
}
