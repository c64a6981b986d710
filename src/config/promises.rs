//! The sections `[service]` and `[[queue]]`: what is promised to whom.
//!
//! Both hold the same keys, and below `channel.NAME` and `tier.NAME` once more. Every one of these sections speaks of the
//! wait, and may have a section for each further measure: `first_reply` and so on. Which of them wins is decided by
//! [`Promises`] alone; here it is only asked whether what comes out makes sense.

use std::collections::{BTreeMap, BTreeSet};

use super::duration::{LONGEST_MS, write};
use super::reading::{Reading, Spot};
use super::section::Section;
use super::understand::{calendar, choice, duration, queue_id, share, truth, whole};
use crate::engine::settings::{CalendarNames, Overlays, Promise, PromiseOverlay, Promises, Scopes};
use crate::engine::tally::{Formula, Measure};

/// No queue, channel or tier can be named so, which makes it any that is not written.
const OTHER: &str = "";

/// The largest `min_contacts`: more contacts than are ever decided in a window.
const MOST_MIN_CONTACTS: u64 = 1_000_000_000;

/// The overlays of one scope, and where their two times were written.
#[derive(Default)]
struct Scope {
    /// For every visit.
    all: Layer,
    /// By channel.
    channel: BTreeMap<String, Layer>,
    /// By tier.
    tier: BTreeMap<String, Layer>,
}

/// One overlay, where its two times and its calendar were written, and the overlays for further measures.
#[derive(Default)]
struct Layer {
    overlay: PromiseOverlay,
    measures: BTreeMap<Measure, PromiseOverlay>,
    answer_within: Reading<u64>,
    short_abandon: Reading<u64>,
    calendar: Reading<String>,
}

/// Reads both sections, and refuses what makes no sense together. With them come the names of calendars and where each was
/// written, since it is not known here which calendars there are.
pub(super) fn read(document: &mut Section<'_>) -> (Promises, Vec<(String, Spot)>) {
    let service = document.section("service", scope);
    let listed = document.listed_sections("queue", "id", |section| {
        let id = section.read("id", queue_id);
        if matches!(id, Reading::Absent) {
            section.refuse_absence("id", "is missing: say which queue this is, as in id = \"billing\"");
        }
        (id, scope(section))
    });
    let mut queues: BTreeMap<String, (Spot, Scope)> = BTreeMap::new();
    for (id, scope) in listed {
        let Reading::Usable(id, spot) = id else { continue };
        match queues.get(&id) {
            Some((first, _)) => {
                let message = format!("\"{id}\" is listed twice, first {}: write its keys there", first.place);
                document.refuse(&spot, message);
            }
            None => _ = queues.insert(id, (spot, scope)),
        }
    }
    let queues: BTreeMap<String, Scope> = queues.into_iter().map(|(id, (_, scope))| (id, scope)).collect();
    let scopes = |measure| Scopes {
        service: service.overlays(measure),
        queues: queues.iter().map(|(id, scope)| (id.clone(), scope.overlays(measure))).collect(),
    };
    let all = || [&service].into_iter().chain(queues.values()).flat_map(Scope::all_layers);
    let is_said = |measure: &Measure| all().any(|layer| layer.measures.contains_key(measure));
    let Scopes { service: of_service, queues: of_queues } = scopes(Measure::Wait);
    let promises = Promises {
        service: of_service,
        queues: of_queues,
        measures: further().filter(is_said).map(|measure| (measure, scopes(measure))).collect(),
        // Read elsewhere.
        calendars: BTreeMap::new(),
    };
    refuse_nonsense(document, &service, &queues, &promises);
    let named = [&service].into_iter().chain(queues.values()).flat_map(Scope::calendars_named).collect();
    (promises, named)
}

fn scope(section: &mut Section<'_>) -> Scope {
    Scope {
        all: layer(section),
        channel: section.named_sections("channel", layer),
        tier: section.named_sections("tier", layer),
    }
}

fn layer(section: &mut Section<'_>) -> Layer {
    let answer_within = section.read("answer_within", duration(0..=LONGEST_MS));
    let judging = judging(section);
    let short_abandon = section.read("short_abandon", duration(0..=LONGEST_MS));
    let calendar = section.read("calendar", calendar);
    let overlay = PromiseOverlay {
        answer_within_ms: answer_within.clone().value(),
        short_abandon_ms: short_abandon.clone().value(),
        ..judging
    };
    let measures = further().map(|measure| (measure, section.section(measure.name(), of_measure)));
    let measures = measures.filter(|(_, overlay)| *overlay != PromiseOverlay::default()).collect();
    Layer { overlay, measures, answer_within, short_abandon, calendar }
}

/// What can be promised on besides the wait.
fn further() -> impl Iterator<Item = Measure> {
    Measure::PROMISED.into_iter().filter(|measure| *measure != Measure::Wait)
}

fn of_measure(section: &mut Section<'_>) -> PromiseOverlay {
    let within = section.read("within", duration(0..=LONGEST_MS));
    PromiseOverlay { answer_within_ms: within.value(), ..judging(section) }
}

/// How it is judged whether a promise was kept.
fn judging(section: &mut Section<'_>) -> PromiseOverlay {
    let formulas = Formula::ALL.map(Formula::name);
    PromiseOverlay {
        goal: section.read("goal", share).value(),
        formula: section.read("formula", choice("formula", &formulas, Formula::from_name)).value(),
        min_contacts: section.read("min_contacts", whole(0..=MOST_MIN_CONTACTS)).value(),
        business_time: section.read("business_time", truth).value(),
        ..PromiseOverlay::default()
    }
}

impl Layer {
    fn of(&self, measure: Measure) -> PromiseOverlay {
        if measure == Measure::Wait { self.overlay } else { self.measures.get(&measure).copied().unwrap_or_default() }
    }
}

impl Scope {
    /// What is said of this measure.
    fn overlays(&self, measure: Measure) -> Overlays {
        let usable = |layers: &BTreeMap<String, Layer>| {
            layers.iter().map(|(name, layer)| (name.clone(), layer.of(measure))).collect::<BTreeMap<_, _>>()
        };
        let calendars = if measure == Measure::Wait { self.calendars() } else { CalendarNames::default() };
        Overlays { all: self.all.of(measure), channel: usable(&self.channel), tier: usable(&self.tier), calendars }
    }

    fn all_layers(&self) -> impl Iterator<Item = &Layer> {
        [&self.all].into_iter().chain(self.channel.values()).chain(self.tier.values())
    }

    fn calendars(&self) -> CalendarNames {
        let named = |layers: &BTreeMap<String, Layer>| {
            layers.iter().filter_map(|(name, layer)| Some((name.clone(), layer.calendar.clone().value()?))).collect()
        };
        CalendarNames { all: self.all.calendar.clone().value(), channel: named(&self.channel), tier: named(&self.tier) }
    }

    /// The names of calendars and where each was written.
    fn calendars_named(&self) -> impl Iterator<Item = (String, Spot)> {
        self.all_layers().filter_map(|layer| match &layer.calendar {
            Reading::Usable(name, spot) => Some((name.clone(), spot.clone())),
            Reading::Absent | Reading::Refused => None,
        })
    }

    /// What applies to this channel and tier, from general to special.
    fn layers<'s>(&'s self, channel: &str, tier: &str) -> impl Iterator<Item = &'s Layer> + use<'s> {
        [Some(&self.all), self.channel.get(channel), self.tier.get(tier)].into_iter().flatten()
    }
}

/// Asks every lane that can be told apart by what is written whether its short abandons are within its target. One pair
/// of written times is told once, for the first lane in which they meet.
fn refuse_nonsense(document: &mut Section<'_>, service: &Scope, queues: &BTreeMap<String, Scope>, promises: &Promises) {
    let unlisted = Scope::default();
    let mut told = BTreeSet::new();
    for (queue, scope) in [(OTHER, &unlisted)].into_iter().chain(queues.iter().map(|(id, scope)| (id.as_str(), scope)))
    {
        for channel in &names(&service.channel, &scope.channel) {
            for tier in &names(&service.tier, &scope.tier) {
                let promise = promises.of(queue, channel, tier);
                if promise.short_abandon_ms <= promise.answer_within_ms {
                    continue;
                }
                let layers: Vec<&Layer> = service.layers(channel, tier).chain(scope.layers(channel, tier)).collect();
                if let Some((spot, other, message)) = nonsense(&layers, promise, [queue, channel, tier])
                    && told.insert((spot.clone(), other))
                {
                    document.refuse(&spot, message);
                }
            }
        }
    }
}

/// Where the shorter target or the longer limit was written last, where the other one was, and what to say. None if
/// one of them could not be read, since then it is not known whether they contradict each other.
fn nonsense(layers: &[&Layer], promise: Promise, lane: [&str; 3]) -> Option<(Spot, Option<Spot>, String)> {
    // The deepest layer that says anything about it; none is the default.
    let written = |time: fn(&Layer) -> &Reading<u64>| {
        let depth = layers.iter().rposition(|layer| !matches!(time(layer), Reading::Absent));
        (depth, depth.map(|depth| time(layers[depth])))
    };
    let (answer_depth, answer) = written(|layer| &layer.answer_within);
    let (short_depth, short) = written(|layer| &layer.short_abandon);
    if [answer, short].into_iter().flatten().any(Reading::is_refused) {
        return None;
    }
    let [answer_spot, short_spot] = [answer, short].map(|reading| reading.and_then(Reading::spot).cloned());
    let [within, limit] = [promise.answer_within_ms, promise.short_abandon_ms].map(write);
    let origin = |spot: &Option<Spot>| spot.as_ref().map_or("by default".to_owned(), |spot| spot.place.to_string());

    let (blamed, other, mut message) = if short_depth >= answer_depth {
        let message =
            format!("{limit} is longer than answer_within, {within} {}: write at most {within}", origin(&answer_spot));
        (short_spot?, answer_spot, message)
    } else {
        let message = format!(
            "{within} is shorter than short_abandon, {limit} {}: set short_abandon here too, to at most {within}",
            origin(&short_spot)
        );
        (answer_spot?, short_spot, message)
    };
    let lane = ["queue", "channel", "tier"].into_iter().zip(lane).filter(|(_, name)| !name.is_empty());
    let lane: Vec<String> = lane.map(|(what, name)| format!("{what} {name}")).collect();
    if short_depth != answer_depth && !lane.is_empty() {
        message.push_str(&format!(" (they meet for {})", lane.join(", ")));
    }
    Some((blamed, other, message))
}

/// The names in either scope, and any other one.
fn names<'s>(general: &'s BTreeMap<String, Layer>, special: &'s BTreeMap<String, Layer>) -> BTreeSet<&'s str> {
    general.keys().chain(special.keys()).map(String::as_str).chain([OTHER]).collect()
}
