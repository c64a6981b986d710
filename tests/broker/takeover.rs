//! Two instances share twelve partitions, one leaves: what they show adds up to what one shows that reads everything.

use std::cell::Cell;
use std::collections::BTreeMap;

use holdline::engine::settings::Settings;

use crate::checkpoints::Folder;
use crate::cluster::Cluster;
use crate::judge::{shown_for, slot};
use crate::program::{Program, config, until};
use crate::records::{ABANDONED, ANSWERED, Records, now_ms, offered, seconds_ago};
use crate::scrape::{Key, Scrape};

const PARTITIONS: i32 = 12;

/// Cells of windows, which add up over processes.
const CELLS: [&str; 10] = [
    "holdline_window_decided",
    "holdline_window_answered_within",
    "holdline_window_abandoned_within",
    "holdline_window_short_abandoned",
    "holdline_window_left_within",
    "holdline_window_overdue",
    "holdline_window_offered",
    "holdline_window_answered",
    "holdline_window_abandoned",
    "holdline_window_left",
];

/// Calls into every partition over the last minutes: most are answered, some late, some give up, some still wait.
fn calls(records: &Records, name: &str) {
    for partition in 0..PARTITIONS {
        for number in 0..24_u64 {
            let (contact, at) = (format!("{name}-{partition}-{number}"), seconds_ago(200 + number * 11));
            records.tell(partition, &contact, at, &offered(&format!("q{}", number % 3)));
            match number % 6 {
                0..=2 => records.tell(partition, &contact, at + 2_000 + number * 400, ANSWERED),
                3 => records.tell(partition, &contact, at + 45_000, ANSWERED),
                4 => records.tell(partition, &contact, at + 3_000 + number * 1_000, ABANDONED),
                _ => {}
            }
        }
    }
    records.flush();
}

fn cells(scrape: &Scrape) -> BTreeMap<Key, f64> {
    scrape.all(|name| CELLS.contains(&name))
}

/// What is shown for one slot by all of these and by the one that reads everything.
fn adds_up(what: &str, parts: &[&Program], whole: &Program, events: f64) {
    let settings = Settings::default();
    // What is shown for a later instant was put together after everything was read.
    let read_at = Cell::new(None);
    let compared = || {
        let scrapes: Vec<Scrape> = parts.iter().map(|part| part.scrape()).collect();
        let all = whole.scrape();
        let is_shown = |scrape: &Scrape| scrape.withheld().is_empty();
        let held: f64 = scrapes.iter().filter_map(|scrape| scrape.value("holdline_partitions_assigned", &[])).sum();
        if !scrapes.iter().chain([&all]).all(is_shown) || held != f64::from(PARTITIONS) {
            return None;
        }
        if read_at.get().is_none() && all.sum("holdline_events_total", &[]) == events {
            read_at.set(Some(now_ms()));
        }
        let slots = |scrape: &Scrape| slot(shown_for(scrape), &settings);
        let is_later = |scrape: &Scrape| read_at.get().is_some_and(|read_at| shown_for(scrape) > read_at);
        let same_slot = scrapes.iter().all(|scrape| slots(scrape) == slots(&all));
        if !same_slot || !scrapes.iter().chain([&all]).all(is_later) {
            return None;
        }
        let mut sum: BTreeMap<Key, f64> = BTreeMap::new();
        for (key, value) in scrapes.iter().flat_map(cells) {
            *sum.entry(key).or_default() += value;
        }
        Some((sum, cells(&all)))
    };
    let seen = || parts.iter().chain([&whole]).map(|program| program.page("/readyz").1).collect::<String>();
    let (sum, all) = until(what, seen, compared);
    assert!(all.values().filter(|value| **value != 0.0).count() > 100, "{what}: hardly anything is shown");
    assert_eq!(sum, all, "{what}");
}

#[test]
fn what_two_show_is_what_one_shows_before_during_and_after_a_take_over() {
    let cluster = Cluster::shared();
    let folder = Folder::new("takeover");
    let in_folder = format!("checkpoint.folder = \"{}\"", folder.0.display());
    for (number, store) in [in_folder.as_str(), "checkpoint.topic = \"takeover-checkpoints\""].into_iter().enumerate() {
        let topic = format!("takeover-{number}");
        let records = Records::new(cluster, &topic, PARTITIONS);
        let config_of = |instance: &str| {
            let instance = format!("kafka.instance = \"{instance}\"");
            let session = "kafka.options.session.timeout.ms = 6000";
            config(&cluster.bootstrap(), &topic, &topic, &[store, "checkpoint.every = \"1s\"", &instance, session])
        };
        let mut whole = Program::start(&config(&cluster.bootstrap(), &topic, &format!("{topic}-whole"), &[]));
        let mut one = Program::start(&config_of("one"));
        one.until_ready();
        whole.until_ready();
        // Offered, and four of six come to an end otherwise; the fifth was counted among them.
        let of_one_go = f64::from(PARTITIONS) * (24.0 + 20.0);
        calls(&records, "alone");
        adds_up("one alone", &[&one], &whole, of_one_go);
        let mut other = Program::start(&config_of("other"));
        adds_up("two that share", &[&one, &other], &whole, of_one_go);
        calls(&records, "shared");
        adds_up("two that share and read on", &[&one, &other], &whole, of_one_go * 2.0);
        // Killed: the other takes over when the session is over.
        one.signal("KILL");
        one.end();
        adds_up("one that took over", &[&other], &whole, of_one_go * 2.0);
        assert!(other.scrape().sum("holdline_restores_total", &[("from", "checkpoint")]) >= 12.0);
        calls(&records, "after");
        adds_up("one that took over and reads on", &[&other], &whole, of_one_go * 3.0);
        other.stop();
        whole.stop();
    }
}
