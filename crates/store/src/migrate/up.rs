//! What this version needs is added, beside older versions that go on serving.

use sqlx::postgres::{PgConnection, PgPool};

use super::{FILL_SEARCH, UP, explained, give_back, take_turn};
use crate::db::Either;
use crate::{Store, StoreError, partitions};

/// What only PostgreSQL has, and not every one: searches for part of a text by an index. Without it they look at each key.
const SEARCH_EXTENSION: &str = "CREATE EXTENSION IF NOT EXISTS pg_trgm";
/// Writers go on meanwhile. It waits for transactions that are open, and nobody waits behind it.
const SEARCH_INDEX: &str =
    "CREATE INDEX CONCURRENTLY key_search_text ON key_search USING gin (text gin_trgm_ops)";
/// What a build that was broken off left behind.
const DROP_SEARCH_INDEX: &str = "DROP INDEX CONCURRENTLY IF EXISTS key_search_text";

/// PostgreSQL alone has the index, so this is not among the statements of both databases.
const HAS_SEARCH_INDEX: &str = "SELECT COALESCE((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('key_search_text')), FALSE)";

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
                Ok(())
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
    let indexed = index_searches(connection).await;
    or_without(indexed, "searches of keys go without an index")?;
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

/// Outside of a transaction, as an index that is built beside writers must be.
async fn index_searches(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    if sqlx::query_scalar::<_, bool>(HAS_SEARCH_INDEX).fetch_one(&mut *connection).await? {
        return Ok(());
    }
    for statement in [SEARCH_EXTENSION, "SET lock_timeout = 0", DROP_SEARCH_INDEX, SEARCH_INDEX] {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
    }
    Ok(())
}
