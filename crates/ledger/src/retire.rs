//! What becomes of a file whose records are all in the database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::ledger::Inner;
use crate::source::Finished;

/// Damaged files kept for people. More than these are deleted like the rest.
const QUARANTINED_FILES_MAX: usize = 100;
const EXTENSION: &str = "corrupt";

/// Deletes a file that has been read to its end, or sets it aside when it was damaged.
pub(crate) fn file(ledger: &Inner, folder: &Path, file: &Finished) {
    let bytes = fs::metadata(&file.path).map_or(0, |meta| meta.len());
    ledger.counters.note(|stats| {
        stats.corrupt_bytes += file.damage.corrupt_bytes;
        stats.torn_bytes += file.damage.torn_bytes;
        stats.read_errors += u64::from(file.unreadable);
    });
    let gone = if file.damage.is_corrupt() || file.unreadable {
        quarantine(ledger, folder, file)
    } else {
        fs::remove_file(&file.path)
    };
    match gone {
        Ok(()) => ledger.counters.release(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // It will be read again at the next start, which is harmless.
        Err(error) => {
            tracing::error!(file = %file.path.display(), %error, "cannot remove a shipped journal file")
        }
    }
}

fn quarantine(ledger: &Inner, folder: &Path, file: &Finished) -> io::Result<()> {
    let target = aside(&ledger.root, folder, &file.path);
    tracing::error!(
        file = %target.display(),
        damage.corrupt_bytes = file.damage.corrupt_bytes,
        damage.undecodable_records = file.damage.undecodable,
        damage.unreadable = file.unreadable,
        "a journal file held bytes that do not check; what could be read was shipped, and the file is kept",
    );
    ledger.counters.note(|stats| stats.quarantined_files += 1);
    if quarantined(&ledger.root)? >= QUARANTINED_FILES_MAX {
        return fs::remove_file(&file.path);
    }
    fs::rename(&file.path, target)
}

/// Where a file of `folder` is kept for people.
pub(crate) fn aside(root: &Path, folder: &Path, file: &Path) -> PathBuf {
    let process = folder.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    root.join(format!("{process}-{stem}.{EXTENSION}"))
}

fn quarantined(root: &Path) -> io::Result<usize> {
    let is_aside = |path: PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    Ok(root.read_dir()?.filter_map(Result::ok).filter(|entry| is_aside(entry.path())).count())
}
