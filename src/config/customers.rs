//! The section `[customers]`: the key that ids are hashed with, and what counts as coming back.
//!
//! The key is in a file of its own and never shown. Commands that read no Kafka get along without it: the numbers are the
//! same under any key.

use std::fs::File;
use std::io::Read;

use super::duration::{LONGEST_MS, write};
use super::reading::{Reading, Spot};
use super::section::Section;
use super::typed::Value;
use super::understand::duration;
use crate::engine::customers::CustomerKey;
use crate::engine::settings::{CustomerSettings, RepeatWithin};

/// Bytes of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// A shorter span is within one contact.
const SHORTEST_MS: u64 = 60_000;

/// Whether files that hold single values are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Files {
    /// They are.
    Read,
    /// They may not be on this machine, and are not needed.
    PassOver,
}

/// Reads the section.
pub(super) fn read(section: &mut Section<'_>, files: Files) -> CustomerSettings {
    let usual = CustomerSettings::default();
    let key = match files {
        Files::Read => section.read("key_file", key_in_file).or(usual.key),
        Files::PassOver => {
            section.pass_over("key_file");
            usual.key
        }
    };
    let within = section.read_list("repeat_within", r#"["24h", "7d"]"#, |value| {
        let length_ms = duration(SHORTEST_MS..=LONGEST_MS)(value)?;
        Ok(RepeatWithin { name: value.text().unwrap_or_default().to_owned(), length_ms })
    });
    let repeat_within = match within {
        Reading::Absent | Reading::Refused => usual.repeat_within,
        Reading::Usable(list, spot) => {
            refuse_disorder(section, &list);
            if list.len() > CustomerSettings::MOST_SPANS {
                let most = CustomerSettings::MOST_SPANS;
                section.refuse(&spot, format!("lists {} spans: at most {most}", list.len()));
            }
            list.into_iter().map(|(within, _)| within).collect()
        }
    };
    CustomerSettings { key, repeat_within }
}

fn refuse_disorder(section: &mut Section<'_>, list: &[(RepeatWithin, Spot)]) {
    for pair in list.windows(2) {
        let [(before, _), (within, spot)] = pair else { continue };
        if within.length_ms <= before.length_ms {
            let [before, within] = [before, within].map(|within| write(within.length_ms));
            let message = format!("{within} is not longer than {before} before it: list each once, the shortest first");
            section.refuse(spot, message);
        }
    }
}

/// The key that is in a file, without the newline at its end.
fn key_in_file(value: &Value) -> Result<CustomerKey, String> {
    let (least, most) = (*KEY_BYTES.start(), *KEY_BYTES.end());
    let written = value.quoted();
    let path = value.text().ok_or_else(|| format!("{written} is not the path of a file, in quotes"))?;
    let mut content = Vec::new();
    // A newline may come on top, of two bytes where such are usual; one more byte shows that there is more.
    File::open(path)
        .and_then(|file| file.take(most as u64 + 3).read_to_end(&mut content))
        .map_err(|error| format!("the file {written} cannot be read: {error}"))?;
    let line = content.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let secret = line.unwrap_or(&content);
    if !KEY_BYTES.contains(&secret.len()) {
        return Err(format!(
            "the file {written} does not hold {least} to {most} bytes: write as many, at random, into it"
        ));
    }
    Ok(CustomerKey::of_secret(secret))
}
