//! The fast reading of a usual record: one flat object, no escapes, plain numbers, at most spaces between its parts.
//!
//! It only ever says what [`super::strict`] would say, and leaves everything else to it, all refusals included.
//!
//! How it is fast: the quotes of 64 bytes at a time become the bits of one word, so that finding the end of a string is
//! counting trailing zeros, with no loop over its bytes and no branch that depends on its length. Loops over fixed
//! arrays are written so that the compiler turns them into vector instructions; there is no unsafe code.

use super::strict::{Field, Fields};

/// Reads a record into `fields`, which are empty, if it is a plain one; false leaves it to [`super::strict`], says
/// nothing about the record, and may leave some fields set.
///
/// Into a place that the caller has, because handing so large a value back by copy cost a tenth of the whole decoding.
#[inline]
pub(super) fn read<'a>(record: &'a str, fields: &mut Fields<'a>) -> bool {
    read_object(record, fields).is_some()
}

#[inline]
fn read_object<'a>(record: &'a str, fields: &mut Fields<'a>) -> Option<()> {
    let body = record.trim_end_matches(['\n', '\r', ' ']);
    let bytes = body.as_bytes();
    let mut quotes = Quotes::new(bytes);

    // All quotes before `at` have been taken: a quote that stands at `at` is the next one.
    let mut at = after(bytes, 0, b'{')?;
    loop {
        if *bytes.get(at)? != b'"' {
            return None;
        }
        let (opening, closing) = (quotes.next()?, quotes.next()?);
        let key = body.get(opening + 1..closing)?;
        let value_at = after(bytes, skip_spaces(bytes, closing + 1), b':')?;
        let value_end = match *bytes.get(value_at)? {
            b'"' => {
                quotes.next()?;
                quotes.next()? + 1
            }
            _ => scalar_end(bytes, value_at)?,
        };
        if let Some(field) = Field::named(key)
            && !fields.insert(field, body.get(value_at..value_end)?)
        {
            return None;
        }
        at = skip_spaces(bytes, value_end);
        match *bytes.get(at)? {
            b',' => at = skip_spaces(bytes, at + 1),
            b'}' => break,
            _ => return None,
        }
    }
    (at + 1 == bytes.len()).then_some(())
}

/// Where the next part begins after `expected`, which must stand at `at`.
#[inline]
fn after(bytes: &[u8], at: usize, expected: u8) -> Option<usize> {
    (*bytes.get(at)? == expected).then(|| skip_spaces(bytes, at + 1))
}

#[inline]
fn skip_spaces(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// Where a number without exponent, or `true`, `false` or `null`, ends.
#[inline]
fn scalar_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    for literal in [&b"null"[..], b"true", b"false"] {
        if rest.starts_with(literal) {
            return Some(at + literal.len());
        }
    }
    let sign = usize::from(rest.first() == Some(&b'-'));
    let whole = digits(rest, sign);
    let leading_zero = whole > 1 && rest[sign] == b'0';
    if whole == 0 || leading_zero {
        return None;
    }
    let point = sign + whole;
    match rest.get(point) {
        Some(b'.') => match digits(rest, point + 1) {
            0 => None,
            fraction => Some(at + point + 1 + fraction),
        },
        _ => Some(at + point),
    }
}

/// How many digits stand from `at` on.
#[inline]
fn digits(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Bytes that are looked at together: one for each bit of a word.
const BLOCK: usize = 64;

/// The positions of the quotes of a record, as far as it is plain.
struct Quotes<'a> {
    bytes: &'a [u8],
    /// Where the block after the present one begins.
    next_block: usize,
    /// The quotes of the present block that are not yet taken, the first byte in the lowest bit.
    marks: u64,
}

impl<'a> Quotes<'a> {
    #[inline]
    fn new(bytes: &'a [u8]) -> Self {
        Quotes { bytes, next_block: 0, marks: 0 }
    }

    /// The next quote; none at the end, or at a block with a byte that is not plain.
    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.marks = marks(self.bytes, self.next_block)?;
            self.next_block += BLOCK;
        }
        let position = self.next_block - BLOCK + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(position)
    }
}

/// The quotes of the block that begins at `start`, or of the shorter rest; none if there is nothing left, or if it
/// holds a backslash or a control character. Kept out of line: it is needed in several places, and runs once in 64
/// bytes.
#[inline(never)]
fn marks(bytes: &[u8], start: usize) -> Option<u64> {
    let rest = bytes.get(start..)?;
    if let Some(block) = rest.first_chunk::<BLOCK>() {
        return marks_of(block);
    }
    if rest.is_empty() {
        return None;
    }
    if let Some(last_block) = bytes.last_chunk::<BLOCK>() {
        // It begins in the block before, whose marks fall out of the word.
        return Some(marks_of(last_block)? >> (BLOCK - rest.len()));
    }
    let mut block = [b' '; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    marks_of(&block)
}

#[inline]
fn marks_of(block: &[u8; BLOCK]) -> Option<u64> {
    let mut unusual = 0;
    let mut weights = [0_u8; BLOCK];
    for (index, (&byte, weight)) in block.iter().zip(&mut weights).enumerate() {
        *weight = if byte == b'"' { 1 << (index % 8) } else { 0 };
        unusual |= u8::from(byte < b' ') | u8::from(byte == b'\\');
    }
    if unusual != 0 {
        return None;
    }
    // Eight bytes of distinct weights add up to eight bits, in the highest byte of the product.
    let (eights, _) = weights.as_chunks::<8>();
    let bits = |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x0101_0101_0101_0101) >> 56;
    Some(eights.iter().enumerate().fold(0, |marks, (index, eight)| marks | bits(eight) << (8 * index)))
}

#[cfg(test)]
mod tests {
    use super::super::strict;
    use super::*;

    /// Reads as `strict` does, and is not left to it.
    fn check_plain(record: &str) {
        let mut fields = Fields::default();
        assert!(read(record, &mut fields), "{record}");
        assert_eq!(fields, strict::read(record).unwrap(), "{record}");
    }

    #[test]
    fn usual_records_are_plain() {
        for record in [
            r#"{"type":"offered"}"#,
            r#"{"type":"offered","contact_id":"AA0106-34054","queue":"PS","time":"1999-01-01T00:00:08+02:00","channel":"voice","tier":"priority","customer_id":"22090179"}"#,
            r#"{ "type" : "offered" , "time" : 17 }  "#,
            "{\"type\":\"offered\"}\r\n",
            r#"{"score":0,"amount":-0.5,"talk_seconds":12.125,"hold_seconds":120}"#,
            r#"{"queue":null,"x":true,"y":false,"z":null,"x":1}"#,
            r#"{"queue":"","":"","queues":"[{,:}]"}"#,
            r#"{"queue":"חיוב","tier":"größer als 64 Bytes: ein Wort, das über den Rand des Blocks hinausreicht"}"#,
        ] {
            check_plain(record);
        }
        for length in 0..300 {
            check_plain(&format!(r#"{{"contact_id":"{}","time":1}}"#, "a".repeat(length)));
        }
    }

    #[test]
    fn everything_else_is_left_to_strict() {
        for record in [
            "",
            " ",
            "null",
            "{}",
            r#"{"type""#,
            r#"{"type":"#,
            r#"{"type":}"#,
            r#"{"type":"offered""#,
            r#"{"type":"offered",}"#,
            r#"{"type":"offered"}}"#,
            r#"{"type":"offered"} {}"#,
            r#"{"type":"offered";"tier":1}"#,
            r#"{"type" "offered"}"#,
            r#"{"type":"off\u0065red"}"#,
            r#"{"x":[1]}"#,
            r#"{"x":{"y":1}}"#,
            "{\"x\":\"a\tb\"}",
            "{\t\"x\":1}",
            r#"{"x":1e3}"#,
            r#"{"x":01}"#,
            r#"{"x":-}"#,
            r#"{"x":-01}"#,
            r#"{"x":1.}"#,
            r#"{"x":.5}"#,
            r#"{"x":+1}"#,
            r#"{"x":nul}"#,
            r#"{"x":nulll}"#,
            r#"{"x":True}"#,
            r#"{"time":1,"time":1}"#,
            "{x:1}",
        ] {
            assert!(!read(record, &mut Fields::default()), "{record}");
        }
    }

    #[test]
    fn marks_stand_where_the_quotes_do() {
        for position in 0..BLOCK {
            let mut block = [b'!'; BLOCK];
            block[position] = b'"';
            assert_eq!(marks_of(&block), Some(1 << position));
            for unusual in [b'\\', 0, 0x1f] {
                block[position] = unusual;
                assert_eq!(marks_of(&block), None);
            }
            for usual in [b' ', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                block[position] = usual;
                assert_eq!(marks_of(&block), Some(0));
            }
        }
    }
}
