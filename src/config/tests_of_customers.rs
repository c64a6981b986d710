//! The section `[customers]`: what is read, and what is refused.

use std::path::PathBuf;

use super::Config;
use super::tests::{config, refused};
use crate::engine::customers::CustomerKey;

fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("holdline-customers-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

fn key_of(content: &[u8], name: &str) -> CustomerKey {
    let path = file(name, content);
    let text = format!("[customers]\nkey_file = '{}'", path.display());
    let key = config(&text, &[]).settings.customers.key;
    std::fs::remove_file(path).unwrap();
    key
}

#[test]
fn keys_are_read_and_the_newline_at_their_end_is_no_part_of_them() {
    let key = CustomerKey::of_secret(b"0123456789abcdef");
    for (name, content) in
        [("plain", &b"0123456789abcdef"[..]), ("unix", b"0123456789abcdef\n"), ("dos", b"0123456789abcdef\r\n")]
    {
        assert_eq!(key_of(content, name), key, "{name}");
    }
    assert_eq!(key_of(&[[7; 64].as_slice(), b"\r\n"].concat(), "long"), CustomerKey::of_secret(&[7; 64]));
}

#[test]
fn spans_are_read() {
    let settings =
        config("[customers]\nrepeat_within = ['1h', '48h', '30d']\n[limits]\npast_contacts = 5", &[]).settings;
    let within = settings.customers.repeat_within.iter();
    let within: Vec<_> = within.map(|within| (within.name.as_str(), within.length_ms / 3_600_000)).collect();
    assert_eq!(within, [("1h", 1), ("48h", 48), ("30d", 720)]);
    assert_eq!(settings.limits.past_contacts, 5);
    let nothing = config("", &[("HOLDLINE_CUSTOMERS__REPEAT_WITHIN", "")]).settings.customers;
    assert_eq!((nothing.repeat_within.len(), nothing.longest_within_ms()), (0, 0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused(
        "[customers]\nrepeat_within = '24h'",
        &[r#"2:1: customers.repeat_within: "24h" is not a list: write it as in ["24h", "7d"]"#],
    );
    refused(
        "[customers]\nrepeat_within = ['7d',\n '24h', '1d', '30s']",
        &[r#"3:15: customers.repeat_within: "30s" is too short: at least 1m"#],
    );
    refused(
        "[customers]\nrepeat_within = ['7d',\n '24h', '1d']",
        &[
            "3:2: customers.repeat_within: 1d is not longer than 7d before it: list each once, the shortest first",
            "3:9: customers.repeat_within: 1d is not longer than 1d before it: list each once, the shortest first",
        ],
    );
    refused(
        "[customers]\nrepeat_within = ['1h', '2h', '3h', '4h', '5h', '6h', '7h', '8h', '9h']",
        &["2:1: customers.repeat_within: lists 9 spans: at most 8"],
    );
    refused("[customers]\nkey = 'x'", &["2:1: customers.key: unknown key: known here are key_file, repeat_within"]);
    refused("[limits]\npast_contacts = 0", &["2:1: limits.past_contacts: 0 is too small: at least 1"]);
}

#[test]
fn a_key_that_is_none_is_refused_and_not_told() {
    refused("[customers]\nkey_file = 3", &["2:1: customers.key_file: 3 is not the path of a file, in quotes"]);
    refused(
        "[customers]\nkey_file = '/there/is/none'",
        &[
            r#"2:1: customers.key_file: the file "/there/is/none" cannot be read: No such file or directory (os error 2)"#,
        ],
    );
    for (name, content) in [("short", &b"0123456789abcde\n"[..]), ("empty", b""), ("too-long", &[b'x'; 65])] {
        let path = file(name, content);
        let expected = format!(
            "2:1: customers.key_file: the file {:?} does not hold 16 to 64 bytes: write as many, at random, into it",
            path.display().to_string()
        );
        // A long path is cut in the message.
        let text = format!("[customers]\nkey_file = '{}'", path.display());
        let told = Config::parse(&text, &[]).unwrap_err()[0].to_string();
        assert!(told == expected || told.contains('…'), "{told}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_command_without_the_service_needs_no_key() {
    let settings = Config::parse_settings("[customers]\nkey_file = '/there/is/none'\nrepeat_within = ['1h']", &[]);
    assert_eq!(settings.unwrap().customers.longest_within_ms(), 3_600_000);
}
