//! The real program as a process: its configuration, its log, its pages, its end.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use holdline::clock;

use crate::scrape::Scrape;

/// Nothing here takes so long unless it never happens.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Pages of a program that lives are not away for longer.
const AWAY: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until there is something, and fails when that takes too long. `what` is waited for, `seen` says what was there
/// instead.
pub fn until<T, S: Display>(what: &str, seen: impl Fn() -> S, look: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, seen, look)
}

/// The same with this patience, for what takes its time by itself.
pub fn until_within<T, S: Display>(
    patience: Duration,
    what: &str,
    seen: impl Fn() -> S,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let begin = clock::monotonic();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < patience, "waited in vain: {what}\n{}", seen());
        thread::sleep(PAUSE);
    }
}

/// Tells a thread to end, also when something fails.
pub struct SetOnDrop<'f>(pub &'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A configuration for these brokers, one topic and one group, with any free port; `more` are further lines, with
/// dots in their keys.
pub fn config(brokers: &str, topic: &str, group: &str, more: &[&str]) -> String {
    let usual = [
        format!("kafka.brokers = \"{brokers}\""),
        format!("kafka.topics = [\"{topic}\"]"),
        format!("kafka.group = \"{group}\""),
    ];
    let is_set = |line: &str| more.iter().any(|more| more.split('=').next() == line.split('=').next());
    let listen = "http.listen = \"127.0.0.1:0\"";
    let lines = usual.iter().map(String::as_str).chain([listen]).filter(|line| !is_set(line));
    lines.chain(more.iter().copied()).map(|line| format!("{line}\n")).collect()
}

/// A process; killed when it is dropped, its log shown if the test has failed.
pub struct Program {
    child: Child,
    folder: PathBuf,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
}

/// What a process writes, as it comes.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    has_grown: Condvar,
}

impl Log {
    fn text(&self) -> MutexGuard<'_, String> {
        self.text.lock().expect("nobody panics with it")
    }
}

impl Program {
    /// Starts `holdline run` with this configuration.
    pub fn start(config: &str) -> Program {
        Program::start_in(&[], config)
    }

    /// The same by way of a command that goes on as what it is told to run.
    pub fn start_in(way: &[String], config: &str) -> Program {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("holdline-run-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        let file = folder.join("holdline.toml");
        std::fs::write(&file, config).expect("room for a file");

        let words: Vec<&str> = way.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_holdline")]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("run").arg("--config").arg(file);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HOLDLINE_")) {
            command.env_remove(name);
        }
        let streams = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = streams.spawn().expect("the program can be run");
        let log = Arc::new(Log::default());
        let written = BufReader::new(child.stderr.take().expect("it is piped"));
        let kept = Arc::clone(&log);
        let reader = thread::spawn(move || {
            for line in written.lines().map_while(Result::ok) {
                let mut text = kept.text();
                text.push_str(&line);
                text.push('\n');
                kept.has_grown.notify_all();
            }
        });
        Program { child, folder, log, reader: Some(reader) }
    }

    /// All that was written to standard error so far.
    pub fn log(&self) -> String {
        self.log.text().clone()
    }

    /// How much was written to standard error so far, in bytes.
    pub fn written(&self) -> usize {
        self.log.text().len()
    }

    /// Waits for a line after so many bytes that has any of these parts, and returns as soon as it is there. How many bytes
    /// there are up to its end.
    pub fn after_line(&self, written: usize, any_of: &[&str]) -> usize {
        let begin = clock::monotonic();
        let (mut text, mut at) = (self.log.text(), written);
        loop {
            while let Some(length) = text[at..].find('\n') {
                let line = &text[at..at + length];
                at += length + 1;
                if any_of.iter().any(|part| line.contains(part)) {
                    return at;
                }
            }
            if begin.elapsed() >= PATIENCE {
                // Or what was written could not be shown.
                drop(text);
                panic!("waited in vain for a line of the log with any of {any_of:?}");
            }
            text = self.log.has_grown.wait_timeout(text, PAUSE).expect("nobody panics with it").0;
        }
    }

    /// Kills it at once. All that it wrote.
    pub fn kill(&mut self) -> String {
        self.child.kill().expect("it is ours");
        self.end().1
    }

    /// Waits for a line that has all of these parts.
    pub fn until_logged(&self, parts: &[&str]) -> String {
        let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
        let found = || self.log().lines().find(has_all).map(str::to_owned);
        until(&format!("a line of the log with {parts:?}"), String::new, found)
    }

    /// Where its pages are, once it says so.
    pub fn address(&self) -> SocketAddr {
        let line = self.until_logged(&["listening", "address="]);
        let address = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
        address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("no address: {line}"))
    }

    /// A page: status and text.
    pub fn page(&self, path: &str) -> (u16, String) {
        let (address, begin) = (self.address(), clock::monotonic());
        loop {
            match page(address, path) {
                // It may be joining its group anew.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && begin.elapsed() < AWAY => {
                    thread::sleep(PAUSE);
                }
                answer => return answer.unwrap_or_else(|error| panic!("it does not answer: {error}")),
            }
        }
    }

    /// What it answers when something is asked of it: status and text.
    pub fn post(&self, path: &str) -> (u16, String) {
        request(self.address(), "POST", path).unwrap_or_else(|error| panic!("it does not answer: {error}"))
    }

    /// Writes its configuration anew; what holds is another matter.
    pub fn write_config(&self, config: &str) {
        std::fs::write(self.folder.join("holdline.toml"), config).expect("room for a file");
    }

    /// All metrics there are now.
    pub fn scrape(&self) -> Scrape {
        let (status, text) = self.page("/metrics");
        assert_eq!(status, 200, "{text}");
        Scrape::read(&text)
    }

    /// Waits until the metrics are so.
    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Scrape) -> bool) -> Scrape {
        let is_value = |line: &&str| !line.starts_with('#') && !line.contains("_bucket{");
        let seen =
            || self.page("/metrics").1.lines().filter(is_value).map(|line| format!("{line}\n")).collect::<String>();
        until(what, seen, || Some(self.scrape()).filter(&mut is_so))
    }

    /// Waits until lanes are shown.
    pub fn until_ready(&self) -> Scrape {
        let ready = || Some(self.page("/readyz")).filter(|(status, _)| *status == 200);
        let (_, text) = until("ready", || self.page("/readyz").1, ready);
        assert_eq!(text, "ready\n");
        self.until("lanes are shown", |scrape| scrape.withheld().is_empty())
    }

    /// Waits until lanes are withheld and `/readyz` says why with all of these parts.
    pub fn until_withheld(&self, parts: &[&str]) -> String {
        let says_so = |text: &str| parts.iter().all(|part| text.contains(part));
        let page = || Some(self.page("/readyz")).filter(|(status, text)| *status == 503 && says_so(text));
        until(&format!("/readyz says {parts:?}"), || self.page("/readyz").1, page).1
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill can be run");
        assert!(sent.success(), "kill -{name} {id}");
    }

    /// Whether it has come to its end.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    /// Waits for its end: the exit code and all that it wrote.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let log = Arc::clone(&self.log);
        let seen = move || log.text().clone();
        let status = until("the program ends", seen, || self.child.try_wait().expect("it is ours"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the thread only reads");
        }
        (status.code(), self.log())
    }

    /// Has it end in good order.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let (code, log) = self.end();
        assert_eq!(code, Some(0), "{log}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- what the program wrote:\n{}---", self.log());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A page of any server on this machine: status and text.
///
/// # Errors
/// Nobody is there, or it ended while it answered.
pub fn page(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    request(address, "GET", path)
}

fn request(address: SocketAddr, method: &str, path: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // As of 1.0, so that the answer comes in one piece.
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    Ok((status.unwrap_or_else(|| panic!("no status: {head}")), body.to_owned()))
}
