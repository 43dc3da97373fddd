use sqlx::migrate::Migrator;

use crate::db::{Either, on};
use crate::sql::statements;
use crate::{Store, StoreError};

static MIGRATOR: Migrator = {
    let mut migrator = sqlx::migrate!("./migrations");
    // A newer version's migrations must not stop an older one that still serves.
    migrator.ignore_missing = true;
    migrator
};

/// What only PostgreSQL has, and not every one: searches for part of a text by an index. Without it they look at each key.
const TRIGRAMS: &str = "DO $$ BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX IF NOT EXISTS key_search_text ON key_search USING gin (text gin_trgm_ops);
  EXCEPTION WHEN OTHERS THEN RAISE WARNING 'searches go without an index: %', SQLERRM;
  END $$";

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
    /// Brings the schema up to this version. Safe to run again; on Postgres also from two processes at
    /// once (an advisory lock puts them in order).
    ///
    /// # Errors
    /// When the database is away or a step fails; finished steps stay.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        on!(self.db.writer(), |pool| MIGRATOR.run(pool).await)
            .map_err(|error| StoreError::Migrate(error.to_string()))?;
        on!(self.db.writer(), |pool| sqlx::query(FILL_SEARCH).execute(pool).await.map(|_| ()))?;
        if let Either::Postgres(pool) = self.db.writer() {
            sqlx::raw_sql(TRIGRAMS).execute(pool).await?;
        }
        Ok(())
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
