//! What only older versions needed is taken away, once none of them runs.

use sqlx::postgres::{PgConnection, PgPool};

use super::{FILL_SEARCH, FINISH, explained, give_back, take_turn};
use crate::db::Either;
use crate::{Store, StoreError};

/// Where connections come from whose process was made for less than step `$1`, or tells nothing; each place once. Every gateway
/// and backend holds connections by this name for as long as it reaches the database.
const OLDER: &str =
    "SELECT DISTINCT CAST(COALESCE(host(client_addr), 'a local socket') AS TEXT) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND (application_name = 'bulkhead' OR application_name LIKE 'bulkhead/%')
      AND COALESCE(CAST(SUBSTRING(application_name FROM '^bulkhead/([0-9]{1,18})$') AS BIGINT), 0) < $1
    ORDER BY 1 LIMIT 20";

/// The name that connections tell the database: it ends with the newest step of `finish` that this version was made for.
pub(crate) fn told() -> String {
    format!("bulkhead/{}", newest())
}

fn newest() -> i64 {
    FINISH.iter().map(|step| step.version).max().unwrap_or_default()
}

impl Store {
    /// Takes away what only older versions needed; there is no way back to them afterwards. May be killed and run again as
    /// [`Self::migrate_up`] may.
    ///
    /// PostgreSQL is asked whether older versions are connected, unless it is known that `all_are_new`; SQLite cannot tell.
    ///
    /// # Errors
    /// When an older version is connected or `up` has not run; else as for [`Self::migrate_up`].
    pub async fn migrate_finish(&self, all_are_new: bool) -> Result<(), StoreError> {
        let status = self.migration_status().await?;
        if !status.is_current() {
            let sentence = format!("{} migrations of `up` have not run", status.pending());
            return Err(StoreError::NotYet(sentence));
        }
        match self.db.writer() {
            Either::Sqlite(pool) => {
                FINISH.run(pool).await.map_err(explained)?;
                sqlx::query(FILL_SEARCH).execute(pool).await?;
                Ok(())
            }
            Either::Postgres(pool) => on_postgres(pool, all_are_new || status.unfinished() == 0).await,
        }
    }
}

async fn on_postgres(pool: &PgPool, all_are_new: bool) -> Result<(), StoreError> {
    let mut connection = take_turn(pool).await?;
    let done = all(&mut connection, all_are_new).await;
    give_back(connection).await;
    done
}

async fn all(connection: &mut PgConnection, all_are_new: bool) -> Result<(), StoreError> {
    if !all_are_new {
        refuse_while_older_run(connection).await?;
    }
    FINISH.run(&mut *connection).await.map_err(explained)?;
    // What those wrote that are gone now.
    sqlx::query(FILL_SEARCH).execute(connection).await?;
    Ok(())
}

async fn refuse_while_older_run(connection: &mut PgConnection) -> Result<(), StoreError> {
    let places = sqlx::query_scalar::<_, String>(OLDER).bind(newest()).fetch_all(connection).await?;
    if places.is_empty() {
        return Ok(());
    }
    Err(StoreError::NotYet(format!(
        "gateways or backends of an older version, which need what `finish` takes away, are connected from {}",
        places.join(", ")
    )))
}
