//! Partitions that the group has given to nobody.
//!
//! A member with a fixed name that comes back is given what it had, and nobody looks whether the topic has more partitions by
//! now: those added while it was away would be nobody's until the group next shares out. So members with fixed names ask who
//! has what. While something is nobody's, no lane is shown, and they leave the group and join it again, which makes it share
//! out anew.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Kafka;
use crate::source::kafka::brokers::Brokers;
use crate::source::kafka::hub::Hub;

/// Asks the group.
pub struct Unread {
    hub: Arc<Hub>,
    brokers: Arc<Brokers>,
    /// None where members have no fixed names, for then the group shares out whenever one comes.
    group: Option<String>,
}

impl Unread {
    /// Looks after the topics of this hub.
    pub fn new(kafka: &Kafka, hub: Arc<Hub>, brokers: Arc<Brokers>) -> Unread {
        Unread { hub, brokers, group: kafka.instance.is_some().then(|| kafka.group.clone()) }
    }

    /// The topics of which some partitions are nobody's; none if nobody can say at present, while the group shares out for
    /// example. The answer may take so long.
    pub fn topics(&self, within: Duration) -> Option<BTreeSet<String>> {
        let partitions = self.hub.topics().into_iter().filter_map(|(name, topic)| Some((name, topic.partitions?)));
        let held = self.hub.held();
        let is_ours = |topic: &str, number: i32| held.iter().any(|held| *held.topic == *topic && held.partition == number);
        let others: Vec<(String, i32)> = partitions
            .flat_map(|(name, count)| (0..i32::try_from(count).unwrap_or(i32::MAX)).map(move |number| (name.clone(), number)))
            .filter(|(topic, number)| !is_ours(topic, *number))
            .collect();
        let Some(group) = self.group.as_ref().filter(|_| !others.is_empty()) else { return Some(BTreeSet::new()) };
        let given_out = match self.brokers.given_out(group, within) {
            Ok(given_out) => given_out?,
            Err(error) => {
                tracing::debug!(group, %error, "brokers do not say who has which partition");
                return None;
            }
        };
        Some(others.into_iter().filter(|other| !given_out.contains(other)).map(|(topic, _)| topic).collect())
    }
}
