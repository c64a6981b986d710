//! Prometheus' client model as protocol buffers, with native histograms of schema 3 beside classic buckets.
//!
//! Only what we have is written: counters, gauges and histograms. The numbers of fields are those of `metrics.proto` of
//! `io.prometheus.client`. Each family is a message with its length in front.

use super::{Exemplar, Head, Histogram, Kind, Label, Sink};
use crate::engine::cumulative::native_bucket;

/// Eight buckets for every doubling: 2^(1/8) is the factor from one bound to the next.
const SCHEMA: i32 = 3;

/// What is shorter is in the bucket of zero: only what took no millisecond at all.
const ZERO_THRESHOLD: f64 = 0.000_5;

/// Types of fields on the wire.
const VARINT: u8 = 0;
const EIGHT_BYTES: u8 = 1;
const LENGTH: u8 = 2;

/// Writes protocol buffers.
#[derive(Debug, Default)]
pub struct Protobuf {
    kind: Option<Kind>,
    /// The family under way: its head, and then its samples if there are any.
    family: Message,
    has_samples: bool,
    out: Message,
}

impl Protobuf {
    /// All that was told.
    pub fn written(mut self) -> Vec<u8> {
        self.end_family();
        self.out.0
    }

    fn end_family(&mut self) {
        if std::mem::take(&mut self.has_samples) {
            self.out.varint(self.family.0.len() as u64);
            self.out.0.append(&mut self.family.0);
        }
        self.family.0.clear();
    }

    fn metric(&mut self, labels: &[Label<'_>], field: u8, content: &Message) {
        let mut metric = Message::default();
        labels.iter().for_each(|label| metric.label(*label));
        metric.message(field, content);
        self.family.message(4, &metric);
        self.has_samples = true;
    }
}

impl Sink for Protobuf {
    fn family(&mut self, Head { name, kind, help }: Head<'_>) {
        self.end_family();
        self.kind = Some(kind);
        self.family.text(1, name);
        self.family.text(2, help);
        let number = match kind {
            Kind::Counter => 0,
            Kind::Gauge => 1,
            Kind::Histogram => 4,
        };
        self.family.unsigned(3, number);
    }

    fn number(&mut self, labels: &[Label<'_>], value: f64) {
        let mut content = Message::default();
        content.double(1, value);
        let field = if self.kind == Some(Kind::Counter) { 3 } else { 2 };
        self.metric(labels, field, &content);
    }

    fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram<'_>) {
        let mut content = Message::default();
        content.unsigned(1, histogram.count);
        content.double(2, histogram.sum);
        let mut above = f64::NEG_INFINITY;
        let endless = (f64::INFINITY, histogram.count);
        for (bound, within) in histogram.buckets.iter().copied().chain([endless]) {
            let mut bucket = Message::default();
            bucket.unsigned(1, within);
            bucket.double(2, bound);
            if let Some(exemplar) = histogram.exemplar(above, bound) {
                bucket.message(3, &exemplar_message(exemplar));
            }
            content.message(3, &bucket);
            above = bound;
        }
        if let Some(cells) = histogram.cells {
            let native = Native::of(cells);
            content.signed(5, SCHEMA.into());
            content.double(6, ZERO_THRESHOLD);
            content.unsigned(7, native.zero);
            for (offset, length) in native.spans {
                let mut span = Message::default();
                span.signed(1, offset.into());
                span.unsigned(2, length.into());
                content.message(12, &span);
            }
            let mut deltas = Message::default();
            native.deltas.into_iter().for_each(|delta| deltas.varint(zigzag(delta)));
            if !deltas.0.is_empty() {
                content.message(13, &deltas);
            }
            for exemplar in histogram.exemplars {
                content.message(16, &exemplar_message(exemplar));
            }
        }
        self.metric(labels, 7, &content);
    }
}

fn exemplar_message(exemplar: &Exemplar<'_>) -> Message {
    let mut message = Message::default();
    message.label((Exemplar::LABEL, exemplar.contact_id));
    message.double(2, exemplar.seconds);
    let mut at = Message::default();
    at.unsigned(1, exemplar.at.as_secs());
    at.unsigned(2, exemplar.at.subsec_nanos().into());
    message.message(3, &at);
    message
}

/// Native buckets, as they are told: runs of buckets without a gap, and the counts as differences from one to the next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Native {
    /// How many took no time.
    zero: u64,
    /// How many buckets lie between a run and the one before, of the first its number; and how many it has.
    pub(super) spans: Vec<(i32, u32)>,
    pub(super) deltas: Vec<i64>,
}

impl Native {
    /// Of cells, by their longest durations in milliseconds.
    fn of(cells: &[(u64, u64)]) -> Native {
        let zero = cells.iter().filter(|(edge, _)| *edge == 0).map(|(_, count)| count).sum();
        let mut populations: Vec<(i32, u64)> = Vec::new();
        for &(edge, count) in cells.iter().filter(|(edge, _)| *edge > 0) {
            let bucket = native_bucket(edge);
            match populations.last_mut() {
                Some((last, population)) if *last == bucket => *population += count,
                _ => populations.push((bucket, count)),
            }
        }
        Native { zero, ..Native::with(populations) }
    }

    /// Of buckets by their numbers, ascending.
    pub(super) fn with(populations: impl IntoIterator<Item = (i32, u64)>) -> Native {
        let mut native = Native::default();
        let (mut next, mut before) = (0, 0);
        for (bucket, population) in populations {
            match native.spans.last_mut() {
                Some((_, length)) if bucket == next => *length += 1,
                _ => native.spans.push((bucket - next, 1)),
            }
            let population = i64::try_from(population).expect("nobody counts so far");
            native.deltas.push(population - before);
            (next, before) = (bucket + 1, population);
        }
        native
    }
}

/// Small numbers of either sign become small numbers.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// A message under way.
#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.0.push(number.to_le_bytes()[0]);
    }

    fn key(&mut self, field: u8, wire: u8) {
        self.varint(u64::from(field) << 3 | u64::from(wire));
    }

    fn unsigned(&mut self, field: u8, number: u64) {
        self.key(field, VARINT);
        self.varint(number);
    }

    fn signed(&mut self, field: u8, number: i64) {
        self.unsigned(field, zigzag(number));
    }

    fn double(&mut self, field: u8, number: f64) {
        self.key(field, EIGHT_BYTES);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.key(field, LENGTH);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u8, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u8, message: &Message) {
        self.bytes(field, &message.0);
    }

    fn label(&mut self, (name, value): Label<'_>) {
        let mut pair = Message::default();
        pair.text(1, name);
        pair.text(2, value);
        self.message(1, &pair);
    }
}
