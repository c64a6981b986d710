//! From what was typed to what is usable, as `usable`, for the service around the engine: Kafka, HTTP, metrics, logs.
//!
//! A key that is not written takes the default of its type in `service`. The properties of the Kafka client are in
//! `options`.

use std::num::NonZero;
use std::path::Path;

use super::duration::LONGEST_MS;
use super::options;
use super::outliers;
use super::planning::{self, Staffing, Surge};
use super::reading::{Reading, Spot};
use super::section::Section;
use super::service::{Checkpoint, CheckpointStore, Formulas, Http, Kafka, Log, LogFormat, Metrics, Outliers};
use super::understand::{choice, duration, truth, whole};
use super::understand_service::{address, broker, filter, group, kafka_name, path};
use super::web::{self, Web};
use crate::engine::board::GroupBy;
use crate::engine::settings::SlotWidths;

/// The longest delay of the live view: what comes later than that is better told as late.
const LONGEST_DELAY_MS: u64 = 300_000;

/// Writing more often would cost more than reading again.
const SHORTEST_CHECKPOINT_MS: u64 = 1_000;

/// Whoever writes less often reads half a day again.
const LONGEST_CHECKPOINT_MS: u64 = 43_200_000;

/// More threads than any machine for this has cores.
const MOST_WORKERS: u64 = 256;

/// More lines of one kind than anybody wants in a second.
const MOST_LINES: u64 = 100_000;

/// A way in which lanes can be told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Queue,
    Channel,
    Tier,
}

/// What the document says of the service.
pub(super) struct Service {
    pub kafka: Kafka,
    pub checkpoint: Checkpoint,
    pub http: Http,
    pub metrics: Metrics,
    pub outliers: Outliers,
    pub surge: Surge,
    pub staffing: Staffing,
    pub log: Log,
}

/// What the document says of the service; relative paths are taken from `folder`. Keys are asked for in the order of the
/// reference, in which messages list them.
pub(super) fn read(document: &mut Section<'_>, folder: &Path, slots: SlotWidths) -> Service {
    let kafka = document.section("kafka", kafka);
    let checkpoint = document.section("checkpoint", |section| checkpoint(section, folder));
    let place_of = |name: &String| match &checkpoint.store {
        _ if kafka.topics.contains(name) => Some("one of kafka.topics"),
        _ if kafka.dead_letters.as_ref() == Some(name) => Some("kafka.dead_letters"),
        Some(CheckpointStore::Topic(topic)) if topic == name => Some("checkpoint.topic"),
        _ => None,
    };
    let calendars = document.names_below("calendar");
    let http = document.section("http", |section| http(section, folder));
    let metrics = document.section("metrics", metrics);
    let outliers = document.section("outliers", |section| outliers::read(section, place_of));
    let place_beside_outliers =
        |name: &String| place_of(name).or((outliers.topic.as_ref() == Some(name)).then_some("outliers.topic"));
    Service {
        surge: document
            .section("surge", |section| planning::surge(section, folder, slots, &calendars, place_beside_outliers)),
        staffing: document.section("staffing", planning::staffing),
        log: document.section("log", log),
        kafka,
        checkpoint,
        http,
        metrics,
        outliers,
    }
}

/// Of what [`read`] reads, only what a plan is made of; the rest is left alone.
pub(super) fn read_plan(document: &mut Section<'_>, folder: &Path, slots: SlotWidths) -> (Surge, Staffing) {
    for key in ["kafka", "checkpoint", "http", "metrics", "outliers", "log"] {
        document.pass_over(key);
    }
    let calendars = document.names_below("calendar");
    let surge = document.section("surge", |section| planning::surge(section, folder, slots, &calendars, |_| None));
    (surge, document.section("staffing", planning::staffing))
}

/// Leaves alone what [`read`] reads.
pub(super) fn pass_over(document: &mut Section<'_>) {
    for key in ["kafka", "checkpoint", "http", "metrics", "outliers", "surge", "staffing", "log"] {
        document.pass_over(key);
    }
}

fn kafka(section: &mut Section<'_>) -> Kafka {
    let usual = Kafka::default();
    let brokers = section.read_list_or_text("brokers", r#""127.0.0.1:9092" or ["a:9092", "b:9092"]"#, broker);
    if let Reading::Usable(list, spot) = &brokers
        && list.is_empty()
    {
        section.refuse(spot, "is empty: name at least one broker, as in \"127.0.0.1:9092\"".to_owned());
    }
    let topics = section.read_list_or_text("topics", r#"["support-events"]"#, kafka_name);
    if let Reading::Usable(list, _) = &topics {
        refuse_repetition(section, list);
    }
    let group = section.read("group", group);
    let instance = section.read("instance", kafka_name);
    let look_back = section.read("look_back", duration(0..=LONGEST_MS));
    let workers = section.read("workers", whole(1..=MOST_WORKERS));
    let dead_letters = section.read("dead_letters", kafka_name);
    if let (Reading::Usable(topic, spot), Reading::Usable(list, _)) = (&dead_letters, &topics)
        && list.iter().any(|(read, _)| read == topic)
    {
        let message =
            format!("\"{topic}\" is one of kafka.topics: what is no event there would come again: name another one");
        section.refuse(spot, message);
    }
    Kafka {
        brokers: brokers.value().map_or(usual.brokers, |list| plain(list).join(",")),
        topics: topics.value().map_or(usual.topics, plain),
        group: group.or(usual.group),
        instance: instance.value(),
        look_back_ms: look_back.value(),
        workers: workers.value().and_then(|number| usize::try_from(number).ok()).and_then(NonZero::new),
        dead_letters: dead_letters.value(),
        options: options::read(section),
    }
}

fn checkpoint(section: &mut Section<'_>, beside: &Path) -> Checkpoint {
    let folder = section.read("folder", |value| path(value).map(|path| beside.join(path)));
    let topic = section.read("topic", kafka_name);
    let every = section.read("every", duration(SHORTEST_CHECKPOINT_MS..=LONGEST_CHECKPOINT_MS));
    if let (Reading::Usable(..), Reading::Usable(_, spot)) = (&folder, &topic) {
        let spot = spot.clone();
        section.refuse(&spot, "is set beside checkpoint.folder: keep one of them".to_owned());
    }
    let store = folder.value().map(CheckpointStore::Folder).or(topic.value().map(CheckpointStore::Topic));
    Checkpoint { store, every_ms: every.or(Checkpoint::default().every_ms) }
}

fn http(section: &mut Section<'_>, folder: &Path) -> Http {
    let listen = section.read("listen", address).or(Http::default().listen);
    let web = match section.read("web_config", path) {
        Reading::Usable(file, spot) => {
            let file = folder.join(file);
            let loaded = web::load(&file);
            loaded.map_err(|complaint| section.refuse(&spot, format!("{}: {complaint}", file.display())))
        }
        Reading::Absent | Reading::Refused => Ok(Web::default()),
    };
    Http { listen, web: web.unwrap_or_default() }
}

fn metrics(section: &mut Section<'_>) -> Metrics {
    let usual = Metrics::default();
    let label = choice("label", &["queue", "channel", "tier"], |text| match text {
        "queue" => Some(Label::Queue),
        "channel" => Some(Label::Channel),
        "tier" => Some(Label::Tier),
        _ => None,
    });
    let by = section.read_list("by", r#"["queue", "channel"]"#, |value| {
        label(value).map(|label| (value.text().unwrap_or_default().to_owned(), label))
    });
    if let Reading::Usable(list, _) = &by {
        let names: Vec<(String, Spot)> = list.iter().map(|((name, _), spot)| (name.clone(), spot.clone())).collect();
        refuse_repetition(section, &names);
    }
    let by = by.value().map(|list| {
        let has = |wanted| list.iter().any(|((_, label), _)| *label == wanted);
        GroupBy { queue: has(Label::Queue), channel: has(Label::Channel), tier: has(Label::Tier) }
    });
    let formulas = choice("choice of formulas", &["headline", "all"], |text| match text {
        "headline" => Some(Formulas::Headline),
        "all" => Some(Formulas::All),
        _ => None,
    });
    Metrics {
        by: by.unwrap_or(usual.by),
        formulas: section.read("formulas", formulas).or(usual.formulas),
        delay_ms: section.read("delay", duration(0..=LONGEST_DELAY_MS)).or(usual.delay_ms),
        exemplars: section.read("exemplars", truth).or(usual.exemplars),
    }
}

fn log(section: &mut Section<'_>) -> Log {
    let usual = Log::default();
    let format = choice("format", &["text", "json"], |text| match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    });
    let filter = section.read("filter", filter).or(usual.filter);
    let format = section.read("format", format).or(usual.format);
    let lines = section.read("lines_per_second", whole(1..=MOST_LINES)).value();
    let lines = lines.and_then(|number| u32::try_from(number).ok()).and_then(NonZero::new);
    Log { filter, format, lines_per_second: lines.unwrap_or(usual.lines_per_second) }
}

fn refuse_repetition(section: &mut Section<'_>, names: &[(String, Spot)]) {
    for (index, (name, spot)) in names.iter().enumerate() {
        if names[..index].iter().any(|(before, _)| before == name) {
            section.refuse(spot, format!("\"{name}\" is listed twice: list each once"));
        }
    }
}

fn plain<T>(list: Vec<(T, Spot)>) -> Vec<T> {
    list.into_iter().map(|(item, _)| item).collect()
}
