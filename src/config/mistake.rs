//! One mistake in a configuration: where, of which key, what is wrong and what to write instead.
//!
//! Finding mistakes is the business of the readers; this says how they are told.

use std::fmt;
use std::path::Path;

/// Something in the configuration that cannot be used. Shown without the file's name; [`Mistake::in_file`] adds it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// The key's path, as in `service.channel.email.goal` or, by the queue's id, `queue.billing.goal`; empty where no
    /// single key is to blame.
    pub key: String,
    /// What is wrong, with the value quoted as it was written, and the fix.
    pub message: String,
}

/// Where something was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A place in the file; both count from 1, columns in characters.
    Line {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// An environment variable of this name.
    Variable(String),
}

impl Mistake {
    /// One line for people and editors: `file:line:column: key: message`, without the parts that do not apply.
    pub fn in_file(&self, file: &Path) -> String {
        match self.place {
            Place::File => format!("{}: {self}", file.display()),
            Place::Line { .. } => format!("{}:{self}", file.display()),
            Place::Variable(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File => {}
            Place::Line { line, column } => write!(out, "{line}:{column}: ")?,
            Place::Variable(name) => write!(out, "{name}: ")?,
        }
        if !self.key.is_empty() {
            write!(out, "{}: ", self.key)?;
        }
        out.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

/// Within a sentence: `in line 3`.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => out.write_str("in the file"),
            Place::Line { line, .. } => write!(out, "in line {line}"),
            Place::Variable(name) => write!(out, "in {name}"),
        }
    }
}

impl Place {
    /// The line, if it is in one.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Place::Line { line, .. } => Some(*line),
            Place::File | Place::Variable(_) => None,
        }
    }
}

/// A text whose lines are found once, so that the place of each key of a long file costs little.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines of `text`.
    pub(super) fn of(text: &'t str) -> Lines<'t> {
        let after_newlines = text.match_indices('\n').map(|(newline, _)| newline + 1);
        Lines { text, starts: [0].into_iter().chain(after_newlines).collect() }
    }

    /// The place of the byte `offset`.
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let before = self.text.get(self.starts[line - 1]..offset).unwrap_or_default();
        // A byte order mark is not seen by anybody.
        Place::Line { line, column: before.trim_start_matches('\u{feff}').chars().count() + 1 }
    }
}

/// The one of `names` that `wrong` was probably meant to be.
pub(super) fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Two slips of the finger, but in a short word not half of its letters.
    let slips = (wrong.chars().count() / 3).clamp(1, 2);
    let wrong = wrong.to_lowercase().replace('-', "_");
    names
        .into_iter()
        .map(|name| (strsim::osa_distance(&wrong, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= slips)
        .min()
        .map(|(_, name)| name)
}
