//! What an error of Kafka means to whoever is on call: what was attempted, with which values, and what to do.
//!
//! Passwords and keys are never told, also where a broker or the library quotes them.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaConfRes;

use crate::config::Kafka;

/// What kind of trouble an error means: what there is to be done is the same within a kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trouble {
    /// One broker can't be reached; others may do.
    BrokerAway,
    /// No broker can be reached, or none answers in time.
    Unreachable,
    /// The brokers don't take our credentials, or not this way.
    Authentication,
    /// Encryption could not be agreed on, or a certificate is not trusted.
    Encryption,
    /// There is no such topic, or no such partition of it.
    UnknownTopic,
    /// The topic exists, and we may not use it.
    TopicForbidden,
    /// We may not be a member of the group.
    GroupForbidden,
    /// We may not write without doubling, which older brokers keep apart from writing.
    IdempotenceForbidden,
    /// A record, or a batch of them, is larger than a limit.
    TooLarge,
    /// Fewer copies of the partition are in step than a write needs.
    FewReplicas,
    /// It was given up on purpose before it was done.
    GivenUp,
    /// Anything else; the library's words have to do.
    Other,
}

impl Trouble {
    /// The kind of an error.
    pub fn of(code: RDKafkaErrorCode) -> Trouble {
        use RDKafkaErrorCode as Code;
        match code {
            Code::BrokerTransportFailure | Code::Resolve | Code::NetworkException | Code::BrokerNotAvailable => {
                Trouble::BrokerAway
            }
            Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue => Trouble::Unreachable,
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState => Trouble::Authentication,
            Code::SSL => Trouble::Encryption,
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::InvalidTopic => {
                Trouble::UnknownTopic
            }
            Code::TopicAuthorizationFailed => Trouble::TopicForbidden,
            Code::GroupAuthorizationFailed => Trouble::GroupForbidden,
            Code::ClusterAuthorizationFailed => Trouble::IdempotenceForbidden,
            Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize => Trouble::TooLarge,
            Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend | Code::ISRInsufficient => {
                Trouble::FewReplicas
            }
            Code::PurgeQueue | Code::PurgeInflight => Trouble::GivenUp,
            _ => Trouble::Other,
        }
    }

    /// The kind that an error with this reason is told as: a broker that does not like our certificate just hangs up.
    pub fn told_as(code: RDKafkaErrorCode, reason: &str) -> Trouble {
        match Trouble::of(code) {
            Trouble::BrokerAway | Trouble::Unreachable if reason.contains("SSL ") => Trouble::Encryption,
            kind => kind,
        }
    }

    /// Whether it lasts until somebody changes a setting, so that waiting is in vain.
    pub fn is_lasting(self) -> bool {
        matches!(
            self,
            Trouble::Authentication
                | Trouble::Encryption
                | Trouble::TopicForbidden
                | Trouble::GroupForbidden
                | Trouble::IdempotenceForbidden
                | Trouble::TooLarge
        )
    }
}

/// An error in words. `topics` is what was to be read or written; `reason` is what the library or the broker says, empty
/// if it says nothing more.
pub fn explain(kafka: &Kafka, topics: &str, code: RDKafkaErrorCode, reason: &str) -> String {
    let brokers = &kafka.brokers;
    let reason = match without_secrets(kafka, reason) {
        said if said.is_empty() => code.to_string(),
        // All the library says where connections are made, and closed by the other side.
        said if said.ends_with("brokers are down") => "connections fail or are closed at once".to_owned(),
        said => said,
    };
    match Trouble::told_as(code, &reason) {
        Trouble::BrokerAway => format!("a broker of {brokers} cannot be reached: {reason}"),
        Trouble::Unreachable => format!(
            "no broker of {brokers} can be reached: {reason}; check the addresses, that the brokers run, and that \
             security.protocol ({}) is what they speak there",
            security_protocol(kafka)
        ),
        Trouble::Authentication => format!(
            "the brokers at {brokers} do not accept {}: {reason}; check sasl.mechanism, sasl.username and the password",
            login(kafka)
        ),
        Trouble::Encryption => format!(
            "no encrypted connection to the brokers at {brokers}: {reason}; check ssl.ca.location (which certificates \
             to trust), ssl.certificate.location, and that they speak TLS on this port"
        ),
        Trouble::UnknownTopic => {
            format!(
                "the brokers at {brokers} know no topic {topics:?}: {reason}; create it, or check how it is spelled"
            )
        }
        Trouble::TopicForbidden => format!(
            "{} may not use the topic {topics:?} at {brokers}: {reason}; grant Describe, and Read or Write, on it",
            who(kafka)
        ),
        Trouble::GroupForbidden => {
            let group = &kafka.group;
            format!("{} may not join the group {group:?} at {brokers}: {reason}; grant Read on the group", who(kafka))
        }
        Trouble::IdempotenceForbidden => format!(
            "{} may not write without doubling at {brokers}: {reason}; grant IdempotentWrite on the cluster, or set \
             enable.idempotence to false and accept doubled records",
            who(kafka)
        ),
        Trouble::TooLarge => format!(
            "a record is too large for {topics:?}: {reason}; raise message.max.bytes here and max.message.bytes of the \
             topic, or send smaller ones"
        ),
        Trouble::FewReplicas => format!(
            "too few copies of {topics:?} are in step at {brokers}: {reason}; bring the missing brokers back, or lower \
             min.insync.replicas"
        ),
        Trouble::Other if code == RDKafkaErrorCode::FencedInstanceId => format!(
            "another member of the group {:?} at {brokers} has the name {:?} and took its place: {reason}; give each process \
             a kafka.instance of its own",
            kafka.group,
            kafka.instance.as_deref().unwrap_or_default()
        ),
        Trouble::GivenUp => format!("given up before the brokers at {brokers} confirmed it"),
        Trouble::Other => format!("{topics:?} at {brokers}: {reason}"),
    }
}

/// Any error of the library in words: one with a code as [`explain`] says it, one of a setting by its name.
pub fn explain_error(kafka: &Kafka, topics: &str, error: &KafkaError) -> String {
    match (error, error.rdkafka_error_code()) {
        // Nothing more: the value may be a password under a name that was mistyped.
        (KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, _, name, _), _) => {
            format!("there is no Kafka option {name}: see the configuration properties of librdkafka for all there are")
        }
        (KafkaError::ClientConfig(_, complaint, name, value), _) => {
            let complaint = without_secrets(kafka, complaint);
            let value = if is_secret(name) { "a value that is not shown".to_owned() } else { format!("{value:?}") };
            format!("cannot set the Kafka option {name} to {value}: {complaint}")
        }
        (KafkaError::ClientCreation(complaint), _) => {
            let complaint = without_secrets(kafka, complaint);
            format!("cannot use these Kafka options together: {complaint}; check [kafka.options] and --option")
        }
        (_, Some(code)) => explain(kafka, topics, code, ""),
        (_, None) => format!("{topics:?} at {}: {}", kafka.brokers, without_secrets(kafka, &error.to_string())),
    }
}

/// Whether an option of this name may hold what nobody should read.
fn is_secret(name: &str) -> bool {
    ["password", "secret", "pem", "oauthbearer.config"].iter().any(|part| name.contains(part))
}

fn without_secrets(kafka: &Kafka, text: &str) -> String {
    let secrets = kafka.options.iter().filter(|(name, value)| is_secret(name) && !value.is_empty());
    secrets.fold(text.to_owned(), |text, (_, secret)| text.replace(secret.as_str(), "(not shown)"))
}

fn option<'k>(kafka: &'k Kafka, names: &[&str]) -> Option<&'k str> {
    names.iter().find_map(|name| kafka.options.get(*name)).map(String::as_str)
}

fn security_protocol(kafka: &Kafka) -> &str {
    option(kafka, &["security.protocol"]).unwrap_or("plaintext")
}

/// How we log in, as far as anybody may know.
fn login(kafka: &Kafka) -> String {
    let mechanism = option(kafka, &["sasl.mechanism", "sasl.mechanisms"]);
    match (option(kafka, &["sasl.username"]), mechanism) {
        (Some(user), Some(mechanism)) => format!("the user {user:?} by {mechanism}"),
        (Some(user), None) => format!("the user {user:?}"),
        (None, Some(mechanism)) => format!("a login by {mechanism}"),
        (None, None) => "a connection without a login".to_owned(),
    }
}

fn who(kafka: &Kafka) -> String {
    match option(kafka, &["sasl.username"]) {
        Some(user) => format!("the user {user:?}"),
        None => format!("a client by {}", security_protocol(kafka)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka() -> Kafka {
        let options = [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "reader"),
            ("sasl.password", "hunter2"),
        ];
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Kafka { brokers: "one:9092".to_owned(), group: "watch".to_owned(), options, ..Kafka::default() }
    }

    #[test]
    fn every_kind_says_what_was_tried_and_what_to_do() {
        use RDKafkaErrorCode as Code;
        for (code, expected) in [
            (Code::BrokerTransportFailure, &["one:9092", "told why"][..]),
            (Code::AllBrokersDown, &["no broker of one:9092", "told why", "security.protocol (sasl_ssl)"]),
            (Code::MessageTimedOut, &["no broker of one:9092"]),
            (Code::Authentication, &["\"reader\"", "SCRAM-SHA-512", "sasl.username"]),
            (Code::SSL, &["one:9092", "ssl.ca.location"]),
            (Code::UnknownTopic, &["no topic \"events\"", "create it"]),
            (Code::UnknownTopicOrPartition, &["no topic \"events\""]),
            (Code::TopicAuthorizationFailed, &["\"reader\" may not use the topic \"events\"", "grant"]),
            (Code::GroupAuthorizationFailed, &["may not join the group \"watch\"", "grant"]),
            (Code::ClusterAuthorizationFailed, &["IdempotentWrite"]),
            (Code::MessageSizeTooLarge, &["too large", "message.max.bytes"]),
            (Code::NotEnoughReplicas, &["min.insync.replicas"]),
            (Code::CriticalSystemResource, &["one:9092", "told why"]),
        ] {
            let words = explain(&kafka(), "events", code, "told why");
            for part in expected {
                assert!(words.contains(part), "{code:?}: {words:?} without {part:?}");
            }
        }
    }

    #[test]
    fn a_hang_up_over_a_certificate_is_no_outage() {
        let reason = "Receive failed: SSL routines::ssl/tls alert bad certificate: SSL alert number 42";
        let words = explain(&kafka(), "events", RDKafkaErrorCode::AllBrokersDown, reason);
        assert!(words.contains("ssl.certificate.location") && words.contains("alert number 42"), "{words}");
        // Told apart from a broker that is merely away, it is not kept untold because that was told a moment ago.
        assert_eq!(Trouble::told_as(RDKafkaErrorCode::BrokerTransportFailure, reason), Trouble::Encryption);
        let words = explain(&kafka(), "events", RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        assert!(words.contains("no broker of one:9092") && words.contains("closed at once"), "{words}");
    }

    #[test]
    fn without_a_reason_the_name_of_the_error_is_told() {
        let words = explain(&kafka(), "events", RDKafkaErrorCode::AllBrokersDown, "");
        assert!(words.contains("AllBrokersDown"), "{words}");
    }

    #[test]
    fn passwords_are_never_told() {
        let words = explain(&kafka(), "events", RDKafkaErrorCode::Authentication, "bad login reader/hunter2");
        assert!(words.contains("reader/(not shown)") && !words.contains("hunter2"), "{words}");

        let refused = |name: &str, value: &str| {
            let mut kafka = kafka();
            kafka.options.insert(name.to_owned(), value.to_owned());
            let error = crate::kafka::client::properties(&kafka).create_native_config().err().unwrap();
            explain_error(&kafka, "events", &error)
        };
        let words = refused("sasl.pasword", "letmein");
        assert!(words.contains("sasl.pasword") && !words.contains("letmein"), "{words}");
        let words = refused("linger.ms", "soon");
        assert!(words.contains("linger.ms to \"soon\""), "{words}");

        let (name, complaint) = ("ssl.key.pem".to_owned(), "Invalid value".to_owned());
        let error =
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_INVALID, complaint, name, "letmein".to_owned());
        let words = explain_error(&kafka(), "events", &error);
        assert!(words.contains("ssl.key.pem") && !words.contains("letmein"), "{words}");
    }
}
