//! Where contacts are held: records in a slab, an index by id, and a calendar of who may be forgotten when.
//!
//! Records never move (the slab grows by chunks, so that no growth copies millions of them) and are told apart by a
//! [`Handle`] that outlives them: a mark in a page keeps the handle of its contact, and finds nothing once that is
//! forgotten. A clone of [`Records`] shares the chunks until one of the two changes them: so a shard that goes on working
//! can be written down as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use compact_str::CompactString;
use hashbrown::HashTable;
use rapidhash::v3::{RapidSecrets as HashSecrets, rapidhash_v3_seeded};

use crate::engine::fact::{Fact, FactKind, Facts};

/// One contact id with all facts that are held of it.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The id.
    pub id: CompactString,
    /// Its facts, over all lives that are held.
    pub facts: Facts,
    /// A fact before this time, in milliseconds, comes too late: the life it belongs to may have been forgotten.
    pub floor: u64,
    /// The hash of its customer's id; 0 if none was told.
    pub customer: u64,
    /// The minute of stream time through which it is held, if it has one life and that is finished, as nearly all have:
    /// then nothing need be folded to forget it. Else [`Contact::UNSETTLED`].
    pub settled_until: u32,
    /// What the fold says of its first answer, if it is settled and its customer is known.
    pub first_answer: FirstAnswer,
    /// The minute of stream time in which the calendar looks at it.
    due_minute: u32,
    generation: u32,
}

/// When a contact was first answered, as far as there is room for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstAnswer {
    /// Nothing is known of it.
    NotKnown,
    /// It never was.
    Never,
    /// So many milliseconds after its first offer; it may be a little before.
    After(i32),
}

impl Contact {
    /// It has several lives, or an unfinished one.
    pub const UNSETTLED: u32 = u32::MAX;

    /// The record of nobody.
    fn vacant() -> Contact {
        Contact {
            id: CompactString::default(),
            facts: Facts::default(),
            floor: 0,
            customer: 0,
            settled_until: Contact::UNSETTLED,
            first_answer: FirstAnswer::NotKnown,
            due_minute: u32::MAX,
            generation: 0,
        }
    }

    /// Whether it is the record of nobody: no id is empty.
    fn is_vacant(&self) -> bool {
        self.id.is_empty()
    }

    /// Its first offer, if no other offer was at the same instant.
    pub fn first_offer(&self) -> Option<Fact> {
        let mut offers = self.facts.iter().filter(|fact| fact.kind == FactKind::Offered);
        let first = offers.next()?;
        offers.next().is_none_or(|next| next.time > first.time).then_some(first)
    }
}

/// Names a record, also after it is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Handle {
    index: u32,
    generation: u32,
}

impl Handle {
    /// The handle of no record.
    pub const NONE: Handle = Handle { index: u32::MAX, generation: u32::MAX };

    /// The index of its record.
    pub fn index(self) -> usize {
        self.index as usize
    }

    /// As one number, in the same order.
    pub fn to_bits(self) -> u64 {
        u64::from(self.index) << 32 | u64::from(self.generation)
    }

    /// The handle that [`Handle::to_bits`] made a number of.
    #[expect(clippy::cast_possible_truncation, reason = "each half is as wide as it was")]
    pub fn from_bits(bits: u64) -> Handle {
        Handle { index: (bits >> 32) as u32, generation: bits as u32 }
    }
}

const CHUNK_BITS: u32 = 6;

/// Records that are copied together when one of them changes while another shares them: few, so that it takes some
/// microseconds, and enough, so that sharing a million contacts takes some milliseconds.
const CHUNK: usize = 1 << CHUNK_BITS;

/// The slab: records by their index, those that are held and vacant ones.
#[derive(Clone, Debug, Default)]
pub struct Records {
    chunks: Vec<Arc<[Contact; CHUNK]>>,
}

impl Records {
    /// The record; none once it is forgotten.
    pub fn get(&self, handle: Handle) -> Option<&Contact> {
        let chunk = self.chunks.get((handle.index >> CHUNK_BITS) as usize)?;
        Some(&chunk[handle.index as usize % CHUNK]).filter(|record| record.generation == handle.generation)
    }

    /// The record of a contact that is held.
    pub fn held(&self, handle: Handle) -> &Contact {
        self.record(handle.index)
    }

    /// The handles of all that are held, by id.
    pub fn sorted(&self) -> Vec<Handle> {
        let mut handles: Vec<Handle> = self.handles().collect();
        handles.sort_unstable_by(|one, other| self.held(*one).id.cmp(&self.held(*other).id));
        handles
    }

    /// How many records there is room for: no index is as great.
    pub fn room(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    fn handles(&self) -> impl Iterator<Item = Handle> {
        let records = (0_u32..).zip(self.chunks.iter().flat_map(|chunk| chunk.iter()));
        let held = records.filter(|(_, record)| !record.is_vacant());
        held.map(|(index, record)| Handle { index, generation: record.generation })
    }

    fn record(&self, index: u32) -> &Contact {
        &self.chunks[(index >> CHUNK_BITS) as usize][index as usize % CHUNK]
    }

    fn record_mut(&mut self, index: u32) -> &mut Contact {
        &mut Arc::make_mut(&mut self.chunks[(index >> CHUNK_BITS) as usize])[index as usize % CHUNK]
    }

    /// Makes room for more, and gives the first index of it.
    fn grow(&mut self) -> u32 {
        let first = u32::try_from(self.room()).expect("contacts are limited below 2^32");
        self.chunks.push(Arc::new(std::array::from_fn(|_| Contact::vacant())));
        first
    }
}

/// An index entry: 32 bits of the id's hash, so that growing the index need not touch the records.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    index: u32,
}

impl Entry {
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// All contacts that are held.
#[derive(Clone, Debug)]
pub struct Contacts {
    records: Records,
    /// Vacant records.
    free: Vec<u32>,
    index: HashTable<Entry>,
    /// Minute of stream time, and who is looked at once it is over.
    calendar: BTreeMap<u32, Vec<Handle>>,
    /// Nobody is looked at before this minute is over.
    next_minute: u32,
    /// What hashes are begun with.
    secrets: HashSecrets,
}

impl Contacts {
    /// Room for contacts. Whoever does not know the seed cannot choose ids that collide.
    pub fn seeded(seed: u64) -> Contacts {
        Contacts {
            records: Records::default(),
            free: Vec::new(),
            index: HashTable::new(),
            calendar: BTreeMap::new(),
            next_minute: 0,
            secrets: HashSecrets::seed(seed),
        }
    }

    /// How many are held.
    pub fn count(&self) -> usize {
        self.index.len()
    }

    /// The record of this id; none if it is not held.
    pub fn find(&self, id: &str) -> Option<Handle> {
        let hash = self.hash_32(id);
        let entry = Entry { hash, index: 0 };
        let found =
            self.index.find(entry.spread(), |there| there.hash == hash && self.records.record(there.index).id == id);
        found.map(|there| self.handle(there.index))
    }

    /// A new record of an id that is not held.
    pub fn insert(&mut self, id: &str, floor: u64) -> Handle {
        let index = self.free.pop().unwrap_or_else(|| {
            let first = self.records.grow();
            // The first of them is taken next, so that records that come together lie together.
            self.free.extend((first + 1..first + (1 << CHUNK_BITS)).rev());
            first
        });
        let record = self.records.record_mut(index);
        let generation = record.generation;
        *record = Contact { id: id.into(), floor, generation, ..Contact::vacant() };
        let entry = Entry { hash: self.hash_32(id), index };
        self.index.insert_unique(entry.spread(), entry, |entry| entry.spread());
        Handle { index, generation }
    }

    /// Lets go of a record.
    pub fn remove(&mut self, handle: Handle) {
        let hash = self.hash_32(&self.records.record(handle.index).id);
        let entry = Entry { hash, index: handle.index };
        let found = self.index.find_entry(entry.spread(), |there| there.index == handle.index);
        found.expect("a held contact is in the index").remove();
        let record = self.records.record_mut(handle.index);
        *record = Contact { generation: record.generation.wrapping_add(1), ..Contact::vacant() };
        self.free.push(handle.index);
    }

    /// The slab.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The record; none once it is forgotten.
    pub fn get(&self, handle: Handle) -> Option<&Contact> {
        self.records.get(handle)
    }

    /// The record of a contact that is held.
    pub fn held(&self, handle: Handle) -> &Contact {
        self.records.held(handle)
    }

    /// The record of a contact that is held, to be changed.
    pub fn held_mut(&mut self, handle: Handle) -> &mut Contact {
        self.records.record_mut(handle.index)
    }

    /// All that are held, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &Contact)> {
        self.records.handles().map(|handle| (handle, self.records.held(handle)))
    }

    /// Has the contact looked at once this minute of stream time is over, unless that is planned sooner.
    pub fn plan(&mut self, handle: Handle, minute: u32) {
        if minute < self.records.held(handle).due_minute {
            self.records.record_mut(handle.index).due_minute = minute;
            self.next_minute = self.next_minute.min(minute);
            self.calendar.entry(minute).or_default().push(handle);
        }
    }

    /// The next contact to be looked at, now that all minutes before this one are over; each once.
    pub fn next_due(&mut self, minute: u32) -> Option<Handle> {
        while self.next_minute < minute {
            let Some(mut first) = self.calendar.first_entry() else {
                self.next_minute = u32::MAX;
                break;
            };
            self.next_minute = *first.key();
            if self.next_minute >= minute {
                break;
            }
            let due = *first.key();
            let Some(handle) = first.get_mut().pop() else {
                first.remove();
                continue;
            };
            if self.records.get(handle).is_some_and(|record| record.due_minute == due) {
                self.records.record_mut(handle.index).due_minute = u32::MAX;
                return Some(handle);
            }
        }
        None
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of the hash is kept")]
    fn hash_32(&self, id: &str) -> u32 {
        rapidhash_v3_seeded(id.as_bytes(), &self.secrets) as u32
    }

    fn handle(&self, index: u32) -> Handle {
        Handle { index, generation: self.records.record(index).generation }
    }
}
