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

statements! {
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
            .map_err(|error| StoreError::Migrate(error.to_string()))
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
