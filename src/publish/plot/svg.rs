//! What a picture is put together from: lines, areas, texts, axes, legends.
//!
//! Coordinates have one digit after the point. Texts are escaped here and nowhere else.

use super::{GREY, INK};

/// A document that grows.
pub(super) struct Picture(String);

/// Where a panel's curves are.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// A point.
pub(super) type Place = (f64, f64);

/// What a legend shows before a text.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Box(&'static str),
    Whisker(&'static str),
    Line(&'static str),
}

impl Picture {
    pub(super) fn new(width: f64, height: f64, title: &str, description: &str) -> Picture {
        let [title, description] = [title, description].map(escaped);
        let mut body = format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" "#);
        body.push_str(&format!(r#"viewBox="0 0 {width} {height}" "#));
        body.push_str(r#"role="img" aria-labelledby="plot-title plot-description" "#);
        body.push_str("font-family=\"system-ui, 'Liberation Sans', Arial, Helvetica, sans-serif\">\n");
        body.push_str(&format!("<title id=\"plot-title\">{title}</title>\n"));
        body.push_str(&format!("<desc id=\"plot-description\">{description}</desc>\n"));
        body.push_str(&format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"));
        Picture(body)
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    /// What comes until it is closed belongs together, and this is said of it.
    pub(super) fn open_group(&mut self, title: &str) {
        self.0.push_str(&format!("<g><title>{}</title>\n", escaped(title)));
    }

    pub(super) fn close_group(&mut self) {
        self.0.push_str("</g>\n");
    }

    /// Nothing, if the text is empty.
    pub(super) fn text(&mut self, (x, y): Place, style: &str, text: &str) {
        if !text.is_empty() {
            self.0.push_str(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{}</text>\n", escaped(text)));
        }
    }

    /// A text that goes up, or down if it is at the right.
    fn turned_text(&mut self, (x, y): Place, degrees: i32, style: &str, text: &str) {
        let turn = format!(r#"transform="rotate({degrees} {x:.1} {y:.1})" text-anchor="middle" {style}"#);
        self.text((x, y), &turn, text);
    }

    pub(super) fn line(&mut self, (x1, y1): Place, (x2, y2): Place, style: &str) {
        let ends = format!(r#"x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}""#);
        self.0.push_str(&format!("<line {ends} {style}/>\n"));
    }

    pub(super) fn area(&mut self, (x, y): Place, (width, height): Place, style: &str) {
        let sides = format!(r#"x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}""#);
        self.0.push_str(&format!("<rect {sides} {style}/>\n"));
    }

    /// A line through these places, closed if it is to be filled. Nothing, if there are none.
    pub(super) fn path(&mut self, places: &[Place], is_closed: bool, style: &str) {
        if places.is_empty() {
            return;
        }
        let places: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let end = if is_closed { "Z" } else { "" };
        self.0.push_str(&format!("<path d=\"M{}{end}\" {style}/>\n", places.join("L")));
    }

    pub(super) fn outline(&mut self, frame: &Frame) {
        let style = format!(r#"stroke="{GREY}" stroke-width="1""#);
        self.line((frame.left, frame.bottom), (frame.right, frame.bottom), &style);
    }

    pub(super) fn heading(&mut self, frame: &Frame, text: &str) {
        let style = format!(r#"font-size="15" font-weight="600" fill="{INK}""#);
        // As much as leaves room for a legend.
        self.text((frame.left, frame.top - 36.0), &style, &shortened(text, 56.0));
    }

    /// At the right of the heading, from the last to the first.
    pub(super) fn legend(&mut self, frame: &Frame, entries: &[(Mark, &str)]) {
        let y = frame.top - 36.0;
        let mut right = frame.right;
        for (mark, text) in entries.iter().rev() {
            self.text((right, y), &format!(r#"font-size="12" text-anchor="end" fill="{INK}""#), text);
            // Letters are about this wide; a little too wide is no harm.
            right -= text.chars().count() as f64 * 6.4 + 8.0;
            let style = |colour| format!(r#"stroke="{colour}" stroke-width="2""#);
            match mark {
                Mark::Box(colour) => self.area((right - 16.0, y - 10.0), (16.0, 11.0), &format!(r#"fill="{colour}""#)),
                Mark::Line(colour) => self.line((right - 20.0, y - 4.5), (right, y - 4.5), &style(colour)),
                Mark::Whisker(colour) => {
                    self.line((right - 8.0, y - 11.0), (right - 8.0, y + 1.0), &style(colour));
                    self.line((right - 13.0, y - 11.0), (right - 3.0, y - 11.0), &style(colour));
                    self.line((right - 13.0, y + 1.0), (right - 3.0, y + 1.0), &style(colour));
                }
            }
            right -= 20.0 + 22.0;
        }
    }

    /// Its ticks go across the frame.
    pub(super) fn left_axis(&mut self, frame: &Frame, axis: &Axis, unit: &str) {
        for value in axis.ticks() {
            let y = axis.place(frame, value);
            self.line((frame.left, y), (frame.right, y), r##"stroke="#dddddd" stroke-width="1""##);
            let style = format!(r#"font-size="12" text-anchor="end" fill="{GREY}""#);
            self.text((frame.left - 8.0, y + 4.0), &style, &grouped(value));
        }
        let place = (frame.left - 80.0, f64::midpoint(frame.top, frame.bottom));
        self.turned_text(place, -90, &format!(r#"font-size="12" fill="{GREY}""#), unit);
    }

    pub(super) fn right_axis(&mut self, frame: &Frame, axis: &Axis, unit: &str, colour: &str) {
        for value in axis.ticks() {
            let y = axis.place(frame, value);
            self.line((frame.right, y), (frame.right + 5.0, y), &format!(r#"stroke="{colour}" stroke-width="1""#));
            let style = format!(r#"font-size="12" fill="{colour}""#);
            self.text((frame.right + 9.0, y + 4.0), &style, &grouped(value));
        }
        let place = (frame.right + 54.0, f64::midpoint(frame.top, frame.bottom));
        self.turned_text(place, 90, &format!(r#"font-size="12" fill="{colour}""#), unit);
    }
}

/// From 0 up, with ticks at round numbers.
pub(super) struct Axis {
    step: f64,
    steps: u32,
}

impl Axis {
    /// So that `largest` is below its end. `is_whole`: only whole numbers are ticks.
    pub(super) fn up_to(largest: f64, is_whole: bool) -> Axis {
        let least = if is_whole { 1.0 } else { 1e-9 };
        let rough = (largest / 5.0).clamp(least, 1e15);
        let ten = libm::pow(10.0, libm::floor(libm::log10(rough)));
        // Of 1, 2, 5 and 10 the first that is enough; a little less is, for 100 is five times 20.
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * ten).into_iter();
        let step = step.filter(|step| !is_whole || step.fract() == 0.0).find(|step| *step >= rough * 0.999_999);
        let step = if largest > 0.0 { step.unwrap_or(10.0 * ten) } else { 1.0 };
        let steps = (1..8).find(|steps| step * f64::from(*steps) >= largest).unwrap_or(8);
        Axis { step, steps }
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let step = self.step;
        (0..=self.steps).map(move |number| step * f64::from(number))
    }

    /// How high up a value is.
    pub(super) fn place(&self, frame: &Frame, value: f64) -> f64 {
        let end = self.step * f64::from(self.steps);
        frame.bottom - (frame.bottom - frame.top) * (value / end).min(1.0)
    }
}

/// A number for people: `12,345`; below 10 with a digit after the point, if it is not whole.
pub(super) fn grouped(value: f64) -> String {
    if value < 9.95 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most so many letters, the last of them dots if there are more.
pub(super) fn shortened(text: &str, letters: f64) -> String {
    let keeps = |count: &usize| *count as f64 <= letters;
    let count = text.chars().count();
    if keeps(&count) {
        return text.to_owned();
    }
    let most = (1..count).take_while(keeps).last().unwrap_or(1);
    text.chars().take(most - 1).chain(['…']).collect()
}

/// The words of a text in at most three lines of at most so many letters each.
pub(super) fn in_lines(text: &str, letters: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_last = lines.len() == 3;
        match lines.last_mut() {
            Some(line) if is_last || (line.chars().count() + 1 + word.chars().count()) as f64 <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| shortened(&line, letters)).collect()
}

/// What XML does not take as text is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            character if character.is_control() => escaped.push('\u{fffd}'),
            character => escaped.push(character),
        }
    }
    escaped
}
