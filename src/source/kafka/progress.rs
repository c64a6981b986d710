//! How far a partition has been read, and whether what it says can be trusted.
//!
//! The broker is asked again and again for the end of each partition. Once everything before an end has been read, all
//! that the broker had when it was asked has been read: the partition is *read through* that moment. So a slow reader,
//! a broker that does not answer and a lost connection all look the same, as they should: the moment stands still.
//!
//! Nothing here reads a clock: moments are handed in.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::event::EventTime;

/// A broker that has not answered for longer is not trusted.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// A log that ends before what was read of it for longer was cut off.
const LONGEST_SHORT: Duration = Duration::from_secs(5);

/// Unread records that are older are too old.
pub const LONGEST_UNREAD: Duration = Duration::from_secs(30);

/// Ends that are remembered until they are reached: more than are asked for in [`LONGEST_UNREAD`].
const MOST_AHEAD: usize = 256;

/// An instant on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The wall clock.
    pub wall: EventTime,
    /// The clock that only goes forward.
    pub at: Instant,
}

/// How far one partition has been read since it was assigned. The worker says what it read, the prober what the broker
/// answered; anybody may ask.
#[derive(Debug)]
pub struct Progress {
    /// The offset of the next record to be read.
    next: AtomicI64,
    /// The offset of the oldest record that the broker still has.
    oldest: AtomicI64,
    ends: Mutex<Ends>,
}

#[derive(Debug, Default)]
struct Ends {
    /// The latest end.
    latest: Option<i64>,
    /// When the broker was last asked of those times that it answered.
    answered: Option<Instant>,
    /// Ends that are still to be reached, ascending in time, and when they were asked for.
    ahead: VecDeque<(i64, Moment)>,
    /// Everything there was at this moment has been read.
    read_through: Option<Moment>,
    /// Since when the broker says that it ends before what was read; none if it does not.
    short_since: Option<Instant>,
    /// Whether an offset came that was read before.
    went_back: bool,
}

/// What is known of a partition at some moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// All records that were there at this moment have been read; none before the end was reached for the first time.
    pub read_through: Option<Moment>,
    /// Why the partition is not caught up; none if it is.
    pub behind: Option<Behind>,
    /// Records not yet read, as far as the broker last said; none before it said anything.
    pub lag_records: Option<u64>,
}

/// Why a partition is not caught up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Behind {
    /// Its end has not been reached since it was assigned.
    Replaying,
    /// The broker has not answered for [`LONGEST_SILENCE`].
    Silent,
    /// Records older than [`LONGEST_UNREAD`] have not been read.
    Slow,
    /// It ends before what was read of it.
    CutOff,
}

impl Progress {
    /// A partition that is read from this offset on.
    pub fn from(start: i64) -> Progress {
        Progress { next: AtomicI64::new(start), oldest: AtomicI64::new(0), ends: Mutex::default() }
    }

    /// The offset of the next record to be read.
    pub fn next(&self) -> i64 {
        self.next.load(Ordering::Acquire)
    }

    /// The offset of the oldest record that the broker has, as far as it said; 0 before it did. What was before that
    /// nobody can read any more.
    pub fn oldest(&self) -> i64 {
        self.oldest.load(Ordering::Acquire)
    }

    /// Everything before `next` has been read.
    pub fn read(&self, next: i64) {
        self.next.store(next, Ordering::Release);
    }

    /// The broker, asked at `asked` when everything before `read` had been read, answered that these are the offset of
    /// the oldest record and that after the last one.
    pub fn answered(&self, (oldest, end): (i64, i64), read: i64, asked: Moment) {
        self.oldest.store(oldest, Ordering::Release);
        let mut ends = self.ends();
        ends.latest = Some(end);
        ends.answered = Some(asked.at);
        if end < read {
            // It may only seem so, while a new leader has yet to find out how far it has come.
            ends.short_since.get_or_insert(asked.at);
            return;
        }
        ends.short_since = None;
        // A log that was cut off, or made anew, does not reach the ends it once had.
        while ends.ahead.pop_back_if(|(before, _)| *before > end).is_some() {}
        // Whoever is so far behind is not asked when exactly what was read.
        if ends.ahead.len() < MOST_AHEAD {
            ends.ahead.push_back((end, asked));
        }
        ends.advance(self.next.load(Ordering::Acquire));
    }

    /// A record was read again, or another one in its place: what is known is of a log that is no more.
    pub fn went_back(&self) {
        self.ends().went_back = true;
    }

    /// Whether the log was cut off, or made anew, since it is read: what was read of it is there no more.
    pub fn was_cut_off(&self, now: Instant) -> bool {
        let ends = self.ends();
        let is_certain = |since: Instant| now.saturating_duration_since(since) > LONGEST_SHORT;
        ends.went_back || ends.short_since.is_some_and(is_certain)
    }

    /// What is known at `now`.
    pub fn standing(&self, now: Instant) -> Standing {
        let next = self.next.load(Ordering::Acquire);
        let mut ends = self.ends();
        ends.advance(next);
        let longer_ago = |moment: Instant, longest| now.saturating_duration_since(moment) > longest;
        let behind = match (ends.read_through, ends.answered) {
            _ if ends.went_back || ends.short_since.is_some() => Some(Behind::CutOff),
            (None, _) | (_, None) => Some(Behind::Replaying),
            (_, Some(answered)) if longer_ago(answered, LONGEST_SILENCE) => Some(Behind::Silent),
            (Some(through), _) if longer_ago(through.at, LONGEST_UNREAD) => Some(Behind::Slow),
            _ => None,
        };
        let lag_records = ends.latest.map(|end| u64::try_from(end - next).unwrap_or(0));
        Standing { read_through: ends.read_through, behind, lag_records }
    }

    fn ends(&self) -> std::sync::MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Ends {
    fn advance(&mut self, next: i64) {
        while let Some((_, asked)) = self.ahead.pop_front_if(|(end, _)| next >= *end) {
            self.read_through = Some(asked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn moments() -> impl Fn(u64) -> Moment {
        let start = clock::monotonic();
        move |second| Moment {
            wall: EventTime::from_millis(second * 1_000).unwrap(),
            at: start + Duration::from_secs(second),
        }
    }

    #[test]
    fn a_partition_is_caught_up_once_it_was_read_to_an_end_that_was_asked_for() {
        let at = moments();
        let progress = Progress::from(5);
        assert_eq!(progress.standing(at(0).at).behind, Some(Behind::Replaying));
        progress.answered((0, 7), 5, at(1));
        assert_eq!(progress.standing(at(1).at).lag_records, Some(2));
        progress.read(6);
        assert_eq!(progress.standing(at(2).at).behind, Some(Behind::Replaying));
        progress.read(7);
        let standing = progress.standing(at(2).at);
        assert_eq!(standing, Standing { read_through: Some(at(1)), behind: None, lag_records: Some(0) });
    }

    #[test]
    fn an_empty_partition_is_caught_up_at_once() {
        let at = moments();
        let progress = Progress::from(0);
        progress.answered((0, 0), 0, at(1));
        assert_eq!(progress.standing(at(1).at).behind, None);
    }

    #[test]
    fn a_reader_that_keeps_up_with_a_steady_stream_stays_caught_up() {
        let at = moments();
        let progress = Progress::from(0);
        for second in 0..100_u64 {
            // Always some records behind, and through each end a second later.
            let end = i64::try_from(second * 100).unwrap();
            progress.answered((0, end + 50), progress.next(), at(second));
            progress.read(end + 30);
            let standing = progress.standing(at(second).at);
            if second > 0 {
                assert_eq!(standing.behind, None, "{second}");
                assert!(standing.read_through.unwrap().at >= at(second - 1).at, "{second}");
            }
        }
    }

    #[test]
    fn an_end_that_is_gone_is_not_waited_for() {
        let at = moments();
        let progress = Progress::from(0);
        progress.answered((0, 1_000), progress.next(), at(0));
        progress.answered((0, 10), progress.next(), at(1));
        progress.read(10);
        assert_eq!(progress.standing(at(1).at).read_through, Some(at(1)));
    }

    #[test]
    fn a_silent_broker_is_trusted_for_ten_seconds() {
        let at = moments();
        let progress = Progress::from(0);
        progress.answered((0, 0), progress.next(), at(0));
        assert_eq!(progress.standing(at(10).at).behind, None);
        assert_eq!(progress.standing(at(11).at).behind, Some(Behind::Silent));
        assert_eq!(progress.standing(at(11).at).read_through, Some(at(0)));
        progress.answered((0, 0), progress.next(), at(12));
        assert_eq!(progress.standing(at(12).at).behind, None);
    }

    #[test]
    fn a_reader_that_falls_back_by_half_a_minute_is_behind() {
        let at = moments();
        let progress = Progress::from(0);
        for second in 0..=31 {
            progress.answered((0, 10 * i64::try_from(second).unwrap()), 0, at(second));
        }
        assert_eq!(progress.standing(at(30).at).behind, None);
        assert_eq!(progress.standing(at(31).at).behind, Some(Behind::Slow));
        progress.read(310);
        // It is through the end it waited for, and has yet to reach one that was asked for since.
        progress.answered((0, 310), progress.next(), at(32));
        assert_eq!(progress.standing(at(32).at).behind, None);
    }

    #[test]
    fn a_log_that_ends_before_what_was_read_is_never_read_through() {
        let at = moments();
        let progress = Progress::from(0);
        progress.answered((0, 100), 0, at(0));
        progress.read(100);
        assert_eq!(progress.standing(at(0).at).behind, None);
        progress.answered((0, 90), 100, at(1));
        assert_eq!(progress.standing(at(1).at).behind, Some(Behind::CutOff));
        // A new leader that had yet to find out.
        progress.answered((0, 100), 100, at(5));
        assert_eq!(progress.standing(at(5).at).behind, None);
        progress.answered((0, 3), 100, at(6));
        assert!(!progress.was_cut_off(at(11).at));
        assert!(progress.was_cut_off(at(12).at));
    }

    #[test]
    fn an_offset_that_comes_again_is_of_another_log() {
        let at = moments();
        let progress = Progress::from(0);
        progress.answered((0, 100), 0, at(0));
        progress.read(100);
        progress.went_back();
        progress.read(1);
        progress.answered((0, 1), 1, at(1));
        assert_eq!(progress.standing(at(1).at).behind, Some(Behind::CutOff));
        assert!(progress.was_cut_off(at(1).at));
    }
}
