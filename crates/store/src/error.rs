use std::fmt;

use crate::vault::VaultError;

/// What can go wrong below a statement.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is shutting down, or has no connection to spare: try again later.
    #[error("database is unavailable: {0}")]
    Unavailable(String),
    /// The statement ran into its time limit, or into a lock that another writer holds.
    #[error("database took too long: {0}")]
    Timeout(String),
    /// A row with the same identity, or the same unique name, is there already.
    #[error("{0} already exists")]
    Duplicate(&'static str),
    /// What a row refers to is not there: `team`, `budget` and so on.
    #[error("no such {0}")]
    Missing(&'static str),
    /// Another row refers to it.
    #[error("it is in use")]
    InUse,
    /// More than one transaction should take.
    #[error("too many {0} at once")]
    TooMany(&'static str),
    /// What it would have to be made of is no longer kept.
    #[error("{0}")]
    Gone(&'static str),
    /// Usage is not counted by this combination of dimensions.
    #[error(
        "usage of customers and tags cannot be told apart by key, user, team or organisation, nor by each other"
    )]
    NotCounted,
    #[error("`{0}` is not a database URL: it starts with `sqlite:`, `postgres://` or `postgresql://`")]
    Url(String),
    #[error("stored value of {what} cannot be read: {why}")]
    Corrupt { what: &'static str, why: String },
    #[error("what is sealed in {what} cannot be read: {why}")]
    Sealed { what: String, why: VaultError },
    /// Something else has to be over first; a sentence for people.
    #[error("{0}")]
    NotYet(String),
    #[error("migration failed: {0}")]
    Migrate(String),
    #[error("database error: {0}")]
    Other(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anyone changing it.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Timeout(_) | Self::NotYet(_))
    }

    pub(crate) fn corrupt(what: &'static str, why: impl fmt::Display) -> Self {
        Self::Corrupt { what, why: why.to_string() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(text),
            sqlx::Error::Database(database) => from_code(database.code().as_deref().unwrap_or(""), text),
            sqlx::Error::ColumnDecode { source, .. } => Self::corrupt("a column", source),
            _ => Self::Other(text),
        }
    }
}

/// Postgres: SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html). SQLite: the
/// extended result code as a decimal number (https://www.sqlite.org/rescode.html).
fn from_code(code: &str, text: String) -> StoreError {
    let sqlite_primary = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff);
    match (code, sqlite_primary) {
        // Connection failures, shutdown, recovery, too many connections, read-only after a failover.
        ("57P01" | "57P02" | "57P03" | "53300" | "25006", _) => StoreError::Unavailable(text),
        (state, None) if state.starts_with("08") => StoreError::Unavailable(text),
        // Statement and lock time-outs, deadlock, serialization failure.
        ("57014" | "55P03" | "40P01" | "40001", _) => StoreError::Timeout(text),
        ("23505", _) => duplicate(&text),
        ("23503", _) => StoreError::InUse,
        // BUSY, LOCKED, INTERRUPT.
        (_, Some(5 | 6 | 9)) => StoreError::Timeout(text),
        // IOERR, FULL, CANTOPEN, READONLY.
        (_, Some(8 | 10 | 13 | 14)) => StoreError::Unavailable(text),
        // CONSTRAINT_FOREIGNKEY.
        ("787", _) => StoreError::InUse,
        // CONSTRAINT_PRIMARYKEY and CONSTRAINT_UNIQUE.
        ("1555" | "2067", _) => duplicate(&text),
        _ => StoreError::Other(text),
    }
}

fn duplicate(text: &str) -> StoreError {
    let what = match text {
        text if text.contains("users") && text.contains("email") => "user email",
        text if text.contains("users") && text.contains("sso") => "user sso id",
        text if text.contains("users") => "user",
        text if text.contains("credentials") => "credential",
        text if text.contains("models") => "model",
        text if text.contains("alias") => "key alias",
        _ => "key",
    };
    StoreError::Duplicate(what)
}
