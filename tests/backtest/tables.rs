//! The tables of the benchmark.

use super::figures::{self, Accuracy, Detection, Found, Injections, Verdicts, first_days};
use super::history::{Bank, DAY_MINUTES, JUDGED, STEP_MINUTES, date_of};
use super::injections::{Kind, SEED, Starts};
use super::modelled::Modelled;
use super::statistics::{BOOTSTRAP_SEED, Estimate};
use super::trial::{ALLOWED, Walk};

/// In percent, with its interval.
fn percent(estimate: Estimate) -> String {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(|share| 100.0 * share);
    format!("{value:.1} ({low:.1} to {high:.1})")
}

/// The same without decimals, to fit a column.
fn round(estimate: Estimate) -> String {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(|share| 100.0 * share);
    format!("{value:.0} ({low:.0} to {high:.0})")
}

/// A kind and horizon as the head of a column.
pub fn head(found: &Found) -> String {
    match found.kind {
        Kind::Hour(factor) => format!("x{factor} in {}", found.minutes),
        Kind::Ramp(factor) => format!("ramp x{factor} in {}", found.minutes),
    }
}

/// A minute as local date and time.
pub fn told(minute: usize) -> String {
    let of_day = minute % DAY_MINUTES;
    format!("{} {:02}:{:02}", date_of(minute / DAY_MINUTES).strftime("%a %F"), of_day / 60, of_day % 60)
}

/// Errors of all rules' forecasts.
pub fn accuracy(walks: &[Walk], bank: &Bank) {
    let days = JUDGED.filter(|day| bank.ordinary(*day)).count();
    println!(
        "\nErrors on {} as % of what was offered, {days} ordinary working days; 95 % intervals over days \
         (seed {BOOTSTRAP_SEED})",
        walks[0].queue
    );
    println!("{:<34} {:>22} {:>22} {:>22}", "", "day", "slot, at midnight", "slot, just before it");
    for walk in walks {
        let accuracy = Accuracy::of(walk, bank);
        let [day, slot, corrected] = [accuracy.day, accuracy.slot, accuracy.corrected].map(percent);
        println!("{:<34} {day:>22} {slot:>22} {corrected:>22}", walk.name);
    }
}

/// How often the model's bands of the whole day, which are to hold 90 of 100 days, hold.
pub fn coverage(model: &Modelled, bank: &Bank, queue: &str) {
    let held = [0, 10, 13, 16].map(|hour| {
        let at = if hour == 0 { "at midnight".to_owned() } else { format!("at {hour}:00") };
        format!("{} {at}", percent(figures::coverage(model, bank, queue, hour)))
    });
    println!("The day's number was within the band of 90 % on so many days, in %: {}", held.join(", "));
}

/// What all rules found and the first walk's lead over each other one; returns the thresholds. Those
/// are given, or set to the same number of unexplained alarms.
pub fn detection(walks: &[Walk], bank: &Bank, injections: &Injections, thresholds: Option<&[f64]>) -> Vec<f64> {
    let queue = &walks[0].queue;
    let how = if thresholds.is_some() {
        "thresholds of PS".into()
    } else {
        format!("{ALLOWED} unexplained alarms in five months")
    };
    println!("\nFound on {queue} in %, of {} injections of each kind (seed {SEED}), {how}", injections.number());
    let found: Vec<Detection> = walks
        .iter()
        .enumerate()
        .map(|(walk, of)| Detection::of(of, &Verdicts::of(of, injections), bank, thresholds.map(|given| given[walk])))
        .collect();
    print!("{:<34} {:>9} {:>16} {:>14}", "", "threshold", "alarms (unexpl.)", "bursts 15, 30");
    found[0].found.iter().for_each(|found| print!(" {:>15}", head(found)));
    println!();
    for (walk, detection) in walks.iter().zip(&found) {
        print!("{:<34} {:>9.2}", walk.name, detection.threshold);
        print!(" {:>16}", format!("{} ({})", detection.alarms, detection.unexplained));
        print!(
            " {:>14}",
            if queue == "PS" {
                format!("{}, {} of {}", detection.bursts[0], detection.bursts[1], bank.bursts.len())
            } else {
                "-".into()
            }
        );
        detection.found.iter().for_each(|found| print!(" {:>15}", round(found.share())));
        println!();
    }
    println!("Lead of the {} in points:", walks[0].name);
    for (walk, detection) in walks.iter().zip(&found).skip(1) {
        print!("{:<34} {:>41}", walk.name, "");
        for (own, other) in found[0].found.iter().zip(&detection.found) {
            print!(" {:>15}", round(Estimate::of_difference(&own.days, &other.days)));
        }
        println!();
    }
    found.into_iter().map(|detection| detection.threshold).collect()
}

/// What is made of each first business day, and of other days.
pub fn month_starts(walks: &[Walk], bank: &Bank, thresholds: &[f64]) {
    let queue = &walks[0].queue;
    println!("\nFirst business days on {queue}: the level tests' highest statistics, and who raised an alarm");
    for day in first_days(bank) {
        let counts = &bank.queues[queue][day];
        let levels = walks[0].morning(day).levels(counts).expect("the model tests levels");
        let expected: f64 = walks[0].morning(day).ahead().iter().sum();
        let alarmed = walks.iter().zip(thresholds).filter(|(walk, threshold)| walk.alarmed(day, **threshold));
        println!(
            "{}  offered {:4}, expected {expected:6.1}; against an ordinary day {:5.2}{}, \
             a month start {:5.2}{}; alarms: {}",
            date_of(day).strftime("%a %F"),
            counts.iter().sum::<u32>(),
            levels.ordinary,
            if levels.is_busy { " (busy)" } else { "" },
            levels.month_start,
            if levels.is_unusual { " UNUSUAL" } else { "" },
            alarmed.map(|(walk, _)| walk.name.as_str()).collect::<Vec<_>>().join("; "),
        );
    }
    let others = || JUDGED.filter(|day| bank.ordinary(*day) && !first_days(bank).contains(day));
    let levels = others().map(|day| walks[0].morning(day).levels(&bank.queues[queue][day]).expect("as above"));
    let unusual = levels.filter(|levels| levels.is_unusual).count();
    println!("Of {} other ordinary working days the model calls {unusual} unusual.", others().count());
    println!(
        "At thresholds of 3, as they usually are, days with an alarm (of {} first business days; of the others):",
        first_days(bank).len()
    );
    for walk in &walks[1..] {
        let first = first_days(bank).into_iter().filter(|day| walk.alarmed(*day, 3.0)).count();
        println!("{:<34} {first}; {}", walk.name, others().filter(|day| walk.alarmed(*day, 3.0)).count());
    }
}

/// Looks every quarter of an hour and every five minutes, each with its own threshold, for surges that start with any
/// five minutes.
pub fn looks(walks: &[Walk], bank: &Bank) {
    let injections = Injections::new(bank, &walks[0].queue, Starts::Steps, SEED);
    println!("\nHow often to look: surges that start with any five minutes");
    detection(walks, bank, &injections, None);
    println!("The same for surges that start with a quarter of an hour:");
    detection(walks, bank, &Injections::new(bank, &walks[0].queue, Starts::Quarters, SEED), None);
}

/// When each known burst was found.
pub fn bursts(walk: &Walk, bank: &Bank, threshold: f64) {
    println!(
        "\nKnown bursts and the first high look of the {}, every {} min, at {threshold:.2}",
        walk.name,
        walk.every * STEP_MINUTES
    );
    for burst in &bank.bursts {
        let high = walk
            .looks
            .iter()
            .find(|look| burst.from < look.minute && look.minute <= burst.to + 60 && look.score >= threshold);
        let found = high.map_or("not found".into(), |look| {
            format!("found after {} min, score {:.1}", look.minute - burst.from, look.score)
        });
        println!("{} to {}: {found}", told(burst.from), told(burst.to));
    }
}
