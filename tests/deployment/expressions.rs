//! Every expression of rules, alerts, dashboards and runbooks: Prometheus can read it, and what it names is exposed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};

use crate::dashboards;
use crate::files::{files, metrics, read, rules};
use crate::programs::content;

/// What Prometheus and its targets add to every series.
const ADDED: [&str; 2] = ["job", "instance"];

/// What is there without Holdline, with its labels.
const FROM_ELSEWHERE: [(&str, &[&str]); 3] = [
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity", "scope", "blinding", "queue", "channel", "tier", "measure"]),
];

/// An expression and where it is.
struct Place {
    place: String,
    expression: String,
}

fn of_rules() -> Vec<Place> {
    let named = |rule: &crate::files::Rule| rule.record.clone().or(rule.alert.clone()).unwrap();
    rules().into_iter().map(|rule| Place { place: named(&rule), expression: rule.expr }).collect()
}

fn of_dashboards() -> Vec<Place> {
    let dashboards = files("grafana/dashboards", ".json");
    let all = dashboards.iter().flat_map(|file| dashboards::expressions(file));
    all.map(|(place, expression)| Place { place, expression }).collect()
}

/// Each indented line of a runbook that begins as an expression does, with those that go on after it.
fn of_runbooks() -> Vec<Place> {
    let mut places = Vec::new();
    for file in files("runbooks", ".md") {
        for line in read(&file).lines().filter_map(|line| line.strip_prefix("    ")) {
            let line = line.trim();
            let is_command = ["curl", "amtool", "journalctl", "promtool", "kubectl", "systemctl", "holdline "];
            let names = line.contains("holdline_") && !is_command.iter().any(|word| line.starts_with(word));
            if names {
                places.push(Place { place: file.display().to_string(), expression: line.to_owned() });
            }
        }
    }
    assert!(places.len() > 20, "expressions of runbooks are not found: {}", places.len());
    places
}

fn all() -> Vec<Place> {
    [of_rules(), of_dashboards(), of_runbooks()].into_iter().flatten().collect()
}

#[test]
fn prometheus_can_read_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "groups:\n  - name: all\n    rules:\n".to_owned();
    for (number, Place { expression, .. }) in all().iter().enumerate() {
        // JSON is YAML as well.
        let expression = serde_json::to_string(expression).unwrap();
        writeln!(text, "      - record: expression_{number}\n        expr: {expression}").unwrap();
    }
    std::fs::write(folder.path().join("all.yml"), text).unwrap();
    let said = content(folder.path(), &["promtool", "check", "rules", "all.yml"]);
    assert!(said.contains(&format!("{} rules found", all().len())), "{said}");
}

/// All selectors of an expression.
#[derive(Default)]
struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(matrix) => self.0.push(matrix.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

/// The names of all series that there are, with those of their labels by which they can be told apart; none if those are
/// not known.
fn known() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let mut known = BTreeMap::new();
    for (name, (kind, labels)) in metrics() {
        if kind == "histogram" {
            known.insert(format!("{name}_sum"), Some(labels.clone()));
            known.insert(format!("{name}_count"), Some(labels.clone()));
            known.insert(format!("{name}_bucket"), Some(labels.iter().cloned().chain(["le".to_owned()]).collect()));
        }
        known.insert(name, Some(labels));
    }
    for (name, labels) in FROM_ELSEWHERE {
        known.insert(name.to_owned(), Some(labels.iter().map(|label| (*label).to_owned()).collect()));
    }
    for name in rules().into_iter().filter_map(|rule| rule.record) {
        known.insert(name, None);
    }
    known
}

/// What is wrong with what an expression names.
fn unknown(expression: &str, known: &BTreeMap<String, Option<BTreeSet<String>>>) -> Vec<String> {
    let parsed = promql_parser::parser::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut selectors = Selectors::default();
    walk_expr(&mut selectors, &parsed).unwrap();
    let mut unknown = Vec::new();
    for VectorSelector { name, matchers, .. } in selectors.0 {
        let name = name.unwrap_or_else(|| panic!("a selector without a name: {expression}"));
        let Some(labels) = known.get(&name) else {
            unknown.push(name);
            continue;
        };
        let asked = matchers.matchers.iter().map(|matcher| &*matcher.name).filter(|label| *label != "__name__");
        let wrong = asked
            .filter(|label| !ADDED.contains(label))
            .filter(|label| labels.as_ref().is_some_and(|labels| !labels.contains(*label)));
        unknown.extend(wrong.map(|label| format!("{name}{{{label}}}")));
    }
    unknown
}

#[test]
fn they_name_only_what_is_exposed() {
    let known = known();
    let wrong: Vec<String> = all()
        .into_iter()
        .filter_map(|Place { place, expression }| {
            let unknown = unknown(&expression, &known);
            (!unknown.is_empty()).then(|| format!("{place}: {} in {expression}", unknown.join(", ")))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_exposed_is_found() {
    let known = known();
    for (expression, expected) in [
        ("sum by (queue) (holdline_contacts_offered_total)", vec![]),
        ("holdline_wait_seconds_bucket{le=\"20\"}", vec![]),
        ("rate(holdline_contact_offered_total[5m]) / on (job) up", vec!["holdline_contact_offered_total"]),
        (
            "max_over_time(holdline_consumer_lag_records{queue=\"a\"}[5m:1m])",
            vec!["holdline_consumer_lag_records{queue}"],
        ),
    ] {
        assert_eq!(unknown(expression, &known), expected, "{expression}");
    }
}

/// Nothing is recorded that nobody reads.
#[test]
fn what_is_recorded_is_read() {
    let texts: String = all().into_iter().map(|place| place.expression + "\n").collect();
    let annotations: String = rules().into_iter().flat_map(|rule| rule.annotations.into_values()).collect();
    let unread = rules().into_iter().filter_map(|rule| rule.record);
    let unread: Vec<String> =
        unread.filter(|name| !texts.contains(name.as_str()) && !annotations.contains(name)).collect();
    assert!(unread.is_empty(), "{unread:?}");
}
