//! Whether counters and buckets are what the model counts: every series, no more and no fewer.

use std::collections::BTreeMap;

use holdline::engine::tally::{Cell, Measure, Quantity};

use crate::scrape::{Key, Scrape};
use holdline::model::stay::Lane;

use super::retelling::Counts;

/// Counters of lanes; those that tell reasons are added up.
const COUNTERS: [(&str, Cell); 10] = [
    ("holdline_contacts_offered_total", Cell::Offered),
    ("holdline_contacts_answered_total", Cell::Answered),
    ("holdline_contacts_answered_within_target_total", Cell::AnsweredWithin),
    ("holdline_contacts_abandoned_total", Cell::Abandoned),
    ("holdline_contacts_abandoned_within_target_total", Cell::AbandonedWithin),
    ("holdline_contacts_short_abandoned_total", Cell::AbandonedShort),
    ("holdline_contacts_left_total", Cell::Left),
    ("holdline_contacts_completed_total", Cell::Completed),
    ("holdline_contacts_resolved_total", Cell::Resolved),
    ("holdline_contacts_reopened_total", Cell::Reopened),
];

/// Histograms, by name and outcome, and what they tell.
const HISTOGRAMS: [(&str, Option<&str>, (Measure, Quantity)); 6] = [
    ("holdline_wait_seconds", Some("answered"), (Measure::Wait, Quantity::WaitAnswered)),
    ("holdline_wait_seconds", Some("abandoned"), (Measure::Wait, Quantity::WaitAbandoned)),
    ("holdline_wait_seconds", Some("left"), (Measure::Wait, Quantity::WaitLeft)),
    ("holdline_handle_seconds", None, (Measure::Wait, Quantity::Handle)),
    ("holdline_first_reply_seconds", None, (Measure::FirstReply, Quantity::WaitAnswered)),
    ("holdline_resolution_seconds", None, (Measure::Resolution, Quantity::WaitAnswered)),
];

/// What is taken back of durations, by the name of the cell.
const TAKEN_BACK: [(&str, &str); 4] = [
    ("holdline_wait_seconds", "wait_seconds"),
    ("holdline_handle_seconds", "handle_seconds"),
    ("holdline_first_reply_seconds", "first_reply_seconds"),
    ("holdline_resolution_seconds", "resolution_seconds"),
];

const CORRECTIONS: &str = "holdline_corrections_total";

/// What was found equal.
#[derive(Clone, Copy, Default, Debug)]
pub struct Compared {
    /// Records that the model was told.
    pub events: usize,
    /// Counters, sums included.
    pub counters: usize,
    /// Buckets of histograms.
    pub buckets: usize,
    /// Series of windows, and of who waits.
    pub windows: usize,
    /// Of all these, with another value than zero.
    pub not_zero: usize,
}

impl Compared {
    /// Adds all of `other`.
    pub fn add(&mut self, other: Compared) {
        self.events += other.events;
        self.counters += other.counters;
        self.buckets += other.buckets;
        self.windows += other.windows;
        self.not_zero += other.not_zero;
    }
}

/// What processes tell, added up.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Told(BTreeMap<Key, f64>);

impl Told {
    /// What one process tells.
    pub fn by(scrape: &Scrape) -> Told {
        let mut told = Told::default();
        told.add(&Told(scrape.all(is_judged)));
        told
    }

    /// Adds what another one tells, whatever reasons are told.
    pub fn add(&mut self, other: &Told) {
        for ((name, labels), value) in &other.0 {
            let labels = labels.iter().filter(|(label, _)| label != "reason").cloned().collect();
            *self.0.entry((name.clone(), labels)).or_default() += value;
        }
    }

    /// Whether anything is less than it was `before`: then counting began anew.
    pub fn fell_since(&self, before: &Told) -> bool {
        before.0.iter().any(|(key, before)| self.0.get(key).is_none_or(|now| now < before))
    }

    /// Whether everything that is told lies between these two, and all is told that has to be.
    ///
    /// # Errors
    /// The first series that is wrong.
    pub fn is_within(&self, least: &Counts, most: &Counts) -> Result<(), String> {
        let wrong = self.0.iter().find_map(|(key, told)| match (expected(least, key), expected(most, key)) {
            (Some(least), Some(most)) if (least - 1e-6..=most + 1e-6).contains(told) => None,
            range => Some(format!("{key:?}: told {told}, by the model {range:?}")),
        });
        let missing = needed(least).into_iter().find(|key| !self.0.contains_key(key));
        let missing = missing.map(|key| format!("{key:?}: not told"));
        wrong.or(missing).map_or(Ok(()), Err)
    }

    /// Takes off what is `told` beyond what is counted.
    pub fn take_off(&mut self, told: &Told, counts: &Counts) {
        for (key, told) in &told.0 {
            let surplus = told - expected(counts, key).expect("it was compared");
            *self.0.entry(key.clone()).or_default() -= surplus;
        }
    }

    /// Compares it with what the model counts.
    ///
    /// # Errors
    /// The first series that differ.
    pub fn compare(&self, counts: &Counts) -> Result<Compared, String> {
        let mut compared = Compared::default();
        let mut wrong = Vec::new();
        for (key, told) in &self.0 {
            let expected = expected(counts, key);
            if expected.is_none_or(|expected| (expected - told).abs() > 1e-6 * told.abs().max(1.0)) {
                wrong.push(format!("{key:?}: told {told}, by the model {expected:?}"));
            }
            compared.not_zero += usize::from(*told != 0.0);
            *if key.0.ends_with("_bucket") { &mut compared.buckets } else { &mut compared.counters } += 1;
        }
        for key in needed(counts).into_iter().filter(|key| !self.0.contains_key(key)) {
            wrong.push(format!("{key:?}: not told, by the model {:?}", expected(counts, &key)));
        }
        if wrong.is_empty() {
            return Ok(compared);
        }
        let first = wrong.iter().take(25).map(String::as_str).collect::<Vec<_>>().join("\n");
        Err(format!("{} of {} series differ from the model:\n{first}", wrong.len(), self.0.len()))
    }
}

fn is_judged(name: &str) -> bool {
    let of_histogram =
        |family: &str| name.strip_prefix(family).is_some_and(|end| ["_bucket", "_count", "_sum"].contains(&end));
    name == CORRECTIONS
        || COUNTERS.iter().any(|(counter, _)| *counter == name)
        || HISTOGRAMS.iter().any(|(family, ..)| of_histogram(family))
}

/// What the model says of a series; none if it does not know what that is.
fn expected(counts: &Counts, (name, labels): &Key) -> Option<f64> {
    let label = |wanted: &str| labels.iter().find(|(label, _)| label == wanted).map(|(_, value)| value.as_str());
    if name == CORRECTIONS {
        return taken_back(counts, label("cell")?);
    }
    let text = |wanted: &str| label(wanted).map(str::to_owned);
    let lane = Lane { queue: text("queue")?, channel: text("channel")?, tier: text("tier")? };
    if let Some((_, cell)) = COUNTERS.iter().find(|(counter, _)| counter == name) {
        return Some(counts.cells.get(&(lane, *cell)).copied().unwrap_or(0) as f64);
    }
    let (family, part) = name.rsplit_once('_')?;
    let (.., told) = HISTOGRAMS.iter().find(|(of, outcome, _)| *of == family && *outcome == label("outcome"))?;
    let nothing = holdline::model::cumulative::Histogram::default();
    let histogram = counts.histograms.get(&(lane, *told)).unwrap_or(&nothing);
    match part {
        "sum" => Some(histogram.sum_ms as f64 / 1_000.0),
        "count" => Some(histogram.buckets.values().sum::<u64>() as f64),
        _ => {
            let most: f64 = label("le")?.parse().ok()?;
            // No bucket of the model lies on both sides of an edge that is shown.
            let within = histogram.buckets.iter().filter(|(edge, _)| **edge as f64 / 1_000.0 <= most);
            Some(within.map(|(_, count)| count).sum::<u64>() as f64)
        }
    }
}

fn taken_back(counts: &Counts, of: &str) -> Option<f64> {
    if let Some(cell) = Cell::ALL.into_iter().find(|cell| cell.name() == of) {
        return Some(counts.taken_back.get(&cell).copied().unwrap_or(0) as f64);
    }
    let Some((family, _)) = TAKEN_BACK.iter().find(|(_, name)| of.strip_suffix("_sum").unwrap_or(of) == *name) else {
        // Nobody rates anything here.
        return Some(0.0);
    };
    let told = HISTOGRAMS.iter().filter(|(of, ..)| of == family);
    let told = told.filter_map(|(.., told)| counts.durations_taken_back.get(told));
    let (count, sum_ms) = told.fold((0, 0), |(count, sum), of| (count + of.0, sum + of.1));
    Some(if of.ends_with("_sum") { sum_ms as f64 / 1_000.0 } else { count as f64 })
}

/// The series that have to be there, because there is something in them.
fn needed(counts: &Counts) -> Vec<Key> {
    let key = |name: String, lane: &Lane, outcome: Option<&str>| {
        let labels = [("queue", &lane.queue), ("channel", &lane.channel), ("tier", &lane.tier)];
        let labels = labels.into_iter().map(|(label, value)| (label.to_owned(), value.clone()));
        let labels: BTreeMap<String, String> =
            labels.chain(outcome.map(|outcome| ("outcome".to_owned(), outcome.to_owned()))).collect();
        (name, labels.into_iter().collect())
    };
    let mut needed = Vec::new();
    for (lane, cell) in counts.cells.iter().filter(|(_, count)| **count > 0).map(|(key, _)| key) {
        let counter = COUNTERS.iter().find(|(_, counted)| counted == cell).expect("all that is counted is told");
        needed.push(key(counter.0.to_owned(), lane, None));
    }
    for ((lane, told), _) in counts.histograms.iter().filter(|(_, histogram)| !histogram.buckets.is_empty()) {
        let family = HISTOGRAMS.iter().find(|(.., of)| of == told).expect("all that is measured is told");
        needed.push(key(format!("{}_count", family.0), lane, family.1));
    }
    needed
}
