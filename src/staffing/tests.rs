//! Staffing, held against what was worked out elsewhere with fifty digits, from sums over all states.

use super::patience::{FEWEST_ABANDONED, estimate};
use super::requirement::scheduled;
use super::*;

fn patience(seconds: f64) -> Patience {
    Patience::of_seconds(seconds).unwrap()
}

/// A load of so many erlangs, handled in so many seconds.
fn load(erlangs: f64, handle_seconds: f64) -> Load {
    Load::of_contacts(erlangs, handle_seconds, handle_seconds).unwrap()
}

fn reached(load: Load, agents: u64, target_seconds: f64, patience: Option<Patience>) -> Predicted {
    predict(&load, agents, target_seconds, patience).unwrap().unwrap()
}

/// Equal to `digits` significant digits, or so close to 0.
#[track_caller]
fn assert_is(value: f64, expected: f64, digits: i32) {
    let error = (value - expected).abs();
    assert!(error <= 0.5 * expected.abs() * 10_f64.powi(1 - digits) + 1e-18, "{value} is not {expected}: {error:e}");
}

#[test]
fn erlang_b_is_as_in_tables() {
    for (erlangs, agents, expected) in [
        (25.0, 30, 0.052_603_172_228_140_614),
        (100_000.0, 100_000, 0.002_518_893_423_546_906_2),
        (100_000.0, 90_000, 0.100_089_820_857_910_6),
        (1_000_000.0, 1_001_000, 0.000_287_462_827_716_776_2),
        (7.0, 0, 1.0),
        (1.0, 1, 0.5),
        (0.0, 1, 0.0),
        (1e-300, 1, 1e-300),
        // Less than the smallest number.
        (1e-3, 400, 0.0),
        (10.0, u64::MAX, 0.0),
    ] {
        assert_is(erlang::blocking(erlangs, agents), expected, 13);
    }
}

#[test]
fn erlang_c_is_as_in_tables() {
    assert_is(erlang::waiting(100_000.0, 100_300), 0.244_930_328_178_258_3, 13);
    let ten = Load::of_contacts(100.0, 1_800.0, 180.0).unwrap();
    assert_eq!(ten.erlangs(), 10.0);
    assert_eq!(Load::of_contacts(3.0, 1_800.0, 180.0).unwrap().erlangs(), 0.3);
    let told = reached(ten, 14, 20.0, None);
    assert_is(told.waiting, 0.174_131_933_595_049_8, 15);
    assert_is(told.service_level, 0.888_350_019_179_466_9, 15);
    assert_is(told.mean_wait_seconds.unwrap(), 7.835_937_011_777_24, 15);
    assert_is(told.occupancy.unwrap(), 10.0 / 14.0, 15);
    assert_eq!(told.abandoned, 0.0);
    let told = reached(load(48.0, 240.0), 55, 15.0, None);
    assert_is(told.waiting, 0.238_700_936, 9);
    assert_is(told.service_level, 0.845_883, 6);
    assert_is(told.mean_wait_seconds.unwrap(), 8.184, 4);
    assert_is(reached(load(48.0, 60.0), 50, 20.0, None).mean_wait_seconds.unwrap(), 20.83, 4);
}

#[test]
fn erlang_a_is_as_summed_over_all_states() {
    // Erlangs, agents, handle time, patience, target; who waits, who gives up, mean wait, service level.
    for (given, [waiting, abandoned, mean_wait, level]) in [
        ((10.0, 14, 180.0, 300.0, 20.0), [0.145_260_114_296, 0.013_983_744_122_4, 4.195_123_236_72, 0.916_792_091_864]),
        ((10.0, 13, 180.0, 300.0, 20.0), [0.225_797_084_047, 0.024_963_303_633_6, 7.488_991_090_07, 0.858_177_700_031]),
        ((10.0, 12, 180.0, 300.0, 20.0), [0.331_802_035_544, 0.042_711_105_698_6, 12.813_331_709_6, 0.772_279_307_716]),
        ((48.0, 50, 60.0, 120.0, 20.0), [0.467_774_068_554, 0.030_912_249_162_2, 3.709_469_899_46, 0.943_018_954_747]),
        ((48.0, 40, 60.0, 120.0, 20.0), [0.962_356_327_873, 0.169_468_326_049, 20.336_199_125_9, 0.389_504_785_466]),
        (
            (100.0, 130, 300.0, 3.0, 5.0),
            [0.000_923_970_778_86, 0.000_471_655_220_923, 0.001_414_965_662_77, 0.999_511_542_153],
        ),
        ((100.0, 90, 300.0, 3.0, 5.0), [0.232_011_447_384, 0.141_459_518_021, 0.424_378_554_064, 0.852_233_567_381]),
        ((5.0, 1, 60.0, 60.0, 120.0), [0.993_262_053_001, 0.801_347_589_4, 48.080_855_364, 0.169_104_534_766]),
        ((1e3, 1010, 300.0, 3e5, 20.0), [0.658_329_078_765, 6.457_152_407_56e-5, 19.371_457_222_7, 0.664_934_220_895]),
        // As many agents as erlangs, and contacts with the patience of a mountain.
        (
            (1e3, 1_000, 1e-3, 1e12, 1e-4),
            [0.999_999_968_641, 7.978_845_355_69e-10, 797.884_535_569, 1.111_478_793_49e-7],
        ),
        ((1e3, 990, 300.0, 1e5, 20.0), [0.999_999_998_83, 0.010_000_000_025_9, 1_000.000_002_59, 4.720_406_354_5e-9]),
        (
            (0.01, 1, 60.0, 60.0, 20.0),
            [0.009_950_166_250_83, 0.004_983_374_916_81, 0.299_002_495_008, 0.992_461_769_249],
        ),
        (
            (2e4, 20_100, 300.0, 120.0, 20.0),
            [0.190_808_287_172, 0.001_393_973_795_42, 0.167_276_855_451, 0.998_606_026_205],
        ),
        ((2e4, 18_000, 300.0, 120.0, 20.0), [1.0, 0.1, 12.0, 0.899_999_887_285]),
    ] {
        let (erlangs, agents, handle, ready, target) = given;
        let told = reached(load(erlangs, handle), agents, target, Some(patience(ready)));
        assert_is(told.waiting, waiting, 11);
        assert_is(told.abandoned, abandoned, 11);
        assert_is(told.mean_wait_seconds.unwrap(), mean_wait, 11);
        assert_is(told.service_level, level, 11);
        assert_is(told.occupancy.unwrap(), erlangs * (1.0 - abandoned) / agents as f64, 11);
    }
}

#[test]
fn promises_need_so_many_agents() {
    let ten = Load::of_contacts(100.0, 1_800.0, 180.0).unwrap();
    let aim = Aim { shrinkage: 0.3, ..Aim::new(20.0, 0.8) };
    let by_c = required(&ten, &aim, None).unwrap();
    assert_eq!((by_c.agents, by_c.agents_scheduled), (14, 20));
    assert_eq!(by_c.predicted, Some(reached(ten, 14, 20.0, None)));
    let by_a = required(&ten, &aim, Some(patience(300.0))).unwrap();
    assert_eq!((by_a.agents, by_a.agents_scheduled), (13, 19));

    let agents = |load, aim| required(&load, &aim, None).unwrap().agents;
    let capped = |max_occupancy| Aim { max_occupancy, ..Aim::new(20.0, 0.8) };
    assert_eq!(agents(ten, capped(0.72)), 14);
    assert_eq!(agents(ten, capped(0.7)), 15);
    // 8.5 at 85 % are 10, although the load is a little more by rounding.
    let rounded = Load::new(8.5_f64.next_up(), 1.0).unwrap();
    assert_eq!(agents(rounded, Aim { max_occupancy: 0.85, ..Aim::new(20.0, 0.0) }), 10);
}

#[test]
fn what_nobody_asks_for_is_answered_as_well() {
    let nothing = Load::new(0.0, 180.0).unwrap();
    let aim = Aim::new(20.0, 0.8);
    for patience in [None, Some(patience(300.0))] {
        // No contacts need nobody, and have no level.
        let none = Required { agents: 0, agents_scheduled: 0, predicted: None };
        assert_eq!(required(&nothing, &aim, patience), Ok(none));
        assert_eq!(predict(&nothing, 5, 20.0, patience), Ok(None));
        // One contact in a hundred years needs somebody.
        let tiny = Load::new(3e-10, 180.0).unwrap();
        let needed = required(&tiny, &aim, patience).unwrap();
        assert_eq!(needed.agents, 1);
        assert_is(needed.predicted.unwrap().service_level, 1.0, 6);
        assert_eq!(required(&Load::new(1e-300, 1e-6).unwrap(), &aim, patience).unwrap().agents, 1);
    }
    let ten = load(10.0, 180.0);
    // A goal of nothing: a queue that does not grow, and with some who give up one agent.
    assert_eq!(required(&ten, &Aim::new(20.0, 0.0), None).unwrap().agents, 11);
    assert_eq!(required(&ten, &Aim::new(20.0, 0.0), Some(patience(300.0))).unwrap().agents, 1);
    // At once: the level is the share that does not wait.
    for patience in [None, Some(patience(300.0))] {
        let told = reached(ten, 14, 0.0, patience);
        assert_is(told.service_level, 1.0 - told.waiting, 13);
    }
    // Nearly all.
    let strict = required(&ten, &Aim::new(0.0, 0.999_999), None).unwrap();
    assert!(strict.predicted.unwrap().waiting <= 1e-6 && reached(ten, strict.agents - 1, 0.0, None).waiting > 1e-6);
}

#[test]
fn too_few_agents_are_told_as_what_it_tends_to() {
    let ten = load(10.0, 180.0);
    let hopeless =
        Predicted { waiting: 1.0, service_level: 0.0, abandoned: 0.0, mean_wait_seconds: None, occupancy: Some(1.0) };
    assert_eq!(reached(ten, 10, 20.0, None), hopeless);
    assert_eq!(reached(ten, 3, 20.0, None), hopeless);
    assert_eq!(reached(ten, 0, 20.0, None), Predicted { occupancy: None, ..hopeless });
    let gone = Predicted { abandoned: 1.0, mean_wait_seconds: Some(300.0), occupancy: None, ..hopeless };
    assert_eq!(reached(ten, 0, 20.0, Some(patience(300.0))), gone);
    // With many too few, those give up whom the others cannot serve.
    let told = reached(load(1e7, 180.0), 1, 20.0, Some(patience(300.0)));
    assert_is(told.abandoned, 1.0 - 1e-7, 12);
    assert_is(told.occupancy.unwrap(), 1.0, 12);
}

#[test]
fn patience_counts_the_waits_of_those_who_were_answered() {
    // Five who gave up in 600 s that all have waited.
    let told = estimate(600.0, 5).unwrap();
    assert_eq!(told.mean, patience(120.0));
    assert_is(told.lower_seconds, 49.945, 4);
    assert_is(told.upper_seconds, 288.3, 4);
    let surer = estimate(60_000.0, 500).unwrap();
    assert_is(surer.upper_seconds / 120.0, 1.0916, 4);
    assert_eq!(estimate(600.0, FEWEST_ABANDONED - 1), None);
    assert_eq!(estimate(0.0, 10), None);
}

#[test]
fn schedules_are_rounded_up_but_not_by_rounding() {
    // Of whole percents the number is known exactly.
    for percent in 0_u64..=99 {
        for agents in 0_u64..=1_000 {
            let expected = (agents * 100).div_ceil(100 - percent);
            assert_eq!(scheduled(agents, percent as f64 / 100.0), expected, "{agents} at {percent} %");
        }
    }
    assert_eq!(scheduled(1_000_000_000, 0.0), 1_000_000_000);
}

#[test]
fn nonsense_is_refused() {
    assert_eq!(Load::new(-1.0, 180.0), Err(OutOfRange::Arrivals(-1.0)));
    assert!(matches!(Load::new(f64::NAN, 180.0), Err(OutOfRange::Arrivals(_))));
    assert_eq!(Load::of_contacts(5.0, 0.0, 180.0), Err(OutOfRange::Arrivals(f64::INFINITY)));
    assert_eq!(Load::new(1.0, 0.0), Err(OutOfRange::Handle(0.0)));
    assert_eq!(Load::new(1e6, 180.0), Err(OutOfRange::Erlangs(1.8e8)));
    assert_eq!(Patience::of_seconds(0.0), Err(OutOfRange::Patience(0.0)));
    assert_eq!(Patience::of_seconds(f64::INFINITY), Err(OutOfRange::Patience(f64::INFINITY)));

    let ten = load(10.0, 180.0);
    let aim = Aim::new(20.0, 0.8);
    for (aim, complaint) in [
        (Aim::new(-1.0, 0.8), "a target of -1 seconds: must be a number, 0 or more"),
        (Aim::new(20.0, 1.0), "a goal of 1: must be a share from 0 up to, but not, 1: for 80 % write 0.8"),
        (Aim::new(20.0, 80.0), "a goal of 80: must be a share from 0 up to, but not, 1: for 80 % write 0.8"),
        (
            Aim { max_occupancy: 0.0, ..aim },
            "a maximal occupancy of 0: must be a share from 0.01 to 1: for 85 % write 0.85",
        ),
        (Aim { shrinkage: 1.0, ..aim }, "a shrinkage of 1: must be a share from 0 to 0.99: for 30 % write 0.3"),
    ] {
        assert_eq!(required(&ten, &aim, None).unwrap_err().to_string(), complaint);
    }
    assert!(matches!(predict(&ten, 5, f64::NAN, None), Err(OutOfRange::Target(_))));
}
