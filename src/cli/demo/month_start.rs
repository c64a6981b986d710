//! The demo on a month's first working day: months of history, a busy morning that is as busy as such mornings are, and a
//! surge, which is not.
//!
//! Business days are those of real dates, so no time is moved here: the centre lives today, in a zone where it is about
//! eleven in the morning, whole hours from UTC. Its months begin on today's day of the month, as billing periods do, and
//! where today is a Saturday or Sunday it has a week in which that is no weekend. Now is an argument; `demo` reads the clock.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::{self, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::event::EventTime;
use crate::simulate::{Scenario, ScenarioError, Surge, offered_by_quarter};

/// What else is configured, beside what every demo has: in the example, for some other day.
pub(super) const CONFIG: &str = include_str!("../../../config/examples/month_start.toml");

/// How much is known of the time before today: four month starts, and what is usual.
const HISTORY_WEEKS: u32 = 20;

/// So many months before the present one begin at dates that are listed, and one after it.
const MONTHS_BACK: i64 = 6;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Surges are looked for on multiples of this.
const LOOK_MS: u64 = 5 * MINUTE_MS;

/// How old the surge is at the latest look before now: old enough to be found at the next one, too young for that one.
const AGE_MS: u64 = 5 * MINUTE_MS;
const RISES_MS: u64 = 10 * MINUTE_MS;
const LASTS_MS: u64 = 90 * MINUTE_MS;

/// Where how many times as many come: all who read their bill, and those who do not understand it.
const SURGES: [(&str, f64); 2] = [("billing", 2.6), ("support", 2.0)];

/// Monday first, as a configuration calls them.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Today as a month's first working day.
pub(super) struct MonthStart {
    /// The centre from its midnight on; its times are those of the wall clock.
    pub(super) scenario: Scenario,
    /// The name of its zone in the IANA database.
    zone: String,
    weekend: [&'static str; 2],
    now_ms: u64,
    midnight_ms: u64,
    surge_begins_ms: u64,
}

impl MonthStart {
    /// The one of the day that it is now somewhere in the morning.
    pub(super) fn at(now: EventTime, seed: u64, load: f64) -> MonthStart {
        let now_ms = now.millis();
        let ahead = hours_ahead(now_ms);
        let zone = TimeZone::fixed(tz::offset(ahead));
        let local = zone.to_datetime(instant(now_ms));
        let today = local.date();
        let midnight_ms = (now_ms.saturating_add_signed(i64::from(ahead) * 3_600_000) / DAY_MS * DAY_MS)
            .saturating_add_signed(i64::from(ahead) * -3_600_000);
        let weekend = weekend(today);
        let surge_begins_ms = (now_ms / LOOK_MS * LOOK_MS).saturating_sub(AGE_MS);
        let surges = SURGES.map(|(queue, factor)| Surge {
            queue: Some(queue.to_owned()),
            after_ms: surge_begins_ms.saturating_sub(midnight_ms),
            for_ms: LASTS_MS,
            factor,
            rises_ms: RISES_MS,
        });
        let scenario = Scenario {
            seed,
            from: today,
            days: None,
            load,
            zone,
            working_days: WEEKDAYS.map(|day| !weekend.contains(&day)),
            month_starts: month_starts(today),
            // Or the morning would be red before anything happens.
            foreseen: 1.0,
            surges: surges.to_vec(),
            ..Scenario::default()
        };
        // The database counts the hours that such a zone is behind.
        let zone = if ahead == 0 { "UTC".to_owned() } else { format!("Etc/GMT{:+}", -ahead) };
        MonthStart { scenario, zone, weekend, now_ms, midnight_ms, surge_begins_ms }
    }

    /// What the service has to be told about this day, over [`CONFIG`]: names and values of environment variables.
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        let month_starts: Vec<String> = self.scenario.month_starts.iter().map(Date::to_string).collect();
        [
            ("HOLDLINE_CALENDAR__CENTRE__ZONE", self.zone.clone()),
            ("HOLDLINE_CALENDAR__CENTRE__WEEKEND", self.weekend.join(",")),
            ("HOLDLINE_SURGE__MONTH_STARTS", month_starts.join(",")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// How many contacts each queue was offered in each quarter of an hour before today: the quarter in quarters since
    /// 1970-01-01T00:00:00Z, and the count, in order and without those that have none. Takes a second or two.
    ///
    /// # Errors
    /// As [`offered_by_quarter`]; there are none as long as the load can be simulated.
    pub(super) fn history(&self) -> Result<BTreeMap<String, Vec<(u32, u32)>>, ScenarioError> {
        let days = HISTORY_WEEKS * 7;
        let from = self.scenario.from.saturating_sub(i64::from(days).days());
        offered_by_quarter(&Scenario { from, surges: Vec::new(), ..self.scenario.clone() }, days)
    }

    /// The quarter of an hour with which today begins, in quarters since 1970-01-01T00:00:00Z; history ends before it.
    pub(super) fn first_quarter(&self) -> u32 {
        u32::try_from(self.midnight_ms / (15 * MINUTE_MS)).expect("event times have 42 bits")
    }

    /// What is going to happen, for whoever watches.
    pub(super) fn announcement(&self) -> String {
        let utc = |time_ms| instant(time_ms).strftime("%H:%M").to_string();
        let local = self.scenario.zone.to_datetime(instant(self.now_ms)).strftime("%H:%M");
        let begins_ms = self.surge_begins_ms;
        let look_ms = begins_ms + AGE_MS + LOOK_MS;
        let height = utc(begins_ms + RISES_MS);
        let [(first, first_factor), (second, second_factor)] = SURGES;
        format!(
            "It is the first working day of a month, {local} by the centre's clocks ({}), and as busy as such days are;\n\
             {HISTORY_WEEKS} weeks before it are known. What is to come, in UTC:\n\
             \n  {}   more and more contact {first} and {second}: at {height} {first_factor} and {second_factor} times as \
             many as usual,\n          and whoever spills over other queues\
             \n  {}   surges are told, or at the next look five minutes later; more agents are required, levels fall\
             \n  {}   it is over\n",
            self.zone,
            utc(begins_ms),
            utc(look_ms),
            utc(begins_ms + LASTS_MS),
        )
    }
}

/// How many hours clocks have to be ahead of UTC to show eleven, or at most half an hour more or less: -12 to 11.
fn hours_ahead(now_ms: u64) -> i8 {
    let hour = (now_ms + HOUR_MS / 2) / HOUR_MS % 24;
    let ahead = 11 - i8::try_from(hour).expect("a day has 24 hours");
    if ahead < -12 { ahead + 24 } else { ahead }
}

/// Two days that do not hold today: the usual ones, or those of countries whose week begins today.
fn weekend(today: Date) -> [&'static str; 2] {
    match today.weekday() {
        Weekday::Saturday => ["thu", "fri"],
        Weekday::Sunday => ["fri", "sat"],
        _ => ["sat", "sun"],
    }
}

/// Today's day of the month in the months before and the next one; where a month has none, its last.
fn month_starts(today: Date) -> Vec<Date> {
    (-MONTHS_BACK..=1).map(|months| today.saturating_add(months.months())).collect()
}

fn instant(time_ms: u64) -> Timestamp {
    let time_ms = i64::try_from(time_ms).expect("event times have 42 bits");
    Timestamp::from_millisecond(time_ms).expect("event times end in 2109")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::simulate::Centre;

    fn at(text: &str) -> MonthStart {
        let now: Timestamp = text.parse().unwrap();
        MonthStart::at(EventTime::from_millis(now.as_millisecond().try_into().unwrap()).unwrap(), 1, 1.0)
    }

    fn variable(day: &MonthStart, name: &str) -> String {
        let name = format!("HOLDLINE_{name}");
        day.variables().into_iter().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn it_is_about_eleven_on_a_working_day() {
        for minutes in (0..10 * 24 * 60).step_by(7) {
            let now = "2026-02-25T00:00:00Z".parse::<Timestamp>().unwrap() + minutes.minutes();
            let day = at(&now.to_string());
            let zone = TimeZone::get(&variable(&day, "CALENDAR__CENTRE__ZONE")).unwrap();
            let local = zone.to_datetime(now);
            assert_eq!(day.scenario.zone.to_datetime(now), local, "both zones have the same clocks");
            let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
            assert!((10 * 60 + 30..11 * 60 + 30).contains(&minute), "{now} is {local}");
            assert_eq!(day.scenario.from, local.date());

            let weekday = usize::from(local.date().weekday().to_monday_zero_offset().unsigned_abs());
            assert!(day.scenario.working_days[weekday]);
            let weekend = variable(&day, "CALENDAR__CENTRE__WEEKEND");
            let working = WEEKDAYS.map(|day| !weekend.split(',').any(|off| off == day));
            assert_eq!((day.scenario.working_days, working.iter().filter(|&&works| works).count()), (working, 5));
        }
    }

    #[test]
    fn months_begin_on_days_like_today() {
        let day = at("2026-05-31T11:00:00Z");
        let listed = [(2025, 11, 30), (2025, 12, 31), (2026, 1, 31), (2026, 2, 28), (2026, 3, 31), (2026, 4, 30)];
        let mut dates = listed.map(|(year, month, day)| date(year, month, day)).to_vec();
        dates.extend([date(2026, 5, 31), date(2026, 6, 30)]);
        assert_eq!(day.scenario.month_starts, dates);
        assert!(variable(&day, "SURGE__MONTH_STARTS").starts_with("2025-11-30,2025-12-31,"));
    }

    /// Contacts offered to a queue in the quarter of an hour before an instant.
    fn offered(scenario: &Scenario, queue: &str, until_ms: u64) -> f64 {
        let mut centre = Centre::new(scenario).unwrap();
        let (mut line, mut count) = (Vec::new(), 0);
        let queue = format!("\"queue\":\"{queue}\"");
        while let Some(produced) = centre.next_event(&mut line) {
            if produced.time_ms >= until_ms {
                break;
            }
            let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
            let is_meant = text.contains("\"type\":\"offered\"") && text.contains(&queue);
            count += u32::from(is_meant && produced.time_ms + 15 * MINUTE_MS >= until_ms);
        }
        f64::from(count)
    }

    #[test]
    fn the_surge_can_be_found_at_the_next_look_and_grows() {
        for now in ["2026-11-27T09:13:20Z", "2026-08-03T17:29:59Z", "2026-01-04T23:30:00Z"] {
            let day = at(now);
            let calm = Scenario { surges: Vec::new(), ..day.scenario.clone() };
            let look_ms = day.now_ms / LOOK_MS * LOOK_MS;
            let ratios = [0, 1, 2, 4].map(|looks| {
                let until_ms = look_ms + looks * LOOK_MS;
                offered(&day.scenario, "billing", until_ms) / offered(&calm, "billing", until_ms)
            });
            assert!(ratios[0] < 1.35 && ratios[1] > 1.3 && ratios[2] > 1.6 && ratios[3] > 2.0, "{now}: {ratios:?}");
        }
    }

    #[test]
    fn history_ends_where_today_begins() {
        let day = MonthStart::at(EventTime::from_millis(1_785_750_000_000).unwrap(), 1, 0.1);
        let history = day.history().unwrap();
        assert_eq!(history.len(), 6);
        let midnight = day.first_quarter();
        assert_eq!(u64::from(midnight) * 15 * MINUTE_MS, Centre::new(&day.scenario).unwrap().opens_ms());
        // Claims can be called at night.
        let (first, last) = (history["claims"].first().unwrap().0, history["claims"].last().unwrap().0);
        assert!((midnight - 8..midnight).contains(&last), "{last} {midnight}");
        assert!((0..8).contains(&(first + HISTORY_WEEKS * 7 * 96 - midnight)), "{first} {midnight}");
        assert_eq!(history, day.history().unwrap());
    }

    #[test]
    fn it_says_when_what_will_come() {
        let announced = at("2026-11-27T09:13:20Z").announcement();
        for part in ["11:13 by", "(Etc/GMT-2)", "09:05   more", "at 09:15 2.6 and", "09:15   surges", "10:35   it is"] {
            assert!(announced.contains(part), "{part}: {announced}");
        }
        assert!(at("2026-11-27T23:40:00Z").announcement().contains("(Etc/GMT-11)"));
        assert!(at("2026-11-27T22:40:00Z").announcement().contains("(Etc/GMT+12)"));
        assert!(at("2026-11-27T11:10:00Z").announcement().contains("(UTC)"));
    }
}
