//! What all shards say together: tallies of a span of time, by queue, channel and tier.
//!
//! Every function here is pure: it reads shards, changes nothing, and takes the instant it is asked about as an
//! argument. Sums are over whole slots. Who waits at an instant is told by who is undecided and by the departures still
//! ahead of it, so nothing that lies in the past needs to be kept to know it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::engine::agents::tally::AgentTally;
use crate::engine::experience::{OutcomeTally, SurveyTally, sums};
use crate::engine::lane::{Lane, Lanes};
use crate::engine::page::{PAGE_MS, Speaks};
use crate::engine::settings::Window;
use crate::engine::shard::Shard;
use crate::engine::sums::{LaneSums, floor, flows, is_before, stay_of};
use crate::engine::tally::{Cell, Measure, Quantity, Tally};
use crate::event::EventTime;

mod intervals;

pub use self::intervals::{Row, intervals};

/// What lanes are told apart by; those that differ in nothing else are added up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupBy {
    /// By queue.
    pub queue: bool,
    /// By channel.
    pub channel: bool,
    /// By tier.
    pub tier: bool,
}

impl GroupBy {
    /// Each lane by itself.
    pub const EACH: GroupBy = GroupBy { queue: true, channel: true, tier: true };
}

/// Which lanes a group adds up; none where they are not told apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct GroupKey {
    /// The queue.
    pub queue: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// The tier.
    pub tier: Option<String>,
}

impl GroupKey {
    /// That of a lane, by its queue, channel and tier.
    pub fn of([queue, channel, tier]: [&str; 3], by: GroupBy) -> GroupKey {
        let name = |wanted: bool, text: &str| wanted.then(|| text.to_owned());
        GroupKey { queue: name(by.queue, queue), channel: name(by.channel, channel), tier: name(by.tier, tier) }
    }

    /// The group by fewer labels.
    pub fn only(&self, by: GroupBy) -> GroupKey {
        let label = |wanted: bool, label: &Option<String>| label.clone().filter(|_| wanted);
        GroupKey {
            queue: label(by.queue, &self.queue),
            channel: label(by.channel, &self.channel),
            tier: label(by.tier, &self.tier),
        }
    }
}

/// What is known of some lanes over some span.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Group {
    /// Those measured: waits always, any other measure if there is something to tell of it.
    pub measures: BTreeMap<Measure, Tally>,
    /// Who still waits of those that began before the end of the span, the longest waiting first. Whoever is known to have
    /// come to an end since is not listed. None of the contact wait, the backlog and effort, whose contacts wait elsewhere
    /// too.
    pub longest: BTreeMap<Measure, Vec<Waiting>>,
    /// The longest durations of the span, longest first; of effort the greatest numbers.
    pub worst: BTreeMap<(Measure, Quantity), Vec<Worst>>,
    /// What customers answered, by survey.
    pub surveys: BTreeMap<String, SurveyTally>,
    /// What came of contacts, by name.
    pub outcomes: BTreeMap<String, OutcomeTally>,
    /// Of a window: how often it had come in the same window when this one began. Else empty.
    pub outcomes_before: BTreeMap<String, u64>,
}

impl Group {
    /// The visit that waits longest.
    pub fn longest_waiting(&self) -> Option<&Waiting> {
        self.longest.get(&Measure::Wait)?.first()
    }

    /// Adds all of `other`, and cuts the lists to `longest_list` contacts.
    pub fn merge(&mut self, other: Group, longest_list: usize) {
        for (measure, tally) in other.measures {
            self.measures.entry(measure).or_default().merge(&tally);
        }
        for (measure, list) in other.longest {
            self.longest.entry(measure).or_default().extend(list);
        }
        for (survey, tally) in other.surveys {
            self.surveys.entry(survey).or_default().merge(&tally);
        }
        for (name, tally) in other.outcomes {
            self.outcomes.entry(name).or_default().merge(&tally);
        }
        for (name, count) in other.outcomes_before {
            *self.outcomes_before.entry(name).or_default() += count;
        }
        for (of, list) in other.worst {
            self.worst.entry(of).or_default().extend(list);
        }
        self.cut(longest_list);
    }

    /// The names of what came in the span, or in the one before.
    pub fn outcome_names(&self) -> BTreeSet<&str> {
        self.outcomes.keys().chain(self.outcomes_before.keys()).map(String::as_str).collect()
    }

    /// Puts the lists in order and cuts them.
    fn cut(&mut self, longest_list: usize) {
        self.longest.retain(|_, list| !list.is_empty());
        for list in self.longest.values_mut() {
            list.sort_unstable();
            list.truncate(longest_list);
        }
        self.worst.retain(|_, list| !list.is_empty());
        for list in self.worst.values_mut() {
            list.sort_by(compare_worst);
            list.truncate(longest_list);
        }
    }
}

/// A contact that waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Waiting {
    /// Since when: of a wait, when it was offered.
    pub since: EventTime,
    /// Who.
    pub contact_id: String,
    /// Whether the target has passed.
    pub over: bool,
}

/// A contact and one of its durations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worst {
    /// In milliseconds; of effort, the number.
    pub duration_ms: u64,
    /// When the slot begins in which it was over.
    pub slot: EventTime,
    /// Who; none once the contact has been forgotten.
    pub contact_id: Option<String>,
}

/// Groups by their keys.
pub type Groups = BTreeMap<GroupKey, Group>;

/// Everything before `until`, cut down to a slot edge.
pub fn totals(shards: &[&Shard], until: EventTime, by: GroupBy) -> Groups {
    spans(shards, by, true, |shard| (0, floor(until.millis(), shard.settings().slots.fine_ms)))
}

/// A trailing window: from the edge of the coarse slot at or before its beginning, to the finest edge at or before
/// `now`. A window without quantiles has counts only: its distributions and worst contacts are empty. Outcomes are told of
/// the window before as well, which ends where this one begins.
pub fn window(shards: &[&Shard], window: &Window, now: EventTime, by: GroupBy) -> Groups {
    let mut groups = spans(shards, by, window.quantiles, |shard| span_of(shard, window, now));
    for shard in shards {
        let (from, to) = span_of(shard, window, now);
        sums::hear_before(&mut groups, shard, by, from, to - from);
    }
    groups
}

/// What agents did from `from` until before `to`, in milliseconds, by queue: of every queue of whose agents anything
/// before `to` is known. Shards must not have let go of what is asked for; those that keep what windows show hold the
/// longest window of any instant since the beginning of their stream time's hour before.
pub fn agents(shards: &[&Shard], from: u64, to: u64) -> BTreeMap<String, AgentTally> {
    agent_spans(shards, |_| (from, to))
}

/// The same for a trailing window.
pub fn agents_in_window(shards: &[&Shard], window: &Window, now: EventTime) -> BTreeMap<String, AgentTally> {
    agent_spans(shards, |shard| span_of(shard, window, now))
}

fn agent_spans(shards: &[&Shard], span: impl Fn(&Shard) -> (u64, u64)) -> BTreeMap<String, AgentTally> {
    let mut tallies: BTreeMap<String, AgentTally> = BTreeMap::new();
    for shard in shards {
        let (from, to) = span(shard);
        for (queue, tally) in shard.agents.attendance.over(from, to) {
            tallies.entry(shard.lanes.queues.text(queue).to_owned()).or_default().merge(&tally);
        }
    }
    tallies
}

/// What agents did between ascending `edges`, by interval and queue; where nobody was there is left out. Shards must keep
/// everything.
pub fn agent_intervals(shards: &[&Shard], edges: &[EventTime]) -> BTreeMap<(usize, String), AgentTally> {
    let edges: Vec<u64> = edges.iter().map(|edge| edge.millis()).collect();
    let mut tallies: BTreeMap<(usize, String), AgentTally> = BTreeMap::new();
    for shard in shards {
        for ((interval, queue), tally) in shard.agents.attendance.intervals(&edges) {
            let key = (interval, shard.lanes.queues.text(queue).to_owned());
            tallies.entry(key).or_default().merge(&tally);
        }
    }
    tallies
}

fn span_of(shard: &Shard, window: &Window, now: EventTime) -> (u64, u64) {
    let slots = shard.settings().slots;
    let from = now.millis().saturating_sub(window.length_ms);
    (floor(from, slots.coarse_ms), floor(now.millis(), slots.fine_ms))
}

/// The slot of the earliest booking; none if nothing is booked.
pub fn earliest(shards: &[&Shard]) -> Option<EventTime> {
    let lanes = shards.iter().flat_map(|shard| shard.lanes.iter());
    let slots = lanes.filter_map(|lane| {
        let from = lane.pages.pages().first()?.0 * PAGE_MS;
        let mut earliest = None;
        lane.pages.each_count(from, from + PAGE_MS, |slot, _, _, _| {
            earliest = earliest.or(Some(slot));
        });
        earliest
    });
    let notes = shards.iter().flat_map(|shard| sums::all_notes(shard, GroupBy::default(), |_| true));
    slots.chain(notes.filter_map(|(_, notes)| notes.earliest())).min().and_then(EventTime::from_millis)
}

/// Offers, answers, ends and completions of visits, ratings and outcomes in slots from `from` on: what a report up to there
/// leaves out.
pub fn ahead(shards: &[&Shard], from: EventTime) -> u64 {
    const TOLD: [Cell; 5] = [Cell::Offered, Cell::Answered, Cell::Abandoned, Cell::Left, Cell::Completed];
    let told = shards.iter().flat_map(|shard| {
        let from = floor(from.millis(), shard.settings().slots.fine_ms);
        shard.lanes.iter().map(move |lane| {
            let cells = lane.pages.cells(from, u64::MAX, Measure::Wait);
            TOLD.iter().map(|&cell| cells[cell]).sum::<u64>()
        })
    });
    let noted = shards.iter().flat_map(|shard| {
        let from = floor(from.millis(), shard.settings().slots.fine_ms);
        sums::all_notes(shard, GroupBy::default(), |_| true).map(move |(_, notes)| notes.count_from(from))
    });
    told.sum::<u64>() + noted.sum::<u64>()
}

/// Every lane that was seen.
pub fn lanes(shards: &[&Shard]) -> BTreeSet<GroupKey> {
    let by = GroupBy { queue: true, channel: true, tier: true };
    let lanes = shards.iter().flat_map(|shard| shard.lanes.iter().map(|lane| key_of(lane, &shard.lanes, by)));
    lanes.collect()
}

fn spans(shards: &[&Shard], by: GroupBy, durations: bool, span: impl Fn(&Shard) -> (u64, u64)) -> Groups {
    let mut groups = Groups::new();
    let mut sums = LaneSums::default();
    for shard in shards {
        let (from, to) = span(shard);
        sums::hear(&mut groups, shard, by, from, to);
        for lane in shard.lanes.iter() {
            let group = groups.entry(key_of(lane, &shard.lanes, by)).or_default();
            sums.add(shard, lane, from, to);
            if durations {
                sums.measure(lane, from, to, shard.settings().limits.worst);
            }
            for measure in Measure::ALL {
                let tally = sums.tally(measure);
                if matches!(measure, Measure::Wait | Measure::ContactWait) || !tally.is_empty() {
                    group.measures.entry(measure).or_default().merge(&tally);
                    group.longest.entry(measure).or_default().extend(longest(shard, lane, measure, to));
                }
                for quantity in Quantity::ALL.into_iter().filter(|_| durations) {
                    let worst = sums.worst(measure, quantity).map(|(duration_ms, handle, slot)| Worst {
                        duration_ms,
                        slot: EventTime::from_millis(slot).expect("it is the slot of an event"),
                        contact_id: shard.contacts.get(handle).map(|contact| contact.id.to_string()),
                    });
                    let mut worst = worst.peekable();
                    if worst.peek().is_some() {
                        group.worst.entry((measure, quantity)).or_default().extend(worst);
                    }
                }
            }
            sums.clear();
        }
    }
    let limit = shards.iter().map(|shard| shard.settings().limits.worst).max().unwrap_or(0);
    groups.values_mut().for_each(|group| group.cut(limit));
    groups
}

/// Who waits longest in this lane at this instant.
fn longest(shard: &Shard, lane: &Lane, measure: Measure, now: u64) -> Vec<Waiting> {
    if matches!(measure, Measure::ContactWait | Measure::Backlog | Measure::Effort) {
        return Vec::new();
    }
    let limit = shard.settings().limits.worst;
    let mut longest = Vec::new();
    for speaks in Speaks::all_for(measure) {
        let before = lane.waiting.of(*speaks).take_while(|stay| is_before(shard, stay.since, now));
        let waiting = before.filter_map(|undecided| {
            let stay = stay_of(shard, &undecided)?;
            let waits = !is_before(shard, stay.expires_at, now);
            waits.then(|| Waiting {
                since: EventTime::from_millis(undecided.since).expect("it was an event's time"),
                contact_id: shard.contacts.held(undecided.contact).id.to_string(),
                over: undecided.is_due && stay.due_at.is_some_and(|due_at| is_before(shard, due_at, now)),
            })
        });
        let mut of_these: Vec<Waiting> = Vec::new();
        for next in waiting {
            // Whoever began at the same instant as the last of the list is looked at too: ties go by id.
            if of_these.len() >= limit && of_these.last().is_some_and(|last| last.since < next.since) {
                break;
            }
            of_these.push(next);
        }
        longest.extend(of_these);
    }
    longest
}

/// The measures that there can be anything to tell of in this lane, from a time on.
fn told_of(lane: &Lane, from: u64) -> Vec<Measure> {
    let mut voices = [false; Speaks::COUNT];
    lane.pages.each_count(from, u64::MAX, |_, speaks, _, _| voices[speaks as usize] = true);
    lane.pages.each_mark(from, u64::MAX, |_, mark| voices[mark.speaks() as usize] = true);
    for (voice, waiting) in voices.iter_mut().zip(lane.waiting.counts()) {
        *voice |= waiting > 0;
    }
    let is_told = |measure: &Measure| {
        let speaking = Speaks::all_for(*measure).iter().chain(flows(*measure).iter().map(|(speaks, _)| speaks));
        speaking.into_iter().any(|speaks| voices[*speaks as usize])
    };
    Measure::ALL.into_iter().filter(is_told).collect()
}

/// Longest first, then by id, the forgotten last.
fn compare_worst(one: &Worst, other: &Worst) -> std::cmp::Ordering {
    let forgotten = |worst: &Worst| worst.contact_id.is_none();
    let by_id = || forgotten(one).cmp(&forgotten(other)).then_with(|| one.contact_id.cmp(&other.contact_id));
    other.duration_ms.cmp(&one.duration_ms).then_with(by_id)
}

pub(super) fn key_of(lane: &Lane, lanes: &Lanes, by: GroupBy) -> GroupKey {
    GroupKey::of(lanes.texts(lane), by)
}
