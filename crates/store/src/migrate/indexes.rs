//! Indexes that are made after the steps of `up`: on PostgreSQL beside writers, whom an index within a step would hold up.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqlitePool;

use crate::StoreError;

/// Writers go on meanwhile. It waits for transactions that are open, and nobody waits behind it.
const ON_POSTGRES: [Index; 3] = [
    Index {
        name: "keys_paged",
        create: "CREATE INDEX CONCURRENTLY keys_paged ON keys (created_at, hash, team_id, blocked, expires_at)",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS keys_paged",
        extension: None,
    },
    Index {
        name: "keys_spent",
        create: "CREATE INDEX CONCURRENTLY keys_spent ON keys (spend_nano, hash, team_id, blocked, expires_at)",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS keys_spent",
        extension: None,
    },
    Index {
        name: "key_search_text",
        create: "CREATE INDEX CONCURRENTLY key_search_text ON key_search USING gin (text gin_trgm_ops)",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS key_search_text",
        extension: Some("CREATE EXTENSION IF NOT EXISTS pg_trgm"),
    },
];

struct Index {
    name: &'static str,
    create: &'static str,
    /// What a build that was broken off left behind.
    drop: &'static str,
    /// What not every PostgreSQL has.
    extension: Option<&'static str>,
}

/// PostgreSQL alone can tell, so this is not among the statements of both databases.
const IS_THERE: &str =
    "SELECT COALESCE((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)), FALSE)";

const ON_SQLITE: [&str; 2] = [
    "CREATE INDEX IF NOT EXISTS keys_paged ON keys (created_at, hash, team_id, blocked, expires_at)",
    "CREATE INDEX IF NOT EXISTS keys_spent ON keys (spend_nano, hash, team_id, blocked, expires_at)",
];

pub(super) async fn on_sqlite(pool: &SqlitePool) -> Result<(), StoreError> {
    for statement in ON_SQLITE {
        sqlx::query(statement).execute(pool).await?;
    }
    Ok(())
}

/// Outside of a transaction, as an index that is built beside writers must be. What not every PostgreSQL has comes last.
pub(super) async fn on_postgres(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    for Index { name, create, drop, extension } in ON_POSTGRES {
        if sqlx::query_scalar::<_, bool>(IS_THERE).bind(name).fetch_one(&mut *connection).await? {
            continue;
        }
        let statements = [Some("SET lock_timeout = 0"), extension, Some(drop), Some(create)];
        for statement in statements.into_iter().flatten() {
            sqlx::raw_sql(statement).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
