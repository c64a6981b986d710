//! The demo, as whoever tries the program out first sees it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Ended when the test is over, however it ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn page(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// The lanes of the series that begin so.
fn lanes(metrics: &str, begin: &str) -> BTreeSet<String> {
    let series = metrics.lines().filter_map(|line| line.strip_prefix(begin));
    series.map(|labels| labels.split(",window=").next().unwrap().split('}').next().unwrap().to_owned()).collect()
}

#[test]
fn every_lane_shows_a_level_and_a_signal_ends_it() {
    let command = Command::new(env!("CARGO_BIN_EXE_holdline"))
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut demo = Demo(command.unwrap());
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let where_to_look = lines.find_map(|line| line.trim().strip_prefix("metrics ").map(|url| url.trim().to_owned()));
    let address = where_to_look.unwrap().trim_start_matches("http://").trim_end_matches("/metrics").to_owned();

    let mut metrics = String::new();
    for _ in 0..240 {
        metrics = page(&address, "/metrics");
        let waiting = lanes(&metrics, "holdline_contacts_waiting{");
        if waiting.len() > 20 && waiting == lanes(&metrics, "holdline_service_level_ratio{") {
            break;
        }
        thread::sleep(Duration::from_millis(250));
    }
    let waiting = lanes(&metrics, "holdline_contacts_waiting{");
    assert!(waiting.len() > 20, "{metrics}");
    assert_eq!(waiting, lanes(&metrics, "holdline_service_level_ratio{"));
    for queue in ["billing", "claims", "retention", "sales", "service", "support"] {
        assert!(lines.any(|line| line.starts_with(queue) && line.contains('%')), "no line for {queue}");
    }
    assert!(page(&address, "/").contains("<tbody><tr"));

    let id = demo.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(lines.last().as_deref(), Some("Ended."));
    assert_eq!(demo.0.wait().unwrap().code(), Some(0));
}
