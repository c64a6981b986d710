//! The account of one contact: the facts that are known of it, and how they were counted.
//!
//! For whoever looks into a number: what a contact adds to which cells of which lane, at what time, and why. It is made of
//! the same fold that everything is counted by. Times are RFC 3339 in UTC, durations seconds.

use serde::{Serialize, Serializer};

use crate::engine::contact::Life;
use crate::engine::fact::{Fact, FactKind};
use crate::engine::shard::Shard;
use crate::engine::stay::{Booking, Decision, Stay};
use crate::engine::tally::{Measure, Quantity};
use crate::event::EventTime;

/// What is known of a contact.
#[derive(Debug, Serialize)]
pub struct Account {
    /// Who.
    pub contact_id: String,
    /// From its first fact until it is left alone for long enough; oldest first. Facts later than that begin another life.
    pub lives: Vec<LifeAccount>,
}

/// One life of a contact.
#[derive(Debug, Serialize)]
pub struct LifeAccount {
    facts: Vec<FactAccount>,
    clocks: Vec<ClockAccount>,
    /// What is counted beside its clocks.
    effort: Vec<BookingAccount>,
    /// Facts that belong to a visit although they are earlier than its offer.
    skew: u32,
    /// Facts that contradict others, or name a queue that was never offered.
    conflict: u32,
    /// Facts of a contact that was never offered.
    orphan: u32,
    /// Whether nothing more is expected.
    finished: bool,
    /// Facts until then still belong to it.
    until: Instant,
}

/// One fact.
#[derive(Debug, Serialize)]
struct FactAccount {
    time: Instant,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Of a completion that told its parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    handle_seconds: Option<f64>,
    /// The survey, or the outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The score, or the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
}

/// What one clock measures: of a visit, or of the contact as a whole.
#[derive(Debug, Serialize)]
struct ClockAccount {
    measures: Vec<&'static str>,
    queue: String,
    channel: String,
    tier: String,
    began_at: Instant,
    /// The last instant at which its end is in time; null if it never is too late.
    due_at: Option<Instant>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    ended_at: Option<Instant>,
    /// How long it was, in the time that is promised; null while it goes on.
    seconds: Option<f64>,
    counted: Vec<BookingAccount>,
}

/// What is counted in the slot of a time.
#[derive(Debug, Serialize)]
struct BookingAccount {
    time: Instant,
    cells: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

/// Milliseconds since 1970, told as an instant.
#[derive(Clone, Copy, Debug)]
struct Instant(u64);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match EventTime::from_millis(self.0) {
            Some(time) => serializer.collect_str(&time),
            // Beyond all time, as a pause that nothing ends.
            None => serializer.serialize_none(),
        }
    }
}

impl Account {
    /// How many facts are known.
    pub fn facts(&self) -> usize {
        self.lives.iter().map(|life| life.facts.len()).sum()
    }
}

impl Shard {
    /// The account of a contact; none if it is not held.
    pub fn account(&self, contact_id: &str) -> Option<Account> {
        let contact = self.contacts.held(self.contacts.find(contact_id)?);
        let mut facts = contact.facts.iter().peekable();
        let lives = self.fold(&contact.facts).into_iter().map(|life| {
            let of_life: Vec<Fact> = std::iter::from_fn(|| facts.next_if(|fact| fact.time <= life.last)).collect();
            self.life_account(&life, &of_life)
        });
        Some(Account { contact_id: contact_id.to_owned(), lives: lives.collect() })
    }

    fn life_account(&self, life: &Life, facts: &[Fact]) -> LifeAccount {
        LifeAccount {
            facts: facts.iter().map(|fact| self.fact_account(fact)).collect(),
            clocks: life.stays.iter().map(|stay| self.clock_account(stay)).collect(),
            effort: life.effort.iter().map(|effort| BookingAccount::of(&effort.booking)).collect(),
            skew: life.skew,
            conflict: life.conflict,
            orphan: life.orphan,
            finished: life.finished,
            until: Instant(life.until),
        }
    }

    fn fact_account(&self, fact: &Fact) -> FactAccount {
        let mut account = FactAccount {
            time: Instant(fact.time),
            kind: "",
            queue: fact.named().map(|queue| self.lanes.queues.text(queue).to_owned()),
            channel: None,
            tier: None,
            reason: None,
            handle_seconds: None,
            name: None,
            value: None,
        };
        account.kind = match fact.kind {
            FactKind::Offered => {
                let [queue, channel, tier] = self.lanes.texts(self.lanes.lane(fact.place)).map(str::to_owned);
                (account.queue, account.channel, account.tier) = (Some(queue), Some(channel), Some(tier));
                "offered"
            }
            FactKind::Answered => "answered",
            FactKind::Abandoned => "abandoned",
            FactKind::Left(reason) => {
                account.reason = Some(reason.name());
                "left"
            }
            FactKind::Completed(parts) => {
                account.handle_seconds = parts.map(|parts| seconds(parts.total_ms()));
                "completed"
            }
            FactKind::Resolved => "resolved",
            FactKind::Reopened => "reopened",
            FactKind::CustomerMessage => "customer_message",
            FactKind::AgentReply => "agent_reply",
            FactKind::Paused => "paused",
            FactKind::Resumed => "resumed",
            FactKind::Rated(survey, score) => {
                account.name = Some(self.lanes.topics.text(survey).to_owned());
                account.value = Some(f64::from_bits(score));
                "rated"
            }
            FactKind::Outcome(name, amount) => {
                account.name = Some(self.lanes.topics.text(name).to_owned());
                account.value = amount.map(f64::from_bits);
                "outcome"
            }
        };
        account
    }

    fn clock_account(&self, stay: &Stay) -> ClockAccount {
        let [queue, channel, tier] = self.lanes.texts(self.lanes.lane(stay.lane)).map(str::to_owned);
        let measures = Measure::PROMISED.into_iter().filter(|measure| stay.speaks.for_measure(*measure));
        let (outcome, reason) = match stay.decision {
            Decision::Waiting => ("waiting", None),
            Decision::Answered(_) => ("answered", None),
            Decision::Abandoned(_) => ("abandoned", None),
            Decision::Left(_, reason) => ("left", Some(reason.name())),
            Decision::Closed(_) => ("closed", None),
        };
        let ended_at = stay.decision.time();
        ClockAccount {
            measures: measures.map(Measure::name).collect(),
            queue,
            channel,
            tier,
            began_at: Instant(stay.began_at),
            due_at: stay.due_at.map(Instant),
            outcome,
            reason,
            ended_at: ended_at.map(Instant),
            seconds: ended_at.map(|_| seconds(stay.wait.0)),
            counted: stay.bookings().iter().flatten().map(BookingAccount::of).collect(),
        }
    }
}

impl BookingAccount {
    fn of(booking: &Booking) -> BookingAccount {
        let is_number = |quantity| matches!(quantity, Quantity::Replies | Quantity::Transfers);
        let measured = booking.measured;
        BookingAccount {
            time: Instant(booking.time),
            cells: booking.cells.iter().filter(|cell| cell.is_told()).map(|cell| cell.name()).collect(),
            measured: measured.map(|(quantity, _)| quantity.name()),
            seconds: measured.filter(|(quantity, _)| !is_number(*quantity)).map(|(_, millis)| seconds(millis)),
            count: measured.filter(|(quantity, _)| is_number(*quantity)).map(|(_, number)| number),
        }
    }
}

fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
