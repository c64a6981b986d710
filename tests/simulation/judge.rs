//! Whether engine and model say the same, and if not, where.
//!
//! Cells, who waits, distributions (count, sum, maximum and each of their cells), the longest waiting and the worst
//! contacts are compared. `departed` and `departed_over` are the engine's own; what they are for is compared as waiting.

use std::collections::{BTreeMap, BTreeSet};

use holdline::engine::board::{self, GroupBy, GroupKey, Groups};
use holdline::engine::counters::Counter;
use holdline::engine::cumulative::{HistogramsBy, Timed};
use holdline::engine::histogram::Distribution;
use holdline::engine::settings::{Settings, Window};
use holdline::engine::shard::Shard;
use holdline::engine::tally::{Cell, Measure, Quantity, Tally};
use holdline::engine::view::counters as engine_counters;
use holdline::event::{EventTime, Reason};
use holdline::model::counters::Counter as ModelCounter;

use super::dice::Dice;
use holdline::model::cumulative::{Histogram, TOLD};
use holdline::model::log::{Input, Model};
use holdline::model::view::{self, By, Group, Key, Sums};

type Told = BTreeMap<Key, Group>;

/// Each lane by itself.
pub(super) const EACH: By = By { queue: true, channel: true, tier: true };

/// Any of the eight groupings.
pub(super) fn any_grouping(dice: &mut Dice) -> By {
    By { queue: dice.percent(50), channel: dice.percent(50), tier: dice.percent(50) }
}

/// The counters that cost nothing to ask for.
pub(super) fn counters(shard: &Shard, model: &Model) -> Result<(), String> {
    let input = shard.input();
    let engine = Input {
        events: input.events,
        duplicate: input.duplicate,
        late: input.late,
        orphan: input.orphan,
        skew: input.skew,
        conflict: input.conflict,
        expired: 0,
    };
    same("counters", &engine, &model.cheap_input())?;
    same("end", &shard.end().map(EventTime::millis), &model.stream.end())
}

/// What was ever counted and what was taken back, by lane, and of what is taken back by counter.
pub(super) fn counted(shard: &Shard, model: &Model) -> Result<(), String> {
    let (up, down) = model.counters().expect("it counts from the first record on");
    let mut engine: Vec<(Key, String, u64)> = Vec::new();
    for (key, counters) in engine_counters(shard, group_by(EACH)) {
        engine.extend(Counter::all().map(|counter| (plain(&key), counter_name(counter), counters.of(counter))));
    }
    engine.retain(|(.., count)| *count > 0);
    engine.sort();
    let named = |counter: &ModelCounter| match counter {
        ModelCounter::Cell(cell) => cell.name().to_owned(),
        ModelCounter::Left(reason) => format!("left {reason}"),
    };
    let mut expected: Vec<(Key, String, u64)> = Vec::new();
    for ((lane, counter), count) in up.iter().filter(|(_, count)| **count > 0) {
        expected.push((EACH.key(lane), named(counter), count.unsigned_abs()));
    }
    expected.sort();
    same("counted", &engine, &expected)?;
    let mut taken_back: BTreeMap<String, u64> = BTreeMap::new();
    for ((_, counter), count) in down {
        *taken_back.entry(named(counter)).or_default() += count.unsigned_abs();
    }
    let corrections = Counter::all().map(|counter| (counter_name(counter), shard.corrections().of(counter)));
    same("taken back", &corrections.filter(|(_, count)| *count > 0).collect(), &taken_back)
}

fn counter_name(counter: Counter) -> String {
    match counter {
        Counter::Cell(cell) => cell.name().to_owned(),
        Counter::Left(reason) => format!("left {}", reason.map_or("closed", Reason::name)),
    }
}

/// How many contacts were forgotten unfinished.
pub(super) fn expired(shard: &Shard, model: &Model) -> Result<(), String> {
    same("expired", &shard.input().expired, &model.input().expired)
}

/// All cells ever booked, which the model keeps by adding and subtracting.
pub(super) fn sums(shard: &Shard, model: &Model) -> Result<(), String> {
    sums_of(&[shard], &[model])
}

/// The same for several shards.
pub(super) fn sums_of(shards: &[&Shard], models: &[&Model]) -> Result<(), String> {
    let groups = board::totals(shards, EventTime::MAX, group_by(EACH));
    let mut expected: BTreeMap<(Key, Measure, Cell), i64> = BTreeMap::new();
    for model in models {
        for ((lane, measure), cells) in &model.sums {
            for (&cell, &count) in cells {
                *expected.entry((EACH.key(lane), *measure, cell)).or_default() += count;
            }
        }
    }
    expected.retain(|_, count| *count != 0);
    let mut told = BTreeMap::new();
    for (key, group) in &groups {
        for (&measure, tally) in &group.measures {
            for cell in compared_cells() {
                let count = i64::try_from(tally.cells[cell]).map_err(|_| format!("{cell:?} below zero"))?;
                if count != 0 {
                    told.insert((plain(key), measure, cell), count);
                }
            }
        }
    }
    let engine: BTreeSet<_> = told.into_iter().collect();
    let model: BTreeSet<_> = expected.into_iter().collect();
    let only_engine: Vec<_> = engine.difference(&model).collect();
    let only_model: Vec<_> = model.difference(&engine).collect();
    if only_engine.is_empty() && only_model.is_empty() {
        return Ok(());
    }
    Err(format!("sums: engine says {only_engine:?}, model says {only_model:?}"))
}

/// All durations ever measured, in the order of the logs, and what was taken back of them.
pub(super) fn durations(shards: &[&Shard], models: &[&Model], by: By) -> Result<(), String> {
    let mut told = HistogramsBy::default();
    shards.iter().for_each(|shard| told.add(&HistogramsBy::of(shard, group_by(by))));
    let mut expected: BTreeMap<(Key, (Measure, Quantity)), Histogram> = BTreeMap::new();
    let mut taken_back = [(0, 0); TOLD.len()];
    for model in models {
        for ((lane, told), histogram) in &model.cumulative.histograms {
            let sum = expected.entry((by.key(lane), *told)).or_default();
            sum.sum_ms += histogram.sum_ms;
            histogram.buckets.iter().for_each(|(edge, count)| *sum.buckets.entry(*edge).or_default() += count);
        }
        for (sum, told) in taken_back.iter_mut().zip(TOLD) {
            let (count, sum_ms) = model.cumulative.taken_back.get(&told).copied().unwrap_or_default();
            *sum = (sum.0 + count, sum.1 + sum_ms);
        }
    }
    let mut engine = BTreeMap::new();
    for (key, histograms) in &told.groups {
        for (timed, told) in Timed::ALL.into_iter().zip(TOLD) {
            if let Some(histogram) = histograms.of(timed) {
                let buckets = histogram.cells().iter().copied().collect();
                engine.insert((plain(key), told), Histogram { buckets, sum_ms: histogram.sum_ms() });
            }
        }
    }
    same("durations", &engine, &expected)?;
    let corrections = Timed::ALL.map(|timed| told.corrections.of(timed)).map(|of| (of.count, of.sum_ms));
    same("durations taken back", &corrections, &taken_back)
}

/// Everything before `until`.
pub(super) fn totals(
    shards: &[&Shard],
    models: &[&Model],
    settings: &Settings,
    until: u64,
    by: By,
) -> Result<(), String> {
    let groups = board::totals(shards, at(until), group_by(by));
    let to = floor(until, settings.slots.fine_ms);
    lists(&groups, &told(models, 0, to, by), models, settings, to)
        .map_err(|why| format!("totals until {until} by {by:?}: {why}"))
}

/// A trailing window.
pub(super) fn window(
    shards: &[&Shard],
    models: &[&Model],
    settings: &Settings,
    window: &Window,
    now: u64,
    by: By,
) -> Result<(), String> {
    let groups = board::window(shards, window, at(now), group_by(by));
    let from = floor(now.saturating_sub(window.length_ms), settings.slots.coarse_ms);
    let to = floor(now, settings.slots.fine_ms);
    let told = told(models, from, to, by);
    let told = if window.quantiles { told } else { without_durations(told) };
    lists(&groups, &told, models, settings, to)
        .map_err(|why| format!("window {} at {now} by {by:?}: {why}", window.name))
}

/// All intervals between these edges.
pub(super) fn intervals(shards: &[&Shard], models: &[&Model], edges: &[u64], by: By) -> Result<(), String> {
    let times: Vec<EventTime> = edges.iter().map(|&edge| at(edge)).collect();
    let rows = board::intervals(shards, &times, group_by(by));
    if !rows.is_sorted_by(|one, other| (one.interval, &one.key) < (other.interval, &other.key)) {
        return Err("intervals are not in order".to_owned());
    }
    for (interval, edge) in edges.windows(2).enumerate() {
        let of_interval = rows.iter().filter(|row| row.interval == interval);
        let groups: Groups = of_interval.map(|row| (row.key.clone(), row.group.clone())).collect();
        tallies(&groups, &told(models, edge[0], edge[1], by))
            .map_err(|why| format!("interval {}..{} by {by:?}: {why}", edge[0], edge[1]))?;
    }
    Ok(())
}

fn told(models: &[&Model], from: u64, to: u64, by: By) -> Told {
    view::view(models.iter().flat_map(|model| model.stays()), from, to, by)
}

/// Where no durations are asked for, the engine tells none.
fn without_durations(mut told: Told) -> Told {
    for sums in told.values_mut().flat_map(|group| group.measures.values_mut()) {
        sums.durations.clear();
    }
    told
}

fn tallies(groups: &Groups, told: &Told) -> Result<(), String> {
    let keys: BTreeSet<Key> = groups.keys().map(plain).chain(told.keys().cloned()).collect();
    let (no_tally, no_sums) = (Tally::default(), Sums::default());
    for key in keys {
        let (engine, model) = (groups.get(&group_key(&key)), told.get(&key));
        for measure in Measure::ALL {
            let engine = engine.and_then(|group| group.measures.get(&measure));
            let model = model.and_then(|group| group.measures.get(&measure));
            // What is always told is told even if it is empty.
            let is_always_told = matches!(measure, Measure::Wait | Measure::ContactWait);
            if !is_always_told && engine.is_some_and(Tally::is_empty) {
                return Err(format!("{key:?} {measure:?}: an empty tally"));
            }
            tally(engine.unwrap_or(&no_tally), model.unwrap_or(&no_sums))
                .map_err(|why| format!("{key:?} {measure:?}: {why}"))?;
        }
    }
    Ok(())
}

fn tally(engine: &Tally, model: &Sums) -> Result<(), String> {
    for cell in compared_cells() {
        same(cell.name(), &engine.cells[cell], &model.cells.get(&cell).copied().unwrap_or(0))?;
    }
    same("waiting", &engine.waiting, &model.waiting)?;
    same("waiting_over", &engine.waiting_over, &model.waiting_over)?;
    for quantity in Quantity::ALL {
        let durations = model.durations.get(&quantity).map_or(&[][..], Vec::as_slice);
        distribution(&engine[quantity], durations).map_err(|why| format!("{}: {why}", quantity.name()))?;
    }
    Ok(())
}

fn distribution(engine: &Distribution, durations: &[(u64, String)]) -> Result<(), String> {
    same("count", &engine.count(), &(durations.len() as u64))?;
    same("sum", &engine.sum_ms(), &durations.iter().map(|duration| duration.0).sum())?;
    same("maximum", &engine.max_ms(), &durations.first().map(|duration| duration.0))?;
    for (lowest, highest, count) in engine.cells() {
        let expected = durations.iter().filter(|duration| (lowest..=highest).contains(&duration.0)).count();
        same(&format!("durations from {lowest} to {highest}"), &count, &(expected as u64))?;
    }
    Ok(())
}

/// Tallies and the lists of contacts beside them.
fn lists(groups: &Groups, told: &Told, models: &[&Model], settings: &Settings, to: u64) -> Result<(), String> {
    tallies(groups, told)?;
    // Of contacts that are forgotten nobody knows whether they waited at an instant long past.
    let stream = models.iter().filter_map(|model| model.stream.believed).max();
    let all_are_held = stream.is_none_or(|stream| to + settings.lifetimes.lateness_ms > stream);
    for (key, group) in groups {
        let empty = Group::default();
        let model = told.get(&plain(key)).unwrap_or(&empty);
        for measure in Measure::ALL {
            if all_are_held && let Some(engine) = longest(group, measure) {
                let model = model.longest.get(&measure).map_or(&[][..], Vec::as_slice);
                longest_waiting(engine, model, settings.limits.worst)
                    .map_err(|why| format!("longest {measure:?} of {key:?}: {why}"))?;
            }
            for quantity in Quantity::ALL {
                let engine = group.worst.get(&(measure, quantity)).map_or(&[][..], Vec::as_slice);
                let sums = model.measures.get(&measure);
                let durations = sums.and_then(|sums| sums.durations.get(&quantity)).map_or(&[][..], Vec::as_slice);
                let is_held = |id: &str| models.iter().all(|model| model.holds_all_of(id));
                worst(engine, durations, settings.limits.worst, is_held)
                    .map_err(|why| format!("worst {measure:?} {quantity:?} of {key:?}: {why}"))?;
            }
        }
    }
    Ok(())
}

/// Who waits longest of a measure, as the engine says; none where it has no such list.
fn longest(group: &board::Group, measure: Measure) -> Option<&[board::Waiting]> {
    let is_listed = !matches!(measure, Measure::ContactWait | Measure::Backlog | Measure::Effort);
    is_listed.then(|| group.longest.get(&measure).map_or(&[][..], Vec::as_slice))
}

fn longest_waiting(engine: &[board::Waiting], model: &[view::Waiting], most: usize) -> Result<(), String> {
    let engine = engine.iter().map(|waiting| (waiting.since.millis(), waiting.contact_id.as_str(), waiting.over));
    let model = model.iter().map(|waiting| (waiting.since, waiting.contact_id.as_str(), waiting.over)).take(most);
    same("who waits", &engine.collect::<Vec<_>>(), &model.collect::<Vec<_>>())
}

/// The longest durations; among equal ones by id, and last those whose contact is forgotten, which have none.
fn worst(
    engine: &[board::Worst],
    model: &[(u64, String)],
    most: usize,
    is_held: impl Fn(&str) -> bool,
) -> Result<(), String> {
    let durations: Vec<u64> = engine.iter().map(|worst| worst.duration_ms).collect();
    let expected: Vec<u64> = model.iter().map(|duration| duration.0).take(most).collect();
    same("durations", &durations, &expected)?;
    for equal in engine.chunk_by(|one, other| one.duration_ms == other.duration_ms) {
        let told: Vec<&str> = equal.iter().map_while(|worst| worst.contact_id.as_deref()).collect();
        let forgotten = equal.len() - told.len();
        if equal[told.len()..].iter().any(|worst| worst.contact_id.is_some()) {
            return Err(format!("a forgotten contact before one that is held: {equal:?}"));
        }
        let mut rest: Vec<&str> =
            model.iter().filter(|duration| duration.0 == equal[0].duration_ms).map(|duration| &*duration.1).collect();
        // All that are held are told, or where the list is full, the first of them.
        let held: Vec<&str> = rest.iter().copied().filter(|id| is_held(id)).collect();
        let told_of_held: Vec<&str> = told.iter().copied().filter(|id| is_held(id)).collect();
        let is_complete = forgotten > 0 || equal.len() == rest.len();
        if told_of_held != held[..told_of_held.len().min(held.len())] || (is_complete && told_of_held != held) {
            return Err(format!("engine says {equal:?}, but those held are {held:?}"));
        }
        for id in told {
            let Some(place) = rest.iter().position(|other| *other == id) else {
                return Err(format!("{id} had no duration of {} ms, or not as often", equal[0].duration_ms));
            };
            rest.remove(place);
        }
    }
    Ok(())
}

fn compared_cells() -> impl Iterator<Item = Cell> {
    Cell::ALL.into_iter().filter(|cell| cell.is_told())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, engine: &T, model: &T) -> Result<(), String> {
    if engine == model { Ok(()) } else { Err(format!("{what}: engine says {engine:?}, model says {model:?}")) }
}

fn at(time: u64) -> EventTime {
    EventTime::from_millis(time).expect("the simulation stays within the times that can be told")
}

fn floor(time: u64, width: u64) -> u64 {
    time / width * width
}

fn group_by(by: By) -> GroupBy {
    GroupBy { queue: by.queue, channel: by.channel, tier: by.tier }
}

fn plain(key: &GroupKey) -> Key {
    (key.queue.clone(), key.channel.clone(), key.tier.clone())
}

fn group_key(key: &Key) -> GroupKey {
    GroupKey { queue: key.0.clone(), channel: key.1.clone(), tier: key.2.clone() }
}
