//! What Prometheus makes of it: the text it reads, and what can be asked of it afterwards.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use crate::cluster::Cluster;
use crate::monitoring::Prometheus;
use crate::program::{Program, config, until};
use crate::records::{ABANDONED, ANSWERED, Records, completed, left, offered, seconds_ago};

#[test]
fn prometheus_reads_it() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "scraped", 2);
    let at = seconds_ago(100);
    // Something of everything, so that every family has a series.
    for (contact, time, what) in [
        ("p1", 0, offered("billing")),
        ("p1", 5, ANSWERED.to_owned()),
        ("p1", 40, completed(20.0, 5.0)),
        ("p2", 1, offered("billing")),
        ("p2", 31, ABANDONED.to_owned()),
        ("p3", 2, offered("billing")),
        ("p3", 9, left("voicemail")),
        ("p4", 3, offered("billing")),
    ] {
        records.tell(0, contact, at + time * 1_000, &what);
    }
    // A name that needs escapes in the text.
    records.tell(1, "p5", at, r#""type":"offered","queue":"a \"b\"\\c\nd""#);
    records.flush();
    let program = Program::start(&config(&cluster.bootstrap(), "scraped", "scraped", &["metrics.formulas = \"all\""]));
    program.until("ready", |scrape| scrape.withheld().is_empty());

    let (_, text) = program.page("/metrics");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed (it comes with Debian's package prometheus)");
    let mut input = promtool.stdin.take().unwrap();
    let feed = thread::spawn(move || input.write_all(text.as_bytes()));
    let checked = promtool.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    let complaints = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success() && complaints.is_empty(), "{}", String::from_utf8_lossy(&complaints));

    let prometheus = Prometheus::scraping(program.address(), "");
    prometheus.until("up", 1.0);
    // One in time of three that were judged.
    let level = prometheus.until(
        "holdline_service_level_ratio{queue=\"billing\",window=\"5m\",measure=\"wait\",formula=\"offered\"}",
        1.0 / 3.0,
    );
    assert_eq!((&level["channel"], &level["tier"]), (&"voice".into(), &"standard".into()));
    prometheus.until("holdline_partitions_caught_up", 2.0);
    let odd = prometheus.until("holdline_contacts_waiting{queue!=\"billing\"}", 1.0);
    assert_eq!(odd["queue"], "a \"b\"\\c\nd");
    prometheus.until("sum(holdline_window_offered{window=\"5m\",measure=\"wait\"})", 5.0);
    prometheus.until("holdline_events_total", 9.0);
}

#[test]
fn native_histograms_are_exact_to_their_buckets_and_exemplars_name_the_tail() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "native", 2);
    let program = Program::start(&config(&cluster.bootstrap(), "native", "native", &[]));
    program.until("ready", |scrape| scrape.withheld().is_empty());
    // What is counted is what comes from now on: waits of half a second to 100 s.
    let begun = seconds_ago(140);
    let wait_ms = |number: u64| 500 * number;
    for number in 1..=200_u64 {
        let contact = format!("n{number:03}");
        records.tell(0, &contact, begun, &offered("billing"));
        records.tell(0, &contact, begun + wait_ms(number), ANSWERED);
    }
    records.flush();
    program.until("all are counted", |scrape| scrape.sum("holdline_wait_seconds_count", &[]) == 200.0);

    // From one bound to the next it is this far.
    let factor = 2_f64.powf(0.125);
    let native = Prometheus::scraping(program.address(), "native-histograms");
    native.until("histogram_count(holdline_wait_seconds{outcome=\"answered\"})", 200.0);
    native.until("histogram_sum(holdline_wait_seconds{outcome=\"answered\"})", 10_050.0);
    for (rank, exact) in [(0.5, 50.0), (0.9, 90.0), (0.95, 95.0), (0.99, 99.0)] {
        let query = format!("histogram_quantile({rank}, holdline_wait_seconds{{outcome=\"answered\"}})");
        let [(_, estimate)] = native.query(&query)[..] else { panic!("{query}") };
        assert!(estimate <= exact * factor && estimate >= exact / factor, "{query}: {estimate} instead of {exact}");
    }
    // Classic buckets of a family are not taken beside native ones.
    assert_eq!(native.query("holdline_wait_seconds_bucket"), []);

    let exemplars = Prometheus::scraping(program.address(), "exemplar-storage");
    let bucket = "holdline_wait_seconds_bucket{outcome=\"answered\",le=\"120.0\"}";
    let found = until("exemplars", String::new, || Some(exemplars.exemplars(bucket)).filter(|found| !found.is_empty()));
    assert_eq!(found, [("n200".to_owned(), 100.0)]);
    exemplars.until("holdline_wait_seconds_bucket{outcome=\"answered\",le=\"20.0\"}", 40.0);
}
