//! The properties of the Kafka client that the user sets by its own names, here or in files that hold one value each.
//!
//! Which names and values there are is asked of the client's library, without contacting anything. What the service
//! decides itself is refused, with the reason. A value that was read from a file is never shown.

use std::collections::BTreeMap;
use std::path::Path;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use rdkafka::util::get_rdkafka_version;

use super::file;
use super::reading::Spot;
use super::section::Section;
use super::typed::Value;

/// No certificate or password is longer, in bytes; a longer file is another one.
const LONGEST_FILE: u64 = 1024 * 1024;

const BROKERS: &str = "write it as kafka.brokers";
const BEGINNING: &str = "where reading begins is decided by the service: see kafka.look_back";
const POSITIONS: &str = "what has been read is noted by the service itself";
const LOGGING: &str = "what is logged is decided by log.filter";

/// What the service decides itself, and what to do instead.
const OWN: [(&str, &str); 18] = [
    ("bootstrap.servers", BROKERS),
    ("metadata.broker.list", BROKERS),
    ("group.id", "write it as kafka.group"),
    ("group.instance.id", "write it as kafka.instance"),
    ("group.protocol.type", "the service is always a consumer"),
    ("auto.offset.reset", BEGINNING),
    ("enable.auto.commit", POSITIONS),
    ("auto.commit.enable", POSITIONS),
    ("auto.commit.interval.ms", POSITIONS),
    ("enable.auto.offset.store", POSITIONS),
    ("offset.store.method", POSITIONS),
    ("offset.store.path", POSITIONS),
    ("offset.store.sync.interval.ms", POSITIONS),
    ("enable.partition.eof", "how the service knows that it has caught up is its own affair"),
    ("statistics.interval.ms", "how often the client is asked for its numbers is decided by the service"),
    ("log_level", LOGGING),
    ("log.queue", LOGGING),
    ("plugin.library.paths", "no further libraries are loaded into the service"),
];

/// The one way of sharing out partitions that does not stop all readers whenever one comes or goes.
const STRATEGY: (&str, &str) = ("partition.assignment.strategy", "cooperative-sticky");

const PROTOCOL: &str = "group.protocol";

/// What brokers decide under the newer protocol of groups, `group.protocol = "consumer"`.
const OF_BROKERS: [&str; 3] = ["session.timeout.ms", "heartbeat.interval.ms", STRATEGY.0];

/// Two names of the same property. With both set it would be left to chance which holds.
const TWO_NAMES: [(&str, &str); 3] = [
    ("sasl.mechanism", "sasl.mechanisms"),
    ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
];

/// Reads the sections `options` and `options_from_files`. What is in neither is left to the library.
pub(super) fn read(kafka: &mut Section<'_>) -> BTreeMap<String, String> {
    let mut taken = BTreeMap::new();
    kafka.section("options", |section| take(section, &mut taken, given));
    kafka.section("options_from_files", |section| take(section, &mut taken, in_file));

    let is_newer = taken
        .get(PROTOCOL)
        .is_some_and(|(value, _)| value.as_deref().is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer")));
    for name in OF_BROKERS.into_iter().filter(|_| is_newer) {
        if let Some((_, spot)) = taken.get(name) {
            let message = format!("is decided by the brokers with {PROTOCOL} = \"consumer\": take either away");
            kafka.refuse(spot, message);
        }
    }
    for (name, other) in TWO_NAMES {
        if let (Some((_, spot)), Some((_, first))) = (taken.get(name), taken.get(other)) {
            let message = format!("is another name of {other}, which is set {}: keep one of them", first.place);
            kafka.refuse(spot, message);
        }
    }
    taken.into_iter().filter_map(|(name, (value, _))| Some((name, value?))).collect()
}

/// The names that are refused.
#[cfg(test)]
pub(super) fn own() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|(name, _)| *name)
}

/// The names that mean the same.
#[cfg(test)]
pub(super) fn two_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    TWO_NAMES.into_iter()
}

/// By name: the value, unless it was refused, and where the name was written first.
type Taken = BTreeMap<String, (Option<String>, Spot)>;

/// Takes every option of the section. `read` says what its value is, after a glance at the name.
fn take(section: &mut Section<'_>, taken: &mut Taken, read: impl Fn(&str, &Value) -> Result<String, String>) {
    for (name, spot, value) in section.flat() {
        if let Some((_, first)) = taken.get(&name) {
            let message = format!("is set twice, first as {} {}: keep one of them", first.key, first.place);
            section.refuse(&spot, message);
            continue;
        }
        let value = may_be_set(&name).and_then(|()| read(&name, value));
        let value = value.map_err(|message| section.refuse(&spot, message)).ok();
        taken.insert(name, (value, spot));
    }
}

/// Whether the service leaves an option of this name to the user, and the library knows it.
fn may_be_set(name: &str) -> Result<(), String> {
    if let Some((_, reason)) = OWN.iter().find(|(own, _)| *own == name) {
        return Err(format!("cannot be set here: {reason}"));
    }
    // An empty value is the default, which is right for all that can be set at all; others are told with their value.
    match attempt(name, "") {
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            let (_, version) = get_rdkafka_version();
            Err(format!("is no property of librdkafka {version}: see the list in its CONFIGURATION.md"))
        }
        _ => Ok(()),
    }
}

/// The value as it was given.
fn given(name: &str, value: &Value) -> Result<String, String> {
    // The value is not quoted, since it may be a password.
    let text = match value {
        Value::Text(text) | Value::Given(text) | Value::Number(text) => text.clone(),
        Value::Truth(truth) => truth.to_string(),
        Value::Other(_) => return Err("is a date: write the value in quotes".to_owned()),
        Value::List(_) | Value::Table(_) => return Err("is a list: write one text, its parts with commas".to_owned()),
    };
    is_allowed(name, &text)?;
    let understood = attempt(name, &text).map_err(|error| match error {
        KafkaError::ClientConfig(_, complaint, ..) => format!("librdkafka refuses it: {}", complaint.trim()),
        _ => "holds a null character: take it away".to_owned(),
    })?;
    // Of a number the library takes the digits in front, and nothing is said of "10s" or of more digits than it holds.
    match understood.parse::<i64>() {
        Ok(number) if understood != text && text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
            Err(format!("librdkafka would take it for {number}: write a whole number without unit"))
        }
        _ => Ok(text),
    }
}

/// The value that is in a file, without the newline at its end.
fn in_file(name: &str, value: &Value) -> Result<String, String> {
    let written = value.quoted();
    let path = value.text().ok_or_else(|| format!("{written} is not the path of a file, in quotes"))?;
    let content = file::text_of(Path::new(path), &written, LONGEST_FILE)?;
    let line = content.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let text = line.unwrap_or(&content);
    if text.is_empty() {
        return Err(format!("the file {written} is empty: write the value into it"));
    }
    is_allowed(name, text)?;
    // What the library says may quote the value.
    attempt(name, text).map_err(|_| format!("librdkafka refuses what is in the file {written}"))?;
    Ok(text.to_owned())
}

fn is_allowed(name: &str, value: &str) -> Result<(), String> {
    let (strategy, only) = STRATEGY;
    if name == strategy && value != only {
        return Err(format!("can only be \"{only}\": with others every reader stops whenever one comes or goes"));
    }
    Ok(())
}

/// What the library makes of this value of this property: the value as it understands it, empty if it has none.
fn attempt(name: &str, value: &str) -> Result<String, KafkaError> {
    let native = ClientConfig::new().set(name, value).create_native_config()?;
    Ok(native.get(name).unwrap_or_default())
}
