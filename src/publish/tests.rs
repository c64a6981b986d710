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
    let tail = r#""tail":{"longest":{},"worst":{"contact_wait":{"wait_answered":[{"contact_id":"1","seconds":8}]},"wait":{"handle":[{"contact_id":"1","seconds":20.5}],"wait_answered":[{"contact_id":"1","seconds":8}]}}}"#;
    let waits = format!(r#""wait_answered":{wait},"wait_abandoned":{nothing},"wait_left":{nothing}"#);
    let said = r#""surveys":{"csat":{"count":1,"out_of_range":0,"mean":5.0,"satisfied":1.0,"bad":0.0,"nps":null,"scores":{"5":1}}},"experience":{"goal":0.8,"service_level":1.0,"csat":1.0}"#;
    assert_eq!(
        lines[0],
        format!(
            r#"{{"kind":"total","start":"2024-01-01T09:00:00Z","end":"2024-01-01T09:01:10Z","queue":"a",{before}"completed":1,{levels}{waits},"handle":{handle},"measures":{{"contact_wait":{{{before}{levels}{waits}}}}},"in_service":0,"active":0,{tail},{said}}}"#
        )
    );
    assert!(lines[2].starts_with(
        r#"{"kind":"total","start":"2024-01-01T09:00:00Z","end":"2024-01-01T09:01:10Z","queue":null,"offered":3,"#
    ));
    assert_eq!(
        lines[3],
        r#"{"kind":"input","records":11,"events":10,"rejected":{"empty":1},"duplicate":1,"late":0,"orphan":0,"skew":0,"conflict":0,"expired":0,"ahead":1,"overflow_contacts":0,"overflow_facts":0,"overflow_lanes":0,"overflow_agents":0,"overflow_past_contacts":0}"#
    );
}

#[test]
fn agents_are_told_with_their_queue() {
    let agents = r#"
{"type":"agent_state","agent_id":"x","state":"available","queues":["a"],"time":"2024-01-01T08:30:00Z"}
{"type":"agent_state","agent_id":"x","state":"busy","time":"2024-01-01T09:00:11Z"}
{"type":"agent_state","agent_id":"x","state":"away","time":"2024-01-01T09:00:40Z"}
{"type":"agent_state","agent_id":"y","state":"away","queues":["b"],"time":"2024-01-01T09:00:40.5Z"}
{"type":"agent_state","agent_id":"y","state":"offline","time":"2024-01-01T09:00:50Z"}"#;
    let log = LOG.to_owned() + agents;
    let told = |by, every_ms| -> Vec<String> {
        let lines = json_lines(&report(&log, by, every_ms));
        let object = |rest: &str| rest.split_inclusive('}').next().unwrap_or_default().to_owned();
        lines
            .iter()
            .map(|line| line.split_once(r#","agents":"#).map(|(_, rest)| object(rest)).unwrap_or_default())
            .collect()
    };
    // Of x what lies in the report, which begins with the first visit; busy again in the second minute.
    let in_minute = r#"{"available_seconds":11,"busy_seconds":29,"wrapup_seconds":0,"away_seconds":20,"occupancy":0.725,"handled_per_agent_hour":90.0}"#;
    let in_all = r#"{"available_seconds":11,"busy_seconds":89,"wrapup_seconds":0,"away_seconds":20,"occupancy":0.89,"handled_per_agent_hour":36.0}"#;
    let of_y = r#"{"available_seconds":0,"busy_seconds":0,"wrapup_seconds":0,"away_seconds":9.5,"occupancy":null,"handled_per_agent_hour":null}"#;
    let in_next = r#"{"available_seconds":0,"busy_seconds":60,"wrapup_seconds":0,"away_seconds":0,"occupancy":1.0,"handled_per_agent_hour":0.0}"#;
    // Intervals of a and b, in the second minute one of a, and one of b in which nobody was there; totals of both and of
    // all; the input.
    assert_eq!(told(BY_QUEUE, Some(60_000)), [in_minute, of_y, in_next, "", in_all, of_y, "", ""]);
    // Who serves a channel or tier is not known.
    let by_channel = GroupBy { channel: true, ..BY_QUEUE };
    assert!(told(by_channel, Some(60_000)).iter().all(String::is_empty));
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
    // In this one it was rated, and nothing else.
    assert_eq!(starts[3], head(1, r#""queue":"a","channel":"voice","tier":"standard""#));
    assert_eq!(starts[4], head(1, r#""queue":"b","channel":"voice","tier":"standard""#));
    assert!(
        starts[8].ends_with(r#""end":"2024-01-01T09:02:00Z","queue":null,"channel":null,"tier":null"#),
        "{}",
        starts[8]
    );
}

/// One contact buys something and is asked twice, another complains in a queue where nobody is answered.
const SAID: &str = r#"
{"type":"offered","contact_id":"1","queue":"a","time":"2024-01-01T09:00:00Z"}
{"type":"answered","contact_id":"1","time":"2024-01-01T09:00:08Z"}
{"type":"offered","contact_id":"2","queue":"b","time":"2024-01-01T09:00:00Z"}
{"type":"outcome","contact_id":"1","time":"2024-01-01T09:01:00Z","name":"purchase","amount":12.5}
{"type":"outcome","contact_id":"1","time":"2024-01-01T09:01:05Z","name":"purchase","amount":7}
{"type":"outcome","contact_id":"2","time":"2024-01-01T09:01:00Z","name":"complaint"}
{"type":"rated","contact_id":"1","time":"2024-01-01T09:01:00Z","survey":"nps","score":9}
{"type":"rated","contact_id":"1","time":"2024-01-01T09:01:00Z","survey":"nps","score":0}
{"type":"rated","contact_id":"1","time":"2024-01-01T09:01:00Z","survey":"nps","score":11}
{"type":"rated","contact_id":"1","time":"2024-01-01T09:01:00Z","survey":"ease","score":4.5}
{"type":"rated","contact_id":"1","time":"2024-01-01T09:01:00Z","survey":"ease","score":-10}
{"type":"rated","contact_id":"3","time":"2024-01-01T08:50:00Z","survey":"csat","score":1}
"#;

#[test]
fn what_was_said_is_told_where_it_was_said() {
    let lines = json_lines(&report(SAID, BY_QUEUE, None));
    let said = |line: &str| line.split_once(r#","surveys":"#).map(|(_, said)| said.to_owned());
    assert_eq!(lines.len(), 5);
    // A contact of which nothing else is known; the report begins with it.
    assert!(lines[0].starts_with(r#"{"kind":"total","start":"2024-01-01T08:50:00Z","end":"2024-01-01T09:01:10Z","queue":"_unknown","offered":0,"#), "{}", lines[0]);
    let csat =
        r#""csat":{"count":1,"out_of_range":0,"mean":1.0,"satisfied":0.0,"bad":1.0,"nps":null,"scores":{"1":1}}"#;
    assert_eq!(said(&lines[0]), Some(format!("{{{csat}}}}}")));
    let ease = r#""ease":{"count":2,"out_of_range":0,"mean":-2.75,"satisfied":null,"bad":null,"nps":null,"scores":{"-10":1,"4.5":1}}"#;
    let nps =
        r#""nps":{"count":2,"out_of_range":1,"mean":4.5,"satisfied":0.5,"bad":0.5,"nps":0.0,"scores":{"0":1,"9":1}}"#;
    let purchase = r#""purchase":{"count":2,"amount":19.5,"per_answered":2.0}"#;
    assert_eq!(said(&lines[1]), Some(format!(r#"{{{ease},{nps}}},"outcomes":{{{purchase}}}}}"#)));
    assert_eq!(said(&lines[2]), None);
    assert!(
        lines[2].ends_with(r#","outcomes":{"complaint":{"count":1,"amount":null,"per_answered":null}}}"#),
        "{}",
        lines[2]
    );
    let complaint = r#""complaint":{"count":1,"amount":null,"per_answered":1.0}"#;
    let experience = r#""experience":{"goal":0.8,"service_level":0.5,"csat":0.0}"#;
    assert_eq!(
        said(&lines[3]),
        Some(format!(r#"{{{csat},{ease},{nps}}},"outcomes":{{{complaint},{purchase}}},{experience}}}"#))
    );
}

#[test]
fn a_wild_time_of_a_rating_is_beyond_the_end() {
    let wild = r#"{"type":"rated","contact_id":"1","time":"2031-01-01T00:00:00Z","survey":"csat","score":5}"#;
    let refuted = r#"{"type":"agent_state","agent_id":"x","state":"busy","time":"2024-01-01T09:01:05Z"}"#;
    let lines = json_lines(&report(&format!("{SAID}{wild}\n{refuted}\n"), BY_QUEUE, None));
    assert!(lines[4].contains(r#""ahead":1,"#), "{}", lines[4]);
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
