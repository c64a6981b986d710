//! What is logged, to standard error: setting it up once, and a bound for lines that come again and again.
//!
//! Lines are written where things happen, with the macros of `tracing`. What a command answers is no log and goes to
//! standard output. Logs of other crates through the `log` crate are not taken in.

use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Log, LogFormat};

/// From here on, lines of this process that pass the filter go to standard error, with their time in UTC as RFC 3339
/// has it. Text is coloured if standard error is a terminal and `NO_COLOR` is not set. Lines that cannot be written are
/// lost without a word.
///
/// # Errors
///
/// Why it is not so: the filter is none, or it has been done already. Nothing has changed then.
pub fn start(log: &Log) -> Result<Filter, String> {
    let wants_no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_coloured = io::stderr().is_terminal() && !wants_no_colour;
    let (lines, filter) = lines_to(io::stderr, is_coloured, log)?;
    dispatcher::set_global_default(lines).map_err(|_| "logging has been set up already".to_owned())?;
    Ok(filter)
}

/// Says which lines are written.
pub struct Filter(Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>);

impl Filter {
    /// Lines that pass this filter are written from now on.
    ///
    /// # Errors
    /// It is none. Nothing has changed then.
    pub fn set(&self, filter: &str) -> Result<(), String> {
        (self.0)(parsed(filter)?)
    }
}

fn parsed(filter: &str) -> Result<EnvFilter, String> {
    let parsed = EnvFilter::builder().parse(filter);
    parsed.map_err(|error| format!("{filter:?} is not a filter of log lines: {error}"))
}

fn lines_to<W>(writer: W, is_coloured: bool, log: &Log) -> Result<(Dispatch, Filter), String>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = parsed(&log.filter)?;
    // A line that cannot be written must not be complained of where it could not be written: that would be a panic.
    let lines = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(is_coloured)
        .log_internal_errors(false)
        .with_env_filter(filter);
    Ok(match log.format {
        LogFormat::Text => {
            let lines = lines.with_filter_reloading();
            let handle = lines.reload_handle();
            let set = move |filter: EnvFilter| handle.reload(filter).map_err(|error| error.to_string());
            (Dispatch::new(lines.finish()), Filter(Box::new(set)))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            let set = move |filter: EnvFilter| handle.reload(filter).map_err(|error| error.to_string());
            (Dispatch::new(lines.finish()), Filter(Box::new(set)))
        }
    })
}

/// A bound for the lines of one kind of trouble: so many a second, counted from the first of them. Those held back are
/// counted, and their number goes with the next line. One for each kind; threads share it.
///
/// ```
/// # use std::num::NonZero;
/// # let counter = prometheus::IntCounter::new("suppressed", "Lines held back.").unwrap();
/// # let now = holdline::clock::monotonic();
/// let lines = holdline::log::Recurring::new(NonZero::<u32>::MIN, counter);
/// assert_eq!(lines.allow(now), Some(0));
/// assert_eq!(lines.allow(now), None);
/// if let Some(held_back) = lines.allow(now + std::time::Duration::from_secs(1)) {
///     tracing::warn!(held_back, "a record is no event");
/// #   assert_eq!(held_back, 1);
/// }
/// ```
#[derive(Debug)]
pub struct Recurring {
    lines_per_second: NonZero<u32>,
    suppressed: IntCounter,
    second: Mutex<Second>,
}

/// The second that lines are counted in.
#[derive(Debug, Default)]
struct Second {
    /// None before the first line.
    begin: Option<Instant>,
    written: u32,
    /// Since the last line that was written, in this second or before.
    held_back: u64,
}

impl Recurring {
    /// No line so far. Each line that is held back is also added to `suppressed`, which other kinds can share.
    pub fn new(lines_per_second: NonZero<u32>, suppressed: IntCounter) -> Recurring {
        Recurring { lines_per_second, suppressed, second: Mutex::default() }
    }

    /// Whether a line may be written now, and then how many were held back since the last one that was. None counts this
    /// one as held back. An instant before the second that is counted belongs to it, since threads can overtake each
    /// other.
    pub fn allow(&self, now: Instant) -> Option<u64> {
        // Whoever panicked here left numbers behind that are as good as any.
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.begin.is_none_or(|begin| now.saturating_duration_since(begin) >= Duration::from_secs(1)) {
            second.begin = Some(now);
            second.written = 0;
        }
        if second.written < self.lines_per_second.get() {
            second.written += 1;
            return Some(std::mem::take(&mut second.held_back));
        }
        second.held_back += 1;
        self.suppressed.inc();
        None
    }

    /// Has the line written if it may be, with the number that were held back since the last one.
    pub fn tell(&self, now: Instant, write: impl FnOnce(u64)) {
        if let Some(held_back) = self.allow(now) {
            write(held_back);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::sync::Arc;
    use std::thread;

    use super::*;

    /// Lines in memory instead of standard error.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Memory {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(log: &Log, is_coloured: bool) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let lines = lines_to(move || writer.clone(), is_coloured, log).unwrap().0;
        dispatcher::with_default(&lines, || {
            tracing::debug!("too little");
            tracing::warn!(held_back = 3, topic = "calls", "a record is no event");
            tracing::debug!(target: "elsewhere", "enough there");
        });
        memory.text()
    }

    #[test]
    fn text_has_a_time_and_no_colours_unless_asked() {
        let text = told(&Log::default(), false);
        let [time, level, rest @ ..] = &text.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{text}");
        assert_eq!(*level, "WARN");
        assert_eq!(rest.join(" "), r#"holdline::log::tests: a record is no event held_back=3 topic="calls""#);
        assert_eq!(text.lines().count(), 1);
        assert!(!text.contains('\x1b'));
        assert!(told(&Log::default(), true).contains('\x1b'));
    }

    #[test]
    fn json_is_one_object_a_line() {
        let log = Log { filter: "warn,elsewhere=debug".to_owned(), format: LogFormat::Json, ..Log::default() };
        let text = told(&log, false);
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [warning, elsewhere] = &lines[..] else { panic!("{text}") };
        assert!(warning["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert_eq!(warning["level"], "WARN");
        assert_eq!(warning["message"], "a record is no event");
        assert_eq!((&warning["held_back"], &warning["topic"]), (&3.into(), &"calls".into()));
        assert_eq!(elsewhere["target"], "elsewhere");
    }

    #[test]
    fn a_filter_that_is_none_is_told() {
        let log = Log { filter: "holdline=loud".to_owned(), ..Log::default() };
        let error = lines_to(io::sink, false, &log).err().unwrap();
        assert!(error.starts_with("\"holdline=loud\" is not a filter of log lines: "), "{error}");
        assert_eq!(start(&log).err(), Some(error));
    }

    /// In a process of its own, whose standard error is a pipe that nobody reads any more.
    #[test]
    fn a_line_that_cannot_be_written_is_lost() {
        const IN_CHILD: &str = "LINES_ARE_LOST";
        if std::env::var_os(IN_CHILD).is_some() {
            start(&Log::default()).unwrap();
            tracing::error!("nobody hears it");
            return;
        }
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let test = ["log::tests::a_line_that_cannot_be_written_is_lost", "--exact", "--nocapture"];
        let mut child = Command::new(std::env::current_exe().unwrap());
        let status = child.args(test).env(IN_CHILD, "1").stdout(Stdio::null()).stderr(writer).status().unwrap();
        assert!(status.success(), "{status}");
    }

    fn two_a_second() -> (Recurring, IntCounter) {
        let counter = IntCounter::new("suppressed", "Lines held back.").unwrap();
        (Recurring::new(NonZero::new(2).unwrap(), counter.clone()), counter)
    }

    #[test]
    fn lines_beyond_the_bound_are_held_back_and_told_with_the_next() {
        let (lines, counter) = two_a_second();
        let begin = crate::clock::monotonic();
        let at = |millis| lines.allow(begin + Duration::from_millis(millis));
        assert_eq!([at(0), at(10), at(20), at(999)], [Some(0), Some(0), None, None]);
        assert_eq!(counter.get(), 2);
        assert_eq!([at(1_000), at(1_100), at(1_999)], [Some(2), Some(0), None]);
        // After a pause the second begins with the line, not with the first one ever.
        assert_eq!([at(9_500), at(10_400), at(10_499), at(10_500)], [Some(1), Some(0), None, Some(1)]);
        assert_eq!(counter.get(), 4);
    }

    #[test]
    fn an_instant_before_the_second_belongs_to_it() {
        let (lines, _) = two_a_second();
        let begin = crate::clock::monotonic();
        let later = begin + Duration::from_secs(5);
        assert_eq!([later, begin, begin, later].map(|now| lines.allow(now)), [Some(0), Some(0), None, None]);
    }

    #[test]
    fn threads_share_a_bound() {
        let (lines, counter) = two_a_second();
        let now = crate::clock::monotonic();
        let count = || (0..1_000).filter(|_| lines.allow(now).is_some()).count();
        let written: usize = thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(count));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((written, counter.get()), (2, 3_998));
        assert_eq!(lines.allow(now + Duration::from_secs(1)), Some(3_998));
    }
}
