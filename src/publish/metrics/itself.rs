//! What the service knows of its own work: what it reads, how far it is, and why it says nothing of lanes.
//!
//! While the latest snapshot is too old nobody knows how far reading is: no partition counts as caught up then, and no lag
//! is told.

use super::family::{Family, Samples, Scene, seconds, timestamp};
use crate::engine::counters::Counter;
use crate::engine::cumulative::Timed;
use crate::engine::tally::{Cell, Measure};
use crate::publish::withheld::Withheld;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_lanes_withheld",
        "1 while this is a reason to show nothing of lanes, else 0; all are 0 while lanes are shown.",
        withheld,
    ),
    Family::gauge(
        "holdline_state_complete",
        "1 if what was read reaches back far enough to know every contact that is still open, else 0.",
        |scene, samples| samples.add(&[], flag(scene.snapshot.state_complete)),
    ),
    Family::gauge(
        "holdline_checkpoint_timestamp_seconds",
        "When the partition of which that is longest ago was last made durable, in seconds since 1970; absent while one was not yet.",
        |scene, samples| scene.snapshot.checkpointed.into_iter().for_each(|at| samples.add(&[], timestamp(at))),
    ),
    Family::gauge(
        "holdline_checkpoints_failing",
        "1 while checkpoints cannot be written, else 0.",
        |scene, samples| samples.add(&[], flag(scene.snapshot.hindrance.is_some())),
    ),
    Family::gauge(
        "holdline_view_timestamp_seconds",
        "The instant that the latest view is of, in seconds since 1970; absent before anything was read.",
        |scene, samples| scene.snapshot.now.into_iter().for_each(|now| samples.add(&[], timestamp(now))),
    ),
    Family::gauge(
        "holdline_newest_event_timestamp_seconds",
        "The latest event time believed, in seconds since 1970; absent before the first few events.",
        newest,
    ),
    Family::gauge(
        "holdline_topic_partitions",
        "Partitions that the topic has; absent before the broker said so.",
        topic_partitions,
    ),
    Family::gauge("holdline_partitions_assigned", "Partitions that this process holds.", |scene, samples| {
        samples.add(&[], scene.snapshot.partitions.len() as f64);
    }),
    Family::gauge(
        "holdline_partitions_caught_up",
        "Partitions that this process holds and has read to their end.",
        caught_up,
    ),
    Family::gauge(
        "holdline_consumer_lag_records",
        "Records of the partition not read yet; absent before the broker said how many there are.",
        lag,
    ),
    Family::gauge("holdline_tracked_contacts", "Contacts held in memory.", |scene, samples| {
        samples.add(&[], scene.snapshot.tracked_contacts as f64);
    }),
    Family::gauge("holdline_tracked_agents", "Agents held in memory, offline or not.", |scene, samples| {
        samples.add(&[], scene.snapshot.tracked_agents as f64);
    }),
    Family::gauge(
        "holdline_tracked_past_contacts",
        "Contacts of known customers that are remembered although they are held no longer.",
        |scene, samples| {
            samples.add(&[], scene.snapshot.tracked_past_contacts as f64);
        },
    ),
    Family::gauge(
        "holdline_tracked_lanes",
        "Lanes held in memory, each counted in every partition that it was seen in.",
        |scene, samples| {
            samples.add(&[], scene.snapshot.tracked_lanes as f64);
        },
    ),
    CORRECTIONS,
    Family::gauge("holdline_build_info", "Always 1; the label tells the version.", |_, samples| {
        samples.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    }),
];

/// What lanes count and take back.
pub(super) const CORRECTIONS: Family = Family::counter(
    "holdline_corrections_total",
    "What was counted in this cell and taken back later, by what arrived out of order; the cell outcome_amount is a sum of amounts, those that end in _seconds are durations taken out of a bucket, and those in _seconds_sum by how many seconds such a sum is too great.",
    corrections,
);

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn withheld(scene: &Scene<'_>, samples: &mut Samples) {
    let reasons = scene.snapshot.withheld(scene.now);
    for name in Withheld::NAMES {
        let applies = reasons.iter().any(|reason| reason.name() == name);
        samples.add(&[("reason", name)], flag(applies));
    }
}

fn newest(scene: &Scene<'_>, samples: &mut Samples) {
    for (topic, status) in &scene.snapshot.topics {
        if let Some(newest) = status.newest_event {
            samples.add(&[("topic", topic)], timestamp(newest));
        }
    }
}

fn topic_partitions(scene: &Scene<'_>, samples: &mut Samples) {
    for (topic, status) in &scene.snapshot.topics {
        if let Some(partitions) = status.partitions {
            samples.add(&[("topic", topic)], f64::from(partitions));
        }
    }
}

fn caught_up(scene: &Scene<'_>, samples: &mut Samples) {
    let is_known = !scene.snapshot.is_stale(scene.now);
    let caught_up = scene.snapshot.partitions.values().filter(|status| is_known && status.caught_up);
    samples.add(&[], caught_up.count() as f64);
}

fn lag(scene: &Scene<'_>, samples: &mut Samples) {
    if scene.snapshot.is_stale(scene.now) {
        return;
    }
    for ((topic, partition), status) in &scene.snapshot.partitions {
        if let Some(lag) = status.lag_records {
            samples.add(&[("topic", topic), ("partition", &partition.to_string())], lag as f64);
        }
    }
}

/// What durations taken back are called: how many, and by how many seconds sums are too great.
const DURATIONS: [(Measure, [&str; 2]); 4] = [
    (Measure::Wait, ["wait_seconds", "wait_seconds_sum"]),
    (Measure::Handle, ["handle_seconds", "handle_seconds_sum"]),
    (Measure::FirstReply, ["first_reply_seconds", "first_reply_seconds_sum"]),
    (Measure::Resolution, ["resolution_seconds", "resolution_seconds_sum"]),
];

/// By cell; those that are counted by reason or by outcome are added up. Of ratings and outcomes those of all names.
fn corrections(scene: &Scene<'_>, samples: &mut Samples) {
    if scene.shown().is_none() {
        return;
    }
    let of = |cell: Cell| -> u64 {
        let counters = Counter::all().filter(|counter| counter.cell() == cell);
        counters.map(|counter| scene.snapshot.counted.corrections.of(counter)).sum()
    };
    for cell in Cell::ALL.into_iter().filter(|&cell| Counter::all().any(|counter| counter.cell() == cell)) {
        samples.add(&[("cell", cell.name())], of(cell) as f64);
    }
    let retracted = scene.snapshot.counted.heard.retracted;
    samples.add(&[("cell", "survey_responses")], retracted.responses as f64);
    samples.add(&[("cell", "outcomes")], retracted.outcomes as f64);
    samples.add(&[("cell", "outcome_amount")], retracted.amount_millionths as f64 / 1e6);
    let corrections = scene.snapshot.counted.histograms.corrections;
    for (measure, [count, sum]) in DURATIONS {
        let of_measure = Timed::ALL.into_iter().filter(|timed| timed.measure() == measure);
        let of_measure = of_measure.map(|timed| corrections.of(timed));
        let (durations, sum_ms) = of_measure
            .fold((0, 0), |(count, sum_ms), taken_back| (count + taken_back.count, sum_ms + taken_back.sum_ms));
        samples.add(&[("cell", count)], durations as f64);
        samples.add(&[("cell", sum)], seconds(sum_ms));
    }
}
