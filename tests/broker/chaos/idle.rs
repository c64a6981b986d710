//! Partitions into which nothing comes while processes end and begin: their checkpoints are all of one offset, and counters
//! go on all the same.

use std::thread;

use crate::cluster::Cluster;
use crate::records::{ANSWERED, Records, offered, seconds_ago};
use crate::scrape::Scrape;

use super::alone::PARTITIONS;
use super::ground::{Ground, STORES};
use super::stage::{Stage, Theatre};

/// Each ends once in good order and once by a kill.
const ROUNDS: usize = 4;

#[test]
fn counters_go_on_although_nothing_comes_into_some_partitions() {
    let theatre = Theatre::at(Cluster::shared());
    thread::scope(|scope| {
        for store in STORES {
            let theatre = &theatre;
            scope.spawn(move || play(theatre, store));
        }
    });
}

fn play(theatre: &Theatre<'_>, store: &str) {
    let act = format!("idle-{store}");
    let stage = Stage::new(theatre, &act, PARTITIONS, 1, Ground::of(store, &act));
    let records = Records::to(theatre.cluster, &act);
    let mut program = stage.start("alone");
    program.until_ready();
    program.until("each partition is durable", |scrape| {
        scrape.sum("holdline_checkpoints_total", &[]) >= f64::from(PARTITIONS)
    });
    for round in 1..=ROUNDS {
        program.stop();
        program = stage.start("alone");
        program.until_ready();
        let at = seconds_ago(60);
        records.tell(1, &format!("c{round}"), at, &offered("billing"));
        records.tell(1, &format!("c{round}"), at + 5_000, ANSWERED);
        records.flush();
        program.until("it counts", |scrape| counted(scrape) == round as f64);
        program.kill();
        program = stage.start("alone");
        program.until_ready();
        assert_eq!(counted(&program.scrape()), round as f64, "round {round} of the {store}");
    }
}

fn counted(scrape: &Scrape) -> f64 {
    scrape.sum("holdline_contacts_answered_total", &[])
}
