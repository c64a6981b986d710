//! Pages packed with gzip (RFC 1952), of which the greater part is packed once, however many ask.
//!
//! A page is a single member, since not every reader goes on to a second one: its beginning ends at a byte, without being
//! the last block, and what comes after it refers to nothing in it.

use std::io::Write;
use std::mem;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Deflate, no name, no time, packed quickly rather than well, by whatever system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

const NEVER_FULL: &str = "a vector takes all bytes";

/// The beginning of a page.
#[derive(Debug)]
pub(super) struct Beginning {
    deflated: Vec<u8>,
    crc: Crc,
}

impl Beginning {
    /// Of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Beginning {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.flush()).expect(NEVER_FULL);
        // What the encoder writes at its end is not part of it.
        Beginning { deflated: mem::take(encoder.get_mut()), crc: crc_of(bytes) }
    }
}

/// The whole page, with these bytes after its beginning.
pub(super) fn page(beginning: &Beginning, end: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(end).expect(NEVER_FULL);
    let deflated = encoder.finish().expect(NEVER_FULL);
    let mut crc = Crc::new();
    crc.combine(&beginning.crc);
    crc.combine(&crc_of(end));
    [&HEAD[..], &beginning.deflated, &deflated, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
}

fn crc_of(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::bufread::GzDecoder;

    use super::*;

    #[test]
    fn a_page_is_one_member() {
        let long: Vec<u8> = (0..200_000_u32).flat_map(|number| (number % 977).to_string().into_bytes()).collect();
        for (beginning, end) in
            [(&b""[..], &b""[..]), (b"lanes", b""), (b"", b"itself"), (b"lanes ", b"itself"), (&long, &long)]
        {
            let packed = page(&Beginning::of(beginning), end);
            let mut decoder = GzDecoder::new(&packed[..]);
            let mut read = Vec::new();
            decoder.read_to_end(&mut read).unwrap();
            assert_eq!(read, [beginning, end].concat());
            assert!(decoder.into_inner().is_empty(), "something is left over");
        }
    }
}
