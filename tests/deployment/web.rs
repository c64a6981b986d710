//! The web configuration: what Prometheus' own checker accepts, Holdline accepts as well, and the other way round.

use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use crate::files::read;
use crate::programs::opinion;

/// What promtool and Holdline think of this file, beside which the files are that it names.
fn opinions(web: &str) -> [(bool, String); 2] {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let files =
        [("server.pem", certificate.pem()), ("clients.pem", certificate.pem()), ("server.key", key.serialize_pem())];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::write(folder.path().join("web.yml"), web).unwrap();
    let config = "kafka.brokers = \"127.0.0.1:9092\"\nkafka.topics = [\"calls\"]\nhttp.web_config = \"web.yml\"\n";
    fs::write(folder.path().join("holdline.toml"), config).unwrap();
    [
        opinion(folder.path(), &["promtool", "check", "web-config", "web.yml"]),
        opinion(folder.path(), &[env!("CARGO_BIN_EXE_holdline"), "check", "--config", "holdline.toml"]),
    ]
}

fn example() -> String {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/web.yml"))
}

#[test]
fn the_example_is_accepted_by_both() {
    for (is_content, said) in opinions(&example()) {
        assert!(is_content, "{said}");
    }
}

#[test]
fn mistakes_are_found_by_both() {
    for (right, wrong) in [
        ("key_file: server.key", "key_file: missing.key"),
        ("client_ca_file: clients.pem", "client_ca_file: missing.pem"),
        ("min_version: TLS12", "min_version: TLS99"),
        ("http2: false", "http3: false"),
        ("prometheus: $2", "prometheus: plain$2"),
    ] {
        let example = example();
        assert!(example.contains(right), "{right}");
        for (is_content, said) in opinions(&example.replace(right, wrong)) {
            assert!(!is_content, "{wrong}: {said}");
        }
    }
}
