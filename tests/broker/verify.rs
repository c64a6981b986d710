//! `holdline verify` against a running service: it finds nothing where nothing is wrong, and every number that was changed
//! on its way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ABANDONED, ANSWERED, Records, now_ms, offered, seconds_ago};
use crate::retold::time_of;

const PARTITIONS: i32 = 3;

/// Channels with promises of their own, replies and resolutions among them, some by opening hours.
const PROMISES: [&str; 12] = [
    "service.channel.chat.answer_within = \"45s\"",
    "service.channel.chat.next_reply.within = \"2m\"",
    "service.channel.email.answer_within = \"1h\"",
    "service.channel.email.business_time = true",
    "service.channel.email.calendar = \"office\"",
    "service.channel.email.first_reply.within = \"30m\"",
    "service.channel.email.first_reply.business_time = true",
    "service.channel.email.next_reply.within = \"10m\"",
    "service.channel.email.resolution.within = \"2h\"",
    "service.channel.voice.handle.within = \"4m\"",
    "calendar.office.zone = \"Europe/Vienna\"",
    "calendar.office.hours = [\"07:00-17:30\"]",
];

/// What `holdline verify` said of an instance.
#[derive(Debug)]
struct Verified {
    code: Option<i32>,
    told: String,
    complaints: String,
}

/// Has the instance verified that listens there, with this configuration.
fn verify(config: &str, address: SocketAddr) -> Verified {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let file: PathBuf = std::env::temp_dir().join(format!("holdline-verify-{}-{number}.toml", std::process::id()));
    std::fs::write(&file, config).unwrap();
    let done = Command::new(env!("CARGO_BIN_EXE_holdline"))
        .args(["verify", "--address", &address.to_string(), "--config"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Verified { code: done.status.code(), told: text(&done.stdout), complaints: text(&done.stderr) }
}

/// Somebody between verify and the instance: answers one request with this.
fn pretend(state: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, body) = (listener.local_addr().unwrap(), state.to_owned());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        assert!(request.starts_with(b"GET /api/v1/state "), "{}", String::from_utf8_lossy(&request));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).unwrap();
    });
    address
}

/// The state with another value in the first series of this name that `is_meant`; and that series. Everything else stays
/// as it is, to the last digit.
fn changed(state: &str, name: &str, is_meant: impl Fn(&Value) -> bool, value: impl Fn(f64) -> f64) -> (String, Value) {
    for (at, _) in state.match_indices(&format!("{{\"name\":\"{name}\"")) {
        let length = state[at..].find("\"value\":").unwrap();
        let length = length + state[at + length..].find('}').unwrap() + 1;
        let mut series: Value = serde_json::from_str(&state[at..at + length]).unwrap();
        if is_meant(&series) {
            series["value"] = value(series["value"].as_f64().unwrap()).into();
            return (format!("{}{series}{}", &state[..at], &state[at + length..]), series);
        }
    }
    panic!("no such {name}")
}

/// The state with another number under a key of a partition.
fn moved(state: &str, partition: usize, key: &str, number: impl Fn(i64) -> i64) -> String {
    let of_partition = state.find(&format!("\"partition\":{partition},")).unwrap();
    let at = of_partition + state[of_partition..].find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
    let length = state[at..].find([',', '}']).unwrap();
    let number = number(state[at..at + length].parse().unwrap());
    format!("{}{number}{}", &state[..at], &state[at + length..])
}

/// A morning of a made-up centre that ends now.
fn morning() -> Vec<Value> {
    let arguments = ["simulate", "--seed", "5", "--from", "2026-03-02", "--load", "0.15", "--events", "6000"];
    let made = Command::new(env!("CARGO_BIN_EXE_holdline")).args(arguments).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let lines = String::from_utf8(made.stdout).unwrap();
    let mut events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let moved_ms = now_ms() - events.iter().map(time_of).max().unwrap();
    for event in &mut events {
        event["time"] = (time_of(event) + moved_ms).into();
    }
    events
}

fn send(records: &Records, events: &[Value]) {
    for event in events {
        let id = event["contact_id"].as_str().or(event["agent_id"].as_str()).unwrap();
        let partition = id.bytes().map(i32::from).sum::<i32>() % PARTITIONS;
        records.send(partition, Some(id.as_bytes()), Some(event.to_string().as_bytes()));
    }
    records.flush();
}

/// How many series were equal and not zero.
fn not_zero(told: &str) -> usize {
    let line = told.lines().find(|line| line.starts_with("equal: ")).unwrap_or_else(|| panic!("{told}"));
    line.split_whitespace().nth(3).unwrap().parse().unwrap()
}

#[test]
fn verify_finds_what_was_changed_and_nothing_else() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "verified", PARTITIONS);
    let events = morning();
    let (history, live) = events.split_at(events.len() / 2);
    send(&records, history);
    let config = config(&cluster.bootstrap(), "verified", "verified", &PROMISES);
    let program = Program::start(&config);
    program.until_ready();
    send(&records, live);
    // An answer that turns out to have come too late, a record that is no event, one from the future, and one more at last.
    let at = seconds_ago(40);
    for (time_ms, what) in [(at, &*offered("billing")), (at + 9_000, ANSWERED), (at + 7_000, ABANDONED)] {
        records.tell(0, "corrected", time_ms, what);
    }
    records.send(1, Some(b"garbage"), Some(b"{"));
    records.tell(1, "tomorrow", at + 86_400_000, &offered("billing"));
    records.tell(2, "last", at, &offered("billing"));
    records.flush();
    let sent = (events.len() + 4) as f64;
    program.until("all is read", |scrape| scrape.value("holdline_events_total", &[]) == Some(sent));
    // Shown only now: an instant later than when all was read.
    let read_at = now_ms() as f64 / 1_000.0;
    program.until("all is shown", |scrape| {
        scrape.value("holdline_view_timestamp_seconds", &[]).is_some_and(|shown| shown > read_at)
    });

    let verified = verify(&config, program.address());
    println!("{}", verified.told);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(not_zero(&verified.told) > 1_000, "{}", verified.told);
    assert!(verified.told.contains("verified 1: ") && verified.told.contains(", 2 of them rejected"), "{verified:?}");
    for untold in verified.told.lines().filter(|line| line.starts_with("not checked: ")) {
        assert!(untold.contains("since the model knows nothing of "), "{untold}");
    }
    for told in ["holdline_agents (", "holdline_window_survey_ratio (", "holdline_repeat_ratio ("] {
        assert!(verified.told.contains(told), "{told}: {}", verified.told);
    }
    assert!(verified.complaints.contains("reading "), "{verified:?}");

    let (status, state) = program.page("/api/v1/state");
    assert_eq!(status, 200, "{state}");
    let is_not_zero = |series: &Value| series["value"] != 0.0;
    for (name, by) in [
        ("holdline_window_offered", 1.0),
        ("holdline_window_overdue", -1.0),
        ("holdline_service_level_ratio", 1e-9),
        ("holdline_window_wait_seconds", 20.0),
        ("holdline_window_handle_seconds", -5.0),
        ("holdline_contacts_offered_total", 1.0),
        ("holdline_contacts_left_total", 1.0),
        ("holdline_corrections_total", 1.0),
        ("holdline_contacts_waiting", 1.0),
        ("holdline_contacts_in_service", -1.0),
        ("holdline_contacts_awaiting", 1.0),
        ("holdline_oldest_awaiting_timestamp_seconds", 0.001),
        ("holdline_service_level_target_seconds", 1.0),
        ("holdline_queue_open", -2.0),
    ] {
        let is_meant = |series: &Value| name == "holdline_queue_open" || is_not_zero(series);
        let (state, series) = changed(&state, name, is_meant, |value| value + by);
        let queue = series["labels"]["queue"].as_str().map(|queue| format!("queue={queue:?}")).unwrap_or_default();
        let verified = verify(&config, pretend(&state));
        assert_eq!(verified.code, Some(1), "{name}: {verified:?}");
        let line = verified.told.lines().find(|line| line.starts_with("differs: ")).unwrap();
        let told = format!("told {}, by the model ", series["value"].as_f64().unwrap());
        assert!(line.contains(name) && line.contains(&queue) && line.contains(&told), "{line}");
        assert!(verified.told.ends_with("\n1 series differ\n"), "{name}: {}", verified.told);
    }

    // A series less, and one that nobody should tell.
    let [answered, of_late] =
        ["answered", "answered_of_late"].map(|name| format!("{{\"name\":\"holdline_window_{name}\""));
    let verified = verify(&config, pretend(&state.replacen(&answered, &of_late, 1)));
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.told.contains("told nothing, by the model "), "{}", verified.told);
    let unknown = "not checked: 1 series, since nothing here tells this family: holdline_window_answered_of_late (1)";
    assert!(verified.told.contains(unknown), "{}", verified.told);

    // Without the last record; with counters that began after it; and up to one that was never there.
    let next = serde_json::from_str::<Value>(&state).unwrap()["partitions"][2]["next"].as_i64().unwrap();
    // Of many that differ those of the first names are told.
    for (key, number, first) in
        [("next", next - 1, "contacts_offered_total"), ("counters_from", next, "contacts_answered_total")]
    {
        let verified = verify(&config, pretend(&moved(&state, 2, key, |_| number)));
        assert_eq!(verified.code, Some(1), "{key}: {verified:?}");
        let lane = format!("differs: holdline_{first}{{channel=\"voice\",queue=\"billing\",tier=\"standard\"}}: told ");
        assert!(verified.told.contains(&lane), "{key}: {}", verified.told);
    }
    let verified = verify(&config, pretend(&moved(&state, 0, "next", |_| 1_000_000)));
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.complaints.contains("before 1000000, up to which the instance has read it"), "{verified:?}");

    // With another configuration.
    let other = format!("{config}lifetimes.settle = \"7h\"\n");
    let verified = verify(&other, program.address());
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.complaints.contains("(lifetimes)"), "{verified:?}");
}

/// Contacts are held for an hour only, so that what is older can be missed.
const SHORT_LIVES: [&str; 9] = [
    "kafka.look_back = \"30d\"",
    "lifetimes.settle = \"1h\"",
    "lifetimes.expire = \"1h\"",
    "lifetimes.lateness = \"10m\"",
    "lifetimes.expire_by_channel.voice = \"1h\"",
    "lifetimes.expire_by_channel.chat = \"1h\"",
    "windows.counts = [\"5m\", \"30m\", \"2h\"]",
    "windows.quantiles = [\"30m\"]",
    "metrics.formulas = \"all\"",
];

#[test]
fn a_topic_that_lost_its_beginning_is_verified_as_far_as_it_reaches() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "verified-cut", 1);
    let call = |contact: &str, queue: &str, at: u64| {
        records.tell_then(0, contact, at, &offered(queue));
        records.tell_then(0, contact, at + 9_000, ANSWERED);
    };
    call("o1", "old", seconds_ago(3 * 86_400));
    call("o2", "billing", seconds_ago(3 * 86_400));
    call("r1", "billing", seconds_ago(3 * 3_600));
    call("r2", "billing", seconds_ago(600));
    records.flush();
    let config = config(&cluster.bootstrap(), "verified-cut", "verified-cut", &SHORT_LIVES);
    let program = Program::start(&config);
    program.until_ready();
    call("r3", "billing", seconds_ago(60));
    records.flush();
    let now = seconds_ago(0) as f64 / 1_000.0;
    program.until("all is shown", |scrape| {
        scrape.value("holdline_events_total", &[("topic", "verified-cut")]) == Some(10.0)
            && scrape.value("holdline_view_timestamp_seconds", &[]).is_some_and(|shown| shown > now)
    });
    let whole = verify(&config, program.address());
    assert_eq!(whole.code, Some(0), "{whole:?}");
    assert!(!whole.told.contains("are gone") && !whole.told.contains("lost records"), "{whole:?}");

    cluster.delete_records("verified-cut", 0, 4);
    let cut = verify(&config, program.address());
    println!("{}", cut.told);
    assert_eq!(cut.code, Some(0), "{cut:?}");
    assert!(cut.told.contains("verified-cut 0: 6 records up to offset 10"), "{cut:?}");
    assert!(cut.told.contains("; those from 0 to 4 are gone"), "{cut:?}");
    let unchecked = |family: &str, why: &str| {
        let is_so = |line: &str| line.starts_with("not checked: ") && line.contains(family) && line.contains(why);
        cut.told.lines().any(is_so)
    };
    let lost = "verified-cut 0 has lost records";
    assert!(unchecked("holdline_contacts_offered_total (2)", &format!("{lost}: the instance has read it")), "{cut:?}");
    assert!(unchecked("holdline_corrections_total (18)", lost), "{cut:?}");
    // Of two queues, two measures and one window of three.
    assert!(unchecked("holdline_window_offered (4)", "s more of records are needed"), "{cut:?}");
    assert!(!unchecked("holdline_contacts_waiting", ""), "{cut:?}");
    assert!(not_zero(&cut.told) > 20, "{cut:?}");

    // What can be checked is; that somebody waits in the queue of which nothing is left, too.
    let (_, state) = program.page("/api/v1/state");
    let in_half_an_hour = |series: &Value| series["labels"]["window"] == "30m" && series["value"] != 0.0;
    let of_old = |series: &Value| series["labels"]["queue"] == "old";
    for (name, is_meant) in [
        ("holdline_window_answered", &in_half_an_hour as &dyn Fn(&Value) -> bool),
        ("holdline_window_wait_seconds", &in_half_an_hour),
        ("holdline_service_level_ratio", &in_half_an_hour),
        ("holdline_contacts_waiting", &of_old),
    ] {
        let (state, _) = changed(&state, name, is_meant, |value| value * 2.0 + 1.0);
        let verified = verify(&config, pretend(&state));
        assert_eq!(verified.code, Some(1), "{name}: {verified:?}");
        assert!(verified.told.contains(&format!("differs: {name}{{")), "{verified:?}");
    }
}
