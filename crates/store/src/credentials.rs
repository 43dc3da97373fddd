//! Credentials: values that deployments share, sealed.

use domain::Credential;
use kit::Timestamp;
use serde_json::{Map, Value, json};

use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx, on};
use crate::keys::{from_json, merge, set, to_json};
use crate::policy::Subject;
use crate::sql::statements;
use crate::vault::Vault;

/// Credentials there can be: gateways hold all of them in memory.
pub const CREDENTIALS_MAX: i64 = 1_000;

macro_rules! select {
    () => {
        "SELECT name, id, display_name, info, sealed, created_at, created_by, updated_at, updated_by FROM credentials "
    };
}

statements! {
    GET = concat!(select!(), "WHERE name = $1");
    LIST = concat!(select!(), "ORDER BY name LIMIT CAST($1 AS BIGINT)");
    COUNT = "SELECT COUNT(*) FROM credentials";
    INSERT = "INSERT INTO credentials
                (name, id, display_name, info, sealed, created_at, created_by, updated_at, updated_by)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    UPDATE = "UPDATE credentials SET display_name = $2, info = $3, sealed = $4, updated_at = $5, updated_by = $6
              WHERE name = $1";
    DELETE = "DELETE FROM credentials WHERE name = $1";
    USER_OF = "SELECT id FROM models WHERE credential_name = $1 ORDER BY id LIMIT 1";
}

/// The table's name on the compatible surface.
pub(crate) const TABLE: &str = "LiteLLM_CredentialsTable";

/// What is stored, and what of it cannot be read.
#[derive(Debug)]
pub struct Shelf<T> {
    pub rows: Vec<T>,
    /// By id or name, with the reason.
    pub unreadable: Vec<(String, StoreError)>,
}

/// What to change of a credential. `None` leaves a field as it is; an inner `None` clears it.
#[derive(Clone, Debug, Default)]
pub struct CredentialPatch {
    pub display_name: Option<Option<String>>,
    /// Set one by one; null removes.
    pub info: Map<String, Value>,
    /// Set one by one; null removes.
    pub values: Map<String, Value>,
}

/// What became of a credential that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    Done,
    Missing,
    /// This model has its parameters from it.
    UsedBy(String),
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    id: String,
    display_name: Option<String>,
    info: String,
    sealed: String,
    created_at: i64,
    created_by: Option<String>,
    updated_at: i64,
    updated_by: Option<String>,
}

pub struct Credentials<'a> {
    pub(crate) db: &'a Db,
    pub(crate) vault: &'a Vault,
}

impl Credentials<'_> {
    /// # Errors
    /// When the database fails, or the row cannot be read.
    pub async fn get(&self, name: &str) -> Result<Option<Credential>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, Row>(GET).bind(name).fetch_optional(pool).await
        })?;
        row.map(|row| row.read(self.vault)).transpose()
    }

    /// All credentials by name, [`CREDENTIALS_MAX`] at most.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Shelf<Credential>, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, Row>(LIST).bind(CREDENTIALS_MAX).fetch_all(pool).await
        })?;
        Ok(Shelf::read(rows, |row| (row.name.clone(), row.read(self.vault))))
    }

    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken, [`StoreError::TooMany`] when there are
    /// [`CREDENTIALS_MAX`] already.
    pub async fn create(&self, credential: &Credential, actor: &Actor) -> Result<(), StoreError> {
        let (info, sealed) = (to_json(&credential.info)?, seal(self.vault, credential)?);
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::Credential(&credential.name), "created", actor).await?;
        on!(&mut tx, |tx| {
            if sqlx::query_scalar::<_, i64>(COUNT).fetch_one(&mut **tx).await? >= CREDENTIALS_MAX {
                return Err(StoreError::TooMany("credentials"));
            }
            sqlx::query(INSERT)
                .bind(&credential.name)
                .bind(&credential.id)
                .bind(&credential.display_name)
                .bind(&info)
                .bind(&sealed)
                .bind(credential.created_at.micros())
                .bind(&credential.created_by)
                .bind(credential.updated_at.micros())
                .bind(&credential.updated_by)
                .execute(&mut **tx)
                .await?;
        });
        tx.audit_credential("created", None, Some(credential), &credential.name, actor).await?;
        tx.finish(actor).await
    }

    /// Changes a credential and returns it as it is then; `None` when there is no such credential.
    ///
    /// # Errors
    /// When the database fails, or the row cannot be read.
    pub async fn update(
        &self,
        name: &str,
        patch: CredentialPatch,
        actor: &Actor,
    ) -> Result<Option<Credential>, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::Credential(name), "updated", actor).await?;
        let Some(row) = tx.credential(name).await? else { return Ok(None) };
        let before = row.read(self.vault)?;
        let mut credential = before.clone();
        set(&mut credential.display_name, patch.display_name);
        merge(&mut credential.info, patch.info);
        credential.values.merge(patch.values);
        (credential.updated_at, credential.updated_by) = (actor.at, Some(actor.id.clone()));
        let (info, sealed) = (to_json(&credential.info)?, seal(self.vault, &credential)?);
        on!(&mut tx, |tx| {
            sqlx::query(UPDATE)
                .bind(name)
                .bind(&credential.display_name)
                .bind(&info)
                .bind(&sealed)
                .bind(credential.updated_at.micros())
                .bind(&credential.updated_by)
                .execute(&mut **tx)
                .await?;
        });
        tx.audit_credential("updated", Some(&before), Some(&credential), name, actor).await?;
        tx.commit().await?;
        Ok(Some(credential))
    }

    /// Deletes a credential that no model uses; one whose secrets cannot be read too.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete(&self, name: &str, actor: &Actor) -> Result<Deletion, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.record_change(Subject::Credential(name), "deleted", actor).await?;
        let user = on!(&mut tx, |tx| {
            sqlx::query_scalar::<_, String>(USER_OF).bind(name).fetch_optional(&mut **tx).await
        })?;
        if let Some(model) = user {
            return Ok(Deletion::UsedBy(model));
        }
        let Some(row) = tx.credential(name).await? else { return Ok(Deletion::Missing) };
        on!(&mut tx, |tx| sqlx::query(DELETE).bind(name).execute(&mut **tx).await.map(|_| ()))?;
        tx.audit_credential("deleted", row.read(self.vault).ok().as_ref(), None, name, actor).await?;
        tx.commit().await?;
        Ok(Deletion::Done)
    }
}

/// What a sealed text of a credential belongs to.
pub(crate) fn place(name: &str) -> String {
    format!("credentials/{name}")
}

fn seal(vault: &Vault, credential: &Credential) -> Result<String, StoreError> {
    let sealed = vault.seal(&to_json(&credential.values)?, &place(&credential.name));
    sealed.map_err(|why| StoreError::Sealed { what: place(&credential.name), why })
}

impl Row {
    fn read(self, vault: &Vault) -> Result<Credential, StoreError> {
        let place = place(&self.name);
        let values = vault.open(&self.sealed, &place);
        let values = values.map_err(|why| StoreError::Sealed { what: place, why })?;
        Ok(Credential {
            values: from_json("credentials.sealed", &values)?,
            name: self.name,
            id: self.id,
            display_name: self.display_name,
            info: from_json("credentials.info", &self.info)?,
            created_at: Timestamp(self.created_at),
            created_by: self.created_by,
            updated_at: Timestamp(self.updated_at),
            updated_by: self.updated_by,
        })
    }
}

impl<T> Shelf<T> {
    pub(crate) fn read<R>(rows: Vec<R>, read: impl Fn(R) -> (String, Result<T, StoreError>)) -> Self {
        let mut shelf = Self { rows: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
        for row in rows {
            match read(row) {
                (_, Ok(row)) => shelf.rows.push(row),
                (id, Err(why)) => shelf.unreadable.push((id, why)),
            }
        }
        shelf
    }
}

impl Tx {
    async fn credential(&mut self, name: &str) -> Result<Option<Row>, StoreError> {
        Ok(on!(self, |tx| sqlx::query_as::<_, Row>(GET).bind(name).fetch_optional(&mut **tx).await)?)
    }

    async fn audit_credential(
        &mut self,
        action: &'static str,
        before: Option<&Credential>,
        after: Option<&Credential>,
        name: &str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let object = Object { table: TABLE, id: name.to_owned(), team_id: None, key_hash: None };
        let change = Change { action, object, before: before.map(facts), after: after.map(facts) };
        self.audit(change, actor).await
    }
}

/// A credential with the names of the compatible surface; the log masks its values.
fn facts(credential: &Credential) -> Value {
    json!({
        "credential_name": credential.name, "display_name": credential.display_name,
        "credential_info": credential.info, "credential_values": credential.values.shown(),
    })
}
