//! Who hears of incidents: the log, and a topic if one is configured.
//!
//! A record is keyed by the queue, so that all that is told of a queue is in one partition, and says in JSON:
//!
//! | field | |
//! |---|---|
//! | `id` | the same whenever this incident is told: queue and start |
//! | `queue` | whose calls, letters or chats |
//! | `state` | `began`, `turned` (the reason is another one now), `ended`, or `reopened` (within two hours it goes on) |
//! | `reason` | `arrivals`: more come than is usual; `silence`: nobody comes though it is open; `callers_back`: more than usual come after a silence |
//! | `start`, `declared`, `end` | when it began, was first seen, and ended, as RFC 3339 in UTC; `end` only once it is over |
//! | `magnitude` | the greatest number of times that as many came as were expected; 0 of a silence |
//! | `score` | the highest score, about a normal deviate; 0 of a silence |
//! | `critical` | whether it ever was |
//!
//! Each beginning and end is told at least once: by a process that starts anew again, if it is on or was over less than two
//! hours ago. What has been on since before yesterday has another `id` for a process that starts anew, and the one that it
//! had never ends: of a queue the latest that began holds. What cannot be delivered for long is told in the log.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::clock;
use crate::config::Kafka;
use crate::event::EventTime;
use crate::kafka::outbox::{Address, Letter, Outbox, OutboxError};
use crate::kafka::undelivered::Undelivered;
use crate::log::Recurring;
use crate::meters::Meters;
use crate::publish::edges::written;
use crate::source::kafka::hub::Hub;
use crate::surge::Incident;

/// At the end, what is under way is waited for so long.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// What became of an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It was declared.
    Began,
    /// It has another reason now.
    Turned,
    /// It was over, and goes on.
    Reopened,
    /// It is over.
    Ended,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Began => "began",
            State::Turned => "turned",
            State::Reopened => "reopened",
            State::Ended => "ended",
        }
    }
}

/// What is told of an incident.
#[derive(Clone, PartialEq, Debug)]
pub struct ToldIncident {
    /// Whose.
    pub queue: String,
    /// What became of it.
    pub state: State,
    /// As it is known now.
    pub incident: Incident,
}

#[derive(Serialize)]
struct IncidentJson<'t> {
    id: String,
    queue: &'t str,
    state: &'static str,
    reason: String,
    start: String,
    declared: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    magnitude: f64,
    score: f64,
    critical: bool,
}

/// Tells of incidents.
pub struct News {
    outbox: Option<Outbox>,
    /// Letters come of no partition: this one is nowhere.
    undelivered: Arc<Undelivered>,
    told: i64,
}

impl News {
    /// To the topic that is configured, if there is one. Why letters wait is told to the hub.
    ///
    /// # Errors
    /// See [`Outbox::open`].
    pub fn open(
        kafka: &Kafka,
        topic: Option<&str>,
        hub: &Arc<Hub>,
        meters: &Meters,
        recurring: &impl Fn() -> Recurring,
    ) -> Result<News, OutboxError> {
        let open = |topic: &str| {
            let hub = Arc::clone(hub);
            let address = Address {
                topic: topic.to_owned(),
                what: "surges",
                meters: meters.surge_letters.clone(),
                too_large: recurring(),
                tell: Box::new(move |kind, words| hub.tell_trouble(kind, words.to_owned(), clock::monotonic())),
            };
            Outbox::open(kafka, address)
        };
        let outbox = topic.map(open).transpose()?;
        Ok(News { outbox, undelivered: Arc::new(Undelivered::of(Arc::from("surges"), 0)), told: 0 })
    }

    /// Tells of one. Does not wait.
    pub fn tell(&mut self, told: &ToldIncident) {
        let ToldIncident { queue, state, incident } = told;
        let (state, reason, magnitude) = (state.name(), incident.reason.to_string(), incident.magnitude);
        tracing::info!(queue, state, reason, magnitude, score = incident.peak_score, start = %text(incident.start_ms), "load");
        if let Some(outbox) = &self.outbox {
            let letter = Letter::new(Some(queue.as_bytes()), Some(&payload(told)));
            outbox.send(letter, &self.undelivered, self.told);
            self.told += 1;
        }
    }

    /// To be called when there are no news any more.
    pub fn close(&self) {
        self.outbox.iter().for_each(|outbox| outbox.close(LONGEST_FAREWELL));
    }
}

fn payload(ToldIncident { queue, state, incident }: &ToldIncident) -> Vec<u8> {
    let start = text(incident.start_ms);
    let json = IncidentJson {
        id: format!("{queue}/{start}"),
        queue,
        state: state.name(),
        reason: incident.reason.to_string(),
        declared: text(incident.declared_ms),
        end: incident.end_ms.map(text),
        start,
        magnitude: incident.magnitude,
        score: incident.peak_score,
        critical: incident.is_critical,
    };
    serde_json::to_vec(&json).expect("all of it is text and numbers under names")
}

fn text(ms: u64) -> String {
    EventTime::from_millis(ms).map_or_else(String::new, written)
}
