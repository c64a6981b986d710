//! A live view as lines for a terminal, one a queue: whose level is under its goal, and who has waited longest.
//!
//! One window only. Everything else is on `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::engine::board::{Group, GroupKey};
use crate::engine::tally::{Cell, Measure, Quantity, Tally};
use crate::engine::view::{CommonPromise, View};
use crate::event::EventTime;

/// What there is to say of one queue.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The queue.
    pub queue: String,
    /// The share that was kept, by the formula that all its lanes share; none if nothing was decided, or they share
    /// none.
    pub level: Option<f64>,
    /// What it should be; none if its lanes differ.
    pub goal: Option<f64>,
    /// Offered in the window.
    pub offered: u64,
    /// Answered in the window.
    pub answered: u64,
    /// Abandoned in the window.
    pub abandoned: u64,
    /// Waiting now.
    pub waiting: u64,
    /// Of those, beyond their target.
    pub waiting_over: u64,
    /// How long the longest has waited, in milliseconds; none if nobody waits.
    pub longest_ms: Option<u64>,
    /// The wait that 95 of 100 answered did not exceed, in milliseconds; none if nobody was answered.
    pub p95_ms: Option<u64>,
}

impl Line {
    /// Whether the level is known to be under the goal.
    pub fn is_under_goal(&self) -> bool {
        self.level.zip(self.goal).is_some_and(|(level, goal)| level < goal)
    }
}

/// A line for each queue, by name; `window` is the place of the window among those of the view.
pub fn lines(view: &View, window: usize) -> Vec<Line> {
    let mut queues: BTreeMap<String, (CommonPromise, Group)> = BTreeMap::new();
    for (GroupKey { queue, .. }, of_lanes) in view.groups.iter().filter(|(_, group)| group.is_offered()) {
        let Some(group) = of_lanes.windows.get(window) else { continue };
        queues
            .entry(queue.clone().unwrap_or_default())
            .and_modify(|(promise, sum)| {
                promise.meet(&of_lanes.promise(Measure::Wait));
                sum.merge(group.clone(), 1);
            })
            .or_insert_with(|| (of_lanes.promise(Measure::Wait), group.clone()));
    }
    queues.into_iter().map(|(queue, (promise, group))| line(queue, &promise, &group, view.now)).collect()
}

fn line(queue: String, promise: &CommonPromise, group: &Group, now: EventTime) -> Line {
    let nothing = Tally::default();
    let tally = group.measures.get(&Measure::Wait).unwrap_or(&nothing);
    Line {
        queue,
        level: promise.formula.and_then(|formula| tally.cells.service_level(formula)),
        goal: promise.goal,
        offered: tally.cells[Cell::Offered],
        answered: tally.cells[Cell::Answered],
        abandoned: tally.cells[Cell::Abandoned],
        waiting: tally.waiting,
        waiting_over: tally.waiting_over,
        longest_ms: group.longest_waiting().map(|longest| now.millis().saturating_sub(longest.since.millis())),
        p95_ms: tally[Quantity::WaitAnswered].quantile_ms(950),
    }
}

/// The lines under a heading, aligned. What is not known is `-`; a level under its goal is marked with `!`.
pub fn text(lines: &[Line], window: &str) -> String {
    let width = lines.iter().map(|line| line.queue.chars().count()).max().unwrap_or(0).max("queue".len());
    let mut text = format!(
        "{:<width$}   {:>9}  goal  offered  answered  abandoned  p95 wait  waiting  over  longest\n",
        "queue",
        format!("level {window}")
    );
    for line in lines {
        let _ = writeln!(
            text,
            "{:<width$} {} {:>9}  {:>4}  {:>7}  {:>8}  {:>9}  {:>8}  {:>7}  {:>4}  {:>7}",
            line.queue,
            if line.is_under_goal() { '!' } else { ' ' },
            percent(line.level),
            percent(line.goal),
            line.offered,
            line.answered,
            line.abandoned,
            duration(line.p95_ms),
            line.waiting,
            line.waiting_over,
            duration(line.longest_ms),
        );
    }
    text
}

/// In whole percent, rounded down, so that what is under a goal never looks like it; `-` if there is none.
pub(super) fn percent(share: Option<f64>) -> String {
    // A little up, since 0.29 * 100 is a little less than 29.
    share.map_or("-".to_owned(), |share| format!("{:.0} %", (share * 100.0 + 1e-9).floor()))
}

/// As on a clock, of milliseconds: `0:07`, `12:30`, `3:00:05`; `-` if there is none.
pub(super) fn duration(ms: Option<u64>) -> String {
    ms.map_or("-".to_owned(), clock_text)
}

fn clock_text(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::board::GroupBy;
    use crate::engine::settings::Settings;
    use crate::engine::shard::{Keep, Shard};
    use crate::event::decode::decode;

    /// Queue a: one waits for two minutes. Queue b: two of three within their target.
    pub(in crate::publish) fn view() -> View {
        let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
        let minute = |minute: u64| 1_700_000_000_000 + minute * 60_000;
        let mut tell = |kind: &str, id: &str, at: u64| {
            let event = format!(
                "{{\"type\":\"{kind}\",\"contact_id\":\"{id}\",\"time\":{at}{}}}",
                match (kind, id) {
                    ("offered", "c") => ",\"queue\":\"b\",\"tier\":\"vip\"",
                    ("offered", "d") => ",\"queue\":\"a\"",
                    ("offered", _) => ",\"queue\":\"b\"",
                    _ => "",
                }
            );
            shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
        };
        for (id, answered) in [("a", Some(10)), ("b", Some(30)), ("c", Some(5)), ("d", None)] {
            tell("offered", id, minute(0));
            if let Some(seconds) = answered {
                tell("answered", id, minute(0) + seconds * 1_000);
            }
        }
        let by = GroupBy { queue: true, channel: true, tier: true };
        View::of(&[&shard], EventTime::from_millis(minute(2)).unwrap(), by)
    }

    #[test]
    fn lanes_of_a_queue_are_one_line() {
        let lines = lines(&view(), 3);
        let [a, b] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((a.queue.as_str(), a.level, a.waiting, a.waiting_over, a.p95_ms), ("a", Some(0.0), 1, 1, None));
        assert_eq!((a.longest_ms, a.offered, a.answered), (Some(120_000), 1, 0));
        assert_eq!((b.queue.as_str(), b.level, b.goal, b.answered), ("b", Some(2.0 / 3.0), Some(0.8), 3));
        assert_eq!((b.longest_ms, b.p95_ms, b.waiting), (None, Some(30_000), 0));
    }

    #[test]
    fn what_is_under_its_goal_is_marked() {
        let text = text(&lines(&view(), 3), "30m");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("queue   level 30m  goal"), "{text}");
        assert!(lines[1].starts_with("a     !       0 %  80 %"), "{text}");
        assert!(lines[2].contains("66 %") && lines[2].ends_with('-'), "{text}");
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{text}");
    }

    #[test]
    fn hours_are_told_when_there_are_any() {
        assert_eq!([7_900, 750_000, 10_805_000].map(clock_text), ["0:07", "12:30", "3:00:05"]);
    }
}
