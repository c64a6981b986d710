//! Staffing, of loads, patiences and promises nobody thought of.

use proptest::prelude::*;

use super::*;

const HANDLE: f64 = 180.0;

/// Evenly by logarithm.
fn between(low: f64, high: f64) -> impl Strategy<Value = f64> {
    (low.ln()..high.ln()).prop_map(f64::exp)
}

/// Loads, and numbers of agents from far too few to far too many.
fn staffed(most_erlangs: f64) -> impl Strategy<Value = (f64, u64)> {
    (between(0.01, most_erlangs), -8.0..8.0)
        .prop_map(|(erlangs, spare)| (erlangs, whole(erlangs + spare * erlangs.sqrt())))
}

/// The whole number below, at least 1.
fn whole(agents: f64) -> u64 {
    (2..).take_while(|&more| more as f64 <= agents).last().unwrap_or(1)
}

fn load(erlangs: f64) -> Load {
    Load::of_contacts(erlangs, HANDLE, HANDLE).unwrap()
}

fn patience(seconds: f64) -> Option<Patience> {
    Some(Patience::of_seconds(seconds).unwrap())
}

fn reached(erlangs: f64, agents: u64, target: f64, patience: Option<Patience>) -> Predicted {
    predict(&load(erlangs), agents, target, patience).unwrap().unwrap()
}

fn is_about(value: f64, expected: f64, error: f64) -> bool {
    (value - expected).abs() <= error * expected.abs().max(1e-6)
}

/// Who waits, and who gives up, from sums over how many are there. Weights are of the state in which all agents are
/// busy.
fn summed(erlangs: f64, agents: u64, patience: f64) -> (f64, f64) {
    let (mut weight, mut free) = (1.0, 0.0);
    for there in (1..=agents).rev() {
        weight *= there as f64 / erlangs;
        free += weight;
    }
    let (mut weight, mut busy, mut queue) = (1.0, 1.0, 0.0);
    for queued in 1..100_000 {
        weight *= erlangs / (agents as f64 + f64::from(queued) * HANDLE / patience);
        busy += weight;
        queue += f64::from(queued) * weight;
        if weight > 1e200 {
            [&mut weight, &mut free, &mut busy, &mut queue].into_iter().for_each(|sum| *sum *= 1e-200);
        }
    }
    let all = free + busy;
    (busy / all, queue / all * HANDLE / patience / erlangs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn blocking_is_that_of_the_recurrence((erlangs, agents) in staffed(2_000.0)) {
        let inverse = (1..=agents).fold(1.0, |inverse, agents| 1.0 + agents as f64 / erlangs * inverse);
        prop_assert!(is_about(erlang::blocking(erlangs, agents) * inverse, 1.0, 1e-12));
    }

    #[test]
    fn erlang_a_is_that_of_sums((erlangs, agents) in staffed(300.0), seconds in between(1.0, 20_000.0)) {
        let told = reached(erlangs, agents, 20.0, patience(seconds));
        let (waiting, abandoned) = summed(erlangs, agents, seconds);
        prop_assert!(is_about(told.waiting, waiting, 1e-11), "{told:?} {waiting}");
        prop_assert!(is_about(told.abandoned, abandoned, 1e-11), "{told:?} {abandoned}");
    }

    #[test]
    fn endless_patience_is_erlang_c(agents in 1_u64..10_000, spare in 0.01..8.0, target in 0.0..600.0) {
        // The closer to the load, the more patience it takes to be endless.
        let erlangs = f64::max(agents as f64 - spare * (agents as f64).sqrt(), 0.01);
        let told = reached(erlangs, agents, target, patience(1e12));
        let by_c = reached(erlangs, agents, target, None);
        prop_assert!(is_about(told.waiting, by_c.waiting, 1e-4), "{told:?} {by_c:?}");
        prop_assert!(is_about(told.service_level, by_c.service_level, 1e-4), "{told:?} {by_c:?}");
        let [wait, wait_by_c] = [told, by_c].map(|told| told.mean_wait_seconds.unwrap());
        prop_assert!(is_about(wait, wait_by_c, 1e-4), "{told:?} {by_c:?}");
        prop_assert!(told.abandoned <= 1e-6 && is_about(told.occupancy.unwrap(), by_c.occupancy.unwrap(), 1e-4));
    }

    #[test]
    fn endless_patience_with_too_few_agents_loses_the_rest(erlangs in between(1.1, 10_000.0), part in 0.0..0.99) {
        let agents = whole(erlangs * part);
        let told = reached(erlangs, agents, 20.0, patience(1e12));
        prop_assert!(is_about(told.abandoned, 1.0 - agents as f64 / erlangs, 1e-9), "{told:?}");
        prop_assert!(told.service_level < 1e-6, "{told:?}");
    }

    #[test]
    fn no_patience_is_erlang_b((erlangs, agents) in staffed(10_000.0), target in 0.0..600.0) {
        let told = reached(erlangs, agents, target, patience(1e-6));
        let blocked = erlang::blocking(erlangs, agents);
        prop_assert!(is_about(told.waiting, blocked, 1e-3), "{told:?} {blocked}");
        prop_assert!(is_about(told.abandoned, blocked, 1e-3), "{told:?} {blocked}");
        prop_assert!(is_about(told.service_level, 1.0 - blocked, 1e-3), "{told:?} {blocked}");
        prop_assert!(told.mean_wait_seconds.unwrap() <= 1e-6);
    }

    #[test]
    fn more_agents_are_never_worse(
        (erlangs, agents) in staffed(50_000.0),
        target in 0.0..600.0,
        seconds in prop::option::of(between(1e-6, 1e12)),
    ) {
        let patience = seconds.and_then(patience);
        let [told, better] = [agents, agents + 1].map(|agents| reached(erlangs, agents, target, patience));
        // As good as what is computed with.
        let (digits, wait) = (1e-12, |told: &Predicted| told.mean_wait_seconds.unwrap_or(f64::INFINITY));
        prop_assert!(better.service_level >= told.service_level - digits, "{told:?} {better:?}");
        prop_assert!(better.waiting <= told.waiting + digits, "{told:?} {better:?}");
        prop_assert!(better.abandoned <= told.abandoned + digits, "{told:?} {better:?}");
        prop_assert!(better.occupancy.unwrap() <= told.occupancy.unwrap() + digits, "{told:?} {better:?}");
        prop_assert!(wait(&better) <= wait(&told) * (1.0 + digits), "{told:?} {better:?}");
        for share in [told.service_level, told.waiting, told.abandoned, told.occupancy.unwrap()] {
            prop_assert!((0.0..=1.0 + digits).contains(&share), "{told:?}");
        }
    }

    #[test]
    fn more_load_or_a_sooner_target_is_never_better(
        (erlangs, agents) in staffed(50_000.0),
        target in 1.0..600.0,
        seconds in prop::option::of(between(1e-6, 1e12)),
        part in 0.0..1.0,
    ) {
        let patience = seconds.and_then(patience);
        let level = |erlangs, target| reached(erlangs, agents, target, patience).service_level;
        prop_assert!(level(erlangs * 1.01, target) <= level(erlangs, target) + 1e-12);
        prop_assert!(level(erlangs, target * part) <= level(erlangs, target) + 1e-12);
    }

    #[test]
    fn what_is_required_is_the_smallest_number(
        erlangs in between(0.01, 300.0),
        target in prop_oneof![Just(0.0), 0.0..600.0],
        goal in prop_oneof![Just(0.0), 0.0..0.999_9],
        max_occupancy in prop_oneof![Just(1.0), 0.05..1.0],
        seconds in prop::option::of(between(1.0, 1e6)),
    ) {
        let patience = seconds.and_then(patience);
        let aim = Aim { max_occupancy, ..Aim::new(target, goal) };
        let is_enough = |agents: &u64| {
            let told = reached(erlangs, *agents, target, patience);
            let is_stable = told.mean_wait_seconds.is_some();
            is_stable && told.service_level >= goal && told.occupancy.unwrap() <= max_occupancy
        };
        let first = (1..).find(is_enough).unwrap();
        prop_assert_eq!(required(&load(erlangs), &aim, patience).unwrap().agents, first);
    }

    #[test]
    fn any_load_up_to_the_largest_is_answered(
        erlangs in between(1e-12, MOST_ERLANGS),
        target in between(1e-9, 1e9),
        goal in 0.0..1.0,
        seconds in prop::option::of(between(1e-6, 1e12)),
    ) {
        let patience = seconds.and_then(patience);
        let needed = required(&load(erlangs), &Aim::new(target, goal), patience).unwrap();
        let told = needed.predicted.unwrap();
        prop_assert!(told.service_level >= goal && told.mean_wait_seconds.is_some_and(f64::is_finite), "{told:?}");
        if needed.agents > 1 {
            let fewer = reached(erlangs, needed.agents - 1, target, patience);
            prop_assert!(fewer.service_level < goal || fewer.mean_wait_seconds.is_none(), "{fewer:?}");
        }
    }
}
