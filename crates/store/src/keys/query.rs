use domain::VirtualKey;
use kit::{KeyHash, Timestamp};

use super::{KeyRow, Keys};
use crate::StoreError;
use crate::page::{Page, window};
use crate::reads::read;
use crate::sql::statements;

/// The filters, shared by a page and its count. `$6` is an exact alias or part of one, `$7` says which;
/// `$8` is searched for in alias, user, team and hash; `$9` is a status and `$10` the time now. A text
/// contains another when taking that out changes it: both databases know `REPLACE`, and it has no
/// wildcards to escape.
macro_rules! filters {
    () => {
        "WHERE (CAST($1 AS TEXT) IS NULL OR user_id = $1)
           AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
           AND (CAST($3 AS TEXT) IS NULL OR organization_id = $3)
           AND (CAST($4 AS TEXT) IS NULL OR hash = $4)
           AND (CAST($5 AS TEXT) IS NULL OR team_id IS NULL OR team_id <> $5)
           AND (CAST($6 AS TEXT) IS NULL
                OR (CAST($7 AS BIGINT) = 0 AND alias = $6)
                OR ($7 = 1 AND REPLACE(LOWER(alias), LOWER($6), '') <> LOWER(alias)))
           AND (CAST($8 AS TEXT) IS NULL
                OR REPLACE(LOWER(COALESCE(alias, '')), LOWER($8), '') <> LOWER(COALESCE(alias, ''))
                OR REPLACE(LOWER(COALESCE(user_id, '')), LOWER($8), '') <> LOWER(COALESCE(user_id, ''))
                OR REPLACE(LOWER(COALESCE(team_id, '')), LOWER($8), '') <> LOWER(COALESCE(team_id, ''))
                OR hash = $8)
           AND (CAST($9 AS TEXT) = 'any'
                OR ($9 = 'revoked' AND blocked = 1)
                OR ($9 = 'expired' AND blocked = 0 AND expires_at <= CAST($10 AS BIGINT))
                OR ($9 = 'active' AND blocked = 0 AND (expires_at IS NULL OR expires_at > $10)))"
    };
}

/// Sorting by `$11`: numbers by sign `$12`, text twice, since a sign cannot turn text around.
macro_rules! order {
    () => {
        " ORDER BY
            CASE CAST($11 AS TEXT)
                WHEN 'created_at' THEN created_at WHEN 'updated_at' THEN updated_at
                WHEN 'spend' THEN spend_nano WHEN 'max_budget' THEN COALESCE(max_budget_nano, -1)
                WHEN 'expires' THEN COALESCE(expires_at, 9223372036854775807) ELSE 0
            END * CAST($12 AS BIGINT),
            CASE WHEN $11 = 'key_alias' AND $12 > 0 THEN COALESCE(alias, '') ELSE '' END,
            CASE WHEN $11 = 'key_alias' AND $12 < 0 THEN COALESCE(alias, '') ELSE '' END DESC,
            created_at DESC, hash
          LIMIT CAST($13 AS BIGINT) OFFSET CAST($14 AS BIGINT)"
    };
}

statements! {
    LIST = concat!("SELECT * FROM keys ", filters!(), order!());
    LIST_DELETED = concat!("SELECT * FROM deleted_keys ", filters!(), order!());
    COUNT = concat!("SELECT COUNT(*) FROM keys ", filters!());
    COUNT_DELETED = concat!("SELECT COUNT(*) FROM deleted_keys ", filters!());
    ALIASES = "SELECT alias FROM keys WHERE alias IS NOT NULL
               AND (CAST($1 AS TEXT) IS NULL OR REPLACE(LOWER(alias), LOWER($1), '') <> LOWER(alias))
               AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
               AND (CAST($3 AS TEXT) IS NULL OR user_id = $3) AND (CAST($4 AS TEXT) IS NULL OR hash = $4)
               ORDER BY alias LIMIT CAST($5 AS BIGINT) OFFSET CAST($6 AS BIGINT)";
    COUNT_ALIASES = "SELECT COUNT(*) FROM keys WHERE alias IS NOT NULL
               AND (CAST($1 AS TEXT) IS NULL OR REPLACE(LOWER(alias), LOWER($1), '') <> LOWER(alias))
               AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
               AND (CAST($3 AS TEXT) IS NULL OR user_id = $3) AND (CAST($4 AS TEXT) IS NULL OR hash = $4)";
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyStatus {
    #[default]
    Any,
    /// Neither blocked nor expired.
    Active,
    Expired,
    /// Blocked.
    Revoked,
    Deleted,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySort {
    #[default]
    CreatedAt,
    UpdatedAt,
    Spend,
    MaxBudget,
    Expires,
    Alias,
}

/// Which keys, in what order, and which page of them.
#[derive(Clone, Debug, Default)]
pub struct KeyQuery {
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    pub hash: Option<KeyHash>,
    /// Leaves out the keys of this team (the dashboard's own).
    pub without_team: Option<String>,
    pub alias: Option<String>,
    /// `alias` is part of the alias instead of all of it.
    pub alias_is_part: bool,
    /// Part of alias, user or team, or the whole hash.
    pub search: Option<String>,
    pub status: KeyStatus,
    pub sort: KeySort,
    pub ascending: bool,
    /// From 0.
    pub page: u32,
    /// 1 to [`crate::PAGE_SIZE_MAX`]; other values are brought into that range.
    pub size: u32,
}

#[derive(Clone, Debug, Default)]
pub struct AliasQuery {
    /// Part of the alias.
    pub search: Option<String>,
    pub team_id: Option<String>,
    pub user_id: Option<String>,
    pub hash: Option<KeyHash>,
    /// From 0.
    pub page: u32,
    pub size: u32,
}

impl Keys<'_> {
    /// One page of keys; `now` decides who has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, query: &KeyQuery, now: Timestamp) -> Result<Page<VirtualKey>, StoreError> {
        let (list, count) = match query.status {
            KeyStatus::Deleted => (LIST_DELETED, COUNT_DELETED),
            _ => (LIST, COUNT),
        };
        let hash = query.hash.map(KeyHash::to_hex);
        let (limit, offset) = window(query.page, query.size);
        macro_rules! filtered {
            ($query:expr) => {
                $query
                    .bind(&query.user_id)
                    .bind(&query.team_id)
                    .bind(&query.organization_id)
                    .bind(&hash)
                    .bind(&query.without_team)
                    .bind(&query.alias)
                    .bind(i64::from(query.alias_is_part))
                    .bind(&query.search)
                    .bind(query.status.name())
                    .bind(now.micros())
            };
        }
        let (rows, total) = read!(self.db, Request, |connection| {
            let total = filtered!(sqlx::query_scalar::<_, i64>(count)).fetch_one(&mut **connection).await?;
            let rows = filtered!(sqlx::query_as::<_, KeyRow>(list))
                .bind(query.sort.name())
                .bind(if query.ascending { 1_i64 } else { -1 })
                .bind(limit)
                .bind(offset)
                .fetch_all(&mut **connection)
                .await?;
            (rows, total)
        })?;
        let rows = rows.into_iter().map(VirtualKey::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(rows, total))
    }

    /// One page of aliases in alphabetical order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn aliases(&self, query: &AliasQuery) -> Result<Page<String>, StoreError> {
        let hash = query.hash.map(KeyHash::to_hex);
        macro_rules! filtered {
            ($statement:expr) => {
                $statement.bind(&query.search).bind(&query.team_id).bind(&query.user_id).bind(&hash)
            };
        }
        let (limit, offset) = window(query.page, query.size);
        let (rows, total) = read!(self.db, Request, |connection| {
            let total =
                filtered!(sqlx::query_scalar::<_, i64>(COUNT_ALIASES)).fetch_one(&mut **connection).await?;
            let rows = filtered!(sqlx::query_scalar::<_, String>(ALIASES))
                .bind(limit)
                .bind(offset)
                .fetch_all(&mut **connection)
                .await?;
            (rows, total)
        })?;
        Ok(Page::new(rows, total))
    }
}

impl KeyStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::Any | Self::Deleted => "any",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl KeySort {
    const fn name(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Spend => "spend",
            Self::MaxBudget => "max_budget",
            Self::Expires => "expires",
            Self::Alias => "key_alias",
        }
    }
}
