//! The sections `[surge]` and `[staffing]`: what is read, and what is refused.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::civil::date;

use super::tests::{REFERENCE, config, refused, switched_on};
use super::{Config, Staffing, Surge};

#[test]
fn without_the_sections_there_are_the_defaults_that_the_reference_states() {
    assert_eq!((config("", &[]).surge, config("", &[]).staffing), (Surge::default(), Staffing::default()));
    let stated = config(REFERENCE, &[]);
    assert_eq!((stated.surge, stated.staffing), (Surge::default(), Staffing::default()));
}

#[test]
fn everything_can_be_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let plan = Config::parse_plan_in(&folder, &switched_on(REFERENCE), &[]).unwrap();
    let surge = plan.surge;
    assert_eq!(surge.calendar.as_deref(), Some("il"));
    assert_eq!(surge.month_starts, BTreeSet::from([date(2026, 7, 20), date(2026, 8, 20)]));
    assert_eq!(surge.pay_days, BTreeSet::from([10, 25]));
    assert_eq!(surge.special["sale"], BTreeSet::from([date(2026, 11, 27), date(2026, 11, 30)]));
    assert_eq!((surge.declare, surge.topic.as_deref()), (Some(4.0), Some("support-surges")));
    assert_eq!(surge.baseline_file, Some(folder.join("baseline.json")));
    assert_eq!(plan.staffing, Staffing { max_occupancy: 0.85, shrinkage: 0.3 });
    let given = [
        ("HOLDLINE_SURGE__MONTH_STARTS", "2026-07-20,2026-08-20"),
        ("HOLDLINE_SURGE__PAY_DAYS", "1,31"),
        ("HOLDLINE_STAFFING__SHRINKAGE", "0"),
    ];
    let config = config("[surge]\nmonth_starts = [2026-01-01]\nbaseline_file = '/a/b.json'", &given);
    assert_eq!(config.surge.month_starts.len(), 2);
    assert_eq!(config.surge.pay_days, BTreeSet::from([1, 31]));
    assert_eq!(config.surge.baseline_file, Some(PathBuf::from("/a/b.json")));
    assert_eq!(config.staffing.shrinkage, 0.0);
}

#[test]
fn the_example_of_months_of_its_own_can_be_used() {
    let example = config(include_str!("../../config/examples/month_start.toml"), &[]);
    assert_eq!(example.surge.calendar.as_deref(), Some("centre"));
    assert!(example.surge.month_starts.len() > 6);
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused(
        "[surge]\ncalendar = 'ill'\n[calendar.il]\nzone = 'UTC'",
        &["2:1: surge.calendar: \"ill\" is not a calendar: did you mean \"il\"?"],
    );
    refused(
        "[surge]\ncalendar = 'il'",
        &["2:1: surge.calendar: \"il\" is not a calendar: write a section [calendar.il]"],
    );
    // What is wrong with the calendar itself is told once.
    refused(
        "[surge]\ncalendar = 'il'\n[calendar.il]\nzone = 'Mars/Base'",
        &["4:1: calendar.il.zone: \"Mars/Base\" is not a zone: write an IANA name, as in \"Europe/Berlin\" or \"UTC\""],
    );
    refused(
        "[surge]\nmonth_starts = ['2026-02-30', 'soon']\npay_days = [0, 32]\ndeclare = 1",
        &[
            "2:17: surge.month_starts: \"2026-02-30\" is not a date: write it as in \"2026-12-25\"",
            "2:31: surge.month_starts: \"soon\" is not a date: write it as in \"2026-12-25\"",
            "3:13: surge.pay_days: 0 is too small: at least 1",
            "3:16: surge.pay_days: 32 is too large: at most 31",
            "4:1: surge.declare: 1 is not a score from 2 to 20",
        ],
    );
    refused(
        "[surge.special]\nsale = '2026-11-27'\nfair = ['1066-10-14']",
        &[
            "2:1: surge.special.sale: \"2026-11-27\" is not a list of dates: write it as in [\"2026-11-27\", \"2026-11-30\"]",
            "3:1: surge.special.fair: 1066-10-14 is not in the years 1970 to 2109: write another year",
        ],
    );
    refused(
        "[staffing]\nmax_occupancy = 85\nshrinkage = 1",
        &[
            "2:1: staffing.max_occupancy: 85 is not a share from 0.01 to 1",
            "3:1: staffing.shrinkage: 1 is not a share from 0 to 0.95",
        ],
    );
}

#[test]
fn its_topic_is_nobody_elses() {
    for (others, place) in [
        ("[kafka]\ntopics = ['t']", "one of kafka.topics"),
        ("[kafka]\ndead_letters = 't'", "kafka.dead_letters"),
        ("[checkpoint]\ntopic = 't'", "checkpoint.topic"),
        ("[outliers]\ntopic = 't'", "outliers.topic"),
    ] {
        let message = format!("2:1: surge.topic: \"t\" is {place}: name another one, which nobody else writes to");
        refused(&format!("[surge]\ntopic = 't'\n{others}"), &[&message]);
    }
}

#[test]
fn slots_that_do_not_divide_five_minutes_are_told_only_to_whoever_asks_for_surges() {
    let wide = "[slots]\ncoarse = '10m'\n[windows]\ncounts = ['30m']\nquantiles = []\n";
    assert_eq!(config(wide, &[]).surge, Surge::default());
    refused(
        &format!("{wide}[surge]\ntopic = 't'"),
        &["6:2: surge: cannot be had with these slots: let slots.coarse divide five minutes, as \"1m\" does"],
    );
}
