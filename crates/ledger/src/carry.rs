//! Open intents of segments that are about to be deleted, kept in a file of their own.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use domain::Intent;
use serde::Serialize;

use crate::JournalError;
use crate::record::{self, Kind};
use crate::segment::{self, FIRST_RECORD};

/// Replaces the carry file of `folder` by one with `open`. It is on disk before this returns, since
/// segments are deleted on the strength of it.
pub(crate) fn write<'i>(folder: &Path, open: impl Iterator<Item = &'i Intent>) -> Result<(), JournalError> {
    let draft = segment::carry_draft_path(folder);
    write_file(&draft, open, Kind::Intent)?;
    fs::rename(&draft, segment::carry_path(folder))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Makes a journal file of `records` at once.
pub(crate) fn write_file<'r, T: Serialize + 'r>(
    path: &Path,
    records: impl Iterator<Item = &'r T>,
    kind: Kind,
) -> Result<(), JournalError> {
    let mut out = BufWriter::new(segment::create(path)?);
    out.seek(SeekFrom::Start(FIRST_RECORD))?;
    let (mut offset, mut buffer) = (FIRST_RECORD, Vec::new());
    for value in records {
        record::encode(&mut buffer, kind, value)?;
        record::seal(&mut buffer, offset);
        out.write_all(&buffer)?;
        offset += buffer.len() as u64;
    }
    Ok(out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?)
}

/// Removes the carry file, if there is one.
pub(crate) fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_file(segment::carry_path(folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
