//! How many bytes a contact and a lane take. `cargo bench --bench size`.
//!
//! Counts what is allocated, with the system's allocator asked for no more than that. Figures include everything a
//! shard holds for them: records, index, calendar, list of the waiting.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it saw")]

mod load;

use std::sync::Arc;

use holdline::engine::settings::{Lifetimes, Settings};
use holdline::engine::shard::{Keep, Shard};
use load::Load;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const LANES: u64 = 100;

fn main() {
    println!("bytes allocated; ids of 21 bytes are held in place and count 24 of a contact's bytes");
    contacts();
    lanes();
}

/// Shards in which nothing is forgotten, filled to a given number of contacts.
fn contacts() {
    let lifetimes = Lifetimes { settle_ms: 365 * 86_400_000, ..Lifetimes::default() };
    let settings = Arc::new(Settings { lifetimes, ..Settings::default() });
    for count in [100_000_u64, 1_000_000] {
        let before = PeakAlloc.current_usage();
        let mut shard = Shard::new(Arc::clone(&settings), Keep::Windows);
        let (mut load, mut id) = (Load::new(count, LANES), String::new());
        // In the first half span only offers come, so these contacts all wait.
        for _ in 0..count / 2 {
            shard.apply(&load.next(&mut id));
        }
        report("waiting", &shard, before);
        while shard.contacts() < usize::try_from(10 * count).expect("fits") {
            shard.apply(&load.next(&mut id));
        }
        report("nine of ten finished", &shard, before);
    }
}

fn report(what: &str, shard: &Shard, before: usize) {
    let bytes = PeakAlloc.current_usage() - before;
    let each = bytes as f64 / shard.contacts() as f64;
    println!(
        "{:>10} contacts held, {what}: {each:.0} bytes a contact, {:.0} without its id",
        shard.contacts(),
        each - 24.0
    );
}

/// Lanes that see a thousand contacts a day, after all contacts were forgotten.
fn lanes() {
    let mut load = Load::new(LANES * 1_000 * load::OPEN_MS / 86_400_000, LANES);
    let settings = Load::settings();
    let mut id = String::new();
    let before = PeakAlloc.current_usage();
    let mut shard = Shard::new(settings, Keep::Windows);
    for _ in 0..LANES * 3_000 {
        shard.apply(&load.next(&mut id));
    }
    let held = shard.contacts() as f64;
    let bytes = (PeakAlloc.current_usage() - before) as f64;
    println!(
        "{:>10} lanes after a day of 1,000 contacts each: {:.1} KiB a lane and day ({held} contacts held, in it)",
        shard.lanes(),
        bytes / LANES as f64 / 1024.0
    );
}
