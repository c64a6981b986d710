//! Pages as a client on this machine sees them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use prometheus::Registry;
use tokio::sync::watch;

use super::connection::Longest;
use super::*;
use crate::config::{Metrics, Staffing, Web};
use crate::engine::board::GroupKey;
use crate::engine::counted::Counted;
use crate::engine::counters::Counters;
use crate::engine::settings::Settings;
use crate::engine::view::View;
use crate::event::EventTime;
use crate::publish::metrics::tests_of_load::load;
use crate::publish::snapshot::Snapshot;
use crate::publish::withheld::Withheld;

/// A server on a thread of its own.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    snapshots: watch::Sender<Arc<Snapshot>>,
    meters: Meters,
    shutdown: oneshot::Sender<()>,
    /// Told when serving is over.
    over: Receiver<io::Result<()>>,
}

pub(super) fn start(
    snapshot: Snapshot,
    protection: &Protection,
    connections: fn(TcpListener, Protection) -> Connections,
) -> Server {
    let (snapshots, latest) = watch::channel(Arc::new(snapshot));
    let registry = Registry::new();
    let meters = Meters::register(&registry).unwrap();
    let settings = Settings { windows: Vec::new(), ..Settings::default() };
    let exposition =
        Arc::new(Exposition::new(registry, latest, &settings, &Metrics::default(), Staffing::default()).unwrap());
    let answers = Answers { accounts: Arc::new(|_| Ok(None)), histories: Arc::new(|| Ok(Seed::default())) };
    let pages = Pages::new(exposition, meters.clone(), answers, None, protection.clone());
    let protection = protection.clone();
    let (shutdown, ended) = oneshot::channel();
    let (tell_address, address) = channel();
    let (tell_over, over) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
            tell_address.send(listener.local_addr().unwrap()).unwrap();
            let end = async { ended.await.unwrap_or(()) };
            _ = tell_over.send(serve_connections(connections(listener, protection), pages, end).await);
        });
    });
    Server { address: address.recv().unwrap(), snapshots, meters, shutdown, over }
}

/// For anybody, in the clear.
fn open() -> Protection {
    Protection::of(&Web::default()).unwrap()
}

fn serve_snapshot(snapshot: Snapshot) -> Server {
    start(snapshot, &open(), Connections::of)
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// An answer: status, headers in lower case, body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

pub(super) fn answer(mut stream: TcpStream) -> Answer {
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
pub(super) fn shown() -> Snapshot {
    let now = EventTime::from_millis(1_704_099_710_000).unwrap();
    let mut snapshot = Snapshot::starting(clock::monotonic() + Duration::from_secs(3600));
    (snapshot.now, snapshot.live) = (Some(now), Some(View::empty(now)));
    snapshot.withheld.clear();
    snapshot
}

#[test]
fn metrics_are_told_as_they_are_asked_for() {
    let server = serve_snapshot(shown());
    for (accept, encoding, content_type, head, end) in [
        ("text/plain", "identity", Format::Text, &b"# HELP "[..], &b"\n"[..]),
        ("application/openmetrics-text", "", Format::OpenMetrics, b"# TYPE ", b"\n# EOF\n"),
        // A length, then the name of the first family.
        (Format::Protobuf.content_type(), "gzip", Format::Protobuf, b"", b""),
        ("application/openmetrics-text", "gzip", Format::OpenMetrics, b"# TYPE ", b"\n# EOF\n"),
    ] {
        let mut stream = connect(server.address);
        let headers = format!("Accept: {accept}\r\nAccept-Encoding: {encoding}");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{headers}\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let blank = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let told = String::from_utf8(bytes[..blank].to_vec()).unwrap().to_lowercase();
        assert!(told.contains(&content_type.content_type().to_lowercase()), "{accept}: {told}");
        assert!(told.contains("vary: accept, accept-encoding"), "{told}");
        assert_eq!(told.contains("content-encoding: gzip"), encoding == "gzip", "{told}");
        let packed = &bytes[blank + 4..];
        let mut body = Vec::new();
        match encoding {
            "gzip" => drop(flate2::read::GzDecoder::new(packed).read_to_end(&mut body).unwrap()),
            _ => body.extend_from_slice(packed),
        }
        assert!(body.starts_with(head) && body.ends_with(end), "{accept}");
        assert!(body.windows(24).any(|part| part == b"holdline_view_timestamp_"), "{accept}");
        assert!(
            body.windows(17).any(|part| part == b"holdline_restores"),
            "what the process counts is told too: {accept}"
        );
    }
}

#[test]
fn pages_of_json_are_those_described() {
    let server = serve_snapshot(shown());
    let described = ask(&server, "GET", "/api/v1/openapi.json");
    assert!(described.head.contains("content-type: application/json"), "{}", described.head);
    let described: serde_json::Value = serde_json::from_str(&described.body).unwrap();
    let paths: Vec<&String> = described["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 9);
    for path in paths {
        let asked = path.split('/').map(|part| if part.starts_with('{') { "a%2Fb%20c" } else { part });
        let answer = ask(&server, "GET", &asked.collect::<Vec<_>>().join("/"));
        let responses = &described["paths"][path]["get"]["responses"];
        assert!(responses[answer.status.to_string()].is_object(), "{path}: {}", answer.status);
        assert!(!answer.body.contains("no such page"), "{path}");
        let is_json = answer.head.contains("content-type: application/json");
        assert_eq!(is_json, answer.status == 200 && !path.contains("histograms"), "{path}: {}", answer.head);
    }
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let server = serve_snapshot(shown());
    for (path, status, words) in [
        ("/api/v1/outliers?queues=a", 400, "known are queue"),
        ("/api/v1/histograms/a?window=7m", 400, "window is one of"),
        ("/api/v1/histograms/a?measure=patience", 400, "measure one of wait"),
        ("/api/v1/histograms/a?format=v3", 400, "format text or v2"),
        ("/api/v1/forecast/a?days=0", 400, "a whole number from 1"),
        ("/api/v1/forecast/a?weeks=1", 400, "known are days"),
        ("/api/v1/forecast/a", 404, "no such queue"),
        ("/api/v1/load", 404, "not known yet"),
        ("/api/v1/queues/a", 404, "no such queue"),
        ("/api/v1/contacts/a", 404, "held by this process"),
        ("/api/v1/", 404, "no such page"),
    ] {
        let answer = ask(&server, "GET", path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(words), "{path}: {}", answer.body);
    }
    server.snapshots.send_replace(Arc::new(Snapshot::starting(clock::monotonic() + Duration::from_secs(3600))));
    for path in ["/api/v1/queues", "/api/v1/queues/a"] {
        let answer = ask(&server, "GET", path);
        assert_eq!((answer.status, answer.body.as_str()), (503, "starting: nothing has been read yet\n"), "{path}");
    }
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
    assert_eq!(
        (written.status, written.body.as_str()),
        (405, "pages are read with GET; /-/reload is asked for with POST or PUT\n")
    );
    assert!(written.head.contains("allow: get,head"), "{}", written.head);
}

#[test]
fn the_front_page_links_every_page() {
    let server = serve_snapshot(Snapshot { load: Some(Arc::new(load())), whole: true, ..shown() });
    let page = ask(&server, "GET", "/").body;
    assert!(page.contains("<li><b>a</b> has a critical surge since"), "{page}");
    let links: Vec<&str> = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let expected = [
        "/metrics",
        "/readyz",
        "/healthz",
        "/api/v1/queues",
        "/api/v1/load",
        "/api/v1/outliers",
        "/api/v1/openapi.json",
        "/api/v1/state",
    ];
    assert_eq!(links, expected);
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

/// With room for one connection, and little patience with what is asked for.
fn start_impatient() -> Server {
    start(shown(), &open(), |listener, protection| {
        let longest = Longest { request: Duration::from_millis(300), silence: Duration::from_secs(60) };
        Connections::bounded(listener, protection, 1, longest)
    })
}

#[test]
fn a_silent_connection_makes_room() {
    let server = start_impatient();
    let mut silent = connect(server.address);
    silent.write_all(b"GET /metr").unwrap();
    // There is room for one: this one is answered when the silent one has been closed.
    assert_eq!(ask(&server, "GET", "/healthz").status, 200);
    let mut nothing = Vec::new();
    // Closed, or reset: but not answered.
    assert!(silent.read_to_end(&mut nothing).is_err() || nothing.is_empty());
}

#[test]
fn a_connection_that_asks_without_end_makes_room() {
    let server = start_impatient();
    let mut endless = connect(server.address);
    endless.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let asking = std::thread::spawn(move || {
        // Until it is closed.
        while endless.write_all(b"X-More: of it\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(ask(&server, "GET", "/healthz").status, 200);
    asking.join().unwrap();
}

#[test]
fn a_connection_may_rest_between_two_requests() {
    let server = start_impatient();
    let mut stream = connect(server.address);
    for _ in 0..2 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut read = Vec::new();
        while !read.ends_with(b"ok\n") {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&read));
            read.push(byte[0]);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    // The next request has as little time as the first one.
    stream.write_all(b"GET /metr").unwrap();
    assert_eq!(ask(&server, "GET", "/healthz").status, 200);
    let mut nothing = Vec::new();
    assert!(stream.read_to_end(&mut nothing).is_err() || nothing.is_empty());
}
