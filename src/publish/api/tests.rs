//! What the pages say, held against their description.

use std::sync::Arc;

use serde_json::{Value, json};

use super::histogram::{Wanted, distribution, packed, percentiles};
use super::*;
use crate::config::Formulas;
use crate::engine::board::GroupKey;
use crate::engine::outliers::{Aspect, ByAspect, Fences, Limits, Told};
use crate::engine::tally::{Measure, Quantity};
use crate::event::EventTime;
use crate::publish::metrics::tests::{BY_ALL, BY_QUEUE, LOG, exposition, settings, shards, snapshot, usual};
use crate::publish::metrics::tests_of_load::load as load_of_a;
use crate::publish::seed::{Seed, SeedOfQueue};
use crate::publish::snapshot::{Breach, Snapshot};
use crate::publish::withheld::Withheld;
use crate::source::kafka::slot::Extent;

/// Holds a page against a schema of the description.
fn described(page: &[u8], schema: &str) -> Value {
    let mut description: Value = serde_json::from_str(include_str!("../../../deploy/openapi.json")).unwrap();
    description["$ref"] = json!(format!("#/components/schemas/{schema}"));
    let validator = jsonschema::options().should_validate_formats(true).build(&description).unwrap();
    let page: Value = serde_json::from_slice(page).unwrap();
    let mistakes: Vec<String> =
        validator.iter_errors(&page).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    page
}

/// The small log, with a breach, fences, and everybody found who is beyond them.
fn found() -> Snapshot {
    let mut shards = shards(LOG, &settings(), 1);
    let mut snapshot = snapshot(&shards, BY_ALL);
    let mut limits = ByAspect::default();
    limits.set(Aspect::Wait, Some(30_000));
    limits.set(Aspect::Replies, Some(2));
    let keys: Vec<GroupKey> = snapshot.live.as_ref().unwrap().groups.keys().cloned().collect();
    let fences = Arc::new(Fences::fixed(BY_ALL, Limits { usual: limits, ..Limits::default() }));
    shards[0].fence(&fences);
    let mut told = Told::default();
    told.find(&mut shards[0], snapshot.now.unwrap(), 1_000);
    snapshot.outliers = vec![told.latest().clone()];
    snapshot.fences = Some(fences);
    let since = EventTime::from_millis(1_704_099_700_000);
    let breach = Breach { since, count: 1, stuck: 2 };
    snapshot.breaches = Arc::new([((keys[0].clone(), Measure::Wait), breach)].into());
    snapshot
}

const WINDOWS: [&str; 2] = ["5m", "10m"];

fn queues_of<T>(snapshot: &Snapshot, page: impl FnOnce(queues::Scene<'_>) -> T) -> T {
    let windows = WINDOWS.map(str::to_owned);
    page(queues::Scene { snapshot, at: snapshot.made_at, windows: &windows, quantiles: &[true, false] })
}

#[test]
fn queues_at_a_glance() {
    let found = found();
    let page = described(&queues_of(&found, queues::all).unwrap(), "Queues");
    assert_eq!((&page["now"], &page["whole"]), (&json!("2024-01-01T09:01:50Z"), &json!(true)));
    let lanes = page["lanes"].as_array().unwrap();
    assert_eq!(lanes.len(), 2);
    assert_eq!(
        (&lanes[1]["queue"], &lanes[1]["channel"], &lanes[1]["tier"]),
        (&json!("b"), &json!("chat"), &json!("gold"))
    );
    assert_eq!((&lanes[1]["waiting"], &lanes[1]["waiting_over"]), (&json!(1), &json!(1)));
    assert_eq!(lanes[1]["oldest_waiting_since"], "2024-01-01T09:01:00Z");
    assert_eq!(lanes[0]["fences"], json!({"wait": 30.0, "replies": 2.0}));
    let promise = &lanes[0]["promises"]["wait"];
    assert_eq!((&promise["goal"], &promise["answer_within_seconds"]), (&json!(0.8), &json!(20)));
    assert_eq!((&promise["breached_since"], &promise["breaches"]), (&json!("2024-01-01T09:01:40Z"), &json!(1)));
    assert_eq!(lanes[1]["promises"]["wait"]["breaches"], Value::Null);
    let level = &lanes[0]["windows"]["5m"]["wait"];
    assert_eq!((&level["decided"], &level["level"]), (&json!(6), &json!(0.25)));
    let (lower, upper) = (level["level_lower"].as_f64().unwrap(), level["level_upper"].as_f64().unwrap());
    assert!(lower > 0.04 && lower < 0.05 && upper > 0.69 && upper < 0.70, "{lower} {upper}");
}

#[test]
fn load_surges_and_what_it_takes() {
    let loaded = Snapshot { load: Some(Arc::new(load_of_a())), ..usual(BY_QUEUE) };
    let now = loaded.made_at;
    let (_snapshots, _meters, exposition) = exposition(loaded.clone(), &settings(), Formulas::Headline);
    let outlooks = exposition.outlooks(&loaded, now);
    let page = described(&load::page(&loaded, &outlooks).unwrap(), "Load");
    assert_eq!((&page["now"], &page["learned"]), (&json!("2024-01-01T09:00:00Z"), &json!("2024-01-01T00:00:00Z")));
    assert_eq!(page["calendars"]["office"]["next_month_start"], "2024-02-01T00:00:00Z");
    let a = &page["queues"][0];
    assert_eq!((&a["queue"], &a["windows"]["1h"]["offered"]), (&json!("a"), &json!(84)));
    assert_eq!(
        (&a["incident"]["reason"], &a["incident"]["start"]),
        (&json!("arrivals"), &json!("2024-01-01T08:00:00Z"))
    );
    assert_eq!((&a["incident"]["end"], &a["incidents"].as_array().unwrap().len()), (&Value::Null, &1));
    assert_eq!((&a["today"]["offered"], &a["today"]["against_ordinary_day"]["unusual"]), (&json!(372), &json!(true)));
    // One agent is there.
    let staffing = &a["staffing"];
    assert_eq!((&staffing["agents"], &staffing["handle_seconds"]), (&json!(1), &json!(20.5)));
    assert_eq!(staffing["models"]["erlang_c"]["agents_to_schedule"], 2);
    assert_eq!(load::page(&usual(BY_QUEUE), &outlooks), None);
}

#[test]
fn a_forecast_and_the_agents_it_takes() {
    let loaded = Snapshot { load: Some(Arc::new(load_of_a())), ..usual(BY_QUEUE) };
    let now = loaded.made_at;
    let (_snapshots, _meters, exposition) = exposition(loaded.clone(), &settings(), Formulas::Headline);
    let outlooks = exposition.outlooks(&loaded, now);
    let page = described(&load::forecast(&loaded, outlooks.get("a"), "a", 14).unwrap(), "Forecast");
    let days = page["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["date"], &days[1]["business_day"]), (2, &json!("2024-01-01"), &json!(1)));
    let slots = days[0]["slots"].as_array().unwrap();
    assert_eq!(
        (slots.len(), &slots[1]["start"], &slots[1]["local"]),
        (96, &json!("2024-01-01T00:15:00Z"), &json!("00:15"))
    );
    assert!((slots[1]["expected"]["mean"].as_f64().unwrap() - 10.0).abs() < 1.0, "{}", slots[1]);
    // 0.2 erlangs.
    assert_eq!(
        (&slots[1]["agents"], &slots[1]["scheduled"], &days[0]["agents_at_peak"]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_eq!(days[0]["agent_hours"], 24.0);
    let page = described(&load::forecast(&loaded, outlooks.get("a"), "a", 1).unwrap(), "Forecast");
    assert_eq!(page["days"].as_array().unwrap().len(), 1);
    assert_eq!(load::forecast(&loaded, None, "c", 14), None);
    // Without a handle time there are no agents.
    let page = described(&load::forecast(&loaded, None, "a", 1).unwrap(), "Forecast");
    assert_eq!((&page["aim"], &page["days"][0]["agents_at_peak"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_baseline_is_as_described() {
    let counts = [(1_000, 3), (1_001, 4)].into_iter().collect();
    let of_queue = SeedOfQueue { counts, ..SeedOfQueue::default() };
    let seed = Seed { until: 1_002, queues: [("a".to_owned(), of_queue)].into() };
    let page = described(seed.text().as_bytes(), "BaselineFile");
    assert_eq!(page["queues"]["a"]["offered"][0]["counts"], json!([3, 4]));
}

#[test]
fn the_state_is_all_that_is_told_of_lanes() {
    let (mut found, settings) = (found(), settings());
    let extent = Extent {
        first: Some(0),
        next: 21,
        stream_time: found.now,
        counters_from: None,
        beyond_limits: 0,
        settings: Arc::new(settings.clone()),
    };
    found.extents.insert(("calls".to_owned(), 3), extent);
    let now = found.made_at;
    let (_snapshots, _meters, exposition) = exposition(found, &settings, Formulas::Headline);
    let page = described(&exposition.state(now).unwrap(), "State");
    let partition = &page["partitions"][0];
    assert_eq!((&partition["partition"], &partition["promises"][0][0]), (&json!(3), &json!(0)));
    assert!(page["settings"]["lifetimes"].is_object(), "{}", page["settings"]);
    let series = page["series"].as_array().unwrap().iter();
    let offered = series.filter(|one| one["name"] == "holdline_contacts_offered_total");
    assert_eq!(offered.map(|one| one["value"].as_f64().unwrap()).sum::<f64>(), 8.0);
}

#[test]
fn levels_are_for_whoever_holds_the_whole_queue() {
    let part = Snapshot { whole: false, ..found() };
    let page = described(&queues_of(&part, queues::all).unwrap(), "Queues");
    let lane = &page["lanes"][0];
    assert_eq!(lane["windows"]["5m"]["wait"]["level"], Value::Null);
    assert_eq!(lane["windows"]["5m"]["wait"]["decided"], 6);
    assert_eq!(lane["promises"]["wait"]["breaches"], Value::Null);
    let page = queues_of(&part, |scene| queues::one(scene, "a")).unwrap().unwrap();
    let page = described(&page, "Queue");
    let window = &page["lanes"][0]["windows"]["5m"];
    assert_eq!((&window["offered"], &window["wait_answered"]["count"]), (&json!(7), &json!(2)));
    for (told, name) in [
        (&window["service_level"], "offered"),
        (&window["wait_answered"], "p95"),
        (&window["wait_answered"], "max"),
        (&window["wait_answered"], "mean"),
        (&window["surveys"]["csat"], "mean"),
        (&window["surveys"]["csat"], "satisfied"),
        (&window["outcomes"]["purchase"], "per_answered"),
        (&page["agents"]["5m"], "occupancy"),
    ] {
        assert_eq!(told.get(name), Some(&Value::Null), "{name}: {told}");
    }
}

#[test]
fn windows_without_quantiles_know_of_no_distribution() {
    let page = queues_of(&found(), |scene| queues::one(scene, "a")).unwrap().unwrap();
    let window = &described(&page, "Queue")["lanes"][0]["windows"]["10m"];
    assert_eq!((&window["answered"], window.get("wait_answered")), (&json!(2), Some(&Value::Null)));
    assert_eq!(window.get("handle"), Some(&Value::Null));
}

#[test]
fn one_queue_with_everything() {
    let found = found();
    let page = queues_of(&found, |scene| queues::one(scene, "a")).unwrap().unwrap();
    let page = described(&page, "Queue");
    let window = &page["lanes"][0]["windows"]["5m"];
    assert_eq!((&window["offered"], &window["wait_answered"]["max"]), (&json!(7), &json!(40)));
    assert_eq!(window["tail"]["worst"]["wait"]["wait_answered"][0], json!({"contact_id": "2", "seconds": 40}));
    assert_eq!(window["tail"]["longest"]["wait"][0]["contact_id"], "8");
    assert_eq!(window["surveys"]["csat"]["mean"], 3.5);
    assert_eq!(window["outcomes"]["purchase"]["amount"], 12.5);
    assert_eq!(page["agents"]["5m"]["occupancy"], 0.5);
    assert_eq!(page["outliers"], json!([]));
    let page = queues_of(&found, |scene| queues::one(scene, "b")).unwrap().unwrap();
    assert_eq!(described(&page, "Queue")["outliers"][0]["contact_id"], "6");
    let absent = queues_of(&found, |scene| queues::one(scene, "c")).unwrap();
    assert!(absent.is_none());
    // Only agents are known of it.
    let log = r#"{"type":"agent_state","agent_id":"1","state":"away","queues":["idle"],"time":"2024-01-01T09:01:00Z"}"#;
    let idle = snapshot(&shards(log, &settings(), 1), BY_QUEUE);
    let page = queues_of(&idle, |scene| queues::one(scene, "idle")).unwrap().unwrap();
    assert_eq!(described(&page, "Queue")["lanes"], json!([]));
}

#[test]
fn outliers_are_told_the_latest_first() {
    let found = found();
    let page = described(&outliers::page(&found, None), "Outliers");
    let outliers = page["outliers"].as_array().unwrap();
    // 6 has waited for 50 s in b; 2, who was answered after 40 s, was so before anybody looked.
    let of_b = &outliers[0];
    assert_eq!((&of_b["contact_id"], &of_b["queue"], &of_b["measure"]), (&json!("6"), &json!("b"), &json!("wait")));
    assert_eq!(
        (&of_b["seconds"], &of_b["fence_seconds"], &of_b["goes_on"]),
        (&json!(50.0), &json!(30.0), &json!(true))
    );
    assert_eq!(of_b["id"], "6/1704099660000/wait");
    assert_eq!(outliers.len(), 1);
    assert_eq!(described(&outliers::page(&found, Some("a")), "Outliers")["outliers"], json!([]));
}

#[test]
fn distributions_are_those_of_hdrhistogram() {
    let found = found();
    let wanted = Wanted { queue: "a", window: 0, measure: Measure::Wait, quantity: Quantity::WaitAnswered };
    let histogram = distribution(&found, found.made_at, wanted).unwrap().unwrap();
    assert_eq!((histogram.len(), histogram.min(), histogram.max()), (2, 8_000, 40_031));
    let text = percentiles(&histogram, 1_000.0);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
    assert_eq!(lines[2], "       8.003 0.000000000000          1           1.00");
    assert_eq!(*lines.iter().rev().nth(3).unwrap(), "      40.031 1.000000000000          2");
    assert!(text.contains("#[Max     =       40.031, Total count    =            2]\n"), "{text}");

    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed(&histogram)).unwrap();
    // The cookie of compressed V2.
    assert_eq!(bytes[..4], [0x1c, 0x84, 0x93, 0x14]);
    let read: hdrhistogram::Histogram<u64> =
        hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
    assert_eq!(read, histogram);

    let nothing = Wanted { quantity: Quantity::Transfers, ..wanted };
    assert!(distribution(&found, found.made_at, nothing).unwrap().is_none());
    assert!(distribution(&found, found.made_at, Wanted { queue: "c", ..wanted }).unwrap().is_none());
}

#[test]
fn an_account_tells_how_a_contact_was_counted() {
    let shards = shards(LOG, &settings(), 1);
    let account =
        |id: &str| shards[0].account(id).map(|account| described(&serde_json::to_vec(&account).unwrap(), "Contact"));
    let first = account("1").unwrap();
    let life = &first["lives"][0];
    let types: Vec<&str> =
        life["facts"].as_array().unwrap().iter().map(|fact| fact["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["offered", "answered", "completed", "rated", "rated", "outcome"]);
    assert_eq!(life["facts"][2]["handle_seconds"], 20.5);
    let clock = &life["clocks"][0];
    assert_eq!((&clock["outcome"], &clock["seconds"]), (&json!("answered"), &json!(8.0)));
    assert_eq!(
        (&clock["due_at"], &clock["measures"]),
        (&json!("2024-01-01T09:00:23Z"), &json!(["wait", "contact_wait"]))
    );
    let cells: Vec<&Value> = clock["counted"].as_array().unwrap().iter().map(|booking| &booking["cells"]).collect();
    assert_eq!(cells, [&json!(["offered"]), &json!(["answered", "answered_within"]), &json!(["completed"])]);
    // Answered as well, which contradicts the abandoning before.
    let fourth = account("4").unwrap();
    assert_eq!(
        (&fourth["lives"][0]["conflict"], &fourth["lives"][0]["clocks"][0]["outcome"]),
        (&json!(1), &json!("abandoned"))
    );
    // The first one is over, the sixth still waits.
    assert_eq!((&life["finished"], &account("6").unwrap()["lives"][0]["finished"]), (&json!(true), &json!(false)));
    assert!(account("9").is_none());
}

#[test]
fn while_nothing_is_shown_queues_are_not_told() {
    let starting = Snapshot { live: None, withheld: vec![Withheld::Starting], ..usual(BY_ALL) };
    assert_eq!(queues_of(&starting, queues::all).unwrap_err(), [Withheld::Starting]);
    assert_eq!(queues_of(&starting, |scene| queues::one(scene, "a")).unwrap_err(), [Withheld::Starting]);
}
