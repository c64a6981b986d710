//! What is promised in a simulation: something on some measures, in some lanes, in two rows of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdline::engine::calendar::{Calendar, CalendarSpec, Hours};
use holdline::engine::settings::{Lifetimes, PromiseOverlay, Promises, Scopes, Settings};
use holdline::engine::tally::Measure;
use holdline::event::EventTime;

use super::dice::Dice;
use super::history::{BEGIN, CHANNELS, HOUR, MINUTE, QUEUES, SECOND, TIERS};

/// Settings of this seed: lifetimes short enough that contacts settle, expire and are forgotten within the log, or the
/// defaults.
pub(super) fn settings(dice: &mut Dice) -> Arc<Settings> {
    let mut settings = Settings::default();
    if dice.percent(80) {
        settings.lifetimes = Lifetimes {
            settle_ms: dice.pick(&[3, 10, 20]) * MINUTE,
            expire_ms: dice.pick(&[15, 40, 90]) * MINUTE,
            expire_by_channel: [("voice".to_owned(), 15 * MINUTE), ("chat".to_owned(), 25 * MINUTE)].into(),
            agent_expire_ms: 30 * MINUTE,
            lateness_ms: dice.pick(&[1, 5, 30]) * MINUTE,
        };
    }
    let calendars = [("often closed".to_owned(), Arc::new(often_closed()))].into();
    let mut promises = Promises { calendars, ..Promises::default() };
    if dice.percent(50) {
        let queue = promises.queues.entry(dice.pick(&QUEUES).to_owned()).or_default();
        queue.calendars.all = Some("often closed".to_owned());
        queue.calendars.channel.insert("chat".to_owned(), "of nobody".to_owned());
        promises.service.calendars.tier.insert("vip".to_owned(), "often closed".to_owned());
    }
    promises.service.channel.insert("email".to_owned(), overlay(30 * MINUTE));
    promises.queues.entry("sales".to_owned()).or_default().tier.insert("vip".to_owned(), overlay(10 * SECOND));
    promise_more(&mut promises, dice);
    let mut later = promises.clone();
    later.queues.entry("billing".to_owned()).or_default().all =
        PromiseOverlay { short_abandon_ms: Some(2 * SECOND), ..overlay(40 * SECOND) };
    promise_more(&mut later, dice);
    settings.promises = vec![
        (EventTime::default(), promises),
        (EventTime::from_millis(BEGIN + HOUR).expect("it is before the end of time"), later),
    ];
    Arc::new(settings)
}

/// A calendar that opens and closes within minutes, so that clocks meet many of its edges, and has a day without hours.
fn often_closed() -> Calendar {
    let hours = |begin, end| Hours::new(begin, end).expect("they are within a day");
    let day = vec![hours(0, 20), hours(25, 26), hours(30, 90), hours(100, 600), hours(610, 1380), hours(1390, 1440)];
    let mut week: [Vec<Hours>; 7] = std::array::from_fn(|_| day.clone());
    week[3].clear();
    Calendar::new(CalendarSpec { zone: "Europe/Berlin".to_owned(), week, days: BTreeMap::new() }).expect("it is a zone")
}

fn overlay(answer_within_ms: u64) -> PromiseOverlay {
    PromiseOverlay { answer_within_ms: Some(answer_within_ms), ..PromiseOverlay::default() }
}

/// Promises on about half of the measures; what was promised on them before is forgotten.
fn promise_more(promises: &mut Promises, dice: &mut Dice) {
    if dice.percent(15) {
        promises.service.all.business_time = Some(true);
    }
    for measure in Measure::PROMISED.into_iter().filter(|&measure| measure != Measure::Wait) {
        if dice.percent(50) {
            continue;
        }
        let target = dice.pick(&[0, 5, 20, 30, 60, 300, 900]) * SECOND;
        let business_time = dice.percent(25).then(|| dice.percent(80));
        let overlay = PromiseOverlay { business_time, ..overlay(target) };
        let mut scopes = Scopes::default();
        match dice.below(4) {
            0 => scopes.service.all = overlay,
            1 => _ = scopes.service.channel.insert(dice.pick(&CHANNELS).to_owned(), overlay),
            2 => _ = scopes.service.tier.insert(dice.pick(&TIERS).to_owned(), overlay),
            _ => {
                scopes.queues.entry(dice.pick(&QUEUES).to_owned()).or_default().all = overlay;
                let of_channel = PromiseOverlay { answer_within_ms: Some(2 * target), ..PromiseOverlay::default() };
                let queue = scopes.queues.entry(dice.pick(&QUEUES).to_owned()).or_default();
                queue.channel.insert("email".to_owned(), of_channel);
            }
        }
        promises.measures.insert(measure, scopes);
    }
}
