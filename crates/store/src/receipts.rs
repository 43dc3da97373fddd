//! Answers of creations to which the client gave a name, so that a repeat gets the same one. What was made and the
//! answer are committed together: there is never one without the other.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kit::Timestamp;

use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Db, Tx, on};
use crate::sql::statements;

statements! {
    GET = "SELECT sealed FROM receipts WHERE id = $1 AND at > $2";
    // An old one gives way; another one does not.
    KEEP = "INSERT INTO receipts (id, at, sealed) VALUES ($1, $2, $3)
            ON CONFLICT (id) DO UPDATE SET at = excluded.at, sealed = excluded.sealed
              WHERE receipts.at <= CAST($4 AS BIGINT)";
    PRUNE = "DELETE FROM receipts WHERE id IN
             (SELECT id FROM receipts WHERE at <= $1 ORDER BY at LIMIT CAST($2 AS BIGINT))";
}

/// Holds back the commit of one creation until its answer is known: given to it with its [`Actor`]. Dropped, it undoes
/// what was made.
#[derive(Clone, Default)]
pub struct Receipt(Arc<Mutex<Option<Tx>>>);

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

impl Receipt {
    fn hold(&self, tx: Tx) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tx);
    }

    fn take(&self) -> Option<Tx> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether something was made that waits for its answer.
    pub fn is_held(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Tx {
    /// Commits, unless the actor's receipt holds that back.
    pub(crate) async fn finish(self, actor: &Actor) -> Result<(), StoreError> {
        match &actor.receipt {
            Some(receipt) => {
                receipt.hold(self);
                Ok(())
            }
            None => self.commit().await,
        }
    }
}

pub struct Receipts<'a> {
    pub(crate) db: &'a Db,
}

impl Receipts<'_> {
    /// The sealed answer of this id, when it is younger than `since`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: &str, since: Timestamp) -> Result<Option<String>, StoreError> {
        Ok(on!(self.db.fresh(), |pool| {
            let query = sqlx::query_scalar::<_, String>(GET).bind(id).bind(since.micros());
            query.fetch_optional(pool).await?
        }))
    }

    /// Lets a receipt hold nothing but the answer that is to come, where what was done is committed already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold(&self, receipt: &Receipt) -> Result<(), StoreError> {
        receipt.hold(self.db.begin().await?);
        Ok(())
    }

    /// Commits what a receipt holds, with its sealed answer. Returns whether it did: when the id has an answer younger
    /// than `since` already, what was made is undone.
    ///
    /// # Errors
    /// When the database fails; then nothing was made.
    pub async fn commit(
        &self,
        receipt: &Receipt,
        (id, sealed): (&str, &str),
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(mut tx) = receipt.take() else { return Ok(false) };
        let kept = on!(&mut tx, |tx| {
            let query = sqlx::query(KEEP).bind(id).bind(at.micros()).bind(sealed).bind(since.micros());
            query.execute(&mut **tx).await?.rows_affected() > 0
        });
        if kept {
            tx.commit().await?;
        }
        Ok(kept)
    }

    /// Forgets answers that are not younger than `before`, at most `limit` of them; returns how many went.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(on!(self.db.writer(), |pool| {
            let query = sqlx::query(PRUNE).bind(before.micros()).bind(i64::from(limit));
            query.execute(pool).await?.rows_affected()
        }))
    }
}
