//! What becomes of the letters that a courier handed to the library, and what the library says of itself.
//!
//! It calls in from within the polls of the courier. A letter that was delivered is done; one that failed goes back into
//! the tray; one that is itself too large is lost, which is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

use super::outbox::{Address, Letter, Posted, Ticket, Tray};
use super::trouble::Trouble;
use crate::clock;

/// What the library says of letters and of itself, from within the polls of the courier.
pub(super) struct Receipts {
    address: Arc<Address>,
    tray: Arc<Tray>,
    heard: Mutex<Heard>,
}

/// What was heard that the courier has to know.
#[derive(Default)]
pub(super) struct Heard {
    /// Whether anything was delivered, and whether anything failed, since that was last noted.
    pub(super) is_delivered: bool,
    pub(super) is_failed: bool,
    /// Why a letter failed, since one was delivered.
    pub(super) failure: Option<(RDKafkaErrorCode, String)>,
    /// What else went wrong, since one was delivered.
    pub(super) complaint: Option<(RDKafkaErrorCode, String)>,
}

impl Receipts {
    /// Nothing heard yet.
    pub(super) fn new(address: Arc<Address>, tray: Arc<Tray>) -> Receipts {
        Receipts { address, tray, heard: Mutex::default() }
    }

    /// What was heard.
    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A letter is to be sent again.
    pub(super) fn fail(&self, code: RDKafkaErrorCode, posted: Posted) {
        self.tray.put_back(posted);
        let mut heard = self.heard();
        heard.is_failed = true;
        // What was given up because of the end of the client fails in the wake of that.
        if Trouble::of(code) != Trouble::GivenUp && code != RDKafkaErrorCode::Fatal {
            self.address.meters.errors.inc();
            heard.failure = Some((code, String::new()));
        }
    }

    /// A letter can never be delivered.
    pub(super) fn lose(&self, ticket: &Ticket, error: &KafkaError) {
        let Address { topic: to, what, meters, too_large, .. } = &*self.address;
        let (topic, partition, offset) = ticket.place();
        let bytes = ticket.bytes;
        too_large.tell(clock::monotonic(), |held_back| {
            tracing::error!(topic, partition, offset, bytes, to, %error, held_back, "one of the {what} is lost: too large");
        });
        meters.lost.inc();
        self.tray.settle(ticket);
    }
}

impl ClientContext for Receipts {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        tracing::debug!(%error, reason, "sending {}", self.address.what);
        // That all are away says less than why the last one is.
        let mut heard = self.heard();
        let is_known = heard.complaint.is_some() && Trouble::of(code) == Trouble::Unreachable;
        if code != RDKafkaErrorCode::Fatal && !is_known {
            heard.complaint = Some((code, reason.to_owned()));
        }
    }
}

impl ProducerContext for Receipts {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let (error, message) = match result {
            Ok(_) => {
                self.address.meters.delivered.inc();
                self.tray.settle(&ticket);
                let mut heard = self.heard();
                heard.is_delivered = true;
                (heard.failure, heard.complaint) = (None, None);
                return;
            }
            Err(failed) => (&failed.0, &failed.1),
        };
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let letter = Letter {
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map(|headers| headers.detach()).unwrap_or_default(),
            bytes: ticket.bytes,
        };
        match Trouble::of(code) {
            Trouble::TooLarge if ticket.alone => self.lose(&ticket, error),
            Trouble::TooLarge => self.tray.put_aside(Posted { letter, ticket }),
            _ => self.fail(code, Posted { letter, ticket }),
        }
    }
}
