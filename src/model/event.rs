//! What was said, as plain owned values: facts with their identity, and records as they stand in a log.
//!
//! It is made from a decoded event, and can be turned back into one and into a line of JSON; it decodes nothing.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::event::{self, AgentState, HandleParts, Reason};

/// One record of a log.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// A fact about a contact.
    Contact {
        /// Which contact.
        id: String,
        /// What happened to it.
        fact: Fact,
        /// An agent or customer id, which no tally may depend on.
        noise: Option<String>,
    },
    /// An agent is available: here it matters only when, and whether that was told before.
    Agent {
        /// Which agent.
        id: String,
        /// Milliseconds since the epoch.
        time: u64,
    },
}

/// What happened to a contact, and when: equal facts are the same fact. Ordered by time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fact {
    /// Milliseconds since the epoch.
    pub time: u64,
    /// What happened.
    pub what: What,
    /// The queue whose visit is meant; none on an offer, which carries its own.
    pub queue: Option<String>,
}

/// What happened. Scores and amounts are held as their bits, because they only need to be equal or different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the words are those of [`crate::event::Kind`]")]
pub enum What {
    Offered { queue: String, channel: String, tier: String },
    Answered,
    Abandoned,
    Left(String),
    Completed(Option<[u64; 3]>),
    CustomerMessage,
    AgentReply,
    Paused,
    Resumed,
    Resolved,
    Reopened,
    Rated { survey: String, score: u64 },
    Outcome { name: String, amount: Option<u64> },
}

impl What {
    /// The type as it is written in a record.
    pub fn name(&self) -> &'static str {
        match self {
            What::Offered { .. } => "offered",
            What::Answered => "answered",
            What::Abandoned => "abandoned",
            What::Left(_) => "left",
            What::Completed(_) => "completed",
            What::CustomerMessage => "customer_message",
            What::AgentReply => "agent_reply",
            What::Paused => "paused",
            What::Resumed => "resumed",
            What::Resolved => "resolved",
            What::Reopened => "reopened",
            What::Rated { .. } => "rated",
            What::Outcome { .. } => "outcome",
        }
    }

    fn of(kind: &event::Kind<'_>) -> What {
        match kind {
            event::Kind::Offered { queue, channel, tier } => {
                What::Offered { queue: queue.to_string(), channel: channel.to_string(), tier: tier.to_string() }
            }
            event::Kind::Answered => What::Answered,
            event::Kind::Abandoned => What::Abandoned,
            event::Kind::Left(reason) => What::Left(reason.name().to_owned()),
            event::Kind::Completed(parts) => {
                What::Completed(parts.map(|HandleParts { talk_ms, hold_ms, wrap_ms }| [talk_ms, hold_ms, wrap_ms]))
            }
            event::Kind::CustomerMessage => What::CustomerMessage,
            event::Kind::AgentReply => What::AgentReply,
            event::Kind::Paused => What::Paused,
            event::Kind::Resumed => What::Resumed,
            event::Kind::Resolved => What::Resolved,
            event::Kind::Reopened => What::Reopened,
            event::Kind::Rated { survey, score } => What::Rated { survey: survey.to_string(), score: score.to_bits() },
            event::Kind::Outcome { name, amount } => {
                What::Outcome { name: name.to_string(), amount: amount.map(f64::to_bits) }
            }
        }
    }

    fn to_kind(&self) -> event::Kind<'_> {
        match self {
            What::Offered { queue, channel, tier } => event::Kind::Offered {
                queue: Cow::Borrowed(queue),
                channel: Cow::Borrowed(channel),
                tier: Cow::Borrowed(tier),
            },
            What::Answered => event::Kind::Answered,
            What::Abandoned => event::Kind::Abandoned,
            What::Left(reason) => {
                event::Kind::Left(Reason::from_name(reason).expect("the model only uses known reasons"))
            }
            What::Completed(parts) => event::Kind::Completed(parts.map(|[talk_ms, hold_ms, wrap_ms]| HandleParts {
                talk_ms,
                hold_ms,
                wrap_ms,
            })),
            What::CustomerMessage => event::Kind::CustomerMessage,
            What::AgentReply => event::Kind::AgentReply,
            What::Paused => event::Kind::Paused,
            What::Resumed => event::Kind::Resumed,
            What::Resolved => event::Kind::Resolved,
            What::Reopened => event::Kind::Reopened,
            What::Rated { survey, score } => {
                event::Kind::Rated { survey: Cow::Borrowed(survey), score: f64::from_bits(*score) }
            }
            What::Outcome { name, amount } => {
                event::Kind::Outcome { name: Cow::Borrowed(name), amount: amount.map(f64::from_bits) }
            }
        }
    }
}

impl Fact {
    /// The fact that this happened at this time, naming a queue or none.
    pub fn new(time: u64, what: What, queue: Option<&str>) -> Fact {
        Fact { time, what, queue: queue.map(str::to_owned) }
    }
}

impl Record {
    /// When it happened, in milliseconds since the epoch.
    pub fn time(&self) -> u64 {
        match self {
            Record::Contact { fact, .. } => fact.time,
            Record::Agent { time, .. } => *time,
        }
    }

    /// The contact it is about; none for an agent.
    pub fn contact_id(&self) -> Option<&str> {
        match self {
            Record::Contact { id, .. } => Some(id),
            Record::Agent { .. } => None,
        }
    }

    /// What a decoded record says.
    pub fn of(event: &event::Event<'_>) -> Record {
        match event {
            event::Event::Contact(event) => Record::Contact {
                id: event.contact_id.to_string(),
                fact: Fact::new(event.time.millis(), What::of(&event.kind), event.queue.as_deref()),
                noise: None,
            },
            event::Event::Agent(event) => Record::Agent { id: event.agent_id.to_string(), time: event.time.millis() },
        }
    }

    /// The same, for the engine.
    pub fn to_event(&self) -> event::Event<'_> {
        let time =
            event::EventTime::from_millis(self.time()).expect("the model stays within the times that can be told");
        match self {
            Record::Contact { id, fact, noise } => event::Event::Contact(event::ContactEvent {
                contact_id: Cow::Borrowed(id),
                time,
                queue: fact.queue.as_deref().map(Cow::Borrowed),
                agent_id: noise.as_deref().map(Cow::Borrowed),
                customer_id: noise.as_deref().map(Cow::Borrowed),
                kind: fact.what.to_kind(),
            }),
            Record::Agent { id, .. } => event::Event::Agent(event::AgentEvent {
                agent_id: Cow::Borrowed(id),
                time,
                state: AgentState::Available,
                queues: None,
            }),
        }
    }

    /// The same as a line of JSON, without the line feed. Texts must not need escaping.
    pub fn to_json(&self) -> String {
        match self {
            Record::Agent { id, time } => {
                format!(r#"{{"type":"agent_state","agent_id":"{id}","time":{time},"state":"available"}}"#)
            }
            Record::Contact { id, fact, noise } => {
                let mut line = format!(r#"{{"type":"{}","contact_id":"{id}","time":{}"#, fact.what.name(), fact.time);
                let mut text = |key: &str, value: &str| {
                    write!(line, r#","{key}":"{value}""#).expect("writing to a string cannot fail");
                };
                if let Some(queue) = &fact.queue {
                    text("queue", queue);
                }
                if let Some(noise) = noise {
                    text("agent_id", noise);
                    text("customer_id", noise);
                }
                match &fact.what {
                    What::Offered { queue, channel, tier } => {
                        text("queue", queue);
                        text("channel", channel);
                        text("tier", tier);
                    }
                    What::Left(reason) => text("reason", reason),
                    What::Completed(Some(parts)) => {
                        for (key, ms) in ["talk_seconds", "hold_seconds", "wrap_seconds"].into_iter().zip(parts) {
                            number(&mut line, key, &format!("{}.{:03}", ms / 1000, ms % 1000));
                        }
                    }
                    What::Rated { survey, score } => {
                        text("survey", survey);
                        number(&mut line, "score", &f64::from_bits(*score).to_string());
                    }
                    What::Outcome { name, amount } => {
                        text("name", name);
                        if let Some(amount) = amount {
                            number(&mut line, "amount", &f64::from_bits(*amount).to_string());
                        }
                    }
                    _ => {}
                }
                line.push('}');
                line
            }
        }
    }
}

fn number(line: &mut String, key: &str, value: &str) {
    write!(line, r#","{key}":{value}"#).expect("writing to a string cannot fail");
}

/// All records as JSON lines.
pub fn to_json_lines(records: &[Record]) -> String {
    records.iter().map(|record| record.to_json() + "\n").collect()
}
