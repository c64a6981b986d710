//! What goes on after an answer: letters to and fro until a request is resolved, and what is told afterwards.
//!
//! Only the first letter takes an agent's time on the floor; later ones are written in office hours by whoever is
//! there, and add to the work that `completed` tells. A contact is completed with its last resolution, and what follows
//! a resolution follows within a day, while the contact is still remembered.

use super::agenda::Step;
use super::centre::Centre;
use super::random::millis;

/// An agent resolves with this letter at the latest.
const MOST_LETTERS: u32 = 9;
/// What comes after a contact comes within this, in milliseconds.
const AFTERWARDS_MS: u64 = 20 * 3_600_000;
/// How long the customer's silence is taken for consent, in milliseconds.
const SILENCE_MS: u64 = 3 * 24 * 3_600_000;

impl Centre {
    /// An agent's letter, after which the request is resolved or waits for the customer.
    pub(super) fn write_letter(&mut self, now: u64, place: u32) {
        let contact = &mut self.contacts[place as usize];
        contact.letters += 1;
        let (number, letters, agent) = (contact.number, contact.letters, u64::from(contact.agent) + 1);
        self.writer.contact("agent_reply", number, now).agent(agent).end();
        if letters >= MOST_LETTERS || self.random.chance(0.6) {
            self.resolve(now, place);
            return;
        }
        self.writer.contact("paused", number, now).end();
        let contact = &mut self.contacts[place as usize];
        contact.paused = true;
        let ticket = contact.ticket(place);
        if self.random.chance(0.15) {
            self.agenda.step_at(now + SILENCE_MS, ticket, Step::SilentResolve);
        } else {
            let hours = (5.0 * self.random.log_normal(1.2)).min(14.0 * 24.0);
            self.agenda.step_at(now + 60_000 + millis(hours * 3_600.0), ticket, Step::CustomerLetter);
        }
    }

    /// The customer's letter; an agent will write back.
    pub(super) fn customer_letter(&mut self, now: u64, place: u32) {
        let contact = &mut self.contacts[place as usize];
        let number = contact.number;
        if std::mem::take(&mut contact.paused) {
            self.writer.contact("resumed", number, now).end();
        }
        self.writer.contact("customer_message", number, now).end();
        let ticket = self.contacts[place as usize].ticket(place);
        let hours = (1.5 * self.random.log_normal(0.9)).min(72.0);
        let reply_ms = self.calendar.office_time(now + 120_000 + millis(hours * 3_600.0), &mut self.random);
        self.agenda.step_at(reply_ms, ticket, Step::AgentLetter);
    }

    pub(super) fn agent_letter(&mut self, now: u64, place: u32) {
        let desk = self.contacts[place as usize].desk;
        let work = self.desks[desk as usize].profile.work(&mut self.random);
        self.contacts[place as usize].work_ms[0] += millis(work[0]);
        self.write_letter(now, place);
    }

    /// The request is resolved; a few customers come back once more.
    pub(super) fn resolve(&mut self, now: u64, place: u32) {
        let comes_back = !self.contacts[place as usize].reopened && self.random.chance(0.06);
        if !comes_back {
            self.complete(now, place);
        }
        let contact = &self.contacts[place as usize];
        let ticket = contact.ticket(place);
        self.writer.contact("resolved", contact.number, now).agent(u64::from(contact.agent) + 1).end();
        if comes_back {
            let back_ms = now + self.random.between(3_600_000, AFTERWARDS_MS);
            self.agenda.step_at(back_ms, ticket, Step::Reopening);
        } else {
            self.conclude(now, place);
        }
    }

    pub(super) fn reopen(&mut self, now: u64, place: u32) {
        let contact = &mut self.contacts[place as usize];
        contact.reopened = true;
        contact.paused = false;
        let (number, desk) = (contact.number, contact.desk);
        let queue = &self.queues[self.desks[desk as usize].queue as usize].name;
        self.writer.contact("reopened", number, now).text("queue", queue).end();
        self.customer_letter(now, place);
    }

    /// After the last completion: what will come of it?
    pub(super) fn conclude(&mut self, now: u64, place: u32) {
        let contact = &self.contacts[place as usize];
        let is_slow = self.was_slow(place);
        let purchases = self.queues[self.desks[contact.desk as usize].queue as usize].purchases;
        let survey = self.random.chance(0.13).then_some(Step::Survey);
        let complaints = if is_slow { 0.05 } else { 0.006 };
        let share = self.random.share();
        let outcome = if share < purchases {
            "purchase"
        } else if share < purchases + complaints {
            "complaint"
        } else if share < purchases + complaints * 1.3 {
            "churn"
        } else {
            ""
        };
        self.plan_follow_ups(now, place, survey, outcome);
    }

    /// Puts down what is still to be told, or forgets the contact if there is nothing. No outcome is `""`.
    pub(super) fn plan_follow_ups(&mut self, now: u64, place: u32, survey: Option<Step>, outcome: &'static str) {
        let contact = &mut self.contacts[place as usize];
        contact.outcome = outcome;
        contact.follow_ups = u32::from(survey.is_some()) + u32::from(!outcome.is_empty());
        let (ticket, follow_ups) = (contact.ticket(place), contact.follow_ups);
        if let Some(step) = survey {
            let after_ms = 30_000 + millis(2_400.0 * self.random.log_normal(1.5));
            self.agenda.step_at(now + after_ms.min(AFTERWARDS_MS), ticket, step);
        }
        if !outcome.is_empty() {
            let after_ms = self.random.between(0, 600_000);
            self.agenda.step_at(now + after_ms, ticket, Step::Outcome);
        }
        if follow_ups == 0 {
            self.forget(place);
        }
    }

    /// The customer's judgement, which waiting spoils.
    pub(super) fn answer_survey(&mut self, now: u64, place: u32) {
        let is_slow = self.was_slow(place);
        let contact = &self.contacts[place as usize];
        let queue = &self.queues[self.desks[contact.desk as usize].queue as usize].name;
        let share = self.random.share();
        let (survey, score) = if self.random.chance(0.75) {
            let steps = if is_slow { [0.23, 0.38, 0.58, 0.80] } else { [0.06, 0.12, 0.24, 0.54] };
            ("csat", 1 + steps.iter().filter(|&&step| share >= step).count() as u64)
        } else {
            let (detractors, promoters) = if is_slow { (0.55, 0.80) } else { (0.20, 0.50) };
            let score = if share < detractors {
                self.random.between(0, 6)
            } else if share < promoters {
                self.random.between(7, 8)
            } else {
                self.random.between(9, 10)
            };
            ("nps", score)
        };
        let line = self.writer.contact("rated", contact.number, now).text("queue", queue);
        line.text("survey", survey).number("score", score).end();
        self.follow_up_done(place);
    }

    pub(super) fn tell_outcome(&mut self, now: u64, place: u32) {
        let contact = &self.contacts[place as usize];
        let queue = &self.queues[self.desks[contact.desk as usize].queue as usize].name;
        let mut line = self.writer.contact("outcome", contact.number, now).text("queue", queue);
        line = line.text("name", contact.outcome);
        if contact.outcome == "purchase" {
            line = line.hundredths("amount", millis(60.0 * self.random.log_normal(1.1)) / 10);
        }
        line.end();
        self.follow_up_done(place);
    }

    fn follow_up_done(&mut self, place: u32) {
        let contact = &mut self.contacts[place as usize];
        contact.follow_ups -= 1;
        if contact.follow_ups == 0 {
            self.forget(place);
        }
    }

    fn was_slow(&self, place: u32) -> bool {
        let contact = &self.contacts[place as usize];
        let is_live = self.desks[contact.desk as usize].profile.channel.is_live();
        contact.wait_ms > if is_live { 120_000 } else { 24 * 3_600_000 }
    }
}
