//! What one lane says of one span: read once, told for every measure.
//!
//! A booking speaks for one measure or for several, so sums are kept by whom it speaks for and put together when a
//! measure is asked for.

use crate::engine::histogram::{Collector, Distribution};
use crate::engine::lane::Lane;
use crate::engine::page::Speaks;
use crate::engine::shard::Shard;
use crate::engine::stay::Stay;
use crate::engine::store::Handle;
use crate::engine::tally::{Cell, Cells, Measure, Quantity, Tally};
use crate::engine::terms::Pause;
use crate::engine::waitlist::Undecided;

/// What one lane says of one span, by whom a booking speaks for: read once, told for every measure.
#[derive(Default)]
pub(super) struct LaneSums {
    /// Booked in the span.
    cells: [Cells; Speaks::COUNT],
    /// Booked beyond its end.
    ahead: [Cells; Speaks::COUNT],
    /// Undecided, those that are due at some time, and of them departed, and over no longer, because they expired before
    /// its end.
    undecided: [u64; Speaks::COUNT],
    due: [u64; Speaks::COUNT],
    expired: [Cells; Speaks::COUNT],
    collectors: [[Collector; Quantity::COUNT]; Speaks::COUNT],
    distributions: [[Distribution; Quantity::COUNT]; Speaks::COUNT],
    worst: [[Top; Quantity::COUNT]; Speaks::COUNT],
}

impl LaneSums {
    /// Reads the counts.
    pub(super) fn add(&mut self, shard: &Shard, lane: &Lane, from: u64, to: u64) {
        self.undecided = lane.waiting.counts();
        self.due = lane.waiting.due_counts();
        for stay in expired(shard, lane, to) {
            for booking in stay.expiry_bookings().iter().filter(|booking| is_before(shard, booking.time, to)) {
                booking.cells.iter().for_each(|cell| self.expired[booking.speaks as usize][cell] += 1);
            }
        }
        lane.pages.each_count(from, u64::MAX, |slot, speaks, cell, count| {
            let cells = if slot < to { &mut self.cells } else { &mut self.ahead };
            cells[speaks as usize][cell] += count;
        });
    }

    /// Reads the durations.
    pub(super) fn measure(&mut self, lane: &Lane, from: u64, to: u64, limit: usize) {
        lane.pages.each_mark(from, to, |slot, mark| {
            let (speaks, quantity) = (mark.speaks() as usize, mark.quantity() as usize);
            self.collectors[speaks][quantity].record(mark.duration_ms());
            self.worst[speaks][quantity].push((mark.duration_ms(), mark.contact, slot), limit);
        });
        self.worst.iter_mut().flatten().for_each(|top| top.cut(limit));
        for (collectors, distributions) in self.collectors.iter_mut().zip(&mut self.distributions) {
            for (collector, distribution) in collectors.iter_mut().zip(distributions) {
                *distribution = collector.take();
            }
        }
    }

    pub(super) fn tally(&self, measure: Measure) -> Tally {
        let mut cells = Cells::default();
        let (mut ahead, mut expired, mut undecided, mut due) = (Cells::default(), Cells::default(), 0, 0);
        for speaks in Speaks::all_for(measure).iter().map(|speaks| *speaks as usize) {
            cells += self.cells[speaks];
            ahead += self.ahead[speaks];
            expired += self.expired[speaks];
            undecided += self.undecided[speaks];
            due += self.due[speaks];
        }
        // Whoever came waits until going: those undecided and those whose going is ahead, less those whose coming is ahead
        // too and those that expired. Likewise for being over target, from deadline to departure.
        let (mut waiting, mut not_yet) = (undecided, 0);
        for (speaks, [comes, goes]) in flows(measure) {
            waiting += self.ahead[*speaks as usize][*goes];
            not_yet += self.ahead[*speaks as usize][*comes] + self.expired[*speaks as usize][*goes];
        }
        let waiting = waiting - not_yet;
        let over = due + ahead[Cell::DepartedOver] - ahead[Cell::Overdue] - expired[Cell::DepartedOver];
        if measure == Measure::Backlog {
            return Tally::of(Cells::default(), (waiting, 0));
        }
        Cell::ALL.into_iter().filter(|cell| !counts(measure, *cell)).for_each(|cell| cells[cell] = 0);
        let mut tally = Tally::of(cells, (waiting, over));
        for quantity in Quantity::ALL {
            for speaks in
                Speaks::all_for(measure).iter().filter(|speaks| tells(**speaks, measure, quantity == Quantity::Handle))
            {
                tally[quantity].merge(&self.distributions[*speaks as usize][quantity as usize]);
            }
        }
        tally
    }

    pub(super) fn worst(&self, measure: Measure, quantity: Quantity) -> impl Iterator<Item = Long> {
        let speaking = Speaks::all_for(measure).iter();
        let speaking = speaking.filter(move |speaks| tells(**speaks, measure, quantity == Quantity::Handle));
        speaking.flat_map(move |speaks| self.worst[*speaks as usize][quantity as usize].list.iter().copied())
    }

    pub(super) fn clear(&mut self) {
        (self.cells, self.ahead, self.expired) = Default::default();
        self.distributions = Default::default();
        self.worst.iter_mut().flatten().for_each(Top::clear);
    }
}

/// A duration in milliseconds, whose it is, and when the slot begins that it was counted in, in milliseconds since 1970.
pub(super) type Long = (u64, Handle, u64);

/// The longest durations seen: at least as many as asked for, with all that equal the last of them.
#[derive(Default)]
struct Top {
    list: Vec<Long>,
    /// Shorter ones need not be kept.
    bar: u64,
    /// How long the list may grow until it is cut again.
    full: usize,
}

impl Top {
    fn push(&mut self, long: Long, limit: usize) {
        if limit == 0 || long.0 < self.bar {
            return;
        }
        self.list.push(long);
        if self.list.len() >= self.full.max(4 * limit) {
            self.cut(limit);
            self.full = 2 * self.list.len();
        }
    }

    /// Lets go of all that so many others exceed.
    fn cut(&mut self, limit: usize) {
        if limit > 0 && self.list.len() > limit {
            let (_, bar, _) = self.list.select_nth_unstable_by(limit - 1, |one, other| other.0.cmp(&one.0));
            self.bar = bar.0;
            self.list.retain(|(duration, ..)| *duration >= self.bar);
        }
    }

    fn clear(&mut self) {
        self.list.clear();
        (self.bar, self.full) = (0, 0);
    }
}

/// The undecided stays of a lane that have expired at this instant and are not forgotten yet. Nothing expires sooner
/// than an unfinished contact of its channel, so only the longest waiting are looked at.
pub(super) fn expired<'a>(shard: &'a Shard, lane: &'a Lane, now: u64) -> impl Iterator<Item = Stay> + 'a {
    let is_old = move |stay: &Undecided| stay.since + lane.expire_ms < now;
    let old = Speaks::ALL.into_iter().flat_map(move |speaks| lane.waiting.of(speaks).take_while(is_old));
    old.filter_map(move |undecided| stay_of(shard, &undecided))
        .filter(move |stay| is_before(shard, stay.expires_at, now))
}

/// The stay that a lane lists as undecided.
pub(super) fn stay_of(shard: &Shard, undecided: &Undecided) -> Option<Stay> {
    with_stay(shard, undecided, |stay, _| *stay)
}

/// What is to be told of the stay that a lane lists as undecided, and of the pauses of its life.
pub(super) fn with_stay<T>(shard: &Shard, undecided: &Undecided, tell: impl FnOnce(&Stay, &[Pause]) -> T) -> Option<T> {
    let lives = shard.fold(&shard.contacts.held(undecided.contact).facts);
    let is_it = |stay: &&Stay| stay.is_open() && stay.undecided(undecided.contact) == *undecided;
    let found = lives.iter().find_map(|life| Some((life.stays.iter().find(is_it)?, &*life.pauses)));
    found.map(|(stay, pauses)| tell(stay, pauses))
}

/// Whether the slot of a time has passed at the slot edge `now`.
pub(super) fn is_before(shard: &Shard, time: u64, now: u64) -> bool {
    floor(time, shard.settings().slots.fine_ms) < now
}

/// With which bookings somebody comes to wait for what a measure is about, and goes again: who speaks, and the two cells.
/// Whoever is in service came by the answer of the visit.
pub(super) const fn flows(measure: Measure) -> &'static [(Speaks, [Cell; 2])] {
    use Speaks::{
        ForBoth, ForBothOfTicket, ForContactWait, ForFirstReply, ForFirstResolution, ForNextReply, ForResolution,
        ForWait, ForWaitOfTicket,
    };
    const WAITS: [Cell; 2] = [Cell::Offered, Cell::Departed];
    const IS_SERVED: [Cell; 2] = [Cell::Answered, Cell::Served];
    match measure {
        Measure::Wait => &[(ForBoth, WAITS), (ForWait, WAITS), (ForBothOfTicket, WAITS), (ForWaitOfTicket, WAITS)],
        Measure::ContactWait => &[(ForBoth, WAITS), (ForContactWait, WAITS), (ForBothOfTicket, WAITS)],
        Measure::FirstReply => &[(ForFirstReply, WAITS)],
        Measure::NextReply => &[(ForNextReply, WAITS)],
        Measure::FirstResolution => &[(ForFirstResolution, WAITS)],
        Measure::Resolution => &[(ForResolution, WAITS)],
        Measure::Handle => {
            &[(ForBoth, IS_SERVED), (ForWait, IS_SERVED), (ForBothOfTicket, IS_SERVED), (ForWaitOfTicket, IS_SERVED)]
        }
        Measure::Backlog => {
            &[(ForBoth, WAITS), (ForWait, WAITS), (ForBoth, IS_SERVED), (ForWait, IS_SERVED), (ForResolution, WAITS)]
        }
        Measure::Effort => &[],
    }
}

/// Whether a cell that is booked for a measure is counted there. Who is no longer in service serves to know who is, and
/// completions belong to visits alone.
pub(super) fn counts(measure: Measure, cell: Cell) -> bool {
    cell != Cell::Served && !(measure == Measure::ContactWait && cell == Cell::Completed)
}

/// Whether a booking counts for a measure. Handling belongs to visits alone, and of the backlog nothing is told but who
/// is in it.
pub(super) fn tells(speaks: Speaks, measure: Measure, handling: bool) -> bool {
    speaks.for_measure(measure) && measure != Measure::Backlog && !(handling && measure == Measure::ContactWait)
}

/// The edge at or before a time.
pub(super) fn floor(time: u64, width: u64) -> u64 {
    time - time % width
}
