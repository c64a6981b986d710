//! How many agents come to work, and when: roughly what the load asks for, as planners do it, not what it turns out.
//!
//! Planning knows the curve of the day and some of a month's swell. It does not know the weather, nor surges.

use super::calendar::Day;
use super::layout::{Desk, FLOATING, Team};
use super::profile::Channel;

/// Half-hours of a day.
const HALF_HOURS: usize = 48;
/// What breaks take from the hours paid.
const SHRINKAGE: f64 = 0.06;
/// What is spared on live desks, in square roots of the load. Shifts come in whole hours and overshoot, so that even
/// with a little less than the load about 87 of 100 waits of an ordinary day are short, and 64 at a month's start.
const SPARED: f64 = 0.05;
/// Letters are staffed with this much more than they need, or weekends would never be worked off.
const LETTER_SPARE: f64 = 1.2;

/// From when to when an agent works, in minutes of the local day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shift {
    pub(super) starts: u64,
    pub(super) ends: u64,
}

/// What is known to whoever plans.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    /// Working days of a week.
    pub(super) working_days: f64,
    /// How much of what makes a day busier than an ordinary one is planned for, 0 to 1.
    pub(super) foreseen: f64,
}

/// The shifts of one team on one day; `mood` is how far planning is off.
pub(super) fn shifts(team: &Team, desks: &[Desk], day: &Day, plan: Plan, mood: f64) -> Vec<Shift> {
    let mut needed = [0.0; HALF_HOURS];
    for &desk in &team.desks {
        let desk = &desks[desk as usize];
        let Some((opens, closes)) = desk.profile.hours.of_day(day.working) else { continue };
        let loads = if desk.profile.channel == Channel::Email {
            [letters_in_hand(desk, (closes - opens) as f64, plan.working_days); HALF_HOURS]
        } else {
            loads(desk, day, plan.foreseen)
        };
        let is_live = desk.profile.channel.is_live();
        let (mut starts, half_hour) = (0, 30);
        for (needed, load) in needed.iter_mut().zip(loads) {
            if (opens..closes).contains(&starts) {
                let own =
                    if is_live { (1.0 - FLOATING) * load - SPARED * libm::sqrt(load) } else { LETTER_SPARE * load };
                let agents = if team.floats { FLOATING * load } else { own };
                // Somebody is there as long as the desk is open.
                *needed += if team.floats { agents * mood } else { (agents * mood).max(0.6) };
            }
            starts += half_hour;
        }
    }
    cover(&needed.map(|agents| agents / (1.0 - SHRINKAGE)))
}

/// Erlangs by half-hour of the wall clock.
fn loads(desk: &Desk, day: &Day, foreseen: f64) -> [f64; HALF_HOURS] {
    let curve = &desk.curves[usize::from(!day.working)];
    let share = if day.working { 1.0 } else { desk.profile.quiet_share() };
    let factor = 1.0 + foreseen * (day.factor - 1.0);
    let work = desk.volume * share * factor * desk.profile.mean_work_seconds();
    let mut loads = [0.0; HALF_HOURS];
    for (load, quarters) in loads.iter_mut().zip(curve.chunks_exact(2)) {
        *load = work * (quarters[0] + quarters[1]) / 1_800.0;
    }
    loads
}

/// A week's letters spread over its office hours, in Erlangs.
fn letters_in_hand(desk: &Desk, open_minutes: f64, working_days: f64) -> f64 {
    let quiet_days = (7.0 - working_days) * desk.profile.quiet_share();
    let a_day = desk.volume * (working_days + quiet_days) / working_days;
    a_day * desk.profile.mean_work_seconds() / (open_minutes * 60.0)
}

/// Shifts of eight hours, or four where fewer agents are needed later, begun whenever too few are there. What is
/// covered is the need rounded to whole agents.
fn cover(needed: &[f64; HALF_HOURS]) -> Vec<Shift> {
    let closing = needed.iter().rposition(|&agents| agents > 0.0).map_or(0, |last| last + 1);
    let mut present = [0.0; HALF_HOURS];
    let mut shifts = Vec::new();
    for start in 0..closing {
        while present[start] + 0.5 < needed[start] {
            let later = (start + 8).min(closing)..(start + 16).min(closing);
            let is_needed_later = later.clone().any(|half_hour| present[half_hour] + 0.5 < needed[half_hour]);
            let end = if is_needed_later { later.end } else { later.start };
            for present in &mut present[start..end] {
                *present += 1.0;
            }
            shifts.push(Shift { starts: start as u64 * 30, ends: end as u64 * 30 });
        }
    }
    shifts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_cover_the_need_to_half_an_agent() {
        let mut needed = [0.0; HALF_HOURS];
        for (half_hour, needed) in needed.iter_mut().enumerate().skip(16).take(24) {
            *needed = if half_hour % 8 < 4 { 12.3 } else { 7.9 };
        }
        let shifts = cover(&needed);
        for (half_hour, &needed) in needed.iter().enumerate() {
            let minute = half_hour as u64 * 30;
            let present = shifts.iter().filter(|shift| (shift.starts..shift.ends).contains(&minute)).count();
            assert!(present as f64 + 0.5 >= needed, "{half_hour} {present} {needed}");
            assert!(needed > 0.0 || present == 0, "nobody works at a closed desk");
        }
        assert!(cover(&[0.0; HALF_HOURS]).is_empty());
    }
}
