use kit::Timestamp;

use super::{Audit, AuditEntry};
use crate::StoreError;
use crate::page::{Page, window};
use crate::reads::read;
use crate::sql::statements;

/// Entries that are counted at most; a larger log says this number.
pub const COUNT_MAX: u64 = 10_000;

macro_rules! select {
    () => {
        "SELECT seq, id, at, actor, changed_by, api_key, ip, action, table_name, object_id, team_id, key_hash,
           before_value, after_value FROM audit_log "
    };
}
/// `$9` is searched for in all that names someone or something. A text contains another when taking that
/// out changes it, as in the list of keys.
macro_rules! filters {
    () => {
        "WHERE (CAST($1 AS TEXT) IS NULL OR changed_by = $1 OR actor = $1)
           AND (CAST($2 AS TEXT) IS NULL OR api_key = $2)
           AND (CAST($3 AS TEXT) IS NULL OR action = $3)
           AND (CAST($4 AS TEXT) IS NULL OR table_name = $4)
           AND (CAST($5 AS TEXT) IS NULL OR object_id = $5)
           AND (CAST($6 AS TEXT) IS NULL OR team_id = $6)
           AND (CAST($7 AS TEXT) IS NULL OR key_hash = $7)
           AND at >= CAST($8 AS BIGINT) AND at < CAST($9 AS BIGINT)
           AND (CAST($10 AS TEXT) IS NULL
                OR REPLACE(LOWER(changed_by), LOWER($10), '') <> LOWER(changed_by)
                OR REPLACE(LOWER(actor), LOWER($10), '') <> LOWER(actor)
                OR REPLACE(LOWER(action), LOWER($10), '') <> LOWER(action)
                OR REPLACE(LOWER(table_name), LOWER($10), '') <> LOWER(table_name)
                OR REPLACE(LOWER(object_id), LOWER($10), '') <> LOWER(object_id))"
    };
}

macro_rules! by_text {
    () => {
        "CASE CAST($11 AS TEXT) WHEN 'action' THEN action WHEN 'table_name' THEN table_name
                                WHEN 'object_id' THEN object_id ELSE changed_by END"
    };
}

// By time each way has a statement of its own, so that it walks the primary key from the cursor on.
statements! {
    NEWEST = concat!(select!(),  filters!(), " AND seq < CAST($11 AS BIGINT) ORDER BY seq DESC
                      LIMIT CAST($12 AS BIGINT) OFFSET CAST($13 AS BIGINT)");
    OLDEST = concat!(select!(),  filters!(), " AND seq > CAST($11 AS BIGINT) ORDER BY seq
                      LIMIT CAST($12 AS BIGINT) OFFSET CAST($13 AS BIGINT)");
    BY_TEXT = concat!(select!(),  filters!(), " ORDER BY ", by_text!(), ", seq DESC
                       LIMIT CAST($12 AS BIGINT) OFFSET CAST($13 AS BIGINT)");
    BY_TEXT_DOWN = concat!(select!(),  filters!(), " ORDER BY ", by_text!(), " DESC, seq DESC
                            LIMIT CAST($12 AS BIGINT) OFFSET CAST($13 AS BIGINT)");
    COUNT = concat!("SELECT COUNT(*) FROM (SELECT 1 FROM audit_log ", filters!(), " LIMIT CAST($11 AS BIGINT)) AS found");
    GET = concat!(select!(), "WHERE id = $1");
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditSort {
    #[default]
    Time,
    Action,
    Table,
    Object,
    ChangedBy,
}

/// Which entries, in what order, and which page of them.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// The caller, or whom the caller named.
    pub changed_by: Option<String>,
    pub api_key: Option<String>,
    pub action: Option<String>,
    pub table: Option<String>,
    pub object_id: Option<String>,
    pub team_id: Option<String>,
    /// Of the key that was changed.
    pub key_hash: Option<String>,
    pub from: Option<Timestamp>,
    /// Not included.
    pub until: Option<Timestamp>,
    /// Part of who, what, or which.
    pub search: Option<String>,
    pub sort: AuditSort,
    pub ascending: bool,
    /// Goes on after this number, by time only: no entry is seen twice or missed while others are written.
    pub after: Option<i64>,
    /// From 0.
    pub page: u32,
    /// 1 to [`crate::PAGE_SIZE_MAX`]; other values are brought into that range.
    pub size: u32,
}

impl Audit<'_> {
    /// One page of the log; the count stops at [`COUNT_MAX`].
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn list(&self, query: &AuditQuery) -> Result<Page<AuditEntry>, StoreError> {
        let (limit, offset) = window(query.page, query.size);
        let list = match (query.sort, query.ascending) {
            (AuditSort::Time, false) => NEWEST,
            (AuditSort::Time, true) => OLDEST,
            (_, true) => BY_TEXT,
            (_, false) => BY_TEXT_DOWN,
        };
        let edge = query.after.unwrap_or(if query.ascending { 0 } else { i64::MAX });
        macro_rules! filtered {
            ($statement:expr) => {
                $statement
                    .bind(&query.changed_by)
                    .bind(&query.api_key)
                    .bind(&query.action)
                    .bind(&query.table)
                    .bind(&query.object_id)
                    .bind(&query.team_id)
                    .bind(&query.key_hash)
                    .bind(query.from.map_or(i64::MIN, Timestamp::micros))
                    .bind(query.until.map_or(i64::MAX, Timestamp::micros))
                    .bind(&query.search)
            };
        }
        let (rows, total) = read!(self.db, Report, |connection| {
            let count = filtered!(sqlx::query_scalar::<_, i64>(COUNT)).bind(COUNT_MAX.cast_signed());
            let total = count.fetch_one(&mut **connection).await?;
            let found = filtered!(sqlx::query_as::<_, AuditEntry>(list));
            let found = match query.sort.column() {
                None => found.bind(edge),
                Some(column) => found.bind(column),
            };
            (found.bind(limit).bind(offset).fetch_all(&mut **connection).await?, total)
        })?;
        Ok(Page::new(rows, total))
    }

    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: &str) -> Result<Option<AuditEntry>, StoreError> {
        read!(self.db, Request, |connection| {
            sqlx::query_as::<_, AuditEntry>(GET).bind(id).fetch_optional(&mut **connection).await?
        })
    }
}

impl AuditSort {
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::Time => None,
            Self::Action => Some("action"),
            Self::Table => Some("table_name"),
            Self::Object => Some("object_id"),
            Self::ChangedBy => Some("changed_by"),
        }
    }
}
