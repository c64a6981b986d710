//! One log over several shards, each on its own thread, with the same result as over one.
//!
//! Every worker is given every chunk and decodes every line, because that is cheaper than handing decoded events around.
//! It applies the events of its own contacts and agents and tells its shard the times of all others, so that all shards
//! know the same stream time. The first worker alone counts records and rejections.
//!
//! The result depends on the number of workers only where a limit is reached: limits are those of each shard.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::engine::lane::hash_of;
use crate::engine::settings::Settings;
use crate::engine::shard::{Keep, Shard};
use crate::event::Event;
use crate::event::decode::decode;
use crate::event::rejection::{Rejection, RejectionReason};
use crate::source::files::{Chunk, ReadError};

/// Rejected records of one reason that are told; further ones are only counted.
const TOLD: u64 = 5;

/// Chunks that a worker may lie behind the reader.
const BEHIND: usize = 4;

/// What became of a log.
#[derive(Debug)]
pub struct Fed {
    /// The shards, at least one. No two share a contact or an agent.
    pub shards: Vec<Shard>,
    /// Lines.
    pub records: u64,
    /// Of those, the ones that are no events.
    pub rejected: BTreeMap<RejectionReason, u64>,
}

/// Feeds all records to as many shards as there are workers. The first few rejected records of each reason are told, as
/// `file:line: reason: what was found`.
///
/// # Errors
///
/// The first error of `chunks`; then nothing else is known.
///
/// # Panics
///
/// If a worker does.
pub fn feed(
    settings: &Arc<Settings>,
    workers: NonZero<usize>,
    chunks: impl Iterator<Item = Result<Chunk, ReadError>>,
    tell: &mut (dyn FnMut(&str) + Send),
) -> Result<Fed, ReadError> {
    let workers = workers.get();
    thread::scope(|scope| {
        let mut inboxes = Vec::with_capacity(workers);
        let (inbox, chunks_of_first) = sync_channel(BEHIND);
        inboxes.push(inbox);
        let first = scope.spawn(move || {
            let mut ledger = Ledger { records: 0, rejected: BTreeMap::new(), tell };
            let shard = work(Worker { number: 0, of: workers, settings }, &chunks_of_first, Some(&mut ledger));
            (shard, ledger.records, ledger.rejected)
        });
        let others: Vec<_> = (1..workers)
            .map(|number| {
                let (inbox, chunks) = sync_channel(BEHIND);
                inboxes.push(inbox);
                scope.spawn(move || work(Worker { number, of: workers, settings }, &chunks, None))
            })
            .collect();

        let mut read = Ok(());
        for chunk in chunks {
            match chunk {
                Ok(chunk) => {
                    let chunk = Arc::new(chunk);
                    // Nobody takes it: a worker has panicked, which is told below.
                    if inboxes.iter().any(|inbox| inbox.send(Arc::clone(&chunk)).is_err()) {
                        break;
                    }
                }
                Err(error) => read = Err(error),
            }
        }
        drop(inboxes);

        let (shard, records, rejected) = first.join().unwrap_or_else(|panic| resume_unwind(panic));
        let mut shards = vec![shard];
        for other in others {
            shards.push(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        read.map(|()| Fed { shards, records, rejected })
    })
}

/// What the first worker counts for all.
struct Ledger<'t> {
    records: u64,
    rejected: BTreeMap<RejectionReason, u64>,
    tell: &'t mut (dyn FnMut(&str) + Send),
}

impl Ledger<'_> {
    fn reject(&mut self, chunk: &Chunk, line: u64, rejection: &Rejection) {
        let count = self.rejected.entry(rejection.reason).or_default();
        *count += 1;
        if *count <= TOLD {
            let field = rejection.field.map(|field| format!(" `{field}`")).unwrap_or_default();
            // Of a line that is far too long only the beginning is known, so its length is not.
            let is_known = rejection.reason != RejectionReason::Oversized && !rejection.detail.is_empty();
            let detail = if is_known { format!(": {}", rejection.detail) } else { String::new() };
            (self.tell)(&format!("{}:{line}: {}{field}{detail}", chunk.file(), rejection.reason.name()));
        }
    }
}

/// Which of the workers.
#[derive(Clone, Copy)]
struct Worker<'s> {
    number: usize,
    of: usize,
    settings: &'s Arc<Settings>,
}

impl Worker<'_> {
    fn has(self, id: &str) -> bool {
        // Not the lowest bits, which tables take their places from.
        self.of == 1 || (hash_of(id.as_bytes()) >> 32) % self.of as u64 == self.number as u64
    }
}

fn work(worker: Worker<'_>, chunks: &Receiver<Arc<Chunk>>, mut ledger: Option<&mut Ledger<'_>>) -> Shard {
    let mut shard = Shard::new(Arc::clone(worker.settings), Keep::Everything);
    let limit = worker.settings.limits.record_bytes;
    for chunk in chunks {
        for (line, record) in chunk.lines() {
            if let Some(ledger) = &mut ledger {
                ledger.records += 1;
            }
            match decode(record, limit) {
                Ok(event) => {
                    let (is_mine, time) = match &event {
                        Event::Contact(event) => (worker.has(&event.contact_id), event.time),
                        Event::Agent(event) => (worker.has(&event.agent_id), event.time),
                    };
                    if is_mine {
                        shard.apply(&event);
                    } else {
                        shard.observe(time);
                    }
                }
                Err(rejection) => {
                    if let Some(ledger) = &mut ledger {
                        ledger.reject(&chunk, line, &rejection);
                    }
                }
            }
        }
    }
    shard
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::source::files::read;

    fn fed(log: &str, workers: usize, tell: &mut (dyn FnMut(&str) + Send)) -> Fed {
        let settings = Arc::new(Settings::default());
        let chunks = read(&"log".into(), Cursor::new(log.to_owned()), settings.limits.record_bytes).unwrap();
        feed(&settings, NonZero::new(workers).unwrap(), chunks, tell).unwrap()
    }

    #[test]
    fn contacts_are_shared_out_and_all_know_the_time() {
        let mut log = String::new();
        for n in 0..1_000 {
            let time = 1_700_000_000_000_u64 + n * 1_000;
            log += &format!("{{\"type\":\"offered\",\"contact_id\":\"c{n}\",\"queue\":\"q\",\"time\":{time}}}\n");
            log += &format!(
                "{{\"type\":\"agent_state\",\"agent_id\":\"a{}\",\"state\":\"busy\",\"time\":{time}}}\nx\n",
                n % 100
            );
        }
        for workers in [1, 2, 3, 8] {
            let Fed { shards, records, rejected } = fed(&log, workers, &mut |_| ());
            assert_eq!((shards.len(), records), (workers, 3_000));
            assert_eq!(rejected, [(RejectionReason::Malformed, 1_000)].into());
            assert_eq!(shards.iter().map(|shard| shard.input().events).sum::<u64>(), 2_000);
            assert_eq!(shards.iter().map(Shard::contacts).sum::<usize>(), 1_000);
            assert!(shards.iter().all(|shard| shard.contacts() > 500 / workers), "{workers} workers");
            assert_eq!(shards.iter().map(Shard::agents).sum::<usize>(), 100);
            assert!(shards.iter().all(|shard| shard.agents() > 30 / workers), "{workers} workers");
            assert!(shards.iter().all(|shard| shard.stream_time() == shards[0].stream_time()));
        }
    }

    #[test]
    fn the_first_few_of_each_reason_are_told() {
        let mut told = Vec::new();
        let log = format!("{}\n{{\"type\":\"born\"}}", "?\n".repeat(7));
        let fed = fed(&log, 2, &mut |line| told.push(line.to_owned()));
        assert_eq!(fed.rejected[&RejectionReason::Malformed], 7);
        assert_eq!(told.len(), 5 + 2, "{told:?}");
        assert!(told[0].starts_with("log:1: malformed: "), "{}", told[0]);
        assert_eq!(told[5..], ["log:8: empty", "log:9: unknown_type `type`: \"born\""]);
    }

    #[test]
    fn an_unreadable_file_gives_nothing() {
        let source = io::Error::from(io::ErrorKind::UnexpectedEof);
        let broken = ReadError::Read { file: "log".into(), line: 0, source };
        let settings = Arc::new(Settings::default());
        let fed = feed(&settings, NonZero::<usize>::MIN, [Err(broken)].into_iter(), &mut |_| ());
        assert_eq!(fed.unwrap_err().to_string(), "cannot read log beyond line 0");
    }

    #[test]
    fn a_panic_of_a_worker_ends_the_feeding() {
        let log = "?\n".repeat(8 << 20);
        let feeding = || fed(&log, 2, &mut |_| panic!("the worker is to fail"));
        assert!(catch_unwind(AssertUnwindSafe(feeding)).is_err());
    }
}
