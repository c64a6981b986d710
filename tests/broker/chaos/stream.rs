//! Who writes meanwhile: contacts of several lanes, told at once or bit by bit, in order or not, some of it twice.
//!
//! All that is told has happened already when it is told, so nothing is rejected; and nothing is too late.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cluster::Cluster;
use crate::records::{Records, now_ms};
use holdline::model::event::{Fact, Record, What};

use super::plan::Dice;

/// Between two contacts.
const EVERY: Duration = Duration::from_millis(30);

/// A contact is told within so many milliseconds.
const TOLD_WITHIN_MS: u64 = 3_000;

/// What is told last happened up to so many milliseconds ago.
const OVER_FOR_MS: u64 = 1_500_000;

/// A thread that writes.
pub struct Stream {
    /// Held by whoever may write.
    pen: Arc<Mutex<Pen>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What is needed to write.
struct Pen {
    records: Records,
    dice: Dice,
    partitions: i32,
    contacts: u64,
    is_paused: bool,
    /// What is still to be told, by when and which it is.
    ahead: BTreeMap<(u64, u64), (i32, Record)>,
}

impl Stream {
    /// Will write to a topic that is there, once it is told to go on.
    pub fn start(cluster: &Cluster, topic: &str, partitions: i32, dice: Dice) -> Stream {
        let records = Records::to(cluster, topic);
        let pen = Pen { records, dice, partitions, contacts: 0, is_paused: true, ahead: BTreeMap::new() };
        let (pen, is_over) = (Arc::new(Mutex::new(pen)), Arc::new(AtomicBool::new(false)));
        let (held, stopped) = (Arc::clone(&pen), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut pen = held.lock().expect("whoever writes does not panic");
                if !pen.is_paused {
                    pen.write();
                }
                drop(pen);
                thread::sleep(EVERY);
            }
        });
        Stream { pen, is_over, thread: Some(thread) }
    }

    /// Writes nothing until told to go on; all that was written is delivered. What comes last into each partition is an
    /// offer, so whoever has counted all offers has read everything.
    pub fn pause(&self) {
        let mut pen = self.pen.lock().expect("whoever writes does not panic");
        pen.is_paused = true;
        pen.end_with_offers();
    }

    /// Goes on.
    pub fn go_on(&self) {
        self.pen.lock().expect("whoever writes does not panic").is_paused = false;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // That it panicked was seen by whoever paused it.
        let _ = self.thread.take().map(JoinHandle::join);
        if let (Ok(pen), false) = (self.pen.lock(), thread::panicking()) {
            pen.records.flush();
        }
    }
}

impl Pen {
    /// One more contact, and all that is due.
    fn write(&mut self) {
        let now = now_ms();
        let partition = self.dice.below(self.partitions as u64) as i32;
        self.contacts += 1;
        let id = format!("c{}", self.contacts);
        for (number, (after, record)) in contact(&mut self.dice, &id, now).into_iter().enumerate() {
            self.ahead.insert((now + after, self.contacts * 100 + number as u64), (partition, record));
        }
        while let Some(next) = self.ahead.first_entry().filter(|next| next.key().0 <= now) {
            let (partition, record) = next.remove();
            send(&self.records, partition, &record);
        }
    }

    fn end_with_offers(&mut self) {
        for partition in 0..self.partitions {
            self.contacts += 1;
            let what = offered(&mut self.dice);
            send(&self.records, partition, &of(&format!("c{}", self.contacts), now_ms() - 1_000, what));
        }
        self.records.flush();
    }
}

fn send(records: &Records, partition: i32, record: &Record) {
    let key = record.contact_id().expect("agents tell nothing here");
    records.send(partition, Some(key.as_bytes()), Some(record.to_json().as_bytes()));
}

fn of(id: &str, time: u64, what: What) -> Record {
    Record::Contact { id: id.to_owned(), fact: Fact { time, what, queue: None }, noise: None }
}

fn offered(dice: &mut Dice) -> What {
    let queue = (*dice.one_of(&["billing", "support", "sales"])).to_owned();
    let channel = (*dice.one_of(&["voice", "voice", "voice", "chat", "email"])).to_owned();
    let tier = (*dice.one_of(&["standard", "standard", "vip"])).to_owned();
    What::Offered { queue, channel, tier }
}

/// What is told of a contact, and how many milliseconds from now, in the order of telling.
fn contact(dice: &mut Dice, id: &str, now: u64) -> Vec<(u64, Record)> {
    let offer = offered(dice);
    let is_spoken = matches!(&offer, What::Offered { channel, .. } if channel == "voice");
    // Milliseconds after the offer, and what happens.
    let mut story = vec![(0, offer.clone())];
    let mut at = wait_ms(dice);
    match dice.below(10) {
        0 => story.push((at, What::Abandoned)),
        1 => story.push((at, What::Left((*dice.one_of(&["callback", "voicemail", "key"])).to_owned()))),
        2 => {}
        fate => {
            if fate == 3 {
                // Passed on to another queue.
                story.push((at, offered(dice)));
                at += wait_ms(dice);
            }
            story.push((at, What::Answered));
            if !is_spoken {
                for _ in 0..dice.below(3) {
                    at += 1 + dice.below(40_000);
                    story.push((at, What::AgentReply));
                    at += 1 + dice.below(40_000);
                    story.push((at, What::CustomerMessage));
                }
            }
            at += 1 + dice.below(240_000);
            let parts = [dice.below(200_000), dice.below(30_000), dice.below(30_000)];
            let parts = dice.falls(50).then_some(parts);
            if dice.falls(90) {
                story.push((at, What::Completed(parts)));
            }
            if !is_spoken && dice.falls(70) {
                story.push((at + 10_000, What::Resolved));
                if dice.falls(20) {
                    story.push((at + 30_000, What::Reopened));
                    story.push((at + 90_000, What::Resolved));
                }
            }
        }
    }
    // An earlier offer of the same queue is heard of later: all that was counted is another lane's.
    if let What::Offered { queue, channel, .. } = offer
        && dice.falls(5)
    {
        story.iter_mut().for_each(|(after, _)| *after += 2_000);
        story.push((0, What::Offered { queue, channel, tier: "gold".to_owned() }));
    }
    let lasts = story.iter().map(|(after, _)| *after).max().unwrap_or(0);
    let begin = now - lasts - dice.below(OVER_FOR_MS);
    if dice.falls(15) {
        let place = dice.below(story.len() as u64) as usize;
        story.swap(0, place);
    }
    if dice.falls(10) {
        story.push(story[dice.below(story.len() as u64) as usize].clone());
    }
    let is_told_at_once = dice.falls(30);
    let mut told: Vec<u64> =
        story.iter().map(|_| if is_told_at_once { 0 } else { dice.below(TOLD_WITHIN_MS) }).collect();
    told.sort_unstable();
    told.into_iter().zip(story).map(|(told, (after, what))| (told, of(id, begin + after, what))).collect()
}

/// Mostly within what is promised, some on the edge of it.
fn wait_ms(dice: &mut Dice) -> u64 {
    match dice.below(6) {
        0 => *dice.one_of(&[0, 1_000, 5_000, 19_999, 20_000, 20_001, 60_000]),
        1 => dice.below(400_000),
        _ => dice.below(20_000),
    }
}
