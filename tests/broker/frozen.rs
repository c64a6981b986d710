//! A broker that stands still in the midst of traffic: customers who were answered in time are never said to have
//! waited too long, and nobody has to help afterwards.
//!
//! The broker stands still for [`FROZEN_S`]; for two minutes with
//! `HOLDLINE_FREEZE=120 cargo test --test broker frozen -- --nocapture`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cluster::Cluster;
use crate::judge::shown_for;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, now_ms, offered};
use crate::scrape::Scrape;

/// For how long the broker stands still, in seconds.
const FROZEN_S: u64 = 40;

/// A call is offered so often, and answered after so long: 2 s before its target passes.
const EVERY_MS: u64 = 250;
const ANSWERED_AFTER_MS: u64 = 18_000;

const TARGET_MS: u64 = 20_000;

/// What events are late at most, by the customary configuration.
const DELAY_MS: u64 = 2_000;

const SLOT_MS: u64 = 10_000;

const WINDOW: [(&str, &str); 2] = [("window", "1h"), ("measure", "wait")];

/// A queue that is served well: calls in all stages of waiting, each answered in time.
struct Traffic {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Traffic {
    /// Begins as if it had gone on for a while.
    fn start(records: &Arc<Records>) -> Traffic {
        let stop = Arc::new(AtomicBool::new(false));
        let (records, stopped) = (Arc::clone(records), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let partition = |number: u64| i32::from(!number.is_multiple_of(2));
            let mut waiting = VecDeque::new();
            let (mut number, mut next_at) = (0, now_ms() - ANSWERED_AFTER_MS);
            loop {
                let (now, is_over) = (now_ms(), stopped.load(Ordering::Relaxed));
                while next_at <= now && !is_over {
                    records.tell(partition(number), &format!("call-{number}"), next_at, &offered("billing"));
                    waiting.push_back((number, next_at + ANSWERED_AFTER_MS));
                    (number, next_at) = (number + 1, next_at + EVERY_MS);
                }
                while let Some((number, at)) = waiting.pop_front_if(|(_, at)| *at <= now) {
                    records.tell(partition(number), &format!("call-{number}"), at, ANSWERED);
                }
                if is_over && waiting.is_empty() {
                    return number;
                }
                thread::sleep(Duration::from_millis(10));
            }
        });
        Traffic { stop, thread }
    }

    /// Nobody calls any more; those who wait are answered. How many there were.
    fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only tells")
    }
}

/// What is seen at one moment.
struct Seen {
    at: u64,
    is_ready: bool,
    scrape: Scrape,
}

impl Seen {
    fn now(program: &Program) -> Seen {
        let (at, scrape) = (now_ms(), program.scrape());
        Seen { at, is_ready: program.page("/readyz").0 == 200, scrape }
    }

    fn overdue(&self) -> f64 {
        self.scrape.sum("holdline_window_overdue", &WINDOW)
    }

    fn assert_not_red(&self, since: u64) {
        let after = self.at.abs_diff(since) as f64 / 1_000.0;
        assert_eq!(self.overdue(), 0.0, "{after} s after {since} some are said to have waited too long");
    }
}

/// Sleeps until the wall clock is at this instant.
fn sleep_until(instant: u64) {
    thread::sleep(Duration::from_millis(instant.saturating_sub(now_ms())));
}

#[test]
fn who_was_answered_in_time_is_never_overdue_while_a_broker_stands_still() {
    let frozen_ms = 1_000 * std::env::var("HOLDLINE_FREEZE").map_or(FROZEN_S, |seconds| seconds.parse().unwrap());
    let cluster = Cluster::start(&[]);
    let records = Arc::new(Records::new(&cluster, "frozen", 2));
    let mut program = Program::start(&config(&cluster.bootstrap(), "frozen", "frozen", &[]));
    program.until_ready();
    let traffic = Traffic::start(&records);
    program.until("calls are answered", |scrape| scrape.sum("holdline_contacts_answered_total", &[]) >= 20.0);

    // A slot is over five seconds later, while lanes are still shown. Some who wait now are to be answered before that,
    // and nobody will know: whoever trusted the clock would call them overdue.
    sleep_until(now_ms() / SLOT_MS * SLOT_MS + SLOT_MS + 5_000);
    Seen::now(&program).assert_not_red(now_ms());
    cluster.each_node("freeze");
    let frozen = now_ms();
    let mut withheld_at = None;
    while now_ms() < frozen + frozen_ms {
        let seen = Seen::now(&program);
        seen.assert_not_red(frozen);
        if !seen.is_ready {
            withheld_at.get_or_insert(seen.at);
        }
        assert_eq!(seen.is_ready, withheld_at.is_none(), "ready again without a broker");
        if withheld_at.is_none() {
            assert!(shown_for(&seen.scrape) <= frozen, "shown for an instant that nobody knows");
            assert!(seen.scrape.sum("holdline_contacts_waiting", &[]) > 0.0, "nobody waits");
        } else if seen.at > frozen + 15_000 {
            assert_eq!(seen.scrape.count("holdline_window_offered", &[]), 0, "lanes are shown");
            assert!(!seen.scrape.withheld().is_empty());
        }
        thread::sleep(Duration::from_secs(1));
    }
    let withheld_after = withheld_at.expect("a silent broker is noticed") - frozen;
    assert!((9_000..15_000).contains(&withheld_after), "withheld after {withheld_after} ms");

    cluster.each_node("thaw");
    let thawed = now_ms();
    let delivered = Arc::new(AtomicU64::new(u64::MAX));
    let (flushing, noted) = (Arc::clone(&records), Arc::clone(&delivered));
    let flush = thread::spawn(move || {
        flushing.flush();
        noted.store(now_ms(), Ordering::Relaxed);
    });
    // Until the traffic's producer has delivered what it held back, the answers are nowhere but in its memory.
    let mut red_for = 0;
    let ready_at = loop {
        let seen = Seen::now(&program);
        red_for = if seen.overdue() > 0.0 { seen.at - thawed } else { red_for };
        let is_shown = |since: u64| seen.is_ready && shown_for(&seen.scrape) >= since;
        if is_shown(delivered.load(Ordering::Relaxed)) {
            break seen.at;
        }
        assert!(seen.at < thawed + 60_000, "does not recover: {}", program.page("/readyz").1);
        thread::sleep(Duration::from_millis(50));
    };
    flush.join().unwrap();
    println!(
        "frozen for {frozen_ms} ms: withheld after {withheld_after} ms; after thawing: delivered after {} ms, shown beyond \
         that after {} ms, red until {red_for} ms",
        delivered.load(Ordering::Relaxed) - thawed,
        ready_at - thawed,
    );
    // And further on, over the edge of a slot at least.
    while now_ms() < ready_at + SLOT_MS + DELAY_MS {
        let seen = Seen::now(&program);
        assert!(seen.is_ready);
        seen.assert_not_red(thawed);
        thread::sleep(Duration::from_millis(200));
    }
    let calls = traffic.end() as f64;
    records.flush();
    let scrape = program
        .until("the last call is answered", |scrape| scrape.value("holdline_window_answered", &WINDOW) == Some(calls));
    scrape.expect(&[
        ("holdline_window_offered", &WINDOW, Some(calls)),
        ("holdline_window_answered_within", &WINDOW, Some(calls)),
        ("holdline_window_overdue", &WINDOW, Some(0.0)),
        ("holdline_service_level_ratio", &WINDOW, Some(1.0)),
        ("holdline_contacts_waiting", &[], Some(0.0)),
        ("holdline_tracked_contacts", &[], Some(calls)),
    ]);
    println!(
        "{calls} calls, {} events read, {} duplicate, {} calls counted, {} answered within",
        scrape.sum("holdline_events_total", &[]),
        scrape.sum("holdline_events_duplicate_total", &[]),
        scrape.sum("holdline_contacts_offered_total", &[]),
        scrape.sum("holdline_contacts_answered_within_target_total", &[]),
    );
    // A member that was lost to its group begins anew, and what it reads again is history.
    let kept_its_partitions = !program.log().contains("partition revoked");
    assert!(kept_its_partitions || frozen_ms > 1_000 * FROZEN_S, "the group was lost");
    if kept_its_partitions {
        scrape.expect(&[
            ("holdline_contacts_offered_total", &[], Some(calls)),
            ("holdline_contacts_answered_total", &[], Some(calls)),
            ("holdline_contacts_answered_within_target_total", &[], Some(calls)),
            ("holdline_events_total", &[], Some(2.0 * calls)),
            ("holdline_events_duplicate_total", &[], Some(0.0)),
        ]);
    }
    program.stop();
}

/// An answer may be told a little later than it was given, and is waited for. That holds for answers that a broker did
/// not take before it stood still, too: nothing is shown for an instant of which they might tell.
#[test]
fn an_answer_on_its_way_to_a_broker_that_stands_still_was_in_time() {
    let cluster = Cluster::start(&[]);
    let records = Records::new(&cluster, "on-its-way", 1);
    let mut program = Program::start(&config(&cluster.bootstrap(), "on-its-way", "on-its-way", &[]));
    program.until_ready();
    let edge = (now_ms() + 4_000) / SLOT_MS * SLOT_MS + SLOT_MS;
    let offered_at = edge - TARGET_MS - 100;
    records.tell(0, "c", offered_at, &offered("billing"));
    records.flush();
    let scrape = program.until("it waits", |scrape| scrape.value("holdline_contacts_waiting", &[]) == Some(1.0));
    assert!(shown_for(&scrape) < edge);

    // Answered just before the target passed, and just before the slot was over; told a little later.
    sleep_until(edge + 800);
    cluster.each_node("freeze");
    let frozen = now_ms();
    records.tell(0, "c", offered_at + TARGET_MS - 100, ANSWERED);
    assert!(now_ms() < edge - 200 + DELAY_MS, "this machine is too slow to tell anything in time");
    while now_ms() < frozen + 9_000 {
        let seen = Seen::now(&program);
        assert!(seen.is_ready);
        seen.assert_not_red(frozen);
        thread::sleep(Duration::from_millis(200));
    }
    cluster.each_node("thaw");
    records.flush();
    let scrape = program.until("the answer is there", |scrape| {
        scrape.value("holdline_window_answered_within", &WINDOW) == Some(1.0) && shown_for(scrape) > edge
    });
    assert_eq!(scrape.value("holdline_window_overdue", &WINDOW), Some(0.0));
    program.stop();
}
