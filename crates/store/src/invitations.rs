//! Invitations: links, good once and for a time, with which users set their own passwords.

use kit::{KeyHash, Timestamp};
use serde::Serialize;

use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx, on};
use crate::sql::statements;

statements! {
    GET = "SELECT id_hash, user_id, accepted_at, expires_at, created_at, created_by, updated_at, updated_by
           FROM invitations WHERE id_hash = $1";
    INSERT = "INSERT INTO invitations (id_hash, user_id, expires_at, created_at, created_by, updated_at, updated_by)
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FORGET_OF = "DELETE FROM invitations WHERE user_id = $1";
    DELETE = "DELETE FROM invitations WHERE id_hash = $1";
    OPEN = "UPDATE invitations SET token_hash = $2, token_expires_at = $3
            WHERE id_hash = $1 AND accepted_at IS NULL AND expires_at > $4";
    // Whoever is first has it: the row is asked again in the statement that takes it.
    ACCEPT = "UPDATE invitations SET accepted_at = $2, updated_at = $2, updated_by = $3, token_hash = NULL
              WHERE id_hash = $1 AND accepted_at IS NULL";
    CLAIM = "UPDATE invitations SET accepted_at = $2, updated_at = $2, updated_by = $3, token_hash = NULL
             WHERE id_hash = $1 AND accepted_at IS NULL AND expires_at > $2 AND user_id = $3 AND token_hash = $4
               AND token_expires_at > $2";
}

/// Its name on the compatible surface.
const TABLE: &str = "LiteLLM_InvitationLink";

/// A link's row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Invitation {
    /// SHA-256 of what the link carries.
    pub id: KeyHash,
    pub user_id: String,
    pub accepted_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub created_at: Timestamp,
    pub created_by: String,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id_hash: String,
    user_id: String,
    accepted_at: Option<i64>,
    expires_at: i64,
    created_at: i64,
    created_by: String,
    updated_at: i64,
    updated_by: String,
}

pub struct Invitations<'a> {
    pub(crate) db: &'a Db,
}

impl Invitations<'_> {
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: KeyHash) -> Result<Option<Invitation>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, Row>(GET).bind(id.to_hex()).fetch_optional(pool).await
        })?;
        row.map(Invitation::try_from).transpose()
    }

    /// Adds one; the user's earlier one ends.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when there is no such user.
    pub async fn create(&self, invitation: &Invitation, actor: &Actor) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.add_invitation(invitation).await?;
        tx.audit(change("created", None, Some(invitation))?, actor).await?;
        tx.finish(actor).await
    }

    /// Uses one up; returns it as it is then. `None` when it is not there, or was used already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accept(&self, id: KeyHash, actor: &Actor) -> Result<Option<Invitation>, StoreError> {
        let mut tx = self.db.begin().await?;
        let Some(before) = tx.invitation(id).await? else { return Ok(None) };
        let taken = on!(&mut tx, |tx| {
            let query = sqlx::query(ACCEPT).bind(id.to_hex()).bind(actor.at.micros()).bind(&actor.id);
            query.execute(&mut **tx).await?.rows_affected()
        });
        if taken == 0 {
            return Ok(None);
        }
        let after = before.accepted(actor);
        tx.audit(change("updated", Some(&before), Some(&after))?, actor).await?;
        tx.commit().await?;
        Ok(Some(after))
    }

    /// # Errors
    /// When the database fails.
    pub async fn delete(&self, id: KeyHash, actor: &Actor) -> Result<Option<Invitation>, StoreError> {
        let mut tx = self.db.begin().await?;
        let Some(invitation) = tx.invitation(id).await? else { return Ok(None) };
        on!(&mut tx, |tx| {
            sqlx::query(DELETE).bind(id.to_hex()).execute(&mut **tx).await?;
        });
        tx.audit(change("deleted", Some(&invitation), None)?, actor).await?;
        tx.commit().await?;
        Ok(Some(invitation))
    }

    /// Lets whoever has `token` claim it until `until`. Whoever had one before cannot any more. Returns whether it is
    /// there to be claimed at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        &self,
        id: KeyHash,
        token: KeyHash,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let opened = on!(self.db.writer(), |pool| {
            let query = sqlx::query(OPEN).bind(id.to_hex()).bind(token.to_hex());
            query.bind(until.micros()).bind(now.micros()).execute(pool).await?.rows_affected()
        });
        Ok(opened > 0)
    }

    /// Sets the password of the user who `actor` is, and ends their sessions. Returns false, and does nothing, when the
    /// invitation is not theirs, was used, is over, or `token` is another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim(
        &self,
        id: KeyHash,
        token: KeyHash,
        password_hash: &str,
        actor: &Actor,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let claimed = on!(&mut tx, |tx| {
            let query = sqlx::query(CLAIM).bind(id.to_hex()).bind(actor.at.micros()).bind(&actor.id);
            query.bind(token.to_hex()).execute(&mut **tx).await?.rows_affected()
        });
        let user = tx.find_user(Some(&actor.id), None).await?;
        let (Some(user), Some(after)) = (user, tx.invitation(id).await?) else { return Ok(false) };
        if claimed == 0 {
            return Ok(false);
        }
        tx.set_password(&user.id, password_hash, None).await?;
        let before = Invitation { accepted_at: None, ..after.clone() };
        tx.audit(change("updated", Some(&before), Some(&after))?, actor).await?;
        tx.audit(crate::users::change("updated", Some(&user), Some(&user), true)?, actor).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Invitation {
    fn accepted(&self, actor: &Actor) -> Self {
        let (at, by) = (actor.at, actor.id.clone());
        Self { accepted_at: Some(at), updated_at: at, updated_by: by, ..self.clone() }
    }
}

pub(crate) fn change(
    action: &'static str,
    before: Option<&Invitation>,
    after: Option<&Invitation>,
) -> Result<Change, StoreError> {
    let id = after.or(before).map(|invitation| invitation.id.to_hex()).unwrap_or_default();
    let facts = |invitation: &Invitation| {
        serde_json::to_value(invitation).map_err(|error| StoreError::Other(error.to_string()))
    };
    let (before, after) = (before.map(facts).transpose()?, after.map(facts).transpose()?);
    Ok(Change { action, object: Object { table: TABLE, id, team_id: None, key_hash: None }, before, after })
}

impl Tx {
    async fn invitation(&mut self, id: KeyHash) -> Result<Option<Invitation>, StoreError> {
        let row = on!(self, |tx| {
            sqlx::query_as::<_, Row>(GET).bind(id.to_hex()).fetch_optional(&mut **tx).await?
        });
        row.map(Invitation::try_from).transpose()
    }

    /// Adds one, in place of the user's earlier one; the entry in the audit log is left to the caller.
    pub(crate) async fn add_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(FORGET_OF).bind(&invitation.user_id).execute(&mut **tx).await?;
            sqlx::query(INSERT)
                .bind(invitation.id.to_hex())
                .bind(&invitation.user_id)
                .bind(invitation.expires_at.micros())
                .bind(invitation.created_at.micros())
                .bind(&invitation.created_by)
                .bind(invitation.updated_at.micros())
                .bind(&invitation.updated_by)
                .execute(&mut **tx)
                .await?;
        });
        Ok(())
    }

    /// Of a user who is deleted.
    pub(crate) async fn forget_invitation(&mut self, user: &str) -> Result<(), StoreError> {
        on!(self, |tx| {
            sqlx::query(FORGET_OF).bind(user).execute(&mut **tx).await?;
        });
        Ok(())
    }
}

impl TryFrom<Row> for Invitation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id_hash.parse().map_err(|error| StoreError::corrupt("invitations.id_hash", error))?,
            user_id: row.user_id,
            accepted_at: row.accepted_at.map(Timestamp),
            expires_at: Timestamp(row.expires_at),
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            updated_at: Timestamp(row.updated_at),
            updated_by: row.updated_by,
        })
    }
}
