//! Some times a second: what do all shards say now, and may it be shown?
//!
//! Lanes are shown only while every partition held is caught up. They are shown for the instant that every partition has
//! been read through, less the delay that events are allowed: an answer that was told no later than that is known by
//! then. When a broker stops answering, or reading falls behind, the view stands still with it, and nobody seems to wait
//! longer than is known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock;
use crate::config::Metrics;
use crate::engine::breach::{self, Trails};
use crate::engine::settings::Settings;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::kafka::trouble::Trouble;
use crate::log::Recurring;
use crate::publish::snapshot::{PartitionStatus, Snapshot, TopicStatus};
use crate::publish::withheld::Withheld;
use crate::service::breaches::Breaches;
use crate::service::fencing::Fencing;
use crate::service::monitor::{Arrived, Monitor};
use crate::service::repeats::Repeats;
use crate::source::kafka::held::Held;
use crate::source::kafka::hub::{Hub, Stuck, Topic};
use crate::source::kafka::progress::{Behind, LONGEST_SILENCE, Moment, Standing};
use crate::source::kafka::worker::{Ask, Gaze, Look};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Looking takes at most a tenth of the time, so that many lanes are looked at less often.
const PAUSES_PER_LOOK: u32 = 9;

/// But at least this often, or what is shown would be too old.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Workers that do not answer for so long are stuck.
const LONGEST_LOOK: Duration = Duration::from_secs(4);

/// What went wrong is told as a reason for so long.
const TROUBLE_SHOWN: Duration = Duration::from_secs(30);

/// The thread's own things.
pub struct Pulse {
    hub: Arc<Hub>,
    settings: Arc<Settings>,
    repeats: Repeats,
    breaches: Breaches,
    fencing: Fencing,
    monitor: Monitor,
    metrics: Metrics,
    publish: watch::Sender<Arc<Snapshot>>,
    recurring: Recurring,
    /// The names of the reasons last told, none if lanes are shown; none before anything was told.
    withheld: Option<Vec<&'static str>>,
}

impl Pulse {
    /// Looks at what this hub's workers hold, and hands them fences; `repeats` hears of customers from the same ones.
    pub fn new(
        hub: Arc<Hub>,
        settings: Arc<Settings>,
        (repeats, fencing, monitor): (Repeats, Fencing, Monitor),
        metrics: Metrics,
        publish: watch::Sender<Arc<Snapshot>>,
        recurring: Recurring,
    ) -> Pulse {
        let breaches = Breaches::new(settings.slots);
        Pulse { hub, settings, repeats, breaches, fencing, monitor, metrics, publish, recurring, withheld: None }
    }

    /// Looks until the hub stops.
    pub fn run(mut self) {
        while !self.hub.is_stopping() {
            let now = Moment { wall: clock::wall(), at: clock::monotonic() };
            match self.look(now) {
                Ok(snapshot) => {
                    self.tell_change(&snapshot);
                    self.publish.send_replace(Arc::new(snapshot));
                }
                // What was shown before grows too old, and is shown no longer.
                Err(stuck) => self.recurring.tell(now.at, |held_back| tracing::error!(held_back, "{stuck}")),
            }
            let took = clock::monotonic().saturating_duration_since(now.at);
            std::thread::sleep(PAUSE.max((took * PAUSES_PER_LOOK).min(LONGEST_PAUSE)));
        }
    }

    fn look(&mut self, now: Moment) -> Result<Snapshot, Stuck> {
        let topics = self.hub.topics();
        let (mut gaze, mut arrivals_until);
        let (held, reasons, live_at, looks) = loop {
            let partitions = self.hub.held();
            let standing = |held: &Arc<Held>| (Arc::clone(held), held.progress.standing(now.at));
            let held: Vec<(Arc<Held>, Standing)> = partitions.iter().map(standing).collect();
            let reasons = self.reasons(&held, &topics, now);
            let live_at = if reasons.is_empty() { self.live_at(&held, now) } else { None };
            gaze = self.breaches.gaze(live_at, holds_all(&held, &topics));
            arrivals_until = self.monitor.asks_until(live_at.filter(|_| holds_all(&held, &topics)));
            let ask = Ask { gaze, fences: self.fencing.take_news().cloned(), arrivals_until };
            let looks = self.hub.look(&ask, LONGEST_LOOK)?;
            // What came or went meanwhile is, or is not, in some of the looks.
            let after = self.hub.held();
            if partitions.len() == after.len() && partitions.iter().zip(&after).all(|(a, b)| Arc::ptr_eq(a, b)) {
                break (held, reasons, live_at, looks);
            }
        };

        let whole = holds_all(&held, &topics);
        self.repeats.take_in(live_at);
        let mut snapshot = Snapshot {
            now: live_at.or_else(|| held.iter().filter_map(|(held, _)| held.stream_time()).min()),
            live: live_at.map(View::empty),
            trouble: if reasons.is_empty() { None } else { self.hub.trouble(now.at, TROUBLE_SHOWN) },
            withheld: reasons,
            repeats: live_at.filter(|_| whole).map(|now| self.repeats.view(now)),
            whole,
            hindrance: self.hub.hindrance(),
            checkpointed: checkpointed(&held),
            state_complete: is_complete(&held, now.wall, self.longest_expire()),
            topics: topics.iter().map(|(name, topic)| (name.clone(), status_of(name, topic, &held))).collect(),
            ..Snapshot::starting(now.at)
        };
        for (held, standing) in &held {
            let status = PartitionStatus { caught_up: standing.behind.is_none(), lag_records: standing.lag_records };
            snapshot.partitions.insert((held.topic.to_string(), held.partition), status);
        }
        let carried = self.hub.carried();
        snapshot.counted_before |= !carried.is_empty();
        snapshot.counted.add(&carried.grouped(self.metrics.by));
        snapshot.fences = self.fencing.fences().cloned();
        let (mut trails, mut arrivals) = (Trails::new(), Vec::new());
        for mut look in looks {
            breach::merge(&mut trails, std::mem::take(&mut look.trails));
            arrivals.append(&mut look.arrivals);
            add(&mut snapshot, look, self.settings.limits.worst);
        }
        if let Some(until) = arrivals_until {
            self.monitor.hand_over(Arrived { until, shards: arrivals });
        }
        let spoken_for = live_at.filter(|_| whole);
        snapshot.load = spoken_for.and_then(|now| self.monitor.load(now));
        snapshot.looked_at = spoken_for.and_then(|_| self.monitor.looked_at());
        if let Some(live) = &snapshot.live {
            snapshot.breaches = Arc::clone(self.breaches.judge(live, &trails, snapshot.whole));
            if matches!(gaze, Gaze::Edge(_)) {
                self.fencing.find(live, &self.settings.windows);
            }
        }
        Ok(snapshot)
    }

    /// Why lanes are not shown; empty if they are.
    fn reasons(&self, held: &[(Arc<Held>, Standing)], topics: &BTreeMap<String, Topic>, now: Moment) -> Vec<Withheld> {
        let mut reasons = Vec::new();
        for (name, topic) in topics {
            match topic.error {
                Some(code) if Trouble::of(code) == Trouble::UnknownTopic => {
                    reasons.push(Withheld::UnknownTopic(name.clone()));
                }
                Some(_) => reasons.push(Withheld::TopicUnavailable(name.clone())),
                None => {}
            }
            let since = |seen: EventTime| Duration::from_millis(now.wall.millis().saturating_sub(seen.millis()));
            let moves_contacts = |(seen, _): (EventTime, u32)| since(seen) < self.longest_expire();
            if topic.grown.is_some_and(moves_contacts) {
                reasons.push(Withheld::PartitionsAdded(name.clone()));
            }
            if topic.is_partly_unread {
                reasons.push(Withheld::PartitionsUnread(name.clone()));
            }
        }
        let is_silent = |heard: Instant| now.at.saturating_duration_since(heard) > LONGEST_SILENCE;
        let is_unheard_of = topics.values().any(|topic| match topic.heard {
            None => true,
            // A member that does not hear from its group for long has nothing, and no partition tells of the silence.
            Some(heard) => held.is_empty() && is_silent(heard),
        });
        if held.is_empty() && !is_unheard_of {
            reasons.push(Withheld::NoPartitions);
        }
        if is_unheard_of || held.iter().any(|(_, standing)| standing.behind == Some(Behind::Silent)) {
            reasons.push(Withheld::BrokerSilent);
        }
        let behind = held.iter().filter(|(_, standing)| standing.behind.is_some());
        let behind: Vec<_> = behind.map(|(held, _)| (held.topic.to_string(), held.partition)).collect();
        if !behind.is_empty() {
            reasons.push(Withheld::NotCaughtUp(behind));
        }
        reasons
    }

    fn live_at(&self, held: &[(Arc<Held>, Standing)], now: Moment) -> Option<EventTime> {
        let through = held.iter().map(|(_, standing)| standing.read_through.map(|through| through.wall));
        // The wall clock may have been set back since.
        let known = through.chain([Some(now.wall)]).min().flatten()?;
        EventTime::from_millis(known.millis().saturating_sub(self.metrics.delay_ms))
    }

    fn longest_expire(&self) -> Duration {
        Duration::from_millis(self.settings.lifetimes.longest_expire_ms())
    }

    fn tell_change(&mut self, snapshot: &Snapshot) {
        let kinds: Vec<&str> = snapshot.withheld.iter().map(Withheld::name).collect();
        if self.withheld.as_ref() == Some(&kinds) {
            return;
        }
        if kinds.is_empty() {
            tracing::info!(partitions = snapshot.partitions.len(), contacts = snapshot.tracked_contacts, "live");
        } else {
            let reasons: Vec<String> = snapshot.withheld.iter().map(ToString::to_string).collect();
            tracing::warn!("lanes are withheld: {}", reasons.join("; "));
        }
        self.withheld = Some(kinds);
    }
}

fn add(snapshot: &mut Snapshot, look: Look, longest_list: usize) {
    if let (Some(live), Some(view)) = (&mut snapshot.live, look.view) {
        live.merge(view, longest_list);
    }
    snapshot.counted.add(&look.counted);
    snapshot.counted_before |= look.counted_before;
    snapshot.outliers.extend(look.outliers);
    for (of, count) in look.outlier_counts {
        *snapshot.outlier_counts.entry(of).or_default() += count;
    }
    for (held, extent) in look.extents {
        snapshot.extents.insert((held.topic.to_string(), held.partition), extent);
    }
    snapshot.tracked_contacts += look.contacts as u64;
    snapshot.tracked_agents += look.agents as u64;
    snapshot.tracked_past_contacts += look.past_contacts as u64;
    snapshot.tracked_lanes += look.lanes as u64;
}

/// When the partition of which that is longest ago was last made durable; none if one never was.
fn checkpointed(held: &[(Arc<Held>, Standing)]) -> Option<EventTime> {
    let last = held.iter().map(|(held, _)| held.checkpointed_ms.load(Ordering::Relaxed)).min();
    last.filter(|last| *last > 0).and_then(EventTime::from_millis)
}

fn holds_all(held: &[(Arc<Held>, Standing)], topics: &BTreeMap<String, Topic>) -> bool {
    topics.iter().all(|(name, topic)| {
        let count = held.iter().filter(|(held, _)| *held.topic == **name).count();
        topic.partitions.is_some_and(|partitions| partitions as usize == count)
    })
}

/// Whether every contact that is still open is known: of every partition so much of the past was read as the longest that
/// a contact is held.
fn is_complete(held: &[(Arc<Held>, Standing)], wall: EventTime, longest_expire: Duration) -> bool {
    let is_known = |(held, standing): &(Arc<Held>, Standing)| {
        let known = Duration::from_millis(wall.millis().saturating_sub(held.known_since_ms()));
        standing.read_through.is_some() && known >= longest_expire
    };
    !held.is_empty() && held.iter().all(is_known)
}

fn status_of(name: &str, topic: &Topic, held: &[(Arc<Held>, Standing)]) -> TopicStatus {
    let of_topic = held.iter().filter(|(held, _)| *held.topic == *name);
    TopicStatus {
        partitions: topic.partitions,
        newest_event: of_topic.filter_map(|(held, _)| held.stream_time()).max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::kafka::held::Reach;

    const DAY_MS: u64 = 86_400_000;

    /// Whether all open contacts are known ten days after this partition was assigned, with contacts held for 45 days.
    fn known(reach: Reach, is_read_through: bool) -> bool {
        let day = |day: u64| EventTime::from_millis(20_000 * DAY_MS + day * DAY_MS).unwrap();
        let at = clock::monotonic();
        let held = Held::new(Arc::from("calls"), 0, 0, Some(9), reach, day(0));
        let read_through = is_read_through.then_some(Moment { wall: day(10), at });
        let standing = Standing { read_through, behind: None, lag_records: Some(0) };
        is_complete(&[(Arc::new(held), standing)], day(10), Duration::from_millis(45 * DAY_MS))
    }

    #[test]
    fn open_contacts_are_known_once_so_much_was_read_as_they_are_held() {
        let days_before = |days: u64| Reach::Since(20_000 * DAY_MS - days * DAY_MS);
        assert!(known(Reach::Everything, true));
        assert!(!known(Reach::Everything, false));
        assert!(known(days_before(45), true));
        assert!(known(days_before(35), true));
        assert!(!known(days_before(34), true));
        // Nothing was left to be read when it was assigned: what was open before nobody knows.
        assert!(!known(Reach::SinceTheFirstRecord, true));
        assert!(!is_complete(&[], EventTime::MAX, Duration::ZERO));
    }
}
