//! Stories of what is said: tickets with messages, replies, pauses, resolutions and reopenings.

use super::dice::Dice;
use super::history::{MINUTE, QUEUES, SECOND, Story};
use holdline::model::event::{Fact, What};

impl Story<'_> {
    /// A ticket, from its first message to its last resolution, with whatever happens between.
    pub(super) fn ticket(&mut self) {
        let channel = self.dice.pick(&["email", "email", "chat", "voice"]);
        let mut queue = self.dice.pick(&QUEUES);
        if self.dice.percent(20) {
            let what = what_is_said(self.dice);
            self.tell(what, queue);
            self.wait(0, 6 * SECOND);
        }
        self.offer(queue, channel);
        if self.dice.percent(70) {
            self.answered_after(queue, 5 * MINUTE);
        }
        for _ in 0..self.dice.between(1, 9) {
            let longest = self.dice.pick(&[5 * SECOND, MINUTE, 8 * MINUTE]);
            self.wait(0, longest);
            match self.dice.below(16) {
                0..=4 => self.letters(queue),
                5..=7 => self.pause(queue),
                8 | 9 => self.resolve(queue),
                10 | 11 => self.tell(What::Reopened, queue),
                12 => self.judge(queue),
                13 => self.complete(queue),
                14 => queue = self.hand_on(queue, channel),
                _ => self.tell(What::Abandoned, queue),
            }
        }
        if self.dice.percent(60) {
            self.wait(0, MINUTE);
            self.resolve(queue);
        }
    }

    fn answered_after(&mut self, queue: &str, longest: u64) {
        self.wait(0, longest);
        self.tell(What::Answered, queue);
    }

    /// Some messages, some of which name another queue, and often a reply.
    fn letters(&mut self, queue: &str) {
        for _ in 0..self.dice.between(1, 3) {
            let named = if self.dice.percent(75) { queue } else { self.dice.pick(&[QUEUES[0], QUEUES[1], "nowhere"]) };
            self.tell(What::CustomerMessage, named);
            let longest = self.dice.pick(&[0, 5 * SECOND, MINUTE]);
            self.wait(0, longest);
        }
        if self.dice.percent(70) {
            self.tell(What::AgentReply, queue);
        }
    }

    /// A pause, told twice now and then, that mostly ends.
    fn pause(&mut self, queue: &str) {
        self.tell(What::Paused, queue);
        if self.dice.percent(15) {
            self.wait(0, 5 * SECOND);
            self.tell(What::Paused, queue);
        }
        if self.dice.percent(60) {
            let longest = self.dice.pick(&[0, 20 * SECOND, 4 * MINUTE]);
            self.wait(0, longest);
            self.tell(What::Resumed, queue);
        }
    }

    /// A resolution, now and then a second one at the same instant that names a queue.
    fn resolve(&mut self, queue: &str) {
        self.tell(What::Resolved, queue);
        if self.dice.percent(25) {
            let time = self.facts.last().expect("it was told just now").time;
            let named = self.dice.pick(&QUEUES);
            self.facts.push(Fact::new(time, What::Resolved, Some(named)));
        }
    }

    /// What the customer thinks of it and what came of it, which no tally depends on.
    fn judge(&mut self, queue: &str) {
        let score = f64::from(u32::try_from(self.dice.between(1, 5)).expect("it is small")).to_bits();
        let what = if self.dice.percent(50) {
            What::Rated { survey: "csat".to_owned(), score }
        } else {
            What::Outcome { name: "purchase".to_owned(), amount: self.dice.percent(50).then_some(score) }
        };
        self.tell(what, queue);
    }

    /// On to another queue, which may answer.
    fn hand_on(&mut self, from: &str, channel: &str) -> &'static str {
        if self.dice.percent(50) {
            self.tell(What::Left("transfer".to_owned()), from);
        }
        let queue = self.dice.pick(&QUEUES);
        self.offer(queue, channel);
        match self.dice.below(3) {
            0 => self.answered_after(queue, MINUTE),
            1 => {
                self.wait(0, MINUTE);
                self.tell(What::Abandoned, queue);
            }
            _ => {}
        }
        queue
    }
}

/// A fact of a conversation, of any kind.
pub(super) fn what_is_said(dice: &mut Dice) -> What {
    match dice.below(12) {
        0..=2 => What::CustomerMessage,
        3 | 4 => What::AgentReply,
        5 | 6 => What::Paused,
        7 => What::Resumed,
        8 | 9 => What::Reopened,
        _ => What::Resolved,
    }
}
