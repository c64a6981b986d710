use super::*;
use crate::surge::baseline::Baseline;
use crate::surge::calendar::CalendarSpec;
use crate::surge::counts::Counts;
use crate::surge::parameters::Model;
use crate::surge::sample::{Queue, cell, day, office};

const MANY: f64 = 1000.0;

/// The day that is watched: a Wednesday.
const TODAY: i64 = 142;

/// What is watched, and what came until the end of the day.
struct Scene {
    watch: Watch,
    eve: DayForecast,
    cells: Cells,
    queue: Queue,
}

impl Scene {
    /// An office that opens at 8 with 100 an hour; today so many times as many come.
    fn new(seed: u64, days: i64, today: f64) -> Scene {
        Scene::of(Queue::new(office("Europe/Berlin"), seed), days, today)
    }

    fn of(mut queue: Queue, days: i64, today: f64) -> Scene {
        let cells = queue.cells(TODAY - days..TODAY + 1, |date| if date == day(TODAY) { today * MANY } else { MANY });
        let parameters = Parameters::default();
        let learn = |through| Baseline::learn(&cells.quarters(), &queue.calendar, day(through), &parameters);
        let eve = learn(TODAY - 2).forecast(day(TODAY - 1));
        let watch = Watch::new(learn(TODAY - 1).forecast(day(TODAY)), Some(&eve), &parameters);
        Scene { watch, eve, cells, queue }
    }

    fn at(&self, hour: u32, minute: u32) -> u32 {
        cell(&self.queue.calendar, day(TODAY), hour, minute)
    }

    fn look(&self, hour: u32, minute: u32) -> Reading {
        self.watch.look(self.at(hour, minute), &self.cells)
    }

    /// Has so many times as many come between two times of the day.
    fn change(&mut self, from: (u32, u32), to: (u32, u32), times: u64) {
        let range = self.at(from.0, from.1)..self.at(to.0, to.1);
        let changed =
            self.cells.iter().map(|(cell, count)| (cell, if range.contains(&cell) { count * times } else { count }));
        self.cells = changed.collect();
    }
}

#[test]
fn an_ordinary_day_is_ordinary() {
    for seed in 0..5 {
        let scene = Scene::new(seed, 100, 1.0);
        for reading in scene.watch.readings(&scene.cells, u32::MAX, 1) {
            assert!(reading.score < 2.9 && !reading.is_silent, "{reading:?}");
            assert!(reading.against_ordinary.is_none_or(|test| !test.is_unusual));
            assert!((0.8..1.25).contains(&reading.factor), "{reading:?}");
            assert_eq!(reading.is_open, (scene.at(8, 0)..scene.at(18, 0)).contains(&(reading.now - 1)));
        }
    }
}

#[test]
fn windows_are_what_they_say() {
    let scene = Scene::new(1, 100, 1.0);
    let reading = scene.look(12, 20);
    for (window, width) in reading.windows.iter().zip(WINDOWS) {
        assert_eq!((window.cells, window.start), (width, reading.now - width));
        assert_eq!(window.offered, scene.cells.sum(window.start, reading.now));
        let usual = f64::from(width) * MANY / 120.0;
        assert!((0.8..1.2).contains(&(window.expected / usual)), "{window:?}");
    }
    assert_eq!(reading.offered_today, scene.cells.sum(scene.at(0, 0), reading.now));
    let readings = scene.watch.readings(&scene.cells, scene.at(12, 20), 1);
    assert_eq!(readings.last(), Some(&reading), "a look is the same made again");
}

#[test]
fn what_comes_later_changes_no_look() {
    let mut scene = Scene::new(2, 100, 1.0);
    let before = scene.look(12, 0);
    scene.change((12, 0), (18, 0), 9);
    assert_eq!(scene.look(12, 0), before);
    assert_ne!(scene.look(12, 5), before);
}

#[test]
fn a_surge_is_seen_within_a_quarter_of_an_hour() {
    for seed in 0..5 {
        let mut scene = Scene::new(seed, 100, 1.0);
        scene.change((13, 0), (14, 0), 3);
        assert!(scene.look(13, 0).score < 2.9);
        let reading = scene.look(13, 15);
        assert!(reading.score >= 4.0, "{reading:?}");
        assert!((1.8..4.5).contains(&(reading.windows[0].offered as f64 / reading.windows[0].expected)));
        assert_eq!(reading.windows[0].factor, scene.look(13, 0).factor, "what it was before the window");
        assert_eq!(reading.windows[2].factor, scene.look(12, 15).factor);
        assert!(scene.look(14, 0).factor < 1.3, "a surge does not make the day a busy one");
    }
}

#[test]
fn a_busy_day_is_no_surge_but_unusual() {
    for seed in 0..5 {
        let scene = Scene::new(seed, 100, 1.5);
        let readings = scene.watch.readings(&scene.cells, u32::MAX, 1);
        let noon = scene.look(14, 0);
        assert!((1.3..1.7).contains(&noon.factor), "{noon:?}");
        let test = noon.against_ordinary.unwrap();
        assert!(test.is_unusual && test.statistic > 2.3, "{test:?}");
        assert!(readings.iter().filter(|reading| reading.now > scene.at(11, 0)).all(|reading| reading.score < 3.5));
        assert!((1.3 * MANY..1.7 * MANY).contains(&noon.today.mean), "{:?}", noon.today);
        assert_eq!(scene.look(8, 20).against_ordinary, None, "fewer than 50 were to be expected");
    }
}

#[test]
fn the_day_as_known_now_closes_in_on_what_comes() {
    let (mut within, mut looks) = (0, 0);
    for seed in 0..20 {
        let scene = Scene::new(seed, 100, 1.1);
        let total = scene.cells.sum(scene.at(0, 0), scene.at(24, 0)) as f64;
        let (at_midnight, known) = (scene.look(0, 5).today, scene.watch.forecast().total);
        assert!(
            (at_midnight.lower / known.lower - 1.0).abs() < 0.01
                && (at_midnight.upper / known.upper - 1.0).abs() < 0.01
        );
        let mut width = f64::INFINITY;
        for hour in [9, 11, 13, 15, 17] {
            let today = scene.look(hour, 0).today;
            assert!(today.upper - today.lower <= width, "{hour}: {today:?}");
            width = today.upper - today.lower;
            within += u32::from(today.lower <= total && total <= today.upper);
            looks += 1;
        }
        let end = scene.look(24, 0).today;
        assert!((end.mean - total).abs() < 0.1 && end.upper - end.lower < 0.1, "{end:?}, {total} came");
    }
    assert!(f64::from(within) >= 0.8 * f64::from(looks), "{within} of {looks}");
}

/// What is known of today before it weighs less on the forecast of its rest than on what surges are held against.
#[test]
fn the_rest_of_the_day_follows_the_day() {
    let scene = Scene::new(10, 100, 1.3);
    let model = Model { forecast_weight: 1e9, ..Model::default() };
    let heavy = Watch::new(scene.watch.forecast().clone(), None, &Parameters { model, ..Parameters::default() });
    let (light, heavy) = (scene.look(10, 0), heavy.look(scene.at(10, 0), &scene.cells));
    assert_eq!(light.factor, heavy.factor);
    assert!(light.today.mean > 1.02 * heavy.today.mean, "{:?} {:?}", light.today, heavy.today);
}

#[test]
fn an_opening_may_be_late() {
    let silent_from = |total: f64| {
        let mut queue = Queue::new(office("Europe/Berlin"), 9);
        let cells = queue.cells(42..TODAY, |_| total);
        let parameters = Parameters::default();
        let baseline = Baseline::learn(&cells.quarters(), &queue.calendar, day(TODAY - 1), &parameters);
        let watch = Watch::new(baseline.forecast(day(TODAY)), None, &parameters);
        let opening = cell(&queue.calendar, day(TODAY), 8, 0);
        (0..120).find(|after| watch.look(opening + after, &cells).is_silent).map(|after| after * 5)
    };
    assert_eq!(silent_from(10.0 * MANY), Some(30), "a silence lasts for half an hour");
    assert!((40..=50).contains(&silent_from(0.4 * MANY).unwrap()), "24 are to be expected since opening");
    assert_eq!(silent_from(0.1 * MANY), None);
}

#[test]
fn quiet_queues_are_never_silent() {
    let mut queue = Queue::new(office("Europe/Berlin"), 5);
    let mut cells = queue.cells(42..TODAY, |_| 100.0);
    cells.add(cell(&queue.calendar, day(TODAY), 9, 0), 1);
    let parameters = Parameters::default();
    let baseline = Baseline::learn(&cells.quarters(), &queue.calendar, day(TODAY - 1), &parameters);
    let watch = Watch::new(baseline.forecast(day(TODAY)), None, &parameters);
    assert!(watch.readings(&cells, u32::MAX, 1).iter().all(|reading| !reading.is_silent && reading.score < 1.0));
}

#[test]
fn windows_reach_over_midnight() {
    let spec = CalendarSpec::around_the_clock(jiff::tz::TimeZone::get("Europe/Berlin").unwrap(), [true; 7]);
    let mut scene = Scene::of(Queue::new(spec, 6), 100, 1.0);
    let reading = scene.look(0, 5);
    for (window, width) in reading.windows.iter().zip(WINDOWS) {
        assert_eq!((window.cells, window.start), (width, reading.now - width));
        assert!((0.7..1.4).contains(&(window.expected / (f64::from(width) * MANY / 288.0))), "{window:?}");
    }
    // 42 an hour; the surge begins at 23:40 on the eve.
    let surge = scene.at(0, 0) - 4..scene.at(0, 20);
    surge.for_each(|cell| scene.cells.add(cell, 12));
    assert!(scene.look(0, 5).score > 4.0, "{:?}", scene.look(0, 5));
    let alone = Watch::new(scene.watch.forecast().clone(), None, &Parameters::default());
    assert_eq!(alone.look(scene.at(0, 5), &scene.cells).windows.map(|window| window.cells), [1, 1, 1]);
    let wrong =
        Watch::new(scene.watch.forecast().clone(), Some(&scene.watch.forecast().clone()), &Parameters::default());
    assert_eq!(
        wrong.look(scene.at(0, 5), &scene.cells),
        alone.look(scene.at(0, 5), &scene.cells),
        "that is not the eve"
    );
    assert_eq!(scene.eve.slots.last().unwrap().quarter + 1, scene.watch.forecast().slots[0].quarter);
}

#[test]
fn a_busy_eve_makes_no_busy_day() {
    let spec = CalendarSpec::around_the_clock(jiff::tz::TimeZone::get("Europe/Berlin").unwrap(), [true; 7]);
    let mut scene = Scene::of(Queue::new(spec, 11), 100, 1.0);
    let eve = scene.at(0, 0) - 288..scene.at(0, 0);
    let busy = scene.cells.iter().map(|(cell, count)| (cell, if eve.contains(&cell) { count * 2 } else { count }));
    scene.cells = busy.collect();
    let window = scene.look(0, 30).windows[2];
    let (eve, today) = (window.factor * MANY / 48.0, MANY / 48.0);
    assert!(window.factor > 1.6, "{window:?}");
    assert!((0.85..1.15).contains(&(window.expected / (eve + today))), "{window:?}");
}

#[test]
fn a_thin_baseline_finds_no_day_unusual() {
    let scene = Scene::new(7, 2, 8.0);
    let reading = scene.look(17, 0);
    assert_eq!(reading.thin, Some(Thin::FewDays));
    assert!(reading.against_ordinary.is_some_and(|test| test.statistic > 2.3 && !test.is_unusual), "{reading:?}");
}

#[test]
fn absurd_instants_and_counts_are_borne() {
    let mut scene = Scene::new(8, 100, 1.0);
    (0..3).for_each(|hour| scene.cells.add(scene.at(9 + hour, 0), u64::MAX));
    for now in [0, scene.at(0, 0), scene.at(12, 0), scene.at(24, 0), u32::MAX] {
        let reading = scene.watch.look(now, &scene.cells);
        let numbers =
            [reading.score, reading.factor, reading.today.mean, reading.today.upper, reading.windows[2].expected];
        assert!(numbers.iter().all(|number| number.is_finite()), "{reading:?}");
    }
    let unknown = Baseline::learn(&Counts::default(), &scene.queue.calendar, day(TODAY - 1), &Parameters::default());
    let watch = Watch::new(unknown.forecast(day(TODAY)), None, &Parameters::default());
    assert!(watch.look(scene.at(12, 0), &scene.cells).score.is_finite());
}
