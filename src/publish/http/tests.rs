//! Pages as a client on this machine sees them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use prometheus::Registry;
use tokio::sync::watch;

use super::*;
use crate::config::Metrics;
use crate::engine::board::GroupKey;
use crate::engine::counted::Counted;
use crate::engine::counters::Counters;
use crate::engine::settings::Settings;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::publish::snapshot::Snapshot;
use crate::publish::withheld::Withheld;

/// A server on a thread of its own.
struct Server {
    address: SocketAddr,
    snapshots: watch::Sender<Arc<Snapshot>>,
    meters: Meters,
    shutdown: oneshot::Sender<()>,
    /// Told when serving is over.
    over: Receiver<io::Result<()>>,
}

fn start(snapshot: Snapshot, connections: fn(TcpListener) -> Connections) -> Server {
    let (snapshots, latest) = watch::channel(Arc::new(snapshot));
    let registry = Registry::new();
    let meters = Meters::register(&registry).unwrap();
    let settings = Settings { windows: Vec::new(), ..Settings::default() };
    let exposition = Arc::new(Exposition::new(registry, latest, &settings, &Metrics::default()).unwrap());
    let pages = Pages::new(exposition, meters.clone());
    let (shutdown, ended) = oneshot::channel();
    let (tell_address, address) = channel();
    let (tell_over, over) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
            tell_address.send(listener.local_addr().unwrap()).unwrap();
            let end = async { ended.await.unwrap_or(()) };
            _ = tell_over.send(serve_connections(connections(listener), pages, end).await);
        });
    });
    Server { address: address.recv().unwrap(), snapshots, meters, shutdown, over }
}

fn serve_snapshot(snapshot: Snapshot) -> Server {
    start(snapshot, Connections::of)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// An answer: status, headers in lower case, body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn answer(mut stream: TcpStream) -> Answer {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn ask(server: &Server, method: &str, path: &str) -> Answer {
    let mut stream = connect(server.address);
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    answer(stream)
}

/// Made a little in the future, so that it does not grow old while a slow machine runs these tests.
fn shown() -> Snapshot {
    let now = EventTime::from_millis(1_704_099_710_000).unwrap();
    let mut snapshot = Snapshot::starting(clock::monotonic() + Duration::from_secs(3600));
    (snapshot.now, snapshot.live) = (Some(now), Some(View::empty(now)));
    snapshot.withheld.clear();
    snapshot
}

#[test]
fn pages_are_what_they_say() {
    let server = serve_snapshot(shown());
    for (path, content_type, body) in [
        ("/", "text/html; charset=utf-8", "Showing 0 lanes with 0 contacts held, from 0 partitions"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "\nholdline_view_timestamp_seconds 1704099710\n"),
        ("/healthz", "text/plain; charset=utf-8", "ok\n"),
        ("/readyz", "text/plain; charset=utf-8", "ready\n"),
        ("/api/v1/state", "application/json", r#"{"now_ms":1704099710000,"whole":false,"#),
    ] {
        let answer = ask(&server, "GET", path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains(&format!("content-type: {content_type}")), "{path}: {}", answer.head);
        assert!(answer.body.contains(body), "{path}: {}", answer.body);
        let head = ask(&server, "HEAD", path);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
    }
    assert_eq!(server.meters.collect_duration.get_sample_count(), 2);
}

#[test]
fn what_is_not_there_says_where_to_look() {
    let server = serve_snapshot(shown());
    let missing = ask(&server, "GET", "/metric");
    assert_eq!((missing.status, missing.body.as_str()), (404, "there is no such page: / links all there are\n"));
    let written = ask(&server, "POST", "/metrics");
    assert_eq!((written.status, written.body.as_str()), (405, "pages can only be read: use GET\n"));
    assert!(written.head.contains("allow: get,head"), "{}", written.head);
}

#[test]
fn the_front_page_links_every_page() {
    let server = serve_snapshot(shown());
    let page = ask(&server, "GET", "/").body;
    let links: Vec<&str> = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(links, ["/metrics", "/readyz", "/healthz", "/api/v1/state"]);
    for link in links {
        assert_eq!(ask(&server, "GET", link).status, 200, "{link}");
    }
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("{{"), "{page}");
}

#[test]
fn reasons_come_one_a_line() {
    let snapshot = Snapshot {
        withheld: vec![Withheld::UnknownTopic("<b>".to_owned()), Withheld::BrokerSilent],
        ..Snapshot::starting(shown().made_at)
    };
    let server = serve_snapshot(snapshot);
    let answer = ask(&server, "GET", "/readyz");
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.body,
        "unknown topic: the broker knows no topic <b>\nbroker silent: no broker has answered for a while\n"
    );
    let state = ask(&server, "GET", "/api/v1/state");
    assert_eq!((state.status, state.body), (503, answer.body));
    assert_eq!(ask(&server, "GET", "/healthz").status, 200);
    let page = ask(&server, "GET", "/").body;
    assert!(page.contains("yet: unknown topic: the broker knows no topic &lt;b&gt;; broker silent:"), "{page}");
    server.snapshots.send_replace(Arc::new(shown()));
    assert_eq!(ask(&server, "GET", "/readyz").status, 200);
}

#[test]
fn a_stuck_process_is_neither_healthy_nor_ready() {
    let old = clock::monotonic().checked_sub(Snapshot::LONGEST_SHOWN + Duration::from_secs(1)).unwrap();
    let server = serve_snapshot(Snapshot { made_at: old, ..shown() });
    let health = ask(&server, "GET", "/healthz");
    assert_eq!(health.status, 503);
    assert!(health.body.starts_with("stuck: nothing was put together for "), "{}", health.body);
    let readiness = ask(&server, "GET", "/readyz");
    assert_eq!(readiness.status, 503);
    assert!(readiness.body.starts_with("stale: "), "{}", readiness.body);
    assert_eq!(ask(&server, "GET", "/metrics").status, 200);
}

#[test]
fn a_port_in_use_is_told() {
    let server = serve_snapshot(shown());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(bind(server.address)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another program, maybe another holdline: end that one, or set http.listen to another port",
            server.address
        )
    );
    // An address for documentation: no machine has it.
    let error = runtime.block_on(bind(SocketAddr::from(([192, 0, 2, 1], 9847)))).unwrap_err();
    assert!(matches!(error, BindError::NoSuchAddress(_)), "{error}");
}

/// More than the buffers between two sockets hold.
fn large() -> Snapshot {
    let key = |number| GroupKey { queue: Some(format!("{number:0>120}")), ..GroupKey::default() };
    let counters = (0..6_000).map(|number| (key(number), Counters::default())).collect();
    Snapshot { counted: Counted { counters, ..Counted::default() }, ..shown() }
}

#[test]
fn an_open_request_is_answered_at_the_end() {
    let server = serve_snapshot(large());
    let mut stream = connect(server.address);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    server.shutdown.send(()).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    let (head, body) = rest.split_once("\r\n\r\n").unwrap();
    assert!(head.to_lowercase().contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(body.len() > 12_000_000, "{}", body.len());
    server.over.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn nobody_is_waited_for_at_the_end() {
    let server = serve_snapshot(large());
    let idle = connect(server.address);
    let mut never_reads = connect(server.address);
    never_reads.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    never_reads.read_exact(&mut [0; 15]).unwrap();
    server.shutdown.send(()).unwrap();
    server.over.recv_timeout(Duration::from_secs(20)).unwrap().unwrap();
    drop((idle, never_reads));
}

#[test]
fn a_silent_connection_makes_room() {
    let server = start(shown(), |listener| Connections::bounded(listener, 1, Duration::from_millis(200)));
    let mut silent = connect(server.address);
    silent.write_all(b"GET /metr").unwrap();
    // There is room for one: this one is answered when the silent one has been closed.
    assert_eq!(ask(&server, "GET", "/healthz").status, 200);
    let mut nothing = Vec::new();
    // Closed, or reset: but not answered.
    assert!(silent.read_to_end(&mut nothing).is_err() || nothing.is_empty());
}
