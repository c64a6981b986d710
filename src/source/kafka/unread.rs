//! Partitions that the group has given to nobody.
//!
//! A member with a fixed name that comes back is given what it had, and nobody looks whether the topic has more partitions by
//! now: those added while it was away would be nobody's until the group next shares out. And the member that shares out may
//! have been told by a broker that lags that there is no such topic yet; librdkafka (2.12) need not notice later on. So a member
//! with a fixed name asks, when it has come, who has what, until everything is somebody's, and any member does as long as it
//! has nothing; while a broker is away there is no answer. As long as something is known to be nobody's, no lane is shown; if
//! it stays so, the member leaves the group and joins it again, which makes the group share out anew. Partitions that are
//! added later are noticed by the group itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::Kafka;
use crate::source::kafka::brokers::Brokers;
use crate::source::kafka::hub::Hub;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two looks of a member that has nothing, as some may never have.
const PAUSE_OF_THE_IDLE: Duration = Duration::from_secs(5);

/// How long an answer may take: the group may be waiting meanwhile.
const LONGEST_ANSWER: Duration = Duration::from_secs(1);

/// What is nobody's for so long is not on its way from one member to another.
const LASTING: Duration = Duration::from_secs(5);

/// Who has nothing leaves more time to those who have: for the group to notice new partitions, and to hand some over.
const LASTING_OF_THE_IDLE: Duration = Duration::from_secs(30);

/// The group is given so long to share out what was nobody's.
const REJOIN_EVERY: Duration = Duration::from_secs(60);

/// Asks the group.
pub struct Unread {
    hub: Arc<Hub>,
    brokers: Arc<Brokers>,
    /// None where nobody need ask: by the newer protocol of groups the brokers share out.
    group: Option<String>,
    /// Without a fixed name the group shares out whenever a member comes.
    has_fixed_name: bool,
}

impl Unread {
    /// Looks after the topics of this hub.
    pub fn new(kafka: &Kafka, hub: Arc<Hub>, brokers: Arc<Brokers>) -> Unread {
        let group = Some(kafka.group.clone()).filter(|_| !by_newer_protocol(kafka));
        Unread { hub, brokers, group, has_fixed_name: kafka.instance.is_some() }
    }

    /// Looks again and again until everything is somebody's and this member has some of it; anew whenever it has nothing; until
    /// the hub stops.
    pub fn watch(&self) {
        let mut is_settled = !self.has_fixed_name;
        let (mut looked, mut since, mut rejoined): (Option<Instant>, Option<Instant>, Option<Instant>) =
            (None, None, None);
        while self.group.is_some() && !self.hub.is_stopping() {
            let now = clock::monotonic();
            let is_after = |instant: Option<Instant>, longest| instant.is_some_and(|instant| now - instant >= longest);
            let holds_some = !self.hub.held().is_empty();
            is_settled &= holds_some;
            if !is_settled && (holds_some || looked.is_none() || is_after(looked, PAUSE_OF_THE_IDLE)) {
                looked = Some(now);
                match self.look() {
                    Some(true) => since = since.or(Some(now)),
                    Some(false) => (is_settled, since) = (holds_some, None),
                    None => since = None,
                }
                let lasting = if holds_some { LASTING } else { LASTING_OF_THE_IDLE };
                if is_after(since, lasting) && (rejoined.is_none() || is_after(rejoined, REJOIN_EVERY)) {
                    tracing::warn!("the group has given some partitions to nobody: joining it again");
                    self.hub.rejoin();
                    (since, rejoined) = (None, Some(now));
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The same once, as soon as partitions have come, where it may be so.
    pub fn look_at_first(&self) {
        if self.has_fixed_name {
            self.look();
        }
    }

    /// Whether something is nobody's, which the hub is told; none if nobody can say at present, while the group shares out
    /// for example.
    fn look(&self) -> Option<bool> {
        let group = self.group.as_ref()?;
        let held = self.hub.held();
        let mut others = BTreeSet::new();
        // Of one that is gone nothing is anybody's.
        for (name, topic) in self.hub.topics().into_iter().filter(|(_, topic)| topic.error.is_none()) {
            let count = topic.partitions.and_then(|count| i32::try_from(count).ok()).unwrap_or(0);
            others.extend((0..count).map(|number| (name.clone(), number)));
        }
        for held in &held {
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
        // Who has nothing shows nothing either way, and need not ask again once it has some.
        if !held.is_empty() {
            self.hub.learn_unread(&unread);
        }
        Some(!unread.is_empty())
    }
}

/// Whether brokers share partitions out, and not the members of the group among themselves.
pub fn by_newer_protocol(kafka: &Kafka) -> bool {
    kafka.options.get("group.protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("consumer"))
}
