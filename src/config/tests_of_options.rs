//! The options of the Kafka client: how they can be written, what is refused, and that no secret is told.

use super::tests::{config, owned, parse, refused, refused_with};
use super::tests_of_service::Secret;
use super::*;

fn options(text: &str, environment: &[(&str, &str)]) -> Vec<(String, String)> {
    config(text, environment).kafka.options.into_iter().collect()
}

#[test]
fn options_are_told_in_whatever_way_toml_has() {
    let text = "[kafka.options]\n'security.protocol' = 'ssl'\nssl.key.password = '1'\nenable.ssl.certificate.verification = true\n\
         [kafka.options.fetch]\nmin.bytes = 0x10\n'wait.max.ms' = 7";
    let expected = [
        ("enable.ssl.certificate.verification", "true"),
        ("fetch.min.bytes", "16"),
        ("fetch.wait.max.ms", "7"),
        ("security.protocol", "ssl"),
        ("ssl.key.password", "1"),
    ];
    assert_eq!(options(text, &[]), owned(&expected));
    let strategy = "[kafka.options]\npartition.assignment.strategy = 'cooperative-sticky'\ngroup.protocol = 'classic'";
    assert_eq!(options(strategy, &[]).len(), 2);
}

#[test]
fn options_that_the_client_refuses() {
    let (_, version) = rdkafka::util::get_rdkafka_version();
    refused(
        "[kafka.options]\nsasl.passwort = 'x'",
        &[&format!(
            "2:6: kafka.options.sasl.passwort: is no property of librdkafka {version}: see the list in its CONFIGURATION.md"
        )],
    );
    let option = |written: &str, message: &str| refused(&format!("[kafka]\noptions.{written}"), &[message]);
    option(
        "session.timeout.ms = 0",
        "2:25: kafka.options.session.timeout.ms: librdkafka refuses it: Configuration property \"session.timeout.ms\" \
         value 0 is outside allowed range 1..3600000",
    );
    option(
        "session.timeout.ms = '6s'",
        "2:25: kafka.options.session.timeout.ms: librdkafka would take it for 6: write a whole number without unit",
    );
    option(
        "session.timeout.ms = 4294973296",
        "2:25: kafka.options.session.timeout.ms: librdkafka would take it for 6000: write a whole number without unit",
    );
    option(
        "security.protocol = 'tls'",
        "2:18: kafka.options.security.protocol: librdkafka refuses it: Invalid value \"tls\" for configuration property \
         \"security.protocol\"",
    );
    option("client.id = 2020-01-01", "2:16: kafka.options.client.id: is a date: write the value in quotes");
    option("client.id = ['a']", "2:16: kafka.options.client.id: is a list: write one text, its parts with commas");
    option("client.id = \"\\u0000\"", "2:16: kafka.options.client.id: holds a null character: take it away");
    refused(
        "[kafka]\noptions = 3",
        &["2:1: kafka.options: 3 is not a section: its keys go under a header in brackets"],
    );
}

#[test]
fn options_that_the_service_decides() {
    for (name, fix) in [
        ("bootstrap.servers", "write it as kafka.brokers"),
        ("metadata.broker.list", "write it as kafka.brokers"),
        ("group.id", "write it as kafka.group"),
        ("group.instance.id", "write it as kafka.instance"),
        ("auto.offset.reset", "where reading begins is decided by the service: see kafka.look_back"),
        ("enable.auto.commit", "what has been read is noted by the service itself"),
        ("enable.auto.offset.store", "what has been read is noted by the service itself"),
        ("enable.partition.eof", "how the service knows that it has caught up is its own affair"),
        ("log_level", "what is logged is decided by log.filter"),
    ] {
        refused(
            &format!("[kafka.options]\n'{name}' = 'x'\n[kafka.options_from_files]\n'{name}.' = '/nonexistent'"),
            &[
                &format!("2:1: kafka.options.{name}: cannot be set here: {fix}"),
                &format!(
                    "4:1: kafka.options_from_files.{name}.: is no property of librdkafka {}: see the list in its \
                     CONFIGURATION.md",
                    rdkafka::util::get_rdkafka_version().1
                ),
            ],
        );
    }
    refused(
        "[kafka.options_from_files]\ngroup.id = '/nonexistent'",
        &["2:7: kafka.options_from_files.group.id: cannot be set here: write it as kafka.group"],
    );
    refused(
        "[kafka.options]\npartition.assignment.strategy = 'range'",
        &["2:22: kafka.options.partition.assignment.strategy: can only be \"cooperative-sticky\": with others every \
           reader stops whenever one comes or goes"],
    );
    refused(
        "[kafka.options]\ngroup.protocol = 'consumer'\nsession.timeout.ms = 6000",
        &[
            "3:17: kafka.options.session.timeout.ms: is decided by the brokers with group.protocol = \"consumer\": take \
           either away",
        ],
    );
    assert_eq!(options("[kafka.options]\ngroup.protocol = 'consumer'\nfetch.min.bytes = 2", &[]).len(), 2);
}

/// Every name in the table is one of the library's, so that none of them is misspelled.
#[test]
fn what_the_service_decides_exists() {
    for name in options::own() {
        let set = rdkafka::ClientConfig::new().set(name, "").create_native_config();
        let unknown = rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;
        assert!(!matches!(set, Err(rdkafka::error::KafkaError::ClientConfig(of, ..)) if of == unknown), "{name}");
    }
}

#[test]
fn options_that_are_set_twice() {
    refused(
        "[kafka.options]\n'client.id' = 'a'\nclient.id = 'b'\nsasl.username = 'a'\n\
         [kafka.options_from_files]\nsasl.username = '/nonexistent'",
        &[
            "2:1: kafka.options.client.id: is set twice, first as kafka.options.client.id in line 3: keep one of them",
            "6:6: kafka.options_from_files.sasl.username: is set twice, first as kafka.options.sasl.username in line 4: \
             keep one of them",
        ],
    );
    refused_with(
        "[kafka.options_from_files]\nsasl.password = '/nonexistent'",
        &[("HOLDLINE_KAFKA__OPTIONS__SASL__PASSWORD", "a"), ("HOLDLINE_KAFKA__OPTIONS__SASL_PASSWORD", "b")],
        &[
            "2:6: kafka.options_from_files.sasl.password: is set twice, first as kafka.options.sasl.password in \
             HOLDLINE_KAFKA__OPTIONS__SASL_PASSWORD: keep one of them",
            "HOLDLINE_KAFKA__OPTIONS__SASL__PASSWORD: kafka.options.sasl.password: \
             HOLDLINE_KAFKA__OPTIONS__SASL_PASSWORD sets the same option: unset one of them",
        ],
    );
}

#[test]
fn options_that_are_set_by_two_names() {
    refused(
        "[kafka.options]\nsasl.mechanisms = 'PLAIN'\nsasl.mechanism = 'PLAIN'",
        &[
            "3:6: kafka.options.sasl.mechanism: is another name of sasl.mechanisms, which is set in line 2: keep one of them",
        ],
    );
    for (name, other) in options::two_names() {
        let client = rdkafka::ClientConfig::new().set(name, "17").create_native_config().unwrap();
        assert_eq!(client.get(other).unwrap(), "17", "{name}");
    }
}

#[test]
fn files_that_hold_no_value() {
    let text = |path: &str, name: &str| format!("[kafka.options_from_files]\n{name} = '{path}'");
    refused(
        &text("/nonexistent", "sasl.password"),
        &["2:6: kafka.options_from_files.sasl.password: the file \"/nonexistent\" cannot be read: No such file or \
           directory (os error 2)"],
    );
    for (content, name, message) in [
        (&b"\n"[..], "sasl.password", "the file FILE is empty: write the value into it"),
        (b"\xff", "sasl.password", "the file FILE is not UTF-8: write it anew"),
        (b"a\0", "sasl.password", "librdkafka refuses what is in the file FILE"),
        (b"hidden", "security.protocol", "librdkafka refuses what is in the file FILE"),
        (&[b'x'; 1024 * 1024 + 1], "sasl.password", "the file FILE is longer than 1048576 bytes: name another one"),
    ] {
        let secret = Secret::of("none", content);
        let mistakes = parse(&text(secret.path(), name), &[]).unwrap_err();
        assert_eq!(mistakes.len(), 1);
        assert_eq!(mistakes[0].message.replace(&format!("{:?}", secret.path()), "FILE"), message);
    }
    refused(
        "[kafka.options_from_files]\nsasl.password = 3",
        &["2:6: kafka.options_from_files.sasl.password: 3 is not the path of a file, in quotes"],
    );
    let secret = Secret::of("lines", b" a\n\n");
    assert_eq!(options(&text(secret.path(), "sasl.password"), &[])[0].1, " a\n");
}

#[test]
fn a_password_without_quotes_is_not_told() {
    refused(
        "[kafka.options]\nsasl.password = hunter2\nsasl.username = me",
        &[
            "2:17: not TOML: string values must be quoted, expected literal string",
            "3:17: me is not TOML: string values must be quoted, expected literal string",
        ],
    );
}
