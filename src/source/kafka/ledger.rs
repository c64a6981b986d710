//! What an instance counted over its runs: whether counters go on where they were, after it ended in whatever way.
//!
//! Counters of a process are sums: of what it counted of the partitions it holds, each since some offset, and of those it
//! held before. Whoever reads them takes a value that falls for a new beginning, so after a restart they either go on
//! exactly, or begin at nothing; anything between would be told as a jump. They go on if every partition that the instance
//! held when it last wrote is held again, as it was left by this instance. Else every partition counts from the offset it
//! is restored at.

use crate::checkpoint::Ledger;
use crate::engine::counted::Counted;

/// What is to be known of one partition that was restored.
#[derive(Clone, Copy, Debug)]
pub struct Left<'c> {
    /// Topic and number.
    pub partition: (&'c str, i32),
    /// Of which holding its checkpoint is; none if another instance wrote it.
    pub own: Option<u64>,
    /// What that checkpoint says of its writer.
    pub ledger: &'c Ledger,
}

/// How counting goes on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resumed {
    /// What was counted of partitions that are held no longer.
    pub released: Counted,
    /// Up to which offset that counts: topic, its id, partition and offset.
    pub released_to: Vec<(String, String, i32, i64)>,
    /// The partitions that go on counting where they were, with their holdings; all others begin where they are restored.
    pub held: Vec<(String, i32, u64)>,
}

/// How counting goes on with these partitions, which are the first that a process is given.
pub fn resume(restored: &[Left<'_>]) -> Resumed {
    let own = || restored.iter().filter(|left| left.own.is_some());
    let Some(latest) = own().map(|left| left.ledger).max_by_key(|ledger| ledger.epoch) else {
        return Resumed::default();
    };
    let is_back = |(topic, partition, holding): &(String, i32, u64)| {
        own().any(|left| left.partition == (topic.as_str(), *partition) && left.own == Some(*holding))
    };
    if latest.held.iter().all(is_back) {
        let Ledger { held, released, released_to, .. } = latest.clone();
        Resumed { released, released_to, held }
    } else {
        Resumed::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::board::GroupKey;
    use crate::engine::counters::Counters;

    /// Told apart by its lane.
    fn counted(of: &str) -> Counted {
        let key = GroupKey { queue: Some(of.to_owned()), ..GroupKey::default() };
        Counted { counters: [(key, Counters::default())].into(), ..Counted::default() }
    }

    fn ledger(epoch: u64, held: &[(i32, u64)]) -> Ledger {
        let held = held.iter().map(|&(partition, holding)| ("calls".to_owned(), partition, holding)).collect();
        Ledger { epoch, held, released: counted(&epoch.to_string()), ..Ledger::default() }
    }

    fn held(restored: &[(i32, Option<u64>, &Ledger)]) -> Option<Vec<i32>> {
        let left = |&(partition, own, ledger)| Left { partition: ("calls", partition), own, ledger };
        let resumed = resume(&restored.iter().map(left).collect::<Vec<_>>());
        let goes_on = resumed != Resumed::default();
        goes_on.then(|| resumed.held.into_iter().map(|(_, partition, _)| partition).collect())
    }

    #[test]
    fn counting_goes_on_if_all_that_was_held_is_back() {
        let both = ledger(5, &[(0, 70), (1, 71)]);
        assert_eq!(held(&[(0, Some(70), &both), (1, Some(71), &both)]), Some(vec![0, 1]));
        // One more, that another instance wrote, counts from where it is restored.
        assert_eq!(held(&[(0, Some(70), &both), (1, Some(71), &both), (2, None, &both)]), Some(vec![0, 1]));
        assert_eq!(held(&[(0, Some(70), &both)]), None);
        // Meanwhile another one had it.
        assert_eq!(held(&[(0, Some(70), &both), (1, None, &both)]), None);
        // Or it was held again, from another offset on, and not written since.
        assert_eq!(held(&[(0, Some(70), &both), (1, Some(69), &both)]), None);
        assert_eq!(held(&[]), None);
        assert_eq!(held(&[(0, None, &both)]), None);
    }

    #[test]
    fn the_latest_epoch_tells_what_was_held() {
        let (before, after) = (ledger(5, &[(0, 70), (1, 71)]), ledger(6, &[(0, 70)]));
        // Not every partition was written since another one was given up.
        assert_eq!(held(&[(0, Some(70), &after), (1, Some(71), &before)]), Some(vec![0]));
        let resumed = resume(&[Left { partition: ("calls", 0), own: Some(70), ledger: &after }]);
        assert_eq!(resumed.released, counted("6"));
    }

    #[test]
    fn who_had_given_everything_up_held_nothing() {
        let nothing = ledger(9, &[]);
        let resumed = resume(&[Left { partition: ("calls", 4), own: Some(1), ledger: &nothing }]);
        assert_eq!((resumed.held.len(), resumed.released), (0, counted("9")));
    }
}
