//! The sample configurations of `deploy/`: each is read as it is, and starts where there are brokers.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::cluster::Cluster;
use crate::monitoring::shipped;
use crate::program::Program;
use crate::records::{Records, now_ms, offered};

const TOPIC: &str = "support-events";

#[test]
fn samples_are_accepted_as_they_are() {
    for file in [
        "compose/holdline.toml",
        "kubernetes/base/holdline.toml",
        "kubernetes/overlays/topic-checkpoints/holdline.toml",
        "systemd/holdline.toml",
    ] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file);
        let checked =
            Command::new(env!("CARGO_BIN_EXE_holdline")).arg("check").arg("--config").arg(path).output().unwrap();
        assert!(checked.status.success(), "{file}: {}", String::from_utf8_lossy(&checked.stdout));
    }
}

/// Starts a sample with nothing exchanged but addresses, folders, names that belong to this test, and the form of its log,
/// and lets it read.
fn start(file: &str, group: &str, exchanged: &[(&str, &str)]) {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, group, 2);
    let bootstrap = cluster.bootstrap();
    let topics = format!("\"{group}\"]\ngroup = \"{group}\"");
    let own = [(&*format!("\"{TOPIC}\"]"), &*topics)];
    let text = shipped(file, &[&own[..], exchanged].concat());
    // Each names its brokers differently.
    let line = text.lines().find(|line| line.starts_with("brokers = ")).expect("brokers are named").to_owned();
    let text = text.replace(&line, &format!("brokers = \"{bootstrap}\""));
    let line = text.lines().find(|line| line.starts_with("listen = ")).expect("an address is named").to_owned();
    let text = text.replace(&line, "listen = \"127.0.0.1:0\"").replace("format = \"json\"", "format = \"text\"");
    let mut program = Program::start(&text);
    program.until_ready();
    records.tell(0, "first", now_ms(), &offered("billing"));
    records.flush();
    program.until("it reads", |scrape| scrape.sum("holdline_contacts_offered_total", &[("queue", "billing")]) == 1.0);
    program.stop();
}

#[test]
fn the_sample_for_compose_starts() {
    let folder = tempfile::tempdir().unwrap();
    Cluster::shared().create_topic("sample-compose-rejected", 1);
    let letters = [
        ("support-events-rejected", "sample-compose-rejected"),
        ("/var/lib/holdline", folder.path().to_str().unwrap()),
    ];
    start("compose/holdline.toml", "sample-compose", &letters);
    assert!(fs::read_dir(folder.path()).unwrap().next().is_some(), "no checkpoint was written");
}

#[test]
fn the_sample_for_systemd_starts() {
    let folder = tempfile::tempdir().unwrap();
    start("systemd/holdline.toml", "sample-systemd", &[("/var/lib/holdline", folder.path().to_str().unwrap())]);
}

#[test]
fn the_samples_for_kubernetes_start() {
    let folder = tempfile::tempdir().unwrap();
    start("kubernetes/base/holdline.toml", "sample-base", &[("/var/lib/holdline", folder.path().to_str().unwrap())]);
    let own_topic = [("holdline-checkpoints", "sample-checkpoints")];
    start("kubernetes/overlays/topic-checkpoints/holdline.toml", "sample-overlay", &own_topic);
}
