//! What a contact tells of its customer: its lives, as the fold finds them, or as little of them as is kept to do without.

use smallvec::SmallVec;

use super::{CustomerKey, LifeId, LifeTold};
use crate::engine::contact::{Life, fold};
use crate::engine::lane::Lanes;
use crate::engine::settings::Settings;
use crate::engine::stay::Stay;
use crate::engine::store::{Contact, Contacts, FirstAnswer};
use crate::engine::tally::Measure;

/// A life without the customer and the contact: first offer, in milliseconds, and what else is told.
pub(in crate::engine) type Offer = (u64, LifeTold);

/// What these lives of one contact tell of its customer, whoever that is. Those without an offer tell nothing.
pub(in crate::engine) fn told(lives: &[Life]) -> SmallVec<[Offer; 1]> {
    let whole = |life: &Life| life.stays.iter().find(|stay| stay.speaks.for_measure(Measure::ContactWait)).copied();
    let told = |stay: Stay| (stay.began_at, LifeTold { answered_at: stay.answered_at(), lane: stay.lane });
    lives.iter().filter_map(whole).map(told).collect()
}

/// What a contact of one life tells, kept so that [`known_offer`] gives it back; that nothing is known if it would not.
pub(in crate::engine) fn first_answer(contact: &Contact, told: &[Offer]) -> FirstAnswer {
    let [(offered_at, told)] = told else { return FirstAnswer::NotKnown };
    let is_first = contact.first_offer().is_some_and(|offer| (offer.time, offer.place) == (*offered_at, told.lane));
    let after = |answered_at: u64| i32::try_from(answered_at.cast_signed() - offered_at.cast_signed());
    match told.answered_at.map(after) {
        _ if !is_first => FirstAnswer::NotKnown,
        None => FirstAnswer::Never,
        Some(after) => after.map_or(FirstAnswer::NotKnown, FirstAnswer::After),
    }
}

/// The offer that a settled contact tells of, if it is known without a fold.
pub(in crate::engine) fn known_offer(contact: &Contact) -> Option<Offer> {
    let answered_after = match contact.first_answer {
        FirstAnswer::NotKnown => return None,
        FirstAnswer::Never => None,
        FirstAnswer::After(after) => Some(after),
    };
    let offer = contact.first_offer()?;
    let answered_at = answered_after.map(|after| offer.time.saturating_add_signed(after.into()));
    Some((offer.time, LifeTold { answered_at, lane: offer.place }))
}

/// The lives of contacts that are held and whose customer is known.
pub(in crate::engine) fn held_lives(
    contacts: &Contacts,
    lanes: &Lanes,
    settings: &Settings,
) -> Vec<(LifeId, LifeTold)> {
    let known = contacts.iter().map(|(_, contact)| contact).filter(|contact| contact.customer != 0);
    let key = &settings.customers.key;
    let lives = known.flat_map(|contact| {
        let told = told(&fold(&contact.facts, lanes, settings.lifetimes.settle_ms));
        ids(key, contact.customer, contact, &told).collect::<SmallVec<[_; 1]>>()
    });
    lives.collect()
}

/// What a contact tells of this customer, each life under its id; nothing if the customer's hash is 0, which is nobody's.
pub(in crate::engine) fn ids(
    key: &CustomerKey,
    customer: u64,
    contact: &Contact,
    told: &[Offer],
) -> impl Iterator<Item = (LifeId, LifeTold)> {
    let told = if customer == 0 { &[] } else { told };
    let contact = if told.is_empty() { 0 } else { key.hash(&contact.id) };
    told.iter().map(move |&(offered_at, told)| (LifeId { customer, offered_at, contact }, told))
}
