//! What watches the service where it is deployed, as processes: Prometheus, Alertmanager, and whoever is told in the end.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use holdline::clock;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::program::{page, until, until_within};

/// How many ports are tried: somebody else may take a free one first.
const ATTEMPTS: usize = 5;

/// Alerts take minutes by themselves: they wait whether it lasts, then for others to tell of together.
pub const ALERT_PATIENCE: Duration = Duration::from_secs(600);

/// A process with pages and a folder of its own; killed when it is dropped.
struct Server {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
}

impl Server {
    /// Starts a program of that name, with the arguments that it is given for its folder and address.
    fn start(program: &str, arguments: impl Fn(&std::path::Path, SocketAddr) -> Vec<String>) -> Server {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("holdline-{program}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for _ in 0..ATTEMPTS {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let child = Command::new(program)
                .args(arguments(&folder, address))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|error| panic!("{program} is installed (Debian has it as a package): {error}"));
            let mut server = Server { child, folder: folder.clone(), address };
            let started = || match server.child.try_wait().unwrap() {
                Some(_) => Some(false),
                None => page(address, "/-/ready").ok().filter(|(status, _)| *status == 200).map(|_| true),
            };
            if until(&format!("{program} is ready"), String::new, started) {
                return server;
            }
        }
        panic!("{program} ended by itself {ATTEMPTS} times");
    }

    /// What one of its pages says; none while it does not answer.
    fn json(&self, path: &str) -> Option<Value> {
        let (_, text) = page(self.address, path).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A file of `deploy/`, as it is shipped, with these parts exchanged, each of which has to be there.
pub fn shipped(file: &str, exchanged: &[(&str, &str)]) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    exchanged.iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "{file} has no {old:?}");
        text.replace(old, new)
    })
}

/// A Prometheus.
pub struct Prometheus(Server);

impl Prometheus {
    /// One that scrapes one address every second, with these features, of those that have to be asked for.
    pub fn scraping(target: SocketAddr, features: &str) -> Prometheus {
        let settings = format!(
            "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: holdline\n    static_configs:\n      - targets: ['{target}']\n"
        );
        Prometheus::start(features, |_| settings.clone())
    }

    /// One with the settings, rules and alerts that are shipped.
    pub fn as_shipped(target: SocketAddr, alertmanager: &Alertmanager) -> Prometheus {
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/holdline.");
        let (target, alertmanager) = (target.to_string(), alertmanager.0.address.to_string());
        Prometheus::start("", |address| {
            shipped(
                "prometheus/prometheus.yml",
                &[
                    ("  - holdline.", &format!("  - {rules}")),
                    ("127.0.0.1:9847", &target),
                    ("127.0.0.1:9093", &alertmanager),
                    ("127.0.0.1:9090", &address.to_string()),
                ],
            )
        })
    }

    fn start(features: &str, settings: impl Fn(SocketAddr) -> String) -> Prometheus {
        Prometheus(Server::start("prometheus", |folder, address| {
            let file = folder.join("prometheus.yml");
            std::fs::write(&file, settings(address)).unwrap();
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.tsdb.path={}", folder.join("data").display()),
                format!("--web.listen-address={address}"),
                format!("--enable-feature={features}"),
            ]
        }))
    }

    /// The result of a query: each series with its value.
    pub fn query(&self, query: &str) -> Vec<(Value, f64)> {
        let Some(answer) = self.0.json(&format!("/api/v1/query?query={}", encoded(query))) else { return Vec::new() };
        let result = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let value = |series: &Value| series["value"][1].as_str().and_then(|value| value.parse().ok());
        result.iter().map(|series| (series["metric"].clone(), value(series).expect("a number"))).collect()
    }

    /// The exemplars of a query: the contact and how long it took, the longest first.
    pub fn exemplars(&self, query: &str) -> Vec<(String, f64)> {
        let path = format!("/api/v1/query_exemplars?query={}&start=0&end=4000000000", encoded(query));
        let Some(answer) = self.0.json(&path) else { return Vec::new() };
        let series = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        let exemplars = series.flat_map(|series| series["exemplars"].as_array().unwrap());
        let mut exemplars: Vec<(String, f64)> = exemplars
            .map(|exemplar| {
                let value = exemplar["value"].as_str().and_then(|value| value.parse().ok());
                (exemplar["labels"]["contact_id"].as_str().unwrap().to_owned(), value.unwrap())
            })
            .collect();
        exemplars.sort_by(|one, other| other.1.total_cmp(&one.1));
        exemplars.dedup();
        exemplars
    }

    /// Waits until a query has exactly one series, with this value.
    pub fn until(&self, query: &str, value: f64) -> Value {
        let seen = || format!("{query}: {:?}", self.query(query));
        let look = || match &self.query(query)[..] {
            [(metric, is)] if *is == value => Some(metric.clone()),
            _ => None,
        };
        until(&format!("{query} is {value}"), seen, look)
    }
}

/// As part of an address.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// An Alertmanager with the settings that are shipped, but for whom it tells.
pub struct Alertmanager(Server);

impl Alertmanager {
    /// It tells this receiver.
    pub fn telling(receiver: &Receiver) -> Alertmanager {
        Alertmanager(Server::start("prometheus-alertmanager", |folder, address| {
            let file = folder.join("alertmanager.yml");
            let told = receiver.address.to_string();
            std::fs::write(&file, shipped("alertmanager/alertmanager.yml", &[("127.0.0.1:9099", &told)])).unwrap();
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.path={}", folder.join("data").display()),
                format!("--web.listen-address={address}"),
                "--cluster.listen-address=".to_owned(),
            ]
        }))
    }

    /// The names of the alerts because of which it tells nobody of this one; none if it does not have it, or tells of it.
    pub fn inhibiting(&self, name: &str, queue: &str) -> Option<Vec<String>> {
        let alerts = self.0.json("/api/v2/alerts")?;
        let alerts = alerts.as_array().unwrap_or_else(|| panic!("{alerts}"));
        let label = |alert: &Value, label: &str| alert["labels"][label].as_str().map(str::to_owned);
        let is_it = |alert: &&Value| {
            label(alert, "alertname").as_deref() == Some(name) && label(alert, "queue").as_deref() == Some(queue)
        };
        let by = alerts.iter().find(is_it)?["status"]["inhibitedBy"].as_array()?;
        let named = |print: &Value| {
            let alert = alerts.iter().find(|alert| alert["fingerprint"] == *print)?;
            label(alert, "alertname")
        };
        Some(by.iter().filter_map(named).collect()).filter(|names: &Vec<String>| !names.is_empty())
    }
}

/// An alert that somebody was told of.
#[derive(Clone, Debug)]
pub struct Told {
    /// When it came.
    pub at: Instant,
    /// Who it was for: `pages` or `tickets`.
    pub receiver: String,
    /// Whether it has begun, or is over.
    pub begun: bool,
    /// Which alert.
    pub name: String,
    /// Of which queue; empty if of none.
    pub queue: String,
    /// In a sentence.
    pub summary: String,
}

/// Whoever is told: a server that keeps what it is sent.
pub struct Receiver {
    address: SocketAddr,
    told: Arc<Mutex<Vec<Told>>>,
    _runtime: Runtime,
}

impl Receiver {
    /// Listens from now on.
    pub fn listening() -> Receiver {
        let runtime = Runtime::new().expect("threads can be had");
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/{receiver}", post(Receiver::take)).with_state(Arc::clone(&told));
        runtime.spawn(async { axum::serve(listener, router).await });
        Receiver { address, told, _runtime: runtime }
    }

    async fn take(
        State(told): State<Arc<Mutex<Vec<Told>>>>,
        Path(receiver): Path<String>,
        notification: String,
    ) -> StatusCode {
        let at = clock::monotonic();
        let notification: Value = serde_json::from_str(&notification).expect("Alertmanager sends JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let alerts = notification["alerts"].as_array().expect("there is at least one").iter();
        told.lock().unwrap().extend(alerts.map(|alert| Told {
            at,
            receiver: receiver.clone(),
            begun: alert["status"] == "firing",
            name: text(&alert["labels"]["alertname"]),
            queue: text(&alert["labels"]["queue"]),
            summary: text(&alert["annotations"]["summary"]),
        }));
        StatusCode::OK
    }

    /// All that came so far.
    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Waits until somebody is woken for this alert.
    pub fn until_paged(&self, name: &str, queue: &str) -> Told {
        let is_it = |told: &Told| told.begun && (&*told.receiver, &*told.name, &*told.queue) == ("pages", name, queue);
        let seen = || format!("{:#?}", self.told());
        let look = || self.told().into_iter().find(is_it);
        until_within(ALERT_PATIENCE, &format!("somebody is woken for {name} of {queue:?}"), seen, look)
    }
}
