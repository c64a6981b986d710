//! OpenMetrics 1.0, as text: units, and exemplars on the buckets of histograms.
//!
//! Native buckets are left out, and so are the instants at which series were created: the format has a place for these, but
//! a process that goes on counting where another ended does not know them.

use std::io::Write;

use super::{Exemplar, Head, Histogram, Kind, Label, Sink, number};

/// The units that a name can end with.
const UNITS: [&str; 4] = ["seconds", "bytes", "ratio", "erlangs"];

/// Writes OpenMetrics.
#[derive(Debug, Default)]
pub struct OpenMetrics {
    /// Of counters without `_total`.
    name: String,
    kind: Option<Kind>,
    /// What is written of a family before its first sample.
    head: Vec<u8>,
    out: Vec<u8>,
}

impl OpenMetrics {
    /// All that was told, without the mark that ends a page.
    pub fn written(self) -> Vec<u8> {
        self.out
    }

    fn sample(&mut self, ending: &str, labels: &[Label<'_>], last: Option<Label<'_>>, value: f64) {
        self.out.append(&mut self.head);
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.extend_from_slice(ending.as_bytes());
        number::labels(labels, last, &mut self.out);
        self.out.push(b' ');
        number::value(value, &mut self.out);
    }

    fn line(&mut self, ending: &str, labels: &[Label<'_>], value: f64) {
        self.sample(ending, labels, None, value);
        self.out.push(b'\n');
    }

    fn bucket(&mut self, labels: &[Label<'_>], bound: &str, within: u64, exemplar: Option<&Exemplar<'_>>) {
        self.sample("_bucket", labels, Some(("le", bound)), within as f64);
        if let Some(exemplar) = exemplar {
            self.out.extend_from_slice(b" # ");
            number::labels(&[(Exemplar::LABEL, exemplar.contact_id)], None, &mut self.out);
            self.out.push(b' ');
            number::value(exemplar.seconds, &mut self.out);
            let (seconds, millis) = (exemplar.at.as_secs(), exemplar.at.subsec_millis());
            write!(self.out, " {seconds}.{millis:03}").expect("a vector takes all bytes");
        }
        self.out.push(b'\n');
    }
}

impl Sink for OpenMetrics {
    fn family(&mut self, Head { name, kind, help }: Head<'_>) {
        let name = if kind == Kind::Counter { name.trim_end_matches("_total") } else { name };
        self.name.clear();
        self.name.push_str(name);
        self.kind = Some(kind);
        self.head.clear();
        self.head.extend_from_slice(format!("# TYPE {name} {}\n", kind.name()).as_bytes());
        let unit = UNITS.into_iter().find(|unit| name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')));
        if let Some(unit) = unit {
            self.head.extend_from_slice(format!("# UNIT {name} {unit}\n").as_bytes());
        }
        self.head.extend_from_slice(format!("# HELP {name} ").as_bytes());
        number::escaped(help, b"\\\n\"", &mut self.head);
        self.head.push(b'\n');
    }

    fn number(&mut self, labels: &[Label<'_>], value: f64) {
        let ending = if self.kind == Some(Kind::Counter) { "_total" } else { "" };
        self.line(ending, labels, value);
    }

    fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram<'_>) {
        let mut above = f64::NEG_INFINITY;
        for &(bound, within) in histogram.buckets {
            let exemplar = histogram.exemplar(above, bound);
            self.bucket(labels, &canonical(bound), within, exemplar);
            above = bound;
        }
        self.bucket(labels, "+Inf", histogram.count, histogram.exemplar(above, f64::INFINITY));
        self.line("_sum", labels, histogram.sum);
        self.line("_count", labels, histogram.count as f64);
    }
}

/// A bound always has a point, so that it is the same text whoever writes it.
fn canonical(bound: f64) -> String {
    format!("{bound:?}")
}
