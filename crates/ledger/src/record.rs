//! How a record lies on disk.
//!
//! ```text
//! FF B1 | kind u8 | version u8 | payload length u32 | crc32 u32 | payload (postcard)
//! ```
//!
//! Numbers are little-endian. The checksum covers the record's own position in the file, its kind,
//! version, length and payload, so that neither a stale record nor text that looks like one passes
//! for a record elsewhere. `FF` is no part of any UTF-8 text: the search for the next record after a
//! damaged place is not led astray by what clients sent.

use std::borrow::Cow;

use domain::{Expected, Intent, Mark, Outcome, UsageEvent};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::JournalError;

pub(crate) const HEADER_BYTES: usize = 12;
/// Longest payload of a record. Fields that come from clients must be cut before they get here.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

const MARKER: [u8; 2] = [0xFF, 0xB1];
/// Version of the payloads. A change of what they hold needs a new number and a way to read the old one,
/// since a journal outlives the version that wrote it.
const VERSION: u8 = 3;
/// Their payloads end before [`Intent::project_id`], and those of version 1 before [`Expected`] and
/// [`Outcome::superseded`] too: the defaults of all are zeros.
const SHORTER_VERSIONS: [u8; 2] = [1, 2];
/// As many zeros as anything that version 1 lacks is long.
const MISSING_BYTES_MAX: usize = 16;
/// Kinds from here on may be skipped by a version that does not know them.
const OPTIONAL_KINDS: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Intent = 1,
    Outcome = 2,
    /// Both at once: calls that were refused, or served without an upstream.
    Event = 3,
    /// How far a long stream is. Without it a call is only estimated less well.
    Mark = 0x81,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    Intent(Box<Intent>, Box<Expected>),
    Outcome(Box<Outcome>),
    Event(Box<UsageEvent>),
    Mark(Box<Mark>),
    /// Written by a newer version, and of no account to this one.
    Skipped,
}

/// Bytes that check, but that this version cannot read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undecodable;

/// The payload of [`Kind::Intent`].
pub(crate) fn intent<'a>(intent: &'a Intent, expected: &'a Expected) -> impl Serialize + 'a {
    (intent, expected, &intent.project_id)
}

/// The payload of [`Kind::Event`].
pub(crate) fn event(event: &UsageEvent) -> impl Serialize + '_ {
    (event, &event.intent.project_id)
}

/// Puts a record without its checksum into `buffer`, which is emptied first.
///
/// # Errors
/// When the payload is longer than [`RECORD_BYTES_MAX`].
pub(crate) fn encode<T: Serialize>(buffer: &mut Vec<u8>, kind: Kind, value: &T) -> Result<(), JournalError> {
    buffer.clear();
    buffer.extend_from_slice(&MARKER);
    buffer.extend_from_slice(&[kind as u8, VERSION, 0, 0, 0, 0, 0, 0, 0, 0]);
    postcard::serialize_with_flavor(value, Appending(buffer))?;
    let length = buffer.len() - HEADER_BYTES;
    let field = u32::try_from(length).ok().filter(|_| length <= RECORD_BYTES_MAX);
    let Some(field) = field else {
        return Err(JournalError::TooLong { bytes: length, bytes_max: RECORD_BYTES_MAX });
    };
    buffer[4..8].copy_from_slice(&field.to_le_bytes());
    Ok(())
}

/// Writes the checksum of an encoded record that will lie at `offset`.
pub(crate) fn seal(record: &mut [u8], offset: u64) {
    let sum = checksum(record, offset);
    record[8..12].copy_from_slice(&sum.to_le_bytes());
}

fn checksum(record: &[u8], offset: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(&record[2..8]);
    hasher.update(&record[HEADER_BYTES..]);
    hasher.finalize()
}

/// The whole length that a header claims for its record, if it is a header at all.
pub(crate) fn claimed_bytes(header: &[u8]) -> Option<usize> {
    let header = header.first_chunk::<HEADER_BYTES>()?;
    let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let length = usize::try_from(length).ok()?;
    (header.starts_with(&MARKER) && length <= RECORD_BYTES_MAX).then_some(HEADER_BYTES + length)
}

/// Whether `bytes` are exactly one record that was written at `offset`.
pub(crate) fn checks(bytes: &[u8], offset: u64) -> bool {
    claimed_bytes(bytes) == Some(bytes.len()) && bytes[8..12] == checksum(bytes, offset).to_le_bytes()
}

/// Reads a record that [`checks`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Record, Undecodable> {
    let (kind, version, payload) = (bytes[2], bytes[3], Cow::from(&bytes[HEADER_BYTES..]));
    let payload = match version {
        VERSION => payload,
        _ if SHORTER_VERSIONS.contains(&version) => [&payload, &[0; MISSING_BYTES_MAX][..]].concat().into(),
        _ if kind >= OPTIONAL_KINDS => return Ok(Record::Skipped),
        _ => return Err(Undecodable),
    };
    match kind {
        1 => {
            let (mut intent, expected, project) = payload_of::<(Box<Intent>, _, _)>(&payload)?;
            intent.project_id = project;
            Ok(Record::Intent(intent, expected))
        }
        2 => payload_of(&payload).map(Record::Outcome),
        3 => {
            let (mut event, project) = payload_of::<(Box<UsageEvent>, _)>(&payload)?;
            event.intent.project_id = project;
            Ok(Record::Event(event))
        }
        0x81 => payload_of(&payload).map(Record::Mark),
        OPTIONAL_KINDS.. => Ok(Record::Skipped),
        _ => Err(Undecodable),
    }
}

fn payload_of<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Undecodable> {
    postcard::from_bytes(payload).map_err(|_| Undecodable)
}

/// Appends to a buffer that keeps its memory from record to record.
struct Appending<'b>(&'b mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Appending<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
