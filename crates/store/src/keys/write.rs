use domain::{AccountKind, Calendar, VirtualKey};
use kit::{KeyHash, Timestamp};
use serde_json::Value;

use super::{Actor, GET, KeyPatch, KeyRow, Keys, USER_THERE};
use crate::StoreError;
use crate::audit::{Change, Object};
use crate::db::{Tx, on};
use crate::nouns::KEYS_MAX;
use crate::nouns::cells::{Cell, bound};
use crate::policy::Subject;
use crate::sql::statements;

statements! {
    INSERT = "INSERT INTO keys
                (hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
                 max_budget_nano, spend_nano, spend_changed_at, blocked, expires_at, created_at, created_by,
                 updated_at, updated_by, extra, budget_id, project_id, budget_duration,
                 has_other_budgets)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                      $23)";
    // Spend is left to the ledger, which adds to it at any time.
    UPDATE = "UPDATE keys SET alias = $2, user_id = $3, team_id = $4, organization_id = $5, models = $6,
                aliases = $7, metadata = $8, max_budget_nano = $9, blocked = $10, expires_at = $11,
                updated_at = $12, updated_by = $13, extra = $14, budget_id = $15, project_id = $16,
                budget_duration = $17, has_other_budgets = $18
              WHERE hash = $1";
    SHARED_DURATION = "SELECT budget_duration FROM budgets WHERE id = $1";
    SEARCHED = "INSERT INTO key_search (hash, text) VALUES ($1, LOWER(CAST($2 AS TEXT)))
                ON CONFLICT (hash) DO UPDATE SET text = excluded.text WHERE key_search.text <> excluded.text";
    NOT_SEARCHED = "DELETE FROM key_search WHERE hash = $1";
    SET_SPEND = "UPDATE keys SET spend_nano = $2, spend_changed_at = $3 WHERE hash = $1";
    MISSING = "SELECT CASE
                 WHEN CAST($1 AS TEXT) <> 'litellm-dashboard' AND NOT EXISTS (SELECT 1 FROM teams WHERE id = $1) THEN 'team'
                 WHEN CAST($2 AS TEXT) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM organizations WHERE id = $2)
                   THEN 'organization'
                 WHEN CAST($3 AS TEXT) IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM projects WHERE id = $3 AND team_id = $1) THEN 'project'
                 WHEN CAST($4 AS TEXT) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM budgets WHERE id = $4) THEN 'budget'
                 ELSE '' END";
    FORGET_DELETED = "DELETE FROM deleted_keys WHERE hash = $1";
    KEEP_DELETED = "INSERT INTO deleted_keys
                (hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
                 max_budget_nano, spend_nano, blocked, expires_at, created_at, created_by, updated_at,
                 updated_by, extra, deleted_at, deleted_by, replaced_by)
              SELECT hash, name, alias, user_id, team_id, organization_id, models, aliases, metadata,
                 max_budget_nano, spend_nano, blocked, expires_at, created_at, created_by, updated_at,
                 updated_by, extra, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT)
              FROM keys WHERE hash = $1";
    DELETE = "DELETE FROM keys WHERE hash = $1";
    // What is set is what counts, in every window.
    COUNT_ALL = "UPDATE budget_windows SET base_nano = 0 WHERE kind = 'key' AND within = '' AND id = $1";
    MOVE_WINDOWS = "UPDATE budget_windows SET id = $2 WHERE kind = 'key' AND within = '' AND id = $1";
    MOVE_CROSSINGS = "UPDATE budget_crossings SET id = $2 WHERE kind = 'key' AND within = '' AND id = $1";
}

impl Keys<'_> {
    /// Adds a key, its spend included.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash or the alias is taken.
    pub async fn create(&self, key: &VirtualKey, actor: &Actor) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.add_key(key, &self.db.calendar, actor).await?;
        tx.audit_key("created", None, Some(key), actor).await?;
        tx.finish(actor).await
    }

    /// The same while the key's user is there: who is deleted meanwhile gets no key. Returns whether they were.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash or the alias is taken.
    pub async fn create_for_user(&self, key: &VirtualKey, actor: &Actor) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.add_key(key, &self.db.calendar, actor).await?;
        let user = on!(&mut tx, |tx| {
            sqlx::query_scalar::<_, String>(USER_THERE).bind(&key.user_id).fetch_optional(&mut **tx).await
        })?;
        if user.is_none() {
            return Ok(false);
        }
        tx.audit_key("created", None, Some(key), actor).await?;
        tx.finish(actor).await?;
        Ok(true)
    }

    /// Changes a key and returns it as it is then; `None` when there is no such key.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the new alias is taken.
    pub async fn update(
        &self,
        hash: KeyHash,
        patch: KeyPatch,
        actor: &Actor,
    ) -> Result<Option<VirtualKey>, StoreError> {
        let action = match patch.blocked {
            Some(true) => "blocked",
            Some(false) => "unblocked",
            None => "updated",
        };
        let mut tx = self.db.begin().await?;
        // Taken first: it holds off other writers, so that what is read here is what gets changed.
        tx.record_change(hash, action, actor).await?;
        let Some(row) = tx.key(hash).await? else { return Ok(None) };
        let before = VirtualKey::try_from(row)?;
        let mut key = before.clone();
        let spend = patch.spend;
        patch.apply(&mut key);
        (key.updated_at, key.updated_by) = (actor.at, Some(actor.id.clone()));
        if key.extra.get(MODELS) != before.extra.get(MODELS) {
            tx.keep_key_models(&key, &self.db.calendar, actor).await?;
        }
        let (row, old) = (KeyRow::try_from(&key)?, KeyRow::try_from(&before)?);
        // A key may outlive what it once answered to; it gets nothing that is not there.
        if row.owners() != old.owners() {
            tx.check_owners(&row).await?;
        }
        tx.update_key(&row).await?;
        if budgets(&key) != budgets(&before) {
            tx.keep_key_windows(&key, &self.db.calendar, actor).await?;
        }
        if let Some(spend) = spend {
            let spend_at = tx.tick_ledger(actor.at).await?;
            on!(&mut tx, |tx| {
                let query = sqlx::query(SET_SPEND).bind(hash.to_hex()).bind(spend.nano());
                query.bind(spend_at.micros()).execute(&mut **tx).await?;
                sqlx::query(COUNT_ALL).bind(hash.to_hex()).execute(&mut **tx).await?;
            });
        }
        tx.audit_key(action, Some(&before), Some(&key), actor).await?;
        let key = tx.with_window(key).await?;
        tx.commit().await?;
        Ok(Some(key))
    }

    /// # Errors
    /// When the database fails.
    pub async fn set_blocked(
        &self,
        hash: KeyHash,
        blocked: bool,
        actor: &Actor,
    ) -> Result<Option<VirtualKey>, StoreError> {
        let patch = KeyPatch { blocked: Some(blocked), ..KeyPatch::default() };
        self.update(hash, patch, actor).await
    }

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

/// A key that was deleted; one whose row could not be read has none.
pub(crate) type Removed = (KeyHash, Option<VirtualKey>);

/// Entries about keys that were deleted. One whose row cannot be read is deleted all the same.
pub(crate) fn deleted(keys: &[Removed]) -> Result<Vec<Change>, StoreError> {
    let entry = |(hash, key): &Removed| {
        let object = Object {
            table: TABLE,
            id: hash.to_hex(),
            team_id: key.as_ref().and_then(|key| key.team_id.clone()),
            key_hash: Some(*hash),
        };
        let before = key.as_ref().map(facts).transpose()?;
        Ok(Change { action: "deleted", object, before, after: None })
    };
    keys.iter().map(entry).collect()
}

/// The table's name on the compatible surface.
const TABLE: &str = "LiteLLM_VerificationToken";

/// A key's row with the names of the compatible surface.
fn facts(key: &VirtualKey) -> Result<Value, StoreError> {
    let value = serde_json::to_value(key).map_err(|error| StoreError::Other(error.to_string()))?;
    let Value::Object(fields) = value else { return Ok(value) };
    let mut facts = key.extra.clone();
    for (name, value) in fields {
        match name.as_str() {
            "hash" => facts.insert("token".into(), value),
            "name" => facts.insert("key_name".into(), value),
            "alias" => facts.insert("key_alias".into(), value),
            "extra" => None,
            _ => facts.insert(name, value),
        };
    }
    Ok(Value::Object(facts))
}

/// Where a key's budgets per model are kept.
const MODELS: &str = "model_max_budget";

/// What decides which windows a key has.
type Budgets<'k> = (Option<&'k str>, Option<&'k str>, Vec<&'k str>);

fn budgets(key: &VirtualKey) -> Budgets<'_> {
    (shared_budget(key), key.budget_duration(), key.other_durations())
}

/// The shared budget that stands in for a key's own.
fn shared_budget(key: &VirtualKey) -> Option<&str> {
    let id = key.extra.get("budget_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    id.filter(|_| key.max_budget.is_none())
}

impl Tx {
    /// Whether what a key answers to is there.
    async fn check_owners(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        let missing = on!(self, |tx| {
            let query =
                sqlx::query_scalar::<_, String>(MISSING).bind(&row.team_id).bind(&row.organization_id);
            query.bind(&row.project_id).bind(&row.budget_id).fetch_one(&mut **tx).await?
        });
        let names = ["team", "organization", "project", "budget"];
        names.into_iter().find(|name| *name == missing).map_or(Ok(()), |name| Err(StoreError::Missing(name)))
    }

    /// Adds a key and its policy change; the entry in the audit log is left to the caller.
    pub(crate) async fn add_key(
        &mut self,
        key: &VirtualKey,
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let row = KeyRow::try_from(key)?;
        self.record_change(key.hash, "created", actor).await?;
        self.check_owners(&row).await?;
        let spend_at = self.tick_ledger(actor.at).await?;
        self.insert_key(&row, spend_at.micros()).await?;
        if key.extra.contains_key(MODELS) {
            self.keep_key_models(key, calendar, actor).await?;
        }
        if budgets(key) == Budgets::default() {
            Ok(())
        } else {
            self.keep_key_windows(key, calendar, actor).await
        }
    }

    /// Makes a key's budgets per model those that it has now.
    async fn keep_key_models(
        &mut self,
        key: &VirtualKey,
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let models = key.model_budgets().map_err(StoreError::Other)?;
        self.keep_model_budgets(AccountKind::KeyModel, &key.hash.to_hex(), &models, calendar, actor).await
    }

    /// Makes a key's windows those of the budgets that it has now.
    async fn keep_key_windows(
        &mut self,
        key: &VirtualKey,
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let shared: Option<String> = match shared_budget(key) {
            Some(id) => on!(&mut *self, |tx| {
                let query = sqlx::query_scalar::<_, Option<String>>(SHARED_DURATION).bind(id);
                query.fetch_optional(&mut **tx).await?.flatten()
            }),
            None => None,
        };
        let main = shared.as_deref().or(key.budget_duration());
        self.keep_windows(Subject::Key(key.hash), main, &key.other_durations(), calendar, actor.at).await
    }

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

    /// A key with the window that it has now.
    async fn with_window(&mut self, mut key: VirtualKey) -> Result<VirtualKey, StoreError> {
        if key.window.is_some() || budgets(&key) != Budgets::default() {
            key.window = self.key(key.hash).await?.and_then(|row| VirtualKey::try_from(row).ok()?.window);
        }
        Ok(key)
    }

    async fn key(&mut self, hash: KeyHash) -> Result<Option<KeyRow>, StoreError> {
        Ok(on!(self, |tx| {
            sqlx::query_as::<_, KeyRow>(GET).bind(hash.to_hex()).fetch_optional(&mut **tx).await
        })?)
    }

    pub(crate) async fn audit_deleted(&mut self, keys: &[Removed], actor: &Actor) -> Result<(), StoreError> {
        for change in deleted(keys)? {
            self.audit(change, actor).await?;
        }
        Ok(())
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

    /// An entry about a key is found by the hash it had before and, in `key_hash`, by the one it has now.
    pub(crate) async fn audit_key(
        &mut self,
        action: &'static str,
        before: Option<&VirtualKey>,
        after: Option<&VirtualKey>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let Some(key) = after.or(before) else { return Ok(()) };
        let object = Object {
            table: TABLE,
            id: before.unwrap_or(key).hash.to_hex(),
            team_id: key.team_id.clone(),
            key_hash: Some(key.hash),
        };
        let (before, after) = (before.map(facts).transpose()?, after.map(facts).transpose()?);
        self.audit(Change { action, object, before, after }, actor).await
    }

    async fn insert_key(&mut self, row: &KeyRow, spend_changed_at: i64) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(INSERT)
                .bind(&row.hash)
                .bind(&row.name)
                .bind(&row.alias)
                .bind(&row.user_id)
                .bind(&row.team_id)
                .bind(&row.organization_id)
                .bind(&row.models)
                .bind(&row.aliases)
                .bind(&row.metadata)
                .bind(row.max_budget_nano)
                .bind(row.spend_nano)
                .bind(spend_changed_at)
                .bind(row.blocked)
                .bind(row.expires_at)
                .bind(row.created_at)
                .bind(&row.created_by)
                .bind(row.updated_at)
                .bind(&row.updated_by)
                .bind(&row.extra)
                .bind(&row.budget_id)
                .bind(&row.project_id)
                .bind(&row.budget_duration)
                .bind(row.has_other_budgets)
                .execute(&mut **tx)
                .await
                .map(|_| ())
        })?;
        self.make_searched(row).await
    }

    /// Keeps what a key is searched by.
    async fn make_searched(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        let text = [of(&row.alias), of(&row.user_id), of(&row.team_id)].join(" ~ ");
        on!(self, |tx| {
            sqlx::query(SEARCHED).bind(&row.hash).bind(&text).execute(&mut **tx).await?;
        });
        Ok(())
    }

    async fn update_key(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(UPDATE)
                .bind(&row.hash)
                .bind(&row.alias)
                .bind(&row.user_id)
                .bind(&row.team_id)
                .bind(&row.organization_id)
                .bind(&row.models)
                .bind(&row.aliases)
                .bind(&row.metadata)
                .bind(row.max_budget_nano)
                .bind(row.blocked)
                .bind(row.expires_at)
                .bind(row.updated_at)
                .bind(&row.updated_by)
                .bind(&row.extra)
                .bind(&row.budget_id)
                .bind(&row.project_id)
                .bind(&row.budget_duration)
                .bind(row.has_other_budgets)
                .execute(&mut **tx)
                .await
                .map(|_| ())
        })?;
        self.make_searched(row).await
    }

    async fn delete_key(
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
