//! The copy on disk: what a gateway starts from while the database is away.
//!
//! ```text
//! "BULKPOL1" | seq i64 | synced at i64 (micros) | keys u64 | keys × (length u32, postcard) | crc32 u32
//! ```
//!
//! Numbers are little-endian; the checksum covers everything before it. Another version's copy is not
//! read, since the database has it all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crc32fast::Hasher;
use domain::KeyPolicy;
use kit::Timestamp;

const MAGIC: [u8; 8] = *b"BULKPOL1";
const HEAD_BYTES: usize = 32;
const SUM_BYTES: u64 = 4;
/// Longest entry that is believed.
const ENTRY_BYTES_MAX: u32 = 16 << 20;
const BUFFER_BYTES: usize = 256 << 10;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is not a policy copy of this version")]
    Foreign,
    #[error("its checksum does not match")]
    Damaged,
    #[error("an entry cannot be encoded or decoded: {0}")]
    Entry(#[from] postcard::Error),
}

/// What a copy is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub seq: i64,
    /// When the replica was last known to be like the database.
    pub synced_at: Timestamp,
    pub keys: u64,
}

impl Head {
    fn write(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.synced_at.0.to_le_bytes());
        bytes[24..].copy_from_slice(&self.keys.to_le_bytes());
        bytes
    }

    fn read(bytes: [u8; HEAD_BYTES]) -> Option<Self> {
        let word = |at: usize| bytes[at..].first_chunk().copied().unwrap_or_default();
        let head = Self {
            seq: i64::from_le_bytes(word(8)),
            synced_at: Timestamp(i64::from_le_bytes(word(16))),
            keys: u64::from_le_bytes(word(24)),
        };
        bytes.starts_with(&MAGIC).then_some(head)
    }
}

/// Hands each key of the copy at `path` to `each`, after the whole file was checked. `None` when there
/// is no copy.
pub(crate) fn load(path: &Path, mut each: impl FnMut(KeyPolicy)) -> Result<Option<Head>, CopyError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    check(&file)?;
    let mut input = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    let mut head = [0; HEAD_BYTES];
    input.read_exact(&mut head)?;
    let head = Head::read(head).ok_or(CopyError::Foreign)?;
    let mut entry = Vec::new();
    for _ in 0..head.keys {
        let mut length = [0; 4];
        input.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length).min(ENTRY_BYTES_MAX);
        entry.clear();
        input.by_ref().take(u64::from(length)).read_to_end(&mut entry)?;
        each(postcard::from_bytes(&entry)?);
    }
    Ok(Some(head))
}

fn check(file: &File) -> Result<(), CopyError> {
    let length = file.metadata()?.len();
    if length < HEAD_BYTES as u64 + SUM_BYTES {
        return Err(CopyError::Foreign);
    }
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut left = length - SUM_BYTES;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER_BYTES);
        let count = input.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(CopyError::Damaged);
        }
        hasher.update(&buffer[..count]);
        left -= count as u64;
    }
    let mut sum = [0; 4];
    input.read_exact(&mut sum)?;
    if u32::from_le_bytes(sum) == hasher.finalize() { Ok(()) } else { Err(CopyError::Damaged) }
}

/// Puts a copy at `path` at once or not at all, readable by its owner only.
pub(crate) fn save(
    path: &Path,
    seq: i64,
    synced_at: Timestamp,
    keys: impl ExactSizeIterator<Item = KeyPolicy>,
) -> Result<(), CopyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = path.with_extension("draft");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let mut out = Summed { out: BufWriter::with_capacity(BUFFER_BYTES, file), hasher: Hasher::new() };
    out.write(&Head { seq, synced_at, keys: keys.len() as u64 }.write())?;
    let mut entry = Vec::new();
    for key in keys {
        entry.clear();
        entry = postcard::to_extend(&key, entry)?;
        out.write(&u32::try_from(entry.len()).unwrap_or(u32::MAX).to_le_bytes())?;
        out.write(&entry)?;
    }
    out.finish()?;
    fs::rename(&draft, path)?;
    Ok(File::open(folder)?.sync_all()?)
}

struct Summed {
    out: BufWriter<File>,
    hasher: Hasher,
}

impl Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.out.write_all(bytes)
    }

    fn finish(mut self) -> io::Result<()> {
        let sum = self.hasher.finalize();
        self.out.write_all(&sum.to_le_bytes())?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
    }
}
