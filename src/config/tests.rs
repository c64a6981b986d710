//! The reference is what it says, every key is understood, and variables override. What is refused is in
//! `tests_of_values` and `tests_of_sense`; the sections of the service are in `tests_of_service`.

use super::*;
use crate::engine::settings::{Promise, Window};
use crate::engine::tally::Formula;

pub(super) const REFERENCE: &str = include_str!("../../config/holdline.toml");

fn settings(text: &str, environment: &[(&str, &str)]) -> Settings {
    config(text, environment).settings
}

pub(super) fn config(text: &str, environment: &[(&str, &str)]) -> Config {
    parse(text, environment).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"))
}

pub(super) fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
    Config::parse(text, &owned(environment))
}

/// As if the text were a file in the folder of the reference.
pub(super) fn beside_the_reference(text: &str) -> Config {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    Config::parse_in(&folder, text, &[]).unwrap_or_else(|mistakes| panic!("{text}\n{mistakes:#?}"))
}

pub(super) fn owned(environment: &[(&str, &str)]) -> Vec<(String, String)> {
    environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The text with everything on that stands behind a `#` without a blank; prose stands behind one with a blank.
pub(super) fn switched_on(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with([' ', '#']) => format!("{setting}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Asserts that these are all mistakes of the text.
pub(super) fn refused(text: &str, expected: &[&str]) {
    refused_with(text, &[], expected);
}

/// Asserts that these are all mistakes of the text with these variables over it.
pub(super) fn refused_with(text: &str, environment: &[(&str, &str)], expected: &[&str]) {
    let told: Vec<String> = match parse(text, environment) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.iter().map(Mistake::to_string).collect(),
    };
    assert_eq!(told, expected, "\n{text}\n{environment:?}");
}

/// The promise to one lane, from the first row.
fn promise(settings: &Settings, [queue, channel, tier]: [&str; 3]) -> Promise {
    settings.promises[0].1.of(queue, channel, tier)
}

#[test]
fn an_empty_file_gives_the_defaults() {
    for text in ["", "# nothing\n", "\u{feff}", "[service]\n[slots]\n[lifetimes]\n[windows]\n[limits]\n[report]\n"] {
        assert_eq!(settings(text, &[]), Settings::default(), "{text:?}");
    }
}

#[test]
fn the_reference_states_the_defaults() {
    let stated = settings(REFERENCE, &[]);
    let usual = Settings::default();
    assert_eq!(promise(&stated, ["any", "any", "any"]), Promise::default());
    assert!(stated.promises[0].1.queues.is_empty());
    assert_eq!(Settings { promises: usual.promises.clone(), ..stated }, usual);
}

#[test]
fn what_the_reference_leaves_switched_off_can_be_switched_on() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let settings = Config::parse_settings_in(&folder, &switched_on(REFERENCE), &[]).unwrap();
    assert!(settings.promises[0].1.queues.contains_key("billing"));
    assert_eq!(settings.promises[0].1.calendar_of("any", "any", "any"), Some("il"));
    assert_eq!(settings.promised().calendars.keys().collect::<Vec<_>>(), ["il"]);
    assert_ne!(promise(&settings, ["billing", "voice", "priority"]), Promise::default());
    assert!(settings.surveys.contains_key("ease"));
}

/// A key that can be written is in the reference: the message for an unknown key lists those of its section.
#[test]
fn the_reference_lists_every_key() {
    let sections = [
        "service",
        "calendar.il",
        "survey.csat",
        "slots",
        "lifetimes",
        "windows",
        "limits",
        "customers",
        "report",
        "kafka",
        "checkpoint",
        "outliers",
        "outliers.channel.email",
        "outliers.queue.billing",
        "http",
        "metrics",
        "log",
    ];
    for section in [""].into_iter().chain(sections) {
        let text = if section.is_empty() { "zzzzzzzz = 1".to_owned() } else { format!("[{section}]\nzzzzzzzz = 1") };
        let mistakes = parse(&text, &[]).unwrap_err();
        let keys = mistakes.iter().find_map(|told| told.message.strip_prefix("unknown key: known here are ")).unwrap();
        for key in keys.split(", ") {
            let shown =
                [format!("{key} = "), format!("[{key}]"), format!("[{key}."), format!(".{key}]"), format!(".{key}.")];
            assert!(shown.iter().any(|shown| REFERENCE.contains(shown)), "{section}.{key}");
        }
    }
}

#[test]
fn the_examples_can_be_used() {
    for text in
        [include_str!("../../config/examples/omnichannel.toml"), include_str!("../../config/examples/voice.toml")]
    {
        assert!(!settings(text, &[]).promises[0].1.queues.is_empty());
    }
}

#[test]
fn every_key_is_read() {
    let text = r#"
        [service]
        answer_within = "30s"
        goal = 0.9
        formula = "answered_only"
        short_abandon = "10s"
        min_contacts = 0x10
        channel.email = { answer_within = "24h" }
        [service.tier.vip]
        goal = 95e-2
        [[queue]]
        id = "billing"
        min_contacts = 1_000
        [queue.channel.chat]
        formula = "removed_within"
        [queue.tier.priority]
        answer_within = "0s"
        short_abandon = "0s"
        [slots]
        fine = "20s"
        coarse = "5m"
        [lifetimes]
        settle = "12h"
        lateness = "1h30m"
        agent_expire = "10h"
        expire = "10d"
        expire_by_channel = { chat = "2h", email = "60d" }
        [windows]
        counts = ["15m", "60m", "24h"]
        quantiles = ["1h"]
        [limits]
        lanes = 1
        contacts = 2
        facts = 8
        agents = 4
        worst = 3
        record_bytes = 256
        [report]
        zone = "europe/berlin"
    "#;
    let settings = settings(text, &[]);
    let service = Promise {
        answer_within_ms: 30_000,
        goal: 0.9,
        formula: Formula::AnsweredOnly,
        short_abandon_ms: 10_000,
        min_contacts: 16,
        business_time: false,
    };
    assert_eq!(promise(&settings, ["sales", "voice", "standard"]), service);
    assert_eq!(
        promise(&settings, ["sales", "email", "vip"]),
        Promise { answer_within_ms: 86_400_000, goal: 0.95, ..service }
    );
    assert_eq!(
        promise(&settings, ["billing", "chat", "priority"]),
        Promise {
            answer_within_ms: 0,
            short_abandon_ms: 0,
            min_contacts: 1000,
            formula: Formula::RemovedWithin,
            ..service
        }
    );
    assert_eq!((settings.slots.fine_ms, settings.slots.coarse_ms), (20_000, 300_000));
    let lifetimes = &settings.lifetimes;
    assert_eq!((lifetimes.settle_ms, lifetimes.lateness_ms, lifetimes.expire_ms), (43_200_000, 5_400_000, 864_000_000));
    assert_eq!(lifetimes.agent_expire_ms, 36_000_000);
    let by_channel: Vec<_> =
        lifetimes.expire_by_channel.iter().map(|(name, expire)| (name.as_str(), *expire)).collect();
    assert_eq!(by_channel, [("chat", 7_200_000), ("email", 5_184_000_000), ("voice", 86_400_000)]);
    let window =
        |name: &str, minutes: u64, quantiles| Window { name: name.to_owned(), length_ms: minutes * 60_000, quantiles };
    assert_eq!(settings.windows, [window("15m", 15, false), window("60m", 60, true), window("24h", 1440, false)]);
    let limits = settings.limits;
    assert_eq!((limits.lanes, limits.contacts, limits.facts, limits.agents), (1, 2, 8, 4));
    assert_eq!((limits.worst, limits.record_bytes), (3, 256));
    assert_eq!(settings.zone, "Europe/Berlin");
}

#[test]
fn default_quantiles_are_those_of_the_windows_there_are() {
    let windows = settings("[windows]\ncounts = [\"10m\", \"30m\"]", &[]).windows;
    assert_eq!(windows.iter().map(|window| window.quantiles).collect::<Vec<_>>(), [false, true]);
    assert!(settings("[windows]\nquantiles = []", &[]).windows.iter().all(|window| !window.quantiles));
}

#[test]
fn variables_override_the_file() {
    let text =
        "[service]\ngoal = 0.5\n[service.channel.E-Mail]\n[[queue]]\nid = \"billing\"\n[[queue]]\nid = \"Billing EU\"";
    let settings = settings(
        text,
        &[
            ("HOLDLINE_SERVICE__GOAL", "0.9"),
            ("holdline_service__formula", "answered_only"),
            ("HOLDLINE_SERVICE__CHANNEL__E_MAIL__ANSWER_WITHIN", "24h"),
            ("HOLDLINE_SERVICE__TIER__VIP__GOAL", "0.99"),
            ("HOLDLINE_QUEUE__billing__ANSWER_WITHIN", "1m"),
            ("HOLDLINE_QUEUE__BILLING_EU__TIER__PRIORITY__ANSWER_WITHIN", "10s"),
            ("HOLDLINE_WINDOWS__COUNTS", "5m, 1h"),
            ("HOLDLINE_WINDOWS__QUANTILES", ""),
            ("HOLDLINE_LIMITS__WORST", "50"),
            ("HOLDLINE_LIFETIMES__EXPIRE_BY_CHANNEL__CHAT", "2h"),
            ("HOLDLINE_REPORT__ZONE", "Asia/Jerusalem"),
        ],
    );
    assert_eq!(promise(&settings, ["x", "voice", "standard"]).goal, 0.9);
    assert_eq!(promise(&settings, ["x", "voice", "standard"]).formula, Formula::AnsweredOnly);
    assert_eq!(promise(&settings, ["x", "E-Mail", "vip"]).answer_within_ms, 86_400_000);
    assert_eq!(promise(&settings, ["x", "E-Mail", "vip"]).goal, 0.99);
    assert_eq!(promise(&settings, ["billing", "voice", "priority"]).answer_within_ms, 60_000);
    assert_eq!(promise(&settings, ["Billing EU", "voice", "priority"]).answer_within_ms, 10_000);
    assert_eq!(settings.windows.iter().map(|window| window.name.as_str()).collect::<Vec<_>>(), ["5m", "1h"]);
    assert!(settings.windows.iter().all(|window| !window.quantiles));
    assert_eq!(settings.limits.worst, 50);
    assert_eq!(settings.lifetimes.expire_of("chat"), 7_200_000);
    assert_eq!(settings.lifetimes.expire_of("voice"), 86_400_000);
    assert_eq!(settings.zone, "Asia/Jerusalem");
}

#[test]
fn variables_that_are_no_settings_are_ignored() {
    let others = [
        ("HOLDLINE_DATA", "/data"),
        ("HOLDLINE_CONFIG", "h.toml"),
        ("HOLDLINE_BLESS", "1"),
        ("HOLDLINE_SEED", "1"),
        ("HOLDLINE_SEEDS", "1..9"),
        ("PATH", "/bin"),
        ("Ä_HOLDLINE_SERVICE__GOAL", "9"),
        ("HOLDLINE_SERVICE_HOST", "10.0.0.7"),
        ("HOLDLINE_SERVICE_PORT", "9847"),
        ("HOLDLINE_SERVICE_PORT_HTTP", "9847"),
        ("HOLDLINE_PORT", "tcp://10.0.0.7:9847"),
        ("HOLDLINE_PORT_9847_TCP", "tcp://10.0.0.7:9847"),
        ("HOLDLINE_PORT_9847_TCP_ADDR", "10.0.0.7"),
        ("HOLDLINE_METRICS_SERVICE_HOST", "10.0.0.7"),
    ];
    assert_eq!(settings("", &others), Settings::default());
}

#[test]
fn a_file_that_is_not_utf8_is_a_mistake_at_the_first_such_byte() {
    let mistake = text_of(b"[report]\n# M\xc3\xbcnchen, K\xf6ln\n".to_vec()).unwrap_err();
    assert_eq!(mistake.to_string(), "2:13: is not UTF-8: save the file as UTF-8");
}
