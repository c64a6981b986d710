//! `holdline forecast`: what is expected of the days to come, and the agents that it takes, so that they can be had in time.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use jiff::civil::Date;

use crate::cli::history::HistoryArguments;
use crate::cli::replay::Format;
use crate::cli::{self, BadUsage};
use crate::clock;
use crate::config::Plan;
use crate::event::EventTime;
use crate::publish::edges::written;
use crate::publish::forecast::{QueueForecast, write_table};
use crate::publish::plot;
use crate::publish::seed::Seed;
use crate::publish::snapshot::LeadingLane;
use crate::publish::staffing::Planning;
use crate::service::monitor::calendars::Calendars;
use crate::staffing::Aim;
use crate::surge::{Baseline, DayForecast, Parameters, QUARTER_MS};

/// What was counted until less than this ago, in milliseconds, tells of days to come.
const FRESH_MS: u64 = 2 * 86_400_000;

/// No more days are told of.
const MOST_DAYS: u32 = 366;

/// Tell what is expected of the days to come, and the agents that it takes
#[derive(Args, Clone, Debug)]
pub struct ForecastArguments {
    /// The configuration; variables of the environment count without one too
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How many days, 1 to 366
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_DAYS)))]
    pub days: u32,
    /// Only this queue
    #[arg(long, value_name = "QUEUE")]
    pub queue: Option<String>,
    /// How to write it
    #[arg(long, default_value = "table")]
    pub format: Format,
    /// Draw it to this file, as SVG: the queue asked for, else the one of which most is expected
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Where history comes from
    #[command(flatten)]
    pub history: HistoryArguments,
}

/// Runs the command.
///
/// # Errors
/// History cannot be read; a queue that is not in it is asked for, as [`BadUsage`]; a file or `out` cannot be written.
pub fn forecast(arguments: &ForecastArguments, out: &mut dyn Write) -> anyhow::Result<()> {
    let plan = cli::plan(arguments.config.as_deref())?;
    let mut seed = arguments.history.read(&plan.settings)?;
    if let Some(queue) = &arguments.queue {
        let known: Vec<String> = seed.queues.keys().cloned().collect();
        seed.queues.retain(|name, _| name == queue);
        if seed.queues.is_empty() {
            return Err(BadUsage(format!("--queue {queue:?}: known are {}", known.join(", "))).into());
        }
    }
    let outlooks = outlooks(&plan, &seed, arguments.days);
    if let Some(words) = staleness(&seed, clock::wall()) {
        let _ = writeln!(io::stderr(), "{words}");
    }
    if let Some(path) = &arguments.plot {
        let most = |outlook: &&QueueForecast| outlook.days.iter().map(|day| day.expected.mean).sum::<f64>();
        let drawn = outlooks.iter().max_by(|one, other| most(one).total_cmp(&most(other)));
        fs::write(path, drawn.map_or_else(|| plot::draw(&plot::Plot::default()), QueueForecast::draw))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    match write(&outlooks, arguments.format, out) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("writing to standard output"),
    }
}

/// What there is to say if what was counted ended long ago, so that the days told of are over.
fn staleness(seed: &Seed, now: EventTime) -> Option<String> {
    let until_ms = u64::from(seed.until) * QUARTER_MS;
    let until = EventTime::from_millis(until_ms).filter(|_| until_ms + FRESH_MS < now.millis())?;
    Some(format!("what was counted ends at {}: these are the days that followed", written(until)))
}

fn write(outlooks: &[QueueForecast], format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => {
            for outlook in outlooks {
                serde_json::to_writer(&mut *out, outlook)?;
                writeln!(out)?;
            }
        }
        Format::Table => write_table(outlooks, out)?,
    }
    Ok(())
}

/// What is expected of each queue from the day on in which its history ends.
pub fn outlooks(plan: &Plan, seed: &Seed, days: u32) -> Vec<QueueForecast> {
    let mut calendars = Calendars::new(plan.surge.clone());
    let (promises, parameters) = (plan.settings.promised(), Parameters::default());
    let mut outlooks = Vec::new();
    for (name, of_queue) in &seed.queues {
        let calendar = calendars.of(name, promises);
        let Some(today) = calendar.date_of(u64::from(seed.until) * QUARTER_MS) else { continue };
        let baseline =
            Baseline::learn(&of_queue.counts, &calendar, today.yesterday().unwrap_or(Date::MIN), &parameters);
        let dates = today.series(jiff::Span::new().days(1)).take(days as usize);
        let forecasts: Vec<DayForecast> = dates.map(|date| baseline.forecast(date)).collect();
        let LeadingLane { channel, tier } = of_queue.known.leading.clone().unwrap_or_default();
        let promise = promises.of(name, &channel.unwrap_or_default(), &tier.unwrap_or_default());
        let aim = Some(Aim {
            target_seconds: promise.answer_within_ms as f64 / 1_000.0,
            goal: promise.goal,
            max_occupancy: plan.staffing.max_occupancy,
            shrinkage: plan.staffing.shrinkage,
        });
        let planning = Planning { times: of_queue.known.times, aim };
        outlooks.push(QueueForecast::of(name, baseline.standing(), &forecasts, &calendar, planning));
    }
    outlooks
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::config::Config;
    use crate::publish::seed::SeedOfQueue;
    use crate::publish::snapshot::{KnownBefore, KnownTimes};
    use crate::surge::Counts;

    const CONFIG: &str = r#"
        [service]
        calendar = "office"
        [calendar.office]
        zone = "Europe/Berlin"
        hours = ["09:00-17:00"]
        [staffing]
        max_occupancy = 1
        shrinkage = 0.3
    "#;

    /// Ten in every quarter of an hour of opening since the middle of January, half as many more on first business days.
    fn seed() -> Seed {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let mut counts = Counts::default();
        let until = date(2026, 5, 29);
        for day in date(2026, 1, 12).series(1.day()).take_while(|day| *day < until) {
            let is_first = [date(2026, 2, 2), date(2026, 3, 2), date(2026, 4, 1), date(2026, 5, 1)].contains(&day);
            if day.weekday().to_monday_zero_offset() > 4 {
                continue;
            }
            for quarter in 0..32_i64 {
                let opening = day.at(9, 0, 0, 0).to_zoned(berlin.clone()).unwrap().timestamp();
                let start = opening.as_millisecond() / QUARTER_MS.cast_signed() + quarter;
                counts.add(u32::try_from(start).unwrap(), if is_first { 15 } else { 10 });
            }
        }
        let times = KnownTimes { handle_seconds: Some(180.0), patience_seconds: None };
        let midnight = until.to_zoned(berlin).unwrap().timestamp().as_millisecond() / QUARTER_MS.cast_signed();
        let queues = [("calls".to_owned(), SeedOfQueue { counts, known: KnownBefore { times, leading: None } })].into();
        Seed { until: u32::try_from(midnight).unwrap(), queues }
    }

    #[test]
    fn days_to_come_by_slot_with_the_agents_they_take() {
        let plan = Config::parse_plan(CONFIG, &[]).unwrap();
        let [outlook] = &outlooks(&plan, &seed(), 5)[..] else { panic!("there is one queue") };
        let days: Vec<(&str, &str, Option<u8>)> =
            outlook.days.iter().map(|day| (&*day.date, day.kind, day.business_day)).collect();
        assert_eq!(days[0], ("2026-05-29", "working", Some(21)));
        assert_eq!(days[1], ("2026-05-30", "closed", None));
        assert_eq!(days[3], ("2026-06-01", "working", Some(1)));
        let [friday, saturday, _, month_start, _] = &outlook.days[..] else { panic!("{days:?}") };
        assert!((friday.expected.mean / 320.0 - 1.0).abs() < 0.05, "{:?}", friday.expected);
        assert!(month_start.expected.mean > 1.2 * friday.expected.mean, "{:?}", month_start.expected);
        // Half a day's worth of slots, from nine in Berlin. Two erlangs are five agents by Erlang C, eight scheduled.
        assert_eq!((friday.slots.len(), &*friday.slots[0].local), (32, "09:00"));
        assert_eq!(friday.slots[0].start.to_string(), "2026-05-29T07:00:00Z");
        assert_eq!(
            (friday.agents_at_peak, friday.scheduled_at_peak, friday.agent_hours),
            (Some(4), Some(6), Some(32.0))
        );
        assert_eq!((saturday.slots.len(), saturday.agents_at_peak, saturday.agent_hours), (0, None, None));
        assert!(month_start.agents_at_peak > friday.agents_at_peak);
    }

    #[test]
    fn days_that_are_over_are_told_to_be() {
        let seed = seed();
        let after = |days: u64| {
            let now = u64::from(seed.until) * QUARTER_MS + days * 86_400_000;
            staleness(&seed, EventTime::from_millis(now).unwrap())
        };
        assert_eq!(after(1), None);
        let words = "what was counted ends at 2026-05-28T22:00:00Z: these are the days that followed";
        assert_eq!(after(3).as_deref(), Some(words));
    }

    #[test]
    fn agents_keep_the_promise_to_those_who_come_most() {
        let config = format!("{CONFIG}\n[service.channel.email]\nanswer_within = \"1d\"\ngoal = 0.95\n");
        let plan = Config::parse_plan(&config, &[]).unwrap();
        let mut seed = seed();
        let aimed = |seed: &Seed| {
            let outlook = &outlooks(&plan, seed, 1)[0];
            outlook.aim.map(|aim| (aim.target_seconds, aim.goal)).zip(outlook.days[0].agents_at_peak)
        };
        assert_eq!(aimed(&seed), Some(((20.0, 0.8), 4)), "nobody knows who comes most");
        let letters = LeadingLane { channel: Some("email".to_owned()), tier: None };
        seed.queues.get_mut("calls").unwrap().known.leading = Some(letters);
        // Hardly less than two erlangs are two agents, if letters may lie for a day.
        assert_eq!(aimed(&seed), Some(((86_400.0, 0.95), 2)));
    }

    #[test]
    fn a_table_a_line_a_day_and_a_picture() {
        let plan = Config::parse_plan(CONFIG, &[]).unwrap();
        let outlooks = outlooks(&plan, &seed(), 4);
        let mut table = Vec::new();
        write_table(&outlooks, &mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("queue  date        day                     expected"), "{table}");
        assert!(lines[1].starts_with("calls  2026-05-29  Fri  last business day       3"), "{table}");
        assert!(lines[2].contains("Sat  closed ") && lines[2].ends_with(" -"), "{table}");
        assert!(lines[4].contains("Mon  month start "), "{table}");
        assert!(
            lines[6].starts_with("calls: learned from ") && lines[6].ends_with("4 month starts among them."),
            "{table}"
        );
        let picture = outlooks[0].draw();
        for text in ["calls: contacts expected", "2026-06-01", "month start", "09:00"] {
            assert!(picture.contains(text), "{text}");
        }
        assert!(roxmltree::Document::parse(&picture).is_ok());
    }
}
