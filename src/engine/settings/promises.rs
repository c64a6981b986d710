//! What is promised: to whom, on which measure, and by which calendar. What is said more specially holds before what is said
//! more generally, key by key.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::calendar::{Calendar, CalendarSpec};
use crate::engine::tally::{Formula, Measure};

/// What was promised to a customer of one measure, and how keeping it is computed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Promise {
    /// The target: what is waited for should happen within this; equal to it is within.
    pub answer_within_ms: u64,
    /// The share that should be within, 0 to 1.
    pub goal: f64,
    /// The headline formula.
    pub formula: Formula,
    /// A visit abandoned before this much wait was not serious; at most the target.
    pub short_abandon_ms: u64,
    /// Decided visits below which a level says little.
    pub min_contacts: u64,
    /// Whether only the opening hours of the lane's calendar count. Without a calendar all time counts.
    pub business_time: bool,
}

impl Promise {
    /// What decides what is booked: target, short-abandon limit, and in which time they are measured. All else only decides
    /// what is shown.
    pub fn booked(&self) -> (u64, u64, bool) {
        (self.answer_within_ms, self.short_abandon_ms, self.business_time)
    }
}

impl Default for Promise {
    fn default() -> Self {
        Promise {
            answer_within_ms: 20_000,
            goal: 0.80,
            formula: Formula::Offered,
            short_abandon_ms: 5_000,
            min_contacts: 20,
            business_time: false,
        }
    }
}

/// Some fields of a [`Promise`], laid over a more general one.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct PromiseOverlay {
    /// Replaces [`Promise::answer_within_ms`].
    pub answer_within_ms: Option<u64>,
    /// Replaces [`Promise::goal`].
    pub goal: Option<f64>,
    /// Replaces [`Promise::formula`].
    pub formula: Option<Formula>,
    /// Replaces [`Promise::short_abandon_ms`].
    pub short_abandon_ms: Option<u64>,
    /// Replaces [`Promise::min_contacts`].
    pub min_contacts: Option<u64>,
    /// Replaces [`Promise::business_time`].
    pub business_time: Option<bool>,
}

impl PromiseOverlay {
    /// `base` with the fields that are set here replaced.
    pub fn over(&self, base: Promise) -> Promise {
        Promise {
            answer_within_ms: self.answer_within_ms.unwrap_or(base.answer_within_ms),
            goal: self.goal.unwrap_or(base.goal),
            formula: self.formula.unwrap_or(base.formula),
            short_abandon_ms: self.short_abandon_ms.unwrap_or(base.short_abandon_ms),
            min_contacts: self.min_contacts.unwrap_or(base.min_contacts),
            business_time: self.business_time.unwrap_or(base.business_time),
        }
    }

    /// The same with the fields that are set in `special` replaced.
    pub fn with(self, special: PromiseOverlay) -> PromiseOverlay {
        PromiseOverlay {
            answer_within_ms: special.answer_within_ms.or(self.answer_within_ms),
            goal: special.goal.or(self.goal),
            formula: special.formula.or(self.formula),
            short_abandon_ms: special.short_abandon_ms.or(self.short_abandon_ms),
            min_contacts: special.min_contacts.or(self.min_contacts),
            business_time: special.business_time.or(self.business_time),
        }
    }
}

/// Overlays of one scope: for all its visits, then by channel, then by tier; the later wins.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Overlays {
    /// For every visit of the scope.
    pub all: PromiseOverlay,
    /// By channel.
    pub channel: BTreeMap<String, PromiseOverlay>,
    /// By tier.
    pub tier: BTreeMap<String, PromiseOverlay>,
    /// Whose opening hours count.
    pub calendars: CalendarNames,
}

/// Names of calendars of one scope, in the same order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CalendarNames {
    /// For every visit of the scope.
    pub all: Option<String>,
    /// By channel.
    pub channel: BTreeMap<String, String>,
    /// By tier.
    pub tier: BTreeMap<String, String>,
}

impl CalendarNames {
    fn of(&self, channel: &str, tier: &str) -> Option<&str> {
        self.tier.get(tier).or(self.channel.get(channel)).or(self.all.as_ref()).map(String::as_str)
    }
}

impl Overlays {
    /// All that is said for this channel and tier, in one.
    fn of(&self, channel: &str, tier: &str) -> PromiseOverlay {
        let special = [self.channel.get(channel), self.tier.get(tier)].into_iter().flatten();
        special.fold(self.all, |general, special| general.with(*special))
    }
}

/// Overlays for all lanes, then those of a listed queue.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Scopes {
    /// What holds where a queue says nothing else.
    pub service: Overlays,
    /// The listed queues.
    pub queues: BTreeMap<String, Overlays>,
}

impl Scopes {
    /// All that is said for one lane, in one. From general to special: service, its channel, its tier, then the queue, its
    /// channel, its tier; the later wins, field by field.
    fn of(&self, queue: &str, channel: &str, tier: &str) -> PromiseOverlay {
        said(&self.service, &self.queues, [queue, channel, tier])
    }
}

/// What is said for one lane, given as queue, channel and tier, in one.
fn said(service: &Overlays, queues: &BTreeMap<String, Overlays>, [queue, channel, tier]: [&str; 3]) -> PromiseOverlay {
    let general = service.of(channel, tier);
    queues.get(queue).map_or(general, |special| general.with(special.of(channel, tier)))
}

/// The promises to all lanes: for the wait, and what is said apart from it for other measures; and the hours they are kept
/// in.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Promises {
    /// For the wait, where a queue says nothing else.
    pub service: Overlays,
    /// For the wait, in the listed queues.
    pub queues: BTreeMap<String, Overlays>,
    /// For the other measures that have anything said of them.
    pub measures: BTreeMap<Measure, Scopes>,
    /// The calendars by name, all that are named among them.
    #[serde(serialize_with = "specs", deserialize_with = "of_specs")]
    pub calendars: BTreeMap<String, Arc<Calendar>>,
}

fn of_specs<'d, D: Deserializer<'d>>(deserializer: D) -> Result<BTreeMap<String, Arc<Calendar>>, D::Error> {
    let specs = BTreeMap::<String, CalendarSpec>::deserialize(deserializer)?;
    let calendar = |(name, spec)| Ok((name, Arc::new(Calendar::new(spec).map_err(D::Error::custom)?)));
    specs.into_iter().map(calendar).collect()
}

fn specs<S: Serializer>(calendars: &BTreeMap<String, Arc<Calendar>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(calendars.iter().map(|(name, calendar)| (name, calendar.as_ref())))
}

impl Promises {
    /// The promise to one lane on its wait.
    pub fn of(&self, queue: &str, channel: &str, tier: &str) -> Promise {
        said(&self.service, &self.queues, [queue, channel, tier]).over(Promise::default())
    }

    /// The promise to one lane on a measure. What is not said of the measure is as for the wait, but for its target, which
    /// only the contact wait shares. None where no target is said.
    pub fn of_measure(&self, measure: Measure, queue: &str, channel: &str, tier: &str) -> Option<Promise> {
        let wait = self.of(queue, channel, tier);
        let said = self.measures.get(&measure).map(|scopes| scopes.of(queue, channel, tier)).unwrap_or_default();
        let shares_target = matches!(measure, Measure::Wait | Measure::ContactWait);
        let promise = said.over(wait);
        let short_abandon_ms = promise.short_abandon_ms.min(promise.answer_within_ms);
        (shares_target || said.answer_within_ms.is_some()).then_some(Promise { short_abandon_ms, ..promise })
    }

    /// All targets said for a measure, in whatever lanes, in milliseconds.
    pub fn targets(&self, measure: Measure) -> impl Iterator<Item = u64> {
        let of_wait = (measure == Measure::Wait).then_some((&self.service, &self.queues));
        let of_measure = self.measures.get(&measure).map(|said| (&said.service, &said.queues));
        let scopes = of_wait.into_iter().chain(of_measure);
        let scopes = scopes.flat_map(|(service, queues)| iter::once(service).chain(queues.values()));
        let said =
            scopes.flat_map(|scope| iter::once(&scope.all).chain(scope.channel.values()).chain(scope.tier.values()));
        said.filter_map(|overlay| overlay.answer_within_ms)
    }

    /// The name of the calendar that a lane is served by, in the same order from general to special; none if it is
    /// always open.
    pub fn calendar_of(&self, queue: &str, channel: &str, tier: &str) -> Option<&str> {
        let special = self.queues.get(queue).and_then(|overlays| overlays.calendars.of(channel, tier));
        special.or_else(|| self.service.calendars.of(channel, tier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_named_most_specially_holds() {
        let names = |all: Option<&str>, channel: &[(&str, &str)], tier: &[(&str, &str)]| {
            let named = |pairs: &[(&str, &str)]| {
                pairs.iter().map(|(name, calendar)| ((*name).to_owned(), (*calendar).to_owned())).collect()
            };
            let calendars = CalendarNames { all: all.map(str::to_owned), channel: named(channel), tier: named(tier) };
            Overlays { calendars, ..Overlays::default() }
        };
        assert_eq!(Promises::default().calendar_of("a", "voice", "vip"), None);
        let mut promises = Promises { service: names(None, &[("chat", "c")], &[("vip", "t")]), ..Promises::default() };
        promises.queues.insert("a".to_owned(), names(Some("q"), &[("chat", "qc")], &[("vip", "qt")]));
        promises.queues.insert("b".to_owned(), names(None, &[("email", "qe")], &[]));
        for (lane, calendar) in [
            (["x", "voice", "standard"], None),
            (["x", "chat", "standard"], Some("c")),
            (["x", "chat", "vip"], Some("t")),
            (["a", "voice", "standard"], Some("q")),
            (["a", "chat", "standard"], Some("qc")),
            (["a", "chat", "vip"], Some("qt")),
            (["b", "email", "vip"], Some("qe")),
            (["b", "voice", "vip"], Some("t")),
            (["b", "voice", "standard"], None),
        ] {
            assert_eq!(promises.calendar_of(lane[0], lane[1], lane[2]), calendar, "{lane:?}");
        }
        promises.service.calendars.all = Some("s".to_owned());
        assert_eq!(promises.calendar_of("x", "voice", "standard"), Some("s"));
        assert_eq!(promises.calendar_of("x", "chat", "standard"), Some("c"));
    }
}
