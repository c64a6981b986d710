//! What was told beside what is expected: equal, different, or not checked. Nothing told is passed over in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::publish::state::Series;

/// Which series: name, and labels in order.
pub type Key = (String, Vec<(String, String)>);

/// The least and the most that a series may say.
pub type Range = (f64, f64);

/// What was told.
pub type Told = BTreeMap<Key, f64>;

/// What is expected.
pub type Expected = BTreeMap<Key, Range>;

/// What came of a comparison.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// What was equal.
    pub equal: Equal,
    /// What was not, in order of the series.
    pub differences: Vec<Difference>,
    /// Why some were not checked; each with the families concerned, and how many series that is.
    pub unchecked: BTreeMap<String, BTreeMap<String, usize>>,
}

/// How much was found equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Equal {
    /// Series.
    pub series: usize,
    /// Of those, with another value than zero.
    pub not_zero: usize,
}

/// A series that is not as expected.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Which.
    pub key: Key,
    /// What was told; none if nothing was.
    pub told: Option<f64>,
    /// What is expected; none if there should be no such series.
    pub expected: Option<Range>,
}

/// What was told, by series.
pub fn told(series: impl IntoIterator<Item = Series>) -> Told {
    series.into_iter().map(|Series { name, labels, value }| ((name, labels.into_iter().collect()), value)).collect()
}

/// Compares series by series. `why_not` says of those that cannot be checked why; what is expected of them counts for
/// nothing.
pub fn compare(told: &Told, expected: &Expected, why_not: impl Fn(&Key) -> Option<String>) -> Outcome {
    let mut outcome = Outcome::default();
    let keys: BTreeSet<&Key> = told.keys().chain(expected.keys()).collect();
    for key in keys {
        let (told, expected) = (told.get(key).copied(), expected.get(key).copied());
        if let Some(why) = why_not(key) {
            if told.is_some() {
                *outcome.unchecked.entry(why).or_default().entry(key.0.clone()).or_default() += 1;
            }
            continue;
        }
        match (told, expected) {
            (Some(value), Some((least, most))) if (least..=most).contains(&value) => {
                outcome.equal.series += 1;
                outcome.equal.not_zero += usize::from(value != 0.0);
            }
            _ => outcome.differences.push(Difference { key: key.clone(), told, expected }),
        }
    }
    outcome
}

/// On one line, as `name{label="value"}: told 3, by the model 4`.
impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, labels) = &self.key;
        write!(out, "{name}{{")?;
        for (at, (label, value)) in labels.iter().enumerate() {
            let between = if at == 0 { "" } else { "," };
            write!(out, "{between}{label}={value:?}")?;
        }
        match self.told {
            Some(told) => write!(out, "}}: told {told}, by the model ")?,
            None => write!(out, "}}: told nothing, by the model ")?,
        }
        match self.expected {
            Some((least, most)) if least < most => write!(out, "{least} to {most}"),
            Some((exact, _)) => write!(out, "{exact}"),
            None => out.write_str("nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, queue: &str) -> Key {
        (name.to_owned(), vec![("queue".to_owned(), queue.to_owned())])
    }

    #[test]
    fn what_differs_is_told_with_both_values() {
        let told = Told::from([(key("a", "1"), 3.0), (key("a", "2"), 0.0), (key("a", "3"), 5.0), (key("a", "5"), 1.5)]);
        let exactly = |value| (value, value);
        let expected = Expected::from([
            (key("a", "1"), exactly(4.0)),
            (key("a", "2"), exactly(0.0)),
            (key("a", "4"), exactly(6.0)),
            (key("a", "5"), (1.0, 2.0)),
            (key("a", "6"), (1.0, 2.0)),
        ]);
        let outcome = compare(&told, &expected, |_| None);
        assert_eq!(outcome.equal, Equal { series: 2, not_zero: 1 });
        let lines: Vec<String> = outcome.differences.iter().map(ToString::to_string).collect();
        let wanted = [
            r#"a{queue="1"}: told 3, by the model 4"#,
            r#"a{queue="3"}: told 5, by the model nothing"#,
            r#"a{queue="4"}: told nothing, by the model 6"#,
            r#"a{queue="6"}: told nothing, by the model 1 to 2"#,
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn what_is_not_checked_is_counted_by_family_and_reason() {
        let told = Told::from([(key("a", "1"), 3.0), (key("a", "2"), 4.0), (key("b", "1"), 5.0)]);
        let expected = Expected::from([(key("a", "9"), (1.0, 1.0)), (key("b", "1"), (5.0, 5.0))]);
        let outcome = compare(&told, &expected, |(name, _)| (name == "a").then(|| "nobody knows".to_owned()));
        assert_eq!(outcome.differences, []);
        assert_eq!(outcome.equal.series, 1);
        let families = BTreeMap::from([("a".to_owned(), 2)]);
        assert_eq!(outcome.unchecked, BTreeMap::from([("nobody knows".to_owned(), families)]));
    }
}
