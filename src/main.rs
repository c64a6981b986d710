//! The `holdline` program: the command line, the error chain, the exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use holdline::cli::{BadUsage, CommandLine};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const FAILED: u8 = 1;
const BAD_USAGE: u8 = 2;

fn main() -> ExitCode {
    CommandLine::parse().run().unwrap_or_else(|error| {
        // Nobody is left to be told that standard error is closed.
        let _ = writeln!(std::io::stderr(), "holdline: {error:#}");
        ExitCode::from(if error.is::<BadUsage>() { BAD_USAGE } else { FAILED })
    })
}
