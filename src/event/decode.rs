//! Native events: one record in, one [`Event`] out, or the reason why not.
//!
//! Two readings find the JSON text of each known field: a fast one for the usual record and a strict one for all the
//! rest. What these texts mean is decided here, once for both. Nothing is built but the event itself, and its text is
//! borrowed from the record unless a string holds an escape.
//!
//! Deliberately absent: what is `future` (that takes the record's own timestamp, which only its source knows), whether
//! the key of the record is the contact, and everything that takes more than one record to tell.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::rejection::{Rejection, RejectionReason};
use super::strict::{Field, Fields, kind_of};
use super::{AgentEvent, AgentState, ContactEvent, Event, EventTime, HandleParts, Kind, Reason, plain, strict, time};

/// The longest id or name, in bytes of UTF-8 after escapes are resolved.
const LONGEST_TEXT: usize = 128;

/// The longest part of a handle time: 366 days.
const LONGEST_PART_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// The largest amount of an outcome: in any currency more than one contact can bring.
const LARGEST_AMOUNT: f64 = 1e12;

/// Decodes one record of at most `limit` bytes, white space around it included.
///
/// # Errors
///
/// A [`Rejection`] says the first thing that is wrong. Fields that the event's type does not use are never wrong,
/// whatever they hold, as long as the record is JSON.
pub fn decode(record: &[u8], limit: usize) -> Result<Event<'_>, Rejection> {
    if record.len() > limit {
        let detail = format!("{} bytes, the limit is {limit}", record.len());
        return Err(Rejection::new(RejectionReason::Oversized, None, detail));
    }
    let text = std::str::from_utf8(record)
        .map_err(|error| Rejection::new(RejectionReason::NotUtf8, None, error.to_string()))?;
    let mut fields = Fields::default();
    if !plain::read(text, &mut fields) {
        fields = strict::read(text)?;
    }
    event(&fields)
}

/// What the fields of one object say.
#[inline]
fn event<'a>(fields: &Fields<'a>) -> Result<Event<'a>, Rejection> {
    let type_name = required(fields, Field::Type, text)?;
    if type_name == "agent_state" {
        return agent_event(fields).map(Event::Agent);
    }
    let kind = kind(&type_name, fields)?;
    let queue = if let Kind::Offered { .. } = kind { None } else { optional(fields, Field::Queue, name)? };
    Ok(Event::Contact(ContactEvent {
        contact_id: required(fields, Field::ContactId, id)?,
        time: required(fields, Field::Time, instant)?,
        queue,
        agent_id: optional(fields, Field::AgentId, id)?,
        customer_id: optional(fields, Field::CustomerId, id)?,
        kind,
    }))
}

/// What happened to the contact, with what its type brings along.
#[inline]
fn kind<'a>(type_name: &str, fields: &Fields<'a>) -> Result<Kind<'a>, Rejection> {
    Ok(match type_name {
        "offered" => Kind::Offered {
            queue: required(fields, Field::Queue, name)?,
            channel: optional(fields, Field::Channel, name)?.unwrap_or(Cow::Borrowed("voice")),
            tier: optional(fields, Field::Tier, name)?.unwrap_or(Cow::Borrowed("standard")),
        },
        "answered" => Kind::Answered,
        "abandoned" => Kind::Abandoned,
        "left" => Kind::Left(required(fields, Field::Reason, reason)?),
        "completed" => Kind::Completed(handle_parts(fields)?),
        "customer_message" => Kind::CustomerMessage,
        "agent_reply" => Kind::AgentReply,
        "paused" => Kind::Paused,
        "resumed" => Kind::Resumed,
        "resolved" => Kind::Resolved,
        "reopened" => Kind::Reopened,
        "rated" => Kind::Rated {
            survey: required(fields, Field::Survey, name)?,
            score: required(fields, Field::Score, finite)?,
        },
        "outcome" => Kind::Outcome {
            name: required(fields, Field::Name, name)?,
            amount: optional(fields, Field::Amount, amount)?,
        },
        _ => return Err(Rejection::new(RejectionReason::UnknownType, Some(Field::Type), quoted(type_name))),
    })
}

fn handle_parts(fields: &Fields<'_>) -> Result<Option<HandleParts>, Rejection> {
    let [talk, hold, wrap] =
        [Field::TalkSeconds, Field::HoldSeconds, Field::WrapSeconds].map(|part| optional(fields, part, duration_ms));
    Ok(match (talk?, hold?, wrap?) {
        (None, None, None) => None,
        (talk, hold, wrap) => {
            Some(HandleParts { talk_ms: talk.unwrap_or(0), hold_ms: hold.unwrap_or(0), wrap_ms: wrap.unwrap_or(0) })
        }
    })
}

fn agent_event<'a>(fields: &Fields<'a>) -> Result<AgentEvent<'a>, Rejection> {
    Ok(AgentEvent {
        agent_id: required(fields, Field::AgentId, id)?,
        time: required(fields, Field::Time, instant)?,
        state: required(fields, Field::State, agent_state)?,
        queues: optional(fields, Field::Queues, names)?,
    })
}

/// The JSON text of one field that is there and not null, and what is needed to read and to refuse it.
#[derive(Clone, Copy)]
struct Value<'a> {
    field: Field,
    raw: &'a str,
    escaped: bool,
}

impl Value<'_> {
    #[cold]
    fn rejected(self, reason: RejectionReason, detail: String) -> Rejection {
        Rejection::new(reason, Some(self.field), detail)
    }

    #[cold]
    fn wrong_type(self, expected: &str) -> Rejection {
        self.rejected(RejectionReason::WrongType, format!("expected {expected}, got {}", kind_of(self.raw)))
    }
}

#[inline]
fn required<'a, T>(
    fields: &Fields<'a>,
    field: Field,
    read: impl FnOnce(Value<'a>) -> Result<T, Rejection>,
) -> Result<T, Rejection> {
    match optional(fields, field, read)? {
        Some(value) => Ok(value),
        None => Err(missing(field)),
    }
}

#[cold]
fn missing(field: Field) -> Rejection {
    Rejection::new(RejectionReason::MissingField, Some(field), String::new())
}

#[inline]
fn optional<'a, T>(
    fields: &Fields<'a>,
    field: Field,
    read: impl FnOnce(Value<'a>) -> Result<T, Rejection>,
) -> Result<Option<T>, Rejection> {
    fields.raw(field).map(|raw| read(Value { field, raw, escaped: fields.escaped })).transpose()
}

/// A string, with its escapes resolved.
#[inline]
fn text(value: Value<'_>) -> Result<Cow<'_, str>, Rejection> {
    match value.raw.strip_prefix("\"").and_then(|rest| rest.strip_suffix("\"")) {
        Some(inner) if !value.escaped => Ok(Cow::Borrowed(inner)),
        Some(_) => unescaped(value),
        None => Err(value.wrong_type("a string")),
    }
}

#[cold]
fn unescaped(value: Value<'_>) -> Result<Cow<'_, str>, Rejection> {
    if !value.raw.contains('\\') {
        return text(Value { escaped: false, ..value });
    }
    serde_json::from_str(value.raw)
        .map(Cow::Owned)
        .map_err(|error| value.rejected(RejectionReason::Malformed, error.to_string()))
}

#[inline]
fn id(value: Value<'_>) -> Result<Cow<'_, str>, Rejection> {
    let id = text(value)?;
    if is_text_of_usual_length(&id) {
        return Ok(id);
    }
    Err(value.rejected(RejectionReason::BadId, format!("{} bytes, 1 to {LONGEST_TEXT} are allowed", id.len())))
}

#[inline]
fn name(value: Value<'_>) -> Result<Cow<'_, str>, Rejection> {
    let name = text(value)?;
    if is_text_of_usual_length(&name) {
        return Ok(name);
    }
    let detail = format!("{}, {} bytes, 1 to {LONGEST_TEXT} are allowed", quoted(&name), name.len());
    Err(value.rejected(RejectionReason::BadName, detail))
}

#[inline]
fn is_text_of_usual_length(text: &str) -> bool {
    (1..=LONGEST_TEXT).contains(&text.len())
}

fn names(value: Value<'_>) -> Result<Vec<Cow<'_, str>>, Rejection> {
    if !value.raw.starts_with('[') {
        return Err(value.wrong_type("an array of strings"));
    }
    let elements: Vec<&RawValue> = serde_json::from_str(value.raw)
        .map_err(|error| value.rejected(RejectionReason::Malformed, error.to_string()))?;
    elements.into_iter().map(|element| name(Value { raw: element.get(), ..value })).collect()
}

#[inline]
fn instant(value: Value<'_>) -> Result<EventTime, Rejection> {
    let instant = match value.raw.as_bytes() {
        [b'"', ..] => time::from_rfc3339(&text(value)?),
        [b'-' | b'0'..=b'9', ..] => time::from_epoch_millis(value.raw),
        _ => return Err(value.wrong_type("a string or an integer")),
    };
    instant.ok_or_else(|| {
        let detail =
            format!("{} is neither RFC 3339 with an offset nor epoch milliseconds up to 2109", quoted(value.raw));
        value.rejected(RejectionReason::BadTime, detail)
    })
}

fn reason(value: Value<'_>) -> Result<Reason, Rejection> {
    let name = text(value)?;
    Reason::from_name(&name).ok_or_else(|| value.rejected(RejectionReason::BadValue, quoted(&name)))
}

fn agent_state(value: Value<'_>) -> Result<AgentState, Rejection> {
    let name = text(value)?;
    AgentState::from_name(&name).ok_or_else(|| value.rejected(RejectionReason::BadValue, quoted(&name)))
}

/// The text of a number.
fn number(value: Value<'_>) -> Result<&str, Rejection> {
    match value.raw.as_bytes() {
        [b'-' | b'0'..=b'9', ..] => Ok(value.raw),
        _ => Err(value.wrong_type("a number")),
    }
}

/// A finite number; minus zero is zero, so that equal numbers are the same fact.
fn finite(value: Value<'_>) -> Result<f64, Rejection> {
    match number(value)?.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number + 0.0),
        _ => Err(value.rejected(RejectionReason::BadValue, format!("{} is not finite", quoted(value.raw)))),
    }
}

fn amount(value: Value<'_>) -> Result<f64, Rejection> {
    let amount = finite(value)?;
    if amount > LARGEST_AMOUNT {
        let detail = format!("{} is more than a million million", quoted(value.raw));
        return Err(value.rejected(RejectionReason::BadValue, detail));
    }
    if amount < 0.0 {
        return Err(value.rejected(RejectionReason::BadValue, format!("{} is negative", quoted(value.raw))));
    }
    Ok(amount)
}

fn duration_ms(value: Value<'_>) -> Result<u64, Rejection> {
    floored_millis(number(value)?).filter(|millis| *millis <= LONGEST_PART_MS).ok_or_else(|| {
        value.rejected(RejectionReason::BadValue, format!("{} s, 0 to 366 days are allowed", quoted(value.raw)))
    })
}

/// Seconds as JSON writes numbers, floored to whole milliseconds; none if negative or beyond 64 bits.
///
/// By decimal digits, since floating point would make 1.000 s of 1.001 s: 1.001 × 1000 is 1000.9999999999999.
fn floored_millis(seconds: &str) -> Option<u64> {
    let (mantissa, exponent) = seconds.split_once(['e', 'E']).unwrap_or((seconds, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = whole.bytes().chain(fraction.bytes()).map(|digit| u64::from(digit - b'0'));
    if digits.clone().all(|digit| digit == 0) {
        return Some(0);
    }
    if negative {
        return None;
    }
    // An exponent beyond 64 bits moves the point further than any record has digits.
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') { i64::MIN } else { i64::MAX });
    let kept = i64::try_from(whole.len()).ok()?.saturating_add(3).saturating_add(exponent);
    let mut millis = 0_u64;
    for _ in 0..kept {
        millis = millis.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    Some(millis)
}

/// The beginning of a value, with control characters escaped.
fn quoted(value: &str) -> String {
    const LONGEST: usize = 48;
    let end = value.floor_char_boundary(LONGEST);
    if end == value.len() { format!("{value:?}") } else { format!("{:?}…", &value[..end]) }
}

#[cfg(test)]
mod tests;
