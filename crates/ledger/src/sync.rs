//! Forces written records to the disk now and then, away from the writers.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::ledger::Inner;
use crate::writer::WriterState;
use crate::{Fsync, RunError, segment};

/// Shortest interval that can be set.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// Syncs at the set interval until `stop`, and once more then.
pub(crate) async fn sync_until(ledger: Arc<Inner>, stop: CancellationToken) -> Result<(), RunError> {
    let Fsync::Group(interval) = ledger.settings.fsync else { return Ok(()) };
    let mut syncer = Syncer { ledger, done: HashMap::new() };
    loop {
        let stopping = stop.run_until_cancelled(sleep(interval.max(INTERVAL_MIN))).await.is_none();
        if syncer.has_work() {
            syncer =
                tokio::task::spawn_blocking(move || syncer.sync()).await.map_err(|_| RunError::Panicked)?;
        }
        if stopping {
            return Ok(());
        }
    }
}

struct Syncer {
    ledger: Arc<Inner>,
    done: HashMap<u32, Done>,
}

/// How far a writer's segments are on disk.
#[derive(Default)]
struct Done {
    segment: u32,
    file: Option<File>,
    length: u64,
}

impl Syncer {
    fn has_work(&self) -> bool {
        self.ledger.writer_states().iter().any(|writer| {
            let reached = self.done.get(&writer.number).map_or((1, 0), |done| (done.segment, done.length));
            writer.position() > reached
        })
    }

    fn sync(mut self) -> Self {
        for writer in self.ledger.writer_states() {
            let done = self.done.entry(writer.number).or_default();
            // Read before the position, so that no record is counted that is not on disk.
            let appended_bytes = writer.appended_bytes.load(Ordering::Acquire);
            let caught_up = done.catch_up(&self.ledger, &writer);
            if caught_up.is_ok() {
                writer.synced_bytes.store(appended_bytes, Ordering::Relaxed);
            }
            if let Err(error) = caught_up {
                self.ledger.counters.note(|stats| {
                    stats.sync_errors += 1;
                    if stats.sync_errors.is_power_of_two() {
                        tracing::error!(%error, times = stats.sync_errors, "the journal cannot be forced to disk");
                    }
                });
            }
        }
        self
    }
}

impl Done {
    fn catch_up(&mut self, ledger: &Inner, writer: &WriterState) -> io::Result<()> {
        loop {
            let (current, written) = writer.position();
            if self.segment == 0 || (self.segment < current && self.file.is_none()) {
                *self = Self { segment: self.segment + 1, ..Self::default() };
            }
            if self.segment > current || (self.segment == current && written <= self.length) {
                return Ok(());
            }
            self.sync_segment(ledger, writer.number)?;
            if self.segment < current {
                self.file = None;
            } else {
                self.length = written;
            }
        }
    }

    fn sync_segment(&mut self, ledger: &Inner, writer: u32) -> io::Result<()> {
        if self.file.is_none() {
            let path = segment::path(ledger.folder(), writer, self.segment);
            match File::open(path) {
                Ok(file) => self.file = Some(file),
                // Shipped and deleted already.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
            File::open(ledger.folder())?.sync_all()?;
        }
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }
}
