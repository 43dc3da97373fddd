use domain::{AccountKind, Calendar, VirtualKey};
use kit::KeyHash;
use serde_json::Value;

use super::{Actor, GET, KeyPatch, KeyRow, Keys, USER_THERE};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::policy::Subject;
use crate::sql::statements;

statements! {
    SHARED_DURATION = "SELECT budget_duration FROM budgets WHERE id = $1";
    SET_SPEND = "UPDATE keys SET spend_nano = $2, spend_changed_at = $3 WHERE hash = $1";
    MISSING = "SELECT CASE
                 WHEN CAST($1 AS TEXT) <> 'litellm-dashboard' AND NOT EXISTS (SELECT 1 FROM teams WHERE id = $1) THEN 'team'
                 WHEN CAST($2 AS TEXT) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM organizations WHERE id = $2)
                   THEN 'organization'
                 WHEN CAST($3 AS TEXT) IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM projects WHERE id = $3 AND team_id = $1) THEN 'project'
                 WHEN CAST($4 AS TEXT) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM budgets WHERE id = $4) THEN 'budget'
                 ELSE '' END";
    // What is set is what counts, in every window.
    COUNT_ALL = "UPDATE budget_windows SET base_nano = 0 WHERE kind = 'key' AND within = '' AND id = $1";
}

impl Keys<'_> {
    /// Adds a key, its spend included, and returns it with the time of its budget: until the actor's receipt is settled
    /// nobody else can read that.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash or the alias is taken.
    pub async fn create(&self, key: &VirtualKey, actor: &Actor) -> Result<VirtualKey, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.add_key(key, &self.db.calendar, actor).await?;
        tx.audit_key("created", None, Some(key), actor).await?;
        let made = tx.with_window(key.clone()).await?;
        tx.finish(actor).await?;
        Ok(made)
    }

    /// The same while the key's user is there: who is deleted meanwhile gets no key, and `None` is returned.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the hash or the alias is taken.
    pub async fn create_for_user(
        &self,
        key: &VirtualKey,
        actor: &Actor,
    ) -> Result<Option<VirtualKey>, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.add_key(key, &self.db.calendar, actor).await?;
        let user = on!(&mut tx, |tx| {
            sqlx::query_scalar::<_, String>(USER_THERE).bind(&key.user_id).fetch_optional(&mut **tx).await
        })?;
        if user.is_none() {
            return Ok(None);
        }
        tx.audit_key("created", None, Some(key), actor).await?;
        let made = tx.with_window(key.clone()).await?;
        tx.finish(actor).await?;
        Ok(Some(made))
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
}

/// Where a key's budgets per model are kept.
pub(super) const MODELS: &str = "model_max_budget";

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
    pub(super) async fn keep_key_models(
        &mut self,
        key: &VirtualKey,
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let models = key.model_budgets().map_err(StoreError::Other)?;
        self.keep_model_budgets(AccountKind::KeyModel, &key.hash.to_hex(), &models, calendar, actor).await
    }

    /// Makes a key's windows those of the budgets that it has now.
    pub(super) async fn keep_key_windows(
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

    /// A key with the window that it has now.
    pub(super) async fn with_window(&mut self, mut key: VirtualKey) -> Result<VirtualKey, StoreError> {
        if key.window.is_some() || budgets(&key) != Budgets::default() {
            key.window = self.key(key.hash).await?.and_then(|row| VirtualKey::try_from(row).ok()?.window);
        }
        Ok(key)
    }

    pub(crate) async fn key(&mut self, hash: KeyHash) -> Result<Option<KeyRow>, StoreError> {
        Ok(on!(self, |tx| {
            sqlx::query_as::<_, KeyRow>(GET).bind(hash.to_hex()).fetch_optional(&mut **tx).await
        })?)
    }
}
