//! How far a command is, on standard error: a bar if that is a terminal, else nothing; and lines above it.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::source::files::{OnRead, STANDARD_INPUT};

/// A bar on standard error if that is a terminal.
#[derive(Clone)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Over the bytes of these files as they are on disk; of standard input nobody knows how many there are.
    pub fn over(paths: &[PathBuf]) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress(None);
        }
        let length = |path: &PathBuf| {
            let found = fs::metadata(path).ok().filter(|found| found.is_file() && path.as_os_str() != STANDARD_INPUT);
            found.map(|found| found.len())
        };
        let bar = match paths.iter().map(length).sum::<Option<u64>>() {
            Some(total) => ProgressBar::new(total)
                .with_style(style("{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left")),
            None => ProgressBar::no_length().with_style(style("{spinner} {bytes}, {bytes_per_sec}")),
        };
        Progress(Some(bar))
    }

    /// Without a bar: nobody knows how far it will be.
    pub fn without_bar() -> Progress {
        Progress(None)
    }

    /// To be told how far reading is.
    pub fn on_read(&self) -> OnRead {
        let bar = self.0.clone();
        Arc::new(move |bytes| {
            if let Some(bar) = &bar {
                bar.inc(bytes);
            }
        })
    }

    /// A line above the bar. Nobody is left to be told if standard error is closed.
    pub fn tell(&self, line: &str) {
        let tell = || {
            let _ = writeln!(io::stderr(), "{line}");
        };
        match &self.0 {
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}
