//! Virtual keys: the rows, their pages, and every write with its policy change.

mod patch;
mod query;
mod row;
mod write;

use domain::VirtualKey;
use kit::KeyHash;

pub use crate::audit::Actor;
pub use patch::KeyPatch;
pub(crate) use patch::{merge, set};
pub use query::{AliasQuery, KeyQuery, KeySort, KeyStatus};
pub(crate) use row::{KeyRow, from_json, to_json};

pub(crate) use write::deleted;

use crate::StoreError;
use crate::db::{Db, on};
use crate::reads::read;
use crate::sql::statements;

statements! {
    GET = "SELECT * FROM keys WHERE hash = $1";
    GET_DELETED = "SELECT * FROM deleted_keys WHERE hash = $1";
    USER_THERE = "SELECT id FROM users WHERE id = $1";
    BY_ALIAS = "SELECT * FROM keys WHERE alias = $1";
}

/// Every statement about keys.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, &query::every_statement(), write::ALL].concat()
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
