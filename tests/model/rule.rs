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
    ResolvedClosesAtOnce: "resolved: closes a visit offered at this instant",
    ResolvedNothing: "resolved: nothing to close",
    QueueNeverOffered: "a named queue that is never offered",
    ContactAnswered: "contact wait: answered",
    ContactWaiting: "contact wait: waiting",
    ContactEnded: "contact wait: never answered, ended",
    DeadlineWhileWaiting: "overdue: never decided",
    DecidedOverdue: "overdue: decided after the deadline",
    ShortAbandon: "abandoned before the short limit",
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
