//! When events are sent: as fast as they are taken, or when their time comes.

use std::time::{Duration, Instant};

use crate::clock;
use crate::event::EventTime;

/// How many times faster than they happened events are sent; above 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Factor(f64);

/// Reads `real` or a factor such as `60`.
///
/// # Errors
///
/// What is allowed.
pub fn parse(text: &str) -> Result<Factor, String> {
    let factor = if text == "real" { Some(1.0) } else { text.parse().ok() };
    let factor = factor.filter(|factor: &f64| factor.is_finite() && (1e-3..=1e6).contains(factor));
    factor.map(Factor).ok_or_else(|| "`real`, or a factor from 0.001 to 1000000, such as 60".to_owned())
}

/// What decides when an event is due.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// Every event is due at once.
    Unpaced,
    /// The first event is due at once, the others so many times faster than they happened. One that is earlier than
    /// its predecessors is due at once.
    Times(Factor),
    /// An event is due when the wall clock shows its time.
    Live,
}

/// Tells when events are due. It counts from one fixed moment, so that no wait adds to the next one.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    /// When the first event was due, and its time.
    first: Option<(Instant, EventTime)>,
}

/// The longest wait without a look at the clock, which may be set meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Pacer {
    /// No event yet.
    pub fn new(pace: Pace) -> Pacer {
        Pacer { pace, first: None }
    }

    /// How long to wait until asking again; none once an event of this time is due.
    pub fn wait(&mut self, time: EventTime) -> Option<Duration> {
        match self.pace {
            Pace::Unpaced => None,
            Pace::Times(_) => self.wait_at(time, clock::monotonic()),
            Pace::Live => until(Duration::from_millis(time.millis().saturating_sub(clock::wall().millis()))),
        }
    }

    fn wait_at(&mut self, time: EventTime, now: Instant) -> Option<Duration> {
        let Pace::Times(Factor(factor)) = self.pace else { return None };
        let (began, first) = *self.first.get_or_insert((now, time));
        let since_first = Duration::from_millis(time.millis().saturating_sub(first.millis()));
        // The factor is bounded and event time ends in 2109, so this is far from the longest duration.
        let due = since_first.div_f64(factor);
        until(due.saturating_sub(now.saturating_duration_since(began)))
    }
}

fn until(wait: Duration) -> Option<Duration> {
    if wait.is_zero() { None } else { Some(wait.min(LONGEST_WAIT)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_read() {
        assert_eq!(parse("real"), Ok(Factor(1.0)));
        assert_eq!(parse("60"), Ok(Factor(60.0)));
        assert_eq!(parse("0.5"), Ok(Factor(0.5)));
        for wrong in ["", "0", "-1", "fast", "inf", "NaN", "1e7", "60x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn waits_are_counted_from_the_first_event() {
        let mut pacer = Pacer::new(Pace::Times(Factor(10.0)));
        let start = clock::monotonic();
        let mut wait = |event_ms: u64, now_ms: u64| {
            let time = EventTime::from_millis(1_000_000 + event_ms).unwrap();
            pacer.wait_at(time, start + Duration::from_millis(now_ms)).map(|wait| wait.as_millis())
        };
        assert_eq!(wait(0, 0), None, "the first one at once");
        assert_eq!(wait(5_000, 0), Some(500));
        assert_eq!(wait(5_000, 499), Some(1));
        assert_eq!(wait(5_000, 503), None, "late by three");
        assert_eq!(wait(6_000, 503), Some(97), "which the next one makes good");
        assert_eq!(wait(2_000, 503), None, "earlier than its predecessors");
        assert_eq!(wait(3_600_000, 600), Some(1_000), "a look at the clock in between");
    }

    #[test]
    fn live_events_follow_the_wall_clock() {
        let mut pacer = Pacer::new(Pace::Live);
        let now = clock::wall().millis();
        assert_eq!(pacer.wait(EventTime::from_millis(now).unwrap()), None);
        let wait = pacer.wait(EventTime::from_millis(now + 500).unwrap()).unwrap();
        assert!(wait <= Duration::from_millis(500) && wait > Duration::from_millis(200), "{wait:?}");
    }
}
