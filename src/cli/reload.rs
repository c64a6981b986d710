//! Other settings while the service runs: on SIGHUP, and when `/-/reload` is asked for.
//!
//! What can change is what is promised, beyond what contacts are outliers, which log lines are written, and how pages are
//! protected. A promise holds for what is offered from then on; what was offered before is judged as it was. A file with a
//! mistake changes nothing, and neither does one in which anything else is other than it was: both are told, and what held
//! before goes on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock;
use crate::config::Config;
use crate::log::Filter;
use crate::meters::Meters;
use crate::publish::http::Protection;
use crate::publish::metrics::Exposition;
use crate::service::Control;

/// Loads the configuration again.
pub struct Reloader {
    path: PathBuf,
    /// What holds, but for what the service chose itself.
    config: Mutex<Config>,
    adopting: Adopting,
    meters: Meters,
}

/// What other settings are handed to.
pub struct Adopting {
    /// The threads that read.
    pub control: Control,
    /// What is exposed.
    pub exposition: Arc<Exposition>,
    /// Says which log lines are written.
    pub filter: Arc<Filter>,
    /// Says how pages are protected.
    pub protection: Protection,
}

impl Reloader {
    /// Of this file, which says what holds now.
    pub fn new(path: PathBuf, config: Config, adopting: Adopting, meters: Meters) -> Reloader {
        Reloader { path, config: Mutex::new(config), adopting, meters }
    }

    /// Loads the file and has what it says hold from now on.
    ///
    /// # Errors
    /// It cannot be used: why, in words. Nothing has changed.
    pub fn reload(&self) -> Result<(), String> {
        let mut config = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.load(&config);
        match &outcome {
            Ok(loaded) => {
                tracing::info!(file = %self.path.display(), "the configuration was loaded again");
                *config = loaded.clone();
            }
            Err(why) => tracing::error!(file = %self.path.display(), "the configuration stays as it was: {why}"),
        }
        self.meters.config_reloaded(outcome.is_ok(), clock::wall());
        self.meters.config_reloads.with_label_values(&[if outcome.is_ok() { "applied" } else { "refused" }]).inc();
        outcome.map(drop)
    }

    /// What holds.
    pub fn config(&self) -> Config {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self, before: &Config) -> Result<Config, String> {
        let loaded = Config::load(&self.path).map_err(|mistakes| {
            let mistakes: Vec<String> =
                mistakes.iter().map(|mistake| mistake.in_file(&self.path).to_string()).collect();
            mistakes.join("; ")
        })?;
        let fixed = fixed(before, &loaded);
        if !fixed.is_empty() {
            return Err(format!("{} cannot change while the service runs: restart it", fixed.join(", ")));
        }
        let Adopting { control, exposition, filter, protection } = &self.adopting;
        // What can be refused comes first, and nothing of it has changed until all was accepted.
        let web = protection.understood(&loaded.http.web);
        let web = web.map_err(|complaint| format!("http.web_config: {complaint}"))?;
        if before.settings != loaded.settings {
            control.adopt(&loaded.settings)?;
            exposition.adopt(&loaded.settings);
        }
        if before.log.filter != loaded.log.filter {
            filter.set(&loaded.log.filter)?;
        }
        if before.http.web != loaded.http.web {
            protection.change(web);
        }
        control.fence(loaded.outliers.fences.clone());
        Ok(loaded)
    }
}

/// What is other than it was and cannot change, as it is written in the file.
fn fixed(before: &Config, after: &Config) -> Vec<&'static str> {
    let mut settings = after.settings.clone();
    settings.promises.clone_from(&before.settings.promises);
    let engine = [
        ("slots", settings.slots != before.settings.slots),
        ("windows", settings.windows != before.settings.windows),
        ("lifetimes", settings.lifetimes != before.settings.lifetimes),
        ("limits", settings.limits != before.settings.limits),
        ("customers", settings.customers != before.settings.customers),
        ("survey", settings.surveys != before.settings.surveys),
        ("report", settings.zone != before.settings.zone),
    ];
    let service = [
        ("kafka", after.kafka != before.kafka),
        ("checkpoint", after.checkpoint != before.checkpoint),
        ("http.listen", after.http.listen != before.http.listen),
        ("metrics", after.metrics != before.metrics),
        ("outliers.topic", after.outliers.topic != before.outliers.topic),
        ("outliers.log_contact_ids", after.outliers.log_contact_ids != before.outliers.log_contact_ids),
        ("surge", after.surge != before.surge),
        ("staffing", after.staffing != before.staffing),
        ("log.format", after.log.format != before.log.format),
        ("log.lines_per_second", after.log.lines_per_second != before.log.lines_per_second),
    ];
    engine.into_iter().chain(service).filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_outliers_and_the_filter_of_the_log_can_change() {
        let config = |text: &str| Config::parse(text, &[]).unwrap();
        let before = config("");
        for (text, expected) in [
            ("[service]\ngoal = 0.9\nanswer_within = '10s'", &[][..]),
            ("[[queue]]\nid = 'billing'\ngoal = 0.95", &[]),
            ("[outliers]\nwait = '1h'\n[log]\nfilter = 'debug'", &[]),
            ("[windows]\ncounts = ['5m']\nquantiles = []", &["windows"]),
            ("[kafka]\ngroup = 'other'\n[http]\nlisten = '0.0.0.0:1'", &["kafka", "http.listen"]),
            ("[outliers]\ntopic = 'far'\nlog_contact_ids = true", &["outliers.topic", "outliers.log_contact_ids"]),
            ("[log]\nformat = 'json'\nlines_per_second = 7", &["log.format", "log.lines_per_second"]),
            ("[surge]\npay_days = [25]\n[staffing]\nshrinkage = 0.25", &["surge", "staffing"]),
            ("[limits]\nlanes = 7\n[lifetimes]\nsettle = '2h'", &["lifetimes", "limits"]),
        ] {
            assert_eq!(fixed(&before, &config(text)), expected, "{text}");
        }
    }
}
