//! Finds the end of one event and, on the same pass, the lines that matter in it.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use super::SseEvent;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What is known of an event so far; offsets count from its first byte, so that a scan can go on after
/// more bytes were appended.
#[derive(Debug)]
pub(super) struct Scan {
    stream_start: bool,
    line_start: usize,
    /// Where to look for the next line terminator.
    at: usize,
    name: Option<Range<usize>>,
    data: Option<Range<usize>>,
    /// Values of the second and later `data` lines.
    more_data: Vec<Range<usize>>,
}

/// The lines up to and including a blank one.
pub(super) struct Block {
    raw: Bytes,
    scan: Scan,
}

impl Scan {
    pub(super) const fn at_stream_start() -> Self {
        Self { stream_start: true, line_start: 0, at: 0, name: None, data: None, more_data: Vec::new() }
    }

    pub(super) const fn at_event_start() -> Self {
        let mut scan = Self::at_stream_start();
        scan.stream_start = false;
        scan
    }

    /// The length of the event at the start of `bytes`, or `None` while its blank line is missing.
    /// `following` is the byte after `bytes`, when there is one already.
    pub(super) fn find_end(&mut self, bytes: &[u8], following: Option<u8>) -> Option<usize> {
        while let Some(found) = memchr2(b'\n', b'\r', &bytes[self.at..]) {
            let line_end = self.at + found;
            let Some(next_line) = after_terminator(bytes, line_end, following) else {
                self.at = line_end;
                return None;
            };
            if line_end == self.line_start {
                return Some(next_line);
            }
            self.line(bytes, self.line_start..line_end);
            (self.line_start, self.at) = (next_line, next_line);
        }
        self.at = bytes.len();
        None
    }

    pub(super) const fn into_block(self, raw: Bytes) -> Block {
        Block { raw, scan: self }
    }

    /// The stream ended within this event: its last line counts without a terminator.
    pub(super) fn finish(mut self, raw: Bytes) -> Block {
        let line_end = if raw.last() == Some(&b'\r') { raw.len() - 1 } else { raw.len() };
        if self.line_start < line_end {
            self.line(&raw, self.line_start..line_end);
        }
        self.into_block(raw)
    }

    fn line(&mut self, bytes: &[u8], mut line: Range<usize>) {
        if self.stream_start && line.start == 0 && bytes[line.clone()].starts_with(BYTE_ORDER_MARK) {
            line.start += BYTE_ORDER_MARK.len();
        }
        if let Some(value) = field_value(bytes, &line, b"data") {
            match self.data {
                None => self.data = Some(value),
                Some(_) => self.more_data.push(value),
            }
        } else if let Some(value) = field_value(bytes, &line, b"event") {
            self.name = Some(value);
        }
    }
}

impl Block {
    /// `None` when the block has no `data` line.
    pub(super) fn into_event(self) -> Option<SseEvent> {
        let Self { raw, scan } = self;
        let first = scan.data?;
        let data = if scan.more_data.is_empty() {
            raw.slice(first)
        } else {
            join_lines(&raw, first, &scan.more_data)
        };
        let name = scan.name.filter(|name| !name.is_empty()).map(|name| raw.slice(name));
        Some(SseEvent { name, data, raw })
    }
}

/// Where the line after the terminator at `at` begins; `None` while it is open whether an LF follows a CR.
fn after_terminator(bytes: &[u8], at: usize, following: Option<u8>) -> Option<usize> {
    if bytes[at] == b'\n' {
        return Some(at + 1);
    }
    match (bytes.get(at + 1), following) {
        (Some(b'\n'), _) => Some(at + 2),
        (Some(_), _) => Some(at + 1),
        (None, None | Some(b'\n')) => None,
        (None, Some(_)) => Some(at + 1),
    }
}

/// The value of the line when its field is `name`: what follows the colon and at most one space.
fn field_value(bytes: &[u8], line: &Range<usize>, name: &[u8]) -> Option<Range<usize>> {
    let rest = bytes[line.clone()].strip_prefix(name)?;
    match rest {
        [] => Some(line.end..line.end),
        [b':', b' ', ..] => Some(line.start + name.len() + 2..line.end),
        [b':', ..] => Some(line.start + name.len() + 1..line.end),
        _ => None,
    }
}

fn join_lines(raw: &[u8], first: Range<usize>, more: &[Range<usize>]) -> Bytes {
    let len = first.len() + more.iter().map(|line| line.len() + 1).sum::<usize>();
    let mut joined = BytesMut::with_capacity(len);
    joined.extend_from_slice(&raw[first]);
    for line in more {
        joined.extend_from_slice(b"\n");
        joined.extend_from_slice(&raw[line.clone()]);
    }
    joined.freeze()
}
