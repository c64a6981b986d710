//! A queue that is open on weekdays from 8 to 18, UTC, with sixteen weeks of history in a file, and the last days in a shard.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::*;
use crate::config::Config;
use crate::engine::arrivals::arrivals;
use crate::engine::shard::{Keep, Shard};
use crate::event::decode::decode;
use crate::publish::seed::SeedOfQueue;
use crate::service::monitor::news::{State, ToldIncident};
use crate::surge::Reason;

const HOUR_MS: u64 = 3_600_000;

/// The Wednesday that is watched; the file ends on the midnight of the Monday before.
const TODAY: Date = date(2026, 5, 13);
const MONDAY: Date = date(2026, 5, 11);

fn midnight(date: Date) -> u64 {
    date.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond().cast_unsigned()
}

/// About how many come in a quarter of an hour that begins at this minute of such a day, with some chance in it.
fn usual(date: Date, minute: u64) -> u64 {
    let is_weekday = date.weekday().to_monday_zero_offset() < 5;
    if !is_weekday || !(480..1_080).contains(&minute) {
        return 0;
    }
    let month_start = if date.day() <= 3 { 8 } else { 0 };
    let chance = (u64::from(date.day_of_year().unsigned_abs()) * 7 + minute / 15 * 5) % 11;
    24 + month_start + chance - 5
}

fn seed() -> Arc<Seed> {
    seed_until(midnight(MONDAY))
}

fn seed_until(until_ms: u64) -> Arc<Seed> {
    let quarter = |ms: u64| u32::try_from(ms / QUARTER_MS).unwrap();
    let mut counts = Counts::default();
    for day in date(2026, 1, 12).series(jiff::Span::new().days(1)).take_while(|day| midnight(*day) < until_ms) {
        let starts = (0..1_440).step_by(15).map(|minute| (minute, midnight(day) + minute * 60_000));
        for (minute, start) in starts.take_while(|(_, start)| *start < until_ms) {
            counts.add(quarter(start), usual(day, minute));
        }
    }
    let until = quarter(until_ms);
    Arc::new(Seed {
        until,
        queues: BTreeMap::from([("calls".to_owned(), SeedOfQueue { counts, ..SeedOfQueue::default() })]),
    })
}

/// How many times as usual come in a quarter of an hour that begins at this minute of today.
type Today = fn(minute: u64) -> u64;

/// What a service holds at the end of today.
fn shard(times: Today) -> Shard {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for day in [MONDAY, date(2026, 5, 12), TODAY] {
        for minute in (0..1_440).step_by(15) {
            let count = usual(day, minute) * if day == TODAY { times(minute) } else { 1 };
            for number in 0..count {
                let time = midnight(day) + minute * 60_000 + number * 900_000 / count;
                let line =
                    format!(r#"{{"type":"offered","contact_id":"{time}-{number}","queue":"calls","time":{time}}}"#);
                shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
            }
        }
    }
    shard
}

struct Watched {
    book: Book,
    shard: Shard,
    settings: Settings,
    told: Vec<ToldIncident>,
}

impl Watched {
    fn of(times: Today) -> Watched {
        let (book, settings) = (Book::new(calendar(), seed()), settings());
        Watched { book, shard: shard(times), settings, told: Vec::new() }
    }

    /// Looks at this minute of today.
    fn look(&mut self, minute: u64) -> Load {
        let until = EventTime::from_millis(midnight(TODAY) + minute * 60_000).unwrap();
        let arrived = Arrived { until, shards: vec![arrivals(&self.shard, until)] };
        let (load, told) = self.book.look(&arrived, self.settings.promised(), || false).unwrap();
        self.told.extend(told);
        load
    }

    /// Looks every five minutes from one minute to another.
    fn look_from(&mut self, first: u64, last: u64) -> Load {
        let looks = (first..=last).step_by(5).map(|minute| self.look(minute));
        looks.last().unwrap()
    }

    fn told(&self) -> Vec<(State, Reason)> {
        self.told.iter().map(|told| (told.state, told.incident.reason)).collect()
    }
}

const CONFIG: &str = r#"
    [service]
    calendar = "office"
    [calendar.office]
    zone = "UTC"
    hours = ["08:00-18:00"]
"#;

fn settings() -> Settings {
    Config::parse(CONFIG, &[]).unwrap().settings
}

fn calendar() -> Surge {
    Config::parse(CONFIG, &[]).unwrap().surge
}

#[test]
fn a_usual_day_is_as_expected() {
    let mut watched = Watched::of(|_| 1);
    let load = watched.look_from(480, 720);
    let calls = &load.queues["calls"];
    assert_eq!(watched.told(), []);
    assert_eq!((calls.incident.as_ref(), calls.standing.thin), (None, None));
    assert!(calls.standing.month_starts >= 3 && calls.standing.days > 80, "{:?}", calls.standing);
    let offered: u64 = (480..720).step_by(15).map(|minute| usual(TODAY, minute)).sum();
    assert_eq!(calls.reading.offered_today, offered);
    let hour = &calls.reading.windows[2];
    assert!((hour.expected / hour.offered as f64 - 1.0).abs() < 0.15, "{hour:?}");
    assert!(calls.reading.today.lower < 1_000.0 && calls.reading.today.upper > 900.0, "{:?}", calls.reading.today);
    assert!(calls.reading.is_open);
    // Today and a fortnight, and the next month start.
    let month_start = calls.month_start.as_ref().unwrap();
    assert_eq!((calls.days.len(), calls.days[0].day.date, month_start.day.date), (15, TODAY, date(2026, 6, 1)));
    assert!(month_start.total.mean > calls.days[0].total.mean * 1.1);
    let office = &load.calendars["office"];
    assert_eq!((office.business_day, office.is_holiday), (Some(9), false));
    assert_eq!(office.next_month_start.unwrap().millis(), midnight(date(2026, 6, 1)));
}

#[test]
fn a_surge_is_told_when_it_begins_and_when_it_ends_and_counted_once() {
    let mut watched = Watched::of(|minute| if (600..660).contains(&minute) { 3 } else { 1 });
    watched.look_from(480, 600);
    assert_eq!(watched.told(), []);
    let load = watched.look_from(605, 640);
    assert_eq!(watched.told(), [(State::Began, Reason::Arrivals)]);
    let incident = load.queues["calls"].incident.as_ref().unwrap();
    assert!(incident.magnitude > 2.0 && incident.is_critical, "{incident:?}");
    assert_eq!(load.queues["calls"].begun, BTreeMap::from([(Reason::Arrivals, 1)]));
    let load = watched.look_from(645, 900);
    assert_eq!(watched.told(), [(State::Began, Reason::Arrivals), (State::Ended, Reason::Arrivals)]);
    assert_eq!(load.queues["calls"].incident, None);
    // Who starts anew finds the same incidents, tells of none that is over for long, and counts none.
    let mut anew = Watched::of(|minute| if (600..660).contains(&minute) { 3 } else { 1 });
    let again = anew.look(900);
    assert_eq!(again.queues["calls"].incidents, load.queues["calls"].incidents);
    assert_eq!((anew.told(), again.queues["calls"].begun.len()), (Vec::new(), 0));
    // And one that starts meanwhile tells of it, and counts it not.
    let mut anew = Watched::of(|minute| if (600..660).contains(&minute) { 3 } else { 1 });
    let meanwhile = anew.look(640);
    assert_eq!(anew.told(), [(State::Began, Reason::Arrivals)]);
    assert!(meanwhile.queues["calls"].begun.values().all(|count| *count == 0));
}

#[test]
fn a_silence_and_the_return_after_it_are_one_incident() {
    let mut watched = Watched::of(|minute| match minute {
        600..660 => 0,
        660..720 => 3,
        _ => 1,
    });
    let load = watched.look_from(480, 650);
    assert_eq!(watched.told(), [(State::Began, Reason::Silence)]);
    assert!(load.queues["calls"].reading.is_silent);
    let load = watched.look_from(655, 780);
    let told = [(State::Began, Reason::Silence), (State::Turned, Reason::CallersBack)];
    assert_eq!(watched.told().iter().filter(|(state, _)| *state != State::Ended).copied().collect::<Vec<_>>(), told);
    assert_eq!(load.queues["calls"].incidents.len(), 1);
}

#[test]
fn what_the_file_holds_of_today_is_no_silence() {
    let begun = midnight(TODAY) + 10 * HOUR_MS;
    let seed = seed_until(begun);
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    // What was read reaches back to a while before the end of the file, which holds there.
    for minute in (585..660).step_by(15) {
        for number in 0..usual(TODAY, minute) {
            let time = midnight(TODAY) + minute * 60_000 + number * 20_000;
            let line = format!(r#"{{"type":"offered","contact_id":"{time}","queue":"calls","time":{time}}}"#);
            shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
        }
    }
    let mut watched = Watched { book: Book::new(calendar(), seed), shard, settings: settings(), told: Vec::new() };
    let load = watched.look(660);
    assert_eq!((watched.told(), load.queues["calls"].incidents.len()), (Vec::new(), 0));
    let offered: u64 = (480..660).step_by(15).map(|minute| usual(TODAY, minute)).sum();
    assert_eq!(load.queues["calls"].reading.offered_today, offered);
}

#[test]
fn looks_that_were_missed_are_made_up_for() {
    let times: Today = |minute| if (600..660).contains(&minute) { 3 } else { 1 };
    let (mut watched, mut steady) = (Watched::of(times), Watched::of(times));
    watched.look_from(480, 590);
    steady.look_from(480, 590);
    let (late, load) = (watched.look(700), steady.look_from(595, 700));
    assert_eq!(late.queues["calls"].incidents, load.queues["calls"].incidents);
    assert_eq!(late.queues["calls"].begun, load.queues["calls"].begun);
}

#[test]
fn other_calendars_are_learned_at_once() {
    let mut watched = Watched::of(|_| 1);
    assert!(watched.look(720).queues["calls"].reading.is_open);
    watched.settings = Config::parse(&CONFIG.replace("08:00-18:00", "13:00-18:00"), &[]).unwrap().settings;
    assert!(!watched.look(725).queues["calls"].reading.is_open);
}

#[test]
fn the_file_holds_within_its_span_and_what_was_read_after_it() {
    let arrived = |shard: &Shard| Arrived { until: EventTime::MAX, shards: vec![arrivals(shard, EventTime::MAX)] };
    let seed = seed();
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for (contact, time) in [("a", midnight(MONDAY) - HOUR_MS), ("b", midnight(MONDAY)), ("c", midnight(MONDAY) + 1)] {
        let line = format!(r#"{{"type":"offered","contact_id":"{contact}","queue":"calls","time":{time}}}"#);
        shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
    }
    let counts = arrived(&shard).counts("calls", &seed);
    assert_eq!(counts.count(seed.until), 2);
    assert_eq!(counts.count(seed.until - 4), 0);
    let all = |counts: &Counts| counts.iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(all(&counts), all(seed.counts("calls").unwrap()) + 2);
    assert_eq!(all(&arrived(&shard).counts("chats", &seed)), 0);
}

/// A queue that is always open, with about as many in every quarter of an hour, and how many times as many from an hour of
/// one day to an hour of another, both counted from the midnight before the watched day's eve.
fn around_the_clock(times: u64, hours: std::ops::Range<u64>) -> Watched {
    const ALWAYS: &str =
        "[service]\ncalendar = \"a\"\n[calendar.a]\nzone = \"UTC\"\nweekend = []\nhours = [\"00:00-24:00\"]\n";
    let usual = |quarter: u64| 18 + quarter * 7 % 5 + quarter / 96 % 3;
    let (from, first) = (midnight(date(2026, 1, 12)), midnight(MONDAY));
    let counts = (from / QUARTER_MS..first / QUARTER_MS).map(|at| (u32::try_from(at).unwrap(), usual(at)));
    let of_queue = SeedOfQueue { counts: counts.collect(), ..SeedOfQueue::default() };
    let until = u32::try_from(first / QUARTER_MS).unwrap();
    let seed = Seed { until, queues: BTreeMap::from([("calls".to_owned(), of_queue)]) };
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for quarter in first / QUARTER_MS..first / QUARTER_MS + 4 * 96 {
        let hour = (quarter * QUARTER_MS - first) / HOUR_MS;
        let count = usual(quarter) * if hours.contains(&hour) { times } else { 1 };
        for number in 0..count {
            let time = quarter * QUARTER_MS + number * QUARTER_MS / count;
            let line = format!(r#"{{"type":"offered","contact_id":"{time}-{number}","queue":"calls","time":{time}}}"#);
            shard.apply(&decode(line.as_bytes(), 1 << 16).unwrap());
        }
    }
    let config = Config::parse(ALWAYS, &[]).unwrap();
    let book = Book::new(config.surge, Arc::new(seed));
    Watched { book, shard, settings: config.settings, told: Vec::new() }
}

/// Minutes of the watched day: its eve's ten o'clock at night, and later.
fn look_over_midnight(watched: &mut Watched, from_hour: i64, to_hour: i64) -> Vec<Load> {
    let minutes = (from_hour * 60..=to_hour * 60).step_by(5);
    let looks = minutes.map(|minute| {
        let until_ms = midnight(TODAY).checked_add_signed(minute * 60_000).unwrap();
        let until = EventTime::from_millis(until_ms).unwrap();
        let arrived = Arrived { until, shards: vec![arrivals(&watched.shard, until)] };
        let (load, told) = watched.book.look(&arrived, watched.settings.promised(), || false).unwrap();
        watched.told.extend(told);
        load
    });
    looks.collect()
}

#[test]
fn an_ordinary_midnight_is_nothing_to_tell() {
    let mut watched = around_the_clock(1, 0..0);
    let loads = look_over_midnight(&mut watched, -3, 3);
    assert_eq!(watched.told(), []);
    for load in &loads {
        let reading = &load.queues["calls"].reading;
        let (hour, score) = (&reading.windows[2], reading.score);
        assert!(
            (hour.expected / hour.offered as f64 - 1.0).abs() < 0.2 && score < 2.0,
            "{}: {hour:?} {score}",
            load.at.millis()
        );
    }
    // The day begins with nothing of it.
    let at_midnight = &loads[36].queues["calls"];
    assert_eq!((at_midnight.reading.offered_today, at_midnight.days[0].day.date), (0, TODAY));
}

#[test]
fn who_starts_anew_sees_what_whoever_went_on_sees() {
    // From eleven at night to one o'clock: a surge, and a silence.
    for times in [3, 0] {
        let mut steady = around_the_clock(times, 47..49);
        let loads = look_over_midnight(&mut steady, -3, 4);
        for (load, minute) in loads.iter().zip((-180..).step_by(5)).skip(1) {
            let mut anew = around_the_clock(times, 47..49);
            let until = load.at;
            let arrived = Arrived { until, shards: vec![arrivals(&anew.shard, until)] };
            let (again, _) = anew.book.look(&arrived, anew.settings.promised(), || false).unwrap();
            let [steady, anew] = [load, &again].map(|load| load.queues["calls"].clone());
            assert_eq!(steady.reading, anew.reading, "{times} {minute}");
            assert_eq!(steady.incidents, anew.incidents, "{times} {minute}");
        }
    }
}

#[test]
fn what_lasts_over_midnight_is_told_and_counted_once() {
    for (times, reason) in [(3, Reason::Arrivals), (0, Reason::Silence)] {
        let mut watched = around_the_clock(times, 47..49);
        let loads = look_over_midnight(&mut watched, -3, 30);
        let told = watched.told();
        assert_eq!(told.iter().filter(|told| **told == (State::Began, reason)).count(), 1, "{told:?}");
        assert_eq!(told.last().map(|(state, _)| *state), Some(State::Ended), "{told:?}");
        assert!(
            watched.told.iter().all(|told| told.incident.start_ms == watched.told[0].incident.start_ms),
            "{told:?}"
        );
        assert_eq!(loads.last().unwrap().queues["calls"].begun[&reason], 1);
    }
}

#[test]
fn a_surge_that_comes_back_is_told() {
    let mut watched = Watched::of(|minute| if [600, 615, 720, 735].contains(&minute) { 4 } else { 1 });
    watched.look_from(480, 900);
    let states: Vec<State> = watched.told.iter().map(|told| told.state).collect();
    assert_eq!(states, [State::Began, State::Ended, State::Reopened, State::Ended]);
}

#[test]
fn what_began_and_ended_while_nobody_looked_for_days_is_told_and_counted() {
    // Wednesday from eight to ten. Nobody looks from Monday at noon on, until Wednesday at noon.
    let mut watched = around_the_clock(3, 56..58);
    look_over_midnight(&mut watched, -36, -36);
    assert_eq!(watched.told(), []);
    let loads = look_over_midnight(&mut watched, 14, 14);
    assert_eq!(watched.told(), [(State::Began, Reason::Arrivals), (State::Ended, Reason::Arrivals)]);
    assert_eq!(loads[0].queues["calls"].begun, BTreeMap::from([(Reason::Arrivals, 1)]));
    let ended = watched.told[1].incident.end_ms.unwrap();
    assert!(ended < midnight(TODAY) + 11 * HOUR_MS, "it ended before anybody looked");
}
