//! What an event says: the types every other module reads, and (in [`decode`]) how they are read from JSON.
//!
//! An [`Event`] borrows its text from the record it was decoded from, so a record costs no allocation unless one of
//! its strings holds an escape. This module knows nothing of queues being open, of contacts or of targets: it says what
//! was said. What it means is decided by the engine's `contact` module.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

pub mod decode;
mod plain;
pub mod rejection;
mod strict;
pub mod time;

/// An instant of event time: whole milliseconds since 1970-01-01T00:00:00Z, at most [`EventTime::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct EventTime(u64);

impl EventTime {
    /// The last instant that can be told, in the year 2109: what 42 bits hold, so that a fact fits into one word.
    pub const MAX: EventTime = EventTime((1 << 42) - 1);

    /// The instant so many milliseconds after the epoch; none beyond [`EventTime::MAX`].
    pub const fn from_millis(millis: u64) -> Option<EventTime> {
        if millis <= Self::MAX.0 { Some(EventTime(millis)) } else { None }
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

/// As RFC 3339 in UTC, with a fraction only if it has one.
impl fmt::Display for EventTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).expect("event times have 42 bits");
        let timestamp = jiff::Timestamp::from_millisecond(millis).expect("event times end in 2109");
        timestamp.fmt(formatter)
    }
}

/// One decoded record.
#[derive(Clone, PartialEq, Debug)]
pub enum Event<'a> {
    /// Something happened to a contact.
    Contact(ContactEvent<'a>),
    /// An agent changed state.
    Agent(AgentEvent<'a>),
}

/// Something that happened to one contact.
#[derive(Clone, PartialEq, Debug)]
pub struct ContactEvent<'a> {
    /// Which contact: 1 to 128 bytes.
    pub contact_id: Cow<'a, str>,
    /// When it happened.
    pub time: EventTime,
    /// The queue whose visit is meant, where the event names one; never set on [`Kind::Offered`], which carries its own.
    pub queue: Option<Cow<'a, str>>,
    /// Who handled the contact; never a label.
    pub agent_id: Option<Cow<'a, str>>,
    /// Whose contact it is; never a label.
    pub customer_id: Option<Cow<'a, str>>,
    /// What happened.
    pub kind: Kind<'a>,
}

/// What happened to a contact.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind<'a> {
    /// It was put into a queue.
    Offered {
        /// 1 to 128 bytes.
        queue: Cow<'a, str>,
        /// `voice` unless the event says otherwise.
        channel: Cow<'a, str>,
        /// `standard` unless the event says otherwise.
        tier: Cow<'a, str>,
    },
    /// An agent took it.
    Answered,
    /// The customer gave up waiting.
    Abandoned,
    /// It left the queue some other way.
    Left(Reason),
    /// The agent finished it, after-contact work included; with its parts where the event gave any of them.
    Completed(Option<HandleParts>),
    /// The customer wrote.
    CustomerMessage,
    /// An agent wrote to the customer.
    AgentReply,
    /// The clocks stand still: waiting for the customer.
    Paused,
    /// The clocks run again.
    Resumed,
    /// The request was solved.
    Resolved,
    /// It was taken up again.
    Reopened,
    /// The customer judged it.
    Rated {
        /// The survey's name: 1 to 128 bytes.
        survey: Cow<'a, str>,
        /// Finite.
        score: f64,
    },
    /// Something came of it.
    Outcome {
        /// The outcome's name: 1 to 128 bytes.
        name: Cow<'a, str>,
        /// From 0 to 10^12.
        amount: Option<f64>,
    },
}

/// The parts of a handle time, in milliseconds, each at most 366 days; a part the event does not give is 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct HandleParts {
    /// Speaking with the customer.
    pub talk_ms: u64,
    /// The customer on hold.
    pub hold_ms: u64,
    /// Work after the contact.
    pub wrap_ms: u64,
}

impl HandleParts {
    /// The handle time: talk, hold and after-contact work together.
    pub fn total_ms(self) -> u64 {
        self.talk_ms + self.hold_ms + self.wrap_ms
    }
}

/// Why a contact left a queue other than by an answer or a hang-up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// A callback was arranged instead.
    Callback,
    /// A key press led elsewhere.
    Key,
    /// The queue was full or closed to it.
    Overflow,
    /// The queue let go of it after a time.
    Timeout,
    /// It moved to another queue.
    Transfer,
    /// A message was left instead.
    Voicemail,
    /// It was taken back.
    Withdrawn,
}

impl Reason {
    /// All of them, by name.
    pub const ALL: [Reason; 7] = [
        Reason::Callback,
        Reason::Key,
        Reason::Overflow,
        Reason::Timeout,
        Reason::Transfer,
        Reason::Voicemail,
        Reason::Withdrawn,
    ];

    /// The name an event gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Callback => "callback",
            Reason::Key => "key",
            Reason::Overflow => "overflow",
            Reason::Timeout => "timeout",
            Reason::Transfer => "transfer",
            Reason::Voicemail => "voicemail",
            Reason::Withdrawn => "withdrawn",
        }
    }

    /// The reason of this name; none if there is no such reason.
    pub fn from_name(name: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// An agent's change of state.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentEvent<'a> {
    /// Which agent: 1 to 128 bytes; never a label.
    pub agent_id: Cow<'a, str>,
    /// When it happened.
    pub time: EventTime,
    /// The state from then on.
    pub state: AgentState,
    /// The queues the agent serves from then on, where the event says.
    pub queues: Option<Vec<Cow<'a, str>>>,
}

/// What an agent is doing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum AgentState {
    /// Waiting for a contact.
    Available,
    /// Away from the desk.
    Away,
    /// With a contact.
    Busy,
    /// Not at work.
    #[default]
    Offline,
    /// Working on after a contact.
    Wrapup,
}

impl AgentState {
    /// All of them, by name.
    pub const ALL: [AgentState; 5] =
        [AgentState::Available, AgentState::Away, AgentState::Busy, AgentState::Offline, AgentState::Wrapup];

    /// The name an event gives it.
    pub const fn name(self) -> &'static str {
        match self {
            AgentState::Available => "available",
            AgentState::Away => "away",
            AgentState::Busy => "busy",
            AgentState::Offline => "offline",
            AgentState::Wrapup => "wrapup",
        }
    }

    /// The state of this name; none if there is no such state.
    pub fn from_name(name: &str) -> Option<AgentState> {
        AgentState::ALL.into_iter().find(|state| state.name() == name)
    }
}
