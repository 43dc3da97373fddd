//! Single calls, looked for by what they are. Pages go on from the last call of the page before, or are counted from the
//! first as far as [`FOUND_MAX`].

use domain::UsageEvent;
use kit::{Money, Timestamp};

use super::Spend;
use crate::StoreError;
use crate::keys::to_json;
use crate::ledger::{EventRow, event_columns, ids_of};
use crate::reads::read;
use crate::sql::statements;

/// Calls that are counted, and that page numbers reach.
pub const FOUND_MAX: u32 = 10_000;
/// Calls that are read at once at most, without counting.
pub const CALLS_AT_ONCE_MAX: u32 = 1_000;
/// Calls of one page at most.
pub const FOUND_SIZE_MAX: u32 = 100;

macro_rules! filters {
    () => {
        " started_at >= CAST($1 AS BIGINT) AND started_at < CAST($2 AS BIGINT)
          AND (CAST($3 AS TEXT) IS NULL OR api_key = $3)
          AND (CAST($4 AS TEXT) IS NULL OR user_id = $4)
          AND (CAST($5 AS TEXT) IS NULL OR id = $5 OR call_id = $5 OR response_id = $5)
          AND (CAST($6 AS TEXT) IS NULL OR team_id = $6)
          AND (CAST($7 AS TEXT) IS NULL OR customer = $7)
          AND (CAST($8 AS TEXT) IS NULL OR session_id = $8)
          AND (CAST($9 AS TEXT) IS NULL OR model = $9)
          AND (CAST($10 AS TEXT) IS NULL OR model_group = $10)
          AND (CAST($11 AS TEXT) IS NULL OR deployment_id = $11)
          AND (CAST($12 AS TEXT) IS NULL OR key_alias = $12)
          AND (CAST($13 AS TEXT) IS NULL OR REPLACE(tags, $13, '') <> tags)
          AND (CAST($14 AS BIGINT) IS NULL OR $14 = CASE status WHEN 'success' THEN 1 ELSE 0 END)
          AND (CAST($15 AS BIGINT) IS NULL OR http_status = $15)
          AND (CAST($16 AS TEXT) IS NULL OR REPLACE(LOWER(error), LOWER($16), '') <> LOWER(error))
          AND (CAST($17 AS BIGINT) IS NULL OR cost_nano >= $17)
          AND (CAST($18 AS BIGINT) IS NULL OR cost_nano <= $18)
          AND (CAST($19 AS BIGINT) IS NULL OR ended_at - started_at >= $19)
          AND (CAST($20 AS BIGINT) IS NULL OR ended_at - started_at <= $20)
          AND (CAST($21 AS TEXT) IS NULL
               OR REPLACE(LOWER(id || ' ' || call_id || ' ' || COALESCE(response_id, '') || ' ' || COALESCE(key_alias, '') || ' '
                                || COALESCE(user_id, '') || ' ' || COALESCE(customer, '') || ' ' || model_group || ' ' || model),
                          LOWER($21), '')
                  <> LOWER(id || ' ' || call_id || ' ' || COALESCE(response_id, '') || ' ' || COALESCE(key_alias, '') || ' '
                           || COALESCE(user_id, '') || ' ' || COALESCE(customer, '') || ' ' || model_group || ' ' || model))
          AND id >= $22 AND id < $23 "
    };
}
macro_rules! newest {
    ($way:literal) => {
        concat!("SELECT ", event_columns!(), " FROM usage_events WHERE ", $way, filters!(),
            " AND (CAST($24 AS BIGINT) IS NULL OR started_at < $24 OR (started_at = $24 AND id < CAST($25 AS TEXT)))
              ORDER BY started_at DESC, id DESC LIMIT CAST($26 AS BIGINT) OFFSET CAST($27 AS BIGINT)")
    };
}
macro_rules! oldest {
    ($way:literal) => {
        concat!("SELECT ", event_columns!(), " FROM usage_events WHERE ", $way, filters!(),
            " AND (CAST($24 AS BIGINT) IS NULL OR started_at > $24 OR (started_at = $24 AND id > CAST($25 AS TEXT)))
              ORDER BY started_at, id LIMIT CAST($26 AS BIGINT) OFFSET CAST($27 AS BIGINT)")
    };
}
// By `$24` with sign `$25`; text twice, since a sign cannot turn text around.
macro_rules! sorted {
    ($way:literal) => {
        concat!("SELECT ", event_columns!(), " FROM usage_events WHERE ", $way, filters!(),
            " ORDER BY CASE CAST($24 AS TEXT)
                WHEN 'spend' THEN cost_nano WHEN 'total_tokens' THEN input_tokens + output_tokens WHEN 'endTime' THEN ended_at
                WHEN 'request_duration_ms' THEN ended_at - started_at
                WHEN 'ttft_ms' THEN COALESCE(first_byte_at, ended_at) - started_at ELSE 0 END * CAST($25 AS BIGINT),
              CASE WHEN $24 = 'model' AND $25 > 0 THEN model ELSE '' END,
              CASE WHEN $24 = 'model' AND $25 < 0 THEN model ELSE '' END DESC,
              started_at DESC, id DESC LIMIT CAST($26 AS BIGINT) OFFSET CAST($27 AS BIGINT)")
    };
}
macro_rules! count {
    ($way:literal) => {
        concat!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM usage_events WHERE ",
            $way,
            filters!(),
            " LIMIT CAST($24 AS BIGINT)) AS found"
        )
    };
}

// One of each per way in, so that each uses its index.
statements! {
    NEWEST = newest!("");
    NEWEST_OF_KEY = newest!("api_key = $3 AND");
    NEWEST_OF_USER = newest!("user_id = $4 AND");
    NEWEST_OF_REQUEST = newest!("(id = $5 OR call_id = $5 OR response_id = $5) AND");
    OLDEST = oldest!("");
    OLDEST_OF_KEY = oldest!("api_key = $3 AND");
    OLDEST_OF_USER = oldest!("user_id = $4 AND");
    OLDEST_OF_REQUEST = oldest!("(id = $5 OR call_id = $5 OR response_id = $5) AND");
    SORTED = sorted!("");
    SORTED_OF_KEY = sorted!("api_key = $3 AND");
    SORTED_OF_USER = sorted!("user_id = $4 AND");
    SORTED_OF_REQUEST = sorted!("(id = $5 OR call_id = $5 OR response_id = $5) AND");
    COUNT = count!("");
    COUNT_OF_KEY = count!("api_key = $3 AND");
    COUNT_OF_USER = count!("user_id = $4 AND");
    COUNT_OF_REQUEST = count!("(id = $5 OR call_id = $5 OR response_id = $5) AND");
}

/// The order of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallOrder {
    /// By when they started.
    #[default]
    Newest,
    Oldest,
    /// By one of `spend`, `total_tokens`, `endTime`, `request_duration_ms`, `ttft_ms` and `model`; each with the newest first
    /// where they are equal.
    By {
        column: &'static str,
        ascending: bool,
    },
}

/// Where a page ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPlace {
    pub started_at: Timestamp,
    pub id: String,
}

/// Which calls; every condition holds.
#[derive(Clone, Debug, Default)]
pub struct CallQuery {
    pub from: Timestamp,
    /// Not included.
    pub until: Timestamp,
    /// Hash of a key, or the master key's label.
    pub api_key: Option<String>,
    pub user_id: Option<String>,
    /// Id of the row, of the call, or of the provider's response.
    pub request_id: Option<String>,
    pub team_id: Option<String>,
    pub customer: Option<String>,
    pub session_id: Option<String>,
    pub model: Option<String>,
    pub model_group: Option<String>,
    pub deployment_id: Option<String>,
    pub key_alias: Option<String>,
    pub tag: Option<String>,
    pub is_success: Option<bool>,
    pub http_status: Option<u16>,
    /// Part of the error's message.
    pub error: Option<String>,
    pub cost_min: Option<Money>,
    pub cost_max: Option<Money>,
    pub duration_micros_min: Option<i64>,
    pub duration_micros_max: Option<i64>,
    /// Part of an id, a key's alias, a user, a customer or a model.
    pub search: Option<String>,
    pub order: CallOrder,
    /// Only what comes after it, in an order by time.
    pub after: Option<CallPlace>,
    /// Calls that are passed over.
    pub offset: u32,
    /// 1 to [`FOUND_SIZE_MAX`]; other values are brought into that range.
    pub size: u32,
}

/// Calls of one page.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundCalls {
    pub calls: Vec<UsageEvent>,
    /// Of all pages, [`FOUND_MAX`] at most.
    pub total: u32,
    /// Whether there are more than were counted.
    pub is_capped: bool,
}

/// Newest, oldest, sorted, count.
type Ways = [&'static str; 4];

impl CallQuery {
    const fn ways(&self) -> Ways {
        match (&self.request_id, &self.api_key, &self.user_id) {
            (Some(_), _, _) => [NEWEST_OF_REQUEST, OLDEST_OF_REQUEST, SORTED_OF_REQUEST, COUNT_OF_REQUEST],
            (None, Some(_), _) => [NEWEST_OF_KEY, OLDEST_OF_KEY, SORTED_OF_KEY, COUNT_OF_KEY],
            (None, None, Some(_)) => [NEWEST_OF_USER, OLDEST_OF_USER, SORTED_OF_USER, COUNT_OF_USER],
            (None, None, None) => [NEWEST, OLDEST, SORTED, COUNT],
        }
    }
}

macro_rules! filtered {
    ($statement:expr, $query:expr, $tag:expr, $ids:expr) => {
        $statement
            .bind($query.from.micros())
            .bind($query.until.micros())
            .bind(&$query.api_key)
            .bind(&$query.user_id)
            .bind(&$query.request_id)
            .bind(&$query.team_id)
            .bind(&$query.customer)
            .bind(&$query.session_id)
            .bind(&$query.model)
            .bind(&$query.model_group)
            .bind(&$query.deployment_id)
            .bind(&$query.key_alias)
            .bind(&$tag)
            .bind($query.is_success.map(i64::from))
            .bind($query.http_status.map(i64::from))
            .bind(&$query.error)
            .bind($query.cost_min.map(Money::nano))
            .bind($query.cost_max.map(Money::nano))
            .bind($query.duration_micros_min)
            .bind($query.duration_micros_max)
            .bind(&$query.search)
            .bind(&$ids[0])
            .bind(&$ids[1])
    };
}

impl Spend<'_> {
    /// One page of calls, and how many there are.
    ///
    /// # Errors
    /// When the database fails, takes too long, or holds a row that cannot be read.
    pub async fn find(&self, query: &CallQuery) -> Result<FoundCalls, StoreError> {
        let [newest, oldest, sorted, count] = query.ways();
        let tag = query.tag.as_ref().map(to_json).transpose()?;
        let (at, id) = match &query.after {
            Some(place) => (Some(place.started_at.micros()), Some(&place.id)),
            None => (None, None),
        };
        let ids = ids_of(query.from, query.until);
        let size = i64::from(query.size.clamp(1, FOUND_SIZE_MAX));
        let (rows, total) = read!(self.db, Report, |connection| {
            let total = filtered!(sqlx::query_scalar::<_, i64>(count), query, tag, ids)
                .bind(i64::from(FOUND_MAX) + 1);
            let total = total.fetch_one(&mut **connection).await?;
            let rows = match query.order {
                CallOrder::By { column, ascending } => {
                    filtered!(sqlx::query_as::<_, EventRow>(sorted), query, tag, ids)
                        .bind(column)
                        .bind(if ascending { 1_i64 } else { -1 })
                }
                CallOrder::Newest => filtered!(sqlx::query_as(newest), query, tag, ids).bind(at).bind(id),
                CallOrder::Oldest => filtered!(sqlx::query_as(oldest), query, tag, ids).bind(at).bind(id),
            };
            let rows = rows.bind(size).bind(i64::from(query.offset));
            (rows.fetch_all(&mut **connection).await?, total)
        })?;
        let counted = u32::try_from(total).unwrap_or(u32::MAX);
        Ok(FoundCalls {
            calls: rows.into_iter().map(UsageEvent::try_from).collect::<Result<_, _>>()?,
            total: counted.min(FOUND_MAX),
            is_capped: counted > FOUND_MAX,
        })
    }

    /// The calls after a place, and no count: [`CALLS_AT_ONCE_MAX`] at most. What the order goes by is time alone.
    ///
    /// # Errors
    /// When the database fails, takes too long, or holds a row that cannot be read.
    pub async fn next_calls(&self, query: &CallQuery) -> Result<Vec<UsageEvent>, StoreError> {
        let [newest, oldest, _, _] = query.ways();
        let text = if query.order == CallOrder::Oldest { oldest } else { newest };
        let tag = query.tag.as_ref().map(to_json).transpose()?;
        let ids = ids_of(query.from, query.until);
        let size = i64::from(query.size.clamp(1, CALLS_AT_ONCE_MAX));
        let rows = read!(self.db, Report, |connection| {
            let rows = filtered!(sqlx::query_as::<_, EventRow>(text), query, tag, ids);
            let after = query.after.as_ref();
            let rows =
                rows.bind(after.map(|place| place.started_at.micros())).bind(after.map(|place| &place.id));
            rows.bind(size).bind(0_i64).fetch_all(&mut **connection).await?
        })?;
        rows.into_iter().map(UsageEvent::try_from).collect()
    }
}
