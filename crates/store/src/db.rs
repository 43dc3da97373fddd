//! The two databases behind one face.

use std::str::FromStr;
use std::time::Duration;

use domain::Calendar;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Postgres, Sqlite, Transaction};

use crate::half_open::guarded;
use crate::keys::KeyCounts;
use crate::migrate::told;
use crate::reads::Reader;
use crate::report::REPORTS;
use crate::values::Placeholders;
use crate::{Settings, StoreError};

/// Pages of SQLite's write-ahead log before they are moved into the database, which waits for the disk:
/// 40 MB instead of 4, so that ids at random places of an index do not make each batch wait.
const WAL_PAGES: u32 = 10_000;
/// Page cache of one SQLite connection.
const CACHE_KIB: u32 = 16_384;

/// Longest that Postgres waits for the next statement of a transaction. Transactions hold locks that all gateways
/// need; when a machine vanishes in the middle of one, nobody else would tell Postgres for hours.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// Whether Postgres compiles statements that it believes to be long: of a report that read 240,000 cells it doubled the time, and nothing
/// that is asked here runs for so long.
const JIT: &str = "off";

/// A report takes one core and no more, and its groups are summed up in memory, which at so many is half the work of sorting
/// them on disk. The bounds of a question's stretches of time are not known when it is planned: for want of them all cells
/// would be read, once for each stretch, where an index has those of the stretch together.
const REPORT_OPTIONS: [(&str, &str); 3] =
    [("max_parallel_workers_per_gather", "0"), ("work_mem", "64MB"), ("enable_seqscan", "off")];

/// Something of either database.
pub(crate) enum Either<S, P> {
    Sqlite(S),
    Postgres(P),
}

pub(crate) type Pool = Either<SqlitePool, PgPool>;
pub(crate) type Tx = Either<Transaction<'static, Sqlite>, Transaction<'static, Postgres>>;

/// Runs the same expression with the pool or transaction of whichever database it is.
macro_rules! on {
    ($db:expr, |$c:ident| $body:expr) => {
        match $db {
            $crate::db::Either::Sqlite($c) => $body,
            $crate::db::Either::Postgres($c) => $body,
        }
    };
}
pub(crate) use on;

/// Pools by intent.
pub(crate) struct Db {
    writer: Pool,
    /// For reads of what was just written: SQLite's one writing connection is not for reading.
    fresh: Pool,
    reports: Pool,
    pub reader: Option<Reader>,
    pub analytics_timeout: Duration,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    pub key_counts: KeyCounts,
    /// Where and when the days of budgets begin.
    pub calendar: Calendar,
    /// What was spent beyond a budget counts against its next window.
    pub budget_rollover: bool,
}

impl Db {
    /// Opens no connection yet.
    pub fn new(settings: &Settings) -> Result<Self, StoreError> {
        if settings.url.starts_with("sqlite:") {
            Self::sqlite(settings)
        } else if is_postgres(&settings.url) {
            Self::postgres(settings)
        } else {
            let scheme = settings.url.split(':').next().unwrap_or_default();
            Err(StoreError::Url(scheme.chars().take(20).collect()))
        }
    }

    /// One writer connection, since SQLite has one writer at a time: waiting happens in order in the
    /// pool instead of in turns of the busy handler.
    fn sqlite(settings: &Settings) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(&settings.url)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", WAL_PAGES.to_string())
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .busy_timeout(settings.acquire_timeout)
            .foreign_keys(true);
        let pool = |max: u32| {
            let pool =
                SqlitePoolOptions::new().max_connections(max).acquire_timeout(settings.acquire_timeout);
            Either::Sqlite(pool.connect_lazy_with(options.clone()))
        };
        Ok(Self {
            writer: pool(1),
            fresh: pool(settings.connections_max),
            reports: pool(settings.analytics_connections_max),
            reader: None,
            analytics_timeout: settings.analytics_timeout,
            acquire_timeout: settings.acquire_timeout,
            key_counts: KeyCounts::default(),
            calendar: settings.calendar.clone(),
            budget_rollover: settings.budget_rollover,
        })
    }

    fn postgres(settings: &Settings) -> Result<Self, StoreError> {
        let pool = |url: &str, max: u32, timeout: Duration, more: &[(&str, &str)], name: &str| {
            let (options, limit) = postgres_options(url, timeout)?;
            let options = options.application_name(name).options(more.iter().copied());
            let pool = PgPoolOptions::new()
                .max_connections(limit.unwrap_or(max).min(max))
                .acquire_timeout(settings.acquire_timeout);
            Ok::<PgPool, StoreError>(guarded(pool).connect_lazy_with(options))
        };
        let requests =
            |url: &str| pool(url, settings.connections_max, settings.statement_timeout, &[], &told());
        let reports = |url: &str| {
            let (max, timeout) = (settings.analytics_connections_max, settings.analytics_timeout);
            pool(url, max, timeout, &REPORT_OPTIONS, REPORTS)
        };
        let writer = requests(&settings.url)?;
        let reader = settings.reader_url.as_deref().map(|url| {
            // Half of the writer's connections are left to writes when it has to read for the reader.
            let turns = (settings.connections_max / 2).max(1);
            Ok::<_, StoreError>(Reader::new(requests(url)?, reports(url)?, turns))
        });
        Ok(Self {
            fresh: Either::Postgres(writer.clone()),
            writer: Either::Postgres(writer),
            reports: Either::Postgres(reports(&settings.url)?),
            reader: reader.transpose()?,
            analytics_timeout: settings.analytics_timeout,
            acquire_timeout: settings.acquire_timeout,
            key_counts: KeyCounts::default(),
            calendar: settings.calendar.clone(),
            budget_rollover: settings.budget_rollover,
        })
    }

    /// For reads that must see what was just written, and for every security decision.
    pub const fn fresh(&self) -> &Pool {
        &self.fresh
    }

    /// The writer's pool for what may take long.
    pub const fn reports(&self) -> &Pool {
        &self.reports
    }

    pub const fn writer(&self) -> &Pool {
        &self.writer
    }

    pub const fn placeholders(&self) -> Placeholders {
        match self.writer {
            Either::Sqlite(_) => Placeholders::Plain,
            Either::Postgres(_) => Placeholders::Numbered,
        }
    }

    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match &self.writer {
            Either::Sqlite(pool) => Either::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Either::Postgres(pool) => Either::Postgres(pool.begin().await?),
        })
    }

    /// What is in the database at one moment, for several statements in a row. It holds up no writer.
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        Ok(match &self.fresh {
            Either::Sqlite(pool) => Either::Sqlite(pool.begin().await?),
            Either::Postgres(pool) => {
                Either::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    pub async fn close(&self) {
        for pool in [&self.writer, &self.fresh, &self.reports] {
            on!(pool, |pool| pool.close().await);
        }
        if let Some(reader) = &self.reader {
            reader.requests.close().await;
            reader.reports.close().await;
        }
    }
}

impl Tx {
    pub const fn placeholders(&self) -> Placeholders {
        match self {
            Self::Sqlite(_) => Placeholders::Plain,
            Self::Postgres(_) => Placeholders::Numbered,
        }
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        on!(self, |tx| tx.commit().await)?;
        Ok(())
    }
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Takes out the URL parameters that Prisma knows and Postgres does not: `schema`, `connection_limit`.
fn postgres_options(
    url: &str,
    statement_timeout: Duration,
) -> Result<(PgConnectOptions, Option<u32>), StoreError> {
    const PRISMA: [&str; 5] = ["schema", "connection_limit", "pool_timeout", "pgbouncer", "connect_timeout"];
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('=')).collect::<Vec<_>>();
    let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let kept = pairs.iter().filter(|(key, _)| !PRISMA.contains(key));
    let kept = kept.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&");
    let mut options = PgConnectOptions::from_str(&format!("{base}?{kept}"))
        .map_err(|error| StoreError::Unavailable(error.to_string()))?
        .options([
            ("statement_timeout", statement_timeout.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MAX.as_millis().to_string()),
            ("jit", JIT.to_owned()),
        ]);
    if let Some(schema) = value("schema") {
        options = options.options([("search_path", schema)]);
    }
    Ok((options, value("connection_limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_is_told_how_long_and_that_it_compiles_nothing() {
        let (options, limit) =
            postgres_options("postgres://h/d?connection_limit=3&schema=s", Duration::from_secs(2)).unwrap();
        let told = options.get_options().unwrap();
        for part in ["-c statement_timeout=2000", "-c jit=off", "-c search_path=s"] {
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(limit, Some(3));
    }
}
