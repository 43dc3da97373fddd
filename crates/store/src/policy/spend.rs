//! What is spent by those who have a budget.

use domain::{AccountId, AccountKind, Window};
use kit::{KeyHash, Money, Timestamp};

use super::Policy;
use super::keys::known_hash;
use crate::StoreError;
use crate::db::on;
use crate::sql::statements;
use crate::windows::window;

statements! {
    KEYS_SINCE = "SELECT k.hash AS id, k.spend_nano, k.spend_changed_at AS changed_at, w.duration, w.ends_at, w.base_nano
                  FROM (SELECT hash, spend_nano, spend_changed_at FROM keys
                        WHERE max_budget_nano IS NOT NULL AND spend_changed_at > $1
                        UNION ALL
                        SELECT hash, spend_nano, spend_changed_at FROM keys
                        WHERE budget_id IS NOT NULL AND max_budget_nano IS NULL AND spend_changed_at > $1
                        UNION ALL
                        SELECT hash, spend_nano, spend_changed_at FROM keys
                        WHERE has_other_budgets = 1 AND max_budget_nano IS NULL AND budget_id IS NULL
                          AND spend_changed_at > $1) k
                  LEFT JOIN budget_windows w ON w.kind = 'key' AND w.within = '' AND w.id = k.hash";
    ACCOUNTS_SINCE = "SELECT r.kind, r.within, r.id, r.spend_nano, r.changed_at, w.duration, w.ends_at,
                        w.base_nano
                      FROM running_totals r
                      LEFT JOIN users u ON r.kind = 'user' AND u.id = r.id
                      LEFT JOIN budget_windows w ON w.kind = r.kind AND w.within = r.within AND w.id = r.id
                      WHERE r.changed_at > CAST($1 AS BIGINT) AND CASE r.kind
                        WHEN 'user' THEN u.max_budget_nano IS NOT NULL OR u.soft_budget_nano IS NOT NULL OR u.budget_limits <> '[]'
                        WHEN 'team' THEN EXISTS (SELECT 1 FROM teams t WHERE t.id = r.id
                          AND (t.max_budget_nano IS NOT NULL OR t.soft_budget_nano IS NOT NULL OR t.budget_limits <> '[]'))
                        WHEN 'member' THEN EXISTS (SELECT 1 FROM team_members m JOIN teams t ON t.id = m.team_id
                          WHERE m.team_id = r.within AND m.user_id = r.id
                            AND (m.budget_id IS NOT NULL OR t.member_budget_id IS NOT NULL))
                        WHEN 'organization' THEN EXISTS (SELECT 1 FROM organizations o WHERE o.id = r.id)
                        WHEN 'organization_member' THEN EXISTS (SELECT 1 FROM organization_members m
                          WHERE m.organization_id = r.within AND m.user_id = r.id AND m.budget_id IS NOT NULL)
                        WHEN 'customer' THEN EXISTS (SELECT 1 FROM customers c WHERE c.id = r.id AND c.budget_id IS NOT NULL)
                        WHEN 'tag' THEN EXISTS (SELECT 1 FROM tags t WHERE t.name = r.id AND t.budget_id IS NOT NULL)
                        WHEN 'project' THEN EXISTS (SELECT 1 FROM projects p WHERE p.id = r.id AND p.budget_id IS NOT NULL)
                        ELSE r.kind IN ('key_model', 'user_model', 'team_model') END";
}

/// What a key or an account has spent; once for each of its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent<I> {
    pub id: I,
    /// All that was ever spent.
    pub spend: Money,
    /// By the ledger's clock.
    pub changed_at: Timestamp,
    pub window: Option<Window>,
}

pub type KeySpend = Spent<KeyHash>;
pub type AccountSpend = Spent<AccountId>;

#[derive(Default, sqlx::FromRow)]
#[sqlx(default)]
struct SpendRow {
    kind: Option<String>,
    within: Option<String>,
    id: String,
    spend_nano: i64,
    changed_at: i64,
    duration: Option<String>,
    ends_at: Option<i64>,
    base_nano: Option<i64>,
}

impl Policy<'_> {
    /// Spend of the keys with a budget whose spend changed after `since`, and when it did. These times are
    /// strictly increasing in the order of commits, so asking with the latest one seen misses none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spend_since(&self, since: Timestamp) -> Result<Vec<KeySpend>, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, SpendRow>(KEYS_SINCE).bind(since.micros()).fetch_all(pool).await
        })?;
        Ok(rows.into_iter().filter_map(|row| row.of(|row| known_hash(&row.id))).collect())
    }

    /// The same of accounts with a budget, once for each of their windows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account_spend_since(&self, since: Timestamp) -> Result<Vec<AccountSpend>, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, SpendRow>(ACCOUNTS_SINCE).bind(since.micros()).fetch_all(pool).await
        })?;
        Ok(rows.into_iter().filter_map(|row| row.of(SpendRow::account)).collect())
    }
}

impl SpendRow {
    fn account(&self) -> Option<AccountId> {
        let (kind, within) = (self.kind.as_deref()?, self.within.as_deref().unwrap_or_default());
        Some(AccountId {
            kind: AccountKind::parse(kind)?,
            within: within.into(),
            id: self.id.as_str().into(),
        })
    }

    fn of<I>(self, id: impl FnOnce(&Self) -> Option<I>) -> Option<Spent<I>> {
        Some(Spent {
            id: id(&self)?,
            spend: Money(self.spend_nano),
            changed_at: Timestamp(self.changed_at),
            window: window(self.duration, self.ends_at, self.base_nano),
        })
    }
}
