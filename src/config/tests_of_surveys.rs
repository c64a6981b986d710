//! What the scores of surveys are said to mean, and what of that makes no sense.

use super::tests::{config, refused, refused_with};
use crate::engine::settings::{Survey, SurveyKind};

const CSAT: Survey =
    Survey { lowest: 1_000, highest: 5_000, satisfied_from: 4_000, bad_up_to: 2_000, kind: SurveyKind::Share };
const NPS: Survey =
    Survey { lowest: 0, highest: 10_000, satisfied_from: 9_000, bad_up_to: 6_000, kind: SurveyKind::Net };

/// The surveys of this text are these.
fn check(text: &str, environment: &[(&str, &str)], expected: &[(&str, Survey)]) {
    let surveys = config(text, environment).settings.surveys;
    let told: Vec<(&str, Survey)> = surveys.iter().map(|(name, survey)| (name.as_str(), *survey)).collect();
    assert_eq!(told, expected, "{text}");
}

#[test]
fn two_surveys_are_known() {
    check("", &[], &[("csat", CSAT), ("nps", NPS)]);
}

#[test]
fn what_is_written_is_laid_over_what_is_known() {
    let csat = Survey { satisfied_from: 5_000, ..CSAT };
    check("[survey.csat]\nsatisfied_from = 5", &[], &[("csat", csat), ("nps", NPS)]);
    let hundred = Survey { lowest: -100_000, highest: 100_000, bad_up_to: -500, kind: SurveyKind::Net, ..CSAT };
    let text = "[survey.csat]\nscale = [-100, 1e2]\nbad_up_to = -0.5\nkind = 'net'";
    check(text, &[], &[("csat", hundred), ("nps", NPS)]);
    let ease =
        Survey { lowest: 1_000, highest: 7_000, satisfied_from: 5_500, bad_up_to: 3_000, kind: SurveyKind::Share };
    let text = "[survey.'ease.of use']\nscale = [1, 7]\nsatisfied_from = 5.5\nbad_up_to = 3";
    check(text, &[], &[("csat", CSAT), ("ease.of use", ease), ("nps", NPS)]);
    let variables = [("HOLDLINE_SURVEY__CSAT__SCALE", "1, 6"), ("HOLDLINE_SURVEY__CSAT__BAD_UP_TO", "3")];
    check("", &variables, &[("csat", Survey { highest: 6_000, bad_up_to: 3_000, ..CSAT }), ("nps", NPS)]);
}

#[test]
fn scales_that_are_none() {
    let no_scale = "survey.csat.scale: is no scale: write the lowest and the highest score, as in [1, 5]";
    for scale in ["[]", "[5]", "[1, 3, 5]", "[5, 1]", "[4, 4]"] {
        refused(&format!("[survey.csat]\nscale = {scale}"), &[&format!("2:1: {no_scale}")]);
    }
    refused(
        "[survey.csat]\nscale = [1, 'five']\nsatisfied_from = 2e9",
        &[
            "2:13: survey.csat.scale: \"five\" is not a score: write a number",
            "3:1: survey.csat.satisfied_from: 2e9 is too far from 0: at most 1000000000",
        ],
    );
    refused_with("", &[("HOLDLINE_SURVEY__CSAT__SCALE", "5")], &[&format!("HOLDLINE_SURVEY__CSAT__SCALE: {no_scale}")]);
}

#[test]
fn limits_that_contradict_the_scale_or_each_other() {
    refused(
        "[survey.csat]\nsatisfied_from = 6",
        &["2:1: survey.csat.satisfied_from: 6 is not on the scale from 1 to 5: change either"],
    );
    refused(
        "[survey.nps]\nscale = [1, 5]",
        &[
            "2:1: survey.nps.scale: bad_up_to, by default 6 is not on the scale from 1 to 5: set bad_up_to too",
            "2:1: survey.nps.scale: satisfied_from, by default 9 is not on the scale from 1 to 5: set satisfied_from too",
        ],
    );
    let both = "a score of 4 would be both: bad_up_to is 4 and has to be below satisfied_from, 4";
    refused("[survey.csat]\nbad_up_to = 4", &[&format!("2:1: survey.csat.bad_up_to: {both}")]);
    refused(
        "[survey.csat]\nsatisfied_from = 2",
        &["2:1: survey.csat.satisfied_from: a score of 2 would be both: bad_up_to is 2 and has to be below \
             satisfied_from, 2"],
    );
}

#[test]
fn a_survey_of_another_name_is_described_in_full() {
    refused(
        "[survey.ease]\nkind = 'nett'",
        &[
            "1:9: survey.ease.bad_up_to: is missing: only csat and nps are known, write bad_up_to = 2",
            "1:9: survey.ease.satisfied_from: is missing: only csat and nps are known, write satisfied_from = 4",
            "1:9: survey.ease.scale: is missing: only csat and nps are known, write scale = [1, 5]",
            "2:1: survey.ease.kind: \"nett\" is not a kind of survey (did you mean \"net\"?): take one of share, net",
        ],
    );
    refused(
        "[survey.csat]\ngoal = 4",
        &["2:1: survey.csat.goal: unknown key: known here are scale, satisfied_from, \
             bad_up_to, kind"],
    );
}
