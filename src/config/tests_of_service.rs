//! The sections of the service: what is read, what is refused, and that they are in nobody's way. Options of the Kafka
//! client are in `tests_of_options`.

use std::num::NonZero;
use std::path::PathBuf;

use super::tests::{REFERENCE, beside_the_reference, config, owned, parse, refused, switched_on};
use super::*;
use crate::engine::board::GroupBy;

/// A file of this content that goes away with it.
pub(super) struct Secret(PathBuf);

impl Secret {
    pub(super) fn of(name: &str, content: &[u8]) -> Secret {
        let path = std::env::temp_dir().join(format!("holdline-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Secret(path)
    }

    pub(super) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn the_reference_states_the_defaults_of_the_service() {
    let (stated, usual) = (config(REFERENCE, &[]), config("", &[]));
    assert_eq!(stated.kafka, Kafka::default());
    assert_eq!(stated.http, Http::default());
    assert_eq!(stated.metrics, Metrics::default());
    assert_eq!(stated.log, Log::default());
    assert_eq!(
        (usual.kafka, usual.http, usual.metrics, usual.log),
        (stated.kafka, stated.http, stated.metrics, stated.log)
    );
}

#[test]
fn what_the_reference_leaves_switched_off_for_the_service_can_be_switched_on() {
    let (secret, key) = (Secret::of("reference", b"hidden\n"), Secret::of("reference-key", b"0123456789abcdef\n"));
    let text = switched_on(REFERENCE).replace("/run/secrets/kafka-password", secret.path());
    let text = text.replace("/run/secrets/holdline-customer-key", key.path());
    let web = Secret::of("reference-web", b"http_server_config: {http2: false}\n");
    let text = text.replace("\"web.yml\"", &format!("{:?}", web.path()));
    // Checkpoints are kept in one place only.
    let [folder, topic] = ["folder = \"/var/lib/holdline\"\n", "topic = \"holdline-checkpoints\"\n"];
    let store = |text: String| beside_the_reference(&text).checkpoint.store;
    assert_eq!(store(text.replace(topic, "")), Some(CheckpointStore::Folder("/var/lib/holdline".into())));
    assert_eq!(store(text.replace(folder, "")), Some(CheckpointStore::Topic("holdline-checkpoints".to_owned())));
    let kafka = beside_the_reference(&text.replace(topic, "")).kafka;
    assert_eq!(kafka.instance.as_deref(), Some("holdline-0"));
    assert_eq!(kafka.look_back_ms, Some(45 * 86_400_000));
    assert_eq!(kafka.workers, NonZero::new(2));
    assert_eq!(kafka.dead_letters.as_deref(), Some("support-events-rejected"));
    assert_eq!(kafka.options["sasl.password"], "hidden");
    assert_eq!(kafka.options["session.timeout.ms"], "45000");
}

#[test]
fn the_example_with_secrets_can_be_used() {
    let secret = Secret::of("example", b"hidden");
    let text =
        include_str!("../../config/examples/secured_kafka.toml").replace("/run/secrets/kafka-password", secret.path());
    let config = config(&text, &[]);
    assert_eq!(config.kafka.options["security.protocol"], "SASL_SSL");
    assert_eq!(config.kafka.options["sasl.password"], "hidden");
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn every_key_of_the_service_is_read() {
    let text = r#"
        [kafka]
        brokers = ["a.example:9092", "[::1]:9093"]
        topics = ["calls", "chats"]
        group = "ours"
        instance = "ours-1"
        look_back = "7d"
        workers = 3
        dead_letters = "rejected"
        [kafka.options]
        client.id = "wall"
        [checkpoint]
        folder = "held"
        every = "1m"
        [http]
        listen = "[::]:0"
        [metrics]
        by = ["tier", "queue"]
        formulas = "all"
        delay = "500ms"
        exemplars = false
        [log]
        filter = "warn,holdline::source=debug"
        format = "json"
        lines_per_second = 1
    "#;
    let Config { kafka, checkpoint, http, metrics, log, .. } = config(text, &[]);
    let store = Some(CheckpointStore::Folder("held".into()));
    assert_eq!(checkpoint, Checkpoint { store, every_ms: 60_000 });
    let expected = Kafka {
        brokers: "a.example:9092,[::1]:9093".to_owned(),
        topics: vec!["calls".to_owned(), "chats".to_owned()],
        group: "ours".to_owned(),
        instance: Some("ours-1".to_owned()),
        look_back_ms: Some(7 * 86_400_000),
        workers: NonZero::new(3),
        dead_letters: Some("rejected".to_owned()),
        options: [("client.id".to_owned(), "wall".to_owned())].into(),
    };
    assert_eq!(kafka, expected);
    assert_eq!(http.listen, "[::]:0".parse().unwrap());
    let by = GroupBy { queue: true, channel: false, tier: true };
    assert_eq!(metrics, Metrics { by, formulas: Formulas::All, delay_ms: 500, exemplars: false });
    let filter = "warn,holdline::source=debug".to_owned();
    assert_eq!(log, Log { filter, format: LogFormat::Json, lines_per_second: NonZero::new(1).unwrap() });
}

#[test]
fn texts_with_commas_and_nothing_are_lists() {
    let text = "[kafka]\nbrokers = 'a:1, b:65535'\ntopics = 'calls,chats'\n[metrics]\nby = []";
    let Config { kafka, metrics, .. } = config(text, &[]);
    assert_eq!(
        (kafka.brokers.as_str(), kafka.topics.as_slice()),
        ("a:1,b:65535", &["calls".into(), "chats".into()][..])
    );
    assert_eq!(metrics.by, GroupBy::default());
    for topics in ["''", "[]"] {
        assert!(config(&format!("[kafka]\ntopics = {topics}"), &[]).kafka.topics.is_empty());
    }
}

#[test]
fn variables_override_the_service() {
    let text =
        "[kafka]\ntopics = ['x']\n[kafka.options]\n'sasl.username' = 'a'\nsasl.mechanism = 'PLAIN'\nclient.id = 'b'";
    let secret = Secret::of("variable", b"hidden\r\n");
    let environment = [
        ("HOLDLINE_KAFKA__BROKERS", "a:9092,b:9092"),
        ("HOLDLINE_KAFKA__TOPICS", "calls,chats"),
        ("HOLDLINE_KAFKA__WORKERS", "256"),
        ("HOLDLINE_KAFKA__OPTIONS__SASL__USERNAME", "c"),
        ("holdline_kafka__options__sasl_mechanism", "SCRAM-SHA-256"),
        ("HOLDLINE_KAFKA__OPTIONS__CLIENT.ID", "d"),
        ("HOLDLINE_KAFKA__OPTIONS__CHECK_CRCS", "true"),
        ("HOLDLINE_KAFKA__OPTIONS_FROM_FILES__SASL__PASSWORD", secret.path()),
        ("HOLDLINE_HTTP__LISTEN", "0.0.0.0:80"),
        ("HOLDLINE_METRICS__BY", "queue"),
        ("HOLDLINE_METRICS__DELAY", "0s"),
        ("HOLDLINE_LOG__FILTER", "info,librdkafka=debug"),
        ("HOLDLINE_LOG__LINES_PER_SECOND", "100000"),
    ];
    let Config { kafka, http, metrics, log, .. } = config(text, &environment);
    assert_eq!(kafka.brokers, "a:9092,b:9092");
    assert_eq!(kafka.topics, ["calls", "chats"]);
    assert_eq!(kafka.workers, NonZero::new(256));
    let expected = [
        ("check.crcs", "true"),
        ("client.id", "d"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.password", "hidden"),
        ("sasl.username", "c"),
    ];
    assert_eq!(kafka.options.into_iter().collect::<Vec<_>>(), owned(&expected));
    assert_eq!(http.listen, "0.0.0.0:80".parse().unwrap());
    assert_eq!(metrics.by, GroupBy { queue: true, ..GroupBy::default() });
    assert_eq!(metrics.delay_ms, 0);
    assert_eq!(log.filter, "info,librdkafka=debug");
    assert_eq!(log.lines_per_second.get(), 100_000);
    assert!(config(text, &[("HOLDLINE_KAFKA__TOPICS", "")]).kafka.topics.is_empty());
}

#[test]
fn commands_without_the_service_pass_over_it() {
    let text = "[kafka]\nbroker = 3\n[kafka.options_from_files]\nsasl.password = '/nonexistent/password'\n\
         [http]\nlisten = 'x'\n[metrics]\nby = 'x'\n[log]\nfilter = 'x'\n[report]\nzone = 'Asia/Tokyo'";
    let environment = owned(&[("HOLDLINE_KAFKA__WORKERS", "none"), ("HOLDLINE_LOG__FORMAT", "x")]);
    assert_eq!(Config::parse_settings(text, &environment).unwrap().zone, "Asia/Tokyo");
    let mistakes = Config::parse_settings("[kafak]\n[report]\nzone = 3", &[]).unwrap_err();
    let told: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    assert_eq!(told[0], "1:2: kafak: unknown key: did you mean `kafka`?");
    assert_eq!(told[1], r#"3:1: report.zone: 3 is not the name of a zone, as in "Europe/Berlin""#);
}

#[test]
fn brokers_that_are_none() {
    let broker = |written: &str, message: &str| {
        refused(&format!("[kafka]\nbrokers = ['{written}']"), &[&format!("2:12: kafka.brokers: {message}")]);
    };
    broker("kafka", r#""kafka" has no port: write "kafka:9092""#);
    broker("[::1]", r#""[::1]" has no port: write "[::1]:9092""#);
    broker("::1", r#""::1" has no port, and an IPv6 address goes in brackets: write "[::1]:9092""#);
    broker(
        "fe80::g:9092",
        r#""fe80::g:9092" is not a broker, because of "fe80::g": an IPv6 address goes in brackets, as in "[::1]:9092""#,
    );
    broker(
        "ssl://kafka:9092",
        r#""ssl://kafka:9092" has a scheme: write "kafka:9092", and ssl as kafka.options.security.protocol"#,
    );
    for host in ["", "a b", "a..b", "ä", "1.2.3.256", "1.2.3", "[::g]", "[::1]x"] {
        let hint = if host.contains(':') {
            r#"an IPv6 address goes in brackets, as in "[::1]:9092""#
        } else {
            r#"write host:port, as in "127.0.0.1:9092""#
        };
        broker(&format!("{host}:1"), &format!(r#""{host}:1" is not a broker, because of "{host}": {hint}"#));
    }
    for port in ["0", "65536", "-1", "+1", "x", ""] {
        let message = format!(r#""a:{port}" is not a broker, because of "{port}": a port is a number from 1 to 65535"#);
        broker(&format!("a:{port}"), &message);
    }
    for host in ["127.0.0.1", "kafka_1", "b-1.example.net", "b.example.net.", "1a", "[fe80::1]"] {
        assert_eq!(config(&format!("[kafka]\nbrokers = '{host}:1'"), &[]).kafka.brokers, format!("{host}:1"));
    }
    refused(
        "[kafka]\nbrokers = ''",
        &[r#"2:1: kafka.brokers: is empty: name at least one broker, as in "127.0.0.1:9092""#],
    );
    refused(
        "[kafka]\nbrokers = 9092",
        &[r#"2:1: kafka.brokers: 9092 is not a list: write it as in "127.0.0.1:9092" or ["a:9092", "b:9092"]"#],
    );
    refused(
        "[kafka]\nbrokers = [9092]",
        &[r#"2:12: kafka.brokers: 9092 is not a broker: write host:port, as in "127.0.0.1:9092""#],
    );
}

#[test]
fn names_that_kafka_does_not_have() {
    let longest = "x".repeat(249);
    assert_eq!(
        config(&format!("[kafka]\ntopics = '{longest},...,a.B_9-'"), &[]).kafka.topics,
        [&longest, "...", "a.B_9-"]
    );
    refused(
        &format!("[kafka]\ntopics = ['..', '', '{longest}x', '^calls', 'é', 3]"),
        &[
            r#"2:11: kafka.topics: ".." is not allowed by Kafka: take another name"#,
            "2:17: kafka.topics: the name is empty: write 1 to 249 characters",
            "2:21: kafka.topics: the name is 250 characters long: Kafka allows 249",
            "2:275: kafka.topics: \"^calls\" holds '^': Kafka allows the letters a to z and A to Z, digits, `.`, `_` and `-`",
            "2:285: kafka.topics: \"é\" holds 'é': Kafka allows the letters a to z and A to Z, digits, `.`, `_` and `-`",
            "2:290: kafka.topics: 3 is not a text in quotes",
        ],
    );
    refused(
        "[kafka]\ntopics = ['a', 'b']\ndead_letters = 'b'",
        &[
            r#"3:1: kafka.dead_letters: "b" is one of kafka.topics: what is no event there would come again: name another one"#,
        ],
    );
    refused(
        "[kafka]\ntopics = ['a', 'b']\n[outliers]\ntopic = 'b'",
        &[r#"4:1: outliers.topic: "b" is one of kafka.topics: name another one, which nobody else writes to"#],
    );
    refused(
        "[checkpoint]\ntopic = 'c'\n[outliers]\ntopic = 'c'",
        &[r#"4:1: outliers.topic: "c" is checkpoint.topic: name another one, which nobody else writes to"#],
    );
    refused("[kafka]\ntopics = ['a', 'b', 'a']", &[r#"2:21: kafka.topics: "a" is listed twice: list each once"#]);
    refused(
        "[kafka]\ngroup = ''\ninstance = '.'",
        &[
            "2:1: kafka.group: the name is empty: write 1 to 255 bytes",
            r#"3:1: kafka.instance: "." is not allowed by Kafka: take another name"#,
        ],
    );
    refused(
        "[kafka]\ngroup = 'a '",
        &[r#"2:1: kafka.group: "a " holds blanks at an end or control characters: take them away"#],
    );
    refused(
        &format!("[kafka]\ngroup = '{longest}1234567'"),
        &["2:1: kafka.group: the name is 256 bytes long: at most 255"],
    );
    refused(
        "[kafka]\nworkers = 0\nlook_back = '401d'",
        &[
            "2:1: kafka.workers: 0 is too small: at least 1",
            r#"3:1: kafka.look_back: "401d" is too long: at most 400d"#,
        ],
    );
    refused("[kafka]\nworkers = 257", &["2:1: kafka.workers: 257 is too large: at most 256"]);
}

#[test]
fn addresses_and_labels_that_are_none() {
    for (written, hint) in [
        ("'localhost:9847'", r#""localhost:9847" is not an address and port: write "127.0.0.1:9847""#),
        ("':9847'", r#"":9847" is not an address and port: write "0.0.0.0:9847" for all addresses"#),
        ("9847", r#"9847 is not an address and port: write both, as in "127.0.0.1:9847" or "[::]:9847""#),
        (
            "'127.0.0.1:65536'",
            r#""127.0.0.1:65536" is not an address and port: write both, as in "127.0.0.1:9847" or "[::]:9847""#,
        ),
    ] {
        refused(&format!("[http]\nlisten = {written}"), &[&format!("2:1: http.listen: {hint}")]);
    }
    refused(
        "[metrics]\nby = ['queue', 'teir', 'queue']\nformulas = 'both'\ndelay = '5m1s'",
        &[
            r#"2:16: metrics.by: "teir" is not a label (did you mean "tier"?): take one of queue, channel, tier"#,
            r#"3:1: metrics.formulas: "both" is not a choice of formulas: take one of headline, all"#,
            r#"4:1: metrics.delay: "5m1s" is too long: at most 5m"#,
        ],
    );
    refused("[metrics]\nby = ['queue', 'queue']", &[r#"2:16: metrics.by: "queue" is listed twice: list each once"#]);
    refused(
        "[metrics]\nby = 'queue'",
        &[r#"2:1: metrics.by: "queue" is not a list: write it as in ["queue", "channel"]"#],
    );
}

#[test]
fn filters_and_formats_that_are_none() {
    let how = "write a level (off, error, warn, info, debug, trace), or with others for modules, as in \
               \"info,holdline::source=debug\"";
    for (written, message) in [
        ("''", format!("\"\" is not a filter: {how}")),
        ("3", format!("3 is not a filter: {how}")),
        ("'inof'", "\"inof\" is not a filter, because \"inof\" is not a level: did you mean \"info\"?".to_owned()),
        (
            "'info,holdline'",
            "\"info,holdline\" is not a filter, because \"holdline\" is not a level: a module goes with its level, as in \
             \"holdline=debug\""
                .to_owned(),
        ),
    ] {
        refused(&format!("[log]\nfilter = {written}"), &[&format!("2:1: log.filter: {message}")]);
    }
    let mistake = &parse("[log]\nfilter = 'holdline=loud'", &[]).unwrap_err()[0].message;
    assert!(mistake.starts_with("\"holdline=loud\" is not a filter (") && mistake.ends_with(how), "{mistake}");
    for filter in ["off", "WARN", "info,holdline::source=debug", "warn,[read{topic=a}]=trace"] {
        assert_eq!(config(&format!("[log]\nfilter = '{filter}'"), &[]).log.filter, filter);
    }
    refused(
        "[log]\nformat = 'jsno'\nlines_per_second = 0",
        &[
            r#"2:1: log.format: "jsno" is not a format (did you mean "json"?): take one of text, json"#,
            "3:1: log.lines_per_second: 0 is too small: at least 1",
        ],
    );
    refused("[log]\nlines_per_second = 100001", &["2:1: log.lines_per_second: 100001 is too large: at most 100000"]);
}

#[test]
fn checkpoints_are_kept_in_one_place_and_not_all_the_time() {
    assert_eq!(config("", &[]).checkpoint, Checkpoint { store: None, every_ms: 30_000 });
    let beside = beside_the_reference("checkpoint.folder = \"held\"").checkpoint.store;
    let Some(CheckpointStore::Folder(folder)) = beside else { panic!("{beside:?}") };
    assert!(folder.ends_with("config/held"), "{folder:?}");
    refused(
        "[checkpoint]\nfolder = 'a'\ntopic = 'b'\nevery = '10ms'",
        &[
            "3:1: checkpoint.topic: is set beside checkpoint.folder: keep one of them",
            "4:1: checkpoint.every: \"10ms\" is too short: at least 1s",
        ],
    );
    refused("[checkpoint]\nfolder = ''", &["2:1: checkpoint.folder: the path is empty: name a folder"]);
}
