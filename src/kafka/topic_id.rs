//! The id of a topic: a topic that was deleted and made anew has the same name and another id.
//!
//! The safe interface of the `rdkafka` crate does not ask for it. Besides the queue of records this is the only module with
//! `unsafe` code: one question, and the answer copied out of it.

#![allow(unsafe_code, reason = "librdkafka's question for topics has no safe interface")]

use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::{RDKafka, RDKafkaRespErr};

/// What is told as the id of a topic that has none.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// The id of a topic, as Kafka writes it: 22 letters, digits, `-` and `_`.
///
/// # Errors
/// No answer within this time, or the topic is not there or may not be used.
pub fn of<C: ConsumerContext + 'static>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    within: Duration,
) -> Result<Arc<str>, RDKafkaErrorCode> {
    let topic = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let within_ms = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    let client = consumer.client().native_ptr();
    // SAFETY: the client is alive as long as the consumer is. Whatever is made here is given back below, once each, and
    // what the answer points to is copied before the answer is given back.
    unsafe {
        let mut names = [topic.as_ptr()];
        let topics = bindings::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let operation = bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = bindings::rd_kafka_AdminOptions_new(client, operation);
        // A time that is refused is replaced by the usual one, and the answer is waited for no longer all the same.
        bindings::rd_kafka_AdminOptions_set_request_timeout(options, within_ms, ptr::null_mut(), 0);
        let answer = ask(client, topics, options, within_ms);
        bindings::rd_kafka_AdminOptions_destroy(options);
        bindings::rd_kafka_TopicCollection_destroy(topics);
        answer
    }
}

/// # Safety
/// All pointers are alive.
unsafe fn ask(
    client: *mut RDKafka,
    topics: *const bindings::rd_kafka_TopicCollection_t,
    options: *const bindings::rd_kafka_AdminOptions_t,
    within_ms: i32,
) -> Result<Arc<str>, RDKafkaErrorCode> {
    // SAFETY: as above; the queue is ours and given back after the last use of what came through it.
    unsafe {
        let queue = bindings::rd_kafka_queue_new(client);
        bindings::rd_kafka_DescribeTopics(client, topics, options, queue);
        let event = NonNull::new(bindings::rd_kafka_queue_poll(queue, within_ms));
        let answer = event.map_or(Err(RDKafkaErrorCode::OperationTimedOut), |event| id_in(event));
        if let Some(event) = event {
            bindings::rd_kafka_event_destroy(event.as_ptr());
        }
        bindings::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// # Safety
/// The event is alive.
unsafe fn id_in(event: NonNull<bindings::rd_kafka_event_t>) -> Result<Arc<str>, RDKafkaErrorCode> {
    let checked = |error: RDKafkaRespErr| match error {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(RDKafkaErrorCode::from(error)),
    };
    // SAFETY: the event is alive, and with it all that it points to.
    unsafe {
        checked(bindings::rd_kafka_event_error(event.as_ptr()))?;
        let result = bindings::rd_kafka_event_DescribeTopics_result(event.as_ptr());
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let mut count = 0;
        let described = bindings::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if described.is_null() || count == 0 {
            return Err(RDKafkaErrorCode::UnknownTopic);
        }
        let topic = *described;
        let error = bindings::rd_kafka_TopicDescription_error(topic);
        if !error.is_null() {
            checked(bindings::rd_kafka_error_code(error))?;
        }
        let id = bindings::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let text = NonNull::new(bindings::rd_kafka_Uuid_base64str(id).cast_mut()).ok_or(RDKafkaErrorCode::Fail)?;
        let text = CStr::from_ptr(text.as_ptr()).to_str().map_err(|_| RDKafkaErrorCode::Fail)?;
        // As Kafka's own tools write it, and as a file can be called.
        let text = text.replace('+', "-").replace('/', "_");
        // Brokers before 2.8 know of no ids.
        if text == NO_ID { Err(RDKafkaErrorCode::UnsupportedVersion) } else { Ok(Arc::from(text)) }
    }
}
