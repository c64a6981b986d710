//! Every reason to reject a record, every way to read one, and that the fast reading agrees with the strict one.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

const LIMIT: usize = 64 * 1024;

/// One line for what a record says, so that a table can tell it.
fn told(record: &str) -> String {
    match decode(record.as_bytes(), LIMIT) {
        Ok(Event::Contact(event)) => {
            let ContactEvent { contact_id, time, queue, agent_id, customer_id, kind } = event;
            let named = [("queue", queue), ("agent", agent_id), ("customer", customer_id)];
            let named = named.map(|(what, id)| id.map_or_else(String::new, |id| format!(" {what}={id}"))).concat();
            format!("{contact_id} @{}{named} {kind:?}", time.millis())
        }
        Ok(Event::Agent(event)) => {
            format!("{} @{} {:?} {:?}", event.agent_id, event.time.millis(), event.state, event.queues)
        }
        Err(rejection) => rejection.field.map_or(String::new(), |field| format!("{field}: ")) + rejection.reason.name(),
    }
}

fn check(table: &[(&str, &str)]) {
    for (record, expected) in table {
        assert_eq!(told(record), *expected, "{record}");
    }
}

/// Each row is the rest of an event of contact `c` at time 7, which the strict reading must tell like the plain
/// one: a tab is not plain.
fn check_rest(table: &[(&str, &str)]) {
    for (rest, expected) in table {
        let record = format!(r#"{{"contact_id":"c","time":7,{rest}}}"#);
        check(&[(&record, expected), (&format!("\t{record}"), expected)]);
    }
}

#[test]
fn what_happened() {
    check_rest(&[
        (r#""type":"offered","queue":"q""#, r#"c @7 Offered { queue: "q", channel: "voice", tier: "standard" }"#),
        (
            r#""tier":"vip","channel":"chat","queue":"q","type":"offered""#,
            r#"c @7 Offered { queue: "q", channel: "chat", tier: "vip" }"#,
        ),
        (
            r#""type":"offered","queue":"q","channel":null,"tier":null,"agent_id":null"#,
            r#"c @7 Offered { queue: "q", channel: "voice", tier: "standard" }"#,
        ),
        (
            r#""type":"answered","queue":"q","agent_id":"a","customer_id":"k""#,
            "c @7 queue=q agent=a customer=k Answered",
        ),
        (r#""type":"abandoned","queue":null"#, "c @7 Abandoned"),
        (r#""type":"left","reason":"overflow""#, "c @7 Left(Overflow)"),
        (r#""type":"completed""#, "c @7 Completed(None)"),
        (r#""type":"completed","talk_seconds":null"#, "c @7 Completed(None)"),
        (
            r#""type":"completed","wrap_seconds":0"#,
            "c @7 Completed(Some(HandleParts { talk_ms: 0, hold_ms: 0, wrap_ms: 0 }))",
        ),
        (
            r#""type":"completed","talk_seconds":1.001,"hold_seconds":12e-1,"wrap_seconds":31622400"#,
            "c @7 Completed(Some(HandleParts { talk_ms: 1001, hold_ms: 1200, wrap_ms: 31622400000 }))",
        ),
        (r#""type":"customer_message""#, "c @7 CustomerMessage"),
        (r#""type":"agent_reply""#, "c @7 AgentReply"),
        (r#""type":"paused""#, "c @7 Paused"),
        (r#""type":"resumed""#, "c @7 Resumed"),
        (r#""type":"resolved""#, "c @7 Resolved"),
        (r#""type":"reopened""#, "c @7 Reopened"),
        (r#""type":"rated","survey":"nps","score":-0.0"#, r#"c @7 Rated { survey: "nps", score: 0.0 }"#),
        (r#""type":"outcome","name":"churn""#, r#"c @7 Outcome { name: "churn", amount: None }"#),
        (r#""type":"outcome","name":"sale","amount":12.5"#, r#"c @7 Outcome { name: "sale", amount: Some(12.5) }"#),
        (
            r#""type":"outcome","name":"sale","amount":1e12"#,
            r#"c @7 Outcome { name: "sale", amount: Some(1000000000000.0) }"#,
        ),
    ]);
    check(&[
        (r#"{"type":"agent_state","agent_id":"a","time":7,"state":"wrapup"}"#, "a @7 Wrapup None"),
        (
            r#"{"type":"agent_state","agent_id":"a","time":7,"state":"away","queues":["q", "\u0070"],"contact_id":1}"#,
            r#"a @7 Away Some(["q", "p"])"#,
        ),
        (r#"{"type":"agent_state","agent_id":"a","time":7,"state":"busy","queues":[]}"#, "a @7 Busy Some([])"),
    ]);
}

#[test]
fn fields_that_do_not_count_are_never_wrong() {
    check_rest(&[
        (r#""type":"answered","reason":7,"score":"x","queues":{"a":[1e999]},"tier":"""#, "c @7 Answered"),
        (r#""type":"answered","extra":{"a":[[[]]]},"extra":"\ud800""#, "c @7 Answered"),
        (r#""type":"answered","survey":"\ud800""#, "c @7 Answered"),
    ]);
}

#[test]
fn escapes_are_resolved() {
    check(&[(
        "\r\n {\"ty\\u0070e\":\"answ\\u0065red\",\"contact_id\":\"c\\n\\ud83d\\ude00\",\"time\":\"1970-01-01T00:00:00\\u005a\"}\r\n",
        "c\n😀 @0 Answered",
    )]);
}

#[test]
fn records_that_are_no_object() {
    check(&[
        ("", "empty"),
        (" \t\r\n", "empty"),
        ("null", "not_an_object"),
        ("[{}]", "not_an_object"),
        (" \"type\" ", "not_an_object"),
        ("17", "not_an_object"),
        ("[1,", "malformed"),
        ("offered", "malformed"),
        ("\u{feff}{}", "malformed"),
        ("{", "malformed"),
        ("{} {}", "malformed"),
        ("{}x", "malformed"),
        (r#"{"type":"offered",}"#, "malformed"),
        (r#"{"type":"offered""#, "malformed"),
        (r#"{"x":"\q"}"#, "malformed"),
        ("{\"x\":\"a\nb\"}", "malformed"),
        (r#"{"x":1,"x":01}"#, "malformed"),
        (r#"{"reason":1,"type":"answered","reason":1}"#, "reason: malformed"),
        (r#"{"time":1,"t\u0069me":1}"#, "time: malformed"),
        (r#"{"x":1,"x":2}"#, "type: missing_field"),
    ]);
    let rejected = |record: &[u8], limit| decode(record, limit).unwrap_err().reason;
    assert_eq!(rejected(b"{\"type\":\"\xff\"}", LIMIT), RejectionReason::NotUtf8);
    assert_eq!(rejected(b"\xff\xff\xff\xff", 3), RejectionReason::Oversized);
    assert_eq!(rejected(b"   ", 3), RejectionReason::Empty);
}

#[test]
fn fields_at_fault() {
    check(&[
        (r#"{"time":true,"contact_id":""}"#, "type: missing_field"),
        (r#"{"type":null}"#, "type: missing_field"),
        (r#"{"type":["offered"]}"#, "type: wrong_type"),
        (r#"{"type":"Offered","contact_id":7}"#, "type: unknown_type"),
        (r#"{"type":"answered","time":true}"#, "contact_id: missing_field"),
        (r#"{"type":"answered","contact_id":null}"#, "contact_id: missing_field"),
        (r#"{"type":"answered","contact_id":17}"#, "contact_id: wrong_type"),
        (r#"{"type":"answered","contact_id":""}"#, "contact_id: bad_id"),
        (r#"{"type":"answered","contact_id":"\ud800"}"#, "contact_id: malformed"),
        (r#"{"type":"answered","contact_id":"c"}"#, "time: missing_field"),
        (r#"{"type":"answered","contact_id":"c","time":{}}"#, "time: wrong_type"),
        (r#"{"type":"answered","contact_id":"c","time":"1999-01-01T00:00:00"}"#, "time: bad_time"),
        (r#"{"type":"answered","contact_id":"c","time":"7"}"#, "time: bad_time"),
        (r#"{"type":"answered","contact_id":"c","time":7.0}"#, "time: bad_time"),
        (r#"{"type":"answered","contact_id":"c","time":-7}"#, "time: bad_time"),
        (r#"{"type":"agent_state","contact_id":"c","time":7}"#, "agent_id: missing_field"),
        (r#"{"type":"agent_state","agent_id":"a","time":7}"#, "state: missing_field"),
        (r#"{"type":"agent_state","agent_id":"a","time":7,"state":"idle"}"#, "state: bad_value"),
        (r#"{"type":"agent_state","agent_id":"a","time":7,"state":"busy","queues":"q"}"#, "queues: wrong_type"),
        (r#"{"type":"agent_state","agent_id":"a","time":7,"state":"busy","queues":["q",null]}"#, "queues: wrong_type"),
        (r#"{"type":"agent_state","agent_id":"a","time":7,"state":"busy","queues":["q",""]}"#, "queues: bad_name"),
    ]);
    check_rest(&[
        (r#""type":"offered""#, "queue: missing_field"),
        (r#""type":"offered","queue":null"#, "queue: missing_field"),
        (r#""type":"offered","queue":"""#, "queue: bad_name"),
        (r#""type":"offered","queue":"q","tier":"""#, "tier: bad_name"),
        (r#""type":"offered","queue":"q","channel":1"#, "channel: wrong_type"),
        (r#""type":"answered","queue":"""#, "queue: bad_name"),
        (r#""type":"answered","agent_id":"""#, "agent_id: bad_id"),
        (r#""type":"answered","customer_id":22090179"#, "customer_id: wrong_type"),
        (r#""type":"left""#, "reason: missing_field"),
        (r#""type":"left","reason":"bored""#, "reason: bad_value"),
        (r#""type":"completed","talk_seconds":"12""#, "talk_seconds: wrong_type"),
        (r#""type":"completed","hold_seconds":-0.0001"#, "hold_seconds: bad_value"),
        (r#""type":"completed","wrap_seconds":31622400.001"#, "wrap_seconds: bad_value"),
        (r#""type":"rated","score":5"#, "survey: missing_field"),
        (r#""type":"rated","survey":"csat""#, "score: missing_field"),
        (r#""type":"rated","survey":"csat","score":"5""#, "score: wrong_type"),
        (r#""type":"rated","survey":"csat","score":1e999"#, "score: bad_value"),
        (r#""type":"outcome","amount":1"#, "name: missing_field"),
        (r#""type":"outcome","name":"sale","amount":-1"#, "amount: bad_value"),
        (r#""type":"outcome","name":"sale","amount":1e999"#, "amount: bad_value"),
        (r#""type":"outcome","name":"sale","amount":1000000000000.01"#, "amount: bad_value"),
    ]);
}

#[test]
fn the_longest_texts() {
    for (length, reason) in [(128, None), (129, Some(RejectionReason::BadId))] {
        // Two bytes a letter: it is bytes that count, also of what was written as an escape.
        for letters in ["é".repeat(64), "\\u00e9".repeat(64)] {
            let id = letters + &"x".repeat(length - 128);
            let record = format!(r#"{{"type":"answered","contact_id":"{id}","time":7}}"#);
            assert_eq!(decode(record.as_bytes(), LIMIT).err().map(|rejection| rejection.reason), reason, "{record}");
        }
    }
}

#[test]
fn seconds_are_floored_by_their_digits() {
    for (seconds, expected) in [
        ("0", Some(0)),
        ("-0.000e5", Some(0)),
        ("0e99999999999999999999", Some(0)),
        ("1.001", Some(1001)),
        ("1.0019", Some(1001)),
        ("0.0009999", Some(0)),
        ("12.5E+1", Some(125_000)),
        ("125e-4", Some(12)),
        ("1e-99999999999999999999", Some(0)),
        ("0.000001e6", Some(1000)),
        ("1e99999999999999999999", None),
        ("18446744073709551.615", Some(u64::MAX)),
        ("18446744073709551.616", None),
        ("-1", None),
    ] {
        assert_eq!(floored_millis(seconds), expected, "{seconds}");
    }
}

#[test]
fn a_rejection_says_where_and_what_but_no_id() {
    for (record, message) in [
        (
            r#"{"type":"left","contact_id":"c","time":7,"reason":"bored\n"}"#,
            r#"reading a native event: bad_value `reason`: "bored\n""#,
        ),
        (
            r#"{"type":"paused","contact_id":4711}"#,
            "reading a native event: wrong_type `contact_id`: expected a string, got a number",
        ),
        (
            r#"{"type":"paused","contact_id":""}"#,
            "reading a native event: bad_id `contact_id`: 0 bytes, 1 to 128 are allowed",
        ),
        (r#"{"type":"paused"}"#, "reading a native event: missing_field `contact_id`"),
    ] {
        assert_eq!(decode(record.as_bytes(), LIMIT).unwrap_err().to_string(), message);
    }
    let long = format!(r#"{{"type":"{}"}}"#, "\u{1}é".repeat(10_000).replace('\u{1}', "\\u0001"));
    assert!(decode(long.as_bytes(), LIMIT * 2).unwrap_err().detail.len() < 300);
}

#[test]
fn reasons_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = RejectionReason::ALL.map(RejectionReason::name).into();
    assert_eq!(names.len(), RejectionReason::ALL.len());
    assert!(RejectionReason::ALL.is_sorted());
}

/// A member of an object, as a usual event has it or odd in some way.
fn member() -> impl Strategy<Value = String> {
    let key = select(vec![
        "type",
        "contact_id",
        "time",
        "queue",
        "channel",
        "tier",
        "agent_id",
        "customer_id",
        "reason",
        "talk_seconds",
        "hold_seconds",
        "wrap_seconds",
        "survey",
        "score",
        "name",
        "amount",
        "state",
        "queues",
        "note",
        "ty\\u0070e",
        "",
    ]);
    let value = prop_oneof![
        4 => "[a-z0-9 :-]{0,90}".prop_map(|text| format!("\"{text}\"")),
        1 => "\\PC{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        2 => "-?(0|[1-9][0-9]{0,12})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?",
        2 => select(vec![
            "null", "true", "false", "{}", "[]", "[\"q\",1]", "{\"type\":\"left\"}", "\"\\ud800\"", "01", "1.", "-", "nul",
            "\"answered\"", "\"left\"", "\"agent_state\"", "\"transfer\"", "\"busy\"", "\"2026-03-02T09:00:03.5+02:00\"",
        ]).prop_map(str::to_owned),
    ];
    let colon = select(vec![":", ":", ":", ": ", " :", ":\t", ""]);
    (key, colon, value).prop_map(|(key, colon, value)| format!("\"{key}\"{colon}{value}"))
}

/// A whole record: usual members first, so that many get as far as their values, then odd ones, in any order.
fn record() -> impl Strategy<Value = String> {
    let usual = select(vec![
        vec![
            r#""type":"offered""#,
            r#""contact_id":"c-1""#,
            r#""queue":"billing""#,
            r#""time":"1999-01-01T00:00:08+02:00""#,
        ],
        vec![r#""type":"completed""#, r#""contact_id":"c-1""#, r#""time":1772442003123"#, r#""talk_seconds":12.5"#],
        vec![r#""type":"rated""#, r#""contact_id":"ü""#, r#""time":0"#, r#""survey":"csat""#, r#""score":4"#],
        vec![r#""type":"agent_state""#, r#""agent_id":"a""#, r#""time":7"#, r#""state":"busy""#],
        vec![],
    ]);
    let members = (usual, prop::collection::vec(member(), 0..4))
        .prop_map(|(usual, odd)| usual.into_iter().map(str::to_owned).chain(odd).collect::<Vec<_>>())
        .prop_shuffle();
    let comma = select(vec![",", ",", ",", ", ", " ,", ",\n"]);
    let end = select(vec!["}", "}", "}", " }", "}\r\n", "} ", "}\t", "}}", "},", ""]);
    (members, comma, end).prop_map(|(members, comma, end)| format!("{{{}{end}", members.join(comma)))
}

/// The plain reading declines a record, or reads of it what the strict one does.
fn check_agreement(record: &str) {
    let mut fields = Fields::default();
    if plain::read(record, &mut fields) {
        assert_eq!(Ok(fields), strict::read(record), "{record}");
    }
    let _ = decode(record.as_bytes(), LIMIT);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn plain_agrees_with_strict_on_records(record in record()) {
        check_agreement(&record);
    }

    #[test]
    fn plain_agrees_with_strict_on_damaged_records(
        record in record(),
        damage in prop::collection::vec((any::<Index>(), select(b"\"\\{}[]:, \t\n0-.en\x00\x1f\x7f\xc3".to_vec()), 0..3), 1..4),
    ) {
        let mut bytes = record.into_bytes();
        for (place, byte, how) in damage {
            match (how, bytes.len()) {
                (0, length) => bytes.insert(place.index(length + 1), byte),
                (_, 0) => {}
                (1, length) => bytes[place.index(length)] = byte,
                (_, length) => drop(bytes.remove(place.index(length))),
            }
        }
        let _ = decode(&bytes, LIMIT);
        check_agreement(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, LIMIT);
    }
}
