use kit::{Money, Timestamp};

use super::{Range, Scope, Spend};
use crate::StoreError;
use crate::ledger::{MICROS_PER_QUARTER, bucket_micros};
use crate::reads::read;
use crate::sql::statements;

/// Rows of one report at most.
pub const REPORT_ROWS_MAX: u32 = 5000;

macro_rules! sums {
    () => {
        " CAST(COALESCE(SUM(u.requests), 0) AS BIGINT) AS requests,
          CAST(COALESCE(SUM(u.attempts), 0) AS BIGINT) AS attempts,
          CAST(COALESCE(SUM(u.failures), 0) AS BIGINT) AS failures,
          CAST(COALESCE(SUM(u.refusals), 0) AS BIGINT) AS refusals,
          CAST(COALESCE(SUM(u.cancellations), 0) AS BIGINT) AS cancellations,
          CAST(COALESCE(SUM(u.input_tokens), 0) AS BIGINT) AS input_tokens,
          CAST(COALESCE(SUM(u.output_tokens), 0) AS BIGINT) AS output_tokens,
          CAST(COALESCE(SUM(u.cache_read_tokens), 0) AS BIGINT) AS cache_read_tokens,
          CAST(COALESCE(SUM(u.cache_write_tokens), 0) AS BIGINT) AS cache_write_tokens,
          CAST(COALESCE(SUM(u.reasoning_tokens), 0) AS BIGINT) AS reasoning_tokens,
          CAST(COALESCE(SUM(u.cost_nano), 0) AS BIGINT) AS cost_nano "
    };
}
macro_rules! from_range {
    () => {
        " FROM usage_quarter_hours u JOIN usage_dimensions d ON d.id = u.dimension
          WHERE u.quarter >= CAST($1 AS BIGINT) AND u.quarter < CAST($2 AS BIGINT)
            AND (CAST($3 AS TEXT) IS NULL OR d.api_key = $3)
            AND (CAST($4 AS TEXT) IS NULL OR d.user_id = $4) "
    };
}
macro_rules! day {
    () => {
        " ((u.quarter + CAST($5 AS BIGINT)) / CAST($6 AS BIGINT)) "
    };
}

statements! {
    TOTALS = concat!("SELECT ", sums!(), from_range!());
    SERIES = concat!("SELECT ", day!(), " AS step, '' AS name, ", sums!(), from_range!(), " GROUP BY 1, 2 ORDER BY 1");
    SERIES_BY_MODEL = concat!("SELECT ", day!(), " AS step, d.model AS name, ", sums!(), from_range!(),
                              " GROUP BY 1, 2 ORDER BY cost_nano DESC, 1, 2 LIMIT CAST($7 AS BIGINT)");
    SERIES_BY_USER = concat!("SELECT ", day!(), " AS step, d.user_id AS name, ", sums!(), from_range!(),
                             " GROUP BY 1, 2 ORDER BY cost_nano DESC, 1, 2 LIMIT CAST($7 AS BIGINT)");
    BY_MODEL = concat!("SELECT d.model AS name, ", sums!(), from_range!(),
                       " GROUP BY 1 ORDER BY cost_nano DESC, requests DESC, 1 LIMIT CAST($5 AS BIGINT)");
    BY_PROVIDER = concat!("SELECT d.provider AS name, ", sums!(), from_range!(),
                          " GROUP BY 1 ORDER BY cost_nano DESC, requests DESC, 1 LIMIT CAST($5 AS BIGINT)");
    BY_KEY = concat!("SELECT t.*, COALESCE(k.alias, x.alias) AS key_alias, COALESCE(k.name, x.name) AS key_name
                      FROM (SELECT d.api_key AS name, ", sums!(), from_range!(),
                     "      GROUP BY 1 ORDER BY cost_nano DESC, requests DESC, 1 LIMIT CAST($5 AS BIGINT)) AS t
                      LEFT JOIN keys k ON k.hash = t.name LEFT JOIN deleted_keys x ON x.hash = t.name
                      ORDER BY t.cost_nano DESC, t.requests DESC, t.name");
    LATENCY = "SELECT bucket, CAST(SUM(requests) AS BIGINT) FROM latency_quarter_hours
               WHERE quarter >= $1 AND quarter < $2 GROUP BY bucket ORDER BY bucket";
}

/// What a set of calls adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Totals {
    /// Each once, however many attempts it took.
    pub requests: i64,
    /// Calls to providers.
    pub attempts: i64,
    /// Requests that ended in a provider's error, a time-out, or with the gateway.
    pub failures: i64,
    /// Requests that were refused before any provider was asked.
    pub refusals: i64,
    pub cancellations: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub reasoning_tokens: i64,
    pub cost_nano: i64,
}

impl Totals {
    pub const fn spend(&self) -> Money {
        Money(self.cost_nano)
    }
}

/// One step of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// When the step begins.
    pub at: Timestamp,
    /// Of the model or user when the series is split; empty otherwise.
    pub name: String,
    pub totals: Totals,
}

/// The part of one model or provider.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Share {
    pub name: String,
    #[sqlx(flatten)]
    pub totals: Totals,
}

/// The part of one key.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KeySpend {
    /// Hash, or the master key's label.
    #[sqlx(rename = "name")]
    pub api_key: String,
    pub key_alias: Option<String>,
    pub key_name: Option<String>,
    #[sqlx(flatten)]
    pub totals: Totals,
}

#[derive(sqlx::FromRow)]
struct PointRow {
    step: i64,
    name: String,
    #[sqlx(flatten)]
    totals: Totals,
}

/// How long calls took: a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Middle of the bucket in microseconds, and how many calls; in order of time.
    buckets: Vec<(i64, i64)>,
}

impl Latency {
    /// The time in microseconds below which `percent` of the calls ended; `None` without calls.
    pub fn percentile(&self, percent: i64) -> Option<i64> {
        let calls = self.buckets.iter().map(|(_, calls)| calls).sum::<i64>();
        let rank = (calls * percent + 99) / 100;
        let mut seen = 0;
        self.buckets
            .iter()
            .find(|(_, calls)| {
                seen += calls;
                *calls > 0 && seen >= rank
            })
            .map(|(micros, _)| *micros)
    }
}

/// How a series is cut: `width` quarter-hours a step, days shifted by `offset` quarter-hours east of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    pub width_quarters: i64,
    pub offset_quarters: i64,
}

impl Steps {
    pub const DAYS: Self = Self { width_quarters: crate::ledger::QUARTERS_PER_DAY, offset_quarters: 0 };

    const fn start(self, step: i64) -> Timestamp {
        Timestamp((step * self.width_quarters - self.offset_quarters) * MICROS_PER_QUARTER)
    }
}

/// What a series is split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Nothing,
    Model,
    User,
}

impl Spend<'_> {
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn totals(&self, range: Range, scope: &Scope) -> Result<Totals, StoreError> {
        read!(self.db, Report, |connection| {
            sqlx::query_as(TOTALS)
                .bind(range.from_quarter)
                .bind(range.until_quarter)
                .bind(&scope.api_key)
                .bind(&scope.user_id)
                .fetch_one(&mut **connection)
                .await?
        })
    }

    /// Totals per step of time; steps without calls are absent. A split series has at most
    /// [`REPORT_ROWS_MAX`] points, the dearest first.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn series(
        &self,
        range: Range,
        steps: Steps,
        split: Split,
        scope: &Scope,
    ) -> Result<Vec<Point>, StoreError> {
        let text = match split {
            Split::Nothing => SERIES,
            Split::Model => SERIES_BY_MODEL,
            Split::User => SERIES_BY_USER,
        };
        let rows: Vec<PointRow> = read!(self.db, Report, |connection| {
            let query = sqlx::query_as(text)
                .bind(range.from_quarter)
                .bind(range.until_quarter)
                .bind(&scope.api_key)
                .bind(&scope.user_id)
                .bind(steps.offset_quarters)
                .bind(steps.width_quarters.max(1));
            let limited = match split {
                Split::Nothing => query,
                Split::Model | Split::User => query.bind(i64::from(REPORT_ROWS_MAX)),
            };
            limited.fetch_all(&mut **connection).await?
        })?;
        let point = |row: PointRow| Point { at: steps.start(row.step), name: row.name, totals: row.totals };
        Ok(rows.into_iter().map(point).collect())
    }

    /// The dearest models, by the provider's name of them.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn by_model(&self, range: Range, scope: &Scope, limit: u32) -> Result<Vec<Share>, StoreError> {
        self.shares(BY_MODEL, range, scope, limit).await
    }

    /// The dearest providers.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn by_provider(
        &self,
        range: Range,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<Share>, StoreError> {
        self.shares(BY_PROVIDER, range, scope, limit).await
    }

    async fn shares(
        &self,
        text: &'static str,
        range: Range,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<Share>, StoreError> {
        read!(self.db, Report, |connection| {
            sqlx::query_as(text)
                .bind(range.from_quarter)
                .bind(range.until_quarter)
                .bind(&scope.api_key)
                .bind(&scope.user_id)
                .bind(i64::from(limit.clamp(1, REPORT_ROWS_MAX)))
                .fetch_all(&mut **connection)
                .await?
        })
    }

    /// The keys that spent most, deleted ones included.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn by_key(&self, range: Range, scope: &Scope, limit: u32) -> Result<Vec<KeySpend>, StoreError> {
        read!(self.db, Report, |connection| {
            sqlx::query_as(BY_KEY)
                .bind(range.from_quarter)
                .bind(range.until_quarter)
                .bind(&scope.api_key)
                .bind(&scope.user_id)
                .bind(i64::from(limit.clamp(1, REPORT_ROWS_MAX)))
                .fetch_all(&mut **connection)
                .await?
        })
    }

    /// How long calls took that reached a provider.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn latency(&self, range: Range) -> Result<Latency, StoreError> {
        let rows: Vec<(i64, i64)> = read!(self.db, Report, |connection| {
            let query = sqlx::query_as(LATENCY).bind(range.from_quarter).bind(range.until_quarter);
            query.fetch_all(&mut **connection).await?
        })?;
        let buckets = rows.into_iter().map(|(bucket, calls)| (bucket_micros(bucket), calls));
        Ok(Latency { buckets: buckets.collect() })
    }
}
