//! Reads a file that the configuration names.
//!
//! What is in it is judged by whoever asked for it, and never told here, since it may be a password.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The text of a file of at most `longest` bytes; `written` is what it is called in a message, quotes included.
pub(super) fn text_of(path: &Path, written: &str, longest: u64) -> Result<String, String> {
    let unreadable = |error| format!("the file {written} cannot be read: {error}");
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(longest + 1).read_to_end(&mut content)).map_err(unreadable)?;
    if content.len() as u64 > longest {
        return Err(format!("the file {written} is longer than {longest} bytes: name another one"));
    }
    String::from_utf8(content).map_err(|_| format!("the file {written} is not UTF-8: write it anew"))
}
