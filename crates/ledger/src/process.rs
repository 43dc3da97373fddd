//! The folder of one process, and who may read it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use kit::Timestamp;

const LOCK_NAME: &str = "lock";
/// Held while a folder is made or claimed, so that none is seen between its making and its lock.
const GATE_NAME: &str = ".lock";
/// Folders tried under the same second and process id before giving up.
const NAMES_MAX: u32 = 1000;

/// A journal folder that this process owns: its own, or one whose process is dead.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The lock goes with the file, also when the process is killed.
    _lock: File,
}

impl Folder {
    /// Makes a folder for this process under `root`, which is made when it is missing.
    pub(crate) fn create(root: &Path, now: Timestamp) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let _gate = gate(root)?;
        let path = fresh(root, now)?;
        let lock = owned_file(&path.join(LOCK_NAME))?;
        lock.try_lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// Takes the folders under `root` whose processes are dead. One that cannot be had is left for the
    /// next time, and must not keep the others from being taken.
    pub(crate) fn claim_dead(root: &Path) -> io::Result<Vec<Self>> {
        let _gate = gate(root)?;
        let mut claimed = Vec::new();
        for entry in root.read_dir()? {
            let path = entry?.path();
            if !is_ours(&path) {
                continue;
            }
            match Self::claim(path.clone()) {
                Ok(folder) => claimed.extend(folder),
                Err(error) => {
                    tracing::warn!(folder = %path.display(), %error, "cannot take over the journal of a dead process");
                }
            }
        }
        claimed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(claimed)
    }

    fn claim(path: PathBuf) -> io::Result<Option<Self>> {
        let lock = owned_file(&path.join(LOCK_NAME))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the folder when nothing but the lock is left in it.
    pub(crate) fn remove(self) -> io::Result<()> {
        let _gate = gate(self.path.parent().unwrap_or(&self.path))?;
        fs::remove_file(self.path.join(LOCK_NAME))?;
        fs::remove_dir(&self.path)
    }
}

fn gate(root: &Path) -> io::Result<File> {
    let file = owned_file(&root.join(GATE_NAME))?;
    file.lock()?;
    Ok(file)
}

/// Whether a folder bears a name that [`fresh`] gives: a volume may hold others.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    path.is_dir() && name.split('-').count() == 3 && name.split('-').all(is_number)
}

fn fresh(root: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let pid = std::process::id();
    for number in 0..NAMES_MAX {
        let path = root.join(format!("{:020}-{pid}-{number}", now.micros().max(0)));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn owned_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}
