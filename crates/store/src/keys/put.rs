//! Writes the rows of keys, and what they are searched by.

use super::KeyRow;
use crate::StoreError;
use crate::db::{Tx, on};
use crate::sql::statements;

statements! {
    INSERT = "INSERT INTO keys
                (hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
                 max_budget_nano, spend_nano, spend_changed_at, blocked, expires_at, created_at, created_by,
                 updated_at, updated_by, extra, budget_id, project_id, budget_duration,
                 has_other_budgets, has_access_groups)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                      $23, $24)";
    // Spend is left to the ledger, which adds to it at any time.
    UPDATE = "UPDATE keys SET alias = $2, user_id = $3, team_id = $4, organization_id = $5, models = $6,
                aliases = $7, metadata = $8, max_budget_nano = $9, blocked = $10, expires_at = $11,
                updated_at = $12, updated_by = $13, extra = $14, budget_id = $15, project_id = $16,
                budget_duration = $17, has_other_budgets = $18, has_access_groups = $19
              WHERE hash = $1";
    SEARCHED = "INSERT INTO key_search (hash, text) VALUES ($1, LOWER(CAST($2 AS TEXT)))
                ON CONFLICT (hash) DO UPDATE SET text = excluded.text WHERE key_search.text <> excluded.text";
}

impl Tx {
    pub(super) async fn insert_key(&mut self, row: &KeyRow, spend_changed_at: i64) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(INSERT)
                .bind(&row.hash)
                .bind(&row.name)
                .bind(&row.alias)
                .bind(&row.user_id)
                .bind(&row.team_id)
                .bind(&row.organization_id)
                .bind(&row.models)
                .bind(&row.aliases)
                .bind(&row.metadata)
                .bind(row.max_budget_nano)
                .bind(row.spend_nano)
                .bind(spend_changed_at)
                .bind(row.blocked)
                .bind(row.expires_at)
                .bind(row.created_at)
                .bind(&row.created_by)
                .bind(row.updated_at)
                .bind(&row.updated_by)
                .bind(&row.extra)
                .bind(&row.budget_id)
                .bind(&row.project_id)
                .bind(&row.budget_duration)
                .bind(row.has_other_budgets)
                .bind(row.has_access_groups)
                .execute(&mut **tx)
                .await
                .map(|_| ())
        })?;
        self.make_searched(row).await
    }

    /// Keeps what a key is searched by.
    async fn make_searched(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        let text = [of(&row.alias), of(&row.user_id), of(&row.team_id)].join(" ~ ");
        on!(self, |tx| {
            sqlx::query(SEARCHED).bind(&row.hash).bind(&text).execute(&mut **tx).await?;
        });
        Ok(())
    }

    pub(crate) async fn update_key(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(UPDATE)
                .bind(&row.hash)
                .bind(&row.alias)
                .bind(&row.user_id)
                .bind(&row.team_id)
                .bind(&row.organization_id)
                .bind(&row.models)
                .bind(&row.aliases)
                .bind(&row.metadata)
                .bind(row.max_budget_nano)
                .bind(row.blocked)
                .bind(row.expires_at)
                .bind(row.updated_at)
                .bind(&row.updated_by)
                .bind(&row.extra)
                .bind(&row.budget_id)
                .bind(&row.project_id)
                .bind(&row.budget_duration)
                .bind(row.has_other_budgets)
                .bind(row.has_access_groups)
                .execute(&mut **tx)
                .await
                .map(|_| ())
        })?;
        self.make_searched(row).await
    }
}
