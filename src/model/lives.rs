//! The facts of one contact id are cut into lives.
//!
//! Nothing here knows the order of arrival: a life is a function of all facts of the id and the settings.

use crate::engine::settings::Settings;

use super::clocks::{self, Clock};
use super::event::{Fact, What};
use super::fold::{self, Decision, Visit};
use super::rule::{Rule, RuleCounts};
use super::talk::{self, Talk};

/// One life of a contact id.
#[derive(Clone, PartialEq, Debug)]
pub struct Life {
    /// Its facts in order of time.
    pub facts: Vec<Fact>,
    /// What they come to.
    pub folded: fold::Life,
    /// What was said in it.
    pub talk: Talk,
    /// What is measured of it.
    pub clocks: Vec<Clock>,
    /// Whether nothing more is to be expected.
    pub is_finished: bool,
    /// How long after its last fact an unfinished life waits no longer, in milliseconds.
    pub expire_ms: u64,
    /// How long after its last fact a further fact still belongs to it, in milliseconds.
    pub limit_ms: u64,
}

impl Life {
    fn of(facts: &[Fact], settings: &Settings, rules: &mut RuleCounts) -> Life {
        let folded = fold::fold(facts, rules);
        let talk = talk::talk(facts, &folded.visits, rules);
        let clocks = clocks::clocks(&folded.visits, &talk, settings, rules);
        let is_finished = is_finished(&folded.visits, &clocks, facts, rules);
        let channels = folded.visits.iter().map(|visit| settings.lifetimes.expire_of(&visit.channel));
        let expire_ms = channels.max().unwrap_or_else(|| settings.lifetimes.expire_of("voice"));
        let limit_ms = if is_finished { settings.lifetimes.settle_ms } else { expire_ms };
        Life { facts: facts.to_vec(), folded, talk, clocks, is_finished, expire_ms, limit_ms }
    }

    /// The time of its last fact.
    pub fn last(&self) -> u64 {
        self.facts.last().expect("a life has a fact").time
    }

    /// Its facts, if none of them is an offer, else 0.
    pub fn orphans(&self) -> u64 {
        if self.folded.visits.is_empty() { self.facts.len() as u64 } else { 0 }
    }
}

/// Cuts all facts of one id, sorted by time, into lives, oldest first.
pub fn cut(facts: &[Fact], settings: &Settings, rules: &mut RuleCounts) -> Vec<Life> {
    let lifetimes = &settings.lifetimes;
    let channels = lifetimes.expire_by_channel.values().copied().min().unwrap_or(u64::MAX);
    let shortest_limit = channels.min(lifetimes.settle_ms).min(lifetimes.expire_ms);
    let mut lives = Vec::new();
    let mut start = 0;
    for next in 1..facts.len() {
        let gap = facts[next].time - facts[next - 1].time;
        // Only spares the fold: no limit is below the shortest one.
        if gap <= shortest_limit {
            continue;
        }
        let life = Life::of(&facts[start..next], settings, &mut RuleCounts::default());
        if gap > life.limit_ms {
            rules.hit(if life.is_finished { Rule::LifeAfterSettle } else { Rule::LifeAfterExpire });
            lives.push(Life::of(&facts[start..next], settings, rules));
            start = next;
        }
    }
    if start < facts.len() {
        lives.push(Life::of(&facts[start..], settings, rules));
    }
    lives
}

fn is_finished(visits: &[Visit], clocks: &[Clock], facts: &[Fact], rules: &mut RuleCounts) -> bool {
    let is_finished = visits.last().is_some_and(|latest| is_over(latest, facts, rules));
    let waits = clocks.iter().any(Clock::waits);
    if is_finished && waits {
        rules.hit(Rule::UnfinishedClock);
    }
    is_finished && !waits
}

fn is_over(latest: &Visit, facts: &[Fact], rules: &mut RuleCounts) -> bool {
    match latest.decision {
        Decision::Waiting => false,
        Decision::Answered(_) if latest.completed.is_some() => true,
        Decision::Answered(_) => {
            // At one instant a resolve counts after a reopening.
            let resolved = facts.iter().filter(|fact| fact.what == What::Resolved).map(|fact| fact.time).max();
            let reopened = facts.iter().filter(|fact| fact.what == What::Reopened).map(|fact| fact.time).max();
            let is_resolved = resolved.is_some() && resolved >= reopened;
            if is_resolved {
                rules.hit(Rule::FinishedByResolved);
            } else if resolved.is_some() {
                rules.hit(Rule::ReopenedAgain);
            }
            is_resolved
        }
        Decision::Abandoned(_) | Decision::Left { .. } | Decision::Transferred(_) | Decision::Closed(_) => true,
    }
}
