//! Files of events, one a line: read one after the other, in large chunks of whole lines.
//!
//! A file is plain text, gzip or zstd, of one part or several; its first bytes tell, not its name. Every line is a
//! record, a blank one too; what follows the last line feed is a line if it is anything at all. A line of any length takes
//! bounded memory. A file that is cut off or damaged is an error, never a shorter file. Lines are not decoded here.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use memchr::{memchr, memchr_iter, memrchr};

/// The path that means standard input.
pub const STANDARD_INPUT: &str = "-";

/// Bytes in a chunk, unless lines may be longer than half of it: enough to make handing it over cheap.
pub(super) const CHUNK: usize = 512 * 1024;

/// Whole lines of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    file: Arc<str>,
    first_line: u64,
    bytes: Vec<u8>,
}

impl Chunk {
    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The lines without their line feeds, each with its number in the file, counted from 1.
    pub fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = &self.bytes[..];
        let mut number = self.first_line;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = (number, &rest[..end]);
            rest = rest.get(end + 1..).unwrap_or_default();
            number += 1;
            Some(line)
        })
    }
}

/// Why a file could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be opened.
    #[error("cannot open {file}")]
    Open {
        /// The file.
        file: Arc<str>,
        /// Why.
        source: io::Error,
    },
    /// It could not be read.
    #[error("cannot read {file} beyond line {line}")]
    Read {
        /// The file.
        file: Arc<str>,
        /// The last line that was read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// It could not be unpacked.
    #[error("cannot unpack {file} ({format}) beyond line {line}: it is cut off or damaged")]
    Unpack {
        /// The file.
        file: Arc<str>,
        /// The last line that was read.
        line: u64,
        /// What it is packed with.
        format: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Told how many bytes were just read, as they are on disk.
pub type OnRead = Arc<dyn Fn(u64) + Send + Sync>;

/// The lines of all these files, in this order; `-` is standard input. Of a line longer than `longest_line` bytes and
/// than half a chunk only the beginning is kept, one byte more than `longest_line`; the rest is skipped.
///
/// Ends after the first error.
pub fn read_files(
    paths: Vec<PathBuf>,
    longest_line: usize,
    on_read: OnRead,
) -> impl Iterator<Item = Result<Chunk, ReadError>> {
    let files = paths.into_iter().map(move |path| {
        let is_standard = path.as_os_str() == STANDARD_INPUT;
        let file: Arc<str> = if is_standard { "standard input".into() } else { path.to_string_lossy().into() };
        let opened: io::Result<Box<dyn Read + Send>> = if is_standard {
            Ok(Box::new(io::stdin()))
        } else {
            File::open(&path).map(|file| Box::new(file) as Box<dyn Read + Send>)
        };
        let on_read = Arc::clone(&on_read);
        let source = opened.map(|source| Counted { source, on_read });
        (file, source)
    });
    let chunks = files.flat_map(move |(file, source)| {
        let lines = match source {
            Ok(source) => read(&file, source, longest_line),
            Err(source) => Err(ReadError::Open { file, source }),
        };
        let (lines, error) = match lines {
            Ok(lines) => (Some(lines), None),
            Err(error) => (None, Some(Err(error))),
        };
        lines.into_iter().flatten().chain(error)
    });
    until_error(chunks)
}

/// The lines of one file of this name, as [`read_files`] gives them.
///
/// # Errors
///
/// Its first bytes cannot be read.
pub fn read<S: Read + Send + 'static>(
    file: &Arc<str>,
    mut source: S,
    longest_line: usize,
) -> Result<impl Iterator<Item = Result<Chunk, ReadError>> + use<S>, ReadError> {
    let failed = |source| ReadError::Read { file: Arc::clone(file), line: 0, source };
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    source.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut magic).map_err(failed)?;
    let format = Format::of(&magic);
    let source = Cursor::new(magic).chain(source);
    let source: Box<dyn Read + Send> = match format {
        Format::Plain => Box::new(source),
        Format::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(PACKED, source))),
        Format::Zstd => {
            let source = BufReader::with_capacity(PACKED, source);
            Box::new(zstd::Decoder::with_buffer(source).map_err(failed)?)
        }
    };
    let mut lines = Lines {
        file: Arc::clone(file),
        format,
        source,
        rest: Vec::new(),
        next_line: 1,
        longest_line,
        capacity: CHUNK.max(2 * (longest_line + 1)),
        ended: false,
    };
    Ok(until_error(std::iter::from_fn(move || lines.next_chunk().transpose())))
}

/// Nothing after the first error.
fn until_error<T, E>(mut results: impl Iterator<Item = Result<T, E>>) -> impl Iterator<Item = Result<T, E>> {
    let mut failed = false;
    std::iter::from_fn(move || {
        let next = if failed { None } else { results.next() };
        failed = matches!(next, Some(Err(_)));
        next
    })
}

const MAGIC_BYTES: usize = 4;

/// Bytes of a packed file read at once.
const PACKED: usize = 64 * 1024;

/// How the bytes of a file are to be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Plain,
    Gzip,
    Zstd,
}

impl Format {
    fn of(magic: &[u8]) -> Format {
        match magic {
            [0x1f, 0x8b, ..] => Format::Gzip,
            // A frame of data, or one to be skipped, which parallel packers begin with.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Format::Zstd,
            _ => Format::Plain,
        }
    }
}

/// The state of reading one file.
struct Lines {
    file: Arc<str>,
    format: Format,
    source: Box<dyn Read + Send>,
    /// What was read behind the last chunk: less than `capacity`.
    rest: Vec<u8>,
    next_line: u64,
    longest_line: usize,
    /// Bytes of a chunk at most; a longest line fits in.
    capacity: usize,
    ended: bool,
}

impl Lines {
    /// The next lines; none at the end of the file.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, ReadError> {
        let mut bytes = Vec::with_capacity(self.capacity);
        bytes.append(&mut self.rest);
        self.fill(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !self.ended {
            match memrchr(b'\n', &bytes) {
                Some(end) => self.rest = bytes.split_off(end + 1),
                None => {
                    bytes.truncate(self.longest_line + 1);
                    self.skip_line()?;
                }
            }
        }
        let first_line = self.next_line;
        let unended = u64::from(bytes.last() != Some(&b'\n'));
        self.next_line += memchr_iter(b'\n', &bytes).count() as u64 + unended;
        Ok(Some(Chunk { file: Arc::clone(&self.file), first_line, bytes }))
    }

    /// Reads until `bytes` are as many as a chunk may have, or the file ends.
    fn fill(&mut self, bytes: &mut Vec<u8>) -> Result<(), ReadError> {
        let room = self.capacity - bytes.len();
        if self.ended || room == 0 {
            return Ok(());
        }
        let read = self.source.by_ref().take(room as u64).read_to_end(bytes).map_err(|source| self.error(source))?;
        self.ended = read < room;
        Ok(())
    }

    /// Skips what is left of the current line.
    fn skip_line(&mut self) -> Result<(), ReadError> {
        let mut skipped = Vec::with_capacity(self.capacity);
        while !self.ended {
            skipped.clear();
            self.fill(&mut skipped)?;
            if let Some(end) = memchr(b'\n', &skipped) {
                self.rest = skipped.split_off(end + 1);
                return Ok(());
            }
        }
        Ok(())
    }

    fn error(&self, source: io::Error) -> ReadError {
        let (file, line) = (Arc::clone(&self.file), self.next_line - 1);
        match self.format {
            Format::Plain => ReadError::Read { file, line, source },
            Format::Gzip => ReadError::Unpack { file, line, format: "gzip", source },
            Format::Zstd => ReadError::Unpack { file, line, format: "zstd", source },
        }
    }
}

/// A source that tells how much was read from it.
struct Counted<R> {
    source: R,
    on_read: OnRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(bytes)?;
        (self.on_read)(read as u64);
        Ok(read)
    }
}
