//! What this version needs is added, beside older versions that go on serving.

use sqlx::postgres::{PgConnection, PgPool};

use super::{FILL_SEARCH, UP, explained, give_back, indexes, take_turn};
use crate::db::Either;
use crate::{Store, StoreError, partitions};

impl Store {
    /// Brings the schema up to this version. Each step is one transaction, so it may be killed at any statement and run again; on
    /// Postgres also from two processes at once (an advisory lock puts them in order).
    ///
    /// # Errors
    /// When the database is away, somebody else is at it, a lock is not free within 300 ms (all transient), or a step
    /// fails; finished steps stay.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        match self.db.writer() {
            Either::Sqlite(pool) => {
                UP.run(pool).await.map_err(explained)?;
                sqlx::query(FILL_SEARCH).execute(pool).await?;
                indexes::on_sqlite(pool).await
            }
            Either::Postgres(pool) => on_postgres(pool).await,
        }
    }
}

async fn on_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection = take_turn(pool).await?;
    let done = all(&mut connection).await;
    give_back(connection).await;
    done
}

async fn all(connection: &mut PgConnection) -> Result<(), StoreError> {
    UP.run(&mut *connection).await.map_err(explained)?;
    sqlx::query(FILL_SEARCH).execute(&mut *connection).await?;
    let indexed = indexes::on_postgres(connection).await;
    or_without(indexed, "lists of keys go without an index")?;
    let parted = partitions::convert(connection).await;
    or_without(parted, "calls stay in one table, whose old rows go one by one")
}

/// What serves better and is not needed: a database that does not allow it is good enough.
fn or_without(result: Result<(), sqlx::Error>, consequence: &str) -> Result<(), StoreError> {
    match result.map_err(StoreError::from) {
        Err(error) if !error.is_transient() => tracing::warn!("{consequence}: {error}"),
        other => other?,
    }
    Ok(())
}
