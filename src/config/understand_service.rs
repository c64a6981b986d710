//! What single values of the service's sections mean, as `understand` for the others: addresses, names that Kafka
//! knows, filters of log lines.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::mistake::nearest;
use super::typed::Value;

/// The longest name of a topic or of a member, as Kafka has it.
const LONGEST_KAFKA_NAME: usize = 249;

/// The longest name of a group, in bytes. Kafka sets none; a longer one is a slip.
const LONGEST_GROUP: usize = 255;

/// The longest name of a host.
const LONGEST_HOST: usize = 253;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A broker, as `host:port`. Whether there is one is not known here.
pub(super) fn broker(value: &Value) -> Result<String, String> {
    const HOW: &str = "write host:port, as in \"127.0.0.1:9092\"";
    let written = value.quoted();
    let text = value.text().ok_or_else(|| format!("{written} is not a broker: {HOW}"))?;
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(format!(
            "{written} has a scheme: write \"{rest}\", and {scheme} as kafka.options.security.protocol"
        ));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("{written} has no port, and an IPv6 address goes in brackets: write \"[{text}]:9092\""));
    }
    let Some((host, port)) = text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Err(format!("{written} has no port: write \"{text}:9092\""));
    };
    if !is_host(host) {
        let hint = if host.contains(':') { "an IPv6 address goes in brackets, as in \"[::1]:9092\"" } else { HOW };
        return Err(format!("{written} is not a broker, because of \"{host}\": {hint}"));
    }
    match port.parse::<u16>() {
        Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(text.to_owned()),
        _ => Err(format!("{written} is not a broker, because of \"{port}\": a port is a number from 1 to 65535")),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    let is_label = |label: &str| {
        // The underscore is no part of a host's name, but container networks have it.
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_number = labels.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= LONGEST_HOST && labels.split('.').all(is_label) && (!is_number || host.parse::<Ipv4Addr>().is_ok())
}

/// The name of a topic, or of a member that stays the same: Kafka has the same rules for both.
pub(super) fn kafka_name(value: &Value) -> Result<String, String> {
    let written = value.quoted();
    let text = value.text().ok_or_else(|| format!("{written} is not a text in quotes"))?;
    if let Some(wrong) = text.chars().find(|char| !char.is_ascii_alphanumeric() && !"._-".contains(*char)) {
        return Err(format!(
            "{written} holds {wrong:?}: Kafka allows the letters a to z and A to Z, digits, `.`, `_` and `-`"
        ));
    }
    match text {
        "" => Err(format!("the name is empty: write 1 to {LONGEST_KAFKA_NAME} characters")),
        "." | ".." => Err(format!("{written} is not allowed by Kafka: take another name")),
        _ if text.len() > LONGEST_KAFKA_NAME => {
            Err(format!("the name is {} characters long: Kafka allows {LONGEST_KAFKA_NAME}", text.len()))
        }
        _ => Ok(text.to_owned()),
    }
}

/// A path, which may not be there.
pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    let text = value.text().ok_or_else(|| format!("{} is not a path, in quotes", value.quoted()))?;
    if text.is_empty() { Err("the path is empty: name a folder".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// The name of a consumer group.
pub(super) fn group(value: &Value) -> Result<String, String> {
    let written = value.quoted();
    let text = value.text().ok_or_else(|| format!("{written} is not a text in quotes"))?;
    match text.len() {
        0 => Err(format!("the name is empty: write 1 to {LONGEST_GROUP} bytes")),
        1..=LONGEST_GROUP if text.trim() != text || text.contains(char::is_control) => {
            Err(format!("{written} holds blanks at an end or control characters: take them away"))
        }
        1..=LONGEST_GROUP => Ok(text.to_owned()),
        bytes => Err(format!("the name is {bytes} bytes long: at most {LONGEST_GROUP}")),
    }
}

/// An address and port of this machine.
pub(super) fn address(value: &Value) -> Result<SocketAddr, String> {
    let written = value.quoted();
    let text = value.text().unwrap_or_default();
    text.parse().map_err(|_| {
        let hint = match text.rsplit_once(':') {
            Some(("localhost", port)) => format!("write \"127.0.0.1:{port}\""),
            Some(("" | "*", port)) => format!("write \"0.0.0.0:{port}\" for all addresses"),
            _ => "write both, as in \"127.0.0.1:9847\" or \"[::]:9847\"".to_owned(),
        };
        format!("{written} is not an address and port: {hint}")
    })
}

/// A filter of log lines: a level, or directives by module.
pub(super) fn filter(value: &Value) -> Result<String, String> {
    let written = value.quoted();
    let how = "write a level (off, error, warn, info, debug, trace), or with others for modules, as in \
               \"info,holdline::source=debug\"";
    let Some(text) = value.text().filter(|text| !text.trim().is_empty()) else {
        return Err(format!("{written} is not a filter: {how}"));
    };
    EnvFilter::builder().parse(text).map_err(|error| format!("{written} is not a filter ({error}): {how}"))?;
    // To `tracing` a word alone that is no level is a module with all its lines, which nobody means by "inof".
    let is_level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    let mut words =
        text.split(',').map(str::trim).filter(|word| !word.is_empty() && !word.contains(['=', '[', ']', '}']));
    match words.find(|word| !is_level(word)) {
        Some(word) => {
            let hint = nearest(word, LEVELS).map_or_else(
                || format!("a module goes with its level, as in \"{word}=debug\""),
                |level| format!("did you mean \"{level}\"?"),
            );
            Err(format!("{written} is not a filter, because \"{word}\" is not a level: {hint}"))
        }
        None => Ok(text.to_owned()),
    }
}
