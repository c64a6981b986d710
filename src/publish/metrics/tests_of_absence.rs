//! What is not exposed: what nobody knows, what may not be shown, what is too old.

use std::sync::Arc;
use std::time::Duration;

use super::tests::*;
use crate::clock;
use crate::config::Formulas;
use crate::engine::settings::PromiseOverlay;
use crate::engine::tally::Formula;
use crate::publish::formats::Format;
use crate::publish::snapshot::Snapshot;
use crate::publish::withheld::Withheld;

#[test]
fn nothing_judged_is_no_level() {
    // Nobody's target has expired 15 s after the first offer, and nobody was answered.
    let log = r#"{"type":"offered","contact_id":"1","queue":"a","time":"2024-01-01T09:01:35Z"}"#;
    let text = text(snapshot(&shards(log, &settings(), 1), BY_ALL));
    check(&text, "holdline_service_level_ratio", &[]);
    check(&text, "holdline_window_wait_seconds", &[]);
    assert_eq!(samples(&text, "holdline_window_decided").len(), 4);
    assert!(!text.contains("NaN"));
}

#[test]
fn nobody_there_is_no_occupancy() {
    let log = r#"
{"type":"agent_state","agent_id":"1","state":"away","queues":["a"],"time":"2024-01-01T09:01:00Z"}
{"type":"agent_state","agent_id":"1","state":"offline","time":"2024-01-01T09:01:30Z"}"#;
    let text = text(snapshot(&shards(log, &settings(), 1), BY_QUEUE));
    // A queue that nobody serves any more has nobody, which can be alerted on.
    let nobody = ["available", "away", "busy", "wrapup"].map(|state| format!(r#"{{queue="a",state="{state}"}} 0"#));
    check(&text, "holdline_agents", &nobody);
    assert_eq!(samples(&text, "holdline_window_agent_seconds")[1], r#"{queue="a",state="away",window="5m"} 30"#);
    check(&text, "holdline_occupancy_ratio", &[]);
    check(&text, "holdline_contacts_handled_per_agent_hour", &[]);
    assert!(!text.contains("NaN"));
}

#[test]
fn nobody_waiting_is_no_oldest() {
    let log = LOG.lines().filter(|line| !line.contains(r#""contact_id":"8""#)).collect::<Vec<_>>().join("\n");
    let text = text(snapshot(&shards(&log, &settings(), 1), BY_ALL));
    check(&text, "holdline_oldest_waiting_timestamp_seconds", &[format!("{{{B}}} 1704099660")]);
    check(&text, "holdline_contacts_waiting", &[format!("{{{A}}} 0"), format!("{{{B}}} 1")]);
}

#[test]
fn lanes_that_do_not_agree_have_no_goal_of_all() {
    let mut settings = settings();
    let gold = PromiseOverlay {
        answer_within_ms: Some(15_000),
        goal: Some(0.9),
        formula: Some(Formula::AnsweredOnly),
        min_contacts: Some(5),
        ..PromiseOverlay::default()
    };
    settings.promises[0].1.service.tier.insert("gold".to_owned(), gold);
    let shards = shards(LOG, &settings, 1);
    let apart = text(snapshot(&shards, BY_ALL));
    check(&apart, "holdline_service_level_goal_ratio", &promises(&[(A, "0.8"), (B, "0.9")]));
    check(&apart, "holdline_service_level_target_seconds", &promises(&[(A, "20"), (B, "15")]));
    check(&apart, "holdline_service_level_min_contacts", &promises(&[(A, "20"), (B, "5")]));
    let together = text(snapshot(&shards, BY_NOTHING));
    for family in ["goal_ratio", "target_seconds", "min_contacts", "ratio"] {
        check(&together, &format!("holdline_service_level_{family}"), &[]);
    }
    assert_eq!(samples(&together, "holdline_window_decided")[0], r#"{window="5m",measure="wait"} 7"#);
    let all = text_by(snapshot(&shards, BY_NOTHING), Formulas::All);
    // Two windows, two measures, eight formulas.
    assert_eq!(samples(&all, "holdline_service_level_ratio").len(), 32);
    assert!(
        all.contains(
            r#"holdline_service_level_ratio{window="5m",measure="wait",formula="removed_within"} 0.571428571"#
        )
    );
}

/// Whether anything is told of a lane.
fn tells_of_lanes(text: &str) -> bool {
    text.lines().any(|line| line.contains("queue=") || line.starts_with("holdline_service_level"))
}

fn reason_that_applies(text: &str) -> Vec<&str> {
    samples(text, "holdline_lanes_withheld").into_iter().filter(|sample| sample.ends_with(" 1")).collect()
}

#[test]
fn what_is_withheld_is_gone_at_once() {
    let shown = usual(BY_ALL);
    let now = shown.made_at;
    let (sender, _, exposition) = exposition(shown.clone(), &settings(), Formulas::Headline);
    let text = exposition.text(now);
    assert!(tells_of_lanes(&text));
    assert_eq!(samples(&text, "holdline_lanes_withheld").len(), Withheld::NAMES.len());
    assert_eq!(reason_that_applies(&text), [""; 0]);
    let behind = vec![Withheld::NotCaughtUp(vec![("calls".to_owned(), 1)])];
    let mut withheld = Snapshot { live: None, withheld: behind, ..shown };
    withheld.partitions.get_mut(&("calls".to_owned(), 1)).unwrap().caught_up = false;
    sender.send_replace(Arc::new(withheld));
    let text = exposition.text(now);
    assert!(!tells_of_lanes(&text));
    assert_eq!(reason_that_applies(&text), [r#"{reason="not_caught_up"} 1"#]);
    check(&text, "holdline_partitions_caught_up", &["1".to_owned()]);
}

#[test]
fn what_is_too_old_is_not_shown() {
    let shown = usual(BY_ALL);
    let made_at = shown.made_at;
    let (_sender, _, exposition) = exposition(shown, &settings(), Formulas::Headline);
    let at = |later: Duration| exposition.text(made_at + later);
    let longest = at(Snapshot::LONGEST_SHOWN);
    assert!(tells_of_lanes(&longest));
    check(&longest, "holdline_partitions_caught_up", &["2".to_owned()]);
    let stale = at(Snapshot::LONGEST_SHOWN + Duration::from_millis(1));
    assert!(!tells_of_lanes(&stale));
    assert_eq!(reason_that_applies(&stale), [r#"{reason="stale"} 1"#]);
    check(&stale, "holdline_partitions_caught_up", &["0".to_owned()]);
    check(&stale, "holdline_consumer_lag_records", &[]);
    check(&stale, "holdline_view_timestamp_seconds", &["1704099710".to_owned()]);
    // A clock that is asked a little late by another thread.
    assert!(tells_of_lanes(&exposition.text(made_at.checked_sub(Duration::from_millis(1)).unwrap())));
}

#[test]
fn a_part_of_the_partitions_says_nothing_of_whole_queues() {
    let text = text(Snapshot { whole: false, ..usual(BY_ALL) });
    for family in [
        "holdline_service_level_ratio",
        "holdline_window_wait_seconds",
        "holdline_window_handle_seconds",
        "holdline_occupancy_ratio",
        "holdline_contacts_handled_per_agent_hour",
    ] {
        check(&text, family, &[]);
    }
    assert_eq!(samples(&text, "holdline_window_decided").len(), 8);
    assert_eq!(samples(&text, "holdline_window_agent_seconds").len(), 16);
    assert_eq!(samples(&text, "holdline_service_level_goal_ratio").len(), 4);
}

#[test]
fn a_service_that_has_read_nothing_tells_of_itself() {
    let text = text(Snapshot::starting(clock::monotonic()));
    assert!(!tells_of_lanes(&text));
    assert_eq!(reason_that_applies(&text), [r#"{reason="starting"} 1"#]);
    check(&text, "holdline_state_complete", &["0".to_owned()]);
    check(&text, "holdline_view_timestamp_seconds", &[]);
    check(&text, "holdline_corrections_total", &[]);
}

#[test]
fn a_snapshot_is_written_once() {
    let shown = usual(BY_ALL);
    let now = shown.made_at;
    let (sender, meters, exposition) = exposition(shown.clone(), &settings(), Formulas::Headline);
    exposition.text(now);
    // Whatever is written over the text of the snapshot stays, as long as it is the latest one.
    let mark = "# marked\n";
    if let Some(page) = exposition.written.lock().unwrap().plain.get_mut(&Format::Text) {
        page.extend_from_slice(mark.as_bytes());
    }
    meters.rebalances.inc();
    let again = exposition.text(now);
    assert!(again.contains(mark));
    check(&again, "holdline_rebalances_total", &["1".to_owned()]);
    sender.send_replace(Arc::new(shown));
    assert!(!exposition.text(now).contains(mark));
}
