use std::io;
use std::path::PathBuf;

/// Why a record could not be written. The call may go on: the caller decides.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal could not be written: {0}")]
    Io(#[from] io::Error),
    #[error("the journal holds {held_bytes} bytes and may not grow beyond {bytes_max}")]
    Full { held_bytes: u64, bytes_max: u64 },
    #[error("a record of {bytes} bytes is longer than the {bytes_max} that fit")]
    TooLong { bytes: usize, bytes_max: usize },
    #[error("a record could not be encoded: {0}")]
    Encode(#[from] postcard::Error),
}

/// Why the journal's folder could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{path}` for the journal: {source}")]
pub struct OpenError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// Why [`Ledger::run`](crate::Ledger::run) ended early.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("the ledger is already being shipped")]
    AlreadyRunning,
    #[error("a journal task panicked")]
    Panicked,
}
