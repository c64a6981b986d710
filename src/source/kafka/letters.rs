//! Dead letters: records that are no events go to a topic of their own, so that whoever sent them can find and mend them.
//!
//! A letter is the record as it was, byte for byte: key, payload, and its own headers in front. Behind these stand ours,
//! all of them text:
//!
//! | header | |
//! |---|---|
//! | `holdline.reason` | by which it is counted (see [`RejectionReason`](crate::event::rejection::RejectionReason)) |
//! | `holdline.detail` | what was found; only where there is more to say |
//! | `holdline.topic`, `holdline.partition`, `holdline.offset` | where it was |
//! | `holdline.time` | its own timestamp, in milliseconds since 1970; only if it has one |
//!
//! Letters are delivered at least once: a record that is read again is sent again, unless [`Held::letters_from`] says that
//! this was done. Topic, partition and offset tell repetitions.

use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::config::Kafka;
use crate::event::rejection::Rejection;
use crate::kafka::outbox::{Address, Letter, Outbox, OutboxError};
use crate::log::Recurring;
use crate::meters::Meters;
use crate::source::kafka::held::Held;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::queue::{Header, Record};

/// At the end, what is under way is waited for so long: if brokers are well, they take far less.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// Sends on what is no event. Clones share an outbox.
#[derive(Clone)]
pub struct DeadLetters {
    outbox: Arc<Outbox>,
}

impl DeadLetters {
    /// To the topic that is configured; none if there is none. Why letters wait is told to the hub.
    ///
    /// # Errors
    /// See [`Outbox::open`].
    pub fn open(
        kafka: &Kafka,
        hub: &Arc<Hub>,
        meters: &Meters,
        recurring: &impl Fn() -> Recurring,
    ) -> Result<Option<DeadLetters>, OutboxError> {
        let Some(topic) = &kafka.dead_letters else { return Ok(None) };
        let hub = Arc::clone(hub);
        let address = Address {
            topic: topic.clone(),
            what: "dead letters",
            meters: meters.dead_letters.clone(),
            too_large: recurring(),
            tell: Box::new(move |kind, words| hub.tell_trouble(kind, words.to_owned(), clock::monotonic())),
        };
        let outbox = Arc::new(Outbox::open(kafka, address)?);
        Ok(Some(DeadLetters { outbox }))
    }

    /// Takes a record of this partition that is no event. Does not wait.
    pub fn send<'b>(
        &self,
        held: &Held,
        record: &Record<'b>,
        headers: impl FnOnce() -> Vec<Header<'b>>,
        rejection: &Rejection,
    ) {
        if record.offset >= held.letters_from {
            let letter = letter((&held.topic, held.partition), record, &headers(), rejection);
            self.outbox.send(letter, &held.undelivered, record.offset);
        }
    }

    /// Whether a further batch may be read; waits until then, at most so long.
    pub fn wait_for_room(&self, longest: Duration) -> bool {
        self.outbox.wait_for_room(longest)
    }

    /// To be called when nothing is read any more.
    pub fn close(&self) {
        self.outbox.close(LONGEST_FAREWELL);
    }
}

fn letter(
    (topic, partition): (&str, i32),
    record: &Record<'_>,
    headers: &[Header<'_>],
    rejection: &Rejection,
) -> Letter {
    let letter = Letter::new(record.key, record.payload);
    let letter = headers.iter().fold(letter, |letter, (name, value)| letter.with_header(name, *value));
    let ours = [
        ("holdline.reason", Some(rejection.reason.name().to_owned())),
        ("holdline.detail", detail(rejection)),
        ("holdline.topic", Some(topic.to_owned())),
        ("holdline.partition", Some(partition.to_string())),
        ("holdline.offset", Some(record.offset.to_string())),
        ("holdline.time", record.timestamp_ms.map(|millis| millis.to_string())),
    ];
    let ours = ours.into_iter().filter_map(|(name, value)| Some((name, value?)));
    ours.fold(letter, |letter, (name, value)| letter.with_header(name, Some(value.as_bytes())))
}

/// What was found, as in "`time`: 12 s ahead".
fn detail(rejection: &Rejection) -> Option<String> {
    let field = rejection.field.map(|field| format!("`{field}`"));
    let found = Some(rejection.detail.clone()).filter(|found| !found.is_empty());
    let parts: Vec<String> = field.into_iter().chain(found).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use rdkafka::message::Headers;

    use super::*;
    use crate::event::decode::decode;
    use crate::source::kafka::held::Reach;

    /// The headers that stand behind those of the record, as `name=value`.
    fn added(payload: &[u8], timestamp_ms: Option<u64>) -> Vec<String> {
        let rejection = decode(payload, 1_024).unwrap_err();
        let record = Record { offset: 41, key: Some(b"k"), payload: Some(payload), timestamp_ms };
        let own = [(Cow::from("trace"), Some(&b"\xff\0"[..])), (Cow::from("holdline.offset"), None)];
        let letter = letter(("calls", 3), &record, &own, &rejection);
        assert_eq!((letter.key.as_deref(), letter.payload.as_deref()), (Some(&b"k"[..]), Some(payload)));
        let header =
            |header: rdkafka::message::Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
        let headers: Vec<_> = letter.headers.iter().map(header).collect();
        let own: Vec<_> = own.iter().map(|(name, value)| (name.to_string(), value.map(<[u8]>::to_vec))).collect();
        assert_eq!(headers[..2], own, "its own are in front");
        let text = |value: &Option<Vec<u8>>| String::from_utf8(value.clone().unwrap()).unwrap();
        headers[2..].iter().map(|(name, value)| format!("{name}={}", text(value))).collect()
    }

    #[test]
    fn a_letter_says_why_and_where() {
        assert_eq!(
            added(b"{\"type\":\"sighed\",\"contact_id\":\"b\",\"time\":1}", Some(1_700_000_000_000)),
            [
                "holdline.reason=unknown_type",
                "holdline.detail=`type`: \"sighed\"",
                "holdline.topic=calls",
                "holdline.partition=3",
                "holdline.offset=41",
                "holdline.time=1700000000000",
            ]
        );
    }

    #[test]
    fn what_is_not_known_has_no_header() {
        let reason = ["reason=empty", "topic=calls", "partition=3", "offset=41"].map(|text| format!("holdline.{text}"));
        assert_eq!(added(b" ", None), reason);
    }

    #[test]
    fn what_was_sent_on_before_is_not_sent_again() {
        let kafka =
            Kafka { brokers: "127.0.0.1:1".to_owned(), dead_letters: Some("dead".to_owned()), ..Kafka::default() };
        let meters = Meters::register(&prometheus::Registry::new()).unwrap();
        let (failing, _) = tokio::sync::mpsc::unbounded_channel();
        let hub = Arc::new(Hub::new(Vec::new(), Arc::default(), ["calls".to_owned()], failing));
        let recurring = || Recurring::new(std::num::NonZero::<u32>::MIN, meters.log_lines_suppressed.clone());
        let letters = DeadLetters::open(&kafka, &hub, &meters, &recurring).unwrap().unwrap();
        let mut held = Held::new(Arc::from("calls"), 3, 0, None, Reach::Everything, clock::wall());
        held.letters_from = 5;
        for (offset, first) in [(4, None), (5, Some(5)), (6, Some(5))] {
            let record = Record { offset, key: None, payload: None, timestamp_ms: None };
            letters.send(&held, &record, Vec::new, &decode(b"", 1_024).unwrap_err());
            assert_eq!(held.undelivered.first(), first, "{offset}");
        }
        assert_eq!(meters.dead_letters.pending.get(), 2);
    }
}
