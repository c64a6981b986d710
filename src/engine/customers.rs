//! What a shard remembers of customers: when their contacts were offered and first answered.
//!
//! A customer who comes back is a new contact, mostly in another partition. So a shard remembers the lives of contacts
//! whose customer is known beyond the contacts themselves, and tells of changes to whoever puts shards together:
//! [`repeats`](super::repeats) all at once, [`repeat_board`](super::repeat_board) change by change. Who repeats whom is not
//! known here, and the lives of contacts that are held are not kept twice: they are folded when they are asked for.
//!
//! Of a customer's id nothing is kept but a keyed hash. The key has to be the same over instances and restarts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use siphasher::sip::SipHasher24;
use siphasher::sip128;

use crate::engine::board::{GroupBy, GroupKey, key_of};
use crate::engine::lane::Lanes;
use crate::engine::settings::Settings;
use crate::engine::shard::Keep;
use crate::event::EventTime;

mod told;

pub(super) use self::told::{Offer, first_answer, held_lives, ids, known_offer, told};

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
    /// The hash of the contact's id, with the same key.
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

/// How the lives that a shard remembers have changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CustomerChanges {
    /// Whatever was told of this shard before is void: this is all there is.
    pub whole: bool,
    /// Each change in its order: what a life is from then on; none if it is remembered no longer.
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

/// Lives by the hour of stream time through which they are remembered. A clone shares each hour until one of the two adds
/// to it.
pub(super) type Past = BTreeMap<u64, Arc<Vec<(LifeId, LifeTold)>>>;

/// All lives of an hour or several, in order.
pub(super) fn in_order(past: &Past) -> Vec<(LifeId, LifeTold)> {
    let mut lives: Vec<_> = past.values().flat_map(|hour| hour.iter().copied()).collect();
    lives.sort_unstable_by_key(|(id, _)| *id);
    lives
}

/// The lives of customers' contacts that are held no longer.
#[derive(Clone, Debug)]
pub(super) struct Customers {
    /// By the hour of stream time through which they are remembered.
    past: Past,
    /// How many they are.
    count: usize,
    /// How many there is room for.
    limit: usize,
    /// How long a life is remembered after its offer and its answer, in milliseconds; none if for ever.
    keep_ms: Option<u64>,
    /// What changed since changes were last taken, in order; none if everything is to be told.
    noted: Option<Vec<(LifeId, Option<LifeTold>)>>,
}

impl Customers {
    /// None yet.
    pub(super) fn new(settings: &Settings, keep: Keep) -> Customers {
        Customers {
            past: BTreeMap::new(),
            count: 0,
            limit: settings.limits.past_contacts,
            keep_ms: (keep == Keep::Windows).then(|| settings.customers_kept_ms()),
            noted: None,
        }
    }

    /// How many lives are remembered.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// All lives, in order.
    pub(super) fn past(&self) -> Vec<(LifeId, LifeTold)> {
        in_order(&self.past)
    }

    /// All lives as they are now.
    pub(super) fn shared(&self) -> Past {
        self.past.clone()
    }

    /// Whether anybody has asked for changes, so that they have to be noted.
    pub(super) fn is_asked(&self) -> bool {
        self.noted.is_some()
    }

    /// Notes the difference of what a contact that is held tells. What is new comes first: whoever repeats the contact before
    /// and after must not be found to do so anew.
    pub(super) fn note(&mut self, before: &[(LifeId, LifeTold)], after: &[(LifeId, LifeTold)]) {
        for (id, told) in after.iter().filter(|life| !before.contains(life)) {
            self.note_one(*id, Some(*told));
        }
        for (id, _) in before.iter().filter(|(id, _)| after.iter().all(|(other, _)| other != id)) {
            self.note_one(*id, None);
        }
    }

    /// Remembers a life of a contact that is forgotten at this stream time, in milliseconds, for as long as anything may
    /// repeat it; tells whether there was room.
    pub(super) fn remember(&mut self, id: LifeId, told: LifeTold, now: u64) -> bool {
        let hour = self.last_hour(&id, &told);
        let is_over = hour < now / HOUR_MS;
        let has_room = self.count < self.limit;
        if is_over || !has_room {
            self.note_one(id, None);
            return is_over;
        }
        Arc::make_mut(self.past.entry(hour).or_default()).push((id, told));
        self.count += 1;
        true
    }

    fn note_one(&mut self, id: LifeId, told: Option<LifeTold>) {
        if self.noted.as_ref().is_some_and(|noted| noted.len() >= MOST_NOTED) {
            self.noted = None;
        }
        if let Some(noted) = &mut self.noted {
            noted.push((id, told));
        }
    }

    /// The hour of stream time through which a life is remembered.
    fn last_hour(&self, id: &LifeId, told: &LifeTold) -> u64 {
        let last = told.answered_at.map_or(id.offered_at, |answered_at| answered_at.max(id.offered_at));
        self.keep_ms.map_or(u64::MAX, |keep_ms| last.saturating_add(keep_ms) / HOUR_MS)
    }

    /// Lets go of every life that is remembered no longer at this stream time, in milliseconds.
    pub(super) fn forget(&mut self, now: u64) {
        while let Some(entry) = self.past.first_entry().filter(|entry| *entry.key() < now / HOUR_MS) {
            let lives = entry.remove();
            self.count -= lives.len();
            lives.iter().for_each(|(id, _)| self.note_one(*id, None));
        }
    }

    /// The customers that these past lives, in order, amount to, for a shard of these lanes and settings; none if no shard
    /// can have them.
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
            if !is_sound || !customers.remember(id, told, 0) {
                return None;
            }
            latest = Some(id);
        }
        Some(customers)
    }

    /// How the lives have changed since this was last asked; the first time, or after very many changes, all of them:
    /// those that are past, and those that `held` gives.
    pub(super) fn take_changes(
        &mut self,
        held: impl FnOnce() -> Vec<(LifeId, LifeTold)>,
        lanes: &Lanes,
        by: GroupBy,
    ) -> CustomerChanges {
        // As many as were noted since the last time will be until the next.
        let room = Vec::with_capacity(self.noted.as_ref().map_or(0, Vec::len));
        let (whole, lives) = match self.noted.replace(room) {
            None => (true, self.past().into_iter().chain(held()).map(|(id, told)| (id, Some(told))).collect()),
            Some(noted) => (false, noted),
        };
        let mut keys = BTreeMap::new();
        for lane in lives.iter().filter_map(|(_, told)| Some(told.as_ref()?.lane)) {
            keys.entry(lane).or_insert_with(|| key_of(lanes.lane(lane), lanes, by));
        }
        CustomerChanges { whole, lives, lanes: keys }
    }
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

    fn remember(customers: &mut Customers, (id, told): (LifeId, LifeTold), hour: u64) -> bool {
        customers.remember(id, told, hour * HOUR_MS)
    }

    #[test]
    fn a_life_is_remembered_from_the_later_of_offer_and_answer_on() {
        let mut customers = customers(10);
        let (offered, answered) = (life(1, 5, None), life(2, 5, Some(50)));
        assert!(remember(&mut customers, offered, 60) && remember(&mut customers, answered, 60));
        customers.forget(106 * HOUR_MS - 1);
        assert_eq!(customers.past(), [offered, answered]);
        customers.forget(106 * HOUR_MS);
        assert_eq!(customers.past(), [answered]);
        // Nothing is missed of what nobody can repeat any more.
        assert!(remember(&mut customers, offered, 106));
        customers.forget(151 * HOUR_MS - 1);
        assert_eq!(customers.count(), 1);
        customers.forget(151 * HOUR_MS);
        assert_eq!((customers.count(), customers.past.len()), (0, 0));
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_remembered() {
        let mut customers = customers(2);
        let remembered = [1, 2, 3].map(|customer| remember(&mut customers, life(customer, 1, None), 1));
        assert_eq!((remembered, customers.count()), ([true, true, false], 2));
        assert!(remember(&mut customers, life(4, 1, None), 200));
        customers.forget(200 * HOUR_MS);
        assert!(remember(&mut customers, life(3, 190, None), 200));
    }

    #[test]
    fn changes_are_told_once_in_their_order_and_all_there_is_at_first() {
        let mut customers = customers(3);
        let mut lanes = Lanes::new(std::sync::Arc::new(Settings::default()));
        lanes.number("a", "voice", "standard");
        let by = GroupBy { queue: true, channel: false, tier: false };
        let (one, other) = (life(1, 5, None), life(2, 5, None));
        assert!(!customers.is_asked());
        customers.note(&[], &[one]);
        remember(&mut customers, other, 6);
        let all = customers.take_changes(|| vec![one], &lanes, by);
        assert_eq!((all.whole, all.lives), (true, vec![(other.0, Some(other.1)), (one.0, Some(one.1))]));
        assert_eq!(all.lanes[&0], GroupKey { queue: Some("a".to_owned()), ..GroupKey::default() });
        let take = |customers: &mut Customers| customers.take_changes(|| unreachable!("it was told"), &lanes, by);
        assert!(take(&mut customers).is_empty() && customers.is_asked());
        let answered = life(1, 5, Some(6));
        customers.note(&[one], &[answered]);
        customers.note(&[answered], &[answered]);
        // It is told already.
        assert!(remember(&mut customers, answered, 6));
        customers.note(&[other], &[]);
        let some = take(&mut customers);
        assert_eq!((some.whole, some.lives), (false, vec![(one.0, Some(answered.1)), (other.0, None)]));
        // For want of room, and for age.
        remember(&mut customers, life(3, 5, None), 6);
        assert!(!remember(&mut customers, life(4, 5, None), 6));
        remember(&mut customers, life(5, 5, None), 500);
        customers.forget(500 * HOUR_MS);
        let gone: Vec<u64> = take(&mut customers).lives.iter().map(|(id, _)| id.customer).collect();
        assert_eq!(gone, [4, 5, 2, 3, 1]);
        for _ in 0..=MOST_NOTED / 2 {
            customers.note(&[one], &[answered]);
            customers.note(&[answered], &[one]);
        }
        assert!(customers.take_changes(Vec::new, &lanes, by).whole);
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
