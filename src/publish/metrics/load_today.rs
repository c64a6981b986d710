//! What is expected of today and of the next month start, what that is learned from, and what the calendar says of today.

use super::family::{Family, Samples, Scene, timestamp};
use super::load::{each, truth};
use crate::publish::snapshot::CalendarDay;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "holdline_surge_baseline_thin",
        "1 while too little is known of what is usual on ordinary working days, or on month starts; else 0. Whether that is so today tells holdline_surge_day_thin.",
        |scene, samples| each(scene, samples, |load| Some(truth(load.standing.thin.is_some()))),
    ),
    Family::gauge(
        "holdline_surge_baseline_dates",
        "Days, by their dates, that what is usual is learned from.",
        |scene, samples| {
            each(scene, samples, |load| Some(f64::from(load.standing.days)));
        },
    ),
    Family::gauge(
        "holdline_surge_baseline_month_starts",
        "First business days of a month among them.",
        |scene, samples| each(scene, samples, |load| Some(f64::from(load.standing.month_starts))),
    ),
    Family::gauge(
        "holdline_surge_baseline_timestamp_seconds",
        "When it was last learned what is usual, in seconds since 1970.",
        |scene, samples| scene.load().into_iter().for_each(|load| samples.add(&[], timestamp(load.learned_at))),
    ),
    Family::gauge(
        "holdline_surge_day_offered",
        "Contacts offered today so far, since local midnight.",
        |scene, samples| each(scene, samples, |load| Some(load.reading.offered_today as f64)),
    ),
    Family::gauge(
        "holdline_surge_day_expected",
        "Contacts expected today in all, as far as is known now: the mean, and the lower and upper end of a band that holds the true number in 90 of 100 cases.",
        today,
    ),
    Family::gauge(
        "holdline_surge_day_expected_at_midnight",
        "Contacts expected today in all, as it was known at midnight.",
        |scene, samples| each(scene, samples, |load| load.days.first().map(|day| day.total.mean)),
    ),
    Family::gauge(
        "holdline_month_start_expected_offered",
        "Contacts expected on the first business day of the next month start to come; absent where none is.",
        |scene, samples| {
            each(scene, samples, |load| load.month_start.as_ref().map(|day| day.total.mean));
        },
    ),
    Family::gauge(
        "holdline_calendar_business_day_of_month",
        "1 on the first business day of a month, 2 on the second, and so on; 0 on a day that is none.",
        |scene, samples| calendars(scene, samples, |day| Some(f64::from(day.business_day.unwrap_or(0)))),
    ),
    Family::gauge(
        "holdline_calendar_holiday",
        "1 on a weekday on which business is done but for a listed date, else 0.",
        |scene, samples| calendars(scene, samples, |day| Some(truth(day.is_holiday))),
    ),
    Family::gauge(
        "holdline_calendar_next_month_start_timestamp_seconds",
        "Midnight before the next first business day of a month, after today, in seconds since 1970.",
        |scene, samples| calendars(scene, samples, |day| day.next_month_start.map(timestamp)),
    ),
];

fn today(scene: &Scene<'_>, samples: &mut Samples<'_>) {
    for (queue, load) in scene.loads() {
        let band = load.reading.today;
        for (bound, value) in [("mean", band.mean), ("lower", band.lower), ("upper", band.upper)] {
            samples.add(&[("queue", queue), ("bound", bound)], value);
        }
    }
}

fn calendars(scene: &Scene<'_>, samples: &mut Samples<'_>, value: impl Fn(&CalendarDay) -> Option<f64>) {
    for (calendar, day) in scene.load().into_iter().flat_map(|load| &load.calendars) {
        if let Some(value) = value(day) {
            samples.add(&[("calendar", calendar)], value);
        }
    }
}
