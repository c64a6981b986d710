//! What was told of the outliers of one partition: so that each is told once, also by whoever goes on with the partition.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Crossing, Past};
use crate::engine::lane::hash_of;
use crate::engine::shard::Shard;
use crate::event::EventTime;

/// So many are listed.
const MOST_LISTED: usize = 500;

/// So many are remembered of whom nothing more was found; of more, those heard of longest ago may be told again.
const MOST_REMEMBERED: usize = 100_000;

/// So many are told at a time; the others are the next time.
const MOST_AT_ONCE: usize = 1_000;

/// A contact that is out of all proportion, as it was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outlier {
    /// What it is beyond.
    pub crossing: Crossing,
    /// The instant at which it was found, in milliseconds since 1970.
    pub found_at_ms: u64,
}

/// What was told of one partition, and what is still to be told of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// Beyond which contacts are noted, from the first record on that is read after a restart.
    past: Past,
    /// Whose end was booked and who was not told yet.
    noted: Vec<Crossing>,
    /// Hashes of ids, and when each was last found, in milliseconds since 1970.
    ids: BTreeMap<u64, u64>,
    /// The latest ones, in the order in which they were told.
    latest: Arc<Vec<Outlier>>,
}

impl Told {
    /// Beyond which contacts are noted, but for fixed limits.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// Other fences hold from now on.
    pub fn set_past(&mut self, past: &Past) {
        self.past.clone_from(past);
    }

    /// The latest ones, in the order in which they were told.
    pub fn latest(&self) -> &Arc<Vec<Outlier>> {
        &self.latest
    }

    /// The same, with what the shard has noted, for whoever goes on with both.
    pub fn with_noted(&self, shard: &Shard) -> Told {
        Told { noted: shard.noted.clone(), ..self.clone() }
    }

    /// Hands what was noted to the shard that goes on.
    pub fn hand_noted(&mut self, shard: &mut Shard) {
        shard.noted.append(&mut self.noted);
    }

    /// Those found beyond the fences of this shard at `now` that were not told before; from now on they were. What was found
    /// last longer ago than `keep_ms` milliseconds is remembered no longer: nothing of it can be heard again.
    pub fn find(&mut self, shard: &mut Shard, now: EventTime, keep_ms: u64) -> Vec<Outlier> {
        let now_ms = now.millis();
        let oldest = now_ms.saturating_sub(keep_ms);
        self.ids.retain(|_, found_at| *found_at >= oldest);
        let ids = &mut self.ids;
        let is_told = |id: &str| match ids.get_mut(&hash_of(id.as_bytes())) {
            Some(found_at) => {
                *found_at = now_ms;
                true
            }
            None => false,
        };
        let mut new = shard.crossings(now, MOST_AT_ONCE, is_told);
        // The same may have been noted more than once.
        new.retain(|crossing| self.ids.insert(hash_of(crossing.id().as_bytes()), now_ms).is_none());
        self.forget_beyond(MOST_REMEMBERED, now_ms);
        let new: Vec<Outlier> = new.into_iter().map(|crossing| Outlier { crossing, found_at_ms: now_ms }).collect();
        if !new.is_empty() {
            let latest = Arc::make_mut(&mut self.latest);
            latest.extend(new.iter().cloned());
            latest.drain(..latest.len().saturating_sub(MOST_LISTED));
        }
        new
    }

    /// Forgets those found longest ago, so that so many are left, and all that were found just now: these would be told again
    /// at once.
    fn forget_beyond(&mut self, most: usize, now_ms: u64) {
        let mut older: Vec<u64> = self.ids.values().copied().filter(|found_at| *found_at < now_ms).collect();
        let surplus = self.ids.len().saturating_sub(most).min(older.len());
        if surplus > 0 {
            let (_, last, _) = older.select_nth_unstable(surplus - 1);
            let last = *last;
            self.ids.retain(|_, found_at| *found_at > last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_on_is_remembered_however_many_there_are() {
        let ids = |told: &Told| told.ids.keys().copied().collect::<Vec<u64>>();
        let mut told = Told { ids: (0..10).map(|number| (number, 100 + number / 2)).collect(), ..Told::default() };
        told.forget_beyond(10, 104);
        assert_eq!(ids(&told).len(), 10);
        // Of two that were found at the same time, neither is better.
        told.forget_beyond(7, 104);
        assert_eq!(ids(&told), [4, 5, 6, 7, 8, 9]);
        told.forget_beyond(1, 104);
        assert_eq!(ids(&told), [8, 9]);
    }
}
