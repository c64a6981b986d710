//! `holdline check`: says every mistake in a configuration, or what will hold with it.
//!
//! It reads the file, the environment and the files that hold single values, and nothing else: no broker is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::config::{CheckpointStore, Config, Formulas, LogFormat, Mistake, Surge, duration};
use crate::engine::calendar::{CalendarSpec, Hours};
use crate::engine::customers::CustomerKey;
use crate::engine::settings::{Overlays, Promise, Promises, Settings, Survey, SurveyKind};
use crate::publish::http::Protection;

/// The exit code for bad usage or a bad configuration.
const BAD_CONFIGURATION: u8 = 2;

/// Any queue, channel or tier without a line of its own; none can be named so.
const OTHER: &str = "";

/// Writes one line a mistake and their number, or a summary of what will hold. The exit code is 2 if there are
/// mistakes, a file that cannot be read among them, else 0.
///
/// # Errors
///
/// `out` cannot be written to.
pub fn check(path: &Path, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    report(path, Config::load(path), out).with_context(|| format!("cannot write what was found in {}", path.display()))
}

fn report(path: &Path, loaded: Result<Config, Vec<Mistake>>, out: &mut dyn Write) -> std::io::Result<ExitCode> {
    match loaded {
        Ok(config) => {
            if let Err(complaint) = Protection::of(&config.http.web) {
                writeln!(out, "{}: http.web_config: {complaint}\n1 mistake", path.display())?;
                return Ok(ExitCode::from(BAD_CONFIGURATION));
            }
            writeln!(out, "{} can be used. What will hold:\n", path.display())?;
            write_promises(&config.settings, out)?;
            write_calendars(&config, out)?;
            write_rest(&config.settings, out)?;
            write_service(&config, out)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(mistakes) => {
            for mistake in &mistakes {
                writeln!(out, "{}", mistake.in_file(path))?;
            }
            let number = mistakes.len();
            writeln!(out, "{number} mistake{}", if number == 1 { "" } else { "s" })?;
            Ok(ExitCode::from(BAD_CONFIGURATION))
        }
    }
}

fn write_promises(settings: &Settings, out: &mut dyn Write) -> std::io::Result<()> {
    let heading = ["queue", "channel", "tier", "answer within", "goal", "formula", "short abandon", "min contacts"];
    let mut lines = vec![heading.map(str::to_owned)];
    for (_, promises) in &settings.promises {
        for queue in [OTHER].into_iter().chain(promises.queues.keys().map(String::as_str)) {
            lines.extend(rows(promises, queue).into_iter().map(|(lane, promise)| line(lane, promise)));
        }
    }
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())?;
    }
    if lines.len() > 2 {
        writeln!(out, "\nThe line that names most of a lane holds for it; of its channel and its tier, the tier's.")?;
    }
    Ok(())
}

/// The promises to the lanes of one queue, leaving out those that follow from the others.
fn rows<'p>(promises: &'p Promises, queue: &'p str) -> Vec<([&'p str; 3], Promise)> {
    let listed = promises.queues.get(queue);
    let scopes = || [Some(&promises.service), listed].into_iter().flatten();
    let names = |keys: fn(&'p Overlays) -> Vec<&'p str>| scopes().flat_map(keys).collect::<BTreeSet<&str>>();
    let channels = names(|scope| scope.channel.keys().map(String::as_str).collect());
    let tiers = names(|scope| scope.tier.keys().map(String::as_str).collect());

    let of = |channel, tier| promises.of(queue, channel, tier);
    let general = of(OTHER, OTHER);
    let mut rows = vec![([queue, OTHER, OTHER], general)];
    for &channel in [OTHER].iter().chain(&channels) {
        for &tier in [OTHER].iter().chain(&tiers) {
            // What a reader of the other lines would take for it.
            let follows = match (channel, tier) {
                (OTHER, _) | (_, OTHER) => general,
                _ if of(OTHER, tier) == general => of(channel, OTHER),
                _ => of(OTHER, tier),
            };
            if of(channel, tier) != follows {
                rows.push(([queue, channel, tier], of(channel, tier)));
            }
        }
    }
    rows
}

fn line(lane: [&str; 3], promise: Promise) -> [String; 8] {
    let [queue, channel, tier] = lane.map(|name| if name == OTHER { "any".to_owned() } else { name.to_owned() });
    // Two digits after the point; more than that nobody promises.
    let percent = (promise.goal * 10_000.0).round() / 100.0;
    [
        queue,
        channel,
        tier,
        duration::write(promise.answer_within_ms),
        format!("{percent} %"),
        promise.formula.name().to_owned(),
        duration::write(promise.short_abandon_ms),
        promise.min_contacts.to_string(),
    ]
}

/// Each calendar with its week, and who is served by it.
fn write_calendars(config: &Config, out: &mut dyn Write) -> std::io::Result<()> {
    let Config { settings, surge, .. } = config;
    for (number, (name, calendar)) in settings.promised().calendars.iter().enumerate() {
        let spec = calendar.spec();
        let days = match spec.days.len() {
            0 => String::new(),
            1 => "; 1 special day".to_owned(),
            days => format!("; {days} special days"),
        };
        let named_by: Vec<String> =
            settings.promises.iter().flat_map(|(_, promises)| promises_named(promises, name)).collect();
        let of_surges = (surge.calendar.as_ref() == Some(name)).then(|| "surge".to_owned());
        let named_by: Vec<String> = named_by.into_iter().chain(of_surges).collect();
        let named_by = if named_by.is_empty() { "nobody".to_owned() } else { named_by.join(", ") };
        if number == 0 {
            writeln!(out)?;
        }
        writeln!(out, "calendar   {name}: {}, {}{days}; for {named_by}", spec.zone, week(spec))?;
    }
    Ok(())
}

/// The hours of a week; days in a row with the same hours go together.
fn week(spec: &CalendarSpec) -> String {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut runs: Vec<(&str, &str, &[Hours])> = Vec::new();
    for (name, hours) in NAMES.into_iter().zip(&spec.week) {
        match runs.last_mut() {
            Some((_, last, same)) if *same == hours => *last = name,
            _ => runs.push((name, name, hours)),
        }
    }
    let open = runs.into_iter().filter(|(_, _, hours)| !hours.is_empty()).map(|(first, last, hours)| {
        let days = if first == last { first.to_owned() } else { format!("{first}-{last}") };
        hours.iter().fold(days, |text, hours| format!("{text} {hours}"))
    });
    open.collect::<Vec<_>>().join(", ")
}

/// Where promises name this calendar, as their sections are called.
fn promises_named(promises: &Promises, calendar: &str) -> Vec<String> {
    let queues = promises.queues.iter().map(|(id, overlays)| (format!("queue {id}"), overlays));
    let mut found = Vec::new();
    for (scope, overlays) in [("service".to_owned(), &promises.service)].into_iter().chain(queues) {
        let names = &overlays.calendars;
        if names.all.as_deref() == Some(calendar) {
            found.push(scope.clone());
        }
        let below = |what: &str, named: &BTreeMap<String, String>| -> Vec<String> {
            let these = named.iter().filter(|(_, name)| *name == calendar);
            these.map(|(name, _)| format!("{scope} {what} {name}")).collect()
        };
        found.extend(below("channel", &names.channel));
        found.extend(below("tier", &names.tier));
    }
    found
}

fn write_rest(settings: &Settings, out: &mut dyn Write) -> std::io::Result<()> {
    let Settings { slots, lifetimes, limits, customers, windows, surveys, zone, .. } = settings;
    let [fine, coarse] = [slots.fine_ms, slots.coarse_ms].map(duration::write);
    let names = |quantiles: bool| {
        let names = windows.iter().filter(|window| window.quantiles || !quantiles).map(|window| window.name.as_str());
        let names = names.collect::<Vec<_>>().join(", ");
        if names.is_empty() { "none".to_owned() } else { names }
    };
    let by_channel = lifetimes.expire_by_channel.iter();
    let by_channel: Vec<String> =
        by_channel.map(|(channel, expire_ms)| format!("{channel} {}", duration::write(*expire_ms))).collect();
    let [settle, expire, agents, lateness] =
        [lifetimes.settle_ms, lifetimes.expire_ms, lifetimes.agent_expire_ms, lifetimes.lateness_ms]
            .map(duration::write);
    writeln!(out)?;
    writeln!(out, "windows    {}; with quantiles {}", names(false), names(true))?;
    writeln!(out, "slots      {fine}, old ones {coarse}")?;
    writeln!(
        out,
        "lifetimes  finished {settle}, unfinished {expire} ({}), agents {agents}, lateness {lateness}",
        by_channel.join(", ")
    )?;
    writeln!(
        out,
        "limits     {} lanes, {} contacts of {} facts, {} agents, {} past contacts, {} worst, {} bytes a record",
        limits.lanes,
        limits.contacts,
        limits.facts,
        limits.agents,
        limits.past_contacts,
        limits.worst,
        limits.record_bytes
    )?;
    let within: Vec<&str> = customers.repeat_within.iter().map(|within| within.name.as_str()).collect();
    let within = if within.is_empty() { "none".to_owned() } else { format!("within {}", within.join(", ")) };
    let key =
        if customers.key == CustomerKey::default() { "the key that everybody knows" } else { "a key of your own" };
    writeln!(out, "repeats    {within}; customers by {key}")?;
    let surveys: Vec<String> = surveys.iter().map(|(name, survey)| survey_text(name, survey)).collect();
    writeln!(out, "surveys    {}", surveys.join("; "))?;
    writeln!(out, "reports    midnight in {zone}")
}

/// As `csat 1 to 5, bad up to 2, satisfied from 4`.
fn survey_text(name: &str, survey: &Survey) -> String {
    let [lowest, highest, bad, satisfied] =
        [survey.lowest, survey.highest, survey.bad_up_to, survey.satisfied_from].map(|score| score as f64 / 1e3);
    let net = if survey.kind == SurveyKind::Net { ", net" } else { "" };
    format!("{name} {lowest} to {highest}, bad up to {bad}, satisfied from {satisfied}{net}")
}

/// What will be read, and where one can look. Of the client's options only the names are told, since values can be
/// secret.
fn write_service(config: &Config, out: &mut dyn Write) -> std::io::Result<()> {
    let Config { kafka, checkpoint, http, metrics, surge, staffing, log, .. } = config;
    let topics = kafka.topics.join(", ");
    let topics = if topics.is_empty() { "no topics: the service needs kafka.topics" } else { &topics };
    let instance = kafka.instance.as_ref().map_or(String::new(), |instance| format!(", instance {instance}"));
    let workers = kafka.workers.map_or("one thread a core".to_owned(), |workers| format!("threads {workers}"));
    let back = match kafka.look_back_ms {
        Some(look_back_ms) => duration::write(look_back_ms),
        None => "as long as unfinished contacts are held".to_owned(),
    };
    writeln!(out)?;
    writeln!(out, "topics     {topics}")?;
    writeln!(out, "kafka      {}, group {}{instance}, look back {back}, {workers}", kafka.brokers, kafka.group)?;
    if let Some(topic) = &kafka.dead_letters {
        writeln!(out, "rejected   to {topic}")?;
    }
    if !kafka.options.is_empty() {
        let names: Vec<&str> = kafka.options.keys().map(String::as_str).collect();
        writeln!(out, "options    {}", names.join(", "))?;
    }
    match &checkpoint.store {
        None => writeln!(out, "durable    nothing: every start reads the look-back again")?,
        Some(CheckpointStore::Folder(folder)) => {
            writeln!(out, "durable    every {} in {}", duration::write(checkpoint.every_ms), folder.display())?;
        }
        Some(CheckpointStore::Topic(topic)) => {
            writeln!(out, "durable    every {} in the topic {topic}", duration::write(checkpoint.every_ms))?;
        }
    }
    writeln!(out, "http       {}", http.listen)?;
    let by = [(metrics.by.queue, "queue"), (metrics.by.channel, "channel"), (metrics.by.tier, "tier")];
    let by: Vec<&str> = by.into_iter().filter_map(|(is_told_apart, name)| is_told_apart.then_some(name)).collect();
    let by = if by.is_empty() { "all lanes together".to_owned() } else { format!("by {}", by.join(", ")) };
    let formulas = match metrics.formulas {
        Formulas::Headline => "the headline formula",
        Formulas::All => "all formulas",
    };
    writeln!(out, "metrics    {by}, {formulas}, {} behind the clock", duration::write(metrics.delay_ms))?;
    writeln!(out, "surges     {}", surge_text(surge))?;
    let [busy, away] = [staffing.max_occupancy, staffing.shrinkage].map(|share| (share * 1_000.0).round() / 10.0);
    writeln!(out, "staffing   busy for {busy} % of the time at most, away for {away} %")?;
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "JSON",
    };
    writeln!(out, "log        {}, as {format}, {} lines a second of each trouble", log.filter, log.lines_per_second)
}

/// By which days, from when on, and who is told.
fn surge_text(surge: &Surge) -> String {
    let days = surge.calendar.as_ref().map_or_else(
        || "business days as queues' calendars say, or monday to friday".to_owned(),
        |name| format!("business days of calendar {name}"),
    );
    let months = match surge.month_starts.len() {
        0 => String::new(),
        count => format!(", {count} months of your own"),
    };
    let kinds = surge.special.keys().map(|kind| format!(", {kind}")).collect::<String>();
    let file = surge.baseline_file.as_ref().map_or_else(String::new, |file| format!("; known from {}", file.display()));
    let topic = surge.topic.as_ref().map_or_else(String::new, |topic| format!("; told to {topic}"));
    format!("{days}{months}{kinds}{file}{topic}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (ExitCode, String) {
        let mut out = Vec::new();
        let code = report(Path::new("h.toml"), Config::parse(text, &[]), &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn mistakes_are_listed_and_counted() {
        let (code, text) = told("[service]\ngoal = 80\n\n[slot]\n");
        assert_eq!(code, ExitCode::from(2));
        assert_eq!(
            text,
            "h.toml:2:1: service.goal: 80 is not a share between 0 and 1: for 80 % write 0.8\n\
             h.toml:4:2: slot: unknown key: did you mean `slots`?\n\
             2 mistakes\n"
        );
        assert!(told("x = 1").1.ends_with("\n1 mistake\n"));
    }

    #[test]
    fn what_will_hold_is_summed_up() {
        let (code, text) = told(
            "[service.channel.email]\nanswer_within = \"24h\"\n[service.tier.vip]\ngoal = 0.905\n\
             [[queue]]\nid = \"billing\"\nanswer_within = \"30s\"\n[queue.tier.priority]\nanswer_within = \"10s\"",
        );
        assert_eq!(code, ExitCode::SUCCESS);
        assert_eq!(
            text,
            "h.toml can be used. What will hold:

queue    channel  tier      answer within  goal    formula  short abandon  min contacts
any      any      any       20s            80 %    offered  5s             20
any      any      vip       20s            90.5 %  offered  5s             20
any      email    any       1d             80 %    offered  5s             20
any      email    vip       1d             90.5 %  offered  5s             20
billing  any      any       30s            80 %    offered  5s             20
billing  any      priority  10s            80 %    offered  5s             20
billing  any      vip       30s            90.5 %  offered  5s             20

The line that names most of a lane holds for it; of its channel and its tier, the tier's.

windows    5m, 10m, 15m, 30m, 1h, 2h, 1d; with quantiles 5m, 30m, 1d
slots      10s, old ones 1m
lifetimes  finished 1d, unfinished 45d (chat 1d, voice 1d), agents 1d, lateness 6h
limits     10000 lanes, 10000000 contacts of 256 facts, 100000 agents, 5000000 past contacts, 10 worst, 65536 bytes a record
repeats    within 24h, 7d; customers by the key that everybody knows
surveys    csat 1 to 5, bad up to 2, satisfied from 4; nps 0 to 10, bad up to 6, satisfied from 9, net
reports    midnight in UTC

topics     no topics: the service needs kafka.topics
kafka      127.0.0.1:9092, group holdline, look back as long as unfinished contacts are held, one thread a core
durable    nothing: every start reads the look-back again
http       127.0.0.1:9847
metrics    by queue, channel, tier, the headline formula, 2s behind the clock
surges     business days as queues' calendars say, or monday to friday
staffing   busy for 85 % of the time at most, away for 30 %
log        info, as text, 10 lines a second of each trouble
"
        );
    }

    #[test]
    fn the_service_is_summed_up_without_secrets() {
        let (code, text) = told(
            "[kafka]\nbrokers = 'a:1,b:2'\ntopics = ['calls', 'chats']\ninstance = 'wall-1'\nlook_back = '36h'\n\
             workers = 3\ndead_letters = 'dead'\n[kafka.options]\nsasl.password = 'hidden'\nsasl.username = 'hidden'\n\
             [checkpoint]\ntopic = 'held'\nevery = '5s'\n\
             [http]\nlisten = '[::]:80'\n[metrics]\nby = []\nformulas = 'all'\ndelay = '0s'\n[log]\nformat = 'json'",
        );
        assert_eq!(code, ExitCode::SUCCESS);
        let (_, service) = text.split_once("midnight in UTC\n\n").unwrap();
        assert_eq!(
            service,
            "topics     calls, chats
kafka      a:1,b:2, group holdline, instance wall-1, look back 1d12h, threads 3
rejected   to dead
options    sasl.password, sasl.username
durable    every 5s in the topic held
http       [::]:80
metrics    all lanes together, all formulas, 0s behind the clock
surges     business days as queues' calendars say, or monday to friday
staffing   busy for 85 % of the time at most, away for 30 %
log        info, as JSON, 10 lines a second of each trouble
"
        );
    }

    #[test]
    fn calendars_are_summed_up_with_those_who_name_them() {
        let (code, text) = told(
            "[service.channel.email]\ncalendar = 'il'\n[[queue]]\nid = 'night'\ncalendar = 'night'\n\
             [queue.tier.vip]\ncalendar = 'il'\n[calendar.il]\nzone = 'Asia/Jerusalem'\nweekend = ['fri', 'sat']\n\
             hours = ['08:00-13:00', '14:00-17:30']\nholidays = ['2026-12-25']\ndays.fri = ['08:00-12:00']\n\
             [calendar.night]\nzone = 'UTC'\nhours = ['22:00-06:00']\nweekend = []\n[calendar.spare]\nzone = 'UTC'",
        );
        assert_eq!(code, ExitCode::SUCCESS, "{text}");
        let (_, rest) = text.split_once("the tier's.\n\n").unwrap();
        let (calendars, _) = rest.split_once("\nwindows ").unwrap();
        assert_eq!(
            calendars,
            "calendar   il: Asia/Jerusalem, mon-thu 08:00-13:00 14:00-17:30, fri 08:00-12:00, \
             sun 08:00-13:00 14:00-17:30; 1 special day; for service channel email, queue night tier vip
calendar   night: UTC, mon-sun 22:00-06:00; for queue night
calendar   spare: UTC, mon-fri 09:00-17:00; for nobody
"
        );
    }

    #[test]
    fn every_line_left_out_follows_from_the_others() {
        let text = "[service.channel.email]\nanswer_within = \"24h\"\n[service.channel.chat]\ngoal = 0.7\n\
             [service.tier.vip]\nanswer_within = \"10s\"\n[service.tier.basic]\nmin_contacts = 1\n\
             [[queue]]\nid = \"billing\"\ngoal = 0.6\n[queue.channel.email]\ngoal = 0.5\n[queue.tier.vip]\ngoal = 0.9";
        let settings = Config::parse(text, &[]).unwrap().settings;
        let promises = &settings.promises[0].1;
        for queue in [OTHER, "billing"] {
            let rows = rows(promises, queue);
            let row = |channel, tier| rows.iter().find(|(lane, _)| *lane == [queue, channel, tier]).map(|row| row.1);
            for channel in [OTHER, "email", "chat", "voice"] {
                for tier in [OTHER, "vip", "basic", "standard"] {
                    let read = row(channel, tier).or(row(OTHER, tier)).or(row(channel, OTHER)).or(row(OTHER, OTHER));
                    assert_eq!(read, Some(promises.of(queue, channel, tier)), "{queue} {channel} {tier}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_mistake() {
        let mut out = Vec::new();
        let code = check(Path::new("/nonexistent/h.toml"), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(code, ExitCode::from(2));
        assert!(text.starts_with("/nonexistent/h.toml: cannot be read: "), "{text}");
    }
}
