//! How many agents each queue needs now: what is seen of its load, and the mathematics of [`staffing`](crate::staffing).
//!
//! The load is how many were offered in the last half an hour, or the next longer window, times the mean handle time of
//! those handled in it; where too few were, of the longest window, or of a baseline file. Patience is estimated from all
//! waits of the same windows, those that were answered as well as those that were given up. What is aimed at is the
//! promise on the wait of the lane that most were offered to. A queue that is told of by nothing has no number.

use std::collections::BTreeMap;

use crate::config;
use crate::engine::board::GroupKey;
use crate::engine::settings::{SlotWidths, Window};
use crate::engine::tally::{Cell, Measure, Quantity, Tally};
use crate::engine::view::{GroupView, View};
use crate::publish::seed::LeadingLane;
use crate::publish::snapshot::KnownTimes;
use crate::staffing::patience::estimate;
use crate::staffing::{Aim, Load, Patience, Predicted, Required, predict, required};

/// The window that a load is seen in, in milliseconds.
const WINDOW_MS: u64 = 30 * 60_000;

/// A mean of fewer handle times says little.
const FEWEST_HANDLED: u64 = 20;

/// Which windows are looked at.
#[derive(Clone, Debug)]
pub struct Windows {
    /// In the order of every view.
    windows: Vec<Window>,
    slots: SlotWidths,
}

/// By which mathematics.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Model {
    /// Everybody waits until answered.
    ErlangC,
    /// Everybody gives up after a time of their own.
    ErlangA,
}

impl Model {
    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            Model::ErlangC => "erlang_c",
            Model::ErlangA => "erlang_a",
        }
    }
}

/// What a queue's load is, and what it takes.
#[derive(Clone, PartialEq, Debug)]
pub struct Outlook {
    /// Contacts offered a second.
    pub arrivals_per_second: f64,
    /// The mean handle time in seconds; none if nothing was handled.
    pub handle_seconds: Option<f64>,
    /// The offered load; none without a handle time.
    pub load: Option<Load>,
    /// How long contacts are ready to wait: as estimated, or known from before; none if neither is.
    pub patience: Option<Patience>,
    /// How long contacts take and are ready to wait by the longest window, for days to come.
    pub times: KnownTimes,
    /// The lane that most were offered to.
    pub leading: LeadingLane,
    /// What it is promised on the wait, which is aimed at; none if nothing is.
    pub aim: Option<Aim>,
    /// Agents who are there for contacts: available, busy or in after-contact work; none if nothing is told of them.
    pub agents: Option<u64>,
    /// What it takes, and what those who are there reach; by Erlang A only where patience is known.
    pub models: BTreeMap<Model, Staffed>,
}

/// What one model says.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Staffed {
    /// How many are needed.
    pub required: Required,
    /// What those who are there reach; none if nobody knows how many are, or nothing comes.
    pub predicted: Option<Predicted>,
}

impl Windows {
    /// Those of these settings.
    pub fn new(windows: &[Window], slots: SlotWidths) -> Windows {
        Windows { windows: windows.to_vec(), slots }
    }

    /// The window that arrivals are counted in.
    fn of_arrivals(&self) -> Option<usize> {
        let long_enough = self.windows.iter().position(|window| window.length_ms >= WINDOW_MS);
        long_enough.or(self.windows.len().checked_sub(1))
    }

    /// Those that durations are looked for in, the first one first.
    fn of_durations(&self) -> impl Iterator<Item = usize> {
        let with_quantiles = self.windows.iter().enumerate().filter(|(_, window)| window.quantiles);
        let places: Vec<usize> = with_quantiles.map(|(place, _)| place).collect();
        let first = places.iter().copied().find(|place| self.windows[*place].length_ms >= WINDOW_MS);
        first.into_iter().chain(places.last().copied())
    }

    /// How long the span of a window is at this instant, in seconds: it begins on an edge of coarse slots, and ends on a
    /// fine one.
    fn seconds(&self, window: usize, now_ms: u64) -> f64 {
        let SlotWidths { fine_ms, coarse_ms } = self.slots;
        let from = now_ms.saturating_sub(self.windows[window].length_ms);
        let span = (now_ms - now_ms % fine_ms) - (from - from % coarse_ms);
        span as f64 / 1_000.0
    }
}

/// Every queue that anything was ever offered to; none where lanes are not told apart by queue. `known` is what was measured
/// before.
pub fn outlooks<'v>(
    view: &'v View,
    windows: &Windows,
    staffing: &config::Staffing,
    known: impl Fn(&str) -> KnownTimes,
) -> BTreeMap<&'v str, Outlook> {
    let mut queues: BTreeMap<&str, Vec<(&GroupKey, &GroupView)>> = BTreeMap::new();
    for (key, group) in view.groups.iter().filter(|(_, group)| group.is_offered()) {
        if let Some(queue) = &key.queue {
            queues.entry(queue).or_default().push((key, group));
        }
    }
    let outlook = |(queue, lanes): (&'v str, Vec<_>)| {
        let agents = view.agents.get(queue).and_then(|windows| windows.first()).map(|tally| tally.now.staffed());
        Some((queue, outlook(&lanes, windows, view.now.millis(), staffing, agents, known(queue))?))
    };
    queues.into_iter().filter_map(outlook).collect()
}

fn outlook(
    lanes: &[(&GroupKey, &GroupView)],
    windows: &Windows,
    now_ms: u64,
    staffing: &config::Staffing,
    agents: Option<u64>,
    known: KnownTimes,
) -> Option<Outlook> {
    let window = windows.of_arrivals()?;
    let offered = |group: &GroupView| {
        group.windows[window].measures.get(&Measure::Wait).map_or(0, |tally| tally.cells[Cell::Offered])
    };
    let arrivals_per_second =
        lanes.iter().map(|(_, group)| offered(group)).sum::<u64>() as f64 / windows.seconds(window, now_ms);
    let seen: Vec<Times> = windows.of_durations().map(|window| times_of(tallies(lanes, window))).collect();
    let of_a_day = seen.last().copied().unwrap_or_default();
    let handled_enough = seen.iter().find(|times| times.handled >= FEWEST_HANDLED);
    let handle_seconds = handled_enough.or(seen.last()).and_then(|times| times.known.handle_seconds);
    let handle_seconds = handle_seconds.or(known.handle_seconds);
    let patience_seconds = seen.iter().find_map(|times| times.known.patience_seconds).or(known.patience_seconds);
    let patience = patience_seconds.and_then(|seconds| Patience::of_seconds(seconds).ok());
    let times = KnownTimes {
        handle_seconds: of_a_day.known.handle_seconds.or(known.handle_seconds),
        patience_seconds: of_a_day.known.patience_seconds.or(known.patience_seconds),
    };
    let load = handle_seconds.and_then(|handle| Load::new(arrivals_per_second, handle).ok());
    // Of lanes to which as many were offered, the first.
    let (key, leading) = lanes.iter().rev().max_by_key(|(_, group)| offered(group))?;
    let promise = leading.promise(Measure::Wait);
    let aim = promise.answer_within_ms.zip(promise.goal).map(|(within_ms, goal)| Aim {
        target_seconds: within_ms as f64 / 1_000.0,
        goal,
        max_occupancy: staffing.max_occupancy,
        shrinkage: staffing.shrinkage,
    });
    let mut models = BTreeMap::new();
    if let (Some(load), Some(aim)) = (load, aim) {
        let by = [(Model::ErlangC, Some(None)), (Model::ErlangA, patience.map(Some))];
        for (model, patience) in by.into_iter().filter_map(|(model, patience)| Some((model, patience?))) {
            let Ok(required) = required(&load, &aim, patience) else { continue };
            let reached = agents.map(|agents| predict(&load, agents, aim.target_seconds, patience));
            models.insert(model, Staffed { required, predicted: reached.and_then(Result::ok).flatten() });
        }
    }
    let leading = LeadingLane { channel: key.channel.clone(), tier: key.tier.clone() };
    Some(Outlook { arrivals_per_second, handle_seconds, load, patience, times, leading, aim, agents, models })
}

fn tallies<'v>(lanes: &[(&GroupKey, &'v GroupView)], window: usize) -> impl Iterator<Item = &'v Tally> {
    lanes.iter().filter_map(move |(_, group)| group.windows[window].measures.get(&Measure::Wait))
}

/// How long contacts took, and were ready to wait.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Times {
    /// How many were handled.
    pub handled: u64,
    /// The mean handle time, if any were; the patience, if enough gave up.
    pub known: KnownTimes,
}

/// What these tallies say together, each with distributions. Who waits still is not among the waits: of many, few do.
pub fn times_of<'t>(tallies: impl Iterator<Item = &'t Tally>) -> Times {
    let waits = [Quantity::WaitAnswered, Quantity::WaitAbandoned, Quantity::WaitLeft];
    let (mut handled, mut handled_ms, mut waited_ms, mut abandoned) = (0, 0, 0, 0);
    for tally in tallies {
        handled += tally[Quantity::Handle].count();
        handled_ms += tally[Quantity::Handle].sum_ms();
        waited_ms += waits.iter().map(|quantity| tally[*quantity].sum_ms()).sum::<u64>();
        abandoned += tally[Quantity::WaitAbandoned].count();
    }
    let patience = estimate(waited_ms as f64 / 1_000.0, abandoned);
    let handle_seconds = (handled_ms > 0).then(|| handled_ms as f64 / 1_000.0 / handled as f64);
    let patience_seconds = patience.map(|estimate| estimate.mean.seconds());
    Times { handled, known: KnownTimes { handle_seconds, patience_seconds } }
}
