use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnection, PgPool};

use crate::db::Either;
use crate::sql::statements;
use crate::{Store, StoreError, partitions};

static MIGRATOR: Migrator = {
    let mut migrator = sqlx::migrate!("./migrations");
    // A newer version's migrations must not stop an older one that still serves.
    migrator.ignore_missing = true;
    migrator
};

/// A migration waits half a second for a lock at most, since whoever comes after it waits behind it; then it gives up and may be
/// tried again. What it does takes as long as it takes.
const PATIENCE: &str = "SET lock_timeout = '500ms'; SET statement_timeout = 0";

/// What only PostgreSQL has, and not every one: searches for part of a text by an index. Without it they look at each key.
const SEARCH_EXTENSION: &str = "CREATE EXTENSION IF NOT EXISTS pg_trgm";
/// Writers go on meanwhile. It waits for transactions that are open, and nobody waits behind it.
const SEARCH_INDEX: &str =
    "CREATE INDEX CONCURRENTLY key_search_text ON key_search USING gin (text gin_trgm_ops)";
/// What a build that was broken off left behind.
const DROP_SEARCH_INDEX: &str = "DROP INDEX CONCURRENTLY IF EXISTS key_search_text";

/// PostgreSQL alone has the index, so this is not among the statements of both databases.
const HAS_SEARCH_INDEX: &str = "SELECT COALESCE((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('key_search_text')), FALSE)";

statements! {
    // Keys of before this table was, or made by an older version that ran beside a newer one.
    FILL_SEARCH = "INSERT INTO key_search (hash, text)
                   SELECT k.hash, LOWER(COALESCE(k.alias, '') || ' ~ ' || COALESCE(k.user_id, '') || ' ~ ' || COALESCE(k.team_id, ''))
                   FROM keys k WHERE NOT EXISTS (SELECT 1 FROM key_search s WHERE s.hash = k.hash)
                   ON CONFLICT (hash) DO NOTHING";
    // (the table is made by the migrator itself)
    APPLIED = "SELECT version FROM _sqlx_migrations ORDER BY version";
}

/// One step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    pub version: i64,
    pub description: String,
    pub applied: bool,
}

/// The schema as it is, next to what this version brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationStatus {
    pub migrations: Vec<Migration>,
}

impl MigrationStatus {
    pub fn is_current(&self) -> bool {
        self.migrations.iter().all(|migration| migration.applied)
    }

    pub fn pending(&self) -> usize {
        self.migrations.iter().filter(|migration| !migration.applied).count()
    }
}

impl Store {
    /// Brings the schema up to this version. Each step is one transaction, so it may be killed at any statement and run again; on
    /// Postgres also from two processes at once (an advisory lock puts them in order).
    ///
    /// # Errors
    /// When the database is away, a lock is not free within half a second (both transient), or a step fails; finished steps stay.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        match self.db.writer() {
            Either::Sqlite(pool) => {
                MIGRATOR.run(pool).await.map_err(explained)?;
                sqlx::query(FILL_SEARCH).execute(pool).await?;
                Ok(())
            }
            Either::Postgres(pool) => up_on_postgres(pool).await,
        }
    }

    /// # Errors
    /// When the database is away.
    pub async fn migration_status(&self) -> Result<MigrationStatus, StoreError> {
        let applied = match self.db.fresh() {
            Either::Sqlite(pool) => sqlx::query_scalar::<_, i64>(APPLIED).fetch_all(pool).await,
            Either::Postgres(pool) => sqlx::query_scalar::<_, i64>(APPLIED).fetch_all(pool).await,
        };
        let applied = match applied {
            // No table: nothing was ever applied.
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some("42P01") || error.message().contains("no such table") =>
            {
                Vec::new()
            }
            other => other?,
        };
        let migrations = MIGRATOR.iter().map(|step| Migration {
            version: step.version,
            description: step.description.to_string(),
            applied: applied.contains(&step.version),
        });
        Ok(MigrationStatus { migrations: migrations.collect() })
    }
}

/// On a connection that is closed afterwards whatever happened, and with it the advisory lock.
async fn up_on_postgres(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection: PgConnection = pool.acquire().await?.detach();
    sqlx::raw_sql(PATIENCE).execute(&mut connection).await?;
    MIGRATOR.run(&mut connection).await.map_err(explained)?;
    sqlx::query(FILL_SEARCH).execute(&mut connection).await?;
    let indexed = index_searches(&mut connection).await;
    or_without(indexed, "searches of keys go without an index")?;
    let parted = partitions::convert(&mut connection).await;
    or_without(parted, "calls stay in one table, whose old rows go one by one")?;
    connection.close().await?;
    Ok(())
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

/// A database that is away or busy may be asked again; everything else is for people.
fn explained(error: MigrateError) -> StoreError {
    let text = error.to_string();
    let cause = match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => StoreError::from(cause),
        _ => return StoreError::Migrate(text),
    };
    if cause.is_transient() { cause } else { StoreError::Migrate(text) }
}
