//! Rules, alerts, routes and the settings of who reads them, by the opinion of Prometheus and Alertmanager.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::files::{alerts, deploy, files, rules, yaml};
use crate::programs::{content, opinion};

#[test]
fn promtool_finds_nothing_wrong_with_the_rules() {
    content(
        &deploy("prometheus"),
        &["promtool", "check", "rules", "--lint=all", "--lint-fatal", "holdline.rules.yml", "holdline.alerts.yml"],
    );
}

#[test]
fn promtool_finds_nothing_wrong_with_the_settings() {
    content(&deploy("prometheus"), &["promtool", "check", "config", "--lint=all", "prometheus.yml"]);
}

#[test]
fn every_alert_fires_when_it_should_and_is_silent_when_it_should() {
    let tests = files("prometheus/tests", "_test.yml");
    let tests: Vec<&str> = tests.iter().map(|file| file.to_str().unwrap()).collect();
    let said = content(&deploy("prometheus/tests"), &[&["promtool", "test", "rules"], &tests[..]].concat());
    assert_eq!(said.matches("SUCCESS").count(), tests.len(), "{said}");
}

#[derive(Deserialize)]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    #[serde(default)]
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    alertname: String,
    #[serde(default)]
    exp_alerts: Vec<serde::de::IgnoredAny>,
}

#[test]
fn every_alert_has_a_case_that_fires_and_one_that_does_not() {
    let mut cases: BTreeMap<String, [bool; 2]> = BTreeMap::new();
    for file in files("prometheus/tests", "_test.yml") {
        for expectation in yaml::<Tests>(&file).tests.into_iter().flat_map(|test| test.alert_rule_test) {
            let case = cases.entry(expectation.alertname).or_default();
            case[usize::from(expectation.exp_alerts.is_empty())] = true;
        }
    }
    let expected: BTreeMap<String, [bool; 2]> = alerts().into_iter().map(|alert| (alert, [true, true])).collect();
    assert_eq!(cases, expected);
}

#[test]
fn amtool_finds_nothing_wrong_with_the_routes() {
    content(&deploy("alertmanager"), &["amtool", "check-config", "alertmanager.yml"]);
}

/// Whom Alertmanager tells of what carries these labels.
fn receiver_of(labels: &[&str]) -> String {
    let ask = ["amtool", "config", "routes", "test", "--config.file=alertmanager.yml"];
    // What comes after it are warnings.
    let said = content(&deploy("alertmanager"), &[&ask[..], labels].concat());
    said.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn pages_wake_somebody_and_nothing_else_does() {
    for rule in rules().iter().filter(|rule| rule.alert.is_some()) {
        let severity = &*rule.labels["severity"];
        let receiver = match severity {
            "page" => "pages",
            "ticket" => "tickets",
            "info" => "nobody",
            other => panic!("{:?} has the severity {other}", rule.alert),
        };
        let labels: Vec<String> = rule.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
        assert_eq!(receiver_of(&labels), receiver, "{:?}", rule.alert);
    }
    assert_eq!(receiver_of(&["alertname=SomebodyElses"]), "tickets");
}

#[test]
fn what_promtool_says_of_a_wrong_rule_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "groups: [{name: wrong, rules: [{record: a, expr: 'sum by (queue) (('}]}]\n";
    std::fs::write(folder.path().join("wrong.yml"), rule).unwrap();
    let (is_content, said) = opinion(folder.path(), &["promtool", "check", "rules", "--lint-fatal", "wrong.yml"]);
    assert!(!is_content, "{said}");
}
