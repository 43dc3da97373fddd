use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kit::Timestamp;

use crate::JournalError;

/// Shortest time between two log lines about the same trouble.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What the ledger has done since it was opened, and what waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Records written to the journal.
    pub appended: u64,
    /// Records that were not written and never will be; the caller was told each time.
    pub refused: u64,
    /// Records in memory that wait for room on the disk.
    pub waiting_records: u64,
    /// Bytes of journal files on disk, those of dead processes that were taken over included.
    pub bytes: u64,
    /// Bytes written but not yet in the database.
    pub backlog_bytes: u64,
    /// Bytes written by this process that have not been forced to disk: what the death of the machine may
    /// lose. With [`Fsync::Os`](crate::Fsync::Os) all of them.
    pub unsynced_bytes: u64,
    /// How long something has been waiting for the database without a break.
    pub lag: Duration,
    /// Calls that were begun and have not ended, as far as the shipper has read.
    pub open_intents: u64,
    /// Events that the database has taken, those it already had included.
    pub shipped: u64,
    /// Of `shipped`, the ones that were new to the database.
    pub inserted: u64,
    /// Of `shipped`, the calls that the death of a process interrupted.
    pub interrupted: u64,
    pub batches: u64,
    /// Transactions that failed; each is tried again.
    pub ship_errors: u64,
    pub last_ship_error: Option<String>,
    pub last_shipped_at: Option<Timestamp>,
    /// Events that the database will never take; each lies in a `.corrupt` file.
    pub rejected: u64,
    /// Outcomes whose intent is not there: it was shipped before a crash, or its bytes are damaged.
    pub unmatched_outcomes: u64,
    /// Files kept for people since they held bytes that do not check.
    pub quarantined_files: u64,
    pub corrupt_bytes: u64,
    pub torn_bytes: u64,
    pub read_errors: u64,
    pub sync_errors: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub refused: AtomicU64,
    /// Bytes on disk that no writer writes any more.
    pub held_bytes: AtomicU64,
    /// Bytes of this process's writers that are in the database, or in no need to be.
    pub shipped_bytes: AtomicU64,
    /// Bytes of dead processes' journals that are not yet in the database.
    pub replay_backlog_bytes: AtomicU64,
    /// When nothing was waiting last, in microseconds of [`kit::Clock::monotonic`].
    pub caught_up_at_us: AtomicU64,
    /// When trouble was logged last, and how many records had been refused.
    trouble_logged: Mutex<Option<(Timestamp, u64)>>,
    /// What background tasks alone count.
    pub noted: Mutex<Stats>,
}

impl Counters {
    /// Changes the counters that only background tasks touch.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.noted.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes bytes that were deleted out of the sum.
    pub(crate) fn release(&self, bytes: u64) {
        let rest = |held: u64| Some(held.saturating_sub(bytes));
        let _ = self.held_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
    }

    /// Counts a record that was not written.
    pub(crate) fn refuse(&self, error: &JournalError, now: Timestamp) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.tell_of_trouble(error, now);
    }

    /// Says from time to time that records cannot be written.
    pub(crate) fn tell_of_trouble(&self, error: &JournalError, now: Timestamp) {
        let mut logged = self.trouble_logged.lock().unwrap_or_else(PoisonError::into_inner);
        let (silent_since, told) = logged.unwrap_or((Timestamp(i64::MIN), 0));
        if now.since(silent_since) >= LOG_EVERY {
            let refused = self.refused.load(Ordering::Relaxed);
            *logged = Some((now, refused));
            tracing::error!(refused_records = refused - told, %error, "records cannot be written to the journal");
        }
    }
}
