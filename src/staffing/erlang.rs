//! Erlang B and C: agents, and contacts that do not wait at all or wait for as long as it takes.
//!
//! A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
//! exchanges", 1917. No factorials: they overflow at 171 agents.

use super::{Load, Predicted};

/// Erlang B: the share of contacts that find all agents busy, if those go away at once. 1 without agents, 0 if nothing
/// comes to some.
///
/// It is the recurrence 1 / B(n) = 1 + n / a x 1 / B(n − 1) from 1 / B(0) = 1, unrolled from its end: 1 / B(n) = 1 +
/// n/a + n/a x (n − 1)/a + … All terms are positive, so nothing cancels, and those that count are some ten times the
/// square root of the load, not one for every agent: 0.01 ms at 100,000 erlangs. A blocking below the smallest number
/// is 0.
///
/// `erlangs` is a number, 0 or more.
pub fn blocking(erlangs: f64, agents: u64) -> f64 {
    if agents == 0 {
        return 1.0;
    }
    if erlangs <= 0.0 {
        return 0.0;
    }
    let (mut inverse, mut term) = (1.0, 1.0);
    let mut left = agents as f64;
    while left > 0.0 {
        let factor = left / erlangs;
        term *= factor;
        inverse += term;
        // From here on terms only shrink, and faster; or the sum is beyond all numbers.
        if (factor < 1.0 && term < (1.0 - factor) * inverse * NEGLIGIBLE) || inverse.is_infinite() {
            break;
        }
        left -= 1.0;
    }
    1.0 / inverse
}

/// What is left of a sum once its rest is less than this share of it.
const NEGLIGIBLE: f64 = 1e-17;

/// Erlang C: the share of contacts that wait, C = n B / (n − a (1 − B)). 1 if agents are not more than the load: then
/// the queue only grows, and everybody waits in the long run. 0 if nothing comes to some.
///
/// `erlangs` is a number, 0 or more.
pub fn waiting(erlangs: f64, agents: u64) -> f64 {
    let spare = agents as f64 - erlangs;
    if spare <= 0.0 {
        return 1.0;
    }
    let blocking = blocking(erlangs, agents);
    // The denominator in another order: nothing cancels where agents are hardly more than the load.
    agents as f64 * blocking / (spare + erlangs * blocking)
}

/// By Erlang C: the share within T is 1 − C exp(−(n − a) T / handle time), the mean wait C x handle time / (n − a), the
/// occupancy a / n.
///
/// With no more agents than erlangs there is no steady state, and this tells what it tends to: everybody waits, nobody
/// is answered in time, agents are always busy, waits grow without end.
pub(super) fn predicted(load: &Load, agents: u64, target_seconds: f64) -> Predicted {
    let waiting = waiting(load.erlangs, agents);
    let spare = agents as f64 - load.erlangs;
    if spare <= 0.0 {
        let occupancy = (agents > 0).then_some(1.0);
        return Predicted { waiting, service_level: 0.0, abandoned: 0.0, mean_wait_seconds: None, occupancy };
    }
    Predicted {
        waiting,
        service_level: 1.0 - waiting * libm::exp(-spare * target_seconds / load.handle_seconds),
        abandoned: 0.0,
        mean_wait_seconds: Some(waiting * load.handle_seconds / spare),
        occupancy: Some(load.erlangs / agents as f64),
    }
}
