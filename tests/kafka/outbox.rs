//! The outbox against a broker in this process, which errs as it is told.

use std::num::NonZero;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holdline::config::Kafka;
use holdline::kafka::outbox::{Address, Letter, MOST_BYTES, MOST_LETTERS, Outbox};
use holdline::kafka::undelivered::Undelivered;
use holdline::log::Recurring;
use holdline::meters::{LetterMeters, Meters};
use prometheus::{IntCounter, Registry};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::{Cluster, Nowhere};

/// Longer than anything here takes, unless it never happens.
const PATIENCE: Duration = Duration::from_secs(60);

/// An outbox for these brokers, with what it counts and what it told.
struct Sending {
    outbox: Outbox,
    of: Arc<Undelivered>,
    meters: LetterMeters,
    told: Arc<Mutex<Vec<String>>>,
}

fn sending(brokers: &str, options: &[(&str, &str)]) -> Sending {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let kafka = Kafka { brokers: brokers.to_owned(), options, ..Kafka::default() };
    let meters = Meters::register(&Registry::new()).unwrap().dead_letters;
    let held_back = IntCounter::new("held_back", "Lines held back.").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let address = Address {
        topic: "events".to_owned(),
        what: "letters",
        meters: meters.clone(),
        too_large: Recurring::new(NonZero::<u32>::MIN, held_back),
        tell: Box::new(move |_, words| heard.lock().unwrap().push(words.to_owned())),
    };
    let of = Arc::new(Undelivered::of(Arc::from("calls"), 0));
    Sending { outbox: Outbox::open(&kafka, address).unwrap(), of, meters, told }
}

impl Sending {
    fn send(&self, offsets: Range<i64>) {
        offsets.for_each(|offset| self.outbox.send(Letter::new(Some(b"k"), Some(b"p")), &self.of, offset));
    }

    fn counted(&self) -> (u64, i64, u64) {
        (self.meters.delivered.get(), self.meters.pending.get(), self.meters.lost.get())
    }
}

#[test]
fn letters_are_done_once_they_are_confirmed() {
    let cluster = Cluster::new(2);
    let sending = sending(&cluster.brokers(), &[]);
    sending.send(0..100);
    assert!(sending.of.wait_done_before(100, PATIENCE));
    sending.outbox.close(PATIENCE);
    assert_eq!((sending.counted(), sending.meters.errors.get()), ((100, 0, 0), 0));
}

#[test]
fn what_the_library_gives_up_is_sent_again() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_INVALID_RECORD as REFUSED, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as FORBIDDEN,
    };
    let cluster = Cluster::new(2);
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &[FORBIDDEN, REFUSED, FORBIDDEN]);
    let sending = sending(&cluster.brokers(), &[]);
    sending.send(0..10);
    assert!(sending.of.wait_done_before(10, PATIENCE));
    sending.outbox.close(PATIENCE);
    assert_eq!(sending.counted(), (10, 0, 0));
    assert!(sending.meters.errors.get() >= 3, "{}", sending.meters.errors.get());
}

#[test]
fn a_client_that_refuses_further_work_is_replaced() {
    let cluster = Cluster::new(2);
    let forbidden = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    cluster.mock.request_errors(RDKafkaApiKey::InitProducerId, &[forbidden, forbidden]);
    let sending = sending(&cluster.brokers(), &[]);
    sending.send(0..10);
    assert!(sending.of.wait_done_before(10, PATIENCE));
    sending.outbox.close(PATIENCE);
    assert_eq!(sending.counted(), (10, 0, 0));
}

#[test]
fn what_is_too_large_alone_is_lost_and_what_is_so_together_is_not() {
    let cluster = Cluster::new(2);
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    // A batch to either partition, and then one that is alone.
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &[too_large; 2]);
    let sending = sending(&cluster.brokers(), &[("linger.ms", "50")]);
    sending.send(0..10);
    assert!(sending.of.wait_done_before(10, PATIENCE));
    let (delivered, pending, lost) = sending.counted();
    assert_eq!((delivered + lost, pending), (10, 0));
    assert!(lost <= 1, "{lost} letters were lost");

    let before = sending.counted();
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &[too_large; 2]);
    sending.send(10..11);
    assert!(sending.of.wait_done_before(11, PATIENCE), "it is done although it is lost");
    assert_eq!(sending.counted(), (before.0, 0, before.2 + 1));
}

#[test]
fn without_brokers_letters_wait_and_room_comes_to_an_end() {
    let nowhere = Nowhere::new();
    let sending = sending(&nowhere.address(), &[]);
    assert!(sending.outbox.wait_for_room(Duration::ZERO));
    sending.send(0..MOST_LETTERS as i64 - 1);
    assert!(sending.outbox.wait_for_room(Duration::ZERO));
    sending.send(MOST_LETTERS as i64..MOST_LETTERS as i64 + 10);
    assert!(!sending.outbox.wait_for_room(Duration::from_millis(10)));
    assert_eq!(sending.counted(), (0, MOST_LETTERS as i64 + 9, 0), "what comes nevertheless is taken");
    assert_eq!((sending.of.first(), sending.of.done_before(0), sending.of.done_before(1)), (Some(0), true, false));
    sending.outbox.close(Duration::from_millis(50));
}

#[test]
fn few_letters_that_are_large_take_all_the_room() {
    let nowhere = Nowhere::new();
    let sending = sending(&nowhere.address(), &[]);
    let large = vec![b' '; MOST_BYTES / 4];
    for (offset, has_room) in [(0, true), (1, true), (2, true), (3, false)] {
        let letter = if offset % 2 == 0 {
            Letter::new(None, Some(&large))
        } else {
            Letter::new(None, None).with_header("large", Some(&large))
        };
        sending.outbox.send(letter, &sending.of, offset);
        assert_eq!(sending.outbox.wait_for_room(Duration::ZERO), has_room, "{offset}");
    }
}

#[test]
fn why_letters_wait_is_told() {
    let cluster = Cluster::new(2);
    let forbidden = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.mock.topic_error("events", forbidden).unwrap();
    let sending = sending(&cluster.brokers(), &[]);
    sending.send(0..3);
    assert!(!sending.of.wait_done_before(3, Duration::from_secs(8)));
    let told = sending.told.lock().unwrap().join("\n");
    assert!(told.contains("letters are not delivered, 3 wait: ") && told.contains("may not use the topic"), "{told}");
    cluster.mock.topic_error("events", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    assert!(sending.of.wait_done_before(3, PATIENCE));
}

#[test]
fn options_of_readers_do_no_harm() {
    let cluster = Cluster::new(2);
    let options = [
        ("acks", "0"),
        ("request.required.acks", "1"),
        ("retries", "0"),
        ("delivery.timeout.ms", "1"),
        ("queue.buffering.max.messages", "1"),
        ("fetch.max.bytes", "1000000"),
        ("receive.message.max.bytes", "1000512"),
        ("session.timeout.ms", "6000"),
        ("group.protocol", "consumer"),
    ];
    let sending = sending(&cluster.brokers(), &options);
    sending.send(0..100);
    assert!(sending.of.wait_done_before(100, PATIENCE));
    assert_eq!(sending.counted(), (100, 0, 0));
}
