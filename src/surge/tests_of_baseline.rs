use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::surge::calendar::CalendarSpec;
use crate::surge::sample::{Queue, calendar, cell, day, hours, office};

const MANY: f64 = 1000.0;

fn learn(counts: &Counts, queue: &Queue, through: i64) -> Baseline {
    Baseline::learn(counts, &queue.calendar, day(through), &Parameters::default())
}

/// Whether it is within so many parts in a hundred.
fn is_near(found: f64, wanted: f64, percent: f64) -> bool {
    (found / wanted - 1.0).abs() * 100.0 <= percent
}

#[track_caller]
fn check(found: f64, wanted: f64, percent: f64) {
    assert!(is_near(found, wanted, percent), "{found:.1} is not within {percent} % of {wanted:.1}");
}

/// A made-up office.
fn office_queue(seed: u64) -> Queue {
    Queue::new(office("Europe/Berlin"), seed)
}

/// 1,000 a day, 20 % more on Mondays, and 50 % more on month starts.
fn usual(calendar: &BusinessCalendar, date: Date) -> f64 {
    let day = calendar.day(date);
    let start = if day.business_day == Some(1) { 1.5 } else { 1.0 };
    match day.weekday {
        0 => 1.2 * MANY * start,
        5 | 6 => 0.0,
        _ => MANY * start,
    }
}

fn usual_counts(queue: &mut Queue, days: std::ops::Range<i64>) -> Counts {
    let calendar = queue.calendar.clone();
    queue.counts(days, |date| usual(&calendar, date))
}

#[test]
fn weekdays_and_month_starts_are_learned_and_shrunk() {
    let mut queue = office_queue(1);
    let counts = usual_counts(&mut queue, 0..400);
    // Both of the next ones are Mondays.
    let table = [(50, 1, 1250.0..1700.0, Some(Thin::FewMonthStarts)), (386, 12, 1650.0..1850.0, None)];
    for (through, month_starts, range, thin) in table {
        let baseline = learn(&counts, &queue, through);
        let start = queue.calendar.next_month_start(day(through)).unwrap();
        let forecast = baseline.forecast(start);
        assert_eq!(forecast.day.business_day, Some(1));
        let as_ordinary = if forecast.day.weekday == 0 { 1.2 * MANY } else { MANY };
        check(forecast.ordinary, as_ordinary, 6.0);
        assert!(range.contains(&forecast.expected), "{through}: {}", forecast.expected);
        assert_eq!(baseline.standing().month_starts, month_starts);
        assert_eq!(forecast.thin, thin, "{through}");
    }
    let baseline = learn(&counts, &queue, 386);
    let next = |weekday: usize| (394..401).map(day).find(|date| queue.calendar.day(*date).weekday == weekday).unwrap();
    check(baseline.forecast(next(0)).expected, 1.2 * MANY, 5.0);
    check(baseline.forecast(next(2)).expected, MANY, 5.0);
    assert!(baseline.forecast(next(6)).expected < 1.0);
    assert!(baseline.forecast(day(387)).variance < 0.01);
}

#[test]
fn what_is_rarely_seen_is_believed_half() {
    let mut spec = office("Europe/Berlin");
    spec.special.insert("campaign".to_owned(), [day(100), day(150)].into());
    let mut queue = Queue::new(spec, 2);
    let counts = queue.counts(0..140, |date| if date == day(100) { 2.0 * MANY } else { MANY });
    let forecast = learn(&counts, &queue, 140).forecast(day(150));
    assert!((1.05 * MANY..1.7 * MANY).contains(&forecast.expected), "{}", forecast.expected);
}

#[test]
fn a_new_level_is_taken_up_in_days() {
    let mut queue = office_queue(3);
    let counts = queue.counts(0..300, |date| if date < day(203) { MANY } else { 1.6 * MANY });
    // Day 203 is a Monday.
    check(learn(&counts, &queue, 199).forecast(day(203)).expected, MANY, 5.0);
    check(learn(&counts, &queue, 207).forecast(day(210)).expected, 1.6 * MANY, 10.0);
}

/// What happens on Wednesday, day 142, and how far Thursday's forecast may be moved by it in percent.
#[test]
fn what_is_not_usual_does_not_spoil_the_usual() {
    let mut queue = office_queue(4);
    let undisturbed = queue.cells(0..160, |_| MANY);
    let at = |days: i64, hour: u32| cell(&queue.calendar, day(days), hour, 0);
    let without = |from: u32, to: u32| -> Counts {
        let kept = undisturbed.iter().filter(|(cell, _)| !(from..to).contains(cell));
        kept.collect::<crate::surge::Cells>().quarters()
    };
    let with = |from: u32, to: u32, times: u64| -> Counts {
        let more = undisturbed
            .iter()
            .map(|(cell, count)| (cell, if (from..to).contains(&cell) { count * times } else { count }));
        more.collect::<crate::surge::Cells>().quarters()
    };
    let table = [
        ("a surge of two hours", with(at(142, 10), at(142, 12), 5), 5.0),
        ("a huge surge", with(at(142, 10), at(142, 11), 1000), 3.0),
        ("a burst of five minutes", with(at(142, 10), at(142, 10) + 1, 20), 2.5),
        ("a silence of three hours", without(at(142, 9), at(142, 12)), 3.0),
        ("a day cut short", without(at(142, 13), at(143, 0)), 4.0),
        ("a day without a record", without(at(142, 0), at(143, 0)), 2.5),
        ("a week without a record", without(at(136, 0), at(143, 0)), 6.0),
        ("a day of ten times as many", with(at(142, 0), at(143, 0), 10), 4.0),
    ];
    let before = learn(&undisturbed.quarters(), &queue, 142).forecast(day(143));
    for (what, counts, percent) in table {
        let after = learn(&counts, &queue, 142).forecast(day(143));
        assert!(is_near(after.expected, before.expected, percent), "{what}: {} -> {}", before.expected, after.expected);
        for (one, other) in before.slots.iter().zip(&after.slots).filter(|(slot, _)| slot.is_open) {
            assert!(is_near(other.mean, one.mean, 15.0), "{what}: {one:?} -> {other:?}");
        }
    }
}

#[test]
fn missing_days_make_it_less_sure() {
    let mut queue = office_queue(5);
    let counts = queue.counts(0..100, |_| MANY);
    let variance = |through| learn(&counts, &queue, through).forecast(day(through + 1)).variance;
    assert!(variance(99) < variance(104) && variance(104) < variance(112));
    assert_eq!(learn(&counts, &queue, 99).standing().days, 100);
    assert_eq!(learn(&counts, &queue, 111).standing().days, 104, "Saturdays and Sundays are closed, not missing");
}

/// Day 140 is a Monday.
#[test]
fn a_queue_that_has_ended_is_expected_no_more_and_comes_back_at_once() {
    let mut queue = office_queue(13);
    let mut counts = queue.counts(0..140, |_| MANY);
    for (quarter, count) in queue.counts(224..300, |_| 1.5 * MANY).iter() {
        counts.add(quarter, count);
    }
    // On the second Friday without anybody it is ten open days.
    let expected = |through: i64| learn(&counts, &queue, through).forecast(day(through + 3)).expected;
    check(learn(&counts, &queue, 150).forecast(day(151)).expected, MANY, 10.0);
    for through in [151, 165, 221] {
        assert!(expected(through) < 1.0, "{through}: {}", expected(through));
    }
    let back = |through: i64| learn(&counts, &queue, through).forecast(day(through + 1));
    assert_eq!(back(224).thin, Some(Thin::FewDays), "one day says little");
    assert!(back(224).total.lower > 300.0, "{:?}", back(224).total);
    check(back(227).expected, 1.5 * MANY, 12.0);
    assert_eq!(back(231).thin, None);
    // Nor do quiet days on which it is open as well keep one alive that has ended.
    let spec = CalendarSpec::around_the_clock(jiff::tz::TimeZone::UTC, [true, true, true, true, true, false, false]);
    let mut always = Queue::new(spec, 14);
    let is_weekday = |date: Date| date.weekday().to_monday_zero_offset() < 5;
    let counts = always.counts(0..140, |date| if is_weekday(date) { 60.0 } else { 0.5 });
    let expected = |through: i64| learn(&counts, &always, through).forecast(day(through + 3)).expected;
    check(learn(&counts, &always, 143).forecast(day(144)).expected, 60.0, 25.0);
    assert!(expected(158) < 8.0, "{}", expected(158));
    // A trickle is no more than nobody.
    let mut trickle = queue.counts(0..140, |_| MANY);
    for (quarter, count) in queue.counts(140..240, |_| 3.0).iter() {
        trickle.add(quarter, count);
    }
    let expected = learn(&trickle, &queue, 235).forecast(day(238)).expected;
    assert!(expected < 8.0, "{expected}");
}

#[test]
fn days_on_which_clocks_change_have_what_their_quarters_have() {
    let mut spec = CalendarSpec::around_the_clock(jiff::tz::TimeZone::get("Europe/Berlin").unwrap(), [true; 7]);
    spec.business_week = [true; 7];
    let mut queue = Queue::new(spec, 6);
    queue.is_exact = true;
    // 960 quarters hold ten days; each has twelve.
    let counts = queue.counts(0..320, |date| match date {
        date if date == self::date(2025, 3, 30) => 12.0 * 92.0,
        date if date == self::date(2025, 10, 26) => 12.0 * 100.0,
        _ => 12.0 * 96.0,
    });
    for (date, quarters) in [(date(2025, 3, 30), 92), (date(2025, 10, 26), 100), (date(2025, 11, 2), 96)] {
        let eve = date.yesterday().unwrap();
        for through in [eve, date] {
            let baseline = Baseline::learn(&counts, &queue.calendar, through, &Parameters::default());
            let forecast = baseline.forecast(date);
            assert_eq!(forecast.slots.len(), quarters);
            check(forecast.expected, 12.0 * quarters as f64, 1.0);
            let sum: f64 = forecast.slots.iter().map(|slot| slot.mean).sum();
            check(sum, forecast.expected, 0.001);
            assert!(forecast.slots.iter().all(|slot| is_near(slot.mean, 12.0, 3.0)), "{date}");
            check(baseline.forecast(date.tomorrow().unwrap()).expected, 12.0 * 96.0, 1.0);
        }
    }
}

#[test]
fn a_queue_that_opens_late_in_the_year_is_not_empty_before() {
    let mut queue = office_queue(7);
    let counts = usual_counts(&mut queue, 301..341);
    let baseline = learn(&counts, &queue, 340);
    assert_eq!(baseline.standing().days, 40);
    check(baseline.forecast(day(345)).expected, MANY, 8.0);
}

#[test]
fn the_first_day_may_begin_late() {
    let mut queue = office_queue(8);
    let mut counts = queue.counts(0..20, |_| MANY);
    counts.forget_before(cell(&queue.calendar, day(0), 13, 0) / 3);
    check(learn(&counts, &queue, 0).forecast(day(1)).expected, MANY, 15.0);
    check(learn(&counts, &queue, 18).forecast(day(21)).expected, MANY, 8.0);
}

#[test]
fn one_day_says_little() {
    let mut queue = office_queue(9);
    let counts = queue.counts(0..1, |_| MANY);
    let baseline = learn(&counts, &queue, 0);
    let forecast = baseline.forecast(day(1));
    check(forecast.expected, MANY, 20.0);
    assert!(forecast.total.lower < 0.7 * MANY && forecast.total.upper > 1.5 * MANY, "{:?}", forecast.total);
    assert_eq!((forecast.thin, baseline.standing().thin), (Some(Thin::FewDays), Some(Thin::FewDays)));
    let nothing = learn(&Counts::default(), &queue, 0);
    assert_eq!(nothing.standing(), Standing { thin: Some(Thin::NoData), ..Standing::default() });
    assert_eq!((nothing.forecast(day(1)).expected, nothing.forecast(day(1)).slots.len()), (0.0, 96));
    assert_eq!(learn(&counts, &queue, -1), learn(&Counts::default(), &queue, -1), "nothing is known of tomorrow");
}

#[test]
fn hours_that_change_are_taken_up_in_days() {
    // From day 140 on, a Monday, it is open until 20 in truth; the calendar says 8 to 20 of all time.
    let mut spec = office("Europe/Berlin");
    let mut early = Queue::new(spec.clone(), 10);
    let mut counts = early.counts(0..140, |_| MANY);
    spec.week = std::array::from_fn(|weekday| if weekday < 5 { hours(8, 20) } else { Vec::new() });
    let mut late = Queue::new(spec, 11);
    counts += &late.counts(140..160, |_| 1.2 * MANY);
    let evening = |through: i64| -> f64 {
        let forecast = learn(&counts, &late, through).forecast(day(through + 1));
        forecast.slots[18 * 4..20 * 4].iter().map(|slot| slot.mean).sum()
    };
    assert!(evening(140) < 60.0, "{}", evening(140));
    check(evening(142), 0.2 * MANY, 25.0);
    check(evening(150), 0.2 * MANY, 15.0);
}

#[test]
fn hours_that_end_early_are_no_silence_for_long() {
    let mut queue = office_queue(18);
    let cells = queue.cells(0..160, |_| MANY);
    let is_over = |cell: u32| cell >= self::cell(&queue.calendar, day(140), 0, 0) && cell % 288 >= 12 * 12;
    let counts = cells.iter().filter(|(cell, _)| !is_over(*cell)).collect::<crate::surge::Cells>().quarters();
    let afternoon = |through: i64| -> f64 {
        let forecast = learn(&counts, &queue, through).forecast(day(through + 1));
        forecast.slots[14 * 4..18 * 4].iter().map(|slot| slot.mean).sum()
    };
    check(afternoon(141), 0.4 * MANY, 10.0);
    assert!(afternoon(142) < 0.03 * MANY, "{}", afternoon(142));
    check(learn(&counts, &queue, 155).forecast(day(156)).expected, 0.6 * MANY, 10.0);
}

#[test]
fn short_and_closed_days_are_like_their_like() {
    let mut spec = office("Europe/Berlin");
    let short = hours(8, 12);
    spec.week[4] = short.clone();
    spec.days.insert(day(121), short.clone());
    spec.days.insert(day(122), Vec::new());
    spec.days.insert(day(123), hours(10, 14));
    let mut queue = Queue::new(spec, 12);
    let calendar = queue.calendar.clone();
    let counts = queue.counts(0..120, |date| match calendar.day(date).kind {
        Kind::Working => MANY,
        Kind::Short => 0.5 * MANY,
        Kind::Closed => 0.0,
    });
    let baseline = learn(&counts, &queue, 119);
    check(baseline.forecast(day(121)).expected, 0.5 * MANY, 8.0);
    assert!(baseline.forecast(day(122)).expected < 2.0);
    let other_hours = baseline.forecast(day(123));
    check(other_hours.expected, 0.5 * MANY, 8.0);
    let of_open: f64 = other_hours.slots.iter().filter(|slot| slot.is_open).map(|slot| slot.mean).sum();
    check(of_open, other_hours.expected, 5.0);
}

#[test]
fn a_large_centre_is_closed_on_sundays() {
    let mut queue = office_queue(13);
    queue.is_exact = true;
    let calendar = queue.calendar.clone();
    let counts = queue.counts(0..60, |date| if calendar.day(date).kind == Kind::Closed { 0.0 } else { 1000.0 * MANY });
    let baseline = learn(&counts, &queue, 59);
    let sunday = (60..67).map(day).find(|date| calendar.day(*date).weekday == 6).unwrap();
    assert!(baseline.forecast(sunday).expected < 100.0, "{}", baseline.forecast(sunday).expected);
    assert_eq!(baseline.standing().days, 60);
}

#[test]
fn a_holiday_that_never_opens_is_like_no_day_that_does() {
    // Open on Saturdays and Sundays, too, when no business is done.
    let mut spec = office("Europe/Berlin");
    (spec.week[5], spec.week[6]) = (hours(8, 18), hours(8, 18));
    for holiday in [30, 60, 90, 121] {
        spec.days.insert(day(holiday), Vec::new());
    }
    spec.days.insert(day(122), hours(8, 18));
    spec.holidays.insert(day(122));
    let mut queue = Queue::new(spec, 17);
    let calendar = queue.calendar.clone();
    let counts = queue.counts(0..120, |date| match calendar.day(date) {
        day if day.opening.is_empty() => 0.0,
        day if day.kind == Kind::Closed => 0.4 * MANY,
        _ => MANY,
    });
    let baseline = learn(&counts, &queue, 119);
    assert_eq!((calendar.day(day(121)).like_weekdays, calendar.day(day(122)).like_weekdays), (0, 3 << 5));
    assert!(baseline.forecast(day(121)).expected < 3.0, "{}", baseline.forecast(day(121)).expected);
    check(baseline.forecast(day(122)).expected, 0.4 * MANY, 8.0);
}

/// Means of Poisson counts, and exponentials of the means of ln(count + 1/2), summed from the definition.
#[test]
fn a_count_is_found_from_its_logarithm() {
    for (mean, log_count) in [(0.0, 0.5), (0.5, 0.810), (1.0, 1.183), (3.0, 3.033), (10.0, 10.02), (1000.0, 1000.0)] {
        let found = count_of(f64::ln(log_count));
        assert!((found - mean).abs() <= 0.11 * mean + 1e-9, "{found} is not {mean}");
    }
}

#[test]
fn absurd_counts_and_dates_are_borne() {
    let queue = office_queue(14);
    let mut counts = Counts::default();
    for quarter in [0, 1, 2_000_000, 1_930_000, u32::MAX - 1, u32::MAX] {
        counts.add(quarter, u64::MAX);
    }
    for through in [Date::MIN, date(1970, 1, 1), day(3), day(700), date(2027, 3, 1), date(9999, 12, 30), Date::MAX] {
        let baseline = Baseline::learn(&counts, &queue.calendar, through, &Parameters::default());
        for date in [Date::MIN, through, day(0), Date::MAX] {
            let forecast = baseline.forecast(date);
            let numbers =
                [forecast.expected, forecast.ordinary, forecast.total.upper, forecast.variance, forecast.busy_hour];
            assert!(numbers.iter().all(|number| number.is_finite()), "{through} {date}: {numbers:?}");
            assert!(forecast.slots.len() <= 100);
        }
        assert!(baseline.standing().days <= MOST_DAYS);
    }
}

#[test]
fn only_so_many_days_are_learned_from() {
    let mut queue = office_queue(15);
    let counts = usual_counts(&mut queue, 0..500);
    let baseline = learn(&counts, &queue, 499);
    let mut recent = counts.clone();
    recent.forget_before(cell(&queue.calendar, day(100), 0, 0) / 3);
    assert_eq!(baseline.standing().days, MOST_DAYS);
    assert_eq!(baseline.standing(), learn(&recent, &queue, 499).standing());
    check(baseline.forecast(day(500)).expected, learn(&recent, &queue, 499).forecast(day(500)).expected, 0.01);
}

#[test]
fn odd_zones_are_borne() {
    for zone in ["Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Monrovia", "Pacific/Apia", "America/St_Johns"] {
        let mut queue = Queue::new(office(zone), 16);
        let counts = queue.counts(80..120, |_| MANY);
        check(learn(&counts, &queue, 119).forecast(day(121)).expected, MANY, 8.0);
    }
    let skipped = calendar(office("Pacific/Apia"));
    let forecast = Baseline::learn(&Counts::default(), &skipped, date(2011, 12, 29), &Parameters::default());
    assert_eq!(forecast.forecast(date(2011, 12, 30)).slots.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn partitions_add_up_to_the_same(seed in any::<u64>(), days in 1_i64..60, total in 1.0..500.0) {
        let mut queue = office_queue(seed);
        let mut one = queue.counts(0..days, |_| total);
        let other = queue.counts(0..days, |_| total / 2.0);
        let mut whole = other.clone();
        whole += &one;
        one += &other;
        prop_assert_eq!(learn(&one, &queue, days), learn(&whole, &queue, days));
    }

    #[test]
    fn any_counts_can_be_learned(
        counts in prop::collection::vec((0_u32..96 * 60, 0_u64..2000), 0..400),
        through in 0_i64..70,
    ) {
        let queue = office_queue(0);
        let first = cell(&queue.calendar, day(0), 0, 0) / 3;
        let counts: Counts = counts.into_iter().map(|(quarter, count)| (first + quarter, count)).collect();
        let forecast = learn(&counts, &queue, through).forecast(day(through + 1));
        prop_assert!(forecast.expected.is_finite() && forecast.expected >= 0.0);
        prop_assert!(forecast.variance > 0.0);
        prop_assert!(forecast.total.lower <= forecast.total.mean && forecast.total.mean <= forecast.total.upper);
        for slot in &forecast.slots {
            prop_assert!(0.0 <= slot.lower && slot.lower <= slot.mean && slot.mean <= slot.upper);
        }
    }
}
