//! What a checkpoint costs: for how long a shard stands still, how long it takes to be written down and to be read again, how
//! large it is, and what events cost meanwhile.
//!
//! `cargo bench --bench checkpoint [-- OPEN [ROUNDS]]` (1,000,000 open contacts over 1,000 lanes, 5 rounds). One thread
//! applies, another encodes, packs and writes to a folder, as the service does; no broker. With and without take turns.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints what it saw"
)]

#[path = "load.rs"]
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use holdline::checkpoint::folder::Folder;
use holdline::checkpoint::{Checkpoint, Head, Name, Place, Store, Writer, encode};
use holdline::engine::shard::{Keep, Shard};

use load::Load;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LANES: u64 = 1_000;

/// Events between two readings of the clock: so many are read at once.
const BATCH: u64 = 1_024;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let open: u64 = numbers.next().unwrap_or(1_000_000);
    let rounds: u64 = numbers.next().unwrap_or(5);
    let root = std::env::temp_dir().join(format!("holdline-bench-{}", std::process::id()));
    let folder = Folder::open(&root).expect("room for a folder");
    let (mut load, settings) = (Load::new(open, LANES), Load::settings());
    let mut shard = Shard::new(Arc::clone(&settings), Keep::Windows);
    // Until as many are open, and some are forgotten.
    apply(&mut load, &mut shard, open * 4);
    println!(
        "{} contacts held over {} lanes, allocator mimalloc, least (median) of {rounds}",
        shard.contacts(),
        shard.lanes()
    );

    let mut seen: Vec<Seen> = Vec::new();
    for round in 0..rounds {
        let quiet = apply(&mut load, &mut shard, open / 4);
        let name = name(i64::try_from(round).expect("few rounds"));
        let started = Instant::now();
        let frozen = shard.freeze();
        let pause = started.elapsed();
        let (busy, written) = std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                let started = Instant::now();
                let bytes = encode(&name, Head::default(), &frozen);
                let encoded = started.elapsed();
                folder.write(&name, &bytes).expect("room for a file");
                drop(frozen);
                (encoded, started.elapsed(), bytes)
            });
            (apply(&mut load, &mut shard, open / 4), writing.join().expect("it does not panic"))
        });
        let (encoded, durable, bytes) = written;
        let started = Instant::now();
        let checkpoint = Checkpoint::decode(&bytes, &name).expect("it was written a moment ago");
        let restored = Shard::decode(&checkpoint.state, &settings).expect("it was encoded a moment ago");
        seen.push(Seen { pause, encoded, durable, restored: started.elapsed(), quiet, busy });
        if round == 0 {
            let (size, raw) = (bytes.len() as f64 / 1e6, checkpoint.state.len() as f64 / 1e6);
            println!(
                "{size:.1} MB packed, {raw:.1} MB not, {:.0} bytes a contact",
                1e6 * size / restored.contacts() as f64
            );
        }
    }
    let ms = |of: fn(&Seen) -> Duration| spread(seen.iter().map(|seen| of(seen).as_secs_f64() * 1e3));
    for (what, (least, median)) in [
        ("the shard stands still, ms", ms(|seen| seen.pause)),
        ("encoded and packed, ms", ms(|seen| seen.encoded)),
        ("durable, ms", ms(|seen| seen.durable)),
        ("read, checked and restored, ms", ms(|seen| seen.restored)),
        ("an event, ns", spread(seen.iter().map(|seen| seen.quiet.each_ns))),
        ("an event while it is written, ns", spread(seen.iter().map(|seen| seen.busy.each_ns))),
        ("the longest batch, ms", spread(seen.iter().map(|seen| seen.quiet.longest_ms))),
        ("the longest batch while it is written, ms", spread(seen.iter().map(|seen| seen.busy.longest_ms))),
    ] {
        println!("{what:<44} {least:>9.2} ({median:>9.2})");
    }
    std::fs::remove_dir_all(root).expect("it is ours");
}

/// What was seen of one checkpoint.
struct Seen {
    pause: Duration,
    encoded: Duration,
    durable: Duration,
    restored: Duration,
    quiet: Pace,
    busy: Pace,
}

/// How fast events were applied.
#[derive(Clone, Copy)]
struct Pace {
    each_ns: f64,
    longest_ms: f64,
}

fn apply(load: &mut Load, shard: &mut Shard, events: u64) -> Pace {
    let (mut id, mut longest) = (String::new(), Duration::ZERO);
    let started = Instant::now();
    for _ in 0..events / BATCH {
        let batch = Instant::now();
        for _ in 0..BATCH {
            let event = load.next(&mut id);
            shard.apply(&event);
        }
        longest = longest.max(batch.elapsed());
    }
    let applied = (events / BATCH * BATCH).max(1);
    Pace { each_ns: started.elapsed().as_nanos() as f64 / applied as f64, longest_ms: longest.as_secs_f64() * 1e3 }
}

fn name(next_offset: i64) -> Name {
    let bench = || Arc::from("bench");
    let place = Place { group: bench(), topic: bench(), topic_id: bench(), partition: 0 };
    Name { place, next_offset, writer: Writer { instance: "bench".to_owned(), run: 1 } }
}

fn spread(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    (values[0], values[values.len() / 2])
}
