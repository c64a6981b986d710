//! Questions to brokers: which topic it is that has a name, and which partitions a group has given to its members.
//!
//! A topic that was deleted and made anew has the same name and another id. The safe interface of the `rdkafka` crate asks for
//! neither. Besides the queue of records this is the only module with `unsafe` code: two questions, and the answers copied
//! out of them.

#![allow(unsafe_code, reason = "these questions of librdkafka have no safe interface")]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::slice;
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
pub fn topic_id<C: ConsumerContext + 'static>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    within: Duration,
) -> Result<Arc<str>, RDKafkaErrorCode> {
    let topic = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let mut names = [topic.as_ptr()];
    let operation = bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    // SAFETY: the names outlive the collection, and the collection the question.
    unsafe {
        let topics = bindings::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        let put = |client, options, queue| bindings::rd_kafka_DescribeTopics(client, topics, options, queue);
        let answer = ask(consumer, operation, within, put, |event| id_in(event));
        bindings::rd_kafka_TopicCollection_destroy(topics);
        answer
    }
}

/// The partitions that a group has given to its members, by topic and number; none while it is about to share them out.
///
/// # Errors
/// No answer within this time, or the group may not be asked about.
pub fn given_out<C: ConsumerContext + 'static>(
    consumer: &BaseConsumer<C>,
    group: &str,
    within: Duration,
) -> Result<Option<BTreeSet<(String, i32)>>, RDKafkaErrorCode> {
    let group = CString::new(group).map_err(|_| RDKafkaErrorCode::InvalidGroupId)?;
    let mut names = [group.as_ptr()];
    let operation = bindings::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
    // SAFETY: the names outlive the question.
    unsafe {
        let put = |client, options, queue| {
            bindings::rd_kafka_DescribeConsumerGroups(client, names.as_mut_ptr(), names.len(), options, queue);
        };
        ask(consumer, operation, within, put, |event| given_out_in(event))
    }
}

/// Puts a question and reads the answer; the options and the queue that the question is put with are alive until then.
///
/// # Safety
/// What `put` asks is of this operation, and `read` keeps nothing that the event points to.
unsafe fn ask<C: ConsumerContext + 'static, A>(
    consumer: &BaseConsumer<C>,
    operation: bindings::rd_kafka_admin_op_t,
    within: Duration,
    put: impl FnOnce(*mut RDKafka, *const bindings::rd_kafka_AdminOptions_t, *mut bindings::rd_kafka_queue_t),
    read: impl FnOnce(NonNull<bindings::rd_kafka_event_t>) -> Result<A, RDKafkaErrorCode>,
) -> Result<A, RDKafkaErrorCode> {
    let within_ms = i32::try_from(within.as_millis()).unwrap_or(i32::MAX);
    let client = consumer.client().native_ptr();
    // SAFETY: the client is alive as long as the consumer is. Whatever is made here is given back once, after its last use.
    unsafe {
        let options = bindings::rd_kafka_AdminOptions_new(client, operation);
        // A time that is refused is replaced by the usual one, and the answer is waited for no longer all the same.
        bindings::rd_kafka_AdminOptions_set_request_timeout(options, within_ms, ptr::null_mut(), 0);
        let queue = bindings::rd_kafka_queue_new(client);
        put(client, options, queue);
        let event = NonNull::new(bindings::rd_kafka_queue_poll(queue, within_ms));
        let answer = event.map_or(Err(RDKafkaErrorCode::OperationTimedOut), |event| {
            checked(bindings::rd_kafka_event_error(event.as_ptr()))?;
            read(event)
        });
        if let Some(event) = event {
            bindings::rd_kafka_event_destroy(event.as_ptr());
        }
        bindings::rd_kafka_queue_destroy(queue);
        bindings::rd_kafka_AdminOptions_destroy(options);
        answer
    }
}

fn checked(error: RDKafkaRespErr) -> Result<(), RDKafkaErrorCode> {
    match error {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(RDKafkaErrorCode::from(error)),
    }
}

/// # Safety
/// The error is alive, or null.
unsafe fn checked_at(error: *const bindings::rd_kafka_error_t) -> Result<(), RDKafkaErrorCode> {
    // SAFETY: as said above.
    if error.is_null() { Ok(()) } else { checked(unsafe { bindings::rd_kafka_error_code(error) }) }
}

/// # Safety
/// The event is alive.
unsafe fn id_in(event: NonNull<bindings::rd_kafka_event_t>) -> Result<Arc<str>, RDKafkaErrorCode> {
    // SAFETY: the event is alive, and with it all that it points to.
    unsafe {
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
        checked_at(bindings::rd_kafka_TopicDescription_error(topic))?;
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

/// # Safety
/// The event is alive.
unsafe fn given_out_in(
    event: NonNull<bindings::rd_kafka_event_t>,
) -> Result<Option<BTreeSet<(String, i32)>>, RDKafkaErrorCode> {
    // SAFETY: the event is alive, and with it all that it points to.
    unsafe {
        let result = bindings::rd_kafka_event_DescribeConsumerGroups_result(event.as_ptr());
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let mut count = 0;
        let described = bindings::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        if described.is_null() || count == 0 {
            return Err(RDKafkaErrorCode::InvalidGroupId);
        }
        let group = *described;
        checked_at(bindings::rd_kafka_ConsumerGroupDescription_error(group))?;
        let stable = bindings::rd_kafka_consumer_group_state_t::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
        if bindings::rd_kafka_ConsumerGroupDescription_state(group) != stable {
            return Ok(None);
        }
        let mut given_out = BTreeSet::new();
        for number in 0..bindings::rd_kafka_ConsumerGroupDescription_member_count(group) {
            let member = bindings::rd_kafka_ConsumerGroupDescription_member(group, number);
            let assignment = bindings::rd_kafka_MemberDescription_assignment(member);
            if assignment.is_null() {
                continue;
            }
            let Some(list) = bindings::rd_kafka_MemberAssignment_partitions(assignment).as_ref() else { continue };
            if list.elems.is_null() {
                continue;
            }
            for element in slice::from_raw_parts(list.elems, usize::try_from(list.cnt).unwrap_or(0)) {
                let topic = CStr::from_ptr(element.topic).to_string_lossy().into_owned();
                given_out.insert((topic, element.partition));
            }
        }
        Ok(Some(given_out))
    }
}
