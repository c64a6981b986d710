//! A forecast as a picture: what is expected of each day, and of the busiest days by the quarter of an hour, with the
//! agents that it takes.
//!
//! One SVG on white, for a browser as for a printer: no scripts, no styles that a page's policy would refuse, no fonts
//! from elsewhere. The same plot gives the same bytes. It decides nothing: which days, which band, and how many agents
//! are the caller's. Numbers that are none, or negative, are left out.

mod slots;
mod svg;

use self::svg::{Axis, Frame, Picture, grouped};

/// What is drawn.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plot {
    /// The heading, such as the name of a queue.
    pub title: String,
    /// A line below it: when this was computed, and from what. Empty for none.
    pub subtitle: String,
    /// How many of a hundred cases the bands hold.
    pub band_percent: u8,
    /// Days in their order; some two weeks are easiest to read. With none there is no data, and the picture says so.
    pub days: Vec<Day>,
    /// The busiest of them, each by slots, drawn below one another.
    pub busiest: Vec<BusyDay>,
    /// How long a slot is.
    pub slot_minutes: u32,
}

/// A number that is expected, and between which it lies most likely.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Band {
    /// The lower end.
    pub lower: f64,
    /// What is expected.
    pub mean: f64,
    /// The upper end.
    pub upper: f64,
}

/// One day.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Day {
    /// Such as `2026-06-01`.
    pub date: String,
    /// Such as `Mon`.
    pub weekday: String,
    /// What kind of business day it is, such as `month start` or `holiday`; empty for an ordinary one.
    pub label: String,
    /// Whether it is drawn darker, as month starts are.
    pub stands_out: bool,
    /// Contacts of the whole day.
    pub expected: Band,
}

/// One day by slots.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BusyDay {
    /// Its heading, such as `Mon 2026-06-01, month start`.
    pub title: String,
    /// Slots in their order, without gaps.
    pub slots: Vec<Slot>,
}

/// One slot of a day.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Slot {
    /// The local time at which it begins, such as `09:15`. Whole hours are written below the axis.
    pub starts: String,
    /// Contacts that come in it.
    pub expected: Band,
    /// Agents that have to be there; none where that is unknown.
    pub agents: Option<u64>,
}

impl Band {
    /// Whether it can be drawn.
    fn is_number(&self) -> bool {
        [self.lower, self.mean, self.upper].iter().all(|end| end.is_finite() && *end >= 0.0)
    }

    fn words(&self) -> String {
        if !self.is_number() {
            return "unknown".to_owned();
        }
        format!("{}, {} to {}", grouped(self.mean), grouped(self.lower), grouped(self.upper))
    }
}

impl Day {
    fn words(&self) -> String {
        let names = [&self.weekday, &self.date, &self.label].into_iter().filter(|name| !name.is_empty());
        let names: Vec<&str> = names.map(String::as_str).collect();
        format!("{}: {}", names.join(" "), self.expected.words())
    }
}

const WIDTH: f64 = 1_200.0;
const MARGIN: f64 = 96.0;
/// Where the first panel's frame begins, and how high the frames are.
const FIRST_TOP: f64 = 132.0;
const DAYS_HEIGHT: f64 = 230.0;
const SLOTS_HEIGHT: f64 = 190.0;
/// From the bottom of the days' frame to the next one's top, and from the other frames' bottoms.
const BELOW_DAYS: f64 = 144.0;
const BETWEEN: f64 = 100.0;
/// So wide is a date, with some room.
const DATE_WIDTH: f64 = 71.0;
/// So wide is a letter of a day's label.
const LABEL_LETTER: f64 = 7.2;
/// Below the last frame.
const FOOT: f64 = 44.0;

/// The colours tell apart in print and to eyes that see no red or no green (M. Okabe and K. Ito, 2008).
const PALE: &str = "#8cc1e3";
const BLUE: &str = "#0072b2";
const ORANGE: &str = "#b84a00";
const INK: &str = "#222222";
const GREY: &str = "#555555";

/// Draws it: one SVG document, 1,200 wide, and as high as it has to be.
pub fn draw(plot: &Plot) -> String {
    let busiest = plot.busiest.iter().filter(|day| !plot.days.is_empty() && !day.slots.is_empty());
    let busiest: Vec<&BusyDay> = busiest.collect();
    let height =
        FIRST_TOP + DAYS_HEIGHT + BELOW_DAYS + busiest.len() as f64 * (SLOTS_HEIGHT + BETWEEN) - BETWEEN + FOOT;
    let mut picture = Picture::new(WIDTH, height, &plot.title, &description(plot, &busiest));
    picture.text(
        (MARGIN, 38.0),
        &format!(r#"font-size="22" font-weight="600" fill="{INK}""#),
        &svg::shortened(&plot.title, 76.0),
    );
    picture.text((MARGIN, 60.0), &format!(r#"font-size="13" fill="{GREY}""#), &svg::shortened(&plot.subtitle, 136.0));
    let frame = Frame { left: MARGIN, right: WIDTH - MARGIN, top: FIRST_TOP, bottom: FIRST_TOP + DAYS_HEIGHT };
    if plot.days.is_empty() {
        draw_nothing(&mut picture, &frame);
        return picture.finish();
    }
    draw_days(&mut picture, &frame, plot);
    let mut top = frame.bottom + BELOW_DAYS;
    for day in busiest {
        slots::draw(&mut picture, &Frame { top, bottom: top + SLOTS_HEIGHT, ..frame }, plot, day);
        top += SLOTS_HEIGHT + BETWEEN;
    }
    picture.finish()
}

/// The picture in words, for those who do not see it.
fn description(plot: &Plot, busiest: &[&BusyDay]) -> String {
    let (Some(first), Some(last)) = (plot.days.first(), plot.days.last()) else {
        return "There is no data.".to_owned();
    };
    let mut words = format!("Contacts expected a day, from {} until {}", first.date, last.date);
    let known = plot.days.iter().filter(|day| day.expected.is_number());
    if let Some(most) = known.max_by(|one, other| one.expected.mean.total_cmp(&other.expected.mean)) {
        words.push_str(&format!("; most on {}: {}", most.date, most.expected.words()));
    }
    words.push('.');
    for day in busiest {
        words.push_str(&format!(" {}, by {} minutes", day.title, plot.slot_minutes));
        // The first of several.
        let most = day.slots.iter().rev().filter(|slot| slot.agents.is_some()).max_by_key(|slot| slot.agents);
        if let Some(Slot { starts, agents: Some(agents), .. }) = most {
            words.push_str(&format!("; most agents at {starts}: {agents}"));
        }
        words.push('.');
    }
    words
}

fn draw_nothing(picture: &mut Picture, frame: &Frame) {
    picture.outline(frame);
    let middle = (f64::midpoint(frame.left, frame.right), f64::midpoint(frame.top, frame.bottom));
    picture.text(middle, &format!(r#"font-size="20" text-anchor="middle" fill="{GREY}""#), "No data");
    let below = (middle.0, middle.1 + 24.0);
    let style = format!(r#"font-size="13" text-anchor="middle" fill="{GREY}""#);
    picture.text(below, &style, "Nothing is known of the days to come yet.");
}

/// A bar a day, with its band as a whisker.
fn draw_days(picture: &mut Picture, frame: &Frame, plot: &Plot) {
    picture.heading(frame, "Contacts expected a day");
    let band = format!("{} of 100 such days", plot.band_percent);
    let darker = plot.days.iter().any(|day| day.stands_out);
    let mut legend = vec![(svg::Mark::Box(PALE), "expected"), (svg::Mark::Whisker(INK), band.as_str())];
    if darker {
        legend.insert(1, (svg::Mark::Box(BLUE), "expected, month start"));
    }
    picture.legend(frame, &legend);
    let largest = plot.days.iter().filter(|day| day.expected.is_number()).map(|day| day.expected.upper);
    let axis = Axis::up_to(largest.fold(0.0, f64::max), false);
    picture.left_axis(frame, &axis, "contacts a day");
    let pitch = (frame.right - frame.left) / plot.days.len() as f64;
    // Of a long row, only some are written.
    let every = (1_usize..).find(|every| pitch * *every as f64 >= DATE_WIDTH).unwrap_or(1);
    for (number, day) in plot.days.iter().enumerate() {
        let middle = frame.left + pitch * (number as f64 + 0.5);
        picture.open_group(&day.words());
        if day.expected.is_number() {
            draw_bar(picture, frame, &axis, (middle, pitch), day, every == 1);
        }
        if number.is_multiple_of(every) {
            let style =
                |fill, weight| format!(r#"font-size="11.5" text-anchor="middle" fill="{fill}" font-weight="{weight}""#);
            picture.text((middle, frame.bottom + 18.0), &style(INK, 600), &day.weekday);
            picture.text((middle, frame.bottom + 33.0), &style(GREY, 400), &day.date);
            let fits = pitch * every as f64 / LABEL_LETTER;
            for (line, text) in svg::in_lines(&day.label, fits).iter().enumerate() {
                picture.text((middle, frame.bottom + 48.0 + 13.0 * line as f64), &style(BLUE, 600), text);
            }
        }
        picture.close_group();
    }
    picture.outline(frame);
}

fn draw_bar(picture: &mut Picture, frame: &Frame, axis: &Axis, (middle, pitch): (f64, f64), day: &Day, is_told: bool) {
    let [lower, mean, upper] =
        [day.expected.lower, day.expected.mean, day.expected.upper].map(|value| axis.place(frame, value));
    let half = (pitch * 0.34).min(30.0);
    let fill = if day.stands_out { BLUE } else { PALE };
    picture.area((middle - half, mean), (2.0 * half, frame.bottom - mean), &format!(r#"fill="{fill}""#));
    let ink = format!(r#"stroke="{INK}" stroke-width="1.5""#);
    let cap = half.min(7.0);
    picture.line((middle, lower), (middle, upper), &ink);
    picture.line((middle - cap, lower), (middle + cap, lower), &ink);
    picture.line((middle - cap, upper), (middle + cap, upper), &ink);
    if is_told {
        let style = format!(r#"font-size="12" text-anchor="middle" fill="{INK}""#);
        picture.text((middle, upper - 6.0), &style, &grouped(day.expected.mean));
    }
}

#[cfg(test)]
mod tests;
