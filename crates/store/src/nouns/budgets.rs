use domain::owner::{Budget, Stamps};

use super::{Cell, Columns, Noun, Statements};
use crate::StoreError;
use crate::policy::Subject;
use crate::sql::statements;

macro_rules! columns {
    () => {
        "id, max_budget_nano, soft_budget_nano, budget_duration, max_parallel_requests, tpm_limit, rpm_limit, tpd_limit,
         model_max_budget, created_at, created_by, updated_at, updated_by, extra, is_own,
         raise_nano, raise_until"
    };
}
macro_rules! filters {
    () => {
        " FROM budgets WHERE (CAST($1 AS TEXT) IS NULL OR REPLACE($1, ',' || id || ',', '') <> $1)"
    };
}

statements! {
    GET = concat!("SELECT ", columns!(), " FROM budgets WHERE id = $1");
    LIST = concat!("SELECT ", columns!(), filters!(),
                   " ORDER BY created_at DESC, id LIMIT CAST($2 AS BIGINT) OFFSET CAST($3 AS BIGINT)");
    COUNT = concat!("SELECT COUNT(*)", filters!());
    PUT = "INSERT INTO budgets (id, max_budget_nano, soft_budget_nano, budget_duration, max_parallel_requests, tpm_limit,
             rpm_limit, tpd_limit, model_max_budget, created_at, created_by, updated_at, updated_by, extra, is_own,
             raise_nano, raise_until)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
           ON CONFLICT (id) DO UPDATE SET max_budget_nano = excluded.max_budget_nano,
             soft_budget_nano = excluded.soft_budget_nano, budget_duration = excluded.budget_duration,
             max_parallel_requests = excluded.max_parallel_requests, tpm_limit = excluded.tpm_limit,
             rpm_limit = excluded.rpm_limit, tpd_limit = excluded.tpd_limit,
             model_max_budget = excluded.model_max_budget, updated_at = excluded.updated_at,
             updated_by = excluded.updated_by, extra = excluded.extra, is_own = excluded.is_own,
             raise_nano = excluded.raise_nano, raise_until = excluded.raise_until";
    DELETE = "DELETE FROM budgets WHERE id = $1";
}

/// Which budgets.
#[derive(Clone, Debug, Default)]
pub struct BudgetQuery {
    /// Any of these; all when empty.
    pub ids: Vec<String>,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Budget {
    const TABLE: &'static str = "LiteLLM_BudgetTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = BudgetQuery;

    fn subject(&self) -> Subject<'_> {
        Subject::Budget(&self.id)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            limits: row.limits()?,
            stamps: row.stamps("")?,
            extra: row.json("extra")?,
            raise: row.raise()?,
            is_own: row.flag("is_own")?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        let mut cells = vec![Cell::from(&self.id)];
        cells.extend(Cell::limits(&self.limits)?);
        cells.extend(Cell::stamps(&self.stamps));
        cells.push(Cell::json(&self.extra)?);
        cells.push(self.is_own.into());
        cells.push(self.raise.map(|raise| raise.by).into());
        cells.push(self.raise.map(|raise| raise.until.micros()).into());
        Ok(cells)
    }

    fn filters(filter: &BudgetQuery) -> Vec<Cell> {
        vec![Cell::Text(crate::page::listed(&filter.ids))]
    }

    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)> {
        None
    }

    fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }
}
