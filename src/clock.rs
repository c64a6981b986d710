//! The one place that reads a clock. Everything else is handed the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::event::EventTime;

/// The wall clock, as event time. Before 1970 it is 1970, after the last event time that.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> EventTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).ok().and_then(EventTime::from_millis).unwrap_or(EventTime::MAX)
}

/// A clock that only goes forward, for how long something takes.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn monotonic() -> Instant {
    Instant::now()
}
