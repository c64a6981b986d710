//! Contacts out of all proportion: whose wait, handling, reply, resolution or effort is beyond a fence.
//!
//! A fence is the lower of two: a fixed limit, and a high quantile of what the lane itself saw over its longest window,
//! times a factor, once there are enough of them. The past is that of a [`View`], so the same for all shards that it was
//! merged from; it is handed to the shards, and a shard tells which of its contacts are beyond.
//!
//! A contact crosses a fence while it waits, not when somebody answers at last; and only once, whichever way it is seen:
//! [`Crossing::id`] is the same however often it is told. What was told is not taken back. Replies on which nothing is
//! promised are not waited for by anybody's list: they are found when they come.

mod told;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::board::{GroupBy, GroupKey};
use crate::engine::histogram::Distribution;
use crate::engine::page::Speaks;
use crate::engine::settings::Window;
use crate::engine::shard::Shard;
use crate::engine::stay::Booking;
use crate::engine::store::Handle;
use crate::engine::sums::{floor, is_before, with_stay};
use crate::engine::tally::{Measure, Quantity};
use crate::engine::view::View;
use crate::engine::waitlist::Undecided;
use crate::event::EventTime;

pub use self::told::{Outlier, Told};
pub use self::words::OutlierWords;

/// So many contacts whose end was booked are noted until somebody asks.
pub(super) const MOST_NOTED: usize = 10_000;

/// What a contact can be out of all proportion in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Aspect {
    /// The wait of a visit, however it ended or while it goes on.
    Wait,
    /// From a contact's first offer to the first time an agent wrote.
    FirstReply,
    /// From a customer's message to the next reply.
    NextReply,
    /// From a contact's first offer until it was resolved.
    Resolution,
    /// The handle time of a visit; while it goes on, the time since the answer.
    Handle,
    /// How many times agents wrote.
    Replies,
    /// How many times a contact was transferred.
    Transfers,
}

impl Aspect {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them, in order.
    pub const ALL: [Aspect; Aspect::COUNT] = [
        Aspect::Wait,
        Aspect::FirstReply,
        Aspect::NextReply,
        Aspect::Resolution,
        Aspect::Handle,
        Aspect::Replies,
        Aspect::Transfers,
    ];

    /// The name in configuration, labels and events.
    pub const fn name(self) -> &'static str {
        match self {
            Aspect::Wait => "wait",
            Aspect::FirstReply => "first_reply",
            Aspect::NextReply => "next_reply",
            Aspect::Resolution => "resolution",
            Aspect::Handle => "handle",
            Aspect::Replies => "replies",
            Aspect::Transfers => "transfers",
        }
    }

    /// The aspect of this name; none if there is no such aspect.
    pub fn from_name(name: &str) -> Option<Aspect> {
        Aspect::ALL.into_iter().find(|aspect| aspect.name() == name)
    }

    /// Whether it is a time, in milliseconds; else it is a number.
    pub const fn is_time(self) -> bool {
        !matches!(self, Aspect::Replies | Aspect::Transfers)
    }

    /// Where windows tell of it.
    const fn told_as(self) -> (Measure, &'static [Quantity]) {
        const WAITS: &[Quantity] = &[Quantity::WaitAnswered, Quantity::WaitAbandoned, Quantity::WaitLeft];
        match self {
            Aspect::Wait => (Measure::Wait, WAITS),
            Aspect::FirstReply => (Measure::FirstReply, WAITS),
            Aspect::NextReply => (Measure::NextReply, WAITS),
            Aspect::Resolution => (Measure::Resolution, WAITS),
            Aspect::Handle => (Measure::Wait, &[Quantity::Handle]),
            Aspect::Replies => (Measure::Effort, &[Quantity::Replies]),
            Aspect::Transfers => (Measure::Effort, &[Quantity::Transfers]),
        }
    }

    /// Whose waiting is watched for it while it goes on; none of what is only known at its end.
    const fn awaited_as(self) -> Option<Measure> {
        match self {
            Aspect::Wait => Some(Measure::Wait),
            Aspect::FirstReply => Some(Measure::FirstReply),
            Aspect::NextReply => Some(Measure::NextReply),
            Aspect::Resolution => Some(Measure::Resolution),
            Aspect::Handle => Some(Measure::Handle),
            Aspect::Replies | Aspect::Transfers => None,
        }
    }

    /// What a booking tells of; none if of nothing that has a fence.
    pub(super) fn of(speaks: Speaks, quantity: Quantity) -> Option<Aspect> {
        match quantity {
            Quantity::Replies => Some(Aspect::Replies),
            Quantity::Transfers => Some(Aspect::Transfers),
            Quantity::Handle => Some(Aspect::Handle).filter(|_| speaks.for_visit()),
            _ if speaks.for_visit() => Some(Aspect::Wait),
            _ => match speaks {
                Speaks::ForFirstReply => Some(Aspect::FirstReply),
                Speaks::ForNextReply => Some(Aspect::NextReply),
                Speaks::ForResolution => Some(Aspect::Resolution),
                _ => None,
            },
        }
    }
}

/// One number for each [`Aspect`], of those that have one; times in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ByAspect([Option<u64>; Aspect::COUNT]);

impl ByAspect {
    /// That of this aspect.
    pub fn of(&self, aspect: Aspect) -> Option<u64> {
        self.0[aspect as usize]
    }

    /// Sets that of this aspect.
    pub fn set(&mut self, aspect: Aspect, number: Option<u64>) {
        self.0[aspect as usize] = number;
    }
}

/// Where fences are.
#[derive(Clone, PartialEq, Debug)]
pub struct OutlierSettings {
    /// The rank of the quantile of a lane's past, in thousandths.
    pub past_per_mille: u64,
    /// The fence is so many times as far.
    pub past_factor: f64,
    /// A past of fewer is none.
    pub min_contacts: u64,
    /// Fixed limits.
    pub limits: Limits,
}

impl Default for OutlierSettings {
    /// Three times the 99th percentile of at least 200; no fixed limits.
    fn default() -> Self {
        OutlierSettings { past_per_mille: 990, past_factor: 3.0, min_contacts: 200, limits: Limits::default() }
    }
}

/// Fixed limits.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Those of all lanes, unless the channel or the queue has its own.
    pub usual: ByAspect,
    /// Those of channels, unless the queue has its own.
    pub by_channel: BTreeMap<String, ByAspect>,
    /// Those of queues.
    pub by_queue: BTreeMap<String, ByAspect>,
}

impl Limits {
    /// That of a queue and channel, as far as they are told apart; none if there is none.
    fn of(&self, queue: Option<&str>, channel: Option<&str>, aspect: Aspect) -> Option<u64> {
        let own = |name: Option<&str>, by: &BTreeMap<String, ByAspect>| by.get(name?)?.of(aspect);
        own(queue, &self.by_queue).or_else(|| own(channel, &self.by_channel)).or_else(|| self.usual.of(aspect))
    }
}

/// What groups saw themselves, times the factor: the fences that follow from that.
pub type Past = BTreeMap<GroupKey, ByAspect>;

/// All fences.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fences {
    /// What lanes are told apart by in `past`.
    pub by: GroupBy,
    /// Of what lanes saw themselves.
    pub past: Past,
    /// Fixed ones.
    pub limits: Limits,
}

impl Default for Fences {
    /// There are none.
    fn default() -> Self {
        Fences::fixed(GroupBy::EACH, Limits::default())
    }
}

impl Fences {
    /// None but fixed ones.
    pub fn fixed(by: GroupBy, limits: Limits) -> Fences {
        Fences { by, past: Past::new(), limits }
    }

    /// Those of a lane, by its queue, channel and tier: the lower of the two.
    pub fn of_lane(&self, lane: [&str; 3]) -> ByAspect {
        let [queue, channel, _] = lane;
        self.lower(&GroupKey::of(lane, self.by), Some(queue), Some(channel))
    }

    /// Those of lanes that are told of together, as far as they are the same.
    pub fn of_group(&self, key: &GroupKey) -> ByAspect {
        self.lower(key, key.queue.as_deref(), key.channel.as_deref())
    }

    fn lower(&self, key: &GroupKey, queue: Option<&str>, channel: Option<&str>) -> ByAspect {
        let past = self.past.get(key);
        let mut lower = ByAspect::default();
        for aspect in Aspect::ALL {
            let of_past = past.and_then(|past| past.of(aspect));
            lower.set(aspect, of_past.into_iter().chain(self.limits.of(queue, channel, aspect)).min());
        }
        lower
    }
}

/// The fences that follow from what is told of the longest window with quantiles. Groups without any are left out.
pub fn past(view: &View, windows: &[Window], settings: &OutlierSettings) -> Past {
    let longest = windows.iter().rposition(|window| window.quantiles);
    let fences = view.groups.iter().map(|(key, group)| {
        let mut fences = ByAspect::default();
        let past = longest.and_then(|longest| group.windows.get(longest));
        for aspect in Aspect::ALL {
            let (measure, quantities) = aspect.told_as();
            let mut seen = Distribution::default();
            let tally = past.and_then(|past| past.measures.get(&measure));
            tally.into_iter().for_each(|tally| quantities.iter().for_each(|quantity| seen.merge(&tally[*quantity])));
            let enough = (seen.count() >= settings.min_contacts.max(1)).then_some(&seen);
            let high = enough.and_then(|seen| seen.quantile_ms(settings.past_per_mille));
            fences.set(aspect, high.map(|high| times(high, settings.past_factor)).filter(|fence| *fence > 0));
        }
        (key.clone(), fences)
    });
    fences.filter(|(_, fences)| *fences != ByAspect::default()).collect()
}

/// So many times as much, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is positive, and what is too much is most"
)]
fn times(number: u64, factor: f64) -> u64 {
    (number as f64 * factor) as u64
}

/// A contact that is beyond a fence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Crossing {
    /// Who.
    pub contact_id: String,
    /// The queue, channel and tier.
    pub lane: [String; 3],
    /// In what.
    pub aspect: Aspect,
    /// When what is beyond began, in milliseconds since 1970; of replies and transfers, when the contact was first offered.
    pub since_ms: u64,
    /// How far it is: in milliseconds, or the number.
    pub value: u64,
    /// Beyond what.
    pub fence: u64,
    /// Whether it goes on: then it is farther by now.
    pub goes_on: bool,
}

impl Crossing {
    /// What tells it from others, however often it is told: contact, beginning and aspect.
    pub fn id(&self) -> String {
        id(&self.contact_id, self.since_ms, self.aspect)
    }
}

fn id(contact_id: &str, since_ms: u64, aspect: Aspect) -> String {
    format!("{contact_id}/{since_ms}/{}", aspect.name())
}

/// Who waits beyond a fence.
#[derive(Clone, Copy)]
struct Waiting {
    lane: u32,
    aspect: Aspect,
    measure: Measure,
    fence: u64,
    undecided: Undecided,
}

impl Shard {
    /// Beyond these fences contacts are noted from now on. Changes nothing that is encoded or shown.
    pub fn fence(&mut self, fences: &Arc<Fences>) {
        let of_lanes: Vec<ByAspect> = self.lanes.iter().map(|lane| fences.of_lane(self.lanes.texts(lane))).collect();
        for (number, of_lane) in (0..).zip(of_lanes) {
            self.lanes.lane_mut(number).fences = of_lane;
        }
        self.lanes.fences = Arc::clone(fences);
    }

    /// How many contacts whose end was booked beyond a fence nobody is told of, since too many waited to be told.
    pub fn unnoted(&self) -> u64 {
        self.unnoted
    }

    /// Notes what is booked beyond a fence, and when what was measured began, in milliseconds.
    pub(super) fn watch(&mut self, contact: Handle, booking: &Booking, since: u64) {
        let Booking { lane, speaks, measured: Some((quantity, value)), .. } = *booking else { return };
        let Some(aspect) = Aspect::of(speaks, quantity) else { return };
        let Some(fence) = self.lanes.lane(lane).fences.of(aspect).filter(|fence| value > *fence) else { return };
        if self.noted.len() >= MOST_NOTED {
            self.unnoted += 1;
            return;
        }
        let contact_id = self.contacts.held(contact).id.to_string();
        let lane = self.lanes.texts(self.lanes.lane(lane)).map(str::to_owned);
        self.noted.push(Crossing { contact_id, lane, aspect, since_ms: since, value, fence, goes_on: false });
    }

    /// Who is beyond the fences at `now`: first those whose end was booked since this was last asked, then those who wait. At
    /// most so many of whom `is_told` does not know the id are found; the others are the next time. It is asked about all
    /// others too.
    pub fn crossings(&mut self, now: EventTime, most: usize, mut is_told: impl FnMut(&str) -> bool) -> Vec<Crossing> {
        let mut found = Vec::new();
        let mut looked_at = 0;
        for crossing in &self.noted {
            if found.len() == most {
                break;
            }
            looked_at += 1;
            if !is_told(&crossing.id()) {
                found.push(crossing.clone());
            }
        }
        self.noted.drain(..looked_at);
        let now = floor(now.millis(), self.settings.slots.fine_ms);
        for waiting in self.waiting_beyond(now) {
            let since = waiting.undecided.since;
            let contact_id = &self.contacts.held(waiting.undecided.contact).id;
            if is_told(&id(contact_id, since, waiting.aspect)) || found.len() >= most {
                continue;
            }
            found.extend(self.crossing(&waiting, now));
        }
        found
    }

    /// Who may wait beyond a fence at this slot edge: pauses and closed hours only make waits shorter than they look here.
    fn waiting_beyond(&self, now: u64) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        for (number, lane) in (0..).zip(self.lanes.iter()) {
            for aspect in Aspect::ALL {
                let (Some(fence), Some(measure)) = (lane.fences.of(aspect), aspect.awaited_as()) else { continue };
                for speaks in Speaks::all_for(measure) {
                    let old = lane.waiting.of(*speaks).take_while(|undecided| undecided.since + fence < now);
                    waiting.extend(old.map(|undecided| Waiting { lane: number, aspect, measure, fence, undecided }));
                }
            }
        }
        waiting
    }

    /// With names and how long it is; none if it is within the fence when pauses and closed hours are left out, or expired.
    fn crossing(&self, waiting: &Waiting, now: u64) -> Option<Crossing> {
        let Waiting { lane, aspect, measure, fence, undecided } = *waiting;
        let lane = self.lanes.lane(lane);
        let since = undecided.since;
        let (expires_at, value) = with_stay(self, &undecided, |stay, pauses| {
            let timer = lane.terms_at(stay.began_at).timer(measure, pauses);
            (stay.expires_at, timer.between(since, now))
        })?;
        if value <= fence || is_before(self, expires_at, now) {
            return None;
        }
        let contact_id = self.contacts.held(undecided.contact).id.to_string();
        let lane = self.lanes.texts(lane).map(str::to_owned);
        Some(Crossing { contact_id, lane, aspect, since_ms: since, value, fence, goes_on: true })
    }
}

#[cfg(test)]
mod tests;
