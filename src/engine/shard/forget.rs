//! When contacts are forgotten, and slots with them, and what is kept of those whose customer may come back.

use smallvec::SmallVec;

use super::{Keep, Shard};
use crate::engine::arrivals::Dropped;
use crate::engine::contact::Life;
use crate::engine::customers::{self, LifeId, LifeTold, told};
use crate::engine::page::{Change, PAGE_MS};
use crate::engine::store::{Contact, FirstAnswer, Handle};

const MINUTE_MS: u64 = 60_000;

/// Slots of the last hours stay fine: windows end there.
const FINE_MS: u64 = 2 * PAGE_MS;

impl Shard {
    /// Plans when the contact's oldest life can be forgotten.
    pub(in crate::engine) fn plan(&mut self, handle: Handle, lives: &[Life]) {
        let Some(oldest) = lives.first() else { return };
        let until = self.held_until(oldest);
        let settled = lives.len() == 1 && oldest.finished;
        let contact = self.contacts.held_mut(handle);
        contact.settled_until = if settled { until } else { Contact::UNSETTLED };
        let known = settled && contact.customer != 0;
        contact.first_answer =
            if known { customers::first_answer(contact, &told(lives)) } else { FirstAnswer::NotKnown };
        // Looked at again before long, so that plans for contacts that settle early do not pile up until their day.
        let again = self.clock.now().map_or(u32::MAX, |now| minute_of(now + self.shortest_hold_ms()));
        self.contacts.plan(handle, until.min(again));
    }

    /// The minute of stream time through which a life is held.
    fn held_until(&self, life: &Life) -> u32 {
        minute_of(life.until + self.settings.lifetimes.lateness_ms)
    }

    /// No contact is forgotten sooner than this after its last fact, in milliseconds.
    fn shortest_hold_ms(&self) -> u64 {
        let lifetimes = &self.settings.lifetimes;
        lifetimes.settle_ms.min(lifetimes.shortest_expire_ms()) + lifetimes.lateness_ms
    }

    /// Lets go of every life that is held no longer, and of slots that are no longer shown. What a life contributed
    /// stays.
    pub(super) fn forget(&mut self) {
        let Some(now) = self.clock.now() else { return };
        let minute = minute_of(now);
        self.customers.forget(now);
        let mut past = Vec::new();
        while let Some(handle) = self.contacts.next_due(minute) {
            match self.contacts.held(handle).settled_until {
                Contact::UNSETTLED => {}
                until if until < minute => {
                    past.extend(self.told_by_settled(handle));
                    self.contacts.remove(handle);
                    continue;
                }
                until => {
                    let again = minute_of(now + self.shortest_hold_ms());
                    self.contacts.plan(handle, until.min(again));
                    continue;
                }
            }
            let lives = self.fold(&self.contacts.held(handle).facts);
            let over = lives.iter().take_while(|life| self.held_until(life) < minute).count();
            let (forgotten, rest) = lives.split_at(over);
            self.input.expired += forgotten.iter().filter(|life| !life.finished).count() as u64;
            self.orphans_forgotten += forgotten.iter().map(|life| u64::from(life.orphan)).sum::<u64>();
            let contact = self.contacts.held(handle);
            past.extend(customers::ids(&self.settings.customers.key, contact.customer, contact, &told(forgotten)));
            if let (Some(latest), false) = (forgotten.last(), rest.is_empty()) {
                let contact = self.contacts.held_mut(handle);
                contact.facts.forget_until(latest.last);
                contact.floor = latest.until + 1;
            }
            for stay in forgotten.iter().flat_map(|life| &life.stays).filter(|stay| stay.is_open()) {
                self.lanes.lane_mut(stay.lane).waiting.remove(stay.undecided(handle));
                stay.expiry_bookings().iter().for_each(|booking| self.change(Change::Book, handle, Some(booking)));
            }
            if rest.is_empty() {
                self.contacts.remove(handle);
            } else {
                self.plan(handle, rest);
            }
        }
        // In an order that does not depend on that in which they were planned: there may not be room for all.
        past.sort_unstable_by_key(|(id, _)| *id);
        for (id, told) in past {
            self.input.overflow_past_contacts += u64::from(!self.customers.remember(id, told, now));
        }
        self.agents.forget(self.earliest());
        self.age(now);
    }

    fn age(&mut self, now: u64) {
        let page = now / PAGE_MS;
        if self.keep == Keep::Everything || page <= self.aged_to {
            return;
        }
        self.aged_to = page;
        let longest = self.settings.longest_window_ms();
        let dropped = longest + self.settings.slots.coarse_ms + FINE_MS;
        let mut arrivals = Dropped::default();
        for lane in self.lanes.iter_mut() {
            let (coarse_until, drop_until) =
                ((page * PAGE_MS).saturating_sub(FINE_MS), (page * PAGE_MS).saturating_sub(dropped));
            let queue = lane.queue;
            lane.pages.age(coarse_until, drop_until, |slot, speaks, cell, count| {
                arrivals.note(queue, slot, speaks, cell, count);
            });
        }
        self.arrivals.add(arrivals);
        self.arrivals.age(now);
        self.agents.attendance.fold((page * PAGE_MS).saturating_sub(dropped));
        // A window is compared with the one before it.
        let dropped = dropped + longest;
        for notes in self.lanes.all_notes_mut() {
            notes.age((page * PAGE_MS).saturating_sub(FINE_MS), (page * PAGE_MS).saturating_sub(dropped));
        }
    }

    /// What a contact that is settled, and about to be forgotten, tells of its customer: mostly nothing need be folded to
    /// know it.
    fn told_by_settled(&self, handle: Handle) -> SmallVec<[(LifeId, LifeTold); 1]> {
        let contact = self.contacts.held(handle);
        let key = &self.settings.customers.key;
        match customers::known_offer(contact) {
            _ if contact.customer == 0 => SmallVec::new(),
            Some(offer) => customers::ids(key, contact.customer, contact, &[offer]).collect(),
            None => customers::ids(key, contact.customer, contact, &told(&self.fold(&contact.facts))).collect(),
        }
    }
}

fn minute_of(time: u64) -> u32 {
    u32::try_from(time / MINUTE_MS).unwrap_or(u32::MAX)
}
