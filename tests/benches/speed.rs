//! How long decoding, applying and viewing take. `cargo bench --bench speed`; `-- quick` for a first look,
//! `-- events` or `-- views` for one half.
//!
//! One thread. Variants take turns, round after round, so that a noisy neighbour meets all of them; the least and the
//! median of the rounds are printed. Nothing is asserted: figures depend on the machine.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints what it saw"
)]

mod load;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdline::clock;
use holdline::config::{Metrics, Staffing};
use holdline::engine::board::{self, GroupBy};
use holdline::engine::counted::Counted;
use holdline::engine::settings::{Settings, Window};
use holdline::engine::shard::{Keep, Shard};
use holdline::engine::view::View;
use holdline::event::decode::decode;
use holdline::event::{Event, Kind};
use holdline::publish::formats::Format;
use holdline::publish::metrics::Exposition;
use holdline::publish::snapshot::Snapshot;
use load::Load;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LIMIT: usize = 64 * 1024;

/// A shard with its load at work, so far along that forgetting has begun.
struct Working {
    load: Load,
    shard: Shard,
}

impl Working {
    fn new(open: u64, lanes: u64) -> Working {
        let mut working = Working { load: Load::new(open, lanes), shard: Shard::new(Load::settings(), Keep::Windows) };
        // Open for one span, held for another: in the third the number of contacts held no longer grows.
        let mut id = String::new();
        for _ in 0..open * 3 * 5 / 2 {
            working.shard.apply(&working.load.next(&mut id));
        }
        working.look();
        working
    }

    fn records(&mut self, count: usize) -> Vec<Vec<u8>> {
        let mut id = String::new();
        (0..count).map(|_| record(&self.load.next(&mut id))).collect()
    }

    /// What a worker asks of its shards some times a second.
    fn look(&mut self) {
        black_box(self.shard.take_customer_changes(GroupBy { queue: true, channel: true, tier: true }));
    }

    fn now(&self) -> holdline::event::EventTime {
        self.shard.stream_time().expect("the load has begun")
    }
}

fn main() {
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    let quick = given("quick");
    let (sizes, rounds, batch): (&[u64], usize, usize) =
        if quick { (&[1_000, 100_000], 5, 50_000) } else { (&[1_000, 100_000, 1_000_000, 5_000_000], 11, 200_000) };
    println!("one thread, mimalloc, events of about 256 bytes, 1,000 lanes, {rounds} rounds of {batch} events");
    if !given("views") {
        println!("{:>10} {:>10} {:>14} {:>16} {:>22}", "open", "held", "decode ns", "apply ns", "decode + apply ns");
        for &open in sizes {
            events(open, rounds, batch);
        }
    }
    if !given("events") {
        views(if quick { 100 } else { 1_000 }, rounds);
    }
}

fn events(open: u64, rounds: usize, batch: usize) {
    let mut working = Working::new(open, 1_000.min(open));
    let (mut decoding, mut applying, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let records = working.records(batch);
        decoding.push(time(batch, || {
            for record in &records {
                black_box(decode(record, LIMIT).expect("the load is well-formed"));
            }
        }));
        let events: Vec<_> = records.iter().map(|record| decode(record, LIMIT).expect("well-formed")).collect();
        applying.push(time(batch, || {
            events.iter().for_each(|event| working.shard.apply(event));
            working.look();
        }));
        let records = working.records(batch);
        both.push(time(batch, || {
            for record in &records {
                working.shard.apply(&decode(record, LIMIT).expect("the load is well-formed"));
            }
            working.look();
        }));
    }
    let held = working.shard.contacts();
    println!("{open:>10} {held:>10} {:>14} {:>16} {:>22}", shown(decoding), shown(applying), shown(both));
}

/// Every lane has seen a thousand contacts in a day; four windows, three of them with quantiles.
fn views(lanes: u64, rounds: usize) {
    let mut shard = Shard::new(Load::settings(), Keep::Windows);
    let calls = lanes * 1_000;
    // The load's span is stretched so that all calls fall into one day.
    let mut load = Load::new(calls * load::OPEN_MS / 86_400_000, lanes);
    let mut id = String::new();
    for _ in 0..calls * 3 {
        shard.apply(&load.next(&mut id));
    }
    let now = Working { load, shard };
    let windows = Window::customary().into_iter().filter(|window| ["5m", "30m", "2h", "1d"].contains(&&*window.name));
    let windows: Vec<Window> = windows.collect();
    let by = GroupBy { queue: true, channel: true, tier: true };
    let mut views = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        for window in &windows {
            black_box(board::window(&[&now.shard], window, now.now(), by));
        }
        views.push(begin.elapsed());
    }
    views.sort_unstable();
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "view of {lanes} lanes x {} windows, 1,000 contacts a lane and day: {:.1} ms (median {:.1})",
        windows.len(),
        millis(views[0]),
        millis(views[views.len() / 2])
    );
    scrapes(&now, rounds);
}

/// What Prometheus is given in each format, written anew each time.
fn scrapes(working: &Working, rounds: usize) {
    let settings = Settings::default();
    let by = GroupBy { queue: true, channel: true, tier: true };
    let mut snapshot = Snapshot::starting(clock::monotonic());
    snapshot.now = Some(working.now());
    snapshot.live = Some(View::of(&[&working.shard], working.now(), by));
    snapshot.withheld.clear();
    snapshot.counted = Counted::of(&working.shard, by);
    snapshot.whole = true;
    let now = snapshot.made_at;
    let snapshot = Arc::new(snapshot);
    let (sender, latest) = tokio::sync::watch::channel(Arc::clone(&snapshot));
    let exposition =
        Exposition::new(prometheus::Registry::new(), latest, &settings, &Metrics::default(), Staffing::default())
            .expect("nothing is registered yet");
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let lines = exposition.text(now).lines().filter(|line| line.contains("queue=")).count();
    println!(
        "scrape of {} lanes x {} windows, {} series a lane: ms (median), MB",
        working.shard.lanes(),
        settings.windows.len(),
        lines / working.shard.lanes(),
    );
    for format in Format::ALL {
        let [mut plain, mut packed] = [Vec::new(), Vec::new()];
        let mut sizes = [0, 0];
        for _ in 0..rounds {
            // A new snapshot: nothing is written of it yet.
            for (packs, times) in [(false, &mut plain), (true, &mut packed)] {
                sender.send_replace(Arc::new(Snapshot::clone(&snapshot)));
                let begin = Instant::now();
                sizes[usize::from(packs)] = exposition.page(now, format, packs).len();
                times.push(begin.elapsed());
            }
        }
        for (name, mut times, size) in [("", plain, sizes[0]), (" with gzip", packed, sizes[1])] {
            times.sort_unstable();
            let (least, median) = (millis(times[0]), millis(times[times.len() / 2]));
            let name = format!("{format:?}{name}");
            println!("  {name:<24} {least:>6.0} ({median:>5.0})  {:>6.1}", size as f64 / 1e6);
        }
    }
}

/// The event as a record of about 256 bytes.
fn record(event: &Event<'_>) -> Vec<u8> {
    let Event::Contact(event) = event else { unreachable!("the load has contacts only") };
    let fields = match &event.kind {
        Kind::Offered { queue, channel, tier } => {
            format!(
                r#""type":"offered","queue":"{queue}","channel":"{channel}","tier":"{tier}","customer_id":"cust-{}""#,
                &event.contact_id[5..13],
            )
        }
        Kind::Answered => {
            r#""type":"answered","agent_id":"agent-0042","site":"north","skill":"general-questions-en""#.to_owned()
        }
        _ => r#""type":"completed","agent_id":"agent-0042","site":"north","skill":"general-questions-en""#.to_owned(),
    };
    let seconds = event.time.millis() / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let (day, millis) = (2 + (seconds - load::START_MS / 1000 + 8 * 3600) / 86_400, event.time.millis() % 1000);
    let head = format!(
        r#"{{{fields},"contact_id":"{}","time":"2026-03-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z","note":""#,
        event.contact_id
    );
    let pad = 254_usize.saturating_sub(head.len());
    format!(r#"{head}{}"}}"#, "x".repeat(pad)).into_bytes()
}

fn time(count: usize, work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64() * 1e9 / count as f64
}

fn shown(mut nanos: Vec<f64>) -> String {
    nanos.sort_by(f64::total_cmp);
    format!("{:.0} ({:.0})", nanos[0], nanos[nanos.len() / 2])
}
