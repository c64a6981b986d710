//! What is usual for each queue and how today compares, with the agents that its load needs; and what is expected of the
//! days to come.

use std::collections::BTreeMap;

use serde::Serialize;

use super::queues::json;
use crate::event::EventTime;
use crate::publish::edges::written;
use crate::publish::forecast::{self, BandJson, BaselineJson};
use crate::publish::snapshot::{CalendarDay, LOOK_WINDOWS, Load, QueueLoad, Snapshot};
use crate::publish::staffing::{Model, Outlook, Planning};
use crate::surge::{Incident, LevelTest, Reading};

/// All queues.
#[derive(Serialize)]
struct LoadJson<'s> {
    /// The instant of the look.
    now: String,
    /// When it was last learned what is usual.
    learned: String,
    calendars: BTreeMap<&'s str, CalendarJson>,
    queues: Vec<QueueJson<'s>>,
}

#[derive(Serialize)]
struct CalendarJson {
    business_day_of_month: Option<u8>,
    holiday: bool,
    next_month_start: Option<String>,
}

/// One queue.
#[derive(Serialize)]
struct QueueJson<'s> {
    queue: &'s str,
    open: bool,
    baseline: BaselineJson,
    /// The highest of those of the windows.
    score: f64,
    windows: BTreeMap<&'static str, WindowJson>,
    silent: bool,
    /// What is on now.
    incident: Option<IncidentJson>,
    /// Those of today and yesterday.
    incidents: Vec<IncidentJson>,
    today: TodayJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    staffing: Option<StaffingJson>,
}

#[derive(Serialize)]
struct WindowJson {
    offered: u64,
    expected: f64,
    score: f64,
}

#[derive(Serialize)]
struct IncidentJson {
    reason: String,
    start: String,
    declared: String,
    end: Option<String>,
    magnitude: f64,
    score: f64,
    critical: bool,
}

/// Today, against what was expected of it.
#[derive(Serialize)]
struct TodayJson {
    offered: u64,
    /// In all, as far as is known now.
    expected: BandJson,
    factor: f64,
    /// Why no surge can be declared today; null if one can.
    thin: Option<String>,
    /// Null before enough were expected since opening.
    against_ordinary_day: Option<LevelJson>,
    against_month_start: Option<LevelJson>,
}

#[derive(Serialize)]
struct LevelJson {
    level: f64,
    unusual: bool,
}

/// What the load takes.
#[derive(Serialize)]
struct StaffingJson {
    arrivals_per_hour: f64,
    handle_seconds: Option<f64>,
    erlangs: Option<f64>,
    patience_seconds: Option<f64>,
    agents: Option<u64>,
    /// By Erlang C and, where patience is known, Erlang A.
    models: BTreeMap<&'static str, ModelJson>,
}

#[derive(Serialize)]
struct ModelJson {
    agents_required: u64,
    agents_to_schedule: u64,
    /// With the agents who are there.
    predicted_service_level: Option<f64>,
}

impl From<&Incident> for IncidentJson {
    fn from(incident: &Incident) -> Self {
        IncidentJson {
            reason: incident.reason.to_string(),
            start: instant(incident.start_ms),
            declared: instant(incident.declared_ms),
            end: incident.end_ms.map(instant),
            magnitude: incident.magnitude,
            score: incident.peak_score,
            critical: incident.is_critical,
        }
    }
}

fn instant(ms: u64) -> String {
    EventTime::from_millis(ms).map_or_else(String::new, written)
}

fn level(level: Option<LevelTest>) -> Option<LevelJson> {
    level.map(|LevelTest { statistic, is_unusual, .. }| LevelJson { level: statistic, unusual: is_unusual })
}

/// The page of all queues; none before anything was looked at, or while this process does not hold whole queues.
pub fn page(snapshot: &Snapshot, outlooks: &BTreeMap<&str, Outlook>) -> Option<Vec<u8>> {
    let Load { at, learned_at, queues, calendars } = snapshot.load.as_deref()?;
    let calendar = |day: &CalendarDay| CalendarJson {
        business_day_of_month: day.business_day,
        holiday: day.is_holiday,
        next_month_start: day.next_month_start.map(written),
    };
    Some(json(&LoadJson {
        now: written(*at),
        learned: written(*learned_at),
        calendars: calendars.iter().map(|(name, day)| (name.as_str(), calendar(day))).collect(),
        queues: queues.iter().map(|(name, load)| queue(name, load, outlooks.get(name.as_str()))).collect(),
    }))
}

fn queue<'s>(name: &'s str, load: &QueueLoad, outlook: Option<&Outlook>) -> QueueJson<'s> {
    let Reading {
        score,
        windows,
        factor,
        against_ordinary,
        against_month_start,
        is_silent,
        is_open,
        offered_today,
        today,
        thin,
        ..
    } = &load.reading;
    let window = |window: &crate::surge::WindowReading| WindowJson {
        offered: window.offered,
        expected: window.expected,
        score: window.score,
    };
    QueueJson {
        queue: name,
        open: *is_open,
        baseline: BaselineJson::from(load.standing),
        score: *score,
        windows: LOOK_WINDOWS.into_iter().zip(windows.iter().map(window)).collect(),
        silent: *is_silent,
        incident: load.incident.as_ref().map(IncidentJson::from),
        incidents: load.incidents.iter().map(IncidentJson::from).collect(),
        today: TodayJson {
            offered: *offered_today,
            expected: (*today).into(),
            factor: *factor,
            thin: thin.map(|thin| thin.to_string()),
            against_ordinary_day: level(*against_ordinary),
            against_month_start: level(*against_month_start),
        },
        staffing: outlook.map(staffing),
    }
}

fn staffing(outlook: &Outlook) -> StaffingJson {
    let model = |(model, staffed): (&Model, &crate::publish::staffing::Staffed)| {
        let told = ModelJson {
            agents_required: staffed.required.agents,
            agents_to_schedule: staffed.required.agents_scheduled,
            predicted_service_level: staffed.predicted.map(|predicted| predicted.service_level),
        };
        (model.name(), told)
    };
    StaffingJson {
        arrivals_per_hour: outlook.arrivals_per_second * 3_600.0,
        handle_seconds: outlook.handle_seconds,
        erlangs: outlook.load.map(|load| load.erlangs()),
        patience_seconds: outlook.patience.map(|patience| patience.seconds()),
        agents: outlook.agents,
        models: outlook.models.iter().map(model).collect(),
    }
}

/// What is expected of one queue from today on, for so many days, or as many as are known; none if there is no such queue.
pub fn forecast(snapshot: &Snapshot, outlook: Option<&Outlook>, queue: &str, days: usize) -> Option<Vec<u8>> {
    let load = snapshot.load.as_deref()?.queues.get(queue)?;
    let unpromised = Planning { times: load.known.times, aim: None };
    let planning = outlook.map_or(unpromised, |outlook| outlook.planning);
    let days = &load.days[..days.min(load.days.len())];
    Some(json(&forecast::QueueForecast::of(queue, load.standing, days, &load.calendar, planning)))
}
