//! Notes by hand: what is booked where, what they add up to, and what no notes can be.

use std::sync::Arc;

use super::*;
use crate::engine::board::GroupBy;
use crate::engine::page::{Change as Way, PAGE_MS};
use crate::engine::settings::{Settings, SlotWidths, Survey};
use crate::engine::shard::{Keep, Shard};
use crate::event::decode::decode;

fn score(time: u64, score: i64) -> Note {
    Note { whose: Whose::Lane(0), time, said: Said::Score(1, Some(score)) }
}

fn outcome(time: u64, amount: Option<u64>) -> Note {
    Note { whose: Whose::Lane(0), time, said: Said::Outcome(2, amount) }
}

fn notes_of(noted: &[Note]) -> Notes {
    let mut notes = Notes::new(SlotWidths::default());
    noted.iter().for_each(|note| notes.change(Way::Book, note));
    notes
}

fn scores(notes: &Notes) -> Vec<(u64, Option<i64>, u64)> {
    notes.scores(0, u64::MAX).map(|(slot, _, score, count)| (slot, score, count)).collect()
}

#[test]
fn scores_and_amounts_are_rounded_half_away_from_zero() {
    for (score, expected) in
        [(4.0, 4_000), (-0.0, 0), (0.0005, 1), (-0.0005, -1), (2.0004, 2_000), (1e9, 1_000_000_000_000)]
    {
        assert_eq!(thousandths(score), Some(expected), "{score}");
    }
    assert_eq!(thousandths(-1e9), Some(-1_000_000_000_000));
    for beyond in [1e9 + 1.0, -1e300] {
        assert_eq!(thousandths(beyond), None, "{beyond}");
    }
    for (amount, expected) in [(0.0, 0), (12.5, 12_500_000), (5e-7, 1), (1e12, 1_000_000_000_000_000_000)] {
        assert_eq!(millionths(amount), expected, "{amount}");
    }
}

#[test]
fn what_is_taken_back_leaves_nothing_behind() {
    let noted = [score(5_000, 4_000), score(9_999, 4_000), score(10_000, 4_000), outcome(7, Some(3)), outcome(8, None)];
    let mut notes = notes_of(&noted);
    assert_eq!(scores(&notes), [(0, Some(4_000), 2), (10_000, Some(4_000), 1)]);
    let (slot, name, tally) = notes.outcomes(0, 1).next().unwrap();
    assert_eq!((slot, name, *tally), (0, 2, OutcomeTally { count: 2, with_amount: 1, amount_millionths: 3 }));
    assert_eq!((notes.earliest(), notes.count_from(0), notes.count_from(10_000)), (Some(0), 5, 1));
    noted.iter().for_each(|note| notes.change(Way::TakeBack, note));
    assert!(notes.is_empty());
    assert_eq!((notes.earliest(), notes.count_from(0)), (None, 0));
}

#[test]
fn old_slots_turn_coarse_and_then_go() {
    let old = [score(70_000, 5_000), score(110_000, 5_000), outcome(110_000, Some(1)), outcome(119_999, None)];
    let mut notes = notes_of(&old);
    notes.change(Way::Book, &score(PAGE_MS + 10_000, 1_000));
    // Only whole pages age.
    notes.age(PAGE_MS + 20_000, 0);
    assert_eq!(scores(&notes), [(60_000, Some(5_000), 2), (PAGE_MS + 10_000, Some(1_000), 1)]);
    assert_eq!(notes.outcomes(60_000, 60_001).map(|(_, _, tally)| tally.count).collect::<Vec<_>>(), [2]);
    // What comes later goes where the others went, and what was booked before is found there.
    notes.change(Way::Book, &score(80_000, 5_000));
    old.iter().for_each(|note| notes.change(Way::TakeBack, note));
    assert_eq!(scores(&notes), [(60_000, Some(5_000), 1), (PAGE_MS + 10_000, Some(1_000), 1)]);
    notes.age(2 * PAGE_MS, PAGE_MS);
    assert_eq!(scores(&notes), [(PAGE_MS, Some(1_000), 1)]);
    notes.change(Way::TakeBack, &score(80_000, 5_000));
    notes.change(Way::Book, &score(PAGE_MS - 1, 5_000));
    assert_eq!(scores(&notes), [(PAGE_MS, Some(1_000), 1)]);
}

#[test]
fn a_difference_is_what_is_there_more_often() {
    let life = |notes: Vec<Note>| Life {
        pauses: Vec::new(),
        effort: Vec::new(),
        stays: smallvec::SmallVec::new(),
        notes,
        skew: 0,
        conflict: 0,
        orphan: 0,
        last: 0,
        until: 0,
        finished: false,
    };
    let (a, b, c) = (score(1, 1), score(1, 2), outcome(3, None));
    let told = difference(&[life(vec![b, a]), life(vec![c])], &[life(vec![a, a, c, c])]);
    assert_eq!(told, Difference { taken_back: vec![b], booked: vec![a, c] });
    assert_eq!(difference(&[life(vec![a]), life(vec![b])], &[life(vec![b, a])]), Difference::default());
}

#[test]
fn notes_come_back_as_they_were_and_no_others() {
    let mut notes =
        notes_of(&[score(PAGE_MS, 1), score(3 * PAGE_MS, 2), outcome(PAGE_MS, Some(5)), outcome(PAGE_MS, None)]);
    notes.age(2 * PAGE_MS, PAGE_MS);
    notes.heard.surveys.insert(1, 7);
    let restore = |body: &NotesBody| Notes::restore(SlotWidths::default(), body, |topic| topic < 3);
    let bytes = |notes: &Notes| postcard::to_allocvec(&notes.body()).unwrap();
    let body = notes.body();
    let restored = restore(&body).unwrap();
    assert_eq!(bytes(&restored), bytes(&notes));
    assert_eq!(restored.heard, notes.heard);
    notes::contradict(&notes, |what, body| assert!(restore(body).is_none(), "{what}"));
}

#[test]
fn formulas_of_surveys() {
    let csat = Survey::customary()["csat"];
    let mut tally = SurveyTally::new(Some(csat));
    assert_eq!((tally.mean(), tally.satisfied(), tally.bad(), tally.nps()), (None, None, None, None));
    for (score, count) in [(Some(5_000), 3), (Some(4_000), 1), (Some(3_000), 2), (Some(2_000), 1), (Some(1_000), 1)] {
        tally.add(score, count);
    }
    for beyond in [None, Some(999), Some(5_001)] {
        tally.add(beyond, 1);
    }
    assert_eq!((tally.count, tally.out_of_range, tally.sum_thousandths), (8, 3, 28_000));
    assert_eq!((tally.mean(), tally.satisfied(), tally.bad(), tally.nps()), (Some(3.5), Some(0.5), Some(0.25), None));
    let mut twice = tally.clone();
    twice.merge(&tally);
    assert_eq!((twice.count, twice.mean(), twice.scores[&5_000]), (16, Some(3.5), 6));

    let mut nps = SurveyTally::new(Some(Survey::customary()["nps"]));
    for (score, count) in [(10_000, 1), (9_000, 1), (8_000, 1), (7_000, 3), (6_000, 1), (0, 3)] {
        nps.add(Some(score), count);
    }
    assert_eq!((nps.nps(), nps.satisfied(), nps.bad()), (Some(-20.0), Some(0.2), Some(0.4)));

    let mut unknown = SurveyTally::new(None);
    unknown.add(Some(-7_000), 2);
    assert_eq!((unknown.mean(), unknown.satisfied(), unknown.bad(), unknown.nps()), (Some(-7.0), None, None, None));
}

#[test]
fn outcomes_for_each_answered() {
    let mut tally = OutcomeTally::default();
    assert_eq!((tally.amount(), tally.per_answered(0), tally.per_answered(4)), (None, None, Some(0.0)));
    tally.add(None);
    assert_eq!(tally.amount(), None);
    tally.add(Some(0));
    assert_eq!(tally.amount(), Some(0.0));
    tally.add(Some(2_500_000));
    assert_eq!((tally.amount(), tally.per_answered(4)), (Some(2.5), Some(0.75)));
}

/// After these events of one contact, given as second, type and further fields: what was heard, as group, name, count and
/// amount, and what was taken back.
fn check_heard(events: &[(u64, &str, &str)], heard: &[(&str, &str, u64, u128)], retracted: Retracted) {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for (second, kind, fields) in events {
        let time = 1_772_438_400_000 + second * 1_000;
        let event = format!("{{\"type\":\"{kind}\",\"contact_id\":\"c\",\"time\":{time}{fields}}}");
        shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
    }
    let told = HeardBy::of(&shard, GroupBy { queue: true, channel: false, tier: false });
    let mut rows = Vec::new();
    for (key, heard) in &told.groups {
        let queue = key.queue.as_deref().unwrap();
        rows.extend(heard.surveys.iter().map(|(name, count)| (queue, name.as_str(), *count, 0)));
        let outcomes = heard.outcomes.iter();
        rows.extend(outcomes.map(|(name, told)| (queue, name.as_str(), told.count, told.amount_millionths)));
    }
    assert_eq!(rows, heard, "heard after {events:?}");
    assert_eq!(told.retracted, retracted, "taken back after {events:?}");
}

const CSAT_4: &str = ",\"survey\":\"csat\",\"score\":4";
const SALE_2: &str = ",\"name\":\"sale\",\"amount\":2";

#[test]
fn counters_only_go_up() {
    let offered = (0, "offered", ",\"queue\":\"a\"");
    let (rated, sold) = ((9, "rated", CSAT_4), (9, "outcome", SALE_2));
    let nothing = Retracted::default();
    let in_a = [("a", "csat", 1, 0), ("a", "sale", 1, 2_000_000)];
    check_heard(&[offered, rated, sold], &in_a, nothing);
    check_heard(&[offered, rated, sold, rated, sold], &in_a, nothing);
    // The same rating once with its queue and once without are two facts.
    check_heard(
        &[offered, rated, (9, "rated", ",\"queue\":\"a\",\"survey\":\"csat\",\"score\":4")],
        &[("a", "csat", 2, 0)],
        nothing,
    );
    // A rating that nobody can have meant counts; what is on a scale is judged when it is shown.
    check_heard(&[offered, (9, "rated", ",\"survey\":\"csat\",\"score\":1e12")], &[("a", "csat", 1, 0)], nothing);
    // Told before the offer, it was counted elsewhere at first.
    let both = [("_unknown", "csat", 1, 0), ("_unknown", "sale", 1, 2_000_000), in_a[0], in_a[1]];
    let taken_back = Retracted { responses: 1, outcomes: 1, amount_millionths: 2_000_000 };
    check_heard(&[rated, sold, offered], &both, taken_back);
    // A visit between them that was heard of late takes both over.
    let both = [in_a[0], in_a[1], ("b", "csat", 1, 0), ("b", "sale", 1, 2_000_000)];
    check_heard(&[offered, rated, sold, (8, "offered", ",\"queue\":\"b\"")], &both, taken_back);
}

#[test]
fn what_was_heard_before_is_no_news() {
    let settings = Arc::new(Settings::default());
    let by = GroupBy { queue: true, channel: true, tier: true };
    let mut shard = Shard::new(settings, Keep::Windows);
    let tell = |shard: &mut Shard, contact: &str, fields: &str| {
        let event = format!("{{\"contact_id\":\"{contact}\",\"time\":1772438400000{fields}}}");
        shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
    };
    tell(&mut shard, "1", ",\"type\":\"rated\",\"survey\":\"csat\",\"score\":4");
    let before = HeardBy::of(&shard, by);
    tell(&mut shard, "1", ",\"type\":\"offered\",\"queue\":\"a\"");
    tell(&mut shard, "2", ",\"type\":\"outcome\",\"name\":\"sale\",\"amount\":1");
    let since = HeardBy::of(&shard, by).since(&before);
    assert_eq!(since.retracted, Retracted { responses: 1, ..Retracted::default() });
    let counts: Vec<_> = since.groups.values().map(|heard| (heard.surveys.len(), heard.outcomes.len())).collect();
    assert_eq!(counts, [(0, 1), (1, 0)]);
    let mut sum = before.clone();
    sum.add(&since);
    assert_eq!(sum, HeardBy::of(&shard, by));
}
