//! Reads one log step by step, with the engine and with the model, and compares them as it goes.
//!
//! After each step: the counters. After some, and at the end: sums over everything, histograms, windows at instants around stream
//! time, intervals, lists of contacts; by several groupings. At the end also: two shards that share the contacts say
//! the same as their two models.

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use holdline::engine::settings::Settings;
use holdline::engine::shard::{Keep, Shard};

use super::dice::Dice;
use super::faults::{self, FaultCounts, Step};
use super::history::{self, BEGIN};
use super::judge;
use super::promised;
use holdline::model::event::Record;
use holdline::model::log::Model;
use holdline::model::rule::RuleCounts;

const HOUR: u64 = 3_600_000;
/// Lines of a failing log that are told.
const MOST_LINES: usize = 150;

/// What was covered.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) rules: RuleCounts,
    pub(super) faults: FaultCounts,
}

/// All that a run needs.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) settings: Arc<Settings>,
    pub(super) steps: Vec<Step>,
    pub(super) faults: FaultCounts,
}

impl Case {
    /// The case of this seed.
    pub(super) fn of(seed: u64) -> Case {
        let mut dice = Dice::new(seed);
        let settings = promised::settings(&mut dice);
        let records = history::histories(&mut dice, &settings);
        let (steps, faults) = faults::spoil(records, &settings, &mut dice);
        Case { seed, settings, steps, faults }
    }

    /// Its log, as JSON lines; a restart is a line of its own. Only the beginning of a long one.
    pub(super) fn log_text(&self) -> String {
        let mut text = format!("lifetimes: {:?}\n", self.settings.lifetimes);
        for (from, promises) in &self.settings.promises {
            writeln!(text, "promises from {}: {promises:?}", from.millis()).expect("writing to a string cannot fail");
        }
        for step in self.steps.iter().take(MOST_LINES) {
            let line = match step {
                Step::Read(record) => record.to_json(),
                Step::Restart => "restart".to_owned(),
            };
            writeln!(text, "{line}").expect("writing to a string cannot fail");
        }
        if self.steps.len() > MOST_LINES {
            writeln!(text, "and {} more", self.steps.len() - MOST_LINES).expect("writing to a string cannot fail");
        }
        text
    }
}

/// A shard that keeps everything, one that keeps what windows need, and the model of both.
struct Trio {
    everything: Shard,
    live: Shard,
    model: Model,
}

impl Trio {
    fn new(settings: &Arc<Settings>) -> Trio {
        let mut model = Model::new(Rc::new(Settings::clone(settings)));
        model.begin_counting();
        Trio {
            everything: Shard::new(Arc::clone(settings), Keep::Everything),
            live: Shard::new(Arc::clone(settings), Keep::Windows),
            model,
        }
    }

    fn read(&mut self, record: &Record) -> bool {
        let event = record.to_event();
        self.everything.apply(&event);
        self.live.apply(&event);
        self.model.apply(record)
    }

    fn restart(&mut self, settings: &Arc<Settings>) -> Result<(), String> {
        for shard in [&mut self.everything, &mut self.live] {
            let bytes = shard.encode();
            let again = Shard::decode(&bytes, settings).map_err(|why| format!("decoding: {why}"))?;
            if again.encode() != bytes {
                return Err("a decoded shard encodes to other bytes".to_owned());
            }
            *shard = again;
        }
        Ok(())
    }
}

/// Runs the case; an error says where engine and model disagree.
pub(super) fn run(case: &Case) -> Result<Counts, String> {
    let mut dice = Dice::new(case.seed ^ 0x5eed);
    let mut trio = Trio::new(&case.settings);
    let mut pair = [Trio::new(&case.settings), Trio::new(&case.settings)];
    let mut counts = Counts { faults: case.faults.clone(), ..Counts::default() };
    // A short log is compared fully after each step, so that a failure can be cut down.
    let is_short = case.steps.len() < 80;
    let is_thorough = case.seed.is_multiple_of(64);
    for (number, step) in case.steps.iter().enumerate() {
        let place = |why: String| format!("step {number} {step:?}: {why}");
        match step {
            Step::Read(record) => {
                counts.events += 1;
                let changed = trio.read(record);
                judge::counters(&trio.everything, &trio.model).map_err(place)?;
                if changed && (is_thorough || dice.below(64) == 0) {
                    judge::sums(&trio.everything, &trio.model).map_err(place)?;
                    judge::durations(&[&trio.live], &[&trio.model], judge::EACH).map_err(place)?;
                }
                pair[shard_of(record)].read(record);
            }
            Step::Restart => {
                trio.restart(&case.settings).map_err(place)?;
                pair[0].restart(&case.settings).map_err(place)?;
            }
        }
        if is_short || dice.below(400) == 0 {
            compare(&[&trio], &case.settings, &mut dice).map_err(place)?;
        }
    }
    trio.model.check(&mut counts.rules);
    compare(&[&trio], &case.settings, &mut dice).map_err(|why| format!("at the end: {why}"))?;
    compare(&[&pair[0], &pair[1]], &case.settings, &mut dice).map_err(|why| format!("two shards: {why}"))?;
    Ok(counts)
}

/// Records of one contact meet in one shard.
fn shard_of(record: &Record) -> usize {
    record.contact_id().map_or(0, |id| id.bytes().map(usize::from).sum::<usize>() % 2)
}

/// Compares all that can be asked of some shards.
fn compare(trios: &[&Trio], settings: &Settings, dice: &mut Dice) -> Result<(), String> {
    for trio in trios {
        judge::counters(&trio.everything, &trio.model)?;
        judge::counters(&trio.live, &trio.model)?;
        judge::expired(&trio.everything, &trio.model)?;
        judge::counted(&trio.everything, &trio.model)?;
        judge::counted(&trio.live, &trio.model)?;
    }
    let models: Vec<&Model> = trios.iter().map(|trio| &trio.model).collect();
    let everything: Vec<&Shard> = trios.iter().map(|trio| &trio.everything).collect();
    let live: Vec<&Shard> = trios.iter().map(|trio| &trio.live).collect();
    let stream = models.iter().filter_map(|model| model.stream.believed).max().unwrap_or(BEGIN);

    judge::sums_of(&everything, &models)?;
    judge::durations(&everything, &models, judge::EACH)?;
    judge::durations(&live, &models, judge::any_grouping(dice))?;
    for ahead in [0, HOUR / 3, HOUR, 4 * HOUR] {
        judge::totals(&everything, &models, settings, stream + ahead, judge::EACH)?;
    }
    let off = dice.pick(&[1_000, 60_000, 30 * 60_000, 5 * HOUR]);
    let now = stream + dice.below(off);
    judge::totals(&everything, &models, settings, now, judge::any_grouping(dice))?;
    let past = stream.saturating_sub(dice.below(6 * HOUR));
    judge::totals(&everything, &models, settings, past, judge::any_grouping(dice))?;
    for _ in 0..3 {
        let window = &settings.windows[dice.index(settings.windows.len())];
        let by = judge::any_grouping(dice);
        judge::window(&live, &models, settings, window, now, by).map_err(|why| format!("live: {why}"))?;
        judge::window(&everything, &models, settings, window, now, by)?;
    }
    let width = dice.pick(&[10_000, 60_000, 15 * 60_000, HOUR]);
    let begin = dice.pick(&[BEGIN, now.saturating_sub(2 * HOUR)]) / width * width;
    let edges: Vec<u64> = (0..dice.between(1, 9)).map(|number| begin + number * width).collect();
    judge::intervals(&everything, &models, &edges, judge::any_grouping(dice))
}
