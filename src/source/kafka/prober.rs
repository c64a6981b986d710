//! Asks the brokers again and again where partitions end and how many a topic has.
//!
//! A thread of its own, because a broker that does not answer keeps whoever asks waiting, and nobody else may wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::clock;
use crate::source::kafka::hub::Hub;
use crate::source::kafka::progress::Moment;
use crate::source::kafka::rebalance::Context;

/// Between two rounds over all partitions.
const PAUSE: Duration = Duration::from_millis(250);

/// A round takes at most this part of the time: many partitions are asked about less often.
const PAUSES_PER_ROUND: u32 = 2;

/// How often topics are asked about; a new partition is noticed after this.
const TOPICS_EVERY: Duration = Duration::from_secs(5);

/// How long an answer may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// The thread's own things.
pub struct Prober {
    hub: Arc<Hub>,
    consumer: Arc<BaseConsumer<Context>>,
    topics_asked: Option<Instant>,
}

impl Prober {
    /// Asks for the partitions and topics of this hub.
    pub fn new(hub: Arc<Hub>, consumer: Arc<BaseConsumer<Context>>) -> Prober {
        Prober { hub, consumer, topics_asked: None }
    }

    /// Asks until the hub stops.
    pub fn run(mut self) {
        while !self.hub.is_stopping() {
            let started = clock::monotonic();
            if self.topics_asked.is_none_or(|asked| started.saturating_duration_since(asked) >= TOPICS_EVERY) {
                self.topics_asked = Some(started);
                self.ask_about_topics();
            }
            self.ask_about_ends();
            let took = clock::monotonic().saturating_duration_since(started);
            std::thread::sleep(PAUSE.max((took * PAUSES_PER_ROUND).min(LONGEST_ANSWER)));
        }
    }

    fn ask_about_ends(&self) {
        for held in self.hub.held() {
            if self.hub.is_stopping() {
                return;
            }
            let asked = now();
            match self.consumer.fetch_watermarks(&held.topic, held.partition, LONGEST_ANSWER) {
                Ok((oldest, end)) => {
                    held.live_from.get_or_init(|| end);
                    held.progress.answered((oldest, end), asked);
                }
                Err(error) => {
                    let asking = format!("asking for the end of partition {} of {}", held.partition, held.topic);
                    self.tell(&error, &asking);
                }
            }
        }
    }

    fn ask_about_topics(&self) {
        for topic in self.hub.topics().keys() {
            let answer = match self.consumer.fetch_metadata(Some(topic), LONGEST_ANSWER) {
                Ok(answer) => answer,
                Err(error) => {
                    self.tell(&error, &format!("asking about the topic {topic}"));
                    return;
                }
            };
            let Some(told) = answer.topics().iter().find(|told| told.name() == topic) else { continue };
            let partitions = match told.error().map(RDKafkaErrorCode::from) {
                None => Ok(u32::try_from(told.partitions().len()).unwrap_or(u32::MAX)),
                Some(code) => {
                    self.tell(&KafkaError::Global(code), &format!("asking about the topic {topic}"));
                    Err(code)
                }
            };
            self.hub.learn(topic, partitions, now());
        }
    }

    fn tell(&self, error: &KafkaError, asking: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        self.consumer.context().trouble(code, asking);
    }
}

fn now() -> Moment {
    Moment { wall: clock::wall(), at: clock::monotonic() }
}
