//! Staffing: how many agents a load needs, and what so many agents will reach.
//!
//! Contacts come at random at a steady rate and are handled for a time of their own, by any agent who is free, first
//! come first served. What then follows is the classical mathematics of queues, in the order in which it is put
//! together:
//!
//! - [`erlang`]: nobody waits (Erlang B) or everybody waits until answered (Erlang C).
//! - [`impatience`]: everybody gives up after a time of their own (Erlang A).
//! - [`patience`]: what that time is on average, from waits that were observed.
//! - [`requirement`]: the smallest number of agents that keeps a promise.
//!
//! It is about a steady state: no opening, no surge, no breaks but those that shrinkage stands for, no skills. All of
//! it is pure, and quick enough for every queue at every look: the agents for a hundred thousand erlangs take 0.05 ms
//! to find by Erlang C and 2 ms by Erlang A, those for ten 0.3 ms at most.

use std::ops::RangeInclusive;

pub mod erlang;
pub mod impatience;
pub mod patience;
pub mod requirement;

pub use patience::Patience;
pub use requirement::{Required, required};

/// The largest load that is computed with, in erlangs: there is no such centre, and all results are exact up to here.
pub const MOST_ERLANGS: f64 = 1e7;

/// How long anything on average may take, in seconds: from a millionth to 30,000 years.
const SECONDS: RangeInclusive<f64> = 1e-6..=1e12;

/// A number that makes no sense, or that no number of agents can reach.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
pub enum OutOfRange {
    /// Contacts do not come at such a rate.
    #[error("{0} contacts a second: must be a number, 0 or more")]
    Arrivals(f64),
    /// Nobody handles a contact in such a time.
    #[error("a mean handle time of {0} seconds: must be a number from 0.000001 to 1e12")]
    Handle(f64),
    /// More than [`MOST_ERLANGS`].
    #[error("a load of {0} erlangs: at most {MOST_ERLANGS} are computed with")]
    Erlangs(f64),
    /// Nobody waits for such a time before giving up.
    #[error("a mean patience of {0} seconds: must be a number from 0.000001 to 1e12")]
    Patience(f64),
    /// No time to answer within.
    #[error("a target of {0} seconds: must be a number, 0 or more")]
    Target(f64),
    /// No number of agents answers everybody in time for sure.
    #[error("a goal of {0}: must be a share from 0 up to, but not, 1: for 80 % write 0.8")]
    Goal(f64),
    /// No share that agents can be busy.
    #[error("a maximal occupancy of {0}: must be a share from 0.01 to 1: for 85 % write 0.85")]
    MaxOccupancy(f64),
    /// No share that shrinkage can take.
    #[error("a shrinkage of {0}: must be a share from 0 to 0.99: for 30 % write 0.3")]
    Shrinkage(f64),
}

/// What comes in: contacts at a rate, each of which keeps an agent busy for a while.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    arrivals_per_second: f64,
    handle_seconds: f64,
    erlangs: f64,
}

impl Load {
    /// So many contacts a second, handled in so many seconds on average, work after the contact included.
    ///
    /// # Errors
    ///
    /// A rate that is none, a handle time out of a millionth of a second to 30,000 years, a load of more than
    /// [`MOST_ERLANGS`].
    pub fn new(arrivals_per_second: f64, handle_seconds: f64) -> Result<Load, OutOfRange> {
        Load::of_contacts(arrivals_per_second, 1.0, handle_seconds)
    }

    /// So many contacts in so many seconds. The load is not rounded on the way: 100 contacts in 30 minutes, 3 minutes
    /// each, are 10 erlangs exactly.
    ///
    /// # Errors
    ///
    /// The same; a period of 0 has no rate.
    pub fn of_contacts(contacts: f64, period_seconds: f64, handle_seconds: f64) -> Result<Load, OutOfRange> {
        let arrivals_per_second = contacts / period_seconds;
        if !(arrivals_per_second >= 0.0 && arrivals_per_second.is_finite()) {
            return Err(OutOfRange::Arrivals(arrivals_per_second));
        }
        if !SECONDS.contains(&handle_seconds) {
            return Err(OutOfRange::Handle(handle_seconds));
        }
        let erlangs = contacts * handle_seconds / period_seconds;
        if !(0.0..=MOST_ERLANGS).contains(&erlangs) {
            return Err(OutOfRange::Erlangs(erlangs));
        }
        Ok(Load { arrivals_per_second, handle_seconds, erlangs })
    }

    /// The rate at which contacts come, a second; 0 if none do.
    pub fn arrivals_per_second(&self) -> f64 {
        self.arrivals_per_second
    }

    /// How long a contact keeps an agent busy on average, in seconds; more than 0.
    pub fn handle_seconds(&self) -> f64 {
        self.handle_seconds
    }

    /// The offered load: how many agents would be busy on average if nobody ever waited. 0 if nothing comes.
    pub fn erlangs(&self) -> f64 {
        self.erlangs
    }
}

/// What is aimed at. Checked where it is used, by [`required`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Aim {
    /// Within how many seconds contacts should be answered; 0 is at once.
    pub target_seconds: f64,
    /// The share that should be, 0 to less than 1.
    pub goal: f64,
    /// The share of their time that agents may be busy at most, 0.01 to 1; 1 is no cap.
    pub max_occupancy: f64,
    /// The share of paid time in which agents are not there, or not for contacts: breaks, training, illness; 0 to 0.99.
    pub shrinkage: f64,
}

impl Aim {
    /// Without a cap on occupancy, and without shrinkage.
    pub fn new(target_seconds: f64, goal: f64) -> Aim {
        Aim { target_seconds, goal, max_occupancy: 1.0, shrinkage: 0.0 }
    }

    /// The first number that is out of its range.
    fn check(&self) -> Result<(), OutOfRange> {
        let Aim { target_seconds, goal, max_occupancy, shrinkage } = *self;
        check_target(target_seconds)?;
        if !(0.0..1.0).contains(&goal) {
            return Err(OutOfRange::Goal(goal));
        }
        if !(0.01..=1.0).contains(&max_occupancy) {
            return Err(OutOfRange::MaxOccupancy(max_occupancy));
        }
        if !(0.0..=0.99).contains(&shrinkage) {
            return Err(OutOfRange::Shrinkage(shrinkage));
        }
        Ok(())
    }
}

fn check_target(target_seconds: f64) -> Result<(), OutOfRange> {
    let makes_sense = target_seconds >= 0.0 && target_seconds.is_finite();
    if makes_sense { Ok(()) } else { Err(OutOfRange::Target(target_seconds)) }
}

/// What a number of agents reaches in the long run. Shares are 0 to 1, of all contacts that come.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Predicted {
    /// The share that waits at all.
    pub waiting: f64,
    /// The share answered within the target; who gives up is not.
    pub service_level: f64,
    /// The share that gives up; 0 by Erlang C, where nobody does.
    pub abandoned: f64,
    /// The mean wait in seconds, over all who come, the others' being 0 and that of those who give up until then: the
    /// average speed of answer, where nobody does. None if it grows without end.
    pub mean_wait_seconds: Option<f64>,
    /// The share of their time that agents are busy; none with no agents.
    pub occupancy: Option<f64>,
}

/// What so many agents reach: by Erlang A if contacts have a patience, else by Erlang C. None if nothing comes: then
/// there is no level.
///
/// # Errors
///
/// A target that makes no sense.
pub fn predict(
    load: &Load,
    agents: u64,
    target_seconds: f64,
    patience: Option<Patience>,
) -> Result<Option<Predicted>, OutOfRange> {
    check_target(target_seconds)?;
    Ok((load.erlangs > 0.0).then(|| predicted(load, agents, target_seconds, patience)))
}

/// The same of a load that is more than nothing, and a target that makes sense.
fn predicted(load: &Load, agents: u64, target_seconds: f64, patience: Option<Patience>) -> Predicted {
    match patience {
        Some(patience) => impatience::predicted(load, agents, target_seconds, patience),
        None => erlang::predicted(load, agents, target_seconds),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_properties;
