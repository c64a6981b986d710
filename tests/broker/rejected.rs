//! Records that are no events, amid those that are: counted by reason, told in the log within bounds, and nothing stops.

use holdline::clock;

use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, now_ms, offered, seconds_ago};

/// By reason: what a producer may send. Every one of them is sent as often as its place in the list.
pub fn bad_records() -> Vec<(&'static str, Option<Vec<u8>>)> {
    let time = seconds_ago(60);
    let hour_ahead = now_ms() + 3_600_000;
    let text = |text: String| Some(text.into_bytes());
    vec![
        ("oversized", Some(vec![b' '; 65_537])),
        ("not_utf8", Some(b"{\"type\":\"\xff\"}".to_vec())),
        ("empty", None),
        ("empty", Some(Vec::new())),
        ("malformed", Some(b"{\"type\":".to_vec())),
        ("not_an_object", Some(b"[]".to_vec())),
        ("missing_field", text(format!(r#"{{"type":"answered","time":{time}}}"#))),
        ("wrong_type", text(format!(r#"{{"type":"answered","contact_id":7,"time":{time}}}"#))),
        ("unknown_type", text(format!(r#"{{"type":"sighed","contact_id":"b","time":{time}}}"#))),
        ("bad_time", text(r#"{"type":"answered","contact_id":"b","time":"yesterday"}"#.to_owned())),
        ("bad_id", text(format!(r#"{{"type":"answered","contact_id":"","time":{time}}}"#))),
        ("bad_name", text(format!(r#"{{"type":"offered","queue":"","contact_id":"b","time":{time}}}"#))),
        ("bad_value", text(format!(r#"{{"type":"left","reason":"boredom","contact_id":"b","time":{time}}}"#))),
        ("future", text(format!(r#"{{"type":"answered","contact_id":"b","time":{hour_ahead}}}"#))),
    ]
}

/// Twice: as history and live.
const ROUNDS: usize = 2;

/// Of one kind in a row, as when a producer goes wrong.
const BURST: usize = 1_000;

#[test]
fn bad_records_are_counted_and_good_ones_are_not_lost() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "rejected", 1);
    let bad = bad_records();
    let at = seconds_ago(100);
    let send_round = |round: usize| {
        for (number, (_, payload)) in bad.iter().enumerate() {
            let contact = format!("good-{round}-{number}");
            records.tell(0, &contact, at, &offered("billing"));
            for _ in 0..=number {
                records.send(0, Some(b"b"), payload.as_deref());
            }
            records.tell(0, &contact, at + 5_000, ANSWERED);
        }
        records.flush();
    };
    send_round(0);
    let more = ["log.lines_per_second = 1", "kafka.workers = 1"];
    let begin = clock::monotonic();
    let program = Program::start(&config(&cluster.bootstrap(), "rejected", "rejected", &more));
    program.until_ready();
    send_round(1);
    for _ in 0..BURST {
        records.send(0, None, Some(b"}"));
    }
    // Three keyed by something else, two by nothing; they are what they say nonetheless.
    for number in 0..5 {
        let event = format!(r#"{{"contact_id":"strayed-{number}","time":{at},{}}}"#, offered("billing"));
        let key = (number < 3).then_some(b"something else".as_slice());
        records.send(0, key, Some(event.as_bytes()));
    }
    records.flush();

    let good = 2 * ROUNDS * bad.len() + 5;
    let scrape = program
        .until("all good ones are counted", |scrape| scrape.value("holdline_events_total", &[]) == Some(good as f64));
    let mut all = 0;
    for reason in holdline::event::rejection::RejectionReason::ALL {
        let sent = bad.iter().enumerate().filter(|(_, (of, _))| *of == reason.name());
        let sent: usize = sent.map(|(number, _)| (number + 1) * ROUNDS).sum();
        assert!(sent > 0, "{} is never produced", reason.name());
        let sent = sent + if reason.name() == "malformed" { BURST } else { 0 };
        let labels = [("reason", reason.name())];
        scrape.expect(&[("holdline_events_rejected_total", &labels, Some(sent as f64))]);
        all += sent;
    }
    let window = [("window", "5m"), ("measure", "wait")];
    scrape.expect(&[
        ("holdline_window_offered", &window, Some((ROUNDS * bad.len() + 5) as f64)),
        ("holdline_window_answered_within", &window, Some((ROUNDS * bad.len()) as f64)),
        ("holdline_contacts_waiting", &[], Some(5.0)),
        ("holdline_events_misrouted_total", &[], Some(5.0)),
        ("holdline_consumer_lag_records", &[], Some(0.0)),
        // Not the one that was an hour ahead.
        ("holdline_newest_event_timestamp_seconds", &[], Some((at + 5_000) as f64 / 1_000.0)),
    ]);

    let log = program.log();
    let told = log.lines().filter(|line| line.contains("record rejected: ")).count();
    let suppressed = scrape.value("holdline_log_lines_suppressed_total", &[]);
    assert_eq!(suppressed, Some((all - told) as f64), "{told} lines of {all} were written");
    let of_burst = log.lines().filter(|line| line.contains("record rejected: ") && line.contains("malformed"));
    let (of_burst, seconds) = (of_burst.count(), begin.elapsed().as_secs());
    assert!(of_burst as u64 <= seconds + 1, "{of_burst} lines in {seconds} s");
    for reason in holdline::event::rejection::RejectionReason::ALL {
        program.until_logged(&["record rejected: ", reason.name(), "topic=\"rejected\"", "partition=0", "offset="]);
    }
}
