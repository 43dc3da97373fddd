//! What a client says to PostgreSQL, as far as it is counted.
//!
//! Frontend messages (https://www.postgresql.org/docs/current/protocol-message-formats.html): a type byte and
//! a length that counts itself, but not the type; the first ones of a connection have no type.

/// Asks for TLS; it is answered with one byte, and another start-up message follows.
const SSL_REQUEST: u32 = 80_877_103;
/// Longest part of a message that is looked at.
const KEPT_BYTES_MAX: usize = 16;
const LENGTH_BYTES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A statement to execute.
    Statement,
    Commit,
    Other,
}

/// Reads messages out of bytes, however they are cut.
#[derive(Debug, Default)]
pub struct Messages {
    started: bool,
    /// The beginning of the message that is being read, its type and length included.
    kept: Vec<u8>,
    /// Bytes of it still to come, once its length is known.
    left: Option<usize>,
}

impl Messages {
    /// Tells each message that ended within `bytes`.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let header = LENGTH_BYTES + usize::from(self.started);
            let taken = match self.left {
                None => (header - self.kept.len()).min(rest.len()),
                Some(left) => left.min(rest.len()),
            };
            let (now, later) = rest.split_at(taken);
            rest = later;
            let room = KEPT_BYTES_MAX.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&now[..taken.min(room)]);
            self.left = match self.left {
                Some(left) => Some(left - taken),
                None if self.kept.len() == header => Some(self.length(header).saturating_sub(LENGTH_BYTES)),
                None => None,
            };
            if self.left == Some(0) {
                said.push(self.end(header));
            }
        }
        said
    }

    fn length(&self, header: usize) -> usize {
        let bytes = self.kept[header - LENGTH_BYTES..header].try_into().unwrap_or([0; LENGTH_BYTES]);
        u32::from_be_bytes(bytes) as usize
    }

    fn end(&mut self, header: usize) -> Said {
        let body = &self.kept[header..];
        let said = if !self.started {
            self.started = !body.starts_with(&SSL_REQUEST.to_be_bytes());
            Said::Other
        } else {
            match self.kept[0] {
                b'Q' if body.starts_with(b"COMMIT") => Said::Commit,
                b'Q' | b'E' => Said::Statement,
                _ => Said::Other,
            }
        };
        self.kept.clear();
        self.left = None;
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + LENGTH_BYTES).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn conversation() -> Vec<u8> {
        let untyped = |body: &[u8]| message(0, body)[1..].to_vec();
        [
            untyped(&SSL_REQUEST.to_be_bytes()),
            untyped(b"\0\x03\0\0user\0bulkhead\0\0"),
            message(b'Q', b"BEGIN\0"),
            message(b'P', b"s1\0insert into long text that is not kept\0\0\0"),
            message(b'E', b"\0\0\0\0\0"),
            message(b'S', b""),
            message(b'Q', b"COMMIT\0"),
        ]
        .concat()
    }

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        use Said::{Commit, Other, Statement};
        let expected = [Other, Other, Statement, Other, Statement, Other, Commit];
        let bytes = conversation();
        for size in [1, 2, 3, 7, 64, bytes.len()] {
            let mut messages = Messages::default();
            let said: Vec<_> = bytes.chunks(size).flat_map(|piece| messages.push(piece)).collect();
            assert_eq!(said, expected, "in pieces of {size}");
        }
    }
}
