//! Makes windows that are missing.

use super::{AT_ONCE_MAX, Windows, period, subject};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::sql::statements;

statements! {
    // Owners whose budget is for a time, and who have no window of it.
    MISSING = "SELECT o.kind, o.within, o.id FROM (
                 SELECT 'key' AS kind, '' AS within, k.hash AS id, COALESCE(b.budget_duration, k.budget_duration) AS duration
                 FROM keys k LEFT JOIN budgets b ON b.id = k.budget_id AND k.max_budget_nano IS NULL
                 WHERE k.budget_duration IS NOT NULL OR k.budget_id IS NOT NULL
                 UNION ALL SELECT 'user', '', u.id, u.budget_duration FROM users u
                 UNION ALL SELECT 'team', '', t.id, t.budget_duration FROM teams t
                 UNION ALL SELECT 'member', m.team_id, m.user_id, b.budget_duration FROM team_members m
                   JOIN teams t ON t.id = m.team_id JOIN budgets b ON b.id = COALESCE(m.budget_id, t.member_budget_id)
                 UNION ALL SELECT 'organization', '', g.id, b.budget_duration FROM organizations g
                   JOIN budgets b ON b.id = g.budget_id
                 UNION ALL SELECT 'organization_member', m.organization_id, m.user_id, b.budget_duration
                   FROM organization_members m JOIN budgets b ON b.id = m.budget_id
                 UNION ALL SELECT 'project', '', p.id, b.budget_duration FROM projects p
                   JOIN budgets b ON b.id = p.budget_id
                 UNION ALL SELECT 'customer', '', c.id, b.budget_duration FROM customers c
                   JOIN budgets b ON b.id = c.budget_id
                 UNION ALL SELECT 'tag', '', a.name, b.budget_duration FROM tags a JOIN budgets b ON b.id = a.budget_id
               ) o
               LEFT JOIN budget_windows w
                 ON w.kind = o.kind AND w.within = o.within AND w.id = o.id AND w.duration = o.duration
               WHERE o.duration IS NOT NULL AND w.id IS NULL LIMIT CAST($1 AS BIGINT)";
}

impl Windows<'_> {
    /// Makes windows for owners who have a budget for a time and none for it yet, as when the time of a budget that
    /// they share was changed. Returns how many were made, which is bounded; ask again while it is not zero.
    ///
    /// # Errors
    /// When the database fails; what was made stays.
    pub async fn make_missing(&self, actor: &Actor) -> Result<usize, StoreError> {
        let missing = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_as::<_, (String, String, String)>(MISSING).bind(AT_ONCE_MAX);
            query.fetch_all(pool).await?
        });
        let mut made = 0;
        for (kind, within, id) in &missing {
            let Some(owner) = subject(kind, within, id) else { continue };
            let budgets = match self.budgets(kind, within, id).await {
                Ok(Some(budgets)) => budgets,
                Ok(None) => continue,
                Err(StoreError::Corrupt { .. }) => continue,
                Err(error) => return Err(error),
            };
            if budgets.all().any(|duration| period(duration).is_err()) {
                continue;
            }
            let others = budgets.others();
            let mut tx = self.db.begin().await?;
            tx.record_change(owner, "budget_window", actor).await?;
            tx.keep_windows(owner, budgets.main(), &others, &self.db.calendar, actor.at).await?;
            tx.commit().await?;
            made += 1;
        }
        Ok(made)
    }
}
