//! One instance that holds everything from the first record on, and is struck down again and again: what it counts is
//! always what the model counts of the whole topic.

use std::collections::VecDeque;

use crate::program::Program;

use super::ground::{Ground, SmallDisk};
use super::judge::Told;
use super::phase::Phase;
use super::plan::Blow;
use super::retelling::Counts;
use super::stage::Stage;
use super::table::Event;

/// Partitions of the topic of such an act.
pub const PARTITIONS: i32 = 3;

/// A kill that missed its phase is tried again, so often for each that is planned.
const TRIES: usize = 5;

/// Plays all blows.
pub fn play(stage: &mut Stage<'_>, blows: Vec<Blow>) {
    let mut tries = blows.len() * TRIES;
    let mut blows = VecDeque::from(blows);
    let mut program = stage.start("alone");
    stage.begin(&[&program]);
    while let Some(blow) = blows.pop_front() {
        if let Blow::Kill(aim) = blow {
            if aim != Phase::Rebalancing {
                judge(stage, &program);
            } else if is_up(&program) {
                // It takes partitions when it starts.
                stage.kill(&mut program, Phase::Plain);
                program = stage.start("alone");
            }
            let died = stage.kill(&mut program, aim);
            tries = tries.checked_sub(1).unwrap_or_else(|| panic!("no process dies in the phase {aim:?}"));
            if died != aim {
                blows.push_back(blow);
            }
            program = stage.start("alone");
            continue;
        }
        judge(stage, &program);
        match blow {
            Blow::Kill(_) => {}
            Blow::Damage(damage) => {
                // Each partition has two that are whole.
                let written = f64::from(2 * PARTITIONS);
                program.until("checkpoints", |scrape| scrape.sum("holdline_checkpoints_total", &[]) >= written);
                stage.kill(&mut program, Phase::Plain);
                let (damaged, to_be_refused) = stage.ground.damage(stage.theatre.cluster, damage, &mut stage.dice);
                assert!(damaged > 0, "there was nothing to damage");
                program = stage.start("alone");
                judge(stage, &program);
                let refused = program.log().matches("is not used: ").count();
                assert!(refused >= to_be_refused, "{refused} of {to_be_refused} checkpoints are refused");
                stage.count(Event::Damaged, damaged);
                stage.count(Event::Refused, refused);
            }
            Blow::Broker => {
                let (node, dies_meanwhile) = (1 + stage.dice.below(3) as u32, stage.dice.falls(50));
                let theatre = stage.theatre;
                theatre.without_broker(node, || {
                    if dies_meanwhile {
                        stage.kill(&mut program, Phase::Plain);
                        program = stage.start("alone");
                    }
                    judge(stage, &program);
                });
                stage.count(Event::BrokerKill, 1);
            }
            Blow::FullDisk => program = full_disk(stage, program),
        }
    }
    judge(stage, &program);
    program.stop();
    let program = stage.start("alone");
    judge(stage, &program);
}

/// Whether it was given its partitions.
fn is_up(program: &Program) -> bool {
    program.log().contains("partition assigned")
}

fn judge(stage: &mut Stage<'_>, program: &Program) {
    stage.judge(&[program], &Told::default(), &Counts::default());
    stage.stream.go_on();
}

/// Nothing is durable for a while; it says so, and counts on.
fn full_disk(stage: &mut Stage<'_>, mut program: Program) -> Program {
    disk(stage).fill();
    program.until("checkpoints fail", |scrape| scrape.sum("holdline_checkpoint_failures_total", &[]) >= 2.0);
    judge(stage, &program);
    if stage.dice.falls(50) {
        let log = program.kill();
        stage.count_kill(Phase::at_end_of(&log));
        program = stage.start("alone");
        judge(stage, &program);
    }
    let written = |program: &Program| program.scrape().sum("holdline_checkpoints_total", &[]);
    let before = written(&program);
    disk(stage).make_room();
    program.until("checkpoints are durable again", |_| written(&program) >= before + f64::from(PARTITIONS));
    stage.count(Event::FullDisk, 1);
    program
}

fn disk<'s>(stage: &'s Stage<'_>) -> &'s SmallDisk {
    let Ground::SmallDisk(disk) = &stage.ground else { panic!("this disk cannot be filled") };
    disk
}
