//! How many contacts each queue was offered over weeks and months, without a line being written.
//!
//! The centre lives through these days as it would if it told them; only the count is kept. So transfers and who spills
//! over are counted where they are offered, and nothing can differ from what the events would say. 140 days of six queues
//! take about two seconds.

use std::collections::BTreeMap;

use super::calendar::QUARTER_MS;
use super::{Centre, Scenario, ScenarioError};

/// How many `offered` events the scenario tells for each queue in each quarter of an hour of its first `days` days: pairs
/// of the quarter, in quarters since 1970-01-01T00:00:00Z, and the count, in order and without those that have none. A queue
/// that is offered nothing has no pairs.
///
/// Its own ends (`days`, `events`, `contacts`) are not looked at; a quarter that a day's end cuts holds what was offered
/// until then.
///
/// # Errors
/// As [`Centre::new`].
pub fn offered_by_quarter(scenario: &Scenario, days: u32) -> Result<BTreeMap<String, Vec<(u32, u32)>>, ScenarioError> {
    let ends = Scenario { days: Some(days), events: None, contacts: None, ..scenario.clone() };
    let mut centre = Centre::new(&Scenario { agent_states: false, pad: 0, ..ends })?;
    let offers = centre.count_offers();
    Ok(centre.queues.into_iter().map(|queue| queue.name).zip(offers.by_queue).collect())
}

impl Centre {
    /// Goes to the scenario's end in silence.
    fn count_offers(&mut self) -> Offers {
        self.writer.fall_silent();
        self.offers = Some(Offers { by_queue: vec![Vec::new(); self.queues.len()] });
        let nothing = self.next_event(&mut Vec::new());
        debug_assert!(nothing.is_none(), "a silent centre tells nothing");
        self.offers.take().expect("they were counted until now")
    }
}

/// Offers by queue and quarter of an hour.
pub(super) struct Offers {
    /// As [`offered_by_quarter`] tells them, by the queue's place.
    by_queue: Vec<Vec<(u32, u32)>>,
}

impl Offers {
    /// One more, no earlier than those before.
    pub(super) fn add(&mut self, queue: u32, time_ms: u64) {
        let quarter = u32::try_from(time_ms / QUARTER_MS).expect("quarters of an hour until the year 120000");
        let counts = &mut self.by_queue[queue as usize];
        match counts.last_mut() {
            Some((latest, count)) if *latest == quarter => *count += 1,
            _ => counts.push((quarter, 1)),
        }
    }
}
