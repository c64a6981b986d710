//! What customer and agents say in a life, told step by step: pauses, runs of messages, replies, resolutions and
//! reopenings.
//!
//! Visits are folded already; here they only end pauses and runs. What any of it is measured by is in [`super::clocks`].

use crate::engine::settings::SKEW_MS;

use super::event::{Fact, What};
use super::fold::{Decision, Visit};
use super::rule::{Rule, RuleCounts};

/// How a clock ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum End {
    /// What was waited for came about.
    Answered,
    /// The customer gave up.
    Abandoned,
    /// Some other way; a closing is one.
    Left,
}

/// A time in which nothing is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pause {
    /// From when.
    pub from: u64,
    /// Until when; none if nothing ends it.
    pub until: Option<u64>,
}

/// Messages that wait for one reply.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// The time of the first of them.
    pub from: u64,
    /// The queue that it names.
    pub queue: Option<String>,
    /// How it ended, and when.
    pub end: Option<(End, u64)>,
}

/// What was said in a life, in order of time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Talk {
    /// Those that have a length.
    pub pauses: Vec<Pause>,
    /// In the order of their beginnings.
    pub runs: Vec<Run>,
    /// When an agent wrote.
    pub replies: Vec<u64>,
    /// When it was resolved.
    pub resolved: Vec<u64>,
    /// When it was reopened, whether or not it was resolved at that moment.
    pub reopened: Vec<u64>,
    /// When it was reopened while it was resolved.
    pub taken_up_again: Vec<u64>,
    /// Whether a message, a reply, a pause or a reopening counts.
    pub is_told: bool,
}

/// How the latest visit ended, and when, if it ended unanswered.
pub fn unanswered_end(visits: &[Visit]) -> Option<(End, u64)> {
    end_of(&visits.last()?.decision)
}

/// How a visit ended, and when, if it ended unanswered.
fn end_of(decision: &Decision) -> Option<(End, u64)> {
    match decision {
        Decision::Waiting | Decision::Answered(_) => None,
        Decision::Abandoned(time) => Some((End::Abandoned, *time)),
        Decision::Left { time, .. } | Decision::Transferred(time) | Decision::Closed(time) => Some((End::Left, *time)),
    }
}

/// What happens in a conversation, in the order in which it counts within an instant; of one kind by queue, none first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step<'a> {
    Message(Option<&'a str>),
    Reply,
    Reopened,
    Paused,
    Resumed,
    /// A further visit was offered.
    Offer,
    /// A visit ended unanswered.
    VisitEnd,
    /// So did the latest of the life.
    LastEnd(End),
    Resolved,
}

/// What was said in a life of these visits. Nothing, if there are none.
pub fn talk(facts: &[Fact], visits: &[Visit], rules: &mut RuleCounts) -> Talk {
    let Some(first) = visits.first() else { return Talk::default() };
    let mut steps = said(facts, first.offered_at, rules);
    steps.extend(visits.iter().skip(1).map(|visit| (visit.offered_at, Step::Offer)));
    steps.extend(visits.iter().filter_map(|visit| end_of(&visit.decision)).map(|(_, time)| (time, Step::VisitEnd)));
    steps.extend(unanswered_end(visits).map(|(end, time)| (time, Step::LastEnd(end))));
    steps.sort_unstable();
    let mut talking = Talking {
        rules,
        talk: Talk::default(),
        run: None,
        unheard: None,
        paused_at: None,
        awake_at: None,
        is_resolved: false,
        is_ended: false,
    };
    for (time, step) in steps {
        talking.step(time, step);
    }
    talking.end()
}

/// The facts of the conversation that count, at the time at which they count.
fn said<'a>(facts: &'a [Fact], offered_at: u64, rules: &mut RuleCounts) -> Vec<(u64, Step<'a>)> {
    let mut steps = Vec::new();
    for fact in facts {
        let step = match fact.what {
            What::CustomerMessage => Step::Message(fact.queue.as_deref()),
            What::AgentReply => Step::Reply,
            What::Reopened => Step::Reopened,
            What::Paused => Step::Paused,
            What::Resumed => Step::Resumed,
            What::Resolved if fact.time < offered_at => {
                rules.hit(Rule::ResolvedTooEarly);
                continue;
            }
            What::Resolved => Step::Resolved,
            _ => continue,
        };
        if fact.time + SKEW_MS < offered_at {
            rules.hit(Rule::SaidTooEarly);
            continue;
        }
        if fact.time < offered_at {
            rules.hit(Rule::SaidEarly);
        }
        steps.push((fact.time.max(offered_at), step));
    }
    steps
}

/// A conversation while it is told.
struct Talking<'a, 'b> {
    rules: &'b mut RuleCounts,
    talk: Talk,
    /// The run that is open.
    run: Option<Run>,
    /// The first message while the contact was over that no reply came after.
    unheard: Option<(u64, Option<&'a str>)>,
    /// The pause that is open began then.
    paused_at: Option<u64>,
    /// The latest time at which something that ends pauses was told.
    awake_at: Option<u64>,
    /// Resolved and not reopened since.
    is_resolved: bool,
    /// The latest visit ended unanswered, and it was not reopened since.
    is_ended: bool,
}

impl<'a> Talking<'a, '_> {
    fn step(&mut self, time: u64, step: Step<'a>) {
        match step {
            Step::Message(queue) => self.message(time, queue),
            Step::Reply => {
                self.talk.is_told = true;
                self.talk.replies.push(time);
                self.unheard = None;
                self.end_run(End::Answered, time, Rule::RunAnswered);
            }
            Step::Reopened => self.reopened(time),
            Step::Paused => self.paused(time),
            Step::Resumed => self.wake(time, Rule::PauseResumed),
            Step::Offer => self.wake(time, Rule::PauseOffered),
            Step::VisitEnd => self.wake(time, Rule::PauseVisitEnded),
            Step::LastEnd(end) => {
                self.is_ended = true;
                self.end_run(end, time, Rule::RunVisitEnded);
            }
            Step::Resolved => {
                self.talk.resolved.push(time);
                self.is_resolved = true;
                self.wake(time, Rule::PauseResolved);
                self.end_run(End::Left, time, Rule::RunResolved);
            }
        }
    }

    fn message(&mut self, time: u64, queue: Option<&'a str>) {
        self.talk.is_told = true;
        if self.run.is_some() {
            self.rules.hit(Rule::RunGoesOn);
        } else if self.is_resolved || self.is_ended {
            self.rules.hit(Rule::MessageWhileOver);
            self.unheard.get_or_insert((time, queue));
        } else {
            self.rules.hit(Rule::RunBegins);
            self.begin_run(time, queue);
        }
    }

    fn reopened(&mut self, time: u64) {
        if self.talk.resolved.is_empty() {
            self.rules.hit(Rule::ReopenedNothing);
            return;
        }
        self.talk.is_told = true;
        self.talk.reopened.push(time);
        if self.is_resolved {
            self.talk.taken_up_again.push(time);
        } else {
            self.rules.hit(Rule::ReopenedTwice);
        }
        self.is_resolved = false;
        self.is_ended = false;
        self.wake(time, Rule::PauseReopened);
        if let Some((first, queue)) = self.unheard.take() {
            self.rules.hit(Rule::RunAfterReopening);
            self.begin_run(first, queue);
        }
    }

    fn paused(&mut self, time: u64) {
        self.talk.is_told = true;
        if self.is_resolved {
            self.rules.hit(Rule::PausedWhileResolved);
        } else if self.paused_at.is_some() {
            self.rules.hit(Rule::PausedTwice);
        } else if self.awake_at == Some(time) {
            self.rules.hit(Rule::PauseReopenedAtOnce);
        } else {
            self.paused_at = Some(time);
        }
    }

    /// What ends a pause was told.
    fn wake(&mut self, time: u64, rule: Rule) {
        self.awake_at = Some(time);
        match self.paused_at.take() {
            Some(from) if from == time => self.rules.hit(Rule::PauseWithoutLength),
            Some(from) => {
                self.rules.hit(rule);
                self.talk.pauses.push(Pause { from, until: Some(time) });
            }
            None => {}
        }
    }

    fn begin_run(&mut self, from: u64, queue: Option<&str>) {
        // One that is open keeps its beginning.
        self.run.get_or_insert(Run { from, queue: queue.map(str::to_owned), end: None });
    }

    fn end_run(&mut self, end: End, time: u64, rule: Rule) {
        if let Some(run) = self.run.take() {
            self.rules.hit(rule);
            self.talk.runs.push(Run { end: Some((end, time)), ..run });
        }
    }

    fn end(mut self) -> Talk {
        if let Some(run) = self.run {
            self.rules.hit(Rule::RunWaits);
            self.talk.runs.push(run);
        }
        if let Some(from) = self.paused_at {
            self.rules.hit(Rule::PauseOpen);
            self.talk.pauses.push(Pause { from, until: None });
        }
        self.talk
    }
}
