//! Clients that have forgotten all brokers.
//!
//! librdkafka (2.12) forgets brokers that an answer does not list, those of the configuration among them. One that has just
//! begun anew, or stood still for a while, lists none, not even itself: then there is nobody left to connect to, for ever.
//! So whoever has a client and hears nothing good for a while names the brokers to it anew (see [`Reminder`]).
//!
//! `unsafe` code: one call.

#![allow(unsafe_code, reason = "naming brokers to a client that is there has no safe interface")]

use std::ffi::CString;
use std::time::{Duration, Instant};

use rdkafka::bindings;
use rdkafka::client::{Client, ClientContext};

use crate::config::Kafka;

/// Where nothing good is heard for so long, brokers are named anew; and again after twice as long.
const FIRST_AFTER: Duration = Duration::from_secs(5);

/// At the latest after this: the library keeps a note of each time.
const AFTER_AT_MOST: Duration = Duration::from_secs(320);

/// Names the brokers anew to a client; those that it knows are passed over.
pub fn name_brokers_anew<C: ClientContext>(client: &Client<C>, kafka: &Kafka) {
    let Ok(brokers) = CString::new(kafka.brokers.as_str()) else { return };
    // SAFETY: the client lives as long as it is borrowed, and the list is copied.
    unsafe { bindings::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
}

/// Says when the brokers are to be named anew.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Reminder {
    /// Since when nothing good was heard, or brokers were last named; and after what time they are named next.
    unwell: Option<(Instant, Duration)>,
}

impl Reminder {
    /// Whether it is time; to be called now and then, with whether all is well.
    pub fn is_due(&mut self, is_well: bool, now: Instant) -> bool {
        if is_well {
            self.unwell = None;
            return false;
        }
        let (since, pause) = self.unwell.get_or_insert((now, FIRST_AFTER));
        let is_due = now.saturating_duration_since(*since) >= *pause;
        if is_due {
            (*since, *pause) = (now, (*pause * 2).min(AFTER_AT_MOST));
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn brokers_are_named_less_and_less_often_until_all_is_well() {
        let start = clock::monotonic();
        let due = |reminder: &mut Reminder, is_well: bool, seconds: std::ops::Range<u64>| -> Vec<u64> {
            let is_due = |second: &u64| reminder.is_due(is_well, start + Duration::from_secs(*second));
            seconds.filter(is_due).collect()
        };
        let mut reminder = Reminder::default();
        assert_eq!(due(&mut reminder, true, 0..100), [0; 0]);
        assert_eq!(due(&mut reminder, false, 100..1500), [105, 115, 135, 175, 255, 415, 735, 1055, 1375]);
        assert_eq!(due(&mut reminder, true, 1500..1501), [0; 0]);
        assert_eq!(due(&mut reminder, false, 1501..1520), [1506, 1516]);
    }
}
