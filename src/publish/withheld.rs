//! Why nothing is said about lanes: a closed list, for machines by name and for people in a sentence.
//!
//! Whoever runs the service finds out which of them apply, except one: that nobody puts snapshots together any more is
//! for the reader of snapshots to notice.

use std::fmt;

use crate::publish::snapshot::Snapshot;

/// Partitions or topics that are told by name; further ones are only counted.
const TOLD: usize = 10;

/// A reason to say nothing about lanes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Withheld {
    /// Nothing has been read yet.
    Starting,
    /// The group gave this process no partitions.
    NoPartitions,
    /// Not all that the broker has was read, of these partitions: topic and number, at least one.
    NotCaughtUp(Vec<(String, i32)>),
    /// No broker has answered for a while, so that nobody knows what there is to be read.
    BrokerSilent,
    /// Partitions were added to this topic in use: the events of open contacts are spread over old and new ones.
    PartitionsAdded(String),
    /// The group has given some partitions of this topic to none of its members.
    PartitionsUnread(String),
    /// The broker knows no topic of this name.
    UnknownTopic(String),
    /// The broker does not say how many partitions this topic has.
    TopicUnavailable(String),
    /// The latest snapshot is older than [`Snapshot::LONGEST_SHOWN`]: a thread of this process is stuck or dead.
    Stale,
}

impl Withheld {
    /// The names of all reasons, in their order.
    pub const NAMES: [&'static str; 9] = [
        "starting",
        "no_partitions",
        "not_caught_up",
        "broker_silent",
        "partitions_added",
        "partitions_unread",
        "unknown_topic",
        "topic_unavailable",
        "stale",
    ];

    /// The name in labels.
    pub const fn name(&self) -> &'static str {
        let at = match self {
            Withheld::Starting => 0,
            Withheld::NoPartitions => 1,
            Withheld::NotCaughtUp(_) => 2,
            Withheld::BrokerSilent => 3,
            Withheld::PartitionsAdded(_) => 4,
            Withheld::PartitionsUnread(_) => 5,
            Withheld::UnknownTopic(_) => 6,
            Withheld::TopicUnavailable(_) => 7,
            Withheld::Stale => 8,
        };
        Withheld::NAMES[at]
    }
}

/// A sentence on one line, without a full stop.
impl fmt::Display for Withheld {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Withheld::Starting => formatter.write_str("starting: nothing has been read yet"),
            Withheld::NoPartitions => formatter
                .write_str("no partitions: the consumer group gave this process none, others hold them or will share"),
            Withheld::NotCaughtUp(partitions) => {
                formatter.write_str("not caught up: ")?;
                for (at, (topic, partition)) in partitions.iter().take(TOLD).enumerate() {
                    let between = if at == 0 { "" } else { ", " };
                    write!(formatter, "{between}{} {partition}", OneLine(topic))?;
                }
                match partitions.len().checked_sub(TOLD) {
                    Some(more @ 1..) => write!(formatter, " and {more} more"),
                    _ => Ok(()),
                }
            }
            Withheld::BrokerSilent => formatter.write_str("broker silent: no broker has answered for a while"),
            Withheld::PartitionsAdded(topic) => write!(
                formatter,
                "partitions added: topic {} has more partitions than before, so that the events of open contacts are spread \
                 over two of them; once all that were open then are over, restart",
                OneLine(topic)
            ),
            Withheld::PartitionsUnread(topic) => write!(
                formatter,
                "partitions unread: the group has given some partitions of {} to nobody; it is about to share out anew",
                OneLine(topic)
            ),
            Withheld::UnknownTopic(topic) => {
                write!(formatter, "unknown topic: the broker knows no topic {}", OneLine(topic))
            }
            Withheld::TopicUnavailable(topic) => {
                write!(formatter, "topic unavailable: the broker does not say what partitions {} has", OneLine(topic))
            }
            Withheld::Stale => {
                let longest = Snapshot::LONGEST_SHOWN.as_secs();
                write!(
                    formatter,
                    "stale: nothing was put together for more than {longest} s, a thread is stuck or dead"
                )
            }
        }
    }
}

/// A name from outside that must not begin a line of its own.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.chars().any(char::is_control) {
            write!(formatter, "{}", self.0.escape_debug())
        } else {
            formatter.write_str(self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_partitions_are_counted() {
        let partitions = |count| Withheld::NotCaughtUp((0..count).map(|number| ("calls".to_owned(), number)).collect());
        assert_eq!(partitions(2).to_string(), "not caught up: calls 0, calls 1");
        assert!(partitions(10).to_string().ends_with(", calls 8, calls 9"));
        assert!(partitions(12).to_string().ends_with(", calls 9 and 2 more"));
    }

    #[test]
    fn each_name_is_that_of_one_reason() {
        let topic = || "calls".to_owned();
        let reasons = [
            Withheld::Starting,
            Withheld::NoPartitions,
            Withheld::NotCaughtUp(vec![(topic(), 0)]),
            Withheld::BrokerSilent,
            Withheld::PartitionsAdded(topic()),
            Withheld::PartitionsUnread(topic()),
            Withheld::UnknownTopic(topic()),
            Withheld::TopicUnavailable(topic()),
            Withheld::Stale,
        ];
        assert_eq!(reasons.each_ref().map(Withheld::name), Withheld::NAMES);
        for reason in reasons {
            let begins = reason.name().replace('_', " ");
            assert!(reason.to_string().starts_with(&begins), "{reason}");
        }
    }

    #[test]
    fn a_reason_is_one_line() {
        let reason = Withheld::UnknownTopic("a\nready".to_owned());
        assert_eq!(reason.to_string(), "unknown topic: the broker knows no topic a\\nready");
    }
}
