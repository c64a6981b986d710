//! From a broker to state: what an event costs the whole process, beside a consumer that throws every record away and one
//! that only decodes, in one run; how long an event takes to be seen on `/metrics`; and whether scrapes of 1,000 lanes slow
//! it down.
//!
//! `cargo bench --bench broker [-- EVENTS [ROUNDS]]` (5,000,000 events, 3 rounds). Starts a broker of its own (see
//! `tests/broker`) and stops it. The simulated centre is written once, padded to 256 bytes, into four partitions; then
//! the consumers take turns, each with as many threads as the service has workers. Processor time is that of this process,
//! the client library's threads included; the broker runs beside it on the same machine. Nothing is asserted about time,
//! but the service must have taken in every event once.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and prints what it saw"
)]

#[path = "../broker/cluster.rs"]
mod cluster;

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use holdline::cli::run::{Running, runtime};
use holdline::config::{Checkpoint, CheckpointStore, Config, Kafka};
use holdline::event::decode::decode;
use holdline::kafka::writer::{Writer, WriterSettings};
use holdline::simulate::{Centre, Scenario};
use holdline::source::kafka::queue::{Content, Queue};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::{Offset, TopicPartitionList};

use cluster::Cluster;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PARTITIONS: i32 = 4;
const THREADS: i32 = 2;
const LIMIT: usize = 64 * 1024;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let events: u64 = numbers.next().unwrap_or(5_000_000);
    let rounds: u64 = numbers.next().unwrap_or(3);
    let cluster = Cluster::start(&["--heap", "1g"]);
    let kafka = Kafka { brokers: cluster.bootstrap(), topics: vec!["flood".to_owned()], ..Kafka::default() };
    cluster.create_topic("flood", PARTITIONS);
    cluster.create_topic("drops", 1);

    let started = Instant::now();
    let bytes = fill(&kafka, events);
    let size = bytes / events;
    println!(
        "{events} events of {size} bytes in {PARTITIONS} partitions, written in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    println!(
        "{THREADS} threads, {} cores, allocator mimalloc",
        std::thread::available_parallelism().map_or(0, |n| n.get())
    );

    let folder = std::env::temp_dir().join(format!("holdline-bench-broker-{}", std::process::id()));
    let durable = Checkpoint { store: Some(CheckpointStore::Folder(folder.clone())), every_ms: 1_000 };
    let mut costs: [Vec<Cost>; 4] = Default::default();
    for round in 0..rounds {
        costs[0].push(Cost::of(events, || discard(&kafka, events, |_| ())));
        costs[1].push(Cost::of(events, || {
            discard(&kafka, events, |payload| {
                std::hint::black_box(decode(payload, LIMIT).is_ok());
            });
        }));
        costs[2].push(Cost::of(events, || serve(&kafka, events, &format!("flood-{round}"), &Checkpoint::default())));
        costs[3].push(Cost::of(events, || serve(&kafka, events, &format!("durable-{round}"), &durable)));
        std::fs::remove_dir_all(&folder).expect("it is ours");
    }
    println!("least (median) of {rounds} rounds   cpu ns/event     wall ns/event    events/s");
    let least = |costs: &[Cost]| costs.iter().map(|cost| cost.cpu_ns).fold(f64::INFINITY, f64::min);
    let base = least(&costs[0]);
    for (name, costs) in ["throw away", "decode only", "the service", "durable every second"].iter().zip(&costs) {
        let cpu = spread(costs.iter().map(|cost| cost.cpu_ns));
        let wall = spread(costs.iter().map(|cost| cost.wall_ns));
        println!(
            "{name:<28} {:>6.0} ({:>6.0})  {:>6.0} ({:>6.0})  {:>9.0}   x{:.2}",
            cpu.0,
            cpu.1,
            wall.0,
            wall.1,
            1e9 / wall.0,
            cpu.0 / base
        );
    }
    println!("resident after the last round: {:.0} MiB", resident_mib());
    cluster.create_topic("open", 1);
    restart(&Kafka { topics: vec!["open".to_owned()], ..kafka.clone() }, &durable);
    std::fs::remove_dir_all(&folder).expect("it is ours");
    delays(&Kafka { topics: vec!["drops".to_owned()], ..kafka.clone() });
    cluster.create_topic("wide", PARTITIONS);
    scraped(&Kafka { topics: vec!["wide".to_owned()], ..kafka });
}

/// Writes the simulated centre; gives the bytes written.
fn fill(kafka: &Kafka, events: u64) -> u64 {
    let settings = WriterSettings { linger: Duration::from_millis(50), ..WriterSettings::default() };
    let writer = Writer::open(kafka, "flood", settings, Arc::new(|line| println!("{line}"))).expect("options are ours");
    writer.find_topic(Duration::from_secs(20)).expect("it was made");
    let scenario = Scenario { days: None, events: Some(events), load: 20.0, pad: 256, ..Scenario::default() };
    let mut centre = Centre::new(&scenario).expect("the scenario is ours");
    let (mut line, mut bytes) = (Vec::new(), 0);
    loop {
        line.clear();
        let Some(produced) = centre.next_event(&mut line) else { break };
        let payload = &line[produced.line.clone()];
        let payload = payload.strip_suffix(b"\n").unwrap_or(payload);
        writer.write(Some(&line[produced.key.clone()]), payload).expect("the broker takes all");
        bytes += payload.len() as u64;
    }
    writer.flush(&|| false).expect("all are delivered");
    bytes
}

/// Reads all partitions from the beginning and does this with each payload.
fn discard(kafka: &Kafka, events: u64, with: impl Fn(&[u8]) + Sync) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.brokers).set("group.id", "throw-away").set("enable.auto.commit", "false");
    config.set("queued.max.messages.kbytes", "16384").set("fetch.wait.max.ms", "100");
    config.set("fetch.queue.backoff.ms", "10");
    let consumer: Arc<BaseConsumer<DefaultConsumerContext>> = Arc::new(config.create().expect("options are ours"));
    let mut queues: Vec<_> = (0..THREADS).map(|_| Queue::new(Arc::clone(&consumer), 1_024)).collect();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let queue = usize::try_from(partition % THREADS).expect("small");
        queues[queue].lead_here("flood", partition);
        list.add_partition_offset("flood", partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("the partitions are there");
    let read = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for queue in &mut queues {
            scope.spawn(|| {
                while read.load(Ordering::Relaxed) < events {
                    let batch = queue.next_batch(Duration::from_millis(20));
                    let mut count = 0;
                    for arrival in batch.arrivals() {
                        if let Content::Record(record) = arrival.content() {
                            with(record.payload.unwrap_or_default());
                            count += 1;
                        }
                    }
                    read.fetch_add(count, Ordering::Relaxed);
                }
            });
        }
    });
}

/// Runs the service until it has caught up.
fn serve(kafka: &Kafka, events: u64, group: &str, checkpoint: &Checkpoint) {
    let mut config = Config::parse("", &[]).expect("the defaults");
    config.http.listen.set_port(0);
    // So far back that the broker need not look for the place by time.
    config.kafka = Kafka { group: group.to_owned(), look_back_ms: Some(u64::MAX), ..kafka.clone() };
    config.checkpoint = checkpoint.clone();
    let runtime = runtime().expect("threads");
    runtime.block_on(async {
        let running = Running::start(&config, None).await.expect("nothing is in the way");
        let mut latest = running.latest();
        while latest.borrow_and_update().live.is_none() {
            latest.changed().await.expect("it is running");
        }
        let text = metrics(running.address);
        let taken = sum(&text, "holdline_events_total{");
        assert_eq!(taken, events, "each event is taken in once");
        println!(
            "  {group}: {taken} events, {} contacts held, {} lanes, view {:.1} ms, resident {:.0} MiB, {} checkpoints",
            latest.borrow().tracked_contacts,
            latest.borrow().tracked_lanes,
            1e3 * value(&text, "holdline_view_duration_seconds_sum")
                / value(&text, "holdline_view_duration_seconds_count").max(1.0),
            resident_mib(),
            value(&text, "holdline_checkpoints_total"),
        );
        running.stop().await;
    });
}

/// How soon the service is ready again with a million open contacts in one partition, read from the log and restored from a
/// checkpoint; and what the checkpoint is like.
fn restart(kafka: &Kafka, checkpoint: &Checkpoint) {
    const OPEN: u64 = 1_000_000;
    let settings = WriterSettings { linger: Duration::from_millis(50), ..WriterSettings::default() };
    let writer = Writer::open(kafka, "open", settings, Arc::new(|line| println!("{line}"))).expect("options are ours");
    writer.find_topic(Duration::from_secs(20)).expect("it was made");
    let wall = holdline::clock::wall().millis();
    for number in 0..OPEN {
        let (queue, time) = (number % 100, wall - 7_200_000 + number * 7);
        let event = format!(
            "{{\"type\":\"offered\",\"contact_id\":\"contact-{number:012}\",\"queue\":\"q{queue}\",\"channel\":\"email\",\"time\":{time}}}"
        );
        writer.write(Some(format!("contact-{number:012}").as_bytes()), event.as_bytes()).expect("the broker takes all");
    }
    writer.flush(&|| false).expect("all are delivered");
    let mut config = Config::parse("", &[]).expect("the defaults");
    config.http.listen.set_port(0);
    config.kafka = Kafka { group: "restart".to_owned(), look_back_ms: Some(u64::MAX), ..kafka.clone() };
    config.checkpoint = checkpoint.clone();
    let runtime = runtime().expect("threads");
    for how in ["read from the log", "restored", "restored"] {
        let started = Instant::now();
        runtime.block_on(async {
            let running = Running::start(&config, None).await.expect("nothing is in the way");
            let mut latest = running.latest();
            while latest.borrow_and_update().live.is_none() {
                latest.changed().await.expect("it is running");
            }
            let ready = started.elapsed().as_secs_f64();
            assert_eq!(latest.borrow().tracked_contacts, OPEN);
            while latest.borrow_and_update().checkpointed.is_none() {
                latest.changed().await.expect("it is running");
            }
            let text = metrics(running.address);
            running.stop().await;
            println!("{OPEN} open contacts, {how}: ready after {ready:.2} s, of which the group takes some");
            let each = |name: &str| {
                1e3 * value(&text, &format!("{name}_sum")) / value(&text, &format!("{name}_count")).max(1.0)
            };
            println!(
                "  a checkpoint: {:.1} MB, {:.0} ms until it is durable, the partition stands still for {:.2} ms",
                value(&text, "holdline_checkpoint_bytes") / 1e6,
                each("holdline_checkpoint_duration_seconds"),
                each("holdline_checkpoint_pause_seconds"),
            );
        });
    }
}

/// How long single events take from being handed to the producer to being seen on `/metrics`.
fn delays(kafka: &Kafka) {
    let mut config = Config::parse("", &[]).expect("the defaults");
    config.http.listen.set_port(0);
    config.kafka = Kafka { group: "drops".to_owned(), look_back_ms: Some(u64::MAX), ..kafka.clone() };
    let runtime = runtime().expect("threads");
    let running = runtime.block_on(async {
        let running = Running::start(&config, None).await.expect("nothing is in the way");
        let mut latest = running.latest();
        while latest.borrow_and_update().live.is_none() {
            latest.changed().await.expect("it is running");
        }
        running
    });
    let settings = WriterSettings { linger: Duration::ZERO, ..WriterSettings::default() };
    let writer = Writer::open(kafka, "drops", settings, Arc::new(|line| println!("{line}"))).expect("options are ours");
    let (mut counted, mut windowed) = (Vec::new(), Vec::new());
    for number in 0..200_u64 {
        // At all phases of a slot and of the looks.
        std::thread::sleep(Duration::from_millis(17 + number * 7 % 230));
        let wall = holdline::clock::wall().millis();
        let event = format!("{{\"type\":\"offered\",\"contact_id\":\"d{number}\",\"queue\":\"q\",\"time\":{wall}}}");
        let sent = Instant::now();
        writer.write(Some(format!("d{number}").as_bytes()), event.as_bytes()).expect("the broker takes all");
        counted.push(until_seen(running.address, "holdline_contacts_offered_total{", number + 1, sent));
        if number % 20 == 0 {
            windowed.push(until_seen(running.address, "holdline_window_offered{", number + 1, sent));
        }
    }
    tell("event to a counter on /metrics", &mut counted);
    println!(
        "  (windows are sums of whole slots: an event shows up once its slot of 10 s has been over for the delay of 2 s)"
    );
    tell("event to its window on /metrics", &mut windowed);
    runtime.block_on(running.stop());
}

/// What reading costs and how old events are when they are read, while 1,000 lanes are shown and scraped every second, and
/// while they are not. The sender is part of this process.
fn scraped(kafka: &Kafka) {
    const LANES: u64 = 1_000;
    const A_SECOND: u64 = 30_000;
    const PHASE: Duration = Duration::from_secs(15);
    let mut config = Config::parse("", &[]).expect("the defaults");
    config.http.listen.set_port(0);
    config.kafka = Kafka { group: "wide".to_owned(), look_back_ms: Some(u64::MAX), ..kafka.clone() };
    let runtime = runtime().expect("threads");
    let running = runtime.block_on(Running::start(&config, None)).expect("nothing is in the way");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let settings = WriterSettings { linger: Duration::from_millis(5), ..WriterSettings::default() };
            let writer = Writer::open(kafka, "wide", settings, Arc::new(|line| println!("{line}")));
            let writer = writer.expect("options are ours");
            writer.find_topic(Duration::from_secs(20)).expect("it was made");
            let (begin, mut sent) = (Instant::now(), 0);
            while !is_over.load(Ordering::Relaxed) {
                let due = u64::try_from(begin.elapsed().as_millis()).expect("short") * A_SECOND / 3_000;
                while sent < due {
                    // Somebody calls, who called two seconds ago is answered, who called four seconds ago is done.
                    let (time, back) = (holdline::clock::wall().millis(), 2 * A_SECOND / 3);
                    for (number, kind) in
                        [(Some(sent), "offered"), (sent.checked_sub(back), "answered"), (sent.checked_sub(2 * back), "completed")]
                    {
                        let Some(number) = number else { continue };
                        let (id, queue) = (format!("w{number:09}"), number % LANES);
                        let event = format!(
                            "{{\"type\":\"{kind}\",\"contact_id\":\"{id}\",\"queue\":\"queue-{queue:03}\",\"time\":{time}}}"
                        );
                        writer.write(Some(id.as_bytes()), event.as_bytes()).expect("the broker takes all");
                    }
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            writer.flush(&|| false).expect("all are delivered");
        });
        let shown = || metrics(running.address).matches("holdline_contacts_waiting{").count();
        while shown() < usize::try_from(LANES).expect("small") {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("{LANES} lanes, {A_SECOND} events/s while they are shown:");
        for _ in 0..3 {
            for scrapes in [false, true] {
                let (begin, cpu, before) = (Instant::now(), cpu_seconds(), metrics(running.address));
                let (mut took, mut size, mut lag) = (Vec::new(), 0, 0);
                while begin.elapsed() < PHASE {
                    let next = Instant::now() + Duration::from_secs(1);
                    if scrapes {
                        let asked = Instant::now();
                        size = scrape(running.address);
                        took.push(asked.elapsed().as_secs_f64() * 1e3);
                    }
                    let partitions =
                        running.latest().borrow().partitions.values().map(|one| one.lag_records).sum::<Option<u64>>();
                    lag = lag.max(partitions.unwrap_or(u64::MAX));
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                }
                let after = metrics(running.address);
                let passed = |name: &str| value(&after, name) - value(&before, name);
                let events = (sum(&after, "holdline_events_total{") - sum(&before, "holdline_events_total{")) as f64;
                let delay = passed("holdline_event_delay_seconds_sum") / passed("holdline_event_delay_seconds_count");
                println!(
                    "  {} {:>7.0} events/s, {:>5.0} cpu ns/event, delay {:>5.1} ms, lag at most {lag} records{}",
                    if scrapes { "scraped    " } else { "not scraped" },
                    events / begin.elapsed().as_secs_f64(),
                    1e9 * (cpu_seconds() - cpu) / events,
                    1e3 * delay,
                    if scrapes {
                        format!(
                            ", {} scrapes of {:.1} MB with gzip: {:.0} ms, at most {:.0}",
                            took.len(),
                            size as f64 / 1e6,
                            took.iter().sum::<f64>() / took.len() as f64,
                            took.iter().fold(0.0, |longest: f64, took| longest.max(*took)),
                        )
                    } else {
                        String::new()
                    },
                );
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    runtime.block_on(running.stop());
}

/// A scrape as Prometheus makes one: its size.
fn scrape(address: SocketAddr) -> usize {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\nAccept-Encoding: gzip\r\n";
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: holdline\r\n{accept}Connection: close\r\n\r\n").expect("it reads");
    stream.read_to_end(&mut Vec::new()).expect("it answers")
}

fn until_seen(address: SocketAddr, series: &str, at_least: u64, sent: Instant) -> f64 {
    loop {
        let text = metrics(address);
        let of_a_window = |line: &str| line.contains("window=\"1h\"") && line.contains("measure=\"wait\"");
        let wanted = |line: &&str| line.starts_with(series) && (!series.contains("_window_") || of_a_window(line));
        let seen: f64 =
            text.lines().filter(wanted).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        if seen >= at_least as f64 {
            return sent.elapsed().as_secs_f64() * 1e3;
        }
        assert!(sent.elapsed() < Duration::from_secs(60), "{series} never reached {at_least}:\n{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn tell(name: &str, delays: &mut [f64]) {
    delays.sort_by(f64::total_cmp);
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    println!("{name}: p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms ({} events)", at(50), at(99), at(100), delays.len());
}

fn metrics(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: holdline\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers");
    text
}

fn sum(text: &str, series: &str) -> u64 {
    let values = text.lines().filter(|line| line.starts_with(series)).filter_map(|line| line.rsplit(' ').next());
    values.map(|value| value.parse::<u64>().expect("a count")).sum()
}

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(name)).expect("it is exposed");
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

/// What one consumer cost for each event.
#[derive(Clone, Copy)]
struct Cost {
    cpu_ns: f64,
    wall_ns: f64,
}

impl Cost {
    fn of(events: u64, work: impl FnOnce()) -> Cost {
        let (cpu, wall) = (cpu_seconds(), Instant::now());
        work();
        let per_event = 1e9 / events as f64;
        Cost { cpu_ns: (cpu_seconds() - cpu) * per_event, wall_ns: wall.elapsed().as_secs_f64() * per_event }
    }
}

fn spread(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2])
}

/// Processor time of this process so far, in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux tells");
    let after_name = stat.rsplit(')').next().expect("a name in brackets");
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("it is told");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}
