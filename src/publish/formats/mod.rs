//! The formats that metrics are exposed in, and which of them is answered with.
//!
//! A [`Sink`] is told families and samples, and writes them down as it goes: [`text`] is Prometheus' own format 0.0.4,
//! [`openmetrics`] is OpenMetrics 1.0 with exemplars, [`protobuf`] has native histograms beside classic buckets. What is
//! told is the same in all of them; a sink leaves out what its format cannot say. A family without samples is not written.

mod number;
pub mod openmetrics;
pub mod protobuf;
#[cfg(test)]
mod tests;
pub mod text;

use std::time::Duration;

use mediatype::{MediaType, MediaTypeList, Name, ReadParams, Value};
use prometheus::proto::{self, MetricType};

/// What kind of series a family has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A cumulative histogram.
    Histogram,
}

impl Kind {
    /// What it is called in all text formats.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// What there is to say of a family as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Head<'h> {
    /// Its name, of counters with `_total`.
    pub name: &'h str,
    /// What kind of series it has.
    pub kind: Kind,
    /// What a value is, with its unit.
    pub help: &'h str,
}

/// The name of a label and its value.
pub type Label<'l> = (&'l str, &'l str);

/// A cumulative histogram of durations.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'h> {
    /// How many.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum: f64,
    /// Upper bounds in seconds, ascending and finite, and how many are within each.
    pub buckets: &'h [(f64, u64)],
    /// The same in cells that lie in one native bucket of schema 3 each: the longest duration of the cell in milliseconds,
    /// ascending, and how many are in it. None if there are none such.
    pub cells: Option<&'h [(u64, u64)]>,
    /// Some of the durations with whose they are, at most one in each bucket, ascending.
    pub exemplars: &'h [Exemplar<'h>],
}

impl<'h> Histogram<'h> {
    /// The exemplar of the bucket up to this bound, in seconds, from the one before on.
    fn exemplar(&self, above: f64, bound: f64) -> Option<&'h Exemplar<'h>> {
        let mut within = self.exemplars.iter().filter(|exemplar| exemplar.seconds > above && exemplar.seconds <= bound);
        within.next()
    }
}

/// One of the durations of a histogram.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Exemplar<'h> {
    /// Whose it is.
    pub contact_id: &'h str,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When it was over, since 1970.
    pub at: Duration,
}

impl Exemplar<'_> {
    /// The label that names the contact.
    pub const LABEL: &'static str = "contact_id";

    /// OpenMetrics allows so many characters for names and values of labels together.
    const MOST_CHARACTERS: usize = 128;

    /// Whether the id is short enough for an exemplar.
    pub fn fits(contact_id: &str) -> bool {
        Exemplar::LABEL.len() + contact_id.chars().count() <= Exemplar::MOST_CHARACTERS
    }
}

/// Takes families one after the other, and the samples of each after it.
pub trait Sink {
    /// A family begins.
    fn family(&mut self, head: Head<'_>);

    /// A sample of a counter or a gauge.
    fn number(&mut self, labels: &[Label<'_>], value: f64);

    /// A sample of a histogram.
    fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram<'_>);
}

/// Tells a sink what a registry has gathered.
pub fn tell(families: &[proto::MetricFamily], sink: &mut dyn Sink) {
    for family in families {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::HISTOGRAM => Kind::Histogram,
            MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
        };
        sink.family(Head { name: family.name(), kind, help: family.help() });
        for metric in family.get_metric() {
            let labels: Vec<Label<'_>> = metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
            match kind {
                Kind::Counter => sink.number(&labels, metric.get_counter().get_value()),
                Kind::Gauge => sink.number(&labels, metric.get_gauge().get_value()),
                Kind::Histogram => {
                    let histogram = metric.get_histogram();
                    let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
                    let buckets = histogram.get_bucket().iter();
                    let buckets: Vec<(f64, u64)> =
                        buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count())).collect();
                    sink.histogram(&labels, &Histogram { count, sum, buckets: &buckets, cells: None, exemplars: &[] });
                }
            }
        }
    }
}

/// A format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Format {
    /// Prometheus' text format 0.0.4, which everything that scrapes can read.
    #[default]
    Text,
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Messages of Prometheus' client model, each with its length in front.
    Protobuf,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::Text, Format::OpenMetrics, Format::Protobuf];

    /// What an answer says it is.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// Whether there is a place for exemplars in it.
    pub const fn has_exemplars(self) -> bool {
        !matches!(self, Format::Text)
    }

    /// Begins to write in this format.
    pub fn writer(self) -> Writer {
        match self {
            Format::Text => Writer::Text(text::Text::default()),
            Format::OpenMetrics => Writer::OpenMetrics(openmetrics::OpenMetrics::default()),
            Format::Protobuf => Writer::Protobuf(protobuf::Protobuf::default()),
        }
    }

    /// What ends a page in this format.
    pub const fn ending(self) -> &'static [u8] {
        match self {
            Format::OpenMetrics => b"# EOF\n",
            Format::Text | Format::Protobuf => b"",
        }
    }

    /// The format that is liked best by a header `Accept`; of those liked equally, the one named first. Text if there is no
    /// header, or if nothing that it names is known.
    pub fn accepted(accept: Option<&str>) -> Format {
        let mut best = (Format::Text, 0.0);
        for wanted in MediaTypeList::new(accept.unwrap_or_default()).flatten() {
            let quality = parameter(&wanted, "q").map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
            if let Some(format) = Format::of(&wanted).filter(|_| quality > best.1) {
                best = (format, quality);
            }
        }
        best.0
    }

    fn of(wanted: &MediaType<'_>) -> Option<Format> {
        let is = |name: &str, value: &str| parameter(wanted, name).is_none_or(|given| given == value);
        let name = |name: Name<'_>| name.as_str().to_ascii_lowercase();
        match (name(wanted.ty).as_str(), name(wanted.subty).as_str()) {
            ("text", "plain") if is("version", "0.0.4") => Some(Format::Text),
            ("*", "*") | ("text", "*") => Some(Format::Text),
            ("application", "openmetrics-text") if is("version", "1.0.0") => Some(Format::OpenMetrics),
            ("application", "vnd.google.protobuf")
                if is("proto", "io.prometheus.client.MetricFamily") && is("encoding", "delimited") =>
            {
                Some(Format::Protobuf)
            }
            _ => None,
        }
    }
}

/// Whether a header `Accept-Encoding` allows to pack with gzip.
pub fn takes_gzip(accept_encoding: Option<&str>) -> bool {
    let quality = |name: &str| {
        let mut codings = accept_encoding.unwrap_or_default().split(',').map(|coding| coding.split(';').map(str::trim));
        codings.find_map(|mut coding| {
            coding.next().filter(|named| named.eq_ignore_ascii_case(name))?;
            let quality = coding.find_map(|parameter| parameter.strip_prefix("q="));
            Some(quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
        })
    };
    quality("gzip").or_else(|| quality("*")).is_some_and(|quality: f64| quality > 0.0)
}

/// The value of a parameter, without the quotes that it may have.
fn parameter(of: &MediaType<'_>, name: &str) -> Option<String> {
    of.get_param(Name::new(name)?).map(|value: Value<'_>| value.unquoted_str().into_owned())
}

/// A sink of a format that is not known before.
#[derive(Debug)]
pub enum Writer {
    /// See [`Format::Text`].
    Text(text::Text),
    /// See [`Format::OpenMetrics`].
    OpenMetrics(openmetrics::OpenMetrics),
    /// See [`Format::Protobuf`].
    Protobuf(protobuf::Protobuf),
}

impl Writer {
    /// The sink.
    pub fn sink(&mut self) -> &mut dyn Sink {
        match self {
            Writer::Text(sink) => sink,
            Writer::OpenMetrics(sink) => sink,
            Writer::Protobuf(sink) => sink,
        }
    }

    /// All that was told, but for what ends a page.
    pub fn written(self) -> Vec<u8> {
        match self {
            Writer::Text(sink) => sink.written(),
            Writer::OpenMetrics(sink) => sink.written(),
            Writer::Protobuf(sink) => sink.written(),
        }
    }
}
