//! Events become numbers: those that were there before the start and those that come after it.

use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ABANDONED, ANSWERED, Records, completed, left, now_ms, offered, seconds_ago};
use crate::scrape::Scrape;

/// What a window of five minutes says.
type Windowed<'e> = [(&'e str, f64)];

fn expect_window(scrape: &Scrape, measure: &str, expected: &Windowed<'_>) {
    let labels =
        [("queue", "billing"), ("channel", "voice"), ("tier", "standard"), ("window", "5m"), ("measure", measure)];
    let names: Vec<String> = expected.iter().map(|(cell, _)| format!("holdline_window_{cell}")).collect();
    let expected = names.iter().zip(expected).map(|(name, (_, value))| (name.as_str(), &labels[..], Some(*value)));
    scrape.expect(&expected.collect::<Vec<_>>());
}

fn expect_counters(scrape: &Scrape, expected: &[(&str, f64)]) {
    let names: Vec<String> = expected.iter().map(|(cell, _)| format!("holdline_contacts_{cell}_total")).collect();
    let labels = [("queue", "billing"), ("channel", "voice"), ("tier", "standard")];
    let expected = names.iter().zip(expected).map(|(name, (_, value))| (name.as_str(), &labels[..], Some(*value)));
    scrape.expect(&expected.collect::<Vec<_>>());
}

#[test]
fn events_before_and_after_the_start_are_counted() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "consume", 4);
    let begin = seconds_ago(120);
    let at = |seconds: u64| begin + seconds * 1_000;
    let seconds = |at: u64| at as f64 / 1_000.0;
    let billing = offered("billing");

    // In time; too late; gone after 3 s; gone after 30 s; called back; waiting.
    for (partition, contact, time, what) in [
        (0, "c1", 0, &billing),
        (0, "c1", 10, &ANSWERED.to_owned()),
        (0, "c1", 40, &completed(20.0, 5.0)),
        (1, "c2", 1, &billing),
        (1, "c2", 31, &ANSWERED.to_owned()),
        (2, "c3", 2, &billing),
        (2, "c3", 5, &ABANDONED.to_owned()),
        (3, "c4", 3, &billing),
        (3, "c4", 33, &ABANDONED.to_owned()),
        (0, "c5", 4, &billing),
        (0, "c5", 14, &left("callback")),
        (1, "c6", 5, &billing),
    ] {
        records.tell(partition, contact, at(time), what);
    }
    records.flush();

    let mut program = Program::start(&config(&cluster.bootstrap(), "consume", "consume", &[]));
    let scrape = program.until_ready();
    let cells: &Windowed<'_> = &[
        ("offered", 6.0),
        ("answered", 2.0),
        ("answered_within", 1.0),
        ("abandoned", 2.0),
        ("abandoned_within", 1.0),
        ("short_abandoned", 1.0),
        ("left", 1.0),
        ("left_within", 1.0),
        ("overdue", 3.0),
    ];
    expect_window(&scrape, "wait", cells);
    // Nobody was passed on, so the whole contacts say the same.
    expect_window(&scrape, "contact_wait", cells);
    // All of it was there before: history moves no counter.
    expect_counters(&scrape, &[("offered", 0.0), ("answered", 0.0), ("abandoned", 0.0), ("completed", 0.0)]);
    assert_eq!(scrape.sum("holdline_contacts_left_total", &[]), 0.0);
    let (answered, abandoned) = ([("window", "5m"), ("measure", "wait"), ("outcome", "answered")], ABANDONED_WAITS);
    scrape.expect(&[
        // One answered in time, one gone in time, three too late.
        ("holdline_service_level_ratio", &[("window", "5m"), ("measure", "wait"), ("formula", "offered")], Some(0.2)),
        ("holdline_contacts_waiting", &[], Some(1.0)),
        ("holdline_contacts_waiting_over_target", &[], Some(1.0)),
        ("holdline_oldest_waiting_timestamp_seconds", &[], Some(seconds(at(5)))),
        ("holdline_service_level_goal_ratio", &[("measure", "wait")], Some(0.8)),
        ("holdline_service_level_target_seconds", &[("measure", "wait")], Some(20.0)),
        // Waits of 10 s and 30 s; each is told as the upper end of its cell, which is up to 0.1 % more.
        ("holdline_window_wait_seconds", &with(&answered, "0.5"), Some(10.007)),
        ("holdline_window_wait_seconds", &with(&answered, "0.9"), Some(30.0)),
        ("holdline_window_wait_seconds", &with(&answered, "max"), Some(30.0)),
        ("holdline_window_wait_seconds", &with(&abandoned, "0.5"), Some(3.001)),
        ("holdline_window_wait_seconds", &with(&abandoned, "max"), Some(30.0)),
        ("holdline_window_handle_seconds", &[("window", "5m"), ("q", "0.5")], Some(25.0)),
        ("holdline_partitions_assigned", &[], Some(4.0)),
        ("holdline_partitions_caught_up", &[], Some(4.0)),
        ("holdline_topic_partitions", &[("topic", "consume")], Some(4.0)),
        ("holdline_state_complete", &[], Some(1.0)),
        ("holdline_events_total", &[("topic", "consume")], Some(12.0)),
        ("holdline_tracked_contacts", &[], Some(6.0)),
        ("holdline_event_delay_seconds_count", &[], Some(0.0)),
    ]);
    assert_eq!(scrape.count("holdline_consumer_lag_records", &[("topic", "consume")]), 4);
    assert_eq!(scrape.sum("holdline_consumer_lag_records", &[]), 0.0);

    // The one that waited; in time, told twice; gone after 3 s; to voicemail after 30 s; waiting.
    for (partition, contact, time, what) in [
        (1, "c6", 90, ANSWERED),
        (2, "c7", 80, &billing),
        (2, "c7", 85, ANSWERED),
        (2, "c7", 85, ANSWERED),
        (3, "c8", 81, &billing),
        (3, "c8", 84, ABANDONED),
        (0, "c9", 82, &billing),
        (0, "c9", 112, &left("voicemail")),
        (1, "c10", 83, &billing),
    ] {
        records.tell(partition, contact, at(time), what);
    }
    records.flush();
    let scrape = program.until("all is counted", |scrape| {
        scrape.value("holdline_events_total", &[]) == Some(21.0)
            && scrape.value("holdline_contacts_offered_total", &[]) == Some(4.0)
            && scrape.value("holdline_window_left", &[("window", "5m"), ("measure", "wait")]) == Some(2.0)
    });
    let counted = [
        ("offered", 4.0),
        ("answered", 2.0),
        ("answered_within_target", 1.0),
        ("abandoned", 1.0),
        ("abandoned_within_target", 1.0),
        ("short_abandoned", 1.0),
        ("completed", 0.0),
    ];
    expect_counters(&scrape, &counted);
    let cells: &Windowed<'_> = &[
        ("offered", 10.0),
        ("answered", 4.0),
        ("answered_within", 2.0),
        ("abandoned", 3.0),
        ("abandoned_within", 2.0),
        ("short_abandoned", 2.0),
        ("left", 2.0),
        ("left_within", 1.0),
        ("overdue", 5.0),
    ];
    expect_window(&scrape, "wait", cells);
    scrape.expect(&[
        ("holdline_contacts_left_total", &[("reason", "voicemail")], Some(1.0)),
        ("holdline_contacts_left_total", &[("reason", "callback")], Some(0.0)),
        (
            "holdline_service_level_ratio",
            &[("window", "5m"), ("measure", "wait"), ("formula", "offered")],
            Some(2.0 / 9.0),
        ),
        ("holdline_contacts_waiting", &[], Some(1.0)),
        ("holdline_contacts_waiting_over_target", &[], Some(1.0)),
        ("holdline_oldest_waiting_timestamp_seconds", &[], Some(seconds(at(83)))),
        // Waits of 5, 10, 30 and 85 s.
        ("holdline_window_wait_seconds", &with(&answered, "0.5"), Some(10.007)),
        ("holdline_window_wait_seconds", &with(&answered, "0.9"), Some(85.0)),
        ("holdline_window_wait_seconds", &with(&answered, "max"), Some(85.0)),
        ("holdline_tracked_contacts", &[], Some(10.0)),
        ("holdline_events_duplicate_total", &[], Some(1.0)),
        ("holdline_event_delay_seconds_count", &[], Some(9.0)),
        ("holdline_corrections_total", &[("cell", "offered")], Some(0.0)),
    ]);
    assert_eq!(scrape.sum("holdline_events_rejected_total", &[]), 0.0);
    program.stop();
}

const ABANDONED_WAITS: [(&str, &str); 3] = [("window", "5m"), ("measure", "wait"), ("outcome", "abandoned")];

fn with<'l>(labels: &[(&'l str, &'l str)], rank: &'l str) -> Vec<(&'l str, &'l str)> {
    labels.iter().copied().chain([("q", rank)]).collect()
}

#[test]
fn a_queue_that_nobody_answers_turns_red_by_itself() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "silence", 1);
    let program = Program::start(&config(&cluster.bootstrap(), "silence", "silence", &[]));
    let scrape = program.until_ready();
    assert_eq!(scrape.count("holdline_window_offered", &[]), 0, "nothing was ever seen: no series");

    let offered_at = now_ms();
    records.tell(0, "s1", offered_at, &offered("billing"));
    records.flush();
    let window = [("window", "5m"), ("measure", "wait")];
    let scrape = program.until("it waits", |scrape| scrape.value("holdline_contacts_waiting", &[]) == Some(1.0));
    scrape.expect(&[
        ("holdline_window_overdue", &window, Some(0.0)),
        ("holdline_service_level_ratio", &window, None),
        ("holdline_contacts_waiting_over_target", &[], Some(0.0)),
    ]);
    // Not a single further event.
    let scrape = program.until("it is overdue", |scrape| scrape.value("holdline_window_overdue", &window) == Some(1.0));
    scrape.expect(&[
        ("holdline_service_level_ratio", &window, Some(0.0)),
        ("holdline_window_offered", &window, Some(1.0)),
        ("holdline_contacts_waiting_over_target", &[], Some(1.0)),
        ("holdline_contacts_offered_total", &[], Some(1.0)),
        ("holdline_events_total", &[], Some(1.0)),
    ]);
    let shown_for = scrape.value("holdline_view_timestamp_seconds", &[]).unwrap();
    assert!(shown_for >= (offered_at + 20_000) as f64 / 1_000.0, "overdue before its target had passed");
}
