//! Distributions in HdrHistogram's own formats, so that its plotting tools open them.
//!
//! Recorded are milliseconds (of replies and transfers numbers). The text is that of `outputPercentileDistribution` with a
//! scale of 1,000, so in seconds; the packed form is V2 with zlib as base64, as log files hold it.

use std::fmt::Write as _;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use crate::engine::histogram::Distribution;
use crate::engine::tally::{Measure, Quantity};
use crate::publish::snapshot::Snapshot;
use crate::publish::withheld::Withheld;

/// Which distribution.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The queue; of all its lanes together.
    pub queue: &'w str,
    /// The place of the window.
    pub window: usize,
    /// The measure.
    pub measure: Measure,
    /// What of it.
    pub quantity: Quantity,
}

/// The distribution; none if there is no such queue, or nothing was measured of it.
///
/// # Errors
/// Nothing is told of lanes: why.
pub fn distribution(
    snapshot: &Snapshot,
    at: Instant,
    wanted: Wanted<'_>,
) -> Result<Option<Histogram<u64>>, Vec<Withheld>> {
    let Some(view) = snapshot.shown(at) else { return Err(snapshot.withheld(at)) };
    let of_queue = view.groups.iter().filter(|(key, _)| key.queue.as_deref() == Some(wanted.queue));
    let mut sum = Distribution::default();
    for (_, group) in of_queue {
        let tally = group.windows.get(wanted.window).and_then(|window| window.measures.get(&wanted.measure));
        tally.into_iter().for_each(|tally| sum.merge(&tally[wanted.quantity]));
    }
    Ok((sum.count() > 0).then(|| sum.to_hdr()))
}

/// Values by percentile, with five steps for each halving of what is left; values divided by `scale`.
pub fn percentiles(histogram: &Histogram<u64>, scale: f64) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let mut seen = 0;
    for step in histogram.iter_quantiles(5) {
        seen += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to() as f64 / scale, step.quantile_iterated_to());
        let line = if quantile < 1.0 {
            writeln!(text, "{value:>12.3} {quantile:>2.12} {seen:>10} {:>14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text, "{value:>12.3} {quantile:>2.12} {seen:>10}")
        };
        line.expect("a text takes all");
    }
    let (mean, deviation) = (histogram.mean() / scale, histogram.stdev() / scale);
    let (max, total) = (histogram.max() as f64 / scale, histogram.len());
    let (buckets, halves) = (histogram.buckets(), 2048);
    let end = write!(
        text,
        "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]\n\
         #[Max     = {max:>12.3}, Total count    = {total:>12}]\n\
         #[Buckets = {buckets:>12}, SubBuckets     = {halves:>12}]\n"
    );
    end.expect("a text takes all");
    text
}

/// Packed, as base64.
pub fn packed(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    let written = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    written.expect("a vector takes all bytes, and counts are far below the limit");
    STANDARD.encode(bytes)
}
