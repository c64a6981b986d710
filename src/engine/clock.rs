//! Stream time: the latest event time believed.
//!
//! One wild timestamp must not move it, because it decides what is too late and what is forgotten; a real gap (a night,
//! a month missing from an archive) must. So a record far ahead is doubted until several are; each record that is not far
//! ahead refutes the most distant of the doubted. So a wild time is gone with the next record, while a gap is believed
//! although stragglers from before it still come. Reads no clock: it is told what the records say.

use arrayvec::ArrayVec;

use crate::event::EventTime;

/// A record further ahead than this, in milliseconds, is doubted.
pub const LEAP_MS: u64 = 3_600_000;

/// So many doubted records are believed.
pub const RUN: usize = 8;

/// The latest event time believed, and the doubted records that may overturn it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StreamClock {
    believed: Option<u64>,
    /// Doubted times, ascending, fewer than [`RUN`].
    run: ArrayVec<u64, RUN>,
}

impl StreamClock {
    /// Takes in the time of the next record.
    pub fn observe(&mut self, time: EventTime) {
        let time = time.millis();
        if self.reaches(time) {
            self.believed = self.believed.max(Some(time));
            self.run.pop();
        } else {
            let place = self.run.partition_point(|&doubted| doubted <= time);
            self.run.insert(place, time);
            if self.run.is_full() {
                self.believed = self.run.pop_at(0);
            }
        }
        while self.run.first().is_some_and(|&next| self.reaches(next)) {
            self.believed = self.believed.max(self.run.pop_at(0));
        }
    }

    fn reaches(&self, time: u64) -> bool {
        self.believed.is_some_and(|believed| time <= believed.saturating_add(LEAP_MS))
    }

    /// Stream time in milliseconds; none before the first run of records is believed.
    pub fn now(&self) -> Option<u64> {
        self.believed
    }

    /// The time at the end of the input, in milliseconds: doubts that nothing refuted are believed. None without any
    /// record.
    pub fn end(&self) -> Option<u64> {
        self.believed.max(self.run.last().copied())
    }

    /// Its parts, for encoding: the time believed, and the times doubted.
    pub fn parts(&self) -> (Option<u64>, &[u64]) {
        (self.believed, &self.run)
    }

    /// The clock of these parts; of a run longer than can be, the first are taken.
    pub fn from_parts(believed: Option<u64>, run: &[u64]) -> StreamClock {
        StreamClock { believed, run: run.iter().copied().take(RUN - 1).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(minutes: &[u64]) -> StreamClock {
        let mut clock = StreamClock::default();
        for minute in minutes {
            clock.observe(EventTime::from_millis(minute * 60_000).unwrap());
        }
        clock
    }

    #[test]
    fn one_wild_time_moves_nothing() {
        let clock = after(&[0, 1, 2, 3, 4, 5, 6, 7, 9_999_999, 8]);
        assert_eq!(clock.now(), Some(8 * 60_000));
        assert_eq!(clock.end(), Some(8 * 60_000));
    }

    #[test]
    fn a_wild_first_record_is_outvoted() {
        assert_eq!(after(&[9_999_999, 1, 2, 3, 4, 5, 6, 7]).now(), Some(7 * 60_000));
        let from_long_ago = after(&[&[0], &(5_001..5_016).collect::<Vec<_>>()[..]].concat());
        assert_eq!(from_long_ago.now(), Some(5_015 * 60_000));
    }

    #[test]
    fn a_night_is_believed_once_the_morning_is_there() {
        let evening = [0, 1, 2, 3, 4, 5, 6, 7];
        let morning = [600, 601, 602, 603, 604, 605, 606, 607];
        assert_eq!(after(&[&evening[..], &morning[..7]].concat()).now(), Some(7 * 60_000));
        assert_eq!(after(&[&evening[..], &morning[..]].concat()).now(), Some(607 * 60_000));
    }

    #[test]
    fn records_hours_apart_are_believed_one_by_one() {
        let clock = after(&(0..20).map(|n| n * 600).collect::<Vec<_>>());
        assert_eq!(clock.now(), Some(12 * 600 * 60_000));
        assert_eq!(clock.end(), Some(19 * 600 * 60_000));
    }

    #[test]
    fn stragglers_do_not_hide_a_gap() {
        let evening = [0, 1, 2, 3, 4, 5, 6, 7];
        let mixed = [600, 5, 601, 602, 6, 603, 604, 605, 606, 7, 607, 608, 609, 610, 611, 612];
        assert_eq!(after(&[&evening[..], &mixed[..]].concat()).now(), Some(612 * 60_000));
        assert_eq!(after(&[&evening[..], &[600, 601, 602, 20]].concat()).end(), Some(601 * 60_000));
    }

    #[test]
    fn the_last_records_are_believed_at_the_end() {
        assert_eq!(after(&[0, 1, 2, 3, 4, 5, 6, 7, 600, 601]).end(), Some(601 * 60_000));
        assert_eq!(StreamClock::default().end(), None);
    }
}
