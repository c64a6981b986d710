//! Where a mistake would make a wrong table.

use std::collections::BTreeMap;

use holdline::surge::Parameters;
use jiff::civil::date;

use super::alarms::{Explained, Look, alarms, silences, threshold};
use super::figures::first_days;
use super::history::{Bank, BankCalendar, Burst, Counts, DAY_MINUTES, DAYS, SLOT_STEPS, SLOTS, STEPS, Sort, day_of};
use super::injections::{A_DAY, Injection, Kind, Starts, days, injections};
use super::modelled::Modelled;
use super::rules::{Morning, Rule, Simple};
use super::statistics::{Estimate, Part, Random};
use super::trial::Walk;

/// A bank with eight calls in each step from eight to eight, every day, and no holidays.
fn steady() -> Bank {
    let open = 8 * 12..20 * 12;
    let day: Counts = std::array::from_fn(|step| if open.contains(&step) { 8 } else { 0 });
    let calendar = BankCalendar { holidays: vec![], eves: vec![], special: BTreeMap::new(), missing: vec![] };
    Bank { queues: [("PS".to_owned(), vec![day; DAYS])].into(), calendar, bursts: vec![] }
}

/// Minutes since the first of January of a time in the steady bank's Monday, the eighth of March.
fn at(hour: usize, minute: usize) -> usize {
    day_of(date(1999, 3, 8)) * DAY_MINUTES + hour * 60 + minute
}

#[test]
fn estimates() {
    let part = |above, below| Part { above, below };
    // Days count by their size, not one like the other.
    let parts = [part(1.0, 10.0), part(9.0, 10.0), part(0.0, 30.0)];
    let estimate = Estimate::of(&parts);
    assert_eq!(estimate.value, 0.2);
    assert!(estimate.low < 0.1 && estimate.high > 0.4, "{estimate:?}");
    let same = Estimate::of(&[part(2.0, 8.0); 50]);
    assert_eq!((same.low, same.value, same.high), (0.25, 0.25, 0.25));
    // Of a hundred days with a coin tossed on each: half, give or take 1.96 x 5 %.
    let coins: Vec<_> = (0..100).map(|day| part(f64::from(day % 2), 1.0)).collect();
    let coins = Estimate::of(&coins);
    assert!((coins.low - 0.402).abs() < 0.02 && (coins.high - 0.598).abs() < 0.02, "{coins:?}");
    assert_eq!(Estimate::of_difference(&parts, &parts).high, 0.0);
}

#[test]
fn poisson_draws() {
    let mut random = Random::new(7);
    for mean in [0.0, 0.3, 8.0, 150.0] {
        let drawn: Vec<f64> = (0..20_000).map(|_| f64::from(random.poisson(mean))).collect();
        let average = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|drawn| (drawn - average).powi(2)).sum::<f64>() / 20_000.0;
        assert!((average - mean).abs() <= 4.0 * (mean / 20_000.0).sqrt(), "{average} for {mean}");
        assert!((variance - mean).abs() <= 0.06 * mean, "variance {variance} for {mean}");
    }
}

#[test]
fn alarms_within_two_hours_are_one() {
    let look = |minute, score| Look { minute, score };
    let looks = [look(0, 3.0), look(15, 1.0), look(120, 5.0), look(240, 3.0), look(375, 3.0), look(390, 2.9)];
    let alarms = alarms(&looks, 3.0);
    assert_eq!(alarms.iter().map(|alarm| (alarm.from, alarm.to)).collect::<Vec<_>>(), [(0, 240), (375, 375)]);
    assert_eq!(alarms[0].peak, 5.0);
}

#[test]
fn what_explains_alarms() {
    let mut bank = steady();
    bank.bursts = vec![Burst { from: at(10, 0), to: at(11, 0) }];
    // From three to four nobody calls; nor on the Saturday before, which is closed.
    bank.queues.get_mut("PS").unwrap()[at(0, 0) / DAY_MINUTES - 2].fill(0);
    bank.queues.get_mut("PS").unwrap()[at(15, 0) / DAY_MINUTES][15 * 12..16 * 12].fill(0);
    let found = silences(&bank, "PS");
    assert_eq!((found.len(), &found[0]), (1, &(at(15, 0)..at(16, 0))));
    let explained = Explained::of(&bank, "PS");
    for (hour, minute, explains) in
        [(10, 0, false), (10, 15, true), (12, 0, true), (12, 15, false), (15, 0, false), (17, 0, true), (17, 15, false)]
    {
        assert_eq!(explained.explains(at(hour, minute)), explains, "{hour}:{minute:02}");
    }
    // A high look in the burst, and three that nothing explains: two of them may stay.
    let looks = [(8, 0, 4.0), (10, 30, 9.0), (14, 0, 3.0), (20, 0, 5.0)];
    let looks = looks.map(|(hour, minute, score)| Look { minute: at(hour, minute), score });
    assert_eq!(threshold(&looks, &explained, 2), 3.5);
    assert_eq!(threshold(&looks, &explained, 3), 3.0);
}

#[test]
fn rules_expect_what_never_changes_and_see_no_later_day() {
    let bank = steady();
    let day = at(0, 0) / DAY_MINUTES;
    let mut later = steady();
    later.queues.get_mut("PS").unwrap()[day..].fill([90; STEPS]);
    let model = |bank: &Bank| Box::new(Modelled::new("model", bank, Parameters::every_quarter())) as Box<dyn Rule>;
    let mut rules: Vec<[Box<dyn Rule>; 2]> = vec![[model(&bank), model(&later)]];
    rules.extend(Simple::ALL.map(|rule| [Box::new(rule) as Box<dyn Rule>, Box::new(rule)]));
    for [rule, of_later] in rules {
        let morning = rule.morning(&bank, "PS", day);
        let offered = bank.queues["PS"][day];
        let total: f64 = morning.ahead().iter().sum();
        assert!((total / 1_152.0 - 1.0).abs() < 0.02, "{} expects {total}", rule.name());
        assert!(morning.scores(&offered, SLOT_STEPS).iter().all(|score| *score < 2.0), "{}", rule.name());
        let twice = offered.map(|offered| 2 * offered);
        assert!(morning.scores(&twice, SLOT_STEPS)[8 * 4 + 1] > 2.0, "{} does not see twice the calls", rule.name());
        let same = of_later.morning(&later, "PS", day);
        assert_eq!(same.ahead(), morning.ahead(), "{} saw later days", rule.name());
        assert_eq!(same.scores(&twice, SLOT_STEPS), morning.scores(&twice, SLOT_STEPS));
        // What comes later in the day changes nothing either.
        let mut evening = twice;
        evening[12 * 12..].fill(0);
        for (slot, (one, other)) in morning.corrected(&twice).iter().zip(morning.corrected(&evening)).enumerate() {
            assert!(slot > 12 * 4 || *one == other, "{} corrected slot {slot} by later ones", rule.name());
        }
        let (one, other) = (morning.scores(&twice, SLOT_STEPS), morning.scores(&evening, SLOT_STEPS));
        assert_eq!(one[..12 * 4], other[..12 * 4], "{}", rule.name());
    }
}

#[test]
fn injections_add_what_they_say() {
    let mut bank = steady();
    bank.bursts = vec![Burst { from: at(10, 0), to: at(11, 0) }];
    let made = injections(&bank, "PS", Kind::Hour(1.6), Starts::Quarters, 3);
    assert_eq!(made.len(), days(&bank).len() * A_DAY);
    let mut added = 0;
    for injection in &made {
        assert!(injection.start.is_multiple_of(SLOT_STEPS) && (96..=201).contains(&injection.start));
        assert!(injection.day != at(0, 0) / DAY_MINUTES && bank.ordinary(injection.day));
        for (step, (after, before)) in injection.counts.iter().zip(bank.queues["PS"][injection.day]).enumerate() {
            assert!(*after == before || (injection.start..injection.start + 12).contains(&step));
            added += after - before;
        }
    }
    let mean = f64::from(added) / made.len() as f64;
    assert!((mean / (0.6 * 96.0) - 1.0).abs() < 0.03, "{mean} added to 96");
    let ramps = injections(&bank, "PS", Kind::Ramp(2.0), Starts::Steps, 3);
    let added = ramps.iter().map(|ramp| ramp.counts.iter().sum::<u32>() - 1_152).sum::<u32>();
    assert!((f64::from(added) / ramps.len() as f64 / 96.0 - 1.0).abs() < 0.03, "half of twice the calls of two hours");
}

/// A rule with one high look a day.
struct OneLook(usize);

impl Rule for OneLook {
    fn name(&self) -> String {
        "one look".to_owned()
    }

    fn morning(&self, _: &Bank, _: &str, _: usize) -> Box<dyn Morning> {
        Box::new(OneLook(self.0))
    }
}

impl Morning for OneLook {
    fn ahead(&self) -> [f64; SLOTS] {
        [9.0; SLOTS]
    }

    fn corrected(&self, _: &Counts) -> [f64; SLOTS] {
        [12.0; SLOTS]
    }

    fn scores(&self, _: &Counts, every: usize) -> Vec<f64> {
        (1..=STEPS / every).map(|look| if look * every == self.0 { 5.0 } else { 0.0 }).collect()
    }
}

#[test]
fn found_is_after_the_start_and_in_time() {
    let bank = steady();
    let injection = Injection { day: 59, start: 120, counts: bank.queues["PS"][59] };
    for (high, in_30, in_60) in
        [(120, 0.0, 0.0), (123, 1.0, 1.0), (126, 1.0, 1.0), (129, 0.0, 1.0), (132, 0.0, 1.0), (135, 0.0, 0.0)]
    {
        let walk = Walk::new(&OneLook(high), &bank, "PS", SLOT_STEPS);
        let judged = walk.judge(Kind::Hour(2.0), &[injection.clone(), injection.clone()]);
        assert_eq!(judged.found(0, 3.0), [Part { above: 2.0 * in_30, below: 2.0 }], "{high}");
        assert_eq!(judged.found(1, 3.0), [Part { above: 2.0 * in_60, below: 2.0 }], "{high}");
        let burst = Burst { from: at(10, 0), to: at(11, 0) };
        assert_eq!(walk.found_burst(&burst, 30, 3.0), in_30 > 0.0, "{high}");
    }
    let walk = Walk::new(&OneLook(120), &bank, "PS", SLOT_STEPS);
    // Twelve of 24 in the 48 open slots, 12 and 9 expected in the 48 closed ones.
    assert_eq!(walk.corrected_errors(&bank)[0], Part { above: 96.0 * 12.0, below: 1_152.0 });
    assert_eq!(walk.slot_errors(&bank)[0], Part { above: 48.0 * 15.0 + 48.0 * 9.0, below: 1_152.0 });
    assert_eq!(walk.day_errors(&bank)[0], Part { above: 1_152.0 - 96.0 * 9.0, below: 1_152.0 });
    assert_eq!(walk.alarms(3.0).len(), walk.mornings.len(), "one alarm a day");
    assert!(walk.alarmed(59, 5.0) && !walk.alarmed(59, 5.1));
}

#[test]
fn days_of_the_calendar() {
    let mut bank = steady();
    bank.calendar.holidays = vec![date(1999, 4, 1)];
    bank.calendar.eves = vec![date(1999, 3, 31)];
    bank.calendar.special = [("fair".to_owned(), vec![date(1999, 3, 3)])].into();
    bank.calendar.missing = vec![date(1999, 3, 4)];
    for (day, sort) in [
        (date(1999, 3, 31), Sort::Short),
        (date(1999, 4, 1), Sort::Closed),
        (date(1999, 4, 2), Sort::Short),
        (date(1999, 4, 3), Sort::Closed),
        (date(1999, 4, 4), Sort::Working),
        (date(1999, 3, 3), Sort::Special),
        (date(1999, 3, 4), Sort::Missing),
    ] {
        assert_eq!(bank.calendar.sort(day), sort, "{day}");
    }
    let first = [date(1999, 2, 1), date(1999, 3, 1), date(1999, 4, 4), date(1999, 5, 2), date(1999, 6, 1)];
    assert_eq!(first_days(&bank), first.map(day_of));
}
