use jiff::civil::date;

use super::*;
use crate::surge::clock::quarters_of;
use crate::surge::sample::{calendar, hours, office};

/// A bank in Jerusalem: Sunday to Thursday, short Fridays, Saturdays after sunset.
fn bank() -> CalendarSpec {
    let mut spec = office("Asia/Jerusalem");
    spec.business_week = [true, true, true, true, true, false, true];
    spec.week = std::array::from_fn(|weekday| match weekday {
        4 => hours(7, 14),
        5 => hours(19, 24),
        _ => hours(7, 24),
    });
    spec.days.insert(date(1999, 3, 31), spec.week[4].clone());
    spec.days.insert(date(1999, 4, 1), spec.week[5].clone());
    spec.special.insert("purim".to_owned(), [date(1999, 3, 2)].into());
    spec.special.insert("election".to_owned(), [date(1999, 5, 17)].into());
    spec
}

#[test]
fn days_are_of_their_kind() {
    let calendar = calendar(bank());
    let check = |date, kind, is_regular, like, business_day: Option<u8>| {
        let day = calendar.day(date);
        assert_eq!(
            (day.kind, day.is_regular, day.like_weekdays, day.business_day),
            (kind, is_regular, like, business_day),
            "{date}"
        );
    };
    check(date(1999, 3, 1), Kind::Working, true, 1, Some(1));
    check(date(1999, 3, 2), Kind::Working, true, 2, Some(2));
    check(date(1999, 3, 5), Kind::Short, true, 1 << 4, None);
    check(date(1999, 3, 6), Kind::Closed, true, 1 << 5, None);
    check(date(1999, 3, 7), Kind::Working, true, 1 << 6, Some(5));
    check(date(1999, 3, 31), Kind::Short, false, 1 << 4, None);
    check(date(1999, 4, 1), Kind::Closed, false, 1 << 5, None);
    check(date(1999, 4, 4), Kind::Working, true, 1 << 6, Some(1));
    assert!(calendar.day(date(1999, 3, 30)).is_last_business_day);
    assert!(!calendar.day(date(1999, 3, 29)).is_last_business_day);
    assert!(calendar.day(date(1999, 4, 4)).is_after_holiday);
    assert!(!calendar.day(date(1999, 4, 5)).is_after_holiday);
    assert!(!calendar.day(date(1999, 4, 11)).is_after_holiday);
    assert!(calendar.is_holiday(date(1999, 4, 1)) && calendar.is_holiday(date(1999, 3, 31)));
    assert!(!calendar.is_holiday(date(1999, 4, 2)) && !calendar.is_holiday(date(1999, 4, 3)));
    assert_eq!(calendar.special_kinds(), ["election", "purim"]);
    assert_eq!(calendar.day(date(1999, 3, 2)).special, [1]);
}

#[test]
fn the_next_month_start_is_after_the_date() {
    let calendar = calendar(bank());
    let table = [
        (date(1999, 2, 28), date(1999, 3, 1)),
        (date(1999, 3, 1), date(1999, 4, 4)),
        (date(1999, 4, 1), date(1999, 4, 4)),
        (date(1999, 4, 4), date(1999, 5, 2)),
    ];
    for (date, start) in table {
        assert_eq!(calendar.next_month_start(date), Some(start), "{date}");
    }
    assert_eq!(calendar.next_month_start(Date::MAX), None);
    let mut idle = office("UTC");
    idle.business_week = [false; 7];
    assert_eq!(self::calendar(idle).next_month_start(date(2025, 1, 1)), None);
}

#[test]
fn periods_stand_for_months() {
    let mut spec = office("UTC");
    spec.month_starts = [date(2025, 3, 20), date(2025, 4, 19), date(1, 1, 1), date(9999, 12, 31)].into();
    let calendar = calendar(spec);
    let business_day = |date| calendar.day(date).business_day;
    assert_eq!(business_day(date(2025, 3, 3)), Some(1));
    assert_eq!(business_day(date(2025, 3, 19)), Some(13));
    assert!(calendar.day(date(2025, 3, 19)).is_last_business_day);
    assert_eq!(business_day(date(2025, 3, 20)), Some(1));
    assert_eq!(business_day(date(2025, 4, 18)), Some(22));
    assert_eq!(business_day(date(2025, 4, 21)), Some(1));
    assert_eq!(business_day(date(2025, 5, 16)), Some(20));
    assert_eq!(business_day(date(2025, 5, 19)), None, "the last period lasts a month, and the rest of May is no month");
    assert_eq!(calendar.next_month_start(date(2025, 4, 21)), Some(date(2025, 6, 2)));
    assert_eq!(calendar.next_month_start(date(2025, 3, 20)), Some(date(2025, 4, 21)));
}

#[test]
fn a_queue_that_never_closes_has_business_days() {
    let utc = TimeZone::UTC;
    let mut spec = CalendarSpec::around_the_clock(utc, [true, true, true, true, true, false, false]);
    spec.holidays.insert(date(2025, 5, 1));
    spec.pay_days.insert(15);
    let calendar = calendar(spec);
    assert_eq!(calendar.day(date(2025, 5, 2)).business_day, Some(1));
    assert!(calendar.day(date(2025, 5, 2)).is_after_holiday);
    assert!(calendar.is_holiday(date(2025, 5, 1)));
    assert_eq!(calendar.day(date(2025, 5, 3)).kind, Kind::Closed);
    assert!(calendar.day(date(2025, 5, 15)).is_pay_day && !calendar.day(date(2025, 5, 14)).is_pay_day);
    assert!(calendar.is_open(calendar.midnight_ms(date(2025, 5, 3)).unwrap()));
}

#[test]
fn who_is_paid_on_a_closed_day_is_paid_before_it() {
    let mut spec = office("Europe/Berlin");
    spec.pay_days = [25, 31].into();
    spec.days.insert(date(2025, 12, 25), Vec::new());
    spec.days.insert(date(2025, 12, 24), Vec::new());
    let calendar = calendar(spec);
    let paid = |month: i8| -> Vec<i8> {
        let days = date(2025, month, 1).series(1.day()).take_while(|day| day.month() == month);
        days.filter(|day| calendar.day(*day).is_pay_day).map(Date::day).collect()
    };
    // A Tuesday and a Friday; a Saturday and a Monday; a Sunday, and the 30th, which is a Friday.
    assert_eq!((paid(2), paid(3), paid(5)), (vec![25, 28], vec![25, 31], vec![23, 30]));
    // June ends on a Monday of its own; the 25th of October is a Saturday; Christmas is a holiday.
    assert_eq!((paid(6), paid(10), paid(12)), (vec![25, 30], vec![24, 31], vec![23, 31]));
    assert!(!calendar.day(date(2025, 10, 25)).is_pay_day);
}

#[test]
fn hours_run_into_the_next_day() {
    let mut spec = office("Europe/Berlin");
    spec.week[4] = hours(20, 26);
    let calendar = calendar(spec);
    let saturday = calendar.midnight_ms(date(2025, 5, 3)).unwrap();
    assert!(calendar.is_open(saturday - 1) && calendar.is_open(saturday + 119 * 60_000));
    assert!(!calendar.is_open(saturday + 120 * 60_000));
    let open = quarters_of(&calendar, date(2025, 5, 3)).iter().filter(|quarter| quarter.is_open).count();
    assert_eq!(open, 8);
}

#[test]
fn what_is_no_calendar_is_refused() {
    let with = |range: Range<u16>| {
        let mut spec = office("UTC");
        spec.week[0].push(range);
        BusinessCalendar::new(spec)
    };
    for wrong in [1440..1500, 0..2881, 60..60] {
        assert_eq!(with(wrong.clone()), Err(CalendarMistake::Hours(wrong)));
    }
    assert!(with(0..2880).is_ok());
    let mut spec = office("UTC");
    spec.pay_days.insert(0);
    assert_eq!(BusinessCalendar::new(spec), Err(CalendarMistake::PayDay(0)));
}

#[test]
fn days_have_as_many_quarters_as_their_clocks_let() {
    let table = [
        ("Europe/Berlin", date(2025, 3, 30), 92),
        ("Europe/Berlin", date(2025, 10, 26), 100),
        ("Europe/Berlin", date(2025, 10, 27), 96),
        ("Australia/Lord_Howe", date(2025, 4, 6), 98),
        ("Asia/Kathmandu", date(2025, 4, 6), 96),
        ("Asia/Beirut", date(2025, 3, 30), 92),
        ("Pacific/Apia", date(2011, 12, 30), 0),
        ("America/Nuuk", date(2025, 3, 29), 92),
    ];
    for (zone, date, quarters) in table {
        let calendar = calendar(office(zone));
        let found = quarters_of(&calendar, date);
        assert_eq!(found.len(), quarters, "{zone} {date}");
        assert!(found.is_sorted_by(|one, next| one.quarter + 1 == next.quarter), "{zone} {date}");
        for quarter in found {
            let local = calendar.local(u64::from(quarter.quarter) * 900_000).unwrap();
            assert_eq!(local.date(), date);
            assert_eq!(
                quarter.slot,
                usize::from(local.hour().unsigned_abs()) * 4 + usize::from(local.minute().unsigned_abs()) / 15
            );
        }
    }
}

#[test]
fn no_zone_and_no_date_is_too_odd() {
    // Liberia's clocks were 44 minutes and 30 seconds slow until 1972.
    for (zone, date) in [
        ("Africa/Monrovia", date(1971, 5, 5)),
        ("Africa/Monrovia", date(1972, 1, 7)),
        ("UTC", Date::MAX),
        ("UTC", Date::MIN),
        ("Pacific/Kiritimati", date(1969, 12, 31)),
        ("Africa/Monrovia", date(1970, 1, 1)),
    ] {
        let calendar = calendar(office(zone));
        let _ = (calendar.day(date), calendar.is_holiday(date), calendar.next_month_start(date));
        assert!(quarters_of(&calendar, date).len() <= 100);
    }
    let calendar = calendar(office("UTC"));
    assert!(!calendar.is_open(u64::MAX));
    assert_eq!(calendar.date_of(u64::MAX), None);
}
