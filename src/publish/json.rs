//! A report as JSON, one object a line: intervals, totals by group, the total of all together, the input.
//!
//! Durations are seconds, ratios 0 to 1, what is not known is null, times are RFC 3339 in UTC. Keys come in the order in
//! which they are declared here; they are a contract.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::engine::histogram::Distribution;
use crate::engine::repeats::RepeatCounts;
use crate::engine::tally::{Cell, Cells, Formula, Measure, Quantity, Tally};
use crate::event::rejection::RejectionReason;
use crate::publish::edges::written;
use crate::publish::report::{InputCounts, Line, Report};

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
    /// All other measures, by name.
    measures: BTreeMap<&'static str, TallyJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeats: Option<RepeatsJson<'a>>,
}

impl<'a> LineJson<'a> {
    fn of(kind: &'static str, report: &'a Report, line: &'a Line) -> LineJson<'a> {
        let measures = &line.group.measures;
        let others = measures.iter().filter(|(measure, _)| **measure != Measure::Wait);
        let nothing = Tally::default();
        LineJson {
            kind,
            start: line.start.map(written),
            end: line.end.map(written),
            queue: line.key.queue.as_deref(),
            channel: report.by.channel.then_some(line.key.channel.as_deref()),
            tier: report.by.tier.then_some(line.key.tier.as_deref()),
            wait: TallyJson::of(Measure::Wait, measures.get(&Measure::Wait).unwrap_or(&nothing)),
            measures: others.map(|(measure, tally)| (measure.name(), TallyJson::of(*measure, tally))).collect(),
            repeats: line.repeats.as_ref().map(|counts| RepeatsJson { within: &report.repeat_within, counts }),
        }
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

/// The cells and distributions of a measure. Only visits are completed: other measures have no handling.
#[derive(Serialize)]
struct TallyJson {
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
    wait_answered: DistributionJson,
    wait_abandoned: DistributionJson,
    wait_left: DistributionJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<DistributionJson>,
}

impl TallyJson {
    fn of(measure: Measure, tally: &Tally) -> TallyJson {
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
            service_level: LevelsJson(*cells),
            wait_answered: DistributionJson::of(&tally[Quantity::WaitAnswered]),
            wait_abandoned: DistributionJson::of(&tally[Quantity::WaitAbandoned]),
            wait_left: DistributionJson::of(&tally[Quantity::WaitLeft]),
            handle: is_wait.then(|| DistributionJson::of(&tally[Quantity::Handle])),
        }
    }
}

/// The service level by every formula.
struct LevelsJson(Cells);

impl Serialize for LevelsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Formula::ALL.map(|formula| (formula.name(), self.0.service_level(formula))))
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
    fn of(distribution: &Distribution) -> DistributionJson {
        let quantile = |per_mille| distribution.quantile_ms(per_mille).map(Seconds);
        DistributionJson {
            count: distribution.count(),
            mean: distribution.mean_ms().map(|mean_ms| mean_ms / 1000.0),
            p50: quantile(500),
            p90: quantile(900),
            p95: quantile(950),
            p99: quantile(990),
            p999: quantile(999),
            max: distribution.max_ms().map(Seconds),
        }
    }
}

/// Milliseconds, written as seconds: 97 or 59.859.
struct Seconds(u64);

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
    overflow_customers: u64,
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
            overflow_customers: engine.overflow_customers,
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
