//! True histories: what happened to the contacts of a centre, before anything goes wrong in telling it.
//!
//! Most are stories that happen (calls, tickets, transfers, callbacks); some are chaos: facts of any kind at times that
//! lie on the edges of the rules. What is said in tickets is in [`super::conversation`]. Times are often rounded to whole or five seconds, so that instants coincide and
//! distances are exactly the skew.

use holdline::engine::settings::Settings;

use super::conversation;
use super::dice::Dice;
use holdline::model::event::{Fact, Record, What};

pub(super) const QUEUES: [&str; 4] = ["billing", "sales", "orders", "night"];
/// Nobody ever answers here.
const SILENT: &str = "night";
pub(super) const CHANNELS: [&str; 3] = ["voice", "chat", "email"];
pub(super) const TIERS: [&str; 2] = ["standard", "vip"];
const REASONS: [&str; 7] = ["callback", "key", "overflow", "timeout", "transfer", "voicemail", "withdrawn"];
pub(super) const SECOND: u64 = 1_000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;

/// When all histories begin, at the earliest.
pub(super) const BEGIN: u64 = 1_700_000_000_000;

/// The history of one contact, grown fact by fact.
pub(super) struct Story<'a> {
    pub(super) dice: &'a mut Dice,
    /// Times are rounded down to multiples of this.
    grain: u64,
    /// In how many of a hundred facts the queue is named.
    named: u64,
    now: u64,
    pub(super) facts: Vec<Fact>,
}

impl Story<'_> {
    pub(super) fn wait(&mut self, low: u64, high: u64) {
        self.now += self.dice.between(low, high);
    }

    pub(super) fn tell(&mut self, what: What, queue: &str) {
        let queue = (!matches!(what, What::Offered { .. }) && self.dice.percent(self.named)).then_some(queue);
        self.facts.push(Fact::new(self.now / self.grain * self.grain, what, queue));
    }

    pub(super) fn offer(&mut self, queue: &str, channel: &str) {
        let tier = self.dice.pick(&TIERS).to_owned();
        self.tell(What::Offered { queue: queue.to_owned(), channel: channel.to_owned(), tier }, queue);
    }

    pub(super) fn complete(&mut self, queue: &str) {
        let parts = [self.dice.below(300_000), self.dice.below(60_000), self.dice.below(30_000)];
        let parts = self.dice.percent(50).then_some(parts);
        self.tell(What::Completed(parts), queue);
    }

    /// Waits for an answer, gives up, or leaves. Says whether it was answered.
    fn decided(&mut self, queue: &str, channel: &str) -> bool {
        let patience = if channel == "email" { 40 * MINUTE } else { 45 * SECOND };
        self.wait(0, patience);
        match self.dice.below(10) {
            0..=5 if queue != SILENT => {
                self.tell(What::Answered, queue);
                return true;
            }
            6 => {
                let reason = self.dice.pick(&REASONS).to_owned();
                self.tell(What::Left(reason), queue);
            }
            7 => {}
            _ => self.tell(What::Abandoned, queue),
        }
        false
    }

    fn call(&mut self, channel: &str) {
        let queue = self.dice.pick(&QUEUES);
        self.offer(queue, channel);
        if self.decided(queue, channel) {
            self.wait(0, 10 * MINUTE);
            self.complete(queue);
        }
    }

    fn transfers(&mut self, channel: &str) {
        let mut queue = self.dice.pick(&QUEUES);
        self.offer(queue, channel);
        for _ in 0..self.dice.between(1, 3) {
            if self.dice.percent(40) {
                self.decided(queue, channel);
            }
            self.wait(0, 30 * SECOND);
            let explicit = self.dice.percent(50);
            if explicit {
                self.tell(What::Left("transfer".to_owned()), queue);
                self.wait(0, 2 * SECOND);
            }
            let from = queue;
            queue = self.dice.pick(&QUEUES);
            self.offer(queue, channel);
            if !explicit && self.dice.percent(50) {
                self.wait(0, 6 * SECOND);
                self.tell(What::Left("transfer".to_owned()), from);
            }
        }
        if self.decided(queue, channel) {
            self.wait(0, 5 * MINUTE);
            self.complete(queue);
        }
    }

    fn callback(&mut self) {
        let queue = self.dice.pick(&QUEUES);
        self.offer(queue, "voice");
        self.wait(0, 30 * SECOND);
        self.tell(What::Left("callback".to_owned()), queue);
        self.wait(0, 4 * MINUTE);
        self.call("voice");
    }

    /// The answer is told as before the offer, near or far.
    fn answered_before_offered(&mut self) {
        let queue = self.dice.pick(&QUEUES);
        self.tell(What::Answered, queue);
        let most = if self.dice.percent(50) { 6 * SECOND } else { 10 * MINUTE };
        self.wait(0, most);
        self.offer(queue, "voice");
        if self.dice.percent(40) {
            self.decided(queue, "voice");
        }
        self.wait(0, 5 * MINUTE);
        self.complete(queue);
    }

    /// Anything at times on the edges of the rules.
    fn chaos(&mut self) {
        let begin = self.now;
        let mut edges = vec![0, 0, 1, 1000, 2500, 4999, 5000, 5001, 7500, 10_000, 12_500, 15_000, 20_000, 20_001];
        edges.extend([25_000, 30_000, 65_000, 70_000]);
        let said = self.dice.pick(&[0, 20, 60]);
        for _ in 0..self.dice.between(3, 12) {
            self.now = begin + self.dice.pick(&edges);
            let is_said = self.dice.percent(said);
            let what = if is_said { conversation::what_is_said(self.dice) } else { anything(self.dice) };
            let queue = self.dice.pick(&QUEUES[..3]);
            self.tell(what, queue);
        }
        self.now = begin + 70_000;
    }
}

/// A fact of any kind, mostly of those that decide something.
pub(super) fn anything(dice: &mut Dice) -> What {
    match dice.below(16) {
        0..=4 => What::Offered {
            queue: dice.pick(&QUEUES[..3]).to_owned(),
            channel: dice.pick(&CHANNELS).to_owned(),
            tier: dice.pick(&TIERS).to_owned(),
        },
        5..=7 => What::Answered,
        8 | 9 => What::Abandoned,
        10 | 11 => What::Left(dice.pick(&REASONS).to_owned()),
        12 => What::Left("transfer".to_owned()),
        13 => What::Completed(None),
        14 => What::Completed(Some([dice.below(3) * 1000, 0, 0])),
        _ if dice.percent(70) => What::Resolved,
        _ => What::Reopened,
    }
}

/// All that truly happened, in no particular order.
pub(super) fn histories(dice: &mut Dice, settings: &Settings) -> Vec<Record> {
    let mut records = Vec::new();
    let span = dice.pick(&[1, 3, 8]) * HOUR;
    let silence = if dice.percent(50) { dice.between(2, 30) * HOUR } else { 0 };
    let lifetimes = &settings.lifetimes;
    for number in 0..dice.between(200, 240) {
        let mut now = BEGIN + dice.below(span);
        // Nothing at all happens for a while in the middle.
        now += if now > BEGIN + span / 2 { silence } else { 0 };
        let grain = dice.pick(&[1, 1, 1000, 2500, 5000]);
        let named = dice.pick(&[0, 0, 30, 100]);
        let mut story = Story { dice, grain, named, now, facts: Vec::new() };
        loop {
            match story.dice.below(13) {
                0..=2 => story.call("voice"),
                3 => story.call("chat"),
                4 | 5 => story.transfers("voice"),
                6 | 7 => story.ticket(),
                8 => story.callback(),
                9 => story.answered_before_offered(),
                _ => story.chaos(),
            }
            if story.dice.percent(75) {
                break;
            }
            // The id is used again: about when its life ends, to the millisecond.
            let last = story.facts.iter().map(|fact| fact.time).max().unwrap_or(now);
            let gap =
                story.dice.pick(&[lifetimes.settle_ms, lifetimes.expire_of("voice"), lifetimes.expire_of("chat")]);
            story.now = last + gap * story.dice.between(1, 2) + story.dice.below(3) - 1;
            story.grain = 1;
        }
        let facts = story.facts;
        let id = format!("c{number}");
        records.extend(facts.into_iter().map(|fact| Record::Contact { id: id.clone(), fact, noise: None }));
    }
    records
}
