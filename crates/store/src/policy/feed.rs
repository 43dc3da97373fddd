//! The feed of changes: each is noted in the transaction that makes it, and told in the order of their numbers.

use std::collections::{BTreeSet, HashMap};

use domain::{AccountId, AccountKind};
use kit::{KeyHash, Timestamp};
use sqlx::FromRow;

use super::keys::{key_windows, known_hash, policy_columns, stored};
use super::{Policy, Stored, StoredAccount, Subject, wake};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Tx, on};
use crate::sql::statements;

statements! {
    HEAD = "SELECT seq FROM policy_clock";
    // The row's lock is held to commit: a lower number can never appear after a higher one was seen.
    TICK = "UPDATE policy_clock SET seq = seq + 1 WHERE id = 1 RETURNING seq";
    HOLD = "UPDATE policy_clock SET seq = seq WHERE id = 1";
    RECORD = "INSERT INTO policy_changes (seq, at, kind, within, key_hash, action, actor)
              VALUES ($1, $2, $3, $4, $5, $6, $7)";
    // One statement, so the numbers and the rows are of one moment. Accounts are read after it: what they are is
    // then as new as their change or newer, and what is newer has a change to come.
    CHANGES = concat!("SELECT p.seq AS head, p.pruned_seq AS pruned, c.seq AS change_seq,
                       c.kind AS change_kind, c.within AS change_within, c.key_hash AS change_id, ", policy_columns!(),
                      " FROM policy_clock p
                        LEFT JOIN (SELECT * FROM policy_changes WHERE seq > CAST($1 AS BIGINT)
                                   ORDER BY seq LIMIT CAST($2 AS BIGINT)) c ON 1 = 1
                        LEFT JOIN keys k ON c.kind = 'key' AND k.hash = c.key_hash",
                      key_windows!(), "ORDER BY c.seq");
    // Of the oldest changes, the newest that may go: too old, or too far behind the newest.
    PRUNABLE = "SELECT MAX(c.seq) FROM
                  (SELECT seq, at FROM policy_changes ORDER BY seq LIMIT CAST($1 AS BIGINT)) c, policy_clock p
                WHERE c.at < CAST($2 AS BIGINT) OR c.seq <= p.seq - CAST($3 AS BIGINT)";
    // Takes the lock of all who write policy, so that two processes that prune come one after the other.
    SET_PRUNED = "UPDATE policy_clock SET pruned_seq = $1 WHERE id = 1 AND pruned_seq < $1";
    PRUNE = "DELETE FROM policy_changes WHERE seq <= $1";
}

/// Most changes that one transaction removes.
const PRUNED_AT_ONCE_MAX: i64 = 1_000;

/// Part of the tail of changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The number of the newest change there is. Below the number asked with: the database was replaced
    /// or restored, and only a snapshot helps.
    pub head: i64,
    /// Changes up to this number are no longer kept: who has not seen them needs a snapshot.
    pub pruned: i64,
    /// What to ask with next; below `head` when there are more.
    pub next: i64,
    /// Each key that changed, once, as it is now.
    pub keys: Vec<(KeyHash, Stored)>,
    /// Each account that changed, once, as it is now.
    pub accounts: Vec<StoredAccount>,
    /// Whether models or credentials are among what changed: who needs them reads all of them again.
    pub models: bool,
}

/// What stands beside a key in the tail.
#[derive(sqlx::FromRow)]
struct ChangeRow {
    head: i64,
    pruned: i64,
    change_seq: Option<i64>,
    change_kind: Option<String>,
    change_within: Option<String>,
    change_id: Option<String>,
}

impl Policy<'_> {
    /// The number of the newest change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head(&self) -> Result<i64, StoreError> {
        Ok(on!(self.db.fresh(), |pool| sqlx::query_scalar::<_, i64>(HEAD).fetch_one(pool).await)?)
    }

    /// What changed after `seq`, at most `limit` changes of it.
    ///
    /// # Errors
    /// When the database fails. A row that cannot be read is told as such and stops nobody.
    pub async fn changes_since(&self, seq: i64, limit: u32) -> Result<Changes, StoreError> {
        let mut changes = Changes { head: seq, pruned: 0, next: seq, ..Changes::default() };
        let (mut keys, mut accounts) = (HashMap::<_, (i64, Stored)>::new(), BTreeSet::new());
        on!(self.db.fresh(), |pool| {
            let query = sqlx::query(CHANGES).bind(seq).bind(i64::from(limit.max(1)));
            for row in &query.fetch_all(pool).await? {
                let change = ChangeRow::from_row(row)?;
                (changes.head, changes.pruned) = (change.head, change.pruned);
                changes.next = changes.next.max(change.change_seq.unwrap_or(seq));
                let number = change.change_seq.unwrap_or(seq);
                match change.changed() {
                    Some(Changed::Key(hash)) => {
                        let stored = stored(row).map_or(Stored::Gone, |(_, stored)| stored);
                        match keys.get_mut(&hash) {
                            Some((seen, before)) if *seen == number => before.add_windows(&stored),
                            _ => drop(keys.insert(hash, (number, stored))),
                        }
                    }
                    Some(Changed::Account(account)) => {
                        accounts.insert(account);
                    }
                    Some(Changed::Models) => changes.models = true,
                    None => {}
                }
            }
        });
        changes.keys = keys.into_iter().map(|(hash, (_, stored))| (hash, stored)).collect();
        for account in accounts {
            changes.accounts.push(self.account(account).await?);
        }
        Ok(changes)
    }

    /// Removes the oldest changes, a bounded number of them: those noted before `before`, and all but the
    /// newest `kept_max`. Returns whether there may be more to remove.
    ///
    /// # Errors
    /// When the database fails; then nothing is removed.
    pub async fn prune(&self, before: Timestamp, kept_max: u32) -> Result<bool, StoreError> {
        let prunable = on!(self.db.fresh(), |pool| {
            let query = sqlx::query_scalar::<_, Option<i64>>(PRUNABLE).bind(PRUNED_AT_ONCE_MAX);
            query.bind(before.micros()).bind(i64::from(kept_max)).fetch_one(pool).await?
        });
        let Some(seq) = prunable else { return Ok(false) };
        let mut tx = self.db.begin().await?;
        let removed = on!(&mut tx, |tx| {
            sqlx::query(SET_PRUNED).bind(seq).execute(&mut **tx).await?;
            sqlx::query(PRUNE).bind(seq).execute(&mut **tx).await?.rows_affected()
        });
        tx.commit().await?;
        Ok(removed > 0)
    }
}

/// What changed, as far as it is known here.
enum Changed {
    Key(KeyHash),
    Account(AccountId),
    Models,
}

impl ChangeRow {
    /// `None` for what gateways do not decide by, and for kinds of a later version.
    fn changed(self) -> Option<Changed> {
        let (kind, id) = (self.change_kind?, self.change_id?);
        if kind == "key" {
            return known_hash(&id).map(Changed::Key);
        }
        if kind == "model" || kind == "credential" {
            return Some(Changed::Models);
        }
        let within = self.change_within.unwrap_or_default().into();
        Some(Changed::Account(AccountId { kind: AccountKind::parse(&kind)?, within, id: id.into() }))
    }
}

impl Tx {
    /// Holds off all other writes that gateways must know of, to the end of the transaction.
    pub(crate) async fn hold_policy(&mut self) -> Result<(), StoreError> {
        on!(self, |tx| sqlx::query(HOLD).execute(&mut **tx).await.map(|_| ()))?;
        Ok(())
    }

    /// Takes the next number and notes the change; in the same transaction as the change itself.
    pub(crate) async fn record_change(
        &mut self,
        subject: impl Into<Subject<'_>>,
        action: &'static str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let (kind, within, id) = subject.into().row();
        on!(self, |tx| {
            let seq = sqlx::query_scalar::<_, i64>(TICK).fetch_one(&mut **tx).await?;
            sqlx::query(RECORD)
                .bind(seq)
                .bind(actor.at.micros())
                .bind(kind)
                .bind(&within)
                .bind(&id)
                .bind(action)
                .bind(&actor.id)
                .execute(&mut **tx)
                .await?;
        });
        if let Self::Postgres(tx) = self {
            sqlx::query(wake::NOTIFY).execute(&mut **tx).await?;
        }
        Ok(())
    }
}
