//! How many arrived when: plain mergeable values. What a partition counted and what another one did add up.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// The width of a quarter of an hour, in milliseconds. A quarter is known by how many lie between it and the epoch.
pub const QUARTER_MS: u64 = 900_000;

/// The width of a cell of five minutes, in milliseconds. A cell is known by how many lie between it and the epoch.
pub const CELL_MS: u64 = 300_000;

/// So many cells are a quarter of an hour.
pub const CELLS_OF_QUARTER: u32 = 3;

/// Arrivals of one queue by UTC quarter of an hour, from which its usual course is learned.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts(Timeline);

/// Arrivals of one queue by UTC cell of five minutes, of a day or two, which are watched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cells(Timeline);

/// Numbers by place, of which no page that holds nothing is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Timeline {
    pages: BTreeMap<u32, Vec<u32>>,
}

const PAGE: u32 = 96;

macro_rules! timeline {
    ($name:ident, $place:ident) => {
        impl $name {
            #[doc = concat!("Adds so many in one ", stringify!($place), ". What exceeds 2^32 - 1 is not counted.")]
            pub fn add(&mut self, $place: u32, count: u64) {
                self.0.add($place, count);
            }

            #[doc = concat!("How many are in this ", stringify!($place), "; 0 if nothing is known of it.")]
            pub fn count(&self, $place: u32) -> u64 {
                self.0.count($place)
            }

            #[doc = concat!("How many there are from one ", stringify!($place), " until before another.")]
            pub fn sum(&self, from: u32, to: u32) -> u64 {
                self.0.between(from, to).fold(0, |sum, (_, count)| sum.saturating_add(count))
            }

            #[doc = concat!("Each ", stringify!($place), " in which somebody came, ascending.")]
            pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
                self.0.all()
            }

            #[doc = concat!("Each ", stringify!($place), " from one until before another in which somebody came.")]
            pub fn between(&self, from: u32, to: u32) -> impl Iterator<Item = (u32, u64)> + '_ {
                self.0.between(from, to)
            }

            #[doc = concat!("The first ", stringify!($place), " in which somebody came; none if nobody ever did.")]
            pub fn first(&self) -> Option<u32> {
                self.iter().next().map(|(place, _)| place)
            }

            #[doc = concat!("The last ", stringify!($place), " in which somebody came; none if nobody ever did.")]
            pub fn last(&self) -> Option<u32> {
                self.0.last()
            }

            /// Whether nobody ever came.
            pub fn is_empty(&self) -> bool {
                self.0.pages.is_empty()
            }

            #[doc = concat!("Forgets what is before this ", stringify!($place), ".")]
            pub fn forget_before(&mut self, $place: u32) {
                self.0.forget_before($place);
            }
        }

        /// Adds all of another.
        impl AddAssign<&$name> for $name {
            fn add_assign(&mut self, other: &$name) {
                other.iter().for_each(|(place, count)| self.add(place, count));
            }
        }

        impl FromIterator<(u32, u64)> for $name {
            fn from_iter<I: IntoIterator<Item = (u32, u64)>>(counts: I) -> Self {
                let mut all = Self::default();
                counts.into_iter().for_each(|(place, count)| all.add(place, count));
                all
            }
        }
    };
}

timeline!(Counts, quarter);
timeline!(Cells, cell);

impl Cells {
    /// The same by quarter of an hour.
    pub fn quarters(&self) -> Counts {
        self.iter().map(|(cell, count)| (cell / CELLS_OF_QUARTER, count)).collect()
    }
}

impl Timeline {
    fn add(&mut self, place: u32, count: u64) {
        if count == 0 {
            return;
        }
        let page = self.pages.entry(place / PAGE).or_default();
        let within = offset(place);
        if page.len() <= within {
            page.resize(within + 1, 0);
        }
        page[within] = page[within].saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn count(&self, place: u32) -> u64 {
        self.pages.get(&(place / PAGE)).and_then(|page| page.get(offset(place))).map_or(0, |count| u64::from(*count))
    }

    fn all(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        Self::places_of(self.pages.iter())
    }

    fn between(&self, from: u32, to: u32) -> impl Iterator<Item = (u32, u64)> + '_ {
        let pages = if from < to { from / PAGE..to.div_ceil(PAGE) } else { 0..0 };
        Self::places_of(self.pages.range(pages)).filter(move |(place, _)| (from..to).contains(place))
    }

    fn places_of<'c>(pages: impl Iterator<Item = (&'c u32, &'c Vec<u32>)>) -> impl Iterator<Item = (u32, u64)> {
        let places = pages.flat_map(|(page, counts)| {
            (0..PAGE).zip(counts).map(move |(within, count)| (page * PAGE + within, u64::from(*count)))
        });
        places.filter(|(_, count)| *count > 0)
    }

    fn last(&self) -> Option<u32> {
        let (page, counts) = self.pages.last_key_value()?;
        Some(page * PAGE + (u32::try_from(counts.len()).ok()? - 1))
    }

    fn forget_before(&mut self, place: u32) {
        self.pages = self.pages.split_off(&(place / PAGE));
        if let Some(page) = self.pages.get_mut(&(place / PAGE)) {
            page.iter_mut().take(offset(place)).for_each(|count| *count = 0);
            if page.iter().all(|count| *count == 0) {
                self.pages.remove(&(place / PAGE));
            }
        }
    }
}

fn offset(place: u32) -> usize {
    (place % PAGE) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_time_can_be_counted() {
        let mut counts = Counts::default();
        assert_eq!((counts.first(), counts.last(), counts.is_empty()), (None, None, true));
        counts.add(u32::MAX, u64::MAX);
        counts.add(0, 1);
        counts.add(7, 0);
        assert_eq!((counts.first(), counts.last()), (Some(0), Some(u32::MAX)));
        assert_eq!(counts.iter().collect::<Vec<_>>(), [(0, 1), (u32::MAX, u64::from(u32::MAX))]);
        assert_eq!(counts.sum(0, u32::MAX), 1);
        counts.forget_before(1);
        assert_eq!(counts.first(), Some(u32::MAX));
    }

    proptest! {
        #[test]
        fn parts_add_up(
            parts in prop::collection::vec((0_u32..400, 0_u64..5, any::<bool>()), 0..60),
            from in 0_u32..400,
            to in 0_u32..400,
        ) {
            let of = |side: Option<bool>| -> Cells {
                let mine = parts.iter().filter(|(_, _, part)| side.is_none_or(|side| side == *part));
                mine.map(|(place, count, _)| (*place, *count)).collect()
            };
            let mut merged = of(Some(true));
            merged += &of(Some(false));
            let whole = of(None);
            prop_assert_eq!(&merged, &whole);
            let naive = |from: u32, to: u32| -> u64 {
                parts.iter().filter(|(place, _, _)| (from..to).contains(place)).map(|(_, count, _)| count).sum()
            };
            prop_assert_eq!(whole.sum(from, to), naive(from, to));
            prop_assert_eq!(whole.quarters().sum(from, to), naive(from * 3, to * 3));
            let mut rest = whole.clone();
            rest.forget_before(from);
            prop_assert_eq!(rest.sum(0, 400), naive(from, 400));
            prop_assert_eq!(rest.is_empty(), naive(from, 400) == 0);
        }
    }
}
