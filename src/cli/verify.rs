//! `holdline verify`: asks a running instance for what it tells, recomputes it from the topic, and says what differs.
//!
//! Nothing of the instance is stopped or changed, and nothing is written to Kafka. What was compared, and what could not
//! be, goes to standard output; how far it is to standard error.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use crate::cli::progress::Progress;
use crate::cli::{BadUsage, configuration};
use crate::config::Config;
use crate::event::EventTime;
use crate::model::view::By;
use crate::publish::edges::written;
use crate::publish::state::{self, State};
use crate::verify::compare::{Expected, Outcome, Told, compare, told};
use crate::verify::expected::{self, Scene};
use crate::verify::reach::Reach;
use crate::verify::retell::{Retold, retell};

/// The exit code if anything differs.
const DIFFERS: u8 = 1;

/// Differences that are told one by one.
const TOLD: usize = 20;

/// Progress is told after so many records.
const TOLD_EVERY: u64 = 100_000;

/// An instance with many lanes takes a while to write them down.
const LONGEST_ANSWER: Duration = Duration::from_secs(60);

/// More than a hundred thousand lanes have to tell.
const MOST_BYTES: u64 = 16 << 30;

/// Recompute what a running instance tells from the topic, and say what differs
#[derive(Args, Clone, Debug)]
pub struct VerifyArguments {
    /// The configuration of the instance
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Where its pages are [default: http.listen of the configuration]
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
}

/// Asks, recomputes, compares, and writes what came of it to `out`. The exit code is 1 if anything differs, else 0.
///
/// # Errors
///
/// A configuration or address that makes no sense, as [`BadUsage`]; an instance or a topic that cannot be read; nothing to
/// compare.
pub fn verify(arguments: &VerifyArguments, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = configuration(Some(&arguments.config))?;
    let address = address(arguments.address.as_deref(), config.http.listen)?;
    let mut state = ask(&address)?;
    expect_same_settings(&config, &state.settings, &address, &arguments.config)?;
    let retold = recompute(&config, &state)?;
    let reach = Reach::of(&state, &retold, &config.settings);
    let series = told(std::mem::take(&mut state.series));
    let state::By { queue, channel, tier } = state.by;
    let scene = Scene::new(retold.iter().map(|retold| &retold.model), state.now_ms, By { queue, channel, tier });
    let mut expected = expected::all(&scene, state.whole, state.all_formulas);
    expected.extend(expected::histograms::histograms(&scene, &series));
    if reach.is_cut() {
        expect_nothing_of_unknown(&mut expected, &series, &scene);
    }
    let outcome = compare(&series, &expected, |key| reach.why_not(key));
    report(&state, &retold, &outcome, out).context("cannot write what was found")?;
    if outcome.equal.series == 0 && outcome.differences.is_empty() {
        bail!("nothing could be checked, for the reasons given");
    }
    Ok(if outcome.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

/// Where to ask.
fn address(given: Option<&str>, listen: SocketAddr) -> Result<String, BadUsage> {
    let Some(given) = given else {
        if listen.port() == 0 {
            let why = "http.listen leaves the port open: say with --address HOST:PORT where the instance listens, as its \
                       log tells";
            return Err(BadUsage(why.to_owned()));
        }
        let ip = match listen.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        return Ok(SocketAddr::from((ip, listen.port())).to_string());
    };
    let port = given.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok(given.to_owned()),
        _ => Err(BadUsage(format!("--address {given} is no address: write host:port, as in 127.0.0.1:9847"))),
    }
}

/// What the instance tells.
fn ask(address: &str) -> anyhow::Result<State> {
    let url = format!("http://{address}{}", state::PATH);
    let agent =
        ureq::Agent::config_builder().proxy(None).http_status_as_error(false).timeout_global(Some(LONGEST_ANSWER));
    let agent = ureq::Agent::new_with_config(agent.build());
    let unreachable = || format!("cannot ask {url}: see whether the instance runs there, or say where with --address");
    let mut answer = agent.get(&url).call().with_context(unreachable)?;
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec().with_context(unreachable)?;
    let text = || String::from_utf8_lossy(&body).trim().replace('\n', "; ");
    match status {
        200 => serde_json::from_slice(&body)
            .with_context(|| format!("{url} tells something else than this version of holdline expects")),
        503 => bail!("{address} tells nothing of lanes at present ({}): try again once its /readyz is well", text()),
        404 => bail!("there is no {url}: what listens there is no holdline, or one that is older than this"),
        _ => bail!("{url} answers with status {status}: {}", text()),
    }
}

/// Models judge by the file, so the instance has to as well. Promises come from the instance.
fn expect_same_settings(config: &Config, theirs: &Value, address: &str, file: &Path) -> anyhow::Result<()> {
    let ours = state::settings(&config.settings);
    let sections = |settings: &Value| settings.as_object().cloned().unwrap_or_default();
    let (ours, theirs) = (sections(&ours), sections(theirs));
    let names = ours.keys().chain(theirs.keys()).filter(|name| ours.get(*name) != theirs.get(*name));
    let differing: BTreeSet<&str> = names.map(String::as_str).collect();
    if differing.is_empty() {
        return Ok(());
    }
    let differing: Vec<&str> = differing.into_iter().collect();
    bail!(
        "{address} runs with other settings than {} ({}): verify with the file it was started with, or restart it",
        file.display(),
        differing.join(", ")
    );
}

/// Reads the topic up to where the state ends.
fn recompute(config: &Config, state: &State) -> anyhow::Result<Vec<Retold>> {
    let progress = Progress::without_bar();
    let span = |partition: &state::Partition| partition.next - partition.first.unwrap_or(partition.next);
    let offsets: i64 = state.partitions.iter().map(span).sum();
    let count = state.partitions.len();
    progress.tell(&format!("reading {offsets} offsets of {count} partitions again, from {}", config.kafka.brokers));
    let mut next = TOLD_EVERY;
    let retold = retell(&config.kafka, &config.settings, state.partitions.clone(), |records| {
        if records >= next {
            progress.tell(&format!("{records} records read"));
            next += TOLD_EVERY;
        }
    });
    retold.context("cannot read the topic again")
}

/// A lane that is known by records alone that are gone has nothing in any window, and nobody waits in it: where 0 is told
/// of a group that the models do not know, 0 is expected.
fn expect_nothing_of_unknown(expected: &mut Expected, told: &Told, scene: &Scene<'_>) {
    for (key, _) in told.iter().filter(|(_, value)| **value == 0.0) {
        let label = |wanted: &str| key.1.iter().find(|(label, _)| label == wanted).map(|(_, value)| value.clone());
        let group = (label("queue"), label("channel"), label("tier"));
        if !scene.promises.contains_key(&group) {
            expected.entry(key.clone()).or_insert((0.0, 0.0));
        }
    }
}

fn report(state: &State, retold: &[Retold], outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let now = EventTime::from_millis(state.now_ms).map_or_else(|| state.now_ms.to_string(), written);
    writeln!(out, "as of {now}")?;
    for Retold { partition, oldest, records, rejected, .. } in retold {
        let (topic, number, next) = (&partition.topic, partition.partition, partition.next);
        write!(out, "{topic} {number}: {records} records up to offset {next}, {rejected} of them rejected")?;
        match partition.first.filter(|first| first < oldest) {
            Some(first) => writeln!(out, "; those from {first} to {oldest} are gone")?,
            None => writeln!(out)?,
        }
    }
    let equal = outcome.equal;
    writeln!(out, "equal: {} series, {} of them not zero", equal.series, equal.not_zero)?;
    for (why, families) in &outcome.unchecked {
        let series: usize = families.values().sum();
        let families: Vec<String> = families.iter().map(|(family, count)| format!("{family} ({count})")).collect();
        writeln!(out, "not checked: {series} series, since {why}: {}", families.join(", "))?;
    }
    for difference in outcome.differences.iter().take(TOLD) {
        writeln!(out, "differs: {difference}")?;
    }
    match outcome.differences.len() {
        0 => {}
        count @ ..=TOLD => writeln!(out, "{count} series differ")?,
        count => writeln!(out, "and {} more: {count} series differ", count - TOLD)?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::verify::compare::{Difference, Equal};

    #[test]
    fn the_instance_is_asked_where_it_listens() {
        let listening = |listen: &str| address(None, listen.parse().unwrap()).map_err(|error| error.0);
        assert_eq!(listening("0.0.0.0:9847").as_deref(), Ok("127.0.0.1:9847"));
        assert_eq!(listening("[::]:80").as_deref(), Ok("[::1]:80"));
        assert_eq!(listening("10.0.0.7:80").as_deref(), Ok("10.0.0.7:80"));
        assert!(listening("127.0.0.1:0").unwrap_err().contains("--address HOST:PORT"));
        let given = |given: &str| address(Some(given), "127.0.0.1:0".parse().unwrap()).map_err(|error| error.0);
        assert_eq!(given("live-1:9847").as_deref(), Ok("live-1:9847"));
        for bad in ["live-1", ":9847", "live-1:", "live-1:0", "live-1:99999", "http://live-1"] {
            assert!(given(bad).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn settings_that_differ_are_named() {
        let config = Config::parse("", &[]).unwrap();
        let same = state::settings(&config.settings);
        let checked = |theirs: &Value| expect_same_settings(&config, theirs, "here:1", Path::new("a.toml"));
        assert!(checked(&same).is_ok());
        let mut other = same.clone();
        other["lifetimes"]["settle_ms"] = 7.into();
        other["surveys"] = Value::Null;
        let error = checked(&other).unwrap_err().to_string();
        assert!(error.contains("here:1") && error.contains("a.toml (lifetimes, surveys)"), "{error}");
    }

    #[test]
    fn a_report_names_what_differs_up_to_a_bound_and_what_was_not_checked() {
        let difference = |number: usize| Difference {
            key: ("a".to_owned(), vec![("queue".to_owned(), number.to_string())]),
            told: Some(1.0),
            expected: None,
        };
        let state = State {
            now_ms: 1_772_438_400_000,
            whole: true,
            by: state::By { queue: true, channel: true, tier: true },
            all_formulas: false,
            settings: Value::Null,
            partitions: Vec::new(),
            counted_before: false,
            series: Vec::new(),
        };
        let families = BTreeMap::from([("b".to_owned(), 7), ("c".to_owned(), 2)]);
        let unchecked = BTreeMap::from([("nobody knows".to_owned(), families)]);
        let equal = Equal { series: 9, not_zero: 4 };
        let outcome =
            |count| Outcome { equal, unchecked: unchecked.clone(), differences: (0..count).map(difference).collect() };
        let text = |outcome: &Outcome| {
            let mut text = Vec::new();
            report(&state, &[], outcome, &mut text).unwrap();
            String::from_utf8(text).unwrap()
        };
        let none = "as of 2026-03-02T08:00:00Z\nequal: 9 series, 4 of them not zero\n\
                    not checked: 9 series, since nobody knows: b (7), c (2)\n";
        assert_eq!(text(&outcome(0)), none);
        let one = "differs: a{queue=\"0\"}: told 1, by the model nothing\n1 series differ\n";
        assert_eq!(text(&outcome(1)), format!("{none}{one}"));
        let many = text(&outcome(23));
        assert_eq!(many.matches("differs:").count(), 20, "{many}");
        assert!(many.ends_with("and 3 more: 23 series differ\n"), "{many}");
    }
}
