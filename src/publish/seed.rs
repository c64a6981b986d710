//! What was counted before the topics reach back: a file that `holdline baseline` writes and the service reads at the start.
//!
//! It is JSON, so that anybody can make one out of other sources: for each queue, runs of counts by quarter of an hour, each
//! from an instant on. Within the span that the file covers, up to `until`, the file holds, and from there on what was read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::EventTime;
use crate::publish::snapshot::{KnownBefore, KnownTimes, LeadingLane};
use crate::surge::{Counts, QUARTER_MS};

const FORMAT: &str = "holdline-baseline-1";

/// Some thousands of queues of 400 days are smaller, in bytes; a larger file is another one.
const LONGEST_FILE: u64 = 1 << 30;

/// So many quarters of an hour without anybody end a run.
const LONGEST_GAP: u32 = 8;

/// Why a text is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It is no JSON, or other JSON.
    #[error("it is no baseline: {0}")]
    Foreign(#[from] serde_json::Error),
    /// It is of a version this program does not read.
    #[error("its format is {0:?}, this program reads {FORMAT:?}")]
    Format(String),
    /// It contradicts itself: how.
    #[error("it contradicts itself: {0}")]
    Contradictory(String),
    /// It is too large, in bytes.
    #[error("it has {0} bytes: at most {LONGEST_FILE}")]
    TooLarge(u64),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// The file of a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the baseline in {}: {why}", path.display())]
pub struct UnusableSeed {
    path: PathBuf,
    why: SeedError,
}

/// What was counted before.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Seed {
    /// The first quarter that is not covered; 0 if nothing is.
    pub until: u32,
    /// By queue.
    pub queues: BTreeMap<String, SeedOfQueue>,
}

/// What was counted of one queue.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SeedOfQueue {
    /// How many were offered.
    pub counts: Counts,
    /// What else is known of it.
    pub known: KnownBefore,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    format: String,
    /// RFC 3339, on a quarter of an hour.
    until: Timestamp,
    queues: BTreeMap<String, QueueJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueJson {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    handle_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    patience_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    leading: Option<LeadingLane>,
    offered: Vec<RunJson>,
}

/// Counts of quarters of an hour that follow each other.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunJson {
    from: Timestamp,
    counts: Vec<u64>,
}

impl Seed {
    /// How many were offered to this queue before [`Seed::until`].
    pub fn counts(&self, queue: &str) -> Option<&Counts> {
        self.queues.get(queue).map(|queue| &queue.counts)
    }

    /// As JSON.
    pub fn text(&self) -> String {
        let queue = |queue: &SeedOfQueue| QueueJson {
            handle_seconds: queue.known.times.handle_seconds,
            patience_seconds: queue.known.times.patience_seconds,
            leading: queue.known.leading.clone(),
            offered: runs(&queue.counts),
        };
        let queues = self.queues.iter().map(|(name, seed)| (name.clone(), queue(seed))).collect();
        let file = FileJson { format: FORMAT.to_owned(), until: instant(self.until), queues };
        let mut text = serde_json::to_string(&file).expect("all of it is text and numbers under names");
        text.push('\n');
        text
    }

    /// What a text in this format says.
    ///
    /// # Errors
    /// It is no such text; an instant is not on a quarter of an hour, or not one of event time; a quarter is counted twice
    /// or after `until`.
    pub fn parse(text: &str) -> Result<Seed, SeedError> {
        let contradiction = |what: String| Err(SeedError::Contradictory(what));
        let file: FileJson = serde_json::from_str(text)?;
        if file.format != FORMAT {
            return Err(SeedError::Format(file.format));
        }
        let until = quarter(file.until)?;
        let mut queues = BTreeMap::new();
        for (name, queue) in file.queues {
            let mut seed = SeedOfQueue::default();
            for RunJson { from, counts } in &queue.offered {
                let first = quarter(*from)?;
                for (quarter, count) in (first..).zip(counts.iter().copied()) {
                    if quarter >= until {
                        return contradiction(format!("queue {name:?} is counted after {}", instant(until)));
                    }
                    if seed.counts.count(quarter) > 0 {
                        return contradiction(format!("queue {name:?} is counted twice at {}", instant(quarter)));
                    }
                    seed.counts.add(quarter, count);
                }
            }
            for (what, seconds) in [("handle", queue.handle_seconds), ("patience", queue.patience_seconds)] {
                let makes_sense = seconds.is_none_or(|seconds| seconds > 0.0 && seconds.is_finite());
                if !makes_sense {
                    return contradiction(format!("{what}_seconds of queue {name:?} are not more than 0"));
                }
            }
            let QueueJson { handle_seconds, patience_seconds, leading, .. } = queue;
            seed.known = KnownBefore { times: KnownTimes { handle_seconds, patience_seconds }, leading };
            queues.insert(name, seed);
        }
        Ok(Seed { until, queues })
    }

    /// What a file in this format says.
    ///
    /// # Errors
    /// As [`Seed::parse`], or the file cannot be read.
    pub fn read(path: &Path) -> Result<Seed, UnusableSeed> {
        let read = || {
            let length = fs::metadata(path)?.len();
            if length > LONGEST_FILE {
                return Err(SeedError::TooLarge(length));
            }
            Seed::parse(&fs::read_to_string(path)?)
        };
        read().map_err(|why| UnusableSeed { path: path.to_owned(), why })
    }
}

fn runs(counts: &Counts) -> Vec<RunJson> {
    let mut runs: Vec<(u32, Vec<u64>)> = Vec::new();
    for (quarter, count) in counts.iter() {
        if let Some((from, run)) = runs.last_mut() {
            let next = *from + u32::try_from(run.len()).expect("a run lies within event time");
            if quarter - next <= LONGEST_GAP {
                run.extend((next..quarter).map(|_| 0));
                run.push(count);
                continue;
            }
        }
        runs.push((quarter, vec![count]));
    }
    runs.into_iter().map(|(from, counts)| RunJson { from: instant(from), counts }).collect()
}

fn instant(quarter: u32) -> Timestamp {
    let ms = i64::from(quarter) * i64::try_from(QUARTER_MS).expect("a quarter of an hour is short");
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

fn quarter(instant: Timestamp) -> Result<u32, SeedError> {
    let ms = u64::try_from(instant.as_millisecond()).ok().filter(|ms| *ms <= EventTime::MAX.millis());
    let out_of_range = || SeedError::Contradictory(format!("{instant} is not in the years 1970 to 2109"));
    let ms = ms.ok_or_else(out_of_range)?;
    if !ms.is_multiple_of(QUARTER_MS) {
        return Err(SeedError::Contradictory(format!("{instant} is not on a quarter of an hour")));
    }
    u32::try_from(ms / QUARTER_MS).map_err(|_| out_of_range())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed {
        let counts = [(100, 1), (101, 2), (105, 3), (200, 4)].into_iter().collect();
        let times = KnownTimes { handle_seconds: Some(180.5), patience_seconds: None };
        let leading = Some(LeadingLane { channel: Some("chat".to_owned()), tier: None });
        let one = SeedOfQueue { counts, known: KnownBefore { times, leading } };
        Seed { until: 201, queues: BTreeMap::from([("a".to_owned(), one), ("b".to_owned(), SeedOfQueue::default())]) }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = seed().text();
        assert!(text.contains(r#"{"from":"1970-01-02T01:00:00Z","counts":[1,2,0,0,0,3]}"#), "{text}");
        assert_eq!(Seed::parse(&text).unwrap(), seed());
        assert_eq!(Seed::parse(&Seed::default().text()).unwrap(), Seed::default());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let text = seed().text();
        for (part, other, complaint) in [
            ("holdline-baseline-1", "holdline-baseline-9", "its format is \"holdline-baseline-9\""),
            ("1970-01-02T01:00:00Z", "1970-01-02T01:07:00Z", "is not on a quarter of an hour"),
            ("1970-01-02T01:00:00Z", "1969-01-02T01:00:00Z", "is not in the years 1970 to 2109"),
            ("1970-01-03T02:00:00Z", "1970-01-02T02:15:00Z", "is counted twice at 1970-01-02T02:15:00Z"),
            (r#""until":"1970-01-03T02:15:00Z""#, r#""until":"1970-01-03T02:00:00Z""#, "is counted after"),
            ("180.5", "-180.5", "handle_seconds of queue \"a\" are not more than 0"),
            (r#""counts":[4]"#, r#""counts":[-4]"#, "invalid value"),
            (r#""format""#, r#""shape""#, "unknown field `shape`"),
        ] {
            assert!(text.contains(part), "{part}");
            let mut error = String::new();
            if let Err(mistake) = Seed::parse(&text.replace(part, other)) {
                error = mistake.to_string();
            }
            assert!(error.contains(complaint), "{other}: {error:?}");
        }
    }
}
