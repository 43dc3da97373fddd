//! Deletes keys, and keeps what they were.

use domain::{AccountKind, VirtualKey};
use kit::KeyHash;

use super::{Actor, Keys};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::nouns::KEYS_MAX;
use crate::nouns::cells::{Cell, bound};
use crate::policy::Subject;
use crate::sql::statements;

statements! {
    FORGET_DELETED = "DELETE FROM deleted_keys WHERE hash = $1";
    KEEP_DELETED = "INSERT INTO deleted_keys
                (hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
                 max_budget_nano, spend_nano, blocked, expires_at, created_at, created_by, updated_at,
                 updated_by, extra, deleted_at, deleted_by, replaced_by)
              SELECT hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
                 max_budget_nano, spend_nano, blocked, expires_at, created_at, created_by, updated_at,
                 updated_by, extra, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT)
              FROM keys WHERE hash = $1";
    NOT_SEARCHED = "DELETE FROM key_search WHERE hash = $1";
    DELETE = "DELETE FROM keys WHERE hash = $1";
}

/// A key that was deleted; one whose row could not be read has none.
pub(crate) type Removed = (KeyHash, Option<VirtualKey>);

impl Keys<'_> {
    /// Deletes keys and keeps what they were; returns those that were there.
    ///
    /// # Errors
    /// When the database fails; then none is deleted.
    pub async fn delete(&self, hashes: &[KeyHash], actor: &Actor) -> Result<Vec<KeyHash>, StoreError> {
        let mut tx = self.db.begin().await?;
        let deleted = tx.remove_keys(hashes, actor).await?;
        if deleted.is_empty() {
            return Ok(Vec::new());
        }
        tx.audit_deleted(&deleted, actor).await?;
        tx.commit().await?;
        Ok(deleted.into_iter().map(|(hash, _)| hash).collect())
    }
}

impl Tx {
    /// Deletes keys and returns those that were there; the entries in the audit log are left to the caller.
    pub(crate) async fn remove_keys(
        &mut self,
        hashes: &[KeyHash],
        actor: &Actor,
    ) -> Result<Vec<Removed>, StoreError> {
        for hash in hashes {
            self.record_change(*hash, "deleted", actor).await?;
        }
        // Holds off shippers, which lock many keys in an order of their own.
        self.tick_ledger(actor.at).await?;
        let mut deleted = Vec::new();
        for hash in hashes {
            let key = match self.key(*hash).await {
                Ok(row) => row.and_then(|row| VirtualKey::try_from(row).ok()),
                Err(StoreError::Corrupt { .. }) => None,
                Err(error) => return Err(error),
            };
            if self.delete_key(*hash, None, actor).await? {
                self.drop_windows(Subject::Key(*hash)).await?;
                self.forget_old_secrets(*hash, actor).await?;
                self.drop_model_budgets(AccountKind::KeyModel, &hash.to_hex(), actor).await?;
                deleted.push((*hash, key));
            }
        }
        Ok(deleted)
    }

    /// The hashes that a statement finds, with a limit as its last value.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when they are more than [`KEYS_MAX`].
    pub(crate) async fn hashes(
        &mut self,
        statement: &'static str,
        of: &[Cell],
    ) -> Result<Vec<KeyHash>, StoreError> {
        let hashes = on!(self, |tx| {
            let query = bound!(sqlx::query_scalar::<_, String>(statement), of);
            query.bind(i64::from(KEYS_MAX) + 1).fetch_all(&mut **tx).await
        })?;
        if hashes.len() > KEYS_MAX as usize {
            return Err(StoreError::TooMany("keys at once"));
        }
        let parse = |hash: String| hash.parse().map_err(|error| StoreError::corrupt("keys.hash", error));
        hashes.into_iter().map(parse).collect()
    }

    pub(super) async fn delete_key(
        &mut self,
        hash: KeyHash,
        successor: Option<KeyHash>,
        actor: &Actor,
    ) -> Result<bool, StoreError> {
        let (hash, successor) = (hash.to_hex(), successor.map(KeyHash::to_hex));
        Ok(on!(self, |tx| {
            // A key may come back under the same secret and be deleted again.
            sqlx::query(FORGET_DELETED).bind(&hash).execute(&mut **tx).await?;
            let keep = sqlx::query(KEEP_DELETED).bind(&hash).bind(actor.at.micros()).bind(&actor.id);
            keep.bind(&successor).execute(&mut **tx).await?;
            sqlx::query(NOT_SEARCHED).bind(&hash).execute(&mut **tx).await?;
            sqlx::query(DELETE).bind(&hash).execute(&mut **tx).await?.rows_affected() > 0
        }))
    }
}
