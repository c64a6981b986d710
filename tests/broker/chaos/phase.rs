//! In which phase a process died: what it said last, before it did it.

/// What it was about to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// To encode a checkpoint and to write it under a name that does not count, or in chunks that nobody lists.
    Writing,
    /// To give it its name, or to list its chunks.
    Renaming,
    /// To commit the offset that it covers.
    Committing,
    /// To take partitions or to give them up.
    Rebalancing,
    /// Nothing but to read.
    Plain,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 5] = [Phase::Writing, Phase::Renaming, Phase::Committing, Phase::Rebalancing, Phase::Plain];

    /// What is said when it begins.
    pub fn lines(self) -> &'static [&'static str] {
        match self {
            Phase::Writing => &["checkpoint: encoding", "checkpoint: writing"],
            Phase::Renaming => &["checkpoint: renaming", "checkpoint: listing"],
            Phase::Committing => &["checkpoint: durable", "checkpoint: committing"],
            Phase::Rebalancing => &["rebalance: assigned", "rebalance: revoked"],
            Phase::Plain => &["checkpoint: committed", "the group does not take the offsets", "no checkpoint: "],
        }
    }

    /// The phase at the end of a log.
    pub fn at_end_of(log: &str) -> Phase {
        let (mut phase, mut awaited) = (Phase::Plain, 0);
        for line in log.lines() {
            if let Some(begun) =
                Phase::ALL.into_iter().find(|phase| phase.lines().iter().any(|part| line.contains(part)))
            {
                // An answer may come while the next one is being written.
                if line.contains("checkpoint: committed") && !matches!(phase, Phase::Committing | Phase::Plain) {
                    continue;
                }
                phase = begun;
                awaited = if line.contains("rebalance: assigned") { partitions_of(line) } else { 0 };
            } else if awaited > 0 && line.contains("partition assigned") {
                awaited -= 1;
                if awaited == 0 {
                    phase = Phase::Plain;
                }
            }
        }
        phase
    }
}

fn partitions_of(line: &str) -> usize {
    let number = line.split_whitespace().find_map(|word| word.strip_prefix("partitions=")?.parse().ok());
    number.unwrap_or_else(|| panic!("no number of partitions: {line}"))
}

#[test]
fn the_last_line_tells_the_phase() {
    for (log, phase) in [
        ("listening", Phase::Plain),
        ("checkpoint: encoding\ncheckpoint: writing", Phase::Writing),
        ("checkpoint: writing\ncheckpoint: renaming", Phase::Renaming),
        ("checkpoint: listing\nsomething else", Phase::Renaming),
        ("checkpoint: durable", Phase::Committing),
        ("checkpoint: committing\ncheckpoint: committed", Phase::Plain),
        ("checkpoint: committing\ncheckpoint: encoding\ncheckpoint: committed", Phase::Writing),
        ("checkpoint: writing\nno checkpoint: no room", Phase::Plain),
        ("rebalance: assigned partitions=2\npartition assigned", Phase::Rebalancing),
        ("rebalance: assigned partitions=2\npartition assigned\npartition assigned, restored", Phase::Plain),
        ("partition revoked\nrebalance: revoked partitions=2", Phase::Rebalancing),
        ("rebalance: revoked partitions=2\ncheckpoint: encoding", Phase::Writing),
    ] {
        assert_eq!(Phase::at_end_of(log), phase, "{log}");
    }
}
