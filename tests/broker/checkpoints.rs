//! What was read is durable: whoever ends in whatever way, or hands over, leaves every number what it would have been.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use holdline::clock;

use crate::cluster::Cluster;
use crate::program::{Program, config, until};
use crate::records::{ANSWERED, Records, completed, offered, seconds_ago};
use crate::scrape::{Key, Scrape};

const PARTITIONS: i32 = 3;

/// A folder for checkpoints that is gone when the test is over.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("holdline-checkpoints-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    /// All checkpoints below it, by path.
    pub fn files(&self) -> Vec<PathBuf> {
        Folder::files_below(&self.0)
    }

    /// All checkpoints below any folder, by path.
    pub fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(folder, &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "checkpoint") {
            files.push(path);
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where checkpoints are kept, as a line of the configuration.
pub fn stores(name: &str) -> [(Option<Folder>, String); 2] {
    let folder = Folder::new(name);
    let in_folder = format!("checkpoint.folder = \"{}\"", folder.0.display());
    [(Some(folder), in_folder), (None, format!("checkpoint.topic = \"{name}-checkpoints\""))]
}

/// `count` calls into each partition, offered at the same second, answered in time and completed but for every third.
fn calls(records: &Records, name: &str, count: usize) {
    let at = seconds_ago(40);
    for partition in 0..PARTITIONS {
        for number in 0..count {
            let contact = format!("{name}-{partition}-{number}");
            records.tell(partition, &contact, at, &offered(&format!("q{}", number % 2)));
            if number % 3 > 0 {
                records.tell(partition, &contact, at + 3_000 + number as u64 % 7 * 1_000, ANSWERED);
                records.tell(partition, &contact, at + 20_000, &completed(9.0, 1.0));
            }
        }
    }
    records.flush();
}

fn offered_total(scrape: &Scrape) -> f64 {
    scrape.sum("holdline_contacts_offered_total", &[])
}

/// All that was counted of lanes.
fn counters(scrape: &Scrape) -> BTreeMap<Key, f64> {
    let is_of_lane = |key: &Key| key.1.iter().any(|(label, _)| label == "queue");
    // What depends on when somebody looked begins anew.
    let is_looked_at = |key: &Key| ["_breaches_", "_outliers_", "_surge_"].iter().any(|part| key.0.contains(part));
    scrape.counters().into_iter().filter(|(key, _)| is_of_lane(key) && !is_looked_at(key)).collect()
}

#[test]
fn after_a_kill_counters_go_on_where_they_were() {
    let cluster = Cluster::shared();
    for (number, (_folder, store)) in stores("kill").into_iter().enumerate() {
        let topic = format!("checkpoints-kill-{number}");
        let records = Records::new(cluster, &topic, PARTITIONS);
        let config = config(
            &cluster.bootstrap(),
            &topic,
            &topic,
            &[
                &store,
                "checkpoint.every = \"1s\"",
                "kafka.instance = \"one\"",
                "kafka.options.session.timeout.ms = 6000",
            ],
        );
        let mut program = Program::start(&config);
        program.until_ready();
        let mut sent = 0;
        for round in 0..4 {
            calls(&records, &format!("r{round}"), 10);
            sent += 10 * PARTITIONS;
            let counted = |scrape: &Scrape| scrape.withheld().is_empty() && offered_total(scrape) == f64::from(sent);
            program.until("all calls are counted", counted);
            // So that some of what was counted is in checkpoints and some is not.
            let durable = |scrape: &Scrape| scrape.sum("holdline_checkpoints_total", &[]) >= 3.0;
            program.until("each partition is written", durable);
            calls(&records, &format!("s{round}"), 5);
            sent += 5 * PARTITIONS;
            let before =
                counters(&program.until("all calls are counted", |scrape| offered_total(scrape) == f64::from(sent)));
            program.signal("KILL");
            program.end();
            program = Program::start(&config);
            let after = program.until_ready();
            assert_eq!(counters(&after), before, "round {round}");
            assert_eq!(after.value("holdline_restores_total", &[("from", "checkpoint")]), Some(3.0));
        }
        program.stop();
        // Told to end, everything is durable: nothing is read again, and counting goes on.
        let mut again = Program::start(&config);
        let after = again.until_ready();
        assert_eq!((offered_total(&after), after.sum("holdline_events_total", &[])), (f64::from(sent), 0.0));
        again.stop();
    }
}

#[test]
fn whoever_takes_over_counts_from_there() {
    let cluster = Cluster::shared();
    for (number, (_folder, store)) in stores("over").into_iter().enumerate() {
        let topic = format!("checkpoints-over-{number}");
        let records = Records::new(cluster, &topic, PARTITIONS);
        let config_of = |instance: &str| {
            let instance = format!("kafka.instance = \"{instance}\"");
            let session = "kafka.options.session.timeout.ms = 6000";
            config(&cluster.bootstrap(), &topic, &topic, &[&store, "checkpoint.every = \"1s\"", &instance, session])
        };
        let mut one = Program::start(&config_of("one"));
        one.until_ready();
        calls(&records, "a", 8);
        one.until("all are counted", |scrape| offered_total(scrape) == 24.0);
        let mut other = Program::start(&config_of("other"));
        let shared = |scrape: &Scrape| {
            scrape.withheld().is_empty()
                && scrape.value("holdline_partitions_assigned", &[]).is_some_and(|held| held < 3.0)
        };
        one.until("both share the partitions", shared);
        let taken = other.until("both share the partitions", shared);
        assert_eq!(offered_total(&taken), 0.0, "what was counted stays with whoever counted it");
        assert!(taken.sum("holdline_restores_total", &[("from", "checkpoint")]) >= 1.0);
        calls(&records, "b", 4);
        let sum = || offered_total(&one.scrape()) + offered_total(&other.scrape());
        until("all are counted", || sum().to_string(), || (sum() == 36.0).then_some(()));
        let window = [("window", "5m"), ("measure", "wait")];
        let windows = one.scrape().sum("holdline_window_offered", &window)
            + other.scrape().sum("holdline_window_offered", &window);
        assert_eq!(windows, 36.0);
        // In good order: the one goes on from where the other was, and together they have counted everything once.
        let counted = offered_total(&other.scrape());
        other.stop();
        let whole = one.until("it holds everything", |scrape| {
            scrape.withheld().is_empty() && scrape.value("holdline_partitions_assigned", &[]) == Some(3.0)
        });
        assert_eq!(offered_total(&whole) + counted, 36.0);
        assert_eq!(whole.sum("holdline_window_offered", &window), 36.0);
        one.stop();
    }
}

#[test]
fn a_checkpoint_that_is_not_whole_is_refused_and_the_one_before_it_used() {
    let cluster = Cluster::shared();
    let topic = "checkpoints-torn";
    let records = Records::new(cluster, topic, PARTITIONS);
    let folder = Folder::new("torn");
    let store = format!("checkpoint.folder = \"{}\"", folder.0.display());
    let config =
        config(&cluster.bootstrap(), topic, topic, &[&store, "checkpoint.every = \"1s\"", "kafka.instance = \"torn\""]);
    let mut program = Program::start(&config);
    program.until_ready();
    for round in 1..=3 {
        calls(&records, &format!("r{round}"), 5);
        program.until("they are counted", |scrape| offered_total(scrape) == f64::from(round * 15));
        let files = || folder.files().len();
        until(
            "two checkpoints of each partition",
            || files().to_string(),
            || (files() >= if round > 1 { 6 } else { 3 }).then_some(()),
        );
    }
    let before = counters(&program.scrape());
    program.stop();
    let newest: Vec<PathBuf> = folder.files().chunks(2).map(|pair| pair[1].clone()).collect();
    assert_eq!((folder.files().len(), newest.len()), (6, 3), "{:?}", folder.files());
    // Torn, flipped, and of a version to come.
    let bytes = fs::read(&newest[0]).unwrap();
    fs::write(&newest[0], &bytes[..bytes.len() / 2]).unwrap();
    let mut bytes = fs::read(&newest[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&newest[1], bytes).unwrap();
    let mut bytes = fs::read(&newest[2]).unwrap();
    bytes[8] = 99;
    fs::write(&newest[2], bytes).unwrap();

    let mut again = Program::start(&config);
    let after = again.until_ready();
    for why in ["is not used: it is damaged", "is not used: it is written in format 99"] {
        again.until_logged(&[why]);
    }
    assert_eq!(after.value("holdline_restores_total", &[("from", "checkpoint")]), Some(3.0));
    assert_eq!(
        offered_total(&after),
        before
            .iter()
            .filter(|(key, _)| key.0 == "holdline_contacts_offered_total")
            .map(|(_, value)| value)
            .sum::<f64>()
    );
    again.stop();
}

#[test]
fn groups_that_share_a_store_know_nothing_of_each_other() {
    let cluster = Cluster::shared();
    for (number, (_folder, store)) in stores("shared").into_iter().enumerate() {
        let topic = format!("checkpoints-shared-{number}");
        let records = Records::new(cluster, &topic, PARTITIONS);
        let config_of = |group: &str| {
            let instance = "kafka.instance = \"one\"";
            let session = "kafka.options.session.timeout.ms = 6000";
            config(&cluster.bootstrap(), &topic, group, &[&store, "checkpoint.every = \"1s\"", instance, session])
        };
        let mut first = Program::start(&config_of(&format!("{topic}.first")));
        first.until_ready();
        calls(&records, "one", 10);
        first.until("they are counted", |scrape| offered_total(scrape) == 30.0);
        let mut second = Program::start(&config_of(&format!("{topic}.second")));
        let scrape = second.until_ready();
        assert_eq!(
            (offered_total(&scrape), scrape.sum("holdline_restores_total", &[("from", "checkpoint")])),
            (0.0, 0.0)
        );
        // The second writes what the first has yet to read: each partition once when it comes, and once more then.
        first.signal("STOP");
        let written = |scrape: &Scrape| scrape.sum("holdline_checkpoints_total", &[]);
        second.until("each is written", |scrape| written(scrape) >= 3.0);
        calls(&records, "two", 10);
        second.until("they are written", |scrape| offered_total(scrape) == 30.0 && written(scrape) >= 6.0);
        first.kill();
        let mut first = Program::start(&config_of(&format!("{topic}.first")));
        assert_eq!(offered_total(&first.until_ready()), 60.0);
        second.kill();
        let mut second = Program::start(&config_of(&format!("{topic}.second")));
        assert_eq!(offered_total(&second.until_ready()), 30.0);
        first.stop();
        second.stop();
    }
}

/// Nothing can be said of checkpoints at the start: lanes are shown, nothing is written in the place of what there may be,
/// and once there are answers, what there is is used.
#[test]
fn a_store_without_an_answer_is_asked_again() {
    let cluster = Cluster::shared();
    let topic = "checkpoints-silent";
    let records = Records::new(cluster, topic, PARTITIONS);
    let folder = Folder::new("silent");
    let store = format!("checkpoint.folder = \"{}\"", folder.0.display());
    let lines = [&store, "checkpoint.every = \"1s\"", "kafka.instance = \"silent\""];
    let config = config(&cluster.bootstrap(), topic, topic, &lines);
    let mut program = Program::start(&config);
    program.until_ready();
    calls(&records, "before", 10);
    program.until("they are counted", |scrape| offered_total(scrape) == 30.0);
    program.stop();
    let files = folder.files();
    assert!(files.len() >= 3, "{files:?}");

    let (of_topic, aside) = (folder.0.join(topic).join(topic), folder.0.join("aside"));
    fs::rename(&of_topic, &aside).unwrap();
    fs::write(&of_topic, "no folder").unwrap();
    let mut again = Program::start(&config);
    again.until_withheld(&["checkpoints fail: ", "did not say in time"]);
    let window = [("window", "5m"), ("measure", "wait")];
    let is_whole = |scrape: &Scrape| scrape.sum("holdline_window_offered", &window) == 30.0;
    let scrape = again.until("what the log says is shown", is_whole);
    let written = |scrape: &Scrape| scrape.sum("holdline_checkpoints_total", &[]);
    assert_eq!((scrape.value("holdline_checkpoints_failing", &[]), written(&scrape)), (Some(1.0), 0.0));
    calls(&records, "meanwhile", 5);
    again.until("what comes meanwhile counts", |scrape| offered_total(scrape) == 15.0);

    fs::remove_file(&of_topic).unwrap();
    fs::rename(&aside, &of_topic).unwrap();
    again.until_logged(&["joining the group anew"]);
    let restored = |scrape: &Scrape| scrape.value("holdline_restores_total", &[("from", "checkpoint")]) == Some(3.0);
    again.until("it is restored", restored);
    assert_eq!(offered_total(&again.until_ready()), 15.0, "what was counted is not counted again");
    calls(&records, "after", 10);
    let scrape = again.until("all is shown", |scrape| scrape.sum("holdline_window_offered", &window) == 75.0);
    assert_eq!(offered_total(&scrape), 45.0);
    assert_eq!(scrape.value("holdline_checkpoints_failing", &[]), Some(0.0));
    again.until("it is written", |scrape| written(scrape) >= 3.0);
    again.stop();
    assert!(folder.files().iter().any(|file| !files.contains(file)), "nothing newer in {files:?}");
}

/// Writing that had to wait for brokers is not made up for by a long rest: it goes on as soon as they are back.
#[test]
fn a_checkpoint_that_waited_for_brokers_is_soon_followed_by_others() {
    const AWAY: Duration = Duration::from_secs(20);
    let cluster = Cluster::start(&[]);
    let topic = "checkpoints-waited";
    let records = Records::new(&cluster, topic, PARTITIONS);
    let store = "checkpoint.topic = \"checkpoints-waited-store\"";
    let lines = [store, "checkpoint.every = \"10s\"", "log.filter = \"debug,librdkafka=off\""];
    let mut program = Program::start(&config(&cluster.bootstrap(), topic, topic, &lines));
    program.until_ready();
    let written = |scrape: &Scrape| scrape.sum("holdline_checkpoints_total", &[]);
    program.until("the first are written", |scrape| written(scrape) >= f64::from(PARTITIONS));

    // Read, but not due to be written yet.
    calls(&records, "before", 2);
    program.until("they are counted", |scrape| offered_total(scrape) == 6.0);
    cluster.each_node("freeze");
    let log = program.after_line(program.written(), &["checkpoint: encoding"]);
    thread::sleep(AWAY);
    assert!(!program.log()[log..].contains("checkpoint: durable"), "brokers were not away");
    cluster.each_node("thaw");
    let log = program.after_line(log, &["checkpoint: durable"]);
    let back = clock::monotonic();
    program.after_line(log, &["checkpoint: durable"]);
    assert!(back.elapsed() < AWAY, "the next one was durable after {:?}", back.elapsed());
    program.stop();
}

/// What was offered before is judged as it was promised; what cannot change has state built anew, and both are told.
#[test]
fn other_settings_hold_from_the_restart_on_or_have_state_built_anew() {
    let cluster = Cluster::shared();
    let topic = "checkpoints-settings";
    let records = Records::new(cluster, topic, PARTITIONS);
    let folder = Folder::new("settings");
    let store = format!("checkpoint.folder = \"{}\"", folder.0.display());
    let with = |more: &str| {
        let lines = [&store, "checkpoint.every = \"1s\"", "kafka.instance = \"settings\"", more];
        config(&cluster.bootstrap(), topic, topic, &lines)
    };
    // Answered after 3 to 9 s.
    let mut program = Program::start(&with("service.answer_within = \"20s\""));
    program.until_ready();
    calls(&records, "before", 7);
    program.until("all are counted", |scrape| offered_total(scrape) == 21.0);
    program.stop();

    let mut strict = Program::start(&with("service.answer_within = \"2s\"\nservice.short_abandon = \"1s\""));
    strict.until_ready();
    strict.until_logged(&["promises are others than before"]);
    let window = [("window", "5m"), ("measure", "wait")];
    let within = |scrape: &Scrape| scrape.sum("holdline_window_answered_within", &window);
    let answered = |scrape: &Scrape| scrape.sum("holdline_window_answered", &window);
    let before = strict.until("what was answered is shown", |scrape| answered(scrape) == 12.0);
    assert_eq!((within(&before), offered_total(&before)), (12.0, 21.0));
    // These were offered a little earlier than those, by the same second or before: later ones are under the new promise.
    for partition in 0..PARTITIONS {
        let (contact, at) = (format!("after-{partition}"), seconds_ago(15));
        records.tell(partition, &contact, at, &offered("q0"));
        records.tell(partition, &contact, at + 4_000, ANSWERED);
    }
    records.flush();
    let after = strict.until("later ones are shown", |scrape| answered(scrape) == 15.0);
    assert_eq!(within(&after), 12.0, "none of the later ones was within 2 s");
    strict.stop();

    let mut wide = Program::start(&with("slots.fine = \"20s\""));
    let anew = wide.until_ready();
    wide.until_logged(&["is not used: the shard was encoded under other settings: slots differ"]);
    wide.until_logged(&["its state is rebuilt from the look-back on"]);
    assert_eq!(anew.value("holdline_restores_total", &[("from", "look_back")]), Some(3.0));
    // By the promise of today, which is the usual one again.
    wide.until("everything is shown", |scrape| answered(scrape) == 15.0 && within(scrape) == 15.0);
    wide.stop();
}
