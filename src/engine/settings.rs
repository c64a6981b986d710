//! What the engine is told: slot widths, lifetimes, limits, windows, and the promises that visits are judged by.
//!
//! These are usable values only: whoever builds them (the `config` module from a file, a test by hand) has checked them.
//! How they are written in a file is described in `config`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::customers::CustomerKey;
use crate::engine::tally::Formula;
use crate::event::EventTime;

/// Two clocks of one contact may differ by this much, inclusive, in milliseconds: an answer up to this long before its
/// offer belongs to it, a repeat up to this long after is the same fact told twice.
pub const SKEW_MS: u64 = 5_000;

/// All that the engine is told.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// How event time is cut.
    pub slots: SlotWidths,
    /// How long a contact is held.
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
            zone: "UTC".to_owned(),
        }
    }
}

impl Settings {
    /// How long the lives of customers' contacts are remembered after offer and answer, in milliseconds of event time:
    /// as long as anything can repeat them that may still arrive, or that a window still shows.
    pub fn customers_kept_ms(&self) -> u64 {
        let longest_window = self.windows.iter().map(|window| window.length_ms).max().unwrap_or(0);
        // Slots are dropped by the hour, and fine ones are kept for two.
        let shown_ms = longest_window + self.slots.coarse_ms + 4 * 3_600_000;
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

/// How long a contact is held after its last fact, in milliseconds of event time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Lifetimes {
    /// A finished contact: a later fact starts a new life of its id.
    pub settle_ms: u64,
    /// An unfinished contact on a channel that `expire_by_channel` does not list.
    pub expire_ms: u64,
    /// An unfinished contact by channel.
    pub expire_by_channel: BTreeMap<String, u64>,
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
    /// Facts of one contact: beyond it, further ones are dropped.
    pub facts: usize,
    /// Contacts in a list of the longest waiting or of the worst.
    pub worst: usize,
    /// Bytes of one record: a longer one is rejected.
    pub record_bytes: usize,
    /// Customers remembered: beyond it, further ones are not.
    pub customers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lanes: 10_000,
            contacts: 10_000_000,
            facts: 256,
            worst: 10,
            record_bytes: 64 * 1024,
            customers: 2_000_000,
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

/// What was promised to a customer, and how keeping it is computed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Promise {
    /// The target: a visit should be answered within this; equal to it is within.
    pub answer_within_ms: u64,
    /// The share that should be within, 0 to 1.
    pub goal: f64,
    /// The headline formula.
    pub formula: Formula,
    /// A visit abandoned before this much wait was not serious; at most the target.
    pub short_abandon_ms: u64,
    /// Decided visits below which a level says little.
    pub min_contacts: u64,
}

impl Default for Promise {
    fn default() -> Self {
        Promise {
            answer_within_ms: 20_000,
            goal: 0.80,
            formula: Formula::Offered,
            short_abandon_ms: 5_000,
            min_contacts: 20,
        }
    }
}

/// Some fields of a [`Promise`], laid over a more general one.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
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
        }
    }
}

/// Overlays of one scope: for all its visits, then by channel, then by tier; the later wins.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Overlays {
    /// For every visit of the scope.
    pub all: PromiseOverlay,
    /// By channel.
    pub channel: BTreeMap<String, PromiseOverlay>,
    /// By tier.
    pub tier: BTreeMap<String, PromiseOverlay>,
}

impl Overlays {
    fn over(&self, base: Promise, channel: &str, tier: &str) -> Promise {
        let mut promise = self.all.over(base);
        for overlay in [self.channel.get(channel), self.tier.get(tier)].into_iter().flatten() {
            promise = overlay.over(promise);
        }
        promise
    }
}

/// The promises to all lanes: general ones, then those of a listed queue.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Promises {
    /// What holds where a queue says nothing else.
    pub service: Overlays,
    /// The listed queues.
    pub queues: BTreeMap<String, Overlays>,
}

impl Promises {
    /// The promise to one lane. From general to special: service, its channel, its tier, then the queue, its channel,
    /// its tier; the later wins, field by field.
    pub fn of(&self, queue: &str, channel: &str, tier: &str) -> Promise {
        let general = self.service.over(Promise::default(), channel, tier);
        match self.queues.get(queue) {
            Some(overlays) => overlays.over(general, channel, tier),
            None => general,
        }
    }
}
