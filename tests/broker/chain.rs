//! From a customer who waits to whoever is woken: a made-up centre, Kafka, the service, Prometheus with the rules and
//! Alertmanager with the routes that are shipped, and a receiver. They take their own time, so these tests take minutes.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use holdline::clock;
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::monitoring::{ALERT_PATIENCE, Alertmanager, Prometheus, Receiver, shipped};
use crate::program::{Program, until, until_within};
use crate::records::{ANSWERED, Records, offered, seconds_ago};

/// What the centre opens with, in minutes after midnight: the desks have been open for three minutes.
const OPENED: u64 = 8 * 60 + 3;

/// Everything but the brokers.
struct Chain<'c> {
    cluster: &'c Cluster,
    topic: &'static str,
    program: Program,
    prometheus: Prometheus,
    alertmanager: Alertmanager,
    receiver: Receiver,
    _folder: TempDir,
}

impl<'c> Chain<'c> {
    /// Starts all of it, with the configuration that is shipped for Compose. Prometheus comes when the service has read
    /// what there was.
    fn start(cluster: &'c Cluster, topic: &'static str, centre: impl FnOnce()) -> Chain<'c> {
        let folder = tempfile::tempdir().unwrap();
        let dead_letters = format!("{topic}-rejected");
        cluster.create_topic(topic, 3);
        cluster.create_topic(&dead_letters, 1);
        centre();
        // The calendar says that somebody should be there, for what has no history to go by.
        let config = shipped(
            "compose/holdline.toml",
            &[
                ("kafka:9092", &cluster.bootstrap()),
                ("support-events-rejected", &dead_letters),
                ("\"support-events\"", &format!("\"{topic}\"")),
                ("instance = \"holdline-1\"", &format!("instance = \"{topic}\"\ngroup = \"{topic}\"")),
                ("/var/lib/holdline", folder.path().to_str().unwrap()),
                ("0.0.0.0:9847", "127.0.0.1:0"),
                ("[service]\n", "[service]\ncalendar = \"always\"\n"),
            ],
        );
        let always = "\n[calendar.always]\nzone = \"UTC\"\nweekend = []\nhours = [\"00:00-24:00\"]\n";
        let program = Program::start(&(config + always));
        program.until_ready();
        let receiver = Receiver::listening();
        let alertmanager = Alertmanager::telling(&receiver);
        let prometheus = Prometheus::as_shipped(program.address(), &alertmanager);
        Chain { cluster, topic, program, prometheus, alertmanager, receiver, _folder: folder }
    }

    fn records(&self) -> Records {
        Records::to(self.cluster, self.topic)
    }

    /// Waits until an alert of a queue fires, whether or not anybody is told.
    fn until_fires(&self, name: &str, queue: &str) {
        let query = format!("ALERTS{{alertname=\"{name}\",queue=\"{queue}\",alertstate=\"firing\"}}");
        let seen = || format!("{:?}", self.prometheus.query("ALERTS"));
        let look = || (!self.prometheus.query(&query).is_empty()).then_some(());
        until_within(ALERT_PATIENCE, &format!("{name} of {queue} fires"), seen, look);
    }

    /// Waits until nobody is told of an alert of a queue because of others: their names.
    fn until_inhibited(&self, name: &str, queue: &str) -> Vec<String> {
        let seen = || format!("{:#?}", self.receiver.told());
        let look = || self.alertmanager.inhibiting(name, queue);
        until_within(ALERT_PATIENCE, &format!("{name} of {queue} is inhibited"), seen, look)
    }

    /// Nobody was woken about this queue after that instant.
    fn expect_no_page(&self, queue: &str, after: Instant) {
        let told = self.receiver.told();
        let pages = told.iter().filter(|told| told.receiver == "pages" && told.begun && told.queue == queue);
        let late: Vec<_> = pages.filter(|told| told.at > after).collect();
        assert!(late.is_empty(), "{late:#?}");
    }
}

/// A made-up centre that tells its events as they happen; killed when it is dropped.
struct Centre(Child);

impl Centre {
    fn live(cluster: &Cluster, topic: &str, load: u64, more: &[String]) -> Centre {
        let child = Command::new(env!("CARGO_BIN_EXE_holdline"))
            .args(["simulate", "--live", "--from=2026-03-17", "--outages=0"])
            .arg(format!("--brokers={}", cluster.bootstrap()))
            .args([format!("--topic={topic}"), format!("--history={OPENED}m"), format!("--load={load}")])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program can be run");
        Centre(child)
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_starved_queue_wakes_somebody_and_three_bad_calls_at_night_do_not() {
    let cluster = Cluster::shared();
    // All agents leave the queue a minute after the start.
    let outage = format!("--outage=billing:{}m:30m", OPENED + 1);
    let mut centre = None;
    let opened = clock::monotonic();
    let chain = Chain::start(cluster, "starved", || centre = Some(Centre::live(cluster, "starved", 3, &[outage])));
    // One after the other, each answered after 25 s: not one of them in time.
    let night = seconds_ago(150);
    let records = chain.records();
    for (number, at) in [night, night + 40_000, night + 80_000].into_iter().enumerate() {
        let contact = format!("night-{number}");
        records.tell(0, &contact, at, &offered("night"));
        records.tell(0, &contact, at + 25_000, ANSWERED);
    }
    records.flush();

    let over_target = [("queue", "billing"), ("channel", "voice"), ("tier", "standard")];
    thread::sleep(Duration::from_secs(60).saturating_sub(opened.elapsed()));
    chain.program.until("somebody waits beyond the target", |scrape| {
        scrape.sum("holdline_contacts_waiting_over_target", &over_target) > 0.0
    });
    let missed = clock::monotonic();
    let breached = [("queue", "billing"), ("channel", "voice"), ("tier", "standard"), ("measure", "wait")];
    let seen = || chain.program.page("/metrics").1;
    let look = || (chain.program.scrape().sum("holdline_service_level_breached", &breached) == 1.0).then_some(());
    until_within(ALERT_PATIENCE, "the promise is seen to be broken", seen, look);
    let known = missed.elapsed();
    let page = chain.receiver.until_paged("ServiceLevelBreach", "billing");
    println!("first missed target -> breach known after {known:.1?} -> page after {:.1?}", page.at - missed);
    assert!(page.summary.starts_with("billing, "), "{page:?}");
    assert!(page.at - missed < Duration::from_secs(300), "{:?}", page.at - missed);

    // Prometheus knows how bad the night was.
    let level = "min(lane_window:holdline_service_level:ratio{queue=\"night\",measure=\"wait\",window=\"30m\"})";
    chain.prometheus.until(level, 0.0);
    chain.prometheus.until("count(ALERTS{queue=\"night\",severity=\"page\"}) or vector(0)", 0.0);
    assert!(chain.receiver.told().iter().all(|told| told.queue != "night"), "{:#?}", chain.receiver.told());
}

#[test]
fn a_silent_source_wakes_somebody_for_itself_and_for_no_queue() {
    let cluster = Cluster::shared();
    let mut centre = None;
    let chain = Chain::start(cluster, "unplugged", || centre = Some(Centre::live(cluster, "unplugged", 20, &[])));
    // Enough that its end is no accident.
    let usual = "sum(job_topic:holdline_events:increase10m{topic=\"unplugged\"}) > bool 1500";
    chain.prometheus.until(usual, 1.0);

    // Three who call where hardly anybody calls.
    let records = chain.records();
    for contact in ["lonely-1", "lonely-2", "lonely-3"] {
        records.tell(0, contact, seconds_ago(0), &offered("lonely"));
    }
    records.flush();
    drop(centre.take());
    let silent = clock::monotonic();
    let page = chain.receiver.until_paged("SourceSilent", "");
    println!("silent -> page after {:.1?}", page.at - silent);
    // They seem to wait on.
    chain.until_fires("ServiceLevelBreach", "lonely");
    assert_eq!(chain.until_inhibited("ServiceLevelBreach", "lonely"), ["SourceSilent"]);
    // Longer than what is routed waits for others.
    thread::sleep(Duration::from_secs(15));
    chain.expect_no_page("lonely", silent);
}

#[test]
fn a_stalled_consumer_wakes_somebody_for_itself_and_for_no_queue() {
    let cluster = Cluster::start(&[]);
    // The queue is starved by the time somebody looks.
    let outage = format!("--outage=billing:{}m:60m", OPENED - 2);
    let mut centre = None;
    let chain = Chain::start(&cluster, "stalled", || centre = Some(Centre::live(&cluster, "stalled", 3, &[outage])));
    chain.receiver.until_paged("ServiceLevelBreach", "billing");
    // It takes a little longer to fire; what is about to be told when the brokers freeze may still be.
    chain.receiver.until_paged("ServiceLevelFastBurn", "billing");

    cluster.each_node("freeze");
    let stalled = clock::monotonic();
    let page = chain.receiver.until_paged("HoldlineNotCaughtUp", "");
    println!("stalled -> page after {:.1?}", page.at - stalled);
    assert_eq!(chain.until_inhibited("ServiceLevelBreach", "billing"), ["HoldlineNotCaughtUp"]);
    chain.expect_no_page("billing", stalled);
    until("lanes are withheld", String::new, || (!chain.program.scrape().withheld().is_empty()).then_some(()));
    cluster.each_node("thaw");
}
