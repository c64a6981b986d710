//! What can be checked, and what cannot and why.
//!
//! Where a topic still has every record that an instance has read, all that models tell can be. Where old records are gone,
//! a model does not know of contacts that began before: then it tells windows that begin late enough for all of those to be
//! over, and nothing cumulative.

use std::collections::BTreeMap;

use super::compare::Key;
use super::expected::histograms::corrects;
use super::expected::windows::begin;
use super::expected::{Kind, kind_of, untold};
use super::retell::Retold;
use crate::engine::settings::{Settings, SlotWidths};
use crate::engine::tally::Cell;
use crate::model::log::Model;
use crate::publish::state::State;
use crate::source::kafka::queue::MOST_AHEAD_MS;

/// Forgetting goes by the minute.
const MINUTE_MS: u64 = 60_000;

/// Why kinds of series cannot be checked; what is not named can.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reach {
    /// No series at all.
    everything: Option<String>,
    /// Counters and corrections.
    cumulative: Option<String>,
    /// Who waits now.
    now: Option<String>,
    /// What depends on which lanes there are.
    promised: Option<String>,
    /// By the name of the window.
    windows: BTreeMap<String, String>,
}

impl Reach {
    /// What models of these records can tell of what was told.
    pub fn of<S>(state: &State<S>, retold: &[Retold], settings: &Settings) -> Reach {
        let mut reach = Reach { everything: beyond_limits(retold), ..Reach::default() };
        if state.counted_before {
            let why = "some of it was counted of partitions that the instance has given up since";
            reach.cumulative = Some(why.to_owned());
        }
        for retold in retold.iter().filter(|retold| !retold.is_complete()) {
            reach.cut(retold, state.now_ms, settings);
        }
        reach
    }

    /// Some records of a partition are gone.
    fn cut(&mut self, retold: &Retold, now_ms: u64, settings: &Settings) {
        let (topic, number) = (&retold.partition.topic, retold.partition.partition);
        let first = retold.partition.first.unwrap_or(0);
        let (oldest, gone) = (retold.oldest, format!("{topic} {number} has lost records"));
        self.cumulative = Some(format!("{gone}: the instance has read it from offset {first}, it begins at {oldest}"));
        self.promised = Some(format!("{gone}, and lanes may have been known by them alone"));
        let SlotWidths { fine_ms, coarse_ms } = settings.slots;
        if let Some(why) = why_not_from(retold, now_ms / fine_ms * fine_ms, settings) {
            self.now = Some(format!("{gone}, and {why}"));
        }
        for window in &settings.windows {
            if let Some(why) = why_not_from(retold, begin(window, now_ms, coarse_ms), settings) {
                self.windows.insert(window.name.clone(), format!("{gone}, and {why}"));
            }
        }
    }

    /// Whether old records are gone, so that a lane of which nothing is expected may be one that is known by them alone.
    pub fn is_cut(&self) -> bool {
        self.promised.is_some()
    }

    /// Why a series cannot be checked; none if it can.
    pub fn why_not(&self, (name, labels): &Key) -> Option<String> {
        let Some(kind) = kind_of(name) else { return Some(untold(name).to_owned()) };
        let label = |wanted: &str| labels.iter().find(|(label, _)| label == wanted).map(|(_, value)| value.as_str());
        let is_cell = |told: &str| Cell::ALL.iter().any(|cell| cell.name() == told) || corrects(told);
        if label("cell").is_some_and(|cell| !is_cell(cell)) {
            return Some(untold("holdline_outcomes_total").to_owned());
        }
        let of_kind = match kind {
            Kind::Cumulative => self.cumulative.as_ref(),
            Kind::Now => self.now.as_ref(),
            Kind::Promised => self.promised.as_ref(),
            Kind::Window | Kind::Statement => label("window").and_then(|window| self.windows.get(window)),
        };
        self.everything.as_ref().or(of_kind).cloned()
    }
}

/// A limit makes an instance say what no model does.
fn beyond_limits(retold: &[Retold]) -> Option<String> {
    let beyond: u64 = retold.iter().map(|retold| retold.partition.beyond_limits).sum();
    let why = "facts were beyond a limit of the instance, and the model has no limits: raise limits.lanes, \
               limits.contacts or limits.facts, and restart it";
    (beyond > 0).then(|| format!("{beyond} {why}"))
}

/// Why what counts from `from` on cannot be known from the records that are left; none if it can.
fn why_not_from(retold: &Retold, from: u64, settings: &Settings) -> Option<String> {
    let Some(first_ms) = retold.first_ms else { return Some("none of those that are left is an event".to_owned()) };
    let over = Over::of(first_ms, settings);
    if over.all_by() > from {
        let missing_s = (over.all_by() - from).div_ceil(1_000);
        return Some(format!("contacts may be open that began before; {missing_s} s more of records are needed"));
    }
    let doubtful = over.reaching(&retold.model, from);
    (doubtful > 0).then(|| format!("{doubtful} contacts may have begun before and go on since"))
}

/// When contacts are over of which records are gone.
struct Over {
    /// Nothing that is gone happened later, in milliseconds since 1970.
    gone_until: u64,
    /// A life goes on for so long after a fact at most.
    longest_ms: u64,
}

impl Over {
    /// `first_ms` is when the oldest record left was written.
    fn of(first_ms: u64, settings: &Settings) -> Over {
        let lifetimes = &settings.lifetimes;
        let longest_ms = lifetimes.longest_expire_ms().max(lifetimes.settle_ms) + lifetimes.lateness_ms + MINUTE_MS;
        Over { gone_until: first_ms + MOST_AHEAD_MS, longest_ms }
    }

    /// By when all are over of which nothing is left.
    fn all_by(&self) -> u64 {
        self.gone_until + self.longest_ms
    }

    /// How many of the contacts known may have begun before, and reach so far: fact by fact, without a gap that would
    /// have ended them.
    fn reaching(&self, model: &Model, from: u64) -> usize {
        let reaches = |times: &mut dyn Iterator<Item = u64>| {
            let mut last = self.gone_until;
            let mut is_joined = false;
            for time in times {
                if time > last + self.longest_ms {
                    break;
                }
                (last, is_joined) = (last.max(time), true);
            }
            is_joined && last + self.longest_ms >= from
        };
        let contacts = model.contacts.values();
        contacts.filter(|contact| reaches(&mut contact.facts.iter().map(|fact| fact.time))).count()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::model::event::{Fact, Record, What};

    const HOUR_MS: u64 = 3_600_000;
    const START_MS: u64 = 1_772_438_400_000;

    /// With lives of an hour.
    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.lifetimes.expire_by_channel.clear();
        (settings.lifetimes.expire_ms, settings.lifetimes.settle_ms, settings.lifetimes.lateness_ms) =
            (HOUR_MS, HOUR_MS, 1);
        settings
    }

    /// How many of these contacts, each with messages so many hours after the oldest record left, reach into what is asked
    /// about at that hour.
    fn reaching(contacts: &[&[u64]], from_hour: u64) -> usize {
        let settings = settings();
        let mut model = Model::new(Rc::new(settings.clone()));
        for (number, hours) in contacts.iter().enumerate() {
            for hour in *hours {
                let fact = Fact::new(START_MS + hour * HOUR_MS, What::CustomerMessage, None);
                model.apply(&Record::Contact { id: number.to_string(), fact, noise: None });
            }
        }
        Over::of(START_MS, &settings).reaching(&model, START_MS + from_hour * HOUR_MS)
    }

    #[test]
    fn contacts_that_go_on_without_a_gap_may_have_begun_before() {
        assert_eq!(reaching(&[&[1]], 2), 1);
        assert_eq!(reaching(&[&[1]], 4), 0);
        assert_eq!(reaching(&[&[1, 2, 3, 4]], 5), 1);
        // A gap ended the first life, so that the second is known from its beginning.
        assert_eq!(reaching(&[&[1, 4]], 5), 0);
        assert_eq!(reaching(&[&[3]], 3), 0);
    }

    #[test]
    fn windows_are_known_once_all_that_is_gone_is_over() {
        let by = Over::of(START_MS, &settings()).all_by();
        assert_eq!(by, START_MS + MOST_AHEAD_MS + HOUR_MS + 1 + MINUTE_MS);
    }

    #[test]
    fn what_cannot_be_checked_is_said_of_each_kind() {
        let mut reach = Reach { cumulative: Some("gone".to_owned()), ..Reach::default() };
        reach.windows.insert("1d".to_owned(), "short".to_owned());
        let why_not = |reach: &Reach, name: &str, labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
            reach.why_not(&(name.to_owned(), labels.collect()))
        };
        let some = |why: &str| Some(why.to_owned());
        assert_eq!(why_not(&reach, "holdline_contacts_offered_total", &[]), some("gone"));
        assert_eq!(why_not(&reach, "holdline_contacts_waiting", &[]), None);
        assert_eq!(why_not(&reach, "holdline_window_offered", &[("window", "1d")]), some("short"));
        assert_eq!(why_not(&reach, "holdline_window_offered", &[("window", "5m")]), None);
        let ratings = "the model knows nothing of ratings and outcomes";
        assert_eq!(why_not(&reach, "holdline_corrections_total", &[("cell", "outcomes")]), some(ratings));
        assert_eq!(why_not(&reach, "holdline_wait_seconds_count", &[]), some("gone"));
        assert_eq!(why_not(&reach, "holdline_corrections_total", &[("cell", "wait_seconds_sum")]), some("gone"));
        assert_eq!(why_not(&reach, "holdline_of_to_morrow", &[]), some("nothing here tells this family"));
        reach.everything = some("limits");
        assert_eq!(why_not(&reach, "holdline_contacts_waiting", &[]), some("limits"));
    }
}
