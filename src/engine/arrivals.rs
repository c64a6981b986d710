//! How many visits were offered to each queue, for more than a year: what the surge monitor learns from.
//!
//! What lies within the windows is in the pages of lanes, and is counted there when somebody asks. What pages let go of is
//! added up here, so that the way of an event knows nothing of it; a booking that comes too late for its page is changed
//! here itself. A queue's lanes are added up. Days are UTC days; which local day and slot a count belongs to is for
//! the reader to say. A day is a string of bytes, as small as what happened on it: cells of five minutes while it is recent,
//! then quarters of an hour.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::page::{Change, Speaks};
use crate::engine::settings::SlotWidths;
use crate::engine::shard::Shard;
use crate::engine::tally::{Cell, CellSet};
use crate::event::EventTime;

mod day;

use self::day::{CELLS, CELLS_A_QUARTER, Day};

/// The finest span that arrivals are counted by, in milliseconds.
pub const CELL_MS: u64 = 5 * 60_000;

/// So many UTC days, the current one included, are kept by cells: a local day and the one before it lie within three, and
/// stream time may be ahead.
pub const FINE_DAYS: u32 = 4;

/// So many UTC days are kept: 400 local days anywhere, and the current one.
pub const KEPT_DAYS: u32 = 403;

const DAY_MS: u64 = 86_400_000;

/// The same, as a number of steps.
const CELL_WIDTH: usize = 300_000;

/// Whether arrivals can be told by cells with slots of these widths: old slots are coarse, and lie within a cell.
pub const fn are_told(slots: SlotWidths) -> bool {
    CELL_MS.is_multiple_of(slots.coarse_ms)
}

/// What pages have let go of, of one queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Days(BTreeMap<u32, Day>);

impl Days {
    fn change(&mut self, day: u32, change: impl FnOnce(&mut [u64; CELLS])) {
        let known = self.0.get(&day);
        let is_fine = known.is_none_or(|day| day.is_fine);
        let mut counts = known.map_or_else(|| Box::new([0; CELLS]), |day| day.unpack().expect("it was packed here"));
        change(&mut counts);
        if counts.iter().all(|count| *count == 0) {
            self.0.remove(&day);
        } else {
            self.0.insert(day, Day::pack(&counts, is_fine));
        }
    }

    /// Whether anything is to be made coarse or let go of on this day.
    fn has_old(&self, today: u32) -> bool {
        let is_old = |(day, kept): (&u32, &Day)| day + KEPT_DAYS <= today || kept.is_fine && day + FINE_DAYS <= today;
        self.0.iter().any(is_old)
    }

    fn age(&mut self, today: u32) {
        self.0.retain(|day, _| day + KEPT_DAYS > today);
        for (_, day) in self.0.iter_mut().filter(|(day, kept)| kept.is_fine && *day + FINE_DAYS <= today) {
            *day = Day::pack(&day.unpack().expect("it was packed here"), false);
        }
    }

    /// Calls `visit` with the start of each cell (of older days: quarter of an hour) in which any were offered, in
    /// milliseconds, and how many, in order of time, of all UTC days that `from` (milliseconds too) is not after.
    pub fn each(&self, from: u64, mut visit: impl FnMut(u64, u64)) {
        for (day, counts) in self.0.range(day_of(from)..) {
            let counts = counts.unpack().expect("it was packed here");
            for (start, count) in (u64::from(*day) * DAY_MS..).step_by(CELL_WIDTH).zip(*counts) {
                if count > 0 {
                    visit(start, count);
                }
            }
        }
    }
}

/// What pages have let go of, by the number of the queue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Arrivals {
    queues: BTreeMap<u32, Arc<Days>>,
}

/// Queue, UTC day, whether it is by cells, counts packed.
#[derive(Serialize, Deserialize)]
pub(super) struct ArrivalsBody(Vec<(u32, Vec<(u32, Day)>)>);

/// What pages let go of at once.
#[derive(Default)]
pub(super) struct Dropped(BTreeMap<(u32, u32), Vec<(usize, u64)>>);

impl Dropped {
    /// Takes in a count of a page of this queue.
    pub(super) fn note(&mut self, queue: u32, slot: u64, speaks: Speaks, cell: Cell, count: u64) {
        if cell == Cell::Offered && speaks.for_visit() {
            self.0.entry((queue, day_of(slot))).or_default().push((cell_of(slot), count));
        }
    }
}

impl Arrivals {
    /// Adds what pages let go of.
    pub(super) fn add(&mut self, dropped: Dropped) {
        for ((queue, day), counts) in dropped.0 {
            Arc::make_mut(self.queues.entry(queue).or_default()).change(day, |cells| {
                for (cell, count) in counts {
                    cells[cell] += count;
                }
            });
        }
    }

    /// Books one visit offered at this time, in milliseconds, or takes it back, of a page that is gone.
    pub(super) fn change(&mut self, change: Change, queue: u32, time: u64, speaks: Speaks, cells: CellSet) {
        if !speaks.for_visit() || !cells.iter().any(|cell| cell == Cell::Offered) {
            return;
        }
        let days = Arc::make_mut(self.queues.entry(queue).or_default());
        days.change(day_of(time), |counts| {
            // In days by quarters of an hour all is in the first cell of three.
            let place = cell_of(time);
            let quarter = &mut counts[place - place % CELLS_A_QUARTER..][..CELLS_A_QUARTER];
            match change {
                Change::Book => quarter[place % CELLS_A_QUARTER] += 1,
                Change::TakeBack => {
                    let there = quarter.iter().rposition(|count| *count > 0);
                    let cell = if quarter[place % CELLS_A_QUARTER] > 0 { Some(place % CELLS_A_QUARTER) } else { there };
                    // Nothing is there of what is older than is kept.
                    cell.into_iter().for_each(|cell| quarter[cell] -= 1);
                }
            }
        });
        if days.0.is_empty() {
            self.queues.remove(&queue);
        }
    }

    /// Makes old days coarse, and lets go of what is too old, by this stream time in milliseconds.
    pub(super) fn age(&mut self, now: u64) {
        let today = day_of(now);
        for days in self.queues.values_mut().filter(|days| days.has_old(today)) {
            Arc::make_mut(days).age(today);
        }
        self.queues.retain(|_, days| !days.0.is_empty());
    }

    /// For encoding.
    pub(super) fn body(&self) -> ArrivalsBody {
        let days = |days: &Days| days.0.iter().map(|(day, counts)| (*day, counts.clone())).collect();
        ArrivalsBody(self.queues.iter().map(|(queue, queue_days)| (*queue, days(queue_days))).collect())
    }

    /// As they were when they were encoded; none if they cannot have been. `is_queue` knows numbers of queues.
    pub(super) fn restore(body: &ArrivalsBody, is_queue: impl Fn(u32) -> bool) -> Option<Arrivals> {
        let is_sound = |day: &Day| {
            let counts = day.unpack();
            counts
                .is_some_and(|counts| counts.iter().any(|count| *count > 0) && Day::pack(&counts, day.is_fine) == *day)
        };
        let mut queues = BTreeMap::new();
        for (queue, days) in &body.0 {
            let in_order = days.is_sorted_by(|one, next| one.0 < next.0);
            let known = is_queue(*queue) && days.iter().all(|(day, counts)| *day <= LAST_DAY && is_sound(counts));
            let days: BTreeMap<u32, Day> = days.iter().cloned().collect();
            if !in_order || !known || days.is_empty() || queues.insert(*queue, Arc::new(Days(days))).is_some() {
                return None;
            }
        }
        Some(Arrivals { queues })
    }
}

/// Beyond it there is no event time.
const LAST_DAY: u32 = day_of(EventTime::MAX.millis());

#[expect(clippy::cast_possible_truncation, reason = "event times have 42 bits")]
const fn day_of(time: u64) -> u32 {
    (time / DAY_MS) as u32
}

fn cell_of(time: u64) -> usize {
    usize::try_from(time % DAY_MS / CELL_MS).expect("a day has 288 cells")
}

/// Arrivals of one queue in one shard.
#[derive(Clone, Debug, Default)]
pub struct QueueArrivals {
    past: Arc<Days>,
    /// Start of the cell in milliseconds, and count, of what pages hold; not in order.
    recent: Vec<(u64, u64)>,
}

impl QueueArrivals {
    /// Calls `visit` with the start of a cell (or, of what is older than [`FINE_DAYS`], of a quarter of an hour) in
    /// milliseconds and how many visits were offered in it, in any order, maybe several times with the same cell. What was
    /// offered before `from`, in milliseconds, may be left out.
    pub fn each(&self, from: u64, mut visit: impl FnMut(u64, u64)) {
        self.past.each(from, &mut visit);
        self.recent.iter().filter(|(start, _)| *start >= from).for_each(|(start, count)| visit(*start, *count));
    }
}

/// Arrivals in this shard before `until`, by queue, of all that have a lane: those of the days past are shared, and slots that
/// are held are read through.
pub fn arrivals(shard: &Shard, until: EventTime) -> BTreeMap<String, QueueArrivals> {
    let name = |queue: u32| shard.lanes.queues.text(queue).to_owned();
    let past = shard.arrivals.queues.iter();
    let past = past.map(|(queue, days)| (name(*queue), QueueArrivals { past: Arc::clone(days), recent: Vec::new() }));
    let mut arrivals: BTreeMap<String, QueueArrivals> = past.collect();
    for lane in shard.lanes.iter() {
        let recent = &mut arrivals.entry(name(lane.queue)).or_default().recent;
        lane.pages.each_count(0, until.millis(), |slot, speaks, cell, count| {
            if cell != Cell::Offered || !speaks.for_visit() {
                return;
            }
            let start = slot - slot % CELL_MS;
            match recent.last_mut() {
                Some((last, sum)) if *last == start => *sum += count,
                _ => recent.push((start, count)),
            }
        });
    }
    arrivals
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::page::PAGE_MS;
    use crate::engine::settings::{Settings, Window};
    use crate::engine::shard::Keep;
    use crate::event::decode::decode;

    /// 2024-01-01T00:00:00Z.
    const START: u64 = 1_704_067_200_000;
    const HOUR_MS: u64 = 3_600_000;
    const QUARTER_MS: u64 = 900_000;

    /// Pages are let go of as soon as may be, and late facts are taken for as long as may be.
    fn shard() -> Shard {
        let windows = vec![Window { name: "5m".to_owned(), length_ms: 300_000, quantiles: true }];
        let mut settings = Settings { windows, ..Settings::default() };
        settings.lifetimes.lateness_ms = 5 * DAY_MS;
        Shard::new(Arc::new(settings), Keep::Windows)
    }

    fn apply(shard: &mut Shard, kind: &str, contact: &str, queue: &str, time: u64) {
        let line =
            format!(r#"{{"type":"{kind}","contact_id":"{contact}","queue":"{queue}","channel":"chat","time":{time}}}"#);
        shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
    }

    /// What was offered to a queue, by the start of spans of this width since the start, in milliseconds.
    fn told(shard: &Shard, queue: &str, width: u64) -> BTreeMap<u64, u64> {
        let mut told = BTreeMap::new();
        if let Some(of_queue) = arrivals(shard, EventTime::MAX).get(queue) {
            of_queue.each(0, |start, count| *told.entry((start - START) / width * width).or_default() += count);
        }
        told
    }

    /// Moves stream time on, by contacts of another queue.
    fn pass(shard: &mut Shard, until: u64) {
        let from = shard.stream_time().map_or(START, EventTime::millis);
        for (number, time) in (from..=until).step_by(1_800_000).enumerate() {
            apply(shard, "offered", &format!("{time} {number}"), "clock", time);
        }
    }

    #[test]
    fn what_pages_let_go_of_is_kept_by_cells_and_after_days_by_quarters() {
        let mut shard = shard();
        for (contact, minute) in [("a", 0), ("b", 4), ("c", 5), ("d", 14), ("e", 15)] {
            apply(&mut shard, "offered", contact, "q", START + minute * 60_000);
        }
        let cells = BTreeMap::from([(0, 2), (300_000, 1), (600_000, 1), (900_000, 1)]);
        assert_eq!(told(&shard, "q", CELL_MS), cells);
        pass(&mut shard, START + 30 * HOUR_MS);
        assert!(shard.lanes.iter().all(|lane| lane.pages.pages().iter().all(|(number, _)| number * PAGE_MS > START)));
        assert_eq!(told(&shard, "q", CELL_MS), cells);
        pass(&mut shard, START + 104 * HOUR_MS);
        assert_eq!(told(&shard, "q", CELL_MS), BTreeMap::from([(0, 4), (900_000, 1)]));
        // And a year later nothing is left.
        let queue = shard.lanes.queues.number("q").unwrap();
        assert!(shard.arrivals.queues.contains_key(&queue));
        shard.arrivals.age(START + 403 * DAY_MS);
        assert!(!shard.arrivals.queues.contains_key(&queue));
    }

    #[test]
    fn what_comes_too_late_for_its_page_is_counted_all_the_same() {
        let mut shard = shard();
        apply(&mut shard, "offered", "a", "q", START);
        pass(&mut shard, START + 40 * HOUR_MS);
        apply(&mut shard, "offered", "b", "q", START + 60_000);
        assert_eq!(told(&shard, "q", CELL_MS), BTreeMap::from([(0, 2)]));
        // An earlier offer of the same visit: it was offered then, and not later.
        apply(&mut shard, "offered", "b", "q", START + 57_000);
        apply(&mut shard, "offered", "c", "q", START + HOUR_MS);
        apply(&mut shard, "offered", "c", "q", START + HOUR_MS - 1_000);
        assert_eq!(told(&shard, "q", CELL_MS), BTreeMap::from([(0, 2), (HOUR_MS - 300_000, 1)]));
        pass(&mut shard, START + 104 * HOUR_MS);
        apply(&mut shard, "offered", "d", "q", START + 14 * 60_000);
        apply(&mut shard, "offered", "d", "q", START + 14 * 60_000 - 3_000);
        assert_eq!(told(&shard, "q", CELL_MS), BTreeMap::from([(0, 3), (HOUR_MS - 900_000, 1)]));
    }

    #[test]
    fn a_visit_of_several_and_a_ticket_count_once_each() {
        let mut shard = shard();
        apply(&mut shard, "offered", "a", "q", START);
        apply(&mut shard, "answered", "a", "q", START + 10_000);
        apply(&mut shard, "offered", "a", "r", START + 60_000);
        apply(&mut shard, "customer_message", "b", "q", START);
        apply(&mut shard, "offered", "b", "q", START);
        apply(&mut shard, "resolved", "b", "q", START + 30_000);
        pass(&mut shard, START + 30 * HOUR_MS);
        assert_eq!(told(&shard, "q", DAY_MS), BTreeMap::from([(0, 2)]));
        assert_eq!(told(&shard, "r", DAY_MS), BTreeMap::from([(0, 1)]));
    }

    #[test]
    fn a_shard_that_was_encoded_goes_on_with_the_same_arrivals() {
        let mut one = shard();
        apply(&mut one, "offered", "a", "q", START);
        pass(&mut one, START + 100 * HOUR_MS);
        let bytes = one.encode();
        let mut other = Shard::decode(&bytes, &one.shared_settings()).unwrap();
        assert_eq!(other.arrivals, one.arrivals);
        assert_eq!(other.encode(), bytes);
        for shard in [&mut one, &mut other] {
            apply(shard, "offered", "b", "q", START + 60_000);
        }
        assert_eq!(told(&other, "q", CELL_MS), BTreeMap::from([(0, 2)]));
        assert_eq!(other.encode(), one.encode());
    }

    #[test]
    fn bytes_that_no_day_has_are_refused() {
        let day = |packed: &[u8]| Day { is_fine: false, packed: packed.into() };
        let body = |days: Vec<(u32, Day)>| ArrivalsBody(vec![(1, days)]);
        let restored = |days| Arrivals::restore(&body(days), |queue| queue == 1).is_some();
        assert!(restored(vec![(19_000, day(&[0, 95 - 1, 7]))]));
        assert!(restored(vec![(19_000, day(&[7])), (19_001, day(&[7]))]));
        // Beyond the day; nothing at all; zeros at the end; in two bytes what takes one; broken off; days out of order.
        assert!(!restored(vec![(19_000, day(&[0, 95, 7]))]));
        assert!(!restored(vec![(19_000, day(&[]))]));
        assert!(!restored(vec![(19_000, day(&[7, 0, 3]))]));
        assert!(!restored(vec![(19_000, day(&[0x87, 0x00]))]));
        assert!(!restored(vec![(19_000, day(&[7, 0x87]))]));
        assert!(!restored(vec![(19_001, day(&[7])), (19_000, day(&[7]))]));
        assert!(!restored(vec![(u32::MAX, day(&[7]))]));
        assert!(!restored(vec![]));
        assert!(Arrivals::restore(&body(vec![(19_000, day(&[7]))]), |_| false).is_none());
    }

    proptest! {
        /// Whatever the order in which contacts arrive, and whenever their pages are let go of.
        #[test]
        fn arrivals_do_not_depend_on_the_order(times in proptest::collection::vec(0..100 * HOUR_MS, 1..40), seed: u64) {
            let mut shuffled: Vec<usize> = (0..times.len()).collect();
            shuffled.sort_by_key(|number| (*number as u64 + 1).wrapping_mul(seed | 1));
            let tell = |order: &[usize]| {
                let mut shard = shard();
                for &number in order {
                    apply(&mut shard, "offered", &format!("c{number}"), "q", START + times[number]);
                }
                pass(&mut shard, START + 110 * HOUR_MS);
                told(&shard, "q", QUARTER_MS)
            };
            let in_order: Vec<usize> = (0..times.len()).collect();
            let expected = tell(&in_order);
            prop_assert_eq!(expected.values().sum::<u64>(), times.len() as u64);
            prop_assert_eq!(tell(&shuffled), expected);
        }
    }
}
