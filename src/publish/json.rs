//! A report as JSON, one object a line: intervals, totals by group, the total of all together, the input.
//!
//! Durations are seconds, ratios 0 to 1, what is not known is null, times are RFC 3339 in UTC. Keys come in the order in
//! which they are declared here; they are a contract.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::engine::agents::tally::AgentTally;
use crate::engine::board::Group;
use crate::engine::histogram::Distribution;
use crate::engine::repeats::RepeatCounts;
use crate::engine::tally::{Cell, Cells, Formula, Measure, Quantity, Tally};
use crate::event::rejection::RejectionReason;
use crate::publish::edges::written;
use crate::publish::report::{InputCounts, Line, Report};

mod said;

use self::said::ExperienceJson;
pub(super) use self::said::{OutcomeJson, SurveyJson, outcomes};

/// Writes the report.
///
/// # Errors
///
/// `out` cannot be written to.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let intervals = report.intervals.iter().map(|line| ("interval", line));
    let totals = report.totals.iter().chain([&report.together]).map(|line| ("total", line));
    for (kind, line) in intervals.chain(totals) {
        write_line(&LineJson::of(kind, report, line), out)?;
    }
    write_line(&InputJson::of(&report.input), out)
}

fn write_line(line: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    // In one piece: a line is written in hundreds of small ones.
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// A line of a group.
#[derive(Serialize)]
struct LineJson<'a> {
    kind: &'static str,
    start: Option<String>,
    end: Option<String>,
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Option<&'a str>>,
    #[serde(flatten)]
    wait: TallyJson,
    /// All other measures that have cells or durations, by name.
    measures: BTreeMap<&'static str, TallyJson>,
    /// Whether it is open at the end; of totals with a calendar only.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<bool>,
    /// Visits in service at the end.
    in_service: u64,
    /// Contacts that are not over at the end.
    active: u64,
    #[serde(flatten)]
    effort: Option<EffortJson>,
    /// Of totals only: lists are made of them alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    tail: Option<TailJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agents: Option<AgentsJson>,
    /// By name; absent where nothing was answered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    surveys: BTreeMap<&'a str, SurveyJson>,
    /// By name; absent where nothing came of contacts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outcomes: BTreeMap<&'a str, OutcomeJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    experience: Option<ExperienceJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeats: Option<RepeatsJson<'a>>,
}

impl<'a> LineJson<'a> {
    fn of(kind: &'static str, report: &'a Report, line: &'a Line) -> LineJson<'a> {
        let measures = &line.group.measures;
        let others = measures.iter().filter(|(measure, tally)| is_other(**measure, tally));
        let waiting = |measure| measures.get(&measure).map_or(0, |tally: &Tally| tally.waiting);
        let nothing = Tally::default();
        LineJson {
            kind,
            start: line.start.map(written),
            end: line.end.map(written),
            queue: line.key.queue.as_deref(),
            channel: report.by.channel.then_some(line.key.channel.as_deref()),
            tier: report.by.tier.then_some(line.key.tier.as_deref()),
            wait: TallyJson::of(Measure::Wait, measures.get(&Measure::Wait).unwrap_or(&nothing), Extent::ALL),
            measures: others
                .map(|(measure, tally)| (measure.name(), TallyJson::of(*measure, tally, Extent::ALL)))
                .collect(),
            open: line.open,
            in_service: waiting(Measure::Handle),
            active: waiting(Measure::Backlog),
            effort: measures.get(&Measure::Effort).map(|tally| EffortJson::of(tally, Extent::ALL)),
            tail: (kind == "total").then(|| TailJson::of(&line.group)).filter(|tail| !tail.is_empty()),
            agents: line.agents.map(|tally| AgentsJson::of(&tally, line.completed(), Extent::ALL)),
            surveys: line
                .group
                .surveys
                .iter()
                .map(|(name, tally)| (name.as_str(), SurveyJson::of(tally, Extent::ALL)))
                .collect(),
            outcomes: outcomes(&line.group, Extent::ALL),
            experience: ExperienceJson::of(line),
            repeats: line.repeats.as_ref().map(|counts| RepeatsJson { within: &report.repeat_within, counts }),
        }
    }
}

/// Whether a measure is told among the others. That a visit is in service says nothing of a promise on its handling.
pub(super) fn is_other(measure: Measure, tally: &Tally) -> bool {
    match measure {
        Measure::Wait | Measure::Backlog | Measure::Effort => false,
        Measure::Handle => tally.is_judged(),
        _ => true,
    }
}

/// Contacts whose customer is known, and by span those that repeat another.
struct RepeatsJson<'a> {
    within: &'a [String],
    counts: &'a RepeatCounts,
}

#[derive(Serialize)]
struct RepeatedJson {
    repeated: u64,
    ratio: Option<f64>,
    fcr: Option<f64>,
}

impl Serialize for RepeatsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.within.len()))?;
        map.serialize_entry("known", &self.counts.known)?;
        for (span, (within, &repeated)) in self.within.iter().zip(&self.counts.repeated).enumerate() {
            let (ratio, fcr) = (self.counts.ratio(span), self.counts.resolved_ratio(span));
            map.serialize_entry(within, &RepeatedJson { repeated, ratio, fcr })?;
        }
        map.end()
    }
}

/// How much is known of what is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Whether it is of whole queues: levels, quantiles, means and shares are told of those alone. Counts add up.
    pub(super) whole: bool,
    /// Whether anything is known beyond cells: windows without quantiles have no distributions.
    pub(super) quantiles: bool,
}

impl Extent {
    /// Everything, as of a report.
    pub(super) const ALL: Extent = Extent { whole: true, quantiles: true };

    fn of_whole<T>(self, told: Option<T>) -> Option<T> {
        told.filter(|_| self.whole)
    }
}

/// The cells and distributions of a measure. Only visits are completed: other measures have no handling.
#[derive(Serialize)]
pub(super) struct TallyJson {
    offered: u64,
    answered: u64,
    answered_within: u64,
    abandoned: u64,
    abandoned_within: u64,
    abandoned_short: u64,
    left: u64,
    left_within: u64,
    overdue: u64,
    waiting: u64,
    waiting_over: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<u64>,
    service_level: LevelsJson,
    wait_answered: Option<DistributionJson>,
    wait_abandoned: Option<DistributionJson>,
    wait_left: Option<DistributionJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<Option<DistributionJson>>,
}

impl TallyJson {
    pub(super) fn of(measure: Measure, tally: &Tally, extent: Extent) -> TallyJson {
        let is_wait = measure == Measure::Wait;
        let cells = &tally.cells;
        TallyJson {
            offered: cells[Cell::Offered],
            answered: cells[Cell::Answered],
            answered_within: cells[Cell::AnsweredWithin],
            abandoned: cells[Cell::Abandoned],
            abandoned_within: cells[Cell::AbandonedWithin],
            abandoned_short: cells[Cell::AbandonedShort],
            left: cells[Cell::Left],
            left_within: cells[Cell::LeftWithin],
            overdue: cells[Cell::Overdue],
            waiting: tally.waiting,
            waiting_over: tally.waiting_over,
            completed: is_wait.then_some(cells[Cell::Completed]),
            service_level: LevelsJson(extent.of_whole(Some(*cells))),
            wait_answered: DistributionJson::of(&tally[Quantity::WaitAnswered], extent),
            wait_abandoned: DistributionJson::of(&tally[Quantity::WaitAbandoned], extent),
            wait_left: DistributionJson::of(&tally[Quantity::WaitLeft], extent),
            handle: is_wait.then(|| DistributionJson::of(&tally[Quantity::Handle], extent)),
        }
    }
}

/// What the agents of a queue did.
#[derive(Serialize)]
pub(super) struct AgentsJson {
    available_seconds: Seconds,
    busy_seconds: Seconds,
    wrapup_seconds: Seconds,
    away_seconds: Seconds,
    occupancy: Option<f64>,
    handled_per_agent_hour: Option<f64>,
}

impl AgentsJson {
    pub(super) fn of(tally: &AgentTally, completed: u64, extent: Extent) -> AgentsJson {
        AgentsJson {
            available_seconds: Seconds(tally.time_ms.available),
            busy_seconds: Seconds(tally.time_ms.busy),
            wrapup_seconds: Seconds(tally.time_ms.wrapup),
            away_seconds: Seconds(tally.time_ms.away),
            occupancy: extent.of_whole(tally.occupancy()),
            handled_per_agent_hour: extent.of_whole(tally.handled_per_agent_hour(completed)),
        }
    }
}

/// The service level by every formula; none where it cannot be told.
struct LevelsJson(Option<Cells>);

impl Serialize for LevelsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let level = |formula| self.0.and_then(|cells| cells.service_level(formula));
        serializer.collect_map(Formula::ALL.map(|formula| (formula.name(), level(formula))))
    }
}

#[derive(Serialize)]
struct DistributionJson {
    count: u64,
    mean: Option<f64>,
    p50: Option<Seconds>,
    p90: Option<Seconds>,
    p95: Option<Seconds>,
    p99: Option<Seconds>,
    p999: Option<Seconds>,
    max: Option<Seconds>,
}

impl DistributionJson {
    fn of(distribution: &Distribution, extent: Extent) -> Option<DistributionJson> {
        let quantile = |per_mille| extent.of_whole(distribution.quantile_ms(per_mille)).map(Seconds);
        extent.quantiles.then(|| DistributionJson {
            count: distribution.count(),
            mean: extent.of_whole(distribution.mean_ms()).map(|mean_ms| mean_ms / 1000.0),
            p50: quantile(500),
            p90: quantile(900),
            p95: quantile(950),
            p99: quantile(990),
            p999: quantile(999),
            max: extent.of_whole(distribution.max_ms()).map(Seconds),
        })
    }
}

/// What contacts took beside time.
#[derive(Serialize)]
pub(super) struct EffortJson {
    resolved: u64,
    reopened: u64,
    replies: Option<NumbersJson>,
    transfers: Option<NumbersJson>,
}

impl EffortJson {
    pub(super) fn of(tally: &Tally, extent: Extent) -> EffortJson {
        EffortJson {
            resolved: tally.cells[Cell::Resolved],
            reopened: tally.cells[Cell::Reopened],
            replies: NumbersJson::of(&tally[Quantity::Replies], extent),
            transfers: NumbersJson::of(&tally[Quantity::Transfers], extent),
        }
    }
}

/// How many there were of something, over the contacts that had any.
#[derive(Serialize)]
struct NumbersJson {
    contacts: u64,
    sum: u64,
    mean: Option<f64>,
    p50: Option<u64>,
    p90: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

impl NumbersJson {
    fn of(numbers: &Distribution, extent: Extent) -> Option<NumbersJson> {
        // A distribution calls its values milliseconds; here they are plain numbers.
        let quantile = |per_mille| extent.of_whole(numbers.quantile_ms(per_mille));
        extent.quantiles.then(|| NumbersJson {
            contacts: numbers.count(),
            sum: numbers.sum_ms(),
            mean: extent.of_whole(numbers.mean_ms()),
            p50: quantile(500),
            p90: quantile(900),
            p99: quantile(990),
            max: extent.of_whole(numbers.max_ms()),
        })
    }
}

/// The contacts to look at, by measure.
#[derive(Serialize)]
pub(super) struct TailJson<'a> {
    /// Who waits longest at the end, of those who still do as far as is known.
    longest: BTreeMap<&'static str, Vec<LongestJson<'a>>>,
    /// Whose waits, handle times or efforts were the greatest, by what was measured.
    worst: BTreeMap<&'static str, BTreeMap<&'static str, Vec<WorstJson<'a>>>>,
}

#[derive(Serialize)]
struct LongestJson<'a> {
    contact_id: &'a str,
    since: String,
    over_target: bool,
}

#[derive(Serialize)]
struct WorstJson<'a> {
    contact_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
}

impl<'a> TailJson<'a> {
    pub(super) fn of(group: &'a Group) -> TailJson<'a> {
        let mut tail = TailJson { longest: BTreeMap::new(), worst: BTreeMap::new() };
        for (measure, list) in &group.longest {
            let list = list.iter().map(|waiting| LongestJson {
                contact_id: &waiting.contact_id,
                since: written(waiting.since),
                over_target: waiting.over,
            });
            tail.longest.insert(measure.name(), list.collect());
        }
        for ((measure, quantity), list) in &group.worst {
            let is_number = matches!(quantity, Quantity::Replies | Quantity::Transfers);
            let list = list.iter().map(|worst| WorstJson {
                contact_id: worst.contact_id.as_deref(),
                seconds: (!is_number).then_some(Seconds(worst.duration_ms)),
                number: is_number.then_some(worst.duration_ms),
            });
            tail.worst.entry(measure.name()).or_default().insert(quantity.name(), list.collect());
        }
        tail
    }

    fn is_empty(&self) -> bool {
        self.longest.is_empty() && self.worst.is_empty()
    }
}

/// Milliseconds, written as seconds: 97 or 59.859.
pub(super) struct Seconds(pub(super) u64);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

#[derive(Serialize)]
struct InputJson<'a> {
    kind: &'static str,
    records: u64,
    events: u64,
    rejected: RejectedJson<'a>,
    duplicate: u64,
    late: u64,
    orphan: u64,
    skew: u64,
    conflict: u64,
    expired: u64,
    ahead: u64,
    overflow_contacts: u64,
    overflow_facts: u64,
    overflow_lanes: u64,
    overflow_agents: u64,
    overflow_past_contacts: u64,
}

impl<'a> InputJson<'a> {
    fn of(input: &'a InputCounts) -> InputJson<'a> {
        let engine = &input.engine;
        InputJson {
            kind: "input",
            records: input.records,
            events: engine.events,
            rejected: RejectedJson(&input.rejected),
            duplicate: engine.duplicate,
            late: engine.late,
            orphan: engine.orphan,
            skew: engine.skew,
            conflict: engine.conflict,
            expired: engine.expired,
            ahead: input.ahead,
            overflow_contacts: engine.overflow_contacts,
            overflow_facts: engine.overflow_facts,
            overflow_lanes: engine.overflow_lanes,
            overflow_agents: engine.overflow_agents,
            overflow_past_contacts: engine.overflow_past_contacts,
        }
    }
}

/// Rejected records by reason.
struct RejectedJson<'a>(&'a BTreeMap<RejectionReason, u64>);

impl Serialize for RejectedJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(reason, count)| (reason.name(), count)))
    }
}
