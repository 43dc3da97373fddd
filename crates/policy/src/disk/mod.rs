//! The copy on disk: what a gateway starts from while the database is away.
//!
//! ```text
//! "BULKPOL" version u8 | salt | check | pieces: (is last u8, length u32, sealed bytes)
//! ```
//!
//! The first piece is the head; the others are accounts and then keys, one after the other, whole ones in each.
//! Numbers are little-endian, all else is postcard, and all of it is [sealed](crate::seal). Another version's copy
//! is not read, since the database has it all; the next save takes its place.

mod pieces;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use domain::{AccountPolicy, KeyPolicy};
use kit::{Rng, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use self::pieces::{Pieces, VERSION, read_label, write_label, write_piece};
use crate::AccountEntry;
use crate::seal::Sealer;

/// A piece is closed once it is this long, after the key that made it so.
const PIECE_BYTES: usize = 256 << 10;
const BUFFER_BYTES: usize = 64 << 10;

/// Where the copy lies, and how it is sealed.
pub struct DiskCopy {
    path: PathBuf,
    secret: Secret,
    rng: Mutex<Box<dyn Rng>>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is no policy copy")]
    Foreign,
    #[error("it has format {found}, and this version reads {own}; it will be replaced", own = char::from(VERSION))]
    Version { found: String },
    #[error("it was sealed with another salt or master key; it will be replaced")]
    OtherSecret,
    #[error("it is damaged or cut off")]
    Damaged,
    #[error("an entry cannot be encoded or decoded: {0}")]
    Entry(#[from] postcard::Error),
}

/// What a copy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub seq: i64,
    /// When the replica was last known to be like the database.
    pub synced_at: Timestamp,
    pub accounts: u64,
    pub keys: u64,
    /// Of the keys.
    pub digest: u64,
    pub accounts_digest: u64,
}

/// An account as it is kept. One that cannot be read is kept as such: unknown, it would limit nobody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct AccountRecord {
    pub policy: AccountPolicy,
    pub is_unreadable: bool,
}

/// What a copy holds.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    pub head: Head,
    pub accounts: Vec<AccountEntry>,
    pub keys: Vec<T>,
}

impl DiskCopy {
    /// A copy at `path`, sealed with a key derived from `secret`, which must be strong; `rng` must be fit
    /// for secrets.
    pub fn new(path: impl Into<PathBuf>, secret: Secret, rng: Box<dyn Rng>) -> Self {
        Self { path: path.into(), secret, rng: Mutex::new(rng) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The copy, whole or not at all; `None` when there is none.
    pub(crate) fn load<T>(
        &self,
        mut each: impl FnMut(KeyPolicy) -> T,
    ) -> Result<Option<Loaded<T>>, CopyError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
        let label = read_label(&mut input)?;
        let sealer = Sealer::open(&self.secret, label).map_err(|_| CopyError::Damaged)?;
        let mut pieces = Pieces { input, sealer: sealer.ok_or(CopyError::OtherSecret)?, piece: Vec::new() };
        let (mut is_last, head) = pieces.next()?;
        let head: Head = postcard::from_bytes(head)?;
        let (mut accounts, mut keys) = (Vec::new(), Vec::new());
        while !is_last {
            let (last, mut rest) = pieces.next()?;
            is_last = last;
            while !rest.is_empty() {
                if (accounts.len() as u64) < head.accounts {
                    let (record, more) = postcard::take_from_bytes::<AccountRecord>(rest)?;
                    accounts.push(AccountEntry::from(record));
                    rest = more;
                } else {
                    let (policy, more) = postcard::take_from_bytes(rest)?;
                    keys.push(each(policy));
                    rest = more;
                }
            }
        }
        let is_whole = (accounts.len() as u64, keys.len() as u64) == (head.accounts, head.keys);
        if is_whole { Ok(Some(Loaded { head, accounts, keys })) } else { Err(CopyError::Damaged) }
    }

    /// Puts a copy in place at once or not at all, readable by its owner only.
    pub(crate) fn save(
        &self,
        head: Head,
        accounts: impl Iterator<Item = AccountRecord>,
        keys: impl Iterator<Item = KeyPolicy>,
    ) -> Result<(), CopyError> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let draft = self.path.with_extension("draft");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sealer = Sealer::new(&self.secret, &mut **rng).map_err(|_| CopyError::Damaged)?;
        drop(rng);
        write_label(&mut out, sealer.label())?;
        let mut piece = postcard::to_allocvec(&head)?;
        // The head is a piece of its own.
        let mut bound = 0;
        for account in accounts {
            if piece.len() >= bound {
                write_piece(&mut out, &mut sealer, &mut piece, false)?;
            }
            bound = PIECE_BYTES;
            piece = postcard::to_extend(&account, piece)?;
        }
        for key in keys {
            if piece.len() >= bound {
                write_piece(&mut out, &mut sealer, &mut piece, false)?;
            }
            bound = PIECE_BYTES;
            piece = postcard::to_extend(&key, piece)?;
        }
        write_piece(&mut out, &mut sealer, &mut piece, true)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&draft, &self.path)?;
        Ok(File::open(folder)?.sync_all()?)
    }
}

#[cfg(test)]
mod tests;
