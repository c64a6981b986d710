//! Repeat contacts of all partitions, put together from what workers tell of the customers of theirs.
//!
//! Workers send what changed when they are told to look, and when they give a partition up, through one channel that is
//! read in the order it was sent. So nothing is lost or told twice if a look is given up halfway: what was sent is read at
//! the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use crate::engine::repeat_board::{RepeatBoard, RepeatView, Told};
use crate::engine::settings::Settings;
use crate::event::EventTime;
use crate::source::kafka::worker::CustomerNews;

/// What is known of customers' contacts in all partitions that are held.
pub struct Repeats {
    board: RepeatBoard,
    /// The number that each partition has on the board.
    numbers: BTreeMap<(Arc<str>, i32), u32>,
    news: Receiver<CustomerNews>,
    /// Whether lanes were shown when news were last taken in.
    was_live: bool,
}

impl Repeats {
    /// Nothing is known before news arrive.
    pub fn new(settings: &Settings, news: Receiver<CustomerNews>) -> Repeats {
        Repeats { board: RepeatBoard::new(settings), numbers: BTreeMap::new(), news, was_live: false }
    }

    /// Takes in all that was told so far. `now` is the instant that lanes are shown for, none if they are not: what was
    /// told since lanes were shown last is counted, if they still are; everything else is history.
    pub fn take_in(&mut self, now: Option<EventTime>) {
        for CustomerNews { topic, partition, changes, is_news } in self.news.try_iter() {
            let next = u32::try_from(self.numbers.len()).expect("partitions are fewer than 2^32");
            let number = *self.numbers.entry((topic, partition)).or_insert(next);
            let is_news = is_news && self.was_live && now.is_some() && !changes.whole;
            self.board.apply(number, &changes, if is_news { Told::News } else { Told::History });
        }
        if let Some(now) = now {
            self.board.forget(now);
        }
        self.was_live = now.is_some();
    }

    /// What is shown at this instant.
    pub fn view(&self, now: EventTime) -> RepeatView {
        self.board.view(now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::engine::board::GroupBy;
    use crate::engine::customers::CustomerChanges;
    use crate::engine::shard::{Keep, Shard};
    use crate::event::decode::decode;

    const BY: GroupBy = GroupBy { queue: true, channel: false, tier: false };
    const START_MS: u64 = 1_772_438_400_000;

    /// What a worker does with its shards, without a broker.
    struct Partition {
        number: i32,
        shard: Shard,
        news: Sender<CustomerNews>,
    }

    impl Partition {
        fn new(number: i32, news: &Sender<CustomerNews>) -> Partition {
            let shard = Shard::new(Arc::new(Settings::default()), Keep::Windows);
            Partition { number, shard, news: news.clone() }
        }

        /// A call of the customer, answered after 5 s.
        fn call(&mut self, contact: &str, customer: &str, second: u64) {
            for (kind, rest, second) in [("offered", r#","queue":"q""#, second), ("answered", "", second + 5)] {
                let time = START_MS + second * 1_000;
                let event = format!(
                    r#"{{"type":"{kind}","contact_id":"{contact}","customer_id":"{customer}","time":{time}{rest}}}"#
                );
                self.shard.apply(&decode(event.as_bytes(), 1_000).unwrap());
            }
        }

        fn look(&mut self) {
            let changes = self.shard.take_customer_changes(BY);
            self.send(changes);
        }

        fn send(&self, changes: CustomerChanges) {
            let news = CustomerNews { topic: Arc::from("calls"), partition: self.number, changes, is_news: true };
            self.news.send(news).unwrap();
        }
    }

    fn at(second: u64) -> EventTime {
        EventTime::from_millis(START_MS + second * 1_000).unwrap()
    }

    /// Known, repeated within 24 h and counted, of the window of half an hour.
    fn told(repeats: &Repeats, second: u64) -> Option<(u64, u64, u64)> {
        let view = repeats.view(at(second));
        let group = view.groups.values().next()?;
        Some((group.windows[3].known, group.windows[3].repeated[0], group.counted[0]))
    }

    #[test]
    fn customers_who_come_back_to_another_partition_are_known() {
        let (news, received) = channel();
        let mut repeats = Repeats::new(&Settings::default(), received);
        let mut partitions = [0, 1].map(|number| Partition::new(number, &news));
        // History: nothing of it is counted, and one look is lost before its news are read.
        partitions[0].call("a", "anna", 0);
        partitions.iter_mut().for_each(Partition::look);
        partitions[1].call("b", "anna", 60);
        partitions.iter_mut().for_each(Partition::look);
        repeats.take_in(None);
        repeats.take_in(Some(at(100)));
        assert_eq!(told(&repeats, 100), Some((2, 1, 0)));
        // The present.
        partitions[0].call("c", "anna", 120);
        partitions[0].call("d", "bert", 120);
        partitions.iter_mut().for_each(Partition::look);
        repeats.take_in(Some(at(200)));
        assert_eq!(told(&repeats, 200), Some((4, 2, 1)));
        // What was known at an earlier instant is what was known then.
        assert_eq!(told(&repeats, 100), Some((2, 1, 1)));
        // Nothing has changed.
        partitions.iter_mut().for_each(Partition::look);
        repeats.take_in(Some(at(210)));
        assert_eq!(told(&repeats, 210), Some((4, 2, 1)));
    }

    #[test]
    fn a_partition_that_is_gone_is_forgotten_and_one_that_comes_again_is_history() {
        let (news, received) = channel();
        let mut repeats = Repeats::new(&Settings::default(), received);
        let mut partitions = [0, 1].map(|number| Partition::new(number, &news));
        partitions.iter_mut().for_each(Partition::look);
        repeats.take_in(Some(at(0)));
        partitions[0].call("a", "anna", 0);
        partitions[1].call("b", "anna", 60);
        partitions.iter_mut().for_each(Partition::look);
        repeats.take_in(Some(at(100)));
        assert_eq!(told(&repeats, 100), Some((2, 1, 1)));
        partitions[0].send(CustomerChanges::gone());
        repeats.take_in(Some(at(100)));
        assert_eq!(told(&repeats, 100), Some((1, 0, 1)));
        // Assigned again, between two looks: a new shard that has read the same.
        partitions[0] = Partition::new(0, &news);
        partitions[0].call("a", "anna", 0);
        partitions[0].look();
        partitions[0].look();
        repeats.take_in(Some(at(110)));
        assert_eq!(told(&repeats, 110), Some((2, 1, 1)));
        assert_eq!(repeats.board.lives(), 2);
        // And while lanes are not shown, what happens is not counted.
        partitions[0].call("c", "anna", 120);
        partitions[0].look();
        repeats.take_in(None);
        repeats.take_in(Some(at(200)));
        assert_eq!(told(&repeats, 200), Some((3, 2, 1)));
    }
}
