//! Contacts that come because of a surge, beside those that come anyway.
//!
//! Poisson processes add up, so the usual arrivals stay as they are, and each desk that a surge is on gets a second stream of
//! `factor - 1` times as many, drawn from a source of its own: whatever comes before a surge is the same without it. A
//! surge that grows is drawn at its height, and thinned (Lewis and Shedler, 1979).

use super::calendar::Day;
use super::layout::{Desk, Layout};
use super::random::{Random, millis};
use super::{Scenario, ScenarioError};

/// Purposes of chance below this are taken (see `centre`).
const FIRST_PURPOSE: u64 = 2;

/// Whom one surge brings to one desk.
pub(super) struct Stream {
    desk: u32,
    starts_ms: u64,
    ends_ms: u64,
    rises_ms: u64,
    /// How many times as many as usual come in addition, once it has grown.
    more: f64,
    random: Random,
}

impl Stream {
    /// Those of all surges of a scenario whose first instant this is.
    ///
    /// # Errors
    /// A surge is on a queue that does not exist.
    pub(super) fn all(scenario: &Scenario, layout: &Layout, opens_ms: u64) -> Result<Vec<Stream>, ScenarioError> {
        let mut streams = Vec::new();
        let mut purpose = FIRST_PURPOSE;
        for surge in &scenario.surges {
            let starts_ms = opens_ms.saturating_add(surge.after_ms);
            for desk in layout.desks_of(surge.queue.as_deref())? {
                streams.push(Stream {
                    desk,
                    starts_ms,
                    ends_ms: starts_ms.saturating_add(surge.for_ms),
                    rises_ms: surge.rises_ms,
                    more: surge.factor - 1.0,
                    random: Random::new(scenario.seed, purpose),
                });
                purpose += 1;
            }
        }
        Ok(streams)
    }

    /// The desk that they come to.
    pub(super) fn desk(&self) -> u32 {
        self.desk
    }

    /// When the next of them comes to this desk, today and at or after `from_ms`, an instant of today; none if nobody does.
    pub(super) fn next(&mut self, from_ms: u64, today: &Day, desk: &Desk) -> Option<u64> {
        let mut from_ms = from_ms.max(self.starts_ms);
        let until_ms = self.ends_ms.min(today.end_ms);
        while from_ms < until_ms {
            let rate_ends_ms = today.quarter_ends(from_ms).min(until_ms);
            let expected = desk.expected(today, from_ms) * self.more;
            let gap_ms = if expected > 0.0 { millis(self.random.exponential() * 900.0 / expected) } else { u64::MAX };
            from_ms = from_ms.saturating_add(gap_ms).min(rate_ends_ms);
            if from_ms < rate_ends_ms && self.random.chance(self.grown(from_ms)) {
                return Some(from_ms);
            }
        }
        None
    }

    /// How far it has grown, 0 to 1.
    fn grown(&self, time_ms: u64) -> f64 {
        let since_ms = time_ms - self.starts_ms;
        if since_ms >= self.rises_ms { 1.0 } else { since_ms as f64 / self.rises_ms as f64 }
    }
}
