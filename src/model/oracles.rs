//! Tests of the model itself: one line for each rule of the fold, and the published oracles of service levels.
//!
//! A story is written as `seconds type[:queue][=extra]`, one fact after the other; what it comes to is written as one
//! word a visit, then conflicts and skews. The model is judged here by what the rules say, never by the engine.

use std::rc::Rc;

use crate::engine::settings::Settings;
use crate::engine::tally::{Cell, Cells, Formula, Measure, Quantity};

use super::event::{Fact, Record, What, to_json_lines};
use super::fold::Decision;
use super::lives::{self, Life};
use super::log::{Model, Stream};
use super::rule::RuleCounts;
use super::stay;
use super::view::{self, By};

pub(super) const BASE: u64 = 1_000_000_000_000;
const HOUR: u64 = 3_600_000;

/// `3 answered:a` is an answer naming queue `a`, three seconds after the base.
pub(super) fn parse(fact: &str) -> Fact {
    let (time, rest) = fact.trim().split_once(' ').expect("a time and a type");
    let seconds: f64 = time.parse().expect("seconds");
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive test times")]
    let time = BASE.wrapping_add_signed((seconds * 1000.0).round() as i64);
    let (rest, extra) = rest.split_once('=').map_or((rest, None), |(rest, extra)| (rest, Some(extra)));
    let (kind, queue) = rest.split_once(':').map_or((rest, None), |(kind, queue)| (kind, Some(queue)));
    let what = match kind {
        "offered" => {
            let channel = extra.unwrap_or("voice").to_owned();
            let queue = queue.expect("an offer has a queue").to_owned();
            return Fact::new(time, What::Offered { queue, channel, tier: "standard".to_owned() }, None);
        }
        "answered" => What::Answered,
        "abandoned" => What::Abandoned,
        "left" => What::Left(extra.unwrap_or("callback").to_owned()),
        "completed" => What::Completed(extra.map(|talk| [talk.parse::<u64>().expect("seconds of talk") * 1000, 0, 0])),
        "resolved" => What::Resolved,
        "reopened" => What::Reopened,
        "paused" => What::Paused,
        "resumed" => What::Resumed,
        "message" => What::CustomerMessage,
        "reply" => What::AgentReply,
        other => panic!("no such type in stories: {other}"),
    };
    Fact::new(time, what, queue)
}

fn lives_of(story: &str) -> Vec<Life> {
    let mut facts: Vec<Fact> = story.split(',').map(parse).collect();
    facts.sort();
    lives::cut(&facts, &Settings::default(), &mut RuleCounts::default())
}

fn told(life: &Life) -> String {
    let seconds = |time: u64| (i128::from(time) - i128::from(BASE)) as f64 / 1000.0;
    let mut words = Vec::new();
    for visit in &life.folded.visits {
        let decision = match visit.decision {
            Decision::Waiting => "waits".to_owned(),
            Decision::Answered(time) => format!("answered {}", seconds(time)),
            Decision::Abandoned(time) => format!("abandoned {}", seconds(time)),
            Decision::Left { time, .. } => format!("left {}", seconds(time)),
            Decision::Transferred(time) => format!("transferred {}", seconds(time)),
            Decision::Closed(time) => format!("closed {}", seconds(time)),
        };
        let handle_ms = stay::handle_ms(visit, &life.talk, &mut RuleCounts::default());
        let done = visit.completed.zip(handle_ms);
        let done = done.map(|(done, handle_ms)| format!(" done {} {handle_ms}ms", seconds(done.time)));
        words.push(format!("{}: {decision}{}", visit.queue, done.unwrap_or_default()));
    }
    words.push(format!("conflicts {} skews {}", life.folded.conflicts, life.folded.skews));
    words.join("; ")
}

/// Story and what it comes to.
const RULES: &[(&str, &str)] = &[
    // Plain.
    ("0 offered:a, 8 answered, 60 completed", "a: answered 8 done 60 52000ms; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 60 completed=30", "a: answered 8 done 60 30000ms; conflicts 0 skews 0"),
    ("0 offered:a, 8 abandoned", "a: abandoned 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 left=callback", "a: left 8; conflicts 0 skews 0"),
    ("0 offered:a", "a: waits; conflicts 0 skews 0"),
    // Phase 0.
    ("0 offered:a, 8 answered, 8 abandoned", "a: answered 8; conflicts 1 skews 0"),
    ("0 offered:a, 8 answered, 8 answered:a", "a: answered 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered:a, 8 offered:b", "a: answered 8; b: waits; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 8 offered:b", "a: transferred 8; b: answered 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 8 completed", "a: answered 8 done 8 0ms; conflicts 0 skews 0"),
    // Phase 1.
    ("0 offered:a, 8 abandoned, 8 left=callback", "a: abandoned 8; conflicts 1 skews 0"),
    ("0 offered:a, 8 abandoned, 8 abandoned:a", "a: abandoned 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 abandoned, 8 offered:b", "a: abandoned 8; b: waits; conflicts 0 skews 0"),
    ("0 offered:a, 8 completed, 8 resolved", "a: closed 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 completed, 8 completed=1", "a: closed 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 completed, 9 completed", "a: closed 8; conflicts 1 skews 0"),
    ("0 offered:a, 8 abandoned, 8 completed", "a: abandoned 8; conflicts 1 skews 0"),
    ("0 offered:a, 8 resolved", "a: closed 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 9 completed, 9 completed=3", "a: answered 8 done 9 1000ms; conflicts 0 skews 0"),
    // Phase 2.
    ("0 offered:a, 99 offered:a=chat", "a: waits; conflicts 0 skews 0"),
    ("0 offered:a, 1 abandoned, 5 offered:a", "a: abandoned 1; conflicts 0 skews 0"),
    ("0 offered:a, 1 abandoned, 5.001 offered:a", "a: abandoned 1; a: waits; conflicts 0 skews 0"),
    ("0 offered:a, 9 offered:b, 11 left=transfer", "a: transferred 9; b: waits; conflicts 0 skews 0"),
    ("0 offered:a, 9 offered:b, 14.001 left=transfer", "a: transferred 9; b: left 14.001; conflicts 0 skews 0"),
    ("0 offered:a, 9 offered:b, 9 left=transfer", "a: left 9; b: waits; conflicts 0 skews 0"),
    ("0 offered:a, 0 offered:b, 0 answered:a", "a: answered 0; b: waits; conflicts 0 skews 0"),
    // Which visit.
    ("0 offered:a, 8 answered, 13 answered", "a: answered 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 13.001 answered", "a: answered 8; conflicts 1 skews 0"),
    ("0 offered:a, 8 answered, 9 abandoned", "a: answered 8; conflicts 1 skews 0"),
    ("0 offered:a, 8 answered:b", "a: waits; conflicts 1 skews 0"),
    ("0 offered:a, 8 answered, 20 left=transfer, 21 offered:b", "a: answered 8; b: waits; conflicts 1 skews 0"),
    ("0 offered:a, 8 answered, 20 answered, 21 offered:b", "a: answered 8; b: answered 20; conflicts 0 skews 1"),
    ("0 offered:a, 9 offered:b, 12 left:a=callback", "a: transferred 9; b: waits; conflicts 0 skews 0"),
    // Completed and resolved.
    ("0 offered:a, 8 answered, 20 completed, 25 completed=9", "a: answered 8 done 20 12000ms; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 20 completed, 26 completed=9", "a: answered 8 done 20 12000ms; conflicts 1 skews 0"),
    ("0 offered:a, 8 completed", "a: closed 8; conflicts 0 skews 0"),
    ("0 offered:a, 8 answered, 9 resolved:b", "a: answered 8; conflicts 1 skews 0"),
    ("0 offered:a, 0 resolved", "a: closed 0; conflicts 0 skews 0"),
    ("0 completed, 60 offered:a, 90 answered", "a: answered 90 done 0 0ms; conflicts 0 skews 1"),
    ("0 completed=7, 60 offered:a, 90 answered", "a: answered 90 done 0 7000ms; conflicts 0 skews 1"),
    (
        "0 completed, 3 completed=1, 9 completed=1, 60 offered:a, 90 answered",
        "a: answered 90 done 0 0ms; conflicts 1 skews 1",
    ),
    ("0 completed, 60 offered:a, 90 abandoned", "a: abandoned 90; conflicts 1 skews 0"),
    // Before the offer.
    ("0 answered, 5 offered:a, 9 abandoned", "a: answered 0; conflicts 1 skews 1"),
    ("0 answered, 1 answered:a, 2 abandoned, 5 offered:a", "a: answered 0; conflicts 1 skews 1"),
    ("0 answered, 60 offered:a", "a: answered 0; conflicts 0 skews 1"),
    ("0 answered, 60 offered:a, 70 answered", "a: answered 70; conflicts 1 skews 0"),
    ("0 answered, 60 offered:a, 70 offered:b", "a: answered 0; b: waits; conflicts 0 skews 1"),
    ("0 answered, 60 offered:a, 70 completed", "a: answered 0 done 70 70000ms; conflicts 0 skews 1"),
    ("0 answered, 4 answered:a, 6 abandoned, 60 offered:a", "a: answered 0; conflicts 1 skews 1"),
    ("0 abandoned, 5 abandoned, 7.5 offered:a", "a: abandoned 5; conflicts 0 skews 1"),
    ("0 answered, 5 abandoned, 7.5 offered:a", "a: abandoned 5; conflicts 1 skews 1"),
    ("0 abandoned:b, 60 offered:a, 70 offered:b", "a: transferred 70; b: abandoned 0; conflicts 0 skews 1"),
    ("0 left=transfer, 60 offered:a", "a: waits; conflicts 1 skews 0"),
    ("0 left:a=transfer, 60 offered:a", "a: left 0; conflicts 0 skews 1"),
    // Without an offer nothing is judged.
    ("0 left=transfer", "conflicts 0 skews 0"),
    ("0 answered, 9 abandoned", "conflicts 0 skews 0"),
];

#[test]
fn rules() {
    for (story, expected) in RULES {
        let lives = lives_of(story);
        assert_eq!(lives.len(), 1, "{story}");
        assert_eq!(told(&lives[0]), *expected, "{story}");
    }
}

#[test]
fn lives_are_cut_by_settle_when_finished_and_by_expire_when_not() {
    for (story, count) in [
        ("0 offered:a, 0 abandoned, 86400 reopened", 1),
        ("0 offered:a, 0 abandoned, 86400.001 reopened", 2),
        ("0 offered:a=email, 86400.001 answered", 1),
        ("0 offered:a=email, 3888000 answered", 1),
        ("0 offered:a=email, 3888000.001 answered", 2),
        ("0 offered:a=email, 1 answered, 2 resolved, 86402.001 reopened", 2),
        ("0 offered:a=email, 1 answered, 2 resolved, 2 reopened, 86402.001 reopened", 2),
        ("0 offered:a=email, 1 answered, 2 resolved, 3 reopened, 86403.001 completed", 1),
        ("0 answered, 86400.001 answered", 2),
        // A fact in the gap joins two lives.
        ("0 offered:a, 0 abandoned, 86400.001 reopened, 50000 resolved", 1),
    ] {
        assert_eq!(lives_of(story).len(), count, "{story}");
    }
}

fn model_of(records: &[Record]) -> Model {
    let mut model = Model::new(Rc::new(Settings::default()));
    for record in records {
        model.apply(record);
    }
    model.check(&mut RuleCounts::default());
    model
}

fn stories(stories: &[(u64, &str)]) -> Vec<Record> {
    let mut records = Vec::new();
    for (number, story) in stories.iter().flat_map(|&(count, story)| (0..count).map(move |_| story)).enumerate() {
        let facts = story.split(',').map(parse);
        records.extend(facts.map(|fact| Record::Contact { id: format!("c{number}"), fact, noise: None }));
    }
    records
}

/// Answered 1000 of which 860 within, abandoned 60 of which 20 within, of those 10 short (ICMI).
#[test]
fn published_service_levels() {
    let mut told = vec![
        (860, "0 offered:a, 20 answered"),
        (140, "0 offered:a, 21 answered"),
        (10, "0 offered:a, 4.999 abandoned"),
        (10, "0 offered:a, 5 abandoned"),
        (40, "0 offered:a, 20.001 abandoned"),
    ];
    let icmi = [
        (Formula::Offered, 81.13),
        (Formula::AnsweredOnly, 86.00),
        (Formula::IgnoreAbandonedWithin, 82.69),
        (Formula::CountAbandonedWithin, 83.02),
        (Formula::ExcludeShortAbandoned, 81.90),
        (Formula::CountShortAbandoned, 82.08),
    ];
    check_levels(&told, &icmi);
    told.push((30, "0 offered:a"));
    let waiting =
        [(Formula::Offered, 78.90), (Formula::IgnoreAbandonedWithin, 80.37), (Formula::CountAbandonedWithin, 80.73)];
    check_levels(&told, &waiting);
    told.pop();
    told.push((10, "0 offered:a, 20 left=callback"));
    check_levels(&told, &[(Formula::OfferedAndLeft, 80.37), (Formula::RemovedWithin, 83.18)]);
    let cisco = [(70, "0 offered:a, 1 answered"), (10, "0 offered:a, 9 abandoned"), (20, "0 offered:a, 30 answered")];
    let levels =
        [(Formula::Offered, 70.0), (Formula::IgnoreAbandonedWithin, 77.78), (Formula::CountAbandonedWithin, 80.0)];
    check_levels(&cisco, &levels);
}

fn check_levels(told: &[(u64, &str)], expected: &[(Formula, f64)]) {
    let model = model_of(&stories(told));
    let by = By { queue: false, channel: false, tier: false };
    let groups = view::view(model.stays(), 0, BASE + HOUR, by);
    let mut cells = Cells::default();
    for (&cell, &count) in &groups[&(None, None, None)].measures[&Measure::Wait].cells {
        cells[cell] = count;
    }
    for &(formula, percent) in expected {
        let level = cells.service_level(formula).expect("something was decided");
        assert!((level * 100.0 - percent).abs() < 0.005, "{}: {level} is not {percent} %", formula.name());
    }
}

/// A failure is booked when the target expires, whether or not anybody says anything afterwards.
#[test]
fn a_silent_queue_turns_red_by_itself() {
    let model = model_of(&stories(&[(1, "3 offered:a, 100 answered")]));
    let at = |seconds: u64| {
        let by = By { queue: true, channel: true, tier: true };
        let groups = view::view(model.stays(), 0, BASE + seconds * 1000, by);
        let sums = groups.into_values().next().and_then(|group| group.measures.get(&Measure::Wait).cloned());
        let sums = sums.unwrap_or_default();
        let cell = |cell| sums.cells.get(&cell).copied().unwrap_or(0);
        let waits = sums.durations.get(&Quantity::WaitAnswered).map_or(0, Vec::len);
        (cell(Cell::Offered), cell(Cell::Overdue), cell(Cell::Answered), sums.waiting, sums.waiting_over, waits)
    };
    assert_eq!(at(0), (0, 0, 0, 0, 0, 0));
    assert_eq!(at(20), (1, 0, 0, 1, 0, 0));
    assert_eq!(at(30), (1, 1, 0, 1, 1, 0));
    assert_eq!(at(100), (1, 1, 0, 1, 1, 0));
    assert_eq!(at(110), (1, 1, 1, 0, 0, 1));
}

#[test]
fn the_contact_waits_from_its_first_offer_to_its_first_answer() {
    let model = model_of(&stories(&[(1, "0 offered:a, 19 offered:b, 38 answered")]));
    let groups = view::view(model.stays(), 0, BASE + HOUR, By { queue: true, channel: false, tier: false });
    let queue = |name: &str| &groups[&(Some(name.to_owned()), None, None)].measures;
    assert_eq!(queue("a")[&Measure::ContactWait].cells[&Cell::Overdue], 1);
    assert_eq!(queue("a")[&Measure::ContactWait].durations[&Quantity::WaitAnswered][0].0, 38_000);
    assert_eq!(queue("a")[&Measure::Wait].cells[&Cell::LeftWithin], 1);
    assert_eq!(queue("b")[&Measure::Wait].cells[&Cell::AnsweredWithin], 1);
    assert!(!queue("b").contains_key(&Measure::ContactWait));
}

#[test]
fn a_long_jump_of_time_is_believed_when_eight_say_so() {
    let mut stream = Stream::default();
    for _ in 0..7 {
        stream.observe(BASE);
    }
    assert_eq!((stream.believed, stream.end()), (None, Some(BASE)));
    stream.observe(BASE + 1);
    assert_eq!(stream.believed, Some(BASE + 1));
    stream.observe(BASE + HOUR);
    assert_eq!(stream.believed, Some(BASE + HOUR));
    for number in 0..7 {
        stream.observe(BASE + 3 * HOUR + number);
    }
    stream.observe(BASE);
    assert_eq!(stream.end(), Some(BASE + 3 * HOUR + 5), "one record of the old time refutes the most distant");
    for number in 0..2 {
        assert_eq!(stream.believed, Some(BASE + HOUR), "six and {number} more are not eight");
        stream.observe(BASE + 3 * HOUR - number);
    }
    let all = "the lowest of the eight, and all that it makes plausible";
    assert_eq!(stream.believed, Some(BASE + 3 * HOUR + 5), "{all}");
    for number in 0..8 {
        stream.observe(BASE + (6 + 2 * number) * HOUR);
    }
    assert_eq!(stream.believed, Some(BASE + 6 * HOUR), "what is still too far ahead of it stays doubted");
    stream.observe(BASE + 22 * HOUR);
    assert_eq!(stream.believed, Some(BASE + 8 * HOUR), "and the run goes on");
}

#[test]
fn late_and_duplicate_records_change_nothing() {
    let at = |id: &str, fact: &str| Record::Contact { id: id.to_owned(), fact: parse(fact), noise: None };
    let mut records: Vec<Record> =
        (0..8).map(|agent| Record::Agent { id: format!("x{agent}"), time: BASE + 6 * HOUR }).collect();
    records.push(at("early", "-0.001 offered:a"));
    records.push(at("just", "0 offered:a"));
    records.push(at("just", "0 offered:a"));
    records.push(at("just", "-0.001 answered"));
    records.push(at("orphan", "0 answered"));
    // An agent, again and late.
    records.extend([6 * HOUR, 0].map(|time| Record::Agent { id: "x1".to_owned(), time: BASE + time }));
    records.push(Record::Agent { id: "x1".to_owned(), time: BASE - 1 });
    let input = model_of(&records).input();
    assert_eq!((input.events, input.late, input.duplicate, input.orphan), (16, 3, 2, 1));
}

#[test]
fn json_lines() {
    let records = [
        Record::Contact { id: "c".to_owned(), fact: parse("1 completed:a=2"), noise: Some("n".to_owned()) },
        Record::Agent { id: "x".to_owned(), time: 5 },
    ];
    assert_eq!(
        to_json_lines(&records),
        concat!(
            r#"{"type":"completed","contact_id":"c","time":1000000001000,"queue":"a","agent_id":"n","#,
            r#""customer_id":"n","talk_seconds":2.000,"hold_seconds":0.000,"wrap_seconds":0.000}"#,
            "\n",
            r#"{"type":"agent_state","agent_id":"x","time":5,"state":"available"}"#,
            "\n"
        )
    );
}
