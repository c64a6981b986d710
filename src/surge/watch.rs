//! One queue on one local day: what is to be said of it at some instant.
//!
//! A look is a function of the forecast, the counts and the instant, so it is the same whenever it is made again.
//! Windows of 15, 30 and 60 minutes end at the look and reach over midnight into the eve, if its forecast is given;
//! else they begin at midnight. What came in a window says nothing of how busy the day was before it: the day factor is
//! taken from the quarters that were over when it began.

use super::baseline::{Thin, Z};
use super::counts::{CELLS_OF_QUARTER, Cells};
use super::course::Course;
use super::forecast::{Band, DayForecast};
use super::parameters::Parameters;
use super::score::Window;

/// The widths of windows, in cells of five minutes.
pub const WINDOWS: [u32; 3] = [3, 6, 12];

/// The window in which a queue is silent, in cells.
pub const SILENCE: u32 = 6;

/// A silence that lasts for hours makes a day look quiet; for what is to be expected in it, no quieter than this.
const LEAST_FACTOR: f64 = 0.5;

/// The rest of a day is never taken to be a smaller share of it.
const LEAST_SHARE: f64 = 0.01;

/// So many times as much is to be expected where nobody came since opening.
const LATE_OPENING: f64 = 3.0;

/// One queue on one local day.
#[derive(Clone, PartialEq, Debug)]
pub struct Watch {
    forecast: DayForecast,
    eve: Option<DayForecast>,
    parameters: Parameters,
}

/// What is to be said at one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// The cell at whose start it was looked.
    pub now: u32,
    /// The largest score of the windows; not more than 0 if no window has more than expected to speak of.
    pub score: f64,
    /// Which of the windows has it.
    pub window: usize,
    /// The windows, as in [`WINDOWS`].
    pub windows: [WindowReading; 3],
    /// Today against expectation as known now, r: 1 if as much, more if more.
    pub factor: f64,
    /// Whether today is busier than an ordinary day of its weekday; none before enough were to be expected since
    /// opening.
    pub against_ordinary: Option<LevelTest>,
    /// Whether today is busier than usual even for its place in the month; on most days the same.
    pub against_month_start: Option<LevelTest>,
    /// Whether next to nobody came in the last half hour, though it is open and many were to be expected.
    pub is_silent: bool,
    /// Whether the last quarter of an hour was open.
    pub is_open: bool,
    /// How many came today.
    pub offered_today: u64,
    /// How many come on the whole of today, as known now.
    pub today: Band,
    /// Why what was expected is not to be trusted; none if it is.
    pub thin: Option<Thin>,
}

/// One window at one instant.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct WindowReading {
    /// How wide it is, in cells; less than usual just after the first midnight.
    pub cells: u32,
    /// Its first cell.
    pub start: u32,
    /// How many came.
    pub offered: u64,
    /// How many were to be expected of today, as known before the window.
    pub expected: f64,
    /// The day factor before the window.
    pub factor: f64,
    /// How far that is beyond chance, about a normal deviate.
    pub score: f64,
}

/// Whether a day as a whole is busier than expected.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LevelTest {
    /// The statistic L, about a normal deviate: above 0 if busier.
    pub statistic: f64,
    /// How many came since opening.
    pub observed: u64,
    /// How many were to be expected since then.
    pub expected: f64,
    /// Whether that is beyond chance. Never of a baseline that is too thin to trust.
    pub is_unusual: bool,
}

impl Watch {
    /// Of the day of this forecast. `eve` is that of the day before.
    pub fn new(forecast: DayForecast, eve: Option<&DayForecast>, parameters: &Parameters) -> Watch {
        let first = forecast.first_cell();
        let eve = eve.filter(|eve| eve.end_cell() == first && first > 0).cloned();
        Watch { forecast, eve, parameters: parameters.clone() }
    }

    /// What is expected of the day.
    pub fn forecast(&self) -> &DayForecast {
        &self.forecast
    }

    /// The day's first cell; 0 if the day has none.
    pub fn first_cell(&self) -> u32 {
        self.forecast.first_cell()
    }

    /// The cell after the day's last; 0 if the day has none.
    pub fn end_cell(&self) -> u32 {
        self.forecast.end_cell()
    }

    /// What is to be said at the start of cell `now`, which is after the day's first and not after its end, of the
    /// counts before it. Where `now` lies elsewhere, the nearest of these is meant.
    pub fn look(&self, now: u32, cells: &Cells) -> Reading {
        let now = now.clamp(self.first_cell(), self.end_cell());
        self.followed(cells, now).look(now)
    }

    /// All looks at the day until `until`, at cells that are multiples of `every`: as many calls of [`Watch::look`],
    /// but in one pass.
    pub fn readings(&self, cells: &Cells, until: u32, every: u32) -> Vec<Reading> {
        let (until, every) = (until.min(self.end_cell()), every.max(1));
        let followed = self.followed(cells, until);
        let first = self.first_cell().saturating_add(1).next_multiple_of(every);
        (first..=until).step_by(usize::try_from(every).unwrap_or(1)).map(|now| followed.look(now)).collect()
    }

    fn followed(&self, cells: &Cells, until: u32) -> Followed<'_> {
        let course = Course::new(self.eve.as_ref(), &self.forecast, cells, until, &self.parameters.model);
        Followed { watch: self, course }
    }
}

/// A day that can be looked at, at any instant until some.
struct Followed<'w> {
    watch: &'w Watch,
    course: Course,
}

impl Followed<'_> {
    /// As [`Watch::look`].
    fn look(&self, now: u32) -> Reading {
        let end = (now.saturating_sub(self.course.first) as usize).min(self.course.offered.len());
        let windows = WINDOWS.map(|width| self.window(end, width));
        let best = (0..windows.len()).fold(
            0,
            |best, window| {
                if windows[window].score > windows[best].score { window } else { best }
            },
        );
        let forecast = &self.watch.forecast;
        let level = |usual: f64| self.level_test(end, usual);
        let last = end.checked_sub(1).filter(|last| *last >= self.course.midnight);
        let offered_today = self.course.came(self.course.midnight, end);
        Reading {
            now,
            score: windows[best].score,
            window: best,
            windows,
            factor: self.course.factors[end / 3].mean(),
            against_ordinary: level(forecast.ordinary),
            against_month_start: level(forecast.expected),
            is_silent: self.is_silent(end),
            is_open: last.is_some_and(|last| self.course.is_open[last]),
            offered_today,
            today: self.today(end, offered_today),
            thin: forecast.thin,
        }
    }

    fn window(&self, end: usize, width: u32) -> WindowReading {
        let start = end.saturating_sub(width as usize);
        let before = self.course.factors[start / 3];
        // What of the window is today's though it began on the eve is expected as at midnight.
        let today = if start < self.course.midnight { self.course.factors[self.course.midnight / 3] } else { before };
        let middle = self.course.midnight.clamp(start, end);
        let sum = |from: usize, to: usize| self.course.expected[from..to].iter().sum::<f64>();
        let expected = sum(start, middle) * before.mean() + sum(middle, end) * today.mean();
        let offered = self.course.came(start, end);
        let cells = (end - start) as f64;
        let weights = sum(start, end);
        let spread = self.course.spread[start..end].iter().zip(&self.course.expected[start..end]);
        let spread = spread.map(|(spread, expected)| spread * expected).sum::<f64>() / weights.max(f64::MIN_POSITIVE);
        let forecast = &self.watch.forecast;
        let window = Window {
            quarters: cells / f64::from(CELLS_OF_QUARTER),
            offered: offered as f64,
            expected,
            dispersion: forecast.dispersion,
            spread,
            factor_variance: before.variance().max(today.variance()),
            busy_hour: forecast.busy_hour,
        };
        WindowReading {
            cells: u32::try_from(end - start).unwrap_or(width),
            start: self.course.first + u32::try_from(start).unwrap_or(0),
            offered,
            expected,
            factor: before.mean(),
            score: if end > start { window.score(&self.watch.parameters) } else { 0.0 },
        }
    }

    /// Against a day on which `usual` are expected.
    fn level_test(&self, end: usize, usual: f64) -> Option<LevelTest> {
        let forecast = &self.watch.forecast;
        let today = self.course.midnight..end.max(self.course.midnight);
        let opening = self.course.midnight + self.course.is_open[today].iter().position(|is_open| *is_open)?;
        let expected = self.course.expected[opening..end].iter().sum::<f64>() * usual / forecast.expected;
        if expected.is_nan() || expected < self.watch.parameters.level_expected {
            return None;
        }
        let observed = self.course.came(opening, end);
        let ratio = (observed as f64 + 0.5) / (expected + 0.5);
        let statistic = libm::log(ratio) / (forecast.variance + forecast.dispersion / expected).sqrt();
        let is_unusual = statistic >= self.watch.parameters.level_limit && forecast.thin.is_none();
        Some(LevelTest { statistic, observed, expected, is_unusual })
    }

    fn is_silent(&self, end: usize) -> bool {
        let Some(start) = end.checked_sub(SILENCE as usize) else { return false };
        let forecast = &self.watch.forecast;
        let before = self.course.factors[start / 3].mean().max(LEAST_FACTOR);
        let mut expected = self.course.expected[start..end].iter().sum::<f64>() * before;
        if forecast.thin.is_some() {
            expected *= libm::exp(-Z * forecast.variance.sqrt());
        }
        let Parameters { silent_ratio, silent_expected, .. } = self.watch.parameters;
        let is_silent = |from: usize, expected: f64| self.course.came(from, end) as f64 <= silent_ratio * expected;
        if !self.course.is_open[start..end].iter().all(|is_open| *is_open)
            || expected < silent_expected
            || !is_silent(start, expected)
        {
            return false;
        }
        // Nobody since opening may be but an opening that is late.
        let opening = self.course.is_open[..end].iter().rposition(|is_open| !is_open).map_or(0, |closed| closed + 1);
        let since_opening = expected * self.course.expected[opening..end].iter().sum::<f64>()
            / self.course.expected[start..end].iter().sum::<f64>();
        !is_silent(opening, since_opening) || since_opening >= LATE_OPENING * silent_expected
    }

    /// What came, and what comes yet: as much as was to be expected of the rest, times the factor. How far off that is was
    /// known at midnight, but the smaller the rest the less its hours even out; and what came may have moved the factor by
    /// chance.
    fn today(&self, end: usize, offered: u64) -> Band {
        let forecast = &self.watch.forecast;
        let passed: f64 = self.course.expected[self.course.midnight..end].iter().sum();
        let [at_midnight, factor] = [self.course.midnight, end].map(|place| self.course.light_factors[place / 3]);
        let left = (forecast.expected - passed).max(0.0);
        let rest = left * factor.mean();
        let share = (left / forecast.expected).max(LEAST_SHARE);
        let by_chance = factor.variance() * (1.0 - factor.variance() / at_midnight.variance()).max(0.0);
        let relative = forecast.variance / share.sqrt() + by_chance;
        let Band { mean, lower, upper } = Band::new(rest, forecast.dispersion * rest + rest * rest * relative);
        let offered = offered as f64;
        Band { mean: offered + mean, lower: offered + lower, upper: offered + upper }
    }
}

#[cfg(test)]
#[path = "tests_of_watch.rs"]
mod tests;
