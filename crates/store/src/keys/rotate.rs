//! A new secret for a key.

use domain::VirtualKey;
use kit::{KeyHash, Timestamp};

use super::write::MODELS;
use super::{Actor, KeyPatch, KeyRow, Keys};
use crate::StoreError;
use crate::db::on;
use crate::sql::statements;

statements! {
    MOVE_WINDOWS = "UPDATE budget_windows SET id = $2 WHERE kind = 'key' AND within = '' AND id = $1";
    MOVE_CROSSINGS = "UPDATE budget_crossings SET id = $2 WHERE kind = 'key' AND within = '' AND id = $1";
}

/// The secret that takes another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    pub hash: KeyHash,
    /// As [`VirtualKey::name`].
    pub name: String,
    /// Until then the old secret opens the key too; it is in the future.
    pub grace: Option<Timestamp>,
}

impl From<(KeyHash, String)> for Replacement {
    fn from((hash, name): (KeyHash, String)) -> Self {
        Self { hash, name, grace: None }
    }
}

impl Keys<'_> {
    /// Gives a key a new secret: the row moves to its hash, spend and age included, and the old secret is dead, at
    /// once or at the end of its grace. `None` when there is no such key.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the new hash or alias is taken.
    pub async fn regenerate(
        &self,
        hash: KeyHash,
        replacement: impl Into<Replacement>,
        patch: KeyPatch,
        actor: &Actor,
    ) -> Result<Option<VirtualKey>, StoreError> {
        let Replacement { hash: new, name, grace } = replacement.into();
        let mut tx = self.db.begin().await?;
        tx.record_change(hash, "rotated", actor).await?;
        tx.record_change(new, "created", actor).await?;
        tx.keep_old_secrets(hash, new, grace, actor).await?;
        let spend_at = tx.tick_ledger(actor.at).await?;
        let Some(row) = tx.key(hash).await? else { return Ok(None) };
        let before = VirtualKey::try_from(row)?;
        let mut key = before.clone();
        patch.apply(&mut key);
        (key.hash, key.name) = (new, name);
        (key.updated_at, key.updated_by) = (actor.at, Some(actor.id.clone()));
        if before.extra.contains_key(MODELS) {
            tx.move_model_budgets(&hash.to_hex(), &key.hash.to_hex(), actor).await?;
        }
        if key.extra.get(MODELS) != before.extra.get(MODELS) {
            tx.keep_key_models(&key, &self.db.calendar, actor).await?;
        }
        tx.delete_key(hash, Some(key.hash), actor).await?;
        tx.insert_key(&KeyRow::try_from(&key)?, spend_at.micros()).await?;
        on!(&mut tx, |tx| {
            for moving in [MOVE_WINDOWS, MOVE_CROSSINGS] {
                let moving = sqlx::query(moving).bind(hash.to_hex()).bind(key.hash.to_hex());
                moving.execute(&mut **tx).await?;
            }
        });
        tx.keep_key_windows(&key, &self.db.calendar, actor).await?;
        tx.audit_key("rotated", Some(&before), Some(&key), actor).await?;
        let key = tx.with_window(key).await?;
        tx.commit().await?;
        Ok(Some(key))
    }
}
