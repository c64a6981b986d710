//! What is known of every queue: learned at the first look of each local day, and read at every look.
//!
//! A queue that is looked at for the first time, or whose days are others now, is replayed from the midnight before the last
//! one; from then on every look goes on from the one before, also over midnight.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;

use super::calendars::Calendars;
use super::news::{State, ToldIncident};
use super::{Arrived, cell_of};
use crate::config::Surge;
use crate::engine::settings::Promises;
use crate::event::EventTime;
use crate::publish::seed::Seed;
use crate::publish::snapshot::{CalendarDay, KnownBefore, Load, QueueLoad};
use crate::surge::{
    Baseline, BusinessCalendar, Cells, Change, DayForecast, Detector, Incident, Parameters, Reading, Reason, Standing,
    Watch, replay,
};

/// So many days are forecast, today among them: a fortnight to come.
const DAYS: usize = 15;

/// A process that starts tells once more what is on, or was over less than this ago, in milliseconds.
const TOLD_AGAIN_MS: u64 = 2 * 3_600_000;

/// All queues.
pub struct Book {
    calendars: Calendars,
    parameters: Parameters,
    seed: Arc<Seed>,
    queues: BTreeMap<String, Page>,
    /// What calendars were made of at the latest look.
    promises: Promises,
    learned_at: Option<EventTime>,
}

/// One queue.
struct Page {
    calendar: BusinessCalendar,
    date: Date,
    standing: Standing,
    days: Arc<Vec<DayForecast>>,
    month_start: Option<Arc<DayForecast>>,
    watch: Watch,
    detector: Detector,
    reading: Reading,
    begun: BTreeMap<Reason, u64>,
}

impl Book {
    /// Nothing is known but what was counted before.
    pub fn new(surge: Surge, seed: Arc<Seed>) -> Book {
        let mut parameters = Parameters::default();
        parameters.declare = surge.declare.unwrap_or(parameters.declare);
        parameters.critical = parameters.critical.max(parameters.declare);
        Book {
            calendars: Calendars::new(surge),
            parameters,
            seed,
            queues: BTreeMap::new(),
            promises: Promises::default(),
            learned_at: None,
        }
    }

    /// Takes in one look, and says what is known and what there is to tell. Looks come in order of time. None, and what it
    /// took in may be a part, if it `is_stopping` meanwhile.
    pub fn look(
        &mut self,
        arrived: &Arrived,
        promises: &Promises,
        is_stopping: impl Fn() -> bool,
    ) -> Option<(Load, Vec<ToldIncident>)> {
        if self.promises != *promises {
            self.calendars.forget();
            self.promises = promises.clone();
        }
        let (mut news, mut queues, mut calendars) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let names = arrived.queues(&self.seed);
        self.queues.retain(|name, _| names.contains(name.as_str()));
        for name in names {
            if is_stopping() {
                return None;
            }
            let calendar = self.calendars.of(name, promises);
            let Some(date) = calendar.date_of(arrived.until.millis()) else { continue };
            let of_queue = OfQueue { name, arrived, seed: &self.seed, parameters: &self.parameters };
            let learned = match self.queues.get_mut(name) {
                Some(page) if page.calendar == calendar && page.date == date => {
                    page.go_on(&of_queue, &mut news);
                    false
                }
                Some(page)
                    if page.calendar == calendar && page.date.tomorrow().is_ok_and(|tomorrow| tomorrow == date) =>
                {
                    page.turn(&of_queue, date, &mut news);
                    true
                }
                known => {
                    let page = of_queue.open(calendar, date, known.as_deref(), &mut news);
                    self.queues.insert(name.to_owned(), page);
                    true
                }
            };
            if learned {
                self.learned_at = Some(arrived.until);
            }
            let known = self.seed.queues.get(name).map_or_else(KnownBefore::default, |seed| seed.known.clone());
            queues.insert(name.to_owned(), self.queues[name].load(known));
            let named = self.calendars.name_of(name, promises).to_owned();
            if !calendars.contains_key(&named) {
                let day = calendar_day(&self.calendars.named(&named, promises), arrived.until);
                calendars.extend(day.map(|day| (named, day)));
            }
        }
        let learned_at = self.learned_at.unwrap_or(arrived.until);
        Some((Load { at: arrived.until, learned_at, queues, calendars }, news))
    }
}

fn calendar_day(calendar: &BusinessCalendar, at: EventTime) -> Option<CalendarDay> {
    let date = calendar.date_of(at.millis())?;
    let next = calendar.next_month_start(date).and_then(|date| calendar.midnight_ms(date));
    Some(CalendarDay {
        business_day: calendar.day(date).business_day,
        is_holiday: calendar.is_holiday(date),
        next_month_start: next.and_then(EventTime::from_millis),
    })
}

/// What is known of one queue at a look.
struct OfQueue<'l> {
    name: &'l str,
    arrived: &'l Arrived,
    seed: &'l Seed,
    parameters: &'l Parameters,
}

/// What a day begins with.
struct Learned {
    standing: Standing,
    days: Arc<Vec<DayForecast>>,
    month_start: Option<Arc<DayForecast>>,
}

impl OfQueue<'_> {
    /// What is expected from this day on, by what came before it. Of a queue of which nothing is known, only that day.
    fn learn(&self, calendar: &BusinessCalendar, date: Date) -> Learned {
        let baseline = self.baseline_before(calendar, date);
        let standing = baseline.standing();
        let count = if standing.days > 0 { DAYS } else { 1 };
        let days = date.series(1_i32.day()).take(count).map(|date| baseline.forecast(date));
        let month_start = calendar.next_month_start(date).filter(|_| count > 1).map(|date| baseline.forecast(date));
        Learned { standing, days: Arc::new(days.collect()), month_start: month_start.map(Arc::new) }
    }

    fn baseline_before(&self, calendar: &BusinessCalendar, date: Date) -> Baseline {
        let counts = self.arrived.counts(self.name, self.seed);
        Baseline::learn(&counts, calendar, date.yesterday().unwrap_or(date), self.parameters)
    }

    /// Reads what there is of a day and of its eve, and tells what is on, or was over a while ago. If something else was
    /// known of the queue, what was declared until then is not told again, and one that was on and is no more has ended.
    fn open(&self, calendar: BusinessCalendar, date: Date, known: Option<&Page>, news: &mut Vec<ToldIncident>) -> Page {
        let Learned { standing, days, month_start } = self.learn(&calendar, date);
        let eve = date.yesterday().unwrap_or(date);
        // As it was to be expected on its own morning.
        let forecasts = [self.baseline_before(&calendar, eve).forecast(eve), days[0].clone()];
        let cells = self.cells(&calendar, date);
        let detector = replay(&forecasts, &cells, self.cell(), self.parameters).detector;
        let watch = Watch::new(days[0].clone(), Some(&forecasts[0]), self.parameters);
        let reading = watch.look(self.cell(), &cells);
        let until = self.arrived.until.millis();
        let was_on = known.and_then(|page| page.detector.current());
        let is_declared_since = |page: &Page, incident: &Incident| cell_of(incident.declared_ms) > page.reading.now;
        let is_other = |incident: &Incident| was_on.is_none_or(|was_on| was_on.start_ms != incident.start_ms);
        let is_news = |incident: &&Incident| match known {
            None => incident.end_ms.is_none_or(|end| end + TOLD_AGAIN_MS >= until),
            Some(page) => is_other(incident) && (incident.end_ms.is_none() || is_declared_since(page, incident)),
        };
        let mut tell = |state, incident: &Incident| news.push(self.told(state, incident));
        if let Some(was_on) = was_on {
            let now = detector.incidents().iter().find(|incident| !is_other(incident));
            let gone = Incident { end_ms: Some(until), ..was_on.clone() };
            let ended = now.map_or(Some(&gone), |now| now.end_ms.is_some().then_some(now));
            ended.into_iter().for_each(|ended| tell(State::Ended, ended));
        }
        for incident in detector.incidents().iter().filter(is_news) {
            tell(State::Began, incident);
            if incident.end_ms.is_some() {
                tell(State::Ended, incident);
            }
        }
        let mut begun = known.map_or_else(BTreeMap::new, |page| page.begun.clone());
        if let Some(page) = known {
            let since = detector.incidents().iter().filter(|incident| is_declared_since(page, incident));
            since.for_each(|incident| *begun.entry(incident.reason).or_default() += 1);
        }
        Page { calendar, date, standing, days, month_start, watch, detector, reading, begun }
    }

    fn told(&self, state: State, incident: &Incident) -> ToldIncident {
        ToldIncident { queue: self.name.to_owned(), state, incident: incident.clone() }
    }

    /// What was offered since the midnight before this day's.
    fn cells(&self, calendar: &BusinessCalendar, date: Date) -> Cells {
        let eve = date.yesterday().unwrap_or(date);
        self.arrived.cells(self.name, self.seed, calendar.midnight_ms(eve).unwrap_or(0))
    }

    /// The first cell that has not been yet.
    fn cell(&self) -> u32 {
        cell_of(self.arrived.until.millis())
    }
}

impl Page {
    /// Reads every look that has not been, up to the latest.
    fn go_on(&mut self, of_queue: &OfQueue<'_>, news: &mut Vec<ToldIncident>) {
        let cells = of_queue.cells(&self.calendar, self.date);
        self.read(of_queue, &cells, of_queue.cell(), news);
    }

    /// Ends the day, and begins the next one.
    fn turn(&mut self, of_queue: &OfQueue<'_>, date: Date, news: &mut Vec<ToldIncident>) {
        let cells = of_queue.cells(&self.calendar, self.date);
        self.read(of_queue, &cells, self.watch.end_cell(), news);
        let Learned { standing, days, month_start } = of_queue.learn(&self.calendar, date);
        self.watch = Watch::new(days[0].clone(), Some(&self.days[0]), of_queue.parameters);
        (self.date, self.standing, self.days, self.month_start) = (date, standing, days, month_start);
        // Nothing of the new day has been yet; its midnight was the last look of the old one.
        self.reading = self.watch.look(self.watch.first_cell(), &cells);
        self.read(of_queue, &cells, of_queue.cell(), news);
    }

    fn read(&mut self, of_queue: &OfQueue<'_>, cells: &Cells, until: u32, news: &mut Vec<ToldIncident>) {
        let step = of_queue.parameters.look_every_cells.max(1);
        for cell in (self.reading.now.saturating_add(step)..=until).step_by(step as usize) {
            self.reading = self.watch.look(cell, cells);
            let was_on = self.detector.current().map(|incident| incident.start_ms);
            let Some(change) = self.detector.fold(&self.reading) else { continue };
            let incidents = self.detector.incidents();
            let mut tell = |state, incident: Option<&Incident>| {
                news.extend(incident.map(|incident| of_queue.told(state, incident)));
            };
            if let Change::Began(_) = change {
                // A silence ends the surge that was on.
                let ended = incidents.iter().rev().skip(1).find(|incident| Some(incident.start_ms) == was_on);
                tell(State::Ended, ended);
            }
            let state = match change {
                Change::Began(_) => State::Began,
                Change::Turned(_) => State::Turned,
                Change::Reopened(_) => State::Reopened,
                Change::Ended(_) => State::Ended,
            };
            tell(state, incidents.last());
            if let Change::Began(reason) | Change::Turned(reason) = change {
                *self.begun.entry(reason).or_default() += 1;
            }
        }
    }

    fn load(&self, known: KnownBefore) -> QueueLoad {
        QueueLoad {
            standing: self.standing,
            reading: self.reading.clone(),
            incident: self.detector.current().cloned(),
            incidents: self.detector.incidents().to_vec(),
            begun: self.begun.clone(),
            days: Arc::clone(&self.days),
            calendar: self.calendar.clone(),
            month_start: self.month_start.clone(),
            known,
        }
    }
}
