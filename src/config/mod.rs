//! The configuration: one TOML file, and environment variables over it.
//!
//! Two steps: what was typed (`typed`, with `environment` laid over it) becomes what is usable (`usable`, `promises`,
//! `calendars`, `surveys` and `customers` for the engine, `usable_service` and `options` for the service around it, all of which read through `section` and
//! `understand`). All mistakes are found at once, each with its place and
//! its fix. Everything has a default, unknown keys are refused, and a [`Config`] holds only values that the rest of the
//! program need not check again. The reference of all keys is `config/holdline.toml`. What the settings do is not told
//! here but in `engine::settings`. No broker is asked here: whether it knows the topics and the password shows later.

use std::ffi::OsString;
use std::path::Path;

use self::customers::Files;
use self::section::Section;
use crate::engine::settings::Settings;

mod calendars;
mod customers;
pub mod duration;
mod environment;
mod file;
mod holidays;
mod mistake;
mod options;
mod outliers;
mod planning;
mod promises;
mod reading;
mod section;
mod service;
mod surveys;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_calendars;
#[cfg(test)]
mod tests_of_customers;
#[cfg(test)]
mod tests_of_holidays;
#[cfg(test)]
mod tests_of_options;
#[cfg(test)]
mod tests_of_planning;
#[cfg(test)]
mod tests_of_sense;
#[cfg(test)]
mod tests_of_service;
#[cfg(test)]
mod tests_of_surveys;
#[cfg(test)]
mod tests_of_values;
mod typed;
mod understand;
mod understand_hours;
mod understand_service;
mod usable;
mod usable_service;
mod web;

pub use mistake::{Mistake, Place};
pub use planning::{Staffing, Surge};
pub use service::{Checkpoint, CheckpointStore, Formulas, Http, Kafka, Log, LogFormat, Metrics, Outliers};
pub use web::{Clients, Tls, Web};

/// A configuration that can be used.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// What the engine is told.
    pub settings: Settings,
    /// Where events come from.
    pub kafka: Kafka,
    /// Where what was read is made durable.
    pub checkpoint: Checkpoint,
    /// Where pages and metrics are served.
    pub http: Http,
    /// What is published.
    pub metrics: Metrics,
    /// Who is out of all proportion.
    pub outliers: Outliers,
    /// What days and surges are like.
    pub surge: Surge,
    /// What agents can be asked to do.
    pub staffing: Staffing,
    /// What is logged.
    pub log: Log,
}

/// What a command that plans needs of a configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// What the engine is told.
    pub settings: Settings,
    /// What days and surges are like.
    pub surge: Surge,
    /// What agents can be asked to do.
    pub staffing: Staffing,
}

impl Config {
    /// Reads the text of a configuration file with environment variables over it; those that are not ours are ignored.
    /// An empty text gives the defaults. Files that hold single values, as passwords, and files of holidays are read as
    /// well; relative paths of the latter are looked for in the working directory.
    ///
    /// # Errors
    ///
    /// All mistakes, at least one: those of the file by line, then those of variables by name.
    pub fn parse(text: &str, environment: &[(String, String)]) -> Result<Config, Vec<Mistake>> {
        Config::parse_in(Path::new(""), text, environment)
    }

    fn parse_in(folder: &Path, text: &str, environment: &[(String, String)]) -> Result<Config, Vec<Mistake>> {
        read(text, environment, |document| {
            let settings = usable::settings(document, folder, Files::Read);
            let usable_service::Service { kafka, checkpoint, http, metrics, outliers, surge, staffing, log } =
                usable_service::read(document, folder, settings.slots);
            Config { settings, kafka, checkpoint, http, metrics, outliers, surge, staffing, log }
        })
    }

    /// Reads a configuration file with the environment of this process over it. Relative paths of files of holidays are
    /// looked for beside it.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`]; or the one mistake that the file cannot be read.
    pub fn load(path: &Path) -> Result<Config, Vec<Mistake>> {
        Config::parse_in(folder_of(path), &text_in(path)?, &environment_of_process())
    }

    /// As [`Config::parse`], for a command that reads no Kafka and serves nothing: the sections of the service are not
    /// looked at, so that neither a mistake in them nor a password that is not on this machine is in the way.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`].
    pub fn parse_settings(text: &str, environment: &[(String, String)]) -> Result<Settings, Vec<Mistake>> {
        Config::parse_settings_in(Path::new(""), text, environment)
    }

    fn parse_settings_in(
        folder: &Path,
        text: &str,
        environment: &[(String, String)],
    ) -> Result<Settings, Vec<Mistake>> {
        read(text, environment, |document| {
            let settings = usable::settings(document, folder, Files::PassOver);
            usable_service::pass_over(document);
            settings
        })
    }

    /// As [`Config::parse_settings`], with what days and surges are like and what agents can be asked to do.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`].
    pub fn parse_plan(text: &str, environment: &[(String, String)]) -> Result<Plan, Vec<Mistake>> {
        Config::parse_plan_in(Path::new(""), text, environment)
    }

    fn parse_plan_in(folder: &Path, text: &str, environment: &[(String, String)]) -> Result<Plan, Vec<Mistake>> {
        read(text, environment, |document| {
            let settings = usable::settings(document, folder, Files::PassOver);
            let (surge, staffing) = usable_service::read_plan(document, folder, settings.slots);
            Plan { settings, surge, staffing }
        })
    }

    /// As [`Config::load`], with what [`Config::parse_plan`] says.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_plan(path: &Path) -> Result<Plan, Vec<Mistake>> {
        Config::parse_plan_in(folder_of(path), &text_in(path)?, &environment_of_process())
    }

    /// As [`Config::load`], with what [`Config::parse_settings`] says.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_settings(path: &Path) -> Result<Settings, Vec<Mistake>> {
        Config::parse_settings_in(folder_of(path), &text_in(path)?, &environment_of_process())
    }
}

/// Both steps; `usable` reads the whole document.
fn read<T>(
    text: &str,
    environment: &[(String, String)],
    usable: impl FnOnce(&mut Section<'_>) -> T,
) -> Result<T, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut document = typed::read(text, &mut mistakes);
    let broken_lines: Vec<usize> = mistakes.iter().filter_map(|mistake| mistake.place.line()).collect();

    environment::lay_over(&mut document, environment, &mut mistakes);
    let syntax_mistakes = mistakes.len();
    let result = section::read_document(&document, &mut mistakes, usable);
    // What the parser guessed in a broken line is nobody's mistake but the one already told.
    let mut judged = mistakes.split_off(syntax_mistakes);
    judged.retain(|mistake| mistake.place.line().is_none_or(|line| !broken_lines.contains(&line)));
    mistakes.append(&mut judged);

    if mistakes.is_empty() {
        return Ok(result);
    }
    mistakes.sort();
    Err(mistakes)
}

/// What is no Unicode is no setting either, but a variable that is ours is to be complained about.
fn environment_of_process() -> Vec<(String, String)> {
    let text = |part: OsString| part.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

fn text_in(path: &Path) -> Result<String, Vec<Mistake>> {
    let unreadable =
        |error| vec![Mistake { place: Place::File, key: String::new(), message: format!("cannot be read: {error}") }];
    text_of(std::fs::read(path).map_err(unreadable)?).map_err(|mistake| vec![mistake])
}

fn text_of(bytes: Vec<u8>) -> Result<String, Mistake> {
    String::from_utf8(bytes).map_err(|error| {
        let readable = String::from_utf8_lossy(error.as_bytes());
        let place = mistake::Lines::of(&readable).place(error.utf8_error().valid_up_to());
        Mistake { place, key: String::new(), message: "is not UTF-8: save the file as UTF-8".to_owned() }
    })
}
