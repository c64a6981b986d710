//! Reports of a small log, letter for letter.

use std::io::Cursor;
use std::num::NonZero;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::engine::board::{self, GroupBy};
use crate::engine::settings::Settings;
use crate::engine::shard::Shard;
use crate::publish::report::{Report, Request};
use crate::publish::{json, table};
use crate::source::files::read;
use crate::source::workers::{Fed, feed};

/// One contact is served, one gives up, one waits; one record is broken, and one clock is wrong by years.
const LOG: &str = r#"
{"type":"offered","contact_id":"1","queue":"a","time":"2024-01-01T09:00:03Z"}
{"type":"answered","contact_id":"1","time":"2024-01-01T09:00:11Z"}
{"type":"offered","contact_id":"2","queue":"b","channel":"chat","time":"2024-01-01T09:00:20Z"}
{"type":"completed","contact_id":"1","time":"2024-01-01T09:00:40Z","talk_seconds":20.5}
{"type":"abandoned","contact_id":"2","time":"2024-01-01T09:00:50Z"}
{"type":"offered","contact_id":"3","queue":"b","time":"2024-01-01T09:00:30Z"}
{"type":"offered","contact_id":"3","queue":"b","time":"2024-01-01T09:00:30Z"}
{"type":"rated","contact_id":"1","time":"2024-01-01T09:01:00Z","survey":"csat","score":5}
{"type":"offered","contact_id":"4","queue":"a","time":"2031-01-01T00:00:00Z"}
{"type":"agent_state","agent_id":"x","state":"busy","time":"2024-01-01T09:01:00Z"}
"#;

fn fed(log: &str) -> (Arc<Settings>, Fed) {
    let settings = Arc::new(Settings::default());
    let chunks = read(&"log".into(), Cursor::new(log.to_owned()), settings.limits.record_bytes).unwrap();
    let fed = feed(&settings, NonZero::<usize>::MIN, chunks, &mut |_| ()).unwrap();
    (settings, fed)
}

fn report(log: &str, by: GroupBy, every_ms: Option<u64>) -> Report {
    let (settings, fed) = fed(log);
    Report::of(&fed, &settings, &Request { by, every_ms, zone: TimeZone::UTC }).unwrap()
}

fn json_lines(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    json::write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

const BY_QUEUE: GroupBy = GroupBy { queue: true, channel: false, tier: false };

#[test]
fn keys_come_in_the_promised_order() {
    let lines = json_lines(&report(LOG, BY_QUEUE, None));
    assert_eq!(lines.len(), 4);
    let nothing = r#"{"count":0,"mean":null,"p50":null,"p90":null,"p95":null,"p99":null,"p999":null,"max":null}"#;
    let wait = r#"{"count":1,"mean":8.0,"p50":8,"p90":8,"p95":8,"p99":8,"p999":8,"max":8}"#;
    let handle = r#"{"count":1,"mean":20.5,"p50":20.5,"p90":20.5,"p95":20.5,"p99":20.5,"p999":20.5,"max":20.5}"#;
    let before = r#""offered":1,"answered":1,"answered_within":1,"abandoned":0,"abandoned_within":0,"abandoned_short":0,"left":0,"left_within":0,"overdue":0,"waiting":0,"waiting_over":0,"#;
    let levels = r#""service_level":{"offered":1.0,"answered_only":1.0,"ignore_abandoned_within":1.0,"count_abandoned_within":1.0,"exclude_short_abandoned":1.0,"count_short_abandoned":1.0,"offered_and_left":1.0,"removed_within":1.0},"#;
    let waits = format!(r#""wait_answered":{wait},"wait_abandoned":{nothing},"wait_left":{nothing}"#);
    assert_eq!(
        lines[0],
        format!(
            r#"{{"kind":"total","start":"2024-01-01T09:00:00Z","end":"2024-01-01T09:01:10Z","queue":"a",{before}"completed":1,{levels}{waits},"handle":{handle},"measures":{{"contact_wait":{{{before}{levels}{waits}}}}}}}"#
        )
    );
    assert!(lines[2].starts_with(
        r#"{"kind":"total","start":"2024-01-01T09:00:00Z","end":"2024-01-01T09:01:10Z","queue":null,"offered":3,"#
    ));
    assert_eq!(
        lines[3],
        r#"{"kind":"input","records":11,"events":10,"rejected":{"empty":1},"duplicate":1,"late":0,"orphan":0,"skew":0,"conflict":0,"expired":0,"ahead":1,"overflow_contacts":0,"overflow_facts":0,"overflow_lanes":0,"overflow_customers":0}"#
    );
}

#[test]
fn groups_add_their_keys() {
    let lines = json_lines(&report(LOG, GroupBy { queue: true, channel: true, tier: true }, Some(60_000)));
    let starts: Vec<&str> = lines.iter().map(|line| line.split(r#","offered""#).next().unwrap()).collect();
    let head = |start, queue| {
        format!(
            r#"{{"kind":"interval","start":"2024-01-01T09:0{start}:00Z","end":"2024-01-01T09:0{}:00Z",{queue}"#,
            start + 1
        )
    };
    assert_eq!(starts[0], head(0, r#""queue":"a","channel":"voice","tier":"standard""#));
    assert_eq!(starts[1], head(0, r#""queue":"b","channel":"chat","tier":"standard""#));
    assert_eq!(starts[2], head(0, r#""queue":"b","channel":"voice","tier":"standard""#));
    assert_eq!(starts[3], head(1, r#""queue":"b","channel":"voice","tier":"standard""#));
    assert!(
        starts[7].ends_with(r#""end":"2024-01-01T09:02:00Z","queue":null,"channel":null,"tier":null"#),
        "{}",
        starts[7]
    );
}

#[test]
fn nothing_at_all_is_a_total_of_nothing() {
    let lines = json_lines(&report("", BY_QUEUE, Some(60_000)));
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with(r#"{"kind":"total","start":null,"end":null,"queue":null,"offered":0,"#),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains(r#""service_level":{"offered":null,"answered_only":null,"#), "{}", lines[0]);
}

#[test]
fn tables_are_for_people() {
    let (settings, fed) = fed(LOG);
    let request = Request { by: BY_QUEUE, every_ms: Some(60_000), zone: TimeZone::UTC };
    let report = Report::of(&fed, &settings, &request).unwrap();
    let shards: Vec<&Shard> = fed.shards.iter().collect();
    let mut out = Vec::new();
    table::write(&report, &settings, &board::lanes(&shards), &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\
from              queue  offered  answered  abandoned  left  level %  mean wait  p90 wait  max wait  handle  waiting
2024-01-01 09:00  a            1         1          0     0    100.0       0:08      0:08      0:08    0:21        0
2024-01-01 09:00  b            2         0          1     0      0.0          -         -         -       -        1
2024-01-01 09:01  b            0         0          0     0        -          -         -         -       -        1

queue  offered  answered  abandoned     %  left  level %        goal  mean wait   p90   max  handle  waiting  longest
a            1         1          0   0.0     0    100.0  80% in 20s       0:08  0:08  0:08    0:21        0        -
b            2         0          1  50.0     0      0.0  80% in 20s          -     -     -       -        1     1:30
all          3         1          1  33.3     0     33.3  80% in 20s       0:08  0:08  0:08    0:21        1     1:30

From 2024-01-01 09:00 until 2024-01-01 09:02, UTC.
Level: share answered within the target, formula offered.
Input: 11 records, 10 events; 1 rejected as empty, 1 told more than once, 1 beyond the end, not tallied.
"
    );
}

/// One customer comes back exactly 24 hours after the answer, another one a millisecond later than that; of another contact
/// nobody knows the customer.
const REPEATS: &str = r#"
{"type":"offered","contact_id":"1","queue":"a","time":"2024-01-01T09:00:00Z","customer_id":"x"}
{"type":"answered","contact_id":"1","time":"2024-01-01T09:00:10Z"}
{"type":"offered","contact_id":"2","queue":"b","time":"2024-01-01T10:00:00Z"}
{"type":"offered","contact_id":"3","queue":"b","time":"2024-01-02T09:00:10Z","customer_id":"x"}
{"type":"offered","contact_id":"4","queue":"b","time":"2024-01-02T09:30:00.001Z","customer_id":"y"}
{"type":"answered","contact_id":"4","time":"2024-01-02T09:31:00Z"}
{"type":"offered","contact_id":"5","queue":"b","time":"2024-01-03T09:31:00.001Z"}
{"type":"customer_message","contact_id":"5","time":"2024-01-03T09:31:01Z","customer_id":"y"}
"#;

#[test]
fn lines_tell_of_customers_where_any_is_known() {
    let repeats_of = |every_ms| -> Vec<String> {
        let lines = json_lines(&report(REPEATS, BY_QUEUE, every_ms));
        let lines = lines.iter().filter(|line| !line.starts_with(r#"{"kind":"input""#));
        lines.map(|line| line.split_once(r#","repeats":"#).map_or("-", |(_, rest)| rest).to_owned()).collect()
    };
    let none = |known| {
        format!(
            r#"{{"known":{known},"24h":{{"repeated":0,"ratio":0.0,"fcr":1.0}},"7d":{{"repeated":0,"ratio":0.0,"fcr":1.0}}}}}}"#
        )
    };
    let of_b = r#"{"known":3,"24h":{"repeated":1,"ratio":0.3333333333333333,"fcr":0.6666666666666666},"7d":{"repeated":2,"ratio":0.6666666666666666,"fcr":0.3333333333333333}}}"#;
    let together =
        r#"{"known":4,"24h":{"repeated":1,"ratio":0.25,"fcr":0.75},"7d":{"repeated":2,"ratio":0.5,"fcr":0.5}}}"#;
    assert_eq!(repeats_of(None), [&none(1), of_b, together]);
    let by_day = repeats_of(Some(86_400_000));
    let second_day =
        r#"{"known":2,"24h":{"repeated":1,"ratio":0.5,"fcr":0.5},"7d":{"repeated":1,"ratio":0.5,"fcr":0.5}}}"#;
    let third_day =
        r#"{"known":1,"24h":{"repeated":0,"ratio":0.0,"fcr":1.0},"7d":{"repeated":1,"ratio":1.0,"fcr":0.0}}}"#;
    assert_eq!(by_day, [&none(1), "-", second_day, third_day, &none(1), of_b, together]);
}
