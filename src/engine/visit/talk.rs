//! What customers and agents said to each other, and when the contact was solved, as far as clocks need it.
//!
//! A [`Talk`] is read from the facts of a life once its visits are known. It knows of no promise and of no lane but that a
//! message may name a queue.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::Visit;
use crate::engine::fact::{Fact, FactKind};
use crate::engine::lane::Names;
use crate::engine::settings::SKEW_MS;
use crate::engine::stay::Decision;
use crate::engine::terms::Pause;

/// What was said in one life. Times are in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// When clocks stood still, in order.
    pub(super) pauses: SmallVec<[Pause; 1]>,
    /// How many times an agent wrote.
    pub(super) replies: u64,
    /// The first and the last of them.
    pub(super) replied: Option<(u64, u64)>,
    /// Messages that asked for a reply, in order.
    pub(super) runs: SmallVec<[Run; 1]>,
    /// Each time it was solved, in order.
    pub(super) resolved: SmallVec<[u64; 1]>,
    /// Each time it was taken up again after that, in order.
    pub(super) reopened: SmallVec<[u64; 1]>,
    /// Whether it ended solved, or as its latest visit did.
    pub(super) ends: Ends,
    /// Whether anything was said by which a ticket is known.
    pub(super) is_ticket: bool,
}

/// A customer's message, and what became of it. Further messages until then ask for nothing more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// When the message came.
    pub(super) since: u64,
    /// The queue it names.
    pub(super) queue: Option<u32>,
    /// What became of it.
    pub(super) decision: Decision,
}

/// How the contact stands after all that was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Ends {
    /// It is open.
    #[default]
    Open,
    /// It is solved.
    Resolved,
    /// It is not solved, but its latest visit ended unanswered and it was not reopened since.
    Unanswered,
}

/// What moves a conversation on, in the order in which things of one instant count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Message(Option<u32>),
    Reply,
    Reopened,
    Paused,
    /// Clocks run again: it is said so, a visit ended unanswered, or a further one began.
    Runs,
    /// The latest visit ended unanswered, in this way.
    Over(Decision),
    Resolved,
}

impl Step {
    fn rank(self) -> u8 {
        match self {
            Step::Message(_) => 0,
            Step::Reply => 1,
            Step::Reopened => 2,
            Step::Paused => 3,
            Step::Runs => 4,
            Step::Over(_) => 5,
            Step::Resolved => 6,
        }
    }
}

impl Talk {
    /// What these facts of a life with these visits say; `queues` are the names of queues.
    pub(super) fn of(facts: &[Fact], visits: &[Visit], queues: &Names) -> Talk {
        let mut steps = steps(facts, visits);
        let name = |step: &Step| match step {
            Step::Message(queue) => queue.map(|queue| queues.text(queue).as_bytes()),
            _ => None,
        };
        let order = |one: &(u64, Step), other: &(u64, Step)| -> Ordering {
            let by_time = (one.0, one.1.rank()).cmp(&(other.0, other.1.rank()));
            by_time.then_with(|| name(&one.1).cmp(&name(&other.1)))
        };
        steps.sort_by(order);
        let mut talking = Talking::default();
        steps.into_iter().for_each(|(time, step)| talking.take(time, step));
        talking.end()
    }
}

/// All that moves the conversation on, in no particular order.
fn steps(facts: &[Fact], visits: &[Visit]) -> SmallVec<[(u64, Step); 8]> {
    let mut steps: SmallVec<[(u64, Step); 8]> = SmallVec::new();
    let Some((first, latest)) = visits.first().zip(visits.last()) else { return steps };
    for fact in facts {
        let step = match fact.kind {
            FactKind::CustomerMessage => Step::Message(fact.named()),
            FactKind::AgentReply => Step::Reply,
            FactKind::Paused => Step::Paused,
            FactKind::Resumed => Step::Runs,
            FactKind::Reopened => Step::Reopened,
            FactKind::Resolved if fact.time >= first.offered_at => Step::Resolved,
            _ => continue,
        };
        if fact.time + SKEW_MS >= first.offered_at {
            steps.push((fact.time.max(first.offered_at), step));
        }
    }
    let ended = |visit: &Visit| visit.decision.time().filter(|_| visit.answered_at().is_none());
    steps.extend(visits.iter().filter_map(ended).map(|time| (time, Step::Runs)));
    steps.extend(visits[1..].iter().map(|visit| (visit.offered_at, Step::Runs)));
    steps.extend(ended(latest).map(|time| (time, Step::Over(latest.decision))));
    steps
}

/// A conversation while it is read.
#[derive(Default)]
struct Talking {
    talk: Talk,
    paused: Option<u64>,
    is_resolved: bool,
    is_over: bool,
    /// When it was last taken up again.
    taken_up_at: Option<u64>,
    /// The first message since it was over that nobody has replied to.
    unheard: Option<(u64, Option<u32>)>,
}

impl Talking {
    fn take(&mut self, time: u64, step: Step) {
        match step {
            Step::Message(queue) => self.message(time, queue),
            Step::Reply => {
                self.talk.replies += 1;
                let first = self.talk.replied.map_or(time, |(first, _)| first);
                self.talk.replied = Some((first, time));
                self.end_run(Decision::Answered(time));
                self.unheard = None;
                self.talk.is_ticket = true;
            }
            Step::Reopened => self.reopened(time),
            Step::Paused => {
                // Taken up again at the same instant, it runs.
                if !self.is_resolved && self.taken_up_at != Some(time) {
                    self.paused.get_or_insert(time);
                }
                self.talk.is_ticket = true;
            }
            Step::Runs => self.run(time),
            Step::Over(decision) => {
                self.is_over = true;
                self.end_run(decision);
            }
            Step::Resolved => {
                self.run(time);
                self.is_resolved = true;
                self.talk.resolved.push(time);
                self.end_run(Decision::Closed(time));
                self.talk.is_ticket = true;
            }
        }
    }

    fn message(&mut self, time: u64, queue: Option<u32>) {
        self.talk.is_ticket = true;
        if self.is_resolved || self.is_over {
            self.unheard.get_or_insert((time, queue));
        } else if self.talk.runs.last().is_none_or(|run| run.decision != Decision::Waiting) {
            self.talk.runs.push(Run { since: time, queue, decision: Decision::Waiting });
        }
    }

    fn end_run(&mut self, decision: Decision) {
        if let Some(run) = self.talk.runs.last_mut().filter(|run| run.decision == Decision::Waiting) {
            run.decision = decision;
        }
    }

    /// What was never solved cannot be taken up again.
    fn reopened(&mut self, time: u64) {
        if self.talk.resolved.is_empty() {
            return;
        }
        self.run(time);
        self.taken_up_at = Some(time);
        if self.is_resolved {
            self.talk.reopened.push(time);
        }
        (self.is_resolved, self.is_over) = (false, false);
        if let Some((since, queue)) = self.unheard.take() {
            self.talk.runs.push(Run { since, queue, decision: Decision::Waiting });
        }
    }

    /// Clocks run again.
    fn run(&mut self, time: u64) {
        if let Some(from) = self.paused.take().filter(|&from| from < time) {
            self.talk.pauses.push(Pause { from, until: Some(time) });
        }
    }

    fn end(mut self) -> Talk {
        self.talk.pauses.extend(self.paused.map(|from| Pause { from, until: None }));
        self.talk.ends = match (self.is_resolved, self.is_over) {
            (true, _) => Ends::Resolved,
            (false, true) => Ends::Unanswered,
            (false, false) => Ends::Open,
        };
        self.talk
    }
}
