//! The smallest number of agents that keeps a promise.
//!
//! More agents never make a level worse nor anybody busier, so the number is found by halving, in some forty looks at a
//! hundred thousand erlangs; it is exact, not the square root of anything.

use super::{Aim, Load, OutOfRange, Patience, Predicted, predicted};

/// Occupancies and quotients of whole numbers are this much off at most by rounding: 17 erlangs at 85 % are 20 agents.
const ROUNDING: f64 = 1e-12;

/// How many agents a promise needs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Required {
    /// Agents who are there for contacts; 0 if nothing comes: no contacts need nobody.
    pub agents: u64,
    /// How many have to be scheduled so that so many are there: divided by 1 − shrinkage, rounded up.
    pub agents_scheduled: u64,
    /// What they reach; none if nothing comes.
    pub predicted: Option<Predicted>,
}

/// How many agents keep the promise: the smallest number, at least one if anything comes, with which the service level
/// is at least the goal and agents are busy at most as much as is allowed. By Erlang A if contacts have a patience,
/// else by Erlang C, which then needs more agents than there are erlangs whatever the goal.
///
/// # Errors
///
/// An aim that makes no sense, or that no number of agents reaches: a goal of 1.
pub fn required(load: &Load, aim: &Aim, patience: Option<Patience>) -> Result<Required, OutOfRange> {
    aim.check()?;
    if load.erlangs <= 0.0 {
        return Ok(Required { agents: 0, agents_scheduled: 0, predicted: None });
    }
    let reached = |agents| predicted(load, agents, aim.target_seconds, patience);
    let agents = smallest(whole(load.erlangs.ceil()).max(1), |agents| keeps(aim, &reached(agents)));
    let agents_scheduled = scheduled(agents, aim.shrinkage);
    Ok(Required { agents, agents_scheduled, predicted: Some(reached(agents)) })
}

/// How many agents have to be scheduled so that `agents` are there, rounded up. `shrinkage` is 0 to 0.99.
pub fn scheduled(agents: u64, shrinkage: f64) -> u64 {
    let exact = agents as f64 / (1.0 - shrinkage);
    let nearest = exact.round();
    // 21 agents at 30 % are 30, although the quotient is a little more.
    whole(if (exact - nearest).abs() <= exact * ROUNDING { nearest } else { exact.ceil() })
}

fn keeps(aim: &Aim, predicted: &Predicted) -> bool {
    let is_stable = predicted.mean_wait_seconds.is_some();
    let is_bearable = predicted.occupancy.is_some_and(|busy| busy <= aim.max_occupancy * (1.0 + ROUNDING));
    is_stable && is_bearable && predicted.service_level >= aim.goal
}

/// The smallest number, at least 1, that is enough; every larger one is as well. `guess` is at least 1.
fn smallest(guess: u64, is_enough: impl Fn(u64) -> bool) -> u64 {
    // The answer is more than `few` and at most `many`.
    let (mut few, mut many, mut step) = (0, guess, 1);
    if is_enough(guess) {
        while many > 1 {
            let fewer = many.saturating_sub(step).max(1);
            if !is_enough(fewer) {
                few = fewer;
                break;
            }
            many = fewer;
            step *= 2;
        }
    } else {
        while !is_enough(many) {
            few = many;
            many += step;
            step *= 2;
        }
    }
    while many - few > 1 {
        let middle = u64::midpoint(few, many);
        if is_enough(middle) {
            many = middle;
        } else {
            few = middle;
        }
    }
    many
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of agents, at most 1e7 / 0.01 / 0.01"
)]
fn whole(number: f64) -> u64 {
    number as u64
}
