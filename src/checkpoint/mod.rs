//! Checkpoints: what a partition's state was before some offset, durable, so that after any end of the process it is read
//! again from there.
//!
//! [`Checkpoint`] is what is in one and how it is bytes. A [`Store`] keeps them under [`Name`]s: a [`folder`], or a [`topic`] that
//! Kafka compacts. A [`shelf`] knows which of them can be believed: it gives the newest that can, and clears what lies
//! below.
//!
//! State is a function of the log up to an offset, so whoever wrote a checkpoint, and whenever, it is right for its offset
//! in its incarnation of the topic. What has to be kept is that nobody destroys what others wrote: a name tells the
//! incarnation, the partition, the offset and the writer, no name is ever used twice, and only what lies below the two
//! highest that were seen to be whole is ever removed. So a writer that was thought dead, and goes on, does no harm.
//!
//! When partitions are written and who reads them is not known here, but in
//! [`source::kafka`](crate::source::kafka).

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::event::EventTime;

mod body;
pub mod folder;
pub mod shelf;
#[cfg(test)]
mod tests;
pub mod topic;

pub use self::body::{Checkpoint, FORMAT, Head, Holding, Ledger, Unusable, encode};

/// Bits of a run that are drawn.
const DRAWN: u32 = 22;

/// One partition of one incarnation of a topic, as one consumer group reads it. What a group counts depends on what its
/// instances held, and each has settings of its own: so several may share a store and know nothing of each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The group, as [`plain`] has it.
    pub group: Arc<str>,
    /// The topic.
    pub topic: Arc<str>,
    /// What tells this topic from one of the same name before or after it, as Kafka writes it.
    pub topic_id: Arc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { group, topic, topic_id, partition } = self;
        write!(formatter, "partition {partition} of {topic} ({topic_id}) for {group}")
    }
}

/// A name as one part of a path, and different names differently: letters, digits, `-` and `_` as they are, all else as the
/// hexadecimal digits of its bytes behind `%`.
pub fn plain(name: &str) -> String {
    const OTHERS: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(name, &OTHERS).to_string()
}

/// Who writes: an instance, and which of its writings this is. In order of time, as far as clocks agree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Writer {
    /// Greater for what is written later, and never twice the same for one instance; see [`Writer::next_run`].
    pub run: u64,
    /// The name of the instance, the same over restarts: letters, digits, `.`, `_` and `-`.
    pub instance: String,
}

impl fmt::Display for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:016x}", self.instance, self.run)
    }
}

impl Writer {
    /// The number of a writing at this instant: the instant, and a draw of 22 bits in case two processes write at the same
    /// one. `last` is that of the last writing of this process, 0 before the first: if the clock was set back, it is counted
    /// on.
    pub fn next_run(last: u64, now: EventTime, drawn: u64) -> u64 {
        (last + 1).max((now.millis() << DRAWN) | (drawn & ((1 << DRAWN) - 1)))
    }

    /// The writer of this text, as it is written; none if it is no writer's.
    pub fn from_text(text: &str) -> Option<Writer> {
        let (instance, run) = text.rsplit_once('.')?;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let run = Some(run).filter(|run| run.len() == 16).and_then(|run| u64::from_str_radix(run, 16).ok())?;
        (!instance.is_empty() && instance.chars().all(is_plain)).then(|| Writer { instance: instance.to_owned(), run })
    }
}

/// What a checkpoint is called. In order of offsets, and at the same offset of when it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Name {
    /// Of which partition.
    pub place: Place,
    /// The offset of the first record that is not in it.
    pub next_offset: i64,
    /// Who wrote it.
    pub writer: Writer,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "checkpoint {} by {} of {}", self.next_offset, self.writer, self.place)
    }
}

/// Why a store could not do what it was asked for: worth trying again.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StoreError {
    /// What was attempted, with its place.
    pub what: String,
    /// What stood against it.
    pub why: String,
}

/// Where checkpoints are kept, by names. All of it blocks, and may be used from several threads.
pub trait Store: Send + Sync {
    /// The names of all checkpoints of this partition, in any order. A name is listed only once all of it is durable.
    ///
    /// # Errors
    /// The store cannot be read at present.
    fn list(&self, place: &Place) -> Result<Vec<Name>, StoreError>;

    /// The same as far as it is known without asking anybody: what was listed last, and written and removed here since.
    ///
    /// # Errors
    /// As [`Store::list`].
    fn known(&self, place: &Place) -> Result<Vec<Name>, StoreError> {
        self.list(place)
    }

    /// The bytes of a checkpoint, whole or not; none if there is none of this name.
    ///
    /// # Errors
    /// The store cannot be read at present.
    fn read(&self, name: &Name) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps these bytes under a name that was never used. Once it returns they are durable; before that the name is not
    /// listed.
    ///
    /// # Errors
    /// They are not durable. Nothing else was harmed.
    fn write(&self, name: &Name, bytes: &[u8]) -> Result<(), StoreError>;

    /// Lets go of a checkpoint.
    ///
    /// # Errors
    /// It may still be there.
    fn remove(&self, name: &Name) -> Result<(), StoreError>;

    /// Lets go of all that is left below this offset, where nothing is of use any more: writings that never became a
    /// checkpoint above all.
    ///
    /// # Errors
    /// Some of it may still be there.
    fn sweep(&self, place: &Place, below: i64) -> Result<(), StoreError> {
        let _ = (place, below);
        Ok(())
    }
}
