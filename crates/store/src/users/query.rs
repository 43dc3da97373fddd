use domain::User;

use super::row::UserRow;
use super::{Users, select_users};
use crate::StoreError;
use crate::page::{Page, listed, window};
use crate::reads::read;
use crate::sql::statements;

/// `$2` and `$3` are lists with a comma before, between and after their members. A text contains another
/// when taking that out changes it, as in the list of keys.
macro_rules! filters {
    () => {
        "WHERE (CAST($1 AS TEXT) IS NULL OR u.role = $1)
           AND (CAST($2 AS TEXT) IS NULL OR REPLACE($2, ',' || u.id || ',', '') <> $2)
           AND (CAST($3 AS TEXT) IS NULL OR REPLACE($3, ',' || u.sso_id || ',', '') <> $3)
           AND (CAST($4 AS TEXT) IS NULL OR REPLACE(u.email_key, LOWER($4), '') <> u.email_key)
           AND (CAST($5 AS TEXT) IS NULL
                OR REPLACE(LOWER(u.id), LOWER($5), '') <> LOWER(u.id)
                OR REPLACE(COALESCE(u.email_key, ''), LOWER($5), '') <> COALESCE(u.email_key, '')
                OR REPLACE(LOWER(COALESCE(u.alias, '')), LOWER($5), '') <> LOWER(COALESCE(u.alias, '')))
           AND (CAST($6 AS TEXT) IS NULL
                OR EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = $6 AND m.user_id = u.id))
           AND (CAST($7 AS TEXT) IS NULL
                OR EXISTS (SELECT 1 FROM organization_members o WHERE o.user_id = u.id
                             AND REPLACE($7, ',' || o.organization_id || ',', '') <> $7))
           AND (CAST($8 AS TEXT) IS NULL
                OR EXISTS (SELECT 1 FROM organization_members l JOIN organization_members o
                             ON o.organization_id = l.organization_id
                             WHERE l.user_id = $8 AND l.role = 'org_admin' AND o.user_id = u.id))"
    };
}

/// Sorting by `$9`: numbers by sign `$10`, text twice, since a sign cannot turn text around.
macro_rules! order {
    () => {
        " ORDER BY
            CASE CAST($9 AS TEXT)
                WHEN 'created_at' THEN u.created_at WHEN 'updated_at' THEN u.updated_at
                WHEN 'spend' THEN COALESCE(r.spend_nano, 0) - COALESCE(w.base_nano, u.spend_base_nano)
                WHEN 'max_budget' THEN COALESCE(u.max_budget_nano, -1) ELSE 0
            END * CAST($10 AS BIGINT),
            CASE WHEN $10 > 0 THEN
                CASE $9 WHEN 'user_id' THEN u.id WHEN 'user_email' THEN COALESCE(u.email_key, '')
                        WHEN 'user_alias' THEN COALESCE(u.alias, '') WHEN 'user_role' THEN u.role ELSE '' END
            ELSE '' END,
            CASE WHEN $10 < 0 THEN
                CASE $9 WHEN 'user_id' THEN u.id WHEN 'user_email' THEN COALESCE(u.email_key, '')
                        WHEN 'user_alias' THEN COALESCE(u.alias, '') WHEN 'user_role' THEN u.role ELSE '' END
            ELSE '' END DESC,
            u.created_at DESC, u.id
          LIMIT CAST($11 AS BIGINT) OFFSET CAST($12 AS BIGINT)"
    };
}

statements! {
    LIST = concat!(select_users!(), filters!(), order!());
    COUNT = concat!("SELECT COUNT(*) FROM users u ", filters!());
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSort {
    #[default]
    CreatedAt,
    UpdatedAt,
    Spend,
    MaxBudget,
    Id,
    Email,
    Alias,
    Role,
}

/// Which users, in what order, and which page of them.
#[derive(Clone, Debug, Default)]
pub struct UserQuery {
    pub role: Option<String>,
    /// Any of these.
    pub ids: Vec<String>,
    /// Any of these.
    pub sso_ids: Vec<String>,
    /// Part of the address.
    pub email: Option<String>,
    /// Part of id, address or alias.
    pub search: Option<String>,
    /// A team of theirs.
    pub team: Option<String>,
    /// Of any of these.
    pub organizations: Vec<String>,
    /// Only those in organisations that this user administers.
    pub led_by: Option<String>,
    pub sort: UserSort,
    pub ascending: bool,
    /// From 0.
    pub page: u32,
    /// 1 to [`crate::PAGE_SIZE_MAX`]; other values are brought into that range.
    pub size: u32,
}

impl Users<'_> {
    /// One page of users, each with the number of their keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, query: &UserQuery) -> Result<Page<(User, u64)>, StoreError> {
        let (ids, sso_ids) = (listed(&query.ids), listed(&query.sso_ids));
        let organizations = listed(&query.organizations);
        let (limit, offset) = window(query.page, query.size);
        macro_rules! filtered {
            ($statement:expr) => {
                $statement
                    .bind(&query.role)
                    .bind(&ids)
                    .bind(&sso_ids)
                    .bind(&query.email)
                    .bind(&query.search)
                    .bind(&query.team)
                    .bind(&organizations)
                    .bind(&query.led_by)
            };
        }
        let (rows, total) = read!(self.db, Request, |connection| {
            let total = filtered!(sqlx::query_scalar::<_, i64>(COUNT)).fetch_one(&mut **connection).await?;
            let rows = filtered!(sqlx::query_as::<_, UserRow>(LIST))
                .bind(query.sort.name())
                .bind(if query.ascending { 1_i64 } else { -1 })
                .bind(limit)
                .bind(offset)
                .fetch_all(&mut **connection)
                .await?;
            (rows, total)
        })?;
        let read = |row: UserRow| {
            let keys = u64::try_from(row.key_count).unwrap_or(0);
            Ok((User::try_from(row)?, keys))
        };
        Ok(Page::new(rows.into_iter().map(read).collect::<Result<_, StoreError>>()?, total))
    }
}

impl UserSort {
    const fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Spend => "spend",
            Self::MaxBudget => "max_budget",
            Self::Id => "user_id",
            Self::Email => "user_email",
            Self::Alias => "user_alias",
            Self::Role => "user_role",
        }
    }
}
