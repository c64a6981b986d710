//! The reference reading of a record: is it one JSON object, and which JSON text does each known field hold?
//!
//! Values stay raw text here. What a field may hold depends on the type of the event, which may come last, and a field
//! that the type does not use is ignored whatever it holds. The meaning is given in [`super::decode`]; a faster
//! reading of the usual records, which must agree with this one, is [`super::plain`].

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::rejection::{Rejection, RejectionReason};

/// The fields that native events know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    AgentId,
    Amount,
    Channel,
    ContactId,
    CustomerId,
    HoldSeconds,
    Name,
    Queue,
    Queues,
    Reason,
    Score,
    State,
    Survey,
    TalkSeconds,
    Tier,
    Time,
    Type,
    WrapSeconds,
}

impl Field {
    const COUNT: usize = Field::WrapSeconds as usize + 1;

    /// The field of this name; none if it is not a known one. By length first: then each comparison is one or two
    /// words.
    #[inline]
    pub(super) fn named(key: &str) -> Option<Field> {
        Some(match key.len() {
            4 => match key {
                "time" => Field::Time,
                "type" => Field::Type,
                "tier" => Field::Tier,
                "name" => Field::Name,
                _ => return None,
            },
            5 => match key {
                "queue" => Field::Queue,
                "score" => Field::Score,
                "state" => Field::State,
                _ => return None,
            },
            6 => match key {
                "reason" => Field::Reason,
                "survey" => Field::Survey,
                "amount" => Field::Amount,
                "queues" => Field::Queues,
                _ => return None,
            },
            7 if key == "channel" => Field::Channel,
            8 if key == "agent_id" => Field::AgentId,
            10 if key == "contact_id" => Field::ContactId,
            11 if key == "customer_id" => Field::CustomerId,
            12 => match key {
                "talk_seconds" => Field::TalkSeconds,
                "hold_seconds" => Field::HoldSeconds,
                "wrap_seconds" => Field::WrapSeconds,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// How an event writes it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Field::AgentId => "agent_id",
            Field::Amount => "amount",
            Field::Channel => "channel",
            Field::ContactId => "contact_id",
            Field::CustomerId => "customer_id",
            Field::HoldSeconds => "hold_seconds",
            Field::Name => "name",
            Field::Queue => "queue",
            Field::Queues => "queues",
            Field::Reason => "reason",
            Field::Score => "score",
            Field::State => "state",
            Field::Survey => "survey",
            Field::TalkSeconds => "talk_seconds",
            Field::Tier => "tier",
            Field::Time => "time",
            Field::Type => "type",
            Field::WrapSeconds => "wrap_seconds",
        }
    }
}

/// The JSON text of each known field of one object, as it stands in the record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Fields<'a> {
    /// Empty where the field is absent: no JSON value is written as nothing.
    raw: [&'a str; Field::COUNT],
    /// Whether any string of the record may hold an escape.
    pub(super) escaped: bool,
}

impl<'a> Fields<'a> {
    /// Notes what the field holds; false if it was given before, which then stands.
    #[inline]
    pub(super) fn insert(&mut self, field: Field, raw: &'a str) -> bool {
        let place = &mut self.raw[field as usize];
        let first = place.is_empty();
        if first {
            *place = raw;
        }
        first
    }

    /// The JSON text of the field; none if it is absent or null.
    #[inline]
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        match self.raw[field as usize] {
            "" | "null" => None,
            raw => Some(raw),
        }
    }
}

/// Reads a record, or says why it is no object of native fields: `empty`, `malformed` or `not_an_object`.
///
/// Values of any depth are passed over without recursion. A known key given twice is `malformed`, since either value
/// could be the meant one; unknown keys may repeat.
pub(super) fn read(record: &str) -> Result<Fields<'_>, Rejection> {
    let malformed = |error: &serde_json::Error| Rejection::new(RejectionReason::Malformed, None, error.to_string());
    let body = record.trim_start_matches([' ', '\t', '\n', '\r']);
    if body.is_empty() {
        return Err(Rejection::new(RejectionReason::Empty, None, String::new()));
    }
    if !body.starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(record) {
            Ok(_) => Rejection::new(RejectionReason::NotAnObject, None, format!("got {}", kind_of(body))),
            Err(error) => malformed(&error),
        });
    }
    let object: Object<'_> = serde_json::from_str(record).map_err(|error| malformed(&error))?;
    if let Some(field) = object.repeated {
        return Err(Rejection::new(RejectionReason::Malformed, Some(field), "given twice".to_owned()));
    }
    Ok(Fields { escaped: record.contains('\\'), ..object.fields })
}

/// What sort of JSON value a raw text is, for messages.
pub(super) fn kind_of(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// A whole object, whatever its values.
struct Object<'a> {
    fields: Fields<'a>,
    repeated: Option<Field>,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object { fields: Fields::default(), repeated: None };
        while let Some(Key(known)) = map.next_key()? {
            let Some(field) = known else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &'de RawValue = map.next_value()?;
            if !object.fields.insert(field, value.get()) {
                object.repeated.get_or_insert(field);
            }
        }
        Ok(object)
    }
}

/// A key, with its escapes resolved: the field it names, if it is a known one.
struct Key(Option<Field>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(Key(Field::named(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_text_of_known_fields_and_ignores_the_rest() {
        let fields =
            read(" { \"time\" : [1, {\"type\":2}] , \"x\":{\"tier\":3}, \"t\\u0069er\":-1.5e3,\"name\":null}\r\n")
                .unwrap();
        assert_eq!(fields.raw(Field::Time), Some(r#"[1, {"type":2}]"#));
        assert_eq!(fields.raw(Field::Tier), Some("-1.5e3"));
        assert_eq!(fields.raw(Field::Name), None, "null is absent");
        assert_eq!(fields.raw(Field::Type), None, "only the keys of the object itself count");
        assert!(fields.escaped);
    }

    #[test]
    fn every_name_leads_back_to_its_field() {
        let names = "agent_id amount channel contact_id customer_id hold_seconds name queue queues reason score state \
                     survey talk_seconds tier time type wrap_seconds";
        let mut fields = Fields::default();
        for name in names.split(' ') {
            let field = Field::named(name).unwrap();
            assert_eq!(field.name(), name);
            assert!(fields.insert(field, "1"), "{name} has a place of its own");
        }
        assert_eq!(fields.raw, ["1"; Field::COUNT]);
        for unknown in
            ["", "Type", "typ", "types", "contact-id", "agent_ids", "seconds", "talk_second_", "talk_minutes"]
        {
            assert_eq!(Field::named(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn passes_over_any_depth() {
        let deep = 30_000;
        let record = format!(
            r#"{{"x":{}{},"queue":{}{}}}"#,
            "[".repeat(deep),
            "]".repeat(deep),
            "[".repeat(deep),
            "]".repeat(deep)
        );
        assert_eq!(read(&record).unwrap().raw(Field::Queue).map(str::len), Some(2 * deep));
    }
}
