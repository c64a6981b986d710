//! Topics that are not there yet, and topics that change while they are read.

use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, offered, seconds_ago};

#[test]
fn a_topic_that_is_not_there_is_waited_for() {
    let cluster = Cluster::shared();
    let program = Program::start(&config(&cluster.bootstrap(), "later", "later", &[]));
    program.until_withheld(&["unknown topic: the broker knows no topic later\n"]);
    program.until_logged(&["know no topic \"later\"", "create it"]);
    let scrape = program.scrape();
    assert!(scrape.withheld().contains("unknown_topic"));
    assert_eq!(scrape.count("holdline_topic_partitions", &[]), 0);

    let records = Records::new(cluster, "later", 2);
    let at = seconds_ago(60);
    records.tell(1, "l1", at, &offered("billing"));
    records.tell(1, "l1", at + 5_000, ANSWERED);
    records.flush();
    program.until_ready();
    let scrape = program.until("all is read", |scrape| scrape.value("holdline_events_total", &[]) == Some(2.0));
    scrape.expect(&[
        ("holdline_topic_partitions", &[("topic", "later")], Some(2.0)),
        ("holdline_partitions_caught_up", &[], Some(2.0)),
        ("holdline_state_complete", &[], Some(1.0)),
    ]);
}

#[test]
fn partitions_added_in_use_are_noticed() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "grows", 2);
    let at = seconds_ago(60);
    records.tell(0, "g1", at, &offered("billing"));
    records.flush();
    let program = Program::start(&config(&cluster.bootstrap(), "grows", "grows", &[]));
    let scrape = program.until_ready();
    assert_eq!(scrape.value("holdline_contacts_waiting", &[]), Some(1.0));

    cluster.add_partitions("grows", 3);
    let reasons = program.until_withheld(&["partitions added: topic grows "]);
    assert!(reasons.contains("restart"), "what to do is not told: {reasons}");
    // Where the answer goes now, nobody can know.
    let records = Records::to(cluster, "grows");
    records.tell(2, "g1", at + 30_000, ANSWERED);
    records.flush();
    let scrape = program.until("the new partition is read", |scrape| {
        scrape.value("holdline_events_total", &[]) == Some(2.0)
            && scrape.value("holdline_partitions_caught_up", &[]) == Some(3.0)
    });
    assert_eq!(scrape.withheld().into_iter().collect::<Vec<_>>(), ["partitions_added"]);
    assert_eq!(scrape.count("holdline_contacts_waiting", &[]), 0);
    assert_eq!(scrape.count("holdline_service_level_ratio", &[]), 0);
    assert_eq!(scrape.value("holdline_topic_partitions", &[]), Some(3.0));
    program.until_logged(&["lanes are withheld: partitions added"]);
}
