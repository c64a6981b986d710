//! The command line: what can be asked for, and who does it.
//!
//! One file a command, and one each for what several of them share: `broker`, `pace`, `progress`, `shift`, `stop`. What a
//! command writes goes to standard output; progress and complaints go to standard error. Exit codes: 0 done, 1 failed,
//! 2 bad usage or configuration.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Mistake, Plan};
use crate::engine::settings::Settings;

pub mod baseline;
pub mod broker;
pub mod check;
pub mod demo;
pub mod forecast;
pub mod healthy;
pub mod history;
pub mod pace;
pub mod progress;
pub mod reload;
pub mod replay;
pub mod run;
pub mod send;
pub mod shift;
pub mod simulate;
pub mod staff;
pub mod stop;
pub mod supervisor;
pub mod verify;

/// Live service levels of customer support, from events
#[derive(Parser, Debug)]
#[command(name = "holdline", version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Demo(demo::DemoArguments),
    Run(run::RunArguments),
    /// Tell service levels, waits and handle times of files of events
    Replay(replay::ReplayArguments),
    /// Tell every mistake in a configuration, or what will hold with it
    Check(CheckArguments),
    Simulate(Box<simulate::SimulateArguments>),
    Send(send::SendArguments),
    Verify(verify::VerifyArguments),
    Baseline(baseline::BaselineArguments),
    Forecast(forecast::ForecastArguments),
    Staff(staff::StaffArguments),
    Healthy(healthy::HealthyArguments),
}

#[derive(clap::Args, Debug)]
struct CheckArguments {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// What was asked for makes no sense: exit code 2.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadUsage(pub String);

impl CommandLine {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// It failed; with [`BadUsage`] as cause if it was asked for wrongly.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Demo(arguments) => demo::demo(&arguments).map(|()| ExitCode::SUCCESS),
            Command::Run(arguments) => run::run(&arguments).map(|()| ExitCode::SUCCESS),
            Command::Replay(arguments) => replay::replay(&arguments).map(|()| ExitCode::SUCCESS),
            Command::Check(arguments) => check::check(&arguments.config, &mut io::stdout().lock()),
            Command::Simulate(arguments) => simulate::simulate(&arguments).map(|()| ExitCode::SUCCESS),
            Command::Send(arguments) => send::send(&arguments).map(|()| ExitCode::SUCCESS),
            Command::Healthy(arguments) => healthy::healthy(&arguments, &mut io::stdout().lock()),
            Command::Baseline(arguments) => {
                baseline::baseline(&arguments, &mut io::stdout().lock()).map(|()| ExitCode::SUCCESS)
            }
            Command::Forecast(arguments) => {
                forecast::forecast(&arguments, &mut io::stdout().lock()).map(|()| ExitCode::SUCCESS)
            }
            Command::Staff(arguments) => staff::staff(&arguments, &mut io::stdout().lock()).map(|()| ExitCode::SUCCESS),
            Command::Verify(arguments) => verify::verify(&arguments, &mut io::stdout().lock()),
        }
    }
}

/// The configuration of this file, or without one the defaults; variables of the environment count either way.
///
/// # Errors
///
/// All its mistakes.
fn configuration(path: Option<&Path>) -> Result<Config, BadUsage> {
    let loaded = path.map_or_else(|| Config::parse("", &environment()), Config::load);
    loaded.map_err(|mistakes| unusable(path, &mistakes))
}

/// The same, of what the engine is told: sections for the running service may be as they are.
fn settings(path: Option<&Path>) -> Result<Settings, BadUsage> {
    let loaded = path.map_or_else(|| Config::parse_settings("", &environment()), Config::load_settings);
    loaded.map_err(|mistakes| unusable(path, &mistakes))
}

/// The same, with what days are like and agents can be asked to do.
fn plan(path: Option<&Path>) -> Result<Plan, BadUsage> {
    let loaded = path.map_or_else(|| Config::parse_plan("", &environment()), Config::load_plan);
    loaded.map_err(|mistakes| unusable(path, &mistakes))
}

fn environment() -> Vec<(String, String)> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

fn unusable(path: Option<&Path>, mistakes: &[Mistake]) -> BadUsage {
    let file = path.unwrap_or(Path::new("the environment"));
    let mistakes: Vec<String> = mistakes.iter().map(|mistake| format!("\n  {}", mistake.in_file(file))).collect();
    BadUsage(format!("{} cannot be used:{}", file.display(), mistakes.concat()))
}
