//! Which UTC quarters of an hour make up a local day, and what the clock on the wall shows in each.
//!
//! A day has 96 slots by the clock on the wall. On the day on which clocks go forward some of them never come, and on
//! the day on which they go back some come twice: then two quarters have the same slot.

use jiff::civil::Date;

use super::calendar::BusinessCalendar;
use super::counts::QUARTER_MS;

/// Quarters of an hour by the clock on the wall.
pub const SLOTS: usize = 96;

/// A day is never longer than this, in quarters: one that a zone repeats lasts two days.
const LONGEST_DAY: u32 = 192;

/// One UTC quarter of a local day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quarter {
    /// Which one: how many lie between it and the epoch.
    pub quarter: u32,
    /// What the clock shows when it starts: 0 to 95.
    pub slot: usize,
    /// Whether any of it, by the clock, is within opening hours.
    pub is_open: bool,
}

/// The quarters that start on a local date, ascending. Empty if the zone skips the date, or if it is before 1970.
pub fn quarters_of(calendar: &BusinessCalendar, date: Date) -> Vec<Quarter> {
    let (Some(begin), Some(end)) =
        (calendar.midnight_ms(date), date.tomorrow().ok().and_then(|next| calendar.midnight_ms(next)))
    else {
        return Vec::new();
    };
    let (Ok(first), Ok(after)) = (u32::try_from(begin.div_ceil(QUARTER_MS)), u32::try_from(end.div_ceil(QUARTER_MS)))
    else {
        return Vec::new();
    };
    let is_plain = begin % QUARTER_MS == 0 && end - begin == SLOTS as u64 * QUARTER_MS;
    let is_plain = is_plain && calendar.local(begin).is_some_and(|local| local.time().hour() == 0);
    let open = open_slots(calendar, date);
    let quarters = (first..after.min(first.saturating_add(LONGEST_DAY))).enumerate();
    let quarters = quarters.map(|(place, quarter)| {
        let slot = if is_plain { place } else { slot_of(calendar, quarter) };
        Quarter { quarter, slot, is_open: open[slot] }
    });
    quarters.collect()
}

/// Which slots of a local date have a minute within opening hours.
fn open_slots(calendar: &BusinessCalendar, date: Date) -> [bool; SLOTS] {
    let mut open = [false; SLOTS];
    for range in calendar.open_minutes(date) {
        let (first, after) = (usize::from(range.start) / 15, usize::from(range.end).div_ceil(15));
        open[first.min(SLOTS)..after.min(SLOTS)].fill(true);
    }
    open
}

fn slot_of(calendar: &BusinessCalendar, quarter: u32) -> usize {
    let time = calendar.local(u64::from(quarter) * QUARTER_MS).map(|local| local.time()).unwrap_or_default();
    usize::from(time.hour().unsigned_abs()) * 4 + usize::from(time.minute().unsigned_abs()) / 15
}
