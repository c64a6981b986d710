//! What makes no sense together, mistakes in variables, and many mistakes at once: place, key, words and fix of each.

use super::tests::{refused, refused_with};

#[test]
fn slots_and_windows_that_do_not_fit() {
    refused(
        "[slots]\ncoarse = '7m'",
        &["2:1: slots.coarse: coarse slots of 7m do not divide an hour: take 1m, 5m, 10m or 15m"],
    );
    refused(
        "[slots]\nfine = '25s'",
        &["2:1: slots.fine: fine slots of 25s do not divide coarse slots of 1m: change either"],
    );
    refused(
        "[slots]\nfine = '20s'\ncoarse = '50s'",
        &["3:1: slots.coarse: fine slots of 20s do not divide coarse slots of 50s: change either"],
    );
    refused(
        "[slots]\nfine = '20s'\ncoarse = '30s'",
        &["3:1: slots.coarse: fine slots of 20s do not divide coarse slots of 30s: change either"],
    );
    refused(
        "[slots]\nfine = '5s'\n[windows]\ncounts = ['90s']",
        &[r#"2:1: slots.fine: "5s" is too short: at least 10s"#],
    );
    refused(
        "[slots]\ncoarse = '10m'",
        &[
            "2:1: slots.coarse: the window 15m is not a multiple of coarse slots, 10m: set windows.counts too",
            "2:1: slots.coarse: the window 5m is not a multiple of coarse slots, 10m: set windows.counts too",
        ],
    );
    refused(
        "[windows]\ncounts = ['90s', '5m']",
        &["2:11: windows.counts: the window 90s is not a multiple of coarse slots, 1m: change either"],
    );
    refused(
        "[windows]\ncounts = ['10m', '5m', '1h', '60m']",
        &[
            r#"2:18: windows.counts: "5m" is not longer than "10m" before it: list each once, the shortest first"#,
            r#"2:30: windows.counts: "60m" is not longer than "1h" before it: list each once, the shortest first"#,
        ],
    );
    refused(
        "\
         [windows]\n\
         counts = [\n\
           '5m',\n\
           '1h',\n\
         ]\n\
         quantiles = ['5m', '30m', '60m']",
        &[r#"6:20: windows.quantiles: "30m" is not among counts: add it there too"#],
    );
    refused(
        "[windows]\nquantiles = ['30m', '30m']",
        &["2:21: windows.quantiles: \"30m\" is not longer than \"30m\" before it: list each once, the \
             shortest first"],
    );
}

#[test]
fn promises_that_contradict_themselves() {
    refused(
        "[service]\nanswer_within = '20s'\nshort_abandon = '30s'",
        &["3:1: service.short_abandon: 30s is longer than answer_within, 20s in line 2: write at most 20s"],
    );
    refused(
        "[service]\nanswer_within = '3s'",
        &["2:1: service.answer_within: 3s is shorter than short_abandon, 5s by default: set short_abandon \
             here too, to at most 3s"],
    );
    refused(
        "[service]\nshort_abandon = '21s'\n[service.tier.vip]\ngoal = 0.9",
        &["2:1: service.short_abandon: 21s is longer than answer_within, 20s by default: write at most 20s"],
    );
    refused(
        "[service.tier.vip]\nanswer_within = '3s'",
        &["2:1: service.tier.vip.answer_within: 3s is shorter than short_abandon, 5s by default: set \
             short_abandon here too, to at most 3s (they meet for tier vip)"],
    );
    refused(
        "\
         [service.channel.email]\n\
         short_abandon = '1m'\n\
         answer_within = '24h'\n\
         [service.tier.vip]\n\
         answer_within = '10s'",
        &["5:1: service.tier.vip.answer_within: 10s is shorter than short_abandon, 1m in line 2: set \
             short_abandon here too, to at most 10s (they meet for channel email, tier vip)"],
    );
    refused(
        "\
         [service]\n\
         short_abandon = '15s'\n\
         [[queue]]\n\
         id = 'a'\n\
         answer_within = '10s'\n\
         [[queue]]\n\
         id = 'b'\n\
         answer_within = '10s'\n\
         [queue.channel.chat]\n\
         short_abandon = '1s'",
        &[
            "5:1: queue.a.answer_within: 10s is shorter than short_abandon, 15s in line 2: set short_abandon \
             here too, to at most 10s (they meet for queue a)",
            "8:1: queue.b.answer_within: 10s is shorter than short_abandon, 15s in line 2: set short_abandon \
             here too, to at most 10s (they meet for queue b)",
        ],
    );
    refused(
        "\
         [service.channel.chat]\n\
         short_abandon = '15s'\n\
         [[queue]]\n\
         id = 'a'\n\
         [queue.tier.vip]\n\
         answer_within = '10s'",
        &["6:1: queue.a.tier.vip.answer_within: 10s is shorter than short_abandon, 15s in line 2: set \
             short_abandon here too, to at most 10s (they meet for queue a, channel chat, tier vip)"],
    );
    refused(
        "[service]\nanswer_within = '20'\nshort_abandon = '30s'",
        &[r#"2:1: service.answer_within: "20" has no unit: write 20s, 20m, 20h or 20d"#],
    );
    refused(
        "\
         [service]\n\
         short_abandon = '30s'\n\
         [[queue]]\n\
         id='a'\n\
         answer_within = '1m'",
        &["2:1: service.short_abandon: 30s is longer than answer_within, 20s by default: write at most 20s"],
    );
}

#[test]
fn variables() {
    refused_with(
        "",
        &[
            ("HOLDLINE_SERVICE__ANSWER_WITHNI", "30s"),
            ("HOLDLINE_SERVICE__GOAL", "80"),
            ("HOLDLINE_SERVICE__MIN_CONTACTS", "many"),
        ],
        &[
            "HOLDLINE_SERVICE__ANSWER_WITHNI: service.answer_withni: unknown key: did you mean `answer_within`?",
            r#"HOLDLINE_SERVICE__GOAL: service.goal: "80" is not a share between 0 and 1: for 80 % write 0.8"#,
            "HOLDLINE_SERVICE__MIN_CONTACTS: service.min_contacts: \"many\" is not a whole number from 0 to \
             1000000000",
        ],
    );
    refused_with(
        "",
        &[("HOLDLINE_SERVICE_GOAL", "0.9"), ("HOLDLINE_", "x"), ("HOLDLINE_QUEUE", "x"), ("HOLDLINE_SERVICE__", "x")],
        &[
            "HOLDLINE_: names no key: write a section, two underscores and a key, as in HOLDLINE_SERVICE__GOAL",
            "HOLDLINE_QUEUE: queue: names no key: write a section, two underscores and a key, as in \
             HOLDLINE_SERVICE__GOAL",
            "HOLDLINE_SERVICE_GOAL: service_goal: names no key: write a section, two underscores and a key, \
             as in HOLDLINE_SERVICE__GOAL",
            "HOLDLINE_SERVICE__: service.: unknown key: known here are answer_within, goal, formula, \
             min_contacts, business_time, short_abandon, calendar, contact_wait, first_reply, next_reply, \
             first_resolution, resolution, handle, channel, tier",
        ],
    );
    refused_with(
        "",
        &[("HOLDLINE_TIDE__HOLIDAYS", "x")],
        &[
            "HOLDLINE_TIDE__HOLIDAYS: tide: unknown key: known here are service, queue, calendar, survey, slots, windows, \
             lifetimes, limits, customers, report, kafka, checkpoint, http, metrics, outliers, surge, staffing, log",
        ],
    );
    refused_with(
        "",
        &[("HOLDLINE_SERVICE__GOAL", "0.9"), ("HOLDLINE_service__goal", "0.9")],
        &["HOLDLINE_service__goal: service.goal: HOLDLINE_SERVICE__GOAL sets the same key: unset one of them"],
    );
    refused_with(
        "[service.channel.email]\ngoal = 0.9",
        &[("HOLDLINE_SERVICE__CHANNEL__EMAIL", "1h"), ("HOLDLINE_SERVICE__GOAL__X", "1h")],
        &[
            "HOLDLINE_SERVICE__CHANNEL__EMAIL: service.channel.email: \"1h\" is not a section: its keys go \
             under a header in brackets",
            "HOLDLINE_SERVICE__GOAL__X: service.goal: a section is not a share between 0 and 1, both excluded",
        ],
    );
    refused_with(
        "[service]\ngoal = 0.9",
        &[("HOLDLINE_SERVICE__GOAL__X", "1h")],
        &["HOLDLINE_SERVICE__GOAL__X: service.goal.x: names no key: GOAL is 0.9 and holds no keys"],
    );
    refused_with(
        "[[queue]]\nid = 'a'",
        &[("HOLDLINE_QUEUE__B__GOAL", "0.9"), ("HOLDLINE_QUEUE__A", "0.9"), ("HOLDLINE_QUEUE__A__GAOL", "0.9")],
        &[
            "HOLDLINE_QUEUE__A: queue.a: names no key: two underscores and a key are missing",
            "HOLDLINE_QUEUE__A__GAOL: queue.a.gaol: unknown key: did you mean `goal`?",
            "HOLDLINE_QUEUE__B__GOAL: queue.b.goal: no [[queue]] in the file has the id B: list the queue there",
        ],
    );
    refused_with(
        "[[queue]]\nid = 'a-b'\n[[queue]]\nid = 'A b'",
        &[("HOLDLINE_QUEUE__A_B__GOAL", "0.9")],
        &["HOLDLINE_QUEUE__A_B__GOAL: queue.a_b.goal: can mean any of the queues A b, a-b: set it in the file"],
    );
    refused_with(
        "[service]\nanswer_within = '20s'",
        &[("HOLDLINE_SERVICE__SHORT_ABANDON", "30s")],
        &["HOLDLINE_SERVICE__SHORT_ABANDON: service.short_abandon: 30s is longer than answer_within, 20s \
             in line 2: write at most 20s"],
    );
    refused_with(
        "[service]\nanswer_within = 'oops'",
        &[("HOLDLINE_SERVICE__ANSWER_WITHIN", "30s"), ("HOLDLINE_WINDOWS__COUNTS", "5m,x,90s")],
        &["HOLDLINE_WINDOWS__COUNTS: windows.counts: \"x\" is not a duration: write numbers with units, \
             the longest first, as in 20s, 1h30m or 7d"],
    );
    refused_with(
        "",
        &[("HOLDLINE_WINDOWS__COUNTS", "5m,90s")],
        &[
            "HOLDLINE_WINDOWS__COUNTS: windows.counts: \"90s\" is not longer than \"5m\" before it: list \
             each once, the shortest first",
            "HOLDLINE_WINDOWS__COUNTS: windows.counts: the window 90s is not a multiple of coarse slots, 1m: \
             change either",
        ],
    );
    refused_with(
        "",
        &[("HOLDLINE_HTTP_PORT", "9847")],
        &["HOLDLINE_HTTP_PORT: http_port: names no key: write a section, two underscores and a key, as in \
             HOLDLINE_SERVICE__GOAL"],
    );
}

#[test]
fn many_mistakes_at_once() {
    refused_with(
        "\
         [service]\n\
         goal = 80\n\
         answer_within = 20\n\n\
         \
         [slots]\n\
         fine = '1s'\n\n\
         \
         [[queue]]\n\
         id = 'a'\n\
         formula = x\n\
         short_abandom = '5s'\n\n\
         \
         [[queue]]\n\
         id = 'a'\n\
         [report]\n\
         zone = 'Berlin'",
        &[("HOLDLINE_LIMITS__WORST", "0")],
        &[
            "2:1: service.goal: 80 is not a share between 0 and 1: for 80 % write 0.8",
            r#"3:1: service.answer_within: 20 is not a duration: write it in quotes and with its unit, as in "20s""#,
            r#"6:1: slots.fine: "1s" is too short: at least 10s"#,
            "10:11: x is not TOML: string values must be quoted, expected literal string",
            "11:1: queue.a.short_abandom: unknown key: did you mean `short_abandon`?",
            r#"14:1: queue.a.id: "a" is listed twice, first in line 9: write its keys there"#,
            r#"16:1: report.zone: "Berlin" is not a zone: write an IANA name, as in "Europe/Berlin" or "UTC""#,
            "HOLDLINE_LIMITS__WORST: limits.worst: 0 is too small: at least 1",
        ],
    );
}
