//! The surge monitor walked through five months of a bank's calls. `cargo bench --bench backtest`;
//! `-- sensitivity` for what each constant is worth, `-- fit` for how long learning takes.
//!
//! Each day is judged with what was known in its morning; the modules say how. Data are in the folder `bank1999` of
//! `HOLDLINE_DATA`, by default `../shared/data` from the project's root. All draws have seeds that are printed, so a
//! table is the same wherever it is made. The figures that are promised are held by a test (`tests/backtest`).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints what it saw"
)]

#[path = "../backtest/alarms.rs"]
mod alarms;
#[path = "../bank.rs"]
mod bank;
#[path = "../backtest/figures.rs"]
mod figures;
#[path = "../backtest/fit.rs"]
mod fit;
#[path = "../backtest/history.rs"]
mod history;
#[path = "../backtest/injections.rs"]
mod injections;
#[path = "../backtest/modelled.rs"]
mod modelled;
#[path = "../backtest/remaining.rs"]
mod remaining;
#[path = "../backtest/rules.rs"]
mod rules;
#[path = "../backtest/sensitivity.rs"]
mod sensitivity;
#[path = "../backtest/statistics.rs"]
mod statistics;
#[path = "../backtest/tables.rs"]
mod tables;
#[path = "../backtest/trial.rs"]
mod trial;

use figures::Injections;
use history::{Bank, SLOT_STEPS};
use holdline::surge::Parameters;
use injections::{SEED, Starts};
use modelled::Modelled;
use rules::{Rule, Simple};
use trial::Walk;

fn main() {
    let Some(folder) = bank::bank() else { return };
    let bank = Bank::read(&folder);
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    match asked.first().map(String::as_str) {
        None => everything(&bank),
        Some("sensitivity") => sensitivity::sensitivity(&bank),
        Some("fit") => fit::fit(&bank),
        Some(other) => println!("There is no {other}; there are sensitivity and fit."),
    }
}

fn everything(bank: &Bank) {
    let mut thresholds = Vec::new();
    for queue in ["PS", "NW"] {
        let model = Modelled::new("model", bank, Parameters::every_quarter());
        let mut rules: Vec<Box<dyn Rule>> = vec![Box::new(model)];
        rules.extend(Simple::ALL.map(|rule| Box::new(rule) as Box<dyn Rule>));
        let walks: Vec<Walk> = rules.iter().map(|rule| Walk::new(&**rule, bank, queue, SLOT_STEPS)).collect();
        tables::accuracy(&walks, bank);
        tables::coverage(&Modelled::new("model", bank, Parameters::every_quarter()), bank, queue);
        let injections = Injections::new(bank, queue, Starts::Quarters, SEED);
        if queue == "NW" {
            tables::detection(&walks, bank, &injections, Some(&thresholds));
        }
        thresholds = tables::detection(&walks, bank, &injections, None);
        tables::month_starts(&walks, bank, &thresholds);
        if queue == "PS" {
            tables::bursts(&walks[0], bank, thresholds[0]);
        }
        let often = Modelled::new("model, every 5 min", bank, Parameters::default());
        let often = Walk::new(&often, bank, queue, 1);
        let seldom = Modelled::new("model, every 15 min", bank, Parameters::every_quarter());
        let seldom = Walk::new(&seldom, bank, queue, SLOT_STEPS);
        tables::looks(&[often, seldom], bank);
        remaining::remaining(bank, queue, &Parameters::every_quarter());
        remaining::remaining(bank, queue, &Parameters::default());
    }
}
