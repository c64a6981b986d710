//! A real Kafka on this machine, for as long as a test needs it: what `tests/broker/kafka` starts and stops.

#![allow(dead_code, reason = "each user needs a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

/// A cluster of its own; stopped and removed when it is dropped.
pub struct Cluster {
    folder: PathBuf,
}

impl Cluster {
    /// Starts one with these options of `tests/broker/kafka start`.
    pub fn start(options: &[&str]) -> Cluster {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("holdline-kafka-{}-{number}", std::process::id()));
        let cluster = Cluster { folder };
        cluster.script("start", options);
        cluster
    }

    /// Addresses of its plain listener.
    pub fn bootstrap(&self) -> String {
        self.file("bootstrap")
    }

    /// Addresses of another listener: `sasl`, `tls` or `sasl_tls`.
    pub fn bootstrap_of(&self, listener: &str) -> String {
        self.file(&format!("bootstrap.{listener}"))
    }

    /// Where the cluster keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has a topic made.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let made = block_on(self.admin().create_topics(&[topic], &AdminOptions::new()));
        made.expect("the broker answers").into_iter().for_each(|made| assert!(made.is_ok(), "{made:?}"));
    }

    /// Has a topic grow.
    pub fn add_partitions(&self, name: &str, partitions: usize) {
        let grown =
            block_on(self.admin().create_partitions(&[NewPartitions::new(name, partitions)], &AdminOptions::new()));
        grown.expect("the broker answers").into_iter().for_each(|grown| assert!(grown.is_ok(), "{grown:?}"));
    }

    /// Does something to the nodes: `freeze`, `thaw`, `kill`, `halt` or `resume`.
    pub fn each_node(&self, what: &str) {
        self.script(what, &[]);
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", self.bootstrap()).create().expect("the options are right")
    }

    fn file(&self, name: &str) -> String {
        let path = self.folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.trim().to_owned()
    }

    fn script(&self, command: &str, options: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broker/kafka");
        let run = Command::new(script)
            .arg(command)
            .arg(&self.folder)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("the script can be run");
        assert!(run.success(), "tests/broker/kafka {command} failed");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.script("stop", &[]);
        // What is left over is only a folder of temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), future).await.expect("an answer in time") })
}
