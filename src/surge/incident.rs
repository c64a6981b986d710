//! Incidents: readings in the order of time become surges and silences that begin and end.
//!
//! Nothing but readings decides, so whoever replays the looks of a day from its counts finds the same incidents. A
//! surge is declared at a score, ends when the score has been low for a while, and goes on if it comes back within two
//! hours. A silence lasts from the first to the last silent half hour, and at most until closing time. If a surge
//! follows within an hour, callers are coming back, and both are one incident; but who came before the silence does not
//! make a surge of it.

use std::fmt;

use super::counts::{CELL_MS, Cells};
use super::forecast::DayForecast;
use super::parameters::Parameters;
use super::watch::{Reading, SILENCE, Watch, WindowReading};

/// Incidents that ended longer ago than this, in cells of five minutes, are forgotten.
pub const KEPT: u32 = 2 * 24 * 12;

/// What an incident is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// More arrive than is usual.
    Arrivals,
    /// More arrive than is usual, after next to nobody did: a system is back, and callers with it.
    CallersBack,
    /// Next to nobody arrives in opening hours.
    Silence,
}

/// As in metrics: `arrivals`, `callers_back`, `silence`.
impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Reason::Arrivals => "arrivals",
            Reason::CallersBack => "callers_back",
            Reason::Silence => "silence",
        })
    }
}

/// Something that is not as usual, from when to when.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// When it began, in milliseconds since the epoch: the start of the window that showed it first.
    pub start_ms: u64,
    /// At which look it was declared.
    pub declared_ms: u64,
    /// When it ended; none while it is on.
    pub end_ms: Option<u64>,
    /// What it is.
    pub reason: Reason,
    /// The largest offered over expected of the windows with the highest score of each look at which that is declared,
    /// where less than one expected counts as one; 0 of a silence.
    pub magnitude: f64,
    /// The largest score; 0 of a silence.
    pub peak_score: f64,
    /// Whether the score was critical at some look.
    pub is_critical: bool,
}

/// What a look changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// An incident began. If it is a silence, it ended a surge that was on.
    Began(Reason),
    /// The last incident is another one than it was: callers come back after a silence.
    Turned(Reason),
    /// The last incident, which had ended, goes on.
    Reopened(Reason),
    /// It ended.
    Ended(Reason),
}

/// Folds readings into incidents.
#[derive(Clone, PartialEq, Debug)]
pub struct Detector {
    parameters: Parameters,
    /// By time; only the last may be on.
    incidents: Vec<Incident>,
    /// The first look of those in a row at which the score was low.
    low_since: Option<u32>,
    /// The first cell of the last silence.
    silent_from: u32,
    /// The last look at which it was silent.
    silent_at: u32,
}

impl Detector {
    /// One that has seen nothing.
    pub fn new(parameters: &Parameters) -> Detector {
        Detector {
            parameters: parameters.clone(),
            incidents: Vec::new(),
            low_since: None,
            silent_from: 0,
            silent_at: 0,
        }
    }

    /// The incident that is on.
    pub fn current(&self) -> Option<&Incident> {
        self.incidents.last().filter(|incident| incident.end_ms.is_none())
    }

    /// The incidents of the last two days, by time; only the last may be on.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Takes up the next reading; they come in the order of time.
    pub fn fold(&mut self, reading: &Reading) -> Option<Change> {
        let forgotten = ms(reading.now.saturating_sub(KEPT));
        self.incidents.retain(|incident| incident.end_ms.is_none_or(|end| end >= forgotten));
        let on = self.current().map(|incident| incident.reason);
        if reading.is_silent {
            return self.silence(reading, on);
        }
        let window = self.window(reading);
        let is_surge = window.score >= self.parameters.declare && reading.thin.is_none();
        match on {
            None | Some(Reason::Silence) if is_surge => Some(self.surge(reading, window)),
            None => None,
            Some(Reason::Silence) => self.end(self.silent_at),
            Some(_) => self.go_on(reading, window),
        }
    }

    /// The window with the largest score, of those that hold nobody who came before a silence.
    fn window<'r>(&self, reading: &'r Reading) -> &'r WindowReading {
        let [first, rest @ ..] = &reading.windows;
        let after_silence = rest.iter().filter(|window| window.start >= self.silent_from);
        after_silence.fold(first, |best, window| if window.score > best.score { window } else { best })
    }

    fn surge(&mut self, reading: &Reading, window: &WindowReading) -> Change {
        self.low_since = None;
        let Parameters { callers_back_cells, merge_cells, .. } = self.parameters;
        let change = match self.last_within(reading.now, callers_back_cells, merge_cells) {
            Some(last) if last.reason == Reason::Silence => {
                (last.reason, last.end_ms) = (Reason::CallersBack, None);
                Change::Turned(Reason::CallersBack)
            }
            Some(last) => {
                last.end_ms = None;
                Change::Reopened(last.reason)
            }
            None => {
                let ended_ms = self.incidents.last().and_then(|last| last.end_ms).unwrap_or(0);
                self.begin(reading, ms(window.start).max(ended_ms), Reason::Arrivals)
            }
        };
        self.raise(window);
        change
    }

    fn silence(&mut self, reading: &Reading, on: Option<Reason>) -> Option<Change> {
        let start = reading.now.saturating_sub(SILENCE);
        self.silent_at = reading.now;
        if on == Some(Reason::Silence) {
            return None;
        }
        if on.is_some() {
            self.end(self.low_since.unwrap_or(start).min(start));
        }
        let merge_cells = self.parameters.merge_cells;
        match self.last_within(reading.now, merge_cells, 0) {
            Some(last) if last.reason == Reason::Silence => {
                last.end_ms = None;
                self.silent_from = start;
                Some(Change::Reopened(Reason::Silence))
            }
            _ => {
                self.silent_from = start;
                Some(self.begin(reading, ms(start), Reason::Silence))
            }
        }
    }

    fn begin(&mut self, reading: &Reading, start_ms: u64, reason: Reason) -> Change {
        self.incidents.push(Incident {
            start_ms,
            declared_ms: ms(reading.now),
            end_ms: None,
            reason,
            magnitude: 0.0,
            peak_score: 0.0,
            is_critical: false,
        });
        Change::Began(reason)
    }

    /// The last incident, if it is on or ended at most so many cells ago.
    fn last_within(&mut self, now: u32, after_silence: u32, after_surge: u32) -> Option<&mut Incident> {
        let last = self.incidents.last_mut()?;
        let within = if last.reason == Reason::Silence { after_silence } else { after_surge };
        let is_near = last.end_ms.is_none_or(|end_ms| ms(now).saturating_sub(end_ms) <= ms(within));
        is_near.then_some(last)
    }

    fn go_on(&mut self, reading: &Reading, window: &WindowReading) -> Option<Change> {
        if window.score >= self.parameters.clear {
            self.low_since = None;
            self.raise(window);
            return None;
        }
        let since = *self.low_since.get_or_insert(reading.now);
        if reading.now.saturating_sub(since) >= self.parameters.clear_cells { self.end(since) } else { None }
    }

    fn end(&mut self, at: u32) -> Option<Change> {
        self.low_since = None;
        let last = self.incidents.last_mut()?;
        last.end_ms = Some(ms(at).max(last.start_ms));
        Some(Change::Ended(last.reason))
    }

    fn raise(&mut self, window: &WindowReading) {
        let Some(last) = self.incidents.last_mut() else { return };
        if window.score >= self.parameters.declare {
            last.magnitude = last.magnitude.max(window.offered as f64 / window.expected.max(1.0));
        }
        last.peak_score = last.peak_score.max(window.score);
        last.is_critical |= window.score >= self.parameters.critical;
    }
}

/// What was to be said of some days.
#[derive(Clone, PartialEq, Debug)]
pub struct Replay {
    /// Each look.
    pub readings: Vec<Reading>,
    /// What it comes to; the next look goes on with it.
    pub detector: Detector,
}

/// All looks at consecutive days until `until`, the first of which is not known before: as if one had looked all the
/// time. Looks are at the cells that are multiples of [`Parameters::look_every_cells`].
pub fn replay(forecasts: &[DayForecast], cells: &Cells, until: u32, parameters: &Parameters) -> Replay {
    let mut replay = Replay { readings: Vec::new(), detector: Detector::new(parameters) };
    let mut eve = None;
    for forecast in forecasts {
        let watch = Watch::new(forecast.clone(), eve, parameters);
        eve = Some(forecast);
        for reading in watch.readings(cells, until, parameters.look_every_cells) {
            replay.detector.fold(&reading);
            replay.readings.push(reading);
        }
    }
    replay
}

fn ms(cell: u32) -> u64 {
    u64::from(cell) * CELL_MS
}

#[cfg(test)]
#[path = "tests_of_incident.rs"]
mod tests;
