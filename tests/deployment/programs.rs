//! Programs that are asked for their opinion.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program in a folder and expects it to be content. What it wrote, both streams.
pub fn content(folder: &Path, words: &[&str]) -> String {
    let (is_content, said) = opinion(folder, words);
    assert!(is_content, "{}\n{said}", words.join(" "));
    said
}

/// Runs a program in a folder: whether it is content, and what it wrote, both streams.
pub fn opinion(folder: &Path, words: &[&str]) -> (bool, String) {
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{} (tests/run installs what is missing): {error}", words[0]));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
