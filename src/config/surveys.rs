//! The sections `[survey.NAME]`: what the scores of a survey mean.
//!
//! `csat` and `nps` are described already, so that what is written of them is laid over that; of any other survey
//! everything has to be written. A survey without a section is told by its mean and its distribution alone.

use std::collections::BTreeMap;

use super::reading::{Reading, Spot};
use super::section::Section;
use super::understand::{choice, score};
use crate::engine::settings::{Survey, SurveyKind};

/// How a scale is written.
const SOME_SCALE: &str = "[1, 5]";

/// Reads all of them, over the customary ones.
pub(super) fn read(document: &mut Section<'_>) -> BTreeMap<String, Survey> {
    let mut surveys = Survey::customary();
    let written = document.named_sections("survey", survey);
    surveys.extend(written.into_iter().filter_map(|(name, survey)| Some((name, survey?))));
    surveys
}

/// One survey; none if a mistake was told.
fn survey(section: &mut Section<'_>) -> Option<Survey> {
    let name = section.spot().key.strip_prefix("survey.").unwrap_or_default();
    let usual = Survey::customary().get(name).copied();
    let scale = section.read_list("scale", SOME_SCALE, score);
    let satisfied_from = section.read("satisfied_from", score);
    let bad_up_to = section.read("bad_up_to", score);
    let kinds = SurveyKind::ALL.map(SurveyKind::name);
    let kind = section.read("kind", choice("kind of survey", &kinds, SurveyKind::from_name));
    if usual.is_none() {
        let absent = [
            ("scale", matches!(scale, Reading::Absent), SOME_SCALE),
            ("satisfied_from", matches!(satisfied_from, Reading::Absent), "4"),
            ("bad_up_to", matches!(bad_up_to, Reading::Absent), "2"),
        ];
        for (key, _, example) in absent.into_iter().filter(|(_, is_absent, _)| *is_absent) {
            section.refuse_absence(key, &format!("is missing: only csat and nps are known, write {key} = {example}"));
        }
    }
    let kind = kind.or(usual.map_or(SurveyKind::Share, |usual| usual.kind));
    let (lowest, highest, scale) = ends(section, scale, usual)?;
    let satisfied = limit(satisfied_from, usual.map(|usual| usual.satisfied_from))?;
    let bad = limit(bad_up_to, usual.map(|usual| usual.bad_up_to))?;
    let survey = Survey { lowest, highest, satisfied_from: satisfied.0, bad_up_to: bad.0, kind };
    let fits = [("satisfied_from", &satisfied), ("bad_up_to", &bad)].map(|(key, limit)| {
        let is_on_scale = (lowest..=highest).contains(&limit.0);
        if !is_on_scale {
            let message =
                format!("{} is not on the scale from {} to {}", shown(limit.0), shown(lowest), shown(highest));
            match (&limit.1, &scale) {
                (Some(spot), _) => section.refuse(spot, format!("{message}: change either")),
                (None, Some(scale)) => section.refuse(scale, format!("{key}, by default {message}: set {key} too")),
                (None, None) => {}
            }
        }
        is_on_scale
    });
    if fits != [true, true] {
        return None;
    }
    if survey.bad_up_to >= survey.satisfied_from {
        let spot = bad.1.or(satisfied.1).unwrap_or_else(|| section.spot().clone());
        let [bad, satisfied] = [survey.bad_up_to, survey.satisfied_from].map(shown);
        let message = format!(
            "a score of {satisfied} would be both: bad_up_to is {bad} and has to be below satisfied_from, {satisfied}"
        );
        section.refuse(&spot, message);
        return None;
    }
    Some(survey)
}

/// The ends of the scale and where it was written; none if it is not known.
fn ends(
    section: &mut Section<'_>,
    scale: Reading<Vec<(i64, Spot)>>,
    usual: Option<Survey>,
) -> Option<(i64, i64, Option<Spot>)> {
    match scale {
        Reading::Refused => None,
        Reading::Absent => usual.map(|usual| (usual.lowest, usual.highest, None)),
        Reading::Usable(ends, spot) => match ends[..] {
            [(lowest, _), (highest, _)] if lowest < highest => Some((lowest, highest, Some(spot))),
            _ => {
                let message = format!("is no scale: write the lowest and the highest score, as in {SOME_SCALE}");
                section.refuse(&spot, message);
                None
            }
        },
    }
}

/// A score that was written, or the usual one, and where it was written; none if it is not known.
fn limit(reading: Reading<i64>, usual: Option<i64>) -> Option<(i64, Option<Spot>)> {
    match reading {
        Reading::Refused => None,
        Reading::Absent => usual.map(|usual| (usual, None)),
        Reading::Usable(score, spot) => Some((score, Some(spot))),
    }
}

/// Thousandths as a score.
fn shown(thousandths: i64) -> String {
    (thousandths as f64 / 1e3).to_string()
}
