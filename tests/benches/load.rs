//! The load of the benchmarks: calls that overlap so that a given number is open at any time.
//!
//! Call `i` is offered at step `i`, answered half a span later and completed a whole span later, give or take a fifth.
//! A span holds as many calls as are to be open, so each step offers one, answers one and completes one. Ids and lanes are scattered by a
//! fixed mixing function: no two runs differ.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use holdline::engine::settings::{Lifetimes, Settings};
use holdline::event::{ContactEvent, Event, EventTime, Kind};

/// 2026-03-02T08:00:00Z.
pub const START_MS: u64 = 1_772_438_400_000;

/// How long a call is open, in milliseconds of event time, however many are.
pub const OPEN_MS: u64 = 20 * 60_000;

/// A stream of calls.
pub struct Load {
    /// Calls open at any time.
    pub open: u64,
    /// Queues they are spread over.
    pub lanes: u64,
    /// The next event's number: three a call.
    next: u64,
    queues: Vec<String>,
}

impl Load {
    pub fn new(open: u64, lanes: u64) -> Load {
        Load { open, lanes, next: 0, queues: (0..lanes).map(|lane| format!("queue-{lane:04}")).collect() }
    }

    /// Finished calls are held for twenty minutes and let go, so that forgetting is at work while the benchmark runs.
    pub fn settings() -> Arc<Settings> {
        let lifetimes = Lifetimes { settle_ms: 10 * 60_000, lateness_ms: 10 * 60_000, ..Lifetimes::default() };
        Arc::new(Settings { lifetimes, ..Settings::default() })
    }

    /// Fills `event` with the next one, `id` with its contact's id.
    pub fn next<'a>(&'a mut self, id: &'a mut String) -> Event<'a> {
        loop {
            let (step, phase) = (self.next / 3, self.next % 3);
            self.next += 1;
            let Some(call) = step.checked_sub(phase * self.open / 2) else { continue };
            let scattered = mix(call);
            id.clear();
            write!(StringWriter(id), "call-{scattered:016x}").expect("a string takes all bytes");
            let queue = &self.queues[usize::try_from(scattered % self.lanes).expect("few lanes")];
            let kind = match phase {
                0 => Kind::Offered {
                    queue: Cow::Borrowed(queue),
                    channel: Cow::Borrowed("voice"),
                    tier: Cow::Borrowed("standard"),
                },
                1 => Kind::Answered,
                _ => Kind::Completed(None),
            };
            // Waits and handle times differ from call to call, and events come a little out of order.
            let early = if phase == 0 { 0 } else { (scattered >> (8 * phase)) % (OPEN_MS / 5) };
            let time = START_MS + step * OPEN_MS / self.open - early;
            let time = EventTime::from_millis(time).expect("within a century");
            return Event::Contact(ContactEvent {
                contact_id: Cow::Borrowed(id),
                time,
                queue: None,
                agent_id: None,
                customer_id: None,
                kind,
            });
        }
    }
}

struct StringWriter<'a>(&'a mut String);

impl std::io::Write for StringWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.push_str(std::str::from_utf8(bytes).map_err(std::io::Error::other)?);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A bijection that scatters neighbours (the finaliser of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}
