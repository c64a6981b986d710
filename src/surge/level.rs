//! How many arrive on a whole day: a Kalman filter of the logarithm of the day's count.
//!
//! y = ln(count + 1/2) = level + weekday + effects of what the calendar says of the day. The level wanders by 4 % a day
//! and weekdays by 0.6 %; effects stand still and start at nothing, give or take 15 %, which shrinks what few days say
//! of them. One day is one scalar update (R. E. Kalman, 1960). A day that is off by more than two standard deviations
//! counts as one that is off by two, and the further it is off the less it moves. A level that has shifted for good
//! shows as days off to one side: a two-sided CUSUM (E. S. Page, 1954) of their deviations gives the level room to
//! move. One of which nothing is left, as of a queue that has ended, begins anew.

use super::calendar::BusinessCalendar;
use super::day::{Day, Kind};
use super::parameters::Model;

const LEVEL: usize = 0;
const WEEKDAY: usize = 1;
const BUSINESS_DAY: usize = 8;
const LAST_BUSINESS_DAY: usize = 11;
const AFTER_HOLIDAY: usize = 12;
const PAY_DAY: usize = 13;
/// Short and closed days that are like some weekday, by how much more or less.
const SHORT: usize = 14;
const CLOSED: usize = 15;
/// Short and closed days that are like none.
const UNLIKE_SHORT: usize = 16;
const UNLIKE_CLOSED: usize = 17;
const SPECIAL: usize = 18;

/// So many special kinds are told apart; what is beyond has no effect.
const MOST_SPECIAL: usize = 32;

/// Standard deviations of what is assumed at first.
const LEVEL_PRIOR: f64 = 1.5;
/// Of weekdays.
const WORKING_PRIOR: f64 = 0.5;
const SHORT_PRIOR: f64 = 0.7;
const CLOSED_PRIOR: f64 = 1.5;
/// Of days that never open: next to nobody comes, whatever the level is.
const NEVER_OPEN_PRIOR: f64 = 4.0;

/// The share of hours that is assumed of a day without any.
const LEAST_RATIO: f64 = 0.02;

/// So many days without a word are as bad as more.
const LONGEST_GAP: u32 = 400;

/// Which parts of the state a day's logarithm is the sum of, with their factors.
pub type Row = Vec<(usize, f64)>;

/// What was seen of a day.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// What the day is the sum of.
    pub row: Row,
    /// How many days lie between this day and the one seen before; 1 if none are missing.
    pub gap: u32,
    /// The logarithm of its count, scaled up to the whole day.
    pub log_count: f64,
    /// How much that varies by chance.
    pub variance: f64,
    /// Whether it is a working day.
    pub is_working: bool,
    /// Whether what was before says nothing of the level any more.
    pub begins_anew: bool,
}

/// How far days are off beyond chance, as standard deviations of the logarithm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    /// Working days.
    pub working: f64,
    /// Short and closed days.
    pub other: f64,
}

impl Spread {
    /// The variance of such a day.
    pub fn variance(self, is_working: bool) -> f64 {
        let deviation = if is_working { self.working } else { self.other };
        deviation * deviation
    }
}

/// The state of the filter.
#[derive(Clone, PartialEq, Debug)]
pub struct Level {
    model: Model,
    mean: Vec<f64>,
    /// The covariance, row by row.
    covariance: Vec<f64>,
    spread: Spread,
    above: f64,
    below: f64,
    loss: f64,
}

/// What is expected of a day's logarithm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Expected {
    /// The mean.
    pub mean: f64,
    /// The variance of what is not known of it, without that of its count.
    pub variance: f64,
}

impl Level {
    /// What is assumed before anything is seen but that the first day has this logarithm.
    pub fn new(model: &Model, calendar: &BusinessCalendar, first: &Day, log_count: f64, spread: Spread) -> Level {
        let size = SPECIAL + calendar.special_kinds().len().min(MOST_SPECIAL);
        let mut level = Level {
            model: model.clone(),
            mean: vec![0.0; size],
            covariance: vec![0.0; size * size],
            spread,
            above: 0.0,
            below: 0.0,
            loss: 0.0,
        };
        for place in 0..size {
            level.covariance[place * size + place] = model.effect_deviation * model.effect_deviation;
        }
        for weekday in 0..7 {
            let ratio = calendar.hours_ratio(weekday);
            let (mean, deviation) = match calendar.usual_kind(weekday) {
                Kind::Working => (0.0, WORKING_PRIOR),
                Kind::Short => (libm::log(ratio.max(LEAST_RATIO)), SHORT_PRIOR),
                Kind::Closed if ratio == 0.0 => (libm::log(LEAST_RATIO), NEVER_OPEN_PRIOR),
                Kind::Closed => (libm::log(ratio.max(LEAST_RATIO)), CLOSED_PRIOR),
            };
            level.assume(WEEKDAY + weekday, mean, deviation);
        }
        level.assume(UNLIKE_SHORT, libm::log(0.5), SHORT_PRIOR);
        level.assume(UNLIKE_CLOSED, libm::log(LEAST_RATIO), NEVER_OPEN_PRIOR);
        let base: f64 = row(calendar, first).iter().map(|(place, factor)| level.mean[*place] * factor).sum();
        level.assume(LEVEL, log_count - base, LEVEL_PRIOR);
        level
    }

    fn assume(&mut self, place: usize, mean: f64, deviation: f64) {
        self.mean[place] = mean;
        self.covariance[place * self.mean.len() + place] = deviation * deviation;
    }

    /// How far days are off.
    pub fn spread(&self) -> Spread {
        self.spread
    }

    /// How bad its predictions were: minus the logarithm of their likelihood, where what is far off counts less.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// What is expected of a day so many days after the last one that was seen.
    pub fn expect(&self, row: &Row, days_ahead: u32, is_working: bool) -> Expected {
        let mut mean = 0.0;
        let mut variance = self.spread.variance(is_working);
        let days = f64::from(days_ahead.min(LONGEST_GAP));
        for (place, factor) in row {
            mean += self.mean[*place] * factor;
            variance += days * self.walk(*place) * factor * factor;
            variance += row
                .iter()
                .map(|(other, by)| self.covariance[place * self.mean.len() + other] * factor * by)
                .sum::<f64>();
        }
        Expected { mean, variance }
    }

    /// Takes up what was seen of a day.
    pub fn update(&mut self, seen: &Seen) {
        self.wait(seen.gap);
        if seen.begins_anew {
            self.begin_anew(&seen.row, seen.log_count);
        }
        let size = self.mean.len();
        let expected = self.expect(&seen.row, 0, seen.is_working);
        let off = seen.log_count - expected.mean;
        let mut variance = expected.variance + seen.variance;
        let deviations = off / variance.sqrt();
        let beyond = deviations.abs();
        self.loss += libm::log(variance) / 2.0;
        let limit = self.model.robust_limit;
        self.loss += if beyond <= limit { beyond * beyond / 2.0 } else { limit * (beyond - limit / 2.0) };
        if beyond > limit {
            variance = (off / limit).powi(2);
        }
        let gains: Vec<f64> = (0..size)
            .map(|place| seen.row.iter().map(|(other, by)| self.covariance[place * size + other] * by).sum::<f64>())
            .collect();
        for (place, gain) in gains.iter().enumerate() {
            if *gain == 0.0 {
                continue;
            }
            let share = gain / variance;
            self.mean[place] += share * off;
            for (entry, other) in self.covariance[place * size..(place + 1) * size].iter_mut().zip(&gains) {
                *entry -= share * other;
            }
        }
        self.watch_for_shift(deviations.clamp(-limit, limit));
    }

    /// Assumes the level that such a day's logarithm says; weekdays and effects stay as they are.
    fn begin_anew(&mut self, row: &Row, log_count: f64) {
        let size = self.mean.len();
        for place in 0..size {
            self.covariance[LEVEL * size + place] = 0.0;
            self.covariance[place * size + LEVEL] = 0.0;
        }
        let others = row.iter().filter(|(place, _)| *place != LEVEL);
        let others: f64 = others.map(|(place, factor)| self.mean[*place] * factor).sum();
        self.assume(LEVEL, log_count - others, LEVEL_PRIOR);
        (self.above, self.below) = (0.0, 0.0);
    }

    fn wait(&mut self, days: u32) {
        let size = self.mean.len();
        let days = f64::from(days.min(LONGEST_GAP));
        for place in LEVEL..BUSINESS_DAY {
            self.covariance[place * size + place] += days * self.walk(place);
        }
    }

    /// The variance that a day adds to a part of the state.
    fn walk(&self, place: usize) -> f64 {
        match place {
            LEVEL => self.model.level_walk * self.model.level_walk,
            WEEKDAY..BUSINESS_DAY => self.model.weekday_walk * self.model.weekday_walk,
            _ => 0.0,
        }
    }

    fn watch_for_shift(&mut self, deviations: f64) {
        self.above = (self.above + deviations - self.model.shift_slack).max(0.0);
        self.below = (self.below - deviations - self.model.shift_slack).max(0.0);
        if self.above >= self.model.shift_limit || self.below >= self.model.shift_limit {
            self.covariance[LEVEL] += self.model.shift_deviation * self.model.shift_deviation;
            (self.above, self.below) = (0.0, 0.0);
        }
    }
}

/// What a day's logarithm is the sum of.
pub fn row(calendar: &BusinessCalendar, day: &Day) -> Row {
    let mut row = ordinary_row(day);
    if let Some(number @ 1..=3) = day.business_day {
        row.push((BUSINESS_DAY + usize::from(number) - 1, 1.0));
    }
    if day.is_last_business_day {
        row.push((LAST_BUSINESS_DAY, 1.0));
    }
    if day.is_pay_day {
        row.push((PAY_DAY, 1.0));
    }
    debug_assert!(day.special.iter().all(|kind| *kind < calendar.special_kinds().len()));
    row
}

/// The same without what its place in the month says.
pub fn ordinary_row(day: &Day) -> Row {
    let mut row = Vec::from([(LEVEL, 1.0)]);
    let like = (0..7).filter(|weekday| day.like_weekdays >> weekday & 1 == 1);
    let share = 1.0 / f64::from(day.like_weekdays.count_ones().max(1));
    row.extend(like.map(|weekday| (WEEKDAY + weekday, share)));
    if !day.is_regular {
        match (day.kind, day.like_weekdays) {
            (Kind::Working, _) => {}
            (Kind::Short, 0) => row.push((UNLIKE_SHORT, 1.0)),
            (Kind::Short, _) => row.push((SHORT, 1.0)),
            (Kind::Closed, 0) => row.push((UNLIKE_CLOSED, 1.0)),
            (Kind::Closed, _) => row.push((CLOSED, 1.0)),
        }
    }
    if day.is_after_holiday {
        row.push((AFTER_HOLIDAY, 1.0));
    }
    row.extend(day.special.iter().filter(|kind| **kind < MOST_SPECIAL).map(|kind| (SPECIAL + kind, 1.0)));
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surge::sample::{calendar, day, office};

    const SPREAD: Spread = Spread { working: 0.1, other: 0.2 };

    /// A filter that has seen a hundred weeks of days, on all of which as many came.
    fn settled(calendar: &BusinessCalendar) -> Level {
        let mut level = Level::new(&Model::default(), calendar, &calendar.day(day(0)), 7.0, SPREAD);
        (0..700).for_each(|days| update(&mut level, calendar, days, 7.0));
        level
    }

    fn update(level: &mut Level, calendar: &BusinessCalendar, days: i64, log_count: f64) {
        let row = row(calendar, &calendar.day(day(days)));
        level.update(&Seen { row, gap: 1, log_count, variance: 0.001, is_working: true, begins_anew: false });
    }

    fn expected(level: &Level, calendar: &BusinessCalendar, days: i64) -> Expected {
        level.expect(&row(calendar, &calendar.day(day(days))), 1, true)
    }

    #[test]
    fn the_further_off_a_day_is_the_less_it_moves() {
        let calendar = calendar(office("UTC"));
        let settled = settled(&calendar);
        let moved = |off: f64| {
            let mut level = settled.clone();
            update(&mut level, &calendar, 700, 7.0 + off);
            expected(&level, &calendar, 701).mean - expected(&settled, &calendar, 701).mean
        };
        assert!(moved(0.1) > 0.02 && moved(0.2) > 1.9 * moved(0.1));
        assert!(moved(0.5) < moved(0.25) && moved(5.0) < 0.1 * moved(0.25) && moved(5.0) > 0.0);
        assert!((moved(-0.3) + moved(0.3)).abs() < 0.001);
    }

    /// Off by 60 % for good: five standard deviations.
    #[test]
    fn a_shift_gives_the_level_room() {
        let calendar = calendar(office("UTC"));
        let mut level = settled(&calendar);
        let far = |level: &Level, days| 7.5 - expected(level, &calendar, days).mean;
        update(&mut level, &calendar, 700, 7.5);
        update(&mut level, &calendar, 701, 7.5);
        assert!(far(&level, 702) > 0.3);
        (702..705).for_each(|days| update(&mut level, &calendar, days, 7.5));
        assert!(far(&level, 705) < 0.1, "{}", far(&level, 705));
    }

    #[test]
    fn it_knows_less_of_days_far_off() {
        let calendar = calendar(office("UTC"));
        let level = settled(&calendar);
        let row = ordinary_row(&calendar.day(day(700)));
        let variance = |days| level.expect(&row, days, true).variance;
        assert!(variance(0) < variance(1) && variance(1) < variance(30));
        assert_eq!(variance(LONGEST_GAP), variance(u32::MAX));
        assert!((variance(101) - variance(1) - 100.0 * (0.04_f64.powi(2) + 0.006_f64.powi(2))).abs() < 1e-9);
    }
}
