//! From scores to alarms, which of them something explains, and the threshold that leaves so many unexplained.
//!
//! Minutes are counted since the first of January 1999. A look at a minute knows what was offered before it.

use std::ops::Range;

use super::history::{Bank, DAY_MINUTES, DAYS, SLOTS, Sort, date_of, slots};

/// High looks no further apart are one alarm, in minutes.
const MERGE: usize = 120;
/// How long after a burst or silence its calls, or those who call again, are in the longest window: minutes.
const AFTERMATH: usize = 60;

/// A look and how unusual it found the last hour.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When.
    pub minute: usize,
    /// A rule's score.
    pub score: f64,
}

/// High looks in a row.
#[derive(Clone, Copy, Debug)]
pub struct Alarm {
    /// The first high look.
    pub from: usize,
    /// The last one.
    pub to: usize,
    /// The highest score.
    pub peak: f64,
}

/// The alarms of looks in order of time.
pub fn alarms(looks: &[Look], threshold: f64) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = Vec::new();
    for look in looks.iter().filter(|look| look.score >= threshold) {
        match alarms.last_mut() {
            Some(last) if look.minute - last.to <= MERGE => {
                last.to = look.minute;
                last.peak = last.peak.max(look.score);
            }
            _ => alarms.push(Alarm { from: look.minute, to: look.minute, peak: look.score }),
        }
    }
    alarms
}

/// What explains an alarm, whichever rule raised it: that it began in a known burst or a silence, or within an hour
/// after.
///
/// A silence is half an hour of opening hours with at most 15 % of at least 8 calls that were usual, usual being the
/// median of the eight nearest same weekdays, before and after. That is how the known bursts were found, and takes no
/// rule's word for it.
pub struct Explained(Vec<Range<usize>>);

impl Explained {
    /// Of a queue's six months. Bursts are known on PS only.
    pub fn of(bank: &Bank, queue: &str) -> Explained {
        let bursts = bank.bursts.iter().filter(|_| queue == "PS").map(|burst| burst.from..burst.to + AFTERMATH);
        let silences = silences(bank, queue).into_iter().map(|silence| silence.start..silence.end + AFTERMATH);
        Explained(bursts.chain(silences).collect())
    }

    /// Whether an alarm that began with this look is explained.
    pub fn explains(&self, minute: usize) -> bool {
        // What is looked at ends with the look, so the edges belong to what was before them.
        self.0.iter().any(|range| range.start < minute && minute <= range.end)
    }
}

/// Half hours of silence; those that touch are one.
pub fn silences(bank: &Bank, queue: &str) -> Vec<Range<usize>> {
    let mut silences: Vec<Range<usize>> = Vec::new();
    for (day, offered) in bank.queues[queue].iter().map(slots).enumerate() {
        let usual = usual_of(bank, queue, day);
        let open = match bank.calendar.sort(date_of(day)) {
            Sort::Working | Sort::Special => 7 * 4..SLOTS,
            Sort::Short => 7 * 4..14 * 4,
            // When a Saturday or holiday opens is for nightfall to say.
            Sort::Closed | Sort::Missing => 0..0,
        };
        for slot in open.skip(1) {
            let usual = usual[slot - 1] + usual[slot];
            if usual < 8.0 || offered[slot - 1] + offered[slot] > 0.15 * usual {
                continue;
            }
            let end = day * DAY_MINUTES + (slot + 1) * 15;
            match silences.last_mut() {
                Some(last) if last.end + 30 >= end => last.end = end,
                _ => silences.push(end - 30..end),
            }
        }
    }
    silences
}

/// What is usual in each slot of a day: the median of the eight nearest same weekdays.
pub fn usual_of(bank: &Bank, queue: &str, day: usize) -> [f64; SLOTS] {
    let mut near: Vec<usize> = (0..DAYS).filter(|other| *other != day && day.abs_diff(*other) % 7 == 0).collect();
    near.sort_by_key(|other| day.abs_diff(*other));
    let near: Vec<_> = near.iter().take(8).map(|other| slots(&bank.queues[queue][*other])).collect();
    std::array::from_fn(|slot| median(near.iter().map(|slots| slots[slot]).collect()))
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    f64::midpoint(of[(of.len() - 1) / 2], of[of.len() / 2])
}

/// The lowest threshold with which no higher one leaves more than `allowed` alarms unexplained.
pub fn threshold(looks: &[Look], explained: &Explained, allowed: usize) -> f64 {
    let mut scores: Vec<f64> = looks.iter().map(|look| look.score).filter(|score| *score > 0.5).collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    scores.dedup();
    let mut lowest = f64::INFINITY;
    for score in scores {
        if unexplained(&alarms(looks, score), explained).count() > allowed {
            // Between the two scores, as good a place as any.
            return if lowest.is_finite() { f64::midpoint(lowest, score) } else { score.next_up() };
        }
        lowest = score;
    }
    lowest
}

/// Those that nothing explains.
pub fn unexplained<'a>(alarms: &'a [Alarm], explained: &'a Explained) -> impl Iterator<Item = &'a Alarm> {
    alarms.iter().filter(|alarm| !explained.explains(alarm.from))
}
