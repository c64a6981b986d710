//! Processes, brokers and disks fail again and again while events come in; afterwards every count, every bucket and every
//! window is what the naive model says of what the topic holds.
//!
//! [`plan`] draws from a seed what is to happen, [`alone`] and [`pair`] have it happen on a [`stage`], while a [`stream`] is
//! written. [`ground`] is where checkpoints are kept and how they are damaged, [`phase`] in which phase of its work a
//! process died. A [`retelling`] tells the model what the topic holds, a [`judge`] compares, a [`table`] counts what was
//! done. What would be unclear in a random plan has tests of its own: [`zombie`], [`full_disk`], [`rolling`], [`idle`],
//! [`other_topics`].

mod alone;
mod full_disk;
mod ground;
mod idle;
mod judge;
mod other_topics;
mod pair;
mod phase;
mod plan;
mod retelling;
mod rolling;
mod seeded;
mod stage;
mod stream;
mod table;
mod zombie;
