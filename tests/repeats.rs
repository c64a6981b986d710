//! Customers who come back: the definition, recomputed naively, is what both the engine's ways of knowing it say; and the
//! order of arrival, a restart and how customers are spread over shards change nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use holdline::engine::board::{GroupBy, GroupKey};
use holdline::engine::repeat_board::{RepeatBoard, Told};
use holdline::engine::repeats::{RepeatCounts, Repeats};
use holdline::engine::settings::{CustomerSettings, Lifetimes, Limits, RepeatWithin, Settings};
use holdline::engine::shard::{Keep, Shard};
use holdline::event::{ContactEvent, Event, EventTime, Kind};
use proptest::collection::vec;
use proptest::prelude::*;

const START_MS: u64 = 1_772_438_400_000;
const MINUTE_MS: u64 = 60_000;
const WITHIN_MS: [u64; 2] = [10 * MINUTE_MS, 60 * MINUTE_MS];
const BY: GroupBy = GroupBy { queue: true, channel: false, tier: false };

fn settings() -> Arc<Settings> {
    let within = |(name, length_ms): (&str, u64)| RepeatWithin { name: name.to_owned(), length_ms };
    let repeat_within = ["10m", "1h"].into_iter().zip(WITHIN_MS).map(within).collect();
    let customers = CustomerSettings { repeat_within, ..CustomerSettings::default() };
    let lifetimes = Lifetimes { settle_ms: 60 * MINUTE_MS, ..Lifetimes::default() };
    Arc::new(Settings { customers, lifetimes, ..Settings::default() })
}

/// A call by a customer, told by one event or, if it is answered, three.
#[derive(Clone, Debug)]
struct Call {
    number: usize,
    customer: u8,
    queue: u8,
    offered_at: u64,
    answered_at: Option<u64>,
}

/// Calls of three customers within two hours; many a whole number of spans apart, to the millisecond.
fn calls() -> impl Strategy<Value = Vec<Call>> {
    let time = || prop_oneof![3 => (0_u64..12).prop_map(|step| step * 10 * MINUTE_MS), 1 => 0_u64..120 * MINUTE_MS];
    let early_or_late = prop_oneof![Just(-1_i64), Just(0), Just(1), -3_000_i64..600_000];
    let call = (0_u8..3, 0_u8..2, time(), proptest::option::weighted(0.7, (time(), early_or_late)));
    vec(call, 0..25).prop_map(|calls| {
        let call = |(number, call)| {
            let (customer, queue, offered, answered): (u8, u8, u64, Option<(u64, i64)>) = call;
            let offered_at = START_MS + offered;
            // Mostly at a round time of its own, sometimes a little before the offer.
            let answered_at = answered.map(|(time, shift)| {
                let answered_at = START_MS.max(offered_at.max(START_MS + time)).saturating_add_signed(shift);
                answered_at.max(offered_at - 3_000)
            });
            Call { number, customer, queue, offered_at, answered_at }
        };
        calls.into_iter().enumerate().map(call).collect()
    })
}

fn event<'a>(call: &Call, time: u64, kind: Kind<'a>) -> Event<'a> {
    Event::Contact(ContactEvent {
        contact_id: format!("call-{}", call.number).into(),
        time: EventTime::from_millis(time).unwrap(),
        queue: None,
        agent_id: None,
        customer_id: Some(format!("customer-{}", call.customer).into()),
        kind,
    })
}

/// The events of a call, and the shard that they go to.
fn events(call: &Call, shards: usize) -> Vec<(usize, Event<'static>)> {
    let queue = Cow::Owned(format!("q{}", call.queue));
    let offered = Kind::Offered { queue, channel: "voice".into(), tier: "standard".into() };
    let answered = call.answered_at.map(|time| event(call, time, Kind::Answered));
    // Completed, it is held for some hours, and then it is past.
    let completed = call.answered_at.map(|time| event(call, time + 1_000, Kind::Completed(None)));
    let events = [event(call, call.offered_at, offered)].into_iter().chain(answered).chain(completed);
    events.map(|event| (call.number % shards, event)).collect()
}

/// The definition, word by word.
fn naive(calls: &[Call], from: u64, to: u64) -> BTreeMap<GroupKey, RepeatCounts> {
    let mut counts = BTreeMap::new();
    for call in calls.iter().filter(|call| (from..to).contains(&call.offered_at)) {
        let key = GroupKey { queue: Some(format!("q{}", call.queue)), ..GroupKey::default() };
        let of_queue = counts.entry(key).or_insert_with(|| RepeatCounts::none(WITHIN_MS.len()));
        of_queue.known += 1;
        for (repeated, within_ms) in of_queue.repeated.iter_mut().zip(WITHIN_MS) {
            let is_repeated = calls.iter().filter(|other| other.number != call.number).any(|other| {
                other.customer == call.customer
                    && other.answered_at.is_some_and(|at| at <= call.offered_at && call.offered_at - at <= within_ms)
            });
            *repeated += u64::from(is_repeated);
        }
    }
    counts
}

/// Of the window of this place, without groups of which nothing was known in it.
fn shown(board: &RepeatBoard, now: u64, window: usize) -> BTreeMap<GroupKey, RepeatCounts> {
    let view = board.view(EventTime::from_millis(now).unwrap());
    let of_window = view.groups.into_iter().map(|(key, mut group)| (key, group.windows.swap_remove(window)));
    of_window.filter(|(_, counts)| counts.known > 0).collect()
}

fn repeats(shards: &[Shard]) -> Repeats {
    Repeats::of(&shards.iter().collect::<Vec<_>>(), BY)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_ways_of_knowing_agree(
        (calls, order) in calls().prop_flat_map(|calls| {
            let count = calls.iter().map(|call| 1 + 2 * usize::from(call.answered_at.is_some())).sum::<usize>();
            (Just(calls), Just((0..count).collect::<Vec<_>>()).prop_shuffle())
        }),
        shards in 1_usize..4,
        // After which events a shard is looked at, given up, or stopped and continued.
        looks in vec((0_usize..50, 0_usize..4), 0..12),
    ) {
        let settings = settings();
        let all: Vec<_> = calls.iter().flat_map(|call| events(call, shards)).collect();
        let mut held: Vec<Shard> = (0..shards).map(|_| Shard::new(Arc::clone(&settings), Keep::Windows)).collect();
        let mut board = RepeatBoard::new(&settings);
        for (done, &next) in order.iter().enumerate() {
            let (shard, event) = &all[next];
            held[*shard].apply(event);
            for (_, what) in looks.iter().filter(|(at, _)| *at == done) {
                match what {
                    0 => board.apply(0, &Default::default(), Told::News),
                    1 => held[0] = Shard::decode(&held[0].encode(), &settings).unwrap(),
                    _ => {
                        for (number, shard) in (0..).zip(&mut held) {
                            board.apply(number, &shard.take_customer_changes(BY), Told::News);
                        }
                        let at_once = repeats(&held);
                        let [from, to] = [0, 1 << 41].map(|time| EventTime::from_millis(time).unwrap());
                        prop_assert_eq!(shown(&board, START_MS + 4 * 60 * MINUTE_MS, 6), at_once.between(from, to));
                    }
                }
            }
        }
        for (number, shard) in (0..).zip(&mut held) {
            if calls.len() % 2 == 0 {
                pass_ten_hours(shard);
            }
            board.apply(number, &shard.take_customer_changes(BY), Told::History);
        }
        let answered = calls.iter().filter(|call| call.answered_at.is_some()).count();
        let past = held.iter().map(Shard::past_contacts).sum::<usize>();
        prop_assert_eq!(past, if calls.len() % 2 == 0 { answered } else { 0 });
        // The windows of ten minutes and of a day, at instants on edges and between.
        for now in (0..20).map(|step| START_MS + step * 7 * MINUTE_MS + step * 1_234) {
            for (window, length) in [(1, 10 * MINUTE_MS), (6, 1440 * MINUTE_MS)] {
                let (from, to) = ((now - length) / MINUTE_MS * MINUTE_MS, now / 10_000 * 10_000);
                prop_assert_eq!(shown(&board, now, window), naive(&calls, from, to));
                let [from, to] = [from, now].map(|time| EventTime::from_millis(time).unwrap());
                prop_assert_eq!(shown(&board, now, window), repeats(&held).between(from, to));
            }
        }
        // Whoever is gone was never there.
        board.apply(0, &holdline::engine::customers::CustomerChanges::gone(), Told::History);
        let rest: Vec<Call> = calls.iter().filter(|call| call.number % shards != 0).cloned().collect();
        let now = START_MS + 300 * MINUTE_MS;
        prop_assert_eq!(shown(&board, now, 6), naive(&rest, 0, now));
    }

    #[test]
    fn a_customer_that_events_do_not_agree_on_is_the_same_in_any_order(
        (told, shuffled) in vec((0_u8..3, 0_u8..4, 0_u64..5), 1..20)
            .prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
    ) {
        let shard_of = |told: &[(u8, u8, u64)]| {
            let mut shard = Shard::new(settings(), Keep::Windows);
            for &(contact, customer, minute) in told {
                let at = START_MS + minute * MINUTE_MS;
                let call = Call { number: contact.into(), customer, queue: 0, offered_at: at, answered_at: Some(at) };
                let events = events(&call, 1).into_iter().map(|(_, event)| event);
                // A customer of 0 is one that is not told.
                events.map(|event| without(event, customer == 0)).for_each(|event| shard.apply(&event));
            }
            shard
        };
        let (one, other) = (shard_of(&told), shard_of(&shuffled));
        let ends = [0, 1 << 41].map(|time| EventTime::from_millis(time).unwrap());
        let between = |shard: &Shard| repeats(std::slice::from_ref(shard)).between(ends[0], ends[1]);
        prop_assert_eq!(between(&one), between(&other));
        prop_assert_eq!(between(&one).is_empty(), told.iter().all(|(_, customer, _)| *customer == 0));
    }
}

/// Has stream time go on, by calls whose customers are not known.
fn pass_ten_hours(shard: &mut Shard) {
    for number in 0..9 {
        let at = START_MS + 12 * 60 * MINUTE_MS;
        let call = Call { number: 10_000 + number, customer: 0, queue: 0, offered_at: at, answered_at: None };
        events(&call, 1).into_iter().for_each(|(_, event)| shard.apply(&without(event, true)));
    }
}

fn without(event: Event<'static>, customer: bool) -> Event<'static> {
    match event {
        Event::Contact(event) if customer => Event::Contact(ContactEvent { customer_id: None, ..event }),
        event => event,
    }
}

/// Calls at these minutes by one customer each, all answered at once, into one shard.
fn shard_of(calls: &[(u8, u64)], settings: &Arc<Settings>, keep: Keep) -> Shard {
    let mut shard = Shard::new(Arc::clone(settings), keep);
    for (number, &(customer, minute)) in calls.iter().enumerate() {
        let at = START_MS + minute * MINUTE_MS;
        let call = Call { number, customer, queue: 0, offered_at: at, answered_at: Some(at + 1_000) };
        events(&call, 1).iter().for_each(|(_, event)| shard.apply(event));
    }
    shard
}

/// How many contacts of known customers are known, held or past.
fn known(shard: &Shard) -> u64 {
    let ends = [0, 1 << 41].map(|time| EventTime::from_millis(time).unwrap());
    repeats(std::slice::from_ref(shard)).between(ends[0], ends[1]).values().map(|counts| counts.known).sum()
}

#[test]
fn contacts_of_customers_are_forgotten_once_nothing_can_repeat_them() {
    let settings = settings();
    let kept = settings.customers_kept_ms() / MINUTE_MS;
    assert_eq!(kept, 60 + 24 * 60 + 1 + 4 * 60);
    // Nine others each hour, so that stream time goes on.
    let until = |end: u64| {
        let others = (1..=end / 60).flat_map(|hour| (0..9).map(move |_| (9, hour * 60)));
        [(1, 0)].into_iter().chain(others).collect::<Vec<_>>()
    };
    let shard = |minutes, keep| shard_of(&until(minutes), &settings, keep);
    // Those of one hour are let go together.
    assert_eq!(known(&shard(kept, Keep::Windows)), 1 + 9 * 29);
    assert_eq!(known(&shard(kept + 120, Keep::Windows)), 9 * 30);
    assert_eq!(known(&shard(kept + 120, Keep::Everything)), 1 + 9 * 31);
    assert!(shard(kept, Keep::Windows).past_contacts() > 0, "the test means to see contacts that are past");
    let mut shard = shard(kept, Keep::Windows);
    let mut board = RepeatBoard::new(&settings);
    board.apply(0, &shard.take_customer_changes(BY), Told::History);
    assert_eq!(board.lives(), 1 + 9 * 29);
    for call in 0..9 {
        let at = START_MS + (kept + 120) * MINUTE_MS;
        let call = Call { number: 10_000 + call, customer: 9, queue: 0, offered_at: at, answered_at: None };
        events(&call, 1).iter().for_each(|(_, event)| shard.apply(event));
    }
    let changes = shard.take_customer_changes(BY);
    assert!(!changes.whole);
    board.apply(0, &changes, Told::History);
    assert_eq!((board.lives() as u64, board.lives()), (known(&shard), 9 * 29));
}

#[test]
fn beyond_the_limit_past_contacts_are_not_remembered_and_counted() {
    let limits = Limits { past_contacts: 3, ..Limits::default() };
    let settings = Arc::new(Settings { limits, ..Settings::clone(&settings()) });
    let calls = |minute| (0..10).map(move |customer| (customer, minute));
    let all: Vec<_> = calls(0).chain(calls(27 * 60)).collect();
    let shard = shard_of(&all, &settings, Keep::Windows);
    assert_eq!((known(&shard), shard.past_contacts(), shard.input().overflow_past_contacts), (13, 3, 7));
}

#[test]
fn who_has_room_does_not_depend_on_a_stop() {
    let limits = Limits { past_contacts: 2, ..Limits::default() };
    let settings = Arc::new(Settings { limits, ..Settings::clone(&settings()) });
    // Twice there is not room for all that are forgotten at once; the second time, the first have just made theirs.
    let calls: Vec<(u8, u64)> =
        [0, 28 * 60].into_iter().flat_map(|minute| (0..9).map(move |at| (at, minute))).collect();
    let running = |stop: bool| {
        let mut shard = shard_of(&calls, &settings, Keep::Windows);
        if stop {
            shard = Shard::decode(&shard.encode(), &settings).unwrap();
        }
        let end = START_MS + 50 * 60 * MINUTE_MS;
        for number in 20_000..20_009 {
            let call = Call { number, customer: 0, queue: 0, offered_at: end, answered_at: None };
            events(&call, 1).into_iter().for_each(|(_, event)| shard.apply(&without(event, true)));
        }
        shard
    };
    let (whole, stopped) = (running(false), running(true));
    assert_eq!((whole.past_contacts(), whole.input().overflow_past_contacts), (2, 14));
    assert!(whole.encode() == stopped.encode(), "a stop changes who is remembered");
}

#[test]
fn an_offer_that_turns_out_to_have_been_earlier_is_no_further_repeat() {
    let mut shard = Shard::new(settings(), Keep::Windows);
    let mut board = RepeatBoard::new(&settings());
    let at = |second: u64| START_MS + second * 1_000;
    let call = |number, offered, answered: Option<u64>| Call {
        number,
        customer: 1,
        queue: 0,
        offered_at: at(offered),
        answered_at: answered.map(at),
    };
    let calls = [call(1, 50, Some(100)), call(2, 200, None), Call { queue: 1, ..call(1, 40, None) }];
    for call in &calls {
        board.apply(0, &shard.take_customer_changes(BY), Told::News);
        events(call, 1).iter().for_each(|(_, event)| shard.apply(event));
    }
    board.apply(0, &shard.take_customer_changes(BY), Told::News);
    let view = board.view(EventTime::from_millis(at(600)).unwrap());
    assert_eq!(view.groups.values().map(|group| group.counted[1]).sum::<u64>(), 1);
}

#[test]
fn without_spans_no_customer_is_remembered() {
    let mut settings = Settings::clone(&settings());
    settings.customers.repeat_within.clear();
    let shard = shard_of(&[(1, 0), (1, 5)], &Arc::new(settings), Keep::Windows);
    assert_eq!(known(&shard), 0);
}

#[test]
fn a_second_life_of_the_same_contact_repeats_the_first() {
    let mut settings = Settings::clone(&settings());
    settings.lifetimes.settle_ms = 5 * MINUTE_MS;
    let mut shard = Shard::new(Arc::new(settings), Keep::Windows);
    for minute in [0, 9] {
        let at = START_MS + minute * MINUTE_MS;
        let call = Call { number: 0, customer: 1, queue: 0, offered_at: at, answered_at: Some(at) };
        events(&call, 1).iter().for_each(|(_, event)| shard.apply(event));
        shard.apply(&event(&call, at, Kind::Completed(None)));
    }
    let ends = [0, 1 << 41].map(|time| EventTime::from_millis(time).unwrap());
    let counts = repeats(&[shard]).between(ends[0], ends[1]);
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [RepeatCounts { known: 2, repeated: vec![1, 1] }]);
}
