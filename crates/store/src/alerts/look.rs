//! Looks at those whose spend has changed, and notes what they crossed.

use domain::alert::{Alert, Crossed};
use kit::{Money, Timestamp};

use super::Alerts;
use crate::StoreError;
use crate::db::{Tx, on};
use crate::policy::{key_raise, key_soft_budget, raise};
use crate::sql::statements;

/// Owners that are looked at together.
const AT_ONCE_MAX: u32 = 200;

/// A window that is over is waited for so long, in microseconds: what was spent since its end counts in the next.
const TURNING_MAX_MICROS: i64 = 60_000_000;

/// Some keys with one kind of budget, in the order in which they spent.
macro_rules! some_keys {
    ($which:literal) => {
        concat!(
            "SELECT * FROM (SELECT hash, spend_changed_at FROM keys WHERE ",
            $which,
            " AND (spend_changed_at, hash) > (CAST($1 AS BIGINT), $4)
              ORDER BY spend_changed_at, hash LIMIT CAST($5 AS BIGINT)) AS part"
        )
    };
}

statements! {
    // The same shape as `ACCOUNTS`, and the same placeholders.
    KEYS = concat!(
        "SELECT 'key' AS kind, '' AS within, k.hash AS id, k.alias, k.user_id, k.team_id, k.organization_id,
                k.spend_nano, k.spend_changed_at AS changed_at,
                COALESCE(k.max_budget_nano, b.max_budget_nano) AS max_nano, b.soft_budget_nano AS soft_nano, b.raise_nano, b.raise_until,
                w.ends_at, COALESCE(w.base_nano, 0) AS base_nano, k.metadata,
                CASE WHEN k.has_other_budgets = 1 THEN k.extra END AS extra,
                COALESCE(c.soft_in, 0) AS soft_in, COALESCE(c.near_in, 0) AS near_in, COALESCE(c.over_in, 0) AS over_in
         FROM (SELECT hash FROM (",
        some_keys!("max_budget_nano IS NOT NULL"), " UNION ALL ",
        some_keys!("budget_id IS NOT NULL AND max_budget_nano IS NULL"), " UNION ALL ",
        some_keys!("has_other_budgets = 1 AND max_budget_nano IS NULL AND budget_id IS NULL"),
        ") AS all_of_them WHERE CAST($2 AS TEXT) = '' AND CAST($3 AS TEXT) = ''
           ORDER BY spend_changed_at, hash LIMIT CAST($5 AS BIGINT)) p
         JOIN keys k ON k.hash = p.hash
         LEFT JOIN budgets b ON b.id = k.budget_id AND k.max_budget_nano IS NULL
         LEFT JOIN budget_windows w ON w.kind = 'key' AND w.within = '' AND w.id = k.hash
           AND w.duration = COALESCE(b.budget_duration, k.budget_duration, '')
         LEFT JOIN budget_crossings c ON c.kind = 'key' AND c.within = '' AND c.id = k.hash
         ORDER BY k.spend_changed_at, k.hash");
    ACCOUNTS = "SELECT r.kind, r.within, r.id, COALESCE(u.alias, u.email, t.alias, o.alias, s.alias, p.alias) AS alias,
                       CAST(NULL AS TEXT) AS user_id, p.team_id, t.organization_id, r.spend_nano, r.changed_at,
                       COALESCE(u.max_budget_nano, t.max_budget_nano, b.max_budget_nano) AS max_nano,
                       COALESCE(u.soft_budget_nano, t.soft_budget_nano, b.soft_budget_nano) AS soft_nano,
                       b.raise_nano, b.raise_until, w.ends_at, COALESCE(w.base_nano, u.spend_base_nano, 0) AS base_nano,
                       CAST(NULL AS TEXT) AS metadata, CAST(NULL AS TEXT) AS extra,
                       COALESCE(c.soft_in, 0) AS soft_in, COALESCE(c.near_in, 0) AS near_in, COALESCE(c.over_in, 0) AS over_in
                FROM (SELECT kind, within, id, spend_nano, changed_at FROM running_totals
                      WHERE changed_at >= CAST($1 AS BIGINT)
                        AND (changed_at, kind, within, id) > (CAST($1 AS BIGINT), $2, $3, $4)
                      ORDER BY changed_at, kind, within, id LIMIT CAST($5 AS BIGINT)) r
                LEFT JOIN users u ON r.kind = 'user' AND u.id = r.id
                LEFT JOIN teams t ON r.kind = 'team' AND t.id = r.id
                LEFT JOIN team_members m ON r.kind = 'member' AND m.team_id = r.within AND m.user_id = r.id
                LEFT JOIN teams mt ON mt.id = m.team_id
                LEFT JOIN organizations o ON r.kind = 'organization' AND o.id = r.id
                LEFT JOIN organization_members n
                  ON r.kind = 'organization_member' AND n.organization_id = r.within AND n.user_id = r.id
                LEFT JOIN customers s ON r.kind = 'customer' AND s.id = r.id
                LEFT JOIN tags g ON r.kind = 'tag' AND g.name = r.id
                LEFT JOIN projects p ON r.kind = 'project' AND p.id = r.id
                LEFT JOIN budgets b ON b.id = COALESCE(m.budget_id, mt.member_budget_id, o.budget_id, n.budget_id,
                                                       s.budget_id, g.budget_id, p.budget_id)
                LEFT JOIN budget_windows w ON w.kind = r.kind AND w.within = r.within AND w.id = r.id
                  AND w.duration = COALESCE(u.budget_duration, t.budget_duration, b.budget_duration, '')
                LEFT JOIN budget_crossings c ON c.kind = r.kind AND c.within = r.within AND c.id = r.id
                ORDER BY r.changed_at, r.kind, r.within, r.id";
    // Whoever comes second finds other crossings than it has read, and changes nothing.
    NOTE = "INSERT INTO budget_crossings (kind, within, id, soft_in, near_in, over_in) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (kind, within, id)
              DO UPDATE SET soft_in = excluded.soft_in, near_in = excluded.near_in, over_in = excluded.over_in
              WHERE budget_crossings.soft_in = CAST($7 AS BIGINT) AND budget_crossings.near_in = CAST($8 AS BIGINT)
                AND budget_crossings.over_in = CAST($9 AS BIGINT)";
    FORGET = "DELETE FROM budget_crossings WHERE kind = $1 AND within = $2 AND id = $3";
}

/// How far somebody has looked: the times of the newest spend, and whose it was. The default is from the beginning.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    keys: Place,
    accounts: Place,
}

/// The ledger's time, and whose spend of that time was seen last.
#[derive(Clone, Debug, Default)]
struct Place {
    at: i64,
    kind: String,
    within: String,
    id: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    kind: String,
    within: String,
    id: String,
    alias: Option<String>,
    user_id: Option<String>,
    team_id: Option<String>,
    organization_id: Option<String>,
    spend_nano: i64,
    changed_at: i64,
    max_nano: Option<i64>,
    soft_nano: Option<i64>,
    raise_nano: Option<i64>,
    raise_until: Option<i64>,
    ends_at: Option<i64>,
    base_nano: i64,
    metadata: Option<String>,
    extra: Option<String>,
    soft_in: i64,
    near_in: i64,
    over_in: i64,
}

impl Alerts<'_> {
    /// Looks at some of those whose spend has changed since `seen`, notes what they crossed, and leaves an alert for
    /// each of `channels`. Returns whether there may be more to look at. An alert gets its name from `new_id`.
    ///
    /// # Errors
    /// When the database fails; what was noted stays, and `seen` is where it was.
    pub async fn look(
        &self,
        seen: &mut Seen,
        channels: &[&str],
        now: Timestamp,
        mut new_id: impl FnMut() -> String,
    ) -> Result<bool, StoreError> {
        let (keys, has_more_keys) = self.note(KEYS, &seen.keys, channels, now, &mut new_id).await?;
        // A key is found by time and hash alone.
        seen.keys = Place { kind: String::new(), ..keys };
        let (accounts, has_more) = self.note(ACCOUNTS, &seen.accounts, channels, now, &mut new_id).await?;
        seen.accounts = accounts;
        Ok(has_more_keys || has_more)
    }

    async fn note(
        &self,
        statement: &'static str,
        from: &Place,
        channels: &[&str],
        now: Timestamp,
        new_id: &mut impl FnMut() -> String,
    ) -> Result<(Place, bool), StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_as::<_, Row>(statement).bind(from.at).bind(&from.kind);
            let query = query.bind(&from.within).bind(&from.id).bind(i64::from(AT_ONCE_MAX));
            query.fetch_all(pool).await?
        });
        for row in rows.iter().filter(|row| !row.is_turning(now)) {
            // What cannot be read is refused by gateways, which say so.
            let Ok(alert) = row.alert(now) else { continue };
            let before = Crossed { soft: row.soft_in, near: row.near_in, over: row.over_in };
            let ends = row.ends_at.unwrap_or(i64::MAX);
            let crossed = Crossed::now(alert.spend, alert.max_budget, alert.soft_budget, ends);
            if crossed != before {
                self.cross(&alert, before, crossed, channels, new_id).await?;
            }
        }
        let place = |row: &Row| Place {
            at: row.changed_at,
            kind: row.kind.clone(),
            within: row.within.clone(),
            id: row.id.clone(),
        };
        // Nothing tells that a window has turned: it is looked at again, and all after it.
        let turning = rows.iter().position(|row| row.is_turning(now));
        let seen = &rows[..turning.unwrap_or(rows.len())];
        let has_more = turning.is_none() && rows.len() >= AT_ONCE_MAX as usize;
        Ok((seen.last().map_or_else(|| from.clone(), place), has_more))
    }

    /// Notes what is crossed now, and leaves the alerts of it in the same transaction.
    async fn cross(
        &self,
        alert: &Alert,
        before: Crossed,
        crossed: Crossed,
        channels: &[&str],
        new_id: &mut impl FnMut() -> String,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let noted = on!(&mut tx, |tx| {
            let query = sqlx::query(NOTE).bind(&alert.kind).bind(&alert.within).bind(&alert.id);
            let query = query.bind(crossed.soft).bind(crossed.near).bind(crossed.over);
            let query = query.bind(before.soft).bind(before.near).bind(before.over);
            query.execute(&mut **tx).await?.rows_affected() > 0
        });
        if !noted {
            return Ok(());
        }
        for event in crossed.since(before) {
            tx.add_alert(&new_id(), &Alert { event, ..alert.clone() }, channels).await?;
        }
        tx.commit().await
    }
}

impl Row {
    /// Whether its window is over and the next has not begun yet.
    fn is_turning(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|ends| (now.micros() - TURNING_MAX_MICROS..=now.micros()).contains(&ends))
    }

    /// What there is to tell of it, whatever it has crossed.
    fn alert(&self, now: Timestamp) -> Result<Alert, StoreError> {
        // A shared budget's, or the key's own.
        let raise = match raise(self.raise_nano, self.raise_until) {
            None => key_raise(self.metadata.as_deref())?,
            shared => shared,
        };
        let raise = raise.filter(|raise| now < raise.until);
        let raised = raise.map_or(Money::ZERO, |raise| raise.by);
        let soft = key_soft_budget(self.extra.as_deref())?.or(self.soft_nano.map(Money));
        let is_member = ["member", "organization_member"].contains(&self.kind.as_str());
        let own = |kind: &str, id: &String| (self.kind == kind).then(|| id.clone());
        Ok(Alert {
            event: domain::alert::BudgetEvent::SoftBudgetCrossed,
            kind: self.kind.clone(),
            within: self.within.clone(),
            id: self.id.clone(),
            alias: self.alias.clone(),
            user_id: self
                .user_id
                .clone()
                .or_else(|| (is_member || self.kind == "user").then(|| self.id.clone())),
            team_id: self.team_id.clone().or(own("team", &self.id)).or(own("member", &self.within)),
            organization_id: self
                .organization_id
                .clone()
                .or(own("organization", &self.id))
                .or(own("organization_member", &self.within)),
            spend: Money(self.spend_nano.saturating_sub(self.base_nano)),
            max_budget: self.max_nano.map(|max| Money(max) + raised),
            soft_budget: soft,
            resets_at: self.ends_at.filter(|ends| *ends != i64::MAX).map(Timestamp),
            at: now,
        })
    }
}

impl Tx {
    /// For an owner that is deleted.
    pub(crate) async fn forget_crossings(
        &mut self,
        kind: &str,
        within: &str,
        id: &str,
    ) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(FORGET).bind(kind).bind(within).bind(id).execute(&mut **tx).await?;
        });
        Ok(())
    }
}
