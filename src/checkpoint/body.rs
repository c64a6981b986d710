//! What is in a checkpoint, and how it is bytes.
//!
//! Layout: magic, format version, length of the head, head (postcard), state (an encoded shard, packed with zstd), and a hash
//! over everything before it. The head repeats the name, so that a file under another's name is found out. What the state
//! says of itself is judged where it is decoded, in [`engine::codec`](crate::engine::codec).

use serde::{Deserialize, Serialize};

use super::{Name, Place, Writer};
use crate::engine::codec::DecodeError;
use crate::engine::counted::Counted;
use crate::engine::frozen::Frozen;
use crate::engine::lane::hash_of;
use crate::engine::outliers::Told;

const MAGIC: [u8; 8] = *b"HOLDCKPT";

/// The version of the layout. That of the state is its own.
pub const FORMAT: u32 = 2;

const PREFIX: usize = 8 + 4 + 4;
const HASH: usize = 8;

/// How hard the state is packed: of a million contacts in a second or less.
const LEVEL: i32 = 1;

/// What belongs to the state of a partition but is no part of it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Head {
    /// How many partitions the topic had.
    pub partitions: u32,
    /// When the topic was seen to have got more partitions, in milliseconds since 1970, and how many it had before.
    pub grown: Option<(u64, u32)>,
    /// Everything from this instant on is known, in milliseconds since 1970; 0 if everything is.
    pub known_since_ms: u64,
    /// The offset of the first record that was read for the state.
    pub first_offset: i64,
    /// Counters began at this offset, or will; none if that is not known yet.
    pub live_from: Option<i64>,
    /// What had been counted when they began, lane by lane, and the offset where they did; none if they have not.
    pub history: Option<(Counted, i64)>,
    /// What was told of outliers.
    pub outliers: Told,
    /// The number of this holding in its writer's ledger.
    pub holding: u64,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: u64,
    /// What its writer counted besides.
    pub ledger: Ledger,
}

/// What an instance held and had counted when it wrote, so that it can go on counting where it was.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Greater whenever partitions came or went since.
    pub epoch: u64,
    /// The partitions it held.
    pub held: Vec<Holding>,
    /// What it had counted of partitions that it held no longer.
    pub released: Counted,
    /// Up to which offset that counts: topic, its id, partition and offset.
    pub released_to: Vec<(String, String, i32, i64)>,
}

/// A partition that an instance held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holding {
    /// The topic.
    pub topic: String,
    /// What tells it from others of the same name; empty if nobody had said so.
    pub topic_id: String,
    /// The partition's number.
    pub partition: i32,
    /// Drawn when it was given to the instance.
    pub number: u64,
    /// From which offset on it was counted; none if that was not known yet.
    pub counts_from: Option<i64>,
}

/// A checkpoint that is whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Checkpoint {
    /// What belongs to the state.
    pub head: Head,
    /// The encoded shard.
    pub state: Vec<u8>,
}

/// Why a checkpoint is passed over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// Somebody removed it meanwhile.
    #[error("it is gone")]
    Gone,
    /// It does not begin as a checkpoint does.
    #[error("it is no checkpoint")]
    Foreign,
    /// It is of a version that this program does not read.
    #[error("it is written in format {0}, this program reads format {FORMAT}")]
    Version(u32),
    /// It is torn or changed.
    #[error("it is damaged: its hash does not match")]
    Damaged,
    /// It is whole, and of another name.
    #[error("it is another one under this name: {0}")]
    Misplaced(String),
    /// It is whole, and cannot be read.
    #[error("it contradicts itself: {0}")]
    Contradictory(&'static str),
    /// Its state cannot be used.
    #[error("{0}")]
    State(#[from] DecodeError),
    /// Records that come after it are gone.
    #[error("the topic begins at offset {oldest} now, so records after it are gone")]
    Outlived {
        /// The offset of the oldest record.
        oldest: i64,
    },
    /// The log ends before it.
    #[error("the topic ends at offset {end}, before it: it was cut off")]
    CutOff {
        /// The offset after the last record.
        end: i64,
    },
}

impl Unusable {
    /// Whether an older checkpoint of the partition cannot be used either.
    pub fn holds_for_older(&self) -> bool {
        matches!(self, Unusable::Outlived { .. })
    }
}

#[derive(Serialize, Deserialize)]
struct HeadBody<'a> {
    group: &'a str,
    topic: &'a str,
    topic_id: &'a str,
    partition: i32,
    next_offset: i64,
    writer: String,
    head: Head,
}

/// A checkpoint as bytes.
pub fn encode(name: &Name, head: Head, state: &Frozen) -> Vec<u8> {
    let Name { place: Place { group, topic, topic_id, partition }, next_offset, writer } = name;
    let (partition, next_offset, writer) = (*partition, *next_offset, writer.to_string());
    let body = HeadBody { group, topic, topic_id, partition, next_offset, writer, head };
    let body = postcard::to_allocvec(&body).expect("a vector takes all bytes");
    let length = u32::try_from(body.len()).expect("what was counted of some thousand lanes is far less than 4 GiB");
    let mut bytes = [&MAGIC[..], &FORMAT.to_le_bytes(), &length.to_le_bytes(), &body].concat();
    let encoded = state.encode();
    zstd::stream::copy_encode(encoded.as_slice(), &mut bytes, LEVEL).expect("a vector takes all bytes");
    bytes.extend(hash_of(&bytes).to_le_bytes());
    bytes
}

impl Checkpoint {
    /// The checkpoint that has this name and these bytes.
    ///
    /// # Errors
    /// They are foreign, damaged, of another version, or of another name.
    pub fn decode(bytes: &[u8], name: &Name) -> Result<Checkpoint, Unusable> {
        let content = bytes.strip_prefix(&MAGIC).ok_or(Unusable::Foreign)?;
        let (version, _) = content.split_first_chunk().ok_or(Unusable::Damaged)?;
        let version = u32::from_le_bytes(*version);
        if version != FORMAT {
            return Err(Unusable::Version(version));
        }
        let (sealed, hash) = bytes.split_last_chunk::<HASH>().ok_or(Unusable::Damaged)?;
        if hash_of(sealed) != u64::from_le_bytes(*hash) {
            return Err(Unusable::Damaged);
        }
        let torn = Unusable::Contradictory("the head's length");
        let (prefix, rest) = sealed.split_at_checked(PREFIX).ok_or(torn.clone())?;
        let length = prefix.last_chunk().map(|length| u32::from_le_bytes(*length) as usize);
        let (head, packed) = length.and_then(|length| rest.split_at_checked(length)).ok_or(torn)?;
        let body: HeadBody<'_> =
            postcard::from_bytes(head).map_err(|_| Unusable::Contradictory("the head's structure"))?;
        let (group, topic, topic_id) = (body.group.into(), body.topic.into(), body.topic_id.into());
        let place = Place { group, topic, topic_id, partition: body.partition };
        let writer = Writer::from_text(&body.writer).ok_or(Unusable::Contradictory("the writer's name"))?;
        let own = Name { place, next_offset: body.next_offset, writer };
        if own != *name {
            return Err(Unusable::Misplaced(own.to_string()));
        }
        let state = zstd::stream::decode_all(packed).map_err(|_| Unusable::Contradictory("the packed state"))?;
        Ok(Checkpoint { head: body.head, state })
    }
}
