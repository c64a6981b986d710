//! What holds for every history: order and repetition, merging, reading, and how cells add up.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use holdline::engine::board::{self, Group, GroupBy, GroupKey, Groups};
use holdline::engine::counted::Counted;
use holdline::engine::counters::{Counter, Counters};
use holdline::engine::cumulative::{HistogramsBy, Timed};
use holdline::engine::experience::{HeardBy, Retracted, thousandths};
use holdline::engine::histogram::Distribution;
use holdline::engine::lane::hash_of;
use holdline::engine::settings::{Settings, Window};
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::tally::{Cell, Cells, Measure, Quantity};
use holdline::engine::view::{self, View};
use holdline::event::{ContactEvent, Event, EventTime, HandleParts, Kind, Reason};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const START_MS: u64 = 1_772_438_400_000;
const BY: GroupBy = GroupBy { queue: true, channel: true, tier: false };
const EACH: GroupBy = GroupBy { queue: true, channel: true, tier: true };

/// Anything that could be said of six contacts within two hours, true or not.
fn history() -> impl Strategy<Value = Vec<Event<'static>>> {
    let queue = || select(vec!["billing", "sales", "support"]);
    let kind = prop_oneof![
        4 => (queue(), select(vec!["voice", "chat"]), select(vec!["standard", "vip"])).prop_map(|(queue, channel, tier)| {
            Kind::Offered { queue: queue.into(), channel: channel.into(), tier: tier.into() }
        }),
        3 => Just(Kind::Answered),
        2 => Just(Kind::Abandoned),
        2 => select(Reason::ALL.to_vec()).prop_map(Kind::Left),
        3 => proptest::option::of(0_u64..600_000).prop_map(|talk_ms| {
            Kind::Completed(talk_ms.map(|talk_ms| HandleParts { talk_ms, ..HandleParts::default() }))
        }),
        1 => Just(Kind::Resolved),
        1 => Just(Kind::Reopened),
        1 => Just(Kind::CustomerMessage),
        1 => Just(Kind::AgentReply),
        2 => (select(vec!["csat", "nps", "ease"]), select(vec![-1e300, 0.0, 1.0, 3.3, 4.0, 5.0, 9.7, 11.0]))
            .prop_map(|(survey, score)| Kind::Rated { survey: survey.into(), score }),
        2 => (select(vec!["purchase", "complaint"]), proptest::option::of(select(vec![0.0, 0.1, 12.5, 1e9])))
            .prop_map(|(name, amount)| Kind::Outcome { name: name.into(), amount }),
    ];
    // Times cluster: many fall on the same instant or within the skew of each other.
    let time = prop_oneof![(0_u64..40).prop_map(|step| step * 1_000), 0_u64..7_200_000];
    let event = (0_u8..6, time, proptest::option::of(queue()), kind).prop_map(|(contact, time, queue, kind)| {
        let queue = queue.filter(|_| !matches!(kind, Kind::Offered { .. })).map(Cow::Borrowed);
        Event::Contact(ContactEvent {
            contact_id: format!("contact-{contact}").into(),
            time: EventTime::from_millis(START_MS + time).unwrap(),
            queue,
            agent_id: None,
            customer_id: None,
            kind,
        })
    });
    vec(event, 0..60)
}

fn shard_of<'a>(events: impl IntoIterator<Item = &'a Event<'a>>) -> Shard {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Everything);
    events.into_iter().for_each(|event| shard.apply(event));
    shard
}

fn at(time: u64) -> EventTime {
    EventTime::from_millis(START_MS + time).unwrap()
}

fn totals(shards: &[&Shard]) -> Groups {
    board::totals(shards, at(7_300_000), BY)
}

fn is_of(event: &Event<'_>, shard: u64) -> bool {
    matches!(event, Event::Contact(event) if hash_of(event.contact_id.as_bytes()) % 2 == shard)
}

/// Scores, outcomes and millionths of amounts in all.
fn said(groups: &Groups) -> (u64, u64, u128) {
    let surveys = groups.values().flat_map(|group| group.surveys.values());
    let outcomes = || groups.values().flat_map(|group| group.outcomes.values());
    (
        surveys.map(|tally| tally.count + tally.out_of_range).sum(),
        outcomes().map(|tally| tally.count).sum(),
        outcomes().map(|tally| tally.amount_millionths).sum(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_repetition_change_no_tally(
        (events, shuffled) in history().prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
    ) {
        let (one, other) = (shard_of(&events), shard_of(shuffled.iter().chain(&events)));
        prop_assert_eq!(totals(&[&one]), totals(&[&other]));
        let (input, again) = (one.input(), other.input());
        prop_assert_eq!((input.skew, input.conflict, input.orphan), (again.skew, again.conflict, again.orphan));
        prop_assert_eq!(again.duplicate, input.duplicate * 2 + (events.len() as u64 - input.duplicate));
    }

    #[test]
    fn every_distinct_saying_is_told_once(events in history()) {
        let (mut distinct, mut expected) = (BTreeSet::new(), (0, 0, 0));
        for event in &events {
            let Event::Contact(event) = event else { continue };
            // The same in every word: contact, time, queue and what was said.
            if !distinct.insert(format!("{event:?}")) {
                continue;
            }
            match event.kind {
                Kind::Rated { .. } => expected.0 += 1,
                Kind::Outcome { amount, .. } => {
                    expected.1 += 1;
                    expected.2 += u128::try_from(thousandths(amount.unwrap_or(0.0)).unwrap() * 1_000).unwrap();
                }
                _ => {}
            }
        }
        prop_assert_eq!(said(&totals(&[&shard_of(&events)])), expected);
    }

    #[test]
    fn shards_add_up_to_the_whole(events in history()) {
        let whole = shard_of(&events);
        let parts = [0, 1].map(|shard| shard_of(events.iter().filter(|event| is_of(event, shard))));
        prop_assert_eq!(totals(&[&whole]), totals(&[&parts[0], &parts[1]]));
    }

    #[test]
    fn reading_changes_nothing(events in history(), now in 0_u64..7_300_000) {
        let shard = shard_of(&events);
        let before = shard.encode();
        for window in Window::customary() {
            board::window(&[&shard], &window, at(now), BY);
        }
        totals(&[&shard]);
        prop_assert_eq!(shard.encode(), before);
    }

    #[test]
    fn cells_add_up(events in history(), now in 0_u64..200_000_000) {
        let shard = shard_of(&events);
        for (key, group) in board::totals(&[&shard], at(now), BY) {
            for (measure, tally) in &group.measures {
                let cells = &tally.cells;
                // Beyond the deadline nobody is undecided; before it, whoever waits and is not over target is.
                let is_judged = matches!(measure, Measure::Wait | Measure::ContactWait);
                if now > 7_220_000 && is_judged {
                    prop_assert_eq!(cells[Cell::Offered], cells.decided(), "{:?} {:?}", &key, measure);
                }
                prop_assert!(tally.waiting_over <= tally.waiting);
                prop_assert!(cells[Cell::AnsweredWithin] <= cells[Cell::Answered]);
                prop_assert!(cells[Cell::AbandonedShort] <= cells[Cell::AbandonedWithin]);
                prop_assert!(cells[Cell::AbandonedWithin] <= cells[Cell::Abandoned]);
                prop_assert!(cells[Cell::LeftWithin] <= cells[Cell::Left]);
            }
            // The list tells who waits as far as is known; the count, who waited at that instant.
            if now > 7_220_000 {
                let listed = group.longest.get(&Measure::Wait).map_or(0, Vec::len) as u64;
                prop_assert_eq!(listed, group.measures.get(&Measure::Wait).map_or(0, |tally| tally.waiting).min(10));
            }
        }
    }

    #[test]
    fn intervals_add_up_to_the_total(events in history()) {
        let shard = shard_of(&events);
        // Early facts and wide deadlines lie within these edges too.
        let edges: Vec<EventTime> = (0..=40).map(|step| at(0).millis() - 3_600_000 + step * 300_000)
            .map(|edge| EventTime::from_millis(edge).unwrap()).collect();
        let mut sums: BTreeMap<_, Groups> = BTreeMap::new();
        let mut said = Groups::new();
        for row in board::intervals(&[&shard], &edges, BY) {
            let experience = said.entry(row.key.clone()).or_default();
            let (surveys, outcomes) = (row.group.surveys, row.group.outcomes);
            experience.merge(Group { surveys, outcomes, ..Group::default() }, 0);
            for (measure, tally) in row.group.measures {
                let sum = sums.entry(measure).or_default().entry(row.key.clone()).or_default();
                let sum = sum.measures.entry(measure).or_default();
                sum.merge(&tally);
                (sum.waiting, sum.waiting_over) = (tally.waiting, tally.waiting_over);
            }
        }
        for (key, group) in board::totals(&[&shard], *edges.last().unwrap(), BY) {
            let experience = said.remove(&key).unwrap_or_default();
            prop_assert_eq!((experience.surveys, experience.outcomes), (group.surveys, group.outcomes));
            for (measure, tally) in group.measures.iter().filter(|(_, tally)| !tally.is_empty()) {
                prop_assert_eq!(&sums[measure][&key].measures[measure], tally);
            }
        }
    }

    #[test]
    fn quantiles_are_within_hdr_precision_of_the_sorted_durations(
        mut durations in vec(0_u64..4_000_000_000, 1..300),
        per_mille in 0_u64..=1_000,
    ) {
        let told = Distribution::of(durations.iter().copied()).quantile_ms(per_mille).unwrap();
        durations.sort_unstable();
        let rank = (durations.len() * usize::try_from(per_mille).unwrap()).div_ceil(1000).max(1);
        let exact = durations[rank - 1];
        prop_assert!(told >= exact && told - exact <= exact / 1000, "{} told for {}", told, exact);
        prop_assert!(told <= *durations.last().unwrap());
    }

    #[test]
    fn counters_only_go_up_and_corrections_explain_the_rest(events in history()) {
        let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Everything);
        let mut before: (BTreeMap<GroupKey, Counters>, Counters) = Default::default();
        for event in &events {
            shard.apply(event);
            let now = (view::counters(&shard, EACH), shard.corrections());
            for (key, earlier) in &before.0 {
                let later = &now.0[key];
                prop_assert!(Counter::all().all(|counter| later.of(counter) >= earlier.of(counter)));
            }
            prop_assert!(Counter::all().all(|counter| now.1.of(counter) >= before.1.of(counter)));
            before = now;
        }
        let mut cells = Cells::default();
        for group in board::totals(&[&shard], EventTime::MAX, BY).values() {
            // What was said of contacts that were never offered has no visits beside it.
            cells += group.measures.get(&Measure::Wait).map_or(Cells::default(), |tally| tally.cells);
        }
        for cell in [Cell::Offered, Cell::Answered, Cell::AnsweredWithin, Cell::Abandoned, Cell::AbandonedWithin,
                     Cell::AbandonedShort, Cell::Left, Cell::Completed] {
            let of_cell = || Counter::all().filter(|counter| counter.cell() == cell);
            let counted: u64 = before.0.values().flat_map(|counters| of_cell().map(|counter| counters.of(counter))).sum();
            let taken_back: u64 = of_cell().map(|counter| before.1.of(counter)).sum();
            prop_assert_eq!(counted - taken_back, cells[cell], "{}", cell.name());
        }
    }

    #[test]
    fn counters_of_what_was_said_only_go_up(events in history()) {
        let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Everything);
        let mut before = HeardBy::default();
        for event in &events {
            shard.apply(event);
            let now = HeardBy::of(&shard, EACH);
            for (key, earlier) in &before.groups {
                prop_assert!(earlier.beyond(&now.groups[key]).is_empty());
            }
            let mut sum = before.clone();
            sum.add(&now.clone().since(&before));
            prop_assert_eq!(&sum, &now);
            before = now;
        }
        let (mut scores, mut outcomes, mut amount) = (0, 0, 0);
        for heard in before.groups.values() {
            scores += heard.surveys.values().sum::<u64>();
            outcomes += heard.outcomes.values().map(|outcome| outcome.count).sum::<u64>();
            amount += heard.outcomes.values().map(|outcome| outcome.amount_millionths).sum::<u128>();
        }
        let Retracted { responses, outcomes: retracted, amount_millionths } = before.retracted;
        let left = (scores - responses, outcomes - retracted, amount - amount_millionths);
        prop_assert_eq!(left, said(&totals(&[&shard])));
    }

    #[test]
    fn histograms_only_go_up_and_corrections_explain_the_rest(events in history()) {
        let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Everything);
        let mut before = HistogramsBy::default();
        for event in &events {
            shard.apply(event);
            let now = HistogramsBy::of(&shard, EACH);
            for (key, earlier) in &before.groups {
                for (earlier, later) in Timed::ALL.into_iter().map(|timed| (earlier.of(timed), now.groups[key].of(timed))) {
                    let Some(earlier) = earlier else { continue };
                    let later = later.unwrap();
                    let count_at = |edge: u64| later.cells().iter().find(|cell| cell.0 == edge).map_or(0, |cell| cell.1);
                    prop_assert!(earlier.cells().iter().all(|&(edge, count)| count_at(edge) >= count));
                    prop_assert!(later.sum_ms() >= earlier.sum_ms());
                }
            }
            for timed in Timed::ALL {
                let (earlier, later) = (before.corrections.of(timed), now.corrections.of(timed));
                prop_assert!(later.count >= earlier.count && later.sum_ms >= earlier.sum_ms);
            }
            before = now;
        }
        let totals = board::totals(&[&shard], EventTime::MAX, BY);
        for (timed, measure, quantity) in [
            (Timed::WaitAnswered, Measure::Wait, Quantity::WaitAnswered),
            (Timed::WaitAbandoned, Measure::Wait, Quantity::WaitAbandoned),
            (Timed::WaitLeft, Measure::Wait, Quantity::WaitLeft),
            (Timed::Handle, Measure::Wait, Quantity::Handle),
            (Timed::FirstReply, Measure::FirstReply, Quantity::WaitAnswered),
            (Timed::Resolution, Measure::Resolution, Quantity::WaitAnswered),
        ] {
            let mut measured = Distribution::default();
            totals.values().filter_map(|group| group.measures.get(&measure)).for_each(|tally| measured.merge(&tally[quantity]));
            let told = || before.groups.values().filter_map(|histograms| histograms.of(timed));
            let taken_back = before.corrections.of(timed);
            let count = told().map(|histogram| histogram.count()).sum::<u64>() - taken_back.count;
            let sum_ms = told().map(|histogram| histogram.sum_ms()).sum::<u64>() - taken_back.sum_ms;
            prop_assert_eq!((count, sum_ms), (measured.count(), measured.sum_ms()), "{:?}", timed);
        }
    }

    #[test]
    fn what_was_counted_adds_up_over_shards_and_over_time(events in history(), moment in 0_usize..60) {
        let whole = Counted::of(&shard_of(&events), EACH);
        let mut parts = Counted::default();
        for half in [0, 1] {
            parts.add(&Counted::of(&shard_of(events.iter().filter(|event| is_of(event, half))), EACH));
        }
        prop_assert_eq!(&parts, &whole);
        let history = Counted::of(&shard_of(&events[..moment.min(events.len())]), EACH);
        let mut sum = history.clone();
        sum.add(&whole.clone().since(&history));
        prop_assert_eq!(sum, whole);
    }

    #[test]
    fn a_stop_anywhere_leaves_the_same_bytes(events in history(), stop in 0_usize..60) {
        let (before, after) = events.split_at(stop.min(events.len()));
        let bytes = shard_of(before).encode();
        let mut continued = Shard::decode(&bytes, &Settings::default()).unwrap();
        prop_assert!(continued.encode() == bytes);
        after.iter().for_each(|event| continued.apply(event));
        prop_assert!(continued.encode() == shard_of(&events).encode());
    }

    #[test]
    fn views_add_up(events in history(), minute in 0_u64..150) {
        let now = at(minute * 60_000);
        let shards = [0, 1].map(|half| shard_of(events.iter().filter(|event| is_of(event, half))));
        let both = View::of(&[&shards[0], &shards[1]], now, EACH);
        let mut merged = View::of(&[&shards[0]], now, EACH);
        merged.merge(View::of(&[&shards[1]], now, EACH), Settings::default().limits.worst);
        prop_assert_eq!(merged, both);
    }
}
