//! Partitions that the group has given to nobody.
//!
//! A member with a fixed name that comes back is given what it had, and nobody looks whether the topic has more partitions by
//! now: those added while it was away would be nobody's until the group next shares out. So a member with a fixed name asks,
//! when it has come, who has what, until everything is somebody's; while a broker is away there is no answer. As long as
//! something is known to be nobody's, no lane is shown; if it stays so, the member leaves the group and joins it again, which
//! makes the group share out anew. Partitions that are added later are noticed by the group itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::Kafka;
use crate::source::kafka::brokers::Brokers;
use crate::source::kafka::hub::Hub;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How long an answer may take: the group may be waiting meanwhile.
const LONGEST_ANSWER: Duration = Duration::from_secs(1);

/// What is nobody's for so long is not on its way from one member to another.
const LASTING: Duration = Duration::from_secs(5);

/// The group is given so long to share out what was nobody's.
const REJOIN_EVERY: Duration = Duration::from_secs(60);

/// Asks the group.
pub struct Unread {
    hub: Arc<Hub>,
    brokers: Arc<Brokers>,
    /// None where nobody need ask: without fixed names the group shares out whenever a member comes, and by its newer protocol
    /// the brokers do.
    group: Option<String>,
}

impl Unread {
    /// Looks after the topics of this hub.
    pub fn new(kafka: &Kafka, hub: Arc<Hub>, brokers: Arc<Brokers>) -> Unread {
        let needs_to_ask = kafka.instance.is_some() && !by_newer_protocol(kafka);
        Unread { hub, brokers, group: needs_to_ask.then(|| kafka.group.clone()) }
    }

    /// Looks again and again until everything is somebody's, or the hub stops.
    pub fn watch(&self) {
        let (mut since, mut rejoined): (Option<Instant>, Option<Instant>) = (None, None);
        while self.group.is_some() && !self.hub.is_stopping() {
            let now = clock::monotonic();
            let is_here = !self.hub.held().is_empty();
            match is_here.then(|| self.look()).flatten() {
                Some(true) => since = since.or(Some(now)),
                Some(false) => return,
                None => {}
            }
            let is_after = |instant: Option<Instant>, longest| instant.is_some_and(|instant| now - instant >= longest);
            if is_after(since, LASTING) && (rejoined.is_none() || is_after(rejoined, REJOIN_EVERY)) {
                tracing::warn!("the group has given some partitions to nobody: joining it again");
                self.hub.rejoin();
                (since, rejoined) = (None, Some(now));
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether something is nobody's, which the hub is told; none if nobody can say at present, while the group shares out
    /// for example.
    pub fn look(&self) -> Option<bool> {
        let group = self.group.as_ref()?;
        let held = self.hub.held();
        let mut others = BTreeSet::new();
        for (name, topic) in self.hub.topics() {
            let count = topic.partitions.and_then(|count| i32::try_from(count).ok()).unwrap_or(0);
            others.extend((0..count).map(|number| (name.clone(), number)));
        }
        for held in held {
            others.remove(&(held.topic.to_string(), held.partition));
        }
        if !others.is_empty() {
            match self.brokers.given_out(group, LONGEST_ANSWER) {
                Ok(given_out) => {
                    let given_out = given_out?;
                    others.retain(|other| !given_out.contains(other));
                }
                Err(error) => {
                    tracing::debug!(group, %error, "brokers do not say who has which partition");
                    return None;
                }
            }
        }
        let unread: BTreeSet<String> = others.into_iter().map(|(topic, _)| topic).collect();
        self.hub.learn_unread(&unread);
        Some(!unread.is_empty())
    }
}

/// Whether brokers share partitions out, and not the members of the group among themselves.
pub fn by_newer_protocol(kafka: &Kafka) -> bool {
    kafka.options.get("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
}
