//! What can be set on the model. The defaults were found by a walk over five months of a bank's calls.

use serde::{Deserialize, Serialize};

/// How arrivals are watched, and how their usual course is learned.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Parameters {
    /// The score at which a surge is declared, about a normal deviate. The more often one looks, the higher it has to
    /// be.
    pub declare: f64,
    /// The score at which it is critical.
    pub critical: f64,
    /// The score under which it is over, once it has been for `clear_cells`.
    pub clear: f64,
    /// How long, in cells of five minutes, the score has been under `clear` between the first and the last such look.
    pub clear_cells: u32,
    /// Surges, or silences, of which one begins within so many cells after the other's end are the same incident.
    pub merge_cells: u32,
    /// A surge that is declared within so many cells after a silence is the callers coming back.
    pub callers_back_cells: u32,
    /// The statistic at which a whole day is unusual, a normal deviate.
    pub level_limit: f64,
    /// How many are to be expected since opening before a whole day is judged.
    pub level_expected: f64,
    /// The cells of five minutes between two looks of a replay.
    pub look_every_cells: u32,
    /// The least number by which a window exceeds what is expected to count at all.
    pub least_excess: f64,
    /// The same as a share of the busy hour.
    pub least_excess_of_busy_hour: f64,
    /// The share of what is expected up to which a queue is silent.
    pub silent_ratio: f64,
    /// How many are to be expected in half an hour for a queue to be called silent.
    pub silent_expected: f64,
    /// The standard deviation of a day's log level beyond which a baseline is too thin to trust.
    pub thin_deviation: f64,
    /// How many days of a kind, and how many month starts, a baseline has to know.
    pub thin_days: u32,
    /// What the model itself is made of.
    pub model: Model,
}

/// The constants of the model. None has to be set; they are here so that what each is worth can be found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Model {
    /// By how much the log level of days wanders in a day, as a standard deviation.
    pub level_walk: f64,
    /// The same of a weekday.
    pub weekday_walk: f64,
    /// What is assumed of effects of the calendar, as a standard deviation: the less, the more they are shrunk.
    pub effect_deviation: f64,
    /// Beyond so many standard deviations a day counts as one at so many.
    pub robust_limit: f64,
    /// How far off a day may be, in standard deviations, without being a sign that the level has shifted.
    pub shift_slack: f64,
    /// How much of that, added up over days, is a shift.
    pub shift_limit: f64,
    /// What a shift adds to the level, as a standard deviation.
    pub shift_deviation: f64,
    /// After so many days what a working day said of the profile counts half.
    pub half_life_days: f64,
    /// The same of short and closed days.
    pub half_life_closed_days: f64,
    /// The profile of a kind of day counts as so many days of each weekday.
    pub pooled_days: f64,
    /// How much of a slot's share is taken from each of its neighbours.
    pub smoothing: f64,
    /// Standard deviations above what is expected at which a slot is clipped before it is learned.
    pub clip: f64,
    /// By which part of it c, the spread of a slot's own mean, counts.
    pub spread_share: f64,
    /// What of the day factor's information is kept from slot to slot.
    pub factor_memory: f64,
    /// Standard deviations above what is expected at which a slot is clipped for the day factor.
    pub factor_cap: f64,
    /// Standard deviations below what is expected beyond which a slot is left out of the day factor.
    pub factor_left_out: f64,
    /// What is known before the day for the forecast of its rest, as so many contacts.
    pub forecast_weight: f64,
    /// By how much phi grows when a window is twice as wide.
    pub window_growth: f64,
    /// The power of a window's rate over that of the busy hour by which scores of busy queues are weighted.
    pub busy_exponent: f64,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            level_walk: 0.04,
            weekday_walk: 0.006,
            effect_deviation: 0.15,
            robust_limit: 2.0,
            shift_slack: 0.5,
            shift_limit: 4.0,
            shift_deviation: 0.25,
            half_life_days: 70.0,
            half_life_closed_days: 21.0,
            pooled_days: 1.5,
            smoothing: 0.15,
            clip: 3.0,
            spread_share: 0.5,
            factor_memory: 0.99,
            factor_cap: 2.5,
            factor_left_out: 1.5,
            forecast_weight: 30.0,
            window_growth: 0.2,
            busy_exponent: 0.1,
        }
    }
}

impl Default for Parameters {
    /// For looks every five minutes.
    fn default() -> Self {
        Self {
            declare: 2.9,
            critical: 4.0,
            clear: 1.0,
            clear_cells: 3,
            merge_cells: 24,
            callers_back_cells: 12,
            level_limit: 2.3,
            level_expected: 50.0,
            look_every_cells: 1,
            least_excess: 6.0,
            least_excess_of_busy_hour: 1.0 / 16.0,
            silent_ratio: 0.15,
            silent_expected: 8.0,
            thin_deviation: 0.35,
            thin_days: 3,
            model: Model::default(),
        }
    }
}

impl Parameters {
    /// For looks every fifteen minutes.
    pub fn every_quarter() -> Self {
        Self { declare: 2.75, look_every_cells: 3, ..Self::default() }
    }
}
