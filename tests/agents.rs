//! What holds for whatever is told of agents: order and repetition, a naive recount, spans that add up, stops.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use holdline::engine::agents::tally::{AgentTally, ByState};
use holdline::engine::board;
use holdline::engine::settings::{Lifetimes, Settings};
use holdline::engine::shard::{Keep, Shard};
use holdline::event::{AgentEvent, AgentState, Event, EventTime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const BEGIN: u64 = 1_772_438_400_000;
const MINUTE: u64 = 60_000;
/// All times are multiples of this, so that a recount looks at every step.
const STEP: u64 = 20_000;
/// Facts are told within so many steps.
const STEPS: u64 = 12 * 60 * 3;
const LATENESS: u64 = 10 * MINUTE;
const EXPIRE: u64 = 30 * MINUTE;
/// Longer than an agent is believed, shorter than the gaps between some facts.
const MEMORY: u64 = 40 * MINUTE;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Told {
    step: u64,
    agent: u8,
    state: &'static str,
    queues: Option<Vec<&'static str>>,
}

fn told() -> impl Strategy<Value = Told> {
    let states: Vec<&str> = AgentState::ALL.iter().map(|state| state.name()).collect();
    let queues = proptest::option::weighted(0.4, subsequence(vec!["a", "b", "c"], 0..=3));
    // Shifts: facts lie close to each other, and far apart.
    let step = (0_u64..6, 0_u64..90).prop_map(|(shift, step)| shift * STEPS / 6 + step);
    (step, 0_u8..3, select(states), queues).prop_map(|(step, agent, state, queues)| Told { step, agent, state, queues })
}

/// What was told and by how many milliseconds it came late, but no later than is allowed.
fn history() -> impl Strategy<Value = Vec<(Told, u64)>> {
    vec((told(), 0..LATENESS), 0..90)
}

fn event(told: &Told) -> Event<'static> {
    Event::Agent(AgentEvent {
        agent_id: format!("agent-{}", told.agent).into(),
        time: EventTime::from_millis(BEGIN + told.step * STEP).unwrap(),
        state: AgentState::from_name(told.state).unwrap(),
        queues: told.queues.as_ref().map(|queues| queues.iter().map(|queue| Cow::Borrowed(*queue)).collect()),
    })
}

fn settings() -> Arc<Settings> {
    let lifetimes = Lifetimes {
        settle_ms: MINUTE,
        expire_ms: MEMORY,
        expire_by_channel: BTreeMap::new(),
        agent_expire_ms: EXPIRE,
        lateness_ms: LATENESS,
    };
    Arc::new(Settings { lifetimes, ..Settings::default() })
}

fn shard_of<'a>(told: impl IntoIterator<Item = &'a Told>, keep: Keep) -> Shard {
    let mut shard = Shard::new(settings(), keep);
    told.into_iter().for_each(|told| shard.apply(&event(told)));
    shard
}

/// In order of time, or as it came, some of it twice.
fn in_order(history: &[(Told, u64)]) -> Vec<Told> {
    let mut told: Vec<Told> = history.iter().map(|(told, _)| told.clone()).collect();
    told.sort();
    told
}

fn as_it_came(history: &[(Told, u64)]) -> Vec<Told> {
    let mut came: Vec<(u64, &Told)> = history.iter().map(|(told, late)| (told.step * STEP + late, told)).collect();
    let again: Vec<_> = history.iter().map(|(told, late)| (told.step * STEP + late / 2, told)).step_by(3).collect();
    came.extend(again);
    came.sort();
    came.into_iter().map(|(_, told)| told.clone()).collect()
}

/// Those in which anybody was there.
fn over(shard: &Shard, from: u64, to: u64) -> BTreeMap<String, AgentTally> {
    let mut tallies = board::agents(&[shard], BEGIN + from * STEP, BEGIN + to * STEP);
    tallies.retain(|_, tally| !tally.is_empty());
    tallies
}

/// Asks at every step who is where; shares nothing with the engine.
fn recounted(history: &[(Told, u64)], from: u64, to: u64) -> BTreeMap<String, AgentTally> {
    let mut told = in_order(history);
    told.dedup();
    let mut tallies: BTreeMap<String, AgentTally> = BTreeMap::new();
    for agent in 0..3 {
        for step in from..to {
            let mut now: Option<(&Told, Vec<&str>)> = None;
            for next in told.iter().filter(|next| next.agent == agent && next.step <= step) {
                let inherited = match &now {
                    Some((last, queues)) if (next.step - last.step) * STEP <= MEMORY => queues.clone(),
                    _ => vec!["_unknown"],
                };
                now = Some((next, next.queues.clone().unwrap_or(inherited)));
            }
            let Some((last, queues)) = now else { continue };
            if last.state == "offline" || (step - last.step) * STEP >= EXPIRE {
                continue;
            }
            for queue in queues {
                let tally = tallies.entry(queue.to_owned()).or_default();
                *number(&mut tally.time_ms, last.state) += STEP;
                *number(&mut tally.now, last.state) += u64::from(step + 1 == to);
            }
        }
    }
    tallies
}

fn number<'a>(of: &'a mut ByState, state: &str) -> &'a mut u64 {
    match state {
        "available" => &mut of.available,
        "away" => &mut of.away,
        "busy" => &mut of.busy,
        "wrapup" => &mut of.wrapup,
        other => panic!("nobody counts {other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_are_those_of_a_recount(history in history(), from in 0..STEPS, length in 1_u64..200) {
        let to = from + length;
        let expected = recounted(&history, from, to);
        for keep in [Keep::Everything, Keep::Windows] {
            prop_assert_eq!(&over(&shard_of(&in_order(&history), keep), from, to), &expected);
            prop_assert_eq!(&over(&shard_of(&as_it_came(&history), keep), from, to), &expected);
        }
    }

    #[test]
    fn any_order_and_repetition_is_the_same(
        (told, shuffled) in vec(told(), 0..60).prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
        mut ends in vec(0..STEPS, 2),
    ) {
        ends.sort_unstable();
        // So long that nothing is late, whatever comes first.
        let mut patient = Settings::clone(&settings());
        patient.lifetimes.lateness_ms = 2 * STEPS * STEP;
        let shard_of = |told: &[&Told]| {
            let mut shard = Shard::new(Arc::new(patient.clone()), Keep::Everything);
            told.iter().for_each(|told| shard.apply(&event(told)));
            shard
        };
        let (one, other): (Vec<&Told>, Vec<&Told>) = (told.iter().collect(), shuffled.iter().chain(&told).collect());
        let (one, other) = (shard_of(&one), shard_of(&other));
        prop_assert_eq!(over(&one, ends[0], ends[1]), over(&other, ends[0], ends[1]));
        let (input, again) = (one.input(), other.input());
        prop_assert_eq!((input.late, again.late), (0, 0));
        prop_assert_eq!(again.duplicate, input.duplicate + told.len() as u64);
    }

    #[test]
    fn spans_add_up(history in history(), mut edges in vec(0..STEPS + 100, 3)) {
        edges.sort_unstable();
        let shard = shard_of(&as_it_came(&history), Keep::Everything);
        let mut sum = over(&shard, edges[0], edges[1]);
        for (queue, tally) in over(&shard, edges[1], edges[2]) {
            let of_queue = sum.entry(queue).or_default();
            of_queue.now = ByState::default();
            of_queue.merge(&tally);
        }
        for (queue, tally) in over(&shard, edges[0], edges[2]) {
            prop_assert_eq!(tally.time_ms, sum[&queue].time_ms);
        }
        let times: Vec<EventTime> =
            edges.iter().map(|edge| EventTime::from_millis(BEGIN + edge * STEP).unwrap()).collect();
        let intervals = board::agent_intervals(&[&shard], &times);
        for (interval, ends) in edges.windows(2).enumerate() {
            let of_interval = intervals.iter().filter(|((number, _), _)| *number == interval);
            let of_interval: BTreeMap<_, _> =
                of_interval.map(|((_, queue), tally)| (queue.clone(), *tally)).collect();
            prop_assert_eq!(of_interval, over(&shard, ends[0], ends[1]));
        }
    }

    #[test]
    fn a_stop_leaves_the_same_bytes(history in history(), stop in 0_usize..90) {
        let told = as_it_came(&history);
        let stop = stop.min(told.len());
        for keep in [Keep::Everything, Keep::Windows] {
            let bytes = shard_of(&told[..stop], keep).encode();
            let mut continued = Shard::decode(&bytes, &settings()).unwrap();
            prop_assert_eq!(&continued.encode(), &bytes);
            told[stop..].iter().for_each(|told| continued.apply(&event(told)));
            prop_assert_eq!(continued.encode(), shard_of(&told, keep).encode());
        }
    }

    #[test]
    fn nobody_stays_for_ever(history in history()) {
        let shard = shard_of(&as_it_came(&history), Keep::Windows);
        prop_assert_eq!(over(&shard, STEPS + EXPIRE / STEP, 2 * STEPS), BTreeMap::new());
    }
}
