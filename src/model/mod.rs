//! The model: what the engine must say, recomputed naively from the whole list of events.
//!
//! It shares no code with the engine, only the words of its settings and cells. Every answer is computed from all facts
//! of a contact, held as plain owned values; nothing is incremental, interned or packed, because its only virtue is to
//! be obviously right. Read in this order: [`event`] (what was said), [`fold`] (the facts of one life become visits;
//! [`which`] says which visit a fact means), [`talk`] (what is said meanwhile: messages, replies, pauses), [`clocks`] (what
//! is measured from when to when, by which [`hours`]), [`lives`] (the facts of one id are cut into lives), [`stay`] (what a
//! clock books), [`view`] (sums of bookings over a span), [`counters`] and [`cumulative`] (what only ever goes up), [`log`]
//! (stream time, late
//! records, forgetting). [`rule`] names the rules, so that a test can ask which of them were ever used; `oracles` and
//! `oracles_of_clocks` hold the tests of the model itself.
//!
//! It is slow, keeps every fact for ever and panics where it contradicts itself. Whoever checks the engine may use it:
//! tests, and [`verify`](crate::verify) on behalf of a user. Nothing that is published comes from here.

pub mod clocks;
pub mod counters;
pub mod cumulative;
pub mod event;
pub mod fold;
pub mod hours;
pub mod lives;
pub mod log;
#[cfg(test)]
mod oracles;
#[cfg(test)]
mod oracles_of_clocks;
pub mod rule;
pub mod stay;
pub mod talk;
pub mod view;
pub mod which;
