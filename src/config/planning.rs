//! The sections `[surge]` and `[staffing]`: which days are like which, where surges are told, and what agents can be asked
//! to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::calendars::refuse_unknown;
use super::reading::Reading;
use super::section::Section;
use super::typed::Value;
use super::understand::{calendar, whole};
use super::understand_hours::date;
use super::understand_service::{kafka_name, path};
use crate::engine::arrivals;
use crate::engine::settings::SlotWidths;

/// Scores at which a surge can be declared: below the first nearly every day would have some.
const DECLARE: std::ops::RangeInclusive<f64> = 2.0..=20.0;

/// Agents that are busy for all of their time answer nobody in time.
const FULL: f64 = 1.0;

/// What days and surges are like.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Surge {
    /// The name of the calendar that says which days are business days, and when queues are open that have none. None if each
    /// queue's own says both; where that has none either, Monday to Friday are business days, in UTC, and it is always open.
    pub calendar: Option<String>,
    /// The dates on which periods begin that stand for months; empty if these are the months of the calendar.
    pub month_starts: BTreeSet<Date>,
    /// Days of the month, 1 to 31, on which people are paid.
    pub pay_days: BTreeSet<i8>,
    /// Days of a kind of their own, by its name.
    pub special: BTreeMap<String, BTreeSet<Date>>,
    /// The score at which a surge is declared; none for the usual one.
    pub declare: Option<f64>,
    /// Counts of the time before the topics reach back.
    pub baseline_file: Option<PathBuf>,
    /// The topic that surges are told to; none if to none.
    pub topic: Option<String>,
}

/// What agents can be asked to do.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Staffing {
    /// The share of their time, 0 to 1, that agents who are there can be busy at most.
    pub max_occupancy: f64,
    /// The share of paid time, 0 to 1, in which agents are not there: breaks, training, illness.
    pub shrinkage: f64,
}

impl Default for Staffing {
    fn default() -> Self {
        Staffing { max_occupancy: 0.85, shrinkage: 0.3 }
    }
}

/// Reads `[surge]`; relative paths are taken from `folder`, `calendars` are the names of those that are written, and
/// `place_of` says what else a topic is.
pub(super) fn surge(
    section: &mut Section<'_>,
    folder: &Path,
    slots: SlotWidths,
    calendars: &[String],
    place_of: impl Fn(&String) -> Option<&'static str>,
) -> Surge {
    let named = section.read("calendar", calendar);
    if let Reading::Usable(name, spot) = &named {
        refuse_unknown(section, calendars, name, spot);
    }
    let month_starts = section.read_list("month_starts", r#"["2026-07-20", "2026-08-20"]"#, date);
    let pay_days = section.read_list("pay_days", "[10, 25]", whole(1..=31));
    let special = section.named_values("special", |value| {
        let list = value.items().ok_or_else(|| {
            format!("{} is not a list of dates: write it as in [\"2026-11-27\", \"2026-11-30\"]", value.quoted())
        })?;
        list.iter().map(|(date_or_not, _)| date(date_or_not)).collect::<Result<BTreeSet<Date>, String>>()
    });
    let declare = section.read("declare", score);
    let baseline_file = section.read("baseline_file", |value| path(value).map(|path| folder.join(path)));
    let topic = section.read("topic", kafka_name);
    if let Reading::Usable(name, spot) = &topic
        && let Some(place) = place_of(name)
    {
        section.refuse(spot, format!("\"{name}\" is {place}: name another one, which nobody else writes to"));
    }
    if !arrivals::are_told(slots) {
        let spot = section.spot().clone();
        let message = "cannot be had with these slots: let slots.coarse divide five minutes, as \"1m\" does";
        if [named.spot(), topic.spot(), baseline_file.spot()].iter().any(Option::is_some) {
            section.refuse(&spot, message.to_owned());
        }
    }
    let day = |day: u64| i8::try_from(day).expect("a month has 31 days");
    let listed = pay_days.value().unwrap_or_default();
    Surge {
        calendar: named.value(),
        month_starts: month_starts.value().unwrap_or_default().into_iter().map(|(date, _)| date).collect(),
        pay_days: listed.into_iter().map(|(number, _)| day(number)).collect(),
        special,
        declare: declare.value(),
        baseline_file: baseline_file.value(),
        topic: topic.value(),
    }
}

/// Reads `[staffing]`.
pub(super) fn staffing(section: &mut Section<'_>) -> Staffing {
    let usual = Staffing::default();
    Staffing {
        max_occupancy: section.read("max_occupancy", part(0.01..=FULL)).or(usual.max_occupancy),
        shrinkage: section.read("shrinkage", part(0.0..=0.95)).or(usual.shrinkage),
    }
}

fn score(value: &Value) -> Result<f64, String> {
    let number = value.number().and_then(|number| number.parse().ok()).filter(|score| DECLARE.contains(score));
    number.ok_or_else(|| format!("{} is not a score from {} to {}", value.quoted(), DECLARE.start(), DECLARE.end()))
}

/// A share within these bounds, which belong to it.
fn part(range: std::ops::RangeInclusive<f64>) -> impl Fn(&Value) -> Result<f64, String> {
    move |value| {
        let number = value.number().and_then(|number| number.parse().ok()).filter(|part| range.contains(part));
        number.ok_or_else(|| format!("{} is not a share from {} to {}", value.quoted(), range.start(), range.end()))
    }
}
