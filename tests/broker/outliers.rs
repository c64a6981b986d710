//! Contacts out of all proportion: told while they wait, to whoever asks and to a topic, once, also across kills.

use std::collections::BTreeMap;

use rdkafka::message::Message;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::dead_letters::all_of;
use crate::program::{Program, config, until};
use crate::records::{ANSWERED, Records, completed, now_ms, offered, seconds_ago};

/// All that the topic has, by id, with how often each is there.
fn told(cluster: &Cluster, topic: &str) -> BTreeMap<String, (Value, usize)> {
    let mut told: BTreeMap<String, (Value, usize)> = BTreeMap::new();
    for record in all_of(cluster, topic).into_values() {
        let outlier: Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
        assert_eq!(record.key().unwrap(), outlier["contact_id"].as_str().unwrap().as_bytes());
        let id = outlier["id"].as_str().unwrap().to_owned();
        told.entry(id).or_insert((outlier, 0)).1 += 1;
    }
    told
}

fn until_told(cluster: &Cluster, topic: &str, count: usize) -> BTreeMap<String, (Value, usize)> {
    let found = || Some(told(cluster, topic)).filter(|told| told.len() >= count);
    let found = until(&format!("{count} outliers"), || format!("{:?}", told(cluster, topic).keys()), found);
    assert_eq!(found.len(), count, "{:?}", found.keys());
    found
}

#[test]
fn each_is_told_while_it_waits_and_never_forgotten() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "tail", 2);
    cluster.create_topic("tail-outliers", 1);
    let begun = seconds_ago(200);
    let folder = std::env::temp_dir().join(format!("holdline-outliers-{}", std::process::id()));
    let settings = config(
        &cluster.bootstrap(),
        "tail",
        "tail",
        &[
            "outliers.topic = \"tail-outliers\"",
            "outliers.wait = \"60s\"",
            "outliers.queue.billing.handle = \"30s\"",
            "kafka.instance = \"tail-1\"",
            &format!("checkpoint.folder = {:?}", folder.display().to_string()),
            "checkpoint.every = \"1s\"",
        ],
    );
    // Waits on; was answered in time and handled for long; is no outlier.
    records.tell(0, "waits", begun, &offered("billing"));
    records.tell(1, "talks", begun, &offered("billing"));
    records.tell(1, "talks", begun + 5_000, ANSWERED);
    records.tell(1, "fine", begun, &offered("billing"));
    records.tell(1, "fine", begun + 5_000, ANSWERED);
    records.tell(1, "fine", begun + 10_000, &completed(2.0, 3.0));
    records.flush();
    let mut program = Program::start(&settings);
    let found = until_told(cluster, "tail-outliers", 2);
    let id = |contact: &str, since: u64, measure: &str| format!("{contact}/{since}/{measure}");
    let (waits, _) = &found[&id("waits", begun, "wait")];
    assert_eq!(
        (&waits["queue"], &waits["fence_seconds"], &waits["goes_on"]),
        (&"billing".into(), &60.0.into(), &true.into())
    );
    assert!(waits["seconds"].as_f64().unwrap() > 180.0);
    assert!(found.contains_key(&id("talks", begun + 5_000, "handle")));

    let (status, page) = program.page("/api/v1/outliers?queue=billing");
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((status, page["outliers"].as_array().unwrap().len()), (200, 2));
    let told_of = |measure: &str| {
        let labels = [("queue", "billing"), ("measure", measure)];
        program.scrape().value("holdline_outliers_total", &labels)
    };
    assert_eq!((told_of("wait"), told_of("handle")), (Some(1.0), Some(1.0)));
    let (_, account) = program.page("/api/v1/contacts/waits");
    assert!(account.contains("\"overdue\""), "{account}");
    let log = program.log();
    assert!(log.contains("outlier") && !log.contains("waits"), "the log names no contact");

    // What was told is remembered, and what came while nobody looked is told. A checkpoint from now on knows what was told,
    // and there is one of each partition once something comes.
    program.until("all are delivered", |scrape| scrape.sum("holdline_outlier_events_pending", &[]) == 0.0);
    let delivered = now_ms();
    for partition in 0..2 {
        records.tell(partition, &format!("more-{partition}"), delivered, &offered("claims"));
    }
    records.flush();
    program.until("what was told is durable", |scrape| {
        let oldest = scrape.value("holdline_checkpoint_timestamp_seconds", &[]);
        oldest.is_some_and(|oldest| oldest * 1_000.0 >= delivered as f64)
    });
    program.kill();
    records.tell(0, "late", begun + 10_000, &offered("billing"));
    records.tell(0, "late", begun + 100_000, ANSWERED);
    records.tell(0, "late", begun + 105_000, &completed(2.0, 3.0));
    records.flush();
    let mut program = Program::start(&settings);
    let found = until_told(cluster, "tail-outliers", 3);
    assert!(found.contains_key(&id("late", begun + 10_000, "wait")), "{:?}", found.keys());
    program.until_ready();
    for (id, (_, times)) in told(cluster, "tail-outliers") {
        assert_eq!(times, 1, "{id} was told {times} times");
    }
    program.stop();
    let _ = std::fs::remove_dir_all(&folder);
}
