//! The copy's label and pieces, as bytes.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};

use super::CopyError;
use crate::seal::{CHECK_BYTES, Label, SALT_BYTES, Sealer, TAG_BYTES};

const MAGIC: [u8; 7] = *b"BULKPOL";
/// Goes up whenever a head, a key or an account is stored otherwise; a test tells when that is so.
pub(super) const VERSION: u8 = b'8';
/// Longest piece that is believed.
const PIECE_BYTES_MAX: usize = 32 << 20;

pub(super) fn write_label(out: &mut impl Write, label: Label) -> io::Result<()> {
    out.write_all(&MAGIC)?;
    out.write_all(&[VERSION])?;
    out.write_all(&label.salt)?;
    out.write_all(&label.check)
}

pub(super) fn read_label(input: &mut impl Read) -> Result<Label, CopyError> {
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

pub(super) fn write_piece(
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

pub(super) struct Pieces {
    pub input: BufReader<File>,
    pub sealer: Sealer,
    pub piece: Vec<u8>,
}

impl Pieces {
    /// The next piece, and whether it is the last.
    pub fn next(&mut self) -> Result<(bool, &[u8]), CopyError> {
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
