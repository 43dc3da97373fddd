//! Dashboard sign-ins. A token is stored as its SHA-256 only.

use kit::{KeyHash, Timestamp};

use crate::StoreError;
use crate::db::{Db, on};
use crate::sql::statements;

/// Sign-ins kept at once; beyond it the ones that end soonest go.
pub const SESSIONS_MAX: i64 = 10_000;

statements! {
    INSERT = "INSERT INTO sessions (token_hash, user_id, role, created_at, expires_at)
              VALUES ($1, $2, $3, $4, $5)";
    GET = "SELECT token_hash, user_id, role, created_at, expires_at FROM sessions
           WHERE token_hash = $1 AND expires_at > $2";
    DELETE = "DELETE FROM sessions WHERE token_hash = $1";
    DELETE_OF = "DELETE FROM sessions WHERE user_id = $1";
    PRUNE_EXPIRED = "DELETE FROM sessions WHERE expires_at <= $1";
    PRUNE_EXCESS = "DELETE FROM sessions WHERE token_hash IN
                    (SELECT token_hash FROM sessions ORDER BY expires_at DESC, token_hash
                     LIMIT 1000000 OFFSET $1)";
}

/// One signed-in browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's token.
    pub token: KeyHash,
    pub user_id: String,
    pub role: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    token_hash: String,
    user_id: String,
    role: String,
    created_at: i64,
    expires_at: i64,
}

pub struct Sessions<'a> {
    pub(crate) db: &'a Db,
}

impl Sessions<'_> {
    /// # Errors
    /// When the database fails.
    pub async fn create(&self, session: &Session) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, |tx| {
            sqlx::query(PRUNE_EXPIRED).bind(session.created_at.micros()).execute(&mut **tx).await?;
            sqlx::query(PRUNE_EXCESS).bind(SESSIONS_MAX - 1).execute(&mut **tx).await?;
            sqlx::query(INSERT)
                .bind(session.token.to_hex())
                .bind(&session.user_id)
                .bind(&session.role)
                .bind(session.created_at.micros())
                .bind(session.expires_at.micros())
                .execute(&mut **tx)
                .await?;
        });
        tx.commit().await
    }

    /// The session of a token, unless it has ended at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, token: KeyHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let row = on!(self.db.fresh(), |pool| {
            sqlx::query_as::<_, Row>(GET).bind(token.to_hex()).bind(now.micros()).fetch_optional(pool).await
        })?;
        row.map(Session::try_from).transpose()
    }

    /// Ends a session; ending one that is not there is fine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke(&self, token: KeyHash) -> Result<(), StoreError> {
        on!(self.db.writer(), |pool| {
            sqlx::query(DELETE).bind(token.to_hex()).execute(pool).await.map(|_| ())
        })?;
        Ok(())
    }

    /// Ends all sessions of a user; returns how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_all(&self, user: &str) -> Result<u64, StoreError> {
        Ok(on!(self.db.writer(), |pool| {
            sqlx::query(DELETE_OF).bind(user).execute(pool).await?.rows_affected()
        }))
    }
}

impl TryFrom<Row> for Session {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            token: row
                .token_hash
                .parse()
                .map_err(|error| StoreError::corrupt("sessions.token_hash", error))?,
            user_id: row.user_id,
            role: row.role,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
        })
    }
}
