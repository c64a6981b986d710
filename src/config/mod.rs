//! The configuration: one TOML file, and environment variables over it.
//!
//! Two steps: what was typed (`typed`, with `environment` laid over it) becomes what is usable (`usable` and
//! `promises`, which read through `section` and `understand`). All mistakes are found at once, each with its place and
//! its fix. Everything has a default, unknown keys are refused, and a [`Config`] holds only values that the rest of the
//! program need not check again. The reference of all keys is `config/holdline.toml`. What the settings do is not told
//! here but in `engine::settings`.

use std::path::Path;

use crate::engine::settings::Settings;

pub mod duration;
mod environment;
mod mistake;
mod promises;
mod section;
mod service;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_sense;
#[cfg(test)]
mod tests_of_values;
mod typed;
mod understand;
mod usable;

pub use mistake::{Mistake, Place};
pub use service::{Formulas, Http, Kafka, Log, LogFormat, Metrics};

/// A configuration that can be used.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// What the engine is told.
    pub settings: Settings,
    /// Where events come from.
    pub kafka: Kafka,
    /// Where pages and metrics are served.
    pub http: Http,
    /// What is published.
    pub metrics: Metrics,
    /// What is logged.
    pub log: Log,
}

impl Config {
    /// Reads the text of a configuration file with environment variables over it; those that are not ours are ignored.
    /// An empty text gives the defaults.
    ///
    /// # Errors
    ///
    /// All mistakes, at least one: those of the file by line, then those of variables by name.
    pub fn parse(text: &str, environment: &[(String, String)]) -> Result<Config, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut document = typed::read(text, &mut mistakes);
        let broken_lines: Vec<usize> = mistakes.iter().filter_map(|mistake| mistake.place.line()).collect();

        environment::lay_over(&mut document, environment, &mut mistakes);
        let syntax_mistakes = mistakes.len();
        let settings = section::read_document(&document, &mut mistakes, usable::settings);
        // What the parser guessed in a broken line is nobody's mistake but the one already told.
        let mut judged = mistakes.split_off(syntax_mistakes);
        judged.retain(|mistake| mistake.place.line().is_none_or(|line| !broken_lines.contains(&line)));
        mistakes.append(&mut judged);

        if mistakes.is_empty() {
            return Ok(Config {
                settings,
                kafka: Kafka::default(),
                http: Http::default(),
                metrics: Metrics::default(),
                log: Log::default(),
            });
        }
        mistakes.sort();
        Err(mistakes)
    }

    /// Reads a configuration file with the environment of this process over it.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; or the one mistake that the file cannot be read.
    pub fn load(path: &Path) -> Result<Config, Vec<Mistake>> {
        let unreadable = |error| {
            vec![Mistake { place: Place::File, key: String::new(), message: format!("cannot be read: {error}") }]
        };
        let text = text_of(std::fs::read(path).map_err(unreadable)?).map_err(|mistake| vec![mistake])?;
        // What is no Unicode is no setting either, but a variable that is ours is to be complained about.
        let environment: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Config::parse(&text, &environment)
    }
}

fn text_of(bytes: Vec<u8>) -> Result<String, Mistake> {
    String::from_utf8(bytes).map_err(|error| {
        let readable = String::from_utf8_lossy(error.as_bytes());
        let place = mistake::Lines::of(&readable).place(error.utf8_error().valid_up_to());
        Mistake { place, key: String::new(), message: "is not UTF-8: save the file as UTF-8".to_owned() }
    })
}
