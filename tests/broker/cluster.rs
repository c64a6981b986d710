//! A real Kafka on this machine, for as long as a test needs it: what `tests/broker/kafka` starts and stops.

#![allow(dead_code, reason = "each user needs a part of it")]

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::{Offset, TopicPartitionList};

/// A cluster of its own; stopped and removed when it is dropped, and also when this process ends without that.
pub struct Cluster {
    folder: PathBuf,
    keeper: Child,
}

/// Waits until nobody can write to it any more, then stops the cluster: `$0` is the script, `$1` the cluster's folder.
const KEEPER: &str = r#"read -r _; "$0" stop "$1"; rm -rf -- "$1""#;

impl Cluster {
    /// One for all tests that leave it as it is: each has topics and groups of its own. Started when it is first asked for.
    pub fn shared() -> &'static Cluster {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Cluster::start(&[]))
    }

    /// Starts one with these options of `tests/broker/kafka start`.
    pub fn start(options: &[&str]) -> Cluster {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("holdline-kafka-{}-{number}", std::process::id()));
        // In a group of its own, so that what interrupts the tests does not interrupt it.
        let keeper = Command::new("bash")
            .args(["-c", KEEPER])
            .arg(script())
            .arg(&folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash can be run");
        let cluster = Cluster { folder, keeper };
        cluster.run("start", options);
        cluster
    }

    /// Addresses of its plain listener.
    pub fn bootstrap(&self) -> String {
        self.file("bootstrap")
    }

    /// Addresses of another listener: `sasl`, `tls`, `mtls` or `sasl_tls`.
    pub fn bootstrap_of(&self, listener: &str) -> String {
        self.file(&format!("bootstrap.{listener}"))
    }

    /// Where the cluster keeps its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Has a topic made.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.create_topic_with(name, partitions, &[]);
    }

    /// Has a topic made with these settings.
    pub fn create_topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        // As often as the cluster does of its own accord: wherever there is somebody to replicate to.
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
        let topic = settings.iter().fold(topic, |topic, (setting, value)| topic.set(setting, value));
        let made = block_on(self.admin().create_topics(&[topic], &AdminOptions::new()));
        made.expect("the broker answers").into_iter().for_each(|made| assert!(made.is_ok(), "{made:?}"));
    }

    /// Has a topic deleted, and waits until the broker knows no such topic: until then records would still go to the old
    /// one, whatever was made under its name meanwhile.
    pub fn delete_topic(&self, name: &str) {
        let deleted = block_on(self.admin().delete_topics(&[name], &AdminOptions::new()));
        deleted.expect("the broker answers").into_iter().for_each(|deleted| assert!(deleted.is_ok(), "{deleted:?}"));
        let admin = self.admin();
        let is_gone = || {
            let known = admin.inner().fetch_metadata(None, Duration::from_secs(30)).expect("the broker answers");
            known.topics().iter().all(|topic| topic.name() != name)
        };
        let mut looks = (0..600).map(|_| thread::sleep(Duration::from_millis(50)));
        assert!(looks.any(|()| is_gone()), "{name} was to be deleted");
    }

    /// Has a topic grow.
    pub fn add_partitions(&self, name: &str, partitions: usize) {
        let more = [NewPartitions::new(name, partitions)];
        let grown = block_on(self.admin().create_partitions(&more, &AdminOptions::new()));
        grown.expect("the broker answers").into_iter().for_each(|grown| assert!(grown.is_ok(), "{grown:?}"));
    }

    /// Has the records of a partition before this offset deleted.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before)).expect("a partition is named once");
        let deleted = block_on(self.admin().delete_records(&list, &AdminOptions::new())).expect("the broker answers");
        deleted.elements().iter().for_each(|deleted| assert!(deleted.error().is_ok(), "{topic} {partition}"));
    }

    /// Names of the members of a consumer group, as they call themselves; none if there is no such group.
    pub fn members(&self, group: &str) -> Vec<String> {
        let admin = self.admin();
        let groups = admin.inner().fetch_group_list(Some(group), Duration::from_secs(30)).expect("the broker answers");
        let members = groups.groups().iter().flat_map(|group| group.members());
        members.map(|member| member.client_id().to_owned()).collect()
    }

    /// Does something to the nodes: `freeze`, `thaw`, `kill`, `halt` or `resume`.
    pub fn each_node(&self, what: &str) {
        self.run(what, &[]);
    }

    /// The same to one node, counted from 1.
    pub fn node(&self, what: &str, node: u32) {
        self.run(what, &[&node.to_string()]);
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", self.bootstrap()).create().expect("the options are right")
    }

    fn file(&self, name: &str) -> String {
        let path = self.folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.trim().to_owned()
    }

    fn run(&self, command: &str, options: &[&str]) {
        let run = Command::new(script())
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
        // That it may be gone already is all that can go wrong.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broker/kafka")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), future).await.expect("an answer in time") })
}
