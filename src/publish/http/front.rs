//! The page at `/`: how things stand, in a sentence and a line a queue, and what else there is to read.
//!
//! It draws itself anew every few seconds and needs no script. One window only.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::http::{HeaderName, header};

use crate::event::EventTime;
use crate::publish::edges::timestamp;
use crate::publish::live::{self, Line};
use crate::publish::snapshot::{QueueLoad, Snapshot};
use crate::publish::staffing::{Model, Outlook};
use crate::surge::{LevelTest, Reading, Reason};

/// Nothing is ever loaded from anywhere else.
pub(super) const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
];

/// The page, with `{{…}}` where something is put in.
const PAGE: &str = include_str!("front.html");

/// So many queues are named of which too little is known.
const MOST_NAMED: usize = 5;

/// The window whose lines are shown, if there is one of this name; else the one in the middle.
const WINDOW: &str = "30m";

/// The page at `now`; `windows` are the names of the windows of every view, in its order, and `outlooks` is what each
/// queue's load takes.
pub(super) fn page(
    snapshot: &Snapshot,
    now: Instant,
    windows: &[String],
    outlooks: &BTreeMap<&str, Outlook>,
) -> String {
    PAGE.replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{state}}", &escaped(&state(snapshot, now)))
        .replace("{{queues}}", &queues(snapshot, now, windows))
        .replace("{{load}}", &load(snapshot, now, outlooks))
}

/// A line for each queue whose load is not as usual, and one for those of which too little is known; nothing where all is
/// as usual, or no queue is shown.
fn load(snapshot: &Snapshot, now: Instant, outlooks: &BTreeMap<&str, Outlook>) -> String {
    if snapshot.shown(now).is_none() || !snapshot.whole {
        return String::new();
    }
    let Some(load) = &snapshot.load else {
        return "<ul class=\"load\"><li>Whether load is as usual is not known at present.</li></ul>".to_owned();
    };
    let line = |(queue, load): (&String, &QueueLoad)| {
        let news = news(load)?;
        let agents = outlooks.get(queue.as_str()).map(agents).unwrap_or_default();
        Some(format!("<li><b>{}</b> {news}{agents}.</li>", escaped(queue)))
    };
    let mut lines: String = load.queues.iter().filter_map(line).collect();
    let unknown: Vec<String> =
        load.queues.iter().filter(|(_, load)| load.reading.thin.is_some()).map(|(queue, _)| escaped(queue)).collect();
    if !unknown.is_empty() {
        let more = unknown.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = unknown[..unknown.len().min(MOST_NAMED)].join(", ");
        lines.push_str(&format!("<li>Too little is known of what is usual on such a day in {named}{more}.</li>"));
    }
    if lines.is_empty() { lines } else { format!("<ul class=\"load\">{lines}</ul>") }
}

/// What is not as usual; none if all is.
fn news(load: &QueueLoad) -> Option<String> {
    let since = |ms| EventTime::from_millis(ms).map_or_else(String::new, |time| format!("{:.0}", timestamp(time)));
    match &load.incident {
        Some(incident) if incident.reason == Reason::Silence => {
            Some(format!("is silent since {}, though it is open", since(incident.start_ms)))
        }
        Some(incident) => {
            let what = if incident.reason == Reason::CallersBack { ", after a silence" } else { "" };
            let [times, start] = [format!("{:.1}", incident.magnitude), since(incident.start_ms)];
            let kind = if incident.is_critical { "critical surge" } else { "surge" };
            Some(format!("has a {kind} since {start}{what}: up to {times} times as many as usual"))
        }
        None => {
            let is_unusual = |level: Option<LevelTest>| level.is_some_and(|level| level.is_unusual);
            let Reading { against_ordinary, against_month_start, today, .. } = &load.reading;
            let at_midnight = load.days.first()?;
            let day = match at_midnight.day.business_day {
                _ if is_unusual(*against_month_start) => "than is usual even for such a day",
                Some(1..=3) if is_unusual(*against_ordinary) => {
                    "than on an ordinary day, as the beginning of a month is"
                }
                _ if is_unusual(*against_ordinary) => "than on an ordinary day",
                _ => return None,
            };
            let [will, was] = [today.mean, at_midnight.total.mean].map(|number| format!("{number:.0}"));
            Some(format!("is busier today {day}: about {will} by its end, where {was} were expected at midnight"))
        }
    }
}

/// How many agents it takes, as far as that is known.
fn agents(outlook: &Outlook) -> String {
    let model = outlook.models.get(&Model::ErlangA).or_else(|| outlook.models.get(&Model::ErlangC));
    match (model, outlook.agents) {
        (Some(staffed), Some(agents)) => {
            format!("; {} agents are needed, {agents} are there", staffed.required.agents)
        }
        (Some(staffed), None) => format!("; {} agents are needed", staffed.required.agents),
        (None, _) => String::new(),
    }
}

/// A table with a row for each queue, those under their goal first; nothing while nothing is shown.
fn queues(snapshot: &Snapshot, now: Instant, windows: &[String]) -> String {
    let Some(view) = snapshot.shown(now) else { return String::new() };
    let window = windows.iter().position(|name| name == WINDOW).unwrap_or(windows.len() / 2);
    let name = windows.get(window).map_or("", String::as_str);
    let mut lines = live::lines(view, window);
    if !snapshot.whole {
        // Levels and quantiles are statements about a whole queue.
        lines.iter_mut().for_each(|line| (line.level, line.p95_ms) = (None, None));
    }
    lines.sort_by_key(|line| !line.is_under_goal());
    let rows: String = lines.iter().map(row).collect();
    format!(
        "<table><caption>The last {} as of {:.0}. \u{25bc} is under its goal.</caption><thead><tr><th>queue</th><th>level</th>\
         <th>goal</th><th>answered</th><th>abandoned</th><th>95&nbsp;% within</th><th>waiting</th><th>over target</th>\
         <th>longest</th></tr></thead><tbody>{rows}</tbody></table>",
        escaped(name),
        timestamp(view.now),
    )
}

fn row(line: &Line) -> String {
    let (mark, class) = if line.is_under_goal() { ("\u{25bc} ", " class=\"under\"") } else { ("", "") };
    let cells = [
        live::percent(line.level),
        live::percent(line.goal),
        line.answered.to_string(),
        line.abandoned.to_string(),
        live::duration(line.p95_ms),
        line.waiting.to_string(),
        line.waiting_over.to_string(),
        live::duration(line.longest_ms),
    ];
    let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr{class}><th>{mark}{}</th>{cells}</tr>", escaped(&line.queue))
}

/// How things stand.
fn state(snapshot: &Snapshot, now: Instant) -> String {
    let Some(view) = snapshot.shown(now) else {
        let reasons: Vec<String> = snapshot.withheld(now).iter().map(ToString::to_string).collect();
        return format!("Nothing is shown of queues yet: {}.", reasons.join("; "));
    };
    let lanes = counted(view.groups.len() as u64, "lane", "lanes");
    let contacts = counted(snapshot.tracked_contacts, "contact", "contacts");
    let partitions = counted(snapshot.partitions.len() as u64, "partition", "partitions");
    let whole = if snapshot.whole { "all there are" } else { "other instances hold the rest" };
    format!("Showing {lanes} with {contacts} held, from {partitions} ({whole}).")
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// As text within HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock;
    use crate::engine::settings::Window;
    use crate::publish::metrics::tests_of_load::load as load_of_a;

    #[test]
    fn a_row_a_queue_and_no_level_for_part_of_one() {
        let names: Vec<String> = Window::customary().into_iter().map(|window| window.name).collect();
        let mut snapshot = Snapshot { withheld: Vec::new(), whole: true, ..Snapshot::starting(clock::monotonic()) };
        snapshot.live = Some(live::tests::view());
        let now = snapshot.made_at;
        let whole = page(&snapshot, now, &names, &BTreeMap::new());
        assert!(whole.contains("The last 30m as of 2023-11-14T22:15:20Z."), "{whole}");
        let a = "<tr class=\"under\"><th>\u{25bc} a</th><td>0 %</td><td>80 %</td><td>0</td><td>0</td><td>-</td><td>1</td>\
                 <td>1</td><td>2:00</td></tr>";
        let b = "<tr class=\"under\"><th>\u{25bc} b</th><td>66 %</td><td>80 %</td><td>3</td><td>0</td><td>0:30</td>\
                 <td>0</td><td>0</td><td>-</td></tr>";
        assert!(whole.contains(&format!("<tbody>{a}{b}</tbody>")), "{whole}");
        snapshot.whole = false;
        let part = page(&snapshot, now, &names, &BTreeMap::new());
        assert!(part.contains("<tr><th>b</th><td>-</td><td>80 %</td>"), "{part}");
        snapshot.live = None;
        assert!(!page(&snapshot, now, &names, &BTreeMap::new()).contains("<table"));
    }

    #[test]
    fn a_line_a_queue_whose_load_is_not_as_usual() {
        let mut snapshot = Snapshot { withheld: Vec::new(), whole: true, ..Snapshot::starting(clock::monotonic()) };
        snapshot.live = Some(live::tests::view());
        let now = snapshot.made_at;
        let told = |snapshot: &Snapshot| load(snapshot, now, &BTreeMap::new());
        assert!(told(&snapshot).contains("is not known at present"));
        let with = |change: fn(&mut QueueLoad)| {
            let mut load = load_of_a();
            load.queues.values_mut().for_each(change);
            Snapshot { load: Some(Arc::new(load)), ..snapshot.clone() }
        };
        assert_eq!(
            told(&with(|_| {})),
            "<ul class=\"load\"><li><b>a</b> has a critical surge since 2024-01-01T08:00:00Z: up to 2.1 times as many as usual.\
             </li></ul>"
        );
        let silent = with(|queue| queue.incident.as_mut().unwrap().reason = Reason::Silence);
        assert!(told(&silent).contains("<b>a</b> is silent since 2024-01-01T08:00:00Z, though it is open."));
        let busy = with(|queue| queue.incident = None);
        assert!(told(&busy).contains("is busier today than on an ordinary day"), "{}", told(&busy));
        let unusual = with(|queue| {
            queue.incident = None;
            queue.reading.against_month_start = queue.reading.against_ordinary;
        });
        assert!(told(&unusual).contains("than is usual even for such a day"), "{}", told(&unusual));
        let usual = with(|queue| (queue.incident, queue.reading.against_ordinary) = (None, None));
        assert_eq!(told(&usual), "");
        let thin = with(|queue| {
            (queue.incident, queue.reading.against_ordinary) = (None, None);
            queue.reading.thin = Some(crate::surge::Thin::FewDays);
        });
        assert!(told(&thin).contains("Too little is known of what is usual on such a day in a."), "{}", told(&thin));
        assert_eq!(told(&Snapshot { whole: false, ..with(|_| {}) }), "");
        assert_eq!(told(&Snapshot { live: None, ..with(|_| {}) }), "");
    }
}
