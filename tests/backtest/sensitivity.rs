//! What each constant of the model is worth: one at a time halved and doubled, or changed by a quarter; thresholds that
//! are chosen in one half of the time and judged in the other; and another seed.

use holdline::surge::Parameters;
use jiff::civil::date;

use super::alarms::{Explained, Look, alarms, threshold, unexplained};
use super::figures::{Accuracy, Detection, Found, Injections, Verdicts, first_days};
use super::history::{Bank, DAY_MINUTES, SLOT_STEPS, day_of};
use super::injections::{Kind, SEED, Starts};
use super::modelled::Modelled;
use super::rules::{Rule, Simple};
use super::tables::head;
use super::trial::Walk;

const QUEUE: &str = "PS";
const OTHER_SEED: u64 = 20_260_101;

/// A constant, and what it is multiplied by.
type Constant = (&'static str, fn(&mut Parameters) -> &mut f64, [f64; 2]);

const TWICE: [f64; 2] = [0.5, 2.0];
const QUARTER: [f64; 2] = [0.75, 1.25];

/// What is lost of the day factor from slot to slot, 0.01, is halved and doubled.
const MEMORY: [f64; 2] = [0.995 / 0.99, 0.98 / 0.99];

const CONSTANTS: [Constant; 19] = [
    ("level_walk", |of| &mut of.model.level_walk, TWICE),
    ("weekday_walk", |of| &mut of.model.weekday_walk, TWICE),
    ("effect_deviation", |of| &mut of.model.effect_deviation, TWICE),
    ("robust_limit", |of| &mut of.model.robust_limit, QUARTER),
    ("shift_slack", |of| &mut of.model.shift_slack, TWICE),
    ("shift_limit", |of| &mut of.model.shift_limit, TWICE),
    ("shift_deviation", |of| &mut of.model.shift_deviation, TWICE),
    ("half_life_days", |of| &mut of.model.half_life_days, TWICE),
    ("half_life_closed_days", |of| &mut of.model.half_life_closed_days, TWICE),
    ("pooled_days", |of| &mut of.model.pooled_days, TWICE),
    ("smoothing", |of| &mut of.model.smoothing, TWICE),
    ("clip", |of| &mut of.model.clip, QUARTER),
    ("spread_share", |of| &mut of.model.spread_share, TWICE),
    ("factor_memory", |of| &mut of.model.factor_memory, MEMORY),
    ("factor_cap", |of| &mut of.model.factor_cap, QUARTER),
    ("factor_left_out", |of| &mut of.model.factor_left_out, QUARTER),
    ("window_growth", |of| &mut of.model.window_growth, TWICE),
    ("busy_exponent", |of| &mut of.model.busy_exponent, TWICE),
    ("least_excess_of_busy_hour", |of| &mut of.least_excess_of_busy_hour, TWICE),
];

/// Prints all of it.
pub fn sensitivity(bank: &Bank) {
    constants(bank);
    transfer(bank);
    println!("\nInjections with seeds {SEED} and {OTHER_SEED}, found in %:");
    for seed in [SEED, OTHER_SEED] {
        let injections = Injections::new(bank, QUEUE, Starts::Quarters, seed);
        for walk in walks(bank) {
            let found = Detection::of(&walk, &Verdicts::of(&walk, &injections), bank, None).found;
            println!("{:<34} {seed:>9}  {}", walk.name, shares(&found));
        }
    }
}

fn constants(bank: &Bank) {
    let injections = Injections::new(bank, QUEUE, Starts::Quarters, SEED);
    println!("\nThe model on {QUEUE} with one constant changed; thresholds set anew, all in %");
    println!("{:<34} {:>16} {:>9} {:>10} {:>8}  found", "", "day, slot, r", "threshold", "bursts/30", "unusual");
    let row = |what: &str, parameters: &Parameters| {
        let walk = Walk::new(&Modelled::new("model", bank, parameters.clone()), bank, QUEUE, SLOT_STEPS);
        let accuracy = Accuracy::of(&walk, bank);
        let [day, slot, corrected] = [accuracy.day, accuracy.slot, accuracy.corrected].map(|error| 100.0 * error.value);
        let detection = Detection::of(&walk, &Verdicts::of(&walk, &injections), bank, None);
        let levels = first_days(bank).into_iter().map(|day| walk.morning(day).levels(&bank.queues[QUEUE][day]));
        println!(
            "{what:<34} {:>16} {:>9.2} {:>10} {:>8}  {}",
            format!("{day:.1} {slot:.1} {corrected:.1}"),
            detection.threshold,
            detection.bursts[1],
            levels.flatten().filter(|levels| levels.is_unusual).count(),
            shares(&detection.found)
        );
    };
    row("as it is", &Parameters::every_quarter());
    for (name, constant, factors) in CONSTANTS {
        for factor in factors {
            let mut parameters = Parameters::every_quarter();
            let value = constant(&mut parameters);
            *value *= factor;
            let what = format!("{name} {:.4}", *value);
            row(&what, &parameters);
        }
    }
}

/// What a threshold from February to April comes to in May and June.
fn transfer(bank: &Bank) {
    let may = day_of(date(1999, 5, 1));
    println!(
        "\nThresholds for two unexplained alarms a month from February to April, judged in May and June \
         (where 4 would be as many)"
    );
    let mut injections = Injections::new(bank, QUEUE, Starts::Quarters, SEED);
    injections.0.iter_mut().for_each(|(_, injections)| injections.retain(|injection| injection.day >= may));
    let explained = Explained::of(bank, QUEUE);
    for walk in walks(bank) {
        let (before, after): (Vec<Look>, Vec<Look>) =
            walk.looks.iter().partition(|look| look.minute <= may * DAY_MINUTES);
        let chosen = threshold(&before, &explained, 6);
        let alarms = alarms(&after, chosen);
        let found = Verdicts::of(&walk, &injections).found(chosen);
        println!(
            "{:<34} threshold {chosen:>6.2}, unexplained {:>2}; {}",
            walk.name,
            unexplained(&alarms, &explained).count(),
            shares(&found)
        );
    }
}

fn walks(bank: &Bank) -> Vec<Walk> {
    let mut rules: Vec<Box<dyn Rule>> = vec![Box::new(Modelled::new("model", bank, Parameters::every_quarter()))];
    rules.extend(Simple::ALL.map(|rule| Box::new(rule) as Box<dyn Rule>));
    rules.iter().map(|rule| Walk::new(&**rule, bank, QUEUE, SLOT_STEPS)).collect()
}

fn shares(found: &[Found]) -> String {
    let told = found.iter().filter(|found| found.kind != Kind::Hour(1.0));
    told.map(|found| format!("{} {:.0}", head(found), 100.0 * found.share().value)).collect::<Vec<_>>().join("; ")
}
