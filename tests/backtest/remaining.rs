//! The incidents that the model itself would have declared, one by one, and what there is to know of each.

use std::ops::Range;

use holdline::surge::{Change, Detector, Incident, Parameters, Reason};

use super::alarms::{Explained, silences, usual_of};
use super::history::{Bank, DAY_MINUTES, JUDGED, STEP_MINUTES, date_of, slots};
use super::modelled::Modelled;
use super::tables::told;

/// How long before a surge silences are told with it: from the morning of the day before. In minutes.
const BEFORE: usize = 36 * 60;

/// Prints surges, with the parameters' own threshold, and what there is to know of each.
pub fn remaining(bank: &Bank, queue: &str, parameters: &Parameters) {
    let every = usize::try_from(parameters.look_every_cells).expect("1 or 3");
    println!(
        "\nSurges the model declares on {queue}, looks every {} min, threshold {}.\nCounts are over the median of the \
         eight nearest same weekdays: in the hour before, in the whole day, in that hour on the other queue",
        every * STEP_MINUTES,
        parameters.declare
    );
    let explained = Explained::of(bank, queue);
    let incidents = incidents(bank, queue, parameters, every);
    let surges: Vec<_> = incidents.iter().filter(|(_, incident)| incident.reason != Reason::Silence).collect();
    for (minute, incident) in &surges {
        let date = date_of(minute / DAY_MINUTES);
        let slot = minute % DAY_MINUTES / 15;
        let hour = slot.saturating_sub(4)..slot;
        let other = if queue == "PS" { "NW" } else { "PS" };
        println!(
            "{}  {} x{:.1} ({}) peak {:4.1}{}; hour {}, day {}, {other} {}; {:?} day{}{}",
            told(*minute),
            if explained.explains(*minute) { "known      " } else { "UNEXPLAINED" },
            incident.magnitude,
            incident.reason,
            incident.peak_score,
            if incident.is_critical { " critical" } else { "" },
            against(bank, queue, *minute, hour.clone()),
            against(bank, queue, *minute, 0..96),
            against(bank, other, *minute, hour),
            bank.calendar.sort(date),
            if bank.calendar.first_business_day(date) { ", first business day" } else { "" },
            silent(bank, queue, *minute),
        );
    }
    let unexplained = surges.iter().filter(|(minute, _)| !explained.explains(*minute)).count();
    let silences = incidents.len() - surges.len();
    println!("{} surges, {unexplained} unexplained; and {silences} silences that no surge followed.", surges.len());
}

/// Offered in some slots of a minute's day, over what is usual.
fn against(bank: &Bank, queue: &str, minute: usize, of: Range<usize>) -> String {
    let day = minute / DAY_MINUTES;
    let [had, usual] = [slots(&bank.queues[queue][day]), usual_of(bank, queue, day)]
        .map(|slots| slots[of.clone()].iter().sum::<f64>());
    format!("{had:.0}/{usual:.0}")
}

/// How long it was silent before a minute.
fn silent(bank: &Bank, queue: &str, minute: usize) -> String {
    let before = minute.saturating_sub(BEFORE)..minute;
    let silences = silences(bank, queue).into_iter().filter(|silence| before.contains(&silence.start));
    let minutes: usize = silences.map(|silence| silence.end.min(minute) - silence.start).sum();
    if minutes > 0 { format!("; {minutes} min silent since the day before") } else { String::new() }
}

/// Incidents as they stood at last, with the minute at which they were declared.
fn incidents(bank: &Bank, queue: &str, parameters: &Parameters, every: usize) -> Vec<(usize, Incident)> {
    let model = Modelled::new("model", bank, parameters.clone());
    let mut detector = Detector::new(parameters);
    let mut incidents: Vec<(usize, Incident)> = Vec::new();
    for day in JUDGED {
        let readings = model.known(bank, queue, day).readings(&bank.queues[queue][day], every);
        for (look, reading) in readings.iter().enumerate() {
            let minute = day * DAY_MINUTES + (look + 1) * every * STEP_MINUTES;
            let change = detector.fold(reading);
            let latest = detector.current().or(detector.incidents().last());
            match (change, latest, incidents.last_mut()) {
                (Some(Change::Began(_)), Some(latest), _) => incidents.push((minute, latest.clone())),
                // Of callers who come back after a silence, the surge is what is told.
                (Some(Change::Turned(_)), Some(latest), Some(last)) => *last = (minute, latest.clone()),
                (_, Some(latest), Some((_, last))) => *last = latest.clone(),
                _ => {}
            }
        }
    }
    incidents
}
