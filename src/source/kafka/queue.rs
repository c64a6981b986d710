//! A queue of librdkafka, read in batches: where the records of all partitions that one worker holds arrive.
//!
//! The safe interface of the `rdkafka` crate hands out one record at a time, which costs more than decoding it;
//! librdkafka's own call for batches costs a third of that. Besides the question for the id of a topic this is the
//! only module with `unsafe` code, and it does no more than it must: make a queue, lead a partition into it, take batches out, look at what is in them.
//!
//! A partition is led into its queue before it is assigned, so that no record of it ever shows up elsewhere: librdkafka
//! leaves a partition alone that the application has led somewhere. Records of an earlier assignment of the partition
//! are dropped by librdkafka itself. A batch pins the buffers its records were fetched into: work through it and let go.

#![allow(unsafe_code, reason = "librdkafka's call for batches has no safe interface")]

use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr};

use crate::event::Event;
use crate::event::decode::decode;
use crate::event::rejection::Rejection;

/// An event whose time is further ahead of its record's own, in milliseconds, is not believed.
pub const MOST_AHEAD_MS: u64 = 300_000;

/// A queue for one thread.
pub struct Queue<C: ConsumerContext + 'static> {
    native: NonNull<RDKafkaQueue>,
    /// Room for a batch; empty between batches.
    messages: Vec<*mut RDKafkaMessage>,
    /// The queue is a part of it, and has to be gone before it.
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: a queue of librdkafka may be used from any thread, and the room for a batch is empty between batches.
unsafe impl<C: ConsumerContext + 'static> Send for Queue<C> {}

/// Records that arrived together, in the order of each partition.
pub struct Batch<'q> {
    messages: &'q mut Vec<*mut RDKafkaMessage>,
}

/// Something that arrived from a partition.
#[derive(Clone, Copy)]
pub struct Arrival<'b> {
    message: &'b RDKafkaMessage,
}

/// What arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'b> {
    /// A record.
    Record(Record<'b>),
    /// The partition cannot be read at present.
    Error(RDKafkaErrorCode),
}

/// One record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'b> {
    /// Its offset.
    pub offset: i64,
    /// The key; none if it has none.
    pub key: Option<&'b [u8]>,
    /// The payload; none if it has none.
    pub payload: Option<&'b [u8]>,
    /// When its producer made it, or the broker took it, in milliseconds since 1970; none if it does not say.
    pub timestamp_ms: Option<u64>,
}

/// A header of a record: its name, and its value if it has one.
pub type Header<'b> = (Cow<'b, str>, Option<&'b [u8]>);

impl<'b> Record<'b> {
    /// What it says, if it is no longer than `most_bytes` and its time is to be believed.
    ///
    /// # Errors
    /// It is no event, or one of a time too far ahead of the record's own.
    pub fn event(&self, most_bytes: usize) -> Result<Event<'b>, Rejection> {
        let event = decode(self.payload.unwrap_or_default(), most_bytes)?;
        let time = match &event {
            Event::Contact(event) => event.time,
            Event::Agent(event) => event.time,
        };
        match self.timestamp_ms {
            Some(stamped) if time.millis() > stamped.saturating_add(MOST_AHEAD_MS) => {
                Err(Rejection::future(time, stamped))
            }
            _ => Ok(event),
        }
    }
}

/// Tells partitions apart while a batch is read: equal if and only if topic and partition are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Origin(usize, i32);

impl<C: ConsumerContext + 'static> Queue<C> {
    /// An empty queue of this consumer, with batches of at most `most` arrivals.
    pub fn new(consumer: Arc<BaseConsumer<C>>, most: usize) -> Queue<C> {
        // SAFETY: the consumer is alive, and kept alive by the queue.
        let native = unsafe { bindings::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let native = NonNull::new(native).expect("librdkafka always makes a queue");
        Queue { native, messages: Vec::with_capacity(most), consumer }
    }

    /// From now on this partition's records arrive here. To be called before the partition is assigned.
    pub fn lead_here(&self, topic: &str, partition: i32) {
        let topic = CString::new(topic).expect("Kafka allows no such name of a topic");
        let client = self.consumer.client().native_ptr();
        // SAFETY: client and name are alive; the reference to the partition's queue is given back once it is led here.
        unsafe {
            let of_partition = bindings::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
            let of_partition = NonNull::new(of_partition).expect("a consumer has a queue for every partition");
            bindings::rd_kafka_queue_forward(of_partition.as_ptr(), self.native.as_ptr());
            bindings::rd_kafka_queue_destroy(of_partition.as_ptr());
        }
    }

    /// The offset behind all of this partition that was in batches or that is no record, as the marks at the end of
    /// transactions are; none before there was anything. Asks no broker.
    pub fn position(&self, topic: &str, partition: i32) -> Option<i64> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(topic, partition);
        // SAFETY: client and list are alive, and the list is written to by nobody else.
        let error = unsafe { bindings::rd_kafka_position(self.consumer.client().native_ptr(), list.ptr()) };
        let asked =
            list.elements().into_iter().next().filter(|_| error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR)?;
        match asked.offset() {
            Offset::Offset(next) => Some(next),
            _ => None,
        }
    }

    /// What has arrived once a batch is full or `longest` has passed; possibly nothing.
    pub fn next_batch(&mut self, longest: Duration) -> Batch<'_> {
        let longest_ms = i32::try_from(longest.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is alive, the vector is empty and has room for its capacity; as many are there as are told.
        unsafe {
            let (room, most) = (self.messages.as_mut_ptr(), self.messages.capacity());
            let count = bindings::rd_kafka_consume_batch_queue(self.native.as_ptr(), longest_ms, room, most);
            self.messages.set_len(usize::try_from(count).unwrap_or(0));
        }
        Batch { messages: &mut self.messages }
    }
}

impl<C: ConsumerContext + 'static> Drop for Queue<C> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours, nobody else names it, and its consumer is still alive.
        unsafe { bindings::rd_kafka_queue_destroy(self.native.as_ptr()) }
    }
}

impl Batch<'_> {
    /// All that arrived.
    pub fn arrivals(&self) -> impl ExactSizeIterator<Item = Arrival<'_>> {
        // SAFETY: librdkafka gave these messages, and they stay until the batch is let go.
        self.messages.iter().map(|&message| Arrival { message: unsafe { &*message } })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: each message is given back once, and nothing borrowed from the batch is left.
            unsafe { bindings::rd_kafka_message_destroy(message) }
        }
    }
}

impl<'b> Arrival<'b> {
    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        Origin(self.message.rkt.addr(), self.message.partition)
    }

    /// The partition it comes from.
    pub fn partition(&self) -> i32 {
        self.message.partition
    }

    /// The name of the topic it comes from.
    pub fn topic(&self) -> &'b str {
        // SAFETY: the message holds its topic, and the name of that ends with a zero byte.
        let name = unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(self.message.rkt)) };
        name.to_str().expect("Kafka allows no such name of a topic")
    }

    /// What it is.
    pub fn content(&self) -> Content<'b> {
        match self.message.err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Content::Record(Record {
                offset: self.message.offset,
                key: bytes(self.message.key.cast(), self.message.key_len),
                payload: bytes(self.message.payload.cast(), self.message.len),
                timestamp_ms: self.timestamp_ms(),
            }),
            error => Content::Error(error.into()),
        }
    }

    /// The headers, in their order; of a name that is not UTF-8, what can be read of it. They are only unpacked when they
    /// are asked for.
    pub fn headers(&self) -> Vec<Header<'b>> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive, and where its headers are is written to; they belong to the message.
        let error = unsafe { bindings::rd_kafka_message_headers(self.message, &raw mut headers) };
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Vec::new();
        }
        let header = |at| {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers stay as long as the message does, and the three are written to.
            let error = unsafe {
                bindings::rd_kafka_header_get_all(headers, at, &raw mut name, &raw mut value, &raw mut length)
            };
            (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| {
                // SAFETY: a name ends with a zero byte, and stays as long as the message does.
                let name = unsafe { CStr::from_ptr(name) };
                (name.to_string_lossy(), bytes(value.cast(), length))
            })
        };
        (0..).map_while(header).collect()
    }

    fn timestamp_ms(&self) -> Option<u64> {
        let mut kind = bindings::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and the kind is written to.
        let timestamp = unsafe { bindings::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        // Not available is told as -1.
        u64::try_from(timestamp).ok()
    }
}

fn bytes<'b>(start: *const u8, length: usize) -> Option<&'b [u8]> {
    // SAFETY: librdkafka gives a start and the length behind it, which stay until the message is given back.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
}
