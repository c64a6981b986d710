//! Which time counts for a promise: all of it, or the opening hours of a lane.

use holdline::engine::settings::{Promise, Settings};

use super::rule::{Rule, RuleCounts};
use super::stay::Lane;

/// The time that counts for one clock.
#[derive(Clone, Copy, Debug)]
pub enum Hours {
    /// All of it.
    All,
}

impl Hours {
    /// The time that counts for a clock with this promise, if any, by the row of promises in force at `at`.
    pub fn of(_: &Settings, _at: u64, _: &Lane, promise: Option<&Promise>, rules: &mut RuleCounts) -> Hours {
        if promise.is_some_and(|promise| promise.business_time) {
            rules.hit(Rule::BusinessTime);
        }
        Hours::All
    }

    /// The counting time between two instants, in milliseconds; 0 if the second is not after the first.
    pub fn open_between(self, from: u64, to: u64) -> u64 {
        match self {
            Hours::All => to.saturating_sub(from),
        }
    }

    /// The earliest instant at which so much counting time has passed since `from`; none if that never is.
    pub fn after(self, from: u64, open_ms: u64) -> Option<u64> {
        match self {
            Hours::All => Some(from + open_ms),
        }
    }
}
