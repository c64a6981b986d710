//! Topics of many partitions, of one, and one that is deleted and made anew.

use std::thread;
use std::time::Duration;

use holdline::clock;

use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, offered, seconds_ago};

#[test]
fn many_idle_partitions_are_shown_and_stay_so() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "many", 120);
    let at = seconds_ago(60);
    records.tell(7, "m1", at, &offered("billing"));
    records.tell(7, "m1", at + 5_000, ANSWERED);
    records.flush();
    let program = Program::start(&config(&cluster.bootstrap(), "many", "many", &[]));
    let scrape = program.until_ready();
    assert_eq!(scrape.value("holdline_partitions_caught_up", &[]), Some(120.0));
    let mut last = 0.0;
    for _ in 0..12 {
        thread::sleep(Duration::from_secs(1));
        let scrape = program.scrape();
        assert!(scrape.withheld().is_empty(), "{:?}", scrape.withheld());
        let now = scrape.value("holdline_view_timestamp_seconds", &[]).unwrap();
        assert!(now >= last, "the view went back from {last} to {now}");
        last = now;
    }
    assert_eq!(scrape.value("holdline_window_answered", &[("window", "1h"), ("measure", "wait")]), Some(1.0));
}

#[test]
fn a_topic_that_is_made_anew_is_never_mixed_with_the_old_one() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "anew", 1);
    let at = seconds_ago(60);
    for number in 0..20 {
        records.tell(0, &format!("old-{number}"), at, &offered("billing"));
    }
    records.flush();
    let mut program = Program::start(&config(&cluster.bootstrap(), "anew", "anew", &[]));
    assert_eq!(program.until_ready().value("holdline_contacts_waiting", &[]), Some(20.0));

    cluster.delete_topic("anew");
    let records = Records::new(cluster, "anew", 1);
    records.tell(0, "new", at, &offered("billing"));
    records.flush();
    let (code, log) = program.end();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("made anew"), "{log}");

    let program = Program::start(&config(&cluster.bootstrap(), "anew", "anew", &[]));
    assert_eq!(program.until_ready().value("holdline_contacts_waiting", &[]), Some(1.0));
}

#[test]
fn one_partition_is_given_up_at_once_however_often() {
    let cluster = Cluster::shared();
    Records::new(cluster, "one", 1);
    for round in 0..8 {
        let mut program = Program::start(&config(&cluster.bootstrap(), "one", "one", &[]));
        program.until_ready();
        let told = clock::monotonic();
        program.signal("TERM");
        let (code, log) = program.end();
        assert_eq!(code, Some(0), "{log}");
        // A worker that waits for itself gives up after 30 s.
        assert!(told.elapsed() < Duration::from_secs(25), "round {round} took {:?} to end", told.elapsed());
    }
}
