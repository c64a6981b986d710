//! A support centre made up from a seed: it tells native events in order of time, as fast as they can be written.
//!
//! The same scenario gives the same bytes on every machine; a test holds a hash of them, so a change of the output is
//! always a decision. What is told is the truth: nothing is repeated, late, contradictory or broken. Faults are put in
//! by whoever wants them. There is no clock here: whoever wants it live waits for [`Produced::time_ms`].
//!
//! Who only wants to know how many contacts each queue was offered in past months asks [`offered_by_quarter`].
//!
//! Read `profile` for what kind of centre it is, `centre` for how time goes on, then `visit`, `floor`, `letters`, and
//! `surge` for more contacts than anybody planned for.

use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use self::centre::Centre;
pub use self::history::offered_by_quarter;
pub use self::writer::Produced;

mod agenda;
mod calendar;
mod centre;
mod floor;
mod history;
mod layout;
mod letters;
mod profile;
mod random;
mod staffing;
mod surge;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_surges;
mod visit;
mod writer;

/// What to simulate.
#[derive(Clone, PartialEq, Debug)]
pub struct Scenario {
    /// What chance is drawn from; contact ids carry it.
    pub seed: u64,
    /// The first local day, 1970 to 2100. The centre opens empty at its midnight.
    pub from: Date,
    /// How many days to tell; whatever is going on at the end is cut off. None: no such end.
    pub days: Option<u32>,
    /// How many events to tell at most. None: no such end.
    pub events: Option<u64>,
    /// How many contacts to let in; they are told to their ends. None: no such end.
    pub contacts: Option<u64>,
    /// Multiplies arrivals and agents; above 0, at most 1,000. 1 is about 20,000 contacts a working day for the first
    /// six queues.
    pub load: f64,
    /// How many queues: 1 to 10,000. Beyond six they are numbered copies of varied size.
    pub queues: usize,
    /// Where the centre is: what its days, hours and written offsets follow.
    pub zone: TimeZone,
    /// The days on which the offices are open, Monday first; at least one.
    pub working_days: [bool; 7],
    /// How much busier the first working day of a month is: 0.3 is 30 %; 0 to 10. Fades over the next two, and swells
    /// a third as much on the 10th and 11th.
    pub month_start: f64,
    /// The dates on which periods begin that stand for months, such as billing periods, in any order: each lasts until
    /// the next one, or for a month if that is more than two months away. Outside them the months of the calendar hold.
    pub month_starts: Vec<Date>,
    /// How much of what makes a day busier, or less busy, than an ordinary one is planned for with agents: 0 to 1. Nobody
    /// plans for surges.
    pub foreseen: f64,
    /// Chance, for each queue and working day, that its agents leave it for 40 to 90 minutes.
    pub outages: f64,
    /// Outages that are certain, beside those by chance.
    pub planned_outages: Vec<PlannedOutage>,
    /// When more contacts come than anybody planned for. Those at one time add up. Nothing before one depends on it.
    pub surges: Vec<Surge>,
    /// Whether `agent_state` events are told; the others do not depend on it.
    pub agent_states: bool,
    /// The size to which lines are padded with a `note` that means nothing, in bytes without the line feed.
    pub pad: usize,
}

impl Default for Scenario {
    /// One day of six queues with offices open from Monday to Friday.
    fn default() -> Scenario {
        Scenario {
            seed: 1,
            from: Date::constant(2026, 1, 1),
            days: Some(1),
            events: None,
            contacts: None,
            load: 1.0,
            queues: 6,
            zone: TimeZone::UTC,
            working_days: [true, true, true, true, true, false, false],
            month_start: 0.3,
            month_starts: Vec::new(),
            foreseen: 0.4,
            outages: 0.03,
            planned_outages: Vec::new(),
            surges: Vec::new(),
            agent_states: true,
            pad: 0,
        }
    }
}

/// All agents of a queue's calls and chats leave it for a while; they finish what they are at. Nobody steps in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedOutage {
    /// The queue's name.
    pub queue: String,
    /// When they leave, in milliseconds since the scenario's first instant.
    pub after_ms: u64,
    /// How long they stay away, in milliseconds.
    pub for_ms: u64,
}

/// More contacts come than usual at that time of day, on all channels, while no more agents do. Some of those who come
/// are sent on or spill over, so that other queues are offered more as well.
#[derive(Clone, PartialEq, Debug)]
pub struct Surge {
    /// The queue's name. None: all queues.
    pub queue: Option<String>,
    /// When it begins, in milliseconds since the scenario's first instant.
    pub after_ms: u64,
    /// How long it lasts, in milliseconds. It ends at once.
    pub for_ms: u64,
    /// How many times as many contacts come: 1 to 100.
    pub factor: f64,
    /// How long it grows, evenly, until it has reached the factor, in milliseconds: 0 is sudden; a surge that ends
    /// sooner never reaches it.
    pub rises_ms: u64,
}

/// Why a scenario cannot be simulated.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The first day is out of range.
    #[error("cannot simulate from {0}: the first day must lie between 1970-01-02 and 2100-12-31")]
    From(Date),
    /// The load is out of range.
    #[error("cannot simulate a load of {0}: it must be above 0 and at most 1000")]
    Load(f64),
    /// The number of queues is out of range.
    #[error("cannot simulate {0} queues: there must be 1 to 10000")]
    Queues(usize),
    /// No working day.
    #[error("cannot simulate a week without working days: name at least one")]
    WorkingDays,
    /// The swell is out of range.
    #[error("cannot simulate a month start of {0}: it must be a share from 0 to 10, such as 0.3 for 30 % more")]
    MonthStart(f64),
    /// The share is none.
    #[error("cannot simulate that {0} of a busy day is foreseen: it must be a share from 0 to 1, such as 0.4 for 40 %")]
    Foreseen(f64),
    /// The chance is none.
    #[error("cannot simulate outages with a chance of {0}: it must be 0 to 1")]
    Outages(f64),
    /// Nobody could leave the queue.
    #[error("cannot simulate an outage of {queue:?}: it must be a queue with calls or chats, such as {among}")]
    PlannedOutage {
        /// What was named.
        queue: String,
        /// What could be.
        among: String,
    },
    /// No such queue.
    #[error("cannot simulate a surge on {queue:?}: it must be a queue, such as {among}")]
    SurgeQueue {
        /// What was named.
        queue: String,
        /// What could be.
        among: String,
    },
    /// A surge is no surge, or a flood.
    #[error("cannot simulate a surge of {0} times as many contacts: it must be 1 to 100 times")]
    SurgeFactor(f64),
    /// The pad makes records beyond what anybody reads.
    #[error("cannot pad events to {0} bytes: at most 1048576")]
    Pad(usize),
}

impl Scenario {
    fn check(&self) -> Result<(), ScenarioError> {
        // The day after the first of 1970, so that midnight lies after the epoch in every zone.
        if self.from < Date::constant(1970, 1, 2) || self.from > Date::constant(2100, 12, 31) {
            return Err(ScenarioError::From(self.from));
        }
        if !(self.load > 0.0 && self.load <= 1_000.0) {
            return Err(ScenarioError::Load(self.load));
        }
        if !(1..=10_000).contains(&self.queues) {
            return Err(ScenarioError::Queues(self.queues));
        }
        if !self.working_days.contains(&true) {
            return Err(ScenarioError::WorkingDays);
        }
        if !(0.0..=10.0).contains(&self.month_start) {
            return Err(ScenarioError::MonthStart(self.month_start));
        }
        if !(0.0..=1.0).contains(&self.foreseen) {
            return Err(ScenarioError::Foreseen(self.foreseen));
        }
        if !(0.0..=1.0).contains(&self.outages) {
            return Err(ScenarioError::Outages(self.outages));
        }
        if let Some(surge) = self.surges.iter().find(|surge| !(1.0..=100.0).contains(&surge.factor)) {
            return Err(ScenarioError::SurgeFactor(surge.factor));
        }
        if self.pad > 1 << 20 {
            return Err(ScenarioError::Pad(self.pad));
        }
        Ok(())
    }
}
