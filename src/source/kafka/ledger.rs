//! What an instance counted over its runs: whether counters go on where they were, after it ended in whatever way.
//!
//! Counters of a process are sums: of what it counted of the partitions it holds, each since some offset, and of those it
//! held before. Whoever reads them takes a value that falls for a new beginning, so after a restart they either go on
//! exactly, or begin at nothing; anything between would be told as a jump. They go on if each partition that the instance
//! held when it last wrote is back: as it was left by this instance; or restored at an offset at or before that from which
//! it was counted, so that the same is counted once more from there. Else every partition counts from the offset it is
//! restored at.

use crate::checkpoint::{Holding, Ledger, Name};
use crate::engine::counted::Counted;

/// What is to be known of one partition that was restored.
#[derive(Clone, Copy, Debug)]
pub struct Left<'c> {
    /// Its checkpoint.
    pub name: &'c Name,
    /// Of which holding that is; none if another instance wrote it.
    pub own: Option<u64>,
    /// What it says of its writer.
    pub ledger: &'c Ledger,
}

/// How counting goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resumed {
    /// What was counted of partitions that are held no longer.
    pub released: Counted,
    /// Up to which offset that counts: topic, its id, partition and offset.
    pub released_to: Vec<(String, String, i32, i64)>,
    /// The numbers of the holdings that go on as they were left.
    pub goes_on: Vec<u64>,
    /// The partitions that are counted from these offsets on: topic, partition and offset. All others are counted from where
    /// they are restored.
    pub begin: Vec<(String, i32, i64)>,
}

impl Resumed {
    /// From which offset on a partition is counted, if not from where it is restored.
    pub fn begin(&self, topic: &str, partition: i32) -> Option<i64> {
        let of_it = self.begin.iter().find(|(of, number, _)| of == topic && *number == partition);
        of_it.map(|(_, _, offset)| *offset)
    }
}

/// How counting goes on with these partitions, which are the first that a process is given.
pub fn resume(restored: &[Left<'_>]) -> Resumed {
    let own = restored.iter().filter(|left| left.own.is_some());
    let Some(latest) = own.map(|left| left.ledger).max_by_key(|ledger| ledger.epoch) else {
        return Resumed::default();
    };
    let mut resumed =
        Resumed { released: latest.released.clone(), released_to: latest.released_to.clone(), ..Resumed::default() };
    for Holding { topic, topic_id, partition, number, counts_from } in &latest.held {
        let is_it = |left: &&Left<'_>| {
            let place = &left.name.place;
            (&*place.topic, &*place.topic_id, place.partition) == (topic, topic_id, *partition)
        };
        let left = restored.iter().find(is_it);
        let is_before = |left: &Left<'_>| counts_from.filter(|from| left.name.next_offset <= *from);
        if left.is_some_and(|left| left.own == Some(*number)) {
            resumed.goes_on.push(*number);
        } else if let Some(from) = left.and_then(is_before) {
            // It was given to the instance anew, and not written since.
            resumed.begin.push((topic.clone(), *partition, from));
        } else {
            return Resumed::default();
        }
    }
    resumed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Place, Writer};
    use crate::engine::board::GroupKey;
    use crate::engine::counters::Counters;

    /// Told apart by its lane.
    fn counted(of: &str) -> Counted {
        let key = GroupKey { queue: Some(of.to_owned()), ..GroupKey::default() };
        Counted { counters: [(key, Counters::default())].into(), ..Counted::default() }
    }

    /// Partitions and the numbers of their holdings, each counted from ten times its number on.
    fn ledger(epoch: u64, held: &[(i32, u64)]) -> Ledger {
        let holding = |&(partition, number): &(i32, u64)| {
            let counts_from = Some(i64::try_from(number).unwrap() * 10);
            Holding { topic: "calls".to_owned(), topic_id: "id".to_owned(), partition, number, counts_from }
        };
        let held = held.iter().map(holding).collect();
        Ledger { epoch, held, released: counted(&epoch.to_string()), ..Ledger::default() }
    }

    fn name(partition: i32, next_offset: i64) -> Name {
        let place = Place { group: "g".into(), topic: "calls".into(), topic_id: "id".into(), partition };
        Name { place, next_offset, writer: Writer { run: 1, instance: "one".to_owned() } }
    }

    /// The holdings that go on, and which partitions begin where.
    type GoesOn = (Vec<u64>, Vec<(i32, i64)>);

    /// How it goes on if all are restored at this offset.
    fn held(next_offset: i64, restored: &[(i32, Option<u64>, &Ledger)]) -> Option<GoesOn> {
        let names: Vec<Name> = restored.iter().map(|(partition, ..)| name(*partition, next_offset)).collect();
        let left = |(name, &(_, own, ledger))| Left { name, own, ledger };
        let resumed = resume(&names.iter().zip(restored).map(left).collect::<Vec<_>>());
        let goes_on = resumed != Resumed::default();
        let begin = resumed.begin.into_iter().map(|(_, partition, offset)| (partition, offset)).collect();
        goes_on.then_some((resumed.goes_on, begin))
    }

    #[test]
    fn counting_goes_on_if_all_that_was_held_is_back() {
        let both = ledger(5, &[(0, 70), (1, 71)]);
        let held = |restored: &[_]| held(1_000, restored);
        assert_eq!(held(&[(0, Some(70), &both), (1, Some(71), &both)]), Some((vec![70, 71], vec![])));
        // One more, that another instance wrote, counts from where it is restored.
        assert_eq!(held(&[(0, Some(70), &both), (1, Some(71), &both), (2, None, &both)]), Some((vec![70, 71], vec![])));
        assert_eq!(held(&[(0, Some(70), &both)]), None);
        // Meanwhile another one had it.
        assert_eq!(held(&[(0, Some(70), &both), (1, None, &both)]), None);
        // Or it was held again, from another offset on, and not written since.
        assert_eq!(held(&[(0, Some(70), &both), (1, Some(69), &both)]), None);
        assert_eq!(held(&[]), None);
        assert_eq!(held(&[(0, None, &both)]), None);
    }

    #[test]
    fn what_was_not_written_since_it_came_is_counted_again_from_where_it_was() {
        let both = ledger(5, &[(0, 70), (1, 71)]);
        let of_another = |own, next_offset| held(next_offset, &[(0, Some(70), &both), (1, own, &both)]);
        for own in [Some(69), None] {
            assert_eq!(of_another(own, 700), Some((vec![70], vec![(1, 710)])));
            assert_eq!(of_another(own, 710), Some((vec![70], vec![(1, 710)])));
            assert_eq!(of_another(own, 711), None, "what comes before is in nobody's sum");
        }
        let mut unknown = both.clone();
        unknown.held[1].counts_from = None;
        assert_eq!(held(0, &[(0, Some(70), &unknown), (1, None, &unknown)]), None);
        let mut made_anew = both.clone();
        made_anew.held[1].topic_id = "before".to_owned();
        assert_eq!(held(0, &[(0, Some(70), &made_anew), (1, None, &made_anew)]), None, "offsets of another topic");
    }

    #[test]
    fn the_latest_epoch_tells_what_was_held() {
        let (before, after) = (ledger(5, &[(0, 70), (1, 71)]), ledger(6, &[(0, 70)]));
        // Not every partition was written since another one was given up.
        assert_eq!(held(1_000, &[(0, Some(70), &after), (1, Some(71), &before)]), Some((vec![70], vec![])));
        let resumed = resume(&[Left { name: &name(0, 1_000), own: Some(70), ledger: &after }]);
        assert_eq!(resumed.released, counted("6"));
    }

    #[test]
    fn who_had_given_everything_up_held_nothing() {
        let nothing = ledger(9, &[]);
        let resumed = resume(&[Left { name: &name(4, 1_000), own: Some(1), ledger: &nothing }]);
        assert_eq!((resumed.goes_on.len(), resumed.released), (0, counted("9")));
    }
}
