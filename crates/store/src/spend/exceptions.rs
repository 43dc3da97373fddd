use kit::Timestamp;

use super::Spend;
use crate::StoreError;
use crate::ledger::ids_of;
use crate::reads::read;
use crate::sql::statements;

/// Rows of one answer at most.
const ROWS_MAX: i64 = 5_000;
const DAY_MICROS: i64 = 86_400_000_000;

statements! {
    // In SQLite and PostgreSQL alike whole numbers divide without a rest.
    TOO_MANY = "SELECT (started_at - CAST($2 AS BIGINT)) / CAST($4 AS BIGINT) AS day, deployment_id, api_base, COUNT(*) AS calls
                FROM usage_events
                WHERE model_group = $1 AND started_at >= $2 AND started_at < CAST($3 AS BIGINT) AND http_status = 429
                  AND deployment_id <> '' AND id >= $6 AND id < $7
                GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT CAST($5 AS BIGINT)";
}

/// Calls of a day that a provider answered with 429.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TooManyCalls {
    /// Days after the first.
    pub day: i64,
    pub deployment_id: String,
    pub api_base: String,
    pub calls: i64,
}

impl Spend<'_> {
    /// How often providers answered 429, by UTC day and deployment; each attempt counts. Read from single calls.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn too_many_calls(
        &self,
        model_group: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<TooManyCalls>, StoreError> {
        let ids = ids_of(from, until);
        read!(self.db, Report, |connection| {
            let query = sqlx::query_as(TOO_MANY).bind(model_group).bind(from.micros()).bind(until.micros());
            let query = query.bind(DAY_MICROS).bind(ROWS_MAX).bind(&ids[0]).bind(&ids[1]);
            query.fetch_all(&mut **connection).await?
        })
    }
}
