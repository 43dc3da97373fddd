//! The schema: `up` adds what this version needs, `finish` takes away what only older versions needed.

mod finish;
mod indexes;
mod up;

use std::borrow::Cow;
use std::sync::LazyLock;

use sqlx::Connection as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnection, PgPool};

use crate::db::Either;
use crate::sql::statements;
use crate::{Store, StoreError};

pub(crate) use finish::told;

static UP: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("./migrations");
    // A newer version's migrations must not stop an older one that still serves.
    migrator.set_ignore_missing(true);
    migrator
});
/// With a record of its own: a version is brought up long before it is finished.
static FINISH: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("./migrations/finish");
    migrator.set_ignore_missing(true);
    migrator.table_name = Cow::Borrowed("_bulkhead_finished");
    migrator
});

/// A migration waits 300 ms for a lock at most, since whoever comes after it waits behind it, and for what it does then: together less
/// than half a second. It gives up and may be tried again. What it does takes as long as it takes.
const PATIENCE: &str = "SET lock_timeout = '300ms'; SET statement_timeout = 0";
/// Held for all of `up` and `finish`, to the end of the connection at the latest.
const TRY_TURN: &str = "SELECT pg_try_advisory_lock($1)";
const GIVE_TURN_BACK: &str = "SELECT pg_advisory_unlock($1)";
const TURN: i64 = 0x6275_6c6b_0002;

/// Not prepared by the test of all statements: `finish` makes the table.
const FINISHED: &str = "SELECT version FROM _bulkhead_finished ORDER BY version";

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
    /// Steps of `up`: this version needs all of them.
    pub migrations: Vec<Migration>,
    /// Steps of `finish`: this version serves with and without them.
    pub finish: Vec<Migration>,
}

impl MigrationStatus {
    pub fn is_current(&self) -> bool {
        self.pending() == 0
    }

    /// How many steps of `up` have not run.
    pub fn pending(&self) -> usize {
        pending(&self.migrations)
    }

    /// How many steps of `finish` have not run.
    pub fn unfinished(&self) -> usize {
        pending(&self.finish)
    }
}

fn pending(steps: &[Migration]) -> usize {
    steps.iter().filter(|step| !step.applied).count()
}

impl Store {
    /// # Errors
    /// When the database is away.
    pub async fn migration_status(&self) -> Result<MigrationStatus, StoreError> {
        Ok(MigrationStatus {
            migrations: self.steps(&UP, APPLIED).await?,
            finish: self.steps(&FINISH, FINISHED).await?,
        })
    }

    async fn steps(&self, migrator: &Migrator, query: &'static str) -> Result<Vec<Migration>, StoreError> {
        let applied = match self.db.fresh() {
            Either::Sqlite(pool) => sqlx::query_scalar::<_, i64>(query).fetch_all(pool).await,
            Either::Postgres(pool) => sqlx::query_scalar::<_, i64>(query).fetch_all(pool).await,
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
        let steps = migrator.iter().map(|step| Migration {
            version: step.version,
            description: step.description.to_string(),
            applied: applied.contains(&step.version),
        });
        Ok(steps.collect())
    }
}

/// A connection for migrations alone, to be given back whatever happened.
async fn take_turn(pool: &PgPool) -> Result<PgConnection, StoreError> {
    let mut connection: PgConnection = pool.acquire().await?.detach();
    sqlx::raw_sql(PATIENCE).execute(&mut connection).await?;
    if sqlx::query_scalar::<_, bool>(TRY_TURN).bind(TURN).fetch_one(&mut connection).await? {
        return Ok(connection);
    }
    Err(StoreError::NotYet("another migration is running".into()))
}

/// Whoever comes next finds the turn free at once. Where that cannot be said, the server notices that the connection is gone.
async fn give_back(mut connection: PgConnection) {
    let freed = sqlx::query(GIVE_TURN_BACK).bind(TURN).execute(&mut connection).await;
    let closed = connection.close().await;
    if let Err(error) = freed.and(closed) {
        tracing::debug!(%error, "the connection of migrations was gone already");
    }
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
