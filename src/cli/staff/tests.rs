//! What `holdline staff` says, as text and as JSON.

use clap::Parser;
use serde_json::{Value, json};

use super::*;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    arguments: StaffArguments,
}

/// What is told to arguments that are separated by blanks.
fn told(arguments: &str) -> anyhow::Result<String> {
    let arguments = CommandLine::try_parse_from(["staff"].into_iter().chain(arguments.split_whitespace()))?.arguments;
    let mut out = Vec::new();
    staff(&arguments, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn told_as_json(arguments: &str) -> Value {
    let text = told(&format!("{arguments} --format json")).unwrap();
    assert_eq!(text.lines().count(), 1, "one object a line");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_planner_is_told_what_is_required_and_what_lies_about_it() {
    let text = told("--calls 100 --handle 3m --max-occupancy 0.85 --shrinkage 0.3 --patience 5m --agents 9").unwrap();
    assert_eq!(
        text,
        "100 contacts in 30m, each handled in 3m: 10 erlangs.
Wanted: 80% answered within 20s, agents busy 85% of their time at most; shrinkage 30%.

Erlang C, everybody waits until answered: 14 agents, 20 scheduled.

agents  scheduled  level %  waiting %  mean wait  busy %  give up %
     9         13      0.0      100.0     no end   100.0        0.0  asked for
    12         18     64.0       44.9      40.4s    83.3        0.0
    13         19     79.5       28.5      17.1s    76.9        0.0
    14         20     88.8       17.4       7.8s    71.4        0.0  required
    15         22     94.1       10.2       3.7s    66.7        0.0
    16         23     97.0        5.7       1.7s    62.5        0.0

Erlang A, who is not answered gives up after 5m: 13 agents, 19 scheduled.

agents  scheduled  level %  waiting %  mean wait  busy %  give up %
     9         13     36.6       73.5      49.0s    93.0       16.3  asked for
    11         16     65.6       46.0      21.0s    84.6        7.0
    12         18     77.2       33.2      12.8s    79.8        4.3
    13         19     85.8       22.6       7.5s    75.0        2.5  required
    14         20     91.6       14.5       4.2s    70.4        1.4
    15         22     95.3        8.9       2.3s    66.2        0.8
"
    );
}

#[test]
fn what_needs_one_agent_has_no_fewer_neighbours() {
    let text = told("--calls 0.5 --per 1h --handle 90s --goal 0.9 --agents 1").unwrap();
    assert_eq!(
        text,
        "0.5 contacts in 1h, each handled in 1m30s: 0.01 erlangs.
Wanted: 90% answered within 20s; shrinkage 0%.

Erlang C, everybody waits until answered: 1 agent, 1 scheduled.

agents  scheduled  level %  waiting %  mean wait  busy %  give up %
     1          1     98.9        1.2       1.1s     1.2        0.0  required, asked for
     2          2     99.9        0.0       0.0s     0.6        0.0
     3          3     99.9        0.0       0.0s     0.4        0.0
"
    );
    // Nobody is there: of no agents nothing is busy.
    let text = told("--calls 1 --handle 90s --patience 60s --agents 0").unwrap();
    assert!(
        text.contains("     0          0      0.0      100.0     no end       -        0.0  asked for\n"),
        "{text}"
    );
    assert!(
        text.contains("     0          0      0.0      100.0      60.0s       -      100.0  asked for\n"),
        "{text}"
    );
}

#[test]
fn no_contacts_need_nobody() {
    let text = told("--calls 0 --handle 3m --agents 4").unwrap();
    assert!(text.ends_with("shrinkage 0%.\n\nNo contacts need nobody: 0 agents.\n"), "{text}");
    let json = told_as_json("--calls 0 --handle 3m --agents 4");
    assert_eq!(
        json["models"],
        json!([{"model": "erlang_c", "agents_required": 0, "agents_scheduled": 0, "predicted": []}])
    );
}

#[test]
fn machines_are_told_the_same_in_full() {
    let mut json = told_as_json("--calls 100 --handle 180s --shrinkage 0.3 --patience 5m --agents 9");
    let models = json["models"].take();
    assert_eq!(
        json,
        json!({
            "contacts": 100.0,
            "period_seconds": 1800.0,
            "arrivals_per_second": 100.0 / 1800.0,
            "handle_seconds": 180.0,
            "offered_load_erlangs": 10.0,
            "target_seconds": 20.0,
            "goal_ratio": 0.8,
            "max_occupancy_ratio": 1.0,
            "shrinkage_ratio": 0.3,
            "patience_seconds": 300.0,
            "agents_asked": 9,
            "models": null,
        })
    );
    let [by_c, by_a] = [&models[0], &models[1]];
    let required =
        |model: &Value| [&model["model"], &model["agents_required"], &model["agents_scheduled"]].map(Value::clone);
    assert_eq!(required(by_c), [json!("erlang_c"), json!(14), json!(20)]);
    assert_eq!(required(by_a), [json!("erlang_a"), json!(13), json!(19)]);
    assert_eq!(
        by_c["predicted"][0],
        json!({
            "agents": 9,
            "agents_scheduled": 13,
            "service_level_ratio": 0.0,
            "waiting_ratio": 1.0,
            "abandoned_ratio": 0.0,
            "mean_wait_seconds": null,
            "occupancy_ratio": 1.0,
        })
    );
    let fourteen = by_c["predicted"].as_array().unwrap().iter().find(|told| told["agents"] == 14).unwrap();
    assert!((fourteen["service_level_ratio"].as_f64().unwrap() - 0.888_350_019_179).abs() < 1e-12);
    assert!((fourteen["mean_wait_seconds"].as_f64().unwrap() - 7.835_937_011_78).abs() < 1e-11);
    assert_eq!(fourteen["occupancy_ratio"], json!(10.0 / 14.0));
    let without = told_as_json("--calls 100 --handle 180s");
    assert_eq!((&without["patience_seconds"], &without["agents_asked"]), (&Value::Null, &Value::Null));
    assert_eq!(without["models"].as_array().unwrap().len(), 1);
}

#[test]
fn a_level_that_is_not_kept_does_not_look_so() {
    assert_eq!([0.799_99, 0.8, 1.0, 0.0].map(percent_down), ["79.9", "80.0", "100.0", "0.0"]);
    assert_eq!([0.999_99, 1.0, 0.5].map(percent), ["99.9", "100.0", "50.0"]);
}

#[test]
fn what_makes_no_sense_is_bad_usage() {
    for (arguments, complaint) in [
        ("--calls 5 --handle 3m --goal 80", "a goal of 80: must be"),
        ("--calls 5 --handle 3m --goal 1", "a goal of 1: must be"),
        ("--calls 5 --handle 3m --shrinkage 30", "a shrinkage of 30: must be"),
        ("--calls 5 --handle 3m --max-occupancy 0", "a maximal occupancy of 0: must be"),
        ("--calls 1e15 --handle 3m", "a load of 100000000000000 erlangs: at most"),
    ] {
        let error = told(arguments).unwrap_err();
        assert!(error.is::<BadUsage>() && error.to_string().starts_with(complaint), "{arguments}: {error}");
    }
    for arguments in [
        "--calls -5 --handle 3m",
        "--calls=-5 --handle 3m",
        "--calls nan --handle 3m",
        "--calls 5 --handle 0s",
        "--calls 5 --handle 3m --per 0s",
        "--calls 5 --handle 3m --patience 0s",
        "--calls 5 --handle 3m --agents many",
        "--calls 5",
    ] {
        assert!(told(arguments).unwrap_err().is::<clap::Error>(), "{arguments}");
    }
}
