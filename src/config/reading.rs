//! What became of one key that was asked for, and where it was written.
//!
//! Keys are asked for through `section`.

use super::mistake::{Mistake, Place};

/// What became of a key that was asked for.
#[derive(Clone, Debug, Default)]
pub(super) enum Reading<T> {
    /// It was not written.
    #[default]
    Absent,
    /// It was written and cannot be used, which has been told.
    Refused,
    /// It was written, there.
    Usable(T, Spot),
}

/// A key and where it was written: what a mistake about it begins with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Spot {
    /// Where.
    pub place: Place,
    /// The key's path.
    pub key: String,
}

impl<T> Reading<T> {
    /// The value, if it is of use.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Reading::Usable(value, _) => Some(value),
            Reading::Absent | Reading::Refused => None,
        }
    }

    /// The value, or the default.
    pub(super) fn or(self, default: T) -> T {
        self.value().unwrap_or(default)
    }

    /// Whether a mistake was told.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Reading::Refused)
    }

    /// Where it was written, if it is of use.
    pub(super) fn spot(&self) -> Option<&Spot> {
        match self {
            Reading::Usable(_, spot) => Some(spot),
            Reading::Absent | Reading::Refused => None,
        }
    }
}

impl Spot {
    /// A mistake there.
    pub(super) fn mistake(&self, message: String) -> Mistake {
        Mistake { place: self.place.clone(), key: self.key.clone(), message }
    }

    /// The key below the one here, which was written at `place`.
    pub(super) fn of_key(&self, key: &str, place: Place) -> Spot {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Spot { place, key }
    }
}
