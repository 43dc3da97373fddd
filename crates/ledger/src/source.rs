//! The chains of files that records are read from: a live writer's, or a dead process's.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::reader::{Damage, Limit, Reader};
use crate::record::Record;
use crate::segment;
use crate::writer::WriterState;

/// A file that fails to be read this often in a row is set aside.
const READ_ATTEMPTS_MAX: u32 = 5;

/// A segment of this process: writer and number. A dead process's files are not told apart.
pub(crate) type SegmentId = (u32, u32);

/// A file that has been read to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub path: PathBuf,
    pub segment: SegmentId,
    pub damage: Damage,
    /// It could not be read, not even partly perhaps.
    pub unreadable: bool,
}

/// What reading brought.
#[derive(Debug)]
pub(crate) enum Step {
    /// A record, and how many bytes were passed for it.
    Record(Record, u64),
    /// A file ended, and how many bytes were passed besides records.
    Finished(Finished, u64),
    /// Nothing more at the moment, or ever when the source is over.
    Nothing,
}

/// Reads one file after the other.
#[derive(Debug, Default)]
struct Cursor {
    reader: Option<Reader>,
    failures: u32,
}

impl Cursor {
    fn step(&mut self, path: &Path, limit: Limit) -> io::Result<Step> {
        match self.try_step(path, limit) {
            Ok(step) => {
                self.failures = 0;
                Ok(step)
            }
            // A full segment that nobody came to write to, or a file that someone removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.finish(path, false)),
            Err(error) if self.failures + 1 < READ_ATTEMPTS_MAX => {
                self.failures += 1;
                Err(error)
            }
            Err(_) => Ok(self.finish(path, true)),
        }
    }

    fn try_step(&mut self, path: &Path, limit: Limit) -> io::Result<Step> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            empty => empty.insert(Reader::open(path)?),
        };
        let before = reader.position();
        let record = reader.next(limit)?;
        let passed = reader.position() - before;
        Ok(match (record, limit) {
            (Some(record), _) => Step::Record(record, passed),
            (None, Limit::End) => match self.finish(path, false) {
                Step::Finished(finished, _) => Step::Finished(finished, passed),
                other => other,
            },
            (None, Limit::Written(_)) => Step::Nothing,
        })
    }

    fn finish(&mut self, path: &Path, unreadable: bool) -> Step {
        let damage = self.reader.take().map(|reader| reader.damage()).unwrap_or_default();
        self.failures = 0;
        let segment = SegmentId::default();
        Step::Finished(Finished { path: path.into(), segment, damage, unreadable }, 0)
    }
}

/// The segments of a writer of this process.
#[derive(Debug)]
pub(crate) struct Tail {
    folder: PathBuf,
    pub state: Arc<WriterState>,
    segment: u32,
    cursor: Cursor,
}

impl Tail {
    pub(crate) fn new(folder: &Path, state: Arc<WriterState>) -> Self {
        Self { folder: folder.into(), state, segment: 1, cursor: Cursor::default() }
    }

    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let (current, written) = self.state.position();
        let path = || segment::path(&self.folder, self.state.number, self.segment);
        if self.segment < current {
            let mut step = self.cursor.step(&path(), Limit::End)?;
            if let Step::Finished(file, _) = &mut step {
                file.segment = self.segment_id();
                self.segment += 1;
            }
            return Ok(step);
        }
        if self.segment > current || written == 0 {
            return Ok(Step::Nothing);
        }
        self.cursor.step(&path(), Limit::Written(written))
    }

    /// The segment that the next record lies in.
    pub(crate) fn segment_id(&self) -> SegmentId {
        (self.state.number, self.segment)
    }

    /// Whether nothing will ever come any more.
    pub(crate) fn is_over(&self) -> bool {
        // Read before the position: what a writer wrote before it closed is then seen.
        let closed = self.state.closed.load(Ordering::Acquire);
        let (current, written) = self.state.position();
        closed && written == 0 && self.segment >= current
    }
}

/// The files that a dead process left.
#[derive(Debug)]
pub(crate) struct Remains {
    files: VecDeque<PathBuf>,
    cursor: Cursor,
}

impl Remains {
    /// Lists the files of `folder`, and how many bytes they hold.
    pub(crate) fn find(folder: &Path) -> io::Result<(Self, u64)> {
        let files = segment::list(folder)?;
        let bytes = files.iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.len()).sum();
        Ok((Self { files: files.into(), cursor: Cursor::default() }, bytes))
    }

    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let Some(path) = self.files.front() else { return Ok(Step::Nothing) };
        let step = self.cursor.step(path, Limit::End)?;
        if matches!(step, Step::Finished(..)) {
            self.files.pop_front();
        }
        Ok(step)
    }
}
