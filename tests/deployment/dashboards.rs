//! The dashboards: what they ask, and what every panel says of itself.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::files::{files, read, text};

/// Where an expression is, and what it is, with Grafana's own variables replaced by what they may be.
pub fn expressions(file: &Path) -> Vec<(String, String)> {
    let dashboard = dashboard(file);
    let title = dashboard["title"].as_str().unwrap();
    let mut found = Vec::new();
    for panel in panels(&dashboard) {
        for target in list(panel, "targets") {
            let place = format!("{title}: {}", panel["title"].as_str().unwrap_or_default());
            found.push((place, plain(target["expr"].as_str().unwrap_or_else(|| panic!("{title}: {target}")))));
        }
    }
    for annotation in list(&dashboard["annotations"], "list") {
        if let Some(expression) = annotation["expr"].as_str() {
            found.push((format!("{title}: annotation {}", annotation["name"]), plain(expression)));
        }
    }
    for variable in list(&dashboard["templating"], "list").iter().filter(|variable| variable["type"] == "query") {
        let query = variable["query"]["query"].as_str().unwrap_or_else(|| panic!("{title}: {variable}"));
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(", "));
        let (expression, _) = inner.unwrap_or_else(|| panic!("{title}: {query}"));
        found.push((format!("{title}: variable {}", variable["name"]), plain(expression)));
    }
    found
}

fn plain(expression: &str) -> String {
    let spans = ["[$__rate_interval", "[$__range", "[$__interval", "[$window", "[$span"];
    spans.iter().fold(expression.to_owned(), |text, span| text.replace(span, "[5m"))
}

fn dashboard(file: &Path) -> Value {
    serde_json::from_str(&read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// All panels, those in rows that are folded up included.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let top = list(dashboard, "panels").iter();
    top.flat_map(|panel| std::iter::once(panel).chain(list(panel, "panels"))).collect()
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    for file in files("grafana/dashboards", ".json") {
        let dashboard = dashboard(&file);
        for panel in panels(&dashboard).into_iter().filter(|panel| panel["type"] != "row") {
            let place = format!("{}: {}", file.display(), panel["title"]);
            let says = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            assert!(says(&panel["description"]), "{place} has no description");
            if panel["type"] == "text" {
                continue;
            }
            let usual = says(&panel["fieldConfig"]["defaults"]["unit"]);
            let overrides = list(&panel["fieldConfig"], "overrides").iter();
            let own = overrides.flat_map(|own| list(own, "properties")).any(|property| property["id"] == "unit");
            assert!(usual || own, "{place} has no unit");
            let sources = list(panel, "targets").iter().map(|target| &target["datasource"]);
            for source in sources.filter(|source| !source.is_null()).chain([&panel["datasource"]]) {
                assert_eq!(source["uid"], "${datasource}", "{place} names a data source");
            }
        }
    }
}

#[test]
fn each_has_a_name_of_its_own_and_is_handed_to_kubernetes() {
    let kustomization = text("grafana/kustomization.yaml");
    let mut names = BTreeSet::new();
    for file in files("grafana/dashboards", ".json") {
        let name = dashboard(&file)["uid"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} is there twice");
        let file_name = file.file_name().unwrap().to_str().unwrap();
        assert!(kustomization.contains(&format!("files: [dashboards/{file_name}]")), "{file_name} is not listed");
    }
    assert_eq!(kustomization.matches("files: [").count(), names.len());
}

/// Links between dashboards lead somewhere.
#[test]
fn links_lead_to_dashboards_that_there_are() {
    let files = files("grafana/dashboards", ".json");
    let names: BTreeSet<String> =
        files.iter().map(|file| dashboard(file)["uid"].as_str().unwrap().to_owned()).collect();
    let mut links = 0;
    for file in files {
        for rest in read(&file).split("/d/").skip(1) {
            let name: String = rest.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '-').collect();
            assert!(names.contains(&name), "{} links to {name}", file.display());
            links += 1;
        }
    }
    assert!(links > 0);
}
