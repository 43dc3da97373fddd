use std::fs::File;
use std::io;
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::{Expected, Intent, Mark, Outcome, UsageEvent};
use serde::Serialize;

use crate::ledger::Inner;
use crate::record::{self, Kind};
use crate::segment::{self, FIRST_RECORD};
use crate::waiting::Waiting;
use crate::{JournalError, RECORD_BYTES_MAX};

/// Memory that a writer keeps between records.
const BUFFER_BYTES: usize = 4 << 10;

/// Appends records to one chain of segments: one per worker thread, shared with no other.
///
/// A record costs one `write` and, after the first, no allocation. A call's marks and outcome must go to
/// the writer that took its intent.
pub struct Writer {
    ledger: Arc<Inner>,
    state: Arc<WriterState>,
    file: Option<File>,
    segment: u32,
    length: u64,
    buffer: Vec<u8>,
    waiting: Waiting,
}

/// What the background tasks may see of a writer. Only its writer changes it.
#[derive(Debug)]
pub(crate) struct WriterState {
    pub number: u32,
    /// Segment number in the high half, its finished length in the low half: read and written as one.
    position: AtomicU64,
    /// Bytes appended since the start, over all segments.
    pub appended_bytes: AtomicU64,
    /// As many of them as have been forced to disk, or needed it no more.
    pub synced_bytes: AtomicU64,
    pub appended_records: AtomicU64,
    /// Records that wait in memory for room on the disk.
    pub waiting_records: AtomicU64,
    /// Something was appended since the shipper last looked.
    pub dirty: AtomicBool,
    pub closed: AtomicBool,
}

impl WriterState {
    pub(crate) const fn new(number: u32) -> Self {
        Self {
            number,
            position: AtomicU64::new(0),
            appended_bytes: AtomicU64::new(0),
            synced_bytes: AtomicU64::new(0),
            appended_records: AtomicU64::new(0),
            waiting_records: AtomicU64::new(0),
            dirty: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// The segment that is being written, from 1, and how much of it is finished. 0 before the first.
    pub(crate) fn position(&self) -> (u32, u64) {
        let packed = self.position.load(Ordering::Acquire);
        ((packed >> 32) as u32, packed & u64::from(u32::MAX))
    }

    fn publish(&self, segment: u32, length: u64) {
        self.position.store(u64::from(segment) << 32 | length, Ordering::Release);
    }

    // No other thread writes these: a plain load and store costs less than an atomic addition.
    fn count_bytes(&self, bytes: u64) {
        self.appended_bytes.store(self.appended_bytes.load(Ordering::Relaxed) + bytes, Ordering::Release);
    }

    fn count_record(&self, bytes: u64) {
        self.count_bytes(bytes);
        self.appended_records.store(self.appended_records.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

impl Writer {
    pub(crate) fn new(ledger: Arc<Inner>, state: Arc<WriterState>) -> Self {
        let (buffer, waiting) = (Vec::with_capacity(BUFFER_BYTES), Waiting::default());
        Self { ledger, state, file: None, segment: 0, length: 0, buffer, waiting }
    }

    /// Writes down that a call is about to be made, and what it is charged with if nothing more is heard
    /// of it. Comes before the call.
    ///
    /// # Errors
    /// When the record could not be written (disk full, journal full, too long). In strict mode nothing is
    /// kept of it then; else it is kept in memory, while there is room, and written when the disk has room.
    pub fn intent(&mut self, intent: &Intent, expected: &Expected) -> Result<(), JournalError> {
        self.append(Kind::Intent, &record::intent(intent, expected))
    }

    /// Writes down how far a call is.
    ///
    /// # Errors
    /// As [`intent`](Self::intent), but nothing is kept of it. What was known before stands then.
    pub fn mark(&mut self, mark: &Mark) -> Result<(), JournalError> {
        self.append(Kind::Mark, mark)
    }

    /// Writes down how a call ended.
    ///
    /// # Errors
    /// When the record could not be written. It is kept in memory then, as in [`intent`](Self::intent), and in
    /// strict mode too; if it does not fit there, the call counts as interrupted, as far as its last mark.
    pub fn outcome(&mut self, outcome: &Outcome) -> Result<(), JournalError> {
        self.append(Kind::Outcome, outcome)
    }

    /// Writes down a request that reached no upstream: intent and outcome at once.
    ///
    /// # Errors
    /// As [`intent`](Self::intent).
    pub fn refusal(&mut self, event: &UsageEvent) -> Result<(), JournalError> {
        self.append(Kind::Event, &record::event(event))
    }

    fn append<T: Serialize>(&mut self, kind: Kind, value: &T) -> Result<(), JournalError> {
        let written = record::encode(&mut self.buffer, kind, value).and_then(|()| self.write_buffer(kind));
        match &written {
            Ok(()) => self.wake_shipper(),
            Err(error) => self.wait_or_refuse(kind, error),
        }
        if self.buffer.capacity() > RECORD_BYTES_MAX {
            self.buffer = Vec::with_capacity(BUFFER_BYTES);
        }
        written
    }

    fn write_buffer(&mut self, kind: Kind) -> Result<(), JournalError> {
        self.write_waiting()?;
        let mut buffer = mem::take(&mut self.buffer);
        let written = self.write_record(kind, &mut buffer);
        self.buffer = buffer;
        written
    }

    /// What waits goes first, so that no outcome comes before its intent.
    fn write_waiting(&mut self) -> Result<(), JournalError> {
        while let Some((kind, mut record)) = self.waiting.pop() {
            if let Err(error) = self.write_record(kind, &mut record) {
                self.waiting.put_back(kind, record);
                return Err(error);
            }
            self.state.waiting_records.store(self.waiting.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// A record that cannot be written waits in memory, unless its call is not made without it.
    fn wait_or_refuse(&mut self, kind: Kind, error: &JournalError) {
        let may_wait = match kind {
            Kind::Intent | Kind::Event => !self.ledger.settings.strict,
            Kind::Outcome => true,
            Kind::Mark => false,
        };
        let is_for_now = matches!(error, JournalError::Io(_) | JournalError::Full { .. });
        let now = self.ledger.clock.now();
        if may_wait && is_for_now && self.waiting.push(kind, &self.buffer) {
            self.state.waiting_records.store(self.waiting.len(), Ordering::Relaxed);
            self.ledger.counters.tell_of_trouble(error, now);
        } else {
            self.ledger.counters.refuse(error, now);
        }
    }

    /// Writes an encoded record.
    fn write_record(&mut self, kind: Kind, record: &mut [u8]) -> Result<(), JournalError> {
        let bytes = record.len() as u64;
        if self.length + bytes > u64::from(self.ledger.settings.segment_bytes_max) {
            self.end_segment();
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => self.begin_segment(kind)?,
        };
        record::seal(record, self.length);
        let written = write_or_undo(&file, record, self.length);
        self.file = Some(file);
        written?;
        self.length += bytes;
        self.state.publish(self.segment, self.length);
        self.state.count_record(bytes);
        Ok(())
    }

    fn begin_segment(&mut self, kind: Kind) -> Result<File, JournalError> {
        self.ledger.check_room(kind)?;
        let segment = self.segment.max(1);
        let file = segment::create(&segment::path(self.ledger.folder(), self.state.number, segment))?;
        self.segment = segment;
        self.length = FIRST_RECORD;
        self.state.count_bytes(FIRST_RECORD);
        Ok(file)
    }

    /// Leaves the segment to the shipper, also when there is no room for the next one yet: else a
    /// full journal could never become empty.
    fn end_segment(&mut self) {
        if self.file.take().is_some() {
            self.ledger.counters.held_bytes.fetch_add(self.length, Ordering::Relaxed);
            self.segment += 1;
            self.length = 0;
            self.state.publish(self.segment, 0);
        }
    }

    fn wake_shipper(&self) {
        if !self.state.dirty.swap(true, Ordering::SeqCst) {
            self.ledger.wake.notify_one();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.write_waiting() {
            tracing::error!(records = self.waiting.len(), %error, "records are lost: the journal never had room for them");
        }
        self.end_segment();
        self.state.closed.store(true, Ordering::Release);
        self.ledger.open_writers.fetch_sub(1, Ordering::Relaxed);
        self.wake_shipper();
    }
}

/// A record that is cut short (disk full) must not stay: the next one takes its place.
fn write_or_undo(file: &File, record: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(record, offset).inspect_err(|_| {
        // When even this fails, the next record overwrites what is there, and a rest is a torn tail.
        let _ = file.set_len(offset);
    })
}
