//! How many agents each queue needs now: what is seen of its load, and the mathematics of [`staffing`](crate::staffing).
//!
//! The load is how many were offered in the last half an hour, or the next longer window, times the mean handle time of
//! those handled in it; where too few were, of the longest window, or of a baseline file. Patience is estimated from all
//! waits of the same windows in the leading lane's channel: those that were answered, those that were given up and those
//! that last still. What is aimed at is the promise on the wait of the leading lane, the one that most were offered to. A
//! queue that is told of by nothing has no number. Days to come are planned by the longest window alone, where it has seen
//! enough.

use std::collections::BTreeMap;

use crate::config;
use crate::engine::board::{Group, GroupKey};
use crate::engine::settings::{SlotWidths, Window};
use crate::engine::tally::{Cell, Measure, Quantity, Tally};
use crate::engine::view::{GroupView, View};
use crate::publish::snapshot::{KnownBefore, KnownTimes, LeadingLane};
use crate::staffing::patience::estimate;
use crate::staffing::{Aim, Load, Patience, Predicted, Required, predict, required};
use crate::surge::SlotForecast;

/// The window that a load is seen in, in milliseconds.
const WINDOW_MS: u64 = 30 * 60_000;

/// A mean of fewer handle times says little; so does a patience from fewer who gave up, where more are known of before.
const FEWEST_HANDLED: u64 = 20;

/// A slot of a forecast, in seconds.
const SLOT_SECONDS: f64 = 900.0;

/// One contact an hour, in a slot: for fewer nobody is there outside of opening hours.
const LEAST_STAFFED: f64 = 0.25;

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
    /// What the lane that most are offered to now is promised on the wait, which is aimed at; none if nothing is, or if
    /// lanes that are not told apart are promised different things.
    pub aim: Option<Aim>,
    /// Agents who are there for contacts: available, busy or in after-contact work; none if nothing is told of them.
    pub agents: Option<u64>,
    /// What it takes, and what those who are there reach; by Erlang A only where patience is known.
    pub models: BTreeMap<Model, Staffed>,
    /// What agents of days to come are worked out by, from the longest window.
    pub planning: Planning,
    /// The lane that most were offered to in the longest window; none if none were to any.
    pub leading: Option<LeadingLane>,
}

/// What agents of days to come are worked out by.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Planning {
    /// How long contacts take, and are ready to wait.
    pub times: KnownTimes,
    /// What is aimed at; none if nothing is promised on the wait.
    pub aim: Option<Aim>,
}

impl Planning {
    /// The agents for a quarter of an hour, by Erlang A where patience is known: none are needed while it is closed and
    /// hardly anybody comes. None if that cannot be said.
    pub fn required(&self, slot: &SlotForecast) -> Option<Required> {
        let is_for_somebody = slot.is_open || slot.mean >= LEAST_STAFFED;
        let contacts = if is_for_somebody { slot.mean } else { 0.0 };
        let load = Load::of_contacts(contacts, SLOT_SECONDS, self.times.handle_seconds?).ok()?;
        required(&load, &self.aim?, patience_of(self.times)).ok()
    }
}

fn patience_of(times: KnownTimes) -> Option<Patience> {
    times.patience_seconds.and_then(|seconds| Patience::of_seconds(seconds).ok())
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

    fn longest(&self) -> Option<usize> {
        (0..self.windows.len()).max_by_key(|window| self.windows[*window].length_ms)
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

/// Every queue that anything was ever offered to, or only one; none where lanes are not told apart by queue. `known` is what
/// was measured before.
pub fn outlooks<'v>(
    view: &'v View,
    windows: &Windows,
    staffing: &config::Staffing,
    only: Option<&str>,
    known: impl Fn(&str) -> KnownBefore,
) -> BTreeMap<&'v str, Outlook> {
    let mut queues: BTreeMap<&str, Lanes<'_>> = BTreeMap::new();
    for (key, group) in view.groups.iter().filter(|(_, group)| group.is_offered()) {
        if let Some(queue) = key.queue.as_deref().filter(|queue| only.is_none_or(|only| only == *queue)) {
            queues.entry(queue).or_default().0.push((key, group));
        }
    }
    let outlook = |(queue, lanes): (&'v str, Lanes<'_>)| {
        let agents = view.agents.get(queue).and_then(|windows| windows.first()).map(|tally| tally.now.staffed());
        Some((queue, lanes.outlook(windows, view.now.millis(), staffing, agents, &known(queue))?))
    };
    queues.into_iter().filter_map(outlook).collect()
}

/// The lanes of one queue to which anything was ever offered, at least one.
#[derive(Default)]
struct Lanes<'v>(Vec<(&'v GroupKey, &'v GroupView)>);

impl<'v> Lanes<'v> {
    fn outlook(
        &self,
        windows: &Windows,
        now_ms: u64,
        staffing: &config::Staffing,
        agents: Option<u64>,
        known: &KnownBefore,
    ) -> Option<Outlook> {
        let (window, longest) = (windows.of_arrivals()?, windows.longest()?);
        let offered: u64 = self.offered(window).map(|(_, offered)| offered).sum();
        let arrivals_per_second = offered as f64 / windows.seconds(window, now_ms);
        let seen_by_day = leading(self.offered(longest));
        let is_known = |(key, _): &&(&GroupKey, &GroupView)| known.leading.as_ref().is_some_and(|lane| lane.is_in(key));
        let by_day = seen_by_day.or_else(|| self.0.iter().find(is_known).or(self.0.first()).map(|(key, _)| *key))?;
        let now = leading(self.offered(window)).unwrap_or(by_day);
        let seen: Vec<Times> = windows.of_durations().map(|window| self.times(window, windows, now_ms, now)).collect();
        let known_now = known.times_for(now);
        let handled_enough = seen.iter().find(|times| times.handled >= FEWEST_HANDLED);
        let handle_seconds = handled_enough.and_then(|times| times.known.handle_seconds);
        let handle_seconds = handle_seconds.or(known_now.handle_seconds);
        let handle_seconds = handle_seconds.or(seen.last().and_then(|times| times.known.handle_seconds));
        let patience_seconds = seen.iter().find_map(|times| times.known.patience_seconds);
        let patience_seconds = patience_seconds.or(known_now.patience_seconds);
        let patience = patience_of(KnownTimes { patience_seconds, ..known_now });
        let of_a_day = windows.of_durations().last().map(|window| self.times(window, windows, now_ms, by_day));
        let times = of_a_day.unwrap_or_default().with(known.times_for(by_day));
        let load = handle_seconds.and_then(|handle| Load::new(arrivals_per_second, handle).ok());
        let aim = self.aim(now, staffing);
        let models = load.zip(aim).map(|(load, aim)| models(&load, &aim, patience, agents)).unwrap_or_default();
        let planning = Planning { times, aim: self.aim(by_day, staffing) };
        let leading = seen_by_day.map(LeadingLane::of);
        Some(Outlook { arrivals_per_second, handle_seconds, load, patience, aim, agents, models, planning, leading })
    }

    /// How many were offered to each in a window.
    fn offered(&self, window: usize) -> impl Iterator<Item = (&'v GroupKey, u64)> {
        self.0.iter().map(move |(key, group)| {
            let tally = group.windows[window].measures.get(&Measure::Wait);
            (*key, tally.map_or(0, |tally| tally.cells[Cell::Offered]))
        })
    }

    /// What a window says, of those who wait as much as of those who did.
    fn times(&self, window: usize, windows: &Windows, now_ms: u64, leading: &GroupKey) -> Times {
        let length_ms = windows.windows[window].length_ms;
        let tallies = self.0.iter().filter_map(|(key, group)| {
            let group = &group.windows[window];
            Some((*key, group.measures.get(&Measure::Wait)?, waiting_ms(group, length_ms, now_ms)))
        });
        times_of(tallies, leading)
    }

    /// What a lane is promised on the wait.
    fn aim(&self, lane: &GroupKey, staffing: &config::Staffing) -> Option<Aim> {
        let (_, group) = self.0.iter().find(|(key, _)| *key == lane)?;
        let promise = group.promise(Measure::Wait);
        promise.answer_within_ms.zip(promise.goal).map(|(within_ms, goal)| Aim {
            target_seconds: within_ms as f64 / 1_000.0,
            goal,
            max_occupancy: staffing.max_occupancy,
            shrinkage: staffing.shrinkage,
        })
    }
}

fn models(load: &Load, aim: &Aim, patience: Option<Patience>, agents: Option<u64>) -> BTreeMap<Model, Staffed> {
    let by = [(Model::ErlangC, Some(None)), (Model::ErlangA, patience.map(Some))];
    let staffed = |(model, patience): (Model, Option<Option<Patience>>)| {
        let patience = patience?;
        let required = required(load, aim, patience).ok()?;
        let reached = agents.map(|agents| predict(load, agents, aim.target_seconds, patience));
        Some((model, Staffed { required, predicted: reached.and_then(Result::ok).flatten() }))
    };
    by.into_iter().filter_map(staffed).collect()
}

/// The lane that most were offered to; of those to which as many were, the first. None if none were to any.
pub fn leading<'k>(lanes: impl Iterator<Item = (&'k GroupKey, u64)>) -> Option<&'k GroupKey> {
    let most = lanes.fold(
        (None, 0),
        |(lane, most), (key, offered)| {
            if offered > most { (Some(key), offered) } else { (lane, most) }
        },
    );
    most.0
}

/// How long those have waited together who came in a window and wait still. Whoever came before it may be gone without a
/// word. Who is not on the list of the longest waiting came last, at a steady rate: of as many as were offered in the window
/// so many, and none before the last of the list.
fn waiting_ms(group: &Group, length_ms: u64, now_ms: u64) -> u64 {
    let Some(tally) = group.measures.get(&Measure::Wait) else { return 0 };
    let listed = group.longest.get(&Measure::Wait).map_or(&[][..], Vec::as_slice);
    let waits = listed.iter().map(|waiting| now_ms.saturating_sub(waiting.since.millis()));
    let others = tally.waiting.saturating_sub(listed.len() as u64);
    let longest_of_others = length_ms * others / tally.cells[Cell::Offered].max(1);
    let longest_of_others = longest_of_others.min(waits.clone().next_back().unwrap_or(0)).min(length_ms);
    waits.filter(|wait| *wait <= length_ms).sum::<u64>() + others * longest_of_others / 2
}

/// How long contacts took, and were ready to wait.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Times {
    /// How many were handled.
    pub handled: u64,
    /// How many gave up, of the leading lane's channel.
    pub abandoned: u64,
    /// The mean handle time, if any were; the patience, if enough gave up.
    pub known: KnownTimes,
}

impl Times {
    /// Where few were handled or gave up, what was known before.
    pub fn with(self, before: KnownTimes) -> KnownTimes {
        let of = |count: u64, seen: Option<f64>, before: Option<f64>| {
            if count >= FEWEST_HANDLED { seen } else { before.or(seen) }
        };
        KnownTimes {
            handle_seconds: of(self.handled, self.known.handle_seconds, before.handle_seconds),
            patience_seconds: of(self.abandoned, self.known.patience_seconds, before.patience_seconds),
        }
    }
}

/// What tallies with distributions say together, each with how long those have waited who wait still. Patience is that of
/// the leading lane's channel: who writes a letter and who calls do not wait alike.
pub fn times_of<'t>(lanes: impl Iterator<Item = (&'t GroupKey, &'t Tally, u64)>, leading: &GroupKey) -> Times {
    let waits = [Quantity::WaitAnswered, Quantity::WaitAbandoned, Quantity::WaitLeft];
    let (mut handled, mut handled_ms, mut waited_ms, mut abandoned) = (0, 0, 0, 0);
    for (key, tally, waiting_ms) in lanes {
        handled += tally[Quantity::Handle].count();
        handled_ms += tally[Quantity::Handle].sum_ms();
        if key.channel == leading.channel {
            waited_ms += waits.iter().map(|quantity| tally[*quantity].sum_ms()).sum::<u64>() + waiting_ms;
            abandoned += tally[Quantity::WaitAbandoned].count();
        }
    }
    let patience = estimate(waited_ms as f64 / 1_000.0, abandoned);
    let handle_seconds = (handled_ms > 0).then(|| handled_ms as f64 / 1_000.0 / handled as f64);
    let patience_seconds = patience.map(|estimate| estimate.mean.seconds());
    Times { handled, abandoned, known: KnownTimes { handle_seconds, patience_seconds } }
}

#[cfg(test)]
#[path = "tests_of_staffing.rs"]
mod tests;
