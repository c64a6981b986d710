//! Repeat contacts of all shards, computed at once from all that they remember.
//!
//! A life of a customer repeats another one of the same customer, within a span, if that one was first answered at most so
//! long before it was offered, inclusive. It counts in its own lane at its own offer, and so does every life whose
//! customer is known. First-contact resolution is the complement: the share of those that repeat nothing.
//!
//! For reports, and as what [`repeat_board`](super::repeat_board) has to agree with.

use std::collections::BTreeMap;

use crate::engine::board::{GroupBy, GroupKey, key_of};
use crate::engine::shard::Shard;
use crate::engine::sums::floor;
use crate::event::EventTime;

/// Lives offered in some span.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RepeatCounts {
    /// Those whose customer is known.
    pub known: u64,
    /// Of those, the ones that repeat another within each span of
    /// [`CustomerSettings::repeat_within`](super::settings::CustomerSettings::repeat_within), in its order.
    pub repeated: Vec<u64>,
}

impl RepeatCounts {
    /// No lives, counted for so many spans.
    pub fn none(spans: usize) -> RepeatCounts {
        RepeatCounts { known: 0, repeated: vec![0; spans] }
    }

    /// The share that repeats another within the span of this place, 0 to 1; none if no customer is known.
    pub fn ratio(&self, span: usize) -> Option<f64> {
        let repeated = self.repeated.get(span)?;
        (self.known > 0).then(|| *repeated as f64 / self.known as f64)
    }

    /// First-contact resolution: the share that repeats none within the span of this place, 0 to 1; none if no customer
    /// is known.
    pub fn resolved_ratio(&self, span: usize) -> Option<f64> {
        let repeated = self.repeated.get(span)?;
        (self.known > 0).then(|| (self.known - repeated) as f64 / self.known as f64)
    }

    /// Adds all of `other`, which is counted for the same spans.
    pub fn merge(&mut self, other: &RepeatCounts) {
        self.known += other.known;
        self.repeated.iter_mut().zip(&other.repeated).for_each(|(mine, theirs)| *mine += theirs);
    }
}

/// A life as it counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Offer {
    /// In milliseconds.
    at: u64,
    /// How long before it another life of the customer was last answered, in milliseconds; none if none was.
    since_ms: Option<u64>,
}

/// All lives whose customer is known, by group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repeats {
    within_ms: Vec<u64>,
    fine_ms: u64,
    /// In order of time.
    offers: BTreeMap<GroupKey, Vec<Offer>>,
}

/// A life and where its lane is.
struct Placed {
    customer: u64,
    offered_at: u64,
    answered_at: Option<u64>,
    shard: usize,
    lane: u32,
}

impl Repeats {
    /// Of all that these shards, all of the same settings, remember.
    pub fn of(shards: &[&Shard], by: GroupBy) -> Repeats {
        let mut all = Vec::new();
        for (number, shard) in shards.iter().enumerate() {
            all.extend(shard.lives().into_iter().map(|(id, told)| Placed {
                customer: id.customer,
                offered_at: id.offered_at,
                answered_at: told.answered_at,
                shard: number,
                lane: told.lane,
            }));
        }
        all.sort_by_key(|life| life.customer);
        let mut keys: BTreeMap<(usize, u32), GroupKey> = BTreeMap::new();
        let mut offers: BTreeMap<GroupKey, Vec<Offer>> = BTreeMap::new();
        for lives in all.chunk_by(|one, next| one.customer == next.customer) {
            let answers = answers(lives);
            for (place, life) in lives.iter().enumerate() {
                let key = keys.entry((life.shard, life.lane)).or_insert_with(|| {
                    let lanes = &shards[life.shard].lanes;
                    key_of(lanes.lane(life.lane), lanes, by)
                });
                let before = answers.partition_point(|(answered_at, _)| *answered_at <= life.offered_at);
                let last = answers[..before].iter().rfind(|(_, of)| *of != place);
                let since_ms = last.map(|(answered_at, _)| life.offered_at - answered_at);
                let offer = Offer { at: life.offered_at, since_ms };
                offers.entry(key.clone()).or_default().push(offer);
            }
        }
        offers.values_mut().for_each(|offers| offers.sort_unstable());
        let settings = shards.first().map(|shard| shard.settings());
        let within = settings.map_or(&[][..], |settings| &settings.customers.repeat_within);
        Repeats {
            within_ms: within.iter().map(|within| within.length_ms).collect(),
            fine_ms: settings.map_or(1, |settings| settings.slots.fine_ms),
            offers,
        }
    }

    /// Of lives offered from `from` on and before `until`, both cut down to a slot edge, by group; those without any are
    /// left out.
    pub fn between(&self, from: EventTime, until: EventTime) -> BTreeMap<GroupKey, RepeatCounts> {
        let edge = |time: EventTime| floor(time.millis(), self.fine_ms);
        let counts = self.offers.iter().map(|(key, offers)| {
            let begin = offers.partition_point(|offer| offer.at < edge(from));
            let end = offers.partition_point(|offer| offer.at < edge(until));
            let mut counts = RepeatCounts::none(self.within_ms.len());
            for offer in offers.get(begin..end).unwrap_or_default() {
                counts.known += 1;
                for (repeated, within_ms) in counts.repeated.iter_mut().zip(&self.within_ms) {
                    *repeated += u64::from(offer.since_ms.is_some_and(|since_ms| since_ms <= *within_ms));
                }
            }
            (key.clone(), counts)
        });
        counts.filter(|(_, counts)| counts.known > 0).collect()
    }
}

/// Answers of one customer in order of time, each with the place of its life.
fn answers(lives: &[Placed]) -> Vec<(u64, usize)> {
    let answered = |(place, life): (usize, &Placed)| Some((life.answered_at?, place));
    let mut answers: Vec<_> = lives.iter().enumerate().filter_map(answered).collect();
    answers.sort_unstable();
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_known_is_no_ratio() {
        let counts = RepeatCounts::none(2);
        assert_eq!((counts.ratio(0), counts.resolved_ratio(1)), (None, None));
        let counts = RepeatCounts { known: 4, repeated: vec![1, 2] };
        assert_eq!((counts.ratio(0), counts.resolved_ratio(0)), (Some(0.25), Some(0.75)));
        assert_eq!((counts.ratio(1), counts.resolved_ratio(1), counts.ratio(2)), (Some(0.5), Some(0.5), None));
    }
}
