//! Which checkpoints of a store can be believed.
//!
//! A checkpoint is believed once it was written here or read here to the end. The newest that is believed is what reading
//! goes on from; a checkpoint that is not, is named with the reason, and the one before it is tried. What lies below the two
//! highest that are believed is removed, except what was written last.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{Checkpoint, Name, Place, Store, StoreError, Unusable};

/// So many that are believed are kept of each partition.
const KEPT: usize = 2;

/// A store, and what is known of what it keeps.
pub struct Shelf {
    store: Box<dyn Store>,
    believed: Mutex<BTreeSet<Name>>,
}

/// A checkpoint that was passed over, and why.
#[derive(Debug)]
pub struct Refused {
    /// Which one.
    pub name: Name,
    /// Why.
    pub why: Unusable,
}

/// What was found of a partition.
pub struct Found<T> {
    /// What was made of the newest checkpoint that can be used, and its name.
    pub newest: Option<(Name, T)>,
    /// Those after it, newest first.
    pub refused: Vec<Refused>,
}

impl<T> Found<T> {
    /// Whether any is beyond the end of the log.
    pub fn seems_cut_off(&self) -> bool {
        self.refused.iter().any(|refused| matches!(refused.why, Unusable::CutOff { .. }))
    }
}

impl Shelf {
    /// What this store keeps.
    pub fn new(store: Box<dyn Store>) -> Shelf {
        Shelf { store, believed: Mutex::default() }
    }

    /// The newest checkpoint of this partition that `fit` makes something of; it may refuse one for reasons of its own.
    ///
    /// # Errors
    /// The store cannot be read at present.
    pub fn newest<T>(
        &self,
        place: &Place,
        mut fit: impl FnMut(&Name, Checkpoint) -> Result<T, Unusable>,
    ) -> Result<Found<T>, StoreError> {
        let mut names = self.store.list(place)?;
        names.sort_unstable();
        let mut refused = Vec::new();
        for name in names.into_iter().rev() {
            match self.read(&name)?.and_then(|checkpoint| fit(&name, checkpoint)) {
                Ok(made) => return Ok(Found { newest: Some((name, made)), refused }),
                Err(Unusable::Gone) => {}
                Err(why) => {
                    let is_in_vain = why.holds_for_older();
                    refused.push(Refused { name, why });
                    if is_in_vain {
                        break;
                    }
                }
            }
        }
        Ok(Found { newest: None, refused })
    }

    /// Keeps a checkpoint, and removes what else lies below the two highest of its partition that are believed.
    ///
    /// # Errors
    /// It is not durable.
    pub fn keep(&self, name: &Name, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.write(name, bytes)?;
        self.believe(name);
        if let Err(error) = self.clear(name) {
            // What is not removed now is removed after the next one.
            tracing::warn!("old checkpoints are not removed: {error}");
        }
        Ok(())
    }

    /// Lets go of a checkpoint of which it is certain that it never will fit again.
    ///
    /// # Errors
    /// It may still be there.
    pub fn discard(&self, name: &Name) -> Result<(), StoreError> {
        self.believed().remove(name);
        self.store.remove(name)
    }

    /// What was written last may lie below others that are whole and yet of no use, for their settings are others.
    fn clear(&self, last: &Name) -> Result<(), StoreError> {
        let mut names = self.store.known(&last.place)?;
        names.sort_unstable();
        let (mut kept, mut lowest) = (0, last.next_offset);
        for name in names.into_iter().rev() {
            if kept < KEPT {
                kept += usize::from(self.is_whole(&name)?);
                lowest = lowest.min(name.next_offset);
            } else if name != *last {
                self.store.remove(&name)?;
                self.believed().remove(&name);
            }
        }
        self.store.sweep(&last.place, lowest)
    }

    /// Whether the store can say what there is of a partition, to the last byte.
    pub fn answers(&self, place: &Place) -> bool {
        self.newest(place, |_, _| Ok(())).is_ok()
    }

    /// Whether it was seen to be whole, or is seen so now.
    fn is_whole(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(self.believed().contains(name) || self.read(name)?.is_ok())
    }

    fn read(&self, name: &Name) -> Result<Result<Checkpoint, Unusable>, StoreError> {
        let Some(bytes) = self.store.read(name)? else { return Ok(Err(Unusable::Gone)) };
        let checkpoint = Checkpoint::decode(&bytes, name);
        if checkpoint.is_ok() {
            self.believe(name);
        }
        Ok(checkpoint)
    }

    fn believe(&self, name: &Name) {
        self.believed().insert(name.clone());
    }

    fn believed(&self) -> std::sync::MutexGuard<'_, BTreeSet<Name>> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
