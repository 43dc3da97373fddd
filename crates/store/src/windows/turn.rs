//! Ends windows whose time is over, and makes those that are missing.

use domain::AccountId;
use domain::account::AccountKind;
use kit::{KeyHash, Timestamp};
use serde_json::json;

use super::{TOTAL, period};
use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx, on};
use crate::keys::to_json;
use crate::policy::{Policy, Stored, Subject};
use crate::sql::statements;

/// Windows that are looked at together; each is ended in a transaction of its own.
const AT_ONCE_MAX: i64 = 200;

statements! {
    DUE = "SELECT kind, within, id, duration, ends_at FROM budget_windows WHERE ends_at <= $1
           ORDER BY ends_at LIMIT CAST($2 AS BIGINT)";
    // Whoever comes second finds another end, and changes nothing.
    TURN = "UPDATE budget_windows SET starts_at = $6, ends_at = $7, base_nano = $8
            WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4 AND ends_at = $5";
    DROP_ENDED = "DELETE FROM budget_windows
                  WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4 AND ends_at = $5";
    KEY_TOTAL = "SELECT spend_nano FROM keys WHERE hash = $1";
    SINCE = "SELECT CAST(COALESCE(SUM(cost_nano), 0) AS BIGINT) FROM usage_events
             WHERE started_at >= $1 AND CASE CAST($2 AS TEXT)
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

#[derive(sqlx::FromRow)]
struct Due {
    kind: String,
    within: String,
    id: String,
    duration: String,
    ends_at: i64,
}

/// For how long the budgets of an owner are.
#[derive(Default)]
struct Durations {
    /// `None` is for ever.
    main: Option<Box<str>>,
    others: Vec<Box<str>>,
}

impl Durations {
    fn all(&self) -> impl Iterator<Item = &str> {
        self.main.iter().chain(&self.others).map(|duration| &**duration)
    }

    fn has(&self, duration: &str) -> bool {
        self.all().any(|other| other == duration)
    }
}

/// The times that budgets are for.
pub struct Windows<'a> {
    pub(crate) db: &'a Db,
}

/// The owner of a window; `None` for a kind of a later version.
fn subject<'a>(kind: &str, within: &'a str, id: &'a str) -> Option<Subject<'a>> {
    Some(match kind {
        "key" => Subject::Key(id.parse::<KeyHash>().ok()?),
        "user" => Subject::User(id),
        "team" => Subject::Team(id),
        "member" => Subject::Member { team: within, user: id },
        "organization" => Subject::Organization(id),
        "organization_member" => Subject::OrganizationMember { organization: within, user: id },
        "project" => Subject::Project(id),
        "customer" => Subject::Customer(id),
        "tag" => Subject::Tag(id),
        _ => {
            let kind = AccountKind::parse(kind)?;
            let is_of_model =
                [AccountKind::KeyModel, AccountKind::UserModel, AccountKind::TeamModel].contains(&kind);
            return is_of_model.then_some(Subject::OfModel { kind, owner: within, model: id });
        }
    })
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
        let durations = match self.durations(kind, within, id).await {
            // What cannot be read is refused by gateways, and goes on when it can be.
            Err(StoreError::Corrupt { .. }) => None,
            durations => Some(durations?.unwrap_or_default()),
        };
        if durations.is_some_and(|wanted| !wanted.has(duration)) {
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
        let (since, turned) = on!(&mut tx, |tx| {
            let since = sqlx::query_scalar::<_, i64>(SINCE).bind(starts).bind(kind).bind(within).bind(id);
            let since = since.bind(&tag).fetch_one(&mut **tx).await?;
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
            let durations = match self.durations(kind, within, id).await {
                Ok(Some(durations)) => durations,
                Ok(None) => continue,
                Err(StoreError::Corrupt { .. }) => continue,
                Err(error) => return Err(error),
            };
            if durations.all().any(|duration| period(duration).is_err()) {
                continue;
            }
            let others = durations.others.iter().map(|other| &**other).collect::<Vec<_>>();
            let mut tx = self.db.begin().await?;
            tx.record_change(owner, "budget_window", actor).await?;
            tx.keep_windows(owner, durations.main.as_deref(), &others, &self.db.calendar, actor.at).await?;
            tx.commit().await?;
            made += 1;
        }
        Ok(made)
    }

    /// For how long an owner's main budget is, and those beside it.
    async fn durations(&self, kind: &str, within: &str, id: &str) -> Result<Option<Durations>, StoreError> {
        let policy = Policy { db: self.db };
        let of_budget = async |budget: Option<Box<str>>| match budget {
            None => Ok(None),
            Some(id) => {
                let id = AccountId { kind: AccountKind::Budget, within: Box::default(), id };
                let (_, stored) = policy.account(id).await?;
                let Stored::Policy(budget) = stored else { return Ok(None) };
                Ok::<_, StoreError>(budget.limits.duration)
            }
        };
        if kind == "key" {
            let Ok(hash) = id.parse() else { return Ok(None) };
            let terms = policy.key(hash).await?.and_then(|key| Some((key.max_budget, *key.terms?)));
            let Some((own, terms)) = terms else { return Ok(None) };
            let shared = if own.is_none() { of_budget(terms.budget_id).await? } else { None };
            let others = terms.limits.more.iter().map(|more| more.duration.clone()).collect();
            return Ok(Some(Durations { main: shared.or(terms.limits.duration), others }));
        }
        let Some(kind) = AccountKind::parse(kind) else { return Ok(None) };
        let account = async |kind, within: &str, id: &str| {
            let (_, stored) =
                policy.account(AccountId { kind, within: within.into(), id: id.into() }).await?;
            Ok::<_, StoreError>(if let Stored::Policy(account) = stored { Some(account) } else { None })
        };
        let Some(owner) = account(kind, within, id).await? else { return Ok(None) };
        let budget = match (owner.budget_id, kind) {
            (None, AccountKind::Member) => {
                account(AccountKind::Team, "", within).await?.and_then(|team| team.member_budget_id)
            }
            (budget, _) => budget,
        };
        let shared = of_budget(budget).await?;
        let others = owner.limits.more.iter().map(|more| more.duration.clone()).collect();
        Ok(Some(Durations { main: shared.or(owner.limits.duration), others }))
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
