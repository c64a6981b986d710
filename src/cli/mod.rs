//! The command line: what can be asked for, and who does it.
//!
//! One file a command. What a command writes goes to standard output; progress and complaints go to standard error. Exit
//! codes: 0 done, 1 failed, 2 bad usage or configuration.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod replay;
pub mod simulate;

/// Live service levels of customer support, from events
#[derive(Parser, Debug)]
#[command(name = "holdline", version)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Tell service levels, waits and handle times of files of events
    Replay(replay::ReplayArguments),
    /// Tell every mistake in a configuration, or what will hold with it
    Check(CheckArguments),
    Simulate(simulate::SimulateArguments),
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
            Command::Replay(arguments) => replay::replay(&arguments).map(|()| ExitCode::SUCCESS),
            Command::Check(arguments) => check::check(&arguments.config, &mut io::stdout().lock()),
            Command::Simulate(arguments) => {
                arguments.scenario().map_err(|error| BadUsage(format!("{error:#}")))?;
                simulate::simulate(&arguments).map(|()| ExitCode::SUCCESS)
            }
        }
    }
}
