//! From the text of a scenario to its settings, events and expectations. Every mistake names its line.
//!
//! A scenario is lines of four kinds: what is set (`set`, `day`, `in this order only`), what happens (an instant, what,
//! to whom, `key=value` more), what must then be seen (a header at the margin, its lines indented), and comments. What
//! the lines of a block mean is decided in `block`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use holdline::engine::calendar::{Calendar, CalendarSpec, Hours};
use holdline::engine::experience::thousandths;
use holdline::engine::settings::{Overlays, PromiseOverlay, Promises, Settings, Window};
use holdline::engine::tally::Measure;
use holdline::event::{AgentEvent, AgentState, ContactEvent, Event, EventTime, HandleParts, Kind, Reason};

use super::block::{Block, Span};
use super::text::{day, duration, instant};

/// A scenario as it was written.
pub(super) struct Scenario {
    pub settings: Settings,
    /// Days from the epoch to the scenario's day.
    pub base: u64,
    /// Whether other orders and repetitions of the same events may say something else.
    pub in_this_order_only: bool,
    /// All events, in the order of the file.
    pub events: Vec<Event<'static>>,
    /// Each with how many of the events stand above it: those it is judged by.
    pub blocks: Vec<(usize, Block)>,
}

/// A mistake, with the number of its line.
pub(super) type Mistake = (usize, String);

/// Reads a whole scenario.
pub(super) fn parse(source: &str) -> Result<Scenario, Mistake> {
    let mut scenario = Scenario {
        settings: Settings::default(),
        base: day("2026-03-02").expect("it is a date"),
        in_this_order_only: false,
        events: Vec::new(),
        blocks: Vec::new(),
    };
    if !source.starts_with("# ") {
        return Err((1, "a scenario opens with a comment that says its rule".to_owned()));
    }
    for (index, line) in source.lines().enumerate() {
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim_end();
        scenario.read_line(line, index + 1).map_err(|message| (index + 1, message))?;
    }
    match scenario.blocks.last() {
        Some((above, _)) if *above == scenario.events.len() => Ok(scenario),
        _ => {
            Err((source.lines().count(), "a scenario ends with what must be seen: `at 09:10` and its lines".to_owned()))
        }
    }
}

impl Scenario {
    fn read_line(&mut self, line: &str, number: usize) -> Result<(), String> {
        if line.starts_with(' ') {
            let (_, block) = self.blocks.last_mut().ok_or("an indented line belongs under `at`")?;
            return block.read_line(line.trim(), number, self.base);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["in", "this", "order", "only"] => self.in_this_order_only = true,
            ["day", date] => self.base = day(date)?,
            ["calendar", name, zone, days, hours] => self.calendar(name, zone, days, hours)?,
            ["holiday", name, date] => {
                let date = date.parse().map_err(|_| format!("`{date}` is no date"))?;
                let known =
                    self.settings.promised().calendars.get(name).ok_or(format!("no calendar is called `{name}`"))?;
                let mut spec = known.spec().clone();
                spec.days.insert(date, Vec::new());
                self.keep(name, spec)?;
            }
            ["set", key, value] => self.set(key, value, EventTime::default())?,
            ["set", key, value, "from", ..] => {
                let from = self.time(&words[4..].join(" "))?;
                self.set(key, value, from)?;
            }
            ["at" | "from", ..] => {
                let span = self.span(&words)?;
                self.blocks.push((self.events.len(), Block::new(span, number)));
            }
            _ => self.read_event(&words)?,
        }
        Ok(())
    }

    fn span(&self, words: &[&str]) -> Result<Span, String> {
        let place = |word: &str| words.iter().position(|other| *other == word);
        if words[0] == "from" {
            let to = place("to").ok_or("write `from 09:00 to 09:30`")?;
            return Ok(Span::Interval(self.time(&words[1..to].join(" "))?, self.time(&words[to + 1..].join(" "))?));
        }
        let Some(window) = place("window") else { return Ok(Span::Until(self.time(&words[1..].join(" "))?)) };
        let name = words.get(window + 1).ok_or("write `at 09:30 window 30m`")?;
        let window_of = Window { name: (*name).to_owned(), length_ms: duration(name)?, quantiles: true };
        Ok(Span::Window(window_of, self.time(&words[1..window].join(" "))?))
    }

    fn time(&self, text: &str) -> Result<EventTime, String> {
        EventTime::from_millis(instant(text, self.base)?).ok_or_else(|| format!("`{text}` is too far away"))
    }

    fn set(&mut self, key: &str, value: &str, from: EventTime) -> Result<(), String> {
        let (lifetimes, limits, slots) =
            (&mut self.settings.lifetimes, &mut self.settings.limits, &mut self.settings.slots);
        let count = || value.parse::<usize>().map_err(|_| format!("`{value}` is no number"));
        match key.split('.').collect::<Vec<_>>()[..] {
            ["settle"] => lifetimes.settle_ms = duration(value)?,
            ["expire"] => lifetimes.expire_ms = duration(value)?,
            ["expire", channel] => {
                lifetimes.expire_by_channel.insert(channel.to_owned(), duration(value)?);
            }
            ["agent_expire"] => lifetimes.agent_expire_ms = duration(value)?,
            ["lateness"] => lifetimes.lateness_ms = duration(value)?,
            ["lanes"] => limits.lanes = count()?,
            ["contacts"] => limits.contacts = count()?,
            ["agents"] => limits.agents = count()?,
            ["facts"] => limits.facts = count()?,
            ["worst"] => limits.worst = count()?,
            ["fine"] => slots.fine_ms = duration(value)?,
            ["coarse"] => slots.coarse_ms = duration(value)?,
            ["survey", survey, part] => {
                let score = value.parse().ok().and_then(thousandths).ok_or_else(|| format!("`{value}` is no score"))?;
                let survey = self.settings.surveys.get_mut(survey).ok_or_else(|| format!("no survey is `{survey}`"))?;
                match part {
                    "lowest" => survey.lowest = score,
                    "highest" => survey.highest = score,
                    "satisfied_from" => survey.satisfied_from = score,
                    "bad_up_to" => survey.bad_up_to = score,
                    _ => return Err(format!("nothing is called `{key}`")),
                }
            }
            ["calendar"] => self.promises(from)?.service.calendars.all = Some(value.to_owned()),
            ["queue", queue, "calendar"] => {
                let queue = self.promises(from)?.queues.entry(queue.to_owned()).or_default();
                queue.calendars.all = Some(value.to_owned());
            }
            [ref scope @ .., promise] => {
                let overlay = overlay(self.promises(from)?, scope).ok_or(format!("nothing is called `{key}`"))?;
                match promise {
                    "answer_within" | "within" => overlay.answer_within_ms = Some(duration(value)?),
                    "short_abandon" => overlay.short_abandon_ms = Some(duration(value)?),
                    "business_time" => overlay.business_time = Some(value == "yes"),
                    _ => return Err(format!("nothing is called `{key}`")),
                }
            }
            [] => unreachable!("a split gives at least one part"),
        }
        Ok(())
    }

    /// `mon-fri 09:00-12:00,13:00-17:00`: the same hours on each of these days.
    fn calendar(&mut self, name: &str, zone: &str, days: &str, hours: &str) -> Result<(), String> {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let place = |day: &str| DAYS.iter().position(|known| *known == day).ok_or(format!("`{day}` is no weekday"));
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let open = place(first)?..=place(last)?;
        let hours = hours.split(',').map(hours_of).collect::<Result<Vec<_>, _>>()?;
        let week = std::array::from_fn(|day| if open.contains(&day) { hours.clone() } else { Vec::new() });
        self.keep(name, CalendarSpec { zone: zone.to_owned(), week, days: BTreeMap::new() })
    }

    fn keep(&mut self, name: &str, spec: CalendarSpec) -> Result<(), String> {
        let calendar = Calendar::new(spec).map_err(|error| error.to_string())?;
        let calendar = Arc::new(calendar);
        for (_, promises) in &mut self.settings.promises {
            promises.calendars.insert(name.to_owned(), Arc::clone(&calendar));
        }
        Ok(())
    }

    /// The promises in force from then on; a new row repeats the one before it.
    fn promises(&mut self, from: EventTime) -> Result<&mut Promises, String> {
        let rows = &mut self.settings.promises;
        let (last, promises) = rows.last().expect("there is always a row");
        if from < *last {
            return Err("promises are set in the order of their time".to_owned());
        }
        if from > *last {
            let repeated = promises.clone();
            rows.push((from, repeated));
        }
        Ok(&mut rows.last_mut().expect("there is always a row").1)
    }

    /// `TIME what whom key=value …`; the time may be two words, `+2d 09:00`.
    fn read_event(&mut self, words: &[&str]) -> Result<(), String> {
        let (time, rest) = words.split_at(if words[0].starts_with('+') { 2.min(words.len()) } else { 1 });
        let time = self.time(&time.join(" "))?;
        let [what, whom, rest @ ..] = rest else { return Err("write an event as `09:00:03 answered anna`".to_owned()) };
        let mut fields = Fields(
            rest.iter()
                .map(|word| word.split_once('=').ok_or(*word))
                .collect::<Result<_, _>>()
                .map_err(|word| format!("`{word}` is not of the form key=value"))?,
        );
        if *what == "agent_state" {
            let state = fields.need("state")?;
            let state = AgentState::from_name(state).ok_or_else(|| format!("`{state}` is no state"))?;
            let agent = |id| Event::Agent(AgentEvent { agent_id: Cow::Owned(id), time, state, queues: None });
            self.events.extend(ids(whom)?.into_iter().map(agent));
            return fields.none_left(what);
        }
        let kind = fields.kind(what)?;
        let queue = fields.take("queue").map(owned);
        let (agent_id, customer_id) = (fields.take("agent").map(owned), fields.take("customer").map(owned));
        fields.none_left(what)?;
        for contact_id in ids(whom)? {
            let (queue, agent_id, customer_id) = (queue.clone(), agent_id.clone(), customer_id.clone());
            let contact_id = Cow::Owned(contact_id);
            let kind = kind.clone();
            self.events.push(Event::Contact(ContactEvent { contact_id, time, queue, agent_id, customer_id, kind }));
        }
        Ok(())
    }
}

/// What a scope says: of the wait, or of the measure that it ends with.
fn overlay<'a>(promises: &'a mut Promises, scope: &[&str]) -> Option<&'a mut PromiseOverlay> {
    let (of_measure, scope) = match scope {
        [scope @ .., last] if Measure::from_name(last).is_some() => (Measure::from_name(last), scope),
        scope => (None, scope),
    };
    let (service, queues) = match of_measure {
        Some(measure) => {
            let scopes = promises.measures.entry(measure).or_default();
            (&mut scopes.service, &mut scopes.queues)
        }
        None => (&mut promises.service, &mut promises.queues),
    };
    let (overlays, rest): (&mut Overlays, _) = match scope {
        ["queue", queue, rest @ ..] => (queues.entry((*queue).to_owned()).or_default(), rest),
        rest => (service, rest),
    };
    match rest {
        [] => Some(&mut overlays.all),
        ["channel", channel] => Some(overlays.channel.entry((*channel).to_owned()).or_default()),
        ["tier", tier] => Some(overlays.tier.entry((*tier).to_owned()).or_default()),
        _ => None,
    }
}

/// `09:00-17:00`.
fn hours_of(text: &str) -> Result<Hours, String> {
    let minute = |time: &str| {
        let (hour, minute) = time.split_once(':')?;
        Some(hour.parse::<u16>().ok()? * 60 + minute.parse::<u16>().ok()?)
    };
    let hours = text.split_once('-').and_then(|(begin, end)| Hours::new(minute(begin)?, minute(end)?));
    hours.ok_or(format!("`{text}` are no hours"))
}

fn owned(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

/// The `key=value` words of an event that nobody has taken yet.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn take(&mut self, key: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|(other, _)| *other == key)?;
        Some(self.0.remove(place).1)
    }

    fn need(&mut self, key: &str) -> Result<&'a str, String> {
        self.take(key).ok_or_else(|| format!("`{key}=` is missing"))
    }

    fn none_left(&self, what: &str) -> Result<(), String> {
        self.0.first().map_or(Ok(()), |(key, _)| Err(format!("`{what}` has no `{key}`")))
    }

    fn number(&mut self, key: &str) -> Result<Option<f64>, String> {
        self.take(key).map(|value| value.parse().map_err(|_| format!("`{value}` is no number"))).transpose()
    }

    fn kind(&mut self, what: &str) -> Result<Kind<'static>, String> {
        Ok(match what {
            "offered" => Kind::Offered {
                queue: owned(self.need("queue")?),
                channel: owned(self.take("channel").unwrap_or("voice")),
                tier: owned(self.take("tier").unwrap_or("standard")),
            },
            "answered" => Kind::Answered,
            "abandoned" => Kind::Abandoned,
            "left" => {
                let reason = self.need("reason")?;
                Kind::Left(Reason::from_name(reason).ok_or_else(|| format!("`{reason}` is no reason"))?)
            }
            "completed" => Kind::Completed(self.parts()?),
            "customer_message" => Kind::CustomerMessage,
            "agent_reply" => Kind::AgentReply,
            "paused" => Kind::Paused,
            "resumed" => Kind::Resumed,
            "resolved" => Kind::Resolved,
            "reopened" => Kind::Reopened,
            "rated" => Kind::Rated { survey: owned(self.need("survey")?), score: self.number("score")?.unwrap_or(0.0) },
            "outcome" => Kind::Outcome { name: owned(self.need("name")?), amount: self.number("amount")? },
            _ => return Err(format!("nothing is called `{what}`")),
        })
    }

    fn parts(&mut self) -> Result<Option<HandleParts>, String> {
        let given = ["talk", "hold", "wrap"].map(|part| self.take(part));
        if given.iter().all(Option::is_none) {
            return Ok(None);
        }
        let [talk_ms, hold_ms, wrap_ms] = given.map(|part| part.map_or(Ok(0), duration));
        Ok(Some(HandleParts { talk_ms: talk_ms?, hold_ms: hold_ms?, wrap_ms: wrap_ms? }))
    }
}

/// `anna`, or `call[1-860]` for call1 to call860.
fn ids(whom: &str) -> Result<Vec<String>, String> {
    let Some((name, range)) = whom.split_once('[') else { return Ok(vec![whom.to_owned()]) };
    let ends = range.strip_suffix(']').and_then(|range| range.split_once('-'));
    let numbers = ends.and_then(|(first, last)| Some((first.parse::<u32>().ok()?, last.parse::<u32>().ok()?)));
    match numbers {
        Some((first, last)) if first <= last => Ok((first..=last).map(|number| format!("{name}{number}")).collect()),
        _ => Err(format!("`{whom}`: write several contacts as call[1-860]")),
    }
}
