//! Names and beginnings of the journal's files.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// First bytes of each file.
pub(crate) const MAGIC: [u8; 8] = *b"BULKJNL1";
/// Where the first record lies.
pub(crate) const FIRST_RECORD: u64 = MAGIC.len() as u64;

const EXTENSION: &str = "journal";
const CARRY_NAME: &str = "carry.journal";
const CARRY_DRAFT_NAME: &str = "carry.draft";

pub(crate) fn path(folder: &Path, writer: u32, segment: u32) -> PathBuf {
    folder.join(format!("{writer:04}-{segment:010}.{EXTENSION}"))
}

pub(crate) fn carry_path(folder: &Path) -> PathBuf {
    folder.join(CARRY_NAME)
}

pub(crate) fn carry_draft_path(folder: &Path) -> PathBuf {
    folder.join(CARRY_DRAFT_NAME)
}

/// Makes an empty segment, readable by its owner only.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all_at(&MAGIC, 0)?;
    Ok(file)
}

/// The journal files of a folder in the order in which they must be read: what was carried over
/// first, then each writer's segments by number.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let is_carry = path.file_name().is_some_and(|name| name == CARRY_NAME);
            found.push((!is_carry, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}
