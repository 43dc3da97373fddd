use domain::UsageEvent;
use kit::Timestamp;

use super::Spend;
use crate::StoreError;
use crate::ledger::{EventRow, event_columns, ids_of};
use crate::reads::read;
use crate::sql::statements;

/// Rows of one page of the log at most.
pub const LOG_ROWS_MAX: u32 = 1000;

macro_rules! window {
    () => {
        " AND (CAST($2 AS BIGINT) IS NULL OR started_at >= $2)
          AND (CAST($3 AS BIGINT) IS NULL OR started_at < $3)
          AND id >= $6 AND id < $7
          ORDER BY started_at DESC, id DESC LIMIT CAST($4 AS BIGINT) OFFSET CAST($5 AS BIGINT)"
    };
}

// One statement per way in, so that each uses its index.
statements! {
    RECENT = concat!("SELECT ", event_columns!(), " FROM usage_events WHERE (CAST($1 AS TEXT) IS NULL OR 1 = 1)", window!());
    OF_KEY = concat!("SELECT ", event_columns!(), " FROM usage_events WHERE api_key = $1", window!());
    OF_USER = concat!("SELECT ", event_columns!(), " FROM usage_events WHERE user_id = $1", window!());
    OF_REQUEST = concat!("SELECT ", event_columns!(), " FROM usage_events WHERE (id = $1 OR call_id = $1 OR response_id = $1)", window!());
}

/// Which calls; the most telling of `request_id`, `api_key` and `user_id` finds them, the others filter.
#[derive(Clone, Debug, Default)]
pub struct LogQuery {
    /// Id of the row, of the call, or of the provider's response.
    pub request_id: Option<String>,
    pub api_key: Option<String>,
    pub user_id: Option<String>,
    pub from: Option<Timestamp>,
    /// Not included.
    pub until: Option<Timestamp>,
    /// From 0.
    pub page: u32,
    /// 1 to [`LOG_ROWS_MAX`]; other values are brought into that range.
    pub size: u32,
}

impl Spend<'_> {
    /// One page of calls, newest first.
    ///
    /// # Errors
    /// When the database fails, takes too long, or holds a row that cannot be read.
    pub async fn logs(&self, query: &LogQuery) -> Result<Vec<UsageEvent>, StoreError> {
        let (text, who) = match (&query.request_id, &query.api_key, &query.user_id) {
            (Some(request), _, _) => (OF_REQUEST, Some(request)),
            (None, Some(key), _) => (OF_KEY, Some(key)),
            (None, None, Some(user)) => (OF_USER, Some(user)),
            (None, None, None) => (RECENT, None),
        };
        let from = query.from.unwrap_or(Timestamp(0));
        let ids = ids_of(from, query.until.unwrap_or(Timestamp(i64::MAX)));
        let size = i64::from(query.size.clamp(1, LOG_ROWS_MAX));
        let rows = read!(self.db, Report, |connection| {
            sqlx::query_as::<_, EventRow>(text)
                .bind(who)
                .bind(query.from.map(Timestamp::micros))
                .bind(query.until.map(Timestamp::micros))
                .bind(size)
                .bind(i64::from(query.page) * size)
                .bind(&ids[0])
                .bind(&ids[1])
                .fetch_all(&mut **connection)
                .await?
        })?;
        let kept = rows.into_iter().filter(|row| query.keeps(row));
        kept.map(UsageEvent::try_from).collect()
    }
}

impl LogQuery {
    fn keeps(&self, row: &EventRow) -> bool {
        self.api_key.as_ref().is_none_or(|key| **key == *row.api_key)
            && self.user_id.as_ref().is_none_or(|user| row.user_id.as_deref() == Some(user))
    }
}
