//! The table of settings as it is encoded with a shard: what was promised from when on, and what cannot change while state
//! is kept.
//!
//! Promises travel with the shard, because each visit is judged by those in force when it was offered, whatever is
//! configured today. All else decides how everything that is held was booked, so it has to be as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Limits, Overlays, Promises, Scopes, Settings};
use crate::engine::calendar::{Calendar, CalendarSpec};
use crate::engine::tally::Measure;
use crate::event::EventTime;

/// What has to be as it was, or the state cannot be kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Fixed {
    slots: (u64, u64),
    lifetimes: (u64, u64, BTreeMap<String, u64>, u64, u64),
    limits: [usize; 5],
    longest_window_ms: u64,
    /// A hash by which nobody can tell the key; how long a customer is remembered.
    customers: (u64, u64),
}

impl Fixed {
    /// That of these settings.
    pub(in crate::engine) fn of(settings: &Settings) -> Fixed {
        let Settings { slots, lifetimes, customers, .. } = settings;
        let Limits { lanes, contacts, facts, agents, past_contacts, worst: _, record_bytes: _ } = settings.limits;
        Fixed {
            slots: (slots.fine_ms, slots.coarse_ms),
            lifetimes: (
                lifetimes.settle_ms,
                lifetimes.expire_ms,
                lifetimes.expire_by_channel.clone(),
                lifetimes.agent_expire_ms,
                lifetimes.lateness_ms,
            ),
            limits: [lanes, contacts, facts, agents, past_contacts],
            longest_window_ms: settings.longest_window_ms(),
            customers: (customers.key.hash(""), customers.longest_within_ms()),
        }
    }

    /// What differs, by the names of settings, with commas; none if nothing does.
    pub(in crate::engine) fn differences(&self, other: &Fixed) -> Option<String> {
        let differ = [
            ("slots", self.slots != other.slots),
            ("lifetimes", self.lifetimes != other.lifetimes),
            ("limits", self.limits != other.limits),
            ("the longest of windows.counts", self.longest_window_ms != other.longest_window_ms),
            ("customers", self.customers != other.customers),
        ];
        let names: Vec<&str> = differ.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// All rows of promises.
#[derive(Default, Serialize, Deserialize)]
pub(in crate::engine) struct TableBody(Vec<RowBody>);

/// From when on, and what.
#[derive(Serialize, Deserialize)]
struct RowBody {
    from: u64,
    service: Overlays,
    queues: BTreeMap<String, Overlays>,
    measures: BTreeMap<Measure, Scopes>,
    calendars: Vec<CalendarBody>,
}

/// Name, what it is made of, and a hash of what came of it.
#[derive(Serialize, Deserialize)]
struct CalendarBody(String, CalendarSpec, u64);

/// Why rows are not what they were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::engine) enum NoTable {
    /// There are none, or they are out of order.
    Disorder,
    /// A calendar opens otherwise than it did, though it is made of the same; its name.
    OtherHours(String),
}

impl TableBody {
    /// These rows.
    pub(in crate::engine) fn of(rows: &[(EventTime, Promises)]) -> TableBody {
        let calendar = |(name, calendar): (&String, &Arc<Calendar>)| {
            CalendarBody(name.clone(), calendar.spec().clone(), calendar.fingerprint())
        };
        let row = |(from, promises): &(EventTime, Promises)| {
            let Promises { service, queues, measures, calendars } = promises.clone();
            RowBody {
                from: from.millis(),
                service,
                queues,
                measures,
                calendars: calendars.iter().map(calendar).collect(),
            }
        };
        TableBody(rows.iter().map(row).collect())
    }

    /// The rows; calendars that are in `configured` too are taken from there, since making one takes a while.
    pub(in crate::engine) fn rows(self, configured: &Promises) -> Result<Vec<(EventTime, Promises)>, NoTable> {
        let mut rows: Vec<(EventTime, Promises)> = Vec::with_capacity(self.0.len());
        for RowBody { from, service, queues, measures, calendars: bodies } in self.0 {
            let from = EventTime::from_millis(from).ok_or(NoTable::Disorder)?;
            if rows.last().map_or(from != EventTime::default(), |(before, _)| *before >= from) {
                return Err(NoTable::Disorder);
            }
            let mut calendars = BTreeMap::new();
            for CalendarBody(name, spec, fingerprint) in bodies {
                let known = rows.iter().map(|(_, row)| row).chain([configured]).find_map(|row| {
                    let same = row.calendars.values().find(|calendar| *calendar.spec() == spec);
                    same.map(Arc::clone)
                });
                let calendar = known.or_else(|| Calendar::new(spec).ok().map(Arc::new));
                let calendar = calendar.filter(|calendar| calendar.fingerprint() == fingerprint);
                let Some(calendar) = calendar else { return Err(NoTable::OtherHours(name)) };
                calendars.insert(name, calendar);
            }
            rows.push((from, Promises { service, queues, measures, calendars }));
        }
        if rows.is_empty() { Err(NoTable::Disorder) } else { Ok(rows) }
    }
}
