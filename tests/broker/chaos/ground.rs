//! Where checkpoints are kept, and how they are damaged there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use holdline::clock;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};

use crate::checkpoints::Folder;
use crate::cluster::Cluster;
use crate::program::PATIENCE;

use super::plan::{Damage, Dice};

/// A place for checkpoints.
pub enum Ground {
    /// A folder on the disk of this machine.
    Folder(Folder),
    /// A folder on a disk of its own, that can be filled.
    SmallDisk(SmallDisk),
    /// A topic.
    Topic(String),
}

/// The names of both stores.
pub const STORES: [&str; 2] = ["folder", "topic"];

impl Ground {
    /// The store of this name for one act.
    pub fn of(store: &str, act: &str) -> Ground {
        match store {
            "folder" => Ground::Folder(Folder::new(act)),
            _ => Ground::Topic(format!("{act}-checkpoints")),
        }
    }

    /// The name of the store.
    pub fn store(&self) -> &'static str {
        if matches!(self, Ground::Topic(_)) { "topic" } else { "folder" }
    }

    /// As a line of the configuration.
    pub fn line(&self) -> String {
        match self {
            Ground::Folder(folder) => format!("checkpoint.folder = \"{}\"", folder.0.display()),
            Ground::SmallDisk(disk) => format!("checkpoint.folder = \"{}\"", disk.path.display()),
            Ground::Topic(topic) => format!("checkpoint.topic = \"{topic}\""),
        }
    }

    /// By way of which command a program sees it.
    pub fn way(&self) -> Vec<String> {
        if let Ground::SmallDisk(disk) = self { disk.way() } else { Vec::new() }
    }

    /// Damages a checkpoint of each partition that has at least two, while nobody writes. How many were damaged, and how
    /// many of those have to be refused by name: what is not there is refused by nobody.
    pub fn damage(&self, cluster: &Cluster, damage: Damage, dice: &mut Dice) -> (usize, usize) {
        let damaged = match self {
            Ground::Folder(folder) => damage_files(&folder.0, damage, dice),
            Ground::SmallDisk(disk) => damage_files(&disk.seen_from_here(), damage, dice),
            Ground::Topic(topic) => Kept::in_topic(cluster, topic).damage(damage, dice),
        };
        // A file that is gone is not known of; a chunk that is, is.
        let is_told = damage != Damage::Missing || matches!(self, Ground::Topic(_));
        (damaged, if is_told { damaged } else { 0 })
    }
}

fn spoilt(mut bytes: Vec<u8>, damage: Damage, dice: &mut Dice) -> Vec<u8> {
    match damage {
        Damage::Torn => bytes.truncate(bytes.len() / 2),
        Damage::Flipped => {
            // Behind what tells what it is and of which version, so that the hash has to tell.
            let place = 16 + dice.below(bytes.len() as u64 - 16) as usize;
            bytes[place] ^= 1 << dice.below(8);
        }
        Damage::Noise | Damage::Missing => bytes = (0..1_000).map(|_| dice.below(256) as u8).collect(),
    }
    bytes
}

fn damage_files(root: &Path, damage: Damage, dice: &mut Dice) -> usize {
    let mut of_partitions: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for file in Folder::files_below(root) {
        let partition = file.parent().expect("it is in a folder").to_owned();
        of_partitions.entry(partition).or_default().push(file);
    }
    of_partitions.retain(|_, files| files.len() >= 2);
    for files in of_partitions.values() {
        let newest = files.last().expect("there are two");
        let bytes = spoilt(fs::read(newest).expect("it is there"), damage, dice);
        match damage {
            Damage::Torn | Damage::Flipped => fs::write(newest, bytes).expect("there is room"),
            Damage::Missing => fs::remove_file(newest).expect("it is ours"),
            Damage::Noise => {
                let (offset, _) = name_of(newest).split_once('.').expect("the name begins with the offset");
                let later = newest.with_file_name(format!("{offset}.{LATER}.checkpoint"));
                fs::write(later, bytes).expect("there is room");
            }
        }
    }
    of_partitions.len()
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("names are plain")
}

/// A writer who wrote noise after all others.
const LATER: &str = "z.ffffffffffffffff";

/// What a topic of checkpoints holds.
struct Kept<'c> {
    cluster: &'c Cluster,
    topic: String,
    /// By key: partition and bytes.
    records: BTreeMap<String, (i32, Vec<u8>)>,
}

impl<'c> Kept<'c> {
    fn in_topic(cluster: &'c Cluster, topic: &str) -> Kept<'c> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap())
            .set("group.id", "chaos-checkpoints")
            .set("enable.partition.eof", "true")
            .create()
            .expect("the options are right");
        let begin = clock::monotonic();
        let partitions = loop {
            match consumer.fetch_metadata(Some(topic), Duration::from_secs(5)) {
                Ok(metadata) => break metadata.topics()[0].partitions().len(),
                // A broker is away.
                Err(error) => assert!(begin.elapsed() < PATIENCE, "{error}"),
            }
        };
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition as i32, Offset::Beginning).expect("it is named once");
        }
        consumer.assign(&list).expect("it can be read");
        let (mut records, mut ended) = (BTreeMap::new(), 0);
        while ended < partitions {
            assert!(begin.elapsed() < PATIENCE, "{topic} cannot be read");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let key =
                        String::from_utf8(message.key().expect("all have keys").to_vec()).expect("keys are plain");
                    match message.payload() {
                        Some(payload) => records.insert(key, (message.partition(), payload.to_vec())),
                        None => records.remove(&key),
                    };
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                // Of brokers that are away.
                _ => {}
            }
        }
        Kept { cluster, topic: topic.to_owned(), records }
    }

    /// Keys are topic, its id, partition, offset, writer, and which part it is.
    fn damage(&self, damage: Damage, dice: &mut Dice) -> usize {
        let mut of_partitions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for key in self.records.keys().filter_map(|key| key.strip_suffix("/manifest")) {
            let place = key.rsplitn(3, '/').last().expect("a key has its place");
            of_partitions.entry(place).or_default().push(key);
        }
        of_partitions.retain(|_, names| names.len() >= 2);
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap())
            .create()
            .expect("the options are right");
        for names in of_partitions.values() {
            let newest = names.last().expect("there are two");
            let chunk = format!("{newest}/000000");
            let (partition, bytes) = &self.records[&chunk];
            let send = |key: &str, payload: Option<&[u8]>| {
                let mut record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&self.topic).partition(*partition).key(key);
                record.payload = payload;
                producer.send(record).map_err(|(error, _)| error).expect("there is room");
            };
            let spoilt = spoilt(bytes.clone(), damage, dice);
            match damage {
                Damage::Torn | Damage::Flipped => send(&chunk, Some(&spoilt)),
                Damage::Missing => send(&chunk, None),
                Damage::Noise => {
                    let (offset, _) = newest.rsplit_once('/').expect("a key has its writer");
                    send(&format!("{offset}/{LATER}/000000"), Some(&spoilt));
                    // One chunk, whatever its hash.
                    send(&format!("{offset}/{LATER}/manifest"), Some(&[1, 0]));
                }
            }
        }
        producer.flush(PATIENCE).expect("a broker takes them");
        of_partitions.len()
    }
}

/// A file system in memory, that only programs see which are started by way of it. It takes no rights but to make
/// namespaces.
pub struct SmallDisk {
    holder: Child,
    path: PathBuf,
}

/// How much there is room for.
const SIZE: &str = "8m";

/// Mounts it at `$0` in a namespace of its own, says so, and stays.
const HOLDER: &str = r#"mount -t tmpfs -o size="$1" tmpfs "$0" && echo mounted && exec cat"#;

impl SmallDisk {
    /// An empty one.
    pub fn new(name: &str) -> SmallDisk {
        let path = std::env::temp_dir().join(format!("holdline-small-disk-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for temporary files");
        let mut holder = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", HOLDER])
            .arg(&path)
            .arg(SIZE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare can be run");
        let mut said = String::new();
        let read = BufReader::new(holder.stdout.take().expect("it is piped")).read_line(&mut said);
        let disk = SmallDisk { holder, path };
        assert!(
            read.is_ok() && said == "mounted\n",
            "no disk can be made that could be filled: this takes user namespaces (unshare --map-root-user --mount)"
        );
        disk
    }

    fn way(&self) -> Vec<String> {
        let holder = self.holder.id().to_string();
        ["nsenter", "--target", &holder, "--user", "--mount", "--preserve-credentials"].map(str::to_owned).to_vec()
    }

    /// The same folder by a path that is good outside of its namespace.
    fn seen_from_here(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.path.strip_prefix("/").expect("the folder for temporary files has a whole path"))
    }

    fn ballast(&self) -> PathBuf {
        self.seen_from_here().join("ballast")
    }

    /// Leaves no room.
    pub fn fill(&self) {
        let mut file = File::create(self.ballast()).expect("the disk is there");
        while file.write_all(&[7; 4_096]).is_ok() {}
    }

    /// Makes room again.
    pub fn make_room(&self) {
        fs::remove_file(self.ballast()).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It is gone with the last that is in its namespace.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let _ = fs::remove_dir(&self.path);
    }
}
