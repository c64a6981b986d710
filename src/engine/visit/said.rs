//! Which visit a rating or an outcome is told of.
//!
//! It decides nothing; that it was told is noted by [`visit`](super) in passing, so that contacts of which nothing is
//! said cost nothing here.

use super::{Folder, Visit};
use crate::engine::experience::{Note, Said, Whose};
use crate::engine::fact::Fact;

impl Folder<'_> {
    /// The notes among the facts that were taken in.
    pub(super) fn notes(&self, facts: &[Fact]) -> Vec<Note> {
        if !self.said {
            return Vec::new();
        }
        let note = |fact: &Fact| {
            let said = Said::of(fact.kind).filter(|said| *said != Said::Reopened || self.visits.is_empty())?;
            Some(Note { whose: self.whose(fact), time: fact.time, said })
        };
        facts.iter().filter_map(note).collect()
    }

    /// The visit offered latest at or before its time, else the first: of the queue that it names, if that was ever
    /// offered, else of any.
    fn whose(&self, fact: &Fact) -> Whose {
        let named = fact.named().filter(|queue| self.visits.iter().any(|visit| visit.queue == *queue));
        let meant = || self.visits.iter().filter(|visit| visit.is_in(named));
        let offered = |visit: &&Visit| visit.offered_at <= fact.time;
        let visit = meant().rfind(offered).or(meant().next());
        visit.map_or(Whose::Unknown(fact.named()), |visit| Whose::Lane(visit.lane))
    }
}
