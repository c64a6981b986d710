//! An outlier as records and pages tell it.

use serde::{Serialize, Serializer};

use super::{Crossing, Outlier};
use crate::event::EventTime;

/// What is told of an outlier. Times are RFC 3339 in UTC; of replies and transfers there are counts instead of seconds.
#[derive(Debug, Serialize)]
pub struct OutlierWords<'o> {
    /// The same however often it is told.
    pub id: String,
    /// Who.
    pub contact_id: &'o str,
    /// Where.
    pub queue: &'o str,
    /// On which channel.
    pub channel: &'o str,
    /// Of which tier.
    pub tier: &'o str,
    /// In what.
    pub measure: &'static str,
    /// How long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Beyond what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence_seconds: Option<f64>,
    /// How many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Beyond how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fence_count: Option<u64>,
    /// When that began: of replies and transfers, when the contact was first offered.
    #[serde(serialize_with = "written")]
    pub since: Option<EventTime>,
    /// Whether it went on when it was found.
    pub goes_on: bool,
    /// The instant at which it was found.
    #[serde(serialize_with = "written")]
    pub found_at: Option<EventTime>,
}

impl<'o> From<&'o Outlier> for OutlierWords<'o> {
    fn from(Outlier { crossing, found_at_ms }: &'o Outlier) -> OutlierWords<'o> {
        let Crossing { contact_id, lane: [queue, channel, tier], aspect, since_ms, value, fence, goes_on } = crossing;
        let seconds = |millis: u64| aspect.is_time().then_some(millis as f64 / 1000.0);
        let count = |number: u64| (!aspect.is_time()).then_some(number);
        OutlierWords {
            id: crossing.id(),
            contact_id,
            queue,
            channel,
            tier,
            measure: aspect.name(),
            seconds: seconds(*value),
            fence_seconds: seconds(*fence),
            count: count(*value),
            fence_count: count(*fence),
            since: EventTime::from_millis(*since_ms),
            goes_on: *goes_on,
            found_at: EventTime::from_millis(*found_at_ms),
        }
    }
}

fn written<S: Serializer>(time: &Option<EventTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}
