//! One rule's walk through February to June, and what it found.
//!
//! In the morning of each day the rule learns from the days before it. Looks are judged on the day as it was; an
//! injection on its day with that morning's knowledge. Scores do not depend on the threshold, so they are computed
//! once.

use super::alarms::{Alarm, Explained, Look, alarms, threshold, unexplained};
use super::history::{Bank, Burst, Counts, DAY_MINUTES, JUDGED, SLOTS, STEP_MINUTES, slots};
use super::injections::{Injection, Kind};
use super::rules::{Morning, Rule};
use super::statistics::Part;

/// Alarms that may stay unexplained: two a month, over five months.
pub const ALLOWED: usize = 10;

/// A rule's mornings and looks on one queue.
pub struct Walk {
    /// As the rule is named.
    pub name: String,
    /// The queue.
    pub queue: String,
    /// One look after so many steps.
    pub every: usize,
    /// One a judged day.
    pub mornings: Vec<Box<dyn Morning>>,
    /// All looks of the judged days, in order of time.
    pub looks: Vec<Look>,
}

impl Walk {
    /// Walks, with a look after every so many steps of five minutes.
    pub fn new(rule: &dyn Rule, bank: &Bank, queue: &str, every: usize) -> Walk {
        let mornings: Vec<_> = JUDGED.map(|day| rule.morning(bank, queue, day)).collect();
        let (name, queue) = (rule.name(), queue.to_owned());
        let mut walk = Walk { name, queue, every, mornings, looks: Vec::new() };
        for day in JUDGED {
            let scores = walk.morning(day).scores(&bank.queues[&walk.queue][day], every);
            let looks = scores.into_iter().enumerate();
            walk.looks.extend(looks.map(|(look, score)| Look { minute: minute(day, (look + 1) * every), score }));
        }
        walk
    }

    /// What the rule knew in the morning of a judged day.
    pub fn morning(&self, day: usize) -> &dyn Morning {
        &*self.mornings[day - JUDGED.start]
    }

    /// The threshold that leaves [`ALLOWED`] alarms unexplained.
    pub fn threshold(&self, explained: &Explained) -> f64 {
        threshold(&self.looks, explained, ALLOWED)
    }

    /// All alarms at a threshold.
    pub fn alarms(&self, threshold: f64) -> Vec<Alarm> {
        alarms(&self.looks, threshold)
    }

    /// The alarms at a threshold, and how many of them nothing explains.
    pub fn counted(&self, threshold: f64, explained: &Explained) -> (usize, usize) {
        let alarms = self.alarms(threshold);
        (alarms.len(), unexplained(&alarms, explained).count())
    }

    /// Whether any look of the day was high.
    pub fn alarmed(&self, day: usize, threshold: f64) -> bool {
        self.highest(day * DAY_MINUTES, (day + 1) * DAY_MINUTES) >= threshold
    }

    /// Whether a look was high within so many minutes of a burst's first high slot's beginning.
    pub fn found_burst(&self, burst: &Burst, within: usize, threshold: f64) -> bool {
        self.highest(burst.from, burst.from + within) >= threshold
    }

    /// The highest score of looks after one minute, up to another.
    fn highest(&self, after: usize, until: usize) -> f64 {
        let looks = self.looks.iter().filter(|look| after < look.minute && look.minute <= until);
        looks.map(|look| look.score).fold(0.0, f64::max)
    }

    /// Errors of the whole day's number on ordinary working days.
    pub fn day_errors(&self, bank: &Bank) -> Vec<Part> {
        self.errors(bank, |morning, counts| {
            let (expected, offered) = (morning.ahead().iter().sum::<f64>(), slots(counts).iter().sum::<f64>());
            (expected - offered).abs()
        })
    }

    /// Errors of each slot's number as known at midnight.
    pub fn slot_errors(&self, bank: &Bank) -> Vec<Part> {
        self.errors(bank, |morning, counts| off(&morning.ahead(), counts))
    }

    /// Errors of each slot's number as known just before it.
    pub fn corrected_errors(&self, bank: &Bank) -> Vec<Part> {
        self.errors(bank, |morning, counts| off(&morning.corrected(counts), counts))
    }

    fn errors(&self, bank: &Bank, error: impl Fn(&dyn Morning, &Counts) -> f64) -> Vec<Part> {
        let days = JUDGED.filter(|day| bank.ordinary(*day));
        days.map(|day| {
            let counts = &bank.queues[&self.queue][day];
            Part { above: error(self.morning(day), counts), below: slots(counts).iter().sum() }
        })
        .collect()
    }

    /// The highest score of each injection within each horizon of its kind.
    pub fn judge(&self, kind: Kind, injections: &[Injection]) -> Judged {
        let highest = |injection: &Injection| {
            let scores = self.morning(injection.day).scores(&injection.counts, self.every);
            let within = |horizon: &usize| {
                let until = injection.start + horizon / STEP_MINUTES;
                let looks = scores.iter().enumerate().map(|(look, score)| ((look + 1) * self.every, score));
                looks
                    .filter(|(step, _)| injection.start < *step && *step <= until)
                    .map(|(_, score)| *score)
                    .fold(0.0, f64::max)
            };
            kind.horizons().iter().map(within).collect()
        };
        Judged {
            days: injections.iter().map(|injection| injection.day).collect(),
            highest: injections.iter().map(highest).collect(),
        }
    }
}

/// Sum of what each slot was off by.
fn off(expected: &[f64; SLOTS], counts: &Counts) -> f64 {
    expected.iter().zip(slots(counts)).map(|(expected, offered)| (expected - offered).abs()).sum()
}

fn minute(day: usize, step: usize) -> usize {
    day * DAY_MINUTES + step * STEP_MINUTES
}

/// What a rule made of the injections of one kind.
pub struct Judged {
    /// Each one's day.
    days: Vec<usize>,
    /// Each one's highest score within each horizon.
    highest: Vec<Vec<f64>>,
}

impl Judged {
    /// Found within a horizon at a threshold, by day.
    pub fn found(&self, horizon: usize, threshold: f64) -> Vec<Part> {
        let mut parts: Vec<(usize, Part)> = Vec::new();
        for (day, highest) in self.days.iter().zip(&self.highest) {
            if parts.last().is_none_or(|(last, _)| last != day) {
                parts.push((*day, Part::default()));
            }
            let (_, part) = parts.last_mut().expect("one was pushed");
            part.above += f64::from(u8::from(highest[horizon] >= threshold));
            part.below += 1.0;
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }
}
