//! The terms of a lane: what is promised on each measure, and how the time until then is measured.
//!
//! Made of the settings once for each lane and row of promises. It knows of no contact: pauses are handed in.

use std::sync::Arc;

use crate::engine::calendar::Calendar;
use crate::engine::settings::{Promise, Promises};
use crate::engine::tally::Measure;

/// All that is promised to one lane.
#[derive(Clone, PartialEq, Debug)]
pub struct Terms {
    promises: [Option<Promise>; Measure::PROMISED.len()],
    /// Whether the wait of a contact with one visit is judged as the wait of the visit.
    pub judges_both_alike: bool,
    /// Whether nothing is promised on anything but waits, and `judges_both_alike`: so is nearly all that is offered by phone.
    pub is_of_waits: bool,
    calendar: Option<Arc<Calendar>>,
}

impl Terms {
    /// The terms of a lane, given as queue, channel and tier. A calendar that is named and not there is as none.
    pub fn of(promises: &Promises, [queue, channel, tier]: [&str; 3]) -> Terms {
        let named = promises.calendar_of(queue, channel, tier);
        let promise = |measure| promises.of_measure(measure, queue, channel, tier);
        let judges_both_alike = promise(Measure::Wait).map(|promise| promise.booked())
            == promise(Measure::ContactWait).map(|promise| promise.booked());
        let of_waits = [Measure::Wait, Measure::ContactWait];
        let mut others = Measure::PROMISED.into_iter().filter(|measure| !of_waits.contains(measure));
        Terms {
            promises: Measure::PROMISED.map(promise),
            judges_both_alike,
            is_of_waits: judges_both_alike && others.all(|measure| promise(measure).is_none()),
            calendar: named.and_then(|name| promises.calendars.get(name)).cloned(),
        }
    }

    /// When the lane is open; none if it always is.
    pub fn calendar(&self) -> Option<&Arc<Calendar>> {
        self.calendar.as_ref()
    }

    /// What is promised on this measure; none where nothing is.
    pub fn promise(&self, measure: Measure) -> Option<&Promise> {
        self.promises.get(measure as usize)?.as_ref()
    }

    /// Measures time as is promised for this measure, without `pauses`.
    pub fn timer<'a>(&'a self, measure: Measure, pauses: &'a [Pause]) -> Timer<'a> {
        let in_business_time = self.promise(measure).is_some_and(|promise| promise.business_time);
        Timer { pauses, calendar: self.calendar.as_deref().filter(|_| in_business_time) }
    }
}

/// A time that is not measured, in milliseconds of event time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// When it begins.
    pub from: u64,
    /// When it ends, after it begins; none while nothing ended it.
    pub until: Option<u64>,
}

/// Measures time.
#[derive(Clone, Copy, Debug)]
pub struct Timer<'a> {
    /// In order, without overlaps.
    pauses: &'a [Pause],
    /// Only while it is open, time counts.
    calendar: Option<&'a Calendar>,
}

impl<'a> Timer<'a> {
    /// All time counts but that of these pauses, which are in order and do not overlap.
    pub fn without_calendar(pauses: &'a [Pause]) -> Timer<'a> {
        Timer { pauses, calendar: None }
    }

    /// How much time counts between two instants, in milliseconds; 0 if they are in the other order.
    pub fn between(&self, from: u64, to: u64) -> u64 {
        let paused = self.pauses.iter().map(|pause| {
            let until = pause.until.unwrap_or(to).min(to);
            self.running(pause.from.max(from), until)
        });
        self.running(from, to) - paused.sum::<u64>()
    }

    /// The earliest instant at which so much time has counted since `from`, all in milliseconds; none if a pause without
    /// end begins before, or if it is beyond all time.
    pub fn after(&self, from: u64, duration_ms: u64) -> Option<u64> {
        let (mut at, mut left) = (from, duration_ms);
        for pause in self.pauses {
            let begins = pause.from.max(at);
            if pause.until.is_some_and(|until| until <= at) {
                continue;
            }
            let counted = self.running(at, begins);
            if counted >= left {
                break;
            }
            left -= counted;
            at = pause.until?;
        }
        let due = self.run_from(at, left)?;
        let is_open = |pause: &Pause| pause.until.is_none() && pause.from < due;
        (!self.pauses.iter().any(is_open)).then_some(due)
    }

    /// As [`Timer::between`], without pauses.
    fn running(&self, from: u64, to: u64) -> u64 {
        self.calendar.map_or(to.saturating_sub(from), |calendar| calendar.open_between(from, to))
    }

    /// As [`Timer::after`], without pauses.
    fn run_from(&self, at: u64, duration_ms: u64) -> Option<u64> {
        self.calendar.map_or(Some(at.saturating_add(duration_ms)), |calendar| calendar.after(at, duration_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::settings::PromiseOverlay;

    const PAUSES: [Pause; 3] = [
        Pause { from: 100, until: Some(200) },
        Pause { from: 300, until: Some(400) },
        Pause { from: 500, until: None },
    ];

    #[test]
    fn what_is_only_shown_makes_no_second_stay() {
        let alike = |change: fn(&mut PromiseOverlay)| {
            let mut promises = Promises::default();
            change(&mut promises.measures.entry(Measure::ContactWait).or_default().service.all);
            Terms::of(&promises, ["billing", "voice", "standard"]).judges_both_alike
        };
        assert!(alike(|_| {}));
        assert!(alike(|said| said.goal = Some(0.9)));
        assert!(alike(|said| said.min_contacts = Some(1)));
        assert!(!alike(|said| said.answer_within_ms = Some(60_000)));
        assert!(!alike(|said| said.business_time = Some(true)));
    }

    #[test]
    fn a_pause_is_not_measured() {
        let timer = Timer::without_calendar(&PAUSES);
        for (from, to, measured) in [
            (0, 100, 100),
            (0, 150, 100),
            (0, 250, 150),
            (150, 250, 50),
            (120, 180, 0),
            (0, 450, 250),
            (0, 900, 300),
            (600, 900, 0),
            (900, 600, 0),
        ] {
            assert_eq!(timer.between(from, to), measured, "{from} to {to}");
        }
    }

    #[test]
    fn a_pause_moves_what_is_due() {
        let timer = Timer::without_calendar(&PAUSES);
        for (from, duration, due) in [
            (0, 0, Some(0)),
            (0, 100, Some(100)),
            (0, 101, Some(201)),
            (0, 200, Some(300)),
            (0, 201, Some(401)),
            (150, 10, Some(210)),
            (150, 0, Some(150)),
            (0, 300, Some(500)),
            (0, 301, None),
            (600, 1, None),
            (600, 0, None),
            (500, 0, Some(500)),
        ] {
            assert_eq!(timer.after(from, duration), due, "{duration} from {from}");
        }
    }
}
