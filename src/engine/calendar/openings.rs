//! From local hours to spans of event time.
//!
//! Local hours are laid out on a line on which every day has 24 hours. Between two changes of its clocks, a zone's time is
//! a constant away from event time; so each such stretch cuts its part out of the line. A stretch that begins with a leap
//! forward leaves out what nobody's clock showed, and one that begins with a leap back cuts out the same part again.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::CalendarSpec;
use crate::event::EventTime;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// The first instant that cannot be told any more.
const END_MS: i64 = EventTime::MAX.millis().cast_signed() + 1;

/// Local dates can be a day off, and hours can begin on the eve.
const FIRST_DATE: Date = jiff::civil::date(1969, 12, 30);
const FIRST_DAY: i64 = -2;
const LAST_DAY: i64 = END_MS / DAY_MS + 1;

/// All openings, in milliseconds since the epoch, by time. None is empty and none touch.
pub(super) fn of(spec: &CalendarSpec, zone: &TimeZone) -> Vec<Range<u64>> {
    let line = local_line(spec);
    let mut openings = Vec::with_capacity(line.len());
    for (stretch, offset_ms) in stretches(zone) {
        let (start, end) = (stretch.start + offset_ms, stretch.end + offset_ms);
        let begun = line.partition_point(|hours| hours.end <= start);
        for hours in line[begun..].iter().take_while(|hours| hours.start < end) {
            append(&mut openings, hours.start.max(start) - offset_ms..hours.end.min(end) - offset_ms);
        }
    }
    let millis = |at| u64::try_from(at).expect("stretches begin at the epoch");
    openings.into_iter().map(|opening| millis(opening.start)..millis(opening.end)).collect()
}

/// What the hours cover, in milliseconds of local time since local 1970 if every day had 24 hours.
fn local_line(spec: &CalendarSpec) -> Vec<Range<i64>> {
    let mut line = Vec::new();
    for (day, date) in (FIRST_DAY..=LAST_DAY).zip(FIRST_DATE.series(1.day())) {
        let at = |minute: u16| day * DAY_MS + i64::from(minute) * MINUTE_MS;
        line.extend(spec.hours_of(date).iter().map(|hours| at(hours.begin_minute())..at(hours.end_minute())));
    }
    // As configured they are nearly in order.
    line.sort_by_key(|hours| hours.start);
    let mut merged = Vec::with_capacity(line.len());
    line.into_iter().for_each(|hours| append(&mut merged, hours));
    merged
}

/// The stretches of time between changes of the clocks, and by how much local time is ahead in each, in milliseconds.
fn stretches(zone: &TimeZone) -> Vec<(Range<i64>, i64)> {
    let mut stretches = Vec::new();
    let mut start = 0;
    let mut offset = zone.to_offset(Timestamp::UNIX_EPOCH);
    for change in zone.following(Timestamp::UNIX_EPOCH) {
        let at = change.timestamp().as_millisecond();
        if at >= END_MS {
            break;
        }
        stretches.push((start..at, i64::from(offset.seconds()) * 1_000));
        (start, offset) = (at, change.offset());
    }
    stretches.push((start..END_MS, i64::from(offset.seconds()) * 1_000));
    stretches
}

/// Appends a span that begins no earlier than the last one, or lengthens that if they touch.
fn append(spans: &mut Vec<Range<i64>>, span: Range<i64>) {
    match spans.last_mut() {
        Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
        _ => spans.push(span),
    }
}
