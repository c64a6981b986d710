//! When a centre is open: a calendar answers how much open time lies between two instants, and when so much has passed.
//!
//! An instant is open if and only if its local date and time of day lie within the hours that begin on that date or on
//! its eve. So on the day on which clocks are set forward an hour that is skipped is not there, and on the day on which
//! they are set back an hour that comes twice counts twice. All openings of the range of event time are found once
//! (`openings`), so that each question is a binary search. Who is served by which calendar is not known here, but in
//! `engine::settings`; what is written in a file is refused or understood in `config`.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::engine::lane::hash_of;
use crate::event::EventTime;

mod openings;

const DAY_MINUTES: u16 = 24 * 60;

/// A span of local time that begins on some day and lasts up to a day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Hours {
    begin: u16,
    end: u16,
}

impl Hours {
    /// The whole day.
    pub const WHOLE_DAY: Hours = Hours { begin: 0, end: DAY_MINUTES };

    /// From one minute of the day (0 to 1439) to another (0 to 1440), which is no part of it. One that ends before it
    /// begins ends on the next day. None if both are the same, or beyond the day.
    pub const fn new(begin_minute: u16, end_minute: u16) -> Option<Hours> {
        if begin_minute >= DAY_MINUTES || end_minute > DAY_MINUTES || begin_minute == end_minute {
            return None;
        }
        let end = if end_minute > begin_minute { end_minute } else { end_minute + DAY_MINUTES };
        Some(Hours { begin: begin_minute, end })
    }

    /// The first minute, counted from the midnight that begins its day: 0 to 1439.
    pub const fn begin_minute(self) -> u16 {
        self.begin
    }

    /// The minute after the last, counted from the same midnight: more than 1440 if it ends on the next day.
    pub const fn end_minute(self) -> u16 {
        self.end
    }

    /// The minute of the next day at which it ends; none if it ends by midnight.
    pub const fn end_on_next_day(self) -> Option<u16> {
        if self.end > DAY_MINUTES { Some(self.end - DAY_MINUTES) } else { None }
    }
}

/// As it is written: `09:00-17:00`, `22:00-06:00`.
impl fmt::Display for Hours {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.end_on_next_day().unwrap_or(self.end);
        write!(out, "{:02}:{:02}-{:02}:{:02}", self.begin / 60, self.begin % 60, end / 60, end % 60)
    }
}

/// What a calendar is made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CalendarSpec {
    /// The IANA name of the zone whose clocks show the hours.
    pub zone: String,
    /// The hours that begin on each weekday, Monday first. Hours that overlap count once; a day without any is closed.
    pub week: [Vec<Hours>; 7],
    /// Local dates that differ: what begins on them instead, nothing if they are closed. What began on the eve goes on.
    #[serde(serialize_with = "dates_as_text", deserialize_with = "dates_of_text")]
    pub days: BTreeMap<Date, Vec<Hours>>,
}

impl CalendarSpec {
    /// The hours that begin on a local date; empty if none do.
    pub fn hours_of(&self, date: Date) -> &[Hours] {
        match self.days.get(&date) {
            Some(hours) => hours,
            None => &self.week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())],
        }
    }
}

fn dates_as_text<S: Serializer>(days: &BTreeMap<Date, Vec<Hours>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(days.iter().map(|(date, hours)| (date.to_string(), hours)))
}

fn dates_of_text<'d, D: Deserializer<'d>>(deserializer: D) -> Result<BTreeMap<Date, Vec<Hours>>, D::Error> {
    let days = BTreeMap::<String, Vec<Hours>>::deserialize(deserializer)?;
    days.into_iter().map(|(date, hours)| Ok((date.parse().map_err(D::Error::custom)?, hours))).collect()
}

/// Nobody knows a zone of this name.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("there is no zone {0:?}")]
pub struct UnknownZone(pub String);

/// The openings of a centre from 1970 to [`EventTime::MAX`], of which nothing before or after is open. One that opens
/// twice a day holds 1.6 MB. Two are equal if they are made of the same.
#[derive(Clone)]
pub struct Calendar {
    spec: CalendarSpec,
    /// By time; none is empty and none touch.
    openings: Vec<Opening>,
    /// All open time, in milliseconds.
    open_ms: u64,
}

/// A span of open time. It ends when as much has passed as is open before the next one.
#[derive(Clone, Copy)]
struct Opening {
    /// Its first instant.
    start: u64,
    /// The open time before it, in milliseconds.
    open_before: u64,
}

impl Calendar {
    /// The calendar that is made of this.
    ///
    /// # Errors
    /// If there is no such zone.
    pub fn new(spec: CalendarSpec) -> Result<Calendar, UnknownZone> {
        let zone = TimeZone::get(&spec.zone).map_err(|_| UnknownZone(spec.zone.clone()))?;
        let mut open_ms = 0;
        let with_open_before = |span: std::ops::Range<u64>| {
            let opening = Opening { start: span.start, open_before: open_ms };
            open_ms += span.end - span.start;
            opening
        };
        let mut openings: Vec<Opening> = openings::of(&spec, &zone).into_iter().map(with_open_before).collect();
        openings.shrink_to_fit();
        Ok(Calendar { spec, openings, open_ms })
    }

    /// What it is made of.
    pub fn spec(&self) -> &CalendarSpec {
        &self.spec
    }

    /// A hash of all openings: a zone whose clocks are said to go otherwise than they were gives another one.
    pub fn fingerprint(&self) -> u64 {
        let instants = self.openings.iter().flat_map(|opening| [opening.start, opening.open_before]);
        let bytes: Vec<u8> = instants.chain([self.open_ms]).flat_map(u64::to_le_bytes).collect();
        hash_of(&bytes)
    }

    /// Whether this instant, in milliseconds since the epoch, is open.
    pub fn is_open(&self, at: u64) -> bool {
        self.open_until(at) < self.open_until(at.saturating_add(1))
    }

    /// The open time from one instant up to another, in milliseconds; 0 if the second is not after the first.
    pub fn open_between(&self, from: u64, to: u64) -> u64 {
        self.open_until(to).saturating_sub(self.open_until(from))
    }

    /// The earliest instant, not before `from`, at which so much open time has passed since `from`: `from` itself for 0.
    /// None if that lies beyond [`EventTime::MAX`].
    pub fn after(&self, from: u64, open_ms: u64) -> Option<u64> {
        let at = if open_ms == 0 {
            from
        } else {
            let until = self.open_until(from).checked_add(open_ms).filter(|until| *until <= self.open_ms)?;
            // Of an opening that ends just then and the next one, the former.
            let begun = self.openings.partition_point(|opening| opening.open_before < until);
            let opening = self.openings.get(begun.checked_sub(1)?)?;
            opening.start + (until - opening.open_before)
        };
        EventTime::from_millis(at).map(EventTime::millis)
    }

    /// The open time before an instant, in milliseconds.
    fn open_until(&self, at: u64) -> u64 {
        let begun = self.openings.partition_point(|opening| opening.start <= at);
        let Some(opening) = begun.checked_sub(1).map(|last| self.openings[last]) else { return 0 };
        let open_after = self.openings.get(begun).map_or(self.open_ms, |next| next.open_before);
        open_after.min(opening.open_before + (at - opening.start))
    }
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Calendar) -> bool {
        self.spec == other.spec
    }
}

impl Eq for Calendar {}

/// Tens of thousands of openings say nothing to anybody.
impl fmt::Debug for Calendar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Calendar").field("spec", &self.spec).field("openings", &self.openings.len()).finish()
    }
}

/// As what it is made of.
impl Serialize for Calendar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.spec.serialize(serializer)
    }
}
