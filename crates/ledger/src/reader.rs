//! Reads one journal file, past damaged places.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::record::{self, HEADER_BYTES, Record};
use crate::segment::{FIRST_RECORD, MAGIC};

/// Read from the file at once.
const WINDOW_BYTES: usize = 256 << 10;

/// What a file held besides good records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Bytes that do not check, with good records after them.
    pub corrupt_bytes: u64,
    /// Bytes at the end that are no record: a write that the machine's or the process's death cut.
    pub torn_bytes: u64,
    /// Records that check but that this version cannot read.
    pub undecodable: u64,
}

impl Damage {
    /// Whether people should see the file before it goes.
    pub(crate) const fn is_corrupt(self) -> bool {
        self.corrupt_bytes > 0 || self.undecodable > 0
    }
}

/// How far a file may be read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    /// Its writer lives and has finished its records up to here.
    Written(u64),
    /// Nobody writes to it any more.
    End,
}

#[derive(Debug)]
pub(crate) struct Reader {
    file: File,
    position: u64,
    damage: Damage,
    window: Vec<u8>,
    window_start: u64,
    /// Length of the file, known once nobody writes to it any more.
    final_length: Option<u64>,
}

impl Reader {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            file,
            position: 0,
            damage: Damage::default(),
            window: Vec::new(),
            window_start: 0,
            final_length: None,
        })
    }

    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    pub(crate) const fn damage(&self) -> Damage {
        self.damage
    }

    /// The next good record within `limit`; `None` when there is none yet or none any more.
    pub(crate) fn next(&mut self, limit: Limit) -> io::Result<Option<Record>> {
        let end = match limit {
            Limit::Written(end) => end,
            Limit::End => self.final_length()?,
        };
        if self.position == 0 && !self.begin(end)? {
            return Ok(None);
        }
        while self.position < end {
            let Some(bytes) = self.record_at(self.position, end)? else {
                self.skip_damage(limit, end)?;
                continue;
            };
            let (length, decoded) = (bytes.len() as u64, record::decode(bytes));
            self.position += length;
            match decoded {
                Ok(record) => return Ok(Some(record)),
                Err(record::Undecodable) => self.damage.undecodable += 1,
            }
        }
        Ok(None)
    }

    fn final_length(&mut self) -> io::Result<u64> {
        match self.final_length {
            Some(length) => Ok(length),
            None => Ok(*self.final_length.insert(self.file.metadata()?.len())),
        }
    }

    /// Steps over the file's first bytes. `false` when there are not even those.
    fn begin(&mut self, end: u64) -> io::Result<bool> {
        if end < FIRST_RECORD {
            self.damage.torn_bytes = end;
            return Ok(false);
        }
        if self.bytes(0, MAGIC.len(), end)? != MAGIC {
            self.damage.corrupt_bytes += FIRST_RECORD;
        }
        self.position = FIRST_RECORD;
        Ok(true)
    }

    /// The record at `offset`, if one that checks ends before `end`.
    fn record_at(&mut self, offset: u64, end: u64) -> io::Result<Option<&[u8]>> {
        let Some(length) = record::claimed_bytes(self.bytes(offset, HEADER_BYTES, end)?) else {
            return Ok(None);
        };
        if offset + length as u64 > end {
            return Ok(None);
        }
        let bytes = self.bytes(offset, length, end)?;
        Ok(record::checks(bytes, offset).then_some(bytes))
    }

    /// Moves to the next record that checks, or to the end.
    fn skip_damage(&mut self, limit: Limit, end: u64) -> io::Result<()> {
        let found = self.find_record(self.position + 1, end)?;
        let skipped = found.unwrap_or(end) - self.position;
        match (found, limit) {
            (None, Limit::End) => self.damage.torn_bytes += skipped,
            _ => self.damage.corrupt_bytes += skipped,
        }
        self.position += skipped;
        Ok(())
    }

    fn find_record(&mut self, from: u64, end: u64) -> io::Result<Option<u64>> {
        let mut at = from;
        while at < end {
            let window = self.bytes(at, HEADER_BYTES, end)?;
            if window.is_empty() {
                return Ok(None);
            }
            match window.iter().position(|&byte| byte == 0xFF) {
                None => at += window.len() as u64,
                Some(0) if self.record_at(at, end)?.is_some() => return Ok(Some(at)),
                Some(0) => at += 1,
                Some(ahead) => at += ahead as u64,
            }
        }
        Ok(None)
    }

    /// `length` bytes from `offset`, fewer at the end. Nothing after `end` is kept: it may still change.
    fn bytes(&mut self, offset: u64, length: usize, end: u64) -> io::Result<&[u8]> {
        let covered = |start: u64, window: &[u8]| {
            let skip = usize::try_from(offset.checked_sub(start)?).ok()?;
            (skip + length <= window.len()).then_some(skip)
        };
        if let Some(skip) = covered(self.window_start, &self.window) {
            return Ok(&self.window[skip..skip + length]);
        }
        let allowed = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.load(offset, length.max(WINDOW_BYTES).min(allowed))?;
        Ok(&self.window[..length.min(self.window.len())])
    }

    fn load(&mut self, offset: u64, length: usize) -> io::Result<()> {
        self.window.resize(length, 0);
        self.window_start = offset;
        let mut filled = 0;
        while filled < length {
            match self.file.read_at(&mut self.window[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.window.clear();
                    return Err(error);
                }
            }
        }
        self.window.truncate(filled);
        Ok(())
    }
}
