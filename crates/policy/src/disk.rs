//! The copy on disk: what a gateway starts from while the database is away.
//!
//! ```text
//! "BULKPOL" version u8 | salt | check | pieces: (is last u8, length u32, sealed bytes)
//! ```
//!
//! The first piece is the head; the others are accounts and then keys, one after the other, whole ones in each.
//! Numbers are little-endian, all else is postcard, and all of it is [sealed](crate::seal). Another version's copy
//! is not read, since the database has it all; the next save takes its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use domain::{AccountPolicy, KeyPolicy};
use kit::{Rng, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::AccountEntry;
use crate::seal::{CHECK_BYTES, Label, SALT_BYTES, Sealer, TAG_BYTES};

const MAGIC: [u8; 7] = *b"BULKPOL";
/// Goes up whenever [`Head`], [`KeyPolicy`] or [`AccountRecord`] is stored otherwise; a test tells when that is so.
const VERSION: u8 = b'6';
/// A piece is closed once it is this long, after the key that made it so.
const PIECE_BYTES: usize = 256 << 10;
/// Longest piece that is believed.
const PIECE_BYTES_MAX: usize = 32 << 20;
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

fn write_label(out: &mut impl Write, label: Label) -> io::Result<()> {
    out.write_all(&MAGIC)?;
    out.write_all(&[VERSION])?;
    out.write_all(&label.salt)?;
    out.write_all(&label.check)
}

fn read_label(input: &mut impl Read) -> Result<Label, CopyError> {
    let mut start = [0; MAGIC.len() + 1];
    read_exact(input, &mut start)?;
    match start.split_last() {
        Some((&VERSION, magic)) if *magic == MAGIC => {}
        Some((version, magic)) if *magic == MAGIC => {
            return Err(CopyError::Version { found: shown(*version) });
        }
        _ => return Err(CopyError::Foreign),
    }
    let mut label = Label { salt: [0; SALT_BYTES], check: [0; CHECK_BYTES] };
    read_exact(input, &mut label.salt)?;
    read_exact(input, &mut label.check)?;
    Ok(label)
}

fn shown(version: u8) -> String {
    char::from(version).escape_default().collect()
}

fn write_piece(
    out: &mut impl Write,
    sealer: &mut Sealer,
    piece: &mut Vec<u8>,
    is_last: bool,
) -> Result<(), CopyError> {
    // A key too long for a piece cannot be stored: no request made it, since bodies are shorter.
    let length = u32::try_from(piece.len() + TAG_BYTES).ok().filter(|_| piece.len() < PIECE_BYTES_MAX);
    let length = length.ok_or(postcard::Error::SerializeBufferFull)?;
    sealer.seal(piece, is_last).map_err(|_| CopyError::Damaged)?;
    out.write_all(&[u8::from(is_last)])?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(piece)?;
    piece.clear();
    Ok(())
}

struct Pieces {
    input: BufReader<File>,
    sealer: Sealer,
    piece: Vec<u8>,
}

impl Pieces {
    /// The next piece, and whether it is the last.
    fn next(&mut self) -> Result<(bool, &[u8]), CopyError> {
        let (mut is_last, mut length) = ([0], [0; 4]);
        read_exact(&mut self.input, &mut is_last)?;
        read_exact(&mut self.input, &mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > PIECE_BYTES_MAX + TAG_BYTES {
            return Err(CopyError::Damaged);
        }
        self.piece.resize(length, 0);
        read_exact(&mut self.input, &mut self.piece)?;
        let is_last = is_last != [0];
        let piece = self.sealer.unseal(&mut self.piece, is_last).map_err(|_| CopyError::Damaged)?;
        Ok((is_last, piece))
    }
}

fn read_exact(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), CopyError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => CopyError::Damaged,
        _ => CopyError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AccountId, AccountKind, Window};
    use kit::{KeyHash, Money, SeededRng};

    fn copy(path: &Path, secret: &str, seed: u64) -> DiskCopy {
        DiskCopy::new(path, Secret::new(secret), Box::new(SeededRng::new(seed)))
    }

    fn policy(number: u64) -> KeyPolicy {
        KeyPolicy {
            alias: Some(format!("a-very-secret-name-{number}").into()),
            user_id: Some("user".into()),
            team_id: Some("team".into()),
            models: ["gpt-4o".into()].into(),
            aliases: [("a".into(), "b".into())].into(),
            tags: ["tag".into()].into(),
            max_budget: Some(Money(7)),
            spend: Money(5),
            expires: Some(Timestamp(9)),
            ..KeyPolicy::free(KeyHash::of(&format!("sk-{number}")))
        }
    }

    fn account(id: &str) -> AccountPolicy {
        let id = AccountId { kind: AccountKind::Team, within: "".into(), id: id.into() };
        let mut policy = AccountEntry::unreadable(id).policy;
        policy.windows = [Window { duration: "1d".into(), ends: Timestamp(8), base: Money(3) }].into();
        policy
    }

    fn accounts() -> impl Iterator<Item = AccountRecord> {
        let record = |(id, is_unreadable)| AccountRecord { policy: account(id), is_unreadable };
        [("red", false), ("blue", true)].into_iter().map(record)
    }

    const HEAD: Head =
        Head { seq: 3, synced_at: Timestamp(4), accounts: 2, keys: 2, digest: 5, accounts_digest: 6 };

    fn saved(keys: u64) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.copy");
        copy(&path, "secret", 1).save(Head { keys, ..HEAD }, accounts(), (0..keys).map(policy)).unwrap();
        (folder, path)
    }

    #[test]
    fn what_was_saved_is_loaded_however_many_pieces_it_takes() {
        for keys in [0, 1, 2, 9_000] {
            let (_folder, path) = saved(keys);
            let loaded = copy(&path, "secret", 2).load(|policy| policy).unwrap().unwrap();
            assert_eq!(loaded.head, Head { keys, ..HEAD });
            assert!(loaded.keys.into_iter().eq((0..keys).map(policy)));
            assert!(loaded.accounts.iter().map(AccountRecord::from).eq(accounts()));
        }
    }

    #[test]
    fn nothing_can_be_read_without_the_secret_and_no_two_files_are_alike() {
        let (_folder, path) = saved(2);
        let bytes = fs::read(&path).unwrap();
        let hash = policy(0).hash.0;
        assert!(!bytes.windows(hash.len()).any(|part| part == hash));
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
        let other = copy(&path, "another", 1).load(|policy| policy);
        assert!(matches!(other, Err(CopyError::OtherSecret)), "{other:?}");
        copy(&path, "secret", 2).save(HEAD, accounts(), (0..2).map(policy)).unwrap();
        let again = fs::read(&path).unwrap();
        assert!(bytes.len() == again.len() && bytes[8..40] != again[8..40] && bytes[56..] != again[56..]);
    }

    #[test]
    fn another_version_is_told_as_such() {
        let (_folder, path) = saved(2);
        let bytes = fs::read(&path).unwrap();
        for version in [b'1', b'5', 0] {
            let mut other = bytes.clone();
            other[7] = version;
            fs::write(&path, &other).unwrap();
            let error = copy(&path, "secret", 1).load(|policy| policy).unwrap_err();
            assert!(error.to_string().contains("this version reads 6"), "{error}");
        }
        fs::write(&path, b"something else entirely").unwrap();
        assert!(matches!(copy(&path, "secret", 1).load(|policy| policy), Err(CopyError::Foreign)));
    }

    #[test]
    fn a_piece_left_out_or_moved_is_damage() {
        let (_folder, path) = saved(9_000);
        let bytes = fs::read(&path).unwrap();
        let mut pieces = Vec::new();
        let mut rest = &bytes[8 + SALT_BYTES + CHECK_BYTES..];
        while !rest.is_empty() {
            let length = u32::from_le_bytes(rest[1..5].try_into().unwrap()) as usize + 5;
            pieces.push(&rest[..length]);
            rest = &rest[length..];
        }
        assert!(pieces.len() > 3);
        let mut moved = pieces.clone();
        moved.swap(1, 2);
        let mut left_out = pieces.clone();
        left_out.remove(1);
        let cut = &pieces[..pieces.len() - 1];
        for broken in [moved.as_slice(), &left_out, cut] {
            let body = broken.concat();
            fs::write(&path, [&bytes[..8 + SALT_BYTES + CHECK_BYTES], &body].concat()).unwrap();
            let loaded = copy(&path, "secret", 1).load(|policy| policy);
            assert!(matches!(loaded, Err(CopyError::Damaged)));
        }
    }

    /// When this fails the format has changed: raise `VERSION`, then put the new bytes here.
    #[test]
    fn the_format_has_this_version() {
        let bytes = [
            postcard::to_allocvec(&HEAD),
            postcard::to_allocvec(&account("red")),
            postcard::to_allocvec(&policy(1)),
        ]
        .map(Result::unwrap)
        .concat();
        let sum = crc32fast::hash(&bytes);
        assert_eq!((VERSION, bytes.len(), sum), (b'6', 124, 1_471_694_871));
    }
}
