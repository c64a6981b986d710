//! Somebody who reads `/metrics` all the time and checks what must hold at every moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::program::{Program, page};
use crate::scrape::{Key, Scrape};

/// Between two readings.
const PAUSE: Duration = Duration::from_millis(40);

/// A thread that reads.
pub struct Observer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Observed>>,
}

/// What it saw.
#[derive(Default)]
struct Observed {
    /// How many answers it had.
    scrapes: usize,
    /// What was wrong in the first that was.
    wrong: Option<String>,
}

impl Observer {
    /// Watches a process until it is asked what it saw; while nobody answers, it waits. Besides what `check` says,
    /// counters never go down.
    pub fn of(program: &Program, check: impl FnMut(&Scrape) -> Result<(), String> + Send + 'static) -> Observer {
        let stop = Arc::new(AtomicBool::new(false));
        let (address, stopped) = (program.address(), Arc::clone(&stop));
        let thread = Some(thread::spawn(move || watch(address, &stopped, check)));
        Observer { stop, thread }
    }

    /// Ends it, and fails if anything was wrong at any moment.
    pub fn seen(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let observed = self.thread.take().expect("it ends once").join().expect("it does not panic");
        if let Some(wrong) = observed.wrong {
            panic!("{wrong}");
        }
        assert!(observed.scrapes > 0, "nothing was seen");
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn watch(address: SocketAddr, stop: &AtomicBool, mut check: impl FnMut(&Scrape) -> Result<(), String>) -> Observed {
    let mut observed = Observed::default();
    let mut highest = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) && observed.wrong.is_none() {
        if let Ok((200, text)) = page(address, "/metrics") {
            let scrape = Scrape::read(&text);
            let wrong = check(&scrape).and_then(|()| only_up(&mut highest, &scrape)).err();
            observed.wrong = wrong.map(|wrong| format!("{wrong}\nin\n{text}"));
            observed.scrapes += 1;
        }
        thread::sleep(PAUSE);
    }
    observed
}

fn only_up(highest: &mut BTreeMap<Key, f64>, scrape: &Scrape) -> Result<(), String> {
    for (key, value) in scrape.counters() {
        match highest.get(&key) {
            Some(before) if *before > value => return Err(format!("{key:?} went down from {before} to {value}")),
            _ => highest.insert(key, value),
        };
    }
    Ok(())
}
