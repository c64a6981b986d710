//! Files whole, in parts, packed, cut off and damaged.

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::files::{CHUNK, read, read_files};

const LONGEST: usize = 100;

/// The numbers of the lines and their texts, or the message of the error that ends them.
fn told(bytes: &[u8]) -> (Vec<(u64, String)>, Option<String>) {
    let (mut lines, mut failed) = (Vec::new(), None);
    for chunk in read(&"log".into(), Cursor::new(bytes.to_vec()), LONGEST).unwrap() {
        match chunk {
            Ok(chunk) => {
                lines.extend(chunk.lines().map(|(line, text)| (line, String::from_utf8_lossy(text).into_owned())));
            }
            Err(error) => failed = Some(error.to_string()),
        }
    }
    (lines, failed)
}

fn numbered(text: &str) -> Vec<(u64, String)> {
    (1..).zip(text.split('\n').map(str::to_owned)).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Lines of many lengths, several chunks of them.
fn long_log() -> String {
    (0..60_000).map(|n| format!("{n}{}\n", "x".repeat(n % 90))).collect()
}

#[test]
fn lines_are_numbered_whatever_ends_them() {
    assert_eq!(told(b""), (vec![], None));
    assert_eq!(told(b"one").0, numbered("one"));
    assert_eq!(told(b"one\n").0, numbered("one"));
    assert_eq!(told(b"one\n\nthree").0, numbered("one\n\nthree"));
    assert_eq!(told(b"\n\n").0, numbered("\n"));
}

#[test]
fn chunks_join_to_the_file() {
    let log = long_log();
    assert!(log.len() > 4 * CHUNK);
    let lines = numbered(log.trim_end());
    for bytes in [log.as_bytes().to_vec(), gzip(log.as_bytes()), zstd(log.as_bytes())] {
        assert_eq!(told(&bytes), (lines.clone(), None));
    }
}

#[test]
fn packed_files_may_have_several_parts() {
    for pack in [gzip, zstd] {
        let parts = [pack(b"one\nt"), pack(b"wo\n"), pack(b""), pack(b"three")].concat();
        assert_eq!(told(&parts), (numbered("one\ntwo\nthree"), None));
    }
}

#[test]
fn packed_file_that_is_cut_off_is_an_error() {
    for (pack, format) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        let whole = pack(long_log().as_bytes());
        for cut in [5, 11, whole.len() / 2, whole.len() - 1] {
            let message = told(&whole[..cut]).1.unwrap_or_default();
            assert!(message.contains(&format!("cannot unpack log ({format}) beyond line ")), "{cut}: {message}");
        }
    }
}

#[test]
fn damaged_file_is_an_error() {
    let mut packed = gzip(long_log().as_bytes());
    let middle = packed.len() / 2;
    packed[middle] ^= 0x55;
    assert!(told(&packed).1.is_some());
}

#[test]
fn lines_that_are_far_too_long_are_cut() {
    for length in [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 7] {
        for end in ["", "\n", "\nlast"] {
            let log = format!("first\n{}{end}", "y".repeat(length));
            let (lines, error) = told(log.as_bytes());
            assert_eq!(error, None);
            assert!(lines[1].1.len() > LONGEST && lines[1].1.len() <= CHUNK, "{}", lines[1].1.len());
            assert_eq!(lines.len(), if end == "\nlast" { 3 } else { 2 }, "{length} {end:?}");
            assert!(lines.get(2).is_none_or(|last| *last == (3, "last".to_owned())));
        }
    }
}

#[test]
fn files_follow_each_other_until_one_fails() {
    let missing = PathBuf::from("/nonexistent/log");
    let results: Vec<_> = read_files(vec![missing.clone(), missing], LONGEST, Arc::new(|_| ())).collect();
    assert_eq!(results.len(), 1);
    assert_eq!(results[0].as_ref().unwrap_err().to_string(), "cannot open /nonexistent/log");
}
