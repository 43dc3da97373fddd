//! Ends windows whose time is over.

use kit::Timestamp;
use serde_json::json;

use super::{AT_ONCE_MAX, TOTAL, Windows, period, subject};
use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Tx, on};
use crate::keys::to_json;
use crate::ledger::ids_of;
use crate::policy::Subject;
use crate::sql::statements;

statements! {
    DUE = "SELECT kind, within, id, duration, ends_at FROM budget_windows WHERE ends_at <= $1
           ORDER BY ends_at LIMIT CAST($2 AS BIGINT)";
    // Whoever comes second finds another end, and changes nothing.
    TURN = "UPDATE budget_windows SET starts_at = $6, ends_at = $7, base_nano = $8
            WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4 AND ends_at = $5";
    BASE = "SELECT base_nano FROM budget_windows WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4";
    DROP_ENDED = "DELETE FROM budget_windows
                  WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4 AND ends_at = $5";
    KEY_TOTAL = "SELECT spend_nano FROM keys WHERE hash = $1";
    SINCE = "SELECT CAST(COALESCE(SUM(cost_nano), 0) AS BIGINT) FROM usage_events
             WHERE started_at >= $1 AND id >= $6 AND CASE CAST($2 AS TEXT)
               WHEN 'key' THEN api_key = $4
               WHEN 'user' THEN user_id = $4
               WHEN 'team' THEN team_id = $4
               WHEN 'member' THEN team_id = $3 AND user_id = $4
               WHEN 'organization' THEN organization_id = $4
               WHEN 'organization_member' THEN organization_id = $3 AND user_id = $4
               WHEN 'project' THEN project_id = $4
               WHEN 'customer' THEN customer = $4
               WHEN 'key_model' THEN api_key = $3 AND model_group = $4
               WHEN 'user_model' THEN user_id = $3 AND model_group = $4
               WHEN 'team_model' THEN team_id = $3 AND model_group = $4
               WHEN 'tag' THEN REPLACE(tags, $5, '') <> tags
               ELSE FALSE END";
}

#[derive(sqlx::FromRow)]
struct Due {
    kind: String,
    within: String,
    id: String,
    duration: String,
    ends_at: i64,
}

impl Windows<'_> {
    /// Ends windows that are over at `actor.at`: each budget's present window takes its place, however many were
    /// missed. Exactly one of those who try at once ends a window. Returns how many were ended here, which is
    /// bounded; ask again while it is not zero.
    ///
    /// # Errors
    /// When the database fails; what was ended stays so.
    pub async fn end_due(&self, actor: &Actor) -> Result<usize, StoreError> {
        let due = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_as::<_, Due>(DUE).bind(actor.at.micros()).bind(AT_ONCE_MAX);
            query.fetch_all(pool).await?
        });
        let mut ended = 0;
        for one in &due {
            ended += usize::from(self.turn(one, actor).await?);
        }
        Ok(ended)
    }

    /// Whether this one ended it.
    async fn turn(&self, due: &Due, actor: &Actor) -> Result<bool, StoreError> {
        let Due { kind, within, id, duration, ends_at } = due;
        let Some(owner) = subject(kind, within, id) else { return Ok(false) };
        let budgets = match self.budgets(kind, within, id).await {
            // What cannot be read is refused by gateways, and goes on when it can be.
            Err(StoreError::Corrupt { .. }) => None,
            budgets => Some(budgets?.unwrap_or_default()),
        };
        if budgets.as_ref().is_some_and(|budgets| !budgets.has(duration)) {
            return self.drop_ended(due).await;
        }
        let span = period(duration)
            .map(|period| self.db.calendar.present(period, Timestamp(*ends_at), actor.at))
            .inspect_err(|error| tracing::error!(kind, id, %error, "a budget's time cannot be read; it is now for ever"));
        let (starts, ends) =
            span.map_or((*ends_at, i64::MAX), |span| (span.starts.micros(), span.ends.micros()));
        let mut tx = self.db.begin().await?;
        tx.record_change(owner, "budget_reset", actor).await?;
        tx.tick_ledger(actor.at).await?;
        let total = tx.total_of(kind, within, id).await?;
        let tag = to_json(id)?;
        let ids = ids_of(Timestamp(starts), Timestamp(i64::MAX));
        let max = budgets.and_then(|budgets| budgets.max(duration)).filter(|_| self.db.budget_rollover);
        let (since, turned) = on!(&mut tx, |tx| {
            let since = sqlx::query_scalar::<_, i64>(SINCE).bind(starts).bind(kind).bind(within).bind(id);
            let since = since.bind(&tag).bind(&ids[0]);
            let mut since = since.fetch_one(&mut **tx).await?;
            if let Some(max) = max {
                let base = sqlx::query_scalar::<_, i64>(BASE).bind(kind).bind(within).bind(id).bind(duration);
                let base = base.fetch_optional(&mut **tx).await?.unwrap_or(0);
                // As if it had been spent in the next window.
                since += (total - since - base - max.nano()).max(0);
            }
            let turn = sqlx::query(TURN).bind(kind).bind(within).bind(id).bind(duration).bind(ends_at);
            let turn = turn.bind(starts).bind(ends).bind(total.saturating_sub(since));
            (since, turn.execute(&mut **tx).await?.rows_affected() > 0)
        });
        if !turned {
            return Ok(false);
        }
        let mut before = json!({ "budget_duration": duration, "budget_reset_at": ends_at });
        let mut after = json!({ "budget_duration": duration, "budget_reset_at": ends, "spend": since });
        let mut object = id;
        if let Subject::OfModel { model, .. } = owner {
            (before["model"], after["model"]) = (model.into(), model.into());
            object = within;
        }
        tx.audit(
            Change {
                action: "budget_reset",
                object: Object {
                    table: table(kind),
                    id: object.clone(),
                    team_id: ["member", "team_model"].contains(&kind.as_str()).then(|| within.to_string()),
                    key_hash: if let Subject::Key(hash) = owner { Some(hash) } else { None },
                },
                before: Some(before),
                after: Some(after),
            },
            actor,
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Nobody has a budget for this time any more.
    async fn drop_ended(&self, due: &Due) -> Result<bool, StoreError> {
        Ok(on!(self.db.writer(), |pool| {
            let drop =
                sqlx::query(DROP_ENDED).bind(&due.kind).bind(&due.within).bind(&due.id).bind(&due.duration);
            drop.bind(due.ends_at).execute(pool).await?.rows_affected() > 0
        }))
    }
}

/// The owner's table on the compatible surface.
fn table(kind: &str) -> &'static str {
    match kind {
        "key" | "key_model" => "LiteLLM_VerificationToken",
        "user" | "user_model" => "LiteLLM_UserTable",
        "team" | "team_model" => "LiteLLM_TeamTable",
        "member" => "LiteLLM_TeamMembership",
        "organization" => "LiteLLM_OrganizationTable",
        "organization_member" => "LiteLLM_OrganizationMembership",
        "project" => "LiteLLM_ProjectTable",
        "customer" => "LiteLLM_EndUserTable",
        _ => "LiteLLM_TagTable",
    }
}

impl Tx {
    async fn total_of(&mut self, kind: &str, within: &str, id: &str) -> Result<i64, StoreError> {
        let total = on!(self, |tx| {
            let query = if kind == "key" {
                sqlx::query_scalar::<_, i64>(KEY_TOTAL).bind(id)
            } else {
                sqlx::query_scalar::<_, i64>(TOTAL).bind(kind).bind(within).bind(id)
            };
            query.fetch_optional(&mut **tx).await?
        });
        Ok(total.unwrap_or(0))
    }
}
