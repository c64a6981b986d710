//! What is not TOML, unknown keys, and values that are mistakes by themselves: place, key, words and fix of each.

use super::tests::refused;

#[test]
fn what_is_not_toml() {
    refused("[service]\ngoal =", &["2:7: not TOML: string values must be quoted, expected literal string"]);
    refused(
        "[service]\nanswer_within = 20s",
        &["2:17: 20s is not TOML: string values must be quoted, expected literal string"],
    );
    refused(
        "[service]\nformula = \"offered\n[slots]\nfine = \"1s\"",
        &[
            r#"2:19: not TOML: invalid basic string, expected `"`"#,
            r#"4:1: slots.fine: "1s" is too short: at least 10s"#,
        ],
    );
    refused(
        "[service\ngoal = 2\n[slots]\nfine = '1s'",
        &["1:9: not TOML: unclosed table, expected `]`", r#"4:1: slots.fine: "1s" is too short: at least 10s"#],
    );
    refused("[service]\ngoal = 0.8\ngoal = 0.9", &["3:1: goal is not TOML: duplicate key"]);
    refused("[service]\nmin_contacts = 020", &["2:16: 0 is not TOML: unexpected leading zero"]);
    refused("[[queue]]\nid = 'a'\n[queue]", &["3:2: queue is not TOML: duplicate key"]);
    refused("goal 0.8", &["1:6: not TOML: key with no value, expected `=`"]);
    refused(
        "[windows]\ncounts = ['5m' '10m']",
        &["2:16: not TOML: missing comma between array elements, expected `,`"],
    );
}

#[test]
fn unknown_keys() {
    refused(
        "zone = 'UTC'",
        &[
            "1:1: zone: unknown key: known here are service, queue, calendar, survey, slots, windows, lifetimes, limits, customers, \
             report, kafka, checkpoint, http, metrics, outliers, surge, staffing, log",
        ],
    );
    refused("[servise]\ngoal = 2", &["1:2: servise: unknown key: did you mean `service`?"]);
    refused(
        "[service]\nanswer-within = '20s'\nGoal = 0.8\nshort_abandom = '5s'",
        &[
            "2:1: service.answer-within: unknown key: did you mean `answer_within`?",
            "3:1: service.Goal: unknown key: did you mean `goal`?",
            "4:1: service.short_abandom: unknown key: did you mean `short_abandon`?",
        ],
    );
    refused("[service]\nchanel.email.goal = 0.9", &["2:1: service.chanel: unknown key: did you mean `channel`?"]);
    refused(
        "[tide]\nholidays = 'x'",
        &[
            "1:2: tide: unknown key: known here are service, queue, calendar, survey, slots, windows, lifetimes, limits, customers, \
             report, kafka, checkpoint, http, metrics, outliers, surge, staffing, log",
        ],
    );
    refused(
        "[service.tier.vip.channel.chat]\ngoal = 0.9",
        &["1:19: service.tier.vip.channel: unknown key: known here are answer_within, goal, formula, \
             min_contacts, business_time, short_abandon, calendar, contact_wait, first_reply, next_reply, \
             first_resolution, resolution, handle"],
    );
    refused("[[queue]]\nid = 'a'\ncalender = 'il'", &["3:1: queue.a.calender: unknown key: did you mean `calendar`?"]);
}

#[test]
fn values_of_the_wrong_kind() {
    refused("service = 3", &["1:1: service: 3 is not a section: its keys go under a header in brackets"]);
    refused(
        "[service]\nanswer_within = 20",
        &[r#"2:1: service.answer_within: 20 is not a duration: write it in quotes and with its unit, as in "20s""#],
    );
    refused(
        "[service]\nanswer_within = '20'",
        &[r#"2:1: service.answer_within: "20" has no unit: write 20s, 20m, 20h or 20d"#],
    );
    refused(
        "[service]\nanswer_within = 'soon'",
        &["2:1: service.answer_within: \"soon\" is not a duration: write numbers with units, the longest \
             first, as in 20s, 1h30m or 7d"],
    );
    refused(
        "[service]\ngoal = '80 %'",
        &[r#"2:1: service.goal: "80 %" is not a share between 0 and 1, both excluded"#],
    );
    refused(
        "[service]\nformula = true",
        &["2:1: service.formula: true is not a formula: take one of offered, answered_only, \
             ignore_abandoned_within, count_abandoned_within, exclude_short_abandoned, \
             count_short_abandoned, offered_and_left, removed_within"],
    );
    refused(
        "[service]\nchannel = 'email'",
        &[r#"2:1: service.channel: "email" is not a section: its keys go under a header in brackets"#],
    );
    refused(
        "[service.channel]\nemail = '1h'",
        &[r#"2:1: service.channel.email: "1h" is not a section: its keys go under a header in brackets"#],
    );
    refused(
        "[service]\nmin_contacts = 2.5",
        &["2:1: service.min_contacts: 2.5 is not a whole number from 0 to 1000000000"],
    );
    refused(
        "[service]\nmin_contacts = 1979-05-27",
        &["2:1: service.min_contacts: 1979-05-27 is not a whole number from 0 to 1000000000"],
    );
    refused("[windows]\ncounts = '5m'", &[r#"2:1: windows.counts: "5m" is not a list: write it as in ["5m", "1h"]"#]);
    refused(
        "[windows]\ncounts = ['5m', 10, 'x']",
        &[
            r#"2:17: windows.counts: 10 is not a duration: write it in quotes and with its unit, as in "20s""#,
            "2:21: windows.counts: \"x\" is not a duration: write numbers with units, the longest first, as \
             in 20s, 1h30m or 7d",
        ],
    );
    refused("[report]\nzone = 2", &[r#"2:1: report.zone: 2 is not the name of a zone, as in "Europe/Berlin""#]);
    refused(
        "[queue]\nid = 'a'",
        &["1:2: queue: is one section, but there can be many: write [[queue]] in double brackets"],
    );
    refused("queue = 1", &["1:1: queue: 1 is not a list of sections: write each under [[queue]]"]);
    refused(
        "queue = ['a', { id = 'b', goal = 7 }]",
        &[
            r#"1:10: queue.1: "a" is not a section: write each under [[queue]]"#,
            "1:27: queue.b.goal: 7 is not a share between 0 and 1: for 7 % write 0.07",
        ],
    );
    refused("[[queue]]\nid = 7", &["2:1: queue.1.id: 7 is not a text in quotes"]);
}

#[test]
fn values_out_of_bounds() {
    refused("[service]\nanswer_within = '401d'", &[r#"2:1: service.answer_within: "401d" is too long: at most 400d"#]);
    refused("[service]\ngoal = 0", &["2:1: service.goal: 0 is not a share between 0 and 1, both excluded"]);
    refused("[service]\ngoal = 1.0", &["2:1: service.goal: 1.0 is not a share between 0 and 1, both excluded"]);
    refused("[service]\ngoal = 95", &["2:1: service.goal: 95 is not a share between 0 and 1: for 95 % write 0.95"]);
    refused("[service]\ngoal = nan", &["2:1: service.goal: nan is not a share between 0 and 1, both excluded"]);
    refused("[service]\ngoal = -0.5", &["2:1: service.goal: -0.5 is not a share between 0 and 1, both excluded"]);
    refused(
        "[service]\nformula = 'offred'",
        &["2:1: service.formula: \"offred\" is not a formula (did you mean \"offered\"?): take one of \
             offered, answered_only, ignore_abandoned_within, count_abandoned_within, \
             exclude_short_abandoned, count_short_abandoned, offered_and_left, removed_within"],
    );
    refused(
        "[service]\nformula = 'best'",
        &["2:1: service.formula: \"best\" is not a formula: take one of offered, answered_only, \
             ignore_abandoned_within, count_abandoned_within, exclude_short_abandoned, \
             count_short_abandoned, offered_and_left, removed_within"],
    );
    refused(
        "[service]\nmin_contacts = -1",
        &["2:1: service.min_contacts: -1 is not a whole number from 0 to 1000000000"],
    );
    refused("[slots]\nfine = '5s'", &[r#"2:1: slots.fine: "5s" is too short: at least 10s"#]);
    refused("[slots]\ncoarse = '2h'", &[r#"2:1: slots.coarse: "2h" is too long: at most 1h"#]);
    refused(
        "[lifetimes]\nsettle = '9s'\nexpire = '0s'\nlateness = '0s'",
        &[
            r#"2:1: lifetimes.settle: "9s" is too short: at least 10s"#,
            r#"3:1: lifetimes.expire: "0s" is too short: at least 10s"#,
            r#"4:1: lifetimes.lateness: "0s" is too short: at least 1ms"#,
        ],
    );
    refused(
        "[lifetimes.expire_by_channel]\nchat = '9s'",
        &[r#"2:1: lifetimes.expire_by_channel.chat: "9s" is too short: at least 10s"#],
    );
    refused(
        "\
         [limits]\n\
         lanes = 0\n\
         contacts = 0\n\
         facts = 7\n\
         worst = 0\n\
         record_bytes = 255",
        &[
            "2:1: limits.lanes: 0 is too small: at least 1",
            "3:1: limits.contacts: 0 is too small: at least 1",
            "4:1: limits.facts: 7 is too small: at least 8",
            "5:1: limits.worst: 0 is too small: at least 1",
            "6:1: limits.record_bytes: 255 is too small: at least 256",
        ],
    );
    refused(
        "[limits]\nlanes = 100_001\ncontacts = 99999999999999999999",
        &[
            "2:1: limits.lanes: 100001 is too large: at most 100000",
            "3:1: limits.contacts: 99999999999999999999 is not a whole number from 1 to 1000000000",
        ],
    );
    refused(
        "[report]\nzone = 'Europe/Berln'",
        &[r#"2:1: report.zone: "Europe/Berln" is not a zone: did you mean "Europe/Berlin"?"#],
    );
    refused(
        "[report]\nzone = 'Mars'",
        &[r#"2:1: report.zone: "Mars" is not a zone: write an IANA name, as in "Europe/Berlin" or "UTC""#],
    );
    refused(
        "[report]\nzone = 'Etc/Unknown'",
        &[r#"2:1: report.zone: "Etc/Unknown" is not a zone: write an IANA name, as in "Europe/Berlin" or "UTC""#],
    );
    refused("[windows]\ncounts = ['0s']", &[r#"2:11: windows.counts: "0s" is too short: at least 1ms"#]);
    refused("[windows]\ncounts = []", &[r#"2:1: windows.counts: is empty: list at least one window, as in ["30m"]"#]);
}

#[test]
fn names() {
    refused(
        "[[queue]]\ngoal = 0.9",
        &[r#"1:1: queue.1.id: is missing: say which queue this is, as in id = "billing""#],
    );
    refused("[[queue]]\nid = ''", &["2:1: queue.1.id: the name is empty: write 1 to 128 bytes"]);
    refused(
        "[[queue]]\nid = 'üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü'",
        &["2:1: queue.üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü.id: the name is \
             130 bytes long: at most 128"],
    );
    refused("[service.channel.'']\ngoal = 7", &["1:18: service.channel.: the name is empty: write 1 to 128 bytes"]);
    refused(
        "\
         [[queue]]\n\
         id = 'a'\n\n\
         \
         [[queue]]\n\
         id = 'a'\n\
         goal = 0.9\n\
         [[queue]]\n\
         id = 'a'",
        &[
            r#"5:1: queue.a.id: "a" is listed twice, first in line 2: write its keys there"#,
            r#"8:1: queue.a.id: "a" is listed twice, first in line 2: write its keys there"#,
        ],
    );
}
