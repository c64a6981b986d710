//! What a group has given to one of its members, as members that share partitions out among themselves write it.
//!
//! The format is Kafka's `ConsumerProtocolAssignment`: a version of two bytes, how many topics there are in four, and for each
//! its name after a length of two bytes, how many partitions in four, and each of them in four; all big-endian. Later
//! versions only add to the end.

use crate::source::kafka::brokers::Partition;

/// The partitions in such an assignment; a member that was given nothing may have written nothing. None if it is no such
/// assignment.
pub fn partitions(mut bytes: &[u8]) -> Option<Vec<Partition>> {
    let mut partitions = Vec::new();
    if bytes.is_empty() {
        return Some(partitions);
    }
    let _version = short(&mut bytes)?;
    for _ in 0..int(&mut bytes)? {
        let length = usize::try_from(short(&mut bytes)?).ok()?;
        let (name, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let topic = std::str::from_utf8(name).ok()?;
        for _ in 0..int(&mut bytes)? {
            partitions.push((topic.to_owned(), int(&mut bytes)?));
        }
    }
    Some(partitions)
}

fn short(bytes: &mut &[u8]) -> Option<i16> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(i16::from_be_bytes(*first))
}

fn int(bytes: &mut &[u8]) -> Option<i32> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(i32::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] =
        b"\0\x01\0\0\0\x02\0\x05calls\0\0\0\x02\0\0\0\0\0\0\0\x07\0\x04mail\0\0\0\x01\0\0\x01\0\xff\xff\xff\xff";

    #[test]
    fn topics_and_partitions_are_read() {
        let of = |topic: &str, number| (topic.to_owned(), number);
        assert_eq!(partitions(TWO), Some(vec![of("calls", 0), of("calls", 7), of("mail", 256)]));
        assert_eq!(partitions(b""), Some(vec![]));
        assert_eq!(partitions(b"\0\0\0\0\0\0\0\0\0\0"), Some(vec![]));
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let whole = TWO.len() - 4;
        for length in 1..whole {
            assert_eq!(partitions(&TWO[..length]), None, "{length} bytes");
        }
        assert!(partitions(&TWO[..whole]).is_some());
        assert_eq!(partitions(b"\0\0\0\0\0\x01\xff\xffcalls"), None);
    }
}
