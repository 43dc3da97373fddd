//! Moves what is sealed from an older key to the one that seals now.

use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx, on};
use crate::sql::statements;
use crate::vault::{Vault, VaultError};
use crate::{StoreError, credentials, models};

/// Rows that one transaction moves.
pub const RESEALED_AT_ONCE_MAX: i64 = 100;

statements! {
    CREDENTIALS = "SELECT name, sealed FROM credentials WHERE name > $1 ORDER BY name LIMIT CAST($2 AS BIGINT)";
    SET_CREDENTIAL = "UPDATE credentials SET sealed = $2 WHERE name = $1";
    MODELS = "SELECT id, sealed FROM models WHERE id > $1 ORDER BY id LIMIT CAST($2 AS BIGINT)";
    SET_MODEL = "UPDATE models SET sealed = $2 WHERE id = $1";
}

/// What holds sealed text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    Credentials,
    Models,
}

/// What one transaction came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    pub moved: u64,
    /// Sealed with the present key already.
    pub current: u64,
    /// By id or name: sealed with a key that is not known, or damaged. They are left as they are.
    pub unreadable: Vec<(String, VaultError)>,
    /// Where to go on; `None` when there are no more.
    pub next: Option<String>,
}

pub struct Resealing<'a> {
    pub(crate) db: &'a Db,
    pub(crate) vault: &'a Vault,
}

impl Resealing<'_> {
    /// Moves the next rows after `after`, [`RESEALED_AT_ONCE_MAX`] at most. What it does can be done again: a run
    /// that broke off begins anew and passes over what was moved. It notes no change of policy, since nothing
    /// that a gateway decides by is another.
    ///
    /// # Errors
    /// When the database fails; then none of these rows is moved.
    pub async fn next(&self, sealed: Sealed, after: &str, actor: &Actor) -> Result<Resealed, StoreError> {
        let mut tx = self.db.begin().await?;
        // Whoever changes these rows takes this lock first, so that what is read is what gets moved.
        tx.hold_policy().await?;
        let rows = on!(&mut tx, |tx| {
            let query = sqlx::query_as::<_, (String, String)>(sealed.list());
            query.bind(after).bind(RESEALED_AT_ONCE_MAX).fetch_all(&mut **tx).await?
        });
        let (done, moved) = self.sorted(sealed, rows);
        tx.reseal(sealed, moved, actor).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// What [`next`](Self::next) would come to: `moved` is what would be moved, and nothing is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look(&self, sealed: Sealed, after: &str) -> Result<Resealed, StoreError> {
        let rows = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_as::<_, (String, String)>(sealed.list());
            query.bind(after).bind(RESEALED_AT_ONCE_MAX).fetch_all(pool).await?
        });
        Ok(self.sorted(sealed, rows).0)
    }

    /// What becomes of each row, and the text of those that move.
    fn sorted(&self, sealed: Sealed, rows: Vec<(String, String)>) -> (Resealed, Vec<(String, String)>) {
        let full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= RESEALED_AT_ONCE_MAX);
        let next = rows.last().map(|(id, _)| id.clone()).filter(|_| full);
        let mut done = Resealed { next, ..Resealed::default() };
        let mut moved = Vec::new();
        for (id, text) in rows {
            if self.vault.is_current(&text) {
                done.current += 1;
                continue;
            }
            let place = sealed.place(&id);
            match self.vault.open(&text, &place).and_then(|plain| self.vault.seal(&plain, &place)) {
                Ok(text) => moved.push((id, text)),
                Err(why) => done.unreadable.push((id, why)),
            }
        }
        done.moved = moved.len() as u64;
        (done, moved)
    }
}

impl Tx {
    async fn reseal(
        &mut self,
        sealed: Sealed,
        rows: Vec<(String, String)>,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        for (id, text) in &rows {
            on!(self, |tx| {
                sqlx::query(sealed.update()).bind(id).bind(text).execute(&mut **tx).await.map(|_| ())
            })?;
        }
        for (id, _) in rows {
            let object = Object { table: sealed.table(), id, team_id: None, key_hash: None };
            self.audit(Change { action: "rotated", object, before: None, after: None }, actor).await?;
        }
        Ok(())
    }
}

impl Sealed {
    const fn list(self) -> &'static str {
        match self {
            Self::Credentials => CREDENTIALS,
            Self::Models => MODELS,
        }
    }

    const fn update(self) -> &'static str {
        match self {
            Self::Credentials => SET_CREDENTIAL,
            Self::Models => SET_MODEL,
        }
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Credentials => credentials::TABLE,
            Self::Models => models::TABLE,
        }
    }

    fn place(self, id: &str) -> String {
        match self {
            Self::Credentials => credentials::place(id),
            Self::Models => models::place(id),
        }
    }
}
