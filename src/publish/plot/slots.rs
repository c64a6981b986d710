//! One busy day by slots: contacts as a line within a band, and agents as steps on an axis of their own.

use super::svg::{Axis, Frame, Mark, Picture, Place};
use super::{BLUE, BusyDay, GREY, ORANGE, PALE, Plot};

/// So wide is a time of day, with some room.
const TIME_WIDTH: f64 = 44.0;

/// Draws the panel. `day` has slots.
pub(super) fn draw(picture: &mut Picture, frame: &Frame, plot: &Plot, day: &BusyDay) {
    picture.heading(frame, &day.title);
    let band = format!("{} of 100 such days", plot.band_percent);
    let mut legend = vec![(Mark::Line(BLUE), "contacts expected"), (Mark::Box(PALE), band.as_str())];
    let knows_agents = day.slots.iter().any(|slot| slot.agents.is_some());
    if knows_agents {
        legend.push((Mark::Line(ORANGE), "agents required"));
    }
    picture.legend(frame, &legend);
    let known = day.slots.iter().map(|slot| slot.expected).filter(super::Band::is_number);
    let contacts = Axis::up_to(known.map(|expected| expected.upper).fold(0.0, f64::max), false);
    picture.left_axis(frame, &contacts, &format!("contacts in {} min", plot.slot_minutes));
    draw_contacts(picture, frame, &contacts, day);
    if knows_agents {
        let most = day.slots.iter().filter_map(|slot| slot.agents).max().unwrap_or(0);
        let agents = Axis::up_to(most as f64, true);
        picture.right_axis(frame, &agents, "agents", ORANGE);
        draw_agents(picture, frame, &agents, day);
    }
    draw_times(picture, frame, day);
    picture.outline(frame);
}

/// Where a slot begins; that after the last is where it ends.
fn begins(frame: &Frame, day: &BusyDay, slot: usize) -> f64 {
    frame.left + (frame.right - frame.left) * slot as f64 / day.slots.len() as f64
}

/// Through the middles of slots, in as many parts as there are gaps.
fn draw_contacts(picture: &mut Picture, frame: &Frame, axis: &Axis, day: &BusyDay) {
    let (mut lower, mut mean, mut upper) = (Vec::new(), Vec::new(), Vec::new());
    let mut end = |lower: &mut Vec<Place>, mean: &mut Vec<Place>, upper: &mut Vec<Place>| {
        upper.extend(lower.drain(..).rev());
        picture.path(upper, true, &format!(r#"fill="{PALE}" fill-opacity="0.5""#));
        picture.path(mean, false, &format!(r#"fill="none" stroke="{BLUE}" stroke-width="2" stroke-linejoin="round""#));
        upper.clear();
        mean.clear();
    };
    for (number, slot) in day.slots.iter().enumerate() {
        if !slot.expected.is_number() {
            end(&mut lower, &mut mean, &mut upper);
            continue;
        }
        let x = f64::midpoint(begins(frame, day, number), begins(frame, day, number + 1));
        lower.push((x, axis.place(frame, slot.expected.lower)));
        mean.push((x, axis.place(frame, slot.expected.mean)));
        upper.push((x, axis.place(frame, slot.expected.upper)));
    }
    end(&mut lower, &mut mean, &mut upper);
}

/// Steps, in as many parts as there are gaps.
fn draw_agents(picture: &mut Picture, frame: &Frame, axis: &Axis, day: &BusyDay) {
    let style = format!(r#"fill="none" stroke="{ORANGE}" stroke-width="2""#);
    let mut steps = Vec::new();
    for (number, slot) in day.slots.iter().enumerate() {
        let Some(agents) = slot.agents else {
            picture.path(&steps, false, &style);
            steps.clear();
            continue;
        };
        let y = axis.place(frame, agents as f64);
        steps.extend([(begins(frame, day, number), y), (begins(frame, day, number + 1), y)]);
    }
    picture.path(&steps, false, &style);
}

/// Whole hours, as many as there is room for.
fn draw_times(picture: &mut Picture, frame: &Frame, day: &BusyDay) {
    let hours = || day.slots.iter().enumerate().filter(|(_, slot)| slot.starts.ends_with(":00"));
    let room = (frame.right - frame.left) / hours().count().max(1) as f64;
    let every = [1, 2, 3, 4, 6, 12].into_iter().find(|every| room * *every as f64 >= TIME_WIDTH).unwrap_or(24);
    for (number, slot) in hours().step_by(every) {
        let x = begins(frame, day, number);
        picture.line((x, frame.bottom), (x, frame.bottom + 5.0), &format!(r#"stroke="{GREY}" stroke-width="1""#));
        let style = format!(r#"font-size="12" text-anchor="middle" fill="{GREY}""#);
        picture.text((x, frame.bottom + 20.0), &style, &slot.starts);
    }
}
