//! What is spent of budgets beside the main one: of one model, and for other times.

use domain::model_budget::ModelBudget;
use kit::Money;

use crate::db::on;
use crate::sql::statements;
use crate::{Store, StoreError};

statements! {
    OF_MODELS = "SELECT m.model, m.max_nano, m.duration, COALESCE(r.spend_nano, 0) - COALESCE(w.base_nano, 0) AS spent_nano
                 FROM model_budgets m
                 LEFT JOIN running_totals r ON r.kind = m.kind AND r.within = m.owner AND r.id = m.model
                 LEFT JOIN budget_windows w ON w.kind = m.kind AND w.within = m.owner AND w.id = m.model
                   AND w.duration = COALESCE(m.duration, '')
                 WHERE m.owner = $2 AND m.kind = CAST($1 AS TEXT) || '_model' ORDER BY m.model";
    OF_TIMES = "SELECT w.duration, COALESCE(k.spend_nano, r.spend_nano, 0) - w.base_nano AS spent_nano
                FROM budget_windows w
                LEFT JOIN keys k ON w.kind = 'key' AND k.hash = w.id
                LEFT JOIN running_totals r ON r.kind = w.kind AND r.within = w.within AND r.id = w.id
                WHERE w.kind = $1 AND w.within = '' AND w.id = $2 AND w.duration <> '' ORDER BY w.duration";
}

/// What one owner has spent since the windows of these budgets began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetsUsed {
    pub models: Vec<(ModelBudget, Money)>,
    /// By the time that a budget is for.
    pub times: Vec<(String, Money)>,
}

#[derive(sqlx::FromRow)]
struct ModelRow {
    model: String,
    max_nano: i64,
    duration: Option<String>,
    spent_nano: i64,
}

impl Store {
    /// Of a `key` (by its hash), `user` or `team`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budgets_used(&self, kind: &str, id: &str) -> Result<BudgetsUsed, StoreError> {
        let (models, times) = on!(self.db.fresh(), |pool| {
            let models = sqlx::query_as::<_, ModelRow>(OF_MODELS).bind(kind).bind(id).fetch_all(pool).await?;
            let times = sqlx::query_as::<_, (String, i64)>(OF_TIMES).bind(kind).bind(id);
            (models, times.fetch_all(pool).await?)
        });
        let of_model = |row: ModelRow| {
            let budget = ModelBudget { model: row.model, max: Money(row.max_nano), duration: row.duration };
            (budget, Money(row.spent_nano))
        };
        Ok(BudgetsUsed {
            models: models.into_iter().map(of_model).collect(),
            times: times.into_iter().map(|(time, spent)| (time, Money(spent))).collect(),
        })
    }
}
