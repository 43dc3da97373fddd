use std::collections::HashMap;
use std::sync::LazyLock;

use kit::{Money, Timestamp};

use super::{Range, Scope, Spend};
use crate::StoreError;
use crate::reads::read;
use crate::usage::{
    Answer, Dimension, Filter, MICROS_PER_QUARTER, QUARTERS_PER_DAY, Question, Timed, Timeline, ask,
    bucket_micros, histograms,
};
use crate::values::{Batch, Placeholders};

/// Rows of one report at most.
pub const REPORT_ROWS_MAX: u32 = 5000;

/// Names of keys, deleted ones included.
pub(super) static KEY_NAMES: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "KEY_NAMES",
        "SELECT a.column1, COALESCE(k.alias, x.alias), COALESCE(k.name, x.name) FROM (",
        &["TEXT"],
        ") AS a LEFT JOIN keys k ON k.hash = a.column1 LEFT JOIN deleted_keys x ON x.hash = a.column1",
    )
});

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
    /// From each request's first byte to the last of its answer, added up.
    pub duration_micros: i64,
}

impl Totals {
    pub const fn spend(&self) -> Money {
        Money(self.cost_nano)
    }
}

macro_rules! each_sum {
    ($trait:ident, $method:ident) => {
        impl std::ops::$trait for Totals {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self {
                    requests: self.requests.$method(other.requests),
                    attempts: self.attempts.$method(other.attempts),
                    failures: self.failures.$method(other.failures),
                    refusals: self.refusals.$method(other.refusals),
                    cancellations: self.cancellations.$method(other.cancellations),
                    input_tokens: self.input_tokens.$method(other.input_tokens),
                    output_tokens: self.output_tokens.$method(other.output_tokens),
                    cache_read_tokens: self.cache_read_tokens.$method(other.cache_read_tokens),
                    cache_write_tokens: self.cache_write_tokens.$method(other.cache_write_tokens),
                    reasoning_tokens: self.reasoning_tokens.$method(other.reasoning_tokens),
                    cost_nano: self.cost_nano.$method(other.cost_nano),
                    duration_micros: self.duration_micros.$method(other.duration_micros),
                }
            }
        }
    };
}

each_sum!(Add, add);
each_sum!(Sub, sub);

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub name: String,
    pub totals: Totals,
}

/// The part of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpend {
    /// Hash, or the master key's label.
    pub api_key: String,
    pub key_alias: Option<String>,
    pub key_name: Option<String>,
    pub totals: Totals,
}

/// How long calls took: a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Middle of the bucket in microseconds, and how many calls; in order of time.
    buckets: Vec<(i64, i64)>,
}

impl Latency {
    /// Adds calls of a bucket that is later than those before it.
    pub(crate) fn push(&mut self, bucket: i64, calls: i64) {
        self.buckets.push((bucket_micros(bucket), calls));
    }

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
    pub const DAYS: Self = Self { width_quarters: QUARTERS_PER_DAY, offset_quarters: 0 };

    /// The steps that a range is part of, and the start of the first.
    fn of(self, range: Range) -> Result<(Timeline, i64), StoreError> {
        let (width, offset) = (self.width_quarters.max(1), self.offset_quarters);
        let first = (range.from_quarter + offset).div_euclid(width) * width - offset;
        let steps = (range.until_quarter - first).max(0).div_euclid(width) + 1;
        let inner = (1..steps).map(|step| first + step * width);
        let bounds = [range.from_quarter].into_iter().chain(inner).chain([range.until_quarter]);
        Ok((Timeline::new(bounds)?, first))
    }

    const fn start(self, first: i64, step: i64) -> Timestamp {
        Timestamp((first + step * self.width_quarters) * MICROS_PER_QUARTER)
    }
}

/// What a series is split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Nothing,
    Model,
    User,
}

impl Split {
    const fn by(self) -> Option<Dimension> {
        match self {
            Self::Nothing => None,
            Self::Model => Some(Dimension::Model),
            Self::User => Some(Dimension::User),
        }
    }
}

impl Scope {
    fn filters(&self) -> Vec<Filter> {
        let filter = |dimension, is: &Option<String>| is.clone().map(|is| Filter { dimension, is });
        let filters = [filter(Dimension::Key, &self.api_key), filter(Dimension::User, &self.user_id)];
        filters.into_iter().flatten().collect()
    }
}

impl Spend<'_> {
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn totals(&self, range: Range, scope: &Scope) -> Result<Totals, StoreError> {
        let answers = self.sums(range.whole()?, None, scope, 1).await?;
        Ok(answers.first().map(|answer| answer.totals).unwrap_or_default())
    }

    /// Totals per step of time, in order; steps without calls are absent. A split series has at most
    /// [`REPORT_ROWS_MAX`] points, the dearest first.
    ///
    /// # Errors
    /// When the database fails or takes too long, or there are too many steps.
    pub async fn series(
        &self,
        range: Range,
        steps: Steps,
        split: Split,
        scope: &Scope,
    ) -> Result<Vec<Point>, StoreError> {
        let (timeline, first) = steps.of(range)?;
        let mut answers = self.sums(timeline, split.by(), scope, REPORT_ROWS_MAX).await?;
        if split == Split::Nothing {
            answers.sort_by_key(|answer| answer.step);
        }
        let point = |answer: Answer| Point {
            at: steps.start(first, answer.step),
            name: answer.name,
            totals: answer.totals,
        };
        Ok(answers.into_iter().map(point).collect())
    }

    /// The dearest models, by the provider's name of them.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn by_model(&self, range: Range, scope: &Scope, limit: u32) -> Result<Vec<Share>, StoreError> {
        self.shares(Dimension::Model, range, scope, limit).await
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
        self.shares(Dimension::Provider, range, scope, limit).await
    }

    /// The keys that spent most, deleted ones included.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn by_key(&self, range: Range, scope: &Scope, limit: u32) -> Result<Vec<KeySpend>, StoreError> {
        let shares = self.shares(Dimension::Key, range, scope, limit).await?;
        let names = self.key_names(&shares).await?;
        let spend = |share: Share| {
            let (key_alias, key_name) = names.get(&share.name).cloned().unwrap_or_default();
            KeySpend { api_key: share.name, key_alias, key_name, totals: share.totals }
        };
        Ok(shares.into_iter().map(spend).collect())
    }

    /// How long calls took that reached a provider.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn latency(&self, range: Range) -> Result<Latency, StoreError> {
        let rows = histograms(self.db, &range.whole()?, Timed::Whole).await?;
        let buckets = rows.into_iter().map(|(_, bucket, calls)| (bucket_micros(bucket), calls));
        Ok(Latency { buckets: buckets.collect() })
    }

    /// Requests that reached no provider have no model; they are left out where they would be a line.
    async fn shares(
        &self,
        by: Dimension,
        range: Range,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<Share>, StoreError> {
        let limit = limit.clamp(1, REPORT_ROWS_MAX);
        let answers = self.sums(range.whole()?, Some(by), scope, limit + 1).await?;
        let named = answers.into_iter().filter(|answer| !answer.name.is_empty());
        Ok(named
            .take(limit as usize)
            .map(|answer| Share { name: answer.name, totals: answer.totals })
            .collect())
    }

    async fn sums(
        &self,
        timeline: Timeline,
        by: Option<Dimension>,
        scope: &Scope,
        limit: u32,
    ) -> Result<Vec<Answer>, StoreError> {
        let question = Question { timeline, by: [by, None], filters: scope.filters(), among: vec![], limit };
        Ok(ask(self.db, &question).await?.rows)
    }

    async fn key_names(&self, keys: &[Share]) -> Result<HashMap<String, KeyNames>, StoreError> {
        let mut names = HashMap::new();
        for (text, part) in KEY_NAMES.parts(keys, Placeholders::Numbered) {
            let rows: Vec<(String, Option<String>, Option<String>)> = read!(self.db, Report, |connection| {
                let query = part.iter().fold(sqlx::query_as(text), |query, key| query.bind(&key.name));
                query.fetch_all(&mut **connection).await?
            })?;
            names.extend(rows.into_iter().map(|(key, alias, name)| (key, (alias, name))));
        }
        Ok(names)
    }
}

/// Alias and display name.
type KeyNames = (Option<String>, Option<String>);
