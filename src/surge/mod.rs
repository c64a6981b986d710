//! Surges: what is usual for a queue, and whether more arrive than that beyond chance.
//!
//! Pure, as the engine, and apart from it: counts go in, and what is to be said of them comes out. There is no clock
//! here and no state but counts; whoever has the same counts, calendar and parameters finds the same. In the order in
//! which a number comes about:
//!
//! 1. [`counts`] are arrivals of a queue by quarter of an hour for a year, and by five minutes for two days.
//! 2. [`calendar`] says what kind of [`day`] a date is, from plain data: which business day of its month, short, closed.
//! 3. [`baseline`] learns from whole days what is usual: `level` how many come on a day, `profile` when, `dispersion`
//!    how far off that is; `observed` keeps surges and silences out of it.
//! 4. [`forecast`] is what it says of one day.
//! 5. [`watch`] looks at a day at some instant: `course` is what came cell by cell, `factor` how busy today is, `score`
//!    how far beyond chance a window is.
//! 6. [`incident`] folds looks into surges and silences that begin and end.
//!
//! Whether somebody is woken, what it takes to answer all of them, and where counts come from is decided elsewhere.

pub mod baseline;
pub mod calendar;
mod clock;
pub mod counts;
mod course;
pub mod day;
mod dispersion;
mod factor;
pub mod forecast;
pub mod incident;
mod level;
mod observed;
mod parameters;
mod profile;
#[cfg(test)]
mod sample;
mod score;
pub mod watch;

pub use baseline::{Baseline, Standing, Thin};
pub use calendar::{BusinessCalendar, CalendarMistake, CalendarSpec};
pub use counts::{CELL_MS, Cells, Counts, QUARTER_MS};
pub use day::{Day, Kind};
pub use forecast::{Band, DayForecast, SlotForecast};
pub use incident::{Change, Detector, Incident, Reason, Replay, replay};
pub use parameters::{Model, Parameters};
pub use watch::{LevelTest, Reading, WINDOWS, Watch, WindowReading};
