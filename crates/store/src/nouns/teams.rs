use domain::AccountKind;
use domain::model_budget::{ModelBudget, model_budgets};
use domain::owner::{Budget, Limits, Member, Stamps, Team};

use super::spent::{spent_columns, spent_joins};
use super::{Cell, Columns, Name, NewMember, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::policy::Subject;
use crate::sql::statements;

/// Keys that are deleted together with their team, organisation or member at most.
pub const KEYS_MAX: u32 = 1000;

macro_rules! select {
    ($from:literal) => {
        concat!(
            "SELECT t.id, t.alias, t.organization_id, t.models, t.model_aliases, t.metadata, t.max_budget_nano,
                    t.soft_budget_nano, t.budget_duration, t.budget_limits, t.max_parallel_requests, t.tpm_limit,
                    t.rpm_limit, t.tpd_limit, t.model_max_budget, t.member_budget_id, t.blocked, t.extra, t.created_at,
                    t.created_by, t.updated_at, t.updated_by,
                    (SELECT COUNT(*) FROM team_members m WHERE m.team_id = t.id) AS member_count,
                    (SELECT COUNT(*) FROM keys k WHERE k.team_id = t.id) AS key_count, ",
            spent_columns!(), " FROM ", $from, " t", spent_joins!("team", "''", "t.id", "t.budget_duration")
        )
    };
}

/// `$6` says that `$5` is the whole id; `$7` is a user who sees the team as a member, or as an administrator of its
/// organisation; `$8` is a team that is seen besides.
macro_rules! filters {
    () => {
        " WHERE (CAST($1 AS TEXT) IS NULL
                 OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = $1))
            AND (CAST($2 AS TEXT) IS NULL OR t.organization_id = $2)
            AND (CAST($3 AS TEXT) IS NULL OR t.id = $3)
            AND (CAST($4 AS TEXT) IS NULL
                 OR REPLACE(LOWER(COALESCE(t.alias, '')), LOWER($4), '') <> LOWER(COALESCE(t.alias, '')))
            AND (CAST($5 AS TEXT) IS NULL OR t.id = $5
                 OR REPLACE(LOWER(COALESCE(t.alias, '')), LOWER($5), '') <> LOWER(COALESCE(t.alias, ''))
                 OR (CAST($6 AS BIGINT) = 0 AND REPLACE(LOWER(t.id), LOWER($5), '') <> LOWER(t.id)))
            AND (CAST($7 AS TEXT) IS NULL
                 OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.user_id = $7)
                 OR EXISTS (SELECT 1 FROM organization_members o WHERE o.organization_id = t.organization_id
                              AND o.user_id = $7 AND o.role = 'org_admin')
                 OR t.id = CAST($8 AS TEXT))"
    };
}

macro_rules! order {
    () => {
        " ORDER BY
            CASE WHEN CAST($9 AS TEXT) = 'created_at' THEN t.created_at ELSE 0 END * CAST($10 AS BIGINT),
            CASE WHEN $10 > 0 THEN CASE $9 WHEN 'team_id' THEN t.id WHEN 'team_alias' THEN COALESCE(t.alias, '')
              ELSE '' END ELSE '' END,
            CASE WHEN $10 < 0 THEN CASE $9 WHEN 'team_id' THEN t.id WHEN 'team_alias' THEN COALESCE(t.alias, '')
              ELSE '' END ELSE '' END DESC,
            t.created_at DESC, t.id
          LIMIT CAST($11 AS BIGINT) OFFSET CAST($12 AS BIGINT)"
    };
}

statements! {
    GET = concat!(select!("teams"), " WHERE t.id = $1");
    LIST = concat!(select!("teams"), filters!(), order!());
    LIST_DELETED = concat!(select!("deleted_teams"), filters!(), order!());
    // A sort order is bound in each, though a count needs none.
    COUNT = concat!("SELECT COUNT(*) FROM teams t", filters!(), " AND CAST($9 AS TEXT) <> '' AND CAST($10 AS BIGINT) <> 0");
    COUNT_DELETED = concat!("SELECT COUNT(*) FROM deleted_teams t", filters!(),
                            " AND CAST($9 AS TEXT) <> '' AND CAST($10 AS BIGINT) <> 0");
    PUT = "INSERT INTO teams (id, alias, organization_id, models, model_aliases, metadata, max_budget_nano,
             soft_budget_nano, budget_duration, max_parallel_requests, tpm_limit, rpm_limit, tpd_limit,
             model_max_budget, budget_limits, member_budget_id, blocked, created_at, created_by, updated_at, updated_by,
             extra)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
           ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, organization_id = excluded.organization_id,
             models = excluded.models, model_aliases = excluded.model_aliases, metadata = excluded.metadata,
             max_budget_nano = excluded.max_budget_nano, soft_budget_nano = excluded.soft_budget_nano,
             budget_duration = excluded.budget_duration, max_parallel_requests = excluded.max_parallel_requests,
             tpm_limit = excluded.tpm_limit, rpm_limit = excluded.rpm_limit, tpd_limit = excluded.tpd_limit,
             model_max_budget = excluded.model_max_budget, budget_limits = excluded.budget_limits,
             member_budget_id = excluded.member_budget_id, blocked = excluded.blocked,
             updated_at = excluded.updated_at, updated_by = excluded.updated_by, extra = excluded.extra";
    DELETE = "DELETE FROM teams WHERE id = $1";
    FORGET_DELETED = "DELETE FROM deleted_teams WHERE id = $1";
    KEEP_DELETED = "INSERT INTO deleted_teams (id, alias, organization_id, models, model_aliases, metadata,
             max_budget_nano, soft_budget_nano, budget_duration, max_parallel_requests, tpm_limit, rpm_limit, tpd_limit,
             model_max_budget, budget_limits, member_budget_id, blocked, created_at, created_by, updated_at, updated_by,
             extra, deleted_at, deleted_by)
           SELECT id, alias, organization_id, models, model_aliases, metadata, max_budget_nano, soft_budget_nano,
             budget_duration, max_parallel_requests, tpm_limit, rpm_limit, tpd_limit, model_max_budget, budget_limits,
             member_budget_id, blocked, created_at, created_by, updated_at, updated_by, extra, CAST($2 AS BIGINT),
             CAST($3 AS TEXT)
           FROM teams WHERE id = $1";
    KEYS = "SELECT hash FROM keys WHERE team_id = $1 ORDER BY hash LIMIT CAST($2 AS BIGINT)";
}

/// Which teams, and in what order.
#[derive(Clone, Debug, Default)]
pub struct TeamQuery {
    /// A member.
    pub user_id: Option<String>,
    pub organization_id: Option<String>,
    pub id: Option<String>,
    /// Part of the alias.
    pub alias: Option<String>,
    /// Part of id or alias.
    pub search: Option<String>,
    /// `search` is part of the alias, or the whole id.
    pub search_whole_id: bool,
    /// Only those that this user sees; and the team after it.
    pub seen_by: Option<(String, Option<String>)>,
    pub deleted: bool,
    pub sort: TeamSort,
    pub ascending: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TeamSort {
    #[default]
    CreatedAt,
    Id,
    Alias,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Team {
    const TABLE: &'static str = "LiteLLM_TeamTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = TeamQuery;

    fn subject(&self) -> Subject<'_> {
        Subject::Team(&self.id)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        let count = |name| Ok::<_, StoreError>(u64::try_from(row.get::<i64>(name)?).unwrap_or(0));
        Ok(Self {
            id: row.get("id")?,
            alias: row.get("alias")?,
            organization_id: row.get("organization_id")?,
            models: row.json("models")?,
            model_aliases: row.json("model_aliases")?,
            metadata: row.json("metadata")?,
            limits: row.limits()?,
            budget_limits: row.json("budget_limits")?,
            member_budget_id: row.get("member_budget_id")?,
            blocked: row.flag("blocked")?,
            stamps: row.stamps("")?,
            extra: row.json("extra")?,
            spent: row.spent()?,
            members: count("member_count")?,
            keys: count("key_count")?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        let mut cells = vec![
            Cell::from(&self.id),
            Cell::from(&self.alias),
            Cell::from(&self.organization_id),
            Cell::json(&self.models)?,
            Cell::json(&self.model_aliases)?,
            Cell::json(&self.metadata)?,
        ];
        cells.extend(Cell::limits(&self.limits)?);
        cells.extend([
            Cell::json(&self.budget_limits)?,
            (&self.member_budget_id).into(),
            self.blocked.into(),
        ]);
        cells.extend(Cell::stamps(&self.stamps));
        cells.push(Cell::json(&self.extra)?);
        Ok(cells)
    }

    fn filters(filter: &TeamQuery) -> Vec<Cell> {
        let (user, team) = filter.seen_by.clone().unzip();
        let sort = match filter.sort {
            TeamSort::CreatedAt => "created_at",
            TeamSort::Id => "team_id",
            TeamSort::Alias => "team_alias",
        };
        vec![
            (&filter.user_id).into(),
            (&filter.organization_id).into(),
            (&filter.id).into(),
            (&filter.alias).into(),
            (&filter.search).into(),
            filter.search_whole_id.into(),
            Cell::Text(user),
            Cell::Text(team.flatten()),
            sort.into(),
            (if filter.ascending { 1_i64 } else { -1 }).into(),
        ]
    }

    fn listing(filter: &TeamQuery) -> (&'static str, &'static str) {
        if filter.deleted { (LIST_DELETED, COUNT_DELETED) } else { (LIST, COUNT) }
    }

    fn model_budgets(&self) -> Result<Option<(AccountKind, Vec<ModelBudget>)>, StoreError> {
        let budgets = model_budgets(&self.limits.model_max_budget).map_err(StoreError::Other)?;
        Ok(Some((AccountKind::TeamModel, budgets)))
    }

    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)> {
        let others = self.budget_limits.iter().filter_map(|limit| limit["budget_duration"].as_str());
        Some((self.limits.budget_duration.as_deref(), others.collect()))
    }

    fn budget_id(&self) -> Option<&str> {
        self.member_budget_id.as_deref()
    }

    fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }

    fn team(&self) -> Option<String> {
        Some(self.id.clone())
    }
}

impl Nouns<'_, Team> {
    /// Adds a team with its members, which are returned with it, and with a budget for those who have none of their own.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when a name is taken, [`StoreError::Missing`] when there is no such organisation.
    pub async fn create_with(
        &self,
        team: &Team,
        budget: Option<&Budget>,
        members: &[NewMember],
        actor: &Actor,
    ) -> Result<(Team, Vec<Member>), StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        if let Some(budget) = budget {
            write.create(budget).await?;
        }
        write.create(team).await?;
        write.add_members(&team.id, members).await?;
        let team = write.get::<Team>(&team.name()).await?.ok_or(StoreError::Missing("team"))?;
        let members = write.members(&team.id).await?;
        write.finish().await?;
        Ok((team, members))
    }

    /// Changes a team, and what its members may spend when `limit` is given; `None` when there is no such team.
    ///
    /// # Errors
    /// What `change` and `limit` refuse with, or when the database fails.
    pub async fn change<E: From<StoreError>>(
        &self,
        id: &str,
        actor: &Actor,
        change: impl FnOnce(&mut Team) -> Result<(), E>,
        limit: Option<(String, impl FnOnce(&mut Limits) -> Result<(), E>)>,
    ) -> Result<Option<Team>, E> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(before) = write.get::<Team>(&Name::from(id)).await? else { return Ok(None) };
        let mut team = before.clone();
        change(&mut team)?;
        if let Some((fresh_id, limit)) = limit {
            let id = team.member_budget_id.clone();
            let limit = |budget: &mut Budget| limit(&mut budget.limits);
            team.member_budget_id = Some(write.limit_own(id.as_deref(), None, fresh_id, limit).await?);
        }
        let action = match (before.blocked, team.blocked) {
            (false, true) => "blocked",
            (true, false) => "unblocked",
            _ => "updated",
        };
        let team = write.replace(&before, team, action).await?;
        write.finish().await?;
        Ok(Some(team))
    }

    /// Deletes teams with their members, keys and own models, and keeps what they and the keys were.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when one has more than [`KEYS_MAX`] keys, [`StoreError::Missing`] when one is not there,
    /// [`StoreError::InUse`] when one has projects; then none is deleted.
    pub async fn delete_all(&self, ids: &[String], actor: &Actor) -> Result<Vec<Team>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let mut deleted = Vec::new();
        for id in ids {
            let team = write.get::<Team>(&Name::from(id)).await?.ok_or(StoreError::Missing("team"))?;
            write.delete_team(&team).await?;
            deleted.push(team);
        }
        write.finish().await?;
        Ok(deleted)
    }
}

impl Write<'_> {
    pub(super) async fn delete_team(&mut self, team: &Team) -> Result<(), StoreError> {
        let id = Cell::from(&team.id);
        self.delete_keys(KEYS, std::slice::from_ref(&id)).await?;
        for member in self.members(&team.id).await? {
            self.delete(&member).await?;
        }
        self.delete_models_of(&team.id).await?;
        self.tx.run(FORGET_DELETED, std::slice::from_ref(&id)).await?;
        let cells = [id, self.actor.at.micros().into(), (&self.actor.id).into()];
        self.tx.run(KEEP_DELETED, &cells).await?;
        self.delete(team).await
    }
}
