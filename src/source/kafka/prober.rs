//! Asks the brokers again and again where partitions end and how many a topic has.
//!
//! A thread of its own, because a broker that does not answer keeps whoever asks waiting, and nobody else may wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::clock;
use crate::config::Kafka;
use crate::kafka::forgotten::{Reminder, name_brokers_anew};
use crate::kafka::trouble::Trouble;
use crate::source::kafka::brokers::{Brokers, Partition};
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
    brokers: Arc<Brokers>,
    consumer: Arc<BaseConsumer<Context>>,
    kafka: Kafka,
    topics_asked: Option<Instant>,
    reminder: Reminder,
}

impl Prober {
    /// Asks for the partitions and topics of this hub.
    pub fn new(hub: Arc<Hub>, brokers: Arc<Brokers>, consumer: Arc<BaseConsumer<Context>>, kafka: Kafka) -> Prober {
        Prober { hub, brokers, consumer, kafka, topics_asked: None, reminder: Reminder::default() }
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
            self.name_brokers_where_unwell();
            let took = clock::monotonic().saturating_duration_since(started);
            std::thread::sleep(PAUSE.max((took * PAUSES_PER_ROUND).min(LONGEST_ANSWER)));
        }
    }

    fn name_brokers_where_unwell(&mut self) {
        let (now, held) = (clock::monotonic(), self.hub.held());
        let is_well = !held.is_empty() && held.iter().all(|held| held.progress.standing(now).behind.is_none());
        if self.reminder.is_due(is_well, now) {
            self.brokers.name_anew(&self.kafka);
            name_brokers_anew(self.consumer.client(), &self.kafka);
        }
    }

    fn ask_about_ends(&self) {
        let held = self.hub.held();
        if held.is_empty() {
            return;
        }
        let partitions: Vec<Partition> = held.iter().map(|held| (held.topic.to_string(), held.partition)).collect();
        // What was read before the question cannot be beyond its answer.
        let read: Vec<i64> = held.iter().map(|held| held.progress.next()).collect();
        let asked = now();
        let ends = self.brokers.ends(&partitions, LONGEST_ANSWER);
        let mut unanswered = None;
        for ((held, read), ends) in held.iter().zip(read).zip(ends) {
            match ends {
                Ok((oldest, end)) => {
                    held.live_from.get_or_init(|| end);
                    held.progress.answered((oldest, end), read, asked);
                }
                Err(code) => unanswered = Some((held, code)),
            }
            if held.progress.was_cut_off(asked.at) {
                self.hub.fail(anyhow::anyhow!(
                    "partition {} of {} ends before what was read of it: the topic was cut off, or deleted and made anew; \
                     ending, so that the next start reads it from its beginning",
                    held.partition,
                    held.topic
                ));
            }
        }
        if let Some((held, code)) = unanswered {
            self.consumer
                .context()
                .silence(&format!("where partition {} of {} ends", held.partition, held.topic), code);
        }
    }

    fn ask_about_topics(&self) {
        for topic in self.hub.topics().keys() {
            match self.brokers.partitions(topic, LONGEST_ANSWER) {
                // No answer is none about the topic.
                Err(code) if matches!(Trouble::of(code), Trouble::Unreachable | Trouble::BrokerAway) => {
                    self.consumer.context().silence(&format!("about the topic {topic}"), code);
                    return;
                }
                Err(code) => {
                    self.consumer.context().trouble(code, "");
                    self.hub.learn(topic, Err(code), now());
                }
                Ok(partitions) => self.hub.learn(topic, Ok(partitions), now()),
            }
            // Asked only where it was asked before, so that whoever needs no ids need not be allowed to ask.
            let known = self.hub.topics().remove(topic).and_then(|topic| topic.id);
            if known.is_some()
                && let Ok(id) = self.brokers.topic_id(topic, LONGEST_ANSWER)
                && !self.hub.identify(topic, &id)
            {
                self.hub.fail(anyhow::anyhow!(
                    "the topic {topic} was deleted and made anew; ending, so that the next start reads it from its beginning"
                ));
            }
        }
    }
}

fn now() -> Moment {
    Moment { wall: clock::wall(), at: clock::monotonic() }
}
