//! Whether what belongs together is there together: alerts and runbooks, rules and their form for Kubernetes, versions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{alerts, deploy, files, read, rules, text};
use crate::programs::content;

/// Where the pages of this repository are.
const RUNBOOKS: &str = "https://github.com/holdline/holdline/blob/main/deploy/runbooks";

#[test]
fn every_alert_says_what_it_is_and_where_its_page_is() {
    for rule in rules().into_iter().filter(|rule| rule.alert.is_some()) {
        let alert = rule.alert.unwrap();
        for label in ["severity", "scope"] {
            assert!(rule.labels.contains_key(label), "{alert} has no {label}");
        }
        for annotation in ["summary", "description"] {
            let says = rule.annotations.get(annotation).is_some_and(|text| !text.is_empty());
            assert!(says, "{alert} has no {annotation}");
        }
        assert_eq!(rule.annotations["runbook_url"], format!("{RUNBOOKS}/{alert}.md"));
        // What holds back all that is said of queues wakes somebody for itself.
        if let Some(blinding) = rule.labels.get("blinding") {
            let labels = [blinding, &rule.labels["scope"], &rule.labels["severity"]].map(String::as_str);
            assert_eq!(labels, ["true", "pipeline", "page"], "{alert}");
        }
    }
}

#[test]
fn there_is_a_page_for_every_alert_and_no_other() {
    let stem = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let pages: BTreeSet<String> = files("runbooks", ".md").iter().map(stem).filter(|name| name != "README").collect();
    assert_eq!(pages, alerts());
    let list = text("runbooks/README.md");
    for alert in alerts() {
        assert!(list.contains(&format!("[{alert}]({alert}.md)")), "{alert} is not in the list of runbooks");
    }
}

#[test]
fn every_page_says_the_same_things_in_the_same_order() {
    let headings =
        ["## What customers live through", "## Look first", "## Do", "## When it is no problem", "## Silence"];
    for file in files("runbooks", ".md").into_iter().filter(|file| !file.ends_with("README.md")) {
        let text = read(&file);
        let found = text.lines().filter(|line| line.starts_with("## "));
        // "Do, by reason" is what to do as well.
        let found: Vec<&str> = found.filter_map(|line| line.split(',').next()).collect();
        assert_eq!(found, headings, "{}", file.display());
        // It is read at three in the morning.
        assert!(text.lines().count() <= 60, "{} is longer than a page", file.display());
    }
}

#[test]
fn pages_link_to_pages_that_there_are() {
    for file in files("runbooks", ".md") {
        let text = read(&file);
        let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        for link in links.filter(|link| !link.starts_with("https://")) {
            let target = file.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{} links to {link}", file.display());
        }
    }
}

#[test]
fn the_rules_for_kubernetes_are_those_of_prometheus() {
    content(&deploy("kubernetes"), &["./prometheus_rule", "--check"]);
}

/// All files of Rust below a folder of the project.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    nested.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// What a part of the program is made of has to be let into the build of the image.
#[test]
fn the_image_is_built_of_all_that_the_program_is_made_of() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignore = text("container/Dockerfile.dockerignore");
    let let_in: Vec<PathBuf> =
        ignore.lines().filter_map(|line| line.strip_prefix('!')).map(|path| project.join(path)).collect();
    let mut included = 0;
    for source in sources(&project.join("src")) {
        for rest in read(&source).split("include_str!(\"").skip(1) {
            let file = source.parent().unwrap().join(rest.split('"').next().unwrap()).canonicalize().unwrap();
            assert!(let_in.iter().any(|path| file.starts_with(path)), "{} is not let in", file.display());
            included += 1;
        }
    }
    assert!(included > 0);
    for line in read(&project.join("Cargo.toml")).lines() {
        if let Some(path) = line.strip_prefix("path = \"").and_then(|rest| rest.split('"').next()) {
            assert!(let_in.iter().any(|let_in| project.join(path).starts_with(let_in)), "{path} is not let in");
        }
    }
}

#[test]
fn versions_are_that_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(text("kubernetes/base/kustomization.yaml").contains(&format!("newTag: {version}\n")));
    let readme = text("README.md");
    for tag in ["holdline:", "newTag: ", "ref=v"] {
        for rest in readme.split(tag).skip(1).filter(|rest| rest.starts_with(|char: char| char.is_ascii_digit())) {
            let named: String = rest.chars().take_while(|char| char.is_ascii_digit() || *char == '.').collect();
            assert_eq!(named, version, "deploy/README.md after {tag:?}");
        }
    }
    let compose = text("compose/compose.yaml");
    let tags = compose.lines().filter_map(|line| line.trim().strip_prefix("image: "));
    for tag in tags.filter(|tag| *tag != "holdline:local") {
        assert!(tag.split(':').nth(1).is_some_and(|tag| tag.contains('.')), "{tag} is not pinned");
    }
}
