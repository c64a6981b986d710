//! Which time counts for a promise: all of it, or the opening hours of a lane.
//!
//! What is open when is asked of the calendar itself, which is held against a count minute by minute in `calendar`.

use std::sync::Arc;

use crate::engine::calendar::Calendar;
use crate::engine::settings::{Promise, Settings};

use super::rule::{Rule, RuleCounts};
use super::stay::Lane;

/// The time that counts for one clock.
#[derive(Clone, Debug)]
pub enum Hours {
    /// All of it.
    All,
    /// That in which a calendar is open.
    Open(Arc<Calendar>),
}

impl Hours {
    /// The time that counts for a clock with this promise, if any, by the row of promises in force at `at`.
    pub fn of(settings: &Settings, at: u64, lane: &Lane, promise: Option<&Promise>, rules: &mut RuleCounts) -> Hours {
        if !promise.is_some_and(|promise| promise.business_time) {
            return Hours::All;
        }
        let row = settings.promises.iter().rev().find(|(from, _)| from.millis() <= at);
        let (_, promises) = row.unwrap_or(&settings.promises[0]);
        let named = promises.calendar_of(&lane.queue, &lane.channel, &lane.tier);
        match named.and_then(|name| promises.calendars.get(name)) {
            Some(calendar) => {
                rules.hit(Rule::BusinessTime);
                Hours::Open(Arc::clone(calendar))
            }
            None => Hours::All,
        }
    }

    /// The counting time between two instants, in milliseconds; 0 if the second is not after the first.
    pub fn open_between(&self, from: u64, to: u64) -> u64 {
        match self {
            Hours::All => to.saturating_sub(from),
            Hours::Open(calendar) => calendar.open_between(from, to),
        }
    }

    /// The earliest instant at which so much counting time has passed since `from`; none if that never is.
    pub fn after(&self, from: u64, open_ms: u64) -> Option<u64> {
        match self {
            Hours::All => Some(from + open_ms),
            Hours::Open(calendar) => calendar.after(from, open_ms),
        }
    }
}
