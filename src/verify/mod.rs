//! Whether what an instance tells is right: what it told at one instant is recomputed from the very records it was made of,
//! by the naive [`model`](crate::model), and compared series by series.
//!
//! [`retell`] reads the records again and tells them to models, one a partition. [`reach`] says what can be known from
//! records that are still there. [`expected`] is every series as the models have it, under the names of `/metrics`.
//! [`compare`] finds what differs, and names what nobody checked.
//!
//! Nothing of the engine is used but its words. What both sides share is decoding, which record times are believed, the
//! settings as they are read from the file, and the calendars.

pub mod compare;
pub mod expected;
pub mod reach;
pub mod retell;
