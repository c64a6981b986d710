//! From what was typed to what is usable: one function a section, each key with its bounds, and what makes no sense
//! together.
//!
//! A key that is not written takes the default of its type in `engine::settings`, so that defaults have one home. The
//! promises are in `promises`, the calendars in `calendars`, surveys in `surveys`.

use std::collections::BTreeSet;
use std::path::Path;

use super::calendars;
use super::customers::{self, Files};
use super::duration::{LONGEST_MS, write};
use super::promises;
use super::reading::{Reading, Spot};
use super::section::Section;
use super::surveys;
use super::typed::Value;
use super::understand::{duration, whole, zone};
use crate::engine::settings::{Lifetimes, Limits, SKEW_MS, Settings, SlotWidths, Window};
use crate::event::EventTime;

const HOUR_MS: u64 = 3_600_000;

/// The narrowest fine slot: a narrower one would cost more than it shows.
const NARROWEST_SLOT_MS: u64 = 10_000;

/// How a list of windows is written.
const SOME_WINDOWS: &str = r#"["5m", "1h"]"#;

/// What the whole document says; files are looked for in `folder`. Keys are asked for in the order of the reference, in which messages list them.
pub(super) fn settings(document: &mut Section<'_>, folder: &Path, files: Files) -> Settings {
    let (mut promises, named) = promises::read(document);
    promises.calendars = calendars::read(document, folder, &named);
    let surveys = surveys::read(document);
    let slots = document.section("slots", slots);
    let windows = document.section("windows", |section| windows(section, slots.as_ref()));
    let lifetimes = document.section("lifetimes", lifetimes);
    let limits = document.section("limits", limits);
    let customers = document.section("customers", |section| customers::read(section, files));
    let zone = document.section("report", |section| section.read("zone", zone).or(Settings::default().zone));
    Settings {
        slots: slots.map(|(widths, _)| widths).unwrap_or_default(),
        lifetimes,
        limits,
        customers,
        windows,
        promises: vec![(EventTime::default(), promises)],
        surveys,
        zone,
    }
}

/// The widths and where they were written; none if a mistake was told, so that nothing else is judged by a width that
/// nobody meant.
fn slots(section: &mut Section<'_>) -> Option<(SlotWidths, Spot)> {
    let usual = SlotWidths::default();
    let fine = section.read("fine", duration(NARROWEST_SLOT_MS..=HOUR_MS));
    let coarse = section.read("coarse", duration(NARROWEST_SLOT_MS..=HOUR_MS));
    if fine.is_refused() || coarse.is_refused() {
        return None;
    }
    let spot = coarse.spot().or(fine.spot()).unwrap_or(section.spot()).clone();
    let widths = SlotWidths { fine_ms: fine.or(usual.fine_ms), coarse_ms: coarse.or(usual.coarse_ms) };
    let [fine, coarse] = [widths.fine_ms, widths.coarse_ms].map(write);
    if !HOUR_MS.is_multiple_of(widths.coarse_ms) {
        section.refuse(&spot, format!("coarse slots of {coarse} do not divide an hour: take 1m, 5m, 10m or 15m"));
    } else if !widths.coarse_ms.is_multiple_of(widths.fine_ms) {
        section.refuse(&spot, format!("fine slots of {fine} do not divide coarse slots of {coarse}: change either"));
    } else {
        return Some((widths, spot));
    }
    None
}

fn windows(section: &mut Section<'_>, slots: Option<&(SlotWidths, Spot)>) -> Vec<Window> {
    let usual = Window::customary();
    let counts = section.read_list("counts", SOME_WINDOWS, window);
    let quantiles = section.read_list("quantiles", SOME_WINDOWS, window);
    let written = matches!(counts, Reading::Usable(..));
    let counts = match counts {
        Reading::Refused => return usual,
        Reading::Absent => {
            // A usual window that does not fit is the fault of the slots.
            let blamed = slots.map_or(section.spot(), |(_, spot)| spot);
            usual.iter().map(|window| (window.clone(), blamed.clone())).collect()
        }
        Reading::Usable(list, spot) => {
            if list.is_empty() {
                section.refuse(&spot, "is empty: list at least one window, as in [\"30m\"]".to_owned());
            }
            refuse_disorder(section, &list);
            list
        }
    };
    for (window, spot) in &counts {
        if let Some((widths, _)) = slots
            && !window.length_ms.is_multiple_of(widths.coarse_ms)
        {
            let fix = if written { "change either" } else { "set windows.counts too" };
            let coarse = write(widths.coarse_ms);
            section
                .refuse(spot, format!("the window {} is not a multiple of coarse slots, {coarse}: {fix}", window.name));
        }
    }
    let quantiles: BTreeSet<u64> = match quantiles {
        Reading::Usable(list, _) => {
            refuse_disorder(section, &list);
            for (window, spot) in &list {
                if !counts.iter().any(|(counted, _)| counted.length_ms == window.length_ms) {
                    section.refuse(spot, format!("\"{}\" is not among counts: add it there too", window.name));
                }
            }
            list.iter().map(|(window, _)| window.length_ms).collect()
        }
        Reading::Absent | Reading::Refused => {
            usual.iter().filter(|window| window.quantiles).map(|window| window.length_ms).collect()
        }
    };
    let with_quantiles =
        |(window, _): (Window, Spot)| Window { quantiles: quantiles.contains(&window.length_ms), ..window };
    counts.into_iter().map(with_quantiles).collect()
}

/// One window, named as it was written.
fn window(value: &Value) -> Result<Window, String> {
    let length_ms = duration(1..=LONGEST_MS)(value)?;
    Ok(Window { name: value.text().unwrap_or_default().to_owned(), length_ms, quantiles: false })
}

fn refuse_disorder(section: &mut Section<'_>, windows: &[(Window, Spot)]) {
    for pair in windows.windows(2) {
        let [(before, _), (window, spot)] = pair else { continue };
        if window.length_ms <= before.length_ms {
            let message = format!(
                "\"{}\" is not longer than \"{}\" before it: list each once, the shortest first",
                window.name, before.name
            );
            section.refuse(spot, message);
        }
    }
}

fn lifetimes(section: &mut Section<'_>) -> Lifetimes {
    let usual = Lifetimes::default();
    // Shorter, and what is told twice could belong to two lives.
    let long_enough = 2 * SKEW_MS..=LONGEST_MS;
    let settle = section.read("settle", duration(long_enough.clone()));
    let lateness = section.read("lateness", duration(1..=LONGEST_MS));
    let agent_expire = section.read("agent_expire", duration(long_enough.clone()));
    let expire = section.read("expire", duration(long_enough.clone()));
    let mut expire_by_channel = usual.expire_by_channel;
    expire_by_channel.extend(section.named_values("expire_by_channel", duration(long_enough)));
    Lifetimes {
        settle_ms: settle.or(usual.settle_ms),
        expire_ms: expire.or(usual.expire_ms),
        expire_by_channel,
        agent_expire_ms: agent_expire.or(usual.agent_expire_ms),
        lateness_ms: lateness.or(usual.lateness_ms),
    }
}

fn limits(section: &mut Section<'_>) -> Limits {
    let usual = Limits::default();
    let mut limit = |key, least, most, usual| {
        let number = section.read(key, whole(least..=most)).value();
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(usual)
    };
    Limits {
        lanes: limit("lanes", 1, 100_000, usual.lanes),
        contacts: limit("contacts", 1, 1_000_000_000, usual.contacts),
        facts: limit("facts", 8, 4_096, usual.facts),
        agents: limit("agents", 1, 10_000_000, usual.agents),
        worst: limit("worst", 1, 1_000, usual.worst),
        record_bytes: limit("record_bytes", 256, 64 * 1024 * 1024, usual.record_bytes),
        past_contacts: limit("past_contacts", 1, 1_000_000_000, usual.past_contacts),
    }
}
