//! A broker that stops or stands still: nothing is shown that is not known, and afterwards everything is there, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::observer::Observer;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, now_ms, offered, seconds_ago};
use crate::scrape::Scrape;

/// Slots end at multiples of this.
const SLOT_MS: u64 = 10_000;

const WINDOW: [(&str, &str); 2] = [("window", "5m"), ("measure", "wait")];

#[test]
fn a_broker_stops_and_returns() {
    outage("halt", "resume");
}

#[test]
fn a_broker_stands_still_and_goes_on() {
    outage("freeze", "thaw");
}

/// The group is over without a broker to lead it, and so is what was held; all of it comes again.
#[test]
fn an_outage_can_last_longer_than_the_session() {
    let cluster = Cluster::start(&[]);
    let records = Records::new(&cluster, "lasting", 2);
    let at = seconds_ago(60);
    for (partition, contact) in [(0, "one"), (1, "two")] {
        records.tell(partition, contact, at, &offered("billing"));
        records.tell(partition, contact, at + 5_000, ANSWERED);
    }
    records.flush();
    let short = ["kafka.options.session.timeout.ms = 6000"];
    let program = Program::start(&config(&cluster.bootstrap(), "lasting", "lasting", &short));
    program.until_ready();
    let watches = Observer::of(&program, |_| Ok(()));
    records.tell(0, "three", at, &offered("billing"));
    records.flush();
    let counted =
        |number: f64| move |scrape: &Scrape| scrape.value("holdline_contacts_offered_total", &[]) == Some(number);
    program.until("the third is counted", counted(1.0));

    cluster.each_node("halt");
    records.tell(1, "four", at, &offered("billing"));
    program.until("nothing is held", |scrape| scrape.value("holdline_partitions_assigned", &[]) == Some(0.0));
    program.until_withheld(&["broker silent: "]);
    assert!(!program.page("/readyz").1.contains("no partitions"), "nobody else has them");

    cluster.each_node("resume");
    records.flush();
    let window = ("holdline_window_offered", &WINDOW[..]);
    program.until("all are there", |scrape| scrape.value(window.0, window.1) == Some(4.0)).expect(&[
        ("holdline_window_answered_within", &WINDOW, Some(2.0)),
        ("holdline_contacts_waiting", &[], Some(2.0)),
        ("holdline_partitions_caught_up", &[], Some(2.0)),
        ("holdline_service_level_ratio", &[("window", "5m"), ("measure", "wait")], Some(0.5)),
    ]);
    records.tell(0, "five", at, &offered("billing"));
    records.flush();
    // What came during the outage was read when the partitions were taken again, so whether it counts is left open.
    let scrape = program.until("the fifth is there", |scrape| scrape.value(window.0, window.1) == Some(5.0));
    let counted = scrape.value("holdline_contacts_offered_total", &[]);
    assert!(counted == Some(2.0) || counted == Some(3.0), "{counted:?}");
    watches.seen();
}

/// Two calls are offered just before the outage and answered in time during it; nobody can know before it is over. Whoever
/// trusted the clock alone would call them overdue before noticing the outage.
fn outage(begin: &str, end: &str) {
    let cluster = Cluster::start(&[]);
    let records = Records::new(&cluster, "outage", 2);
    // One that really came too late, so that there is something to be seen.
    let before = seconds_ago(60);
    records.tell(0, "late", before, &offered("billing"));
    records.tell(0, "late", before + 10_000, ANSWERED);
    records.flush();

    let more = [
        "service.answer_within = \"2s\"",
        "service.short_abandon = \"1s\"",
        "windows.counts = [\"5m\"]",
        "windows.quantiles = [\"5m\"]",
    ];
    let mut program = Program::start(&config(&cluster.bootstrap(), "outage", "outage", &more));
    let scrape = program.until_ready();
    assert_eq!(scrape.value("holdline_window_overdue", &WINDOW), Some(1.0));
    let most_overdue = Arc::new(AtomicUsize::new(0));
    let most = Arc::clone(&most_overdue);
    let watches = Observer::of(&program, move |scrape| {
        most.fetch_max(scrape.sum("holdline_window_overdue", &WINDOW) as usize, Ordering::Relaxed);
        Ok(())
    });

    // Their target passes 2 s before a slot ends: soon after the outage begins, long before it is noticed.
    thread::sleep(Duration::from_millis(SLOT_MS - (now_ms() + 4_000) % SLOT_MS));
    let open_at = now_ms();
    records.tell(0, "open-0", open_at, &offered("billing"));
    records.tell(1, "open-1", open_at, &offered("billing"));
    records.flush();
    program.until("both are counted", |scrape| scrape.value("holdline_contacts_offered_total", &[]) == Some(2.0));

    cluster.each_node(begin);
    let began = now_ms();
    records.tell(0, "open-0", open_at + 1_000, ANSWERED);
    records.tell(1, "open-1", open_at + 1_500, ANSWERED);
    let reasons = program.until_withheld(&["broker silent: ", "not caught up: outage 0, outage 1"]);
    assert!(!reasons.contains("unknown topic"), "{reasons}");
    let scrape = program.scrape();
    assert!(scrape.withheld().contains("broker_silent"), "{:?}", scrape.withheld());
    assert_eq!(scrape.count("holdline_window_offered", &[]), 0);
    assert_eq!(scrape.value("holdline_partitions_caught_up", &[]), Some(0.0));
    assert_eq!(program.page("/healthz"), (200, "ok\n".to_owned()), "a restart would not help");
    // Long enough that the target has passed, whichever clock is asked.
    thread::sleep(Duration::from_millis((began + 20_000).saturating_sub(now_ms())));

    // What was answered meanwhile is there before the program looks again: else it would be right to call it overdue.
    program.signal("STOP");
    cluster.each_node(end);
    records.flush();
    program.signal("CONT");

    program.until_ready();
    records.tell(1, "after", before, &offered("billing"));
    records.tell(1, "after", before + 1_000, ANSWERED);
    records.flush();
    let scrape = program.until("all is there", |scrape| {
        scrape.value("holdline_window_answered_within", &WINDOW) == Some(3.0)
            && scrape.value("holdline_contacts_offered_total", &[]) == Some(3.0)
            && scrape.value("holdline_contacts_answered_total", &[]) == Some(3.0)
    });
    scrape.expect(&[
        ("holdline_window_answered", &WINDOW, Some(4.0)),
        ("holdline_window_overdue", &WINDOW, Some(1.0)),
        ("holdline_contacts_answered_within_target_total", &[], Some(3.0)),
        ("holdline_events_total", &[], Some(8.0)),
        ("holdline_events_duplicate_total", &[], Some(0.0)),
        ("holdline_tracked_contacts", &[], Some(4.0)),
        ("holdline_partitions_caught_up", &[], Some(2.0)),
    ]);
    watches.seen();
    // On a machine so slow that the target passed before the outage began, they were overdue as far as anybody knew.
    if began < open_at + 4_000 {
        assert_eq!(most_overdue.load(Ordering::Relaxed), 1, "overdue at most, at any moment");
    } else {
        eprintln!("The broker took so long to {begin} that nothing was seen of false alarms.");
    }
    program.stop();
}
