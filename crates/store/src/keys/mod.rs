//! Virtual keys: the rows, their pages, and every write with its policy change.

mod counts;
mod entries;
mod old_secrets;
mod patch;
mod put;
mod query;
mod remove;
mod rotate;
mod row;
mod write;

use domain::VirtualKey;
use kit::KeyHash;

pub use crate::audit::Actor;
pub(crate) use counts::KeyCounts;
pub use old_secrets::OLD_SECRETS_MAX;
pub use patch::KeyPatch;
pub(crate) use patch::{merge, set};
pub use query::{AliasQuery, KeyQuery, KeySort, KeyStatus};
pub(crate) use row::{KeyRow, from_json, to_json};

pub(crate) use entries::{changed, deleted};
pub use rotate::Replacement;

use crate::StoreError;
use crate::db::{Db, on};
use crate::reads::read;
use crate::sql::statements;

/// The time of a key's main budget, its own or the one that it shares.
macro_rules! key_window_columns {
    () => {
        "w.duration AS window_duration, w.ends_at AS window_ends_at, w.base_nano AS window_base_nano"
    };
}
macro_rules! key_window_joins {
    () => {
        " LEFT JOIN budgets b ON b.id = k.budget_id AND k.max_budget_nano IS NULL
          LEFT JOIN budget_windows w ON w.kind = 'key' AND w.within = '' AND w.id = k.hash
            AND w.duration = COALESCE(b.budget_duration, k.budget_duration, '') "
    };
}
/// Columns of keys, and of deleted ones.
macro_rules! key_columns {
    () => {
        "k.hash, k.name, k.alias, k.user_id, k.team_id, k.organization_id, k.models, k.aliases, k.metadata, k.max_budget_nano,
         k.spend_nano, k.blocked, k.expires_at, k.created_at, k.created_by, k.updated_at, k.updated_by, k.extra"
    };
}
/// Those that deleted keys have not.
macro_rules! live_key_columns {
    () => {
        ", k.budget_id, k.project_id, k.budget_duration, k.has_other_budgets, k.has_access_groups"
    };
}
macro_rules! select_keys {
    () => {
        concat!(
            "SELECT ",
            key_columns!(),
            live_key_columns!(),
            ", ",
            key_window_columns!(),
            " FROM keys k",
            key_window_joins!()
        )
    };
}
pub(crate) use {key_columns, key_window_columns, key_window_joins, live_key_columns};

statements! {
    GET = concat!(select_keys!(), "WHERE k.hash = $1");
    GET_DELETED = concat!("SELECT ", key_columns!(), " FROM deleted_keys k WHERE k.hash = $1");
    USER_THERE = "SELECT id FROM users WHERE id = $1";
    BY_ALIAS = concat!(select_keys!(), "WHERE k.alias = $1");
}

/// Every statement about keys.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, old_secrets::ALL, put::ALL, &query::every_statement(), remove::ALL, rotate::ALL, write::ALL]
        .concat()
}

pub struct Keys<'a> {
    pub(crate) db: &'a Db,
}

impl Keys<'_> {
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, hash: KeyHash) -> Result<Option<VirtualKey>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, KeyRow>(GET).bind(hash.to_hex()).fetch_optional(pool).await
        })?;
        row.map(VirtualKey::try_from).transpose()
    }

    /// The last state of a key that was deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get_deleted(&self, hash: KeyHash) -> Result<Option<VirtualKey>, StoreError> {
        let row = read!(self.db, Request, |connection| {
            let query = sqlx::query_as::<_, KeyRow>(GET_DELETED).bind(hash.to_hex());
            query.fetch_optional(&mut **connection).await?
        })?;
        row.map(VirtualKey::try_from).transpose()
    }

    /// # Errors
    /// When the database fails.
    pub async fn by_alias(&self, alias: &str) -> Result<Option<VirtualKey>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, KeyRow>(BY_ALIAS).bind(alias).fetch_optional(pool).await
        })?;
        row.map(VirtualKey::try_from).transpose()
    }
}
