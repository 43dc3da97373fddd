use domain::owner::{Organization, Stamps, Team};

use super::spent::{budget_columns, spent_columns, spent_joins};
use super::{Cell, Columns, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::nouns::cells::bound;
use crate::policy::Subject;
use crate::sql::statements;

/// Teams that are deleted together with their organisation at most.
const TEAMS_MAX: i64 = 100;

macro_rules! select {
    () => {
        concat!(
            "SELECT o.id, o.alias, o.budget_id, o.models, o.metadata, o.blocked, o.extra, o.created_at, o.created_by,
                    o.updated_at, o.updated_by, ",
            budget_columns!(), ", ", spent_columns!(),
            " FROM organizations o LEFT JOIN budgets b ON b.id = o.budget_id",
            spent_joins!("organization", "''", "o.id", "b.budget_duration")
        )
    };
}

macro_rules! filters {
    () => {
        " WHERE (CAST($1 AS TEXT) IS NULL OR o.id = $1)
            AND (CAST($2 AS TEXT) IS NULL OR REPLACE(LOWER(o.alias), LOWER($2), '') <> LOWER(o.alias))
            AND (CAST($3 AS TEXT) IS NULL
                 OR EXISTS (SELECT 1 FROM organization_members m WHERE m.organization_id = o.id AND m.user_id = $3))"
    };
}

statements! {
    GET = concat!(select!(), " WHERE o.id = $1");
    LIST = concat!(select!(), filters!(),
                   " ORDER BY o.created_at DESC, o.id LIMIT CAST($4 AS BIGINT) OFFSET CAST($5 AS BIGINT)");
    COUNT = concat!("SELECT COUNT(*) FROM organizations o", filters!());
    PUT = "INSERT INTO organizations (id, alias, budget_id, models, metadata, blocked, created_at, created_by, updated_at,
             updated_by, extra)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (id) DO UPDATE SET alias = excluded.alias, budget_id = excluded.budget_id,
             models = excluded.models, metadata = excluded.metadata, blocked = excluded.blocked,
             updated_at = excluded.updated_at, updated_by = excluded.updated_by, extra = excluded.extra";
    DELETE = "DELETE FROM organizations WHERE id = $1";
    KEYS = "SELECT hash FROM keys WHERE organization_id = $1 ORDER BY hash LIMIT CAST($2 AS BIGINT)";
    TEAMS = "SELECT id FROM teams WHERE organization_id = $1 ORDER BY id LIMIT CAST($2 AS BIGINT)";
}

/// Which organisations.
#[derive(Clone, Debug, Default)]
pub struct OrganizationQuery {
    pub id: Option<String>,
    /// Part of the alias.
    pub alias: Option<String>,
    /// A member.
    pub user_id: Option<String>,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for Organization {
    const TABLE: &'static str = "LiteLLM_OrganizationTable";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = OrganizationQuery;

    fn subject(&self) -> Subject<'_> {
        Subject::Organization(&self.id)
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            alias: row.get("alias")?,
            budget_id: row.get("budget_id")?,
            models: row.json("models")?,
            metadata: row.json("metadata")?,
            blocked: row.flag("blocked")?,
            stamps: row.stamps("")?,
            extra: row.json("extra")?,
            budget: row.budget()?,
            spent: row.spent()?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        let mut cells = vec![
            Cell::from(&self.id),
            Cell::from(&self.alias),
            Cell::from(&self.budget_id),
            Cell::json(&self.models)?,
            Cell::json(&self.metadata)?,
            Cell::from(self.blocked),
        ];
        cells.extend(Cell::stamps(&self.stamps));
        cells.push(Cell::json(&self.extra)?);
        Ok(cells)
    }

    fn filters(filter: &OrganizationQuery) -> Vec<Cell> {
        vec![(&filter.id).into(), (&filter.alias).into(), (&filter.user_id).into()]
    }

    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)> {
        Some((super::duration(self.budget.as_ref()), Vec::new()))
    }

    fn budget_id(&self) -> Option<&str> {
        Some(&self.budget_id)
    }

    fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }
}

impl Nouns<'_, Organization> {
    /// Deletes organisations with their teams, members and keys, and keeps what teams and keys were.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when one has more than a hundred teams, or more keys than go at once;
    /// [`StoreError::Missing`] when one is not there; then none is deleted.
    pub async fn delete_all(&self, ids: &[String], actor: &Actor) -> Result<Vec<Organization>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let mut deleted = Vec::new();
        for id in ids {
            let organization = write.get::<Organization>(&Name::from(id)).await?;
            let organization = organization.ok_or(StoreError::Missing("organization"))?;
            for team in write.teams(id).await? {
                write.delete_team(&team).await?;
            }
            write.delete_keys(KEYS, &[id.into()]).await?;
            for member in write.organization_members(id).await? {
                write.delete(&member).await?;
            }
            write.delete(&organization).await?;
            deleted.push(organization);
        }
        write.finish().await?;
        Ok(deleted)
    }
}

impl Write<'_> {
    async fn teams(&mut self, organization: &str) -> Result<Vec<Team>, StoreError> {
        let cells = [organization.into(), (TEAMS_MAX + 1).into()];
        let ids = on!(&mut self.tx, |tx| {
            bound!(sqlx::query_scalar::<_, String>(TEAMS), &cells).fetch_all(&mut **tx).await?
        });
        if ids.len() > usize::try_from(TEAMS_MAX).unwrap_or(0) {
            return Err(StoreError::TooMany("teams of one organization"));
        }
        let mut teams = Vec::new();
        for id in &ids {
            teams.extend(self.get::<Team>(&Name::from(id)).await?);
        }
        Ok(teams)
    }
}
