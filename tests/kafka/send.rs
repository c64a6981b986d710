//! The commands that send, run as a program: what arrives, what they say, how they end.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use holdline::clock::{monotonic, wall};

use super::{Cluster, Nowhere, Read};

/// A folder of this test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("holdline-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn holdline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    said(holdline(arguments).output().unwrap())
}

fn said(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Interrupts a program, which has to end within five seconds.
fn interrupt(mut child: Child) -> (i32, String, String) {
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let began = monotonic();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(5) {
            child.kill().unwrap();
            panic!("it did not end when interrupted");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    said(child.wait_with_output().unwrap())
}

fn payloads(read: &[Read], key: Option<&str>) -> Vec<String> {
    read.iter().filter(|read| read.key.as_deref() == key).map(|read| read.payload.clone()).collect()
}

fn answered(contact: &str, time: &str) -> String {
    format!("{{\"type\":\"answered\",\"contact_id\":\"{contact}\",\"time\":{time},\"x\":{{\"time\":7}}}}")
}

fn now_ms() -> i64 {
    i64::try_from(wall().millis()).unwrap()
}

#[test]
fn files_arrive_keyed_in_order_and_untouched() {
    let (cluster, folder) = (Cluster::new(4), Folder::new("untouched"));
    let lines: Vec<String> = (0..3_000).map(|n| answered(&format!("c{}", n % 7), &(1_000 + n).to_string())).collect();
    let agent = r#"{ "state":"busy","agent_id":"agent-1","type":"agent_state","time":"2026-01-01T00:00:00Z" }"#;
    let file = folder.file("a.ndjson", &format!("{}\n{agent}\n", lines.join("\n")));
    let more = folder.file("b.ndjson", &answered("c0", "99"));
    let before = now_ms();
    let (code, out, err) = run(&["send", "--brokers", &cluster.brokers(), "--topic", "events", &file, &more]);
    assert_eq!((code, err.as_str()), (0, ""));
    let bytes: usize = lines.iter().map(String::len).sum::<usize>() + agent.len() + answered("c0", "99").len();
    assert!(out.starts_with(&format!("sent 3002 records, {bytes} bytes in ")), "{out}");
    assert_eq!(out.lines().count(), 1);

    let read = cluster.read();
    assert_eq!(read.len(), 3_002);
    for contact in 0..7 {
        let mut expected: Vec<String> = lines.iter().skip(contact).step_by(7).cloned().collect();
        if contact == 0 {
            expected.push(answered("c0", "99"));
        }
        assert_eq!(payloads(&read, Some(&format!("c{contact}"))), expected);
    }
    assert_eq!(payloads(&read, Some("agent-1")), [agent]);
    assert!(read.iter().all(|read| (before..=now_ms()).contains(&read.timestamp_ms)), "timestamps are of sending");
}

#[test]
fn times_are_moved_as_a_whole() {
    let (cluster, folder) = (Cluster::new(1), Folder::new("moved"));
    // The last one lies in the first file.
    let file = folder
        .file("a", &format!("{}\nx\n{}\n", answered("a", "5000"), answered("b", "\"1970-01-01T01:00:09+01:00\"")));
    let more = folder.file("b", &answered("c", "3000"));
    let to = ["--brokers", &cluster.brokers(), "--topic", "events"];
    let (code, _, err) =
        run(&[&["send", "--end-at", "2026-03-02T09:00:00.5+01:00"][..], &to, &[&file, &more]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("1970-01-01T00:00:03.000Z to 1970-01-01T00:00:09.000Z become 2026-03-02T07:59:54.500Z to 2026-03-02T08:00:00.500Z"), "{err}");
    let read: Vec<String> = cluster.read().into_iter().map(|read| read.payload).collect();
    let expected = [
        answered("a", "1772438396500"),
        "x".to_owned(),
        answered("b", "\"2026-03-02T08:00:00.500Z\""),
        answered("c", "1772438394500"),
    ];
    assert_eq!(read, expected);

    let before = now_ms();
    assert_eq!(run(&[&["send", "--end-at", "now"][..], &to, &[&file, &more]].concat()).0, 0);
    let last = cluster.read().pop().unwrap();
    let time: serde_json::Value = serde_json::from_str(&last.payload).unwrap();
    let moved = time["time"].as_i64().unwrap() + 6_000;
    assert!((before..=now_ms()).contains(&moved), "{moved}");

    let (code, _, err) = run(&[&["send", "--end-at", "1970-01-01T00:00:05Z"][..], &to, &[&file, &more]].concat());
    assert!(code == 2 && err.contains("before 1970"), "{code} {err}");
}

#[test]
fn what_is_no_event_goes_as_it_is_and_is_told() {
    let (cluster, folder) = (Cluster::new(1), Folder::new("bad"));
    let bad = r#"{"type":"born","contact_id":"a","time":1}"#;
    let file = folder.file("bad.ndjson", &format!("{}\n?\n\n{bad}\r\n{}\n", answered("a", "1"), answered("a", "2")));
    let to = ["send", "--brokers", &cluster.brokers(), "--topic", "events"];
    let (code, out, err) = run(&[&to[..], &[&file]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("sent 5 records"), "{out}");
    assert!(err.contains("bad.ndjson:2: malformed") && err.contains("bad.ndjson:4: unknown_type"), "{err}");
    assert!(err.contains("no events, sent as they are and without a key: 3 (1 empty, 1 malformed, 1 unknown_type)"));
    let read = cluster.read();
    assert_eq!(payloads(&read, None), ["?", "", &format!("{bad}\r")]);
    assert_eq!(payloads(&read, Some("a")).len(), 2);

    let (code, out, err) = run(&[&to[..], &["--strict", &file]].concat());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("only 1 records were delivered") && err.contains("bad.ndjson:2") && err.contains("malformed"),
        "{err}"
    );
    assert_eq!(cluster.read().len(), 6, "nothing beyond it was sent");
}

#[test]
fn standard_input_is_sent() {
    let cluster = Cluster::new(1);
    let arguments = ["send", "--brokers", &cluster.brokers(), "--topic", "events", "-"];
    let mut child = holdline(&arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answered("a", "1").as_bytes()).unwrap();
    assert_eq!(said(child.wait_with_output().unwrap()).0, 0);
    assert_eq!(payloads(&cluster.read(), Some("a")), [answered("a", "1")]);
}

#[test]
fn bad_usage_is_refused() {
    let folder = Folder::new("usage");
    let file = folder.file("a", &answered("a", "1"));
    for (arguments, expected) in [
        (&["send", "--topic", "t", &file][..], "--brokers"),
        (&["send", "--brokers", "x:1", &file], "--topic"),
        (&["send", "--brokers", "x:1", "--topic", "t"], "FILE"),
        (&["send", "--brokers", "x:1", "--topic", "t", "--end-at", "noon", &file], "RFC 3339"),
        (&["send", "--brokers", "x:1", "--topic", "t", "--end-at", "now", "-"], "only once"),
        (&["send", "--brokers", "x:1", "--topic", "t", "--pace", "0", &file], "factor"),
        (&["send", "--brokers", "x:1", "--topic", "t", "--option", "linger", &file], "name=value"),
        (&["send", "--brokers", "x:1", "--topic", "t", "--option", "linger.ns=1", &file], "no Kafka option linger.ns"),
        (&["send", "--brokers", "x:1", "--topic", "t", "--give-up-after", "0s", &file], "1s to 24d"),
        (&["simulate", "--brokers", "x:1"], "--topic"),
        (&["simulate", "--topic", "t"], "--brokers"),
        (&["simulate", "--history", "1h"], "--live"),
        (&["simulate", "--live", "--pace", "2"], "--pace"),
        (&["simulate", "--outage", "billing:10m"], "QUEUE:AFTER:FOR"),
        (&["simulate", "--outage", "billing:10m:soon"], "soon is not a duration"),
        (&["simulate", "--outage", "service:10m:10m"], "such as billing, support, sales, claims, retention"),
        (&["simulate", "--load", "0"], "load of 0"),
    ] {
        let (code, out, err) = run(arguments);
        assert!(code == 2 && err.contains(expected) && out.is_empty(), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn unreachable_brokers_end_it_in_time() {
    let (nowhere, folder) = (Nowhere::new(), Folder::new("nowhere"));
    let brokers = nowhere.address();
    let file = folder.file("a", &answered("a", "1"));
    let began = monotonic();
    let (code, out, err) = run(&["send", "--brokers", &brokers, "--topic", "events", "--give-up-after", "1s", &file]);
    assert!((900..4_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("cannot write to the topic \"events\"") && err.contains(&brokers), "{err}");
    assert!(err.contains("refused"), "{err}");
}

#[test]
fn an_outage_that_lasts_says_what_was_not_delivered() {
    let (cluster, folder) = (Cluster::new(1), Folder::new("outage"));
    let lines: Vec<String> = (0..20).map(|n| answered("a", &(n * 100).to_string())).collect();
    let file = folder.file("a.ndjson", &lines.join("\n"));
    let arguments = ["send", "--brokers", &cluster.brokers(), "--topic", "events", "--pace", "real"];
    let child = holdline(&[&arguments[..], &["--give-up-after", "1s", &file]].concat()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    cluster.mock.broker_down(-1).unwrap();
    let (code, _, err) = said(child.wait_with_output().unwrap());
    cluster.mock.broker_up(-1).unwrap();
    let read = cluster.read();
    assert!(!read.is_empty() && read.len() < 20, "{}", read.len());
    assert_eq!(code, 1);
    let first = format!("the first record that was not delivered is {file}:{}", read.len() + 1);
    assert!(err.contains(&first) && err.contains("records were not delivered"), "{first}: {err}");
    assert!(err.contains("no broker of "), "{err}");
}

#[test]
fn pace_follows_event_time() {
    let (cluster, folder) = (Cluster::new(1), Folder::new("pace"));
    // Half a minute of events, sixty times faster.
    let lines: Vec<String> = (0..=10).map(|n| answered("a", &(n * 3_000).to_string())).collect();
    let file = folder.file("a.ndjson", &lines.join("\n"));
    let (code, _, err) = run(&["send", "--brokers", &cluster.brokers(), "--topic", "events", "--pace", "60", &file]);
    assert_eq!(code, 0, "{err}");
    let read = cluster.read();
    let first = read[0].timestamp_ms;
    for (n, read) in (0..).zip(&read) {
        let late = read.timestamp_ms - first - n * 50;
        assert!((-10..400).contains(&late), "{n}: {late} ms");
    }
}

#[test]
fn a_signal_ends_sending_in_good_order() {
    let (cluster, folder) = (Cluster::new(1), Folder::new("signal"));
    let file = folder.file("a.ndjson", &format!("{}\n{}", answered("a", "0"), answered("a", "3600000")));
    let arguments = ["send", "--brokers", &cluster.brokers(), "--topic", "events", "--pace", "real", &file];
    let child = holdline(&arguments).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    let (code, _, err) = interrupt(child);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("only 1 records were delivered: asked to stop before ") && err.contains("a.ndjson:2"),
        "{err}"
    );
    assert_eq!(cluster.read().len(), 1);
}

#[test]
fn a_simulated_centre_arrives_as_it_is_written() {
    let (cluster, folder) = (Cluster::new(3), Folder::new("simulated"));
    let file = folder.file("s.ndjson", "");
    let scenario = ["simulate", "--seed", "3", "--events", "4000", "--outage", "billing:9h:20m"];
    assert_eq!(run(&[&scenario[..], &["--output", &file]].concat()).0, 0);
    let (code, out, err) = run(&[&scenario[..], &["--brokers", &cluster.brokers(), "--topic", "events"]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("sent 4000 records"), "{out}");

    let mut written: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(&file).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = if event["type"] == "agent_state" { "agent_id" } else { "contact_id" };
        written.entry(event[key].as_str().unwrap().to_owned()).or_default().push(line.to_owned());
    }
    let mut read: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in cluster.read() {
        read.entry(record.key.unwrap()).or_default().push(record.payload);
    }
    assert_eq!(read, written);
}

#[test]
fn a_live_centre_keeps_to_the_clock_until_a_signal() {
    let cluster = Cluster::new(1);
    let arguments = ["simulate", "--brokers", &cluster.brokers(), "--topic", "events", "--live", "--history", "9h10m"];
    let started = now_ms();
    let child = holdline(&arguments).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(3_500));
    let (code, out, err) = interrupt(child);
    assert_eq!(code, 0, "{err}");
    let read = cluster.read();
    assert!(out.starts_with(&format!("sent {} records", read.len())), "{out}");
    let times: Vec<(i64, i64)> = read
        .iter()
        .map(|read| {
            let event: serde_json::Value = serde_json::from_str(&read.payload).unwrap();
            let time: jiff::Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            (time.as_millisecond(), read.timestamp_ms)
        })
        .collect();
    assert!(times[0].0 < started - 3 * 3_600_000, "the morning is there");
    let live: Vec<_> = times.iter().filter(|(time, _)| *time > started + 1_000).collect();
    assert!(live.len() >= 3, "{}", live.len());
    for (time, sent) in live {
        assert!((0..600).contains(&(sent - time)), "an event of {time} was sent at {sent}");
    }
}
