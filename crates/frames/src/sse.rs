use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use self::scan::{Block, Scan};

mod scan;

/// Longest single event, all of its lines and terminators counted, that is accepted from a provider.
pub const SSE_EVENT_BYTES_MAX: usize = 1 << 20;

/// One event with at least one `data` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// The value of the last `event` line.
    pub name: Option<Bytes>,
    /// The `data` lines, joined by line feeds. With one `data` line it is a slice of the input.
    pub data: Bytes,
    /// The exact bytes, the blank line that ends the event included.
    pub raw: Bytes,
}

impl SseEvent {
    /// The event's name, or `None` when it has none or is not UTF-8.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref().and_then(|name| std::str::from_utf8(name).ok())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a stream event is longer than {max_bytes} bytes")]
    EventTooLarge { max_bytes: usize },
}

/// Reads a stream of server-sent events as the WHATWG defines it (section 9.2.6 of the HTML standard):
/// lines end with CR, LF or CRLF, a byte order mark may come first, comments and unknown fields are ignored.
///
/// An event that lies within one chunk is handed out as slices of that chunk; only an event that straddles
/// chunks is copied, once. A lone CR at the end of a chunk waits for the next byte, which may be its LF.
#[derive(Debug)]
pub struct SseParser {
    max_event_bytes: usize,
    /// Bytes not looked at yet, shared with the chunk that they came in.
    rest: Bytes,
    /// The beginning of an event whose end has not arrived.
    carry: BytesMut,
    /// What is known of the event that begins at `carry`, or at `rest` when `carry` is empty.
    scan: Scan,
    heartbeats: u32,
    failed: bool,
}

impl SseParser {
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            rest: Bytes::new(),
            carry: BytesMut::new(),
            scan: Scan::at_stream_start(),
            heartbeats: 0,
            failed: false,
        }
    }

    /// Takes the next bytes. Call [`Self::next`] until it returns `None` before the next push; bytes left
    /// over otherwise are joined by copying.
    pub fn push(&mut self, chunk: Bytes) {
        if self.rest.is_empty() {
            self.rest = chunk;
        } else {
            let mut joined = BytesMut::with_capacity(self.rest.len() + chunk.len());
            joined.extend_from_slice(&self.rest);
            joined.extend_from_slice(&chunk);
            self.rest = joined.freeze();
        }
    }

    /// The next whole event, or `None` until more bytes arrive. After an error there is nothing more.
    #[allow(clippy::should_implement_trait)] // not an iterator: `None` means "not yet"
    pub fn next(&mut self) -> Option<Result<SseEvent, FrameError>> {
        while !self.failed {
            let block = match self.next_block() {
                Ok(block) => block?,
                Err(error) => return Some(Err(self.fail(error))),
            };
            match block.into_event() {
                Some(event) => return Some(Ok(event)),
                None => self.heartbeats = self.heartbeats.saturating_add(1),
            }
        }
        None
    }

    /// The stream has ended: hands out the last event when only its closing blank line is missing.
    ///
    /// The standard drops such an event; some providers end their streams so, and clients read them.
    pub fn finish(&mut self) -> Option<SseEvent> {
        if self.failed || self.carry.is_empty() {
            return None;
        }
        let scan = std::mem::replace(&mut self.scan, Scan::at_event_start());
        scan.finish(std::mem::take(&mut self.carry).freeze()).into_event()
    }

    /// How many blocks without data (comments, which providers send as keep-alive) passed since the last call.
    pub fn take_heartbeats(&mut self) -> u32 {
        std::mem::take(&mut self.heartbeats)
    }

    /// Bytes held back because their event is incomplete.
    pub fn pending_bytes(&self) -> usize {
        self.carry.len() + self.rest.len()
    }

    fn next_block(&mut self) -> Result<Option<Block>, FrameError> {
        if self.carry.is_empty() { self.block_within_chunk() } else { self.block_across_chunks() }
    }

    fn block_within_chunk(&mut self) -> Result<Option<Block>, FrameError> {
        if let Some(end) = self.scan.find_end(&self.rest, None) {
            self.check_len(end)?;
            let raw = self.rest.split_to(end);
            return Ok(Some(self.take_block(raw)));
        }
        self.check_len(self.rest.len())?;
        self.carry.extend_from_slice(&std::mem::take(&mut self.rest));
        Ok(None)
    }

    /// Moves lines from the chunk to the carry until the event is whole, so that what follows the event is
    /// not copied.
    fn block_across_chunks(&mut self) -> Result<Option<Block>, FrameError> {
        loop {
            if let Some(end) = self.scan.find_end(&self.carry, self.rest.first().copied()) {
                let raw = self.carry.split_to(end).freeze();
                return Ok(Some(self.take_block(raw)));
            }
            if self.rest.is_empty() {
                return Ok(None);
            }
            let line = self.rest.split_to(line_len(&self.rest));
            self.check_len(self.carry.len() + line.len())?;
            self.carry.extend_from_slice(&line);
        }
    }

    fn take_block(&mut self, raw: Bytes) -> Block {
        std::mem::replace(&mut self.scan, Scan::at_event_start()).into_block(raw)
    }

    fn check_len(&self, len: usize) -> Result<(), FrameError> {
        if len > self.max_event_bytes {
            return Err(FrameError::EventTooLarge { max_bytes: self.max_event_bytes });
        }
        Ok(())
    }

    fn fail(&mut self, error: FrameError) -> FrameError {
        self.failed = true;
        self.rest = Bytes::new();
        self.carry = BytesMut::new();
        error
    }
}

/// The length of the first line with its terminator; all of `bytes` when no terminator is there.
fn line_len(bytes: &[u8]) -> usize {
    match memchr2(b'\n', b'\r', bytes) {
        Some(at) if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') => at + 2,
        Some(at) => at + 1,
        None => bytes.len(),
    }
}
