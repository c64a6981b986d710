//! Numbers and labels as both text formats write them.

use std::io::Write;

use super::Label;

/// Writes a value.
pub(super) fn value(value: f64, out: &mut Vec<u8>) {
    // Nearly all are whole.
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and far from the limits")]
    let written = if value.fract() == 0.0 && value.abs() < 1e15 {
        write!(out, "{}", value as i64)
    } else if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else {
        write!(out, "{value}")
    };
    written.expect("a vector takes all bytes");
}

/// Writes labels in braces, with one more at the end; nothing if there are none.
pub(super) fn labels(labels: &[Label<'_>], last: Option<Label<'_>>, out: &mut Vec<u8>) {
    if labels.is_empty() && last.is_none() {
        return;
    }
    let mut before = b'{';
    for (name, value) in labels.iter().copied().chain(last) {
        out.push(before);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escaped(value, b"\\\n\"", out);
        out.push(b'"');
        before = b',';
    }
    out.push(b'}');
}

/// Writes text in which these of the characters backslash, line feed and quotation mark are escaped.
pub(super) fn escaped(text: &str, special: &[u8], out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr3(b'\\', b'\n', b'"', rest) {
        let (plain, found) = (&rest[..at], rest[at]);
        out.extend_from_slice(plain);
        if special.contains(&found) {
            out.extend_from_slice(&[b'\\', if found == b'\n' { b'n' } else { found }]);
        } else {
            out.push(found);
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
