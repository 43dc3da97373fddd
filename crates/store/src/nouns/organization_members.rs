use domain::owner::{OrganizationMember, Stamps};

use super::members::NewMember;
use super::spent::{budget_columns, spent_columns, spent_joins};
use super::{Cell, Columns, MEMBERS_MAX, Name, Noun, Nouns, Statements, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::nouns::cells::bound;
use crate::policy::Subject;
use crate::sql::statements;

macro_rules! select {
    () => {
        concat!(
            "SELECT m.organization_id, m.user_id, m.role, m.budget_id, m.created_at, m.updated_at,
                    CAST(NULL AS TEXT) AS created_by, CAST(NULL AS TEXT) AS updated_by, u.email, ",
            budget_columns!(), ", ", spent_columns!(),
            " FROM organization_members m LEFT JOIN users u ON u.id = m.user_id LEFT JOIN budgets b ON b.id = m.budget_id",
            spent_joins!("organization_member", "m.organization_id", "m.user_id", "b.budget_duration")
        )
    };
}

macro_rules! filters {
    () => {
        " WHERE (CAST($1 AS TEXT) IS NULL OR REPLACE($1, ',' || m.organization_id || ',', '') <> $1)
            AND (CAST($2 AS TEXT) IS NULL OR m.user_id = $2)"
    };
}

statements! {
    GET = concat!(select!(), " WHERE m.organization_id = $1 AND m.user_id = $2");
    LIST = concat!(select!(), filters!(),
                   " ORDER BY m.organization_id, m.created_at, m.user_id LIMIT CAST($3 AS BIGINT) OFFSET CAST($4 AS BIGINT)");
    COUNT = concat!("SELECT COUNT(*) FROM organization_members m", filters!());
    OF_ORGANIZATION = concat!(select!(), " WHERE m.organization_id = $1 LIMIT CAST($2 AS BIGINT)");
    OF_USER = concat!(select!(), " WHERE m.user_id = $1");
    MEMBERS = "SELECT COUNT(*) FROM organization_members WHERE organization_id = $1";
    PUT = "INSERT INTO organization_members (organization_id, user_id, role, budget_id, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role, budget_id = excluded.budget_id,
             updated_at = excluded.updated_at";
    DELETE = "DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2";
}

/// Which members.
#[derive(Clone, Debug, Default)]
pub struct OrganizationMemberQuery {
    /// Of any of these; of all when empty.
    pub organizations: Vec<String>,
    pub user_id: Option<String>,
}

#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
impl Noun for OrganizationMember {
    const TABLE: &'static str = "LiteLLM_OrganizationMembership";
    const STATEMENTS: Statements =
        Statements { get: GET, put: PUT, delete: DELETE, list: LIST, count: COUNT };
    type Filter = OrganizationMemberQuery;

    fn subject(&self) -> Subject<'_> {
        Subject::OrganizationMember { organization: &self.organization_id, user: &self.user_id }
    }

    fn read(row: &Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            organization_id: row.get("organization_id")?,
            user_id: row.get("user_id")?,
            role: row.get("role")?,
            budget_id: row.get("budget_id")?,
            stamps: row.stamps("")?,
            email: row.get("email")?,
            budget: row.budget()?,
            spent: row.spent()?,
        })
    }

    fn cells(&self) -> Result<Vec<Cell>, StoreError> {
        Ok(vec![
            Cell::from(&self.organization_id),
            Cell::from(&self.user_id),
            Cell::from(&self.role),
            Cell::from(&self.budget_id),
            Cell::from(self.stamps.created_at.micros()),
            Cell::from(self.stamps.updated_at.micros()),
        ])
    }

    fn filters(filter: &OrganizationMemberQuery) -> Vec<Cell> {
        vec![Cell::Text(crate::page::listed(&filter.organizations)), (&filter.user_id).into()]
    }

    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)> {
        Some((super::duration(self.budget.as_ref()), Vec::new()))
    }

    fn budget_id(&self) -> Option<&str> {
        self.budget_id.as_deref()
    }

    fn stamps(&mut self) -> &mut Stamps {
        &mut self.stamps
    }
}

impl Nouns<'_, OrganizationMember> {
    /// Adds members with their roles; all of them or none. Who is no user yet becomes one.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such organisation, [`StoreError::Duplicate`] when one is a member already,
    /// [`StoreError::TooMany`] when they are more than [`MEMBERS_MAX`].
    pub async fn add(
        &self,
        organization: &str,
        members: &[(NewMember, String)],
        actor: &Actor,
    ) -> Result<Vec<OrganizationMember>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let added = write.add_organization_members(organization, members).await?;
        write.finish().await?;
        Ok(added)
    }
}

impl Write<'_> {
    pub(crate) async fn add_organization_members(
        &mut self,
        organization: &str,
        members: &[(NewMember, String)],
    ) -> Result<Vec<OrganizationMember>, StoreError> {
        let there = self.get::<domain::owner::Organization>(&Name::from(organization)).await?;
        there.ok_or(StoreError::Missing("organization"))?;
        let count = on!(&mut self.tx, |tx| {
            sqlx::query_scalar::<_, i64>(MEMBERS).bind(organization).fetch_one(&mut **tx).await?
        });
        if count.unsigned_abs() + members.len() as u64 > u64::from(MEMBERS_MAX) {
            return Err(StoreError::TooMany("members of one organization"));
        }
        let mut added = Vec::new();
        for (new, role) in members {
            let user_id = self.user(new).await?;
            if let Some(budget) = &new.budget {
                self.create(budget).await?;
            }
            let member = OrganizationMember {
                organization_id: organization.to_owned(),
                user_id,
                role: role.clone(),
                budget_id: new.budget.as_ref().map(|budget| budget.id.clone()),
                stamps: Stamps::new(&self.actor.id, self.actor.at),
                ..OrganizationMember::default()
            };
            added.push(self.create(&member).await?);
        }
        Ok(added)
    }

    pub(super) async fn organization_members(
        &mut self,
        organization: &str,
    ) -> Result<Vec<OrganizationMember>, StoreError> {
        let cells = [organization.into(), i64::from(MEMBERS_MAX).into()];
        on!(&mut self.tx, |tx| {
            let rows = bound!(sqlx::query(OF_ORGANIZATION), &cells).fetch_all(&mut **tx).await?;
            rows.iter().map(|row| OrganizationMember::read(&row.into())).collect()
        })
    }

    /// The organisations that a user is a member of.
    pub(crate) async fn organization_memberships(
        &mut self,
        user: &str,
    ) -> Result<Vec<OrganizationMember>, StoreError> {
        on!(&mut self.tx, |tx| {
            let rows = sqlx::query(OF_USER).bind(user).fetch_all(&mut **tx).await?;
            rows.iter().map(|row| OrganizationMember::read(&row.into())).collect()
        })
    }
}
