//! How many were offered on one UTC day, in as few bytes as that takes.

use serde::{Deserialize, Serialize};

/// Cells of a day.
pub const CELLS: usize = 288;

/// Cells of a quarter of an hour.
pub const CELLS_A_QUARTER: usize = 3;

/// Counts of one UTC day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Day {
    /// By cell, or else by quarter of an hour.
    pub is_fine: bool,
    /// Each count in seven bits a byte, least first; zeros as a zero and how many follow it. What is left out at the end is
    /// zero.
    pub packed: Box<[u8]>,
}

impl Day {
    /// By cells; of quarters of an hour, all in the first of the three. None if no counts are packed like this.
    pub fn unpack(&self) -> Option<Box<[u64; CELLS]>> {
        let mut counts = Box::new([0; CELLS]);
        let step = if self.is_fine { 1 } else { CELLS_A_QUARTER };
        let (mut bytes, mut place) = (self.packed.iter().copied(), 0);
        while let Some(count) = number(&mut bytes) {
            if count == 0 {
                place += usize::try_from(number(&mut bytes)?).ok()?.checked_add(1)?.min(CELLS);
            } else {
                *counts.get_mut(place * step)? = count;
                place += 1;
            }
        }
        // A number that breaks off is none either.
        self.packed.last().is_none_or(|last| last & 0x80 == 0).then_some(counts)
    }

    /// By cells, or else by quarters of an hour.
    pub fn pack(counts: &[u64; CELLS], is_fine: bool) -> Day {
        let step = if is_fine { 1 } else { CELLS_A_QUARTER };
        let (mut packed, mut zeros) = (Vec::new(), 0);
        for group in counts.chunks(step) {
            let count: u64 = group.iter().sum();
            if count == 0 {
                zeros += 1;
                continue;
            }
            if zeros > 0 {
                packed.push(0);
                push(&mut packed, zeros - 1);
                zeros = 0;
            }
            push(&mut packed, count);
        }
        Day { is_fine, packed: packed.into() }
    }
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7F).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// The next number; none at the end, and of one that is too large or breaks off.
fn number(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_day_is_unpacked_as_it_was_packed(counts in proptest::collection::vec(prop_oneof![3 => Just(0_u64), 1 => 1..300_u64, 1 => 0..u64::MAX >> 8], CELLS)) {
            let counts: [u64; CELLS] = counts.try_into().unwrap();
            prop_assert_eq!(*Day::pack(&counts, true).unpack().unwrap(), counts);
            let coarse = Day::pack(&counts, false).unpack().unwrap();
            let sums = |counts: &[u64; CELLS]| counts.chunks(3).map(|cells| cells.iter().sum()).collect::<Vec<u64>>();
            prop_assert_eq!(sums(&coarse), sums(&counts));
        }
    }
}
