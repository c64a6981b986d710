//! Other promises from now on.

use std::sync::Arc;

use super::Shard;
use crate::engine::contact::Lives;
use crate::engine::cumulative::Edges;
use crate::engine::settings::Promises;
use crate::engine::store::Handle;
use crate::event::EventTime;

impl Shard {
    /// From stream time on these promises hold: a row is added to the table, unless they are those in force. What was
    /// offered before is judged as it was; the few contacts that tell of times still ahead are booked anew.
    pub fn adopt(&mut self, promises: &Promises) {
        if self.settings.promised() == promises {
            return;
        }
        let mut settings = self.settings.as_ref().clone();
        let next = self.clock.end().and_then(|end| EventTime::from_millis(end + 1));
        let from = if self.clock.end().is_none() { Some(EventTime::default()) } else { next };
        // Stream time is at its very end: nothing can be offered any more.
        let Some(from) = from else { return };
        settings.promises.retain(|(row, _)| *row < from);
        settings.promises.push((from, promises.clone()));

        let is_ahead = |handle: &Handle| {
            let last = self.contacts.held(*handle).facts.iter().last();
            last.is_some_and(|fact| fact.time >= from.millis())
        };
        let ahead: Vec<Handle> = self.contacts.iter().map(|(handle, _)| handle).filter(is_ahead).collect();
        let before: Vec<(Handle, Lives)> =
            ahead.into_iter().map(|handle| (handle, self.fold(&self.contacts.held(handle).facts))).collect();
        self.edges = Arc::new(Edges::of(&settings));
        self.settings = Arc::new(settings);
        self.lanes.adopt(&self.settings);
        for (handle, before) in before {
            let after = self.fold(&self.contacts.held(handle).facts);
            self.book(handle, &before, &after);
            self.list(handle, &before, &after);
        }
    }
}
