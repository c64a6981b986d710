//! Outliers are told to the log, and to a topic if one is configured.
//!
//! A record is keyed by the contact's id, so that all that is told of a contact is in one partition, and says in JSON:
//!
//! | field | |
//! |---|---|
//! | `id` | the same however often it is told: contact, beginning and measure |
//! | `contact_id`, `queue`, `channel`, `tier` | who, and where |
//! | `measure` | in what: `wait`, `first_reply`, `next_reply`, `resolution`, `handle`, `replies`, `transfers` |
//! | `seconds`, `fence_seconds` | how long, and beyond what; of replies and transfers `count` and `fence_count` |
//! | `since` | when that began, as RFC 3339 in UTC; of replies and transfers, when the contact was first offered |
//! | `goes_on` | whether it is longer by now |
//! | `found_at` | the instant at which it was found, likewise |
//!
//! Each is delivered at least once, as long as there are checkpoints: none is written that remembers it as told before brokers
//! have confirmed it, and what was found and not told yet is part of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::{Kafka, Outliers};
use crate::engine::outliers::{Outlier, OutlierWords};
use crate::kafka::outbox::{Address, Letter, Outbox, OutboxError};
use crate::log::Recurring;
use crate::meters::Meters;
use crate::source::kafka::held::Held;
use crate::source::kafka::hub::Hub;

/// At the end, what is under way is waited for so long: if brokers are well, they take far less.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// Tells of outliers. Clones share an outbox and the bound of log lines.
#[derive(Clone)]
pub struct OutlierLetters {
    outbox: Option<Arc<Outbox>>,
    /// Whether the log names contacts.
    names_contacts: bool,
    recurring: Arc<Recurring>,
}

impl OutlierLetters {
    /// To the topic that is configured, if there is one. Why letters wait is told to the hub.
    ///
    /// # Errors
    /// See [`Outbox::open`].
    pub fn open(
        kafka: &Kafka,
        outliers: &Outliers,
        hub: &Arc<Hub>,
        meters: &Meters,
        recurring: &impl Fn() -> Recurring,
    ) -> Result<OutlierLetters, OutboxError> {
        let open = |topic: &String| {
            let hub = Arc::clone(hub);
            let address = Address {
                topic: topic.clone(),
                what: "outliers",
                meters: meters.outlier_letters.clone(),
                too_large: recurring(),
                tell: Box::new(move |kind, words| hub.tell_trouble(kind, words.to_owned(), clock::monotonic())),
            };
            Ok::<_, OutboxError>(Arc::new(Outbox::open(kafka, address)?))
        };
        let outbox = outliers.topic.as_ref().map(open).transpose()?;
        Ok(OutlierLetters { outbox, names_contacts: outliers.log_contact_ids, recurring: Arc::new(recurring()) })
    }

    /// Tells of an outlier of this partition. Does not wait.
    pub fn tell(&self, held: &Held, outlier: &Outlier, now: Instant) {
        let told = OutlierWords::from(outlier);
        let contact_id = self.names_contacts.then_some(told.contact_id);
        let OutlierWords { queue, channel, tier, measure, seconds, fence_seconds, count, fence_count, .. } = told;
        self.recurring.tell(now, |held_back| {
            tracing::info!(
                queue,
                channel,
                tier,
                measure,
                contact_id,
                seconds,
                fence_seconds,
                count,
                fence_count,
                held_back,
                "outlier"
            );
        });
        if let Some(outbox) = &self.outbox {
            let payload = serde_json::to_vec(&told).expect("all of it is text and numbers under names");
            let letter = Letter::new(Some(told.contact_id.as_bytes()), Some(&payload));
            outbox.send(letter, &held.undelivered, held.progress.next() - 1);
        }
    }

    /// Whether a further batch may be read; waits until then, at most so long.
    pub fn wait_for_room(&self, longest: Duration) -> bool {
        self.outbox.as_ref().is_none_or(|outbox| outbox.wait_for_room(longest))
    }

    /// To be called when nothing is read any more.
    pub fn close(&self) {
        self.outbox.iter().for_each(|outbox| outbox.close(LONGEST_FAREWELL));
    }
}
