//! Every queue at a glance, and one queue with everything that is known of it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Serialize;

use super::outliers::latest;
use crate::engine::agents::tally::AgentTally;
use crate::engine::board::{Group, GroupKey};
use crate::engine::breach::Judged;
use crate::engine::outliers::{Aspect, ByAspect, OutlierWords};
use crate::engine::tally::{Cell, Measure, Tally};
use crate::engine::view::{CommonPromise, GroupView};
use crate::publish::edges::written;
use crate::publish::json::{
    AgentsJson, EffortJson, Extent, OutcomeJson, Seconds, SurveyJson, TailJson, TallyJson, is_other, outcomes,
};
use crate::publish::snapshot::{Breach, Snapshot};
use crate::publish::withheld::Withheld;

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    /// The latest snapshot.
    pub snapshot: &'s Snapshot,
    /// The instant of the look.
    pub at: Instant,
    /// The names of the windows, in their order.
    pub windows: &'s [String],
    /// Which of them have quantiles.
    pub quantiles: &'s [bool],
}

/// All lanes at a glance.
#[derive(Serialize)]
struct QueuesJson<'s> {
    now: String,
    whole: bool,
    lanes: Vec<GlanceJson<'s>>,
}

/// One lane, or lanes that are not told apart, at a glance.
#[derive(Serialize)]
struct GlanceJson<'s> {
    #[serde(flatten)]
    standing: StandingJson<'s>,
    /// By window and measure.
    windows: BTreeMap<&'s str, BTreeMap<&'static str, LevelJson>>,
}

/// Everything of one queue.
#[derive(Serialize)]
struct QueueJson<'s> {
    now: String,
    whole: bool,
    queue: &'s str,
    lanes: Vec<LaneJson<'s>>,
    /// By window; absent where agents never told the queues they serve.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    agents: BTreeMap<&'s str, AgentsJson>,
    outliers: Vec<OutlierWords<'s>>,
}

#[derive(Serialize)]
struct LaneJson<'s> {
    #[serde(flatten)]
    standing: StandingJson<'s>,
    windows: BTreeMap<&'s str, WindowJson<'s>>,
}

/// How a lane stands now.
#[derive(Serialize)]
struct StandingJson<'s> {
    queue: Option<&'s str>,
    channel: Option<&'s str>,
    tier: Option<&'s str>,
    /// Null where no calendar opens and closes it.
    open: Option<bool>,
    waiting: u64,
    waiting_over: u64,
    oldest_waiting_since: Option<String>,
    in_service: u64,
    active: u64,
    promises: BTreeMap<&'static str, PromiseJson>,
    /// Beyond what a contact is an outlier: seconds, of replies and transfers numbers.
    fences: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct PromiseJson {
    answer_within_seconds: Option<Seconds>,
    goal: Option<f64>,
    formula: Option<&'static str>,
    min_contacts: Option<u64>,
    /// Null where it is not broken, or where nobody can say so.
    breached_since: Option<String>,
    /// How often that began since the process started; null where nobody can say so.
    breaches: Option<u64>,
    /// How many wait for more than three times as long as is promised; null where lanes do not agree on that.
    stuck: Option<u64>,
}

/// A level with all that it is made of.
#[derive(Serialize)]
struct LevelJson {
    decided: u64,
    answered_within: u64,
    abandoned_within: u64,
    left_within: u64,
    overdue: u64,
    #[serde(flatten)]
    judged: JudgedJson,
}

/// A level by the headline formula, and between which levels the true one lies (95 %).
#[derive(Serialize)]
struct JudgedJson {
    level: Option<f64>,
    level_lower: Option<f64>,
    level_upper: Option<f64>,
}

#[derive(Serialize)]
struct WindowJson<'s> {
    #[serde(flatten)]
    wait: TallyJson,
    /// All other measures that have cells or durations, by name.
    measures: BTreeMap<&'static str, TallyJson>,
    /// By the headline formula, of every measure that something is promised on.
    levels: BTreeMap<&'static str, JudgedJson>,
    #[serde(flatten)]
    effort: Option<EffortJson>,
    tail: TailJson<'s>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    surveys: BTreeMap<&'s str, SurveyJson>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    outcomes: BTreeMap<&'s str, OutcomeJson>,
}

/// All lanes at a glance.
///
/// # Errors
/// Nothing is told of lanes: why.
pub fn all(scene: Scene<'_>) -> Result<Vec<u8>, Vec<Withheld>> {
    let Some(view) = scene.snapshot.shown(scene.at) else { return Err(scene.snapshot.withheld(scene.at)) };
    let lanes = view.groups.iter().map(|(key, group)| GlanceJson {
        standing: scene.standing(key, group),
        windows: scene.each_window(group, |_, window| scene.levels(group, window)),
    });
    let queues = QueuesJson { now: written(view.now), whole: scene.snapshot.whole, lanes: lanes.collect() };
    Ok(json(&queues))
}

/// Everything of the queue of this name; none if there is no such queue.
///
/// # Errors
/// Nothing is told of lanes: why.
pub fn one(scene: Scene<'_>, queue: &str) -> Result<Option<Vec<u8>>, Vec<Withheld>> {
    let Some(view) = scene.snapshot.shown(scene.at) else { return Err(scene.snapshot.withheld(scene.at)) };
    let of_queue = view.groups.iter().filter(|(key, _)| key.queue.as_deref() == Some(queue));
    let lanes: Vec<LaneJson<'_>> = of_queue
        .map(|(key, group)| LaneJson {
            standing: scene.standing(key, group),
            windows: scene.each_window(group, |place, window| scene.window(group, window, place)),
        })
        .collect();
    let Some((queue, agents)) = view
        .agents
        .get_key_value(queue)
        .map(|(queue, agents)| (queue.as_str(), &agents[..]))
        .or_else(|| Some((lanes.first()?.standing.queue?, &[][..])))
    else {
        return Ok(None);
    };
    let agents = scene.windows.iter().zip(agents).enumerate().map(
        |(place, (window, tally)): (usize, (&String, &AgentTally))| {
            let of_queue = view.groups.iter().filter(|(key, _)| key.queue.as_deref() == Some(queue));
            let completed = of_queue.filter_map(|(_, group)| group.windows.get(place)?.measures.get(&Measure::Wait));
            let completed = completed.map(|tally| tally.cells[Cell::Completed]).sum();
            (window.as_str(), AgentsJson::of(tally, completed, scene.extent(place)))
        },
    );
    let page = QueueJson {
        now: written(view.now),
        whole: scene.snapshot.whole,
        queue,
        agents: agents.collect(),
        outliers: latest(scene.snapshot, Some(queue)),
        lanes,
    };
    Ok(Some(json(&page)))
}

impl<'s> Scene<'s> {
    /// Of each window by its name, with its place.
    fn each_window<T>(&self, group: &'s GroupView, each: impl Fn(usize, &'s Group) -> T) -> BTreeMap<&'s str, T> {
        let windows = self.windows.iter().zip(&group.windows).enumerate();
        windows.map(|(place, (name, window))| (name.as_str(), each(place, window))).collect()
    }

    fn extent(&self, place: usize) -> Extent {
        Extent { whole: self.snapshot.whole, quantiles: self.quantiles.get(place).is_some_and(|has| *has) }
    }

    fn standing(&self, key: &'s GroupKey, group: &'s GroupView) -> StandingJson<'s> {
        // They all end now.
        let now = group.windows.first();
        let tally = |measure| now.and_then(|now: &Group| now.measures.get(&measure));
        let waiting = |measure| tally(measure).map_or(0, |tally: &Tally| tally.waiting);
        let oldest = now.and_then(Group::longest_waiting);
        let promises = group.promises.iter().map(|(measure, promise)| {
            let breach = self.snapshot.breaches.get(&(key.clone(), *measure));
            (measure.name(), PromiseJson::of(promise, breach.filter(|_| self.snapshot.whole), breach))
        });
        let fences = self.snapshot.fences.as_deref().map(|fences| fences.of_group(key));
        StandingJson {
            queue: key.queue.as_deref(),
            channel: key.channel.as_deref(),
            tier: key.tier.as_deref(),
            open: group.open,
            waiting: waiting(Measure::Wait),
            waiting_over: tally(Measure::Wait).map_or(0, |tally| tally.waiting_over),
            oldest_waiting_since: oldest.map(|waiting| written(waiting.since)),
            in_service: waiting(Measure::Handle),
            active: waiting(Measure::Backlog),
            promises: promises.collect(),
            fences: fences.as_ref().map(fences_of).unwrap_or_default(),
        }
    }

    /// Of every measure that something is promised on.
    fn levels(&self, group: &GroupView, window: &Group) -> BTreeMap<&'static str, LevelJson> {
        let nothing = Tally::default();
        let level = |(measure, promise): (&Measure, &CommonPromise)| {
            let cells = &window.measures.get(measure).unwrap_or(&nothing).cells;
            let level = LevelJson {
                decided: cells.decided(),
                answered_within: cells[Cell::AnsweredWithin],
                abandoned_within: cells[Cell::AbandonedWithin],
                left_within: cells[Cell::LeftWithin],
                overdue: cells[Cell::Overdue],
                judged: self.judged(promise, window, *measure),
            };
            (measure.name(), level)
        };
        group.promises.iter().map(level).collect()
    }

    fn judged(&self, promise: &CommonPromise, window: &Group, measure: Measure) -> JudgedJson {
        let tally = window.measures.get(&measure).filter(|_| self.snapshot.whole);
        let judged = promise.formula.zip(tally).map(|(formula, tally)| Judged::by(formula, &tally.cells));
        let interval = judged.and_then(Judged::interval);
        JudgedJson {
            level: judged.and_then(Judged::level),
            level_lower: interval.map(|(lower, _)| lower),
            level_upper: interval.map(|(_, upper)| upper),
        }
    }

    fn window(&self, group: &'s GroupView, window: &'s Group, place: usize) -> WindowJson<'s> {
        let (nothing, extent) = (Tally::default(), self.extent(place));
        let others = window.measures.iter().filter(|(measure, tally)| is_other(**measure, tally));
        let levels = group.promises.iter();
        WindowJson {
            wait: TallyJson::of(Measure::Wait, window.measures.get(&Measure::Wait).unwrap_or(&nothing), extent),
            measures: others.map(|(measure, tally)| (measure.name(), TallyJson::of(*measure, tally, extent))).collect(),
            levels: levels.map(|(measure, promise)| (measure.name(), self.judged(promise, window, *measure))).collect(),
            effort: window.measures.get(&Measure::Effort).map(|tally| EffortJson::of(tally, extent)),
            tail: TailJson::of(window),
            surveys: window
                .surveys
                .iter()
                .map(|(name, tally)| (name.as_str(), SurveyJson::of(tally, extent)))
                .collect(),
            outcomes: outcomes(window, extent),
        }
    }
}

impl PromiseJson {
    fn of(promise: &CommonPromise, breach: Option<&Breach>, own: Option<&Breach>) -> PromiseJson {
        PromiseJson {
            answer_within_seconds: promise.answer_within_ms.map(Seconds),
            goal: promise.goal,
            formula: promise.formula.map(|formula| formula.name()),
            min_contacts: promise.min_contacts,
            breached_since: breach.and_then(|breach| breach.since).map(written),
            breaches: breach.map(|breach| breach.count),
            stuck: own.map(|breach| breach.stuck),
        }
    }
}

fn fences_of(fences: &ByAspect) -> BTreeMap<&'static str, f64> {
    let fence = |aspect: Aspect| {
        let fence = fences.of(aspect)? as f64;
        Some((aspect.name(), if aspect.is_time() { fence / 1000.0 } else { fence }))
    };
    Aspect::ALL.into_iter().filter_map(fence).collect()
}

/// As it is sent.
pub(super) fn json(page: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(page).expect("all of it is text and numbers under names")
}
