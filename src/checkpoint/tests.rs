//! Checkpoints in a folder: kept, refused, cleared.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::shelf::{Found, Shelf};
use super::*;
use crate::engine::codec::DecodeError;
use crate::engine::settings::Settings;
use crate::engine::shard::{Keep, Shard};
use crate::event::EventTime;
use crate::event::decode::decode;

/// A folder of its own, removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Temporary {
        let folder = std::env::temp_dir().join(format!("holdline-shelf-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Temporary(folder)
    }

    fn shelf(&self) -> Shelf {
        Shelf::new(Box::new(Folder::open(&self.0).unwrap()))
    }

    /// Names of files below, those that are being written too.
    fn files(&self) -> Vec<String> {
        fn below(folder: &Path) -> Vec<String> {
            let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![name(&path)] }).collect()
        }
        let mut files = below(&self.0);
        files.sort();
        files
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn place(topic_id: &str, partition: i32) -> Place {
    Place { group: Arc::from("a"), topic: Arc::from("calls"), topic_id: Arc::from(topic_id), partition }
}

fn name(next_offset: i64) -> Name {
    let writer = Writer { instance: "wall-1".to_owned(), run: 0xbeef };
    Name { place: place("an_id", 3), next_offset, writer }
}

fn shard(calls: u64) -> Shard {
    let mut shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
    for call in 0..calls {
        let time = 1_700_000_000_000 + call * 1_000;
        let event = format!(r#"{{"type":"offered","contact_id":"c{call}","queue":"q","time":{time}}}"#);
        shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
    }
    shard
}

fn head() -> Head {
    let (topic, topic_id) = ("calls".to_owned(), "an_id".to_owned());
    let held = Holding { topic, topic_id, partition: 3, number: 9, counts_from: Some(12) };
    let ledger = Ledger { epoch: 7, held: vec![held], ..Ledger::default() };
    Head { partitions: 4, known_since_ms: 5, live_from: Some(2), ledger, ..Head::default() }
}

fn bytes(name: &Name) -> Vec<u8> {
    encode(name, head(), &shard(u64::try_from(name.next_offset).unwrap()).freeze())
}

fn keep(shelf: &Shelf, next_offset: i64) {
    shelf.keep(&name(next_offset), &bytes(&name(next_offset))).unwrap();
}

fn newest(shelf: &Shelf) -> Found<Shard> {
    shelf
        .newest(&place("an_id", 3), |_, checkpoint| Ok(Shard::decode(&checkpoint.state, &Settings::default())?))
        .unwrap()
}

fn offset_of(found: &Found<Shard>) -> Option<i64> {
    found.newest.as_ref().map(|(name, _)| name.next_offset)
}

#[test]
fn what_was_kept_is_found_again_as_it_was() {
    let folder = Temporary::new("again");
    keep(&folder.shelf(), 20);
    let found = newest(&folder.shelf());
    let (found_name, restored) = found.newest.unwrap();
    assert_eq!(found_name, name(20));
    assert_eq!(restored.encode(), shard(20).encode());
    let read = Checkpoint::decode(&bytes(&name(20)), &name(20)).unwrap();
    assert_eq!(read.head, head());
    // Of another partition, or another topic of the same name, there is nothing.
    for other in [place("an_id", 2), place("another", 3)] {
        assert!(folder.shelf().newest(&other, |_, _| Ok(())).unwrap().newest.is_none());
    }
}

#[test]
fn two_that_are_whole_are_kept_and_nothing_is_overwritten() {
    let folder = Temporary::new("two");
    let shelf = folder.shelf();
    for next_offset in [10, 9, 30, 20] {
        keep(&shelf, next_offset);
    }
    assert_eq!(offset_of(&newest(&shelf)), Some(30));
    assert_eq!(folder.files().len(), 2, "{:?}", folder.files());
    // A writer that was thought dead goes on with less than is there: what is above it stays.
    let zombie = Name { writer: Writer { instance: "wall-1".to_owned(), run: 0xdead }, ..name(15) };
    folder.shelf().keep(&zombie, &encode(&zombie, head(), &shard(15).freeze())).unwrap();
    assert_eq!(offset_of(&newest(&folder.shelf())), Some(30));
    assert_eq!(folder.files().len(), 3, "what was written last stays: {:?}", folder.files());
    keep(&shelf, 18);
    keep(&shelf, 16);
    let offsets: Vec<String> = folder.files().iter().map(|file| file[..20].to_owned()).collect();
    assert_eq!(offsets, [16, 20, 30].map(|offset| format!("{offset:020}")), "and goes with the next");
}

#[test]
fn of_two_at_one_offset_the_later_one_counts() {
    let folder = Temporary::new("tie");
    let at = |millis| Writer::next_run(0, EventTime::from_millis(millis).unwrap(), u64::MAX - millis);
    for (instance, millis) in [("b", 5_000), ("c", 6_000), ("a", 7_000), ("b", 8_000)] {
        let writer = Writer { instance: instance.to_owned(), run: at(millis) };
        let name = Name { writer, ..name(10) };
        folder.shelf().keep(&name, &encode(&name, head(), &shard(10).freeze())).unwrap();
        assert_eq!(newest(&folder.shelf()).newest.map(|(name, _)| name), Some(name));
    }
    assert_eq!(folder.files().len(), 2, "{:?}", folder.files());
}

#[test]
fn no_number_of_a_writing_comes_twice() {
    let at = |last, millis| Writer::next_run(last, EventTime::from_millis(millis).unwrap(), 7);
    let first = at(0, 5_000);
    assert!(at(first, 5_000) > first && at(first, 4_000) > first, "the clock stands still, or is set back");
    assert!(at(at(first, 4_000), 6_000) > at(0, 5_999), "and goes on");
}

#[test]
fn groups_are_told_apart() {
    assert_eq!(["calls-1_a", "a.b", "..", "a/b", "ä"].map(plain), ["calls-1_a", "a%2Eb", "%2E%2E", "a%2Fb", "%C3%A4"]);
}

#[test]
fn what_is_not_whole_counts_for_nothing() {
    let folder = Temporary::new("torn");
    let shelf = folder.shelf();
    keep(&shelf, 10);
    keep(&shelf, 20);
    let newer = folder.0.join(format!("a/calls/an_id/3/{:020}.wall-1.{:016x}.checkpoint", 30, 0xbeef));
    for (damage, why) in [
        (Vec::new(), Unusable::Foreign),
        (b"no checkpoint".to_vec(), Unusable::Foreign),
        (bytes(&name(30))[..40].to_vec(), Unusable::Damaged),
        (bytes(&name(31)), Unusable::Misplaced(name(31).to_string())),
    ] {
        fs::write(&newer, damage).unwrap();
        let found = newest(&folder.shelf());
        assert_eq!(offset_of(&found), Some(20));
        assert_eq!((found.refused[0].name.next_offset, &found.refused[0].why), (30, &why));
    }
    // Below two that are whole everything goes; above them what is broken stays for whoever wants to look at it.
    keep(&folder.shelf(), 25);
    let whole: Vec<String> = folder.files().iter().map(|file| file[..20].to_owned()).collect();
    assert_eq!(whole, [20, 25, 30].map(|offset| format!("{offset:020}")));
}

#[test]
fn bytes_that_were_changed_anywhere_are_refused() {
    let name = name(12);
    let bytes = bytes(&name);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(Checkpoint::decode(&flipped, &name).is_err(), "a bit of byte {at} was flipped");
        assert!(Checkpoint::decode(&bytes[..at], &name).is_err(), "cut before byte {at}");
    }
    let mut newer = bytes;
    newer[8] = 9;
    assert_eq!(Checkpoint::decode(&newer, &name), Err(Unusable::Version(9)));
}

#[test]
fn a_checkpoint_that_does_not_fit_is_passed_over_with_the_reason() {
    let folder = Temporary::new("fit");
    keep(&folder.shelf(), 10);
    keep(&folder.shelf(), 20);
    let shelf = folder.shelf();
    let found = shelf.newest(&place("an_id", 3), |name, _| match name.next_offset {
        20 => Err(Unusable::CutOff { end: 15 }),
        _ => Ok(()),
    });
    let found = found.unwrap();
    assert!(found.seems_cut_off() && found.newest.is_some());
    // Once records after one are gone, so are those after an older one.
    let found = shelf.newest::<()>(&place("an_id", 3), |_, _| Err(Unusable::Outlived { oldest: 50 })).unwrap();
    assert_eq!((found.newest.is_none(), found.refused.len()), (true, 1));
    let other = Settings {
        slots: crate::engine::settings::SlotWidths { fine_ms: 20_000, coarse_ms: 60_000 },
        ..Settings::default()
    };
    let found =
        shelf.newest(&place("an_id", 3), |_, checkpoint| Ok(Shard::decode(&checkpoint.state, &other)?)).unwrap();
    assert_eq!(found.refused[0].why, Unusable::State(DecodeError::OtherSettings("slots".to_owned())));
}

#[test]
fn what_a_crash_left_behind_is_no_checkpoint() {
    let folder = Temporary::new("crash");
    keep(&folder.shelf(), 10);
    let unfinished = folder.0.join("a/calls/an_id/3/.unfinished-00000000000000000020.wall-1.0000000000000bad");
    fs::write(&unfinished, &bytes(&name(20))[..9]).unwrap();
    fs::write(folder.0.join("a/calls/an_id/3/notes.txt"), "keep").unwrap();
    assert_eq!(offset_of(&newest(&folder.shelf())), Some(10));
    assert!(unfinished.exists(), "it may belong to somebody");
    let long_ago = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::options().write(true).open(&unfinished).unwrap().set_times(long_ago).unwrap();
    newest(&folder.shelf());
    assert!(!unfinished.exists() && folder.files().contains(&"notes.txt".to_owned()));
}

#[test]
fn writers_are_told_apart() {
    for writer in [("wall-1", 0), ("a.b_c", u64::MAX)] {
        let writer = Writer { instance: writer.0.to_owned(), run: writer.1 };
        assert_eq!(Writer::from_text(&writer.to_string()), Some(writer));
    }
    for wrong in
        ["", "wall", "wall.", ".0000000000000000", "wall.12", "wa/ll.0000000000000000", "wall.000000000000000g"]
    {
        assert_eq!(Writer::from_text(wrong), None, "{wrong}");
    }
}
