//! What the service counts about itself while it works.
//!
//! Plain metrics of the `prometheus` crate, registered once, added to from any thread. What lanes say is not here: that
//! is a function of state and instant, made for each look (see [`publish`](crate::publish)).

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::event::EventTime;
use crate::event::rejection::RejectionReason;

/// Seconds: from what a healthy source takes, to what no view can wait for.
const DELAY_BOUNDS: [f64; 14] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Seconds.
const DURATION_BOUNDS: [f64; 9] = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Seconds: up to what nobody would call a pause any more.
const PAUSE_BOUNDS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0];

/// Seconds.
const CHECKPOINT_BOUNDS: [f64; 10] = [0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0];

/// All of them. Clones share their numbers.
#[derive(Clone, Debug)]
pub struct Meters {
    /// Records read and taken in as events, by topic.
    pub events: IntCounterVec,
    /// Records that are no events, by [`RejectionReason`].
    pub rejected: IntCounterVec,
    /// Events too late to be applied.
    pub late: IntCounter,
    /// Events known already.
    pub duplicate: IntCounter,
    /// Events of contacts that were never offered, counted when these are forgotten.
    pub orphan: IntCounter,
    /// Events whose record is keyed by something else than the contact id.
    pub misrouted: IntCounter,
    /// Events tallied as `_other`, because there are too many lanes.
    pub lanes_overflow: IntCounter,
    /// Events dropped, because too many contacts are held.
    pub contacts_overflow: IntCounter,
    /// Contacts of known customers that are not remembered, because too many are.
    pub past_contacts_overflow: IntCounter,
    /// Contacts beyond a fence that nobody is told of.
    pub outliers_overflow: IntCounter,
    /// Events beyond the limit of one contact.
    pub facts_overflow: IntCounter,
    /// See [`Input::overflow_agents`](crate::engine::shard::Input::overflow_agents).
    pub agents_overflow: IntCounter,
    /// From an event's time to its being read, while caught up, in seconds; an event ahead of the clock counts as 0.
    pub event_delay: Histogram,
    /// How often partitions were assigned or revoked.
    pub rebalances: IntCounter,
    /// Errors that the Kafka client told of.
    pub kafka_errors: IntCounter,
    /// Of records that are no events, sent on as they were.
    pub dead_letters: LetterMeters,
    /// Of outliers that are told to a topic.
    pub outlier_letters: LetterMeters,
    /// Of surges and silences that are told to a topic.
    pub surge_letters: LetterMeters,
    /// How far the view is behind the clock, in seconds.
    pub view_delay: Gauge,
    /// How often each partition is made durable, in seconds.
    pub checkpoint_interval: Gauge,
    /// How often the configuration was loaded again, by what became of it.
    pub config_reloads: IntCounterVec,
    /// Whether that went well last.
    config_reload_successful: IntGauge,
    /// When it last did.
    config_reload_success: Gauge,
    /// Log lines that were held back because there were too many.
    pub log_lines_suppressed: IntCounter,
    /// Checkpoints that are durable.
    pub checkpoints: IntCounter,
    /// Checkpoints that could not be made durable.
    pub checkpoint_failures: IntCounter,
    /// For how long a partition was not read because of a checkpoint, in seconds.
    pub checkpoint_pause: Histogram,
    /// How long one checkpoint took until it was durable, in seconds.
    pub checkpoint_duration: Histogram,
    /// The size of the latest checkpoint.
    pub checkpoint_bytes: IntGauge,
    /// Partitions taken over, by whether from a checkpoint or by looking back.
    pub restores: IntCounterVec,
    /// How long one view of all lanes took to make, in seconds.
    pub view_duration: Histogram,
    /// How long one answer of `/metrics` took to make, in seconds.
    pub collect_duration: Histogram,
}

/// What becomes of letters to one topic.
#[derive(Clone, Debug)]
pub struct LetterMeters {
    /// Confirmed by the brokers.
    pub delivered: IntCounter,
    /// Not confirmed yet.
    pub pending: IntGauge,
    /// Letters that came back to be sent again, and looks that found some waiting for too long.
    pub errors: IntCounter,
    /// Larger than the topic takes, so never to be delivered.
    pub lost: IntCounter,
}

impl Meters {
    /// The configuration was loaded at this instant, and could be used or not.
    pub fn config_reloaded(&self, successful: bool, at: EventTime) {
        self.config_reload_successful.set(successful.into());
        if successful {
            self.config_reload_success.set(at.millis() as f64 / 1000.0);
        }
    }

    /// New meters, all at 0, in this registry.
    ///
    /// # Errors
    /// A name is taken.
    pub fn register(registry: &Registry) -> prometheus::Result<Meters> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let counters = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            prometheus::Result::Ok(counters)
        };
        let histogram = |name: &str, help: &str, bounds: &[f64]| {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec()))?;
            registry.register(Box::new(histogram.clone()))?;
            prometheus::Result::Ok(histogram)
        };
        let rejected = counters("holdline_events_rejected_total", "Records that are no events, by reason.", "reason")?;
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let seconds = |name: &str, help: &str| {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        for reason in RejectionReason::ALL {
            rejected.with_label_values(&[reason.name()]);
        }
        let checkpoint_bytes =
            IntGauge::new("holdline_checkpoint_bytes", "The size of the latest checkpoint; 0 before there is one.")?;
        registry.register(Box::new(checkpoint_bytes.clone()))?;
        let restores = counters(
            "holdline_restores_total",
            "Partitions taken over, by whether from a checkpoint or by looking back.",
            "from",
        )?;
        for from in ["checkpoint", "look_back"] {
            restores.with_label_values(&[from]);
        }
        Ok(Meters {
            events: counters("holdline_events_total", "Events taken in.", "topic")?,
            rejected,
            late: counter("holdline_events_late_total", "Events too late to be applied.")?,
            duplicate: counter("holdline_events_duplicate_total", "Events known already.")?,
            orphan: counter(
                "holdline_events_orphan_total",
                "Events of contacts that were forgotten without ever having been offered.",
            )?,
            misrouted: counter(
                "holdline_events_misrouted_total",
                "Events whose record key is not the id of their contact or agent, whose events can then end up in several partitions.",
            )?,
            lanes_overflow: counter(
                "holdline_lanes_overflow_total",
                "Events tallied under _other because limits.lanes is reached.",
            )?,
            contacts_overflow: counter(
                "holdline_contacts_overflow_total",
                "Events dropped because limits.contacts is reached.",
            )?,
            facts_overflow: counter(
                "holdline_facts_overflow_total",
                "Events beyond limits.facts of their contact or agent.",
            )?,
            agents_overflow: counter(
                "holdline_agents_overflow_total",
                "Events dropped because limits.agents is reached.",
            )?,
            past_contacts_overflow: counter(
                "holdline_past_contacts_overflow_total",
                "Contacts of known customers that are not remembered because limits.past_contacts is reached.",
            )?,
            outliers_overflow: counter(
                "holdline_outliers_overflow_total",
                "Contacts that ended beyond a fence and are told to nobody, because 10000 of a partition waited to be told.",
            )?,
            event_delay: histogram(
                "holdline_event_delay_seconds",
                "From an event's time to its being read, while caught up, in seconds.",
                &DELAY_BOUNDS,
            )?,
            rebalances: counter(
                "holdline_rebalances_total",
                "How often the group gave partitions to this process or took them away.",
            )?,
            kafka_errors: counter("holdline_kafka_errors_total", "Errors that the Kafka client told of.")?,
            dead_letters: LetterMeters {
                delivered: counter(
                    "holdline_dead_letters_total",
                    "Records that are no events, delivered to kafka.dead_letters.",
                )?,
                pending: gauge(
                    "holdline_dead_letters_pending",
                    "Records that are no events, on their way to kafka.dead_letters.",
                )?,
                errors: counter(
                    "holdline_dead_letter_errors_total",
                    "Dead letters that failed and are sent again, and seconds in which some waited for too long.",
                )?,
                lost: counter(
                    "holdline_dead_letters_lost_total",
                    "Records that are no events and larger than kafka.dead_letters takes.",
                )?,
            },
            view_delay: seconds(
                "holdline_view_delay_seconds",
                "How far the view is behind what was read through, so that events on their way can arrive: metrics.delay.",
            )?,
            checkpoint_interval: seconds(
                "holdline_checkpoint_interval_seconds",
                "How often a partition of which anything was read is made durable; 0 if there is no place for checkpoints.",
            )?,
            config_reloads: {
                let reloads = counters(
                    "holdline_config_reloads_total",
                    "How often the configuration was loaded again: applied, or refused and left as it was.",
                    "result",
                )?;
                ["applied", "refused"].iter().for_each(|result| drop(reloads.with_label_values(&[result])));
                reloads
            },
            config_reload_successful: gauge(
                "holdline_config_last_reload_successful",
                "1 if the configuration could be used when it was last loaded, else 0.",
            )?,
            config_reload_success: seconds(
                "holdline_config_last_reload_success_timestamp_seconds",
                "When a configuration that could be used was last loaded, in seconds since 1970.",
            )?,
            outlier_letters: LetterMeters {
                delivered: counter("holdline_outlier_events_total", "Outliers delivered to outliers.topic.")?,
                pending: gauge("holdline_outlier_events_pending", "Outliers on their way to outliers.topic.")?,
                errors: counter(
                    "holdline_outlier_event_errors_total",
                    "Outliers that failed to be delivered and are sent again, and seconds in which some waited for too long.",
                )?,
                lost: counter(
                    "holdline_outlier_events_lost_total",
                    "Outliers that are larger than outliers.topic takes.",
                )?,
            },
            surge_letters: LetterMeters {
                delivered: counter("holdline_surge_events_total", "Surges and silences delivered to surge.topic.")?,
                pending: gauge("holdline_surge_events_pending", "Surges and silences on their way to surge.topic.")?,
                errors: counter(
                    "holdline_surge_event_errors_total",
                    "Surges and silences that failed to be delivered and are sent again, and seconds in which some waited for too long.",
                )?,
                lost: counter(
                    "holdline_surge_events_lost_total",
                    "Surges and silences that are larger than surge.topic takes.",
                )?,
            },
            log_lines_suppressed: counter(
                "holdline_log_lines_suppressed_total",
                "Log lines held back because there were too many of their kind.",
            )?,
            checkpoints: counter("holdline_checkpoints_total", "Checkpoints that are durable.")?,
            checkpoint_failures: counter(
                "holdline_checkpoint_failures_total",
                "Checkpoints that could not be made durable; the ones before are kept.",
            )?,
            checkpoint_pause: histogram(
                "holdline_checkpoint_pause_seconds",
                "For how long a partition was not read because of a checkpoint, in seconds.",
                &PAUSE_BOUNDS,
            )?,
            checkpoint_duration: histogram(
                "holdline_checkpoint_duration_seconds",
                "How long one checkpoint took until it was durable, in seconds.",
                &CHECKPOINT_BOUNDS,
            )?,
            checkpoint_bytes,
            restores,
            view_duration: histogram(
                "holdline_view_duration_seconds",
                "How long it took to make one view of all lanes, in seconds.",
                &DURATION_BOUNDS,
            )?,
            collect_duration: histogram(
                "holdline_collect_duration_seconds",
                "How long it took to make one answer of /metrics, in seconds.",
                &DURATION_BOUNDS,
            )?,
        })
    }
}
