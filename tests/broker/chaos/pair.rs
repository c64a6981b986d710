//! Two instances that share the partitions, one of which is struck down: the sum of what both ever counted is what the model
//! counts, and on top of it exactly what was counted twice because whoever took over began at a checkpoint.
//!
//! What an instance told before it began to count anew is added as Prometheus does it.

use crate::program::{Program, until};
use crate::scrape::Scrape;

use super::judge::Told;
use super::phase::Phase;
use super::plan::Turn;
use super::retelling::Counts;
use super::stage::Stage;
use super::table::Event;

/// Partitions of the topic of such an act.
pub const PARTITIONS: i32 = 4;

/// The two, and what is known of the past.
struct Pair {
    programs: [Program; 2],
    /// What was counted by instances before they began anew.
    before: Told,
    /// What was counted twice.
    twice: Counts,
    /// What each told last.
    last: [Told; 2],
}

const NAMES: [&str; 2] = ["one", "two"];

/// Plays all turns.
pub fn play(stage: &mut Stage<'_>, turns: &[Turn]) {
    let first = stage.start(NAMES[0]);
    stage.begin(&[&first]);
    let told = stage.judge(&[&first], &Told::default(), &Counts::default());
    stage.stream.go_on();
    let second = stage.start(NAMES[1]);
    let mut pair = Pair {
        programs: [first, second],
        before: Told::default(),
        twice: Counts::default(),
        last: [told.into_iter().next().expect("one was asked"), Told::default()],
    };
    until_shared(&pair);
    stage.count(Event::Move, PARTITIONS as usize / 2);
    judge(stage, &mut pair);
    for turn in turns {
        let who = stage.dice.below(2) as usize;
        until_settled(stage, &pair);
        match turn {
            Turn::Return(phase) => {
                stage.kill(&mut pair.programs[who], *phase);
                pair.programs[who] = stage.start(NAMES[who]);
                until_shared(&pair);
                judge_all(stage, &mut pair);
                let anew = pair.programs[who].log().contains("partition revoked");
                assert!(!anew, "it was missed: {}", pair.programs[who].log());
            }
            Turn::Leave => {
                judge_all(stage, &mut pair);
                pair.programs[who].stop();
                take_over(stage, &mut pair, 1 - who, false);
                stage.count(Event::Move, PARTITIONS as usize / 2);
                come_back(stage, &mut pair, who);
            }
            Turn::Crash => {
                judge_all(stage, &mut pair);
                let log = pair.programs[who].kill();
                stage.count_kill(Phase::at_end_of(&log));
                take_over(stage, &mut pair, 1 - who, true);
                come_back(stage, &mut pair, who);
            }
            Turn::Zombie => {
                judge_all(stage, &mut pair);
                pair.programs[who].signal("STOP");
                let taken = take_over(stage, &mut pair, 1 - who, true);
                pair.programs[who].signal("CONT");
                stage.count(Event::Zombie, 1);
                until_shared(&pair);
                stage.count(Event::Move, PARTITIONS as usize / 2);
                settle(stage, &mut pair, &taken);
            }
        }
        judge(stage, &mut pair);
    }
    pair.programs.iter_mut().for_each(Program::stop);
}

/// Compares, and leaves nobody writing.
fn judge_all(stage: &mut Stage<'_>, pair: &mut Pair) {
    let Pair { programs: [one, other], before, twice, last } = pair;
    let told = stage.judge(&[one, other], before, twice);
    *last = told.try_into().expect("two were asked");
}

fn judge(stage: &mut Stage<'_>, pair: &mut Pair) {
    judge_all(stage, pair);
    stage.stream.go_on();
}

/// The other one holds everything: what it began with was read by the one that is away to the end, nobody having written
/// meanwhile. Then somebody writes, and it is judged by what both have counted. Gives what it took over, and the offset where
/// each began.
fn take_over(stage: &mut Stage<'_>, pair: &mut Pair, heir: usize, may_count_twice: bool) -> Vec<(i32, i64)> {
    let known = pair.programs[heir].written();
    let all = |scrape: &Scrape| {
        scrape.withheld().is_empty() && scrape.value("holdline_partitions_assigned", &[]) == Some(f64::from(PARTITIONS))
    };
    pair.programs[heir].until("it holds everything", all);
    let (log, mut taken) = (pair.programs[heir].log(), Vec::new());
    for line in log[known..].lines().filter(|line| line.contains("restored from its checkpoint")) {
        let number = |name: &str| -> i64 {
            let number = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse().ok());
            number.unwrap_or_else(|| panic!("no {name} in {line}"))
        };
        let (partition, from) = (number("partition="), number("from="));
        let twice = stage.retelling.counts_from(partition as i32, from);
        if !may_count_twice {
            assert!(twice.cells.values().all(|count| *count == 0), "handed over in good order, from {from}: {line}");
        }
        pair.twice.add(&twice);
        taken.push((partition as i32, from));
        stage.count(Event::TakeOver, usize::from(may_count_twice));
    }
    stage.stream.go_on();
    let mut before = pair.before.clone();
    before.add(&pair.last[1 - heir]);
    let told = stage.judge(&[&pair.programs[heir]], &before, &pair.twice);
    pair.last[heir] = told.into_iter().next().expect("one was asked");
    stage.stream.go_on();
    taken
}

/// A zombie reads on until it hears that it was missed, and counts what it reads. How much that is, nobody can know; but it
/// is no more than there is. From here on what was counted is right.
fn settle(stage: &mut Stage<'_>, pair: &mut Pair, taken: &[(i32, i64)]) {
    let [one, other] = &pair.programs;
    let mut told = stage.judge_shown(&[one, other]);
    told.add(&pair.before);
    let mut least = stage.retelling.counts();
    least.add(&pair.twice);
    let mut most = least.clone();
    taken.iter().for_each(|(partition, from)| most.add(&stage.retelling.counts_from(*partition, *from)));
    told.is_within(&least, &most).unwrap_or_else(|wrong| panic!("a zombie: {wrong}"));
    pair.before.take_off(&told, &least);
}

/// One that was away is there again, and has half of the partitions.
fn come_back(stage: &mut Stage<'_>, pair: &mut Pair, who: usize) {
    pair.programs[who] = stage.start(NAMES[who]);
    until_shared(pair);
    stage.count(Event::Move, PARTITIONS as usize / 2);
    let told = Told::by(&pair.programs[who].scrape());
    if told.fell_since(&pair.last[who]) {
        pair.before.add(&pair.last[who]);
    }
}

/// Waits until both hold half of the partitions and show lanes.
fn until_shared(pair: &Pair) {
    let is_half = |program: &Program| {
        let scrape = program.scrape();
        scrape.withheld().is_empty()
            && scrape.value("holdline_partitions_assigned", &[]) == Some(f64::from(PARTITIONS / 2))
    };
    let [one, other] = &pair.programs;
    let seen = || one.page("/readyz").1 + &other.page("/readyz").1;
    until("both hold half of the partitions", seen, || (is_half(one) && is_half(other)).then_some(()));
}

/// Waits until all that each holds has been written since partitions moved: a process that dies before that does not go on
/// counting where it was.
fn until_settled(stage: &Stage<'_>, pair: &Pair) {
    stage.stream.go_on();
    for program in &pair.programs {
        let written = |scrape: &Scrape| scrape.sum("holdline_checkpoints_total", &[]);
        let before = written(&program.scrape());
        let enough = before + f64::from(PARTITIONS / 2 + 1);
        program.until("checkpoints", |scrape| written(scrape) >= enough);
    }
}
