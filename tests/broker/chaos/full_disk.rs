//! A disk without room for checkpoints: it is said, everything stays shown and right, and once there is room all is well
//! again.

use crate::cluster::Cluster;
use crate::observer::Observer;

use super::alone::PARTITIONS;
use super::ground::{Ground, SmallDisk};
use super::judge::Told;
use super::retelling::Counts;
use super::stage::{Stage, Theatre};

#[test]
fn a_full_disk_is_told_and_nothing_else_suffers() {
    let theatre = Theatre::at(Cluster::shared());
    let ground = Ground::SmallDisk(SmallDisk::new("full"));
    let mut stage = Stage::new(&theatre, "full-disk", PARTITIONS, 1, ground);
    let mut program = stage.start("alone");
    stage.begin(&[&program]);
    let failures = |program: &crate::program::Program| program.scrape().sum("holdline_checkpoint_failures_total", &[]);
    assert_eq!(failures(&program), 0.0);
    let watches = Observer::of(&program, |scrape| match scrape.withheld() {
        withheld if withheld.is_empty() => Ok(()),
        withheld => Err(format!("withheld: {withheld:?}")),
    });

    let Ground::SmallDisk(disk) = &stage.ground else { unreachable!("it was made so") };
    disk.fill();
    let reason = program.until_withheld(&["checkpoints fail: ", "No space left on device"]);
    assert_eq!(reason.lines().count(), 1, "that is all there is to complain of: {reason}");
    program.until("it is tried again", |scrape| scrape.sum("holdline_checkpoint_failures_total", &[]) >= 3.0);
    stage.judge(&[&program], &Told::default(), &Counts::default());
    stage.stream.go_on();

    let Ground::SmallDisk(disk) = &stage.ground else { unreachable!("it was made so") };
    disk.make_room();
    let written = program.scrape().sum("holdline_checkpoints_total", &[]);
    program.until_ready();
    let failed = failures(&program);
    program.until("checkpoints", |scrape| {
        scrape.sum("holdline_checkpoints_total", &[]) >= written + f64::from(2 * PARTITIONS)
    });
    assert_eq!(failures(&program), failed);
    watches.seen();

    // What it had counted is durable.
    program.kill();
    let program = stage.start("alone");
    stage.judge(&[&program], &Told::default(), &Counts::default());
    println!("{}", theatre.table());
}
