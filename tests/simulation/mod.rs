//! Randomised histories with faults, told to the engine and to the model in virtual time; both must say the same.
//!
//! A seed makes true histories of at least 200 contacts ([`history`]), faults spoil their log ([`faults`]), [`run`] reads
//! the log step by step, and [`judge`] compares. `HOLDLINE_SEEDS=N` runs N seeds (60 unless told), on all cores;
//! `HOLDLINE_SEED=n` replays one. A failure prints its seed, the command that replays it, and a log cut down to the
//! contacts that are needed for it. No clock is read.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use holdline::model::rule::Rule;

mod conversation;
mod dice;
mod faults;
mod history;
mod judge;
mod promised;
mod run;
mod shrink;

use faults::Fault;
use run::{Case, Counts};

/// So many failures are told; more say nothing new.
const MOST_TOLD: usize = 3;

#[test]
fn engine_and_model_agree() {
    if let Some(seed) = number("HOLDLINE_SEED") {
        let outcome = attempt(&Case::of(seed));
        assert!(outcome.is_ok(), "{}", tell(seed, &outcome.expect_err("it is an error here")));
        return;
    }
    let seeds = number("HOLDLINE_SEEDS").unwrap_or(60);
    let next = AtomicU64::new(0);
    let counts = Mutex::new(Counts::default());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while failures.lock().expect("no thread panics").len() < MOST_TOLD {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    match attempt(&Case::of(seed)) {
                        Ok(told) => counts.lock().expect("no thread panics").merge(&told),
                        Err(why) => failures.lock().expect("no thread panics").push((seed, why)),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panics");
    let told: Vec<String> = failures.iter().map(|(seed, why)| tell(*seed, why)).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    cover(&counts.into_inner().expect("no thread panics"), seeds);
}

/// Prints how often each rule was used and each fault happened; none may be unused over the seeds run by default.
#[allow(clippy::print_stdout, reason = "shown with --nocapture, to see what was covered")]
fn cover(counts: &Counts, seeds: u64) {
    println!("{seeds} seeds, {} events\n{}\n{}", counts.events, counts.rules, counts.faults);
    if seeds >= 60 {
        let unused: Vec<&str> = counts.rules.unused().into_iter().map(Rule::words).collect();
        assert!(unused.is_empty(), "rules that no seed used: {unused:#?}");
    }
    for &fault in Fault::ALL {
        assert!(counts.faults.of(fault) >= seeds, "{fault:?} must happen in every seed");
    }
}

/// Runs a case; a panic of the engine is a failure like any other.
fn attempt(case: &Case) -> Result<Counts, String> {
    catch_unwind(AssertUnwindSafe(|| run::run(case))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without words")))
    })
}

fn tell(seed: u64, why: &str) -> String {
    let (case, why) = shrink::shrink(Case::of(seed), why.to_owned(), attempt);
    format!(
        "seed {seed}: {why}\nneeded for it:\n{}replay: HOLDLINE_SEED={seed} cargo test --release --test main simulation -- --nocapture\n",
        case.log_text()
    )
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is not a number")))
}

impl Counts {
    fn merge(&mut self, other: &Counts) {
        self.events += other.events;
        self.rules.merge(&other.rules);
        self.faults.merge(&other.faults);
    }
}
