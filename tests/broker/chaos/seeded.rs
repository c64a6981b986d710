//! The plan of a seed, all of it, in both stores.

use std::thread;

use crate::cluster::Cluster;

use super::ground::{Ground, STORES, SmallDisk};
use super::phase::Phase;
use super::plan::{Dice, Extent, blows, blows_of_small_disk, turns};
use super::stage::{Stage, Theatre};
use super::table::Event;
use super::{alone, pair};

/// Says how to try the same again, if it is dropped by a failure.
struct Replay(Extent);

impl Drop for Replay {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("try the same again: {}", self.0);
        }
    }
}

#[test]
fn whatever_fails_every_number_is_what_it_would_have_been() {
    let extent = Extent::asked();
    println!("{extent}");
    let _replay = Replay(extent);
    let cluster = Cluster::start(&["--nodes", "3"]);
    let (theatre, seed) = (Theatre::at(&cluster), extent.seed);
    thread::scope(|scope| {
        for store in STORES {
            let theatre = &theatre;
            let acts = extent.acts();
            let pairs = acts.len();
            scope.spawn(move || {
                for (number, kills) in acts.into_iter().enumerate() {
                    let act = format!("alone-{store}-{number}");
                    let mut stage = Stage::new(theatre, &act, alone::PARTITIONS, seed, Ground::of(store, &act));
                    let blows = blows(&mut Dice::new(seed, &format!("{act}, planned")), kills);
                    alone::play(&mut stage, blows);
                    println!("{act} is over\n{}", theatre.table());
                }
            });
            scope.spawn(move || {
                for number in 0..pairs {
                    let act = format!("pair-{store}-{number}");
                    let mut stage = Stage::new(theatre, &act, pair::PARTITIONS, seed, Ground::of(store, &act));
                    pair::play(&mut stage, &turns(&mut Dice::new(seed, &format!("{act}, planned"))));
                    if store == "folder" && extent.fills_disks {
                        let act = format!("disk-{number}");
                        let ground = Ground::SmallDisk(SmallDisk::new(&act));
                        let mut stage = Stage::new(theatre, &act, alone::PARTITIONS, seed, ground);
                        alone::play(&mut stage, blows_of_small_disk(&mut Dice::new(seed, &format!("{act}, planned"))));
                    }
                }
            });
        }
    });
    let table = theatre.table();
    println!("{table}");
    if !extent.fills_disks {
        println!("NOT TESTED: full disks, HOLDLINE_CHAOS_DISKS=no");
    }
    for store in STORES {
        for phase in Phase::ALL {
            assert!(table.kills(store, phase) >= extent.kills / 10, "kills in the phase {phase:?} of the {store}");
        }
        for event in [
            Event::Damaged,
            Event::Refused,
            Event::Zombie,
            Event::BrokerKill,
            Event::Move,
            Event::TakeOver,
            Event::Judgement,
        ] {
            assert!(table.counted(store, event) > 0, "{event:?} of the {store}");
        }
    }
    assert!(!extent.fills_disks || table.counted("folder", Event::FullDisk) > 0);
}
