use domain::{AccountKind, Calendar, Role, User, VirtualKey};
use kit::{KeyHash, Money, Timestamp};
use serde_json::{Map, Value};

use super::row::UserRow;
use super::{BY_EMAIL, GET, Users, change};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Tx, on};
use crate::invitations::Invitation;
use crate::keys::{merge, set, to_json};
use crate::nouns::{NewMember, Write};
use crate::policy::{Subject, amount};
use crate::sql::statements;

statements! {
    INSERT = "INSERT INTO users (id, email, email_key, alias, role, sso_id, password_hash, models, metadata,
                max_budget_nano, spend_base_nano, created_at, created_by, updated_at, updated_by, extra, budget_duration,
                soft_budget_nano, budget_limits)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                COALESCE((SELECT spend_nano FROM running_totals WHERE kind = 'user' AND within = '' AND id = $1), 0)
                  - CAST($11 AS BIGINT),
                $12, $13, $14, $15, $16, $17, $18, $19)";
    // Also takes the row's lock, so that what is read next is what gets changed.
    LOCK = "UPDATE users SET updated_at = updated_at WHERE id = $1";
    UPDATE = "UPDATE users SET email = $2, email_key = $3, alias = $4, role = $5, sso_id = $6, models = $7,
                metadata = $8, max_budget_nano = $9, updated_at = $10, updated_by = $11, extra = $12,
                budget_duration = $13, soft_budget_nano = $14, budget_limits = $15
              WHERE id = $1";
    SET_SPEND = "UPDATE users SET spend_base_nano =
                COALESCE((SELECT spend_nano FROM running_totals WHERE kind = 'user' AND within = '' AND id = $1), 0)
                  - CAST($2 AS BIGINT)
              WHERE id = $1";
    SET_BASES = "UPDATE budget_windows SET base_nano = (SELECT spend_base_nano FROM users WHERE id = $1)
                 WHERE kind = 'user' AND within = '' AND id = $1";
    SET_PASSWORD = "UPDATE users SET password_hash = $2 WHERE id = $1";
    END_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2";
    KEYS_OF = "SELECT hash FROM keys WHERE user_id = $1 ORDER BY hash LIMIT CAST($2 AS BIGINT)";
    DELETE = "DELETE FROM users WHERE id = $1";
}

/// What to change of a user. `None` leaves a field as it is; an inner `None` clears it.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    pub email: Option<Option<String>>,
    pub alias: Option<Option<String>>,
    pub role: Option<Role>,
    pub sso_id: Option<Option<String>>,
    pub models: Option<Vec<String>>,
    pub metadata: Option<Map<String, Value>>,
    pub max_budget: Option<Option<Money>>,
    pub spend: Option<Money>,
    /// Hash of the new password. Ends the user's sessions, but for `keep_session`.
    pub password_hash: Option<String>,
    pub keep_session: Option<KeyHash>,
    /// Set one by one; null removes.
    pub extra: Map<String, Value>,
}

/// Where a new user is a member from the beginning, and how they may come in.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub teams: Vec<(String, NewMember)>,
    /// With the role.
    pub organizations: Vec<(String, (NewMember, String))>,
    /// Their invitation.
    pub invitation: Option<Invitation>,
}

impl UserPatch {
    /// Makes the changes, but for the password.
    pub fn apply(self, user: &mut User) {
        set(&mut user.email, self.email);
        set(&mut user.alias, self.alias);
        set(&mut user.role, self.role);
        set(&mut user.sso_id, self.sso_id);
        set(&mut user.models, self.models);
        set(&mut user.metadata, self.metadata);
        set(&mut user.max_budget, self.max_budget);
        set(&mut user.spend, self.spend);
        merge(&mut user.extra, self.extra);
    }
}

impl Users<'_> {
    /// Adds a user with the places that they have in teams and organisations, and a first key. Returns when their budget
    /// begins anew: until the actor's receipt is settled nobody else can read that.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id, the address or the key's alias is taken, [`StoreError::Missing`] when a team
    /// or an organisation is not there; then nothing is added.
    pub async fn create(
        &self,
        user: &User,
        password_hash: Option<&str>,
        key: Option<&VirtualKey>,
        places: &Places,
        actor: &Actor,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        write.tx.record_change(Subject::User(&user.id), "created", actor).await?;
        if let Some(key) = key {
            write.tx.add_key(key, &self.db.calendar, actor).await?;
        }
        write.tx.insert_user(user, password_hash).await?;
        write.tx.keep_user_windows(user, &self.db.calendar, actor).await?;
        write.tx.keep_user_models(user, &self.db.calendar, actor).await?;
        write.entry(change("created", None, Some(user), password_hash.is_some())?);
        for (team, member) in &places.teams {
            write.add_members(team, std::slice::from_ref(member)).await?;
        }
        for (organization, member) in &places.organizations {
            write.add_organization_members(organization, std::slice::from_ref(member)).await?;
        }
        if let Some(invitation) = &places.invitation {
            write.tx.add_invitation(invitation).await?;
            write.entry(crate::invitations::change("created", None, Some(invitation))?);
        }
        if let Some(key) = key {
            write.tx.audit_key("created", None, Some(key), actor).await?;
        }
        let made = write.tx.find_user(Some(&user.id), None).await?;
        write.finish().await?;
        Ok(made.and_then(|made| made.resets_at))
    }

    /// Changes a user and returns them as they are then; `None` when there is no such user.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the new address is taken.
    pub async fn update(
        &self,
        id: &str,
        patch: UserPatch,
        actor: &Actor,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::User(id), "updated", actor).await?;
        let Some(before) = tx.lock_user(id).await? else { return Ok(None) };
        let (spend, password, keep) = (patch.spend, patch.password_hash.clone(), patch.keep_session);
        let mut user = before.clone();
        patch.apply(&mut user);
        (user.updated_at, user.updated_by) = (actor.at, Some(actor.id.clone()));
        tx.update_user(&user).await?;
        if budgets(&user) != budgets(&before) {
            tx.keep_user_windows(&user, &self.db.calendar, actor).await?;
        }
        tx.keep_user_models(&user, &self.db.calendar, actor).await?;
        if spend.is_some() {
            tx.tick_ledger(actor.at).await?;
        }
        on!(&mut tx, |tx| {
            if let Some(spend) = spend {
                sqlx::query(SET_SPEND).bind(id).bind(spend.nano()).execute(&mut **tx).await?;
                sqlx::query(SET_BASES).bind(id).execute(&mut **tx).await?;
            }
        });
        if let Some(hash) = &password {
            tx.set_password(id, hash, keep).await?;
        }
        tx.audit_user("updated", Some(&before), Some(&user), password.is_some(), actor).await?;
        if let Some(now) = tx.find_user(Some(id), None).await? {
            (user.spend, user.resets_at) = (now.spend, now.resets_at);
        }
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Deletes users with their keys and sessions; returns how many users there were.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] when a user has more than [`KEYS_MAX`] keys; then nobody is deleted.
    pub async fn delete(&self, ids: &[String], actor: &Actor) -> Result<u64, StoreError> {
        // Nobody makes a key meanwhile, so that no key of these users is left.
        let mut write = Write::begin(self.db, actor).await?;
        let mut deleted = 0;
        for id in ids {
            write.delete_keys(KEYS_OF, &[id.into()]).await?;
            for member in write.memberships(id).await? {
                write.delete(&member).await?;
            }
            for member in write.organization_memberships(id).await? {
                write.delete(&member).await?;
            }
            let Some(user) = write.tx.lock_user(id).await? else { continue };
            write.tx.record_change(Subject::User(id), "deleted", actor).await?;
            write.tx.forget_invitation(id).await?;
            write.tx.drop_windows(Subject::User(id)).await?;
            write.tx.drop_model_budgets(AccountKind::UserModel, id, actor).await?;
            on!(&mut write.tx, |tx| {
                sqlx::query(END_SESSIONS).bind(id).bind("").execute(&mut **tx).await?;
                sqlx::query(DELETE).bind(id).execute(&mut **tx).await?;
            });
            write.entry(change("deleted", Some(&user), None, false)?);
            deleted += 1;
        }
        write.finish().await?;
        Ok(deleted)
    }
}

/// What decides which windows a user has: the times of their main budget, and of others.
fn budgets(user: &User) -> (Option<&str>, Vec<&str>) {
    (user.budget_duration(), user.other_durations())
}

/// Columns that are written out of `extra`: the time of the budget, the soft one, and several at once.
fn columns(user: &User) -> Result<(Option<&str>, Option<i64>, String), StoreError> {
    let soft = user.extra.get("soft_budget").map(amount).transpose()?.flatten();
    let limits = user.extra.get("budget_limits").map_or_else(|| Ok("[]".into()), to_json)?;
    Ok((user.budget_duration(), soft.map(Money::nano), limits))
}

impl Tx {
    /// Makes a user's windows those of the budgets that they have now.
    async fn keep_user_windows(
        &mut self,
        user: &User,
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let (main, others) = budgets(user);
        self.keep_windows(Subject::User(&user.id), main, &others, calendar, actor.at).await
    }

    /// The same of budgets per model.
    async fn keep_user_models(
        &mut self,
        user: &User,
        calendar: &Calendar,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let models = user.model_budgets().map_err(StoreError::Other)?;
        self.keep_model_budgets(AccountKind::UserModel, &user.id, &models, calendar, actor).await
    }

    async fn lock_user(&mut self, id: &str) -> Result<Option<User>, StoreError> {
        let row = on!(self, |tx| {
            sqlx::query(LOCK).bind(id).execute(&mut **tx).await?;
            sqlx::query_as::<_, UserRow>(GET).bind(id).fetch_optional(&mut **tx).await?
        });
        row.map(User::try_from).transpose()
    }

    /// Ends the user's sessions as well, but for `keep`.
    pub(crate) async fn set_password(
        &mut self,
        id: &str,
        hash: &str,
        keep: Option<KeyHash>,
    ) -> Result<(), StoreError> {
        let kept = keep.map(KeyHash::to_hex).unwrap_or_default();
        on!(self, |tx| {
            sqlx::query(SET_PASSWORD).bind(id).bind(hash).execute(&mut **tx).await?;
            sqlx::query(END_SESSIONS).bind(id).bind(kept).execute(&mut **tx).await?;
        });
        Ok(())
    }

    /// By id, else by address.
    pub(crate) async fn find_user(
        &mut self,
        id: Option<&str>,
        email: Option<&str>,
    ) -> Result<Option<User>, StoreError> {
        let (text, name) = match (id, email) {
            (Some(id), _) => (GET, id.to_owned()),
            (None, Some(email)) => (BY_EMAIL, email.to_lowercase()),
            (None, None) => return Ok(None),
        };
        let row = on!(self, |tx| {
            sqlx::query_as::<_, UserRow>(text).bind(name).fetch_optional(&mut **tx).await?
        });
        row.map(User::try_from).transpose()
    }

    pub(crate) async fn insert_user(
        &mut self,
        user: &User,
        password_hash: Option<&str>,
    ) -> Result<(), StoreError> {
        let (models, metadata, extra) =
            (to_json(&user.models)?, to_json(&user.metadata)?, to_json(&user.extra)?);
        let (duration, soft, limits) = columns(user)?;
        on!(self, |tx| {
            sqlx::query(INSERT)
                .bind(&user.id)
                .bind(&user.email)
                .bind(user.email.as_ref().map(|email| email.to_lowercase()))
                .bind(&user.alias)
                .bind(user.role.name())
                .bind(&user.sso_id)
                .bind(password_hash)
                .bind(&models)
                .bind(&metadata)
                .bind(user.max_budget.map(Money::nano))
                .bind(user.spend.nano())
                .bind(user.created_at.micros())
                .bind(&user.created_by)
                .bind(user.updated_at.micros())
                .bind(&user.updated_by)
                .bind(&extra)
                .bind(duration)
                .bind(soft)
                .bind(&limits)
                .execute(&mut **tx)
                .await
                .map(|_| ())
        })?;
        Ok(())
    }

    async fn update_user(&mut self, user: &User) -> Result<(), StoreError> {
        let (models, metadata, extra) =
            (to_json(&user.models)?, to_json(&user.metadata)?, to_json(&user.extra)?);
        let (duration, soft, limits) = columns(user)?;
        on!(self, |tx| {
            sqlx::query(UPDATE)
                .bind(&user.id)
                .bind(&user.email)
                .bind(user.email.as_ref().map(|email| email.to_lowercase()))
                .bind(&user.alias)
                .bind(user.role.name())
                .bind(&user.sso_id)
                .bind(&models)
                .bind(&metadata)
                .bind(user.max_budget.map(Money::nano))
                .bind(user.updated_at.micros())
                .bind(&user.updated_by)
                .bind(&extra)
                .bind(duration)
                .bind(soft)
                .bind(&limits)
                .execute(&mut **tx)
                .await
                .map(|_| ())
        })?;
        Ok(())
    }

    async fn audit_user(
        &mut self,
        action: &'static str,
        before: Option<&User>,
        after: Option<&User>,
        password: bool,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        self.audit(change(action, before, after, password)?, actor).await
    }
}
