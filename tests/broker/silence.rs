//! Silence turns red by itself: a queue that was served well, then one that nobody serves, and not one event more.

use std::thread;
use std::time::Duration;

use holdline::engine::settings::Settings;

use crate::cluster::Cluster;
use crate::judge::shown_for;
use crate::program::{Program, config, until};
use crate::records::{ANSWERED, Records, now_ms, offered, seconds_ago};

/// Calls that were answered in time, one every ten seconds.
const SERVED: u64 = 18;

/// Calls that nobody answers.
const UNSERVED: u64 = 12;

/// The customary promises: within 20 s, of which 80 %.
const TARGET_MS: u64 = 20_000;
const GOAL: f64 = 0.8;

/// What the service allows events to be late before it looks.
const DELAY_MS: u64 = 2_000;

/// What it may take to look and to tell.
const LOOKING_MS: u64 = 1_000;

/// On a machine that does other things besides, everybody comes to their turn later.
const SLACK_MS: u64 = 2_000;

const WINDOW: [(&str, &str); 2] = [("window", "5m"), ("measure", "wait")];

#[test]
fn a_queue_that_was_served_well_turns_red_when_nobody_answers_any_more() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "deserted", 2);
    let begin = seconds_ago(10 * SERVED + 15);
    let partition = |number: u64| i32::from(!number.is_multiple_of(2));
    for number in 0..SERVED {
        let (contact, at) = (format!("served-{number}"), begin + 10_000 * number);
        records.tell(partition(number), &contact, at, &offered("billing"));
        records.tell(partition(number), &contact, at + 6_000, ANSWERED);
    }
    records.flush();
    let mut program = Program::start(&config(&cluster.bootstrap(), "deserted", "deserted", &[]));
    let level = [("formula", "offered"), WINDOW[0], WINDOW[1]];
    program.until_ready().expect(&[
        ("holdline_service_level_goal_ratio", &[("measure", "wait")], Some(GOAL)),
        ("holdline_service_level_target_seconds", &[("measure", "wait")], Some(20.0)),
        ("holdline_service_level_ratio", &level, Some(1.0)),
        ("holdline_window_decided", &WINDOW, Some(SERVED as f64)),
        ("holdline_window_overdue", &WINDOW, Some(0.0)),
    ]);

    // All at the same instant, so that all of their deadlines lie in the same slot.
    let offered_at = now_ms();
    for number in 0..UNSERVED {
        records.tell(partition(number), &format!("unserved-{number}"), offered_at, &offered("billing"));
    }
    records.flush();
    let events = (2 * SERVED + UNSERVED) as f64;
    program.until("they wait", |scrape| scrape.value("holdline_contacts_waiting", &[]) == Some(UNSERVED as f64));

    // From here on nobody says anything.
    let missed_at = offered_at + TARGET_MS;
    let mut seen_at = 0;
    let mut before = Vec::new();
    let scrape = until("it turns red", String::new, || {
        let scrape = program.scrape();
        assert_eq!(scrape.value("holdline_events_total", &[]), Some(events), "no event is to come");
        if scrape.sum("holdline_window_overdue", &WINDOW) > 0.0 {
            seen_at = now_ms();
            return Some(scrape);
        }
        before.push(shown_for(&scrape));
        thread::sleep(Duration::from_millis(20));
        None
    });
    scrape.expect(&[
        ("holdline_window_overdue", &WINDOW, Some(UNSERVED as f64)),
        ("holdline_contacts_waiting", &[], Some(UNSERVED as f64)),
        ("holdline_contacts_waiting_over_target", &[], Some(UNSERVED as f64)),
        ("holdline_window_answered", &WINDOW, Some(SERVED as f64)),
    ]);
    // At once, and so within five minutes.
    let level = scrape.value("holdline_service_level_ratio", &level).unwrap();
    assert_eq!(level, SERVED as f64 / (SERVED + UNSERVED) as f64);
    assert!(level < GOAL);

    // The slot that the deadline lies in is told once it is over and events had time to arrive.
    let slot_ms = Settings::default().slots.fine_ms;
    let slot_over = missed_at / slot_ms * slot_ms + slot_ms;
    println!(
        "red {:.3} s after the first missed deadline, {:.3} s after the end of its slot; the 5m level is {level:.2}",
        (seen_at - missed_at) as f64 / 1_000.0,
        (seen_at - slot_over) as f64 / 1_000.0,
    );
    assert!(seen_at - missed_at <= slot_ms + DELAY_MS + LOOKING_MS + SLACK_MS, "too late");
    assert!(seen_at - slot_over <= DELAY_MS + LOOKING_MS + SLACK_MS, "too late after the end of the slot");
    assert!(seen_at - slot_over >= DELAY_MS, "events had no time to arrive");
    assert!(shown_for(&scrape) >= slot_over && before.iter().all(|&shown_for| shown_for < slot_over));
    program.stop();
}
