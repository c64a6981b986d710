//! What a shard remembers of customers: when their contacts were offered and first answered.
//!
//! A customer who comes back is a new contact, mostly in another partition. So a shard keeps, beyond the contacts
//! themselves, the lives of those whose customer is known, and tells of changes to whoever puts shards together:
//! [`repeats`](super::repeats) all at once, [`repeat_board`](super::repeat_board) change by change. Who repeats whom is not
//! known here.
//!
//! Of a customer's id nothing is kept but a keyed hash. The key has to be the same over instances and restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use siphasher::sip::SipHasher24;
use siphasher::sip128;

use crate::engine::board::{GroupBy, GroupKey, key_of};
use crate::engine::contact::Life;
use crate::engine::lane::Lanes;
use crate::engine::settings::Settings;
use crate::engine::shard::Keep;
use crate::engine::tally::Measure;
use crate::event::EventTime;

/// Lives there is room for, for each customer there is room for; one with many more takes the room of others.
const LIVES_PER_CUSTOMER: usize = 4;

/// Changes that are noted for whoever asks; beyond it, everything is told.
const MOST_NOTED: usize = 1 << 20;

const HOUR_MS: u64 = 3_600_000;

/// What customers' ids are hashed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CustomerKey([u8; 16]);

impl CustomerKey {
    /// The key that is made of this secret. The same secret gives the same key everywhere.
    pub fn of_secret(secret: &[u8]) -> CustomerKey {
        CustomerKey(sip128::SipHasher24::new_with_keys(0, 0).hash(secret).as_bytes())
    }

    /// The hash of an id, SipHash-2-4; never 0, which stands for a customer who is not known.
    pub fn hash(&self, id: &str) -> u64 {
        SipHasher24::new_with_key(&self.0).hash(id.as_bytes()).max(1)
    }
}

impl Default for CustomerKey {
    /// The key of everybody who sets none: whoever can guess an id can tell its hash.
    fn default() -> Self {
        CustomerKey(*b"holdline-default")
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CustomerKey")
    }
}

/// One life of a contact whose customer is known. Ordered by customer, then by the offer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LifeId {
    /// The hash of the customer's id, not 0.
    pub customer: u64,
    /// Its first offer, in milliseconds of event time.
    pub offered_at: u64,
    /// The hash of the contact's id.
    pub contact: u64,
}

/// What is told of a life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LifeTold {
    /// Its first answer, in milliseconds of event time; none if it has none.
    pub answered_at: Option<u64>,
    /// The number of the lane of its first visit.
    pub lane: u32,
}

/// Lives, by what tells them apart.
pub(super) type LivesTold = BTreeMap<LifeId, LifeTold>;

/// How the lives that a shard remembers have changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CustomerChanges {
    /// Whatever was told of this shard before is void: this is all there is.
    pub whole: bool,
    /// The lives that changed, in order: what they are now; none if they are remembered no longer.
    pub lives: Vec<(LifeId, Option<LifeTold>)>,
    /// The keys of the lanes in `lives`, by number.
    pub lanes: BTreeMap<u32, GroupKey>,
}

impl CustomerChanges {
    /// Whether there is nothing to be told.
    pub fn is_empty(&self) -> bool {
        !self.whole && self.lives.is_empty()
    }

    /// What is to be told of a shard that is no more.
    pub fn gone() -> CustomerChanges {
        CustomerChanges { whole: true, ..CustomerChanges::default() }
    }
}

/// The lives of customers' contacts.
#[derive(Clone, Debug)]
pub(super) struct Customers {
    lives: LivesTold,
    /// How many customers they are of.
    count: usize,
    /// Customers there is room for.
    limit: usize,
    /// How long a life is remembered after its offer and its answer, in milliseconds; none if for ever.
    keep_ms: Option<u64>,
    /// Hour of stream time, and which lives are let go once it is over, unless they have changed since.
    calendar: BTreeMap<u64, Vec<LifeId>>,
    /// Lives that changed since changes were last taken, in order of change; none if everything is to be told.
    noted: Option<Vec<LifeId>>,
}

impl Customers {
    /// None yet.
    pub(super) fn new(settings: &Settings, keep: Keep) -> Customers {
        Customers {
            lives: LivesTold::new(),
            count: 0,
            limit: settings.limits.customers,
            keep_ms: (keep == Keep::Windows).then(|| settings.customers_kept_ms()),
            calendar: BTreeMap::new(),
            noted: None,
        }
    }

    /// How many customers are remembered.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// All lives, in order.
    pub(super) fn lives(&self) -> &LivesTold {
        &self.lives
    }

    /// Applies a difference. Gives the number of lives for which there was no room.
    pub(super) fn change(&mut self, before: &[(LifeId, LifeTold)], after: &[(LifeId, LifeTold)]) -> u64 {
        for (id, _) in before.iter().filter(|(id, _)| after.iter().all(|(other, _)| other != id)) {
            self.forget_one(id);
        }
        let changed = after.iter().filter(|life| !before.contains(life));
        changed.map(|(id, told)| u64::from(!self.tell(*id, *told))).sum()
    }

    /// Remembers a life; tells whether there was room.
    fn tell(&mut self, id: LifeId, told: LifeTold) -> bool {
        if !self.lives.contains_key(&id) {
            let is_new = !self.has(id.customer);
            let is_full = self.lives.len() >= self.limit.saturating_mul(LIVES_PER_CUSTOMER);
            if is_full || (is_new && self.count >= self.limit) {
                return false;
            }
            self.count += usize::from(is_new);
        }
        self.lives.insert(id, told);
        if let Some(hour) = self.last_hour(&id, &told) {
            self.calendar.entry(hour).or_default().push(id);
        }
        self.note(id);
        true
    }

    fn forget_one(&mut self, id: &LifeId) {
        if self.lives.remove(id).is_some() {
            self.count -= usize::from(!self.has(id.customer));
            self.note(*id);
        }
    }

    fn has(&self, customer: u64) -> bool {
        let first = LifeId { customer, offered_at: 0, contact: 0 };
        self.lives.range(first..).next().is_some_and(|(id, _)| id.customer == customer)
    }

    fn note(&mut self, id: LifeId) {
        if self.noted.as_ref().is_some_and(|noted| noted.len() >= MOST_NOTED) {
            self.noted = None;
        }
        if let Some(noted) = &mut self.noted {
            noted.push(id);
        }
    }

    /// The hour of stream time through which a life is remembered; none if for ever.
    fn last_hour(&self, id: &LifeId, told: &LifeTold) -> Option<u64> {
        let last = told.answered_at.map_or(id.offered_at, |answered_at| answered_at.max(id.offered_at));
        self.keep_ms.map(|keep_ms| last.saturating_add(keep_ms) / HOUR_MS)
    }

    /// Lets go of every life that is remembered no longer at this stream time, in milliseconds.
    pub(super) fn forget(&mut self, now: u64) {
        while let Some(entry) = self.calendar.first_entry().filter(|entry| *entry.key() < now / HOUR_MS) {
            let (hour, ids) = entry.remove_entry();
            for id in ids {
                // One that was answered since has a later entry.
                if self.lives.get(&id).is_some_and(|told| self.last_hour(&id, told) == Some(hour)) {
                    self.forget_one(&id);
                }
            }
        }
    }

    /// The customers that these lives amount to, for a shard of these lanes and settings; none if no shard can have them.
    pub(super) fn restore(
        lives: impl IntoIterator<Item = (LifeId, LifeTold)>,
        settings: &Settings,
        keep: Keep,
        lanes: usize,
    ) -> Option<Customers> {
        let mut customers = Customers::new(settings, keep);
        let mut latest = None;
        for (id, told) in lives {
            let is_time = |time: u64| time <= EventTime::MAX.millis();
            let is_sound = id.customer > 0
                && latest < Some(id)
                && is_time(id.offered_at)
                && told.answered_at.is_none_or(is_time)
                && (told.lane as usize) < lanes;
            if !is_sound || !customers.tell(id, told) {
                return None;
            }
            latest = Some(id);
        }
        Some(customers)
    }

    /// How the lives have changed since this was last asked; the first time, or after very many changes, all of them.
    pub(super) fn take_changes(&mut self, lanes: &Lanes, by: GroupBy) -> CustomerChanges {
        let (whole, lives): (bool, Vec<_>) = match self.noted.replace(Vec::new()) {
            None => (true, self.lives.iter().map(|(id, told)| (*id, Some(*told))).collect()),
            Some(noted) => {
                let noted: BTreeSet<LifeId> = noted.into_iter().collect();
                (false, noted.into_iter().map(|id| (id, self.lives.get(&id).copied())).collect())
            }
        };
        let mut keys = BTreeMap::new();
        for lane in lives.iter().filter_map(|(_, told)| Some(told.as_ref()?.lane)) {
            keys.entry(lane).or_insert_with(|| key_of(lanes.lane(lane), lanes, by));
        }
        CustomerChanges { whole, lives, lanes: keys }
    }
}

/// What these lives of one contact tell of its customer. Those without an offer tell nothing.
pub(super) fn told(lives: &[Life], customer: u64, contact: u64) -> smallvec::SmallVec<[(LifeId, LifeTold); 1]> {
    let whole = |life: &Life| life.stays.iter().find(|stay| stay.speaks.for_measure(Measure::ContactWait)).copied();
    let told = lives.iter().filter_map(whole).map(|stay| {
        let id = LifeId { customer, offered_at: stay.began_at, contact };
        (id, LifeTold { answered_at: stay.answered_at(), lane: stay.lane })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_MS: u64 = 100 * HOUR_MS;

    fn customers(limit: usize) -> Customers {
        let mut customers = Customers::new(&Settings::default(), Keep::Windows);
        (customers.limit, customers.keep_ms) = (limit, Some(KEEP_MS));
        customers
    }

    fn life(customer: u64, hour: u64, answered_hour: Option<u64>) -> (LifeId, LifeTold) {
        let told = LifeTold { answered_at: answered_hour.map(|hour| hour * HOUR_MS), lane: 0 };
        (LifeId { customer, offered_at: hour * HOUR_MS, contact: 7 }, told)
    }

    #[test]
    fn hashes_are_the_same_everywhere_and_never_0() {
        let key = CustomerKey::of_secret(b"a secret of sixteen or more");
        // The reference values of SipHash-2-4 are for this key and these bytes.
        let reference = CustomerKey(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        assert_eq!(reference.hash(""), 0x726f_db47_dd0e_0e31);
        assert_eq!(reference.hash("\0\u{1}\u{2}"), 0x8567_6696_d7fb_7e2d);
        assert_ne!(key.hash("anna"), CustomerKey::default().hash("anna"));
        assert_eq!(key, CustomerKey::of_secret(b"a secret of sixteen or more"));
        assert_ne!(key, CustomerKey::of_secret(b"a secret of sixteen or more\n"));
        assert_eq!(format!("{key:?}"), "CustomerKey");
    }

    #[test]
    fn a_life_is_remembered_from_the_later_of_offer_and_answer_on() {
        let mut customers = customers(10);
        let (offered, answered) = (life(1, 5, None), life(1, 5, Some(50)));
        assert_eq!(customers.change(&[], &[offered]), 0);
        assert_eq!(customers.change(&[offered], &[answered]), 0);
        assert_eq!(customers.change(&[], &[life(2, 5, None)]), 0);
        customers.forget(106 * HOUR_MS - 1);
        assert_eq!((customers.count(), customers.lives().len()), (2, 2));
        customers.forget(106 * HOUR_MS);
        assert_eq!(customers.lives().keys().collect::<Vec<_>>(), [&answered.0]);
        customers.forget(151 * HOUR_MS - 1);
        assert_eq!(customers.count(), 1);
        customers.forget(151 * HOUR_MS);
        assert_eq!((customers.count(), customers.lives().len(), customers.calendar.len()), (0, 0, 0));
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_remembered() {
        let mut customers = customers(2);
        assert_eq!(customers.change(&[], &[life(1, 1, None), life(2, 1, None), life(3, 1, None)]), 1);
        let many: Vec<_> = (2..10).map(|hour| life(1, hour, None)).collect();
        assert_eq!(customers.change(&[], &many), 2);
        assert_eq!((customers.count(), customers.lives().len()), (2, 8));
        // One that is there may change; one that was not is not missed.
        assert_eq!(customers.change(&[life(2, 1, None)], &[life(2, 1, Some(1))]), 0);
        assert_eq!(customers.change(&[life(3, 1, None)], &[]), 0);
        assert_eq!(customers.change(&[life(2, 1, Some(1))], &[]), 0);
        assert_eq!(customers.count(), 1);
        assert_eq!(customers.change(&[], &[life(3, 1, None)]), 0);
        assert_eq!(customers.count(), 2);
    }

    #[test]
    fn changes_are_told_once_and_all_of_it_at_first() {
        let mut customers = customers(10);
        let mut lanes = Lanes::new(std::sync::Arc::new(Settings::default()));
        lanes.number("a", "voice", "standard");
        let by = GroupBy { queue: true, channel: false, tier: false };
        customers.change(&[], &[life(1, 5, None), life(2, 5, None)]);
        let all = customers.take_changes(&lanes, by);
        assert_eq!((all.whole, all.lives.len()), (true, 2));
        assert_eq!(all.lanes[&0], GroupKey { queue: Some("a".to_owned()), ..GroupKey::default() });
        assert!(customers.take_changes(&lanes, by).is_empty());
        customers.change(&[life(1, 5, None)], &[life(1, 5, Some(6))]);
        customers.change(&[life(1, 5, Some(6))], &[life(1, 5, Some(7))]);
        customers.change(&[life(2, 5, None)], &[]);
        let some = customers.take_changes(&lanes, by);
        let (id, told) = life(1, 5, Some(7));
        assert_eq!((some.whole, some.lives), (false, vec![(id, Some(told)), (life(2, 5, None).0, None)]));
        for _ in 0..=MOST_NOTED / 2 {
            customers.change(&[life(1, 5, Some(7))], &[life(1, 5, Some(6))]);
            customers.change(&[life(1, 5, Some(6))], &[life(1, 5, Some(7))]);
        }
        assert!(customers.take_changes(&lanes, by).whole);
    }

    #[test]
    fn what_no_shard_remembers_is_not_restored() {
        let restored = |lives: &[(LifeId, LifeTold)]| {
            Customers::restore(lives.iter().copied(), &Settings::default(), Keep::Windows, 1).is_some()
        };
        let (one, other) = (life(1, 5, None), life(2, 5, Some(6)));
        assert!(restored(&[one, other]));
        assert!(!restored(&[other, one]));
        assert!(!restored(&[one, one]));
        assert!(!restored(&[life(0, 5, None)]));
        assert!(!restored(&[(one.0, LifeTold { lane: 1, ..one.1 })]));
        assert!(!restored(&[(LifeId { offered_at: 1 << 42, ..one.0 }, one.1)]));
        assert!(!restored(&[(one.0, LifeTold { answered_at: Some(1 << 42), ..one.1 })]));
    }
}
