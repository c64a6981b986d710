//! One answer of `/metrics`, to be asked for values.

use std::collections::{BTreeMap, BTreeSet};

/// All series that were there.
#[derive(Clone, Default)]
pub struct Scrape {
    series: Vec<Series>,
    text: String,
}

/// What is expected of one series: its name, labels that it has among others, its value; none if it is not to be there.
pub type Expected<'e> = (&'e str, &'e [(&'e str, &'e str)], Option<f64>);

/// Which series: name and labels.
pub type Key = (String, Vec<(String, String)>);

#[derive(Clone)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    /// Reads the text format. Names and labels of tests hold no escapes.
    pub fn read(text: &str) -> Scrape {
        let series = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty());
            let labels = labels.map(|label| {
                let (name, value) = label.split_once('=').unwrap_or_else(|| panic!("no label: {line}"));
                (name.to_owned(), value.trim_matches('"').to_owned())
            });
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            Series { name: name.to_owned(), labels: labels.collect(), value }
        });
        Scrape { series: series.collect(), text: text.to_owned() }
    }

    /// The one series of this name with at least these labels; none if there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.found(name, labels);
        let first = found.next()?;
        assert!(found.next().is_none(), "several series {name}{labels:?} in\n{}", self.text);
        Some(first.value)
    }

    /// All series of this name with at least these labels added up.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.found(name, labels).map(|series| series.value).sum()
    }

    /// How many series of this name there are with at least these labels.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.found(name, labels).count()
    }

    /// What a label says in all series of this name.
    pub fn labels(&self, name: &str, label: &str) -> BTreeSet<String> {
        self.found(name, &[]).filter_map(|series| series.labels.get(label).cloned()).collect()
    }

    /// The reasons to say nothing about lanes.
    pub fn withheld(&self) -> BTreeSet<String> {
        let applies = self.found("holdline_lanes_withheld", &[]).filter(|series| series.value != 0.0);
        applies.map(|series| series.labels["reason"].clone()).collect()
    }

    /// Every counter: name and labels with its value.
    pub fn counters(&self) -> BTreeMap<Key, f64> {
        let counters = self.series.iter().filter(|series| {
            // Those of histograms as well; processor time is rounded by the kernel.
            series.name.starts_with("holdline_")
                && ["_total", "_count", "_bucket"].iter().any(|end| series.name.ends_with(end))
        });
        let key = |series: &Series| (series.name.clone(), series.labels.clone().into_iter().collect());
        counters.map(|series| (key(series), series.value)).collect()
    }

    /// Every series whose name is so, with its value.
    pub fn all(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<Key, f64> {
        let wanted = self.series.iter().filter(|series| is_wanted(&series.name));
        let key = |series: &Series| (series.name.clone(), series.labels.clone().into_iter().collect());
        wanted.map(|series| (key(series), series.value)).collect()
    }

    /// Fails with all of them that are not as expected.
    pub fn expect(&self, expected: &[Expected<'_>]) {
        let wrong = expected.iter().filter_map(|(name, labels, expected)| {
            let is = self.value(name, labels);
            (is != *expected).then(|| format!("{name}{labels:?} is {is:?} instead of {expected:?}"))
        });
        let wrong: Vec<String> = wrong.collect();
        assert!(wrong.is_empty(), "{}\n\nin\n{}", wrong.join("\n"), self.text);
    }

    fn found<'s>(&'s self, name: &'s str, labels: &'s [(&'s str, &'s str)]) -> impl Iterator<Item = &'s Series> {
        self.series.iter().filter(move |series| {
            series.name == name
                && labels.iter().all(|(label, value)| series.labels.get(*label).is_some_and(|is| is == value))
        })
    }
}
