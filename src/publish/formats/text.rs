//! Prometheus' text format, version 0.0.4.
//!
//! Exemplars and native buckets are left out: it has no place for them.

use super::{Head, Histogram, Kind, Label, Sink, number};

/// Writes text.
#[derive(Debug, Default)]
pub struct Text {
    name: String,
    /// What is written of a family before its first sample.
    head: Vec<u8>,
    out: Vec<u8>,
}

impl Text {
    /// All that was told.
    pub fn written(self) -> Vec<u8> {
        self.out
    }

    fn line(&mut self, ending: &str, labels: &[Label<'_>], last: Option<Label<'_>>, value: f64) {
        self.out.append(&mut self.head);
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.extend_from_slice(ending.as_bytes());
        number::labels(labels, last, &mut self.out);
        self.out.push(b' ');
        number::value(value, &mut self.out);
        self.out.push(b'\n');
    }
}

impl Sink for Text {
    fn family(&mut self, Head { name, kind, help }: Head<'_>) {
        self.head.clear();
        self.name.clear();
        self.name.push_str(name);
        self.head.extend_from_slice(format!("# HELP {name} ").as_bytes());
        number::escaped(help, b"\\\n", &mut self.head);
        self.head.extend_from_slice(format!("\n# TYPE {name} {}\n", kind.name()).as_bytes());
        debug_assert!(kind != Kind::Counter || name.ends_with("_total"), "{name}");
    }

    fn number(&mut self, labels: &[Label<'_>], value: f64) {
        self.line("", labels, None, value);
    }

    fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram<'_>) {
        let mut bound_text = Vec::new();
        for (bound, within) in histogram.buckets {
            bound_text.clear();
            number::value(*bound, &mut bound_text);
            let bound = std::str::from_utf8(&bound_text).expect("a number is text");
            self.line("_bucket", labels, Some(("le", bound)), *within as f64);
        }
        self.line("_bucket", labels, Some(("le", "+Inf")), histogram.count as f64);
        self.line("_sum", labels, None, histogram.sum);
        self.line("_count", labels, None, histogram.count as f64);
    }
}
