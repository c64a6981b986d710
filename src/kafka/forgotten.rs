//! Clients that have forgotten all brokers.
//!
//! librdkafka (2.12) forgets brokers that an answer does not list, those of the configuration among them. One that has just
//! begun anew, or stood still for a while, lists none, not even itself: then there is nobody left to connect to, for ever.
//!
//! `unsafe` code: one call.

#![allow(unsafe_code, reason = "naming brokers to a client that is there has no safe interface")]

use std::ffi::CString;

use rdkafka::bindings;
use rdkafka::client::{Client, ClientContext};

use crate::config::Kafka;

/// Names the brokers anew to a client; those that it knows are passed over. It keeps a note of each call, so not too often.
pub fn name_brokers_anew<C: ClientContext>(client: &Client<C>, kafka: &Kafka) {
    let Ok(brokers) = CString::new(kafka.brokers.as_str()) else { return };
    // SAFETY: the client lives as long as it is borrowed, and the list is copied.
    unsafe { bindings::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) };
}
