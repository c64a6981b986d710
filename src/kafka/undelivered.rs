//! Which letters of one partition are under way: handed to an [`Outbox`](super::outbox::Outbox), and not yet confirmed.
//!
//! Whoever notes for good that a partition was read up to some offset asks here first whether all that is before it has
//! arrived where it had to. A letter is known by the offset of the record that it comes of; several may come of one.
//! Nothing of this outlives the process: what is not confirmed when it ends is read and sent again.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The letters of one partition, from the time it is assigned to its end. The outbox adds and takes away; anybody may ask.
#[derive(Debug)]
pub struct Undelivered {
    topic: Arc<str>,
    partition: i32,
    /// How many there are of each offset that has any.
    letters: Mutex<BTreeMap<i64, usize>>,
    /// One of them was confirmed.
    settled: Condvar,
}

impl Undelivered {
    /// None yet of this partition.
    pub fn of(topic: Arc<str>, partition: i32) -> Undelivered {
        Undelivered { topic, partition, letters: Mutex::default(), settled: Condvar::new() }
    }

    /// The topic of the records that letters come of.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The number of the partition that letters come of.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The lowest offset that is not done; none if all are.
    pub fn first(&self) -> Option<i64> {
        self.letters().keys().next().copied()
    }

    /// Whether all letters of offsets before `next` have arrived, of those that were handed over until now.
    pub fn done_before(&self, next: i64) -> bool {
        is_done(&self.letters(), next)
    }

    /// Waits until that is so, at most so long; false if it is not so by then.
    pub fn wait_done_before(&self, next: i64, longest: Duration) -> bool {
        let letters = self.letters();
        let waited = self.settled.wait_timeout_while(letters, longest, |letters| !is_done(letters, next));
        is_done(&waited.unwrap_or_else(PoisonError::into_inner).0, next)
    }

    /// A letter of this offset is under way.
    pub(super) fn add(&self, offset: i64) {
        *self.letters().entry(offset).or_default() += 1;
    }

    /// One letter of this offset has arrived.
    pub(super) fn settle(&self, offset: i64) {
        let mut letters = self.letters();
        let count = letters.get_mut(&offset).expect("a letter settles once, after it was added");
        *count -= 1;
        if *count == 0 {
            letters.remove(&offset);
            self.settled.notify_all();
        }
    }

    fn letters(&self) -> MutexGuard<'_, BTreeMap<i64, usize>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_done(letters: &BTreeMap<i64, usize>, next: i64) -> bool {
    letters.keys().next().is_none_or(|&first| first >= next)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Longer than anything here takes, unless it never happens.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn undelivered(offsets: &[i64]) -> Undelivered {
        let undelivered = Undelivered::of(Arc::from("calls"), 3);
        offsets.iter().for_each(|&offset| undelivered.add(offset));
        undelivered
    }

    #[test]
    fn without_letters_everything_is_done() {
        let none = undelivered(&[]);
        assert_eq!(none.first(), None);
        assert!(none.done_before(0) && none.done_before(i64::MAX));
        assert!(none.wait_done_before(i64::MAX, Duration::ZERO));
    }

    #[test]
    fn what_is_before_the_first_letter_is_done_in_whatever_order_they_arrive() {
        let three = undelivered(&[10, 12, 15]);
        let done = |next| three.done_before(next);
        // An offset is that of the next record: 10 itself need not have arrived for it.
        assert_eq!([10, 11].map(done), [true, false]);
        three.settle(12);
        assert_eq!((three.first(), done(11)), (Some(10), false));
        three.settle(10);
        assert_eq!((three.first(), done(15), done(16)), (Some(15), true, false));
        three.settle(15);
        assert_eq!((three.first(), done(16)), (None, true));
    }

    #[test]
    fn an_offset_is_done_once_all_of_its_letters_are() {
        let two = undelivered(&[7, 7]);
        two.settle(7);
        assert_eq!((two.first(), two.done_before(8)), (Some(7), false));
        two.settle(7);
        assert!(two.done_before(8));
    }

    #[test]
    fn a_record_that_is_read_again_is_waited_for_again() {
        let again = undelivered(&[5]);
        again.settle(5);
        again.add(5);
        assert!(!again.done_before(6));
    }

    #[test]
    fn waiting_ends_with_the_last_letter_before_the_offset_or_with_the_time_given() {
        let two = undelivered(&[1, 2]);
        assert!(!two.wait_done_before(2, Duration::from_millis(1)), "the first is under way");
        thread::scope(|scope| {
            let waits = scope.spawn(|| two.wait_done_before(2, PATIENCE));
            two.settle(1);
            assert!(waits.join().unwrap());
        });
        assert!(!two.wait_done_before(3, Duration::from_millis(1)), "the second is under way");
    }
}
