use super::*;
use crate::surge::baseline::{Baseline, Thin};
use crate::surge::forecast::Band;
use crate::surge::sample::{Queue, cell, day, office};
use crate::surge::watch::WINDOWS;

/// A look at so many minutes: its score in all windows, or silence.
#[derive(Clone, Copy)]
enum Look {
    Score(f64),
    Silent,
    Thin(f64),
}

use Look::{Score, Silent};

fn reading(minute: u32, look: Look) -> Reading {
    let now = 1000 + minute / 5;
    let score = if let Score(score) | Look::Thin(score) = look { score } else { -5.0 };
    let window =
        |cells: u32| WindowReading { cells, start: now - cells, offered: 30, expected: 10.0, factor: 1.0, score };
    Reading {
        now,
        score,
        window: 0,
        windows: WINDOWS.map(window),
        factor: 1.0,
        against_ordinary: None,
        against_month_start: None,
        is_silent: matches!(look, Silent),
        is_open: true,
        offered_today: 0,
        today: Band::default(),
        thin: matches!(look, Look::Thin(_)).then_some(Thin::FewDays),
    }
}

/// Looks every five minutes, each until the minute beside it, and the incidents they come to: reason, from, until.
#[track_caller]
fn check(looks: &[(u32, Look)], incidents: &[(Reason, u32, Option<u32>)]) -> Detector {
    let mut detector = Detector::new(&Parameters { declare: 3.0, ..Parameters::default() });
    let mut minute = 0;
    for (until, look) in looks {
        while minute < *until {
            minute += 5;
            detector.fold(&reading(minute, *look));
        }
    }
    let minutes = |at_ms: u64| u32::try_from((at_ms - 1000 * CELL_MS) / 60_000).unwrap();
    let found: Vec<_> = detector
        .incidents()
        .iter()
        .map(|incident| (incident.reason, minutes(incident.start_ms), incident.end_ms.map(minutes)))
        .collect();
    assert_eq!(found, incidents);
    detector
}

use Reason::{Arrivals, CallersBack, Silence};

#[test]
fn surges_begin_and_end() {
    check(&[(60, Score(2.9))], &[]);
    check(&[(60, Score(0.0)), (90, Score(3.0))], &[(Arrivals, 50, None)]);
    check(&[(60, Score(0.0)), (90, Score(3.0)), (105, Score(0.9))], &[(Arrivals, 50, None)]);
    check(&[(60, Score(0.0)), (90, Score(3.0)), (110, Score(0.9))], &[(Arrivals, 50, Some(95))]);
    check(&[(60, Score(0.0)), (90, Score(3.0)), (300, Score(1.1))], &[(Arrivals, 50, None)]);
    let low = [(60, Score(0.0)), (90, Score(3.0)), (105, Score(0.9)), (110, Score(1.0)), (125, Score(0.9))];
    check(&low, &[(Arrivals, 50, None)]);
}

#[test]
fn surges_that_come_back_within_two_hours_are_one() {
    let first = [(60, Score(0.0)), (90, Score(3.0))];
    let again = |after: u32| [first[0], first[1], (95 + after, Score(0.0)), (95 + after + 10, Score(3.0))];
    check(&again(115), &[(Arrivals, 50, None)]);
    check(&again(120), &[(Arrivals, 50, Some(95)), (Arrivals, 205, None)]);
}

#[test]
fn silences_begin_and_end() {
    check(&[(60, Score(0.0)), (100, Silent)], &[(Silence, 35, None)]);
    check(&[(60, Score(0.0)), (100, Silent), (105, Score(0.0))], &[(Silence, 35, Some(100))]);
    let again = [(60, Score(0.0)), (100, Silent), (180, Score(0.0)), (200, Silent)];
    check(&again, &[(Silence, 35, None)]);
}

#[test]
fn callers_come_back_after_a_silence() {
    let silence = [(60, Score(0.0)), (100, Silent)];
    let then = |looks: &[(u32, Look)], incidents: &[_]| check(&[&silence[..], looks].concat(), incidents);
    then(&[(110, Score(3.5))], &[(CallersBack, 35, None)]);
    then(&[(150, Score(0.0)), (160, Score(3.5))], &[(CallersBack, 35, None)]);
    then(&[(165, Score(0.0)), (170, Score(3.5))], &[(Silence, 35, Some(100)), (Arrivals, 155, None)]);
    let detector = then(&[(110, Score(4.5)), (200, Score(0.0))], &[(CallersBack, 35, Some(115))]);
    let incident = &detector.incidents()[0];
    assert_eq!((incident.magnitude, incident.peak_score, incident.is_critical), (3.0, 4.5, true));
}

#[test]
fn who_came_before_a_silence_does_not_come_back() {
    let mut detector = Detector::new(&Parameters::default());
    (1..=12).for_each(|step| _ = detector.fold(&reading(5 * step, Score(0.0))));
    (13..=16).for_each(|step| _ = detector.fold(&reading(5 * step, Silent)));
    let mut after = reading(85, Score(0.0));
    // The hour holds a burst from before the silence, which lasts since the 35th minute.
    after.windows[2].score = 5.0;
    (after.score, after.window) = (5.0, 2);
    assert_eq!(detector.fold(&after), Some(Change::Ended(Silence)));
    after.now += 2;
    after.windows[2].start = 1000 + 35 / 5;
    assert_eq!(detector.fold(&after), Some(Change::Turned(CallersBack)));
}

#[test]
fn a_silence_ends_a_surge() {
    let looks = [(60, Score(0.0)), (90, Score(3.5)), (120, Score(2.0)), (130, Silent), (135, Score(4.0))];
    check(&looks[..4], &[(Arrivals, 50, Some(95)), (Silence, 95, None)]);
    check(&looks, &[(Arrivals, 50, Some(95)), (CallersBack, 95, None)]);
}

#[test]
fn a_thin_baseline_declares_nothing_but_silence() {
    check(&[(60, Look::Thin(9.0))], &[]);
    check(&[(60, Look::Thin(9.0)), (90, Silent)], &[(Silence, 35, None)]);
}

#[test]
fn each_change_is_told_once() {
    let mut detector = Detector::new(&Parameters::default());
    let mut told = Vec::new();
    let looks = [
        (3, Score(5.0)),
        (20, Score(0.0)),
        (22, Score(5.0)),
        (40, Score(0.0)),
        (50, Silent),
        (52, Score(5.0)),
        (60, Score(0.0)),
    ];
    let mut step = 20;
    for (until, look) in looks {
        while step < 20 + until {
            step += 1;
            told.extend(detector.fold(&reading(5 * step, look)));
        }
    }
    use Change::{Began, Ended, Reopened, Turned};
    let all = [
        Began(Arrivals),
        Ended(Arrivals),
        Reopened(Arrivals),
        Ended(Arrivals),
        Began(Silence),
        Turned(CallersBack),
        Ended(CallersBack),
    ];
    assert_eq!(told, all);
    assert_eq!(detector.current(), None);
    detector.fold(&reading(5 * (step + KEPT + 10), Score(0.0)));
    assert!(detector.incidents().is_empty(), "what is long over is forgotten");
}

#[test]
fn a_replay_is_what_was_looked_at() {
    let mut queue = Queue::new(office("Europe/Berlin"), 1);
    let mut cells = queue.cells(0..143, |_| 1000.0);
    let at = |days: i64, hour: u32, minute: u32| cell(&queue.calendar, day(days), hour, minute);
    (at(141, 10, 0)..at(141, 11, 0)).for_each(|cell| cells.add(cell, 20));
    cells = cells.iter().filter(|(cell, _)| !(at(142, 16, 0)..at(142, 24, 0)).contains(cell)).collect();
    let parameters = Parameters::default();
    let learn = |through| Baseline::learn(&cells.quarters(), &queue.calendar, day(through), &parameters);
    let forecasts = [learn(140).forecast(day(141)), learn(141).forecast(day(142))];

    let mut detector = Detector::new(&parameters);
    let mut readings = Vec::new();
    for (forecast, eve) in [(&forecasts[0], None), (&forecasts[1], Some(&forecasts[0]))] {
        let watch = Watch::new(forecast.clone(), eve, &parameters);
        for now in watch.first_cell() + 1..=watch.end_cell() {
            let known = cells.iter().filter(|(cell, _)| *cell < now).collect();
            readings.push(watch.look(now, &known));
            detector.fold(readings.last().unwrap());
        }
    }
    let replayed = replay(&forecasts, &cells, u32::MAX, &parameters);
    assert_eq!((&replayed.readings, &replayed.detector), (&readings, &detector));
    let [surge, silence] = detector.incidents() else { panic!("{:?}", detector.incidents()) };
    assert_eq!((surge.reason, surge.is_critical), (Arrivals, true));
    assert!((at(141, 10, 5)..=at(141, 10, 15)).contains(&u32::try_from(surge.declared_ms / CELL_MS).unwrap()));
    assert_eq!((silence.reason, silence.end_ms), (Silence, Some(ms(at(142, 18, 0)))), "it ends with closing");
    let part = replay(&forecasts, &cells, at(141, 10, 30), &parameters);
    assert_eq!(part.readings, readings[..part.readings.len()]);
    assert!(part.detector.current().is_some());
    let every_quarter = replay(&forecasts, &cells, u32::MAX, &Parameters::every_quarter());
    assert_eq!(every_quarter.readings.len(), 192);
}
