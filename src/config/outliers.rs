//! The section `[outliers]`: beyond what a contact is out of all proportion, and where that is told.
//!
//! Fixed limits are written for all lanes, and over that for channels and queues by their names.

use super::duration::LONGEST_MS;
use super::reading::Reading;
use super::section::Section;
use super::service::Outliers;
use super::understand::{duration, factor, share, truth, whole};
use super::understand_service::kafka_name;
use crate::engine::outliers::{Aspect, ByAspect, Limits, OutlierSettings};

/// More times than any fence is worth.
const MOST_TIMES: f64 = 1_000.0;

/// More than any contact takes.
const MOST_EFFORT: u64 = 10_000;

/// Reads the section. `place_of` says what else a topic is.
pub(super) fn read(section: &mut Section<'_>, place_of: impl Fn(&String) -> Option<&'static str>) -> Outliers {
    let usual = OutlierSettings::default();
    let rank = section.read("past_quantile", share).value().map(per_mille);
    let past_factor = section.read("past_factor", factor(MOST_TIMES)).or(usual.past_factor);
    let min_contacts = section.read("min_contacts", whole(1..=1_000_000)).or(usual.min_contacts);
    let usual_limits = limits(section);
    let topic = section.read("topic", kafka_name);
    if let Reading::Usable(name, spot) = &topic
        && let Some(place) = place_of(name)
    {
        section.refuse(spot, format!("\"{name}\" is {place}: name another one, which nobody else writes to"));
    }
    let log_contact_ids = section.read("log_contact_ids", truth).or(false);
    let by_channel = section.named_sections("channel", self::limits);
    let by_queue = section.named_sections("queue", self::limits);
    let past_per_mille = rank.unwrap_or(usual.past_per_mille);
    let limits = Limits { usual: usual_limits, by_channel, by_queue };
    let fences = OutlierSettings { past_per_mille, past_factor, min_contacts, limits };
    Outliers { fences, topic: topic.value(), log_contact_ids }
}

/// Fixed limits, each under the name of what it limits.
fn limits(section: &mut Section<'_>) -> ByAspect {
    let mut limits = ByAspect::default();
    for aspect in Aspect::ALL {
        let limit = if aspect.is_time() {
            section.read(aspect.name(), duration(1..=LONGEST_MS)).value()
        } else {
            section.read(aspect.name(), whole(1..=MOST_EFFORT)).value()
        };
        limits.set(aspect, limit);
    }
    limits
}

/// Thousandths, which is as fine as quantiles are told.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share lies between 0 and 1")]
fn per_mille(share: f64) -> u64 {
    (share * 1_000.0).round() as u64
}
