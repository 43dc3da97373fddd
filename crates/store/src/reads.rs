//! Where reads go: to the reader, when there is one and it has seen what was written; else to the writer.
//!
//! Before a read the writer and the reader are each asked how far they are, which is a look at three rows. So
//! whoever wrote, through whichever process, sees it at once, and what is costly is the reader's work.
//! Security decisions do not come here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{FromRow, Postgres, Sqlite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::StoreError;
use crate::db::{Db, Either, on};
use crate::report::{Cancel, StopOnDrop};
use crate::sql::statements;

/// Longest that the reader is waited for before the writer takes its place.
const READER_WAIT: Duration = Duration::from_millis(500);
/// So long a reader that did not answer is left alone.
const READER_REST: Duration = Duration::from_secs(5);
/// Usage may be so much older on the reader, in microseconds of the ledger's clock.
const USAGE_LAG_MAX_MICROS: i64 = 5_000_000;

statements! {
    // Every management write moves the clock of the audit log, the policy's or both; shipped usage the ledger's.
    CLOCKS = "SELECT a.seq AS audit, p.seq AS policy, l.at AS usage
              FROM audit_clock a, policy_clock p, ledger_clock l WHERE a.id = 1 AND p.id = 1 AND l.id = 1";
}

pub(crate) type Connection = Either<PoolConnection<Sqlite>, PoolConnection<Postgres>>;

/// What a read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Lists and infos.
    Request,
    /// What may take long: in the analytics pool, under its time limit.
    Report,
}

/// A connection for one read.
pub(crate) struct Source {
    pub connection: Connection,
    pub is_reader: bool,
    stop: Option<Stop>,
    _turn: Option<OwnedSemaphorePermit>,
}

/// How the statement of a report ends when who asked for it has left.
enum Stop {
    Sqlite { _flag: StopOnDrop },
    Postgres(Cancel),
}

impl Source {
    /// Its statement has ended by itself.
    pub fn ended(&mut self) {
        self.stop = None;
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let (Some(Stop::Postgres(cancel)), Either::Postgres(connection)) =
            (self.stop.take(), &mut self.connection)
        {
            // What was asked must not be cancelled once the connection has gone to another.
            connection.close_on_drop();
            cancel.now();
        }
    }
}

/// Runs the same expression with a connection of whichever database it is, and once more with the writer's when
/// the reader fails in between.
macro_rules! read {
    ($db:expr, $purpose:ident, |$connection:ident| $body:expr) => {{
        let mut source = $db.source($crate::reads::Purpose::$purpose).await?;
        loop {
            let answer: Result<_, $crate::StoreError> =
                async { Ok($crate::db::on!(&mut source.connection, |$connection| $body)) }.await;
            match answer {
                Err(error) if source.is_reader => {
                    source.ended();
                    source = $db.instead_of_reader($crate::reads::Purpose::$purpose, &error).await?;
                }
                answer => {
                    source.ended();
                    break answer;
                }
            }
        }
    }};
}
pub(crate) use read;

/// How far a database is: it moves with every change that a read can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, FromRow)]
pub struct Version {
    audit: i64,
    policy: i64,
    usage: i64,
}

impl Version {
    async fn of(connection: impl sqlx::PgExecutor<'_>) -> Result<Self, StoreError> {
        Ok(sqlx::query_as(CLOCKS).fetch_one(connection).await?)
    }

    /// That of the writer.
    pub(crate) async fn newest(db: &Db) -> Result<Self, StoreError> {
        Ok(on!(db.fresh(), |pool| sqlx::query_as(CLOCKS).fetch_one(pool).await)?)
    }

    const fn have_seen(&self, writer: &Self) -> bool {
        self.audit >= writer.audit
            && self.policy >= writer.policy
            && self.usage >= writer.usage.saturating_sub(USAGE_LAG_MAX_MICROS)
    }
}

/// How a reader has fared since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderStatus {
    /// Reads that it served.
    pub served: u64,
    /// Reads that went to the writer since the reader had not seen the newest writes.
    pub behind: u64,
    /// Reads that went to the writer since the reader did not answer.
    pub away: u64,
}

/// A replica of the writer that takes reads.
pub(crate) struct Reader {
    pub requests: PgPool,
    pub reports: PgPool,
    rests_until: Mutex<Option<Instant>>,
    /// Lists and infos that the writer serves in its place at a time.
    turns: Arc<Semaphore>,
    served: AtomicU64,
    behind: AtomicU64,
    away: AtomicU64,
}

impl Reader {
    /// At most `turns_max` lists and infos go to the writer at a time in the reader's place.
    pub fn new(requests: PgPool, reports: PgPool, turns_max: u32) -> Self {
        let turns = usize::try_from(turns_max).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            requests,
            reports,
            rests_until: Mutex::default(),
            turns: Arc::new(Semaphore::new(turns)),
            served: AtomicU64::default(),
            behind: AtomicU64::default(),
            away: AtomicU64::default(),
        }
    }

    pub fn status(&self) -> ReaderStatus {
        let [served, behind, away] =
            [&self.served, &self.behind, &self.away].map(|count| count.load(Ordering::Relaxed));
        ReaderStatus { served, behind, away }
    }

    /// A connection to the reader, if it answers and has seen all that the writer has.
    async fn lend(
        &self,
        purpose: Purpose,
        writer: &PgPool,
    ) -> Result<Option<PoolConnection<Postgres>>, StoreError> {
        if self.rests() {
            self.away.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        let pool = match purpose {
            Purpose::Request => &self.requests,
            Purpose::Report => &self.reports,
        };
        let asked = async {
            let mut connection = pool.acquire().await?;
            let clocks = Version::of(&mut *connection).await?;
            Ok::<_, StoreError>((connection, clocks))
        };
        let (newest, asked) = tokio::join!(Version::of(writer), timeout(READER_WAIT, asked));
        match asked {
            Ok(Ok((connection, clocks))) if clocks.have_seen(&newest?) => {
                self.served.fetch_add(1, Ordering::Relaxed);
                Ok(Some(connection))
            }
            Ok(Ok(_)) => {
                self.behind.fetch_add(1, Ordering::Relaxed);
                Ok(None)
            }
            Ok(Err(error)) => {
                self.rest(&error.to_string());
                Ok(None)
            }
            Err(_) => {
                self.rest("it did not answer in time");
                Ok(None)
            }
        }
    }

    fn rests(&self) -> bool {
        let mut until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = until.is_some_and(|until| Instant::now() < until);
        if !rests && until.take().is_some() {
            tracing::info!("the reader of the database is asked again");
        }
        rests
    }

    fn rest(&self, why: &str) {
        self.away.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + READER_REST;
        let before = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).replace(until);
        if before.is_none() {
            tracing::warn!(why, "reads go to the writer: the reader of the database is away");
        }
    }
}

impl Db {
    /// Where a read of this purpose goes.
    pub async fn source(&self, purpose: Purpose) -> Result<Source, StoreError> {
        if let (Some(reader), Either::Postgres(writer)) = (&self.reader, self.writer())
            && let Some(connection) = reader.lend(purpose, writer).await?
        {
            let (connection, stop) = limited(connection, &reader.requests, purpose).await?;
            return Ok(Source { connection, is_reader: true, stop, _turn: None });
        }
        self.writer_source(purpose).await
    }

    /// After the reader failed in the middle of a read.
    pub async fn instead_of_reader(
        &self,
        purpose: Purpose,
        error: &StoreError,
    ) -> Result<Source, StoreError> {
        if let Some(reader) = &self.reader {
            reader.rest(&error.to_string());
        }
        self.writer_source(purpose).await
    }

    async fn writer_source(&self, purpose: Purpose) -> Result<Source, StoreError> {
        let turn = match (&self.reader, purpose) {
            (Some(reader), Purpose::Request) => {
                let turn = timeout(self.acquire_timeout, reader.turns.clone().acquire_owned()).await;
                let none = || StoreError::Unavailable("too many reads wait for the writer".into());
                Some(turn.ok().and_then(Result::ok).ok_or_else(none)?)
            }
            _ => None,
        };
        let pool = match purpose {
            Purpose::Request => self.fresh(),
            Purpose::Report => self.reports(),
        };
        let (connection, stop) = match pool {
            Either::Postgres(pool) => {
                let others = if let Either::Postgres(fresh) = self.fresh() { fresh } else { pool };
                limited(pool.acquire().await?, others, purpose).await?
            }
            Either::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                let stop = match purpose {
                    Purpose::Request => None,
                    Purpose::Report => {
                        let flag = StopOnDrop::watch(&mut connection, self.analytics_timeout).await?;
                        Some(Stop::Sqlite { _flag: flag })
                    }
                };
                (Either::Sqlite(connection), stop)
            }
        };
        Ok(Source { connection, is_reader: false, stop, _turn: turn })
    }
}

/// PostgreSQL keeps the time of a report itself (`statement_timeout`), but has to be told that its caller has left.
async fn limited(
    mut connection: PoolConnection<Postgres>,
    others: &PgPool,
    purpose: Purpose,
) -> Result<(Connection, Option<Stop>), StoreError> {
    let stop = match purpose {
        Purpose::Request => None,
        Purpose::Report => Some(Stop::Postgres(Cancel::of(&mut connection, others).await?)),
    };
    Ok((Either::Postgres(connection), stop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_may_be_a_little_older_and_nothing_else() {
        let writer = Version { audit: 5, policy: 7, usage: 10_000_000 };
        assert!(writer.have_seen(&writer));
        assert!(Version { usage: 5_000_000, ..writer }.have_seen(&writer));
        assert!(!Version { usage: 4_999_999, ..writer }.have_seen(&writer));
        assert!(!Version { audit: 4, ..writer }.have_seen(&writer));
        assert!(!Version { policy: 6, ..writer }.have_seen(&writer));
        assert!(Version { audit: 6, policy: 8, usage: 11_000_000 }.have_seen(&writer));
    }
}
