//! The rules of the fold by name, and how often each was used: a rule that no simulation ever used is not tested by it.

use std::fmt;

macro_rules! rules {
    ($($rule:ident: $words:literal,)*) => {
        /// A rule of the fold.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[allow(missing_docs, reason = "each rule carries its words")]
        pub enum Rule { $($rule,)* }

        impl Rule {
            /// All of them.
            pub const ALL: &[Rule] = &[$(Rule::$rule,)*];

            /// What the rule is about.
            pub fn words(self) -> &'static str {
                match self { $(Rule::$rule => $words,)* }
            }
        }
    };
}

rules! {
    LifeAfterSettle: "a new life after settle",
    LifeAfterExpire: "a new life after expire",
    FinishedByResolved: "finished: answered and resolved",
    ReopenedAgain: "unfinished: answered, resolved and reopened",
    OrphanLife: "a life without an offer",
    AnswerBeatsEnd: "phase 0: at one instant an answer beats an end",
    AnswerBeatsTransfer: "phase 0: a named answer beats an implicit transfer",
    AnswerOfNext: "phase 0: an unnamed answer with an offer elsewhere goes to the new visit",
    AnswerTwiceAtOnce: "phase 0: two answers of one visit at one instant",
    EndTakesEffect: "phase 1: an abandon or leaving ends the visit",
    EndRepeat: "phase 1: the same end twice at one instant",
    EndConflict: "phase 1: two different ends at one instant",
    CompletesBefore: "phase 1: completes the visit answered earlier",
    CompletedTwiceAtOnce: "phase 1: two completions at one instant",
    CompletedAgain: "phase 1: the completion told again within skew",
    CompletedCloses: "phase 1: a completion closes the waiting visit",
    ClosedTwiceAtOnce: "phase 1: two completions of the waiting visit at one instant",
    CompletedTooLate: "phase 1: a completion finds the visit ended at the same instant",
    ResolvedCloses: "phase 1: a resolve closes the waiting visit",
    ResolvedWithEnd: "phase 1: a resolve finds the visit ended at the same instant",
    EarlierTransferConfirmed: "phase 1: an implicit transfer confirmed afterwards",
    FirstVisit: "phase 2: the first visit",
    SameOfferWaiting: "phase 2: offered again while waiting",
    SameOfferEnded: "phase 2: offered again within skew, already ended",
    OfferAfterEnd: "phase 2: a further visit after the end of the one before",
    ImplicitTransfer: "phase 2: an implicit transfer",
    AnsweredBetweenOffers: "phase 2: a visit offered at this instant is answered before the next offer at it",
    TransferConfirmedAtOnce: "which visit 1: an implicit transfer confirmed at its instant",
    TakenByWaiting: "which visit 2: the waiting visit takes it",
    Repeat: "which visit 3: the same kind again within skew",
    RepeatOfImplicit: "which visit 3: a named leaving repeats an implicit transfer",
    UnnamedTransferConflict: "which visit 4: an unnamed transfer never goes to a later offer",
    NearAnswer: "near: an answer before its offer",
    NearAbandon: "near: an abandon before its offer",
    NearLeft: "near: a leaving before its offer",
    NearNamed: "near: named",
    NearAfterVisit: "near: after an earlier visit of the life",
    NearRepeat: "near: a further one, the same again",
    NearConflict: "near: a further one, another",
    FarAnswer: "far: an answer",
    FarAbandon: "far: an abandon",
    FarLeft: "far: a leaving",
    FarNamedLater: "far: named, of a queue offered after another",
    FarRefused: "far: the visit has an end of its own",
    FarRepeat: "far: a further one, the same again",
    FarRepeatOfNear: "far: the same as a near one",
    FarConflict: "far: a further one, another",
    PendingConflict: "which visit 5: nothing takes it",
    Completes: "completed 1: at the instant of the answer",
    CompletedRepeat: "completed 2: again, within skew",
    CompletedClosesAtOnce: "completed 3: closes a visit offered at this instant",
    EarlyCompleted: "completed 4: before the offer, taken at the answer",
    EarlyCompletedRepeat: "completed 4: a further one, the same again",
    EarlyCompletedConflict: "completed 4: a further one, later",
    EarlyCompletedUnanswered: "completed 4: the visit is never answered",
    CompletedConflict: "completed 5: nothing takes it",
    HandleFromParts: "handle time from its parts",
    HandleFromTimes: "handle time from the answer",
    HandleWithoutPauses: "handle time from the answer, pauses left out",
    ResolvedClosesAtOnce: "resolved: closes a visit offered at this instant",
    ResolvedNothing: "resolved: nothing to close",
    QueueNeverOffered: "a named queue that is never offered",
    ContactAnswered: "contact wait: answered",
    ContactWaiting: "contact wait: waiting",
    ContactEnded: "contact wait: never answered, ended",
    UnfinishedClock: "unfinished: a clock waits",
    ResolvedTooEarly: "conversation: resolved before the first offer",
    SaidTooEarly: "conversation: told further than skew before the first offer",
    SaidEarly: "conversation: told within skew before the first offer",
    RunBegins: "messages: one begins a run",
    RunGoesOn: "messages: a further one in a run",
    MessageWhileOver: "messages: one while the contact is over",
    RunAfterReopening: "messages: a reopening begins a run at one told while the contact was over",
    RunOfNamed: "messages: in the lane of the visit named",
    RunOfNamedLater: "messages: in the lane of the visit named, offered later",
    RunOfUnknown: "messages: the queue named was never offered",
    RunOfLatest: "messages: in the lane of the latest visit",
    RunAnswered: "next reply: answered",
    RunResolved: "next reply: closed by a resolve",
    RunVisitEnded: "next reply: ended as the latest visit",
    RunWaits: "next reply: waits",
    ReopenedNothing: "reopened: nothing was resolved",
    ReopenedTwice: "reopened: not resolved at that moment",
    PauseResumed: "pause: until resumed",
    PauseResolved: "pause: until resolved",
    PauseReopened: "pause: until reopened",
    PauseOffered: "pause: until a further offer",
    PauseVisitEnded: "pause: until the end of a visit",
    PauseOpen: "pause: nothing ends it",
    PausedTwice: "pause: a second one meanwhile",
    PausedWhileResolved: "pause: while resolved",
    PauseReopenedAtOnce: "pause: reopened at the same instant",
    PauseWithoutLength: "pause: ended at the same instant",
    PauseLeftOut: "a pause is left out of a duration",
    DuePutOff: "due: put off by a pause",
    NeverDue: "due: never, because of an open pause",
    BusinessTime: "due: in business time",
    FirstReplyAnswered: "first reply: answered",
    FirstReplyResolved: "first reply: closed by a resolve",
    FirstReplyEnded: "first reply: ended as the latest visit",
    FirstReplyWaits: "first reply: waits",
    FirstResolutionAnswered: "first resolution: answered",
    FirstResolutionEnded: "first resolution: ended as the latest visit",
    FirstResolutionWaits: "first resolution: waits",
    NoResolution: "resolution: none, nothing promised and nothing said",
    ResolutionAnswered: "resolution: answered by the last resolve",
    ResolutionReopened: "resolution: reopened, waits",
    ResolutionReopenedEnded: "resolution: reopened, then ended as the latest visit",
    ResolutionEnded: "resolution: never resolved, ended as the latest visit",
    ResolutionCompleted: "resolution: without a promise closed by the completion",
    ResolutionWaits: "resolution: never resolved, waits",
    HandleCompleted: "handle: completed",
    HandleResolved: "handle: closed by a resolve",
    HandleNextOffer: "handle: closed by the next offer",
    HandleWaits: "handle: in service",
    NotJudged: "without a promise: not judged",
    DurationAlone: "without a promise: a duration alone",
    OfferedAlone: "without a promise: offered alone, and who waits",
    DeadlineWhileWaiting: "overdue: never decided",
    DecidedOverdue: "overdue: decided after the deadline",
    NotDue: "not overdue: never due",
    ShortAbandon: "abandoned before the short limit",
    BacklogByResolution: "backlog: while the resolution waits",
    BacklogByVisits: "backlog: while a visit waits or is in service",
    EffortResolved: "effort: resolved",
    EffortReopened: "effort: reopened",
    EffortReplies: "effort: replies",
    EffortTransfers: "effort: transfers",
    OrphanReopened: "effort: reopened without an offer",
}

/// How often each rule was used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleCounts([u64; Rule::ALL.len()]);

impl Default for RuleCounts {
    fn default() -> Self {
        RuleCounts([0; Rule::ALL.len()])
    }
}

impl RuleCounts {
    /// Counts one use.
    pub fn hit(&mut self, rule: Rule) {
        self.0[rule as usize] += 1;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &RuleCounts) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How often this one was used.
    pub fn of(&self, rule: Rule) -> u64 {
        self.0[rule as usize]
    }

    /// The rules never used.
    pub fn unused(&self) -> Vec<Rule> {
        Rule::ALL.iter().copied().filter(|&rule| self.of(rule) == 0).collect()
    }
}

impl fmt::Display for RuleCounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &rule in Rule::ALL {
            writeln!(out, "{:>10}  {}", self.of(rule), rule.words())?;
        }
        Ok(())
    }
}
