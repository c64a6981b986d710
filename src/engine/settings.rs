//! What the engine is told: slot widths, lifetimes, limits, windows, calendars, and the promises that visits are judged
//! by.
//!
//! These are usable values only: whoever builds them (the `config` module from a file, a test by hand) has checked them.
//! How they are written in a file is described in `config`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::customers::CustomerKey;
use crate::event::EventTime;

mod promises;
pub(super) mod table;

pub use self::promises::{CalendarNames, Overlays, Promise, PromiseOverlay, Promises, Scopes};

/// Two clocks of one contact may differ by this much, inclusive, in milliseconds: an answer up to this long before its
/// offer belongs to it, a repeat up to this long after is the same fact told twice.
pub const SKEW_MS: u64 = 5_000;

/// All that the engine is told.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// How event time is cut.
    pub slots: SlotWidths,
    /// How long contacts and agents are held.
    pub lifetimes: Lifetimes,
    /// What bounds the state.
    pub limits: Limits,
    /// Who is the same customer, and when one comes back.
    pub customers: CustomerSettings,
    /// The trailing horizons of the live view, shortest first.
    pub windows: Vec<Window>,
    /// The promises in force from an instant on, oldest first, never empty; the first row holds from the beginning.
    /// A visit is judged by the row in force when it was offered.
    pub promises: Vec<(EventTime, Promises)>,
    /// What the scores of a survey mean, by its name. They decide what is shown, not what is booked.
    pub surveys: BTreeMap<String, Survey>,
    /// The IANA zone whose midnight reports are aligned to.
    pub zone: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            slots: SlotWidths::default(),
            lifetimes: Lifetimes::default(),
            limits: Limits::default(),
            customers: CustomerSettings::default(),
            windows: Window::customary(),
            promises: vec![(EventTime::default(), Promises::default())],
            surveys: Survey::customary(),
            zone: "UTC".to_owned(),
        }
    }
}

impl Settings {
    /// The promises in force last: to whoever is offered now.
    pub fn promised(&self) -> &Promises {
        &self.promises.last().expect("the settings hold at least one row of promises").1
    }

    /// The longest window, in milliseconds.
    pub fn longest_window_ms(&self) -> u64 {
        self.windows.iter().map(|window| window.length_ms).max().unwrap_or(0)
    }

    /// How long the lives of customers' contacts are remembered after offer and answer, in milliseconds of event time:
    /// as long as anything can repeat them that may still arrive, or that a window still shows.
    pub fn customers_kept_ms(&self) -> u64 {
        // Slots are dropped by the hour, and fine ones are kept for two.
        let shown_ms = self.longest_window_ms() + self.slots.coarse_ms + 4 * 3_600_000;
        self.customers.longest_within_ms() + shown_ms.max(self.lifetimes.lateness_ms)
    }
}

/// The widths of slots, in milliseconds. A page of slots spans an hour: `fine_ms` divides `coarse_ms`, `coarse_ms`
/// divides an hour, and a fine slot is at least 10 s wide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct SlotWidths {
    /// The finest slot.
    pub fine_ms: u64,
    /// What fine slots are merged into once they are old, and the edge at which windows begin.
    pub coarse_ms: u64,
}

impl Default for SlotWidths {
    fn default() -> Self {
        SlotWidths { fine_ms: 10_000, coarse_ms: 60_000 }
    }
}

/// How long a contact is held after its last fact, and an agent believed, in milliseconds of event time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lifetimes {
    /// A finished contact: a later fact starts a new life of its id.
    pub settle_ms: u64,
    /// An unfinished contact on a channel that `expire_by_channel` does not list.
    pub expire_ms: u64,
    /// An unfinished contact by channel.
    pub expire_by_channel: BTreeMap<String, u64>,
    /// An agent of whom nothing is heard is offline from then on.
    pub agent_expire_ms: u64,
    /// How much later than the newest event a fact may come and still be applied.
    pub lateness_ms: u64,
}

impl Lifetimes {
    /// How long an unfinished contact of this channel is held, in milliseconds.
    pub fn expire_of(&self, channel: &str) -> u64 {
        self.expire_by_channel.get(channel).copied().unwrap_or(self.expire_ms)
    }

    /// The longest that an unfinished contact of any channel is held, in milliseconds.
    pub fn longest_expire_ms(&self) -> u64 {
        self.expire_by_channel.values().copied().fold(self.expire_ms, u64::max)
    }

    /// The longest that anything can still be heard of a contact after its last fact, in milliseconds.
    pub fn longest_hold_ms(&self) -> u64 {
        self.longest_expire_ms().max(self.settle_ms) + self.lateness_ms
    }

    /// The shortest that an unfinished contact of any channel is held, in milliseconds.
    pub fn shortest_expire_ms(&self) -> u64 {
        self.expire_by_channel.values().copied().fold(self.expire_ms, u64::min)
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        const HOUR: u64 = 3_600_000;
        Lifetimes {
            settle_ms: 24 * HOUR,
            expire_ms: 45 * 24 * HOUR,
            expire_by_channel: [("voice".to_owned(), 24 * HOUR), ("chat".to_owned(), 24 * HOUR)].into(),
            agent_expire_ms: 24 * HOUR,
            lateness_ms: 6 * HOUR,
        }
    }
}

/// What bounds the state of one shard. What is beyond a limit is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Limits {
    /// Queues that no setting lists (names of channels and tiers count too), and lanes: beyond it, `_other`. At most
    /// 100,000.
    pub lanes: usize,
    /// Contacts held: beyond it, facts of further contacts are dropped.
    pub contacts: usize,
    /// Facts of one contact: beyond it, further ones are dropped. Of one agent beyond what `lateness` lets go of: the
    /// oldest are.
    pub facts: usize,
    /// Agents held: beyond it, facts of further agents are dropped.
    pub agents: usize,
    /// Contacts in a list of the longest waiting or of the worst.
    pub worst: usize,
    /// Bytes of one record: a longer one is rejected.
    pub record_bytes: usize,
    /// Contacts of known customers that are remembered when they are held no longer, in case the customer comes back.
    pub past_contacts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lanes: 10_000,
            contacts: 10_000_000,
            facts: 256,
            agents: 100_000,
            worst: 10,
            record_bytes: 64 * 1024,
            past_contacts: 5_000_000,
        }
    }
}

/// Who is the same customer, and when one comes back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CustomerSettings {
    /// What customers' ids are hashed with: the same over instances and restarts.
    #[serde(skip)]
    pub key: CustomerKey,
    /// How long after an answer a contact of the same customer repeats it, inclusive: shortest first, at most
    /// [`CustomerSettings::MOST_SPANS`]. If empty, no customer is remembered.
    pub repeat_within: Vec<RepeatWithin>,
}

/// A span within which a contact repeats another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RepeatWithin {
    /// As written, for labels: `24h`.
    pub name: String,
    /// Its length.
    pub length_ms: u64,
}

impl CustomerSettings {
    /// More spans are not counted.
    pub const MOST_SPANS: usize = 8;

    /// The longest span, in milliseconds; 0 if there is none.
    pub fn longest_within_ms(&self) -> u64 {
        self.repeat_within.iter().map(|within| within.length_ms).max().unwrap_or(0)
    }
}

impl Default for CustomerSettings {
    /// 24h and 7d, and the key that everybody knows.
    fn default() -> Self {
        let hour = 3_600_000;
        let within = |name: &str, hours: u64| RepeatWithin { name: name.to_owned(), length_ms: hours * hour };
        CustomerSettings { key: CustomerKey::default(), repeat_within: vec![within("24h", 24), within("7d", 168)] }
    }
}

/// A trailing horizon.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Window {
    /// As written, for labels: `30m`.
    pub name: String,
    /// Its length, a multiple of the coarse slot.
    pub length_ms: u64,
    /// Whether waits and handle times are shown for it besides counts.
    pub quantiles: bool,
}

impl Window {
    /// 5m, 10m, 15m, 30m, 1h, 2h and 1d; quantiles for 5m, 30m and 1d.
    pub fn customary() -> Vec<Window> {
        let minute = 60_000;
        [
            ("5m", 5, true),
            ("10m", 10, false),
            ("15m", 15, false),
            ("30m", 30, true),
            ("1h", 60, false),
            ("2h", 120, false),
            ("1d", 1440, true),
        ]
        .map(|(name, minutes, quantiles)| Window { name: name.to_owned(), length_ms: minutes * minute, quantiles })
        .to_vec()
    }
}

/// What the scores of a survey mean. Scores are in thousandths; `lowest` <= `bad_up_to` < `satisfied_from` <= `highest`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Survey {
    /// The lowest score there is; a lower one is counted as out of range, and tallied nowhere.
    pub lowest: i64,
    /// The highest.
    pub highest: i64,
    /// From this score on a customer is satisfied, or a promoter.
    pub satisfied_from: i64,
    /// Up to this score a customer is dissatisfied, or a detractor.
    pub bad_up_to: i64,
    /// What it leads to.
    pub kind: SurveyKind,
}

/// What the scores of a survey lead to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum SurveyKind {
    /// Shares of all answers, as of customer satisfaction.
    Share,
    /// A net score besides: percent of promoters less percent of detractors.
    Net,
}

impl SurveyKind {
    /// Both, in order.
    pub const ALL: [SurveyKind; 2] = [SurveyKind::Share, SurveyKind::Net];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            SurveyKind::Share => "share",
            SurveyKind::Net => "net",
        }
    }

    /// The kind of this name; none if there is no such kind.
    pub fn from_name(name: &str) -> Option<SurveyKind> {
        SurveyKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Survey {
    /// `csat` from 1 to 5, satisfied from 4 on, dissatisfied up to 2; `nps` from 0 to 10, promoters from 9 on, detractors up
    /// to 6.
    pub fn customary() -> BTreeMap<String, Survey> {
        let csat =
            Survey { lowest: 1_000, highest: 5_000, satisfied_from: 4_000, bad_up_to: 2_000, kind: SurveyKind::Share };
        let nps = Survey { lowest: 0, highest: 10_000, satisfied_from: 9_000, bad_up_to: 6_000, kind: SurveyKind::Net };
        [("csat".to_owned(), csat), ("nps".to_owned(), nps)].into()
    }
}
