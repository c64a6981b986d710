//! What is exposed of a small log, line by line, worked out by hand.

use std::sync::Arc;

use prometheus::Registry;
use tokio::sync::watch;

use super::Exposition;
use crate::clock;
use crate::config::{Formulas, Metrics, Staffing};
use crate::engine::board::{GroupBy, GroupKey};
use crate::engine::counted::Counted;
use crate::engine::counters::Counters;
use crate::engine::repeat_board::{RepeatBoard, Told};
use crate::engine::settings::Settings;
use crate::engine::shard::{Keep, Shard};
use crate::engine::view::View;
use crate::event::EventTime;
use crate::event::decode::decode;
use crate::meters::Meters;
use crate::publish::snapshot::{PartitionStatus, Snapshot, TopicStatus};

/// In the queue "a": 1 is answered after 8 s and handled for 20.5 s, 2 answered after 40 s, 3 gives up after 3 s, 4 after
/// 30 s (which displaces an answer told before), 5 leaves after 10 s, 7 is closed after 3 s, 8 waits. In "b", 6 waits. Anna serves "a" all the while, Bert both queues for 45 s;
/// then he is away.
/// 30 s (which displaces an answer told before), 5 leaves after 10 s, 7 is closed after 3 s, 8 waits. In "b", 6 waits. 1 is
/// satisfied and buys something, 2 is not and complains, which 6 does as well.
pub(in crate::publish) const LOG: &str = r#"
{"type":"offered","contact_id":"1","queue":"a","time":"2024-01-01T09:00:03Z","customer_id":"x"}
{"type":"answered","contact_id":"1","time":"2024-01-01T09:00:11Z"}
{"type":"completed","contact_id":"1","time":"2024-01-01T09:00:41Z","talk_seconds":20.5}
{"type":"offered","contact_id":"2","queue":"a","time":"2024-01-01T09:00:05Z"}
{"type":"answered","contact_id":"2","time":"2024-01-01T09:00:45Z"}
{"type":"offered","contact_id":"3","queue":"a","time":"2024-01-01T09:00:10Z"}
{"type":"abandoned","contact_id":"3","time":"2024-01-01T09:00:13Z"}
{"type":"offered","contact_id":"4","queue":"a","time":"2024-01-01T09:00:20Z"}
{"type":"answered","contact_id":"4","time":"2024-01-01T09:00:55Z"}
{"type":"abandoned","contact_id":"4","time":"2024-01-01T09:00:50Z"}
{"type":"offered","contact_id":"5","queue":"a","time":"2024-01-01T09:00:30Z","customer_id":"x"}
{"type":"left","contact_id":"5","reason":"callback","time":"2024-01-01T09:00:40Z"}
{"type":"offered","contact_id":"6","queue":"b","channel":"chat","tier":"gold","time":"2024-01-01T09:01:00Z","customer_id":"y"}
{"type":"offered","contact_id":"7","queue":"a","time":"2024-01-01T09:01:05Z"}
{"type":"completed","contact_id":"7","time":"2024-01-01T09:01:08Z"}
{"type":"offered","contact_id":"8","queue":"a","time":"2024-01-01T09:01:40Z"}
{"type":"agent_state","agent_id":"anna","state":"available","queues":["a"],"time":"2024-01-01T08:59:55Z"}
{"type":"agent_state","agent_id":"anna","state":"busy","time":"2024-01-01T09:00:11Z"}
{"type":"agent_state","agent_id":"anna","state":"wrapup","time":"2024-01-01T09:00:41Z"}
{"type":"agent_state","agent_id":"anna","state":"available","time":"2024-01-01T09:00:46Z"}
{"type":"agent_state","agent_id":"bert","state":"busy","queues":["a","b"],"time":"2024-01-01T09:00:45Z"}
{"type":"agent_state","agent_id":"bert","state":"away","time":"2024-01-01T09:01:30Z"}
{"type":"rated","contact_id":"1","survey":"csat","score":5,"time":"2024-01-01T09:01:00Z"}
{"type":"rated","contact_id":"2","survey":"csat","score":2,"time":"2024-01-01T09:01:00Z"}
{"type":"rated","contact_id":"2","survey":"csat","score":9,"time":"2024-01-01T09:01:10Z"}
{"type":"rated","contact_id":"1","survey":"nps","score":10,"time":"2024-01-01T09:01:00Z"}
{"type":"outcome","contact_id":"1","name":"purchase","amount":12.5,"time":"2024-01-01T09:01:20Z"}
{"type":"outcome","contact_id":"2","name":"complaint","time":"2024-01-01T08:55:00Z"}
{"type":"outcome","contact_id":"6","name":"complaint","time":"2024-01-01T09:01:20Z"}
"#;

/// 2024-01-01T09:01:50Z.
const NOW: EventTime = EventTime::from_millis(1_704_099_710_000).unwrap();

pub(in crate::publish) const BY_ALL: GroupBy = GroupBy { queue: true, channel: true, tier: true };
pub(in crate::publish) const BY_QUEUE: GroupBy = GroupBy { queue: true, channel: false, tier: false };
pub(super) const BY_NOTHING: GroupBy = GroupBy { queue: false, channel: false, tier: false };

pub(super) const A: &str = r#"queue="a",channel="voice",tier="standard""#;
pub(super) const B: &str = r#"queue="b",channel="chat",tier="gold""#;

pub(in crate::publish) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.windows.retain(|window| ["5m", "10m"].contains(&&*window.name));
    settings
}

/// The log over so many shards, no two of which share a contact or an agent.
pub(in crate::publish) fn shards(log: &str, settings: &Settings, count: usize) -> Vec<Shard> {
    let settings = Arc::new(settings.clone());
    let mut shards = vec![Shard::new(settings, Keep::Windows); count];
    for line in log.lines().filter(|line| !line.is_empty()) {
        let who = line.split(r#"_id":""#).nth(1).unwrap().as_bytes()[0];
        shards[usize::from(who) % count].apply(&decode(line.as_bytes(), 1000).unwrap());
    }
    shards
}

/// All that these shards say, caught up, with every partition held.
pub(in crate::publish) fn snapshot(shards: &[Shard], by: GroupBy) -> Snapshot {
    let all: Vec<&Shard> = shards.iter().collect();
    let mut snapshot = Snapshot::starting(clock::monotonic());
    snapshot.now = Some(NOW);
    snapshot.live = Some(View::of(&all, NOW, by));
    let mut repeats = RepeatBoard::new(all[0].settings());
    for (number, shard) in (0..).zip(shards) {
        repeats.apply(number, &shard.clone().take_customer_changes(by), Told::News);
        snapshot.tracked_past_contacts += shard.past_contacts() as u64;
    }
    snapshot.repeats = Some(repeats.view(NOW));
    snapshot.withheld.clear();
    snapshot.whole = true;
    snapshot.state_complete = true;
    snapshot.checkpointed = Some(NOW);
    for shard in shards {
        snapshot.counted.add(&Counted::of(shard, by));
    }
    let status = TopicStatus { partitions: Some(2), newest_event: shards[0].stream_time() };
    snapshot.topics.insert("calls".to_owned(), status);
    let caught_up = PartitionStatus { caught_up: true, lag_records: Some(0) };
    snapshot.partitions.insert(("calls".to_owned(), 0), caught_up);
    snapshot.partitions.insert(("calls".to_owned(), 1), PartitionStatus { lag_records: Some(12), ..caught_up });
    (snapshot.tracked_contacts, snapshot.tracked_lanes, snapshot.tracked_agents) = (8, 2, 2);
    snapshot
}

/// A snapshot of the log in one shard.
pub(in crate::publish) fn usual(by: GroupBy) -> Snapshot {
    snapshot(&shards(LOG, &settings(), 1), by)
}

pub(in crate::publish) fn exposition(
    snapshot: Snapshot,
    settings: &Settings,
    formulas: Formulas,
) -> (watch::Sender<Arc<Snapshot>>, Meters, Exposition) {
    let (sender, latest) = watch::channel(Arc::new(snapshot));
    let registry = Registry::new();
    let meters = Meters::register(&registry).unwrap();
    let exposition =
        Exposition::new(registry, latest, settings, &Metrics { formulas, ..Metrics::default() }, Staffing::default())
            .unwrap();
    (sender, meters, exposition)
}

pub(super) fn text_by(snapshot: Snapshot, formulas: Formulas) -> String {
    let now = snapshot.made_at;
    exposition(snapshot, &settings(), formulas).2.text(now)
}

pub(super) fn text(snapshot: Snapshot) -> String {
    text_by(snapshot, Formulas::Headline)
}

/// The samples of a family, without its name.
pub(super) fn samples<'t>(text: &'t str, family: &str) -> Vec<&'t str> {
    let samples = text.lines().filter_map(|line| line.strip_prefix(family));
    samples.filter(|rest| rest.starts_with(['{', ' '])).map(str::trim_start).collect()
}

pub(super) fn check(text: &str, family: &str, expected: &[String]) {
    assert_eq!(samples(text, family), expected, "{family}");
}

#[test]
fn counters_are_those_of_the_log() {
    let text = text(usual(BY_ALL));
    for (family, of_a, of_b) in [
        ("offered", 7, 1),
        // One of them was taken back.
        ("answered", 3, 0),
        ("answered_within_target", 1, 0),
        ("abandoned", 2, 0),
        ("abandoned_within_target", 1, 0),
        ("short_abandoned", 1, 0),
        ("completed", 1, 0),
    ] {
        let expected = [format!("{{{A}}} {of_a}"), format!("{{{B}}} {of_b}")];
        check(&text, &format!("holdline_contacts_{family}_total"), &expected);
    }
    let mut left = Vec::new();
    for lane in [A, B] {
        for reason in ["callback", "key", "overflow", "timeout", "transfer", "voicemail", "withdrawn", "closed"] {
            let count = u64::from(lane == A && ["callback", "closed"].contains(&reason));
            left.push(format!("{{{lane},reason=\"{reason}\"}} {count}"));
        }
    }
    check(&text, "holdline_contacts_left_total", &left);
    let cells = ["offered", "answered", "answered_within", "abandoned", "abandoned_within", "abandoned_short", "left"];
    let corrections = cells.map(|cell| (cell, u64::from(cell == "answered"))).into_iter().chain([
        ("completed", 0),
        ("resolved", 0),
        ("reopened", 0),
        ("survey_responses", 0),
        ("outcomes", 0),
        ("outcome_amount", 0),
        ("wait_seconds", 1),
        ("wait_seconds_sum", 35),
        ("handle_seconds", 0),
        ("handle_seconds_sum", 0),
        ("first_reply_seconds", 0),
        ("first_reply_seconds_sum", 0),
        ("resolution_seconds", 0),
        ("resolution_seconds_sum", 0),
    ]);
    let corrections: Vec<_> = corrections.map(|(cell, count)| format!("{{cell=\"{cell}\"}} {count}")).collect();
    check(&text, "holdline_corrections_total", &corrections);
}

/// Checks the histogram of a family: each as its labels, how many are within each bound, and the sum.
fn check_histograms(text: &str, family: &str, bounds: &[&str], histograms: &[(String, &[u64], &str)]) {
    let mut buckets = Vec::new();
    for (labels, within, _) in histograms {
        assert_eq!(within.len(), bounds.len() + 1);
        for (bound, count) in bounds.iter().chain(&["+Inf"]).zip(*within) {
            buckets.push(format!("{{{labels},le=\"{bound}\"}} {count}"));
        }
    }
    check(text, &format!("{family}_bucket"), &buckets);
    let sums: Vec<_> = histograms.iter().map(|(labels, _, sum)| format!("{{{labels}}} {sum}")).collect();
    check(text, &format!("{family}_sum"), &sums);
    let counts = histograms.iter().map(|(labels, within, _)| format!("{{{labels}}} {}", within.last().unwrap()));
    check(text, &format!("{family}_count"), &counts.collect::<Vec<_>>());
}

#[test]
fn histograms_are_those_of_the_log() {
    let mut settings = settings();
    settings.promises[0].1.queues.entry("b".to_owned()).or_default().all.answer_within_ms = Some(7_999);
    let of_log = snapshot(&shards(LOG, &settings, 1), BY_ALL);
    let now = of_log.made_at;
    let text = exposition(of_log, &settings, Formulas::Headline).2.text(now);
    assert!(text.contains("# TYPE holdline_wait_seconds histogram\n"));
    let of = |lane: &str, outcome: &str| format!("{lane},outcome=\"{outcome}\"");
    let bounds = ["1", "5", "7.999", "10", "20", "30", "60", "120", "300", "600", "1800", "3600", "14400", "86400"];
    let waits: [(String, &[u64], &str); 4] = [
        // One of them was taken back.
        (of(A, "answered"), &[0, 0, 0, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3], "83"),
        (of(B, "answered"), &[0; 15], "0"),
        (of(A, "abandoned"), &[0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], "33"),
        (of(A, "left"), &[0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2], "13"),
    ];
    check_histograms(&text, "holdline_wait_seconds", &bounds, &waits);
    let bounds = ["10", "30", "60", "120", "180", "300", "600", "900", "1800", "3600", "14400", "86400"];
    let handled = [(A.to_owned(), &[0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1][..], "20.5")];
    check_histograms(&text, "holdline_handle_seconds", &bounds, &handled);
    check(&text, "holdline_first_reply_seconds_count", &[]);
}

/// What is promised to lanes, on the wait and, as nothing else is said, on the contact wait.
pub(super) fn promises(lanes: &[(&str, &str)]) -> Vec<String> {
    let of_lane = |(lane, promised): &(&str, &str)| {
        ["wait", "contact_wait"].map(|measure| format!("{{{lane},measure=\"{measure}\"}} {promised}"))
    };
    lanes.iter().flat_map(of_lane).collect()
}

#[test]
fn who_waits_and_what_is_promised() {
    let text = text(usual(BY_ALL));
    for (family, of_a, of_b) in [
        ("holdline_contacts_waiting", "1", "1"),
        ("holdline_contacts_waiting_over_target", "0", "1"),
        ("holdline_oldest_waiting_timestamp_seconds", "1704099700", "1704099660"),
        ("holdline_contacts_in_service", "1", "0"),
        ("holdline_contacts_active", "2", "1"),
    ] {
        check(&text, family, &[format!("{{{A}}} {of_a}"), format!("{{{B}}} {of_b}")]);
    }
    for (family, promised) in [("goal_ratio", "0.8"), ("target_seconds", "20"), ("min_contacts", "20")] {
        check(&text, &format!("holdline_service_level_{family}"), &promises(&[(A, promised), (B, promised)]));
    }
}

#[test]
fn windows_have_cells_and_levels() {
    let text = text(usual(BY_ALL));
    let in_all_windows = |of_a: &str, of_b: &str, more: &str| {
        let mut lines = Vec::new();
        for (lane, value) in [(A, of_a), (B, of_b)] {
            for window in ["5m", "10m"] {
                for measure in ["wait", "contact_wait"] {
                    lines.push(format!("{{{lane},window=\"{window}\",measure=\"{measure}\"{more}}} {value}"));
                }
            }
        }
        lines
    };
    for (family, of_a, of_b) in [
        ("decided", "6", "1"),
        ("answered_within", "1", "0"),
        ("abandoned_within", "1", "0"),
        ("short_abandoned", "1", "0"),
        ("left_within", "2", "0"),
        ("overdue", "2", "1"),
        ("offered", "7", "1"),
        ("answered", "2", "0"),
        ("abandoned", "2", "0"),
        ("left", "2", "0"),
    ] {
        check(&text, &format!("holdline_window_{family}"), &in_all_windows(of_a, of_b, ""));
    }
    check(&text, "holdline_service_level_ratio", &in_all_windows("0.25", "0", r#",formula="offered""#));
}

#[test]
fn quantiles_are_told_where_a_window_has_them() {
    let text = text(usual(BY_ALL));
    let mut waits = Vec::new();
    for measure in ["wait", "contact_wait"] {
        // The lower one of two in each: the upper end of its cell, 1, 2 or 4 ms wide. The higher one is the maximum.
        for (outcome, lower, higher) in
            [("answered", "8.003", "40"), ("abandoned", "3.001", "30"), ("left", "3.001", "10")]
        {
            for q in ["0.5", "0.9", "0.95", "0.99", "0.999", "max"] {
                let value = if q == "0.5" { lower } else { higher };
                waits.push(format!(
                    "{{{A},window=\"5m\",measure=\"{measure}\",outcome=\"{outcome}\",q=\"{q}\"}} {value}"
                ));
            }
        }
    }
    check(&text, "holdline_window_wait_seconds", &waits);
    let handle =
        ["0.5", "0.9", "0.95", "0.99", "0.999", "max"].map(|q| format!("{{{A},window=\"5m\",q=\"{q}\"}} 20.5"));
    check(&text, "holdline_window_handle_seconds", &handle);
}

#[test]
fn agents_are_told_by_queue_and_state() {
    let text = text(usual(BY_ALL));
    let in_all_states = |of_a: [u64; 4], of_b: [u64; 4], windows: &[&str]| {
        let mut lines = Vec::new();
        for (queue, values) in [("a", of_a), ("b", of_b)] {
            for window in windows {
                for (state, value) in ["available", "away", "busy", "wrapup"].into_iter().zip(values) {
                    lines.push(format!("{{queue=\"{queue}\",state=\"{state}\"{window}}} {value}"));
                }
            }
        }
        lines
    };
    check(&text, "holdline_agents", &in_all_states([1, 1, 0, 0], [0, 1, 0, 0], &[""]));
    let windows = [r#",window="5m""#, r#",window="10m""#];
    check(&text, "holdline_window_agent_seconds", &in_all_states([80, 20, 75, 5], [0, 20, 45, 0], &windows));
    for (family, of_a, of_b) in
        [("holdline_occupancy_ratio", "0.5", "1"), ("holdline_contacts_handled_per_agent_hour", "22.5", "0")]
    {
        let lines = [("a", of_a), ("b", of_b)].map(|(queue, value)| {
            ["5m", "10m"].map(|window| format!("{{queue=\"{queue}\",window=\"{window}\"}} {value}"))
        });
        check(&text, family, &lines.concat());
    }
    for agent in ["anna", "bert"] {
        assert!(!text.contains(agent), "{agent} is named");
    }
}

#[test]
fn lanes_that_are_not_told_apart_are_added_up() {
    let by_queue = text(usual(BY_QUEUE));
    check(
        &by_queue,
        "holdline_contacts_offered_total",
        &[r#"{queue="a"} 7"#.to_owned(), r#"{queue="b"} 1"#.to_owned()],
    );
    let together = text(usual(BY_NOTHING));
    assert_eq!(samples(&by_queue, "holdline_agents").len(), 8);
    // Bert would count twice.
    check(&together, "holdline_agents", &[]);
    check(&together, "holdline_contacts_offered_total", &["8".to_owned()]);
    check(&together, "holdline_oldest_waiting_timestamp_seconds", &["1704099660".to_owned()]);
    assert_eq!(
        samples(&together, "holdline_service_level_ratio")[0],
        r#"{window="5m",measure="wait",formula="offered"} 0.2"#
    );
}

#[test]
fn shards_may_be_viewed_apart() {
    let (one, three) = (shards(LOG, &settings(), 1), shards(LOG, &settings(), 3));
    let mut views = three.iter().map(|shard| View::of(&[shard], NOW, BY_QUEUE));
    let mut merged = views.next().unwrap();
    views.for_each(|view| merged.merge(view, 10));
    let mut snapshot_of_three = snapshot(&three, BY_QUEUE);
    snapshot_of_three.topics.clone_from(&snapshot(&one, BY_QUEUE).topics);
    snapshot_of_three.live = Some(merged);
    let only_lanes = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("holdline_") && line.contains("queue="));
        lines.map(str::to_owned).collect()
    };
    let of_three = only_lanes(text(snapshot_of_three));
    assert!(of_three.len() > 100, "{}", of_three.len());
    assert_eq!(of_three, only_lanes(text(snapshot(&one, BY_QUEUE))));
}

#[test]
fn labels_may_hold_anything() {
    let log = r#"{"type":"offered","contact_id":"1","queue":"a\"b\\c\nd\u007b😀","time":"2024-01-01T09:01:35Z"}"#;
    let mut snapshot = snapshot(&shards(log, &settings(), 1), BY_QUEUE);
    let unnamed = GroupKey { queue: Some(String::new()), ..GroupKey::default() };
    snapshot.counted.counters.insert(unnamed, Counters::default());
    let expected = [r#"{queue=""} 0"#, r#"{queue="a\"b\\c\nd{😀"} 1"#].map(str::to_owned);
    check(&text(snapshot), "holdline_contacts_offered_total", &expected);
}

#[test]
fn the_service_tells_of_itself() {
    let text = text(usual(BY_ALL));
    for (family, expected) in [
        ("holdline_state_complete", "1"),
        ("holdline_view_timestamp_seconds", "1704099710"),
        ("holdline_newest_event_timestamp_seconds", r#"{topic="calls"} 1704099700"#),
        ("holdline_topic_partitions", r#"{topic="calls"} 2"#),
        ("holdline_partitions_assigned", "2"),
        ("holdline_partitions_caught_up", "2"),
        ("holdline_tracked_contacts", "8"),
        ("holdline_tracked_lanes", "2"),
        ("holdline_tracked_agents", "2"),
        ("holdline_rebalances_total", "0"),
    ] {
        check(&text, family, &[expected.to_owned()]);
    }
    let lag = [r#"{topic="calls",partition="0"} 0"#, r#"{topic="calls",partition="1"} 12"#].map(str::to_owned);
    check(&text, "holdline_consumer_lag_records", &lag);
    check(&text, "holdline_build_info", &[format!("{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn a_lane_of_which_nothing_was_counted_starts_at_0() {
    let text = text(Snapshot { counted: Counted::default(), ..usual(BY_QUEUE) });
    let expected = [r#"{queue="a"} 0"#, r#"{queue="b"} 0"#].map(str::to_owned);
    check(&text, "holdline_contacts_offered_total", &expected);
}
