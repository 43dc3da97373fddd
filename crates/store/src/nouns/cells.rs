//! Rows and statements of either database, by column.

use domain::Raise;
use domain::owner::{Budget, Limits, Spent, Stamps};
use kit::{Money, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgRow, Postgres};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Decode, Row as _, Type};

use crate::StoreError;
use crate::db::{Either, on};
use crate::keys::{from_json, to_json};
use crate::policy::raise;

/// A value of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<&Option<String>> for Cell {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::Number(Some(i64::from(value)))
    }
}

impl From<Option<Money>> for Cell {
    fn from(amount: Option<Money>) -> Self {
        Self::Number(amount.map(Money::nano))
    }
}

impl Cell {
    pub fn json(value: &impl serde::Serialize) -> Result<Self, StoreError> {
        to_json(value).map(|text| Self::Text(Some(text)))
    }

    /// Of `max_budget_nano`, `soft_budget_nano`, `budget_duration`, `max_parallel_requests`, `tpm_limit`, `rpm_limit`,
    /// `tpd_limit` and `model_max_budget`, in this order.
    pub fn limits(limits: &Limits) -> Result<[Self; 8], StoreError> {
        Ok([
            limits.max_budget.into(),
            limits.soft_budget.into(),
            (&limits.budget_duration).into(),
            limits.max_parallel_requests.into(),
            limits.tpm_limit.into(),
            limits.rpm_limit.into(),
            limits.tpd_limit.into(),
            Self::json(&limits.model_max_budget)?,
        ])
    }

    /// Of `created_at`, `created_by`, `updated_at` and `updated_by`, in this order.
    pub fn stamps(stamps: &Stamps) -> [Self; 4] {
        [
            stamps.created_at.micros().into(),
            (&stamps.created_by).into(),
            stamps.updated_at.micros().into(),
            (&stamps.updated_by).into(),
        ]
    }
}

/// Binds the cells of a statement in their order.
macro_rules! bound {
    ($query:expr, $cells:expr) => {{
        let mut query = $query;
        for cell in $cells {
            query = match cell {
                $crate::nouns::cells::Cell::Text(text) => query.bind(text.clone()),
                $crate::nouns::cells::Cell::Number(number) => query.bind(*number),
            };
        }
        query
    }};
}
pub(crate) use bound;

/// A row by the names of its columns.
pub(crate) type Columns<'r> = Either<&'r SqliteRow, &'r PgRow>;

/// What a column can be read as.
pub(crate) trait Value:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Value for String {}
impl Value for Option<String> {}
impl Value for i64 {}
impl Value for Option<i64> {}

impl Columns<'_> {
    pub fn get<T: Value>(&self, name: &str) -> Result<T, StoreError> {
        Ok(on!(self, |row| row.try_get::<T, _>(name))?)
    }

    pub fn flag(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.get::<i64>(name)? != 0)
    }

    pub fn json<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, StoreError> {
        from_json(name, &self.get::<String>(name)?)
    }

    pub fn limits(&self) -> Result<Limits, StoreError> {
        Ok(Limits {
            max_budget: self.get::<Option<i64>>("max_budget_nano")?.map(Money),
            soft_budget: self.get::<Option<i64>>("soft_budget_nano")?.map(Money),
            budget_duration: self.get("budget_duration")?,
            max_parallel_requests: self.get("max_parallel_requests")?,
            tpm_limit: self.get("tpm_limit")?,
            rpm_limit: self.get("rpm_limit")?,
            tpd_limit: self.get("tpd_limit")?,
            model_max_budget: self.json("model_max_budget")?,
        })
    }

    /// Of columns whose names begin with `prefix`.
    pub fn stamps(&self, prefix: &str) -> Result<Stamps, StoreError> {
        Ok(Stamps {
            created_at: Timestamp(self.get(&format!("{prefix}created_at"))?),
            created_by: self.get(&format!("{prefix}created_by"))?,
            updated_at: Timestamp(self.get(&format!("{prefix}updated_at"))?),
            updated_by: self.get(&format!("{prefix}updated_by"))?,
        })
    }

    /// Of the columns that `budget_columns!` selects.
    pub fn budget(&self) -> Result<Option<Budget>, StoreError> {
        let Some(id) = self.get::<Option<String>>("b_id")? else { return Ok(None) };
        let (limits, stamps, raise) = (self.limits()?, self.stamps("b_")?, self.raise()?);
        Ok(Some(Budget { id, limits, stamps, raise, ..Budget::default() }))
    }

    /// Of a budget.
    pub fn raise(&self) -> Result<Option<Raise>, StoreError> {
        Ok(raise(self.get("raise_nano")?, self.get("raise_until")?))
    }

    /// Of the columns that `spent_columns!` selects.
    pub fn spent(&self) -> Result<Spent, StoreError> {
        let total = self.get::<i64>("total_nano")?;
        Ok(Spent {
            now: Money(total.saturating_sub(self.get::<i64>("base_nano")?)),
            total: Money(total),
            resets_at: self.get::<Option<i64>>("resets_at")?.map(Timestamp),
        })
    }
}
