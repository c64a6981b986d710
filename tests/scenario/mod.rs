//! The scenarios: every rule of the fold as a story that a support manager can read, played to the engine.
//!
//! Each file of `tests/scenarios` says one rule, what happens, and what must then be seen. A block that begins with
//! `at` or `from` is judged by the events above it. Unless a file says `in this order only`, the same must be seen
//! whatever the order the events come in, when each comes twice, and when two shards share them; and in every file when
//! the engine is saved and restored in between.
//!
//! `HOLDLINE_BLESS=1` rewrites what must be seen from what the engine shows; the difference is for a person to judge.
//! How a scenario is written: `text` (durations and instants), `parse` (settings and events), `block` (expectations).
//! What the engine answers: `seen`, and of surveys and outcomes `said`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdline::engine::shard::{Keep, Shard};
use holdline::event::Event;

use self::block::{INPUT, Rows, Span, difference};
use self::parse::{Scenario, parse};
use self::seen::{seen, seen_input};

mod bless;
mod block;
mod parse;
mod rules;
mod said;
mod seen;
mod text;

/// How the same events are brought to the engine.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Feeding {
    AsWritten,
    /// In the order of the file, saved and restored in between: after every event, or eight times in a long file.
    SavedAndRestored,
    /// In the order of the file, into a shard that keeps only what windows need.
    Live,
    Reversed,
    Shuffled(u64),
    EachTwice,
    /// Contacts shared between two shards.
    OverTwoShards,
}

impl Feeding {
    fn all(in_this_order_only: bool) -> Vec<Feeding> {
        let mut all = vec![Feeding::AsWritten, Feeding::SavedAndRestored, Feeding::Live];
        if !in_this_order_only {
            all.extend([Feeding::Reversed, Feeding::EachTwice, Feeding::OverTwoShards]);
            all.extend((1..=6).map(Feeding::Shuffled));
        }
        all
    }

    /// The engine after these events.
    fn feed(self, scenario: &Scenario, events: &[Event<'static>]) -> Vec<Shard> {
        let settings = Arc::new(scenario.settings.clone());
        let keep = || if self == Feeding::Live { Keep::Windows } else { Keep::Everything };
        let mut shards = vec![Shard::new(Arc::clone(&settings), keep())];
        if self == Feeding::OverTwoShards {
            shards.push(Shard::new(Arc::clone(&settings), keep()));
        }
        let mut order: Vec<&Event> = events.iter().collect();
        match self {
            Feeding::Reversed => order.reverse(),
            Feeding::Shuffled(seed) => shuffle(&mut order, seed),
            Feeding::EachTwice => order = order.into_iter().flat_map(|event| [event, event]).collect(),
            _ => {}
        }
        let stride = order.len().div_ceil(if order.len() > 64 { 8 } else { 64 }).max(1);
        for (index, event) in order.into_iter().enumerate() {
            let id = match event {
                Event::Contact(event) => &event.contact_id,
                Event::Agent(event) => &event.agent_id,
            };
            let home = id.bytes().map(usize::from).sum::<usize>() % shards.len();
            shards[home].apply(event);
            if self == Feeding::SavedAndRestored && index % stride == 0 {
                let saved = shards[home].encode();
                shards[home] = Shard::decode(&saved, &settings).expect("what was saved is restored");
            }
        }
        shards
    }
}

/// Fisher and Yates, with the SplitMix64 generator: the same seed gives the same order everywhere.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for index in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let below = u64::try_from(index + 1).expect("an index fits");
        items.swap(index, usize::try_from((mixed ^ (mixed >> 31)) % below).expect("it is below an index"));
    }
}

/// What a block says and what is seen after this feeding; none where the two cannot be compared.
fn look(scenario: &Scenario, number: usize, feeding: Feeding) -> Option<(Rows, Rows)> {
    let (above, block) = &scenario.blocks[number];
    if feeding == Feeding::Live && !matches!(block.span, Span::Window(..)) {
        return None;
    }
    let shards = feeding.feed(scenario, &scenario.events[..*above]);
    let shards: Vec<&Shard> = shards.iter().collect();
    let (mut written, mut shown) = (block.rows.clone(), seen(block, &shards, scenario.base));
    if number + 1 == scenario.blocks.len() || written.contains_key(INPUT) {
        shown.insert(INPUT.to_owned(), seen_input(block, &shards));
    }
    if feeding == Feeding::EachTwice {
        for rows in [&mut written, &mut shown] {
            for arrivals in ["duplicate", "events"] {
                rows.get_mut(INPUT).map(|row| row.remove(arrivals));
            }
        }
    }
    Some((written, shown))
}

/// All that a scenario says and the engine does not show, by feeding; empty if it holds.
fn check(name: &str, scenario: &Scenario) -> String {
    let mut report = String::new();
    for feeding in Feeding::all(scenario.in_this_order_only) {
        for (number, (_, block)) in scenario.blocks.iter().enumerate() {
            let Some((written, shown)) = look(scenario, number, feeding) else { continue };
            let differs = difference(&written, &shown);
            if !differs.is_empty() {
                report += &format!("{name}:{}: {}, fed {feeding:?}\n{differs}", block.line, block.title(scenario.base));
            }
        }
        if !report.is_empty() {
            break; // What fails as written fails in any order: one report is enough.
        }
    }
    report
}

/// The folder of the scenarios.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Every scenario by file name, in order.
fn files() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder()).expect("tests/scenarios is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "scenario"));
    paths.sort();
    let name = |path: &Path| path.file_name().expect("a file has a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).expect("it can be read"))).collect()
}

#[test]
fn every_scenario_holds() {
    let bless = std::env::var_os("HOLDLINE_BLESS").is_some();
    let mut reports = Vec::new();
    for (name, source) in files() {
        match parse(&source) {
            Err((line, message)) => reports.push(format!("{name}:{line}: {message}\n")),
            Ok(scenario) if bless => {
                let rewritten = bless::rewrite(&source, &scenario);
                fs::write(folder().join(&name), rewritten).expect("it can be written");
            }
            Ok(scenario) => reports.push(check(&name, &scenario)),
        }
    }
    reports.retain(|report| !report.is_empty());
    assert!(reports.is_empty(), "{} scenarios do not hold:\n{}", reports.len(), reports.concat());
}

#[test]
fn every_rule_has_its_scenarios_and_every_scenario_its_rule() {
    let mut named: Vec<&str> = rules::RULES.iter().flat_map(|(_, files)| files.iter().copied()).collect();
    named.sort_unstable();
    named.dedup();
    let there: Vec<String> =
        files().into_iter().map(|(name, _)| name.trim_end_matches(".scenario").to_owned()).collect();
    let missing: Vec<_> = named.iter().filter(|name| !there.iter().any(|file| file == *name)).collect();
    let unnamed: Vec<_> = there.iter().filter(|file| !named.contains(&file.as_str())).collect();
    assert!(missing.is_empty(), "rules name scenarios that do not exist: {missing:?}");
    assert!(unnamed.is_empty(), "scenarios that no rule names: {unnamed:?}");
}

const STORY: &str = "# A story.\n09:00:03  offered  anna  queue=billing\n09:00:11  answered  anna\n";

#[test]
fn a_count_that_nobody_named_is_a_difference() {
    let check_with =
        |expected: &str| check("story", &parse(&format!("{STORY}at 09:01\n{expected}")).expect("it reads"));
    assert_eq!(check_with("  billing  offered 1, answered 1, answered_within 1, wait_answered 8s\n"), "");
    assert!(
        check_with("  billing  offered 1, answered 1, wait_answered 8s\n").contains("+ billing  answered_within 1")
    );
    assert!(
        check_with("  billing  offered 1, answered 1, answered_within 1\n").contains("+ billing  wait_answered 8s")
    );
    assert!(check_with("  nothing\n").contains("+ billing  offered 1"));
    assert!(check_with("  sales  offered 1\n").contains("- sales  offered 1"));
}

#[test]
fn what_was_said_and_nobody_named_is_a_difference() {
    let said = "09:00:20  rated  anna  survey=csat score=4\n09:00:20  outcome  anna  name=sale amount=12.5\n";
    let visit = "  billing  offered 1, answered 1, answered_within 1, wait_answered 8s\n";
    let check_with = |expected: &str| {
        let story = format!("{STORY}{said}at 09:01\n{visit}{expected}");
        check("story", &parse(&story).expect("it reads"))
    };
    let survey = "  billing survey csat:  count 1, mean 4, satisfied 100%, bad 0%\n";
    let outcome = "  billing outcome sale:  count 1, amount 12.5, per_answered 100%\n";
    assert_eq!(check_with(&format!("{survey}{outcome}")), "");
    assert!(check_with(survey).contains("+ billing outcome sale  amount 12.5"));
    assert!(check_with(outcome).contains("+ billing survey csat  mean 4"));
    let other = survey.replace("mean 4", "mean 5");
    assert!(check_with(&format!("{other}{outcome}")).contains("- billing survey csat  mean 5"));
}

#[test]
fn a_count_of_the_input_that_nobody_named_is_a_difference() {
    let again = "09:00:11  answered  anna\n";
    let story =
        format!("{STORY}{again}at 09:01\n  billing  offered 1, answered 1, answered_within 1, wait_answered 8s\n");
    assert!(check("story", &parse(&story).expect("it reads")).contains("+ input  duplicate 1"));
    assert_eq!(check("story", &parse(&format!("{story}  input  duplicate 1\n")).expect("it reads")), "");
}

#[test]
fn what_is_blessed_holds() {
    let story = format!("{STORY}at 09:01\n  billing  offered 3\n  billing  levels offered 7%\n# The end.\n");
    let blessed = bless::rewrite(&story, &parse(&story).expect("it reads"));
    assert_eq!(check("story", &parse(&blessed).expect("it reads")), "", "{blessed}");
    assert!(blessed.ends_with("# The end.\n") && blessed.contains("levels offered 100%"), "{blessed}");
}

#[test]
fn a_mistake_is_reported_with_its_line() {
    let mistake = |text: &str| parse(&format!("{STORY}{text}")).err().expect("it is a mistake");
    assert_eq!(mistake("09:00:12  danced  anna\n"), (4, "nothing is called `danced`".to_owned()));
    assert_eq!(mistake("09:00:12  left  anna\n"), (4, "`reason=` is missing".to_owned()));
    assert_eq!(mistake("09:00:12  answered  anna  reason=key\n"), (4, "`answered` has no `reason`".to_owned()));
    assert_eq!(mistake("set answer_within 20\n").0, 4);
    assert_eq!(mistake("set colour 20s\n"), (4, "nothing is called `colour`".to_owned()));
    assert_eq!(mistake("at 09:01\n  billing  offers 1\n"), (5, "nothing is called `offers`".to_owned()));
    assert_eq!(mistake("at 09:01\n  billing  offered 1\n09:02  completed  anna\n").0, 6);
    assert_eq!(mistake("at 09:01\n  billing survey csat: offered 1\n"), (5, "nothing is called `offered`".to_owned()));
    let no_number = "`many` is no number, as in `count 2, mean 4.5, satisfied 50%`".to_owned();
    assert_eq!(mistake("at 09:01\n  billing outcome sale: count many\n"), (5, no_number));
    assert_eq!(parse("09:00  offered  anna  queue=billing\n").err().map(|(line, _)| line), Some(1));
}
