//! Pictures, read back as XML.

use std::collections::BTreeSet;

use super::*;

fn band(mean: f64) -> Band {
    Band { lower: mean * 0.85, mean, upper: mean * 1.2 }
}

/// Two weeks about a month's start, and two busy days of it.
fn plot() -> Plot {
    let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let day = |number: u32| {
        let (label, mean) = match number {
            8 => ("month start", 1_893.0),
            9 => ("2nd business day", 1_412.0),
            5 | 6 | 12 | 13 => ("", 121.0),
            _ => ("", 1_020.0 + 13.0 * f64::from(number)),
        };
        Day {
            date: format!("2026-06-{:02}", number + 1),
            weekday: weekdays[number as usize % 7].to_owned(),
            label: label.to_owned(),
            stands_out: label == "month start",
            expected: band(mean),
        }
    };
    let slot = |quarter: u32, height: f64| {
        let hump = |middle: f64| (-((f64::from(quarter) - middle) / 6.0).powi(2)).exp();
        let mean = height * (0.15 + hump(14.0) + 0.7 * hump(32.0));
        Slot {
            starts: format!("{:02}:{:02}", 7 + quarter / 4, quarter % 4 * 15),
            expected: band(mean),
            agents: (0..).find(|agents| *agents as f64 >= 2.0 + mean / 4.0 + mean.sqrt() / 2.0),
        }
    };
    let busy = |title: &str, height| BusyDay {
        title: title.to_owned(),
        slots: (0..52).map(|quarter| slot(quarter, height)).collect(),
    };
    Plot {
        title: "billing: the next two weeks".to_owned(),
        subtitle: "Learned from 182 days with 6 month starts, until 2026-05-31; Europe/Vienna".to_owned(),
        band_percent: 90,
        days: (0..14).map(day).collect(),
        busiest: vec![busy("Tue 2026-06-09, month start", 75.0), busy("Wed 2026-06-10, 2nd business day", 51.0)],
        slot_minutes: 15,
    }
}

/// The texts of a picture, which has to be well-formed, in their order.
fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let named = |name: &str| {
        document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name))).count()
    };
    assert_eq!([named("script"), named("style"), named("image"), named("foreignObject")], [0; 4]);
    document.descendants().filter(|node| node.is_text()).filter_map(|node| node.text()).map(str::to_owned).collect()
}

fn has(svg: &str, text: &str) -> bool {
    texts(svg).iter().any(|known| known == text)
}

#[test]
fn a_forecast_shows_its_days_and_its_busiest_quarters() {
    let plot = plot();
    let svg = draw(&plot);
    for day in &plot.days {
        assert!(has(&svg, &day.date) && has(&svg, &day.weekday), "{}", day.date);
    }
    for text in [
        "billing: the next two weeks",
        "Contacts expected a day, from 2026-06-01 until 2026-06-14; most on 2026-06-09: 1,893, 1,609 to 2,272. \
         Tue 2026-06-09, month start, by 15 minutes; most agents at 10:30: 29. \
         Wed 2026-06-10, 2nd business day, by 15 minutes; most agents at 10:15: 21.",
        "Tue 2026-06-09 month start: 1,893, 1,609 to 2,272",
        "month",
        "start",
        "2nd",
        "business",
        "day",
        "1,893",
        "contacts a day",
        "contacts in 15 min",
        "agents",
        "agents required",
        "90 of 100 such days",
        "Wed 2026-06-10, 2nd business day",
        "07:00",
        "08:00",
        "19:00",
    ] {
        assert!(has(&svg, text), "{text}: {:?}", texts(&svg));
    }
    assert!(!has(&svg, "07:15"), "only hours are written");
    assert_eq!(draw(&plot), svg, "the same plot gives the same bytes");
}

#[test]
fn bars_are_as_high_as_what_is_expected() {
    let day = |mean| Day { expected: Band { lower: mean, mean, upper: mean }, ..Day::default() };
    let svg = draw(&Plot { days: vec![day(100.0), day(25.0), day(0.0)], ..Plot::default() });
    let document = roxmltree::Document::parse(&svg).unwrap();
    let filled = document.descendants().filter(|node| node.has_tag_name("rect") || node.tag_name().name() == "rect");
    let bars = filled
        .filter(|node| node.attribute("fill") == Some(PALE) && node.parent_element().unwrap().tag_name().name() == "g");
    let heights: Vec<&str> = bars.map(|node| node.attribute("height").unwrap()).collect();
    assert_eq!(heights, ["230.0", "57.5", "0.0"]);
}

#[test]
fn without_data_it_says_so() {
    for days in [Plot { days: vec![], ..plot() }, Plot::default()] {
        let svg = draw(&days);
        assert!(has(&svg, "No data") && has(&svg, "There is no data.") && !has(&svg, "agents"));
    }
    let svg = draw(&Plot { busiest: vec![BusyDay::default()], ..plot() });
    assert!(!has(&svg, "No data") && !has(&svg, "contacts in 15 min"), "a day without slots is left out");
}

#[test]
fn what_is_unknown_leaves_a_gap() {
    let mut plot = plot();
    plot.days[3].expected.mean = f64::NAN;
    plot.busiest.truncate(1);
    let paths = |plot: &Plot| draw(plot).matches("<path").count();
    assert_eq!(paths(&plot), 3);
    plot.busiest[0].slots[10].expected.upper = f64::INFINITY;
    assert_eq!(paths(&plot), 5, "the band and the line are in two parts");
    plot.busiest[0].slots[20].agents = None;
    assert_eq!(paths(&plot), 6, "and so are the steps");
    let svg = draw(&plot);
    let starts: BTreeSet<&str> = svg.split("<path d=\"").skip(1).filter_map(|path| path.split('L').next()).collect();
    assert_eq!(starts.len(), 6, "each part begins where it should");
    plot.busiest[0].slots.iter_mut().for_each(|slot| slot.agents = None);
    let svg = draw(&plot);
    assert!(has(&svg, "Thu 2026-06-04: unknown") && !has(&svg, "agents"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn texts_cannot_leave_their_place() {
    let nasty = "</text><script>alert('&\"')</script>\u{1}\u{ffff}";
    let mut plot = plot();
    plot.title = nasty.to_owned();
    plot.subtitle = nasty.to_owned();
    plot.busiest[0].title = nasty.to_owned();
    plot.busiest[0].slots[0].starts = format!("{nasty}:00");
    plot.days[0] =
        Day { date: nasty.to_owned(), weekday: nasty.to_owned(), label: nasty.to_owned(), ..plot.days[0].clone() };
    let told = nasty.replace(['\u{1}', '\u{ffff}'], "\u{fffd}");
    assert_eq!(texts(&draw(&plot)).iter().filter(|text| text.contains(&told)).count(), 9);
}

#[test]
fn a_long_row_of_days_names_some_of_them() {
    let plot = plot();
    let days: Vec<Day> = plot.days.iter().cycle().take(60).cloned().collect();
    let svg = draw(&Plot { days, ..plot });
    assert_eq!(texts(&svg).iter().filter(|text| text.starts_with("2026-06-")).count(), 12);
    assert_eq!(texts(&svg).iter().filter(|text| text.contains("2026-06-09 month start")).count(), 4, "all are told of");
}

#[test]
fn axes_have_round_numbers() {
    for (largest, is_whole, expected) in [
        (0.0, false, "0 1"),
        (1.0, true, "0 1"),
        (3.0, true, "0 1 2 3"),
        (9.0, true, "0 2 4 6 8 10"),
        (34.0, true, "0 10 20 30 40"),
        (100.0, false, "0 20 40 60 80 100"),
        (2_272.0, false, "0 500 1,000 1,500 2,000 2,500"),
        (0.9, false, "0 0.2 0.4 0.6 0.8 1"),
        (1e6, false, "0 200,000 400,000 600,000 800,000 1,000,000"),
    ] {
        let ticks: Vec<String> = svg::Axis::up_to(largest, is_whole).ticks().map(grouped).collect();
        assert_eq!(ticks.join(" "), expected, "{largest}");
    }
    assert_eq!([0.04, 9.94, 9.96, 999.6, 1_234_567.0].map(grouped), ["0.0", "9.9", "10", "1,000", "1,234,567"]);
    assert_eq!(svg::shortened("month start", 11.0), "month start");
    assert_eq!(svg::shortened("month start", 6.5), "month…");
    assert_eq!(svg::shortened("month start", 0.0), "…");
    for (text, letters, lines) in [
        ("", 10.0, ""),
        ("month start", 11.0, "month start"),
        ("month start", 10.4, "month|start"),
        ("2nd business day", 10.4, "2nd|business|day"),
        ("Weihnachtsfeiertag", 10.4, "Weihnacht…"),
        ("day of all saints and of all souls", 6.5, "day of|all|saint…"),
    ] {
        assert_eq!(svg::in_lines(text, letters).join("|"), lines);
    }
}
