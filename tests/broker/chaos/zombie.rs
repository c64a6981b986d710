//! An instance that stands still in the middle of a checkpoint for longer than its session, and goes on as if nothing had
//! happened: what it still writes and commits does no harm.

use std::thread;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::program::{Program, until};
use crate::scrape::Scrape;

use super::ground::{Ground, STORES};
use super::pair::PARTITIONS;
use super::phase::Phase;
use super::stage::{Stage, Theatre};

/// What a process wrote is read within this.
const READ_BY: Duration = Duration::from_millis(100);

/// Stopping a process takes longer than most phases last.
const TRIES: usize = 200;

/// Has it stand still with a checkpoint under way that is not durable, or at least not committed.
fn stop_in_checkpoint(program: &Program) {
    for _ in 0..TRIES {
        program.after_line(program.written(), &["checkpoint: encoding", "checkpoint: writing"]);
        program.signal("STOP");
        // What it wrote before that is read by then.
        thread::sleep(READ_BY);
        if matches!(Phase::at_end_of(&program.log()), Phase::Writing | Phase::Renaming) {
            return;
        }
        program.signal("CONT");
    }
    panic!("it was never stopped in the middle of a checkpoint");
}

fn holds(count: i32) -> impl Fn(&Scrape) -> bool {
    move |scrape| {
        scrape.withheld().is_empty() && scrape.value("holdline_partitions_assigned", &[]) == Some(f64::from(count))
    }
}

fn until_shared(programs: [&Program; 2]) {
    let is_half = holds(PARTITIONS / 2);
    let seen = || programs.map(|program| program.page("/readyz").1).concat();
    let all = || programs.iter().all(|program| is_half(&program.scrape())).then_some(());
    until("both hold half of the partitions", seen, all);
}

#[test]
fn a_checkpoint_of_a_zombie_does_no_harm() {
    let theatre = Theatre::at(Cluster::shared());
    for store in STORES {
        let act = format!("zombie-{store}");
        let mut stage = Stage::new(&theatre, &act, PARTITIONS, 1, Ground::of(store, &act));
        let mut heir = stage.start("heir");
        heir.until_ready();
        let mut zombie = stage.start("zombie");
        until_shared([&heir, &zombie]);
        stage.begin(&[&heir, &zombie]);
        // It has counted something that is covered by a checkpoint of its own.
        let written = |scrape: &Scrape| scrape.sum("holdline_checkpoints_total", &[]);
        zombie.until("checkpoints", |scrape| written(scrape) >= f64::from(PARTITIONS));
        stop_in_checkpoint(&zombie);
        let known = zombie.written();

        heir.until("it holds everything", holds(PARTITIONS));
        let alone = stage.judge_shown(&[&heir]);
        let counted = stage.retelling.counts();
        assert!(alone.is_within(&counted, &counted).is_err(), "what the zombie counted is still the zombie's");
        stage.stream.go_on();
        let before = written(&heir.scrape());
        heir.until("it goes on writing", |scrape| written(scrape) >= before + f64::from(2 * PARTITIONS));

        zombie.signal("CONT");
        // What was under way is written to its end, unless it took too long by then. If that is quicker than the news that the
        // partition is no longer its own, the group refuses what it commits.
        zombie.after_line(known, &["checkpoint: durable", "no checkpoint: "]);
        let again = zombie.after_line(known, &["rebalance: assigned"]);
        assert!(!zombie.log()[known..again].contains("checkpoint: committed"), "{}", zombie.log());
        until_shared([&heir, &zombie]);
        let (both, counts) = (stage.judge_shown(&[&heir, &zombie]), stage.retelling.counts());
        let mut twice = counts.clone();
        twice.add(&counts);
        both.is_within(&counts, &twice).unwrap();
        stage.stream.go_on();

        // Nobody begins at what the zombie wrote.
        heir.kill();
        zombie.kill();
        let again = [stage.start("heir"), stage.start("zombie")];
        until_shared([&again[0], &again[1]]);
        stage.judge_shown(&[&again[0], &again[1]]);
        let restored = |program: &Program| {
            program.scrape().value("holdline_restores_total", &[("from", "checkpoint")]).unwrap_or(0.0)
        };
        assert!(restored(&again[0]) + restored(&again[1]) >= f64::from(PARTITIONS));
        assert!(again.iter().all(|program| !program.log().contains("is not used: ")));
        let number = |line: &str, name: &str| -> i64 {
            let number = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok());
            number.unwrap_or_else(|| panic!("no {name} in {line}"))
        };
        let log = zombie.log();
        let under_way = log[..known].lines().rfind(|line| line.contains("checkpoint: encoding")).expect("it was at it");
        let (partition, late) = (number(under_way, "partition="), number(under_way, "next_offset="));
        for log in again.each_ref().map(Program::log) {
            for line in log.lines().filter(|line| line.contains("restored from its checkpoint")) {
                assert!(number(line, "partition=") != partition || number(line, "from=") > late, "{under_way}\n{line}");
            }
        }
        println!("{act}:\n{}", theatre.table());
    }
}
