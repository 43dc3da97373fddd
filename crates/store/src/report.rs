//! Statements that may run long: each ends with its time, and with whoever asked for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Sqlite};
use tokio::task::JoinHandle;

use crate::StoreError;

/// How often a running SQLite statement looks whether it should stop, in steps of its virtual machine:
/// many times a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// Stops the statement that a SQLite connection runs, when its time is over or this is dropped.
pub(crate) struct StopOnDrop {
    flag: Arc<AtomicBool>,
    timer: JoinHandle<()>,
}

impl StopOnDrop {
    /// SQLite runs in a thread of this process, which nobody would stop when the caller is gone: so the statement
    /// asks every now and then whether to go on.
    pub async fn watch(connection: &mut PoolConnection<Sqlite>, limit: Duration) -> Result<Self, StoreError> {
        let stop = Self::after(limit);
        let flag = stop.flag.clone();
        let go_on = move || !flag.load(Ordering::Relaxed);
        connection.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_LOOKS, go_on);
        Ok(stop)
    }

    fn after(limit: Duration) -> Self {
        let flag = Arc::new(AtomicBool::new(limit.is_zero()));
        let late = flag.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            late.store(true, Ordering::Relaxed);
        });
        Self { flag, timer }
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.timer.abort();
        self.flag.store(true, Ordering::Relaxed);
    }
}

/// The name of connections for reports.
pub(crate) const REPORTS: &str = "bulkhead-reports";
const PID: &str = "SELECT pg_backend_pid()";
/// Behind a pooler the process may serve another client by now: then it runs no report, or one that its caller repeats.
const CANCEL: &str = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                      WHERE pid = $1 AND application_name = $2 AND state = 'active'";

/// Ends the statement that a PostgreSQL connection runs. The server does not notice by itself that nobody waits for the answer.
pub(crate) struct Cancel {
    pid: i32,
    others: PgPool,
}

impl Cancel {
    pub async fn of(connection: &mut PoolConnection<Postgres>, others: &PgPool) -> Result<Self, StoreError> {
        let pid = sqlx::query_scalar(PID).fetch_one(&mut **connection).await?;
        Ok(Self { pid, others: others.clone() })
    }

    pub fn now(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let told = sqlx::query(CANCEL).bind(self.pid).bind(REPORTS).execute(&self.others).await;
            if let Err(error) = told {
                tracing::warn!(%error, "a report that nobody waits for runs on until its time is over");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use sqlx::SqlitePool;
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;

    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";

    async fn run(pool: &SqlitePool, limit: Duration, text: &'static str) -> Result<i64, StoreError> {
        let mut connection = pool.acquire().await?;
        let _stop = StopOnDrop::watch(&mut connection, limit).await?;
        Ok(sqlx::query_scalar(text).fetch_one(&mut *connection).await?)
    }

    fn one_connection() -> SqlitePool {
        SqlitePoolOptions::new().max_connections(1).connect_lazy("sqlite::memory:").unwrap()
    }

    #[tokio::test]
    async fn an_endless_statement_ends_with_its_time() {
        let pool = one_connection();
        let ended = run(&pool, Duration::from_millis(20), ENDLESS).await;
        assert!(matches!(ended, Err(StoreError::Timeout(_))), "{ended:?}");
        assert_eq!(run(&pool, Duration::from_secs(60), "SELECT 7").await.unwrap(), 7);
    }

    /// The only connection is free again, so the statement of the caller who left has ended.
    #[tokio::test]
    async fn an_endless_statement_ends_with_its_caller() {
        let pool = one_connection();
        let endless = run(&pool, Duration::from_secs(3600), ENDLESS);
        assert!(tokio::time::timeout(Duration::from_millis(20), endless).await.is_err());
        assert_eq!(run(&pool, Duration::from_secs(60), "SELECT 7").await.unwrap(), 7);
    }
}
