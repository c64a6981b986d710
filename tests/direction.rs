//! Which module may know which: the engine knows events and itself, events know nothing else. Kept by reading `use`
//! lines, so that a wrong turn is seen when it is taken.

use std::fs;
use std::path::{Path, PathBuf};

/// Folder, what of this crate it may name, and which other crates.
const ALLOWED: [(&str, &[&str], &[&str]); 11] = [
    (
        "src/engine",
        &["engine", "event"],
        &[
            "arrayvec",
            "compact_str",
            "hashbrown",
            "hdrhistogram",
            "jiff",
            "proptest",
            "rapidhash",
            "serde",
            "siphasher",
            "smallvec",
            "thiserror",
        ],
    ),
    ("src/event", &["event"], &["serde", "serde_json", "memchr", "jiff", "proptest"]),
    // What is usual and what load takes know of nothing but numbers and dates.
    ("src/surge", &["surge"], &["jiff", "libm", "proptest", "serde", "thiserror"]),
    ("src/staffing", &["staffing"], &["libm", "proptest", "thiserror"]),
    // A report says what files held, so it knows their reader; what is live is handed in as a snapshot.
    (
        "src/publish",
        &["publish", "engine", "surge", "staffing", "event", "config", "clock", "meters", "source"],
        &[
            "axum",
            "base64",
            "bcrypt",
            "flate2",
            "hdrhistogram",
            "hyper",
            "jiff",
            "mediatype",
            "prometheus",
            "rcgen",
            "roxmltree",
            "rustls",
            "serde",
            "serde_json",
            "smallvec",
            "thiserror",
            "tokio",
            "tokio_rustls",
        ],
    ),
    (
        "src/source/kafka",
        &["source", "checkpoint", "kafka", "engine", "event", "config", "clock", "meters", "log"],
        &["prometheus", "rdkafka", "serde_json", "thiserror", "tokio"],
    ),
    // It keeps what it is given; when, and of what, is for others to know.
    (
        "src/checkpoint",
        &["engine", "kafka", "config", "clock", "event"],
        &["percent_encoding", "postcard", "rdkafka", "serde", "thiserror", "tokio", "zstd"],
    ),
    (
        "src/config",
        &["config", "engine", "event"],
        &["bcrypt", "icalendar", "jiff", "rdkafka", "serde", "strsim", "toml", "tracing_subscriber"],
    ),
    // Of the engine only its words: what checks it must not be made of it.
    ("src/model", &["event", "engine::settings", "engine::tally", "engine::calendar"], &[]),
    (
        "src/verify",
        &[
            "verify",
            "model",
            "publish",
            "source",
            "kafka",
            "config",
            "event",
            "clock",
            "engine::settings",
            "engine::tally",
        ],
        &["rdkafka", "thiserror"],
    ),
    ("src/simulate", &["simulate", "event"], &["jiff", "libm", "rand_pcg", "thiserror", "serde_json"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// What is wrong with one line of a file, if anything.
fn wrong_turn(line: &str, own: &[&str], others: &[&str]) -> Option<String> {
    let named = line.trim_start().strip_prefix("use ")?;
    let first = named.split([':', ';', ' ', '{']).next()?;
    match first {
        "std" | "super" | "self" => None,
        "crate" => {
            let module = named.strip_prefix("crate::")?;
            let is_in = |allowed: &str| {
                module.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', ';']))
            };
            (!own.iter().any(|allowed| is_in(allowed))).then(|| format!("names crate::{module}"))
        }
        other if others.contains(&other) => None,
        // Names in scope, such as the items of an enum.
        other if other.starts_with(char::is_uppercase) => None,
        other => Some(format!("names {other}")),
    }
}

#[test]
fn modules_know_only_what_they_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for (folder, own, others) in ALLOWED {
        let files = sources(&root.join(folder));
        assert!(files.len() > 3, "{folder} has moved");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let turns = text.lines().filter_map(|line| wrong_turn(line, own, others));
            wrong.extend(turns.map(|turn| format!("{}: {turn}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_that_is_published_comes_from_the_model() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let may = ["model", "verify", "cli"].map(|folder| source.join(folder));
    let files = sources(&source);
    let others = files.iter().filter(|file| !may.iter().any(|folder| file.starts_with(folder)));
    let names_it = |file: &&PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        text.lines().any(|line| line.trim_start().starts_with("use crate::model"))
    };
    assert_eq!(others.filter(names_it).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

#[test]
fn a_wrong_turn_is_seen() {
    assert!(wrong_turn("use crate::engine::shard::Shard;", &["event", "engine::settings"], &[]).is_some());
    assert!(wrong_turn("use crate::engine::settings::SKEW_MS;", &["event", "engine::settings"], &[]).is_none());
    assert!(wrong_turn("use crate::engine::{settings, shard};", &["event", "engine::settings"], &[]).is_some());
    assert!(wrong_turn("use crate::config::Config;", &["engine"], &[]).is_some());
    assert!(wrong_turn("    use tokio::net::TcpListener;", &["engine"], &[]).is_some());
    assert!(wrong_turn("use crate::engine::fact::Fact;", &["engine"], &[]).is_none());
}
