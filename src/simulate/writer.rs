//! Native events as lines of JSON, written by hand into one reused buffer.
//!
//! Every text that gets here was made by this module's parent and holds nothing that JSON would escape; it does not
//! escape. Field order and number formats are part of the output that a seed promises.

use std::collections::VecDeque;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::calendar::instant;

/// Where in the output one event went and what its record needs to be told besides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Produced {
    /// The event's time, in milliseconds since the epoch; never less than that of the event before.
    pub time_ms: u64,
    /// The bytes of the line, without its line feed.
    pub line: Range<usize>,
    /// The bytes of the record key within the same buffer: the contact id; the agent id for an `agent_state`, which
    /// has no contact.
    pub key: Range<usize>,
}

/// Collects the lines that one happening causes until they are handed out.
pub(super) struct Writer {
    lines: Vec<u8>,
    waiting: VecDeque<Produced>,
    clock: Clock,
    seed: u64,
    pad: usize,
    is_silent: bool,
}

/// What a pad is made of.
const NOTE: &[u8] = b"The customer asks about the last invoice and would like to be called back in the afternoon. ";

impl Writer {
    /// Contact ids carry the seed, so that two centres can share a topic. Lines are padded to `pad` bytes if that is
    /// more than they have.
    pub(super) fn new(zone: TimeZone, seed: u64, pad: usize) -> Writer {
        let clock = Clock { zone, minute: u64::MAX, prefix: Vec::new(), suffix: Vec::new() };
        Writer { lines: Vec::new(), waiting: VecDeque::new(), clock, seed, pad, is_silent: false }
    }

    /// From now on, and before the first line, nothing is written: a third of the time is spared.
    pub(super) fn fall_silent(&mut self) {
        self.is_silent = true;
    }

    /// Hands out the next line: appends it and its line feed. None when all were handed out.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) -> Option<Produced> {
        let produced = self.waiting.pop_front()?;
        let (start, from) = (out.len(), produced.line.start);
        out.extend_from_slice(&self.lines[from..=produced.line.end]);
        if self.waiting.is_empty() {
            self.lines.clear();
        }
        Some(Produced {
            time_ms: produced.time_ms,
            line: start..start + (produced.line.end - from),
            key: start + (produced.key.start - from)..start + (produced.key.end - from),
        })
    }

    /// Begins an event of a contact.
    pub(super) fn contact(&mut self, kind: &str, number: u64, time_ms: u64) -> Line<'_> {
        let mut line = self.begin(kind, time_ms);
        line.raw(br#"","contact_id":""#);
        let start = line.here();
        line.raw(b"c");
        line.digits(line.writer.seed, 1);
        line.raw(b"-");
        line.digits(number, 8);
        line.key = start..line.here();
        line.time(time_ms);
        line
    }

    /// Begins an event of an agent.
    pub(super) fn agent(&mut self, kind: &str, number: u64, time_ms: u64) -> Line<'_> {
        let mut line = self.begin(kind, time_ms);
        line.raw(br#"","agent_id":""#);
        let start = line.here();
        line.agent_name(number);
        line.key = start..line.here();
        line.time(time_ms);
        line
    }

    fn begin(&mut self, kind: &str, time_ms: u64) -> Line<'_> {
        let start = self.lines.len();
        let mut line = Line { writer: self, start, time_ms, key: 0..0 };
        line.raw(br#"{"type":""#);
        line.raw(kind.as_bytes());
        line
    }
}

/// A line being written; it counts once it is ended.
#[must_use]
pub(super) struct Line<'a> {
    writer: &'a mut Writer,
    start: usize,
    time_ms: u64,
    key: Range<usize>,
}

impl Line<'_> {
    /// A field of safe text.
    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        self.raw(b"\"");
        self.raw(value.as_bytes());
        self.raw(b"\"");
        self
    }

    /// A field holding a list of safe texts.
    pub(super) fn texts<'b>(mut self, name: &str, values: impl Iterator<Item = &'b str>) -> Self {
        self.name(name);
        self.raw(b"[");
        for (index, value) in values.enumerate() {
            self.raw(if index == 0 { b"\"" } else { b",\"" });
            self.raw(value.as_bytes());
            self.raw(b"\"");
        }
        self.raw(b"]");
        self
    }

    /// A whole number.
    pub(super) fn number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        self.digits(value, 1);
        self
    }

    /// A number given in thousandths: milliseconds as seconds.
    pub(super) fn thousandths(self, name: &str, value: u64) -> Self {
        self.fraction(name, value / 1_000, value % 1_000, 3)
    }

    /// A number given in hundredths: cents as money.
    pub(super) fn hundredths(self, name: &str, value: u64) -> Self {
        self.fraction(name, value / 100, value % 100, 2)
    }

    /// Who handled the contact.
    pub(super) fn agent(mut self, number: u64) -> Self {
        self.name("agent_id");
        self.raw(b"\"");
        self.agent_name(number);
        self.raw(b"\"");
        self
    }

    /// Whose contact it is.
    pub(super) fn customer(mut self, number: u64) -> Self {
        self.name("customer_id");
        self.raw(b"\"customer-");
        self.digits(number, 7);
        self.raw(b"\"");
        self
    }

    /// Pads and ends the line.
    pub(super) fn end(mut self) {
        const FRAME: &[u8] = br#","note":"""#;
        if self.writer.is_silent {
            return;
        }
        let length = self.here() - self.start + 1;
        if let Some(missing) = self.writer.pad.checked_sub(length + FRAME.len()) {
            self.raw(&FRAME[..FRAME.len() - 1]);
            let end = self.here() + missing;
            while self.here() < end {
                let piece = NOTE.len().min(end - self.here());
                self.raw(&NOTE[..piece]);
            }
            self.raw(b"\"");
        }
        self.raw(b"}");
        let line = self.start..self.here();
        self.raw(b"\n");
        self.writer.waiting.push_back(Produced { time_ms: self.time_ms, line, key: self.key });
    }

    fn time(&mut self, time_ms: u64) {
        if self.writer.is_silent {
            return;
        }
        self.raw(br#"","time":""#);
        self.writer.clock.set(time_ms);
        self.writer.lines.extend_from_slice(&self.writer.clock.prefix);
        let in_minute = time_ms % 60_000;
        self.digits(in_minute / 1_000, 2);
        self.raw(b".");
        self.digits(in_minute % 1_000, 3);
        self.writer.lines.extend_from_slice(&self.writer.clock.suffix);
        self.raw(b"\"");
    }

    fn agent_name(&mut self, number: u64) {
        self.raw(b"agent-");
        self.digits(number, 4);
    }

    fn fraction(mut self, name: &str, whole: u64, part: u64, places: usize) -> Self {
        self.name(name);
        self.digits(whole, 1);
        if part > 0 {
            self.raw(b".");
            self.digits(part, places);
        }
        self
    }

    fn name(&mut self, name: &str) {
        self.raw(b",\"");
        self.raw(name.as_bytes());
        self.raw(b"\":");
    }

    fn digits(&mut self, value: u64, least: usize) {
        if !self.writer.is_silent {
            digits(&mut self.writer.lines, value, least);
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        if !self.writer.is_silent {
            self.writer.lines.extend_from_slice(bytes);
        }
    }

    fn here(&self) -> usize {
        self.writer.lines.len()
    }
}

/// Appends a number in decimal with at least so many digits.
fn digits(out: &mut Vec<u8>, mut value: u64, least: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while value > 0 || text.len() - start < least {
        start -= 1;
        text[start] = b'0' + (value % 10).to_le_bytes()[0];
        value /= 10;
    }
    out.extend_from_slice(&text[start..]);
}

/// RFC 3339 with the zone's offset. All but the seconds stays the same for a minute, so it is kept.
struct Clock {
    zone: TimeZone,
    /// Which minute since the epoch the texts are those of.
    minute: u64,
    /// `2026-01-01T09:00:`
    prefix: Vec<u8>,
    /// `Z` or `+01:00`
    suffix: Vec<u8>,
}

impl Clock {
    fn set(&mut self, time_ms: u64) {
        let minute = time_ms / 60_000;
        if minute == self.minute {
            return;
        }
        self.minute = minute;
        // An offset can be told to the minute only; rounding it keeps the instant right.
        let offset_minutes = i64::from(self.zone.to_offset(instant(time_ms)).seconds()).div_euclid(60);
        let local = instant((minute * 60_000).saturating_add_signed(offset_minutes * 60_000));
        let local = jiff::tz::Offset::UTC.to_datetime(local);
        self.prefix.clear();
        let parts = [(local.month(), b'-'), (local.day(), b'-'), (local.hour(), b'T'), (local.minute(), b':')];
        digits(&mut self.prefix, u64::from(local.year().unsigned_abs()), 4);
        for (value, separator) in parts {
            self.prefix.push(separator);
            digits(&mut self.prefix, u64::from(value.unsigned_abs()), 2);
        }
        self.prefix.push(b':');
        self.suffix.clear();
        if offset_minutes == 0 {
            self.suffix.push(b'Z');
        } else {
            self.suffix.push(if offset_minutes < 0 { b'-' } else { b'+' });
            digits(&mut self.suffix, offset_minutes.unsigned_abs() / 60, 2);
            self.suffix.push(b':');
            digits(&mut self.suffix, offset_minutes.unsigned_abs() % 60, 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(zone: TimeZone, pad: usize, time_ms: u64) -> (String, Produced) {
        let mut writer = Writer::new(zone, 7, pad);
        writer.contact("completed", 42, time_ms).thousandths("talk_seconds", 61_050).agent(3).end();
        let mut out = b"before ".to_vec();
        let produced = writer.take(&mut out).expect("one line");
        assert!(writer.take(&mut out).is_none());
        assert_eq!(&out[produced.key.clone()], b"c7-00000042");
        assert_eq!(produced.line.end, out.len() - 1);
        (String::from_utf8(out[produced.line.clone()].to_vec()).expect("text"), produced)
    }

    #[test]
    fn an_event_reads_as_the_contract_says() {
        let (text, produced) = line(TimeZone::UTC, 0, 1_767_258_003_045);
        assert_eq!(produced.time_ms, 1_767_258_003_045);
        assert_eq!(
            text,
            r#"{"type":"completed","contact_id":"c7-00000042","time":"2026-01-01T09:00:03.045Z","talk_seconds":61.050,"agent_id":"agent-0003"}"#
        );
    }

    #[test]
    fn offsets_are_those_of_the_zone() {
        let newfoundland = TimeZone::posix("NST3:30").expect("a valid rule");
        assert!(line(newfoundland, 0, 1_767_258_003_045).0.contains(r#""2026-01-01T05:30:03.045-03:30""#));
    }

    #[test]
    fn a_pad_gives_the_size_asked_for() {
        for pad in [140, 256, 1_000] {
            let (text, _) = line(TimeZone::UTC, pad, 1_767_258_003_045);
            assert_eq!(text.len(), pad);
            serde_json::from_str::<serde_json::Value>(&text).expect("valid JSON");
        }
    }
}
