//! A month of real calls through a real broker: what the running service shows is what others computed from these calls,
//! and what the naive model says of them.
//!
//! The calls are sent as a user would send them, with `holdline send --end-at now`, into four partitions, which are read
//! at different speeds. Where the data are not there, these tests say so and pass (see [`bank`](crate::bank)).

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdline::engine::settings::Settings;
use holdline::verify::compare::Equal;
use serde_json::Value;

use crate::bank::{bank, unpacked};
use crate::cluster::Cluster;
use crate::judge::{self, shown_for, slot};
use crate::program::{Program, config, until};
use crate::records::now_ms;
use crate::retold::{models, read_back, time_of};
use crate::scrape::Scrape;

const PARTITIONS: i32 = 4;

/// Counters and what the truth calls them; the truth knows no end of handling but that of every answered call.
const COUNTERS: [(&str, &str); 7] = [
    ("holdline_contacts_offered_total", "offered"),
    ("holdline_contacts_answered_total", "answered"),
    ("holdline_contacts_answered_within_target_total", "answered_le_20"),
    ("holdline_contacts_abandoned_total", "abandoned"),
    ("holdline_contacts_abandoned_within_target_total", "abandoned_le_20"),
    ("holdline_contacts_short_abandoned_total", "abandoned_lt_5"),
    ("holdline_contacts_completed_total", "answered"),
];

/// What is shown of bad records and lost lanes; nothing of it belongs to January.
const NONE_OF: [&str; 8] = [
    "holdline_events_rejected_total",
    "holdline_events_duplicate_total",
    "holdline_events_late_total",
    "holdline_events_orphan_total",
    "holdline_events_misrouted_total",
    "holdline_contacts_left_total",
    "holdline_corrections_total",
    "holdline_lanes_overflow_total",
];

/// January of 1999, packed; none without the data.
fn january() -> Option<(PathBuf, Vec<Value>)> {
    let file = bank()?.join("1999-01.ndjson.gz");
    let events = unpacked(&file).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Some((file, events))
}

/// Has a file sent so that its last event happens now.
fn send(cluster: &Cluster, topic: &str, file: &Path) {
    let sent = Command::new(env!("CARGO_BIN_EXE_holdline"))
        .args(["send", "--brokers", &cluster.bootstrap(), "--topic", topic, "--end-at", "now"])
        .arg(file)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&sent.stderr);
    assert!(sent.status.success(), "{told}");
    println!("{}{told}", String::from_utf8_lossy(&sent.stdout));
}

/// Waits until all of these programs together have read `events` records and show what they amount to.
fn until_read(programs: &[&Program], events: usize) -> Vec<Scrape> {
    let scrapes = || -> Vec<Scrape> { programs.iter().map(|program| program.scrape()).collect() };
    let read = |scrapes: &[Scrape]| scrapes.iter().map(|scrape| scrape.sum("holdline_events_total", &[])).sum::<f64>();
    let seen = || format!("{} of {events} are read", read(&scrapes()));
    until("everything is read", seen, || Some(()).filter(|()| read(&scrapes()) >= events as f64));
    // What is shown for a later instant was put together after that; all for the same slot, so that it adds up.
    let (all_read, settings) = (now_ms(), Settings::default());
    let agree = |scrapes: &Vec<Scrape>| {
        let shown = scrapes.iter().all(|scrape| scrape.withheld().is_empty() && shown_for(scrape) >= all_read);
        let slots = || scrapes.iter().map(|scrape| slot(shown_for(scrape), &settings));
        shown && slots().min() == slots().max()
    };
    until("all is shown", || scrapes()[0].withheld().into_iter().collect::<String>(), || Some(scrapes()).filter(agree))
}

/// What is counted is what the truth says of the month, queue by queue.
fn expect_truth(scrapes: &[Scrape], file: &Path, events: usize) {
    let sum = |name: &str, labels: &[(&str, &str)]| scrapes.iter().map(|scrape| scrape.sum(name, labels)).sum::<f64>();
    for name in NONE_OF {
        assert!(scrapes.iter().all(|scrape| scrape.count(name, &[]) > 0), "{name} is not there");
        assert_eq!(sum(name, &[]), 0.0, "{name}");
    }
    assert_eq!(sum("holdline_events_total", &[]), events as f64);
    let truth: Value = serde_json::from_reader(File::open(file.with_file_name("truth.json")).unwrap()).unwrap();
    let of_month = truth["month/queue"].as_object().unwrap().iter();
    let queues: BTreeMap<&str, &Value> =
        of_month.filter_map(|(key, truth)| Some((key.strip_prefix("01/")?, truth))).collect();
    let shown: Vec<String> = scrapes[0].labels("holdline_contacts_offered_total", "queue").into_iter().collect();
    assert_eq!(shown, queues.keys().copied().collect::<Vec<_>>());
    for (queue, truth) in queues {
        for (name, key) in COUNTERS {
            assert_eq!(sum(name, &[("queue", queue)]), truth[key].as_f64().unwrap(), "{name} of {queue}");
        }
    }
}

/// What is in the topic is January, moved as a whole.
fn expect_moved(partitions: &[Vec<Value>], events: &[Value]) {
    let by = |events: &mut dyn Iterator<Item = &Value>, moved_ms: u64| {
        let mut all: Vec<String> = events
            .map(|event| {
                let mut event = event.clone();
                event["time"] = (time_of(&event) + moved_ms).into();
                event.to_string()
            })
            .collect();
        all.sort_unstable();
        all
    };
    let last = |events: &mut dyn Iterator<Item = &Value>| events.map(time_of).max().unwrap();
    let moved_ms = last(&mut partitions.iter().flatten()) - last(&mut events.iter());
    assert!(by(&mut events.iter(), moved_ms) == by(&mut partitions.iter().flatten(), 0), "other events were sent");
    assert!(partitions.iter().all(|events| events.len() > 1_000), "a partition has hardly anything");
}

fn tell(what: &str, compared: Equal, least: usize) {
    println!("{what}: {} series are as the model says, {} of them not zero", compared.series, compared.not_zero);
    assert!(compared.not_zero >= least, "hardly anything was compared: {compared:?}");
}

#[test]
fn a_month_is_counted_and_shown_as_others_computed_it() {
    let Some((file, events)) = january() else { return };
    let (cluster, topic, settings) = (Cluster::shared(), "january", Settings::default());
    cluster.create_topic(topic, PARTITIONS);
    let mut program = Program::start(&config(&cluster.bootstrap(), topic, topic, &[]));
    program.until_ready();
    send(cluster, topic, &file);
    let live = until_read(&[&program], events.len());
    expect_truth(&live, &file, events.len());
    let partitions = read_back(cluster, topic, PARTITIONS);
    expect_moved(&partitions, &events);
    let models = models(&partitions, &settings);
    tell("January, live", judge::whole(&live[0], &models), 600);
    program.stop();

    // Whoever comes later sees the same windows, and has counted nothing of it: it was history already.
    let mut later = Program::start(&config(&cluster.bootstrap(), topic, "january-later", &[]));
    let history = until_read(&[&later], events.len());
    tell("January, as history", judge::whole(&history[0], &models), 600);
    assert_eq!(history[0].labels("holdline_contacts_offered_total", "queue").len(), 6);
    for (name, _) in COUNTERS {
        assert_eq!(history[0].sum(name, &[]), 0.0, "{name}");
    }
    later.stop();
}

#[test]
fn two_that_share_a_month_add_up_to_it() {
    let Some((file, events)) = january() else { return };
    let (cluster, topic, settings) = (Cluster::shared(), "january-shared", Settings::default());
    cluster.create_topic(topic, PARTITIONS);
    let config = config(&cluster.bootstrap(), topic, topic, &[]);
    let mut two = [Program::start(&config), Program::start(&config)];
    let holds_half = |program: &Program| {
        let scrape = program.scrape();
        scrape.value("holdline_partitions_assigned", &[]) == Some(2.0) && scrape.withheld().is_empty()
    };
    let seen = || two.each_ref().map(|program| program.page("/readyz").1).concat();
    until("each holds two partitions", seen, || two.iter().all(holds_half).then_some(()));
    send(cluster, topic, &file);
    let halves = until_read(&two.each_ref(), events.len());
    expect_truth(&halves, &file, events.len());
    let models = models(&read_back(cluster, topic, PARTITIONS), &settings);
    // Levels and quantiles are told by neither: no series but those of the model's sums are accepted.
    tell("January, shared", judge::parts(&halves.iter().collect::<Vec<_>>(), &models, &settings), 250);
    for half in &halves {
        assert!(half.sum("holdline_events_total", &[]) > 10_000.0, "one of them did everything");
    }
    two.iter_mut().for_each(Program::stop);
}

/// At the end of January it is midnight. What the short windows say is seen when it ends in the midst of its busiest five
/// minutes instead.
#[test]
fn a_month_that_ends_when_most_is_going_on() {
    let Some((file, events)) = january() else { return };
    let (cluster, topic, settings) = (Cluster::shared(), "january-busy", Settings::default());
    let (mut offers, mut first, mut busiest) = (0_usize, 0, (0, 0));
    let is_offer = |event: &Value| usize::from(event["type"] == "offered");
    for (number, event) in events.iter().enumerate() {
        offers += is_offer(event);
        while time_of(&events[first]) + 300_000 < time_of(event) {
            offers -= is_offer(&events[first]);
            first += 1;
        }
        busiest = busiest.max((offers, number));
    }
    let until_then = busiest.1 + 1;
    let cut = std::env::temp_dir().join(format!("holdline-january-{}.ndjson", std::process::id()));
    let lines: String = unpacked(&file).split_inclusive('\n').take(until_then).collect();
    std::fs::write(&cut, lines).unwrap();
    cluster.create_topic(topic, PARTITIONS);
    let mut program = Program::start(&config(&cluster.bootstrap(), topic, topic, &[]));
    program.until_ready();
    send(cluster, topic, &cut);
    std::fs::remove_file(&cut).unwrap();

    let live = until_read(&[&program], until_then);
    let models = models(&read_back(cluster, topic, PARTITIONS), &settings);
    tell("January, cut at its busiest", judge::whole(&live[0], &models), 900);
    let shortest = [("window", "5m"), ("measure", "wait")];
    println!("{} events, {} calls offered in the last five minutes", until_then, busiest.0);
    assert!(live[0].sum("holdline_window_offered", &shortest) > 20.0);
    assert!(live[0].sum("holdline_contacts_waiting", &[]) > 0.0);
    program.stop();
}
