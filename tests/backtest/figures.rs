//! What a walk comes to: errors of the forecast, and what was found at the same number of unexplained alarms.

use super::alarms::Explained;
use super::history::{Bank, JUDGED, STEPS, date_of};
use super::injections::{Injection, Kind, Starts, injections};
use super::modelled::Modelled;
use super::statistics::{Estimate, Part};
use super::trial::{Judged, Walk};

/// Injections of each kind on one queue.
pub struct Injections(pub Vec<(Kind, Vec<Injection>)>);

impl Injections {
    /// The same for all rules that look at the queue.
    pub fn new(bank: &Bank, queue: &str, starts: Starts, seed: u64) -> Injections {
        Injections(Kind::ALL.map(|kind| (kind, injections(bank, queue, kind, starts, seed))).into())
    }

    /// How many of each kind.
    pub fn number(&self) -> usize {
        self.0[0].1.len()
    }
}

/// Errors of a forecast, as shares of what was offered (WAPE), on ordinary working days.
pub struct Accuracy {
    /// Of the whole day, at midnight.
    pub day: Estimate,
    /// Of the slots, at midnight.
    pub slot: Estimate,
    /// Of the slots, each just before it.
    pub corrected: Estimate,
}

impl Accuracy {
    /// Of a walk.
    pub fn of(walk: &Walk, bank: &Bank) -> Accuracy {
        Accuracy {
            day: Estimate::of(&walk.day_errors(bank)),
            slot: Estimate::of(&walk.slot_errors(bank)),
            corrected: Estimate::of(&walk.corrected_errors(bank)),
        }
    }
}

/// What a rule makes of all injections, before a threshold is set.
pub struct Verdicts(Vec<(Kind, Judged)>);

impl Verdicts {
    /// Judges them.
    pub fn of(walk: &Walk, injections: &Injections) -> Verdicts {
        Verdicts(injections.0.iter().map(|(kind, injections)| (*kind, walk.judge(*kind, injections))).collect())
    }

    /// The share found at a threshold, by kind and horizon.
    pub fn found(&self, threshold: f64) -> Vec<Found> {
        let mut found = Vec::new();
        for (kind, judged) in &self.0 {
            for (horizon, minutes) in kind.horizons().iter().enumerate() {
                found.push(Found { kind: *kind, minutes: *minutes, days: judged.found(horizon, threshold) });
            }
        }
        found
    }
}

/// Injections of one kind that were found in time.
pub struct Found {
    /// Of what kind.
    pub kind: Kind,
    /// In how many minutes.
    pub minutes: usize,
    /// By day.
    pub days: Vec<Part>,
}

impl Found {
    /// As a share of those made.
    pub fn share(&self) -> Estimate {
        Estimate::of(&self.days)
    }
}

/// What a rule finds at one threshold.
pub struct Detection {
    /// The threshold.
    pub threshold: f64,
    /// All alarms, in five months.
    pub alarms: usize,
    /// Those that nothing explains.
    pub unexplained: usize,
    /// Known bursts found within 15 and 30 minutes.
    pub bursts: [usize; 2],
    /// Injections found.
    pub found: Vec<Found>,
}

impl Detection {
    /// At a threshold; by default the one with [`ALLOWED`](super::trial::ALLOWED) alarms unexplained.
    pub fn of(walk: &Walk, verdicts: &Verdicts, bank: &Bank, threshold: Option<f64>) -> Detection {
        let explained = Explained::of(bank, &walk.queue);
        let threshold = threshold.unwrap_or_else(|| walk.threshold(&explained));
        let (alarms, unexplained) = walk.counted(threshold, &explained);
        let bursts = |within: usize| {
            let found = bank.bursts.iter().filter(|burst| walk.found_burst(burst, within, threshold));
            found.count()
        };
        Detection { threshold, alarms, unexplained, bursts: [15, 30].map(bursts), found: verdicts.found(threshold) }
    }
}

/// How often the whole day's true number is within the band that is said of it at this hour, on ordinary working days.
pub fn coverage(model: &Modelled, bank: &Bank, queue: &str, hour: usize) -> Estimate {
    let days = JUDGED.filter(|day| bank.ordinary(*day)).map(|day| {
        let counts = &bank.queues[queue][day];
        let known = model.known(bank, queue, day);
        let band = match hour.checked_sub(1) {
            Some(look) => known.readings(counts, STEPS / 24)[look].today,
            None => known.forecast.total,
        };
        let offered = f64::from(counts.iter().sum::<u32>());
        Part { above: f64::from(u8::from((band.lower..=band.upper).contains(&offered))), below: 1.0 }
    });
    Estimate::of(&days.collect::<Vec<_>>())
}

/// The first business days of the judged months.
pub fn first_days(bank: &Bank) -> Vec<usize> {
    JUDGED.filter(|day| bank.calendar.first_business_day(date_of(*day))).collect()
}
