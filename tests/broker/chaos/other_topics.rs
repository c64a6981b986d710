//! Topics that are not what they were when their checkpoints were written: made anew, cut at their beginning, or with more
//! partitions.

use crate::checkpoints::stores;
use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, offered, seconds_ago};

const WINDOW: [(&str, &str); 2] = [("window", "1h"), ("measure", "wait")];

/// So many calls that were answered in time.
fn calls(records: &Records, name: &str, count: usize) {
    let at = seconds_ago(60);
    for number in 0..count {
        let contact = format!("{name}-{number}");
        records.tell(0, &contact, at, &offered("billing"));
        records.tell(0, &contact, at + 5_000, ANSWERED);
    }
    records.flush();
}

/// Runs until so many calls are shown, and ends in good order, so that all that was read is durable.
fn run(config: &str, shown: f64) {
    let mut program = Program::start(config);
    program.until_ready();
    program.until("all is read", |scrape| scrape.value("holdline_window_answered", &WINDOW) == Some(shown));
    program.stop();
    assert!(program.log().contains("checkpoint: committed"), "{}", program.log());
}

fn config_of(cluster: &Cluster, topic: &str, store: &str) -> String {
    let more = [store, "checkpoint.every = \"1s\"", "kafka.instance = \"one\"", "log.filter = \"info,holdline=debug\""];
    config(&cluster.bootstrap(), topic, topic, &more)
}

#[test]
fn checkpoints_of_a_topic_that_was_made_anew_are_not_used() {
    let cluster = Cluster::shared();
    for (number, (_folder, store)) in stores("chaos-anew").into_iter().enumerate() {
        let topic = format!("chaos-anew-{number}");
        let config = config_of(cluster, &topic, &store);
        let records = Records::new(cluster, &topic, 1);
        calls(&records, "old", 20);
        run(&config, 20.0);

        cluster.delete_topic(&topic);
        let records = Records::new(cluster, &topic, 1);
        // More than there were, so that the old offset is within it.
        calls(&records, "new", 25);
        let mut program = Program::start(&config);
        let scrape = program.until_ready();
        scrape.expect(&[
            ("holdline_window_offered", &WINDOW, Some(25.0)),
            ("holdline_window_answered_within", &WINDOW, Some(25.0)),
            ("holdline_contacts_offered_total", &[], Some(0.0)),
            ("holdline_restores_total", &[("from", "checkpoint")], Some(0.0)),
            ("holdline_restores_total", &[("from", "look_back")], Some(1.0)),
            ("holdline_state_complete", &[], Some(1.0)),
        ]);
        program.stop();
        run(&config, 25.0);
    }
}

#[test]
fn a_topic_that_lost_what_comes_after_a_checkpoint_is_read_from_where_it_begins() {
    let cluster = Cluster::shared();
    for (number, (_folder, store)) in stores("chaos-cut").into_iter().enumerate() {
        let topic = format!("chaos-cut-{number}");
        let config = config_of(cluster, &topic, &store);
        let records = Records::new(cluster, &topic, 1);
        calls(&records, "covered", 20);
        run(&config, 20.0);

        // Forty records are covered; of ten more calls the first five are gone, and half of the sixth.
        calls(&records, "after", 10);
        cluster.delete_records(&topic, 0, 51);
        let mut program = Program::start(&config);
        let scrape = program.until_ready();
        program.until_logged(&["checkpoint 40 by one.", "is not used: the topic begins at offset 51 now"]);
        program.until_logged(&["no checkpoint of partition 0 of", "rebuilt from the look-back on"]);
        scrape.expect(&[
            ("holdline_window_offered", &WINDOW, Some(4.0)),
            ("holdline_window_answered", &WINDOW, Some(4.0)),
            ("holdline_contacts_offered_total", &[], Some(0.0)),
            ("holdline_restores_total", &[("from", "checkpoint")], Some(0.0)),
            ("holdline_restores_total", &[("from", "look_back")], Some(1.0)),
            // Whoever was offered before is not known, and it says so.
            ("holdline_state_complete", &[], Some(0.0)),
        ]);
        calls(&records, "later", 3);
        program.until("they count", |scrape| scrape.sum("holdline_contacts_offered_total", &[]) == 3.0);
        program.stop();
        // What was rebuilt is durable.
        let again = Program::start(&config);
        let scrape = again.until_ready();
        scrape.expect(&[
            ("holdline_window_offered", &WINDOW, Some(7.0)),
            ("holdline_contacts_offered_total", &[], Some(3.0)),
            ("holdline_restores_total", &[("from", "checkpoint")], Some(1.0)),
        ]);
    }
}

#[test]
fn partitions_that_were_added_meanwhile_are_noticed() {
    let cluster = Cluster::shared();
    for (number, (_folder, store)) in stores("chaos-grown").into_iter().enumerate() {
        let topic = format!("chaos-grown-{number}");
        let config = config_of(cluster, &topic, &store);
        let records = Records::new(cluster, &topic, 1);
        calls(&records, "before", 20);
        run(&config, 20.0);

        cluster.add_partitions(&topic, 2);
        for is_news in [true, false] {
            let mut program = Program::start(&config);
            program.until_withheld(&["partitions added: topic "]);
            // Whoever has a fixed name is given what it had: the new one would be nobody's.
            let scrape = program.until("all is read", |scrape| {
                let is_read = scrape.value("holdline_partitions_caught_up", &[]) == Some(2.0);
                is_read && scrape.withheld().into_iter().eq(["partitions_added"])
            });
            assert_eq!(scrape.count("holdline_window_offered", &[]), 0);
            let log = program.log();
            assert_eq!(
                log.contains("WARN holdline::source::kafka::recovery: the topic has more partitions"),
                is_news,
                "{log}"
            );
            program.stop();
        }
    }
}

#[test]
fn partitions_that_were_added_while_a_member_with_a_fixed_name_was_away_are_read() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "chaos-unread", 1);
    let more = ["kafka.instance = \"one\"", "log.filter = \"info,holdline=debug\""];
    let config = config(&cluster.bootstrap(), "chaos-unread", "chaos-unread", &more);
    let mut program = Program::start(&config);
    program.until_ready();
    program.stop();

    cluster.add_partitions("chaos-unread", 2);
    let at = seconds_ago(60);
    records.tell(1, "new", at, &offered("billing"));
    records.tell(1, "new", at + 5_000, ANSWERED);
    records.flush();
    let program = Program::start(&config);
    program.until("both are read", |scrape| scrape.value("holdline_partitions_caught_up", &[]) == Some(2.0));
    program.until_ready().expect(&[("holdline_window_answered", &WINDOW, Some(1.0))]);
}
