//! The sections `[calendar.NAME]`: where and when somebody is there to answer.
//!
//! Which hours hold on which day is decided here; what is open by them is worked out in `engine::calendar`. Files of
//! holidays are read by `holidays`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::file;
use super::holidays;
use super::mistake::{Place, nearest};
use super::reading::{Reading, Spot};
use super::section::Section;
use super::typed::Value;
use super::understand::zone;
use super::understand_hours::{WEEKDAYS, hours, special_day, weekday};
use crate::engine::calendar::{Calendar, CalendarSpec, Hours};

const SOME_DAYS: &str = r#"["sat", "sun"]"#;
const SOME_HOURS: &str = r#"["09:00-17:00"]"#;
const SOME_HOLIDAYS: &str = r#"["2026-12-25", "2026-12-24 09:00-13:00"]"#;

/// Saturday and Sunday.
const USUAL_WEEKEND: [usize; 2] = [5, 6];
/// From 9 to 17.
const USUAL_HOURS: Hours = Hours::new(9 * 60, 17 * 60).expect("they are within a day");

/// The holidays of all countries over all years are shorter, in bytes; a longer file is another one.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// Hours that begin on one day, and where each was written.
type Day = Vec<(Hours, Spot)>;

/// Reads every calendar. Files are looked for in `folder`, unless their paths are absolute. `named` are the names that
/// promises call calendars by, and where; one that no section has is refused.
pub(super) fn read(
    document: &mut Section<'_>,
    folder: &Path,
    named: &[(String, Spot)],
) -> BTreeMap<String, Arc<Calendar>> {
    let calendars = document.named_sections("calendar", |section| calendar(section, folder));
    let known: Vec<String> = calendars.keys().cloned().collect();
    named.iter().for_each(|(name, spot)| refuse_unknown(document, &known, name, spot));
    calendars.into_iter().filter_map(|(name, calendar)| Some((name, Arc::new(calendar?)))).collect()
}

/// Refuses the name of a calendar that is none of those known.
pub(super) fn refuse_unknown(section: &mut Section<'_>, known: &[String], name: &str, spot: &Spot) {
    if known.iter().any(|known| known == name) {
        return;
    }
    let fix = match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!("write a section [calendar.{name}]"),
    };
    section.refuse(spot, format!("\"{name}\" is not a calendar: {fix}"));
}

/// One calendar; none if a mistake in it was told.
fn calendar(section: &mut Section<'_>, folder: &Path) -> Option<Calendar> {
    let zone = section.read("zone", zone);
    // A value in place of a section is nowhere, and has been told.
    if matches!(zone, Reading::Absent) && section.spot().place != Place::File {
        section.refuse_absence("zone", "is missing: say whose clocks show the hours, as in zone = \"Europe/Berlin\"");
    }
    let zone = zone.value();
    let week = week(section);
    let special = section.read_list("holidays", SOME_HOLIDAYS, special_day);
    // Without a usable zone its mistakes are found all the same.
    let closed = closed_by_file(section, folder, zone.as_deref().unwrap_or("UTC"));

    refuse_overlaps(section, &week);
    if week.iter().all(|day| day.as_ref().is_some_and(Vec::is_empty)) {
        let spot = section.spot().clone();
        section
            .refuse(&spot, "is an empty week, in which nobody is ever there: write hours for a day of it".to_owned());
    }
    let special = match special {
        Reading::Absent => BTreeMap::new(),
        Reading::Usable(list, _) => by_date(section, list)?,
        Reading::Refused => return None,
    };
    refuse_overlaps_of(section, &special, closed.as_ref(), &week);

    let without_spots = |day: Option<Day>| Some(day?.into_iter().map(|(hours, _)| hours).collect::<Vec<_>>());
    let [mon, tue, wed, thu, fri, sat, sun] = week.map(without_spots);
    let mut days: BTreeMap<Date, Vec<Hours>> = closed?.into_iter().map(|date| (date, Vec::new())).collect();
    days.extend(special.into_iter().map(|(date, (hours, _))| (date, hours)));
    let spec = CalendarSpec { zone: zone?, week: [mon?, tue?, wed?, thu?, fri?, sat?, sun?], days };
    Some(Calendar::new(spec).expect("the zone was found before"))
}

/// The hours of each weekday, none of one whose hours could not be read.
fn week(section: &mut Section<'_>) -> [Option<Day>; 7] {
    let weekend = section.read_list("weekend", SOME_DAYS, weekday);
    let usual = section.read_list("hours", SOME_HOURS, hours);
    let days = section.section("days", |days| WEEKDAYS.map(|name| days.read_list(name, SOME_HOURS, hours)));

    let weekend = match weekend {
        Reading::Absent => Some(USUAL_WEEKEND.to_vec()),
        Reading::Usable(list, _) => Some(list.into_iter().map(|(day, _)| day).collect()),
        Reading::Refused => None,
    };
    let usual = match usual {
        Reading::Absent => Some(vec![(USUAL_HOURS, section.spot().clone())]),
        reading => reading.value(),
    };
    let mut number = 0..;
    days.map(|own| {
        let number = number.next()?;
        match own {
            Reading::Usable(list, _) => Some(list),
            Reading::Refused => None,
            Reading::Absent if weekend.as_ref()?.contains(&number) => Some(Vec::new()),
            Reading::Absent => usual.clone(),
        }
    })
}

/// The days that the file of holidays closes, if there is one; none if it cannot be used.
fn closed_by_file(section: &mut Section<'_>, folder: &Path, zone: &str) -> Option<BTreeSet<Date>> {
    let path = section.read("holidays_file", |value: &Value| {
        let path = value.text().filter(|path| !path.is_empty());
        path.ok_or_else(|| format!("{} is not the path of a file, in quotes", value.quoted()))
    });
    let (path, spot) = match path {
        Reading::Absent => return Some(BTreeSet::new()),
        Reading::Usable(path, spot) => (folder.join(path), spot),
        Reading::Refused => return None,
    };
    let written = format!("{:?}", path.display().to_string());
    let zone = TimeZone::get(zone).expect("the zone was found before");
    let closed = file::text_of(&path, &written, LONGEST_FILE).map_err(|message| vec![message]).and_then(|text| {
        holidays::closed_days(&text, &zone).map_err(|mistakes| {
            mistakes.into_iter().map(|(line, message)| format!("the file {written}, line {line}: {message}")).collect()
        })
    });
    match closed {
        Ok(days) => Some(days),
        Err(messages) => {
            messages.into_iter().for_each(|message| section.refuse(&spot, message));
            None
        }
    }
}

/// The listed days by date; none if one is listed twice.
fn by_date(
    section: &mut Section<'_>,
    list: Vec<((Date, Vec<Hours>), Spot)>,
) -> Option<BTreeMap<Date, (Vec<Hours>, Spot)>> {
    let mut days: BTreeMap<Date, (Vec<Hours>, Spot)> = BTreeMap::new();
    let mut is_sound = true;
    for ((date, hours), spot) in list {
        match days.get(&date) {
            Some((_, first)) => {
                let message = format!("{date} is listed twice, first {}: keep one of them", first.place);
                section.refuse(&spot, message);
                is_sound = false;
            }
            None => _ = days.insert(date, (hours, spot)),
        }
    }
    is_sound.then_some(days)
}

/// Tells every two spans of the week that overlap once, on however many days they do.
fn refuse_overlaps(section: &mut Section<'_>, week: &[Option<Day>; 7]) {
    let mut told = BTreeSet::new();
    let mut tell = |blamed: &(Hours, Spot), other: &(Hours, Spot), message: String| {
        if told.insert((blamed.clone(), other.clone())) {
            section.refuse(&blamed.1, message);
        }
    };
    for (day, next) in week.iter().zip(week.iter().cycle().skip(1)) {
        let Some(day) = day else { continue };
        for (later, earlier) in overlapping(day, |(hours, _)| *hours) {
            tell(later, earlier, overlap(later.0, earlier.0));
        }
        for night in day {
            let first = next.iter().flatten().filter(|(hours, _)| runs_into(night.0, *hours)).min();
            if let Some(first) = first {
                tell(night, first, run_into(night.0, first.0));
            }
        }
    }
}

/// Tells the spans of listed days that overlap each other or those of the days beside them.
fn refuse_overlaps_of(
    section: &mut Section<'_>,
    special: &BTreeMap<Date, (Vec<Hours>, Spot)>,
    closed: Option<&BTreeSet<Date>>,
    week: &[Option<Day>; 7],
) {
    let hours_of = |date: Date| match special.get(&date) {
        Some((hours, _)) => hours.clone(),
        None if closed.is_none_or(|closed| closed.contains(&date)) => Vec::new(),
        None => {
            let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
            week[weekday].iter().flatten().map(|(hours, _)| *hours).collect()
        }
    };
    for (date, (day, spot)) in special {
        for (later, earlier) in overlapping(day, |hours| *hours) {
            section.refuse(spot, overlap(*later, *earlier));
        }
        let eve = date.yesterday().map(hours_of).unwrap_or_default();
        for (night, hours) in eve.iter().flat_map(|night| day.iter().map(move |hours| (*night, *hours))) {
            if let Some(end) = night.end_on_next_day().filter(|_| runs_into(night, hours)) {
                let message = format!("\"{hours}\" overlaps \"{night}\" of the eve: let it begin at {}", clock(end));
                section.refuse(spot, message);
            }
        }
        // What is between two listed days is told by the later one.
        let next = date.tomorrow().ok().filter(|next| !special.contains_key(next)).map(hours_of).unwrap_or_default();
        for night in day {
            if let Some(first) = next.iter().filter(|hours| runs_into(*night, **hours)).min() {
                section.refuse(spot, run_into(*night, *first));
            }
        }
    }
}

/// Of the spans of one day, each that begins before an earlier one has ended, with that one.
fn overlapping<T>(day: &[T], hours: impl Fn(&T) -> Hours) -> Vec<(&T, &T)> {
    let mut in_order: Vec<&T> = day.iter().collect();
    in_order.sort_by_key(|span| hours(span));
    let mut found = Vec::new();
    let mut latest: Option<&T> = None;
    for span in in_order {
        match latest {
            Some(earlier) if hours(span).begin_minute() < hours(earlier).end_minute() => found.push((span, earlier)),
            _ => {}
        }
        if latest.is_none_or(|latest| hours(span).end_minute() > hours(latest).end_minute()) {
            latest = Some(span);
        }
    }
    found
}

/// Whether hours of one day are not over when those of the next begin.
fn runs_into(night: Hours, next: Hours) -> bool {
    night.end_on_next_day().is_some_and(|end| next.begin_minute() < end)
}

fn overlap(later: Hours, earlier: Hours) -> String {
    format!("\"{later}\" overlaps \"{earlier}\": let one end before the other begins")
}

fn run_into(night: Hours, next: Hours) -> String {
    format!("\"{night}\" runs into \"{next}\" of the next day: let it end at {}", clock(next.begin_minute()))
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}
