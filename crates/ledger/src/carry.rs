//! Open intents of segments that are about to be deleted, kept in a file of their own.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;

use crate::JournalError;
use crate::pairs::Open;
use crate::record::{self, Kind};
use crate::segment::{self, FIRST_RECORD};

/// Replaces the carry file of `folder` by one with `open`. It is on disk before this returns, since
/// segments are deleted on the strength of it.
pub(crate) fn write<'o>(folder: &Path, open: impl Iterator<Item = &'o Open>) -> Result<(), JournalError> {
    let draft = segment::carry_draft_path(folder);
    let mut whole = WholeFile::create(&draft)?;
    for call in open {
        whole.append(Kind::Intent, &record::intent(&call.intent, &call.expected))?;
        if let Some(mark) = &call.mark {
            whole.append(Kind::Mark, mark)?;
        }
    }
    whole.finish()?;
    fs::rename(&draft, segment::carry_path(folder))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// A journal file that is made at once.
pub(crate) struct WholeFile {
    out: BufWriter<File>,
    offset: u64,
    buffer: Vec<u8>,
}

impl WholeFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::new(segment::create(path)?);
        out.seek(SeekFrom::Start(FIRST_RECORD))?;
        Ok(Self { out, offset: FIRST_RECORD, buffer: Vec::new() })
    }

    pub(crate) fn append<T: Serialize>(&mut self, kind: Kind, value: &T) -> Result<(), JournalError> {
        record::encode(&mut self.buffer, kind, value)?;
        record::seal(&mut self.buffer, self.offset);
        self.out.write_all(&self.buffer)?;
        self.offset += self.buffer.len() as u64;
        Ok(())
    }

    /// Puts it on disk.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
    }
}

/// Removes the carry file, if there is one.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_file(segment::carry_path(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
