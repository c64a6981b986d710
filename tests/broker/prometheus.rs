//! What Prometheus makes of it: the text it reads, and what can be asked of it afterwards.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::program::{Program, config, page, until};
use crate::records::{ABANDONED, ANSWERED, Records, completed, left, offered, seconds_ago};

/// How many ports are tried: somebody else may take a free one first.
const ATTEMPTS: usize = 5;

/// A Prometheus that scrapes one address every second; killed when it is dropped.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Prometheus {
    fn scraping(target: SocketAddr) -> Prometheus {
        let folder = std::env::temp_dir().join(format!("holdline-prometheus-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let settings = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: holdline\n    static_configs:\n      - targets: ['{target}']\n"
        );
        std::fs::write(folder.join("prometheus.yml"), settings).unwrap();
        for _ in 0..ATTEMPTS {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let child = Command::new("prometheus")
                .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("prometheus is installed (Debian has it as a package)");
            let mut prometheus = Prometheus { child, folder: folder.clone(), address };
            let started = || match prometheus.child.try_wait().unwrap() {
                Some(_) => Some(false),
                None => page(address, "/-/ready").ok().filter(|(status, _)| *status == 200).map(|_| true),
            };
            if until("Prometheus is ready", String::new, started) {
                return prometheus;
            }
        }
        panic!("Prometheus ended by itself {ATTEMPTS} times");
    }

    /// The result of a query: each series with its value.
    fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let Ok((_, text)) = page(self.address, &format!("/api/v1/query?query={encoded}")) else { return Vec::new() };
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{text}"));
        let value = |series: &Value| series["value"][1].as_str().and_then(|value| value.parse().ok());
        result.iter().map(|series| (series["metric"].clone(), value(series).expect("a number"))).collect()
    }

    /// Waits until a query has exactly one series, with this value.
    fn until(&self, query: &str, value: f64) -> Value {
        let seen = || format!("{query}: {:?}", self.query(query));
        let look = || match &self.query(query)[..] {
            [(metric, is)] if *is == value => Some(metric.clone()),
            _ => None,
        };
        until(&format!("{query} is {value}"), seen, look)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn prometheus_reads_it() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "scraped", 2);
    let at = seconds_ago(100);
    // Something of everything, so that every family has a series.
    for (contact, time, what) in [
        ("p1", 0, offered("billing")),
        ("p1", 5, ANSWERED.to_owned()),
        ("p1", 40, completed(20.0, 5.0)),
        ("p2", 1, offered("billing")),
        ("p2", 31, ABANDONED.to_owned()),
        ("p3", 2, offered("billing")),
        ("p3", 9, left("voicemail")),
        ("p4", 3, offered("billing")),
    ] {
        records.tell(0, contact, at + time * 1_000, &what);
    }
    // A name that needs escapes in the text.
    records.tell(1, "p5", at, r#""type":"offered","queue":"a \"b\"\\c\nd""#);
    records.flush();
    let program = Program::start(&config(&cluster.bootstrap(), "scraped", "scraped", &["metrics.formulas = \"all\""]));
    program.until("ready", |scrape| scrape.withheld().is_empty());

    let (_, text) = program.page("/metrics");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (it comes with Debian's package prometheus)");
    let mut input = promtool.stdin.take().unwrap();
    let feed = thread::spawn(move || input.write_all(text.as_bytes()));
    let checked = promtool.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    let complaints = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success() && complaints.is_empty(), "{}", String::from_utf8_lossy(&complaints));

    let prometheus = Prometheus::scraping(program.address());
    prometheus.until("up", 1.0);
    // One in time of three that were judged.
    let level = prometheus.until(
        "holdline_service_level_ratio{queue=\"billing\",window=\"5m\",measure=\"wait\",formula=\"offered\"}",
        1.0 / 3.0,
    );
    assert_eq!((&level["channel"], &level["tier"]), (&"voice".into(), &"standard".into()));
    prometheus.until("holdline_partitions_caught_up", 2.0);
    let odd = prometheus.until("holdline_contacts_waiting{queue!=\"billing\"}", 1.0);
    assert_eq!(odd["queue"], "a \"b\"\\c\nd");
    prometheus.until("sum(holdline_window_offered{window=\"5m\",measure=\"wait\"})", 5.0);
    prometheus.until("holdline_events_total", 9.0);
}
