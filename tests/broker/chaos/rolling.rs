//! Instances that are restarted one after the other under their names, as for an upgrade: nothing moves, nothing is counted
//! twice.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::program::{Program, until};
use crate::scrape::Scrape;

use super::ground::{Ground, STORES};
use super::judge::Told;
use super::pair::PARTITIONS;
use super::retelling::Counts;
use super::stage::{Stage, Theatre};

const NAMES: [&str; 2] = ["one", "two"];

fn held(scrape: &Scrape) -> BTreeSet<String> {
    scrape.labels("holdline_consumer_lag_records", "partition")
}

fn rebalances(program: &Program) -> Option<f64> {
    program.scrape().value("holdline_rebalances_total", &[])
}

#[test]
fn a_rolling_restart_moves_nothing() {
    let theatre = Theatre::at(Cluster::shared());
    for store in STORES {
        let act = format!("rolling-{store}");
        let mut stage = Stage::new(&theatre, &act, PARTITIONS, 1, Ground::of(store, &act));
        let mut programs = NAMES.map(|name| stage.start(name));
        let shared = || {
            let scrapes = programs.each_ref().map(Program::scrape);
            let is_half =
                |scrape: &Scrape| scrape.withheld().is_empty() && held(scrape).len() == PARTITIONS as usize / 2;
            scrapes.iter().all(is_half).then_some(scrapes)
        };
        let before = until("both hold half of the partitions", String::new, shared);
        stage.begin(&[&programs[0], &programs[1]]);
        for round in 0..4 {
            let (who, other) = (round % 2, 1 - round % 2);
            let quiet = rebalances(&programs[other]);
            programs[who].stop();
            programs[who] = stage.start(NAMES[who]);
            programs[who].until_ready();
            assert_eq!(held(&programs[who].scrape()), held(&before[who]), "it has its own back");
            assert_eq!(rebalances(&programs[other]), quiet, "{} sees a rebalance", NAMES[other]);
            stage.judge(&[&programs[0], &programs[1]], &Told::default(), &Counts::default());
            stage.stream.go_on();
        }
    }
}
