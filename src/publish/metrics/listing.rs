//! Keeps `deploy/METRICS.md` in step with what is exposed. `HOLDLINE_BLESS=1` rewrites it; the difference is for a person
//! to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::families;
use super::tests::{BY_ALL, LOG, exposition, settings, shards, snapshot};
use super::tests_of_load::{IMPATIENT, load};
use crate::config::Formulas;
use crate::engine::calendar::{Calendar, CalendarSpec};
use crate::engine::outliers::{Aspect, ByAspect, Fences, Limits};
use crate::engine::settings::PromiseOverlay;
use crate::engine::tally::Measure;
use crate::publish::snapshot::Breach;

const INTRODUCTION: &str = "\
# Metrics

All that `/metrics` exposes. This page is made from the program; a test keeps it so.

Lanes carry those of the labels `queue`, `channel` and `tier` that `metrics.by` names; lanes that differ in nothing else
are added up. What is not known has no series: a level of which nothing was judged, a quantile of nothing. While
`holdline_lanes_withheld` is 1 for any reason, no lane has any series.

A `window` is a trailing span such as 30m. The `measure` wait is that of each visit, one stay in one queue; contact_wait is
that of a contact, from its first offer to its first answer; first_reply, first_resolution and resolution are from the first
offer to the first time an agent wrote and to the first and last time it was resolved; next_reply is from a customer's
message to the next reply, and handle from an answer to the end of the handling. The last five are there where something is
promised on them. The `formula`
says what a level does with customers who hang up or leave, `q` is the rank of a quantile, or max.

Agents are told by the queues they serve, whoever serves several in each, and only where `metrics.by` names `queue`: a sum
over queues would count such agents several times. Of whoever is offline nothing is counted.

Cells of windows add up over processes. Levels and quantiles are statements about a whole queue and are only told by a
process that holds all partitions; elsewhere add up the cells and divide. Counters only go up; what was counted and taken
back later is told by `holdline_corrections_total`. They count what is booked from the moment a partition was first read to
its end: what came before that is in the windows only. With checkpoints they go on where they were after a restart that gives
the process back all that it held; else they begin anew, each partition from where it was restored. Only
`holdline_contacts_repeated_total`, `holdline_outliers_total`, `holdline_service_level_breaches_total` and
`holdline_surge_incidents_total` begin anew at each start.

Histograms count as counters do, and a distribution of any span and of any lanes together can be made of them. All lanes have
the same buckets of a family: 12 or 13 customary ones, and one for each target that is or was promised on that measure, in which
is what is no longer than the target, exactly. A wait costs 16 series a lane and outcome, a handle time 15, a first reply and a
resolution 16 each, and every target that is not customary one more of each. The waits of answered visits start at 0 in every lane
that is shown; all others are there once something was measured, so that `increase` does not see the first of them. What is
corrected (a handle time is told again, a resolved contact is reopened) stays where it was counted, and is counted anew where it
belongs: cells of corrections that are named as a histogram tell how many stay, those with `_sum` by how many seconds its sum is too great.
The two are kept apart, so a mean made of sum and count is a little off where much is corrected. If targets change, what was
counted before stays in its cells, and is told of the first bucket that all of its cell is in.

What is usual for a queue, surges, and agents required are of queues with all their channels and tiers, as they were at the
latest look, every five minutes; they are told by a process that holds all partitions, once it has looked. The `calendar` is
the one that says which days are business days; `usual` where none is configured. Agents required and predicted levels are of
the `model` erlang_c, in which everybody waits until answered, and erlang_a, in which contacts give up after a while; those
who are there are available, busy or in after-contact work.

What is told of events (`holdline_events_…`) is what this process read, so a look-back that is read again after a restart or
a rebalance counts again.
";

/// One row of the table.
struct Row {
    name: String,
    kind: String,
    labels: Vec<String>,
    help: String,
}

/// What a text exposes, family by family.
fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").map(|rest| rest.split_once(' ').unwrap()) {
            let (name, help) = (name.to_owned(), help.to_owned());
            rows.push(Row { name, kind: String::new(), labels: Vec::new(), help });
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            rows.last_mut().unwrap().kind = rest.split_once(' ').unwrap().1.to_owned();
        } else {
            let row = rows.last_mut().unwrap();
            // No label of the small log holds anything that would need more care.
            if let Some((_, labels)) = line.split_once('{') {
                let labels = labels.split(',').map(|label| label.split('=').next().unwrap().to_owned());
                row.labels = labels.filter(|label| label != "le").collect();
            }
        }
    }
    rows
}

fn table(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> String {
    let mut table = "| name | type | labels | what it is |\n|---|---|---|---|\n".to_owned();
    for row in rows.iter().filter(|row| wanted(row)) {
        let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{}` | {} | {} | {} |", row.name, row.kind, labels.join(", "), row.help).unwrap();
    }
    table
}

/// A letter that is told back and forth, transferred and reopened, and another one that waits.
const LETTERS: &str = r#"
{"type":"offered","contact_id":"l1","queue":"mail","channel":"email","time":"2024-01-01T09:00:00Z"}
{"type":"left","contact_id":"l1","reason":"transfer","time":"2024-01-01T09:00:10Z"}
{"type":"offered","contact_id":"l1","queue":"mail","channel":"email","time":"2024-01-01T09:00:20Z"}
{"type":"agent_reply","contact_id":"l1","time":"2024-01-01T09:00:30Z"}
{"type":"resolved","contact_id":"l1","time":"2024-01-01T09:00:40Z"}
{"type":"reopened","contact_id":"l1","time":"2024-01-01T09:01:00Z"}
{"type":"offered","contact_id":"l2","queue":"mail","channel":"email","time":"2024-01-01T09:01:00Z"}
"#;

fn listed() -> String {
    let mut promised = settings();
    let mail = promised.promises[0].1.measures.entry(Measure::FirstReply).or_default();
    let in_an_hour = PromiseOverlay { answer_within_ms: Some(3_600_000), ..PromiseOverlay::default() };
    mail.service.channel.insert("email".to_owned(), in_an_hour);
    let office = CalendarSpec { zone: "UTC".to_owned(), week: Default::default(), days: BTreeMap::new() };
    promised.promises[0].1.calendars.insert("office".to_owned(), Arc::new(Calendar::new(office).unwrap()));
    promised.promises[0].1.service.calendars.all = Some("office".to_owned());
    let mut snapshot = snapshot(&shards(&[LOG, LETTERS, IMPATIENT].concat(), &promised, 1), BY_ALL);
    snapshot.load = Some(Arc::new(load()));
    snapshot.looked_at = Some(load().at);
    let mut limits = ByAspect::default();
    Aspect::ALL.into_iter().for_each(|aspect| limits.set(aspect, Some(60_000)));
    let key = snapshot.counted.counters.keys().next().unwrap().clone();
    snapshot.fences = Some(Arc::new(Fences::fixed(BY_ALL, Limits { usual: limits, ..Limits::default() })));
    snapshot.breaches = Arc::new([((key, Measure::Wait), Breach::default())].into());
    let now = snapshot.made_at;
    let (_sender, meters, exposition) = exposition(snapshot, &settings(), Formulas::Headline);
    meters.events.with_label_values(&["calls"]);
    let rows = rows(&exposition.text(now));
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "a family is exposed twice");
    let missing: Vec<&str> = families().map(|family| family.name).filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "the small log has nothing for {missing:?}");
    let is_of_lanes = |row: &Row| row.labels.iter().any(|label| label == "queue");
    let is_of_process = |row: &Row| row.name.starts_with("process_");
    format!(
        "{INTRODUCTION}\n## Lanes\n\n{}\n## The service itself\n\n{}\n## The process\n\nOnly on Linux.\n\n{}",
        table(&rows, is_of_lanes),
        table(&rows, |row| !is_of_lanes(row) && !is_of_process(row)),
        table(&rows, is_of_process)
    )
}

#[test]
#[cfg(target_os = "linux")]
fn the_list_of_metrics_is_in_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/METRICS.md");
    let listed = listed();
    if std::env::var_os("HOLDLINE_BLESS").is_some() {
        fs::write(&path, &listed).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == listed, "deploy/METRICS.md is out of step: run the tests with HOLDLINE_BLESS=1");
}
