//! What is shipped, read into what tests ask of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A place in `deploy/`.
pub fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(path)
}

/// What a file of `deploy/` holds.
pub fn text(path: &str) -> String {
    read(&deploy(path))
}

/// What a file holds.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder of `deploy/` whose names end so, in order.
pub fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has no file {end}");
    files
}

/// A YAML file.
pub fn yaml<T: DeserializeOwned>(path: &Path) -> T {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rules or alerts of a file.
#[derive(Deserialize)]
pub struct Rules {
    pub groups: Vec<Group>,
}

#[derive(Deserialize)]
pub struct Group {
    pub rules: Vec<Rule>,
}

#[derive(Deserialize)]
pub struct Rule {
    pub record: Option<String>,
    pub alert: Option<String>,
    pub expr: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// All rules and alerts that are shipped.
pub fn rules() -> Vec<Rule> {
    let files = files("prometheus", ".yml").into_iter().filter(|file| !file.ends_with("prometheus.yml"));
    files.flat_map(|file| yaml::<Rules>(&file).groups).flat_map(|group| group.rules).collect()
}

/// The names of alerts.
pub fn alerts() -> BTreeSet<String> {
    rules().into_iter().filter_map(|rule| rule.alert).collect()
}

/// What Holdline exposes: each metric with its type and its labels, as `METRICS.md` lists them.
pub fn metrics() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = text("METRICS.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let metrics = rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ["", name, kind, labels, ..] = cells[..] else { panic!("{row}") };
        let bare = |word: &str| word.trim().trim_matches('`').to_owned();
        let labels = labels.split(',').map(bare).filter(|label| !label.is_empty());
        (bare(name), (kind.to_owned(), labels.collect()))
    });
    let metrics: BTreeMap<_, _> = metrics.collect();
    assert!(metrics.len() > 50, "METRICS.md is not what it was: {}", metrics.len());
    metrics
}
