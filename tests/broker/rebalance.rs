//! Instances of one group share the partitions, and what they say adds up to the whole.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::observer::Observer;
use crate::program::{Program, SetOnDrop, config, until};
use crate::records::{ANSWERED, Records, offered, seconds_ago};
use crate::scrape::Scrape;

const PARTITIONS: i32 = 4;

const WINDOW: [(&str, &str); 2] = [("window", "5m"), ("measure", "wait")];

/// One window keeps what is read all the time short.
const ONE_WINDOW: [&str; 2] = ["windows.counts = [\"5m\"]", "windows.quantiles = [\"5m\"]"];

/// `count` calls that were answered in time, into each partition; each partition has a queue of its own.
fn answered_calls(records: &Records, name: &str, count: impl Fn(i32) -> i32) {
    let at = seconds_ago(60);
    for partition in 0..PARTITIONS {
        for number in 0..count(partition) {
            let contact = format!("{name}-{partition}-{number}");
            records.tell(partition, &contact, at, &offered(&format!("q{partition}")));
            records.tell(partition, &contact, at + 5_000, ANSWERED);
        }
    }
    records.flush();
}

/// Numbers of the partitions that are held.
fn held(scrape: &Scrape) -> BTreeSet<String> {
    scrape.labels("holdline_consumer_lag_records", "partition")
}

/// While lanes are shown, they are those of the partitions that are held, and levels and quantiles are those of all.
fn shows_what_it_holds(scrape: &Scrape) -> Result<(), String> {
    let queues = scrape.labels("holdline_window_offered", "queue");
    let of_held: BTreeSet<String> = held(scrape).iter().map(|partition| format!("q{partition}")).collect();
    if !queues.is_empty() && queues != of_held {
        return Err(format!("shows {queues:?} and holds {of_held:?}"));
    }
    let speaks_for_all =
        scrape.count("holdline_service_level_ratio", &[]) + scrape.count("holdline_window_wait_seconds", &[]) > 0;
    if speaks_for_all && queues.len() != 4 {
        return Err(format!("levels while only {queues:?} are held"));
    }
    if !scrape.withheld().is_empty() && !queues.is_empty() {
        return Err(format!("shows lanes although {:?}", scrape.withheld()));
    }
    Ok(())
}

/// Waits until both hold two partitions and show lanes.
fn until_shared(one: &Program, other: &Program) -> (Scrape, Scrape) {
    let is_half = |scrape: &Scrape| {
        scrape.value("holdline_partitions_assigned", &[]) == Some(2.0) && scrape.withheld().is_empty()
    };
    let seen = || one.page("/readyz").1 + &other.page("/readyz").1;
    let shared = || Some((one.scrape(), other.scrape())).filter(|(one, other)| is_half(one) && is_half(other));
    until("both hold two partitions", seen, shared)
}

#[test]
fn two_instances_add_up_and_one_takes_over() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "rebalance", PARTITIONS);
    answered_calls(&records, "history", |partition| partition + 1);
    let config = config(&cluster.bootstrap(), "rebalance", "rebalance", &ONE_WINDOW);

    let mut first = Program::start(&config);
    let alone = first.until_ready();
    assert_eq!(alone.sum("holdline_window_offered", &WINDOW), 10.0);
    assert_eq!(alone.count("holdline_service_level_ratio", &WINDOW), 4, "it holds all, so it speaks for whole queues");
    let watches_first = Observer::of(&first, shows_what_it_holds);

    answered_calls(&records, "alone", |_| 1);
    let offered = |number: f64| move |scrape: &Scrape| scrape.sum("holdline_contacts_offered_total", &[]) == number;
    first.until("all four are counted", offered(4.0));

    let mut second = Program::start(&config);
    let watches_second = Observer::of(&second, shows_what_it_holds);
    let (one, other) = until_shared(&first, &second);
    assert!(held(&one).is_disjoint(&held(&other)));
    assert_eq!(one.sum("holdline_window_offered", &WINDOW) + other.sum("holdline_window_offered", &WINDOW), 14.0);
    for half in [&one, &other] {
        assert_eq!(half.count("holdline_service_level_ratio", &[]), 0, "half of the partitions are no whole queues");
        assert_eq!(half.count("holdline_window_wait_seconds", &[]), 0);
        assert_eq!(half.count("holdline_consumer_lag_records", &[]), 2);
    }
    // What was counted stays with whoever did it, also of partitions that are gone, and is history to the other.
    assert!(offered(4.0)(&one) && offered(0.0)(&other));

    answered_calls(&records, "shared", |_| 1);
    let answered = |number: f64| {
        move |scrape: &Scrape| scrape.sum("holdline_contacts_answered_within_target_total", &[]) == number
    };
    let one = first.until("its two are counted", answered(6.0));
    let other = second.until("its two are counted", answered(2.0));
    assert_eq!(one.sum("holdline_window_answered", &WINDOW) + other.sum("holdline_window_answered", &WINDOW), 18.0);

    first.stop();
    watches_first.seen();
    let whole = second.until("all partitions are taken over", |scrape| {
        scrape.value("holdline_partitions_assigned", &[]) == Some(4.0) && scrape.withheld().is_empty()
    });
    assert_eq!(whole.sum("holdline_window_offered", &WINDOW), 18.0);
    assert_eq!(whole.sum("holdline_window_answered_within", &WINDOW), 18.0);
    assert_eq!(whole.count("holdline_service_level_ratio", &WINDOW), 4);
    // What was read again on taking over is history.
    assert!(offered(2.0)(&whole));

    answered_calls(&records, "over", |_| 1);
    let whole = second.until("all four are counted", offered(6.0));
    assert_eq!(whole.sum("holdline_window_offered", &WINDOW), 22.0);
    assert_eq!(whole.sum("holdline_events_duplicate_total", &[]), 0.0);
    second.stop();
    watches_second.seen();
    for program in [&first, &second] {
        assert!(!program.log().contains("does not say where partitions begin"), "the broker was asked in vain");
    }
}

/// However the partitions move while events stream in, in the end each of them is counted once in a window.
#[test]
fn nothing_is_lost_while_partitions_move() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "moving", PARTITIONS);
    let config = config(&cluster.bootstrap(), "moving", "moving", &ONE_WINDOW);
    let (at, over) = (seconds_ago(60), AtomicBool::new(false));
    thread::scope(|scope| {
        let stream = scope.spawn(|| {
            let mut sent = 0;
            while !over.load(Ordering::Relaxed) {
                let partition = sent % PARTITIONS;
                records.tell(partition, &format!("m{sent}"), at, &offered(&format!("q{partition}")));
                sent += 1;
                // Sparse enough that partitions are often read to their end.
                thread::sleep(Duration::from_millis(7));
            }
            records.flush();
            sent
        });
        let over = SetOnDrop(&over);
        let first = Program::start(&config);
        first.until_ready();
        let mut second = Program::start(&config);
        until_shared(&first, &second);
        second.stop();
        let third = Program::start(&config);
        until_shared(&first, &third);
        drop(over);
        let sent = f64::from(stream.join().unwrap());

        let offered = |scrape: &Scrape| scrape.sum("holdline_window_offered", &WINDOW);
        let seen = || format!("{sent} sent, {} and {} seen", offered(&first.scrape()), offered(&third.scrape()));
        let all = || Some(offered(&first.scrape()) + offered(&third.scrape())).filter(|sum| *sum >= sent);
        assert_eq!(until("all are there", seen, all), sent);
    });
}

#[test]
fn a_restart_under_the_same_name_moves_nothing() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "restart", PARTITIONS);
    answered_calls(&records, "history", |partition| partition + 1);
    let config = |name: &str| {
        let name = format!("kafka.instance = \"{name}\"");
        let mut more = ONE_WINDOW.to_vec();
        // Longer than any restart takes.
        more.extend([name.as_str(), "kafka.options.session.timeout.ms = 120000"]);
        config(&cluster.bootstrap(), "restart", "restart", &more)
    };
    let stays = Program::start(&config("one"));
    stays.until_ready();
    let mut restarts = Program::start(&config("two"));
    let (one, other) = until_shared(&stays, &restarts);
    let rebalances = one.value("holdline_rebalances_total", &[]).unwrap();

    let holds = held(&one);
    let watches = Observer::of(&stays, move |scrape| {
        if held(scrape) != holds || !scrape.withheld().is_empty() {
            return Err(format!("held {holds:?}, now {:?}, withheld {:?}", held(scrape), scrape.withheld()));
        }
        shows_what_it_holds(scrape)
    });
    restarts.stop();
    let restarted = Program::start(&config("two"));
    let again = restarted.until_ready();
    assert_eq!(held(&again), held(&other), "it has its own back");
    let one = stays.scrape();
    assert_eq!(one.sum("holdline_window_offered", &WINDOW) + again.sum("holdline_window_offered", &WINDOW), 10.0);
    assert_eq!(one.value("holdline_rebalances_total", &[]), Some(rebalances));
    watches.seen();
}

/// Each takes the other's place once, since nobody can know at first who it was; then one of them ends and says why.
#[test]
fn of_two_that_have_one_name_one_ends() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "twins", PARTITIONS);
    answered_calls(&records, "history", |partition| partition + 1);
    let mut more = ONE_WINDOW.to_vec();
    more.extend(["kafka.instance = \"twin\"", "kafka.options.session.timeout.ms = 6000"]);
    let config = config(&cluster.bootstrap(), "twins", "twins", &more);
    let one = Program::start(&config);
    one.until_ready();
    let mut twins = vec![one, Program::start(&config)];
    let ended = until("one of them ends", String::new, || twins.iter_mut().position(Program::has_ended));
    let (code, log) = twins.remove(ended).end();
    assert_eq!(code, Some(1), "{log}");
    assert_eq!(log.matches("joining anew").count(), 1, "{log}");
    assert!(log.contains("the group will not have this member back: another member of the group \"twins\""), "{log}");
    assert_eq!(held(&twins[0].until_ready()).len(), 4);
}
