//! What the running service knows of itself, as last put together: what metrics and pages are made of.
//!
//! A snapshot is a value: made by whoever runs the service, read by whoever publishes. Whoever publishes decides nothing:
//! what is not to be shown is not in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::engine::board::GroupKey;
use crate::engine::counted::Counted;
use crate::engine::outliers::{Aspect, Fences, Outlier};
use crate::engine::repeat_board::RepeatView;
use crate::engine::tally::Measure;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::publish::withheld::Withheld;
use crate::source::kafka::slot::Extent;
use crate::surge::{BusinessCalendar, DayForecast, Incident, Reading, Reason, Standing};

/// The latest snapshot, for any number of readers. Reading neither waits nor holds anybody up.
pub type Latest = watch::Receiver<Arc<Snapshot>>;

/// All that is published of one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was put together. Shown no longer than [`Snapshot::LONGEST_SHOWN`].
    pub made_at: Instant,
    /// The instant that live values are for: of the wall clock less the delay, or of what was read last while behind.
    /// None before anything was read.
    pub now: Option<EventTime>,
    /// What the lanes say; none while a partition is not caught up, or none is held.
    pub live: Option<View>,
    /// Why `live` is none; empty if and only if it is there.
    pub withheld: Vec<Withheld>,
    /// What went wrong last, in a sentence, if that is not long ago; told along with the reasons.
    pub trouble: Option<String>,
    /// Why checkpoints cannot be written at present, in a sentence: lanes are shown, but what is read now would have to be
    /// read again. None if they can.
    pub hindrance: Option<String>,
    /// When the partition of which that is longest ago was last made durable; none while there is one that was not yet.
    pub checkpointed: Option<EventTime>,
    /// Whether this process holds every partition of its topics, so that it may speak for whole queues.
    pub whole: bool,
    /// What is known of customers who come back; none while `live` is none, or not `whole`.
    pub repeats: Option<RepeatView>,
    /// Which promises are being broken, of those that there is something to judge by. Of a process that is not `whole` these
    /// are its own contacts only, so that it says who is stuck and nothing else.
    pub breaches: Arc<Breaches>,
    /// What is usual for each queue, and how today compares; none while `live` is none, or not `whole`, and before it was
    /// looked at.
    pub load: Option<Arc<Load>>,
    /// The instant of the latest look at it, however long ago; none at such times as well.
    pub looked_at: Option<EventTime>,
    /// Beyond what contacts are out of all proportion; none before that is known.
    pub fences: Option<Arc<Fences>>,
    /// The latest outliers, partition by partition, each in the order in which they were told.
    pub outliers: Vec<Arc<Vec<Outlier>>>,
    /// How many outliers this process told.
    pub outlier_counts: BTreeMap<(GroupKey, Aspect), u64>,
    /// What was counted by this process since it caught up; only ever goes up.
    pub counted: Counted,
    /// Whether some of it is of partitions that were given up since.
    pub counted_before: bool,
    /// Whether what was read reaches back far enough to know every contact that is still open.
    pub state_complete: bool,
    /// Every topic that is read.
    pub topics: BTreeMap<String, TopicStatus>,
    /// Every partition that is held.
    pub partitions: BTreeMap<(String, i32), PartitionStatus>,
    /// Which records of each partition all of this is made of.
    pub extents: BTreeMap<(String, i32), Extent>,
    /// Contacts held.
    pub tracked_contacts: u64,
    /// Agents held.
    pub tracked_agents: u64,
    /// Contacts of known customers that are remembered although they are held no longer.
    pub tracked_past_contacts: u64,
    /// Lanes held, each counted in every partition that it was seen in.
    pub tracked_lanes: u64,
}

/// Which promises are being broken, by the lanes and the measure that they are of.
pub type Breaches = BTreeMap<(GroupKey, Measure), Breach>;

/// Whether a promise is being broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Breach {
    /// Since when it is, as far back as this process has seen it, or an hour before it first looked; none if it is not.
    pub since: Option<EventTime>,
    /// How often that began since this process first looked.
    pub count: u64,
    /// How many wait for more than three times as long as is promised.
    pub stuck: u64,
}

/// The windows that are looked at for surges, as they are called, in their order.
pub const LOOK_WINDOWS: [&str; 3] = ["15m", "30m", "1h"];

/// What is usual for each queue, and how today compares.
#[derive(Clone, PartialEq, Debug)]
pub struct Load {
    /// The instant that arrivals were looked at for: an edge of five minutes.
    pub at: EventTime,
    /// When it was last learned what is usual: the instant of the first look of a day.
    pub learned_at: EventTime,
    /// Every queue that anything was ever offered to, as far as is remembered.
    pub queues: BTreeMap<String, QueueLoad>,
    /// The days by which they are compared.
    pub calendars: BTreeMap<String, CalendarDay>,
}

/// The same of one queue.
#[derive(Clone, PartialEq, Debug)]
pub struct QueueLoad {
    /// What the baseline is made of.
    pub standing: Standing,
    /// What the latest look says.
    pub reading: Reading,
    /// The incident that is on.
    pub incident: Option<Incident>,
    /// Those of today and yesterday, that one included, in order.
    pub incidents: Vec<Incident>,
    /// How many began since the process first looked, by reason.
    pub begun: BTreeMap<Reason, u64>,
    /// What is expected of today, as it was at midnight, and of the fortnight that follows.
    pub days: Arc<Vec<DayForecast>>,
    /// What says which of these days is like which.
    pub calendar: BusinessCalendar,
    /// What is expected of the next month start; none if there is none to come.
    pub month_start: Option<Arc<DayForecast>>,
    /// What a baseline file tells of the time before.
    pub known: KnownBefore,
}

/// What was known of a queue before anything was read, beside how many came.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KnownBefore {
    /// How long contacts took, and were ready to wait.
    pub times: KnownTimes,
    /// The lane that most were offered to, whose promise agents have to keep; none if it is not known.
    pub leading: Option<LeadingLane>,
}

impl KnownBefore {
    /// As it holds for a lane: patience only for the channel that it was measured on.
    pub fn times_for(&self, lane: &GroupKey) -> KnownTimes {
        let is_alike =
            self.leading.as_ref().is_none_or(|leading| lane.channel.is_none() || leading.channel == lane.channel);
        KnownTimes { patience_seconds: self.times.patience_seconds.filter(|_| is_alike), ..self.times }
    }
}

/// One lane of a queue. Where channels or tiers are not told apart, it has none.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeadingLane {
    /// Its channel.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub channel: Option<String>,
    /// Its tier.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tier: Option<String>,
}

impl LeadingLane {
    /// By its channel and tier.
    pub fn of(key: &GroupKey) -> LeadingLane {
        LeadingLane { channel: key.channel.clone(), tier: key.tier.clone() }
    }

    /// Whether a group of the queue holds it, which may not tell all labels apart.
    pub fn is_in(&self, key: &GroupKey) -> bool {
        let is_alike = |mine: &Option<String>, told: &Option<String>| told.is_none() || mine == told;
        is_alike(&self.channel, &key.channel) && is_alike(&self.tier, &key.tier)
    }
}

/// How long contacts of a queue take.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct KnownTimes {
    /// The mean handle time in seconds; none if it was not measured.
    pub handle_seconds: Option<f64>,
    /// The mean patience in seconds; none if too few gave up.
    pub patience_seconds: Option<f64>,
}

impl KnownTimes {
    /// These, or else those.
    pub fn or(self, others: KnownTimes) -> KnownTimes {
        KnownTimes {
            handle_seconds: self.handle_seconds.or(others.handle_seconds),
            patience_seconds: self.patience_seconds.or(others.patience_seconds),
        }
    }
}

/// What a calendar says of the day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CalendarDay {
    /// 1 on the first business day of a month, 2 on the second, and so on; none on a day that is none.
    pub business_day: Option<u8>,
    /// Whether it is a weekday on which business is done, but for a listed date.
    pub is_holiday: bool,
    /// Midnight of the next first business day of a month; none if there is none to come.
    pub next_month_start: Option<EventTime>,
}

/// What is known of a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TopicStatus {
    /// How many partitions it has; none before the broker said so.
    pub partitions: Option<u32>,
    /// The latest event time believed in any of its partitions held.
    pub newest_event: Option<EventTime>,
}

/// What is known of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PartitionStatus {
    /// Whether all that the broker had a moment ago has been read.
    pub caught_up: bool,
    /// Records not read yet, as far as the broker last said; none before it said anything.
    pub lag_records: Option<u64>,
}

impl Snapshot {
    /// A snapshot older than this is not shown: whoever makes them is stuck.
    pub const LONGEST_SHOWN: Duration = Duration::from_secs(5);

    /// Whether it is too old at `now` to be shown.
    pub fn is_stale(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.made_at) > Snapshot::LONGEST_SHOWN
    }

    /// What the lanes say, if it may be shown at `now`.
    pub fn shown(&self, now: Instant) -> Option<&View> {
        self.live.as_ref().filter(|_| !self.is_stale(now))
    }

    /// Why nothing is shown of lanes at `now`; empty if and only if something is.
    pub fn withheld(&self, now: Instant) -> Vec<Withheld> {
        let stale = self.is_stale(now).then_some(Withheld::Stale);
        self.withheld.iter().cloned().chain(stale).collect()
    }

    /// What was known of a queue before anything was read.
    pub fn known(&self, queue: &str) -> KnownBefore {
        let known = self.load.as_ref().and_then(|load| load.queues.get(queue));
        known.map_or_else(KnownBefore::default, |queue| queue.known.clone())
    }

    /// The snapshot of a service that has read nothing yet.
    pub fn starting(made_at: Instant) -> Snapshot {
        Snapshot {
            made_at,
            now: None,
            live: None,
            withheld: vec![Withheld::Starting],
            trouble: None,
            hindrance: None,
            checkpointed: None,
            whole: false,
            repeats: None,
            breaches: Arc::default(),
            load: None,
            looked_at: None,
            fences: None,
            outliers: Vec::new(),
            outlier_counts: BTreeMap::new(),
            counted: Counted::default(),
            counted_before: false,
            state_complete: false,
            topics: BTreeMap::new(),
            partitions: BTreeMap::new(),
            extents: BTreeMap::new(),
            tracked_contacts: 0,
            tracked_agents: 0,
            tracked_past_contacts: 0,
            tracked_lanes: 0,
        }
    }
}
