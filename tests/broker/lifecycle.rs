//! How the program starts and ends, in good order and otherwise.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use holdline::clock;

use crate::cluster::Cluster;
use crate::program::{Program, SetOnDrop, config};
use crate::records::{ANSWERED, Records, now_ms, offered, seconds_ago};
use crate::scrape::Scrape;

/// An end in good order takes a fraction of a second; this is longer than any busy machine delays it, and shorter than
/// what supervisors wait before they kill.
const LONGEST_END: Duration = Duration::from_secs(20);

#[test]
fn brokers_that_cannot_be_reached_are_tried_until_they_come() {
    let cluster = Cluster::start(&[]);
    let records = Records::new(&cluster, "unreachable", 1);
    let at = seconds_ago(60);
    records.tell(0, "u1", at, &offered("billing"));
    records.tell(0, "u1", at + 5_000, ANSWERED);
    records.flush();
    cluster.each_node("halt");

    let brokers = cluster.bootstrap();
    let goes_on = Program::start(&config(&brokers, "unreachable", "goes-on", &[]));
    let mut gives_up = Program::start(&config(&brokers, "unreachable", "gives-up", &[]));
    for program in [&goes_on, &gives_up] {
        program.until_withheld(&["broker silent: ", &brokers, "reached"]);
        program.until_logged(&[&brokers, "reached"]);
        assert_eq!(program.page("/healthz"), (200, "ok\n".to_owned()));
        assert_eq!(program.scrape().count("holdline_window_offered", &[]), 0);
    }
    ends_well(&mut gives_up, "TERM");

    cluster.each_node("resume");
    goes_on.until_ready().expect(&[
        ("holdline_events_total", &[], Some(2.0)),
        ("holdline_window_answered_within", &[("window", "5m"), ("measure", "wait")], Some(1.0)),
    ]);
}

#[test]
fn a_port_in_use_ends_it_before_it_joins_the_group() {
    let cluster = Cluster::shared();
    cluster.create_topic("in-use", 1);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let listen = format!("http.listen = \"127.0.0.1:{port}\"");
    let config = |more: &[&str]| config(&cluster.bootstrap(), "in-use", "in-use", more);

    let first = Program::start(&config(&[]));
    let before = first.until_ready();
    let mut second = Program::start(&config(&[&listen]));
    let (code, log) = second.end();
    assert_eq!(code, Some(1), "{log}");
    let told = format!("127.0.0.1:{port} is in use by another program");
    assert!(log.contains(&told) && log.contains("http.listen"), "{log}");
    assert_eq!(cluster.members("in-use").len(), 1);
    let rebalances = |scrape: &crate::scrape::Scrape| scrape.value("holdline_rebalances_total", &[]);
    assert_eq!(rebalances(&first.scrape()), rebalances(&before), "the first one was left alone");
}

#[test]
fn it_ends_when_told_while_busy_and_leaves_the_group() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "busy", 4);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Some thousand events a second, for as long as it takes.
            let mut number = 0_u64;
            while !over.load(Ordering::Relaxed) {
                for _ in 0..100 {
                    let partition = i32::try_from(number % 4).unwrap();
                    records.tell(partition, &format!("busy-{number}"), now_ms(), &offered("billing"));
                    number += 1;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let _over = SetOnDrop(&over);
        for signal in ["TERM", "INT"] {
            let mut program = Program::start(&config(&cluster.bootstrap(), "busy", "busy", &[]));
            let scrape = program.until_ready();
            let events = |scrape: &crate::scrape::Scrape| scrape.value("holdline_events_total", &[]).unwrap();
            program.until("it is busy", |now| events(now) > events(&scrape));
            ends_well(&mut program, signal);
            assert!(program.log().contains(&format!("told to end by SIG{signal}")));
            assert_eq!(cluster.members("busy"), [""; 0], "it left the group");
        }
    });
}

fn ends_well(program: &mut Program, signal: &str) {
    let begin = clock::monotonic();
    program.signal(signal);
    let (code, log) = program.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(begin.elapsed() < LONGEST_END, "it took {:?} to end", begin.elapsed());
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_configuration_that_makes_no_sense_is_exit_code_2() {
    for (more, told) in [
        ("kafka.topics = []", "kafka.topics is missing"),
        ("service.goal = 7", "service.goal"),
        ("kafka.options.sasl.pasword = \"x\"", "sasl.pasword"),
        ("kafka.tpoics = [\"x\"]", "kafka.tpoics"),
    ] {
        // Nobody listens there, and nobody is asked.
        let mut program = Program::start(&config("127.0.0.1:1", "any", "any", &[more]));
        let (code, log) = program.end();
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(told), "{log}");
        assert!(!log.contains("listening"), "{log}");
    }
}

/// Other promises hold once the file says so and the process is told; a file with mistakes, and one that changes what cannot
/// change, change nothing and are told.
#[test]
fn the_configuration_is_loaded_again() {
    let cluster = Cluster::shared();
    let records = Records::new(cluster, "reloaded", 1);
    let folder = tempfile::tempdir().unwrap();
    let store = format!("checkpoint.folder = {:?}", folder.path().to_str().unwrap());
    let lines = ["service.goal = 0.8", &store, "checkpoint.every = \"1s\""];
    let usual = config(&cluster.bootstrap(), "reloaded", "reloaded", &lines);
    let mut program = Program::start(&usual);
    program.until_ready();
    let offer = |contact: &str| {
        records.tell(0, contact, now_ms(), &offered("billing"));
        records.flush();
    };
    offer("one");
    let goal = |goal: f64| {
        move |scrape: &Scrape| scrape.value("holdline_service_level_goal_ratio", &[("measure", "wait")]) == Some(goal)
    };
    program.until("the goal of the start", goal(0.8));
    let is_told = |applied: f64, refused: f64| {
        move |scrape: &Scrape| {
            let told = |result| scrape.value("holdline_config_reloads_total", &[("result", result)]).unwrap_or(0.0);
            (told("applied"), told("refused")) == (applied, refused)
        }
    };
    let last = |scrape: &Scrape| scrape.value("holdline_config_last_reload_successful", &[]);

    program.write_config(&usual.replace("0.8", "0.9"));
    program.signal("HUP");
    let scrape = program.until("it was loaded", is_told(1.0, 0.0));
    assert_eq!(last(&scrape), Some(1.0));
    program.until("the goal of the file", goal(0.9));

    program.write_config(&usual.replace("0.8", "\"high\""));
    program.signal("HUP");
    let scrape = program.until("a mistake is refused", is_told(1.0, 1.0));
    assert_eq!(last(&scrape), Some(0.0));
    program.until_logged(&["stays as it was", "service.goal"]);

    program.write_config(&usual.replace("0.8", "0.7").replace("group = \"reloaded\"", "group = \"other\""));
    let (status, said) = program.post("/-/reload");
    assert!(status == 500 && said.contains("kafka cannot change while the service runs"), "{status} {said}");
    goal(0.9)(&program.scrape()).then_some(()).expect("nothing has changed");

    program.write_config(&(usual.replace("0.8", "0.7") + "log.filter = \"debug,librdkafka=off\"\n"));
    assert_eq!(program.post("/-/reload"), (200, "loaded again\n".to_owned()));
    program.until("the goal of the file", goal(0.7));
    assert!(last(&program.scrape()) == Some(1.0));
    assert!(!program.log().contains("DEBUG"), "nothing was to be told so far");
    offer("two");
    program.until_logged(&["DEBUG", "checkpoint"]);
    program.stop();
}
