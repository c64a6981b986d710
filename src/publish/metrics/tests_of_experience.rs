//! What is exposed of ratings and outcomes: those of the small log, and what is absent.

use super::tests::*;
use crate::publish::snapshot::Snapshot;

/// Series of lane "a", each with its further labels and its value, in both windows alike.
fn of_a(series: &[(&str, &str)]) -> Vec<String> {
    let mut lines = Vec::new();
    for window in ["5m", "10m"] {
        for (labels, value) in series {
            let labels = labels.replace("WINDOW", &format!("window=\"{window}\""));
            lines.push(format!("{{{A},{labels}}} {value}"));
        }
    }
    lines
}

#[test]
fn what_was_said_is_counted() {
    let text = text(usual(BY_ALL));
    let of = |lane: &str, label: &str, value: &str| format!("{{{lane},{label}}} {value}");
    let responses = [of(A, "survey=\"csat\"", "3"), of(A, "survey=\"nps\"", "1")];
    check(&text, "holdline_survey_responses_total", &responses);
    let outcomes =
        [of(A, "name=\"complaint\"", "1"), of(A, "name=\"purchase\"", "1"), of(B, "name=\"complaint\"", "1")];
    check(&text, "holdline_outcomes_total", &outcomes);
    check(&text, "holdline_outcome_amount_total", &[of(A, "name=\"purchase\"", "12.5")]);
}

#[test]
fn windows_tell_of_surveys() {
    let text = text(usual(BY_ALL));
    let (csat, nps) = ("survey=\"csat\",WINDOW", "survey=\"nps\",WINDOW");
    for (family, of_csat, of_nps) in [
        ("holdline_window_survey_responses", "2", "1"),
        ("holdline_window_survey_out_of_range", "1", "0"),
        ("holdline_window_survey_score", "3.5", "10"),
    ] {
        check(&text, family, &of_a(&[(csat, of_csat), (nps, of_nps)]));
    }
    check(&text, "holdline_nps", &of_a(&[(nps, "100")]));
    let share = |survey: &str, share: &str| format!("{survey},share=\"{share}\"");
    let shares = [share(csat, "satisfied"), share(csat, "bad"), share(nps, "satisfied"), share(nps, "bad")];
    let shares: Vec<(&str, &str)> = shares.iter().map(String::as_str).zip(["0.5", "0.5", "1", "0"]).collect();
    check(&text, "holdline_window_survey_ratio", &of_a(&shares));
}

#[test]
fn windows_tell_of_outcomes_and_of_the_window_before() {
    let text = text(usual(BY_ALL));
    let line = |lane: &str, name: &str, window: &str, value: &str| {
        format!("{{{lane},name=\"{name}\",window=\"{window}\"}} {value}")
    };
    // The complaint of 08:55 is in the last ten minutes, but was in the five before the last five.
    for (family, in_a) in [
        ("holdline_window_outcomes", ["0", "1", "1", "1"]),
        ("holdline_window_outcomes_before", ["1", "0", "0", "0"]),
        ("holdline_outcome_ratio", ["0", "0.5", "0.5", "0.5"]),
    ] {
        let places = [("complaint", "5m"), ("purchase", "5m"), ("complaint", "10m"), ("purchase", "10m")];
        let mut lines: Vec<String> =
            places.into_iter().zip(in_a).map(|((name, window), value)| line(A, name, window, value)).collect();
        // Nobody was answered there.
        if family != "holdline_outcome_ratio" {
            let value = if family == "holdline_window_outcomes" { "1" } else { "0" };
            lines.extend(["5m", "10m"].map(|window| line(B, "complaint", window, value)));
        }
        check(&text, family, &lines);
    }
    let amounts = ["5m", "10m"].map(|window| line(A, "purchase", window, "12.5"));
    check(&text, "holdline_window_outcome_amount", &amounts);
}

const COUNTS: [&str; 8] = [
    "holdline_survey_responses_total",
    "holdline_outcomes_total",
    "holdline_outcome_amount_total",
    "holdline_window_survey_responses",
    "holdline_window_survey_out_of_range",
    "holdline_window_outcomes",
    "holdline_window_outcomes_before",
    "holdline_window_outcome_amount",
];

const STATEMENTS: [&str; 4] =
    ["holdline_window_survey_ratio", "holdline_window_survey_score", "holdline_nps", "holdline_outcome_ratio"];

#[test]
fn where_nothing_was_said_there_is_nothing() {
    let log: Vec<&str> = LOG.lines().filter(|line| !line.contains("rated") && !line.contains("outcome")).collect();
    let text = text(snapshot(&shards(&log.join("\n"), &settings(), 1), BY_ALL));
    for family in COUNTS.into_iter().chain(STATEMENTS) {
        check(&text, family, &[]);
    }
}

#[test]
fn a_part_of_the_partitions_tells_counts_alone() {
    let text = text(Snapshot { whole: false, ..usual(BY_ALL) });
    assert!(COUNTS.iter().all(|family| !samples(&text, family).is_empty()));
    for family in STATEMENTS {
        check(&text, family, &[]);
    }
    let text = super::tests::text(Snapshot { live: None, ..usual(BY_ALL) });
    for family in COUNTS {
        check(&text, family, &[]);
    }
}

#[test]
fn only_scales_that_are_known_have_shares() {
    let mut settings = settings();
    settings.surveys.remove("nps");
    let text = text(snapshot(&shards(LOG, &settings, 1), BY_ALL));
    check(&text, "holdline_nps", &[]);
    assert_eq!(samples(&text, "holdline_window_survey_ratio").len(), 4);
    assert_eq!(samples(&text, "holdline_window_survey_score").len(), 4);
}

/// Of a contact that was never offered, or is long forgotten.
const OF_NOBODY: &str =
    r#"{"type":"rated","contact_id":"9","queue":"a","survey":"csat","score":4,"time":"2024-01-01T09:01:00Z"}"#;

#[test]
fn an_unknown_lane_has_no_visits() {
    let text = text(snapshot(&shards(OF_NOBODY, &settings(), 1), BY_ALL));
    let unknown = r#"queue="a",channel="_unknown",tier="_unknown""#;
    let families: Vec<&str> =
        text.lines().filter(|line| line.contains(unknown)).map(|line| line.split('{').next().unwrap()).collect();
    let mut expected = vec!["holdline_survey_responses_total"];
    for (family, series) in [
        ("holdline_window_survey_responses", 2),
        ("holdline_window_survey_out_of_range", 2),
        ("holdline_window_survey_satisfied", 2),
        ("holdline_window_survey_bad", 2),
        ("holdline_window_survey_ratio", 4),
        ("holdline_window_survey_score", 2),
    ] {
        expected.extend(vec![family; series]);
    }
    assert_eq!(families, expected);
}

#[test]
fn an_unknown_lane_takes_no_promise_from_its_queue() {
    for reversed in [false, true] {
        let mut shards = [shards(LOG, &settings(), 1), shards(OF_NOBODY, &settings(), 1)].concat();
        if reversed {
            shards.reverse();
        }
        let mut apart = snapshot(&shards, BY_QUEUE);
        let mut views =
            shards.iter().map(|shard| crate::engine::view::View::of(&[shard], apart.now.unwrap(), BY_QUEUE));
        let mut merged = views.next().unwrap();
        views.for_each(|view| merged.merge(view, 10));
        assert_eq!(Some(&merged), apart.live.as_ref());
        apart.live = Some(merged);
        let text = text(apart);
        let goals = promises(&[(r#"queue="a""#, "0.8"), (r#"queue="b""#, "0.8")]);
        check(&text, "holdline_service_level_goal_ratio", &goals);
        assert_eq!(samples(&text, "holdline_window_survey_responses")[0], r#"{queue="a",survey="csat",window="5m"} 3"#);
    }
}
