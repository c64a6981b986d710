//! Why a record is no event: a closed list of reasons, and what an operator needs to find the producer's mistake.
//!
//! Where the record was is not known here; its source says so.

use std::fmt;

use super::EventTime;
use super::strict::Field;

/// Why a record is no event. The first that applies is given: first for the record as a whole, in this order, then
/// field by field: `type`, what this type has of its own, id, time, and the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RejectionReason {
    /// It is longer than the limit; nothing else about it is known.
    Oversized,
    /// It is not UTF-8.
    NotUtf8,
    /// It holds nothing but white space, or nothing at all, as a null payload does.
    Empty,
    /// It is not one JSON text, or gives a known field twice, or a field that counts holds half a surrogate pair.
    Malformed,
    /// It is JSON, but not an object; a JSON `null` too.
    NotAnObject,
    /// A field that its type requires is absent or null.
    MissingField,
    /// A field that counts is not of its JSON type.
    WrongType,
    /// Its type is not a known one.
    UnknownType,
    /// Its time is neither RFC 3339 with an offset nor whole milliseconds, or lies before 1970 or after
    /// [`EventTime::MAX`](super::EventTime::MAX).
    BadTime,
    /// A contact, agent or customer id is empty or longer than 128 bytes.
    BadId,
    /// The name of a queue, channel, tier, survey or outcome is empty or longer than 128 bytes.
    BadName,
    /// An unknown reason or agent state; a duration that is negative or over 366 days; an amount that is negative or
    /// more than 10^12; a score that is not finite.
    BadValue,
    /// It lies too far ahead of its record's own timestamp. Never given by [`decode`](super::decode::decode): sources that know that timestamp
    /// reject with it.
    Future,
}

impl RejectionReason {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [RejectionReason; 13] = [
        RejectionReason::Oversized,
        RejectionReason::NotUtf8,
        RejectionReason::Empty,
        RejectionReason::Malformed,
        RejectionReason::NotAnObject,
        RejectionReason::MissingField,
        RejectionReason::WrongType,
        RejectionReason::UnknownType,
        RejectionReason::BadTime,
        RejectionReason::BadId,
        RejectionReason::BadName,
        RejectionReason::BadValue,
        RejectionReason::Future,
    ];

    /// The name it has in metrics, reports and logs.
    pub const fn name(self) -> &'static str {
        match self {
            RejectionReason::Oversized => "oversized",
            RejectionReason::NotUtf8 => "not_utf8",
            RejectionReason::Empty => "empty",
            RejectionReason::Malformed => "malformed",
            RejectionReason::NotAnObject => "not_an_object",
            RejectionReason::MissingField => "missing_field",
            RejectionReason::WrongType => "wrong_type",
            RejectionReason::UnknownType => "unknown_type",
            RejectionReason::BadTime => "bad_time",
            RejectionReason::BadId => "bad_id",
            RejectionReason::BadName => "bad_name",
            RejectionReason::BadValue => "bad_value",
            RejectionReason::Future => "future",
        }
    }
}

/// A record that is no event, with what an operator needs to find its producer's mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// What it is counted by.
    pub reason: RejectionReason,
    /// The field at fault; none if it is the record as a whole.
    pub field: Option<&'static str>,
    /// What was found, in at most some 300 bytes; empty if there is no more to say. Quotes values but never ids, which
    /// may be personal.
    pub detail: String,
}

impl Rejection {
    pub(super) fn new(reason: RejectionReason, field: Option<Field>, detail: String) -> Self {
        Rejection { reason, field: field.map(Field::name), detail }
    }
}

impl Rejection {
    /// An event whose time is too far ahead of its record's, which is `stamped_ms` milliseconds after 1970.
    pub fn future(time: EventTime, stamped_ms: u64) -> Rejection {
        let ahead = time.millis().saturating_sub(stamped_ms) / 1_000;
        Rejection::new(RejectionReason::Future, Some(Field::Time), format!("{ahead} s ahead of its record's timestamp"))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "reading a native event: {}", self.reason.name())?;
        if let Some(field) = self.field {
            write!(formatter, " `{field}`")?;
        }
        if !self.detail.is_empty() {
            write!(formatter, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejection {}
