//! What was offered to the bank's queues, day by day and in steps of five minutes, with the bank's calendar and the
//! bursts that are known.
//!
//! Times in the events carry the offset of the bank's own zone, so a local day is what the text of a time begins with.
//! Days are numbered from the first of January 1999.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use jiff::civil::{Date, Weekday, date};
use serde_json::Value;

use crate::bank::unpacked;

/// Steps of five minutes in a day.
pub const STEPS: usize = 288;
/// Steps in a slot of fifteen minutes.
pub const SLOT_STEPS: usize = 3;
/// Slots in a day.
pub const SLOTS: usize = STEPS / SLOT_STEPS;
/// Minutes in a step.
pub const STEP_MINUTES: usize = 5;
/// Minutes in a day.
pub const DAY_MINUTES: usize = 1_440;
/// Days of the six months.
pub const DAYS: usize = 181;
/// The days that are judged, February to June. January warms up.
pub const JUDGED: Range<usize> = 31..DAYS;

/// Offered in each step of one local day.
pub type Counts = [u32; STEPS];

/// Sums of each slot.
pub fn slots(counts: &Counts) -> [f64; SLOTS] {
    std::array::from_fn(|slot| f64::from(counts[slot * SLOT_STEPS..][..SLOT_STEPS].iter().sum::<u32>()))
}

/// The date of a day.
pub fn date_of(day: usize) -> Date {
    let days = i64::try_from(day).unwrap();
    date(1999, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap()
}

/// The day of a date.
pub fn day_of(date: Date) -> usize {
    usize::try_from(jiff::civil::date(1999, 1, 1).until(date).unwrap().get_days()).unwrap()
}

/// What sort of day the bank's calendar makes of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Sunday to Thursday, with nothing particular to it.
    Working,
    /// A Friday, or the eve of a holiday.
    Short,
    /// A Saturday or a holiday.
    Closed,
    /// A day with a name of its own: Purim, an election.
    Special,
    /// The bank has no records of it.
    Missing,
}

/// The calendar, as the file beside the data lists it.
pub struct BankCalendar {
    /// Closed days other than Saturdays.
    pub holidays: Vec<Date>,
    /// Short days other than Fridays.
    pub eves: Vec<Date>,
    /// Days of each particular name.
    pub special: BTreeMap<String, Vec<Date>>,
    /// Days without records.
    pub missing: Vec<Date>,
}

impl BankCalendar {
    /// What sort of day it is.
    pub fn sort(&self, date: Date) -> Sort {
        if self.missing.contains(&date) {
            Sort::Missing
        } else if self.holidays.contains(&date) {
            Sort::Closed
        } else if self.special.values().any(|dates| dates.contains(&date)) {
            Sort::Special
        } else if self.eves.contains(&date) {
            Sort::Short
        } else {
            match date.weekday() {
                Weekday::Friday => Sort::Short,
                Weekday::Saturday => Sort::Closed,
                _ => Sort::Working,
            }
        }
    }

    /// Whether it is the first business day of its month: the first working day, particular or not.
    pub fn first_business_day(&self, date: Date) -> bool {
        let mut days = date.first_of_month().series(jiff::Span::new().days(1));
        days.find(|day| matches!(self.sort(*day), Sort::Working | Sort::Special)) == Some(date)
    }
}

/// A burst that is known, in minutes since the first of January.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// When its first high quarter of an hour begins.
    pub from: usize,
    /// When its last one ends.
    pub to: usize,
}

/// The six months.
pub struct Bank {
    /// By queue, each of [`DAYS`] days.
    pub queues: BTreeMap<String, Vec<Counts>>,
    /// Holidays and the like.
    pub calendar: BankCalendar,
    /// On queue PS.
    pub bursts: Vec<Burst>,
}

impl Bank {
    /// Reads queues PS and NW from the folder of the bank's data.
    pub fn read(folder: &Path) -> Bank {
        let mut queues: BTreeMap<String, Vec<Counts>> =
            ["NW", "PS"].map(|queue| (queue.to_owned(), vec![[0; STEPS]; DAYS])).into();
        for month in 1..=6 {
            for line in unpacked(&folder.join(format!("1999-{month:02}.ndjson.gz"))).lines() {
                if !line.starts_with(r#"{"type":"offered""#) {
                    continue;
                }
                let event: Value = serde_json::from_str(line).unwrap();
                let Some(days) = queues.get_mut(event["queue"].as_str().unwrap()) else { continue };
                let minutes = minutes(event["time"].as_str().unwrap());
                days[minutes / DAY_MINUTES][minutes % DAY_MINUTES / STEP_MINUTES] += 1;
            }
        }
        let calendar = calendar(&json(folder, "calendar.json"));
        let listed = &json(folder, "bursts.json");
        assert_eq!(listed["queue"], "PS");
        let edge = |burst: &Value, edge: &str| minutes(burst[edge].as_str().unwrap());
        let bursts = listed["bursts"].as_array().unwrap().iter();
        let bursts = bursts.map(|burst| Burst { from: edge(burst, "from"), to: edge(burst, "to") }).collect();
        Bank { queues, calendar, bursts }
    }

    /// An ordinary working day: neither short, closed, special nor without records. Month starts are among them.
    pub fn ordinary(&self, day: usize) -> bool {
        self.calendar.sort(date_of(day)) == Sort::Working
    }

    /// A day on which a burst is known.
    pub fn has_burst(&self, day: usize) -> bool {
        let day = day * DAY_MINUTES..(day + 1) * DAY_MINUTES;
        self.bursts.iter().any(|burst| burst.from < day.end && burst.to > day.start)
    }
}

/// Minutes since the first of January 1999 of a time whose text begins with local date, hour and minute.
fn minutes(time: &str) -> usize {
    let number = |range: Range<usize>| time[range].parse::<usize>().unwrap();
    let date: Date = time[..10].parse().unwrap();
    day_of(date) * DAY_MINUTES + number(11..13) * 60 + number(14..16)
}

fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

fn calendar(listed: &Value) -> BankCalendar {
    let dates =
        |list: &Value| list.as_array().unwrap().iter().map(|date| date.as_str().unwrap().parse().unwrap()).collect();
    let special = listed["special"].as_object().unwrap().iter();
    BankCalendar {
        holidays: dates(&listed["holidays"]),
        eves: dates(&listed["eves"]),
        special: special.map(|(name, list)| (name.clone(), dates(list))).collect(),
        missing: dates(&listed["no_records"]),
    }
}
