//! The usual course of a queue: how many arrive on which day, and when.
//!
//! A baseline is learned anew from counts, day by day in the order of time, so it is a function of them and of the
//! calendar, whoever counted. It keeps a filter of whole days (`level`), the shares of slots (`profile`) and how
//! far they are off (`dispersion`).

use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::BusinessCalendar;
use super::clock::quarters_of;
use super::counts::{Counts, QUARTER_MS};
use super::day::{Day, Kind};
use super::dispersion::Dispersion;
use super::forecast::DayForecast;
use super::level::{self, Expected, Level, Seen, Spread};
use super::observed::{self, Observed, Prior};
use super::parameters::{Model, Parameters};
use super::profile::Profiles;

/// So many days are learned from, at most.
pub const MOST_DAYS: u32 = 400;

/// What days are off by while they are looked through for the first time.
const FIRST_SPREAD: Spread = Spread { working: 0.1, other: 0.2 };

/// How far days may be off, as standard deviations; the likeliest is taken.
const SPREADS: [f64; 5] = [0.06, 0.09, 0.13, 0.2, 0.3];

/// By how much more short and closed days may be off.
const OTHER_SPREADS: [f64; 3] = [1.0, 2.0, 4.0];

/// After so many days of a kind its profile is good enough to tell how far slots are off it.
const PROFILE_KNOWN_AFTER: u32 = 5;

/// A queue to which next to nobody came on so many open days in a row has ended; fewer are a gap in what is known.
const ENDED_AFTER: u32 = 10;

/// On a day on which so many come a queue has not ended; one that had is back.
const BACK_FROM: f64 = 8.0;

/// The standard normal deviate of a two-sided interval of 90 %.
pub(super) const Z: f64 = 1.645;

/// Why a baseline is too thin to trust.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Thin {
    /// Nothing was ever counted.
    NoData,
    /// Too few days of the kind are known.
    FewDays,
    /// It is sure of nothing: days are off by too much, or too many are missing.
    Uncertain,
    /// Too few month starts are known to say what one is like.
    FewMonthStarts,
}

/// For people.
impl fmt::Display for Thin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Thin::NoData => "nothing was counted yet",
            Thin::FewDays => "too few days of this kind are known",
            Thin::Uncertain => "days differ too much, or too many are missing",
            Thin::FewMonthStarts => "too few month starts are known",
        })
    }
}

/// What is behind a baseline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Days of which enough is known, of a queue that had ended since it is back.
    pub days: u32,
    /// Working days among them.
    pub working_days: u32,
    /// First business days of a month among them.
    pub month_starts: u32,
    /// Why it is too thin to trust for an ordinary working day or, if it is not, for a month start; none if it is not.
    pub thin: Option<Thin>,
}

/// What is usual for a queue, as known at the end of a day. It takes some 40 kB, and some 3 ms to learn from 400 days;
/// whoever has many queues keeps forecasts rather than baselines. What was to be expected of a day that is over is what
/// the baseline that was learned through its eve says, so that a replay finds what was found.
#[derive(Clone, PartialEq, Debug)]
pub struct Baseline {
    calendar: BusinessCalendar,
    through: Date,
    learned: Option<Learned>,
    parameters: Parameters,
}

#[derive(Clone, PartialEq, Debug)]
struct Learned {
    level: Level,
    profiles: Profiles,
    dispersion: Dispersion,
    /// Days since the last one that was seen, at the end of the last day.
    gap: u32,
    days_of: [u32; 3],
    month_starts: u32,
}

impl Baseline {
    /// What the days up to this one, which has to be over, say of those to come. Days before the first count, and more
    /// than [`MOST_DAYS`] ago, are not known; other days without any count were empty, unless many were to be expected.
    pub fn learn(counts: &Counts, calendar: &BusinessCalendar, through: Date, parameters: &Parameters) -> Baseline {
        let learned = first_day(counts, calendar, through).and_then(|(first_day, first_quarter)| {
            let mut walk = Walk {
                counts,
                calendar,
                model: &parameters.model,
                first_quarter,
                learned: None,
                seen: Vec::new(),
                first: None,
                empty_days: 0,
            };
            let mut date = first_day;
            while date <= through {
                walk.take(date, age(date, through));
                date = date.tomorrow().ok()?;
            }
            walk.finish()
        });
        Baseline { calendar: calendar.clone(), through, learned, parameters: parameters.clone() }
    }

    /// The last day it knows of.
    pub fn through(&self) -> Date {
        self.through
    }

    /// What is behind it.
    pub fn standing(&self) -> Standing {
        let Some(learned) = &self.learned else { return Standing { thin: Some(Thin::NoData), ..Standing::default() } };
        let mut days = std::iter::successors(self.through.tomorrow().ok(), |day| day.tomorrow().ok()).take(31);
        let next = days.find_map(|date| {
            let day = self.calendar.day(date);
            let is_ordinary = day.kind == Kind::Working && day.business_day != Some(1) && day.special.is_empty();
            is_ordinary.then_some(day)
        });
        let few_starts = (learned.month_starts < self.parameters.thin_days).then_some(Thin::FewMonthStarts);
        Standing {
            days: learned.days_of.iter().sum(),
            working_days: learned.days_of[Kind::Working.index()],
            month_starts: learned.month_starts,
            thin: next.and_then(|day| self.thin(learned, &day, self.expect(learned, &day).variance)).or(few_starts),
        }
    }

    /// What is to be expected of a date, and what was if it is over.
    pub fn forecast(&self, date: Date) -> DayForecast {
        let day = self.calendar.day(date);
        let quarters = quarters_of(&self.calendar, date);
        let Some(learned) = &self.learned else { return DayForecast::unknown(day, &quarters) };
        let expected = self.expect(learned, &day);
        let row = level::ordinary_row(&day);
        let ordinary = learned.level.expect(&row, self.days_ahead(learned, date), day.kind == Kind::Working);
        let total = count_of(expected.mean);
        let shares = learned.profiles.shares(&day, 0, total, &quarters);
        let thin = self.thin(learned, &day, expected.variance);
        DayForecast {
            ordinary: count_of(ordinary.mean) * shares.iter().sum::<f64>(),
            expected: total * shares.iter().sum::<f64>(),
            variance: expected.variance,
            dispersion: learned.dispersion.phi(day.kind),
            busy_hour: self.busy_hour(learned),
            slots: Vec::new(),
            thin,
            day,
            total: Default::default(),
        }
        .with_slots(&quarters, &shares, |slot| self.parameters.model.spread_share * learned.dispersion.spread(slot))
    }

    fn expect(&self, learned: &Learned, day: &Day) -> Expected {
        let row = level::row(&self.calendar, day);
        learned.level.expect(&row, self.days_ahead(learned, day.date), day.kind == Kind::Working)
    }

    fn days_ahead(&self, learned: &Learned, date: Date) -> u32 {
        learned.gap.saturating_add(age(self.through, date))
    }

    fn thin(&self, learned: &Learned, day: &Day, variance: f64) -> Option<Thin> {
        if learned.days_of[day.kind.index()] < self.parameters.thin_days {
            Some(Thin::FewDays)
        } else if variance.sqrt() > self.parameters.thin_deviation {
            Some(Thin::Uncertain)
        } else {
            (day.business_day == Some(1) && learned.month_starts < self.parameters.thin_days)
                .then_some(Thin::FewMonthStarts)
        }
    }

    /// How many are expected in the busiest hour of an ordinary working day.
    fn busy_hour(&self, learned: &Learned) -> f64 {
        let days = std::iter::successors(self.through.tomorrow().ok(), |day| day.tomorrow().ok()).take(14);
        let days: Vec<Day> = days.map(|date| self.calendar.day(date)).collect();
        let Some(day) = days.iter().find(|day| day.kind == Kind::Working).or(days.first()) else { return 0.0 };
        let row = level::ordinary_row(day);
        let total = count_of(learned.level.expect(&row, 0, true).mean);
        let shares = learned.profiles.shares(day, 0, total, &quarters_of(&self.calendar, day.date));
        total * shares.windows(4).map(|hour| hour.iter().sum()).fold(0.0, f64::max)
    }
}

/// The days that are looked through, in the order of time.
struct Walk<'w> {
    counts: &'w Counts,
    calendar: &'w BusinessCalendar,
    model: &'w Model,
    first_quarter: u32,
    learned: Option<Learned>,
    seen: Vec<Seen>,
    first: Option<(Day, f64)>,
    /// Open days in a row on which too little came to be known.
    empty_days: u32,
}

impl Walk<'_> {
    fn take(&mut self, date: Date, age: u32) {
        let day = self.calendar.day(date);
        let quarters = quarters_of(self.calendar, date);
        let learned = self.learned.get_or_insert_with(|| {
            let count: u64 = quarters.iter().map(|quarter| self.counts.count(quarter.quarter)).sum();
            let level = Level::new(self.model, self.calendar, &day, libm::log(count as f64 + 0.5), FIRST_SPREAD);
            let (profiles, dispersion) = (Profiles::new(self.model), Dispersion::default());
            Learned { level, profiles, dispersion, gap: 0, days_of: [0; 3], month_starts: 0 }
        });
        learned.gap += 1;
        learned.dispersion.age(age);
        let is_working = day.kind == Kind::Working;
        let row = level::row(self.calendar, &day);
        let expected = learned.level.expect(&row, learned.gap, is_working);
        let total = count_of(expected.mean);
        let shares = learned.profiles.shares(&day, age, total, &quarters);
        let lower = count_of(expected.mean - Z * expected.variance.sqrt());
        let prior = Prior {
            kind: day.kind,
            quarters: &quarters,
            shares: &shares,
            total,
            lower,
            first_quarter: self.first_quarter,
            clip: self.model.clip,
            has_ended: self.empty_days >= ENDED_AFTER,
        };
        let phi = learned.dispersion.phi(day.kind);
        let seen = |count: f64, known: f64, rest_variance: f64, begins_anew: bool| Seen {
            row,
            gap: learned.gap,
            log_count: libm::log((count + 0.5) / known),
            variance: phi / (count + 0.5) + rest_variance,
            is_working,
            begins_anew,
        };
        let is_open = quarters.iter().any(|quarter| quarter.is_open);
        let Some(observed) = observed::observe(self.counts, &prior, &learned.profiles, &learned.dispersion) else {
            self.empty_days += u32::from(is_open);
            if self.empty_days == ENDED_AFTER {
                let came = observed::counts_of(self.counts, &quarters).iter().sum();
                let seen = seen(came, 1.0, 0.0, true);
                learned.level.update(&seen);
                learned.gap = 0;
                self.seen.push(seen);
            }
            return;
        };
        let whole = observed.count / observed.known;
        let is_back = prior.has_ended && whole >= BACK_FROM;
        // An empty day on which hardly anybody was expected says neither.
        if whole >= BACK_FROM {
            self.empty_days = 0;
        }
        let seen = seen(observed.count, observed.known, observed.rest_variance, is_back);
        if is_back {
            (learned.days_of, learned.month_starts) = ([0; 3], 0);
        }
        learned.level.update(&seen);
        learned.learn_dispersion(&day, &observed, &shares, total);
        learned.profiles.learn(&day, age, whole, &observed.slots);
        learned.gap = 0;
        learned.days_of[day.kind.index()] += 1;
        learned.month_starts += u32::from(day.business_day == Some(1));
        self.first.get_or_insert((day, seen.log_count));
        self.seen.push(seen);
    }

    /// Goes through what was seen again, to find how far days are off.
    fn finish(self) -> Option<Learned> {
        let mut learned = self.learned?;
        let (first, log_count) = self.first?;
        let filter = |spread| {
            let mut level = Level::new(self.model, self.calendar, &first, log_count, spread);
            self.seen.iter().for_each(|seen| level.update(seen));
            level
        };
        let best = |levels: Vec<Level>| levels.into_iter().min_by(|one, other| one.loss().total_cmp(&other.loss()));
        let [less, by, more] = OTHER_SPREADS;
        let spread = |working: f64, by: f64| Spread { working, other: working * by };
        let level = best(SPREADS.iter().map(|working| filter(spread(*working, by))).collect())?;
        let working = level.spread().working;
        learned.level = best(Vec::from([filter(spread(working, less)), level, filter(spread(working, more))]))?;
        Some(learned)
    }
}

impl Learned {
    fn learn_dispersion(&mut self, day: &Day, observed: &Observed, shares: &[f64], total: f64) {
        if self.profiles.days(day.kind) < PROFILE_KNOWN_AFTER {
            return;
        }
        let phi = self.dispersion.phi(day.kind);
        for (seen, share) in observed.slots.iter().zip(shares).filter(|(seen, _)| seen.is_known) {
            let mean = share * total * observed.factor;
            self.dispersion.learn(day.kind, phi, seen.quarter.slot, seen.raw, mean);
        }
    }
}

/// The first day that is learned from, and the first quarter of which anything is known.
fn first_day(counts: &Counts, calendar: &BusinessCalendar, through: Date) -> Option<(Date, u32)> {
    let oldest = through.checked_sub((i64::from(MOST_DAYS) - 1).days()).unwrap_or(Date::MIN);
    let oldest_quarter = calendar.midnight_ms(oldest).unwrap_or(0) / QUARTER_MS;
    let (first, _) = counts.between(u32::try_from(oldest_quarter).ok()?, u32::MAX).next()?;
    let date = calendar.date_of(u64::from(first) * QUARTER_MS)?.max(oldest);
    let is_cut = counts.first() == Some(first);
    (date <= through).then_some((date, if is_cut { first } else { 0 }))
}

/// How many days lie from one date to another; 0 if that is not after it.
fn age(from: Date, to: Date) -> u32 {
    from.until(to).ok().and_then(|span| u32::try_from(span.get_days()).ok()).unwrap_or(0)
}

/// How many are expected if the mean of ln(count + 1/2) is this. Of many it is hardly less than its exponential; where
/// that is 1/2, nobody is.
fn count_of(log_count: f64) -> f64 {
    let count = libm::exp(log_count.clamp(-10.0, 25.0));
    (count - 0.5 * libm::exp(-2.0 * (count - 0.5))).max(0.0)
}

#[cfg(test)]
#[path = "tests_of_baseline.rs"]
mod tests;
