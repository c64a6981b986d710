//! How a service level is computed.

use serde::{Deserialize, Serialize};

use super::{Cell, Cells};

/// How a service level is computed from cells. Products differ in what they do with customers who hang up or leave; the
/// name travels with the number. Sources are the vendors' and ICMI's published definitions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Formula {
    /// answered_within / (answered_within + abandoned_within + overdue): Cisco UCCE "abandoned calls have a negative
    /// impact", Avaya.
    Offered,
    /// answered_within / answered: Asterisk ServicelevelPerf. It hides who was never answered.
    AnsweredOnly,
    /// answered_within / (answered_within + overdue): Cisco UCCE "abandoned calls ignored".
    IgnoreAbandonedWithin,
    /// (answered_within + abandoned_within) / (answered_within + abandoned_within + overdue): Cisco UCCE "abandoned
    /// calls have a positive impact", Asterisk ServicelevelPerf2.
    CountAbandonedWithin,
    /// answered_within / (answered_within + abandoned_within − abandoned_short + overdue): Genesys without short
    /// abandons.
    ExcludeShortAbandoned,
    /// (answered_within + abandoned_short) / (answered_within + abandoned_within + overdue): ICMI's fifth.
    CountShortAbandoned,
    /// answered_within / decided: Genesys with flow-outs, Vonage.
    OfferedAndLeft,
    /// (answered_within + abandoned_within + left_within) / decided: Amazon Connect "service level X".
    RemovedWithin,
}

impl Formula {
    /// All of them, in the order of reports.
    pub const ALL: [Formula; 8] = [
        Formula::Offered,
        Formula::AnsweredOnly,
        Formula::IgnoreAbandonedWithin,
        Formula::CountAbandonedWithin,
        Formula::ExcludeShortAbandoned,
        Formula::CountShortAbandoned,
        Formula::OfferedAndLeft,
        Formula::RemovedWithin,
    ];

    /// The name in configuration, reports and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Formula::Offered => "offered",
            Formula::AnsweredOnly => "answered_only",
            Formula::IgnoreAbandonedWithin => "ignore_abandoned_within",
            Formula::CountAbandonedWithin => "count_abandoned_within",
            Formula::ExcludeShortAbandoned => "exclude_short_abandoned",
            Formula::CountShortAbandoned => "count_short_abandoned",
            Formula::OfferedAndLeft => "offered_and_left",
            Formula::RemovedWithin => "removed_within",
        }
    }

    /// The formula of this name; none if there is no such formula.
    pub fn from_name(name: &str) -> Option<Formula> {
        Formula::ALL.into_iter().find(|formula| formula.name() == name)
    }

    /// Numerator and denominator.
    pub(in crate::engine) fn terms(self, cells: &Cells) -> (u64, u64) {
        let answered = cells[Cell::AnsweredWithin];
        let abandoned = cells[Cell::AbandonedWithin];
        let short = cells[Cell::AbandonedShort];
        let overdue = cells[Cell::Overdue];
        match self {
            Formula::Offered => (answered, answered + abandoned + overdue),
            Formula::AnsweredOnly => (answered, cells[Cell::Answered]),
            Formula::IgnoreAbandonedWithin => (answered, answered + overdue),
            Formula::CountAbandonedWithin => (answered + abandoned, answered + abandoned + overdue),
            Formula::ExcludeShortAbandoned => (answered, answered + abandoned - short + overdue),
            Formula::CountShortAbandoned => (answered + short, answered + abandoned + overdue),
            Formula::OfferedAndLeft => (answered, cells.decided()),
            Formula::RemovedWithin => (answered + abandoned + cells[Cell::LeftWithin], cells.decided()),
        }
    }
}
