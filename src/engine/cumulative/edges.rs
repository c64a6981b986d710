//! Where the cells of cumulative histograms end.
//!
//! A cell is named by its upper edge, in whole milliseconds, and holds what is longer than the edge below and no longer
//! than its own. Two kinds of buckets are made of whole cells: those of a native histogram of schema 3, whose edges are
//! 2^(i/8) seconds, and those of the classic text, whose edges are customary spans and every target. So what is exactly
//! as long as a target is in the bucket of that target, and what is a millisecond longer is not.
//!
//! Everything is computed in integers: a table is the same on every machine.

use std::sync::LazyLock;

use crate::engine::settings::{Promise, Settings};
use crate::engine::tally::Measure;
use crate::event::EventTime;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// From a call that is taken at once to a letter of yesterday.
const WAITS: [u64; 13] = [
    SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    4 * HOUR,
    DAY,
];

const HANDLINGS: [u64; 12] = [
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    3 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    4 * HOUR,
    DAY,
];

const REPLIES: [u64; 13] = [
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
];

const RESOLUTIONS: [u64; 13] = [
    MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    4 * HOUR,
    8 * HOUR,
    DAY,
    2 * DAY,
    3 * DAY,
    5 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
];

/// The upper edges of classic buckets of a measure, in milliseconds, ascending: customary ones, and all that is or was
/// ever promised on it.
pub fn bounds(settings: &Settings, measure: Measure) -> Vec<u64> {
    let customary = match measure {
        Measure::Handle => &HANDLINGS[..],
        Measure::FirstReply => &REPLIES,
        Measure::Resolution => &RESOLUTIONS,
        _ => &WAITS,
    };
    // Where nothing else is said of a wait, the usual promise holds.
    let usual = (measure == Measure::Wait).then(|| Promise::default().answer_within_ms);
    let promised = settings.promises.iter().flat_map(|(_, row)| row.targets(measure));
    sorted(customary.iter().copied().chain(usual).chain(promised))
}

/// The upper edges of all cells, in milliseconds, ascending: from 0 to beyond the longest duration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edges(Vec<u64>);

impl Edges {
    /// The edges that native buckets and the classic ones of all measures have under these settings.
    pub fn of(settings: &Settings) -> Edges {
        let native = (FIRST..).map(native_edge);
        let longest = native.take_while(|&edge| edge <= 2 * EventTime::MAX.millis());
        let promised = Measure::PROMISED.into_iter().flat_map(|measure| bounds(settings, measure));
        Edges(sorted([0, u64::MAX].into_iter().chain(longest).chain(promised)))
    }

    /// The edge of the cell of this duration, in milliseconds.
    pub fn edge_of(&self, duration_ms: u64) -> u64 {
        self.0[self.0.partition_point(|&edge| edge < duration_ms)]
    }
}

fn sorted(edges: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut edges: Vec<u64> = edges.collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The first native bucket that ends at a millisecond or later.
const FIRST: i32 = -79;

/// The number of the native bucket of schema 3 that a duration is in, in whole milliseconds and more than 0: it is longer than
/// 2^((number - 1)/8) seconds, and no longer than 2^(number/8). What is longer than any two events lie apart is in the last.
pub fn native_bucket(duration_ms: u64) -> i32 {
    static ENDS: LazyLock<Vec<u64>> = LazyLock::new(|| {
        let ends = (FIRST..).map(native_edge);
        ends.take_while(|&edge| edge <= 2 * EventTime::MAX.millis()).collect()
    });
    let place = ENDS.partition_point(|&end| end < duration_ms);
    FIRST + i32::try_from(place).expect("there are some hundred")
}

/// Fractional bits of [`root`].
const FRACTION: u32 = 63;

/// The longest duration in whole milliseconds of the native bucket `index` of schema 3, which ends at 2^(`index`/8)
/// seconds. From [`FIRST`] to 2^47 ms.
fn native_edge(index: i32) -> u64 {
    let millis = 1_000 * root(index.rem_euclid(8));
    let octaves = index.div_euclid(8);
    let edge = (millis << octaves.max(0).unsigned_abs()) >> (FRACTION + octaves.min(0).unsigned_abs());
    u64::try_from(edge).expect("it is below 2^47 ms")
}

/// 2^(`eighths`/8), for up to seven eighths, in units of 2^-63 and a few of these too small. No edge in whole
/// milliseconds depends on so little, as a test proves one by one.
fn root(eighths: i32) -> u128 {
    let half = (1_u128 << (2 * FRACTION + 1)).isqrt();
    let quarter = (half << FRACTION).isqrt();
    let eighth = (quarter << FRACTION).isqrt();
    let factors = [(4, half), (2, quarter), (1, eighth)].into_iter().filter(|(bit, _)| eighths & bit != 0);
    factors.fold(1 << FRACTION, |product, (_, factor)| (product * factor) >> FRACTION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::settings::{PromiseOverlay, Promises, Scopes};

    /// The product of two numbers of any size, given as digits of 32 bits, the lowest first.
    fn product(one: &[u64], other: &[u64]) -> Vec<u64> {
        let mut digits = vec![0; one.len() + other.len()];
        for (at, a) in one.iter().enumerate() {
            let mut carry = 0;
            for (further, b) in other.iter().chain([&0]).enumerate() {
                let sum = digits[at + further] + a * b + carry;
                (digits[at + further], carry) = (sum & 0xFFFF_FFFF, sum >> 32);
            }
        }
        digits
    }

    /// Whether so many milliseconds are no longer than 2^(`index`/8) seconds: whether the eighth power of the one is no
    /// greater than 2^`index` eighth powers of 1,000.
    fn is_within(millis: u64, index: i32) -> bool {
        let eighth_power = |number: u64| {
            let digits = [number & 0xFFFF_FFFF, number >> 32];
            (1..8).fold(digits.to_vec(), |power, _| product(&power, &digits))
        };
        let power_of_two = |exponent: u32| {
            let mut digits = vec![0; exponent as usize / 32];
            digits.push(1 << (exponent % 32));
            digits
        };
        let (up, down) = (index.max(0).unsigned_abs(), index.min(0).unsigned_abs());
        let mut small = product(&eighth_power(millis), &power_of_two(down));
        let mut great = product(&eighth_power(1_000), &power_of_two(up));
        let length = small.len().max(great.len());
        small.resize(length, 0);
        great.resize(length, 0);
        small.iter().rev().le(great.iter().rev())
    }

    #[test]
    fn native_edges_are_the_longest_whole_milliseconds_of_their_buckets() {
        assert!(is_within(1_000, 0) && !is_within(1_001, 0));
        assert!(is_within(500, -8) && !is_within(501, -8) && !is_within(1, -80));
        for index in FIRST..350 {
            let edge = native_edge(index);
            assert!(is_within(edge, index), "{edge} ms are longer than bucket {index}");
            assert!(!is_within(edge + 1, index), "{edge} ms are not the longest of bucket {index}");
        }
    }

    #[test]
    fn every_duration_has_a_cell_within_one_native_bucket() {
        let edges = Edges::of(&Settings::default());
        assert_eq!(edges.edge_of(0), 0);
        for duration in (1..100_000).chain((17..42).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
            let edge = edges.edge_of(duration);
            let bucket = (FIRST..).find(|&index| native_edge(index) >= duration).unwrap();
            assert_eq!((native_bucket(duration), native_bucket(edge)), (bucket, bucket));
            assert!(edge >= duration && edge <= native_edge(bucket), "{duration} ms are in the cell up to {edge} ms");
        }
        assert_eq!(edges.edge_of(u64::MAX), u64::MAX);
    }

    #[test]
    fn every_target_is_an_edge() {
        let overlay =
            |answer_within_ms| PromiseOverlay { answer_within_ms: Some(answer_within_ms), ..Default::default() };
        let mut row = Promises::default();
        row.service.all = overlay(12_345);
        row.service.channel.insert("email".to_owned(), overlay(23_456));
        row.queues.entry("sales".to_owned()).or_default().tier.insert("vip".to_owned(), overlay(34_567));
        let mut said = Scopes::default();
        said.queues.entry("sales".to_owned()).or_default().all = overlay(45_678);
        row.measures.insert(Measure::NextReply, said);
        let mut settings = Settings::default();
        settings.promises.push((EventTime::from_millis(1).unwrap(), row));
        let edges = Edges::of(&settings);
        for target in [12_345, 23_456, 34_567, 45_678, 20_000] {
            assert_eq!((edges.edge_of(target), edges.edge_of(target - 1)), (target, target));
            assert!(edges.edge_of(target + 1) > target);
        }
        let bounds_of = |measure| bounds(&settings, measure);
        assert!([12_345, 20_000, 23_456, 34_567].iter().all(|target| bounds_of(Measure::Wait).contains(target)));
        assert!(!bounds_of(Measure::Wait).contains(&45_678) && bounds_of(Measure::NextReply).contains(&45_678));
        assert_eq!(bounds_of(Measure::Handle), HANDLINGS);
    }
}
