//! Real calls of a bank in 1999, against figures that others computed from them. What they are and where they come from
//! is told in [`bank`](crate::bank).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Cursor;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use holdline::engine::board::GroupBy;
use holdline::engine::settings::Settings;
use holdline::publish::json;
use holdline::publish::report::{Report, Request};
use holdline::source::{files, workers};
use jiff::tz::TimeZone;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::Value;

use crate::bank::{bank, unpacked};

const ZONE: &str = "Asia/Jerusalem";
const HALF_HOUR_MS: u64 = 1_800_000;
const DAY_MS: u64 = 86_400_000;
const SEED: u64 = 1999;

fn files_ending(folder: &Path, end: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = names.filter(|path| path.to_str().unwrap().ends_with(end)).collect();
    files.sort();
    assert_eq!(files.len(), 6, "{end} in {}", folder.display());
    files
}

fn six_months(bank: &Path) -> String {
    files_ending(bank, ".ndjson.gz").iter().map(|path| unpacked(path)).collect()
}

/// What `replay --format json --by queue --zone Asia/Jerusalem` writes.
fn replayed(log: String, every_ms: Option<u64>, threads: usize) -> String {
    let mut settings = Settings::default();
    settings.lifetimes.lateness_ms = 7 * DAY_MS;
    let settings = Arc::new(settings);
    let chunks = files::read(&"log".into(), Cursor::new(log), settings.limits.record_bytes).unwrap();
    let tell = &mut |rejected: &str| panic!("rejected: {rejected}");
    let fed = workers::feed(&settings, NonZero::new(threads).unwrap(), chunks, tell).unwrap();
    let by = GroupBy { queue: true, ..GroupBy::default() };
    let request = Request { by, every_ms, zone: TimeZone::get(ZONE).unwrap() };
    let mut out = Vec::new();
    json::write(&Report::of(&fed, &settings, &request).unwrap(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn lines(report: &str, kind: &str) -> Vec<Value> {
    let lines = report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).collect()
}

/// Differences between figures, told all at once.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    /// Both the same number within `precision` of it; or both unknown.
    fn compare(&mut self, what: &str, told: &Value, truth: &Value, precision: f64) {
        let same = match (told.as_f64(), truth.as_f64()) {
            (Some(told), Some(truth)) => (told - truth).abs() <= precision * truth.abs().max(1.0),
            (None, None) => told.is_null() && truth.is_null(),
            _ => false,
        };
        if !same {
            self.0.push(format!("{what}: {told}, in truth {truth}"));
        }
    }

    fn none_in(self, checked: &str) {
        let number = self.0.len();
        self.0.iter().take(20).for_each(|difference| println!("{difference}"));
        assert_eq!(number, 0, "{checked} differ from the truth; the first are above");
    }
}

/// Compares a total with the truth of the same visits.
fn compare_total(what: &str, total: &Value, truth: &Value, differences: &mut Differences) {
    let mut compare = |told: &[&str], truth: &Value, precision| {
        let value = told.iter().fold(total, |value, key| &value[*key]);
        differences.compare(&format!("{what} {}", told.join(".")), value, truth, precision);
    };
    for (told, key) in [
        ("offered", "offered"),
        ("answered", "answered"),
        ("abandoned", "abandoned"),
        ("answered_within", "answered_le_20"),
        ("abandoned_within", "abandoned_le_20"),
        ("abandoned_short", "abandoned_lt_5"),
        ("completed", "answered"),
    ] {
        compare(&[told], &truth[key], 0.0);
    }
    for told in ["left", "left_within", "waiting", "waiting_over"] {
        compare(&[told], &Value::from(0), 0.0);
    }
    for (formula, key) in [
        ("offered", "SL_le_over_offered"),
        ("answered_only", "SL_le_over_answered"),
        ("ignore_abandoned_within", "SL_le_excl_all_abandons_within_T"),
        ("exclude_short_abandoned", "SL_le_over_offered_minus_short_abandons"),
    ] {
        // The truth has six digits.
        compare(&["service_level", formula], &truth[key], 0.51e-6);
    }
    compare(&["wait_answered", "mean"], &truth["ASA"], 1e-6);
    compare(&["handle", "mean"], &truth["AHT"], 1e-6);
    for distribution in ["wait_answered", "wait_abandoned", "handle"] {
        let truth = &truth[distribution];
        for (told, key, precision) in [
            ("count", "n", 0.0),
            ("mean", "mean", 1e-6),
            ("max", "max", 0.0),
            ("p50", "p50", 0.001),
            ("p90", "p90", 0.001),
            ("p95", "p95", 0.001),
            ("p99", "p99", 0.001),
            ("p999", "p99.9", 0.001),
        ] {
            compare(&[distribution, told], &truth[key], precision);
        }
    }
}

/// Compares every half hour of every queue, both ways.
fn compare_intervals(bank: &Path, report: &str) {
    let mut told: BTreeMap<(String, String), Value> = BTreeMap::new();
    for line in lines(report, "interval") {
        let key = ["start", "queue"].map(|key| line[key].as_str().unwrap().to_owned());
        told.insert(key.into(), line);
    }
    let mut differences = Differences::default();
    let mut rows = 0;
    let nothing = Value::from(0);
    for path in files_ending(bank, ".intervals.csv.gz") {
        let text = unpacked(&path);
        let mut table = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let heading = table.next().unwrap();
        for row in table {
            rows += 1;
            let what = format!("{} {}", row[0], row[1]);
            let line = told.remove(&(row[0].to_owned(), row[1].to_owned()));
            let Some(line) = line else {
                differences.0.push(format!("{what}: missing"));
                continue;
            };
            for (&name, &truth) in heading.iter().zip(&row).skip(2) {
                let truth = if truth.is_empty() { Value::Null } else { serde_json::from_str(truth).unwrap() };
                let (value, precision) = match name {
                    "answered_wait_p90" => (&line["wait_answered"]["p90"], 0.001),
                    cell => (&line[cell], 0.0),
                };
                differences.compare(&format!("{what} {name}"), value, &truth, precision);
            }
        }
    }
    assert!(rows > 10_000, "{rows} rows of truth");
    // The truth leaves out half hours in which calls ended and nothing else happened.
    for ((start, queue), line) in told {
        for cell in ["offered", "answered", "abandoned", "left", "overdue", "waiting", "waiting_over"] {
            differences.compare(&format!("{start} {queue} {cell}, not in the truth"), &line[cell], &nothing, 0.0);
        }
    }
    differences.none_in("half hours");
}

#[test]
fn totals_of_six_months() {
    let Some(bank) = bank() else { return };
    let truth: Value = serde_json::from_reader(File::open(bank.join("truth.json")).unwrap()).unwrap();
    let truth = &truth["all months"];
    let report = replayed(six_months(&bank), None, 2);
    let totals = lines(&report, "total");
    assert_eq!(totals.len(), 7);
    let mut differences = Differences::default();
    for total in &totals {
        let queue = total["queue"].as_str();
        let truth = queue.map_or(&truth["all"], |queue| &truth["by_queue"][queue]);
        compare_total(queue.unwrap_or("all"), total, truth, &mut differences);
    }
    differences.none_in("totals");
    let input = &lines(&report, "input")[0];
    assert_eq!(input["records"], input["events"]);
    for count in ["duplicate", "late", "orphan", "skew", "conflict", "expired", "ahead"] {
        assert_eq!(input[count], 0, "{count}");
    }
}

#[test]
fn totals_of_each_month() {
    let Some(bank) = bank() else { return };
    let truth: Value = serde_json::from_reader(File::open(bank.join("truth.json")).unwrap()).unwrap();
    let truth = truth["month/queue"].as_object().unwrap();
    let mut differences = Differences::default();
    let mut compared = 0;
    for path in files_ending(&bank, ".ndjson.gz") {
        let month = &path.file_name().unwrap().to_str().unwrap()[5..7];
        for total in lines(&replayed(unpacked(&path), None, 1), "total") {
            let Some(queue) = total["queue"].as_str() else { continue };
            let key = format!("{month}/{queue}");
            compare_total(&key, &total, &truth[&key], &mut differences);
            compared += 1;
        }
    }
    differences.none_in("totals of months");
    assert_eq!(compared, truth.len());
}

#[test]
fn half_hours_of_each_queue() {
    let Some(bank) = bank() else { return };
    let log = six_months(&bank);
    let in_order = replayed(log.clone(), Some(HALF_HOUR_MS), 1);
    compare_intervals(&bank, &in_order);
    let (tallies, _) = in_order.trim_end().rsplit_once('\n').unwrap();

    assert!(in_order == replayed(log.clone(), Some(HALF_HOUR_MS), 2), "two threads tell something else than one");

    let mut chance = Pcg64Mcg::seed_from_u64(SEED);
    let shuffled = moved(log.lines().map(|line| (line, 200)), &mut chance);
    let shuffled = replayed(shuffled, Some(HALF_HOUR_MS), 2);
    assert!(shuffled == in_order, "seed {SEED}: in another order something else is told");

    let mut doubled = 0_u64;
    let twice: Vec<(&str, u64)> = log
        .lines()
        .flat_map(|line| {
            let again = chance.next_u64().is_multiple_of(3);
            doubled += u64::from(again);
            std::iter::once((line, 0)).chain(again.then_some((line, 1_500)))
        })
        .collect();
    let twice = replayed(moved(twice.into_iter(), &mut chance), Some(HALF_HOUR_MS), 2);
    let input = &lines(&twice, "input")[0];
    assert_eq!((&input["duplicate"], &input["late"]), (&Value::from(doubled), &Value::from(0)), "seed {SEED}");
    assert!(twice.starts_with(tallies), "seed {SEED}: with repetitions something else is told");
}

/// The lines, each moved by up to so many places as stand beside it.
fn moved<'a>(lines: impl Iterator<Item = (&'a str, u64)>, chance: &mut Pcg64Mcg) -> String {
    let mut places: Vec<(u64, &str)> = (0_u64..)
        .zip(lines)
        .map(|(place, (line, most))| ((place + most).saturating_sub(chance.next_u64() % (2 * most + 1)), line))
        .collect();
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().flat_map(|(_, line)| [line, "\n"]).collect()
}

#[test]
fn the_program_writes_the_same() {
    let Some(bank) = bank() else { return };
    let program = Command::new(env!("CARGO_BIN_EXE_holdline"))
        .args(["replay", "--format", "json", "--every", "30m", "--by", "queue", "--zone", ZONE])
        .args(files_ending(&bank, ".ndjson.gz"))
        .env_remove("HOLDLINE_REQUIRE_DATA")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&program.stderr), "");
    assert!(program.status.success());
    let told = String::from_utf8(program.stdout).unwrap();
    assert!(told == replayed(six_months(&bank), Some(HALF_HOUR_MS), 2), "the program tells something else");
}
