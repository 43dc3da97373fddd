use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kit::Clock;
use tokio::sync::Notify;

use crate::counters::Counters;
use crate::process::Folder;
use crate::record::Kind;
use crate::writer::WriterState;
use crate::{JournalError, OpenError, Settings, Stats, Writer};

/// Segments may be set no longer than this.
const SEGMENT_BYTES_LIMIT: u32 = 1 << 30;

/// The journal of this process. Clones are the same journal.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub settings: Settings,
    pub clock: Arc<dyn Clock>,
    pub root: PathBuf,
    /// Taken away at the very end, when nothing is left in it.
    pub own: Mutex<Option<Folder>>,
    own_path: PathBuf,
    pub writers: Mutex<Vec<Arc<WriterState>>>,
    pub open_writers: AtomicU32,
    pub counters: Counters,
    pub wake: Notify,
    pub running: AtomicBool,
}

impl Ledger {
    /// Makes a folder for this process under `root`. Journals of dead processes beside it are left for
    /// [`run`](Self::run).
    ///
    /// # Errors
    /// When `root` cannot be made, written to or locked.
    pub fn open(root: &Path, settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let folder = Folder::create(root, clock.now())
            .map_err(|source| OpenError { path: root.to_path_buf(), source })?;
        let settings =
            Settings { segment_bytes_max: settings.segment_bytes_max.min(SEGMENT_BYTES_LIMIT), ..settings };
        let inner = Inner {
            settings,
            clock,
            root: root.to_path_buf(),
            own_path: folder.path().to_path_buf(),
            own: Mutex::new(Some(folder)),
            writers: Mutex::default(),
            open_writers: AtomicU32::new(0),
            counters: Counters::default(),
            wake: Notify::new(),
            running: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A writer for one worker thread. It makes its first file with its first record.
    pub fn writer(&self) -> Writer {
        let mut writers = self.inner.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = u32::try_from(writers.len()).unwrap_or(u32::MAX).saturating_add(1);
        let state = Arc::new(WriterState::new(number));
        writers.push(Arc::clone(&state));
        self.inner.open_writers.fetch_add(1, Ordering::Relaxed);
        Writer::new(Arc::clone(&self.inner), state)
    }

    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

impl Inner {
    pub(crate) fn folder(&self) -> &Path {
        &self.own_path
    }

    pub(crate) fn writer_states(&self) -> Vec<Arc<WriterState>> {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether one more segment may be begun. Checked only then: what is on disk is bounded, since no
    /// segment grows beyond its own bound. For outcomes there is one segment more for each writer, so that
    /// the end of a call that was let in finds room.
    pub(crate) fn check_room(&self, kind: Kind) -> Result<(), JournalError> {
        let segment = u64::from(self.settings.segment_bytes_max);
        let being_written = segment * u64::from(self.open_writers.load(Ordering::Relaxed));
        let bytes_max = self.settings.total_bytes_max.max(being_written + segment);
        let bytes_max = if kind == Kind::Outcome { bytes_max + being_written } else { bytes_max };
        let held_bytes = self.counters.held_bytes.load(Ordering::Relaxed) + being_written;
        if held_bytes > bytes_max {
            return Err(JournalError::Full { held_bytes, bytes_max });
        }
        Ok(())
    }

    pub(crate) fn monotonic_us(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    fn stats(&self) -> Stats {
        let counters = &self.counters;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (mut appended, mut appended_bytes, mut being_written, mut waiting_records) = (0, 0, 0, 0);
        let mut synced_bytes = 0;
        for writer in self.writer_states() {
            appended += load(&writer.appended_records);
            waiting_records += load(&writer.waiting_records);
            synced_bytes += load(&writer.synced_bytes);
            appended_bytes += load(&writer.appended_bytes);
            being_written += writer.position().1;
        }
        let unshipped = appended_bytes.saturating_sub(load(&counters.shipped_bytes));
        let backlog_bytes = unshipped + load(&counters.replay_backlog_bytes);
        let waiting = self.monotonic_us().saturating_sub(load(&counters.caught_up_at_us));
        let noted = counters.noted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stats {
            appended,
            waiting_records,
            refused: load(&counters.refused),
            bytes: load(&counters.held_bytes) + being_written,
            backlog_bytes,
            unsynced_bytes: appended_bytes.saturating_sub(synced_bytes),
            lag: if backlog_bytes == 0 { Duration::ZERO } else { Duration::from_micros(waiting) },
            ..noted
        }
    }
}
