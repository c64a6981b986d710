//! The simulation itself: time goes from happening to happening, contacts arrive, days begin and end.
//!
//! What agents do is told in `floor`, what becomes of a contact in `visit` and `letters`.

use std::collections::VecDeque;

use jiff::civil::Date;

use super::Scenario;
use super::agenda::{Agenda, Happening, Step};
use super::calendar::{Calendar, Day};
use super::history::Offers;
use super::layout::{Agent, Desk, Layout, Queue, Team, index};
use super::profile::TIERS;
use super::random::{Random, millis};
use super::staffing::{self, Plan};
use super::surge::Stream;
use super::visit::Contact;
use super::writer::{Produced, Writer};

/// A support centre that goes on until its scenario says stop.
pub struct Centre {
    pub(super) writer: Writer,
    pub(super) agenda: Agenda,
    pub(super) random: Random,
    pub(super) calendar: Calendar,
    pub(super) queues: Vec<Queue>,
    pub(super) desks: Vec<Desk>,
    pub(super) teams: Vec<Team>,
    pub(super) agents: Vec<Agent>,
    pub(super) contacts: Vec<Contact>,
    /// Places in `contacts` that are free again.
    pub(super) free: Vec<u32>,
    pub(super) tells_agent_states: bool,
    /// Counts offers, for who wants nothing else.
    pub(super) offers: Option<Offers>,
    /// Those whom surges bring.
    surges: Vec<Stream>,
    /// Draws for planning only, so that a day's shifts do not depend on what happened before.
    planning: Random,
    outages: f64,
    plan: Plan,
    opens_ms: u64,
    today: Day,
    /// Customers who were here lately; some come again.
    recent: VecDeque<u32>,
    customers: u64,
    offered: u64,
    open: u64,
    contacts_wanted: Option<u64>,
    events_left: Option<u64>,
    ends_ms: u64,
}

/// How many customers are remembered as having been here lately.
const RECENT: usize = 4_096;
/// Share of the contacts whose customer was here lately.
const RETURNING: f64 = 0.14;

impl Centre {
    /// Lays the centre out and opens it at the first instant of the scenario's first day. The first event comes with
    /// the first shift or the first contact.
    ///
    /// # Errors
    /// A scenario that makes no sense; the error names the field, its value and what is possible.
    pub fn new(scenario: &Scenario) -> Result<Centre, super::ScenarioError> {
        scenario.check()?;
        let calendar = Calendar::new(scenario);
        let today = calendar.day(scenario.from).ok_or(super::ScenarioError::From(scenario.from))?;
        let ends_ms = match scenario.days {
            Some(days) => calendar.midnight_after(scenario.from, days).unwrap_or(u64::MAX),
            None => u64::MAX,
        };
        let mut planning = Random::new(scenario.seed, 1);
        let layout = Layout::new(scenario.queues, scenario.load, &mut planning);
        let mut agenda = Agenda::default();
        agenda.at(today.start_ms, Happening::DayStarts);
        for outage in &scenario.planned_outages {
            let queue = layout.queue_with_live_desks(&outage.queue)?;
            let start_ms = today.start_ms.saturating_add(outage.after_ms);
            agenda.at(start_ms, Happening::OutageStarts(queue));
            agenda.at(start_ms.saturating_add(outage.for_ms), Happening::OutageEnds(queue));
        }
        let surges = Stream::all(scenario, &layout, today.start_ms)?;
        let Layout { queues, desks, teams } = layout;
        let volume: f64 = desks.iter().map(|desk| desk.volume).sum();
        Ok(Centre {
            writer: Writer::new(scenario.zone.clone(), scenario.seed, scenario.pad),
            agenda,
            random: Random::new(scenario.seed, 0),
            calendar,
            queues,
            desks,
            teams,
            agents: Vec::new(),
            contacts: Vec::new(),
            free: Vec::new(),
            tells_agent_states: scenario.agent_states,
            offers: None,
            surges,
            planning,
            outages: scenario.outages,
            plan: Plan {
                working_days: scenario.working_days.iter().filter(|&&working| working).count() as f64,
                foreseen: scenario.foreseen,
            },
            opens_ms: today.start_ms,
            today,
            recent: VecDeque::with_capacity(RECENT),
            // A customer calls every few weeks on average.
            customers: millis(volume * 0.025).clamp(100, 4_000_000_000),
            offered: 0,
            open: 0,
            contacts_wanted: scenario.contacts,
            events_left: scenario.events,
            ends_ms,
        })
    }

    /// The first instant of the scenario, in milliseconds since the epoch.
    pub fn opens_ms(&self) -> u64 {
        self.opens_ms
    }

    /// Appends the next event as one line of JSON, line feed included. None when the scenario is over.
    pub fn next_event(&mut self, out: &mut Vec<u8>) -> Option<Produced> {
        if self.events_left == Some(0) {
            return None;
        }
        loop {
            if let Some(produced) = self.writer.take(out) {
                if let Some(left) = &mut self.events_left {
                    *left -= 1;
                }
                return Some(produced);
            }
            if self.has_all_contacts() && self.open == 0 {
                return None;
            }
            let (now, happening) = self.agenda.next()?;
            if now >= self.ends_ms {
                self.events_left = Some(0);
                return None;
            }
            self.happen(now, happening);
        }
    }

    fn happen(&mut self, now: u64, happening: Happening) {
        match happening {
            Happening::DayStarts => self.start_day(now),
            Happening::Arrival(desk) => self.arrive(now, desk),
            Happening::SurgeArrival(stream) => self.arrive_by_surge(now, stream),
            Happening::DeskCloses(desk) => self.close_desk(now, desk),
            Happening::OutageStarts(queue) => self.start_outage(now, queue),
            Happening::OutageEnds(queue) => self.end_outage(now, queue),
            Happening::ShiftStarts(agent) => self.start_shift(now, agent),
            Happening::ShiftEnds(agent) => self.end_shift(now, agent),
            Happening::BreakStarts(agent) => self.set_break(now, agent, true),
            Happening::BreakEnds(agent) => self.set_break(now, agent, false),
            Happening::Contact(ticket, step) => {
                if self.contacts[ticket.place as usize].stamp == ticket.stamp {
                    self.proceed(now, ticket.place, step);
                }
            }
        }
    }

    fn proceed(&mut self, now: u64, place: u32, step: Step) {
        match step {
            Step::PatienceEnds => self.give_up(now, place),
            Step::Overflow => self.overflow(now, place),
            Step::Answer => self.answer(now, place),
            Step::ChatMessage => self.chat(now, place),
            Step::TalkEnds => self.end_talk(now, place),
            Step::WorkEnds => self.end_work(now, place),
            Step::CustomerLetter => self.customer_letter(now, place),
            Step::AgentLetter => self.agent_letter(now, place),
            Step::SilentResolve => self.resolve(now, place),
            Step::Reopening => self.reopen(now, place),
            Step::Survey => self.answer_survey(now, place),
            Step::Outcome => self.tell_outcome(now, place),
        }
    }

    fn start_day(&mut self, now: u64) {
        // The first day was made when the centre was, so that a calendar without it is noticed there.
        if now >= self.today.end_ms {
            let Some(day) = self.calendar.day(next(self.today.date)) else { return };
            self.today = day;
        }
        self.agenda.at(self.today.end_ms, Happening::DayStarts);
        for desk in 0..self.desks.len() {
            self.open_desk(desk);
            self.plan_arrival(desk, now);
        }
        for stream in 0..self.surges.len() {
            self.plan_surge_arrival(stream, now);
        }
        for team in 0..self.teams.len() {
            self.plan_shifts(team);
        }
        self.plan_outages();
    }

    fn open_desk(&mut self, place: usize) {
        let (day, desk) = (&self.today, &mut self.desks[place]);
        let Some((opens, closes)) = desk.profile.hours.of_day(day.working) else {
            desk.open_ms = 0..0;
            return;
        };
        desk.open_ms = day.at_minute(opens)..day.at_minute(closes);
        if desk.profile.channel.is_live() && closes < 24 * 60 {
            self.agenda.at(day.at_minute(closes + 15), Happening::DeskCloses(index(place)));
        }
    }

    fn plan_shifts(&mut self, team: usize) {
        let mood = 0.92 + 0.12 * self.planning.share();
        let shifts = staffing::shifts(&self.teams[team], &self.desks, &self.today, self.plan, mood);
        for (place, shift) in shifts.into_iter().enumerate() {
            if place == self.teams[team].agents.len() {
                self.teams[team].agents.push(index(self.agents.len()));
                self.agents.push(Agent { team: index(team), ..Agent::default() });
            }
            let agent = self.teams[team].agents[place];
            // Some are a little late; all stay a little longer than the desk is open.
            let late_ms = millis(40.0 * self.planning.exponential()).min(600_000);
            self.agenda.at(self.today.at_minute(shift.starts) + late_ms, Happening::ShiftStarts(agent));
            let end_ms = (self.today.at_minute(shift.ends) + self.planning.between(0, 600_000)).min(self.today.end_ms);
            self.agenda.at(end_ms, Happening::ShiftEnds(agent));
            if shift.ends - shift.starts >= 6 * 60 {
                let minute = shift.starts + self.planning.between(150, 270);
                let break_ms = self.today.at_minute(minute) + self.planning.between(0, 59_999);
                self.agenda.at(break_ms, Happening::BreakStarts(agent));
                let length_ms = self.planning.between(24 * 60_000, 36 * 60_000);
                self.agenda.at(break_ms + length_ms, Happening::BreakEnds(agent));
            }
        }
    }

    /// On working days, some queue loses its agents for an hour or so.
    fn plan_outages(&mut self) {
        for queue in 0..self.queues.len() {
            let (strikes, minute, length_ms) = (
                self.planning.chance(self.outages),
                self.planning.between(9 * 60, 17 * 60),
                self.planning.between(40 * 60_000, 90 * 60_000),
            );
            let is_live =
                self.queues[queue].desks.iter().any(|&desk| self.desks[desk as usize].profile.channel.is_live());
            if strikes && is_live && self.today.working {
                let start_ms = self.today.at_minute(minute);
                self.agenda.at(start_ms, Happening::OutageStarts(index(queue)));
                self.agenda.at(start_ms + length_ms, Happening::OutageEnds(index(queue)));
            }
        }
    }

    /// Puts down the next arrival of today after `from_ms`, if there is one. Within a quarter of an hour the rate
    /// stands still, and a Poisson process forgets: so a gap that passes the end of the quarter is drawn anew there.
    fn plan_arrival(&mut self, desk: usize, mut from_ms: u64) {
        let day = &self.today;
        while from_ms < day.end_ms {
            let quarter_ends_ms = day.quarter_ends(from_ms);
            let expected = self.desks[desk].expected(day, from_ms);
            if expected > 0.0 {
                let time_ms = from_ms + millis(self.random.exponential() * 900.0 / expected);
                if time_ms < quarter_ends_ms {
                    self.agenda.at(time_ms, Happening::Arrival(index(desk)));
                    return;
                }
            }
            from_ms = quarter_ends_ms;
        }
    }

    /// The same for whom a surge brings.
    fn plan_surge_arrival(&mut self, place: usize, from_ms: u64) {
        let stream = &mut self.surges[place];
        let desk = &self.desks[stream.desk() as usize];
        if let Some(time_ms) = stream.next(from_ms, &self.today, desk) {
            self.agenda.at(time_ms, Happening::SurgeArrival(index(place)));
        }
    }

    fn arrive(&mut self, now: u64, desk: u32) {
        if !self.has_all_contacts() {
            self.plan_arrival(desk as usize, now);
            self.let_in(now, desk);
        }
    }

    fn arrive_by_surge(&mut self, now: u64, stream: u32) {
        if !self.has_all_contacts() {
            self.plan_surge_arrival(stream as usize, now);
            self.let_in(now, self.surges[stream as usize].desk());
        }
    }

    fn has_all_contacts(&self) -> bool {
        self.contacts_wanted.is_some_and(|wanted| self.offered >= wanted)
    }

    /// Makes a contact and puts it into a desk's queue.
    fn let_in(&mut self, now: u64, desk: u32) {
        self.offered += 1;
        self.open += 1;
        let customer = self.draw_customer();
        let mut share = self.random.share();
        let tier = TIERS.iter().position(|&(_, of_tier)| {
            share -= of_tier;
            share < 0.0
        });
        let tier = tier.unwrap_or(TIERS.len() - 1);
        let place = self.free.pop().unwrap_or_else(|| {
            self.contacts.push(Contact::default());
            index(self.contacts.len() - 1)
        });
        let kept = &mut self.contacts[place as usize];
        *kept = Contact { number: self.offered, customer, tier, stamp: kept.stamp, ..Contact::default() };
        self.offer(now, place, desk);
    }

    fn draw_customer(&mut self) -> u32 {
        let customer = if !self.recent.is_empty() && self.random.chance(RETURNING) {
            let place = self.random.between(0, self.recent.len() as u64 - 1);
            self.recent[usize::try_from(place).expect("a place in a short list")]
        } else {
            u32::try_from(self.random.between(1, self.customers)).expect("at most four billion customers")
        };
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(customer);
        customer
    }

    /// Forgets a contact about which nothing more will be told.
    pub(super) fn forget(&mut self, place: u32) {
        let contact = &mut self.contacts[place as usize];
        contact.stamp = contact.stamp.wrapping_add(1);
        self.free.push(place);
        self.open -= 1;
    }
}

fn next(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}
