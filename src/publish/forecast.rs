//! What is expected of the days to come, and the agents that it takes: as JSON, and as a table for a planner.
//!
//! The numbers of contacts come from [`surge`](crate::surge); agents are worked out here, quarter of an hour by quarter of
//! an hour, by Erlang C or, where it is known for how long contacts are ready to wait, by Erlang A.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::config::duration;
use crate::publish::plot;
use crate::publish::staffing::Planning;
use crate::publish::table::{printable, share_text, write_aligned};
use crate::staffing::Aim;
use crate::surge::{Band, BusinessCalendar, Day, DayForecast, Kind, QUARTER_MS, SlotForecast, Standing};

/// One contact in five hours, in a quarter of an hour: less is not told.
const LEAST_TOLD: f64 = 0.05;

/// So many of the busiest days are drawn by quarter of an hour.
const BUSIEST: usize = 3;

/// A slot, in hours.
const SLOT_HOURS: f64 = 0.25;

/// What is expected of one queue.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct QueueForecast {
    /// Whose.
    pub queue: String,
    /// What the baseline is made of.
    pub baseline: BaselineJson,
    /// The mean handle time that agents are computed with, in seconds; none if it is not known, and then neither are they.
    pub handle_seconds: Option<f64>,
    /// The mean patience, in seconds; none if it is not known.
    pub patience_seconds: Option<f64>,
    /// What is aimed at; none if nothing is promised.
    pub aim: Option<AimJson>,
    /// Day by day.
    pub days: Vec<DayJson>,
}

/// What a baseline is made of.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct BaselineJson {
    /// Days of which enough is known.
    pub days: u32,
    /// First business days of a month among them.
    pub month_starts: u32,
    /// Why it is too thin to trust; none if it is not.
    pub thin: Option<String>,
}

/// What is aimed at.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct AimJson {
    /// Within how many seconds.
    pub target_seconds: f64,
    /// Which share, 0 to 1.
    pub goal: f64,
    /// How busy agents may be, 0 to 1.
    pub max_occupancy: f64,
    /// The share of paid time in which they are not there, 0 to 1.
    pub shrinkage: f64,
}

/// One day.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DayJson {
    /// Its date, local to the calendar.
    pub date: String,
    /// `working`, `short` or `closed`.
    pub kind: &'static str,
    /// 1 on the first business day of a month, and so on; none on a day that is none.
    pub business_day: Option<u8>,
    /// What is particular about it, beside that: a pay day, the last business day, the first one after a holiday, days of
    /// a kind of their own by its name.
    pub particular: Vec<String>,
    /// Contacts expected.
    pub expected: BandJson,
    /// How many would be, if it were no month start, pay day or the like.
    pub ordinary: f64,
    /// The most agents that any quarter of an hour needs; none if handle times are not known, or nothing is promised.
    pub agents_at_peak: Option<u64>,
    /// How many have to be scheduled for that.
    pub scheduled_at_peak: Option<u64>,
    /// Hours of agents who are there, added up over the day.
    pub agent_hours: Option<f64>,
    /// Why the numbers are not to be trusted; none if they are.
    pub thin: Option<String>,
    /// By quarter of an hour, from the first to the last in which anybody to speak of is expected.
    pub slots: Vec<SlotJson>,
}

/// What is expected, and the ends of a band that holds the true number in 90 of 100 cases.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct BandJson {
    /// Expected.
    pub mean: f64,
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
}

/// One quarter of an hour.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SlotJson {
    /// When it begins, RFC 3339 in UTC.
    pub start: Timestamp,
    /// The local time of that, as `09:15`.
    pub local: String,
    /// Contacts expected.
    pub expected: BandJson,
    /// Agents who have to be there: 0 while it is closed and hardly anybody comes; none if handle times are not known, or
    /// nothing is promised.
    pub agents: Option<u64>,
    /// Agents who have to be scheduled for that.
    pub scheduled: Option<u64>,
}

impl From<Standing> for BaselineJson {
    fn from(Standing { days, month_starts, thin, .. }: Standing) -> Self {
        BaselineJson { days, month_starts, thin: thin.map(|thin| thin.to_string()) }
    }
}

impl From<Band> for BandJson {
    fn from(Band { mean, lower, upper }: Band) -> Self {
        BandJson { mean: rounded(mean), lower: rounded(lower), upper: rounded(upper) }
    }
}

fn particular(day: &Day, calendar: &BusinessCalendar) -> Vec<String> {
    let said = [
        (day.is_pay_day, "pay day"),
        (day.is_last_business_day, "last business day"),
        (day.is_after_holiday, "after a holiday"),
    ];
    let said = said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned());
    said.chain(day.special.iter().filter_map(|kind| calendar.special_kinds().get(*kind).cloned())).collect()
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Working => "working",
        Kind::Short => "short",
        Kind::Closed => "closed",
    }
}

/// To thousandths: what is beyond them is no knowledge.
fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

impl QueueForecast {
    /// What these days bring to a queue, with agents that are worked out like this.
    pub fn of(
        queue: &str,
        standing: Standing,
        days: &[DayForecast],
        calendar: &BusinessCalendar,
        planning: Planning,
    ) -> QueueForecast {
        let Planning { times, aim } = planning;
        let staffed = |slot: &SlotForecast| {
            let required = planning.required(slot)?;
            Some((required.agents, required.agents_scheduled))
        };
        QueueForecast {
            queue: queue.to_owned(),
            baseline: standing.into(),
            handle_seconds: times.handle_seconds.map(rounded),
            patience_seconds: times.patience_seconds.map(rounded),
            aim: aim.map(|Aim { target_seconds, goal, max_occupancy, shrinkage }| AimJson {
                target_seconds,
                goal,
                max_occupancy,
                shrinkage,
            }),
            days: days.iter().map(|day| DayJson::of(day, calendar, staffed)).collect(),
        }
    }
}

impl QueueForecast {
    /// As a picture, SVG: every day, and of the busiest ones every quarter of an hour, with the agents that it takes.
    pub fn draw(&self) -> String {
        let mut busiest: Vec<&DayJson> = self.days.iter().filter(|day| !day.slots.is_empty()).collect();
        busiest.sort_by(|one, other| other.expected.mean.total_cmp(&one.expected.mean));
        busiest.truncate(BUSIEST);
        busiest.sort_by(|one, other| one.date.cmp(&other.date));
        let BaselineJson { days, month_starts, thin } = &self.baseline;
        let thin = thin.as_ref().map(|thin| format!("; not to be trusted: {thin}")).unwrap_or_default();
        plot::draw(&plot::Plot {
            title: format!("{}: contacts expected", self.queue),
            subtitle: format!("learned from {days} days, {month_starts} month starts among them{thin}"),
            band_percent: 90,
            days: self.days.iter().map(DayJson::drawn).collect(),
            busiest: busiest.into_iter().map(DayJson::drawn_by_slots).collect(),
            slot_minutes: 15,
        })
    }
}

impl From<BandJson> for plot::Band {
    fn from(BandJson { mean, lower, upper }: BandJson) -> Self {
        plot::Band { lower, mean, upper }
    }
}

impl DayJson {
    fn drawn(&self) -> plot::Day {
        plot::Day {
            date: self.date.clone(),
            weekday: self.weekday(),
            label: self.remark(),
            stands_out: self.business_day == Some(1),
            expected: self.expected.into(),
        }
    }

    fn drawn_by_slots(&self) -> plot::BusyDay {
        let remark = self.remark();
        let title = format!("{} {}", self.weekday(), self.date);
        let slot = |slot: &SlotJson| plot::Slot {
            starts: slot.local.clone(),
            expected: slot.expected.into(),
            agents: slot.agents,
        };
        plot::BusyDay {
            title: if remark.is_empty() { title } else { format!("{title}, {remark}") },
            slots: self.slots.iter().map(slot).collect(),
        }
    }

    fn weekday(&self) -> String {
        self.date.parse::<Date>().map_or_else(|_| String::new(), |date| date.strftime("%a").to_string())
    }

    fn of(
        day: &DayForecast,
        calendar: &BusinessCalendar,
        staffed: impl Fn(&SlotForecast) -> Option<(u64, u64)>,
    ) -> DayJson {
        let is_told = |slot: &SlotForecast| slot.mean >= LEAST_TOLD;
        let first = day.slots.iter().position(is_told).unwrap_or(day.slots.len());
        let after_last = day.slots.iter().rposition(is_told).map_or(first, |last| last + 1);
        let slots: Vec<SlotJson> = day.slots[first..after_last]
            .iter()
            .map(|slot| {
                let staffed = staffed(slot);
                let start = Timestamp::from_millisecond(i64::from(slot.quarter) * QUARTER_MS.cast_signed());
                let start = start.unwrap_or(Timestamp::MAX);
                SlotJson {
                    start,
                    local: start.to_zoned(calendar.zone().clone()).strftime("%H:%M").to_string(),
                    expected: Band { mean: slot.mean, lower: slot.lower, upper: slot.upper }.into(),
                    agents: staffed.map(|(agents, _)| agents),
                    scheduled: staffed.map(|(_, scheduled)| scheduled),
                }
            })
            .collect();
        let agent_quarters = slots.iter().map(|slot| slot.agents).try_fold(0, |sum, agents| Some(sum + agents?));
        DayJson {
            date: day.day.date.to_string(),
            kind: name_of(day.day.kind),
            business_day: day.day.business_day,
            particular: particular(&day.day, calendar),
            expected: day.total.into(),
            ordinary: rounded(day.ordinary),
            agents_at_peak: slots.iter().filter_map(|slot| slot.agents).max(),
            scheduled_at_peak: slots.iter().filter_map(|slot| slot.scheduled).max(),
            agent_hours: agent_quarters.filter(|_| !slots.is_empty()).map(|quarters: u64| quarters as f64 * SLOT_HOURS),
            // Of a day on which nobody is expected there is nothing to mistrust.
            thin: day.thin.filter(|_| day.total.upper >= 1.0).map(|thin| thin.to_string()),
            slots,
        }
    }

    /// What is particular about the day, in words; empty if nothing is.
    fn remark(&self) -> String {
        let month_start = match self.business_day {
            Some(1) => "month start",
            Some(2 | 3) => "early in the month",
            _ => "",
        };
        let kind = if self.kind == "working" { "" } else { self.kind };
        let thin = self.thin.as_deref().unwrap_or_default();
        let particular = self.particular.iter().map(String::as_str);
        let parts = [kind, month_start].into_iter().chain(particular).chain([thin]);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a target, which was milliseconds")]
fn whole_ms(seconds: f64) -> u64 {
    (seconds * 1_000.0).round() as u64
}

/// Writes a table: a line a day for each queue.
///
/// # Errors
/// `out` cannot be written to.
pub fn write_table(outlooks: &[QueueForecast], out: &mut dyn Write) -> io::Result<()> {
    let headings =
        ["queue", "date", "day", "", "expected", "90 % band", "agents at peak", "to schedule", "agent hours"];
    let mut rows = vec![headings.map(str::to_owned)];
    for outlook in outlooks {
        rows.extend(outlook.days.iter().map(|day| {
            let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
            [
                printable(&outlook.queue),
                day.date.clone(),
                day.weekday(),
                day.remark(),
                format!("{:.0}", day.expected.mean),
                format!("{:.0} to {:.0}", day.expected.lower, day.expected.upper),
                number(day.agents_at_peak),
                number(day.scheduled_at_peak),
                day.agent_hours.map_or_else(|| "-".to_owned(), |hours| format!("{hours:.1}")),
            ]
        }));
    }
    write_aligned(&rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>(), 4, out)?;
    for outlook in outlooks {
        let BaselineJson { days, month_starts, thin } = &outlook.baseline;
        write!(
            out,
            "\n{}: learned from {days} days, {month_starts} month starts among them",
            printable(&outlook.queue)
        )?;
        if let Some(thin) = thin {
            write!(out, "; not to be trusted: {thin}")?;
        }
        match (outlook.handle_seconds, outlook.aim) {
            (Some(handle), Some(aim)) => {
                let model = if outlook.patience_seconds.is_some() { "Erlang A" } else { "Erlang C" };
                let [goal, busy, away] = [aim.goal, aim.max_occupancy, aim.shrinkage].map(share_text);
                let target = duration::write(whole_ms(aim.target_seconds));
                write!(
                    out,
                    ".\nAgents by {model} for {goal} within {target}, contacts that take {handle:.0} s, busy for {busy} of the \
                     time at most; scheduled as if {away} were away"
                )?;
            }
            _ => write!(out, "; no agents, as handle times are not known")?,
        }
    }
    if !outlooks.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}
