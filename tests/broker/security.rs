//! Logins, encryption and permissions: those that are right, and what is said about those that are not.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::cluster::Cluster;
use crate::program::{Program, config};
use crate::records::{ANSWERED, Records, offered, seconds_ago};

const PASSWORD: &str = "holdline-secret";

/// A cluster with all kinds of listeners, and a topic that may be read with some events in it.
fn secured() -> &'static Cluster {
    static SECURED: OnceLock<Cluster> = OnceLock::new();
    SECURED.get_or_init(|| {
        let cluster = Cluster::start(&["--security", "all"]);
        let records = Records::new(&cluster, "readable", 2);
        let at = seconds_ago(60);
        for (partition, contact) in [(0, "s1"), (1, "s2")] {
            records.tell(partition, contact, at, &offered("billing"));
            records.tell(partition, contact, at + 5_000, ANSWERED);
        }
        records.flush();
        cluster.create_topic("forbidden", 1);
        cluster
    })
}

/// Options as lines of the configuration. Passwords go into a file of their own.
struct Options {
    lines: Vec<String>,
    password_file: Option<PathBuf>,
}

impl Options {
    fn new(protocol: &str) -> Options {
        Options { lines: vec![option("security.protocol", protocol)], password_file: None }
    }

    fn login(mut self, name: &str, mechanism: &str, password: &str) -> Options {
        let file = secured().folder().join(format!("{name}.password"));
        // As an editor leaves it.
        std::fs::write(&file, format!("{password}\n")).unwrap();
        self.lines.push(option("sasl.mechanism", mechanism));
        self.lines.push(option("sasl.username", "holdline"));
        self.lines.push(format!("kafka.options_from_files.sasl.password = \"{}\"", file.display()));
        self.password_file = Some(file);
        self
    }

    fn trust(mut self) -> Options {
        self.lines.push(option("ssl.ca.location", &secured().folder().join("ca.pem").display().to_string()));
        self
    }

    fn certificate(mut self) -> Options {
        for (name, file) in [("ssl.certificate.location", "client.pem"), ("ssl.key.location", "client.key")] {
            self.lines.push(option(name, &secured().folder().join(file).display().to_string()));
        }
        self
    }

    fn start(&self, listener: &str, topic: &str, group: &str) -> Program {
        let more: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        Program::start(&config(&secured().bootstrap_of(listener), topic, group, &more))
    }
}

fn option(name: &str, value: &str) -> String {
    format!("kafka.options.{name} = \"{value}\"")
}

#[test]
fn every_way_in_is_found() {
    let ways = [
        ("plain-login", "sasl", Options::new("SASL_PLAINTEXT").login("plain-login", "PLAIN", PASSWORD)),
        ("scram-256", "sasl", Options::new("SASL_PLAINTEXT").login("scram-256", "SCRAM-SHA-256", PASSWORD)),
        ("scram-512", "sasl", Options::new("SASL_PLAINTEXT").login("scram-512", "SCRAM-SHA-512", PASSWORD)),
        ("tls", "tls", Options::new("SSL").trust()),
        ("mtls", "mtls", Options::new("SSL").trust().certificate()),
        ("sasl-tls", "sasl_tls", Options::new("SASL_SSL").trust().login("sasl-tls", "SCRAM-SHA-512", PASSWORD)),
    ];
    let mut programs = ways.map(|(name, listener, options)| options.start(listener, "readable", name));
    for program in &mut programs {
        program.until_ready().expect(&[
            ("holdline_events_total", &[("topic", "readable")], Some(4.0)),
            ("holdline_partitions_caught_up", &[], Some(2.0)),
            ("holdline_window_answered_within", &[("window", "5m"), ("measure", "wait")], Some(2.0)),
        ]);
        program.stop();
        assert!(!program.log().contains(PASSWORD));
    }
}

#[test]
fn what_is_refused_ends_the_program_and_is_told() {
    let login = |name: &str, mechanism, password| Options::new("SASL_PLAINTEXT").login(name, mechanism, password);
    let wrong = "not-the-password";
    let group = "readable-group";
    let refused: [(_, _, _, _, &[&str]); 7] = [
        ("sasl", login("wrong-plain", "PLAIN", wrong), "readable", group, &["\"holdline\" by PLAIN", "sasl.username"]),
        (
            "sasl",
            login("wrong-scram", "SCRAM-SHA-512", wrong),
            "readable",
            group,
            &["\"holdline\" by SCRAM-SHA-512", "sasl.username"],
        ),
        ("tls", Options::new("SSL"), "readable", group, &["no encrypted connection", "ssl.ca.location"]),
        (
            "sasl_tls",
            Options::new("SASL_SSL").login("no-ca", "PLAIN", PASSWORD),
            "readable",
            group,
            &["ssl.ca.location"],
        ),
        ("sasl", login("no-topic", "PLAIN", PASSWORD), "forbidden", group, &["\"holdline\"", "\"forbidden\"", "grant"]),
        ("mtls", Options::new("SSL").trust().certificate(), "forbidden", group, &["\"forbidden\"", "grant"]),
        (
            "sasl",
            login("no-group", "SCRAM-SHA-256", PASSWORD),
            "readable",
            "forbidden-group",
            &["\"holdline\"", "\"forbidden-group\"", "grant"],
        ),
    ];
    let start = |(listener, options, topic, group, parts): (_, Options, _, _, _)| {
        (listener, options.start(listener, topic, group), parts)
    };
    for (listener, mut program, parts) in refused.map(start) {
        let (code, log) = program.end();
        assert_eq!(code, Some(1), "{listener}: {log}");
        let last = log.lines().last().unwrap_or_default();
        assert!(last.starts_with("holdline: "), "{listener}: {log}");
        let missing: Vec<&&str> = parts.iter().filter(|part| !last.contains(**part)).collect();
        assert!(missing.is_empty(), "{listener}: {last:?} lacks {missing:?}");
        assert!(!log.contains(wrong) && !log.contains(PASSWORD), "{listener}: the password is told: {log}");
    }
}

/// Since TLS 1.3 a server says so only after the client believes the connection to be made: a lost connection like others.
#[test]
fn a_missing_certificate_is_told() {
    let program = Options::new("SSL").trust().start("mtls", "readable", "no-certificate");
    program.until_logged(&["no encrypted connection", "alert bad certificate", "ssl.certificate.location"]);
    program.until_withheld(&["broker silent: "]);
}
