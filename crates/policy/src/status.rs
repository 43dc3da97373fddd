use std::time::Duration;

use kit::Timestamp;

/// Where the replica's contents came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadedFrom {
    #[default]
    Nothing,
    /// A copy that an earlier run left.
    Disk,
    Database,
}

impl LoadedFrom {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Disk => "disk",
            Self::Database => "database",
        }
    }
}

/// How far the replica can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The last policy change that is in.
    pub seq: i64,
    pub loaded_from: LoadedFrom,
    /// When the database was last seen to have nothing newer; for a disk copy, when that was so.
    pub last_sync_at: Option<Timestamp>,
    /// Since then. Zero when never.
    pub stale_for: Duration,
    /// What is decided by may be older than the database: it does not answer, or has not for too long.
    pub is_stale: bool,
    pub keys: usize,
    /// Of these, keys that are refused since their stored policy cannot be read.
    pub unreadable_keys: usize,
    /// Those that keys answer to.
    pub accounts: usize,
    pub unreadable_accounts: usize,
    /// The same for two replicas that hold the same policies; see `docs/operations.md`.
    pub digest: u64,
    /// Why the database cannot be read at the moment.
    pub last_error: Option<String>,
    /// Why the disk copy could not be written the last time.
    pub last_save_error: Option<String>,
}

impl Status {
    pub(crate) fn age(&self, now: Timestamp) -> Option<Duration> {
        self.last_sync_at.map(|at| now.since(at))
    }

    pub(crate) fn is_stale_after(&self, limit: Duration, now: Timestamp) -> bool {
        self.last_error.is_some()
            || self.loaded_from != LoadedFrom::Database
            || self.age(now).is_none_or(|age| age > limit)
    }
}
