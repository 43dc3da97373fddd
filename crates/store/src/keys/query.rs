use domain::VirtualKey;
use kit::{KeyHash, Timestamp};

use super::counts::Counted;
use super::{KeyRow, Keys, key_columns, key_window_columns, key_window_joins, live_key_columns};
use crate::StoreError;
use crate::page::{Nearer, Page, containing, window};
use crate::reads::read;
use crate::sql::statements;

/// The filters, shared by a page and its count. `$7` and `$8` are patterns: of the alias, and of what is searched; `$9`
/// is a whole hash. `$10` is a status and `$11` the time now; `$12` is a project, which deleted keys do not know.
macro_rules! filters {
    ($search:literal, $project:literal) => {
        concat!(
            " WHERE (CAST($1 AS TEXT) IS NULL OR k.user_id = $1)
           AND (CAST($2 AS TEXT) IS NULL OR k.team_id = $2)
           AND (CAST($3 AS TEXT) IS NULL OR k.organization_id = $3)
           AND (CAST($4 AS TEXT) IS NULL OR k.hash = $4)
           AND (CAST($5 AS TEXT) IS NULL OR k.team_id IS NULL OR k.team_id <> $5)
           AND (CAST($6 AS TEXT) IS NULL OR k.alias = $6)
           AND (CAST($7 AS TEXT) IS NULL OR LOWER(k.alias) LIKE LOWER($7) ESCAPE '!')
           AND (CAST($9 AS TEXT) IS NULL OR k.hash = $9) AND ",
            $search,
            " AND ",
            $project,
            " AND (CAST($10 AS TEXT) = 'any'
                OR ($10 = 'revoked' AND k.blocked = 1)
                OR ($10 = 'expired' AND k.blocked = 0 AND k.expires_at <= CAST($11 AS BIGINT))
                OR ($10 = 'active' AND k.blocked = 0 AND (k.expires_at IS NULL OR k.expires_at > $11)))"
        )
    };
}

/// Keys, keys among which is searched, and deleted keys.
macro_rules! keys {
    () => {
        concat!(
            "keys k",
            filters!("CAST($8 AS TEXT) IS NULL", "(CAST($12 AS TEXT) IS NULL OR k.project_id = $12)")
        )
    };
}

macro_rules! searched {
    () => {
        concat!(
            "key_search s JOIN keys k ON k.hash = s.hash",
            filters!(
                "s.text LIKE LOWER(CAST($8 AS TEXT)) ESCAPE '!'",
                "(CAST($12 AS TEXT) IS NULL OR k.project_id = $12)"
            )
        )
    };
}

macro_rules! deleted {
    () => {
        concat!(
            "deleted_keys k",
            filters!(
                "(CAST($8 AS TEXT) IS NULL
                  OR LOWER(COALESCE(k.alias, '') || ' ~ ' || COALESCE(k.user_id, '') || ' ~ ' || COALESCE(k.team_id, ''))
                     LIKE LOWER($8) ESCAPE '!')",
                "CAST($12 AS TEXT) IS NULL"
            )
        )
    };
}

/// A page by a column, in both directions: first which keys, then their rows, since what is sorted should be small.
macro_rules! pages {
    ($from:ident, $table:literal, $more:expr, $joins:expr, $column:literal) => {
        // As PostgreSQL's indexes have it.
        [
            pages!($from, $table, $more, $joins, $column, " ASC NULLS LAST"),
            pages!($from, $table, $more, $joins, $column, " DESC NULLS FIRST"),
        ]
    };
    ($from:ident, $table:literal, $more:expr, $joins:expr, $column:literal, $way:literal) => {
        concat!(
            "SELECT ",
            key_columns!(),
            $more,
            " FROM (SELECT k.hash FROM ",
            $from!(),
            " ORDER BY ",
            $column,
            $way,
            ", k.hash",
            $way,
            " LIMIT CAST($13 AS BIGINT) OFFSET CAST($14 AS BIGINT)) p
              JOIN ",
            $table,
            " k ON k.hash = p.hash",
            $joins,
            " ORDER BY ",
            $column,
            $way,
            ", k.hash",
            $way
        )
    };
}

/// The pages of a table, in the order of [`KeySort`].
macro_rules! sorted {
    ($from:ident, $table:literal, $more:expr, $joins:expr) => {
        [
            pages!($from, $table, $more, $joins, "k.created_at"),
            pages!($from, $table, $more, $joins, "k.updated_at"),
            pages!($from, $table, $more, $joins, "k.spend_nano"),
            pages!($from, $table, $more, $joins, "COALESCE(k.max_budget_nano, -1)"),
            pages!($from, $table, $more, $joins, "k.expires_at"),
            pages!($from, $table, $more, $joins, "k.alias"),
        ]
    };
    ($from:ident) => {
        sorted!($from, "keys", concat!(live_key_columns!(), ", ", key_window_columns!()), key_window_joins!())
    };
}

const PAGES: [[&str; 2]; 6] = sorted!(keys);
const PAGES_OF_SEARCHED: [[&str; 2]; 6] = sorted!(searched);
const PAGES_OF_DELETED: [[&str; 2]; 6] = sorted!(deleted, "deleted_keys", "", "");

/// With the last change, and the first moment at which one of them expires: in one statement they are of one moment.
macro_rules! count {
    ($from:ident) => {
        concat!(
            "SELECT (SELECT seq FROM policy_clock) AS seq, COUNT(*) AS total,
               MIN(CASE WHEN k.expires_at > CAST($11 AS BIGINT) THEN k.expires_at END) AS until FROM ",
            $from!()
        )
    };
}

statements! {
    COUNT = count!(keys);
    COUNT_SEARCHED = count!(searched);
    COUNT_DELETED = count!(deleted);
    LAST_CHANGE = "SELECT seq FROM policy_clock";
    ALIASES = "SELECT alias FROM keys WHERE alias IS NOT NULL
               AND (CAST($1 AS TEXT) IS NULL OR LOWER(alias) LIKE LOWER($1) ESCAPE '!')
               AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
               AND (CAST($3 AS TEXT) IS NULL OR user_id = $3) AND (CAST($4 AS TEXT) IS NULL OR hash = $4)
               ORDER BY alias LIMIT CAST($5 AS BIGINT) OFFSET CAST($6 AS BIGINT)";
    COUNT_ALIASES = "SELECT COUNT(*) FROM keys WHERE alias IS NOT NULL
               AND (CAST($1 AS TEXT) IS NULL OR LOWER(alias) LIKE LOWER($1) ESCAPE '!')
               AND (CAST($2 AS TEXT) IS NULL OR team_id = $2)
               AND (CAST($3 AS TEXT) IS NULL OR user_id = $3) AND (CAST($4 AS TEXT) IS NULL OR hash = $4)";
}

pub(super) fn every_statement() -> Vec<(&'static str, &'static str)> {
    let pages = [PAGES, PAGES_OF_SEARCHED, PAGES_OF_DELETED];
    let pages = pages.as_flattened().as_flattened().iter().map(|text| ("PAGES", *text));
    ALL.iter().copied().chain(pages).collect()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

/// In the order of the pages' statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyQuery {
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    /// Deleted keys have none.
    pub project_id: Option<String>,
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
        let hash = query.hash.map(KeyHash::to_hex);
        let (exact, part) = match (&query.alias, query.alias_is_part) {
            (Some(alias), true) => (None, Some(containing(alias))),
            (alias, _) => (alias.as_ref(), None),
        };
        let whole = query.search.as_deref().filter(|search| search.parse::<KeyHash>().is_ok());
        let search = query.search.as_deref().filter(|_| whole.is_none()).map(containing);
        let (pages, count) = match (query.status, &search, &part) {
            (KeyStatus::Deleted, ..) => (&PAGES_OF_DELETED, COUNT_DELETED),
            (_, None, None) => (&PAGES, COUNT),
            _ => (&PAGES_OF_SEARCHED, COUNT_SEARCHED),
        };
        // A part of an alias is part of what is searched.
        let search = search.or_else(|| part.clone());
        // PostgreSQL makes a plan for these values, not one for all: it leaves out the filters that are not used.
        macro_rules! filtered {
            ($query:expr) => {
                $query
                    .persistent(false)
                    .bind(&query.user_id)
                    .bind(&query.team_id)
                    .bind(&query.organization_id)
                    .bind(&hash)
                    .bind(&query.without_team)
                    .bind(exact)
                    .bind(&part)
                    .bind(&search)
                    .bind(whole)
                    .bind(query.status.name())
                    .bind(now.micros())
                    .bind(&query.project_id)
            };
        }
        let (rows, total) = read!(self.db, Request, |connection| {
            let seq = sqlx::query_scalar::<_, i64>(LAST_CHANGE).fetch_one(&mut **connection).await?;
            let known = self.db.key_counts.get(query, seq, now);
            let total = match known {
                Some(total) => total,
                None => {
                    let counted = filtered!(sqlx::query_as::<_, Counted>(count));
                    let counted = counted.fetch_one(&mut **connection).await?;
                    self.db.key_counts.put(query, counted);
                    counted.total
                }
            };
            if total <= window(query.page, query.size).1 {
                return Ok((Vec::new(), total));
            }
            let near = Nearer::of(query.page, query.size, total);
            let text = pages[query.sort as usize][usize::from(query.ascending == near.from_the_end)];
            let page = filtered!(sqlx::query_as::<_, KeyRow>(text)).bind(near.limit).bind(near.offset);
            (near.in_order(page.fetch_all(&mut **connection).await?), total)
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
        let search = query.search.as_deref().map(containing);
        macro_rules! filtered {
            ($statement:expr) => {
                $statement
                    .persistent(false)
                    .bind(&search)
                    .bind(&query.team_id)
                    .bind(&query.user_id)
                    .bind(&hash)
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
