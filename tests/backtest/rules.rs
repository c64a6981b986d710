//! What every rule is asked, and the simple rules that the model is held against.
//!
//! A rule sees the days before a day, and in the course of it what was offered so far. The simple rules get what can be
//! given to them without making them another model: windows of 15, 30 and 60 minutes of which the worst counts, and the
//! model's condition that a surge is worth telling. They differ in what they expect and how far off is far.

use super::history::{Bank, Counts, SLOTS, Sort, date_of, slots};

/// Windows of 15, 30 and 60 minutes, in slots.
const WINDOWS: [usize; 3] = [1, 2, 4];

/// What a rule made of the days before one day.
pub trait Morning {
    /// Expected in each slot, as known at midnight.
    fn ahead(&self) -> [f64; SLOTS];

    /// Expected in each slot, as known just before it.
    fn corrected(&self, counts: &Counts) -> [f64; SLOTS];

    /// How unusual each look finds what was offered until then; one look after every so many steps of five minutes.
    fn scores(&self, counts: &Counts, every: usize) -> Vec<f64>;

    /// The highest statistics of the day's tests of level, if the rule has such.
    fn levels(&self, counts: &Counts) -> Option<Levels> {
        let _ = counts;
        None
    }
}

/// How much busier a day was than expected, as normal deviates; the highest of its looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// Than such a weekday is.
    pub ordinary: f64,
    /// Than it should be, being a month start or whatever else it is.
    pub month_start: f64,
    /// Whether it was called unusual for such a weekday.
    pub is_busy: bool,
    /// Whether it was called unusual even so.
    pub is_unusual: bool,
}

/// A way to tell surges.
pub trait Rule {
    /// As tables name it.
    fn name(&self) -> String;

    /// What it makes of a queue's days before this one. Must not read any later count.
    fn morning(&self, bank: &Bank, queue: &str, day: usize) -> Box<dyn Morning>;
}

/// A rule that expects a fixed number in each slot.
#[derive(Clone, Copy, Debug)]
pub enum Simple {
    /// What the same slot of last week had.
    LastWeek,
    /// The mean of the same slot over four weeks.
    FourWeeks,
    /// The same over the last four days of the same sort.
    FourWeeksOfSort,
    /// Holds that mean against the spread of those days.
    WeeklyZ,
    /// A smoothed mean of days of that sort, at the level of the last days, with a band as wide as it was wrong lately.
    AdaptiveBand,
}

impl Simple {
    /// All of them.
    pub const ALL: [Simple; 5] =
        [Simple::LastWeek, Simple::FourWeeks, Simple::FourWeeksOfSort, Simple::WeeklyZ, Simple::AdaptiveBand];
}

impl Rule for Simple {
    fn name(&self) -> String {
        match self {
            Simple::LastWeek => "last week's slot",
            Simple::FourWeeks => "four-week mean",
            Simple::FourWeeksOfSort => "four-week mean, holidays known",
            Simple::WeeklyZ => "weekly z-score, holidays known",
            Simple::AdaptiveBand => "adaptive band, holidays known",
        }
        .to_owned()
    }

    fn morning(&self, bank: &Bank, queue: &str, day: usize) -> Box<dyn Morning> {
        let days = &bank.queues[queue];
        let sort = |day: usize| bank.calendar.sort(date_of(day));
        // Whatever else the bank did on a day, one without records tells nothing.
        let weeks = (0..day).rev().filter(|past| (day - past).is_multiple_of(7) && sort(*past) != Sort::Missing);
        let alike = (0..day).rev().filter(|past| bank.alike(day, *past));
        Box::new(match self {
            Simple::LastWeek => poisson(mean(days, weeks.take(1))),
            Simple::FourWeeks => poisson(mean(days, weeks.take(4))),
            Simple::FourWeeksOfSort => poisson(mean(days, alike.take(4))),
            Simple::WeeklyZ => z_score(days, &alike.take(4).collect::<Vec<_>>()),
            Simple::AdaptiveBand => adaptive(bank, days, day),
        })
    }
}

impl Bank {
    /// Whether a past day is of the same sort: a working day like the same weekday, a short or closed one like any
    /// such.
    fn alike(&self, day: usize, past: usize) -> bool {
        let sort = |day: usize| self.calendar.sort(date_of(day));
        match sort(day) {
            Sort::Short | Sort::Closed => sort(past) == sort(day),
            _ => sort(past) == Sort::Working && (day - past).is_multiple_of(7),
        }
    }
}

/// What a simple rule knows in the morning.
struct Expected {
    mean: [f64; SLOTS],
    /// One unit of the score, for each window that ends with each slot.
    spread: [[f64; SLOTS]; WINDOWS.len()],
}

impl Morning for Expected {
    fn ahead(&self) -> [f64; SLOTS] {
        self.mean
    }

    /// Thirty calls of doubt, as in the model's own forecast of the day.
    fn corrected(&self, counts: &Counts) -> [f64; SLOTS] {
        let (mut seen, mut expected) = (30.0, 30.0);
        let mut corrected = self.mean;
        for (slot, offered) in slots(counts).into_iter().enumerate() {
            corrected[slot] *= seen / expected;
            seen += offered;
            expected += self.mean[slot];
        }
        corrected
    }

    fn scores(&self, counts: &Counts, every: usize) -> Vec<f64> {
        assert_eq!(every, super::history::SLOT_STEPS, "simple rules look at whole slots");
        let offered = slots(counts);
        let least = least_excess(&self.mean);
        let score = |end: usize, window: usize| {
            let from = (end + 1).saturating_sub(WINDOWS[window]);
            let excess = sum(&offered, from, end) - sum(&self.mean, from, end);
            if excess >= least { excess / self.spread[window][end] } else { 0.0 }
        };
        (0..SLOTS).map(|end| (0..WINDOWS.len()).map(|window| score(end, window)).fold(0.0, f64::max)).collect()
    }
}

/// A surge is worth telling from six calls more than expected, or a quarter of what the busiest quarter of an hour has.
fn least_excess(mean: &[f64; SLOTS]) -> f64 {
    let busy_hour = (3..SLOTS).map(|end| sum(mean, end - 3, end)).fold(0.0, f64::max);
    (busy_hour / 16.0).max(6.0)
}

fn sum(slots: &[f64; SLOTS], from: usize, end: usize) -> f64 {
    slots[from..=end].iter().sum()
}

fn mean(days: &[Counts], of: impl Iterator<Item = usize>) -> [f64; SLOTS] {
    let (mut total, mut number) = ([0.0; SLOTS], 0.0);
    for day in of {
        let day = slots(&days[day]);
        number += 1.0;
        total.iter_mut().zip(day).for_each(|(total, offered)| *total += offered);
    }
    total.map(|total| if number > 0.0 { total / number } else { 0.0 })
}

/// Of each window that ends with each slot.
fn windows(of: impl Fn(usize, usize) -> f64) -> [[f64; SLOTS]; WINDOWS.len()] {
    WINDOWS.map(|window| std::array::from_fn(|end| of((end + 1).saturating_sub(window), end)))
}

/// As far off as a Poisson count of that mean is by chance.
fn poisson(mean: [f64; SLOTS]) -> Expected {
    Expected { mean, spread: windows(|from, end| (sum(&mean, from, end) + 1.0).sqrt()) }
}

/// As far off as the days behind the mean were from each other, no less than a Poisson count would be.
fn z_score(days: &[Counts], past: &[usize]) -> Expected {
    let mean = mean(days, past.iter().copied());
    let past: Vec<_> = past.iter().map(|day| slots(&days[*day])).collect();
    let spread = windows(|from, end| {
        let expected = sum(&mean, from, end);
        let squares: f64 = past.iter().map(|day| (sum(day, from, end) - expected).powi(2)).sum();
        (squares / (past.len() as f64 - 1.0).max(1.0)).max(expected).max(1.0).sqrt()
    });
    Expected { mean, spread }
}

/// How much of the newest day enters the mean of its sort, the level, and the width of the band.
const MEAN_WEIGHT: f64 = 0.25;
const LEVEL_WEIGHT: f64 = 0.3;
const BAND_WEIGHT: f64 = 0.1;

fn adaptive(bank: &Bank, days: &[Counts], day: usize) -> Expected {
    // Sunday to Thursday by weekday, then short and closed days.
    let sort = |day: usize| match bank.calendar.sort(date_of(day)) {
        Sort::Short => 5,
        Sort::Closed => 6,
        _ => usize::try_from(date_of(day).weekday().to_sunday_zero_offset()).unwrap(),
    };
    let mut means: [Option<[f64; SLOTS]>; 7] = [None; 7];
    let mut level = 1.0;
    let mut widths = [1.0; WINDOWS.len()];
    let learned = |past: usize| !matches!(bank.calendar.sort(date_of(past)), Sort::Missing | Sort::Special);
    for past in (0..day).filter(|past| learned(*past)) {
        let offered = slots(&days[past]);
        let Some(mean) = &mut means[sort(past)] else {
            means[sort(past)] = Some(offered.map(|offered| offered / level));
            continue;
        };
        let expected = mean.map(|mean| mean * level);
        for (width, window) in widths.iter_mut().zip(WINDOWS) {
            let squares = (window - 1..SLOTS).filter_map(|end| {
                let from = end + 1 - window;
                let expected = sum(&expected, from, end);
                (expected >= 1.0).then(|| ((sum(&offered, from, end) - expected).powi(2) / expected).min(9.0))
            });
            let (total, number) = squares.fold((0.0, 0.0), |(total, number), square| (total + square, number + 1.0));
            if number > 0.0 {
                *width += BAND_WEIGHT * (total / number - *width);
            }
        }
        for (mean, offered) in mean.iter_mut().zip(offered) {
            *mean += MEAN_WEIGHT * (offered / level - *mean);
        }
        if bank.ordinary(past) {
            let ratio: f64 = offered.iter().sum::<f64>() / expected.iter().sum::<f64>();
            level *= 1.0 + LEVEL_WEIGHT * (ratio.clamp(0.5, 2.0) - 1.0);
        }
    }
    let mean = means[sort(day)].unwrap_or([0.0; SLOTS]).map(|mean| mean * level);
    let mut spread = poisson(mean).spread;
    for (spread, width) in spread.iter_mut().zip(widths) {
        spread.iter_mut().for_each(|spread| *spread *= f64::max(width, 1.0).sqrt());
    }
    Expected { mean, spread }
}
