//! The edges of a report's intervals: stepped from each local midnight, and cut at the next.
//!
//! Steps are elapsed time, so that every interval of a day has the same length, also where a clock change makes it 23 or
//! 25 hours long; only the last one of a day may be shorter.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};

use crate::config::duration;
use crate::event::EventTime;

/// Intervals of a report at most.
const MOST: u64 = 5_000_000;

/// A report that would have too many intervals: one wild time at its beginning is enough.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "intervals of {every} from {from} to {to} are more than {MOST}: take longer ones, or leave the earliest events out"
)]
pub struct TooManyIntervals {
    every: String,
    from: String,
    to: String,
}

/// The edges, `every_ms` apart, from the last one at or before `first` to the first one after `last`. Each is cut down to
/// a multiple of `slot_ms`.
///
/// # Errors
///
/// There would be more than five million.
pub fn edges(
    first: EventTime,
    last: EventTime,
    every_ms: u64,
    slot_ms: u64,
    zone: &TimeZone,
) -> Result<Vec<EventTime>, TooManyIntervals> {
    if last.millis().saturating_sub(first.millis()) / every_ms > MOST {
        return Err(TooManyIntervals { every: duration::write(every_ms), from: written(first), to: written(last) });
    }
    let every_ms = i64::try_from(every_ms).unwrap_or(i64::MAX);
    let last_ms = timestamp(last).as_millisecond();
    let mut edges = Vec::new();
    let mut day = timestamp(first).to_zoned(zone.clone()).date();
    while edges.last().is_none_or(|&edge| edge <= last_ms) {
        // The calendar goes on for millennia after the last instant that can be told.
        let next = day.tomorrow().expect("event times end in 2109");
        let (midnight, next_midnight) = (midnight(day, zone), midnight(next, zone));
        let mut edge = midnight;
        while edge < next_midnight {
            edges.push(edge);
            edge = edge.saturating_add(every_ms);
        }
        day = next;
    }
    let mut edges: Vec<EventTime> = edges.into_iter().map(|edge| on_slot(edge, slot_ms)).collect();
    edges.dedup();
    let end = edges.partition_point(|edge| *edge <= last);
    edges.truncate(end + 1);
    let start = edges.partition_point(|edge| *edge <= first).saturating_sub(1).min(edges.len().saturating_sub(2));
    edges.drain(..start);
    Ok(edges)
}

/// An instant as RFC 3339 in UTC, with a fraction only if it has one.
pub fn written(time: EventTime) -> String {
    time.to_string()
}

/// An instant for `jiff`.
pub fn timestamp(time: EventTime) -> Timestamp {
    let millis = i64::try_from(time.millis()).expect("event times have 42 bits");
    Timestamp::from_millisecond(millis).expect("event times end in 2109")
}

/// The first instant of a local day.
fn midnight(day: Date, zone: &TimeZone) -> i64 {
    let start = day.to_zoned(zone.clone()).expect("event times end in 2109");
    start.timestamp().as_millisecond()
}

/// The instant that lies at or before this one on a slot edge; not before the epoch.
fn on_slot(edge: i64, slot_ms: u64) -> EventTime {
    let edge = u64::try_from(edge).unwrap_or(0);
    EventTime::from_millis(edge - edge % slot_ms).unwrap_or(EventTime::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn at(text: &str) -> EventTime {
        crate::event::time::from_rfc3339(text).unwrap()
    }

    fn between(first: &str, last: &str, every_ms: u64, zone: &str) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        edges(at(first), at(last), every_ms, 10_000, &zone).unwrap().into_iter().map(written).collect()
    }

    #[test]
    fn a_fact_on_an_edge_needs_the_next_edge() {
        assert_eq!(
            between("1999-01-03T07:00:00+02:00", "1999-01-03T07:30:00+02:00", HOUR / 2, "Asia/Jerusalem"),
            ["1999-01-03T05:00:00Z", "1999-01-03T05:30:00Z", "1999-01-03T06:00:00Z"]
        );
    }

    #[test]
    fn days_of_23_and_25_hours_begin_at_midnight() {
        assert_eq!(
            between("2024-03-31T00:00:00+01:00", "2024-03-31T23:00:00+02:00", 24 * HOUR, "Europe/Vienna"),
            ["2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"]
        );
        let autumn = between("2024-10-27T00:00:00+02:00", "2024-10-27T23:59:59+01:00", 6 * HOUR, "Europe/Vienna");
        assert_eq!(autumn.len(), 6);
        assert_eq!(autumn[4..], ["2024-10-27T22:00:00Z", "2024-10-27T23:00:00Z"]);
    }

    #[test]
    fn a_day_may_be_missing() {
        // Samoa had no 30 December 2011.
        assert_eq!(
            between("2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00", 24 * HOUR, "Pacific/Apia"),
            ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"]
        );
    }

    #[test]
    fn the_first_and_the_last_instants_have_edges() {
        let zone = TimeZone::get("Asia/Jerusalem").unwrap();
        let epoch = EventTime::default();
        assert_eq!(
            edges(epoch, epoch, HOUR, 10_000, &zone).unwrap(),
            [0, HOUR].map(|ms| EventTime::from_millis(ms).unwrap())
        );
        let last = edges(EventTime::MAX, EventTime::MAX, HOUR, 10_000, &zone).unwrap();
        assert_eq!(last.len(), 2);
        assert_eq!(last[1], EventTime::MAX);
    }

    #[test]
    fn a_wild_time_does_not_take_all_memory() {
        let error = edges(EventTime::default(), EventTime::MAX, 10_000, 10_000, &TimeZone::UTC).unwrap_err();
        assert!(error.to_string().starts_with("intervals of 10s from 1970-01-01T00:00:00Z to 2109-"), "{error}");
    }
}
