//! The page at `/`: how things stand, in a sentence and a line a queue, and what else there is to read.
//!
//! It draws itself anew every few seconds and needs no script. One window only.

use std::time::Instant;

use axum::http::{HeaderName, header};

use crate::publish::edges::timestamp;
use crate::publish::live::{self, Line};
use crate::publish::snapshot::Snapshot;

/// Nothing is ever loaded from anywhere else.
pub(super) const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
];

/// The page, with `{{…}}` where something is put in.
const PAGE: &str = include_str!("front.html");

/// The window whose lines are shown, if there is one of this name; else the one in the middle.
const WINDOW: &str = "30m";

/// The page at `now`; `windows` are the names of the windows of every view, in its order.
pub(super) fn page(snapshot: &Snapshot, now: Instant, windows: &[String]) -> String {
    PAGE.replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{state}}", &escaped(&state(snapshot, now)))
        .replace("{{queues}}", &queues(snapshot, now, windows))
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
    use super::*;
    use crate::clock;
    use crate::engine::settings::Window;

    #[test]
    fn a_row_a_queue_and_no_level_for_part_of_one() {
        let names: Vec<String> = Window::customary().into_iter().map(|window| window.name).collect();
        let mut snapshot = Snapshot { withheld: Vec::new(), whole: true, ..Snapshot::starting(clock::monotonic()) };
        snapshot.live = Some(live::tests::view());
        let now = snapshot.made_at;
        let whole = page(&snapshot, now, &names);
        assert!(whole.contains("The last 30m as of 2023-11-14T22:15:20Z."), "{whole}");
        let a = "<tr class=\"under\"><th>\u{25bc} a</th><td>0 %</td><td>80 %</td><td>0</td><td>0</td><td>-</td><td>1</td>\
                 <td>1</td><td>2:00</td></tr>";
        let b = "<tr class=\"under\"><th>\u{25bc} b</th><td>66 %</td><td>80 %</td><td>3</td><td>0</td><td>0:30</td>\
                 <td>0</td><td>0</td><td>-</td></tr>";
        assert!(whole.contains(&format!("<tbody>{a}{b}</tbody>")), "{whole}");
        snapshot.whole = false;
        let part = page(&snapshot, now, &names);
        assert!(part.contains("<tr><th>b</th><td>-</td><td>80 %</td>"), "{part}");
        snapshot.live = None;
        assert!(!page(&snapshot, now, &names).contains("<table"));
    }
}
