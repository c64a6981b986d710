//! Surges, from events to whoever hears of them: pages, metrics, a topic, the commands that ask a running service; and the
//! demo's month start, from the first working day to the alert.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};

use rdkafka::message::Message;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::dead_letters::all_of;
use crate::monitoring::{ALERT_PATIENCE, Alertmanager, Prometheus, Receiver};
use crate::program::{self, Program, config, until, until_within};
use crate::records::{Records, now_ms, offered};
use crate::scrape::Scrape;

const QUARTER_MS: u64 = 900_000;
const HOUR_MS: u64 = 3_600_000;

/// So many come in a quarter of an hour, and so many in each of the last four.
const USUAL: u64 = 12;
const SURGE: u64 = 48;

/// How much is known of the time before, in quarters of an hour: twenty weeks, up to two hours ago.
const KNOWN: u64 = 20 * 7 * 96;

/// A zone in which it is about noon, so that no midnight is near.
fn zone_at_noon(now: u64) -> String {
    let ahead = 12 - i64::try_from(now / HOUR_MS % 24).unwrap();
    if ahead == 0 { "UTC".to_owned() } else { format!("Etc/GMT{:+}", -ahead) }
}

fn time(ms: u64) -> String {
    jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap()).unwrap().to_string()
}

/// All that the topic has, in order.
fn told(cluster: &Cluster, topic: &str) -> Vec<Value> {
    let records = all_of(cluster, topic).into_values();
    let told = records.map(|record| {
        assert_eq!(record.key().unwrap(), b"calls");
        serde_json::from_slice(record.payload().unwrap()).unwrap()
    });
    told.collect()
}

/// What a command that asks the service at this address writes.
fn asked(command: &str, address: SocketAddr, more: &[&str]) -> String {
    let mut asking = Command::new(env!("CARGO_BIN_EXE_holdline"));
    let output = asking.arg(command).arg(format!("--address={address}")).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_surge_is_told_everywhere_and_found_again_after_a_restart() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "surge", 2);
    cluster.create_topic("surge-news", 1);
    let folder = tempfile::tempdir().unwrap();
    let now = now_ms();
    let until_quarter = now / QUARTER_MS - 8;
    let counts: Vec<u64> = (0..KNOWN).map(|quarter| USUAL - 2 + (quarter * 7 + quarter / 96) % 5).collect();
    let from = time((until_quarter - KNOWN) * QUARTER_MS);
    let baseline = json!({
        "format": "holdline-baseline-1",
        "until": time(until_quarter * QUARTER_MS),
        "queues": {"calls": {"handle_seconds": 120.0, "offered": [{"from": from, "counts": counts}]}},
    });
    let file = folder.path().join("baseline.json");
    std::fs::write(&file, baseline.to_string()).unwrap();
    let settings = config(
        &cluster.bootstrap(),
        "surge",
        "surge",
        &[
            "surge.calendar = \"noon\"",
            "surge.topic = \"surge-news\"",
            &format!("surge.baseline_file = {:?}", file.display().to_string()),
            &format!("calendar.noon.zone = {:?}", zone_at_noon(now)),
            "calendar.noon.weekend = []",
            "calendar.noon.hours = [\"00:00-24:00\"]",
            &format!("checkpoint.folder = {:?}", folder.path().join("checkpoints").display().to_string()),
            "checkpoint.every = \"1s\"",
        ],
    );
    // Two hours and a bit, of which the last one is busier.
    let surge_from = now - HOUR_MS;
    let (mut at, mut number) = (until_quarter * QUARTER_MS, 0);
    while at < now {
        records.tell(number % 2, &format!("c-{number}"), at, &offered("calls"));
        number += 1;
        at += QUARTER_MS / if at < surge_from { USUAL } else { SURGE };
    }
    records.flush();

    let mut program = Program::start(&settings);
    program.until_ready();
    let of_calls = [("queue", "calls")];
    let is_on = |scrape: &Scrape| scrape.value("holdline_surge_active", &of_calls) == Some(1.0);
    let scrape = program.until("the surge is seen", is_on);
    let value = |name: &str| scrape.value(name, &of_calls).unwrap_or_else(|| panic!("{name} is not there"));
    let magnitude = value("holdline_surge_magnitude_ratio");
    assert!((3.0..5.0).contains(&magnitude), "{magnitude}");
    assert_eq!((value("holdline_surge_critical"), value("holdline_surge_baseline_thin")), (1.0, 0.0));
    // It was on when this process first looked, so it did not begin since.
    let begun = scrape.value("holdline_surge_incidents_total", &[("queue", "calls"), ("reason", "arrivals")]);
    assert_eq!(begun, Some(0.0));
    assert_eq!(value("holdline_staffing_handle_seconds"), 120.0);
    let required = scrape.value("holdline_agents_required", &[("queue", "calls"), ("model", "erlang_c")]).unwrap();
    assert!((7.0..14.0).contains(&required), "{required} agents for 6.4 erlangs");

    let look = || told(cluster, "surge-news").into_iter().next();
    let first = until("the topic hears of it", || format!("{:?}", told(cluster, "surge-news")), look);
    assert_eq!(
        (&first["state"], &first["reason"], &first["queue"]),
        (&json!("began"), &json!("arrivals"), &json!("calls"))
    );
    let (status, page) = program.page("/api/v1/load");
    let page: Value = serde_json::from_str(&page).unwrap();
    let incident = &page["queues"][0]["incident"];
    assert_eq!((status, &incident["start"]), (200, &first["start"]));
    let (status, front) = program.page("/");
    assert!(status == 200 && front.contains("<b>calls</b> has a critical surge since"), "{front}");

    // Commands ask for what was counted, what the file held among it.
    let address = program.address();
    let told_baseline = asked("baseline", address, &["--format=json"]);
    let learned: Value = serde_json::from_str(&told_baseline).unwrap();
    assert_eq!(learned["queue"], "calls");
    assert!(learned["offered"].as_u64().unwrap() > counts.iter().sum::<u64>(), "{learned}");
    let (status, exported) = program.page("/api/v1/baseline");
    let exported: Value = serde_json::from_str(&exported).unwrap();
    let counted = &exported["queues"]["calls"];
    assert_eq!((status, &counted["handle_seconds"]), (200, &json!(120.0)));
    assert_eq!(counted["leading"], json!({"channel": "voice", "tier": "standard"}));
    let picture = folder.path().join("forecast.svg");
    let forecast = asked("forecast", address, &["--days=3", "--format=json", "--plot", picture.to_str().unwrap()]);
    let forecast: Value = serde_json::from_str(&forecast).unwrap();
    assert_eq!(forecast["days"].as_array().unwrap().len(), 3);
    let of_day = forecast["days"][1]["expected"]["mean"].as_f64().unwrap();
    assert!((of_day / (96.0 * USUAL as f64) - 1.0).abs() < 0.1, "{of_day}");
    assert!(std::fs::read_to_string(picture).unwrap().starts_with("<svg"));

    // Killed and started again, with a checkpoint: the same surge, told once more under the same id.
    program.until("all is durable", |scrape| scrape.value("holdline_checkpoint_timestamp_seconds", &[]).is_some());
    program.kill();
    let mut program = Program::start(&settings);
    program.until_ready();
    program.until("it is seen again", is_on);
    let (_, page) = program.page("/api/v1/load");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["queues"][0]["incident"]["start"], first["start"]);
    let look = || Some(told(cluster, "surge-news")).filter(|told| told.len() > 1);
    let again = until("the topic hears of it again", String::new, look);
    assert!(again.iter().all(|told| told["id"] == first["id"] && told["state"] == "began"), "{again:?}");
    program.stop();
}

/// `holdline demo` as a process; killed when it is dropped.
struct Demo {
    child: Child,
    address: SocketAddr,
    reader: Option<JoinHandle<()>>,
}

impl Demo {
    fn start(more: &[&str]) -> Demo {
        let mut child = Command::new(env!("CARGO_BIN_EXE_holdline"))
            .args(["demo", "--listen=127.0.0.1:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be run");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let place = |line: String| Some(line.split_once("start here")?.1.trim().to_owned());
        let start = lines.find_map(place).expect("it says where to look");
        let address = start.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        // Nobody reads on, and it is not to wait for that.
        let reader = thread::spawn(move || lines.for_each(drop));
        Demo { child, address, reader: Some(reader) }
    }

    fn scrape(&self) -> Scrape {
        let (status, text) = program::page(self.address, "/metrics").unwrap();
        assert_eq!(status, 200, "{text}");
        Scrape::read(&text)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reader.take().map(JoinHandle::join);
    }
}

#[test]
fn chain_from_a_month_start_to_a_surge_that_nobody_planned() {
    let demo = Demo::start(&["--scenario=month-start", "--load=0.5"]);
    let of_billing = [("queue", "billing")];
    let seen = || format!("{:#?}", demo.scrape().all(|name| name.starts_with("holdline_surge")));
    let known = || Some(demo.scrape()).filter(|scrape| scrape.value("holdline_surge_active", &of_billing).is_some());
    let before = until("what is usual is known", seen, known);
    let required = |scrape: &Scrape| {
        scrape.value("holdline_agents_required", &[("queue", "billing"), ("model", "erlang_c")]).unwrap()
    };
    let level = |scrape: &Scrape| {
        let labels =
            [("queue", "billing"), ("channel", "voice"), ("tier", "standard"), ("window", "15m"), ("measure", "wait")];
        scrape.value("holdline_service_level_ratio", &labels).unwrap()
    };
    // Learned from twenty weeks, four month starts among them; and today is one, as busy as they are.
    assert_eq!(before.value("holdline_surge_baseline_thin", &of_billing), Some(0.0));
    assert!(before.value("holdline_surge_baseline_month_starts", &of_billing).unwrap() >= 4.0);
    let business_day = before.value("holdline_calendar_business_day_of_month", &[("calendar", "centre")]);
    assert_eq!(business_day, Some(1.0));
    let against = |against| [("queue", "billing"), ("against", against)];
    assert_eq!(before.value("holdline_surge_day_unusual", &against("month_start")), Some(0.0));

    let receiver = Receiver::listening();
    let alertmanager = Alertmanager::telling(&receiver);
    let prometheus = Prometheus::as_shipped(demo.address, &alertmanager);
    let look = || Some(demo.scrape()).filter(|scrape| scrape.value("holdline_surge_active", &of_billing) == Some(1.0));
    until_within(ALERT_PATIENCE, "the surge is declared", seen, look);
    let query = "ALERTS{alertname=\"Surge\",queue=\"billing\",alertstate=\"firing\"}";
    let alerts = || format!("{:?}", prometheus.query("ALERTS"));
    let fires = || (!prometheus.query(query).is_empty()).then_some(());
    until_within(ALERT_PATIENCE, "the alert fires", alerts, fires);
    let falls =
        || Some(demo.scrape()).filter(|scrape| required(scrape) > required(&before) && level(scrape) < level(&before));
    until_within(ALERT_PATIENCE, "agents required rise and the level falls", seen, falls);
}
