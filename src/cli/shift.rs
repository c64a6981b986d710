//! Event times moved as a whole, in the records' own text: nothing else of a record is touched.

use std::fmt;
use std::ops::Range;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::event::EventTime;

/// By how much times are moved, in milliseconds; backwards if negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shift(i64);

impl Shift {
    /// The one that moves the first instant onto the second.
    pub fn onto(from: EventTime, to: EventTime) -> Shift {
        let [from, to] = [from, to].map(|time| i64::try_from(time.millis()).expect("event times have 42 bits"));
        Shift(to - from)
    }

    /// The moved instant; none before 1970 or beyond the last event time.
    pub fn of(self, time: EventTime) -> Option<EventTime> {
        time.millis().checked_add_signed(self.0).and_then(EventTime::from_millis)
    }

    /// Writes a record that tells an event with its time moved. A number stays a number of milliseconds, a text
    /// becomes RFC 3339 in UTC with milliseconds. None, and nothing written, if the moved time is out of range.
    pub fn write(self, record: &[u8], time: EventTime, out: &mut Vec<u8>) -> Option<EventTime> {
        let moved = self.of(time)?;
        let place = place_of_time(record)?;
        out.extend_from_slice(&record[..place.start]);
        if record[place.start] == b'"' {
            let moved_ms = i64::try_from(moved.millis()).ok()?;
            let instant = Timestamp::from_millisecond(moved_ms).ok()?;
            out.extend_from_slice(format!("\"{instant:.3}\"").as_bytes());
        } else {
            out.extend_from_slice(moved.millis().to_string().as_bytes());
        }
        out.extend_from_slice(&record[place.end..]);
        Some(moved)
    }
}

/// Where the value of the object's own `time` stands; none if it has none or is no object.
fn place_of_time(record: &[u8]) -> Option<Range<usize>> {
    let text = std::str::from_utf8(record).ok()?;
    let Time(value) = serde_json::from_str(text).ok()?;
    // The value is a piece of the text, so that it begins as far behind as their addresses differ.
    let start = value?.as_ptr().addr().checked_sub(text.as_ptr().addr())?;
    Some(start..start + value?.len())
}

/// The text of the first `time` of an object, where it has one.
struct Time<'r>(Option<&'r str>);

impl<'de> Deserialize<'de> for Time<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TimeVisitor)
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = Time<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Time<'de>, A::Error> {
        let mut time = None;
        while let Some(IsTime(is_time)) = map.next_key()? {
            if is_time && time.is_none() {
                time = Some(map.next_value::<&'de RawValue>()?.get());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Time(time))
    }
}

/// Whether a key, its escapes resolved, is `time`.
struct IsTime(bool);

impl<'de> Deserialize<'de> for IsTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(IsTimeVisitor)
    }
}

struct IsTimeVisitor;

impl Visitor<'_> for IsTimeVisitor {
    type Value = IsTime;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<IsTime, E> {
        Ok(IsTime(key == "time"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Event;
    use crate::event::decode::decode;

    fn time_of(record: &[u8]) -> EventTime {
        match decode(record, 1 << 20).unwrap() {
            Event::Contact(event) => event.time,
            Event::Agent(event) => event.time,
        }
    }

    fn shifted(record: &str, by_ms: i64) -> Option<String> {
        let mut out = b"before ".to_vec();
        let moved = Shift(by_ms).write(record.as_bytes(), time_of(record.as_bytes()), &mut out);
        let text = String::from_utf8(out).unwrap();
        let text = text.strip_prefix("before ").unwrap().to_owned();
        assert_eq!(moved.is_none(), text.is_empty());
        moved.map(|moved| {
            assert_eq!(time_of(text.as_bytes()), moved);
            text
        })
    }

    #[test]
    fn only_the_value_of_the_own_time_changes() {
        for (before, after) in [
            (
                r#"{"type":"answered","contact_id":"c","time":"1999-01-01T00:00:08+02:00","x":1}"#,
                r#"{"type":"answered","contact_id":"c","time":"1998-12-31T22:00:09.500Z","x":1}"#,
            ),
            (
                r#"{"type":"answered","contact_id":"c","time":915141608000}"#,
                r#"{"type":"answered","contact_id":"c","time":915141609500}"#,
            ),
            (
                " { \"x\":{\"time\":1,\"y\":[{\"time\":\"2\"}]}, \"t\\u0069me\" :\t915141608000 , \"contact_id\":\"time\",\"type\":\"answered\"}\r",
                " { \"x\":{\"time\":1,\"y\":[{\"time\":\"2\"}]}, \"t\\u0069me\" :\t915141609500 , \"contact_id\":\"time\",\"type\":\"answered\"}\r",
            ),
            (
                "{\"time\":\"1998-12-31\\u005422:00:08.0009Z\",\"contact_id\":\"\u{20ac}\",\"type\":\"answered\"}",
                "{\"time\":\"1998-12-31T22:00:09.500Z\",\"contact_id\":\"\u{20ac}\",\"type\":\"answered\"}",
            ),
        ] {
            assert_eq!(shifted(before, 1_500).unwrap(), after);
        }
    }

    #[test]
    fn times_out_of_range_are_none() {
        let at = |time_ms: u64| format!("{{\"type\":\"answered\",\"contact_id\":\"c\",\"time\":{time_ms}}}");
        assert_eq!(shifted(&at(1_000), -1_000), Some(at(0)));
        assert_eq!(shifted(&at(1_000), -1_001), None);
        let last = EventTime::MAX.millis();
        assert_eq!(shifted(&at(last - 1), 1), Some(at(last)));
        assert_eq!(shifted(&at(last - 1), 2), None);
    }

    proptest! {
        /// Whatever stands around it: what is read afterwards is the same event at another time.
        #[test]
        fn nothing_else_is_touched(
            id in "\\PC{1,20}",
            other in "\\PC{0,20}",
            time_ms in 0_u64..=EventTime::MAX.millis(),
            by_ms in -4_000_000_000_000_i64..4_000_000_000_000,
            as_text: bool,
        ) {
            let time = if as_text {
                serde_json::json!(Timestamp::from_millisecond(i64::try_from(time_ms).unwrap()).unwrap().to_string())
            } else {
                serde_json::json!(time_ms)
            };
            let mut event = serde_json::json!(
                {"type": "answered", "contact_id": id, "time": time, "other": {"time": other}, other.clone(): 1}
            );
            event["time"] = time;
            let record = event.to_string();
            match (shifted(&record, by_ms), time_ms.checked_add_signed(by_ms)) {
                (Some(text), Some(moved_ms)) => {
                    let mut after: serde_json::Value = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(after["time"].is_string(), as_text);
                    prop_assert_eq!(time_of(text.as_bytes()).millis(), moved_ms);
                    after["time"] = event["time"].clone();
                    prop_assert_eq!(after, event);
                }
                (None, moved) => prop_assert!(moved.is_none_or(|moved| moved > EventTime::MAX.millis())),
                (Some(text), None) => prop_assert!(false, "{}", text),
            }
        }
    }
}
