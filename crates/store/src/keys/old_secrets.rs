//! Secrets that keys had before, and that open them for a while yet. Gateways know them as accounts.

use domain::VirtualKey;
use kit::{KeyHash, Timestamp};

use super::{KeyRow, Keys, key_columns, live_key_columns};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Tx, on};
use crate::policy::Subject;
use crate::sql::statements;

/// Most old secrets of one key that may open it at a time.
pub const OLD_SECRETS_MAX: usize = 8;
/// Ended ones that are removed at one look.
const ENDED_AT_ONCE_MAX: i64 = 200;

statements! {
    OPENED = concat!("SELECT ", key_columns!(), live_key_columns!(), " FROM old_secrets o JOIN keys k ON k.hash = o.key_hash
              WHERE o.hash = $1 AND o.ends_at > CAST($2 AS BIGINT)");
    OF_KEY = "SELECT hash FROM old_secrets WHERE key_hash = $1";
    ENDED = "SELECT hash FROM old_secrets WHERE ends_at <= $1 ORDER BY ends_at LIMIT CAST($2 AS BIGINT)";
    DROP_ENDED = "DELETE FROM old_secrets WHERE hash = $1 AND ends_at <= CAST($2 AS BIGINT)";
    DROP = "DELETE FROM old_secrets WHERE hash = $1";
    PUT = "INSERT INTO old_secrets (hash, key_hash, ends_at) VALUES ($1, $2, $3)
           ON CONFLICT (hash) DO UPDATE SET key_hash = excluded.key_hash, ends_at = excluded.ends_at";
    MOVE = "UPDATE old_secrets SET key_hash = $2 WHERE key_hash = $1";
}

impl Keys<'_> {
    /// The key that an old secret opens at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn opened_by(&self, old: KeyHash, now: Timestamp) -> Result<Option<VirtualKey>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_as::<_, KeyRow>(OPENED).bind(old.to_hex()).bind(now.micros());
            query.fetch_optional(pool).await?
        });
        row.map(VirtualKey::try_from).transpose()
    }

    /// Removes old secrets that open nothing any more; how many is bounded, ask again while it is not zero.
    ///
    /// # Errors
    /// When the database fails; what was removed stays so.
    pub async fn drop_old_secrets(&self, actor: &Actor) -> Result<usize, StoreError> {
        let ended = on!(self.db.fresh(), |pool| {
            let query =
                sqlx::query_scalar::<_, String>(ENDED).bind(actor.at.micros()).bind(ENDED_AT_ONCE_MAX);
            query.fetch_all(pool).await?
        });
        for hash in &ended {
            let mut tx = self.db.begin().await?;
            tx.record_change(Subject::OldSecret(hash), "ended", actor).await?;
            on!(&mut tx, |tx| {
                let drop = sqlx::query(DROP_ENDED).bind(hash).bind(actor.at.micros());
                drop.execute(&mut **tx).await?;
            });
            tx.commit().await?;
        }
        Ok(ended.len())
    }
}

impl Tx {
    /// Lets the secrets before `old` open `new`, and `old` too until `grace`.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when they are more than [`OLD_SECRETS_MAX`].
    pub(super) async fn keep_old_secrets(
        &mut self,
        old: KeyHash,
        new: KeyHash,
        grace: Option<Timestamp>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let (old, new) = (old.to_hex(), new.to_hex());
        let mut secrets = self.old_secrets(&old).await?;
        if let Some(ends) = grace {
            if secrets.len() >= OLD_SECRETS_MAX {
                return Err(StoreError::TooMany("old secrets of a key"));
            }
            on!(&mut *self, |tx| {
                sqlx::query(PUT).bind(&old).bind(&new).bind(ends.micros()).execute(&mut **tx).await?;
            });
            secrets.push(old.clone());
        }
        on!(&mut *self, |tx| {
            sqlx::query(MOVE).bind(&old).bind(&new).execute(&mut **tx).await?;
        });
        for secret in &secrets {
            self.record_change(Subject::OldSecret(secret), "rotated", actor).await?;
        }
        Ok(())
    }

    /// For a key that is deleted.
    pub(super) async fn forget_old_secrets(&mut self, key: KeyHash, actor: &Actor) -> Result<(), StoreError> {
        for secret in self.old_secrets(&key.to_hex()).await? {
            self.record_change(Subject::OldSecret(&secret), "deleted", actor).await?;
            on!(&mut *self, |tx| {
                sqlx::query(DROP).bind(&secret).execute(&mut **tx).await?;
            });
        }
        Ok(())
    }

    async fn old_secrets(&mut self, key: &str) -> Result<Vec<String>, StoreError> {
        Ok(on!(self, |tx| sqlx::query_scalar(OF_KEY).bind(key).fetch_all(&mut **tx).await?))
    }
}
